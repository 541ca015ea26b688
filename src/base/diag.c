// SPDX-License-Identifier: Apache-2.0
// Collecting and printing diagnostics.
#include "base/diag.h"
#include "base/buf.h"

#include <stdarg.h>

static const struct {
	const char *name, *tag;
} codes[] = {
#define X(code, name, tag, meaning) [code] = {name, tag},
#include "base/diag.def"
#undef X
};

void diags_init(struct diags *diags, struct arena *arena)
{
	*diags = (struct diags){.arena = arena};
}

void diag_add(struct diags *diags, const struct diag *about, const char *fmt, ...)
{
	diags->errors += about->severity == DIAG_ERROR;
	diags->warnings += about->severity == DIAG_WARNING;
	if (diags->list.len >= DIAGS_MOST) {
		diags->dropped++;
		return;
	}
	struct arena *a = diags->arena;
	struct diag d = *about;
	const char **strings[] = {&d.file,      &d.path,       &d.nsf,  &d.policy,  &d.rule,
				  &d.condition, &d.capability, &d.hint, &d.app_tag, &d.subject};
	for (size_t i = 0; i < array_len(strings); i++)
		*strings[i] = arena_strdup(a, *strings[i]);
	va_list ap;
	va_start(ap, fmt);
	d.text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	vec_push(a, &diags->list, d);
}

const char *diag_code_name(enum diag_code code)
{
	return codes[code].name;
}

const char *diag_code_tag(enum diag_code code)
{
	return codes[code].tag;
}

const char *diag_severity_name(enum diag_severity severity)
{
	return severity == DIAG_ERROR ? "error" : severity == DIAG_WARNING ? "warning" : "note";
}

static const char *severity_colour(enum diag_severity severity)
{
	return severity == DIAG_ERROR     ? "\033[1;31m"
	       : severity == DIAG_WARNING ? "\033[1;33m"
					  : "\033[1;36m";
}

void diag_print(const struct diag *d, bool colour, struct buf *out)
{
	if (d->file)
		buf_printf(out, "%s:", d->file);
	if (d->file && d->line)
		buf_printf(out, "%u:", d->line);
	if (d->file)
		buf_addc(out, ' ');
	if (!d->file && d->line)
		buf_printf(out, "line %u: ", d->line);
	buf_printf(out, "%s%s:%s %s [%s]\n", colour ? severity_colour(d->severity) : "",
		   diag_severity_name(d->severity), colour ? "\033[0m" : "", d->text,
		   diag_code_name(d->code));
	if (d->path)
		buf_printf(out, "  at %s\n", d->path);
	if (d->hint)
		buf_printf(out, "  %shint:%s %s\n", colour ? "\033[1m" : "",
			   colour ? "\033[0m" : "", d->hint);
}
