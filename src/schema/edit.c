// SPDX-License-Identifier: Apache-2.0
// Edits (RFC 6241 section 7.2, RFC 7950 sections 7.5.8, 7.6.7, 7.7.9, 7.8.6 and 7.9.5). The edit's tree is laid over the
// target, node by node; every change goes through the undo log, so an edit with a fault leaves the target as it was.
// All faults are reported.
//
// Defaults count as absent. Where something is replaced, what is equal stays untouched, so that the log holds what has
// really changed; entries come into the order of the edit, also where the model leaves the order open.
#include "base/buf.h"
#include "schema/attr.h"
#include "schema/index.h"
#include "schema/report.h"
#include "schema/undo.h"

#include <libyang/libyang.h>

#include <stdlib.h>
#include <string.h>

#define ABSENT_HINT "use remove to delete it only if it is there"

struct edit {
	struct schema_tree *tree;
	const struct schema_tree *from;
	struct diags *diags;
	struct node_index top; // the target's top-level nodes
	size_t begun;          // length of the log
};

static void apply(struct edit *e, const struct lyd_node *node, struct lyd_node *parent,
		  enum schema_operation inherited);

static bool is_container(const struct lyd_node *node)
{
	return node->schema->nodetype == LYS_CONTAINER && !(node->schema->flags & LYS_PRESENCE);
}

static bool is_key(const struct lyd_node *node)
{
	return node->schema->flags & LYS_KEY;
}

static void edit_error(struct edit *e, const struct lyd_node *node, enum diag_code code,
		       const char *hint, const char *what)
{
	report(e->from, node, &(struct diag){.code = code, .hint = hint}, e->diags, "\"%s\" %s",
	       node->schema->name, what);
}

// --- finding ---

static struct lyd_node *first_of(const struct edit *e, const struct lyd_node *parent)
{
	return parent ? lyd_child(parent) : e->tree->first;
}

// The target's counterpart of a node of the edit; a default counts, too.
static struct lyd_node *counterpart(struct edit *e, const struct lyd_node *node,
				    struct lyd_node *parent)
{
	struct lyd_node *found = NULL;
	if (!parent)
		return index_get(&e->top, node);
	if (!(node->schema->nodetype & (LYS_LIST | LYS_LEAFLIST)))
		return tree_find_child(e->tree, parent, model_of(node));
	(void)lyd_find_sibling_first(lyd_child(parent), node, &found);
	return found;
}

static bool is_given(const struct lyd_node *node)
{
	return node && !(node->flags & LYD_DEFAULT);
}

// --- changing ---

static void remove_node(struct edit *e, struct lyd_node *node)
{
	if (!node->parent)
		index_remove(&e->top, node);
	undo_remove(e->tree, node);
}

static void remove_defaults(struct edit *e, struct lyd_node *parent, const struct lysc_node *lys)
{
	struct lyd_node *next;
	for (struct lyd_node *it = tree_find_child(e->tree, parent, lys->priv);
	     it && it->schema == lys; it = next) {
		next = it->next;
		if (it->flags & LYD_DEFAULT)
			remove_node(e, it);
	}
}

// The case of this choice that the node belongs to; NULL: none.
static const struct lysc_node *case_in(const struct lysc_node *lys, const struct lysc_node *choice)
{
	for (; lys->parent && (lys->parent->nodetype & (LYS_CASE | LYS_CHOICE)); lys = lys->parent)
		if (lys->parent == choice)
			return lys;
	return NULL;
}

// One level of a claim: whether there was nothing of another case that this edit has put there itself.
static void remove_other_cases(struct edit *e, const struct lyd_node *node,
			       const struct lysc_node *lys, struct lyd_node *parent)
{
	for (; lys->parent && (lys->parent->nodetype & (LYS_CASE | LYS_CHOICE));
	     lys = lys->parent) {
		if (lys->parent->nodetype != LYS_CHOICE)
			continue;
		struct lyd_node *next;
		for (struct lyd_node *it = first_of(e, parent); it; it = next) {
			next = it->next;
			const struct lysc_node *other = case_in(it->schema, lys->parent);
			if (!other || other == lys)
				continue;
			if (is_given(it) && model_mark(it).added)
				edit_error(e, node, DIAG_DUPLICATE, "give nodes of one case only",
					   "is of another case than a node beside it");
			else
				remove_node(e, it);
		}
	}
}

// Section 7.9: a node of one case makes all nodes of the others go; so does what stands in a container without presence
// of that case.
static void claim(struct edit *e, const struct lyd_node *node, struct lyd_node *parent)
{
	const struct lysc_node *lys = node->schema;
	for (;; parent = lyd_parent(parent)) {
		remove_other_cases(e, node, lys, parent);
		if (!parent || !is_container(parent))
			return;
		lys = parent->schema;
	}
}

// Whether nothing in it has an operation or a place of its own, and no container in it is empty: then it can be copied
// as it is.
static bool is_plain(const struct lyd_node *node)
{
	if (model_mark(node).deletes)
		return false;
	for (const struct lyd_node *it = lyd_child(node); it; it = it->next) {
		struct model_mark mark = model_mark(it);
		if (mark.operation || mark.insert || (is_container(it) && !lyd_child(it)) ||
		    !is_plain(it))
			return false;
	}
	return true;
}

static void mark_added(struct lyd_node *node, bool added)
{
	struct model_mark mark = model_mark(node);
	mark.added = added;
	model_set_mark(node, mark);
}

static struct lyd_node *add_copy(struct edit *e, const struct lyd_node *node,
				 struct lyd_node *parent, bool whole)
{
	struct lyd_node *copy = NULL;
	if (lyd_dup_single(node, NULL, whole ? LYD_DUP_RECURSIVE : 0, &copy))
		abort(); // memory
	if (!whole && is_container(copy))
		copy->flags |= LYD_DEFAULT; // until something is put into it
	undo_add(e->tree, parent, copy);
	mark_added(copy, true);
	if (!parent)
		index_put(&e->top, copy);
	return copy;
}

// --- places in lists ordered by the user ---

// "[p:name='x']" without its prefixes, which say nothing that the list does not say.
static void plain_predicate(const char *key, struct buf *out)
{
	char quote = 0;
	size_t name = 0;
	for (const char *p = key; *p; p++) {
		buf_addc(out, *p);
		if (quote)
			quote = *p == quote ? 0 : quote;
		else if (*p == '\'' || *p == '"')
			quote = *p;
		else if (*p == '[')
			name = out->len;
		else if (*p == ':' && name) {
			out->len = name;
			out->data[name] = '\0';
		}
	}
}

static struct lyd_node *find_anchor(struct edit *e, const struct lyd_node *node,
				    struct lyd_node *parent)
{
	struct lyd_node *found = NULL;
	const char *anchor = attr_anchor(e->from, node);
	bool is_list = node->schema->nodetype == LYS_LIST;
	struct buf text;
	buf_init(&text);
	if (is_list)
		plain_predicate(anchor, &text);
	else
		buf_adds(&text, anchor);
	(void)lyd_find_sibling_val(first_of(e, parent), node->schema, text.data, text.len, &found);
	ly_err_clean(e->tree->schema->ctx, NULL);
	buf_fini(&text);
	return found;
}

static void no_anchor(struct edit *e, const struct lyd_node *node)
{
	bool is_list = node->schema->nodetype == LYS_LIST;
	struct arena arena;
	arena_init(&arena);
	char *path = lyd_path(node, LYD_PATH_STD, NULL, 0);
	struct diag about = {
		.code = DIAG_BAD_ATTRIBUTE,
		.path = arena_printf(&arena, "%s/@%s", path, is_list ? "key" : "value"),
		.hint = "name an entry that is there"};
	report(e->from, node, &about, e->diags, "there is no \"%s\" %.200s to insert at",
	       node->schema->name, attr_anchor(e->from, node));
	free(path);
	arena_fini(&arena);
}

static struct lyd_node *behind(const struct lyd_node *node)
{
	return node->next && node->next->schema == node->schema ? node->next : NULL;
}

// False: the entry to insert at is not there.
static bool try_place(struct edit *e, const struct lyd_node *node, struct lyd_node *target)
{
	struct lyd_node *parent = lyd_parent(target), *anchor = NULL;
	enum edit_insert insert = model_mark(node).insert;
	if (insert == INSERT_BEFORE || insert == INSERT_AFTER) {
		anchor = find_anchor(e, node, parent);
		if (!anchor)
			return false;
	}
	if (insert == INSERT_LAST)
		undo_move(e->tree, target, NULL);
	else if (insert == INSERT_FIRST)
		undo_move(e->tree, target, tree_find_child(e->tree, parent, model_of(target)));
	else if (insert == INSERT_BEFORE)
		undo_move(e->tree, target, anchor);
	else if (insert == INSERT_AFTER && anchor != target)
		undo_move(e->tree, target, behind(anchor));
	return true;
}

static void place(struct edit *e, const struct lyd_node *node, struct lyd_node *target)
{
	if (!try_place(e, node, target))
		no_anchor(e, node);
}

// Whether an entry of this kind, here or behind, says where it wants to stand.
static bool has_places(const struct lyd_node *first)
{
	for (const struct lyd_node *it = first; it && it->schema == first->schema; it = it->next)
		if (model_mark(it).insert)
			return true;
	return false;
}

// Entries come into the edit's order: each behind the one before it, if it is not there already. With places of their
// own they are lined up one after the other, as if they came new.
static void order(struct edit *e, const struct lyd_node *first, struct lyd_node *parent)
{
	struct lyd_node *expected = NULL;
	const struct lysc_node *lys = NULL;
	bool places = false;
	for (const struct lyd_node *it = first; it; it = it->next) {
		if (!(it->schema->nodetype & (LYS_LIST | LYS_LEAFLIST)))
			continue;
		if (it->schema != lys) {
			lys = it->schema;
			places = has_places(it);
			expected = places ? NULL : tree_find_child(e->tree, parent, lys->priv);
		}
		struct lyd_node *target = counterpart(e, it, parent);
		if (!is_given(target))
			continue;
		if (target == expected)
			expected = expected->next && expected->next->schema == lys ? expected->next
										   : NULL;
		else
			undo_move(e->tree, target, expected);
		// What it stood at may be gone by now; it was there when it was needed.
		if (places)
			(void)try_place(e, it, target);
	}
}

// --- the operations ---

// Leaves below a node that the edit deletes without naming their values.
static void apply_deletions(struct edit *e, const struct lyd_node *node, struct lyd_node *target)
{
	for (const struct model_deletion *d = attr_deletions(e->from, node); d; d = d->next) {
		struct lyd_node *leaf = tree_find_child(e->tree, target, d->model);
		if (is_given(leaf)) {
			remove_node(e, leaf);
		} else if (d->must_exist) {
			char *above = node ? lyd_path(node, LYD_PATH_STD, NULL, 0) : NULL;
			const struct lysc_node *lys = d->model->schema;
			bool named = !node || node->schema->module != lys->module;
			struct arena arena;
			arena_init(&arena);
			diag_add(e->diags,
				 &(struct diag){.code = DIAG_ABSENT,
						.file = e->from->files.at[d->file],
						.line = d->line,
						.path = arena_printf(&arena, "%s/%s%s%s",
								     above ? above : "",
								     named ? lys->module->name : "",
								     named ? ":" : "", lys->name),
						.hint = ABSENT_HINT},
				 "\"%s\" is not there", lys->name);
			arena_fini(&arena);
			free(above);
		}
	}
}

static void apply_children(struct edit *e, const struct lyd_node *node, struct lyd_node *target,
			   enum schema_operation op)
{
	apply_deletions(e, node, target);
	for (const struct lyd_node *it = lyd_child_no_keys(node); it; it = it->next)
		apply(e, it, target, op);
}

static void create(struct edit *e, const struct lyd_node *node, struct lyd_node *parent,
		   enum schema_operation op)
{
	bool whole = op != SCHEMA_OP_NONE && is_plain(node);
	if (is_container(node) && whole && !lyd_child(node))
		return; // it would mean nothing
	if (!is_container(node) || whole)
		claim(e, node, parent);
	struct lyd_node *target = counterpart(e, node, parent);
	if (target && is_container(target)) {
		// A container without presence that is there for its defaults: it is filled.
		apply_children(e, node, target, op);
		return;
	}
	remove_defaults(e, parent, node->schema);
	target = add_copy(e, node, parent, whole);
	if (!whole) {
		apply_children(e, node, target, op);
		if (op == SCHEMA_OP_REPLACE)
			order(e, lyd_child_no_keys(node), target);
		if (is_container(target) && !lyd_child(target)) {
			remove_node(e, target); // nothing came into it after all
			return;
		}
	}
	place(e, node, target);
}

static bool same_value(const struct lyd_node *a, const struct lyd_node *b)
{
	if (a->schema->nodetype & LYD_NODE_TERM)
		return lyd_get_value(a) == lyd_get_value(b);
	return !lyd_compare_single(a, b, 0);
}

static void set_value(struct edit *e, const struct lyd_node *node, struct lyd_node *target,
		      struct lyd_node *parent)
{
	if (same_value(node, target))
		return;
	remove_node(e, target);
	(void)add_copy(e, node, parent, true);
}

static void merge(struct edit *e, const struct lyd_node *node, struct lyd_node *target)
{
	if (node->schema->nodetype & (LYS_LEAF | LYD_NODE_ANY)) {
		set_value(e, node, target, lyd_parent(target));
		return;
	}
	apply_children(e, node, target, SCHEMA_OP_MERGE);
	place(e, node, target);
}

// Configuration below the parent that the edit does not have goes.
static void remove_missing(struct edit *e, const struct lyd_node *first, struct lyd_node *parent,
			   struct node_index *kept)
{
	for (const struct lyd_node *it = first; it; it = it->next) {
		struct lyd_node *target = counterpart(e, it, parent);
		if (target)
			index_put(kept, target);
	}
	struct lyd_node *next;
	for (struct lyd_node *it = first_of(e, parent); it; it = next) {
		next = it->next;
		bool stays =
			is_key(it) || it->schema->flags & LYS_CONFIG_R || it->flags & LYD_DEFAULT;
		if (!stays && index_get(kept, it) != it)
			remove_node(e, it);
	}
}

static void replace_children(struct edit *e, const struct lyd_node *first, struct lyd_node *parent)
{
	struct node_index kept = {0};
	remove_missing(e, first, parent, &kept);
	for (const struct lyd_node *it = first; it; it = it->next)
		apply(e, it, parent, SCHEMA_OP_REPLACE);
	order(e, first, parent);
	index_fini(&kept);
}

static void replace(struct edit *e, const struct lyd_node *node, struct lyd_node *target)
{
	if (node->schema->nodetype & (LYS_LEAF | LYD_NODE_ANY)) {
		set_value(e, node, target, lyd_parent(target));
		return;
	}
	if (node->schema->nodetype & LYD_NODE_INNER)
		replace_children(e, lyd_child_no_keys(node), target);
	apply_deletions(e, node, target);
	place(e, node, target);
}

static void touch(struct edit *e, const struct lyd_node *node, struct lyd_node *target,
		  enum schema_operation op)
{
	if (op == SCHEMA_OP_REPLACE)
		replace(e, node, target);
	else if (op == SCHEMA_OP_MERGE)
		merge(e, node, target);
	else
		apply_children(e, node, target, op);
}

static void apply_none(struct edit *e, const struct lyd_node *node, struct lyd_node *target,
		       struct lyd_node *parent)
{
	// A container without presence is always there, at least in thought.
	if (is_container(node) && !target) {
		if (lyd_child(node) || model_mark(node).deletes)
			create(e, node, parent, SCHEMA_OP_NONE);
	} else if (!is_given(target) && !(target && is_container(target))) {
		edit_error(e, node, DIAG_ABSENT, "create it first, or give an operation that does",
			   "is not there");
	} else {
		apply_children(e, node, target, SCHEMA_OP_NONE);
	}
}

static void apply(struct edit *e, const struct lyd_node *node, struct lyd_node *parent,
		  enum schema_operation inherited)
{
	unsigned own = model_mark(node).operation;
	enum schema_operation op = own ? (enum schema_operation)(own - 1) : inherited;
	struct lyd_node *target = counterpart(e, node, parent);
	bool given = is_given(target);
	switch (op) {
	case SCHEMA_OP_NONE:
		apply_none(e, node, target, parent);
		break;
	case SCHEMA_OP_CREATE:
		if (given && own)
			edit_error(e, node, DIAG_EXISTS, "use merge or replace to change it",
				   "is there already");
		else if (given && !is_container(node))
			edit_error(e, node, DIAG_EXISTS, "use merge or replace to change it",
				   "is there already");
		else
			create(e, node, parent, op);
		break;
	case SCHEMA_OP_DELETE:
		if (given)
			remove_node(e, target);
		else
			edit_error(e, node, DIAG_ABSENT, ABSENT_HINT, "is not there");
		break;
	case SCHEMA_OP_REMOVE:
		if (given)
			remove_node(e, target);
		break;
	case SCHEMA_OP_MERGE:
	case SCHEMA_OP_REPLACE:
		if (given)
			touch(e, node, target, op);
		else
			create(e, node, parent, op);
		break;
	}
}

// --- public ---

static void forget_added(struct edit *e)
{
	for (size_t i = e->begun; i < e->tree->log.len; i++) {
		struct undo_change change = undo_read(e->tree, i);
		if (change.kind == UNDO_ADDED)
			mark_added(change.node, false);
	}
}

bool schema_edit_if(struct schema_tree *tree, const struct schema_tree *edit,
		    enum schema_operation default_operation, const struct schema_veto *veto,
		    struct diags *diags)
{
	struct edit e = {.tree = tree, .from = edit, .diags = diags, .begun = tree->log.len};
	size_t errors = diags->errors;
	for (struct lyd_node *it = tree->first; it; it = it->next)
		index_put(&e.top, it);
	if (default_operation == SCHEMA_OP_REPLACE)
		replace_children(&e, edit->first, NULL);
	for (const struct lyd_node *it = edit->first; it && default_operation != SCHEMA_OP_REPLACE;
	     it = it->next)
		apply(&e, it, NULL, default_operation);
	index_fini(&e.top);
	bool good = diags->errors == errors &&
		    (!veto || veto->allows(veto->context, tree, e.begun, diags));
	if (good)
		forget_added(&e);
	else
		undo_back(tree, e.begun);
	// Without a valid state to start from there is nothing to check incrementally, and nothing to go back to.
	if (!tree->valid)
		undo_forget(tree);
	return good;
}

bool schema_edit(struct schema_tree *tree, const struct schema_tree *edit,
		 enum schema_operation default_operation, struct diags *diags)
{
	return schema_edit_if(tree, edit, default_operation, NULL, diags);
}

void schema_undo(struct schema_tree *tree)
{
	undo_back(tree, 0);
	undo_forget(tree);
}
