// SPDX-License-Identifier: Apache-2.0
// Event streams without HTTP: what is sent to whom, replay, listeners that are slow, the end.
#include "north/test.h"
#include "north/stream.h"

#include <jansson.h>
#include <sched.h>
#include <string.h>
#include <time.h>

struct listener {
	pthread_mutex_t mutex;
	pthread_cond_t woken;
	bool waits;
	struct stream *stream;
	struct buf got;
};

static void on_wait(void *context)
{
	struct listener *l = context;
	pthread_mutex_lock(&l->mutex);
	l->waits = true;
	pthread_mutex_unlock(&l->mutex);
}

static void on_wake(void *context)
{
	struct listener *l = context;
	pthread_mutex_lock(&l->mutex);
	l->waits = false;
	pthread_cond_signal(&l->woken);
	pthread_mutex_unlock(&l->mutex);
}

static void listen_to(struct bench *b, struct streams *hub, const struct stream_options *options,
		      struct listener *l)
{
	static const char *const group[] = {"operator"};
	static const struct access_who alice = {.name = "alice", .group = group, .groups = 1};
	struct stream_options o = *options;
	o.who = o.who ? o.who : &alice;
	(void)b;
	*l = (struct listener){.waits = false};
	pthread_mutex_init(&l->mutex, NULL);
	pthread_cond_init(&l->woken, NULL);
	buf_init(&l->got);
	struct stream_reader reader = {on_wait, on_wake, l};
	l->stream = stream_new(hub, &o, &reader);
}

static void stop_listening(struct listener *l)
{
	stream_close(l->stream);
	buf_fini(&l->got);
	pthread_cond_destroy(&l->woken);
	pthread_mutex_destroy(&l->mutex);
}

// Reads until the text was heard; with NULL until the stream is over.
static void hear(struct listener *l, const char *text)
{
	char piece[1000];
	while (!text || !strstr(l->got.len ? l->got.data : "", text)) {
		ssize_t n = stream_read(l->stream, piece, sizeof(piece));
		if (n < 0) {
			assert_null(text);
			return;
		}
		buf_add(&l->got, piece, (size_t)n);
		struct timespec end;
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_sec += 60;
		int rc = 0;
		pthread_mutex_lock(&l->mutex);
		while (n == 0 && l->waits && rc == 0)
			rc = pthread_cond_timedwait(&l->woken, &l->mutex, &end);
		pthread_mutex_unlock(&l->mutex);
		assert_int_equal(rc, 0);
	}
}

static void happen(struct bench *b, const char *tenant, const char *detail)
{
	engine_record(b->engine, ENGINE_DRIFT,
		      &(struct store_event){
			      .who = "alice", .tenant = tenant, .nsf = "fw1", .detail = detail});
}

#define XML_BEGIN              \
	"data: <notification " \
	"xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"><eventTime>20"

// Shows: RFC 8040 6.4 notifications in XML and JSON as server-sent events
static void test_both_encodings(void **state)
{
	struct bench *b = *state;
	struct streams *hub = streams_new(b->engine, &b->workspaces);
	struct listener xml, json;
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_XML}, &xml);
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_JSON}, &json);
	happen(b, "default", "two\nlines & \"more\"");
	hear(&xml, "</notification>\n\n");
	hear(&json, "}}\n\n");
	assert_non_null(strstr(xml.got.data, XML_BEGIN));
	assert_non_null(strstr(xml.got.data, "<drift xmlns=\"" NORTH_NAMESPACE "\"><id>"));
	assert_non_null(strstr(xml.got.data,
			       "<detail>two\ndata: lines &amp; &quot;more&quot;</detail></drift>"
			       "</notification>\n\n"));
	const char *text = strstr(json.got.data, "data: {");
	assert_non_null(text);
	json_t *message = json_loads(text + 6, JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(message);
	json_t *inner = json_object_get(message, "ietf-restconf:notification");
	assert_non_null(json_object_get(inner, "eventTime"));
	json_t *drift = json_object_get(inner, BWC ":drift");
	assert_string_equal(json_string_value(json_object_get(drift, "detail")),
			    "two\nlines & \"more\"");
	json_decref(message);
	stop_listening(&xml);
	stop_listening(&json);
	streams_end(hub);
	streams_free(hub);
}

// Every event has its notification in the model, with all that is said.
static void test_model(void **state)
{
	struct bench *b = *state;
	struct workspace *w = workspace_take(&b->workspaces);
	for (unsigned i = 0; i < ENGINE_EVENTS; i++) {
		const char *xml = arena_printf(
			&b->arena,
			"<%s xmlns=\"" NORTH_NAMESPACE "\"><id>7</id><who>a</who><tenant>t</tenant>"
			"<nsf>n</nsf><outcome>success</outcome><detail>d</detail></%s>",
			engine_event_info[i].action, engine_event_info[i].action);
		struct schema_input input = {.data = xml, .len = strlen(xml)};
		struct schema_tree *tree = NULL;
		if (!schema_parse_notification(w->schema, &input, &b->diags, &tree))
			fail_msg("%s: %s", engine_event_info[i].action, b->diags.list.at[0].text);
		schema_tree_free(tree);
	}
	workspace_give(&b->workspaces, w);
}

static void test_tenants(void **state)
{
	struct bench *b = *state;
	struct streams *hub = streams_new(b->engine, &b->workspaces);
	struct listener one, all;
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_XML, .tenant = "acme"}, &one);
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_XML}, &all);
	happen(b, "default", "first");
	happen(b, "acme", "second");
	hear(&one, "second");
	hear(&all, "second");
	assert_null(strstr(one.got.data, "first"));
	assert_non_null(strstr(all.got.data, "first"));
	stop_listening(&one);
	stop_listening(&all);
	streams_end(hub);
	streams_free(hub);
}

// Shows: RFC 8040 4.8.7 start-time: stored events, then what is new
// Shows: RFC 8040 4.8.8 stop-time ends the stream
static void test_replay(void **state)
{
	struct bench *b = *state;
	int64_t now = time(NULL);
	happen(b, "default", "before");
	struct streams *hub = streams_new(b->engine, &b->workspaces);
	struct listener fresh, replay, past;
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_XML}, &fresh);
	listen_to(b, hub,
		  &(struct stream_options){.format = SCHEMA_XML, .replays = true, .start = now},
		  &replay);
	listen_to(
		b, hub,
		&(struct stream_options){
			.format = SCHEMA_XML, .replays = true, .start = now - 20, .stop = now - 10},
		&past);
	hear(&replay, "before");
	happen(b, "default", "after");
	hear(&replay, "after");
	hear(&fresh, "after");
	hear(&past, NULL);
	assert_null(strstr(fresh.got.data, "before"));
	assert_string_equal(past.got.data, ":\n\n");
	stop_listening(&fresh);
	stop_listening(&replay);
	stop_listening(&past);
	streams_end(hub);
	streams_free(hub);
}

// Shows: RFC 8040 4.8.4 filter: an XPath expression with module names as prefixes, on the notification
static void test_filter(void **state)
{
	static const char *const filters[] = {
		"/bulwark-controller:drift[contains(bulwark-controller:detail, 'yes')]",
		"bulwark-controller:drift/bulwark-controller:detail = 'yes'", "//detail[. = 'yes']",
		"count(/*) = 1 and /*/tenant = 'default' and /*[detail='yes']"};
	struct bench *b = *state;
	struct streams *hub = streams_new(b->engine, &b->workspaces);
	struct listener l[array_len(filters)], none;
	for (size_t i = 0; i < array_len(filters); i++)
		listen_to(b, hub,
			  &(struct stream_options){.format = SCHEMA_JSON, .filter = filters[i]},
			  &l[i]);
	listen_to(b, hub,
		  &(struct stream_options){.format = SCHEMA_JSON,
					   .filter = "/bulwark-controller:plan"},
		  &none);
	happen(b, "default", "no");
	happen(b, "default", "yes");
	for (size_t i = 0; i < array_len(filters); i++) {
		hear(&l[i], "\"yes\"");
		assert_null(strstr(l[i].got.data, "\"no\""));
		stop_listening(&l[i]);
	}
	streams_end(hub);
	hear(&none, NULL);
	assert_string_equal(none.got.data, ":\n\n");
	stop_listening(&none);
	streams_free(hub);
}

#define MANY 600u

// One who does not read takes no memory and delays nobody; when he reads again, nothing is missing.
static void test_slow_listener(void **state)
{
	struct bench *b = *state;
	struct streams *hub = streams_new(b->engine, &b->workspaces);
	struct listener slow, quick;
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_XML}, &slow);
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_XML}, &quick);
	char *filler = arena_alloc(&b->arena, 401);
	memset(filler, 'x', 400);
	for (unsigned i = 0; i < MANY; i++) {
		const char *detail = arena_printf(&b->arena, "%s<%u>", filler, i);
		happen(b, "default", detail);
		hear(&quick, arena_printf(&b->arena, "&lt;%u&gt;", i));
	}
	hear(&slow, arena_printf(&b->arena, "&lt;%u&gt;", MANY - 1));
	const char *at = slow.got.data;
	for (unsigned i = 0; i < MANY; i++) {
		at = strstr(at, arena_printf(&b->arena, "&lt;%u&gt;", i));
		assert_non_null(at);
	}
	stop_listening(&slow);
	stop_listening(&quick);
	streams_end(hub);
	streams_free(hub);
}

static void test_end(void **state)
{
	struct bench *b = *state;
	struct streams *hub = streams_new(b->engine, &b->workspaces);
	struct listener l, late;
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_XML}, &l);
	streams_end(hub);
	hear(&l, NULL);
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_XML}, &late);
	hear(&late, NULL);
	stop_listening(&l);
	stop_listening(&late);
	streams_free(hub);
}

// Shows: RFC 8040 6.3 requests for streams, and those that are refused
static void test_requests(void **state)
{
	static const struct {
		const char *path, *query, *value, *query2, *value2;
		unsigned status;
	} rows[] = {
		{"/streams/NETCONF", NULL, NULL, NULL, NULL, 200},
		{"/streams/NETCONF-JSON", NULL, NULL, NULL, NULL, 200},
		{"/streams/OTHER", NULL, NULL, NULL, NULL, 404},
		{"/streams/NETCONF", "start-time", "2026-01-01T00:00:00%2B01:00", NULL, NULL, 200},
		{"/streams/NETCONF", "filter", "/bulwark-controller:drift[nsf='x']", NULL, NULL,
		 200},
		{"/streams/NETCONF", "filter", "/bulwark-controller:drift[", NULL, NULL, 400},
		{"/streams/NETCONF", "start-time", "yesterday", NULL, NULL, 400},
		{"/streams/NETCONF", "start-time", "2126-01-01T00:00:00Z", NULL, NULL, 400},
		{"/streams/NETCONF", "start-time", "2026-01-01T00:00:00Z", "stop-time",
		 "2126-01-01T00:00:00Z", 200},
		{"/streams/NETCONF", "start-time", "2026-01-01T00:00:00Z", "stop-time",
		 "2026-01-01T00:00:00Z", 400},
		{"/streams/NETCONF", "start-time", "2026-01-01T00:00:00Z", "stop-time", "x", 400},
	};
	struct bench *b = *state;
	for (size_t i = 0; i < array_len(rows); i++) {
		unsigned status = ask(b, "GET", rows[i].path, .accept = "*/*",
				      .xml = !strstr(rows[i].path, "JSON"), .query = rows[i].query,
				      .value = rows[i].value, .query2 = rows[i].query2,
				      .value2 = rows[i].value2);
		assert_int_equal(status, rows[i].status);
		assert_int_equal(b->x.stream != NULL, status == 200);
	}
	assert_int_equal(
		ask(b, "GET", "/streams/NETCONF", .anonymous = true, .xml = true, .accept = "*/*"),
		401);
	assert_int_equal(ask(b, "GET", "/streams/NETCONF", .who = &bench_agent, .xml = true,
			     .accept = "*/*"),
			 403);
	assert_int_equal(ask(b, "GET", "/streams/NETCONF", .who = &bench_bob, .accept = "*/*"),
			 200);
	assert_string_equal(b->x.stream->tenant, "acme");
	assert_string_equal(b->x.type, RESTCONF_EVENTS);
}

// Shows: RFC 8341 3.4.6 events of a stream that a rule denies are held back; denied-notifications
static void test_denied(void **state)
{
	struct bench *b = *state;
	static const char *const group[] = {"nobody"};
	static const struct access_who eve = {.name = "eve", .group = group, .groups = 1};
	struct streams *hub = streams_new(b->engine, &b->workspaces);
	struct listener none, all;
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_XML, .who = &eve}, &none);
	listen_to(b, hub, &(struct stream_options){.format = SCHEMA_XML}, &all);
	happen(b, "default", "first");
	hear(&all, "first");
	while (!b->workspaces.counts.notifications)
		sched_yield();
	char got[256] = "";
	assert_true(stream_read(none.stream, got, sizeof(got) - 1) >= 0);
	assert_null(strstr(got, "first"));
	stop_listening(&none);
	stop_listening(&all);
	streams_end(hub);
	streams_free(hub);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_both_encodings), TEST(test_model),         TEST(test_tenants),
		TEST(test_replay),         TEST(test_slow_listener), TEST(test_end),
		TEST(test_requests),       TEST(test_denied),        TEST(test_filter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
