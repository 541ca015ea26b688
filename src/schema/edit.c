// SPDX-License-Identifier: Apache-2.0
// Edits (RFC 6241 section 7.2, RFC 7950 sections 7.5.8, 7.6.7, 7.7.9, 7.8.6 and 7.9.5). The edit's tree is laid over the
// target, node by node; every change goes through the undo log, so an edit with a fault leaves the target as it was.
// All faults are reported.
//
// Defaults count as absent. Where something is replaced, what is equal stays untouched, so that the log holds what has
// really changed; entries come into the order of the edit, also where the model leaves the order open.
#include "base/buf.h"
#include "base/turn.h"
#include "schema/any.h"
#include "schema/attr.h"
#include "schema/path.h"
#include "schema/report.h"
#include "schema/undo.h"

#include <libyang/libyang.h>

#include <string.h>

#define ABSENT_HINT "use remove to delete it only if it is there"

struct edit {
	struct schema_tree *tree;
	const struct schema_tree *from;
	struct diags *diags;
	size_t begun; // position of the log
	bool take;    // nodes of the edit's tree may be moved instead of copied
};

static struct schema_node *apply(struct edit *e, struct schema_node *node,
				 struct schema_node *parent, enum schema_operation inherited);

static void edit_error(struct edit *e, const struct schema_node *node, enum diag_code code,
		       const char *hint, const char *what)
{
	report(e->from, node, &(struct diag){.code = code, .hint = hint}, e->diags, "\"%s\" %s",
	       node_model(node)->name, what);
}

static bool is_given(const struct schema_node *node)
{
	return node && !node->is_default;
}

// --- changing ---

static void remove_node(struct edit *e, struct schema_node *node)
{
	undo_remove(e->tree, node);
}

static void remove_defaults(struct edit *e, struct schema_node *parent, const struct model_node *m)
{
	struct schema_node *next;
	for (struct schema_node *it = m->filled ? node_find(parent, m) : NULL; it; it = next) {
		next = node_next_of_kind(it);
		if (it->is_default)
			remove_node(e, it);
	}
}

// One level of a claim: whether there was nothing of another case that this edit has put there itself.
static void remove_other_case(struct edit *e, const struct schema_node *node,
			      struct schema_node *parent, const struct model_node *other)
{
	struct schema_node *next;
	for (struct schema_node *it = node_find(parent, other); it; it = next) {
		next = node_next_of_kind(it);
		if (is_given(it) && it->added)
			edit_error(e, node, DIAG_DUPLICATE, "give nodes of one case only",
				   "is of another case than a node beside it");
		else
			remove_node(e, it);
	}
}

static void remove_other_cases(struct edit *e, const struct schema_node *node,
			       const struct lysc_node *lys, struct schema_node *parent)
{
	const struct model_node *inside = node_model(parent);
	for (; lys->parent && (lys->parent->nodetype & (LYS_CASE | LYS_CHOICE));
	     lys = lys->parent) {
		if (lys->parent->nodetype != LYS_CHOICE)
			continue;
		for (uint32_t i = 0; i < inside->children; i++) {
			const struct lysc_node *other =
				model_case(inside->child[i]->schema, lys->parent);
			if (other && other != lys)
				remove_other_case(e, node, parent, inside->child[i]);
		}
	}
}

// Section 7.9: a node of one case makes all nodes of the others go; so does what stands in a container without presence
// of that case.
static void claim(struct edit *e, const struct schema_node *node, struct schema_node *parent)
{
	const struct lysc_node *lys = node_model(node)->schema;
	for (;; parent = parent->parent) {
		remove_other_cases(e, node, lys, parent);
		if (!node_is_plain_container(parent))
			return;
		lys = node_model(parent)->schema;
	}
}

// Whether nothing in it has an operation or a place of its own, and no container in it is empty: then it can be taken
// as it is.
static bool is_plain(const struct edit *e, const struct schema_node *node)
{
	if (!node_is_inner(node))
		return true;
	if (attr_deletions(e->from, node))
		return false;
	node_for_each_child(it, node)
	{
		turn_point();
		bool is_empty = node_is_plain_container(it) && !node_child(it);
		if (it->operation || it->insert || is_empty || !is_plain(e, it))
			return false;
	}
	return true;
}

static struct schema_node *add(struct edit *e, struct schema_node *node, struct schema_node *parent,
			       bool whole)
{
	bool take = whole && e->take;
	struct schema_node *added = take ? node : node_copy(node, whole);
	if (take)
		node_unlink(node);
	undo_add(e->tree, parent, added);
	added->added = 1;
	return added;
}

// --- places in lists ordered by the user ---

static struct schema_node *find_anchor(struct edit *e, const struct schema_node *node,
				       struct schema_node *parent)
{
	const char *anchor = attr_anchor(e->from, node);
	return node_model(node)->kind == MODEL_LIST
		       ? path_find_entry(parent, node_model(node), anchor)
		       : path_find_value(parent, node_model(node), anchor);
}

static void no_anchor(struct edit *e, const struct schema_node *node)
{
	struct buf path;
	buf_init(&path);
	node_path(node, &path);
	buf_adds(&path, node_model(node)->kind == MODEL_LIST ? "/@key" : "/@value");
	report(e->from, node,
	       &(struct diag){.code = DIAG_BAD_ATTRIBUTE,
			      .app_tag = "missing-instance", // RFC 7950 section 15.7
			      .path = path.data,
			      .hint = "name an entry that is there"},
	       e->diags, "there is no \"%s\" %.200s to insert at", node_model(node)->name,
	       attr_anchor(e->from, node));
	buf_fini(&path);
}

// False: the entry to insert at is not there.
static bool try_place(struct edit *e, const struct schema_node *node, struct schema_node *target)
{
	struct schema_node *parent = target->parent, *anchor = NULL;
	enum edit_insert insert = (enum edit_insert)node->insert;
	if (insert == INSERT_BEFORE || insert == INSERT_AFTER) {
		anchor = find_anchor(e, node, parent);
		if (!anchor)
			return false;
	}
	if (insert == INSERT_LAST)
		undo_move(e->tree, target, NULL);
	else if (insert == INSERT_FIRST)
		undo_move(e->tree, target, node_find(parent, node_model(target)));
	else if (insert == INSERT_BEFORE)
		undo_move(e->tree, target, anchor);
	else if (insert == INSERT_AFTER && anchor != target)
		undo_move(e->tree, target, node_next_of_kind(anchor));
	return true;
}

static void place(struct edit *e, const struct schema_node *node, struct schema_node *target)
{
	if (!try_place(e, node, target))
		no_anchor(e, node);
}

// Whether an entry of this kind, here or behind, says where it wants to stand.
static bool has_places(const struct schema_node *first)
{
	for (const struct schema_node *it = first; it; it = node_next_of_kind(it))
		if (it->insert)
			return true;
	return false;
}

// Entries of one kind come into the edit's order: each behind the one before it, if it is not there already. With places
// of their own they are lined up one after the other, as if they came new.
struct line {
	unsigned model;
	bool places;
	struct schema_node *last; // of those in line
};

static void line_begin(struct line *line, const struct schema_node *first)
{
	if (first->model != line->model)
		*line = (struct line){.model = first->model, .places = has_places(first)};
}

static void line_up(struct edit *e, struct line *line, const struct schema_node *node,
		    struct schema_node *target)
{
	const struct model_node *m = node_model(target);
	struct schema_node *expected = NULL;
	if (!(m->kind & (MODEL_LIST | MODEL_LEAF_LIST)) || target->is_default)
		return;
	if (!line->places)
		expected =
			line->last ? node_next_of_kind(line->last) : node_find(target->parent, m);
	undo_move(e->tree, target, expected);
	line->last = target;
	// What it stood at may be gone by now; it was there when it was needed.
	if (line->places)
		(void)try_place(e, node, target);
}

// --- the operations ---

static void not_there(struct edit *e, const struct schema_node *node,
		      const struct model_deletion *d)
{
	const struct model_node *m = d->model;
	bool named = node_model(node)->mod != m->mod;
	struct buf path;
	buf_init(&path);
	node_path(node, &path);
	buf_printf(&path, "/%s%s%s", named ? m->mod->name : "", named ? ":" : "", m->name);
	diag_add(e->diags,
		 &(struct diag){.code = DIAG_ABSENT,
				.file = e->tree->schema->files.at[d->file],
				.line = d->line,
				.path = path.data,
				.hint = ABSENT_HINT},
		 "\"%s\" is not there", m->name);
	buf_fini(&path);
}

// Leaves below a node that the edit deletes without naming their values.
static void apply_deletions(struct edit *e, const struct schema_node *node,
			    struct schema_node *target)
{
	for (const struct model_deletion *d = attr_deletions(e->from, node); d; d = d->next) {
		struct schema_node *leaf = node_find(target, d->model);
		if (is_given(leaf))
			remove_node(e, leaf);
		else if (d->must_exist)
			not_there(e, node, d);
	}
}

// What stands in the edit from `first` on; it may be taken away from there.
static void apply_siblings(struct edit *e, struct schema_node *first, struct schema_node *parent,
			   enum schema_operation op)
{
	struct line line = {0};
	struct schema_node *next;
	for (struct schema_node *it = first; it; it = next) {
		next = it->next;
		turn_point();
		line_begin(&line, it);
		struct schema_node *target = apply(e, it, parent, op);
		if (op == SCHEMA_OP_REPLACE && target)
			line_up(e, &line, it, target);
	}
}

static void apply_children(struct edit *e, const struct schema_node *node,
			   struct schema_node *target, enum schema_operation op)
{
	if (!node_is_inner(node))
		return;
	apply_deletions(e, node, target);
	apply_siblings(e, node_child_no_keys(node), target, op);
}

static struct schema_node *create_parts(struct edit *e, struct schema_node *node,
					struct schema_node *parent, enum schema_operation op)
{
	struct schema_node *target = add(e, node, parent, false);
	apply_children(e, node, target, op);
	if (!node_is_plain_container(target) || node_child(target))
		return target;
	remove_node(e, target); // nothing came into it after all
	return NULL;
}

static struct schema_node *create(struct edit *e, struct schema_node *node,
				  struct schema_node *parent, enum schema_operation op)
{
	bool whole = op != SCHEMA_OP_NONE && is_plain(e, node);
	bool is_container = node_is_plain_container(node);
	if (is_container && whole && !node_child(node))
		return NULL; // it would mean nothing
	if (!is_container || whole)
		claim(e, node, parent);
	struct schema_node *target = node_find_same(parent, node);
	if (target && is_container) {
		// A container without presence that is there for its defaults: it is filled.
		apply_children(e, node, target, op);
		return target;
	}
	remove_defaults(e, parent, node_model(node));
	target = whole ? add(e, node, parent, true) : create_parts(e, node, parent, op);
	if (target)
		place(e, node, target);
	return target;
}

static bool same_value(const struct schema_node *a, const struct schema_node *b)
{
	if (a->value == b->value)
		return true;
	return node_is_any(a) && a->form == b->form && !strcmp(any_text(a), any_text(b));
}

static struct schema_node *set_value(struct edit *e, struct schema_node *node,
				     struct schema_node *target)
{
	struct schema_node *parent = target->parent;
	if (same_value(node, target))
		return target;
	remove_node(e, target);
	return add(e, node, parent, true);
}

// Configuration below the parent that the edit does not have goes.
static void remove_missing(struct edit *e, const struct schema_node *first,
			   struct schema_node *parent)
{
	for (const struct schema_node *it = first; it; it = it->next) {
		struct schema_node *target = node_find_same(parent, it);
		turn_point();
		if (target)
			target->kept = 1;
	}
	struct schema_node *next;
	for (struct schema_node *it = node_child(parent); it; it = next) {
		next = it->next;
		const struct model_node *m = node_model(it);
		turn_point();
		bool stays = it->kept || m->is_key || m->is_state || it->is_default;
		it->kept = 0;
		if (!stays)
			remove_node(e, it);
	}
}

static void replace_children(struct edit *e, struct schema_node *first, struct schema_node *parent)
{
	remove_missing(e, first, parent);
	apply_siblings(e, first, parent, SCHEMA_OP_REPLACE);
}

static struct schema_node *touch(struct edit *e, struct schema_node *node,
				 struct schema_node *target, enum schema_operation op)
{
	if (node_model(node)->kind & (MODEL_LEAF | MODEL_ANY))
		return set_value(e, node, target);
	if (op == SCHEMA_OP_REPLACE && node_is_inner(node)) {
		replace_children(e, node_child_no_keys(node), target);
		apply_deletions(e, node, target);
	} else {
		apply_children(e, node, target, op);
	}
	place(e, node, target);
	return target;
}

static struct schema_node *apply_none(struct edit *e, struct schema_node *node,
				      struct schema_node *target, struct schema_node *parent)
{
	// A container without presence is always there, at least in thought.
	if (node_is_plain_container(node) && !target) {
		bool says_something = node_child(node) || attr_deletions(e->from, node);
		return says_something ? create(e, node, parent, SCHEMA_OP_NONE) : NULL;
	}
	if (!is_given(target) && !(target && node_is_plain_container(target)))
		edit_error(e, node, DIAG_ABSENT, "create it first, or give an operation that does",
			   "is not there");
	else
		apply_children(e, node, target, SCHEMA_OP_NONE);
	return target;
}

// An entry that is there has its keys, which then cannot be created.
static bool refuse_keys(struct edit *e, const struct schema_node *node)
{
	if (node_model(node)->kind != MODEL_LIST)
		return false;
	for (const struct schema_node *it = node_child(node); it && node_is_key(it); it = it->next)
		if (it->operation == 1 + SCHEMA_OP_CREATE) {
			edit_error(e, it, DIAG_EXISTS, "give the operation to the entry",
				   "is there already");
			return true;
		}
	return false;
}

// What the node has become in the target; NULL: it is not there.
static struct schema_node *apply(struct edit *e, struct schema_node *node,
				 struct schema_node *parent, enum schema_operation inherited)
{
	bool own = node->operation;
	enum schema_operation op = own ? (enum schema_operation)(node->operation - 1) : inherited;
	struct schema_node *target = node_find_same(parent, node);
	bool given = is_given(target);
	if (given && refuse_keys(e, node))
		return target;
	switch (op) {
	case SCHEMA_OP_NONE:
		return apply_none(e, node, target, parent);
	case SCHEMA_OP_CREATE:
		if (!given || (!own && node_is_plain_container(node)))
			return create(e, node, parent, op);
		edit_error(e, node, DIAG_EXISTS, "use merge or replace to change it",
			   "is there already");
		return target;
	case SCHEMA_OP_DELETE:
	case SCHEMA_OP_REMOVE:
		if (given)
			remove_node(e, target);
		else if (op == SCHEMA_OP_DELETE)
			edit_error(e, node, DIAG_ABSENT, ABSENT_HINT, "is not there");
		return NULL;
	case SCHEMA_OP_MERGE:
	case SCHEMA_OP_REPLACE:
		break;
	}
	return given ? touch(e, node, target, op) : create(e, node, parent, op);
}

// --- public ---

static void finish(struct edit *e)
{
	for (size_t i = e->begun; i < undo_now(e->tree); i++) {
		struct schema_node *node = undo_read(e->tree, i).node;
		node->added = 0;
		node->operation = node->insert = 0;
		if (node_model(node)->kind != MODEL_LIST)
			continue;
		for (struct schema_node *it = node_child(node); it && node_is_key(it);
		     it = it->next)
			it->operation = 0;
	}
}

static bool edit(struct edit *e, enum schema_operation default_operation,
		 const struct schema_veto *veto)
{
	struct schema_tree *tree = e->tree;
	size_t errors = e->diags->errors, valid;
	struct schema_node *first = node_child(e->from->root);
	undo_begin(tree);
	e->begun = undo_now(tree);
	if (default_operation == SCHEMA_OP_REPLACE)
		replace_children(e, first, tree->root);
	else
		apply_siblings(e, first, tree->root, default_operation);
	bool good = e->diags->errors == errors &&
		    (!veto || veto->allows(veto->context, tree, e->begun, e->diags));
	if (good)
		finish(e);
	else
		undo_back(tree, e->begun);
	// Without a valid state to start from there is nothing to check incrementally, and nothing to go back to.
	if (!tree->log.kept && !undo_valid(tree, &valid))
		undo_forget(tree);
	return good;
}

bool schema_edit_if(struct schema_tree *tree, const struct schema_tree *from,
		    enum schema_operation default_operation, const struct schema_veto *veto,
		    struct diags *diags)
{
	struct edit e = {.tree = tree, .from = from, .diags = diags};
	return edit(&e, default_operation, veto);
}

bool schema_edit(struct schema_tree *tree, const struct schema_tree *from,
		 enum schema_operation default_operation, struct diags *diags)
{
	return schema_edit_if(tree, from, default_operation, NULL, diags);
}

bool schema_edit_take(struct schema_tree *tree, struct schema_tree *from,
		      enum schema_operation default_operation, const struct schema_veto *veto,
		      struct diags *diags)
{
	struct edit e = {.tree = tree, .from = from, .diags = diags, .take = true};
	bool good = edit(&e, default_operation, veto);
	schema_tree_free(from);
	return good;
}
