// SPDX-License-Identifier: Apache-2.0
// The text of one document, read by our own readers of XML and JSON into one kind of record per element or member.
// Everything that is built, filtered or complained about starts from these records: they know their line, and they cost
// 60 bytes an element, and of a large document go before its end (pieces.c). Internal to this folder.
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "schema/schema.h"

struct lys_module;

enum item_kind {
	ITEM_ELEMENT,
	ITEM_OBJECT,
	ITEM_STRING,
	ITEM_NUMBER,
	ITEM_TRUE,
	ITEM_FALSE,
	ITEM_NULL
};

enum item_flag {
	ITEM_MARKUP = 1, // the value has references, escapes, comments or CDATA: it needs doc_value
	ITEM_TEXT = 2,   // an element with something else than white space between its children
	ITEM_IN_ARRAY = 4,     // a value of a JSON array
	ITEM_NO_VALUES = 8,    // an empty JSON array: only the name counts
	ITEM_ARRAY_START = 16, // the first value of its array
	ITEM_TAKEN = 32        // some of what was in it is gone (doc_release)
};

// Positions are offsets into the text, links are indexes into `item`; 0 is the document itself, so 0 ends a list.
struct item {
	uint32_t name, name_len; // local name
	uint32_t start,
		end; // content: between the tags; in JSON the value, of strings without the quotes
	uint32_t open; // where the start tag or the member begins
	uint32_t line;
	uint32_t next, child;
	uint32_t ns;    // index into `ns`; 0: none
	uint32_t scope; // index into `scope`: the namespace declarations here; XML only
	uint32_t attr;  // index into `attr` of the first; XML only
	uint16_t attrs;
	uint8_t kind, flags;
	uint32_t parent;
};

// A namespace (XML) or module name (JSON) that the text uses; each stands once.
struct doc_ns {
	const char *text;             // URI or module name
	const struct lys_module *mod; // NULL: not known
};

struct doc_scope {
	uint32_t prefix, prefix_len; // empty: the default namespace
	uint32_t ns;                 // 0 undeclares
	uint32_t outer;              // index of the next declaration outwards; 0: none
};

struct doc_attr {
	uint32_t name, name_len;
	uint32_t start, end; // raw value
	uint32_t ns;
	bool markup;
};

struct doc_cursor;
// Asked when some items have gathered and the one with this index is complete; and when one that was flagged ITEM_TAKEN
// is. True: it has been dealt with, its record is gone.
struct doc_taker {
	bool (*take)(void *context, struct doc_cursor *c, uint32_t index);
	void *context;
	uint32_t piece; // so many items gather before it is asked
};

struct doc {
	struct schema *schema;
	const char *file;
	const char *text;
	uint32_t len;
	bool json;
	struct item *item; // [0] is the document
	uint32_t items, item_cap;
	struct arena arena; // of what follows
	VEC(struct doc_ns) ns;
	VEC(struct doc_scope) scope;
	VEC(struct doc_attr) attr;
	struct buf scratch;     // of doc_value
	struct buf names;       // of values with names in them
	struct doc_taker taker; // `take` may be NULL
	struct diags *diags;
};

// Reads the whole text: limits, UTF-8, well-formedness, namespaces. False after a diag. Always follow with doc_fini.
// The text is borrowed.
bool doc_init(struct doc *doc, struct schema *schema, const struct schema_input *input,
	      struct diags *diags) must_check;
bool doc_init_taking(struct doc *doc, struct schema *schema, const struct schema_input *input,
		     const struct doc_taker *taker, struct diags *diags) must_check;
void doc_fini(struct doc *doc);

// The decoded value; borrowed until the next call, NUL-terminated.
const char *doc_value(struct doc *doc, const struct item *item, size_t *len_out) must_check;
// The same of an attribute.
const char *doc_attr_value(struct doc *doc, const struct doc_attr *attr) must_check;
// The attribute of that name, in no namespace or in the one of that URI.
const struct doc_attr *doc_attr_find(const struct doc *doc, const struct item *item, const char *ns,
				     const char *name) must_check;
// Index of the namespace that a prefix means at this item; 0: not declared.
uint32_t doc_prefix_ns(const struct doc *doc, const struct item *item, const char *prefix,
		       size_t len) must_check;
// The children as a text of its own: namespace declarations from outside are repeated at each child.
void doc_copy_content(const struct doc *doc, const struct item *item, struct buf *out);
bool doc_name_is(const struct doc *doc, const struct item *item, const char *name) must_check;
const char *doc_ns_text(const struct doc *doc, const struct item *item) must_check;
#define doc_for_each_child(it, doc, item_) \
	for (const struct item *it = doc_first((doc), (item_)); it; it = doc_next((doc), it))
static inline const struct item *doc_at(const struct doc *doc, uint32_t index)
{
	return index ? &doc->item[index] : NULL;
}
static inline const struct item *doc_first(const struct doc *doc, const struct item *item)
{
	return doc_at(doc, item->child);
}
static inline const struct item *doc_next(const struct doc *doc, const struct item *item)
{
	return doc_at(doc, item->next);
}

// What a diag about the item has to name beside it, or NULL.
const char *doc_subject(const struct doc *doc, enum diag_code code,
			const struct item *item) must_check;
// A diag about this place of the text; the path is made of the names above it.
void doc_error(struct doc *doc, enum diag_code code, const struct item *item, const char *hint,
	       const char *fmt, ...) printf_like(5, 6);

// --- between the readers of XML and JSON ---
struct doc_cursor {
	struct doc *doc;
	uint32_t at;
	uint32_t counted, line; // newlines are counted up to here
	uint32_t depth;
	uint32_t open[SCHEMA_DEPTH_MOST + 2]; // the items that are open
	uint32_t last[SCHEMA_DEPTH_MOST + 2]; // their last child so far
	uint32_t attrs[SCHEMA_DEPTH_MOST + 2],
		scopes[SCHEMA_DEPTH_MOST + 2]; // behind their start tags
	uint32_t released;                     // items after the last time
	unsigned tries;                        // that were in vain since
};
bool doc_read_xml(struct doc *doc) must_check;
bool doc_read_json(struct doc *doc) must_check;
// A diag of DIAG_SYNTAX (or another code) here; returns false.
bool doc_fail(struct doc_cursor *c, enum diag_code code, const char *hint, const char *fmt, ...)
	printf_like(4, 5);
uint32_t doc_line(struct doc_cursor *c) must_check;
// A new item as the last child of the innermost open one; its index.
uint32_t doc_push(struct doc_cursor *c, const struct item *item) must_check;
// Makes the item the innermost open one; false with a diag when that is too deep.
bool doc_enter(struct doc_cursor *c, uint32_t index) must_check;
// The item is complete; the innermost open one is what it stands in.
void doc_done(struct doc_cursor *c, uint32_t index);
// Gives back the records of everything complete in the open items of these depths.
void doc_release(struct doc_cursor *c, uint32_t from, uint32_t to);
uint32_t doc_intern_ns(struct doc *doc, const char *text, size_t len) must_check;
