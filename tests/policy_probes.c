// SPDX-License-Identifier: Apache-2.0
// Packets at the edges of every condition of every rule, at the edges of every group that a rule names,
// and random ones. They are judged by the rules as they were translated, and by the kernel as they were
// lowered, compiled and loaded.
//
// Packets that meet a rate are sent in cases so small that they stay within it: each case is deployed
// anew, with all rates unused.
#include "policy_oracle.h"

#include "backend/nft/compile.h"
#include "backend/nft/test_policy.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOWERED_FOR (2 * 365 * (int64_t)86400)
#define CASE_MOST 300    // packets
#define SPLITS_MOST 60   // cases that end because a rate is used up
#define PROBES_MOST 9000 // of one document and default action, by chance beyond that, but
#define PROBES_LEAST 20  // for each rule
#define CLAUSES_MOST 24  // of one rule, each end and some between
#define RANGES_MOST 24   // of one condition, likewise
#define RANDOM_PACKETS 120
#define FLOW_MOST 12 // packets of a flow
#define NOBODY SIZE_MAX

struct probe {
	struct test_packet packet;
	size_t unit;
	bool flow; // and what follows it
};

struct probing {
	struct policy_document *document;
	struct test_oracle *oracle;
	struct test_random *random;
	struct arena arena;
	struct ir_ruleset ruleset, lowered;
	bool tracked;
	size_t unit; // that is aimed at
	VEC(struct probe) probe;
	// The case being filled:
	struct test_case test;
	VEC(size_t) unit_of; // each item
	int flows;
	uint64_t *packets, *bytes; // that met each rule with a rate
	size_t splits;
};

// --- making packets ---

static void push(struct probing *p, const struct test_packet *packet, bool flow)
{
	vec_push(&p->arena, &p->probe,
		 (struct probe){.packet = *packet, .unit = p->unit, .flow = flow});
}

static void aim(struct probing *p, const struct ir_clause *clause, unsigned version,
		const struct test_fixed *fixed, size_t n)
{
	struct test_packet packet;
	struct test_aim to = {.clause = clause, .version = version, .fixed = fixed, .fixed_len = n};
	if (test_packet_aimed(p->random, &to, p->tracked, &packet))
		push(p, &packet, false);
}

static void aim_at(struct probing *p, const struct ir_clause *clause, unsigned version,
		   struct test_fixed fixed)
{
	aim(p, clause, version, &fixed, 1);
}

static void aim_at_range(struct probing *p, const struct ir_clause *clause, unsigned version,
			 enum ir_dim dim, const struct algebra_range *r)
{
	aim_at(p, clause, version, (struct test_fixed){dim, r->lo});
	aim_at(p, clause, version, (struct test_fixed){dim, r->hi});
	if (r->lo)
		aim_at(p, clause, version, (struct test_fixed){dim, r->lo - 1});
	if (r->hi < algebra_max(ir_dim_info[dim].bits))
		aim_at(p, clause, version, (struct test_fixed){dim, r->hi + 1});
}

// The i-th of `most` that stand for n: both ends, and between them by chance.
static size_t pick(struct probing *p, size_t i, size_t n, size_t most)
{
	if (n <= most || i < most / 2)
		return i;
	return i == most - 1 ? n - 1
			     : most / 2 + test_random_below(p->random, (uint32_t)(n - most / 2));
}

static size_t fewer(size_t n, size_t most)
{
	return n < most ? n : most;
}

static bool can_flow(const struct test_packet *packet)
{
	bool echo = (packet->version == 4 && packet->proto == 1 && packet->type == 8) ||
		    (packet->version == 6 && packet->proto == 58 && packet->type == 128);
	bool syn = packet->proto == 6 && packet->tcp_flags == 2;
	return !packet->bad_checksum && (packet->proto == 17 || syn || (echo && !packet->code));
}

static void aim_flow(struct probing *p, const struct ir_clause *clause, unsigned version)
{
	struct test_packet packet;
	struct test_aim to = {.clause = clause, .version = version};
	for (unsigned tries = 0; tries < 8 && p->tracked; tries++) {
		if (!test_packet_aimed(p->random, &to, true, &packet) || !can_flow(&packet))
			continue;
		packet.payload %= 64;
		push(p, &packet, true);
		return;
	}
}

static void probe_clause(struct probing *p, const struct ir_clause *clause, unsigned version)
{
	static const uint8_t protocols[] = {1, 6, 17, 33, 50, 58, 99, 132, 136};
	aim(p, clause, version, NULL, 0);
	aim(p, clause, version, NULL, 0);
	aim_flow(p, clause, version);
	for (size_t i = 0; i < array_len(protocols); i++)
		aim_at(p, clause, version, (struct test_fixed){IR_PROTO, protocols[i]});
	for (size_t i = 0; i < clause->len; i++) {
		const struct ir_cond *cond = &clause->cond[i];
		bool about_packet = ir_dim_info[cond->dim].kind != IR_KIND_CLOCK &&
				    cond->dim != IR_STATE && cond->dim != IR_FAMILY;
		size_t n = about_packet ? fewer(cond->set.len, RANGES_MOST) : 0;
		for (size_t k = 0; k < n; k++)
			aim_at_range(p, clause, version, cond->dim,
				     &cond->set.at[pick(p, k, cond->set.len, RANGES_MOST)]);
	}
}

static void probe_rule(struct probing *p, const struct ir_rule *rule)
{
	size_t n = fewer(rule->clauses, CLAUSES_MOST);
	for (size_t i = 0; i < n; i++) {
		const struct ir_clause *clause =
			&rule->clause[pick(p, i, rule->clauses, CLAUSES_MOST)];
		unsigned versions = ir_clause_versions(clause);
		if (versions & 1)
			probe_clause(p, clause, 4);
		if (versions & 2)
			probe_clause(p, clause, 6);
		// Of the other version nothing matches.
		if (versions != 3)
			aim(p, clause, versions == 1 ? 6 : 4, NULL, 0);
	}
}

// The first clause of the unit in which the group has a part.
static const struct ir_clause *clause_of(const struct probing *p, const struct policy_unit *unit,
					 const struct policy_group *group, enum ir_dim dim)
{
	for (size_t i = 0; i < unit->rule.len; i++) {
		const struct ir_rule *rule = &p->document->ordered.rule.at[unit->rule.at[i]];
		for (size_t k = 0; k < rule->clauses; k++) {
			const struct algebra_set *set = ir_clause_set(&rule->clause[k], dim);
			if (set && algebra_set_overlaps(*set, group->addresses))
				return &rule->clause[k];
		}
	}
	return NULL;
}

static void probe_groups(struct probing *p, const struct policy_unit *unit)
{
	for (size_t i = 0; i < unit->group.len; i++) {
		const struct policy_group *group = &unit->group.at[i];
		enum ir_dim dim = group->source ? (group->version == 4 ? IR_SRC4 : IR_SRC6)
						: (group->version == 4 ? IR_DST4 : IR_DST6);
		const struct ir_clause *clause = clause_of(p, unit, group, dim);
		size_t n = clause ? fewer(group->addresses.len, RANGES_MOST) : 0;
		for (size_t k = 0; k < n; k++)
			aim_at_range(p, clause, group->version, dim,
				     &group->addresses
					      .at[pick(p, k, group->addresses.len, RANGES_MOST)]);
	}
}

// Of the probes from `first` on keeps as many as one rule may have.
static void thin_out(struct probing *p, size_t first)
{
	size_t most = PROBES_MOST / p->ruleset.rule.len;
	struct probe *at = p->probe.at + first;
	size_t n = p->probe.len - first;
	most = most < PROBES_LEAST ? PROBES_LEAST : most;
	if (n <= most)
		return;
	for (size_t i = 0; i < most; i++) {
		size_t k = i + test_random_below(p->random, (uint32_t)(n - i));
		struct probe kept = at[k];
		at[k] = at[i];
		at[i] = kept;
	}
	p->probe.len = first + most;
	p->document->unit.at[p->unit].sampled = true;
}

static void make_probes(struct probing *p)
{
	for (size_t i = 0; i < p->ruleset.rule.len; i++) {
		size_t first = p->probe.len;
		p->unit = p->document->unit_of[i];
		probe_rule(p, &p->ruleset.rule.at[i]);
		thin_out(p, first);
	}
	for (p->unit = 0; p->unit < p->document->unit.len; p->unit++) {
		size_t first = p->probe.len;
		if (p->document->unit.at[p->unit].refused)
			continue;
		probe_groups(p, &p->document->unit.at[p->unit]);
		thin_out(p, first);
	}
	p->unit = NOBODY;
	for (unsigned i = 0; i < RANDOM_PACKETS; i++) {
		struct test_packet packet;
		test_packet_random(p->random, &p->lowered, p->tracked, &packet);
		push(p, &packet, false);
	}
}

// --- running them ---

// Whether the clock may have passed an edge of some rule's time between two instants.
static bool clock_moved(const struct probing *p, int64_t before, int64_t after)
{
	for (size_t i = 0; i < p->ruleset.rule.len; i++)
		for (size_t k = 0; k < p->ruleset.rule.at[i].clauses; k++)
			for (int64_t t = before; t < after; t++)
				if (policy_clause_active(&p->ruleset.rule.at[i].clause[k], t) !=
				    policy_clause_active(&p->ruleset.rule.at[i].clause[k], t + 1))
					return true;
	return false;
}

// What was translated says the same as what was lowered.
static void check_lowering(struct probing *p, const struct test_item *item)
{
	struct ir_outcome outcome;
	ir_eval(&p->ruleset, &item->dims, &p->arena, &outcome);
	size_t decides = outcome.rule ? (size_t)(outcome.rule - p->ruleset.rule.at) : NOBODY;
	size_t lowered = item->rule ? (size_t)(item->rule - p->lowered.rule.at) : NOBODY;
	if (decides != lowered || outcome.verdict != item->verdict)
		policy_fault(p->document,
			     "lowered to the kernel's clock a packet gets another verdict");
}

static bool unit_matches(const struct probing *p, size_t unit, const struct ir_packet *dims)
{
	for (size_t i = 0; i < p->ruleset.rule.len; i++)
		for (size_t k = 0; k < p->ruleset.rule.at[i].clauses; k++)
			if (p->document->unit_of[i] == unit &&
			    ir_clause_matches(&p->ruleset.rule.at[i].clause[k],
					      &p->ruleset.rule.at[i], dims))
				return true;
	return false;
}

static void count_group(struct policy_group *group, const struct ir_packet *dims)
{
	enum ir_dim dim = group->source ? (group->version == 4 ? IR_SRC4 : IR_SRC6)
					: (group->version == 4 ? IR_DST4 : IR_DST6);
	const struct ir_packet *read = dims->flow ? dims->flow : dims;
	group->matched +=
		(read->has >> dim & 1) && algebra_set_has(group->addresses, read->value[dim]);
}

static void count_item(struct probing *p, const struct test_item *item, size_t unit)
{
	p->document->packets++;
	if (unit == NOBODY)
		return;
	struct policy_unit *u = &p->document->unit.at[unit];
	u->agreed++;
	u->decided += item->rule && p->document->unit_of[item->rule - p->lowered.rule.at] == unit;
	if (!unit_matches(p, unit, &item->dims))
		return;
	u->matched++;
	for (size_t i = 0; i < u->group.len; i++)
		count_group(&u->group.at[i], &item->dims);
}

static void new_case(struct probing *p)
{
	p->test = (struct test_case){.tracked = p->tracked, .ruleset[0] = p->lowered};
	p->unit_of.len = 0;
	p->flows = 0;
	memset(p->packets, 0, p->ruleset.rule.len * sizeof(*p->packets));
	memset(p->bytes, 0, p->ruleset.rule.len * sizeof(*p->bytes));
}

// A case that fails because an edge of a time went by while it ran is run again.
static bool run_case(struct probing *p)
{
	for (unsigned tries = 0; tries < 4; tries++) {
		int64_t before = time(NULL);
		if (test_oracle_run(p->oracle, &p->test))
			return true;
		if (!clock_moved(p, before - 1, time(NULL) + 1))
			return false;
	}
	return false;
}

static void finish_case(struct probing *p)
{
	if (!p->test.item.len)
		return;
	p->document->deployed++;
	if (!run_case(p)) {
		test_oracle_shrink(p->oracle, &p->test);
		test_oracle_print(p->oracle, &p->test);
		policy_fault(p->document, "the kernel and the interpreter differ (above)");
	} else {
		for (size_t i = 0; i < p->test.item.len; i++)
			if (p->test.item.at[i].sent && !p->test.item.at[i].after_change) {
				check_lowering(p, &p->test.item.at[i]);
				count_item(p, &p->test.item.at[i], p->unit_of.at[i]);
			}
	}
	new_case(p);
}

// What the rule lets through at once when its rates are unused; no limit is the largest number.
static void room_of(const struct ir_rule *rule, uint64_t *packets, uint64_t *bytes)
{
	struct nft_limit limit;
	*packets = *bytes = UINT64_MAX;
	if (rule->rate.packets && nft_limit_of(rule->rate.packets, false, &limit))
		*packets = limit.burst;
	if (rule->rate.flows && nft_limit_of(rule->rate.flows, false, &limit) &&
	    limit.burst < *packets)
		*packets = limit.burst;
	if (rule->rate.bytes_x100 && nft_limit_of(rule->rate.bytes_x100, true, &limit))
		*bytes = limit.burst;
}

static bool meets_rate(const struct ir_rule *rule, const struct ir_packet *dims)
{
	if (!rule->rate.packets && !rule->rate.flows && !rule->rate.bytes_x100)
		return false;
	for (size_t i = 0; i < rule->clauses; i++)
		if (ir_clause_matches(&rule->clause[i], rule, dims))
			return true;
	return false;
}

enum fit { FITS, FITS_ALONE, FITS_NEVER };

// Whether the case has room for the packet in all rates that it meets; takes the room if so.
static enum fit take_room(struct probing *p, const struct probe *probe)
{
	struct ir_packet dims, first;
	uint8_t frame[TEST_FRAME_MOST];
	uint64_t n = probe->flow ? FLOW_MOST : 1,
		 size = n * test_packet_frame(&probe->packet, frame);
	enum fit fit = FITS;
	test_packet_dims(&probe->packet, &dims);
	test_packet_tuple(&dims, &first);
	dims.time = first.time = p->document->now;
	dims.flow = &first;
	for (size_t i = 0; i < p->ruleset.rule.len; i++) {
		uint64_t packets, bytes;
		room_of(&p->ruleset.rule.at[i], &packets, &bytes);
		if (!meets_rate(&p->ruleset.rule.at[i], &dims))
			continue;
		if (n > packets || size > bytes)
			return FITS_NEVER;
		if (p->packets[i] + n > packets || p->bytes[i] + size > bytes)
			fit = FITS_ALONE;
	}
	for (size_t i = 0; i < p->ruleset.rule.len && fit == FITS; i++)
		if (meets_rate(&p->ruleset.rule.at[i], &dims)) {
			p->packets[i] += n;
			p->bytes[i] += size;
		}
	return fit;
}

static void add_to_case(struct probing *p, const struct probe *probe)
{
	if (probe->flow)
		test_case_add_flow(&p->test, p->random, &p->arena, &probe->packet, p->flows++);
	else
		(void)!test_case_add(&p->test, &p->arena, &probe->packet, -1);
	while (p->unit_of.len < p->test.item.len)
		vec_push(&p->arena, &p->unit_of, probe->unit);
}

static void run_probes(struct probing *p)
{
	new_case(p);
	for (size_t i = 0; i < p->probe.len && !p->document->faults.len; i++) {
		if (p->test.item.len >= CASE_MOST)
			finish_case(p);
		enum fit fit = take_room(p, &p->probe.at[i]);
		if (fit == FITS_ALONE && p->splits < SPLITS_MOST) {
			p->splits++;
			finish_case(p);
			fit = take_room(p, &p->probe.at[i]);
		}
		if (fit == FITS)
			add_to_case(p, &p->probe.at[i]);
	}
	if (!p->document->faults.len)
		finish_case(p);
}

void policy_probe(struct policy_document *document, struct test_oracle *oracle,
		  struct test_random *random, enum ir_verdict default_action)
{
	struct probing p = {.document = document,
			    .oracle = oracle,
			    .random = random,
			    .ruleset = document->enforced,
			    .tracked = policy_tracked(&document->enforced)};
	size_t n = document->enforced.rule.len;
	if (!n)
		return;
	arena_init(&p.arena);
	p.ruleset.default_action = default_action;
	p.packets = arena_array(&p.arena, uint64_t, n);
	p.bytes = arena_array(&p.arena, uint64_t, n);
	ir_ruleset_lower_time(&p.ruleset, &p.arena, document->now, document->now + LOWERED_FOR,
			      &p.lowered);
	make_probes(&p);
	run_probes(&p);
	arena_fini(&p.arena);
}
