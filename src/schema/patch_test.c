// SPDX-License-Identifier: Apache-2.0
// The envelope of YANG Patches, in both encodings: what is read, and what is refused.
#include "schema/patch.h"
#include "schema/test.h"

#include <stdio.h>
#include <string.h>

#define HEAD \
	"<yang-patch xmlns=\"urn:ietf:params:xml:ns:yang:ietf-yang-patch\"><patch-id>p</patch-id>"
#define TAIL "</yang-patch>"
#define JSON "{\"ietf-yang-patch:yang-patch\":{\"patch-id\":\"p\",\"edit\":["

static bool read_text(struct test *t, const char *text, struct schema_patch *out)
{
	struct schema_input input = {.data = text, .len = strlen(text)};
	test_forget(t);
	return schema_patch_read(t->schema, &input, &t->arena, &t->diags, out);
}

// Shows: RFC 8072 2.5 yang-patch in XML and JSON
static void reads_both_encodings(void **state)
{
	static const char *const texts[] = {
		HEAD
		"<comment>why &amp; what</comment>"
		"<edit><edit-id>1</edit-id><operation>insert</operation><target>/a=%2F</target>"
		"<point>/m:a=b</point><where>before</where><value><a "
		"xmlns=\"u\">x</a></value></edit>"
		"<edit><edit-id>2</edit-id><operation>remove</operation><target>/</target></"
		"edit>" TAIL,
		"{\"ietf-yang-patch:yang-patch\":{\"patch-id\":\"p\",\"comment\":\"why & what\","
		"\"edit\":[{\"edit-id\":\"1\",\"operation\":\"insert\",\"target\":\"/a=%2F\","
		"\"point\":\"/m:a=b\",\"where\":\"before\",\"value\":{\"m:a\":[\"x\"]}},"
		"{\"edit-id\":\"2\",\"operation\":\"remove\",\"target\":\"/\"}]}}"};
	static const char *const values[] = {"<a xmlns=\"u\">x</a>", "{\"m:a\":[\"x\"]}"};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(texts); i++) {
		struct schema_patch patch;
		if (!read_text(t, texts[i], &patch))
			test_has_diag(t, DIAG_CODES, "");
		assert_string_equal(patch.id, "p");
		assert_string_equal(patch.comment, "why & what");
		assert_int_equal(patch.edit.len, 2);
		const struct schema_patch_edit *e = patch.edit.at;
		assert_string_equal(e[0].id, "1");
		assert_int_equal(e[0].operation, SCHEMA_PATCH_INSERT);
		assert_string_equal(e[0].target, "/a=%2F");
		assert_string_equal(e[0].point, "/m:a=b");
		assert_int_equal(e[0].where, SCHEMA_BEFORE);
		assert_string_equal(e[0].value.data, values[i]);
		assert_int_equal(e[1].operation, SCHEMA_PATCH_REMOVE);
		assert_int_equal(e[1].where, SCHEMA_ANYWHERE);
		assert_null(e[1].value.data);
	}
}

static void places_default_to_last(void **state)
{
	struct test *t = *state;
	struct schema_patch patch;
	assert_true(read_text(
		t, JSON "{\"edit-id\":\"1\",\"operation\":\"move\",\"target\":\"/a\"}]}}", &patch));
	assert_int_equal(patch.edit.at[0].where, SCHEMA_LAST);
	assert_true(read_text(t, HEAD TAIL, &patch));
	assert_int_equal(patch.edit.len, 0);
}

#define EDIT(text) HEAD "<edit><edit-id>1</edit-id>" text "</edit>" TAIL
#define OP(name) "<operation>" name "</operation><target>/a</target>"

static void refuses_the_rest(void **state)
{
	static const struct {
		const char *text;
		enum diag_code code;
		const char *parts;
	} cases[] = {
		{"", DIAG_SYNTAX, ""},
		{"{}", DIAG_SYNTAX, "no YANG Patch"},
		{"{\"yang-patch\":{\"patch-id\":\"p\"}}", DIAG_SYNTAX, "no YANG Patch"},
		{"<yang-patch xmlns='urn:x'/>", DIAG_SYNTAX, "no YANG Patch"},
		{"<yang-patch xmlns='urn:ietf:params:xml:ns:yang:ietf-yang-patch'/>", DIAG_MISSING,
		 "patch-id"},
		{"{\"ietf-yang-patch:yang-patch\":{\"patch-id\":1}}", DIAG_VALUE, "text"},
		{"{\"ietf-yang-patch:yang-patch\":{\"patch-id\":\"p\",\"edit\":{}}}", DIAG_SYNTAX,
		 "array"},
		{"{\"ietf-yang-patch:yang-patch\":{\"patch-id\":\"p\",\"edit\":[1]}}", DIAG_SYNTAX,
		 "object"},
		{HEAD "<patch-id>q</patch-id>" TAIL, DIAG_DUPLICATE, "twice"},
		{HEAD "<edits/>" TAIL, DIAG_UNKNOWN_ELEMENT, "edits"},
		{HEAD "<comment xmlns='urn:x'>c</comment>" TAIL, DIAG_UNKNOWN_NAMESPACE, "comment"},
		{EDIT("<target>/a</target>"), DIAG_MISSING, "operation"},
		{EDIT("<operation>delete</operation>"), DIAG_MISSING, "target"},
		{EDIT(OP("change")), DIAG_VALUE, "change"},
		{EDIT(OP("create")), DIAG_MISSING, "value"},
		{EDIT(OP("delete") "<value/>"), DIAG_UNKNOWN_ELEMENT, "value"},
		{EDIT(OP("merge") "<value/><where>first</where>"), DIAG_UNKNOWN_ELEMENT, "where"},
		{EDIT(OP("move") "<where>there</where>"), DIAG_VALUE, "there"},
		{EDIT(OP("move") "<where>after</where>"), DIAG_MISSING, "point"},
		{EDIT(OP("move") "<point>/a</point>"), DIAG_UNKNOWN_ELEMENT, "point"},
		{HEAD "<edit><edit-id>1</edit-id>" OP(
			 "delete") "</edit><edit><edit-id>1</edit-id>" OP("delete") "</edit>" TAIL,
		 DIAG_DUPLICATE, "id of its own"},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct schema_patch patch;
		assert_false(read_text(t, cases[i].text, &patch));
		test_has_diag(t, cases[i].code, cases[i].parts);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
	const struct CMUnitTest tests[] = {
		TEST(reads_both_encodings),
		TEST(places_default_to_last),
		TEST(refuses_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
