// SPDX-License-Identifier: Apache-2.0
// XPath 1.0 with the functions of RFC 7950 section 10, compiled once and evaluated on data trees.
//
// The data as XPath sees it (RFC 7950 section 6.4.1): elements and the text of leafs, no attributes, no order of
// prefixes. A literal that is compared with a leaf may be written in any form that the leaf's type allows, an identity
// with a prefix of the expression or without. What it does not have: variables, lang(), id(), and the content of any-data.
#pragma once

#include "schema/schema.h"

struct schema_xpath;

// Which module a prefix means: its name, or NULL when the prefix is not known.
struct schema_xpath_names {
	const char *(*module)(void *context, const char *prefix);
	void *context;
	const char *home; // the module of names without prefix; NULL: any
};
// Prefixes are the names of modules, as in JSON; names without are of any module.
extern const struct schema_xpath_names schema_xpath_by_module;

// Limits: bytes of an expression, how deep it nests, and what an evaluation may cost: nodes looked at, bytes of text made.
#define SCHEMA_XPATH_BYTES_MOST 65536u
#define SCHEMA_XPATH_DEPTH_MOST 500u
#define SCHEMA_XPATH_STEPS_MOST 10000000u
#define SCHEMA_XPATH_TEXT_MOST (64u << 20)

// NULL after a diag with the position of the fault. Keeps nothing of `names`; the schema must outlive what is returned.
struct schema_xpath *schema_xpath_parse(struct schema *schema, const char *text,
					const struct schema_xpath_names *names,
					struct diags *diags) must_check;
void schema_xpath_free(struct schema_xpath *xpath); // NULL is fine

// Where an expression is evaluated.
struct schema_xpath_place {
	const struct schema_tree *tree;    // its root is the context node; NULL: `node` is
	const struct schema_node *node;    // any of a tree
	const struct schema_node *current; // what current() gives; NULL: the context node
	// Optional: nodes that it refuses are not there, with all below. Asked only when all above may be seen.
	bool (*visible)(void *context, const struct schema_node *node);
	void *context;
	size_t steps; // at most; 0: SCHEMA_XPATH_STEPS_MOST
};

typedef void (*schema_xpath_fn)(void *context, const struct schema_node *node);
// Calls `fn` once for each node of the result, in document order; for the root of the tree that is its top-level nodes, for
// a text its leaf. False after a diag: the result is no set of nodes, or too much was to be looked at.
bool schema_xpath_nodes(struct schema_xpath *xpath, const struct schema_xpath_place *place,
			schema_xpath_fn fn, void *context, struct diags *diags) must_check;
// The result as a truth value; false with a diag as above.
bool schema_xpath_true(struct schema_xpath *xpath, const struct schema_xpath_place *place,
		       bool *result_out, struct diags *diags) must_check;
