// SPDX-License-Identifier: Apache-2.0
// RESTCONF without HTTP: what requests are understood and refused, what documents look like.
#include "proto/restconf/restconf.h"
#include "base/buf.h"

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
		{"POST", "/restconf/operations/m:x", 0},
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

static void test_query(void **state)
{
	static const struct {
		const char *name, *value, *method;
		unsigned status;
	} rows[] = {
		{"content", "config", "GET", 0},
		{"content", "nonconfig", "HEAD", 0},
		{"content", "some", "GET", 400},
		{"content", NULL, "GET", 400},
		{"depth", "1", "GET", 0},
		{"depth", "unbounded", "GET", 0},
		{"depth", "65535", "GET", 0},
		{"depth", "65536", "GET", 400},
		{"depth", "0", "GET", 400},
		{"depth", "-1", "GET", 400},
		{"depth", "1x", "GET", 400},
		{"with-defaults", "report-all", "GET", 0},
		{"with-defaults", "trim", "GET", 400},
		{"fields", "name", "GET", 400},
		{"insert", "first", "PUT", 400},
		{"depth", "1", "DELETE", 400},
		{"de%70th", "%31", "GET", 0},
		{"depth", "%3", "GET", 400},
		{"depth", "1%00", "GET", 400},
		{"unknown", "1", "GET", 400},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct restconf_request r;
		struct restconf_argument a = {rows[i].name, rows[i].value};
		struct restconf_raw raw = {.path = "/restconf/data",
					   .method = rows[i].method,
					   .content_type = RESTCONF_JSON,
					   .argument = &a,
					   .arguments = 1};
		assert_int_equal(parse(*state, raw, &r), rows[i].status);
	}
	struct restconf_argument twice[] = {{"depth", "1"}, {"depth", "2"}};
	struct restconf_request r;
	struct restconf_raw raw = {.path = "/restconf/data", .argument = twice, .arguments = 2};
	assert_int_equal(parse(*state, raw, &r), 400);
	raw.arguments = 1;
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.depth, 1);
}

static void test_preconditions(void **state)
{
	assert_true(restconf_tag_matches("\"1-2\"", "\"1-2\""));
	assert_true(restconf_tag_matches("\"9-9\", \"1-2\"", "\"1-2\""));
	assert_true(restconf_tag_matches("*", "\"1-2\""));
	assert_false(restconf_tag_matches("\"1-21\"", "\"1-2\""));
	assert_false(restconf_tag_matches("", "\"1-2\""));
	struct restconf_request r;
	struct restconf_raw raw = {.path = "/restconf/data",
				   .if_unmodified_since = "Sat, 21 Nov 2026 10:00:00 GMT"};
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.unmodified_since, 1795255200);
	raw.if_unmodified_since = "yesterday";
	assert_int_equal(parse(*state, raw, &r), 0);
	assert_int_equal(r.unmodified_since, 0);
}

// --- documents ---

static const char *names(void *context, const char *module)
{
	(void)context;
	return strcmp(module, "m") == 0 ? "urn:m" : NULL;
}

static void test_errors(void **state)
{
	struct bench *b = *state;
	diag_add(&b->diags, &(struct diag){.severity = DIAG_WARNING}, "left out");
	diag_error(&b->diags, DIAG_VALUE, "/m:a/b[x='1']/n:c", "a \"hint\"", "not < this \xff\n%s",
		   "\xc3\xa9");
	diag_error(&b->diags, DIAG_EXISTS, NULL, "h", "there");
	assert_int_equal(restconf_status(&b->diags), 400);
	restconf_errors(&b->diags, SCHEMA_JSON, names, NULL, &b->out);
	json_t *json = json_loads(b->out.data, 0, NULL);
	const json_t *list =
		json_object_get(json_object_get(json, "ietf-restconf:errors"), "error");
	assert_int_equal(json_array_size(list), 2);
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
	json_decref(json);

	buf_clear(&b->out);
	restconf_errors(&b->diags, SCHEMA_XML, names, NULL, &b->out);
	assert_non_null(
		strstr(b->out.data, "<error-path xmlns:m=\"urn:m\">/m:a/b[x=&apos;1&apos;]/n:c"));
	assert_non_null(strstr(b->out.data, "not &lt; this ?\n\xc3\xa9"));
	assert_null(strstr(b->out.data, "left out"));
}

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

static void expect_pruned(struct bench *b, enum schema_format format, const char *in,
			  unsigned depth, const char *out)
{
	buf_clear(&b->out);
	restconf_prune(format, in, strlen(in), depth, &b->out);
	assert_string_equal(b->out.data, out);
}

static void test_depth(void **state)
{
	struct bench *b = *state;
	static const char json[] =
		"{ \"m:a\" : {\"b\":1, \"c\":{\"d\":\"x}\\\"\",\"e\":[{\"f\":[1,2]}]}, "
		"\"l\":[{\"k\":\"1\"},{\"k\":\"2\"}]}}";
	expect_pruned(b, SCHEMA_JSON, json, 1, "{\"m:a\":{}}\n");
	expect_pruned(b, SCHEMA_JSON, json, 2, "{\"m:a\":{\"b\":1,\"c\":{},\"l\":[{},{}]}}\n");
	expect_pruned(b, SCHEMA_JSON, json, 3,
		      "{\"m:a\":{\"b\":1,\"c\":{\"d\":\"x}\\\"\",\"e\":[{}]},\"l\":[{\"k\":\"1\"},"
		      "{\"k\":\"2\"}]}}\n");
	expect_pruned(b, SCHEMA_JSON, json, 9,
		      "{\"m:a\":{\"b\":1,\"c\":{\"d\":\"x}\\\"\",\"e\":[{\"f\":[1,2]}]},\"l\":[{"
		      "\"k\":\"1\"},"
		      "{\"k\":\"2\"}]}}\n");
	static const char xml[] = "<a xmlns=\"u>/\"><b>1</b><c><d>2</d><e/></c></a>";
	expect_pruned(b, SCHEMA_XML, xml, 1, "<a xmlns=\"u>/\"></a>");
	expect_pruned(b, SCHEMA_XML, xml, 2, "<a xmlns=\"u>/\"><b>1</b><c></c></a>");
	expect_pruned(b, SCHEMA_XML, xml, 3, xml);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_methods, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_media, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_query, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_preconditions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_errors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_writer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_depth, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
