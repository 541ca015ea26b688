// SPDX-License-Identifier: Apache-2.0
// The index of a node with many children. Internal to this folder; node.h is what others use.
#pragma once

#include "schema/model.h"

struct schema_node;

struct siblings {
	struct schema_node *first;
	struct schema_node **slot; // entries of lists and leaf-lists, by their keys or values
	size_t len, cap;
	struct siblings_group {
		struct schema_node *first, *last;
		size_t count;
	} group[]; // by model_node.ordinal
};

static inline struct schema_node *siblings_first(const struct siblings *index)
{
	return index->first;
}
// Makes the index of a node that has none; its children stay linked as they are.
void siblings_index(struct schema_node *parent);
void siblings_free(struct siblings *index);
// Tells the index of the parent that this child has been linked, or is about to be unlinked.
void siblings_add(struct schema_node *parent, struct schema_node *node);
void siblings_remove(struct schema_node *parent, const struct schema_node *node);
struct schema_node *siblings_find(const struct siblings *index, const struct model_node *model,
				  const char *const *values) must_check;
// The child before which a new one of this model belongs; NULL: behind all.
struct schema_node *siblings_place(const struct schema_node *parent,
				   const struct model_node *model) must_check;
