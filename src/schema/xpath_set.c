// SPDX-License-Identifier: Apache-2.0
// Sets of nodes. Most steps keep document order by themselves; where not, it is made only when somebody asks for it, by a
// walk over the tree that goes only where members are. Arrays are used again, as predicates make many small sets.
#include "schema/xpath_eval.h"
#include "base/turn.h"

#include <stdlib.h>
#include <string.h>

static void enlarge(struct xpath_eval *e, struct xpath_set *set)
{
	if (!set->cap && e->spares) {
		set->at = e->spare[--e->spares];
		set->cap = e->spare_cap[e->spares];
		return;
	}
	set->cap = set->cap ? set->cap * 2 : 16;
	set->at = base_oom(realloc(set->at, set->cap * sizeof(*set->at)));
}

void xpath_set_add(struct xpath_eval *e, struct xpath_set *set, uintptr_t item)
{
	if (set->len == set->cap)
		enlarge(e, set);
	set->at[set->len++] = item;
}

void xpath_set_fini(struct xpath_eval *e, struct xpath_set *set)
{
	if (set->at && e->spares < array_len(e->spare)) {
		e->spare[e->spares] = set->at;
		e->spare_cap[e->spares++] = set->cap;
	} else {
		free(set->at);
	}
	*set = (struct xpath_set){0};
}

// --- a table of nodes with marks ---

#define MARK_MEMBER ((uintptr_t)1)
#define MARK_TEXT ((uintptr_t)2)
#define MARK_LEADS ((uintptr_t)4) // to members below
#define MARKS ((uintptr_t)7)

struct table {
	uintptr_t *slot;
	size_t len, cap;
	bool turns; // of struct xpath_eval
};

static uintptr_t *find(const struct table *t, const struct schema_node *node)
{
	size_t mask = t->cap - 1;
	size_t i = ((uint64_t)(uintptr_t)node * 0x9e3779b97f4a7c15u >> 24) & mask;
	while (t->slot[i] && (t->slot[i] & ~MARKS) != (uintptr_t)node)
		i = (i + 1) & mask;
	return &t->slot[i];
}

static void grow(struct table *t)
{
	struct table old = *t;
	t->cap = old.cap ? old.cap * 2 : 64;
	t->slot = base_oom(calloc(t->cap, sizeof(*t->slot)));
	for (size_t i = 0; i < old.cap; i++) {
		if (t->turns)
			turn_point();
		if (old.slot[i])
			*find(t, (const struct schema_node *)(old.slot[i] & ~MARKS)) = old.slot[i];
	}
	free(old.slot);
}

// False when the node had the mark already.
static bool mark(struct table *t, const struct schema_node *node, uintptr_t with)
{
	if (t->turns)
		turn_point();
	if (t->len * 3 >= t->cap * 2)
		grow(t);
	uintptr_t *slot = find(t, node);
	if (*slot & with)
		return false;
	t->len += !*slot;
	*slot = (uintptr_t)node | (*slot & MARKS) | with;
	return true;
}

static bool mark_item(struct table *t, uintptr_t item)
{
	return mark(t, item_node(item), item_is_text(item) ? MARK_TEXT : MARK_MEMBER);
}

void xpath_set_unite(struct xpath_eval *e, struct xpath_set *set)
{
	struct table t = {.turns = e->turns};
	size_t kept = 0;
	if (set->len < 2 || !xpath_spend(e, set->len))
		return;
	for (size_t i = 0; i < set->len; i++)
		if (mark_item(&t, set->at[i]))
			set->at[kept++] = set->at[i];
	set->len = kept;
	free(t.slot);
}

// --- document order ---

struct walk {
	struct xpath_eval *e;
	struct table t;
	struct xpath_set *out;
};

static void emit(struct walk *w, const struct schema_node *node)
{
	uintptr_t *slot = find(&w->t, node), marks = *slot & MARKS;
	if (!xpath_spend(w->e, 1) || !marks)
		return;
	if (marks & MARK_MEMBER)
		w->out->at[w->out->len++] = (uintptr_t)node;
	if (marks & MARK_TEXT)
		w->out->at[w->out->len++] = (uintptr_t)node | ITEM_TEXT_BIT;
	if (!(marks & MARK_LEADS))
		return;
	for (const struct schema_node *it = node_child(node); it; it = it->next)
		emit(w, it);
}

// A node that stands in for one that is absent is in no list of children.
static bool is_linked(const struct xpath_eval *e, uintptr_t item)
{
	const struct schema_node *node = item_node(item), *first;
	if (node != e->place->node || !node->parent)
		return true;
	first = node_child(node->parent);
	return node->next || (first && (first == node || first->prev == node));
}

void xpath_set_order(struct xpath_eval *e, struct xpath_set *set)
{
	struct walk w = {.e = e, .t.turns = e->turns, .out = set};
	uintptr_t unlinked = 0;
	if (!set->unordered)
		return;
	set->unordered = false;
	if (set->len < 2 || !xpath_spend(e, set->len))
		return;
	for (size_t i = 0; i < set->len; i++) {
		const struct schema_node *up = item_node(set->at[i]);
		if (is_linked(e, set->at[i]))
			(void)mark_item(&w.t, set->at[i]);
		else
			unlinked = set->at[i];
		while ((up = up->parent) && mark(&w.t, up, MARK_LEADS))
			;
	}
	set->len = 0;
	emit(&w, e->root);
	if (unlinked)
		set->at[set->len++] = unlinked;
	free(w.t.slot);
}

uintptr_t xpath_set_first(struct xpath_eval *e, struct xpath_set *set)
{
	xpath_set_order(e, set);
	return set->len ? set->at[0] : 0;
}
