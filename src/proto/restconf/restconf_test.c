// SPDX-License-Identifier: Apache-2.0
// RESTCONF without HTTP: what requests are understood and refused, what documents look like.
#include "proto/restconf/restconf.h"
#include "base/buf.h"
#include "proto/restconf/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

struct bench {
	struct arena arena;
	struct diags diags;
	struct buf out;
};

static int set_up(void **state)
{
	struct bench *b = base_oom(calloc(1, sizeof(*b)));
	arena_init(&b->arena);
	diags_init(&b->diags, &b->arena);
	buf_init(&b->out);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	arena_fini(&b->arena);
	buf_fini(&b->out);
	free(b);
	return 0;
}

static unsigned parse(struct bench *b, struct restconf_raw raw, struct restconf_request *out)
{
	diags_init(&b->diags, &b->arena);
	raw.method = raw.method ? raw.method : "GET";
	unsigned status = restconf_parse(&raw, &b->arena, &b->diags, out);
	assert_int_equal(status != 0, b->diags.errors == 1);
	if (status)
		assert_non_null(b->diags.list.at[0].hint);
	return status;
}

static void test_paths(void **state)
{
	static const struct {
		const char *path, *rest;
		enum restconf_resource resource;
	} rows[] = {
		{"/.well-known/host-meta", "", RESTCONF_HOST_META},
		{"/.well-known/host-meta.json", "", RESTCONF_HOST_META},
		{"/streams/NETCONF", "NETCONF", RESTCONF_STREAM},
		{"/yang/m@2026-01-01.yang", "m@2026-01-01.yang", RESTCONF_SCHEMA},
		{"/streams/NETCONF-JSON/", "NETCONF", RESTCONF_STREAM},
		{"/restconf/ds/ietf-datastores:running", "", RESTCONF_DATA},
		{"/restconf/ds/ietf-datastores:operational/m:a", "/m:a", RESTCONF_DATA},
		{"/restconf", "", RESTCONF_ROOT},
		{"/restconf/", "", RESTCONF_ROOT},
		{"/restconf/data", "", RESTCONF_DATA},
		{"/restconf/data/", "", RESTCONF_DATA},
		{"/restconf/data/m:a/b=x%2Fy,", "/m:a/b=x%2Fy,", RESTCONF_DATA},
		{"/restconf/operations", "", RESTCONF_OPERATIONS},
		{"/restconf/yang-library-version", "", RESTCONF_LIBRARY},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct restconf_request r;
		assert_int_equal(parse(*state, (struct restconf_raw){.path = rows[i].path}, &r), 0);
		assert_int_equal(r.resource, rows[i].resource);
		assert_string_equal(r.path, rows[i].rest);
	}
	static const char *const nowhere[] = {"/",
					      "",
					      "/restconfx",
					      "/restconf/x",
					      "/restconf/ds",
					      "/restconf/ds/ietf-datastores:candidate",
					      "/streams",
					      "/yang",
					      "/yang/",
					      "/streams/",
					      "/restconf/database",
					      "/.well-known",
					      "/restconf/data%2Fm:a"};
	for (size_t i = 0; i < array_len(nowhere); i++) {
		struct restconf_request r;
		assert_int_equal(parse(*state, (struct restconf_raw){.path = nowhere[i]}, &r), 404);
	}
}

static void test_methods(void **state)
{
	static const struct {
		const char *method, *path;
		unsigned status;
	} rows[] = {
		{"HEAD", "/restconf/data", 0},           {"DELETE", "/restconf/data", 0},
		{"OPTIONS", "/restconf/data", 0},        {"POST", "/restconf", 405},
		{"TRACE", "/restconf/data", 405},        {"get", "/restconf/data", 405},
		{"PUT", "/restconf/operations", 405},    {"GET", "/restconf/operations/m:x", 405},
		{"POST", "/restconf/operations/m:x", 0}, {"POST", "/streams/NETCONF", 405},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct restconf_request r;
		struct restconf_raw raw = {.method = rows[i].method, .path = rows[i].path};
		raw.content_type = RESTCONF_JSON;
		assert_int_equal(parse(*state, raw, &r), rows[i].status);
	}
}

static void test_media(void **state)
{
	static const struct {
		const char *accept;
		unsigned status;
		enum schema_format format;
	} rows[] = {
		{NULL, 0, SCHEMA_JSON},
		{"*/*", 0, SCHEMA_JSON},
		{RESTCONF_XML, 0, SCHEMA_XML},
		{"Application/YANG-data+xml", 0, SCHEMA_XML},
		{"text/html, " RESTCONF_XML ";q=0.5, */*;q=0.1", 0, SCHEMA_XML},
		{RESTCONF_XML ";q=0.2," RESTCONF_JSON ";q=0.9", 0, SCHEMA_JSON},
		{RESTCONF_JSON ";q=0, application/*", 0, SCHEMA_XML},
		{"text/html", 406, SCHEMA_JSON},
		{RESTCONF_JSON ";q=0," RESTCONF_XML ";q=0.000", 406, SCHEMA_JSON},
		{"application/yang-data+xmlx", 406, SCHEMA_JSON},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct restconf_request r;
		struct restconf_raw raw = {.path = "/restconf/data", .accept = rows[i].accept};
		assert_int_equal(parse(*state, raw, &r), rows[i].status);
		assert_int_equal(r.out, rows[i].format);
	}
	struct restconf_request r;
	struct restconf_raw raw = {.path = "/restconf/data", .method = "PUT", .has_body = true};
	assert_int_equal(parse(*state, raw, &r), 415);
	raw.content_type = "text/xml";
	assert_int_equal(parse(*state, raw, &r), 415);
	raw.content_type = RESTCONF_XML "; charset=utf-8";
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.in, SCHEMA_XML);
	assert_int_equal(r.out, SCHEMA_XML); // the answer is like the question
	raw.accept = RESTCONF_JSON;
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.out, SCHEMA_JSON);
	// What does not matter leaves no trace.
	raw = (struct restconf_raw){.path = "/restconf/data",
				    .method = "GET",
				    .content_type = "text/plain",
				    .has_body = true};
	assert_int_equal(parse(*state, raw, &r), 0);
	raw.method = "OPTIONS";
	raw.accept = "text/html";
	assert_int_equal(parse(*state, raw, &r), 0);
	raw.path = "/nowhere";
	assert_int_equal(parse(*state, raw, &r), 404);
}

static unsigned ask_query(struct bench *b, const char *method, const char *path, const char *query,
			  struct restconf_request *out)
{
	struct restconf_argument argument[3];
	size_t n = 0;
	char *text = arena_strdup(&b->arena, query), *save;
	for (char *at = strtok_r(text, "&", &save); at; at = strtok_r(NULL, "&", &save)) {
		char *equals = strchr(at, '=');
		argument[n++] = (struct restconf_argument){at, equals ? equals + 1 : NULL};
		if (equals)
			*equals = '\0';
	}
	struct restconf_raw raw = {.path = path,
				   .method = method,
				   .content_type = RESTCONF_JSON,
				   .argument = argument,
				   .arguments = n};
	return parse(b, raw, out);
}

// Shows: RFC 8040 4.8 query parameters: values, methods and resources that they fit, 400 for the rest
static void test_query(void **state)
{
	static const char data[] = "/restconf/data", root[] = "/restconf",
			  stream[] = "/streams/NETCONF",
			  ds[] = "/restconf/ds/ietf-datastores:running";
	static const struct {
		const char *query, *method, *path;
		unsigned status;
	} rows[] = {
		{"content=config", "GET", data, 0},
		{"content=nonconfig", "HEAD", data, 0},
		{"content=some", "GET", data, 400},
		{"content", "GET", data, 400},
		{"content=all", "GET", root, 400},
		{"content=config", "GET", ds, 400},
		{"depth=1", "GET", data, 0},
		{"depth=1", "GET", root, 0},
		{"depth=unbounded", "GET", data, 0},
		{"depth=65535", "GET", data, 0},
		{"depth=65536", "GET", data, 400},
		{"depth=0", "GET", data, 400},
		{"depth=-1", "GET", data, 400},
		{"depth=1x", "GET", data, 400},
		{"depth=1", "DELETE", data, 400},
		{"depth=1", "GET", "/restconf/operations", 400},
		{"with-defaults=report-all", "GET", data, 0},
		{"with-defaults=report-all-tagged", "GET", data, 0},
		{"with-defaults=trim", "GET", data, 0},
		{"with-defaults=explicit", "GET", ds, 0},
		{"with-defaults=all", "GET", data, 400},
		{"with-defaults=trim", "PUT", data, 400},
		{"fields=name", "GET", data, 0},
		{"fields=", "GET", data, 400},
		{"fields=name", "PATCH", data, 400},
		{"insert=first", "PUT", data, 0},
		{"insert=last", "POST", data, 0},
		{"insert=last", "PATCH", data, 400},
		{"insert=", "PUT", data, 400},
		{"insert=middle", "PUT", data, 400},
		{"insert=before", "PUT", data, 400},
		{"insert=before&point=%2Fm:a", "PUT", data, 0},
		{"insert=first&point=%2Fm:a", "PUT", data, 400},
		{"point=%2Fm:a", "POST", data, 400},
		{"insert=after&point=m:a", "PUT", data, 400},
		{"insert=first", "POST", "/restconf/operations/m:x", 400},
		{"filter=/m:a", "GET", stream, 0},
		{"filter=/m:a", "GET", data, 400},
		{"start-time=2026-01-01T00:00:00Z", "GET", stream, 0},
		{"start-time=x&stop-time=y", "GET", stream, 0},
		{"stop-time=2026-01-01T00:00:00Z", "GET", stream, 400},
		{"de%70th=%31", "GET", data, 0},
		{"depth=%3", "GET", data, 400},
		{"depth=1%00", "GET", data, 400},
		{"unknown=1", "GET", data, 400},
		{"depth=1&depth=2", "GET", data, 400},
	};
	struct restconf_request r;
	for (size_t i = 0; i < array_len(rows); i++) {
		unsigned status =
			ask_query(*state, rows[i].method, rows[i].path, rows[i].query, &r);
		if (status != rows[i].status)
			print_message("%s %s\n", rows[i].method, rows[i].query);
		assert_int_equal(status, rows[i].status);
	}
	assert_int_equal(ask_query(*state, "PUT", data, "insert=after&point=%2Fm:l%3D%252F", &r),
			 0);
	assert_int_equal(r.insert, SCHEMA_AFTER);
	assert_string_equal(r.point, "/m:l=%2F"); // decoded once: it is a path again
}

// Shows: RFC 8072 2.2 yang-patch media types, with PATCH only
static void test_patch_media(void **state)
{
	struct restconf_request r;
	struct restconf_raw raw = {.path = "/restconf/data",
				   .method = "PATCH",
				   .content_type = RESTCONF_PATCH_XML,
				   .has_body = true};
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_true(r.yang_patch);
	assert_int_equal(r.in, SCHEMA_XML);
	assert_int_equal(r.out, SCHEMA_XML);
	raw.content_type = RESTCONF_PATCH_JSON;
	raw.accept = RESTCONF_XML;
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.in, SCHEMA_JSON);
	assert_int_equal(r.out, SCHEMA_XML);
	raw.content_type = RESTCONF_JSON;
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_false(r.yang_patch);
	raw.method = "PUT";
	raw.content_type = RESTCONF_PATCH_JSON;
	assert_int_equal(parse(*state, raw, &r), 415);
}

// Shows: RFC 8040 3.1 host-meta as XRD; text/event-stream alone for streams
static void test_other_media(void **state)
{
	struct restconf_request r;
	struct restconf_raw raw = {.path = "/.well-known/host-meta", .accept = "application/json"};
	assert_int_equal(parse(*state, raw, &r), 406);
	raw.accept = RESTCONF_JRD;
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.out, SCHEMA_JSON);
	raw.accept = "*/*";
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.out, SCHEMA_XML);
	raw.path = "/streams/NETCONF-JSON";
	raw.accept = RESTCONF_JSON;
	assert_int_equal(parse(*state, raw, &r), 406);
	raw.accept = "text/*;q=0.1";
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.out, SCHEMA_JSON);
}

// Shows: RFC 8040 3.4.1 If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since (RFC 9110 13.2.2)
static void test_preconditions(void **state)
{
	(void)state;
	static const struct {
		enum restconf_method method;
		const char *match, *none_match;
		int64_t modified_since, unmodified_since;
		bool absent, not_whole;
		unsigned status;
	} rows[] = {
		{RESTCONF_PUT, "\"1-2\"", NULL, 0, 0, false, false, 0},
		{RESTCONF_PUT, "\"9\", \"1-2\"", NULL, 0, 0, false, false, 0},
		{RESTCONF_PUT, "*", NULL, 0, 0, false, false, 0},
		{RESTCONF_PUT, "*", NULL, 0, 0, true, false, 412},
		{RESTCONF_PUT, "\"1-2\"", NULL, 0, 0, true, false, 412},
		{RESTCONF_PUT, "\"1-21\"", NULL, 0, 0, false, false, 412},
		{RESTCONF_PUT, "\"a,\\\"1-2\"", NULL, 0, 0, false, false, 412},
		{RESTCONF_PUT, "W/\"1-2\"", NULL, 0, 0, false, false, 412},
		{RESTCONF_PUT, "", NULL, 0, 0, false, false, 412},
		{RESTCONF_PUT, "\"1-2\"", NULL, 0, 50, false, false, 0}, // the tag decides alone
		{RESTCONF_PUT, NULL, NULL, 0, 50, false, false, 412},
		{RESTCONF_PUT, NULL, NULL, 0, 100, false, false, 0},
		{RESTCONF_PUT, NULL, "*", 0, 0, false, false, 412},
		{RESTCONF_PUT, NULL, "*", 0, 0, true, false, 0},
		{RESTCONF_PUT, NULL, "\"1-2\"", 0, 0, false, false, 412},
		{RESTCONF_PUT, NULL, NULL, 100, 0, false, false, 0}, // only for reading
		{RESTCONF_GET, NULL, "\"1-2\"", 0, 0, false, false, 304},
		{RESTCONF_GET, NULL, "W/\"1-2\"", 0, 0, false, false, 304},
		{RESTCONF_HEAD, NULL, "\"8\"", 100, 0, false, false, 0},
		{RESTCONF_GET, NULL, "\"1-2\"", 0, 0, false, true, 0},
		{RESTCONF_GET, NULL, NULL, 100, 0, false, false, 304},
		{RESTCONF_GET, NULL, NULL, 99, 0, false, false, 0},
		{RESTCONF_GET, "\"8\"", NULL, 0, 0, false, false, 412},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct restconf_request r = {.method = rows[i].method,
					     .if_match = rows[i].match,
					     .if_none_match = rows[i].none_match,
					     .modified_since = rows[i].modified_since,
					     .unmodified_since = rows[i].unmodified_since};
		struct restconf_state now = {.exists = !rows[i].absent,
					     .tag = "\"1-2\"",
					     .modified = 100,
					     .whole = !rows[i].not_whole};
		unsigned status = restconf_precondition(&r, &now);
		if (status != rows[i].status)
			print_message("row %zu\n", i);
		assert_int_equal(status, rows[i].status);
	}
}

static void test_dates(void **state)
{
	struct restconf_request r;
	struct restconf_raw raw = {.path = "/restconf/data",
				   .if_modified_since = "Sat, 21 Nov 2026 09:00:00 GMT",
				   .if_unmodified_since = "Sat, 21 Nov 2026 10:00:00 GMT"};
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.unmodified_since, 1795255200);
	assert_int_equal(r.modified_since, 1795251600);
	raw.if_unmodified_since = "Saturday, 21-Nov-26 10:00:00 GMT";
	raw.if_modified_since = "Sat Nov 21 09:00:00 2026";
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.unmodified_since, 1795255200);
	assert_int_equal(r.modified_since, 1795251600);
	raw.if_unmodified_since = "yesterday";
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.unmodified_since, 0);
}

// Shows: RFC 8040 4.1 Allow by kind of resource
static void test_allow(void **state)
{
	(void)state;
	static const struct {
		struct schema_resource resource;
		bool writable;
		const char *with, *without;
	} rows[] = {
		{{.kind = SCHEMA_DATASTORE, .config = true}, true, "PUT", "DELETE"},
		{{.kind = SCHEMA_ENTRY, .config = true}, true, "POST", "TRACE"},
		{{.kind = SCHEMA_LEAF, .config = true}, true, "DELETE", "POST"},
		{{.kind = SCHEMA_LEAF, .config = true, .is_key = true}, true, "PATCH", "DELETE"},
		{{.kind = SCHEMA_LIST, .config = true}, true, "GET", "PUT"},
		{{.kind = SCHEMA_CONTAINER}, true, "OPTIONS", "PATCH"},
		{{.kind = SCHEMA_CONTAINER, .config = true}, false, "HEAD", "PATCH"},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		const char *allow = restconf_allow_data(&rows[i].resource, rows[i].writable);
		assert_true(restconf_allows(allow, rows[i].with));
		assert_false(restconf_allows(allow, rows[i].without));
		assert_false(restconf_allows(allow, ""));
	}
}

// --- documents ---

static const char *names(void *context, const char *module)
{
	(void)context;
	return strcmp(module, "m") == 0 ? "urn:m" : NULL;
}

// Shows: RFC 8040 7.1 errors: tags, paths as instance-identifiers, app-tags of RFC 7950
static void test_errors(void **state)
{
	struct bench *b = *state;
	diag_add(&b->diags, &(struct diag){.severity = DIAG_WARNING}, "left out");
	diag_error(&b->diags, DIAG_VALUE, "/m:a/b[x='/1[']/n:c", "a \"hint\"",
		   "not < this \xff\n%s", "\xc3\xa9");
	diag_error(&b->diags, DIAG_EXISTS, NULL, "h", "there");
	assert_int_equal(restconf_status(&b->diags), 400);
	diag_add(&b->diags, &(struct diag){.code = DIAG_CONSTRAINT, .app_tag = "must-violation"},
		 "m");
	restconf_errors(&b->diags, &(struct restconf_style){SCHEMA_JSON, 400, names, NULL},
			&b->out);
	json_t *json = json_loads(b->out.data, 0, NULL);
	const json_t *list =
		json_object_get(json_object_get(json, "ietf-restconf:errors"), "error");
	assert_int_equal(json_array_size(list), 3);
	const json_t *error = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(error, "error-tag")),
			    "invalid-value");
	assert_string_equal(json_string_value(json_object_get(error, "error-message")),
			    "not < this ?\n\xc3\xa9");
	const json_t *info =
		json_object_get(json_object_get(error, "error-info"), "bulwark-controller:diag");
	assert_string_equal(json_string_value(json_object_get(info, "hint")), "a \"hint\"");
	error = json_array_get(list, 1);
	assert_string_equal(json_string_value(json_object_get(error, "error-tag")),
			    "resource-denied");
	assert_null(json_object_get(error, "error-app-tag"));
	error = json_array_get(list, 2);
	assert_string_equal(json_string_value(json_object_get(error, "error-app-tag")),
			    "must-violation");
	json_decref(json);

	buf_clear(&b->out);
	restconf_errors(&b->diags, &(struct restconf_style){SCHEMA_XML, 400, names, NULL}, &b->out);
	assert_non_null(strstr(b->out.data,
			       "<error-path xmlns:m=\"urn:m\">/m:a/m:b[m:x=&apos;/1[&apos;]/n:c"));
	assert_non_null(strstr(b->out.data, "not &lt; this ?\n\xc3\xa9"));
	assert_null(strstr(b->out.data, "left out"));
	buf_clear(&b->out);
	restconf_errors(&b->diags, &(struct restconf_style){SCHEMA_XML, 404, names, NULL}, &b->out);
	assert_null(strstr(b->out.data, "resource-denied")); // the one tag for 404
}

// Shows: RFC 8040 7 statuses by error-tag
static void test_status(void **state)
{
	struct bench *b = *state;
	static const struct {
		enum diag_code code;
		unsigned status;
	} rows[] = {{DIAG_DENIED, 403}, {DIAG_LIMIT, 413},          {DIAG_ABSENT, 409},
		    {DIAG_EXISTS, 409}, {DIAG_UNSUPPORTED, 501},    {DIAG_STALE, 412},
		    {DIAG_IO, 500},     {DIAG_UNKNOWN_ELEMENT, 400}};
	for (size_t i = 0; i < array_len(rows); i++) {
		diags_init(&b->diags, &b->arena);
		diag_error(&b->diags, rows[i].code, NULL, "h", "t");
		assert_int_equal(restconf_status(&b->diags), rows[i].status);
	}
}

static void write_sample(struct restconf_writer *w)
{
	static const char *const texts[] = {"a", "b&"};
	restconf_text(w, "t", "x\"<y");
	restconf_text(w, "absent", NULL);
	restconf_number(w, "n", 7);
	restconf_big(w, "big", UINT64_MAX);
	restconf_flag(w, "f", true);
	restconf_time(w, "when", 1795255200);
	restconf_hex(w, "digest", (const unsigned char *)"\x01\xff", 2);
	restconf_texts(w, "l", texts, 2);
	restconf_open(w, "empty");
	restconf_close(w, "empty");
	restconf_list_open(w, "e");
	for (uint32_t i = 0; i < 2; i++) {
		restconf_entry_open(w);
		restconf_number(w, "id", i);
		restconf_entry_close(w);
	}
	restconf_list_close(w);
	restconf_flag(w, "last", false);
}

static void test_writer(void **state)
{
	struct bench *b = *state;
	static const struct restconf_top top = {"m", "urn:m", "output", NULL};
	struct restconf_writer w;
	restconf_begin(&w, &top, SCHEMA_JSON, &b->out);
	write_sample(&w);
	restconf_end(&w, &top);
	assert_string_equal(b->out.data, "{\"m:output\":{\"t\":\"x\\\"<y\",\"n\":7,\"big\":"
					 "\"18446744073709551615\",\"f\":true,"
					 "\"when\":\"2026-11-21T10:00:00Z\",\"digest\":\"01ff\","
					 "\"l\":[\"a\",\"b&\"],\"empty\":{},"
					 "\"e\":[{\"id\":0},{\"id\":1}],\"last\":false}}\n");
	buf_clear(&b->out);
	restconf_begin(&w, &top, SCHEMA_XML, &b->out);
	write_sample(&w);
	restconf_end(&w, &top);
	assert_string_equal(
		b->out.data,
		"<output xmlns=\"urn:m\"><t>x&quot;&lt;y</t><n>7</n><big>18446744073709551615</big>"
		"<f>true</f><when>2026-11-21T10:00:00Z</when><digest>01ff</digest><l>a</"
		"l><l>b&amp;</l>"
		"<empty></empty><e><id>0</id></e><e><id>1</id></e><last>false</last></output>\n");
}

static void expect_root(struct bench *b, const char *fields, unsigned depth, const char *text)
{
	struct restconf_request r = {.out = SCHEMA_JSON, .fields = fields, .depth = depth};
	buf_clear(&b->out);
	diags_init(&b->diags, &b->arena);
	assert_int_equal(restconf_root(&r, &b->diags, &b->out), text != NULL);
	if (text)
		assert_string_equal(b->out.data, text);
}

// Shows: RFC 8040 3.3 API resource, also with depth and fields
static void test_root(void **state)
{
	struct bench *b = *state;
	expect_root(b, NULL, 0,
		    "{\"ietf-restconf:restconf\":{\"data\":{},\"operations\":{},"
		    "\"yang-library-version\":\"" RESTCONF_LIBRARY_VERSION "\"}}\n");
	expect_root(b, NULL, 1, "{\"ietf-restconf:restconf\":{}}\n");
	expect_root(b, "operations;data", 2,
		    "{\"ietf-restconf:restconf\":{\"data\":{},\"operations\":{}}}\n");
	expect_root(b, "datum", 0, NULL);
	expect_root(b, "data;;operations", 0, NULL);
}

#define STATUS(more) "{\"ietf-yang-patch:yang-patch-status\":{\"patch-id\":\"p\"" more

// Shows: RFC 8072 2.3 yang-patch-status: ok, global errors, errors of an edit
static void test_patch_status(void **state)
{
	struct bench *b = *state;
	struct restconf_patch_status status = {.patch_id = "p", .diags = &b->diags};
	struct restconf_style json_style = {SCHEMA_JSON, 409, names, NULL},
			      xml_style = {SCHEMA_XML, 409, names, NULL};
	restconf_patch_status(&status, &json_style, &b->out);
	assert_string_equal(b->out.data, STATUS(",\"ok\":[null]}}\n"));
	buf_clear(&b->out);
	diag_error(&b->diags, DIAG_EXISTS, NULL, "h", "t");
	restconf_patch_status(&status, &json_style, &b->out);
	assert_non_null(strstr(b->out.data, STATUS(",\"errors\":{\"error\":[{")));
	buf_clear(&b->out);
	status.edit_id = "e<1>";
	restconf_patch_status(&status, &json_style, &b->out);
	assert_non_null(
		strstr(b->out.data,
		       STATUS(",\"edit-status\":{\"edit\":[{\"edit-id\":\"e<1>\",\"errors\":{")));
	json_t *json = json_loads(b->out.data, 0, NULL);
	assert_non_null(json);
	json_decref(json);
	buf_clear(&b->out);
	restconf_patch_status(&status, &xml_style, &b->out);
	assert_non_null(strstr(b->out.data,
			       "<edit-status><edit><edit-id>e&lt;1&gt;</edit-id><errors>"
			       "<error><error-type>"));
	assert_non_null(
		strstr(b->out.data, "</errors></edit></edit-status></yang-patch-status>\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_paths),         TEST(test_methods),      TEST(test_media),
		TEST(test_query),         TEST(test_patch_media),  TEST(test_other_media),
		TEST(test_preconditions), TEST(test_dates),        TEST(test_allow),
		TEST(test_errors),        TEST(test_status),       TEST(test_writer),
		TEST(test_root),          TEST(test_patch_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
