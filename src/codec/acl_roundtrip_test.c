// SPDX-License-Identifier: Apache-2.0
// Writing and reading loses nothing: random rulesets and what comes back decide alike about packets that are aimed at
// the borders of their rules, and rules of the usual kind come back byte for byte. The seed is fixed; BULWARK_SEED sets
// another.
#include "codec/acl.h"
#include "codec/test.h"
#include "codec/nfi.h"
#include "codec/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define ROUNDS 200
#define PACKETS 80

// A ruleset of rules that can be written.
static struct ir_ruleset random_ruleset(struct test_bench *b, size_t *made)
{
	struct ir_ruleset set = {.default_action = (enum ir_verdict)random_pick(4)};
	for (unsigned i = 1 + random_pick(8); i > 0; i--, (*made)++) {
		struct ir_rule rule = random_rule(&b->arena, RANDOM_ACL);
		struct diags none;
		diags_init(&none, &b->arena);
		if (codec_acl_can(&rule, &none))
			vec_push(&b->arena, &set.rule, rule);
		else
			assert_true(none.errors);
	}
	return set;
}

static size_t round_trip(struct test_bench *b, size_t *made)
{
	struct ir_ruleset back, set = random_ruleset(b, made);
	if (!test_round(b, &set, &back))
		test_fail_with(b, &(struct test_mismatch){.before = &set});
	assert_int_equal(back.default_action, set.default_action);
	for (int i = 0; i < PACKETS; i++) {
		const struct ir_packet *p = random_packet(&b->arena, &set);
		const char *was = random_decision(&set, p, false, &b->arena);
		const char *is = random_decision(&back, p, false, &b->arena);
		if (strcmp(was, is) != 0)
			test_fail_with(b, &(struct test_mismatch){&set, &back, p, was, is});
	}
	return set.rule.len;
}

static void random_rulesets_decide_alike(void **state)
{
	(void)state;
	size_t written = 0, made = 0;
	for (int round = 0; round < ROUNDS; round++) {
		struct test_bench bench;
		assert_true(test_bench_init(&bench, &test_acl));
		written += round_trip(&bench, &made);
		test_bench_fini(&bench);
	}
	print_message("%zu of %zu rules can be written\n", written, made);
	assert_true(written > made / 3);
}

// --- lists in both directions ---

// Whether the rule takes few entries: the product of two lists shall stay small.
static bool is_small(struct test_bench *b, const struct ir_rule *rule)
{
	struct ir_ruleset one = {0};
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	vec_push(&b->arena, &one.rule, *rule);
	return codec_acl_write(&one, &b->diags, &text) && text.len < 10000;
}

// The entries of a ruleset that judges every packet, as text.
static const char *random_entries(struct test_bench *b, struct ir_ruleset *out)
{
	size_t made = 0;
	struct buf text cleanup(buf_fini);
	struct ir_ruleset set = random_ruleset(b, &made);
	*out = (struct ir_ruleset){.default_action = random_chance(50) ? IR_PASS : IR_DROP};
	for (size_t i = 0; i < set.rule.len; i++)
		if (!set.rule.at[i].opaques && is_small(b, &set.rule.at[i]))
			vec_push(&b->arena, &out->rule, set.rule.at[i]);
	buf_init(&text);
	assert_true(codec_acl_write(out, &b->diags, &text));
	const char *first = strstr(text.data, "<aces>"), *last = strstr(text.data, "</aces>");
	return arena_strndup(&b->arena, first, (size_t)(last - first) + strlen("</aces>"));
}

static const char applied[] =
	"<acls xmlns=\"" CODEC_ACL_NAMESPACE "\"><acl><name>i</name>"
	"<type>mixed-eth-ipv4-ipv6-acl-type</type>%s</acl><acl><name>o</name>%s</acl>"
	"<attachment-points><interface><interface-id>a0</interface-id><ingress><acl-sets><acl-set>"
	"<name>i</name></acl-set></acl-sets></ingress></interface><interface>"
	"<interface-id>b1</interface-id><egress><acl-sets><acl-set><name>o</name></acl-set>"
	"</acl-sets></egress></interface></attachment-points></acls>";

static enum ir_verdict judged(const struct ir_ruleset *set, const struct ir_packet *p,
			      struct arena *arena)
{
	struct ir_outcome outcome;
	ir_eval(set, p, arena, &outcome);
	return outcome.verdict;
}

// Each packet is judged at its way in and, if it passes, at its way out.
static void both_directions_judge(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS / 4; round++) {
		struct test_bench bench, *b = &bench;
		struct ir_document document;
		struct ir_ruleset in, out, all;
		assert_true(test_bench_init(b, &test_acl));
		const char *first = random_entries(b, &in), *last = random_entries(b, &out);
		if (!test_read(b, arena_printf(&b->arena, applied, first, last), &document))
			test_fail_with(b, &(struct test_mismatch){.before = &in});
		ir_document_order(&document, &b->arena, &b->diags, &all);
		for (int i = 0; i < PACKETS; i++) {
			struct ir_packet *p =
				random_packet(&b->arena, random_chance(50) ? &in : &out);
			bool a = random_chance(70), z = random_chance(70);
			ir_packet_set(p, IR_IN, (u128)(a ? 'a' : 'c') << 120 | (u128)'0' << 112);
			ir_packet_set(p, IR_OUT, (u128)(z ? 'b' : 'c') << 120 | (u128)'1' << 112);
			enum ir_verdict expected = a ? judged(&in, p, &b->arena) : IR_PASS;
			if (z && expected == IR_PASS)
				expected = judged(&out, p, &b->arena);
			else if (!a)
				expected = IR_NONE;
			if (judged(&all, p, &b->arena) != expected)
				test_fail_with(
					b, &(struct test_mismatch){
						   &in, &all, p, ir_verdict_name[expected],
						   ir_verdict_name[judged(&all, p, &b->arena)]});
		}
		test_bench_fini(b);
	}
}

// --- rules of the usual kind ---

static struct ir_rule usual_rule(struct test_bench *b, const struct test_usual *usual,
				 size_t number)
{
	return (struct ir_rule){.policy = "p",
				.name = arena_printf(&b->arena, "r%zu", number),
				.verdict = (enum ir_verdict)(IR_PASS + number % 3),
				.log = number % 2 ? IR_LOG_RULE : IR_LOG_NONE,
				.clause = test_usual_clause(b, usual),
				.clauses = 1};
}

static void usual_rules_come_back_byte_for_byte(void **state)
{
	static const struct test_usual usual[][6] = {
		{{0, 0, 0}},
		{{IR_FAMILY, 6, 6}},
		{{IR_PROTO, 6, 6}},
		{{IR_PROTO, 47, 47}},
		{{IR_PROTO, 17, 255}, {IR_SRC4, 1, 1}},
		{{IR_PROTO, 6, 6}, {IR_DPORT, 22, 22}},
		{{IR_PROTO, 17, 17}, {IR_SPORT, 53, 1000}, {IR_UDPLEN, 8, 9}},
		{{IR_SRC4, 0xc0000200, 0xc00002ff}, {IR_PROTO, 6, 6}, {IR_TCPFLAGS, 2, 3}},
		{{IR_SRC4, 1, 0xfffffffe}},
		{{IR_DST4, 0, 0x7fffffff}, {IR_PROTO, 6, 6}, {IR_DPORT, 1024, 65535}},
		{{IR_ICMP4, 8 * 256, 8 * 256 + 255}},
		{{IR_ICMP6, 128 * 256, 137 * 256 + 255}},
		{{IR_ICMP4, 3 * 256 + 1, 5 * 256 + 7}},
		{{IR_DST4, 1, 0xff}, {IR_DSCP, 8, 40}},
		{{IR_SMAC, 5, 77}},
		{{IR_ETHERTYPE, 0x806, 0x806}, {IR_DMAC, 1, 0xffff}},
		{{IR_FAMILY, 4, 4}, {IR_IHL, 6, 15}, {IR_FRAGOFF, 20, 30}},
		{{IR_FAMILY, 6, 6}, {IR_FLOWLABEL, 1, 3}, {IR_PROTO, 17, 17}},
	};
	struct test_bench bench, *b = &bench;
	struct ir_ruleset set = {.default_action = IR_REJECT}, back;
	struct buf before cleanup(buf_fini), after cleanup(buf_fini);
	(void)state;
	assert_true(test_bench_init(b, &test_acl));
	for (size_t i = 0; i < array_len(usual); i++) {
		struct ir_rule rule = usual_rule(b, usual[i], i);
		vec_push(&b->arena, &set.rule, rule);
	}
	if (!test_round(b, &set, &back))
		test_fail_with(b, &(struct test_mismatch){.before = &set});
	for (size_t i = 0; i < back.rule.len; i++)
		codec_nfi_normal(&back.rule.at[i], &b->arena, &back.rule.at[i]);
	for (size_t i = 0; i < set.rule.len; i++)
		codec_nfi_normal(&set.rule.at[i], &b->arena, &set.rule.at[i]);
	buf_init(&before);
	buf_init(&after);
	random_print_rules(&set, &before);
	random_print_rules(&back, &after);
	assert_string_equal(after.data, before.data);
	buf_clear(&before);
	buf_clear(&after);
	ir_ruleset_encode(&set, &before);
	ir_ruleset_encode(&back, &after);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, before.len);
	test_bench_fini(b);
}

static void many_rules_come_back(void **state)
{
	struct test_bench bench, *b = &bench;
	struct ir_ruleset set = {.default_action = IR_DROP}, back;
	(void)state;
	assert_true(test_bench_init(b, &test_acl));
	for (unsigned i = 0; i < 10000; i++) {
		struct test_usual usual[] = {{IR_DST4, 256 * i, 256 * i + 255},
					     {IR_PROTO, 6, 6},
					     {IR_DPORT, 1 + i % 1000, 1 + i % 1000},
					     {0, 0, 0}};
		struct ir_rule rule = usual_rule(b, usual, i);
		vec_push(&b->arena, &set.rule, rule);
	}
	assert_true(test_round(b, &set, &back));
	assert_int_equal(back.rule.len, 10000);
	struct buf before cleanup(buf_fini), after cleanup(buf_fini);
	buf_init(&before);
	buf_init(&after);
	for (size_t i = 0; i < 10000; i++)
		codec_nfi_normal(&set.rule.at[i], &b->arena, &set.rule.at[i]);
	ir_ruleset_encode(&set, &before);
	ir_ruleset_encode(&back, &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	test_bench_fini(b);
}

int main(void)
{
	random_start(getenv("BULWARK_SEED"));
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rulesets_decide_alike),
		cmocka_unit_test(both_directions_judge),
		cmocka_unit_test(usual_rules_come_back_byte_for_byte),
		cmocka_unit_test(many_rules_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
