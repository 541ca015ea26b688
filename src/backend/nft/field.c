// SPDX-License-Identifier: Apache-2.0
// The table of fields, and the few values that the kernel writes in another way than the IR:
// versions (NFPROTO numbers), time (nanoseconds), weekdays (Sunday first), time to live (less one).
// Pure.
#include "backend/nft/field.h"

#include <linux/netfilter/nf_tables.h>

#define SECOND 1000000000ull

#define META(k)                              \
	{                                    \
		SOURCE_META, NFT_META_##k, 0 \
	}
#define CT(k)                            \
	{                                \
		SOURCE_CT, NFT_CT_##k, 0 \
	}
#define NH(at)                                                 \
	{                                                      \
		SOURCE_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, at \
	}
#define TH(at)                                                   \
	{                                                        \
		SOURCE_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, at \
	}
#define LL(at)                                            \
	{                                                 \
		SOURCE_PAYLOAD, NFT_PAYLOAD_LL_HEADER, at \
	}
const struct nft_field_info nft_field_info[NFT_FIELDS] = {
#define X(code, dim_, side_, place_, bytes_, bits_, shift_, order_, version_, protocols_, type_, \
	  kind_, text_)                                                                          \
	[code] = {.dim = dim_,                                                                   \
		  .side = side_,                                                                 \
		  .place = place_,                                                               \
		  .bytes = bytes_,                                                               \
		  .bits = bits_,                                                                 \
		  .shift = shift_,                                                               \
		  .order = order_,                                                               \
		  .version = version_,                                                           \
		  .protocols = protocols_,                                                       \
		  .type = type_,                                                                 \
		  .kind = kind_,                                                                 \
		  .text = text_},
#include "backend/nft/field.def"
#undef X
};

#define SET(name, ...)                                                 \
	static const struct algebra_range name##_at[] = {__VA_ARGS__}; \
	static const struct algebra_set name = {name##_at, array_len(name##_at)}
SET(ports, {6, 6}, {17, 17}, {33, 33}, {132, 132}, {136, 136});
// Connection tracking knows no ports of DCCP.
SET(flow_ports, {6, 6}, {17, 17}, {132, 132}, {136, 136});
SET(icmp, {1, 1});
SET(icmp6, {58, 58});
SET(tcp, {6, 6});
SET(udp, {17, 17}, {136, 136});
SET(sctp, {132, 132});
SET(dccp, {33, 33});

struct algebra_set nft_protocols_set(enum nft_protocols protocols)
{
	switch (protocols) {
	case PORTS:
		return ports;
	case FLOW_PORTS:
		return flow_ports;
	case ICMP:
		return icmp;
	case ICMP6:
		return icmp6;
	case TCP:
		return tcp;
	case UDP:
		return udp;
	case SCTP:
		return sctp;
	case DCCP:
		return dccp;
	case ANY:
		break;
	}
	return (struct algebra_set){0};
}

SET(versions, {NFT_VERSION_4, NFT_VERSION_4}, {NFT_VERSION_6, NFT_VERSION_6});
SET(two, {0, 1});
SET(states, {0, NFT_STATES - 1});
SET(seconds, {0, 86399}); // the kernel's clock knows no leap seconds
SET(days, {0, 6});
SET(ttls, {0, 254}); // counted down already
static const struct algebra_range bits_at[NFT_FIELDS] = {
#define X(code, dim, side, place, bytes, bits, ...) [code] = {0, ~(u128)0 >> (128 - (bits))},
#include "backend/nft/field.def"
#undef X
};

bool nft_field_is_address(enum nft_field field)
{
	enum ir_dim dim = nft_field_info[field].dim;
	return dim == IR_SRC4 || dim == IR_DST4 || dim == IR_SRC6 || dim == IR_DST6;
}

struct algebra_set nft_field_domain(enum nft_field field)
{
	switch ((int)field) {
	case F_VERSION:
	case F_FLOW_VERSION:
		return versions;
	case F_DIRECTION:
	case F_KNOWN:
		return two;
	case F_STATE:
		return states;
	case F_HOUR:
		return seconds;
	case F_WDAY:
		return days;
	case F_TTL4:
	case F_TTL6:
		return ttls;
	default:
		return (struct algebra_set){&bits_at[field], 1};
	}
}

enum nft_field nft_field_of(enum ir_dim dim, enum nft_side side, unsigned version, bool response)
{
	for (unsigned f = 0; f < NFT_FIELDS; f++) {
		const struct nft_field_info *info = &nft_field_info[f];
		bool differs = dim == IR_DSCP || dim == IR_ECN || dim == IR_LENGTH || dim == IR_TTL;
		if (info->dim != dim || info->side != side)
			continue;
		if (differs && info->version != version)
			continue;
		return dim == IR_DCCPSERVICE && response ? F_DCCPSERVICE1 : (enum nft_field)f;
	}
	return NFT_FIELDS;
}

uint32_t nft_state_bit(unsigned state)
{
	static const uint32_t bit[NFT_STATES] = {
		[IR_STATE_NEW] = 8,     [IR_STATE_ESTABLISHED] = 2, [IR_STATE_RELATED] = 4,
		[IR_STATE_INVALID] = 1, [IR_STATE_UNTRACKED] = 64,
	};
	return bit[state];
}

static struct algebra_set versions_raw(struct arena *arena, struct algebra_set set)
{
	struct algebra_builder b = {.arena = arena};
	if (algebra_set_has(set, 4))
		algebra_builder_add(&b, NFT_VERSION_4, NFT_VERSION_4);
	if (algebra_set_has(set, 6))
		algebra_builder_add(&b, NFT_VERSION_6, NFT_VERSION_6);
	return algebra_builder_take(&b);
}

// Rules of an inet table see IP packets only, so other numbers do not occur.
static struct algebra_set versions_value(struct arena *arena, struct algebra_set raw)
{
	struct algebra_builder b = {.arena = arena};
	if (algebra_set_has(raw, NFT_VERSION_4))
		algebra_builder_add(&b, 4, 4);
	if (algebra_set_has(raw, NFT_VERSION_6))
		algebra_builder_add(&b, 6, 6);
	return algebra_builder_take(&b);
}

static struct algebra_set time_raw(struct arena *arena, struct algebra_set set)
{
	struct algebra_builder b = {.arena = arena};
	const u128 last = UINT64_MAX / SECOND;
	for (size_t i = 0; i < set.len; i++) {
		u128 hi = set.at[i].hi >= last ? UINT64_MAX : set.at[i].hi * SECOND + SECOND - 1;
		if (set.at[i].lo <= last)
			algebra_builder_add(&b, set.at[i].lo * SECOND, hi);
	}
	return algebra_builder_take(&b);
}

static bool time_value(struct arena *arena, struct algebra_set raw, struct algebra_set *out)
{
	struct algebra_builder b = {.arena = arena};
	for (size_t i = 0; i < raw.len; i++) {
		u128 lo = raw.at[i].lo, hi = raw.at[i].hi;
		bool open = hi == UINT64_MAX;
		if (lo % SECOND || (!open && hi % SECOND != SECOND - 1))
			return false;
		algebra_builder_add(&b, lo / SECOND, open ? UINT64_MAX : hi / SECOND);
	}
	*out = algebra_builder_take(&b);
	return true;
}

static struct algebra_set days_turned(struct arena *arena, struct algebra_set set, unsigned by)
{
	struct algebra_builder b = {.arena = arena};
	for (unsigned day = 0; day < 7; day++)
		if (algebra_set_has(set, day))
			algebra_builder_add(&b, (day + by) % 7, (day + by) % 7);
	return algebra_builder_take(&b);
}

// The forward hook comes after the router has counted the packet's time to live down.
static struct algebra_set counted_down(struct arena *arena, struct algebra_set set, int by)
{
	struct algebra_builder b = {.arena = arena};
	for (size_t i = 0; i < set.len; i++) {
		int lo = (int)set.at[i].lo + by, hi = (int)set.at[i].hi + by;
		lo = lo < 0 ? 0 : lo;
		hi = hi > 255 ? 255 : hi;
		if (lo <= hi)
			algebra_builder_add(&b, (u128)lo, (u128)hi);
	}
	return algebra_builder_take(&b);
}

struct algebra_set nft_field_raw(enum nft_field field, struct arena *arena, struct algebra_set set)
{
	switch ((int)field) {
	case F_VERSION:
	case F_FLOW_VERSION:
		return versions_raw(arena, set);
	case F_TIME:
		return time_raw(arena, set);
	case F_WDAY:
		return days_turned(arena, set, 1);
	case F_TTL4:
	case F_TTL6:
		return counted_down(arena, set, -1);
	default:
		return set;
	}
}

bool nft_field_value(enum nft_field field, struct arena *arena, struct algebra_set raw,
		     struct algebra_set *out)
{
	switch ((int)field) {
	case F_VERSION:
	case F_FLOW_VERSION:
		*out = versions_value(arena, raw);
		return true;
	case F_TIME:
		return time_value(arena, raw, out);
	case F_WDAY:
		*out = days_turned(arena, raw, 6);
		return true;
	case F_TTL4:
	case F_TTL6:
		*out = counted_down(arena, raw, 1);
		return true;
	case F_HOUR:
		*out = algebra_set_intersect(arena, raw, seconds);
		return true;
	default:
		*out = raw;
		return true;
	}
}
