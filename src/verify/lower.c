// SPDX-License-Identifier: Apache-2.0
// What a clause asks of the packets of a slice, said outright: what a dimension implies (a port: a protocol that has ports)
// becomes a condition of its own, calendars become times, opaque conditions become truths, and against the flow's
// direction a packet rule's addresses change sides while a flow rule's conditions on the packet fall away (ir_eval, step
// 1). Then dimensions are independent of each other: a packet that lacks one may be given any value in it.
#include "verify/lower.h"
#include "ir/turn.h"

#include <string.h>

static struct algebra_set some(struct arena *arena, const uint8_t (*range)[2], size_t n)
{
	struct algebra_builder builder = {.arena = arena};
	for (size_t i = 0; i < n; i++)
		algebra_builder_add(&builder, range[i][0], range[i][1]);
	return algebra_builder_take(&builder);
}

static struct algebra_set ethertypes_of(struct arena *arena, int family)
{
	if (family)
		return algebra_set_one(arena, family == 4 ? 0x0800 : 0x86dd,
				       family == 4 ? 0x0800 : 0x86dd);
	struct algebra_set ip =
		algebra_set_union(arena, ethertypes_of(arena, 4), ethertypes_of(arena, 6));
	return algebra_set_complement(arena, ip, 0xffff);
}

struct algebra_set verify_universe(const struct verify_draft *draft, unsigned dim)
{
	struct arena *a = draft->arena;
	const struct verify_slice *slice = draft->slice;
	static const uint8_t any_state[][2] = {{IR_STATE_NEW, IR_STATE_UNTRACKED}},
			     reply_state[][2] = {{IR_STATE_ESTABLISHED, IR_STATE_RELATED}};
	if (dim >= IR_DIMS)
		return algebra_set_one(a, 0, 1);
	if (dim == IR_STATE)
		return some(a, slice->reply ? reply_state : any_state, 1);
	if (dim == IR_TIME)
		return algebra_set_one(a, (u128)draft->space->from, (u128)draft->space->until - 1);
	if (dim == IR_ETHERTYPE)
		return ethertypes_of(a, slice->family);
	if (slice->reply && (dim == IR_ICMP4 || dim == IR_ICMP6))
		return ir_icmp_requests(dim, a);
	return algebra_set_one(a, 0, algebra_max(ir_dim_info[dim].bits));
}

// --- one clause ---

struct lowering {
	struct verify_draft *draft;
	const struct ir_rule *rule;
	const struct ir_clause *clause;
	size_t first; // of draft->cond
	bool never;
};

static struct algebra_set universe_of(struct verify_draft *draft, unsigned dim)
{
	if (!draft->universe)
		return verify_universe(draft, dim);
	if (!draft->universe[dim].len)
		draft->universe[dim] = verify_universe(draft, dim);
	return draft->universe[dim];
}

static void add(struct lowering *l, unsigned dim, struct algebra_set set)
{
	struct verify_draft *draft = l->draft;
	struct algebra_set universe = universe_of(draft, dim);
	for (size_t i = l->first; i < draft->cond.len; i++) {
		struct verify_cond *there = &draft->cond.at[i];
		if (there->dim != dim)
			continue;
		if (algebra_set_within(draft->sets[dim].set.at[there->set], set))
			return;
		set = algebra_set_intersect(draft->arena, draft->sets[dim].set.at[there->set], set);
		draft->sets[dim].uses.at[there->set]--;
		there->set = verify_sets_put(&draft->sets[dim], set);
		l->never |= !algebra_set_overlaps(universe, set);
		return;
	}
	if (algebra_set_within(universe, set))
		return;
	if (!algebra_set_overlaps(universe, set)) {
		l->never = true;
		return;
	}
	vec_push(draft->arena, &draft->cond,
		 (struct verify_cond){dim, verify_sets_put(&draft->sets[dim], set)});
}

static void add_clock(struct lowering *l)
{
	struct verify_draft *draft = l->draft;
	struct ir_clause clock = {.clock = l->clause->clock};
	size_t first = 0;
	while (first < l->clause->len && l->clause->cond[first].dim < IR_TIME)
		first++;
	clock.cond = l->clause->cond + first;
	clock.len = l->clause->len - first;
	if (!clock.len)
		return;
	for (size_t i = 0; i < draft->times.len; i++)
		if (ir_clause_equal(&draft->times.at[i].clock, &clock)) {
			add(l, IR_TIME, draft->times.at[i].set);
			return;
		}
	struct algebra_set set =
		ir_clause_times(&clock, draft->arena, draft->space->from, draft->space->until - 1);
	vec_push(draft->arena, &draft->times, (struct verify_time){clock, set});
	l->never |= !set.len;
	if (set.len)
		add(l, IR_TIME, set);
}

static struct algebra_set set_of(struct arena *arena, const struct ir_protocols *protocols)
{
	struct algebra_builder builder = {.arena = arena};
	for (unsigned p = 0, q; p < 256; p = q + 1) {
		for (q = p; q < 256 && protocols->bit[q / 64] >> q % 64 & 1; q++)
			;
		if (q > p)
			algebra_builder_add(&builder, p, q - 1);
	}
	return algebra_builder_take(&builder);
}

// Clauses have few different ones.
static struct algebra_set protocols_of(struct verify_draft *draft, const struct ir_clause *clause)
{
	struct verify_protocols new = {.bits = ir_clause_protocols(clause)};
	for (size_t i = 0; i < draft->protocols.len; i++)
		if (ir_protocols_equal(draft->protocols.at[i].bits, new.bits))
			return draft->protocols.at[i].set;
	new.set = set_of(draft->arena, &new.bits);
	vec_push(draft->arena, &draft->protocols, new);
	return new.set;
}

static void add_protocols(struct lowering *l)
{
	struct algebra_set set = protocols_of(l->draft, l->clause);
	l->never |= !set.len;
	if (set.len)
		add(l, IR_PROTO, set);
}

static void add_cond(struct lowering *l, const struct ir_cond *cond)
{
	const struct verify_slice *slice = l->draft->slice;
	bool tuple = ir_dim_info[cond->dim].kind == IR_KIND_TUPLE;
	enum ir_dim dim = cond->dim;
	struct algebra_set set = cond->set;
	if (slice->reply && !l->rule->flow && tuple) {
		dim = ir_dim_other_side(dim);
		if (dim == IR_ICMP4 || dim == IR_ICMP6)
			set = ir_icmp_turned(IR_TO_REQUEST, dim, set, l->draft->arena);
		l->never |= !set.len;
	}
	if (!l->never)
		add(l, dim, set);
}

// Another fragment than the first has no transport header; connection tracking puts fragments together.
static void add_first_fragment(struct lowering *l, const struct ir_cond *cond)
{
	bool of_flow = l->rule->flow && ir_dim_info[cond->dim].kind == IR_KIND_TUPLE;
	if (l->draft->fragments && l->draft->slice->family == 4 && ir_dim_is_transport(cond->dim) &&
	    !of_flow)
		add(l, IR_FRAGOFF, algebra_set_one(l->draft->arena, 0, 0));
}

// What has a service code is a request or a response.
static void add_service_type(struct lowering *l, const struct ir_cond *cond)
{
	static const struct algebra_range types[] = {{0, IR_DCCP_SERVICE_LAST}};
	if (cond->dim == IR_DCCPSERVICE)
		add(l, IR_DCCPTYPE, (struct algebra_set){types, 1});
}

static void add_flow(struct lowering *l)
{
	static const struct algebra_range of_flows[] = {{IR_STATE_NEW, IR_STATE_RELATED}};
	if (l->rule->flow)
		add(l, IR_STATE, (struct algebra_set){of_flows, 1});
}

static void add_truth(struct lowering *l, struct verify_truth truth, bool holds)
{
	uint32_t number = l->draft->settled ? verify_truth_find(l->draft->space, &truth)
					    : verify_truth_number(l->draft->space, &truth);
	l->draft->strange |= number == UINT32_MAX;
	if (number == UINT32_MAX)
		return;
	static const struct algebra_range truth_is[] = {{0, 0}, {1, 1}};
	add(l, IR_DIMS + number, (struct algebra_set){&truth_is[holds], 1});
}

static void add_truths(struct lowering *l)
{
	const struct ir_rule *rule = l->rule;
	for (size_t i = 0; i < rule->opaques; i++)
		add_truth(l, (struct verify_truth){.opaque = &rule->opaque[i]},
			  !rule->opaque[i].negated);
	if (ir_rule_has_rate_condition(rule))
		add_truth(l, (struct verify_truth){.rate = rule}, true);
}

bool verify_of_any_frame(enum ir_dim dim)
{
	return dim == IR_IN || dim == IR_OUT || dim == IR_ETHERTYPE || dim == IR_SMAC ||
	       dim == IR_DMAC || dim >= IR_TIME;
}

static bool of_family(const struct verify_draft *draft, const struct ir_clause *clause)
{
	if (draft->slice->family)
		return ir_clause_versions(clause) & (draft->slice->family == 4 ? 1 : 2);
	for (size_t i = 0; i < clause->len; i++)
		if (!verify_of_any_frame(clause->cond[i].dim))
			return false;
	return true;
}

// What is left of a flow rule's clause against the flow's direction: conditions on the packet cannot be read there. False
// when the rule then matches nothing.
static bool without_packet(struct verify_draft *draft, const struct ir_rule *rule,
			   const struct ir_clause *clause, struct ir_clause *out)
{
	*out = (struct ir_clause){
		.cond = arena_array(draft->arena, struct ir_cond, clause->len + 1),
		.clock = clause->clock};
	for (size_t i = 0; i < clause->len; i++)
		if (ir_dim_info[clause->cond[i].dim].kind != IR_KIND_PACKET)
			out->cond[out->len++] = clause->cond[i];
	return out->len == clause->len || ir_verdict_passes(rule->verdict);
}

static void lower(struct lowering *l)
{
	bool transport = false;
	for (size_t i = 0; i < l->clause->len && !l->never; i++) {
		const struct ir_cond *cond = &l->clause->cond[i];
		if (cond->dim == IR_FAMILY || cond->dim >= IR_TIME)
			continue;
		add_cond(l, cond);
		add_first_fragment(l, cond);
		add_service_type(l, cond);
		transport |= ir_dim_is_transport(cond->dim);
	}
	if (transport)
		add_protocols(l);
	add_clock(l);
}

bool verify_lower(struct verify_draft *draft, const struct ir_rule *rule,
		  const struct ir_clause *clause)
{
	struct lowering l = {
		.draft = draft, .rule = rule, .clause = clause, .first = draft->cond.len};
	static const struct ir_rule any_packet = {.verdict = IR_PASS};
	struct ir_clause rest;
	if (draft->slice->reply && rule->flow) {
		l.never = !without_packet(draft, rule, clause, &rest);
		l.clause = &rest;
	}
	l.never |= rule->flow && !draft->slice->family; // other packets have no flow
	l.never |= !of_family(draft, l.clause) || !of_family(draft, &draft->where);
	if (!l.never) {
		lower(&l);
		add_flow(&l);
		add_truths(&l);
		l.rule = &any_packet;
		l.clause = &draft->where;
		lower(&l);
	}
	if (l.never) {
		for (size_t i = l.first; i < draft->cond.len; i++)
			draft->sets[draft->cond.at[i].dim].uses.at[draft->cond.at[i].set]--;
		draft->cond.len = l.first;
	}
	return !l.never;
}
