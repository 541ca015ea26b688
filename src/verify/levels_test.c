// SPDX-License-Identifier: Apache-2.0
// Levels: rules in any order, sorted by them, mean what the list meant, for all packets of small worlds; and there are as
// few as the longest chain of rules that meet.
#include "verify/levels.h"
#include "base/diag.h"
#include "verify/test.h"
#include "verify/test_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1795000000 // 2026-11-18

#ifdef __SANITIZE_ADDRESS__
enum { CASES = 150 };
#else
enum { CASES = 1500 };
#endif

struct shuffled {
	struct ir_ruleset ruleset;
	size_t *source; // of each rule: where it stood
};

// Any order at all; then the numbers alone decide, as an NSF does it that was sent the rules in that order.
static void shuffle(const struct ir_ruleset *in, const uint8_t *level, struct test_random *random,
		    struct arena *arena, struct shuffled *out)
{
	size_t n = in->rule.len;
	struct ir_document document = {.policy = {0}};
	struct ir_policy policy = {.usage = IR_BY_NUMBER, .default_action = in->default_action};
	size_t *order = arena_array(arena, size_t, n + 1);
	for (size_t i = 0; i < n; i++) {
		size_t at = test_random_below(random, (uint32_t)i + 1);
		order[i] = order[at];
		order[at] = i;
	}
	for (size_t i = 0; i < n; i++) {
		struct ir_rule rule = in->rule.at[order[i]];
		rule.priority = level[order[i]];
		rule.line = (unsigned)order[i]; // where it is from
		vec_push(arena, &policy.rule, rule);
	}
	vec_push(arena, &document.policy, policy);
	struct diags diags;
	diags_init(&diags, arena);
	ir_document_order(&document, arena, &diags, &out->ruleset);
	out->source = arena_array(arena, size_t, n + 1);
	for (size_t i = 0; i < n; i++)
		out->source[i] = out->ruleset.rule.at[i].line;
}

static uint64_t logged_by(const struct shuffled *b, uint64_t bits)
{
	uint64_t out = 0;
	for (size_t i = 0; i < b->ruleset.rule.len; i++)
		out |= (bits >> i & 1) << b->source[i];
	return out;
}

static bool fare_alike(const struct ir_ruleset *a, const struct shuffled *b,
		       const struct ir_packet *packet)
{
	struct verify_test_fate x = verify_test_fate(a, packet),
				y = verify_test_fate(&b->ruleset, packet);
	return verify_test_same(x, y) && x.log == y.log && x.logged == logged_by(b, y.logged);
}

// Levels of an earlier time: those of now with some forgotten and some changed.
static const uint8_t *earlier(const struct verify_levels *now, size_t n, struct test_random *random,
			      struct arena *arena)
{
	uint8_t *out = arena_array(arena, uint8_t, n + 1);
	for (size_t i = 0; i < n; i++)
		out[i] = test_random_chance(random, 70) ? now->level[i]
							: (uint8_t)test_random_below(random, 256);
	return out;
}

static void levels_of(const struct ir_ruleset *ruleset, const uint8_t *before, struct arena *arena,
		      struct verify_levels *out)
{
	struct verify_options options = verify_options_default(NOW);
	assert_int_equal(verify_levels(ruleset, before, &options, arena, out), VERIFY_DONE);
	assert_in_range(out->needed, ruleset->rule.len ? 1 : 0, VERIFY_LEVELS_MOST);
}

static void numbers_say_what_the_order_said(void **state)
{
	(void)state;
	struct test_random random = {test_random_seed(NULL)};
	size_t packets = 0;
	for (unsigned i = 0; i < CASES; i++) {
		struct arena arena;
		struct verify_test_case test;
		struct verify_levels levels;
		struct verify_test_space space;
		struct shuffled b;
		arena_init(&arena);
		verify_test_random(&random, &arena, 2 + i % 3, &test);
		levels_of(&test.a, NULL, &arena, &levels);
		if (i % 2)
			levels_of(&test.a, earlier(&levels, test.a.rule.len, &random, &arena),
				  &arena, &levels);
		shuffle(&test.a, levels.level, &random, &arena, &b);
		test.b = (struct ir_ruleset){.default_action = test.a.default_action};
		test.edit.len = test.guarantee.len = 0;
		if (verify_test_space(&test, NULL, &arena, &space)) {
			packets += space.class.len;
			for (size_t k = 0; k < space.class.len; k++)
				assert_true(fare_alike(&test.a, &b, space.class.at[k].packet));
		}
		arena_fini(&arena);
	}
	assert_true(packets > 5 * CASES);
}

// --- as few as can be ---

static bool meet(const struct ir_rule *a, const struct ir_rule *b)
{
	for (size_t i = 0; i < a->clauses; i++)
		for (size_t j = 0; j < b->clauses; j++)
			if (ir_clause_overlaps(&a->clause[i], &b->clause[j]))
				return a->verdict != b->verdict;
	return false;
}

static unsigned longest_chain(const struct ir_ruleset *ruleset, struct arena *arena)
{
	unsigned *below = arena_array(arena, unsigned, ruleset->rule.len + 1), most = 0;
	for (size_t i = ruleset->rule.len; i-- > 0;) {
		for (size_t j = i + 1; j < ruleset->rule.len; j++)
			if (below[j] > below[i] && meet(&ruleset->rule.at[i], &ruleset->rule.at[j]))
				below[i] = below[j];
		below[i]++;
		most = below[i] > most ? below[i] : most;
	}
	return most;
}

static void levels_are_the_fewest(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++)
		for (unsigned family = 4; family <= 6; family += 2) {
			struct arena arena;
			struct ir_ruleset set;
			struct verify_levels levels;
			arena_init(&arena);
			struct test_sets_spec o = {
				.kind = kind, .family = family, .rules = 1500, .seed = 7};
			test_sets_make(&o, &arena, &set);
			levels_of(&set, NULL, &arena, &levels);
			assert_int_equal(levels.needed, longest_chain(&set, &arena));
			arena_fini(&arena);
		}
}

// --- what stays ---

static struct ir_ruleset parse(const char *const *text, size_t n, struct arena *arena)
{
	struct ir_ruleset set = {.default_action = IR_DROP};
	struct diags diags;
	diags_init(&diags, arena);
	for (size_t i = 0; i < n; i++) {
		struct ir_rule rule;
		if (!ir_rule_parse(text[i], "rule", arena, &diags, &rule))
			fail_msg("cannot be read: %s", text[i]);
		rule.name = arena_printf(arena, "r%zu", i);
		vec_push(arena, &set.rule, rule);
	}
	return set;
}

static void unchanged_rules_keep_their_levels(void **state)
{
	(void)state;
	static const char *const text[] = {
		"action=drop,src=10.0.0.1", "action=pass,src=10.0.0.0/24",
		"action=pass,dst=192.0.2.1", "action=drop,dst=192.0.2.0/24"};
	static const uint8_t before[] = {9, 0, 7, 3};
	struct arena arena;
	struct verify_levels levels;
	arena_init(&arena);
	struct ir_ruleset set = parse(text, array_len(text), &arena);
	levels_of(&set, before, &arena, &levels);
	assert_int_equal(levels.level[3], 3);
	assert_int_equal(levels.level[2], 7);
	assert_int_equal(levels.level[1], 4); // above the drop that it meets
	assert_int_equal(levels.level[0], 9);
	levels_of(&set, NULL, &arena, &levels);
	assert_int_equal(levels.needed, 3);
	arena_fini(&arena);
}

// A chain of more rules than there are levels, each inside the one behind it and doing otherwise.
static void too_long_a_chain_is_told(void **state)
{
	(void)state;
	struct arena arena;
	struct verify_levels levels;
	struct verify_options options = verify_options_default(NOW);
	const char *text[300];
	arena_init(&arena);
	for (unsigned i = 0; i < array_len(text); i++)
		text[i] = arena_printf(&arena, "action=%s,proto=tcp,dport=1-%u",
				       i % 2 ? "drop" : "pass", i + 1);
	struct ir_ruleset set = parse(text, array_len(text), &arena);
	assert_int_equal(verify_levels(&set, NULL, &options, &arena, &levels), VERIFY_DONE);
	assert_true(levels.needed > VERIFY_LEVELS_MOST);
	assert_false(verify_levels_give(&set, NULL, &options, &arena));
	assert_int_equal(set.rule.at[0].priority, 0);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_say_what_the_order_said),
		cmocka_unit_test(levels_are_the_fewest),
		cmocka_unit_test(unchanged_rules_keep_their_levels),
		cmocka_unit_test(too_long_a_chain_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
