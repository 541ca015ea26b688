// SPDX-License-Identifier: Apache-2.0
// Changes to a tree that can be taken back and done again exactly. Each is one entry of the tree's log. Going back walks
// the log from its end, so every sibling that an entry remembers is there again when it is needed, and each entry then
// remembers where the node stood on the other side of the change. The log also tells an incremental validation what has
// changed.
//
// A node that is out of the tree belongs to the log: one that was removed until the removal is forgotten, one whose
// addition was taken back until something else is changed instead.
#include "schema/undo.h"
#include "base/turn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// 16 bytes: a replaced policy has hundreds of thousands. The kind stands in the low bits of the node's address.
struct undo_entry {
	uintptr_t node_and_kind;
	struct schema_node
		*next; // which sibling is behind the node on the other side of the change
};

static enum undo_kind kind_of(const struct undo_entry *e)
{
	return (enum undo_kind)(e->node_and_kind & 3);
}

static struct schema_node *node_of(const struct undo_entry *e)
{
	return (struct schema_node *)(e->node_and_kind & ~(uintptr_t)3);
}

static void grow(struct undo_log *log)
{
	log->cap = log->cap ? log->cap * 2 : 16;
	log->at = base_oom(realloc(log->at, log->cap * sizeof(*log->at)));
}

static void drop_valid_behind(struct undo_log *log, size_t position)
{
	while (log->valid.len && log->valid.at[log->valid.len - 1] > position)
		log->valid.len--;
}

// What was taken back cannot be done again any more.
static void drop_ahead(struct undo_log *log)
{
	while (log->len > log->now) {
		struct undo_entry e = log->at[--log->len];
		if (kind_of(&e) == UNDO_ADDED)
			node_free(node_of(&e));
	}
	drop_valid_behind(log, log->base + log->now);
}

static void push(struct schema_tree *tree, enum undo_kind kind, struct schema_node *node,
		 struct schema_node *next)
{
	struct undo_log *log = &tree->log;
	drop_ahead(log);
	if (log->len == log->cap)
		grow(log);
	log->at[log->len++] = (struct undo_entry){(uintptr_t)node | kind, next};
	log->now = log->len;
}

// --- changes ---

void undo_added(struct schema_tree *tree, struct schema_node *node)
{
	push(tree, UNDO_ADDED, node, NULL);
}

void undo_add(struct schema_tree *tree, struct schema_node *parent, struct schema_node *node)
{
	node_add(parent, node);
	undo_added(tree, node);
}

void undo_remove(struct schema_tree *tree, struct schema_node *node)
{
	push(tree, UNDO_REMOVED, node, node->next);
	node_unlink(node);
	node->detached = 1;
}

static void put(struct schema_node *node, struct schema_node *before)
{
	node_add_before(node->parent, node, before);
}

void undo_move(struct schema_tree *tree, struct schema_node *node, struct schema_node *before)
{
	struct schema_node *next = node->next;
	if (before == node || before == node_next_of_kind(node))
		return;
	push(tree, UNDO_MOVED, node, next);
	node_unlink(node);
	if (before)
		put(node, before);
	else
		node_add(node->parent, node);
}

// --- back and forward ---

static void take_out(struct undo_entry *e, struct schema_node *node)
{
	e->next = node->next;
	node_unlink(node);
	node->detached = 1;
}

static void put_in(const struct undo_entry *e, struct schema_node *node)
{
	put(node, e->next);
	node->detached = 0;
}

// One change, back or forward: which of the two makes a difference only for what comes or goes.
static void flip(struct undo_entry *e, bool back)
{
	struct schema_node *node = node_of(e), *next = e->next;
	if (kind_of(e) == UNDO_MOVED) {
		e->next = node->next;
		node_unlink(node);
		put(node, next);
	} else if ((kind_of(e) == UNDO_ADDED) == back) {
		take_out(e, node);
	} else {
		put_in(e, node);
		e->next = NULL;
	}
}

void undo_go(struct schema_tree *tree, size_t position)
{
	struct undo_log *log = &tree->log;
	assert(position >= log->base && position <= log->base + log->len);
	while (log->base + log->now > position)
		flip(&log->at[--log->now], true);
	while (log->base + log->now < position)
		flip(&log->at[log->now++], false);
}

void undo_begin(struct schema_tree *tree)
{
	drop_ahead(&tree->log);
}

void undo_log_free(struct undo_log *log)
{
	assert(!log->now);
	drop_ahead(log);
	free(log->at);
	free(log->valid.at);
}

void undo_back(struct schema_tree *tree, size_t position)
{
	undo_go(tree, position);
	drop_ahead(&tree->log);
}

// --- what is known of positions ---

size_t undo_now(const struct schema_tree *tree)
{
	return tree->log.base + tree->log.now;
}

bool undo_valid(const struct schema_tree *tree, size_t *position_out)
{
	const struct undo_log *log = &tree->log;
	for (size_t i = log->valid.len; i--;)
		if (log->valid.at[i] <= undo_now(tree)) {
			*position_out = log->valid.at[i];
			return true;
		}
	return false;
}

// What lies ahead stays valid, as it was when it was left.
void undo_set_valid(struct schema_tree *tree)
{
	struct undo_log *log = &tree->log;
	size_t now = undo_now(tree), at = log->valid.len;
	while (at && log->valid.at[at - 1] > now)
		at--;
	if (at && log->valid.at[at - 1] == now)
		return;
	if (log->valid.len == log->valid.cap) {
		log->valid.cap = log->valid.cap ? log->valid.cap * 2 : 4;
		log->valid.at =
			base_oom(realloc(log->valid.at, log->valid.cap * sizeof(*log->valid.at)));
	}
	memmove(&log->valid.at[at + 1], &log->valid.at[at],
		(log->valid.len - at) * sizeof(*log->valid.at));
	log->valid.at[at] = now;
	log->valid.len++;
}

// --- forgetting ---

void undo_forget_before(struct schema_tree *tree, size_t position)
{
	struct undo_log *log = &tree->log;
	assert(position >= log->base && position <= undo_now(tree));
	size_t n = position - log->base, old = 0;
	for (size_t i = 0; i < n; i++) {
		turn_point(); // others may be anywhere from that position on
		if (kind_of(&log->at[i]) == UNDO_REMOVED)
			node_free(node_of(&log->at[i]));
	}
	log->len -= n;
	log->now -= n;
	log->base = position;
	if (log->len)
		memmove(log->at, log->at + n, log->len * sizeof(*log->at));
	if (log->len < log->cap / 4) {
		log->cap = log->len + 16;
		log->at = base_oom(realloc(log->at, log->cap * sizeof(*log->at)));
	}
	while (old < log->valid.len && log->valid.at[old] < position)
		old++;
	log->valid.len -= old;
	if (log->valid.len)
		memmove(log->valid.at, log->valid.at + old,
			log->valid.len * sizeof(*log->valid.at));
}

void undo_forget(struct schema_tree *tree)
{
	struct undo_log *log = &tree->log;
	drop_ahead(log);
	undo_forget_before(tree, undo_now(tree));
	free(log->at);
	free(log->valid.at);
	*log = (struct undo_log){.kept = log->kept, .base = log->kept ? log->base : 0};
}

struct undo_change undo_read(const struct schema_tree *tree, size_t position)
{
	const struct undo_entry *e = &tree->log.at[position - tree->log.base];
	return (struct undo_change){.kind = kind_of(e), .node = node_of(e)};
}

bool undo_is_attached(const struct schema_node *node)
{
	for (; node; node = node->parent)
		if (node->detached)
			return false;
	return true;
}

// --- public ---

size_t schema_changes(const struct schema_tree *tree)
{
	return undo_now(tree);
}

struct schema_change schema_change(const struct schema_tree *tree, size_t number)
{
	static const enum schema_change_kind kind[] = {[UNDO_ADDED] = SCHEMA_ADDED,
						       [UNDO_REMOVED] = SCHEMA_REMOVED,
						       [UNDO_MOVED] = SCHEMA_MOVED};
	struct undo_change change = undo_read(tree, number);
	return (struct schema_change){
		.kind = kind[change.kind], .node = change.node, .parent = node_parent(change.node)};
}

void schema_go(struct schema_tree *tree, size_t number)
{
	assert(!tree->branch);
	undo_go(tree, number);
}

void schema_keep(struct schema_tree *tree, size_t number)
{
	assert(!tree->branch);
	tree->log.kept = true;
	undo_forget_before(tree, number);
}
