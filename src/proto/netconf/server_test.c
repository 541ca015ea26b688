// SPDX-License-Identifier: Apache-2.0
// The server over loopback TLS: sessions and their ends, reading and editing, locks, subscriptions, bad input.
#include "proto/netconf/test_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state)
{
	(void)state;
	return test_pair_begin(NULL, 0);
}

static int setup_small(void **state)
{
	(void)state;
	return test_pair_begin(&(struct netconf_server_options){.handshake_ms = 100,
								.hello_ms = 100,
								.idle_ms = 200,
								.stall_ms = 300,
								.sessions_most = 2,
								.message_most = 4000,
								.output_most = 100000},
			       0);
}

#define EDIT_WITH(options, config)                                             \
	"<edit-config><target><candidate/></target>" options "<config>" config \
	"</config></edit-config>"
#define ITEM(name) "<box " BOX "><item><name>" name "</name></item></box>"
#define NC "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\""

#define SUBSCRIBE(inside)                                                                        \
	"<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\">" inside \
	"</create-subscription>"

// --- sessions ---

// Shows: RFC 6241 8.1 hello: capabilities and session-id
// Shows: RFC 7950 5.6.4 capabilities name the revision and the features of a module
static void hello_and_capabilities(void **state)
{
	static const char *const wanted[] = {
		"urn:ietf:params:netconf:base:1.0",
		"urn:ietf:params:netconf:base:1.1",
		"urn:ietf:params:netconf:capability:candidate:1.0",
		"urn:ietf:params:netconf:capability:confirmed-commit:1.1",
		"urn:ietf:params:netconf:capability:rollback-on-error:1.0",
		"urn:ietf:params:netconf:capability:validate:1.1",
		"urn:ietf:params:netconf:capability:startup:1.0",
		"urn:ietf:params:netconf:capability:notification:1.0",
		"urn:test:box?module=test-box&revision=2024-01-01",
		"urn:ietf:params:xml:ns:netconf:base:1.0?module=ietf-netconf&revision=2011-06-01"
		"&features=candidate,confirmed-commit,rollback-on-error,validate,startup,xpath",
	};
	(void)state;
	test_peer_open(&a, &w);
	test_peer_open(&b, &w);
	assert_int_equal(a.session.id, 1);
	assert_int_equal(b.session.id, 2);
	for (size_t i = 0; i < array_len(wanted); i++)
		assert_true(netconf_session_has(&a.session, wanted[i]));
	assert_false(netconf_session_has(
		&a.session, "urn:ietf:params:netconf:capability:writable-running:1.0"));
	assert_int_equal(netconf_server_sessions(w.box.server), 2);
}

// Shows: RFC 6242 4.1 both framings, any cut of the bytes
static void both_framings_byte_at_a_time(void **state)
{
	static const char *const version[] = {"1.0", "1.1"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct buf rpc cleanup(buf_fini), frame cleanup(buf_fini);
		buf_init(&rpc);
		buf_init(&frame);
		test_peer_connect(&a, &w, "admin");
		test_peer_hello(&a, version[i]);
		buf_adds(&rpc, "<rpc " BASE " message-id=\"x\"><get-config><source><running/></"
			       "source></get-config></rpc>");
		netconf_session_frame(&a.session, &rpc, &frame);
		for (size_t at = 0; at < frame.len; at++) {
			io_stream_write(a.stream, frame.data + at, 1);
			test_step(&w);
		}
		test_has(test_receive(&a), "<data></data>");
		test_peer_fini(&a);
	}
	a = (struct test_peer){.world = &w};
}

// Shows: RFC 6241 4.4 pipelined requests are answered in order
static void requests_may_be_pipelined(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	w.box.later = true;
	test_send(&a, "<nothing " BOX "/>");
	test_send(&a, "<get-config><source><running/></source></get-config>");
	test_send(&a, "<close-session/>");
	while (!w.box.held)
		test_step(&w);
	assert_int_equal(a.message.len, 0);
	test_box_answer(&w.box);
	test_has(test_receive(&a), "message-id=\"1\"><ok/>");
	test_has(test_receive(&a), "message-id=\"2\"><data>");
	test_has(test_receive(&a), "message-id=\"3\"><ok/>");
	test_until_closed(&a);
	assert_string_equal(a.why, "");
	assert_int_equal(netconf_server_sessions(w.box.server), 0);
}

// Shows: RFC 6241 4.2 rpc-reply echoes the attributes of rpc
static void attributes_are_echoed(void **state)
{
	struct buf frame cleanup(buf_fini);
	struct buf rpc = {
		.data = (char[]){"<x:rpc xmlns:x=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
				 "xmlns:ex=\"urn:ex\" message-id=\"a&lt;b\" "
				 "ex:user=\"fred\"><x:discard-changes/></x:rpc>"}};
	(void)state;
	rpc.len = strlen(rpc.data);
	buf_init(&frame);
	test_peer_open(&a, &w);
	netconf_session_frame(&a.session, &rpc, &frame);
	test_peer_write(&a, frame.data);
	const char *reply = test_receive(&a);
	test_has(reply, " message-id=\"a&lt;b\"");
	test_has(reply, " xmlns:ex=\"urn:ex\"");
	test_has(reply, " ex:user=\"fred\"");
	test_has(reply, "<ok/>");
}

static void client_without_hello(void **state)
{
	(void)state;
	test_peer_connect(&a, &w, "admin");
	test_until_closed(&a);
	test_event(&w, "the client sent no hello in time");
}

// Shows: RFC 6241 8.1 a hello that is none, or has a session-id, ends the session
static void client_with_another_hello(void **state)
{
	static const char *const bytes[] = {
		"<rpc " BASE " message-id=\"1\"><get/></rpc>" EOM,
		"<hello " BASE "><capabilities/></hello>" EOM,
		"<hello " BASE
		"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>"
		"</capabilities><session-id>4</session-id></hello>" EOM,
		"SSH-2.0-OpenSSH_9.2\r\n" EOM,
	};
	(void)state;
	for (size_t i = 0; i < array_len(bytes); i++) {
		test_peer_connect(&a, &w, "admin");
		test_peer_write(&a, bytes[i]);
		test_until_closed(&a);
		test_event(&w, "session ended by the server");
		test_peer_fini(&a);
	}
	a = (struct test_peer){.world = &w};
}

static void connect_plain(int *fd)
{
	assert_int_equal(io_connect_start(&w.address, NULL, fd), 0);
}

static void silent_client_stalls_nobody(void **state)
{
	int fd[2];
	(void)state;
	connect_plain(&fd[0]);
	test_peer_open(&a, &w);
	test_ok(&a, "<discard-changes/>");
	connect_plain(&fd[1]);
	test_event(&w, "the handshake was not finished");
	close(fd[0]);
	close(fd[1]);
}

static void there_may_be_too_many(void **state)
{
	int fd;
	(void)state;
	test_peer_open(&a, &w);
	test_peer_open(&b, &w);
	connect_plain(&fd);
	test_event(&w, "there are too many sessions");
	close(fd);
	test_ok(&b, "<discard-changes/>");
}

static void idle_sessions_end_but_not_subscribers(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_peer_open(&b, &w);
	test_ok(&b,
		"<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"/>");
	test_until_closed(&a);
	test_event(&w, "1 admin: session ended by the server: the session was idle for too long");
	assert_false(b.closed);
	test_has(test_receive(&b), "<termination-reason>timeout</termination-reason>");
	test_ok(&b, "<discard-changes/>");
}

static void frame_beyond_the_limit(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_peer_write(&a, "\n#4001\n");
	test_until_closed(&a);
	test_event(&w, "a message is larger than the limit");
}

static void bad_frame(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_peer_write(&a, "<rpc/>");
	test_until_closed(&a);
	test_event(&w, "a chunk must begin with");
}

// The client asks for more and more and reads nothing: the server reads no more requests, and then lets go.
static void a_peer_that_never_reads(void **state)
{
	(void)state;
	struct schema_tree *tree;
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	buf_adds(&xml, "<other " BOX "><text>");
	for (int i = 0; i < 60000; i++)
		buf_addc(&xml, 'x');
	buf_adds(&xml, "</text></other>");
	struct schema *schema = test_box_schema();
	tree = test_box_tree(schema, xml.data);
	test_world_fini(&w);
	test_pair_begin(
		&(struct netconf_server_options){
			.schema = schema, .running = tree, .stall_ms = 300, .output_most = 100000},
		0);
	test_peer_open(&a, &w);
	a.deaf = true;
	for (int i = 0; i < 500; i++)
		test_send(&a, "<get-config><source><running/></source></get-config>");
	test_event(&w, "the peer has read nothing for 300 ms");
	assert_int_equal(netconf_server_sessions(w.box.server), 0);
}

// The other end is gone without a word, as after a power failure. Its kernel answers the next segment with a reset.
static void half_open_connection(void **state)
{
	static const char fell[] = "<fell " BOX "/>";
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, "<lock><target><candidate/></target></lock>");
	test_ok(&a, SUBSCRIBE(""));
	if (!test_peer_vanish(&a))
		skip();
	netconf_server_notify(w.box.server, fell, strlen(fell), 0);
	test_event(&w, "1 admin: session ended by the client: the connection broke");
	test_peer_open(&b, &w);
	test_ok(&b, "<lock><target><candidate/></target></lock>");
}

static void the_connection_ends_within_a_message(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, "<lock><target><candidate/></target></lock>");
	test_peer_write(&a, "\n#400\n<rpc");
	test_peer_fini(&a);
	a = (struct test_peer){.world = &w};
	test_event(&w, "session ended by the client");
	test_peer_open(&b, &w);
	test_ok(&b, "<lock><target><candidate/></target></lock>");
}

// --- reading ---

// Shows: RFC 6241 7.1 get-config of each datastore
// Shows: RFC 6241 6.2 subtree filters; an empty one selects nothing
static void get_config_and_filters(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, EDIT(LABEL("l") "<other " BOX "><text>t</text></other>"));
	test_config(&a, "running", "");
	test_config(&a, "startup", "");
	test_config(&a, "candidate", LABEL("l") "<other " BOX "><text>t</text></other>");
	const char *reply = test_ask(
		&a, "<get-config><source><candidate/></source><filter type=\"subtree\"><other " BOX
		    "/></filter></get-config>");
	test_has(reply, "<data><other " BOX "><text>t</text></other></data>");
	reply = test_ask(&a, "<get-config><source><candidate/></source><filter/></get-config>");
	test_has(reply, "<data></data>");
	test_error(&a,
		   "<get-config><source><candidate/></source><filter type=\"regex\" "
		   "select=\"/\"/></get-config>",
		   "bad-attribute",
		   "<bad-attribute>type</bad-attribute><bad-element>filter</bad-element>");
	test_error(&a, "<get-config><source><url>file:///etc/passwd</url></source></get-config>",
		   "unknown-element", "url");
	test_error(&a, "<get-config/>", "missing-element", "source");
}

// Shows: RFC 6241 7.7 get joins configuration and state
static void get_joins_state(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, EDIT(LABEL("l")));
	test_ok(&a, "<commit/>");
	const char *reply = test_ask(&a, "<get/>");
	test_has(reply, "<label>l</label>");
	test_has(reply, "<load><percent>12</percent></load>");
	test_has(reply, "<uptime " BOX "><seconds>77</seconds></uptime>");
	const char *box = strstr(reply, "<box");
	assert_null(strstr(box + 1, "<box"));
	reply = test_ask(&a, "<get><filter><uptime " BOX "/></filter></get>");
	test_has(reply, "<data><uptime " BOX "><seconds>77</seconds></uptime></data>");
	reply = test_ask(&a, "<get><filter><box " BOX "><load/></box></filter></get>");
	test_has(reply, "<data><box " BOX "><load><percent>12</percent></load></box></data>");
	reply = test_ask(&a, "<get><filter><box " BOX "><label/></box></filter></get>");
	test_has(reply, "<data><box " BOX "><label>l</label></box></data>");
}

// --- editing ---

// Shows: RFC 6241 7.2 edit-config merge, replace, create, delete, remove; default-operation
static void edit_operations(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, EDIT("<box " BOX " " NC
			 "><item nc:operation=\"create\"><name>one</name></item></box>"));
	test_error(&a,
		   EDIT("<box " BOX " " NC
			"><item nc:operation=\"create\"><name>one</name></item></box>"),
		   "data-exists", "error-path");
	test_ok(&a, EDIT("<box " BOX "><item><name>one</name><size>4</size></item></box>"));
	test_config(&a, "candidate",
		    "<box " BOX "><item><name>one</name><size>4</size></item></box>");
	test_ok(&a, EDIT("<box " BOX " " NC
			 "><item nc:operation=\"replace\"><name>one</name></item></box>"));
	test_config(&a, "candidate", ITEM("one"));
	test_ok(&a, EDIT("<box " BOX " " NC
			 "><item nc:operation=\"delete\"><name>one</name></item></box>"));
	test_error(&a,
		   EDIT("<box " BOX " " NC
			"><item nc:operation=\"delete\"><name>one</name></item></box>"),
		   "data-missing", "error-path");
	test_ok(&a, EDIT("<box " BOX " " NC
			 "><item nc:operation=\"remove\"><name>one</name></item></box>"));
	test_config(&a, "candidate", "");
	test_ok(&a, EDIT(LABEL("x")));
	test_ok(&a, EDIT_WITH("<default-operation>replace</default-operation>", ITEM("two")));
	test_config(&a, "candidate", ITEM("two"));
	test_error(&a, EDIT_WITH("<default-operation>none</default-operation>", ITEM("three")),
		   "data-missing", "item");
	test_ok(&a, EDIT_WITH("<default-operation>none</default-operation>",
			      "<box " BOX " " NC
			      "><item nc:operation=\"create\"><name>three</name></item></box>"));
	test_config(&a, "candidate",
		    "<box " BOX
		    "><item><name>two</name></item><item><name>three</name></item></box>");
}

// Shows: RFC 7950 8.3.1 payload that is not of the model: keys, types, unknown nodes and namespaces
// Shows: RFC 6241 8.8 without :url a URL is refused
static void edits_that_are_refused(void **state)
{
	static const struct {
		const char *config, *tag;
	} bad[] = {
		{"<box " BOX "><item><size>4</size></item></box>", "missing-element"},
		{"<box " BOX "><item><name>x</name><size>400</size></item></box>", "invalid-value"},
		{"<box " BOX "><nonsense/></box>", "unknown-element"},
		{"<box xmlns=\"urn:nobody\"/>", "unknown-namespace"},
		{"<uptime " BOX "><seconds>1</seconds></uptime>", ""},
		{"<box " BOX " " NC "><item nc:operation=\"destroy\"><name>x</name></item></box>",
		 "bad-attribute"},
	};
	(void)state;
	test_peer_open(&a, &w);
	for (size_t i = 0; i < array_len(bad); i++) {
		const char *rpc = arena_printf(&w.arena, EDIT("%s"), bad[i].config);
		const char *reply = test_ask(&a, rpc);
		test_has(reply, "<error-tag>");
		if (*bad[i].tag)
			test_has(reply,
				 arena_printf(&w.arena, "<error-tag>%s</error-tag>", bad[i].tag));
	}
	test_config(&a, "candidate", "");
	test_ok(&a, "<lock><target><candidate/></target></lock>");
	test_error(&a,
		   "<edit-config><target><running/></target><config>" LABEL(
			   "x") "</config></edit-config>",
		   "unknown-element", "<bad-element>running</bad-element>");
	test_error(&a,
		   "<edit-config><target><candidate/></target><url>ftp://x/</url></edit-config>",
		   "unknown-element", "<bad-element>url</bad-element>");
}

static void several_errors_in_one_reply(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	const char *reply = test_ask(
		&a, EDIT("<box " BOX
			 "><level>x</level><item><name>n</name><size>y</size></item></box>"));
	const char *first = strstr(reply, "<rpc-error>");
	assert_non_null(first);
	assert_non_null(strstr(first + 1, "<rpc-error>"));
	test_has(reply, "/test-box:box/test-box:level</error-path>");
	test_has(reply, "xmlns:test-box=\"urn:test:box\"");
}

// Shows: RFC 6241 7.2 test-option: test-then-set, set, test-only
static void test_options(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, EDIT(LABEL("forbidden")));
	test_config(&a, "candidate", LABEL("forbidden"));
	test_ok(&a, "<discard-changes/>");
	test_error(&a, EDIT_WITH("<test-option>test-then-set</test-option>", LABEL("forbidden")),
		   "operation-failed", "label");
	test_config(&a, "candidate", "");
	test_ok(&a, EDIT_WITH("<test-option>test-only</test-option>", LABEL("good")));
	test_config(&a, "candidate", "");
	test_ok(&a, EDIT_WITH("<test-option>test-then-set</test-option>", LABEL("good")));
	test_ok(&a, EDIT_WITH("<test-option>set</test-option>", LABEL("forbidden")));
	test_config(&a, "candidate", LABEL("forbidden"));
}

// Shows: RFC 6241 7.2 error-option: stop-on-error, continue-on-error
// Shows: RFC 6241 8.5 rollback-on-error
static void error_options(void **state)
{
	static const char mixed[] =
		"<box " BOX "><level>900</level></box><other " BOX "><text>kept</text></other>";
	(void)state;
	test_peer_open(&a, &w);
	for (int i = 0; i < 2; i++) {
		const char *option = i ? "rollback-on-error" : "stop-on-error";
		const char *rpc =
			arena_printf(&w.arena, EDIT_WITH("<error-option>%s</error-option>", "%s"),
				     option, mixed);
		test_error(&a, rpc, "invalid-value", "level");
		test_config(&a, "candidate", "");
	}
	test_error(&a,
		   arena_printf(&w.arena,
				EDIT_WITH("<error-option>continue-on-error</error-option>", "%s"),
				mixed),
		   "invalid-value", "level");
	test_config(&a, "candidate", "<other " BOX "><text>kept</text></other>");
}

// Shows: RFC 6241 7.3 copy-config
// Shows: RFC 6241 7.4 delete-config
// Shows: RFC 6241 8.7 startup
static void copies_and_startup(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, "<commit/>");
	test_asked(&w, "commit;");
	test_ok(&a, "<copy-config><target><startup/></target><source><running/></source></"
		    "copy-config>");
	test_asked(&w, "persist;");
	test_config(&a, "startup", LABEL("one"));
	test_ok(&a, "<copy-config><target><candidate/></target><source><config>" LABEL(
			    "two") "</config></source></copy-config>");
	test_config(&a, "candidate", LABEL("two"));
	test_config(&a, "running", LABEL("one"));
	test_ok(&a, "<copy-config><target><candidate/></target><source><startup/></source></"
		    "copy-config>");
	test_config(&a, "candidate", LABEL("one"));
	w.box.fails = true;
	test_error(&a,
		   "<copy-config><target><startup/></target><source><config>" LABEL(
			   "two") "</config></source></copy-config>",
		   "operation-not-supported", "the box cannot do that");
	test_config(&a, "startup", LABEL("one"));
	w.box.fails = false;
	test_asked(&w, "persist;");
	test_error(&a,
		   "<copy-config><target><startup/></target><source><config>" LABEL(
			   "forbidden") "</config></source></copy-config>",
		   "operation-failed", "label");
	test_error(&a,
		   "<copy-config><target><running/></target><source><candidate/></source></"
		   "copy-config>",
		   "unknown-element", "<bad-element>running</bad-element>");
	test_error(
		&a,
		"<copy-config><target><startup/></target><source><startup/></source></copy-config>",
		"invalid-value", "same");
	test_ok(&a, "<delete-config><target><startup/></target></delete-config>");
	test_asked(&w, "persist nothing;");
	test_config(&a, "startup", "");
	test_error(&a, "<delete-config><target><url>file:///x</url></target></delete-config>",
		   "unknown-element", "<bad-element>url</bad-element>");
}

// Shows: RFC 6241 8.6 validate a datastore or a configuration in the request
static void validate(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, "<validate><source><running/></source></validate>");
	test_ok(&a, EDIT("<box " BOX "><item><name>a</name><next>b</next></item></box>"));
	test_error(&a, "<validate><source><candidate/></source></validate>", "data-missing",
		   "next");
	test_ok(&a, EDIT(ITEM("b")));
	test_ok(&a, "<validate><source><candidate/></source></validate>");
	test_ok(&a, EDIT(ITEM("refused")));
	test_error(&a, "<validate><source><candidate/></source></validate>", "operation-failed",
		   "does not like");
	test_error(&a,
		   "<validate><source><config>" LABEL("forbidden") "</config></source></validate>",
		   "operation-failed", "label");
	test_ok(&a, "<validate><source><config>" LABEL("fine") "</config></source></validate>");
}

// --- locks ---

// Shows: RFC 6241 7.5 lock keeps others out; lock-denied names the session
// Shows: RFC 6241 7.6 unlock
static void locks_keep_others_out(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_peer_open(&b, &w);
	test_ok(&a, "<lock><target><candidate/></target></lock>");
	test_ok(&a, "<lock><target><running/></target></lock>");
	test_ok(&a, "<lock><target><startup/></target></lock>");
	test_error(&b, "<lock><target><candidate/></target></lock>", "lock-denied",
		   "<session-id>1</session-id>");
	test_error(&a, "<lock><target><running/></target></lock>", "lock-denied",
		   "<session-id>1</session-id>");
	test_error(&b, EDIT(LABEL("x")), "in-use", "session 1 has locked candidate");
	test_error(&b, "<commit/>", "in-use", "running");
	test_error(&b, "<discard-changes/>", "in-use", "candidate");
	test_error(
		&b,
		"<copy-config><target><startup/></target><source><running/></source></copy-config>",
		"in-use", "startup");
	test_error(&b, "<delete-config><target><startup/></target></delete-config>", "in-use",
		   "startup");
	test_error(&b, "<unlock><target><candidate/></target></unlock>", "operation-failed",
		   "session 1");
	test_ok(&a, EDIT(LABEL("x")));
	test_ok(&a, "<unlock><target><running/></target></unlock>");
	test_error(&a, "<unlock><target><running/></target></unlock>", "operation-failed",
		   "not locked");
	test_ok(&b, "<lock><target><running/></target></lock>");
	test_error(&a, "<commit/>", "in-use", "session 2 has locked running");
}

// Shows: RFC 6241 8.3.5 the candidate cannot be locked with changes, and loses them with its lock
static void candidate_lock_and_changes(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_peer_open(&b, &w);
	test_ok(&a, EDIT(LABEL("x")));
	test_error(&b, "<lock><target><candidate/></target></lock>", "lock-denied",
		   "<session-id>0</session-id>");
	test_ok(&b, "<discard-changes/>");
	test_ok(&b, "<lock><target><candidate/></target></lock>");
	test_ok(&b, EDIT(LABEL("y")));
	test_ok(&b, "<unlock><target><candidate/></target></unlock>");
	test_config(&a, "candidate", "");
	// A failed edit leaves the candidate unmodified.
	test_error(&a, EDIT("<box " BOX "><level>900</level></box>"), "invalid-value", "level");
	test_ok(&a, "<lock><target><candidate/></target></lock>");
	test_ok(&a, EDIT(LABEL("z")));
	test_peer_fini(&a);
	a = (struct test_peer){.world = &w};
	test_event(&w, "1 admin: session ended by the client");
	test_config(&b, "candidate", "");
	test_ok(&b, "<lock><target><candidate/></target></lock>");
}

// Shows: RFC 6241 7.9 kill-session releases what the session held
static void kill_session(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_peer_open(&b, &w);
	test_ok(&a, "<lock><target><running/></target></lock>");
	test_error(&b, "<kill-session><session-id>9</session-id></kill-session>", "invalid-value",
		   "no session 9");
	test_error(&b, "<kill-session><session-id>2</session-id></kill-session>", "invalid-value",
		   "itself");
	test_ok(&b, "<kill-session><session-id>1</session-id></kill-session>");
	test_ok(&b, "<lock><target><running/></target></lock>");
	test_until_closed(&a);
	test_event(&w, "kill-session");
	test_error(&b, "<kill-session><session-id>1</session-id></kill-session>", "invalid-value",
		   "no session 1");
}

// --- other operations ---

static void handlers(void **state)
{
	(void)state;
	test_peer_open(&a, &w);
	test_has(test_ask(&a, "<echo " BOX "><text>a &amp; b</text></echo>"),
		 "><text " BOX ">a &amp; b</text></rpc-reply>");
	test_ok(&a, "<nothing " BOX "/>");
	test_error(&a, "<unhandled " BOX "/>", "operation-not-supported", "not implemented");
	test_error(&a, "<echo " BOX "/>", "missing-element", "text");
	test_error(&a, "<frobnicate " BOX "/>", "operation-not-supported", "frobnicate");
	w.box.later = true;
	test_send(&a, "<echo " BOX "><text>later</text></echo>");
	while (!w.box.held)
		test_step(&w);
	test_box_answer(&w.box);
	test_has(test_receive(&a), "later");
	w.box.later = false;
	w.box.fails = true;
	const char *reply = test_ask(&a, "<nothing " BOX "/>");
	test_has(reply, "<error-tag>operation-not-supported</error-tag>");
	test_has(reply, "<code>capability</code><hint>try something else</hint><rule>r1</rule>");
}

static void the_asker_may_be_gone_before_the_answer(void **state)
{
	(void)state;
	w.box.later = true;
	test_peer_open(&a, &w);
	test_peer_open(&b, &w);
	test_send(&a, "<nothing " BOX "/>");
	while (!w.box.held)
		test_step(&w);
	test_ok(&b, "<kill-session><session-id>1</session-id></kill-session>");
	test_until_closed(&a);
	test_box_answer(&w.box);
	test_ok(&b, "<discard-changes/>");
}

static void send_raw(struct test_peer *p, const char *message)
{
	struct buf rpc = {.data = (char *)(uintptr_t)message, .len = strlen(message)};
	struct buf frame cleanup(buf_fini);
	buf_init(&frame);
	netconf_session_frame(&p->session, &rpc, &frame);
	test_peer_write(p, frame.data);
}

// Shows: RFC 6241 4.3 malformed messages and missing message-ids
static void bad_messages(void **state)
{
	static const struct {
		const char *message, *tag, *text;
	} bad[] = {
		{"<rpc " BASE "><get/></rpc>", "missing-attribute",
		 "<bad-attribute>message-id</bad-attribute>"},
		{"<rpc " BASE " message-id=\"1\">", "malformed-message", ""},
		{"<rpc " BASE " message-id=\"1\"><get></rpc>", "malformed-message", ""},
		{"hello there", "malformed-message", ""},
		{"<hello " BASE "/>", "malformed-message", "rpc"},
		{"<rpc " BASE " message-id=\"1\"/>", "missing-element", "message-id=\"1\""},
		{"<!DOCTYPE rpc [<!ENTITY a 'b'>]><rpc " BASE " message-id=\"1\"><get/></rpc>",
		 "malformed-message", ""},
		{"<rpc message-id=\"1\"><get/></rpc>", "", ""},
	};
	(void)state;
	test_peer_open(&a, &w);
	for (size_t i = 0; i < array_len(bad); i++) {
		send_raw(&a, bad[i].message);
		const char *reply = test_receive(&a);
		test_has(reply, arena_printf(&w.arena, "<error-tag>%s", bad[i].tag));
		test_has(reply, bad[i].text);
	}
	test_ok(&a, "<discard-changes/>");
}

// --- notifications ---

static void a_subscriber_that_does_not_read(void **state)
{
	static const char rang[] = "<rang " BOX "><bell>door</bell></rang>";
	(void)state;
	test_peer_open(&a, &w);
	test_ok(&a, SUBSCRIBE(""));
	a.deaf = true;
	for (int i = 0; i < 20000 && netconf_server_sessions(w.box.server); i++)
		netconf_server_notify(w.box.server, rang, strlen(rang), 0);
	assert_int_equal(netconf_server_sessions(w.box.server), 0);
	test_event(&w, "the subscriber does not read its notifications");
}

// A request that takes many slices of time to read, whose session ends at any moment of that; and so does the server.
static void gone_while_a_request_is_read(void **state)
{
	struct buf request cleanup(buf_fini);
	(void)state;
	test_world_fini(&w);
	test_pair_begin(&(struct netconf_server_options){.message_most = 4u << 20}, 0);
	buf_init(&request);
	buf_adds(&request, "<edit-config><target><candidate/></target><config>");
	while (request.len < 2u << 20)
		buf_adds(&request, "<other " BOX "><text>x</text></other>");
	buf_adds(&request, "</config></edit-config>");
	for (unsigned steps = 1; steps < 60; steps += 3) {
		test_peer_open(&a, &w);
		test_send(&a, request.data);
		for (unsigned i = 0; i < steps && a.seen == a.message.len; i++)
			test_step(&w);
		test_peer_fini(&a);
		a = (struct test_peer){.world = &w};
	}
	test_peer_open(&b, &w);
	test_ok(&b, "<discard-changes/>");
	while (netconf_server_sessions(w.box.server) > 1)
		test_step(&w);
	test_send(&b, request.data);
	for (unsigned i = 0; i < 20 && b.seen == b.message.len; i++)
		test_step(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, test_pair_teardown)
#define SMALL(fn) cmocka_unit_test_setup_teardown(fn, setup_small, test_pair_teardown)
		T(hello_and_capabilities),
		T(both_framings_byte_at_a_time),
		T(requests_may_be_pipelined),
		T(attributes_are_echoed),
		SMALL(client_without_hello),
		T(client_with_another_hello),
		SMALL(silent_client_stalls_nobody),
		SMALL(there_may_be_too_many),
		SMALL(idle_sessions_end_but_not_subscribers),
		SMALL(frame_beyond_the_limit),
		T(bad_frame),
		T(a_peer_that_never_reads),
		T(half_open_connection),
		T(the_connection_ends_within_a_message),
		T(get_config_and_filters),
		T(get_joins_state),
		T(edit_operations),
		T(edits_that_are_refused),
		T(several_errors_in_one_reply),
		T(test_options),
		T(error_options),
		T(copies_and_startup),
		T(validate),
		T(locks_keep_others_out),
		T(candidate_lock_and_changes),
		T(kill_session),
		T(handlers),
		T(the_asker_may_be_gone_before_the_answer),
		T(bad_messages),
		T(gone_while_a_request_is_read),
		SMALL(a_subscriber_that_does_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
