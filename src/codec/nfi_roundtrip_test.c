// SPDX-License-Identifier: Apache-2.0
// Writing and reading loses nothing: random rulesets and what comes back decide alike about packets that
// are aimed at the borders of their rules, and rules of the usual kind come back byte for byte. The seed
// is fixed; BULWARK_SEED sets another.
#include "codec/nfi_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define ROUNDS 250
#define PACKETS 60
#define NOW 1773219600 // 2026-03-11T09:00:00Z

static unsigned seed = 8329;

static unsigned pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static bool chance(unsigned percent)
{
	return pick(100) < percent;
}

static int start(void **state)
{
	struct nfi_bench *bench = calloc(1, sizeof(*bench));
	*state = bench;
	return nfi_bench_init(bench) ? 0 : -1;
}

static int stop(void **state)
{
	nfi_bench_fini(*state);
	free(*state);
	return 0;
}

// --- random rules ---

static u128 random_value(enum ir_dim dim)
{
	u128 max = algebra_max(ir_dim_info[dim].bits), v = 0;
	for (int i = 0; i < 5; i++)
		v = v << 31 | (unsigned)rand_r(&seed);
	return chance(15) ? (chance(50) ? 0 : max) : v & max;
}

// Ranges of wide dimensions; few values of those that the model holds one by one.
static struct algebra_set random_set(struct nfi_bench *b, enum ir_dim dim, bool wide)
{
	struct algebra_builder builder = {.arena = &b->arena};
	u128 max = algebra_max(ir_dim_info[dim].bits);
	for (unsigned i = 1 + pick(3); i > 0; i--) {
		u128 lo = random_value(dim), span = wide ? random_value(dim) >> pick(30) : pick(3);
		if (wide && chance(40)) { // a prefix
			span = algebra_max(1 + pick(ir_dim_info[dim].bits - 1));
			lo &= ~span;
		}
		algebra_builder_add(&builder, lo, span > max - lo ? max : lo + span);
	}
	return algebra_builder_take(&builder);
}

static void narrow(struct nfi_bench *b, struct ir_clause *clause, enum ir_dim dim,
		   struct algebra_set set)
{
	struct ir_clause narrowed = *clause;
	if (ir_clause_narrow(&narrowed, &b->arena, dim, set))
		*clause = narrowed;
}

static void narrow_to(struct nfi_bench *b, struct ir_clause *clause, enum ir_dim dim, u128 lo,
		      u128 hi)
{
	narrow(b, clause, dim, algebra_set_one(&b->arena, lo, hi));
}

static void random_layer3(struct nfi_bench *b, struct ir_clause *clause, unsigned family)
{
	static const enum ir_dim single[] = {IR_DSCP, IR_ECN, IR_LENGTH, IR_TTL};
	static const enum ir_dim four[] = {IR_IPFLAGS, IR_IPID};
	if (chance(60))
		narrow(b, clause, family == 4 ? IR_SRC4 : IR_SRC6,
		       random_set(b, family == 4 ? IR_SRC4 : IR_SRC6, true));
	if (chance(60))
		narrow(b, clause, family == 4 ? IR_DST4 : IR_DST6,
		       random_set(b, family == 4 ? IR_DST4 : IR_DST6, true));
	for (size_t i = 0; i < array_len(single); i++)
		if (chance(6))
			narrow(b, clause, single[i], random_set(b, single[i], false));
	for (size_t i = 0; family == 4 && i < array_len(four); i++)
		if (chance(6))
			narrow(b, clause, four[i], random_set(b, four[i], false));
	if (family == 4 && chance(6))
		narrow_to(b, clause, IR_IHL, 5, 5 + pick(3));
	if (family == 4 && chance(6))
		narrow_to(b, clause, IR_FRAGOFF, 20, 20 + pick(5));
	if (family == 6 && chance(6))
		narrow(b, clause, IR_FLOWLABEL, random_set(b, IR_FLOWLABEL, false));
}

static void random_ports(struct nfi_bench *b, struct ir_clause *clause)
{
	if (chance(70))
		narrow(b, clause, IR_DPORT, random_set(b, IR_DPORT, chance(50)));
	if (chance(30))
		narrow(b, clause, IR_SPORT, random_set(b, IR_SPORT, true));
}

static void random_fields(struct nfi_bench *b, struct ir_clause *clause, unsigned protocol)
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
		if (fields[i].protocol == protocol && chance(10))
			narrow(b, clause, fields[i].dim, random_set(b, fields[i].dim, false));
}

static void random_layer4(struct nfi_bench *b, struct ir_clause *clause, unsigned family)
{
	static const unsigned protocols[] = {6, 17, 132, 33, 136, 47, 1, 58};
	unsigned protocol = protocols[pick(array_len(protocols))];
	if (chance(15)) { // several at once
		narrow(b, clause, IR_PROTO, random_set(b, IR_PROTO, false));
		return;
	}
	if (chance(15)) { // ports of all that have them
		random_ports(b, clause);
		return;
	}
	if (protocol == 1 || protocol == 58)
		protocol = family == 6 ? 58 : 1;
	narrow_to(b, clause, IR_PROTO, protocol, protocol);
	if (protocol == 1 && chance(70))
		narrow(b, clause, IR_ICMP4, random_set(b, IR_ICMP4, false));
	else if (protocol == 58 && chance(70))
		narrow_to(b, clause, IR_ICMP6, 128 * 256, 129 * 256 + 255);
	else if (protocol != 47 && protocol != 1 && protocol != 58)
		random_ports(b, clause);
	random_fields(b, clause, protocol);
}

static void random_time(struct nfi_bench *b, struct ir_clause *clause)
{
	struct ir_period period = {.frequency = (enum ir_frequency)pick(5),
				   .has_start = chance(40),
				   .start = NOW - 86400 * (int64_t)pick(100),
				   .has_end = chance(40),
				   .end = NOW + 86400 * (int64_t)pick(100),
				   .has_from = chance(70),
				   .from = (int32_t)pick(86400),
				   .has_to = chance(70),
				   .to = (int32_t)pick(86400),
				   .zone = ((int32_t)pick(57) - 28) * 1800,
				   .weekdays = (uint8_t)(1 + pick(127)),
				   .monthdays = 2u << pick(30) | 2u << pick(30)};
	period.yeardays = algebra_set_one(&b->arena, 215, 310 + pick(20));
	struct ir_clause when;
	struct ir_clause both = *clause;
	if (ir_period_clause(&period, &b->arena, &when) && ir_clause_and(&both, &b->arena, &when))
		*clause = both;
}

// Forms that no period has, but that mean something all the same.
static void odd_time(struct nfi_bench *b, struct ir_clause *clause)
{
	clause->clock = ((int32_t)pick(57) - 28) * 1800 - (int32_t)pick(86400);
	narrow(b, clause, IR_HOUR, random_set(b, IR_HOUR, true));
	if (chance(30))
		narrow_to(b, clause, IR_WDAY, 0, pick(8));
	else if (chance(30))
		narrow_to(b, clause, IR_MDAY, pick(10), 10 + pick(22));
	if (!ir_clause_set(clause, IR_WDAY) && chance(30))
		narrow_to(b, clause, IR_MMDD, 100 + pick(500), 600 + pick(700));
	if (!clause->len || clause->cond[clause->len - 1].dim <= IR_TIME)
		clause->clock = 0;
}

static struct ir_clause random_clause(struct nfi_bench *b)
{
	struct ir_clause clause = {0};
	unsigned family = chance(30) ? 0 : chance(50) ? 4 : 6;
	if (family && chance(70))
		narrow_to(b, &clause, IR_FAMILY, family, family);
	if (family)
		random_layer3(b, &clause, family);
	if (chance(70))
		random_layer4(b, &clause, family);
	if (chance(25))
		random_time(b, &clause);
	else if (chance(10))
		odd_time(b, &clause);
	if (ir_clause_versions(&clause) != 3 && chance(15))
		narrow(b, &clause, IR_SMAC, random_set(b, IR_SMAC, true));
	if (chance(5))
		narrow_to(b, &clause, IR_ETHERTYPE, 0x0806 - pick(10), 0x0806 + pick(3));
	if (chance(3))
		narrow_to(b, &clause, IR_ETHERTYPE, 0x86dd - pick(3), 0x86dd);
	return clause;
}

static void random_opaque(struct nfi_bench *b, struct ir_rule *rule)
{
	static const char *urls[] = {"example.com", "example.net/<a&b>"};
	static const char *users[] = {"7 alice", "9"};
	static const char *events[] = {"access-violation", "configuration-change"};
	static const char *options[] = {"tcp/options=AgQFtA==", "tcp/options=AQ=="};
	static struct ir_opaque all[] = {{IR_OPAQUE_URL, "sites", urls, 2, false},
					 {IR_OPAQUE_USER, NULL, users, 2, false},
					 {IR_OPAQUE_EVENT, NULL, events, 1, false},
					 {IR_OPAQUE_HEADER, NULL, options, 2, false}};
	size_t i = pick(array_len(all));
	for (size_t k = 0; k < rule->clauses && all[i].kind == IR_OPAQUE_HEADER; k++)
		if (!ir_clause_allows_protocol(&rule->clause[k], 6))
			return;
	rule->opaque = arena_memdup(&b->arena, &all[i], sizeof(all[i]));
	rule->opaques = 1;
}

static struct ir_rule random_rule(struct nfi_bench *b)
{
	static const char *const names[] = {"web", "a/b", "50%#1", "mail", "x"};
	static const enum ir_verdict verdicts[] = {IR_PASS, IR_DROP, IR_REJECT, IR_MIRROR,
						   IR_NONE, IR_PASS, IR_DROP,   IR_FORWARDING};
	struct ir_rule rule = {.policy = names[pick(array_len(names))],
			       .name = names[pick(array_len(names))],
			       .verdict = verdicts[pick(array_len(verdicts))],
			       .log = (enum ir_log)pick(3),
			       .flow = chance(20)};
	rule.clauses = 1 + (chance(25) ? pick(4) : 0);
	rule.clause = arena_array(&b->arena, struct ir_clause, rule.clauses);
	for (size_t i = 0; i < rule.clauses; i++)
		rule.clause[i] = random_clause(b);
	if (chance(10))
		rule.rate.packets = 1 + pick(1000);
	if (chance(10))
		random_opaque(b, &rule);
	return rule;
}

// A ruleset of rules that can be written.
static struct ir_ruleset random_ruleset(struct nfi_bench *b)
{
	struct ir_ruleset set = {.default_action = chance(50) ? IR_DROP : IR_PASS};
	for (unsigned i = 1 + pick(10); i > 0; i--) {
		struct ir_rule rule = random_rule(b);
		struct diags none;
		struct ir_rule normal;
		diags_init(&none, &b->arena);
		codec_nfi_normal(&rule, &b->arena, &normal);
		// A flow rule that matches nothing still makes packets without a flow drop; it is not sent.
		bool idle = rule.flow && !normal.clauses;
		if (!idle && codec_nfi_can(&rule, &none))
			vec_push(&b->arena, &set.rule, rule);
	}
	return set;
}

// --- packets at the borders of rules ---

static u128 border_of(const struct algebra_set *set, enum ir_dim dim)
{
	struct algebra_range r = set->at[pick((unsigned)set->len)];
	u128 max = algebra_max(ir_dim_info[dim].bits);
	switch (pick(4)) {
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
	if (!set || chance(5))
		return random_value(dim);
	return chance(70) ? set->at[pick((unsigned)set->len)].lo : border_of(set, dim);
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
	unsigned p = protocols[pick(array_len(protocols))];
	for (int i = 0; i < 20 && clause && !ir_clause_allows_protocol(clause, (uint8_t)p); i++)
		p = i < 10 ? protocols[pick(array_len(protocols))] : pick(256);
	return p;
}

static void give_ip(struct ir_packet *p, const struct ir_clause *clause)
{
	unsigned versions = clause ? ir_clause_versions(clause) : 3;
	unsigned family = versions == 1 ? 4 : versions == 2 ? 6 : chance(50) ? 4 : 6;
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
	if (time && chance(30)) {
		u128 t = border_of(time, IR_TIME);
		return t > (u128)INT32_MAX * 4 ? NOW : (int64_t)t;
	}
	return NOW + (int64_t)pick(800 * 86400u) - 400 * 86400;
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

static struct ir_packet *random_packet(struct nfi_bench *b, const struct ir_ruleset *set)
{
	struct ir_packet *p = arena_new(&b->arena, struct ir_packet);
	unsigned *truths = arena_new(&b->arena, unsigned);
	const struct ir_rule *rule =
		set->rule.len ? &set->rule.at[pick((unsigned)set->rule.len)] : NULL;
	const struct ir_clause *clause =
		rule && rule->clauses ? &rule->clause[pick((unsigned)rule->clauses)] : NULL;
	*truths = (unsigned)rand_r(&seed) * 2u;
	p->opaque_holds = told;
	p->context = truths;
	p->time = near_time(clause);
	p->over_rate = chance(50);
	give(p, clause, IR_SMAC, IR_DMAC);
	if (chance(95))
		give_ip(p, clause);
	else
		give_other(p, clause);
	if (chance(80))
		p->flow = arena_memdup(&b->arena, p, sizeof(*p));
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

static const char *decision(const struct ir_ruleset *set, const struct ir_packet *p,
			    struct arena *a)
{
	struct ir_outcome o;
	ir_eval(set, p, a, &o);
	return arena_printf(a, "%s by %s, logged%s, depends on %s", ir_verdict_name[o.verdict],
			    name_of(o.rule, a), logged(&o, a), name_of(o.depends, a));
}

static void print_rules(const struct ir_ruleset *set, struct buf *out)
{
	for (size_t i = 0; i < set->rule.len; i++) {
		buf_printf(out, "  %s %s|%s: ", set->rule.at[i].flow ? "flow" : "packet",
			   set->rule.at[i].policy, set->rule.at[i].name);
		ir_rule_print(&set->rule.at[i], out);
		buf_addc(out, '\n');
	}
}

static void print_packet(const struct ir_packet *p, struct buf *out)
{
	for (unsigned d = 0; d < IR_TIME; d++)
		if (p->has >> d & 1) {
			buf_printf(out, "%s=", ir_dim_info[d].key);
			ir_value_print((enum ir_dim)d, p->value[d], out);
			buf_addc(out, ',');
		}
	buf_printf(out, "time=%lld%s\n", (long long)p->time, p->flow ? "" : ", no flow");
}

struct mismatch {
	const struct ir_ruleset *before, *after;
	const struct ir_packet *packet;
	const char *was, *is;
};

static void fail_with(struct nfi_bench *b, const struct mismatch *m)
{
	struct buf text;
	buf_init(&text);
	for (size_t i = 0; i < b->diags.list.len; i++)
		diag_print(&b->diags.list.at[i], false, &text);
	print_rules(m->before, &text);
	if (m->packet) {
		buf_printf(&text, "came back as\n");
		print_rules(m->after, &text);
		print_packet(m->packet, &text);
		buf_printf(&text, "was %s\nis  %s\n", m->was, m->is);
	}
	fputs(text.data, stderr);
	buf_fini(&text);
	fail();
}

static void encode_meaning(const struct ir_rule *rule, struct buf *out)
{
	buf_clear(out);
	ir_rule_meaning(rule, out);
}

static bool equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

// What came back is the normal form, and the normal form of the normal form is itself.
static void assert_normal(struct nfi_bench *b, const struct ir_ruleset *set,
			  const struct ir_ruleset *back)
{
	struct buf expected cleanup(buf_fini), is cleanup(buf_fini), again cleanup(buf_fini);
	size_t at = 0;
	buf_init(&expected);
	buf_init(&is);
	buf_init(&again);
	for (size_t i = 0; i < set->rule.len; i++) {
		struct ir_rule normal, twice;
		codec_nfi_normal(&set->rule.at[i], &b->arena, &normal);
		codec_nfi_normal(&normal, &b->arena, &twice);
		encode_meaning(&normal, &expected);
		encode_meaning(&twice, &again);
		if (!normal.clauses)
			continue; // a rule that matches nothing is not sent
		encode_meaning(&back->rule.at[at], &is);
		if (!equal(&expected, &is) || !equal(&expected, &again)) {
			struct ir_ruleset one = {0}, other = {0};
			vec_push(&b->arena, &one.rule, set->rule.at[i]);
			vec_push(&b->arena, &one.rule, normal);
			vec_push(&b->arena, &other.rule, back->rule.at[at]);
			vec_push(&b->arena, &other.rule, twice);
			struct ir_packet p = {0};
			fail_with(b, &(struct mismatch){&one, &other, &p, "", ""});
		}
		at++;
	}
	assert_int_equal(at, back->rule.len);
}

static void random_rulesets_decide_alike(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct nfi_bench bench, *b = &bench;
		struct ir_ruleset back;
		assert_true(nfi_bench_init(b));
		struct ir_ruleset set = random_ruleset(b);
		if (!nfi_bench_round(b, &set, &back))
			fail_with(b, &(struct mismatch){.before = &set});
		assert_int_equal(back.default_action, set.default_action);
		assert_normal(b, &set, &back);
		for (int i = 0; i < PACKETS; i++) {
			const struct ir_packet *p = random_packet(b, &set);
			const char *before = decision(&set, p, &b->arena);
			const char *after = decision(&back, p, &b->arena);
			if (strcmp(before, after) != 0)
				fail_with(b, &(struct mismatch){&set, &back, p, before, after});
		}
		nfi_bench_fini(b);
	}
}

// --- rules of the usual kind ---

struct usual {
	enum ir_dim dim;
	uint64_t lo, hi;
};

static void add_usual(struct nfi_bench *b, struct ir_ruleset *set, const struct usual *usual)
{
	struct ir_clause *clause = arena_new(&b->arena, struct ir_clause);
	for (; usual->hi; usual++)
		narrow_to(b, clause, usual->dim, usual->lo, usual->hi);
	struct ir_rule rule = {.policy = "p",
			       .name = arena_printf(&b->arena, "r%zu", set->rule.len),
			       .verdict = IR_DROP,
			       .clause = clause,
			       .clauses = 1};
	vec_push(&b->arena, &set->rule, rule);
}

static void usual_rules_come_back_byte_for_byte(void **state)
{
	static const struct usual usual[][6] = {
		{{0, 0, 0}},
		{{IR_FAMILY, 6, 6}},
		{{IR_PROTO, 6, 6}},
		{{IR_PROTO, 47, 47}},
		{{IR_PROTO, 1, 1}},
		{{IR_PROTO, 7, 255}},
		{{IR_PROTO, 6, 6}, {IR_DPORT, 22, 22}},
		{{IR_PROTO, 136, 136}, {IR_DPORT, 22, 23}},
		{{IR_DPORT, 53, 53}},
		{{IR_SRC4, 0xc0000200, 0xc00002ff}, {IR_PROTO, 6, 6}, {IR_TCPFLAGS, 2, 3}},
		{{IR_FAMILY, 4, 4}, {IR_PROTO, 1, 1}},
		{{IR_ICMP4, 8 * 256, 8 * 256 + 255}},
		{{IR_ICMP6, 128 * 256, 137 * 256 + 255}},
		{{IR_ICMP4, 3 * 256 + 1, 5 * 256 + 7}},
		{{IR_DST4, 1, 0xfffffffe}, {IR_DSCP, 8, 40}},
		{{IR_PROTO, 17, 17}, {IR_SMAC, 5, 77}},
		{{IR_SRC4, 1, 1}, {IR_SMAC, 5, 77}, {IR_DMAC, 6, 6}},
		{{IR_ETHERTYPE, 0x806, 0x806}, {IR_SMAC, 1, 0xfffffffffffe}},
		{{IR_TIME, 1000, 2000}, {IR_HOUR, 0, 200}, {IR_WDAY, 1, 4}},
		{{IR_HOUR, 0, 100}},
		{{IR_MMDD, 215, 310}, {IR_HOUR, 0, 3599}},
		{{IR_MDAY, 1, 7}, {IR_DPORT, 1, 2}, {IR_TTL, 1, 3}, {IR_PROTO, 17, 17}},
	};
	struct nfi_bench *b = *state;
	struct ir_ruleset set = {.default_action = IR_DROP}, back;
	struct buf before cleanup(buf_fini), after cleanup(buf_fini);
	buf_init(&before);
	buf_init(&after);
	for (size_t i = 0; i < array_len(usual); i++)
		add_usual(b, &set, usual[i]);
	if (!nfi_bench_round(b, &set, &back))
		fail_with(b, &(struct mismatch){.before = &set});
	assert_int_equal(back.rule.len, set.rule.len);
	for (size_t i = 0; i < set.rule.len; i++) {
		ir_rule_print(&set.rule.at[i], &before);
		ir_rule_print(&back.rule.at[i], &after);
		buf_addc(&before, '\n');
		buf_addc(&after, '\n');
	}
	if (strcmp(after.data, before.data) != 0)
		fprintf(stderr, "%s\ncame back as\n%s", before.data, after.data);
	assert_string_equal(after.data, before.data);
}

static void parts_of_rules_of_one_name_stay_apart(void **state)
{
	struct nfi_bench *b = *state;
	struct ir_ruleset set = {.default_action = IR_DROP}, back;
	for (unsigned i = 0; i < 2; i++)
		add_usual(b, &set, (const struct usual[]){{IR_TTL, 1, 3}, {0, 0, 0}});
	for (size_t i = 0; i < 2; i++) {
		set.rule.at[i].name = "r";
		set.rule.at[i].verdict = IR_RATE_LIMIT;
		set.rule.at[i].rate.packets = 500;
	}
	assert_true(nfi_bench_round(b, &set, &back));
	assert_int_equal(back.rule.len, 2); // two limits of 500 are not one of 500
	assert_int_equal(back.rule.at[0].clauses, 1);
	assert_int_equal(b->diags.list.len, 2); // six rules on the wire: a note each
	assert_int_equal(b->diags.list.at[0].severity, DIAG_NOTE);
}

// Many rules, as performance is seen by eye: the test only says that it is correct.
static void many_rules_come_back(void **state)
{
	struct nfi_bench *b = *state;
	struct ir_ruleset set = {.default_action = IR_DROP}, back;
	for (unsigned i = 0; i < 10000; i++)
		add_usual(b, &set,
			  (const struct usual[]){{IR_DST4, 256 * i, 256 * i + 255},
						 {IR_PROTO, 6, 6},
						 {IR_DPORT, 1 + i % 1000, 1 + i % 1000},
						 {0, 0, 0}});
	assert_true(nfi_bench_round(b, &set, &back));
	assert_int_equal(back.rule.len, 10000);
	struct buf before cleanup(buf_fini), after cleanup(buf_fini);
	buf_init(&before);
	buf_init(&after);
	ir_ruleset_encode(&set, &before);
	ir_ruleset_encode(&back, &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const char *wanted = getenv("BULWARK_SEED");
	if (wanted)
		seed = (unsigned)strtoul(wanted, NULL, 10);
	print_message("seed %u\n", seed);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rulesets_decide_alike),
		TEST(usual_rules_come_back_byte_for_byte),
		TEST(parts_of_rules_of_one_name_stay_apart),
		TEST(many_rules_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
