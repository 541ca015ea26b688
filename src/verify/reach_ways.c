// SPDX-License-Identifier: Apache-2.0
// Ways through a network: a walk over zones and NSFs in turn that comes back to none. Bounded by VERIFY_WAYS_MOST.
#include "verify/reach_inner.h"

#include <stdlib.h>

struct search {
	const struct verify_network *network;
	struct arena *arena;
	struct verify_pair *pair;
	size_t to;
	bool *zone_seen, *nsf_seen;
	bool *leads; // zones from which the end can be reached at all
	struct verify_leg *leg;
	size_t legs;
	bool good;
};

static void found(struct search *s)
{
	if (s->pair->way.len == VERIFY_WAYS_MOST) {
		s->good = false;
		return;
	}
	struct verify_leg *leg = arena_memdup(s->arena, s->leg, s->legs * sizeof(*leg));
	vec_push(s->arena, &s->pair->way, (struct verify_way){leg, s->legs});
}

static void search_from(struct search *s, size_t zone);

static void search_through(struct search *s, size_t nsf, size_t in)
{
	const struct verify_nsf *n = &s->network->nsf.at[nsf];
	s->nsf_seen[nsf] = true;
	for (size_t out = 0; out < n->links && s->good; out++) {
		size_t zone = n->link[out].zone;
		if (s->zone_seen[zone] || !s->leads[zone])
			continue;
		s->leg[s->legs++] = (struct verify_leg){nsf, in, out};
		if (zone == s->to)
			found(s);
		else if (s->network->zone.at[zone].transit)
			search_from(s, zone);
		s->legs--;
	}
	s->nsf_seen[nsf] = false;
}

static void search_from(struct search *s, size_t zone)
{
	s->zone_seen[zone] = true;
	for (size_t i = 0; i < s->network->nsf.len && s->good; i++)
		for (size_t k = 0; k < s->network->nsf.at[i].links && !s->nsf_seen[i]; k++)
			if (s->network->nsf.at[i].link[k].zone == zone)
				search_through(s, i, k);
	s->zone_seen[zone] = false;
}

// Spreads from the end backwards, so that the search does not get lost in parts that lead nowhere.
static bool spread(struct search *s, size_t nsf)
{
	const struct verify_nsf *n = &s->network->nsf.at[nsf];
	bool leads = false, grew = false;
	for (size_t k = 0; k < n->links; k++) {
		size_t zone = n->link[k].zone;
		leads |= zone == s->to || (s->leads[zone] && s->network->zone.at[zone].transit);
	}
	for (size_t k = 0; leads && k < n->links; k++) {
		grew |= !s->leads[n->link[k].zone];
		s->leads[n->link[k].zone] = true;
	}
	return grew;
}

static int by_length(const void *a, const void *b)
{
	const struct verify_way *x = a, *y = b;
	if (x->legs != y->legs)
		return x->legs < y->legs ? -1 : 1;
	for (size_t i = 0; i < x->legs; i++)
		if (x->leg[i].nsf != y->leg[i].nsf)
			return x->leg[i].nsf < y->leg[i].nsf ? -1 : 1;
	return 0;
}

bool reach_ways(const struct verify_network *network, size_t from, size_t to, struct arena *arena,
		struct verify_pair *pair)
{
	size_t zones = network->zone.len, nsfs = network->nsf.len;
	struct search s = {
		.network = network, .arena = arena, .pair = pair, .to = to, .good = true};
	s.zone_seen = arena_array(arena, bool, zones);
	s.leads = arena_array(arena, bool, zones);
	s.nsf_seen = arena_array(arena, bool, nsfs);
	s.leg = arena_array(arena, struct verify_leg, nsfs + 1);
	for (bool grew = true; grew;) {
		grew = false;
		for (size_t i = 0; i < nsfs; i++)
			grew |= spread(&s, i);
	}
	search_from(&s, from);
	if (pair->way.len)
		qsort(pair->way.at, pair->way.len, sizeof(*pair->way.at), by_length);
	return s.good;
}
