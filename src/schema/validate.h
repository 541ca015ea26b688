// SPDX-License-Identifier: Apache-2.0
// The parts of a validation. Internal to this folder.
#pragma once

#include "schema/refs.h"

struct check {
	struct schema_tree *tree;
	struct diags *diags;
	struct refs refs;
};

void check_init(struct check *v, struct schema_tree *tree, struct diags *diags);
void check_fini(struct check *v);
// The node with all below it.
void check_node(struct check *v, struct schema_node *node);
// All below the node, and what must be among its children.
void check_children(struct check *v, struct schema_node *parent, const struct model_node *m);
void check_one_rule(struct check *v, struct schema_node *node, const struct model_rule *rule);
void check_reference(struct check *v, struct schema_node *leaf);
// Only what must be among the children: mandatory, min- and max-elements, unique, choices (demands.c).
void demands_check(struct check *v, struct schema_node *parent, const struct model_node *m);
