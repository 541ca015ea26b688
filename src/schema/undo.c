// SPDX-License-Identifier: Apache-2.0
// Changes to a tree that can be taken back exactly. Each is one entry of the tree's log; taking back walks the log from
// its end, so every sibling that an entry remembers is there again when it is needed. The log also tells an incremental
// validation what has changed.
//
// A removed entry of a list has to return to its place, and libyang puts nodes anywhere only in lists ordered by the
// user; the order of others is merely not to be relied upon. So the schema is told for the moment that it is such a list.
#include "schema/undo.h"

#include <libyang/libyang.h>

#include <assert.h>
#include <stdlib.h>

struct undo_entry {
	enum undo_kind kind;
	struct lyd_node *node;
	struct lyd_node *parent; // of what was removed
	struct lyd_node *next;   // sibling of its kind that stood behind it
};

static struct undo_entry *push(struct schema_tree *tree)
{
	struct undo_log *log = &tree->log;
	if (log->len == log->cap) {
		log->cap = log->cap ? log->cap * 2 : 16;
		log->at = base_oom(realloc(log->at, log->cap * sizeof(*log->at)));
	}
	return &log->at[log->len++];
}

static struct lyd_node *next_of_kind(const struct lyd_node *node)
{
	return node->next && node->next->schema == node->schema ? node->next : NULL;
}

static void set_detached(struct lyd_node *node, bool detached)
{
	struct model_mark mark = model_mark(node);
	mark.detached = detached;
	model_set_mark(node, mark);
}

// --- places ---

static void put_before(struct schema_tree *tree, struct lyd_node *sibling, struct lyd_node *node)
{
	struct lysc_node *lys = (struct lysc_node *)(uintptr_t)node->schema;
	uint16_t flags = lys->flags;
	lys->flags |= LYS_ORDBY_USER;
	if (node->parent || node->prev != node)
		tree_unlink(tree, node);
	int failed = lyd_insert_before(sibling, node);
	lys->flags = flags;
	assert(!failed);
	if (tree->first == sibling && !sibling->parent)
		tree->first = node;
}

static void put_last(struct schema_tree *tree, struct lyd_node *parent, struct lyd_node *node)
{
	if (!parent) {
		tree_link_top(tree, node);
		return;
	}
	int failed = lyd_insert_child(parent, node);
	assert(!failed);
}

static void put(struct schema_tree *tree, struct lyd_node *parent, struct lyd_node *node,
		struct lyd_node *before)
{
	if (before)
		put_before(tree, before, node);
	else
		put_last(tree, parent, node);
}

// --- changes ---

void undo_added(struct schema_tree *tree, struct lyd_node *node)
{
	*push(tree) = (struct undo_entry){.kind = UNDO_ADDED, .node = node};
}

void undo_add(struct schema_tree *tree, struct lyd_node *parent, struct lyd_node *node)
{
	put_last(tree, parent, node);
	undo_added(tree, node);
}

void undo_remove(struct schema_tree *tree, struct lyd_node *node)
{
	*push(tree) = (struct undo_entry){.kind = UNDO_REMOVED,
					  .node = node,
					  .parent = lyd_parent(node),
					  .next = next_of_kind(node)};
	tree_unlink(tree, node);
	set_detached(node, true);
}

void undo_move(struct schema_tree *tree, struct lyd_node *node, struct lyd_node *before)
{
	struct lyd_node *next = next_of_kind(node), *parent = lyd_parent(node);
	if (before == next || before == node)
		return;
	*push(tree) = (struct undo_entry){
		.kind = UNDO_MOVED, .node = node, .parent = parent, .next = next};
	if (!before)
		tree_unlink(tree, node);
	put(tree, parent, node, before);
}

// --- back ---

static void back(struct schema_tree *tree, const struct undo_entry *e)
{
	switch (e->kind) {
	case UNDO_ADDED:
		tree_free_node(tree, e->node);
		break;
	case UNDO_REMOVED:
		put(tree, e->parent, e->node, e->next);
		set_detached(e->node, false);
		break;
	case UNDO_MOVED:
		if (!e->next)
			tree_unlink(tree, e->node);
		put(tree, e->parent, e->node, e->next);
		break;
	}
}

void undo_back(struct schema_tree *tree, size_t length)
{
	while (tree->log.len > length)
		back(tree, &tree->log.at[--tree->log.len]);
}

void undo_forget(struct schema_tree *tree)
{
	for (size_t i = 0; i < tree->log.len; i++)
		if (tree->log.at[i].kind == UNDO_REMOVED)
			lyd_free_tree(tree->log.at[i].node);
	free(tree->log.at);
	tree->log = (struct undo_log){0};
}

struct undo_change undo_read(const struct schema_tree *tree, size_t entry)
{
	const struct undo_entry *e = &tree->log.at[entry];
	struct lyd_node *parent = e->kind == UNDO_REMOVED ? e->parent : lyd_parent(e->node);
	return (struct undo_change){.kind = e->kind, .node = e->node, .parent = parent};
}

bool undo_is_attached(const struct lyd_node *node)
{
	for (; node; node = lyd_parent(node))
		if (model_mark(node).detached)
			return false;
	return true;
}

// --- public ---

size_t schema_changes(const struct schema_tree *tree)
{
	return tree->log.len;
}

struct schema_change schema_change(const struct schema_tree *tree, size_t entry)
{
	static const enum schema_change_kind kind[] = {[UNDO_ADDED] = SCHEMA_ADDED,
						       [UNDO_REMOVED] = SCHEMA_REMOVED,
						       [UNDO_MOVED] = SCHEMA_MOVED};
	struct undo_change change = undo_read(tree, entry);
	return (struct schema_change){.kind = kind[change.kind],
				      .node = node_public(change.node),
				      .parent = change.parent ? node_public(change.parent) : NULL};
}
