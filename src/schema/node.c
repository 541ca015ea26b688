// SPDX-License-Identifier: Apache-2.0
// Data nodes: memory, links, finding. Slabs are aligned to their size, so that a node finds its slab, and there its
// schema and its model, without a pointer of its own.
//
// What it does not do: judge what may stand where; logs of changes (undo.c).
#include "schema/node.h"
#include "base/buf.h"
#include "base/turn.h"

#include <libyang/libyang.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define forbid(node) ASAN_POISON_MEMORY_REGION((node), sizeof(struct schema_node))
#define allow(node) ASAN_UNPOISON_MEMORY_REGION((node), sizeof(struct schema_node))
#else
#define forbid(node) ((void)(node))
#define allow(node) ((void)(node))
#endif

#define NODES_PER_SLAB ((NODE_SLAB_BYTES - sizeof(struct node_slab)) / sizeof(struct schema_node))
// From so many entries of one list on their parent has an index.
#define INDEX_FROM 24u

// --- memory ---

static void list_slab(struct schema *schema, struct node_slab *slab)
{
	slab->prev = NULL;
	slab->next = schema->slabs;
	if (slab->next)
		slab->next->prev = slab;
	schema->slabs = slab;
}

static void unlist_slab(struct schema *schema, struct node_slab *slab)
{
	if (slab->prev)
		slab->prev->next = slab->next;
	else
		schema->slabs = slab->next;
	if (slab->next)
		slab->next->prev = slab->prev;
}

// Straight from the system, and back to it. What is beside the aligned part is not kept.
static struct node_slab *map_slab(void)
{
	char *at = mmap(NULL, 2 * NODE_SLAB_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = base_oom(at == MAP_FAILED ? NULL : at) + 2 * NODE_SLAB_BYTES;
	uintptr_t mask = NODE_SLAB_BYTES - 1;
	char *slab = at + (-(uintptr_t)at & mask);
	if (slab > at)
		munmap(at, (size_t)(slab - at));
	if (slab + NODE_SLAB_BYTES < end)
		munmap(slab + NODE_SLAB_BYTES, (size_t)(end - slab) - NODE_SLAB_BYTES);
	return (struct node_slab *)(void *)slab;
}

static struct node_slab *slab_new(struct schema *schema)
{
	struct node_slab *slab = map_slab();
	*slab = (struct node_slab){.models = schema->models.at, .schema = schema};
	for (size_t i = 0; i < NODES_PER_SLAB; i++)
		forbid(&slab->node[i]);
	list_slab(schema, slab);
	return slab;
}

static void slab_free(struct node_slab *slab)
{
	for (size_t i = 0; i < NODES_PER_SLAB; i++)
		allow(&slab->node[i]);
	munmap(slab, NODE_SLAB_BYTES);
}

static struct schema_node *take(struct schema *schema)
{
	struct node_slab *slab = schema->slabs ? schema->slabs : slab_new(schema);
	struct schema_node *node = slab->free;
	if (node) {
		allow(node);
		slab->free = node->next;
	} else {
		node = &slab->node[slab->fresh++];
		allow(node);
	}
	if (++slab->used == NODES_PER_SLAB)
		unlist_slab(schema, slab);
	return node;
}

// An empty slab goes, unless it is the only one with room.
static void give_back(struct schema_node *node)
{
	struct node_slab *slab = (struct node_slab *)(uintptr_t)node_slab(node);
	struct schema *schema = slab->schema;
	if (slab->used-- == NODES_PER_SLAB)
		list_slab(schema, slab);
	node->next = slab->free;
	slab->free = node;
	forbid(node);
	if (!slab->used && (slab->next || slab->prev)) {
		unlist_slab(schema, slab);
		slab_free(slab);
	}
}

void node_store_fini(struct schema *schema)
{
	for (struct node_slab *slab = schema->slabs, *next; slab; slab = next) {
		next = slab->next;
		slab_free(slab);
	}
	intern_fini(&schema->values);
}

struct schema_node *node_new(struct schema *schema, const struct model_node *model)
{
	struct schema_node *node = take(schema);
	*node = (struct schema_node){.model = model->id & (NODE_MODELS_MOST - 1),
				     .is_default = model->is_plain_container};
	node->prev = node;
	return node;
}

static void free_children(struct schema_node *node)
{
	for (struct schema_node *it = node_child(node), *next; it; it = next) {
		next = it->next;
		node_free(it);
		// Where few are freed somebody may be in the midst of something.
		if (node->indexed)
			turn_point();
	}
	if (node->indexed)
		siblings_free(node->index);
}

static void drop_value(struct schema_node *node)
{
	if (node->form == FORM_TREE)
		schema_tree_free(node->content);
	else if (node->value)
		intern_unref(&node_schema(node)->values, node->value);
}

void node_free(struct schema_node *node)
{
	if (node_is_inner(node))
		free_children(node);
	else
		drop_value(node);
	give_back(node);
}

void node_set_value(struct schema_node *node, const char *interned, enum value_form form)
{
	drop_value(node);
	node->value = interned;
	node->form = form;
}

static void copy_value(struct schema_node *copy, const struct schema_node *node)
{
	if (node->form == FORM_TREE)
		copy->content = schema_tree_copy(node->content);
	else
		copy->value = node->value ? intern_ref(node->value) : NULL;
}

struct schema_node *node_copy(const struct schema_node *node, bool whole)
{
	struct schema_node *copy = take(node_schema(node));
	*copy = *node;
	copy->parent = copy->next = NULL;
	copy->prev = copy;
	copy->indexed = copy->detached = 0;
	if (!node_is_inner(node)) {
		copy_value(copy, node);
		return copy;
	}
	copy->child = NULL;
	copy->is_default = node_is_plain_container(node);
	node_for_each_child(it, node)
	{
		if (!whole && !node_is_key(it))
			break;
		node_add(copy, node_copy(it, whole));
	}
	return copy;
}

// --- values that tell entries apart ---

size_t node_values_of(const struct model_node *model)
{
	return model->kind == MODEL_LIST ? model->keys : 1;
}

void node_values(const struct schema_node *node, const char *values[static NODE_KEYS_MOST])
{
	const struct model_node *model = node_model(node);
	if (model->kind != MODEL_LIST) {
		values[0] = node->value;
		return;
	}
	const struct schema_node *key = node_child(node);
	for (size_t i = 0; i < model->keys; i++, key = key->next)
		values[i] = key->value;
}

bool node_has_values(const struct schema_node *node, const struct model_node *model,
		     const char *const *values)
{
	if (node->model != model->id)
		return false;
	if (model->kind != MODEL_LIST)
		return node->value == values[0];
	const struct schema_node *key = node_child(node);
	for (size_t i = 0; i < model->keys; i++, key = key->next)
		if (key->value != values[i])
			return false;
	return true;
}

const struct lysc_ident *node_identity(const struct schema_node *node)
{
	return node_is_term(node) && node->form == FORM_IDENTITY
		       ? map_get(&node_schema(node)->identities, node->value)
		       : NULL;
}

// --- finding ---

struct schema_node *node_root(const struct schema_node *node)
{
	while (node->parent)
		node = node->parent;
	return (struct schema_node *)(uintptr_t)node;
}

struct schema_node *node_child_no_keys(const struct schema_node *node)
{
	struct schema_node *it = node_child(node);
	while (it && node_is_key(it))
		it = it->next;
	return it;
}

struct schema_node *node_find(const struct schema_node *parent, const struct model_node *model)
{
	if (parent->indexed)
		return parent->index->group[model->ordinal].first;
	struct schema_node *it = parent->child;
	if (!it || it->prev->model < model->id)
		return NULL;
	while (it && it->model < model->id)
		it = it->next;
	return it && it->model == model->id ? it : NULL;
}

struct schema_node *node_next_kind(const struct schema_node *node)
{
	if (node->parent->indexed)
		return node->parent->index->group[node_model(node)->ordinal].last->next;
	while (node->next && node->next->model == node->model)
		node = node->next;
	return node->next;
}

size_t node_count(const struct schema_node *parent, const struct model_node *model)
{
	size_t n = 0;
	if (parent->indexed)
		return parent->index->group[model->ordinal].count;
	node_for_each_of(it, parent, model) n++;
	return n;
}

struct schema_node *node_find_entry(const struct schema_node *parent,
				    const struct model_node *model, const char *const *values)
{
	if (parent->indexed)
		return siblings_find(parent->index, model, values);
	node_for_each_of(it, parent, model) if (node_has_values(it, model, values)) return it;
	return NULL;
}

struct schema_node *node_find_same(const struct schema_node *parent, const struct schema_node *node)
{
	const struct model_node *model = node_model(node);
	const char *values[NODE_KEYS_MOST];
	if (!(model->kind & (MODEL_LIST | MODEL_LEAF_LIST)))
		return node_find(parent, model);
	if (!model->identified)
		return NULL;
	node_values(node, values);
	return node_find_entry(parent, model, values);
}

// --- linking ---

// Something that was given makes the containers above it count.
static void count_ancestors(struct schema_node *parent, const struct schema_node *node)
{
	if (node->is_default)
		return;
	for (; parent && parent->is_default && node_is_plain_container(parent);
	     parent = parent->parent)
		parent->is_default = 0;
}

// When it goes, a container may be left with nothing but defaults.
static void discount_ancestors(struct schema_node *parent)
{
	for (; parent && !parent->is_default && node_is_plain_container(parent);
	     parent = parent->parent) {
		node_for_each_child(it, parent) if (!it->is_default) return;
		parent->is_default = 1;
	}
}

static void set_first(struct schema_node *parent, struct schema_node *first)
{
	if (parent->indexed)
		parent->index->first = first;
	else
		parent->child = first;
}

static bool is_long(const struct schema_node *node)
{
	unsigned n = 1;
	const struct schema_node *it = node;
	for (; n < INDEX_FROM && it->prev->model == it->model && it->prev->next; it = it->prev)
		n++;
	for (it = node; n < INDEX_FROM && node_next_of_kind(it); it = it->next)
		n++;
	return n == INDEX_FROM;
}

void node_add_before(struct schema_node *parent, struct schema_node *node,
		     struct schema_node *before)
{
	struct schema_node *first = node_child(parent);
	node->parent = parent;
	node->next = before;
	node->prev = !first ? node : before ? before->prev : first->prev;
	if (!first || before == first)
		set_first(parent, node);
	else
		node->prev->next = node;
	if (before)
		before->prev = node;
	else if (first)
		first->prev = node;
	if (parent->indexed)
		siblings_add(parent, node);
	else if (node_model(node)->kind & (MODEL_LIST | MODEL_LEAF_LIST) && is_long(node))
		siblings_index(parent);
	count_ancestors(parent, node);
}

// Without an index there are few children of each kind.
static struct schema_node *place_of(const struct schema_node *parent,
				    const struct schema_node *node)
{
	struct schema_node *last = node_last(parent), *before = NULL;
	if (!last || last->model <= node->model)
		return NULL;
	if (parent->indexed)
		return siblings_place(parent, node_model(node));
	for (struct schema_node *it = last; it->model > node->model; it = it->prev) {
		before = it;
		if (it == node_child(parent))
			break;
	}
	return before;
}

void node_add(struct schema_node *parent, struct schema_node *node)
{
	node_add_before(parent, node, place_of(parent, node));
}

void node_unlink(struct schema_node *node)
{
	struct schema_node *parent = node->parent, *first = node_child(parent);
	if (parent->indexed)
		siblings_remove(parent, node);
	if (node->next)
		node->next->prev = node->prev;
	else
		first->prev = node->prev;
	if (node == first)
		set_first(parent, node->next);
	else
		node->prev->next = node->next;
	node->next = NULL;
	node->prev = node;
	if (!node->is_default)
		discount_ancestors(parent);
}

// --- where it is ---

static size_t position(const struct schema_node *node)
{
	size_t n = 0;
	node_for_each_of(it, node->parent, node_model(node))
	{
		n++;
		if (it == node)
			break;
	}
	return n;
}

static void add_predicate(struct buf *out, const char *name, const char *value)
{
	char quote = strchr(value, '\'') ? '"' : '\'';
	buf_printf(out, "[%s=%c", name, quote);
	buf_adds(out, value);
	buf_addc(out, quote);
	buf_addc(out, ']');
}

static void add_predicates(const struct schema_node *node, struct buf *out)
{
	const struct model_node *model = node_model(node);
	if (!(model->kind & (MODEL_LIST | MODEL_LEAF_LIST)))
		return;
	if (!model->identified)
		buf_printf(out, "[%zu]", node->detached ? 1 : position(node));
	else if (model->kind == MODEL_LEAF_LIST)
		add_predicate(out, ".", node->value);
	else
		node_for_each_child(key, node)
		{
			if (!node_is_key(key))
				break;
			add_predicate(out, node_model(key)->name, key->value);
		}
}

void node_path(const struct schema_node *node, struct buf *out)
{
	const struct model_node *model = node_model(node);
	if (!node->parent)
		return;
	node_path(node->parent, out);
	buf_addc(out, '/');
	if (node_model(node->parent)->mod != model->mod)
		buf_printf(out, "%s:", model->mod->name);
	buf_adds(out, model->name);
	add_predicates(node, out);
}
