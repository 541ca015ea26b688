// SPDX-License-Identifier: Apache-2.0
// Attributes of data elements. Internal to this folder.
#pragma once

#include "schema/build.h"

// In an edit: operation, insert, key and value go into the node and the tree's anchors. Everything else is a diag.
void attr_read(struct builder *b, const struct place *place, struct schema_node *node);
void attr_set_anchor(struct schema_tree *tree, struct schema_node *node, const char *text);
// What stands at `key` or `value` of this node; NULL: nothing.
const char *attr_anchor(const struct schema_tree *tree, const struct schema_node *node) must_check;
// Whether this element deletes a leaf without naming its value; then it is noted below the parent, and needs no node.
bool attr_is_deletion(struct builder *b, const struct place *place) must_check;
// The first deletion below a node of an edit (its root: at the top).
const struct model_deletion *attr_deletions(const struct schema_tree *tree,
					    const struct schema_node *parent) must_check;
void attr_add_deletion(struct schema_tree *tree, struct schema_node *parent,
		       const struct model_deletion *deletion);
