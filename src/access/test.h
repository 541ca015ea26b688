// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: the modules of testdata/ and access control made of rules as XML.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "access/access.h"
#include "base/buf.h"
#include "base/diag.h"
#include "schema/schema.h"

struct test {
	struct schema *schema;
	struct arena arena;
	struct diags diags;
	struct access_counts counts;
	struct access *access;
	struct access_user *user;
	unsigned strict, fair; // of the oracle's test
};

#define SHOP "xmlns=\"urn:test:shop\""
#define MORE "xmlns=\"urn:test:more\""

int test_setup(void **state);
int test_teardown(void **state);
void test_forget(struct test *t);
struct schema_tree *test_tree(struct test *t, const char *xml);
// A validated tree with defaults.
struct schema_tree *test_valid(struct test *t, const char *xml);
// Access control by the content of <nacm>, in place of that before. False and diags: it is refused.
bool test_configure(struct test *t, const char *content);
// The user that is asked for from now on; `groups` are those of the transport, separated by spaces.
void test_login(struct test *t, const char *name, const char *groups);
// What the user may read of the tree, as XML.
const char *test_visible(struct test *t, const struct schema_tree *tree);
