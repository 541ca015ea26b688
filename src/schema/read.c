// SPDX-License-Identifier: Apache-2.0
// Reading a tree: a thin face over libyang's nodes.
#include "schema/any.h"

#include <libyang/libyang.h>
#include <stdlib.h>
#include <string.h>

static const struct lyd_node *data(const struct schema_node *node)
{
	return node_data(node);
}

const struct schema_node *schema_first(const struct schema_tree *tree)
{
	return node_public(tree->first);
}

const struct schema_node *schema_next(const struct schema_node *node)
{
	return node_public(data(node)->next);
}

const struct schema_node *schema_parent(const struct schema_node *node)
{
	return node_public(lyd_parent(data(node)));
}

const struct schema_node *schema_child(const struct schema_node *node)
{
	struct lyd_node *d = node_data(node);
	return node_public(d->schema && d->schema->nodetype & LYD_NODE_ANY ? any_child(d)
									   : lyd_child(d));
}

// Nodes of any-data have no model; libyang keeps their names itself.
const char *schema_name(const struct schema_node *node)
{
	return LYD_NAME(data(node));
}

const char *schema_module(const struct schema_node *node)
{
	const struct lyd_node *d = data(node);
	return d->schema ? d->schema->module->name
			 : ((const struct lyd_node_opaq *)d)->name.module_name;
}

bool schema_is(const struct schema_node *node, const char *module, const char *name)
{
	const char *own = schema_module(node);
	return !strcmp(schema_name(node), name) && own && !strcmp(own, module);
}

const char *schema_value(const struct schema_node *node)
{
	const struct lyd_node *d = data(node);
	if (!d->schema)
		return ((const struct lyd_node_opaq *)d)->value;
	return d->schema->nodetype & LYD_NODE_TERM ? lyd_get_value(d) : NULL;
}

const char *schema_identity(const struct schema_node *node)
{
	const struct lyd_node *d = data(node);
	const char *text = schema_value(node);
	if (!text || !d->schema)
		return text;
	const struct lyd_value *value = &((const struct lyd_node_term *)d)->value;
	while (value->realtype->basetype == LY_TYPE_UNION)
		value = &value->subvalue->value;
	return value->realtype->basetype == LY_TYPE_IDENT ? value->ident->name : text;
}

bool schema_is_default(const struct schema_node *node)
{
	return data(node)->flags & LYD_DEFAULT;
}

const struct schema_node *schema_get(const struct schema_node *node, const char *name)
{
	schema_for_each_child (it, node)
		if (!strcmp(schema_name(it), name))
			return it;
	return NULL;
}

const char *schema_get_value(const struct schema_node *node, const char *name)
{
	const struct schema_node *child = schema_get(node, name);
	return child ? schema_value(child) : NULL;
}

// A path that names a list and no entry of it is XPath for all entries; libyang's own paths always name one.
static struct lyd_node *first_of_path(const struct schema_tree *tree, const char *path)
{
	struct ly_set *set = NULL;
	struct lyd_node *first = NULL;
	if (!lyd_find_xpath(tree->first, path, &set) && set->count)
		first = set->dnodes[0];
	ly_set_free(set, NULL);
	return first;
}

const struct schema_node *schema_find(const struct schema_tree *tree, const char *path)
{
	struct lyd_node *found = NULL;
	if (!tree->first)
		return NULL;
	if (lyd_find_path(tree->first, path, 0, &found))
		found = first_of_path(tree, path);
	ly_err_clean(tree->schema->ctx, NULL);
	return found ? node_public(found) : NULL;
}

const char *schema_path(const struct schema_node *node, struct arena *arena)
{
	char *path = lyd_path(data(node), LYD_PATH_STD, NULL, 0);
	const char *copy = arena_strdup(arena, base_oom(path));
	free(path);
	return copy;
}

unsigned schema_node_line(const struct schema_tree *tree, const struct schema_node *node)
{
	(void)tree;
	return data(node)->schema ? model_mark(data(node)).line : 0;
}

const char *schema_node_file(const struct schema_tree *tree, const struct schema_node *node)
{
	return data(node)->schema ? tree->files.at[model_mark(data(node)).file] : NULL;
}
