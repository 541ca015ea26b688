// SPDX-License-Identifier: Apache-2.0
// -m time as dimensions of the clock, as the kernel reads it: all bounds are inclusive, in UTC; a day's window whose start
// is not before its end goes over midnight, and the day of the week is that of the packet. The kernel's own time zone
// (--kerneltz) is not known here, and --contiguous would need the day on which a window began: both stay opaque.
#include "import/iptables.h"

#include <string.h>
#include <strings.h>

struct window {
	struct arena *arena;
	uint64_t day_from, day_to;
	int64_t from, to; // seconds since 1970; to -1: no end
	struct algebra_set weekdays, monthdays;
	bool has_weekdays, has_monthdays, not_weekdays, not_monthdays;
};

// Reads up to `most` decimal numbers of two digits (the first may have four) that are separated by these characters.
static bool read_fields(const char *text, const char *separators, unsigned *field)
{
	for (size_t i = 0;; i++) {
		size_t digits = strspn(text, "0123456789");
		if (!digits || digits > 4)
			return false;
		field[i] = 0;
		for (size_t k = 0; k < digits; k++)
			field[i] = field[i] * 10 + (unsigned)(text[k] - '0');
		text += digits;
		if (!*text)
			return true;
		if (!separators[i] || *text++ != separators[i])
			return false;
	}
}

static bool read_daytime(const char *text, uint64_t *out)
{
	unsigned field[3] = {0};
	if (!read_fields(text, "::", field) || field[0] > 23 || field[1] > 59 || field[2] > 59)
		return false;
	*out = field[0] * 3600u + field[1] * 60u + field[2];
	return true;
}

static bool read_date(const char *text, int64_t *out)
{
	unsigned f[6] = {0, 1, 1, 0, 0, 0};
	if (!read_fields(text, "--T::", f) || f[0] < 1970 || f[0] > 2105 || f[1] < 1 || f[1] > 12 ||
	    f[2] < 1 || f[2] > 31 || f[3] > 23 || f[4] > 59 || f[5] > 59)
		return false;
	*out = ir_days_from_civil(f[0], f[1], f[2]) * 86400 + f[3] * 3600 + f[4] * 60 + f[5];
	return true;
}

static bool read_weekdays(const char *text, struct arena *arena, struct algebra_set *out)
{
	static const char *const names[] = {"Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"};
	struct algebra_builder set = {.arena = arena};
	const char *at = text, *item;
	while ((item = import_ipt_item(&at, arena))) {
		uint64_t day = 0;
		if (!import_ipt_number(item, 7, &day))
			for (unsigned i = 0; i < 7; i++)
				if (!strncasecmp(names[i], item, 2))
					day = i + 1;
		if (!day)
			return false;
		algebra_builder_add(&set, day - 1, day - 1);
	}
	*out = algebra_builder_take(&set);
	return true;
}

static bool read_value(struct window *w, const char *option, const char *value, bool negated)
{
	if (!strcmp(option, "--weekdays")) {
		w->has_weekdays = true;
		w->not_weekdays = negated;
		return read_weekdays(value, w->arena, &w->weekdays);
	}
	if (!strcmp(option, "--monthdays")) {
		w->has_monthdays = true;
		w->not_monthdays = negated;
		return import_ipt_numbers(value, 31, w->arena, &w->monthdays);
	}
	if (negated)
		return false;
	if (!strcmp(option, "--timestart"))
		return read_daytime(value, &w->day_from);
	if (!strcmp(option, "--timestop"))
		return read_daytime(value, &w->day_to);
	if (!strcmp(option, "--datestart"))
		return read_date(value, &w->from);
	return !strcmp(option, "--datestop") && read_date(value, &w->to);
}

static bool read_options(const struct ipt_rule *rule, size_t from, size_t to, struct window *w)
{
	const struct ipt_word *word = rule->words.list.at;
	while (from < to) {
		bool negated = !strcmp(word[from].text, "!");
		from += negated;
		if (from < to && !negated && !strcmp(word[from].text, "--utc")) {
			from++;
			continue;
		}
		if (from + 1 < to && !strcmp(word[from + 1].text, "!")) {
			if (from + 2 >= to ||
			    !read_value(w, word[from].text, word[from + 2].text, true))
				return false;
			from += 3;
			continue;
		}
		if (from + 1 >= to || !read_value(w, word[from].text, word[from + 1].text, negated))
			return false;
		from += 2;
	}
	return true;
}

// The seconds of the day; the whole dimension when every second is in it.
static struct algebra_set daytime(const struct window *w)
{
	struct algebra_builder day = {.arena = w->arena};
	bool over_midnight = w->day_from >= w->day_to;
	if (over_midnight)
		algebra_builder_add(&day, 0, w->day_to);
	algebra_builder_add(&day, w->day_from, over_midnight ? 86399 : w->day_to);
	struct algebra_set set = algebra_builder_take(&day);
	if (set.len == 1 && set.at[0].lo == 0 && set.at[0].hi == 86399)
		return algebra_set_one(w->arena, 0, algebra_max(ir_dim_info[IR_HOUR].bits));
	return set;
}

static struct algebra_set span(const struct window *w)
{
	u128 end = w->to < 0 ? algebra_max(ir_dim_info[IR_TIME].bits) : (u128)w->to;
	if ((u128)w->from > end)
		return (struct algebra_set){0};
	return algebra_set_one(w->arena, (u128)w->from, end);
}

bool import_ipt_time_read(struct ipt_rule *rule, size_t from, size_t to)
{
	struct window w = {.arena = rule->reader->arena, .day_to = 86399, .to = -1};
	if (!read_options(rule, from, to, &w))
		return false;
	import_ipt_narrow(rule, IR_HOUR, daytime(&w), false);
	import_ipt_narrow(rule, IR_TIME, span(&w), false);
	if (w.has_weekdays)
		import_ipt_narrow(rule, IR_WDAY, w.weekdays, w.not_weekdays);
	if (w.has_monthdays)
		import_ipt_narrow(rule, IR_MDAY, w.monthdays, w.not_monthdays);
	return true;
}
