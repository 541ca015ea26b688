// SPDX-License-Identifier: Apache-2.0
// The index of a node with many children: where the instances of each model begin and end, and a table of entries by
// keys or values. Values are interned, so that pointers are hashed and compared.
#include "schema/node.h"

#include <assert.h>
#include <stdlib.h>

static struct siblings_group *group_of(struct siblings *index, const struct schema_node *node)
{
	return &index->group[node_model(node)->ordinal];
}

static uint64_t mix(uint64_t h, const void *p)
{
	h = (h ^ (uintptr_t)p) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

static uint64_t hash_values(const struct model_node *model, const char *const *values)
{
	uint64_t h = mix(1, model);
	size_t n = node_values_of(model);
	for (size_t i = 0; i < n; i++)
		h = mix(h, values[i]);
	return h;
}

static uint64_t hash_node(const struct schema_node *node)
{
	const char *values[NODE_KEYS_MOST];
	node_values(node, values);
	return hash_values(node_model(node), values);
}

// --- the table ---

static struct schema_node **find(const struct siblings *index, const struct model_node *model,
				 const char *const *values)
{
	size_t mask = index->cap - 1;
	for (size_t i = hash_values(model, values) & mask;; i = (i + 1) & mask)
		if (!index->slot[i] || node_has_values(index->slot[i], model, values))
			return &index->slot[i];
}

static struct schema_node **find_node(const struct siblings *index, const struct schema_node *node)
{
	const char *values[NODE_KEYS_MOST];
	node_values(node, values);
	return find(index, node_model(node), values);
}

static void grow(struct siblings *index)
{
	struct schema_node **old = index->slot;
	size_t cap = index->cap;
	index->cap = cap ? cap * 2 : 64;
	index->slot = base_oom(calloc(index->cap, sizeof(struct schema_node *)));
	for (size_t i = 0; i < cap; i++)
		if (old[i])
			*find_node(index, old[i]) = old[i];
	free(old);
}

static void put(struct siblings *index, struct schema_node *node)
{
	if (index->len * 3 >= index->cap * 2)
		grow(index);
	struct schema_node **slot = find_node(index, node);
	assert(!*slot);
	*slot = node;
	index->len++;
}

// The run behind the gap moves up, so that every node can still be reached from its hash.
static void take_out(struct siblings *index, const struct schema_node *node)
{
	size_t mask = index->cap - 1, gap = (size_t)(find_node(index, node) - index->slot);
	assert(index->slot[gap] == node);
	for (size_t i = (gap + 1) & mask; index->slot[i]; i = (i + 1) & mask) {
		size_t home = hash_node(index->slot[i]) & mask;
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		index->slot[gap] = index->slot[i];
		gap = i;
	}
	index->slot[gap] = NULL;
	index->len--;
}

// --- the whole ---

void siblings_index(struct schema_node *parent)
{
	struct schema_node *first = parent->child;
	const struct model_node *model = node_model(parent);
	struct siblings *index = base_oom(
		calloc(1, sizeof(*index) + model->children * sizeof(struct siblings_group)));
	index->first = first;
	parent->index = index;
	parent->indexed = 1;
	for (struct schema_node *it = first; it; it = it->next)
		siblings_add(parent, it);
}

void siblings_free(struct siblings *index)
{
	free(index->slot);
	free(index);
}

void siblings_add(struct schema_node *parent, struct schema_node *node)
{
	struct siblings *index = parent->index;
	struct siblings_group *group = group_of(index, node);
	if (!group->count || (node->next && node->next == group->first))
		group->first = node;
	if (!node_next_of_kind(node))
		group->last = node;
	group->count++;
	if (node_model(node)->identified)
		put(index, node);
}

void siblings_remove(struct schema_node *parent, const struct schema_node *node)
{
	struct siblings *index = parent->index;
	struct siblings_group *group = group_of(index, node);
	if (node_model(node)->identified)
		take_out(index, node);
	group->count--;
	if (group->first == node)
		group->first = group->count ? node->next : NULL;
	if (group->last == node)
		group->last = group->count ? node->prev : NULL;
}

struct schema_node *siblings_find(const struct siblings *index, const struct model_node *model,
				  const char *const *values)
{
	return index->cap ? *find(index, model, values) : NULL;
}

struct schema_node *siblings_place(const struct schema_node *parent, const struct model_node *model)
{
	const struct siblings *index = parent->index;
	size_t n = node_model(parent)->children;
	for (size_t i = model->ordinal + 1u; i < n; i++)
		if (index->group[i].count)
			return index->group[i].first;
	return NULL;
}
