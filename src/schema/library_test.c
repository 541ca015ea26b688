// SPDX-License-Identifier: Apache-2.0
// What a server says of its modules: the library in both forms, and texts from which the same modules are compiled again.
#include "schema/library.h"
#include "schema/test.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test *t;

static int setup(void **state)
{
	static const char *const modules[] = {"ietf-yang-library", "test-library", NULL};
	test_setup(state);
	t = *state;
	schema_free(t->schema);
	t->schema = schema_open(SCHEMA_LIBRARY, modules, &t->diags);
	assert_non_null(t->schema);
	return 0;
}

static void has(const char *part)
{
	if (!strstr(t->buf.data, part))
		fail_msg("no %s in %s", part, t->buf.data);
}

static void assert_valid_data(void)
{
	schema_tree_free(test_valid(t, t->buf.data));
}

// Shows: RFC 8525 3 yang-library: module sets, import-only modules, features, datastores, content-id
static void library(void **state)
{
	static const char *const datastores[] = {"running", "operational", NULL};
	char id[17];
	(void)state;
	schema_content_id(t->schema, id);
	schema_library_print(t->schema, datastores, NULL, &t->buf);
	has("<module><name>test-library</name><revision>2024-02-02</revision>"
	    "<namespace>urn:test:library</namespace><submodule><name>test-library-part</name>"
	    "<revision>2024-02-01</revision></submodule><feature>spare</feature></module>");
	has("<import-only-module><name>test-lent</name><revision>2023-01-01</revision>");
	has("<import-only-module><name>test-lent</name><revision>2024-01-01</revision>");
	has("ds:operational</name><schema>all</schema></datastore>");
	has(arena_printf(&t->arena, "<content-id>%s</content-id>", id));
	assert_valid_data();
}

// Shows: RFC 8525 3 modules-state for clients that know only RFC 7895
static void modules_state(void **state)
{
	(void)state;
	schema_modules_state_print(t->schema, NULL, &t->buf);
	has("<name>test-lent</name><revision>2024-01-01</revision><namespace>urn:test:lent"
	    "</namespace><conformance-type>import</conformance-type>");
	has("<feature>spare</feature><conformance-type>implement</conformance-type><submodule>");
	assert_valid_data();
}

static void count_texts(const struct schema_module_about *about, void *context)
{
	unsigned *modules = context;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	assert_int_equal(schema_module_text(t->schema, about->name, about->revision, &text), 1);
	assert_non_null(strstr(text.data, about->name));
	++*modules;
	if (!strcmp(about->name, "test-library-part"))
		assert_string_equal(about->revision, "2024-02-01");
}

static void texts(void **state)
{
	unsigned modules = 0;
	(void)state;
	schema_modules_about(t->schema, count_texts, &modules);
	assert_true(modules >= 7);
	assert_int_equal(schema_module_text(t->schema, "test-lent", NULL, &t->buf), 2);
	assert_int_equal(schema_module_text(t->schema, "test-lent", "2022-01-01", &t->buf), 0);
	assert_int_equal(schema_module_text(t->schema, "test", NULL, &t->buf), 0);
	assert_int_equal(t->buf.len, 0);
}

// Also what libyang has compiled for itself, when one of the set imports it.
// Shows: RFC 8525 3 what a module imports is listed, and its text is there
static void imports_are_listed(void **state)
{
	static const char *const modules[] = {"ietf-origin", NULL};
	(void)state;
	struct schema *schema = schema_open(NULL, modules, &t->diags);
	assert_non_null(schema);
	assert_int_equal(schema_module_text(schema, "ietf-yang-metadata", NULL, &t->buf), 1);
	assert_int_equal(schema_module_text(schema, "ietf-yang-schema-mount", NULL, &t->buf), 0);
	assert_int_equal(schema_module_text(t->schema, "ietf-yang-metadata", NULL, &t->buf), 0);
	schema_free(schema);
}

// The text is that of yang/, not that which libyang carries.
static void library_is_ours(void **state)
{
	(void)state;
	assert_int_equal(schema_module_text(t->schema, "ietf-yang-library", "2019-01-04", &t->buf),
			 1);
	has("Bulwark's.");
	buf_clear(&t->buf);
	assert_int_equal(schema_module_text(t->schema, "ietf-datastores", "2018-02-14", &t->buf),
			 1);
	has("Bulwark's.");
}

static void write_text(const char *dir, const char *name)
{
	const char *revision = strchr(name, '@');
	const char *module = arena_strndup(&t->arena, name, strcspn(name, "@"));
	const char *path = arena_printf(&t->arena, "%s/%s.yang", dir, name);
	buf_clear(&t->buf);
	assert_int_equal(
		schema_module_text(t->schema, module, revision ? revision + 1 : NULL, &t->buf), 1);
	struct file_put put = {.path = path, .data = t->buf.data, .len = t->buf.len, .mode = 0600};
	assert_int_equal(file_put(&put), 0);
}

static void texts_compile_to_the_same(void **state)
{
	static const char *const modules[] = {"ietf-yang-library", "test-library", NULL};
	static const char *const names[] = {"test-library",         "test-library-part",
					    "test-lent@2023-01-01", "test-lent@2024-01-01",
					    "ietf-yang-library",    "ietf-datastores"};
	char dir[] = "/tmp/schema-library-XXXXXX", first[17], second[17];
	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < array_len(names); i++)
		write_text(dir, names[i]);
	struct schema *again = schema_open(dir, modules, &t->diags);
	assert_non_null(again);
	schema_content_id(t->schema, first);
	schema_content_id(again, second);
	assert_string_equal(first, second);
	schema_free(again);
	for (size_t i = 0; i < array_len(names); i++)
		unlink(arena_printf(&t->arena, "%s/%s.yang", dir, names[i]));
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, test_teardown)
		T(library),         T(modules_state),
		T(texts),           T(imports_are_listed),
		T(library_is_ours), T(texts_compile_to_the_same)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
