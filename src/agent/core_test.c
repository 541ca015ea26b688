// SPDX-License-Identifier: Apache-2.0
// The enforcer's decisions against a kernel in memory and a clock that the test turns: every order of commit,
// confirmation, time-out, restart, interference and failure.
#include "agent/core_bench.h"
#include "base/file.h"

#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

// --- commits ---

static void nothing_at_first(void **state)
{
	struct bench *bench = *state;
	struct agent_report r = bench_report(bench);
	assert_int_equal(r.enforcement, AGENT_NONE);
	assert_null(r.digests.policy);
	assert_null(bench_running(bench));
	assert_int_equal(bench->fake.applies + bench->fake.clears, 0);
}

static void commits(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 3, false, NULL));
	assert_int_equal(bench_in_kernel(bench), 3);
	struct agent_report r = bench_report(bench);
	assert_int_equal(r.enforcement, AGENT_ENFORCED);
	assert_string_equal(r.digests.policy, r.digests.enforced);
	assert_int_equal(r.digests.lowered_at, bench->wall);
	assert_int_equal(r.rule.len, 3);
	assert_string_equal(r.rule.at[1].name, "r1");
	assert_true(r.rule.at[1].enforced && r.rule.at[1].digest);
	assert_int_equal(r.rule.at[1].count.packets, 2);
	assert_int_equal(bench_told(bench, AGENT_COMMITTED), 1);
	// A restart finds the kernel equal and touches nothing.
	unsigned applies = bench->fake.applies;
	assert_true(bench_restart(bench));
	assert_int_equal(bench->fake.applies, applies);
	assert_string_equal(bench_running(bench), "<config rules='3'/>");
	assert_int_equal(bench_report(bench).enforcement, AGENT_ENFORCED);
	assert_int_equal(bench->events[AGENT_EVENT_REVERTED], 0);
}

static void comes_back_after_a_reboot(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 3, false, NULL));
	bench->fake.deployed = false; // an empty kernel
	assert_true(bench_restart(bench));
	assert_int_equal(bench_in_kernel(bench), 3);
	assert_int_equal(bench_report(bench).enforcement, AGENT_ENFORCED);
}

static void refuses_whole(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	bench->fake.refuse = true;
	assert_false(bench_commit(bench, 5, false, NULL));
	bench->fake.refuse = false;
	bench->fake.fail = true;
	assert_false(bench_commit(bench, 5, false, NULL));
	bench->fake.fail = false;
	bench_send(bench, AGENT_RULES, "junk", 4);
	assert_false(bench_ask(bench, bench_apply(bench, false, NULL), NULL));
	assert_int_equal(bench_in_kernel(bench), 2);
	assert_string_equal(bench_running(bench), "<config rules='2'/>");
	assert_int_equal(bench->events[AGENT_EVENT_REFUSED], 3);
	assert_true(bench_restart(bench));
	assert_int_equal(bench_in_kernel(bench), 2);
}

static int apply_honestly(struct bench *bench)
{
	bench->fake.cheat = false;
	return 0;
}

// The kernel takes the rules and enforces something else: never called enforced.
static void believes_only_what_it_reads_back(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	bench->fake.cheat = true;
	struct agent_message answer;
	bench_send_policy(bench, 5);
	assert_false(bench_ask(bench, bench_apply(bench, false, NULL), &answer));
	assert_int_equal(answer.result.diags.list.at[0].code, DIAG_DRIFT);
	assert_string_equal(answer.result.diags.list.at[0].rule, "r4");
	assert_int_equal(bench_report(bench).enforcement,
			 AGENT_DRIFTED); // going back did not work either
	apply_honestly(bench);
	bench->ms = agent_core_due(bench->core);
	agent_core_tick(bench->core);
	assert_int_equal(bench_in_kernel(bench), 2);
	assert_int_equal(bench_report(bench).enforcement, AGENT_ENFORCED);
}

// A commit of nothing: no rules and no default action. Nothing of ours stays in the kernel, and that is defended, too.
static void withdraws(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 3, false, NULL));
	bench->nothing = true;
	assert_true(bench_commit(bench, 0, true, NULL));
	assert_false(bench->fake.deployed);
	assert_true(bench_simple(bench, AGENT_CANCEL));
	assert_int_equal(bench_in_kernel(bench), 3);
	assert_true(bench_commit(bench, 0, false, NULL));
	assert_false(bench->fake.deployed);
	assert_int_equal(bench_report(bench).enforcement, AGENT_NONE);
	assert_true(bench_restart(bench));
	assert_false(bench->fake.deployed);
	assert_int_equal(bench_report(bench).enforcement, AGENT_NONE);
	assert_string_equal(bench_running(bench), "<config rules='0'/>");
	bench->fake.deployed = bench->fake.changed = true; // somebody puts the old rules back
	agent_core_watch(bench->core);
	assert_false(bench->fake.deployed);
}

// --- confirmed commits ---

static void confirms(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_true(bench_commit(bench, 4, true, NULL));
	struct agent_report r = bench_report(bench);
	assert_int_equal(r.enforcement, AGENT_PENDING);
	assert_int_equal(r.seconds_left, 60);
	assert_null(r.persist);
	bench->ms += 59000;
	agent_core_tick(bench->core);
	assert_true(bench_simple(bench, AGENT_CONFIRM));
	bench->ms += 10000;
	agent_core_tick(bench->core);
	assert_int_equal(bench_in_kernel(bench), 4);
	assert_true(bench_restart(bench));
	assert_int_equal(bench_in_kernel(bench), 4);
	assert_false(bench_simple(bench, AGENT_CONFIRM));
}

static void reverts_in_time(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_true(bench_commit(bench, 4, true, "p1"));
	assert_int_equal(agent_core_due(bench->core), bench->ms + 60000);
	bench->ms += 60000;
	agent_core_tick(bench->core);
	assert_int_equal(bench_in_kernel(bench), 2);
	assert_int_equal(bench_told(bench, AGENT_REVERTED), 1);
	assert_int_equal(bench->reason, AGENT_TIMEOUT);
	assert_int_equal(bench_report(bench).enforcement, AGENT_ENFORCED);
	assert_false(bench_simple(bench, AGENT_CONFIRM));
}

static void reverts_the_first_to_nothing(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 4, true, NULL));
	assert_true(bench_simple(bench, AGENT_CANCEL));
	assert_false(bench->fake.deployed);
	assert_int_equal(bench->reason, AGENT_CANCELLED);
	assert_int_equal(bench_report(bench).enforcement, AGENT_NONE);
	assert_null(bench_running(bench));
}

static void keeps_the_rollback_point(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_true(bench_commit(bench, 4, true, NULL));
	bench->ms += 50000;
	assert_true(bench_commit(bench, 6, true, NULL)); // the timer starts anew
	bench->ms += 50000;
	agent_core_tick(bench->core);
	assert_int_equal(bench_in_kernel(bench), 6);
	bench->fake.refuse = true;
	assert_false(bench_commit(bench, 7, true, NULL)); // what was pending stays so
	bench->fake.refuse = false;
	assert_int_equal(bench_report(bench).enforcement, AGENT_PENDING);
	assert_int_equal(bench_in_kernel(bench), 6);
	bench->ms += 10000;
	agent_core_tick(bench->core);
	assert_int_equal(bench_in_kernel(bench), 2);
}

static void plain_commit_ends_the_wait(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_true(bench_commit(bench, 4, true, NULL));
	assert_true(bench_commit(bench, 5, false, NULL));
	bench->ms += 3600000;
	agent_core_tick(bench->core);
	assert_int_equal(bench_in_kernel(bench), 5);
	assert_true(bench_restart(bench));
	assert_int_equal(bench_in_kernel(bench), 5);
	assert_int_equal(bench->events[AGENT_EVENT_REVERTED], 0);
}

static void session_end(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_true(bench_commit(bench, 4, true, NULL));
	agent_core_front_ended(bench->core);
	assert_int_equal(bench_in_kernel(bench), 2);
	assert_int_equal(bench->reason, AGENT_SESSION_END);
	// With a persist-id another session may confirm it.
	assert_true(bench_commit(bench, 4, true, "p1"));
	agent_core_front_ended(bench->core);
	assert_int_equal(bench_in_kernel(bench), 4);
	struct agent_start start = {.name = "x"};
	agent_core_describe(bench->core, &start);
	assert_true(start.pending);
	assert_string_equal(start.persist, "p1");
	assert_string_equal(agent_core_kept(bench->core, AGENT_KEPT_ROLLBACK).base,
			    "<config rules='2'/>");
	assert_true(bench_simple(bench, AGENT_CONFIRM));
}

static void restart_reverts(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_true(bench_commit(bench, 4, true, "p1"));
	assert_true(bench_restart(bench));
	assert_int_equal(bench_in_kernel(bench), 2);
	assert_int_equal(bench->events[AGENT_EVENT_REVERTED], 1);
	assert_string_equal(bench_running(bench), "<config rules='2'/>");
	assert_true(bench_restart(bench));
	assert_int_equal(bench->events[AGENT_EVENT_REVERTED], 0);
}

static void restart_reverts_the_first(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 4, true, "p1"));
	assert_true(bench_restart(bench));
	assert_false(bench->fake.deployed);
	assert_int_equal(bench_report(bench).enforcement, AGENT_NONE);
}

// --- the state on the disk ---

static void overwrite(struct bench *bench, const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/%s", bench->dir, name);
	assert_int_equal(file_put(&(struct file_put){
				 .path = path, .data = text, .len = strlen(text), .mode = 0600}),
			 0);
}

static void unreadable_state_keeps_the_rules(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 3, false, NULL));
	overwrite(bench, "journal", "garbage");
	unsigned applies = bench->fake.applies;
	assert_true(bench_restart(bench));
	assert_int_equal(bench->fake.applies, applies);
	assert_int_equal(bench_in_kernel(bench), 3);
	assert_int_equal(bench_report(bench).enforcement, AGENT_UNKNOWN);
	assert_int_equal(bench->events[AGENT_EVENT_STATE], 1);
	assert_true(bench_commit(bench, 5, false, NULL)); // ends it
	assert_int_equal(bench_report(bench).enforcement, AGENT_ENFORCED);
	assert_true(bench_restart(bench));
	assert_int_equal(bench->events[AGENT_EVENT_STATE], 0);
}

static void unreadable_state_closes_an_empty_kernel(void **state)
{
	struct bench *bench = *state;
	overwrite(bench, "journal", "garbage");
	assert_true(bench_restart(bench));
	assert_true(bench->fake.deployed);
	assert_int_equal(bench->fake.ruleset.default_action, IR_DROP);
	assert_int_equal(bench_report(bench).enforcement, AGENT_UNKNOWN);
	// Even then it is defended, and a commit that is not confirmed goes back to it.
	assert_true(bench_commit(bench, 5, true, NULL));
	assert_true(bench_simple(bench, AGENT_CANCEL));
	assert_true(bench->fake.deployed && !bench->fake.ruleset.rule.len);
	assert_int_equal(bench->fake.ruleset.default_action, IR_DROP);
	// Unless it was configured otherwise.
	bench->fake.deployed = false;
	agent_core_free(bench->core);
	overwrite(bench, "journal", "garbage");
	assert_true(bench_start(bench, true));
	assert_false(bench->fake.deployed);
}

static void lost_state_keeps_the_rules(void **state)
{
	struct bench *bench = *state;
	char path[64];
	assert_true(bench_commit(bench, 3, false, NULL));
	snprintf(path, sizeof(path), "%s/journal", bench->dir);
	assert_int_equal(file_remove(path), 0);
	assert_true(bench_restart(bench));
	assert_int_equal(bench_in_kernel(bench), 3);
	assert_int_equal(bench_report(bench).enforcement, AGENT_UNKNOWN);
}

static void startup_is_kept(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_ask(bench, (struct agent_message){.type = AGENT_STARTUP, .text = "<s/>"},
			      NULL));
	assert_true(bench_restart(bench));
	assert_string_equal(agent_core_kept(bench->core, AGENT_KEPT_STARTUP).base, "<s/>");
	assert_true(bench_ask(bench, (struct agent_message){.type = AGENT_STARTUP}, NULL));
	assert_true(bench_restart(bench));
	assert_null(agent_core_kept(bench->core, AGENT_KEPT_STARTUP).base);
	overwrite(bench, "startup", "garbage");
	assert_true(bench_restart(bench));
	assert_int_equal(bench->events[AGENT_EVENT_STATE], 1);
}

static void a_full_disk_refuses(void **state)
{
	struct bench *bench = *state;
	struct rlimit none = {.rlim_cur = 100, .rlim_max = RLIM_INFINITY}, all = none;
	all.rlim_cur = RLIM_INFINITY;
	signal(SIGXFSZ, SIG_IGN);
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_false(bench_commit(bench, 5, false, NULL));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(bench_in_kernel(bench), 2);
	assert_true(bench_commit(bench, 4, false, NULL));
	assert_true(bench_restart(bench));
	assert_int_equal(bench_in_kernel(bench), 4);
}

// --- interference ---

static void repairs(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 3, false, NULL));
	fake_tamper(&bench->fake);
	agent_core_watch(bench->core);
	assert_int_equal(bench_in_kernel(bench), 3);
	assert_int_equal(bench_told(bench, AGENT_DRIFT), 1);
	assert_int_equal(bench_told(bench, AGENT_REPAIRED), 1);
	assert_int_equal(bench_report(bench).repairs, 1);
	// What changed nothing of ours is no drift.
	bench->fake.changed = true;
	agent_core_watch(bench->core);
	assert_int_equal(bench_told(bench, AGENT_DRIFT), 1);
}

static void backs_off_but_goes_on(void **state)
{
	struct bench *bench = *state;
	uint64_t longest = 0;
	assert_true(bench_commit(bench, 3, false, NULL));
	for (unsigned i = 0; i < 30; i++) {
		bench->tolds = 0;
		fake_tamper(&bench->fake);
		agent_core_watch(bench->core);
		uint64_t began = bench->ms;
		while (bench_in_kernel(bench) != 3) {
			assert_int_equal(bench_report(bench).enforcement, AGENT_DRIFTED);
			bench->ms = agent_core_due(bench->core);
			agent_core_tick(bench->core);
		}
		longest = bench->ms - began > longest ? bench->ms - began : longest;
	}
	assert_in_range(longest, 500, 1000);
	// After some quiet the next repair is at once again.
	bench->ms += 60000;
	fake_tamper(&bench->fake);
	agent_core_watch(bench->core);
	assert_int_equal(bench_in_kernel(bench), 3);
}

static void repair_is_tried_again(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 3, false, NULL));
	fake_tamper(&bench->fake);
	bench->fake.fail = true;
	agent_core_watch(bench->core);
	assert_int_equal(bench_report(bench).enforcement, AGENT_DRIFTED);
	assert_int_equal(bench->events[AGENT_EVENT_UNREPAIRED], 1);
	struct agent_report r = bench_report(bench);
	assert_false(r.rule.at[2].enforced);
	assert_true(r.rule.at[0].enforced);
	bench->fake.fail = false;
	bench->ms = agent_core_due(bench->core);
	agent_core_tick(bench->core);
	assert_int_equal(bench_in_kernel(bench), 3);
	assert_int_equal(bench_report(bench).enforcement, AGENT_ENFORCED);
}

static void verifies(void **state)
{
	struct bench *bench = *state;
	struct agent_message answer;
	assert_true(bench_commit(bench, 3, false, NULL));
	assert_true(bench_ask(bench, (struct agent_message){.type = AGENT_VERIFY}, &answer));
	assert_true(answer.proof.equal);
	bench->fake.ruleset.rule.len--;
	assert_true(bench_ask(bench, (struct agent_message){.type = AGENT_VERIFY}, &answer));
	assert_false(answer.proof.equal);
	assert_string_not_equal(answer.proof.digests.policy, answer.proof.digests.enforced);
	assert_int_equal(answer.proof.differences.list.len, 1);
	bench->ms = agent_core_due(bench->core); // and it is repaired
	agent_core_tick(bench->core);
	assert_int_equal(bench_in_kernel(bench), 3);
}

// --- time ---

static void lowers_again(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 3, false, NULL));
	int64_t first = bench_report(bench).digests.lowered_at;
	bench->wall += AGENT_HORIZON / 2 + 1;
	bench->ms += 3600000;
	agent_core_tick(bench->core);
	assert_int_equal(bench_report(bench).digests.lowered_at, bench->wall);
	assert_true(bench->wall > first);
	assert_int_equal(bench_report(bench).enforcement, AGENT_ENFORCED);
	unsigned applies = bench->fake.applies;
	assert_true(bench_restart(bench)); // the new times are on the disk
	assert_int_equal(bench->fake.applies, applies);
	assert_string_equal(bench_running(bench), "<config rules='3'/>");
}

// --- pinholes ---

static bool open_pinhole(struct bench *bench, const char *name, u128 dst)
{
	struct backend_pinhole pinhole = {.name = name,
					  .family = 4,
					  .src = 1,
					  .dst = dst,
					  .proto = 17,
					  .end = bench->wall + 60,
					  .setup = 5,
					  .idle = 10};
	return bench_ask(bench, (struct agent_message){.type = AGENT_OPEN, .pinhole = pinhole},
			 NULL);
}

static void pinholes(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 1, false, NULL));
	assert_true(open_pinhole(bench, "a", 2));
	assert_true(open_pinhole(bench, "a", 2));  // the same: times anew
	assert_false(open_pinhole(bench, "a", 3)); // another
	assert_true(open_pinhole(bench, "b", 4));
	assert_int_equal(bench_report(bench).pinholes.list.len, 2);
	assert_true(
		bench_ask(bench, (struct agent_message){.type = AGENT_CLOSE, .text = "a"}, NULL));
	assert_int_equal(bench->closed, AGENT_REQUESTED);
	assert_false(
		bench_ask(bench, (struct agent_message){.type = AGENT_CLOSE, .text = "a"}, NULL));
	// The kernel closes b; the tick that is due notices.
	assert_true(agent_core_due(bench->core) <= bench->ms + 6000);
	bench->fake.pinholes.list.at[0].closed = true;
	bench->ms = agent_core_due(bench->core);
	agent_core_tick(bench->core);
	assert_int_equal(bench_told(bench, AGENT_CLOSED), 2);
	assert_int_equal(bench->closed, AGENT_UNUSED);
	assert_int_equal(bench->fake.pinholes.list.len, 0);
	assert_false(open_pinhole(bench, "", 4));
}

static void pinholes_outlive_much(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_true(open_pinhole(bench, "a", 2));
	assert_true(bench_commit(bench, 3, false, NULL));
	assert_true(bench_restart(bench));
	assert_int_equal(bench_report(bench).pinholes.list.len, 1);
	// Somebody flushes everything: both come back.
	fake_tamper(&bench->fake);
	bench->fake.pinholes.list.len = 0;
	agent_core_watch(bench->core);
	assert_int_equal(bench_in_kernel(bench), 3);
	assert_int_equal(bench_report(bench).pinholes.list.len, 1);
	assert_int_equal(bench_told(bench, AGENT_CLOSED), 0);
}

static void flushes(void **state)
{
	struct bench *bench = *state;
	struct diags diags;
	struct agent_point point = fake_point(&bench->fake);
	diags_init(&diags, &bench->arena);
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_true(agent_core_flush(&point, bench->dir, &diags));
	assert_false(bench->fake.deployed);
	assert_true(bench_restart(bench));
	assert_int_equal(bench_report(bench).enforcement, AGENT_NONE);
}

static void events_are_a_ring(void **state)
{
	struct bench *bench = *state;
	for (unsigned i = 0; i < 3 * AGENT_EVENTS_KEPT; i++)
		agent_core_note(bench->core, AGENT_EVENT_RELOADED, "%u", i);
	struct agent_report r = bench_report(bench);
	assert_int_equal(r.event.len, AGENT_EVENTS_KEPT);
	assert_string_equal(r.event.at[AGENT_EVENTS_KEPT - 1].text, "299");
	assert_int_equal(r.event.at[0].sequence + AGENT_EVENTS_KEPT - 1,
			 r.event.at[AGENT_EVENTS_KEPT - 1].sequence);
}

#define on_bench(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(nothing_at_first),
		on_bench(commits),
		on_bench(comes_back_after_a_reboot),
		on_bench(refuses_whole),
		on_bench(believes_only_what_it_reads_back),
		on_bench(withdraws),
		on_bench(confirms),
		on_bench(reverts_in_time),
		on_bench(reverts_the_first_to_nothing),
		on_bench(keeps_the_rollback_point),
		on_bench(plain_commit_ends_the_wait),
		on_bench(session_end),
		on_bench(restart_reverts),
		on_bench(restart_reverts_the_first),
		on_bench(unreadable_state_keeps_the_rules),
		on_bench(unreadable_state_closes_an_empty_kernel),
		on_bench(lost_state_keeps_the_rules),
		on_bench(startup_is_kept),
		on_bench(a_full_disk_refuses),
		on_bench(repairs),
		on_bench(backs_off_but_goes_on),
		on_bench(repair_is_tried_again),
		on_bench(verifies),
		on_bench(lowers_again),
		on_bench(pinholes),
		on_bench(pinholes_outlive_much),
		on_bench(flushes),
		on_bench(events_are_a_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
