// SPDX-License-Identifier: Apache-2.0
// Validation of what has changed since the tree was valid, as the undo log tells it.
//
// What was added is checked as a whole. Around it, a change can be seen only by: the node directly above (what it demands
// of its children, which defaults it has), expressions that read such nodes and reach so far (rules.c knows both), and
// leafrefs to what was removed. Defaults that come or go by that are changes, too, and enter the log; when no more do,
// everything concerned is checked once. The verdict is that of a full validation; a test holds them together.
#include "schema/incremental.h"
#include "base/turn.h"
#include "schema/defaults.h"
#include "schema/report.h"
#include "schema/rules.h"
#include "schema/undo.h"
#include "schema/validate.h"

// Something to do about a node, once or again.
struct task {
	const void *what;
	struct schema_node *node;
	bool waiting;
};

// Tasks in the order in which they came, each once.
struct tasks {
	VEC(struct task) list;
	uint32_t *slot; // 1 + index into the list
	size_t cap;
	VEC(uint32_t) waiting;
};

struct changes {
	struct check v;
	struct schema_tree *tree;
	struct arena arena;
	struct tasks levels; // nodes whose children have changed
	struct tasks
		rules; // expressions, and the node in whose subtree they have to be asked again
	struct tasks referrers; // leaves whose targets may be gone
	size_t valid;           // position of the log before the changes
	size_t read;            // position up to which they are known
};

static uint32_t *task_slot(const struct tasks *tasks, const void *what,
			   const struct schema_node *node)
{
	uint64_t h = ((uintptr_t)what * 31 + (uintptr_t)node) * 0x9e3779b97f4a7c15u;
	for (size_t i = (h ^ h >> 32) & (tasks->cap - 1);; i = (i + 1) & (tasks->cap - 1)) {
		const struct task *t = tasks->slot[i] ? &tasks->list.at[tasks->slot[i] - 1] : NULL;
		if (!t || (t->what == what && t->node == node))
			return &tasks->slot[i];
	}
}

// True when it was not known yet.
static bool task_add(struct changes *c, struct tasks *tasks, const void *what,
		     struct schema_node *node)
{
	if (tasks->list.len * 2 >= tasks->cap) {
		tasks->cap = tasks->cap ? tasks->cap * 2 : 64;
		tasks->slot = arena_array(&c->arena, uint32_t, tasks->cap);
		for (uint32_t i = 0; i < tasks->list.len; i++)
			*task_slot(tasks, tasks->list.at[i].what, tasks->list.at[i].node) = i + 1;
	}
	uint32_t *slot = task_slot(tasks, what, node);
	bool is_new = !*slot;
	if (is_new) {
		vec_push(&c->arena, &tasks->list, (struct task){.what = what, .node = node});
		*slot = (uint32_t)tasks->list.len;
	}
	struct task *t = &tasks->list.at[*slot - 1];
	if (!t->waiting)
		vec_push(&c->arena, &tasks->waiting, *slot - 1);
	t->waiting = true;
	return is_new;
}

// The next task that waits; false: none.
static bool task_next(struct tasks *tasks, struct task *out)
{
	if (!tasks->waiting.len)
		return false;
	struct task *t = &tasks->list.at[tasks->waiting.at[--tasks->waiting.len]];
	t->waiting = false;
	*out = *t;
	return true;
}

static bool is_there(const struct schema_node *node)
{
	return undo_is_attached(node);
}

// --- what a change concerns ---

static struct schema_node *ancestor_at(struct schema_node *node, unsigned depth)
{
	while (node_model(node)->depth > depth)
		node = node->parent;
	return node;
}

static unsigned scope_depth(const struct model_rule *rule)
{
	return rule->reach < rule->owner->depth ? rule->owner->depth - rule->reach : 0;
}

// `root` was added or removed below `parent`. What lies inside of it is checked with it, or gone.
static void note_node(struct changes *c, const struct model_node *m, const struct model_node *root,
		      struct schema_node *parent)
{
	for (uint32_t i = 0; i < m->nwatchers; i++) {
		unsigned depth = scope_depth(m->watchers[i]);
		if (depth < root->depth)
			(void)task_add(c, &c->rules, m->watchers[i], ancestor_at(parent, depth));
	}
}

// A value that must be unique in a list around the change: all entries of that list are concerned.
static void note_unique(struct changes *c, const struct model_node *m,
			const struct model_node *root, struct schema_node *parent)
{
	const struct model_node *list = m->parent;
	while (list->kind != MODEL_LIST)
		list = list->parent;
	if (list->depth < root->depth)
		(void)task_add(c, &c->levels, NULL, ancestor_at(parent, list->depth)->parent);
}

static void note_subtree(struct changes *c, const struct schema_node *node,
			 const struct model_node *root, struct schema_node *parent, bool removed)
{
	const struct model_node *m = node_model(node);
	note_node(c, m, root, parent);
	if (m->in_unique)
		note_unique(c, m, root, parent);
	for (uint32_t i = 0; removed && i < m->nreferrers; i++)
		(void)task_add(c, &c->referrers, m->referrers[i], c->tree->root);
	turn_point();
	if (node_is_inner(node))
		node_for_each_child(it, node) note_subtree(c, it, root, parent, removed);
}

// The level of the parent, and of those above as long as they are there only because of what they hold.
static void note_levels(struct changes *c, struct schema_node *parent)
{
	while (task_add(c, &c->levels, NULL, parent) && node_is_plain_container(parent))
		parent = parent->parent;
}

static void read_entry(struct changes *c, size_t position)
{
	struct undo_change change = undo_read(c->tree, position);
	struct schema_node *node = change.node, *parent = node->parent;
	const struct model_node *m = node_model(node);
	if (!is_there(parent))
		return;
	if (change.kind == UNDO_MOVED) {
		// What counts entries or asks for the first may see it.
		note_node(c, m, m, parent);
		return;
	}
	bool is_new = change.kind == UNDO_ADDED && is_there(node) && !node->is_default;
	if (is_new && node_is_inner(node))
		defaults_add(c->tree, node, false);
	note_subtree(c, node, m, parent, change.kind == UNDO_REMOVED);
	note_levels(c, parent);
}

// --- instances ---

typedef void (*instance_fn)(struct changes *c, struct schema_node *node,
			    const struct model_rule *rule);

struct search {
	struct changes *c;
	const struct model_node *chain[SCHEMA_DEPTH_MOST]; // from the wanted up to below the scope
	size_t len;
	instance_fn fn;
	const struct model_rule *rule;
};

static void search_below(const struct search *s, struct schema_node *parent, size_t left)
{
	struct schema_node *next;
	for (struct schema_node *it = node_find(parent, s->chain[left - 1]); it; it = next) {
		next = node_next_of_kind(it);
		turn_point();
		if (left > 1)
			search_below(s, it, left - 1);
		else
			s->fn(s->c, it, s->rule);
	}
}

// All instances of the model in the scope's subtree, the scope itself included.
static void each_instance(struct search *s, const struct model_node *m, struct schema_node *scope)
{
	const struct model_node *top = node_model(scope);
	for (s->len = 0; m != top && s->len < SCHEMA_DEPTH_MOST; m = m->parent)
		s->chain[s->len++] = m;
	if (!s->len)
		s->fn(s->c, scope, s->rule);
	else
		search_below(s, scope, s->len);
}

// --- defaults ---

// What may stand below these parents is to be decided anew, and what is demanded there.
static void resettle(struct changes *c, struct schema_node *parent, const struct model_rule *rule)
{
	(void)task_add(c, &c->levels, NULL, parent);
	if (rule->owner->filled)
		defaults_resettle(c->tree, parent, rule->owner);
}

static void resettle_rule(struct changes *c, const struct task *t)
{
	const struct model_rule *rule = t->what;
	const struct model_node *parent = rule->owner->parent;
	struct search s = {.c = c, .fn = resettle, .rule = rule};
	if (!rule->is_when || !is_there(t->node))
		return;
	struct schema_node *scope = t->node;
	if (node_model(scope) == rule->owner)
		scope = scope->parent;
	each_instance(&s, parent, scope);
}

// Until nothing comes or goes any more. Conditions do not run in circles, so this ends.
static void settle_defaults(struct changes *c)
{
	struct task t;
	for (;;) {
		turn_point();
		if (c->read < undo_now(c->tree))
			read_entry(c, c->read++);
		else if (task_next(&c->rules, &t))
			resettle_rule(c, &t);
		else if (!task_next(&c->levels, &t))
			return;
		else if (is_there(t.node))
			defaults_update(c->tree, t.node);
	}
}

// --- checks ---

static bool in_added(const struct schema_node *node)
{
	for (; node; node = node->parent)
		if (node->added)
			return true;
	return false;
}

static void mark_added(struct changes *c, bool added)
{
	for (size_t i = c->valid; i < undo_now(c->tree); i++) {
		struct undo_change change = undo_read(c->tree, i);
		if (change.kind == UNDO_ADDED)
			change.node->added = added;
	}
}

static void check_added(struct changes *c)
{
	for (size_t i = c->valid; i < undo_now(c->tree); i++) {
		struct undo_change change = undo_read(c->tree, i);
		turn_point();
		if (change.kind == UNDO_ADDED && is_there(change.node) &&
		    !in_added(change.node->parent))
			check_node(&c->v, change.node);
	}
}

static void check_rule(struct changes *c, struct schema_node *node, const struct model_rule *rule)
{
	bool decided = rule->is_when && node->is_default;
	if (!decided && !in_added(node))
		check_one_rule(&c->v, node, rule);
}

static void check_leaf(struct changes *c, struct schema_node *node, const struct model_rule *rule)
{
	(void)rule;
	if (!in_added(node))
		check_reference(&c->v, node);
}

static void check_all(struct changes *c)
{
	const struct schema *schema = c->tree->schema;
	check_added(c);
	for (size_t i = 0; i < c->levels.list.len; i++) {
		struct schema_node *node = c->levels.list.at[i].node;
		const struct model_node *m = node_model(node);
		turn_point();
		if (m->demanding && is_there(node) && !in_added(node))
			demands_check(&c->v, node, m);
	}
	for (size_t i = 0; i < c->rules.list.len; i++) {
		const struct task *t = &c->rules.list.at[i];
		struct search s = {.c = c, .fn = check_rule, .rule = t->what};
		if (is_there(t->node))
			each_instance(&s, s.rule->owner, t->node);
	}
	for (size_t i = 0; i < schema->generic_refs.len; i++)
		(void)task_add(c, &c->referrers, schema->generic_refs.at[i], c->tree->root);
	for (size_t i = 0; i < c->referrers.list.len; i++) {
		struct search s = {.c = c, .fn = check_leaf};
		each_instance(&s, c->referrers.list.at[i].what, c->tree->root);
	}
}

bool incremental_validate(struct schema_tree *tree, size_t valid, struct diags *diags)
{
	struct changes c = {.tree = tree, .valid = valid, .read = valid};
	size_t errors = diags->errors;
	undo_begin(tree);
	arena_init(&c.arena);
	check_init(&c.v, tree, diags);
	settle_defaults(&c);
	mark_added(&c, true);
	check_all(&c);
	mark_added(&c, false);
	check_fini(&c.v);
	arena_fini(&c.arena);
	return diags->errors == errors;
}
