// SPDX-License-Identifier: Apache-2.0
// Linking, unlinking and finding data nodes where libyang 2.1.30 takes detours or would fall.
//
// At the top of a tree libyang walks all nodes to find an end; here the long lists stay quick. And the table in which it
// keeps the children of a node breaks when removals and insertions have used up its free slots (lyht_find_collision then
// follows a null pointer). So the wear of each table is counted, and it is made anew long before that: a table is at most
// three quarters full, and each removal with a later insertion costs at most one free slot.
#include "schema/model.h"

#include <libyang/libyang.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

// Nodes with at most this many children have their table dropped at each removal; libyang makes it again when it adds.
#define SMALL 32u

struct tree_wear {
	size_t children, removals;
};

static struct lyd_node_inner *inner(struct lyd_node *node)
{
	return (struct lyd_node_inner *)node;
}

// A node without children takes the table along into its end, as libyang offers no other way to free one.
static void drop_table(struct lyd_node *parent)
{
	struct lyd_node_inner *bearer = base_oom(calloc(1, sizeof(*bearer)));
	bearer->schema = parent->schema;
	bearer->prev = &bearer->node;
	bearer->children_ht = inner(parent)->children_ht;
	inner(parent)->children_ht = NULL;
	lyd_free_tree(&bearer->node);
}

static void renew_table(struct lyd_node *parent)
{
	struct lyd_node *last = lyd_child(parent)->prev;
	drop_table(parent);
	if (last->schema->flags & LYS_KEY)
		return;
	// Added again at its place, it makes libyang fill a new table.
	lyd_unlink_tree(last);
	int failed = lyd_insert_child(parent, last);
	assert(!failed);
}

static size_t count_children(const struct lyd_node *parent, size_t most)
{
	size_t n = 0;
	for (const struct lyd_node *it = lyd_child(parent); it && n < most; it = it->next)
		n++;
	return n;
}

// An address that is used again finds the wear of another node and is renewed too early, which does no harm.
static void wear(struct schema_tree *tree, struct lyd_node *parent)
{
	char key[32];
	if (count_children(parent, SMALL + 1) <= SMALL) {
		drop_table(parent);
		return;
	}
	snprintf(key, sizeof(key), "%p", (void *)parent);
	struct tree_wear *w = map_get(&tree->wear, key);
	if (!w) {
		w = arena_new(&tree->arena, struct tree_wear);
		(void)map_put(&tree->wear, arena_strdup(&tree->arena, key), w);
	}
	if (!w->children)
		w->children = count_children(parent, SIZE_MAX);
	if (++w->removals * 8 < w->children)
		return;
	*w = (struct tree_wear){0};
	renew_table(parent);
}

// The place among the top-level nodes: behind the last of the same kind, else as libyang would order it.
void tree_link_top(struct schema_tree *tree, struct lyd_node *node)
{
	struct lyd_node *first = tree->first, *last = first ? first->prev : NULL;
	if (!last || last->schema != node->schema) {
		lyd_insert_sibling(first, node, &tree->first);
		return;
	}
	last->next = node;
	node->prev = last;
	node->next = NULL;
	first->prev = node;
}

void tree_unlink(struct schema_tree *tree, struct lyd_node *node)
{
	struct lyd_node *first = tree->first, *parent = lyd_parent(node);
	if (parent) {
		lyd_unlink_tree(node);
		// Nodes without a model are not in the table.
		if (inner(parent)->children_ht && node->schema)
			wear(tree, parent);
		return;
	}
	if (first == node || node->next) {
		if (first == node)
			tree->first = node->next;
		lyd_unlink_tree(node);
		return;
	}
	// The last at the top: libyang would walk the whole list to find the first.
	node->prev->next = NULL;
	first->prev = node->prev;
	node->prev = node;
}

void tree_free_node(struct schema_tree *tree, struct lyd_node *node)
{
	tree_unlink(tree, node);
	lyd_free_tree(node);
}

struct lyd_node *tree_find_child(const struct schema_tree *tree, const struct lyd_node *parent,
				 const struct model_node *model)
{
	struct lyd_node *it = parent ? lyd_child_no_keys(parent) : tree->first, *found = NULL;
	if (parent && model->schema->flags & LYS_KEY)
		it = lyd_child(parent);
	if (parent && it && ((const struct lyd_node_inner *)parent)->children_ht) {
		(void)lyd_find_sibling_val(it, model->schema, NULL, 0, &found);
		return found;
	}
	for (; it; it = it->next)
		if (it->schema == model->schema)
			return it;
	return NULL;
}
