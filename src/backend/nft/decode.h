// SPDX-License-Identifier: Apache-2.0
// Kernel rules, as netlink shows them, back into data.
#pragma once

#include "backend/nft/form.h"

struct nlattr;
struct nlmsghdr;

// A set or verdict map as the kernel has it.
struct nft_element {
	u128 key;
	bool end;            // of an interval: the first value behind it
	uint64_t expires_ms; // 0: never
	const char *chain;   // of a map: goto
};
struct nft_dumped_set {
	const char *name;
	uint32_t flags, key_bytes;
	const char *strange; // holds something that no set or map of ours does
	bool used;           // some rule looks it up
	VEC(struct nft_element) element;
	// Of a map over several fields: their bytes, and its elements in the kernel's order.
	size_t fields;
	uint8_t field_bytes[NFT_BOXES_FIELDS];
	VEC(struct nft_box) box;
	const struct nft_known_map *packed; // in place of all elements (known.h)
	bool worked_out;                    // once, however many rules look it up:
	struct algebra_set values;
	struct nft_branch *branch;
	size_t branches;
	bool sure; // which box the kernel finds
	// Its elements have counters. What those do that decide by themselves, each once for all that do it.
	bool counts;
	VEC(struct nft_direct *) direct;
};
// An element of the set that decides by itself: as the one before it, with what both have counted, or new. Names its chain.
const struct nft_direct *nft_set_direct(struct nft_dumped_set *set,
					const struct nft_direct *element,
					struct arena *arena) must_check;
// Whether each range has some of the values that are wanted of its field; NULL: any.
bool nft_wanted(const struct algebra_set *const *wanted, const struct algebra_range *range,
		size_t fields) must_check;
// Its values as big-endian numbers of key_bytes bytes. Sorts the elements.
struct algebra_set nft_set_values(struct nft_dumped_set *set, struct arena *arena) must_check;
// The branches of a map, as ranges of such numbers, with chains as nft_chain_within `prefix` calls them. Always asked with
// the same prefix. `wanted`: only those with some of these values; NULL: all.
void nft_map_branches(struct nft_dumped_set *set, const char *prefix,
		      const struct algebra_set *wanted, struct arena *arena, struct nft_map *out);
// The same of the boxes of a map over several fields, with a set or NULL for each field. False when they overlap so that it
// is not sure which one is found.
bool nft_map_boxes(struct nft_dumped_set *set, const char *prefix,
		   const struct algebra_set *const *wanted, struct arena *arena,
		   struct nft_boxes *out) must_check;
// A chain's name as its program has it; a chain outside the generation stays as it is called. NULL stays NULL.
const char *nft_chain_within(const char *prefix, const char *name) must_check;

// Which values of a register some packets have for whom rules are read; NULL: any.
struct nft_near {
	const struct algebra_set *(*values)(const void *packets, const struct nft_reg *reg);
	const void *packets;
};
struct nft_decoder {
	struct arena *arena;
	const struct nft_near
		*near;          // boxes and branches for other packets are left out; NULL: none are
	const struct map *sets; // by name: struct nft_dumped_set
	const char *prefix;     // of chains, taken off where jumps lead to them: "g7"
};

// Reads the list of expressions of a rule. What is not understood makes the form strange; never fails.
void nft_decode_rule(const struct nft_decoder *decoder, const struct nlattr *expressions,
		     struct nft_form *form);
// Names the open tests of a form, and the field of its map, given that the matches of `path` (NULL: none) hold for every
// packet that comes to the rule: behind a branch on the version and one on the protocol, a rule may read a port without
// testing either. What cannot be named leaves `out` strange. A copy that shares what needs no naming; `form` stays as it
// is, for another way that leads to it.
void nft_form_resolve(const struct nft_form *form, const struct nft_form *path, struct arena *arena,
		      struct nft_form *out);
// Why such a form is strange.
extern const char nft_unnamed[];
// Whether it is strange for no other reason than that something has no name yet: but for that it only does what it says.
bool nft_form_unnamed(const struct nft_form *form) must_check;
// Reads the user data; anything that is not ours leaves the tag unknown.
void nft_decode_tag(struct arena *arena, const void *data, size_t len, struct nft_tag *tag);
// What the kernel says of one expression, if it is a counter; false if not.
bool nft_decode_count(const struct nlattr *expression, struct nft_form *form) must_check;
// Only the counter of a rule.
void nft_decode_counter(const struct nlattr *expressions, struct nft_form *form);
// Only the tag and the counter of the rule that a message is about.
void nft_decode_counted(struct arena *arena, const struct nlmsghdr *message, struct nft_form *form);

// The value of an attribute of this many bytes, big-endian; 0 when it has another length.
u128 nft_attr_number(const struct nlattr *attr, size_t bytes) must_check;
// Whether it holds this text; false for no attribute.
bool nft_attr_is(const struct nlattr *attr, const char *text) must_check;
