// SPDX-License-Identifier: Apache-2.0
// Subtree filters (RFC 6241 section 6). The filter is compiled against the model, the nodes that it selects are marked,
// and what is marked is printed. Several filter elements may select parts of one list entry; it is printed once.
//
// An element without namespace, or in that of NETCONF which <filter> hands down, stands for any namespace. An attribute
// in a filter selects nothing, as no data of YANG has attributes (section 6.2.2).
#include "base/buf.h"
#include "schema/any.h"
#include "schema/build.h"
#include "schema/print.h"
#include "schema/text.h"

#include <libyang/libyang.h>

#include <string.h>

// What an element of a filter is (sections 6.2.3 to 6.2.5). NOTHING selects nothing, but is there.
enum pick_kind { PICK_NOTHING, PICK_SELECTION, PICK_MATCH, PICK_CONTAINMENT };

struct pick {
	enum pick_kind kind;
	const struct model_node *model;
	const char *value;               // PICK_MATCH: canonical, of libyang's dictionary
	const struct pick *first, *next; // first: of the children
	bool matches, deepens; // among the children is a match; a selection or containment
};

struct filter {
	struct doc doc;
	const struct schema_tree *tree;
	struct arena arena;
	VEC(const char *) values; // to give back to the dictionary
};

// --- compiling ---

static bool is_wildcard(const struct filter *f, const struct item *item)
{
	const char *ns = f->doc.ns.at[item->ns].text;
	return !ns || !strcmp(ns, NS_NETCONF);
}

static const char *match_value(struct filter *f, const struct item *item,
			       const struct model_node *m)
{
	struct place place = {.doc = &f->doc, .item = item, .model = m};
	const char *value = value_read(&place), *canonical = NULL;
	if (!value)
		return NULL;
	// Section 6.2.5: white space around the value is ignored.
	while (text_is_space(*value))
		value++;
	size_t len = strlen(value);
	while (len && text_is_space(value[len - 1]))
		len--;
	int result = lyd_value_validate(f->tree->schema->ctx, m->schema, value, len, NULL, NULL,
					&canonical);
	ly_err_clean(f->tree->schema->ctx, NULL);
	if (canonical)
		vec_push(&f->arena, &f->values, canonical);
	return !result || result == LY_EINCOMPLETE ? canonical : NULL;
}

static const struct pick *compile_children(struct filter *f, const struct item *item,
					   const struct model_node *model, struct pick *parent);

static struct pick *compile_as(struct filter *f, const struct item *item,
			       const struct model_node *m)
{
	struct pick *pick = arena_new(&f->arena, struct pick);
	bool is_leaf = m && m->schema->nodetype & LYD_NODE_TERM;
	pick->model = m;
	if (item->child)
		pick->kind = PICK_CONTAINMENT;
	else
		pick->kind = item->flags & ITEM_TEXT ? PICK_MATCH : PICK_SELECTION;
	if (pick->kind == PICK_MATCH)
		pick->value = is_leaf && !item->attrs ? match_value(f, item, m) : NULL;
	else if (!m || item->attrs)
		pick->kind = PICK_NOTHING;
	if (pick->kind == PICK_CONTAINMENT)
		pick->first = compile_children(f, item, m, pick);
	return pick;
}

static void append(struct pick *parent, const struct pick ***tail, struct pick *pick)
{
	**tail = pick;
	*tail = &pick->next;
	parent->matches |= pick->kind == PICK_MATCH;
	parent->deepens |= pick->kind != PICK_MATCH;
}

static const struct pick *compile_children(struct filter *f, const struct item *item,
					   const struct model_node *model, struct pick *parent)
{
	const struct pick *first = NULL, **tail = &first;
	doc_for_each_child(it, &f->doc, item)
	{
		const struct lys_module *mod = f->doc.ns.at[it->ns].mod;
		bool found = false;
		for (uint32_t i = 0; is_wildcard(f, it) && i < model->children; i++) {
			if (!doc_name_is(&f->doc, it, model->child[i]->schema->name))
				continue;
			append(parent, &tail, compile_as(f, it, model->child[i]));
			found = true;
		}
		if (found)
			continue;
		const struct model_node *m =
			mod ? model_child(model, mod, f->doc.text + it->name, it->name_len) : NULL;
		append(parent, &tail, compile_as(f, it, m));
	}
	return first;
}

// --- selecting ---

static void select_node(const struct lyd_node *node, enum print_selected selected)
{
	struct model_mark mark = model_mark(node);
	if (mark.selected < selected)
		mark.selected = selected & 3;
	// The mark is not part of what the tree says, and is taken back.
	model_set_mark((struct lyd_node *)(uintptr_t)node, mark);
}

static const struct lyd_node *first_child(const struct filter *f, const struct lyd_node *parent)
{
	return parent ? lyd_child(parent) : f->tree->first;
}

static const struct lyd_node *find_match(const struct filter *f, const struct lyd_node *parent,
					 const struct pick *pick)
{
	for (const struct lyd_node *it = first_child(f, parent); it && pick->value; it = it->next)
		if (it->schema == pick->model->schema && lyd_get_value(it) == pick->value)
			return it;
	return NULL;
}

static bool all_match(const struct filter *f, const struct lyd_node *parent, const struct pick *set)
{
	for (const struct pick *pick = set->first; pick; pick = pick->next)
		if (pick->kind == PICK_MATCH && !find_match(f, parent, pick))
			return false;
	return true;
}

static bool select_inside(const struct filter *f, const struct lyd_node *parent,
			  const struct pick *set);

static bool select_by(const struct filter *f, const struct lyd_node *node, const struct pick *pick)
{
	if (pick->kind == PICK_SELECTION) {
		select_node(node, SELECTED_WHOLE);
		return true;
	}
	if (!(node->schema->nodetype & LYD_NODE_INNER) || !select_inside(f, node, pick))
		return false;
	select_node(node, SELECTED_PART);
	return true;
}

static void select_keys(const struct lyd_node *entry)
{
	for (const struct lyd_node *it = lyd_child(entry); it && it->schema->flags & LYS_KEY;
	     it = it->next)
		select_node(it, SELECTED_WHOLE);
}

// One sibling set (section 6.2.5). True when anything below the parent was selected.
static bool select_inside(const struct filter *f, const struct lyd_node *parent,
			  const struct pick *set)
{
	bool any = set->matches;
	if (!all_match(f, parent, set))
		return false;
	for (const struct pick *pick = set->first; pick; pick = pick->next)
		if (pick->kind == PICK_MATCH)
			select_node(find_match(f, parent, pick), SELECTED_WHOLE);
	for (const struct lyd_node *it = first_child(f, parent); it; it = it->next) {
		if (set->matches && !set->deepens)
			select_node(it, SELECTED_WHOLE);
		for (const struct pick *pick = set->first;
		     pick && model_mark(it).selected != SELECTED_WHOLE; pick = pick->next)
			if (pick->kind != PICK_MATCH && pick->model &&
			    it->schema == pick->model->schema && pick->kind != PICK_NOTHING)
				any |= select_by(f, it, pick);
	}
	if (any && parent && parent->schema->nodetype == LYS_LIST)
		select_keys(parent);
	return any;
}

static void forget(const struct lyd_node *first)
{
	for (const struct lyd_node *it = first; it; it = it->next) {
		struct model_mark mark = model_mark(it);
		if (!mark.selected)
			continue;
		mark.selected = SELECTED_NOT;
		model_set_mark((struct lyd_node *)(uintptr_t)it, mark);
		forget(lyd_child(it));
	}
}

static void apply(struct filter *f, unsigned flags, struct buf *out)
{
	struct pick top = {.kind = PICK_CONTAINMENT};
	struct print_xml p = {.out = out, .flags = flags, .selection = true};
	top.first = compile_children(f, f->doc.item, f->tree->schema->root, &top);
	if (select_inside(f, NULL, &top))
		print_xml(&p, f->tree->first, true);
	forget(f->tree->first);
	for (size_t i = 0; i < f->values.len; i++)
		lydict_remove(f->tree->schema->ctx, f->values.at[i]);
}

void schema_filter_subtree(const struct schema_tree *tree, const struct schema_node *filter,
			   unsigned flags, struct buf *out)
{
	if (!filter) {
		schema_print(tree, SCHEMA_XML, flags, out);
		return;
	}
	struct filter f = {.tree = tree};
	struct diags diags;
	struct buf text;
	bool json;
	buf_init(&text);
	arena_init(&f.arena);
	diags_init(&diags, &f.arena);
	any_text(node_data(filter), &text, &json);
	struct schema_input input = {.data = text.data, .len = text.len, .format = SCHEMA_XML};
	// The text was read before, as part of its message.
	if (!json && doc_init(&f.doc, tree->schema, &input, &diags)) {
		apply(&f, flags, out);
		doc_fini(&f.doc);
	} else if (!json) {
		doc_fini(&f.doc);
	}
	arena_fini(&f.arena);
	buf_fini(&text);
}
