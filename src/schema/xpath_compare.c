// SPDX-License-Identifier: Apache-2.0
// Comparing (XPath 1.0 section 3.4). A set of nodes compares if one of them does. Large sets are compared by what decides:
// the smallest and largest number, or a table of the texts, which are mostly interned; so nothing is quadratic.
//
// A literal is read as a value of the leaf that it is compared with, so that '01' is 1 and "prefix:name" an identity.
#include "base/map.h"
#include "schema/canonical.h"
#include "schema/xpath_eval.h"

#include <libyang/libyang.h>

#include <math.h>
#include <string.h>

// --- literals ---

static const char *read_as(struct schema_xpath *xpath, const struct xpath_expr *literal,
			   const struct model_node *model)
{
	struct schema *schema = xpath->schema;
	const struct lysc_type *type = ((const struct lysc_node_leaf *)model->schema)->type;
	const char *text = literal->text;
	enum value_form form;
	if (model->traits & VALUE_PATH)
		return intern_add(&schema->values, text, strlen(text));
	if (model->traits & VALUE_IDENTITY && literal->identity &&
	    map_get(&schema->identities, literal->identity))
		text = literal->identity;
	bool good = canonical_takes(model, type, text);
	return good ? canonical_add(schema, model, text, strlen(text), &form) : NULL;
}

static struct xpath_reading *find_reading(const struct xpath_readings *r,
					  const struct model_node *model)
{
	size_t i = model->id & (r->cap - 1);
	while (r->slot[i].model && r->slot[i].model != model)
		i = (i + 1) & (r->cap - 1);
	return &r->slot[i];
}

static void grow(struct arena *arena, struct xpath_readings *r)
{
	struct xpath_readings old = *r;
	r->cap = old.cap ? old.cap * 2 : 8;
	r->slot = arena_array(arena, struct xpath_reading, r->cap);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].model)
			*find_reading(r, old.slot[i].model) = old.slot[i];
}

const char *xpath_read_literal(struct schema_xpath *xpath, struct xpath_expr *literal,
			       const struct model_node *model)
{
	struct xpath_readings *r = &literal->readings;
	if (r->last.model == model)
		return r->last.value;
	if (r->len * 2 >= r->cap)
		grow(&xpath->arena, r);
	struct xpath_reading *reading = find_reading(r, model);
	if (!reading->model) {
		*reading = (struct xpath_reading){model, read_as(xpath, literal, model)};
		if (reading->value)
			vec_push(&xpath->arena, &xpath->interned, reading->value);
		r->len++;
	}
	r->last = *reading;
	return reading->value;
}

// --- texts ---

static bool same(const char *a, const char *b)
{
	return a == b || !strcmp(a, b);
}

static bool is_literal(struct xpath_eval *e, struct xpath_expr *literal, uintptr_t item)
{
	const struct schema_node *node = item_node(item);
	if (!node_is_term(node) || !node->value)
		return same(xpath_item_text(e, item), literal->text);
	const char *value = xpath_read_literal(e->xpath, literal, node_model(node));
	return value && same(value, node->value);
}

// Whether some node equals the text, or (`wanted` false) differs from it. `literal` may be NULL.
static bool some_is(struct xpath_eval *e, const struct xpath_set *set, struct xpath_expr *literal,
		    const char *text, bool wanted)
{
	for (size_t i = 0; i < set->len && xpath_spend(e, 1); i++) {
		bool is = literal ? is_literal(e, literal, set->at[i])
				  : same(xpath_item_text(e, set->at[i]), text);
		if (is == wanted)
			return true;
	}
	return false;
}

// Those of nodes above leafs end with the evaluation of the predicate, so they are copied.
static void learn_texts(struct xpath_eval *e, const struct xpath_set *set, struct map *texts)
{
	for (size_t i = 0; i < set->len && xpath_spend(e, 1); i++) {
		const char *text = xpath_item_text(e, set->at[i]);
		bool stays = node_is_term(item_node(set->at[i]));
		(void)map_put(texts, stays ? text : arena_strdup(texts->arena, text), e);
	}
}

static bool some_known(struct xpath_eval *e, const struct xpath_set *set, const struct map *texts)
{
	for (size_t i = 0; i < set->len && xpath_spend(e, 1); i++)
		if (map_get(texts, xpath_item_text(e, set->at[i])))
			return true;
	return false;
}

// Whether some text is in both sets.
static bool share_text(struct xpath_eval *e, const struct xpath_set *a, const struct xpath_set *b)
{
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	struct map texts = {.arena = &arena};
	if (a->len == 1)
		return some_is(e, b, NULL, xpath_item_text(e, a->at[0]), true);
	if (b->len == 1)
		return some_is(e, a, NULL, xpath_item_text(e, b->at[0]), true);
	learn_texts(e, a, &texts);
	return some_known(e, b, &texts);
}

// All texts but those that are the same as the first of the other set are different from it.
static bool differ(struct xpath_eval *e, const struct xpath_set *a, const struct xpath_set *b)
{
	if (!a->len || !b->len)
		return false;
	return some_is(e, b, NULL, xpath_item_text(e, a->at[0]), false) ||
	       some_is(e, a, NULL, xpath_item_text(e, b->at[0]), false);
}

// --- numbers ---

static bool compare_numbers(enum xpath_kind kind, double a, double b)
{
	switch ((unsigned)kind) {
	case EXPR_EQ:
		return a >= b && a <= b;
	case EXPR_NE:
		return !(a >= b && a <= b);
	case EXPR_LT:
		return a < b;
	case EXPR_LE:
		return a <= b;
	case EXPR_GT:
		return a > b;
	default:
		return a >= b;
	}
}

static bool some_compares(struct xpath_eval *e, enum xpath_kind kind, const struct xpath_set *set,
			  double number)
{
	for (size_t i = 0; i < set->len && xpath_spend(e, 1); i++)
		if (compare_numbers(kind, xpath_text_number(xpath_item_text(e, set->at[i])),
				    number))
			return true;
	return false;
}

// The smallest or largest; NaN when there is none.
static double extreme(struct xpath_eval *e, const struct xpath_set *set, bool smallest)
{
	double found = NAN;
	for (size_t i = 0; i < set->len && xpath_spend(e, 1); i++) {
		double n = xpath_text_number(xpath_item_text(e, set->at[i]));
		if (isnan(found) || (smallest ? n < found : n > found))
			found = n;
	}
	return found;
}

// --- operands ---

// Nodes that do not depend on the context node, found once for all nodes that a predicate is asked of.
struct xpath_fixed {
	struct xpath_expr *expr;
	struct xpath_value value;
	struct map texts; // made when it is first asked for
	struct xpath_fixed *next;
};

void xpath_fixed_fini(struct xpath_eval *e)
{
	for (struct xpath_fixed *it = e->fixed; it; it = it->next) {
		it->expr->fixed = NULL;
		xpath_value_fini(e, &it->value);
	}
	arena_fini(&e->fixed_arena);
}

static struct xpath_fixed *fix(struct xpath_eval *e, struct xpath_expr *expr,
			       const struct xpath_here *here)
{
	struct xpath_fixed *fixed = arena_new(&e->fixed_arena, struct xpath_fixed);
	fixed->expr = expr;
	fixed->texts.arena = &e->fixed_arena;
	fixed->next = e->fixed;
	e->fixed = expr->fixed = fixed;
	xpath_evaluate(e, expr, here, &fixed->value);
	return fixed;
}

struct operand {
	struct xpath_expr *expr;
	struct xpath_value value;
	struct xpath_fixed *fixed; // NULL: `value` has it
};

static void operand_init(struct xpath_eval *e, struct xpath_expr *expr,
			 const struct xpath_here *here, struct operand *out)
{
	*out = (struct operand){.expr = expr, .value = {.type = expr->type}};
	if (expr->kind == EXPR_PATH && !expr->varies && !e->follows)
		out->fixed = expr->fixed ? expr->fixed : fix(e, expr, here);
	else
		xpath_evaluate(e, expr, here, &out->value);
}

static const struct xpath_set *nodes_of(const struct operand *operand)
{
	return operand->fixed ? &operand->fixed->value.nodes : &operand->value.nodes;
}

// The texts of a set that stays the same, if it is long.
static const struct map *texts_of(struct xpath_eval *e, const struct operand *operand)
{
	struct xpath_fixed *fixed = operand->fixed;
	if (!fixed || fixed->value.nodes.len < 8)
		return NULL;
	if (!fixed->texts.len)
		learn_texts(e, &fixed->value.nodes, &fixed->texts);
	return &fixed->texts;
}

// --- pairs of types ---

static bool is_order(enum xpath_kind kind)
{
	return kind != EXPR_EQ && kind != EXPR_NE;
}

static enum xpath_kind swapped(enum xpath_kind kind)
{
	switch ((unsigned)kind) {
	case EXPR_LT:
		return EXPR_GT;
	case EXPR_LE:
		return EXPR_GE;
	case EXPR_GT:
		return EXPR_LT;
	case EXPR_GE:
		return EXPR_LE;
	default:
		return kind;
	}
}

static bool are_equal(struct xpath_eval *e, const struct operand *a, const struct operand *b)
{
	const struct map *of_a = texts_of(e, a), *of_b = of_a ? NULL : texts_of(e, b);
	if (of_a)
		return some_known(e, nodes_of(b), of_a);
	return of_b ? some_known(e, nodes_of(a), of_b) : share_text(e, nodes_of(a), nodes_of(b));
}

static bool compare_sets(struct xpath_eval *e, enum xpath_kind kind, const struct operand *a,
			 const struct operand *b)
{
	bool less = kind == EXPR_LT || kind == EXPR_LE;
	if (kind == EXPR_EQ)
		return are_equal(e, a, b);
	if (kind == EXPR_NE)
		return differ(e, nodes_of(a), nodes_of(b));
	return compare_numbers(kind, extreme(e, nodes_of(a), less), extreme(e, nodes_of(b), !less));
}

static bool compare_set(struct xpath_eval *e, enum xpath_kind kind, const struct xpath_set *set,
			struct operand *other)
{
	struct xpath_value *value = &other->value;
	if (value->type == XPATH_BOOLEAN)
		return compare_numbers(kind, set->len > 0, value->truth);
	if (is_order(kind) || value->type == XPATH_NUMBER)
		return some_compares(e, kind, set, xpath_number(e, value));
	return some_is(e, set, other->expr->kind == EXPR_LITERAL ? other->expr : NULL, value->text,
		       kind == EXPR_EQ);
}

static bool compare_plain(struct xpath_eval *e, enum xpath_kind kind, struct xpath_value *a,
			  struct xpath_value *b)
{
	bool truths = a->type == XPATH_BOOLEAN || b->type == XPATH_BOOLEAN;
	if (!is_order(kind) && truths)
		return compare_numbers(kind, xpath_truth(a), xpath_truth(b));
	if (!is_order(kind) && a->type == XPATH_STRING && b->type == XPATH_STRING)
		return same(a->text, b->text) == (kind == EXPR_EQ);
	return compare_numbers(kind, xpath_number(e, a), xpath_number(e, b));
}

void xpath_compare(struct xpath_eval *e, struct xpath_expr *expr, const struct xpath_here *here,
		   struct xpath_value *out)
{
	struct operand a, b;
	enum xpath_kind kind = expr->kind;
	operand_init(e, expr->left, here, &a);
	operand_init(e, expr->right, here, &b);
	if (a.value.type == XPATH_NODES && b.value.type == XPATH_NODES)
		out->truth = compare_sets(e, kind, &a, &b);
	else if (a.value.type == XPATH_NODES)
		out->truth = compare_set(e, kind, nodes_of(&a), &b);
	else if (b.value.type == XPATH_NODES)
		out->truth = compare_set(e, swapped(kind), nodes_of(&b), &a);
	else
		out->truth = compare_plain(e, kind, &a.value, &b.value);
	xpath_value_fini(e, &a.value);
	xpath_value_fini(e, &b.value);
}
