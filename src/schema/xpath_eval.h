// SPDX-License-Identifier: Apache-2.0
// Evaluating expressions: sets of nodes, values, and what the parts of the evaluator say to each other.
#pragma once

#include "schema/node.h"
#include "schema/xpath_tree.h"

// A node, or the text of a leaf: its address, the lowest bit set for the text.
#define ITEM_TEXT_BIT ((uintptr_t)1)
static inline const struct schema_node *item_node(uintptr_t item)
{
	return (const struct schema_node *)(item & ~ITEM_TEXT_BIT);
}
static inline bool item_is_text(uintptr_t item)
{
	return item & ITEM_TEXT_BIT;
}

// No item stands twice. Zeroed is empty.
struct xpath_set {
	uintptr_t *at;
	size_t len, cap;
	bool unordered; // not known to be in document order
	bool nested;    // one may stand in another
};

struct xpath_value {
	enum xpath_type type;
	bool truth;
	double number;
	const char *text; // of the evaluation's arena, the expression or the tree
	struct xpath_set nodes;
};

struct xpath_eval {
	struct schema_xpath *xpath;
	const struct schema_xpath_place *place;
	const struct schema_node *root, *current;
	struct arena arena; // of texts
	size_t outer_text;  // bytes in the arenas of predicates around
	bool follows;       // a path that stands in the model, from some leaf
	struct arena fixed_arena;
	struct xpath_fixed *fixed; // operands that stay the same
	struct diags *diags;
	size_t steps; // that are left
	bool failed;  // there is a diag; everything ends soon
	bool turns; // others get their turns: the expression is somebody's own, and the tree is whole
	uintptr_t *spare[8];
	size_t spare_cap[8], spares;
};

// The context of an expression (XPath 1.0 section 1).
struct xpath_here {
	uintptr_t item;
	size_t position, size;
};

// One step of work, or several: false when there have been too many.
bool xpath_spend(struct xpath_eval *e, size_t steps);
// Text that was made is limited, too.
void xpath_spend_text(struct xpath_eval *e, size_t len);
void xpath_fail(struct xpath_eval *e, enum diag_code code, const char *hint, const char *text);

// `out` is to be given to xpath_value_fini, also after a failure.
void xpath_evaluate(struct xpath_eval *e, struct xpath_expr *expr, const struct xpath_here *here,
		    struct xpath_value *out);
void xpath_value_fini(struct xpath_eval *e, struct xpath_value *value);
// XPath 1.0 sections 4.2 to 4.4.
bool xpath_truth(const struct xpath_value *value) must_check;
double xpath_number(struct xpath_eval *e, struct xpath_value *value) must_check;
const char *xpath_text(struct xpath_eval *e, struct xpath_value *value) must_check;
double xpath_text_number(const char *text) must_check;
const char *xpath_item_text(struct xpath_eval *e, uintptr_t item) must_check;
// The same of an expression.
bool xpath_evaluate_truth(struct xpath_eval *e, struct xpath_expr *expr,
			  const struct xpath_here *here) must_check;
const char *xpath_evaluate_text(struct xpath_eval *e, struct xpath_expr *expr,
				const struct xpath_here *here) must_check;
double xpath_evaluate_number(struct xpath_eval *e, struct xpath_expr *expr,
			     const struct xpath_here *here) must_check;

// --- comparing (xpath_compare.c) ---
void xpath_compare(struct xpath_eval *e, struct xpath_expr *expr, const struct xpath_here *here,
		   struct xpath_value *out);
void xpath_fixed_fini(struct xpath_eval *e);
// The literal as a value of this leaf or leaf-list; NULL: it has none like that.
const char *xpath_read_literal(struct schema_xpath *xpath, struct xpath_expr *literal,
			       const struct model_node *model) must_check;

// --- paths (xpath_path.c) ---
void xpath_follow(struct xpath_eval *e, struct xpath_expr *path, const struct xpath_here *here,
		  struct xpath_value *out);

// --- sets (xpath_set.c) ---
void xpath_set_add(struct xpath_eval *e, struct xpath_set *set, uintptr_t item);
void xpath_set_fini(struct xpath_eval *e, struct xpath_set *set);
// Takes out what stands twice.
void xpath_set_unite(struct xpath_eval *e, struct xpath_set *set);
// Into document order.
void xpath_set_order(struct xpath_eval *e, struct xpath_set *set);
// The first in document order; 0: the set is empty.
uintptr_t xpath_set_first(struct xpath_eval *e, struct xpath_set *set) must_check;

// --- patterns (xpath_pattern.c) ---
struct xpath_pattern;
// NULL after a failure.
struct xpath_pattern *xpath_pattern_new(struct xpath_eval *e, const char *pattern) must_check;
void xpath_pattern_free(struct xpath_pattern *pattern); // NULL is fine
bool xpath_pattern_is(const struct xpath_pattern *pattern, const char *text) must_check;
// Whether all of the text matches.
bool xpath_pattern_match(struct xpath_eval *e, const struct xpath_pattern *pattern,
			 const char *text) must_check;
