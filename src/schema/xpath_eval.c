// SPDX-License-Identifier: Apache-2.0
// Evaluating expressions: operators, conversions between types, and the public face (XPath 1.0 sections 3 and 4).
//
// Everything counts its steps; when too many are made, one diag says so and all loops end. So no expression can hold up
// a server, whatever it asks.
#include "schema/xpath_eval.h"
#include "base/buf.h"
#include "base/turn.h"
#include "schema/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- budget ---

void xpath_fail(struct xpath_eval *e, enum diag_code code, const char *hint, const char *text)
{
	if (!e->failed)
		diag_error(e->diags, code, NULL, hint, "XPath: %.200s: %s", e->xpath->text, text);
	e->failed = true;
}

bool xpath_spend(struct xpath_eval *e, size_t steps)
{
	if (e->steps < steps) {
		e->steps = 0;
		xpath_fail(e, DIAG_LIMIT, "ask for less at once, by names and keys instead of //",
			   "too many nodes are to be looked at");
	} else {
		e->steps -= steps;
	}
	if (e->turns)
		turn_point();
	return !e->failed;
}

void xpath_spend_text(struct xpath_eval *e, size_t len)
{
	(void)xpath_spend(e, len / 64);
	if (e->outer_text + e->arena.total > SCHEMA_XPATH_TEXT_MOST)
		xpath_fail(e, DIAG_LIMIT, "ask for less at once", "it makes too much text");
}

// --- text and numbers ---

static void add_text(struct xpath_eval *e, const struct schema_node *node, struct buf *out)
{
	if (node_is_term(node))
		buf_adds(out, node->value);
	if (!node_is_inner(node))
		return;
	for (const struct schema_node *it = node_child(node); it && xpath_spend(e, 1);
	     it = it->next)
		if (!e->place->visible || e->place->visible(e->place->context, it))
			add_text(e, it, out);
}

const char *xpath_item_text(struct xpath_eval *e, uintptr_t item)
{
	const struct schema_node *node = item_node(item);
	if (node_is_term(node))
		return node->value ? node->value : "";
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	add_text(e, node, &text);
	const char *copy = arena_strndup(&e->arena, text.data, text.len);
	xpath_spend_text(e, text.len);
	return copy;
}

// XPath 1.0 section 4.4: a Number of the grammar, with white space around and a minus before; no exponents.
double xpath_text_number(const char *text)
{
	const char *p = text, *digits;
	while (text_is_space(*p))
		p++;
	const char *begin = p;
	p += *p == '-';
	digits = p;
	p += strspn(p, "0123456789");
	size_t whole = (size_t)(p - digits), part = 0;
	if (*p == '.') {
		part = strspn(p + 1, "0123456789");
		p += 1 + part;
	}
	const char *end = p;
	while (text_is_space(*p))
		p++;
	if (*p || !(whole + part) || (!part && end[-1] == '.' && !whole))
		return NAN;
	return strtod(begin, NULL);
}

static bool is_whole(double n)
{
	return n > -1e15 && n < 1e15 && !(n < trunc(n)) && !(n > trunc(n));
}

// The shortest decimal that is this number again, without exponent.
static const char *number_text(struct xpath_eval *e, double n)
{
	if (isnan(n))
		return "NaN";
	if (isinf(n))
		return n < 0 ? "-Infinity" : "Infinity";
	if (is_whole(n))
		return arena_printf(&e->arena, "%.0f", n < 0 || n > 0 ? n : 0); // no "-0"
	char text[400];
	for (int digits = 0; digits < 18; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits, n);
		double back = strtod(text, NULL);
		int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
		int decimals = digits - exponent;
		snprintf(text, sizeof(text), "%.*f", decimals > 0 ? decimals : 0, n);
		if (!(back < n) && !(back > n))
			break;
	}
	return arena_strdup(&e->arena, text);
}

bool xpath_truth(const struct xpath_value *value)
{
	switch (value->type) {
	case XPATH_NODES:
		return value->nodes.len;
	case XPATH_STRING:
		return *value->text;
	case XPATH_NUMBER:
		return value->number < 0 || value->number > 0;
	case XPATH_BOOLEAN:
	default:
		return value->truth;
	}
}

const char *xpath_text(struct xpath_eval *e, struct xpath_value *value)
{
	uintptr_t first;
	switch (value->type) {
	case XPATH_NODES:
		first = xpath_set_first(e, &value->nodes);
		return first ? xpath_item_text(e, first) : "";
	case XPATH_NUMBER:
		return number_text(e, value->number);
	case XPATH_BOOLEAN:
		return value->truth ? "true" : "false";
	case XPATH_STRING:
	default:
		return value->text;
	}
}

double xpath_number(struct xpath_eval *e, struct xpath_value *value)
{
	switch (value->type) {
	case XPATH_NUMBER:
		return value->number;
	case XPATH_BOOLEAN:
		return value->truth ? 1 : 0;
	case XPATH_NODES:
	case XPATH_STRING:
	default:
		return xpath_text_number(xpath_text(e, value));
	}
}

void xpath_value_fini(struct xpath_eval *e, struct xpath_value *value)
{
	if (value->type == XPATH_NODES)
		xpath_set_fini(e, &value->nodes);
}

bool xpath_evaluate_truth(struct xpath_eval *e, struct xpath_expr *expr,
			  const struct xpath_here *here)
{
	struct xpath_value value;
	xpath_evaluate(e, expr, here, &value);
	bool truth = xpath_truth(&value);
	xpath_value_fini(e, &value);
	return truth;
}

const char *xpath_evaluate_text(struct xpath_eval *e, struct xpath_expr *expr,
				const struct xpath_here *here)
{
	struct xpath_value value;
	xpath_evaluate(e, expr, here, &value);
	const char *text = xpath_text(e, &value);
	xpath_value_fini(e, &value);
	return text;
}

double xpath_evaluate_number(struct xpath_eval *e, struct xpath_expr *expr,
			     const struct xpath_here *here)
{
	struct xpath_value value;
	xpath_evaluate(e, expr, here, &value);
	double number = xpath_number(e, &value);
	xpath_value_fini(e, &value);
	return number;
}

// --- operators ---

static double calculate(enum xpath_kind kind, double left, double right)
{
	if (kind == EXPR_PLUS)
		return left + right;
	if (kind == EXPR_MINUS)
		return left - right;
	if (kind == EXPR_TIMES)
		return left * right;
	return kind == EXPR_DIV ? left / right : fmod(left, right);
}

static void collect(struct xpath_eval *e, struct xpath_expr *expr, const struct xpath_here *here,
		    struct xpath_set *set)
{
	struct xpath_value part;
	if (expr->kind == EXPR_UNION) {
		collect(e, expr->left, here, set);
		collect(e, expr->right, here, set);
		return;
	}
	xpath_evaluate(e, expr, here, &part);
	for (size_t i = 0; i < part.nodes.len && xpath_spend(e, 1); i++)
		xpath_set_add(e, set, part.nodes.at[i]);
	xpath_value_fini(e, &part);
}

static void unite(struct xpath_eval *e, struct xpath_expr *expr, const struct xpath_here *here,
		  struct xpath_set *set)
{
	collect(e, expr, here, set);
	xpath_set_unite(e, set);
	set->unordered = set->nested = set->len > 1;
}

void xpath_evaluate(struct xpath_eval *e, struct xpath_expr *expr, const struct xpath_here *here,
		    struct xpath_value *out)
{
	*out = (struct xpath_value){.type = expr->type, .text = ""};
	if (!xpath_spend(e, 1))
		return;
	switch (expr->kind) {
	case EXPR_OR:
		out->truth = xpath_evaluate_truth(e, expr->left, here) ||
			     xpath_evaluate_truth(e, expr->right, here);
		break;
	case EXPR_AND:
		out->truth = xpath_evaluate_truth(e, expr->left, here) &&
			     xpath_evaluate_truth(e, expr->right, here);
		break;
	case EXPR_EQ:
	case EXPR_NE:
	case EXPR_LT:
	case EXPR_LE:
	case EXPR_GT:
	case EXPR_GE:
		xpath_compare(e, expr, here, out);
		break;
	case EXPR_PLUS:
	case EXPR_MINUS:
	case EXPR_TIMES:
	case EXPR_DIV:
	case EXPR_MOD:
		out->number = calculate(expr->kind, xpath_evaluate_number(e, expr->left, here),
					xpath_evaluate_number(e, expr->right, here));
		break;
	case EXPR_UNION:
		unite(e, expr, here, &out->nodes);
		break;
	case EXPR_NEGATE:
		out->number = -xpath_evaluate_number(e, expr->left, here);
		break;
	case EXPR_LITERAL:
		out->text = expr->text;
		break;
	case EXPR_NUMBER:
		out->number = expr->number;
		break;
	case EXPR_CALL:
		expr->function->call(e, expr, here, out);
		break;
	case EXPR_PATH:
	default:
		xpath_follow(e, expr, here, out);
	}
}

// --- public ---

static void begin(struct xpath_eval *e, struct schema_xpath *xpath,
		  const struct schema_xpath_place *place, struct diags *diags, bool turns,
		  struct xpath_value *out)
{
	const struct schema_node *node = place->tree ? place->tree->root : place->node;
	struct xpath_here here = {.item = (uintptr_t)node, .position = 1, .size = 1};
	*e = (struct xpath_eval){.xpath = xpath,
				 .place = place,
				 .root = node_root(node),
				 .current = place->current ? place->current : node,
				 .diags = diags,
				 .steps = place->steps ? place->steps : SCHEMA_XPATH_STEPS_MOST,
				 .turns = turns};
	arena_init(&e->arena);
	arena_init(&e->fixed_arena);
	xpath_evaluate(e, xpath->expr, &here, out);
}

static bool end(struct xpath_eval *e, struct xpath_value *value)
{
	xpath_value_fini(e, value);
	xpath_fixed_fini(e);
	while (e->spares)
		free(e->spare[--e->spares]);
	arena_fini(&e->arena);
	return !e->failed;
}

static void call_tops(const struct xpath_eval *e, schema_xpath_fn fn, void *context)
{
	for (const struct schema_node *it = node_child(e->root); it; it = it->next)
		if (!e->place->visible || e->place->visible(e->place->context, it))
			fn(context, it);
}

static void call_all(const struct xpath_eval *e, const struct xpath_set *set, schema_xpath_fn fn,
		     void *context)
{
	bool has_root = set->len && item_node(set->at[0]) == e->root;
	const struct schema_node *last = NULL;
	if (has_root)
		call_tops(e, fn, context);
	for (size_t i = has_root; i < set->len; i++) {
		const struct schema_node *node = item_node(set->at[i]);
		turn_point();
		if (node != last && !(has_root && node->parent == e->root))
			fn(context, node);
		last = node;
	}
}

bool schema_xpath_nodes(struct schema_xpath *xpath, const struct schema_xpath_place *place,
			schema_xpath_fn fn, void *context, struct diags *diags)
{
	struct xpath_eval e;
	struct xpath_value value;
	if (xpath->expr->type != XPATH_NODES) {
		diag_error(diags, DIAG_VALUE, NULL, "write a path to nodes",
			   "XPath: %.200s: gives no nodes", xpath->text);
		return false;
	}
	begin(&e, xpath, place, diags, true, &value);
	xpath_set_order(&e, &value.nodes);
	if (!e.failed)
		call_all(&e, &value.nodes, fn, context);
	return end(&e, &value);
}

bool schema_xpath_true(struct schema_xpath *xpath, const struct schema_xpath_place *place,
		       bool *result_out, struct diags *diags)
{
	struct xpath_eval e;
	struct xpath_value value;
	begin(&e, xpath, place, diags, false, &value);
	bool result = xpath_truth(&value);
	if (!end(&e, &value))
		return false;
	*result_out = result;
	return true;
}
