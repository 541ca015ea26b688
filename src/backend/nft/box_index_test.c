// SPDX-License-Identifier: Apache-2.0
// What the index of a map's boxes leaves out is in no such box, or is settled.
#include "backend/nft/box_index.h"
#include "ir/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAPS 60
#define BOXES 300
#define AREAS 40

struct world {
	struct arena arena;
	struct test_random random;
	struct nft_boxes boxes;
	size_t settled[BOXES];
};

static struct algebra_range some_range(struct world *w)
{
	u128 lo = test_random_below(&w->random, 1000), len = test_random_below(&w->random, 100);
	return (struct algebra_range){lo, lo + len};
}

static void make_boxes(struct world *w)
{
	static const enum nft_field field[] = {F_SRC4, F_DST4, F_DPORT};
	w->boxes = (struct nft_boxes){.fields = array_len(field),
				      .len = test_random_below(&w->random, BOXES)};
	w->boxes.box = arena_array(&w->arena, struct nft_box, w->boxes.len);
	for (size_t f = 0; f < array_len(field); f++)
		w->boxes.field[f] = field[f];
	for (size_t i = 0; i < w->boxes.len; i++) {
		struct algebra_range *range =
			arena_array(&w->arena, struct algebra_range, w->boxes.fields);
		for (size_t f = 0; f < w->boxes.fields; f++)
			range[f] = some_range(w);
		w->boxes.box[i].range = range;
		w->settled[i] = test_random_chance(&w->random, 20)
					? SIZE_MAX
					: test_random_below(&w->random, 100);
	}
}

// Not every field is asked.
static void make_area(struct world *w, struct nft_area *out)
{
	nft_area_all(out);
	for (size_t f = 0; f < w->boxes.fields; f++) {
		struct algebra_range range = some_range(w);
		if (test_random_chance(&w->random, 60))
			nft_area_narrow(out, &w->arena, w->boxes.field[f],
					algebra_set_one(&w->arena, range.lo, range.hi));
	}
}

static bool meets(struct world *w, const struct nft_area *area, size_t box)
{
	struct nft_area of_box;
	nft_area_all(&of_box);
	for (size_t f = 0; f < w->boxes.fields; f++) {
		struct algebra_range range = w->boxes.box[box].range[f];
		nft_area_narrow(&of_box, &w->arena, w->boxes.field[f],
				algebra_set_one(&w->arena, range.lo, range.hi));
	}
	return nft_area_meets(area, &of_box);
}

static void assert_finds(struct world *w, const struct nft_box_index *index, size_t *left_out)
{
	struct algebra_ids ids = {0};
	struct nft_area area;
	size_t now = test_random_below(&w->random, 110), at = 0;
	make_area(w, &area);
	nft_box_index_find(index, &area, now, &ids);
	for (size_t i = 0; i < w->boxes.len; i++) {
		bool found = at < ids.len && ids.at[at] == i; // ascending, each once
		at += found;
		assert_true(found ? w->settled[i] >= now
				  : w->settled[i] < now || !meets(w, &area, i));
		*left_out += !found;
	}
	assert_int_equal(at, ids.len);
	free(ids.at);
}

static void what_is_of_interest_is_found(void **state)
{
	(void)state;
	struct world w = {.random = {.state = test_random_seed(NULL)}};
	size_t left_out = 0;
	arena_init(&w.arena);
	for (unsigned i = 0; i < MAPS; i++) {
		make_boxes(&w);
		struct nft_box_index *index = nft_box_index_new(&w.boxes, w.settled);
		for (unsigned k = 0; k < AREAS; k++)
			assert_finds(&w, index, &left_out);
		nft_box_index_free(index);
	}
	assert_true(left_out > MAPS * AREAS * BOXES / 8);
	arena_fini(&w.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_of_interest_is_found)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
