// SPDX-License-Identifier: Apache-2.0
// Data nodes: what every tree is made of. 40 bytes each, from slabs of the schema. Internal to this folder.
//
// What all code may rely on:
// - A tree has one root node, without parent, whose model has no lysc_node; the top-level nodes are its children.
// - Children stand in the order of the model (those at the top by their modules' names); instances of one list or
//   leaf-list stand together, the keys of an entry first and in the order of the model.
// - Values are canonical texts, interned in the schema: equal values are equal pointers, also between trees. An
//   identity is always "module:name", names of paths are written as in RFC 7951.
// - Many children have an index, so that finding, adding and removing one costs the same among 100,000.
#pragma once

#include "schema/intern.h"
#include "schema/model.h"
#include "schema/siblings.h"

struct lysc_ident;
struct lys_module;

// How a value is printed; that of a union depends on the value, so each node has it. Or what an any-data node holds.
enum value_form {
	FORM_STRING,
	FORM_LITERAL, // in JSON without quotes: a number up to 32 bits, true, false
	FORM_EMPTY,   // in JSON [null]
	FORM_IDENTITY,
	FORM_PATH, // instance-identifier, XPath: module names inside
	FORM_XML,  // any-data: text of XML
	FORM_JSON,
	FORM_TREE // any-data: a tree of its own
};

// The ids of models are below this, lines and files are cut to what their bits hold.
#define NODE_MODELS_MOST (1u << 15)
#define NODE_LINE_MOST ((1u << 23) - 1)
#define NODE_FILES_MOST (1u << 10)
#define NODE_KEYS_MOST 16u // of one list

struct schema_node {
	struct schema_node *parent; // stays when the node is removed; NULL: the root of a tree
	struct schema_node *next,
		*prev; // siblings; `next` ends in NULL, the first's `prev` is the last
	union {
		struct schema_node *child;   // of inner nodes; use node_child
		struct siblings *index;      // of those with many children
		const char *value;           // of leaves, leaf-lists and any-data
		struct schema_tree *content; // of any-data that has FORM_TREE
	};
	uint64_t model : 15; // id
	uint64_t line : 23;  // where it stood in its input; 0: unknown
	uint64_t file : 10;  // of the schema's files; 0: unknown
	uint64_t form : 3;   // enum value_form
	// Filled in by validation; a container without presence has it as long as all its children have it.
	uint64_t is_default : 1;
	uint64_t indexed : 1;
	uint64_t detached : 1;  // out of its tree, but its log still has it
	uint64_t operation : 3; // 1 + enum schema_operation, as the edit says; 0: not given
	uint64_t insert : 3;    // enum edit_insert
	uint64_t added : 1;     // by the edit or validation that is at work
	uint64_t kept : 1;      // while an edit replaces what is beside it
};
_Static_assert(sizeof(struct schema_node) == 40, "memory of a tree");

#define NODE_SLAB_BYTES (256u << 10)

struct node_slab {
	struct model_node *const *models; // by id
	struct schema *schema;
	struct node_slab *next, *prev; // among those with room
	struct schema_node *free;      // linked by `next`
	uint32_t used, fresh;          // `fresh`: from this one on none was ever used
	struct schema_node node[];
};

static inline const struct node_slab *node_slab(const struct schema_node *node)
{
	return (const struct node_slab *)((uintptr_t)node & ~(uintptr_t)(NODE_SLAB_BYTES - 1));
}
static inline struct model_node *node_model(const struct schema_node *node)
{
	return node_slab(node)->models[node->model];
}
static inline struct schema *node_schema(const struct schema_node *node)
{
	return node_slab(node)->schema;
}

static inline struct schema_node *node_child(const struct schema_node *node)
{
	return node->indexed ? siblings_first(node->index) : node->child;
}
// The first child that is no key.
struct schema_node *node_child_no_keys(const struct schema_node *node) must_check;
static inline struct schema_node *node_last(const struct schema_node *node)
{
	struct schema_node *first = node_child(node);
	return first ? first->prev : NULL;
}
// NULL also below the root: what RFCs call the parent.
static inline struct schema_node *node_parent(const struct schema_node *node)
{
	return node->parent && node->parent->parent ? node->parent : NULL;
}
struct schema_node *node_root(const struct schema_node *node) must_check;
static inline struct schema_node *node_next_of_kind(const struct schema_node *node)
{
	return node->next && node->next->model == node->model ? node->next : NULL;
}
// The first sibling of the next kind.
struct schema_node *node_next_kind(const struct schema_node *node) must_check;
#define node_for_each_child(it, node) \
	for (struct schema_node *it = node_child(node); it; it = it->next)
// All instances of a model below a parent.
#define node_for_each_of(it, parent, model_) \
	for (struct schema_node *it = node_find((parent), (model_)); it; it = node_next_of_kind(it))

static inline bool node_is_term(const struct schema_node *node)
{
	return node_model(node)->kind & MODEL_TERM;
}
static inline bool node_is_any(const struct schema_node *node)
{
	return node_model(node)->kind & MODEL_ANY;
}
static inline bool node_is_inner(const struct schema_node *node)
{
	return !(node_model(node)->kind & (MODEL_TERM | MODEL_ANY));
}
static inline bool node_is_key(const struct schema_node *node)
{
	return node_model(node)->is_key;
}
// A container without presence.
static inline bool node_is_plain_container(const struct schema_node *node)
{
	return node_model(node)->is_plain_container;
}
// The canonical value of a leaf or leaf-list; NULL for others.
static inline const char *node_value(const struct schema_node *node)
{
	return node_is_term(node) ? node->value : NULL;
}
// The identity that the value names; NULL: it names none.
const struct lysc_ident *node_identity(const struct schema_node *node) must_check;

// --- finding ---
// What tells an entry of a list, or a leaf-list's node, from the others: how many values, which, and whether these.
size_t node_values_of(const struct model_node *model) must_check;
void node_values(const struct schema_node *node, const char *values[static NODE_KEYS_MOST]);
bool node_has_values(const struct schema_node *node, const struct model_node *model,
		     const char *const *values) must_check;
// The first instance of a model below this parent.
struct schema_node *node_find(const struct schema_node *parent,
			      const struct model_node *model) must_check;
size_t node_count(const struct schema_node *parent, const struct model_node *model) must_check;
// The entry of a list with these interned keys (all of them, in the model's order), or the leaf-list's node with this
// value. An interned text may be NULL: then there is none. Not for lists without keys and leaf-lists of state.
struct schema_node *node_find_entry(const struct schema_node *parent,
				    const struct model_node *model,
				    const char *const *values) must_check;
// What below `parent` is the same as this node of another place: the same container or leaf, the entry with the same keys.
// Of what may stand more than once: NULL.
struct schema_node *node_find_same(const struct schema_node *parent,
				   const struct schema_node *node) must_check;

// --- making, linking ---
// A node without a place and without a value or children; a container without presence is a default until it gets
// something.
struct schema_node *node_new(struct schema *schema, const struct model_node *model) must_check;
// Frees the node with all below it; unlink it first.
void node_free(struct schema_node *node);
// A copy without a place: with everything below, or without children but its keys.
struct schema_node *node_copy(const struct schema_node *node, bool whole) must_check;
// Takes over the counted text.
void node_set_value(struct schema_node *node, const char *interned, enum value_form form);
// Where its kind stands, as the last of its kind.
void node_add(struct schema_node *parent, struct schema_node *node);
// Directly before this sibling; NULL: as the last of all children. The order of kinds is the caller's duty.
void node_add_before(struct schema_node *parent, struct schema_node *node,
		     struct schema_node *before);
// The node keeps its `parent`.
void node_unlink(struct schema_node *node);
static inline void node_delete(struct schema_node *node)
{
	node_unlink(node);
	node_free(node);
}

// "/module:name/name[key='v']"; nothing for the root.
void node_path(const struct schema_node *node, struct buf *out);

// The schema's share: at schema_open and schema_free.
void node_store_fini(struct schema *schema);
