// SPDX-License-Identifier: Apache-2.0
// Between the two halves of decoding: what expressions do with registers, and which fields they read.
#pragma once

#include "backend/nft/decode.h"

#define NFT_TESTS_MOST 128u // the kernel takes no more expressions in a rule

enum nft_stage {
	STAGE_MATCH,
	STAGE_TIMER,
	STAGE_LIMIT,
	STAGE_COUNT,
	STAGE_LOG,
	STAGE_GATE,
	STAGE_END
};

struct nft_reading {
	const struct nft_decoder *decoder;
	struct arena *arena;
	struct nft_form *form;
	struct nft_reg reg[NFT_BOXES_SLOTS]; // each where it begins
	struct nft_reg none;
	struct nft_test *test; // room for NFT_TESTS_MOST
	size_t tests;
	enum nft_stage stage;
};

// Notes that the rule is not understood; the first reason stays.
void nft_strange(struct nft_reading *reading, const char *why);
// lo..hi, empty when lo is above hi.
struct algebra_set nft_values(struct arena *arena, u128 lo, u128 hi) must_check;
// Each value of the set followed by any `bits` more bits.
struct algebra_set nft_widened(struct arena *arena, struct algebra_set set,
			       unsigned bits) must_check;

// Turns the collected tests (and the register of a map) into matches of the form, by the fields that they read. What the
// rule alone does not tell stays open.
void nft_name_tests(struct nft_reading *reading);
