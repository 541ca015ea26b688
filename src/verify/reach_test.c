// SPDX-License-Identifier: Apache-2.0
// Reach against brute force: on random small networks every packet of a small space is walked along every way with ir_eval,
// by code of its own, and everything that verify_reach says is compared with what then happened.
#include "verify/reach.h"
#include "base/diag.h"
#include "ir/test.h"
#include "verify/test_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1795000000 // 2026-11-18
#define ZONES 4
#define HOSTS 3 // in a zone: 10.0.ZONE.HOST
#define NSFS_MOST 4
#define SERVICES 19
#define TRUTHS 4 // alice or not, bob or not

// All services that rules of this test can tell apart; the port 7 and protocol 47 stand for the rest.
static const struct service {
	uint8_t proto;
	uint16_t sport, dport, icmp;
} services[SERVICES] = {
	{6, 40000, 80, 0},  {6, 40000, 443, 0},  {6, 40000, 53, 0},  {6, 40000, 7, 0},
	{6, 100, 80, 0},    {6, 100, 443, 0},    {6, 100, 53, 0},    {6, 100, 7, 0},
	{17, 40000, 80, 0}, {17, 40000, 443, 0}, {17, 40000, 53, 0}, {17, 40000, 7, 0},
	{17, 100, 80, 0},   {17, 100, 443, 0},   {17, 100, 53, 0},   {17, 100, 7, 0},
	{47, 0, 0, 0},      {1, 0, 0, 8 * 256},  {1, 0, 0, 3 * 256}};

struct world {
	struct arena arena;
	struct test_random random;
	struct verify_network network;
	struct verify_end end[ZONES];
	const char *iface[NSFS_MOST][ZONES];
};

static uint32_t below(struct world *w, uint32_t n)
{
	return test_random_below(&w->random, n);
}

static struct algebra_set one(struct arena *a, u128 lo, u128 hi)
{
	return algebra_set_one(a, lo, hi);
}

static void random_addresses(struct world *w, struct ir_clause *clause, enum ir_dim dim)
{
	u128 zone = 0x0a000000u + below(w, ZONES) * 256u, lo = below(w, HOSTS + 1), hi = 255;
	if (below(w, 2))
		hi = lo + below(w, 2);
	else
		lo = 0;
	(void)!ir_clause_narrow(clause, &w->arena, dim, one(&w->arena, zone + lo, zone + hi));
}

static void random_service(struct world *w, struct ir_clause *clause)
{
	const struct service *s = &services[below(w, SERVICES)];
	struct arena *a = &w->arena;
	if (below(w, 3))
		(void)!ir_clause_narrow(clause, a, IR_PROTO, one(a, s->proto, s->proto));
	if (s->dport > 7 && below(w, 3))
		(void)!ir_clause_narrow(clause, a, IR_DPORT, one(a, s->dport, s->dport));
	if (s->icmp && below(w, 2))
		(void)!ir_clause_narrow(clause, a, IR_ICMP4, one(a, s->icmp, s->icmp + 255u));
	if (s->dport == 80 && !below(w, 3)) // a rule for answers
		(void)!ir_clause_narrow(clause, a, IR_SPORT, one(a, 80, 443));
}

static void random_state(struct world *w, struct ir_clause *clause)
{
	struct arena *a = &w->arena;
	unsigned state = below(w, 3);
	if (!below(w, 4))
		(void)!ir_clause_narrow(clause, a, IR_STATE, one(a, state, state + below(w, 2)));
	if (!below(w, 12))
		(void)!ir_clause_narrow(clause, a, IR_TCPFLAGS, one(a, 2, 2));
	else if (!below(w, 12))
		(void)!ir_clause_narrow(clause, a, IR_TCPFLAGS, one(a, 16, 31));
	if (!below(w, 5)) {
		u128 eth = (u128)('e' << 8 | ('0' + (int)below(w, 3))) << 112;
		(void)!ir_clause_narrow(clause, a, below(w, 2) ? IR_IN : IR_OUT, one(a, eth, eth));
	}
	if (!below(w, 8))
		(void)!ir_clause_narrow(clause, a, IR_FRAGOFF, one(a, below(w, 2), 1));
}

static struct ir_clause random_clause(struct world *w)
{
	struct ir_clause clause = {0};
	if (below(w, 3))
		random_addresses(w, &clause, IR_SRC4);
	if (below(w, 3))
		random_addresses(w, &clause, IR_DST4);
	random_service(w, &clause);
	random_state(w, &clause);
	return clause;
}

static struct ir_ruleset *random_ruleset(struct world *w, uint32_t most)
{
	struct ir_ruleset *set = arena_new(&w->arena, struct ir_ruleset);
	static const enum ir_verdict verdicts[] = {IR_PASS,   IR_PASS,       IR_PASS, IR_DROP,
						   IR_REJECT, IR_RATE_LIMIT, IR_NONE};
	static const char *users[] = {"alice", "bob"};
	bool flows = below(w, 2);
	set->default_action = below(w, 3) ? IR_DROP : below(w, 2) ? IR_PASS : IR_NONE;
	for (uint32_t i = 0, n = below(w, most); i < n; i++) {
		struct ir_rule rule = {.name = arena_printf(&w->arena, "r%u", i), .policy = "p"};
		rule.verdict = verdicts[below(w, array_len(verdicts))];
		rule.rate.packets = rule.verdict == IR_RATE_LIMIT ? 10 : 0;
		rule.flow = flows && below(w, 4);
		rule.clauses = 1 + !below(w, 3);
		rule.clause = arena_array(&w->arena, struct ir_clause, rule.clauses);
		for (size_t k = 0; k < rule.clauses; k++)
			rule.clause[k] = random_clause(w);
		rule.opaques = !below(w, 6);
		rule.opaque = arena_new(&w->arena, struct ir_opaque);
		*rule.opaque = (struct ir_opaque){.kind = IR_OPAQUE_USER,
						  .value = &users[below(w, 2)],
						  .len = 1,
						  .negated = !below(w, 3)};
		vec_push(&w->arena, &set->rule, rule);
	}
	return set;
}

static void random_network(struct world *w, uint64_t seed)
{
	*w = (struct world){.random = {seed}};
	arena_init(&w->arena);
	static const char *names[] = {"a", "b", "c", "d"}, *eths[] = {"e0", "e1", "e2"},
			  *domains[] = {"north", "south"};
	for (size_t z = 0; z < ZONES; z++) {
		u128 at = 0x0a000000u + z * 256;
		struct algebra_set v4 = one(&w->arena, at, at + HOSTS - 1);
		struct verify_zone zone = {.name = names[z], .transit = below(w, 2), .v4 = v4};
		w->end[z] = (struct verify_end){names[z], z, v4, {0}};
		vec_push(&w->arena, &w->network.zone, zone);
	}
	for (uint32_t n = 0, nsfs = 1 + below(w, NSFS_MOST); n < nsfs; n++) {
		struct verify_link *link = arena_array(&w->arena, struct verify_link, ZONES);
		size_t links = 0;
		for (size_t z = 0; z < ZONES; z++)
			if (below(w, 2))
				link[links++] = (struct verify_link){z, eths[links % 3]};
		struct verify_nsf nsf = {names[n], domains[below(w, 2)], random_ruleset(w, 9), link,
					 links};
		vec_push(&w->arena, &w->network.nsf, nsf);
	}
}

// --- brute force ---

struct case_of {
	size_t source, target, service, truths; // hosts by number in their zones
};

// What happened to a case on all ways.
struct fate {
	size_t ways, passed, answered; // ways; those on which it passed; and its reply
};

struct walker {
	struct world *world;
	struct arena scratch;
	size_t to;
	const struct case_of *of;
	struct ir_truths truths;
	bool zone_seen[ZONES], nsf_seen[NSFS_MOST];
	size_t nsf[NSFS_MOST], in[NSFS_MOST], out[NSFS_MOST], len; // links
	struct fate fate;
	const struct verify_pair *pair; // answers, which must know what was seen
	const struct verify_reach *reach;
};

static u128 eth_value(const char *name)
{
	return (u128)((unsigned)name[0] << 8 | (unsigned)name[1]) << 112;
}

static struct ir_packet packet_at(const struct walker *k, size_t step, bool reply)
{
	const struct service *s = &services[k->of->service];
	const struct verify_nsf *nsf = &k->world->network.nsf.at[k->nsf[step]];
	size_t in = reply ? k->out[step] : k->in[step], out = reply ? k->in[step] : k->out[step];
	struct ir_packet p = {.time = NOW, .reply = reply};
	p.context = (void *)&k->truths;
	p.opaque_holds = ir_truths_hold;
	ir_packet_set(&p, IR_FAMILY, 4);
	ir_packet_set(&p, reply ? IR_DST4 : IR_SRC4, k->of->source);
	ir_packet_set(&p, reply ? IR_SRC4 : IR_DST4, k->of->target);
	ir_packet_set(&p, IR_PROTO, s->proto);
	if (s->dport) {
		ir_packet_set(&p, reply ? IR_DPORT : IR_SPORT, s->sport);
		ir_packet_set(&p, reply ? IR_SPORT : IR_DPORT, s->dport);
	}
	if (s->proto == 1)
		ir_packet_set(&p, IR_ICMP4, reply ? 0 : s->icmp);
	if (s->proto == 6)
		ir_packet_set(&p, IR_TCPFLAGS, reply ? 18 : 2);
	ir_packet_set(&p, IR_FRAGOFF, 0);
	ir_packet_set(&p, IR_STATE, reply ? IR_STATE_ESTABLISHED : IR_STATE_NEW);
	ir_packet_set(&p, IR_IN, eth_value(nsf->link[in].interface));
	ir_packet_set(&p, IR_OUT, eth_value(nsf->link[out].interface));
	return p;
}

static struct ir_outcome judge(struct walker *k, size_t step, bool reply)
{
	struct ir_packet first = packet_at(k, step, false), back = packet_at(k, step, true);
	struct ir_outcome outcome;
	first.flow = back.flow = &first;
	ir_eval(k->world->network.nsf.at[k->nsf[step]].ruleset, reply ? &back : &first, &k->scratch,
		&outcome);
	return outcome;
}

static bool lets_pass(const struct ir_outcome *outcome)
{
	return outcome->verdict == IR_PASS || outcome->verdict == IR_RATE_LIMIT;
}

static bool knows_blocker(const struct walker *k, size_t step, const struct ir_outcome *outcome)
{
	for (size_t i = 0; i < k->pair->blocker.len; i++)
		if (k->pair->blocker.at[i].step.nsf == k->nsf[step] &&
		    k->pair->blocker.at[i].step.rule == outcome->rule)
			return true;
	return k->pair->blocker_more;
}

static bool is_explicit(const struct ir_outcome *outcome)
{
	bool any = outcome->rule && outcome->rule->opaques;
	for (size_t i = 0; outcome->rule && i < outcome->rule->clauses; i++)
		any |= outcome->rule->clause[i].len > 0;
	return any;
}

static bool knows_contradiction(const struct walker *k, const struct ir_rule *passes,
				const struct ir_rule *drops)
{
	for (size_t i = 0; i < k->reach->contradiction.len; i++)
		if (k->reach->contradiction.at[i].passes.rule == passes &&
		    k->reach->contradiction.at[i].drops.rule == drops)
			return true;
	return k->reach->contradictions_more;
}

static void check_domains(struct walker *k)
{
	const struct verify_nsf *nsf = k->world->network.nsf.at;
	for (size_t i = 0; i < k->len; i++)
		for (size_t j = 0; j < k->len; j++) {
			if (nsf[k->nsf[i]].domain == nsf[k->nsf[j]].domain)
				continue;
			struct ir_outcome a = judge(k, i, false), b = judge(k, j, false);
			if (is_explicit(&a) && is_explicit(&b) && lets_pass(&a) && !lets_pass(&b))
				assert_true(knows_contradiction(k, a.rule, b.rule));
		}
}

static void end_of_way(struct walker *k)
{
	bool passes = true, answered = true;
	size_t step;
	for (step = 0; step < k->len && passes; step++) {
		struct ir_outcome outcome = judge(k, step, false);
		passes = lets_pass(&outcome);
		assert_true(passes || knows_blocker(k, step, &outcome));
	}
	for (step = k->len; step-- > 0 && passes;) {
		struct ir_outcome outcome = judge(k, step, true);
		answered &= lets_pass(&outcome) || services[k->of->service].icmp >> 8 == 3;
	}
	check_domains(k);
	k->fate.ways++;
	k->fate.passed += passes;
	k->fate.answered += passes && answered;
}

static void go(struct walker *k, size_t zone)
{
	const struct verify_network *n = &k->world->network;
	if (zone == k->to) {
		end_of_way(k);
		return;
	}
	if (k->len && !n->zone.at[zone].transit)
		return;
	k->zone_seen[zone] = true;
	for (size_t i = 0; i < n->nsf.len; i++)
		for (size_t in = 0; in < n->nsf.at[i].links && !k->nsf_seen[i]; in++)
			for (size_t out = 0; out < n->nsf.at[i].links; out++) {
				size_t next = n->nsf.at[i].link[out].zone;
				if (n->nsf.at[i].link[in].zone != zone || k->zone_seen[next])
					continue;
				k->nsf[k->len] = i;
				k->in[k->len] = in;
				k->out[k->len++] = out;
				k->nsf_seen[i] = true;
				go(k, next);
				k->nsf_seen[i] = false;
				k->len--;
			}
	k->zone_seen[zone] = false;
}

static struct fate fate_of(struct world *w, const struct verify_reach *reach,
			   const struct verify_pair *pair, const struct case_of *of)
{
	struct walker k = {.world = w, .to = pair->to, .of = of, .reach = reach, .pair = pair};
	arena_init(&k.scratch);
	k.truths.all_known = true;
	if (of->truths & 1)
		vec_push(&k.scratch, &k.truths.told, (struct ir_told){IR_OPAQUE_USER, "alice"});
	if (of->truths & 2)
		vec_push(&k.scratch, &k.truths.told, (struct ir_told){IR_OPAQUE_USER, "bob"});
	go(&k, pair->from);
	arena_fini(&k.scratch);
	return k.fate;
}

// --- what was said ---

static bool said_of(const struct verify_service *said, size_t number, size_t truths)
{
	const struct service *s = &services[number];
	struct ir_packet p = {.time = NOW};
	ir_packet_set(&p, IR_FAMILY, 4);
	ir_packet_set(&p, IR_PROTO, s->proto);
	if (s->dport) {
		ir_packet_set(&p, IR_SPORT, s->sport);
		ir_packet_set(&p, IR_DPORT, s->dport);
	}
	if (s->proto == 1)
		ir_packet_set(&p, IR_ICMP4, s->icmp);
	for (size_t i = 0; i < said->condition.len; i++) {
		const struct verify_condition *c = &said->condition.at[i];
		bool alice = !strcmp(c->opaque->value[0], "alice");
		if (((truths & (alice ? 1 : 2)) != 0) != c->holds)
			return false;
	}
	return ir_clause_matches(&said->clause, &(struct ir_rule){0}, &p);
}

// Of all hosts of a pair, for one service under one set of truths.
struct truth_of_service {
	bool some, all, uneven, lost;
};

static struct truth_of_service happened(struct world *w, const struct verify_reach *reach,
					const struct verify_pair *pair, size_t service,
					size_t truths)
{
	struct truth_of_service t = {.all = true};
	for (size_t i = 0; i < HOSTS; i++)
		for (size_t j = 0; j < HOSTS; j++) {
			struct case_of of = {0x0a000000u + pair->from * 256 + i,
					     0x0a000000u + pair->to * 256 + j, service, truths};
			struct fate f = fate_of(w, reach, pair, &of);
			assert_int_equal(f.ways, pair->way.len);
			t.some |= f.passed > 0;
			t.all &= f.passed > 0;
			t.uneven |= f.passed && f.passed < f.ways;
			t.lost |= f.passed && !f.answered;
		}
	return t;
}

// A line says that it is so of all that it covers, or else that it is not so of something.
static void check_line(const struct verify_service *said, size_t service,
		       const struct truth_of_service *truth)
{
	bool whole = true, even = true, lost = false, any = false;
	for (size_t t = 0; t < TRUTHS; t++) {
		if (!said_of(said, service, t))
			continue;
		assert_true(truth[t].some);
		any = true;
		whole &= truth[t].all;
		even &= !truth[t].uneven;
		lost |= truth[t].lost;
	}
	assert_true(!any || said->every_host == whole);
	assert_true(!any || said->every_way == even);
	if (any && said->replies != VERIFY_REPLIES_LOST_SOME)
		assert_int_equal(said->replies == VERIFY_REPLIES_LOST, lost);
}

static void check_service(struct world *w, const struct verify_reach *reach,
			  const struct verify_pair *pair, size_t service, bool *any, bool *all)
{
	struct truth_of_service truth[TRUTHS];
	bool never = true;
	for (size_t t = 0; t < TRUTHS; t++) {
		truth[t] = happened(w, reach, pair, service, t);
		never &= !truth[t].some;
		*any |= truth[t].some;
		*all &= truth[t].all;
	}
	for (size_t t = 0; t < TRUTHS; t++) {
		bool open = false;
		for (size_t i = 0; i < pair->open.len; i++)
			open |= said_of(&pair->open.at[i], service, t);
		assert_int_equal(open, truth[t].some);
	}
	bool closed = false;
	for (size_t i = 0; i < pair->closed.len; i++)
		closed |= said_of(&pair->closed.at[i], service, 0);
	assert_int_equal(closed, never);
	for (size_t i = 0; i < pair->open.len; i++)
		check_line(&pair->open.at[i], service, truth);
}

static void check_pair(struct world *w, const struct verify_reach *reach,
		       const struct verify_pair *pair)
{
	bool any = false, all = true, uneven = false;
	if (pair->together)
		return;
	for (size_t s = 0; s < SERVICES; s++)
		check_service(w, reach, pair, s, &any, &all);
	assert_int_equal(pair->none, !any);
	assert_int_equal(pair->all, all);
	for (size_t i = 0; i < pair->open.len; i++) {
		assert_non_null(pair->open.at[i].walk);
		assert_int_equal(pair->open.at[i].versions, 1);
		uneven |= !pair->open.at[i].every_way;
		if (pair->open.at[i].replies != VERIFY_REPLIES_PASS)
			assert_true(pair->open.at[i].walk->reply_lost);
	}
	assert_int_equal(pair->uneven.len > 0, uneven);
}

static void check_world(uint64_t seed)
{
	struct world w;
	random_network(&w, seed);
	static const uint8_t protos[] = {1, 6, 17, 47};
	struct algebra_builder builder = {.arena = &w.arena};
	for (size_t i = 0; i < array_len(protos); i++)
		algebra_builder_add(&builder, protos[i], protos[i]);
	struct ir_clause where = {0};
	assert_true(ir_clause_narrow(&where, &w.arena, IR_PROTO, algebra_builder_take(&builder)));
	struct verify_options options = {.from = NOW, .until = NOW + 86400, .where = &where};
	struct verify_reach_question question = {.network = &w.network,
						 .from = w.end,
						 .to = w.end,
						 .froms = ZONES,
						 .tos = ZONES,
						 .options = &options};
	struct verify_reach reach;
	verify_reach(&question, &w.arena, &reach);
	assert_int_equal(reach.status, VERIFY_DONE);
	assert_int_equal(reach.pair.len, ZONES * ZONES);
	for (size_t i = 0; i < reach.pair.len; i++)
		check_pair(&w, &reach, &reach.pair.at[i]);
	arena_fini(&w.arena);
}

static void random_networks_answer_as_packets_fare(void **state)
{
	(void)state;
	uint64_t seed = test_random_seed(getenv("BULWARK_SEED"));
	const char *rounds = getenv("BULWARK_ROUNDS");
	for (uint64_t i = 0, n = rounds ? strtoull(rounds, NULL, 10) : 60; i < n; i++) {
		if (rounds && n == 1)
			print_message("world %llu\n", (unsigned long long)(seed + i));
		check_world(seed + i);
	}
}

// --- ways ---

#define CLIQUE 14

// Every two of the first zones are joined by an NSF that passes everything; the last zone hangs on the first alone.
static void make_maze(struct world *w)
{
	struct ir_ruleset *open = arena_new(&w->arena, struct ir_ruleset);
	open->default_action = IR_PASS;
	for (size_t z = 0; z <= CLIQUE; z++) {
		u128 at = 0x0a000000u + z * 256;
		struct verify_zone zone = {
			.name = "z", .transit = true, .v4 = one(&w->arena, at, at + 255)};
		vec_push(&w->arena, &w->network.zone, zone);
	}
	for (size_t a = 0; a < CLIQUE; a++)
		for (size_t b = a + 1; b < CLIQUE + !a; b++) {
			struct verify_link *link = arena_array(&w->arena, struct verify_link, 2);
			link[0].zone = a;
			link[1].zone = b;
			vec_push(&w->arena, &w->network.nsf,
				 (struct verify_nsf){"n", NULL, open, link, 2});
		}
}

static void reach_between(struct world *w, size_t from, size_t to, struct verify_reach *out)
{
	struct verify_end ends[2] = {{"from", from, w->network.zone.at[from].v4, {0}},
				     {"to", to, w->network.zone.at[to].v4, {0}}};
	struct verify_options options = {.from = NOW, .until = NOW + 1};
	struct verify_reach_question question = {.network = &w->network,
						 .from = &ends[0],
						 .to = &ends[1],
						 .froms = 1,
						 .tos = 1,
						 .options = &options};
	verify_reach(&question, &w->arena, out);
}

// A search that tried every beginning of a way would not come back from the clique.
static void a_maze_is_no_trap(void **state)
{
	(void)state;
	struct world w = {0};
	struct verify_reach reach;
	arena_init(&w.arena);
	make_maze(&w);
	reach_between(&w, 0, CLIQUE, &reach);
	assert_int_equal(reach.status, VERIFY_DONE);
	assert_int_equal(reach.pair.at[0].way.len, 1);
	assert_true(reach.pair.at[0].all && !reach.pair.at[0].none);
	reach_between(&w, 1, 2, &reach);
	assert_int_equal(reach.status, VERIFY_OVER_BUDGET);
	arena_fini(&w.arena);
}

// --- what the random networks do not have: IPv6, times, rates ---

static const struct ir_ruleset *ruleset_of(struct world *w, const char *const *text, size_t n)
{
	struct ir_ruleset *set = arena_new(&w->arena, struct ir_ruleset);
	set->default_action = IR_DROP;
	for (size_t i = 0; i < n; i++) {
		struct diags diags;
		struct ir_rule rule;
		diags_init(&diags, &w->arena);
		assert_true(ir_rule_parse(text[i], "rule", &w->arena, &diags, &rule));
		rule.rate.packets = rule.verdict == IR_DROP ? 100 : 0;
		vec_push(&w->arena, &set->rule, rule);
	}
	return set;
}

static void versions_times_and_rates(void **state)
{
	(void)state;
	static const char *const rules[] = {
		"action=drop,name=flood,proto=tcp,dport=80",
		"action=pass,name=web,proto=tcp,dport=80,flow=yes",
		"action=pass,name=later,src=2001:db8::/32,proto=udp,dport=53,flow=yes,"
		"time=2026-11-19T00:00:00Z..",
	};
	struct world w = {0};
	static const struct verify_link links[] = {{0, NULL}, {1, NULL}};
	arena_init(&w.arena);
	for (size_t z = 0; z < 2; z++) {
		u128 v4 = 0x0a000000u + z * 256, v6 = (u128)(0x20010db8u + z) << 96;
		struct verify_zone zone = {.name = "z",
					   .v4 = one(&w.arena, v4, v4 + 255),
					   .v6 = one(&w.arena, v6, v6 + 9)};
		w.end[z] = (struct verify_end){"z", z, zone.v4, zone.v6};
		vec_push(&w.arena, &w.network.zone, zone);
	}
	vec_push(&w.arena, &w.network.nsf,
		 (struct verify_nsf){"n", NULL, ruleset_of(&w, rules, 3), links, 2});
	struct verify_options options = {.from = NOW, .until = NOW + 7 * 86400};
	struct verify_reach_question question = {&w.network, &w.end[0], &w.end[1], 1, 1, &options};
	struct verify_reach reach;
	verify_reach(&question, &w.arena, &reach);
	assert_int_equal(reach.status, VERIFY_DONE);
	const struct verify_pair *pair = &reach.pair.at[0];
	assert_int_equal(pair->open.len, 2);
	size_t web = pair->open.at[0].condition.len ? 0 : 1;
	const struct verify_service *s = &pair->open.at[web], *dns = &pair->open.at[1 - web];
	assert_int_equal(s->versions, 3);
	assert_int_equal(s->condition.len, 1);
	assert_true(s->condition.at[0].rate && !s->condition.at[0].holds);
	assert_false(s->walk->packet->over_rate);
	assert_int_equal(dns->versions, 2);
	assert_non_null(ir_clause_set(&dns->clause, IR_TIME));
	assert_true(dns->every_host && dns->walk->packet->time >= NOW);
	assert_string_equal(dns->walk->step[0].rule->name, "later");
	arena_fini(&w.arena);
}

// Interfaces that are not known are part of the service, and a reply goes back through them.
static void unknown_interfaces_change_sides(void **state)
{
	(void)state;
	static const char *const rules[] = {
		"action=pass,name=out,proto=udp,dport=53,in=lan,out=wan",
		"action=pass,name=back,proto=udp,sport=53,in=wan,out=lan,state=established",
	};
	static const struct verify_link links[] = {{0, NULL}, {1, NULL}};
	for (size_t n = 1; n <= 2; n++) {
		struct world w = {0};
		struct verify_reach reach;
		arena_init(&w.arena);
		for (size_t z = 0; z < 2; z++) {
			u128 at = 0x0a000000u + z * 256;
			struct verify_zone zone = {.name = "z", .v4 = one(&w.arena, at, at + 255)};
			vec_push(&w.arena, &w.network.zone, zone);
		}
		vec_push(&w.arena, &w.network.nsf,
			 (struct verify_nsf){"n", NULL, ruleset_of(&w, rules, n), links, 2});
		reach_between(&w, 0, 1, &reach);
		assert_int_equal(reach.status, VERIFY_DONE);
		assert_int_equal(reach.pair.at[0].open.len, 1);
		const struct verify_service *s = &reach.pair.at[0].open.at[0];
		assert_non_null(ir_clause_set(&s->clause, IR_IN));
		assert_int_equal(s->replies, n == 1 ? VERIFY_REPLIES_LOST : VERIFY_REPLIES_PASS);
		assert_int_equal(s->walk->reply_lost, n == 1);
		arena_fini(&w.arena);
	}
}

// --- large rulesets ---

static u128 value_near(struct test_random *random, const struct algebra_set *set, u128 lo, u128 hi)
{
	u128 value = set ? set->at[0].lo : lo + test_random_next(random) % (hi - lo + 1);
	return value < lo ? lo : value > hi ? hi : value;
}

// A packet between the ends that some rule may well be about.
static struct ir_packet packet_near(struct test_random *random, const struct ir_clause *clause,
				    u128 from, u128 to, u128 size)
{
	struct ir_packet p = {.time = NOW};
	const struct algebra_set *proto = ir_clause_set(clause, IR_PROTO);
	ir_packet_set(&p, IR_FAMILY, 4);
	ir_packet_set(&p, IR_SRC4,
		      value_near(random, ir_clause_set(clause, IR_SRC4), from, from + size));
	ir_packet_set(&p, IR_DST4,
		      value_near(random, ir_clause_set(clause, IR_DST4), to, to + size));
	ir_packet_set(&p, IR_PROTO, proto && proto->at[0].lo == 17 ? 17 : 6);
	ir_packet_set(&p, IR_SPORT, value_near(random, ir_clause_set(clause, IR_SPORT), 0, 65535));
	ir_packet_set(&p, IR_DPORT, value_near(random, ir_clause_set(clause, IR_DPORT), 0, 65535));
	ir_packet_set(&p, IR_STATE, IR_STATE_NEW);
	return p;
}

static bool said_open(const struct verify_pair *pair, const struct ir_packet *packet)
{
	static const struct ir_rule any = {.verdict = IR_PASS};
	for (size_t i = 0; i < pair->open.len; i++)
		if (ir_clause_matches(&pair->open.at[i].clause, &any, packet))
			return true;
	return pair->open_more;
}

static void check_packets(struct world *w, const struct verify_pair *pair,
			  const struct ir_ruleset *set, u128 from, u128 to, u128 size)
{
	size_t passed = 0;
	for (size_t i = 0; i < 3000; i++) {
		struct ir_outcome outcome;
		const struct ir_rule *rule = &set->rule.at[i % set->rule.len];
		struct ir_packet p = packet_near(&w->random, &rule->clause[0], from, to, size);
		p.flow = &p;
		ir_eval(set, &p, &w->arena, &outcome);
		passed += lets_pass(&outcome);
		assert_true(!lets_pass(&outcome) || said_open(pair, &p));
		assert_true(lets_pass(&outcome) || !pair->all);
	}
	assert_true(!passed || !pair->none);
}

// Between a few addresses only the rules about them are looked at; that leaves nothing out.
static void few_addresses_in_large_rulesets(void **state)
{
	(void)state;
	static const struct verify_link links[] = {{0, NULL}, {1, NULL}};
	for (unsigned round = 0; round < 12; round++) {
		struct world w = {.random = {round}};
		struct ir_ruleset set;
		struct test_sets_spec spec = {round % TEST_SETS_KINDS, 4, 700, 40 + round};
		struct verify_reach reach;
		arena_init(&w.arena);
		test_sets_make(&spec, &w.arena, &set);
		u128 size = round % 2 ? 0x00ffffff : 0xff, from = 0, to = 0;
		for (size_t i = 0; i < set.rule.len && !(from && to); i++) {
			const struct ir_clause *clause = &set.rule.at[i].clause[0];
			if (ir_clause_set(clause, IR_SRC4) && ir_clause_set(clause, IR_DST4)) {
				from = ir_clause_set(clause, IR_SRC4)->at[0].lo & ~size;
				to = ir_clause_set(clause, IR_DST4)->at[0].lo & ~size;
			}
		}
		for (size_t z = 0; z < 2; z++) {
			u128 at = z ? to : from;
			struct verify_zone zone = {.name = "z", .v4 = one(&w.arena, at, at + size)};
			vec_push(&w.arena, &w.network.zone, zone);
		}
		vec_push(&w.arena, &w.network.nsf, (struct verify_nsf){"n", NULL, &set, links, 2});
		reach_between(&w, 0, 1, &reach);
		assert_int_equal(reach.status, VERIFY_DONE);
		check_packets(&w, &reach.pair.at[0], &set, from, to, size);
		arena_fini(&w.arena);
	}
}

// The first and the last address of an end count.
static void the_outermost_addresses_count(void **state)
{
	(void)state;
	static const char *const passes[] = {
		"action=pass,name=first,src=10.0.0.10,dst=10.1.0.10,proto=udp,dport=53,flow=yes",
		"action=pass,name=last,src=10.0.0.13,dst=10.1.0.13,proto=tcp,dport=80,flow=yes"};
	static const struct verify_link links[] = {{0, NULL}, {1, NULL}};
	struct world w = {0};
	struct verify_reach reach;
	arena_init(&w.arena);
	struct ir_ruleset set = *ruleset_of(&w, passes, 2);
	for (unsigned i = 0; i < 400; i++) { // many addresses on both sides
		const char *text = arena_printf(
			&w.arena, "action=reject,src=10.0.2.%u,dst=10.1.2.%u", i % 200, i % 199);
		struct ir_rule rule = ruleset_of(&w, &text, 1)->rule.at[0];
		vec_push(&w.arena, &set.rule, rule);
	}
	for (size_t z = 0; z < 2; z++) {
		u128 at = 0x0a000000u + z * 65536;
		struct verify_zone zone = {.name = "z", .v4 = one(&w.arena, at + 10, at + 13)};
		vec_push(&w.arena, &w.network.zone, zone);
	}
	vec_push(&w.arena, &w.network.nsf, (struct verify_nsf){"n", NULL, &set, links, 2});
	reach_between(&w, 0, 1, &reach);
	const struct verify_pair *pair = &reach.pair.at[0];
	assert_int_equal(pair->open.len, 2);
	assert_false(pair->open.at[0].every_host || pair->open.at[1].every_host);
	arena_fini(&w.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_maze_is_no_trap),
		cmocka_unit_test(versions_times_and_rates),
		cmocka_unit_test(the_outermost_addresses_count),
		cmocka_unit_test(few_addresses_in_large_rulesets),
		cmocka_unit_test(unknown_interfaces_change_sides),
		cmocka_unit_test(random_networks_answer_as_packets_fare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
