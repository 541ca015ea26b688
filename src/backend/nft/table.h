// SPDX-License-Identifier: Apache-2.0
// Our table as the kernel has it: everything in it, in one consistent view.
#pragma once

#include "backend/nft/decode.h"
#include "backend/nft/known.h"
#include "backend/nft/netlink.h"

struct nft_dumped_chain {
	const char *name;
	bool known; // it was not read (known.h)
	bool base;  // bound to a hook …
	const char *type;
	uint32_t hook, policy;
	int32_t priority;
	VEC(struct nft_form) rule;
};

// Something of another kind: the message that deletes it, its name, and the type of an object.
struct nft_other {
	uint16_t delete;
	const char *name;
	uint32_t type;
};

struct nft_table {
	bool there;
	uint32_t flags;
	VEC(struct nft_dumped_chain *) chain; // in the kernel's order
	struct map chain_by_name;
	VEC(struct nft_dumped_set *) set;
	struct map set_by_name;
	VEC(struct nft_other) other; // objects and flowtables; none is ours
	uint32_t generation; // of the policy in force, 0: none; from the base chain's last jump
	uint32_t
		changes; // the kernel's number of the last change (of any table) that this view shows
};

enum nft_detail {
	NFT_PINHOLES, // chains and sets, and the pinholes with their timers
	NFT_COUNTERS, // all rules, but only their counters and tags
	NFT_ALL,
};

// 0 or a negative errno. A table that is not there is no error.
int nft_table_read(struct nft_socket *socket, const char *table, enum nft_detail detail,
		   struct arena *arena, struct nft_table *out) must_check;
// The whole table of somebody else, of any family.
int nft_table_read_of(struct nft_socket *socket, uint8_t family, const char *table,
		      struct arena *arena, struct nft_table *out) must_check;
// A part of ours: these chains with their rules, these sets and maps with their elements, and the sets and maps that the
// rules look up. What is not there is left out. `generation` is known only when the base chain is among them.
struct nft_part {
	const char *const *chain, *const *set; // full names
	size_t chains, sets;
	bool outline; // of sets and maps nothing but that they are there
	struct nft_known
		*known; // chains and maps that need not be read; gets those that were; NULL
	const struct nft_near *near; // for whom it is read; NULL: for all
};
int nft_table_read_part(struct nft_socket *socket, const char *table, const struct nft_part *part,
			struct arena *arena, struct nft_table *out) must_check;
// NULL when there is none.
struct nft_dumped_chain *nft_table_chain(const struct nft_table *table,
					 const char *name) must_check;
// Whether the rule does nothing but lead every packet there, by ACT_JUMP or ACT_GOTO.
bool nft_only_leads(const struct nft_form *form, enum nft_act act, const char *chain) must_check;

// "g7" for 7.
char *nft_generation_name(uint32_t generation, struct arena *arena) must_check;
// A number of which there is nothing yet.
uint32_t nft_generation_free(const struct nft_table *table) must_check;
// Whether a chain's or set's name belongs to some generation, and to which.
bool nft_generation_of(const char *name, uint32_t *out) must_check;

#define NFT_BASE_CHAIN "forward"
#define NFT_PINHOLE_CHAIN "pinholes"
#define NFT_PINHOLE_SET "pinhole-" // and a number
#define NFT_GENERATION_MOST 999999999u
