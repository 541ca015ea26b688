// SPDX-License-Identifier: Apache-2.0
// A rule that goes from a tree which was proven, and nothing else: the tree is not what the list without it says only where
// a reason says that the rule was needed. So who proves it there anew has proven all.
#include "backend/nft/compile.h"
#include "backend/nft/differ.h"
#include "backend/nft/prove.h"
#include "backend/nft/reasons.h"
#include "backend/nft/test_case.h"
#include "backend/nft/test_change.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000
#define RULESETS 1500

struct world {
	struct arena arena;
	struct ir_ruleset ruleset;
	struct nft_program list, tree;            // with the rule, …
	struct nft_program short_list, thin_tree; // … without
	uint32_t gone;                            // the rule
};

static void begin(struct world *w, struct test_random *random)
{
	struct nft_tree tree;
	const struct backend_nft_shape shape = test_shape_random(random);
	arena_init(&w->arena);
	nft_program_init(&w->list, &w->arena);
	nft_program_init(&w->tree, &w->arena);
	if (test_random_chance(random, 20))
		test_policy_hosts(random, &w->arena, test_random_chance(random, 70), NOW,
				  &w->ruleset);
	else
		test_policy_random(random, &w->arena, test_random_chance(random, 70), NOW,
				   &w->ruleset);
	nft_compile(&w->ruleset, NULL, &w->list);
	nft_tree_build_from(&w->list, &shape, &w->arena, &tree);
	nft_shape_program(&w->list, &tree, &w->tree);
	w->gone =
		w->ruleset.rule.len ? test_random_below(random, (uint32_t)w->ruleset.rule.len) : 0;
}

static bool is_gone(const struct world *w, const struct nft_form *form)
{
	return form->tag.known && form->tag.rule == w->gone;
}

static const struct nft_chain *led_to(const struct world *w, const struct nft_box *box)
{
	return nft_program_find(&w->tree, box->chain);
}

// Boxes of the rule that decide by themselves go; false when some lead to a chain that others may share.
static bool thin(struct world *w, struct nft_form *form)
{
	size_t left = 0;
	struct nft_box *box = arena_array(&w->arena, struct nft_box, form->boxes.len);
	for (size_t i = 0; i < form->boxes.len; i++) {
		const struct nft_chain *to = led_to(w, &form->boxes.box[i]);
		bool goes = to && to->rule.len && is_gone(w, &to->rule.at[0]);
		if (goes && !to->direct)
			return false;
		if (!goes)
			box[left++] = form->boxes.box[i];
	}
	form->boxes.box = box;
	form->boxes.len = left;
	return true;
}

static bool take_from(struct world *w, const struct nft_chain *from, struct nft_program *to)
{
	if (from->direct && is_gone(w, &from->rule.at[0]))
		return true;
	struct nft_chain *chain = nft_program_chain(to, from->name);
	chain->direct = from->direct;
	for (size_t i = 0; i < from->rule.len; i++) {
		struct nft_form form = from->rule.at[i];
		if (is_gone(w, &form) && form.chain)
			return false;
		if (is_gone(w, &form))
			continue;
		if (form.act == ACT_BOXES && !thin(w, &form))
			return false;
		if (form.act != ACT_BOXES || form.boxes.len)
			vec_push(&w->arena, &chain->rule, form);
	}
	return true;
}

// False when the rule has chains of its own.
static bool take_out(struct world *w)
{
	bool good = w->ruleset.rule.len > 0;
	nft_program_init(&w->short_list, &w->arena);
	nft_program_init(&w->thin_tree, &w->arena);
	for (size_t i = 0; i < w->list.chain.len && good; i++)
		good = take_from(w, w->list.chain.at[i], &w->short_list);
	for (size_t i = 0; i < w->tree.chain.len && good; i++)
		good = take_from(w, w->tree.chain.at[i], &w->thin_tree);
	return good;
}

static bool proven_in(struct world *w, const struct nft_area *area)
{
	struct nft_proof proof;
	nft_prove_in(area, &w->short_list, &w->thin_tree, &w->arena, &proof);
	return !proof.misfit.len && !proof.over;
}

// How many areas were asked about; *proven: all of them hold.
static size_t ask(struct world *w, const struct nft_form *went, size_t number,
		  const struct nft_reason_list *reasons, bool *proven)
{
	const struct nft_chain *rules = nft_program_find(&w->list, "");
	size_t asked = 0;
	for (size_t i = 0; i < reasons->list.len; i++) {
		const struct nft_reason *reason = &reasons->list.at[i];
		bool all = reason->rule == NFT_REASON_ANY;
		const struct nft_form *rule = all ? NULL : &rules->rule.at[reason->rule];
		struct nft_area area;
		if ((reason->by != number && reason->by != NFT_REASON_ANY) ||
		    (rule && is_gone(w, rule)))
			continue;
		nft_area_all(&area);
		nft_area_form(&area, &w->arena, went);
		if (rule)
			nft_area_form(&area, &w->arena, rule);
		nft_reason_narrow(reason, &w->arena, &area);
		if (area.never)
			continue;
		asked++;
		*proven &= proven_in(w, &area);
	}
	return asked;
}

static size_t ask_all(struct world *w, const struct nft_reason_list *reasons, bool *proven)
{
	const struct nft_chain *rules = nft_program_find(&w->list, "");
	size_t asked = 0;
	for (size_t i = 0; i < rules->rule.len; i++)
		if (is_gone(w, &rules->rule.at[i]))
			asked += ask(w, &rules->rule.at[i], i, reasons, proven);
	return asked;
}

// Of a gate the proof follows packets on both ways, as long as they are of some rule and not of few values: what is wrong
// then is looked at once more, for packets of the rule that has gone and the one that is told.
static bool is_wrong(struct world *w, const struct nft_proof *proof)
{
	const struct nft_chain *rules = nft_program_find(&w->list, ""),
			       *left = nft_program_find(&w->short_list, "");
	bool wrong = proof->over;
	for (size_t i = 0; i < proof->misfit.len && !wrong; i++) {
		size_t told = proof->misfit.at[i].rule;
		for (size_t k = 0; k < rules->rule.len && !wrong; k++) {
			struct nft_area area;
			if (!is_gone(w, &rules->rule.at[k]))
				continue;
			nft_area_all(&area);
			nft_area_form(&area, &w->arena, &rules->rule.at[k]);
			if (told != NFT_MISFIT_NONE)
				nft_area_form(&area, &w->arena, &left->rule.at[told]);
			wrong = !area.never && !proven_in(w, &area);
		}
	}
	return wrong;
}

static void what_is_not_asked_holds(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t gone = 0, wrong = 0, unasked = 0;
	for (unsigned i = 0; i < RULESETS; i++) {
		struct world w = {.gone = 0};
		struct nft_proof before, after;
		begin(&w, &random);
		nft_prove(&w.list, &w.tree, &w.arena, &before);
		assert_int_equal(before.misfit.len, 0);
		if (take_out(&w)) {
			bool proven = true;
			size_t asked = ask_all(&w, &before.reason, &proven);
			nft_prove(&w.short_list, &w.thin_tree, &w.arena, &after);
			if (proven && is_wrong(&w, &after))
				fail_msg("ruleset %u: without rule %u the tree is wrong, and %zu "
					 "areas are right",
					 i, w.gone, asked);
			gone++;
			wrong += !proven;
			unasked += !asked;
		}
		arena_fini(&w.arena);
	}
	print_message("%zu rules taken out of trees, %zu made them wrong; %zu nobody leaned on\n",
		      gone, wrong, unasked);
	assert_true(gone > RULESETS / 4 && wrong > RULESETS / 50 && unasked > RULESETS / 8);
}

// --- what chance seldom makes ---

static struct nft_form of_version_4(struct world *w, struct nft_form form)
{
	nft_form_match(&form, &w->arena, F_VERSION,
		       algebra_set_one(&w->arena, NFT_VERSION_4, NFT_VERSION_4));
	return form;
}

static void put(struct nft_program *program, const char *chain, struct nft_form form)
{
	struct nft_chain *to = nft_program_find(program, chain);
	if (!to)
		to = nft_program_chain(program, chain);
	to->direct = !strncmp(chain, NFT_DIRECT_CHAIN, strlen(NFT_DIRECT_CHAIN));
	vec_push(program->arena, &to->rule, form);
}

static struct nft_form of_value(struct world *w, struct nft_form form, enum nft_field field,
				u128 value)
{
	nft_form_match(&form, &w->arena, field, algebra_set_one(&w->arena, value, value));
	return form;
}

// A map whose boxes hold all sources together, and this protocol or all; they drop for the rule.
static struct nft_form all_boxes(struct world *w, uint32_t number, size_t boxes,
				 struct algebra_range proto)
{
	struct nft_form map = test_lead(ACT_BOXES, NULL);
	map.boxes = (struct nft_boxes){.field = {F_SRC4, F_PROTO},
				       .fields = 2,
				       .name = "-m1",
				       .box = arena_array(&w->arena, struct nft_box, boxes),
				       .len = boxes};
	for (size_t i = 0; i < boxes; i++) {
		struct algebra_range *range = arena_array(&w->arena, struct algebra_range, 2);
		u128 all = (u128)1 << 32;
		range[0] = (struct algebra_range){all * i / boxes, all * (i + 1) / boxes - 1};
		range[1] = proto;
		map.boxes.box[i] =
			(struct nft_box){.range = range, .chain = NFT_DIRECT_CHAIN "drops"};
	}
	put(&w->tree, NFT_DIRECT_CHAIN "drops", test_rule_of(number, ACT_DROP));
	return map;
}

static void begin_small(struct world *w)
{
	*w = (struct world){.ruleset = {.default_action = IR_DROP}};
	arena_init(&w->arena);
	nft_program_init(&w->list, &w->arena);
	nft_program_init(&w->tree, &w->arena);
	vec_push(&w->arena, &w->ruleset.rule, (struct ir_rule){.name = "r"});
}

static void is_asked_when_gone(struct world *w, uint32_t gone)
{
	struct nft_proof proof;
	bool proven = true;
	w->gone = gone;
	put(&w->list, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
	nft_prove(&w->list, &w->tree, &w->arena, &proof);
	assert_int_equal(proof.misfit.len, 0);
	assert_true(take_out(w));
	assert_true(ask_all(w, &proof.reason, &proven) > 0);
	assert_false(proven);
	arena_fini(&w->arena);
}

// Two ways lead to a chain. On one of them a rule, or its box, takes all packets, so it was never looked at what stands
// behind for them: which is for more packets there than it should be.
static void what_was_never_seen_is_asked_about(void **state)
{
	(void)state;
	const struct algebra_range udp = {17, 17};
	for (unsigned by_box = 0; by_box < 2; by_box++) {
		struct world w;
		begin_small(&w);
		struct nft_form drops = of_value(&w, of_version_4(&w, test_rule_of(0, ACT_DROP)),
						 F_PROTO, 17),
				accepts =
					of_value(&w, of_version_4(&w, test_rule_of(1, ACT_ACCEPT)),
						 F_DST4, 9);
		struct nft_form go = of_version_4(&w, test_lead(ACT_GOTO, "-n1"));
		put(&w.tree, "-n1", by_box ? all_boxes(&w, 0, 1, udp) : drops);
		put(&w.tree, "-n1", accepts);
		put(&w.tree, "-n1", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
		put(&w.tree, "", of_value(&w, go, F_PROTO, 17));
		put(&w.tree, "", of_value(&w, go, F_SRC4, 7));
		put(&w.tree, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
		put(&w.list, "", drops);
		put(&w.list, "", of_value(&w, accepts, F_SRC4, 7));
		is_asked_when_gone(&w, 0);
	}
}

// Packets did not come to a rule twice, as another one took them between.
static void who_comes_twice_is_asked_about(void **state)
{
	(void)state;
	const struct algebra_range any = {0, 255};
	struct world w;
	begin_small(&w);
	put(&w.list, "", of_version_4(&w, test_rule_of(0, ACT_CONTINUE)));
	put(&w.list, "", of_version_4(&w, test_rule_of(1, ACT_DROP)));
	put(&w.tree, "", of_version_4(&w, test_lead(ACT_GOTO, "-n1")));
	put(&w.tree, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
	put(&w.tree, "-n1", test_rule_of(0, ACT_CONTINUE));
	put(&w.tree, "-n1", all_boxes(&w, 1, 2, any));
	put(&w.tree, "-n1", test_rule_of(0, ACT_CONTINUE));
	put(&w.tree, "-n1", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
	is_asked_when_gone(&w, 1);
}

// --- keeping them ---

static struct nft_reason reason_of(uint32_t rule, uint32_t by, uint16_t lo, uint16_t hi)
{
	return (struct nft_reason){rule,
				   by,
				   {.src = {0, UINT32_MAX},
				    .dst = {0, UINT32_MAX},
				    .port = {lo, hi},
				    .proto = {0, UINT8_MAX}}};
}

static bool has(const struct nft_reasons *reasons, uint32_t rule, uint32_t by, uint16_t port)
{
	for (size_t i = 0; i < reasons->len; i++) {
		const struct nft_reason *r = &reasons->at[i];
		if (r->rule == rule && r->by == by && r->packets.port[0] <= port &&
		    r->packets.port[1] >= port)
			return true;
	}
	return false;
}

// A list that is not the one whose numbers are given: nothing is known of it.
static void reasons_of_another_list_are_not_known(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	struct world w = {.gone = 0};
	begin(&w, &random);
	size_t rules = nft_program_find(&w.list, "")->rule.len;
	uint32_t *number = arena_array(&w.arena, uint32_t, rules + 1);
	for (uint32_t i = 0; i <= rules; i++)
		number[i] = i;
	for (size_t more = 0; more < 2; more++) {
		struct nft_reasons reasons = {.known = more};
		struct backend_differences out = {.arena = &w.arena};
		const struct nft_leaning leaning = {&reasons, number, rules + more};
		assert_int_equal(nft_differ(&w.ruleset, NULL, &w.tree, "g1", &leaning, &out), 0);
		assert_int_equal(out.list.len, 0);
		assert_int_equal(reasons.known, !more);
		assert_true(!more || !reasons.len);
		nft_reasons_fini(&reasons);
	}
	arena_fini(&w.arena);
}

// However often the same is said, memory does not grow, and nothing is lost.
static void repeated_reasons_are_one(void **state)
{
	(void)state;
	struct nft_reasons reasons = {.known = true};
	for (uint32_t i = 0; i < 3000000; i++) {
		uint32_t pair = i % 1000;
		nft_reasons_add(&reasons, reason_of(pair, pair + 1, (uint16_t)(i / 1000 % 7),
						    (uint16_t)(i / 1000 % 7 + 1)));
		if (i % 100 == 0)
			nft_reasons_add(&reasons,
					reason_of(pair, NFT_REASON_ANY, (uint16_t)pair, 1000));
	}
	assert_true(reasons.known);
	assert_true(reasons.len < 200000);
	for (uint32_t pair = 0; pair < 1000; pair++)
		for (uint16_t port = 0; port < 8; port++)
			assert_true(has(&reasons, pair, pair + 1, port));
	for (uint32_t pair = 0; pair < 1000; pair += 100)
		assert_true(has(&reasons, pair, NFT_REASON_ANY, (uint16_t)pair));
	nft_reasons_fini(&reasons);
	assert_false(reasons.known);
}

// More than may be kept: nothing is known then.
static void too_many_reasons_are_none(void **state)
{
	(void)state;
	struct nft_reasons reasons = {.known = true};
	for (uint32_t i = 0; i <= NFT_REASONS_MOST; i++)
		nft_reasons_add(&reasons, reason_of(i, i + 1, 0, 1));
	assert_false(reasons.known);
	nft_reasons_fini(&reasons);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_asked_holds),
		cmocka_unit_test(what_was_never_seen_is_asked_about),
		cmocka_unit_test(who_comes_twice_is_asked_about),
		cmocka_unit_test(reasons_of_another_list_are_not_known),
		cmocka_unit_test(repeated_reasons_are_one),
		cmocka_unit_test(too_many_reasons_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
