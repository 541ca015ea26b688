// SPDX-License-Identifier: Apache-2.0
// Looks by a copy of the process: what comes back from it, that it knows nothing of what happens behind its making, and
// that it is gone whenever it is to be. The copy stops itself where the test wants to do something first.
#include "agent/aside.h"
#include "agent/fake_backend.h"
#include "base/diag.h"
#include "io/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1800000000, LONG_MS = 60000 };

struct world {
	struct fake fake;
	struct agent_point point;
	struct agent_held *held;
	struct io_loop *loop;
	struct agent_aside *aside;
	struct agent_looked looked;
	bool ended;
};

static void ended(void *context, struct agent_looked *looked)
{
	struct world *w = context;
	assert_false(w->ended);
	w->ended = true;
	w->looked.error = looked->error;
	buf_add(&w->looked.proven, looked->proven.data, looked->proven.len);
	agent_seen_move(&w->looked.seen, &looked->seen);
}

static struct ir_rule rule(struct agent_held *held, unsigned number)
{
	struct ir_clause *clause = arena_new(&held->arena, struct ir_clause);
	return (struct ir_rule){.policy = "p",
				.name = arena_printf(&held->arena, "r%u", number),
				.verdict = IR_DROP,
				.clause = clause,
				.clauses = 1};
}

static int setup(void **state)
{
	struct world *w = base_oom(calloc(1, sizeof(*w)));
	struct diags diags;
	fake_init(&w->fake);
	w->point = fake_point(&w->fake);
	w->held = agent_held_new();
	w->held->lowered.default_action = IR_PASS;
	w->held->running.base = "";
	for (unsigned i = 0; i < 3; i++) {
		struct ir_rule *one = arena_new(&w->held->arena, struct ir_rule);
		*one = rule(w->held, i);
		vec_push(&w->held->arena, &w->held->rule, one);
	}
	agent_held_prepare(w->held, &w->point);
	diags_init(&diags, &w->held->arena);
	assert_int_equal(w->point.ops->apply(w->point.backend, &w->held->lowered, &diags), 0);
	agent_seen_init(&w->looked.seen);
	buf_init(&w->looked.proven);
	assert_int_equal(io_loop_new(&w->loop), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	agent_aside_free(w->aside);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // nobody is left
	assert_int_equal(errno, ECHILD);
	io_loop_free(w->loop);
	agent_seen_fini(&w->looked.seen);
	buf_fini(&w->looked.proven);
	agent_held_free(w->held);
	fake_fini(&w->fake);
	free(w);
	return 0;
}

static void begin(struct world *w, unsigned limit_ms)
{
	assert_int_equal(agent_aside_new(&(struct agent_aside_options){.loop = w->loop,
								       .point = &w->point,
								       .held = w->held,
								       .now = NOW,
								       .limit_ms = limit_ms,
								       .ended = ended,
								       .context = w},
					 &w->aside),
			 0);
}

static void await_end(struct world *w)
{
	while (!w->ended)
		assert_int_equal(io_loop_step(w->loop, -1), 0);
}

// The copy has stopped itself.
static pid_t await_stop(void)
{
	siginfo_t info = {0};
	assert_int_equal(waitid(P_ALL, 0, &info, WSTOPPED), 0);
	assert_int_equal(info.si_code, CLD_STOPPED);
	return info.si_pid;
}

static void go_on(pid_t pid)
{
	assert_int_equal(kill(pid, SIGCONT), 0);
}

static void says_what_it_has_seen(void **state)
{
	struct world *w = *state;
	begin(w, LONG_MS);
	await_end(w);
	assert_int_equal(w->looked.error, 0);
	assert_true(w->looked.seen.equal && w->looked.seen.whole && w->looked.seen.deployed);
	assert_int_equal(w->looked.seen.at, NOW);
	assert_string_equal(w->looked.seen.digest, w->held->digest);
	assert_string_equal(w->looked.proven.data, "1"); // as the copy's back end has it
	assert_int_equal(w->fake.looks, 0);
}

static void says_what_differs(void **state)
{
	struct world *w = *state;
	fake_tamper(&w->fake);
	begin(w, LONG_MS);
	await_end(w);
	const struct agent_seen *seen = &w->looked.seen;
	assert_int_equal(w->looked.error, 0);
	assert_false(seen->equal);
	assert_true(seen->deployed);
	assert_string_not_equal(seen->digest, w->held->digest);
	assert_int_equal(seen->differences.list.len, 1);
	assert_int_equal(seen->differences.list.at[0].change, BACKEND_MISSING);
	assert_string_equal(seen->differences.list.at[0].rule, "r2");
	assert_null(seen->differences.list.at[0].found);
	assert_non_null(map_get(&seen->rule_digest, "p\nr1"));
	assert_null(map_get(&seen->rule_digest, "p\nr2"));
}

// What becomes of the original's policy and back end behind its making is not its business.
static void knows_what_was(void **state)
{
	struct world *w = *state;
	w->fake.stop_before = w->fake.stop_behind = true;
	begin(w, LONG_MS);
	pid_t pid = await_stop();
	fake_tamper(&w->fake);
	w->held->lowered.rule.len = 0;
	go_on(pid);
	assert_true(agent_aside_await_read(w->aside));
	assert_int_equal(await_stop(), pid); // it has not judged yet
	assert_false(w->ended);
	go_on(pid);
	await_end(w);
	assert_true(w->looked.seen.equal);
}

static void an_error_is_told(void **state)
{
	struct world *w = *state;
	w->fake.blind = true;
	begin(w, LONG_MS);
	await_end(w);
	assert_int_equal(w->looked.error, -ENOBUFS);
	assert_false(w->looked.seen.equal);
}

static void its_death_is_an_error(void **state)
{
	struct world *w = *state;
	w->fake.die = true;
	begin(w, LONG_MS);
	assert_true(agent_aside_await_read(w->aside));
	await_end(w);
	assert_int_equal(w->looked.error, -EPIPE);
	assert_false(w->looked.seen.equal);
}

static void it_has_an_end(void **state)
{
	struct world *w = *state;
	w->fake.stop_before = true;
	begin(w, 1);
	(void)await_stop();
	await_end(w);
	assert_int_equal(w->looked.error, -ETIMEDOUT);
}

static void it_can_be_stopped(void **state)
{
	struct world *w = *state;
	w->fake.stop_behind = true;
	begin(w, LONG_MS);
	(void)await_stop();
	agent_aside_free(w->aside);
	w->aside = NULL;
	assert_int_equal(io_loop_step(w->loop, 0), 0);
	assert_false(w->ended);
}

// A socket of the original ends when the original closes it, whatever the copy does.
static void it_holds_nothing(void **state)
{
	struct world *w = *state;
	int pair[2];
	char byte;
	assert_int_equal(pipe(pair), 0);
	w->fake.stop_before = true;
	begin(w, LONG_MS);
	(void)await_stop();
	close(pair[1]);
	assert_int_equal(read(pair[0], &byte, 1), 0);
	close(pair[0]);
}

// The original ends while the copy stands still: so does the copy.
static void it_ends_with_the_original(void **state)
{
	struct world *w = *state;
	siginfo_t info = {0};
	int status;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	w->fake.stop_before = true;
	pid_t original = fork();
	if (!original) {
		begin(w, LONG_MS);
		(void)await_stop();
		_exit(EXIT_SUCCESS);
	}
	assert_int_equal(waitpid(original, &status, 0), original);
	assert_int_equal(status, 0);
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED), 0);
	assert_int_equal(info.si_code, CLD_KILLED);
	assert_int_equal(info.si_status, SIGKILL);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

#define on_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_world(says_what_it_has_seen),
		on_world(says_what_differs),
		on_world(knows_what_was),
		on_world(an_error_is_told),
		on_world(its_death_is_an_error),
		on_world(it_has_an_end),
		on_world(it_can_be_stopped),
		on_world(it_holds_nothing),
		on_world(it_ends_with_the_original),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
