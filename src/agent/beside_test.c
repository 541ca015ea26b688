// SPDX-License-Identifier: Apache-2.0
// Full looks at the kernel beside what goes on: what a look means when something was changed meanwhile, who is answered by
// it, and that nobody waits for it. The test says when a look ends; order is all that counts, there is no time in it.
#include "agent/core_bench.h"
#include "agent/evidence.h"
#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { PERIOD_MS = 600000 };

// A look that is being made, and what it is made of.
struct beside {
	struct bench *bench; // first: it is what the core calls its context
	bool on, cannot, stuck;
	unsigned begun, awaited, stopped;
	struct agent_looked looked;
};
static struct beside beside;

static bool begin(void *context, const struct agent_held *held, int64_t now)
{
	struct bench *bench = context;
	struct agent_point point = fake_point(&bench->fake);
	assert_false(beside.on);
	if (beside.cannot)
		return false;
	beside.on = true;
	beside.begun++;
	// As the kernel and the policy are now, which is what a copy would have; the test may say otherwise.
	agent_seen_init(&beside.looked.seen);
	beside.looked.error = agent_seen_look(&beside.looked.seen, &point, held, now);
	return true;
}

static bool await_read(void *context)
{
	(void)context;
	assert_true(beside.on);
	beside.awaited++;
	return !beside.stuck;
}

static void stop(void *context)
{
	(void)context;
	assert_true(beside.on);
	agent_seen_fini(&beside.looked.seen);
	beside.on = false;
	beside.stopped++;
}

static const struct agent_core_aside aside = {begin, await_read, stop};

static void end_look(struct bench *bench)
{
	assert_true(beside.on);
	beside.on = false;
	struct agent_looked looked = {.error = beside.looked.error};
	agent_seen_init(&looked.seen);
	buf_init(&looked.proven);
	agent_seen_move(&looked.seen, &beside.looked.seen);
	agent_core_looked(bench->core, &looked);
	agent_seen_fini(&looked.seen);
	buf_fini(&looked.proven);
}

static int setup(void **state)
{
	struct bench *bench = bench_new();
	beside = (struct beside){.bench = bench};
	bench->name = "hq-fw";
	bench->proof_ms = PERIOD_MS;
	bench->aside = &aside;
	assert_true(bench_start(bench, false));
	assert_true(bench_commit(bench, 2, false, NULL));
	*state = bench;
	return 0;
}

static void tick_when_due(struct bench *bench)
{
	bench->ms = agent_core_due(bench->core);
	agent_core_tick(bench->core);
}

static void verify(struct bench *bench, uint32_t id)
{
	struct agent_message ask = {.type = AGENT_VERIFY, .id = id};
	assert_true(agent_core_take(bench->core, &ask));
}

// One more rule at the end.
static bool change(struct bench *bench, unsigned before)
{
	struct backend_edit edit = {.at = before, .to = before, .inserted = 1};
	struct ir_rule rule = bench_rule(bench, before, 0);
	cleanup(buf_fini) struct buf bytes;
	buf_init(&bytes);
	ir_rule_encode(&rule, &bytes);
	return bench_ask(
		bench,
		(struct agent_message){.type = AGENT_CHANGE,
				       .change = {.version = bench_version(bench),
						  .before = before,
						  .edit = {.at = &edit, .len = 1, .cap = 1},
						  .rules = {bytes.data, bytes.len},
						  .text = "<x/>"}},
		NULL);
}

static struct evidence_record newest(struct bench *bench)
{
	struct agent_message answer;
	struct evidence_record record = {0};
	assert_true(bench_ask(bench, (struct agent_message){.type = AGENT_EVIDENCE}, &answer));
	const struct agent_records *all = &answer.records;
	assert_true(all->record.len > 0);
	const char *text = all->record.at[all->record.len - 1].text;
	assert_true(evidence_read(text, strlen(text), &bench->diags, &record));
	return record;
}

// --- nothing waits ---

// The change is acknowledged and proven while the look goes on; the look then stands for what was in force before.
static void changes_do_not_wait(void **state)
{
	struct bench *bench = *state;
	struct evidence_record before = newest(bench);
	tick_when_due(bench);
	assert_true(beside.on);
	assert_true(change(bench, 2));
	assert_true(beside.on);
	assert_int_equal(beside.awaited, 1); // once, however many changes follow
	assert_true(change(bench, 3));
	assert_int_equal(beside.awaited, 1);
	assert_int_equal(bench_in_kernel(bench), 4);
	struct evidence_record changed = newest(bench);
	assert_int_equal(changed.rules, 4);
	end_look(bench);
	struct evidence_record r = newest(bench);
	assert_int_equal(r.trigger, EVIDENCE_PERIODIC);
	assert_int_equal(r.result, EVIDENCE_EQUAL);
	assert_non_null(strstr(r.method, "full"));
	assert_int_equal(r.rules, 2);
	assert_int_equal(r.generation, before.generation);
	assert_string_equal(r.policy, before.policy);
	assert_string_equal(r.enforced, before.policy);
	assert_string_not_equal(r.policy, changed.policy);
	assert_string_equal(bench_report(bench).digests.enforced, changed.policy);
	assert_int_equal(bench->fake.adopts, 0);
	assert_true(agent_core_due(bench->core) > bench->ms);
}

static void what_is_in_force_is_taken_over(void **state)
{
	struct bench *bench = *state;
	tick_when_due(bench);
	assert_true(agent_core_due(bench->core) > bench->ms + PERIOD_MS); // until it ends
	bench->ms += 4000;
	end_look(bench);
	struct evidence_record r = newest(bench);
	assert_int_equal(r.trigger, EVIDENCE_PERIODIC);
	assert_int_equal(r.milliseconds, 4000);
	assert_int_equal(bench->fake.adopts, 1);
	assert_true(agent_core_due(bench->core) >= bench->ms + 20 * 4000);
}

// Nothing is proven of what was changed while it was read, as where reading has no end: it is looked at again, and at last
// while all wait.
static void what_was_not_read_is_looked_at_again(void **state)
{
	struct bench *bench = *state;
	beside.stuck = true;
	tick_when_due(bench);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t serial = newest(bench).serial;
		assert_int_equal(beside.begun, i + 1);
		assert_true(change(bench, 2 + i));
		assert_int_equal(beside.stopped, i + 1);
		assert_int_equal(newest(bench).serial, serial + 1);
		bench->ms += 1000;
		agent_core_tick(bench->core); // puts in order what the change has left
		agent_core_tick(bench->core);
	}
	assert_int_equal(beside.begun, 3);
	assert_false(beside.on);
	struct evidence_record r = newest(bench);
	assert_int_equal(r.trigger, EVIDENCE_PERIODIC);
	assert_non_null(strstr(r.method, "full"));
	assert_int_equal(r.rules, 5);
	tick_when_due(bench);
	assert_true(beside.on); // tried anew
	end_look(bench);
}

// Somebody else changes the kernel again and again while it is read.
static void what_cannot_be_read_is_looked_at_again(void **state)
{
	struct bench *bench = *state;
	uint64_t serial = newest(bench).serial;
	tick_when_due(bench);
	for (unsigned i = 0; i < 3; i++) {
		beside.looked.error = -EAGAIN;
		beside.looked.seen.equal = false;
		end_look(bench);
		assert_int_equal(newest(bench).serial, serial);
		tick_when_due(bench);
	}
	assert_int_equal(beside.begun, 3);
	assert_int_equal(newest(bench).result, EVIDENCE_EQUAL);
	assert_int_equal(bench->fake.applies, 1);
}

static void without_a_process_it_is_made_at_once(void **state)
{
	struct bench *bench = *state;
	beside.cannot = true;
	tick_when_due(bench);
	assert_int_equal(newest(bench).trigger, EVIDENCE_PERIODIC);
	assert_int_equal(beside.begun, 0);
}

// --- differences ---

static void drift_is_repaired(void **state)
{
	struct bench *bench = *state;
	fake_tamper(&bench->fake);
	bench->ms += 1;
	agent_core_watch(bench->core);
	assert_true(beside.on);
	assert_int_equal(bench_in_kernel(bench), 1);
	end_look(bench);
	assert_int_equal(bench_in_kernel(bench), 2);
	assert_int_equal(bench_told(bench, AGENT_DRIFT), 1);
	assert_int_equal(bench_told(bench, AGENT_REPAIRED), 1);
	assert_int_equal(newest(bench).trigger, EVIDENCE_REPAIR);
	assert_int_equal(bench->fake.adopts, 0);
}

// A difference that was seen before a change is no reason to repair what came of the change: that is looked at first.
static void older_differences_are_looked_at_again(void **state)
{
	struct bench *bench = *state;
	tick_when_due(bench);
	beside.looked.seen.equal = false;
	assert_true(change(bench, 2));
	unsigned applies = bench->fake.applies;
	end_look(bench);
	assert_int_equal(newest(bench).result, EVIDENCE_DIFFERENT);
	assert_int_equal(newest(bench).rules, 2);
	assert_int_equal(bench_told(bench, AGENT_DRIFT), 0);
	tick_when_due(bench);
	assert_int_equal(beside.begun, 2);
	end_look(bench);
	assert_int_equal(newest(bench).rules, 3);
	assert_int_equal(newest(bench).result, EVIDENCE_EQUAL);
	assert_int_equal(bench->fake.applies, applies);
}

// As a look that ends with an error.
static void a_process_that_dies_proves_nothing(void **state)
{
	struct bench *bench = *state;
	tick_when_due(bench);
	beside.looked.error = -EPIPE;
	beside.looked.seen.equal = false;
	beside.cannot = true;
	uint64_t serial = newest(bench).serial;
	end_look(bench);
	struct agent_message answer;
	assert_true(bench_ask(bench, (struct agent_message){.type = AGENT_EVIDENCE}, &answer));
	struct evidence_record r = {0};
	const char *text = answer.records.record.at[serial].text;
	assert_true(evidence_read(text, strlen(text), &bench->diags, &r));
	assert_int_equal(r.result, EVIDENCE_UNKNOWN);
	assert_non_null(strstr(r.fault, "ended too early"));
	assert_int_equal(bench->fake.applies, 2); // what is not known is put in force anew
	assert_int_equal(newest(bench).result, EVIDENCE_EQUAL);
}

// What is told while a look is made may have come too late for it.
static void what_is_told_meanwhile_is_looked_at(void **state)
{
	struct bench *bench = *state;
	tick_when_due(bench);
	fake_tamper(&bench->fake);
	agent_core_watch(bench->core);
	assert_int_equal(beside.begun, 1);
	bench->ms += 100;
	end_look(bench);
	assert_int_equal(agent_core_due(bench->core), bench->ms + 100);
	tick_when_due(bench);
	assert_int_equal(beside.begun, 2);
	end_look(bench);
	assert_int_equal(bench_told(bench, AGENT_REPAIRED), 1);
}

// --- who asks ---

static void who_asks_is_answered_later(void **state)
{
	struct bench *bench = *state;
	verify(bench, 11);
	assert_int_equal(bench->answers, 0);
	assert_int_equal(bench_report(bench).enforcement, AGENT_ENFORCED); // others are answered
	end_look(bench);
	assert_int_equal(bench->answers, 1);
	assert_int_equal(bench->answer.id, 11);
	assert_int_equal(bench->answer.type, AGENT_PROOF);
	assert_true(bench->answer.proof.equal);
	assert_int_equal(newest(bench).trigger, EVIDENCE_REQUEST);
	// Differences are told as they were found, not as they were mended.
	fake_tamper(&bench->fake);
	verify(bench, 12);
	end_look(bench);
	assert_int_equal(bench->answer.id, 12);
	assert_false(bench->answer.proof.equal);
	assert_int_equal(bench->answer.proof.differences.list.len, 1);
	assert_int_equal(bench_in_kernel(bench), 2);
}

// A look that has begun may have read what was there before somebody asked.
static void who_asks_meanwhile_waits_for_the_next(void **state)
{
	struct bench *bench = *state;
	tick_when_due(bench);
	verify(bench, 21);
	verify(bench, 22);
	end_look(bench);
	assert_int_equal(bench->answers, 0);
	assert_int_equal(beside.begun, 2);
	verify(bench, 23);
	end_look(bench);
	assert_int_equal(bench->answers, 2);
	assert_int_equal(beside.begun, 3);
	end_look(bench);
	assert_int_equal(bench->answers, 3);
	assert_int_equal(bench->answer.id, 23);
	assert_false(beside.on);
}

static void who_asks_is_answered_in_spite_of_changes(void **state)
{
	struct bench *bench = *state;
	verify(bench, 31);
	beside.stuck = true;
	assert_true(change(bench, 2)); // while it reads
	assert_int_equal(bench->answers, 0);
	tick_when_due(bench);
	tick_when_due(bench);
	assert_int_equal(beside.begun, 2);
	beside.stuck = false;
	assert_true(change(bench, 3)); // behind that
	end_look(bench);
	assert_int_equal(bench->answers, 1);
	assert_true(bench->answer.proof.equal);
	assert_string_equal(bench->answer.proof.digests.policy, bench_report(bench).digests.policy);
}

static void nobody_is_answered_who_has_gone(void **state)
{
	struct bench *bench = *state;
	verify(bench, 41);
	agent_core_front_ended(bench->core);
	end_look(bench);
	assert_int_equal(bench->answers, 0);
	assert_int_equal(newest(bench).trigger, EVIDENCE_REQUEST);
	verify(bench, 42); // stopped with the core
	assert_true(bench_restart(bench));
	assert_int_equal(beside.stopped, 1);
	assert_int_equal(bench->answers, 0);
}

#define on_bench(test) cmocka_unit_test_setup_teardown(test, setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(changes_do_not_wait),
		on_bench(what_is_in_force_is_taken_over),
		on_bench(what_was_not_read_is_looked_at_again),
		on_bench(what_cannot_be_read_is_looked_at_again),
		on_bench(without_a_process_it_is_made_at_once),
		on_bench(drift_is_repaired),
		on_bench(older_differences_are_looked_at_again),
		on_bench(a_process_that_dies_proves_nothing),
		on_bench(what_is_told_meanwhile_is_looked_at),
		on_bench(who_asks_is_answered_later),
		on_bench(who_asks_meanwhile_waits_for_the_next),
		on_bench(who_asks_is_answered_in_spite_of_changes),
		on_bench(nobody_is_answered_who_has_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
