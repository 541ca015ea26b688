// SPDX-License-Identifier: Apache-2.0
// Data resources of every kind: methods, parameters, preconditions, YANG Patches.
#include "north/test.h"

#include <stdlib.h>
#include <jansson.h>
#include <string.h>

#define GROUP DATA "/" CFI ":endpoint-groups/user-group"
#define PAYLOADS DATA "/" CFI ":threat-prevention/payload-content=p/contents"
#define MONITORING DATA "/ietf-restconf-monitoring:restconf-state"

// Shows: RFC 8040 4.1 OPTIONS with Allow for each kind of resource
// Shows: RFC 8040 3.4 Accept-Patch where it can be patched
static void test_options(void **state)
{
	struct bench *b = *state;
	static const char reads[] = "GET, HEAD, OPTIONS";
	static const struct {
		const char *path, *allow;
	} rows[] = {
		{DATA, "GET, HEAD, POST, PUT, PATCH, OPTIONS"},
		{DATA "/" CFI ":endpoint-groups", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
		{GROUP, reads},
		{GROUP "=x", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
		{GROUP "=x/name", "GET, HEAD, PUT, PATCH, OPTIONS"},
		{GROUP "=x/ipv4-prefix=10.0.0.0%2F8", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
		{DATA "/" BWC ":jobs", reads},
		{DATA "/" BWC ":nsfs/nsf=fw1/state", reads},
		{"/restconf/ds/ietf-datastores:running", "GET, HEAD, POST, PUT, PATCH, OPTIONS"},
		{"/restconf/ds/ietf-datastores:operational", reads},
		{"/restconf/operations/" BWC ":plan", "POST, OPTIONS"},
		{"/restconf", reads},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		assert_int_equal(ask(b, "OPTIONS", rows[i].path), 204);
		assert_string_equal(b->x.allow, rows[i].allow);
		bool patches = strstr(rows[i].allow, "PATCH") != NULL;
		assert_int_equal(b->x.accept_patch != NULL, patches);
	}
	assert_int_equal(ask(b, "OPTIONS", DATA "/" CFI ":nothing"), 404);
	assert_int_equal(ask(b, "OPTIONS", DATA "/" CFI ":endpoint-groups=x"), 400);
}

// Shows: RFC 8040 4.5 PUT of leafs and of values of leaf-lists: 201, 204
// Shows: RFC 8040 4.6.1 plain PATCH of leafs merges; what is absent is 404
// Shows: RFC 8040 4.7 DELETE of leafs and of values of leaf-lists: 204, 404
// Shows: RFC 8040 3.5.4 GET of a leaf that has only its default gives it
// Shows: RFC 8040 4.4.1 POST of a value of a leaf-list, with Location
static void test_leafs(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	static const char prefix[] = GROUP "=all/ipv4-prefix=192.0.2.0%2F24";
	assert_int_equal(ask(b, "PUT", prefix, "{\"" CFI ":ipv4-prefix\":[\"192.0.2.0/24\"]}"),
			 201);
	assert_string_equal(b->x.location, prefix);
	assert_int_equal(ask(b, "PUT", prefix, "{\"" CFI ":ipv4-prefix\":[\"192.0.2.0/24\"]}"),
			 204);
	assert_int_equal(ask(b, "PUT", prefix, "{\"" CFI ":ipv4-prefix\":[\"192.0.3.0/24\"]}"),
			 400);
	assert_int_equal(ask(b, "GET", prefix, .xml = true), 200);
	assert_string_equal(b->x.out.data,
			    "<ipv4-prefix xmlns=\"" CFI_NS "\">192.0.2.0/24</ipv4-prefix>\n");
	assert_int_equal(ask(b, "GET", GROUP "=all/ipv4-prefix"), 200);
	assert_string_equal(b->x.out.data,
			    "{\"" CFI ":ipv4-prefix\":[\"10.0.0.0/8\",\"192.0.2.0/24\"]}\n");
	assert_int_equal(ask(b, "DELETE", prefix), 204);
	assert_int_equal(ask(b, "DELETE", prefix), 404);
	assert_int_equal(
		ask(b, "POST", GROUP "=all", "{\"" CFI ":ipv4-prefix\":[\"192.0.2.0/24\"]}"), 201);
	assert_string_equal(b->x.location, prefix);
	static const char port[] = DATA "/" BWC ":nsfs/nsf=fw1/port";
	assert_int_equal(ask(b, "GET", port), 200); // its default
	assert_string_equal(b->x.out.data, "{\"" BWC ":port\":6513}\n");
	assert_int_equal(ask(b, "PATCH", port, "{\"" BWC ":port\":1}"), 404);
	assert_int_equal(ask(b, "DELETE", port), 404);
	assert_int_equal(ask(b, "PUT", port, "{\"" BWC ":port\":1}"), 201);
	assert_int_equal(ask(b, "PATCH", port, "{\"" BWC ":port\":2}"), 204);
	assert_int_equal(ask(b, "PATCH", port, "{\"" BWC ":port\":\"2\"}"), 400);
	assert_int_equal(ask(b, "DELETE", port), 204);
	assert_int_equal(ask(b, "DELETE", DATA "/" BWC ":nsfs/nsf=fw1/address"), 400); // mandatory
	assert_int_equal(ask(b, "POST", port, "{\"" BWC ":port\":2}"), 405);
}

// Shows: RFC 8040 4.5 the keys in the body are those of the path; they are not changed
static void test_keys(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	static const char name[] = GROUP "=all/name";
	assert_int_equal(ask(b, "PUT", name, "{\"" CFI ":name\":\"all\"}"), 204);
	assert_int_equal(ask(b, "PATCH", name, "{\"" CFI ":name\":\"some\"}"), 400);
	bench_expect(b, "cannot be changed");
	assert_int_equal(ask(b, "DELETE", name), 405);
	assert_int_equal(ask(b, "PUT", GROUP "=nobody/name", "{\"" CFI ":name\":\"nobody\"}"), 404);
	assert_int_equal(ask(b, "PUT", GROUP, GROUPS), 405);
	assert_int_equal(ask(b, "DELETE", GROUP), 405);
	assert_string_equal(b->x.allow, "GET, HEAD, OPTIONS");
}

// Shows: RFC 8040 3.5.3 keys with every character, empty keys, several keys
static void test_strange_keys(void **state)
{
	static const struct {
		const char *path, *key;
	} rows[] = {
		{"=it%27s%20%22it%22", "it's \\\"it\\\""},
		{"=%25%2F%2C%3B%3F%23%5B%5D", "%/,;?#[]"},
		{"=", ""},
		{"=%C3%A4%F0%9F%98%80", "\xc3\xa4\xf0\x9f\x98\x80"},
		{"=a%3Db", "a=b"},
		{"=%3C%26%3E", "<&>"},
	};
	struct bench *b = *state;
	for (size_t i = 0; i < array_len(rows); i++) {
		const char *path = arena_printf(&b->arena, GROUP "%s", rows[i].path);
		const char *body = arena_printf(
			&b->arena,
			"{\"" CFI
			":user-group\":[{\"name\":\"%s\",\"ipv4-prefix\":[\"192.0.2.0/24\"]}]}",
			rows[i].key);
		assert_int_equal(ask(b, "PUT", path, body), 201);
		assert_int_equal(ask(b, "POST", DATA "/" CFI ":endpoint-groups", body), 409);
		const char *leaf = arena_printf(&b->arena, "%s/ipv4-prefix=10.0.0.0%%2F8", path);
		assert_int_equal(ask(b, "PUT", leaf, "{\"" CFI ":ipv4-prefix\":[\"10.0.0.0/8\"]}"),
				 201);
		assert_int_equal(ask(b, "GET", leaf), 200);
		assert_int_equal(ask(b, "DELETE", path), 204);
		assert_int_equal(ask(b, "POST", DATA "/" CFI ":endpoint-groups", body), 201);
		assert_string_equal(b->x.location, path);
		assert_int_equal(ask(b, "GET", path, .xml = true), 200);
	}
	static const char place[] = DATA "/" CFI ":endpoint-groups/location-group=fi,FI-18,";
	assert_int_equal(ask(b, "PUT", place,
			     "{\"" CFI
			     ":location-group\":[{\"country\":\"fi\",\"region\":\"FI-18\","
			     "\"city\":\"\",\"ipv4-prefix\":[\"192.0.2.0/24\"]}]}"),
			 201);
	assert_int_equal(ask(b, "GET", place), 200);
	assert_int_equal(ask(b, "GET", DATA "/" CFI ":endpoint-groups/location-group=fi,FI-18"),
			 400);
}

// Shows: RFC 8040 4.8.1 content over HTTP resources
// Shows: RFC 8040 4.8.2 depth of data and of the datastore
// Shows: RFC 8040 4.8.3 fields of data and of the datastore; what is unknown is 400
// Shows: RFC 8040 4.8.9 with-defaults explicit, trim, report-all, report-all-tagged
static void test_views(void **state)
{
	static const char nsf[] = DATA "/" BWC ":nsfs/nsf=fw1";
	struct bench *b = *state;
	bench_documents(b);
	assert_int_equal(
		ask(b, "GET", nsf, .query = "fields", .value = "address;state(connection)"), 200);
	assert_string_equal(b->x.out.data,
			    "{\"" BWC ":nsf\":[{\"name\":\"fw1\",\"address\":\"192.0.2.1\","
			    "\"state\":{\"connection\":\"never-seen\"}}]}\n");
	assert_int_equal(ask(b, "GET", nsf, .query = "fields", .value = "adress"), 400);
	assert_int_equal(ask(b, "GET", nsf, .query = "fields", .value = "state(connection"), 400);
	assert_int_equal(
		ask(b, "GET", DATA, .query = "fields", .value = BWC ":nsfs/nsf/name", .xml = true),
		200);
	bench_expect(b, "<nsf><name>fw2</name></nsf></nsfs></data>");
	assert_int_equal(ask(b, "GET", nsf, .query = "depth", .value = "2"), 200);
	bench_expect(b, "\"address\":");
	bench_expect_not(b, "never-seen");
	assert_int_equal(ask(b, "GET", DATA, .query = "depth", .value = "1"), 200);
	bench_expect_not(b, "fw1");
	assert_int_equal(ask(b, "GET", nsf, .query = "with-defaults", .value = "report-all-tagged",
			     .query2 = "content", .value2 = "config"),
			 200);
	bench_expect(b, "\"port\":6513,\"@port\":{\"ietf-netconf-with-defaults:default\":true}");
	assert_int_equal(
		ask(b, "PUT", arena_printf(&b->arena, "%s/port", nsf), "{\"" BWC ":port\":6513}"),
		201);
	assert_int_equal(ask(b, "GET", nsf, .query = "with-defaults", .value = "explicit"), 200);
	bench_expect(b, "6513");
	assert_int_equal(ask(b, "GET", nsf, .query = "with-defaults", .value = "trim"), 200);
	bench_expect_not(b, "6513");
	assert_int_equal(ask(b, "GET", arena_printf(&b->arena, "%s/address", nsf),
			     .query = "content", .value = "nonconfig"),
			 404);
}

// Shows: RFC 8527 3.1 {+restconf}/ds/ietf-datastores:running and operational
static void test_datastores(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	assert_int_equal(ask(b, "GET", "/restconf/ds/ietf-datastores:running/" BWC ":nsfs/nsf=fw1"),
			 200);
	bench_expect_not(b, "never-seen");
	bench_expect_not(b, "6513");
	assert_int_equal(
		ask(b, "GET", "/restconf/ds/ietf-datastores:operational/" BWC ":nsfs/nsf=fw1"),
		200);
	bench_expect(b, "never-seen");
	bench_expect(b, "6513");
	assert_int_equal(
		ask(b, "DELETE", "/restconf/ds/ietf-datastores:operational/" BWC ":nsfs/nsf=fw1"),
		405);
	assert_int_equal(
		ask(b, "DELETE", "/restconf/ds/ietf-datastores:running/" BWC ":nsfs/nsf=fw1"), 204);
	assert_int_equal(ask(b, "GET", "/restconf/ds/ietf-datastores:startup"), 404);
}

// Shows: RFC 8040 3.4.1 ETag and Last-Modified of the datastore
// Shows: RFC 8040 3.5.1 Last-Modified of data resources
// Shows: RFC 8040 3.5.2 ETag of data resources; 304 and 412
static void test_conditions(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	static const char groups[] = DATA "/" CFI ":endpoint-groups",
			  sites[] = DATA "/" BWC ":sites";
	assert_int_equal(ask(b, "GET", groups), 200);
	const char *tag = arena_strdup(&b->arena, b->x.tag);
	assert_int_equal(ask(b, "GET", groups, .if_none_match = tag), 304);
	assert_int_equal(b->x.out.len, 0);
	assert_string_equal(b->x.tag, tag);
	assert_int_equal(ask(b, "GET", groups, .if_none_match = "\"0\""), 200);
	assert_int_equal(ask(b, "GET", groups, .if_modified = "Fri, 01 Jan 2100 00:00:00 GMT"),
			 304);
	assert_int_equal(ask(b, "GET", groups, .if_modified = "Thu, 01 Jan 1970 00:00:01 GMT"),
			 200);
	// Another document has another tag, the datastore one of both.
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":sites/site=new",
			     "{\"" BWC ":site\":[{\"name\":\"new\"}]}"),
			 201);
	assert_int_equal(ask(b, "GET", groups, .if_none_match = tag), 304);
	assert_int_equal(ask(b, "GET", sites, .if_none_match = tag), 200);
	assert_int_equal(ask(b, "HEAD", DATA, .if_none_match = tag), 200);
	assert_non_null(b->x.tag);
	assert_true(b->x.modified > 0);
	// State changes without the tag: what shows it is never said to be unchanged.
	const char *both = arena_strdup(&b->arena, b->x.tag);
	assert_int_equal(ask(b, "GET", DATA, .if_none_match = both), 200);
	assert_int_equal(
		ask(b, "GET", DATA, .if_none_match = both, .query = "content", .value = "config"),
		304);
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":revisions"), 200);
	assert_null(b->x.tag);
	// Writing.
	assert_int_equal(ask(b, "PUT", groups, GROUPS, .if_none_match = "*"), 412);
	assert_int_equal(
		ask(b, "PUT", GROUP "=new",
		    "{\"" CFI
		    ":user-group\":[{\"name\":\"new\",\"ipv4-prefix\":[\"192.0.2.0/24\"]}]}",
		    .if_none_match = "*"),
		201);
	assert_int_equal(ask(b, "PUT", GROUP "=none",
			     "{\"" CFI ":user-group\":[{\"name\":\"none\"}]}", .if_match = "*"),
			 412);
	assert_int_equal(
		ask(b, "DELETE", GROUP "=new", .if_unmodified = "Thu, 01 Jan 1970 00:00:01 GMT"),
		412);
	assert_int_equal(
		ask(b, "DELETE", GROUP "=new", .if_unmodified = "Fri, 01 Jan 2100 00:00:00 GMT"),
		204);
}

// --- order ---

static unsigned put_content(struct bench *b, const char *id, const char *insert, const char *point)
{
	const char *path = arena_printf(&b->arena, PAYLOADS "=%s%%3D%%3D", id);
	const char *body =
		arena_printf(&b->arena, "{\"" CFI ":contents\":[{\"content\":\"%s==\"}]}", id);
	return ask(b, "PUT", path, body, .query = insert ? "insert" : NULL, .value = insert,
		   .query2 = point ? "point" : NULL,
		   .value2 = point ? arena_printf(&b->arena,
						  "/" CFI ":threat-prevention/payload-content=p/"
						  "contents=%s%%253D%%253D",
						  point)
				   : NULL);
}

// The first letters of the contents, in their order.
static void expect_order(struct bench *b, const char *letters)
{
	char got[16] = "";
	assert_int_equal(ask(b, "GET", PAYLOADS), 200);
	json_t *json = bench_answer(b), *list = json_object_get(json, CFI ":contents"), *entry;
	size_t i;
	json_array_foreach(list, i, entry) got[i] =
		*json_string_value(json_object_get(entry, "content"));
	assert_string_equal(got, letters);
	json_decref(json);
}

static void put_payload(struct bench *b)
{
	assert_int_equal(ask(b, "PUT", DATA "/" CFI ":threat-prevention/payload-content=p",
			     "{\"" CFI ":payload-content\":[{\"name\":\"p\",\"contents\":["
			     "{\"content\":\"AQ==\"},{\"content\":\"BQ==\"}]}]}"),
			 201);
}

// Shows: RFC 8040 4.8.5 insert first, last, before and after; 400 where the order is not the user's
// Shows: RFC 8040 4.8.6 point names an entry beside the target; 400 if it does not
// Shows: RFC 8040 4.5 PUT of an entry that is there keeps its place
static void test_insert(void **state)
{
	struct bench *b = *state;
	put_payload(b);
	assert_int_equal(put_content(b, "CQ", NULL, NULL), 201);
	expect_order(b, "ABC");
	assert_int_equal(put_content(b, "DQ", "first", NULL), 201);
	expect_order(b, "DABC");
	assert_int_equal(put_content(b, "EQ", "before", "BQ"), 201);
	expect_order(b, "DAEBC");
	assert_int_equal(put_content(b, "DQ", "after", "CQ"), 204);
	expect_order(b, "AEBCD");
	assert_int_equal(put_content(b, "EQ", NULL, NULL), 204); // it stays where it is
	expect_order(b, "AEBCD");
	assert_int_equal(put_content(b, "EQ", "last", NULL), 204);
	expect_order(b, "ABCDE");
	assert_int_equal(put_content(b, "FQ", "after", "XQ"), 400);
	assert_int_equal(ask(b, "PUT", PAYLOADS "=FQ%3D%3D",
			     "{\"" CFI ":contents\":[{\"content\":\"FQ==\"}]}", .query = "insert",
			     .value = "after", .query2 = "point",
			     .value2 = "/" CFI ":threat-prevention"),
			 400);
	assert_int_equal(ask(b, "POST", DATA "/" CFI ":threat-prevention/payload-content=p",
			     "{\"" CFI ":contents\":[{\"content\":\"FQ==\"}]}", .query = "insert",
			     .value = "first"),
			 201);
	expect_order(b, "FABCDE");
	assert_int_equal(ask(b, "PUT", GROUP "=x", "{\"" CFI ":user-group\":[{\"name\":\"x\"}]}",
			     .query = "insert", .value = "first"),
			 400);
	bench_expect(b, "not the user's");
}

// --- YANG Patch ---

static unsigned patch(struct bench *b, const char *path, const char *edits)
{
	const char *body = arena_printf(
		&b->arena, "{\"ietf-yang-patch:yang-patch\":{\"patch-id\":\"p1\",\"edit\":[%s]}}",
		edits);
	unsigned status = ask(b, "PATCH", path, body, .type = RESTCONF_PATCH_JSON);
	bench_expect(b, "\"ietf-yang-patch:yang-patch-status\":{\"patch-id\":\"p1\"");
	json_decref(bench_answer(b));
	return status;
}

#define EDIT(id, operation, target, more) \
	"{\"edit-id\":\"" id "\",\"operation\":\"" operation "\",\"target\":\"" target "\"" more "}"
#define USER_GROUP(name) ",\"value\":{\"" CFI ":user-group\":[{\"name\":\"" name "\"}]}"

static const char *join(struct bench *b, const char *const *edits, size_t len)
{
	const char *text = edits[0];
	for (size_t i = 1; i < len; i++)
		text = arena_printf(&b->arena, "%s,%s", text, edits[i]);
	return text;
}

// Shows: RFC 8072 2.5 create, delete, insert, merge, move, replace, remove; each edit sees those before it
static void test_yang_patch(void **state)
{
	struct bench *b = *state;
	put_payload(b);
	static const char payload[] = DATA "/" CFI ":threat-prevention/payload-content=p";
#define CONTENT(id, more) ",\"value\":{\"" CFI ":contents\":[{\"content\":\"" id "==\"" more "}]}"
#define POINT(id) \
	",\"point\":\"/" CFI ":threat-prevention/payload-content=p/contents=" id "%3D%3D\""
	static const char *const edits[] = {
		EDIT("1", "create", "/contents=CQ%3D%3D", CONTENT("CQ", "")),
		EDIT("2", "insert", "/contents=DQ%3D%3D",
		     CONTENT("DQ", "") ",\"where\":\"before\"" POINT("CQ")),
		EDIT("3", "move", "/contents=AQ%3D%3D", ",\"where\":\"last\""),
		EDIT("4", "delete", "/contents=BQ%3D%3D", ""),
		EDIT("5", "remove", "/contents=BQ%3D%3D", ""),
		EDIT("6", "merge", "/contents=DQ%3D%3D", CONTENT("DQ", ",\"depth\":7")),
		EDIT("7", "replace", "/contents=CQ%3D%3D", CONTENT("CQ", ",\"depth\":8")),
		EDIT("8", "merge", "/description", ",\"value\":{\"" CFI ":description\":\"d\"}"),
	};
	assert_int_equal(patch(b, payload, join(b, edits, array_len(edits))), 200);
	bench_expect(b, "\"ok\":[null]");
	expect_order(b, "DCA");
	assert_int_equal(ask(b, "GET", payload), 200);
	bench_expect(b, "{\"content\":\"DQ==\",\"depth\":7}");
	bench_expect(b, "{\"content\":\"CQ==\",\"depth\":8}");
	bench_expect(b, "\"description\":\"d\"");
	assert_int_equal(patch(b, payload, EDIT("1", "delete", "/", "")), 200);
	assert_int_equal(ask(b, "GET", payload), 404);
	assert_int_equal(patch(b, DATA, ""), 200); // nothing to do
}

// Shows: RFC 8072 2.1 a patch is made as a whole or not at all
// Shows: RFC 8072 2.3 edit-status names the edit that failed
// Shows: RFC 8072 2.6 errors: data-exists, data-missing, invalid-value
static void test_yang_patch_is_atomic(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	static const char groups[] = DATA "/" CFI ":endpoint-groups";
	static const char good[] = EDIT("good", "create", "/user-group=new", USER_GROUP("new")) ",";
	static const struct {
		const char *edit, *tag;
		unsigned status;
	} rows[] = {
		{EDIT("bad", "create", "/user-group=all", USER_GROUP("all")), "data-exists", 409},
		{EDIT("bad", "delete", "/user-group=none", ""), "data-missing", 404},
		{EDIT("bad", "move", "/user-group=none", ""), "data-missing", 404},
		{EDIT("bad", "move", "/user-group=all", ""), "invalid-value", 400},
		{EDIT("bad", "replace", "/user-group=none/ipv4-prefix=10.0.0.0%2F8",
		      ",\"value\":{\"" CFI ":ipv4-prefix\":[\"10.0.0.0/8\"]}"),
		 "data-missing", 404},
		{EDIT("bad", "merge", "/user-group=a", USER_GROUP("b")), "invalid-value", 400},
		{EDIT("bad", "merge", "/user-group=a", ",\"value\":{}"), "malformed-message", 400},
		{EDIT("bad", "delete", "/user-group", ""), "invalid-value", 400},
		{EDIT("bad", "delete", "/user-group=all/name", ""), "invalid-value", 400},
		{EDIT("bad", "delete", "user-group=all", ""), "invalid-value", 400},
		{EDIT("bad", "delete", "/nothing", ""), "unknown-element", 400},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		unsigned status =
			patch(b, groups, arena_printf(&b->arena, "%s%s", good, rows[i].edit));
		if (status != rows[i].status)
			print_message("row %zu: %s\n", i, b->x.out.data);
		assert_int_equal(status, rows[i].status);
		bench_expect(b, "\"edit-status\":{\"edit\":[{\"edit-id\":\"bad\"");
		bench_expect(b, rows[i].tag);
		assert_int_equal(ask(b, "GET", GROUP "=new"), 404);
	}
	// What only the whole shows is nobody's edit: policies refer to the group.
	assert_int_equal(patch(b, groups, EDIT("1", "delete", "/user-group=all", "")), 409);
	bench_expect_not(b, "edit-status");
	bench_expect(b, "\"errors\":{\"error\":[");
	// An envelope that cannot be read, with and without its name.
	assert_int_equal(patch(b, groups, EDIT("1", "change", "/", "")), 400);
	assert_int_equal(ask(b, "PATCH", groups, "{}", .type = RESTCONF_PATCH_JSON), 400);
	bench_expect(b, "ietf-restconf:errors");
	// Two documents.
	assert_int_equal(patch(b, DATA,
			       EDIT("1", "remove", "/" CFI ":threat-prevention",
				    "") "," EDIT("2", "remove", "/" BWC ":sites/site=x", "")),
			 400);
	assert_int_equal(patch(b, DATA, EDIT("1", "remove", "/" BWC ":jobs", "")), 405);
	assert_int_equal(patch(b, DATA, EDIT("1", "remove", "/", "")), 400);
}

static void test_yang_patch_in_xml(void **state)
{
	struct bench *b = *state;
	assert_int_equal(ask(b, "PATCH", DATA,
			     "<yang-patch xmlns=\"urn:ietf:params:xml:ns:yang:ietf-yang-patch\" "
			     "xmlns:c=\"" CFI_NS "\"><patch-id>x</patch-id><edit><edit-id>1</"
			     "edit-id><operation>create</operation>"
			     "<target>/" CFI
			     ":endpoint-groups/user-group=a</target><value><c:user-group>"
			     "<c:name>a</c:name><c:ipv4-prefix>192.0.2.0/24</c:ipv4-prefix></"
			     "c:user-group></value></edit></yang-patch>",
			     .type = RESTCONF_PATCH_XML, .xml = true),
			 200);
	assert_string_equal(
		b->x.out.data,
		"<yang-patch-status xmlns=\"urn:ietf:params:xml:ns:yang:ietf-yang-patch\">"
		"<patch-id>x</patch-id><ok/></yang-patch-status>\n");
	assert_int_equal(ask(b, "GET", GROUP "=a"), 200);
}

// --- what the server says of itself ---

// Shows: RFC 8040 9.1 capabilities
// Shows: RFC 8040 9.3 streams
// Shows: RFC 8040 3.3.2 operations as empty leafs
// Shows: RFC 8040 3.1 host-meta in JSON
// Shows: RFC 8525 3 yang-library over RESTCONF
static void test_monitoring(void **state)
{
	static const char *const capabilities[] = {"depth",
						   "fields",
						   "replay",
						   "filter",
						   "with-defaults",
						   "yang-patch",
						   "defaults:1.0?basic-mode=explicit"};
	struct bench *b = *state;
	assert_int_equal(ask(b, "GET", MONITORING), 200);
	for (size_t i = 0; i < array_len(capabilities); i++)
		bench_expect(b, arena_printf(&b->arena, "capability:%s", capabilities[i]));
	bench_expect(b, "{\"name\":\"NETCONF\",");
	bench_expect(b, "\"replay-support\":true,\"replay-log-creation-time\":\"20");
	bench_expect(
		b,
		"{\"encoding\":\"json\",\"location\":\"https://controller/streams/NETCONF-JSON\"}");
	static const char library[] = DATA "/ietf-yang-library:yang-library";
	assert_int_equal(ask(b, "GET", library), 200);
	bench_expect(b, "\"name\":\"ietf-datastores:operational\"");
	bench_expect(b, "ietf-yang-patch");
	assert_int_equal(ask(b, "GET", DATA "/ietf-yang-library:modules-state/module-set-id"), 200);
	assert_int_equal(ask(b, "GET", "/restconf/operations", .xml = true), 200);
	bench_expect(b, "<plan xmlns=\"" NORTH_NAMESPACE "\"/>");
	assert_int_equal(ask(b, "GET", "/.well-known/host-meta.json", .accept = "*/*"), 200);
	assert_string_equal(b->x.type, RESTCONF_JRD);
	assert_int_equal(ask(b, "GET", "/restconf", .query = "fields", .value = "operations"), 200);
	assert_string_equal(b->x.out.data, "{\"ietf-restconf:restconf\":{\"operations\":{}}}\n");
}

// Shows: RFC 8040 3.7 schema resources, whose locations yang-library tells
static void test_schemas(void **state)
{
	struct bench *b = *state;
	assert_int_equal(ask(b, "GET",
			     DATA "/ietf-yang-library:yang-library/module-set=all/module=" BWC
				  "/location"),
			 200);
	json_t *json = bench_answer(b);
	const char *location = json_string_value(
		json_array_get(json_object_get(json, "ietf-yang-library:location"), 0));
	static const char host[] = "https://controller";
	assert_int_equal(strncmp(location, host, sizeof(host) - 1), 0);
	const char *path = arena_strdup(&b->arena, location + sizeof(host) - 1);
	json_decref(json);
	assert_int_equal(ask(b, "GET", path, .accept = "application/yang"), 200);
	assert_string_equal(b->x.type, "application/yang");
	bench_expect(b, "module bulwark-controller {");
	assert_int_equal(ask(b, "GET", "/yang/ietf-inet-types.yang", .accept = "*/*"), 200);
	assert_int_equal(ask(b, "GET", "/yang/" BWC "@2000-01-01.yang", .accept = "*/*"), 404);
	assert_int_equal(ask(b, "GET", "/yang/" BWC, .accept = "*/*"), 404);
	assert_int_equal(ask(b, "GET", "/yang/" BWC ".yang"), 406);
	assert_int_equal(ask(b, "GET", "/yang/" BWC ".yang", .accept = "*/*", .anonymous = true),
			 401);
}

static void expect_kept(struct bench *b, const struct document *d, const struct schema_tree *tree)
{
	assert_ptr_equal(d->tree, tree);
	assert_int_equal(d->id, engine_document_id(b->engine, STORE_POLICY, ENGINE_TENANT_DEFAULT));
}

// A write becomes the document that its workspace keeps; one that is refused, by the model or by the translation, leaves no
// trace in it.
static void test_writes_in_place(void **state)
{
	struct bench *b = *state;
	const struct document *d = &b->workspaces.at[0].document[STORE_POLICY];
	bench_documents(b);
	assert_int_equal(ask(b, "GET", POLICY "=office"), 200);
	const struct schema_tree *tree = d->tree;
	assert_int_equal(ask(b, "PATCH", POLICY "=office", bench_policy(b, "office", 8080)), 204);
	expect_kept(b, d, tree);
	assert_int_equal(ask(b, "GET", POLICY "=office"), 200);
	bench_expect(b, "8080");
	uint32_t before = d->id;
	assert_int_equal(ask(b, "DELETE", DATA "/" CFI ":endpoint-groups"), 409);
	assert_int_equal(ask(b, "PATCH", GROUP "=all",
			     "{\"" CFI ":user-group\":[{\"name\":\"all\",\"range-ipv4-address\":[{"
			     "\"start\":\"10.0.0.9\",\"end\":\"10.0.0.1\"}]}]}"),
			 400);
	bench_expect(b, "10.0.0.9");
	assert_int_equal(d->id, before);
	expect_kept(b, d, tree);
	assert_int_equal(ask(b, "GET", GROUP "=all"), 200);
	bench_expect_not(b, "10.0.0.9");
	assert_int_equal(ask(b, "DELETE", POLICY "=office"), 204);
	expect_kept(b, d, tree);
	assert_int_equal(ask(b, "GET", POLICY "=office"), 404);
}

// What another workspace has made of the document is what the next write goes on from.
static void test_workspaces_agree(void **state)
{
	struct bench *b = *state;
	workspaces_fini(&b->workspaces);
	assert_true(workspaces_init(&b->workspaces, 2, &b->diags));
	bench_documents(b);
	struct workspace *first = workspace_take(&b->workspaces);
	assert_int_equal(ask(b, "PUT", POLICY "=guests", bench_policy(b, "guests", 80)), 201);
	workspace_give(&b->workspaces, first);
	assert_int_equal(ask(b, "PATCH", POLICY "=guests", bench_policy(b, "guests", 81)), 204);
	assert_int_equal(ask(b, "GET", DATA, .query = "content", .value = "config"), 200);
	bench_expect(b, "office");
	bench_expect(b, "81");
}

#define RIVALS 3
#define RIVAL_GROUPS 20

struct rival {
	struct bench *b;
	pthread_t thread;
	char letter;
	unsigned made, refused;
};

static unsigned add_group(struct rival *r, unsigned i)
{
	struct exchange x;
	exchange_init(&x, r->b->engine, &r->b->workspaces);
	exchange_identify(&x, &bench_alice, NULL);
	x.raw = (struct restconf_raw){.method = "POST",
				      .path = DATA "/" CFI ":endpoint-groups",
				      .accept = RESTCONF_JSON,
				      .content_type = RESTCONF_JSON,
				      .has_body = true,
				      .host = "controller"};
	buf_printf(&x.body,
		   "{\"" CFI
		   ":user-group\":[{\"name\":\"%c%u\",\"ipv4-prefix\":[\"10.0.0.0/8\"]}]}",
		   r->letter, i);
	exchange_serve(&x);
	unsigned status = x.status;
	exchange_fini(&x);
	return status;
}

static void *add_groups(void *context)
{
	struct rival *r = context;
	for (unsigned i = 0; i < RIVAL_GROUPS; i++) {
		unsigned status = add_group(r, i);
		r->made += status == 201;
		r->refused += status == 412; // others were faster four times
	}
	return NULL;
}

// Several change one document at once: what was answered with 201 is there, and nothing else.
static void test_no_update_is_lost(void **state)
{
	struct bench *b = *state;
	struct rival rival[RIVALS];
	size_t made = 0;
	workspaces_fini(&b->workspaces);
	assert_true(workspaces_init(&b->workspaces, RIVALS, &b->diags));
	bench_documents(b);
	for (unsigned i = 0; i < RIVALS; i++) {
		rival[i] = (struct rival){.b = b, .letter = (char)('a' + i)};
		assert_int_equal(pthread_create(&rival[i].thread, NULL, add_groups, &rival[i]), 0);
	}
	for (unsigned i = 0; i < RIVALS; i++) {
		pthread_join(rival[i].thread, NULL);
		assert_int_equal(rival[i].made + rival[i].refused, RIVAL_GROUPS);
		made += rival[i].made;
	}
	assert_int_equal(ask(b, "GET", GROUP), 200);
	json_t *answer = bench_answer(b);
	const json_t *groups = json_object_get(answer, CFI ":user-group");
	assert_int_equal(json_array_size(groups), made + 1); // "all" was there
	json_decref(answer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_options),
		TEST(test_leafs),
		TEST(test_keys),
		TEST(test_strange_keys),
		TEST(test_views),
		TEST(test_datastores),
		TEST(test_conditions),
		TEST(test_insert),
		TEST(test_yang_patch),
		TEST(test_yang_patch_is_atomic),
		TEST(test_yang_patch_in_xml),
		TEST(test_monitoring),
		TEST(test_schemas),
		TEST(test_writes_in_place),
		TEST(test_workspaces_agree),
		TEST(test_no_update_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
