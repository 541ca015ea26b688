// SPDX-License-Identifier: Apache-2.0
// ietf-i2nsf-cons-facing-interface to and from struct intent. The one idea: the model is a table
// (cfi_fields.c) that one reader and one writer walk, so that both know every node or neither does;
// a node that the table lacks is an error, never passed over. It does not resolve names or parse
// times: the intent is what was said. Both encodings are read, as the tree hides them; XML is
// written (RFC 7950 sections 7.5.7, 7.7.8, 7.8.5).
#include "codec/cfi.h"

#include "base/buf.h"
#include "base/diag.h"
#include "codec/cfi_fields.h"
#include "schema/schema.h"

#include <string.h>

#define MODULE "ietf-i2nsf-cons-facing-interface"
#define MONITORING "ietf-i2nsf-monitoring-interface"
#define NAMESPACE "urn:ietf:params:xml:ns:yang:"

// Any of the vectors of struct intent, whatever its items are.
struct vector {
	unsigned char *at;
	size_t len, cap;
};

// --- reading ---

struct reader {
	const struct schema_tree *tree;
	struct arena *arena;
	struct diags *diags;
	const char *file, *file_copy; // of the node before: most nodes are of the same file
	struct intent_rule *rule;     // that is being read, or NULL
};

static void read_children(struct reader *r, const struct schema_node *parent,
			  const struct cfi_field *fields, unsigned char *at);

static void complain(struct reader *r, const struct schema_node *node, enum diag_code code,
		     const char *hint)
{
	const char *value = schema_value(node);
	struct diag about = {
		.code = code,
		.file = schema_node_file(r->tree, node),
		.line = schema_node_line(r->tree, node),
		.path = schema_path(node, r->arena),
		.hint = hint,
	};
	if (value)
		diag_add(r->diags, &about, "%s cannot be \"%.80s\"", schema_name(node), value);
	else
		diag_add(r->diags, &about, "%s is not known here", schema_name(node));
}

// A zeroed item at the vector's end.
static void *vector_extend(struct arena *arena, struct vector *vector, size_t size)
{
	if (vector->len == vector->cap)
		vector->at = arena_grow(arena, vector->at, vector->len, &vector->cap, size);
	return vector->at + vector->len++ * size;
}

static void read_value(struct reader *r, const struct schema_node *node,
		       const struct cfi_field *field, void *at)
{
	struct cfi_text in = {
		.text = field->value == &cfi_term ? schema_identity(node) : schema_value(node),
		.field = field,
		.arena = r->arena,
	};
	if (!in.text || !field->value->read(&in, at))
		complain(r, node, DIAG_VALUE, "use a value that the model allows here");
}

static struct intent_place place_of(struct reader *r, const struct schema_node *node)
{
	const char *file = schema_node_file(r->tree, node);
	if (file != r->file) {
		r->file = file;
		r->file_copy = arena_strdup(r->arena, file);
	}
	return (struct intent_place){r->file_copy, schema_node_line(r->tree, node)};
}

static void read_item(struct reader *r, const struct schema_node *node,
		      const struct cfi_field *field, void *vector)
{
	unsigned char *item = vector_extend(r->arena, vector, field->size);
	if (field->place != CFI_NO_PLACE)
		*(struct intent_place *)(item + field->place) = place_of(r, node);
	if (field->marks)
		r->rule = (struct intent_rule *)item;
	read_children(r, node, field->fields, item);
	if (field->marks)
		r->rule = NULL;
}

// Remembers the line of what is a member of the rule itself (an entry of its lists has none).
static void mark(struct reader *r, const struct schema_node *node, const void *member)
{
	uintptr_t offset = (uintptr_t)member - (uintptr_t)r->rule;
	if (!r->rule || offset >= sizeof(*r->rule) || schema_is_default(node))
		return;
	struct intent_mark mark = {offset, schema_node_line(r->tree, node)};
	vec_push(r->arena, &r->rule->mark, mark);
}

static void read_field(struct reader *r, const struct schema_node *node,
		       const struct cfi_field *field, unsigned char *at)
{
	if (field->kind != CFI_CONTAINER)
		mark(r, node, at + field->offset);
	switch (field->kind) {
	case CFI_CONTAINER:
		read_children(r, node, field->fields, at + field->offset);
		break;
	case CFI_LIST:
		read_item(r, node, field, at + field->offset);
		break;
	case CFI_LEAF:
		read_value(r, node, field, at + field->offset);
		break;
	case CFI_LEAF_LIST:
		read_value(r, node, field,
			   vector_extend(r->arena, (struct vector *)(at + field->offset),
					 field->value->size));
		break;
	}
}

static const struct cfi_field *find_field(const struct cfi_field *fields,
					  const struct schema_node *node)
{
	const struct cfi_field *field = fields;
	while (field->name && !schema_is(node, MODULE, field->name))
		field++;
	return field->name ? field : NULL;
}

static void read_children(struct reader *r, const struct schema_node *parent,
			  const struct cfi_field *fields, unsigned char *at)
{
	schema_for_each_child (node, parent) {
		const struct cfi_field *field = find_field(fields, node);
		if (field)
			read_field(r, node, field, at);
		else
			complain(r, node, DIAG_UNKNOWN_ELEMENT,
				 "remove it: this version would not enforce it");
	}
}

bool codec_cfi_read(const struct schema_tree *tree, struct arena *arena, struct diags *diags,
		    struct intent *out)
{
	struct intent intent = {0};
	struct reader r = {.tree = tree, .arena = arena, .diags = diags};
	size_t errors = diags->errors;
	for (const struct schema_node *node = schema_first(tree); node; node = schema_next(node)) {
		const struct cfi_field *field = find_field(cfi_roots, node);
		if (field)
			read_field(&r, node, field, (unsigned char *)&intent);
	}
	if (diags->errors > errors)
		return false;
	*out = intent;
	return true;
}

// --- writing ---

struct writer {
	struct buf *out;
	unsigned depth;
};

static void write_children(struct writer *w, const struct cfi_field *fields,
			   const unsigned char *at);

static void write_open(struct writer *w, const char *name)
{
	for (unsigned i = 0; i < w->depth; i++)
		buf_adds(w->out, "  ");
	buf_printf(w->out, "<%s", name);
	if (!w->depth)
		buf_adds(w->out, " xmlns=\"" NAMESPACE MODULE
				 "\" xmlns:i2nsfmi=\"" NAMESPACE MONITORING "\"");
	buf_addc(w->out, '>');
}

static void write_value(struct writer *w, const struct cfi_field *field, const void *value)
{
	size_t before = w->out->len;
	write_open(w, field->name);
	if (field->value->write(value, field, w->out)) {
		buf_printf(w->out, "</%s>\n", field->name);
	} else {
		w->out->len = before;
		w->out->data[before] = '\0';
	}
}

// `keep`: also when nothing is in it. A list's entry exists by itself, a container only by what it
// holds.
static void write_element(struct writer *w, const struct cfi_field *field, const unsigned char *at,
			  bool keep)
{
	size_t before = w->out->len;
	write_open(w, field->name);
	buf_addc(w->out, '\n');
	size_t content = w->out->len;
	w->depth++;
	write_children(w, field->fields, at);
	w->depth--;
	if (w->out->len == content && !keep) {
		w->out->len = before;
		w->out->data[before] = '\0';
		return;
	}
	for (unsigned i = 0; i < w->depth; i++)
		buf_adds(w->out, "  ");
	buf_printf(w->out, "</%s>\n", field->name);
}

static void write_field(struct writer *w, const struct cfi_field *field, const unsigned char *at)
{
	const struct vector *vector = (const struct vector *)(at + field->offset);
	switch (field->kind) {
	case CFI_CONTAINER:
		write_element(w, field, at + field->offset, false);
		break;
	case CFI_LIST:
		for (size_t i = 0; i < vector->len; i++)
			write_element(w, field, vector->at + i * field->size, true);
		break;
	case CFI_LEAF:
		write_value(w, field, at + field->offset);
		break;
	case CFI_LEAF_LIST:
		for (size_t i = 0; i < vector->len; i++)
			write_value(w, field, vector->at + i * field->value->size);
		break;
	}
}

static void write_children(struct writer *w, const struct cfi_field *fields,
			   const unsigned char *at)
{
	for (const struct cfi_field *field = fields; field->name; field++)
		write_field(w, field, at);
}

void codec_cfi_write(const struct intent *intent, struct buf *out)
{
	struct writer w = {.out = out};
	write_children(&w, cfi_roots, (const unsigned char *)intent);
}
