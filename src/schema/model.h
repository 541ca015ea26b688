// SPDX-License-Identifier: Apache-2.0
// What this folder keeps beside libyang's own structs: facts about each schema node that are worked out once, and the
// tree. Internal to this folder.
#pragma once

#include "base/diag.h"
#include "base/map.h"
#include "schema/intern.h"
#include "schema/schema.h"

struct ly_ctx;
struct lys_module;
struct lysc_node;
struct lysc_type;
struct lysc_type_leafref;
struct schema_xpath;

// Kinds of nodes: libyang's, which are bits.
enum model_kind {
	MODEL_CONTAINER = 0x1,
	MODEL_LEAF = 0x4,
	MODEL_LEAF_LIST = 0x8,
	MODEL_LIST = 0x10,
	MODEL_ANY = 0x60,
	MODEL_RPC = 0x100,
	MODEL_ACTION = 0x200,
	MODEL_NOTIFICATION = 0x400,
	MODEL_TERM = MODEL_LEAF | MODEL_LEAF_LIST,
	MODEL_OPERATION = MODEL_RPC | MODEL_ACTION | MODEL_NOTIFICATION // not data
};

// How the value of a leaf is written; several for a union.
enum value_trait {
	VALUE_IDENTITY = 1,
	VALUE_PATH = 2,  // instance-identifier, XPath: names with prefixes inside
	VALUE_REFERS = 4 // it must name something that exists
};

// An expression of `when` or `must` and where what it looks at can stand.
struct model_rule {
	const char *text;
	struct schema_xpath *xpath;
	const struct lysc_node *holder; // of the statement: the node, or a choice or case around it
	const char *message;            // of the module's author; may be NULL
	const char *app_tag;            // error-app-tag, likewise
	bool is_when, on_parent;        // on_parent: the context is the data parent, not the node
	// Steps up within which everything that it reads lies; ANYWHERE: it may read the whole tree.
	unsigned reach;
	const struct lysc_node **atoms; // what it reads; sized `natoms`
	uint32_t natoms;
	struct model_node *owner;
	bool unknown; // what it reads could not be found out: assume everything
};
#define MODEL_ANYWHERE 1000u

// A leafref that needs its target: `..` taken `up` times (from the root if `absolute`), then `down` by name.
struct model_ref {
	bool absolute;
	unsigned up;
	uint32_t steps;
	struct model_node **down;
	struct model_node *target;
};

// The path of a leafref that is not of plain names: "(path) = .".
struct model_path {
	const struct lysc_type_leafref *type;
	struct schema_xpath *xpath;
};

struct model_slot {
	const char *name;
	const struct lys_module *mod;
	struct model_node *node;
};

// A default in use.
struct model_default {
	const char *text; // interned
	unsigned form;    // enum value_form
};

// One data node of the schema, hung on lysc_node.priv.
struct model_node {
	const struct lysc_node *schema; // NULL: the root
	const char *name;
	const struct lys_module *mod;
	struct model_node *parent; // data parent (or RPC, notification)
	uint32_t id; // from 1, unique in the schema; siblings' ids are in the order of the model
	uint32_t ordinal; // among the parent's children
	uint16_t kind;    // enum model_kind
	uint16_t keys;    // of a list
	bool is_key;
	bool is_plain_container; // without presence
	bool is_state;           // config false
	bool in_unique;          // a leaf that must be unique in the list around it
	bool identified;         // a list or leaf-list no two instances of which may be the same
	unsigned depth;
	unsigned traits; // enum value_trait
	// Children by name, choices and cases looked through. Of an RPC: the input's.
	struct model_slot *slot;
	uint32_t slots; // a power of two, or 0
	struct model_node **child;
	uint32_t children;
	// What validation has to look at.
	struct model_rule **rules;
	uint32_t nrules,
		nwhens; // the first `nwhens` are `when`s, also of the choices and cases around
	struct model_ref
		*refs; // alternatives (a union of leafrefs); none: the type is asked, and these:
	uint32_t nrefs;
	struct model_path *paths;
	uint32_t npaths;
	struct model_rule **watchers; // rules that read this node
	uint32_t nwatchers;
	struct model_node **referrers; // leafs whose leafrefs look at this one
	uint32_t nreferrers;
	const struct model_default *defaults;
	uint32_t ndefaults;
	bool filled; // defaults or checks may want to have it, or things in it, where they are absent
	bool demanding; // has mandatory, min-elements, max-elements, unique or choices among its children
	bool has_choices;
	bool checked;     // something in the subtree is to be checked at all
	bool fills;       // something in the subtree, or itself, is filled in
	bool holds_state; // below it there is state (config false)
	bool ranked;
	unsigned rank; // of a default under a `when`: those of lower rank have to be settled before
};

struct schema {
	struct ly_ctx *ctx;
	struct arena arena;
	struct map by_namespace; // implemented modules
	struct map by_name;
	struct model_node *root;                // of the data nodes at the top; schema NULL
	VEC(const struct lys_module *) modules; // implemented
	bool opaque_rules; // some expression could not be analysed: changes cannot be checked alone
	VEC(struct model_node *) generic_refs; // leafs whose references are not plain leafrefs
	VEC(struct schema_xpath *) xpaths;     // of all rules and paths
	char content_id[17];
	VEC(struct model_node *) models; // by id
	struct map identities;           // "module:name" to struct lysc_ident
	struct intern values;
	struct node_slab *slabs; // with room for nodes
	struct canonical_cache *canonical;
	uint32_t piece;          // so many records of a document gather before they become nodes
	VEC(const char *) files; // that nodes were read from; [0] is unknown
};

enum edit_insert { INSERT_NONE, INSERT_LAST, INSERT_FIRST, INSERT_BEFORE, INSERT_AFTER };

// A leaf that an edit deletes without naming its value: there is no node for it.
struct model_deletion {
	struct model_node *model;
	bool must_exist;
	unsigned line, file;
	struct model_deletion *next; // of the same parent
};

struct undo_entry;
// What has changed, in the order in which it happened (undo.c).
struct undo_log {
	struct undo_entry *at;
	size_t len, cap;
	size_t now;  // what lies behind was taken back, and can be done again
	size_t base; // position of at[0]
	bool kept;   // somebody goes back by himself: validation forgets nothing
	struct {
		size_t *at; // positions at which the tree is known to be valid, ascending
		size_t len, cap;
	} valid;
};

struct schema_tree {
	struct schema *schema;
	struct schema_node *root;
	struct arena arena;   // of what follows
	struct map anchors;   // for edits: "address" of the node -> key predicate or value
	struct map deletions; // for edits: "address" of the parent -> struct model_deletion
	bool has_defaults;
	struct undo_log log;
	struct schema_branch *branch; // whose log it has now; NULL: its own
	bool is_operation;            // an rpc with its input, or a notification
};

// The modules of the set, from *index = 0 on; NULL: that was the last.
const struct lys_module *model_next_module(const struct schema *schema, uint32_t *index) must_check;

// Works out all facts; at schema_open.
void model_build(struct schema *schema);
struct model_node *model_child(const struct model_node *parent, const struct lys_module *mod,
			       const char *name, size_t len) must_check;

// The case of this choice that the node belongs to; NULL: none.
const struct lysc_node *model_case(const struct lysc_node *lys,
				   const struct lysc_node *choice) must_check;
// The last message of libyang, in an arena; its list is emptied.
const char *model_libyang_message(struct schema *schema, struct arena *arena) must_check;
