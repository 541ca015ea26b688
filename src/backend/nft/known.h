// SPDX-License-Identifier: Apache-2.0
// Maps and chains of the policy in force as they were read from the kernel, in little memory: a proof behind a change need
// not read again what nobody has changed. Whoever asks makes sure that nobody else has; what our own messages change is
// forgotten when they are written.
#pragma once

#include "backend/nft/decode.h"
#include "backend/nft/known_chains.h"

struct nlmsghdr;
struct nft_known_map;

#define NFT_KNOWN_MOST ((size_t)8 << 20) // bytes; what was not asked for the longest goes first
#define NFT_KNOWN_SLOTS 1024u

struct nft_known {
	const char *prefix; // of the generation
	struct nft_known_map *slot[NFT_KNOWN_SLOTS];
	struct nft_known_map *was; // as they were before our messages changed them
	size_t bytes, maps;        // without these
	uint64_t turn;             // of asking
	uint64_t given;            // maps that were not read, ever
	struct nft_known_chains chains;
};

// Zeroed with its prefix it is empty.
void nft_known_fini(struct nft_known *known);
// A map that some rule looked up, just read. Of others, and of what the policy's maps are not like, nothing is kept.
void nft_known_put(struct nft_known *known, const struct nft_dumped_set *set);
// By its full name, as a rule that looks it up needs it, to be unpacked before anything else is put or forgotten. NULL: it
// is to be read.
struct nft_dumped_set *nft_known_get(struct nft_known *known, const char *name,
				     struct arena *arena) must_check;
// The boxes or branches of such a map, as nft_map_boxes and nft_map_branches say.
bool nft_known_boxes(struct nft_dumped_set *set, const struct algebra_set *const *wanted,
		     struct arena *arena, struct nft_boxes *out) must_check;
void nft_known_branches(struct nft_dumped_set *set, const struct algebra_set *wanted,
			struct arena *arena, struct nft_map *out);
// The same of a chain: one of the tree's, with its rules as a proof needs them. False: it is to be read.
void nft_known_put_chain(struct nft_known *known, const struct nft_dumped_chain *chain);
bool nft_known_get_chain(struct nft_known *known, const char *name, struct arena *arena,
			 struct nft_dumped_chain *out) must_check;
// Whether a map would be given.
bool nft_known_has(struct nft_known *known, const char *name) must_check;
// As it was before our messages changed it, until that is settled; NULL: it was not known, or they have not.
struct nft_dumped_set *nft_known_was(struct nft_known *known, const char *name,
				     struct arena *arena) must_check;
void nft_known_settle(struct nft_known *known);
// A message of ours that was written: what it changes is known no more.
void nft_known_alter(struct nft_known *known, const struct nlmsghdr *message);
