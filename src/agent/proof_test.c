// SPDX-License-Identifier: Apache-2.0
// When the kernel is read back, and the records that this leaves: with a kernel in memory and a clock that the test turns.
// The records are read, checked and chained as an auditor would.
#include "agent/core_bench.h"
#include "agent/evidence.h"
#include "base/buf.h"
#include "base/file.h"
#include "pki/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PERIOD_MS = 600000 };

static int setup(void **state)
{
	struct bench *bench = bench_new();
	bench->wall = time(NULL);
	bench->name = "hq-fw";
	bench->proof_ms = PERIOD_MS;
	assert_true(bench_start(bench, false));
	*state = bench;
	return 0;
}

static char *in(struct bench *bench, const char *name)
{
	return arena_printf(&bench->arena, "%s/%s", bench->dir, name);
}

static struct agent_records behind(struct bench *bench, const char *chain, uint64_t serial)
{
	struct agent_message answer;
	assert_true(bench_ask(bench,
			      (struct agent_message){.type = AGENT_EVIDENCE,
						     .ask = {.chain = chain, .serial = serial}},
			      &answer));
	assert_int_equal(answer.type, AGENT_RECORDS);
	return answer.records;
}

static struct evidence_record read_record(struct bench *bench, const struct agent_record *record)
{
	struct evidence_record got = {0};
	assert_true(evidence_read(record->text, strlen(record->text), &bench->diags, &got));
	return got;
}

// The newest, all of them having been checked to hang together.
static struct evidence_record newest(struct bench *bench)
{
	struct agent_records all = behind(bench, NULL, 0);
	struct evidence_link link = {.serial = 0};
	struct evidence_record r = {0};
	assert_true(all.record.len > 0);
	for (size_t i = 0; i < all.record.len; i++) {
		r = read_record(bench, &all.record.at[i]);
		assert_true(evidence_follows(&link, &r, all.record.at[i].text, &bench->diags));
	}
	return r;
}

// --- records ---

static void everything_leaves_a_record(void **state)
{
	struct bench *bench = *state;
	struct evidence_record r = newest(bench);
	assert_int_equal(r.trigger, EVIDENCE_START);
	assert_int_equal(r.result, EVIDENCE_EQUAL);
	assert_int_equal(r.serial, 1);
	assert_null(r.intended);
	assert_true(bench_commit(bench, 3, true, "bulwark-7"));
	r = newest(bench);
	assert_int_equal(r.trigger, EVIDENCE_COMMIT);
	assert_int_equal(r.result, EVIDENCE_EQUAL);
	assert_int_equal(r.rules, 3);
	assert_int_equal(r.time, bench->wall);
	assert_string_equal(r.nsf, "hq-fw");
	assert_string_equal(r.commit, "bulwark-7");
	assert_string_equal(r.back_end, "fake");
	assert_string_equal(r.policy, r.enforced);
	struct agent_message answer;
	assert_true(bench_ask(bench, (struct agent_message){.type = AGENT_VERIFY}, &answer));
	assert_int_equal(newest(bench).trigger, EVIDENCE_REQUEST);
	bench->ms += 61000;
	agent_core_tick(bench->core);
	r = newest(bench);
	assert_int_equal(r.trigger, EVIDENCE_REVERT);
	assert_null(r.intended);
	assert_int_equal(r.serial, bench_told(bench, AGENT_PROVEN));
}

static void drift_and_repair(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 3, false, NULL));
	uint64_t before = newest(bench).serial;
	fake_tamper(&bench->fake);
	agent_core_watch(bench->core);
	struct agent_records two = behind(bench, newest(bench).chain, before);
	assert_int_equal(two.record.len, 2);
	struct evidence_record found = read_record(bench, &two.record.at[0]),
			       mended = read_record(bench, &two.record.at[1]);
	assert_int_equal(found.trigger, EVIDENCE_CHANGE);
	assert_int_equal(found.result, EVIDENCE_DIFFERENT);
	assert_int_equal(found.differences, 1);
	assert_string_equal(found.difference.at[0].kind, "missing");
	assert_string_equal(found.difference.at[0].rule, "r2");
	assert_string_not_equal(found.policy, found.enforced);
	assert_int_equal(mended.trigger, EVIDENCE_REPAIR);
	assert_int_equal(mended.result, EVIDENCE_EQUAL);
	assert_string_equal(mended.intended, found.intended);
}

static void what_cannot_be_judged_is_said(void **state)
{
	struct bench *bench = *state;
	struct agent_message answer;
	assert_true(bench_commit(bench, 1, false, NULL));
	bench->fake.blind = true;
	assert_true(bench_ask(bench, (struct agent_message){.type = AGENT_VERIFY}, &answer));
	struct evidence_record r = newest(bench);
	assert_int_equal(r.result, EVIDENCE_UNKNOWN);
	assert_string_equal(r.fault, strerror(ENOBUFS));
	assert_null(r.enforced);
}

// --- when ---

static void a_full_proof_now_and_then(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	uint64_t due = agent_core_due(bench->core);
	unsigned looks = bench->fake.looks;
	assert_in_range(due - bench->ms, PERIOD_MS * 9 / 10, PERIOD_MS * 11 / 10);
	bench->ms = due - 1;
	agent_core_tick(bench->core);
	assert_int_equal(bench->fake.looks, looks);
	bench->ms = due;
	agent_core_tick(bench->core);
	assert_int_equal(bench->fake.looks, looks + 1);
	assert_int_equal(newest(bench).trigger, EVIDENCE_PERIODIC);
	// What nobody told is found, and repaired.
	fake_tamper(&bench->fake);
	bench->ms = agent_core_due(bench->core);
	agent_core_tick(bench->core);
	assert_int_equal(bench->fake.ruleset.rule.len, 2);
	assert_int_equal(newest(bench).trigger, EVIDENCE_REPAIR);
	// No policy: nothing to look for.
	assert_true(bench_commit(bench, 0, true, "p"));
}

// One more rule at the end.
static bool change(struct bench *bench, unsigned before)
{
	struct backend_edit edit = {.at = before, .to = before, .inserted = 1};
	struct ir_clause clause = {0};
	struct agent_message answer;
	struct agent_start start = {.name = "x"};
	cleanup(buf_fini) struct buf bytes;
	buf_init(&bytes);
	agent_core_describe(bench->core, &start);
	ir_rule_encode(&(struct ir_rule){.policy = "p",
					 .name = arena_printf(&bench->arena, "r%u", before),
					 .verdict = IR_DROP,
					 .clause = &clause,
					 .clauses = 1},
		       &bytes);
	return bench_ask(
		bench,
		(struct agent_message){.type = AGENT_CHANGE,
				       .change = {.version = start.version,
						  .before = before,
						  .edit = {.at = &edit, .len = 1, .cap = 1},
						  .rules = {bytes.data, bytes.len},
						  .text = "<x/>"}},
		&answer);
}

// Looks at changes alone do not put the full proof off, and say what they are.
static void changes_are_no_full_proof(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_non_null(strstr(newest(bench).method, "full"));
	uint64_t due = agent_core_due(bench->core);
	bench->ms = due - 1;
	assert_true(change(bench, 2));
	assert_int_equal(bench->fake.glances, 1);
	assert_null(strstr(newest(bench).method, "full"));
	assert_int_equal(newest(bench).result, EVIDENCE_EQUAL);
	assert_int_equal(newest(bench).rules, 3);
	bench->ms = due;
	agent_core_tick(bench->core);
	assert_int_equal(newest(bench).trigger, EVIDENCE_PERIODIC);
	assert_non_null(strstr(newest(bench).method, "full"));
	assert_true(agent_core_due(bench->core) > bench->ms);
	// What a glance finds is looked at as a whole.
	assert_true(bench_commit(bench, 2, false, NULL));
	bench->fake.cheat = true;
	assert_false(change(bench, 2));
	assert_non_null(strstr(newest(bench).method, "full"));
}

// A second behind the last change the back end puts in order what changes have left, and that is proven; once.
static void changes_are_settled(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 2, false, NULL));
	assert_true(change(bench, 2));
	bench->ms += 999;
	agent_core_tick(bench->core);
	assert_int_equal(bench->fake.settles, 0);
	assert_true(change(bench, 3));
	assert_int_equal(agent_core_due(bench->core), bench->ms + 1000);
	bench->ms += 1000;
	agent_core_tick(bench->core);
	assert_int_equal(bench->fake.settles, 1);
	assert_int_equal(newest(bench).trigger, EVIDENCE_SETTLE);
	assert_int_equal(newest(bench).result, EVIDENCE_EQUAL);
	assert_true(agent_core_due(bench->core) > bench->ms + 1000);
	// What is found then is repaired.
	assert_true(change(bench, 4));
	fake_tamper(&bench->fake);
	bench->ms += 1000;
	agent_core_tick(bench->core);
	assert_int_equal(bench->fake.settles, 2);
	assert_int_equal(newest(bench).trigger, EVIDENCE_REPAIR);
	assert_int_equal(bench_in_kernel(bench), 5);
}

static void nothing_in_force_is_not_looked_for(void **state)
{
	struct bench *bench = *state;
	unsigned looks = bench->fake.looks;
	for (unsigned i = 0; i < 10; i++) {
		uint64_t due = agent_core_due(bench->core);
		assert_true(due > bench->ms);
		bench->ms = due;
		agent_core_tick(bench->core);
	}
	assert_int_equal(bench->fake.looks, looks);
}

// A look that takes long is made seldom: a twentieth of the time at the most.
static void the_cost_is_bounded(void **state)
{
	struct bench *bench = *state;
	enum { LONG = 60000 };
	assert_true(bench_commit(bench, 2, false, NULL));
	bench->fake.clock = &bench->ms;
	bench->fake.looking = LONG;
	unsigned looks = bench->fake.looks;
	uint64_t began = bench->ms;
	while (bench->fake.looks < looks + 10) {
		bench->ms = agent_core_due(bench->core);
		agent_core_tick(bench->core);
	}
	assert_true(10 * LONG <= (bench->ms - began) / 19);
	assert_int_equal(newest(bench).milliseconds, LONG);
}

// Changes that are told while a look is due wait for it, and are one.
static void changes_are_gathered(void **state)
{
	struct bench *bench = *state;
	enum { LONG = 5000 };
	assert_true(bench_commit(bench, 2, false, NULL));
	bench->fake.clock = &bench->ms;
	bench->fake.looking = LONG;
	bench->ms += 1;
	bench->fake.changed = true;
	agent_core_watch(bench->core); // at once: the last look took no time
	unsigned looks = bench->fake.looks;
	uint64_t ended = bench->ms;
	for (unsigned i = 0; i < 100; i++) {
		bench->ms += 10;
		bench->fake.changed = true;
		agent_core_watch(bench->core);
		agent_core_tick(bench->core);
	}
	assert_int_equal(bench->fake.looks, looks);
	assert_int_equal(agent_core_due(bench->core), ended + LONG);
	bench->ms = ended + LONG;
	agent_core_tick(bench->core);
	assert_int_equal(bench->fake.looks, looks + 1);
	assert_int_equal(newest(bench).trigger, EVIDENCE_CHANGE);
	assert_true(agent_core_due(bench->core) > bench->ms + LONG);
}

// --- keeping ---

static void goes_on_after_a_restart(void **state)
{
	struct bench *bench = *state;
	assert_true(bench_commit(bench, 1, false, NULL));
	struct evidence_record before = newest(bench);
	assert_true(bench_restart(bench));
	struct evidence_record r = newest(bench);
	assert_string_equal(r.chain, before.chain);
	assert_int_equal(r.serial, before.serial + 1);
	assert_string_equal(r.key, before.key);
	assert_int_equal(r.trigger, EVIDENCE_START);
}

// Every length of the file that a crash can leave: whole records stay, and no number is used twice.
static void a_crash_cuts_the_end(void **state)
{
	struct bench *bench = *state;
	cleanup(buf_fini) struct buf file;
	buf_init(&file);
	assert_true(bench_commit(bench, 1, false, NULL));
	struct evidence_record last = newest(bench);
	assert_int_equal(last.serial, 2);
	assert_int_equal(file_read(in(bench, "evidence"), 1 << 20, &file), 0);
	size_t first = (size_t)(strstr(file.data, "\nrecord ") + 1 - file.data);
	for (size_t len = first; len < file.len; len += 1 + len % 37) {
		assert_int_equal(truncate(in(bench, "evidence"), (off_t)len), 0);
		struct agent_evidence *e = agent_evidence_open(bench->dir, "hq-fw", &bench->diags);
		assert_non_null(e);
		struct agent_records all;
		struct agent_evidence_ask oldest = {.chain = NULL};
		uint64_t serial;
		assert_true(agent_evidence_add(
			e, &(struct evidence_record){.method = "m", .back_end = "b"}, &bench->diags,
			&serial));
		agent_evidence_list(e, &oldest, &bench->arena, &all);
		assert_int_equal(all.record.len, 2);
		struct evidence_record r = read_record(bench, &all.record.at[1]);
		assert_int_equal(strcmp(r.chain, last.chain) == 0, len == first);
		assert_int_equal(serial, len == first ? 2 : 1);
		agent_evidence_free(e);
		assert_int_equal(file_put(&(struct file_put){.path = in(bench, "evidence"),
							     .data = file.data,
							     .len = file.len,
							     .mode = 0600}),
				 0);
	}
}

static void a_new_name_is_a_new_chain(void **state)
{
	struct bench *bench = *state;
	struct agent_evidence *e = agent_evidence_open(bench->dir, "dc-fw", &bench->diags);
	uint64_t serial;
	assert_non_null(e);
	assert_true(agent_evidence_add(e, &(struct evidence_record){.method = "m", .back_end = "b"},
				       &bench->diags, &serial));
	assert_int_equal(serial, 1);
	agent_evidence_free(e);
}

// The oldest go, the chain of the others stays whole, and they are given out in pieces.
static void the_file_is_bounded(void **state)
{
	struct bench *bench = *state;
	struct agent_message answer;
	char *longest = arena_alloc(&bench->arena, EVIDENCE_TEXT_MOST);
	memset(longest, 'x', EVIDENCE_TEXT_MOST - 1);
	longest[EVIDENCE_TEXT_MOST - 1] = '\0';
	struct evidence_record big = {.method = longest, .back_end = longest, .fault = longest};
	struct agent_evidence *e = agent_evidence_open(bench->dir, "hq-fw", &bench->diags);
	uint64_t serial = 0, n = AGENT_EVIDENCE_KEPT / 1500;
	while (serial < n)
		assert_true(agent_evidence_add(e, &big, &bench->diags, &serial));
	agent_evidence_free(e);
	struct stat st;
	assert_int_equal(stat(in(bench, "evidence"), &st), 0);
	assert_true(st.st_size <= AGENT_EVIDENCE_KEPT);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(bench_restart(bench));
	struct evidence_link link = {.serial = 0};
	struct evidence_record r = {0};
	struct agent_records some = behind(bench, NULL, 0);
	size_t seen = 0;
	assert_true(some.more);
	for (;; some = behind(bench, r.chain, r.serial)) {
		for (size_t i = 0; i < some.record.len; i++, seen++) {
			r = read_record(bench, &some.record.at[i]);
			assert_true(seen || r.serial > 1);
			assert_true(
				evidence_follows(&link, &r, some.record.at[i].text, &bench->diags));
		}
		if (!some.more)
			break;
	}
	assert_int_equal(r.serial, n + 1);
	assert_true(bench_ask(bench, (struct agent_message){.type = AGENT_VERIFY}, &answer));
	assert_int_equal(behind(bench, r.chain, r.serial).record.len, 1);
}

// The rules come first: they are enforced although nobody can prove it.
static void without_evidence_rules_go_on(void **state)
{
	struct bench *bench = *state;
	assert_int_equal(chmod(in(bench, "evidence.key"), 0644), 0);
	assert_true(bench_restart(bench));
	assert_int_equal(bench->events[AGENT_EVENT_EVIDENCE], 1);
	assert_true(bench_commit(bench, 1, false, NULL));
	assert_int_equal(behind(bench, NULL, 0).record.len, 0);
}

static void the_key_is_certified(void **state)
{
	struct bench *bench = *state;
	struct pki_subject subject = {.role = PKI_EVIDENCE, .name = "hq-fw"};
	cleanup(buf_fini) struct buf request, chain;
	buf_init(&request);
	buf_init(&chain);
	assert_null(behind(bench, NULL, 0).certificate);
	assert_true(pki_init(in(bench, "ca"), "Example", &bench->diags));
	struct pki *pki = pki_open(in(bench, "ca"), &bench->diags);
	assert_true(agent_evidence_request(bench->dir, "hq-fw", &bench->diags, &request));
	assert_true(pki_issue(pki, &subject, request.data, &bench->diags, &chain));
	assert_true(agent_evidence_certify(bench->dir, chain.data, &bench->diags));
	struct agent_records all = behind(bench, NULL, 0);
	struct evidence_record r = read_record(bench, &all.record.at[0]);
	struct pki_trust *trust = pki_trust_load(in(bench, "ca/ca.pem"), NULL, &bench->diags);
	assert_true(evidence_signed(&r, all.record.at[0].text, all.record.at[0].signature,
				    all.certificate, trust, &bench->diags));
	// Not for another key.
	assert_int_equal(remove(in(bench, "evidence.key")), 0);
	assert_true(pki_key_new(in(bench, "evidence.key"), &bench->diags));
	assert_false(agent_evidence_certify(bench->dir, chain.data, &bench->diags));
	pki_trust_free(trust);
	pki_close(pki);
}

#define on_bench(test) cmocka_unit_test_setup_teardown(test, setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(everything_leaves_a_record),
		on_bench(drift_and_repair),
		on_bench(what_cannot_be_judged_is_said),
		on_bench(a_full_proof_now_and_then),
		on_bench(changes_are_no_full_proof),
		on_bench(changes_are_settled),
		on_bench(nothing_in_force_is_not_looked_for),
		on_bench(the_cost_is_bounded),
		on_bench(changes_are_gathered),
		on_bench(goes_on_after_a_restart),
		on_bench(a_crash_cuts_the_end),
		on_bench(a_new_name_is_a_new_chain),
		on_bench(the_file_is_bounded),
		on_bench(without_evidence_rules_go_on),
		on_bench(the_key_is_certified),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
