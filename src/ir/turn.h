// SPDX-License-Identifier: Apache-2.0
// A flow turned round: what its replies look like, and what a reply answers.
#pragma once

#include "ir/ir.h"

// ICMP messages of which connection tracking knows the replies: echo, timestamp, information, address mask; echo of ICMPv6
// (RFC 792, RFC 950, RFC 4443). `dim` is IR_ICMP4 or IR_ICMP6.
struct ir_exchange {
	enum ir_dim dim;
	uint8_t request, reply; // types
};
#define IR_EXCHANGES 5
extern const struct ir_exchange ir_exchange[IR_EXCHANGES];
enum ir_turn { IR_TO_REPLY, IR_TO_REQUEST };

// The dimension of the flow's first packet that decides what its replies have in this one, and the other way round.
enum ir_dim ir_dim_other_side(enum ir_dim dim) must_check;
// False, and *value as it is, when it is nothing that is answered (IR_TO_REPLY) or no answer (IR_TO_REQUEST).
bool ir_icmp_turn(enum ir_turn to, enum ir_dim dim, u128 *value) must_check;
// Of a whole set; what cannot be turned is not in it.
struct algebra_set ir_icmp_turned(enum ir_turn to, enum ir_dim dim, struct algebra_set set,
				  struct arena *arena) must_check;
struct algebra_set ir_icmp_requests(enum ir_dim dim, struct arena *arena) must_check;

// The other packet's time and TUPLE dimensions: source and destination exchanged, the ICMP request for its reply. ICMP
// that is not exchanged stays what it is.
void ir_packet_reply(const struct ir_packet *first, struct ir_packet *reply_out);
void ir_packet_turn(const struct ir_packet *reply, struct ir_packet *first_out);
