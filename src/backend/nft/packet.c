// SPDX-License-Identifier: Apache-2.0
// From what kernel rules test back to a packet that exists. An area takes fields as independent; a packet is one thing: its
// flow has its addresses, or them turned round, its length has room for its headers, what cannot begin a flow has none.
// Where the area leaves a choice, a value that people know is taken, or else a border of it, or any.
#include "backend/nft/packet.h"
#include "ir/turn.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define DAY 86400

enum way { ALONG, AGAINST, NO_FLOW };

struct making {
	struct nft_some *some;
	struct arena *arena;
	const struct nft_area *area;
	enum way way;
	unsigned state;
	uint64_t has;                    // bit: dimensions that the area restricts …
	struct algebra_set set[IR_DIMS]; // … to these values: TUPLE ones of the flow's first packet
};

// Marsaglia's xorshift.
uint32_t nft_some_below(struct nft_some *some, size_t n)
{
	uint64_t x = some->chance;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	some->chance = x;
	return (uint32_t)((x >> 16) % n);
}

// --- its flow ---

static bool allows(const struct nft_area *area, enum nft_field field, u128 value)
{
	return !(area->has >> field & 1) || algebra_set_has(area->set[field], value);
}

static bool asks_flow(const struct nft_area *area)
{
	bool asks = area->has >> F_KNOWN & 1;
	for (enum nft_field f = 0; f < NFT_FIELDS; f++)
		asks |= area->has >> f & 1 && nft_field_info[f].side == OF_FLOW;
	return asks;
}

// A flow's first packet is what people think of first.
static bool choose_way(struct making *m)
{
	static const struct {
		enum way way;
		unsigned state;
	} ways[] = {{ALONG, IR_STATE_NEW},           {ALONG, IR_STATE_ESTABLISHED},
		    {AGAINST, IR_STATE_ESTABLISHED}, {NO_FLOW, IR_STATE_INVALID},
		    {ALONG, IR_STATE_RELATED},       {NO_FLOW, IR_STATE_UNTRACKED}};
	bool of_flow = asks_flow(m->area);
	unsigned n = 0;
	for (size_t i = 0; i < (m->some->tracked ? array_len(ways) : 1); i++) {
		bool good = ways[i].way == NO_FLOW
				    ? !of_flow
				    : allows(m->area, F_DIRECTION, ways[i].way == AGAINST);
		if (!good || !allows(m->area, F_STATE, ways[i].state))
			continue;
		if (n++ && nft_some_below(m->some, 2 * n))
			continue;
		m->way = ways[i].way;
		m->state = ways[i].state;
	}
	return n;
}

// --- what the area says ---

static bool restrict_to(struct making *m, enum ir_dim dim, struct algebra_set set)
{
	if (m->has >> dim & 1)
		set = algebra_set_intersect(m->arena, m->set[dim], set);
	m->has |= (uint64_t)1 << dim;
	m->set[dim] = set;
	return set.len;
}

// A reply's own addresses are those of the first packet, turned round.
static bool take_field(struct making *m, enum nft_field field)
{
	const struct nft_field_info *info = &nft_field_info[field];
	struct algebra_set set;
	if (info->dim == IR_DIMS || ir_dim_info[info->dim].kind == IR_KIND_CLOCK)
		return true;
	if (!nft_field_value(field, m->arena, m->area->set[field], &set))
		return false;
	bool turned = m->way == AGAINST && info->side == OF_PACKET &&
		      ir_dim_info[info->dim].kind == IR_KIND_TUPLE;
	if (turned && (info->dim == IR_ICMP4 || info->dim == IR_ICMP6))
		set = ir_icmp_turned(IR_TO_REQUEST, info->dim, set, m->arena);
	return restrict_to(m, turned ? ir_dim_other_side(info->dim) : info->dim, set);
}

static bool take_fields(struct making *m)
{
	for (enum nft_field f = 0; f < NFT_FIELDS; f++)
		if (m->area->has >> f & 1 && !take_field(m, f))
			return false;
	return true;
}

// --- what is possible ---

// What any router forwards: from and to single hosts (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5) while there is time to
// live.
#define V4(a) ((u128)(a) << 24)
#define V6(a) ((u128)(a) << 112)
static const struct algebra_range host4[] = {{V4(1), V4(127) - 1},
					     {V4(128), V4(224) - 1},
					     {V4(240), V4(256) - 2}},
				  host6[] = {{2, V6(0xfe80) - 1}, {V6(0xfec0), V6(0xff00) - 1}},
				  ttl[] = {{2, 255}}, words[] = {{5, 15}};
static const struct {
	enum ir_dim dim;
	struct algebra_set set;
} possible[] = {
	{IR_SRC4, {host4, 3}},      {IR_DST4, {host4, 3}}, {IR_SRC6, {host6, 2}},
	{IR_DST6, {host6, 2}},      {IR_TTL, {ttl, 1}},    {IR_IHL, {words, 1}},
	{IR_TCPOFFSET, {words, 1}},
};

static bool take_possible(struct making *m)
{
	for (size_t i = 0; i < array_len(possible); i++)
		if (!restrict_to(m, possible[i].dim, possible[i].set))
			return false;
	return true;
}

// --- values ---

static u128 name_of(const char *name)
{
	u128 value = 0;
	for (size_t i = 0; i < 16; i++)
		value = value << 8 | (unsigned char)(i < strlen(name) ? name[i] : 0);
	return value;
}

// What plain packets have, the first value of which the area has is taken. Of all others it is 0.
#define SITE ((u128)0x20010db8 << 96)
#define USUAL_MOST 4u
static const struct {
	enum ir_dim dim;
	unsigned n;
	u128 value[USUAL_MOST];
} usual[] = {
	{IR_FAMILY, 1, {4}},
	{IR_SRC4, 1, {0xc0000201}},
	{IR_DST4, 1, {0xc6336407}},
	{IR_SRC6, 1, {SITE | 1}},
	{IR_DST6, 1, {SITE | 0x11}},
	{IR_PROTO, 4, {6, 17, 1, 58}},
	{IR_SPORT, 1, {40000}},
	{IR_DPORT, 1, {80}},
	{IR_ICMP4, 1, {8 << 8}},
	{IR_ICMP6, 1, {128 << 8}},
	{IR_SMAC, 1, {(u128)2 << 40 | 1}},
	{IR_DMAC, 1, {(u128)2 << 40 | 2}},
	{IR_LENGTH, 2, {60, 1000}},
	{IR_TTL, 1, {64}},
	{IR_IHL, 1, {5}},
	{IR_TCPFLAGS, 3, {2, 16, 24}},
	{IR_TCPOFFSET, 1, {5}},
	{IR_TCPWINDOW, 1, {64240}},
	{IR_UDPLEN, 1, {20}},
	{IR_SCTPCHUNK, 2, {1, 0}},
	{IR_DCCPOFFSET, 1, {5}},
};

static size_t usual_values(enum ir_dim dim, u128 value[static USUAL_MOST])
{
	bool name = dim == IR_IN || dim == IR_OUT;
	value[0] = name ? name_of(dim == IR_IN ? "eth0" : "eth1") : 0;
	value[1] = name_of("lo");
	for (size_t i = 0; i < array_len(usual); i++)
		if (usual[i].dim == dim) {
			memcpy(value, usual[i].value, sizeof(usual[i].value));
			return usual[i].n;
		}
	return name ? 2 : 1;
}

static u128 some_of(struct nft_some *some, struct algebra_set set)
{
	struct algebra_range r = set.at[nft_some_below(some, set.len)];
	u128 room = r.hi - r.lo;
	switch (nft_some_below(some, 4)) {
	case 0:
		return r.lo;
	case 1:
		return r.hi;
	default:
		return r.lo +
		       nft_some_below(some, room < UINT32_MAX ? (size_t)room + 1 : UINT32_MAX);
	}
}

static u128 value_of(struct making *m, enum ir_dim dim)
{
	u128 value[USUAL_MOST];
	size_t n = usual_values(dim, value), begins = dim == IR_TCPFLAGS || dim == IR_SCTPCHUNK;
	size_t first = begins && m->state != IR_STATE_NEW;
	if (!(m->has >> dim & 1))
		return value[first];
	for (size_t i = first; i < n; i++)
		if (algebra_set_has(m->set[dim], value[i]))
			return value[i];
	return some_of(m->some, m->set[dim]);
}

static bool put(struct making *m, struct ir_packet *packet, enum ir_dim dim)
{
	bool some = !(m->has >> dim & 1) || m->set[dim].len;
	if (some)
		ir_packet_set(packet, dim, value_of(m, dim));
	return some;
}

// --- headers ---

// Connection tracking knows flows of ICMP by their requests only.
static bool put_icmp(struct making *m, struct ir_packet *first, enum ir_dim dim)
{
	bool flow = m->some->tracked && m->way != NO_FLOW;
	return (!flow || restrict_to(m, dim, ir_icmp_requests(dim, m->arena))) &&
	       put(m, first, dim);
}

// Where both versions will do, either.
static bool put_family(struct making *m, struct ir_packet *first)
{
	u128 version = 4 + 2 * nft_some_below(m->some, 2);
	if (m->has >> IR_FAMILY & 1 && !algebra_set_has(m->set[IR_FAMILY], version))
		version = 10 - version;
	return restrict_to(m, IR_FAMILY, algebra_set_one(m->arena, version, version)) &&
	       put(m, first, IR_FAMILY);
}

static bool put_tuple(struct making *m, struct ir_packet *first)
{
	if (!put_family(m, first))
		return false;
	bool v4 = first->value[IR_FAMILY] == 4;
	if (!put(m, first, v4 ? IR_SRC4 : IR_SRC6) || !put(m, first, v4 ? IR_DST4 : IR_DST6) ||
	    !put(m, first, IR_PROTO))
		return false;
	unsigned protocol = (unsigned)first->value[IR_PROTO];
	bool ports = ir_dim_is_of(IR_SPORT, protocol);
	enum ir_dim icmp = v4 ? IR_ICMP4 : IR_ICMP6;
	if (ports && (!put(m, first, IR_SPORT) || !put(m, first, IR_DPORT)))
		return false;
	return !ir_dim_is_of(icmp, protocol) || put_icmp(m, first, icmp);
}

static bool is_fragment(const struct ir_packet *packet)
{
	return packet->has >> IR_FRAGOFF & 1 && packet->value[IR_FRAGOFF];
}

static bool has_dim(const struct ir_packet *packet, enum ir_dim dim)
{
	unsigned version = packet->value[IR_FAMILY] == 4 ? 1 : 2;
	if (dim == IR_DCCPSERVICE && packet->value[IR_DCCPTYPE] > IR_DCCP_SERVICE_LAST)
		return false;
	return ir_dim_versions(dim) & version &&
	       ir_dim_is_of(dim, (unsigned)packet->value[IR_PROTO]) &&
	       !(ir_dim_is_transport(dim) && is_fragment(packet));
}

// Connection tracking puts fragments together; and what asks for a header is for no fragment.
static bool choose_fragment(struct making *m, const struct ir_packet *packet)
{
	const struct algebra_set *header = &m->area->set[F_HEADER];
	bool asked = m->area->has >> F_HEADER & 1,
	     none = asked && !algebra_set_overlaps(*header, nft_field_domain(F_HEADER)),
	     whole = m->some->tracked || (asked && !algebra_set_has(*header, NFT_NO_HEADER));
	if (packet->value[IR_FAMILY] != 4)
		return !none;
	return (!whole || restrict_to(m, IR_FRAGOFF, algebra_set_one(m->arena, 0, 0))) &&
	       (!none || restrict_to(m, IR_FRAGOFF, algebra_set_one(m->arena, 1, algebra_max(13))));
}

static void drop_transport(struct ir_packet *packet)
{
	for (enum ir_dim dim = 0; dim < IR_DIMS; dim++)
		if (ir_dim_is_transport(dim))
			packet->has &= ~((uint64_t)1 << dim);
}

static bool put_fragment(struct making *m, struct ir_packet *packet)
{
	if (!choose_fragment(m, packet))
		return false;
	if (packet->value[IR_FAMILY] == 4 && !put(m, packet, IR_FRAGOFF))
		return false;
	if (is_fragment(packet))
		drop_transport(packet);
	return true;
}

static bool put_rest(struct making *m, struct ir_packet *packet)
{
	bool v4 = packet->value[IR_FAMILY] == 4;
	u128 ethertype = v4 ? 0x0800 : 0x86dd;
	if (!restrict_to(m, IR_ETHERTYPE, algebra_set_one(m->arena, ethertype, ethertype)) ||
	    !put_fragment(m, packet))
		return false;
	for (enum ir_dim dim = IR_IN; dim < IR_TIME; dim++)
		if (dim != IR_FRAGOFF && has_dim(packet, dim) && !put(m, packet, dim))
			return false;
	return true;
}

// --- time ---

static bool is_when(const struct making *m, int64_t time)
{
	return allows(m->area, F_TIME, (u128)time * 1000000000u) &&
	       allows(m->area, F_HOUR, (u128)(time % DAY)) &&
	       allows(m->area, F_WDAY, (u128)((time / DAY + 4) % 7));
}

// Of a time of the day or of the week that is asked for, the next one.
static bool put_time(struct making *m, struct ir_packet *packet)
{
	const struct nft_area *area = m->area;
	int64_t from = m->some->now;
	if (!allows(area, F_TIME, (u128)from * 1000000000u)) {
		struct algebra_set set = area->set[F_TIME];
		from = (int64_t)(set.at[nft_some_below(m->some, set.len)].lo / 1000000000u);
	}
	packet->time = from;
	for (unsigned day = 0; day < 8 && !is_when(m, packet->time); day++) {
		packet->time = from + day * DAY;
		if (area->has >> F_HOUR & 1)
			packet->time += (int64_t)area->set[F_HOUR].at[0].lo - packet->time % DAY;
	}
	return is_when(m, packet->time);
}

// --- whether it exists ---

static bool is_name(u128 value)
{
	bool ends = false, good = value != 0;
	for (int i = 15; i >= 0; i--) {
		unsigned c = (unsigned)(value >> 8 * i) & 255;
		good &= !c || (!ends && c > ' ' && c < 127 && c != '/');
		ends |= !c;
	}
	return good && ends;
}

// Bytes of the transport header.
static unsigned header_bytes(const struct ir_packet *packet)
{
	if (is_fragment(packet))
		return 8;
	switch ((unsigned)packet->value[IR_PROTO]) {
	case 6:
		return (unsigned)packet->value[IR_TCPOFFSET] * 4;
	case 33:
		return (unsigned)packet->value[IR_DCCPOFFSET] * 4;
	case 132:
		return 16;
	default:
		return 8;
	}
}

static bool has_room(const struct ir_packet *packet)
{
	bool v4 = packet->value[IR_FAMILY] == 4;
	unsigned ip = v4 ? (unsigned)packet->value[IR_IHL] * 4 : 0,
		 udp = (unsigned)packet->value[IR_UDPLEN];
	if (packet->has >> IR_UDPLEN & 1 && packet->value[IR_PROTO] == 17 &&
	    (udp < 8 || ip + udp > packet->value[IR_LENGTH]))
		return false;
	return packet->value[IR_LENGTH] >= ip + header_bytes(packet);
}

// What connection tracking takes for the beginning of a connection.
static bool begins(const struct ir_packet *packet)
{
	unsigned counted = (unsigned)packet->value[IR_TCPFLAGS] & 0x37;
	if (packet->has >> IR_TCPFLAGS & 1)
		return counted == 2 || counted == 0x22 || counted == 16 || counted == 0x30;
	return !(packet->has >> IR_SCTPCHUNK & 1) || packet->value[IR_SCTPCHUNK] == 1;
}

static bool exists(const struct making *m, const struct ir_packet *packet)
{
	bool new = m->some->tracked && m->state == IR_STATE_NEW,
	     more = m->some->tracked && packet->value[IR_IPFLAGS] & 1;
	return is_name(packet->value[IR_IN]) && is_name(packet->value[IR_OUT]) &&
	       has_room(packet) && !more && !(new && !begins(packet));
}

bool nft_some_packet(struct nft_some *some, const struct nft_area *area, struct ir_packet *out)
{
	struct making m = {.some = some, .arena = some->arena, .area = area};
	struct ir_packet *first = arena_new(some->arena, struct ir_packet);
	if (area->never || !choose_way(&m) || !take_fields(&m) || !take_possible(&m) ||
	    !put_tuple(&m, first))
		return false;
	if (m.way == AGAINST)
		ir_packet_reply(first, out);
	else
		*out = *first;
	ir_packet_set(out, IR_STATE, m.state);
	out->reply = m.way == AGAINST;
	out->flow = m.way == NO_FLOW ? NULL : first;
	if (!put_time(&m, out) || !put_rest(&m, out))
		return false;
	if (is_fragment(out))
		drop_transport(first);
	return exists(&m, out);
}
