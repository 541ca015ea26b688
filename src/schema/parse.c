// SPDX-License-Identifier: Apache-2.0
// Reading documents into trees (RFC 7950 section 8, RFC 7951). What the parts do: doc.c checks the bytes, xml.c and
// json.c make records of them, build.c makes nodes of those.
#include "schema/attr.h"
#include "schema/defaults.h"
#include "schema/pieces.h"
#include "schema/undo.h"

#include <stdlib.h>
#include <string.h>

struct schema_tree *schema_tree_new(struct schema *schema)
{
	struct schema_tree *tree = base_oom(calloc(1, sizeof(*tree)));
	tree->schema = schema;
	arena_init(&tree->arena);
	tree->root = node_new(schema, schema->root);
	tree->anchors.arena = tree->deletions.arena = &tree->arena;
	return tree;
}

void schema_tree_free(struct schema_tree *tree)
{
	if (!tree)
		return;
	undo_forget(tree);
	node_free(tree->root);
	arena_fini(&tree->arena);
	free(tree);
}

// What an edit says about a node beside the node.
static void copy_edit(struct schema_tree *to_tree, const struct schema_tree *from_tree,
		      struct schema_node *to, const struct schema_node *from)
{
	const char *anchor = attr_anchor(from_tree, from);
	if (anchor)
		attr_set_anchor(to_tree, to, anchor);
	for (const struct model_deletion *d = attr_deletions(from_tree, from); d; d = d->next)
		attr_add_deletion(to_tree, to, d);
	struct schema_node *copy = node_is_inner(to) ? node_child(to) : NULL;
	for (const struct schema_node *it = copy ? node_child(from) : NULL; it;
	     it = it->next, copy = copy->next)
		copy_edit(to_tree, from_tree, copy, it);
}

struct schema_tree *schema_tree_copy(const struct schema_tree *tree)
{
	struct schema_tree *copy = schema_tree_new(tree->schema);
	size_t position;
	node_free(copy->root);
	copy->root = node_copy(tree->root, true);
	if (tree->anchors.len || tree->deletions.len)
		copy_edit(copy, tree, copy->root, tree->root);
	copy->has_defaults = tree->has_defaults;
	copy->is_operation = tree->is_operation;
	if (undo_valid(tree, &position) && position == undo_now(tree))
		undo_set_valid(copy);
	return copy;
}

bool schema_tree_empty(const struct schema_tree *tree)
{
	node_for_each_child(it, tree->root) if (!it->is_default) return false;
	return true;
}

const struct item *parse_unwrap(const struct doc *doc)
{
	static const struct {
		const char *ns, *name;
	} wrappers[] = {{NS_NETCONF, "config"},
			{NS_NETCONF, "data"},
			{"urn:ietf:params:xml:ns:yang:ietf-restconf", "data"},
			{"ietf-restconf", "data"}};
	const struct item *top = doc->item, *only = doc_first(doc, top);
	if (!only || only->next || !only->ns)
		return top;
	for (size_t i = 0; i < array_len(wrappers); i++)
		if (!strcmp(doc_ns_text(doc, only), wrappers[i].ns) &&
		    doc_name_is(doc, only, wrappers[i].name))
			return only;
	return top;
}

static bool parse(struct schema_tree *tree, const struct schema_input *input, bool edit,
		  struct diags *diags)
{
	struct doc doc;
	struct builder b = {.doc = &doc, .tree = tree, .edit = edit, .errors = diags->errors};
	struct pieces pieces = {.builder = &b};
	bool had_defaults = tree->has_defaults;
	undo_forget(tree);
	defaults_strip(tree, false);
	bool good = pieces_read(&pieces, tree->schema, input, diags);
	if (good) {
		b.file = build_file(tree->schema, input->file);
		build_children(&b, parse_unwrap(&doc), tree->root);
	}
	good = build_end(&b) && good;
	if (!good && had_defaults)
		defaults_add(tree, tree->root, false);
	doc_fini(&doc);
	return good;
}

bool schema_parse(struct schema_tree *tree, const struct schema_input *input, struct diags *diags)
{
	return parse(tree, input, false, diags);
}

bool schema_parse_edit(struct schema_tree *tree, const struct schema_input *input,
		       struct diags *diags)
{
	return parse(tree, input, true, diags);
}
