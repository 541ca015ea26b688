// SPDX-License-Identifier: Apache-2.0
// Framing and sessions: any cut of the bytes gives the same messages; what is bad is refused; work is linear.
#include "proto/netconf/framing.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define END "]]>]]>"

// Feeds in pieces of `step`; joins the messages with '|'. False: bad.
static bool messages(enum netconf_framing_kind kind, const char *bytes, size_t len, size_t step,
		     struct buf *out)
{
	struct netconf_framing f;
	enum netconf_frame frame = NETCONF_FRAME_MORE;
	netconf_framing_init(&f, 1000);
	f.kind = kind;
	for (size_t at = 0; at < len && frame != NETCONF_FRAME_BAD;) {
		size_t piece = len - at < step ? len - at : step;
		at += netconf_framing_feed(&f, bytes + at, piece, &frame);
		if (frame != NETCONF_FRAME_MESSAGE)
			continue;
		buf_printf(out, "%.*s|", (int)f.message.len, f.message.data);
		netconf_framing_next(&f);
	}
	assert_int_equal(frame == NETCONF_FRAME_BAD, f.fault != NULL);
	netconf_framing_fini(&f);
	return frame != NETCONF_FRAME_BAD;
}

static void expect(enum netconf_framing_kind kind, const char *bytes, const char *wanted)
{
	size_t len = strlen(bytes);
	for (size_t step = 1; step <= len; step++) {
		struct buf out cleanup(buf_fini);
		buf_init(&out);
		bool good = messages(kind, bytes, len, step, &out);
		assert_int_equal(good, wanted != NULL);
		if (wanted)
			assert_string_equal(out.data, wanted);
	}
}

// Shows: RFC 6242 4.3 end-of-message framing
static void delimited(void **state)
{
	(void)state;
	expect(NETCONF_END_OF_MESSAGE, "<a/>" END "<b/>" END, "<a/>|<b/>|");
	expect(NETCONF_END_OF_MESSAGE, "]]>]]" END, "]]>]]|");
	expect(NETCONF_END_OF_MESSAGE, "]]]>]]>x]>" END, "]|x]>|");
	expect(NETCONF_END_OF_MESSAGE, "<a>]]></a>" END, "<a>]]></a>|");
	expect(NETCONF_END_OF_MESSAGE, "<a/>]]>]]", "");
	expect(NETCONF_END_OF_MESSAGE, END, "|");
}

// Shows: RFC 6242 4.2 chunked framing
static void chunked(void **state)
{
	(void)state;
	expect(NETCONF_CHUNKED, "\n#4\n<a/>\n##\n\n#2\n<b\n#2\n/>\n##\n", "<a/>|<b/>|");
	expect(NETCONF_CHUNKED, "\n#5\n\n#1\nx\n##\n", "\n#1\nx|");
	expect(NETCONF_CHUNKED, "\n#10\n0123456789\n##\n", "0123456789|");
	expect(NETCONF_CHUNKED, "\n#4\n<a/>\n#", "");
}

// Shows: RFC 6242 4.2 bad chunks end the session
static void bad_chunks(void **state)
{
	static const char *const bad[] = {
		"<rpc/>",          "\n4\nabcd",
		"\n#0\n\n##\n",    "\n#04\nabcd\n##\n",
		"\n##\n",          "\n#\nabcd",
		"\n#-1\nabcd",     "\n#4 \nabcd",
		"\n#4\r\nabcd",    "\n#1\nab",
		"\n#1\na\n##x",    "\n#1\na##\n",
		"\n#4294967296\n", "\n#99999999999999999999999999999999\n",
		"\r\n#1\na\n##\n",
	};
	(void)state;
	for (size_t i = 0; i < array_len(bad); i++)
		expect(NETCONF_CHUNKED, bad[i], NULL);
}

// The limit is 1000 bytes; announcing more is enough, and costs no memory.
static void limits(void **state)
{
	struct buf text cleanup(buf_fini);
	(void)state;
	buf_init(&text);
	for (int i = 0; i < 1000; i++)
		buf_addc(&text, 'x');
	buf_adds(&text, END);
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	for (size_t step = 1; step < 1100; step += 7) {
		assert_true(messages(NETCONF_END_OF_MESSAGE, text.data, text.len, step, &out));
		assert_true(
			messages(NETCONF_END_OF_MESSAGE, text.data + 1, text.len - 1, step, &out));
	}
	text.data[1000] = 'x';
	text.data[1001] = ']';
	assert_false(messages(NETCONF_END_OF_MESSAGE, text.data, text.len, 1, &out));
	expect(NETCONF_CHUNKED, "\n#1001\n", NULL);
	expect(NETCONF_CHUNKED, "\n#4294967295\n", NULL);
	expect(NETCONF_CHUNKED, "\n#2\nab\n#999\n", NULL);
}

static void what_is_framed_comes_back(void **state)
{
	struct buf out cleanup(buf_fini), got cleanup(buf_fini);
	(void)state;
	buf_init(&out);
	buf_init(&got);
	for (int i = 0; i < 2; i++) {
		enum netconf_framing_kind kind = i ? NETCONF_CHUNKED : NETCONF_END_OF_MESSAGE;
		buf_clear(&out);
		buf_clear(&got);
		netconf_frame(kind, "<one/>", 6, &out);
		netconf_frame(kind, "<two/>", 6, &out);
		assert_true(messages(kind, out.data, out.len, 3, &got));
		assert_string_equal(got.data, "<one/>|<two/>|");
	}
}

// A byte at a time through a large message: quadratic work would not end.
static void linear_work(void **state)
{
	enum { LEN = 4 << 20 };
	struct netconf_framing f;
	enum netconf_frame frame = NETCONF_FRAME_MORE;
	(void)state;
	netconf_framing_init(&f, LEN * 2);
	for (size_t i = 0; i < LEN; i++)
		assert_int_equal(netconf_framing_feed(&f, i % 6 == 5 ? "x" : "]", 1, &frame), 1);
	assert_int_equal(frame, NETCONF_FRAME_MORE);
	assert_int_equal(f.message.len, LEN);
	netconf_framing_next(&f);
	assert_in_range(f.message.cap, 0, 1000);
	netconf_framing_fini(&f);
}

// --- sessions ---

struct trace {
	struct buf events;
	struct netconf_session session;
};

static void trace_feed(struct trace *t, const char *bytes, size_t step)
{
	size_t len = strlen(bytes);
	for (size_t at = 0; at < len;) {
		enum netconf_session_event what;
		size_t piece = len - at < step ? len - at : step;
		at += netconf_session_feed(&t->session, bytes + at, piece, &what);
		if (what == NETCONF_SESSION_OPEN)
			buf_printf(&t->events, "open %u;", t->session.id);
		if (what == NETCONF_SESSION_MESSAGE) {
			buf_printf(&t->events, "%s;", t->session.framing.message.data);
			netconf_session_next(&t->session);
		}
		if (what == NETCONF_SESSION_BAD) {
			assert_non_null(t->session.fault.text);
			assert_non_null(t->session.fault.hint);
			buf_adds(&t->events, "bad");
			break;
		}
	}
}

static void expect_session(bool server, const char *bytes, const char *wanted)
{
	for (size_t step = 1; step <= strlen(bytes); step += 3) {
		struct trace t;
		buf_init(&t.events);
		netconf_session_init(&t.session, server, 10000);
		trace_feed(&t, bytes, step);
		assert_string_equal(t.events.data, wanted);
		netconf_session_fini(&t.session);
		buf_fini(&t.events);
	}
}

#define CAPS(list) "<capabilities>" list "</capabilities>"
#define CAP(uri) "<capability> " uri "\n</capability>"
#define HELLO(inside) "<hello xmlns=\"" NETCONF_NS_BASE "\">" inside "</hello>" END

// Shows: RFC 6242 4.1 the hellos choose the framing
static void hello_chooses_the_framing(void **state)
{
	(void)state;
	expect_session(true, HELLO(CAPS(CAP(NETCONF_BASE_1_0))) "<x/>" END, "open 0;<x/>;");
	expect_session(true, HELLO(CAPS(CAP(NETCONF_BASE_1_1))) "\n#4\n<x/>\n##\n", "open 0;<x/>;");
	expect_session(true, HELLO(CAPS(CAP(NETCONF_BASE_1_0) CAP(NETCONF_BASE_1_1))) "<x/>" END,
		       "open 0;bad");
	expect_session(false, HELLO("<session-id>7</session-id>" CAPS(CAP(NETCONF_BASE_1_0))),
		       "open 7;");
	expect_session(true,
		       "\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- <x> -->\n<nc:hello "
		       "xmlns:nc=\"" NETCONF_NS_BASE
		       "\"><nc:capabilities><nc:capability><![CDATA[" NETCONF_BASE_1_0
		       "]]></nc:capability></nc:capabilities></nc:hello>\n" END,
		       "open 0;");
}

// Shows: RFC 6241 8.1 hellos that are refused, on both sides
static void bad_hellos(void **state)
{
	static const char *const bad[] = {
		HELLO(""),
		HELLO(CAPS("")),
		HELLO(CAPS(CAP("urn:x"))),
		HELLO(CAPS(CAP(NETCONF_BASE_1_0)) "<session-id>1</session-id>"),
		"<hello>" CAPS(CAP(NETCONF_BASE_1_0)) "</hello>" END,
		"<rpc xmlns=\"" NETCONF_NS_BASE "\" message-id=\"1\"/>" END,
		"<hello xmlns=\"" NETCONF_NS_BASE "\">" END,
		"<!DOCTYPE hello><hello/>" END,
		"GET / HTTP/1.1\r\n\r\n" END,
		END,
	};
	(void)state;
	for (size_t i = 0; i < array_len(bad); i++)
		expect_session(true, bad[i], "bad");
	expect_session(false, HELLO(CAPS(CAP(NETCONF_BASE_1_0))), "bad");
	expect_session(false, HELLO(CAPS(CAP(NETCONF_BASE_1_0)) "<session-id>0</session-id>"),
		       "bad");
	expect_session(false,
		       HELLO(CAPS(CAP(NETCONF_BASE_1_0)) "<session-id>4294967296</session-id>"),
		       "bad");
	expect_session(false, HELLO(CAPS(CAP(NETCONF_BASE_1_0)) "<session-id>-1</session-id>"),
		       "bad");
}

static void both_sides_agree(void **state)
{
	static const char *const offered[] = {"urn:a?module=a&b=c", "urn:b"};
	struct netconf_session client;
	struct buf hello cleanup(buf_fini);
	enum netconf_session_event what;
	(void)state;
	buf_init(&hello);
	netconf_session_init(&client, false, 10000);
	netconf_session_hello(12, offered, 2, &hello);
	assert_int_equal(netconf_session_feed(&client, hello.data, hello.len, &what), hello.len);
	assert_int_equal(what, NETCONF_SESSION_OPEN);
	assert_int_equal(client.id, 12);
	assert_int_equal(client.framing.kind, NETCONF_CHUNKED);
	assert_string_equal(client.capability.at[2], "urn:a?module=a&b=c");
	assert_true(netconf_session_has(&client, "urn:a"));
	assert_true(netconf_session_has(&client, "urn:b"));
	assert_false(netconf_session_has(&client, "urn:"));
	netconf_session_fini(&client);
}

static void a_hello_is_bounded(void **state)
{
	struct netconf_session s;
	enum netconf_session_event what = NETCONF_SESSION_MORE;
	char block[4096];
	size_t sent = 0;
	(void)state;
	memset(block, ' ', sizeof(block));
	netconf_session_init(&s, true, NETCONF_MESSAGE_MOST);
	for (; what == NETCONF_SESSION_MORE && sent < (8u << 20); sent += sizeof(block))
		assert_int_equal(netconf_session_feed(&s, block, sizeof(block), &what),
				 sizeof(block));
	assert_int_equal(what, NETCONF_SESSION_BAD);
	assert_int_equal(s.fault.code, DIAG_LIMIT);
	netconf_session_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delimited),
		cmocka_unit_test(chunked),
		cmocka_unit_test(bad_chunks),
		cmocka_unit_test(limits),
		cmocka_unit_test(what_is_framed_comes_back),
		cmocka_unit_test(linear_work),
		cmocka_unit_test(hello_chooses_the_framing),
		cmocka_unit_test(bad_hellos),
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(a_hello_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
