// SPDX-License-Identifier: Apache-2.0
// Random edits. What they do is held against a naive reference on plain structs that copies the whole tree for each edit;
// a refused edit must leave the tree as it was; and what an incremental validation says and makes of the defaults must
// be what a full one says of the same data.
#include "schema/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- the model of the reference: a part of test-net ---

enum kind { CONTAINER, PRESENCE, LIST, LEAF, LEAF_LIST };

struct model {
	const char *name;
	enum kind kind;
	bool by_user, likely;
	int choice_case; // 0: in no choice
	const struct model *child;
	size_t children;
	const char *const *values;
};

#define KIDS(a) .child = (a), .children = array_len(a)
static const char *const names[] = {"a", "b", "c", "d", NULL},
			 *const modes[] = {"safe", "fast", NULL},
			 *const numbers[] = {"1", "2", "3", NULL},
			 *const bools[] = {"true", "false", NULL};
static const char *const empty[] = {"", NULL};
static const struct model step_kids[] = {{"id", LEAF, .values = names},
					 {"text", LEAF, .values = names}};
static const struct model log_kids[] = {{"file", LEAF, .values = names}};
static const struct model memory_kids[] = {{"size", LEAF, .values = numbers}};
static const struct model settings_kids[] = {
	{"mode", LEAF, .values = modes},
	{"on", LEAF, .values = bools},
	{"server", LEAF_LIST, .by_user = true, .values = names},
	{"step", LIST, .by_user = true, KIDS(step_kids)},
	{"level", LEAF_LIST, .values = numbers},
	{"log", PRESENCE, KIDS(log_kids)},
	{"memory", CONTAINER, .choice_case = 1, KIDS(memory_kids)},
	{"path", LEAF, .choice_case = 2, .values = names},
	{"sync", LEAF, .choice_case = 2, .values = bools}};
static const struct model user_kids[] = {{"name", LEAF, .values = names},
					 {"mail", LEAF_LIST, .values = names}};
static const struct model device_kids[] = {{"name", LEAF, .values = names},
					   {"owner", LEAF, .values = names}};
static const struct model groups_kids[] = {{"user", LIST, KIDS(user_kids)},
					   {"device", LIST, KIDS(device_kids)}};
static const struct model tag_kids[] = {{"serial", LEAF, .values = numbers}};
static const char *const often[] = {"once", "weekly", "monthly", NULL};
static const char *const lengths[] = {"5", "60", NULL};
static const char *const usages[] = {"order", "number", NULL};
static const char *const limits[] = {"1.5", "20.0", NULL};
static const char *const verdicts[] = {"pass", "drop", NULL};
static const struct model period_kids[] = {{"day", LEAF_LIST, .values = numbers},
					   {"length", LEAF, .values = lengths},
					   {"unit", LEAF, .values = names}};
static const struct model time_kids[] = {{"often", LEAF, .values = often},
					 {"period", CONTAINER, KIDS(period_kids)}};
static const struct model action_kids[] = {{"verdict", LEAF, .likely = true, .values = verdicts},
					   {"limit", LEAF, .values = limits}};
static const struct model rule_kids[] = {{"name", LEAF, .values = names},
					 {"priority", LEAF, .values = numbers},
					 {"source", LEAF_LIST, .values = names},
					 {"tag", CONTAINER, KIDS(tag_kids)},
					 {"time", CONTAINER, KIDS(time_kids)},
					 {"action", CONTAINER, .likely = true, KIDS(action_kids)},
					 {"host", LEAF, .choice_case = 1, .values = names},
					 {"syn", LEAF, .choice_case = 2, .values = empty}};
static const struct model policy_kids[] = {{"name", LEAF, .values = names},
					   {"usage", LEAF, .values = usages},
					   {"rule", LIST, KIDS(rule_kids)}};
static const struct model tops[] = {{"policy", LIST, KIDS(policy_kids)},
				    {"groups", CONTAINER, KIDS(groups_kids)},
				    {"settings", CONTAINER, KIDS(settings_kids)}};
static const struct model root = {"", CONTAINER, KIDS(tops)};

struct rnode {
	const struct model *m;
	const char *value; // of a leaf or leaf-list; of a list its key
	enum schema_operation op;
	bool has_op, dead;
	int insert; // 0, or 1 + index into `inserts`
	const char *anchor;
	struct rnode *child[64];
	size_t children;
};
static const char *const inserts[] = {"first", "last", "before", "after"};
static const char *const ops[] = {"none", "merge", "replace", "create", "delete", "remove"};

// --- random ---

static uint64_t random_state;

static unsigned roll(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static const char *pick(const char *const *values)
{
	unsigned n = 0;
	while (values[n])
		n++;
	return values[roll(n)];
}

static struct rnode *rnode_new(struct arena *a, const struct model *m, const char *value)
{
	struct rnode *n = arena_new(a, struct rnode);
	n->m = m;
	n->value = value;
	return n;
}

static void adopt(struct rnode *parent, struct rnode *node)
{
	assert_true(parent->children < array_len(parent->child));
	parent->child[parent->children++] = node;
}

static struct rnode *find(const struct rnode *parent, const struct model *m, const char *value)
{
	for (size_t i = 0; i < parent->children; i++) {
		struct rnode *n = parent->child[i];
		bool many = m->kind == LIST || m->kind == LEAF_LIST;
		if (!n->dead && n->m == m && (!many || !strcmp(n->value, value)))
			return n;
	}
	return NULL;
}

static void decorate(struct rnode *n)
{
	static const enum schema_operation choices[] = {SCHEMA_OP_MERGE, SCHEMA_OP_REPLACE,
							SCHEMA_OP_CREATE, SCHEMA_OP_DELETE,
							SCHEMA_OP_REMOVE};
	if (roll(4) == 0) {
		n->has_op = true;
		n->op = choices[roll(array_len(choices))];
	}
	if (n->m->by_user && roll(3) == 0) {
		n->insert = 1 + (int)roll(4);
		n->anchor = pick(names);
	}
}

static void grow(struct arena *a, struct rnode *parent, bool edit)
{
	for (size_t i = 0; i < parent->m->children; i++) {
		const struct model *m = &parent->m->child[i];
		bool many = m->kind == LIST || m->kind == LEAF_LIST,
		     key = parent->m->kind == LIST && !i;
		for (unsigned k = key         ? 0
				  : many      ? roll(4)
				  : m->likely ? roll(8) > 0
					      : roll(2);
		     k; k--) {
			const char *value = m->kind == LIST ? pick(m->child[0].values)
					    : m->values     ? pick(m->values)
							    : NULL;
			if (find(parent, m, value))
				continue;
			// One case of the choice only, or the text itself would be wrong.
			bool clash = false;
			for (size_t c = 0; c < parent->children; c++)
				clash |= m->choice_case && parent->child[c]->m->choice_case &&
					 parent->child[c]->m->choice_case != m->choice_case;
			if (clash)
				continue;
			struct rnode *n = rnode_new(a, m, value);
			adopt(parent, n);
			if (edit)
				decorate(n);
			grow(a, n, edit);
		}
	}
}

// --- printing ---

static bool means_something(const struct rnode *n)
{
	if (n->m->kind != CONTAINER)
		return true;
	for (size_t i = 0; i < n->children; i++)
		if (!n->child[i]->dead && means_something(n->child[i]))
			return true;
	return false;
}

static void print_rnode(const struct rnode *n, bool edit, struct buf *out)
{
	bool is_top = false;
	for (size_t i = 0; i < array_len(tops); i++)
		is_top |= n->m == &tops[i];
	if (n->dead || (!edit && !means_something(n)))
		return;
	buf_printf(out, "<%s%s", n->m->name, is_top ? " " NET : "");
	if (is_top && edit)
		buf_adds(out, " xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
			      "xmlns:y=\"urn:ietf:params:xml:ns:yang:1\"");
	if (edit && n->has_op)
		buf_printf(out, " nc:operation=\"%s\"", ops[n->op]);
	if (edit && n->insert)
		buf_printf(out, " y:insert=\"%s\"", inserts[n->insert - 1]);
	if (edit && n->insert > 2 && n->m->kind == LIST)
		buf_printf(out, " y:key=\"[id='%s']\"", n->anchor);
	if (edit && n->insert > 2 && n->m->kind == LEAF_LIST)
		buf_printf(out, " y:value=\"%s\"", n->anchor);
	buf_addc(out, '>');
	size_t opened = out->len;
	if (n->m->kind == LEAF || n->m->kind == LEAF_LIST)
		buf_adds(out, n->value);
	if (n->m->kind == LIST)
		buf_printf(out, "<%s>%s</%s>", n->m->child[0].name, n->value, n->m->child[0].name);
	for (size_t i = 0; i < n->m->children; i++)
		for (size_t c = 0; c < n->children; c++)
			if (n->child[c]->m == &n->m->child[i])
				print_rnode(n->child[c], edit, out);
	if (!edit && out->len == opened) {
		out->data[out->len - 1] = '/';
		buf_addc(out, '>');
		return;
	}
	buf_printf(out, "</%s>", n->m->name);
}

static void print_tree(const struct rnode *tree, bool edit, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < array_len(tops); i++)
		for (size_t c = 0; c < tree->children; c++)
			if (tree->child[c]->m == &tops[i])
				print_rnode(tree->child[c], edit, out);
}

// --- the reference ---

static struct rnode *copy(struct arena *a, const struct rnode *n)
{
	struct rnode *c = arena_memdup(a, n, sizeof(*n));
	for (size_t i = 0; i < n->children; i++)
		c->child[i] = copy(a, n->child[i]);
	return c;
}

static size_t index_of(const struct rnode *parent, const struct rnode *n)
{
	size_t i = 0;
	while (parent->child[i] != n)
		i++;
	return i;
}

// Takes the node out and puts it back before or behind another of its kind, or at an end.
static bool move(struct rnode *parent, struct rnode *n, const struct rnode *edit)
{
	struct rnode *rest[64], *anchor = NULL;
	size_t len = 0, at;
	if (edit->insert > 2) {
		anchor = find(parent, n->m, edit->anchor);
		if (!anchor)
			return false;
		if (anchor == n)
			return true;
	}
	for (size_t i = 0; i < parent->children; i++)
		if (parent->child[i] != n)
			rest[len++] = parent->child[i];
	memcpy(parent->child, rest, len * sizeof(*rest));
	parent->children = len;
	at = edit->insert == 1   ? 0
	     : edit->insert == 2 ? len
				 : index_of(parent, anchor) + (edit->insert == 4);
	memmove(&parent->child[at + 1], &parent->child[at], (len - at) * sizeof(*rest));
	parent->child[at] = n;
	parent->children++;
	return true;
}

struct reference {
	struct arena *arena;
	bool failed;
};

static void ref_apply(struct reference *r, const struct rnode *e, struct rnode *parent,
		      enum schema_operation inherited);

static void ref_children(struct reference *r, const struct rnode *e, struct rnode *target,
			 enum schema_operation op)
{
	for (size_t i = 0; i < e->children; i++)
		ref_apply(r, e->child[i], target, op);
}

static struct rnode *ref_create(struct reference *r, const struct rnode *e, struct rnode *parent)
{
	struct rnode *n = find(parent, e->m, e->value);
	if (n)
		return n;
	n = rnode_new(r->arena, e->m, e->value);
	adopt(parent, n);
	return n;
}

static void drive_out(struct rnode *parent, const struct rnode *keep)
{
	for (size_t i = 0; i < parent->children; i++) {
		int other = parent->child[i]->m->choice_case;
		if (keep->m->choice_case && other && other != keep->m->choice_case)
			parent->child[i]->dead = true;
	}
}

// What was replaced has the order of the edit.
static void line_up(const struct rnode *e, struct rnode *n)
{
	for (size_t i = 0; i < e->children; i++) {
		struct rnode *child = find(n, e->child[i]->m, e->child[i]->value);
		if (child && move(n, child, &(struct rnode){.insert = 2}) && e->child[i]->insert)
			(void)move(n, child, e->child[i]);
	}
}

static void ref_touch(struct reference *r, const struct rnode *e, struct rnode *parent,
		      enum schema_operation op)
{
	struct rnode *n = ref_create(r, e, parent);
	if (e->m->kind == LEAF)
		n->value = e->value;
	for (size_t i = 0; op == SCHEMA_OP_REPLACE && i < n->children; i++)
		if (!find(e, n->child[i]->m, n->child[i]->value))
			n->child[i]->dead = true;
	ref_children(r, e, n, op);
	if (means_something(n))
		drive_out(parent, e);
	if (e->insert && !move(parent, n, e))
		r->failed = true;
	if (op == SCHEMA_OP_REPLACE)
		line_up(e, n);
}

static void ref_apply(struct reference *r, const struct rnode *e, struct rnode *parent,
		      enum schema_operation inherited)
{
	enum schema_operation op = e->has_op ? e->op : inherited;
	struct rnode *n = find(parent, e->m, e->value);
	bool given = n && means_something(n), container = e->m->kind == CONTAINER;
	switch (op) {
	case SCHEMA_OP_NONE:
		if (!given && !container)
			r->failed = true;
		else
			ref_children(r, e, given || e->children ? ref_create(r, e, parent) : NULL,
				     op);
		if (container && (n = find(parent, e->m, e->value)) && means_something(n))
			drive_out(parent, e);
		break;
	case SCHEMA_OP_CREATE:
		if (given && (e->has_op || !container))
			r->failed = true;
		else
			ref_touch(r, e, parent, op);
		break;
	case SCHEMA_OP_DELETE:
		r->failed |= !given;
		// fallthrough
	case SCHEMA_OP_REMOVE:
		if (given)
			n->dead = true;
		break;
	case SCHEMA_OP_MERGE:
	case SCHEMA_OP_REPLACE:
		ref_touch(r, e, parent, op);
		break;
	}
}

// --- the comparison ---

struct run {
	struct test *t;
	struct arena arena;
	struct rnode *tree; // what the reference holds
	struct schema_tree *real;
	struct buf text;
};

static bool edit_real(struct run *run, const char *text, enum schema_operation op)
{
	struct test *t = run->t;
	struct schema_tree *e = schema_tree_new(t->schema);
	struct schema_input input = {.data = text, .len = strlen(text)};
	test_forget(t);
	if (!schema_parse_edit(e, &input, &t->diags))
		test_has_diag(t, DIAG_CODES, text);
	if (roll(2))
		return schema_edit_take(run->real, e, op, NULL, &t->diags);
	bool good = schema_edit(run->real, e, op, &t->diags);
	schema_tree_free(e);
	return good;
}

// The same data, read anew and validated as a whole.
static bool validate_anew(struct run *run, char **defaults_out)
{
	struct test *t = run->t;
	struct schema_tree *tree = test_tree(t, test_print(t, run->real, 0));
	bool good = schema_validate(tree, &t->diags);
	*defaults_out = strdup(test_print(t, tree, SCHEMA_PRINT_DEFAULTS));
	schema_tree_free(tree);
	return good;
}

// True: the tree is valid and stays. False: it was taken back.
static bool validate_both(struct run *run, const char *edit, const char *before)
{
	struct test *t = run->t;
	char *expected;
	test_forget(t);
	bool full = validate_anew(run, &expected);
	size_t faults = t->diags.errors;
	test_forget(t);
	bool good = schema_validate(run->real, &t->diags);
	if (good != full ||
	    (good && strcmp(test_print(t, run->real, SCHEMA_PRINT_DEFAULTS), expected)))
		fail_msg("incremental %d, full %d (%zu faults) after %s\nwas  %s\nnow  %s\nfull %s",
			 good, full, faults, edit, before,
			 test_print(t, run->real, SCHEMA_PRINT_DEFAULTS), expected);
	free(expected);
	return good;
}

static void one_edit(struct run *run)
{
	static const enum schema_operation defaults[] = {SCHEMA_OP_MERGE, SCHEMA_OP_NONE,
							 SCHEMA_OP_REPLACE};
	struct test *t = run->t;
	struct rnode *edit = rnode_new(&run->arena, &root, NULL),
		     *after = copy(&run->arena, run->tree);
	struct reference r = {.arena = &run->arena};
	enum schema_operation op = defaults[roll(3)];
	grow(&run->arena, edit, true);
	print_tree(edit, true, &run->text);
	char *text = strdup(run->text.data),
	     *before = strdup(test_print(t, run->real, SCHEMA_PRINT_DEFAULTS));
	for (size_t i = 0; op == SCHEMA_OP_REPLACE && i < after->children; i++)
		after->child[i]->dead |= !find(edit, after->child[i]->m, after->child[i]->value);
	ref_children(&r, edit, after, op);
	if (op == SCHEMA_OP_REPLACE)
		line_up(edit, after);
	bool good = edit_real(run, text, op);
	if (good == r.failed)
		fail_msg("accepted %d, reference %d: %s (default %s)\n%s", good, !r.failed, text,
			 ops[op], before);
	if (good) {
		print_tree(after, false, &run->text);
		if (strcmp(run->text.data, test_print(t, run->real, 0)))
			fail_msg("after %s (default %s)\nwas  %s\nnow  %s\nwant %s", text, ops[op],
				 before, test_print(t, run->real, 0), run->text.data);
	}
	bool kept = good && validate_both(run, text, before);
	if (good && !kept)
		schema_go(run->real, 0);
	if (kept)
		run->tree = after;
	else if (strcmp(before, test_print(t, run->real, SCHEMA_PRINT_DEFAULTS)))
		fail_msg("%s left a trace\nwas %s\nis  %s", text, before,
			 test_print(t, run->real, SCHEMA_PRINT_DEFAULTS));
	free(text);
	free(before);
}

static void random_edits_do_what_the_reference_does(void **state)
{
	struct run run = {.t = *state};
	unsigned kept = 0;
	for (unsigned round = 0; round < 150; round++) {
		arena_init(&run.arena);
		buf_init(&run.text);
		run.tree = rnode_new(&run.arena, &root, NULL);
		run.real = test_valid(run.t, "");
		for (unsigned i = 0; i < 30; i++) {
			struct rnode *before = run.tree;
			one_edit(&run);
			kept += run.tree != before;
		}
		schema_tree_free(run.real);
		buf_fini(&run.text);
		arena_fini(&run.arena);
		// The arena of the diags grows with every fault.
		arena_fini(&run.t->arena);
		arena_init(&run.t->arena);
	}
	assert_true(kept > 300);
}

// --- positions ---

struct state {
	size_t position;
	bool valid;
	char *text;
};

struct history {
	struct run *run;
	struct state at[64]; // ascending
	size_t len, first;   // those before `first` are forgotten
	size_t now;
};

static char *whole(struct run *run)
{
	return strdup(test_print(run->t, run->real, SCHEMA_PRINT_DEFAULTS));
}

static void forget_states(struct history *h, size_t from)
{
	while (h->len > from)
		free(h->at[--h->len].text);
}

// The tree has come to a new state, which replaces those that lay ahead.
static void remember_state(struct history *h, bool valid)
{
	struct state state = {schema_changes(h->run->real), valid, whole(h->run)};
	forget_states(h, h->now + 1);
	// A validation that changed nothing: the state is known to be valid from now on.
	if (h->at[h->len - 1].position == state.position)
		free(h->at[--h->len].text);
	h->at[h->len] = state;
	h->now = h->len++;
}

static void go_somewhere(struct history *h)
{
	struct schema_tree *tree = h->run->real;
	h->now = h->first + roll((unsigned)(h->len - h->first));
	const struct state *state = &h->at[h->now];
	schema_go(tree, state->position);
	char *text = whole(h->run);
	if (strcmp(text, state->text))
		fail_msg("at position %zu\nwas %s\nis  %s", state->position, state->text, text);
	free(text);
	assert_int_equal(schema_changes(tree), state->position);
	if (roll(4) == 0) {
		size_t keep = h->first + roll((unsigned)(h->now - h->first) + 1);
		schema_keep(tree, h->at[keep].position);
		h->first = keep;
	}
}

// An edit as in the other test, or none.
static void edit_somehow(struct history *h)
{
	static const enum schema_operation defaults[] = {SCHEMA_OP_MERGE, SCHEMA_OP_NONE,
							 SCHEMA_OP_REPLACE};
	struct run *run = h->run;
	struct rnode *edit = rnode_new(&run->arena, &root, NULL);
	grow(&run->arena, edit, true);
	print_tree(edit, true, &run->text);
	size_t before = schema_changes(run->real);
	if (!edit_real(run, run->text.data, defaults[roll(3)])) {
		assert_int_equal(schema_changes(run->real), before);
		forget_states(h, h->now + 1);
		return;
	}
	char *expected;
	bool full = validate_anew(run, &expected);
	test_forget(run->t);
	bool good = schema_validate(run->real, &run->t->diags);
	assert_int_equal(good, full);
	if (good) {
		assert_string_equal(test_print(run->t, run->real, SCHEMA_PRINT_DEFAULTS), expected);
		remember_state(h, true);
	} else {
		forget_states(h, h->now + 1);
		schema_go(run->real, h->at[h->now].position);
	}
	free(expected);
	test_forget(run->t);
}

static void one_tree_is_many_states(void **state)
{
	struct run run = {.t = *state};
	size_t most = 0;
	for (unsigned round = 0; round < 60; round++) {
		struct history h = {.run = &run, .len = 1};
		arena_init(&run.arena);
		buf_init(&run.text);
		run.real = test_valid(run.t, "");
		schema_keep(run.real, schema_changes(run.real));
		h.at[0] = (struct state){schema_changes(run.real), true, whole(&run)};
		for (unsigned i = 0; i < 60; i++) {
			edit_somehow(&h);
			go_somewhere(&h);
			most = h.len > most ? h.len : most;
		}
		forget_states(&h, 0);
		schema_tree_free(run.real);
		buf_fini(&run.text);
		arena_fini(&run.arena);
		arena_fini(&run.t->arena);
		arena_init(&run.t->arena);
	}
	assert_true(most > 4);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_edits_do_what_the_reference_does, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(one_tree_is_many_states, test_setup, test_teardown),
	};
	random_state = argc > 1 ? strtoull(argv[1], NULL, 0) : 20260727;
	print_message("seed %llu\n", (unsigned long long)random_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
