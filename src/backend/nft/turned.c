// SPDX-License-Identifier: Apache-2.0
// The proof behind a change that only has rules do something else for the same packets. All was proven for the chains as
// they were. Now they are the same but for the kernel rules of the rule that was turned: where each of them stood there is
// one with the same tests, tagged as the rule that the list has in its place. Whatever was shown of the ways of packets
// holds as it did, with the one rule for the other on both sides; what is left to see is that it does the same as the
// list's, and that both decide. We make kernel rules and delete them, and never replace one, and nobody else has changed
// anything; so of all others their handles say that they are as they were, and in their places. Nothing of the rule is left
// elsewhere: there were as many kernel rules of it in the whole table, when that was read, as have been turned. Rules that
// look up sets of values, or have chains of their own, are for the other proof.
#include "backend/nft/turned.h"
#include "backend/nft/judge.h"
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/spots.h"
#include "backend/nft/table.h"
#include "backend/nft/ways.h"

#include <stdlib.h>
#include <string.h>

// --- how many kernel rules a rule has ---

void nft_places_fini(struct nft_places *places)
{
	free(places->of);
	*places = (struct nft_places){NULL, 0};
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : !a && !b;
}

struct counting {
	uint32_t *of;
	const struct nft_tag **tag; // by number: of the list
	size_t len;
	bool named; // each as its rule in the list
};

static void count_tag(struct counting *c, const struct nft_tag *tag)
{
	if (!tag->known || tag->rule >= NFT_TAG_HELPER)
		return;
	const struct nft_tag *of_list = tag->rule < c->len ? c->tag[tag->rule] : NULL;
	if (!of_list || !same_text(tag->policy, of_list->policy) ||
	    !same_text(tag->name, of_list->name))
		c->named = false;
	else
		c->of[tag->rule]++;
}

static void count_rule(struct counting *c, const struct nft_form *form)
{
	count_tag(c, &form->tag);
	for (size_t i = 0; i < form->boxes.pieces; i++)
		count_tag(c, &form->boxes.piece[i].tag);
	for (size_t i = 0; i < form->boxes.len; i++)
		if (form->boxes.box[i].direct)
			count_tag(c, &form->boxes.box[i].direct->tag);
}

static void count_all(const struct nft_live *live, const struct nft_table *table,
		      struct counting *c)
{
	c->len = live->numbers;
	c->named = true;
	c->of = base_oom(calloc(c->len + 1, sizeof(*c->of)));
	c->tag = base_oom(calloc(c->len + 1, sizeof(struct nft_tag *)));
	for (size_t i = 0; i < live->rule.len; i++) {
		const struct nft_live_rule *rule = &live->rule.at[i];
		if (rule->forms && live->tree.rule.at[rule->first])
			c->tag[rule->number] = &live->tree.rule.at[rule->first]->tag;
	}
	for (size_t i = 0; i < table->chain.len; i++)
		for (size_t k = 0; k < table->chain.at[i]->rule.len; k++)
			count_rule(c, &table->chain.at[i]->rule.at[k]);
	free(c->tag);
}

void nft_places_count(struct nft_live *live, const struct nft_table *table)
{
	struct counting c;
	nft_places_fini(&live->places);
	count_all(live, table, &c);
	live->places = (struct nft_places){c.of, c.named ? c.len : 0};
}

bool nft_places_hold(const struct nft_live *live, const struct nft_table *table)
{
	struct counting c;
	count_all(live, table, &c);
	bool hold = c.named;
	for (size_t i = 0; i < live->places.len && hold; i++)
		hold = live->places.of[i] == NFT_PLACES_UNKNOWN ||
		       live->places.of[i] == (i < c.len ? c.of[i] : 0);
	free(c.of);
	return hold;
}

// Numbers are new when they are first seen: nothing in the kernel had them before.
uint32_t nft_places_of(const struct nft_places *places, uint32_t number)
{
	return !places->len ? NFT_PLACES_UNKNOWN : number < places->len ? places->of[number] : 0;
}

void nft_places_set(struct nft_places *places, uint32_t number, uint32_t n)
{
	if (!places->len)
		return;
	if (number >= places->len) {
		size_t len = number + number / 8 + 64;
		places->of = base_oom(realloc(places->of, len * sizeof(*places->of)));
		memset(places->of + places->len, 0, (len - places->len) * sizeof(*places->of));
		places->len = len;
	}
	places->of[number] = n;
}

void nft_places_doubt(struct nft_places *places, const struct nft_tag *tag)
{
	if (tag->known && tag->rule < NFT_TAG_HELPER)
		nft_places_set(places, tag->rule, NFT_PLACES_UNKNOWN);
}

void nft_places_add(struct nft_places *places, const struct nft_form *form, int32_t more)
{
	const struct nft_tag *tag = &form->tag;
	if (!tag->known || tag->rule >= NFT_TAG_HELPER)
		return;
	uint32_t is = nft_places_of(places, tag->rule);
	if (form->chain || (more < 0 && is < (uint32_t)-more))
		nft_places_doubt(places, tag);
	else if (is != NFT_PLACES_UNKNOWN)
		nft_places_set(places, tag->rule, is + (uint32_t)more);
}

// --- what was turned ---

void nft_turned_add(struct backend_nft *nft, uint32_t was, uint32_t now, uint32_t forms)
{
	struct nft_turned *turned = &nft->changed.turned;
	if (!nft->changed.known)
		return;
	vec_push(&nft->changed.arena, &turned->rule,
		 ((struct nft_turn){
			 .was = was, .now = now, .there = nft_places_of(&nft->live->places, was)}));
	turned->forms += forms;
}

struct nft_turn *nft_turn_of(const struct nft_turned *turned, const struct nft_tag *tag)
{
	for (size_t i = 0; i < turned->rule.len && tag->known; i++)
		if (turned->rule.at[i].was == tag->rule)
			return &turned->rule.at[i];
	return NULL;
}

// Only what turns is of use: where rules came or went, too, the other proof is made.
static bool all_turned(const struct nft_changed *changed)
{
	return changed->known && changed->turned.forms == changed->form.len;
}

// --- what they are now ---

struct turning {
	struct backend_nft *nft;
	struct nft_turned *turned;
	const uint32_t *place;
	struct arena arena;
	struct nft_program list,
		none; // the rules that were turned, as they should be; chains of their own
	struct nft_judge judge;
};

static void add_rule(struct turning *t, uint32_t number)
{
	const struct nft_live *live = t->nft->live;
	struct nft_chain *all = nft_program_find(&t->list, "");
	uint32_t place = number < live->numbers ? t->place[number] : NFT_NO_PLACE;
	if (place == NFT_NO_PLACE)
		return;
	const struct nft_live_rule *rule = &live->rule.at[place];
	for (uint32_t i = rule->first; i < rule->first + rule->forms; i++)
		if (live->tree.rule.at[i]) {
			struct nft_form form = *live->tree.rule.at[i];
			form.tag.rule = place;
			vec_push(&t->arena, &all->rule, form);
		}
}

// A rule of ours decides, or lets go on, alike before and after.
static bool stands_for(struct turning *t, const struct nft_form *was, const struct nft_form *now)
{
	const struct nft_chain *all = nft_program_find(&t->list, "");
	struct nft_form named = *now, before;
	nft_live_place(t->nft->live, t->place, &named.tag);
	for (size_t i = 0; i < all->rule.len; i++) {
		struct nft_form form;
		if (all->rule.at[i].tag.rule != named.tag.rule)
			continue;
		nft_form_resolve(&named, &all->rule.at[i], &t->arena, &form);
		nft_form_resolve(was, &all->rule.at[i], &t->arena, &before);
		if (nft_takes(&before) && nft_takes(&form) &&
		    nft_judge_rule(&t->judge, &form) == i && !nft_judge_action(&t->judge, i, &form))
			return true;
	}
	return false;
}

static bool is_turned(struct turning *t, struct nft_turn *turn, const struct nft_form *was,
		      const struct nft_form *now)
{
	turn->found++;
	return now->tag.known && now->tag.rule == turn->now && now->tag.clause == was->tag.clause &&
	       now->handle != was->handle && nft_same_tests(was, now) && stands_for(t, was, now);
}

// A box that decides, of the rule that was turned or as it was; or one that leads on.
static bool box_stays(struct turning *t, const struct nft_box *was, const struct nft_box *is,
		      size_t fields)
{
	if (memcmp(was->range, is->range, fields * sizeof(*was->range)) != 0)
		return false;
	struct nft_turn *turn = was->direct ? nft_turn_of(t->turned, &was->direct->tag) : NULL;
	if (!turn || !is->direct)
		return nft_same_outcome(was, is);
	const struct nft_form before = nft_direct_form(was->direct),
			      now = nft_direct_form(is->direct);
	turn->found++;
	return now.tag.known && now.tag.rule == turn->now && now.tag.clause == before.tag.clause &&
	       stands_for(t, &before, &now);
}

// Another map is looked up, by the same fields.
static bool same_boxes(struct turning *t, const struct nft_form *was, const struct nft_form *is)
{
	struct nft_boxes before, now;
	bool same = nft_same_look_up(was, is) &&
		    nft_spots_old_map(t->nft, was->boxes.name, &t->arena, &before) &&
		    nft_spots_read_map(t->nft, is->boxes.name, &t->arena, &now) &&
		    now.len == before.len;
	for (size_t i = 0; same && i < now.len; i++)
		same = box_stays(t, &before.box[i], &now.box[i], was->boxes.fields);
	return same;
}

static bool as_it_was(struct turning *t, const struct nft_spots_chain *was,
		      const struct nft_dumped_chain *is)
{
	bool same = is && !is->base && is->rule.len == was->len;
	for (size_t i = 0; same && i < was->len; i++) {
		const struct nft_form *now = &is->rule.at[i];
		struct nft_turn *turn = nft_turn_of(t->turned, &was->rule[i].tag);
		same = turn ? is_turned(t, turn, &was->rule[i], now)
			    : now->handle == was->rule[i].handle ||
				       same_boxes(t, &was->rule[i], now);
	}
	return same;
}

static bool read_and_compare(struct turning *t)
{
	const struct nft_spots *was = &t->nft->changed.spots;
	struct nft_table table;
	bool same = !nft_spots_read(t->nft, &t->arena, &table);
	for (size_t i = 0; i < was->chain.len && same; i++)
		same = as_it_was(t, &was->chain.at[i],
				 nft_table_chain(&table, was->chain.at[i].name));
	return same;
}

// Nothing of what they were stands anywhere else.
static bool all_found(struct turning *t)
{
	struct nft_places *places = &t->nft->live->places;
	bool all = true;
	for (size_t i = 0; i < t->turned->rule.len; i++)
		all = all && t->turned->rule.at[i].found == t->turned->rule.at[i].there;
	for (size_t i = 0; i < t->turned->rule.len && all; i++) {
		nft_places_set(places, t->turned->rule.at[i].was, 0);
		nft_places_set(places, t->turned->rule.at[i].now, t->turned->rule.at[i].found);
	}
	return all;
}

bool nft_turned_proven(struct backend_nft *nft, const uint32_t *place)
{
	struct turning t = {.nft = nft, .turned = &nft->changed.turned, .place = place};
	if (!all_turned(&nft->changed) || !nft->changed.counted || !t.turned->rule.len ||
	    nft->changed.spots.again)
		return false;
	arena_init(&t.arena);
	nft_program_init(&t.list, &t.arena);
	nft_program_init(&t.none, &t.arena);
	nft_program_chain(&t.list, "")->name = "";
	for (size_t i = 0; i < t.turned->rule.len; i++) {
		t.turned->rule.at[i].found = 0;
		add_rule(&t, t.turned->rule.at[i].now);
	}
	nft_judge_init(&t.judge, &t.list, &t.none, &t.arena);
	bool proven = read_and_compare(&t) && all_found(&t);
	arena_fini(&t.arena);
	return proven;
}
