// SPDX-License-Identifier: Apache-2.0
// The same as known.h of the chains of a tree: those whose rules only test, and accept, drop or lead on. Part of it.
#pragma once

#include "backend/nft/form.h"

struct nft_dumped_chain;
struct nft_known_chain;

// A number in so many bytes, the highest first; both end behind it.
static inline uint8_t *nft_pack(uint8_t *at, u128 value, size_t bytes)
{
	for (size_t i = bytes; i--; value >>= 8)
		at[i] = (uint8_t)value;
	return at + bytes;
}

static inline u128 nft_unpack(const uint8_t **at, size_t bytes)
{
	u128 value = 0;
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | *(*at)++;
	return value;
}

#define NFT_KNOWN_CHAINS_MOST ((size_t)12 << 20) // bytes; then all are forgotten
#define NFT_KNOWN_CHAIN_SLOTS 16384u
#define NFT_KNOWN_REGS 255u // of all tests; a chain with another one is not kept

struct nft_known_chains {
	struct nft_known_chain **slot; // NULL: there are none
	struct nft_reg reg[NFT_KNOWN_REGS];
	uint8_t regs;
	size_t bytes, chains;
	uint64_t given; // that were not read, ever
};

void nft_known_chains_fini(struct nft_known_chains *known);
// By its number; what can't be kept is not.
void nft_known_chains_put(struct nft_known_chains *known, uint32_t number,
			  const struct nft_dumped_chain *chain);
// Its rules, without handles, names and what they have counted. False: it is to be read.
bool nft_known_chains_get(struct nft_known_chains *known, uint32_t number, struct arena *arena,
			  struct nft_dumped_chain *out) must_check;
void nft_known_chains_drop(struct nft_known_chains *known, uint32_t number);
