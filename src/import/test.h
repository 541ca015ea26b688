// SPDX-License-Identifier: Apache-2.0
// What the tests of the readers have in common: a place to read into, what became of it, and tables of rules and packets.
#pragma once

#include "base/diag.h"
#include "import/import.h"
#include "ir/test.h"

#define TEST_NOW 1773219600 // 2026-03-11T09:00:00Z, a Wednesday

struct test_box {
	struct arena arena;
	struct diags diags;
	struct test_random random; // the same numbers each time
	struct import_result result;
};
void test_box_init(struct test_box *box);
void test_box_fini(struct test_box *box);
// For cmocka.
int test_start(void **state);
int test_stop(void **state);

// Into box->result, as a file called "dump".
bool test_read(struct test_box *box, const char *data, size_t len, enum import_format format);
void test_print_diags(const struct test_box *box);
// The test fails when there is none.
const struct import_chain *test_chain(const struct test_box *box, const char *name);
// In how many rules something was not understood.
size_t test_gap(const struct test_box *box, const char *what);
struct ir_outcome test_outcome(struct test_box *box, const char *chain, const char *packet);

// One rule, one packet; `answer` reads the rule and says what became of the packet.
struct test_sample {
	const char *rule, *packet;
	char answer;
};
void test_ask(struct test_box *box, const struct test_sample *samples, size_t n,
	      char (*answer)(struct test_box *box, const struct test_sample *sample));
