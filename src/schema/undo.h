// SPDX-License-Identifier: Apache-2.0
// Changes to a tree that can be taken back exactly, order included. Internal to this folder.
#pragma once

#include "schema/model.h"

// Adds a new node below a parent (NULL: at the top), where its kind stands, as the last of its kind.
void undo_add(struct schema_tree *tree, struct lyd_node *parent, struct lyd_node *node);
// For a node that is in the tree already, fresh.
void undo_added(struct schema_tree *tree, struct lyd_node *node);
void undo_remove(struct schema_tree *tree, struct lyd_node *node);
// Before that sibling of its kind; NULL: as the last.
void undo_move(struct schema_tree *tree, struct lyd_node *node, struct lyd_node *before);

// Takes back everything since the log had this length.
void undo_back(struct schema_tree *tree, size_t length);
// Forgets: what was removed is freed. The tree stays as it is.
void undo_forget(struct schema_tree *tree);
enum undo_kind { UNDO_ADDED, UNDO_REMOVED, UNDO_MOVED };
// One entry of the log. The parent is that of now, or of before the removal; NULL: the top.
struct undo_change {
	enum undo_kind kind;
	struct lyd_node *node, *parent;
};
struct undo_change undo_read(const struct schema_tree *tree, size_t entry) must_check;
// Whether the node is in the tree now (not removed, nor anything above it).
bool undo_is_attached(const struct lyd_node *node) must_check;
