// SPDX-License-Identifier: Apache-2.0
// The journal: written and read back; torn at every byte it is one without what was torn; changed in any bit it is known as
// damaged, or is one without its last record, never another one. With a directory as argument: writes the journals there, as
// the corpus of the fuzz target.
#include "agent/core_bench.h"
#include "agent/journal.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { STATES = 4 };

struct reading {
	enum agent_found found;
	bool unfinished;
	size_t rules;
	char text[64];
};

static struct reading read_journal(const struct bench *bench)
{
	struct reading reading;
	struct agent_journal *journal;
	struct agent_held *held;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	reading = (struct reading){.rules = SIZE_MAX};
	reading.found =
		agent_journal_open(bench->dir, &diags, &journal, &held, &reading.unfinished);
	assert_int_equal(diags.errors, reading.found == AGENT_BROKEN);
	if (diags.errors)
		assert_true(diags.list.at[0].hint && diags.list.at[0].file);
	if (held) {
		size_t used = (size_t)snprintf(reading.text, sizeof(reading.text), "%s",
					       held->running.base);
		for (size_t i = 0; i < held->running.edit.len; i++)
			used += (size_t)snprintf(reading.text + used, sizeof(reading.text) - used,
						 "%s", held->running.edit.at[i]);
		reading.rules = held->rule.len;
	}
	agent_held_free(held);
	agent_journal_close(journal);
	arena_fini(&arena);
	return reading;
}

static void read_file(const struct bench *bench, struct buf *out)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/journal", bench->dir);
	assert_int_equal(file_read(path, AGENT_STATE_MOST, out), 0);
}

static void write_file(const struct bench *bench, const char *data, size_t len)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/journal", bench->dir);
	FILE *file = fopen(path, "r+"); // neither file_put nor "w", which wait for the disk
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), (off_t)len), 0);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void change(struct bench *bench, uint32_t before, const char *text, bool confirmed)
{
	struct backend_edit edit = {.at = 1, .removed = 1, .to = 1};
	assert_true(bench_ask(bench,
			      (struct agent_message){
				      .type = AGENT_CHANGE,
				      .change = {.version = bench_version(bench),
						 .before = before,
						 .edit = {.at = &edit, .len = 1, .cap = 1},
						 .rules = {"", 0},
						 .text = text,
						 .terms = {.confirmed = confirmed, .timeout = 60}}},
			      NULL));
}

// What is on the disk after each of some commits: 3 rules; 2 and a change; the same and something unfinished; all of it.
static void make(struct bench *bench, struct buf file[static STATES])
{
	for (size_t i = 0; i < STATES; i++)
		buf_init(&file[i]);
	assert_true(bench_commit(bench, 3, false, NULL));
	read_file(bench, &file[0]);
	change(bench, 3, "<a/>", false);
	read_file(bench, &file[1]);
	change(bench, 2, "<b/>", true);
	read_file(bench, &file[2]);
	assert_true(bench_simple(bench, AGENT_CONFIRM));
	read_file(bench, &file[3]);
}

static void reads_what_was_written(void **state)
{
	struct bench *bench = *state;
	struct buf file[STATES];
	static const struct reading expected[STATES] = {
		{AGENT_FOUND, false, 3, "<config rules='3'/>"},
		{AGENT_FOUND, false, 2, "<config rules='3'/><a/>"},
		{AGENT_FOUND, true, 2, "<config rules='3'/><a/>"},
		{AGENT_FOUND, false, 1, "<config rules='3'/><a/><b/>"},
	};
	assert_int_equal(read_journal(bench).found, AGENT_ABSENT);
	make(bench, file);
	for (size_t i = 0; i < STATES; i++) {
		write_file(bench, file[i].data, file[i].len);
		struct reading is = read_journal(bench);
		assert_int_equal(is.found, expected[i].found);
		assert_int_equal(is.unfinished, expected[i].unfinished);
		assert_int_equal(is.rules, expected[i].rules);
		assert_string_equal(is.text, expected[i].text);
		buf_fini(&file[i]);
	}
}

// How many rules there were before the byte at `len` was written; SIZE_MAX: nothing was confirmed.
static size_t rules_at(const struct buf *file, size_t len)
{
	static const size_t rules[STATES] = {3, 2, 2, 1};
	for (size_t i = STATES; i-- > 0;)
		if (len >= file[i].len)
			return rules[i];
	return SIZE_MAX;
}

static void torn_is_without_the_last_record(void **state)
{
	struct bench *bench = *state;
	struct buf file[STATES];
	make(bench, file);
	const struct buf *all = &file[STATES - 1];
	struct wire_reader r = wire_reader(all->data + 40, 8);
	size_t first = wire_u64(&r); // so many bytes were there when the file got its name
	for (size_t len = 0; len < all->len; len++) {
		write_file(bench, all->data, len);
		struct reading is = read_journal(bench);
		assert_int_equal(is.found, len < first ? AGENT_BROKEN : AGENT_FOUND);
		assert_int_equal(is.rules, rules_at(file, len));
		if (len < first)
			continue;
		// The blocks are there, what should be in them is not.
		cleanup(buf_fini) struct buf zeros;
		buf_init(&zeros);
		buf_add(&zeros, all->data, len);
		while (zeros.len < all->len)
			buf_addc(&zeros, '\0');
		write_file(bench, zeros.data, zeros.len);
		is = read_journal(bench);
		assert_true(is.found == AGENT_FOUND ? is.rules == rules_at(file, len)
						    : is.found == AGENT_BROKEN);
	}
	for (size_t i = 0; i < STATES; i++)
		buf_fini(&file[i]);
}

static void damage_is_known(void **state)
{
	struct bench *bench = *state;
	struct buf file[STATES];
	make(bench, file);
	struct buf *all = &file[STATES - 1];
	for (size_t bit = 0; bit < all->len * 8; bit++) {
		all->data[bit / 8] ^= (char)(1 << bit % 8);
		write_file(bench, all->data, all->len);
		struct reading is = read_journal(bench);
		if (bit / 8 < file[STATES - 2].len)
			assert_int_equal(is.found, AGENT_BROKEN);
		else
			assert_true(is.found == AGENT_BROKEN || is.rules == 2);
		all->data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t i = 0; i < STATES; i++)
		buf_fini(&file[i]);
}

// Records of another file, even in the right order, are not this file's.
static void records_of_others_are_refused(void **state)
{
	struct bench *bench = *state;
	struct buf file[STATES];
	cleanup(buf_fini) struct buf other;
	make(bench, file);
	buf_init(&other);
	write_file(bench, file[0].data, file[0].len);
	assert_true(bench_restart(bench));
	change(bench, 3, "<a/>", false);
	read_file(bench, &other);
	assert_int_equal(other.len, file[1].len);
	// The second record of the one behind the first of the other, with more behind it.
	buf_clear(&other);
	buf_add(&other, file[0].data, file[0].len);
	buf_add(&other, file[2].data + file[1].len, file[2].len - file[1].len);
	buf_add(&other, file[2].data + file[1].len, file[2].len - file[1].len);
	write_file(bench, other.data, other.len);
	assert_int_equal(read_journal(bench).found, AGENT_BROKEN);
	for (size_t i = 0; i < STATES; i++)
		buf_fini(&file[i]);
}

// After damage nothing counts until something is confirmed, whatever was tried in between.
static void what_was_lost_stays_known(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 3, false, NULL));
	write_file(bench, "garbage", 7);
	assert_true(bench_restart(bench));
	assert_true(bench_commit(bench, 4, true, NULL));
	bench->fake.deployed = false;
	assert_true(bench_restart(bench));
	assert_true(bench->fake.deployed && !bench->fake.ruleset.rule.len); // closed
	assert_int_equal(read_journal(bench).found, AGENT_BROKEN);
	assert_true(bench_commit(bench, 4, false, NULL));
	assert_true(bench_restart(bench));
	assert_int_equal(bench_in_kernel(bench), 4);
	assert_int_equal(read_journal(bench).found, AGENT_FOUND);
}

// As the fuzz target reads them: the length of each body in two octets, and the body.
static int write_corpus(const char *dir)
{
	struct bench *bench;
	struct buf file[STATES];
	if (bench_setup((void **)&bench))
		return 1;
	make(bench, file);
	for (size_t i = 0; i < STATES; i++) {
		char path[256];
		cleanup(buf_fini) struct buf bodies;
		buf_init(&bodies);
		for (size_t at = 48; at < file[i].len;) {
			struct wire_reader r = wire_reader(file[i].data + at, 8);
			uint16_t len = (uint16_t)wire_u64(&r);
			wire_put_u16(&bodies, len);
			buf_add(&bodies, file[i].data + at + 48, len);
			at += 48 + len;
		}
		snprintf(path, sizeof(path), "%s/%zu", dir, i);
		if (file_put(&(struct file_put){
			    .path = path, .data = bodies.data, .len = bodies.len, .mode = 0644}) <
		    0)
			return 1;
		buf_fini(&file[i]);
	}
	return bench_teardown((void **)&bench);
}

#define on_bench(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		on_bench(reads_what_was_written),    on_bench(torn_is_without_the_last_record),
		on_bench(damage_is_known),           on_bench(records_of_others_are_refused),
		on_bench(what_was_lost_stays_known),
	};
	return argc == 2 ? write_corpus(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
