// SPDX-License-Identifier: Apache-2.0
// Query parameters (RFC 8040 section 4.8).
//
// The idea: one table says which parameter goes with which methods and resources, so that what is
// refused and what is told about it cannot differ. What depends on data (whether fields and points
// exist, whether a list has an order) is left to whoever has the data.
#include "proto/restconf/query.h"

#include <stdlib.h>
#include <string.h>

char *restconf_decode(const char *text, struct arena *arena)
{
	char *out = arena_strdup(arena, text), *to = out;
	for (const char *p = text; *p; p++) {
		if (*p != '%') {
			*to++ = *p;
			continue;
		}
		char digits[3] = {p[1], p[1] ? p[2] : '\0', '\0'}, *end;
		unsigned long value = strtoul(digits, &end, 16);
		if (end != digits + 2 || strchr("+- \t", digits[0]) || !value)
			return NULL;
		*to++ = (char)value;
		p += 2;
	}
	*to = '\0';
	return out;
}

// The place of the value among the names; -1: it is none of them.
static int index_of(const char *value, const char *const *names, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(names[i], value) == 0)
			return (int)i;
	return -1;
}

static bool read_content(const char *value, struct restconf_request *out)
{
	static const char *const names[] = {[SCHEMA_CONTENT_ALL] = "all",
					    [SCHEMA_CONTENT_CONFIG] = "config",
					    [SCHEMA_CONTENT_STATE] = "nonconfig"};
	int i = index_of(value, names, array_len(names));
	if (i >= 0)
		out->content = (enum schema_content)i;
	return i >= 0;
}

static bool read_depth(const char *value, struct restconf_request *out)
{
	if (strcmp(value, "unbounded") == 0)
		return true;
	char *end;
	unsigned long depth = strtoul(value, &end, 10);
	if (*value < '1' || *value > '9' || *end || depth > 65535)
		return false;
	out->depth = (unsigned)depth;
	return true;
}

static bool read_defaults(const char *value, struct restconf_request *out)
{
	static const char *const names[] = {[SCHEMA_DEFAULTS_EXPLICIT] = "explicit",
					    [SCHEMA_DEFAULTS_TRIM] = "trim",
					    [SCHEMA_DEFAULTS_ALL] = "report-all",
					    [SCHEMA_DEFAULTS_ALL_TAGGED] = "report-all-tagged"};
	int i = index_of(value, names, array_len(names));
	if (i >= 0)
		out->defaults = (enum schema_with_defaults)i;
	out->has_defaults = i >= 0;
	return i >= 0;
}

static bool read_insert(const char *value, struct restconf_request *out)
{
	static const char *const names[] = {[SCHEMA_ANYWHERE] = "",
					    [SCHEMA_LAST] = "last",
					    [SCHEMA_FIRST] = "first",
					    [SCHEMA_BEFORE] = "before",
					    [SCHEMA_AFTER] = "after"};
	int i = index_of(value, names, array_len(names));
	if (i > 0)
		out->insert = (enum schema_where)i;
	return i > 0;
}

static bool read_fields(const char *value, struct restconf_request *out)
{
	out->fields = value;
	return *value;
}

static bool read_filter(const char *value, struct restconf_request *out)
{
	out->filter = value;
	return *value;
}

static bool read_point(const char *value, struct restconf_request *out)
{
	out->point = value;
	return *value == '/';
}

static bool read_start(const char *value, struct restconf_request *out)
{
	out->start_time = value;
	return *value;
}

static bool read_stop(const char *value, struct restconf_request *out)
{
	out->stop_time = value;
	return *value;
}

#define READS (1u << RESTCONF_GET | 1u << RESTCONF_HEAD)
#define WRITES (1u << RESTCONF_POST | 1u << RESTCONF_PUT)
#define DATA (1u << RESTCONF_DATA)
#define ROOT (1u << RESTCONF_ROOT)
#define STREAM (1u << RESTCONF_STREAM)

static const struct parameter {
	const char *name, *hint, *where;
	unsigned methods, resources; // bits
	bool (*read)(const char *value, struct restconf_request *out);
} parameters[] = {
	{"content", "use config, nonconfig or all", "GET and HEAD of data", READS, DATA,
	 read_content},
	{"depth", "use 1 to 65535 or unbounded", "GET and HEAD of data and of the entry", READS,
	 DATA | ROOT, read_depth},
	{"fields", "name nodes as in fields=a;b/c;d(e;f)", "GET and HEAD of data and of the entry",
	 READS, DATA | ROOT, read_fields},
	{"with-defaults", "use explicit, trim, report-all or report-all-tagged",
	 "GET and HEAD of data", READS, DATA, read_defaults},
	{"insert", "use first, last, before or after", "POST and PUT of data", WRITES, DATA,
	 read_insert},
	{"point", "give the path of an entry, as in /module:list=key", "POST and PUT of data",
	 WRITES, DATA, read_point},
	{"filter", "give an XPath expression", "GET of event streams", READS, STREAM, read_filter},
	{"start-time", "give a date and time such as 2026-01-31T12:00:00Z", "GET of event streams",
	 READS, STREAM, read_start},
	{"stop-time", "give a date and time such as 2026-01-31T12:00:00Z", "GET of event streams",
	 READS, STREAM, read_stop},
};

static unsigned refuse(struct diags *diags, const char *hint, const char *name, const char *why)
{
	diag_error(diags, DIAG_VALUE, NULL, hint, "the query parameter %s %s", name, why);
	return 400;
}

static const struct parameter *find(const char *name)
{
	for (size_t i = 0; i < array_len(parameters); i++)
		if (strcmp(parameters[i].name, name) == 0)
			return &parameters[i];
	return NULL;
}

static unsigned read_argument(const struct restconf_argument *a, struct arena *arena,
			      struct diags *diags, struct restconf_request *out)
{
	const char *name = restconf_decode(a->name, arena);
	const char *value = a->value ? restconf_decode(a->value, arena) : NULL;
	if (!name || (a->value && !value))
		return refuse(diags, "write a percent sign as %25", a->name,
			      "is not percent-encoded properly");
	const struct parameter *p = find(name);
	if (!p)
		return refuse(diags, "leave it out; the manual lists those that there are", name,
			      "is not known");
	if (!(p->methods & 1u << out->method) || !(p->resources & 1u << out->resource))
		return refuse(diags, arena_printf(arena, "it is for %s", p->where), name,
			      "does not fit this request");
	if (!value || !p->read(value, out))
		return refuse(diags, p->hint, name,
			      arena_printf(arena, "cannot be '%s'", value ? value : ""));
	return 0;
}

// Parameters that need each other.
static unsigned check(struct diags *diags, const struct restconf_request *r)
{
	bool relative = r->insert == SCHEMA_BEFORE || r->insert == SCHEMA_AFTER;
	if (relative && !r->point)
		return refuse(diags, "say with point before or after which entry", "insert",
			      "needs a point");
	if (r->point && !relative)
		return refuse(diags, "give insert=before or insert=after", "point",
			      "needs an insert that is relative to it");
	if (r->stop_time && !r->start_time)
		return refuse(diags, "give a start-time, too", "stop-time", "needs a start-time");
	if (r->datastore != RESTCONF_UNIFIED && r->content != SCHEMA_CONTENT_ALL)
		return refuse(diags, "leave it out; the datastore says what is shown", "content",
			      "does not fit this request");
	return 0;
}

unsigned query_read(const struct restconf_raw *raw, struct arena *arena, struct diags *diags,
		    struct restconf_request *out)
{
	for (size_t i = 0; i < raw->arguments; i++) {
		for (size_t k = 0; k < i; k++)
			if (strcmp(raw->argument[i].name, raw->argument[k].name) == 0)
				return refuse(diags, "name each parameter once",
					      raw->argument[i].name, "stands twice");
		unsigned status = read_argument(&raw->argument[i], arena, diags, out);
		if (status)
			return status;
	}
	return check(diags, out);
}
