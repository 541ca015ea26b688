// SPDX-License-Identifier: Apache-2.0
// The way in: several files and formats as one document, and policies of all kinds to the NSF-facing model and back in.
#include "engine/load.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "codec/nfi.h"
#include "schema/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1773219600 // 2026-03-11T09:00:00Z
#define CFI "urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface"

struct bench {
	struct arena arena;
	struct diags diags;
	struct translate_options options;
	struct engine_load load;
};

static int start(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	arena_init(&b->arena);
	diags_init(&b->diags, &b->arena);
	b->options = translate_options_default(NOW);
	b->load = (struct engine_load){.schema = engine_load_schema(&b->diags),
				       .translate = &b->options,
				       .arena = &b->arena,
				       .diags = &b->diags};
	*state = b;
	return b->load.schema ? 0 : -1;
}

static int stop(void **state)
{
	struct bench *b = *state;
	schema_free(b->load.schema);
	arena_fini(&b->arena);
	free(b);
	return 0;
}

static struct schema_input input(const char *file, const char *text)
{
	return (struct schema_input){.file = file, .data = text, .len = strlen(text)};
}

static const char groups[] =
	"<endpoint-groups xmlns=\"" CFI "\"><user-group><name>g</name>"
	"<ipv6-prefix>2001:db8::/48</ipv6-prefix></user-group></endpoint-groups>";
static const char policy[] = "{\"ietf-i2nsf-cons-facing-interface:i2nsf-cfi-policy\":[{\"name\":"
			     "\"c\",\"rules\":[{\"name\":\"r\","
			     "\"condition\":{\"firewall\":{\"source\":[\"g\"]}},"
			     "\"action\":{\"primary-action\":{\"action\":\"drop\"}}}]}]}";
static const char nsf_facing[] = "<i2nsf-security-policy xmlns=\"" CODEC_NFI_NAMESPACE
				 "\"><name>n</name><rules><name>s</name></rules>"
				 "</i2nsf-security-policy>";

static const char list[] =
	"{\"ietf-access-control-list:acls\":{\"acl\":[{\"name\":\"l\",\"aces\":{\"ace\":[{\"name\":"
	"\"e\",\"matches\":{\"ingress-interface\":\"eth0\"},\"actions\":{\"forwarding\":\"drop\"}}]"
	"}}]}}";

static void files_are_one_document(void **state)
{
	struct bench *b = *state;
	struct ir_document document;
	struct schema_input inputs[] = {input("l.json", list), input("n.xml", nsf_facing),
					input("c.json", policy), input("g.xml", groups)};
	assert_true(engine_load(&b->load, inputs, array_len(inputs), &document));
	assert_int_equal(document.policy.len, 3);
	assert_string_equal(document.policy.at[0].name, "c"); // the customer's come first
	assert_string_equal(document.policy.at[1].name, "n");
	assert_string_equal(document.policy.at[2].name, "l");
	assert_string_equal(document.policy.at[0].rule.at[0].file, "c.json");
	assert_string_equal(document.policy.at[2].rule.at[0].file, "l.json");
}

static void nothing_is_a_document_too(void **state)
{
	struct bench *b = *state;
	struct ir_document document;
	assert_true(engine_load(&b->load, NULL, 0, &document));
	assert_int_equal(document.policy.len, 0);
}

static void faults_of_all_files_are_told(void **state)
{
	struct bench *b = *state;
	struct ir_document document;
	struct schema_input inputs[] = {input("a.xml", "<a"), input("b.json", "{"),
					input("g.xml", groups)};
	assert_false(engine_load(&b->load, inputs, array_len(inputs), &document));
	assert_int_equal(b->diags.errors, 2);
	assert_string_equal(b->diags.list.at[0].file, "a.xml");
	assert_string_equal(b->diags.list.at[1].file, "b.json");
}

static void a_missing_file_leaves_names_that_refer_to_nothing(void **state)
{
	struct bench *b = *state;
	struct ir_document document;
	struct schema_input inputs[] = {input("c.json", policy)};
	assert_false(engine_load(&b->load, inputs, 1, &document));
	assert_int_equal(b->diags.list.at[0].code, DIAG_REFERENCE);
}

// --- policies of all kinds, through the NSF-facing model ---

static int is_document(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return dot && (!strcmp(dot, ".xml") || !strcmp(dot, ".json"));
}

// All documents of a folder. Shared groups stand in groups.xml or datastore.xml.
static size_t read_folder(struct bench *b, const char *folder, struct schema_input **out)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_document, alphasort);
	*out = arena_array(&b->arena, struct schema_input, n < 0 ? 0 : (size_t)n);
	for (int i = 0; i < n; i++) {
		struct buf file;
		buf_init(&file);
		char *path = arena_printf(&b->arena, "%s/%s", folder, entries[i]->d_name);
		assert_int_equal(file_read(path, 1u << 20, &file), 0);
		(*out)[i] = (struct schema_input){
			path, arena_memdup(&b->arena, file.data, file.len), file.len, SCHEMA_AUTO};
		buf_fini(&file);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return n < 0 ? 0 : (size_t)n;
}

static const char *meaning(struct bench *b, const struct ir_rule *rule)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	buf_printf(&text, "%s %s/%s: ", rule->flow ? "flow" : "packet", rule->policy, rule->name);
	ir_rule_print(rule, &text);
	return arena_strdup(&b->arena, text.data);
}

static void assert_same_rules(struct bench *b, const struct ir_ruleset *before,
			      const struct ir_ruleset *after)
{
	assert_int_equal(after->rule.len, before->rule.len);
	for (size_t i = 0; i < before->rule.len; i++) {
		struct buf was cleanup(buf_fini), is cleanup(buf_fini);
		buf_init(&was);
		buf_init(&is);
		ir_rule_meaning(&before->rule.at[i], &was);
		ir_rule_meaning(&after->rule.at[i], &is);
		if (is.len != was.len || memcmp(is.data, was.data, was.len) != 0)
			fail_msg("%s\ncame back as\n%s", meaning(b, &before->rule.at[i]),
				 meaning(b, &after->rule.at[i]));
	}
}

// The rules of a policy that the NSF-facing model can say, written and read, are the same rules.
static size_t round_trip(struct bench *b, const struct schema_input *inputs, size_t n)
{
	struct ir_document document, read;
	struct ir_ruleset all, before = {.default_action = IR_DROP}, after;
	struct buf text cleanup(buf_fini);
	struct diags ignored;
	diags_init(&b->diags, &b->arena);
	if (!engine_load(&b->load, inputs, n, &document))
		return 0;
	ir_document_order(&document, &b->arena, &b->diags, &all);
	diags_init(&ignored, &b->arena);
	for (size_t i = 0; i < all.rule.len; i++)
		if (all.rule.at[i].clauses && codec_nfi_can(&all.rule.at[i], &ignored))
			vec_push(&b->arena, &before.rule, all.rule.at[i]);
	buf_init(&text);
	assert_true(codec_nfi_write(&before, &b->diags, &text));
	struct schema_input written = input("written.xml", text.data);
	assert_true(engine_load(&b->load, &written, 1, &read));
	ir_document_order(&read, &b->arena, &b->diags, &after);
	assert_same_rules(b, &before, &after);
	return before.rule.len;
}

static size_t round_trips(struct bench *b, const char *folder, const char *shared)
{
	struct schema_input *all;
	size_t n = read_folder(b, folder, &all), rules = 0, at = 0;
	while (at < n && !strstr(all[at].file, shared))
		at++;
	for (size_t i = 0; i < n; i++) {
		struct schema_input inputs[2] = {all[i], all[at < n ? at : i]};
		if (i != at)
			rules += round_trip(b, inputs, at < n ? 2 : 1);
	}
	return rules;
}

static void policies_come_back_byte_for_byte(void **state)
{
	assert_true(round_trips(*state, POLICIES, "groups.xml") > 20);
	// The examples stand beside the source tree; not everybody has them.
	size_t rules = round_trips(*state, EXAMPLES, "datastore.xml");
	print_message("%zu rules of example policies\n", rules);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_one_document),
		TEST(nothing_is_a_document_too),
		TEST(faults_of_all_files_are_told),
		TEST(a_missing_file_leaves_names_that_refer_to_nothing),
		TEST(policies_come_back_byte_for_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
