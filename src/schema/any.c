// SPDX-License-Identifier: Apache-2.0
// The content of anydata and anyxml (RFC 7950 sections 7.10 and 7.11). It stays text, because what uses it (an edit, a
// filter) reads it with its own rules.
#include "schema/any.h"
#include "base/buf.h"

#include <string.h>

void any_set(struct schema_node *any, const char *text, size_t len, bool json)
{
	node_set_value(any, intern_lone(text, len), json ? FORM_JSON : FORM_XML);
}

void any_set_tree(struct schema_node *any, struct schema_tree *content)
{
	node_set_value(any, NULL, FORM_TREE);
	any->content = content;
}

// Whoever asks for the text of a tree gets it of the same node again.
static void print_tree(struct schema_node *any)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	schema_print(any->content, SCHEMA_XML, 0, &text);
	any_set(any, text.data, text.len, false);
}

const char *any_text(const struct schema_node *any)
{
	if (any->form == FORM_TREE)
		print_tree((struct schema_node *)(uintptr_t)any);
	return any->value ? any->value : "";
}

static struct schema_tree *take_tree(struct schema_node *any)
{
	struct schema_tree *tree = any->content;
	any->content = NULL;
	any->form = FORM_XML;
	return tree;
}

void schema_any_text(const struct schema_node *any, struct buf *out)
{
	buf_adds(out, any_text(any));
}

bool schema_any_tree(struct schema *schema, const struct schema_node *any, struct diags *diags,
		     struct schema_tree **out)
{
	if (any->form == FORM_TREE) {
		*out = take_tree((struct schema_node *)(uintptr_t)any);
		return true;
	}
	const char *text = any_text(any);
	struct schema_input input = {.data = text,
				     .len = any->value ? intern_length(any->value) : 0,
				     .format = any_is_json(any) ? SCHEMA_JSON : SCHEMA_XML};
	struct schema_tree *tree = schema_tree_new(schema);
	bool good = schema_parse_edit(tree, &input, diags);
	if (good)
		*out = tree;
	else
		schema_tree_free(tree);
	return good;
}
