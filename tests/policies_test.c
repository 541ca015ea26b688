// SPDX-License-Identifier: Apache-2.0
// Policies from document to meaning: every tests/policies/*.expect, and the example policies beside
// the source tree when they are there. Each document is also written and read again, and must mean
// the same then. See tests/policies/README.md for the form of the expectations.
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "codec/cfi.h"
#include "intent/intent.h"
#include "ir/eval.h"
#include "ir/text.h"
#include "schema/schema.h"
#include "translate/translate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1773219600 // 2026-03-11 09:00:00 UTC

struct run {
	struct arena arena;
	struct diags diags;
	struct schema *schema;
	struct schema_tree *tree;
	struct intent intent;
	struct ir_document document;
	struct ir_ruleset rules;
	const char *folder;
};

static struct schema *schema;

static void print_diags(const struct run *run)
{
	struct buf text;
	buf_init(&text);
	for (size_t i = 0; i < run->diags.list.len; i++)
		diag_print(&run->diags.list.at[i], false, &text);
	print_error("%s", text.data);
	buf_fini(&text);
}

static void run_open(struct run *run, const char *folder)
{
	*run = (struct run){.schema = schema, .folder = folder};
	arena_init(&run->arena);
	diags_init(&run->diags, &run->arena);
	run->tree = schema_tree_new(run->schema);
}

static void run_close(struct run *run)
{
	schema_tree_free(run->tree);
	arena_fini(&run->arena);
}

static char *read_file(struct arena *arena, const char *path)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	if (file_read(path, 1 << 20, &text))
		fail_msg("cannot read %s", path);
	return arena_strndup(arena, text.data, text.len);
}

static void add_file(struct run *run, const char *name)
{
	char *path = arena_printf(&run->arena, "%s/%s", run->folder, name);
	char *text = read_file(&run->arena, path);
	struct schema_input input = {.file = name, .data = text, .len = strlen(text)};
	if (!schema_parse(run->tree, &input, &run->diags)) {
		print_diags(run);
		fail_msg("%s was not read", name);
	}
}

static void translate(struct run *run)
{
	struct translate_options options = translate_options_default(NOW);
	if (!schema_validate(run->tree, &run->diags) ||
	    !codec_cfi_read(run->tree, &run->arena, &run->diags, &run->intent) ||
	    !translate_intent(&run->intent, &options, &run->arena, &run->diags, &run->document)) {
		print_diags(run);
		fail_msg("the document was refused");
	}
	ir_document_order(&run->document, &run->arena, &run->diags, &run->rules);
}

// What was read is written, read and translated again: the same bytes of IR.
static void expect_round_trip(const struct run *run)
{
	struct run again;
	struct buf xml, before, after;
	buf_init(&xml);
	buf_init(&before);
	buf_init(&after);
	run_open(&again, run->folder);
	codec_cfi_write(&run->intent, &xml);
	struct schema_input input = {.file = "written", .data = xml.data, .len = xml.len};
	if (!schema_parse(again.tree, &input, &again.diags)) {
		print_diags(&again);
		fail_msg("what was written cannot be read:\n%s", xml.data);
	}
	translate(&again);
	ir_ruleset_encode(&run->rules, &before);
	ir_ruleset_encode(&again.rules, &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	buf_clear(&before);
	codec_cfi_write(&again.intent, &before);
	assert_string_equal(before.data, xml.data);
	run_close(&again);
	buf_fini(&xml);
	buf_fini(&before);
	buf_fini(&after);
}

// --- expectations ---

static const char *decides(struct run *run, const char *packet)
{
	struct ir_packet parsed;
	struct ir_outcome out;
	if (!ir_packet_parse(packet, NOW, &run->arena, &run->diags, &parsed))
		fail_msg("not a packet: %s", packet);
	ir_eval(&run->rules, &parsed, &run->arena, &out);
	if (out.rule)
		return out.rule->name;
	return out.depends ? arena_printf(&run->arena, "?%s", out.depends->name) : "-";
}

static void expect_packet(struct run *run, const char *name, char *line)
{
	char *arrow = strstr(line, " -> ");
	if (!arrow)
		fail_msg("%s: not an expectation: %s", name, line);
	*arrow = '\0';
	const char *found = decides(run, line);
	if (strcmp(found, arrow + 4))
		fail_msg("%s: %s: %s decides, not %s", name, line, found, arrow + 4);
}

static bool has(const struct intent_texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->len; i++)
		if (!strcmp(texts->at[i], text))
			return true;
	return false;
}

// Every expected diag ("SEVERITY CODE") is there, every diag is expected and says where.
static void expect_diags(struct run *run, const char *name, const struct intent_texts *expected)
{
	struct intent_texts found = {0};
	for (size_t i = 0; i < run->diags.list.len; i++) {
		const struct diag *diag = &run->diags.list.at[i];
		vec_push(&run->arena, &found,
			 arena_printf(&run->arena, "%s %s", diag_severity_name(diag->severity),
				      diag_code_name(diag->code)));
		assert_non_null(diag->file);
		assert_true(diag->line > 0);
		if (!has(expected, found.at[i])) {
			print_diags(run);
			fail_msg("%s: unexpected: %s", name, found.at[i]);
		}
	}
	for (size_t i = 0; i < expected->len; i++)
		if (!has(&found, expected->at[i]))
			fail_msg("%s: missing: %s", name, expected->at[i]);
}

// "file" lines come first; the document is translated when the first other line is reached.
static void meet(const char *folder, const char *name)
{
	struct run run;
	struct intent_texts expected = {0};
	bool translated = false;
	run_open(&run, folder);
	char *rest = read_file(&run.arena, arena_printf(&run.arena, "%s/%s", folder, name));
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		if (!strncmp(line, "file ", 5)) {
			add_file(&run, line + 5);
			continue;
		}
		if (!translated)
			translate(&run);
		translated = true;
		if (!strncmp(line, "diag ", 5))
			vec_push(&run.arena, &expected, line + 5);
		else if (*line)
			expect_packet(&run, name, line);
	}
	expect_diags(&run, name, &expected);
	expect_round_trip(&run);
	run_close(&run);
}

static int is_expectation(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return dot && !strcmp(dot, ".expect");
}

static int is_example(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "intent_", 7);
}

static void policies_mean_what_is_expected(void **state)
{
	(void)state;
	struct dirent **entry;
	int n = scandir(POLICIES, &entry, is_expectation, alphasort);
	assert_true(n >= 15);
	for (int i = 0; i < n; i++) {
		meet(POLICIES, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
}

// Policies of others, which name the groups of datastore.xml: accepted, and nothing of them is lost.
static void examples_are_accepted(void **state)
{
	(void)state;
	struct dirent **entry;
	int n = scandir(EXAMPLES, &entry, is_example, alphasort);
	if (n < 0)
		skip();
	for (int i = 0; i < n; i++) {
		struct run run;
		run_open(&run, EXAMPLES);
		add_file(&run, entry[i]->d_name);
		add_file(&run, "datastore.xml");
		translate(&run);
		assert_int_equal(run.intent.policy.len, 1);
		assert_true(run.rules.rule.len >= 1);
		assert_true(run.rules.rule.at[0].clauses >= 1);
		assert_int_equal(run.diags.errors, 0);
		expect_round_trip(&run);
		run_close(&run);
		free(entry[i]);
	}
	free(entry);
}

static int open_schema(void **state)
{
	(void)state;
	static const char *const modules[] = {"ietf-i2nsf-cons-facing-interface", NULL};
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	schema = schema_open(NULL, modules, &diags);
	arena_fini(&arena);
	return schema ? 0 : -1;
}

static int close_schema(void **state)
{
	(void)state;
	schema_free(schema);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_mean_what_is_expected),
		cmocka_unit_test(examples_are_accepted),
	};
	return cmocka_run_group_tests(tests, open_schema, close_schema);
}
