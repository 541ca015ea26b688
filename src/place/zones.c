// SPDX-License-Identifier: Apache-2.0
// Zones by a sweep over the borders of all guarded sets. Between two borders the guards are the same;
// pieces with the same guards are one zone, so there are about as many zones as there are sites.
#include "place/zones.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static unsigned width(unsigned version)
{
	return version == 4 ? 32 : 128;
}

static struct algebra_set guarded(const struct place_nsf *nsf, unsigned version)
{
	struct algebra_set none = {0};
	if (!nsf->enabled)
		return none;
	return version == 4 ? nsf->guarded4 : nsf->guarded6;
}

struct borders {
	VEC(u128) list; // first addresses of pieces
};

static int by_value(const void *a, const void *b)
{
	u128 x = *(const u128 *)a, y = *(const u128 *)b;
	return x < y ? -1 : x > y;
}

static void find_borders(const struct place_input *in, unsigned version, struct arena *arena,
			 struct borders *out)
{
	u128 max = algebra_max(width(version));
	vec_push(arena, &out->list, (u128)0);
	for (size_t i = 0; i < in->nsfs; i++) {
		struct algebra_set set = guarded(&in->nsf[i], version);
		for (size_t k = 0; k < set.len; k++) {
			vec_push(arena, &out->list, set.at[k].lo);
			if (set.at[k].hi < max)
				vec_push(arena, &out->list, set.at[k].hi + 1);
		}
	}
	qsort(out->list.at, out->list.len, sizeof(*out->list.at), by_value);
}

static struct place_mask guards_of(const struct place_input *in, unsigned version, u128 address,
				   size_t words, struct arena *arena)
{
	struct place_mask mask = {arena_array(arena, uint64_t, words)};
	for (size_t i = 0; i < in->nsfs; i++)
		if (algebra_set_has(guarded(&in->nsf[i], version), address))
			mask.word[i / 64] |= (uint64_t)1 << i % 64;
	return mask;
}

struct piece {
	struct algebra_range range;
	struct place_mask guards;
	size_t words;
};

static int by_guards(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	int c = memcmp(x->guards.word, y->guards.word, x->words * sizeof(uint64_t));
	return c ? c : x->range.lo < y->range.lo ? -1 : 1;
}

static void gather(const struct piece *piece, size_t n, struct arena *arena,
		   struct place_zones *out)
{
	for (size_t i = 0, run; i < n; i += run) {
		struct algebra_builder builder = {.arena = arena};
		for (run = 0;
		     i + run < n && !memcmp(piece[i].guards.word, piece[i + run].guards.word,
					    out->words * sizeof(uint64_t));
		     run++)
			algebra_builder_add(&builder, piece[i + run].range.lo,
					    piece[i + run].range.hi);
		vec_push(arena, &out->list,
			 (struct place_zone){algebra_builder_take(&builder), piece[i].guards});
	}
}

void place_zones_make(const struct place_input *in, unsigned version, struct arena *arena,
		      struct place_zones *out)
{
	struct borders borders = {0};
	VEC(struct piece) pieces = {0};
	*out = (struct place_zones){.words = in->nsfs / 64 + 1};
	out->path.word = arena_array(arena, uint64_t, out->words);
	find_borders(in, version, arena, &borders);
	for (size_t i = 0; i < borders.list.len; i++) {
		bool last = i + 1 == borders.list.len;
		u128 lo = borders.list.at[i];
		if (!last && borders.list.at[i + 1] == lo)
			continue;
		u128 hi = last ? algebra_max(width(version)) : borders.list.at[i + 1] - 1;
		struct place_mask guards = guards_of(in, version, lo, out->words, arena);
		vec_push(arena, &pieces, (struct piece){{lo, hi}, guards, out->words});
	}
	qsort(pieces.at, pieces.len, sizeof(*pieces.at), by_guards);
	gather(pieces.at, pieces.len, arena, out);
}

struct algebra_set place_addresses(const struct ir_clause *clause, unsigned version, bool source)
{
	static const struct algebra_range whole4 = {0, UINT32_MAX}, whole6 = {0, ~(u128)0};
	enum ir_dim dim =
		version == 4 ? (source ? IR_SRC4 : IR_DST4) : (source ? IR_SRC6 : IR_DST6);
	const struct algebra_set *set = ir_clause_set(clause, dim);
	return set ? *set : (struct algebra_set){version == 4 ? &whole4 : &whole6, 1};
}

static bool can_be(const struct ir_clause *clause, unsigned version)
{
	return ir_clause_versions(clause) & (version == 4 ? 1u : 2u);
}

bool place_crosses(const struct ir_clause *clause, unsigned version, struct algebra_set behind)
{
	if (!can_be(clause, version) || !behind.len)
		return false;
	struct algebra_set from = place_addresses(clause, version, true);
	struct algebra_set to = place_addresses(clause, version, false);
	return (algebra_set_overlaps(from, behind) && !algebra_set_within(to, behind)) ||
	       (!algebra_set_within(from, behind) && algebra_set_overlaps(to, behind));
}

void place_paths(const struct place_zones *zones, const struct ir_clause *clause, unsigned version,
		 place_path_fn *fn, void *context)
{
	if (!can_be(clause, version))
		return;
	struct algebra_set from = place_addresses(clause, version, true);
	struct algebra_set to = place_addresses(clause, version, false);
	for (size_t i = 0; i < zones->list.len; i++) {
		const struct place_zone *a = &zones->list.at[i];
		if (!algebra_set_overlaps(a->addresses, from))
			continue;
		for (size_t k = 0; k < zones->list.len; k++) {
			const struct place_zone *b = &zones->list.at[k];
			if (k == i || !algebra_set_overlaps(b->addresses, to))
				continue;
			for (size_t w = 0; w < zones->words; w++)
				zones->path.word[w] = a->guards.word[w] ^ b->guards.word[w];
			fn(&zones->path, context);
		}
	}
}
