// SPDX-License-Identifier: Apache-2.0
// Moments as numbers and as text. RFC 3339 section 5.6, without leap seconds: second 60 is the next second 0.
#include "base/moment.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t moment_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * MOMENT_SECOND + now.tv_nsec / 1000;
}

void moment_print(int64_t moment, char out[static MOMENT_TEXT])
{
	int64_t fraction = moment % MOMENT_SECOND;
	if (fraction < 0)
		fraction += MOMENT_SECOND;
	time_t second = (time_t)((moment - fraction) / MOMENT_SECOND);
	struct tm tm = {0};
	size_t len = strftime(out, MOMENT_TEXT, "%Y-%m-%dT%H:%M:%S", gmtime_r(&second, &tm));
	if (fraction)
		len += (size_t)snprintf(out + len, MOMENT_TEXT - len, ".%06u", (unsigned)fraction);
	snprintf(out + len, MOMENT_TEXT - len, "Z");
}

// So many digits; false when there are fewer.
static bool digits(const char **at, unsigned count, int *out)
{
	int value = 0;
	for (; count; count--, ++*at) {
		if (!isdigit((unsigned char)**at))
			return false;
		value = value * 10 + (**at - '0');
	}
	*out = value;
	return true;
}

static bool literal(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

static int64_t read_fraction(const char **at)
{
	int64_t value = 0, unit = MOMENT_SECOND / 10;
	for (; isdigit((unsigned char)**at); ++*at, unit /= 10)
		value += unit * (**at - '0');
	return value;
}

// Seconds east of UTC.
static bool read_zone(const char **at, int *out)
{
	int hours, minutes;
	*out = 0;
	if (literal(at, 'Z'))
		return true;
	bool west = **at == '-';
	if (!west && **at != '+')
		return false;
	++*at;
	if (!digits(at, 2, &hours) || !literal(at, ':') || !digits(at, 2, &minutes) || hours > 23 ||
	    minutes > 59)
		return false;
	*out = (hours * 60 + minutes) * (west ? -60 : 60);
	return true;
}

static bool read_date(const char **at, struct tm *tm)
{
	return digits(at, 4, &tm->tm_year) && literal(at, '-') && digits(at, 2, &tm->tm_mon) &&
	       literal(at, '-') && digits(at, 2, &tm->tm_mday) && literal(at, 'T') &&
	       digits(at, 2, &tm->tm_hour) && literal(at, ':') && digits(at, 2, &tm->tm_min) &&
	       literal(at, ':') && digits(at, 2, &tm->tm_sec);
}

bool moment_parse(const char *text, int64_t *moment_out)
{
	struct tm tm = {0};
	int zone;
	int64_t fraction = 0;
	if (!read_date(&text, &tm))
		return false;
	if (literal(&text, '.')) {
		if (!isdigit((unsigned char)*text))
			return false;
		fraction = read_fraction(&text);
	}
	if (!read_zone(&text, &zone) || *text || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	struct tm same = tm;
	time_t second = timegm(&same);
	// A day or month that does not exist would have become another one.
	if (tm.tm_sec < 60 && (same.tm_mday != tm.tm_mday || same.tm_mon != tm.tm_mon))
		return false;
	*moment_out = (second - zone) * MOMENT_SECOND + fraction;
	return true;
}
