// SPDX-License-Identifier: Apache-2.0
// Range sets by merging sorted lists. Everything is linear in the ranges (the builder sorts what is not sorted),
// membership is a binary search, and so is finding where two sets begin to meet. There is no negative set: a
// complement is taken within the dimension's largest value.
#include "algebra/set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FEW 64u // values that qsort sorts as quickly

u128 algebra_max(unsigned bits)
{
	assert(bits >= 1 && bits <= 128);
	return bits == 128 ? ~(u128)0 : ((u128)1 << bits) - 1;
}

void algebra_builder_add(struct algebra_builder *builder, u128 lo, u128 hi)
{
	assert(lo <= hi);
	vec_push(builder->arena, &builder->list, (struct algebra_range){lo, hi});
}

static int by_lo(const void *a, const void *b)
{
	u128 x = ((const struct algebra_range *)a)->lo, y = ((const struct algebra_range *)b)->lo;
	return x < y ? -1 : x > y;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

void algebra_numbers_sort(uint32_t *at, size_t len)
{
	if (len)
		qsort(at, len, sizeof(*at), by_number);
}

static int by_value(const void *a, const void *b)
{
	const u128 *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static unsigned byte_of(u128 value, unsigned byte)
{
	return (unsigned)(value >> (byte * 8)) & 255;
}

// By one byte; those that are equal in it keep their order.
static void spread(const u128 *from, size_t len, unsigned byte, u128 *to)
{
	size_t place[257] = {0};
	for (size_t i = 0; i < len; i++)
		place[byte_of(from[i], byte) + 1]++;
	for (unsigned k = 1; k < 256; k++)
		place[k] += place[k - 1];
	for (size_t i = 0; i < len; i++)
		to[place[byte_of(from[i], byte)]++] = from[i];
}

// Byte by byte from the lowest; those that all have in common need no turn.
void algebra_values_sort(u128 *at, size_t len)
{
	if (len < FEW) {
		qsort(at, len, sizeof(*at), by_value);
		return;
	}
	u128 differ = 0, *room = base_oom(malloc(len * sizeof(*at))), *from = at, *to = room;
	for (size_t i = 1; i < len; i++)
		differ |= at[i] ^ at[0];
	for (unsigned byte = 0; byte < sizeof(*at); byte++)
		if (byte_of(differ, byte)) {
			spread(from, len, byte, to);
			u128 *swap = from;
			from = to;
			to = swap;
		}
	if (from != at)
		memcpy(at, from, len * sizeof(*at));
	free(room);
}

// What is made of sets, which are sorted, mostly is sorted, too.
static bool in_order(const struct algebra_range *at, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (at[i].lo < at[i - 1].lo)
			return false;
	return true;
}

struct algebra_set algebra_builder_take(struct algebra_builder *builder)
{
	struct algebra_range *at = builder->list.at;
	size_t n = builder->list.len, out = 0;
	if (!in_order(at, n))
		qsort(at, n, sizeof(*at), by_lo);
	for (size_t i = 0; i < n; i++) {
		// Touching counts as overlapping; the largest value has no neighbour above it.
		if (out && (at[out - 1].hi == ~(u128)0 || at[i].lo <= at[out - 1].hi + 1)) {
			if (at[i].hi > at[out - 1].hi)
				at[out - 1].hi = at[i].hi;
		} else {
			at[out++] = at[i];
		}
	}
	builder->list.at = NULL;
	builder->list.len = builder->list.cap = 0;
	return (struct algebra_set){.at = at, .len = out};
}

struct algebra_set algebra_set_one(struct arena *arena, u128 lo, u128 hi)
{
	assert(lo <= hi);
	struct algebra_range *r = arena_new(arena, struct algebra_range);
	*r = (struct algebra_range){lo, hi};
	return (struct algebra_set){.at = r, .len = 1};
}

struct algebra_set algebra_set_union(struct arena *arena, struct algebra_set a,
				     struct algebra_set b)
{
	struct algebra_builder builder = {.arena = arena};
	for (size_t i = 0; i < a.len; i++)
		algebra_builder_add(&builder, a.at[i].lo, a.at[i].hi);
	for (size_t i = 0; i < b.len; i++)
		algebra_builder_add(&builder, b.at[i].lo, b.at[i].hi);
	return algebra_builder_take(&builder);
}

// The first range that does not end before the value.
static size_t first_from(struct algebra_set a, u128 value)
{
	size_t lo = 0, hi = a.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (a.at[mid].hi < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

// … than the other set begins.
static size_t first_meeting(struct algebra_set a, struct algebra_set other)
{
	return other.len ? first_from(a, other.at[0].lo) : a.len;
}

struct algebra_set algebra_set_intersect(struct arena *arena, struct algebra_set a,
					 struct algebra_set b)
{
	struct algebra_builder builder = {.arena = arena};
	for (size_t i = first_meeting(a, b), j = first_meeting(b, a); i < a.len && j < b.len;) {
		u128 lo = a.at[i].lo > b.at[j].lo ? a.at[i].lo : b.at[j].lo;
		u128 hi = a.at[i].hi < b.at[j].hi ? a.at[i].hi : b.at[j].hi;
		if (lo <= hi)
			algebra_builder_add(&builder, lo, hi);
		if (a.at[i].hi < b.at[j].hi)
			i++;
		else
			j++;
	}
	return algebra_builder_take(&builder);
}

struct algebra_set algebra_set_complement(struct arena *arena, struct algebra_set a, u128 max)
{
	struct algebra_builder builder = {.arena = arena};
	u128 next = 0;
	vec_reserve(arena, &builder.list, a.len + 1);
	for (size_t i = 0; i < a.len; i++) {
		assert(a.at[i].hi <= max);
		if (a.at[i].lo > next)
			algebra_builder_add(&builder, next, a.at[i].lo - 1);
		if (a.at[i].hi == max)
			return algebra_builder_take(&builder);
		next = a.at[i].hi + 1;
	}
	algebra_builder_add(&builder, next, max);
	return algebra_builder_take(&builder);
}

bool algebra_set_has(struct algebra_set a, u128 value)
{
	size_t at = first_from(a, value);
	return at < a.len && a.at[at].lo <= value;
}

bool algebra_set_equal(struct algebra_set a, struct algebra_set b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (a.at[i].lo != b.at[i].lo || a.at[i].hi != b.at[i].hi)
			return false;
	return true;
}

bool algebra_set_overlaps(struct algebra_set a, struct algebra_set b)
{
	for (size_t i = first_meeting(a, b), j = first_meeting(b, a); i < a.len && j < b.len;) {
		if (a.at[i].hi < b.at[j].lo)
			i++;
		else if (b.at[j].hi < a.at[i].lo)
			j++;
		else
			return true;
	}
	return false;
}

bool algebra_set_within(struct algebra_set a, struct algebra_set b)
{
	for (size_t i = 0, j = first_meeting(b, a); i < a.len; i++) {
		while (j < b.len && b.at[j].hi < a.at[i].lo)
			j++;
		if (j == b.len || b.at[j].lo > a.at[i].lo || b.at[j].hi < a.at[i].hi)
			return false;
	}
	return true;
}
