// SPDX-License-Identifier: Apache-2.0
// RESTCONF (RFC 8040) without HTTP and without data: what a request asks for, what an answer looks
// like. Pure.
#pragma once

#include "base/diag.h"
#include "schema/resource.h"
#include "schema/view.h"

struct buf;

#define RESTCONF_JSON "application/yang-data+json"
#define RESTCONF_XML "application/yang-data+xml"
#define RESTCONF_PATCH_JSON "application/yang-patch+json"
#define RESTCONF_PATCH_XML "application/yang-patch+xml"
#define RESTCONF_XRD "application/xrd+xml"
#define RESTCONF_JRD "application/jrd+json"
#define RESTCONF_EVENTS "text/event-stream"
#define RESTCONF_YANG "application/yang"
#define RESTCONF_NAMESPACE "urn:ietf:params:xml:ns:yang:ietf-restconf"
#define RESTCONF_LIBRARY_VERSION "2019-01-04" // revision of ietf-yang-library

// The paths that are served.
#define RESTCONF_PREFIX "/restconf"
#define RESTCONF_STREAMS "/streams"
#define RESTCONF_SCHEMAS "/yang"

enum restconf_method {
	RESTCONF_GET,
	RESTCONF_HEAD,
	RESTCONF_POST,
	RESTCONF_PUT,
	RESTCONF_PATCH,
	RESTCONF_DELETE,
	RESTCONF_OPTIONS,
	RESTCONF_OTHER
};

enum restconf_resource {
	RESTCONF_HOST_META, // /.well-known/host-meta, and host-meta.json
	RESTCONF_ROOT,      // {+restconf}
	// {+restconf}/data, {+restconf}/ds/NAME and below; `path` is what is below, "" the datastore.
	RESTCONF_DATA,
	RESTCONF_OPERATIONS, // {+restconf}/operations
	RESTCONF_OPERATION,  // below that; `path` is "module:name"
	RESTCONF_LIBRARY,    // {+restconf}/yang-library-version
	RESTCONF_STREAM,     // below /streams; `path` is the stream's name
	RESTCONF_SCHEMA,     // below /yang; `path` is a file's name
	RESTCONF_NOTHING
};

// Which datastore a data resource is of: {+restconf}/data, or as RFC 8527 section 3.1 names it.
enum restconf_datastore { RESTCONF_UNIFIED, RESTCONF_RUNNING, RESTCONF_OPERATIONAL };

// What has come over HTTP, undecoded.
struct restconf_raw {
	const char *method, *path; // the path without the query, percent-encoded
	// Headers; NULL when absent.
	const char *accept, *content_type, *if_match, *if_none_match, *if_modified_since,
		*if_unmodified_since, *host;
	bool has_body;
	const struct restconf_argument {
		const char *name, *value; // percent-encoded; value NULL: none
	} * argument;
	size_t arguments;
};

struct restconf_request {
	enum restconf_method method;
	enum restconf_resource resource;
	const char *path;
	enum restconf_datastore datastore;
	enum schema_format in, out; // of a stream, `out` is the encoding of its notifications
	bool yang_patch;            // the body is a YANG Patch (RFC 8072)
	// Query parameters (RFC 8040 section 4.8); texts are decoded, NULL when not given.
	enum schema_content content;
	unsigned depth; // 0: unbounded
	const char *fields, *filter, *point, *start_time, *stop_time;
	bool has_defaults;
	enum schema_with_defaults defaults;
	enum schema_where insert;
	// Preconditions.
	const char *if_match, *if_none_match;
	int64_t modified_since, unmodified_since; // 0: not asked
};

// Reads a request. 0, or the HTTP status that refuses it (400, 404, 405, 406, 415), with a diag.
// `out->out` is usable for the error's answer in any case.
unsigned restconf_parse(const struct restconf_raw *raw, struct arena *arena, struct diags *diags,
			struct restconf_request *out) must_check;
// Allowed methods, for the header Allow: of a kind of resource; of a data resource that is there in
// the models.
const char *restconf_allow(enum restconf_resource resource) must_check;
const char *restconf_allow_data(const struct schema_resource *resource, bool writable) must_check;
// Which part of the former a method is.
bool restconf_allows(const char *allow, const char *method) must_check;
const char *restconf_media_type(enum schema_format format) must_check;
// Percent-decoding; NULL on a malformed escape or a NUL.
char *restconf_decode(const char *text, struct arena *arena) must_check;

// --- preconditions (RFC 9110 section 13) ---

// What there is now of the resource that a request is about.
struct restconf_state {
	bool exists;
	const char *tag;  // with its quotes; NULL: it has none
	int64_t modified; // 0: not known
	bool whole;       // the tag and the time are of all that an answer shows: 304 can be said
};
// 0: go on; else 304 or 412. Only to be asked of a request that would succeed.
unsigned restconf_precondition(const struct restconf_request *request,
			       const struct restconf_state *state) must_check;

// --- errors (RFC 8040 section 7.1) ---

// The status of the first error.
unsigned restconf_status(const struct diags *diags) must_check;
// The namespace of a module, for paths; NULL when unknown.
typedef const char *(*restconf_namespace_fn)(void *context, const char *module);
// How errors are written.
struct restconf_style {
	enum schema_format format;
	unsigned status; // of the answer
	restconf_namespace_fn fn;
	void *context;
};
// The errors document. What a diag has beyond the standard stands in error-info as
// bulwark-controller:diag.
void restconf_errors(const struct diags *diags, const struct restconf_style *style,
		     struct buf *out);
// What came of a YANG Patch (RFC 8072 section 2.3): errors of the edit `edit_id`, or of the patch as a
// whole where that is NULL; none: it was done.
struct restconf_patch_status {
	const char *patch_id, *edit_id;
	const struct diags *diags;
};
void restconf_patch_status(const struct restconf_patch_status *status,
			   const struct restconf_style *style, struct buf *out);

// --- small resources ---

void restconf_host_meta(enum schema_format format, struct buf *out);
// {+restconf}, as the request's depth and fields want it. False and a diag: no such field.
bool restconf_root(const struct restconf_request *request, struct diags *diags,
		   struct buf *out) must_check;
void restconf_library_version(enum schema_format format, struct buf *out);
