// SPDX-License-Identifier: Apache-2.0
// Reading of requests: path and method; media types and the query are in media.c and query.c.
//
// The idea: everything that can be refused without looking at data is refused here, so that whoever
// serves data gets only requests that make sense. RFC 8040 sections 3.1 to 3.6, 4.8 and 5.2.
#include "proto/restconf/media.h"
#include "proto/restconf/query.h"

#include <string.h>
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
	case RESTCONF_STREAM:
	case RESTCONF_SCHEMA:
	case RESTCONF_NOTHING:
		break;
	}
	return "GET, HEAD, OPTIONS";
}

// RFC 8040 sections 3.4, 3.5 and 4: only what has children can be posted to, the datastore and keys
// cannot be deleted, lists are written entry by entry.
const char *restconf_allow_data(const struct schema_resource *resource, bool writable)
{
	if (!writable || !resource->config)
		return "GET, HEAD, OPTIONS";
	switch (resource->kind) {
	case SCHEMA_DATASTORE:
		return "GET, HEAD, POST, PUT, PATCH, OPTIONS";
	case SCHEMA_CONTAINER:
	case SCHEMA_ENTRY:
		return "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
	case SCHEMA_LEAF:
	case SCHEMA_VALUE:
	case SCHEMA_ANY:
		return resource->is_key ? "GET, HEAD, PUT, PATCH, OPTIONS"
					: "GET, HEAD, PUT, PATCH, DELETE, OPTIONS";
	case SCHEMA_LIST:
	case SCHEMA_LEAF_LIST:
		break;
	}
	return "GET, HEAD, OPTIONS";
}

bool restconf_allows(const char *allow, const char *method)
{
	size_t len = strlen(method);
	for (const char *p = allow; *p;) {
		size_t own = strcspn(p, ",");
		if (own == len && strncmp(p, method, len) == 0)
			return true;
		p += own;
		p += strspn(p, ", ");
	}
	return false;
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

// {+restconf}/ds/ietf-datastores:NAME (RFC 8527 section 3.1).
static enum restconf_resource datastore_of(const char *path, struct arena *arena,
					   struct restconf_request *out)
{
	static const struct {
		const char *name;
		enum restconf_datastore datastore;
	} stores[] = {{"/ietf-datastores:running", RESTCONF_RUNNING},
		      {"/ietf-datastores:operational", RESTCONF_OPERATIONAL}};
	for (size_t i = 0; i < array_len(stores); i++) {
		const char *rest = after(path, stores[i].name);
		if (!rest)
			continue;
		out->path = trim(rest, arena);
		out->datastore = stores[i].datastore;
		return RESTCONF_DATA;
	}
	return RESTCONF_NOTHING;
}

// /streams/NAME; NAME-JSON is the same in JSON.
static enum restconf_resource stream_of(const char *path, struct arena *arena,
					struct restconf_request *out)
{
	static const char json[] = "-JSON";
	const char *name = trim(path + strspn(path, "/"), arena);
	size_t len = strlen(name), suffix = sizeof(json) - 1;
	bool is_json = len > suffix && strcmp(name + len - suffix, json) == 0;
	out->path = arena_strndup(arena, name, is_json ? len - suffix : len);
	out->out = is_json ? SCHEMA_JSON : SCHEMA_XML;
	return *name ? RESTCONF_STREAM : RESTCONF_NOTHING;
}

static enum restconf_resource resource_of(const char *path, struct arena *arena,
					  struct restconf_request *out)
{
	const char *rest;
	out->path = "";
	if (strcmp(path, "/.well-known/host-meta") == 0) {
		out->out = SCHEMA_XML;
		return RESTCONF_HOST_META;
	}
	if (strcmp(path, "/.well-known/host-meta.json") == 0)
		return RESTCONF_HOST_META;
	if ((rest = after(path, RESTCONF_STREAMS)))
		return stream_of(rest, arena, out);
	if ((rest = after(path, RESTCONF_SCHEMAS))) {
		out->path = rest + strspn(rest, "/");
		return *out->path ? RESTCONF_SCHEMA : RESTCONF_NOTHING;
	}
	const char *below = after(path, RESTCONF_PREFIX);
	if (!below)
		return RESTCONF_NOTHING;
	if (strcmp(trim(below, arena), "") == 0)
		return RESTCONF_ROOT;
	if ((rest = after(below, "/data"))) {
		out->path = trim(rest, arena);
		return RESTCONF_DATA;
	}
	if ((rest = after(below, "/ds")))
		return datastore_of(rest, arena, out);
	if ((rest = after(below, "/operations"))) {
		out->path = trim(rest + strspn(rest, "/"), arena);
		return *out->path ? RESTCONF_OPERATION : RESTCONF_OPERATIONS;
	}
	return strcmp(trim(below, arena), "/yang-library-version") ? RESTCONF_NOTHING
								   : RESTCONF_LIBRARY;
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

// In any of the three forms of RFC 9110 section 5.6.7; anything else is as if it were not there.
static int64_t read_date(const char *text)
{
	static const char *const form[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
					   "%a %b %e %H:%M:%S %Y"};
	for (size_t i = 0; text && i < array_len(form); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, form[i], &tm);
		if (end && !*end)
			return timegm(&tm);
	}
	return 0;
}

static unsigned refuse_by(unsigned status, const struct diags *why, struct diags *diags)
{
	for (size_t i = 0; i < why->list.len; i++)
		diag_add(diags, &why->list.at[i], "%s", why->list.at[i].text);
	return status;
}

static unsigned check_target(const struct restconf_raw *raw, struct diags *diags,
			     const struct restconf_request *r)
{
	if (r->resource == RESTCONF_NOTHING) {
		diag_error(diags, DIAG_ABSENT, NULL,
			   "see /.well-known/host-meta; data is below " RESTCONF_PREFIX "/data",
			   "there is nothing at %s", raw->path);
		return 404;
	}
	if (is_allowed(r->resource, r->method))
		return 0;
	diag_error(diags, DIAG_UNSUPPORTED, NULL, restconf_allow(r->resource),
		   "the method %s does not fit this resource", raw->method);
	return 405;
}

unsigned restconf_parse(const struct restconf_raw *raw, struct arena *arena, struct diags *diags,
			struct restconf_request *out)
{
	*out = (struct restconf_request){.out = SCHEMA_JSON, .in = SCHEMA_JSON};
	out->method = method_of(raw->method);
	out->resource = resource_of(raw->path, arena, out);
	out->if_match = raw->if_match;
	out->if_none_match = raw->if_none_match;
	out->modified_since = read_date(raw->if_modified_since);
	out->unmodified_since = read_date(raw->if_unmodified_since);
	// The formats are chosen first, so that every refusal comes in one that was asked for; whether
	// they matter is seen later.
	bool writes = out->method == RESTCONF_POST || out->method == RESTCONF_PUT ||
		      out->method == RESTCONF_PATCH;
	struct diags in_faults, out_faults;
	diags_init(&in_faults, arena);
	diags_init(&out_faults, arena);
	unsigned in = writes ? media_choose_in(raw, &in_faults, out) : 0,
		 accept = media_choose_out(raw, &out_faults, out),
		 status = check_target(raw, diags, out);
	if (status || out->method == RESTCONF_OPTIONS)
		return status;
	if (in)
		return refuse_by(in, &in_faults, diags);
	return accept ? refuse_by(accept, &out_faults, diags) : query_read(raw, arena, diags, out);
}
