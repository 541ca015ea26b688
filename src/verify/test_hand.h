// SPDX-License-Identifier: Apache-2.0
// For tests by hand: rulesets and packets from text.
#pragma once

#include "verify/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define TEST(f) cmocka_unit_test(f)
#define TEST_NOW 1795000000 // 2026-11-18

// A rule as ir_rule_parse reads it; the test fails when it does not.
struct ir_rule test_rule(const char *text, struct arena *arena) must_check;
// Rules one a line.
struct ir_ruleset test_rules(const char *text, enum ir_verdict default_action,
			     struct arena *arena) must_check;
struct ir_clause test_clause(const char *text, struct arena *arena) must_check;
// A condition's words; in the arena.
const char *test_words(const struct ir_clause *clause, struct arena *arena) must_check;
struct verify_options test_options(void) must_check; // from TEST_NOW, one thread

// Random cases, each asked of the engine and of all packets there are. BULWARK_SEED and BULWARK_CASES for more.
struct verify_test_engine;
void test_engine(const struct verify_test_engine *engine, size_t cases);
