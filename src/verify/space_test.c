// SPDX-License-Identifier: Apache-2.0
// The property on which everything in verify stands: at every point the first box that holds it belongs to the rule that
// ir_eval says decides the packet of that point.
#include "verify/space.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEST(f) cmocka_unit_test(f)
#define NOW 1795000000 // 2026-11-18

static uint32_t state = 1;
static uint32_t draw(uint32_t n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

static u128 value_in(enum ir_dim dim)
{
	static const uint8_t protos[] = {1, 6, 17, 58, 132, 47};
	u128 max = algebra_max(ir_dim_info[dim].bits);
	switch ((int)dim) {
	case IR_FAMILY:
		return draw(2) ? 4 : 6;
	case IR_PROTO:
		return protos[draw(array_len(protos))];
	case IR_STATE:
		return draw(5);
	case IR_ETHERTYPE:
		return draw(3) ? 0x0800 : 0x0806;
	case IR_ICMP4:
	case IR_ICMP6:
		return draw(256) * 256u;
	case IR_TIME:
		return NOW - 100000 + draw(100000000);
	case IR_HOUR:
		return draw(86400);
	case IR_WDAY:
		return draw(7);
	case IR_MDAY:
		return 1 + draw(31);
	case IR_MMDD:
		return 100 * (1 + draw(12)) + 1 + draw(28);
	default:
		return draw(4) ? draw(16) & max : max - (draw(16) & max);
	}
}

static struct algebra_set set_in(struct arena *a, enum ir_dim dim)
{
	struct algebra_builder builder = {.arena = a};
	u128 max = algebra_max(ir_dim_info[dim].bits);
	for (uint32_t i = 0, n = 1 + draw(3); i < n; i++) {
		u128 lo = value_in(dim), hi = draw(2) ? lo : value_in(dim);
		algebra_builder_add(&builder, lo < hi ? lo : hi, lo < hi ? hi : lo);
	}
	struct algebra_set set = algebra_builder_take(&builder);
	if (!draw(6))
		set = algebra_set_complement(a, set, max);
	return set;
}

static struct ir_clause clause_of(struct arena *a)
{
	for (;;) {
		struct ir_clause clause = {.clock = draw(3) ? 0 : (int32_t)draw(86400)};
		bool good = true;
		for (uint32_t i = 0, n = draw(4); i < n && good; i++) {
			enum ir_dim dim = draw(3) ? draw(IR_ICMP6 + 2) : draw(IR_DIMS);
			struct algebra_set set = set_in(a, dim);
			good = set.len && ir_clause_narrow(&clause, a, dim, set);
		}
		if (good)
			return clause;
	}
}

static void add_opaques(struct arena *a, struct ir_rule *rule)
{
	static const char *values[] = {"a", "b", "c"};
	rule->opaques = 1 + draw(2);
	rule->opaque = arena_array(a, struct ir_opaque, rule->opaques);
	for (size_t i = 0; i < rule->opaques; i++)
		rule->opaque[i] =
			(struct ir_opaque){.kind = draw(2) ? IR_OPAQUE_USER : IR_OPAQUE_URL,
					   .value = &values[draw(3)],
					   .len = 1,
					   .negated = !draw(3)};
}

enum kind { PACKETS, FLOWS, MIXED };

static struct ir_ruleset *ruleset_of(struct arena *a, enum kind kind)
{
	struct ir_ruleset *set = arena_new(a, struct ir_ruleset);
	set->default_action = draw(3) ? IR_DROP : draw(2) ? IR_PASS : IR_NONE;
	for (uint32_t i = 0, n = 1 + draw(25); i < n; i++) {
		struct ir_rule rule = {.name = arena_printf(a, "r%u", i), .policy = "p"};
		rule.flow = kind == FLOWS || (kind == MIXED && draw(2));
		rule.verdict = draw(IR_RATE_LIMIT + 1);
		rule.rate.packets = !draw(6) || rule.verdict == IR_RATE_LIMIT ? 10 : 0;
		rule.clauses = 1 + !draw(3);
		rule.clause = arena_array(a, struct ir_clause, rule.clauses);
		for (size_t k = 0; k < rule.clauses; k++)
			rule.clause[k] = clause_of(a);
		if (!draw(6))
			add_opaques(a, &rule);
		vec_push(a, &set->rule, rule);
	}
	return set;
}

static void print_rule(const struct ir_ruleset *set, uint32_t owner)
{
	struct buf text;
	if (owner >= VERIFY_NO_FLOW)
		return;
	buf_init(&text);
	ir_rule_print(&set->rule.at[owner], &text);
	fprintf(stderr, "  %u%s: %s\n", owner, set->rule.at[owner].flow ? " (flow)" : "",
		text.data);
	buf_fini(&text);
}

static void print_failure(const struct ir_ruleset *set, const struct ir_packet *packet,
			  uint32_t boxes, uint32_t eval)
{
	struct buf text;
	buf_init(&text);
	for (unsigned d = 0; d < IR_DIMS; d++)
		if (packet->has >> d & 1) {
			buf_printf(&text, " %s ", ir_dim_info[d].key);
			ir_value_print(d, packet->value[d], &text);
		}
	fprintf(stderr, "%s%s, time %lld: boxes say %d, ir_eval says %d\n",
		packet->reply ? "reply" : "packet", text.data, (long long)packet->time, (int)boxes,
		(int)eval);
	buf_fini(&text);
	print_rule(set, boxes);
	print_rule(set, eval);
}

static size_t check_slice(const struct verify_space *space, const struct verify_slice *slice,
			  bool asked_about_some, struct arena *a)
{
	uint64_t box[ALGEBRA_CELLS], point[ALGEBRA_CELLS], back[ALGEBRA_CELLS];
	size_t decided = 0;
	verify_whole(slice, box);
	for (uint32_t i = 0; i < 60; i++) {
		algebra_box_point(&slice->shape, box, draw(1u << 20), point);
		const struct ir_packet *packet = verify_packet(space, slice, point, a);
		for (size_t l = 0; l < space->layers; l++) {
			const struct algebra_boxes *boxes = slice->layer[l].boxes;
			uint32_t n = (uint32_t)algebra_boxes_len(boxes),
				 at = algebra_boxes_first(boxes, point, 0, n);
			if (at == n && asked_about_some) // the point is not asked about
				continue;
			assert_true(at < n);
			uint32_t owner = algebra_boxes_owner(boxes, at),
				 eval = verify_eval(space->ruleset[l], packet, a);
			if (owner != eval)
				print_failure(space->ruleset[l], packet, owner, eval);
			assert_int_equal(owner, eval);
			decided += owner < VERIFY_NO_FLOW;
			if (!space->truth.len && verify_point(space, slice, packet, back))
				assert_int_equal(algebra_boxes_first(boxes, back, 0, n), at);
		}
	}
	return decided;
}

static void boxes_say_what_eval_says(enum kind kind)
{
	size_t decided = 0;
	for (int round = 0; round < 300; round++) {
		struct arena a;
		arena_init(&a);
		const struct ir_ruleset *sets[] = {ruleset_of(&a, kind), ruleset_of(&a, kind)};
		struct verify_options options = verify_options_default(NOW);
		struct ir_clause where = clause_of(&a);
		if (!draw(3))
			options.where = &where;
		struct verify_notes notes = {0};
		struct verify_space *space;
		assert_int_equal(verify_space_new(sets, 2, false, &options, &a, &notes, &space),
				 VERIFY_DONE);
		for (size_t s = 0; s < space->slice.len; s++)
			decided +=
				check_slice(space, space->slice.at[s], options.where != NULL, &a);
		verify_space_free(space);
		arena_fini(&a);
	}
	assert_true(decided > 5000);
}

static void packet_rules(void **unused)
{
	(void)unused;
	boxes_say_what_eval_says(PACKETS);
}

static void flow_rules(void **unused)
{
	(void)unused;
	boxes_say_what_eval_says(FLOWS);
}

static void rules_of_both_kinds(void **unused)
{
	(void)unused;
	boxes_say_what_eval_says(MIXED);
}

// 200 rules with groups of 100 hosts each as source and destination: products of ranges would be two million boxes.
static void groups_do_not_multiply(void **unused)
{
	(void)unused;
	struct arena a;
	arena_init(&a);
	struct ir_ruleset set = {.default_action = IR_DROP};
	for (uint32_t i = 0; i < 200; i++) {
		struct algebra_builder from = {.arena = &a}, to = {.arena = &a};
		for (uint32_t k = 0; k < 100; k++) {
			algebra_builder_add(&from, (i % 20) * 65536 + k * 10,
					    (i % 20) * 65536 + k * 10 + 1);
			algebra_builder_add(&to, (i % 30) * 65536 + k * 20,
					    (i % 30) * 65536 + k * 20);
		}
		struct ir_rule rule = {
			.name = "r", .policy = "p", .verdict = IR_PASS, .clauses = 1};
		rule.clause = arena_new(&a, struct ir_clause);
		assert_true(
			ir_clause_narrow(rule.clause, &a, IR_SRC4, algebra_builder_take(&from)));
		assert_true(ir_clause_narrow(rule.clause, &a, IR_DST4, algebra_builder_take(&to)));
		vec_push(&a, &set.rule, rule);
	}
	const struct ir_ruleset *sets[] = {&set};
	struct verify_options options = verify_options_default(NOW);
	struct verify_notes notes = {0};
	struct verify_space *space;
	assert_int_equal(verify_space_new(sets, 1, false, &options, &a, &notes, &space),
			 VERIFY_DONE);
	assert_int_equal(space->slice.len, 2);
	assert_int_equal(algebra_boxes_len(space->slice.at[0]->layer[0].boxes), 201);
	assert_int_equal(algebra_boxes_len(space->slice.at[1]->layer[0].boxes), 1);
	size_t bytes = space->bytes, boxes = 0;
	for (size_t i = 0; i < space->slice.len; i++)
		boxes += algebra_boxes_bytes(space->slice.at[i]->layer[0].boxes);
	verify_space_free(space);
	options.memory = 2 * boxes; // they fit, what they are made of does not
	assert_int_equal(verify_space_new(sets, 1, false, &options, &a, &notes, &space),
			 VERIFY_OVER_BUDGET);
	verify_space_free(space);
	options.memory = bytes * 20;
	assert_int_equal(verify_space_new(sets, 1, false, &options, &a, &notes, &space),
			 VERIFY_DONE);
	assert_int_equal(space->bytes, bytes);
	verify_space_free(space);
	options.memory = 1000;
	assert_int_equal(verify_space_new(sets, 1, false, &options, &a, &notes, &space),
			 VERIFY_OVER_BUDGET);
	verify_space_free(space);
	arena_fini(&a);
}

int main(void)
{
	const char *seed = getenv("BULWARK_SEED");
	state = seed ? (uint32_t)strtoul(seed, NULL, 10) : 1;
	const struct CMUnitTest tests[] = {TEST(packet_rules), TEST(flow_rules),
					   TEST(rules_of_both_kinds), TEST(groups_do_not_multiply)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
