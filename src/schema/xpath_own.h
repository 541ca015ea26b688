// SPDX-License-Identifier: Apache-2.0
// For tests: one document as a tree of libyang and as ours, and which node is which.
#pragma once

#include "base/map.h"
#include "schema/test.h"

struct lyd_node;

struct own {
	struct lyd_node *lyd;
	struct schema_tree *tree;
	const struct schema_node *root;
	struct arena arena;
	struct map nodes; // address of libyang's node to ours
};
void own_init(struct own *own, struct test *t, const char *document);
void own_fini(struct own *own);
const struct schema_node *own_of(const struct own *own, const struct lyd_node *node);
