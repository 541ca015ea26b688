// SPDX-License-Identifier: Apache-2.0
// The proof holds for every tree of a ruleset, and for none in which something was changed that some packet can tell;
// what is lifted from a tree does what the tree does; differences come with packets that show them; and no program makes
// any of it stumble or go on for ever.
#include "backend/nft/compile.h"
#include "backend/nft/differ.h"
#include "backend/nft/flatten.h"
#include "backend/nft/test_case.h"
#include "backend/nft/test_change.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/test_walk.h"
#include "backend/nft/tree.h"
#include "base/diag.h"
#include "verify/test_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000
#define RULESETS 600
#define CHANGES 3000
#define PACKETS 40
#define LARGE 10000

struct world {
	struct arena arena;
	struct test_random *random;
	struct ir_ruleset ruleset;
	struct nft_program list, tree;
};

static void make_tree(struct world *w, const struct backend_nft_shape *shape)
{
	struct nft_tree tree;
	nft_program_init(&w->tree, &w->arena);
	nft_tree_build_from(&w->list, shape, &w->arena, &tree);
	nft_tree_program(&tree, &w->tree);
	for (size_t i = 0; i < w->list.chain.len; i++) {
		const struct nft_chain *chain = w->list.chain.at[i];
		if (!*chain->name)
			continue;
		struct nft_chain *copy = nft_program_chain(&w->tree, chain->name);
		for (size_t k = 0; k < chain->rule.len; k++)
			vec_push(&w->arena, &copy->rule, chain->rule.at[k]);
	}
}

static void begin(struct world *w, struct test_random *random)
{
	w->random = random;
	arena_init(&w->arena);
	nft_program_init(&w->list, &w->arena);
	if (test_random_chance(random, 10))
		test_policy_about_one(random, &w->arena, true, NOW, &w->ruleset);
	else if (test_random_chance(random, 20))
		test_policy_hosts(random, &w->arena, test_random_chance(random, 70), NOW,
				  &w->ruleset);
	else
		test_policy_random(random, &w->arena, test_random_chance(random, 70), NOW,
				   &w->ruleset);
	const struct backend_nft_shape shape = test_shape_random(random);
	nft_compile(&w->ruleset, NULL, &w->list);
	make_tree(w, &shape);
}

static void begin_small(struct world *w)
{
	arena_init(&w->arena);
	nft_program_init(&w->list, &w->arena);
	nft_program_init(&w->tree, &w->arena);
}

static void end(struct world *w)
{
	arena_fini(&w->arena);
}

// --- what is the same ---

static void some_packet(struct world *w, struct nft_point *out)
{
	test_fields_random(w->random, nft_program_find(&w->list, ""), out);
}

// How the first that fares otherwise should: *by_list.
static bool one_differs(struct world *w, size_t packets, struct test_walk *by_list)
{
	for (size_t i = 0; i < packets; i++) {
		struct nft_point packet;
		struct test_walk by_tree;
		some_packet(w, &packet);
		test_walk_program(&w->list, &packet, by_list);
		test_walk_program(&w->tree, &packet, &by_tree);
		if (!test_walk_same(by_list, &by_tree))
			return true;
	}
	return false;
}

static bool walks_differ(struct world *w, size_t packets)
{
	struct test_walk by_list;
	return one_differs(w, packets, &by_list);
}

static void assert_proven(struct world *w, unsigned i)
{
	struct nft_proof proof;
	nft_prove(&w->list, &w->tree, &w->arena, &proof);
	assert_false(proof.over);
	if (!proof.misfit.len)
		return;
	const struct nft_misfit *m = &proof.misfit.at[0];
	fail_msg("ruleset %u: %zu misfits; the first: kind %d, rule %zu, chain %s, %s", i,
		 proof.misfit.len, m->kind, m->rule, m->chain ? m->chain->name : "-",
		 m->why ? m->why : "-");
}

static void assert_lifted(struct world *w, unsigned i)
{
	struct ir_ruleset lifted;
	struct backend_differences strange = {.arena = &w->arena};
	struct nft_program again;
	nft_lift(&w->tree, &w->arena, &lifted, &strange, NULL);
	if (strange.list.len)
		fail_msg("ruleset %u: %s", i,
			 strange.list.at[0].found ? strange.list.at[0].found
						  : strange.list.at[0].intended);
	nft_program_init(&again, &w->arena);
	nft_compile(&lifted, NULL, &again);
	for (size_t k = 0; k < PACKETS; k++) {
		struct nft_point packet;
		struct test_walk by_tree, by_lifted;
		some_packet(w, &packet);
		test_walk_program(&w->tree, &packet, &by_tree);
		test_walk_program(&again, &packet, &by_lifted);
		if (by_tree.end != by_lifted.end)
			fail_msg("ruleset %u: a packet ends with %d in the tree, with %d in what "
				 "was lifted",
				 i, by_tree.end, by_lifted.end);
	}
}

static void trees_are_proven_and_lifted(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned i = 0; i < RULESETS; i++) {
		struct world w;
		begin(&w, &random);
		assert_proven(&w, i);
		assert_lifted(&w, i);
		end(&w);
	}
}

// --- what was changed ---

static size_t below(struct world *w, size_t n)
{
	return test_random_below(w->random, (uint32_t)n);
}

static bool any_rate(const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++)
		if (ir_rule_has_rate(&ruleset->rule.at[i]))
			return true;
	return false;
}

// What is meant and what is there say otherwise of the packet; and what is there says the same as what is lifted from it.
// The engine does not say whether a related packet is the first of its flow, which rules that log may ask.
static void assert_witness(struct world *w, const char *witness)
{
	struct nft_program found = w->tree;
	struct ir_ruleset lifted;
	struct ir_packet packet;
	struct ir_outcome is;
	struct diags diags;
	struct backend_differences strange = {.arena = &w->arena};
	const char *lost, *fault = test_witness_fault(&w->ruleset, &w->tree, witness, &w->arena);
	diags_init(&diags, &w->arena);
	if (!ir_packet_parse(witness, NOW, &w->arena, &diags, &packet))
		fail_msg("%s: %s", witness, fault);
	enum ir_verdict verdict = test_program_verdict(&w->tree, &packet, &w->arena, &lost);
	if (fault && fault != lost)
		fail_msg("%s: %s", witness, fault);
	found.unfragmented = !packet.value[IR_FRAGOFF];
	nft_lift(&found, &w->arena, &lifted, &strange, NULL);
	ir_eval(&lifted, &packet, &w->arena, &is);
	if (!lost && !strange.list.len && is.verdict != verdict)
		fail_msg("lifted otherwise: %s", witness);
}

static size_t assert_differences(struct world *w)
{
	struct backend_differences differences = {.arena = &w->arena};
	size_t witnesses = 0;
	assert_int_equal(nft_differ(&w->ruleset, NULL, &w->tree, "g1", NULL, &differences), 0);
	assert_true(differences.list.len > 0);
	for (size_t i = 0; i < differences.list.len; i++) {
		const struct backend_difference *d = &differences.list.at[i];
		assert_true(d->intended || d->found);
		witnesses += d->witness != NULL;
		if (d->witness && !any_rate(&w->ruleset))
			assert_witness(w, d->witness);
	}
	return witnesses;
}

// Whether the proof for the packets of the rule that decides this one says that something is wrong.
static bool noticed_within(struct world *w, const struct test_walk *walk)
{
	const struct nft_chain *rules = nft_program_find(&w->list, "");
	bool noticed = false, asked = false;
	for (size_t i = 0; i < rules->rule.len && walk->len; i++) {
		struct nft_proof proof;
		struct nft_areas areas = {{0}};
		if (rules->rule.at[i].tag.rule != walk->matched[walk->len - 1])
			continue;
		nft_areas_add(&areas, &rules->rule.at[i], &w->arena);
		nft_prove_in(&areas, &w->list, &w->tree, NULL, &w->arena, &proof);
		noticed |= proof.misfit.len || proof.over;
		asked = true;
	}
	return noticed || !asked;
}

static void changes_are_noticed(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t noticed = 0, told = 0, witnesses = 0;
	for (unsigned i = 0; i < CHANGES; i++) {
		struct world w;
		struct nft_proof proof;
		begin(&w, &random);
		test_program_change(&random, &w.arena, &w.tree);
		nft_prove(&w.list, &w.tree, &w.arena, &proof);
		struct test_walk by_list;
		bool misfits = proof.misfit.len > 0, differ = one_differs(&w, PACKETS, &by_list);
		if (differ && (!misfits || !noticed_within(&w, &by_list)))
			fail_msg("change %u was not noticed", i);
		noticed += misfits;
		told += differ;
		if (misfits && i % 3 == 0)
			witnesses += assert_differences(&w) > 0;
		end(&w);
	}
	print_message("%zu changes noticed, of which packets by chance told %zu; %zu witnesses\n",
		      noticed, told, witnesses);
	assert_true(noticed > CHANGES / 3 && told > CHANGES / 20 && witnesses > CHANGES / 100);
}

static struct ir_rule rule_asking(struct arena *arena, enum ir_dim dim, u128 lo, u128 hi)
{
	struct ir_rule rule = {.policy = "p", .name = ir_dim_info[dim].key, .clauses = 1};
	rule.clause = arena_new(arena, struct ir_clause);
	assert_true(ir_clause_narrow(rule.clause, arena, dim, algebra_set_one(arena, lo, hi)));
	return rule;
}

// Of DCCP only requests and responses (RFC 4340 sections 5.1 and 8.1.2) have a service code.
static void witnesses_are_packets_that_exist(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 4; type++) {
		struct world w = {.ruleset = {.default_action = IR_DROP}};
		struct backend_differences differences = {.arena = &w.arena};
		begin_small(&w);
		vec_push(&w.arena, &w.ruleset.rule, rule_asking(&w.arena, IR_DCCPSERVICE, 0, 9));
		vec_push(&w.arena, &w.ruleset.rule, rule_asking(&w.arena, IR_DCCPTYPE, type, type));
		w.ruleset.rule.at[0].verdict = IR_DROP;
		w.ruleset.rule.at[1].verdict = IR_PASS;
		nft_compile(&w.ruleset, NULL, &w.tree);
		struct nft_chain *rules = nft_program_find(&w.tree, "");
		rules->rule.at[rules->rule.len - 2].act = ACT_DROP;
		assert_int_equal(nft_differ(&w.ruleset, NULL, &w.tree, "g1", NULL, &differences),
				 0);
		assert_int_equal(differences.list.len, 1);
		const char *witness = differences.list.at[0].witness;
		assert_non_null(witness);
		assert_int_equal(strstr(witness, "dccp-service") != NULL, type <= 1);
		assert_witness(&w, witness);
		end(&w);
	}
}

// Were pieces put together wrongly, the proof would say so: here they are, on purpose.
static void faulty_lists_are_noticed(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t faults = 0;
	for (unsigned i = 0; i < RULESETS; i++) {
		struct world w;
		struct nft_list list;
		struct nft_proof proof;
		begin(&w, &random);
		nft_flatten(&w.tree, &w.arena, &list);
		nft_prove(&list.program, &w.tree, &w.arena, &proof);
		struct nft_chain *rules = nft_program_find(&list.program, "");
		size_t at = below(&w, rules->rule.len);
		struct nft_form *form = &rules->rule.at[at];
		bool held = !proof.misfit.len && form->len;
		if (held)
			form->len--; // as if a piece had been taken for the whole
		nft_prove(&list.program, &w.tree, &w.arena, &proof);
		w.list = list.program;
		if (held && walks_differ(&w, PACKETS) && !proof.misfit.len)
			fail_msg("list %u is wrong and was proven", i);
		faults += held && proof.misfit.len;
		end(&w);
	}
	assert_true(faults > RULESETS / 4);
}

// --- what chance seldom makes ---

static struct nft_form of_version(struct world *w, struct nft_form form, u128 version)
{
	nft_form_match(&form, &w->arena, F_VERSION, algebra_set_one(&w->arena, version, version));
	return form;
}

static void put(struct nft_program *program, const char *chain, struct nft_form form)
{
	struct nft_chain *to = nft_program_find(program, chain);
	if (!to)
		to = nft_program_chain(program, chain);
	vec_push(program->arena, &to->rule, form);
}

static size_t misfits_of(struct world *w)
{
	struct nft_proof proof;
	nft_prove(&w->list, &w->tree, &w->arena, &proof);
	return proof.misfit.len;
}

// The test for a header takes any; one that asks what is in it is another test.
static void header_that_is_asked_about_is_noticed(void **state)
{
	(void)state;
	const struct nft_form last = test_rule_of(NFT_TAG_DEFAULT, ACT_DROP);
	struct algebra_range part = nft_field_domain(F_HEADER).at[0];
	struct nft_match any = {F_HEADER, nft_field_domain(F_HEADER)},
			 some = {F_HEADER, {&part, 1}};
	struct nft_form rule = test_rule_of(0, ACT_ACCEPT);
	struct world w;
	begin_small(&w);
	rule.match = &any;
	rule.len = 1;
	put(&w.list, "", rule);
	put(&w.list, "", last);
	put(&w.tree, "", rule);
	put(&w.tree, "", last);
	assert_int_equal(misfits_of(&w), 0);
	part.lo++;
	nft_program_find(&w.tree, "")->rule.at[0].match = &some;
	assert_true(misfits_of(&w) > 0);
	nft_program_find(&w.tree, "")->rule.at[0].match = &any;
	nft_program_find(&w.list, "")->rule.at[0].match = &some;
	assert_true(misfits_of(&w) > 0);
	end(&w);
}

// A rule after which packets go on counts each of them once.
static void packets_that_come_twice_are_noticed(void **state)
{
	(void)state;
	const struct nft_form rule = test_rule_of(0, ACT_CONTINUE),
			      last = test_rule_of(NFT_TAG_DEFAULT, ACT_DROP);
	for (unsigned kind = 0; kind < 3; kind++) {
		struct world w;
		begin_small(&w);
		struct nft_form four = of_version(&w, test_lead(ACT_GOTO, "-n1"), NFT_VERSION_4);
		put(&w.list, "", rule);
		put(&w.list, "", last);
		if (kind == 0)
			put(&w.tree, "", four); // the others come to the rule here
		put(&w.tree, "", kind < 2 ? rule : test_lead(ACT_JUMP, "-n2"));
		put(&w.tree, "", kind == 0 ? last : test_lead(ACT_GOTO, "-n1"));
		put(&w.tree, "-n1", rule);
		put(&w.tree, "-n1", last);
		put(&w.tree, "-n2", rule);
		assert_int_equal(misfits_of(&w) > 0, kind > 0);
		end(&w);
	}
}

// A list of two rules: one accepts a protocol, the other drops a version behind it.
static void begin_two_rules(struct world *w, struct nft_form *accepts, struct nft_form *drops)
{
	begin_small(w);
	*accepts = test_rule_of(0, ACT_ACCEPT);
	*drops = of_version(w, test_rule_of(1, ACT_DROP), NFT_VERSION_4);
	nft_form_match(accepts, &w->arena, F_PROTO, algebra_set_one(&w->arena, 6, 6));
	put(&w->list, "", *accepts);
	put(&w->list, "", *drops);
	put(&w->list, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
}

// A chain of the last part, to which the first part leads, too.
static void later_rules_in_shared_chains_are_noticed(void **state)
{
	(void)state;
	for (unsigned faulty = 0; faulty < 2; faulty++) {
		struct world w;
		struct nft_form accepts, drops;
		begin_two_rules(&w, &accepts, &drops);
		put(&w.tree, "", test_lead(ACT_JUMP, "-n1"));
		put(&w.tree, "", test_lead(ACT_JUMP, "-n2"));
		put(&w.tree, "", test_lead(ACT_JUMP, "-n3"));
		put(&w.tree, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
		put(&w.tree, "-n1", test_lead(ACT_GOTO, "-n5"));
		put(&w.tree, "-n2", accepts);
		put(&w.tree, "-n3", test_lead(ACT_GOTO, "-n4"));
		put(&w.tree, "-n4", drops);
		put(&w.tree, "-n5", test_lead(ACT_GOTO, faulty ? "-n4" : "-n6"));
		put(&w.tree, "-n6", test_lead(ACT_GOTO, "-n7"));
		(void)!nft_program_chain(&w.tree, "-n7");
		assert_int_equal(misfits_of(&w) > 0, faulty);
		end(&w);
	}
}

// In front stands a part of a later rule, behind a guard: right for the packets that no earlier rule has.
static void parts_of_later_rules_may_stand_in_front(void **state)
{
	(void)state;
	for (unsigned faulty = 0; faulty < 2; faulty++) {
		struct world w;
		struct nft_form accepts, drops;
		begin_two_rules(&w, &accepts, &drops);
		put(&w.tree, "", of_version(&w, test_lead(ACT_JUMP, "-n1"), NFT_VERSION_4));
		put(&w.tree, "", accepts);
		put(&w.tree, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
		if (!faulty)
			nft_form_match(&drops, &w.arena, F_PROTO,
				       algebra_set_complement(&w.arena,
							      algebra_set_one(&w.arena, 6, 6),
							      UINT8_MAX));
		put(&w.tree, "-n1", drops);
		assert_int_equal(misfits_of(&w) > 0, faulty);
		end(&w);
	}
}

// A guard that holds nothing lets nobody come to what stands behind it.
static void rules_behind_a_shut_guard_are_missed(void **state)
{
	(void)state;
	for (unsigned faulty = 0; faulty < 2; faulty++) {
		struct world w;
		struct nft_form accepts, drops, guard = test_lead(ACT_JUMP, "-n1");
		begin_two_rules(&w, &accepts, &drops);
		nft_form_match(&guard, &w.arena, F_VERSION,
			       faulty ? (struct algebra_set){0}
				      : algebra_set_one(&w.arena, NFT_VERSION_4, NFT_VERSION_4));
		put(&w.tree, "", accepts);
		put(&w.tree, "", guard);
		put(&w.tree, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
		put(&w.tree, "-n1", drops);
		assert_int_equal(misfits_of(&w) > 0, faulty);
		end(&w);
	}
}

// In front stands a part of a later rule, for packets without a transport header: all others have left before.
static void parts_behind_a_rule_that_leaves_are_for_the_others(void **state)
{
	(void)state;
	for (unsigned faulty = 0; faulty < 2; faulty++) {
		struct world w;
		struct nft_form accepts, drops, leaves = test_lead(ACT_RETURN, NULL);
		begin_small(&w);
		accepts = test_rule_of(0, ACT_ACCEPT);
		drops = of_version(&w, test_rule_of(1, ACT_DROP), NFT_VERSION_4);
		nft_form_match(&accepts, &w.arena, F_HEADER, nft_field_domain(F_HEADER));
		nft_form_match(&accepts, &w.arena, F_DPORT, algebra_set_one(&w.arena, 80, 80));
		put(&w.list, "", accepts);
		put(&w.list, "", drops);
		put(&w.list, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
		put(&w.tree, "", test_lead(ACT_JUMP, "-n1"));
		put(&w.tree, "", accepts);
		put(&w.tree, "", drops);
		put(&w.tree, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
		struct nft_form maps[] = {leaves, {.act = ACT_BOXES}};
		if (!faulty)
			nft_form_match(&maps[0], &w.arena, F_HEADER, nft_field_domain(F_HEADER));
		maps[1].boxes = (struct nft_boxes){.counts = true, .piece = &drops, .pieces = 1};
		nft_chain_spread(maps + faulty, 2 - faulty, &w.arena,
				 nft_program_chain(&w.tree, "-n1"));
		assert_int_equal(misfits_of(&w) > 0, faulty);
		end(&w);
	}
}

// A jump within a part, to a chain that was known before.
static void later_rules_behind_jumps_are_noticed(void **state)
{
	(void)state;
	for (unsigned faulty = 0; faulty < 2; faulty++) {
		struct world w;
		struct nft_form accepts, drops;
		begin_two_rules(&w, &accepts, &drops);
		struct nft_form six = of_version(&w, test_lead(ACT_GOTO, "-n4"), NFT_VERSION_6);
		put(&w.tree, "", test_lead(ACT_JUMP, "-n1"));
		put(&w.tree, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
		put(&w.tree, "-n1", six);
		six.chain = "-n2"; // none are left
		put(&w.tree, "-n1", six);
		put(&w.tree, "-n1", test_lead(ACT_GOTO, "-n3"));
		put(&w.tree, "-n2", drops);
		put(&w.tree, "-n3", faulty ? test_lead(ACT_JUMP, "-n2") : accepts);
		put(&w.tree, "-n3", faulty ? accepts : drops);
		put(&w.tree, "-n4", accepts);
		assert_int_equal(misfits_of(&w) > 0, faulty);
		end(&w);
	}
}

static struct nft_form between(struct world *w, struct nft_form form, u128 lo, u128 hi)
{
	struct nft_form rule = of_version(w, form, NFT_VERSION_4);
	nft_form_match(&rule, &w->arena, F_SRC4, algebra_set_one(&w->arena, lo, hi));
	return rule;
}

static struct nft_box box_between(struct world *w, u128 lo, u128 hi, const char *chain)
{
	struct algebra_range *range = arena_array(&w->arena, struct algebra_range, 2);
	range[0] = (struct algebra_range){lo, hi};
	range[1] = (struct algebra_range){0, 9};
	return (struct nft_box){.range = range, .chain = chain};
}

// Packets from 50..59 fall off behind the first box. That the second one holds them, too, says nothing of them, although
// others have come by there before.
static void boxes_behind_others_decide_nothing(void **state)
{
	(void)state;
	for (unsigned faulty = 0; faulty < 2; faulty++) {
		struct world w;
		begin_small(&w);
		struct nft_form first = between(&w, test_rule_of(0, ACT_ACCEPT), 0, 49),
				second = between(&w, test_rule_of(1, ACT_ACCEPT), 0, 99),
				aside = between(&w, test_lead(ACT_GOTO, "-n1"), 50, 59),
				map = of_version(&w, test_lead(ACT_BOXES, NULL), NFT_VERSION_4);
		nft_form_match(&first, &w.arena, F_DST4, algebra_set_one(&w.arena, 0, 9));
		nft_form_match(&aside, &w.arena, F_TTL4, algebra_set_one(&w.arena, 5, 5));
		struct nft_box box[] = {box_between(&w, 50, 59, "-n2"),
					box_between(&w, 0, 59, "-n3")};
		map.boxes = (struct nft_boxes){
			.field = {F_SRC4, F_DST4}, .fields = 2, .box = box, .len = 2};
		put(&w.list, "", first);
		put(&w.list, "", second);
		put(&w.list, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
		put(&w.tree, "", aside);
		put(&w.tree, "", map);
		put(&w.tree, "", second);
		put(&w.tree, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
		put(&w.tree, "-n1", second);
		if (faulty)
			(void)!nft_program_chain(&w.tree, "-n2");
		else
			put(&w.tree, "-n2", second);
		put(&w.tree, "-n3", test_rule_of(0, ACT_ACCEPT));
		assert_int_equal(misfits_of(&w) > 0, faulty);
		end(&w);
	}
}

// The form as decoding has it where the rule alone does not tell which field its last test reads.
static struct nft_form with_open_test(struct world *w, const struct nft_form *from)
{
	struct nft_form form = *from;
	struct nft_test *test = arena_new(&w->arena, struct nft_test);
	const struct nft_match *last = &form.match[--form.len];
	const struct nft_field_info *info = &nft_field_info[last->field];
	*test = (struct nft_test){.reg = {.loaded = true,
					  .place = info->place,
					  .bytes = info->bytes,
					  .mask = algebra_max(info->bytes * 8u)},
				  .set = last->set};
	form.open = test;
	form.open_len = 1;
	return form;
}

// A rule that logs and leaves the verdict to others jumps to a chain, but to none of clauses: it asks for its packets
// itself.
static void rules_that_only_log_are_lifted(void **state)
{
	(void)state;
	struct test_random random = {.state = 1};
	struct world w = {.random = &random, .ruleset = {.default_action = IR_PASS}};
	begin_small(&w);
	vec_push(&w.arena, &w.ruleset.rule, rule_asking(&w.arena, IR_ICMP4, 18, 18));
	vec_push(&w.arena, &w.ruleset.rule, rule_asking(&w.arena, IR_ICMP4, 5, 5));
	w.ruleset.rule.at[1].log = IR_LOG_SESSION;
	nft_compile(&w.ruleset, NULL, &w.list);
	const struct nft_chain *rules = nft_program_find(&w.list, "");
	struct nft_form header = test_lead(ACT_GOTO, "-n1");
	nft_form_match(&header, &w.arena, F_HEADER, nft_field_domain(F_HEADER));
	put(&w.tree, "", header);
	put(&w.tree, "", rules->rule.at[2]);
	put(&w.tree, "-n1", with_open_test(&w, &rules->rule.at[1])); // no packet is in both
	put(&w.tree, "-n1", rules->rule.at[0]);
	put(&w.tree, "-n1", rules->rule.at[2]);
	*nft_program_chain(&w.tree, "-1-do") = *nft_program_find(&w.list, "-1-do");
	assert_proven(&w, 0);
	assert_lifted(&w, 0);
	end(&w);
}

// A rule that only later fragments come to any more is no rule of the packets that the engine looks at.
static void what_only_fragments_meet_is_not_lifted(void **state)
{
	(void)state;
	struct world w = {.ruleset = {.default_action = IR_PASS}};
	struct backend_differences differences = {.arena = &w.arena};
	begin_small(&w);
	vec_push(&w.arena, &w.ruleset.rule, rule_asking(&w.arena, IR_DST4, 0xc0000201, 0xc0000201));
	w.ruleset.rule.at[0].verdict = IR_DROP;
	nft_compile(&w.ruleset, NULL, &w.list);
	const struct nft_chain *rules = nft_program_find(&w.list, "");
	struct nft_form header = test_lead(ACT_GOTO, "-n1");
	nft_form_match(&header, &w.arena, F_HEADER, nft_field_domain(F_HEADER));
	put(&w.tree, "", header);
	put(&w.tree, "", rules->rule.at[0]);
	put(&w.tree, "", rules->rule.at[1]);
	put(&w.tree, "-n1", rules->rule.at[1]);
	assert_int_equal(nft_differ(&w.ruleset, NULL, &w.tree, "g1", NULL, &differences), 0);
	assert_int_equal(differences.list.len, 1);
	assert_non_null(differences.list.at[0].witness);
	assert_witness(&w, differences.list.at[0].witness);
	end(&w);
}

// Where very many rules leave addresses open, rules are left out of chains because others together take their packets.
static void large_sets_are_proven_and_lifted(void **state)
{
	(void)state;
	const struct backend_nft_options options = {0};
	for (enum test_sets_kind kind = 0; kind < TEST_SETS_KINDS; kind++) {
		struct test_sets_spec spec = {.kind = kind, .family = 4, .rules = LARGE, .seed = 2};
		struct test_random random = {.state = kind};
		struct world w = {.random = &random};
		begin_small(&w);
		test_sets_make(&spec, &w.arena, &w.ruleset);
		nft_compile(&w.ruleset, NULL, &w.list);
		nft_compile_shaped(&w.ruleset, &options, &w.tree);
		assert_proven(&w, kind);
		assert_lifted(&w, kind);
		end(&w);
	}
}

// --- the packets that judge ---

// Asks for the whole of a field.
static void ask_all(struct world *w, struct nft_chain *rules, enum nft_field field)
{
	struct nft_form form = {.act = ACT_ACCEPT, .len = 1};
	struct nft_match match = {field, nft_field_domain(field)};
	form.match = arena_memdup(&w->arena, &match, sizeof(match));
	vec_push(&w->arena, &rules->rule, form);
}

static void assert_possible(const struct nft_point *packet)
{
	bool flow = packet->value[F_STATE] <= IR_STATE_RELATED;
	assert_true(nft_point_has(packet, F_FLOW_VERSION) == flow &&
		    nft_point_has(packet, F_DIRECTION) == flow);
	assert_true(!flow || packet->value[F_FLOW_VERSION] == packet->value[F_VERSION]);
	assert_true(!flow || nft_point_has(packet, F_HEADER));
	for (enum nft_field f = 0; f < NFT_FIELDS; f++)
		if (nft_point_has(packet, f) &&
		    !algebra_set_has(nft_field_domain(f), packet->value[f]))
			fail_msg("%s has an impossible value", nft_field_info[f].text);
}

// What no kernel sees tells nothing of a proof, which speaks of what a kernel sees.
static void packets_are_possible(void **state)
{
	(void)state;
	struct test_random random = {.state = 1};
	struct world w = {.random = &random};
	arena_init(&w.arena);
	nft_program_init(&w.list, &w.arena);
	struct nft_chain *rules = nft_program_chain(&w.list, "");
	for (enum nft_field f = 0; f < NFT_FIELDS; f++)
		ask_all(&w, rules, f);
	for (unsigned i = 0; i < 20000; i++) {
		struct nft_point packet;
		some_packet(&w, &packet);
		assert_possible(&packet);
	}
	end(&w);
}

// --- trees that were changed in place ---

// Some of a policy's rules are in force; rules come and go, each with its place in the policy.
struct changing {
	struct world *w;
	struct nft_program all;
	const struct nft_chain *rules; // of `all`
	struct nft_tree tree;
	uint32_t *number; // in the tree, by rule; NONE: it is not there
	size_t done;
};
#define NONE UINT32_MAX

static bool stays(const struct nft_form *form)
{
	return form->tag.rule == NFT_TAG_DEFAULT || form->tag.rule == NFT_TAG_NO_FLOW;
}

static void build_some(struct changing *c)
{
	struct nft_rules some = {.own = NULL};
	const struct backend_nft_shape shape = test_shape_random(c->w->random);
	for (uint32_t i = 0; i < c->rules->rule.len; i++) {
		if (c->number[i] == NONE)
			continue;
		c->number[i] = (uint32_t)some.list.len;
		vec_push(&c->w->arena, &some.list, &c->rules->rule.at[i]);
	}
	nft_tree_build(&some, &shape, &c->w->arena, &c->tree);
}

static void begin_changing(struct changing *c, struct world *w)
{
	struct ir_ruleset *ruleset = &w->ruleset;
	*c = (struct changing){.w = w};
	arena_init(&w->arena);
	nft_program_init(&c->all, &w->arena);
	test_policy_random(w->random, &w->arena, test_random_chance(w->random, 70), NOW, ruleset);
	nft_compile(ruleset, NULL, &c->all);
	c->rules = nft_program_find(&c->all, "");
	c->number = arena_array(&w->arena, uint32_t, c->rules->rule.len);
	for (size_t i = 0, stay = 0; i < c->rules->rule.len; i++) {
		const struct nft_form *form = &c->rules->rule.at[i];
		bool next = !i || form[-1].tag.rule != form->tag.rule;
		stay = next ? stays(form) || test_random_chance(w->random, 50) : stay;
		c->number[i] = stay ? 0 : NONE;
	}
	build_some(c);
}

static uint64_t rank_between(const struct changing *c, size_t at)
{
	size_t before = at, behind = at;
	while (before && c->number[before] == NONE)
		before--;
	while (c->number[behind] == NONE)
		behind++;
	uint64_t lo = c->number[before] == NONE ? 0 : c->tree.rank.at[c->number[before]],
		 hi = c->tree.rank.at[c->number[behind]];
	return lo + (hi - lo) / 2;
}

// A kernel rule comes or goes. False: the tree would have to be made anew.
static bool change_one(struct changing *c, size_t at)
{
	struct nft_touched touched = {.arena = &c->w->arena};
	if (c->number[at] != NONE) {
		uint32_t was = c->number[at];
		c->number[at] = NONE;
		return nft_tree_remove(&c->tree, was, &touched);
	}
	nft_tree_add_rule(&c->tree, &c->rules->rule.at[at], rank_between(c, at));
	c->number[at] = (uint32_t)c->tree.rule.len - 1;
	return nft_tree_place(&c->tree, c->number[at], &touched);
}

static void change_rule(struct changing *c)
{
	size_t at = below(c->w, c->rules->rule.len);
	uint32_t rule = c->rules->rule.at[at].tag.rule;
	bool done = true;
	while (at && c->rules->rule.at[at - 1].tag.rule == rule)
		at--;
	if (stays(&c->rules->rule.at[at]))
		return;
	for (; done && c->rules->rule.at[at].tag.rule == rule; at++)
		done = change_one(c, at);
	for (; c->rules->rule.at[at].tag.rule == rule; at++)
		c->number[at] = c->number[at] == NONE ? 0 : NONE;
	c->done += done;
	if (!done)
		build_some(c);
}

// The programs as they are now.
static void make_changed(struct changing *c)
{
	struct world *w = c->w;
	nft_program_init(&w->list, &w->arena);
	nft_program_init(&w->tree, &w->arena);
	for (size_t i = 0; i < c->all.chain.len; i++)
		if (*c->all.chain.at[i]->name)
			*nft_program_chain(&w->list, c->all.chain.at[i]->name) =
				*c->all.chain.at[i];
	struct nft_chain *rules = nft_program_chain(&w->list, "");
	for (size_t i = 0; i < c->rules->rule.len; i++)
		if (c->number[i] != NONE)
			vec_push(&w->arena, &rules->rule, c->rules->rule.at[i]);
	nft_shape_program(&c->all, &c->tree, &w->tree);
}

static void changed_trees_are_proven_and_lifted(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t done = 0;
	for (unsigned i = 0; i < RULESETS / 4; i++) {
		struct world w = {.random = &random};
		struct changing c;
		begin_changing(&c, &w);
		for (unsigned k = 0; k < 8; k++) {
			change_rule(&c);
			make_changed(&c);
			assert_proven(&w, i);
			assert_lifted(&w, i);
		}
		done += c.done;
		end(&w);
	}
	assert_true(done > RULESETS / 2);
}

// --- what nobody would make ---

static void leads(struct world *w, const char *from, const char *to, enum nft_act act)
{
	struct nft_chain *chain = nft_program_find(&w->tree, from);
	if (!chain)
		chain = nft_program_chain(&w->tree, from);
	vec_push(&w->arena, &chain->rule, (struct nft_form){.act = act, .chain = to});
}

// Each chain leads to the next by two ways, so that there are 2^200 ways; or in a circle; or to nowhere.
static void hostile_programs_come_to_an_end(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned kind = 0; kind < 4; kind++) {
		struct world w;
		begin(&w, &random);
		for (unsigned i = 0; i < 200; i++) {
			const char *from = arena_printf(&w.arena, "-n%u", 100000 + i),
				   *to = arena_printf(&w.arena, "-n%u", 100001 + i);
			leads(&w, from, to, kind == 1 ? ACT_GOTO : ACT_JUMP);
			leads(&w, from, to, ACT_JUMP);
		}
		if (kind == 2)
			leads(&w, "-n100200", "-n100000", ACT_JUMP);
		if (kind == 3)
			leads(&w, "-n100200", NULL, ACT_BRANCH);
		struct nft_chain *main_chain = nft_program_find(&w.tree, "");
		test_chain_insert(&w.arena, main_chain, 0, (struct nft_form){.act = ACT_ACCEPT});
		main_chain->rule.at[0] = (struct nft_form){.act = ACT_JUMP, .chain = "-n100000"};
		struct nft_proof proof;
		struct ir_ruleset lifted;
		struct backend_differences strange = {.arena = &w.arena};
		nft_prove(&w.list, &w.tree, &w.arena, &proof);
		assert_true(proof.over || proof.misfit.len);
		nft_lift(&w.tree, &w.arena, &lifted, &strange, NULL);
		assert_true(strange.list.len > 0);
		end(&w);
	}
}

static struct nft_box some_box(struct world *w, const char *chain)
{
	struct algebra_range *range = arena_array(&w->arena, struct algebra_range, 2);
	for (unsigned f = 0; f < 2; f++) {
		u128 lo = test_random_below(w->random, 1u << 30);
		range[f] = (struct algebra_range){lo, lo + test_random_below(w->random, 1u << 25)};
	}
	return (struct nft_box){.range = range, .chain = chain};
}

// Packets come back from every box, so that each parts what the others have left.
static void what_is_parted_without_end_comes_to_one(void **state)
{
	(void)state;
	enum { BOXES = 6000 };
	struct test_random random = {.state = test_random_seed(NULL)};
	struct world w = {.random = &random};
	begin_small(&w);
	struct nft_form map = of_version(&w, test_lead(ACT_BOXES, NULL), NFT_VERSION_4);
	struct nft_box *box = arena_array(&w.arena, struct nft_box, BOXES);
	for (unsigned i = 0; i < BOXES; i++)
		box[i] = some_box(&w, "-n1");
	map.boxes = (struct nft_boxes){
		.field = {F_SRC4, F_DST4}, .fields = 2, .box = box, .len = BOXES};
	put(&w.list, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
	put(&w.tree, "", map);
	put(&w.tree, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
	(void)!nft_program_chain(&w.tree, "-n1");
	struct nft_proof proof;
	nft_prove(&w.list, &w.tree, &w.arena, &proof);
	assert_true(proof.over);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_are_proven_and_lifted),
		cmocka_unit_test(changed_trees_are_proven_and_lifted),
		cmocka_unit_test(changes_are_noticed),
		cmocka_unit_test(witnesses_are_packets_that_exist),
		cmocka_unit_test(rules_that_only_log_are_lifted),
		cmocka_unit_test(what_only_fragments_meet_is_not_lifted),
		cmocka_unit_test(faulty_lists_are_noticed),
		cmocka_unit_test(header_that_is_asked_about_is_noticed),
		cmocka_unit_test(packets_that_come_twice_are_noticed),
		cmocka_unit_test(later_rules_in_shared_chains_are_noticed),
		cmocka_unit_test(later_rules_behind_jumps_are_noticed),
		cmocka_unit_test(boxes_behind_others_decide_nothing),
		cmocka_unit_test(parts_of_later_rules_may_stand_in_front),
		cmocka_unit_test(rules_behind_a_shut_guard_are_missed),
		cmocka_unit_test(parts_behind_a_rule_that_leaves_are_for_the_others),
		cmocka_unit_test(large_sets_are_proven_and_lifted),
		cmocka_unit_test(packets_are_possible),
		cmocka_unit_test(hostile_programs_come_to_an_end),
		cmocka_unit_test(what_is_parted_without_end_comes_to_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
