// SPDX-License-Identifier: Apache-2.0
// Reading a tree: a thin face over its nodes.
#include "base/buf.h"
#include "schema/path.h"

#include <libyang/libyang.h>
#include <string.h>

const struct schema_node *schema_root(const struct schema_tree *tree)
{
	return tree->root;
}

const struct schema_node *schema_first(const struct schema_tree *tree)
{
	return node_child(tree->root);
}

const struct schema_node *schema_next(const struct schema_node *node)
{
	return node->next;
}

const struct schema_node *schema_parent(const struct schema_node *node)
{
	return node_parent(node);
}

const struct schema_node *schema_child(const struct schema_node *node)
{
	return node_is_inner(node) ? node_child(node) : NULL;
}

const char *schema_name(const struct schema_node *node)
{
	return node_model(node)->name;
}

const char *schema_module(const struct schema_node *node)
{
	return node_model(node)->mod->name;
}

bool schema_is(const struct schema_node *node, const char *module, const char *name)
{
	return !strcmp(schema_name(node), name) && !strcmp(schema_module(node), module);
}

const char *schema_value(const struct schema_node *node)
{
	return node_value(node);
}

const char *schema_identity(const struct schema_node *node)
{
	const char *text = node_value(node);
	return text && node->form == FORM_IDENTITY ? strchr(text, ':') + 1 : text;
}

bool schema_is_default(const struct schema_node *node)
{
	return node->is_default;
}

const struct schema_node *schema_get(const struct schema_node *node, const char *name)
{
	const struct schema_node *it = schema_child(node);
	while (it && strcmp(schema_name(it), name) != 0)
		it = node_next_kind(it);
	return it;
}

const char *schema_get_value(const struct schema_node *node, const char *name)
{
	const struct schema_node *child = schema_get(node, name);
	return child ? schema_value(child) : NULL;
}

const struct schema_node *schema_find(const struct schema_tree *tree, const char *path)
{
	return path_find(tree, path);
}

const char *schema_path(const struct schema_node *node, struct arena *arena)
{
	struct buf path;
	buf_init(&path);
	node_path(node, &path);
	const char *copy = arena_strdup(arena, path.data);
	buf_fini(&path);
	return copy;
}

unsigned schema_node_line(const struct schema_tree *tree, const struct schema_node *node)
{
	(void)tree;
	return node->line;
}

const char *schema_node_file(const struct schema_tree *tree, const struct schema_node *node)
{
	return tree->schema->files.at[node->file];
}
