// SPDX-License-Identifier: Apache-2.0
// Datastores by their identities (RFC 8526): reading each of them, editing the candidate, locks and validation.
#include "proto/netconf/test_pair.h"

#include <string.h>

#define DS "xmlns:ds=\"urn:ietf:params:xml:ns:yang:ietf-datastores\""
#define NMDA "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-nmda\""
#define STORE(name) "<datastore " NMDA " " DS ">" name "</datastore>"
#define GET_DATA(name, more) \
	"<get-data " NMDA " " DS "><datastore>ds:" name "</datastore>" more "</get-data>"
#define EDIT_DATA(name, more, config)                                                          \
	"<edit-data " NMDA " " DS "><datastore>ds:" name "</datastore>" more "<config>" config \
	"</config></edit-data>"
#define SUBTREE(what) "<subtree-filter><box " BOX ">" what "</box></subtree-filter>"
#define XPATH(path) "<xpath-filter xmlns:t=\"urn:test:box\">" path "</xpath-filter>"
#define DATA(content) "<data " NMDA ">" content "</data>"
#define PAGE(number) "<page><number>" number "</number></page>"

static void fill(void)
{
	test_ok(&a, EDIT("<box " BOX "><label>one</label>" PAGE("1") "</box>"));
	test_ok(&a, "<commit/>");
	test_ok(&a, "<copy-config><target><startup/></target><source><running/></source>"
		    "</copy-config>");
	test_ok(&a, EDIT(LABEL("two")));
}

static void shows(const char *request, const char *wanted)
{
	test_has(test_ask(&a, request), wanted);
}

// Shows: RFC 8526 2 the module, yang-library:1.1, and the datastores in the library
static void it_is_announced(void **state)
{
	(void)state;
	assert_true(netconf_session_has(&a.session, "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
						    "?module=ietf-netconf-nmda&revision=2019-01-07"
						    "&features=with-defaults"));
	const char *library =
		test_ask(&a, "<get><filter><yang-library "
			     "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-yang-library\"><datastore/>"
			     "</yang-library></filter></get>");
	static const char *const all[] = {"running", "candidate", "startup", "intended",
					  "operational"};
	for (size_t i = 0; i < array_len(all); i++)
		test_has(library, arena_printf(&w.arena, ":%s</name>", all[i]));
}

// Shows: RFC 8526 3.1.1 get-data: each datastore by its identity
static void each_datastore_is_read(void **state)
{
	(void)state;
	fill();
	shows(GET_DATA("running", ""), DATA("<box " BOX "><label>one</label>" PAGE("1") "</box>"));
	shows(GET_DATA("intended", SUBTREE("<label/>")), DATA(LABEL("one")));
	shows(GET_DATA("startup", SUBTREE("<label/>")), DATA(LABEL("one")));
	shows(GET_DATA("candidate", SUBTREE("<label/>")), DATA(LABEL("two")));
	test_error(&a, GET_DATA("dynamic", ""), "invalid-value", "not there");
	test_error(&a, GET_DATA("conventional", ""), "invalid-value", "not there");
}

// Shows: RFC 8526 3.1.1.2 of the operational datastore what is in use is shown, defaults too; with-defaults is refused
static void what_is_in_use_is_read(void **state)
{
	(void)state;
	fill();
	const char *reply = test_ask(&a, GET_DATA("operational", SUBTREE("")));
	test_has(reply, "<label>one</label><page><number>1</number><seen>false</seen></page>"
			"<level>3</level><load><percent>12</percent></load>");
	test_error(&a, GET_DATA("operational", "<with-defaults>trim</with-defaults>"),
		   "invalid-value", "all defaults");
	shows(GET_DATA("running", "<with-defaults>report-all</with-defaults>"), "<level>3</level>");
	shows(GET_DATA("candidate", "<with-defaults>report-all</with-defaults>"),
	      "<seen>false</seen>");
	shows(GET_DATA("running", SUBTREE("<level/>")), DATA(""));
}

// Shows: RFC 8526 3.1.1 get-data: subtree-filter, xpath-filter, config-filter and max-depth
static void filters(void **state)
{
	(void)state;
	fill();
	shows(GET_DATA("running", XPATH("/t:box/t:page/t:number")),
	      DATA("<box " BOX ">" PAGE("1") "</box>"));
	shows(GET_DATA("operational", XPATH("/t:box/t:load | /t:box/t:label")),
	      DATA("<box " BOX "><label>one</label><load><percent>12</percent></load></box>"));
	shows(GET_DATA("operational", SUBTREE("<load/><label/>") "<config-filter>false"
								 "</config-filter>"),
	      DATA("<box " BOX "><load><percent>12</percent></load></box>"));
	shows(GET_DATA("operational", SUBTREE("<load/><label/>") "<config-filter>true"
								 "</config-filter>"),
	      DATA(LABEL("one")));
	shows(GET_DATA("running", "<max-depth>1</max-depth>"), DATA("<box " BOX "/>"));
	shows(GET_DATA("running", SUBTREE("<page/>") "<max-depth>1</max-depth>"), "<page");
	shows(GET_DATA("running", "<max-depth>unbounded</max-depth>"), PAGE("1"));
	test_error(&a, GET_DATA("running", "<max-depth>0</max-depth>"), "invalid-value",
		   "max-depth");
	test_error(&a, GET_DATA("running", XPATH("count(/t:box)")), "invalid-value",
		   "xpath-filter");
	test_error(&a, GET_DATA("running", XPATH("/u:box")), "invalid-value", "xpath-filter");
}

// Shows: RFC 8526 3.1.1.1 with-origin is refused by a server without the feature origin
static void origins_are_not_known(void **state)
{
	(void)state;
	test_error(&a, GET_DATA("operational", "<with-origin/>"), "unknown-element", "with-origin");
	test_error(&a,
		   GET_DATA("operational", "<origin-filter xmlns:or=\"urn:ietf:params:xml:ns:yang:"
					   "ietf-origin\">or:system</origin-filter>"),
		   "unknown-element", "origin-filter");
}

// Shows: RFC 8526 3.1.2 edit-data: the candidate with every default-operation; others are refused
static void the_candidate_is_edited(void **state)
{
	(void)state;
	fill();
	test_ok(&a, EDIT_DATA("candidate", "", "<box " BOX ">" PAGE("2") "</box>"));
	test_config(&a, "candidate",
		    "<box " BOX "><label>two</label>" PAGE("1") PAGE("2") "</box>");
	test_ok(&a, EDIT_DATA("candidate", "<default-operation>replace</default-operation>",
			      LABEL("three")));
	test_config(&a, "candidate", LABEL("three"));
	test_ok(&a, EDIT_DATA("candidate", "<default-operation>none</default-operation>",
			      "<box " BOX " xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">"
			      "<label nc:operation=\"delete\"/></box>"));
	test_config(&a, "candidate", "");
	test_error(&a, EDIT_DATA("running", "", LABEL("four")), "invalid-value", "candidate");
	test_error(&a, EDIT_DATA("operational", "", LABEL("four")), "invalid-value", "candidate");
	test_error(&a, EDIT_DATA("candidate", "", "<box " BOX "><frob/></box>"), "unknown-element",
		   "frob");
	test_ok(&b, "<discard-changes/>");
	test_ok(&b, "<lock><target><candidate/></target></lock>");
	test_error(&a, EDIT_DATA("candidate", "", LABEL("four")), "in-use", "locked");
}

// As large as those that become nodes while they are read.
static void large_edits(void **state)
{
	struct buf pages cleanup(buf_fini);
	(void)state;
	buf_init(&pages);
	for (unsigned i = 0; i < 3000; i++)
		buf_printf(&pages, "<page><number>%u</number></page>", i);
	test_ok(&a, arena_printf(&w.arena, EDIT_DATA("candidate", "", "<box " BOX ">%s</box>"),
				 pages.data));
	shows(GET_DATA("candidate", SUBTREE("<page><number>2999</number></page>")),
	      DATA("<box " BOX ">" PAGE("2999") "</box>"));
}

// Shows: RFC 8526 3.2 lock, unlock and validate take identities of datastores
static void locks_and_validation(void **state)
{
	(void)state;
	test_ok(&a, "<lock><target>" STORE("ds:candidate") "</target></lock>");
	test_error(&b, "<lock><target><candidate/></target></lock>", "lock-denied", "held");
	test_ok(&a, "<unlock><target>" STORE("ds:candidate") "</target></unlock>");
	test_error(&a, "<lock><target>" STORE("ds:operational") "</target></lock>", "invalid-value",
		   "cannot do that");
	test_error(&a, "<unlock><target>" STORE("ds:intended") "</target></unlock>",
		   "invalid-value", "cannot do that");
	test_ok(&a, "<validate><source>" STORE("ds:running") "</source></validate>");
	test_ok(&a, EDIT(LABEL("forbidden")));
	test_error(&a, "<validate><source>" STORE("ds:candidate") "</source></validate>",
		   "operation-failed", "label");
	test_error(&a, "<validate><source>" STORE("ds:operational") "</source></validate>",
		   "invalid-value", "cannot do that");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, test_pair_setup_both, test_pair_teardown)
		T(it_is_announced), T(each_datastore_is_read), T(what_is_in_use_is_read),
		T(filters),         T(origins_are_not_known),  T(the_candidate_is_edited),
		T(large_edits),     T(locks_and_validation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
