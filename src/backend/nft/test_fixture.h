// SPDX-License-Identifier: Apache-2.0
// For tests in a router of their own: an open back end, and a ruleset to put in force.
#pragma once

#include "backend/nft/nft.h"
#include "backend/nft/test_net.h"
#include "backend/nft/test_packet.h"
#include "base/diag.h"

struct nft_table;

struct test_fixture {
	struct test_net net;
	struct backend_nft *nft;
	struct arena arena;
	struct diags diags;
	struct ir_ruleset ruleset; // empty
};

// A tree of one leaf, whose rules are a map if they are six or more.
extern const struct backend_nft_options test_fixture_one_map;
// Heap. Exits with 77 (skipped) where namespaces cannot be made.
struct test_fixture *test_fixture_new(const struct backend_nft_options *options) must_check;
void test_fixture_free(struct test_fixture *fixture);

// For groups of tests: with a policy of so many rules for IPv4 in force, in a tree with gates, blocks of addresses, and
// leaves that are maps over several fields. Where it says so, rules that come stand in front first.
#define TEST_FIXTURE_RULES 600u
int test_fixture_firewall(void **state);
int test_fixture_chains(void **state); // IP chains
int test_fixture_front(void **state);  // a firewall, and so
int test_fixture_end(void **state);

// A rule for UDP of either version of IP to these ports, in the fixture's arena.
struct ir_rule test_fixture_rule(struct test_fixture *fixture, enum ir_verdict verdict, u128 lo,
				 u128 hi) must_check;
// Puts the ruleset in force, which is proven.
void test_fixture_deploy(struct test_fixture *fixture);
// The ruleset in force changed in place: `times` times this rule before the one at `at`; the one at `at` taken out.
void test_fixture_insert(struct test_fixture *fixture, size_t at, struct ir_rule rule,
			 size_t times);
void test_fixture_take_out(struct test_fixture *fixture, size_t at);
// The one at `at` passes what it dropped, or drops what it passed. False: everything was replaced.
bool test_fixture_turn(struct test_fixture *fixture, size_t at) must_check;
// What the proof behind changes finds; what the one of everything does.
size_t test_fixture_differences(struct test_fixture *fixture) must_check;
size_t test_fixture_all_differences(struct test_fixture *fixture) must_check;
// Whether what our changes left to prove is proven of what the kernel has now, whoever has changed it; and for no packets
// without what is known of them.
bool test_fixture_proven(struct test_fixture *fixture) must_check;
bool test_fixture_proven_so(struct test_fixture *fixture) must_check;
// Somebody does this with nft(8).
void test_fixture_run(const char *script);
// The whole table as the kernel has it.
void test_fixture_read(struct test_fixture *fixture, struct nft_table *out);
// UDP packets of IPv4 to this port, from side A; what came of them is for test_net_collect.
void test_fixture_frames(struct test_fixture *fixture, uint16_t port, unsigned packets);
// The same, and waits until all have been judged.
void test_fixture_send(struct test_fixture *fixture, uint16_t port, unsigned packets);
// The same for packets like this one, which get side A's address on the link.
void test_fixture_send_of(struct test_fixture *fixture, struct test_packet packet,
			  unsigned packets);
