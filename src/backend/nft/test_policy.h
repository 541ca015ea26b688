// SPDX-License-Identifier: Apache-2.0
// For the tests of this folder: random rulesets, and packets aimed at the edges of their conditions.
#pragma once

#include "backend/nft/test_packet.h"

// A lowered ruleset that the back end accepts. `tracked`: with flow rules and connection states; else
// with fragment conditions. `now` lies inside and outside of its time windows.
void test_policy_random(struct test_random *random, struct arena *arena, bool tracked, int64_t now,
			struct ir_ruleset *out);
// More rules, and all of them ask for one thing that is no address or port, so that trees can tell them apart by it.
void test_policy_about_one(struct test_random *random, struct arena *arena, bool tracked,
			   int64_t now, struct ir_ruleset *out);
// Many rules, which ask for hosts and small networks on one side, both or none, so that trees have gates.
void test_policy_hosts(struct test_random *random, struct arena *arena, bool tracked, int64_t now,
		       struct ir_ruleset *out);
// One whose rules ask for addresses, protocols and ports only, and pass or drop.
void test_policy_plain(struct test_random *random, struct arena *arena, struct ir_ruleset *out);

// A packet that a router forwards from one side to the other, aimed at a clause of the ruleset.
void test_packet_random(struct test_random *random, const struct ir_ruleset *ruleset, bool tracked,
			struct test_packet *out);

// One dimension with one value.
struct test_fixed {
	enum ir_dim dim;
	u128 value;
};
struct test_aim {
	const struct ir_clause *clause; // NULL: none
	unsigned version;               // of IP
	const struct test_fixed *fixed;
	size_t fixed_len;
};
// A packet that has the fixed values and, as far as it then can, meets the clause's conditions on all
// other dimensions (but for time and state). False when no packet with these values would be forwarded.
bool test_packet_aimed(struct test_random *random, const struct test_aim *aim, bool tracked,
		       struct test_packet *out) must_check;

// The first packet of a flow, as plain as can be: a SYN, an echo request, UDP where the clause leaves it open. Its values
// are even over what the clause matches (NULL: anything). False when no router would forward it.
bool test_packet_plain(struct test_random *random, const struct ir_clause *clause,
		       struct test_packet *out) must_check;
