// SPDX-License-Identifier: Apache-2.0
// The client in both forms, against our server in another thread, and against servers that misbehave.
#include "proto/netconf/client.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/test_peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test_world w;
static struct arena arena;
static struct diags diags;
static struct io_tls *tls;
static struct io_tls_target target; // of the next connection
static pthread_t thread;
static bool threaded;

static void *run_server(void *context)
{
	(void)context;
	int rc = io_loop_run(w.loop);
	return rc ? context : NULL;
}

static int setup(void **state)
{
	(void)state;
	test_world_init(&w, NULL);
	arena_init(&arena);
	diags_init(&diags, &arena);
	tls = test_identity(&w, "admin");
	return 0;
}

// From here on the world belongs to the server's thread.
static void start_server(void)
{
	threaded = true;
	assert_int_equal(pthread_create(&thread, NULL, run_server, NULL), 0);
}

static void stop(void *context)
{
	io_loop_stop(context);
}

static void stop_server(void)
{
	if (threaded) {
		io_post(w.loop, stop, w.loop);
		pthread_join(thread, NULL);
	}
	threaded = false;
}

static int teardown(void **state)
{
	(void)state;
	stop_server();
	io_tls_free(tls);
	arena_fini(&arena);
	test_world_fini(&w);
	return 0;
}

static struct netconf_client_options usual(void)
{
	target = (struct io_tls_target){.tls = tls, .expected_name = "127.0.0.1"};
	return (struct netconf_client_options){.opener = io_tls_connecting(&target),
					       .to = w.address};
}

static struct netconf_client *connect_usual(void)
{
	struct netconf_client_options o = usual();
	struct netconf_client *c = netconf_client_connect(&o, &diags);
	if (!c)
		fail_msg("%s", diags.list.at[0].text);
	return c;
}

static bool call(struct netconf_client *c, const char *xml, struct netconf_result *result)
{
	diags_init(&diags, &arena);
	return netconf_client_call(c, &(struct netconf_call){.xml = xml, .timeout_ms = 10000},
				   &diags, result);
}

static const struct diag *only_diag(void)
{
	assert_int_equal(diags.list.len, 1);
	assert_non_null(diags.list.at[0].hint);
	return &diags.list.at[0];
}

// --- blocking ---

#define EDIT(config) \
	"<edit-config><target><candidate/></target><config>" config "</config></edit-config>"

// Shows: RFC 6241 4.2 the client reads ok and data
static void calls_and_results(void **state)
{
	struct netconf_result r;
	size_t n;
	(void)state;
	start_server();
	struct netconf_client *c = connect_usual();
	assert_true(netconf_client_is_open(c));
	assert_int_equal(netconf_client_session(c), 1);
	assert_true(netconf_client_has(c, NETCONF_CAP_CONFIRMED_COMMIT));
	assert_true(netconf_client_has(c, "urn:test:box"));
	assert_string_equal(netconf_client_capabilities(c, &n)[0], NETCONF_BASE_1_0);
	assert_true(call(c, EDIT("<box " BOX "><label>a &amp; b</label></box>"), &r));
	assert_string_equal(r.data, "");
	assert_true(call(c, "<get-config><source><candidate/></source></get-config>", &r));
	assert_non_null(strstr(r.data, "<label>a &amp; b</label></box>"));
	assert_int_equal(r.len, strlen(r.data));
	assert_true(call(c, "<echo " BOX "><text>x</text></echo>", &r));
	assert_non_null(strstr(r.data, ">x</text>"));
	assert_int_equal(strncmp(r.data, "<text ", 6), 0);
	netconf_client_free(c);
}

// Shows: RFC 6241 4.3 the client reads rpc-errors
static void errors_become_diags(void **state)
{
	struct netconf_result r;
	(void)state;
	w.box.fails = true;
	start_server();
	struct netconf_client *c = connect_usual();
	assert_false(call(c, "<nothing " BOX "/>", &r));
	assert_false(r.lost);
	assert_int_equal(only_diag()->code, DIAG_CAPABILITY);
	assert_string_equal(only_diag()->text, "the box cannot do that");
	assert_string_equal(only_diag()->hint, "try something else");
	assert_string_equal(only_diag()->rule, "r1");
	assert_false(call(c,
			  EDIT("<box " BOX
			       "><level>x</level><item><name>n</name><size>y</size></item></box>"),
			  &r));
	assert_int_equal(diags.errors, 2);
	assert_string_equal(diags.list.at[0].path, "/test-box:box/level");
	assert_false(call(c, "<get><unclosed></get>", &r));
	assert_int_equal(only_diag()->code, DIAG_SYNTAX);
	assert_true(call(c, "<discard-changes/>", &r));
	netconf_client_free(c);
}

static void a_call_that_takes_too_long(void **state)
{
	struct netconf_result r;
	(void)state;
	w.box.later = true;
	start_server();
	struct netconf_client *c = connect_usual();
	diags_init(&diags, &arena);
	assert_false(netconf_client_call(
		c, &(struct netconf_call){.xml = "<nothing " BOX "/>", .timeout_ms = 50}, &diags,
		&r));
	assert_true(r.lost);
	assert_int_equal(only_diag()->code, DIAG_TIMEOUT);
	assert_false(netconf_client_is_open(c));
	assert_false(call(c, "<get/>", &r));
	assert_true(r.lost);
	netconf_client_free(c);
}

static void expect_no_session(const struct netconf_client_options *o, const char *text)
{
	diags_init(&diags, &arena);
	assert_null(netconf_client_connect(o, &diags));
	if (!strstr(only_diag()->text, text))
		fail_msg("%s instead of %s", only_diag()->text, text);
}

static void sessions_that_do_not_open(void **state)
{
	struct netconf_client_options o = usual();
	int silent = -1;
	(void)state;
	start_server();
	target.expected_name = "192.0.2.1";
	expect_no_session(&o, "(server) is not for 192.0.2.1");
	o = usual();
	assert_true(io_address_parse("127.0.0.1", 0, &diags, &o.to));
	assert_int_equal(io_listen(&o.to, &silent), 0);
	assert_int_equal(io_address_of(silent, &o.to), 0);
	o.connect_ms = 50;
	expect_no_session(&o, "");
	assert_int_equal(only_diag()->code, DIAG_TIMEOUT);
	close(silent);
	expect_no_session(&o, "cannot connect");
	assert_int_equal(only_diag()->code, DIAG_UNREACHABLE);
}

static void ring(void *context)
{
	static const char rang[] = "<rang " BOX "><bell>door</bell></rang>";
	(void)context;
	netconf_server_notify(w.box.server, rang, strlen(rang), 1700000000);
}

static void on_notification(void *context, const char *xml, size_t len, const char *when)
{
	struct buf *out = context;
	buf_printf(out, "%s %.*s;", when, (int)len, xml);
}

// Shows: RFC 5277 4 the client hears notifications
static void notifications_are_served_while_waiting(void **state)
{
	struct netconf_client_options o = usual();
	struct netconf_result r;
	struct buf got cleanup(buf_fini);
	(void)state;
	buf_init(&got);
	o.notification = on_notification;
	o.context = &got;
	start_server();
	struct netconf_client *c = netconf_client_connect(&o, &diags);
	assert_non_null(c);
	assert_true(netconf_client_wait(c, 1));
	assert_true(call(c, "<create-subscription xmlns=\"" NETCONF_NS_NOTIFICATION "\"/>", &r));
	io_post(w.loop, ring, NULL);
	assert_true(netconf_client_wait(c, 10000));
	assert_non_null(strstr(got.data, "2023-11-14T22:13:20Z <rang "));
	assert_non_null(strstr(got.data, "<bell>door</bell></rang>;"));
	stop_server();
	netconf_server_free(w.box.server);
	w.box.server = NULL;
	assert_false(netconf_client_wait(c, 10000));
	netconf_client_free(c);
}

enum { CLIENTS = 100, CALLS = 5 };

struct worker {
	pthread_t thread;
	int good;
};

static void *work(void *context)
{
	struct worker *me = context;
	struct arena mine cleanup(arena_fini);
	struct diags d;
	struct netconf_client_options o = usual();
	arena_init(&mine);
	diags_init(&d, &mine);
	struct netconf_client *c = netconf_client_connect(&o, &d);
	for (int i = 0; c && i < CALLS; i++) {
		struct netconf_result r;
		const char *xml = arena_printf(&mine, "<echo " BOX "><text>%u-%d</text></echo>",
					       netconf_client_session(c), i);
		const char *want =
			arena_printf(&mine, ">%u-%d</text>", netconf_client_session(c), i);
		me->good += netconf_client_call(c, &(struct netconf_call){.xml = xml}, &d, &r) &&
			    strstr(r.data, want);
	}
	netconf_client_free(c);
	return NULL;
}

static void a_hundred_clients(void **state)
{
	static struct worker worker[CLIENTS];
	(void)state;
	start_server();
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(pthread_create(&worker[i].thread, NULL, work, &worker[i]), 0);
	for (int i = 0; i < CLIENTS; i++) {
		pthread_join(worker[i].thread, NULL);
		assert_int_equal(worker[i].good, CALLS);
	}
}

// --- on a loop ---

struct watcher {
	struct netconf_client *client;
	struct buf log;
	bool frees; // in the next callback
};

static void freed_if_asked(struct watcher *t)
{
	if (!t->frees)
		return;
	t->frees = false;
	netconf_client_free(t->client);
	t->client = NULL;
}

static void on_opened(void *context)
{
	struct watcher *t = context;
	buf_adds(&t->log, "opened;");
	freed_if_asked(t);
}

static void on_closed(void *context, const struct diag *why)
{
	struct watcher *t = context;
	assert_non_null(why->text);
	buf_adds(&t->log, "closed;");
	netconf_client_free(t->client);
	t->client = NULL;
}

static void on_result(void *context, const struct netconf_result *result,
		      const struct diags *errors)
{
	struct watcher *t = context;
	buf_printf(&t->log, "%s;",
		   result->lost ? "lost"
		   : result->ok ? "ok"
				: errors->list.at[0].text);
	freed_if_asked(t);
}

static void watch(struct watcher *t)
{
	struct netconf_client_options o = usual();
	*t = (struct watcher){0};
	buf_init(&t->log);
	o.opened = on_opened;
	o.closed = on_closed;
	o.context = t;
	t->client = netconf_client_new(w.loop, &o);
}

static void send_call(struct watcher *t, const char *xml)
{
	netconf_client_send(t->client,
			    &(struct netconf_call){.xml = xml, .fn = on_result, .context = t});
}

static void wait_log(struct watcher *t, const char *wanted)
{
	while (strlen(t->log.data) < strlen(wanted))
		test_step(&w);
	assert_string_equal(t->log.data, wanted);
}

// Shows: RFC 6241 4.4 the client pipelines requests
static void pipelined_calls(void **state)
{
	struct watcher t;
	(void)state;
	watch(&t);
	send_call(&t, "<discard-changes/>");
	send_call(&t, "<commit><persist>x</persist></commit>");
	send_call(&t, "<get/>");
	wait_log(&t, "opened;ok;persist is for a confirmed commit;ok;");
	netconf_client_free(t.client);
	buf_fini(&t.log);
}

static void calls_are_lost_with_the_session(void **state)
{
	struct watcher t;
	(void)state;
	w.box.later = true;
	watch(&t);
	send_call(&t, "<nothing " BOX "/>");
	send_call(&t, "<get/>");
	while (!w.box.held)
		test_step(&w);
	netconf_server_free(w.box.server);
	w.box.server = NULL;
	wait_log(&t, "opened;lost;lost;closed;");
	assert_null(t.client);
	buf_fini(&t.log);
}

static void freed_from_within_callbacks(void **state)
{
	struct watcher t;
	(void)state;
	watch(&t);
	t.frees = true;
	send_call(&t, "<get/>");
	wait_log(&t, "opened;lost;");
	buf_fini(&t.log);
	watch(&t);
	send_call(&t, "<get/>");
	send_call(&t, "<get/>");
	wait_log(&t, "opened;ok;ok;");
	send_call(&t, "<get/>");
	send_call(&t, "<get/>");
	t.frees = true;
	wait_log(&t, "opened;ok;ok;ok;lost;");
	assert_null(t.client);
	buf_fini(&t.log);
}

static void nobody_there(void **state)
{
	struct watcher t;
	(void)state;
	// Port 0 cannot be connected to.
	memset(&w.address.sa, 0, sizeof(w.address.sa));
	assert_true(io_address_parse("127.0.0.1:0", 0, &diags, &w.address));
	watch(&t);
	send_call(&t, "<get/>");
	wait_log(&t, "lost;closed;");
	buf_fini(&t.log);
}

// --- servers that misbehave ---

struct bad_server {
	struct io_listener *listener;
	struct io_stream *stream;
	const char *bytes;
};

static void bad_opened(void *context)
{
	struct bad_server *s = context;
	io_stream_write(s->stream, s->bytes, strlen(s->bytes));
}

static size_t bad_data(void *context, const char *bytes, size_t len)
{
	(void)context, (void)bytes;
	return len;
}

static void bad_closed(void *context, const struct diag *why)
{
	struct bad_server *s = context;
	(void)why;
	io_stream_free(s->stream);
	s->stream = NULL;
}

static const struct io_stream_events bad_events = {
	.opened = bad_opened, .data = bad_data, .closed = bad_closed};

static void bad_accepted(void *context, int fd, const struct io_address *peer)
{
	struct bad_server *s = context;
	struct io_stream_options o = {.events = &bad_events, .context = s};
	(void)peer;
	assert_int_equal(io_stream_new(w.loop, io_tls_server(w.server_tls, fd), &o, &s->stream), 0);
}

#define SERVER_HELLO                                                  \
	"<hello " BASE "><capabilities><capability>" NETCONF_BASE_1_0 \
	"</capability></capabilities>"                                \
	"<session-id>4</session-id></hello>" EOM

static void servers_that_misbehave(void **state)
{
	static const struct {
		const char *bytes, *log;
	} cases[] = {
		{"<hello " BASE "/>" EOM, "lost;closed;"},
		{"HTTP/1.1 400 Bad Request\r\n\r\n" EOM, "lost;closed;"},
		{SERVER_HELLO "<rpc-reply " BASE " message-id=\"77\"><ok/></rpc-reply>" EOM,
		 "opened;lost;closed;"},
		{SERVER_HELLO "<rpc-reply " BASE "><ok/>" EOM, "opened;lost;closed;"},
		{SERVER_HELLO "<something/>" EOM, "opened;lost;closed;"},
		{SERVER_HELLO "<rpc-reply " BASE "><rpc-error/></rpc-reply>" EOM "<rpc-reply " BASE
			      "/>" EOM,
		 "opened;operation-failed;closed;"},
		{SERVER_HELLO "<rpc-reply " BASE " message-id=\"1\"/>" EOM "x" EOM,
		 "opened;ok;closed;"},
		{SERVER_HELLO "<notification xmlns=\"" NETCONF_NS_NOTIFICATION "\"/>" EOM
			      "\xff" EOM,
		 "opened;lost;closed;"},
	};
	struct bad_server s = {0};
	struct io_address any;
	int fd = -1;
	(void)state;
	assert_true(io_address_parse("127.0.0.1", 0, &diags, &any));
	assert_int_equal(io_listen(&any, &fd), 0);
	assert_int_equal(io_address_of(fd, &w.address), 0);
	struct io_listener_options lo = {.fd = fd, .accepted = bad_accepted, .context = &s};
	assert_int_equal(io_listener_new(w.loop, &lo, &s.listener), 0);
	for (size_t i = 0; i < array_len(cases); i++) {
		struct watcher t;
		s.bytes = cases[i].bytes;
		watch(&t);
		send_call(&t, "<get/>");
		wait_log(&t, cases[i].log);
		while (s.stream)
			test_step(&w);
		buf_fini(&t.log);
	}
	io_listener_free(s.listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(calls_and_results),
		T(errors_become_diags),
		T(a_call_that_takes_too_long),
		T(sessions_that_do_not_open),
		T(notifications_are_served_while_waiting),
		T(a_hundred_clients),
		T(pipelined_calls),
		T(calls_are_lost_with_the_session),
		T(freed_from_within_callbacks),
		T(nobody_there),
		T(servers_that_misbehave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
