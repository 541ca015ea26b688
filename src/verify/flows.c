// SPDX-License-Identifier: Apache-2.0
// Records of flow logs as flows: which column is which, what its values mean, and which flows answer others. A log has
// both directions of a connection as two records; the one that comes second is taken for the answer, because a policy
// judges it with its flow. Hashes of the flows tell: 64 bits, so that two of a million are taken for one in fewer than one
// log of ten million.
#include "verify/flow_inner.h"
#include "base/diag.h"
#include "ir/turn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_MOST ((size_t)1 << 24) // slots, 128 MB; half of them are used at the most

// --- names of columns ---

// Names without case, blanks and punctuation; a table a field, each ends with NULL.
static const char *const names[FLOW_FIELDS][24] = {
	[FLOW_SRC] = {"src",
		      "srcip",
		      "sourceip",
		      "sa",
		      "srcaddr",
		      "saddr",
		      "sourceaddr",
		      "sourceaddress",
		      "srcaddress",
		      "srcipaddr",
		      "ipsrc",
		      "src4addr",
		      "src6addr",
		      "sourceipv4address",
		      "sourceipv6address",
		      "ipv4srcaddr",
		      "ipv6srcaddr",
		      "srcipv4",
		      "srcipv6",
		      "idorigh",
		      "clientip"},
	[FLOW_DST] = {"dst",
		      "dstip",
		      "destip",
		      "destinationip",
		      "da",
		      "dstaddr",
		      "daddr",
		      "destaddr",
		      "destinationaddress",
		      "dstaddress",
		      "dstipaddr",
		      "ipdst",
		      "dst4addr",
		      "dst6addr",
		      "destinationipv4address",
		      "destinationipv6address",
		      "ipv4dstaddr",
		      "ipv6dstaddr",
		      "dstipv4",
		      "dstipv6",
		      "idresph",
		      "serverip"},
	[FLOW_PROTO] = {"proto", "protocol", "pr", "prot", "protocolidentifier", "ipproto",
			"ipprotocol", "transport", "networktransport", "l4proto"},
	[FLOW_SPORT] = {"sport", "srcport", "sp", "sourceport", "sourcetransportport", "l4srcport",
			"spt", "idorigp"},
	[FLOW_DPORT] = {"dport", "dstport", "dp", "destport", "destinationport",
			"destinationtransportport", "l4dstport", "dpt", "idrespp"},
	[FLOW_ICMP_TYPE] = {"icmptype", "icmptypeipv4", "icmptypeipv6"},
	[FLOW_ICMP_CODE] = {"icmpcode", "icmpcodeipv4", "icmpcodeipv6"},
	[FLOW_ICMP_BOTH] = {"icmptypecode", "icmptypecodeipv4", "icmptypecodeipv6"},
	[FLOW_TOS] = {"tos", "stos", "srctos", "ipclassofservice"},
	[FLOW_DSCP] = {"dscp", "ipdiffservcodepoint"},
	[FLOW_IN] = {"in", "inif", "iif", "iniface", "ininterface", "inputinterface"},
	[FLOW_OUT] = {"out", "outif", "oif", "outiface", "outinterface", "outputinterface"},
	[FLOW_ACTION] = {"action", "verdict", "act", "disposition", "decision", "eventaction"},
	[FLOW_EVENT] = {"firewallevent"},
	[FLOW_TIME] = {"time", "first", "start", "ts", "timestamp", "tfirst", "firstseen",
		       "starttime", "datefirstseen", "flowstart", "flowstartseconds",
		       "flowstartmilliseconds", "eventstart"},
	[FLOW_PACKETS] = {"packets", "pkts", "packetdeltacount", "packettotalcount", "inpackets",
			  "inpkts", "ipkt", "origpkts", "flowpktstoserver"},
	[FLOW_BYTES] = {"bytes", "octets", "octetdeltacount", "octettotalcount", "inbytes", "ibyt",
			"origbytes", "flowbytestoserver"},
};

int flow_field_find(const char *name, size_t len)
{
	char plain[32];
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		char c = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			continue;
		if (n == sizeof(plain) - 1)
			return -1;
		plain[n++] = c;
	}
	plain[n] = '\0';
	for (int f = 0; f < FLOW_FIELDS; f++)
		for (size_t i = 0; i < array_len(names[f]) && names[f][i]; i++)
			if (!strcmp(plain, names[f][i]))
				return f;
	return -1;
}

// --- values ---

void flow_fault(struct verify_flows *flows, unsigned line, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	if (flows->count.faults++ >= VERIFY_RECORD_FAULTS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(flows->log.diags,
		 &(struct diag){.severity = DIAG_WARNING,
				.code = DIAG_VALUE,
				.file = flows->log.file,
				.line = line,
				.hint = "correct the record; it is left out"},
		 "%s", text);
}

static bool is_absent(const char *text)
{
	return !text || !*text || !strcmp(text, "-");
}

// Digits up to the character `stop` or the end; a fraction is cut off.
static bool number(const char *text, char stop, uint64_t most, uint64_t *out, const char **end_out)
{
	uint64_t n = 0;
	const char *at = text;
	for (; *at >= '0' && *at <= '9' && at - text < 19; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	*out = n;
	*end_out = at;
	return at > text && (!*at || *at == stop) && n <= most;
}

struct record {
	struct verify_flows *flows;
	const struct flow_record *text;
	struct verify_flow *flow;
};

static bool fault(const struct record *r, enum flow_field field)
{
	flow_fault(r->flows, r->text->line, "'%.60s' is not a value of '%s'", r->text->value[field],
		   names[field][0]);
	return false;
}

// A whole number of a field, `otherwise` when it is absent.
static bool get(const struct record *r, enum flow_field field, uint64_t most, uint64_t otherwise,
		uint64_t *out)
{
	const char *text = r->text->value[field], *end;
	*out = otherwise;
	if (is_absent(text) || number(text, '.', most, out, &end))
		return true;
	return fault(r, field);
}

static bool put_address(const struct record *r, enum flow_field field, int *family)
{
	int this;
	u128 value;
	bool source = field == FLOW_SRC;
	if (!ir_address_parse(r->text->value[field], &this, &value))
		return fault(r, field);
	if (*family && *family != this) {
		flow_fault(r->flows, r->text->line,
			   "source and destination are of different IP "
			   "versions");
		return false;
	}
	*family = this;
	ir_packet_set(&r->flow->packet,
		      this == 4 ? (source ? IR_SRC4 : IR_DST4) : (source ? IR_SRC6 : IR_DST6),
		      value);
	return true;
}

static bool put_addresses(const struct record *r)
{
	struct ir_packet *packet = &r->flow->packet;
	int family = 0;
	if (!put_address(r, FLOW_SRC, &family) || !put_address(r, FLOW_DST, &family))
		return false;
	ir_packet_set(packet, IR_FAMILY, (u128)family);
	ir_packet_set(packet, IR_ETHERTYPE, family == 4 ? 0x0800 : 0x86dd);
	if (family == 4)
		ir_packet_set(packet, IR_FRAGOFF, 0);
	return true;
}

static bool put_protocol(const struct record *r)
{
	const char *text = r->text->value[FLOW_PROTO];
	char lower[16];
	uint8_t protocol;
	uint64_t n;
	size_t len = is_absent(text) ? 0 : strlen(text);
	if (!len)
		return true;
	if (*text >= '0' && *text <= '9') {
		if (!get(r, FLOW_PROTO, 255, 0, &n))
			return false;
		protocol = (uint8_t)n;
	} else {
		for (size_t i = 0; i <= len && i < sizeof(lower); i++)
			lower[i] =
				text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
		if (!strcmp(lower, "icmp6") || !strcmp(lower, "ipv6-icmp"))
			memcpy(lower, "icmpv6", 7);
		if (len >= sizeof(lower) || !ir_protocol_parse(lower, &protocol))
			return fault(r, FLOW_PROTO);
	}
	if (protocol == 1 && r->flow->packet.value[IR_FAMILY] == 6)
		protocol = 58;
	ir_packet_set(&r->flow->packet, IR_PROTO, protocol);
	return true;
}

// Type and code; collectors put them into the destination port, as type * 256 + code or "type.code".
static bool put_icmp(const struct record *r)
{
	struct ir_packet *packet = &r->flow->packet;
	enum flow_field both =
		is_absent(r->text->value[FLOW_ICMP_BOTH]) ? FLOW_DPORT : FLOW_ICMP_BOTH;
	const char *text = r->text->value[both], *end;
	uint64_t type, code;
	if (is_absent(r->text->value[FLOW_ICMP_TYPE]) && is_absent(text))
		return true;
	if (!is_absent(r->text->value[FLOW_ICMP_TYPE])) {
		if (!get(r, FLOW_ICMP_TYPE, 255, 0, &type) ||
		    !get(r, FLOW_ICMP_CODE, 255, 0, &code))
			return false;
		code += type * 256;
	} else if (!number(text, '.', 65535, &code, &end)) {
		return fault(r, both);
	} else if (*end == '.') {
		type = code;
		if (type > 255 || !number(end + 1, '\0', 255, &code, &end))
			return fault(r, both);
		code += type * 256;
	}
	ir_packet_set(packet, packet->value[IR_FAMILY] == 4 ? IR_ICMP4 : IR_ICMP6, code);
	return true;
}

static bool has_ports(const struct ir_packet *packet)
{
	return !(packet->has >> IR_PROTO & 1) ||
	       ir_dim_is_of(IR_SPORT, (unsigned)packet->value[IR_PROTO]);
}

static bool put_transport(const struct record *r)
{
	struct ir_packet *packet = &r->flow->packet;
	uint64_t port;
	if (packet->value[IR_PROTO] == 1 || packet->value[IR_PROTO] == 58)
		return put_icmp(r);
	if (!has_ports(packet))
		return true;
	static const struct {
		enum flow_field field;
		enum ir_dim dim;
	} ports[] = {{FLOW_SPORT, IR_SPORT}, {FLOW_DPORT, IR_DPORT}};
	for (size_t i = 0; i < array_len(ports); i++) {
		if (is_absent(r->text->value[ports[i].field]))
			continue;
		if (!get(r, ports[i].field, 65535, 0, &port))
			return false;
		ir_packet_set(packet, ports[i].dim, port);
	}
	return true;
}

// Names only: collectors number interfaces as they like.
static void put_interface(const struct record *r, enum flow_field field, enum ir_dim dim)
{
	const char *text = r->text->value[field];
	size_t len = is_absent(text) ? 0 : strlen(text);
	u128 v = 0;
	if (!len || len > 15 || strspn(text, "0123456789") == len)
		return;
	for (size_t i = 0; i < 16; i++)
		v = v << 8 | (i < len ? (unsigned char)text[i] : 0);
	ir_packet_set(&r->flow->packet, dim, v);
}

static bool put_others(const struct record *r)
{
	uint64_t tos, dscp;
	if (!get(r, FLOW_TOS, 255, 256, &tos) || !get(r, FLOW_DSCP, 63, 64, &dscp) ||
	    !get(r, FLOW_PACKETS, UINT64_MAX, 0, &r->flow->packets) ||
	    !get(r, FLOW_BYTES, UINT64_MAX, 0, &r->flow->bytes))
		return false;
	if (tos < 256)
		ir_packet_set(&r->flow->packet, IR_DSCP, tos >> 2);
	if (dscp < 64)
		ir_packet_set(&r->flow->packet, IR_DSCP, dscp);
	put_interface(r, FLOW_IN, IR_IN);
	put_interface(r, FLOW_OUT, IR_OUT);
	return true;
}

// Seconds or milliseconds since 1970, or a date and time; without a zone it is UTC.
static bool put_time(const struct record *r)
{
	const char *text = r->text->value[FLOW_TIME], *end;
	int64_t *out = &r->flow->packet.time;
	uint64_t n;
	char zoned[40];
	if (is_absent(text))
		return true;
	if (number(text, '.', (uint64_t)INT64_MAX, &n, &end)) {
		*out = n >= 100000000000 ? (int64_t)(n / 1000) : (int64_t)n;
		return true;
	}
	if (ir_time_parse(text, out))
		return true;
	size_t len = strlen(text);
	if (len > sizeof(zoned) - 2)
		return fault(r, FLOW_TIME);
	memcpy(zoned, text, len);
	memcpy(zoned + len, "Z", 2);
	return ir_time_parse(zoned, out) || fault(r, FLOW_TIME);
}

static void put_action(const struct record *r)
{
	static const char *const passed[] = {"accept", "accepted", "allow",     "allowed", "pass",
					     "passed", "permit",   "permitted", "built"};
	static const char *const blocked[] = {"drop",    "dropped", "deny",     "denied", "block",
					      "blocked", "reject",  "rejected", "discard"};
	const char *text = r->text->value[FLOW_ACTION], *event = r->text->value[FLOW_EVENT];
	if (!is_absent(event))
		r->flow->action = !strcmp(event, "3") ? IR_DROP : IR_PASS;
	for (size_t i = 0; text && i < array_len(passed); i++)
		if (!strcasecmp(text, passed[i]))
			r->flow->action = IR_PASS;
	for (size_t i = 0; text && i < array_len(blocked); i++)
		if (!strcasecmp(text, blocked[i]))
			r->flow->action = IR_DROP;
}

// --- answers ---

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

static uint64_t tuple_hash(const struct ir_packet *packet)
{
	uint64_t hash = 1;
	for (unsigned i = 0; i <= IR_ICMP6; i++)
		if (packet->has >> i & 1) {
			hash = mix(hash, i + 1);
			hash = mix(hash, (uint64_t)packet->value[i]);
			hash = mix(hash, (uint64_t)(packet->value[i] >> 64));
		}
	return hash ? hash : 1;
}

// The slot of the hash, or the free one where it would be.
static uint64_t *seen_slot(uint64_t *seen, size_t cap, uint64_t hash)
{
	size_t at = (size_t)mix(hash, 7) & (cap - 1);
	while (seen[at] && seen[at] != hash)
		at = (at + 1) & (cap - 1);
	return &seen[at];
}

static void seen_add(struct verify_flows *flows, uint64_t hash)
{
	if (flows->seen_len * 2 >= flows->seen_cap && flows->seen_cap < SEEN_MOST) {
		size_t cap = flows->seen_cap ? flows->seen_cap * 2 : 1024;
		uint64_t *seen = base_oom(calloc(cap, sizeof(*seen)));
		for (size_t i = 0; i < flows->seen_cap; i++)
			if (flows->seen[i])
				*seen_slot(seen, cap, flows->seen[i]) = flows->seen[i];
		free(flows->seen);
		flows->seen = seen;
		flows->seen_cap = cap;
	}
	if (flows->seen_len * 2 >= flows->seen_cap)
		return;
	uint64_t *slot = seen_slot(flows->seen, flows->seen_cap, hash);
	flows->seen_len += !*slot;
	*slot = hash;
}

// An answer is a record whose turned tuple was there before; ICMP answers have types of their own.
static bool is_answer(struct verify_flows *flows, const struct ir_packet *packet,
		      struct ir_packet *first_out)
{
	ir_packet_turn(packet, first_out);
	for (unsigned dim = IR_ICMP4; dim <= IR_ICMP6; dim++)
		if ((packet->has >> dim & 1) && packet->value[dim] == first_out->value[dim])
			return false;
	uint64_t hash = tuple_hash(first_out);
	return flows->seen_cap && *seen_slot(flows->seen, flows->seen_cap, hash) == hash;
}

enum { SYN = 2, SYN_ACK = 18 };

static void settle(struct verify_flows *flows, struct verify_flow *flow, struct ir_packet *first)
{
	struct ir_packet *packet = &flow->packet;
	bool answer = is_answer(flows, packet, first);
	if (!answer)
		seen_add(flows, tuple_hash(packet));
	ir_packet_set(packet, IR_STATE, answer ? IR_STATE_ESTABLISHED : IR_STATE_NEW);
	if (packet->value[IR_PROTO] == 6)
		ir_packet_set(packet, IR_TCPFLAGS, answer ? SYN_ACK : SYN);
	packet->reply = answer;
	packet->flow = answer ? first : packet;
	flows->count.replies += answer;
}

bool flow_record_take(struct verify_flows *flows, const struct flow_record *record)
{
	static const struct ir_truths nothing_holds = {.all_known = true};
	struct verify_flow flow = {.packet = {.time = flows->log.now,
					      .opaque_holds = ir_truths_hold,
					      .context = (void *)&nothing_holds},
				   .line = record->line};
	struct ir_packet first;
	struct record r = {flows, record, &flow};
	if (is_absent(record->value[FLOW_SRC]) || is_absent(record->value[FLOW_DST])) {
		flows->count.skipped++;
		return true;
	}
	if (!put_addresses(&r) || !put_protocol(&r) || !put_transport(&r) || !put_others(&r) ||
	    !put_time(&r))
		return true;
	put_action(&r);
	settle(flows, &flow, &first);
	flows->count.flows++;
	flows->count.has |= flow.packet.has;
	flows->count.actions |= flow.action != IR_NONE;
	flows->ended = !flows->log.found(flows->log.user, &flow);
	return !flows->ended;
}

// --- the reader ---

struct verify_flows *verify_flows_new(const struct verify_flow_log *log)
{
	struct verify_flows *flows = base_oom(calloc(1, sizeof(*flows)));
	flows->log = *log;
	flows->line = 1;
	buf_init(&flows->pending);
	return flows;
}

bool verify_flows_feed(struct verify_flows *flows, const char *data, size_t len)
{
	return !flows->ended && flow_text_feed(flows, data, len);
}

bool verify_flows_end(struct verify_flows *flows, struct verify_flow_count *out)
{
	bool good = flows->ended || flow_text_end(flows);
	*out = flows->count;
	return good;
}

void verify_flows_free(struct verify_flows *flows)
{
	if (!flows)
		return;
	buf_fini(&flows->pending);
	free(flows->seen);
	free(flows);
}
