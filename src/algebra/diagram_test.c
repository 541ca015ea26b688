// SPDX-License-Identifier: Apache-2.0
// Decision diagrams against tables of every point of small spaces, and what happens at the bounds.
#include "algebra/diagram.h"
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define VARS 4
#define POINTS_MOST (6 * 6 * 6 * 6)
#define PLENTY ((size_t)64 << 20)

// A space, its diagram, and functions as tables beside it.
struct rig {
	unsigned seed;
	int32_t max[VARS];
	size_t points;
	struct algebra_diagram *d;
	struct arena arena;
};

static void rig_open(struct rig *rig, unsigned seed)
{
	*rig = (struct rig){.seed = seed, .points = 1};
	for (size_t i = 0; i < VARS; i++) {
		rig->max[i] = rand_r(&rig->seed) % 6;
		rig->points *= (size_t)rig->max[i] + 1;
	}
	struct algebra_diagram_limits limits = {.bytes = PLENTY};
	rig->d = algebra_diagram_new(rig->max, VARS, &limits);
	arena_init(&rig->arena);
}

static void rig_close(struct rig *rig)
{
	assert_int_equal(algebra_diagram_status(rig->d), ALGEBRA_DIAGRAM_GOOD);
	algebra_diagram_free(rig->d);
	arena_fini(&rig->arena);
}

static void point_of(const struct rig *rig, size_t number, int32_t *point)
{
	for (size_t i = 0; i < VARS; i++) {
		point[i] = (int32_t)(number % ((size_t)rig->max[i] + 1));
		number /= (size_t)rig->max[i] + 1;
	}
}

static struct algebra_side random_side(struct rig *rig, int32_t max)
{
	struct algebra_span *span = arena_array(&rig->arena, struct algebra_span, 8);
	size_t n = 0;
	unsigned bits = (unsigned)rand_r(&rig->seed) | (rand_r(&rig->seed) % 3 ? 0u : 63u);
	for (int32_t v = 0; v <= max; v++) {
		if (!(bits >> v & 1))
			continue;
		if (n && span[n - 1].hi == v - 1)
			span[n - 1].hi = v;
		else
			span[n++] = (struct algebra_span){v, v};
	}
	return (struct algebra_side){span, n}; // nothing: anything
}

static bool side_has(const struct algebra_side *side, int32_t value)
{
	for (size_t i = 0; i < side->len; i++)
		if (side->at[i].lo <= value && value <= side->at[i].hi)
			return true;
	return !side->len;
}

static bool case_has(const struct algebra_case *box, const int32_t *point)
{
	for (size_t i = 0; i < VARS; i++)
		if (!side_has(&box->side[i], point[i]))
			return false;
	return true;
}

static struct algebra_case *random_list(struct rig *rig, size_t len)
{
	struct algebra_case *list = arena_array(&rig->arena, struct algebra_case, len + 1);
	for (size_t i = 0; i < len; i++) {
		struct algebra_side *side = arena_array(&rig->arena, struct algebra_side, VARS);
		for (size_t v = 0; v < VARS; v++)
			side[v] = random_side(rig, rig->max[v]);
		list[i] = (struct algebra_case){side, (uint32_t)rand_r(&rig->seed) % 4};
	}
	return list;
}

static uint32_t table_result(const struct algebra_case *list, size_t len, const int32_t *point)
{
	for (size_t i = 0; i < len; i++)
		if (list[i].result && case_has(&list[i], point))
			return list[i].result;
	return 0;
}

// A random function, and its table.
static uint32_t random_function(struct rig *rig, uint8_t *table)
{
	size_t len = (size_t)rand_r(&rig->seed) % 12;
	struct algebra_case *list = random_list(rig, len);
	int32_t point[VARS];
	for (size_t p = 0; p < rig->points; p++) {
		point_of(rig, p, point);
		table[p] = (uint8_t)table_result(list, len, point);
	}
	return algebra_diagram_first_match(rig->d, list, len);
}

static void assert_table(struct rig *rig, uint32_t a, const uint8_t *table)
{
	int32_t point[VARS];
	for (size_t p = 0; p < rig->points; p++) {
		point_of(rig, p, point);
		assert_int_equal(algebra_diagram_at(rig->d, a, point), table[p]);
	}
}

static uint32_t weird(void *user, uint32_t a, uint32_t b)
{
	return (a * 7 + b * 3 + *(const uint32_t *)user) % 5;
}

static uint32_t odd(void *user, uint32_t a)
{
	(void)user;
	return a % 2;
}

static void functions_equal_their_tables(void **state)
{
	(void)state;
	static uint8_t x[POINTS_MOST], y[POINTS_MOST], z[POINTS_MOST];
	for (unsigned round = 0; round < 400; round++) {
		struct rig rig;
		rig_open(&rig, 4100 + round);
		uint32_t a = random_function(&rig, x), b = random_function(&rig, y), salt = round;
		assert_table(&rig, a, x);
		assert_table(&rig, b, y);
		for (size_t p = 0; p < rig.points; p++)
			z[p] = x[p] ? x[p] : y[p];
		assert_table(&rig, algebra_diagram_join(rig.d, ALGEBRA_OVER, a, b), z);
		for (size_t p = 0; p < rig.points; p++)
			z[p] = x[p] ? y[p] : 0;
		assert_table(&rig, algebra_diagram_join(rig.d, ALGEBRA_WITHIN, a, b), z);
		for (size_t p = 0; p < rig.points; p++)
			z[p] = y[p] ? 0 : x[p];
		assert_table(&rig, algebra_diagram_join(rig.d, ALGEBRA_MINUS, a, b), z);
		for (size_t p = 0; p < rig.points; p++)
			z[p] = (uint8_t)weird(&salt, x[p], y[p]);
		assert_table(&rig, algebra_diagram_apply(rig.d, weird, &salt, a, b), z);
		for (size_t p = 0; p < rig.points; p++)
			z[p] = x[p] % 2;
		assert_table(&rig, algebra_diagram_map(rig.d, odd, NULL, a), z);
		rig_close(&rig);
	}
}

// The same function made in another way is the same node; another function is another.
static void equal_means_identical(void **state)
{
	(void)state;
	static uint8_t x[POINTS_MOST], y[POINTS_MOST];
	for (unsigned round = 0; round < 300; round++) {
		struct rig rig;
		rig_open(&rig, 7300 + round);
		uint32_t a = random_function(&rig, x), b = random_function(&rig, y);
		assert_int_equal(a == b, !memcmp(x, y, rig.points));
		uint32_t inside = algebra_diagram_join(rig.d, ALGEBRA_WITHIN, b, a),
			 outside = algebra_diagram_join(rig.d, ALGEBRA_MINUS, a, b);
		assert_int_equal(algebra_diagram_join(rig.d, ALGEBRA_OVER, inside, outside), a);
		uint32_t rebuilt = algebra_diagram_constant(0);
		int32_t point[VARS];
		for (size_t p = 0; p < rig.points; p++) {
			struct algebra_span span[VARS];
			struct algebra_side side[VARS];
			point_of(&rig, p, point);
			for (size_t v = 0; v < VARS; v++) {
				span[v] = (struct algebra_span){point[v], point[v]};
				side[v] = (struct algebra_side){&span[v], 1};
			}
			struct algebra_case one = {side, x[p]};
			rebuilt = algebra_diagram_join(rig.d, ALGEBRA_OVER, rebuilt,
						       algebra_diagram_box(rig.d, &one));
		}
		assert_int_equal(rebuilt, a);
		rig_close(&rig);
	}
}

// The point with one variable at a value, as its number.
static size_t number_with(const struct rig *rig, size_t p, size_t var, int32_t value)
{
	size_t step = 1;
	for (size_t i = 0; i < var; i++)
		step *= (size_t)rig->max[i] + 1;
	size_t width = (size_t)rig->max[var] + 1, old = p / step % width;
	return p - old * step + (size_t)value * step;
}

static void variables_are_taken_away(void **state)
{
	(void)state;
	static uint8_t x[POINTS_MOST];
	for (unsigned round = 0; round < 300; round++) {
		struct rig rig;
		rig_open(&rig, 9100 + round);
		uint32_t a = random_function(&rig, x);
		size_t var = round % VARS;
		int32_t value = rand_r(&rig.seed) % (rig.max[var] + 1), point[VARS];
		uint32_t fixed = algebra_diagram_fix(rig.d, a, var, value),
			 some = algebra_diagram_project(rig.d, ALGEBRA_SOME, a, var),
			 every = algebra_diagram_project(rig.d, ALGEBRA_EVERY, a, var);
		bool asks[VARS];
		algebra_diagram_support(rig.d, some, asks);
		assert_false(asks[var]);
		for (size_t p = 0; p < rig.points; p++) {
			bool any = false, all = true;
			for (int32_t v = 0; v <= rig.max[var]; v++) {
				any |= x[number_with(&rig, p, var, v)] != 0;
				all &= x[number_with(&rig, p, var, v)] != 0;
			}
			point_of(&rig, p, point);
			assert_int_equal(algebra_diagram_at(rig.d, fixed, point),
					 x[number_with(&rig, p, var, value)]);
			assert_int_equal(algebra_diagram_at(rig.d, some, point) != 0, any);
			assert_int_equal(algebra_diagram_at(rig.d, every, point) != 0, all);
		}
		rig_close(&rig);
	}
}

struct seen {
	struct rig *rig;
	uint8_t table[POINTS_MOST];
	bool result[8];
};

static bool note_box(void *user, const struct algebra_case *box)
{
	struct seen *seen = user;
	int32_t point[VARS];
	for (size_t p = 0; p < seen->rig->points; p++) {
		point_of(seen->rig, p, point);
		if (!case_has(box, point))
			continue;
		assert_int_equal(seen->table[p], 0); // disjoint
		seen->table[p] = (uint8_t)box->result;
	}
	return true;
}

static void note_result(void *user, uint32_t result)
{
	((struct seen *)user)->result[result] = true;
}

static void boxes_points_and_results_are_complete(void **state)
{
	(void)state;
	static uint8_t x[POINTS_MOST];
	static struct seen seen;
	for (unsigned round = 0; round < 300; round++) {
		struct rig rig;
		rig_open(&rig, 11700 + round);
		memset(&seen, 0, sizeof(seen));
		seen.rig = &rig;
		uint32_t a = random_function(&rig, x);
		assert_true(algebra_diagram_boxes(rig.d, a, note_box, &seen));
		assert_memory_equal(seen.table, x, rig.points);
		algebra_diagram_results(rig.d, a, note_result, &seen);
		for (uint32_t result = 0; result < 5; result++) {
			int32_t point[VARS];
			bool there = memchr(x, (int)result, rig.points) != NULL;
			assert_int_equal(seen.result[result], there);
			assert_int_equal(algebra_diagram_find(rig.d, a, result, point), there);
			if (there)
				assert_int_equal(algebra_diagram_at(rig.d, a, point), result);
		}
		rig_close(&rig);
	}
}

// --- bounds ---

#define WIDE 1023
#define WIDE_VARS 5

// Rules whose first match has very many different parts: random spans in five dimensions.
static struct algebra_case *wide_list(struct arena *arena, size_t len, unsigned seed)
{
	struct algebra_case *list = arena_array(arena, struct algebra_case, len);
	for (size_t i = 0; i < len; i++) {
		struct algebra_span *span = arena_array(arena, struct algebra_span, WIDE_VARS);
		struct algebra_side *side = arena_array(arena, struct algebra_side, WIDE_VARS);
		for (size_t v = 0; v < WIDE_VARS; v++) {
			int32_t x = rand_r(&seed) % WIDE, y = rand_r(&seed) % WIDE;
			span[v] = (struct algebra_span){x < y ? x : y, x < y ? y : x};
			side[v] = (struct algebra_side){&span[v], 1};
		}
		list[i] = (struct algebra_case){side, 1 + (uint32_t)i % 2};
	}
	return list;
}

static const int32_t wide_max[WIDE_VARS] = {WIDE, WIDE, WIDE, WIDE, WIDE};

static void the_budget_is_kept(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct algebra_case *list = wide_list(&arena, 400, 5);
	for (size_t bytes = 100; bytes < (size_t)8 << 20; bytes = bytes * 3 + 1) {
		struct algebra_diagram_limits limits = {.bytes = bytes};
		struct algebra_diagram *d = algebra_diagram_new(wide_max, WIDE_VARS, &limits);
		uint32_t a = algebra_diagram_first_match(d, list, 400);
		assert_int_equal(a, ALGEBRA_NODE_NONE);
		assert_int_equal(algebra_diagram_status(d), ALGEBRA_DIAGRAM_OVER_BUDGET);
		assert_true(algebra_diagram_bytes(d) <= bytes);
		int32_t point[WIDE_VARS];
		assert_int_equal(algebra_diagram_join(d, ALGEBRA_OVER, a, a), ALGEBRA_NODE_NONE);
		assert_int_equal(algebra_diagram_box(d, list), ALGEBRA_NODE_NONE);
		assert_false(algebra_diagram_find(d, a, 1, point));
		algebra_diagram_free(d);
	}
	arena_fini(&arena);
}

static void a_stop_is_heard(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	_Atomic bool stop = true;
	struct algebra_diagram_limits limits = {.bytes = PLENTY, .stop = &stop};
	struct algebra_diagram *d = algebra_diagram_new(wide_max, WIDE_VARS, &limits);
	uint32_t a = algebra_diagram_first_match(d, wide_list(&arena, 400, 5), 400);
	assert_int_equal(a, ALGEBRA_NODE_NONE);
	assert_int_equal(algebra_diagram_status(d), ALGEBRA_DIAGRAM_STOPPED);
	algebra_diagram_free(d);
	arena_fini(&arena);
}

static void a_tight_memo_changes_no_answer(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct algebra_case *list = wide_list(&arena, 16, 6);
	size_t edges[2];
	for (size_t i = 0; i < 2; i++) {
		struct algebra_diagram_limits limits = {.bytes = i ? PLENTY : PLENTY / 4};
		struct algebra_diagram *d = algebra_diagram_new(wide_max, WIDE_VARS, &limits);
		uint32_t a = algebra_diagram_first_match(d, list, 16);
		assert_int_not_equal(a, ALGEBRA_NODE_NONE);
		algebra_diagram_pin(d, a);
		algebra_diagram_collect(d);
		edges[i] = algebra_diagram_edges(d);
		algebra_diagram_free(d);
	}
	assert_int_equal(edges[0], edges[1]);
	arena_fini(&arena);
}

static void collecting_keeps_what_is_pinned(void **state)
{
	(void)state;
	static uint8_t x[POINTS_MOST], y[POINTS_MOST];
	for (unsigned round = 0; round < 200; round++) {
		struct rig rig;
		rig_open(&rig, 15000 + round);
		uint32_t a = random_function(&rig, x);
		algebra_diagram_pin(rig.d, a);
		algebra_diagram_collect(rig.d);
		size_t edges = algebra_diagram_edges(rig.d);
		uint32_t b = random_function(&rig, y);
		assert_table(&rig, b, y);
		algebra_diagram_collect(rig.d);
		assert_int_equal(algebra_diagram_edges(rig.d), edges);
		assert_table(&rig, a, x);
		b = random_function(&rig, y);
		assert_table(&rig, b, y);
		assert_int_equal(a == b, !memcmp(x, y, rig.points));
		algebra_diagram_unpin(rig.d, a);
		algebra_diagram_collect(rig.d);
		assert_int_equal(algebra_diagram_edges(rig.d), 1);
		rig_close(&rig);
	}
}

// Long lists collect while they are made: the answer is that of the list, and little more than it stays.
static void long_lists_are_first_match(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	static const int32_t max[2] = {4095, 4095};
	struct algebra_diagram_limits limits = {.bytes = (size_t)256 << 20};
	struct algebra_diagram *d = algebra_diagram_new(max, 2, &limits);
	unsigned seed = 77;
	size_t len = 3000;
	struct algebra_case *list = arena_array(&arena, struct algebra_case, len);
	for (size_t i = 0; i < len; i++) {
		struct algebra_span *span = arena_array(&arena, struct algebra_span, 2);
		struct algebra_side *side = arena_array(&arena, struct algebra_side, 2);
		for (size_t v = 0; v < 2; v++) {
			int32_t lo = rand_r(&seed) % 4000;
			span[v] = (struct algebra_span){lo, lo + rand_r(&seed) % 96};
			side[v] = (struct algebra_side){&span[v], 1};
		}
		list[i] = (struct algebra_case){side, (uint32_t)i + 1};
	}
	uint32_t a = algebra_diagram_first_match(d, list, len);
	assert_int_not_equal(a, ALGEBRA_NODE_NONE);
	for (size_t n = 0; n < 20000; n++) {
		int32_t p[2] = {rand_r(&seed) % 4096, rand_r(&seed) % 4096};
		uint32_t expect = 0;
		for (size_t i = 0; i < len && !expect; i++)
			if (side_has(&list[i].side[0], p[0]) && side_has(&list[i].side[1], p[1]))
				expect = list[i].result;
		assert_int_equal(algebra_diagram_at(d, a, p), expect);
	}
	algebra_diagram_free(d);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_equal_their_tables),
		cmocka_unit_test(equal_means_identical),
		cmocka_unit_test(variables_are_taken_away),
		cmocka_unit_test(boxes_points_and_results_are_complete),
		cmocka_unit_test(the_budget_is_kept),
		cmocka_unit_test(a_stop_is_heard),
		cmocka_unit_test(a_tight_memo_changes_no_answer),
		cmocka_unit_test(collecting_keeps_what_is_pinned),
		cmocka_unit_test(long_lists_are_first_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
