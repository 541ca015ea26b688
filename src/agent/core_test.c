// SPDX-License-Identifier: Apache-2.0
// The enforcer's decisions against a kernel in memory and a clock that the test turns: every order of commit,
// confirmation, time-out, restart, interference and failure.
#include "agent/core.h"
#include "agent/fake_backend.h"
#include "base/buf.h"
#include "base/file.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TOLD_MOST = 64 };

struct bench {
	struct arena arena;
	struct fake fake;
	struct agent_core *core;
	char dir[40];
	int64_t wall;
	uint64_t ms;
	enum agent_type told[TOLD_MOST]; // what front was told
	enum agent_reason reason;        // of the last REVERTED
	enum agent_closed closed;        // of the last CLOSED
	size_t tolds;
	bool nothing; // commit without a default action
	unsigned events[AGENT_EVENTS];
};

static int64_t wall(void *context)
{
	return ((struct bench *)context)->wall;
}

static uint64_t monotonic(void *context)
{
	return ((struct bench *)context)->ms;
}

static void tell(void *context, const struct agent_message *message)
{
	struct bench *bench = context;
	assert_true(bench->tolds < TOLD_MOST);
	bench->told[bench->tolds++] = message->type;
	if (message->type == AGENT_REVERTED)
		bench->reason = message->reverted.reason;
	if (message->type == AGENT_CLOSED)
		bench->closed = message->closed.reason;
}

static void note(void *context, enum agent_event event, const char *text)
{
	struct bench *bench = context;
	assert_true(text[0]);
	bench->events[event]++;
}

static unsigned told(const struct bench *bench, enum agent_type type)
{
	unsigned n = 0;
	for (size_t i = 0; i < bench->tolds; i++)
		n += bench->told[i] == type;
	return n;
}

static bool start_with(struct bench *bench, bool keep_open)
{
	struct diags diags;
	diags_init(&diags, &bench->arena);
	bench->core = agent_core_new(&(struct agent_core_options){.point = fake_point(&bench->fake),
								  .state_dir = bench->dir,
								  .certificate_dir = bench->dir,
								  .keep_open = keep_open,
								  .wall = wall,
								  .monotonic = monotonic,
								  .tell = tell,
								  .log = note,
								  .context = bench});
	bool started = agent_core_start(bench->core, &diags);
	agent_core_tick(bench->core); // the calendar is looked at once an hour from now on
	return started;
}

// As kill -9 and a start would.
static bool restart(struct bench *bench)
{
	agent_core_free(bench->core);
	bench->tolds = 0;
	memset(bench->events, 0, sizeof(bench->events));
	return start_with(bench, false);
}

static int setup(void **state)
{
	struct bench *bench = base_oom(calloc(1, sizeof(*bench)));
	arena_init(&bench->arena);
	fake_init(&bench->fake);
	bench->wall = 1773219600;
	bench->ms = 1000000;
	snprintf(bench->dir, sizeof(bench->dir), "/tmp/core-test.XXXXXX");
	assert_non_null(mkdtemp(bench->dir));
	assert_true(start_with(bench, false));
	*state = bench;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	agent_core_free(bench->core);
	fake_fini(&bench->fake);
	nftw(bench->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	arena_fini(&bench->arena);
	free(bench);
	return 0;
}

// A ruleset of n rules that pass TCP to ports 1..n.
static struct buf ruleset(struct bench *bench, unsigned n)
{
	struct ir_ruleset set = {.default_action = bench->nothing ? IR_NONE : IR_DROP};
	for (unsigned i = 0; i < n; i++) {
		struct ir_clause *clause = arena_new(&bench->arena, struct ir_clause);
		assert_true(ir_clause_narrow(clause, &bench->arena, IR_DPORT,
					     algebra_set_one(&bench->arena, i + 1, i + 1)));
		vec_push(&bench->arena, &set.rule,
			 (struct ir_rule){.policy = "p",
					  .name = arena_printf(&bench->arena, "r%u", i),
					  .verdict = IR_PASS,
					  .flow = true,
					  .clause = clause,
					  .clauses = 1});
	}
	struct buf bytes;
	buf_init(&bytes);
	ir_ruleset_encode(&set, &bytes);
	return bytes;
}

static bool ask(struct bench *bench, struct agent_message message, struct agent_message *answer)
{
	struct agent_message got;
	message.id = 7;
	agent_core_answer(bench->core, &message, &bench->arena, answer ? answer : &got);
	assert_int_equal((answer ? answer : &got)->id, 7);
	return (answer ? answer : &got)->type != AGENT_RESULT ||
	       (answer ? answer : &got)->result.ok;
}

static bool commit(struct bench *bench, unsigned rules, bool confirmed, const char *persist)
{
	cleanup(buf_fini) struct buf bytes = ruleset(bench, rules);
	return ask(bench,
		   (struct agent_message){
			   .type = AGENT_APPLY,
			   .apply = {.ruleset = bytes.data,
				     .len = bytes.len,
				     .running = arena_printf(&bench->arena, "<config rules='%u'/>",
							     rules),
				     .confirmed = confirmed,
				     .timeout = 60,
				     .persist = persist}},
		   NULL);
}

static bool simple(struct bench *bench, enum agent_type type)
{
	return ask(bench, (struct agent_message){.type = type}, NULL);
}

static size_t in_kernel(const struct bench *bench)
{
	return bench->fake.deployed ? bench->fake.ruleset.rule.len : 0;
}

static struct agent_report report(struct bench *bench)
{
	struct agent_message answer;
	assert_true(ask(bench, (struct agent_message){.type = AGENT_STATE}, &answer));
	assert_int_equal(answer.type, AGENT_REPORT);
	return answer.report;
}

static const char *running(struct bench *bench)
{
	struct agent_start start = {.name = "x"};
	agent_core_describe(bench->core, &start);
	return start.running;
}

// --- commits ---

static void nothing_at_first(void **state)
{
	struct bench *bench = *state;
	struct agent_report r = report(bench);
	assert_int_equal(r.enforcement, AGENT_NONE);
	assert_null(r.digests.policy);
	assert_null(running(bench));
	assert_int_equal(bench->fake.applies + bench->fake.clears, 0);
}

static void commits(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 3, false, NULL));
	assert_int_equal(in_kernel(bench), 3);
	struct agent_report r = report(bench);
	assert_int_equal(r.enforcement, AGENT_ENFORCED);
	assert_string_equal(r.digests.policy, r.digests.enforced);
	assert_int_equal(r.digests.lowered_at, bench->wall);
	assert_int_equal(r.rule.len, 3);
	assert_string_equal(r.rule.at[1].name, "r1");
	assert_true(r.rule.at[1].enforced && r.rule.at[1].digest);
	assert_int_equal(r.rule.at[1].count.packets, 2);
	assert_int_equal(told(bench, AGENT_COMMITTED), 1);
	// A restart finds the kernel equal and touches nothing.
	unsigned applies = bench->fake.applies;
	assert_true(restart(bench));
	assert_int_equal(bench->fake.applies, applies);
	assert_string_equal(running(bench), "<config rules='3'/>");
	assert_int_equal(report(bench).enforcement, AGENT_ENFORCED);
	assert_int_equal(bench->events[AGENT_EVENT_REVERTED], 0);
}

static void comes_back_after_a_reboot(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 3, false, NULL));
	bench->fake.deployed = false; // an empty kernel
	assert_true(restart(bench));
	assert_int_equal(in_kernel(bench), 3);
	assert_int_equal(report(bench).enforcement, AGENT_ENFORCED);
}

static void refuses_whole(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 2, false, NULL));
	bench->fake.refuse = true;
	assert_false(commit(bench, 5, false, NULL));
	bench->fake.refuse = false;
	bench->fake.fail = true;
	assert_false(commit(bench, 5, false, NULL));
	bench->fake.fail = false;
	assert_false(
		ask(bench,
		    (struct agent_message){.type = AGENT_APPLY,
					   .apply = {.ruleset = "junk", .len = 4, .running = ""}},
		    NULL));
	assert_int_equal(in_kernel(bench), 2);
	assert_string_equal(running(bench), "<config rules='2'/>");
	assert_int_equal(bench->events[AGENT_EVENT_REFUSED], 3);
	assert_true(restart(bench));
	assert_int_equal(in_kernel(bench), 2);
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
	assert_true(commit(bench, 2, false, NULL));
	bench->fake.cheat = true;
	struct agent_message answer;
	cleanup(buf_fini) struct buf bytes = ruleset(bench, 5);
	assert_false(
		ask(bench,
		    (struct agent_message){
			    .type = AGENT_APPLY,
			    .apply = {.ruleset = bytes.data, .len = bytes.len, .running = "x"}},
		    &answer));
	assert_int_equal(answer.result.diags.list.at[0].code, DIAG_DRIFT);
	assert_string_equal(answer.result.diags.list.at[0].rule, "r4");
	assert_int_equal(report(bench).enforcement,
			 AGENT_DRIFTED); // going back did not work either
	apply_honestly(bench);
	bench->ms = agent_core_due(bench->core);
	agent_core_tick(bench->core);
	assert_int_equal(in_kernel(bench), 2);
	assert_int_equal(report(bench).enforcement, AGENT_ENFORCED);
}

// A commit of nothing: no rules and no default action. Nothing of ours stays in the kernel, and that is defended, too.
static void withdraws(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 3, false, NULL));
	bench->nothing = true;
	assert_true(commit(bench, 0, true, NULL));
	assert_false(bench->fake.deployed);
	assert_true(simple(bench, AGENT_CANCEL));
	assert_int_equal(in_kernel(bench), 3);
	assert_true(commit(bench, 0, false, NULL));
	assert_false(bench->fake.deployed);
	assert_int_equal(report(bench).enforcement, AGENT_NONE);
	assert_true(restart(bench));
	assert_false(bench->fake.deployed);
	assert_int_equal(report(bench).enforcement, AGENT_NONE);
	assert_string_equal(running(bench), "<config rules='0'/>");
	bench->fake.deployed = bench->fake.changed = true; // somebody puts the old rules back
	agent_core_watch(bench->core);
	assert_false(bench->fake.deployed);
}

// --- confirmed commits ---

static void confirms(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 2, false, NULL));
	assert_true(commit(bench, 4, true, NULL));
	struct agent_report r = report(bench);
	assert_int_equal(r.enforcement, AGENT_PENDING);
	assert_int_equal(r.seconds_left, 60);
	assert_null(r.persist);
	bench->ms += 59000;
	agent_core_tick(bench->core);
	assert_true(simple(bench, AGENT_CONFIRM));
	bench->ms += 10000;
	agent_core_tick(bench->core);
	assert_int_equal(in_kernel(bench), 4);
	assert_true(restart(bench));
	assert_int_equal(in_kernel(bench), 4);
	assert_false(simple(bench, AGENT_CONFIRM));
}

static void reverts_in_time(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 2, false, NULL));
	assert_true(commit(bench, 4, true, "p1"));
	assert_int_equal(agent_core_due(bench->core), bench->ms + 60000);
	bench->ms += 60000;
	agent_core_tick(bench->core);
	assert_int_equal(in_kernel(bench), 2);
	assert_int_equal(told(bench, AGENT_REVERTED), 1);
	assert_int_equal(bench->reason, AGENT_TIMEOUT);
	assert_int_equal(report(bench).enforcement, AGENT_ENFORCED);
	assert_false(simple(bench, AGENT_CONFIRM));
}

static void reverts_the_first_to_nothing(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 4, true, NULL));
	assert_true(simple(bench, AGENT_CANCEL));
	assert_false(bench->fake.deployed);
	assert_int_equal(bench->reason, AGENT_CANCELLED);
	assert_int_equal(report(bench).enforcement, AGENT_NONE);
	assert_null(running(bench));
}

static void keeps_the_rollback_point(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 2, false, NULL));
	assert_true(commit(bench, 4, true, NULL));
	bench->ms += 50000;
	assert_true(commit(bench, 6, true, NULL)); // the timer starts anew
	bench->ms += 50000;
	agent_core_tick(bench->core);
	assert_int_equal(in_kernel(bench), 6);
	bench->fake.refuse = true;
	assert_false(commit(bench, 7, true, NULL)); // what was pending stays so
	bench->fake.refuse = false;
	assert_int_equal(report(bench).enforcement, AGENT_PENDING);
	assert_int_equal(in_kernel(bench), 6);
	bench->ms += 10000;
	agent_core_tick(bench->core);
	assert_int_equal(in_kernel(bench), 2);
}

static void plain_commit_ends_the_wait(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 2, false, NULL));
	assert_true(commit(bench, 4, true, NULL));
	assert_true(commit(bench, 5, false, NULL));
	bench->ms += 3600000;
	agent_core_tick(bench->core);
	assert_int_equal(in_kernel(bench), 5);
	assert_true(restart(bench));
	assert_int_equal(in_kernel(bench), 5);
	assert_int_equal(bench->events[AGENT_EVENT_REVERTED], 0);
}

static void session_end(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 2, false, NULL));
	assert_true(commit(bench, 4, true, NULL));
	agent_core_front_ended(bench->core);
	assert_int_equal(in_kernel(bench), 2);
	assert_int_equal(bench->reason, AGENT_SESSION_END);
	// With a persist-id another session may confirm it.
	assert_true(commit(bench, 4, true, "p1"));
	agent_core_front_ended(bench->core);
	assert_int_equal(in_kernel(bench), 4);
	struct agent_start start = {.name = "x"};
	agent_core_describe(bench->core, &start);
	assert_true(start.pending);
	assert_string_equal(start.persist, "p1");
	assert_string_equal(start.rollback, "<config rules='2'/>");
	assert_true(simple(bench, AGENT_CONFIRM));
}

static void restart_reverts(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 2, false, NULL));
	assert_true(commit(bench, 4, true, "p1"));
	assert_true(restart(bench));
	assert_int_equal(in_kernel(bench), 2);
	assert_int_equal(bench->events[AGENT_EVENT_REVERTED], 1);
	assert_string_equal(running(bench), "<config rules='2'/>");
	assert_true(restart(bench));
	assert_int_equal(bench->events[AGENT_EVENT_REVERTED], 0);
}

static void restart_reverts_the_first(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 4, true, "p1"));
	assert_true(restart(bench));
	assert_false(bench->fake.deployed);
	assert_int_equal(report(bench).enforcement, AGENT_NONE);
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
	assert_true(commit(bench, 3, false, NULL));
	overwrite(bench, "confirmed", "garbage");
	unsigned applies = bench->fake.applies;
	assert_true(restart(bench));
	assert_int_equal(bench->fake.applies, applies);
	assert_int_equal(in_kernel(bench), 3);
	assert_int_equal(report(bench).enforcement, AGENT_UNKNOWN);
	assert_int_equal(bench->events[AGENT_EVENT_STATE], 1);
	assert_true(commit(bench, 5, false, NULL)); // ends it
	assert_int_equal(report(bench).enforcement, AGENT_ENFORCED);
	assert_true(restart(bench));
	assert_int_equal(bench->events[AGENT_EVENT_STATE], 0);
}

static void unreadable_state_closes_an_empty_kernel(void **state)
{
	struct bench *bench = *state;
	overwrite(bench, "confirmed", "garbage");
	assert_true(restart(bench));
	assert_true(bench->fake.deployed);
	assert_int_equal(bench->fake.ruleset.default_action, IR_DROP);
	assert_int_equal(report(bench).enforcement, AGENT_UNKNOWN);
	// Even then it is defended, and a commit that is not confirmed goes back to it.
	assert_true(commit(bench, 5, true, NULL));
	assert_true(simple(bench, AGENT_CANCEL));
	assert_true(bench->fake.deployed && !bench->fake.ruleset.rule.len);
	assert_int_equal(bench->fake.ruleset.default_action, IR_DROP);
	// Unless it was configured otherwise.
	bench->fake.deployed = false;
	agent_core_free(bench->core);
	overwrite(bench, "confirmed", "garbage");
	assert_true(start_with(bench, true));
	assert_false(bench->fake.deployed);
}

static void lost_state_keeps_the_rules(void **state)
{
	struct bench *bench = *state;
	char path[64];
	assert_true(commit(bench, 3, false, NULL));
	snprintf(path, sizeof(path), "%s/confirmed", bench->dir);
	assert_int_equal(file_remove(path), 0);
	assert_true(restart(bench));
	assert_int_equal(in_kernel(bench), 3);
	assert_int_equal(report(bench).enforcement, AGENT_UNKNOWN);
}

static void startup_is_kept(void **state)
{
	struct bench *bench = *state;
	struct agent_start start = {.name = "x"};
	assert_true(
		ask(bench, (struct agent_message){.type = AGENT_STARTUP, .text = "<s/>"}, NULL));
	assert_true(restart(bench));
	agent_core_describe(bench->core, &start);
	assert_string_equal(start.startup, "<s/>");
	assert_true(ask(bench, (struct agent_message){.type = AGENT_STARTUP}, NULL));
	assert_true(restart(bench));
	agent_core_describe(bench->core, &start);
	assert_null(start.startup);
	overwrite(bench, "startup", "garbage");
	assert_true(restart(bench));
	assert_int_equal(bench->events[AGENT_EVENT_STATE], 1);
}

static void a_full_disk_refuses(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 2, false, NULL));
	snprintf(bench->dir + strlen(bench->dir), 5, "/no"); // the directory is gone for the core
	assert_false(commit(bench, 5, false, NULL));
	bench->dir[strlen(bench->dir) - 3] = '\0';
	assert_int_equal(in_kernel(bench), 2);
}

// --- interference ---

static void repairs(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 3, false, NULL));
	fake_tamper(&bench->fake);
	agent_core_watch(bench->core);
	assert_int_equal(in_kernel(bench), 3);
	assert_int_equal(told(bench, AGENT_DRIFT), 1);
	assert_int_equal(told(bench, AGENT_REPAIRED), 1);
	assert_int_equal(report(bench).repairs, 1);
	// What changed nothing of ours is no drift.
	bench->fake.changed = true;
	agent_core_watch(bench->core);
	assert_int_equal(told(bench, AGENT_DRIFT), 1);
}

static void backs_off_but_goes_on(void **state)
{
	struct bench *bench = *state;
	uint64_t longest = 0;
	assert_true(commit(bench, 3, false, NULL));
	for (unsigned i = 0; i < 30; i++) {
		bench->tolds = 0;
		fake_tamper(&bench->fake);
		agent_core_watch(bench->core);
		uint64_t began = bench->ms;
		while (in_kernel(bench) != 3) {
			assert_int_equal(report(bench).enforcement, AGENT_DRIFTED);
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
	assert_int_equal(in_kernel(bench), 3);
}

static void repair_is_tried_again(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 3, false, NULL));
	fake_tamper(&bench->fake);
	bench->fake.fail = true;
	agent_core_watch(bench->core);
	assert_int_equal(report(bench).enforcement, AGENT_DRIFTED);
	assert_int_equal(bench->events[AGENT_EVENT_UNREPAIRED], 1);
	struct agent_report r = report(bench);
	assert_false(r.rule.at[2].enforced);
	assert_true(r.rule.at[0].enforced);
	bench->fake.fail = false;
	bench->ms = agent_core_due(bench->core);
	agent_core_tick(bench->core);
	assert_int_equal(in_kernel(bench), 3);
	assert_int_equal(report(bench).enforcement, AGENT_ENFORCED);
}

static void verifies(void **state)
{
	struct bench *bench = *state;
	struct agent_message answer;
	assert_true(commit(bench, 3, false, NULL));
	assert_true(ask(bench, (struct agent_message){.type = AGENT_VERIFY}, &answer));
	assert_true(answer.proof.equal);
	bench->fake.ruleset.rule.len--;
	assert_true(ask(bench, (struct agent_message){.type = AGENT_VERIFY}, &answer));
	assert_false(answer.proof.equal);
	assert_string_not_equal(answer.proof.digests.policy, answer.proof.digests.enforced);
	assert_int_equal(answer.proof.differences.list.len, 1);
	bench->ms = agent_core_due(bench->core); // and it is repaired
	agent_core_tick(bench->core);
	assert_int_equal(in_kernel(bench), 3);
}

// --- time ---

static void lowers_again(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 3, false, NULL));
	int64_t first = report(bench).digests.lowered_at;
	bench->wall += AGENT_HORIZON / 2 + 1;
	bench->ms += 3600000;
	agent_core_tick(bench->core);
	assert_int_equal(report(bench).digests.lowered_at, bench->wall);
	assert_true(bench->wall > first);
	assert_int_equal(report(bench).enforcement, AGENT_ENFORCED);
	unsigned applies = bench->fake.applies;
	assert_true(restart(bench)); // the new times are on the disk
	assert_int_equal(bench->fake.applies, applies);
	assert_string_equal(running(bench), "<config rules='3'/>");
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
	return ask(bench, (struct agent_message){.type = AGENT_OPEN, .pinhole = pinhole}, NULL);
}

static void pinholes(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 1, false, NULL));
	assert_true(open_pinhole(bench, "a", 2));
	assert_true(open_pinhole(bench, "a", 2));  // the same: times anew
	assert_false(open_pinhole(bench, "a", 3)); // another
	assert_true(open_pinhole(bench, "b", 4));
	assert_int_equal(report(bench).pinholes.list.len, 2);
	assert_true(ask(bench, (struct agent_message){.type = AGENT_CLOSE, .text = "a"}, NULL));
	assert_int_equal(bench->closed, AGENT_REQUESTED);
	assert_false(ask(bench, (struct agent_message){.type = AGENT_CLOSE, .text = "a"}, NULL));
	// The kernel closes b; the tick that is due notices.
	assert_true(agent_core_due(bench->core) <= bench->ms + 6000);
	bench->fake.pinholes.list.at[0].closed = true;
	bench->ms = agent_core_due(bench->core);
	agent_core_tick(bench->core);
	assert_int_equal(told(bench, AGENT_CLOSED), 2);
	assert_int_equal(bench->closed, AGENT_UNUSED);
	assert_int_equal(bench->fake.pinholes.list.len, 0);
	assert_false(open_pinhole(bench, "", 4));
}

static void pinholes_outlive_much(void **state)
{
	struct bench *bench = *state;
	assert_true(commit(bench, 2, false, NULL));
	assert_true(open_pinhole(bench, "a", 2));
	assert_true(commit(bench, 3, false, NULL));
	assert_true(restart(bench));
	assert_int_equal(report(bench).pinholes.list.len, 1);
	// Somebody flushes everything: both come back.
	fake_tamper(&bench->fake);
	bench->fake.pinholes.list.len = 0;
	agent_core_watch(bench->core);
	assert_int_equal(in_kernel(bench), 3);
	assert_int_equal(report(bench).pinholes.list.len, 1);
	assert_int_equal(told(bench, AGENT_CLOSED), 0);
}

static void flushes(void **state)
{
	struct bench *bench = *state;
	struct diags diags;
	struct agent_point point = fake_point(&bench->fake);
	diags_init(&diags, &bench->arena);
	assert_true(commit(bench, 2, false, NULL));
	assert_true(agent_core_flush(&point, bench->dir, &diags));
	assert_false(bench->fake.deployed);
	assert_true(restart(bench));
	assert_int_equal(report(bench).enforcement, AGENT_NONE);
}

static void events_are_a_ring(void **state)
{
	struct bench *bench = *state;
	for (unsigned i = 0; i < 3 * AGENT_EVENTS_KEPT; i++)
		agent_core_note(bench->core, AGENT_EVENT_RELOADED, "%u", i);
	struct agent_report r = report(bench);
	assert_int_equal(r.event.len, AGENT_EVENTS_KEPT);
	assert_string_equal(r.event.at[AGENT_EVENTS_KEPT - 1].text, "299");
	assert_int_equal(r.event.at[0].sequence + AGENT_EVENTS_KEPT - 1,
			 r.event.at[AGENT_EVENTS_KEPT - 1].sequence);
}

#define on_bench(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

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
