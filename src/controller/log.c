// SPDX-License-Identifier: Apache-2.0
// The controller's log. One write a line, so that threads do not mix theirs. Texts of peers may stand in
// an event: control characters become '?'.
#include "controller/log.h"
#include "base/buf.h"
#include "base/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *level_name(int level)
{
	static const char *const names[] = {"emergency", "alert",  "critical", "error",
					    "warning",   "notice", "info",     "debug"};
	return level >= 0 && level < 8 ? names[level] : "notice";
}

static void add_plain(struct buf *line, const char *text)
{
	for (const char *p = text; *p; p++)
		buf_addc(line, (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
}

static void add_field(struct buf *line, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(line, " %s=", name);
	add_plain(line, value);
}

static void add_head(struct buf *line, int level, int64_t when)
{
	if (getenv("JOURNAL_STREAM")) {
		buf_printf(line, "<%d>", level);
		return;
	}
	time_t t = (time_t)when;
	struct tm tm;
	char text[32] = "";
	if (gmtime_r(&t, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_printf(line, "%s %s ", text, level_name(level));
}

static void write_line(struct buf *line)
{
	buf_addc(line, '\n');
	// Nothing can be done about a log that cannot be written.
	if (write(STDERR_FILENO, line->data, line->len) < 0)
		line->len = 0;
}

void log_event(void *context, enum engine_event_kind kind, const struct store_event *e)
{
	static const char *const outcomes[] = {"", " failed", " outcome unknown"};
	(void)context;
	struct buf line;
	buf_init(&line);
	add_head(&line, engine_event_info[kind].level, e->time);
	buf_adds(&line, e->action);
	add_field(&line, "tenant", e->tenant);
	add_field(&line, "who", e->who);
	add_field(&line, "nsf", e->nsf);
	buf_adds(&line, outcomes[e->outcome > 2 ? 2 : e->outcome]);
	if (e->detail) {
		buf_adds(&line, ": ");
		add_plain(&line, e->detail);
	}
	write_line(&line);
	buf_fini(&line);
}

void log_diags(const struct diags *diags)
{
	struct buf text;
	buf_init(&text);
	for (size_t i = 0; i < diags->list.len; i++)
		diag_print(&diags->list.at[i], isatty(STDERR_FILENO), &text);
	if (text.len && write(STDERR_FILENO, text.data, text.len) < 0)
		text.len = 0;
	buf_fini(&text);
}
