// SPDX-License-Identifier: Apache-2.0
// Arena, buffer, map, wire and diagnostics.
#include "base/buf.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void joined_arenas_live_together(void **unused)
{
	(void)unused;
	struct arena a, b;
	arena_init(&a);
	arena_init(&b);
	arena_join(&a, &b);
	assert_int_equal(a.total, 0);
	char *first = arena_strdup(&b, "first");
	arena_join(&a, &b);
	char *second = arena_strdup(&a, "second"), *third = arena_strdup(&b, "third");
	size_t total = a.total + b.total;
	arena_join(&a, &b);
	assert_int_equal(a.total, total);
	assert_int_equal(b.total, 0);
	arena_fini(&b);
	assert_string_equal(first, "first");
	assert_string_equal(second, "second");
	assert_string_equal(third, "third");
	arena_fini(&a);
}

static void vectors_keep_their_items(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a);
	VEC(int) v = {0};
	for (int i = 0; i < 10000; i++)
		vec_push(&a, &v, i);
	assert_int_equal(v.len, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(v.at[i], i);
	assert_int_equal((uintptr_t)arena_alloc(&a, 3) % 16, 0);
	arena_fini(&a);
}

static void maps_find_what_was_put(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a);
	struct map m = {.arena = &a};
	assert_null(map_get(&m, "absent"));
	for (uintptr_t i = 1; i <= 5000; i++)
		assert_null(map_put(&m, arena_printf(&a, "key %lu", (unsigned long)i), (void *)i));
	assert_int_equal(m.len, 5000);
	for (uintptr_t i = 1; i <= 5000; i++)
		assert_int_equal(
			(uintptr_t)map_get(&m, arena_printf(&a, "key %lu", (unsigned long)i)), i);
	assert_int_equal((uintptr_t)map_put(&m, "key 7", (void *)1), 7);
	assert_null(map_get(&m, "key 0"));
	arena_fini(&a);
}

static void buffers_grow_consume_and_escape(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b);
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%03d", i);
	assert_int_equal(b.len, 3000);
	buf_consume(&b, 2997);
	assert_string_equal(b.data, "999");
	buf_clear(&b);
	buf_printf(&b, "%0300d", 7);
	assert_int_equal(b.len, 300);
	buf_clear(&b);
	buf_add_xml(&b, "<a b='\"&\x01\t");
	assert_string_equal(b.data, "&lt;a b=&apos;&quot;&amp;?\t");
	buf_fini(&b);
}

static void write_samples(struct buf *b)
{
	wire_put_u8(b, 200);
	wire_put_u16(b, 60000);
	wire_put_u32(b, 4000000000u);
	wire_put_u64(b, 1ull << 63);
	wire_put_u128(b, (u128)1 << 127 | 5);
	wire_put_text(b, "text");
	wire_put_text(b, NULL);
}

static void wire_reads_what_was_written_and_refuses_less(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a);
	struct buf b;
	buf_init(&b);
	write_samples(&b);
	for (size_t len = 0; len <= b.len; len++) {
		// A copy of the exact length, so that a read beyond it is seen by the sanitizer.
		void *copy = malloc(len ? len : 1);
		memcpy(copy, b.data, len);
		struct wire_reader r = wire_reader(copy, len);
		uint8_t u8 = wire_u8(&r);
		uint16_t u16 = wire_u16(&r);
		uint32_t u32 = wire_u32(&r);
		uint64_t u64 = wire_u64(&r);
		u128 big = wire_u128(&r);
		const char *text = wire_text(&r, &a), *none = wire_text(&r, &a);
		bool whole = len == b.len;
		assert_int_equal(wire_done(&r), whole);
		if (whole) {
			assert_true(u8 == 200 && u16 == 60000 && u32 == 4000000000u &&
				    u64 == 1ull << 63);
			assert_true(big == ((u128)1 << 127 | 5) && !strcmp(text, "text") && !none);
		}
		free(copy);
	}
	buf_fini(&b);
	arena_fini(&a);
}

static void counts_cannot_exceed_the_input(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b);
	wire_put_u32(&b, 1000000);
	wire_put_u64(&b, 0);
	struct wire_reader r = wire_reader(b.data, b.len);
	assert_int_equal(wire_count(&r, 8), 0);
	assert_true(r.bad);
	buf_fini(&b);
}

static void lists_of_texts_are_copied(void **state)
{
	(void)state;
	char text[] = "one";
	const char *const *copy = base_texts_copy((const char *const[]){text, "two", NULL});
	text[0] = 'x';
	assert_string_equal(copy[0], "one");
	assert_string_equal(copy[1], "two");
	assert_null(copy[2]);
	base_texts_free(copy);
	copy = base_texts_copy(NULL);
	assert_null(copy[0]);
	base_texts_free(copy);
	base_texts_free(NULL);
}

static void diags_are_counted_kept_and_printed(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a);
	struct diags d;
	diags_init(&d, &a);
	char path[] = "/m:a";
	diag_add(&d,
		 &(struct diag){.code = DIAG_VALUE,
				.file = "f.xml",
				.line = 7,
				.path = path,
				.hint = "give 1"},
		 "bad %d", 5);
	path[1] = 'x'; // the diag has its own copy
	struct buf b;
	buf_init(&b);
	diag_print(&d.list.at[0], false, &b);
	assert_string_equal(b.data, "f.xml:7: error: bad 5 [value]\n  at /m:a\n  hint: give 1\n");
	for (int i = 0; i < 2 * DIAGS_MOST; i++)
		diag_add(&d, &(struct diag){.severity = DIAG_WARNING, .code = DIAG_EMPTY}, "more");
	assert_int_equal(d.list.len, DIAGS_MOST);
	assert_int_equal(d.errors, 1);
	assert_int_equal(d.warnings, 2 * DIAGS_MOST);
	assert_int_equal(d.dropped, DIAGS_MOST + 1);
	assert_string_equal(diag_code_tag(DIAG_LOCKED), "lock-denied");
	buf_fini(&b);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_keep_their_items),
		cmocka_unit_test(joined_arenas_live_together),
		cmocka_unit_test(maps_find_what_was_put),
		cmocka_unit_test(buffers_grow_consume_and_escape),
		cmocka_unit_test(wire_reads_what_was_written_and_refuses_less),
		cmocka_unit_test(counts_cannot_exceed_the_input),
		cmocka_unit_test(lists_of_texts_are_copied),
		cmocka_unit_test(diags_are_counted_kept_and_printed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
