// SPDX-License-Identifier: Apache-2.0
// A tree was proven; then a rule came, and more happened to what stands there for it and others. The proof that follows only
// those, and whom they have come to stand before, finds what the proof of all rules finds.
#include "backend/nft/prove.h"
#include "backend/nft/test_change.h"
#include "backend/nft/test_without.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define RULESETS 1500
#define CHANGES 4u

struct changing {
	struct test_without w;
	struct test_random *random;
	struct nft_program now;
	const struct nft_chain *list;
	enum nft_since *since;
};

static uint32_t below(struct changing *c, size_t n)
{
	return test_random_below(c->random, (uint32_t)n);
}

static void begin(struct changing *c)
{
	struct test_without *w = &c->w;
	c->list = nft_program_find(&w->list, "");
	c->since = arena_array(&w->arena, enum nft_since, c->list->rule.len);
	nft_program_init(&c->now, &w->arena);
	for (size_t i = 0; i < w->tree.chain.len; i++) {
		const struct nft_chain *from = w->tree.chain.at[i];
		struct nft_chain *to = nft_program_chain(&c->now, from->name);
		to->direct = from->direct;
		for (size_t k = 0; k < from->rule.len; k++)
			vec_push(&w->arena, &to->rule, from->rule.at[k]);
	}
	for (size_t i = 0; i < c->list->rule.len; i++)
		if (test_without_is(w, &c->list->rule.at[i]))
			c->since[i] = NFT_SINCE_CAME;
}

static void set_since(struct changing *c, const struct nft_tag *tag, enum nft_since since)
{
	for (size_t i = 0; i < c->list->rule.len; i++)
		if (c->list->rule.at[i].tag.rule == tag->rule && c->since[i] != NFT_SINCE_CAME)
			c->since[i] = since;
}

// --- what happens ---

struct spot {
	struct nft_chain *chain;
	size_t rule;
};

// Of the tree: what a rule has for itself is the same wherever it stands.
static bool is_of_tree(const struct nft_chain *chain)
{
	return !chain->direct && (!*chain->name || nft_is_node(chain->name));
}

// A rule of a chain by chance, of the rule that came or of others.
static bool some_spot(struct changing *c, bool of_came, struct spot *out)
{
	size_t n = 0;
	for (size_t i = 0; i < c->now.chain.len; i++) {
		struct nft_chain *chain = c->now.chain.at[i];
		for (size_t k = 0; k < chain->rule.len; k++) {
			const struct nft_form *form = &chain->rule.at[k];
			if (is_of_tree(chain) && form->tag.known &&
			    form->tag.rule != NFT_TAG_HELPER &&
			    test_without_is(&c->w, form) == of_came && !below(c, ++n))
				*out = (struct spot){chain, k};
		}
	}
	return n > 0;
}

// It leads to nobody else: another one may have been put into that chain, or it into another's.
static bool is_of_came(const struct changing *c, const struct nft_box *box)
{
	const struct nft_chain *to = nft_program_find(&c->now, box->chain);
	bool own = to && to->rule.len;
	for (size_t i = 0; own && i < to->rule.len; i++)
		own = test_without_is(&c->w, &to->rule.at[i]);
	return own;
}

// A map with boxes of the rule that came, of its own.
static struct nft_boxes *some_map(struct changing *c, size_t *box)
{
	struct nft_form *look_up = NULL;
	size_t n = 0;
	for (size_t i = 0; i < c->now.chain.len; i++) {
		struct nft_chain *chain = c->now.chain.at[i];
		for (size_t k = 0; k < chain->rule.len; k++) {
			struct nft_form *form = &chain->rule.at[k];
			for (size_t b = 0; form->act == ACT_BOXES && b < form->boxes.len; b++)
				if (is_of_came(c, &form->boxes.box[b]) && !below(c, ++n)) {
					look_up = form;
					*box = b;
				}
		}
	}
	if (!look_up)
		return NULL;
	struct nft_boxes *boxes = &look_up->boxes;
	boxes->box = arena_memdup(&c->w.arena, boxes->box, boxes->len * sizeof(*boxes->box));
	return boxes;
}

static bool move(struct changing *c, bool of_came)
{
	struct spot spot;
	if (!some_spot(c, of_came, &spot))
		return false;
	struct nft_form form = spot.chain->rule.at[spot.rule];
	set_since(c, &form.tag, NFT_SINCE_CAME);
	test_chain_remove(spot.chain, spot.rule);
	test_chain_insert(&c->w.arena, spot.chain, below(c, spot.chain->rule.len + 1), form);
	return true;
}

static bool take_away(struct changing *c, bool of_came)
{
	struct spot spot;
	if (!some_spot(c, of_came, &spot))
		return false;
	set_since(c, &spot.chain->rule.at[spot.rule].tag, NFT_SINCE_LEFT);
	test_chain_remove(spot.chain, spot.rule);
	return true;
}

// One more place of the rule, for all of its packets.
static bool put_one_more(struct changing *c)
{
	struct nft_chain *to = c->now.chain.at[below(c, c->now.chain.len)];
	const struct nft_form *form = NULL;
	size_t n = 0;
	for (size_t i = 0; i < c->list->rule.len; i++)
		if (test_without_is(&c->w, &c->list->rule.at[i]) && !below(c, ++n))
			form = &c->list->rule.at[i];
	if (!form || !is_of_tree(to))
		return false;
	test_chain_insert(&c->w.arena, to, below(c, to->rule.len + 1), *form);
	return true;
}

static bool swap_boxes(struct changing *c)
{
	size_t box;
	struct nft_boxes *boxes = some_map(c, &box);
	if (!boxes)
		return false;
	size_t other = below(c, boxes->len);
	struct nft_box was = boxes->box[box];
	boxes->box[box] = boxes->box[other];
	boxes->box[other] = was;
	const struct nft_chain *others = nft_program_find(&c->now, boxes->box[box].chain);
	if (others && others->rule.len)
		set_since(c, &others->rule.at[0].tag, NFT_SINCE_CAME);
	return true;
}

static bool lose_box(struct changing *c)
{
	size_t box;
	struct nft_boxes *boxes = some_map(c, &box);
	if (!boxes)
		return false;
	boxes->len--;
	for (size_t i = box; i < boxes->len; i++)
		boxes->box[i] = boxes->box[i + 1];
	return true;
}

// A chain to which only boxes of the rule that came lead; NULL when it does more than boxes can.
static const char *direct_chain(struct changing *c)
{
	for (size_t i = 0; i < c->list->rule.len; i++) {
		struct nft_form form = c->list->rule.at[i];
		if (!test_without_is(&c->w, &form) || !nft_takes(&form) || form.log.prefix ||
		    form.chain)
			continue;
		struct nft_chain *chain = nft_program_chain(&c->now, NFT_DIRECT_CHAIN "came");
		chain->direct = true;
		form.len = 0;
		vec_push(&c->w.arena, &chain->rule, form);
		return chain->name;
	}
	return NULL;
}

static bool some_look_up(struct changing *c, struct spot *out)
{
	size_t n = 0;
	for (size_t i = 0; i < c->now.chain.len; i++) {
		struct nft_chain *chain = c->now.chain.at[i];
		for (size_t k = 0; k < chain->rule.len; k++) {
			const struct nft_form *form = &chain->rule.at[k];
			if (form->act == ACT_BOXES && form->boxes.len && !nft_form_gate(form) &&
			    !below(c, ++n))
				*out = (struct spot){chain, k};
		}
	}
	return n > 0;
}

// A box like that of some rule, for the one that came: in the same map, or in one of its own, anywhere.
static bool put_box(struct changing *c)
{
	struct spot spot = {0};
	const char *chain = some_look_up(c, &spot) ? direct_chain(c) : NULL;
	if (!chain)
		return false;
	struct nft_form form = spot.chain->rule.at[spot.rule];
	struct nft_boxes *boxes = &form.boxes;
	const struct nft_box *was = boxes->box,
			     like = {was[below(c, boxes->len)].range, .chain = chain};
	size_t at = below(c, boxes->len + 1);
	boxes->box = arena_array(&c->w.arena, struct nft_box, boxes->len + 1);
	for (size_t i = 0; i <= boxes->len; i++)
		boxes->box[i] = i == at ? like : was[i - (i > at)];
	boxes->len++;
	if (test_random_chance(c->random, 50)) {
		spot.chain->rule.at[spot.rule] = form;
		return true;
	}
	boxes->box += at;
	boxes->len = 1;
	test_chain_insert(&c->w.arena, spot.chain, below(c, spot.chain->rule.len + 1), form);
	return true;
}

static bool do_otherwise(struct changing *c)
{
	struct spot spot;
	if (!some_spot(c, true, &spot))
		return false;
	struct nft_form *form = &spot.chain->rule.at[spot.rule];
	form->act = form->act == ACT_DROP ? ACT_ACCEPT : ACT_DROP;
	return true;
}

static bool change(struct changing *c)
{
	switch (below(c, 11)) {
	case 0:
	case 1:
		return move(c, true);
	case 2:
		return move(c, false);
	case 3:
		return take_away(c, true);
	case 4:
		return take_away(c, false);
	case 5:
		return put_one_more(c);
	case 6:
		return swap_boxes(c);
	case 7:
		return lose_box(c);
	case 8:
	case 9:
		return put_box(c);
	default:
		return do_otherwise(c);
	}
}

// --- what is found ---

struct tally {
	size_t right, wrong, strict, stricter, laxer, anywhere;
};

static bool is_wrong(const struct nft_proof *proof)
{
	return proof->misfit.len || proof->over;
}

// Wrong for who follows all rules there, and for who follows some.
struct wrong {
	bool all, some;
};

static struct wrong wrong_in(struct changing *c, const struct nft_areas *areas)
{
	struct nft_proof all, some;
	nft_prove_in(areas, &c->w.list, &c->now, NULL, &c->w.arena, &all);
	nft_prove_in(areas, &c->w.list, &c->now, c->since, &c->w.arena, &some);
	return (struct wrong){is_wrong(&all), is_wrong(&some)};
}

// Where it stands somewhere to which no packets come, and does not do as it should, only who follows some rules may mind.
static void compare_both(const struct changing *c, struct wrong wrong, unsigned ruleset,
			 bool changed, struct tally *tally)
{
	if (wrong.all ? !wrong.some : wrong.some && !changed)
		fail_msg("ruleset %u, rule %u: %s, and not for who follows some rules", ruleset,
			 c->w.gone, wrong.all ? "wrong" : "right");
	tally->right += !wrong.all;
	tally->wrong += wrong.all;
	tally->strict += wrong.some && !wrong.all;
}

// The packets of the rule; and together with them those of some others, of which no more need be found than of each alone.
// Then rules are followed that none of the areas has need of by itself, which may be found to be passed twice. Who follows
// some rules need not find again what is right.
static void compare(struct changing *c, unsigned ruleset, bool changed, struct tally *tally)
{
	struct nft_areas together = {{0}};
	struct wrong any = {0};
	bool found = false;
	for (size_t i = 0; i < c->list->rule.len; i++) {
		struct nft_areas alone = {{0}};
		bool is = test_without_is(&c->w, &c->list->rule.at[i]);
		if (!is && !test_random_chance(c->random, 10))
			continue;
		nft_areas_add(&alone, &c->list->rule.at[i], &c->w.arena);
		nft_areas_add(&together, &c->list->rule.at[i], &c->w.arena);
		struct wrong wrong = wrong_in(c, &alone);
		if (is)
			compare_both(c, wrong, ruleset, changed, tally);
		any.all |= wrong.all;
		any.some |= wrong.some;
		found |= wrong.all && wrong.some;
	}
	struct wrong wrong = wrong_in(c, &together);
	assert_true((wrong.all || !any.all) && (wrong.some || !found));
	tally->stricter += wrong.all && !any.all;
	tally->laxer += any.some && !wrong.some;
}

// What is wrong for any packets is found for those of the rules of which something has come or left, but for a place of a
// rule that takes others' packets, and what the proof of all packets finds behind gates (it follows them on both ways).
static void compare_touched(struct changing *c, unsigned ruleset, struct tally *tally)
{
	struct nft_areas touched = {{0}};
	struct nft_proof all, some;
	for (size_t i = 0; i < c->list->rule.len; i++)
		if (c->since[i] != NFT_SINCE_STAYED)
			nft_areas_add(&touched, &c->list->rule.at[i], &c->w.arena);
	nft_prove(&c->w.list, &c->now, &c->w.arena, &all);
	nft_prove_in(&touched, &c->w.list, &c->now, c->since, &c->w.arena, &some);
	if (!is_wrong(&all) || test_has_gate(&c->now))
		return;
	bool takes_others = all.misfit.len && (all.misfit.at[0].kind == NFT_MISFIT_OTHER ||
					       all.misfit.at[0].kind == NFT_MISFIT_UNKNOWN);
	if (!takes_others && !is_wrong(&some))
		fail_msg("ruleset %u, rule %u: wrong, and not for touched packets", ruleset,
			 c->w.gone);
	tally->anywhere += !takes_others;
}

static bool was_right(struct changing *c)
{
	struct nft_proof proof;
	if (!test_without_take(&c->w))
		return false;
	nft_prove(&c->w.short_list, &c->w.thin_tree, &c->w.arena, &proof);
	return !is_wrong(&proof);
}

static void some_rules_are_followed_for_all(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	struct tally tally = {0};
	for (unsigned i = 0; i < RULESETS; i++) {
		struct changing c = {.random = &random};
		test_without_make(&c.w, &random);
		begin(&c);
		bool right = was_right(&c);
		for (unsigned k = 0; k < CHANGES && right; k++) {
			compare(&c, i, k, &tally);
			compare_touched(&c, i, &tally);
			(void)!change(&c);
		}
		arena_fini(&c.w.arena);
	}
	print_message(
		"%zu times right, %zu times wrong; %zu times right, but not for who follows some; "
		"%zu times wrong anywhere\n",
		tally.right, tally.wrong, tally.strict, tally.anywhere);
	assert_true(tally.anywhere > RULESETS / 4 && tally.right > RULESETS / 2 &&
		    tally.wrong > RULESETS / 2 && tally.strict < tally.right / 5 &&
		    tally.stricter <= tally.right / 100 && tally.laxer <= tally.right / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(some_rules_are_followed_for_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
