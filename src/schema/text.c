// SPDX-License-Identifier: Apache-2.0
// Characters of XML 1.0 and JSON (RFC 8259), their references and escapes, and the edit distance behind "did you mean".
#include "schema/text.h"
#include "base/buf.h"

#include <string.h>

size_t text_char_len(const unsigned char *p, size_t len)
{
	if (*p < 0x80)
		return *p >= 0x20 || *p == '\t' || *p == '\n' || *p == '\r';
	size_t n = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	if (*p < 0xc2 || *p > 0xf4 || n > len)
		return 0;
	uint32_t c = *p & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	bool good = c >= least[n] && c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000) && c != 0xfffe &&
		    c != 0xffff;
	return good ? n : 0;
}

bool text_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

bool text_is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

bool text_is_name(char c)
{
	return text_is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

// --- XML ---

static unsigned hex_digit(unsigned char d)
{
	if (d >= '0' && d <= '9')
		return d - '0';
	unsigned char lower = d | 32;
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10u : 99;
}

static size_t number_reference(const char *p, size_t len, uint32_t *char_out)
{
	size_t i = 2;
	unsigned base = 10;
	if (len > 3 && p[2] == 'x') {
		base = 16;
		i = 3;
	}
	uint32_t c = 0;
	size_t digits = i;
	for (; i < len && p[i] != ';'; i++) {
		unsigned char d = (unsigned char)p[i];
		unsigned v = hex_digit(d);
		if (v >= base || c > 0x10ffff)
			return 0;
		c = c * base + v;
	}
	bool good = (c >= 0x20 || c == '\t' || c == '\n' || c == '\r') && c <= 0x10ffff &&
		    !(c >= 0xd800 && c < 0xe000) && c != 0xfffe && c != 0xffff;
	if (i == len || i == digits || !good)
		return 0;
	*char_out = c;
	return i + 1;
}

size_t text_reference(const char *p, size_t len, uint32_t *char_out)
{
	static const struct {
		const char *text;
		char c;
	} entities[] = {
		{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
	if (len > 2 && p[1] == '#')
		return number_reference(p, len, char_out);
	for (size_t i = 0; i < array_len(entities); i++) {
		size_t n = strlen(entities[i].text);
		if (n <= len && !memcmp(p, entities[i].text, n)) {
			*char_out = (uint32_t)entities[i].c;
			return n;
		}
	}
	return 0;
}

void text_add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
	} else if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addc(out, (char)(0xe0 | c >> 12));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(out, (char)(0xf0 | c >> 18));
		buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

// XML 1.0 section 2.11: every line end is one newline.
static void add_lines(struct buf *out, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\r')
			buf_addc(out, p[i]);
		else if (i + 1 == len || p[i + 1] != '\n')
			buf_addc(out, '\n');
	}
}

void text_add_xml(struct buf *out, const char *p, size_t len)
{
	const char *end = p + len, *close;
	while (p < end) {
		uint32_t c;
		size_t left = (size_t)(end - p), n;
		if (*p == '&') {
			n = text_reference(p, left, &c);
			if (n)
				text_add_utf8(out, c);
		} else if (left > 12 && !memcmp(p, "<![CDATA[", 9)) {
			close = memmem(p, left, "]]>", 3);
			n = close ? (size_t)(close - p) + 3 : left;
			add_lines(out, p + 9, n - 12);
		} else if (*p == '<') {
			bool comment = left > 3 && !memcmp(p, "<!--", 4);
			close = memmem(p, left, comment ? "-->" : "?>", comment ? 3 : 2);
			n = close ? (size_t)(close - p) + (comment ? 3 : 2) : left;
		} else {
			for (n = 1; n < left && p[n] != '&' && p[n] != '<'; n++)
				;
			add_lines(out, p, n);
		}
		p += n ? n : 1;
	}
}

// --- JSON ---

static uint32_t hex4(const char *p)
{
	uint32_t c = 0;
	for (int i = 0; i < 4; i++)
		c = c << 4 | hex_digit((unsigned char)p[i]);
	return c;
}

// Escapes that the reader has checked.
void text_add_json(struct buf *out, const char *p, size_t len)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\\') {
			buf_addc(out, p[i]);
			continue;
		}
		i++;
		const char *simple = strchr(from, p[i]);
		if (p[i] != 'u') {
			buf_addc(out, simple ? to[simple - from] : p[i]);
			continue;
		}
		uint32_t c = hex4(p + i + 1);
		i += 4;
		if (c >= 0xd800 && c < 0xdc00) {
			c = 0x10000 + ((c - 0xd800) << 10) + (hex4(p + i + 3) - 0xdc00);
			i += 6;
		}
		text_add_utf8(out, c);
	}
}

// --- what was meant ---

#define GUESS_MOST 48u

struct text_guess text_guess(const char *word, size_t len)
{
	// A third of the letters may be wrong, one always.
	return (struct text_guess){
		.word = word, .len = len, .distance = (unsigned)(len < 6 ? 2 : len / 3 + 1)};
}

// Levenshtein's distance with swaps of neighbours counted as one, in one row of memory more.
static unsigned distance(const char *a, size_t alen, const char *b, size_t blen)
{
	unsigned row[3][GUESS_MOST + 1];
	for (unsigned j = 0; j <= blen; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= alen; i++) {
		unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *before2 = row[(i + 1) % 3];
		now[0] = i;
		for (unsigned j = 1; j <= blen; j++) {
			unsigned best = before[j - 1] + (a[i - 1] != b[j - 1]);
			if (before[j] + 1 < best)
				best = before[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			bool swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
			if (swap && before2[j - 2] + 1 < best)
				best = before2[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[alen % 3][blen];
}

void text_guess_offer(struct text_guess *guess, const char *candidate)
{
	size_t len = strlen(candidate);
	if (guess->len > GUESS_MOST || len > GUESS_MOST)
		return;
	unsigned d = distance(guess->word, guess->len, candidate, len);
	if (d < guess->distance) {
		guess->distance = d;
		guess->best = candidate;
	}
}
