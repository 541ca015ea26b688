// SPDX-License-Identifier: Apache-2.0
// Defaults in use (RFC 7950 sections 7.6.1, 7.7.2 and 7.9.3): leaves and leaf-lists that were not given, and the
// containers without presence in which something may be demanded or asked for.
//
// First everything without a condition, then what stands under a `when`, ranked so that what a condition reads comes
// before it; libyang has made sure that they do not run in circles. State is not invented.
// Other containers without presence are not made real: nothing can tell whether they are there.
#include "schema/defaults.h"
#include "base/turn.h"
#include "schema/rules.h"
#include "schema/undo.h"

#include <libyang/libyang.h>

struct pending {
	struct schema_node *parent;
	const struct model_node *model;
};

struct filler {
	struct schema_tree *tree;
	struct arena arena;
	VEC(struct pending) pending; // what stands under a `when`
	bool logged;
};

// --- making and removing ---

static void make_node(struct filler *f, struct schema_node *parent, const struct model_node *m,
		      const struct model_default *value)
{
	struct schema_node *node = node_new(f->tree->schema, m);
	node->is_default = 1;
	if (value)
		node_set_value(node, intern_ref(value->text), (enum value_form)value->form);
	node_add(parent, node);
}

static void make(struct filler *f, struct schema_node *parent, const struct model_node *m)
{
	if (m->kind == MODEL_CONTAINER)
		make_node(f, parent, m, NULL);
	for (uint32_t i = 0; i < m->ndefaults; i++)
		make_node(f, parent, m, &m->defaults[i]);
}

static void log_all(const struct filler *f, struct schema_node *parent, const struct model_node *m)
{
	if (!f->logged)
		return;
	node_for_each_of(it, parent, m) undo_added(f->tree, it);
}

static void add(struct filler *f, struct schema_node *parent, const struct model_node *m)
{
	make(f, parent, m);
	log_all(f, parent, m);
}

static void unmake(struct schema_node *parent, const struct model_node *m)
{
	struct schema_node *node;
	while ((node = node_find(parent, m)))
		node_delete(node);
}

static void remove_one(struct schema_tree *tree, struct schema_node *node, bool logged)
{
	if (logged)
		undo_remove(tree, node);
	else
		node_delete(node);
}

// --- what is wanted ---

// Whether this one or one of its kind behind it was given.
static bool is_given(const struct schema_node *node)
{
	for (; node; node = node_next_of_kind(node))
		if (!node->is_default)
			return true;
	return false;
}

// The case of this choice that was chosen by giving something of it.
static const struct lysc_node *chosen_case(const struct schema_node *parent,
					   const struct lysc_node *choice)
{
	// Of the many that a model allows few are there.
	for (const struct schema_node *it = node_child(parent); it; it = node_next_kind(it)) {
		const struct lysc_node *lys_case = model_case(node_model(it)->schema, choice);
		if (lys_case && is_given(it))
			return lys_case;
	}
	return NULL;
}

static bool case_in_use(const struct schema_node *parent, const struct lysc_node *lys)
{
	for (; lys->parent && (lys->parent->nodetype & (LYS_CASE | LYS_CHOICE));
	     lys = lys->parent) {
		if (lys->parent->nodetype != LYS_CHOICE)
			continue;
		const struct lysc_node *chosen = chosen_case(parent, lys->parent);
		if (chosen)
			return chosen == lys;
		if ((const struct lysc_node *)((const struct lysc_node_choice *)lys->parent)
			    ->dflt != lys)
			return false;
	}
	return true;
}

static bool is_invented_state(const struct schema_node *parent, const struct model_node *m)
{
	return m->is_state && !node_model(parent)->is_state;
}

static void fill_children(struct filler *f, struct schema_node *parent, const struct model_node *m)
{
	for (uint32_t i = 0; i < m->children; i++) {
		const struct model_node *child = m->child[i];
		if (!child->filled || child->kind & MODEL_OPERATION ||
		    is_invented_state(parent, child))
			continue;
		if (node_find(parent, child) || !case_in_use(parent, child->schema))
			continue;
		if (child->nwhens)
			vec_push(&f->arena, &f->pending, (struct pending){parent, child});
		else
			add(f, parent, child);
	}
}

static void fill(struct filler *f, struct schema_node *parent, const struct model_node *m)
{
	if (!m->fills)
		return;
	turn_point();
	fill_children(f, parent, m);
	node_for_each_child(it, parent) if (node_model(it)->kind & (MODEL_CONTAINER | MODEL_LIST))
		fill(f, it, node_model(it));
}

// --- what stands under a condition ---

static bool whens_hold(const struct schema_node *node)
{
	const struct model_node *m = node_model(node);
	for (uint32_t i = 0; i < m->nwhens; i++)
		if (!rules_hold(m->rules[i], node))
			return false;
	return true;
}

static void settle(struct filler *f, struct pending p)
{
	make(f, p.parent, p.model);
	struct schema_node *node = node_find(p.parent, p.model);
	if (!node || !whens_hold(node)) {
		unmake(p.parent, p.model);
		return;
	}
	log_all(f, p.parent, p.model);
	if (p.model->kind == MODEL_CONTAINER)
		fill(f, node, p.model);
}

// By rank, so that what a condition reads is settled before it is asked. Settling may add more, of no lower rank.
static void settle_all(struct filler *f)
{
	unsigned done = 0;
	for (unsigned rank = 0; done < f->pending.len; rank++)
		for (size_t i = 0; i < f->pending.len; i++)
			if (f->pending.at[i].model->rank == rank) {
				turn_point();
				settle(f, f->pending.at[i]);
				done++;
			}
}

// --- all of it ---

void defaults_add(struct schema_tree *tree, struct schema_node *subtree, bool logged)
{
	struct filler f = {.tree = tree, .logged = logged};
	arena_init(&f.arena);
	fill(&f, subtree, node_model(subtree));
	settle_all(&f);
	arena_fini(&f.arena);
	tree->has_defaults = true;
}

static void strip(struct schema_tree *tree, struct schema_node *parent, bool logged)
{
	struct schema_node *next;
	for (struct schema_node *it = node_child(parent); it; it = next) {
		next = it->next;
		if (!node_model(it)->fills)
			continue;
		if (it->is_default)
			remove_one(tree, it, logged);
		else if (node_is_inner(it))
			strip(tree, it, logged);
	}
}

void defaults_strip(struct schema_tree *tree, bool logged)
{
	strip(tree, tree->root, logged);
	tree->has_defaults = false;
}

// --- changes ---

static bool out_of_use(const struct schema_node *parent, const struct model_node *m)
{
	return is_given(node_find(parent, m)) || !case_in_use(parent, m->schema);
}

static void remove_unused(struct schema_tree *tree, struct schema_node *parent,
			  const struct model_node *m)
{
	struct schema_node *next;
	for (struct schema_node *it = node_find(parent, m); it; it = next) {
		next = node_next_of_kind(it);
		if (it->is_default)
			undo_remove(tree, it);
	}
}

// Only kinds that can be defaults are looked at: among them are no long lists.
void defaults_update(struct schema_tree *tree, struct schema_node *parent)
{
	const struct model_node *m = node_model(parent);
	struct filler f = {.tree = tree, .logged = true};
	arena_init(&f.arena);
	for (uint32_t i = 0; i < m->children; i++)
		if (m->child[i]->filled && out_of_use(parent, m->child[i]))
			remove_unused(tree, parent, m->child[i]);
	fill_children(&f, parent, m);
	for (uint32_t i = 0; i < m->children; i++) {
		struct schema_node *it =
			m->child[i]->is_plain_container ? node_find(parent, m->child[i]) : NULL;
		if (it && it->is_default)
			fill(&f, it, m->child[i]);
	}
	settle_all(&f);
	arena_fini(&f.arena);
}

void defaults_resettle(struct schema_tree *tree, struct schema_node *parent,
		       const struct model_node *m)
{
	struct filler f = {.tree = tree, .logged = true};
	struct schema_node *node = node_find(parent, m);
	if (node && !node->is_default)
		return;
	if (node && !whens_hold(node)) {
		while ((node = node_find(parent, m)))
			undo_remove(tree, node);
		return;
	}
	arena_init(&f.arena);
	if (!node && case_in_use(parent, m->schema) && !is_invented_state(parent, m))
		vec_push(&f.arena, &f.pending, (struct pending){parent, m});
	settle_all(&f);
	arena_fini(&f.arena);
}
