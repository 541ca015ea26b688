// SPDX-License-Identifier: Apache-2.0
// The packet of `bulwark query`: "src=192.0.2.1,dst=198.51.100.7,proto=tcp,dport=22". Keys are the
// dimensions' and some friendlier ones; conditions that are not about headers are told by their
// names ("url-category=sns-websites").
#include "ir/ir.h"
#include "base/diag.h"
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HINT                                                  \
	"write key=value pairs with commas between, such as " \
	"src=192.0.2.1,dst=198.51.100.7,proto=tcp,dport=22,time=2026-03-11T09:00:00Z"

struct told {
	enum ir_opaque_kind kind;
	const char *value;
};

struct truths {
	VEC(struct told) told;
};

struct parse {
	struct arena *arena;
	struct diags *diags;
	struct ir_packet *packet;
	struct truths *truths;
	int family; // 0 while unknown
	int icmp_type, icmp_code;
	bool reply, no_flow;
};

static bool refuse(struct parse *p, const char *key, const char *value, const char *expected)
{
	diag_add(p->diags, &(struct diag){.code = DIAG_VALUE, .hint = expected},
		 "packet: '%s' is not a value of '%s'", value, key);
	return false;
}

static bool number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 0);
	return !errno && !*end && *out <= max;
}

static bool set_family(struct parse *p, const char *key, const char *value, int family)
{
	if (p->family && p->family != family) {
		diag_add(p->diags,
			 &(struct diag){.code = DIAG_CONFLICT,
					.hint = "give source and destination of one IP version"},
			 "packet: '%s=%s' is of another IP version than what stands before it", key,
			 value);
		return false;
	}
	p->family = family;
	return true;
}

static bool set_address(struct parse *p, const char *key, const char *value)
{
	int family;
	u128 v;
	bool source = key[0] == 's';
	if (!ir_address_parse(value, &family, &v))
		return refuse(p, key, value,
			      "give an IPv4 or IPv6 address, without a prefix length");
	enum ir_dim dim = family == 4 ? (source ? IR_SRC4 : IR_DST4) : (source ? IR_SRC6 : IR_DST6);
	ir_packet_set(p->packet, dim, v);
	return set_family(p, key, value, family);
}

static bool set_protocol(struct parse *p, const char *key, const char *value)
{
	uint64_t n;
	uint8_t protocol;
	if (!ir_protocol_parse(value, &protocol)) {
		if (!number(value, 255, &n))
			return refuse(
				p, key, value,
				"give tcp, udp, icmp, icmpv6, sctp, dccp, ... or a number 0..255");
		protocol = (uint8_t)n;
	}
	ir_packet_set(p->packet, IR_PROTO, protocol);
	return true;
}

static bool set_mac(struct parse *p, const char *key, const char *value)
{
	u128 v = 0;
	size_t len = strlen(value);
	for (size_t i = 0; i < 17 && len == 17; i++) {
		const char *hex = "0123456789abcdef", *at = strchr(hex, value[i] | 0x20);
		if (i % 3 == 2 ? value[i] != ':' : !at)
			len = 0;
		else if (i % 3 != 2)
			v = v << 4 | (unsigned)(at - hex);
	}
	if (len != 17)
		return refuse(p, key, value, "give six bytes, such as 00:53:00:aa:bb:cc");
	ir_packet_set(p->packet, key[0] == 's' ? IR_SMAC : IR_DMAC, v);
	return true;
}

static bool set_interface(struct parse *p, const char *key, const char *value)
{
	u128 v = 0;
	size_t len = strlen(value);
	if (!len || len > 15)
		return refuse(p, key, value, "give an interface name of 1 to 15 characters");
	for (size_t i = 0; i < 16; i++)
		v = v << 8 | (i < len ? (unsigned char)value[i] : 0);
	ir_packet_set(p->packet, key[0] == 'i' ? IR_IN : IR_OUT, v);
	return true;
}

static bool set_flags(struct parse *p, const char *key, const char *value)
{
	static const char *const names[8] = {"fin", "syn", "rst", "psh",
					     "ack", "urg", "ece", "cwr"};
	unsigned flags = 0;
	for (const char *at = value; *at && strcmp(value, "none") != 0;) {
		size_t len = strcspn(at, "+|");
		int bit = -1;
		for (int i = 0; i < 8; i++)
			if (len == 3 && !strncasecmp(at, names[i], 3))
				bit = i;
		if (bit < 0)
			return refuse(p, key, value,
				      "give flags with + between, such as syn+ack, or none");
		flags |= 1u << bit;
		at += len + (at[len] != '\0');
	}
	ir_packet_set(p->packet, IR_TCPFLAGS, flags);
	return true;
}

static bool set_state(struct parse *p, const char *key, const char *value)
{
	static const char *const names[] = {"new", "established", "related", "invalid",
					    "untracked"};
	for (unsigned i = 0; i < array_len(names); i++)
		if (!strcasecmp(value, names[i])) {
			ir_packet_set(p->packet, IR_STATE, i);
			p->no_flow = i == IR_STATE_INVALID || i == IR_STATE_UNTRACKED;
			return true;
		}
	return refuse(p, key, value, "give new, established, related, invalid or untracked");
}

static bool set_time(struct parse *p, const char *key, const char *value)
{
	return ir_time_parse(value, &p->packet->time) ||
	       refuse(p, key, value,
		      "give date and time with a zone, such as 2026-03-11T09:00:00Z or ...+09:00");
}

static bool set_icmp(struct parse *p, const char *key, const char *value)
{
	uint64_t n;
	if (!number(value, 255, &n))
		return refuse(p, key, value, "give a number 0..255");
	*(strcmp(key, "icmp-type") ? &p->icmp_code : &p->icmp_type) = (int)n;
	return true;
}

static bool set_direction(struct parse *p, const char *key, const char *value)
{
	p->reply = !strcmp(value, "reply");
	return p->reply || !strcmp(value, "original") ||
	       refuse(p, key, value, "give original or reply");
}

static bool set_rate(struct parse *p, const char *key, const char *value)
{
	p->packet->over_rate = !strcmp(value, "over");
	return p->packet->over_rate || !strcmp(value, "within") ||
	       refuse(p, key, value, "give over or within");
}

static bool set_version(struct parse *p, const char *key, const char *value)
{
	if (strcmp(value, "4") != 0 && strcmp(value, "6") != 0)
		return refuse(p, key, value, "give 4 or 6");
	return set_family(p, key, value, value[0] - '0');
}

static bool set_dimension(struct parse *p, enum ir_dim dim, const char *value)
{
	uint64_t n;
	u128 max = algebra_max(ir_dim_info[dim].bits);
	if (!number(value, max > UINT64_MAX ? UINT64_MAX : (uint64_t)max, &n))
		return refuse(p, ir_dim_info[dim].key, value, ir_dim_info[dim].text);
	ir_packet_set(p->packet, dim, n);
	return true;
}

// The last part of a condition's name will do: "user" for "users/user".
static bool is_opaque(enum ir_opaque_kind kind, const char *key)
{
	const char *name = ir_opaque_info[kind].name, *last = strrchr(name, '/');
	return !strcmp(key, name) || (last && !strcmp(key, last + 1));
}

static bool set_other(struct parse *p, const char *key, const char *value)
{
	for (unsigned i = IR_FAMILY; i < IR_TIME; i++)
		if (!strcmp(ir_dim_info[i].key, key) && ir_dim_info[i].bits <= 64 &&
		    i != IR_ICMP4 && i != IR_ICMP6)
			return set_dimension(p, (enum ir_dim)i, value);
	bool found = false;
	for (unsigned i = 0; i < IR_OPAQUES; i++)
		if (is_opaque((enum ir_opaque_kind)i, key)) {
			vec_push(p->arena, &p->truths->told,
				 (struct told){(enum ir_opaque_kind)i, value});
			found = true;
		}
	if (!found)
		diag_add(p->diags,
			 &(struct diag){
				 .code = DIAG_UNKNOWN_ELEMENT,
				 .hint = "keys: src dst proto sport dport icmp-type icmp-code "
					 "tcp-flags smac "
					 "dmac in out state direction time rate dscp ttl length "
					 "family, and "
					 "the conditions of rules, such as url-category or user"},
			 "packet: there is no '%s'", key);
	return found;
}

static bool set(struct parse *p, const char *key, const char *value)
{
	static const struct {
		const char *key;
		bool (*set)(struct parse *p, const char *key, const char *value);
	} keys[] = {
		{"src", set_address},
		{"dst", set_address},
		{"proto", set_protocol},
		{"smac", set_mac},
		{"dmac", set_mac},
		{"in", set_interface},
		{"out", set_interface},
		{"tcp-flags", set_flags},
		{"state", set_state},
		{"time", set_time},
		{"icmp-type", set_icmp},
		{"icmp-code", set_icmp},
		{"direction", set_direction},
		{"rate", set_rate},
		{"family", set_version},
	};
	for (size_t i = 0; i < array_len(keys); i++)
		if (!strcmp(keys[i].key, key))
			return keys[i].set(p, key, value);
	return set_other(p, key, value);
}

static bool opaque_holds(const struct ir_packet *packet, const struct ir_opaque *opaque,
			 bool *known_out)
{
	const struct truths *truths = packet->context;
	for (size_t i = 0; i < truths->told.len; i++) {
		const struct told *told = &truths->told.at[i];
		if (told->kind != opaque->kind)
			continue;
		*known_out = true;
		if (opaque->name && !strcmp(opaque->name, told->value))
			return true;
		for (size_t k = 0; k < opaque->len; k++)
			if (!strcmp(opaque->value[k], told->value))
				return true;
	}
	return false;
}

static bool complete(struct parse *p)
{
	struct ir_packet *packet = p->packet;
	bool has_proto = packet->has >> IR_PROTO & 1;
	// "icmp" is what people say for both versions.
	if (has_proto && packet->value[IR_PROTO] == 1 && p->family == 6)
		packet->value[IR_PROTO] = 58;
	if (!has_proto && p->icmp_type >= 0 && p->family)
		ir_packet_set(packet, IR_PROTO, p->family == 4 ? 1 : 58);
	if (p->family)
		ir_packet_set(packet, IR_FAMILY, (u128)p->family);
	if (p->icmp_type >= 0) {
		bool icmp = packet->value[IR_PROTO] == 1 || packet->value[IR_PROTO] == 58;
		if (!icmp || !p->family)
			return refuse(p, "icmp-type", "given",
				      "give proto=icmp and addresses or family=4|6 with it");
		ir_packet_set(packet, p->family == 4 ? IR_ICMP4 : IR_ICMP6,
			      (u128)(p->icmp_type * 256 + (p->icmp_code > 0 ? p->icmp_code : 0)));
	}
	return true;
}

static void move(const struct ir_packet *from, enum ir_dim source, struct ir_packet *to,
		 enum ir_dim target)
{
	if (from->has >> source & 1)
		ir_packet_set(to, target, from->value[source]);
}

// The type of the ICMP request that a reply answers; the type itself when it is no reply.
static u128 icmp_request(u128 value)
{
	switch ((unsigned)(value >> 8)) {
	case 0:
		return 8 << 8;
	case 14:
	case 16:
	case 18:
	case 129:
		return value - 256;
	default:
		return value;
	}
}

// The first packet of the flow that this packet answers.
static struct ir_packet *turned_round(const struct ir_packet *reply, struct arena *arena)
{
	struct ir_packet *first = arena_new(arena, struct ir_packet);
	static const enum ir_dim pairs[][2] = {
		{IR_SRC4, IR_DST4}, {IR_SRC6, IR_DST6}, {IR_SPORT, IR_DPORT}};
	for (size_t i = 0; i < array_len(pairs); i++) {
		move(reply, pairs[i][0], first, pairs[i][1]);
		move(reply, pairs[i][1], first, pairs[i][0]);
	}
	move(reply, IR_FAMILY, first, IR_FAMILY);
	move(reply, IR_PROTO, first, IR_PROTO);
	move(reply, IR_ICMP4, first, IR_ICMP4);
	move(reply, IR_ICMP6, first, IR_ICMP6);
	first->value[IR_ICMP4] = icmp_request(first->value[IR_ICMP4]);
	first->value[IR_ICMP6] = icmp_request(first->value[IR_ICMP6]);
	return first;
}

static bool parse_pairs(struct parse *p, const char *text)
{
	bool good = true;
	char *rest = arena_strdup(p->arena, text), *pair;
	while ((pair = strsep(&rest, ","))) {
		char *equals = strchr(pair, '=');
		pair += strspn(pair, " ");
		if (!*pair)
			continue;
		if (!equals) {
			diag_add(p->diags, &(struct diag){.code = DIAG_SYNTAX, .hint = HINT},
				 "packet: '%s' has no '='", pair);
			good = false;
			continue;
		}
		*equals = '\0';
		good &= set(p, pair, equals + 1);
	}
	return good;
}

bool ir_packet_parse(const char *text, int64_t now, struct arena *arena, struct diags *diags,
		     struct ir_packet *out)
{
	struct parse p = {.arena = arena, .diags = diags, .icmp_type = -1, .icmp_code = -1};
	p.packet = out;
	p.truths = arena_new(arena, struct truths);
	*out = (struct ir_packet){.time = now, .opaque_holds = opaque_holds, .context = p.truths};
	if (!parse_pairs(&p, text) || !complete(&p))
		return false;
	out->reply = p.reply;
	if (p.no_flow)
		return true;
	if (!(out->has >> IR_STATE & 1))
		ir_packet_set(out, IR_STATE, p.reply ? IR_STATE_ESTABLISHED : IR_STATE_NEW);
	struct ir_packet *first =
		p.reply ? turned_round(out, arena) : arena_memdup(arena, out, sizeof(*out));
	out->flow = first;
	return true;
}
