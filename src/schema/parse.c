// SPDX-License-Identifier: Apache-2.0
// Reading documents into trees (RFC 7950 section 8, RFC 7951). What the parts do: doc.c checks the bytes, xml.c and
// json.c make records of them, build.c makes nodes of those.
#include "schema/attr.h"
#include "schema/defaults.h"
#include "schema/undo.h"

#include <libyang/libyang.h>
#include <stdlib.h>
#include <string.h>

struct schema_tree *schema_tree_new(struct schema *schema)
{
	struct schema_tree *tree = base_oom(calloc(1, sizeof(*tree)));
	tree->schema = schema;
	arena_init(&tree->arena);
	tree->anchors.arena = tree->deletions.arena = tree->wear.arena = &tree->arena;
	vec_push(&tree->arena, &tree->files, NULL);
	return tree;
}

void schema_tree_free(struct schema_tree *tree)
{
	if (!tree)
		return;
	undo_forget(tree);
	lyd_free_all(tree->first);
	arena_fini(&tree->arena);
	free(tree);
}

static void copy_marks(struct schema_tree *to_tree, const struct schema_tree *from_tree,
		       struct lyd_node *to, const struct lyd_node *from)
{
	for (; to && from; to = to->next, from = from->next) {
		to->priv = from->priv;
		const char *anchor = attr_anchor(from_tree, from);
		if (anchor)
			attr_set_anchor(to_tree, to, anchor);
		for (const struct model_deletion *d = attr_deletions(from_tree, from); d;
		     d = d->next)
			attr_add_deletion(to_tree, to, d);
		copy_marks(to_tree, from_tree, lyd_child(to), lyd_child(from));
	}
}

struct schema_tree *schema_tree_copy(const struct schema_tree *tree)
{
	struct schema_tree *copy = schema_tree_new(tree->schema);
	for (size_t i = 1; i < tree->files.len; i++)
		vec_push(&copy->arena, &copy->files, arena_strdup(&copy->arena, tree->files.at[i]));
	if (tree->first && lyd_dup_siblings(tree->first, NULL,
					    LYD_DUP_RECURSIVE | LYD_DUP_WITH_FLAGS, &copy->first))
		abort(); // memory
	copy_marks(copy, tree, copy->first, tree->first);
	copy->has_defaults = tree->has_defaults;
	copy->valid = tree->valid && !tree->log.len;
	copy->is_operation = tree->is_operation;
	copy->is_output = tree->is_output;
	return copy;
}

bool schema_tree_empty(const struct schema_tree *tree)
{
	const struct lyd_node *it = tree->first;
	while (it && it->flags & LYD_DEFAULT)
		it = it->next;
	return !it;
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
	bool good = doc_init(&doc, tree->schema, input, diags);
	bool had_defaults = tree->has_defaults;
	undo_forget(tree);
	tree->valid = false;
	if (good) {
		b.file = build_file(tree, input->file);
		defaults_strip(tree);
		index_put_all(&b.index, tree->first);
		build_children(&b, parse_unwrap(&doc), NULL);
		good = build_end(&b);
		if (!good && had_defaults)
			defaults_add(tree, NULL);
	}
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
