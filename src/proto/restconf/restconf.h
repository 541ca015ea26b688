// SPDX-License-Identifier: Apache-2.0
// RESTCONF (RFC 8040) without HTTP and without data: what a request asks for, what an answer looks
// like. Pure.
#pragma once

#include "base/diag.h"
#include "schema/schema.h"

struct buf;

#define RESTCONF_JSON "application/yang-data+json"
#define RESTCONF_XML "application/yang-data+xml"
#define RESTCONF_XRD "application/xrd+xml"
#define RESTCONF_NAMESPACE "urn:ietf:params:xml:ns:yang:ietf-restconf"
#define RESTCONF_LIBRARY_VERSION "2019-01-04" // revision of ietf-yang-library

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
	RESTCONF_HOST_META, // /.well-known/host-meta
	RESTCONF_ROOT,      // {+restconf}
	RESTCONF_DATA,      // {+restconf}/data and below; `path` is what is below, "" the datastore
	RESTCONF_OPERATIONS, // {+restconf}/operations
	RESTCONF_OPERATION,  // below that; `path` is "module:name"
	RESTCONF_LIBRARY,    // {+restconf}/yang-library-version
	RESTCONF_NOTHING
};

enum restconf_content { RESTCONF_ALL, RESTCONF_CONFIG, RESTCONF_NONCONFIG };

// What has come over HTTP, undecoded.
struct restconf_raw {
	const char *method, *path; // the path without the query, percent-encoded
	// Headers; NULL when absent.
	const char *accept, *content_type, *if_match, *if_none_match, *if_unmodified_since;
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
	enum schema_format in, out;
	enum restconf_content content;
	unsigned depth; // 0: unbounded
	bool defaults;  // with-defaults=report-all
	const char *if_match;
	int64_t unmodified_since; // 0: not asked
};

// The paths that are served.
#define RESTCONF_PREFIX "/restconf"

// Reads a request. 0, or the HTTP status that refuses it (400, 404, 405, 406, 415), with a diag.
// `out->out` is usable for the error's answer in any case.
unsigned restconf_parse(const struct restconf_raw *raw, struct arena *arena, struct diags *diags,
			struct restconf_request *out) must_check;
// Allowed methods of a resource, for the header Allow.
const char *restconf_allow(enum restconf_resource resource) must_check;
const char *restconf_media_type(enum schema_format format) must_check;
// Whether an entity tag (with its quotes) is among those of an If-Match header; "*" is any.
bool restconf_tag_matches(const char *if_match, const char *tag) must_check;
// Percent-decoding; NULL on a malformed escape or a NUL.
char *restconf_decode(const char *text, struct arena *arena) must_check;

// --- errors (RFC 8040 section 7.1) ---

// The status of the first error.
unsigned restconf_status(const struct diags *diags) must_check;
// The namespace of a module, for paths; NULL when unknown.
typedef const char *(*restconf_namespace_fn)(void *context, const char *module);
// The errors document. What a diag has beyond the standard stands in error-info as
// bulwark-controller:diag.
void restconf_errors(const struct diags *diags, enum schema_format format, restconf_namespace_fn fn,
		     void *context, struct buf *out);

// --- small resources ---

void restconf_host_meta(struct buf *out);
void restconf_root(enum schema_format format, struct buf *out);
void restconf_library_version(enum schema_format format, struct buf *out);

// --- answers that are written without a tree ---

// Writes nodes of one module. JSON as RFC 7951 asks: 64-bit numbers as strings, lists as arrays.
struct restconf_writer {
	struct buf *out;
	enum schema_format format;
	const char *list[16]; // names of the open lists
	unsigned lists;
	bool first; // nothing was written yet at this level
};

// Opens the top element; `prefixes` are further xmlns declarations for XML, or NULL.
struct restconf_top {
	const char *module, *namespace_uri, *name, *prefixes;
};
void restconf_begin(struct restconf_writer *w, const struct restconf_top *top,
		    enum schema_format format, struct buf *out);
void restconf_end(struct restconf_writer *w, const struct restconf_top *top);
void restconf_open(struct restconf_writer *w, const char *name); // a container
void restconf_close(struct restconf_writer *w, const char *name);
// A list: list_open, then entry_open .. entry_close for each, then list_close.
void restconf_list_open(struct restconf_writer *w, const char *name);
void restconf_list_close(struct restconf_writer *w);
void restconf_entry_open(struct restconf_writer *w);
void restconf_entry_close(struct restconf_writer *w);
// Leaves; a NULL text is left out.
void restconf_text(struct restconf_writer *w, const char *name, const char *text);
void restconf_number(struct restconf_writer *w, const char *name, uint32_t number);
void restconf_big(struct restconf_writer *w, const char *name, uint64_t number); // 64-bit types
void restconf_flag(struct restconf_writer *w, const char *name, bool flag);
void restconf_time(struct restconf_writer *w, const char *name, int64_t time); // 0 is left out
void restconf_hex(struct restconf_writer *w, const char *name, const unsigned char *data,
		  size_t len);
// A leaf-list of texts; an empty one is left out.
void restconf_texts(struct restconf_writer *w, const char *name, const char *const *texts,
		    size_t len);

// --- depth (RFC 8040 section 4.8.2) ---

// Copies a document of one resource, leaving out what is below `depth` levels (1: the resource
// alone). The input is what schema_print wrote.
void restconf_prune(enum schema_format format, const char *text, size_t len, unsigned depth,
		    struct buf *out);
