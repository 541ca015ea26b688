// SPDX-License-Identifier: Apache-2.0
// Filling maps over several fields, against the plain rules of the kernel on spaces that are small enough to try all points.
#include "backend/nft/boxes.h"
#include "base/base.h"
#include "ir/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define SIDE 12u // values of each field
#define ROUNDS 300

static const enum nft_field fields[] = {F_PROTO, F_ETHERTYPE, F_DPORT};
static const char *const chains[] = {"-n0", "-n1", "-n2"};
#define FIELDS array_len(fields)

struct world {
	struct test_random random;
	struct arena arena;
};

static struct nft_box random_box(struct world *w, unsigned side)
{
	struct algebra_range *range = arena_array(&w->arena, struct algebra_range, FIELDS);
	for (size_t f = 0; f < FIELDS; f++) {
		u128 a = test_random_below(&w->random, side),
		     b = test_random_below(&w->random, side);
		range[f] = (struct algebra_range){a < b ? a : b, a < b ? b : a};
		if (test_random_chance(&w->random, 20))
			range[f] = (struct algebra_range){
				0, algebra_max(nft_field_info[fields[f]].bits)};
		else if (test_random_chance(&w->random, 50))
			range[f].hi = range[f].lo;
	}
	return (struct nft_box){range, chains[test_random_below(&w->random, array_len(chains))]};
}

static bool holds(const struct nft_box *box, const u128 *point)
{
	for (size_t f = 0; f < FIELDS; f++)
		if (point[f] < box->range[f].lo || point[f] > box->range[f].hi)
			return false;
	return true;
}

static const char *first(const struct nft_box *box, size_t len, const u128 *point)
{
	for (size_t i = 0; i < len; i++)
		if (holds(&box[i], point))
			return box[i].chain;
	return NULL;
}

static bool overlap(const struct nft_box *a, const struct nft_box *b)
{
	for (size_t f = 0; f < FIELDS; f++)
		if (a->range[f].lo > b->range[f].hi || b->range[f].lo > a->range[f].hi)
			return false;
	return true;
}

static bool refused(const struct nft_box *box, size_t len, const struct nft_box *new)
{
	u128 low[FIELDS], high[FIELDS];
	for (size_t f = 0; f < FIELDS; f++) {
		low[f] = new->range[f].lo;
		high[f] = new->range[f].hi;
	}
	return first(box, len, low) || first(box, len, high);
}

static bool apart(const struct nft_box *box, size_t len)
{
	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < i; k++)
			if (overlap(&box[i], &box[k]) && strcmp(box[i].chain, box[k].chain) != 0)
				return false;
	return true;
}

// The prefixes that a range of the last field splits into, by taking the largest that fits, again and again.
static size_t prefixes(struct algebra_range r)
{
	size_t n = 0;
	for (u128 at = r.lo; at <= r.hi; n++) {
		u128 size = 1 << 16;
		while (at % size || at + size - 1 > r.hi)
			size /= 2;
		at += size;
	}
	return n;
}

static size_t all_prefixes(const struct nft_box *box, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += prefixes(box[i].range[FIELDS - 1]);
	return n;
}

static void assert_same_meaning(const struct nft_box *meant, size_t len, const struct nft_boxes *is)
{
	static const u128 edge = 200; // all above the side are alike
	for (unsigned i = 0; i < (SIDE + 1) * (SIDE + 1) * (SIDE + 1); i++) {
		u128 point[] = {i % (SIDE + 1), i / (SIDE + 1) % (SIDE + 1),
				i / (SIDE + 1) / (SIDE + 1)};
		for (size_t f = 0; f < FIELDS; f++)
			point[f] = point[f] == SIDE ? edge : point[f];
		const char *a = first(meant, len, point), *b = first(is->box, is->len, point);
		assert_true(a == b || (a && b && !strcmp(a, b)));
	}
}

static void assert_taken(const struct nft_boxes *is)
{
	for (size_t i = 0; i < is->len; i++)
		assert_false(refused(is->box, i, &is->box[i]));
}

static void a_filled_map_means_what_was_added(void **state)
{
	struct world *w = *state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		enum nft_boxes_kind kind = round % 2 ? BOXES_ORDERED : BOXES_APART;
		struct nft_filling *filling = nft_filling_new(kind, fields, FIELDS, &w->arena);
		struct nft_box added[80];
		struct nft_boxes is = {0}, before;
		size_t len = 0;
		for (size_t i = 0; i < array_len(added); i++) {
			struct nft_box box = random_box(w, SIDE);
			before = is;
			if (nft_filling_add(filling, &box, 1 + round % 9))
				added[len++] = box;
			nft_filling_take(filling, &is);
			if (!len || memcmp(&added[len - 1], &box, sizeof(box)) != 0)
				assert_int_equal(is.len, before.len);
			assert_true(is.len - before.len <= 1 + round % 9);
		}
		assert_true(len > 3);
		assert_taken(&is);
		assert_same_meaning(added, len, &is);
		if (kind == BOXES_APART)
			assert_true(apart(is.box, is.len));
		else
			assert_true(all_prefixes(is.box, is.len) <= NFT_BOXES_PIECES);
	}
}

// A box is left as it is exactly when nothing stands against it, and refused when the rest is in too many parts.
static void boxes_are_cut_only_where_they_must(void **state)
{
	struct world *w = *state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		enum nft_boxes_kind kind = round % 2 ? BOXES_ORDERED : BOXES_APART;
		struct nft_filling *filling = nft_filling_new(kind, fields, FIELDS, &w->arena);
		struct nft_boxes is = {0};
		for (size_t i = 0; i < 60; i++) {
			struct nft_box box = random_box(w, SIDE), with[401];
			size_t before = is.len;
			bool stands = !refused(is.box, is.len, &box);
			assert_true(is.len < array_len(with));
			if (is.len)
				memcpy(with, is.box, is.len * sizeof(box));
			with[is.len] = box;
			stands &= kind == BOXES_ORDERED
					  ? all_prefixes(with, is.len + 1) <= NFT_BOXES_PIECES
					  : apart(with, is.len + 1);
			bool added = nft_filling_add(filling, &box, 1);
			nft_filling_take(filling, &is);
			bool same =
				added && is.len == before + 1 && is.box[before].range == box.range;
			assert_int_equal(same, stands);
		}
	}
}

static void many_boxes_are_found(void **state)
{
	struct world *w = *state;
	enum { MANY = 3000 };
	struct nft_filling *filling = nft_filling_new(BOXES_APART, fields, FIELDS, &w->arena);
	struct nft_boxes is = {0};
	for (unsigned i = 0; i < MANY; i++) {
		struct nft_box box = random_box(w, 256);
		struct algebra_range *range =
			arena_memdup(&w->arena, box.range, sizeof(*range) * FIELDS);
		size_t before = is.len;
		for (size_t f = 0; f < FIELDS; f++) // narrow enough that many stand side by side
			range[f].hi = range[f].lo + test_random_below(&w->random, 6);
		range[0].hi = range[0].hi > 255 ? 255 : range[0].hi;
		box.range = range;
		bool stands = !refused(is.box, is.len, &box);
		for (size_t k = 0; k < is.len && stands; k++)
			stands = !overlap(&box, &is.box[k]) || !strcmp(box.chain, is.box[k].chain);
		bool added = nft_filling_add(filling, &box, 1);
		nft_filling_take(filling, &is);
		assert_int_equal(added && is.len == before + 1 && is.box[before].range == range,
				 stands);
	}
	assert_true(is.len > MANY / 2);
}

static void what_is_sure_is_known(void **state)
{
	struct world *w = *state;
	unsigned bits[FIELDS], sure[2] = {0, 0};
	for (size_t f = 0; f < FIELDS; f++)
		bits[f] = nft_field_info[fields[f]].bits;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct nft_box box[400];
		size_t len = round % 2 ? 20 + round / 4 : array_len(box);
		unsigned side = 1u << (2 + round % 6);
		for (size_t i = 0; i < len; i++) {
			box[i] = random_box(w, side);
			if (round % 3)
				box[i].chain = chains[0];
		}
		bool meant = all_prefixes(box, len) <= NFT_BOXES_PIECES || apart(box, len);
		assert_int_equal(nft_boxes_sure(box, len, bits, FIELDS, &w->arena), meant);
		sure[meant]++;
	}
	assert_true(sure[0] > 10 && sure[1] > 10);
}

static int begin(void **state)
{
	static struct world w;
	w = (struct world){.random = {.state = 5390}};
	arena_init(&w.arena);
	*state = &w;
	return 0;
}

static int finish(void **state)
{
	arena_fini(&((struct world *)*state)->arena);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
	const struct CMUnitTest tests[] = {
		TEST(a_filled_map_means_what_was_added),
		TEST(boxes_are_cut_only_where_they_must),
		TEST(many_boxes_are_found),
		TEST(what_is_sure_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
