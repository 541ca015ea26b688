// SPDX-License-Identifier: Apache-2.0
// Maps over several fields in the kernel: they come back as they went in, packets follow the first box, the kernel takes
// what filling says that it takes, and what nft(8) does to a map is seen.
#include "backend/nft/boxes.h"
#include "backend/nft/compile.h"
#include "backend/nft/lift.h"
#include "backend/nft/netlink.h"
#include "backend/nft/open.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/test_program.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define PACKETS 60

// --- packets ---

// Boxes as rules of the IR and as one map.
struct layout {
	bool flow;
	unsigned version;
	size_t fields;
	enum ir_dim dim[4];
};
struct plan {
	const struct layout *layout;
	enum nft_field field[4];
	struct nft_filling *filling;
	struct ir_ruleset ruleset;
	struct nft_program program;
};

static void make_packets(struct fixture *f, bool flow, struct test_case *test)
{
	struct ir_ruleset other; // packets are drawn from its values
	*test = (struct test_case){.tracked = flow};
	test_policy_random(&f->random, &f->arena, flow, time(NULL), &other);
	for (int i = 0; i < PACKETS; i++) {
		struct test_packet p;
		test_packet_random(&f->random, &other, flow, &p);
		(void)test_case_add(test, &f->arena, &p, -1);
	}
}

// Around a value of some packet: it alone, up to some distance, or everything. Ports are never open, so that a packet
// without any is in no rule and in no box.
static struct algebra_range range_around(struct fixture *f, enum ir_dim dim, u128 value)
{
	u128 max = algebra_max(ir_dim_info[dim].bits), least = dim == IR_SPORT || dim == IR_DPORT;
	if (test_random_chance(&f->random, 35))
		return (struct algebra_range){least, max};
	if (value < least)
		value = least;
	u128 by = test_random_chance(&f->random, 40) ? 0
						     : (u128)1 << test_random_below(&f->random, 16);
	return (struct algebra_range){value - least > by ? value - by : least,
				      max - value > by ? value + by : max};
}

static struct ir_rule rule_of(struct fixture *f, const struct layout *l, bool passes)
{
	struct ir_rule rule = {.policy = "p",
			       .name = "r",
			       .verdict = passes ? IR_PASS : IR_DROP,
			       .flow = l->flow,
			       .clauses = 1,
			       .clause = arena_new(&f->arena, struct ir_clause)};
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_FAMILY,
				     algebra_set_one(&f->arena, l->version, l->version)));
	if (l->dim[l->fields - 1] == IR_DPORT)
		assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_PROTO,
					     nft_protocols_set(l->flow ? FLOW_PORTS : PORTS)));
	return rule;
}

static void add_box(struct fixture *f, struct plan *p, const struct test_case *test)
{
	const struct layout *l = p->layout;
	struct ir_packet dims;
	struct algebra_range *range = arena_array(&f->arena, struct algebra_range, l->fields);
	bool passes = test_random_chance(&f->random, 50);
	struct ir_rule rule = rule_of(f, l, passes);
	uint32_t which = test_random_below(&f->random, (uint32_t)test->item.len);
	test_packet_dims(&test->item.at[which].packet, &dims);
	for (size_t i = 0; i < l->fields; i++) {
		enum ir_dim dim = l->dim[i];
		u128 value = dims.has >> dim & 1 ? dims.value[dim]
						 : test_random_next(&f->random) & 0xffff;
		range[i] = range_around(f, dim, value);
		assert_true(ir_clause_narrow(rule.clause, &f->arena, dim,
					     algebra_set_one(&f->arena, range[i].lo, range[i].hi)));
	}
	const struct nft_box box = {range, passes ? "-n0" : "-n1"};
	if (nft_filling_add(p->filling, &box, 20))
		vec_push(&f->arena, &p->ruleset.rule, rule);
}

static bool of_box(const struct plan *p, enum nft_field field)
{
	for (size_t i = 0; i < p->layout->fields; i++)
		if (p->field[i] == field)
			return true;
	return false;
}

// The tests of a rule but those that the map does: what is left guards it.
static struct nft_form guarded(struct fixture *f, const struct plan *p)
{
	struct nft_program scratch;
	struct ir_rule rule = p->ruleset.rule.at[0];
	struct nft_form form = {.act = ACT_BOXES};
	nft_program_init(&scratch, &f->arena);
	struct nft_chain *chain = nft_program_chain(&scratch, "");
	nft_compile_rule(&scratch, NULL, &rule, 0, chain);
	for (size_t i = 0; i < chain->rule.at[0].len; i++)
		if (!of_box(p, chain->rule.at[0].match[i].field))
			nft_form_match(&form, &f->arena, chain->rule.at[0].match[i].field,
				       chain->rule.at[0].match[i].set);
	return form;
}

static void make_program(struct fixture *f, struct plan *p)
{
	nft_program_init(&p->program, &f->arena);
	struct nft_chain *top = nft_program_chain(&p->program, ""),
			 *pass = nft_program_chain(&p->program, "-n0"),
			 *drop = nft_program_chain(&p->program, "-n1");
	struct nft_form form = guarded(f, p);
	form.boxes = (struct nft_boxes){.fields = p->layout->fields, .name = "-m0"};
	memcpy(form.boxes.field, p->field, p->layout->fields * sizeof(p->field[0]));
	nft_filling_take(p->filling, &form.boxes);
	test_rule_push(f, top, form);
	nft_compile_end(&p->program, p->layout->flow, p->ruleset.default_action, top);
	test_rule_push(f, pass, (struct nft_form){.act = ACT_ACCEPT});
	test_rule_push(f, drop, (struct nft_form){.act = ACT_DROP});
}

static void make_plan(struct fixture *f, const struct layout *l, enum nft_boxes_kind kind,
		      size_t boxes, const struct test_case *test, struct plan *p)
{
	*p = (struct plan){.layout = l, .ruleset = {.default_action = IR_REJECT}};
	for (size_t i = 0; i < l->fields; i++)
		p->field[i] =
			nft_field_of(l->dim[i], l->flow ? OF_FLOW : OF_PACKET, l->version, false);
	p->filling = nft_filling_new(kind, p->field, l->fields, &f->arena);
	for (size_t i = 0; i < boxes || !p->ruleset.rule.len; i++)
		add_box(f, p, test);
	make_program(f, p);
}

static void assert_followed(struct fixture *f, const struct layout *l, unsigned round)
{
	struct test_case test;
	struct plan plan;
	make_packets(f, l->flow, &test);
	make_plan(f, l, round % 2 ? BOXES_ORDERED : BOXES_APART, round % 3 ? 10 : 120, &test,
		  &plan);
	test_oracle_enter(&f->oracle, l->flow);
	for (int by_nft = 0; by_nft < 2; by_nft++) {
		if (!by_nft)
			test_program_load(f, &plan.program);
		else if (!test_program_script(f, &plan.program))
			fail_msg("nft(8) has no words for a map");
		// nft(8) wants the version tested before a flow's ports.
		if (!by_nft || !l->flow || l->fields == 2)
			test_program_assert(f, &plan.program);
		test.ruleset[0] = plan.ruleset;
		if (!test_oracle_packets(&f->oracle, &test)) {
			test_oracle_print(&f->oracle, &test);
			fail_msg("%s", f->oracle.fault);
		}
	}
}

static const struct layout layouts[] = {
	{false, 4, 4, {IR_SRC4, IR_DST4, IR_SPORT, IR_DPORT}},
	{false, 6, 4, {IR_SRC6, IR_DST6, IR_SPORT, IR_DPORT}},
	{true, 4, 4, {IR_SRC4, IR_DST4, IR_SPORT, IR_DPORT}},
	{true, 6, 4, {IR_SRC6, IR_DST6, IR_SPORT, IR_DPORT}},
	{false, 4, 2, {IR_SRC4, IR_DST4}},
	{false, 6, 2, {IR_DST6, IR_SRC6}},
	{true, 4, 2, {IR_DST4, IR_SRC4}},
	{true, 6, 3, {IR_DST6, IR_SRC6, IR_DPORT}},
};

static void packets_follow_the_first_box(void **state)
{
	struct fixture *f = *state;
	for (unsigned round = 0; round < 4; round++)
		for (size_t i = 0; i < array_len(layouts); i++)
			assert_followed(f, &layouts[i], round);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_programs_begin, test_programs_finish)
	const struct CMUnitTest tests[] = {
		TEST(packets_follow_the_first_box),
	};
	return cmocka_run_group_tests(tests, test_programs_open, test_programs_close);
}
