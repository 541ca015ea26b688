// SPDX-License-Identifier: Apache-2.0
// Time: civil dates, RFC 3339 texts, periods as clauses. The one idea: a period that begins at
// `from` local time is looked at on a clock that shows 00:00 when it begins; on it the period is
// one range of the second of the day, and the day is the day on which the period began, midnight or
// not.
#include "ir/ir.h"

#include <stdio.h>
#include <string.h>

#define DAY 86400

// Days and civil dates: years begin in March, so that the leap day is the last; 400 years are
// 146097 days.
int64_t ir_days_from_civil(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year =
		(153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

void ir_civil_from_days(int64_t days, int64_t *year_out, unsigned *month_out, unsigned *day_out)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	*day_out = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1);
	*month_out = (unsigned)(month < 10 ? month + 3 : month - 9);
	*year_out = year + era * 400 + (*month_out <= 2);
}

unsigned ir_days_in_month(int64_t year, unsigned month)
{
	int64_t first = ir_days_from_civil(year, month, 1);
	int64_t next = month == 12 ? ir_days_from_civil(year + 1, 1, 1)
				   : ir_days_from_civil(year, month + 1, 1);
	return (unsigned)(next - first);
}

// `len` digits at *p, which moves on.
static bool digits(const char **p, unsigned len, int *out)
{
	*out = 0;
	for (unsigned i = 0; i < len; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*out = *out * 10 + (**p - '0');
	}
	return true;
}

static bool separator(const char **p, const char *allowed)
{
	return **p && strchr(allowed, *(*p)++);
}

static bool zone(const char **p, int64_t *seconds_out)
{
	int hours, minutes;
	if (**p == 'Z' || **p == 'z') {
		(*p)++;
		*seconds_out = 0;
		return true;
	}
	int sign = **p == '-' ? -1 : 1;
	if (!separator(p, "+-") || !digits(p, 2, &hours) || !separator(p, ":") ||
	    !digits(p, 2, &minutes))
		return false;
	*seconds_out = sign * (hours * 3600 + minutes * 60);
	return hours < 24 && minutes < 60;
}

bool ir_time_parse(const char *text, int64_t *out)
{
	int year, month, day, hour, minute, second;
	int64_t offset;
	const char *p = text;
	if (!digits(&p, 4, &year) || !separator(&p, "-") || !digits(&p, 2, &month) ||
	    !separator(&p, "-") || !digits(&p, 2, &day) || !separator(&p, "Tt ") ||
	    !digits(&p, 2, &hour) || !separator(&p, ":") || !digits(&p, 2, &minute) ||
	    !separator(&p, ":") || !digits(&p, 2, &second))
		return false;
	if (*p == '.') {
		p++;
		if (*p < '0' || *p > '9')
			return false;
		while (*p >= '0' && *p <= '9')
			p++;
	}
	if (!zone(&p, &offset) || *p)
		return false;
	if (month < 1 || month > 12 || day < 1 ||
	    (unsigned)day > ir_days_in_month(year, (unsigned)month) || hour > 23 || minute > 59 ||
	    second > 60)
		return false;
	int64_t days = ir_days_from_civil(year, (unsigned)month, (unsigned)day);
	*out = days * DAY + hour * 3600 + minute * 60 + (second == 60 ? 59 : second) - offset;
	return true;
}

void ir_time_print(int64_t time, char out[static 32])
{
	int64_t days = time / DAY - (time % DAY < 0), year;
	int second = (int)(time - days * DAY);
	unsigned month, day;
	ir_civil_from_days(days, &year, &month, &day);
	snprintf(out, 32, "%04d-%02u-%02uT%02d:%02d:%02dZ", (int)(year % 100000), month, day,
		 second / 3600, second / 60 % 60, second % 60);
}

static struct algebra_set from_bits(uint32_t bits, unsigned first, unsigned last,
				    struct arena *arena)
{
	struct algebra_builder builder = {.arena = arena};
	for (unsigned i = first; i <= last; i++)
		if (bits >> i & 1)
			algebra_builder_add(&builder, i, i);
	return algebra_builder_take(&builder);
}

static bool period_days(const struct ir_period *period, struct arena *arena,
			struct ir_clause *clause)
{
	switch (period->frequency) {
	case IR_WEEKLY:
		// All seven days are the whole dimension but for the value 7, which no packet has.
		return (period->weekdays & 127) == 127 ||
		       ir_clause_narrow(clause, arena, IR_WDAY,
					from_bits(period->weekdays, 0, 6, arena));
	case IR_MONTHLY:
		return ir_clause_narrow(clause, arena, IR_MDAY,
					from_bits(period->monthdays, 1, 31, arena));
	case IR_YEARLY:
		return ir_clause_narrow(clause, arena, IR_MMDD, period->yeardays);
	case IR_ONLY_ONCE:
	case IR_DAILY:
		break;
	}
	return true;
}

bool ir_period_clause(const struct ir_period *period, struct arena *arena, struct ir_clause *out)
{
	struct ir_clause clause = {0};
	int64_t start = period->has_start && period->start > 0 ? period->start : 0;
	int64_t end = period->has_end ? period->end : INT64_MAX;
	if (end <= start)
		return false;
	u128 last = period->has_end ? (u128)(end - 1) : algebra_max(64);
	if (!ir_clause_narrow(&clause, arena, IR_TIME, algebra_set_one(arena, (u128)start, last)))
		return false;
	if (period->frequency != IR_ONLY_ONCE) {
		int32_t from = period->has_from ? period->from : 0;
		int32_t to = period->has_to ? period->to : DAY;
		int32_t length = to > from ? to - from : to - from + DAY;
		if (length < DAY && !ir_clause_narrow(&clause, arena, IR_HOUR,
						      algebra_set_one(arena, 0, length - 1)))
			return false;
		if (!period_days(period, arena, &clause))
			return false;
		bool any = clause.len && clause.cond[clause.len - 1].dim != IR_TIME;
		clause.clock = any ? period->zone - from : 0;
	}
	*out = clause;
	return true;
}
