// SPDX-License-Identifier: Apache-2.0
// Flows that fare differently, grouped by the rules that decide on both sides.
#include "verify/flows.h"

#include <stdlib.h>
#include <string.h>

static bool same_side(struct verify_flow_side x, struct verify_flow_side y)
{
	return x.verdict == y.verdict && x.rule == y.rule;
}

static size_t hash(struct verify_flow_side a, struct verify_flow_side b)
{
	uint64_t h = (uint64_t)(uintptr_t)a.rule * 31 + (uint64_t)a.verdict;
	h = (h * 0x9e3779b97f4a7c15u) ^ ((uint64_t)(uintptr_t)b.rule * 31 + (uint64_t)b.verdict);
	h *= 0xbf58476d1ce4e5b9u;
	return (size_t)(h ^ h >> 31);
}

// The slot of the group, or the free one where it would be.
static size_t *find(const struct verify_flow_tally *tally, struct verify_flow_side a,
		    struct verify_flow_side b)
{
	size_t at = hash(a, b) & (tally->slots - 1);
	for (;; at = (at + 1) & (tally->slots - 1)) {
		size_t *slot = &tally->slot[at];
		if (!*slot || (same_side(tally->group.at[*slot - 1].a, a) &&
			       same_side(tally->group.at[*slot - 1].b, b)))
			return slot;
	}
}

static void grow(struct verify_flow_tally *tally)
{
	tally->slots = tally->slots ? tally->slots * 2 : 64;
	tally->slot = arena_array(tally->arena, size_t, tally->slots);
	for (size_t i = 0; i < tally->group.len; i++)
		*find(tally, tally->group.at[i].a, tally->group.at[i].b) = i + 1;
}

// What the log lends for one call is kept.
static struct verify_flow keep(const struct verify_flow *flow, struct arena *arena)
{
	struct verify_flow kept = *flow;
	kept.packet.flow = arena_memdup(arena, flow->packet.flow, sizeof(*flow->packet.flow));
	return kept;
}

void verify_flow_tally_add(struct verify_flow_tally *tally, const struct verify_flow *flow,
			   struct verify_flow_side a, struct verify_flow_side b)
{
	if (tally->group.len * 2 >= tally->slots)
		grow(tally);
	size_t *slot = find(tally, a, b);
	if (!*slot) {
		vec_push(tally->arena, &tally->group,
			 (struct verify_flow_group){
				 .a = a, .b = b, .example = keep(flow, tally->arena)});
		*slot = tally->group.len;
	}
	struct verify_flow_group *group = &tally->group.at[*slot - 1];
	group->flows++;
	group->packets += flow->packets;
	group->bytes += flow->bytes;
}

static int by_flows(const void *x, const void *y)
{
	const struct verify_flow_group *a = x, *b = y;
	if (a->flows != b->flows)
		return a->flows < b->flows ? 1 : -1;
	return a->example.line < b->example.line ? -1 : a->example.line > b->example.line;
}

void verify_flow_tally_sort(struct verify_flow_tally *tally)
{
	if (tally->group.len)
		qsort(tally->group.at, tally->group.len, sizeof(*tally->group.at), by_flows);
	tally->slots = 0; // the slots point elsewhere now
}
