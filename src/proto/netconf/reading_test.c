// SPDX-License-Identifier: Apache-2.0
// Reading: what is shown of defaults, and answers that are printed as they are read.
#include "io/stream.h"
#include "proto/netconf/server_internal.h"
#include "proto/netconf/test_pair.h"
#include "schema/schema.h"

#include <string.h>

#define PAGES 300
#define PAGE_BYTES 60000

static int setup_impatient(void **state)
{
	(void)state;
	return test_pair_begin(&(struct netconf_server_options){.held_most = 1u << 20}, 1);
}

#define WD "<with-defaults xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults\">"

// --- with-defaults ---

static const char *with_defaults(const char *operation, const char *mode)
{
	const char *inside = strcmp(operation, "get") == 0 ? "<filter><box " BOX "/></filter>"
							   : "<source><running/></source>";
	return test_ask(&a, arena_printf(&w.arena, "<%s>%s" WD "%s</with-defaults></%s>", operation,
					 inside, mode, operation));
}

// Shows: RFC 6243 4.1 capability: basic-mode explicit, also-supported report-all, report-all-tagged, trim
// Shows: RFC 6243 3.1 report-all
// Shows: RFC 6243 3.2 trim
// Shows: RFC 6243 3.3 explicit
// Shows: RFC 6243 3.4 report-all-tagged: wd:default marks what was not set
// Shows: RFC 6243 4.5.1 with-defaults in get and get-config
static void defaults_are_shown_as_asked(void **state)
{
	static const char *const operation[] = {"get", "get-config"};
	(void)state;
	assert_true(netconf_session_has(
		&a.session,
		"urn:ietf:params:netconf:capability:with-defaults:1.0"
		"?basic-mode=explicit&also-supported=report-all,report-all-tagged,trim"));
	test_ok(&a, EDIT("<box " BOX "><page><number>1</number><seen>false</seen></page>"
			 "<page><number>2</number></page></box>"));
	test_ok(&a, "<commit/>");
	for (int i = 0; i < 2; i++) {
		const char *reply = with_defaults(operation[i], "explicit");
		test_has(reply, "<number>1</number><seen>false</seen>");
		test_has(reply, "<number>2</number></page>");
		test_has_not(reply, "level");
		reply = with_defaults(operation[i], "report-all");
		test_has(reply, "<number>2</number><seen>false</seen>");
		test_has(reply, "<level>3</level>");
		reply = with_defaults(operation[i], "trim");
		test_has(reply, "<number>1</number></page>");
		test_has_not(reply, "level");
		reply = with_defaults(operation[i], "report-all-tagged");
		test_has(reply, "=\"urn:ietf:params:xml:ns:netconf:default:1.0\"");
		test_has(reply, ":default=\"true\">3</level>");
		test_has(reply, "<number>2</number><seen ");
	}
	test_error(&a, "<get>" WD "everything</with-defaults></get>", "invalid-value",
		   "with-defaults");
}

// Shows: RFC 6243 4.5.3 with-defaults in copy-config
static void copies_with_defaults(void **state)
{
	(void)state;
	test_ok(&a, EDIT("<box " BOX "><page><number>1</number><seen>false</seen></page></box>"));
	test_ok(&a, "<commit/>");
	test_ok(&a, "<copy-config><target><startup/></target><source><running/></source>" WD
		    "trim</with-defaults></copy-config>");
	test_config(&a, "startup", "<box " BOX "><page><number>1</number></page></box>");
	test_ok(&a, "<copy-config><target><startup/></target><source><running/></source>" WD
		    "report-all</with-defaults></copy-config>");
	const char *all = test_ask(&a, "<get-config><source><startup/></source></get-config>");
	test_has(all, "<box " BOX "><page><number>1</number><seen>false</seen></page>"
		      "<level>3</level></box>");
	test_has(all, "<enable-nacm>true</enable-nacm>");
	test_ok(&a, "<copy-config><target><startup/></target><source><running/></source>" WD
		    "report-all-tagged</with-defaults></copy-config>");
	test_config(&a, "startup",
		    "<box " BOX "><page><number>1</number><seen>false</seen></page></box>");
}

#define TAGGED(value, default)                                                     \
	"<box " BOX " xmlns:wd=\"urn:ietf:params:xml:ns:netconf:default:1.0\" " NC \
	"><level wd:default=\"" default "\">" value "</level></box>"
#define NC "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\""

// Shows: RFC 6243 4.5.2 wd:default in edit-config sets a leaf back to its default, which its value must be
static void tagged_defaults_are_edited(void **state)
{
	(void)state;
	test_ok(&a, EDIT("<box " BOX "><level>7</level><label>l</label></box>"));
	test_ok(&a, EDIT(TAGGED("3", "false")));
	test_config(&a, "candidate", "<box " BOX "><label>l</label><level>3</level></box>");
	test_ok(&a, EDIT(TAGGED("3", "true")));
	test_config(&a, "candidate", "<box " BOX "><label>l</label></box>");
	test_error(&a, EDIT(TAGGED("4", "true")), "invalid-value", "level/@default</error-path>");
	test_error(&a, EDIT(TAGGED("3", "maybe")), "bad-attribute",
		   "<bad-attribute>default</bad-attribute><bad-element>level</bad-element>");
	test_error(&a,
		   EDIT("<box " BOX " xmlns:wd=\"urn:ietf:params:xml:ns:netconf:default:1.0\" " NC
			"><level wd:default=\"true\" nc:operation=\"delete\">3</level></box>"),
		   "bad-attribute", "<bad-attribute>default</bad-attribute>");
	// What report-all-tagged has shown can be given back.
	test_ok(&a, "<edit-config><target><candidate/></target><default-operation>replace"
		    "</default-operation><config>" TAGGED("3", "1") "</config></edit-config>");
	test_config(&a, "candidate", "");
}

// --- XPath ---

#define XPATH(select) "<filter type=\"xpath\" xmlns:t=\"urn:test:box\" select=\"" select "\"/>"
#define GET_CONFIG(filter) "<get-config><source><candidate/></source>" filter "</get-config>"

static void expect(const char *operation, const char *wanted)
{
	test_has(test_ask(&a, operation),
		 arena_printf(&w.arena, "<data>%s</data></rpc-reply>", wanted));
}

// Shows: RFC 6241 8.9 :xpath: filters of get-config; prefixes are those declared where the filter stands
static void xpath_filters(void **state)
{
	(void)state;
	assert_true(
		netconf_session_has(&a.session, "urn:ietf:params:netconf:capability:xpath:1.0"));
	test_ok(&a, EDIT("<box " BOX "><item><name>one</name><size>1</size></item><item><name>two"
			 "</name><size>2</size></item><label>l</label></box>"));
	expect(GET_CONFIG(XPATH("/t:box/t:item[t:size > 1]")),
	       "<box " BOX "><item><name>two</name><size>2</size></item></box>");
	expect(GET_CONFIG(XPATH("/t:box/t:item/t:size | //t:label")),
	       "<box " BOX "><item><name>one</name><size>1</size></item><item><name>two</name>"
	       "<size>2</size></item><label>l</label></box>");
	expect(GET_CONFIG(XPATH("t:box/t:label")), "<box " BOX "><label>l</label></box>");
	expect(GET_CONFIG(XPATH("/t:box/t:item[t:name='three']")), "");
	expect(GET_CONFIG("<filter type=\"xpath\" select=\"/x:box/x:label\" "
			  "xmlns:x=\"urn:test:box\"/>"),
	       "<box " BOX "><label>l</label></box>");
}

// Shows: RFC 6241 8.9.5 an expression of get sees configuration and state together
static void xpath_sees_configuration_and_state(void **state)
{
	(void)state;
	test_ok(&a, EDIT("<box " BOX "><label>l</label><level>12</level></box>"));
	test_ok(&a, "<commit/>");
	expect("<get>" XPATH("/t:uptime[t:seconds = 77]") "</get>",
	       "<uptime " BOX "><seconds>77</seconds></uptime>");
	expect("<get>" XPATH("/t:box[t:load/t:percent = t:level]/t:label") "</get>",
	       "<box " BOX "><label>l</label></box>");
	expect("<get>" XPATH("/t:box/t:label[/t:uptime/t:seconds = 77]") "</get>",
	       "<box " BOX "><label>l</label></box>");
}

// Shows: RFC 6241 8.9.5 errors of XPath filters: no nodes, no expression, unknown prefix, no select
static void xpath_filters_that_are_refused(void **state)
{
	static const char *const bad[] = {
		GET_CONFIG(XPATH("count(/t:box)")), GET_CONFIG(XPATH("/t:box[")),
		GET_CONFIG(XPATH("/u:box")),        GET_CONFIG(XPATH("")),
		"<get>" XPATH("1 + 1") "</get>",
	};
	(void)state;
	for (size_t i = 0; i < array_len(bad); i++)
		test_error(&a, bad[i], "invalid-value", "filter/@select</error-path>");
	test_error(&a, GET_CONFIG("<filter type=\"xpath\"/>"), "missing-attribute",
		   "<bad-attribute>select</bad-attribute><bad-element>filter</bad-element>");
}

// --- in pieces ---

#define GET_RUNNING "<get-config><source><running/></source></get-config>"
#define GET_CANDIDATE(filter) "<get-config><source><candidate/></source>" filter "</get-config>"

static void edit_pages(void)
{
	struct buf edit cleanup(buf_fini);
	char text[PAGE_BYTES + 1];
	memset(text, 'x', PAGE_BYTES);
	text[PAGE_BYTES] = '\0';
	buf_init(&edit);
	buf_adds(&edit, "<edit-config><target><candidate/></target><config><box " BOX ">");
	for (int i = 0; i < PAGES; i++)
		buf_printf(&edit, "<page><number>%d</number><text>%s</text></page>", i, text);
	buf_adds(&edit, "</box></config></edit-config>");
	test_ok(&a, edit.data);
}

static void write_pages(void)
{
	edit_pages();
	test_ok(&a, "<commit/>");
}

static const struct netconf_peer *server_side(uint32_t id)
{
	for (const struct netconf_peer *p = w.box.server->peers; p; p = p->next)
		if (p->id == id)
			return p;
	fail_msg("session %u is gone", id);
	return NULL;
}

static bool somebody_reads(void)
{
	for (const struct netconf_rpc *rpc = w.box.server->rpcs; rpc; rpc = rpc->next)
		if (rpc->reading)
			return true;
	return false;
}

static void until_nobody_reads(void)
{
	while (somebody_reads())
		test_step(&w);
}

// A session that asks for everything and reads nothing. Meanwhile others are served.
static void read_slowly(const char *request)
{
	b.deaf = true;
	test_send(&b, request);
	while (!somebody_reads())
		test_step(&w);
	for (int i = 0; i < 50; i++)
		test_has(test_ask(&a, "<get><filter><uptime " BOX "/></filter></get>"), ">77<");
	assert_true(somebody_reads());
	assert_true(io_stream_queued(server_side(2)->stream) < 2 * NETCONF_READ_AHEAD);
}

static void hears_everything(struct test_peer *p)
{
	p->deaf = false;
	io_stream_resume(p->stream);
	const char *reply = test_receive(p);
	assert_true(strlen(reply) > (size_t)PAGES * PAGE_BYTES);
	test_has(reply, "<number>0</number>");
	test_has(reply, arena_printf(&w.arena, "<number>%d</number>", PAGES - 1));
	test_has(reply, "</box></data></rpc-reply>");
	test_has_not(reply, "<label>");
}

static void an_answer_waits_for_its_reader(void **state)
{
	(void)state;
	write_pages();
	test_peer_open(&b, &w);
	read_slowly(GET_RUNNING);
	hears_everything(&b);
	assert_false(somebody_reads());
	test_ok(&b, "<discard-changes/>");
}

static void a_write_does_not_change_what_is_being_read(void **state)
{
	(void)state;
	write_pages();
	test_peer_open(&b, &w);
	read_slowly(GET_RUNNING);
	test_ok(&a, EDIT("<box " BOX "><label>new</label></box>"));
	test_has(test_ask(&a, GET_CANDIDATE("<filter><box " BOX "><label/></box></filter>")),
		 ">new<");
	assert_true(somebody_reads());
	test_ok(&a, "<commit/>");
	until_nobody_reads();
	hears_everything(&b);
}

// What is discarded can be read to its end, and what is edited then is something else.
static void a_discarded_candidate_is_read_to_its_end(void **state)
{
	(void)state;
	edit_pages();
	test_peer_open(&b, &w);
	read_slowly(GET_CANDIDATE(""));
	test_ok(&a, "<discard-changes/>");
	assert_true(somebody_reads());
	test_ok(&a, EDIT("<box " BOX "><label>new</label></box>"));
	assert_false(somebody_reads());
	hears_everything(&b);
}

static void a_slow_reader_does_not_keep_others_from_writing(void **state)
{
	(void)state;
	write_pages();
	test_peer_open(&b, &w);
	read_slowly(GET_RUNNING);
	test_ok(&a, EDIT("<box " BOX "><label>new</label></box>"));
	test_ok(&a, "<commit/>");
	test_event(&w, "2 admin: session ended by the server: somebody writes, and too much is "
		       "left of what the session reads");
	assert_int_equal(netconf_server_sessions(w.box.server), 1);
}

static void notifications_wait_for_the_answer(void **state)
{
	static const char fell[] = "<fell " BOX "/>";
	(void)state;
	write_pages();
	test_peer_open(&b, &w);
	test_ok(&b, "<create-subscription "
		    "xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"/>");
	read_slowly(GET_RUNNING);
	netconf_server_notify(w.box.server, fell, strlen(fell), 0);
	hears_everything(&b);
	test_has(test_receive(&b), fell);
}

static void readers_may_go(void **state)
{
	(void)state;
	write_pages();
	test_peer_open(&b, &w);
	read_slowly(GET_RUNNING);
	test_ok(&a, "<kill-session><session-id>2</session-id></kill-session>");
	assert_false(somebody_reads());
	test_peer_fini(&b);
	test_peer_open(&b, &w);
	b.deaf = true;
	test_send(&b, GET_RUNNING);
	while (!somebody_reads())
		test_step(&w);
	test_peer_fini(&b);
	b = (struct test_peer){.world = &w};
	until_nobody_reads();
	test_ok(&a, "<discard-changes/>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, test_pair_setup, test_pair_teardown)
#define IMPATIENT(fn) cmocka_unit_test_setup_teardown(fn, setup_impatient, test_pair_teardown)
		T(defaults_are_shown_as_asked),
		T(copies_with_defaults),
		T(tagged_defaults_are_edited),
		T(xpath_filters),
		T(xpath_sees_configuration_and_state),
		T(xpath_filters_that_are_refused),
		T(an_answer_waits_for_its_reader),
		T(a_write_does_not_change_what_is_being_read),
		T(a_discarded_candidate_is_read_to_its_end),
		IMPATIENT(a_slow_reader_does_not_keep_others_from_writing),
		T(notifications_wait_for_the_answer),
		T(readers_may_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
