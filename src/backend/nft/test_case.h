// SPDX-License-Identifier: Apache-2.0
// For the oracle test: one or two rulesets, packets, and what ir_eval says of each of them, with a model
// of connection tracking small enough to be obviously right.
#pragma once

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
	struct ir_ruleset ruleset[2];
	VEC(struct test_item) item;
};

void test_case_random(struct test_random *random, struct arena *arena, int64_t now,
		      struct test_case *out);

// Judges the items in order, as sent now.
void test_case_judge(struct test_case *test, struct arena *arena, int64_t now);
// Counts for each rule of a ruleset the packets that it applied to.
void test_case_counts(const struct test_case *test, unsigned which, uint64_t *counts,
		      uint64_t *by_default, uint64_t *no_flow);
