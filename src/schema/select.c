// SPDX-License-Identifier: Apache-2.0
// Selecting nodes of a tree by a pattern of nested names (RFC 6241 section 6.2). The marks stand in a table beside the
// tree: the tree is only read, several may look at it, and a selection of a few nodes costs nothing elsewhere.
#include "schema/select.h"

#include <assert.h>
#include <stdlib.h>

// --- marks ---

#define MARK_BITS ((uintptr_t)3)

void selection_fini(struct selection *selection)
{
	free(selection->slot);
	selection->slot = NULL;
	selection->len = selection->cap = 0;
}

static uintptr_t *find(const struct selection *s, const struct schema_node *node)
{
	uintptr_t address = (uintptr_t)node;
	size_t mask = s->cap - 1;
	size_t i = ((uint64_t)address * 0x9e3779b97f4a7c15u >> 20) & mask;
	while (s->slot[i] && (s->slot[i] & ~MARK_BITS) != address)
		i = (i + 1) & mask;
	return &s->slot[i];
}

enum selected selection_of(const struct selection *selection, const struct schema_node *node)
{
	return selection->cap ? *find(selection, node) & MARK_BITS : SELECTED_NOT;
}

static void grow(struct selection *s)
{
	struct selection old = *s;
	s->cap = old.cap ? old.cap * 2 : 64;
	s->slot = base_oom(calloc(s->cap, sizeof(*s->slot)));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i])
			*find(s, (const struct schema_node *)(old.slot[i] & ~MARK_BITS)) =
				old.slot[i];
	free(old.slot);
}

void selection_add(struct selection *selection, const struct schema_node *node,
		   enum selected selected)
{
	assert(!((uintptr_t)node & MARK_BITS));
	if (selection->len * 3 >= selection->cap * 2)
		grow(selection);
	uintptr_t *slot = find(selection, node);
	selection->len += !*slot;
	if ((*slot & MARK_BITS) < (uintptr_t)selected)
		*slot = (uintptr_t)node | (uintptr_t)selected;
}

bool selection_sees(const struct selection *selection, const struct schema_node *node)
{
	return !selection->visible || selection->visible(selection->context, node);
}

// --- patterns ---

void pick_add(struct pick *parent, struct pick *pick)
{
	*(parent->last ? &parent->last->next : &parent->first) = pick;
	parent->last = pick;
	parent->matches |= pick->kind == PICK_MATCH;
	parent->deepens |= pick->kind != PICK_MATCH;
}

static const struct schema_node *
find_match(struct selection *selection, const struct schema_node *parent, const struct pick *pick)
{
	if (!pick->value)
		return NULL;
	node_for_each_of(it, parent, pick->model) if (it->value == pick->value &&
						      selection_sees(selection, it)) return it;
	return NULL;
}

static bool all_match(struct selection *selection, const struct schema_node *parent,
		      const struct pick *set)
{
	for (const struct pick *pick = set->first; pick; pick = pick->next)
		if (pick->kind == PICK_MATCH && !find_match(selection, parent, pick))
			return false;
	return true;
}

static bool select_inside(struct selection *selection, const struct schema_node *parent,
			  const struct pick *set);

static bool select_by(struct selection *selection, const struct schema_node *node,
		      const struct pick *pick)
{
	if (pick->kind == PICK_SELECTION) {
		selection_add(selection, node, SELECTED_WHOLE);
		return true;
	}
	if (!(node_is_inner(node)) || !select_inside(selection, node, pick))
		return false;
	selection_add(selection, node, SELECTED_PART);
	return true;
}

// One child: is it asked for as it is, or what is in it?
static bool select_child(struct selection *selection, const struct schema_node *node,
			 const struct pick *set)
{
	bool any = false;
	for (const struct pick *pick = set->first; pick; pick = pick->next) {
		bool deepens = pick->kind == PICK_SELECTION || pick->kind == PICK_CONTAINMENT;
		if (!deepens || node->model != pick->model->id)
			continue;
		if (selection_of(selection, node) == SELECTED_WHOLE)
			return true;
		any |= select_by(selection, node, pick);
	}
	return any;
}

static bool wants(const struct pick *set, const struct schema_node *node)
{
	for (const struct pick *pick = set->first; pick; pick = pick->next)
		if (pick->model && node->model == pick->model->id)
			return true;
	return false;
}

// One sibling set (section 6.2.5). True when anything below the parent was selected.
static bool select_inside(struct selection *selection, const struct schema_node *parent,
			  const struct pick *set)
{
	bool any = set->matches, everything = set->matches && !set->deepens;
	if (!all_match(selection, parent, set))
		return false;
	for (const struct pick *pick = set->first; pick; pick = pick->next)
		if (pick->kind == PICK_MATCH)
			selection_add(selection, find_match(selection, parent, pick),
				      SELECTED_WHOLE);
	node_for_each_child(it, parent)
	{
		if (everything)
			selection_add(selection, it, SELECTED_WHOLE);
		else if (wants(set, it) && selection_sees(selection, it))
			any |= select_child(selection, it, set);
	}
	return any;
}

bool pick_select(struct selection *selection, const struct schema_node *parent,
		 const struct pick *set)
{
	return select_inside(selection, parent, set);
}
