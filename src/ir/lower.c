// SPDX-License-Identifier: Apache-2.0
// Lowering of time for NSFs that know UTC, the second of the day and the day of the week, and
// absolute time. A shifted clock splits a day into two parts at most; days of a month or a year
// become absolute ranges up to a horizon, so whoever enforces the result must lower again before
// the horizon.
#include "ir/ir.h"

#define DAY 86400

struct lowering {
	struct arena *arena;
	int64_t now, horizon;
	VEC(struct ir_clause) clause;
};

static struct ir_clause without_clock(const struct ir_clause *clause, struct arena *arena)
{
	struct ir_clause rest = {.cond = arena_array(arena, struct ir_cond, clause->len + 1)};
	for (size_t i = 0; i < clause->len; i++)
		if (clause->cond[i].dim < IR_HOUR)
			rest.cond[rest.len++] = clause->cond[i];
	return rest;
}

static struct algebra_set shift(struct arena *arena, struct algebra_set set, int64_t by)
{
	struct algebra_builder builder = {.arena = arena};
	for (size_t i = 0; i < set.len; i++)
		algebra_builder_add(&builder, (u128)((int64_t)set.at[i].lo + by),
				    (u128)((int64_t)set.at[i].hi + by));
	return algebra_builder_take(&builder);
}

// The days of the week in UTC that are `by` days before those of the set.
static struct algebra_set shift_days(struct arena *arena, struct algebra_set set, int64_t by)
{
	struct algebra_builder builder = {.arena = arena};
	for (int64_t day = 0; day < 7; day++)
		if (algebra_set_has(set, (u128)(((day + by) % 7 + 7) % 7)))
			algebra_builder_add(&builder, (u128)day, (u128)day);
	return algebra_builder_take(&builder);
}

static void push(struct lowering *to, struct ir_clause clause, struct algebra_set hours,
		 const struct algebra_set *days)
{
	bool all_hours = hours.len == 1 && hours.at[0].lo == 0 && hours.at[0].hi == DAY - 1;
	if (!all_hours && !ir_clause_narrow(&clause, to->arena, IR_HOUR, hours))
		return;
	if (days && !ir_clause_narrow(&clause, to->arena, IR_WDAY, *days))
		return;
	vec_push(to->arena, &to->clause, clause);
}

// Second of the day and day of the week on a shifted clock. With clock = q days + r seconds, UTC's
// [0, DAY - r) shows the shifted day's [r, DAY), q days on; UTC's [DAY - r, DAY) shows [0, r) of
// the day after that.
static void lower_week(struct lowering *to, const struct ir_clause *clause)
{
	struct arena *a = to->arena;
	const struct algebra_set *hour = ir_clause_set(clause, IR_HOUR),
				 *wday = ir_clause_set(clause, IR_WDAY);
	struct algebra_set hours = hour ? *hour : algebra_set_one(a, 0, DAY - 1);
	struct ir_clause rest = without_clock(clause, a);
	int64_t q = clause->clock / DAY - (clause->clock % DAY < 0), r = clause->clock - q * DAY;
	struct algebra_set late =
		shift(a, algebra_set_intersect(a, hours, algebra_set_one(a, (u128)r, DAY - 1)), -r);
	struct algebra_set early = {0};
	if (r)
		early = shift(a,
			      algebra_set_intersect(a, hours, algebra_set_one(a, 0, (u128)r - 1)),
			      DAY - r);
	if (!wday) {
		push(to, rest, algebra_set_union(a, late, early), NULL);
		return;
	}
	struct algebra_set days = shift_days(a, *wday, q), next = shift_days(a, *wday, q + 1);
	if (late.len)
		push(to, rest, late, &days);
	if (early.len)
		push(to, rest, early, &next);
}

static bool day_selected(const struct ir_clause *clause, int64_t day)
{
	int64_t year;
	unsigned month, mday;
	ir_civil_from_days(day, &year, &month, &mday);
	const struct algebra_set *w = ir_clause_set(clause, IR_WDAY),
				 *m = ir_clause_set(clause, IR_MDAY),
				 *y = ir_clause_set(clause, IR_MMDD);
	return (!w || algebra_set_has(*w, (u128)(((day + 3) % 7 + 7) % 7))) &&
	       (!m || algebra_set_has(*m, mday)) && (!y || algebra_set_has(*y, month * 100 + mday));
}

static void add_day(struct algebra_builder *times, struct algebra_set hours, int64_t midnight,
		    int64_t from, int64_t until)
{
	for (size_t i = 0; i < hours.len; i++) {
		int64_t lo = midnight + (int64_t)hours.at[i].lo,
			hi = midnight + (int64_t)hours.at[i].hi;
		if (lo < from)
			lo = from;
		if (hi > until)
			hi = until;
		if (lo <= hi)
			algebra_builder_add(times, (u128)lo, (u128)hi);
	}
}

struct algebra_set ir_clause_times(const struct ir_clause *clause, struct arena *arena,
				   int64_t from, int64_t until)
{
	const struct algebra_set *hour = ir_clause_set(clause, IR_HOUR),
				 *time = ir_clause_set(clause, IR_TIME);
	struct algebra_set hours = algebra_set_one(arena, 0, DAY - 1);
	if (hour)
		hours = algebra_set_intersect(arena, hours, *hour);
	struct algebra_builder times = {.arena = arena};
	int64_t first = (from + clause->clock) / DAY - 1, last = (until + clause->clock) / DAY + 1;
	for (int64_t day = first; day <= last; day++)
		if (day_selected(clause, day))
			add_day(&times, hours, day * DAY - clause->clock, from, until);
	struct algebra_set set = algebra_builder_take(&times);
	return time ? algebra_set_intersect(arena, set, *time) : set;
}

// Days of a month or a year: each selected day's hours as absolute time from now to the horizon.
static void lower_calendar(struct lowering *to, const struct ir_clause *clause)
{
	struct ir_clause rest = without_clock(clause, to->arena);
	struct algebra_set times = ir_clause_times(clause, to->arena, to->now, to->horizon);
	if (ir_clause_narrow(&rest, to->arena, IR_TIME, times))
		vec_push(to->arena, &to->clause, rest);
}

static void lower_clause(struct lowering *to, const struct ir_clause *clause)
{
	enum ir_dim last = clause->len ? clause->cond[clause->len - 1].dim : IR_FAMILY;
	if (last < IR_HOUR) {
		struct ir_clause same = *clause;
		same.clock = 0;
		vec_push(to->arena, &to->clause, same);
	} else if (last >= IR_MDAY) {
		lower_calendar(to, clause);
	} else {
		lower_week(to, clause);
	}
}

static bool knows_no_time(const struct ir_rule *rule)
{
	for (size_t i = 0; i < rule->clauses; i++) {
		const struct ir_clause *c = &rule->clause[i];
		if (c->clock || (c->len && c->cond[c->len - 1].dim >= IR_HOUR))
			return false;
	}
	return true;
}

static struct ir_rule lower_rule(const struct ir_rule *rule, struct lowering to)
{
	struct ir_rule out = *rule;
	if (knows_no_time(rule))
		return out;
	for (size_t k = 0; k < rule->clauses; k++)
		lower_clause(&to, &rule->clause[k]);
	out.clause = to.clause.at;
	out.clauses = to.clause.len;
	return out;
}

void ir_ruleset_lower_time(const struct ir_ruleset *in, struct arena *arena, int64_t now,
			   int64_t horizon, struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = in->default_action};
	vec_reserve(arena, &out->rule, in->rule.len);
	for (size_t i = 0; i < in->rule.len; i++)
		vec_push(arena, &out->rule,
			 lower_rule(&in->rule.at[i], (struct lowering){.arena = arena,
								       .now = now,
								       .horizon = horizon}));
}
