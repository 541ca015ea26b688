// SPDX-License-Identifier: Apache-2.0
// Time: periods as clauses, calendar conditions for NSFs that have none, dates and RFC 3339.
#pragma once

#include "ir/ir.h"

// A period as the models have it; local times are of the zone `zone` seconds east of UTC.
enum ir_frequency { IR_ONLY_ONCE, IR_DAILY, IR_WEEKLY, IR_MONTHLY, IR_YEARLY };
struct ir_period {
	bool has_start, has_end; // start-date-time, end-date-time
	int64_t start, end;      // seconds since 1970 UTC; half-open: start <= t < end
	enum ir_frequency frequency;
	bool has_from, has_to; // period/start-time and end-time; absent: 00:00:00 and 24:00:00
	int32_t from, to,
		zone; // seconds of the local day; from >= to: past midnight (equal: the whole day)
	uint8_t weekdays;            // bit 0 Monday .. bit 6 Sunday
	uint32_t monthdays;          // bit 1..31
	struct algebra_set yeardays; // ranges of month * 100 + day, as IR_MMDD
};
// The clause (only CLOCK dimensions) that says when the period is. False when it is never.
bool ir_period_clause(const struct ir_period *period, struct arena *arena,
		      struct ir_clause *out) must_check;
// Rewrites a clause's CLOCK dimensions for NSFs that know only UTC (clock 0) and IR_TIME, IR_HOUR
// and IR_WDAY: one clause becomes several. IR_MDAY and IR_MMDD become ranges of IR_TIME from `now`
// to `horizon`; daily and weekly periods stay exact for ever. Clauses without CLOCK dimensions are
// handed on as they are.
void ir_ruleset_lower_time(const struct ir_ruleset *in, struct arena *arena, int64_t now,
			   int64_t horizon, struct ir_ruleset *out);
// The times in [from, until] at which the clause's CLOCK dimensions hold, as values of IR_TIME.
struct algebra_set ir_clause_times(const struct ir_clause *clause, struct arena *arena,
				   int64_t from, int64_t until) must_check;
// The days since 1970 of a civil date, and back (proleptic Gregorian).
int64_t ir_days_from_civil(int64_t year, unsigned month, unsigned day) must_check;
void ir_civil_from_days(int64_t days, int64_t *year_out, unsigned *month_out, unsigned *day_out);
unsigned ir_days_in_month(int64_t year, unsigned month) must_check;
// RFC 3339 date-and-time; a fraction is cut off. False on anything else, the leap second 60
// included as :59.
bool ir_time_parse(const char *text, int64_t *out) must_check;
// "2026-03-11T09:00:00Z"
void ir_time_print(int64_t time, char out[static 32]);
