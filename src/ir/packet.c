// SPDX-License-Identifier: Apache-2.0
// The packet of `bulwark query`: "src=192.0.2.1,dst=198.51.100.7,proto=tcp,dport=22", both ways. Headers are those of
// keys.c; conditions that are not about headers are told by their names ("url-category=sns-websites"). What a person leaves
// out is completed as it would be for real: the IP version, the state, the flow. The printer says what the reader would
// not complete so, and nothing else.
#include "ir/keys.h"
#include "ir/turn.h"
#include "base/buf.h"
#include "base/diag.h"

#include <string.h>

#define FIRST "first-" // before keys of the flow's first packet, where it is not the obvious one

// A packet being read: the one asked about, or the first of its flow.
struct side {
	struct ir_packet *packet;
	int family;               // 0 while unknown
	int icmp_type, icmp_code; // -1 while unknown
	bool icmp_word;           // the protocol is "icmp", as people say for both versions
};

struct parse {
	struct ir_reader reader;
	struct side side, first;
	struct ir_truths *truths;
	bool reply, has_first, no_state, exceeded;
	enum { FLOW_BY_STATE, FLOW_KNOWN, FLOW_NONE } flow;
};

static bool duplicate(struct parse *p, const char *key)
{
	diag_add(p->reader.diags,
		 &(struct diag){.code = DIAG_DUPLICATE, .hint = "a packet has one value of it"},
		 "packet: '%s' is given twice", key);
	return false;
}

static bool set_family(struct parse *p, struct side *side, const char *key, const char *value,
		       int family)
{
	if (side->family && side->family != family) {
		diag_add(p->reader.diags,
			 &(struct diag){.code = DIAG_CONFLICT,
					.hint = "give source and destination of one IP version"},
			 "packet: '%s=%s' is of another IP version than what stands before it", key,
			 value);
		return false;
	}
	side->family = family;
	return true;
}

static bool set_icmp(struct parse *p, struct side *side, const char *key, u128 value)
{
	int *to = strcmp(key, "icmp-type") ? &side->icmp_code : &side->icmp_type;
	if (*to >= 0)
		return duplicate(p, key);
	*to = (int)value;
	return true;
}

static bool set_header(struct parse *p, struct side *side, const struct ir_key *key,
		       struct ir_item item)
{
	enum ir_dim dim;
	struct algebra_set set;
	if (!ir_key_read(key, &item, p->reader.arena, &dim, &set))
		return ir_refuse_value(&p->reader, key->name, item.text, key->hint);
	if (set.len != 1 || set.at[0].lo != set.at[0].hi)
		return ir_refuse_value(&p->reader, key->name, item.text,
				       "a packet has one value: no prefix, range or *");
	u128 value = set.at[0].lo;
	if (dim == IR_DIMS)
		return set_icmp(p, side, key->name, value);
	if (dim == IR_FAMILY)
		return set_family(p, side, key->name, item.text, (int)value);
	if (side->packet->has >> dim & 1)
		return duplicate(p, key->name);
	ir_packet_set(side->packet, dim, value);
	side->icmp_word |= dim == IR_PROTO && !strcmp(item.text, "icmp");
	return key->dim6 == IR_DIMS ||
	       set_family(p, side, key->name, item.text, ir_dim_info[dim].bits == 32 ? 4 : 6);
}

static bool set_time(struct parse *p, const char *key, const char *value)
{
	return ir_time_parse(value, &p->side.packet->time) ||
	       ir_refuse_value(
		       &p->reader, key, value,
		       "give date and time with a zone, such as 2026-03-11T09:00:00Z or ...+09:00");
}

static bool set_direction(struct parse *p, const char *key, const char *value)
{
	p->reply = !strcmp(value, "reply");
	return p->reply || !strcmp(value, "original") ||
	       ir_refuse_value(&p->reader, key, value, "give original or reply");
}

// "over", "within", or the name of the rule whose rate is exceeded.
static bool set_rate(struct parse *p, const char *key, const char *value)
{
	p->side.packet->over_rate = !strcmp(value, "over");
	return p->side.packet->over_rate || !strcmp(value, "within") ||
	       ir_refuse_value(&p->reader, key, value, "give over or within");
}

static bool set_exceeded(struct parse *p, const char *key, const char *value)
{
	(void)key;
	vec_push(p->reader.arena, &p->truths->over, value);
	p->exceeded = true;
	return true;
}

static bool set_flow(struct parse *p, const char *key, const char *value)
{
	p->flow = !strcmp(value, "no") ? FLOW_NONE : FLOW_KNOWN;
	return p->flow == FLOW_NONE || !strcmp(value, "yes") ||
	       ir_refuse_value(&p->reader, key, value,
			       "give yes, or no for a packet that belongs to no known flow");
}

static bool set_others(struct parse *p, const char *key, const char *value)
{
	p->truths->all_known = !strcmp(value, "no");
	return p->truths->all_known || !strcmp(value, "unknown") ||
	       ir_refuse_value(&p->reader, key, value,
			       "give no when conditions that are not told do not hold, else "
			       "unknown");
}

static bool set_told(struct parse *p, const char *key, const char *value)
{
	uint32_t kinds = ir_opaque_kinds(key);
	for (unsigned i = 0; i < IR_OPAQUES; i++)
		if (kinds >> i & 1)
			vec_push(p->reader.arena, &p->truths->told,
				 (struct ir_told){(enum ir_opaque_kind)i, value});
	if (!kinds)
		diag_add(p->reader.diags,
			 &(struct diag){
				 .code = DIAG_UNKNOWN_ELEMENT,
				 .hint = "keys: src dst proto sport dport icmp-type icmp-code "
					 "tcp-flags smac "
					 "dmac in out state direction time rate dscp ttl length "
					 "family, and "
					 "the conditions of rules, such as url-category or user"},
			 "packet: there is no '%s'", key);
	return kinds != 0;
}

static bool set_other(struct parse *p, const char *key, const char *value)
{
	static const struct {
		const char *key;
		bool (*set)(struct parse *p, const char *key, const char *value);
	} keys[] = {{"time", set_time}, {"direction", set_direction}, {"rate", set_rate},
		    {"flow", set_flow}, {"rate-of", set_exceeded},    {"others", set_others}};
	for (size_t i = 0; i < array_len(keys); i++)
		if (!strcmp(keys[i].key, key))
			return keys[i].set(p, key, value);
	return set_told(p, key, value);
}

static bool set(struct parse *p, const struct ir_pair *pair)
{
	struct ir_item item;
	struct ir_key key;
	char *rest = pair->value;
	if (pair->negated || !ir_item_cut(&rest, true, &item))
		return ir_refuse_value(&p->reader, pair->key, pair->value,
				       pair->negated ? "a packet has one value: write ="
						     : "end the value with a quote");
	if (!strcmp(pair->key, "state") && !strcmp(item.text, "none")) {
		p->no_state = true;
		return true;
	}
	bool first = !strncmp(pair->key, FIRST, strlen(FIRST));
	bool header = ir_key_find(pair->key + (first ? strlen(FIRST) : 0), &key);
	if (header && !first)
		return set_header(p, &p->side, &key, item);
	if (header && (key.dim == IR_DIMS || ir_dim_info[key.dim].kind == IR_KIND_TUPLE)) {
		p->has_first = true;
		return set_header(p, &p->first, &key, item);
	}
	return set_other(p, pair->key, item.text);
}

static bool complete(struct parse *p, struct side *side)
{
	struct ir_packet *packet = side->packet;
	bool has_proto = packet->has >> IR_PROTO & 1;
	if (side->icmp_word && side->family == 6)
		packet->value[IR_PROTO] = 58;
	if (!has_proto && side->icmp_type >= 0 && side->family)
		ir_packet_set(packet, IR_PROTO, side->family == 4 ? 1 : 58);
	if (side->family)
		ir_packet_set(packet, IR_FAMILY, (u128)side->family);
	if (side->icmp_type < 0)
		return side->icmp_code < 0 ||
		       ir_refuse_value(&p->reader, "icmp-code", "given", "give icmp-type with it");
	bool icmp = packet->value[IR_PROTO] == 1 || packet->value[IR_PROTO] == 58;
	if (!icmp || !side->family)
		return ir_refuse_value(&p->reader, "icmp-type", "given",
				       "give proto=icmp and addresses or family=4|6 with it");
	ir_packet_set(packet, side->family == 4 ? IR_ICMP4 : IR_ICMP6,
		      (u128)(side->icmp_type * 256 + (side->icmp_code > 0 ? side->icmp_code : 0)));
	return true;
}

static bool parse_pairs(struct parse *p, const char *text)
{
	bool good = true;
	char *rest = arena_strdup(p->reader.arena, text);
	while (rest) {
		struct ir_pair pair;
		ir_pair_cut(&p->reader, &rest, &pair);
		if (pair.key)
			good &= pair.value && set(p, &pair);
	}
	return good;
}

// Packets of these states belong to no flow.
static bool state_without_flow(const struct ir_packet *packet)
{
	u128 state = packet->value[IR_STATE];
	return (packet->has >> IR_STATE & 1) &&
	       (state == IR_STATE_INVALID || state == IR_STATE_UNTRACKED);
}

static void complete_flow(struct parse *p, struct ir_packet *packet)
{
	bool none = p->flow == FLOW_NONE ||
		    (p->flow == FLOW_BY_STATE && !p->has_first && state_without_flow(packet));
	if (!(packet->has >> IR_STATE & 1) && !p->no_state && !none)
		ir_packet_set(packet, IR_STATE, p->reply ? IR_STATE_ESTABLISHED : IR_STATE_NEW);
	if (none)
		return;
	if (!p->has_first && p->reply)
		ir_packet_turn(packet, p->first.packet);
	else if (!p->has_first)
		*p->first.packet = *packet;
	packet->flow = p->first.packet;
}

bool ir_packet_parse(const char *text, int64_t now, struct arena *arena, struct diags *diags,
		     struct ir_packet *out)
{
	struct parse p = {.reader = {arena, diags, "packet"},
			  .side = {.packet = out, .icmp_type = -1, .icmp_code = -1},
			  .first = {.icmp_type = -1, .icmp_code = -1},
			  .truths = arena_new(arena, struct ir_truths)};
	p.first.packet = arena_new(arena, struct ir_packet);
	*out = (struct ir_packet){.time = now, .opaque_holds = ir_truths_hold, .context = p.truths};
	if (!parse_pairs(&p, text) || !complete(&p, &p.side) || !complete(&p, &p.first))
		return false;
	out->reply = p.reply;
	if (p.exceeded)
		out->rate_exceeded = ir_truths_exceeded;
	complete_flow(&p, out);
	return true;
}

// --- printing ---

struct printer {
	struct buf *out;
	bool comma;
};

static void begin(struct printer *p, const char *prefix, const char *key)
{
	buf_printf(p->out, "%s%s%s=", p->comma ? "," : "", prefix, key);
	p->comma = true;
}

static void pair(struct printer *p, const char *key, const char *value)
{
	begin(p, "", key);
	ir_item_print(value, strlen(value), p->out);
}

static void print_interface(struct printer *p, u128 value)
{
	char name[16];
	size_t len = 0;
	for (size_t i = 0; i < 16; i++) {
		name[i] = (char)(value >> (8 * (15 - i)));
		len = name[i] ? i + 1 : len;
	}
	ir_item_print(name, len, p->out);
}

static void print_icmp(struct printer *p, const char *prefix, u128 value)
{
	begin(p, prefix, "icmp-type");
	buf_printf(p->out, "%u", (unsigned)value >> 8);
	if (!(value & 255))
		return;
	begin(p, prefix, "icmp-code");
	buf_printf(p->out, "%u", (unsigned)value & 255);
}

static void print_dim(struct printer *p, const char *prefix, const struct ir_packet *packet,
		      enum ir_dim dim)
{
	static const char *const names[IR_DIMS] = {
		[IR_SRC4] = "src", [IR_SRC6] = "src", [IR_DST4] = "dst", [IR_DST6] = "dst"};
	bool addressed = packet->has & ((uint64_t)1 << IR_SRC4 | (uint64_t)1 << IR_SRC6 |
					(uint64_t)1 << IR_DST4 | (uint64_t)1 << IR_DST6);
	u128 value = packet->value[dim];
	if (dim == IR_FAMILY && addressed)
		return; // the addresses say it
	if (dim == IR_ICMP4 || dim == IR_ICMP6) {
		print_icmp(p, prefix, value);
		return;
	}
	begin(p, prefix, names[dim] ? names[dim] : ir_dim_info[dim].key);
	if (dim == IR_IN || dim == IR_OUT)
		print_interface(p, value);
	else if (dim == IR_FAMILY || (dim == IR_PROTO && value == 1 &&
				      packet->value[IR_FAMILY] == 6)) // "icmp" would be ICMPv6
		buf_printf(p->out, "%u", (unsigned)value);
	else
		ir_value_print(dim, value, p->out);
}

static void print_headers(struct printer *p, const char *prefix, const struct ir_packet *packet,
			  enum ir_dim last)
{
	u128 usual = packet->reply ? IR_STATE_ESTABLISHED : IR_STATE_NEW;
	for (unsigned i = 0; i <= last; i++)
		if ((packet->has >> i & 1) &&
		    (i != IR_STATE || packet->value[i] != usual || !packet->flow))
			print_dim(p, prefix, packet, (enum ir_dim)i);
}

static bool same_tuple(const struct ir_packet *a, const struct ir_packet *b)
{
	for (unsigned i = 0; i <= IR_ICMP6; i++)
		if ((a->has >> i & 1) != (b->has >> i & 1) ||
		    ((a->has >> i & 1) && a->value[i] != b->value[i]))
			return false;
	return true;
}

static void print_flow(struct printer *p, const struct ir_packet *packet)
{
	struct ir_packet usual = *packet;
	bool stateless = state_without_flow(packet);
	if (!packet->flow && !stateless)
		pair(p, "flow", "no");
	if (!packet->flow)
		return;
	if (packet->reply)
		ir_packet_turn(packet, &usual);
	bool obvious = same_tuple(&usual, packet->flow);
	if (!obvious)
		print_headers(p, FIRST, packet->flow, IR_ICMP6);
	if (stateless && obvious)
		pair(p, "flow", "yes");
}

static void print_truths(struct printer *p, const struct ir_packet *packet)
{
	const struct ir_truths *truths = packet->context;
	if (packet->over_rate)
		pair(p, "rate", "over");
	if (packet->rate_exceeded == ir_truths_exceeded) {
		for (size_t i = 0; i < truths->exceeded.len; i++)
			pair(p, "rate-of", truths->exceeded.at[i]->name);
		for (size_t i = 0; i < truths->over.len; i++)
			pair(p, "rate-of", truths->over.at[i]);
	}
	if (packet->opaque_holds != ir_truths_hold)
		return;
	for (size_t i = 0; i < truths->told.len; i++)
		pair(p, ir_opaque_info[truths->told.at[i].kind].name, truths->told.at[i].value);
	if (truths->all_known)
		pair(p, "others", "no");
}

void ir_packet_print(const struct ir_packet *packet, struct buf *out)
{
	struct printer p = {.out = out};
	char time[32];
	print_headers(&p, "", packet, IR_DCCPSERVICE);
	if (!(packet->has >> IR_STATE & 1) && packet->flow)
		pair(&p, "state", "none");
	if (packet->reply)
		pair(&p, "direction", "reply");
	print_flow(&p, packet);
	if (packet->time != IR_TIME_UNSAID) {
		ir_time_print(packet->time, time);
		pair(&p, "time", time);
	}
	print_truths(&p, packet);
}
