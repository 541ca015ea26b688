// SPDX-License-Identifier: Apache-2.0
// Changes of a policy in every order with everything that can happen between them: confirmed, cancelled, timed out, refused,
// repaired, restarted, with a disk that fails and a machine that dies at every step. Whatever happens, what is enforced is
// what a whole commit of the same configuration would enforce, and nothing that was accepted is lost.
#include "agent/core_bench.h"

#include "base/buf.h"
#include "ir/test.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// --- the disk ---

// The call that changes the disk and is to go wrong, counted from 1; 0: none. `dead`: from then on none does anything.
static struct {
	unsigned at, calls;
	bool dead, dies;
	size_t part; // bytes that a write has done before
} disk;

ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t at);
ssize_t __real_write(int fd, const void *data, size_t len);
int __real_ftruncate(int fd, off_t len);
int __real_renameat2(int from, const char *old, int to, const char *new, unsigned flags);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_ftruncate(int fd, off_t len);
int __wrap_renameat2(int from, const char *old, int to, const char *new, unsigned flags);

// Whether this call goes wrong.
static bool goes_wrong(void)
{
	bool wrong = disk.dead || ++disk.calls == disk.at;
	if (wrong && disk.dies)
		disk.dead = true;
	if (wrong)
		errno = EIO;
	return wrong;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at)
{
	bool was_dead = disk.dead;
	if (!goes_wrong())
		return __real_pwrite(fd, data, len, at);
	if (!was_dead)
		(void)!__real_pwrite(fd, data, disk.part < len ? disk.part : len, at);
	errno = EIO;
	return -1;
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	return fd > 2 && goes_wrong() ? -1 : __real_write(fd, data, len);
}

int __wrap_fdatasync(int fd)
{
	(void)fd;
	return goes_wrong() ? -1 : 0;
}

int __wrap_fsync(int fd)
{
	(void)fd;
	return goes_wrong() ? -1 : 0;
}

int __wrap_ftruncate(int fd, off_t len)
{
	return goes_wrong() ? -1 : __real_ftruncate(fd, len);
}

int __wrap_renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	return goes_wrong() ? -1 : __real_renameat2(from, old, to, new, flags);
}

static void disk_goes_wrong_at(unsigned at, bool dies, size_t part)
{
	disk.at = at;
	disk.calls = 0;
	disk.dead = false;
	disk.dies = dies;
	disk.part = part;
}

// --- what should be ---

enum { RULES_MOST = 60, TEXT_MOST = 4096 };

// A policy: its rules, each a number and a salt, and the texts that front has sent for it.
struct model {
	bool there;
	size_t len;
	unsigned id[RULES_MOST], salt[RULES_MOST];
	char text[TEXT_MOST];
};
struct world {
	struct bench *bench;
	struct test_random random;
	struct model now, confirmed;
	bool pending, persist;
	unsigned last; // number of the last rule or text
};

static void expected_rules(const struct world *w, const struct model *model, struct arena *arena,
			   struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = IR_DROP};
	for (size_t i = 0; i < model->len; i++)
		vec_push(arena, &out->rule, bench_rule(w->bench, model->id[i], model->salt[i]));
}

static bool kernel_has(const struct world *w, const struct model *model)
{
	const struct fake *fake = &w->bench->fake;
	struct arena arena;
	struct ir_ruleset expected;
	cleanup(buf_fini) struct buf is;
	cleanup(buf_fini) struct buf shall;
	if (fake->deployed != model->there)
		return false;
	arena_init(&arena);
	buf_init(&is);
	buf_init(&shall);
	expected_rules(w, model, &arena, &expected);
	ir_ruleset_encode(&expected, &shall);
	ir_ruleset_encode(&fake->ruleset, &is);
	arena_fini(&arena);
	return !model->there || (is.len == shall.len && !memcmp(is.data, shall.data, is.len));
}

static bool texts_are(const struct world *w, enum agent_which which, const char *text)
{
	struct agent_running kept = agent_core_kept(w->bench->core, which);
	cleanup(buf_fini) struct buf is;
	buf_init(&is);
	buf_adds(&is, kept.base ? kept.base : "");
	for (size_t i = 0; i < kept.edit.len; i++)
		buf_adds(&is, kept.edit.at[i]);
	return strcmp(is.data, text) == 0;
}

static void assert_world(const struct world *w)
{
	struct arena arena;
	struct ir_ruleset expected;
	char digest[AGENT_DIGEST_TEXT];
	assert_true(kernel_has(w, &w->now));
	assert_true(texts_are(w, AGENT_KEPT_RUNNING, w->now.text));
	assert_true(texts_are(w, AGENT_KEPT_ROLLBACK, w->pending ? w->confirmed.text : ""));
	struct agent_report report = bench_report(w->bench);
	assert_int_equal(report.pending, w->pending);
	assert_int_equal(report.enforcement, !w->now.there ? AGENT_NONE
					     : w->pending  ? AGENT_PENDING
							   : AGENT_ENFORCED);
	if (!w->now.there)
		return;
	arena_init(&arena);
	expected_rules(w, &w->now, &arena, &expected);
	agent_digest(&expected, digest);
	assert_string_equal(report.digests.intended, digest);
	assert_string_equal(report.digests.enforced, digest); // the fake's normal form is its own
	arena_fini(&arena);
}

// --- what is done ---

static void add_text(struct model *model, const char *text, bool anew)
{
	size_t used = anew ? 0 : strlen(model->text);
	assert_true(used + strlen(text) < TEXT_MOST);
	snprintf(model->text + used, TEXT_MOST - used, "%s", text);
}

static struct agent_terms random_terms(struct world *w)
{
	bool confirmed = test_random_chance(&w->random, 60);
	return (struct agent_terms){
		.confirmed = confirmed,
		.timeout = 60,
		.persist = confirmed && test_random_chance(&w->random, 50) ? "id" : NULL};
}

static void accepted(struct world *w, const struct model *next, const struct agent_terms *terms)
{
	w->now = *next;
	w->pending = terms->confirmed;
	w->persist = terms->persist;
	if (!terms->confirmed)
		w->confirmed = *next;
}

static void push_rule(struct world *w, struct model *model, struct buf *bytes)
{
	struct ir_rule rule;
	model->id[model->len] = ++w->last;
	model->salt[model->len] = test_random_below(&w->random, 3);
	rule = bench_rule(w->bench, model->id[model->len], model->salt[model->len]);
	ir_rule_encode(&rule, bytes);
	model->len++;
}

static void copy_rules(struct model *to, const struct model *from, size_t begin, size_t end)
{
	for (; begin < end; begin++, to->len++) {
		to->id[to->len] = from->id[begin];
		to->salt[to->len] = from->salt[begin];
	}
}

struct commit {
	struct model next;
	struct agent_terms terms;
	struct agent_message message;
	struct backend_edit edit[4];
	struct buf bytes;
	char text[24];
};

// Up to four edits, each removing and inserting a few rules; none at all is a change of the text only.
static void random_change(struct world *w, struct commit *c)
{
	const struct model *now = &w->now;
	size_t from = 0, edits = 0, most = test_random_below(&w->random, 5);
	c->next = (struct model){.there = true};
	while (edits < most && from <= now->len) {
		struct backend_edit *e = &c->edit[edits];
		e->at = from + test_random_below(&w->random, (uint32_t)(now->len - from) + 1);
		e->removed = test_random_below(&w->random, 4);
		e->removed = e->removed > now->len - e->at ? now->len - e->at : e->removed;
		e->inserted = now->len + 12 < RULES_MOST ? test_random_below(&w->random, 4) : 0;
		if (!e->removed && !e->inserted)
			break;
		copy_rules(&c->next, now, from, e->at);
		e->to = c->next.len;
		for (size_t i = 0; i < e->inserted; i++)
			push_rule(w, &c->next, &c->bytes);
		from = e->at + e->removed;
		edits++;
		if (from == now->len)
			break;
		copy_rules(&c->next, now, from, from + 1); // edits do not touch each other
		from++;
	}
	copy_rules(&c->next, now, from, now->len);
	snprintf(c->next.text, sizeof(c->next.text), "%s", now->text);
	add_text(&c->next, c->text, false);
	c->message = (struct agent_message){
		.type = AGENT_CHANGE,
		.change = {.version = bench_version(w->bench),
			   .before = (uint32_t)now->len,
			   .edit = {.at = c->edit, .len = edits, .cap = edits},
			   .rules = {c->bytes.data, c->bytes.len},
			   .text = c->text,
			   .terms = c->terms}};
}

static void random_whole(struct world *w, struct commit *c)
{
	c->next = (struct model){.there = true};
	for (size_t n = test_random_below(&w->random, 20); n > 0; n--)
		push_rule(w, &c->next, &c->bytes);
	add_text(&c->next, c->text, true);
	bench_send(w->bench, AGENT_RULES, c->bytes.data, c->bytes.len);
	bench_send(w->bench, AGENT_TEXT, c->text, strlen(c->text));
	c->message = (struct agent_message){
		.type = AGENT_APPLY, .apply = {.default_action = IR_DROP, .terms = c->terms}};
}

static void commit_init(struct world *w, struct commit *c)
{
	*c = (struct commit){.terms = random_terms(w)};
	buf_init(&c->bytes);
	snprintf(c->text, sizeof(c->text), "<%u/>", ++w->last);
	bool whole = !w->now.there || strlen(w->now.text) + 100 > TEXT_MOST ||
		     test_random_chance(&w->random, 10);
	if (whole)
		random_whole(w, c);
	else
		random_change(w, c);
}

static bool any_commit(struct world *w)
{
	struct commit c;
	commit_init(w, &c);
	bool done = bench_ask(w->bench, c.message, NULL);
	if (done)
		accepted(w, &c.next, &c.terms);
	buf_fini(&c.bytes);
	return done;
}

static void went_back(struct world *w)
{
	w->now = w->confirmed;
	w->pending = false;
}

static void refused_commit(struct world *w)
{
	struct fake *fake = &w->bench->fake;
	bool *how = test_random_chance(&w->random, 50) ? &fake->refuse : &fake->fail;
	*how = true;
	struct model before = w->now;
	bool pending = w->pending;
	if (any_commit(w)) // nothing was asked of the kernel, as only the text was changed
		assert_true(how == &fake->fail && w->now.len == before.len);
	else
		assert_int_equal(w->pending, pending);
	*how = false;
}

static void interfere(struct world *w)
{
	if (!w->now.len)
		return;
	fake_tamper(&w->bench->fake);
	agent_core_watch(w->bench->core);
	w->bench->ms += 60000 - 1;
	if (w->pending)
		w->bench->ms -= 60000 - 1;
	agent_core_tick(w->bench->core);
	for (unsigned i = 0; i < 20 && !kernel_has(w, &w->now); i++) {
		w->bench->ms += 50;
		agent_core_tick(w->bench->core);
	}
}

static void restart(struct world *w)
{
	if (test_random_chance(&w->random, 50))
		w->bench->fake.deployed = false; // an empty kernel
	assert_true(bench_restart(w->bench));
	went_back(w);
}

static void step(struct world *w)
{
	struct bench *bench = w->bench;
	bench->tolds = 0;
	bench->fake.anew = test_random_chance(&w->random, 15);
	switch (test_random_below(&w->random, 16)) {
	case 0:
		assert_int_equal(bench_simple(bench, AGENT_CONFIRM), w->pending);
		if (w->pending)
			w->confirmed = w->now;
		w->pending = false;
		break;
	case 1:
		assert_int_equal(bench_simple(bench, AGENT_CANCEL), w->pending);
		went_back(w);
		break;
	case 2:
		bench->ms += 60000;
		agent_core_tick(bench->core);
		went_back(w);
		break;
	case 3:
		agent_core_front_ended(bench->core);
		if (!w->persist)
			went_back(w);
		break;
	case 4:
		restart(w);
		break;
	case 5:
		interfere(w);
		break;
	case 6:
		refused_commit(w);
		break;
	default:
		assert_true(any_commit(w));
	}
}

static void everything_in_any_order(void **state)
{
	struct world w = {.bench = *state, .random = {test_random_seed(NULL)}};
	for (unsigned i = 0; i < 1500; i++) {
		step(&w);
		assert_world(&w);
	}
	assert_true(w.bench->fake.changes > 250);
}

// --- with a disk that fails ---

// A call fails, and the agent goes on: what was not accepted is not in force, and what comes later works.
static void a_failing_disk(void **state)
{
	struct world w = {.bench = *state, .random = {test_random_seed(NULL)}};
	unsigned failed = 0;
	for (unsigned i = 0; i < 700; i++) {
		w.bench->tolds = 0;
		disk_goes_wrong_at(1 + test_random_below(&w.random, 6), false,
				   test_random_below(&w.random, 200));
		failed += !any_commit(&w);
		disk_goes_wrong_at(0, false, 0);
		assert_world(&w);
		if (test_random_chance(&w.random, 30))
			restart(&w);
		assert_world(&w);
	}
	assert_true(failed > 50);
}

// The machine dies: what was accepted and confirmed is in force when it is back, and what was not confirmed is not; what was
// just being asked for may be either.
static void a_dying_machine(void **state)
{
	struct world w = {.bench = *state, .random = {test_random_seed(NULL)}};
	unsigned cut = 0;
	for (unsigned i = 0; i < 700; i++) {
		w.bench->tolds = 0;
		struct commit c;
		commit_init(&w, &c);
		disk_goes_wrong_at(1 + test_random_below(&w.random, 8), true,
				   test_random_below(&w.random, 200));
		bool done = bench_ask(w.bench, c.message, NULL);
		if (done && c.terms.confirmed && test_random_chance(&w.random, 50) &&
		    bench_simple(w.bench, AGENT_CONFIRM))
			c.terms.confirmed = false;
		bool died = disk.dead;
		disk_goes_wrong_at(0, false, 0);
		if (done)
			accepted(&w, &c.next, &c.terms);
		restart(&w);
		if (died && !kernel_has(&w, &w.now)) {
			// Only what was asked for, and only when nobody was told that it failed for good.
			assert_true(kernel_has(&w, &c.next));
			w.now = w.confirmed = c.next;
		}
		cut += died;
		buf_fini(&c.bytes);
		assert_world(&w);
	}
	assert_true(cut > 50);
}

// --- tidying up ---

static void keeps_what_changes_leave_small(void **state)
{
	struct world w = {.bench = *state, .random = {test_random_seed(NULL)}};
	size_t largest = 0;
	char path[64];
	snprintf(path, sizeof(path), "%s/journal", w.bench->dir);
	for (unsigned i = 0; i < 6000; i++) {
		w.bench->tolds = 0;
		any_commit(&w);
		agent_core_tick(w.bench->core);
		FILE *file = fopen(path, "re");
		assert_non_null(file);
		assert_int_equal(fseek(file, 0, SEEK_END), 0);
		size_t size = (size_t)ftell(file);
		largest = size > largest ? size : largest;
		(void)fclose(file);
	}
	assert_in_range(largest, 1 << 20, 3 << 20);
	restart(&w);
	assert_world(&w);
}

#define on_bench(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(everything_in_any_order),
		on_bench(a_failing_disk),
		on_bench(a_dying_machine),
		on_bench(keeps_what_changes_leave_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
