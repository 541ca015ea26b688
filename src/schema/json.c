// SPDX-License-Identifier: Apache-2.0
// A strict reader of JSON (RFC 8259) into the records of doc.h, in the shape of RFC 7951: the values of an array become
// siblings of the member's name, and a name without a module has that of its parent.
//
// It makes one pass and copies nothing. What it does not do: metadata (RFC 7952); such members are refused.
#include "schema/doc.h"
#include "schema/text.h"

#include <string.h>

static char peek(const struct doc_cursor *c)
{
	return c->at < c->doc->len ? c->doc->text[c->at] : '\0';
}

static void skip_space(struct doc_cursor *c)
{
	while (text_is_space(peek(c)))
		c->at++;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

// --- scalars ---

// Four hex digits at `p`; 0 when they are not.
static bool read_hex4(const struct doc *doc, uint32_t at, uint32_t *out)
{
	uint32_t v = 0;
	if (doc->len - at < 4)
		return false;
	for (uint32_t i = at; i < at + 4; i++) {
		char ch = doc->text[i];
		if (!is_hex(ch))
			return false;
		v = v << 4 | (uint32_t)(is_digit(ch) ? ch - '0' : (ch | 32) - 'a' + 10);
	}
	*out = v;
	return true;
}

static bool read_unicode_escape(struct doc_cursor *c)
{
	uint32_t v, low;
	const char *text = c->doc->text;
	bool good = read_hex4(c->doc, c->at + 2, &v);
	uint32_t len = 6;
	if (good && v >= 0xd800 && v < 0xdc00) {
		good = c->doc->len - c->at >= 12 && text[c->at + 6] == '\\' &&
		       text[c->at + 7] == 'u' && read_hex4(c->doc, c->at + 8, &low) &&
		       low >= 0xdc00 && low < 0xe000;
		len = 12;
	} else if (good) {
		good = (v >= 0x20 || v == 9 || v == 10 || v == 13) &&
		       !(v >= 0xdc00 && v < 0xe000) && v != 0xfffe && v != 0xffff;
	}
	if (!good)
		return doc_fail(c, DIAG_SYNTAX, "write the character itself",
				"a \\u escape that is no allowed character");
	c->at += len;
	return true;
}

static bool read_escape(struct doc_cursor *c)
{
	char next = c->at + 1 < c->doc->len ? c->doc->text[c->at + 1] : '\0';
	if (next == 'u')
		return read_unicode_escape(c);
	if (!next || !strchr("\"\\/bfnrt", next))
		return doc_fail(c, DIAG_SYNTAX, "write \\\\ for a single \\",
				"an unknown escape in a string");
	if (next == 'b' || next == 'f')
		return doc_fail(c, DIAG_SYNTAX, "remove it", "a control character in a string");
	c->at += 2;
	return true;
}

static bool read_string(struct doc_cursor *c, struct item *item)
{
	if (peek(c) != '"')
		return doc_fail(c, DIAG_SYNTAX, "put it in double quotes",
				"a string was expected here");
	item->start = ++c->at;
	while (peek(c) != '"') {
		if (c->at >= c->doc->len || (unsigned char)peek(c) < 0x20)
			return doc_fail(
				c, DIAG_SYNTAX,
				"close it with \" on the same line; write \\n for a newline",
				"a string does not end");
		if (peek(c) != '\\') {
			c->at++;
			continue;
		}
		item->flags |= ITEM_MARKUP;
		if (!read_escape(c))
			return false;
	}
	item->end = c->at++;
	item->kind = ITEM_STRING;
	if (item->end - item->start > SCHEMA_TEXT_MOST)
		return doc_fail(c, DIAG_LIMIT, "shorten it", "a value of %u bytes; %u are allowed",
				item->end - item->start, SCHEMA_TEXT_MOST);
	return true;
}

static bool read_digits(struct doc_cursor *c)
{
	if (!is_digit(peek(c)))
		return doc_fail(c, DIAG_SYNTAX, "numbers look like -12.5e3",
				"a number is not well-formed");
	while (is_digit(peek(c)))
		c->at++;
	return true;
}

static bool read_number(struct doc_cursor *c, struct item *item)
{
	item->start = c->at;
	item->kind = ITEM_NUMBER;
	c->at += peek(c) == '-';
	if (peek(c) == '0' && c->at + 1 < c->doc->len && is_digit(c->doc->text[c->at + 1]))
		return doc_fail(c, DIAG_SYNTAX, "remove the zero",
				"a number begins with a superfluous 0");
	if (!read_digits(c))
		return false;
	if (peek(c) == '.') {
		c->at++;
		if (!read_digits(c))
			return false;
	}
	if ((peek(c) | 32) == 'e') {
		c->at++;
		c->at += peek(c) == '+' || peek(c) == '-';
		if (!read_digits(c))
			return false;
	}
	item->end = c->at;
	if (item->end - item->start > SCHEMA_TEXT_MOST)
		return doc_fail(c, DIAG_LIMIT, "shorten it", "a number of %u digits",
				item->end - item->start);
	return true;
}

static bool read_word(struct doc_cursor *c, struct item *item)
{
	static const struct {
		const char *word;
		enum item_kind kind;
	} words[] = {{"true", ITEM_TRUE}, {"false", ITEM_FALSE}, {"null", ITEM_NULL}};
	for (size_t i = 0; i < array_len(words); i++) {
		size_t len = strlen(words[i].word);
		if (c->doc->len - c->at < len || memcmp(c->doc->text + c->at, words[i].word, len))
			continue;
		item->kind = (uint8_t)words[i].kind;
		item->start = c->at;
		item->end = c->at += (uint32_t)len;
		return true;
	}
	return doc_fail(c, DIAG_SYNTAX,
			"strings need double quotes; true, false and null are lower case",
			"a value was expected here");
}

// --- structure ---

static bool read_members(struct doc_cursor *c);

static bool read_object(struct doc_cursor *c, struct item *item)
{
	item->kind = ITEM_OBJECT;
	item->start = c->at++;
	uint32_t index = doc_push(c, item);
	if (!doc_enter(c, index) || !read_members(c))
		return false;
	c->depth--;
	c->doc->item[index].end = c->at;
	doc_done(c, index);
	return true;
}

static bool read_value(struct doc_cursor *c, struct item item)
{
	char ch = peek(c);
	if (ch == '{')
		return read_object(c, &item);
	if (ch == '[')
		return doc_fail(c, DIAG_SYNTAX, "a list is one array of its entries",
				"an array inside an array");
	if (!(ch == '"'                   ? read_string(c, &item)
	      : ch == '-' || is_digit(ch) ? read_number(c, &item)
					  : read_word(c, &item)))
		return false;
	doc_done(c, doc_push(c, &item));
	return true;
}

static bool read_array(struct doc_cursor *c, struct item item)
{
	c->at++;
	skip_space(c);
	item.flags |= ITEM_IN_ARRAY | ITEM_ARRAY_START;
	if (peek(c) == ']') {
		item.flags |= ITEM_NO_VALUES;
		c->at++;
		return doc_push(c, &item) != 0;
	}
	for (;;) {
		skip_space(c);
		item.line = doc_line(c);
		if (!read_value(c, item))
			return false;
		item.flags &= (uint8_t)~ITEM_ARRAY_START;
		skip_space(c);
		if (peek(c) != ',')
			break;
		c->at++;
	}
	if (peek(c) != ']')
		return doc_fail(c, DIAG_SYNTAX, "write , between values and ] at the end",
				"an array does not end");
	c->at++;
	return true;
}

// "module:name" or "name", which has the module of its parent.
static bool split_name(struct doc_cursor *c, struct item *item)
{
	struct doc *doc = c->doc;
	const char *name = doc->text + item->start;
	uint32_t len = item->end - item->start;
	const char *colon = memchr(name, ':', len);
	item->name = item->start;
	item->name_len = len;
	item->ns = doc->item[c->open[c->depth]].ns;
	if (len && *name == '@')
		return doc_fail(c, DIAG_UNKNOWN_ATTRIBUTE, "remove the member",
				"metadata (\"%.*s\") is not supported", (int)len, name);
	if (colon) {
		uint32_t module_len = (uint32_t)(colon - name);
		item->ns = doc_intern_ns(doc, name, module_len);
		item->name += module_len + 1;
		item->name_len -= module_len + 1;
	}
	if (doc->ns.len > 512)
		return doc_fail(c, DIAG_LIMIT, "check the names", "more than 512 module names");
	if (!item->name_len || (item->flags & ITEM_MARKUP))
		return doc_fail(c, DIAG_SYNTAX, "names have letters, digits, '-', '_' and '.' only",
				"a member has no usable name");
	return true;
}

static bool read_member(struct doc_cursor *c)
{
	skip_space(c);
	struct item item = {.open = c->at, .line = doc_line(c)};
	if (!read_string(c, &item) || !split_name(c, &item))
		return false;
	item.flags = 0;
	skip_space(c);
	if (peek(c) != ':')
		return doc_fail(c, DIAG_SYNTAX, "write \"name\": value", "a member has no value");
	c->at++;
	skip_space(c);
	return peek(c) == '[' ? read_array(c, item) : read_value(c, item);
}

// What stands between { and }, both included but the first.
static bool read_members(struct doc_cursor *c)
{
	skip_space(c);
	if (peek(c) == '}') {
		c->at++;
		return true;
	}
	for (;;) {
		if (!read_member(c))
			return false;
		skip_space(c);
		if (peek(c) != ',')
			break;
		c->at++;
	}
	if (peek(c) != '}')
		return doc_fail(c, DIAG_SYNTAX,
				"write , between members and } at the end; the document may have "
				"been cut off",
				"an object does not end");
	c->at++;
	return true;
}

bool doc_read_json(struct doc *doc)
{
	struct doc_cursor c = {.doc = doc, .line = 1};
	skip_space(&c);
	if (c.at == doc->len)
		return true;
	if (peek(&c) != '{')
		return doc_fail(&c, DIAG_SYNTAX, "the document is one JSON object",
				"an object was expected here");
	doc->item[0].start = c.at++;
	if (!read_members(&c))
		return false;
	doc->item[0].end = c.at;
	skip_space(&c);
	if (c.at < doc->len)
		return doc_fail(&c, DIAG_SYNTAX, "remove it",
				"text behind the end of the document");
	return true;
}
