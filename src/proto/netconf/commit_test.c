// SPDX-License-Identifier: Apache-2.0
// Commits: what the application is asked in which order, and what running is after every outcome.
#include "proto/netconf/test_pair.h"

#include <stdlib.h>
#include <string.h>

#define COMMIT(inside) "<commit>" inside "</commit>"
#define CONFIRMED(inside) COMMIT("<confirmed/>" inside)

static void lose(struct test_peer *p)
{
	test_peer_fini(p);
	*p = (struct test_peer){.world = &w};
	test_event(&w, "session ended by the client");
}

// Shows: RFC 6241 8.3.4 commit
static void plain_commit(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, COMMIT(""));
	test_asked(&w, "commit;");
	test_config(&b, "running", LABEL("one"));
	// Nothing to do.
	test_ok(&a, COMMIT(""));
	test_asked(&w, "");
	test_ok(&b, "<lock><target><candidate/></target></lock>");
}

// Shows: RFC 7950 8.3.3 a candidate that is not valid is not committed
static void an_invalid_candidate_is_not_applied(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("forbidden")));
	test_error(&a, COMMIT(""), "operation-failed", "label");
	test_ok(&a, "<edit-config><target><candidate/></target><default-operation>replace</"
		    "default-operation><config><box " BOX
		    "><item><name>refused</name></item></box></config></edit-config>");
	test_error(&a, COMMIT(""), "operation-failed", "the box does not like this item");
	test_asked(&w, "");
	test_config(&a, "running", "");
}

// Shows: RFC 6241 8.3.4 a commit that fails changes nothing
static void a_commit_that_fails_changes_nothing(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	w.box.fails = true;
	test_error(&a, COMMIT(""), "operation-not-supported", "the box cannot do that");
	test_error(&a, CONFIRMED(""), "operation-not-supported", "the box cannot do that");
	test_config(&a, "running", "");
	test_config(&a, "candidate", LABEL("one"));
	w.box.fails = false;
	test_error(&a, "<cancel-commit/>", "operation-failed", "no confirmed commit is pending");
	test_ok(&a, COMMIT(""));
	test_config(&a, "running", LABEL("one"));
}

static void writes_wait_for_a_commit_and_reads_do_not(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	w.box.later = true;
	test_send(&a, COMMIT(""));
	while (!w.box.held)
		test_step(&w);
	test_config(&b, "running", "");
	test_send(&b, EDIT(LABEL("two")));
	test_send(&b, COMMIT(""));
	for (int i = 0; i < 5; i++)
		assert_int_equal(io_loop_step(w.loop, 1), 0);
	assert_int_equal(b.seen, b.message.len);
	test_box_answer(&w.box);
	test_has(test_receive(&a), "<ok/>");
	test_has(test_receive(&b), "<ok/>");
	test_config(&a, "running", LABEL("one"));
	while (!w.box.held)
		test_step(&w);
	test_box_answer(&w.box);
	test_has(test_receive(&b), "<ok/>");
	test_config(&a, "running", LABEL("two"));
}

// Shows: RFC 6241 8.4.1 confirmed commit, confirmed in time
static void confirmed_in_time(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED(""));
	test_config(&b, "running", LABEL("one"));
	test_ok(&a, COMMIT(""));
	test_asked(&w, "commit confirmed 600;confirm;");
	test_error(&a, "<cancel-commit/>", "operation-failed", "no confirmed commit");
	test_config(&b, "running", LABEL("one"));
}

static void a_confirming_commit_may_bring_more(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED("<confirm-timeout>30</confirm-timeout>"));
	test_ok(&a, EDIT(LABEL("two")));
	test_ok(&a, COMMIT(""));
	test_asked(&w, "commit confirmed 30;commit;");
	test_config(&b, "running", LABEL("two"));
}

// Shows: RFC 6241 8.4.1 a confirmed commit is undone when its time is over
static void not_confirmed_in_time(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("zero")));
	test_ok(&a, COMMIT(""));
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED(""));
	netconf_server_reverted(w.box.server);
	test_config(&a, "running", LABEL("zero"));
	test_config(&a, "candidate", LABEL("zero"));
	test_error(&a, "<cancel-commit/>", "operation-failed", "no confirmed commit");
	// A second word about the same is nothing new.
	netconf_server_reverted(w.box.server);
	test_config(&a, "running", LABEL("zero"));
}

static void an_edited_candidate_outlives_the_way_back(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("zero")));
	test_ok(&a, COMMIT(""));
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED(""));
	test_ok(&a, EDIT(LABEL("edited meanwhile")));
	netconf_server_reverted(w.box.server);
	test_config(&a, "running", LABEL("zero"));
	test_config(&a, "candidate", LABEL("edited meanwhile"));
	test_ok(&a, COMMIT(""));
	test_config(&a, "running", LABEL("edited meanwhile"));
	test_ok(&a, "<discard-changes/>");
	test_config(&a, "candidate", LABEL("edited meanwhile"));
}

// Shows: RFC 6241 8.4.1 a follow-up confirmed commit sets the timer anew and keeps the first way back
static void a_follow_up_keeps_the_first_way_back(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("zero")));
	test_ok(&a, COMMIT(""));
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED("<confirm-timeout>10</confirm-timeout>"));
	test_ok(&a, EDIT(LABEL("two")));
	test_ok(&a, CONFIRMED("<confirm-timeout>20</confirm-timeout>"));
	test_ok(&a, CONFIRMED("<confirm-timeout>40</confirm-timeout>"));
	test_asked(
		&w,
		"commit;commit confirmed 10;commit confirmed again 20;commit confirmed again 40;");
	netconf_server_reverted(w.box.server);
	test_config(&a, "running", LABEL("zero"));
}

// Shows: RFC 6241 8.4.4 cancel-commit
static void cancelled(void **state)
{
	(void)state;
	test_error(&a, "<cancel-commit/>", "operation-failed", "no confirmed commit");
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED(""));
	test_error(&b, "<cancel-commit/>", "in-use", "session 1");
	test_error(&a, "<cancel-commit><persist-id>x</persist-id></cancel-commit>", "invalid-value",
		   "persist-id");
	w.box.fails = true;
	test_error(&a, "<cancel-commit/>", "operation-not-supported", "the box cannot");
	test_config(&a, "running", LABEL("one"));
	w.box.fails = false;
	test_ok(&a, "<cancel-commit/>");
	test_asked(&w, "commit confirmed 600;cancel;cancel;");
	test_config(&a, "running", "");
}

// Shows: RFC 6241 7.5 running cannot be locked by others while a confirmed commit is pending
static void others_keep_out_meanwhile(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED(""));
	test_error(&b, COMMIT(""), "in-use", "session 1 is pending");
	test_error(&b, "<lock><target><running/></target></lock>", "lock-denied",
		   "<session-id>1</session-id>");
	test_error(&b, COMMIT("<persist-id>x</persist-id>"), "invalid-value", "persist-id");
	test_ok(&a, "<lock><target><running/></target></lock>");
}

// Shows: RFC 6241 8.4.1 a confirmed commit without persist ends with its session
static void the_session_takes_its_commit_with_it(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED(""));
	test_asked(&w, "commit confirmed 600;");
	lose(&a);
	test_asked(&w, "cancel of a lost session;");
	test_config(&b, "running", "");
	test_ok(&b, EDIT(LABEL("two")));
	test_ok(&b, COMMIT(""));
	test_config(&b, "running", LABEL("two"));
}

static void the_session_ends_while_the_commit_is_applied(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	w.box.later = true;
	test_send(&a, CONFIRMED(""));
	while (!w.box.held)
		test_step(&w);
	test_ok(&b, "<kill-session><session-id>1</session-id></kill-session>");
	test_until_closed(&a);
	w.box.later = false;
	test_box_answer(&w.box);
	test_config(&b, "running", "");
	test_asked(&w, "commit confirmed 600;cancel of a lost session;");
}

static void the_way_back_fails(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED(""));
	w.box.fails = true;
	lose(&a);
	test_event(&w, "was not reverted: the box cannot do that");
	test_config(&b, "running", LABEL("one"));
	netconf_server_reverted(w.box.server);
	test_config(&b, "running", "");
}

// Shows: RFC 6241 8.4.5 persist and persist-id: any session may confirm
static void persist_survives_the_session(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED("<persist>token</persist><confirm-timeout>7</confirm-timeout>"));
	test_asked(&w, "commit confirmed 7 as token;");
	lose(&a);
	test_asked(&w, "");
	test_config(&b, "running", LABEL("one"));
	test_error(&b, COMMIT(""), "invalid-value", "persist-id");
	test_error(&b, COMMIT("<persist-id>other</persist-id>"), "invalid-value", "persist-id");
	test_error(&b, "<cancel-commit/>", "invalid-value", "persist-id");
	test_error(&b, "<lock><target><running/></target></lock>", "lock-denied",
		   "<session-id>0</session-id>");
	test_ok(&b, COMMIT("<persist-id>token</persist-id>"));
	test_asked(&w, "confirm;");
	test_config(&b, "running", LABEL("one"));
}

// Shows: RFC 6241 8.4.4 cancel-commit with persist-id
static void persist_follow_up_and_cancel(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED("<persist>t1</persist>"));
	test_ok(&b, EDIT(LABEL("two")));
	test_ok(&b, CONFIRMED("<persist>t2</persist><persist-id>t1</persist-id>"));
	test_asked(&w, "commit confirmed 600 as t1;commit confirmed again 600 as t2;");
	test_error(&a, "<cancel-commit><persist-id>t1</persist-id></cancel-commit>",
		   "invalid-value", "persist-id");
	test_ok(&a, "<cancel-commit><persist-id>t2</persist-id></cancel-commit>");
	test_asked(&w, "cancel;");
	test_config(&b, "running", "");
}

static void a_follow_up_without_persist_is_the_sessions(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	test_ok(&a, CONFIRMED("<persist>t1</persist>"));
	test_ok(&b, EDIT(LABEL("two")));
	test_ok(&b, CONFIRMED("<persist-id>t1</persist-id>"));
	lose(&b);
	test_asked(
		&w,
		"commit confirmed 600 as t1;commit confirmed again 600;cancel of a lost session;");
	test_config(&a, "running", "");
}

// Shows: RFC 6241 8.4.5 parameters of a confirmed commit need confirmed
static void confirmed_parameters_need_confirmed(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	test_error(&a, COMMIT("<persist>x</persist>"), "missing-element", "confirmed");
	test_error(&a, COMMIT("<confirm-timeout>5</confirm-timeout>"), "missing-element",
		   "confirmed");
	test_error(&a, CONFIRMED("<confirm-timeout>0</confirm-timeout>"), "invalid-value",
		   "confirm-timeout");
	test_asked(&w, "");
}

static void start_over(const char *persist)
{
	struct schema *schema = test_box_schema();
	test_pair_teardown(NULL);
	test_pair_begin(
		&(struct netconf_server_options){.schema = schema,
						 .running = test_box_tree(schema, LABEL("new")),
						 .rollback = test_box_tree(schema, LABEL("old")),
						 .startup = test_box_tree(schema, LABEL("first")),
						 .persist = persist},
		1);
}

static void a_restart_knows_where_it_stands(void **state)
{
	(void)state;
	start_over("token");
	test_config(&a, "running", LABEL("new"));
	test_config(&a, "startup", LABEL("first"));
	test_asked(&w, "");
	test_ok(&a, "<cancel-commit><persist-id>token</persist-id></cancel-commit>");
	test_config(&a, "running", LABEL("old"));
}

static void a_restart_reverts_what_no_session_can_confirm(void **state)
{
	(void)state;
	start_over(NULL);
	test_asked(&w, "cancel of a lost session;");
	test_config(&a, "running", LABEL("old"));
}

static void the_server_may_go_while_a_commit_is_applied(void **state)
{
	(void)state;
	test_ok(&a, EDIT(LABEL("one")));
	w.box.later = true;
	test_send(&a, COMMIT(""));
	test_send(&b, EDIT(LABEL("two")));
	while (!w.box.held)
		test_step(&w);
	w.box.held = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, test_pair_setup_both, test_pair_teardown)
		T(plain_commit),
		T(an_invalid_candidate_is_not_applied),
		T(a_commit_that_fails_changes_nothing),
		T(writes_wait_for_a_commit_and_reads_do_not),
		T(confirmed_in_time),
		T(a_confirming_commit_may_bring_more),
		T(not_confirmed_in_time),
		T(an_edited_candidate_outlives_the_way_back),
		T(a_follow_up_keeps_the_first_way_back),
		T(cancelled),
		T(others_keep_out_meanwhile),
		T(the_session_takes_its_commit_with_it),
		T(the_session_ends_while_the_commit_is_applied),
		T(the_way_back_fails),
		T(persist_survives_the_session),
		T(persist_follow_up_and_cancel),
		T(a_follow_up_without_persist_is_the_sessions),
		T(confirmed_parameters_need_confirmed),
		T(a_restart_knows_where_it_stands),
		T(a_restart_reverts_what_no_session_can_confirm),
		T(the_server_may_go_while_a_commit_is_applied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
