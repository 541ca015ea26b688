// SPDX-License-Identifier: Apache-2.0
// What the fields of nftables are in the IR, and values as sets of numbers.
#pragma once

#include "import/nft_ast.h"
#include "ir/ir.h"

enum nft_type {
	NFT_TYPE_NUMBER,
	NFT_TYPE_IP4,
	NFT_TYPE_IP6,
	NFT_TYPE_MAC,
	NFT_TYPE_PROTO,
	NFT_TYPE_PORT,
	NFT_TYPE_ICMP,
	NFT_TYPE_ICMP_CODE,
	NFT_TYPE_ICMP6,
	NFT_TYPE_ICMP6_CODE,
	NFT_TYPE_TCP_FLAGS,
	NFT_TYPE_STATE, // bits, as the kernel has them
	NFT_TYPE_DSCP,
	NFT_TYPE_ECN,
	NFT_TYPE_NAME,      // of an interface; a * at the end: all that begin so
	NFT_TYPE_INTERFACE, // of one interface, never a pattern
	NFT_TYPE_ETHERTYPE,
	NFT_TYPE_NFPROTO,
	NFT_TYPE_DAY, // 0 Sunday
	NFT_TYPE_HOUR,
	NFT_TYPE_TIME,
	NFT_TYPE_DCCP,
};

// How the field's numbers lie in its dimension.
enum nft_how {
	NFT_WHOLE,
	NFT_HIGH_BYTE,
	NFT_LOW_BYTE,
	NFT_FRAGMENT,    // flags and offset are two dimensions
	NFT_NEXT_HEADER, // the protocol, if there are no extension headers
	NFT_PORTS,       // of any protocol; the IR has ports of some
	NFT_ETHERTYPE,
	NFT_VERSION,
	NFT_LENGTH, // of the packet; the IR has IPv6's without its header
	NFT_WEEKDAY,
	NFT_STATE,
};

struct nft_field {
	const char *name;
	enum nft_type type;
	unsigned bits;
	enum nft_how how;
	enum ir_dim dim;
	unsigned version, protocol;
};

// NULL: the IR has no such thing.
const struct nft_field *nft_field_find(const char *name) must_check;

// "@nh,48,8", of whose bits only those in `mask` are looked at: the field there in packets of these IP versions (bit 0: 4,
// bit 1: 6) and protocols. NULL: there is none, or not the same in all of them. `shift`: bits below the field.
const struct nft_field *nft_place_find(const char *place, u128 mask, unsigned versions,
				       struct ir_protocols protocols, unsigned *shift) must_check;
// The bits of a place; 0: not a place, or too wide.
unsigned nft_place_bits(const char *place) must_check;

// What reading a field says about the packet, whether the IR has the field or not: IP version and protocol, 0 for any.
struct nft_implied {
	unsigned version, protocol;
};
struct nft_implied nft_field_implies(const char *name) must_check;

// --- nft_value.c ---

struct nft_values {
	enum nft_type type;
	unsigned bits;
	bool known;
	struct algebra_set set;
};

// One value or range of it. False: not a value of the type.
bool nft_value_range(const char *text, enum nft_type type, struct algebra_range *out) must_check;
struct nft_reader {
	struct arena *arena;
	const struct nft_table *table;
	const char *unknown; // why the last was not known: "values that are not known", "@dyn"
};
// All that the expression can be equal to, as numbers of the field. False: something in it is not known.
bool nft_values_of(struct nft_reader *reader, const struct nft_expr *expr,
		   const struct nft_field *field, struct algebra_set *out) must_check;
// A number: a value, or flags together.
bool nft_number_of(const struct nft_expr *expr, const struct nft_field *field,
		   u128 *out) must_check;
// All x with x & mask in `of`. False: too many ranges.
bool nft_values_masked(struct arena *arena, unsigned bits, u128 mask, struct algebra_set of,
		       struct algebra_set *out) must_check;
// The named set or map; NULL and `unknown` when packets change it or it is not there.
struct nft_set *nft_set_find(struct nft_reader *reader, const char *name) must_check;
