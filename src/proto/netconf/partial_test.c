// SPDX-License-Identifier: Apache-2.0
// Partial locks: what is locked, whom it keeps from what, and every way in which a lock is refused.
#include "proto/netconf/test_pair.h"

#include <string.h>

#define PL "xmlns=\"urn:ietf:params:xml:ns:netconf:partial-lock:1.0\""
#define LOCK(select) \
	"<partial-lock " PL " xmlns:t=\"urn:test:box\"><select>" select "</select></partial-lock>"
#define UNLOCK(id) "<partial-unlock " PL "><lock-id>" id "</lock-id></partial-unlock>"
#define ITEM(name, inside) "<box " BOX "><item><name>" name "</name>" inside "</item></box>"

static void fill(void)
{
	test_ok(&a, EDIT("<box " BOX
			 "><item><name>one</name></item><item><name>two</name></item></box>"));
	test_ok(&a, "<commit/>");
}

// Shows: RFC 5717 2.4.1 partial-lock: XPath selects instances, which the reply names
// Shows: RFC 5717 2.3 capability
static void lock_and_unlock(void **state)
{
	(void)state;
	assert_true(netconf_session_has(&a.session,
					"urn:ietf:params:netconf:capability:partial-lock:1.0"));
	fill();
	const char *reply = test_ask(&a, LOCK("/t:box/t:item[t:name='one']"));
	test_has(reply,
		 "<lock-id " PL ">1</lock-id><locked-node " PL " xmlns:test-box=\"urn:test:box\">"
		 "/test-box:box/test-box:item[test-box:name=&apos;one&apos;]</locked-node>");
	reply = test_ask(&a, LOCK("t:box/t:item"));
	test_has(reply, "<lock-id " PL ">2</lock-id>");
	test_has(reply, "[test-box:name=&apos;two&apos;]</locked-node>");
	test_error(&b, UNLOCK("1"), "invalid-value", "no such lock");
	test_error(&a, UNLOCK("9"), "invalid-value", "no such lock");
	test_ok(&a, UNLOCK("1"));
	test_error(&a, UNLOCK("1"), "invalid-value", "no such lock");
}

// Shows: RFC 5717 2.5 others cannot change what is locked: in-use and locked; the holder can
static void others_cannot_commit_it(void **state)
{
	static const char *const touching[] = {
		EDIT(ITEM("one", "<size>4</size>")),
		EDIT("<box " BOX " xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">"
		     "<item nc:operation=\"delete\"><name>one</name></item></box>"),
		EDIT("<box " BOX " xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
		     "nc:operation=\"delete\"/>"),
	};
	(void)state;
	fill();
	test_has(test_ask(&a, LOCK("/t:box/t:item[t:name='one']")), "lock-id");
	for (size_t i = 0; i < array_len(touching); i++) {
		test_ok(&b, touching[i]);
		test_error(&b, "<commit/>", "in-use", "<error-app-tag>locked</error-app-tag>");
		test_ok(&b, "<discard-changes/>");
	}
	test_ok(&b, EDIT(ITEM("two", "<size>4</size>")));
	test_ok(&b, EDIT(ITEM("three", "")));
	test_ok(&b, "<commit/>");
	test_ok(&a, EDIT(ITEM("one", "<size>5</size>")));
	test_ok(&a, "<commit/>");
	test_ok(&a, "<close-session/>");
	test_until_closed(&a);
	test_ok(&b, EDIT(ITEM("one", "<size>6</size>")));
	test_ok(&b, "<commit/>");
}

// Shows: RFC 5717 2.5 lock of running is denied while a part of it is locked
// Shows: RFC 5717 2.4.1 a part is denied while running, or a part that meets it, is locked by another
static void locks_that_meet(void **state)
{
	(void)state;
	fill();
	test_ok(&a, "<lock><target><running/></target></lock>");
	test_error(&b, LOCK("/t:box"), "lock-denied", "<session-id>1</session-id>");
	test_ok(&a, "<unlock><target><running/></target></unlock>");
	test_has(test_ask(&a, LOCK("/t:box/t:item[t:name='one']")), "lock-id");
	test_error(&b, "<lock><target><running/></target></lock>", "lock-denied",
		   "<session-id>1</session-id>");
	test_error(&b, LOCK("/t:box"), "lock-denied", "<session-id>1</session-id>");
	test_error(&b, LOCK("/t:box/t:item/t:name"), "lock-denied", "<session-id>1</session-id>");
	test_has(test_ask(&b, LOCK("/t:box/t:item[t:name='two']")), "lock-id");
	test_has(test_ask(&a, LOCK("/t:box/t:item[t:name='one']/t:name")), "lock-id");
}

// Shows: RFC 5717 2.4.1 errors: no-matches, no nodes, no expression, outstanding-confirmed-commit
static void locks_that_are_refused(void **state)
{
	(void)state;
	fill();
	test_error(&a, LOCK("/t:box/t:item[t:name='nobody']"), "operation-failed",
		   "<error-app-tag>no-matches</error-app-tag>");
	test_error(&a, LOCK("count(/t:box)"), "invalid-value", "select");
	test_error(&a, LOCK("/t:box["), "invalid-value", "select");
	test_error(&a, LOCK("/u:box"), "invalid-value", "select");
	test_error(&a, "<partial-lock " PL "/>", "missing-element", "select");
	test_ok(&b, EDIT(ITEM("three", "")));
	test_ok(&b, "<commit><confirmed/></commit>");
	const char *reply = test_ask(&a, LOCK("/t:box"));
	test_has(reply, "<error-tag>lock-denied</error-tag>");
	test_has(reply, "<error-app-tag>outstanding-confirmed-commit</error-app-tag>");
	test_has(reply, "<session-id>2</session-id>");
}

// Shows: RFC 5717 2.4.1 resource-denied when too much would be locked
static void locks_are_bounded(void **state)
{
	struct buf items cleanup(buf_fini);
	(void)state;
	buf_init(&items);
	for (int i = 0; i < 1001; i++)
		buf_printf(&items, "<item><name>%d</name></item>", i);
	test_ok(&a, arena_printf(&w.arena, EDIT("<box " BOX ">%s</box>"), items.data));
	test_ok(&a, "<commit/>");
	test_error(&a, LOCK("/t:box/t:item"), "resource-denied", "more than 1000 nodes");
	test_has(test_ask(&a, LOCK("/t:box/t:item[t:name &lt; 600]")), "lock-id");
	test_error(&a, LOCK("/t:box/t:item[t:name &lt; 600]"), "resource-denied", "1000");
}

// Shows: RFC 6022 2.1.2 partial locks in the monitoring of running
static void monitoring(void **state)
{
	(void)state;
	fill();
	test_has(test_ask(&a, LOCK("/t:box/t:item[t:name='one']")), "lock-id");
	const char *reply = test_ask(
		&a, "<get><filter><netconf-state "
		    "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"><datastores/>"
		    "</netconf-state></filter></get>");
	test_has(reply, "<name>running</name><locks><partial-lock><lock-id>1</lock-id>"
			"<locked-by-session>1</locked-by-session><locked-time>20");
	test_has(reply, "item[");
	test_has(reply, "</locked-node></partial-lock></locks>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, test_pair_setup_both, test_pair_teardown)
		T(lock_and_unlock),        T(others_cannot_commit_it), T(locks_that_meet),
		T(locks_that_are_refused), T(locks_are_bounded),       T(monitoring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
