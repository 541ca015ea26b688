// SPDX-License-Identifier: Apache-2.0
// context/time of the NSF-facing model to a clause of the IR's clock. Times of day without a zone are
// UTC; where start and end name different zones, the start's counts and the end is turned into it.
#include "codec/nfi_read.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

#define DAY 86400

struct time_of_day {
	int32_t second, zone;
	bool zoned;
};

// HH:MM:SS, a fraction that is cut off, and Z or +HH:MM; the model has checked the form.
static struct time_of_day time_of_day(const char *text)
{
	struct time_of_day t = {0};
	t.second = (int32_t)(strtol(text, NULL, 10) * 3600 + strtol(text + 3, NULL, 10) * 60 +
			     strtol(text + 6, NULL, 10));
	const char *zone = text + strcspn(text, "Z+-");
	t.zoned = *zone;
	if (*zone == '+' || *zone == '-') {
		int32_t seconds = (int32_t)(strtol(zone + 1, NULL, 10) * 3600 +
					    strtol(zone + 4, NULL, 10) * 60);
		t.zone = *zone == '-' ? -seconds : seconds;
	}
	return t;
}

static void read_hours(const struct schema_node *node, struct ir_period *period)
{
	const char *start = schema_get_value(node, "start-time");
	const char *end = schema_get_value(node, "end-time");
	struct time_of_day from = {0}, to = {0};
	if (start)
		from = time_of_day(start);
	if (end)
		to = time_of_day(end);
	period->zone = from.zoned || !to.zoned ? from.zone : to.zone;
	period->has_from = start;
	period->has_to = end;
	period->from = from.second;
	period->to = to.second;
	if (to.zoned && to.zone != period->zone)
		period->to = ((to.second - to.zone + period->zone) % DAY + DAY) % DAY;
}

static unsigned weekday(const char *name)
{
	static const char *const names[] = {"monday", "tuesday",  "wednesday", "thursday",
					    "friday", "saturday", "sunday"};
	unsigned i = 0;
	while (i < 6 && strcmp(names[i], name) != 0)
		i++;
	return i;
}

// "MM-DD" as month * 100 + day; 0 when there is no such day.
static unsigned date(const char *text)
{
	unsigned month = (unsigned)strtoul(text, NULL, 10);
	unsigned day = (unsigned)strtoul(text + 3, NULL, 10);
	bool real = month >= 1 && month <= 12 && day >= 1 && day <= ir_days_in_month(2000, month);
	return real ? month * 100 + day : 0;
}

struct algebra_set nfi_dates(struct arena *arena, struct algebra_set days)
{
	struct algebra_builder builder = {.arena = arena};
	unsigned before = 0;
	for (unsigned month = 1; month <= 12; month++)
		for (unsigned day = 1; day <= ir_days_in_month(2000, month); day++) {
			unsigned this = month * 100 + day;
			bool in = algebra_set_has(days, this);
			if (in)
				algebra_builder_add(&builder, before ? before : this, this);
			before = in ? this : 0;
		}
	return algebra_builder_take(&builder);
}

static bool read_days(struct nfi_reader *r, const struct schema_node *node,
		      struct ir_period *period)
{
	struct algebra_builder days = {.arena = r->arena};
	schema_for_each_child (leaf, node) {
		const char *name = schema_name(leaf), *value = schema_value(leaf);
		if (!strcmp(name, "day"))
			period->weekdays |= (uint8_t)(1u << weekday(value));
		else if (!strcmp(name, "date"))
			period->monthdays |= 1u << strtoul(value, NULL, 10);
		else if (!strcmp(name, "month") && date(value))
			algebra_builder_add(&days, date(value), date(value));
		else if (!strcmp(name, "month")) {
			nfi_fault(r,
				  &(struct nfi_fault){.code = DIAG_VALUE,
						      .node = leaf,
						      .condition = "context/time",
						      .hint = "give month and day as MM-DD"},
				  "there is no day '%s' in a year", value);
			return false;
		}
	}
	period->yeardays = nfi_dates(r->arena, algebra_builder_take(&days));
	return true;
}

static bool read_instant(struct nfi_reader *r, const struct schema_node *time, const char *leaf,
			 int64_t *out)
{
	const struct schema_node *node = schema_get(time, leaf);
	if (!node)
		return false;
	if (ir_time_parse(schema_value(node), out))
		return true;
	nfi_fault(r,
		  &(struct nfi_fault){
			  .code = DIAG_VALUE,
			  .node = node,
			  .condition = "context/time",
			  .hint = "give a date that exists, such as 2026-03-11T09:00:00Z"},
		  "'%s' is no date and time", schema_value(node));
	return false;
}

static enum ir_frequency frequency_of(const char *name)
{
	static const char *const names[] = {"only-once", "daily", "weekly", "monthly", "yearly"};
	unsigned i = 0;
	while (name && i < 4 && strcmp(names[i], name) != 0)
		i++;
	return name ? (enum ir_frequency)i : IR_ONLY_ONCE;
}

bool nfi_read_time(struct nfi_reader *r, const struct schema_node *time, struct ir_clause *out)
{
	struct ir_period period = {0};
	const struct schema_node *node = schema_get(time, "period");
	period.frequency = frequency_of(schema_get_value(time, "frequency"));
	period.has_start = read_instant(r, time, "start-date-time", &period.start);
	period.has_end = read_instant(r, time, "end-date-time", &period.end);
	if (node && period.frequency != IR_ONLY_ONCE) {
		read_hours(node, &period);
		if (!read_days(r, node, &period))
			return false;
	}
	return ir_period_clause(&period, r->arena, out);
}
