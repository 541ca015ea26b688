// SPDX-License-Identifier: Apache-2.0
// The core of the tests (core_bench.h).
#include "agent/core_bench.h"

#include "base/buf.h"
#include "base/test_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t wall(void *context)
{
	return ((struct bench *)context)->wall;
}

static uint64_t monotonic(void *context)
{
	return ((struct bench *)context)->ms;
}

// What it borrows does not live as long as a test needs it.
static void keep_answer(struct bench *bench, const struct agent_message *message)
{
	cleanup(buf_fini) struct buf bytes;
	buf_init(&bytes);
	agent_message_encode(message, &bytes);
	assert_true(agent_message_decode(bytes.data, bytes.len, &bench->arena, &bench->answer));
	bench->answers++;
}

static void tell(void *context, const struct agent_message *message)
{
	struct bench *bench = context;
	if (message->id) {
		keep_answer(bench, message);
		return;
	}
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

unsigned bench_told(const struct bench *bench, enum agent_type type)
{
	unsigned n = 0;
	for (size_t i = 0; i < bench->tolds; i++)
		n += bench->told[i] == type;
	return n;
}

bool bench_start(struct bench *bench, bool keep_open)
{
	bench->core = agent_core_new(&(struct agent_core_options){.point = fake_point(&bench->fake),
								  .state_dir = bench->dir,
								  .certificate_dir = bench->dir,
								  .name = bench->name,
								  .proof_ms = bench->proof_ms,
								  .keep_open = keep_open,
								  .aside = bench->aside,
								  .wall = wall,
								  .monotonic = monotonic,
								  .tell = tell,
								  .log = note,
								  .context = bench});
	bool started = agent_core_start(bench->core, &bench->diags);
	agent_core_tick(bench->core); // the calendar is looked at once an hour from now on
	return started;
}

bool bench_restart(struct bench *bench)
{
	agent_core_free(bench->core);
	bench->tolds = 0;
	memset(bench->events, 0, sizeof(bench->events));
	return bench_start(bench, false);
}

struct bench *bench_new(void)
{
	struct bench *bench = base_oom(calloc(1, sizeof(*bench)));
	arena_init(&bench->arena);
	diags_init(&bench->diags, &bench->arena);
	fake_init(&bench->fake);
	bench->wall = 1773219600;
	bench->ms = 1000000;
	snprintf(bench->dir, sizeof(bench->dir), "/tmp/core-test.XXXXXX");
	assert_non_null(mkdtemp(bench->dir));
	return bench;
}

int bench_setup(void **state)
{
	struct bench *bench = bench_new();
	assert_true(bench_start(bench, false));
	*state = bench;
	return 0;
}

int bench_teardown(void **state)
{
	struct bench *bench = *state;
	agent_core_free(bench->core);
	fake_fini(&bench->fake);
	test_dir_remove(bench->dir);
	arena_fini(&bench->arena);
	free(bench);
	return 0;
}

struct ir_rule bench_rule(struct bench *bench, unsigned i, unsigned salt)
{
	struct ir_clause *clause = arena_new(&bench->arena, struct ir_clause);
	assert_true(ir_clause_narrow(
		clause, &bench->arena, IR_DPORT,
		algebra_set_one(&bench->arena, i % 10000 + 1, i % 10000 + 1 + salt)));
	return (struct ir_rule){.policy = "p",
				.name = arena_printf(&bench->arena, "r%u", i),
				.verdict = IR_PASS,
				.flow = true,
				.clause = clause,
				.clauses = 1};
}

bool bench_ask(struct bench *bench, struct agent_message message, struct agent_message *answer)
{
	struct agent_message got;
	message.id = 7;
	bench->answer.id = 0;
	if (agent_core_take(bench->core, &message))
		*(answer ? answer : &got) = bench->answer;
	else
		agent_core_answer(bench->core, &message, &bench->arena, answer ? answer : &got);
	assert_int_equal((answer ? answer : &got)->id, 7);
	return (answer ? answer : &got)->type != AGENT_RESULT ||
	       (answer ? answer : &got)->result.ok;
}

void bench_send(struct bench *bench, enum agent_type type, const void *data, size_t len)
{
	struct agent_message message = {.type = type, .piece = {data, len}};
	assert_true(agent_core_take(bench->core, &message));
}

void bench_send_policy(struct bench *bench, unsigned n)
{
	const char *text = arena_printf(&bench->arena, "<config rules='%u'/>", n);
	for (unsigned i = 0; i < n; i++) {
		cleanup(buf_fini) struct buf bytes;
		struct ir_rule one = bench_rule(bench, i, 0);
		buf_init(&bytes);
		ir_rule_encode(&one, &bytes);
		bench_send(bench, AGENT_RULES, bytes.data, bytes.len);
	}
	bench_send(bench, AGENT_TEXT, text, 7);
	bench_send(bench, AGENT_TEXT, text + 7, strlen(text) - 7);
}

struct agent_message bench_apply(const struct bench *bench, bool confirmed, const char *persist)
{
	return (struct agent_message){
		.type = AGENT_APPLY,
		.apply = {.default_action = bench->nothing ? IR_NONE : IR_DROP,
			  .terms = {.confirmed = confirmed, .timeout = 60, .persist = persist}}};
}

bool bench_commit(struct bench *bench, unsigned rules, bool confirmed, const char *persist)
{
	bench_send_policy(bench, rules);
	return bench_ask(bench, bench_apply(bench, confirmed, persist), NULL);
}

bool bench_simple(struct bench *bench, enum agent_type type)
{
	return bench_ask(bench, (struct agent_message){.type = type}, NULL);
}

size_t bench_in_kernel(const struct bench *bench)
{
	return bench->fake.deployed ? bench->fake.ruleset.rule.len : 0;
}

struct agent_report bench_report(struct bench *bench)
{
	struct agent_message answer;
	assert_true(bench_ask(bench, (struct agent_message){.type = AGENT_STATE}, &answer));
	assert_int_equal(answer.type, AGENT_REPORT);
	return answer.report;
}

const char *bench_running(struct bench *bench)
{
	return agent_core_kept(bench->core, AGENT_KEPT_RUNNING).base;
}

uint32_t bench_version(struct bench *bench)
{
	struct agent_start start = {.name = "x"};
	agent_core_describe(bench->core, &start);
	return start.version;
}
