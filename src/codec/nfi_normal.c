// SPDX-License-Identifier: Apache-2.0
// The form in which a rule comes back from the NSF-facing model, without going there: every part of a
// clause is read as the reader would read it, and the parts are joined as the reader joins them. Whoever
// compares rules byte for byte compares them in this form.
#include "codec/nfi_split.h"
#include "base/diag.h"
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

struct clauses {
	VEC(struct ir_clause) list;
};

static bool set_one(struct ir_clause *clause, struct arena *arena, enum ir_dim dim, u128 value)
{
	return ir_clause_narrow(clause, arena, dim, algebra_set_one(arena, value, value));
}

// Header fields: the sets as they are, but for those of which a part has one value.
static void narrow_fields(const struct nfi_split *split, struct ir_clause *out)
{
	struct arena *arena = split->arena;
	for (size_t i = 0; i < split->clause.len; i++) {
		enum ir_dim dim = split->clause.cond[i].dim;
		struct algebra_set set = split->clause.cond[i].set;
		struct nfi_icmp icmp;
		if (dim >= IR_TIME || dim == IR_ETHERTYPE || dim == IR_FAMILY || dim == IR_PROTO)
			continue;
		if (dim == IR_ICMP4 || dim == IR_ICMP6) {
			icmp = nfi_split_icmp(split);
			unsigned code = icmp.code < 0 ? 0 : (unsigned)icmp.code;
			set = algebra_set_one(arena, icmp.type * 256u + code,
					      icmp.type * 256u + (icmp.code < 0 ? 255u : code));
		} else if (nfi_split_single(split, dim)) {
			u128 value = nfi_split_value(split, dim);
			set = algebra_set_one(arena, value, value);
		}
		bool left = ir_clause_narrow(out, arena, dim, set);
		assert(left);
	}
}

// What the boxes of layer 3 and layer 4 say by being there.
static bool narrow_transport(const struct nfi_split *split, struct ir_clause *out)
{
	const struct nfi_transport *t = &split->transport.list.at[split->at];
	bool icmp = t->box == NFI_ICMP;
	unsigned family = icmp ? (t->number == 1 ? 4 : 6) : (unsigned)t->family;
	bool left = true;
	if (t->family)
		left = left && set_one(out, split->arena, IR_FAMILY, (unsigned)t->family);
	if (icmp)
		left = left && set_one(out, split->arena, IR_FAMILY, family);
	if (t->protocol >= 0 || t->box != NFI_BOXES)
		left = left && set_one(out, split->arena, IR_PROTO, t->number);
	return left;
}

static void narrow_days(const struct nfi_split *split, struct ir_clause *out)
{
	static const enum ir_dim days[] = {IR_WDAY, IR_MDAY, IR_MMDD};
	for (size_t i = 0; i < array_len(days); i++) {
		const struct algebra_set *set = ir_clause_set(&split->clause, days[i]);
		bool week = set && days[i] == IR_WDAY && set->at[0].lo == 0 && set->at[0].hi == 6;
		if (!set || week)
			continue;
		struct algebra_set all = days[i] == IR_MMDD ? nfi_dates(split->arena, *set) : *set;
		bool left = ir_clause_narrow(out, split->arena, days[i], all);
		assert(left);
	}
}

// A period's clock shows 00:00 when it begins.
static void narrow_time(const struct nfi_split *split, struct ir_clause *out)
{
	struct algebra_range hour = {0, DAY - 1};
	bool left = true;
	if (ir_clause_set(&split->clause, IR_TIME)) {
		struct algebra_range time = nfi_split_range(split, IR_TIME);
		left = ir_clause_narrow(out, split->arena, IR_TIME,
					algebra_set_one(split->arena, time.lo, time.hi));
	}
	if (ir_clause_set(&split->clause, IR_HOUR))
		hour = nfi_split_range(split, IR_HOUR);
	if (hour.hi - hour.lo + 1 < DAY)
		left = left &&
		       ir_clause_narrow(out, split->arena, IR_HOUR,
					algebra_set_one(split->arena, 0, hour.hi - hour.lo));
	assert(left);
	narrow_days(split, out);
	if (out->len && out->cond[out->len - 1].dim > IR_TIME)
		out->clock = split->clause.clock - (int32_t)hour.lo;
}

// The EtherTypes of IP stand for the IP version.
static void add_frames(const struct nfi_split *split, const struct ir_clause *clause,
		       struct clauses *out)
{
	struct arena *arena = split->arena;
	const struct algebra_set *types = ir_clause_set(&split->clause, IR_ETHERTYPE);
	struct algebra_builder other = {.arena = arena}, versions = {.arena = arena};
	if (!types) {
		vec_push(arena, &out->list, *clause);
		return;
	}
	for (size_t i = 0; i < types->len; i++)
		for (u128 t = types->at[i].lo; t <= types->at[i].hi; t++) {
			bool ip = nfi_is_ip_type(t);
			u128 value = ip ? (t == 0x0800 ? 4 : 6) : t;
			algebra_builder_add(ip ? &versions : &other, value, value);
		}
	bool first = nfi_is_ip_type(types->at[0].lo);
	for (int k = 0; k < 2; k++) {
		bool ip = first == (k == 0);
		struct ir_clause frame = *clause;
		struct algebra_set set = algebra_builder_take(ip ? &versions : &other);
		if (ir_clause_narrow(&frame, arena, ip ? IR_FAMILY : IR_ETHERTYPE, set))
			vec_push(arena, &out->list, frame);
	}
}

static void add_part(const struct nfi_split *split, struct clauses *out)
{
	struct ir_clause clause = {0};
	narrow_fields(split, &clause);
	if (!narrow_transport(split, &clause))
		return;
	narrow_time(split, &clause);
	size_t before = out->list.len;
	add_frames(split, &clause, out);
	for (size_t i = before; i < out->list.len; i++)
		nfi_clause_reduce(&out->list.at[i], split->arena);
}

static bool header_moved(const struct nfi_split *split)
{
	for (size_t i = 0; i < split->axes; i++)
		if (split->axis[i].kind == NFI_AXIS_HEADER && split->axis[i].at)
			return true;
	return false;
}

static void add_clause(const struct ir_rule *rule, const struct ir_clause *clause,
		       struct arena *arena, struct clauses *out)
{
	struct nfi_split split = {.arena = arena};
	struct clauses parts = {0};
	struct diags none;
	diags_init(&none, arena);
	bool good = nfi_split_init(&split, rule, clause, &none);
	assert(good);
	if (!split.parts)
		return;
	do
		if (!header_moved(&split))
			add_part(&split, &parts);
	while (nfi_split_next(&split));
	if (parts.list.len > 1)
		nfi_clauses_join(&parts.list.at, &parts.list.len, arena);
	for (size_t i = 0; i < parts.list.len; i++)
		vec_push(arena, &out->list, parts.list.at[i]);
}

static int by_kind(const void *a, const void *b)
{
	const struct ir_opaque *x = a, *y = b;
	return (int)x->kind - (int)y->kind;
}

static void order_opaques(struct ir_rule *rule, struct arena *arena)
{
	if (!rule->opaques)
		return;
	struct ir_opaque *all = arena_memdup(arena, rule->opaque, rule->opaques * sizeof(*all));
	qsort(all, rule->opaques, sizeof(*all), by_kind);
	for (size_t i = 0; i < rule->opaques; i++) {
		struct map seen = {.arena = arena};
		VEC(const char *) value = {0};
		for (size_t k = 0; k < all[i].len; k++)
			if (!map_put(&seen, all[i].value[k], arena))
				vec_push(arena, &value, all[i].value[k]);
		all[i].value = value.at;
		all[i].len = value.len;
	}
	rule->opaque = all;
}

void codec_nfi_normal(const struct ir_rule *rule, struct arena *arena, struct ir_rule *out)
{
	struct diags none;
	struct clauses clauses = {0};
	diags_init(&none, arena);
	*out = *rule;
	if (!codec_nfi_can(rule, &none))
		return;
	for (size_t i = 0; i < rule->clauses; i++)
		add_clause(rule, &rule->clause[i], arena, &clauses);
	out->clause = clauses.list.at;
	out->clauses = clauses.list.len;
	order_opaques(out, arena);
}
