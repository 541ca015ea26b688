// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share.
#include "access/test.h"

#include <stdlib.h>
#include <string.h>

int test_setup(void **state)
{
	static const char *const modules[] = {"ietf-netconf",     "nc-notifications",
					      "ietf-netconf-acm", "test-shop",
					      "test-more",        NULL};
	struct test *t = base_oom(calloc(1, sizeof(*t)));
	arena_init(&t->arena);
	diags_init(&t->diags, &t->arena);
	t->schema = schema_open(ACCESS_YANG, modules, &t->diags);
	if (!t->schema)
		fail_msg("%s", t->diags.list.at[0].text);
	*state = t;
	return 0;
}

int test_teardown(void **state)
{
	struct test *t = *state;
	access_user_unref(t->user);
	access_free(t->access);
	schema_free(t->schema);
	arena_fini(&t->arena);
	free(t);
	return 0;
}

void test_forget(struct test *t)
{
	diags_init(&t->diags, &t->arena);
}

static void must(struct test *t, bool good, const char *xml)
{
	if (!good)
		fail_msg("%s at %s in %s", t->diags.list.at[0].text, t->diags.list.at[0].path, xml);
}

struct schema_tree *test_tree(struct test *t, const char *xml)
{
	struct schema_tree *tree = schema_tree_new(t->schema);
	struct schema_input input = {.data = xml, .len = strlen(xml), .format = SCHEMA_XML};
	must(t, !*xml || schema_parse(tree, &input, &t->diags), xml);
	return tree;
}

struct schema_tree *test_valid(struct test *t, const char *xml)
{
	struct schema_tree *tree = test_tree(t, xml);
	must(t, schema_validate(tree, &t->diags), xml);
	return tree;
}

bool test_configure(struct test *t, const char *content)
{
	const char *xml =
		arena_printf(&t->arena,
			     "<nacm xmlns=\"" ACCESS_NAMESPACE "\" xmlns:n=\"" ACCESS_NAMESPACE
			     "\" xmlns:s=\"urn:test:shop\" xmlns:m=\"urn:test:more\">%s</nacm>",
			     content);
	struct schema_tree *tree = test_valid(t, xml);
	struct access *access = access_new(t->schema, tree, &t->counts, &t->diags);
	schema_tree_free(tree);
	if (!access)
		return false;
	access_free(t->access);
	t->access = access;
	return true;
}

void test_login(struct test *t, const char *name, const char *groups)
{
	const char *group[8];
	struct access_who who = {.name = name, .group = group};
	char *copy = arena_strdup(&t->arena, groups), *save = NULL;
	for (char *g = strtok_r(copy, " ", &save); g; g = strtok_r(NULL, " ", &save))
		group[who.groups++] = g;
	access_user_unref(t->user);
	t->user = access_user(t->access, &who);
}

static void print(struct access_look *look, const struct schema_node *node, struct buf *out)
{
	if (!access_may_read(look, node))
		return;
	buf_printf(out, "<%s>", schema_name(node));
	if (schema_value(node))
		buf_adds(out, schema_value(node));
	schema_for_each_child (n, node)
		print(look, n, out);
	buf_printf(out, "</%s>", schema_name(node));
}

const char *test_visible(struct test *t, const struct schema_tree *tree)
{
	struct access_look look = {.user = t->user};
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	for (const struct schema_node *n = schema_first(tree); n; n = schema_next(n))
		print(&look, n, &out);
	return arena_strdup(&t->arena, out.len ? out.data : "");
}
