// SPDX-License-Identifier: Apache-2.0
// Large rulesets for measurements and tests, in the manner of ClassBench (Taylor, Turner: ClassBench: A Packet
// Classification Benchmark, IEEE/ACM ToN 15(3), 2007): its classes of port conditions, the shapes of its three families of
// seeds, and prefixes that lie in each other. The same seed gives the same set everywhere.
#pragma once

#include "ir/test.h"

enum test_sets_kind {
	TEST_SETS_ACL, // access list: specific prefixes, exact destination ports, few wildcards
	TEST_SETS_FW,  // firewall: many wildcard addresses, port ranges, both actions alike
	TEST_SETS_IPC, // IP chain: a mix
	TEST_SETS_KINDS
};
extern const char *const test_sets_kind_name[TEST_SETS_KINDS];

struct test_sets_spec {
	enum test_sets_kind kind;
	int family; // 4 or 6
	size_t rules;
	uint64_t seed;
};
// Packet rules of one clause, no two alike, the more specific mostly first; the default drops.
void test_sets_make(const struct test_sets_spec *spec, struct arena *arena, struct ir_ruleset *out);

// A copy with a handful of rules changed, removed, added and moved. It differs for sure: *differs_out is a packet that
// fares otherwise.
void test_sets_edit(const struct ir_ruleset *in, uint64_t seed, struct arena *arena,
		    struct ir_ruleset *out, struct ir_packet *differs_out);

// A rewriting that is equal for sure, by steps that keep the meaning: rules split along a dimension (and their parts along
// another), rules added that others make redundant, neighbours merged that do the same, and the order shuffled by
// exchanging neighbours that do the same or share no packet. Of the rules a fifth is split, or as many as is said.
void test_sets_rewrite(const struct ir_ruleset *in, uint64_t seed, struct arena *arena,
		       struct ir_ruleset *out);
struct test_sets_rewriting {
	uint64_t seed;
	unsigned split_percent;
};
void test_sets_rewrite_as(const struct ir_ruleset *in, const struct test_sets_rewriting *how,
			  struct arena *arena, struct ir_ruleset *out);
