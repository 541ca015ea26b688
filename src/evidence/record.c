// SPDX-License-Identifier: Apache-2.0
// A record as the line of JSON that is signed, and back. The one idea: one function for both directions, and what was
// read must print as the same bytes; so there is one form of each record, and a reader accepts no other.
// RFC 8259 (JSON), RFC 3629 (UTF-8).
#include "evidence/evidence.h"

#include "base/buf.h"
#include "base/diag.h"
#include "ir/period.h"
#include "pki/pki.h"

#include <inttypes.h>
#include <string.h>

const char *const evidence_trigger_name[EVIDENCE_TRIGGERS] = {
#define X(id, name, meaning) [id] = name,
#include "evidence/triggers.def"
#undef X
};
const char *const evidence_result_name[EVIDENCE_RESULTS] = {
	[EVIDENCE_EQUAL] = "equal",
	[EVIDENCE_DIFFERENT] = "different",
	[EVIDENCE_UNKNOWN] = "unknown",
};

// Exactly one of `out` (writing) and `at` (reading) is used.
struct coder {
	struct buf *out;
	const char *at, *end;
	struct arena *arena;
	bool bad, inside; // inside: a member stands before
};

// --- characters ---

// U+FDD0 to U+FDEF and the last two of each plane: no characters, and no model lets them in (RFC 7950 section 9.4).
static bool is_nothing(const unsigned char *s, size_t len)
{
	bool ends = s[len - 2] == 0xbf && s[len - 1] >= 0xbe; // …FFFE, …FFFF
	if (len == 3)
		return (s[0] == 0xef && ends) ||
		       (s[0] == 0xef && s[1] == 0xb7 && s[2] >= 0x90 && s[2] <= 0xaf);
	return len == 4 && ends && (s[1] & 0x0f) == 0x0f;
}

// Bytes of the character that begins here (RFC 3629 section 4); 0: it is none.
static size_t utf8(const unsigned char *s, size_t left)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (!len || len > left || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
	bool surrogate = s[0] == 0xed && s[1] > 0x9f, beyond = s[0] == 0xf4 && s[1] > 0x8f;
	bool nothing = len > 2 && is_nothing(s, len);
	return overlong || surrogate || beyond || nothing ? 0 : len;
}

static void put_character(struct buf *out, const unsigned char *s, size_t len)
{
	if (!len)
		buf_addc(out, '?'); // no text of ours, but a kernel may hold anything
	else if (s[0] < 0x20)
		buf_printf(out, "\\u%04x", s[0]);
	else if (s[0] == '"' || s[0] == '\\')
		buf_printf(out, "\\%c", s[0]);
	else
		buf_add(out, s, len);
}

static void put_text(struct buf *out, const char *text)
{
	static const char dots[] = "…";
	size_t len = strlen(text);
	bool cut = len > EVIDENCE_TEXT_MOST;
	size_t most = cut ? EVIDENCE_TEXT_MOST - (sizeof(dots) - 1) : len, taken;
	buf_addc(out, '"');
	for (size_t i = 0; i < most; i += taken ? taken : 1) {
		taken = utf8((const unsigned char *)text + i, len - i);
		if (i + taken > most)
			break;
		put_character(out, (const unsigned char *)text + i, taken);
	}
	buf_adds(out, cut ? "…\"" : "\"");
}

static int hexadecimal(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// One character of a text, behind its backslash.
static char get_escaped(struct coder *c)
{
	if (c->end - c->at >= 1 && (c->at[0] == '"' || c->at[0] == '\\'))
		return *c->at++;
	if (c->end - c->at >= 5 && strncmp(c->at, "u00", 3) == 0) {
		int high = hexadecimal(c->at[3]), low = hexadecimal(c->at[4]);
		c->at += 5;
		if ((high == 0 || high == 1) && low >= 0 && high * 16 + low)
			return (char)(high * 16 + low);
	}
	c->bad = true;
	return ' ';
}

// --- pieces ---

static void code_mark(struct coder *c, const char *mark)
{
	size_t len = strlen(mark);
	if (c->out)
		buf_add(c->out, mark, len);
	else if ((size_t)(c->end - c->at) >= len && memcmp(c->at, mark, len) == 0)
		c->at += len;
	else
		c->bad = true;
}

static void code_string(struct coder *c, const char **text)
{
	if (c->out) {
		put_text(c->out, *text);
		return;
	}
	code_mark(c, "\"");
	cleanup(buf_fini) struct buf got;
	buf_init(&got);
	while (!c->bad && c->at < c->end && *c->at != '"') {
		char one = *c->at++;
		buf_addc(&got, one == '\\' ? get_escaped(c) : one);
	}
	code_mark(c, "\"");
	*text = arena_strndup(c->arena, got.data, got.len);
}

static void code_integer(struct coder *c, int64_t *v)
{
	enum { DIGITS_MOST = 18 }; // no overflow
	if (c->out) {
		buf_printf(c->out, "%" PRId64, *v);
		return;
	}
	bool minus = c->at < c->end && *c->at == '-';
	int digits = 0;
	int64_t value = 0;
	for (c->at += minus; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		if (++digits > DIGITS_MOST) {
			c->bad = true;
			return;
		}
		value = 10 * value + (*c->at - '0');
	}
	c->bad |= !digits;
	*v = minus ? -value : value;
}

// --- members ---

// Whether the member stands here; where `wanted` is false while writing, it does not.
static bool code_member(struct coder *c, const char *name, bool wanted)
{
	cleanup(buf_fini) struct buf key;
	buf_init(&key);
	buf_printf(&key, "%s\"%s\":", c->inside ? "," : "", name);
	bool here = c->out ? wanted
			   : (size_t)(c->end - c->at) >= key.len &&
				     memcmp(c->at, key.data, key.len) == 0;
	if (here) {
		code_mark(c, key.data);
		c->inside = true;
	}
	return here;
}

static void code_needed(struct coder *c, const char *name)
{
	if (!code_member(c, name, true))
		c->bad = true;
}

static void code_text(struct coder *c, const char *name, const char **text)
{
	code_needed(c, name);
	code_string(c, text);
}

static void code_optional(struct coder *c, const char *name, const char **text)
{
	if (code_member(c, name, *text))
		code_string(c, text);
}

static void code_number(struct coder *c, const char *name, int64_t *v)
{
	code_needed(c, name);
	code_integer(c, v);
}

static void code_u32(struct coder *c, const char *name, uint32_t *v)
{
	int64_t wide = *v;
	code_number(c, name, &wide);
	c->bad |= wide < 0 || wide > UINT32_MAX;
	*v = (uint32_t)wide;
}

// One of a list of names.
static unsigned code_name(struct coder *c, const char *name, const char *const *names,
			  unsigned many, unsigned v)
{
	const char *text = c->out ? names[v] : NULL;
	code_text(c, name, &text);
	for (unsigned i = 0; !c->bad && i < many; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	c->bad = true;
	return 0;
}

static void code_time(struct coder *c, const char *name, int64_t *time)
{
	char printed[32];
	const char *text = printed;
	if (c->out)
		ir_time_print(*time, printed);
	code_text(c, name, &text);
	if (!c->out && !c->bad)
		c->bad = !ir_time_parse(text, time);
}

// So many lower-case hexadecimal digits; NULL while writing: absent.
static void code_hex(struct coder *c, const char *name, size_t digits, const char **text)
{
	code_optional(c, name, text);
	if (!c->out && *text)
		c->bad |= strlen(*text) != digits || strspn(*text, "0123456789abcdef") != digits;
}

// --- the record ---

static void code_difference(struct coder *c, struct evidence_difference *d)
{
	c->inside = false;
	code_mark(c, "{");
	code_text(c, "kind", &d->kind);
	code_optional(c, "policy", &d->policy);
	code_optional(c, "rule", &d->rule);
	code_optional(c, "intended", &d->intended);
	code_optional(c, "found", &d->found);
	code_optional(c, "witness", &d->witness);
	code_mark(c, "}");
}

static void code_differences(struct coder *c, struct evidence_record *r)
{
	code_u32(c, "differences", &r->differences);
	code_needed(c, "difference");
	code_mark(c, "[");
	for (size_t i = 0;
	     c->out ? i < r->difference.len : !c->bad && c->at < c->end && *c->at != ']'; i++) {
		if (i)
			code_mark(c, ",");
		if (i == EVIDENCE_DIFFERENCES) {
			c->bad = true;
			return;
		}
		if (!c->out)
			vec_push(c->arena, &r->difference, (struct evidence_difference){0});
		code_difference(c, &r->difference.at[i]);
	}
	code_mark(c, "]");
	c->bad |= r->difference.len > r->differences;
}

static void code_record(struct coder *c, struct evidence_record *r)
{
	int64_t serial = (int64_t)r->serial;
	code_text(c, "nsf", &r->nsf);
	code_hex(c, "chain", EVIDENCE_CHAIN - 1, &r->chain);
	code_number(c, "serial", &serial);
	r->serial = (uint64_t)serial;
	code_hex(c, "previous", EVIDENCE_DIGEST - 1, &r->previous);
	code_hex(c, "key", EVIDENCE_DIGEST - 1, &r->key);
	c->bad |= serial < 1 || !r->chain || !r->previous || !r->key;
	code_time(c, "time", &r->time);
	code_u32(c, "milliseconds", &r->milliseconds);
	r->trigger = code_name(c, "trigger", evidence_trigger_name, EVIDENCE_TRIGGERS, r->trigger);
	code_text(c, "method", &r->method);
	code_text(c, "back-end", &r->back_end);
	code_text(c, "kernel", &r->kernel);
	code_u32(c, "generation", &r->generation);
	code_optional(c, "commit", &r->commit);
	code_u32(c, "rules", &r->rules);
	code_hex(c, "intended-digest", EVIDENCE_DIGEST - 1, &r->intended);
	code_hex(c, "policy-digest", EVIDENCE_DIGEST - 1, &r->policy);
	code_hex(c, "enforced-digest", EVIDENCE_DIGEST - 1, &r->enforced);
	code_number(c, "lowered-at", &r->lowered_at);
	code_number(c, "horizon", &r->horizon);
	r->result = code_name(c, "result", evidence_result_name, EVIDENCE_RESULTS, r->result);
	code_optional(c, "fault", &r->fault);
	code_differences(c, r);
}

#define HEAD "{\"format\":\""

void evidence_print(const struct evidence_record *record, struct buf *out)
{
	struct evidence_record copy = *record; // the coder takes what it may also write
	struct coder c = {.out = out, .inside = true};
	if (copy.difference.len > EVIDENCE_DIFFERENCES)
		copy.difference.len = EVIDENCE_DIFFERENCES;
	code_mark(&c, HEAD EVIDENCE_FORMAT "\"");
	code_record(&c, &copy);
	code_mark(&c, "}");
}

static bool prints_as(const struct evidence_record *record, const char *text, size_t len)
{
	cleanup(buf_fini) struct buf again;
	buf_init(&again);
	evidence_print(record, &again);
	return again.len == len && memcmp(again.data, text, len) == 0;
}

static bool is_other_version(const char *text, size_t len)
{
	static const char head[] = HEAD "bulwark-evidence-", ours[] = HEAD EVIDENCE_FORMAT "\"";
	return len >= sizeof(ours) && memcmp(text, head, sizeof(head) - 1) == 0 &&
	       memcmp(text, ours, sizeof(ours) - 1) != 0;
}

bool evidence_read(const char *text, size_t len, struct diags *diags, struct evidence_record *out)
{
	struct coder c = {.at = text, .end = text + len, .arena = diags->arena, .inside = true};
	struct evidence_record record = {0};
	if (is_other_version(text, len)) {
		diag_error(diags, DIAG_UNSUPPORTED, NULL,
			   "use the bulwark of the version that made it, or a later one",
			   "a record of another version than " EVIDENCE_FORMAT);
		return false;
	}
	code_mark(&c, HEAD EVIDENCE_FORMAT "\"");
	c.bad |= len > EVIDENCE_RECORD_MOST;
	if (!c.bad)
		code_record(&c, &record);
	code_mark(&c, "}");
	if (c.bad || c.at != c.end || !prints_as(&record, text, len)) {
		diag_error(diags, DIAG_SYNTAX, NULL, "get it again from where it was exported",
			   "this is no record of a proof, or it was changed");
		return false;
	}
	*out = record;
	return true;
}

void evidence_digest(const char *text, size_t len, char out[static EVIDENCE_DIGEST])
{
	unsigned char digest[PKI_DIGEST];
	pki_sha256(text, len, digest);
	pki_digest_text(digest, out);
}
