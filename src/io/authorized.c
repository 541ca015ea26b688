// SPDX-License-Identifier: Apache-2.0
// Keys that may come in, and public keys as they are written down.
//
// The idea: a key is its fingerprint. A line binds that to a name and a role; nothing comes from the key's comment or from
// what the client says of itself. An option that is not known could be a restriction that is meant to hold, so its line lets
// nobody in. Key blobs are RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4; lines are as in sshd(8).
// It does not read files, and knows no certificates and no hardware keys.
#include "io/authorized.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOB_MOST 4096u
#define HINT_LINE "write role=ROLE,name=NAME TYPE KEY COMMENT"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@"

// --- public keys ---

struct blob {
	const unsigned char *at;
	size_t len;
};

static const struct kind {
	const char *name, *curve;
	size_t point; // bytes of it
} kinds[] = {
	{.name = "ssh-ed25519"},
	{"ecdsa-sha2-nistp256", "nistp256", 65},
	{"ecdsa-sha2-nistp384", "nistp384", 97},
	{"ecdsa-sha2-nistp521", "nistp521", 133},
	{.name = "ssh-rsa"},
};

static const struct kind *find_kind(const char *type)
{
	for (size_t i = 0; i < array_len(kinds); i++)
		if (strcmp(kinds[i].name, type) == 0)
			return &kinds[i];
	return NULL;
}

bool io_ssh_public_type(const char *type)
{
	return find_kind(type) != NULL;
}

// Takes a string off the front of the blob. False: it is cut off.
static bool take(struct blob *blob, struct blob *out)
{
	if (blob->len < 4)
		return false;
	size_t n = (size_t)blob->at[0] << 24 | (size_t)blob->at[1] << 16 |
		   (size_t)blob->at[2] << 8 | blob->at[3];
	if (n > blob->len - 4)
		return false;
	*out = (struct blob){blob->at + 4, n};
	*blob = (struct blob){blob->at + 4 + n, blob->len - 4 - n};
	return true;
}

static bool is_text(const struct blob *blob, const char *text)
{
	return blob->len == strlen(text) && memcmp(blob->at, text, blob->len) == 0;
}

static size_t bits_of(struct blob number)
{
	while (number.len && !*number.at)
		number = (struct blob){number.at + 1, number.len - 1};
	if (!number.len)
		return 0;
	size_t bits = number.len * 8;
	for (unsigned char top = *number.at; !(top & 0x80); top = (unsigned char)(top << 1))
		bits--;
	return bits;
}

// What is wrong behind the type; NULL: nothing.
static const char *judge(const struct kind *kind, struct blob rest)
{
	static const char malformed[] = "is malformed";
	struct blob part, number;
	if (!take(&rest, &part))
		return malformed;
	if (kind->curve) {
		if (!is_text(&part, kind->curve) || !take(&rest, &part) ||
		    part.len != kind->point || *part.at != 4)
			return malformed;
	} else if (strcmp(kind->name, "ssh-rsa") == 0) {
		if (!take(&rest, &number))
			return malformed;
		if (bits_of(number) < IO_SSH_RSA_LEAST)
			return "is an RSA key of less than 3072 bits";
	} else if (part.len != 32) {
		return malformed;
	}
	return rest.len ? malformed : NULL;
}

static size_t decode(const char *base64, unsigned char out[static BLOB_MOST])
{
	size_t len = strlen(base64), pad = 0;
	if (!len || len % 4 || len / 4 * 3 > BLOB_MOST)
		return 0;
	while (pad < 2 && base64[len - 1 - pad] == '=')
		pad++;
	int n = EVP_DecodeBlock(out, (const unsigned char *)base64, (int)len);
	return n < 0 ? 0 : (size_t)n - pad;
}

static void fingerprint(const struct blob *blob, char out[static IO_SSH_FINGERPRINT])
{
	unsigned char digest[EVP_MAX_MD_SIZE], text[4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1];
	unsigned len = 0;
	int ok = EVP_Digest(blob->at, blob->len, digest, &len, EVP_sha256(), NULL);
	assert(ok);
	EVP_EncodeBlock(text, digest, (int)len);
	snprintf(out, IO_SSH_FINGERPRINT, "SHA256:%.43s", (const char *)text);
}

bool io_ssh_public_read(const char *type, const char *base64, const char **fault_out,
			char out[static IO_SSH_FINGERPRINT])
{
	unsigned char bytes[BLOB_MOST];
	const struct kind *kind = find_kind(type);
	struct blob blob = {bytes, decode(base64, bytes)}, rest = blob, part;
	const char *fault = NULL;
	if (!kind)
		fault = "is of a type that is not accepted";
	else if (!take(&rest, &part) || !is_text(&part, type))
		fault = "is malformed";
	else
		fault = judge(kind, rest);
	if (fault) {
		*fault_out = fault;
		return false;
	}
	fingerprint(&blob, out);
	return true;
}

// --- lines ---

struct line {
	const struct io_authorized_text *in;
	struct arena *arena;
	struct diags *diags;
	unsigned number;
	char *at;
	const char *role, *name, *tenant;
};

static bool refuse(const struct line *l, const char *hint, const char *fmt, ...) printf_like(3, 4);

static bool refuse(const struct line *l, const char *hint, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct diag about = {
		.code = DIAG_VALUE, .file = l->in->file, .line = l->number, .hint = hint};
	diag_add(l->diags, &about, "this key lets nobody in: %s", text);
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static char *skip_blanks(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

// Cuts the next word off; quotes hold blanks together. "" at the end of the line.
static char *take_word(char **at)
{
	char *word = skip_blanks(*at), *p = word;
	for (bool quoted = false; *p && (quoted || !is_blank(*p)); p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
	}
	*at = *p ? p + 1 : p;
	*p = '\0';
	return word;
}

// The value of an option, quotes taken off in place, up to ',' or the end; `*at` goes behind it. NULL: a quote is open.
static char *take_value(char **at)
{
	char *from = *at, *to = *at, *value = *at;
	bool quoted = false;
	for (; *from && (quoted || *from != ','); from++) {
		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *from == '\\' && from[1] == '"')
			from++;
		*to++ = *from;
	}
	if (quoted)
		return NULL;
	*at = *from ? from + 1 : from;
	*to = '\0';
	return value;
}

// What sshd(8) can forbid and what nobody can do here anyway.
static bool is_in_force(const char *option)
{
	static const char *const all[] = {
		"restrict",   "no-agent-forwarding", "no-pty",           "no-port-forwarding",
		"no-user-rc", "no-x11-forwarding",   "no-X11-forwarding"};
	for (size_t i = 0; i < array_len(all); i++)
		if (strcmp(all[i], option) == 0)
			return true;
	return false;
}

static bool is_role(const struct line *l, const char *role)
{
	for (const char *const *at = l->in->roles; at && *at; at++)
		if (strcmp(*at, role) == 0)
			return true;
	return false;
}

static bool set_option(struct line *l, const char *option, const char *value)
{
	const char **place = strcmp(option, "role") == 0                           ? &l->role
			     : strcmp(option, "name") == 0                         ? &l->name
			     : l->in->tenant_role && strcmp(option, "tenant") == 0 ? &l->tenant
										   : NULL;
	if (!place && !value && is_in_force(option))
		return true;
	if (!place)
		return refuse(l, HINT_LINE, "the option '%.40s' is not known here", option);
	if (!value || !*value || *place)
		return refuse(l, HINT_LINE, "'%s' must be given once, with a value", option);
	*place = value;
	return true;
}

static bool read_options(struct line *l, char *at)
{
	while (*at) {
		char *option = at, *value = NULL;
		at += strcspn(at, "=,");
		if (*at == '=') {
			*at++ = '\0';
			value = take_value(&at);
			if (!value)
				return refuse(l, HINT_LINE, "a quote is not closed");
		} else if (*at) {
			*at++ = '\0';
		}
		if (!set_option(l, option, value))
			return false;
	}
	return true;
}

static bool is_name(const struct line *l, const char *name)
{
	size_t len = strlen(name);
	if (len <= IO_SSH_NAME_MOST && strspn(name, NAME_CHARACTERS) == len)
		return true;
	return refuse(l, "use up to 63 letters, digits and '.', '-', '_', '@'",
		      "'%.40s' cannot be a name", name);
}

static bool check_binding(const struct line *l)
{
	if (!l->role || !l->name)
		return refuse(l, HINT_LINE, "it has no %s", l->role ? "name" : "role");
	if (!is_role(l, l->role))
		return refuse(l, "use a role that this program knows",
			      "'%.40s' is not a role that may come in", l->role);
	bool has_tenant = l->in->tenant_role && strcmp(l->role, l->in->tenant_role) == 0;
	if (has_tenant != !!l->tenant)
		return refuse(l, "write role=ROLE,tenant=TENANT,name=NAME for a tenant's user only",
			      "the role '%.40s' %s tenant", l->role,
			      has_tenant ? "needs a" : "has no");
	return is_name(l, l->name) && (!l->tenant || is_name(l, l->tenant));
}

static bool read_key(struct line *l, struct io_authorized_key *out)
{
	const char *fault = NULL, *word = take_word(&l->at);
	if (!io_ssh_public_type(word)) {
		if (!read_options(l, (char *)word))
			return false;
		word = take_word(&l->at);
	}
	if (!check_binding(l))
		return false;
	const char *base64 = take_word(&l->at);
	if (!io_ssh_public_read(word, base64, &fault, out->fingerprint))
		return refuse(l, IO_SSH_KEY_HINT, "the key (%.40s) %s", word, fault);
	out->name = arena_strdup(l->arena, l->name);
	out->role = arena_strdup(l->arena, l->role);
	out->tenant = arena_strdup(l->arena, l->tenant);
	return true;
}

static void read_line(struct line *l, struct io_authorized *out)
{
	struct io_authorized_key key;
	l->at = skip_blanks(l->at);
	if (!*l->at || *l->at == '#' || !read_key(l, &key))
		return;
	if (io_authorized_find(out, key.name, key.fingerprint))
		refuse(l, "keep one of the lines", "'%s' has this key already", key.name);
	else
		vec_push(l->arena, &out->key, key);
}

void io_authorized_parse(const struct io_authorized_text *in, struct arena *arena,
			 struct diags *diags, struct io_authorized *out)
{
	char *copy = base_oom(strdup(in->text));
	*out = (struct io_authorized){0};
	unsigned number = 0;
	for (char *at = copy, *next; at; at = next) {
		next = strchr(at, '\n');
		if (next)
			*next++ = '\0';
		struct line line = {
			.in = in, .arena = arena, .diags = diags, .number = ++number, .at = at};
		read_line(&line, out);
	}
	free(copy);
}

const struct io_authorized_key *io_authorized_find(const struct io_authorized *authorized,
						   const char *name, const char *fingerprint)
{
	for (size_t i = 0; i < authorized->key.len; i++) {
		const struct io_authorized_key *key = &authorized->key.at[i];
		if (strcmp(key->name, name) == 0 && strcmp(key->fingerprint, fingerprint) == 0)
			return key;
	}
	return NULL;
}

// --- pins ---

static bool is_fingerprint(const char *text)
{
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	return strncmp(text, "SHA256:", 7) == 0 && strspn(text + 7, base64) == 43 && !text[50];
}

bool io_ssh_pin_parse(const char *text, struct diags *diags, char out[static IO_SSH_FINGERPRINT])
{
	const char *fault = "is neither a fingerprint nor a public key";
	if (is_fingerprint(text)) {
		snprintf(out, IO_SSH_FINGERPRINT, "%s", text);
		return true;
	}
	char *copy = base_oom(strdup(text)), *at = copy;
	const char *type = take_word(&at), *base64 = take_word(&at);
	bool ok = *base64 && io_ssh_public_read(type, base64, &fault, out);
	free(copy);
	if (!ok)
		diag_error(diags, DIAG_VALUE, NULL,
			   "give what ssh-keygen -l prints, SHA256:…, or the line of the .pub file",
			   "'%.60s' %s", text, fault);
	return ok;
}
