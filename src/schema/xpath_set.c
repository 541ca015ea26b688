// SPDX-License-Identifier: Apache-2.0
// Sets of nodes. Most steps keep document order by themselves; where not, it is made only when somebody asks for it, by a
// walk over the tree that goes only where members are. Arrays are used again, as predicates make many small sets.
#include "schema/xpath_eval.h"
#include "base/turn.h"
#include "schema/marks.h"

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

// --- nodes with marks ---

#define MARK_MEMBER ((uintptr_t)1)
#define MARK_TEXT ((uintptr_t)2)
#define MARK_LEADS ((uintptr_t)4) // to members below

// False when the node had the mark already.
static bool mark(struct marks *m, const struct schema_node *node, uintptr_t with)
{
	if (m->turns)
		turn_point();
	uintptr_t *slot = marks_add(m, node);
	if (*slot & with)
		return false;
	*slot |= with;
	return true;
}

static bool mark_item(struct marks *m, uintptr_t item)
{
	return mark(m, item_node(item), item_is_text(item) ? MARK_TEXT : MARK_MEMBER);
}

void xpath_set_unite(struct xpath_eval *e, struct xpath_set *set)
{
	struct marks marks = {.turns = e->turns};
	size_t kept = 0;
	if (set->len < 2 || !xpath_spend(e, set->len))
		return;
	for (size_t i = 0; i < set->len; i++)
		if (mark_item(&marks, set->at[i]))
			set->at[kept++] = set->at[i];
	set->len = kept;
	marks_fini(&marks);
}

// --- document order ---

struct walk {
	struct xpath_eval *e;
	struct marks marks;
	struct xpath_set *out;
};

static void emit(struct walk *w, const struct schema_node *node)
{
	uintptr_t marks = marks_of(&w->marks, node);
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
	struct walk w = {.e = e, .marks.turns = e->turns, .out = set};
	uintptr_t unlinked = 0;
	if (!set->unordered)
		return;
	set->unordered = false;
	if (set->len < 2 || !xpath_spend(e, set->len))
		return;
	for (size_t i = 0; i < set->len; i++) {
		const struct schema_node *up = item_node(set->at[i]);
		if (is_linked(e, set->at[i]))
			(void)mark_item(&w.marks, set->at[i]);
		else
			unlinked = set->at[i];
		while ((up = up->parent) && mark(&w.marks, up, MARK_LEADS))
			;
	}
	set->len = 0;
	emit(&w, e->root);
	if (unlinked)
		set->at[set->len++] = unlinked;
	marks_fini(&w.marks);
}

uintptr_t xpath_set_first(struct xpath_eval *e, struct xpath_set *set)
{
	xpath_set_order(e, set);
	return set->len ? set->at[0] : 0;
}
