// SPDX-License-Identifier: Apache-2.0
// Which nodes of a tree a filter selects: a set of marks beside the tree, and the patterns of nested names that subtree
// filters and RESTCONF's `fields` both are. Internal to this folder.
#pragma once

#include "schema/marks.h"
#include "schema/node.h"

// PART: something below is selected, and the node leads there. WHOLE: the node and all below it.
enum selected { SELECTED_NOT, SELECTED_PART, SELECTED_WHOLE };

struct selection {
	struct marks marks;                                             // enum selected of nodes
	bool (*visible)(void *context, const struct schema_node *node); // may be NULL
	void *context;
	size_t steps;   // nodes looked at
	size_t most;    // of them
	bool exhausted; // they are too many; what is marked is not all
};
#define SELECT_STEPS_MOST 10000000u
void selection_fini(struct selection *selection);
enum selected selection_of(const struct selection *selection,
			   const struct schema_node *node) must_check;
// A mark only grows.
void selection_add(struct selection *selection, const struct schema_node *node,
		   enum selected selected);
// Where little is selected: the marked children of the parent, in their order, without a walk along all of them. False:
// that is not to be known so.
#define SELECTION_FEW 8u
struct selection_few {
	const struct schema_node *at[SELECTION_FEW];
	size_t len;
};
bool selection_few(const struct selection *selection, const struct schema_node *parent,
		   struct selection_few *few_out) must_check;
bool selection_sees(const struct selection *selection, const struct schema_node *node) must_check;

// What an element of a filter is (RFC 6241 sections 6.2.3 to 6.2.5). NOTHING selects nothing, but is there.
enum pick_kind { PICK_NOTHING, PICK_SELECTION, PICK_MATCH, PICK_CONTAINMENT };

struct pick {
	enum pick_kind kind;
	const struct model_node *model;
	const char *value;         // PICK_MATCH: interned; NULL: nothing has it
	struct pick *first, *next; // first: of the children
	struct pick *last;
	bool matches, deepens; // among the children is a match; a selection or containment
};
// Appends to the children of the parent.
void pick_add(struct pick *parent, struct pick *pick);
// Marks what the children of `set` select below `parent`. False after a diag: that is too much to look at.
bool pick_select(struct selection *selection, const struct schema_node *parent,
		 const struct pick *set, struct diags *diags) must_check;

// Marks what the subtree filter, an anyxml node, selects. False after a diag, as above.
bool select_subtree(struct selection *selection, const struct schema_tree *tree,
		    const struct schema_node *filter, struct diags *diags) must_check;
// The same for `fields` below these nodes, or the top if there are none.
struct select_roots {
	const struct schema_node **at;
	size_t len, cap;
};
bool select_fields(struct selection *selection, const struct schema_tree *tree,
		   const struct select_roots *roots, const char *fields,
		   struct diags *diags) must_check;
