// SPDX-License-Identifier: Apache-2.0
// XPath expressions to trees (XPath 1.0 sections 2 and 3). Types are known while parsing, as every function has one; so
// faults of types are found here, and which predicates count positions and which only look a key up.
//
// `//name` becomes one step along the descendants, where no position is asked for: it does not need the set of all nodes.
#include "schema/text.h"
#include "schema/xpath_eval.h"
#include "schema/xpath_tree.h"

#include <libyang/libyang.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct xpath_lexer lexer;
	struct schema_xpath *xpath;
	const struct schema_xpath_names *names;
	struct diags *diags;
	unsigned depth;
	bool failed;
};

#define HINT_FORM "write an XPath 1.0 expression"
#define HINT_LESS "ask for less at once"

static void *fail(struct parser *p, enum diag_code code, const char *hint, const char *what)
{
	const struct xpath_lexer *l = &p->lexer;
	size_t len = l->at > l->begin ? l->at - l->begin : strlen(l->text + l->begin);
	if (p->failed)
		return NULL;
	p->failed = true;
	if (l->text[l->begin])
		diag_error(p->diags, code, NULL, hint, "XPath: \"%.*s\" at character %zu %s",
			   len > 40 ? 40 : (int)len, l->text + l->begin, l->begin + 1, what);
	else
		diag_error(p->diags, code, NULL, hint, "XPath: the end at character %zu %s",
			   l->begin + 1, what);
	return NULL;
}

static void *unexpected(struct parser *p)
{
	return fail(p, DIAG_VALUE, HINT_FORM, p->lexer.fault ? p->lexer.fault : "is not expected");
}

static bool at(const struct parser *p, enum xpath_token token)
{
	return p->lexer.token == token && !p->lexer.fault;
}

static void next(struct parser *p)
{
	if (!p->lexer.fault)
		xpath_next(&p->lexer);
}

static bool take(struct parser *p, enum xpath_token token)
{
	if (!at(p, token))
		return false;
	next(p);
	return true;
}

static bool expect(struct parser *p, enum xpath_token token)
{
	if (!take(p, token))
		(void)unexpected(p);
	return !p->failed;
}

static struct xpath_expr *expr_new(struct parser *p, enum xpath_kind kind, enum xpath_type type)
{
	struct xpath_expr *expr = arena_new(&p->xpath->arena, struct xpath_expr);
	expr->kind = kind;
	expr->type = type;
	return expr;
}

// One expression stands in another. However they nest, evaluating them has to fit on the stack.
static void nest(struct parser *p, struct xpath_expr *outer, const struct xpath_expr *inner)
{
	if (inner && inner->depth >= outer->depth)
		outer->depth = inner->depth + 1;
	if (outer->depth > SCHEMA_XPATH_DEPTH_MOST)
		fail(p, DIAG_LIMIT, HINT_LESS, "is nested too deep");
}

static struct xpath_expr *read_expr(struct parser *p);

// --- names ---

static const struct lys_module *prefix_find(const struct schema_xpath *xpath, const char *prefix,
					    size_t len)
{
	for (size_t i = 0; i < xpath->prefixes.len; i++) {
		const struct xpath_prefix *known = &xpath->prefixes.at[i];
		if (!strncmp(known->prefix, prefix, len) && !known->prefix[len])
			return known->mod;
	}
	return NULL;
}

const struct lys_module *xpath_module(const struct schema_xpath *xpath, const char *prefix,
				      size_t len)
{
	return len ? prefix_find(xpath, prefix, len) : xpath->home;
}

// Asks for the prefix once; NULL: it is not known.
static const struct lys_module *learn_prefix(struct parser *p, const char *prefix, size_t len)
{
	struct schema_xpath *xpath = p->xpath;
	const struct lys_module *mod = prefix_find(xpath, prefix, len);
	if (mod)
		return mod;
	const char *copy = arena_strndup(&xpath->arena, prefix, len);
	const char *name = p->names->module(p->names->context, copy);
	mod = name ? text_module(xpath->schema, name, true) : NULL;
	if (mod)
		vec_push(&xpath->arena, &xpath->prefixes,
			 (struct xpath_prefix){.prefix = copy, .mod = mod});
	return mod;
}

static const char *dictionary(struct parser *p, const char *name, size_t len)
{
	const char *kept = NULL;
	if (lydict_insert(p->xpath->schema->ctx, name, len, &kept))
		abort(); // memory
	vec_push(&p->xpath->arena, &p->xpath->names, kept);
	return kept;
}

static const char *prefix_hint(const struct parser *p)
{
	return p->names == &schema_xpath_by_module
		       ? "prefixes are names of modules here"
		       : "declare the prefix where the expression stands";
}

static void read_test_name(struct parser *p, struct xpath_step *step)
{
	const struct xpath_lexer *l = &p->lexer;
	step->test = l->token == TOKEN_STAR ? TEST_ELEMENT : TEST_NAME;
	if (l->prefix_len) {
		step->mod = learn_prefix(p, l->prefix, l->prefix_len);
		if (!step->mod)
			fail(p, DIAG_UNKNOWN_NAMESPACE, prefix_hint(p),
			     "has a prefix that is not known");
	} else if (step->test == TEST_NAME) {
		step->mod = p->xpath->home;
	}
	if (step->test == TEST_NAME)
		step->name = dictionary(p, l->word, l->len);
	next(p);
}

// --- paths ---

static bool word_is(const struct xpath_lexer *l, const char *word)
{
	return !l->prefix_len && l->len == strlen(word) && !memcmp(l->word, word, l->len);
}

const struct xpath_axis_facts xpath_axes[AXES] = {
#define X(axis, ...) [axis] = {__VA_ARGS__},
#include "schema/xpath_axis.def"
#undef X
};

static void read_axis(struct parser *p, struct xpath_step *step)
{
	for (step->axis = 0; step->axis < AXES; step->axis++)
		if (word_is(&p->lexer, xpath_axes[step->axis].name)) {
			next(p);
			return;
		}
	step->axis = AXIS_CHILD;
	fail(p, DIAG_VALUE, "use an axis of XPath 1.0, such as child or ancestor", "is no axis");
}

// node(), text(), comment(), processing-instruction('name')
static bool read_node_type(struct parser *p, struct xpath_step *step)
{
	const struct xpath_lexer *l = &p->lexer;
	bool is_instruction = word_is(l, "processing-instruction");
	if (word_is(l, "node"))
		step->test = TEST_NODE;
	else if (word_is(l, "text"))
		step->test = TEST_TEXT;
	else if (word_is(l, "comment") || is_instruction)
		step->test = TEST_NOTHING;
	else
		return false;
	next(p);
	if (is_instruction)
		(void)take(p, TOKEN_LITERAL);
	(void)expect(p, TOKEN_CLOSE);
	return true;
}

static bool is_node_type(const struct xpath_lexer *l)
{
	return word_is(l, "node") || word_is(l, "text") || word_is(l, "comment") ||
	       word_is(l, "processing-instruction");
}

// The step that a side of "name = value" is, or NULL: one child, or the node itself, without conditions.
static const struct xpath_step *key_of(const struct xpath_expr *side)
{
	const struct xpath_step *step = side->steps;
	if (side->kind != EXPR_PATH || side->left || side->is_absolute || !step || step->next ||
	    step->predicates)
		return NULL;
	bool is_child = step->axis == AXIS_CHILD && step->test == TEST_NAME;
	return is_child || (step->axis == AXIS_SELF && step->test == TEST_NODE) ? step : NULL;
}

static bool is_fixed(const struct xpath_expr *side)
{
	return !side->varies && !side->positional &&
	       (side->type == XPATH_STRING || side->type == XPATH_NODES);
}

static void note_key(struct xpath_predicate *predicate)
{
	struct xpath_expr *left = predicate->expr->left, *right = predicate->expr->right;
	if (predicate->expr->kind != EXPR_EQ)
		return;
	if (key_of(left) && is_fixed(right)) {
		predicate->key = key_of(left);
		predicate->value = right;
	} else if (key_of(right) && is_fixed(left)) {
		predicate->key = key_of(right);
		predicate->value = left;
	}
}

static void read_predicates(struct parser *p, struct xpath_expr *path,
			    struct xpath_predicate **tail)
{
	while (!p->failed && take(p, TOKEN_BRACKET)) {
		struct xpath_predicate *predicate =
			arena_new(&p->xpath->arena, struct xpath_predicate);
		predicate->expr = read_expr(p);
		if (p->failed || !expect(p, TOKEN_UNBRACKET))
			return;
		nest(p, path, predicate->expr);
		predicate->positional =
			predicate->expr->type == XPATH_NUMBER || predicate->expr->positional;
		note_key(predicate);
		*tail = predicate;
		tail = &predicate->next;
	}
}

static void read_step(struct parser *p, struct xpath_expr *path, struct xpath_step *step)
{
	step->axis = AXIS_CHILD;
	if (at(p, TOKEN_DOT) || at(p, TOKEN_DOTS)) {
		step->axis = at(p, TOKEN_DOT) ? AXIS_SELF : AXIS_PARENT;
		step->test = TEST_NODE;
		next(p);
		return;
	}
	if (take(p, TOKEN_AT))
		step->axis = AXIS_ATTRIBUTE;
	else if (at(p, TOKEN_AXIS))
		read_axis(p, step);
	if (at(p, TOKEN_NAME) || at(p, TOKEN_STAR))
		read_test_name(p, step);
	else if (!at(p, TOKEN_FUNCTION) || !read_node_type(p, step))
		(void)unexpected(p);
	read_predicates(p, path, &step->predicates);
}

static bool counts(const struct xpath_step *step)
{
	for (const struct xpath_predicate *it = step->predicates; it; it = it->next)
		if (it->positional)
			return true;
	return false;
}

struct steps {
	struct xpath_expr *path;
	struct xpath_step **tail;
	bool deep; // a // has been read
};

static void append(struct parser *p, struct steps *steps, const struct xpath_step *step)
{
	struct xpath_step *copy = arena_memdup(&p->xpath->arena, step, sizeof(*step));
	*steps->tail = copy;
	steps->tail = &copy->next;
}

static void add_step(struct parser *p, struct steps *steps)
{
	static const struct xpath_step all = {.axis = AXIS_DESCENDANT_OR_SELF, .test = TEST_NODE};
	struct xpath_step step = {0};
	read_step(p, steps->path, &step);
	if (p->failed)
		return;
	if (steps->deep && step.axis == AXIS_CHILD && !counts(&step))
		step.axis = AXIS_DESCENDANT;
	else if (steps->deep)
		append(p, steps, &all);
	append(p, steps, &step);
}

static bool begins_step(const struct parser *p)
{
	return at(p, TOKEN_NAME) || at(p, TOKEN_STAR) || at(p, TOKEN_DOT) || at(p, TOKEN_DOTS) ||
	       at(p, TOKEN_AT) || at(p, TOKEN_AXIS) ||
	       (at(p, TOKEN_FUNCTION) && is_node_type(&p->lexer));
}

// Further steps, each behind a slash.
static void read_steps(struct parser *p, struct steps *steps)
{
	while (!p->failed && (at(p, TOKEN_SLASH) || at(p, TOKEN_SLASHES))) {
		steps->deep = at(p, TOKEN_SLASHES);
		next(p);
		add_step(p, steps);
	}
}

static struct xpath_expr *read_location(struct parser *p)
{
	struct xpath_expr *path = expr_new(p, EXPR_PATH, XPATH_NODES);
	struct steps steps = {.path = path, .tail = &path->steps};
	path->is_absolute = at(p, TOKEN_SLASH) || at(p, TOKEN_SLASHES);
	path->varies = !path->is_absolute;
	if (path->is_absolute) {
		steps.deep = at(p, TOKEN_SLASHES);
		next(p);
		if (!steps.deep && !begins_step(p))
			return path; // the root alone
	}
	add_step(p, &steps);
	read_steps(p, &steps);
	return path;
}

// --- operands ---

static struct xpath_expr *read_literal(struct parser *p)
{
	struct xpath_expr *expr = expr_new(p, EXPR_LITERAL, XPATH_STRING);
	struct arena *arena = &p->xpath->arena;
	const char *word = p->lexer.word, *colon = memchr(word, ':', p->lexer.len);
	size_t len = colon ? (size_t)(colon - word) : 0;
	expr->text = arena_strndup(arena, word, p->lexer.len);
	const struct lys_module *mod = len ? learn_prefix(p, word, len) : p->xpath->home;
	if (mod)
		expr->identity =
			arena_printf(arena, "%s:%s", mod->name, expr->text + (colon ? len + 1 : 0));
	next(p);
	return expr;
}

static struct xpath_expr *read_number(struct parser *p)
{
	struct xpath_expr *expr = expr_new(p, EXPR_NUMBER, XPATH_NUMBER);
	expr->number = strtod(p->lexer.word, NULL);
	next(p);
	return expr;
}

static void read_args(struct parser *p, struct xpath_expr *call, unsigned *count_out)
{
	struct xpath_expr **tail = &call->args;
	for (unsigned n = 0; !p->failed && !at(p, TOKEN_CLOSE); n++) {
		if (n && !expect(p, TOKEN_COMMA))
			return;
		*tail = read_expr(p);
		if (p->failed)
			return;
		call->varies |= (*tail)->varies;
		call->positional |= (*tail)->positional;
		nest(p, call, *tail);
		tail = &(*tail)->next;
		*count_out = n + 1;
	}
}

static struct xpath_expr *read_call(struct parser *p)
{
	const struct xpath_lexer name = p->lexer;
	const struct xpath_function *f =
		name.prefix_len ? NULL : xpath_function_find(name.word, name.len);
	if (!f)
		return fail(p, DIAG_VALUE, "use a function of XPath 1.0 or RFC 7950 section 10",
			    "is no function that is known");
	struct xpath_expr *call = expr_new(p, EXPR_CALL, f->type);
	unsigned count = 0;
	call->function = f;
	next(p);
	read_args(p, call, &count);
	if (p->failed || !expect(p, TOKEN_CLOSE))
		return NULL;
	bool wrong = count < f->least || count > f->most;
	if (wrong || (f->of_nodes && count && call->args->type != XPATH_NODES)) {
		p->lexer = name;
		return fail(p, DIAG_VALUE,
			    wrong ? "give as many arguments as it takes"
				  : "give it a path as its first argument",
			    wrong ? "does not take that many arguments"
				  : "is asked about something that is no set of nodes");
	}
	call->varies |= f->need == NEEDS_PLACE || (f->need == NEEDS_NODE && !count);
	call->positional |= f->need == NEEDS_PLACE;
	return call;
}

static struct xpath_expr *read_primary(struct parser *p)
{
	if (at(p, TOKEN_LITERAL))
		return read_literal(p);
	if (at(p, TOKEN_NUMBER))
		return read_number(p);
	if (at(p, TOKEN_FUNCTION))
		return read_call(p);
	if (!take(p, TOKEN_OPEN))
		return unexpected(p);
	struct xpath_expr *inner = read_expr(p);
	return !p->failed && expect(p, TOKEN_CLOSE) ? inner : NULL;
}

// A location path, or an operand with predicates and further steps.
static struct xpath_expr *read_path(struct parser *p)
{
	if (at(p, TOKEN_SLASH) || at(p, TOKEN_SLASHES) || begins_step(p))
		return read_location(p);
	struct xpath_expr *left = read_primary(p);
	if (p->failed || !(at(p, TOKEN_BRACKET) || at(p, TOKEN_SLASH) || at(p, TOKEN_SLASHES)))
		return left;
	if (left->type != XPATH_NODES)
		return fail(p, DIAG_VALUE, HINT_FORM, "stands behind what is no set of nodes");
	struct xpath_expr *path = expr_new(p, EXPR_PATH, XPATH_NODES);
	struct steps steps = {.path = path, .tail = &path->steps};
	path->left = left;
	nest(p, path, left);
	path->varies = left->varies;
	path->positional = left->positional;
	read_predicates(p, path, &path->predicates);
	read_steps(p, &steps);
	return path;
}

// --- operators ---

static const struct {
	unsigned rank;
	enum xpath_type type;
} operators[] = {
	[EXPR_OR] = {1, XPATH_BOOLEAN},   [EXPR_AND] = {2, XPATH_BOOLEAN},
	[EXPR_EQ] = {3, XPATH_BOOLEAN},   [EXPR_NE] = {3, XPATH_BOOLEAN},
	[EXPR_LT] = {4, XPATH_BOOLEAN},   [EXPR_LE] = {4, XPATH_BOOLEAN},
	[EXPR_GT] = {4, XPATH_BOOLEAN},   [EXPR_GE] = {4, XPATH_BOOLEAN},
	[EXPR_PLUS] = {5, XPATH_NUMBER},  [EXPR_MINUS] = {5, XPATH_NUMBER},
	[EXPR_TIMES] = {6, XPATH_NUMBER}, [EXPR_DIV] = {6, XPATH_NUMBER},
	[EXPR_MOD] = {6, XPATH_NUMBER},   [EXPR_UNION] = {8, XPATH_NODES},
};
#define RANK_NEGATE 7u
_Static_assert(TOKEN_UNION - TOKEN_OR == EXPR_UNION - EXPR_OR, "operators are in one order");

static unsigned rank_of(const struct parser *p)
{
	enum xpath_token token = p->lexer.token;
	return !p->lexer.fault && token >= TOKEN_OR ? operators[token - TOKEN_OR].rank : 0;
}

static struct xpath_expr *read_operand(struct parser *p, unsigned rank);

static struct xpath_expr *join(struct parser *p, enum xpath_kind kind, struct xpath_expr *left,
			       struct xpath_expr *right)
{
	struct xpath_expr *expr = expr_new(p, kind, operators[kind].type);
	expr->left = left;
	expr->right = right;
	expr->varies = left->varies || right->varies;
	expr->positional = left->positional || right->positional;
	nest(p, expr, left);
	nest(p, expr, right);
	return expr;
}

// Operators of at least this rank; all of them bind to the left.
static struct xpath_expr *read_chain(struct parser *p, unsigned least)
{
	struct xpath_expr *left = read_operand(p, least);
	unsigned rank;
	while (!p->failed && (rank = rank_of(p)) >= least && rank) {
		enum xpath_kind kind = (enum xpath_kind)(p->lexer.token - TOKEN_OR);
		struct xpath_lexer operator= p->lexer;
		next(p);
		struct xpath_expr *right = read_chain(p, rank + 1);
		if (p->failed)
			return NULL;
		if (kind == EXPR_UNION &&
		    (left->type != XPATH_NODES || right->type != XPATH_NODES)) {
			p->lexer = operator;
			return fail(p, DIAG_VALUE, HINT_FORM,
				    "stands beside what is no set of nodes");
		}
		left = join(p, kind, left, right);
	}
	return left;
}

static struct xpath_expr *read_operand(struct parser *p, unsigned rank)
{
	if (rank > RANK_NEGATE || !at(p, TOKEN_MINUS))
		return read_path(p);
	next(p);
	if (++p->depth > SCHEMA_XPATH_DEPTH_MOST)
		return fail(p, DIAG_LIMIT, HINT_LESS, "is nested too deep");
	struct xpath_expr *inner = read_chain(p, RANK_NEGATE);
	p->depth--;
	if (p->failed)
		return NULL;
	struct xpath_expr *expr = expr_new(p, EXPR_NEGATE, XPATH_NUMBER);
	expr->left = inner;
	expr->varies = inner->varies;
	expr->positional = inner->positional;
	nest(p, expr, inner);
	return expr;
}

static struct xpath_expr *read_expr(struct parser *p)
{
	if (++p->depth > SCHEMA_XPATH_DEPTH_MOST)
		return fail(p, DIAG_LIMIT, HINT_LESS, "is nested too deep");
	struct xpath_expr *expr = read_chain(p, 1);
	p->depth--;
	return expr;
}

// --- all of it ---

static const char *same_name(void *context, const char *prefix)
{
	(void)context;
	return prefix;
}

const struct schema_xpath_names schema_xpath_by_module = {.module = same_name};

void schema_xpath_free(struct schema_xpath *xpath)
{
	if (!xpath)
		return;
	for (size_t i = 0; i < xpath->names.len; i++)
		lydict_remove(xpath->schema->ctx, xpath->names.at[i]);
	for (size_t i = 0; i < xpath->interned.len; i++)
		intern_unref(&xpath->schema->values, xpath->interned.at[i]);
	for (size_t i = 0; i < xpath->matchers.len; i++)
		xpath_pattern_free(xpath->matchers.at[i]->cached);
	for (size_t i = 0; i < xpath->leafrefs.len; i++)
		schema_xpath_free(xpath->leafrefs.at[i].path);
	arena_fini(&xpath->arena);
	free(xpath);
}

struct schema_xpath *schema_xpath_parse(struct schema *schema, const char *text,
					const struct schema_xpath_names *names, struct diags *diags)
{
	struct schema_xpath *xpath = base_oom(calloc(1, sizeof(*xpath)));
	struct parser p = {.xpath = xpath, .names = names, .diags = diags};
	arena_init(&xpath->arena);
	xpath->schema = schema;
	xpath->home = names->home ? text_module(schema, names->home, true) : NULL;
	xpath->text = p.lexer.text = arena_strdup(&xpath->arena, text);
	if (strlen(text) > SCHEMA_XPATH_BYTES_MOST) {
		diag_error(diags, DIAG_LIMIT, NULL, HINT_LESS, "XPath: more than %u bytes",
			   SCHEMA_XPATH_BYTES_MOST);
		p.failed = true;
	} else {
		next(&p);
		xpath->expr = read_expr(&p);
		if (!p.failed && (p.lexer.token != TOKEN_END || p.lexer.fault))
			(void)unexpected(&p);
	}
	if (!p.failed)
		return xpath;
	schema_xpath_free(xpath);
	return NULL;
}
