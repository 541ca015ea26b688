// SPDX-License-Identifier: Apache-2.0
// What the readers of XML and JSON share: limits and UTF-8, the records, names and values.
//
// The whole text is checked byte for byte before anything is made of it, so that no later stage meets a NUL, a broken
// character or a depth that it cannot hold. What it does not do: know any YANG.
#include "schema/doc.h"
#include "base/turn.h"
#include "schema/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (16 * 1024)
#define TRIES 256u

static bool check_text(struct doc *doc, struct doc_cursor *c)
{
	const unsigned char *p = (const unsigned char *)doc->text, *end = p + doc->len;
	while (true) {
		const unsigned char *some = end - p > PIECE ? p + PIECE : end;
		while (p < some && *p >= 0x20 && *p < 0x80)
			p++;
		turn_point();
		if (p == end)
			return true;
		if (p == some)
			continue;
		size_t len = text_char_len(p, (size_t)(end - p));
		if (len) {
			p += len;
			continue;
		}
		c->at = (uint32_t)(p - (const unsigned char *)doc->text);
		if (*p < 0x80)
			return doc_fail(c, DIAG_SYNTAX,
					"remove the control character; only tab, newline and "
					"carriage return are allowed",
					"byte 0x%02x is not allowed in text", *p);
		return doc_fail(c, DIAG_SYNTAX, "save the document as UTF-8",
				"byte 0x%02x is not part of a UTF-8 character", *p);
	}
}

static bool looks_like_json(const struct doc *doc)
{
	for (uint32_t i = 0; i < doc->len; i++)
		if (!text_is_space(doc->text[i]))
			return doc->text[i] != '<';
	return false;
}

static bool read_document(struct doc *doc, const struct schema_input *input)
{
	struct doc_cursor c = {.doc = doc, .line = 1};
	if (input->len > SCHEMA_BYTES_MOST)
		return doc_fail(&c, DIAG_LIMIT, "split it into several documents",
				"the document has %zu bytes; %u are allowed", input->len,
				SCHEMA_BYTES_MOST);
	doc->len = (uint32_t)input->len;
	if (doc->len >= 3 && !memcmp(doc->text, "\xef\xbb\xbf", 3)) {
		doc->text += 3;
		doc->len -= 3;
	}
	if (!check_text(doc, &c))
		return false;
	doc->json = input->format == SCHEMA_JSON ||
		    (input->format == SCHEMA_AUTO && looks_like_json(doc));
	return doc->json ? doc_read_json(doc) : doc_read_xml(doc);
}

bool doc_init(struct doc *doc, struct schema *schema, const struct schema_input *input,
	      struct diags *diags)
{
	return doc_init_taking(doc, schema, input, &(struct doc_taker){0}, diags);
}

bool doc_init_taking(struct doc *doc, struct schema *schema, const struct schema_input *input,
		     const struct doc_taker *taker, struct diags *diags)
{
	*doc = (struct doc){.schema = schema,
			    .file = input->file,
			    .text = input->data,
			    .diags = diags,
			    .taker = *taker};
	buf_init(&doc->names);
	arena_init(&doc->arena);
	buf_init(&doc->scratch);
	doc->item_cap = 64;
	doc->item = base_oom(malloc(doc->item_cap * sizeof(*doc->item)));
	doc->item[doc->items++] = (struct item){.line = 1};
	vec_push(&doc->arena, &doc->ns, (struct doc_ns){0});
	vec_push(&doc->arena, &doc->scope, (struct doc_scope){0});
	vec_push(&doc->arena, &doc->attr, (struct doc_attr){0});
	return read_document(doc, input);
}

void doc_fini(struct doc *doc)
{
	turn_free(doc->item, doc->items * sizeof(*doc->item));
	arena_fini(&doc->arena);
	buf_fini(&doc->scratch);
	buf_fini(&doc->names);
}

// --- names ---

bool doc_name_is(const struct doc *doc, const struct item *item, const char *name)
{
	size_t len = strlen(name);
	return item->name_len == len && !memcmp(doc->text + item->name, name, len);
}

const char *doc_ns_text(const struct doc *doc, const struct item *item)
{
	return doc->ns.at[item->ns].text;
}

uint32_t doc_prefix_ns(const struct doc *doc, const struct item *item, const char *prefix,
		       size_t len)
{
	for (uint32_t s = item->scope; s; s = doc->scope.at[s].outer) {
		const struct doc_scope *scope = &doc->scope.at[s];
		if (scope->prefix_len == len && !memcmp(doc->text + scope->prefix, prefix, len))
			return scope->ns;
	}
	return 0;
}

const struct doc_attr *doc_attr_find(const struct doc *doc, const struct item *item, const char *ns,
				     const char *name)
{
	for (uint32_t i = 0; i < item->attrs; i++) {
		const struct doc_attr *a = &doc->attr.at[item->attr + i];
		if (a->name_len != strlen(name) || memcmp(doc->text + a->name, name, a->name_len))
			continue;
		if (!a->ns || (ns && !strcmp(doc->ns.at[a->ns].text, ns)))
			return a;
	}
	return NULL;
}

// --- values ---

const char *doc_value(struct doc *doc, const struct item *item, size_t *len_out)
{
	const char *from = doc->text + item->start;
	size_t len = item->end - item->start;
	buf_clear(&doc->scratch);
	if (!(item->flags & ITEM_MARKUP))
		buf_add(&doc->scratch, from, len);
	else if (doc->json)
		text_add_json(&doc->scratch, from, len);
	else
		text_add_xml(&doc->scratch, from, len);
	*len_out = doc->scratch.len;
	return doc->scratch.data;
}

const char *doc_attr_value(struct doc *doc, const struct doc_attr *attr)
{
	buf_clear(&doc->scratch);
	if (attr->markup)
		text_add_xml(&doc->scratch, doc->text + attr->start, attr->end - attr->start);
	else
		buf_add(&doc->scratch, doc->text + attr->start, attr->end - attr->start);
	return doc->scratch.data;
}

// Declarations that hold at the item's parent and that the item does not make itself.
static void copy_scope(const struct doc *doc, const struct item *item, struct buf *out)
{
	const struct item *parent = &doc->item[item->parent];
	for (uint32_t s = parent->scope; s; s = doc->scope.at[s].outer) {
		const struct doc_scope *scope = &doc->scope.at[s];
		bool hidden = false;
		for (uint32_t i = item->scope; i && i != s && !hidden; i = doc->scope.at[i].outer) {
			const struct doc_scope *inner = &doc->scope.at[i];
			hidden = inner->prefix_len == scope->prefix_len &&
				 !memcmp(doc->text + inner->prefix, doc->text + scope->prefix,
					 scope->prefix_len);
		}
		if (hidden || !scope->ns)
			continue;
		buf_adds(out, scope->prefix_len ? " xmlns:" : " xmlns");
		buf_add(out, doc->text + scope->prefix, scope->prefix_len);
		buf_adds(out, "=\"");
		buf_add_xml(out, doc->ns.at[scope->ns].text);
		buf_addc(out, '"');
	}
}

void doc_copy_content(const struct doc *doc, const struct item *item, struct buf *out)
{
	uint32_t at = item->start;
	if (!doc->json) {
		doc_for_each_child(child, doc, item)
		{
			uint32_t name_end = child->name + child->name_len;
			turn_point();
			buf_add(out, doc->text + at, name_end - at);
			copy_scope(doc, child, out);
			at = name_end;
		}
	}
	buf_add(out, doc->text + at, item->end - at);
}

// --- records ---

uint32_t doc_intern_ns(struct doc *doc, const char *text, size_t len)
{
	for (uint32_t i = 1; i < doc->ns.len; i++)
		if (strlen(doc->ns.at[i].text) == len && !memcmp(doc->ns.at[i].text, text, len))
			return i;
	struct doc_ns ns = {.text = arena_strndup(&doc->arena, text, len)};
	ns.mod = text_module(doc->schema, ns.text, doc->json);
	vec_push(&doc->arena, &doc->ns, ns);
	return (uint32_t)doc->ns.len - 1;
}

uint32_t doc_push(struct doc_cursor *c, const struct item *item)
{
	struct doc *doc = c->doc;
	if (doc->items == doc->item_cap) {
		doc->item_cap *= 2;
		doc->item = base_oom(realloc(doc->item, doc->item_cap * sizeof(*doc->item)));
	}
	uint32_t index = doc->items++, parent = c->open[c->depth];
	doc->item[index] = *item;
	doc->item[index].parent = parent;
	if (c->last[c->depth])
		doc->item[c->last[c->depth]].next = index;
	else
		doc->item[parent].child = index;
	c->last[c->depth] = index;
	return index;
}

bool doc_enter(struct doc_cursor *c, uint32_t index)
{
	if (c->depth >= SCHEMA_DEPTH_MOST)
		return doc_fail(c, DIAG_LIMIT,
				"no model nests that deep; check for tags that are not closed",
				"nested deeper than %u levels", SCHEMA_DEPTH_MOST);
	c->depth++;
	c->open[c->depth] = index;
	c->last[c->depth] = 0;
	c->attrs[c->depth] = (uint32_t)c->doc->attr.len;
	c->scopes[c->depth] = (uint32_t)c->doc->scope.len;
	return true;
}

void doc_done(struct doc_cursor *c, uint32_t index)
{
	struct doc *doc = c->doc;
	bool is_taken = doc->item[index].flags & ITEM_TAKEN;
	if (!doc->taker.take || (!is_taken && doc->items - c->released < doc->taker.piece))
		return;
	bool took = doc->taker.take(doc->taker.context, c, index);
	// An entry is complete now and then; where none comes, it is not asked for all the time.
	if (took || ++c->tries == TRIES) {
		c->released = doc->items;
		c->tries = 0;
	}
}

void doc_release(struct doc_cursor *c, uint32_t from, uint32_t to)
{
	struct doc *doc = c->doc;
	for (uint32_t d = from; d <= to; d++) {
		c->last[d] = d < to ? c->open[d + 1] : 0;
		doc->item[c->open[d]].child = c->last[d];
	}
	doc->items = c->open[to] + 1;
	doc->attr.len = to ? c->attrs[to] : 1;
	doc->scope.len = to ? c->scopes[to] : 1;
}

// --- diags ---

uint32_t doc_line(struct doc_cursor *c)
{
	const char *text = c->doc->text;
	for (uint32_t i = c->counted; i < c->at; i++) {
		const char *newline = memchr(text + i, '\n', c->at - i);
		if (!newline)
			break;
		c->line++;
		i = (uint32_t)(newline - text);
	}
	if (c->at > c->counted)
		c->counted = c->at;
	return c->line;
}

static void add_names(const struct doc *doc, const struct item *item, struct buf *path)
{
	uint32_t chain[SCHEMA_DEPTH_MOST + 2];
	size_t n = 0;
	for (const struct item *it = item; it != doc->item && n < array_len(chain);
	     it = &doc->item[it->parent])
		chain[n++] = (uint32_t)(it - doc->item);
	while (n--) {
		buf_addc(path, '/');
		buf_add(path, doc->text + doc->item[chain[n]].name, doc->item[chain[n]].name_len);
	}
}

bool doc_fail(struct doc_cursor *c, enum diag_code code, const char *hint, const char *fmt, ...)
{
	struct doc *doc = c->doc;
	struct buf path;
	buf_init(&path);
	add_names(doc, &doc->item[c->open[c->depth]], &path);
	va_list ap;
	va_start(ap, fmt);
	char *text = arena_vprintf(&doc->arena, fmt, ap);
	va_end(ap);
	diag_add(doc->diags,
		 &(struct diag){.code = code,
				.file = doc->file,
				.line = doc_line(c),
				.path = path.len ? path.data : NULL,
				.hint = hint},
		 "%s", text);
	buf_fini(&path);
	return false;
}

const char *doc_subject(const struct doc *doc, enum diag_code code, const struct item *item)
{
	return code == DIAG_UNKNOWN_NAMESPACE ? doc_ns_text(doc, item) : NULL;
}

void doc_error(struct doc *doc, enum diag_code code, const struct item *item, const char *hint,
	       const char *fmt, ...)
{
	struct buf path;
	buf_init(&path);
	add_names(doc, item, &path);
	va_list ap;
	va_start(ap, fmt);
	char *text = arena_vprintf(&doc->arena, fmt, ap);
	va_end(ap);
	diag_add(doc->diags,
		 &(struct diag){.code = code,
				.file = doc->file,
				.line = item->line,
				.path = path.len ? path.data : NULL,
				.subject = doc_subject(doc, code, item),
				.hint = hint},
		 "%s", text);
	buf_fini(&path);
}
