// SPDX-License-Identifier: Apache-2.0
// The interpreter: what a ruleset means for one packet at one time. It is linear and simple on
// purpose, because it is what compilers, verifier and read-back are measured against. The steps are
// numbered in ir.h.
#include "ir/ir.h"

#include <assert.h>

void ir_packet_set(struct ir_packet *packet, enum ir_dim dim, u128 value)
{
	assert(value <= algebra_max(ir_dim_info[dim].bits));
	packet->has |= (uint64_t)1 << dim;
	packet->value[dim] = value;
}

static u128 clock_value(enum ir_dim dim, int64_t time, int32_t clock)
{
	int64_t t = dim == IR_TIME ? time : time + clock;
	int64_t days = t / 86400 - (t % 86400 < 0);
	int64_t year;
	unsigned month, day;
	ir_civil_from_days(days, &year, &month, &day);
	switch ((int)dim) {
	case IR_TIME:
		return t < 0 ? 0 : (u128)t;
	case IR_HOUR:
		return (u128)(t - days * 86400);
	case IR_WDAY:
		return (u128)(((days + 3) % 7 + 7) % 7); // 1970-01-01 was a Thursday
	case IR_MDAY:
		return day;
	default:
		return month * 100 + day;
	}
}

bool ir_verdict_passes(enum ir_verdict verdict)
{
	return verdict == IR_PASS || verdict == IR_RATE_LIMIT;
}

bool ir_rate_equal(struct ir_rate a, struct ir_rate b)
{
	return a.packets == b.packets && a.flows == b.flows && a.bytes_x100 == b.bytes_x100;
}

bool ir_rule_has_rate(const struct ir_rule *rule)
{
	return rule->rate.packets || rule->rate.flows || rule->rate.bytes_x100;
}

bool ir_rule_has_rate_condition(const struct ir_rule *rule)
{
	return ir_rule_has_rate(rule) && rule->verdict != IR_RATE_LIMIT;
}

static bool cond_matches(const struct ir_cond *cond, const struct ir_clause *clause,
			 const struct ir_rule *rule, const struct ir_packet *packet)
{
	enum ir_dim_kind kind = ir_dim_info[cond->dim].kind;
	if (kind == IR_KIND_CLOCK)
		return algebra_set_has(cond->set,
				       clock_value(cond->dim, packet->time, clause->clock));
	if (kind == IR_KIND_PACKET && rule->flow && packet->reply)
		return ir_verdict_passes(rule->verdict);
	const struct ir_packet *read = kind == IR_KIND_TUPLE && rule->flow ? packet->flow : packet;
	return (read->has >> cond->dim & 1) && algebra_set_has(cond->set, read->value[cond->dim]);
}

bool ir_clause_matches(const struct ir_clause *clause, const struct ir_rule *rule,
		       const struct ir_packet *packet)
{
	if (rule->flow && !packet->flow)
		return false;
	for (size_t i = 0; i < clause->len; i++)
		if (!cond_matches(&clause->cond[i], clause, rule, packet))
			return false;
	return true;
}

enum answer { NO, YES, UNKNOWN };

static enum answer opaques_hold(const struct ir_rule *rule, const struct ir_packet *packet)
{
	enum answer answer = YES;
	for (size_t i = 0; i < rule->opaques; i++) {
		bool known = false;
		bool holds = packet->opaque_holds &&
			     packet->opaque_holds(packet, &rule->opaque[i], &known);
		if (known && holds == rule->opaque[i].negated)
			return NO;
		if (!known)
			answer = UNKNOWN;
	}
	return answer;
}

static bool exceeded(const struct ir_rule *rule, const struct ir_packet *packet)
{
	return packet->rate_exceeded ? packet->rate_exceeded(packet, rule) : packet->over_rate;
}

static enum answer rule_matches(const struct ir_rule *rule, const struct ir_packet *packet)
{
	if (ir_rule_has_rate_condition(rule) && !exceeded(rule, packet))
		return NO;
	for (size_t i = 0; i < rule->clauses; i++)
		if (ir_clause_matches(&rule->clause[i], rule, packet))
			return opaques_hold(rule, packet);
	return NO;
}

void ir_eval(const struct ir_ruleset *ruleset, const struct ir_packet *packet, struct arena *arena,
	     struct ir_outcome *out)
{
	*out = (struct ir_outcome){.verdict = ruleset->default_action};
	bool flow_rules = false;
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		flow_rules |= rule->flow;
		enum answer answer = rule_matches(rule, packet);
		if (answer == UNKNOWN && !out->depends)
			out->depends = rule;
		if (answer != YES)
			continue;
		if (rule->log != IR_LOG_NONE)
			vec_push(arena, &out->logged, rule);
		if (rule->verdict == IR_NONE)
			continue;
		out->verdict = rule->verdict;
		out->rule = rule;
		return;
	}
	if (flow_rules && !packet->flow) {
		out->verdict = IR_DROP;
		out->no_flow = true;
	}
}
