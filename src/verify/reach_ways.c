// SPDX-License-Identifier: Apache-2.0
// Ways through a network: a walk over zones and NSFs in turn that comes back to none. It only goes where what is not yet on
// the way still leads to the end, so that every part of the search finds a way and VERIFY_WAYS_MOST bounds the work.
#include "verify/reach_inner.h"

#include <stdlib.h>
#include <string.h>

struct search {
	const struct verify_network *network;
	struct arena *arena;
	struct verify_pair *pair;
	size_t to;
	bool *zone_seen, *nsf_seen;
	bool *leads; // by legs walked and zone: whether the end can be reached from there
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

// Spreads from the end backwards over what is not on the way.
static bool spread(const struct search *s, size_t nsf, bool *leads)
{
	const struct verify_nsf *n = &s->network->nsf.at[nsf];
	bool any = false, grew = false;
	for (size_t k = 0; k < n->links; k++) {
		size_t zone = n->link[k].zone;
		any |= zone == s->to || (leads[zone] && s->network->zone.at[zone].transit);
	}
	for (size_t k = 0; any && k < n->links; k++) {
		size_t zone = n->link[k].zone;
		grew |= !s->zone_seen[zone] && !leads[zone];
		leads[zone] |= !s->zone_seen[zone];
	}
	return grew;
}

// From which zones the end can be reached without this NSF and what is on the way.
static const bool *find_leads(struct search *s, size_t without)
{
	bool *leads = s->leads + s->legs * s->network->zone.len;
	memset(leads, 0, s->network->zone.len * sizeof(*leads));
	leads[s->to] = true;
	for (bool grew = true; grew;) {
		grew = false;
		for (size_t i = 0; i < s->network->nsf.len; i++)
			if (i != without && !s->nsf_seen[i])
				grew |= spread(s, i, leads);
	}
	return leads;
}

static void search_from(struct search *s, size_t zone);

static void search_through(struct search *s, size_t nsf, size_t in)
{
	const struct verify_nsf *n = &s->network->nsf.at[nsf];
	const bool *leads = find_leads(s, nsf);
	s->nsf_seen[nsf] = true;
	for (size_t out = 0; out < n->links && s->good; out++) {
		size_t zone = n->link[out].zone;
		if (s->zone_seen[zone] || !leads[zone])
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
	s.leads = arena_array(arena, bool, (nsfs + 1) * zones);
	s.nsf_seen = arena_array(arena, bool, nsfs);
	s.leg = arena_array(arena, struct verify_leg, nsfs + 1);
	search_from(&s, from);
	if (pair->way.len)
		qsort(pair->way.at, pair->way.len, sizeof(*pair->way.at), by_length);
	return s.good;
}
