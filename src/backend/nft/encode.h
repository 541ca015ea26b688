// SPDX-License-Identifier: Apache-2.0
// Kernel rules as netlink messages.
#pragma once

#include "backend/nft/form.h"
#include "backend/nft/netlink.h"

struct nftnl_set;
struct nftnl_set_elem;

// Where the messages of a generation go. Equal sets are made once.
struct nft_encoder {
	struct arena *arena;
	struct nft_batch *batch;
	const char *table;
	const char *prefix; // of its chains and sets: "g7"
	uint32_t sets;      // names of sets: "g7-s1" and so on, behind this number
	uint32_t ids;       // of sets and maps within the transaction
	struct map set_by_content;
	// Chains that rules have of their own are made when the first rule leads there; NULL: they are all made by the
	// caller.
	const struct nft_program *own;
	struct map uses_of_chain;
};

void nft_encode_table(struct nft_batch *batch, const char *table);
// flags: 0 or NLM_F_EXCL.
void nft_encode_chain(struct nft_batch *batch, const char *table, const char *chain,
		      uint16_t flags);
// The base chain of the forward hook, made or changed.
void nft_encode_base(struct nft_batch *batch, const char *table, const char *chain, bool drop);
// A rule at the end of the chain (its full name), with the sets and the map that it needs before it. The chains that it
// leads to must be there.
void nft_encode_rule(struct nft_encoder *encoder, const char *chain, const struct nft_form *form);
// A rule at another place of its chain, with the sets that it needs; its map must be there.
enum nft_spot {
	SPOT_END,
	SPOT_BEFORE, // the rule with this handle
};
void nft_encode_rule_at(struct nft_encoder *encoder, const char *chain, const struct nft_form *form,
			enum nft_spot spot, uint64_t handle);

// A name within the generation as the kernel has it.
#define NFT_NAME 256
const char *nft_full_name(const struct nft_encoder *encoder, const char *name,
			  char out[static NFT_NAME]);
// One chain of a program, still empty; its rules; all chains, then their rules.
void nft_encode_empty(struct nft_encoder *encoder, const struct nft_chain *chain);
void nft_encode_rules(struct nft_encoder *encoder, const struct nft_chain *chain);
void nft_encode_program(struct nft_encoder *encoder, const struct nft_program *program);

// Single values make a hash map, which never takes ranges and holds so many elements at most when it is made with `len`.
size_t nft_map_room(size_t len) must_check;
// Deletes the sets that only this rule looked up, and the chains of its own to which only it led, once it has been deleted.
void nft_encode_unused(struct nft_encoder *encoder, const struct nft_form *form);
// What a rule needs before it: the set of a match, its verdict map with the branches, the set of its guard.
void nft_encode_match_set(struct nft_encoder *encoder, const struct nft_match *match,
			  const char *name, uint32_t owner);
void nft_encode_map(struct nft_encoder *encoder, const struct nft_map *map, uint32_t owner);
void nft_encode_guard(struct nft_encoder *encoder, const struct nft_form *form);
// Adds values to the set of a guard, or deletes them (NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM).
void nft_encode_values(struct nft_encoder *encoder, uint16_t type, const char *guard,
		       const struct nft_match *values);
// Adds branches to a map that is there, or deletes them (NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM). `map` holds only these;
// a branch that changes is deleted first. `ranges`: the map was made of ranges.
void nft_encode_branches(struct nft_encoder *encoder, uint16_t type, const struct nft_map *map,
			 bool ranges, uint32_t owner);
// A map over several fields with its boxes. Then boxes added behind those of a map that is there, or deleted
// (NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM): `boxes` holds only these. Not both in one transaction.
void nft_encode_boxes(struct nft_encoder *encoder, const struct nft_boxes *boxes, uint32_t owner);
void nft_encode_box_elements(struct nft_encoder *encoder, uint16_t type,
			     const struct nft_boxes *boxes, uint32_t owner);
// What a gate's map gets, of the form that looks it up: blocks or boxes.
void nft_encode_more(struct nft_encoder *encoder, const struct nft_form *gate);
// Deletes a table (name NULL), chain or set: NFT_MSG_DELTABLE, NFT_MSG_DELCHAIN, NFT_MSG_DELSET.
void nft_encode_delete(struct nft_batch *batch, uint16_t type, const char *table, const char *name);
// Handle 0: all rules of the chain.
void nft_encode_delete_rule(struct nft_batch *batch, const char *table, const char *chain,
			    uint64_t handle);
struct nft_other;
void nft_encode_delete_other(struct nft_batch *batch, const char *table,
			     const struct nft_other *other);

// A set that holds one IR_PROTO value, which goes when it was not refreshed for so long.
void nft_encode_timer(struct nft_batch *batch, const char *table, const char *set, uint8_t protocol,
		      uint64_t first_ms);

// Parts of messages, for those who write them. Objects of libnftnl belong to the caller until they are written.
struct nftnl_set *nft_set_in(const char *table, const char *name) must_check;
// Frees the set.
void nft_write_set(struct nft_batch *batch, uint16_t type, uint16_t flags, uint32_t owner,
		   struct nftnl_set *set);
// Elements of a set, in as many messages as they need.
struct nft_elements {
	struct nft_batch *batch;
	const char *table, *set;
	uint16_t type; // NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM
	uint32_t owner;
	struct nlmsghdr *open; // NULL: none
	struct nlattr *list;
};
void nft_elements_add(struct nft_elements *elements, struct nftnl_set_elem *element); // frees it
void nft_elements_end(struct nft_elements *elements);
void nft_element_goto(struct nftnl_set_elem *element, const char *chain);
// The low `len` bytes, most significant first.
void nft_to_bytes(u128 value, size_t len, uint8_t out[static 16]);

// User data (tag.c): a comment that nft(8) shows, which has room for a part of long names only, and the tag.
void nft_tag_comment(const struct nft_tag *tag, struct buf *out);
void nft_tag_bytes(const struct nft_tag *tag, struct buf *out); // none of one that is not known
#define NFT_UDATA_COMMENT 0
#define NFT_UDATA_TAG 0x42
#define NFT_UDATA_TAG_BYTES 11 // format, rule, clause, counts, length of the policy's name
#define NFT_COMMENT_MOST 120u
