// SPDX-License-Identifier: Apache-2.0
// Matches (-m ...): the table iptables_match.def says which options are modelled and how; what is not there, or has a value
// that cannot be modelled, becomes an opaque condition with its text. Each reader follows what the kernel's match does.
#include "import/iptables.h"

#include <string.h>
#include <strings.h>

enum reader_kind {
	UNKNOWN,
	SPORT,
	DPORT,
	SPORTS,
	DPORTS,
	PORTS,
	TCP_FLAGS,
	TCP_SYN,
	TCP_CWR,
	TCP_ECE,
	DCCP_TYPES,
	STATE,
	ICMP4,
	ICMP6,
	SMAC,
	SRC_RANGE,
	DST_RANGE,
	LENGTH,
	TTL_EQ,
	TTL_LT,
	TTL_GT,
	DSCP,
	DSCP_CLASS,
	TOS,
	ECN_ECT,
	COMMENT
};

struct option {
	const char *module, *name;
	int words;
	enum reader_kind kind;
};

// An option as it stands in the rule.
struct match {
	struct ipt_rule *rule;
	struct arena *arena;
	const char *value, *value2;
	bool negated;
};

static const struct option *find_option(const char *module, const char *name)
{
	static const struct option table[] = {
#define X(module, name, words, kind) {module, name, words, kind},
#include "import/iptables_match.def"
#undef X
	};
	for (size_t i = 0; i < array_len(table); i++)
		if (!strcmp(table[i].module, module) && !strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

int import_ipt_option_words(const char *module, const char *option)
{
	const struct option *found = find_option(module, option);
	return found ? found->words : -1;
}

static bool narrow(const struct match *m, enum ir_dim dim, struct algebra_set set)
{
	import_ipt_narrow(m->rule, dim, set, m->negated);
	return true;
}

static bool narrow_range(const struct match *m, enum ir_dim dim, u128 lo, u128 hi)
{
	return narrow(m, dim, algebra_set_one(m->arena, lo, hi));
}

// --- transport ---

static bool read_port(const struct match *m, enum ir_dim dim)
{
	struct algebra_range range;
	return import_ipt_range(m->value, 65535, &range) &&
	       narrow_range(m, dim, range.lo, range.hi);
}

static bool read_ports(const struct match *m, enum ir_dim dim)
{
	struct algebra_set set;
	return import_ipt_numbers(m->value, 65535, m->arena, &set) && narrow(m, dim, set);
}

// Source or destination. Two clauses without a common packet; negated: neither.
static bool read_either_port(const struct match *m)
{
	struct ir_clause by[2] = {{0}, {0}};
	struct algebra_set set;
	if (!import_ipt_numbers(m->value, 65535, m->arena, &set))
		return false;
	if (m->negated) {
		import_ipt_narrow(m->rule, IR_SPORT, set, true);
		return narrow(m, IR_DPORT, set);
	}
	struct algebra_set others = algebra_set_complement(m->arena, set, 65535);
	bool all = !ir_clause_narrow(&by[1], m->arena, IR_SPORT, others);
	(void)!ir_clause_narrow(&by[0], m->arena, IR_SPORT, set);
	if (all) // every source port does
		return narrow(m, IR_SPORT, set);
	(void)!ir_clause_narrow(&by[1], m->arena, IR_DPORT, set);
	return import_ipt_either(m->rule, by, 2);
}

static bool flag_bits(const char *text, struct arena *arena, unsigned *out)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	const char *at = text, *item;
	uint64_t number;
	*out = 0;
	if (import_ipt_number(text, 255, &number)) {
		*out = (unsigned)number;
		return true;
	}
	while ((item = import_ipt_item(&at, arena))) {
		unsigned bit = 0;
		while (bit < 8 && strcasecmp(names[bit], item) != 0)
			bit++;
		if (bit < 8)
			*out |= 1u << bit;
		else if (!strcasecmp(item, "ALL"))
			*out |= 0x3f;
		else if (strcasecmp(item, "NONE") != 0)
			return false;
	}
	return true;
}

// The bits of the mask are as in `wanted`.
static bool narrow_flags(const struct match *m, unsigned mask, unsigned wanted)
{
	struct algebra_builder set = {.arena = m->arena};
	for (unsigned flags = 0; flags < 256; flags++)
		if ((flags & mask) == wanted)
			algebra_builder_add(&set, flags, flags);
	return narrow(m, IR_TCPFLAGS, algebra_builder_take(&set));
}

static bool read_tcp_flags(const struct match *m)
{
	unsigned mask, wanted;
	return flag_bits(m->value, m->arena, &mask) && flag_bits(m->value2, m->arena, &wanted) &&
	       narrow_flags(m, mask, wanted);
}

static bool read_dccp_types(const struct match *m)
{
	static const char *const names[] = {"REQUEST", "RESPONSE", "DATA",   "ACK",
					    "DATAACK", "CLOSEREQ", "CLOSE",  "RESET",
					    "SYNC",    "SYNCACK",  "INVALID"};
	struct algebra_builder set = {.arena = m->arena};
	const char *at = m->value, *item;
	while ((item = import_ipt_item(&at, m->arena))) {
		unsigned type = 0;
		while (type < array_len(names) && strcasecmp(names[type], item) != 0)
			type++;
		if (type == array_len(names))
			return false;
		algebra_builder_add(&set, type, type == 10 ? 15 : type);
	}
	return narrow(m, IR_DCCPTYPE, algebra_builder_take(&set));
}

static bool read_icmp(const struct match *m, bool v6)
{
	struct algebra_set set;
	return import_ipt_icmp(m->value, v6, m->arena, &set) &&
	       narrow(m, v6 ? IR_ICMP6 : IR_ICMP4, set);
}

// --- connection state ---

struct states {
	struct algebra_builder set;
	const char *nat[2]; // SNAT, DNAT as asked for
	size_t nats;
};

static bool add_state(struct states *s, const char *item)
{
	static const struct {
		const char *name;
		unsigned state;
	} names[] = {{"NEW", IR_STATE_NEW},
		     {"ESTABLISHED", IR_STATE_ESTABLISHED},
		     {"RELATED", IR_STATE_RELATED},
		     {"INVALID", IR_STATE_INVALID},
		     {"UNTRACKED", IR_STATE_UNTRACKED}};
	for (size_t i = 0; i < array_len(names); i++)
		if (!strcasecmp(names[i].name, item)) {
			algebra_builder_add(&s->set, names[i].state, names[i].state);
			return true;
		}
	if (s->nats == 2 || (strcasecmp(item, "SNAT") != 0 && strcasecmp(item, "DNAT") != 0))
		return false;
	s->nat[s->nats++] = strcasecmp(item, "SNAT") != 0 ? "--ctstate DNAT" : "--ctstate SNAT";
	return true;
}

// SNAT and DNAT are of the connection, beside its state: any one of the list is enough.
static bool read_state(const struct match *m)
{
	struct states s = {.set.arena = m->arena};
	const char *at = m->value, *item;
	while ((item = import_ipt_item(&at, m->arena)))
		if (!add_state(&s, item))
			return false;
	struct algebra_set set = algebra_builder_take(&s.set);
	const char *text[2] = {NULL, NULL};
	for (size_t i = 0; i < s.nats; i++)
		text[i] = arena_printf(m->arena, "-m %s %s", m->rule->module, s.nat[i]);
	if (s.nats > 1 && !m->negated) // one condition for both
		text[0] = arena_printf(m->arena, "-m %s --ctstate SNAT,DNAT", m->rule->module);
	if (s.nats && !m->negated)
		return import_ipt_or_opaque(m->rule, IR_STATE, set, text[0]);
	for (size_t i = 0; i < s.nats; i++)
		import_ipt_opaque(m->rule, m->rule->module, text[i], true);
	return narrow(m, IR_STATE, set);
}

// --- network and link ---

static bool read_range(const struct match *m, bool source)
{
	bool v6 = m->rule->reader->v6;
	struct algebra_set set;
	enum ir_dim dim = source ? (v6 ? IR_SRC6 : IR_SRC4) : (v6 ? IR_DST6 : IR_DST4);
	return import_ipt_address_range(m->value, v6, m->arena, &set) && narrow(m, dim, set);
}

// The match counts the IPv6 header of 40 bytes, the dimension does not.
static bool read_length(const struct match *m)
{
	struct algebra_range range;
	u128 header = m->rule->reader->v6 ? 40 : 0;
	if (!import_ipt_range(m->value, 65535, &range))
		return false;
	if (range.hi < header)
		return narrow(m, IR_LENGTH, (struct algebra_set){0});
	return narrow_range(m, IR_LENGTH, range.lo < header ? 0 : range.lo - header,
			    range.hi - header);
}

static bool read_ttl(const struct match *m, enum reader_kind kind)
{
	uint64_t ttl;
	if (!import_ipt_number(m->value, 255, &ttl))
		return false;
	bool none = (kind == TTL_LT && !ttl) || (kind == TTL_GT && ttl == 255);
	if (none)
		return narrow(m, IR_TTL, (struct algebra_set){0});
	return narrow_range(m, IR_TTL,
			    kind == TTL_EQ   ? ttl
			    : kind == TTL_LT ? 0
					     : ttl + 1,
			    kind == TTL_EQ   ? ttl
			    : kind == TTL_LT ? ttl - 1
					     : 255);
}

static bool read_dscp(const struct match *m)
{
	uint64_t dscp;
	return import_ipt_number(m->value, 63, &dscp) && narrow_range(m, IR_DSCP, dscp, dscp);
}

// CS0 to CS7, AF11 to AF43, EF, BE (RFC 2474, RFC 2597, RFC 3246).
static bool read_dscp_class(const struct match *m)
{
	const char *v = m->value;
	unsigned dscp;
	if (!strcasecmp(v, "EF"))
		dscp = 46;
	else if (!strcasecmp(v, "BE"))
		dscp = 0;
	else if (!strncasecmp(v, "CS", 2) && v[2] >= '0' && v[2] <= '7' && !v[3])
		dscp = 8u * (unsigned)(v[2] - '0');
	else if (!strncasecmp(v, "AF", 2) && v[2] >= '1' && v[2] <= '4' && v[3] >= '1' &&
		 v[3] <= '3' && !v[4])
		dscp = 8u * (unsigned)(v[2] - '0') + 2u * (unsigned)(v[3] - '0');
	else
		return false;
	return narrow_range(m, IR_DSCP, dscp, dscp);
}

static bool tos_bits(const char *text, struct arena *arena, unsigned *value, unsigned *mask)
{
	static const struct {
		const char *name;
		unsigned value;
	} names[] = {{"Minimize-Delay", 0x10},
		     {"Maximize-Throughput", 0x08},
		     {"Maximize-Reliability", 0x04},
		     {"Minimize-Cost", 0x02},
		     {"Normal-Service", 0x00}};
	uint64_t number, bits = 0xff;
	for (size_t i = 0; i < array_len(names); i++)
		if (!strcasecmp(names[i].name, text)) {
			*value = names[i].value;
			*mask = 0x3f;
			return true;
		}
	const char *slash = strchr(text, '/');
	const char *first =
		arena_strndup(arena, text, slash ? (size_t)(slash - text) : strlen(text));
	if (!import_ipt_number(first, 255, &number) ||
	    (slash && !import_ipt_number(slash + 1, 255, &bits)))
		return false;
	*value = (unsigned)number;
	*mask = (unsigned)bits;
	return true;
}

static struct algebra_set masked(struct arena *arena, unsigned bits, unsigned mask, unsigned value)
{
	struct algebra_builder set = {.arena = arena};
	for (unsigned v = 0; v < 1u << bits; v++)
		if ((v & mask) == value)
			algebra_builder_add(&set, v, v);
	return algebra_builder_take(&set);
}

// The byte is DSCP and ECN: both must fit, or with `!` one of them must not.
static bool read_tos(const struct match *m)
{
	unsigned value, mask;
	if (!tos_bits(m->value, m->arena, &value, &mask))
		return false;
	struct algebra_set dscp = masked(m->arena, 6, mask >> 2, value >> 2);
	struct algebra_set ecn = masked(m->arena, 2, mask & 3, value & 3);
	if (!m->negated) {
		import_ipt_narrow(m->rule, IR_DSCP, dscp, false);
		return narrow(m, IR_ECN, ecn);
	}
	struct ir_clause either[2] = {{0}, {0}};
	size_t n = 0;
	n += ir_clause_narrow(&either[n], m->arena, IR_DSCP,
			      algebra_set_complement(m->arena, dscp, 63));
	either[n] = (struct ir_clause){0};
	n += ir_clause_narrow(&either[n], m->arena, IR_DSCP, dscp) &&
	     ir_clause_narrow(&either[n], m->arena, IR_ECN,
			      algebra_set_complement(m->arena, ecn, 3));
	return import_ipt_either(m->rule, either, n);
}

static bool read_ect(const struct match *m)
{
	uint64_t ect;
	return import_ipt_number(m->value, 3, &ect) && narrow_range(m, IR_ECN, ect, ect);
}

static bool read_mac(const struct match *m)
{
	u128 mac;
	return import_ipt_mac(m->value, &mac) && narrow_range(m, IR_SMAC, mac, mac);
}

// --- dispatch ---

static bool read_match(const struct match *m, enum reader_kind kind)
{
	switch (kind) {
	case SPORT:
		return read_port(m, IR_SPORT);
	case DPORT:
		return read_port(m, IR_DPORT);
	case SPORTS:
		return read_ports(m, IR_SPORT);
	case DPORTS:
		return read_ports(m, IR_DPORT);
	case PORTS:
		return read_either_port(m);
	case TCP_FLAGS:
		return read_tcp_flags(m);
	case TCP_SYN:
		return narrow_flags(m, 0x17, 0x02);
	case TCP_CWR:
		return narrow_flags(m, 0x80, 0x80);
	case TCP_ECE:
		return narrow_flags(m, 0x40, 0x40);
	case DCCP_TYPES:
		return read_dccp_types(m);
	case STATE:
		return read_state(m);
	case ICMP4:
	case ICMP6:
		return read_icmp(m, kind == ICMP6);
	case SMAC:
		return read_mac(m);
	case SRC_RANGE:
	case DST_RANGE:
		return read_range(m, kind == SRC_RANGE);
	case LENGTH:
		return read_length(m);
	case TTL_EQ:
	case TTL_LT:
	case TTL_GT:
		return read_ttl(m, kind);
	case DSCP:
		return read_dscp(m);
	case DSCP_CLASS:
		return read_dscp_class(m);
	case TOS:
		return read_tos(m);
	case ECN_ECT:
		return read_ect(m);
	case COMMENT:
		return true;
	case UNKNOWN:
	default:
		return false;
	}
}

static bool is(const struct ipt_rule *rule, size_t i, const char *text)
{
	return !rule->words.list.at[i].quoted && !strcmp(rule->words.list.at[i].text, text);
}

static bool begins_option(const struct ipt_rule *rule, size_t i)
{
	const struct ipt_word *word = &rule->words.list.at[i];
	return !word->quoted && (!strcmp(word->text, "!") || !strncmp(word->text, "--", 2));
}

static const char *opaque_text(const struct ipt_rule *rule, const char *words)
{
	struct arena *arena = rule->reader->arena;
	const char *space = *words ? " " : "";
	return *rule->module ? arena_printf(arena, "-m %s%s%s", rule->module, space, words) : words;
}

// One option of a module that is not modelled here: with all words up to the next.
static size_t read_unknown(struct ipt_rule *rule, size_t i, size_t to, bool negated)
{
	size_t end = i + 1;
	while (end < to && !begins_option(rule, end))
		end++;
	import_ipt_opaque(rule, rule->module, opaque_text(rule, import_ipt_join(rule, i, end)),
			  negated);
	return end;
}

static size_t read_one(struct ipt_rule *rule, size_t i, size_t to)
{
	bool negated = is(rule, i, "!") && i + 1 < to;
	size_t option = i + negated, value = option + 1;
	const struct option *found = find_option(rule->module, rule->words.list.at[option].text);
	if (!found || rule->words.list.at[option].quoted)
		return read_unknown(rule, option, to, negated);
	if (found->words && value < to && is(rule, value, "!")) { // as old versions print it
		negated = !negated;
		value++;
	}
	size_t end = value + (size_t)found->words;
	if (end > to)
		return read_unknown(rule, option, to, negated);
	struct match m = {.rule = rule, .arena = rule->reader->arena, .negated = negated};
	m.value = found->words ? rule->words.list.at[value].text : NULL;
	m.value2 = found->words > 1 ? rule->words.list.at[value + 1].text : NULL;
	if (!read_match(&m, found->kind)) {
		const char *words =
			arena_printf(m.arena, "%s%s%s", found->name, found->words ? " " : "",
				     import_ipt_join(rule, value, end));
		import_ipt_opaque(rule, rule->module, opaque_text(rule, words), negated);
	}
	return end;
}

// A module that is not modelled is one condition, however many options it has. A `!` before its only option is the
// negation of the same condition without it.
static void read_opaque_module(struct ipt_rule *rule, size_t from, size_t to)
{
	size_t options = 0;
	bool negated = from + 1 < to && is(rule, from, "!");
	for (size_t i = from; i < to; i++)
		options += begins_option(rule, i) && !is(rule, i, "!");
	negated &= options == 1;
	import_ipt_opaque(rule, rule->module,
			  opaque_text(rule, import_ipt_join(rule, from + negated, to)), negated);
}

static bool has_options(const char *module)
{
	static const char *const names[] = {
#define X(module, name, words, kind) module,
#include "import/iptables_match.def"
#undef X
	};
	for (size_t i = 0; i < array_len(names); i++)
		if (!strcmp(names[i], module))
			return true;
	return false;
}

static uint8_t protocol_of(const char *module)
{
	uint8_t protocol = 0;
	bool transport = !strcmp(module, "tcp") || !strcmp(module, "udp") ||
			 !strcmp(module, "udplite") || !strcmp(module, "sctp") ||
			 !strcmp(module, "dccp") || !strcmp(module, "icmp");
	return transport && import_ipt_protocol(module, &protocol) ? protocol : 0;
}

// The one type of address that no routing table decides. With more options than it the module stays opaque.
static bool read_multicast(struct ipt_rule *rule, size_t from, size_t to)
{
	struct algebra_set set;
	bool v6 = rule->reader->v6, negated = from < to && is(rule, from, "!");
	size_t option = from + negated;
	if (to != option + 2 || strcmp(rule->words.list.at[option + 1].text, "MULTICAST") != 0)
		return false;
	bool source = is(rule, option, "--src-type");
	if (!source && !is(rule, option, "--dst-type"))
		return false;
	if (!import_ipt_addresses(v6 ? "ff00::/8" : "224.0.0.0/4", v6, rule->reader->arena, &set))
		return false;
	import_ipt_narrow(rule, source ? (v6 ? IR_SRC6 : IR_SRC4) : (v6 ? IR_DST6 : IR_DST4), set,
			  negated);
	return true;
}

void import_ipt_module_read(struct ipt_rule *rule, size_t from, size_t to)
{
	uint8_t protocol = protocol_of(rule->module);
	if (!strcmp(rule->module, "time") && import_ipt_time_read(rule, from, to))
		return;
	if (!strcmp(rule->module, "addrtype") && read_multicast(rule, from, to))
		return;
	if (!has_options(rule->module)) {
		read_opaque_module(rule, from, to);
		return;
	}
	if (protocol) // the match looks into no other packets
		import_ipt_narrow(rule, IR_PROTO,
				  algebra_set_one(rule->reader->arena, protocol, protocol), false);
	while (from < to)
		from = read_one(rule, from, to);
}
