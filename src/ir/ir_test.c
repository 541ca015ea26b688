// SPDX-License-Identifier: Apache-2.0
// The IR against naive references: periods against the C library's calendar, order against a direct
// search for the winning rule, lowering against the interpreter, bytes against truncation and
// mutation.
#include "ir/turn.h"
#include "base/diag.h"
#include "base/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define DAY 86400
#define NOW 1773219600 // 2026-03-11T09:00:00Z

static unsigned seed;

static unsigned pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static int start(void **state)
{
	struct arena *a = malloc(sizeof(*a));
	arena_init(a);
	*state = a;
	seed = 8329;
	return 0;
}

static int stop(void **state)
{
	arena_fini(*state);
	free(*state);
	return 0;
}

// --- time ---

static void dates_equal_the_c_library(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t days = (int64_t)pick(80000) - 20000, year;
		time_t t = days * DAY;
		struct tm tm;
		unsigned month, day;
		gmtime_r(&t, &tm);
		ir_civil_from_days(days, &year, &month, &day);
		assert_int_equal(year, tm.tm_year + 1900);
		assert_int_equal(month, tm.tm_mon + 1);
		assert_int_equal(day, tm.tm_mday);
		assert_int_equal(ir_days_from_civil(year, month, day), days);
	}
	assert_int_equal(ir_days_in_month(2024, 2), 29);
	assert_int_equal(ir_days_in_month(2100, 2), 28);
}

static void times_are_read_strictly(void **state)
{
	(void)state;
	int64_t t;
	char text[32];
	assert_true(ir_time_parse("2026-03-11T09:00:00Z", &t) && t == NOW);
	assert_true(ir_time_parse("2026-03-11T18:00:00.25+09:00", &t) && t == NOW);
	assert_true(ir_time_parse("2026-03-11T04:30:00-04:30", &t) && t == NOW);
	ir_time_print(NOW, text);
	assert_string_equal(text, "2026-03-11T09:00:00Z");
	static const char *const bad[] = {"",
					  "2026-03-11",
					  "2026-02-29T00:00:00Z",
					  "2026-13-01T00:00:00Z",
					  "2026-03-11T24:00:00Z",
					  "2026-03-11T09:00:00",
					  "2026-03-11T09:00:00.Z",
					  "2026-03-11T09:00:00+9",
					  "2026-03-11T09:00:00Zx",
					  "20260311T090000Z"};
	for (size_t i = 0; i < array_len(bad); i++)
		assert_false(ir_time_parse(bad[i], &t));
}

static struct algebra_set some_days_of_the_year(struct arena *a)
{
	struct algebra_builder b = {.arena = a};
	for (unsigned i = 0; i < 3; i++) {
		unsigned from = 101 + pick(1100);
		algebra_builder_add(&b, from, from + pick(60));
	}
	return algebra_builder_take(&b);
}

static struct ir_period some_period(struct arena *a)
{
	struct ir_period p = {.frequency = (enum ir_frequency)pick(5),
			      .zone = ((int32_t)pick(29) - 14) * 3600};
	p.has_start = pick(2);
	p.start = NOW + (int64_t)pick(40 * DAY) - 20 * DAY;
	p.has_end = pick(2);
	p.end = p.start + (int64_t)pick(300 * DAY);
	p.has_from = pick(4) != 0;
	p.has_to = pick(4) != 0;
	p.from = (int32_t)pick(24) * 3600;
	p.to = pick(8) ? (int32_t)pick(DAY) : p.from;
	p.weekdays = (uint8_t)(1 + pick(127));
	p.monthdays = (1u << (1 + pick(31))) | (1u << (1 + pick(31)));
	p.yeardays = some_days_of_the_year(a);
	return p;
}

// Straight from the models' words: a period begins on selected local days at `from` and ends at the
// next `to`.
static bool naive_active(const struct ir_period *p, int64_t t)
{
	if ((p->has_start && t < p->start) || (p->has_end && t >= p->end))
		return false;
	if (p->frequency == IR_ONLY_ONCE)
		return true;
	int64_t from = p->has_from ? p->from : 0, to = p->has_to ? p->to : DAY;
	if (to <= from)
		to += DAY;
	for (int back = 0; back < 2; back++) {
		time_t local = t + p->zone - back * DAY, second = local % DAY + back * DAY;
		struct tm tm;
		gmtime_r(&local, &tm);
		bool selected =
			p->frequency == IR_DAILY ||
			(p->frequency == IR_WEEKLY &&
			 (p->weekdays >> ((tm.tm_wday + 6) % 7) & 1)) ||
			(p->frequency == IR_MONTHLY && (p->monthdays >> tm.tm_mday & 1)) ||
			(p->frequency == IR_YEARLY &&
			 algebra_set_has(p->yeardays, (u128)((tm.tm_mon + 1) * 100 + tm.tm_mday)));
		if (selected && second >= from && second < to)
			return true;
	}
	return false;
}

static bool clause_active(const struct ir_clause *clause, int64_t t)
{
	struct ir_packet packet = {.time = t};
	struct ir_rule rule = {.verdict = IR_PASS};
	return ir_clause_matches(clause, &rule, &packet);
}

static void periods_mean_what_the_models_say(void **state)
{
	struct arena *a = *state;
	unsigned active = 0;
	for (int round = 0; round < 1500; round++) {
		struct ir_period p = some_period(a);
		struct ir_clause clause;
		bool ever = ir_period_clause(&p, a, &clause);
		for (int i = 0; i < 60; i++) {
			int64_t t = NOW + (int64_t)pick(500 * DAY) - 30 * DAY;
			if (i % 3 == 0) // around the edges
				t = t - t % DAY - p.zone + (pick(2) ? p.from : p.to) +
				    (int)pick(3) - 1;
			bool expected = naive_active(&p, t);
			active += expected;
			assert_int_equal(ever && clause_active(&clause, t), expected);
		}
	}
	assert_true(active > 5000);
}

static void lowered_time_means_the_same_until_the_horizon(void **state)
{
	struct arena *a = *state;
	int64_t horizon = NOW + 400 * DAY;
	for (int round = 0; round < 400; round++) {
		struct ir_period p = some_period(a);
		struct ir_clause clause;
		if (!ir_period_clause(&p, a, &clause))
			continue;
		struct ir_rule rule = {.verdict = IR_PASS, .clause = &clause, .clauses = 1};
		struct ir_ruleset in = {0}, out;
		vec_push(a, &in.rule, rule);
		ir_ruleset_lower_time(&in, a, NOW, horizon, &out);
		for (size_t k = 0; k < out.rule.at[0].clauses; k++) {
			assert_int_equal(out.rule.at[0].clause[k].clock, 0);
			assert_null(ir_clause_set(&out.rule.at[0].clause[k], IR_MDAY));
			assert_null(ir_clause_set(&out.rule.at[0].clause[k], IR_MMDD));
		}
		for (int i = 0; i < 60; i++) {
			int64_t t = NOW + (int64_t)pick(400 * DAY);
			if (i % 3 == 0)
				t = t - t % DAY + DAY - p.zone + (pick(2) ? p.from : p.to) +
				    (int)pick(3) - 1;
			if (t > horizon)
				continue;
			struct ir_packet packet = {.time = t};
			struct ir_outcome before, after;
			ir_eval(&in, &packet, a, &before);
			ir_eval(&out, &packet, a, &after);
			assert_int_equal(before.verdict, after.verdict);
		}
	}
}

// --- order ---

static struct ir_policy some_policy(struct arena *a, enum ir_resolution resolution,
				    enum ir_usage usage)
{
	struct ir_policy policy = {.name = "p", .resolution = resolution, .usage = usage};
	for (unsigned i = 0; i < 8; i++) {
		struct ir_clause *clause = arena_new(a, struct ir_clause);
		unsigned lo = pick(8);
		assert_true(ir_clause_narrow(clause, a, IR_DPORT,
					     algebra_set_one(a, lo, lo + pick(6))));
		vec_push(a, &policy.rule,
			 (struct ir_rule){.policy = "p",
					  .name = arena_printf(a, "r%u", i),
					  .priority = (uint8_t)pick(4),
					  .verdict = pick(2) ? IR_PASS : IR_DROP,
					  .clause = clause,
					  .clauses = 1});
	}
	return policy;
}

static bool beats(const struct ir_policy *policy, size_t later, size_t best)
{
	const struct ir_rule *x = &policy->rule.at[later], *y = &policy->rule.at[best];
	if (policy->usage == IR_BY_NUMBER && x->priority != y->priority)
		return x->priority > y->priority;
	return policy->resolution == IR_LMR;
}

static const char *naive_winner(const struct ir_policy *policy, const struct ir_packet *packet)
{
	size_t best = SIZE_MAX;
	for (size_t i = 0; i < policy->rule.len; i++) {
		const struct ir_rule *rule = &policy->rule.at[i];
		if (ir_clause_matches(rule->clause, rule, packet) &&
		    (best == SIZE_MAX || beats(policy, i, best)))
			best = i;
	}
	return best == SIZE_MAX ? NULL : policy->rule.at[best].name;
}

static struct ir_packet to_port(unsigned port)
{
	struct ir_packet packet = {0};
	ir_packet_set(&packet, IR_PROTO, 6);
	ir_packet_set(&packet, IR_DPORT, port);
	return packet;
}

static void every_strategy_picks_the_rule_that_it_names(void **state)
{
	struct arena *a = *state;
	for (int round = 0; round < 800; round++) {
		struct ir_document document = {0};
		struct ir_policy policy = some_policy(a, (enum ir_resolution)(round % 4),
						      (enum ir_usage)(round / 4 % 2));
		vec_push(a, &document.policy, policy);
		struct diags diags;
		diags_init(&diags, a);
		struct ir_ruleset ruleset;
		ir_document_order(&document, a, &diags, &ruleset);
		for (unsigned port = 0; port < 16; port++) {
			struct ir_packet packet = to_port(port);
			struct ir_outcome outcome;
			const char *winner = naive_winner(&policy, &packet);
			ir_eval(&ruleset, &packet, a, &outcome);
			assert_int_equal(!winner, !outcome.rule);
			if (winner)
				assert_string_equal(outcome.rule->name, winner);
		}
		if (policy.resolution != IR_PMRE || policy.usage != IR_BY_NUMBER)
			assert_int_equal(diags.errors, 0);
	}
}

static void pmre_refuses_ties_that_differ(void **state)
{
	struct arena *a = *state;
	struct ir_document document = {0};
	struct ir_policy policy = {.name = "p", .resolution = IR_PMRE, .usage = IR_BY_NUMBER};
	struct ir_clause any = {0};
	struct ir_rule rule = {.policy = "p",
			       .name = "a",
			       .priority = 9,
			       .verdict = IR_PASS,
			       .clause = &any,
			       .clauses = 1};
	vec_push(a, &policy.rule, rule);
	rule.name = "b";
	vec_push(a, &policy.rule, rule);
	rule.name = "c";
	rule.verdict = IR_DROP;
	vec_push(a, &policy.rule, rule);
	vec_push(a, &document.policy, policy);
	struct diags diags;
	diags_init(&diags, a);
	struct ir_ruleset ruleset;
	ir_document_order(&document, a, &diags, &ruleset);
	assert_int_equal(diags.errors, 2); // a-c and b-c; a-b agree
	assert_int_equal(diags.list.at[0].code, DIAG_CONFLICT);
}

// --- overlap ---

static struct ir_clause small_clause(struct arena *a)
{
	static const enum ir_dim dims[] = {IR_FAMILY, IR_SRC4,  IR_SRC6,    IR_PROTO,
					   IR_DPORT,  IR_ICMP4, IR_TCPFLAGS};
	struct ir_clause clause = {0};
	for (unsigned i = 0; i < 3; i++) {
		enum ir_dim dim = dims[pick(array_len(dims))];
		unsigned lo = dim == IR_FAMILY  ? 4 + pick(2) * 2
			      : dim == IR_PROTO ? (pick(2) ? 6 : 1)
						: pick(3);
		if (!ir_clause_narrow(&clause, a, dim, algebra_set_one(a, lo, lo)))
			return small_clause(a);
	}
	return clause;
}

static bool some_packet_matches_both(const struct ir_clause *x, const struct ir_clause *y)
{
	struct ir_rule rule = {.verdict = IR_PASS};
	for (unsigned i = 0; i < 2 * 3 * 2 * 3; i++) {
		struct ir_packet p = {0};
		unsigned family = i % 2 ? 6 : 4, address = i / 2 % 3, tcp = i / 6 % 2, low = i / 12;
		ir_packet_set(&p, IR_FAMILY, family);
		ir_packet_set(&p, family == 4 ? IR_SRC4 : IR_SRC6, address);
		ir_packet_set(&p, IR_PROTO, tcp ? 6 : 1);
		if (tcp)
			ir_packet_set(&p, IR_DPORT, low);
		else if (family == 4)
			ir_packet_set(&p, IR_ICMP4, low);
		for (unsigned flags = 0; flags < 3; flags++) {
			if (tcp)
				ir_packet_set(&p, IR_TCPFLAGS, flags);
			if (ir_clause_matches(x, &rule, &p) && ir_clause_matches(y, &rule, &p))
				return true;
		}
	}
	return false;
}

static void overlap_is_exact(void **state)
{
	struct arena *a = *state;
	unsigned yes = 0;
	for (int i = 0; i < 20000; i++) {
		struct ir_clause x = small_clause(a), y = small_clause(a);
		bool expected = some_packet_matches_both(&x, &y);
		yes += expected;
		assert_int_equal(ir_clause_overlaps(&x, &y), expected);
		assert_int_equal(ir_clause_overlaps(&y, &x), expected);
	}
	assert_true(yes > 200);
}

// --- flows ---

static void flow_rules_follow_the_first_packet(void **state)
{
	struct arena *a = *state;
	struct ir_clause clause = {0};
	assert_true(ir_clause_narrow(&clause, a, IR_DPORT, algebra_set_one(a, 443, 443)));
	struct ir_rule rule = {.policy = "p",
			       .name = "r",
			       .flow = true,
			       .verdict = IR_PASS,
			       .clause = &clause,
			       .clauses = 1};
	struct ir_ruleset ruleset = {.default_action = IR_PASS};
	vec_push(a, &ruleset.rule, rule);
	struct ir_packet first = to_port(443), reply = {.flow = &first, .reply = true},
			 lost = to_port(443);
	first.flow = &first;
	struct ir_outcome outcome;
	ir_eval(&ruleset, &first, a, &outcome);
	assert_true(outcome.verdict == IR_PASS && outcome.rule);
	ir_packet_set(&reply, IR_PROTO, 6);
	ir_packet_set(&reply, IR_SPORT, 443);
	ir_eval(&ruleset, &reply, a, &outcome);
	assert_true(outcome.verdict == IR_PASS && outcome.rule);
	ir_eval(&ruleset, &lost, a, &outcome);
	assert_true(outcome.verdict == IR_DROP && !outcome.rule && outcome.no_flow);
	ruleset.rule.at[0].flow = false;
	ir_eval(&ruleset, &reply, a, &outcome);
	assert_true(outcome.verdict == IR_PASS && !outcome.rule);
}

static void against_the_flow_packet_conditions_restrict_nothing(void **state)
{
	struct arena *a = *state;
	struct ir_clause clause = {0};
	assert_true(ir_clause_narrow(&clause, a, IR_SMAC, algebra_set_one(a, 7, 7)));
	struct ir_rule rule = {.flow = true, .verdict = IR_PASS, .clause = &clause, .clauses = 1};
	struct ir_packet first = to_port(1), reply = {.flow = &first, .reply = true};
	assert_true(ir_clause_matches(&clause, &rule, &reply));
	rule.verdict = IR_DROP;
	assert_false(ir_clause_matches(&clause, &rule, &reply));
}

// --- opaque conditions, rates, packets as text ---

static struct ir_packet packet_of(struct arena *a, const char *text)
{
	struct diags diags;
	struct ir_packet packet;
	diags_init(&diags, a);
	assert_true(ir_packet_parse(text, NOW, a, &diags, &packet));
	return packet;
}

static void opaque_conditions_leave_the_answer_open(void **state)
{
	struct arena *a = *state;
	struct ir_clause any = {0};
	const char *urls[] = {"https://a.example/"};
	struct ir_opaque opaque = {
		.kind = IR_OPAQUE_URL, .name = "social", .value = urls, .len = 1};
	struct ir_rule rule = {.policy = "p",
			       .name = "r",
			       .verdict = IR_DROP,
			       .clause = &any,
			       .clauses = 1,
			       .opaque = &opaque,
			       .opaques = 1};
	struct ir_ruleset ruleset = {.default_action = IR_PASS};
	vec_push(a, &ruleset.rule, rule);
	struct ir_outcome outcome;
	struct ir_packet p = packet_of(a, "src=192.0.2.1");
	ir_eval(&ruleset, &p, a, &outcome);
	assert_true(outcome.verdict == IR_PASS && outcome.depends == &ruleset.rule.at[0]);
	p = packet_of(a, "src=192.0.2.1,url-category=social");
	ir_eval(&ruleset, &p, a, &outcome);
	assert_true(outcome.verdict == IR_DROP && !outcome.depends);
	p = packet_of(a, "src=192.0.2.1,url-category=https://a.example/");
	ir_eval(&ruleset, &p, a, &outcome);
	assert_true(outcome.verdict == IR_DROP);
	p = packet_of(a, "src=192.0.2.1,url-category=sports");
	ir_eval(&ruleset, &p, a, &outcome);
	assert_true(outcome.verdict == IR_PASS && !outcome.depends);
}

static void rates_match_only_while_exceeded(void **state)
{
	struct arena *a = *state;
	struct ir_clause any = {0};
	struct ir_rule rule = {
		.verdict = IR_DROP, .rate = {.packets = 10}, .clause = &any, .clauses = 1};
	struct ir_ruleset ruleset = {.default_action = IR_PASS};
	vec_push(a, &ruleset.rule, rule);
	struct ir_outcome outcome;
	struct ir_packet p = packet_of(a, "rate=within");
	ir_eval(&ruleset, &p, a, &outcome);
	assert_int_equal(outcome.verdict, IR_PASS);
	p = packet_of(a, "rate=over");
	ir_eval(&ruleset, &p, a, &outcome);
	assert_int_equal(outcome.verdict, IR_DROP);
}

static void packets_are_read_and_bad_ones_refused(void **state)
{
	struct arena *a = *state;
	struct ir_packet p = packet_of(
		a, "src=2001:db8::1, dst=2001:db8::2,proto=icmp,icmp-type=129,direction=reply");
	assert_true(p.reply && p.value[IR_PROTO] == 58 && p.value[IR_ICMP6] == 129 << 8);
	assert_true(p.flow->value[IR_ICMP6] == 128 << 8 &&
		    p.flow->value[IR_DST6] == p.value[IR_SRC6]);
	p = packet_of(
		a,
		"proto=6,tcp-flags=syn+ack,smac=00:53:00:AA:bb:01,in=eth0,dscp=46,state=invalid");
	assert_true(p.value[IR_TCPFLAGS] == 0x12 && p.value[IR_SMAC] == 0x005300aabb01 && !p.flow);
	static const char *const bad[] = {
		"src=1.2.3",   "src=10.0.0.0/8",     "src=10.0.0.1,dst=2001:db8::1",
		"proto=tpc",   "proto=256",          "dport=65536",
		"dport=-1",    "time=yesterday",     "nonsense=1",
		"src",         "tcp-flags=syn+fun",  "smac=1:2:3:4:5:6",
		"icmp-type=8", "state=old",          "in=interface-name-too-long",
		"family=5",    "direction=sideways", "rate=high"};
	for (size_t i = 0; i < array_len(bad); i++) {
		struct diags diags;
		diags_init(&diags, a);
		assert_false(ir_packet_parse(bad[i], NOW, a, &diags, &p));
		assert_true(diags.errors == 1 && diags.list.at[0].hint);
	}
}

// --- bytes ---

static struct ir_ruleset some_ruleset(struct arena *a)
{
	struct ir_ruleset ruleset = {.default_action = IR_DROP};
	for (unsigned i = 0; i < 5; i++) {
		struct ir_clause *clause = arena_array(a, struct ir_clause, 2);
		struct ir_opaque *opaque = arena_new(a, struct ir_opaque);
		const char **value = arena_new(a, const char *);
		struct ir_period period = some_period(a);
		clause[0] = small_clause(a);
		if (!ir_period_clause(&period, a, &clause[1]))
			clause[1] = small_clause(a);
		*value = "v";
		*opaque = (struct ir_opaque){.kind = IR_OPAQUE_USER,
					     .name = pick(2) ? "n" : NULL,
					     .value = value,
					     .len = 1};
		vec_push(a, &ruleset.rule,
			 (struct ir_rule){.policy = "p",
					  .name = arena_printf(a, "r%u", i),
					  .flow = pick(2),
					  .verdict = IR_RATE_LIMIT,
					  .rate = {.bytes_x100 = 12345},
					  .clause = clause,
					  .clauses = 2,
					  .opaque = opaque,
					  .opaques = pick(2)});
	}
	return ruleset;
}

static bool decodes_to_the_same(struct arena *a, const void *data, size_t len)
{
	struct ir_ruleset ruleset;
	struct wire_reader r = wire_reader(data, len);
	if (!ir_ruleset_decode(&r, a, &ruleset) || !wire_done(&r))
		return false;
	struct buf again;
	buf_init(&again);
	ir_ruleset_encode(&ruleset, &again);
	// One form for one meaning: what is accepted is exactly what would be written.
	assert_int_equal(again.len, len);
	assert_memory_equal(again.data, data, len);
	buf_fini(&again);
	return true;
}

static void bytes_have_one_form(void **state)
{
	struct arena *a = *state;
	for (int round = 0; round < 20; round++) {
		struct ir_ruleset ruleset = some_ruleset(a);
		struct buf b;
		buf_init(&b);
		ir_ruleset_encode(&ruleset, &b);
		assert_true(decodes_to_the_same(a, b.data, b.len));
		for (size_t len = 0; len < b.len; len += 1 + pick(5)) {
			void *copy = malloc(len ? len : 1);
			memcpy(copy, b.data, len);
			assert_false(decodes_to_the_same(a, copy, len));
			free(copy);
		}
		for (int i = 0; i < 500; i++) {
			size_t at = pick((unsigned)b.len);
			char before = b.data[at];
			b.data[at] = (char)pick(256);
			(void)decodes_to_the_same(a, b.data, b.len);
			b.data[at] = before;
		}
		buf_fini(&b);
	}
}

static void rules_print_readably(void **state)
{
	struct arena *a = *state;
	struct ir_clause clause = {0};
	assert_true(
		ir_clause_narrow(&clause, a, IR_SRC4, algebra_set_one(a, 0xc0000200, 0xc00002ff)));
	assert_true(ir_clause_narrow(&clause, a, IR_PROTO, algebra_set_one(a, 6, 6)));
	assert_true(ir_clause_narrow(&clause, a, IR_DPORT, algebra_set_one(a, 80, 88)));
	struct ir_rule rule = {
		.verdict = IR_REJECT, .log = IR_LOG_RULE, .clause = &clause, .clauses = 1};
	struct buf b;
	buf_init(&b);
	ir_rule_print(&rule, &b);
	assert_string_equal(b.data, "from 192.0.2.0/24 tcp dport 80-88 -> reject, log");
	buf_fini(&b);
}

static void exchanges_turn_back_to_themselves(void **state)
{
	struct arena *a = *state;
	struct algebra_set requests[] = {ir_icmp_requests(IR_ICMP4, a),
					 ir_icmp_requests(IR_ICMP6, a)};
	for (unsigned v = 0; v < 65536; v++)
		for (unsigned dim = IR_ICMP4; dim <= IR_ICMP6; dim++) {
			u128 there = v, back;
			bool asked = ir_icmp_turn(IR_TO_REPLY, dim, &there);
			back = there;
			assert_int_equal(asked, algebra_set_has(requests[dim - IR_ICMP4], v));
			assert_true(!asked || ir_icmp_turn(IR_TO_REQUEST, dim, &back));
			assert_true(!asked || (back == v && there != v));
		}
	struct ir_packet first = {.time = NOW}, reply, again;
	ir_packet_set(&first, IR_SRC4, 1);
	ir_packet_set(&first, IR_ICMP4, 13 * 256);
	ir_packet_set(&first, IR_DSCP, 3); // of the packet, not of the flow
	ir_packet_reply(&first, &reply);
	assert_int_equal(reply.has, (1u << IR_DST4) | (1u << IR_ICMP4));
	assert_true(reply.value[IR_DST4] == 1 && reply.value[IR_ICMP4] == 14 * 256);
	ir_packet_turn(&reply, &again);
	assert_true(again.value[IR_SRC4] == 1 && again.value[IR_ICMP4] == 13 * 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(dates_equal_the_c_library, start, stop),
		cmocka_unit_test_setup_teardown(times_are_read_strictly, start, stop),
		cmocka_unit_test_setup_teardown(periods_mean_what_the_models_say, start, stop),
		cmocka_unit_test_setup_teardown(lowered_time_means_the_same_until_the_horizon,
						start, stop),
		cmocka_unit_test_setup_teardown(every_strategy_picks_the_rule_that_it_names, start,
						stop),
		cmocka_unit_test_setup_teardown(pmre_refuses_ties_that_differ, start, stop),
		cmocka_unit_test_setup_teardown(overlap_is_exact, start, stop),
		cmocka_unit_test_setup_teardown(flow_rules_follow_the_first_packet, start, stop),
		cmocka_unit_test_setup_teardown(against_the_flow_packet_conditions_restrict_nothing,
						start, stop),
		cmocka_unit_test_setup_teardown(opaque_conditions_leave_the_answer_open, start,
						stop),
		cmocka_unit_test_setup_teardown(rates_match_only_while_exceeded, start, stop),
		cmocka_unit_test_setup_teardown(packets_are_read_and_bad_ones_refused, start, stop),
		cmocka_unit_test_setup_teardown(bytes_have_one_form, start, stop),
		cmocka_unit_test_setup_teardown(rules_print_readably, start, stop),
		cmocka_unit_test_setup_teardown(exchanges_turn_back_to_themselves, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
