// SPDX-License-Identifier: Apache-2.0
// For the atomic test and ./bench lossless: while packets run through a router, its policy A is replaced by B, B by A, and
// so on. What is certain whatever is in force: a packet that both pass arrives, one that neither passes does not.
//
// Nothing is lost but by the policies: after every few packets the sender waits until all of them have gone through the
// router, so that no queue is ever full; and each is known by its number.
#pragma once

#include "backend/nft/nft.h"

struct test_swap {
	size_t rules; // of each policy: IPv4, IPv6, large sets; packet and flow rules
	// B has about one rule in so many replaced, taken out or put in. Few edits are for `delta`: policies then become
	// each other by `change`, not by `apply`.
	unsigned edited_one_in;
	bool delta;
	bool one_edit; // and no more: of a rule that is in force in one of them only, or does the opposite
	bool turns; // the edit is of a rule that does the opposite, and is not given its place each time
	bool packets_only; // no flow rules
	bool firewall;     // the rules meet many others; else few
	struct backend_nft_shape shape;
	enum ir_verdict default_action;
	uint64_t packets; // at least
	unsigned replacements;
};

// Kinds of packets: bit 0, A passes them; bit 1, B does.
#define TEST_SWAP_KINDS 4
extern const char *const test_swap_kind[TEST_SWAP_KINDS];
struct test_swap_result {
	bool replaced; // all replacements were done
	unsigned anew; // of those by `change`, that had to replace everything
	unsigned
		in_front; // of them, that left rules in front of the tree; every other time they then come to their places
	unsigned behind; // of these, some behind pieces of others
	uint64_t sent[TEST_SWAP_KINDS], arrived[TEST_SWAP_KINDS];
	uint64_t wrong; // that should have arrived, or should not
};

// Exits with 77 where namespaces cannot be made. Prints why a replacement failed.
void test_swap_run(const struct test_swap *swap, struct test_swap_result *out);
// Nothing was wrong, and the traffic has met both policies.
bool test_swap_good(const struct test_swap_result *result) must_check;
