// SPDX-License-Identifier: Apache-2.0
// Selecting nodes of a tree by a pattern of nested names (RFC 6241 section 6.2). The marks stand in a table beside the
// tree: the tree is only read, several may look at it, and a selection of a few nodes costs nothing elsewhere.
#include "schema/select.h"
#include "base/turn.h"

// --- marks ---

void selection_fini(struct selection *selection)
{
	marks_fini(&selection->marks);
}

enum selected selection_of(const struct selection *selection, const struct schema_node *node)
{
	return marks_of(&selection->marks, node);
}

void selection_add(struct selection *selection, const struct schema_node *node,
		   enum selected selected)
{
	selection->marks.turns = true;
	uintptr_t *slot = marks_add(&selection->marks, node);
	if ((*slot & MARKS_BITS) < (uintptr_t)selected)
		*slot = (uintptr_t)node | (uintptr_t)selected;
}

// By model; two of one list would have to be looked for to know which comes first.
static bool few_add(struct selection_few *few, const struct schema_node *node)
{
	size_t i = few->len;
	if (i == SELECTION_FEW)
		return false;
	for (; i && few->at[i - 1]->model >= node->model; i--) {
		if (few->at[i - 1]->model == node->model)
			return false;
		few->at[i] = few->at[i - 1];
	}
	few->at[i] = node;
	few->len++;
	return true;
}

bool selection_few(const struct selection *selection, const struct schema_node *parent,
		   struct selection_few *few_out)
{
	struct selection_few few = {0};
	const struct marks *marks = &selection->marks;
	if (marks->cap > MARKS_LEAST)
		return false;
	for (size_t i = 0; i < marks->cap; i++) {
		const struct schema_node *node =
			(const struct schema_node *)marks_address(marks, marks->slot[i]);
		if (node && node->parent == parent && !few_add(&few, node))
			return false;
	}
	*few_out = few;
	return true;
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

// False when too much has been looked at: a filter may name the same list again and again.
static bool spend(struct selection *selection)
{
	turn_point();
	selection->exhausted |= ++selection->steps > selection->most;
	return !selection->exhausted;
}

static const struct schema_node *
first_match(struct selection *selection, const struct schema_node *parent, const struct pick *pick)
{
	if (pick->model->kind == MODEL_LEAF_LIST && pick->model->identified)
		return node_find_entry(parent, pick->model, &pick->value);
	node_for_each_of(it, parent, pick->model)
	{
		if (!spend(selection) || it->value == pick->value)
			return it;
	}
	return NULL;
}

static const struct schema_node *
find_match(struct selection *selection, const struct schema_node *parent, const struct pick *pick)
{
	if (!pick->value || !spend(selection))
		return NULL;
	const struct schema_node *found = first_match(selection, parent, pick);
	return found && selection_sees(selection, found) ? found : NULL;
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
	if (!spend(selection) || !selection_sees(selection, node))
		return false;
	if (selection_of(selection, node) == SELECTED_WHOLE)
		return true;
	if (pick->kind == PICK_SELECTION) {
		selection_add(selection, node, SELECTED_WHOLE);
		return true;
	}
	if (!(node_is_inner(node)) || !select_inside(selection, node, pick))
		return false;
	selection_add(selection, node, SELECTED_PART);
	return true;
}

// The values of all keys, if the pick asks for one entry of a list.
static bool keys_of(struct selection *selection, const struct pick *pick,
		    const char *values[static NODE_KEYS_MOST])
{
	const struct model_node *model = pick->model;
	bool given[NODE_KEYS_MOST] = {0};
	unsigned found = 0;
	if (model->kind != MODEL_LIST || !model->identified || pick->kind != PICK_CONTAINMENT)
		return false;
	for (const struct pick *it = pick->first; it && spend(selection); it = it->next) {
		if (it->kind != PICK_MATCH || !it->model || !it->model->is_key ||
		    given[it->model->ordinal])
			continue;
		given[it->model->ordinal] = true;
		values[it->model->ordinal] = it->value;
		found++;
	}
	return found == model->keys;
}

static bool select_kind(struct selection *selection, const struct schema_node *parent,
			const struct pick *pick)
{
	const char *values[NODE_KEYS_MOST];
	bool any = false;
	if (keys_of(selection, pick, values)) {
		const struct schema_node *entry = node_find_entry(parent, pick->model, values);
		return entry && select_by(selection, entry, pick);
	}
	node_for_each_of(it, parent, pick->model)
	{
		any |= select_by(selection, it, pick);
		if (selection->exhausted)
			break;
	}
	return any;
}

// One sibling set (section 6.2.5). True when anything below the parent was selected.
static bool select_inside(struct selection *selection, const struct schema_node *parent,
			  const struct pick *set)
{
	bool any = set->matches;
	if (!all_match(selection, parent, set))
		return false;
	for (const struct pick *pick = set->first; pick && spend(selection); pick = pick->next) {
		const struct schema_node *match =
			pick->kind == PICK_MATCH ? find_match(selection, parent, pick) : NULL;
		if (match)
			selection_add(selection, match, SELECTED_WHOLE);
		else if (pick->kind == PICK_SELECTION || pick->kind == PICK_CONTAINMENT)
			any |= select_kind(selection, parent, pick);
	}
	if (!set->matches || set->deepens)
		return any;
	node_for_each_child(it, parent)
	{
		turn_point();
		selection_add(selection, it, SELECTED_WHOLE);
	}
	return true;
}

bool pick_select(struct selection *selection, const struct schema_node *parent,
		 const struct pick *set, struct diags *diags)
{
	(void)select_inside(selection, parent, set);
	if (selection->exhausted)
		diag_error(diags, DIAG_LIMIT, NULL,
			   "ask for less at once, or for entries by all their keys",
			   "the filter looks at too many nodes");
	return !selection->exhausted;
}
