// SPDX-License-Identifier: Apache-2.0
// Open addressing over the identity of data nodes. Canonical values are shared by libyang's dictionary, so that equal
// values are equal pointers.
#include "schema/index.h"

#include <libyang/libyang.h>
#include <stdlib.h>

struct identity {
	const void *parent, *schema;
	const struct lyd_node *keys; // first key of a list entry
	const char *value;           // of a leaf-list
};

void index_fini(struct node_index *index)
{
	free(index->slot);
	*index = (struct node_index){0};
}

static struct identity identity_of(const struct lyd_node *node)
{
	struct identity id = {.parent = node->parent, .schema = node->schema};
	if (node->schema->nodetype == LYS_LIST)
		id.keys = lyd_child(node);
	else if (node->schema->nodetype == LYS_LEAFLIST)
		id.value = lyd_get_value(node);
	return id;
}

static bool is_key(const struct lyd_node *node)
{
	return node && node->schema->flags & LYS_KEY;
}

static uint64_t mix(uint64_t h, const void *p)
{
	h = (h ^ (uintptr_t)p) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

static uint64_t hash(const struct identity *id)
{
	uint64_t h = mix(mix(mix(1, id->parent), id->schema), id->value);
	for (const struct lyd_node *key = id->keys; is_key(key); key = key->next)
		h = mix(h, lyd_get_value(key));
	return h;
}

static bool equal(const struct identity *a, const struct lyd_node *node)
{
	if (a->schema != node->schema || a->parent != node->parent)
		return false;
	struct identity b = identity_of(node);
	if (a->value != b.value)
		return false;
	const struct lyd_node *k = a->keys, *l = b.keys;
	for (; is_key(k) && is_key(l); k = k->next, l = l->next)
		if (lyd_get_value(k) != lyd_get_value(l))
			return false;
	return true;
}

static struct lyd_node **find(const struct node_index *index, const struct identity *id)
{
	for (size_t i = hash(id) & (index->cap - 1);; i = (i + 1) & (index->cap - 1))
		if (!index->slot[i] || equal(id, index->slot[i]))
			return &index->slot[i];
}

static void grow(struct node_index *index)
{
	struct node_index old = *index;
	index->cap = old.cap ? old.cap * 2 : 64;
	index->slot = base_oom(calloc(index->cap, sizeof(*index->slot)));
	for (size_t i = 0; i < old.cap; i++) {
		if (!old.slot[i])
			continue;
		struct identity id = identity_of(old.slot[i]);
		*find(index, &id) = old.slot[i];
	}
	free(old.slot);
}

struct lyd_node *index_put(struct node_index *index, struct lyd_node *node)
{
	if (lysc_is_dup_inst_list(node->schema))
		return NULL;
	if (index->len * 3 >= index->cap * 2)
		grow(index);
	struct identity id = identity_of(node);
	struct lyd_node **slot = find(index, &id);
	if (*slot)
		return *slot;
	*slot = node;
	index->len++;
	return NULL;
}

void index_put_all(struct node_index *index, struct lyd_node *first)
{
	for (struct lyd_node *node = first; node; node = node->next) {
		index_put(index, node);
		index_put_all(index, lyd_child(node));
	}
}

struct lyd_node *index_find(const struct node_index *index, const struct lyd_node *parent,
			    const struct lysc_node *schema)
{
	if (!index->cap)
		return NULL;
	struct identity id = {.parent = parent, .schema = schema};
	return *find(index, &id);
}

struct lyd_node *index_get(const struct node_index *index, const struct lyd_node *node)
{
	if (!index->cap || lysc_is_dup_inst_list(node->schema))
		return NULL;
	struct identity id = identity_of(node);
	return *find(index, &id);
}

// The run behind the gap moves up, so that every node can still be reached from its hash.
void index_remove(struct node_index *index, const struct lyd_node *node)
{
	size_t mask = index->cap - 1;
	if (!index->cap || index_get(index, node) != node)
		return;
	struct identity id = identity_of(node);
	size_t gap = (size_t)(find(index, &id) - index->slot);
	for (size_t i = (gap + 1) & mask; index->slot[i]; i = (i + 1) & mask) {
		struct identity other = identity_of(index->slot[i]);
		size_t home = hash(&other) & mask;
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		index->slot[gap] = index->slot[i];
		gap = i;
	}
	index->slot[gap] = NULL;
	index->len--;
}
