// SPDX-License-Identifier: Apache-2.0
// The content of anydata and anyxml (RFC 7950 sections 7.10 and 7.11). It stays text, because what uses it (an edit, a
// filter) reads it with its own rules; nodes are made only for those who walk into it.
#include "schema/any.h"
#include "base/buf.h"
#include "schema/build.h"

#include <libyang/libyang.h>
#include <stdlib.h>
#include <string.h>

// Made empty and then given its text: libyang would make nodes of the text of anydata, and lose an edit's attributes.
struct lyd_node *any_new(struct schema_tree *tree, struct lyd_node *parent,
			 const struct lysc_node *lys, const char *text, bool json)
{
	struct lyd_node *node = NULL;
	if (lyd_new_any(parent, lys->module, lys->name, NULL, 1, LYD_ANYDATA_DATATREE,
			tree->is_output, &node))
		abort(); // memory: the node is known
	struct lyd_node_any *any = (struct lyd_node_any *)node;
	if (lydict_insert(tree->schema->ctx, text, 0, &any->value.str))
		abort(); // memory
	any->value_type = json ? LYD_ANYDATA_JSON : LYD_ANYDATA_XML;
	return node;
}

struct lyd_node *any_child(struct lyd_node *node)
{
	struct lyd_node_any *any = (struct lyd_node_any *)node;
	if (any->value_type == LYD_ANYDATA_DATATREE)
		return any->value.tree;
	LYD_FORMAT format = any->value_type == LYD_ANYDATA_JSON ? LYD_JSON : LYD_XML;
	union lyd_any_value value = {0};
	if (!any->value.str ||
	    lyd_parse_data_mem(LYD_CTX(node), any->value.str, format,
			       LYD_PARSE_ONLY | LYD_PARSE_OPAQ, 0, &value.tree)) {
		ly_err_clean((struct ly_ctx *)(uintptr_t)LYD_CTX(node), NULL);
		return NULL;
	}
	lydict_remove(LYD_CTX(node), any->value.str);
	any->value = value;
	any->value_type = LYD_ANYDATA_DATATREE;
	return value.tree;
}

void any_text(const struct lyd_node *node, struct buf *out, bool *json_out)
{
	const struct lyd_node_any *any = (const struct lyd_node_any *)node;
	*json_out = any->value_type == LYD_ANYDATA_JSON;
	if (any->value_type != LYD_ANYDATA_DATATREE) {
		buf_adds(out, any->value.str ? any->value.str : "");
		return;
	}
	char *text = NULL;
	uint32_t options = LYD_PRINT_WITHSIBLINGS | LYD_PRINT_SHRINK | LYD_PRINT_KEEPEMPTYCONT;
	if (!lyd_print_mem(&text, any->value.tree, LYD_XML, options) && text)
		buf_adds(out, text);
	free(text);
}

void schema_any_text(const struct schema_node *any, struct buf *out)
{
	bool json;
	any_text(node_data(any), out, &json);
}

bool schema_any_tree(struct schema *schema, const struct schema_node *any, struct diags *diags,
		     struct schema_tree **out)
{
	struct buf text;
	bool json;
	buf_init(&text);
	any_text(node_data(any), &text, &json);
	struct schema_input input = {
		.data = text.data, .len = text.len, .format = json ? SCHEMA_JSON : SCHEMA_XML};
	struct schema_tree *tree = schema_tree_new(schema);
	bool good = schema_parse_edit(tree, &input, diags);
	if (good)
		*out = tree;
	else
		schema_tree_free(tree);
	buf_fini(&text);
	return good;
}
