// SPDX-License-Identifier: Apache-2.0
// For tests: what programs do with packets, without a kernel.
#pragma once

#include "backend/nft/point.h"
#include "ir/test.h"

// What happened to a packet: whose rules matched, in order, and the rules that it was put to.
struct test_walk {
	uint32_t matched[64]; // tag.rule of those that count
	size_t len;
	enum nft_act
		end; // ACT_ACCEPT, ACT_DROP, … of the last rule; ACT_CONTINUE: it fell off the end
	size_t rules, maps, boxes; // looked at; of maps over several fields, all their boxes
	size_t box_maps;
	unsigned depth, depth_most; // chains within each other
};
// Chains that are no nodes of a tree may be left out (nft_trace_chain).
void test_walk_program(const struct nft_program *program, const struct nft_point *packet,
		       struct test_walk *out);
// The same rules matched, and the last one did the same.
bool test_walk_same(const struct test_walk *a, const struct test_walk *b);

// A packet that a router could see, aimed at one of the rules.
void test_fields_random(struct test_random *random, const struct nft_chain *rules,
			struct nft_point *out);

// Why a packet, as text, does not show that a program judges otherwise than a policy; NULL: it does.
const char *test_witness_fault(const struct ir_ruleset *ruleset, const struct nft_program *program,
			       const char *witness, struct arena *arena) must_check;
// What it is to the sender. A rate is taken to be exceeded where the packet says so.
enum ir_verdict test_program_verdict(const struct nft_program *program,
				     const struct ir_packet *packet, struct arena *arena,
				     const char **lost_out);
