// SPDX-License-Identifier: Apache-2.0
// One dimension's distinct sets as an axis. The ends of all ranges cut the universe into pieces; pieces that are in the
// same sets are one atom. Few atoms make a mask, many a span over the pieces. Which sets a piece is in is told by the
// exclusive or of a random-looking number of 128 bits for each set, so that one sweep suffices.
#include "verify/lower.h"

#include <stdlib.h>
#include <string.h>

enum { WORD = 64, MASK_ATOMS_MOST = 12 * WORD };

// --- distinct sets ---

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
	x = (x ^ x >> 27) * 0x94D049BB133111EBull;
	return x ^ x >> 31;
}

static uint64_t hash_set(struct algebra_set set)
{
	uint64_t h = set.len;
	for (size_t i = 0; i < set.len; i++) {
		u128 lo = set.at[i].lo, hi = set.at[i].hi;
		h = mix(h ^ (uint64_t)lo) + mix(h + (uint64_t)(lo >> 64)) * 3;
		h = mix(h ^ (uint64_t)hi) + mix(h + (uint64_t)(hi >> 64)) * 5;
	}
	return h;
}

static void rehash(struct verify_sets *sets)
{
	sets->slots = sets->slots ? sets->slots * 2 : 64;
	sets->slot = arena_array(sets->arena, uint32_t, sets->slots);
	for (size_t i = 0; i < sets->set.len; i++) {
		size_t at = hash_set(sets->set.at[i]) & (sets->slots - 1);
		while (sets->slot[at])
			at = (at + 1) & (sets->slots - 1);
		sets->slot[at] = (uint32_t)i + 1;
	}
}

uint32_t verify_sets_put(struct verify_sets *sets, struct algebra_set set)
{
	if (sets->set.len * 2 >= sets->slots)
		rehash(sets);
	size_t at = hash_set(set) & (sets->slots - 1);
	while (sets->slot[at] && !algebra_set_equal(sets->set.at[sets->slot[at] - 1], set))
		at = (at + 1) & (sets->slots - 1);
	if (!sets->slot[at]) {
		vec_push(sets->arena, &sets->set, set);
		vec_push(sets->arena, &sets->uses, 0);
		sets->slot[at] = (uint32_t)sets->set.len;
	}
	sets->uses.at[sets->slot[at] - 1]++;
	return sets->slot[at] - 1;
}

// --- pieces ---

// At `value` the sets that a piece is in change.
struct edge {
	u128 value, key;
};

static u128 key_of(size_t set)
{
	return (u128)mix(set + 0x9E3779B97F4A7C15ull) << 64 |
	       mix(set ^ 0xD1B54A32D192ED03ull << 1 ^ set << 32);
}

// What is sorted is large and there may be much of it: numbers are.
static uint32_t *sorted(size_t n, int (*compare)(const void *a, const void *b, void *of), void *of,
			struct arena *arena)
{
	uint32_t *order = arena_array(arena, uint32_t, n + 1);
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, n, sizeof(*order), compare, of);
	return order;
}

static int by_value(const void *a, const void *b, void *edges)
{
	const struct edge *edge = edges;
	u128 x = edge[*(const uint32_t *)a].value, y = edge[*(const uint32_t *)b].value;
	return x < y ? -1 : x > y;
}

struct cutting {
	struct arena *arena;
	u128 most;
	VEC(struct edge) edge;
};

static size_t edges_of(const struct verify_sets *sets)
{
	size_t edges = 0;
	for (size_t i = 0; i < sets->set.len; i++)
		edges += sets->uses.at[i] ? 2 * sets->set.at[i].len : 0;
	return edges;
}

static void make_room(struct cutting *c, const struct verify_sets *sets, size_t universe)
{
	size_t edges = 2 * universe + edges_of(sets);
	c->edge.at = arena_array(c->arena, struct edge, edges);
	c->edge.cap = edges;
}

static void cut_set(struct cutting *c, struct algebra_set set, u128 key)
{
	for (size_t i = 0; i < set.len && set.at[i].lo <= c->most; i++) {
		vec_push(c->arena, &c->edge, (struct edge){set.at[i].lo, key});
		if (set.at[i].hi < c->most)
			vec_push(c->arena, &c->edge, (struct edge){set.at[i].hi + 1, key});
	}
}

// A piece with the key of the sets that it is in; `atom` is its number until atoms are known.
struct keyed {
	u128 lo, hi, key;
	uint32_t atom;
};
struct pieces {
	struct arena *arena;
	VEC(struct keyed) piece;
};

static void sweep(const struct cutting *c, u128 inside, struct pieces *out)
{
	u128 key = 0;
	const struct edge *edge = c->edge.at;
	const uint32_t *order = sorted(c->edge.len, by_value, c->edge.at, c->arena);
	out->piece.at = arena_array(out->arena, struct keyed, c->edge.len);
	out->piece.cap = c->edge.len;
	for (size_t i = 0; i < c->edge.len;) {
		u128 value = edge[order[i]].value;
		for (; i < c->edge.len && edge[order[i]].value == value; i++)
			key ^= edge[order[i]].key;
		u128 hi = i < c->edge.len ? edge[order[i]].value - 1 : c->most;
		struct keyed *last = out->piece.len ? &out->piece.at[out->piece.len - 1] : NULL;
		if (!(key & inside))
			continue;
		if (last && last->key == key && last->hi + 1 == value)
			last->hi = hi;
		else
			vec_push(out->arena, &out->piece, (struct keyed){value, hi, key, 0});
	}
}

// --- atoms ---

static int by_key(const void *a, const void *b, void *pieces)
{
	const struct keyed *piece = pieces, *x = &piece[*(const uint32_t *)a],
			   *y = &piece[*(const uint32_t *)b];
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static size_t count_keys(const struct keyed *piece, const uint32_t *order, size_t n)
{
	size_t keys = 0;
	for (size_t i = 0; i < n; i++)
		keys += !i || piece[order[i]].key != piece[order[i - 1]].key;
	return keys;
}

// How much larger products of single ranges would be than the conditions are: ranges a use.
static bool mostly_single(const struct verify_sets *sets)
{
	uint64_t uses = 0, ranges = 0;
	for (size_t i = 0; i < sets->set.len; i++) {
		uses += sets->uses.at[i];
		ranges += sets->uses.at[i] * sets->set.at[i].len;
	}
	return ranges <= uses + uses / 4;
}

static void keep_wide(struct verify_axis *axis, struct arena *arena, const struct keyed *from)
{
	axis->wide = arena_array(arena, struct verify_piece, axis->pieces + 1);
	for (size_t i = 0; i < axis->pieces; i++)
		axis->wide[i] = (struct verify_piece){from[i].lo, from[i].hi, from[i].atom};
}

static void keep_narrow(struct verify_axis *axis, struct arena *arena, const struct keyed *from)
{
	axis->narrow = arena_array(arena, struct verify_narrow, axis->pieces + 1);
	for (size_t i = 0; i < axis->pieces; i++)
		axis->narrow[i] =
			(struct verify_narrow){(uint32_t)from[i].lo, (uint32_t)from[i].hi};
}

// Pieces of one key become one atom.
static uint32_t join_pieces(struct keyed *piece, const uint32_t *order, size_t n)
{
	uint32_t atom = 0;
	for (size_t i = 0; i < n; i++) {
		atom += i && piece[order[i]].key != piece[order[i - 1]].key;
		piece[order[i]].atom = atom;
	}
	return atom + 1;
}

static void choose_form(const struct verify_sets *sets, struct pieces *p, struct arena *arena,
			struct verify_axis *axis)
{
	struct keyed *piece = p->piece.at; // rising
	size_t n = p->piece.len;
	const uint32_t *order = sorted(n, by_key, piece, p->arena);
	axis->pieces = n;
	for (size_t i = 0; i < n; i++)
		piece[i].atom = (uint32_t)i;
	size_t keys = count_keys(piece, order, n);
	axis->span = keys > WORD && (keys > MASK_ATOMS_MOST || mostly_single(sets));
	axis->atoms = axis->span ? (uint32_t)n : join_pieces(piece, order, n);
	if (axis->span && piece[n - 1].hi <= UINT32_MAX)
		keep_narrow(axis, arena, piece);
	else
		keep_wide(axis, arena, piece);
}

// --- sets as cells ---

size_t verify_piece_from(const struct verify_axis *axis, u128 value)
{
	size_t lo = 0, hi = axis->pieces;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (verify_piece(axis, mid).hi < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct cells {
	struct arena *arena;
	VEC(uint64_t) list;
};

static void put_spans(const struct verify_axis *axis, struct algebra_set set, struct cells *cells)
{
	for (size_t i = 0; i < set.len; i++) {
		size_t lo = verify_piece_from(axis, set.at[i].lo),
		       hi = verify_piece_from(axis, set.at[i].hi);
		if (hi == axis->pieces || verify_piece(axis, hi).lo > set.at[i].hi)
			hi--; // the range ends between pieces
		if (lo < axis->pieces && lo <= hi && hi != SIZE_MAX)
			vec_push(cells->arena, &cells->list,
				 algebra_span((uint32_t)lo, (uint32_t)hi));
	}
}

static void put_mask(const struct verify_axis *axis, struct algebra_set set, unsigned words,
		     struct cells *cells)
{
	size_t first = cells->list.len;
	for (unsigned w = 0; w < words; w++)
		vec_push(cells->arena, &cells->list, 0);
	for (size_t i = 0; i < set.len; i++)
		for (size_t p = verify_piece_from(axis, set.at[i].lo);
		     p < axis->pieces && verify_piece(axis, p).lo <= set.at[i].hi; p++)
			cells->list.at[first + verify_piece(axis, p).atom / WORD] |=
				1ull << verify_piece(axis, p).atom % WORD;
}

static void fill_cells(const struct verify_sets *sets, const struct verify_axis *axis,
		       struct arena *scratch, struct verify_cells *out)
{
	struct cells cells = {.arena = scratch};
	out->words = axis->span ? 1 : (axis->atoms + WORD - 1) / WORD;
	out->first = arena_array(scratch, size_t, sets->set.len + 1);
	for (size_t i = 0; i < sets->set.len; i++)
		cells.list.cap += axis->span ? sets->set.at[i].len : out->words;
	cells.list.at = arena_array(scratch, uint64_t, cells.list.cap);
	for (size_t i = 0; i < sets->set.len; i++) {
		out->first[i] = cells.list.len;
		if (axis->span)
			put_spans(axis, sets->set.at[i], &cells);
		else
			put_mask(axis, sets->set.at[i], out->words, &cells);
	}
	out->first[sets->set.len] = cells.list.len;
	out->at = cells.list.at;
}

size_t verify_atoms_bytes(const struct verify_sets *sets)
{
	return edges_of(sets) * (sizeof(struct edge) + sizeof(struct keyed) + 2 * sizeof(uint32_t));
}

void verify_atoms(const struct verify_sets *sets, struct algebra_set universe, struct arena *arena,
		  struct arena *scratch, struct verify_axis *axis, struct verify_cells *cells_out)
{
	u128 inside = 1; // marks pieces of the universe
	struct arena edges, local;
	struct cutting cutting = {.arena = &edges, .most = universe.at[universe.len - 1].hi};
	struct pieces pieces = {.arena = &local};
	arena_init(&edges);
	arena_init(&local);
	make_room(&cutting, sets, universe.len);
	cut_set(&cutting, universe, inside);
	for (size_t i = 0; i < sets->set.len; i++)
		if (sets->uses.at[i])
			cut_set(&cutting, sets->set.at[i], key_of(i) & ~inside);
	sweep(&cutting, inside, &pieces);
	arena_fini(&edges);
	choose_form(sets, &pieces, arena, axis);
	arena_fini(&local);
	fill_cells(sets, axis, scratch, cells_out);
}
