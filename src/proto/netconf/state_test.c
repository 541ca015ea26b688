// SPDX-License-Identifier: Apache-2.0
// What the server says of itself: monitoring, the library of modules, their texts.
#include "proto/netconf/test_pair.h"
#include "schema/schema.h"

#include <string.h>

#define NCM "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\""
#define LIBRARY "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-yang-library\""

static const char *state_of(const char *inside)
{
	return test_ask(&a, arena_printf(&w.arena,
					 "<get><filter><netconf-state " NCM ">%s</netconf-state>"
					 "</filter></get>",
					 inside));
}

// Shows: RFC 6022 2.1.1 capabilities are those of the hello
static void capabilities(void **state)
{
	(void)state;
	const char *reply = state_of("<capabilities/>");
	for (size_t i = 0; i < a.session.capability.len; i++) {
		struct buf xml cleanup(buf_fini);
		buf_init(&xml);
		buf_add_xml(&xml, a.session.capability.at[i]);
		test_has(reply, arena_printf(&w.arena, "<capability>%s</capability>", xml.data));
	}
	test_has_not(reply, "<sessions>");
}

// Shows: RFC 6022 2.1.2 datastores with their global locks
static void locks(void **state)
{
	(void)state;
	test_has(state_of("<datastores/>"),
		 "<datastores><datastore><name>running</name></datastore><datastore>"
		 "<name>candidate</name></datastore><datastore><name>startup</name></datastore>");
	test_ok(&a, "<lock><target><candidate/></target></lock>");
	const char *reply = state_of("<datastores/>");
	test_has(reply, "<name>candidate</name><locks><global-lock><locked-by-session>1"
			"</locked-by-session><locked-time>20");
	test_has(reply, "<datastore><name>running</name></datastore>");
	test_ok(&a, "<unlock><target><candidate/></target></unlock>");
	test_has_not(state_of("<datastores/>"), "lock");
}

// Shows: RFC 6022 2.1.4 sessions with transport, user, source and counters
static void sessions(void **state)
{
	(void)state;
	test_peer_open(&b, &w);
	test_error(&b, "<nothing " BOX "><x/></nothing>", "unknown-element", "x");
	test_error(&b, "<kill-session><session-id>77</session-id></kill-session>", "invalid-value",
		   "77");
	test_peer_write(&b, "\n#8\nnonsense\n##\n");
	test_has(test_receive(&b), "malformed-message");
	const char *reply = state_of("<sessions><session><session-id>2</session-id></session>"
				     "</sessions>");
	test_has(reply, "<session><session-id>2</session-id>"
			"<transport>netconf-tls</transport><username>admin</username>"
			"<source-host>127.0.0.1</source-host><login-time>20");
	test_has(reply, "<in-rpcs>2</in-rpcs><in-bad-rpcs>1</in-bad-rpcs>"
			"<out-rpc-errors>3</out-rpc-errors>"
			"<out-notifications>0</out-notifications>");
	test_has_not(reply, "<session-id>1</session-id>");
}

// Shows: RFC 6022 2.1.5 statistics of the server
static void statistics(void **state)
{
	(void)state;
	test_peer_connect(&b, &w, "admin");
	test_peer_write(&b, "<hello/>" EOM);
	test_until_closed(&b);
	test_peer_fini(&b);
	test_peer_open(&b, &w);
	io_stream_free(b.stream);
	b.stream = NULL;
	test_event(&w, "session ended by the client");
	test_peer_fini(&b);
	b = (struct test_peer){.world = &w};
	const char *reply = state_of("<statistics/>");
	test_has(reply, "<statistics><netconf-start-time>20");
	test_has(reply, "<in-bad-hellos>1</in-bad-hellos><in-sessions>2</in-sessions>"
			"<dropped-sessions>1</dropped-sessions><in-rpcs>1</in-rpcs>"
			"<in-bad-rpcs>0</in-bad-rpcs>");
}

// Shows: RFC 8525 4 yang-library and modules-state as data; the content-id is that of the hello
static void library(void **state)
{
	char id[17];
	(void)state;
	schema_content_id(w.box.schema, id);
	assert_true(netconf_session_has(
		&a.session, arena_printf(&w.arena,
					 "urn:ietf:params:netconf:capability:yang-library:1.1"
					 "?revision=2019-01-04&content-id=%s",
					 id)));
	assert_true(netconf_session_has(
		&a.session, arena_printf(&w.arena,
					 "urn:ietf:params:netconf:capability:yang-library:1.0"
					 "?revision=2019-01-04&module-set-id=%s",
					 id)));
	const char *reply = test_ask(&a, "<get><filter><yang-library " LIBRARY "/></filter></get>");
	test_has(reply, arena_printf(&w.arena, "<content-id>%s</content-id>", id));
	test_has(reply, "<module><name>test-box</name><revision>2024-01-01</revision>"
			"<namespace>urn:test:box</namespace></module>");
	test_has(reply, "ds:running</name><schema>all</schema>");
	test_has_not(reply, "<feature>url</feature>");
	test_has_not(reply, "<feature>writable-running</feature>");
	test_has_not(reply, "modules-state");
	reply = test_ask(&a, "<get><filter><modules-state " LIBRARY "/></filter></get>");
	test_has(reply, arena_printf(&w.arena, "<module-set-id>%s</module-set-id>", id));
	test_has(reply, "<namespace>urn:test:box</namespace>"
			"<conformance-type>implement</conformance-type>");
}

#define GET_SCHEMA(inside) "<get-schema " NCM ">" inside "</get-schema>"

// Shows: RFC 6022 3.1 get-schema: text of a module, by name and version
static void texts(void **state)
{
	(void)state;
	test_has(state_of("<schemas/>"),
		 "<schema><identifier>test-box</identifier><version>2024-01-01</version>");
	const char *reply =
		test_ask(&a, GET_SCHEMA("<identifier>test-box</identifier><version>2024-01-01"
					"</version><format>yang</format>"));
	test_has(reply, "<data " NCM ">module test-box {");
	test_has(reply, "must &quot;. != &apos;forbidden&apos;&quot;");
	test_has(test_ask(&a, GET_SCHEMA("<identifier>ietf-inet-types</identifier>")),
		 "module ietf-inet-types {");
}

// Shows: RFC 6022 3.1 get-schema of a module of which there are several revisions: data-not-unique without a version
static void texts_of_several_revisions(void **state)
{
	(void)state;
	const char *reply = state_of("<schemas/>");
	test_has(reply, "<identifier>test-lent</identifier><version>2023-01-01</version>");
	test_has(reply, "<identifier>test-lent</identifier><version>2024-01-01</version>");
	test_has(test_ask(&a, GET_SCHEMA("<identifier>test-lent</identifier><version>2023-01-01"
					 "</version>")),
		 "range &quot;1..3&quot;");
	test_has(test_ask(&a, GET_SCHEMA("<identifier>test-lent</identifier><version>2024-01-01"
					 "</version>")),
		 "range &quot;1..4&quot;");
	test_error(&a, GET_SCHEMA("<identifier>test-lent</identifier>"), "operation-failed",
		   "<error-app-tag>data-not-unique</error-app-tag>");
}

// Shows: RFC 6022 3.1 get-schema errors: unknown module, unknown version, unknown format
static void texts_that_are_not_there(void **state)
{
	(void)state;
	test_error(&a, GET_SCHEMA("<identifier>nobody</identifier>"), "invalid-value", "nobody");
	test_error(&a, GET_SCHEMA("<identifier>test-box</identifier><version>1999-01-01</version>"),
		   "invalid-value", "1999-01-01");
	test_error(&a, GET_SCHEMA("<identifier>test-box</identifier><format>yin</format>"),
		   "invalid-value", "format");
	test_error(&a, GET_SCHEMA("<identifier>test-box</identifier><format>pdf</format>"),
		   "invalid-value", "format");
	test_error(&a, GET_SCHEMA(""), "missing-element", "identifier");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, test_pair_setup, test_pair_teardown)
		T(capabilities),
		T(locks),
		T(sessions),
		T(statistics),
		T(library),
		T(texts),
		T(texts_of_several_revisions),
		T(texts_that_are_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
