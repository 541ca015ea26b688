// SPDX-License-Identifier: Apache-2.0
// The things that a kernel rule can test (field.def), and how a dimension of the IR becomes one.
#pragma once

#include "ir/ir.h"

enum nft_field {
#define X(code, ...) code,
#include "backend/nft/field.def"
#undef X
	NFT_FIELDS
};

enum nft_source { SOURCE_META, SOURCE_CT, SOURCE_PAYLOAD };
enum nft_side { OF_PACKET, OF_FLOW };
enum nft_order { NETWORK, HOST };
enum nft_protocols { ANY, PORTS, FLOW_PORTS, ICMP, ICMP6, TCP, UDP, SCTP, DCCP };
enum nft_text_kind {
	TEXT_NUMBER,
	TEXT_VERSION,
	TEXT_IP4,
	TEXT_IP6,
	TEXT_MAC,
	TEXT_NAME,
	TEXT_STATE,
	TEXT_DIRECTION,
	TEXT_KNOWN,
	TEXT_TIME,
};

// Where the kernel reads it: a key of meta or ct, or a payload base and the offset in bytes.
struct nft_place {
	enum nft_source source;
	uint8_t key, offset;
};

struct nft_field_info {
	enum ir_dim dim; // IR_DIMS: a guard that no dimension of the IR says
	enum nft_side side;
	struct nft_place place;
	uint8_t bytes; // of the load
	uint8_t bits;  // of the value
	uint8_t shift; // of the value in the load
	enum nft_order order;
	uint8_t version; // 4, 6 or 0: either
	enum nft_protocols protocols;
	uint8_t type;
	enum nft_text_kind kind;
	const char *text;
};
extern const struct nft_field_info nft_field_info[NFT_FIELDS];

// The protocols whose packets have the field, as a set of IR_PROTO; the empty set means any.
struct algebra_set nft_protocols_set(enum nft_protocols protocols) must_check;

// Of the network, of either version, of the packet or its flow.
bool nft_field_is_address(enum nft_field field) must_check;

// All values that the kernel gives the field where it is there. A constant.
struct algebra_set nft_field_domain(enum nft_field field) must_check;

// The field that reads a dimension on a side. `version` chooses where the versions differ;
// `response` the place of IR_DCCPSERVICE. NFT_FIELDS when there is none.
enum nft_field nft_field_of(enum ir_dim dim, enum nft_side side, unsigned version,
			    bool response) must_check;

// A set of the dimension's values as the kernel's values of the field, and back. Kernel values are
// those behind mask and shift, as big-endian numbers; connection states stay numbers 0..4. The way
// back is false when the set cannot be said in the dimension.
struct algebra_set nft_field_raw(enum nft_field field, struct arena *arena,
				 struct algebra_set set) must_check;
bool nft_field_value(enum nft_field field, struct arena *arena, struct algebra_set raw,
		     struct algebra_set *out) must_check;

// The bit of a connection state in the kernel's ct state.
uint32_t nft_state_bit(unsigned state) must_check;

#define NFT_STATES 5
#define NFT_VERSION_4 2u // NFPROTO_IPV4
#define NFT_VERSION_6 10u
#define NFT_LINK_ETHERNET 1u // ARPHRD_ETHER
