// SPDX-License-Identifier: Apache-2.0
// The consumer-facing codec: the tables know every node of the model, what is written is what was
// read, values are read strictly, lines are remembered.
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "codec/cfi.h"
#include "codec/cfi_fields.h"
#include "schema/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MODULE "ietf-i2nsf-cons-facing-interface"
#define NAMESPACES                                          \
	" xmlns=\"urn:ietf:params:xml:ns:yang:" MODULE "\"" \
	" xmlns:i2nsfmi=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-monitoring-interface\""

struct bench {
	struct arena arena;
	struct diags diags;
	struct schema *schema;
	struct schema_tree *tree;
	struct intent intent;
};

static int start(void **state)
{
	static struct bench b;
	static const char *const modules[] = {MODULE, NULL};
	b = (struct bench){0};
	arena_init(&b.arena);
	diags_init(&b.diags, &b.arena);
	b.schema = schema_open(NULL, modules, &b.diags);
	*state = &b;
	return b.schema ? 0 : -1;
}

static int stop(void **state)
{
	struct bench *b = *state;
	schema_free(b->schema);
	arena_fini(&b->arena);
	return 0;
}

static int fresh(void **state)
{
	struct bench *b = *state;
	b->intent = (struct intent){0};
	b->tree = schema_tree_new(b->schema);
	diags_init(&b->diags, &b->arena);
	return 0;
}

static int discard(void **state)
{
	struct bench *b = *state;
	schema_tree_free(b->tree);
	return 0;
}

static bool add(struct bench *b, const char *file, const char *text)
{
	struct schema_input input = {.file = file, .data = text, .len = strlen(text)};
	return schema_parse(b->tree, &input, &b->diags);
}

static bool finish(struct bench *b)
{
	return schema_validate(b->tree, &b->diags) &&
	       codec_cfi_read(b->tree, &b->arena, &b->diags, &b->intent);
}

static bool parse(struct bench *b, const char *text)
{
	return add(b, "t.xml", text) && finish(b);
}

static void fail_with_diags(const struct bench *b)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	for (size_t i = 0; i < b->diags.list.len; i++)
		diag_print(&b->diags.list.at[i], false, &text);
	fail_msg("%s", text.data);
}

// --- every node ---

// Together they have every node.
static const char *const documents[] = {
	SOURCE_ROOT "/tests/yang/valid/cfi-all.xml",
	SOURCE_ROOT "/tests/policies/groups.xml",
	SOURCE_ROOT "/tests/policies/seasons.xml",
	SOURCE_ROOT "/tests/policies/office-hours.xml",
};

static void print_tree(const struct bench *b, struct buf *out)
{
	buf_clear(out);
	schema_print(b->tree, SCHEMA_XML, SCHEMA_PRINT_INDENT | SCHEMA_PRINT_DEFAULTS, out);
}

static void expect_in_text(const struct cfi_field *fields, const char *text)
{
	for (const struct cfi_field *field = fields; field->name; field++) {
		char tag[80];
		snprintf(tag, sizeof(tag), "</%s>", field->name);
		if (!strstr(text, tag))
			fail_msg("no %s in the documents", field->name);
		if (field->fields)
			expect_in_text(field->fields, text);
	}
}

// Both trees are printed by the schema, which shares nothing with this codec.
static void what_is_written_is_what_was_read(void **state)
{
	struct bench *b = *state;
	struct buf text cleanup(buf_fini), before cleanup(buf_fini), after cleanup(buf_fini);
	buf_init(&text);
	buf_init(&before);
	buf_init(&after);
	for (size_t i = 0; i < array_len(documents); i++) {
		buf_clear(&text);
		assert_int_equal(file_read(documents[i], 1 << 20, &text), 0);
		if (!add(b, documents[i], text.data))
			fail_with_diags(b);
	}
	if (!finish(b))
		fail_with_diags(b);
	print_tree(b, &before);
	buf_clear(&text);
	codec_cfi_write(&b->intent, &text);
	expect_in_text(cfi_roots, text.data);
	schema_tree_free(b->tree);
	b->tree = schema_tree_new(b->schema);
	if (!parse(b, text.data))
		fail_with_diags(b);
	print_tree(b, &after);
	assert_string_equal(after.data, before.data);
}

// Steps of the path that are choices and cases have no field.
static const struct cfi_field *find(char *path)
{
	const struct cfi_field *fields = cfi_roots, *found = NULL;
	for (char *step = strsep(&path, "/"); step; step = strsep(&path, "/")) {
		const struct cfi_field *field = fields;
		while (field && field->name && strcmp(field->name, step))
			field++;
		if (!field || !field->name)
			continue;
		found = field;
		fields = field->fields;
	}
	return found;
}

static bool kind_fits(const struct cfi_field *field, const char *kind)
{
	static const char *const kinds[] = {[CFI_CONTAINER] = "container",
					    [CFI_LIST] = "list",
					    [CFI_LEAF] = "leaf",
					    [CFI_LEAF_LIST] = "leaf-list"};
	return field && !strcmp(kinds[field->kind], kind);
}

// Against the list of the model's nodes, where that is beside the source tree.
static void the_tables_have_every_node(void **state)
{
	(void)state;
	char line[8192], path[1024], kind[32];
	unsigned nodes = 0;
	FILE *list = fopen(FACTS, "re");
	if (!list)
		skip();
	while (fgets(line, sizeof(line), list)) {
		if (sscanf(line, "/" MODULE ":%1023s %31s", path, kind) != 2 ||
		    !strcmp(kind, "choice") || !strcmp(kind, "case"))
			continue;
		const char *last = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
		char *name = strdup(last);
		const struct cfi_field *field = find(path);
		if (!kind_fits(field, kind) || strcmp(field->name, name))
			fail_msg("the tables have no %s %s", kind, name);
		free(name);
		nodes++;
	}
	(void)fclose(list);
	assert_true(nodes > 100);
}

// --- values ---

static bool reads(struct bench *b, const struct cfi_value *value, const char *text, void *out)
{
	struct cfi_field field = {.value = value};
	struct cfi_text in = {text, &field, &b->arena};
	return value->read(&in, out);
}

static void hundredths_are_exact(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {{"0.0", 0},
		    {"12.5", 1250},
		    {"12.05", 1205},
		    {"-0.01", -1},
		    {"-7", -700},
		    {"92233720368547758.07", INT64_MAX},
		    {"-92233720368547758.08", INT64_MIN}};
	static const char *const bad[] = {
		"",     ".5",  "1.234",
		"x",    "1e3", "92233720368547758.08",
		"1.-5", "+1",  "999999999999999999999999999999999999999.0"};
	struct bench *b = *state;
	struct buf text cleanup(buf_fini);
	struct cfi_field field = {.value = &cfi_hundredths};
	buf_init(&text);
	for (size_t i = 0; i < array_len(good); i++) {
		struct intent_integer value = {0}, again = {0};
		assert_true(reads(b, &cfi_hundredths, good[i].text, &value));
		assert_int_equal(value.value, good[i].value);
		buf_clear(&text);
		assert_true(cfi_hundredths.write(&value, &field, &text));
		assert_true(reads(b, &cfi_hundredths, text.data, &again));
		assert_int_equal(again.value, good[i].value);
	}
	for (size_t i = 0; i < array_len(bad); i++) {
		struct intent_integer value = {0};
		assert_false(reads(b, &cfi_hundredths, bad[i], &value));
	}
}

static void bad_values_are_refused(void **state)
{
	static const struct {
		const struct cfi_value *value;
		const char *text;
	} cases[] = {
		{&cfi_u8, "256"},
		{&cfi_u16, "65536"},
		{&cfi_u32, "4294967296"},
		{&cfi_u16, "-1"},
		{&cfi_u16, ""},
		{&cfi_u16, "1 "},
		{&cfi_number, "18446744073709551616"},
		{&cfi_integer, "9223372036854775808"},
		{&cfi_integer, "- 1"},
		{&cfi_mac, "02:00:00:00:00"},
		{&cfi_mac, "02-00-00-00-00-01"},
		{&cfi_mac, "02:00:00:00:00:0g"},
		{&cfi_mac, "02:00:00:00:00:011"},
		{&cfi_address4, "2001:db8::1"},
		{&cfi_address6, "192.0.2.1"},
		{&cfi_address6, "fe80::1%eth0"},
		{&cfi_prefix4, "192.0.2.0"},
		{&cfi_prefix4, "192.0.2.0/33"},
		{&cfi_prefix4, "192.0.2.0/"},
		{&cfi_prefix4, "/24"},
		{&cfi_prefix6, "2001:db8::/129"},
		{&cfi_prefix6, "0000000000000000000000000000000000000000000000000000::/1"},
	};
	struct bench *b = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		union {
			u128 address;
			struct intent_prefix prefix;
			struct intent_number number;
			struct intent_integer integer;
		} out = {0};
		if (reads(b, cases[i].value, cases[i].text, &out))
			fail_msg("\"%s\" was read", cases[i].text);
	}
}

// --- places ---

static const char placed[] = "<endpoint-groups" NAMESPACES ">\n"
			     "<user-group><name>a</name>\n"
			     "<range-ipv4-address>\n"
			     "<start>192.0.2.1</start><end>192.0.2.2</end></range-ipv4-address>\n"
			     "</user-group></endpoint-groups>\n"
			     "<i2nsf-cfi-policy" NAMESPACES "><name>p</name>\n"
			     "<rules><name>r</name><condition><firewall>\n"
			     "<source>a</source>\n"
			     "<icmp><message>echo</message></icmp></firewall></condition>\n"
			     "<action><primary-action>\n"
			     "<action>rate-limit</action>\n"
			     "<limit>5.0</limit>\n"
			     "</primary-action></action></rules></i2nsf-cfi-policy>\n";

static void lines_are_remembered(void **state)
{
	struct bench *b = *state;
	if (!parse(b, placed))
		fail_with_diags(b);
	const struct intent_group *group = &b->intent.user_group.at[0];
	assert_int_equal(group->place.line, 2);
	assert_string_equal(group->place.file, "t.xml");
	assert_int_equal(group->addresses.range4.at[0].place.line, 3);
	const struct intent_rule *rule = &b->intent.policy.at[0].rule.at[0];
	assert_int_equal(rule->place.line, 7);
#define LINE(member) intent_rule_line(rule, offsetof(struct intent_rule, member))
	assert_int_equal(LINE(condition.firewall.source), 8);
	assert_int_equal(LINE(condition.firewall.icmp), 9);
	assert_int_equal(LINE(limit), 12);
	assert_int_equal(LINE(priority), 7);
#undef LINE
}

static void defaults_and_absent_leaves(void **state)
{
	struct bench *b = *state;
	if (!parse(b, placed))
		fail_with_diags(b);
	const struct intent_policy *policy = &b->intent.policy.at[0];
	assert_int_equal(policy->usage, INTENT_BY_ORDER);
	assert_int_equal(policy->resolution, INTENT_FMR);
	assert_false(policy->rule.at[0].priority.given);
	assert_int_equal(policy->rule.at[0].log, INTENT_NO_TERM);
	assert_null(policy->rule.at[0].condition.url_group);
	assert_int_equal(policy->rule.at[0].limit.value, 500);
}

static void names_are_escaped(void **state)
{
	static const char name[] = "a<b>&\"c' \xc3\xa9";
	struct bench *b = *state;
	struct intent intent = {0};
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	vec_push(&b->arena, &intent.url_group, (struct intent_list){.name = name});
	codec_cfi_write(&intent, &xml);
	if (!parse(b, xml.data))
		fail_with_diags(b);
	assert_string_equal(b->intent.url_group.at[0].name, name);
}

static void an_empty_intent_writes_nothing(void **state)
{
	(void)state;
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	codec_cfi_write(&(struct intent){0}, &xml);
	assert_int_equal(xml.len, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fresh, discard)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_what_was_read),
		TEST(the_tables_have_every_node),
		TEST(hundredths_are_exact),
		TEST(bad_values_are_refused),
		TEST(lines_are_remembered),
		TEST(defaults_and_absent_leaves),
		TEST(names_are_escaped),
		TEST(an_empty_intent_writes_nothing),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
