// SPDX-License-Identifier: Apache-2.0
// The large rulesets are what they are said to be: of the size that was asked for, the same each time, no two rules alike;
// edited copies differ where it is said, rewritings are equal wherever packets of their rules are.
#include "verify/test_sets.h"
#include "base/buf.h"
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { RULES = 600, PACKETS = 1500 };

static void each_set(void (*check)(const struct test_sets_spec *spec, struct arena *arena))
{
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++)
		for (int family = 4; family <= 6; family += 2) {
			struct arena arena;
			struct test_sets_spec spec = {(enum test_sets_kind)kind, family, RULES, 11};
			arena_init(&arena);
			check(&spec, &arena);
			arena_fini(&arena);
		}
}

static void check_new(const struct test_sets_spec *spec, struct arena *arena)
{
	struct ir_ruleset set, again;
	struct buf text;
	struct map seen = {.arena = arena};
	buf_init(&text);
	test_sets_make(spec, arena, &set);
	test_sets_make(spec, arena, &again);
	assert_int_equal(set.rule.len, RULES);
	for (size_t i = 0; i < RULES; i++) {
		buf_clear(&text);
		ir_clause_print(set.rule.at[i].clause, &text);
		assert_null(map_put(&seen, arena_strdup(arena, text.data), &set));
		struct buf other;
		buf_init(&other);
		ir_clause_print(again.rule.at[i].clause, &other);
		assert_string_equal(text.data, other.data);
		assert_int_equal(set.rule.at[i].verdict, again.rule.at[i].verdict);
		buf_fini(&other);
	}
	buf_fini(&text);
}

static void sets_are_new_and_repeatable(void **state)
{
	(void)state;
	each_set(check_new);
}

static enum ir_verdict verdict_of(const struct ir_ruleset *ruleset, const struct ir_packet *packet,
				  struct arena *arena)
{
	struct ir_outcome outcome;
	ir_eval(ruleset, packet, arena, &outcome);
	return outcome.verdict;
}

static void check_edit(const struct test_sets_spec *spec, struct arena *arena)
{
	struct ir_ruleset set, edited;
	struct ir_packet packet;
	test_sets_make(spec, arena, &set);
	test_sets_edit(&set, 5, arena, &edited, &packet);
	packet.flow = &packet;
	assert_int_not_equal(verdict_of(&set, &packet, arena), verdict_of(&edited, &packet, arena));
}

static void an_edit_shows(void **state)
{
	(void)state;
	each_set(check_edit);
}

static u128 edge(struct test_random *random, const struct ir_clause *clause, enum ir_dim dim)
{
	const struct algebra_set *set = ir_clause_set(clause, dim);
	u128 max = algebra_max(ir_dim_info[dim].bits);
	if (!set)
		return test_random_next(random) % ((uint64_t)max ? (uint64_t)max : 1);
	struct algebra_range r = set->at[test_random_below(random, (uint32_t)set->len)];
	return test_random_chance(random, 50)   ? r.lo
	       : test_random_chance(random, 70) ? r.hi
	       : r.hi < max                     ? r.hi + 1
						: r.lo;
}

// At an edge of some rule of the rewriting.
static struct ir_packet aimed(struct test_random *random, const struct ir_ruleset *at, int family)
{
	const struct ir_rule *rule =
		&at->rule.at[test_random_below(random, (uint32_t)at->rule.len)];
	const struct ir_clause *c = &rule->clause[rule->clauses - 1];
	struct ir_packet p = {0};
	u128 proto = edge(random, c, IR_PROTO);
	ir_packet_set(&p, IR_FAMILY, (u128)family);
	ir_packet_set(&p, family == 4 ? IR_SRC4 : IR_SRC6,
		      edge(random, c, family == 4 ? IR_SRC4 : IR_SRC6));
	ir_packet_set(&p, family == 4 ? IR_DST4 : IR_DST6,
		      edge(random, c, family == 4 ? IR_DST4 : IR_DST6));
	ir_packet_set(&p, IR_PROTO, proto);
	if (proto == 6 || proto == 17) {
		ir_packet_set(&p, IR_SPORT, edge(random, c, IR_SPORT));
		ir_packet_set(&p, IR_DPORT, edge(random, c, IR_DPORT));
	}
	return p;
}

static void check_rewrite(const struct test_sets_spec *spec, struct arena *arena)
{
	struct test_random random = {.state = 3};
	struct ir_ruleset set, rewritten;
	size_t by[IR_VERDICTS] = {0};
	test_sets_make(spec, arena, &set);
	test_sets_rewrite_as(&set, &(struct test_sets_rewriting){7, 100}, arena, &rewritten);
	assert_true(rewritten.rule.len > set.rule.len * 3 / 2);
	for (unsigned i = 0; i < PACKETS; i++) {
		struct ir_packet packet = aimed(&random, &rewritten, spec->family);
		enum ir_verdict is = verdict_of(&set, &packet, arena);
		assert_int_equal(is, verdict_of(&rewritten, &packet, arena));
		by[is]++;
	}
	assert_true(by[IR_PASS] > PACKETS / 20 && by[IR_DROP] > PACKETS / 20);
}

static void a_rewriting_is_equal(void **state)
{
	(void)state;
	each_set(check_rewrite);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_are_new_and_repeatable),
		cmocka_unit_test(an_edit_shows),
		cmocka_unit_test(a_rewriting_is_equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
