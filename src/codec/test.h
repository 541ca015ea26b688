// SPDX-License-Identifier: Apache-2.0
// For tests of the codecs of rules: documents from text and back, and rulesets that do not come back.
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "ir/ir.h"
#include "schema/schema.h"

#include <string.h>

struct test_codec {
	const char *const modules[3]; // NULL-terminated
	bool (*complete)(struct schema_tree *tree, struct arena *arena,
			 struct diags *diags); // before it is valid; or NULL
	bool (*read)(const struct schema_tree *tree, struct arena *arena, struct diags *diags,
		     struct ir_document *out);
	bool (*write)(const struct ir_ruleset *ruleset, struct diags *diags, struct buf *out);
};
extern const struct test_codec test_nfi, test_acl;

struct test_bench {
	const struct test_codec *codec;
	struct arena arena;
	struct diags diags;
	struct schema *schema;
};
bool test_bench_init(struct test_bench *bench, const struct test_codec *codec);
void test_bench_fini(struct test_bench *bench);
// For cmocka: *state is a bench.
int test_start_nfi(void **state);
int test_start_acl(void **state);
int test_stop(void **state);

// The tree of a text, validated; NULL and diags when it is not valid.
struct schema_tree *test_tree(struct test_bench *bench, const char *text);
bool test_read(struct test_bench *bench, const char *text, struct ir_document *out);
// The ruleset that comes back when this one is written and read.
bool test_round(struct test_bench *bench, const struct ir_ruleset *in, struct ir_ruleset *out);
// A text of the diags; in their arena.
const char *test_said(const struct test_bench *bench);

struct test_mismatch {
	const struct ir_ruleset *before, *after;
	const struct ir_packet *packet; // NULL: it did not come back at all
	const char *was, *is;
};
void test_fail_with(const struct test_bench *bench, const struct test_mismatch *m);

// Conditions of a clause; one with hi 0 ends them.
struct test_usual {
	enum ir_dim dim;
	uint64_t lo, hi;
};
struct ir_clause *test_usual_clause(struct test_bench *bench, const struct test_usual *usual);
