// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/later.h"
#include "backend/nft/meets.h"

#include <stdlib.h>

#define MEETING_MOST 2000u // rules that may meet another one; more are asked one by one

// The rules of the list that stand behind a jump, ascending, and how to find those that meet others.
struct nft_jump_index {
	size_t *rule;
	size_t len;
	struct nft_meets *meets;
};

static int by_rule(const void *x, const void *y)
{
	const struct nft_stand *a = x, *b = y;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (a->spot.stop != b->spot.stop)
		return a->spot.stop < b->spot.stop ? -1 : 1;
	return a->spot.rule < b->spot.rule ? -1 : a->spot.rule > b->spot.rule;
}

static size_t higher(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void find_highest_behind(struct nft_later *l)
{
	size_t jumps = l->ways->jump.len;
	l->highest_behind = arena_array(l->arena, size_t, jumps + 1);
	l->behind = arena_array(l->arena, struct nft_jump_index, jumps + 1);
	for (size_t i = 0; i < l->place.len; i++)
		for (size_t k = 1; k <= jumps; k++)
			if (nft_jump_reaches(l->ways->jump.at[k - 1], l->place.at[i].spot.stop))
				l->highest_behind[k] =
					higher(l->highest_behind[k], l->place.at[i].rule + 1);
}

static void find_highest(struct nft_later *l)
{
	find_highest_behind(l);
	for (size_t s = 0; s < l->ways->stop.len; s++) {
		const struct nft_stop *stop = l->ways->stop.at[s];
		size_t n = stop->chain->rule.len, most = 0, lead = 0;
		l->highest[s] = arena_array(l->arena, size_t, n + 1);
		for (size_t i = 0; i < n; i++) {
			bool leads = lead < stop->leads && stop->lead[lead].rule == i;
			const struct nft_stop *to =
				leads ? nft_lead_jump(stop, &stop->lead[lead++]) : NULL;
			l->highest[s][i] = most;
			if (to)
				most = higher(most, l->highest_behind[to->jump]);
			else if (l->is[s][i] < l->rules)
				most = higher(most, l->is[s][i] + 1);
		}
		l->highest[s][n] = most;
	}
}

// A rule of the program may be for less than the rule of the list that it is. Where its tests are not named yet, it is
// taken to be for all of that. What earlier rules decide does not matter: it never comes there.
static bool spot_meets(struct nft_later *l, const struct nft_form *spot, size_t rule,
		       const struct nft_area *packets, struct arena *arena)
{
	struct nft_area both;
	nft_area_assign(&both, packets);
	nft_area_form(&both, arena, &l->rule[rule]);
	if (!spot->open_len)
		nft_area_form(&both, arena, spot);
	return !both.never && !nft_decided_perhaps(l->decided, &both);
}

static bool chain_meets(struct nft_later *l, const struct nft_stop *stop, size_t rules,
			const struct nft_area *packets, struct arena *arena)
{
	for (size_t i = 0; i < rules; i++) {
		size_t is = l->is[stop->number][i];
		if (is > l->decided->now && is < l->rules &&
		    spot_meets(l, &stop->chain->rule.at[i], is, packets, arena))
			return true;
	}
	return false;
}

static int by_size(const void *x, const void *y)
{
	const size_t *a = x, *b = y;
	return *a < *b ? -1 : *a > *b;
}

static struct nft_jump_index *index_of(struct nft_later *l, const struct nft_stop *jump)
{
	struct nft_jump_index *index = &l->behind[jump->jump];
	VEC(size_t) rule = {0};
	if (index->meets)
		return index;
	for (size_t i = 0; i < l->place.len; i++)
		if (nft_jump_reaches(jump, l->place.at[i].spot.stop))
			vec_push(l->arena, &rule, l->place.at[i].rule);
	if (rule.len)
		qsort(rule.at, rule.len, sizeof(*rule.at), by_size);
	for (size_t i = 0; i < rule.len; i++)
		if (!i || rule.at[i] != index->rule[index->len - 1]) {
			index->rule = rule.at;
			index->rule[index->len++] = rule.at[i];
		}
	const struct nft_form **form = arena_array(l->arena, const struct nft_form *, index->len);
	for (size_t i = 0; i < index->len; i++)
		form[i] = &l->rule[index->rule[i]];
	index->meets = nft_meets_new(form, index->len);
	return index;
}

static size_t first_behind(const struct nft_jump_index *index, size_t rule)
{
	size_t lo = 0, hi = index->len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (index->rule[mid] <= rule)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static size_t first_place(const struct nft_later *l, size_t rule)
{
	size_t lo = 0, hi = l->place.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->place.at[mid].rule < rule)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

// Whether the rule of the list stands behind the jump for any of the packets.
static bool rule_behind_meets(struct nft_later *l, const struct nft_stop *jump, size_t rule,
			      const struct nft_area *packets, struct arena *arena)
{
	if (!nft_rule_meets(&l->rule[rule], packets, arena))
		return false;
	for (size_t i = first_place(l, rule); i < l->place.len && l->place.at[i].rule == rule;
	     i++) {
		struct nft_rule_at spot = l->place.at[i].spot;
		const struct nft_chain *chain = l->ways->stop.at[spot.stop]->chain;
		if (nft_jump_reaches(jump, spot.stop) &&
		    spot_meets(l, &chain->rule.at[spot.rule], rule, packets, arena))
			return true;
	}
	return false;
}

static bool behind_meets(struct nft_later *l, const struct nft_stop *jump,
			 const struct nft_area *packets, struct arena *arena)
{
	if (l->highest_behind[jump->jump] <= l->decided->now + 1)
		return false;
	struct nft_match match[NFT_FIELDS];
	struct nft_form form = nft_area_as_form(packets, match);
	struct algebra_ids ids = {0};
	const struct nft_jump_index *index = index_of(l, jump);
	size_t from = first_behind(index, l->decided->now);
	bool found = nft_meets_find(index->meets, &form, (struct algebra_range){from, index->len},
				    MEETING_MOST, &ids),
	     meets = false;
	for (size_t i = 0; found && i < ids.len && !meets; i++)
		meets = rule_behind_meets(l, jump, index->rule[ids.at[i]], packets, arena);
	for (size_t i = from; !found && i < index->len && !meets; i++)
		meets = rule_behind_meets(l, jump, index->rule[i], packets, arena);
	free(ids.at);
	return meets;
}

bool nft_later_meets(struct nft_later *l, const struct nft_visit *at,
		     const struct nft_area *packets, struct arena *arena)
{
	for (; at; at = at->from) {
		if (l->highest[at->stop->number][at->rule] <= l->decided->now + 1)
			continue;
		if (chain_meets(l, at->stop, at->rule, packets, arena))
			return true;
		for (size_t i = 0; i < at->stop->leads && at->stop->lead[i].rule < at->rule; i++) {
			const struct nft_stop *to = nft_lead_jump(at->stop, &at->stop->lead[i]);
			if (to && behind_meets(l, to, packets, arena))
				return true;
		}
	}
	return false;
}

void nft_later_begin(struct nft_later *l)
{
	if (l->place.len)
		qsort(l->place.at, l->place.len, sizeof(*l->place.at), by_rule);
	l->highest = arena_array(l->arena, size_t *, l->ways->stop.len);
	find_highest(l);
}

void nft_later_fini(struct nft_later *l)
{
	for (size_t i = 0; i <= l->ways->jump.len; i++)
		nft_meets_free(l->behind[i].meets);
}
