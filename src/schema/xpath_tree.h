// SPDX-License-Identifier: Apache-2.0
// An expression as a tree, between parser and evaluator. Internal to this folder, as what follows.
#pragma once

#include "base/diag.h"
#include "schema/model.h"
#include "schema/xpath.h"

#include <limits.h>

enum xpath_token {
	TOKEN_END,
	TOKEN_NAME,    // [prefix:]name
	TOKEN_STAR,    // as a name test; with a prefix: prefix:*
	TOKEN_LITERAL, // the text between the quotes
	TOKEN_NUMBER,
	TOKEN_AXIS,     // name::
	TOKEN_FUNCTION, // name(, also node(, text(, ...
	TOKEN_SLASH,
	TOKEN_SLASHES,
	TOKEN_DOT,
	TOKEN_DOTS,
	TOKEN_AT,
	TOKEN_COMMA,
	TOKEN_OPEN, // ( not behind a function's name
	TOKEN_CLOSE,
	TOKEN_BRACKET,
	TOKEN_UNBRACKET,
	// Operators; the order is that of enum xpath_kind.
	TOKEN_OR,
	TOKEN_AND,
	TOKEN_EQ,
	TOKEN_NE,
	TOKEN_LT,
	TOKEN_LE,
	TOKEN_GT,
	TOKEN_GE,
	TOKEN_PLUS,
	TOKEN_MINUS,
	TOKEN_TIMES,
	TOKEN_DIV,
	TOKEN_MOD,
	TOKEN_UNION
};

struct xpath_lexer {
	const char *text;
	size_t at; // behind the token
	enum xpath_token token;
	size_t begin;       // of the token
	const char *prefix; // of names; `prefix_len` 0: none
	size_t prefix_len;
	const char *word; // name, literal or number
	size_t len;
	const char *fault; // what is wrong with the text here; NULL: nothing
};
void xpath_next(struct xpath_lexer *lexer);

enum xpath_type { XPATH_NODES, XPATH_STRING, XPATH_NUMBER, XPATH_BOOLEAN };

enum xpath_kind {
	EXPR_OR,
	EXPR_AND,
	EXPR_EQ,
	EXPR_NE,
	EXPR_LT,
	EXPR_LE,
	EXPR_GT,
	EXPR_GE,
	EXPR_PLUS,
	EXPR_MINUS,
	EXPR_TIMES,
	EXPR_DIV,
	EXPR_MOD,
	EXPR_UNION,
	EXPR_NEGATE,
	EXPR_LITERAL,
	EXPR_NUMBER,
	EXPR_CALL,
	EXPR_PATH
};

enum xpath_axis {
#define X(axis, ...) axis,
#include "schema/xpath_axis.def"
#undef X
	AXES
};

// Facts about an axis (xpath_axis.def).
#define LEVEL_UNKNOWN INT_MIN
struct xpath_axis_facts {
	const char *name;
	bool is_reverse;
	enum { MEETS_NOT, MEETS_NESTED, MEETS } meets; // NESTED: if the nodes stand in each other
	int level;
};
extern const struct xpath_axis_facts xpath_axes[AXES];

enum xpath_test {
	TEST_NAME,    // of that name, in `mod` or any module
	TEST_ELEMENT, // *: any, or any of `mod`
	TEST_NODE,    // node()
	TEST_TEXT,    // text()
	TEST_NOTHING  // comment(), processing-instruction(): not in data
};

struct xpath_predicate {
	struct xpath_expr *expr;
	struct xpath_predicate *next;
	bool positional; // it is a number, or asks for position() or last()
	// Of "name = value", where value is the same for all nodes that are tested: both sides. Else `value` NULL.
	const struct xpath_step *key;
	struct xpath_expr *value;
};

struct xpath_step {
	enum xpath_axis axis;
	enum xpath_test test;
	const struct lys_module *mod; // NULL: any
	const char *name;             // of libyang's dictionary: equal names are equal pointers
	struct xpath_predicate *predicates;
	struct xpath_step *next;
	// Of the last parent that the child axis was taken from: the child of that name, if there is only one such model.
	const struct model_node *seen_parent, *seen_child;
	bool seen_several; // of several modules
};

// What a literal is as a value of a leaf: interned, as its type writes it; NULL: none. A table by model.
struct xpath_readings {
	struct xpath_reading {
		const struct model_node *model;
		const char *value;
	} * slot, last;
	size_t len, cap;
};

struct xpath_eval;
struct xpath_here;
struct xpath_value;

struct xpath_function {
	const char *name;
	unsigned least, most; // arguments
	enum xpath_type type;
	enum xpath_need {
		NEEDS_NOTHING,
		NEEDS_NODE, // without arguments it is about the context node
		NEEDS_PLACE // position or size
	} need;
	bool of_nodes; // its first argument is a set of nodes
	void (*call)(struct xpath_eval *e, struct xpath_expr *call, const struct xpath_here *here,
		     struct xpath_value *out);
};
const struct xpath_function *xpath_function_find(const char *name, size_t len) must_check;

struct xpath_expr {
	enum xpath_kind kind;
	enum xpath_type type;
	unsigned depth;          // of what stands in it
	bool positional;         // asks for position() or last() of where it stands
	bool varies;             // depends on the context node
	bool is_absolute;        // EXPR_PATH: begins at the root
	struct xpath_expr *left; // operators; EXPR_PATH: what it begins with, if that is not a step
	struct xpath_expr *right;
	struct xpath_predicate *predicates; // EXPR_PATH: of `left`
	struct xpath_step *steps;
	double number;
	const char *text; // EXPR_LITERAL
	// EXPR_LITERAL: as an identity, "module:name"; NULL: it cannot be one.
	const char *identity;
	struct xpath_readings readings;        // EXPR_LITERAL
	struct xpath_fixed *fixed;             // in this evaluation; NULL: not yet
	const struct xpath_function *function; // EXPR_CALL
	struct xpath_expr *args, *next;        // `next` in the list of arguments
	void *cached;                          // of re-match: the last pattern
};

struct schema_xpath {
	struct schema *schema;
	struct arena arena;
	const char *text;
	struct xpath_expr *expr;
	const struct lys_module *home;
	// What `names` said of each prefix in the text.
	VEC(struct xpath_prefix {
		const char *prefix;
		const struct lys_module *mod;
	})
	prefixes;
	VEC(const char *) names;           // to give back to libyang's dictionary
	VEC(const char *) interned;        // values to give back
	VEC(struct xpath_expr *) matchers; // calls of re-match that have a pattern in `cached`
	// The paths of leafrefs that deref() has followed.
	VEC(struct xpath_leafref {
		const struct lysc_type *type;
		struct schema_xpath *path;
	})
	leafrefs;
};

// The module that a prefix in an expression or a literal means; NULL: none. `home` for an empty one.
const struct lys_module *xpath_module(const struct schema_xpath *xpath, const char *prefix,
				      size_t len) must_check;
// Steps up from the context node within which everything lies that the expression looks at; or MODEL_ANYWHERE.
unsigned xpath_reach(const struct schema_xpath *xpath) must_check;
