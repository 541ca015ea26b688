// SPDX-License-Identifier: Apache-2.0
// What two layers have in common cancels out. Equal boxes with the same effect are twins; of the twins a longest part that
// stands in the same order on both sides is quiet. Of two quiet boxes that are not twins of each other one stands behind
// the other's twin, on either side, and so decides nothing where they meet: pairs of quiet boxes never differ. What an
// edit did not touch thus costs a hash lookup. For the others it is asked how far into the other layer their packets reach.
#include "verify/sides.h"

#include <stdlib.h>
#include <string.h>

#define NO_BOX UINT32_MAX
#define STEPS ((uint64_t)1 << 12) // of one question; giving up only costs time later

static void *table(size_t n, size_t size)
{
	return base_oom(calloc(n + 1, size));
}

// --- twins ---

struct twins {
	const struct verify_sides *sides;
	uint32_t *slot, *next; // boxes of side 1 by hash, equal hashes in their order
	size_t slots;
	uint32_t *twin; // of each box of side 0
	const _Atomic bool *stop;
};

static bool stopped(const struct twins *t)
{
	return atomic_load_explicit(t->stop, memory_order_relaxed);
}

static size_t hash_box(const uint64_t *box, unsigned cells)
{
	uint64_t h = cells;
	for (unsigned c = 0; c < cells; c++) {
		h = (h ^ box[c]) * 0x9E3779B97F4A7C15ull;
		h ^= h >> 32;
	}
	return (size_t)h;
}

static void hash_side(struct twins *t)
{
	const struct verify_side *side = &t->sides->side[1];
	unsigned cells = t->sides->slice->shape.cells;
	uint64_t box[ALGEBRA_CELLS];
	for (uint32_t i = side->len; i-- > 0 && !stopped(t);) {
		algebra_boxes_get(side->boxes, i, box);
		uint32_t *slot = &t->slot[hash_box(box, cells) & (t->slots - 1)];
		t->next[i] = *slot;
		*slot = i;
	}
}

static bool twins_of_each_other(const struct twins *t, const uint64_t *box, uint32_t i, uint32_t j)
{
	const struct verify_side *side = t->sides->side;
	uint64_t other[ALGEBRA_CELLS];
	if (side[0].lone[i].effect != side[1].lone[j].effect)
		return false;
	algebra_boxes_get(side[1].boxes, j, other);
	return !memcmp(box, other, t->sides->slice->shape.cells * sizeof(*box));
}

// The first that no box before had as its twin; it is taken out of the table.
static uint32_t take_twin(struct twins *t, uint32_t i)
{
	uint64_t box[ALGEBRA_CELLS];
	algebra_boxes_get(t->sides->side[0].boxes, i, box);
	uint32_t *at = &t->slot[hash_box(box, t->sides->slice->shape.cells) & (t->slots - 1)];
	while (*at != NO_BOX && !twins_of_each_other(t, box, i, *at))
		at = &t->next[*at];
	uint32_t found = *at;
	if (found != NO_BOX)
		*at = t->next[found];
	return found;
}

// The longest part of side 0 whose twins rise: patience sorting.
static void keep_rising(const struct twins *t)
{
	const struct verify_side *side = t->sides->side;
	uint32_t *pile = table(side[0].len, sizeof(*pile)),
		 *below = table(side[0].len, sizeof(*below));
	uint32_t piles = 0;
	for (uint32_t i = 0; i < side[0].len; i++) {
		uint32_t lo = 0, hi = piles;
		while (t->twin[i] != NO_BOX && lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;
			if (t->twin[pile[mid]] < t->twin[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		if (t->twin[i] == NO_BOX)
			continue;
		below[i] = lo ? pile[lo - 1] : NO_BOX;
		pile[lo] = i;
		piles += lo == piles;
	}
	for (uint32_t i = piles ? pile[piles - 1] : NO_BOX; i != NO_BOX; i = below[i]) {
		side[0].lone[i].quiet = side[1].lone[t->twin[i]].quiet = true;
		side[0].lone[i].reach = t->twin[i];
		side[1].lone[t->twin[i]].reach = i;
	}
	free(pile);
	free(below);
}

static void find_twins(const struct verify_sides *sides, const _Atomic bool *stop)
{
	struct twins t = {.sides = sides, .slots = 64, .stop = stop};
	while (t.slots < sides->side[1].len * 2ull)
		t.slots *= 2;
	t.slot = table(t.slots, sizeof(*t.slot));
	memset(t.slot, 0xff, t.slots * sizeof(*t.slot));
	t.next = table(sides->side[1].len, sizeof(*t.next));
	t.twin = table(sides->side[0].len, sizeof(*t.twin));
	hash_side(&t);
	for (uint32_t i = 0; i < sides->side[0].len; i++)
		t.twin[i] = stopped(&t) ? NO_BOX : take_twin(&t, i);
	keep_rising(&t);
	free(t.slot);
	free(t.next);
	free(t.twin);
}

// --- reach ---

enum { CHUNK = 16 }; // boxes in a piece of work

struct reaching {
	const struct verify_sides *sides;
	unsigned side;
	struct verify_search *search; // by worker
};

static void reach_box(const struct reaching *r, struct verify_search *search, uint32_t i)
{
	const struct verify_side *mine = &r->sides->side[r->side],
				 *other = &r->sides->side[!r->side];
	struct verify_lone *lone = &mine->lone[i];
	uint64_t box[ALGEBRA_CELLS];
	if (lone->quiet)
		return;
	algebra_boxes_get(mine->boxes, i, box);
	lone->dead = algebra_boxes_first(mine->boxes, box, 0, i) < i;
	if (!lone->dead)
		lone->reach = verify_search_prefix(
			search, box, (struct verify_before){other->boxes, 0, other->len});
}

static void reach_chunk(void *user, unsigned worker, size_t piece)
{
	const struct reaching *r = user;
	uint32_t len = r->sides->side[r->side].len, at = (uint32_t)piece * CHUNK;
	for (uint32_t i = at; i < len && i < at + CHUNK; i++)
		reach_box(r, &r->search[worker], i);
}

static bool find_reach(const struct verify_sides *sides, unsigned side,
		       const struct verify_options *options)
{
	unsigned workers = verify_workers(options);
	struct reaching r = {.sides = sides, .side = side};
	r.search = table(workers, sizeof(*r.search));
	for (unsigned w = 0; w < workers; w++)
		verify_search_init(&r.search[w], &sides->slice->shape, verify_stop_flag(options),
				   STEPS);
	bool good = verify_work(&(struct verify_work){.options = options,
						      .pieces = sides->side[side].len / CHUNK + 1,
						      .run = reach_chunk,
						      .user = &r});
	for (unsigned w = 0; w < workers; w++)
		verify_search_fini(&r.search[w]);
	free(r.search);
	return good;
}

// --- sides ---

static void make_side(const struct verify_space *space, const struct verify_slice *slice,
		      size_t layer, struct verify_side *side)
{
	side->boxes = slice->layer[layer].boxes;
	side->len = (uint32_t)algebra_boxes_len(side->boxes);
	side->lone = table(side->len, sizeof(*side->lone));
	for (uint32_t i = 0; i < side->len; i++)
		side->lone[i].effect =
			verify_effect(space, layer, algebra_boxes_owner(side->boxes, i));
}

static bool is_odd(const struct verify_side *side, uint32_t i)
{
	return !side->lone[i].quiet && !side->lone[i].dead;
}

// A tree of its own pays where the quiet boxes of the other side then look at few.
static bool worth_a_tree(const struct verify_sides *sides)
{
	const struct verify_side *side = sides->side;
	size_t odd = 0, quiet = 0;
	for (uint32_t i = 0; i < side[0].len; i++)
		quiet += side[0].lone[i].quiet;
	for (uint32_t i = 0; i < side[1].len; i++)
		odd += is_odd(&side[1], i);
	return quiet && odd < side[1].len / 2;
}

static void make_odd(struct verify_sides *sides, const _Atomic bool *stop)
{
	const struct verify_side *side = &sides->side[1];
	uint64_t box[ALGEBRA_CELLS];
	sides->odd = algebra_boxes_new(&sides->slice->shape);
	algebra_boxes_stop(sides->odd, stop);
	for (uint32_t i = 0; i < side->len; i++) {
		if (!is_odd(side, i))
			continue;
		algebra_boxes_get(side->boxes, i, box);
		algebra_boxes_add(sides->odd, box, i);
	}
	algebra_boxes_build(sides->odd);
}

static bool pay(size_t *memory, size_t bytes)
{
	bool enough = bytes <= *memory;
	*memory -= enough ? bytes : *memory;
	return enough;
}

bool verify_sides_make(const struct verify_space *space, const struct verify_slice *slice,
		       const struct verify_options *options, size_t *memory,
		       struct verify_sides *out)
{
	*out = (struct verify_sides){.space = space, .slice = slice};
	for (unsigned s = 0; s < 2; s++) {
		size_t len = algebra_boxes_len(slice->layer[s].boxes);
		if (!pay(memory, len * (sizeof(struct verify_lone) + 16 * sizeof(uint32_t))))
			return false;
		make_side(space, slice, s, &out->side[s]);
	}
	find_twins(out, verify_stop_flag(options));
	for (unsigned s = 0; s < 2; s++)
		if (!find_reach(out, s, options))
			return false;
	if (worth_a_tree(out))
		make_odd(out, verify_stop_flag(options));
	return !out->odd || pay(memory, algebra_boxes_bytes(out->odd));
}

void verify_sides_fini(struct verify_sides *sides)
{
	for (unsigned s = 0; s < 2; s++)
		free(sides->side[s].lone);
	algebra_boxes_free(sides->odd);
}
