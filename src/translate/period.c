// SPDX-License-Identifier: Apache-2.0
// context/time: the texts of the model to struct ir_period, which says when the rule counts. A time of
// day without a zone is of the zone that the caller chose; an end in another zone than its start is
// converted, so that a period has one zone. Dates that no calendar has are errors, ends before their
// start are contradictions. Fractions of seconds are cut off (RFC 3339, RFC 6991 date-and-time).
#include "translate/draft.h"

#include <string.h>

#define DAY 86400

#define TIME "condition/context/time/"
static const char start_date_time[] = TIME "start-date-time";
static const char end_date_time[] = TIME "end-date-time";
static const char frequency[] = TIME "frequency";
static const char start_time[] = TIME "period/start-time";
static const char end_time[] = TIME "period/end-time";
static const char month_range[] = TIME "period/month";

static void value_error(struct draft *draft, const char *where, const char *value)
{
	draft_error(draft, DIAG_VALUE, where, "give a time or date that exists",
		    "%s cannot be \"%.80s\"", strrchr(where, '/') + 1, value);
}

// Two digits; -1 when they are none.
static int two_digits(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + (p[1] - '0');
}

struct time_of_day {
	bool has_zone;
	int32_t second, zone; // of the local day; east of UTC
};

static bool parse_zone(const char *p, struct time_of_day *out)
{
	out->has_zone = *p;
	out->zone = 0;
	if (!*p || !strcmp(p, "Z"))
		return true;
	if ((*p != '+' && *p != '-') || strlen(p) != 6 || p[3] != ':')
		return false;
	int hours = two_digits(p + 1), minutes = two_digits(p + 4);
	out->zone = (*p == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return hours >= 0 && hours <= 14 && minutes >= 0 && minutes <= 59;
}

// "HH:MM:SS[.fraction][zone]"
static bool parse_time_of_day(const char *text, struct time_of_day *out)
{
	if (strnlen(text, 8) < 8 || text[2] != ':' || text[5] != ':')
		return false;
	int hour = two_digits(text), minute = two_digits(text + 3), second = two_digits(text + 6);
	const char *p = text + 8;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	out->second = hour * 3600 + minute * 60 + second;
	return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60 &&
	       parse_zone(p, out);
}

static void read_date_times(struct draft *draft, const struct intent_time *given,
			    struct ir_period *period)
{
	period->has_start = given->start_date_time;
	period->has_end = given->end_date_time;
	if (period->has_start && !ir_time_parse(given->start_date_time, &period->start))
		value_error(draft, start_date_time, given->start_date_time);
	else if (period->has_end && !ir_time_parse(given->end_date_time, &period->end))
		value_error(draft, end_date_time, given->end_date_time);
	else if (period->has_start && period->has_end && period->end <= period->start)
		draft_error(draft, DIAG_CONFLICT, end_date_time, "exchange them, or take one out",
			    "the end %s is not after the start %s", given->end_date_time,
			    given->start_date_time);
	else if (period->has_end && period->end <= draft->context->options->now)
		draft_diag(draft,
			   &(struct diag){.severity = DIAG_WARNING,
					  .code = DIAG_TIME_OVER,
					  .hint = "remove the rule, or move its end-date-time"},
			   end_date_time, "the time of the rule is over since %s",
			   given->end_date_time);
}

static void read_times_of_day(struct draft *draft, const struct intent_time *given,
			      struct ir_period *period)
{
	struct time_of_day from = {0}, to = {0};
	if (given->start_time && !parse_time_of_day(given->start_time, &from))
		value_error(draft, start_time, given->start_time);
	if (given->end_time && !parse_time_of_day(given->end_time, &to))
		value_error(draft, end_time, given->end_time);
	int32_t zone = draft->context->options->zone;
	int32_t from_zone = from.has_zone ? from.zone : zone;
	int32_t to_zone = to.has_zone ? to.zone : zone;
	period->has_from = given->start_time;
	period->has_to = given->end_time;
	period->from = from.second;
	period->zone = given->start_time || !given->end_time ? from_zone : to_zone;
	period->to = ((to.second - to_zone + period->zone) % DAY + DAY) % DAY;
}

// "MM-DD" as month * 100 + day; 29 February exists. 0 when there is no such day.
static unsigned parse_yearday(const char *text)
{
	if (strlen(text) != 5 || text[2] != '-')
		return 0;
	int month = two_digits(text), day = two_digits(text + 3);
	if (month < 1 || month > 12 || day < 1 ||
	    (unsigned)day > ir_days_in_month(2000, (unsigned)month))
		return 0;
	return (unsigned)(month * 100 + day);
}

static void read_yeardays(struct draft *draft, const struct intent_time *given,
			  struct ir_period *period)
{
	struct algebra_builder days = {.arena = draft->context->arena};
	for (size_t i = 0; i < given->month.len; i++) {
		const char *start = given->month.at[i].start ? given->month.at[i].start : "";
		const char *end = given->month.at[i].end ? given->month.at[i].end : "";
		unsigned first = parse_yearday(start), last = parse_yearday(end);
		if (!first || !last) {
			value_error(draft, month_range, first ? end : start);
			return;
		}
		if (first <= last) {
			algebra_builder_add(&days, first, last);
		} else { // over the new year
			algebra_builder_add(&days, first, 1231);
			algebra_builder_add(&days, 101, last);
		}
	}
	period->yeardays = algebra_builder_take(&days);
}

static void read_days(struct draft *draft, const struct intent_time *given,
		      struct ir_period *period)
{
	for (size_t i = 0; i < given->day.len; i++)
		period->weekdays |= (uint8_t)(1u << (given->day.at[i] - INTENT_MONDAY));
	for (size_t i = 0; i < given->date.len; i++)
		period->monthdays |= given->date.at[i] < 32 ? UINT32_C(1) << given->date.at[i] : 0;
	read_yeardays(draft, given, period);
}

// The model demands at least one day where the frequency asks for days.
static bool has_days(const struct ir_period *period)
{
	return !((period->frequency == IR_WEEKLY && !period->weekdays) ||
		 (period->frequency == IR_MONTHLY && !(period->monthdays & ~1u)) ||
		 (period->frequency == IR_YEARLY && !period->yeardays.len));
}

_Static_assert(INTENT_YEARLY - INTENT_ONLY_ONCE == (int)IR_YEARLY, "both name them in this order");

static enum ir_frequency frequency_of(enum intent_term term)
{
	return term == INTENT_NO_TERM ? IR_ONLY_ONCE : (enum ir_frequency)(term - INTENT_ONLY_ONCE);
}

void period_apply(struct draft *draft)
{
	const struct intent_time *given = &draft->rule->condition.context.time;
	struct ir_period period = {.frequency = frequency_of(given->frequency)};
	struct branch branch = {0};
	size_t errors = draft->context->diags->errors;
	if (period.frequency == IR_ONLY_ONCE && !given->start_date_time && !given->end_date_time)
		return;
	read_date_times(draft, given, &period);
	if (period.frequency != IR_ONLY_ONCE) {
		read_times_of_day(draft, given, &period);
		read_days(draft, given, &period);
		if (!has_days(&period) && draft->context->diags->errors == errors)
			draft_error(draft, DIAG_MISSING, frequency, "give day, date or month",
				    "a %s period without its days",
				    intent_term_name(given->frequency));
	}
	if (draft->context->diags->errors > errors)
		return;
	if (ir_period_clause(&period, draft->context->arena, &branch.clause))
		draft_and(draft, &(struct branches){.at = &branch, .len = 1}, frequency);
	else
		draft_empty(draft, frequency, "change the times",
			    "the time of the rule never comes");
}
