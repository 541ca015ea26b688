// SPDX-License-Identifier: Apache-2.0
// Subtree filters (RFC 6241 section 6), compiled against the model into a pattern of nested names. Several filter elements
// may select parts of one list entry; it is shown once.
//
// An element without namespace, or in that of NETCONF which <filter> hands down, stands for any namespace. An attribute
// in a filter selects nothing, as no data of YANG has attributes (section 6.2.2).
#include "schema/any.h"
#include "schema/build.h"
#include "schema/select.h"
#include "schema/text.h"

#include <string.h>

struct filter {
	struct doc doc;
	const struct schema_tree *tree;
	struct arena arena;
};

static bool is_wildcard(const struct filter *f, const struct item *item)
{
	const char *ns = f->doc.ns.at[item->ns].text;
	return !ns || !strcmp(ns, NS_NETCONF);
}

static const char *match_value(struct filter *f, const struct item *item,
			       const struct model_node *m)
{
	struct place place = {.doc = &f->doc, .item = item, .model = m};
	const char *value = value_read(&place);
	if (!value)
		return NULL;
	// Section 6.2.5: white space around the value is ignored.
	while (text_is_space(*value))
		value++;
	size_t len = strlen(value);
	while (len && text_is_space(value[len - 1]))
		len--;
	return canonical_find(f->tree->schema, m, value, len);
}

static void compile_children(struct filter *f, const struct item *item,
			     const struct model_node *model, struct pick *parent);

static struct pick *compile_as(struct filter *f, const struct item *item,
			       const struct model_node *m)
{
	struct pick *pick = arena_new(&f->arena, struct pick);
	bool is_leaf = m && m->kind & MODEL_TERM;
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
		compile_children(f, item, m, pick);
	return pick;
}

static void compile_children(struct filter *f, const struct item *item,
			     const struct model_node *model, struct pick *parent)
{
	doc_for_each_child(it, &f->doc, item)
	{
		const struct lys_module *mod = f->doc.ns.at[it->ns].mod;
		bool found = false;
		for (uint32_t i = 0; is_wildcard(f, it) && i < model->children; i++) {
			if (!doc_name_is(&f->doc, it, model->child[i]->name))
				continue;
			pick_add(parent, compile_as(f, it, model->child[i]));
			found = true;
		}
		if (found)
			continue;
		const struct model_node *m =
			mod ? model_child(model, mod, f->doc.text + it->name, it->name_len) : NULL;
		pick_add(parent, compile_as(f, it, m));
	}
}

bool select_subtree(struct selection *selection, const struct schema_tree *tree,
		    const struct schema_node *filter, struct diags *diags)
{
	struct filter f = {.tree = tree};
	struct pick top = {.kind = PICK_CONTAINMENT};
	bool good = true;
	arena_init(&f.arena);
	const char *text = any_text(filter);
	bool json = any_is_json(filter);
	struct schema_input input = {.data = text, .len = strlen(text), .format = SCHEMA_XML};
	// The text was read before, as part of its message; only JSON cannot be a subtree filter.
	if (!json && doc_init(&f.doc, tree->schema, &input, diags)) {
		compile_children(&f, f.doc.item, tree->schema->root, &top);
		good = pick_select(selection, tree->root, &top, diags);
	}
	if (!json)
		doc_fini(&f.doc);
	arena_fini(&f.arena);
	return good;
}
