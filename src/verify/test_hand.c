// SPDX-License-Identifier: Apache-2.0
// Text to rules, by the readers that people use.
#include "verify/test_hand.h"
#include "verify/test.h"
#include "base/buf.h"
#include "base/diag.h"

#include <string.h>

struct ir_rule test_rule(const char *text, struct arena *arena)
{
	struct diags diags;
	struct ir_rule rule = {0};
	diags_init(&diags, arena);
	bool good = ir_rule_parse(text, "test", arena, &diags, &rule);
	if (!good)
		print_error("cannot be read: %s\n", text);
	assert_true(good);
	return rule;
}

struct ir_ruleset test_rules(const char *text, enum ir_verdict default_action, struct arena *arena)
{
	struct ir_ruleset set = {.default_action = default_action};
	while (*text) {
		size_t len = strcspn(text, "\n");
		if (len)
			vec_push(arena, &set.rule,
				 test_rule(arena_strndup(arena, text, len), arena));
		text += len + (text[len] != 0);
	}
	return set;
}

struct ir_clause test_clause(const char *text, struct arena *arena)
{
	struct diags diags;
	struct ir_clause clause = {0};
	diags_init(&diags, arena);
	bool good = ir_clause_parse(text, "test", arena, &diags, &clause, NULL);
	if (!good)
		print_error("cannot be read: %s\n", text);
	assert_true(good);
	return clause;
}

const char *test_words(const struct ir_clause *clause, struct arena *arena)
{
	struct buf text;
	buf_init(&text);
	ir_clause_print(clause, &text);
	const char *words = arena_strdup(arena, text.data);
	buf_fini(&text);
	return words;
}

struct verify_options test_options(void)
{
	struct verify_options options = verify_options_default(TEST_NOW);
	options.threads = 1;
	return options;
}

void test_engine(const struct verify_test_engine *engine, size_t cases)
{
	struct test_random random = {test_random_seed(getenv("BULWARK_SEED") ? NULL : "1")};
	const char *wanted = getenv("BULWARK_CASES");
	size_t right = 0, asked = wanted ? strtoul(wanted, NULL, 10) : cases;
	for (size_t i = 0; i < asked; i++) {
		struct verify_test_case test;
		struct arena arena;
		struct buf fault;
		arena_init(&arena);
		buf_init(&fault);
		verify_test_random(&random, &arena, 2 + (unsigned)(i % 3), &test);
		enum verify_test_result result = verify_test_check(engine, &test, &fault);
		if (result == VERIFY_TEST_WRONG)
			verify_test_report(engine, &test);
		assert_int_not_equal(result, VERIFY_TEST_WRONG);
		right += result == VERIFY_TEST_RIGHT;
		buf_fini(&fault);
		arena_fini(&arena);
	}
	assert_true(right > asked / 2);
}
