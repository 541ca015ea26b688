// SPDX-License-Identifier: Apache-2.0
// The IR as bytes, for the message to the enforcer, the store and digests. There is one form for
// one meaning: the reader refuses anything that the writer would not have written, so what was read
// can be trusted as much as what was built.
#include "ir/ir.h"
#include "base/wire.h"

#include <assert.h>

#define FORMAT 2

static void put_clause(const struct ir_clause *clause, struct buf *out)
{
	wire_put_u32(out, (uint32_t)clause->clock);
	wire_put_u8(out, (uint8_t)clause->len);
	for (size_t i = 0; i < clause->len; i++) {
		struct algebra_set set = clause->cond[i].set;
		wire_put_u8(out, (uint8_t)clause->cond[i].dim);
		wire_put_u32(out, (uint32_t)set.len);
		for (size_t k = 0; k < set.len; k++) {
			wire_put_u128(out, set.at[k].lo);
			wire_put_u128(out, set.at[k].hi);
		}
	}
}

static void put_opaque(const struct ir_opaque *opaque, bool named, struct buf *out)
{
	wire_put_u8(out, (uint8_t)opaque->kind);
	if (named)
		wire_put_text(out, opaque->name);
	wire_put_u32(out, (uint32_t)opaque->len);
	for (size_t i = 0; i < opaque->len; i++)
		wire_put_text(out, opaque->value[i]);
	wire_put_u8(out, opaque->negated);
}

static void put_meaning(const struct ir_rule *rule, bool named, struct buf *out)
{
	wire_put_u8(out, rule->flow);
	wire_put_u8(out, (uint8_t)rule->verdict);
	wire_put_u8(out, (uint8_t)rule->log);
	wire_put_u64(out, rule->rate.packets);
	wire_put_u64(out, rule->rate.flows);
	wire_put_u64(out, rule->rate.bytes_x100);
	wire_put_u32(out, (uint32_t)rule->clauses);
	for (size_t i = 0; i < rule->clauses; i++)
		put_clause(&rule->clause[i], out);
	wire_put_u32(out, (uint32_t)rule->opaques);
	for (size_t i = 0; i < rule->opaques; i++)
		put_opaque(&rule->opaque[i], named, out);
}

void ir_rule_meaning(const struct ir_rule *rule, struct buf *out)
{
	put_meaning(rule, false, out);
}

void ir_rule_encode(const struct ir_rule *rule, struct buf *out)
{
	wire_put_text(out, rule->policy);
	wire_put_text(out, rule->name);
	wire_put_text(out, rule->description);
	wire_put_u8(out, rule->priority);
	put_meaning(rule, true, out);
}

static bool get_set(struct wire_reader *in, struct arena *arena, u128 max, struct algebra_set *out)
{
	uint32_t n = wire_count(in, 32);
	struct algebra_range *at = arena_array(arena, struct algebra_range, n);
	for (uint32_t i = 0; i < n; i++) {
		at[i].lo = wire_u128(in);
		at[i].hi = wire_u128(in);
		bool apart = !i || (at[i].lo > at[i - 1].hi && at[i].lo - at[i - 1].hi > 1);
		if (at[i].lo > at[i].hi || at[i].hi > max || !apart)
			in->bad = true;
	}
	if (!n || (n == 1 && at[0].lo == 0 && at[0].hi == max))
		in->bad = true;
	*out = (struct algebra_set){.at = at, .len = n};
	return !in->bad;
}

static bool get_clause(struct wire_reader *in, struct arena *arena, struct ir_clause *out)
{
	out->clock = (int32_t)wire_u32(in);
	out->len = wire_u8(in);
	if (out->len > IR_DIMS || out->clock > 3 * 86400 || out->clock < -3 * 86400)
		in->bad = true;
	if (in->bad)
		return false;
	out->cond = arena_array(arena, struct ir_cond, out->len);
	for (size_t i = 0; i < out->len; i++) {
		uint8_t dim = wire_u8(in);
		if (dim >= IR_DIMS || (i && dim <= out->cond[i - 1].dim))
			in->bad = true;
		if (in->bad)
			return false;
		out->cond[i].dim = dim;
		if (!get_set(in, arena, algebra_max(ir_dim_info[dim].bits), &out->cond[i].set))
			return false;
	}
	return true;
}

static bool get_opaque(struct wire_reader *in, struct arena *arena, struct ir_opaque *out)
{
	uint8_t kind = wire_u8(in);
	if (kind >= IR_OPAQUES)
		in->bad = true;
	out->kind = in->bad ? 0 : kind;
	out->name = wire_text(in, arena);
	out->len = wire_count(in, 4);
	out->value = arena_array(arena, const char *, out->len);
	for (size_t i = 0; i < out->len; i++)
		if (!(out->value[i] = wire_text(in, arena)))
			in->bad = true;
	uint8_t negated = wire_u8(in);
	in->bad |= negated > 1;
	out->negated = negated;
	return !in->bad;
}

static bool get_meaning(struct wire_reader *in, struct arena *arena, struct ir_rule *out)
{
	uint8_t flow = wire_u8(in), verdict = wire_u8(in), log = wire_u8(in);
	out->rate.packets = wire_u64(in);
	out->rate.flows = wire_u64(in);
	out->rate.bytes_x100 = wire_u64(in);
	if (flow > 1 || verdict >= IR_VERDICTS || log > IR_LOG_SESSION)
		in->bad = true;
	out->clauses = wire_count(in, 5);
	if (in->bad)
		return false;
	out->flow = flow;
	out->verdict = verdict;
	out->log = log;
	out->clause = arena_array(arena, struct ir_clause, out->clauses);
	for (size_t i = 0; i < out->clauses; i++)
		if (!get_clause(in, arena, &out->clause[i]))
			return false;
	out->opaques = wire_count(in, 9);
	out->opaque = arena_array(arena, struct ir_opaque, out->opaques);
	for (size_t i = 0; i < out->opaques; i++)
		if (!get_opaque(in, arena, &out->opaque[i]))
			return false;
	return !in->bad;
}

bool ir_rule_decode(struct wire_reader *in, struct arena *arena, struct ir_rule *out)
{
	struct ir_rule rule = {0};
	rule.policy = wire_text(in, arena);
	rule.name = wire_text(in, arena);
	rule.description = wire_text(in, arena);
	rule.priority = wire_u8(in);
	if (!rule.policy || !rule.name)
		in->bad = true;
	if (in->bad || !get_meaning(in, arena, &rule))
		return false;
	*out = rule;
	return true;
}

void ir_ruleset_encode(const struct ir_ruleset *ruleset, struct buf *out)
{
	assert(ruleset->rule.len <= IR_RULES_MOST);
	wire_put_u8(out, FORMAT);
	wire_put_u8(out, (uint8_t)ruleset->default_action);
	wire_put_u32(out, (uint32_t)ruleset->rule.len);
	for (size_t i = 0; i < ruleset->rule.len; i++)
		ir_rule_encode(&ruleset->rule.at[i], out);
}

bool ir_ruleset_decode(struct wire_reader *in, struct arena *arena, struct ir_ruleset *out)
{
	struct ir_ruleset ruleset = {0};
	uint8_t format = wire_u8(in), action = wire_u8(in);
	uint32_t n = wire_count(in, 40);
	if (format != FORMAT || action >= IR_VERDICTS || n > IR_RULES_MOST)
		in->bad = true;
	if (in->bad)
		return false;
	ruleset.default_action = action;
	for (uint32_t i = 0; i < n; i++) {
		struct ir_rule rule;
		if (!ir_rule_decode(in, arena, &rule))
			return false;
		vec_push(arena, &ruleset.rule, rule);
	}
	*out = ruleset;
	return true;
}
