// SPDX-License-Identifier: Apache-2.0
// Defaults in use. Internal to this folder.
#pragma once

#include "schema/node.h"

// Adds them below a node. There must be none yet below it. `logged`: they are changes that can be taken back.
void defaults_add(struct schema_tree *tree, struct schema_node *subtree, bool logged);
void defaults_strip(struct schema_tree *tree, bool logged);

// For a validation of changes; these go into the tree's log.
// The defaults directly below a node: those out of use go, those that are missing come.
void defaults_update(struct schema_tree *tree, struct schema_node *parent);
// One default under a `when` that may hold or not hold any more.
void defaults_resettle(struct schema_tree *tree, struct schema_node *parent,
		       const struct model_node *m);
