// SPDX-License-Identifier: Apache-2.0
// Which packets take a way is not asked: in a tree nearly everything that stands behind a rule is behind it in the list,
// too, and is passed over by the lowest index that any place there has.
#include "backend/nft/behind.h"

#define UNKNOWN SIZE_MAX

struct search {
	const struct nft_ways *ways;
	size_t *const *is;
	size_t rules;
	const enum nft_since *since;
	bool *out;
	struct arena arena;
	size_t *lowest; // by stop: the lowest index that stands there, or where it leads; UNKNOWN
	size_t *seen;   // by stop: for which rule all of it was searched last, + 1
	size_t *jumped; // by rule: behind which jump it was searched last
	size_t jumps;   // up to now
	size_t rule;    // that came
};

static size_t targets(const struct nft_stop *stop, const struct nft_lead *lead)
{
	return nft_lead_targets(nft_lead_form(stop, lead));
}

static size_t lower(size_t a, size_t b)
{
	return a < b ? a : b;
}

// The kernel has no loops.
static size_t lowest_in(struct search *s, const struct nft_stop *stop)
{
	size_t *known = &s->lowest[stop->number], lowest = s->rules;
	if (*known != UNKNOWN)
		return *known;
	for (size_t i = 0; i < stop->chain->rule.len; i++)
		lowest = lower(lowest, s->is[stop->number][i]);
	for (size_t i = 0; i < stop->leads; i++)
		for (size_t k = 0; k < targets(stop, &stop->lead[i]); k++)
			if (stop->lead[i].to[k])
				lowest = lower(lowest, lowest_in(s, stop->lead[i].to[k]));
	return *known = lowest;
}

static void mark_from(struct search *s, const struct nft_stop *stop, size_t from);

static void mark_stop(struct search *s, const struct nft_stop *stop)
{
	if (!stop || s->seen[stop->number] == s->rule + 1 || lowest_in(s, stop) >= s->rule)
		return;
	s->seen[stop->number] = s->rule + 1;
	mark_from(s, stop, 0);
}

static void mark_targets(struct search *s, const struct nft_stop *stop, const struct nft_lead *lead,
			 size_t from)
{
	for (size_t k = from; k < targets(stop, lead); k++)
		mark_stop(s, lead->to[k]);
}

static void mark_from(struct search *s, const struct nft_stop *stop, size_t from)
{
	for (size_t i = from; i < stop->chain->rule.len; i++) {
		size_t rule = s->is[stop->number][i];
		if (rule < s->rule)
			s->out[rule] = true;
	}
	for (size_t i = 0; i < stop->leads; i++)
		if (stop->lead[i].rule >= from)
			mark_targets(s, stop, &stop->lead[i], 0);
}

static bool came(const struct search *s, size_t rule)
{
	return rule < s->rules && s->since[rule] == NFT_SINCE_CAME;
}

// The rule that came and is all that stands in the chain; UNKNOWN: none.
static size_t owner_of(const struct search *s, const struct nft_stop *stop)
{
	const size_t *is = s->is[stop->number];
	size_t n = stop->chain->rule.len;
	for (size_t i = 1; i < n; i++)
		if (is[i] != is[0])
			return UNKNOWN;
	return n && came(s, is[0]) ? is[0] : UNKNOWN;
}

static void search_rules(struct search *s, const struct nft_stop *stop)
{
	for (size_t i = 0; i < stop->chain->rule.len; i++) {
		s->rule = s->is[stop->number][i];
		if (came(s, s->rule))
			mark_from(s, stop, i + 1);
	}
}

// Of boxes it is the first one that holds a packet.
static void search_leads(struct search *s, const struct nft_stop *stop)
{
	for (size_t i = 0; i < stop->leads; i++) {
		const struct nft_lead *lead = &stop->lead[i];
		for (size_t k = 0; k < targets(stop, lead); k++) {
			s->rule = lead->to[k] ? owner_of(s, lead->to[k]) : UNKNOWN;
			if (s->rule == UNKNOWN)
				continue;
			mark_from(s, stop, lead->rule + 1);
			if (nft_lead_form(stop, lead)->act == ACT_BOXES)
				mark_targets(s, stop, lead, k + 1);
		}
	}
}

// Packets come back from behind a jump.
static void search_jump(struct search *s, const struct nft_stop *stop, const struct nft_lead *lead)
{
	const struct nft_stop *jump = nft_lead_jump(stop, lead);
	s->jumps += jump != NULL;
	for (size_t i = 0; jump && i < s->ways->stop.len; i++) {
		const struct nft_stop *behind = s->ways->stop.at[i];
		if (!nft_jump_reaches(jump, behind->number))
			continue;
		for (size_t k = 0; k < behind->chain->rule.len; k++) {
			s->rule = s->is[i][k];
			if (!came(s, s->rule) || s->jumped[s->rule] == s->jumps)
				continue;
			s->jumped[s->rule] = s->jumps;
			mark_from(s, stop, lead->rule + 1);
		}
	}
}

void nft_behind_came(const struct nft_ways *ways, size_t *const *is, size_t rules,
		     const enum nft_since *since, bool *out)
{
	size_t stops = ways->stop.len;
	struct search s = {.ways = ways, .is = is, .rules = rules, .since = since, .out = out};
	arena_init(&s.arena);
	s.lowest = arena_array(&s.arena, size_t, stops);
	s.seen = arena_array(&s.arena, size_t, stops);
	s.jumped = arena_array(&s.arena, size_t, rules);
	for (size_t i = 0; i < stops; i++)
		s.lowest[i] = UNKNOWN;
	for (size_t i = 0; i < stops; i++) {
		const struct nft_stop *stop = ways->stop.at[i];
		search_rules(&s, stop);
		search_leads(&s, stop);
		for (size_t k = 0; k < stop->leads; k++)
			search_jump(&s, stop, &stop->lead[k]);
	}
	arena_fini(&s.arena);
}
