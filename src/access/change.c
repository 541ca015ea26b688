// SPDX-License-Identifier: Apache-2.0
// Whether a change of data is allowed (RFC 8341 sections 3.2.5 to 3.2.8 and 3.4.5).
//
// The idea: every write, however it was asked for, is a place with what was there and what is there now. What is there
// now only was created, what was there only was deleted, a value that differs was updated, and what is the same was not
// touched. Where somebody may do everything below, nothing is compared.
//
// Defaults in use count as absent. A container without presence means nothing by itself and is not asked about, what is
// in it is. An entry that only moves is updated.
#include "access/internal.h"

#include "base/buf.h"
#include "base/turn.h"
#include "base/diag.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

// Nodes, by address.
struct nodes {
	VEC(const struct schema_node *) list;
};

struct write {
	struct access_user *user;
	struct diags *diags;
	const struct nodes
		*born; // sorted: what was not there before the changes that are looked at
};

// What was and what is at one place; NULL: nothing.
struct place {
	const struct schema_node *before, *after;
};

// --- saying no ---

// The node, or what of the way to it the user may read: an error must not tell of hidden data (section 3.4.3).
static const struct schema_node *visible(struct access_user *user, const struct schema_node *node)
{
	struct access_look look = {.user = user};
	const struct schema_node *up[SCHEMA_DEPTH_MOST], *seen = NULL;
	size_t n = 0;
	for (; node && n < array_len(up); node = schema_parent(node))
		up[n++] = node;
	while (n-- && access_may_read(&look, up[n]))
		seen = up[n];
	return seen;
}

static bool deny(struct write *w, const struct schema_node *node, enum access_operation operation)
{
	const char *verb = operation == ACCESS_CREATE   ? "create"
			   : operation == ACCESS_DELETE ? "delete"
							: "change";
	// What the client wants to create it has named itself.
	const struct schema_node *told = operation == ACCESS_CREATE ? node : visible(w->user, node);
	diag_error(w->diags, DIAG_DENIED, told ? schema_path(told, w->diags->arena) : NULL,
		   "a rule in /ietf-netconf-acm:nacm can permit it", "this user may not %s %s",
		   verb, told == node ? schema_name(node) : "everything that this would");
	return false;
}

static bool ask(struct write *w, struct access_state *state, const struct schema_node *node,
		enum access_operation operation)
{
	return access_decide(w->user, state, schema_kind(node), operation) ||
	       deny(w, node, operation);
}

// --- one place ---

static bool is_given(const struct schema_node *node)
{
	return node && !schema_is_default(node);
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
	return (x > y) - (x < y);
}

static bool is_born(const struct write *w, const struct schema_node *node)
{
	return w->born->list.len && bsearch(&node, w->born->list.at, w->born->list.len,
					    sizeof(w->born->list.at[0]), by_address);
}

static bool may_replace(struct write *w, struct access_state *above, struct place p);

// Creates or deletes a node with everything in it.
static bool may_whole(struct write *w, struct access_state *above, const struct schema_node *node,
		      enum access_operation operation)
{
	const struct schema_kind *kind = schema_kind(node);
	if (!kind || !is_given(node))
		return true; // inside of any-data, which was asked about
	if (operation == ACCESS_DELETE && is_born(w, node))
		return true; // it has come and gone
	struct access_state *state = access_state_enter(w->user, above, node);
	turn_point();
	if (access_decide_below(w->user, state, kind, true))
		return true;
	if (schema_kind_class(kind) != SCHEMA_CONTAINER && !ask(w, state, node, operation))
		return false;
	schema_for_each_child (n, node)
		if (!may_whole(w, state, n, operation))
			return false;
	return true;
}

// The next one that is there, from this one on.
static const struct schema_node *given(const struct schema_node *node)
{
	while (node && (!schema_kind(node) || schema_is_default(node)))
		node = schema_next(node);
	return node;
}

// The keys stand first among the children of an entry.
static const struct schema_node *key_from(const struct schema_node *child)
{
	return child && schema_kind_is_key(schema_kind(child)) ? child : NULL;
}

// Whether two nodes of the same parent in two trees stand for the same thing.
static bool same_place(const struct schema_node *a, const struct schema_node *b)
{
	if (schema_kind(a) != schema_kind(b))
		return false;
	enum schema_class class = schema_kind_class(schema_kind(a));
	if (class == SCHEMA_LEAF_LIST)
		return strcmp(schema_value(a), schema_value(b)) == 0;
	if (class != SCHEMA_LIST)
		return true;
	a = key_from(schema_child(a));
	b = key_from(schema_child(b));
	while (a && b && strcmp(schema_value(a), schema_value(b)) == 0) {
		a = key_from(schema_next(a));
		b = key_from(schema_next(b));
	}
	return !a && !b;
}

// The same as a text: equal for those, and only those, that are in the same place.
static const char *identity(const struct schema_node *node, struct arena *arena)
{
	const struct schema_kind *kind = schema_kind(node);
	enum schema_class class = schema_kind_class(kind);
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	buf_printf(&text, "%u", schema_kind_id(kind));
	if (class == SCHEMA_LEAF_LIST)
		buf_printf(&text, "=%s", schema_value(node));
	const struct schema_node *key = class == SCHEMA_LIST ? key_from(schema_child(node)) : NULL;
	for (; key; key = key_from(schema_next(key)))
		buf_printf(&text, ",%zu=%s", strlen(schema_value(key)), schema_value(key));
	return arena_strdup(arena, text.data);
}

struct row {
	const struct schema_node *node;
	bool stays;
};
// Two rows of children that are not the same all along.
struct rows {
	struct arena arena;
	struct map index; // of `before`, by identity, from 1
	VEC(struct row) before;
	size_t last; // the furthest of `before` that was met again
};

static struct row *meet(struct rows *rows, const struct schema_node *after, bool *moved_out)
{
	size_t i = (size_t)(uintptr_t)map_get(&rows->index, identity(after, &rows->arena));
	*moved_out = i && i < rows->last && schema_kind_is_ordered(schema_kind(after));
	rows->last = i > rows->last ? i : rows->last;
	return i ? &rows->before.at[i - 1] : NULL;
}

static bool may_after(struct write *w, struct access_state *above, struct rows *rows,
		      const struct schema_node *after)
{
	bool moved;
	struct row *row = meet(rows, after, &moved);
	if (row)
		row->stays = true;
	if (moved && !ask(w, access_state_enter(w->user, above, after), after, ACCESS_UPDATE))
		return false;
	return may_replace(w, above, (struct place){row ? row->node : NULL, after});
}

static bool may_differ(struct write *w, struct access_state *above, struct rows *rows,
		       struct place first)
{
	const struct schema_node *n;
	for (n = first.before; n; n = given(schema_next(n))) {
		turn_point();
		vec_push(&rows->arena, &rows->before, (struct row){.node = n});
		(void)map_put(&rows->index, identity(n, &rows->arena), (void *)rows->before.len);
	}
	for (n = first.after; n; n = given(schema_next(n)))
		if (!may_after(w, above, rows, n))
			return false;
	for (size_t i = 0; i < rows->before.len; i++)
		if (!rows->before.at[i].stays &&
		    !may_replace(w, above, (struct place){.before = rows->before.at[i].node}))
			return false;
	return true;
}

// In step as long as both rows have the same.
static bool may_rows(struct write *w, struct access_state *above, struct place first)
{
	struct place p = {given(first.before), given(first.after)};
	while (p.before && p.after && same_place(p.before, p.after)) {
		if (!may_replace(w, above, p))
			return false;
		p = (struct place){given(schema_next(p.before)), given(schema_next(p.after))};
	}
	struct rows rows = {0};
	arena_init(&rows.arena);
	rows.index.arena = &rows.arena;
	bool may = (!p.before && !p.after) || may_differ(w, above, &rows, p);
	arena_fini(&rows.arena);
	return may;
}

static bool same_any(struct place p)
{
	struct buf a cleanup(buf_fini), b cleanup(buf_fini);
	buf_init(&a);
	buf_init(&b);
	schema_print_node(p.before, SCHEMA_XML, 0, &a);
	schema_print_node(p.after, SCHEMA_XML, 0, &b);
	return a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0);
}

static bool same_value(struct place p)
{
	const char *a = schema_value(p.before), *b = schema_value(p.after);
	return a && b && strcmp(a, b) == 0;
}

static bool may_replace(struct write *w, struct access_state *above, struct place p)
{
	turn_point();
	if (!is_given(p.before) && !is_given(p.after))
		return true;
	if (!is_given(p.before))
		return may_whole(w, above, p.after, ACCESS_CREATE);
	if (!is_given(p.after))
		return may_whole(w, above, p.before, ACCESS_DELETE);
	const struct schema_kind *kind = schema_kind(p.after);
	struct access_state *state = access_state_enter(w->user, above, p.after);
	if (access_decide_below(w->user, state, kind, true))
		return true;
	enum schema_class class = schema_kind_class(kind);
	if (class == SCHEMA_LEAF || class == SCHEMA_ANY)
		return same_value(p) || (class == SCHEMA_ANY && same_any(p)) ||
		       ask(w, state, p.after, ACCESS_UPDATE);
	return may_rows(w, state, (struct place){schema_child(p.before), schema_child(p.after)});
}

// --- two trees ---

static bool done(struct write *w, bool may)
{
	if (!may)
		w->user->access->counts->writes++;
	return may;
}

bool access_may_change(struct access_user *user, const struct schema_tree *before,
		       const struct schema_tree *after, struct diags *diags)
{
	struct nodes none = {0};
	struct write w = {user, diags, &none};
	return done(&w, access_writes_all(user) || may_rows(&w, user->root,
							    (struct place){schema_first(before),
									   schema_first(after)}));
}

// --- the changes of one edit or several ---
//
// A place may change several times: what counts is what was there before the first and is there after the last. What has
// happened inside of something that was not there before is part of that.

// The changes of one place, the first and the last of them.
struct touched {
	struct place place;
	const struct schema_node *parent;
	bool moved;
};
struct touches {
	struct arena arena;
	struct map by_place;
	VEC(struct touched *) list;
	struct nodes born;
};

static struct touched *touch(struct touches *t, const struct schema_change *change)
{
	const char *id = arena_printf(&t->arena, "%p %s", (const void *)change->parent,
				      identity(change->node, &t->arena));
	struct touched *touched = map_get(&t->by_place, id);
	if (touched)
		return touched;
	touched = arena_new(&t->arena, struct touched);
	touched->parent = change->parent;
	if (change->kind != SCHEMA_ADDED)
		touched->place.before = change->node;
	(void)map_put(&t->by_place, id, touched);
	vec_push(&t->arena, &t->list, touched);
	return touched;
}

static void note(struct touches *t, const struct schema_change *change)
{
	struct touched *touched = touch(t, change);
	bool again = change->kind == SCHEMA_ADDED && touched->place.before &&
		     schema_kind_is_ordered(schema_kind(change->node));
	touched->place.after = change->kind == SCHEMA_REMOVED ? NULL : change->node;
	touched->moved |= change->kind == SCHEMA_MOVED || again;
	if (change->kind == SCHEMA_ADDED)
		vec_push(&t->arena, &t->born.list, change->node);
}

static bool is_inside_born(const struct write *w, const struct touched *t)
{
	for (const struct schema_node *n = t->parent; n; n = schema_parent(n))
		if (is_born(w, n))
			return true;
	return false;
}

static bool may_touch(struct write *w, struct access_look *look, const struct touched *t)
{
	struct access_state *above = access_state_of(look, t->parent);
	const struct schema_node *after = t->place.after;
	if (t->moved && t->place.before && after &&
	    !ask(w, access_state_enter(w->user, above, after), after, ACCESS_UPDATE))
		return false;
	return t->place.before == after || may_replace(w, above, t->place);
}

static bool may_touches(struct write *w, const struct touches *t)
{
	struct access_look look = {.user = w->user};
	for (size_t i = 0; i < t->list.len; i++) {
		turn_point();
		if (!is_inside_born(w, t->list.at[i]) && !may_touch(w, &look, t->list.at[i]))
			return false;
	}
	return true;
}

// Nothing has to be looked at closely where everything below may be written.
static bool is_free(struct access_look *look, const struct schema_change *change)
{
	struct access_state *above = access_state_of(look, change->parent);
	return access_decide_below(look->user, access_state_enter(look->user, above, change->node),
				   schema_kind(change->node), true);
}

bool access_may_edit(void *user, const struct schema_tree *tree, size_t first, struct diags *diags)
{
	struct touches t = {0};
	struct write w = {user, diags, &t.born};
	struct access_look look = {.user = user};
	if (access_writes_all(user))
		return true;
	arena_init(&t.arena);
	t.by_place.arena = &t.arena;
	for (size_t i = first; i < schema_changes(tree); i++) {
		struct schema_change change = schema_change(tree, i);
		turn_point();
		if (schema_kind(change.node) && !is_free(&look, &change))
			note(&t, &change);
	}
	if (t.born.list.len)
		qsort(t.born.list.at, t.born.list.len, sizeof(t.born.list.at[0]), by_address);
	bool may = done(&w, may_touches(&w, &t));
	arena_fini(&t.arena);
	return may;
}
