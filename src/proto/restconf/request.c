// SPDX-License-Identifier: Apache-2.0
// Reading of requests: path, method, media types, query.
//
// The idea: everything that can be refused without looking at data is refused here, so that whoever
// serves data gets only requests that make sense. RFC 8040 sections 3.1 to 3.6, 4.8 and 5.2.
#include "proto/restconf/restconf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const struct {
	const char *name;
	enum restconf_method method;
} methods[] = {
	{"GET", RESTCONF_GET},         {"HEAD", RESTCONF_HEAD},   {"POST", RESTCONF_POST},
	{"PUT", RESTCONF_PUT},         {"PATCH", RESTCONF_PATCH}, {"DELETE", RESTCONF_DELETE},
	{"OPTIONS", RESTCONF_OPTIONS},
};

static enum restconf_method method_of(const char *name)
{
	for (size_t i = 0; i < array_len(methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return methods[i].method;
	return RESTCONF_OTHER;
}

const char *restconf_allow(enum restconf_resource resource)
{
	switch (resource) {
	case RESTCONF_DATA:
		return "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
	case RESTCONF_OPERATION:
		return "POST, OPTIONS";
	case RESTCONF_HOST_META:
	case RESTCONF_ROOT:
	case RESTCONF_OPERATIONS:
	case RESTCONF_LIBRARY:
	case RESTCONF_NOTHING:
		break;
	}
	return "GET, HEAD, OPTIONS";
}

const char *restconf_media_type(enum schema_format format)
{
	return format == SCHEMA_XML ? RESTCONF_XML : RESTCONF_JSON;
}

// --- the path ---

// What follows `name` in the path: "" or "/…"; NULL when the path does not begin with it.
static const char *after(const char *path, const char *name)
{
	size_t len = strlen(name);
	if (strncmp(path, name, len) || (path[len] && path[len] != '/'))
		return NULL;
	return path + len;
}

// A slash at the end names the same resource.
static const char *trim(const char *path, struct arena *arena)
{
	size_t len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	return arena_strndup(arena, path, len);
}

static enum restconf_resource resource_of(const char *path, struct arena *arena,
					  const char **rest_out)
{
	const char *rest;
	*rest_out = "";
	if (strcmp(path, "/.well-known/host-meta") == 0)
		return RESTCONF_HOST_META;
	const char *below = after(path, RESTCONF_PREFIX);
	if (!below)
		return RESTCONF_NOTHING;
	if (strcmp(trim(below, arena), "") == 0)
		return RESTCONF_ROOT;
	if ((rest = after(below, "/data"))) {
		*rest_out = trim(rest, arena);
		return RESTCONF_DATA;
	}
	if ((rest = after(below, "/operations"))) {
		*rest_out = trim(rest + strspn(rest, "/"), arena);
		return **rest_out ? RESTCONF_OPERATION : RESTCONF_OPERATIONS;
	}
	return strcmp(trim(below, arena), "/yang-library-version") ? RESTCONF_NOTHING
								   : RESTCONF_LIBRARY;
}

// --- media types ---

// Whether a media type in `text` (up to `len` bytes, parameters not included) is this one.
static bool is_type(const char *text, size_t len, const char *type)
{
	return strlen(type) == len && strncasecmp(text, type, len) == 0;
}

static size_t type_len(const char *text)
{
	size_t len = strcspn(text, ";,");
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	return len;
}

// The weight in thousandths of one element of an Accept header (RFC 9110 section 12.4.2).
static unsigned weight(const char *element, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++) {
		if (element[i] != ';')
			continue;
		const char *p = element + i + 1;
		while (*p == ' ' || *p == '\t')
			p++;
		if ((*p != 'q' && *p != 'Q') || p[1] != '=')
			continue;
		if (p[2] == '1')
			return 1000;
		unsigned value = 0, scale = 100;
		for (const char *d = p[2] == '0' && p[3] == '.' ? p + 4 : "";
		     *d >= '0' && *d <= '9'; d++, scale /= 10)
			value += (unsigned)(*d - '0') * scale;
		return value;
	}
	return 1000;
}

// How much the header wants a type: the most specific element that names it decides.
static unsigned wanted(const char *accept, const char *type)
{
	unsigned best = 0, rank_best = 0;
	for (const char *p = accept; *p;) {
		p += strspn(p, " \t,");
		size_t len = strcspn(p, ","), name = type_len(p);
		unsigned rank = is_type(p, name, type)              ? 3
				: is_type(p, name, "application/*") ? 2
				: is_type(p, name, "*/*")           ? 1
								    : 0;
		if (rank > rank_best) {
			rank_best = rank;
			best = weight(p, len);
		}
		p += len;
	}
	return best;
}

static unsigned choose_out(const struct restconf_raw *raw, struct diags *diags,
			   struct restconf_request *out)
{
	if (!raw->accept || !*raw->accept)
		return 0;
	unsigned json = wanted(raw->accept, RESTCONF_JSON), xml = wanted(raw->accept, RESTCONF_XML);
	if (out->resource == RESTCONF_HOST_META) {
		if (wanted(raw->accept, RESTCONF_XRD))
			return 0;
	} else if (json || xml) {
		if (json != xml)
			out->out = xml > json ? SCHEMA_XML : SCHEMA_JSON;
		return 0;
	}
	diag_error(diags, DIAG_VALUE, NULL, "accept " RESTCONF_JSON " or " RESTCONF_XML,
		   "no type that Accept names can be given");
	return 406;
}

static unsigned choose_in(const struct restconf_raw *raw, struct diags *diags,
			  struct restconf_request *out)
{
	const char *type = raw->content_type ? raw->content_type : "";
	size_t len = type_len(type);
	out->in = SCHEMA_JSON;
	if (is_type(type, len, RESTCONF_XML))
		out->in = SCHEMA_XML;
	else if (!is_type(type, len, RESTCONF_JSON) && raw->has_body) {
		diag_error(diags, DIAG_VALUE, NULL,
			   "send Content-Type " RESTCONF_JSON " or " RESTCONF_XML,
			   "the type of the content, '%s', is not understood", type);
		return 415;
	}
	out->out = out->in;
	return 0;
}

// --- the query ---

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
		if (end != digits + 2 || digits[0] == '+' || digits[0] == '-' || !value)
			return NULL;
		*to++ = (char)value;
		p += 2;
	}
	*to = '\0';
	return out;
}

static unsigned refuse(struct diags *diags, const char *hint, const char *name, const char *value)
{
	diag_error(diags, DIAG_VALUE, NULL, hint, "the query parameter %s=%s is not accepted", name,
		   value);
	return 400;
}

static bool read_content(const char *value, struct restconf_request *out)
{
	static const char *const names[] = {"all", "config", "nonconfig"};
	for (unsigned i = 0; i < array_len(names); i++)
		if (strcmp(names[i], value) == 0) {
			out->content = (enum restconf_content)i;
			return true;
		}
	return false;
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
	out->defaults = strcmp(value, "report-all") == 0;
	return out->defaults || strcmp(value, "explicit") == 0;
}

static const struct {
	const char *name, *hint;
	bool (*read)(const char *value, struct restconf_request *out);
} parameters[] = {
	{"content", "use config, nonconfig or all", read_content},
	{"depth", "use 1 to 65535 or unbounded", read_depth},
	{"with-defaults", "use report-all or explicit", read_defaults},
};

static unsigned read_argument(const struct restconf_argument *a, struct arena *arena,
			      struct diags *diags, struct restconf_request *out)
{
	const char *name = restconf_decode(a->name, arena);
	const char *value = a->value ? restconf_decode(a->value, arena) : NULL;
	static const char hint[] =
		"this server knows content, depth and with-defaults, for GET and HEAD";
	if (!name || (a->value && !value))
		return refuse(diags, "percent-encode it", a->name, a->value);
	for (size_t i = 0; i < array_len(parameters); i++) {
		if (strcmp(parameters[i].name, name))
			continue;
		bool reads = out->method == RESTCONF_GET || out->method == RESTCONF_HEAD;
		if (!reads || !value || out->resource != RESTCONF_DATA)
			return refuse(diags, hint, name, value ? value : "");
		return parameters[i].read(value, out)
			       ? 0
			       : refuse(diags, parameters[i].hint, name, value);
	}
	return refuse(diags, hint, name, value ? value : "");
}

static unsigned read_query(const struct restconf_raw *raw, struct arena *arena, struct diags *diags,
			   struct restconf_request *out)
{
	for (size_t i = 0; i < raw->arguments; i++) {
		for (size_t k = 0; k < i; k++)
			if (strcmp(raw->argument[i].name, raw->argument[k].name) == 0)
				return refuse(diags, "name each parameter once",
					      raw->argument[i].name, "twice");
		unsigned status = read_argument(&raw->argument[i], arena, diags, out);
		if (status)
			return status;
	}
	return 0;
}

// --- all of it ---

static bool is_allowed(enum restconf_resource resource, enum restconf_method method)
{
	switch (method) {
	case RESTCONF_GET:
	case RESTCONF_HEAD:
		return resource != RESTCONF_OPERATION;
	case RESTCONF_POST:
		return resource == RESTCONF_OPERATION || resource == RESTCONF_DATA;
	case RESTCONF_PUT:
	case RESTCONF_PATCH:
	case RESTCONF_DELETE:
		return resource == RESTCONF_DATA;
	case RESTCONF_OPTIONS:
		return true;
	case RESTCONF_OTHER:
		break;
	}
	return false;
}

// An IMF-fixdate (RFC 9110 section 5.6.7); anything else is as if it were not there.
static int64_t read_date(const char *text)
{
	struct tm tm = {0};
	const char *end = text ? strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
	return end && !*end ? timegm(&tm) : 0;
}

static unsigned refuse_by(unsigned status, const struct diags *why, struct diags *diags)
{
	for (size_t i = 0; i < why->list.len; i++)
		diag_add(diags, &why->list.at[i], "%s", why->list.at[i].text);
	return status;
}

unsigned restconf_parse(const struct restconf_raw *raw, struct arena *arena, struct diags *diags,
			struct restconf_request *out)
{
	*out = (struct restconf_request){.out = SCHEMA_JSON, .in = SCHEMA_JSON};
	out->method = method_of(raw->method);
	out->resource = resource_of(raw->path, arena, &out->path);
	out->if_match = raw->if_match;
	out->unmodified_since = read_date(raw->if_unmodified_since);
	// The formats are chosen first, so that every refusal comes in one that was asked for; whether
	// they matter is seen later.
	struct diags in_faults, out_faults;
	diags_init(&in_faults, arena);
	diags_init(&out_faults, arena);
	unsigned in = choose_in(raw, &in_faults, out), accept = choose_out(raw, &out_faults, out);
	if (out->resource == RESTCONF_NOTHING) {
		diag_error(diags, DIAG_ABSENT, NULL,
			   "see /.well-known/host-meta; data is below " RESTCONF_PREFIX "/data",
			   "there is nothing at %s", raw->path);
		return 404;
	}
	if (!is_allowed(out->resource, out->method)) {
		diag_error(diags, DIAG_UNSUPPORTED, NULL, restconf_allow(out->resource),
			   "the method %s does not fit this resource", raw->method);
		return 405;
	}
	if (out->method == RESTCONF_OPTIONS)
		return 0;
	bool writes = out->method != RESTCONF_GET && out->method != RESTCONF_HEAD &&
		      out->method != RESTCONF_DELETE;
	if (in && writes)
		return refuse_by(in, &in_faults, diags);
	return accept ? refuse_by(accept, &out_faults, diags) : read_query(raw, arena, diags, out);
}

bool restconf_tag_matches(const char *if_match, const char *tag)
{
	size_t len = strlen(tag);
	for (const char *p = if_match; *p;) {
		p += strspn(p, " \t,");
		if (*p == '*' || strncmp(p, tag, len) == 0)
			return true;
		p += strcspn(p, ",");
	}
	return false;
}
