// SPDX-License-Identifier: Apache-2.0
// Boxes against brute force: every point of small spaces.
#include "algebra/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEST(f) cmocka_unit_test(f)

// Two spans of SIDE values, two masks of 2 values that share a cell, a mask of 70 (two cells).
enum { SIDE = 6, FEW = 4, MANY = 70, POINTS = SIDE * SIDE * FEW * MANY };
static struct algebra_shape shape;

static void make_shape(void)
{
	static const uint32_t values[] = {2, 2, MANY};
	algebra_shape_init(&shape, 2);
	for (unsigned i = 0; i < 3; i++) {
		unsigned mask;
		assert_true(algebra_shape_add(&shape, values[i], &mask));
		assert_int_equal(mask, i);
	}
	assert_int_equal(shape.cells, 5);
}

static uint32_t state = 1;
static uint32_t draw(uint32_t n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

static uint64_t random_span(void)
{
	uint32_t a = draw(SIDE), b = draw(SIDE);
	if (!draw(3))
		return algebra_span(0, SIDE - 1);
	return a < b ? algebra_span(a, b) : algebra_span(b, a);
}

static void random_box(uint64_t *box)
{
	box[0] = random_span();
	box[1] = random_span();
	box[2] = draw(2) ? 15 : (1 + draw(3)) | (1 + draw(3)) << 2;
	uint64_t bits = draw(2) ? ~0ull : ((uint64_t)draw(1u << 24) << 40 | draw(1u << 24)) | 1;
	box[3] = bits;
	box[4] = draw(2) ? 63 : draw(64);
}

static void point(unsigned i, uint64_t *box)
{
	unsigned x = i % SIDE, y = i / SIDE % SIDE, few = i / SIDE / SIDE % FEW,
		 many = i / SIDE / SIDE / FEW;
	box[0] = algebra_span(x, x);
	box[1] = algebra_span(y, y);
	box[2] = 1ull << few % 2 | 4ull << few / 2;
	box[3] = many < 64 ? 1ull << many : 0;
	box[4] = many < 64 ? 0 : 1ull << (many - 64);
}

static bool covered(const uint64_t *box, uint64_t (*by)[5], size_t n)
{
	for (unsigned i = 0; i < POINTS; i++) {
		uint64_t p[5];
		bool held = false;
		point(i, p);
		for (size_t k = 0; k < n && !held; k++)
			held = algebra_box_within(&shape, p, by[k]);
		if (!held && algebra_box_within(&shape, p, box))
			return false;
	}
	return true;
}

static void cover_is_what_points_say(void **unused)
{
	(void)unused;
	struct algebra_cover cover;
	algebra_cover_init(&cover, &shape, NULL, 1000000);
	size_t yes = 0;
	for (int round = 0; round < 400; round++) {
		uint64_t box[5], by[40][5], open[5], p[5];
		size_t n = draw(40);
		random_box(box);
		algebra_cover_ask(&cover, box);
		for (size_t k = 0; k < n; k++) {
			random_box(by[k]);
			algebra_cover_add(&cover, by[k]);
		}
		bool truth = covered(box, by, n);
		yes += truth;
		assert_int_equal(algebra_cover_answer(&cover, NULL),
				 truth ? ALGEBRA_COVERED : ALGEBRA_OPEN);
		assert_int_equal(algebra_cover_answer(&cover, open),
				 truth ? ALGEBRA_COVERED : ALGEBRA_OPEN);
		for (uint32_t which = 0; !truth && which < 5; which++) {
			algebra_box_point(&shape, open, which, p);
			assert_true(algebra_box_within(&shape, open, box));
			assert_true(algebra_box_within(&shape, p, open));
			assert_true(algebra_box_volume(&shape, p) == 1);
			for (size_t k = 0; k < n; k++)
				assert_false(algebra_box_meets(&shape, open, by[k]));
		}
	}
	algebra_cover_fini(&cover);
	assert_true(yes > 40 && yes < 360);
}

static void it_gives_up_when_told(void **unused)
{
	(void)unused;
	struct algebra_cover cover;
	_Atomic bool stop = true;
	uint64_t all[5] = {algebra_span(0, 5), algebra_span(0, 5), 15, ~0ull, 63}, half[5];
	memcpy(half, all, sizeof(half));
	half[0] = algebra_span(0, 2);
	for (int by_steps = 0; by_steps < 2; by_steps++) {
		algebra_cover_init(&cover, &shape, by_steps ? NULL : &stop, by_steps ? 1 : 100);
		algebra_cover_ask(&cover, all);
		algebra_cover_add(&cover, half);
		half[0] = algebra_span(3, 5);
		algebra_cover_add(&cover, half);
		half[0] = algebra_span(0, 2);
		assert_int_equal(algebra_cover_answer(&cover, NULL), ALGEBRA_GAVE_UP);
		algebra_cover_fini(&cover);
	}
}

static int by_number(const void *a, const void *b)
{
	return (int)*(const uint32_t *)a - (int)*(const uint32_t *)b;
}

static void check_questions(const struct algebra_boxes *boxes, uint64_t (*truth)[5], uint32_t n)
{
	struct algebra_ids ids = {0};
	for (int q = 0; q < 200; q++) {
		uint64_t box[5];
		uint32_t from = draw(n + 1), to = from + draw(n + 1 - from), first = to;
		random_box(box);
		if (draw(2))
			point(draw(POINTS), box);
		ids.len = 0;
		algebra_boxes_meeting(boxes, box, from, to, &ids);
		if (ids.len)
			qsort(ids.at, ids.len, sizeof(*ids.at), by_number);
		size_t met = 0;
		for (uint32_t i = from; i < to; i++) {
			if (algebra_box_meets(&shape, box, truth[i])) {
				assert_true(met < ids.len);
				assert_int_equal(ids.at[met++], i);
			}
			if (first == to && algebra_box_within(&shape, box, truth[i]))
				first = i;
		}
		assert_int_equal(met, ids.len);
		size_t most = draw(40);
		ids.len = 0;
		assert_int_equal(algebra_boxes_meeting_most(boxes, box, from, to, most, &ids),
				 met <= most);
		assert_int_equal(ids.len, met <= most ? met : most + 1);
		assert_int_equal(algebra_boxes_first(boxes, box, from, to), first);
		ids.len = 0;
		algebra_boxes_holding(boxes, box, from, to, &ids);
		for (size_t i = 0; i < ids.len; i++)
			assert_true(algebra_box_within(&shape, box, truth[ids.at[i]]));
		assert_int_equal(ids.len > 0, first < to);
	}
	free(ids.at);
}

static void check_levels(struct algebra_boxes *boxes, uint64_t (*truth)[5], uint32_t n)
{
	uint32_t level[3000];
	algebra_boxes_level(boxes);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t least = draw(5), highest = least;
		for (uint32_t k = 0; k < i; k++)
			if (level[k] > highest && algebra_box_meets(&shape, truth[i], truth[k]))
				highest = level[k];
		assert_int_equal(algebra_boxes_highest(boxes, truth[i], least, 9), highest);
		level[i] = draw(2) ? draw(10) : 0;
		algebra_boxes_raise(boxes, i, level[i]);
	}
}

static void many_boxes_answer_like_a_list(void **unused)
{
	(void)unused;
	static uint64_t truth[3000][5];
	static const uint32_t sizes[] = {0, 1, 15, 16, 17, 33, 200, 3000};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct algebra_boxes *boxes = algebra_boxes_new(&shape);
		for (uint32_t k = 0; k < sizes[i]; k++) {
			random_box(truth[k]);
			algebra_boxes_add(boxes, truth[k], k * 7);
		}
		algebra_boxes_build(boxes);
		for (uint32_t k = 0; k < sizes[i]; k++) {
			uint64_t got[5];
			algebra_boxes_get(boxes, k, got);
			assert_memory_equal(got, truth[k], sizeof(got));
			assert_int_equal(algebra_boxes_owner(boxes, k), k * 7);
		}
		check_questions(boxes, truth, sizes[i]);
		check_levels(boxes, truth, sizes[i]);
		check_levels(boxes, truth, sizes[i]); // begun once more
		algebra_boxes_free(boxes);
	}
}

static bool meets_any(const uint64_t *box, uint64_t (*of)[5], uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if (algebra_box_meets(&shape, box, of[i]))
			return true;
	return false;
}

// As wide as it can be, value by value.
static void widen_slowly(uint64_t *box, const uint64_t *room, unsigned axis, uint64_t (*of)[5],
			 const uint32_t range[2])
{
	uint64_t one[5];
	memcpy(one, box, sizeof(one));
	if (axis < 2) {
		uint32_t lo = algebra_lo(box[axis]), hi = algebra_hi(box[axis]);
		while (lo > algebra_lo(room[axis]) && (one[axis] = algebra_span(lo - 1, lo - 1),
						       !meets_any(one, of, range[0], range[1])))
			lo--;
		while (hi < algebra_hi(room[axis]) && (one[axis] = algebra_span(hi + 1, hi + 1),
						       !meets_any(one, of, range[0], range[1])))
			hi++;
		box[axis] = algebra_span(lo, hi);
		return;
	}
	for (uint32_t v = 0; v < (axis == 4 ? MANY : 2); v++) {
		algebra_clear(&shape, one, axis - 2);
		algebra_put(&shape, one, axis - 2, v);
		if (algebra_has(&shape, room, axis - 2, v) &&
		    !meets_any(one, of, range[0], range[1]))
			algebra_put(&shape, box, axis - 2, v);
	}
}

static void boxes_are_widened_as_far_as_there_is_room(void **unused)
{
	(void)unused;
	size_t asked = 0, stopped = 0;
	for (int round = 0; round < 300; round++) {
		static uint64_t of[40][5];
		uint32_t n = draw(40), range[2] = {draw(n + 1), 0};
		range[1] = range[0] + draw(n + 1 - range[0]);
		struct algebra_boxes *boxes = algebra_boxes_new(&shape);
		for (uint32_t k = 0; k < n; k++) {
			random_box(of[k]);
			algebra_boxes_add(boxes, of[k], k);
		}
		algebra_boxes_build(boxes);
		for (int q = 0; q < 100; q++) {
			uint64_t box[5], room[5], wide[5], truth[5];
			unsigned axis = draw(5);
			point(draw(POINTS), box);
			if (meets_any(box, of, range[0], range[1]))
				continue;
			static const uint64_t all[5] = {5ull << 32, 5ull << 32, 15, ~0ull, 63};
			memcpy(room, box, sizeof(room));
			if (axis < 2) {
				room[axis] = all[axis];
			} else {
				uint64_t words[5];
				(void)algebra_read(&shape, all, axis - 2, words);
				algebra_write(&shape, room, axis - 2, words);
			}
			memcpy(wide, room, sizeof(wide));
			memcpy(truth, box, sizeof(truth));
			algebra_boxes_narrow(boxes, box, axis, range[0], range[1], wide);
			widen_slowly(truth, room, axis, of, range);
			assert_memory_equal(wide, truth, sizeof(wide));
			asked++;
			stopped += memcmp(wide, room, sizeof(wide)) != 0;
		}
		algebra_boxes_free(boxes);
	}
	assert_true(asked > 3000 && stopped > 500);
}

// What this processor does best says the same as what any does.
static void lanes_agree(void **unused)
{
	(void)unused;
	const struct algebra_lanes *best = algebra_lanes_best(), *plain = &algebra_lanes_plain;
	size_t met = 0, held = 0;
	for (int round = 0; round < 20000; round++) {
		static uint64_t lanes[6 * ALGEBRA_LANES];
		uint64_t box[5], lane[5];
		for (unsigned k = 0; k < ALGEBRA_LANES; k++) {
			random_box(lane);
			for (unsigned c = 2; c < 5; c++)
				lanes[(1 + c) * ALGEBRA_LANES + k] = lane[c];
			for (unsigned c = 0; c < 3; c++) {
				uint32_t *at = (uint32_t *)(lanes + c * ALGEBRA_LANES);
				uint32_t number = draw(10);
				at[k] = c ? algebra_lo(lane[c - 1]) : number;
				at[ALGEBRA_LANES + k] = c ? algebra_hi(lane[c - 1]) : number;
			}
		}
		random_box(box);
		struct algebra_asked asked = {&shape, box, draw(5), 4 + draw(6)};
		unsigned meet = plain->meet(&asked, lanes), hold = plain->hold(&asked, lanes);
		assert_int_equal(best->meet(&asked, lanes), meet);
		assert_int_equal(best->hold(&asked, lanes), hold);
		assert_int_equal(hold & ~meet, 0);
		met += meet != 0;
		held += hold != 0;
	}
	assert_true(met > 5000 && held > 500);
}

// Narrow masks fill cells without gaps larger than themselves, wide ones follow; values are put, read, dropped and cleared
// without touching others.
static void masks_find_their_bits(void **unused)
{
	(void)unused;
	static struct algebra_shape many;
	static const uint32_t values[] = {60, 5, 2, 1, 64, 3, 200};
	uint64_t box[ALGEBRA_CELLS] = {0}, words[ALGEBRA_CELLS];
	unsigned mask;
	algebra_shape_init(&many, 1);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		assert_true(algebra_shape_add(&many, values[i], &mask));
	assert_int_equal(many.cells, 1 + 4 + 4);
	for (unsigned m = 0; m < many.masks; m++)
		for (uint32_t v = 0; v < values[m]; v += 7) {
			algebra_put(&many, box, m, v);
			assert_true(algebra_has(&many, box, m, v));
		}
	assert_int_equal(algebra_read(&many, box, 6, words), 4);
	assert_int_equal(words[0], box[5]);
	assert_int_equal(algebra_read(&many, box, 1, words), 1);
	assert_int_equal(words[0], 1);
	algebra_drop(&many, box, 1, 0);
	assert_false(algebra_box_clip(&many, box, box, box));
	words[0] = 31;
	algebra_write(&many, box, 1, words);
	assert_true(algebra_box_clip(&many, box, box, box));
	algebra_clear(&many, box, 2);
	assert_true(algebra_has(&many, box, 1, 4) && algebra_has(&many, box, 3, 0));
	assert_false(algebra_box_meets(&many, box, box));
	while (algebra_shape_add(&many, 1000, &mask))
		;
	assert_true(many.cells <= ALGEBRA_CELLS);
	algebra_shape_init(&many, 4);
	size_t pairs = 0;
	while (algebra_shape_add(&many, 2, &mask))
		pairs++;
	assert_int_equal(pairs, (ALGEBRA_CELLS - 4) * 32);
}

int main(void)
{
	make_shape();
	const struct CMUnitTest tests[] = {TEST(cover_is_what_points_say),
					   TEST(masks_find_their_bits),
					   TEST(it_gives_up_when_told),
					   TEST(many_boxes_answer_like_a_list),
					   TEST(boxes_are_widened_as_far_as_there_is_room),
					   TEST(lanes_agree)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
