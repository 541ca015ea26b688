// SPDX-License-Identifier: Apache-2.0
// Data nodes: places, values, long lists against a naive array, marks of containers that hold only defaults, paths.
#include "schema/node.h"
#include "schema/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = 20261121;

static unsigned roll(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static const struct model_node *child_model(const struct model_node *parent, const char *name)
{
	for (uint32_t i = 0; i < parent->children; i++)
		if (!strcmp(parent->child[i]->name, name))
			return parent->child[i];
	fail_msg("no %s", name);
	return NULL;
}

static struct schema_node *new_leaf(struct test *t, const struct model_node *parent,
				    const char *name, const char *value)
{
	struct schema_node *leaf = node_new(t->schema, child_model(parent, name));
	node_set_value(leaf, intern_add(&t->schema->values, value, strlen(value)), FORM_STRING);
	return leaf;
}

static struct schema_node *new_entry(struct test *t, const struct model_node *model,
				     const char *key)
{
	struct schema_node *entry = node_new(t->schema, model);
	node_add(entry, new_leaf(t, model, model->child[0]->name, key));
	return entry;
}

static const char *path_of(struct test *t, const struct schema_node *node)
{
	buf_clear(&t->buf);
	node_path(node, &t->buf);
	return t->buf.data;
}

static void children_stand_in_the_order_of_the_model(void **state)
{
	struct test *t = *state;
	size_t before = t->schema->values.len;
	struct schema_node *root = node_new(t->schema, t->schema->root);
	const struct model_node *settings = child_model(t->schema->root, "settings"),
				*policy = child_model(t->schema->root, "policy");
	struct schema_node *s = node_new(t->schema, settings), *p = new_entry(t, policy, "it's");
	node_add(root, s);
	node_add(root, p);
	assert_ptr_equal(node_child(root), p);
	assert_ptr_equal(node_root(node_child(p)), root);
	node_add(s, new_leaf(t, settings, "where", "/x"));
	node_add(s, new_leaf(t, settings, "mode", "fast"));
	node_add(s, new_leaf(t, settings, "server", "b"));
	node_add(s, new_leaf(t, settings, "server", "a"));
	node_add_before(s, new_leaf(t, settings, "server", "c"),
			node_find(s, child_model(settings, "server")));
	static const char *const order[] = {"fast", "c", "b", "a", "/x"};
	size_t i = 0;
	node_for_each_child(it, s) assert_string_equal(it->value, order[i++]);
	assert_int_equal(i, 5);
	assert_string_equal(path_of(t, node_child(p)), "/test-net:policy[name=\"it's\"]/name");
	assert_string_equal(path_of(t, node_last(s)->prev), "/test-net:settings/server[.='a']");
	node_free(root);
	assert_int_equal(t->schema->values.len, before);
}

static void containers_with_defaults_only_are_defaults(void **state)
{
	struct test *t = *state;
	const struct model_node *settings = child_model(t->schema->root, "settings");
	struct schema_node *root = node_new(t->schema, t->schema->root),
			   *s = node_new(t->schema, settings),
			   *mode = new_leaf(t, settings, "mode", "safe"),
			   *big = new_leaf(t, settings, "big", "1");
	node_add(root, s);
	mode->is_default = 1;
	node_add(s, mode);
	assert_true(s->is_default);
	node_add(s, big);
	assert_false(s->is_default);
	node_delete(big);
	assert_true(s->is_default);
	node_free(root);
}

// --- long lists ---

struct list {
	struct test *t;
	struct schema_node *parent;
	const struct model_node *model, *other;
	struct schema_node *at[400];
	size_t len;
	unsigned names;
};

static void add_one(struct list *l)
{
	char name[16];
	size_t place = roll(3) ? l->len : roll((unsigned)l->len + 1);
	snprintf(name, sizeof(name), "n%u", l->names++);
	struct schema_node *node = new_entry(l->t, l->model, name);
	if (place < l->len)
		node_add_before(l->parent, node, l->at[place]);
	else
		node_add(l->parent, node);
	memmove(&l->at[place + 1], &l->at[place], (l->len - place) * sizeof(node));
	l->at[place] = node;
	l->len++;
}

static void remove_one(struct list *l)
{
	size_t place = roll((unsigned)l->len);
	node_delete(l->at[place]);
	memmove(&l->at[place], &l->at[place + 1], (--l->len - place) * sizeof(*l->at));
}

static void check(const struct list *l)
{
	size_t i = 0;
	struct schema_node *before = NULL;
	node_for_each_of(it, l->parent, l->model)
	{
		assert_ptr_equal(it, l->at[i++]);
		assert_ptr_equal(node_find_same(l->parent, it), it);
		if (before)
			assert_ptr_equal(it->prev, before);
		before = it;
	}
	assert_int_equal(i, l->len);
	assert_int_equal(node_count(l->parent, l->model), l->len);
	const char *gone = intern_find(&l->t->schema->values, "n0", 2);
	bool is_there = l->len && node_child(l->at[0])->value == gone;
	for (i = 0; i < l->len; i++)
		is_there |= node_child(l->at[i])->value == gone;
	assert_int_equal(node_find_entry(l->parent, l->model, &gone) != NULL, is_there);
	assert_ptr_equal(node_last(l->parent), node_find(l->parent, l->other));
}

static void entries_of_long_lists_are_found(void **state)
{
	struct test *t = *state;
	const struct model_node *groups = child_model(t->schema->root, "groups");
	for (unsigned round = 0; round < 20; round++) {
		struct list l = {.t = t,
				 .parent = node_new(t->schema, groups),
				 .model = child_model(groups, "user"),
				 .other = child_model(groups, "device")};
		node_add(l.parent, new_entry(t, l.other, "d"));
		for (unsigned i = 0; i < 600; i++) {
			if (l.len && (roll(3) == 0 || l.len == array_len(l.at)))
				remove_one(&l);
			else
				add_one(&l);
			if (i % 16 == 0)
				check(&l);
		}
		assert_true(l.parent->indexed);
		while (l.len)
			remove_one(&l);
		check(&l);
		node_free(l.parent);
	}
}

static void copies_are_equal(void **state)
{
	struct test *t = *state;
	const struct model_node *groups = child_model(t->schema->root, "groups");
	size_t before = t->schema->values.len;
	struct schema_node *g = node_new(t->schema, groups);
	for (unsigned i = 0; i < 100; i++) {
		char name[16];
		snprintf(name, sizeof(name), "u%u", i);
		node_add(g, new_entry(t, child_model(groups, "user"), name));
	}
	struct schema_node *whole = node_copy(g, true), *shell = node_copy(g, false),
			   *key = node_copy(node_last(g), false);
	assert_null(node_child(shell));
	assert_ptr_equal(node_child(key)->value, node_child(node_last(g))->value);
	for (struct schema_node *a = node_child(g), *b = node_child(whole); a || b;
	     a = a->next, b = b->next) {
		assert_ptr_equal(node_find_same(whole, a), b);
		assert_ptr_not_equal(a, b);
	}
	node_free(g);
	node_free(shell);
	node_free(key);
	node_free(whole);
	assert_int_equal(t->schema->values.len, before);
}

static void paths_name_nodes(void **state)
{
	static const struct {
		const char *path, *value; // value NULL: there is no such node
	} cases[] = {
		{"/test-net:policy[name='p']/rule[name='r']/port[high='016'][low='5']/high", "16"},
		{"/test-net:policy/rule/name", "r"},
		{"/test-net:policy[tn:name = \"p\"]/test-net:name", "p"},
		{"/test-net:settings/server[.='b']", "b"},
		{"/test-net:state/seen[. = '7']", "7"},
		{"/test-net:state/seen[2]", "7"},
		{"/test-net:state/event[2]/text", "y"},
		{"/test-net:state/event[3]/text", NULL},
		{"/test-net:state/seen[.='300']", NULL},
		{"/test-net:policy[name='q']/name", NULL},
		{"/test-net:policy[name='p'][name='p']/name", NULL},
		{"/test-net:policy[name='p'/name", NULL},
		{"/test-net:policy[name=p]/name", NULL},
		{"/test-net:policy[label='p']/name", NULL},
		{"/policy/name", NULL},
		{"/nowhere:policy/name", NULL},
		{"/test-net:settings/server[.='b']/x", NULL},
		{"/", NULL},
		{"", NULL},
	};
	struct test *t = *state;
	struct schema_tree *tree = test_tree(
		t, "<policy " NET "><name>p</name><rule><name>r</name><port><low>5</low><high>16"
		   "</high></port></rule></policy><settings " NET "><server>a</server><server>b"
		   "</server></settings><state " NET "><event><text>x</text></event><event><text>y"
		   "</text></event><seen>7</seen><seen>7</seen></state>");
	for (size_t i = 0; i < array_len(cases); i++) {
		const struct schema_node *node = schema_find(tree, cases[i].path);
		if (!node != !cases[i].value ||
		    (node && strcmp(schema_value(node), cases[i].value)))
			fail_msg("%s in %s", cases[i].path, test_print(t, tree, 0));
	}
	schema_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(children_stand_in_the_order_of_the_model,
						test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(containers_with_defaults_only_are_defaults,
						test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(entries_of_long_lists_are_found, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(copies_are_equal, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(paths_name_nodes, test_setup, test_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
