// SPDX-License-Identifier: Apache-2.0
// For tests in a router of their own: an open back end, and a ruleset to put in force.
#pragma once

#include "backend/nft/nft.h"
#include "backend/nft/test_net.h"
#include "base/diag.h"

struct test_fixture {
	struct test_net net;
	struct backend_nft *nft;
	struct arena arena;
	struct diags diags;
	struct ir_ruleset ruleset; // empty
};

// Heap. Exits with 77 (skipped) where namespaces cannot be made.
struct test_fixture *test_fixture_new(const struct backend_nft_options *options) must_check;
void test_fixture_free(struct test_fixture *fixture);
