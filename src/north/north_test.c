// SPDX-License-Identifier: Apache-2.0
// RESTCONF over an engine with NSFs in memory, without HTTP: statuses, documents, edits, operations,
// and who may do what.
#include "north/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// --- resources with fixed content, and who may see them ---

static void test_discovery(void **state)
{
	struct bench *b = *state;
	assert_int_equal(
		ask(b, "GET", "/.well-known/host-meta", .anonymous = true, .accept = "*/*"), 200);
	bench_expect(b, "rel='restconf' href='/restconf'");
	assert_string_equal(b->x.type, RESTCONF_XRD);
	assert_int_equal(ask(b, "GET", "/restconf", .anonymous = true), 401);
	assert_int_equal(ask(b, "GET", "/restconf"), 200);
	bench_expect(b, "yang-library-version");
	assert_int_equal(ask(b, "GET", "/restconf/yang-library-version", .xml = true), 200);
	assert_int_equal(ask(b, "GET", "/restconf/operations"), 200);
	bench_expect(b, "\"bulwark-controller:plan\":[null]");
	assert_int_equal(ask(b, "OPTIONS", DATA), 204);
	assert_string_equal(b->x.allow, "GET, HEAD, POST, PUT, PATCH, OPTIONS");
	assert_int_equal(ask(b, "POST", "/restconf/operations"), 405);
	assert_string_equal(b->x.allow, "GET, HEAD, OPTIONS");
	assert_int_equal(ask(b, "GET", DATA "/ietf-yang-library:yang-library/content-id"), 200);
	assert_int_equal(ask(b, "GET", DATA "/ietf-restconf-monitoring:restconf-state"), 200);
	bench_expect(b, "capability:depth:1.0");
}

static void test_roles(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	static const char plan[] = "/restconf/operations/" BWC ":plan";
	assert_int_equal(ask(b, "POST", plan, .anonymous = true), 401);
	assert_int_equal(ask(b, "POST", plan, .who = &bench_agent), 403);
	assert_int_equal(ask(b, "GET", DATA, .who = &bench_agent), 403);
	assert_int_equal(ask(b, "GET", DATA, .who = &bench_bob), 200);
	bench_expect_not(b, "office"); // another tenant's
	bench_expect_not(b, "192.0.2.1");
	bench_expect_not(b, "fw1");
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":sites/site=x",
			     "{\"" BWC ":site\":[{\"name\":\"x\"}]}", .who = &bench_bob),
			 403);
	assert_int_equal(ask(b, "PUT", DATA "/" CFI ":endpoint-groups", GROUPS, .who = &bench_bob),
			 201);
	assert_int_equal(ask(b, "GET", DATA "/" CFI ":endpoint-groups", .tenant = "acme"), 200);
	assert_int_equal(ask(b, "DELETE", DATA "/" CFI ":endpoint-groups", .tenant = "acme"), 204);
	assert_int_equal(ask(b, "GET", DATA "/" CFI ":endpoint-groups", .who = &bench_bob), 404);
	assert_int_equal(ask(b, "GET", DATA "/" CFI ":endpoint-groups"), 200); // untouched
	assert_int_equal(ask(b, "POST", "/restconf/operations/" BWC ":revoke",
			     "{\"" BWC ":input\":{\"name\":\"alice\"}}", .who = &bench_bob),
			 403);
}

// --- reading ---

static void test_get(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	assert_int_equal(ask(b, "GET", POLICY "=office"), 200);
	json_t *json = bench_answer(b);
	json_t *list = json_object_get(json, CFI ":i2nsf-cfi-policy");
	assert_int_equal(json_array_size(list), 1);
	json_decref(json);
	assert_int_equal(ask(b, "GET", POLICY "=office", .xml = true), 200);
	assert_int_equal(strncmp(b->x.out.data, "<i2nsf-cfi-policy xmlns=\"" CFI_NS "\">", 30), 0);
	assert_int_equal(ask(b, "GET", POLICY), 200); // the whole list
	assert_int_equal(ask(b, "GET", POLICY, .xml = true), 400);
	assert_int_equal(ask(b, "GET", POLICY "=office/rules=web/action/primary-action/action"),
			 200);
	bench_expect(b, "\"" CFI ":action\":\"");
	assert_int_equal(ask(b, "GET", POLICY "=nobody"), 404);
	assert_int_equal(ask(b, "GET", DATA "/" CFI ":nothing"), 404);
	assert_int_equal(ask(b, "GET", DATA "/nothing:at-all"), 404);
	assert_int_equal(ask(b, "GET", DATA "/" CFI ":threat-prevention"), 404);
	assert_int_equal(ask(b, "GET", POLICY "=office", .query = "depth", .value = "1"), 200);
	assert_string_equal(b->x.out.data, "{\"" CFI ":i2nsf-cfi-policy\":[{}]}\n");
	assert_int_equal(
		ask(b, "GET", POLICY "=office", .query = "with-defaults", .value = "report-all"),
		200);
	bench_expect(b, "priority-usage");
	assert_int_equal(ask(b, "GET", POLICY "=office"), 200);
	bench_expect_not(b, "priority-usage");
	assert_int_equal(ask(b, "HEAD", POLICY "=office"), 200);
	assert_non_null(b->x.tag);
	assert_true(b->x.modified > 0);
}

static void test_state(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	static const char nsf[] = DATA "/" BWC ":nsfs/nsf=fw1";
	assert_int_equal(ask(b, "GET", nsf), 200);
	bench_expect(b, "never-seen");
	bench_expect(b, "192.0.2.1");
	assert_int_equal(ask(b, "GET", nsf, .query = "content", .value = "config"), 200);
	bench_expect_not(b, "never-seen");
	assert_int_equal(ask(b, "GET", nsf, .query = "content", .value = "nonconfig"), 200);
	bench_expect(b, "never-seen");
	bench_expect_not(b, "192.0.2.1");
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":nsfs/nsf=nobody"), 404);
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":revisions"), 200);
	bench_expect(b, "\"author\":\"alice\"");
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":revisions/revision=1/digest"), 200);
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":events", .xml = true), 200);
	bench_expect(b, "<action>document</action>");
	assert_int_equal(ask(b, "GET", DATA, .xml = true), 200);
	bench_expect(b, "<data xmlns=\"urn:ietf:params:xml:ns:yang:ietf-restconf\">");
	assert_int_equal(ask(b, "GET", DATA), 200);
	json_decref(bench_answer(b));
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":events", "{\"" BWC ":events\":{}}"), 405);
	assert_int_equal(ask(b, "DELETE", DATA "/" BWC ":jobs"), 405);
}

// --- writing ---

static void test_edits(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	assert_int_equal(ask(b, "PUT", POLICY "=office", bench_policy(b, "office", 80)),
			 204); // replaces
	assert_int_equal(ask(b, "GET", POLICY "=office"), 200);
	bench_expect(b, ":80");
	bench_expect_not(b, ":443");
	assert_int_equal(ask(b, "PUT", POLICY "=other", bench_policy(b, "office", 80)), 400);
	assert_int_equal(ask(b, "POST", DATA, bench_policy(b, "guests", 22)), 201);
	assert_string_equal(b->x.location, POLICY "=guests");
	assert_int_equal(ask(b, "POST", DATA, bench_policy(b, "guests", 22)), 409);
	bench_expect(b, "resource-denied");
	static const char rule[] =
		"{\"" CFI
		":rules\":[{\"name\":\"a/b,c\",\"condition\":{\"firewall\":{\"source\":[\"all\"]}},"
		"\"action\":{\"primary-action\":{\"action\":\"drop\"}}}]}";
	assert_int_equal(ask(b, "POST", POLICY "=guests", rule), 201);
	assert_string_equal(b->x.location, POLICY "=guests/rules=a%2Fb%2Cc");
	assert_int_equal(ask(b, "GET", POLICY "=guests/rules=a%2Fb%2Cc/action"), 200);
	assert_int_equal(ask(b, "PATCH", POLICY "=guests/rules=a%2Fb%2Cc/action/primary-action",
			     "{\"" CFI ":primary-action\":{\"action\":\"reject\"}}"),
			 204);
	assert_int_equal(ask(b, "GET", POLICY "=guests/rules=a%2Fb%2Cc/action", .xml = true), 200);
	bench_expect(b, "reject");
	assert_int_equal(ask(b, "PATCH", POLICY "=nobody", bench_policy(b, "nobody", 1)), 404);
	assert_int_equal(ask(b, "DELETE", POLICY "=guests/rules=a%2Fb%2Cc"), 204);
	assert_int_equal(ask(b, "DELETE", POLICY "=guests/rules=a%2Fb%2Cc"), 404);
	assert_int_equal(ask(b, "DELETE", POLICY "=guests"), 204);
	assert_int_equal(ask(b, "DELETE", DATA), 405);
	assert_int_equal(ask(b, "PUT", POLICY "=nobody/rules=x", rule), 404);
}

static void test_numeric_keys(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	static const char ports[] =
		POLICY "=office/rules=web/condition/firewall/range-port-number=80,90";
	assert_int_equal(
		ask(b, "PUT", ports, "{\"" CFI ":range-port-number\":[{\"start\":80,\"end\":90}]}"),
		201);
	assert_int_equal(ask(b, "GET", ports), 200);
	assert_int_equal(ask(b, "DELETE", ports), 204);
	static const char user[] = POLICY "=office/rules=web/condition/context/users/user=7";
	assert_int_equal(ask(b, "PUT", user, "{\"" CFI ":user\":[{\"id\":7}]}"), 201);
	assert_int_equal(ask(b, "PUT",
			     POLICY "=office/rules=web/condition/context/users/user=7/name",
			     "{\"" CFI ":name\":\"carol\"}"),
			 201);
	assert_int_equal(ask(b, "GET", user), 200);
	bench_expect(b, "carol");
}

static void test_order_is_kept(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	assert_int_equal(ask(b, "POST", DATA, bench_policy(b, "second", 22)), 201);
	assert_int_equal(ask(b, "PUT", POLICY "=office", bench_policy(b, "office", 81)), 204);
	assert_int_equal(ask(b, "GET", POLICY), 200);
	json_t *json = bench_answer(b);
	const json_t *first = json_array_get(json_object_get(json, CFI ":i2nsf-cfi-policy"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "name")), "office");
	json_decref(json);
}

// Shows: RFC 8040 7 statuses of edits that are refused; nothing is changed
static void test_bad_edits(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	static const struct {
		const char *method, *path, *body;
		unsigned status;
	} rows[] = {
		{"PUT", POLICY "=office", "{", 400},
		{"PUT", POLICY "=office", "[]", 400},
		{"PUT", POLICY "=office", "{}", 400},
		{"PUT", POLICY "=office",
		 "{\"" CFI ":i2nsf-cfi-policy\":[{\"name\":\"office\",\"x\":1}]}", 400},
		{"PUT", POLICY "=office", "{\"" CFI ":endpoint-groups\":{}}", 400},
		{"PUT", POLICY "=office", "}{", 400},
		{"PUT", POLICY "=office", "{}}]}]}", 400},
		{"PATCH", DATA,
		 "{\"" CFI ":endpoint-groups\":{\"user-group\":[{\"name\":\"all\",\"ipv4-prefix\":["
		 "\"300.0.0.0/8\"]}]}}",
		 400},
		{"DELETE", DATA "/" CFI ":endpoint-groups", NULL, 409}, // policies refer to it
		{"DELETE", DATA "/" BWC ":sites/site=hq", NULL, 409},   // an NSF stands there
		{"POST", DATA, "{}", 400},
		{"POST", DATA, "{\"" BWC ":jobs\":{}}", 400},
		{"PUT", DATA "/" BWC ":nsfs/nsf=fw3", "{\"" BWC ":nsf\":[{\"name\":\"fw3\"}]}",
		 400},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		unsigned status = ask(b, rows[i].method, rows[i].path, rows[i].body);
		if (status != rows[i].status)
			print_message("row %zu: %s\n", i, b->x.out.data);
		assert_int_equal(status, rows[i].status);
		bench_expect(b, "\"hint\":\"");
		assert_int_equal(ask(b, "GET", POLICY "=office"), 200); // and nothing has changed
	}
}

// Shows: RFC 8040 3.4 PUT and PATCH of the datastore
static void test_datastore(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	char *body = arena_printf(&b->arena, "{\"ietf-restconf:data\":{%.*s,%.*s}}",
				  (int)strlen(GROUPS) - 2, GROUPS + 1,
				  (int)strlen(bench_policy(b, "only", 1)) - 2,
				  bench_policy(b, "only", 1) + 1);
	assert_int_equal(ask(b, "PUT", DATA "/", body), 204);
	assert_int_equal(ask(b, "GET", POLICY "=only"), 200);
	assert_int_equal(ask(b, "GET", POLICY "=office"), 404);
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":nsfs/nsf=fw1"), 200); // not the body's matter
	assert_int_equal(
		ask(b, "PUT", DATA,
		    "<data xmlns=\"urn:ietf:params:xml:ns:yang:ietf-restconf\">"
		    "<endpoint-groups xmlns=\"" CFI_NS "\"><user-group><name>a</name>"
		    "<ipv4-prefix>10.0.0.0/8</ipv4-prefix></user-group></endpoint-groups></data>",
		    .xml = true),
		204);
	assert_int_equal(ask(b, "GET", POLICY "=only"), 404);
	assert_int_equal(ask(b, "PATCH", DATA,
			     "{\"" CFI ":endpoint-groups\":{},\"" BWC
			     ":sites\":{\"site\":[{\"name\":\"y\"}]}}"),
			 400);
}

static void test_preconditions(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	assert_int_equal(ask(b, "GET", DATA "/" CFI ":endpoint-groups"), 200);
	const char *tag = arena_strdup(&b->arena, b->x.tag);
	assert_int_equal(
		ask(b, "PUT", POLICY "=office", bench_policy(b, "office", 1), .if_match = tag),
		204);
	assert_string_not_equal(b->x.tag, tag);
	assert_int_equal(
		ask(b, "PUT", POLICY "=office", bench_policy(b, "office", 2), .if_match = tag),
		412);
	assert_int_equal(ask(b, "DELETE", POLICY "=office", .if_match = tag), 412);
	assert_int_equal(
		ask(b, "PUT", POLICY "=office", bench_policy(b, "office", 2), .if_match = "*"),
		204);
}

// --- operations ---

static bool both_known(struct bench *b)
{
	struct engine_nsf_states states = {0};
	struct engine_state_query query = {0};
	diags_init(&b->diags, &b->arena);
	assert_true(engine_nsf_states(b->engine, &query, &b->arena, &b->diags, &states));
	for (size_t i = 0; i < states.list.len; i++)
		if (!states.list.at[i].capabilities)
			return false;
	return true;
}

static bool job_ended(struct bench *b)
{
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":jobs/job=1/state"), 200);
	return strstr(b->x.out.data, "done") || strstr(b->x.out.data, "failed");
}

static void wait_until(struct bench *b, bool (*ready)(struct bench *b))
{
	time_t end = time(NULL) + 60;
	while (!ready(b)) {
		assert_true(time(NULL) < end);
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
}

static void connect_all(struct bench *b)
{
	for (size_t i = 0; i < BENCH_NSFS; i++)
		fake_connect(&b->fake, i);
	wait_until(b, both_known);
}

#define OPERATION(name) "/restconf/operations/" BWC ":" name

// Shows: RFC 8040 3.6 operations are invoked by POST with input and output
static void test_deployment(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	connect_all(b);
	assert_int_equal(ask(b, "POST", OPERATION("plan")), 200);
	json_t *json = bench_answer(b);
	const json_t *output = json_object_get(json, BWC ":output");
	const char *hash = json_string_value(json_object_get(output, "plan-hash"));
	assert_int_equal(json_array_size(json_object_get(output, "nsf")), 2);
	char *body = arena_printf(&b->arena, "{\"" BWC ":input\":{\"plan-hash\":\"%s\"}}", hash);
	json_decref(json);
	assert_int_equal(ask(b, "POST", OPERATION("apply"), body), 200);
	bench_expect(b, "\"job\":1");
	wait_until(b, job_ended);
	bench_expect(b, "done");
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":jobs/job=1", .xml = true), 200);
	bench_expect(b, "<nsf><name>fw1</name><step>confirmed</step></nsf>");
	assert_int_equal(ask(b, "POST", OPERATION("status")), 200);
	bench_expect(b, "\"proven\":true");
	bench_expect(b, "\"deployed-revision\":2");
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":nsfs/nsf=fw1/state/rule=1"), 200);
	bench_expect(b, "\"read-back-equal\":true");
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":nsfs/nsf=fw1/state/capabilities"), 200);
	bench_expect(b, "ietf-i2nsf-capability:");
	assert_int_equal(ask(b, "POST", OPERATION("verify"), .xml = true), 200);
	bench_expect(b, "<result>proven</result>");
	assert_int_equal(ask(b, "POST", OPERATION("apply"), body), 412); // stale by now
	assert_int_equal(ask(b, "POST", OPERATION("query"),
			     "{\"" BWC ":input\":{\"packet\":\"src=10.1.0.1,dst=10.2.0.1,proto=tcp,"
			     "dport=443\",\"deployed\":true}}"),
			 200);
	bench_expect(b, "\"verdict\":\"pass\"");
}

// What the store holds of the NSF from now on cannot be read.
static void damage(struct bench *b, const char *nsf)
{
	struct store_job job = {.tenant = ENGINE_TENANT_DEFAULT, .author = "alice", .persist = "p"};
	struct store_key none = {0};
	struct store_deployed deployed = {
		.nsf = nsf, .tenant = ENGINE_TENANT_DEFAULT, .ruleset = "junk", .ruleset_len = 4};
	assert_int_equal(store_do(b->store, job_add, &job, &none, &job.id), 0);
	job.state = STORE_RUNNING;
	assert_int_equal(store_do(b->store, job_update, &job), 0);
	struct store_decision decision = {
		.job = job.id, .tenant = job.tenant, .deployed = &deployed, .len = 1};
	deployed.job = job.id;
	assert_int_equal(store_do(b->store, decide, &decision), 0);
}

// No answer is made up about what cannot be read.
static void test_damaged(void **state)
{
	struct bench *b = *state;
	static const char packet[] = "{\"" BWC ":input\":{\"packet\":\"src=10.1.0.1,dst=10.2.0.1,"
				     "proto=tcp,dport=443\",\"deployed\":true}}";
	bench_documents(b);
	assert_int_equal(ask(b, "POST", OPERATION("query"), packet), 200);
	damage(b, "fw2");
	assert_in_range(ask(b, "POST", OPERATION("query"), packet), 400, 500);
	bench_expect(b, "fw2 shall enforce cannot be read");
	assert_in_range(ask(b, "POST", OPERATION("plan"), "{}"), 400, 500);
	bench_expect(b, "fw2 shall enforce cannot be read");
}

static void test_pinholes(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	connect_all(b);
	static const char input[] =
		"{\"" BWC ":input\":{\"source\":\"10.1.0.1\",\"destination\":\"10.2.0.1\","
		"\"destination-port\":5004,\"protocol\":\"udp\",\"lifetime\":60}}";
	assert_int_equal(ask(b, "POST", OPERATION("open-pinhole"), input), 200);
	bench_expect(b, "\"nsf\":[\"fw1\",\"fw2\"]");
	json_t *json = bench_answer(b);
	const char *id =
		json_string_value(json_object_get(json_object_get(json, BWC ":output"), "id"));
	char *body = arena_printf(&b->arena, "{\"" BWC ":input\":{\"id\":\"%s\"}}", id);
	json_decref(json);
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":pinholes"), 200);
	bench_expect(b, "\"state\":\"open\"");
	bench_expect(b, "\"idle-timeout\":60");
	assert_int_equal(ask(b, "POST", OPERATION("close-pinhole"), body), 204);
	assert_int_equal(ask(b, "POST", OPERATION("close-pinhole"), body), 409);
}

// --- questions to the analysis engine ---

// Members of an input for one of the questions; `candidate`: groups and a policy of so many rules, each about one port less
// than the one before it, that pass; the last one does `last`.
static const char *with_candidate(struct bench *b, const char *members, unsigned ports,
				  const char *last)
{
	struct buf rules;
	buf_init(&rules);
	for (unsigned i = 0; i < ports; i++)
		buf_printf(
			&rules,
			"%s{\"name\":\"port-%u\",\"condition\":{\"firewall\":{\"source\":[\"all\"],"
			"\"destination\":[\"all\"],\"transport-layer-protocol\":"
			"\"ietf-i2nsf-monitoring-interface:tcp\",\"range-port-number\":[{\"start\":"
			"%u,"
			"\"end\":443}]}},\"action\":{\"primary-action\":{\"action\":\"%s\"}}}",
			i ? "," : "", i, 443 - (ports - 1 - i), i + 1 < ports ? "pass" : last);
	const char *body =
		arena_printf(&b->arena,
			     "{\"" BWC ":input\":{%s,\"candidate\":{\"" CFI
			     ":endpoint-groups\":{\"user-group\":[{\"name\":"
			     "\"all\",\"ipv4-prefix\":[\"10.0.0.0/8\"]}]},\"" CFI
			     ":i2nsf-cfi-policy\":[{\"name\":\"office\",\"rules\":[%s]}]}}}",
			     members, rules.data);
	buf_fini(&rules);
	return body;
}

static void test_analyse(void **state)
{
	struct bench *b = *state;
	assert_int_equal(ask(b, "POST", OPERATION("analyse")), 409); // there is no policy
	bench_documents(b);
	assert_int_equal(ask(b, "POST", OPERATION("analyse")), 200);
	bench_expect(b, "\"status\":\"finished\"");
	bench_expect_not(b, "\"kind\"");
	assert_int_equal(ask(b, "POST", OPERATION("analyse"),
			     with_candidate(b, "\"of\":\"candidate\"", 2, "pass")),
			 200);
	bench_expect(b, "\"kind\":\"shadowed\",\"policy\":\"office\",\"rule\":\"port-1\"");
	bench_expect(b, "\"cause\":[{\"index\":1,\"policy\":\"office\",\"rule\":\"port-0\"}]");
	assert_int_equal(ask(b, "POST", OPERATION("analyse"),
			     with_candidate(b, "\"of\":\"candidate\"", 2, "drop")),
			 200);
	bench_expect(b, "\"kind\":\"conflicting\"");
	bench_expect(b, "\"packet\":\"src=10.");
	bench_expect(b, "\"removable\":1");
	assert_int_equal(
		ask(b, "POST", OPERATION("analyse"),
		    with_candidate(b, "\"of\":\"candidate\",\"where\":\"proto=udp\"", 2, "pass")),
		200);
	bench_expect(b, "\"kind\":\"empty\"");
	assert_int_equal(
		ask(b, "POST", OPERATION("analyse"), "{\"" BWC ":input\":{\"of\":\"candidate\"}}"),
		400);
	// Who left is not waited for, and the question ends (CUS-5).
	assert_int_equal(bench_ask(b, (struct bench_ask){.left = true,
							 .method = "POST",
							 .path = OPERATION("analyse")}),
			 200);
	bench_expect(b, "\"status\":\"stopped\"");
	assert_int_equal(ask(b, "POST", OPERATION("analyse"),
			     "{\"" BWC ":input\":{\"where\":\"colour=red\"}}"),
			 400);
	bench_expect(b, "where");
	assert_int_equal(ask(b, "POST", OPERATION("analyse"), "{\"" BWC ":input\":{\"of\":77}}"),
			 409);
	assert_int_equal(
		ask(b, "POST", OPERATION("analyse"), "{\"" BWC ":input\":{\"nsf\":\"nobody\"}}"),
		409);
}

static void test_compare(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	assert_int_equal(ask(b, "POST", OPERATION("compare")), 200); // nothing is deployed
	bench_expect(b, "\"equal\":false");
	bench_expect(b, "\"before\":{\"verdict\":\"drop\"},\"after\":{\"verdict\":\"pass\","
			"\"policy\":\"office\","
			"\"rule\":\"web\"}");
	assert_int_equal(
		ask(b, "POST", OPERATION("compare"),
		    with_candidate(b, "\"of\":\"latest\",\"with\":\"candidate\"", 1, "pass")),
		200);
	bench_expect(b, "\"equal\":true");
	assert_int_equal(
		ask(b, "POST", OPERATION("compare"),
		    with_candidate(b, "\"of\":\"latest\",\"with\":\"candidate\",\"most\":1", 3,
				   "pass")),
		200);
	bench_expect(b, "\"equal\":false");
	bench_expect(b, "proto=tcp");
	assert_int_equal(
		ask(b, "POST", OPERATION("compare"),
		    with_candidate(b, "\"of\":\"latest\",\"with\":\"candidate\",\"nsf\":\"fw1\"", 1,
				   "pass")),
		200);
	bench_expect(b, "\"equal\":true");
	assert_int_equal(ask(b, "POST", OPERATION("compare"), .who = &bench_agent), 403);
}

static void test_assert(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	assert_int_equal(
		ask(b, "POST", OPERATION("assert"),
		    "{\"" BWC
		    ":input\":{\"always\":[\"src=10.1.1.1,dst=10.2.2.2,proto=tcp,dport=443\"],"
		    "\"never\":[\"proto=udp\",\"dport=80\"]}}"),
		200);
	bench_expect(b, "\"holds\":true");
	assert_int_equal(ask(b, "POST", OPERATION("assert"),
			     "{\"" BWC
			     ":input\":{\"always\":[\"src=10.1.1.1,dst=10.2.2.2,proto=tcp\"],"
			     "\"never\":[\"dst=10.2.0.0/16\"]}}"),
			 200);
	bench_expect(b, "\"holds\":false");
	bench_expect(b, "\"must-pass\":true,\"verdict\":\"drop\"");
	bench_expect(
		b,
		"\"must-pass\":false,\"verdict\":\"pass\",\"policy\":\"office\",\"rule\":\"web\"");
	assert_int_equal(ask(b, "POST", OPERATION("assert"),
			     "{\"" BWC ":input\":{\"never\":[\"dport=99999\"]}}"),
			 400);
}

static void ask_reach(struct bench *b, const char *members)
{
	const char *body = arena_printf(&b->arena, "{\"" BWC ":input\":{%s}}", members);
	assert_int_equal(ask(b, "POST", OPERATION("reach"), body), 200);
	bench_expect(b, "\"status\":\"finished\"");
}

static void test_reach(void **state)
{
	struct bench *b = *state;
	assert_int_equal(ask(b, "POST", OPERATION("reach")), 409); // there is no policy
	bench_documents(b);
	ask_reach(b, "\"from\":[\"hq\"],\"to\":[\"fw2\",\"elsewhere\",\"hq\"]");
	bench_expect(b, "\"from\":\"hq\",\"to\":\"fw2\",\"together\":false,\"passes\":\"some\","
			"\"way\":[\"fw1\",\"fw2\"],\"open\":[{\"index\":1,\"packets\":\"");
	bench_expect(b, "443\",\"version\":4,\"every-host\":true");
	bench_expect(b, "\"nsf\":\"fw1\",\"verdict\":\"drop\",\"packet\":\"src=10.1.");
	bench_expect(b, "\"to\":\"elsewhere\",\"together\":false,\"passes\":\"some\","
			"\"way\":[\"fw1\"]");
	bench_expect(b, "\"to\":\"hq\",\"together\":true");
	ask_reach(b, "\"from\":[\"10.1.7.0/24\"],\"to\":[\"10.2.0.0/16\"],\"where\":\"proto=udp\"");
	bench_expect(b, "\"from\":\"10.1.7.0/24\",\"to\":\"10.2.0.0/16\",\"together\":false,"
			"\"passes\":\"nothing\"");
	ask_reach(b, "\"of\":\"deployed\",\"from\":[\"fw1\"],\"to\":[\"fw2\"]"); // nothing is
	bench_expect(b, "\"passes\":\"all\"");
	assert_int_equal(ask(b, "POST", OPERATION("reach"),
			     with_candidate(b,
					    "\"of\":\"candidate\",\"from\":[\"hq\"],"
					    "\"to\":[\"fw2\"],\"where\":\"dport=442\"",
					    2, "pass")),
			 200);
	bench_expect(b, "\"passes\":\"some\"");
	ask_reach(b, "\"where\":\"dport=442\",\"from\":[\"hq\"],\"to\":[\"fw2\"]");
	bench_expect(b, "\"passes\":\"nothing\"");
	ask_reach(b, ""); // of all places
	bench_expect(b, "\"index\":9,\"from\":\"elsewhere\",\"to\":\"elsewhere\"");
}

static void put_nsf(struct bench *b, const char *name, const char *guards, unsigned status)
{
	const char *body = arena_printf(&b->arena,
					"{\"" BWC ":nsf\":[{\"name\":\"%s\",\"address\":"
					"\"192.0.2.9\",\"guards\":[%s]}]}",
					name, guards);
	const char *path = arena_printf(&b->arena, DATA "/" BWC ":nsfs/nsf=%s", name);
	assert_int_equal(ask(b, "PUT", path, body), status);
}

// Guards that are nested, nested otherwise in IPv6, equal, and those that only overlap.
static void test_reach_guards(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	put_nsf(b, "lab", "\"10.1.9.0/24\"", 201);
	ask_reach(b, "\"from\":[\"lab\",\"hq\"],\"to\":[\"fw2\"]");
	bench_expect(b, "\"from\":\"lab\",\"to\":\"fw2\",\"together\":false,\"passes\":\"some\","
			"\"way\":[\"lab\",\"fw1\",\"fw2\"]");
	bench_expect(b, "\"from\":\"hq in lab\"");
	bench_expect(b, "\"from\":\"hq in hq\",\"to\":\"fw2\",\"together\":false,"
			"\"passes\":\"some\",\"way\":[\"fw1\",\"fw2\"]");
	put_nsf(b, "lab", "\"10.1.0.0/16\"", 204);
	ask_reach(b, "\"from\":[\"10.1.0.1\"],\"to\":[\"elsewhere\"]");
	bench_expect(b, "\"way\":[\"fw1\",\"lab\"]");
	put_nsf(b, "lab", "\"10.1.9.0/24\",\"2001:db8:1::/48\"", 204);
	ask_reach(b, "\"from\":[\"lab\"],\"to\":[\"fw2\"]");
	bench_expect(b, "\"from\":\"lab in lab (IPv6)\",\"to\":\"fw2 in fw2 (IPv6)\","
			"\"together\":false,\"passes\":\"nothing\",\"way\":[\"lab\",\"fw2\"]");
	put_nsf(b, "lab", "\"10.1.9.0/24\",\"10.3.0.0/16\"", 204);
	assert_int_equal(ask(b, "POST", OPERATION("reach")), 400);
	bench_expect(b, "fw1 and lab guard networks that overlap");
}

static void test_bad_reach(void **state)
{
	struct bench *b = *state;
	bench_documents(b);
	static const struct {
		const char *members, *says;
	} rows[] = {
		{"\"from\":[\"nobody\"]", "no site and no NSF nobody"},
		{"\"to\":[\"10.1.0.0/99\"]", "10.1.0.0/99"},
		{"\"nsf\":\"fw1\"", "of all NSFs"},
		{"\"where\":\"colour=red\"", "where"},
		{"\"of\":\"candidate\"", "candidate"},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		const char *body =
			arena_printf(&b->arena, "{\"" BWC ":input\":{%s}}", rows[i].members);
		unsigned status = ask(b, "POST", OPERATION("reach"), body);
		assert_in_range(status, 400, 409);
		bench_expect(b, rows[i].says);
	}
	assert_int_equal(ask(b, "POST", OPERATION("reach"), .who = &bench_agent), 403);
}

// Shows: RFC 8040 4.4.2 errors of operations
static void test_bad_operations(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *name, *body;
		unsigned status;
	} rows[] = {
		{OPERATION("nothing"), NULL, 404},
		{"/restconf/operations/other:plan", NULL, 404},
		{OPERATION("plan"), NULL, 409}, // there is no policy
		{OPERATION("apply"), NULL, 400},
		{OPERATION("apply"), "{\"" BWC ":input\":{\"plan-hash\":\"12\"}}", 400},
		{OPERATION("apply"),
		 "{\"" BWC ":input\":{\"plan-hash\":"
		 "\"0000000000000000000000000000000000000000000000000000000000000000\"}}",
		 409},
		{OPERATION("rollback"), "{\"" BWC ":input\":{\"revision\":7}}", 409},
		{OPERATION("verify"), "{\"" BWC ":input\":{\"nsf\":\"nobody\"}}", 409},
		{OPERATION("query"), "{\"" BWC ":input\":{\"packet\":\"x\"}}", 400},
		{OPERATION("plan"), "{\"" BWC ":input\":{\"surprise\":1}}", 400},
		{OPERATION("plan"), "nonsense", 400},
		{OPERATION("enrolment-token"), "{\"" BWC ":input\":{\"nsf-name\":\"x\"}}", 501},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		unsigned status = ask(b, "POST", rows[i].name, rows[i].body);
		if (status != rows[i].status)
			print_message("row %zu: %s\n", i, b->x.out.data);
		assert_int_equal(status, rows[i].status);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_discovery),     TEST(test_roles),          TEST(test_get),
		TEST(test_state),         TEST(test_edits),          TEST(test_numeric_keys),
		TEST(test_bad_edits),     TEST(test_order_is_kept),  TEST(test_datastore),
		TEST(test_preconditions), TEST(test_deployment),     TEST(test_damaged),
		TEST(test_pinholes),      TEST(test_analyse),        TEST(test_compare),
		TEST(test_assert),        TEST(test_reach),          TEST(test_reach_guards),
		TEST(test_bad_reach),     TEST(test_bad_operations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
