// SPDX-License-Identifier: Apache-2.0
// Defaults in use (RFC 7950 sections 7.6.1, 7.7.2 and 7.9.3): leaves and leaf-lists that were not given, and the
// containers without presence in which something may be demanded or asked for.
//
// First everything without a condition, then what stands under a `when`, ranked so that what a condition reads comes
// before it; libyang has made sure that they do not run in circles. State is not invented.
// Other containers without presence are not made real: nothing can tell whether they are there.
#include "schema/defaults.h"
#include "schema/rules.h"
#include "schema/undo.h"

#include <libyang/libyang.h>

struct pending {
	struct lyd_node *parent;
	struct model_node *model;
};

struct filler {
	struct schema_tree *tree;
	struct arena arena;
	VEC(struct pending) pending; // what stands under a `when`
	bool logged;
};

// --- making and removing ---

// Adding something clears the mark "only defaults inside" of the containers above; this puts it back.
static size_t default_ancestors(const struct lyd_node *node)
{
	size_t n = 0;
	for (; node && (node->flags & LYD_DEFAULT); node = lyd_parent(node))
		n++;
	return n;
}

static void mark_default(struct lyd_node *node, size_t ancestors)
{
	node->flags |= LYD_DEFAULT;
	for (struct lyd_node *up = lyd_parent(node); ancestors--; up = lyd_parent(up))
		up->flags |= LYD_DEFAULT;
}

static void add_leaf(struct filler *f, struct lyd_node *parent, const struct lysc_node *lys,
		     const struct lyd_value *value)
{
	struct lyd_node *node = NULL;
	size_t ancestors = default_ancestors(parent);
	const char *text = lyd_value_get_canonical(lys->module->ctx, value);
	if (lyd_new_term(parent, lys->module, lys->name, text, f->tree->is_output, &node)) {
		// The compiler of the modules has accepted it as a default.
		ly_err_clean(lys->module->ctx, NULL);
		return;
	}
	mark_default(node, ancestors);
	if (!parent)
		tree_link_top(f->tree, node);
}

static void make(struct filler *f, struct lyd_node *parent, const struct model_node *m)
{
	const struct lysc_node *lys = m->schema;
	struct lyd_node *node = NULL;
	if (lys->nodetype == LYS_LEAF) {
		add_leaf(f, parent, lys, ((const struct lysc_node_leaf *)lys)->dflt);
	} else if (lys->nodetype == LYS_LEAFLIST) {
		struct lyd_value **values = ((const struct lysc_node_leaflist *)lys)->dflts;
		for (size_t i = 0; i < LY_ARRAY_COUNT(values); i++)
			add_leaf(f, parent, lys, values[i]);
	} else if (!lyd_new_inner(parent, lys->module, lys->name, f->tree->is_output, &node) &&
		   !parent) {
		tree_link_top(f->tree, node);
	}
}

static void log_all(const struct filler *f, struct lyd_node *parent, const struct model_node *m)
{
	struct lyd_node *it = f->logged ? tree_find_child(f->tree, parent, m) : NULL;
	for (; it && it->schema == m->schema; it = it->next)
		undo_added(f->tree, it);
}

static void add(struct filler *f, struct lyd_node *parent, const struct model_node *m)
{
	make(f, parent, m);
	log_all(f, parent, m);
}

static void unmake(struct filler *f, struct lyd_node *parent, const struct model_node *m)
{
	struct lyd_node *node;
	while ((node = tree_find_child(f->tree, parent, m))) {
		tree_free_node(f->tree, node);
	}
}

// --- what is wanted ---

// The case of this choice that was chosen by giving something of it.
static const struct lysc_node *chosen_case(const struct filler *f, const struct lyd_node *parent,
					   const struct lysc_node *choice)
{
	const struct lyd_node *first = parent ? lyd_child(parent) : f->tree->first;
	for (const struct lyd_node *it = first; it; it = it->next) {
		if (it->flags & LYD_DEFAULT || !it->schema)
			continue;
		const struct lysc_node *lys = it->schema;
		for (; lys->parent && (lys->parent->nodetype & (LYS_CASE | LYS_CHOICE));
		     lys = lys->parent)
			if (lys->parent == choice)
				return lys;
	}
	return NULL;
}

static bool case_in_use(const struct filler *f, const struct lyd_node *parent,
			const struct lysc_node *lys)
{
	for (; lys->parent && (lys->parent->nodetype & (LYS_CASE | LYS_CHOICE));
	     lys = lys->parent) {
		if (lys->parent->nodetype != LYS_CHOICE)
			continue;
		const struct lysc_node *chosen = chosen_case(f, parent, lys->parent);
		if (chosen)
			return chosen == lys;
		if ((const struct lysc_node *)((const struct lysc_node_choice *)lys->parent)
			    ->dflt != lys)
			return false;
	}
	return true;
}

static bool is_invented_state(const struct lyd_node *parent, const struct lysc_node *lys)
{
	return (lys->flags & LYS_CONFIG_R) && !(parent && (parent->schema->flags & LYS_CONFIG_R));
}

static void fill_children(struct filler *f, struct lyd_node *parent, const struct model_node *m)
{
	for (uint32_t i = 0; i < m->children; i++) {
		struct model_node *child = m->child[i];
		const struct lysc_node *lys = child->schema;
		if (!child->filled || lys->nodetype & (LYS_RPC | LYS_NOTIF | LYS_ACTION) ||
		    is_invented_state(parent, lys))
			continue;
		if (tree_find_child(f->tree, parent, child) || !case_in_use(f, parent, lys))
			continue;
		if (child->nwhens)
			vec_push(&f->arena, &f->pending, (struct pending){parent, child});
		else
			add(f, parent, child);
	}
}

static void fill(struct filler *f, struct lyd_node *parent, const struct model_node *m)
{
	if (!m->fills)
		return;
	fill_children(f, parent, m);
	for (struct lyd_node *it = parent ? lyd_child(parent) : f->tree->first; it; it = it->next)
		if (it->schema && it->schema->nodetype & (LYS_CONTAINER | LYS_LIST))
			fill(f, it, model_of(it));
}

// --- what stands under a condition ---

static bool whens_hold(const struct lyd_node *node)
{
	const struct model_node *m = model_of(node);
	for (uint32_t i = 0; i < m->nwhens; i++)
		if (!rules_hold(m->rules[i], node))
			return false;
	return true;
}

static void settle(struct filler *f, struct pending p)
{
	make(f, p.parent, p.model);
	struct lyd_node *node = tree_find_child(f->tree, p.parent, p.model);
	if (!node || !whens_hold(node)) {
		unmake(f, p.parent, p.model);
		return;
	}
	log_all(f, p.parent, p.model);
	if (node->schema->nodetype == LYS_CONTAINER)
		fill(f, node, p.model);
}

// By rank, so that what a condition reads is settled before it is asked. Settling may add more, of no lower rank.
static void settle_all(struct filler *f)
{
	unsigned done = 0;
	for (unsigned rank = 0; done < f->pending.len; rank++)
		for (size_t i = 0; i < f->pending.len; i++)
			if (f->pending.at[i].model->rank == rank) {
				settle(f, f->pending.at[i]);
				done++;
			}
}

// --- all of it ---

void defaults_add(struct schema_tree *tree, struct lyd_node *subtree)
{
	struct filler f = {.tree = tree};
	arena_init(&f.arena);
	fill(&f, subtree, subtree ? model_inside(tree, subtree) : tree->schema->root);
	settle_all(&f);
	arena_fini(&f.arena);
	tree->has_defaults = true;
}

static void strip(struct schema_tree *tree, struct lyd_node *first)
{
	struct lyd_node *next;
	for (struct lyd_node *it = first; it; it = next) {
		next = it->next;
		if (!it->schema || !model_of(it)->fills)
			continue;
		if (it->flags & LYD_DEFAULT) {
			tree_free_node(tree, it);
		} else if (it->schema->nodetype & LYD_NODE_INNER) {
			strip(tree, lyd_child(it));
		}
	}
}

void defaults_strip(struct schema_tree *tree)
{
	strip(tree, tree->first);
	tree->has_defaults = false;
}

// --- changes ---

static bool out_of_use(const struct filler *f, const struct lyd_node *parent,
		       const struct lyd_node *node)
{
	bool given = false;
	const struct lyd_node *it = tree_find_child(f->tree, parent, model_of(node));
	for (; it && it->schema == node->schema && !given; it = it->next)
		given = !(it->flags & LYD_DEFAULT);
	return given || !case_in_use(f, parent, node->schema);
}

void defaults_update(struct schema_tree *tree, struct lyd_node *parent)
{
	const struct model_node *m = parent ? model_of(parent) : tree->schema->root;
	struct filler f = {.tree = tree, .logged = true};
	struct lyd_node *next;
	arena_init(&f.arena);
	for (struct lyd_node *it = parent ? lyd_child(parent) : tree->first; it; it = next) {
		next = it->next;
		if (it->flags & LYD_DEFAULT && out_of_use(&f, parent, it))
			undo_remove(tree, it);
	}
	fill_children(&f, parent, m);
	for (struct lyd_node *it = parent ? lyd_child(parent) : tree->first; it; it = it->next)
		if (it->flags & LYD_DEFAULT && it->schema->nodetype == LYS_CONTAINER)
			fill(&f, it, model_of(it));
	settle_all(&f);
	arena_fini(&f.arena);
}

void defaults_resettle(struct schema_tree *tree, struct lyd_node *parent, struct model_node *m)
{
	struct filler f = {.tree = tree, .logged = true};
	struct lyd_node *node = tree_find_child(tree, parent, m);
	if (node && !(node->flags & LYD_DEFAULT))
		return;
	if (node && !whens_hold(node)) {
		while ((node = tree_find_child(tree, parent, m)))
			undo_remove(tree, node);
		return;
	}
	arena_init(&f.arena);
	if (!node && case_in_use(&f, parent, m->schema) && !is_invented_state(parent, m->schema))
		vec_push(&f.arena, &f.pending, (struct pending){parent, m});
	settle_all(&f);
	arena_fini(&f.arena);
}
