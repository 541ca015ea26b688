// SPDX-License-Identifier: Apache-2.0
// Comparisons of sixteen boxes with one: for any processor, and for those that do it in a few instructions (AVX-512).
#include "algebra/lanes.h"

#define LANES ALGEBRA_LANES

// --- any processor ---

static void within(const uint64_t *at, int32_t lo_most, int32_t hi_least, uint32_t *ok)
{
	const int32_t *lo = (const int32_t *)at, *hi = lo + LANES;
	for (int k = 0; k < LANES; k++)
		ok[k] &= -(uint32_t)(lo[k] <= lo_most) & -(uint32_t)(hi[k] >= hi_least);
}

static unsigned bits_of(const uint32_t *ok)
{
	unsigned bits = 0;
	for (unsigned k = 0; k < LANES; k++)
		bits |= (ok[k] & 1) << k;
	return bits;
}

static void common_cells(const struct algebra_asked *asked, unsigned mask, const uint64_t *at,
			 uint32_t *ok)
{
	const struct algebra_shape *shape = asked->shape;
	uint64_t common[LANES] = {0};
	for (unsigned c = shape->mask[mask].first; c < shape->mask[mask].end; c++, at += LANES)
		for (int k = 0; k < LANES; k++)
			common[k] |= at[k] & asked->box[c];
	for (int k = 0; k < LANES; k++)
		ok[k] &= common[k] ? ~0u : 0;
}

static void common_shared(const struct algebra_asked *asked, unsigned cell, const uint64_t *at,
			  uint32_t *ok)
{
	uint64_t top = asked->shape->top[cell], below = asked->shape->below[cell];
	for (int k = 0; k < LANES; k++) {
		uint64_t x = at[k] & asked->box[cell];
		ok[k] &= ((((x & ~top) + below) | x) & top) == top ? ~0u : 0;
	}
}

static unsigned plain_meet(const struct algebra_asked *asked, const uint64_t *lanes)
{
	const struct algebra_shape *shape = asked->shape;
	uint32_t ok[LANES];
	for (int k = 0; k < LANES; k++)
		ok[k] = ~0u;
	within(lanes, (int32_t)asked->last, (int32_t)asked->from, ok);
	for (unsigned s = 0; s < shape->spans; s++)
		within(lanes + (1 + s) * LANES, (int32_t)algebra_hi(asked->box[s]),
		       (int32_t)algebra_lo(asked->box[s]), ok);
	for (unsigned c = shape->spans; c < shape->shared_end; c++)
		common_shared(asked, c, lanes + (1 + c) * LANES, ok);
	for (unsigned m = shape->narrow; m < shape->masks; m++)
		common_cells(asked, m, lanes + (1 + shape->mask[m].first) * LANES, ok);
	return bits_of(ok);
}

static unsigned plain_hold(const struct algebra_asked *asked, const uint64_t *lanes)
{
	const struct algebra_shape *shape = asked->shape;
	uint32_t ok[LANES];
	for (int k = 0; k < LANES; k++)
		ok[k] = ~0u;
	within(lanes, (int32_t)asked->last, (int32_t)asked->from, ok);
	for (unsigned s = 0; s < shape->spans; s++)
		within(lanes + (1 + s) * LANES, (int32_t)algebra_lo(asked->box[s]),
		       (int32_t)algebra_hi(asked->box[s]), ok);
	for (unsigned c = shape->spans; c < shape->cells; c++)
		for (int k = 0; k < LANES; k++)
			ok[k] &= asked->box[c] & ~lanes[(1 + c) * LANES + k] ? 0 : ~0u;
	return bits_of(ok);
}

const struct algebra_lanes algebra_lanes_plain = {plain_meet, plain_hold};

// --- AVX-512 ---

#ifdef __x86_64__
#include <immintrin.h>

#define WIDE __attribute__((target("avx512f")))

WIDE static inline __mmask16 wide_within(__mmask16 ok, const uint64_t *at, uint32_t lo_most,
					 uint32_t hi_least)
{
	__m512i lo = _mm512_loadu_si512(at), hi = _mm512_loadu_si512(at + LANES / 2);
	ok = _mm512_mask_cmple_epi32_mask(ok, lo, _mm512_set1_epi32((int32_t)lo_most));
	return _mm512_mask_cmpge_epi32_mask(ok, hi, _mm512_set1_epi32((int32_t)hi_least));
}

WIDE static inline unsigned wide_full(__m512i cells, __m512i box, __m512i top, __m512i below)
{
	__m512i x = _mm512_and_si512(cells, box);
	__m512i carried = _mm512_add_epi64(_mm512_andnot_si512(top, x), below);
	return _mm512_cmpeq_epi64_mask(_mm512_and_si512(_mm512_or_si512(carried, x), top), top);
}

WIDE static inline unsigned wide_shared(const struct algebra_asked *asked, unsigned c,
					const uint64_t *at)
{
	__m512i box = _mm512_set1_epi64((int64_t)asked->box[c]),
		top = _mm512_set1_epi64((int64_t)asked->shape->top[c]),
		below = _mm512_set1_epi64((int64_t)asked->shape->below[c]);
	return wide_full(_mm512_loadu_si512(at), box, top, below) |
	       wide_full(_mm512_loadu_si512(at + LANES / 2), box, top, below) << LANES / 2;
}

WIDE static unsigned wide_meet(const struct algebra_asked *asked, const uint64_t *lanes)
{
	const struct algebra_shape *shape = asked->shape;
	__mmask16 ok = wide_within(0xffff, lanes, asked->last, asked->from);
	for (unsigned s = 0; s < shape->spans; s++) {
		lanes += LANES;
		ok = wide_within(ok, lanes, algebra_hi(asked->box[s]), algebra_lo(asked->box[s]));
	}
	for (unsigned c = shape->spans; c < shape->shared_end; c++) {
		lanes += LANES;
		ok &= (__mmask16)wide_shared(asked, c, lanes);
	}
	for (unsigned m = shape->narrow; m < shape->masks; m++) {
		unsigned common = 0;
		for (unsigned c = shape->mask[m].first; c < shape->mask[m].end; c++) {
			__m512i cell = _mm512_set1_epi64((int64_t)asked->box[c]);
			lanes += LANES;
			common |= _mm512_test_epi64_mask(_mm512_loadu_si512(lanes), cell);
			common |= (unsigned)_mm512_test_epi64_mask(
					  _mm512_loadu_si512(lanes + LANES / 2), cell)
				  << LANES / 2;
		}
		ok &= (__mmask16)common;
	}
	return ok;
}

WIDE static unsigned wide_hold(const struct algebra_asked *asked, const uint64_t *lanes)
{
	const struct algebra_shape *shape = asked->shape;
	__mmask16 ok = wide_within(0xffff, lanes, asked->last, asked->from);
	for (unsigned s = 0; s < shape->spans; s++) {
		lanes += LANES;
		ok = wide_within(ok, lanes, algebra_lo(asked->box[s]), algebra_hi(asked->box[s]));
	}
	for (unsigned c = shape->spans; c < shape->cells; c++) {
		__m512i cell = _mm512_set1_epi64((int64_t)asked->box[c]);
		lanes += LANES;
		__m512i low = _mm512_andnot_si512(_mm512_loadu_si512(lanes), cell),
			high = _mm512_andnot_si512(_mm512_loadu_si512(lanes + LANES / 2), cell);
		unsigned outside = _mm512_test_epi64_mask(low, low) |
				   (unsigned)_mm512_test_epi64_mask(high, high) << LANES / 2;
		ok &= (__mmask16)~outside;
	}
	return ok;
}

static const struct algebra_lanes wide = {wide_meet, wide_hold};

const struct algebra_lanes *algebra_lanes_best(void)
{
	return __builtin_cpu_supports("avx512f") ? &wide : &algebra_lanes_plain;
}
#else
const struct algebra_lanes *algebra_lanes_best(void)
{
	return &algebra_lanes_plain;
}
#endif
