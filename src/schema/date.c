// SPDX-License-Identifier: Apache-2.0
// Whether a date-and-time (RFC 6991) names a moment that exists. The type's pattern lets month 13 and hour 25 through, and
// libyang turns them into other moments without a word.
//
// What it does not do: check the form, which the type's pattern does.
#include "schema/value.h"

#include <libyang/libyang.h>
#include <libyang/plugins_types.h>
#include <string.h>

#define DATE_PLUGIN "libyang 2 - date-and-time"

static unsigned two(const char *digits)
{
	return (unsigned)(digits[0] - '0') * 10 + (unsigned)(digits[1] - '0');
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (leap && month == 2);
}

// "2026-03-11T09:00:00.5+01:00": the places of the digits are fixed up to the fraction.
static bool exists(const char *text)
{
	unsigned year = two(text) * 100 + two(text + 2), month = two(text + 5), day = two(text + 8);
	unsigned hour = two(text + 11), minute = two(text + 14), second = two(text + 17);
	const char *zone = text + strlen(text) - 6;
	bool in_zone = text[strlen(text) - 1] == 'Z' || (two(zone + 1) < 24 && two(zone + 4) < 60);
	return month >= 1 && month <= 12 && day >= 1 && day <= days_in_month(year, month) &&
	       hour < 24 && minute < 60 && second <= 60 && in_zone;
}

static bool has_form(const char *text)
{
	static const char form[] = "0000-00-00T00:00:00";
	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	return text[sizeof(form) - 1] != '\0';
}

bool value_date_exists(const struct lysc_node *leaf, const char *value)
{
	const struct lysc_type *type = ((const struct lysc_node_leaf *)leaf)->type;
	if (strncmp(type->plugin->id, DATE_PLUGIN, sizeof(DATE_PLUGIN) - 1) != 0)
		return true;
	return !has_form(value) || exists(value);
}
