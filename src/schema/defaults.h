// SPDX-License-Identifier: Apache-2.0
// Defaults in use. Internal to this folder.
#pragma once

#include "schema/model.h"

// Adds them below a node, or everywhere (NULL). There must be none yet below it.
void defaults_add(struct schema_tree *tree, struct lyd_node *subtree);
void defaults_strip(struct schema_tree *tree);
