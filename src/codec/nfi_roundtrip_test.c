// SPDX-License-Identifier: Apache-2.0
// Writing and reading loses nothing: random rulesets and what comes back decide alike about packets that
// are aimed at the borders of their rules, and rules of the usual kind come back byte for byte. The seed
// is fixed; BULWARK_SEED sets another.
#include "codec/nfi.h"
#include "codec/test.h"
#include "codec/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define ROUNDS 250
#define PACKETS 60
#define NOW 1773219600 // 2026-03-11T09:00:00Z

// A ruleset of rules that can be written.
static struct ir_ruleset random_ruleset(struct test_bench *b)
{
	struct ir_ruleset set = {.default_action = random_chance(50) ? IR_DROP : IR_PASS};
	for (unsigned i = 1 + random_pick(10); i > 0; i--) {
		struct ir_rule rule = random_rule(&b->arena, RANDOM_NFI);
		struct diags none;
		struct ir_rule normal;
		diags_init(&none, &b->arena);
		codec_nfi_normal(&rule, &b->arena, &normal);
		// A flow rule that matches nothing still makes packets without a flow drop; it is not sent.
		bool idle = rule.flow && !normal.clauses;
		if (!idle && codec_nfi_can(&rule, &none))
			vec_push(&b->arena, &set.rule, rule);
	}
	return set;
}

// --- comparison ---

static void encode_meaning(const struct ir_rule *rule, struct buf *out)
{
	buf_clear(out);
	ir_rule_meaning(rule, out);
}

static bool equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

// What came back is the normal form, and the normal form of the normal form is itself.
static void assert_normal(struct test_bench *b, const struct ir_ruleset *set,
			  const struct ir_ruleset *back)
{
	struct buf expected cleanup(buf_fini), is cleanup(buf_fini), again cleanup(buf_fini);
	size_t at = 0;
	buf_init(&expected);
	buf_init(&is);
	buf_init(&again);
	for (size_t i = 0; i < set->rule.len; i++) {
		struct ir_rule normal, twice;
		codec_nfi_normal(&set->rule.at[i], &b->arena, &normal);
		codec_nfi_normal(&normal, &b->arena, &twice);
		encode_meaning(&normal, &expected);
		encode_meaning(&twice, &again);
		if (!normal.clauses)
			continue; // a rule that matches nothing is not sent
		encode_meaning(&back->rule.at[at], &is);
		if (!equal(&expected, &is) || !equal(&expected, &again)) {
			struct ir_ruleset one = {0}, other = {0};
			vec_push(&b->arena, &one.rule, set->rule.at[i]);
			vec_push(&b->arena, &one.rule, normal);
			vec_push(&b->arena, &other.rule, back->rule.at[at]);
			vec_push(&b->arena, &other.rule, twice);
			struct ir_packet p = {0};
			test_fail_with(b, &(struct test_mismatch){&one, &other, &p, "", ""});
		}
		at++;
	}
	assert_int_equal(at, back->rule.len);
}

static void random_rulesets_decide_alike(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct test_bench bench, *b = &bench;
		struct ir_ruleset back;
		assert_true(test_bench_init(b, &test_nfi));
		struct ir_ruleset set = random_ruleset(b);
		if (!test_round(b, &set, &back))
			test_fail_with(b, &(struct test_mismatch){.before = &set});
		assert_int_equal(back.default_action, set.default_action);
		assert_normal(b, &set, &back);
		for (int i = 0; i < PACKETS; i++) {
			const struct ir_packet *p = random_packet(&b->arena, &set);
			const char *before = random_decision(&set, p, true, &b->arena);
			const char *after = random_decision(&back, p, true, &b->arena);
			if (strcmp(before, after) != 0)
				test_fail_with(
					b, &(struct test_mismatch){&set, &back, p, before, after});
		}
		test_bench_fini(b);
	}
}

// --- rules of the usual kind ---

static void add_usual(struct test_bench *b, struct ir_ruleset *set, const struct test_usual *usual)
{
	struct ir_rule rule = {.policy = "p",
			       .name = arena_printf(&b->arena, "r%zu", set->rule.len),
			       .verdict = IR_DROP,
			       .clause = test_usual_clause(b, usual),
			       .clauses = 1};
	vec_push(&b->arena, &set->rule, rule);
}

static void usual_rules_come_back_byte_for_byte(void **state)
{
	static const struct test_usual usual[][6] = {
		{{0, 0, 0}},
		{{IR_FAMILY, 6, 6}},
		{{IR_PROTO, 6, 6}},
		{{IR_PROTO, 47, 47}},
		{{IR_PROTO, 1, 1}},
		{{IR_PROTO, 7, 255}},
		{{IR_PROTO, 6, 6}, {IR_DPORT, 22, 22}},
		{{IR_PROTO, 136, 136}, {IR_DPORT, 22, 23}},
		{{IR_DPORT, 53, 53}},
		{{IR_SRC4, 0xc0000200, 0xc00002ff}, {IR_PROTO, 6, 6}, {IR_TCPFLAGS, 2, 3}},
		{{IR_FAMILY, 4, 4}, {IR_PROTO, 1, 1}},
		{{IR_ICMP4, 8 * 256, 8 * 256 + 255}},
		{{IR_ICMP6, 128 * 256, 137 * 256 + 255}},
		{{IR_ICMP4, 3 * 256 + 1, 5 * 256 + 7}},
		{{IR_DST4, 1, 0xfffffffe}, {IR_DSCP, 8, 40}},
		{{IR_PROTO, 17, 17}, {IR_SMAC, 5, 77}},
		{{IR_SRC4, 1, 1}, {IR_SMAC, 5, 77}, {IR_DMAC, 6, 6}},
		{{IR_ETHERTYPE, 0x806, 0x806}, {IR_SMAC, 1, 0xfffffffffffe}},
		{{IR_TIME, 1000, 2000}, {IR_HOUR, 0, 200}, {IR_WDAY, 1, 4}},
		{{IR_HOUR, 0, 100}},
		{{IR_MMDD, 215, 310}, {IR_HOUR, 0, 3599}},
		{{IR_MDAY, 1, 7}, {IR_DPORT, 1, 2}, {IR_TTL, 1, 3}, {IR_PROTO, 17, 17}},
	};
	struct test_bench *b = *state;
	struct ir_ruleset set = {.default_action = IR_DROP}, back;
	struct buf before cleanup(buf_fini), after cleanup(buf_fini);
	buf_init(&before);
	buf_init(&after);
	for (size_t i = 0; i < array_len(usual); i++)
		add_usual(b, &set, usual[i]);
	if (!test_round(b, &set, &back))
		test_fail_with(b, &(struct test_mismatch){.before = &set});
	assert_int_equal(back.rule.len, set.rule.len);
	for (size_t i = 0; i < set.rule.len; i++) {
		ir_rule_print(&set.rule.at[i], &before);
		ir_rule_print(&back.rule.at[i], &after);
		buf_addc(&before, '\n');
		buf_addc(&after, '\n');
	}
	if (strcmp(after.data, before.data) != 0)
		fprintf(stderr, "%s\ncame back as\n%s", before.data, after.data);
	assert_string_equal(after.data, before.data);
}

static void parts_of_rules_of_one_name_stay_apart(void **state)
{
	struct test_bench *b = *state;
	struct ir_ruleset set = {.default_action = IR_DROP}, back;
	for (unsigned i = 0; i < 2; i++)
		add_usual(b, &set, (const struct test_usual[]){{IR_TTL, 1, 3}, {0, 0, 0}});
	for (size_t i = 0; i < 2; i++) {
		set.rule.at[i].name = "r";
		set.rule.at[i].verdict = IR_RATE_LIMIT;
		set.rule.at[i].rate.packets = 500;
	}
	assert_true(test_round(b, &set, &back));
	assert_int_equal(back.rule.len, 2); // two limits of 500 are not one of 500
	assert_int_equal(back.rule.at[0].clauses, 1);
	assert_int_equal(b->diags.list.len, 2); // six rules on the wire: a note each
	assert_int_equal(b->diags.list.at[0].severity, DIAG_NOTE);
}

// Many rules, as performance is seen by eye: the test only says that it is correct.
static void many_rules_come_back(void **state)
{
	struct test_bench *b = *state;
	struct ir_ruleset set = {.default_action = IR_DROP}, back;
	for (unsigned i = 0; i < 10000; i++)
		add_usual(b, &set,
			  (const struct test_usual[]){{IR_DST4, 256 * i, 256 * i + 255},
						      {IR_PROTO, 6, 6},
						      {IR_DPORT, 1 + i % 1000, 1 + i % 1000},
						      {0, 0, 0}});
	assert_true(test_round(b, &set, &back));
	assert_int_equal(back.rule.len, 10000);
	struct buf before cleanup(buf_fini), after cleanup(buf_fini);
	buf_init(&before);
	buf_init(&after);
	ir_ruleset_encode(&set, &before);
	ir_ruleset_encode(&back, &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start_nfi, test_stop)

int main(void)
{
	random_start(getenv("BULWARK_SEED"));
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rulesets_decide_alike),
		TEST(usual_rules_come_back_byte_for_byte),
		TEST(parts_of_rules_of_one_name_stay_apart),
		TEST(many_rules_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
