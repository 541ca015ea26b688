// SPDX-License-Identifier: Apache-2.0
// Which pieces rules have in front of a tree: whatever packet comes, the first piece that holds it does what the list does,
// and all packets that the list gives to a rule in front are held there. Also with several such rules.
#include "backend/nft/boxes.h"
#include "backend/nft/front.h"
#include "backend/nft/live.h"
#include "backend/nft/overlay.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/test_walk.h"
#include "verify/test_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define POLICIES 400u
#define RULES 16u // that come to the front, if they can
#define PACKETS 150u
#define PAIRS 1000u

struct tally {
	unsigned apart, behind, refused, found, helped, spilled;
};

struct world {
	struct arena arena;
	struct test_random *random;
	struct ir_ruleset ruleset;
	struct nft_live *live;
	struct nft_chain list; // in order
	struct nft_chain front;
	struct nft_chain standing; // rules that came there
	struct nft_pieces there;
	struct tally *tally;
};

// --- packets ---

// Some have no transport header; of IPv6 these may have no protocol, where the headers cannot be followed.
static void some_packet(struct world *w, struct nft_point *out)
{
	bool aimed = w->standing.rule.len && test_random_below(w->random, 2);
	test_fields_random(w->random, aimed ? &w->standing : &w->list, out);
	if (!test_random_chance(w->random, 30))
		return;
	out->has &= ~((uint64_t)1 << F_HEADER | (uint64_t)1 << F_SPORT | (uint64_t)1 << F_DPORT);
	if (out->value[F_VERSION] == NFT_VERSION_6 && test_random_below(w->random, 2))
		out->has &= ~((uint64_t)1 << F_PROTO);
}

static bool is_in(const struct nft_form *form, const struct nft_point *packet)
{
	for (size_t i = 0; i < form->len; i++) {
		enum nft_field field = form->match[i].field;
		if (!nft_point_has(packet, field) ||
		    !algebra_set_has(form->match[i].set, packet->value[field]))
			return false;
	}
	return true;
}

static const struct nft_form *by_list(const struct world *w, const struct nft_point *packet)
{
	for (size_t i = 0; i < w->list.rule.len; i++)
		if (is_in(&w->list.rule.at[i], packet))
			return &w->list.rule.at[i];
	return NULL;
}

static bool holds(const struct nft_boxes *boxes, const struct nft_box *box,
		  const struct nft_point *packet)
{
	for (size_t f = 0; f < boxes->fields; f++) {
		u128 value = packet->value[boxes->field[f]];
		bool port = boxes->field[f] == F_SPORT || boxes->field[f] == F_DPORT;
		bool has = nft_point_has(packet, boxes->field[f]) ||
			   (port && nft_point_has(packet, F_HEADER)); // some bytes are there
		if (!has || value < box->range[f].lo || value > box->range[f].hi)
			return false;
	}
	return true;
}

// As the kernel goes through the chain in front; NULL: on to the tree.
static const struct nft_form *in_front(struct world *w, const struct nft_point *packet)
{
	for (size_t i = 0; i < w->front.rule.len; i++) {
		const struct nft_form *form = &w->front.rule.at[i];
		bool comes = is_in(form, packet);
		if (comes && form->act == ACT_RETURN)
			return NULL;
		if (form->act != ACT_BOXES)
			continue;
		const char *number = form->boxes.name + strlen(NFT_OVERLAY_NAME);
		struct nft_boxes boxes;
		nft_overlay_map(&w->live->tree, strtoul(number, NULL, 10) - 1, &w->there, &w->arena,
				&boxes);
		for (size_t k = 0; k < boxes.len && comes; k++)
			if (holds(&boxes, &boxes.box[k], packet))
				return boxes.box[k].rule;
	}
	return NULL;
}

// --- rules ---

// A firewall's rules meet very many others.
static void make_policy(struct world *w)
{
	const struct test_sets_spec spec = {
		test_random_below(w->random, 2) ? TEST_SETS_FW : TEST_SETS_IPC,
		test_random_below(w->random, 2) ? 4 : 6, 20 + test_random_below(w->random, 300),
		test_random_next(w->random)};
	if (test_random_below(w->random, 4))
		test_sets_make(&spec, &w->arena, &w->ruleset);
	else
		test_policy_plain(w->random, &w->arena, &w->ruleset);
}

static void begin(struct world *w)
{
	static const struct backend_nft_options options = {
		.shape = {.overlay_least = 1, .direct_least = 1}};
	arena_init(&w->arena);
	w->ruleset = (struct ir_ruleset){.default_action = IR_DROP};
	make_policy(w);
	w->live = nft_live_new(&w->ruleset, &options, 1);
	const struct nft_tree *tree = &w->live->tree;
	for (size_t i = 0; i < tree->rule.len; i++)
		vec_push(&w->arena, &w->list.rule, *tree->rule.at[i]);
	nft_overlay_front(tree, &w->arena, &w->front);
}

static void end(struct world *w)
{
	nft_live_free(w->live);
	arena_fini(&w->arena);
}

static void come_to_front(struct world *w, uint32_t rule)
{
	struct nft_tree *tree = &w->live->tree;
	struct nft_pieces more = {{0}};
	if (!tree->placed.at[rule])
		return;
	if (!nft_overlay_cut(tree, &w->there, rule, (uint32_t)tree->rule.len, &w->arena, &more)) {
		w->tally->refused++;
		return;
	}
	for (size_t i = 0; i < more.list.len; i++) {
		vec_push(&w->arena, &w->there.list, more.list.at[i]);
		w->tally->spilled += more.list.at[i].map >= NFT_OVERLAY_KINDS;
	}
	tree->placed.at[rule] = false;
	vec_push(&w->arena, &w->standing.rule, *tree->rule.at[rule]);
	bool helped = nft_overlay_helped(tree, &w->there, rule);
	w->tally->behind += helped;
	w->tally->apart += !helped;
	for (uint32_t i = 0; i < tree->rule.len && helped; i++)
		w->tally->helped += nft_overlay_helps(tree, &w->there, i);
}

static bool stands_in_front(const struct world *w, const struct nft_form *form)
{
	const struct nft_tree *tree = &w->live->tree;
	for (uint32_t i = 0; i < tree->rule.len; i++)
		if (!tree->placed.at[i] && tree->rule.at[i]->tag.rule == form->tag.rule &&
		    tree->rule.at[i]->tag.clause == form->tag.clause)
			return true;
	return false;
}

static void send_packet(struct world *w)
{
	struct nft_point packet;
	some_packet(w, &packet);
	const struct nft_form *meant = by_list(w, &packet), *is = in_front(w, &packet);
	assert_non_null(meant);
	assert_true(is || !stands_in_front(w, meant));
	w->tally->found += is != NULL;
	if (!is)
		return;
	assert_int_equal(is->tag.rule, meant->tag.rule);
	assert_int_equal(is->tag.clause, meant->tag.clause);
	assert_int_equal(is->act, meant->act);
}

// Who asks for ports names protocols that have them: else nobody could say what is asked.
static void assert_readable(const struct nft_boxes *boxes, const struct algebra_range *range)
{
	struct algebra_range proto = range[boxes->fields - 1];
	for (size_t f = 0; f < boxes->fields; f++)
		if ((boxes->field[f] == F_SPORT || boxes->field[f] == F_DPORT) &&
		    (range[f].lo || range[f].hi != UINT16_MAX))
			assert_true(algebra_set_within((struct algebra_set){&proto, 1},
						       nft_protocols_set(PORTS)));
}

// What the kernel takes: no corner lies in an earlier box, and which one is found is sure.
static void assert_taken(struct world *w, size_t map)
{
	struct nft_boxes boxes;
	nft_overlay_map(&w->live->tree, map, &w->there, &w->arena, &boxes);
	unsigned bits[NFT_BOXES_FIELDS];
	for (size_t f = 0; f < boxes.fields; f++)
		bits[f] = nft_field_info[boxes.field[f]].bits;
	assert_true(nft_boxes_sure(boxes.box, boxes.len, bits, boxes.fields, &w->arena));
	for (size_t i = 0; i < boxes.len; i++)
		assert_readable(&boxes, boxes.box[i].range);
	struct nft_filling *filling =
		nft_filling_new(BOXES_ORDERED, boxes.field, boxes.fields, &w->arena);
	for (size_t i = 0; i < boxes.len; i++) {
		struct nft_boxes now;
		bool good = nft_filling_add(filling, &boxes.box[i], 1);
		nft_filling_take(filling, &now);
		if (good)
			assert_int_equal(now.len, i + 1);
		else
			break; // apart, and more than are ordered
	}
}

static void the_first_piece_does_what_the_list_does(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	struct tally tally = {0};
	for (unsigned i = 0; i < POLICIES; i++) {
		struct world w = {.random = &random, .tally = &tally};
		begin(&w);
		for (unsigned k = 0; k < RULES; k++)
			come_to_front(&w, test_random_below(&random, (uint32_t)w.list.rule.len));
		for (unsigned k = 0; k < PACKETS; k++)
			send_packet(&w);
		for (size_t map = 0; map < NFT_OVERLAY_MAPS; map++)
			assert_taken(&w, map);
		end(&w);
	}
	printf("%u rules stood apart, %u behind pieces of %u others, %u were refused; %u pieces "
	       "behind the first lane; %u of %u packets were found\n",
	       tally.apart, tally.behind, tally.helped, tally.refused, tally.spilled, tally.found,
	       POLICIES * PACKETS);
	assert_true(tally.apart > POLICIES / 2 && tally.behind > POLICIES / 8 &&
		    tally.spilled > POLICIES / 8 && tally.found > POLICIES * PACKETS / 20);
}

// Half of what stands in front comes to its place, and the others stay.
static bool some_leave(struct world *w)
{
	struct nft_live *live = w->live;
	struct nft_waiting standing = {{0}};
	struct nft_chain old = {.name = ""};
	for (uint32_t i = 0; i < live->tree.rule.len; i++)
		if (!live->tree.placed.at[i])
			vec_push(&w->arena, &standing.rule, i);
	nft_front_add(live, &standing, &w->there);
	w->standing.rule.len = 0;
	for (size_t i = 0; i < standing.rule.len; i++) {
		uint32_t rule = standing.rule.at[i];
		vec_push(&w->arena, &w->standing.rule, *live->tree.rule.at[rule]);
		if (test_random_below(w->random, 2)) {
			live->tree.placed.at[rule] = true;
			nft_front_leave(live, rule);
		}
	}
	if (!nft_front_empty(live, &w->arena, &old))
		return false;
	w->there.list.len = 0;
	for (size_t i = 0; i < live->piece.list.len; i++)
		vec_push(&w->arena, &w->there.list, live->piece.list.at[i]);
	return true;
}

// A rule that has left may have stood before another one's pieces, where it has packets of both.
static void who_stays_has_pieces_anew(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	struct tally tally = {0};
	unsigned stayed = 0;
	for (unsigned i = 0; i < POLICIES; i++) {
		struct world w = {.random = &random, .tally = &tally};
		begin(&w);
		for (unsigned k = 0; k < RULES; k++)
			come_to_front(&w, test_random_below(&random, (uint32_t)w.list.rule.len));
		bool good = some_leave(&w);
		stayed += good;
		for (unsigned k = 0; k < PACKETS && good; k++)
			send_packet(&w);
		for (size_t map = 0; map < NFT_OVERLAY_MAPS && good; map++)
			assert_taken(&w, map);
		end(&w);
	}
	printf("in %u of %u policies, where %u packets were found in front\n", stayed, POLICIES,
	       tally.found);
	assert_true(stayed > POLICIES * 9 / 10 && tally.found > POLICIES * PACKETS / 20);
}

// What is told apart quickly is apart; by far most of what meets nobody is told so.
static void hulls_tell_rules_apart(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	unsigned apart = 0, told = 0;
	for (unsigned i = 0; i < POLICIES / 8; i++) {
		struct world w = {.random = &random};
		begin(&w);
		const struct nft_tree *tree = &w.live->tree;
		for (unsigned k = 0; k < PAIRS; k++) {
			uint32_t a = test_random_below(&random, (uint32_t)tree->rule.len),
				 b = test_random_below(&random, (uint32_t)tree->rule.len);
			bool meet = nft_form_may_meet(tree->rule.at[a], tree->rule.at[b]),
			     away = nft_hulls_apart(&tree->hull.at[a], &tree->hull.at[b]);
			assert_false(meet && away);
			apart += !meet;
			told += away;
		}
		end(&w);
	}
	printf("%u of %u pairs are apart, %u are told so\n", apart, POLICIES / 8 * PAIRS, told);
	assert_true(told > apart / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_piece_does_what_the_list_does),
		cmocka_unit_test(who_stays_has_pieces_anew),
		cmocka_unit_test(hulls_tell_rules_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
