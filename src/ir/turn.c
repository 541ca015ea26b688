// SPDX-License-Identifier: Apache-2.0
// What changes when a flow is looked at from its other end, as two tables: dimensions that exchange their places, ICMP types
// that answer each other.
#include "ir/turn.h"

const struct ir_exchange ir_exchange[IR_EXCHANGES] = {{IR_ICMP4, 8, 0},
						      {IR_ICMP4, 13, 14},
						      {IR_ICMP4, 15, 16},
						      {IR_ICMP4, 17, 18},
						      {IR_ICMP6, 128, 129}};

enum ir_dim ir_dim_other_side(enum ir_dim dim)
{
	static const uint8_t other[IR_DIMS] = {
		[IR_SRC4] = IR_DST4, [IR_DST4] = IR_SRC4,   [IR_SRC6] = IR_DST6,
		[IR_DST6] = IR_SRC6, [IR_SPORT] = IR_DPORT, [IR_DPORT] = IR_SPORT,
		[IR_IN] = IR_OUT,    [IR_OUT] = IR_IN,      [IR_SMAC] = IR_DMAC,
		[IR_DMAC] = IR_SMAC,
	};
	return other[dim] ? other[dim] : dim;
}

static unsigned type_of(const struct ir_exchange *exchange, enum ir_turn side)
{
	return side == IR_TO_REPLY ? exchange->reply : exchange->request;
}

static enum ir_turn back(enum ir_turn to)
{
	return to == IR_TO_REPLY ? IR_TO_REQUEST : IR_TO_REPLY;
}

bool ir_icmp_turn(enum ir_turn to, enum ir_dim dim, u128 *value)
{
	for (size_t i = 0; i < IR_EXCHANGES; i++)
		if (ir_exchange[i].dim == dim &&
		    *value >> 8 == type_of(&ir_exchange[i], back(to))) {
			*value = type_of(&ir_exchange[i], to) * 256u + *value % 256;
			return true;
		}
	return false;
}

struct algebra_set ir_icmp_turned(enum ir_turn to, enum ir_dim dim, struct algebra_set set,
				  struct arena *arena)
{
	struct algebra_builder builder = {.arena = arena};
	for (size_t i = 0; i < IR_EXCHANGES; i++) {
		u128 from = type_of(&ir_exchange[i], back(to)) * 256u,
		     there = type_of(&ir_exchange[i], to) * 256u;
		if (ir_exchange[i].dim != dim)
			continue;
		struct algebra_set of =
			algebra_set_intersect(arena, set, algebra_set_one(arena, from, from + 255));
		for (size_t k = 0; k < of.len; k++)
			algebra_builder_add(&builder, of.at[k].lo - from + there,
					    of.at[k].hi - from + there);
	}
	return algebra_builder_take(&builder);
}

struct algebra_set ir_icmp_requests(enum ir_dim dim, struct arena *arena)
{
	return ir_icmp_turned(IR_TO_REQUEST, dim, algebra_set_one(arena, 0, algebra_max(16)),
			      arena);
}

static void turn(enum ir_turn to, const struct ir_packet *from, struct ir_packet *out)
{
	*out = (struct ir_packet){.time = from->time};
	for (unsigned dim = 0; dim < IR_DIMS; dim++) {
		u128 value = from->value[dim];
		if (ir_dim_info[dim].kind != IR_KIND_TUPLE || !(from->has >> dim & 1))
			continue;
		(void)!ir_icmp_turn(to, dim, &value);
		ir_packet_set(out, ir_dim_other_side(dim), value);
	}
}

void ir_packet_reply(const struct ir_packet *first, struct ir_packet *reply_out)
{
	turn(IR_TO_REPLY, first, reply_out);
}

// An echo reply with a code is taken to answer a plain echo request.
void ir_packet_turn(const struct ir_packet *reply, struct ir_packet *first_out)
{
	bool echo = reply->has >> IR_ICMP4 & 1 && reply->value[IR_ICMP4] < 256;
	turn(IR_TO_REQUEST, reply, first_out);
	if (echo)
		first_out->value[IR_ICMP4] &= ~(u128)255;
}
