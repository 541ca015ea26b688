// SPDX-License-Identifier: Apache-2.0
// A set of data nodes in which equal ones are found at once: of one parent, the same container, leaf, list entry (by its
// keys) or leaf-list value. Internal to this folder.
#pragma once

#include "schema/model.h"

struct node_index {
	struct lyd_node **slot;
	size_t len, cap;
};

void index_fini(struct node_index *index);
// The equal node that is in the set already; else NULL, and the node is put into it. Nodes that may stand twice (entries
// without keys, leaf-lists of state) are never equal.
struct lyd_node *index_put(struct node_index *index, struct lyd_node *node);
// Everything below and beside this first node.
void index_put_all(struct node_index *index, struct lyd_node *first);
// The only instance under a parent, of a container or leaf.
struct lyd_node *index_find(const struct node_index *index, const struct lyd_node *parent,
			    const struct lysc_node *schema) must_check;
// The node in the set that is equal to this one, which may be of another tree; NULL: none.
struct lyd_node *index_get(const struct node_index *index, const struct lyd_node *node) must_check;
void index_remove(struct node_index *index, const struct lyd_node *node);
