// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share.
#include "schema/test.h"

#include <stdlib.h>
#include <string.h>

int test_setup(void **state)
{
	static const char *const modules[] = {"test-net", NULL};
	struct test *t = calloc(1, sizeof(*t));
	arena_init(&t->arena);
	diags_init(&t->diags, &t->arena);
	buf_init(&t->buf);
	t->schema = schema_open(SCHEMA_TESTDATA, modules, &t->diags);
	if (!t->schema)
		test_has_diag(t, DIAG_CODES, "");
	*state = t;
	return 0;
}

int test_teardown(void **state)
{
	struct test *t = *state;
	schema_free(t->schema);
	buf_fini(&t->buf);
	arena_fini(&t->arena);
	free(t);
	return 0;
}

void test_forget(struct test *t)
{
	diags_init(&t->diags, &t->arena);
}

bool test_parse(struct test *t, struct schema_tree *tree, const char *file, const char *text)
{
	struct schema_input input = {.file = file, .data = text, .len = strlen(text)};
	return schema_parse(tree, &input, &t->diags);
}

static void print_diags(struct test *t)
{
	buf_clear(&t->buf);
	for (size_t i = 0; i < t->diags.list.len; i++)
		diag_print(&t->diags.list.at[i], false, &t->buf);
	print_error("%s", t->buf.data);
}

struct schema_tree *test_tree(struct test *t, const char *text)
{
	struct schema_tree *tree = schema_tree_new(t->schema);
	if (!test_parse(t, tree, "test", text)) {
		print_diags(t);
		fail_msg("refused: %s", text);
	}
	return tree;
}

struct schema_tree *test_valid(struct test *t, const char *text)
{
	struct schema_tree *tree = test_tree(t, text);
	if (!schema_validate(tree, &t->diags)) {
		print_diags(t);
		fail_msg("not valid: %s", text);
	}
	return tree;
}

static bool has_parts(const char *text, const char *parts)
{
	while (*parts) {
		size_t len = strcspn(parts, "|");
		if (!memmem(text, strlen(text), parts, len))
			return false;
		parts += len + (parts[len] == '|');
	}
	return true;
}

void test_has_diag(struct test *t, enum diag_code code, const char *parts)
{
	for (size_t i = 0; i < t->diags.list.len; i++) {
		const struct diag *d = &t->diags.list.at[i];
		buf_clear(&t->buf);
		diag_print(d, false, &t->buf);
		if (d->code == code && has_parts(t->buf.data, parts)) {
			assert_non_null(d->hint);
			return;
		}
	}
	print_diags(t);
	fail_msg("no diag [%s] with %s", code < DIAG_CODES ? diag_code_name(code) : "", parts);
}

void test_refused(struct test *t, const char *text, enum diag_code code, const char *parts)
{
	struct schema_tree *tree = schema_tree_new(t->schema);
	test_forget(t);
	bool good = test_parse(t, tree, "test", text);
	if (!good)
		assert_null(schema_first(tree));
	good = good && schema_validate(tree, &t->diags);
	if (good)
		fail_msg("accepted: %s", text);
	test_has_diag(t, code, parts);
	schema_tree_free(tree);
	test_forget(t);
}

const char *test_print(struct test *t, const struct schema_tree *tree, unsigned flags)
{
	buf_clear(&t->buf);
	schema_print(tree, SCHEMA_XML, flags, &t->buf);
	return t->buf.data;
}
