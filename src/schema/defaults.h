// SPDX-License-Identifier: Apache-2.0
// Defaults in use. Internal to this folder.
#pragma once

#include "schema/model.h"

// Adds them below a node, or everywhere (NULL). There must be none yet below it.
void defaults_add(struct schema_tree *tree, struct lyd_node *subtree);
void defaults_strip(struct schema_tree *tree);

// For a validation of changes; these go into the tree's undo log.
// The defaults directly below a node (NULL: at the top): those out of use go, those that are missing come.
void defaults_update(struct schema_tree *tree, struct lyd_node *parent);
// One default under a `when` that may hold or not hold any more.
void defaults_resettle(struct schema_tree *tree, struct lyd_node *parent, struct model_node *m);
