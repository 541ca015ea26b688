// SPDX-License-Identifier: Apache-2.0
// Changes to a tree that can be taken back and done again exactly, order included. Internal to this folder.
//
// A position is a number of changes; the tree is at one, its present. Going to another costs what lies between.
#pragma once

#include "schema/node.h"

// Adds a new node below a parent, where its kind stands, as the last of its kind.
void undo_add(struct schema_tree *tree, struct schema_node *parent, struct schema_node *node);
// For a node that is in the tree already, fresh.
void undo_added(struct schema_tree *tree, struct schema_node *node);
void undo_remove(struct schema_tree *tree, struct schema_node *node);
// Before that sibling of its kind; NULL: as the last.
void undo_move(struct schema_tree *tree, struct schema_node *node, struct schema_node *before);

// Changes are about to be made: what was taken back cannot be done again any more. The first change does it, too, but
// others have no turns then.
void undo_begin(struct schema_tree *tree);

size_t undo_now(const struct schema_tree *tree) must_check;
// The last position up to the present at which the tree was valid; false: none.
bool undo_valid(const struct schema_tree *tree, size_t *position_out) must_check;
void undo_set_valid(struct schema_tree *tree);
// Forward only to what was there before, and if nothing has changed since.
void undo_go(struct schema_tree *tree, size_t position);
// Takes back everything since this position, for good.
void undo_back(struct schema_tree *tree, size_t position);
// Forgets everything: what was removed is freed, no position is valid. The tree stays as it is.
void undo_forget(struct schema_tree *tree);
// Forgets what lies before this position; not beyond the present.
void undo_forget_before(struct schema_tree *tree, size_t position);

// A log of which nothing is in its tree.
void undo_log_free(struct undo_log *log);

enum undo_kind { UNDO_ADDED, UNDO_REMOVED, UNDO_MOVED };
// The change that leads from this position to the next.
struct undo_change {
	enum undo_kind kind;
	struct schema_node *node;
};
struct undo_change undo_read(const struct schema_tree *tree, size_t position) must_check;
// Whether the node is in the tree now (not removed, nor anything above it).
bool undo_is_attached(const struct schema_node *node) must_check;
