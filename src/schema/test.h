// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: a schema over testdata/, an arena and diags that are made anew for each test.
#pragma once

// cmocka wants these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/diag.h"
#include "schema/schema.h"

struct test {
	struct schema *schema;
	struct arena arena;
	struct diags diags;
	struct buf buf;
};

#define NET "xmlns=\"urn:test:net\""

int test_setup(void **state);
int test_teardown(void **state);
// A tree of this text; the test fails when it is refused.
struct schema_tree *test_tree(struct test *t, const char *text);
// The same, validated.
struct schema_tree *test_valid(struct test *t, const char *text);
// Whether parsing, or else validation, gives an error of this code whose printed form has all of the given parts
// ("part|part"). Prints the diags and fails when not.
void test_refused(struct test *t, const char *text, enum diag_code code, const char *parts);
// The tree as XML without white space, in the test's buffer.
const char *test_print(struct test *t, const struct schema_tree *tree, unsigned flags);
// Fails unless some diag has this code and these parts.
void test_has_diag(struct test *t, enum diag_code code, const char *parts);
void test_forget(struct test *t);
bool test_parse(struct test *t, struct schema_tree *tree, const char *file, const char *text);
