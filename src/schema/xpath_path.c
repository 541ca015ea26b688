// SPDX-License-Identifier: Apache-2.0
// Location paths (XPath 1.0 sections 2 and 3.3): from a set of nodes along an axis, through the predicates, to the next.
//
// Names are compared once per model, not per node. A step whose predicates give the keys of a list looks the entry up;
// the predicates are then asked of it all the same, so looking up only has to leave nothing out.
#include "schema/xpath_eval.h"

#include <string.h>

struct step {
	struct xpath_eval *e;
	struct xpath_step *step;
	const struct xpath_here *here; // of the path
	struct xpath_set *out;
	size_t begin; // of what this context node has given, in `out`
	size_t most;  // of it that can matter
};

// True when no more is wanted, or the budget is spent.
static bool is_full(const struct step *s)
{
	return s->out->len - s->begin >= s->most || !xpath_spend(s->e, 1);
}

// --- tests ---

static bool sees(const struct xpath_eval *e, const struct schema_node *node)
{
	return !e->place->visible || e->place->visible(e->place->context, node);
}

static bool matches(const struct xpath_step *step, const struct schema_node *node)
{
	const struct model_node *model = node_model(node);
	switch (step->test) {
	case TEST_NAME:
		return model->name == step->name && (!step->mod || model->mod == step->mod);
	case TEST_ELEMENT:
		return model->schema && (!step->mod || model->mod == step->mod);
	case TEST_NODE:
		return true;
	case TEST_TEXT:
	case TEST_NOTHING:
	default:
		return false;
	}
}

static bool has_text(const struct schema_node *node)
{
	return node_is_term(node) && *node->value;
}

static void offer_text(const struct step *s, const struct schema_node *leaf)
{
	if ((s->step->test == TEST_NODE || s->step->test == TEST_TEXT) && has_text(leaf))
		xpath_set_add(s->e, s->out, (uintptr_t)leaf | ITEM_TEXT_BIT);
}

// A node that may be seen, if it passes the test.
static void offer(const struct step *s, const struct schema_node *node)
{
	if (matches(s->step, node))
		xpath_set_add(s->e, s->out, (uintptr_t)node);
}

static void offer_item(const struct step *s, uintptr_t item)
{
	if (item_is_text(item))
		offer_text(s, item_node(item));
	else
		offer(s, item_node(item));
}

// --- the child axis ---

// Which model a name test means below a parent; NULL and `several` false: none.
static const struct model_node *child_model(struct xpath_step *step,
					    const struct model_node *parent)
{
	if (step->seen_parent == parent)
		return step->seen_child;
	step->seen_parent = parent;
	step->seen_child = NULL;
	step->seen_several = false;
	if (step->mod)
		step->seen_child = model_child(parent, step->mod, step->name, strlen(step->name));
	for (uint32_t i = 0; !step->mod && i < parent->children; i++) {
		if (parent->child[i]->name != step->name)
			continue;
		step->seen_several |= step->seen_child != NULL;
		step->seen_child = parent->child[i];
	}
	return step->seen_child;
}

// The model of a list's key or of the leaf-list itself that a predicate gives the value of.
static const struct model_node *key_model(const struct xpath_step *key,
					  const struct model_node *model)
{
	if (key->axis == AXIS_SELF)
		return model->kind == MODEL_LEAF_LIST ? model : NULL;
	for (unsigned i = 0; i < model->keys; i++) {
		const struct model_node *it = model->child[i];
		if (it->name == key->name && (!key->mod || it->mod == key->mod))
			return it;
	}
	return NULL;
}

// The one value that the predicate allows, interned; NULL when there is none. False: it may allow several.
static bool key_value(const struct step *s, const struct xpath_predicate *predicate,
		      const struct model_node *key, const char **value_out)
{
	struct xpath_value value;
	const struct intern *values = &s->e->xpath->schema->values;
	if (predicate->value->kind == EXPR_LITERAL) {
		*value_out = xpath_read_literal(s->e->xpath, predicate->value, key);
		return true;
	}
	xpath_evaluate(s->e, predicate->value, s->here, &value);
	bool one = value.type == XPATH_STRING || value.nodes.len < 2;
	*value_out = NULL;
	if (one && (value.type == XPATH_STRING || value.nodes.len)) {
		const char *text = xpath_text(s->e, &value);
		*value_out = intern_find(values, text, strlen(text));
	}
	xpath_value_fini(s->e, &value);
	return one;
}

// The values of the keys, from predicates that come before any that counts positions. False: not all are given.
static bool find_keys(const struct step *s, const struct model_node *model, const char **values)
{
	size_t wanted = node_values_of(model), found = 0;
	bool given[NODE_KEYS_MOST] = {0};
	if (!model->identified || !(model->kind & (MODEL_LIST | MODEL_LEAF_LIST)))
		return false;
	for (const struct xpath_predicate *it = s->step->predicates; it && !it->positional;
	     it = it->next) {
		const struct model_node *key = it->value ? key_model(it->key, model) : NULL;
		size_t i = key && key != model ? key->ordinal : 0;
		if (!key || given[i])
			continue;
		if (!key_value(s, it, key, &values[i]))
			return false;
		given[i] = true;
		found++;
	}
	return found == wanted;
}

static void take_kind(const struct step *s, const struct schema_node *parent,
		      const struct model_node *model)
{
	const char *values[NODE_KEYS_MOST];
	if (find_keys(s, model, values)) {
		const struct schema_node *entry = node_find_entry(parent, model, values);
		if (entry && sees(s->e, entry))
			xpath_set_add(s->e, s->out, (uintptr_t)entry);
		return;
	}
	for (const struct schema_node *it = node_find(parent, model); it;
	     it = node_next_of_kind(it))
		if (is_full(s))
			return;
		else if (sees(s->e, it))
			xpath_set_add(s->e, s->out, (uintptr_t)it);
}

static void take_children(const struct step *s, const struct schema_node *parent)
{
	const struct model_node *model = node_model(parent);
	bool is_operation = model->kind & (MODEL_RPC | MODEL_ACTION); // with two sets of children
	if (!node_is_inner(parent)) {
		if (node_is_term(parent))
			offer_text(s, parent);
		return;
	}
	if (s->step->test == TEST_NAME && !is_operation) {
		const struct model_node *child = child_model(s->step, model);
		if (!child)
			return;
		if (!s->step->seen_several) {
			take_kind(s, parent, child);
			return;
		}
	}
	for (const struct schema_node *it = node_child(parent); it; it = it->next) {
		if (is_full(s))
			return;
		if (matches(s->step, it) && sees(s->e, it))
			xpath_set_add(s->e, s->out, (uintptr_t)it);
	}
}

// --- the other axes ---

// What stands below, in document order; `inside` one that is taken already.
static void take_below(const struct step *s, const struct schema_node *node, bool inside)
{
	if (!node_is_inner(node)) {
		if (node_is_term(node))
			offer_text(s, node);
		return;
	}
	for (const struct schema_node *it = node_child(node); it; it = it->next) {
		if (is_full(s))
			return;
		if (!sees(s->e, it))
			continue;
		size_t before = s->out->len;
		offer(s, it);
		bool taken = s->out->len > before;
		s->out->nested |= taken && inside;
		take_below(s, it, inside || taken);
	}
}

static void take_with_below(const struct step *s, uintptr_t item)
{
	offer_item(s, item);
	if (!item_is_text(item))
		take_below(s, item_node(item), s->out->len > s->begin);
}

static const struct schema_node *parent_of(uintptr_t item)
{
	return item_is_text(item) ? item_node(item) : item_node(item)->parent;
}

static void take_above(const struct step *s, uintptr_t item)
{
	for (const struct schema_node *it = parent_of(item); it; it = it->parent) {
		s->out->nested |= s->out->len > s->begin;
		offer(s, it);
		(void)xpath_spend(s->e, 1);
	}
}

static void take_siblings(const struct step *s, uintptr_t item, bool backwards, bool whole)
{
	const struct schema_node *node = item_node(item);
	if (item_is_text(item) || !node->parent)
		return;
	const struct schema_node *first = node_child(node->parent),
				 *it = backwards ? node->prev : node->next;
	if (backwards && (node == first || it == node))
		return;
	for (; it && !is_full(s); it = backwards ? it->prev : it->next) {
		if (sees(s->e, it)) {
			offer(s, it);
			if (whole)
				take_below(s, it, true);
		}
		if (backwards && it == first)
			return;
	}
}

static void reverse(struct xpath_set *set, size_t begin)
{
	for (size_t i = begin, j = set->len; i + 1 < j; i++) {
		uintptr_t item = set->at[i];
		set->at[i] = set->at[--j];
		set->at[j] = item;
	}
}

// Backwards, in the order of XPath: what begins later comes first.
static void take_below_backwards(const struct step *s, const struct schema_node *node)
{
	size_t begin = s->out->len;
	offer(s, node);
	take_below(s, node, true);
	reverse(s->out, begin);
}

static void take_preceding(const struct step *s, const struct schema_node *node)
{
	const struct schema_node *first = node->parent ? node_child(node->parent) : NULL, *it;
	if (!first || node == first || node->prev == node)
		return;
	for (it = node->prev; xpath_spend(s->e, 1); it = it->prev) {
		if (sees(s->e, it))
			take_below_backwards(s, it);
		if (it == first)
			return;
	}
}

// What begins after the end of the node, or ends before it begins.
static void take_document(const struct step *s, uintptr_t item, bool backwards)
{
	s->out->nested = true;
	for (const struct schema_node *it = item_node(item); it; it = it->parent)
		if (backwards)
			take_preceding(s, it);
		else
			take_siblings(s, (uintptr_t)it, false, true);
}

static void take_axis(const struct step *s, uintptr_t item)
{
	switch (s->step->axis) {
	case AXIS_CHILD:
		if (!item_is_text(item))
			take_children(s, item_node(item));
		break;
	case AXIS_DESCENDANT:
		if (!item_is_text(item))
			take_below(s, item_node(item), false);
		break;
	case AXIS_DESCENDANT_OR_SELF:
		take_with_below(s, item);
		break;
	case AXIS_PARENT:
		if (parent_of(item))
			offer(s, parent_of(item));
		break;
	case AXIS_ANCESTOR_OR_SELF:
		offer_item(s, item);
		take_above(s, item);
		break;
	case AXIS_ANCESTOR:
		take_above(s, item);
		break;
	case AXIS_FOLLOWING_SIBLING:
		take_siblings(s, item, false, false);
		break;
	case AXIS_PRECEDING_SIBLING:
		take_siblings(s, item, true, false);
		break;
	case AXIS_FOLLOWING:
		take_document(s, item, false);
		break;
	case AXIS_PRECEDING:
		take_document(s, item, true);
		break;
	case AXIS_SELF:
		offer_item(s, item);
		break;
	case AXIS_ATTRIBUTE: // data has neither
	case AXIS_NAMESPACE:
	case AXES:
	default:
		break;
	}
}

// --- predicates ---

static bool holds(struct xpath_eval *e, struct xpath_expr *expr, const struct xpath_here *here)
{
	if (expr->type != XPATH_NUMBER)
		return xpath_evaluate_truth(e, expr, here);
	double wanted = xpath_evaluate_number(e, expr, here);
	return wanted >= (double)here->position && wanted <= (double)here->position;
}

#define SIFT_TEXT (64u << 10)

static void sift_by(struct xpath_eval *e, struct xpath_expr *expr, struct xpath_set *set,
		    size_t begin)
{
	size_t kept = begin;
	struct xpath_here here = {.size = set->len - begin};
	for (size_t i = begin; i < set->len && xpath_spend(e, 1); i++) {
		here.item = set->at[i];
		here.position = i - begin + 1;
		if (holds(e, expr, &here))
			set->at[kept++] = here.item;
		if (e->arena.total > SIFT_TEXT)
			arena_fini(&e->arena);
	}
	set->len = kept;
}

// Keeps what the predicates hold for, of those from `begin` on. The texts that a predicate makes end with it.
static void sift(struct xpath_eval *e, const struct xpath_predicate *predicates,
		 struct xpath_set *set, size_t begin)
{
	struct arena outer = e->arena;
	if (!predicates)
		return;
	e->outer_text += outer.total;
	arena_init(&e->arena);
	for (const struct xpath_predicate *it = predicates; it; it = it->next)
		sift_by(e, it->expr, set, begin);
	arena_fini(&e->arena);
	e->arena = outer;
	e->outer_text -= outer.total;
}

// How many nodes of an axis can matter: of [3] the first three. What comes before is not found nearest first.
static size_t most_of(const struct xpath_step *step)
{
	const struct xpath_expr *first = step->predicates ? step->predicates->expr : NULL;
	bool counts = first && first->kind == EXPR_NUMBER && step->axis != AXIS_PRECEDING;
	double n = counts ? first->number : 0;
	return n >= 1 && n <= 1e6 ? (size_t)n : SIZE_MAX;
}

// --- steps ---

// Whether steps from different nodes of a set can come to the same one.
static bool can_meet(const struct xpath_step *step, const struct xpath_set *from)
{
	const struct xpath_axis_facts *facts = &xpath_axes[step->axis];
	return facts->meets == MEETS || (facts->meets == MEETS_NESTED && from->nested);
}

// What is known of the order of a set that came from `from` by this step.
static void conclude(struct xpath_eval *e, const struct xpath_step *step,
		     const struct xpath_set *from, struct xpath_set *to)
{
	bool meets = can_meet(step, from), downwards = !meets;
	if (from->len < 2)
		return;
	to->nested |= (step->axis == AXIS_SELF && from->nested) || meets;
	to->unordered = from->unordered || !downwards || (from->nested && step->axis != AXIS_SELF);
	if (meets)
		xpath_set_unite(e, to);
	if (to->len < 2)
		to->unordered = to->nested = false;
}

static void take_step(struct xpath_eval *e, struct xpath_step *step, const struct xpath_here *here,
		      struct xpath_set *set)
{
	struct xpath_set out = {0};
	struct step s = {.e = e, .step = step, .here = here, .out = &out};
	s.most = most_of(step);
	uintptr_t last_parent = 0;
	for (size_t i = 0; i < set->len && xpath_spend(e, 1); i++) {
		// Entries of one list have one parent.
		if (step->axis == AXIS_PARENT && (uintptr_t)parent_of(set->at[i]) == last_parent &&
		    last_parent)
			continue;
		last_parent = (uintptr_t)parent_of(set->at[i]);
		s.begin = out.len;
		take_axis(&s, set->at[i]);
		sift(e, step->predicates, &out, s.begin);
		if (xpath_axes[step->axis].is_reverse)
			reverse(&out, s.begin);
	}
	conclude(e, step, set, &out);
	xpath_set_fini(e, set);
	*set = out;
}

void xpath_follow(struct xpath_eval *e, struct xpath_expr *path, const struct xpath_here *here,
		  struct xpath_value *out)
{
	struct xpath_set *set = &out->nodes;
	if (path->left)
		xpath_evaluate(e, path->left, here, out);
	else
		xpath_set_add(e, set, path->is_absolute ? (uintptr_t)e->root : here->item);
	if (path->predicates) {
		xpath_set_order(e, set);
		sift(e, path->predicates, set, 0);
	}
	for (struct xpath_step *it = path->steps; it && !e->failed; it = it->next)
		take_step(e, it, here, set);
}
