// SPDX-License-Identifier: Apache-2.0
// Records in a file, with what is needed to check them. The one idea: lines that grep, sed, base64, sha256sum and openssl
// can take apart; each record stands on one line as the bytes that were signed. The last line counts them, so that a
// file that was cut is known.
// What it does not: judge what is in it.
#include "evidence/evidence.h"

#include "base/buf.h"
#include "base/diag.h"
#include "pki/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST "bulwark evidence bundle "
#define VERSION "1"
#define BEGIN "-----BEGIN CERTIFICATE-----"
enum { PEM_MOST = 65536 };
#define END "-----END CERTIFICATE-----"

bool evidence_bundle_certify(struct evidence_bundle *bundle, const char *pem, struct diags *diags)
{
	struct pki_identity who;
	char key[PKI_DIGEST_TEXT];
	if (!pki_certified_key(pem, diags, key) || !pki_identify(pem, diags, &who))
		return false;
	struct evidence_certificate *made = arena_new(diags->arena, struct evidence_certificate);
	*made = (struct evidence_certificate){.pem = arena_strdup(diags->arena, pem),
					      .key = arena_strdup(diags->arena, key),
					      .not_before = who.not_before,
					      .not_after = who.not_after,
					      .other = map_get(&bundle->by_key, key)};
	bundle->by_key.arena = diags->arena;
	map_put(&bundle->by_key, made->key, made);
	vec_push(diags->arena, &bundle->certificate, made);
	return true;
}

// Only the first of the text: what else it holds is its issuer's.
static void print_certificate(const char *pem, struct buf *out)
{
	const char *begin = strstr(pem, BEGIN), *end = begin ? strstr(begin, END) : NULL;
	if (end)
		buf_printf(out, "%.*s" END "\n", (int)(end - begin), begin);
}

void evidence_bundle_print(const struct evidence_bundle *bundle, const char *note, struct buf *out)
{
	buf_printf(out, FIRST VERSION "\n# %s\n", note);
	for (size_t i = 0; i < bundle->certificate.len; i++)
		print_certificate(bundle->certificate.at[i]->pem, out);
	for (size_t i = 0; i < bundle->item.len; i++)
		buf_printf(out, "record %s\nsignature %s\n", bundle->item.at[i].text,
			   bundle->item.at[i].signature);
	buf_printf(out, "end %zu\n", bundle->item.len);
}

struct reading {
	char *at, *end; // what is left
	unsigned line;  // of the last that was taken
	struct diags *diags;
	struct evidence_bundle *out;
};

static bool fault(const struct reading *r, enum diag_code code, const char *hint, const char *why)
{
	diag_add(r->diags, &(struct diag){.code = code, .line = r->line, .hint = hint}, "%s", why);
	return false;
}

static bool is_cut(const struct reading *r)
{
	return fault(r, DIAG_SYNTAX, "export it again", "the bundle ends too early");
}

// The next line, without its end; NULL: there is no whole one.
static char *take_line(struct reading *r)
{
	char *line = r->at, *end = memchr(line, '\n', (size_t)(r->end - line));
	if (!end)
		return NULL;
	*end = '\0';
	r->at = end + 1;
	r->line++;
	return line;
}

static char *behind(char *line, const char *word)
{
	size_t len = strlen(word);
	return strncmp(line, word, len) == 0 ? line + len : NULL;
}

static bool take_certificate(struct reading *r, const char *pem)
{
	if (r->out->certificate.len == EVIDENCE_CERTIFICATES_MOST)
		return fault(r, DIAG_LIMIT, "export less at a time",
			     "more certificates than a bundle can have");
	if (evidence_bundle_certify(r->out, pem, r->diags))
		return true;
	r->diags->list.at[r->diags->list.len - 1].line = r->line;
	return false;
}

// From its first line, which was taken, to its last.
static bool read_certificate(struct reading *r, const char *first)
{
	cleanup(buf_fini) struct buf pem;
	buf_init(&pem);
	buf_printf(&pem, "%s\n", first);
	for (const char *line; (line = take_line(r));) {
		buf_printf(&pem, "%s\n", line);
		if (pem.len > PEM_MOST)
			break;
		if (strcmp(line, END) == 0)
			return take_certificate(r, pem.data);
	}
	return is_cut(r);
}

static bool read_item(struct reading *r, const char *record)
{
	struct evidence_item item = {.text = record, .line = r->line};
	char *line = take_line(r);
	if (!line)
		return is_cut(r);
	item.signature = behind(line, "signature ");
	if (!item.signature)
		return fault(r, DIAG_SYNTAX, "export it again", "a record without its signature");
	vec_push(r->diags->arena, &r->out->item, item);
	return true;
}

static bool read_end(struct reading *r, const char *count)
{
	char expected[24];
	snprintf(expected, sizeof(expected), "%zu", r->out->item.len);
	if (strcmp(count, expected) != 0)
		return fault(r, DIAG_SYNTAX, "export it again",
			     "the bundle holds another number of records than it says");
	if (r->at != r->end)
		return fault(r, DIAG_SYNTAX, "give one bundle a file",
			     "there is something behind the end of the bundle");
	return true;
}

static bool read_lines(struct reading *r)
{
	for (char *line, *rest; (line = take_line(r));) {
		bool ok = true;
		if ((rest = behind(line, "end ")))
			return read_end(r, rest);
		if ((rest = behind(line, "record ")))
			ok = read_item(r, rest);
		else if (strcmp(line, BEGIN) == 0)
			ok = read_certificate(r, line);
		else if (line[0] != '#')
			ok = fault(r, DIAG_SYNTAX, "export it again", "a line that no bundle has");
		if (!ok)
			return false;
	}
	return is_cut(r);
}

bool evidence_bundle_read(char *text, size_t len, struct diags *diags, struct evidence_bundle *out)
{
	struct reading r = {.at = text, .end = text + len, .diags = diags, .out = out};
	*out = (struct evidence_bundle){.item = {.len = 0}};
	char *first = memchr(text, '\0', len) ? NULL : take_line(&r);
	const char *version = first ? behind(first, FIRST) : NULL;
	if (!version)
		return fault(&r, DIAG_SYNTAX, "give what `bulwark evidence export` wrote",
			     "this is no bundle of evidence");
	if (strcmp(version, VERSION) != 0)
		return fault(&r, DIAG_UNSUPPORTED,
			     "use the bulwark of the version that made it, or a later one",
			     "a bundle of another version than " VERSION);
	return read_lines(&r);
}

const char *evidence_bundle_certificate(const struct evidence_bundle *bundle, const char *key,
					int64_t time)
{
	const struct evidence_certificate *first = map_get(&bundle->by_key, key), *at = first;
	while (at && (time < at->not_before || at->not_after < time))
		at = at->other;
	return at ? at->pem : first ? first->pem : NULL;
}
