// SPDX-License-Identifier: Apache-2.0
// A strict reader of XML 1.0 with namespaces, into the records of doc.h. Several top-level elements are allowed, as
// YANG instance documents have them; document types and entities are not, so nothing can expand.
//
// It makes one pass and copies nothing: values stay where they are and are decoded when asked for.
// What it does not do: other encodings than UTF-8, validation of processing instructions.
#include "base/turn.h"
#include "schema/doc.h"
#include "schema/text.h"

#include <string.h>

#define ATTRS_MOST 64u
#define DECLARATIONS_MOST 512u // of one element
#define NAMESPACES_MOST 512u

struct qname {
	uint32_t prefix, prefix_len;
	uint32_t name, name_len;
};

static bool at_text(const struct doc_cursor *c, const char *text)
{
	size_t len = strlen(text);
	return c->doc->len - c->at >= len && !memcmp(c->doc->text + c->at, text, len);
}

static char peek(const struct doc_cursor *c)
{
	return c->at < c->doc->len ? c->doc->text[c->at] : '\0';
}

static bool at_end(const struct doc_cursor *c)
{
	return c->at >= c->doc->len;
}

static void skip_space(struct doc_cursor *c)
{
	while (text_is_space(peek(c)))
		c->at++;
}

static bool skip_to(struct doc_cursor *c, const char *close, const char *what)
{
	size_t len = strlen(close);
	const char *found = memmem(c->doc->text + c->at, c->doc->len - c->at, close, len);
	if (!found)
		return doc_fail(c, DIAG_SYNTAX, "close it", "%s is not closed", what);
	c->at = (uint32_t)(found - c->doc->text) + (uint32_t)len;
	return true;
}

static bool read_ncname(struct doc_cursor *c, uint32_t *start_out, uint32_t *len_out)
{
	uint32_t start = c->at;
	if (!text_is_name_start(peek(c)))
		return doc_fail(c, DIAG_SYNTAX, "write &lt; for a < that is part of a text",
				"a name was expected here");
	while (text_is_name(peek(c)))
		c->at++;
	*start_out = start;
	*len_out = c->at - start;
	if (*len_out > SCHEMA_TEXT_MOST)
		return doc_fail(c, DIAG_LIMIT, "shorten it", "a name of %u bytes; %u are allowed",
				*len_out, SCHEMA_TEXT_MOST);
	return true;
}

static bool read_qname(struct doc_cursor *c, struct qname *q)
{
	*q = (struct qname){0};
	if (!read_ncname(c, &q->name, &q->name_len))
		return false;
	if (peek(c) != ':')
		return true;
	c->at++;
	q->prefix = q->name;
	q->prefix_len = q->name_len;
	return read_ncname(c, &q->name, &q->name_len);
}

static bool read_reference(struct doc_cursor *c)
{
	uint32_t ignored;
	size_t n = text_reference(c->doc->text + c->at, c->doc->len - c->at, &ignored);
	if (!n)
		return doc_fail(c, DIAG_SYNTAX,
				"only &lt; &gt; &amp; &quot; &apos; and character numbers are "
				"known; write &amp; for a single &",
				"this reference is refused");
	c->at += (uint32_t)n;
	return true;
}

// --- attributes ---

struct raw_attr {
	struct qname q;
	uint32_t start, end;
	bool markup;
};

static bool read_attr(struct doc_cursor *c, struct raw_attr *a)
{
	*a = (struct raw_attr){0};
	if (!read_qname(c, &a->q))
		return false;
	skip_space(c);
	if (peek(c) != '=')
		return doc_fail(c, DIAG_SYNTAX, "write name=\"value\"",
				"an attribute has no value");
	c->at++;
	skip_space(c);
	char quote = peek(c);
	if (quote != '"' && quote != '\'')
		return doc_fail(c, DIAG_SYNTAX, "put it in quotes",
				"an attribute's value is not in quotes");
	a->start = ++c->at;
	while (peek(c) != quote) {
		if (at_end(c) || peek(c) == '<')
			return doc_fail(c, DIAG_SYNTAX, "close the quotes",
					"an attribute's value does not end");
		if (peek(c) != '&') {
			c->at++;
			continue;
		}
		a->markup = true;
		if (!read_reference(c))
			return false;
	}
	a->end = c->at++;
	if (a->end - a->start > SCHEMA_TEXT_MOST)
		return doc_fail(c, DIAG_LIMIT, "shorten it", "a value of %u bytes; %u are allowed",
				a->end - a->start, SCHEMA_TEXT_MOST);
	return true;
}

static bool qname_is(const struct doc *doc, const struct qname *q, const char *prefix,
		     const char *name)
{
	return q->prefix_len == strlen(prefix) &&
	       !memcmp(doc->text + q->prefix, prefix, q->prefix_len) &&
	       (!name ||
		(q->name_len == strlen(name) && !memcmp(doc->text + q->name, name, q->name_len)));
}

// `outer`: the declarations around the element.
static bool is_declared_here(const struct doc *doc, const struct doc_scope *scope, uint32_t outer)
{
	for (uint32_t s = scope->outer; s != outer; s = doc->scope.at[s].outer) {
		const struct doc_scope *other = &doc->scope.at[s];
		if (other->prefix_len == scope->prefix_len &&
		    !memcmp(doc->text + other->prefix, doc->text + scope->prefix,
			    scope->prefix_len))
			return true;
	}
	return false;
}

// "xmlns" or "xmlns:prefix" becomes a declaration.
static bool declare(struct doc_cursor *c, const struct raw_attr *a, struct item *item,
		    uint32_t outer)
{
	struct doc *doc = c->doc;
	struct doc_scope scope = {.outer = item->scope};
	if (a->q.prefix_len) {
		scope.prefix = a->q.name;
		scope.prefix_len = a->q.name_len;
	}
	if (is_declared_here(doc, &scope, outer))
		return doc_fail(c, DIAG_SYNTAX, "keep one", "the prefix \"%.*s\" is declared twice",
				(int)scope.prefix_len, doc->text + scope.prefix);
	struct doc_attr value = {.start = a->start, .end = a->end, .markup = a->markup};
	const char *uri = doc_attr_value(doc, &value);
	if (!*uri && scope.prefix_len)
		return doc_fail(c, DIAG_SYNTAX, "give its namespace, or remove the declaration",
				"a prefix is declared empty");
	if (*uri)
		scope.ns = doc_intern_ns(doc, uri, strlen(uri));
	if (doc->ns.len > NAMESPACES_MOST)
		return doc_fail(c, DIAG_LIMIT, "declare each namespace once, at the top",
				"more than %u namespaces", NAMESPACES_MOST);
	vec_push(&doc->arena, &doc->scope, scope);
	item->scope = (uint32_t)doc->scope.len - 1;
	return true;
}

static bool prefix_ns(struct doc_cursor *c, const struct item *item, const struct qname *q,
		      uint32_t *ns_out)
{
	struct doc *doc = c->doc;
	if (qname_is(doc, q, "xml", NULL))
		*ns_out = doc_intern_ns(doc, "http://www.w3.org/XML/1998/namespace", 36);
	else
		*ns_out = doc_prefix_ns(doc, item, doc->text + q->prefix, q->prefix_len);
	if (*ns_out || !q->prefix_len)
		return true;
	return doc_fail(c, DIAG_UNKNOWN_NAMESPACE,
			"declare it with xmlns:prefix=\"namespace\" here or above",
			"the prefix \"%.*s\" is not declared", (int)q->prefix_len,
			doc->text + q->prefix);
}

static bool add_attr(struct doc_cursor *c, struct item *item, const struct raw_attr *a)
{
	struct doc *doc = c->doc;
	struct doc_attr attr = {.name = a->q.name,
				.name_len = a->q.name_len,
				.start = a->start,
				.end = a->end,
				.markup = a->markup};
	if (a->q.prefix_len && !prefix_ns(c, item, &a->q, &attr.ns))
		return false;
	for (uint32_t i = 0; i < item->attrs; i++) {
		const struct doc_attr *other = &doc->attr.at[item->attr + i];
		if (other->ns == attr.ns && other->name_len == attr.name_len &&
		    !memcmp(doc->text + other->name, doc->text + attr.name, attr.name_len))
			return doc_fail(c, DIAG_SYNTAX, "keep one",
					"the attribute \"%.*s\" stands twice", (int)attr.name_len,
					doc->text + attr.name);
	}
	if (!item->attrs++)
		item->attr = (uint32_t)doc->attr.len;
	vec_push(&doc->arena, &doc->attr, attr);
	return true;
}

// Attributes may use prefixes that are declared behind them: first all are read, then resolved.
static bool read_attrs(struct doc_cursor *c, struct item *item)
{
	struct raw_attr raw[ATTRS_MOST];
	size_t n = 0, declarations = 0;
	uint32_t outer = item->scope;
	for (;;) {
		bool space = text_is_space(peek(c));
		skip_space(c);
		if (peek(c) == '>' || peek(c) == '/')
			break;
		if (!space || at_end(c))
			return doc_fail(c, DIAG_SYNTAX, "close the tag with >",
					"a tag does not end");
		if (n == ATTRS_MOST)
			return doc_fail(c, DIAG_LIMIT, "remove some",
					"an element with more than %u attributes", ATTRS_MOST);
		if (!read_attr(c, &raw[n]))
			return false;
		const struct qname *q = &raw[n].q;
		bool declares =
			qname_is(c->doc, q, "xmlns", NULL) || qname_is(c->doc, q, "", "xmlns");
		if (!declares)
			n++;
		else if (declarations++ == DECLARATIONS_MOST)
			return doc_fail(c, DIAG_LIMIT, "remove some",
					"an element that declares more than %u prefixes",
					DECLARATIONS_MOST);
		else if (!declare(c, &raw[n], item, outer))
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if (!add_attr(c, item, &raw[i]))
			return false;
	return true;
}

// --- elements ---

static bool check_value_size(struct doc_cursor *c, const struct item *item)
{
	if (item->child || item->flags & ITEM_TAKEN || item->end - item->start <= SCHEMA_TEXT_MOST)
		return true;
	return doc_fail(c, DIAG_LIMIT, "shorten it", "a value of %u bytes; %u are allowed",
			item->end - item->start, SCHEMA_TEXT_MOST);
}

static bool read_start_tag(struct doc_cursor *c)
{
	struct doc *doc = c->doc;
	uint32_t parent = c->open[c->depth];
	struct item item = {.open = c->at,
			    .line = doc_line(c),
			    .scope = doc->item[parent].scope,
			    .kind = ITEM_ELEMENT};
	struct qname q;
	c->at++;
	if (!read_qname(c, &q))
		return false;
	item.name = q.name;
	item.name_len = q.name_len;
	if (!read_attrs(c, &item) || !prefix_ns(c, &item, &q, &item.ns))
		return false;
	bool empty = peek(c) == '/';
	c->at += empty;
	if (peek(c) != '>')
		return doc_fail(c, DIAG_SYNTAX, "close the tag with >", "a tag does not end");
	c->at++;
	item.start = item.end = c->at;
	uint32_t index = doc_push(c, &item);
	if (!empty)
		return doc_enter(c, index);
	doc_done(c, index);
	return true;
}

static bool read_end_tag(struct doc_cursor *c)
{
	struct doc *doc = c->doc;
	uint32_t index = c->open[c->depth];
	struct item *item = &doc->item[index];
	struct qname q;
	if (!c->depth)
		return doc_fail(c, DIAG_SYNTAX, "remove it", "an end tag without a start tag");
	item->end = c->at;
	c->at += 2;
	if (!read_qname(c, &q))
		return false;
	// The whole name as it is written in both tags.
	uint32_t start = q.prefix_len ? q.prefix : q.name, len = q.name + q.name_len - start;
	const char *opened = doc->text + item->open + 1;
	bool same = !memcmp(opened, doc->text + start, len) && !text_is_name(opened[len]) &&
		    opened[len] != ':';
	if (!same)
		return doc_fail(
			c, DIAG_SYNTAX, "close elements in the reverse order of their opening",
			"</%.*s> closes <%.*s>, which was opened on line %u", (int)len,
			doc->text + start, (int)(item->name + item->name_len - item->open - 1),
			opened, item->line);
	skip_space(c);
	if (peek(c) != '>')
		return doc_fail(c, DIAG_SYNTAX, "close the tag with >", "an end tag does not end");
	c->at++;
	if (!check_value_size(c, item))
		return false;
	c->depth--;
	doc_done(c, index);
	return true;
}

// Comments must not hold "--" (XML 1.0 section 2.5).
static bool read_comment(struct doc_cursor *c)
{
	c->at += 4;
	if (!skip_to(c, "--", "a comment"))
		return false;
	if (peek(c) != '>')
		return doc_fail(c, DIAG_SYNTAX, "remove it from the comment",
				"\"--\" inside a comment");
	c->at++;
	return true;
}

static bool read_instruction(struct doc_cursor *c)
{
	if (at_text(c, "<?xml ") || at_text(c, "<?xml\t") || at_text(c, "<?xml\n") ||
	    at_text(c, "<?xml?"))
		return doc_fail(c, DIAG_SYNTAX, "put it at the very beginning, once",
				"an XML declaration in the middle");
	return skip_to(c, "?>", "a processing instruction");
}

static bool read_markup(struct doc_cursor *c)
{
	struct item *item = &c->doc->item[c->open[c->depth]];
	if (at_text(c, "</"))
		return read_end_tag(c);
	if (!at_text(c, "<!") && !at_text(c, "<?"))
		return read_start_tag(c);
	item->flags |= ITEM_MARKUP;
	if (at_text(c, "<!--"))
		return read_comment(c);
	if (at_text(c, "<?"))
		return read_instruction(c);
	if (c->depth && at_text(c, "<![CDATA[")) {
		item->flags |= ITEM_TEXT;
		return skip_to(c, "]]>", "a CDATA section");
	}
	return doc_fail(c, DIAG_SYNTAX, "remove the document type and write values out",
			"document types and entities are refused");
}

static bool read_text(struct doc_cursor *c)
{
	struct item *item = &c->doc->item[c->open[c->depth]];
	const char *text = c->doc->text;
	for (; !at_end(c) && peek(c) != '<'; c->at++) {
		char ch = text[c->at];
		if (text_is_space(ch)) {
			if (ch == '\r')
				item->flags |= ITEM_MARKUP;
			continue;
		}
		if (!c->depth)
			return doc_fail(c, DIAG_SYNTAX, "put it into an element",
					"text outside of all elements");
		item->flags |= ITEM_TEXT;
		if (ch == '&') {
			item->flags |= ITEM_MARKUP;
			if (!read_reference(c))
				return false;
			c->at--;
		} else if (ch == ']' && at_text(c, "]]>")) {
			return doc_fail(c, DIAG_SYNTAX, "write ]]&gt;", "\"]]>\" in a text");
		}
	}
	return true;
}

// --- prolog ---

static bool read_declaration(struct doc_cursor *c)
{
	if (!at_text(c, "<?xml") ||
	    text_is_name(c->doc->text[c->at + 5 < c->doc->len ? c->at + 5 : c->at]))
		return true;
	uint32_t start = c->at;
	if (!skip_to(c, "?>", "the XML declaration"))
		return false;
	const char *text = c->doc->text + start;
	size_t len = c->at - start;
	const char *encoding = memmem(text, len, "encoding", 8);
	if (!encoding)
		return true;
	const char *end = text + len, *p = encoding + 8;
	while (p < end && (text_is_space(*p) || *p == '=' || *p == '"' || *p == '\''))
		p++;
	bool known = (end - p > 5 && !strncasecmp(p, "utf-8", 5)) ||
		     (end - p > 8 && !strncasecmp(p, "us-ascii", 8));
	return known || doc_fail(c, DIAG_SYNTAX, "save the document as UTF-8",
				 "an encoding other than UTF-8");
}

bool doc_read_xml(struct doc *doc)
{
	struct doc_cursor c = {.doc = doc, .line = 1};
	doc->item[0].end = doc->len;
	if (!read_declaration(&c))
		return false;
	while (!at_end(&c)) {
		turn_point();
		if (!(peek(&c) == '<' ? read_markup(&c) : read_text(&c)))
			return false;
	}
	if (c.depth) {
		const struct item *item = &doc->item[c.open[c.depth]];
		return doc_fail(&c, DIAG_SYNTAX, "the document may have been cut off",
				"<%.*s>, opened on line %u, is not closed", (int)item->name_len,
				doc->text + item->name, item->line);
	}
	return true;
}
