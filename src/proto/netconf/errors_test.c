// SPDX-License-Identifier: Apache-2.0
// The errors of RFC 6241 appendix A as a client meets them: tag, type, and what error-info must name.
#include "proto/netconf/test_pair.h"

#include <string.h>

#define NC "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\""
#define ITEM(inside) "<box " BOX " " NC "><item" inside "</item></box>"

struct wrong {
	const char *operation, *type, *tag, *info;
};

static void assert_refused(const struct wrong *wrong)
{
	const char *reply = test_ask(&a, wrong->operation);
	test_has(reply, arena_printf(&w.arena,
				     "<rpc-error><error-type>%s</error-type><error-tag>%s"
				     "</error-tag><error-severity>error</error-severity>",
				     wrong->type, wrong->tag));
	test_has(reply, "<error-message xml:lang=\"en\">");
	test_has(reply, arena_printf(&w.arena, "<error-info>%s", wrong->info));
}

static void assert_all_refused(const struct wrong *wrong, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_refused(&wrong[i]);
}

// Shows: RFC 6241 A missing-element, unknown-element, bad-element and unknown-namespace name the element
static void elements(void **state)
{
	static const struct wrong cases[] = {
		{EDIT(ITEM("><size>4</size>")), "application", "missing-element",
		 "<bad-element>name</bad-element>"},
		{"<kill-session/>", "application", "missing-element",
		 "<bad-element>session-id</bad-element>"},
		{EDIT("<box " BOX "><frob/></box>"), "protocol", "unknown-element",
		 "<bad-element>frob</bad-element>"},
		{EDIT("<box " BOX "/><box " BOX "/>"), "application", "bad-element",
		 "<bad-element>box</bad-element>"},
		{EDIT("<box xmlns=\"urn:nobody\"/>"), "protocol", "unknown-namespace",
		 "<bad-element>box</bad-element><bad-namespace>urn:nobody</bad-namespace>"},
		{"<get xmlns=\"urn:nobody\"/>", "protocol", "unknown-namespace",
		 "<bad-element>get</bad-element><bad-namespace>urn:nobody</bad-namespace>"},
	};
	(void)state;
	assert_all_refused(cases, array_len(cases));
}

// Shows: RFC 6241 A missing-attribute, bad-attribute and unknown-attribute name attribute and element
static void attributes(void **state)
{
	static const struct wrong cases[] = {
		{EDIT(ITEM(" nc:operation=\"destroy\"><name>x</name>")), "protocol",
		 "bad-attribute",
		 "<bad-attribute>operation</bad-attribute><bad-element>item</bad-element>"},
		{EDIT(ITEM("><name nc:operation=\"delete\">x</name>")), "protocol", "bad-attribute",
		 "<bad-attribute>operation</bad-attribute><bad-element>name</bad-element>"},
		{EDIT(ITEM(" nc:colour=\"red\"><name>x</name>")), "protocol", "unknown-attribute",
		 "<bad-attribute>colour</bad-attribute><bad-element>item</bad-element>"},
		{"<get><filter type=\"regex\"/></get>", "protocol", "bad-attribute",
		 "<bad-attribute>type</bad-attribute><bad-element>filter</bad-element>"},
	};
	(void)state;
	assert_all_refused(cases, array_len(cases));
}

// Shows: RFC 6241 A invalid-value, data-exists, data-missing, operation-not-supported, operation-failed
static void values_and_data(void **state)
{
	static const struct wrong cases[] = {
		{EDIT(ITEM("><name>x</name><size>400</size>")), "application", "invalid-value", ""},
		{EDIT(ITEM(" nc:operation=\"create\"><name>one</name>")), "application",
		 "data-exists", ""},
		{EDIT(ITEM(" nc:operation=\"delete\"><name>two</name>")), "application",
		 "data-missing", ""},
		{"<unhandled " BOX "/>", "protocol", "operation-not-supported", ""},
		{"<unlock><target><running/></target></unlock>", "application", "operation-failed",
		 ""},
		{"<kill-session><session-id>99</session-id></kill-session>", "application",
		 "invalid-value", ""},
	};
	(void)state;
	test_ok(&a, EDIT(ITEM("><name>one</name>")));
	assert_all_refused(cases, array_len(cases));
}

// Shows: RFC 6241 A lock-denied with the session's id, in-use
static void locks(void **state)
{
	static const struct wrong cases[] = {
		{"<lock><target><candidate/></target></lock>", "protocol", "lock-denied",
		 "<session-id>2</session-id>"},
		{EDIT(ITEM("><name>one</name>")), "protocol", "in-use", ""},
		{"<commit/>", "protocol", "in-use", ""},
		{"<discard-changes/>", "protocol", "in-use", ""},
		{"<copy-config><target><candidate/></target><source><running/></source>"
		 "</copy-config>",
		 "protocol", "in-use", ""},
	};
	(void)state;
	test_peer_open(&b, &w);
	test_ok(&b, "<lock><target><candidate/></target></lock>");
	assert_all_refused(cases, array_len(cases));
}

// Shows: RFC 7950 15.4 a broken must: operation-failed with must-violation
// Shows: RFC 7950 15.5 a leafref to nothing: data-missing with instance-required
static void constraints(void **state)
{
	(void)state;
	test_ok(&a, EDIT("<box " BOX "><label>forbidden</label></box>"));
	const char *reply = test_ask(&a, "<validate><source><candidate/></source></validate>");
	test_has(reply, "<error-tag>operation-failed</error-tag>");
	test_has(reply, "<error-app-tag>must-violation</error-app-tag>");
	test_ok(&a, "<discard-changes/>");
	test_ok(&a, EDIT(ITEM("><name>one</name><next>two</next>")));
	reply = test_ask(&a, "<commit/>");
	test_has(reply, "<error-tag>data-missing</error-tag>");
	test_has(reply, "<error-app-tag>instance-required</error-app-tag>");
	test_has(reply,
		 "/test-box:box/test-box:item[test-box:name=&apos;one&apos;]/test-box:next<");
}

#define STRICT(inside) "<strict " BOX ">" inside "</strict>"
#define PAIR(name, port) "<pair><name>" name "</name><port>" port "</port></pair>"

// Shows: RFC 7950 15.1 data-not-unique names the entries
// Shows: RFC 7950 15.2 too-many-elements
// Shows: RFC 7950 15.4 the error-app-tag of a must is the module's own
// Shows: RFC 7950 15.6 a mandatory choice: data-missing with missing-choice
static void broken_constraints(void **state)
{
	static const struct {
		const char *config, *tag, *app_tag, *text;
	} cases[] = {
		{STRICT("<left/>" PAIR("a", "1") PAIR("b", "1")), "operation-failed",
		 "data-not-unique", "<non-unique xmlns=\"urn:ietf:params:xml:ns:yang:1\">"},
		{STRICT("<left/>" PAIR("a", "1") PAIR("b", "2") PAIR("c", "3") PAIR("d", "4")),
		 "operation-failed", "too-many-elements", "strict"},
		{STRICT("<left/><rank>7</rank>"), "operation-failed", "rank-too-high", "rank"},
		{STRICT(""), "data-missing", "missing-choice",
		 "<missing-choice xmlns=\"urn:ietf:params:xml:ns:yang:1\">way</missing-choice>"},
	};
	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		test_ok(&a, arena_printf(&w.arena, EDIT("%s"), cases[i].config));
		test_error(&a, "<commit/>", cases[i].tag,
			   arena_printf(&w.arena, "<error-app-tag>%s</error-app-tag>",
					cases[i].app_tag));
		test_error(&a, "<commit/>", cases[i].tag, cases[i].text);
		test_ok(&a, "<discard-changes/>");
	}
}

// Shows: RFC 7950 15.7 insert at an entry that is not there: bad-attribute with missing-instance
static void insert_at_nothing(void **state)
{
	(void)state;
	test_error(&a,
		   EDIT("<strict " BOX " xmlns:y=\"urn:ietf:params:xml:ns:yang:1\"><left/>"
			"<step y:insert=\"after\" y:value=\"nobody\">one</step></strict>"),
		   "bad-attribute", "<error-app-tag>missing-instance</error-app-tag>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, test_pair_setup, test_pair_teardown)
		T(elements),    T(attributes),         T(values_and_data),   T(locks),
		T(constraints), T(broken_constraints), T(insert_at_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
