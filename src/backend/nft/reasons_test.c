// SPDX-License-Identifier: Apache-2.0
// A rule that goes from a tree which was proven, and nothing else: the tree is not what the list without it says only where
// a reason says that the rule was needed. So who proves it there anew has proven all.
#include "backend/nft/differ.h"
#include "backend/nft/prove.h"
#include "backend/nft/reasons.h"
#include "backend/nft/test_change.h"
#include "backend/nft/test_without.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RULESETS 1500

static bool proven_in(struct test_without *w, const struct nft_area *area,
		      const enum nft_since *since)
{
	struct nft_proof proof;
	struct nft_area *one = nft_area_dup(area, &w->arena);
	const struct nft_areas areas = {{.at = &one, .len = 1}};
	nft_prove_in(&areas, &w->short_list, &w->thin_tree, since, &w->arena, &proof);
	return !proof.misfit.len && !proof.over;
}

// The rule of the list in the one without those that have gone.
static size_t place_without(const struct test_without *w, size_t rule)
{
	const struct nft_chain *rules = nft_program_find(&w->list, "");
	size_t place = 0;
	for (size_t i = 0; i < rule; i++)
		place += !test_without_is(w, &rules->rule.at[i]);
	return place;
}

// Of a reason that names a rule no other one is followed.
static bool reason_holds(struct test_without *w, const struct nft_area *area,
			 const struct nft_reason *reason)
{
	size_t rules = nft_program_find(&w->short_list, "")->rule.len;
	enum nft_since *since = arena_array(&w->arena, enum nft_since, rules);
	if (reason->rule == NFT_REASON_ANY)
		return proven_in(w, area, NULL);
	since[place_without(w, reason->rule)] = NFT_SINCE_LEFT;
	return proven_in(w, area, since);
}

// How many areas were asked about; *proven: all of them hold.
static size_t ask(struct test_without *w, const struct nft_form *went, size_t number,
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
		    (rule && test_without_is(w, rule)))
			continue;
		nft_area_of(went, &w->arena, &area);
		if (rule)
			nft_area_form(&area, &w->arena, rule);
		nft_reason_narrow(reason, &w->arena, &area);
		if (area.never)
			continue;
		asked++;
		*proven &= reason_holds(w, &area, reason);
	}
	return asked;
}

static size_t ask_all(struct test_without *w, const struct nft_reason_list *reasons, bool *proven)
{
	const struct nft_chain *rules = nft_program_find(&w->list, "");
	size_t asked = 0;
	for (size_t i = 0; i < rules->rule.len; i++)
		if (test_without_is(w, &rules->rule.at[i]))
			asked += ask(w, &rules->rule.at[i], i, reasons, proven);
	return asked;
}

// The block, or box, with this number.
static void narrow_to(struct test_without *w, const struct nft_form *gate, size_t number,
		      struct nft_area *area)
{
	const struct nft_boxes *boxes = &gate->boxes;
	const struct algebra_range *block = &gate->map.branch[number].range;
	struct arena *a = &w->arena;
	if (gate->act == ACT_BRANCH)
		nft_area_narrow(area, a, gate->map.field, (struct algebra_set){block, 1});
	for (size_t f = 0; gate->act == ACT_BOXES && f < boxes->fields; f++)
		nft_area_narrow(area, a, boxes->field[f],
				(struct algebra_set){&boxes->box[number].range[f], 1});
}

// Of a gate the proof follows packets on both ways where they are of several values, and may find wrong what no packet comes
// to. So each block and box is asked about by itself, from this gate on.
static bool is_wrong_in(struct test_without *w, const struct nft_area *area, size_t gate)
{
	const struct nft_form *form = test_find(&w->thin_tree, nft_form_gate, gate);
	struct nft_areas left = {{0}};
	bool wrong = !area->never && !proven_in(w, area, NULL);
	if (!wrong || !form)
		return wrong;
	wrong = false;
	vec_push(&w->arena, &left.list, nft_area_dup(area, &w->arena));
	size_t n = form->act == ACT_BRANCH ? form->map.len : form->boxes.len;
	for (size_t i = 0; i < n && !wrong; i++) {
		struct nft_area here, block;
		struct nft_areas others = {{0}};
		nft_area_assign(&here, area);
		narrow_to(w, form, i, &here);
		wrong = is_wrong_in(w, &here, gate + 1);
		nft_area_all(&block);
		narrow_to(w, form, i, &block);
		for (size_t k = 0; k < left.list.len; k++)
			nft_area_minus(left.list.at[k], &block, &w->arena, &others);
		left = others;
	}
	for (size_t k = 0; k < left.list.len && !wrong; k++)
		wrong = is_wrong_in(w, left.list.at[k], gate + 1);
	return wrong;
}

// What is wrong is looked at once more, for packets of the rule that has gone and the one that is told.
static bool is_wrong(struct test_without *w, const struct nft_proof *proof)
{
	const struct nft_chain *rules = nft_program_find(&w->list, ""),
			       *left = nft_program_find(&w->short_list, "");
	bool wrong = proof->over;
	for (size_t i = 0; i < proof->misfit.len && !wrong; i++) {
		size_t told = proof->misfit.at[i].rule;
		for (size_t k = 0; k < rules->rule.len && !wrong; k++) {
			struct nft_area area;
			if (!test_without_is(w, &rules->rule.at[k]))
				continue;
			nft_area_of(&rules->rule.at[k], &w->arena, &area);
			if (told != NFT_MISFIT_NONE)
				nft_area_form(&area, &w->arena, &left->rule.at[told]);
			wrong = is_wrong_in(w, &area, 0);
		}
	}
	return wrong;
}

static void add_reasons(struct test_without *w, const struct nft_proof *proof, const size_t *place,
			struct nft_reason_list *out)
{
	assert_false(proof->misfit.len || proof->over || proof->reason.over);
	for (size_t i = 0; i < proof->reason.list.len; i++) {
		struct nft_reason reason = proof->reason.list.at[i];
		if (place && reason.rule != NFT_REASON_ANY)
			reason.rule = (uint32_t)place[reason.rule];
		if (place && reason.by != NFT_REASON_ANY)
			reason.by = (uint32_t)place[reason.by];
		nft_reason_add(out, &w->arena, reason);
	}
}

// What the proof leans on, made at once; or without one of the rules, and then for this one, as it came. False when the tree
// is wrong without it.
static bool find_reasons(struct test_without *w, bool came, struct nft_reason_list *out)
{
	const struct nft_chain *rules = nft_program_find(&w->list, "");
	size_t *place = arena_array(&w->arena, size_t, rules->rule.len);
	enum nft_since *since = arena_array(&w->arena, enum nft_since, rules->rule.len);
	struct nft_proof proof;
	if (!came) {
		nft_prove(&w->list, &w->tree, &w->arena, &proof);
		add_reasons(w, &proof, NULL, out);
		return true;
	}
	if (!test_without_take(w))
		return false;
	nft_prove(&w->short_list, &w->thin_tree, &w->arena, &proof);
	if (proof.misfit.len)
		return false;
	for (size_t i = 0; i < rules->rule.len; i++)
		if (test_without_is(w, &rules->rule.at[i]))
			since[i] = NFT_SINCE_CAME;
		else
			place[place_without(w, i)] = i;
	add_reasons(w, &proof, place, out);
	for (size_t i = 0; i < rules->rule.len; i++) {
		struct nft_areas areas = {{0}};
		if (since[i] != NFT_SINCE_CAME)
			continue;
		nft_areas_add(&areas, &rules->rule.at[i], &w->arena);
		nft_prove_in(&areas, &w->list, &w->tree, since, &w->arena, &proof);
		add_reasons(w, &proof, NULL, out);
	}
	return true;
}

static void try_what_is_not_asked(bool came)
{
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t gone = 0, wrong = 0, unasked = 0;
	for (unsigned i = 0; i < RULESETS; i++) {
		struct test_without w = {.gone = 0};
		struct nft_reason_list reasons = {.over = false};
		struct nft_proof after;
		test_without_make(&w, &random);
		bool known = find_reasons(&w, came, &reasons);
		if (came && known)
			w.gone = test_random_below(&random, (uint32_t)w.ruleset.rule.len);
		if (known && test_without_take(&w)) {
			bool proven = true;
			size_t asked = ask_all(&w, &reasons, &proven);
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
	assert_true(gone > RULESETS / 4 && wrong > RULESETS / (came ? 100 : 50) &&
		    unasked > RULESETS / 8);
}

static void what_is_not_asked_holds(void **state)
{
	(void)state;
	try_what_is_not_asked(false);
}

static void what_is_not_asked_behind_one_that_came_holds(void **state)
{
	(void)state;
	try_what_is_not_asked(true);
}

// --- what chance seldom makes ---

static struct nft_form of_version_4(struct test_without *w, struct nft_form form)
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

static struct nft_form of_value(struct test_without *w, struct nft_form form, enum nft_field field,
				u128 value)
{
	nft_form_match(&form, &w->arena, field, algebra_set_one(&w->arena, value, value));
	return form;
}

// A map whose boxes hold all sources together, and this protocol or all; they drop for the rule.
static struct nft_form all_boxes(struct test_without *w, uint32_t number, size_t boxes,
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

static void begin_small(struct test_without *w)
{
	*w = (struct test_without){.ruleset = {.default_action = IR_DROP}};
	arena_init(&w->arena);
	nft_program_init(&w->list, &w->arena);
	nft_program_init(&w->tree, &w->arena);
	vec_push(&w->arena, &w->ruleset.rule, (struct ir_rule){.name = "r"});
}

static void is_asked_when_gone(struct test_without *w, uint32_t gone)
{
	struct nft_proof proof;
	bool proven = true;
	w->gone = gone;
	put(&w->list, "", test_rule_of(NFT_TAG_DEFAULT, ACT_DROP));
	nft_prove(&w->list, &w->tree, &w->arena, &proof);
	assert_int_equal(proof.misfit.len, 0);
	assert_true(test_without_take(w));
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
		struct test_without w;
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
	struct test_without w;
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
	struct test_without w = {.gone = 0};
	test_without_make(&w, &random);
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
		cmocka_unit_test(what_is_not_asked_behind_one_that_came_holds),
		cmocka_unit_test(what_was_never_seen_is_asked_about),
		cmocka_unit_test(who_comes_twice_is_asked_about),
		cmocka_unit_test(reasons_of_another_list_are_not_known),
		cmocka_unit_test(repeated_reasons_are_one),
		cmocka_unit_test(too_many_reasons_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
