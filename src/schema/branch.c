// SPDX-License-Identifier: Apache-2.0
// Changes that somebody lays over a tree for himself, as state over configuration. They stand in a log of their own, which
// takes the place of the tree's as long as the branch is entered; so everything that edits, validates and shows trees works
// on a branch, and nothing is copied.
#include "schema/undo.h"

#include <assert.h>
#include <stdlib.h>

struct schema_branch {
	struct schema_tree *tree;
	struct undo_log other; // the tree's while it is entered, else its own
	size_t end;            // how far its changes go
};

static void exchange_logs(struct schema_branch *b)
{
	struct undo_log log = b->tree->log;
	b->tree->log = b->other;
	b->other = log;
}

static bool is_valid(const struct schema_tree *tree)
{
	size_t position;
	return undo_valid(tree, &position) && position == undo_now(tree);
}

struct schema_branch *schema_branch_new(struct schema_tree *tree)
{
	struct schema_branch *b = base_oom(calloc(1, sizeof(*b)));
	bool valid = is_valid(tree);
	b->tree = tree;
	b->other.kept = true;
	schema_branch_enter(b);
	if (valid)
		undo_set_valid(tree);
	return b;
}

void schema_branch_enter(struct schema_branch *b)
{
	assert(!b->tree->branch);
	exchange_logs(b);
	b->tree->branch = b;
	undo_go(b->tree, b->end);
}

void schema_branch_leave(struct schema_branch *b)
{
	assert(b->tree->branch == b);
	b->end = undo_now(b->tree);
	undo_go(b->tree, 0);
	exchange_logs(b);
	b->tree->branch = NULL;
}

// What it has added is out of the tree when it has been left, and what it has removed is in it.
void schema_branch_free(struct schema_branch *b)
{
	if (!b)
		return;
	if (b->tree->branch == b)
		schema_branch_leave(b);
	undo_log_free(&b->other);
	free(b);
}
