// SPDX-License-Identifier: Apache-2.0
// Random rules that a model can mostly say, and packets aimed at the borders of rules.
#include "codec/random.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1773219600 // 2026-03-11T09:00:00Z

static unsigned seed = 8329;

void random_start(const char *wanted)
{
	if (wanted)
		seed = (unsigned)strtoul(wanted, NULL, 10);
	printf("seed %u\n", seed);
}

unsigned random_pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

bool random_chance(unsigned percent)
{
	return random_pick(100) < percent;
}

// --- random rules ---

static u128 random_value(enum ir_dim dim)
{
	u128 max = algebra_max(ir_dim_info[dim].bits), v = 0;
	for (int i = 0; i < 5; i++)
		v = v << 31 | (unsigned)rand_r(&seed);
	return random_chance(15) ? (random_chance(50) ? 0 : max) : v & max;
}

// Ranges of wide dimensions; few values of those that the model holds one by one.
static struct algebra_set random_set(struct arena *arena, enum ir_dim dim, bool wide)
{
	struct algebra_builder builder = {.arena = arena};
	u128 max = algebra_max(ir_dim_info[dim].bits);
	for (unsigned i = wide && random_chance(5) ? 40 : 1 + random_pick(3); i > 0; i--) {
		u128 lo = random_value(dim),
		     span = wide ? random_value(dim) >> random_pick(30) : random_pick(3);
		if (wide && random_chance(40)) { // a prefix
			span = algebra_max(1 + random_pick(ir_dim_info[dim].bits - 1));
			lo &= ~span;
		}
		algebra_builder_add(&builder, lo, span > max - lo ? max : lo + span);
	}
	return algebra_builder_take(&builder);
}

// All values that agree with one but for a few bits.
static struct algebra_set random_masked(struct arena *arena, unsigned bits, unsigned few)
{
	struct algebra_builder builder = {.arena = arena};
	uint64_t value = (uint64_t)random_value(IR_SMAC) & (uint64_t)algebra_max(bits), mask = 0,
		 at = 0;
	for (unsigned i = 0; i < few; i++)
		mask |= (uint64_t)1 << random_pick(bits);
	do {
		algebra_builder_add(&builder, (value & ~mask) | at, (value & ~mask) | at);
		at = (at - mask) & mask; // the next subset of the bits of `mask`
	} while (at);
	return algebra_builder_take(&builder);
}

static struct algebra_set random_names(struct arena *arena)
{
	struct algebra_builder builder = {.arena = arena};
	for (unsigned i = 1 + random_pick(2); i > 0; i--) {
		u128 name = (u128)('a' + random_pick(3)) << 120 | (u128)('0' + random_pick(2))
									  << 112;
		algebra_builder_add(&builder, name, name);
	}
	return algebra_builder_take(&builder);
}

static void narrow(struct arena *arena, struct ir_clause *clause, enum ir_dim dim,
		   struct algebra_set set)
{
	struct ir_clause narrowed = *clause;
	if (ir_clause_narrow(&narrowed, arena, dim, set))
		*clause = narrowed;
}

static void narrow_to(struct arena *arena, struct ir_clause *clause, enum ir_dim dim, u128 lo,
		      u128 hi)
{
	narrow(arena, clause, dim, algebra_set_one(arena, lo, hi));
}

static void random_layer3(struct arena *arena, struct ir_clause *clause, unsigned family)
{
	static const enum ir_dim single[] = {IR_DSCP, IR_ECN, IR_LENGTH, IR_TTL};
	static const enum ir_dim four[] = {IR_IPFLAGS, IR_IPID};
	if (random_chance(60))
		narrow(arena, clause, family == 4 ? IR_SRC4 : IR_SRC6,
		       random_set(arena, family == 4 ? IR_SRC4 : IR_SRC6, true));
	if (random_chance(60))
		narrow(arena, clause, family == 4 ? IR_DST4 : IR_DST6,
		       random_set(arena, family == 4 ? IR_DST4 : IR_DST6, true));
	for (size_t i = 0; i < array_len(single); i++)
		if (random_chance(6))
			narrow(arena, clause, single[i], random_set(arena, single[i], false));
	for (size_t i = 0; family == 4 && i < array_len(four); i++)
		if (random_chance(6))
			narrow(arena, clause, four[i], random_set(arena, four[i], false));
	if (family == 4 && random_chance(6))
		narrow_to(arena, clause, IR_IHL, 5, 5 + random_pick(3));
	if (family == 4 && random_chance(6))
		narrow_to(arena, clause, IR_FRAGOFF, 20, 20 + random_pick(5));
	if (family == 6 && random_chance(6))
		narrow(arena, clause, IR_FLOWLABEL, random_set(arena, IR_FLOWLABEL, false));
}

static void random_ports(struct arena *arena, struct ir_clause *clause)
{
	if (random_chance(10)) { // all but one
		u128 port = random_value(IR_DPORT);
		struct algebra_set one = algebra_set_one(arena, port, port);
		narrow(arena, clause, IR_DPORT, algebra_set_complement(arena, one, 65535));
	} else if (random_chance(70))
		narrow(arena, clause, IR_DPORT, random_set(arena, IR_DPORT, random_chance(50)));
	if (random_chance(30))
		narrow(arena, clause, IR_SPORT, random_set(arena, IR_SPORT, true));
}

static void random_fields(struct arena *arena, struct ir_clause *clause, unsigned protocol)
{
	static const struct {
		unsigned protocol;
		enum ir_dim dim;
	} fields[] = {
		{6, IR_TCPFLAGS},    {6, IR_TCPSEQ},      {6, IR_TCPACK},       {6, IR_TCPWINDOW},
		{6, IR_TCPRESERVED}, {6, IR_TCPURGENT},   {17, IR_UDPLEN},      {132, IR_SCTPCHUNK},
		{33, IR_DCCPTYPE},   {33, IR_DCCPOFFSET}, {33, IR_DCCPSERVICE},
	};
	for (size_t i = 0; i < array_len(fields); i++)
		if (fields[i].protocol == protocol && random_chance(10))
			narrow(arena, clause, fields[i].dim,
			       random_set(arena, fields[i].dim, false));
	if (protocol == 6 && random_chance(15)) // some flags set, some not, as filters have it
		narrow(arena, clause, IR_TCPFLAGS, random_masked(arena, 8, 5));
}

static void random_layer4(struct arena *arena, struct ir_clause *clause, unsigned family)
{
	static const unsigned protocols[] = {6, 17, 132, 33, 136, 47, 1, 58};
	unsigned protocol = protocols[random_pick(array_len(protocols))];
	if (random_chance(15)) { // several at once
		narrow(arena, clause, IR_PROTO, random_set(arena, IR_PROTO, false));
		return;
	}
	if (random_chance(15)) { // ports of all that have them
		random_ports(arena, clause);
		return;
	}
	if (protocol == 1 || protocol == 58)
		protocol = family == 6 ? 58 : 1;
	narrow_to(arena, clause, IR_PROTO, protocol, protocol);
	if (protocol == 1 && random_chance(70))
		narrow(arena, clause, IR_ICMP4, random_set(arena, IR_ICMP4, false));
	else if (protocol == 58 && random_chance(70))
		narrow_to(arena, clause, IR_ICMP6, 128 * 256, 129 * 256 + 255);
	else if (protocol != 47 && protocol != 1 && protocol != 58)
		random_ports(arena, clause);
	random_fields(arena, clause, protocol);
}

static void random_time(struct arena *arena, struct ir_clause *clause)
{
	struct ir_period period = {.frequency = (enum ir_frequency)random_pick(5),
				   .has_start = random_chance(40),
				   .start = NOW - 86400 * (int64_t)random_pick(100),
				   .has_end = random_chance(40),
				   .end = NOW + 86400 * (int64_t)random_pick(100),
				   .has_from = random_chance(70),
				   .from = (int32_t)random_pick(86400),
				   .has_to = random_chance(70),
				   .to = (int32_t)random_pick(86400),
				   .zone = ((int32_t)random_pick(57) - 28) * 1800,
				   .weekdays = (uint8_t)(1 + random_pick(127)),
				   .monthdays = 2u << random_pick(30) | 2u << random_pick(30)};
	period.yeardays = algebra_set_one(arena, 215, 310 + random_pick(20));
	struct ir_clause when;
	struct ir_clause both = *clause;
	if (ir_period_clause(&period, arena, &when) && ir_clause_and(&both, arena, &when))
		*clause = both;
}

// Forms that no period has, but that mean something all the same.
static void odd_time(struct arena *arena, struct ir_clause *clause)
{
	clause->clock = ((int32_t)random_pick(57) - 28) * 1800 - (int32_t)random_pick(86400);
	narrow(arena, clause, IR_HOUR, random_set(arena, IR_HOUR, true));
	if (random_chance(30))
		narrow_to(arena, clause, IR_WDAY, 0, random_pick(8));
	else if (random_chance(30))
		narrow_to(arena, clause, IR_MDAY, random_pick(10), 10 + random_pick(22));
	if (!ir_clause_set(clause, IR_WDAY) && random_chance(30))
		narrow_to(arena, clause, IR_MMDD, 100 + random_pick(500), 600 + random_pick(700));
	if (!clause->len || clause->cond[clause->len - 1].dim <= IR_TIME)
		clause->clock = 0;
}

static struct ir_clause clause_of_frame(struct arena *arena, struct ir_clause clause)
{
	if (random_chance(10))
		narrow(arena, &clause, IR_SMAC, random_set(arena, IR_SMAC, true));
	if (random_chance(8))
		narrow_to(arena, &clause, IR_ETHERTYPE, 0x0806 - random_pick(10),
			  0x0806 + random_pick(3));
	return clause;
}

static struct ir_clause random_clause(struct arena *arena, enum random_model model)
{
	struct ir_clause clause = {0};
	unsigned family = random_chance(30) ? 0 : random_chance(50) ? 4 : 6;
	if (family && random_chance(70))
		narrow_to(arena, &clause, IR_FAMILY, family, family);
	if (family)
		random_layer3(arena, &clause, family);
	if (random_chance(70))
		random_layer4(arena, &clause, family);
	if (model == RANDOM_ACL)
		return clause_of_frame(arena, clause);
	if (random_chance(25))
		random_time(arena, &clause);
	else if (random_chance(10))
		odd_time(arena, &clause);
	if (ir_clause_versions(&clause) != 3 && random_chance(15))
		narrow(arena, &clause, IR_SMAC, random_set(arena, IR_SMAC, true));
	if (ir_clause_versions(&clause) != 3 && random_chance(10))
		narrow(arena, &clause, IR_DMAC, random_masked(arena, 48, 3));
	if (random_chance(5))
		narrow_to(arena, &clause, IR_ETHERTYPE, 0x0806 - random_pick(10),
			  0x0806 + random_pick(3));
	if (random_chance(3))
		narrow_to(arena, &clause, IR_ETHERTYPE, 0x86dd - random_pick(3), 0x86dd);
	return clause;
}

static void random_opaque(struct arena *arena, struct ir_rule *rule)
{
	static const char *urls[] = {"example.com", "example.net/<a&b>"};
	static const char *users[] = {"7 alice", "9"};
	static const char *events[] = {"access-violation", "configuration-change"};
	static const char *options[] = {"tcp/options=AgQFtA==", "tcp/options=AQ=="};
	static struct ir_opaque all[] = {{IR_OPAQUE_URL, "sites", urls, 2, false},
					 {IR_OPAQUE_USER, NULL, users, 2, false},
					 {IR_OPAQUE_EVENT, NULL, events, 1, false},
					 {IR_OPAQUE_HEADER, NULL, options, 2, false}};
	size_t i = random_pick(array_len(all));
	for (size_t k = 0; k < rule->clauses && all[i].kind == IR_OPAQUE_HEADER; k++)
		if (!ir_clause_allows_protocol(&rule->clause[k], 6))
			return;
	rule->opaque = arena_memdup(arena, &all[i], sizeof(all[i]));
	rule->opaques = 1;
}

// What only the NSF-facing model has a word for.
static void random_more(struct arena *arena, struct ir_rule *rule)
{
	static const enum ir_verdict verdicts[] = {IR_PASS, IR_DROP, IR_REJECT, IR_MIRROR,
						   IR_NONE, IR_PASS, IR_DROP,   IR_FORWARDING};
	rule->verdict = verdicts[random_pick(array_len(verdicts))];
	rule->log = (enum ir_log)random_pick(3);
	rule->flow = random_chance(20);
	if (random_chance(10))
		rule->rate.packets = 1 + random_pick(1000);
	if (random_chance(10))
		random_opaque(arena, rule);
}

// What only an access control list has a word for.
static void random_interfaces(struct arena *arena, struct ir_rule *rule)
{
	static const char *far[] = {"ingress-interface TenGigabitEthernet0/0/0/1",
				    "ingress-interface TenGigabitEthernet0/0/0/2"};
	static const struct ir_opaque opaque = {IR_OPAQUE_FOREIGN, NULL, far, 2, false};
	for (size_t i = 0; i < rule->clauses; i++) {
		if (random_chance(20))
			narrow(arena, &rule->clause[i], IR_OUT, random_names(arena));
		if (random_chance(20))
			narrow(arena, &rule->clause[i], IR_IN, random_names(arena));
		if (random_chance(10))
			narrow(arena, &rule->clause[i], IR_DMAC, random_masked(arena, 48, 2));
	}
	if (random_chance(5)) {
		rule->opaque = arena_memdup(arena, &opaque, sizeof(opaque));
		rule->opaques = 1;
	}
}

struct ir_rule random_rule(struct arena *arena, enum random_model model)
{
	static const char *const names[] = {
		"web",  "a/b", "50%#1",
		"mail", "x",   "a rather long name of a rule that no list can take whole"};
	struct ir_rule rule = {.policy = names[random_pick(array_len(names))],
			       .name = names[random_pick(array_len(names))],
			       .verdict = (enum ir_verdict)(IR_PASS + random_pick(3)),
			       .log = (enum ir_log)random_pick(2)};
	rule.clauses = 1 + (random_chance(25) ? random_pick(4) : 0);
	rule.clause = arena_array(arena, struct ir_clause, rule.clauses);
	for (size_t i = 0; i < rule.clauses; i++)
		rule.clause[i] = random_clause(arena, model);
	if (model == RANDOM_NFI)
		random_more(arena, &rule);
	else
		random_interfaces(arena, &rule);
	return rule;
}

// --- packets at the borders of rules ---

static u128 border_of(const struct algebra_set *set, enum ir_dim dim)
{
	struct algebra_range r = set->at[random_pick((unsigned)set->len)];
	u128 max = algebra_max(ir_dim_info[dim].bits);
	switch (random_pick(4)) {
	case 0:
		return r.lo;
	case 1:
		return r.hi;
	case 2:
		return r.lo ? r.lo - 1 : r.hi;
	default:
		return r.hi < max ? r.hi + 1 : r.lo;
	}
}

static u128 near(const struct ir_clause *clause, enum ir_dim dim)
{
	const struct algebra_set *set = clause ? ir_clause_set(clause, dim) : NULL;
	if (!set || random_chance(5))
		return random_value(dim);
	return random_chance(70) ? set->at[random_pick((unsigned)set->len)].lo
				 : border_of(set, dim);
}

static void give(struct ir_packet *p, const struct ir_clause *clause, enum ir_dim first,
		 enum ir_dim last)
{
	for (unsigned d = first; d <= last; d++)
		ir_packet_set(p, (enum ir_dim)d, near(clause, (enum ir_dim)d));
}

static void give_layer4(struct ir_packet *p, const struct ir_clause *clause, unsigned protocol)
{
	if (protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136)
		give(p, clause, IR_SPORT, IR_DPORT);
	if (protocol == 6)
		give(p, clause, IR_TCPFLAGS, IR_TCPURGENT);
	if (protocol == 17)
		give(p, clause, IR_UDPLEN, IR_UDPLEN);
	if (protocol == 132)
		give(p, clause, IR_SCTPCHUNK, IR_SCTPCHUNK);
	if (protocol == 33)
		give(p, clause, IR_DCCPTYPE, IR_DCCPSERVICE);
}

static unsigned likely_protocol(const struct ir_clause *clause)
{
	static const unsigned protocols[] = {6, 17, 132, 33, 136, 47, 1, 58};
	unsigned p = protocols[random_pick(array_len(protocols))];
	for (int i = 0; i < 20 && clause && !ir_clause_allows_protocol(clause, (uint8_t)p); i++)
		p = i < 10 ? protocols[random_pick(array_len(protocols))] : random_pick(256);
	return p;
}

static void give_ip(struct ir_packet *p, const struct ir_clause *clause)
{
	unsigned versions = clause ? ir_clause_versions(clause) : 3;
	unsigned family = versions == 1 ? 4 : versions == 2 ? 6 : random_chance(50) ? 4 : 6;
	unsigned protocol = likely_protocol(clause);
	ir_packet_set(p, IR_FAMILY, family);
	ir_packet_set(p, IR_ETHERTYPE, family == 4 ? 0x0800 : 0x86dd);
	give(p, clause, family == 4 ? IR_SRC4 : IR_SRC6, family == 4 ? IR_DST4 : IR_DST6);
	give(p, clause, IR_DSCP, IR_TTL);
	if (family == 4)
		give(p, clause, IR_IHL, IR_IPID);
	else
		give(p, clause, IR_FLOWLABEL, IR_FLOWLABEL);
	ir_packet_set(p, IR_PROTO, protocol);
	if (protocol == 1 && family == 4)
		give(p, clause, IR_ICMP4, IR_ICMP4);
	if (protocol == 58 && family == 6)
		give(p, clause, IR_ICMP6, IR_ICMP6);
	give_layer4(p, clause, protocol);
}

static void give_other(struct ir_packet *p, const struct ir_clause *clause)
{
	u128 type = near(clause, IR_ETHERTYPE);
	bool ip = type == 0x0800 || type == 0x86dd;
	ir_packet_set(p, IR_ETHERTYPE, ip ? 0x0806 : type);
}

static int64_t near_time(const struct ir_clause *clause)
{
	const struct algebra_set *time = clause ? ir_clause_set(clause, IR_TIME) : NULL;
	if (time && random_chance(30)) {
		u128 t = border_of(time, IR_TIME);
		return t > (u128)INT32_MAX * 4 ? NOW : (int64_t)t;
	}
	return NOW + (int64_t)random_pick(800 * 86400u) - 400 * 86400;
}

static bool told(const struct ir_packet *packet, const struct ir_opaque *opaque, bool *known_out)
{
	unsigned truths = *(const unsigned *)packet->context;
	bool tcp = (packet->has >> IR_PROTO & 1) && packet->value[IR_PROTO] == 6;
	if (opaque->kind == IR_OPAQUE_HEADER && !tcp) {
		*known_out = true;
		return false; // only TCP has options
	}
	*known_out = truths & 1u << opaque->kind % 16;
	return opaque->len && (truths >> 16 & 1u << opaque->len % 16);
}

struct ir_packet *random_packet(struct arena *arena, const struct ir_ruleset *set)
{
	struct ir_packet *p = arena_new(arena, struct ir_packet);
	unsigned *truths = arena_new(arena, unsigned);
	const struct ir_rule *rule =
		set->rule.len ? &set->rule.at[random_pick((unsigned)set->rule.len)] : NULL;
	const struct ir_clause *clause =
		rule && rule->clauses ? &rule->clause[random_pick((unsigned)rule->clauses)] : NULL;
	*truths = (unsigned)rand_r(&seed) * 2u;
	p->opaque_holds = told;
	p->context = truths;
	p->time = near_time(clause);
	p->over_rate = random_chance(50);
	give(p, clause, IR_SMAC, IR_DMAC);
	give(p, clause, IR_IN, IR_OUT);
	if (random_chance(95))
		give_ip(p, clause);
	else
		give_other(p, clause);
	if (random_chance(80))
		p->flow = arena_memdup(arena, p, sizeof(*p));
	return p;
}

// --- comparison ---

static const char *name_of(const struct ir_rule *rule, struct arena *a)
{
	return rule ? arena_printf(a, "%s|%s", rule->policy, rule->name) : "-";
}

// A rule that stayed in several parts is logged once a part.
static const char *logged(const struct ir_outcome *outcome, struct arena *a)
{
	const char *text = "", *before = "";
	for (size_t i = 0; i < outcome->logged.len; i++) {
		const char *name = name_of(outcome->logged.at[i], a);
		if (strcmp(name, before) != 0)
			text = arena_printf(a, "%s %s", text, name);
		before = name;
	}
	return text;
}

const char *random_decision(const struct ir_ruleset *set, const struct ir_packet *p, bool names,
			    struct arena *arena)
{
	struct ir_outcome o;
	ir_eval(set, p, arena, &o);
	if (!names)
		return arena_printf(arena, "%s%s, depends on one that would %s",
				    ir_verdict_name[o.verdict], o.logged.len ? ", logged" : "",
				    ir_verdict_name[o.depends ? o.depends->verdict : IR_NONE]);
	return arena_printf(arena, "%s by %s, logged%s, depends on %s", ir_verdict_name[o.verdict],
			    name_of(o.rule, arena), logged(&o, arena), name_of(o.depends, arena));
}

void random_print_rules(const struct ir_ruleset *set, struct buf *out)
{
	for (size_t i = 0; i < set->rule.len; i++) {
		buf_printf(out, "  %s %s|%s: ", set->rule.at[i].flow ? "flow" : "packet",
			   set->rule.at[i].policy, set->rule.at[i].name);
		ir_rule_print(&set->rule.at[i], out);
		buf_addc(out, '\n');
	}
}

void random_print_packet(const struct ir_packet *p, struct buf *out)
{
	for (unsigned d = 0; d < IR_TIME; d++)
		if (p->has >> d & 1) {
			buf_printf(out, "%s=", ir_dim_info[d].key);
			ir_value_print((enum ir_dim)d, p->value[d], out);
			buf_addc(out, ',');
		}
	buf_printf(out, "time=%lld%s\n", (long long)p->time, p->flow ? "" : ", no flow");
}
