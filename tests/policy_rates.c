// SPDX-License-Identifier: Apache-2.0
// More packets than a rule's rates allow, as fast as they can be sent. The kernel fills a bucket at the
// rate; it is full when the rule is new. So what is within the rate is at least the bucket's content,
// first come first served, and at most that and what the rate adds in the time that was measured around
// the sending; all else is beyond it. When the bucket has had the time to fill by one packet, one more
// is within.
#include "policy_oracle.h"

#include "backend/nft/compile.h"
#include "backend/nft/test_policy.h"

#include <string.h>
#include <time.h>

#define LOWERED_FOR (2 * 365 * (int64_t)86400)
#define PACKETS 3000
#define TRIES 16
#define WAIT_MOST 1200000000 // nanoseconds for one packet to come within the rate again
#define SECOND 1000000000

struct flood {
	struct policy_document *document;
	struct test_oracle *oracle;
	struct test_random *random;
	struct arena arena;
	const struct ir_rule *rule;
	size_t index;
	struct ir_ruleset ruleset;
	struct test_packet packet;
	bool spread; // each packet makes a flow of its own
	enum ir_verdict within, beyond;
	bool *arrived; // by number
	size_t sent, arrivals;
	int64_t took, ended; // nanoseconds
};

static bool has_rate(const struct ir_rule *rule)
{
	return rule->rate.packets || rule->rate.flows || rule->rate.bytes_x100;
}

static bool passes(enum ir_verdict verdict)
{
	return verdict == IR_PASS || verdict == IR_RATE_LIMIT;
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * (int64_t)SECOND + t.tv_nsec;
}

// --- a packet that shows the rate ---

static bool matches(const struct ir_rule *rule, const struct ir_packet *dims)
{
	for (size_t i = 0; i < rule->clauses; i++)
		if (ir_clause_matches(&rule->clause[i], rule, dims))
			return true;
	return false;
}

static bool meets_another_rate(const struct flood *f, const struct ir_packet *dims)
{
	for (size_t i = 0; i < f->ruleset.rule.len; i++)
		if (i != f->index && has_rate(&f->ruleset.rule.at[i]) &&
		    matches(&f->ruleset.rule.at[i], dims))
			return true;
	return false;
}

static bool can_spread(const struct ir_rule *rule, const struct test_packet *packet)
{
	bool ports = packet->proto == 6 || packet->proto == 17;
	for (size_t i = 0; i < rule->clauses; i++)
		ports &= !ir_clause_set(&rule->clause[i], IR_SPORT);
	return ports || packet->proto == (packet->version == 4 ? 1 : 58);
}

// Whether the packet's fate depends on the rule's rate alone; notes what is within it and beyond.
static bool shows_rate(struct flood *f)
{
	struct test_case test = {.tracked = policy_tracked(&f->ruleset), .ruleset[0] = f->ruleset};
	struct ir_outcome over;
	size_t at = test_case_add(&test, &f->arena, &f->packet, -1);
	test_case_judge(&test, &f->arena, time(NULL));
	struct test_item *item = &test.item.at[at];
	if (!item->sent || meets_another_rate(f, &item->dims))
		return false;
	f->within = item->verdict;
	item->dims.over_rate = true;
	ir_eval(&f->ruleset, &item->dims, &f->arena, &over);
	f->beyond = f->rule->verdict == IR_RATE_LIMIT ? IR_DROP : over.verdict;
	f->spread = can_spread(f->rule, &f->packet);
	return over.rule == f->rule && passes(f->within) != passes(f->beyond) &&
	       (f->spread || !f->rule->rate.flows);
}

static void fill_up(struct flood *f)
{
	uint8_t frame[TEST_FRAME_MOST];
	bool sized = false;
	for (size_t i = 0; i < f->rule->clauses; i++)
		sized |= ir_clause_set(&f->rule->clause[i], IR_LENGTH) ||
			 ir_clause_set(&f->rule->clause[i], IR_UDPLEN);
	if (!sized)
		f->packet.payload = 0;
	if (!sized && f->packet.proto != 136 && f->rule->rate.bytes_x100)
		f->packet.payload = (uint16_t)(1400 - test_packet_frame(&f->packet, frame));
}

static bool find_packet(struct flood *f)
{
	for (unsigned tries = 0; tries < TRIES; tries++) {
		const struct ir_clause *clause =
			&f->rule->clause[test_random_below(f->random, (uint32_t)f->rule->clauses)];
		unsigned versions = ir_clause_versions(clause);
		unsigned version = versions == 3 ? (tries % 2 ? 6 : 4) : versions == 1 ? 4 : 6;
		struct test_aim aim = {.clause = clause, .version = version};
		if (!test_packet_aimed(f->random, &aim, true, &f->packet) || f->packet.fragment)
			continue;
		fill_up(f);
		if (shows_rate(f))
			return true;
	}
	return false;
}

// --- sending ---

static void take(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	struct flood *f = context;
	uint32_t id;
	if (f->packet.from_b != (at == SIDE_A) || !test_frame_id(frame, len, &id) || !id ||
	    id > PACKETS + 1 || f->arrived[id - 1])
		return;
	f->arrived[id - 1] = true;
	f->arrivals++;
}

static void send_one(struct flood *f)
{
	uint8_t frame[TEST_FRAME_MOST];
	struct test_packet p = f->packet;
	p.id = (uint32_t)++f->sent;
	if (f->spread) {
		p.sport = (uint16_t)(1024 + f->sent);
		p.echo_id = (uint16_t)f->sent;
	}
	size_t len = test_packet_frame(&p, frame);
	test_net_send(f->oracle->net, p.from_b ? SIDE_B : SIDE_A, frame, len);
}

static void send_all(struct flood *f)
{
	int64_t began = now();
	while (f->sent < PACKETS)
		send_one(f);
	test_net_collect(f->oracle->net, take, f);
	f->ended = now();
	f->took = f->ended - began;
}

static size_t within_rate(const struct flood *f)
{
	return passes(f->within) ? f->arrivals : f->sent - f->arrivals;
}

// --- how much is within ---

struct bounds {
	uint64_t least, most; // packets within the rate
	int64_t refill;       // nanoseconds for one packet
};

static void narrow(const struct flood *f, struct bounds *b, uint64_t rate, bool bytes)
{
	struct nft_limit limit;
	uint8_t frame[TEST_FRAME_MOST];
	if (!rate || !nft_limit_of(rate, bytes, &limit))
		return;
	uint64_t cost = bytes ? test_packet_frame(&f->packet, frame) - 14 : 1;
	// A full bucket of bytes holds what a unit of time brings, too.
	uint64_t full = limit.burst + (bytes ? limit.rate : 0), least = full / cost;
	u128 filled = (u128)limit.rate * (u128)f->took / SECOND / limit.unit;
	uint64_t most = (uint64_t)((full + filled) / cost) + 1;
	int64_t refill = (int64_t)((u128)cost * limit.unit * SECOND / limit.rate) + 1;
	b->most = most < b->most ? most : b->most;
	b->least = least < b->least ? least : b->least;
	b->refill = refill > b->refill ? refill : b->refill;
}

static struct bounds bounds_of(const struct flood *f)
{
	struct bounds b = {.least = UINT64_MAX, .most = UINT64_MAX};
	narrow(f, &b, f->rule->rate.packets, false);
	narrow(f, &b, f->rule->rate.flows, false);
	narrow(f, &b, f->rule->rate.bytes_x100, true);
	return b;
}

// The rule's own counter: with rate-limit all that it selects, else what is beyond.
static uint64_t counted(struct flood *f)
{
	struct backend_counters counters;
	if (backend_nft_counters(f->oracle->nft, &f->ruleset, &f->arena, &counters) ||
	    f->index >= counters.rules)
		return UINT64_MAX;
	return counters.rule[f->index].packets;
}

static void check(struct flood *f, const struct bounds *b)
{
	struct policy_document *d = f->document;
	uint64_t within = within_rate(f);
	bool first = true;
	for (uint64_t i = 0; i < b->least && i < PACKETS; i++)
		first &= f->arrived[i] == passes(f->within);
	if (!first)
		policy_fault(d, "rule '%s' does not let through what is within its rate",
			     f->rule->name);
	if (within > b->most)
		policy_fault(d, "rule '%s' takes %zu packets of %u for within its rate; %zu can be",
			     f->rule->name, (size_t)within, PACKETS, (size_t)b->most);
	uint64_t wanted = f->rule->verdict == IR_RATE_LIMIT ? PACKETS : PACKETS - within;
	uint64_t is = counted(f);
	if (is != wanted)
		policy_fault(d, "the counter of rule '%s' says %zu, not %zu", f->rule->name,
			     (size_t)is, (size_t)wanted);
	d->packets += PACKETS;
}

// Waiting is the thing that is tested here: what is beyond the rate now is within it later.
static void check_refill(struct flood *f, const struct bounds *b)
{
	int64_t at = f->ended + b->refill;
	struct timespec until = {.tv_sec = at / SECOND, .tv_nsec = at % SECOND};
	if (b->refill > WAIT_MOST)
		return;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
		;
	send_one(f);
	test_net_collect(f->oracle->net, take, f);
	if (f->arrived[f->sent - 1] != passes(f->within))
		policy_fault(f->document, "rule '%s' does not let a packet through later",
			     f->rule->name);
	f->document->packets++;
}

static void report(struct flood *f, size_t within)
{
	struct buf *out = &f->document->unit.at[f->document->unit_of[f->index]].rates;
	if (within == PACKETS)
		buf_adds(out, "; its rate was not reached");
	else
		buf_printf(out, "; %zu packets: %zu within its rate, %zu beyond: %s", f->sent,
			   within, PACKETS - within, ir_verdict_name[f->beyond]);
}

static void flood(struct flood *f)
{
	struct ir_ruleset lowered;
	ir_ruleset_lower_time(&f->ruleset, &f->arena, f->document->now,
			      f->document->now + LOWERED_FOR, &lowered);
	f->arrived = arena_array(&f->arena, bool, PACKETS + 1);
	if (!test_oracle_deploy(f->oracle, &lowered, policy_tracked(&lowered))) {
		policy_fault(f->document, "%s", f->oracle->fault);
		return;
	}
	f->document->deployed++;
	send_all(f);
	struct bounds b = bounds_of(f);
	size_t within = within_rate(f);
	check(f, &b);
	if (within < PACKETS)
		check_refill(f, &b);
	report(f, within);
}

void policy_flood(struct policy_document *document, struct test_oracle *oracle,
		  struct test_random *random)
{
	for (size_t i = 0; i < document->enforced.rule.len && !document->faults.len; i++) {
		struct flood f = {.document = document,
				  .oracle = oracle,
				  .random = random,
				  .rule = &document->enforced.rule.at[i],
				  .index = i,
				  .ruleset = document->enforced};
		if (!has_rate(f.rule) || !f.rule->clauses)
			continue;
		arena_init(&f.arena);
		bool found = false;
		for (unsigned pass = 0; pass < 2 && !found; pass++) {
			if (document->enforced.default_action == IR_NONE)
				f.ruleset.default_action = pass ? IR_DROP : IR_PASS;
			found = find_packet(&f);
		}
		if (found)
			flood(&f);
		else
			buf_adds(&document->unit.at[document->unit_of[i]].rates,
				 "; no packet shows its rate alone");
		arena_fini(&f.arena);
	}
}
