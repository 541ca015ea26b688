// SPDX-License-Identifier: Apache-2.0
// Values come from a few anchors, so that conditions overlap; packets take the edges of conditions and
// their neighbours. Everything depends on the generator's seed only.
#include "backend/nft/test_policy.h"
#include "backend/nft/test_net.h"

#include <string.h>

#define RULES_MOST 12
#define HOSTS_MOST 40 // rules that ask for hosts
#define ABOUT_ONE_MOST 30
#define CLAUSES_MOST 3
#define HUGE_RATE 100000000u // never reached here
#define DAY 86400

struct making {
	struct test_random *random;
	struct arena *arena;
	int64_t now;
	bool tracked;
	bool plain; // addresses, protocols and ports only; passed or dropped
	bool about_one;
	enum ir_dim about; // then every rule asks this, so that a tree can tell them apart by it
	unsigned
		hosts; // rules ask for hosts and small networks of this version of IP; 0: for anything
};

static uint32_t below(struct making *m, uint32_t n)
{
	return test_random_below(m->random, n);
}

static bool chance(struct making *m, unsigned percent)
{
	return test_random_chance(m->random, percent);
}

static const uint8_t protocols[] = {6, 6, 6, 17, 17, 17, 1, 132, 136, 33, 50, 99};

static u128 v6(uint64_t high, uint64_t low)
{
	return (u128)high << 64 | low;
}

static u128 name_value(const char *text, uint8_t fill)
{
	u128 v = 0;
	for (size_t i = 0, len = strlen(text); i < 16; i++)
		v = v << 8 | (i < len ? (uint8_t)text[i] : fill);
	return v;
}

// A value that rules and packets share.
static u128 anchor(struct making *m, enum ir_dim dim)
{
	static const uint32_t src4[] = {0x01020304, 0x0a010000, 0x0a0100ff, 0x7d000000, 0x00000000},
			      dst4[] = {0x80000001, 0xc0000200, 0xc6336407, 0xdfffffff, 0xffffffff};
	static const uint16_t ports[] = {0, 22, 53, 80, 443, 1023, 1024, 8080, 65534, 65535};
	static const uint8_t icmp4[] = {0, 3, 8, 13, 255}, icmp6[] = {1, 128, 129, 255},
			     flags[] = {0, 2, 16, 18, 24, 17, 255};
	static const uint8_t ttls[] = {2, 3, 63, 64, 65, 128, 255};
	const uint64_t side = dim == IR_DST6 ? 0x3000u : 0x2000u;
	switch ((int)dim) {
	case IR_SRC4:
	case IR_DST4:
		return below(m, 2) ? src4[below(m, array_len(src4))]
				   : dst4[below(m, array_len(dst4))];
	case IR_SRC6:
	case IR_DST6:
		return below(m, 6) == 0 ? (below(m, 2) ? algebra_max(128) : 0)
					: v6((side << 48) + (below(m, 2) ? 0xdb800000000u : 0),
					     below(m, 2) ? below(m, 3) : UINT64_MAX - below(m, 3));
	case IR_SPORT:
	case IR_DPORT:
		return ports[below(m, array_len(ports))];
	case IR_ICMP4:
		return icmp4[below(m, array_len(icmp4))] * 256u + below(m, 2) * 255u * below(m, 2);
	case IR_ICMP6:
		return icmp6[below(m, array_len(icmp6))] * 256u + below(m, 2) * 255u * below(m, 2);
	case IR_TCPFLAGS:
		return flags[below(m, array_len(flags))];
	case IR_TTL:
		return ttls[below(m, array_len(ttls))];
	case IR_LENGTH:
		return 20 + below(m, 80);
	case IR_UDPLEN:
		return below(m, 3) ? 20 + below(m, 40) : 0;
	case IR_ETHERTYPE:
		return below(m, 2) ? 0x0800 : 0x86dd;
	case IR_SMAC:
	case IR_DMAC:
		return 0x020000000000u + (below(m, 2) ? 0x0a : below(m, 4));
	case IR_IHL:
	case IR_TCPOFFSET:
		return 5 + below(m, 2);
	case IR_SCTPCHUNK:
	case IR_DCCPTYPE:
		return below(m, 3);
	case IR_HOUR:
		return (u128)(m->now % DAY + below(m, 4000)) % DAY;
	case IR_TIME:
		return (u128)(m->now + (int64_t)below(m, 8000) - 4000);
	default: {
		u128 max = algebra_max(ir_dim_info[dim].bits);
		unsigned which = below(m, 4);
		return which == 0   ? 0
		       : which == 1 ? max
				    : test_random_next(m->random) % ((uint64_t)max + 1);
	}
	}
}

static u128 limit(enum ir_dim dim)
{
	return dim == IR_HOUR    ? DAY - 1
	       : dim == IR_WDAY  ? 6
	       : dim == IR_STATE ? 4
				 : algebra_max(ir_dim_info[dim].bits);
}

// --- sets ---

static void add_range(struct making *m, enum ir_dim dim, struct algebra_builder *b)
{
	u128 max = limit(dim), at = anchor(m, dim), span = 0;
	at = at > max ? max : at;
	unsigned bits = ir_dim_info[dim].bits;
	switch (below(m, 4)) {
	case 0:
		break;
	case 1: // a prefix
		span = ((u128)1 << below(m, bits)) - 1;
		at &= ~span;
		break;
	case 2:
		span = below(m, 300);
		break;
	default: // to the other end
		algebra_builder_add(b, below(m, 2) ? 0 : at, at);
		return;
	}
	algebra_builder_add(b, at, max - at < span ? max : at + span);
}

static struct algebra_set windows(struct making *m, enum ir_dim dim)
{
	struct algebra_builder b = {.arena = m->arena};
	int64_t at = dim == IR_TIME ? m->now : m->now % DAY,
		end = dim == IR_TIME ? INT64_MAX : DAY - 1;
	int64_t from = at - 1000 + (int64_t)below(m, 2) * 1200,
		to = from + 200 + (int64_t)below(m, 2000);
	from = from < 0 ? 0 : from > end ? end : from;
	to = to > end ? end : to < from ? from : to;
	algebra_builder_add(&b, (u128)from, (u128)to);
	if (chance(m, 30))
		add_range(m, dim, &b);
	if (chance(m, 15))
		algebra_builder_add(&b, (u128)to, limit(dim));
	return algebra_builder_take(&b);
}

// What must not depend on the second in which a packet is sent.
static bool too_close(struct making *m, struct algebra_set set, enum ir_dim dim)
{
	int64_t at = dim == IR_TIME ? m->now : m->now % DAY;
	for (size_t i = 0; i < set.len; i++) {
		int64_t lo = (int64_t)set.at[i].lo - at, hi = (int64_t)set.at[i].hi - at;
		if ((lo > -100 && lo < 100) || (hi > -100 && hi < 100))
			return true;
	}
	return dim != IR_TIME && (at < 100 || at > DAY - 100);
}

static struct algebra_set interfaces(struct making *m)
{
	struct algebra_builder b = {.arena = m->arena};
	static const char *const names[] = {"nsf0", "nsf1", "eth0", "ns"};
	for (unsigned i = 0; i < 1 + below(m, 2); i++) {
		const char *name = names[below(m, array_len(names))];
		algebra_builder_add(&b, name_value(name, 0),
				    name_value(name, chance(m, 30) ? 0xff : 0));
	}
	return algebra_builder_take(&b);
}

static struct algebra_set random_set(struct making *m, enum ir_dim dim)
{
	struct algebra_builder b = {.arena = m->arena};
	if (dim == IR_TIME || dim == IR_HOUR) {
		struct algebra_set set = windows(m, dim);
		while (too_close(m, set, dim) && dim == IR_TIME)
			set = windows(m, dim);
		return too_close(m, set, dim) ? algebra_set_one(m->arena, 0, DAY - 1) : set;
	}
	if (dim == IR_IN || dim == IR_OUT)
		return interfaces(m);
	unsigned n = chance(m, 60) ? 1 : chance(m, 90) ? 2 + below(m, 4) : 30;
	for (unsigned i = 0; i < n; i++)
		add_range(m, dim, &b);
	struct algebra_set set = algebra_builder_take(&b);
	struct algebra_set rest = algebra_set_complement(m->arena, set, limit(dim));
	return rest.len && chance(m, 15) ? rest : set;
}

// --- clauses ---

static void narrow(struct making *m, struct ir_clause *clause, enum ir_dim dim,
		   struct algebra_set set)
{
	struct ir_clause before = *clause;
	if (!ir_clause_narrow(clause, m->arena, dim, set))
		*clause = before;
}

static void narrow_one(struct making *m, struct ir_clause *clause, enum ir_dim dim, u128 value)
{
	narrow(m, clause, dim, algebra_set_one(m->arena, value, value));
}

static void narrow_some(struct making *m, struct ir_clause *clause, const enum ir_dim *dims,
			size_t n, unsigned percent)
{
	for (size_t i = 0; i < n; i++)
		if (chance(m, percent))
			narrow(m, clause, dims[i], random_set(m, dims[i]));
}
#define SOME(m, clause, percent, ...)                              \
	narrow_some(m, clause, (const enum ir_dim[]){__VA_ARGS__}, \
		    array_len(((const enum ir_dim[]){__VA_ARGS__})), percent)

static void add_transport(struct making *m, struct ir_clause *clause, unsigned version, bool flow)
{
	uint8_t proto = protocols[below(m, array_len(protocols))];
	bool ports = proto != 1 && proto != 50 && proto != 99;
	if (proto == 1 && !version)
		return;
	if (chance(m, 80) || proto == 1)
		narrow_one(m, clause, IR_PROTO, proto == 1 && version == 6 ? 58 : proto);
	else if (chance(m, 30))
		narrow(m, clause, IR_PROTO, random_set(m, IR_PROTO));
	if (ports && !(flow && ir_clause_allows_protocol(clause, 33)))
		SOME(m, clause, 50, IR_SPORT, IR_DPORT);
	if (m->plain)
		return;
	if (proto == 1)
		SOME(m, clause, 70, version == 4 ? IR_ICMP4 : IR_ICMP6);
	if (proto == 6)
		SOME(m, clause, 12, IR_TCPFLAGS, IR_TCPSEQ, IR_TCPACK, IR_TCPOFFSET, IR_TCPRESERVED,
		     IR_TCPWINDOW, IR_TCPURGENT);
	if (proto == 17 || proto == 136)
		SOME(m, clause, 15, IR_UDPLEN);
	if (proto == 132)
		SOME(m, clause, 30, IR_SCTPCHUNK);
	if (proto == 33)
		SOME(m, clause, 40, IR_DCCPTYPE, IR_DCCPOFFSET);
	if (proto == 33 && !flow)
		SOME(m, clause, 40, IR_DCCPSERVICE);
}

static void add_network(struct making *m, struct ir_clause *clause, unsigned version)
{
	SOME(m, clause, 8, IR_DSCP, IR_ECN, IR_LENGTH, IR_TTL, IR_SMAC, IR_DMAC, IR_ETHERTYPE,
	     IR_IN, IR_OUT);
	if (version == 4)
		SOME(m, clause, 5, IR_IHL, IR_IPID);
	if (version == 4 && !m->tracked)
		SOME(m, clause, 12, IR_FRAGOFF, IR_IPFLAGS);
	if (version == 6)
		SOME(m, clause, 8, IR_FLOWLABEL);
	if (m->tracked)
		SOME(m, clause, 12, IR_STATE);
	SOME(m, clause, 7, IR_TIME, IR_HOUR, IR_WDAY);
}

static struct ir_clause clause_about(struct making *m)
{
	struct ir_clause clause = {0};
	u128 max = limit(m->about), at = anchor(m, m->about) + below(m, 24);
	at = at > max ? max : at;
	if (m->about == IR_TCPFLAGS)
		narrow_one(m, &clause, IR_PROTO, 6);
	if (m->about == IR_ICMP4 || m->about == IR_ICMP6)
		narrow_one(m, &clause, IR_PROTO, m->about == IR_ICMP4 ? 1 : 58);
	narrow(m, &clause, m->about,
	       algebra_set_one(m->arena, at, chance(m, 30) && at < max ? at + 1 : at));
	SOME(m, &clause, 10, IR_SRC4, IR_SPORT, IR_TTL);
	return clause;
}

static void add_network_of_hosts(struct making *m, struct ir_clause *clause, enum ir_dim dim)
{
	u128 at = anchor(m, dim), inside = ((u128)1 << below(m, 9)) - 1;
	narrow(m, clause, dim, algebra_set_one(m->arena, at & ~inside, at | inside));
}

static struct ir_clause clause_of_hosts(struct making *m)
{
	struct ir_clause clause = {0};
	unsigned sides = below(m, 4);
	narrow_one(m, &clause, IR_PROTO, below(m, 3) ? 17 : 6);
	if (sides & 1)
		add_network_of_hosts(m, &clause, m->hosts == 4 ? IR_SRC4 : IR_SRC6);
	if (sides & 2)
		add_network_of_hosts(m, &clause, m->hosts == 4 ? IR_DST4 : IR_DST6);
	if (!sides)
		narrow_one(m, &clause, IR_FAMILY, m->hosts);
	SOME(m, &clause, 40, IR_SPORT, IR_DPORT);
	return clause;
}

static struct ir_clause random_clause(struct making *m, bool flow)
{
	struct ir_clause clause = {0};
	if (m->about_one)
		return clause_about(m);
	if (m->hosts)
		return clause_of_hosts(m);
	unsigned version = (unsigned[]){0, 4, 4, 6, 6}[below(m, 5)], often = m->plain ? 85 : 50;
	if (version == 4)
		SOME(m, &clause, often, IR_SRC4, IR_DST4);
	if (version == 6)
		SOME(m, &clause, often, IR_SRC6, IR_DST6);
	if (version && chance(m, 40))
		narrow_one(m, &clause, IR_FAMILY, version);
	if (chance(m, m->plain ? 90 : 70))
		add_transport(m, &clause, version, flow);
	if (!m->plain && chance(m, flow ? 40 : 60))
		add_network(m, &clause, version);
	return clause;
}

// --- rules ---

static enum ir_verdict random_verdict(struct making *m)
{
	unsigned n = below(m, m->plain ? 70 : 100);
	return n < 42   ? IR_PASS
	       : n < 70 ? IR_DROP
	       : n < 85 ? IR_REJECT
	       : n < 92 ? IR_RATE_LIMIT
			: IR_NONE;
}

static struct ir_rule random_rule(struct making *m, unsigned index)
{
	static const char *const policies[] = {"web", "voice \"x\"", "Büro"};
	struct ir_rule rule = {.policy = policies[below(m, array_len(policies))],
			       .name = arena_printf(m->arena, "rule%u", index),
			       .flow = m->tracked && !m->plain && !m->about_one && chance(m, 65),
			       .verdict = random_verdict(m)};
	if (!m->plain && chance(m, 20))
		rule.log = m->tracked && chance(m, 50) ? IR_LOG_SESSION : IR_LOG_RULE;
	if (rule.verdict == IR_RATE_LIMIT || (!m->plain && chance(m, 5)))
		rule.rate.packets = HUGE_RATE;
	if ((rule.rate.packets > 0) && chance(m, 30))
		rule.rate.bytes_x100 = (uint64_t)HUGE_RATE * 100;
	if (m->tracked && (rule.rate.packets > 0) && chance(m, 30))
		rule.rate.flows = HUGE_RATE;
	rule.clauses = chance(m, 3) ? 0 : 1 + below(m, CLAUSES_MOST);
	rule.clause = arena_array(m->arena, struct ir_clause, rule.clauses);
	for (size_t i = 0; i < rule.clauses; i++)
		rule.clause[i] = random_clause(m, rule.flow);
	return rule;
}

static void make_policy(struct making *m, struct ir_ruleset *out)
{
	static const enum ir_verdict defaults[] = {IR_PASS, IR_PASS, IR_DROP, IR_REJECT};
	unsigned most = m->about_one ? ABOUT_ONE_MOST : m->hosts ? HOSTS_MOST : RULES_MOST;
	*out = (struct ir_ruleset){.default_action = defaults[below(m, array_len(defaults))]};
	for (unsigned i = 0, n = 1 + below(m, most); i < n; i++)
		vec_push(m->arena, &out->rule, random_rule(m, i));
}

void test_policy_random(struct test_random *random, struct arena *arena, bool tracked, int64_t now,
			struct ir_ruleset *out)
{
	struct making m = {.random = random, .arena = arena, .now = now, .tracked = tracked};
	make_policy(&m, out);
}

void test_policy_about_one(struct test_random *random, struct arena *arena, bool tracked,
			   int64_t now, struct ir_ruleset *out)
{
	static const enum ir_dim dims[] = {IR_ICMP4,    IR_ICMP6, IR_SMAC,   IR_DMAC,
					   IR_TCPFLAGS, IR_DSCP,  IR_LENGTH, IR_TTL};
	struct making m = {.random = random, .arena = arena, .now = now, .tracked = tracked};
	m.about_one = true;
	m.about = dims[below(&m, array_len(dims))];
	make_policy(&m, out);
}

void test_policy_hosts(struct test_random *random, struct arena *arena, bool tracked, int64_t now,
		       struct ir_ruleset *out)
{
	struct making m = {.random = random, .arena = arena, .now = now, .tracked = tracked};
	m.hosts = below(&m, 2) ? 4 : 6;
	make_policy(&m, out);
}

void test_policy_plain(struct test_random *random, struct arena *arena, struct ir_ruleset *out)
{
	struct making m = {.random = random, .arena = arena, .plain = true};
	make_policy(&m, out);
}

// --- packets ---

struct aim {
	struct test_random *random;
	const struct ir_clause *clause; // NULL: at nothing
	bool inside;                    // at what the clause matches, but for these values:
	const struct test_fixed *fixed;
	size_t fixed_len;
};

static const u128 *fixed(const struct aim *a, enum ir_dim dim)
{
	for (size_t i = 0; i < a->fixed_len; i++)
		if (a->fixed[i].dim == dim)
			return &a->fixed[i].value;
	return NULL;
}

static u128 somewhere(struct test_random *random, struct algebra_range r)
{
	uint64_t any = test_random_next(random);
	return r.hi - r.lo < UINT64_MAX ? r.lo + any % (uint64_t)(r.hi - r.lo + 1) : r.lo + any;
}

// An edge of the clause's set, a neighbour of it, or something inside; `other` where the clause does
// not say anything, or sometimes.
static u128 aimed(struct aim *a, enum ir_dim dim, u128 other)
{
	const struct algebra_set *set = a->clause ? ir_clause_set(a->clause, dim) : NULL;
	u128 max = algebra_max(ir_dim_info[dim].bits);
	if (fixed(a, dim))
		return *fixed(a, dim);
	if (!set || (!a->inside && test_random_chance(a->random, 5)))
		return other;
	struct algebra_range r = set->at[test_random_below(a->random, (uint32_t)set->len)];
	switch (test_random_below(a->random, a->inside ? 5 : 6)) {
	case 0:
	case 1:
		return r.lo;
	case 2:
	case 3:
		return r.hi;
	case 4:
		if (a->inside)
			return somewhere(a->random, r);
		return r.lo ? r.lo - 1 : r.hi < max ? r.hi + 1 : r.hi;
	default:
		return r.hi < max ? r.hi + 1 : r.lo + (r.hi - r.lo) / 2;
	}
}

static u128 spread(struct aim *a, enum ir_dim dim)
{
	return aimed(a, dim,
		     test_random_next(a->random) & (uint64_t)algebra_max(ir_dim_info[dim].bits));
}

// Whether a router forwards packets with this address at either end. Its own networks are left out.
static bool forwarded4(u128 v)
{
	return v >> 24 && v >> 24 != 127 && v < 0xe0000000 && v >> 8 != 0x0a0901 &&
	       v >> 8 != 0xac0902 && v >> 16 != 0xc612;
}

static bool forwarded6(u128 v)
{
	uint64_t net = (uint64_t)(v >> 64);
	return v >> 80 && v >> 112 < 0xfe80 && net != 0xfd00000900010000u &&
	       net != 0xfd00000900020000u;
}

static void set_addresses(struct aim *a, struct test_packet *p)
{
	uint64_t any = test_random_next(a->random);
	if (p->version == 4) {
		u128 x = p->from_b ? 0x80000000 | (any & 0x3fffffff)
				   : 0x20000000 | (any & 0xfffffff);
		u128 y = p->from_b ? 0x20000000 | (any >> 32 & 0xfffffff)
				   : 0x80000000 | (any >> 32 & 0x3fffffff);
		p->src = aimed(a, IR_SRC4, x);
		p->dst = aimed(a, IR_DST4, y);
		if (!forwarded4(p->src) || p->src == p->dst)
			p->src = x;
		if (!forwarded4(p->dst))
			p->dst = y;
		return;
	}
	u128 x = v6(p->from_b ? 0x3000ull << 48 : 0x2000ull << 48, any);
	u128 y = v6(p->from_b ? 0x2000ull << 48 : 0x3000ull << 48, any * 7 + 1);
	p->src = aimed(a, IR_SRC6, x);
	p->dst = aimed(a, IR_DST6, y);
	if (!forwarded6(p->src) || p->src == p->dst)
		p->src = x;
	if (!forwarded6(p->dst))
		p->dst = y;
}

static const uint8_t known_protocols[] = {6, 17, 1, 58, 132, 136, 33, 50, 99};

// What Linux takes for a header before the transport header, or tracks in a way of its own.
static bool is_odd(u128 protocol, unsigned version)
{
	static const uint8_t odd[] = {0,  2,  41,  43,  44,  47,  51, 59,
				      60, 94, 103, 108, 135, 139, 140};
	return memchr(odd, (int)protocol, sizeof(odd)) || protocol == (version == 4 ? 58 : 1);
}

static uint8_t choose_proto(struct aim *a, const struct test_packet *p)
{
	uint8_t proto = protocols[test_random_below(a->random, array_len(protocols))];
	if (fixed(a, IR_PROTO))
		return (uint8_t)*fixed(a, IR_PROTO);
	const struct algebra_set *set = a->clause ? ir_clause_set(a->clause, IR_PROTO) : NULL;
	for (unsigned tries = 0; set && tries < 8 && !algebra_set_has(*set, proto); tries++)
		proto = known_protocols[test_random_below(a->random, array_len(known_protocols))];
	for (unsigned tries = 0; a->inside && a->clause && tries < 40; tries++) {
		if (!is_odd(proto, p->version) && ir_clause_allows_protocol(a->clause, proto))
			return proto;
		proto = known_protocols[test_random_below(a->random, array_len(known_protocols))];
	}
	if (a->inside && set && !is_odd(set->at[0].lo, p->version))
		return (uint8_t)set->at[0].lo;
	return proto == 1 || proto == 58 ? (p->version == 4 ? 1 : 58) : proto;
}

static void set_tcp(struct aim *a, struct test_packet *p)
{
	static const uint8_t usual[] = {2, 2, 2, 16, 24, 18, 17, 4, 0, 20};
	p->tcp_flags = (uint8_t)aimed(a, IR_TCPFLAGS,
				      usual[test_random_below(a->random, array_len(usual))]);
	p->seq = (uint32_t)spread(a, IR_TCPSEQ);
	p->ack = (uint32_t)spread(a, IR_TCPACK);
	p->window = (uint16_t)spread(a, IR_TCPWINDOW);
	p->urgent = (uint16_t)spread(a, IR_TCPURGENT);
	p->tcp_reserved = (uint8_t)aimed(a, IR_TCPRESERVED, 0) & 15;
	p->tcp_options = aimed(a, IR_TCPOFFSET, 5) >= 6;
}

static void set_icmp(struct aim *a, struct test_packet *p)
{
	enum ir_dim dim = p->version == 4 ? IR_ICMP4 : IR_ICMP6;
	u128 v = aimed(a, dim, p->version == 4 ? 8 << 8 : 128 << 8);
	p->type = (uint8_t)(v >> 8);
	p->code = (uint8_t)v;
	p->echo_id = (uint16_t)test_random_next(a->random);
}

static void set_transport(struct aim *a, struct test_packet *p)
{
	p->proto = choose_proto(a, p);
	p->sport = (uint16_t)spread(a, IR_SPORT);
	p->dport = (uint16_t)spread(a, IR_DPORT);
	if (p->proto == 6)
		set_tcp(a, p);
	if (p->proto == 1 || p->proto == 58)
		set_icmp(a, p);
	if (p->proto == 132) {
		p->chunk = (uint8_t)aimed(a, IR_SCTPCHUNK, 1);
		p->vtag = p->chunk == 1 ? 0 : 7;
	}
	p->dccp_type = (uint8_t)aimed(a, IR_DCCPTYPE, test_random_below(a->random, 3)) & 15;
	p->dccp_offset = (uint8_t)spread(a, IR_DCCPOFFSET);
	p->service = (uint32_t)spread(a, IR_DCCPSERVICE);
	u128 wanted = aimed(a, IR_UDPLEN, 8 + TEST_TAIL + test_random_below(a->random, 40));
	if (wanted >= 8 + TEST_TAIL && wanted < 450)
		p->payload = (uint16_t)(wanted - 8 - TEST_TAIL);
}

static void set_network(struct aim *a, struct test_packet *p, bool tracked)
{
	p->ttl = (uint8_t)aimed(a, IR_TTL, 64);
	if (p->ttl < 2)
		p->ttl = 64;
	p->dscp = (uint8_t)(spread(a, IR_DSCP) & 63);
	p->ecn = (uint8_t)(spread(a, IR_ECN) & 3);
	p->ip_id = (uint16_t)spread(a, IR_IPID);
	p->flow_label = (uint32_t)(spread(a, IR_FLOWLABEL) & 0xfffff);
	p->ip_options = aimed(a, IR_IHL, 5) == 6;
	p->extension = p->version == 6 && test_random_chance(a->random, 15);
	p->ip_flags = (uint8_t)aimed(a, IR_IPFLAGS, 2) & 7;
	if (tracked) {
		p->ip_flags &= 6;
	} else {
		uint32_t some = test_random_chance(a->random, 10)
					? test_random_below(a->random, 0x2000)
					: 0;
		p->fragment = (uint16_t)(aimed(a, IR_FRAGOFF, some) & 0x1fff);
	}
	memcpy(p->smac, test_mac_host[p->from_b], 6);
	u128 mac = aimed(a, IR_SMAC, 0);
	if (mac && !(mac >> 40 & 1))
		for (int i = 0; i < 6; i++)
			p->smac[i] = (uint8_t)(mac >> (8 * (5 - i)));
}

// Grows the payload to the length that the clause is about.
static void set_length(struct aim *a, struct test_packet *p)
{
	struct ir_packet dims;
	test_packet_dims(p, &dims);
	u128 is = dims.value[IR_LENGTH], wanted = aimed(a, IR_LENGTH, is);
	if (wanted > is && wanted < 500) // an ICMP error holds no more than 576 bytes
		p->payload = (uint16_t)(p->payload + (wanted - is));
}

static const struct ir_clause *random_target(struct test_random *random,
					     const struct ir_ruleset *ruleset)
{
	const struct ir_rule *rule =
		&ruleset->rule.at[test_random_below(random, (uint32_t)ruleset->rule.len)];
	return rule->clauses ? &rule->clause[test_random_below(random, (uint32_t)rule->clauses)]
			     : NULL;
}

void test_packet_random(struct test_random *random, const struct ir_ruleset *ruleset, bool tracked,
			struct test_packet *out)
{
	struct aim a = {.random = random, .clause = random_target(random, ruleset)};
	unsigned versions = a.clause ? ir_clause_versions(a.clause) : 3;
	bool v6_meant = versions == 2 || (versions != 1 && test_random_chance(random, 50));
	if (test_random_chance(random, 5))
		v6_meant = !v6_meant;
	*out = (struct test_packet){.version = v6_meant ? 6 : 4,
				    .from_b = test_random_chance(random, 30)};
	set_addresses(&a, out);
	set_transport(&a, out);
	set_network(&a, out, tracked);
	set_length(&a, out);
	if (out->proto == 136)
		out->payload %= 200; // Linux' connection tracking sums longer ones wrongly
	out->bad_checksum = tracked && test_random_chance(random, 4);
}

// --- packets at given values ---

static bool meets(const struct aim *a, const struct ir_packet *dims)
{
	for (size_t i = 0; a->clause && i < a->clause->len; i++) {
		const struct ir_cond *cond = &a->clause->cond[i];
		bool timed = ir_dim_info[cond->dim].kind == IR_KIND_CLOCK;
		if (timed || cond->dim == IR_STATE || fixed(a, cond->dim))
			continue;
		if (!(dims->has >> cond->dim & 1) ||
		    !algebra_set_has(cond->set, dims->value[cond->dim]))
			return false;
	}
	return true;
}

static bool has_fixed(const struct aim *a, const struct ir_packet *dims)
{
	for (size_t i = 0; i < a->fixed_len; i++)
		if (!(dims->has >> a->fixed[i].dim & 1) ||
		    dims->value[a->fixed[i].dim] != a->fixed[i].value)
			return false;
	return true;
}

bool test_packet_aimed(struct test_random *random, const struct test_aim *aim, bool tracked,
		       struct test_packet *out)
{
	struct aim a = {.random = random,
			.clause = aim->clause,
			.inside = true,
			.fixed = aim->fixed,
			.fixed_len = aim->fixed_len};
	const u128 *protocol = fixed(&a, IR_PROTO);
	bool found = false;
	if (protocol && is_odd(*protocol, aim->version))
		return false;
	for (unsigned tries = 0; tries < 16; tries++) {
		struct test_packet p = {.version = (uint8_t)aim->version,
					.from_b = test_random_chance(random, 30)};
		struct ir_packet dims;
		set_addresses(&a, &p);
		set_transport(&a, &p);
		set_network(&a, &p, tracked);
		set_length(&a, &p);
		if (p.proto == 136)
			p.payload %= 200; // as above
		test_packet_dims(&p, &dims);
		if (p.src == p.dst || !has_fixed(&a, &dims))
			continue;
		*out = p;
		found = true;
		if (meets(&a, &dims))
			break;
	}
	return found;
}

// --- plain packets ---

// Of IPv6, too, whatever its size.
static u128 evenly(struct test_random *random, struct algebra_range r)
{
	u128 any = (u128)test_random_next(random) << 64 | test_random_next(random);
	u128 values = r.hi - r.lo + 1;
	return r.lo + (values ? any % values : any);
}

static u128 even(struct test_random *random, const struct ir_clause *clause, enum ir_dim dim)
{
	const struct algebra_set *set = clause ? ir_clause_set(clause, dim) : NULL;
	if (!set)
		return evenly(random,
			      (struct algebra_range){0, algebra_max(ir_dim_info[dim].bits)});
	return evenly(random, set->at[test_random_below(random, (uint32_t)set->len)]);
}

// Some tries: a wide set holds addresses that no router forwards.
static bool even_address(struct test_random *random, const struct ir_clause *clause,
			 enum ir_dim dim, u128 *out)
{
	bool four = dim == IR_SRC4 || dim == IR_DST4, good = false;
	for (unsigned tries = 0; tries < 20 && !good; tries++) {
		*out = even(random, clause, dim);
		good = four ? forwarded4(*out) : forwarded6(*out);
	}
	return good;
}

bool test_packet_plain(struct test_random *random, const struct ir_clause *clause,
		       struct test_packet *out)
{
	bool four = !clause || (ir_clause_versions(clause) & 1);
	struct test_packet p = {.version = four ? 4 : 6, .ttl = 64, .proto = 17, .tcp_flags = 2};
	if (clause && ir_clause_set(clause, IR_PROTO))
		p.proto = (uint8_t)even(random, clause, IR_PROTO);
	p.type = four ? 8 : 128;
	p.sport = (uint16_t)even(random, clause, IR_SPORT);
	p.dport = (uint16_t)even(random, clause, IR_DPORT);
	if (!even_address(random, clause, four ? IR_SRC4 : IR_SRC6, &p.src) ||
	    !even_address(random, clause, four ? IR_DST4 : IR_DST6, &p.dst))
		return false;
	*out = p;
	return true;
}
