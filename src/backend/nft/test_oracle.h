// SPDX-License-Identifier: Apache-2.0
// For tests against the kernel: runs a case in a router and says what differs from the interpreter.
#pragma once

#include "backend/nft/nft.h"
#include "backend/nft/test_case.h"
#include "backend/nft/test_net.h"

// A router of its own for what is not tracked: the kernel stops tracking, and putting fragments
// together, only some time after the last rule that needs it has gone.
struct test_oracle {
	struct test_net nets[2];
	struct backend_nft *nfts[2];
	struct test_net *net; // the case's
	struct backend_nft *nft;
	struct test_case *test; // that is running …
	bool after_change;      // … and of which these packets are sent
	char fault[4096];       // what is wrong with it, and of which kind
	const char *kind;
	bool edited;    // the second ruleset was made of the first by a change …
	size_t changed; // … in place, so often
	size_t settled; // so often rules came from the maps in front to their places
	bool lost;      // links have lost packets of it
};

// Exits with 77 (skipped) where namespaces cannot be made.
void test_oracle_open(struct test_oracle *oracle);
void test_oracle_close(struct test_oracle *oracle);

// Goes into the router that tracks connections, or into the other one, forgets all connections and the last fault.
void test_oracle_enter(struct test_oracle *oracle, bool tracked);
// For rules that somebody else has put into the router at hand: sends the packets of a case and sees whether they fare as
// its first ruleset says. What comes after a change is not sent.
bool test_oracle_packets(struct test_oracle *oracle, struct test_case *test) must_check;
// Forgets all connections and deploys the ruleset in the router that tracks connections, or in the
// other one. False when that fails; the fault says why.
bool test_oracle_deploy(struct test_oracle *oracle, const struct ir_ruleset *lowered,
			bool tracked) must_check;
// True when the case shows no difference; otherwise the fault is the first that was found. A case of which links
// lost packets is run again, for some times.
bool test_oracle_run(struct test_oracle *oracle, struct test_case *test) must_check;
// Makes a case with a fault small, for as long as the fault is of the same kind.
void test_oracle_shrink(struct test_oracle *oracle, struct test_case *test);
// Prints the case and its fault.
void test_oracle_print(const struct test_oracle *oracle, const struct test_case *test);
