// SPDX-License-Identifier: Apache-2.0
// For the oracle test: one or two rulesets, packets, and what ir_eval says of each of them, with a model
// of connection tracking small enough to be obviously right.
#pragma once

#include "backend/nft/nft.h"
#include "backend/nft/test_packet.h"

struct test_item {
	struct test_packet packet;
	uint8_t inner[128]; // what packet.inner points to, when this is an ICMP error
	int flow;           // items of one scripted flow have one number; -1: stands alone
	int about;          // an ICMP error: the item that it is about; -1: none
	bool after_change;  // sent when the second ruleset is in force
	bool left_out;      // while a counterexample is made small
	bool sent; // false: the model does not know what the kernel would do, so it is left out

	struct ir_packet dims, first; // as judged
	enum ir_verdict verdict;
	const struct ir_rule *rule;
	bool answer_sure; // a rejected packet that surely gets an answer
	bool arrived, answered;
};

struct test_case {
	bool tracked;
	bool changes; // to the second ruleset, while connections go on
	struct ir_ruleset ruleset[2];
	struct backend_nft_shape shape[2]; // in which they stand in the kernel
	struct backend_edit
		edit[4]; // that make the second ruleset of the first; none: it is another one
	size_t edits;
	// So often it is changed back and again, before packets come.
#define TEST_DETOURS_MOST 2u
	unsigned detours;
	unsigned settles; // bit i: after the i-th change all rules come to their places
	VEC(struct test_item) item;
};

// Adds a packet; the index of its item. `flow` as in struct test_item.
size_t test_case_add(struct test_case *test, struct arena *arena, const struct test_packet *packet,
		     int flow);
// Adds a flow that begins with this packet (TCP, UDP, UDP-Lite or an ICMP echo request): packets both
// ways, and sometimes an ICMP error about one of them. The last two are sent after the change.
void test_case_add_flow(struct test_case *test, struct test_random *random, struct arena *arena,
			const struct test_packet *first, int flow);
// Every form, leaves of one rule or many, budgets that force lists to be cut.
struct backend_nft_shape test_shape_random(struct test_random *random) must_check;
void test_case_random(struct test_random *random, struct arena *arena, int64_t now,
		      struct test_case *out);

// Judges the items in order, as sent now.
void test_case_judge(struct test_case *test, struct arena *arena, int64_t now);
// Counts for each rule of a ruleset the packets that it applied to.
void test_case_counts(const struct test_case *test, unsigned which, uint64_t *counts,
		      uint64_t *by_default, uint64_t *no_flow);
