// SPDX-License-Identifier: Apache-2.0
// Notifications: subscribing, replay and its bounds, and what the server tells of itself.
#include "base/moment.h"
#include "proto/netconf/test_pair.h"
#include "schema/schema.h"

#include <string.h>

static int setup(void **state)
{
	(void)state;
	return test_pair_begin(&(struct netconf_server_options){.log_most = 4, .idle_ms = 0}, 0);
}

#define SUBSCRIBE(inside)                                                                        \
	"<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\">" inside \
	"</create-subscription>"
#define COMPLETE(name) "<" name " xmlns=\"urn:ietf:params:xml:ns:netmod:notification\"/>"
#define RANG "<filter><rang " BOX "/></filter>"

static void ring(const char *bell, int64_t when)
{
	const char *xml = arena_printf(&w.arena, "<rang " BOX "><bell>%s</bell></rang>", bell);
	netconf_server_notify(w.box.server, xml, strlen(xml), when);
}

static void hears(struct test_peer *p, const char *part)
{
	const char *message = test_receive(p);
	test_has(message, "<notification xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\">"
			  "<eventTime>");
	test_has(message, part);
}

// Nothing came between the last message and the reply to this.
static void hears_nothing(struct test_peer *p)
{
	test_ok(p, "<discard-changes/>");
}

// Shows: RFC 5277 2.1.1 create-subscription: stream, filter, one subscription a session
static void subscriptions(void **state)
{
	static const char fell[] = "<fell " BOX "/>";
	(void)state;
	test_peer_open(&b, &w);
	test_peer_open(&a, &w);
	test_error(&a, SUBSCRIBE("<stream>WEATHER</stream>"), "invalid-value", "WEATHER");
	test_error(&a, SUBSCRIBE("<filter type=\"regex\"/>"), "bad-attribute", "type");
	test_ok(&a, SUBSCRIBE("<stream>NETCONF</stream>"));
	test_ok(&b, SUBSCRIBE("<filter type=\"subtree\"><fell " BOX "/></filter>"));
	test_error(&a, SUBSCRIBE(""), "in-use", "has a subscription");
	ring("door", 1700000000);
	netconf_server_notify(w.box.server, fell, strlen(fell), 0);
	hears(&a, "<eventTime>2023-11-14T22:13:20Z</eventTime><rang " BOX
		  "><bell>door</bell></rang></notification>");
	hears(&a, "<fell ");
	hears(&b, "<fell ");
	hears_nothing(&b);
}

// Shows: RFC 5277 3.3.1 replay from the log, replayComplete, then new notifications
static void replay(void **state)
{
	(void)state;
	ring("first", 1700000000);
	ring("second", 1700000010);
	test_peer_open(&a, &w);
	test_ok(&a, SUBSCRIBE("<startTime>2023-11-14T23:13:30+01:00</startTime>" RANG));
	hears(&a, "<eventTime>2023-11-14T22:13:30Z</eventTime><rang " BOX "><bell>second</bell>");
	hears(&a, COMPLETE("replayComplete"));
	ring("third", 0);
	hears(&a, "third");
}

// Shows: RFC 5277 3.3 the log is bounded: a replay begins with the earliest that is kept
static void the_log_is_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 9; i++)
		ring(arena_printf(&w.arena, "%d", i), 1700000000);
	test_peer_open(&a, &w);
	test_ok(&a, SUBSCRIBE("<startTime>1999-01-01T00:00:00Z</startTime>" RANG));
	// The fourth that is kept is the beginning of this session.
	hears(&a, "<bell>6</bell>");
	hears(&a, "<bell>7</bell>");
	hears(&a, "<bell>8</bell>");
	hears(&a, COMPLETE("replayComplete"));
	hears_nothing(&a);
}

// Shows: RFC 5277 3.3.1 stopTime in the past: notificationComplete, and the session is free again
static void stop_in_the_past(void **state)
{
	(void)state;
	ring("first", 1700000000);
	ring("second", 1700000010);
	test_peer_open(&a, &w);
	test_ok(&a, SUBSCRIBE("<startTime>2023-01-01T00:00:00Z</startTime>"
			      "<stopTime>2023-11-14T22:13:25Z</stopTime>"));
	hears(&a, "first");
	hears(&a, COMPLETE("replayComplete"));
	hears(&a, COMPLETE("notificationComplete"));
	ring("third", 0);
	hears_nothing(&a);
	test_ok(&a, SUBSCRIBE(""));
	ring("fourth", 0);
	hears(&a, "fourth");
}

// Shows: RFC 5277 2.1.1 stopTime in the future ends the subscription then
static void stop_in_the_future(void **state)
{
	char stop[MOMENT_TEXT];
	(void)state;
	test_peer_open(&a, &w);
	moment_print(moment_now() + MOMENT_SECOND / 2, stop);
	test_ok(&a, arena_printf(&w.arena,
				 SUBSCRIBE("<startTime>2023-01-01T00:00:00Z</startTime>"
					   "<stopTime>%s</stopTime>" RANG),
				 stop));
	hears(&a, COMPLETE("replayComplete"));
	ring("in time", 0);
	hears(&a, "in time");
	hears(&a, COMPLETE("notificationComplete"));
	ring("too late", 0);
	hears_nothing(&a);
}

// Shows: RFC 5277 2.1.1 errors: stopTime without startTime, startTime in the future, stopTime before startTime
static void times_that_are_refused(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_error(&a, SUBSCRIBE("<stopTime>2024-01-01T00:00:00Z</stopTime>"), "missing-element",
		   "<bad-element>startTime</bad-element>");
	test_error(&a, SUBSCRIBE("<startTime>2999-01-01T00:00:00Z</startTime>"), "bad-element",
		   "<bad-element>startTime</bad-element>");
	test_error(&a,
		   SUBSCRIBE("<startTime>2024-01-02T00:00:00Z</startTime>"
			     "<stopTime>2024-01-01T00:00:00Z</stopTime>"),
		   "bad-element", "<bad-element>stopTime</bad-element>");
	test_error(&a, SUBSCRIBE("<startTime>yesterday</startTime>"), "invalid-value", "startTime");
	test_error(&a, SUBSCRIBE("<startTime>2024-02-30T00:00:00Z</startTime>"), "invalid-value",
		   "startTime");
}

// Shows: RFC 5277 3.2.5 /netconf/streams
static void streams(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	const char *reply = test_ask(
		&a, "<get><filter><netconf xmlns=\"urn:ietf:params:xml:ns:netmod:notification\"/>"
		    "</filter></get>");
	test_has(reply, "<streams><stream><name>NETCONF</name>");
	test_has(reply, "<replaySupport>true</replaySupport><replayLogCreationTime>20");
}

// --- what the server tells of itself ---

// Shows: RFC 6470 2.2 netconf-session-start and netconf-session-end with each reason
static void sessions_begin_and_end(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, SUBSCRIBE(""));
	test_peer_open(&b, &w);
	hears(&a, "<netconf-session-start "
		  "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-notifications\">"
		  "<username>admin</username><session-id>2</session-id>"
		  "<source-host>127.0.0.1</source-host></netconf-session-start>");
	test_ok(&b, "<close-session/>");
	hears(&a, "<termination-reason>closed</termination-reason>");
	test_peer_fini(&b);
	test_peer_open(&b, &w);
	hears(&a, "start>");
	test_send(&a, "<kill-session><session-id>3</session-id></kill-session>");
	hears(&a, "<session-id>3</session-id><source-host>127.0.0.1</source-host>"
		  "<killed-by>1</killed-by><termination-reason>killed</termination-reason>");
	test_has(test_receive(&a), "<ok/>");
	test_peer_fini(&b);
	test_peer_connect(&b, &w, "admin");
	test_peer_write(&b, "<hello/>" EOM);
	hears(&a, "<termination-reason>bad-hello</termination-reason>");
	test_peer_fini(&b);
	test_peer_open(&b, &w);
	hears(&a, "start>");
	io_stream_free(b.stream);
	b.stream = NULL;
	hears(&a, "<termination-reason>dropped</termination-reason>");
	test_peer_fini(&b);
	b = (struct test_peer){.world = &w};
}

#define CHANGED                                                            \
	"<changed-by><username>admin</username><session-id>2</session-id>" \
	"<source-host>127.0.0.1</source-host></changed-by><datastore>running</datastore>"

// Shows: RFC 6470 2.2 netconf-config-change and netconf-confirmed-commit: start, extend, complete, cancel, timeout
static void commits(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, SUBSCRIBE(""));
	test_peer_open(&b, &w);
	hears(&a, "start>");
	test_ok(&b, EDIT(LABEL("one")));
	test_ok(&b, "<commit><confirmed/><confirm-timeout>99</confirm-timeout></commit>");
	hears(&a, CHANGED);
	hears(&a, "<confirm-event>start</confirm-event><timeout>99</timeout>");
	test_ok(&b, "<commit><confirmed/></commit>");
	hears(&a, "<confirm-event>extend</confirm-event><timeout>600</timeout>");
	test_ok(&b, "<commit/>");
	hears(&a, "<session-id>2</session-id><source-host>127.0.0.1</source-host>"
		  "<confirm-event>complete</confirm-event></netconf-confirmed-commit>");
	test_ok(&b, EDIT(LABEL("two")));
	test_ok(&b, "<commit><confirmed/></commit>");
	hears(&a, "change>");
	hears(&a, "start</");
	test_ok(&b, "<cancel-commit/>");
	hears(&a, "<confirm-event>cancel</confirm-event>");
	hears(&a, CHANGED);
	test_ok(&b, "<discard-changes/>");
	test_ok(&b, EDIT(LABEL("three")));
	test_ok(&b, "<commit><confirmed/></commit>");
	hears(&a, "change>");
	hears(&a, "start</");
	netconf_server_reverted(w.box.server);
	hears(&a, "\"><confirm-event>timeout</confirm-event></");
	hears(&a, "<changed-by><server/></changed-by>");
	test_ok(&b, "<copy-config><target><startup/></target><source><running/></source>"
		    "</copy-config>");
	hears(&a, "<datastore>startup</datastore>");
}

#define TARGET(path, operation)                                                      \
	"<edit><target xmlns:test-box=\"urn:test:box\">/test-box:box/test-box:" path \
	"</target><operation>" operation "</operation></edit>"

// Shows: RFC 6470 2.2 netconf-config-change names what was changed and how
static void changes_are_named(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, "<edit-config><target><candidate/></target><config><box " BOX
		    "><item><name>x</name></item></box></config></edit-config>");
	test_ok(&a, "<commit/>");
	test_ok(&a, SUBSCRIBE("<filter><netconf-config-change "
			      "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-notifications\"/>"
			      "</filter>"));
	test_ok(&a, EDIT(LABEL("two")));
	test_ok(&a, "<edit-config><target><candidate/></target><config><box " BOX
		    " xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><item "
		    "nc:operation=\"delete\"><name>x</name></item><item><name>y</name></item>"
		    "<level nc:operation=\"remove\"/></box></config></edit-config>");
	test_ok(&a, "<validate><source><candidate/></source></validate>");
	test_send(&a, "<commit/>");
	const char *message = test_receive(&a);
	test_has(message, TARGET("label", "replace"));
	test_has(message, TARGET("item[test-box:name=&apos;x&apos;]", "delete"));
	test_has(message, TARGET("item[test-box:name=&apos;y&apos;]", "create"));
	test_has_not(message, "test-box:level");
	test_has(test_receive(&a), "<ok/>");
	test_ok(&a, "<commit/>");
	hears_nothing(&a);
}

// Shows: RFC 5277 2.1.1 an XPath filter chooses notifications
static void subscriptions_by_xpath(void **state)
{
	static const char door[] = "<filter type=\"xpath\" xmlns:t=\"urn:test:box\" "
				   "select=\"/t:rang[t:bell='door']\"/>";
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, arena_printf(&w.arena, SUBSCRIBE("%s"), door));
	ring("window", 0);
	ring("door", 0);
	hears(&a, "<bell>door</bell>");
	hears_nothing(&a);
	test_peer_open(&b, &w);
	test_error(&b, SUBSCRIBE("<filter type=\"xpath\"/>"), "missing-attribute",
		   "<bad-attribute>select</bad-attribute><bad-element>filter</bad-element>");
}

// What it takes to filter one is bounded: an event for which it is not enough is not heard.
static void dear_filters(void **state)
{
	struct buf path cleanup(buf_fini);
	(void)state;
	buf_init(&path);
	for (unsigned i = 0; i < 20; i++)
		buf_adds(&path, "//*[");
	buf_adds(&path, "true()");
	for (unsigned i = 0; i < 20; i++)
		buf_adds(&path, "]");
	test_peer_open(&a, &w);
	test_peer_open(&b, &w);
	test_ok(&b, SUBSCRIBE(""));
	test_ok(&a, arena_printf(&w.arena, SUBSCRIBE("<filter type=\"xpath\" select=\"%s\"/>"),
				 path.data));
	for (unsigned i = 0; i < 50; i++)
		ring("door", 0);
	for (unsigned i = 0; i < 50; i++)
		hears(&b, "<bell>door</bell>");
	hears_nothing(&a);
}

static void large_filters(void **state)
{
	struct buf filter cleanup(buf_fini);
	(void)state;
	buf_init(&filter);
	for (unsigned i = 0; i < 1000; i++)
		buf_adds(&filter, "<rang " BOX "/>");
	test_peer_open(&a, &w);
	test_error(&a, arena_printf(&w.arena, SUBSCRIBE("<filter>%s</filter>"), filter.data),
		   "too-big", "16384 bytes");
	test_ok(&a, SUBSCRIBE(RANG));
}

// --- replays that take many slices ---

#define RINGS 3000u
#define SINCE "<startTime>2001-01-01T00:00:00Z</startTime>"

static int setup_slow(void **state)
{
	(void)state;
	return test_pair_begin(&(struct netconf_server_options){.log_most = RINGS, .slice_us = 20},
			       2);
}

static void ring_much(void)
{
	for (unsigned i = 0; i < RINGS - 1; i++)
		ring("door", 0);
}

// Shows: RFC 5277 3.3 what happens during a replay is heard once, and others are served meanwhile
static void a_replay_takes_its_time(void **state)
{
	unsigned heard = 0;
	(void)state;
	ring_much();
	test_send(&a, SUBSCRIBE(SINCE RANG));
	test_has(test_receive(&a), "<ok/>");
	test_ok(&b, "<discard-changes/>");
	assert_true(a.message.len < RINGS);
	ring("window", 0);
	for (const char *m; !strstr(m = test_receive(&a), "replayComplete");)
		heard += strstr(m, "<rang ") != NULL;
	assert_int_equal(heard, RINGS);
	ring("gate", 0);
	hears(&a, "<bell>gate</bell>");
	hears_nothing(&a);
}

static void the_log_moves_on_during_a_replay(void **state)
{
	(void)state;
	ring_much();
	test_send(&a, SUBSCRIBE(SINCE RANG));
	test_has(test_receive(&a), "<ok/>");
	ring_much();
	test_event(&w, "the log has moved on while it was replayed");
}

static void the_session_ends_during_a_replay(void **state)
{
	(void)state;
	ring_much();
	test_send(&a, SUBSCRIBE(SINCE RANG));
	test_has(test_receive(&a), "<ok/>");
	test_peer_fini(&a);
	a = (struct test_peer){.world = &w};
	test_event(&w, "session ended by the client");
	test_ok(&b, SUBSCRIBE(SINCE RANG));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, test_pair_teardown)
		T(subscriptions),
		T(replay),
		T(the_log_is_bounded),
		T(stop_in_the_past),
		T(stop_in_the_future),
		T(times_that_are_refused),
		T(streams),
		T(sessions_begin_and_end),
		T(commits),
		T(changes_are_named),
		T(dear_filters),
		T(large_filters),
#define SLOW(fn) cmocka_unit_test_setup_teardown(fn, setup_slow, test_pair_teardown)
		SLOW(a_replay_takes_its_time),
		SLOW(the_log_moves_on_during_a_replay),
		SLOW(the_session_ends_during_a_replay),
		T(subscriptions_by_xpath),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
