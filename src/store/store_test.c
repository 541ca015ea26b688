// SPDX-License-Identifier: Apache-2.0
// The store: each operation's outcomes, refusal of files that cannot be used, and survival of
// kill -9 at instants that a seed chooses.
#include "store/store.h"
#include "base/base.h"
#include "base/diag.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static const unsigned char digest_a[STORE_DIGEST] = {1}, digest_b[STORE_DIGEST] = {2};

struct bench {
	struct arena arena;
	struct diags diags;
	struct store *store;
	char dir[64], path[96];
};

static int set_up(void **state)
{
	struct bench *b = base_oom(calloc(1, sizeof(*b)));
	arena_init(&b->arena);
	diags_init(&b->diags, &b->arena);
	snprintf(b->dir, sizeof(b->dir), "/tmp/store-test-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/state.db", b->dir);
	b->store = store_sqlite_open(b->path, &b->diags);
	assert_non_null(b->store);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	static const char *const suffix[] = {"", "-wal", "-shm", ".lock"};
	char name[128];
	store_close(b->store);
	for (size_t i = 0; i < array_len(suffix); i++) {
		snprintf(name, sizeof(name), "%s%s", b->path, suffix[i]);
		unlink(name);
	}
	assert_int_equal(rmdir(b->dir), 0);
	arena_fini(&b->arena);
	free(b);
	return 0;
}

static void reopen(struct bench *b)
{
	store_close(b->store);
	b->store = store_sqlite_open(b->path, &b->diags);
}

static uint32_t add_revision(struct store *s, const char *tenant, uint32_t parent)
{
	struct store_revision r = {.tenant = tenant,
				   .author = "alice",
				   .time = 1000,
				   .parent = parent,
				   .document = "<x/>",
				   .len = 4};
	uint32_t id = 0;
	assert_int_equal(store_do(s, revision_add, &r, &id), 0);
	return id;
}

static void count_revision(const struct store_revision *r, void *context)
{
	assert_null(r->document);
	++*(int *)context;
}

static void test_revisions(void **state)
{
	struct bench *b = *state;
	uint32_t one = add_revision(b->store, "default", 0);
	uint32_t two = add_revision(b->store, "default", one);
	add_revision(b->store, "other", 0);
	struct store_revision r = {.tenant = "default", .author = "bob", .parent = one};
	uint32_t id = 77;
	assert_int_equal(store_do(b->store, revision_add, &r, &id), STORE_CONFLICT);
	assert_int_equal(id, 77);
	reopen(b);
	assert_int_equal(store_do(b->store, revision_latest, STORE_POLICY, "default", &r), 0);
	assert_int_equal(r.id, two);
	assert_int_equal(store_do(b->store, revision_latest, STORE_NETWORK, "default", &r),
			 STORE_ABSENT);
	assert_int_equal(store_do(b->store, revision_get, two, &b->arena, &r), 0);
	assert_string_equal(r.author, "alice");
	assert_int_equal(r.parent, one);
	assert_int_equal(r.len, 4);
	assert_memory_equal(r.document, "<x/>", 4);
	assert_int_equal(store_do(b->store, revision_get, 999, &b->arena, &r), STORE_ABSENT);
	int n = 0;
	struct store_query query = {.tenant = "default"};
	assert_int_equal(store_do(b->store, revision_each, &query, count_revision, &n), 0);
	assert_int_equal(n, 2);
	const char **tenant;
	size_t tenants;
	assert_int_equal(store_do(b->store, tenants, &b->arena, &tenant, &tenants), 0);
	assert_int_equal(tenants, 2);
	assert_string_equal(tenant[1], "other");
}

static void test_plans(void **state)
{
	struct bench *b = *state;
	struct store_plan p = {.hash = {9}, .tenant = "default", .content = "abc", .len = 3};
	assert_int_equal(store_do(b->store, plan_put, &p), 0);
	assert_int_equal(store_do(b->store, plan_put, &p), 0);
	for (int i = 0; i < 300; i++) {
		struct store_plan q = {.tenant = "default", .time = 1 + i, .content = "", .len = 0};
		memcpy(q.hash, &i, sizeof(i));
		q.hash[31] = 1;
		assert_int_equal(store_do(b->store, plan_put, &q), 0);
	}
	struct store_plan out;
	assert_int_equal(store_do(b->store, plan_get, p.hash, &b->arena, &out), STORE_ABSENT);
	p.time = 1000;
	assert_int_equal(store_do(b->store, plan_put, &p), 0);
	assert_int_equal(store_do(b->store, plan_get, p.hash, &b->arena, &out), 0);
	assert_int_equal(out.len, 3);
	assert_int_equal(out.revision, 0);
}

static uint32_t add_job(struct store *s, const struct store_key *key, int expect)
{
	static const struct store_key none;
	struct store_job job = {.tenant = "default",
				.author = "alice",
				.created = 5,
				.confirm_timeout = 60,
				.persist = "p",
				.progress = "waiting"};
	uint32_t id = 0;
	assert_int_equal(store_do(s, job_add, &job, key ? key : &none, &id), expect);
	return id;
}

static void test_jobs(void **state)
{
	struct bench *b = *state;
	struct store_key key = {.key = "k"};
	memcpy(key.request, digest_a, STORE_DIGEST);
	uint32_t known = 0;
	assert_int_equal(store_do(b->store, job_key, "default", &key, &known), STORE_ABSENT);
	uint32_t id = add_job(b->store, &key, 0);
	assert_int_equal(add_job(b->store, &key, STORE_SAME), id);
	memcpy(key.request, digest_b, STORE_DIGEST);
	assert_int_equal(add_job(b->store, &key, STORE_CONFLICT), 0);
	assert_int_equal(store_do(b->store, job_key, "other", &key, &known), STORE_ABSENT);

	struct store_job job = {.id = id, .state = STORE_RUNNING, .progress = "locking"};
	assert_int_equal(store_do(b->store, job_update, &job), 0);
	struct store_step step[2] = {{"fw1", 3}, {"fw2", 3}};
	assert_int_equal(store_do(b->store, steps_set, id, step, 2), 0);
	step[0].step = 4;
	assert_int_equal(store_do(b->store, steps_set, id, step, 1), 0);
	reopen(b);
	struct store_job out;
	assert_int_equal(store_do(b->store, job_get, id, &b->arena, &out), 0);
	assert_int_equal(out.state, STORE_RUNNING);
	assert_string_equal(out.progress, "locking");
	assert_null(out.result);
	struct store_steps steps;
	assert_int_equal(store_do(b->store, steps, id, &b->arena, &steps), 0);
	assert_int_equal(steps.list.len, 2);
	assert_int_equal(steps.list.at[0].step, 4);
	assert_int_equal(steps.list.at[1].step, 3);
	job.id = 1234;
	assert_int_equal(store_do(b->store, job_update, &job), STORE_ABSENT);
}

// A decision for three NSFs; `mark` goes into all of them.
static int decide(struct store *s, uint32_t job, uint32_t revision, unsigned char mark)
{
	struct store_deployed d[3];
	static const char *const names[] = {"fw1", "fw2", "fw3"};
	for (int i = 0; i < 3; i++)
		d[i] = (struct store_deployed){.nsf = names[i],
					       .tenant = "default",
					       .revision = revision,
					       .job = job,
					       .pending = true,
					       .digest = {mark},
					       .ruleset = "r",
					       .ruleset_len = 1,
					       .text = "text",
					       .text_len = 4};
	struct store_decision decision = {.job = job,
					  .revision = revision,
					  .tenant = "default",
					  .plan = {mark},
					  .deployed = d,
					  .len = 3};
	return store_do(s, decide, &decision);
}

static bool is_there(struct bench *b, uint32_t id)
{
	struct store_job job;
	return store_do(b->store, job_get, id, &b->arena, &job) == 0;
}

static uint32_t add_ended(struct bench *b, const char *tenant, const char *name, int64_t finished)
{
	struct store_key key = {.key = name};
	struct store_job job = {.tenant = tenant,
				.author = "alice",
				.persist = "p",
				.state = STORE_FAILED,
				.finished = finished};
	assert_int_equal(store_do(b->store, job_add, &job, &key, &job.id), 0);
	assert_int_equal(store_do(b->store, steps_set, job.id, &(struct store_step){"fw1", 1}, 1),
			 0);
	assert_int_equal(store_do(b->store, job_update, &job), 0);
	return job.id;
}

// A job that is in force, however old.
static uint32_t add_decided(struct bench *b)
{
	uint32_t id = add_job(b->store, NULL, 0);
	struct store_job job = {.id = id, .state = STORE_RUNNING};
	assert_int_equal(store_do(b->store, job_update, &job), 0);
	assert_int_equal(decide(b->store, id, add_revision(b->store, "default", 0), 1), 0);
	job.state = STORE_DONE;
	job.finished = 1;
	assert_int_equal(store_do(b->store, job_update, &job), 0);
	return id;
}

static void test_trim(void **state)
{
	struct bench *b = *state;
	uint32_t decided = add_decided(b), waits = add_job(b->store, NULL, 0);
	uint32_t old = add_ended(b, "default", "old", 99),
		 first = add_ended(b, "default", "a", 100);
	uint32_t second = add_ended(b, "default", "b", 199);
	uint32_t recent = add_ended(b, "default", "c", 200);
	uint32_t last = add_ended(b, "default", "d", 100);
	uint32_t other = add_ended(b, "other", "a", 100), other_old = add_ended(b, "other", "o", 5);
	struct store_trim trim = {.old = 100, .recent = 200, .most = 9};
	assert_int_equal(store_do(b->store, job_trim, &trim), 0);
	assert_false(is_there(b, old) || is_there(b, other_old));
	assert_true(is_there(b, decided) && is_there(b, waits) && is_there(b, first));
	// The newest two are `recent` and `last`.
	trim.most = 2;
	assert_int_equal(store_do(b->store, job_trim, &trim), 0);
	assert_false(is_there(b, first) || is_there(b, second));
	assert_true(is_there(b, recent) && is_there(b, last) && is_there(b, other));
	assert_true(is_there(b, decided) && is_there(b, waits));
	trim.most = 0;
	assert_int_equal(store_do(b->store, job_trim, &trim), 0);
	assert_true(is_there(b, recent));
	assert_false(is_there(b, last) || is_there(b, other));
	struct store_steps steps;
	assert_int_equal(store_do(b->store, steps, last, &b->arena, &steps), 0);
	assert_int_equal(steps.list.len, 0);
	assert_true(add_ended(b, "default", "d", 300) > last); // the key is free again
}

static void test_decision(void **state)
{
	struct bench *b = *state;
	uint32_t revision = add_revision(b->store, "default", 0);
	uint32_t id = add_job(b->store, NULL, 0);
	struct store_tenant tenant;
	assert_int_equal(decide(b->store, id, revision, 1), STORE_CONFLICT); // it does not run
	assert_int_equal(store_do(b->store, tenant_get, "default", &tenant), STORE_ABSENT);
	struct store_job job = {.id = id, .state = STORE_RUNNING};
	assert_int_equal(store_do(b->store, job_update, &job), 0);
	assert_true(decide(b->store, id, 4711, 1) < 0); // no such revision: nothing of it is done
	struct store_deployeds all;
	assert_int_equal(store_do(b->store, deployed_all, NULL, &b->arena, &all), 0);
	assert_int_equal(all.list.len, 0);
	assert_int_equal(decide(b->store, id, revision, 1), 0);
	assert_int_equal(store_do(b->store, deployed_all, "default", &b->arena, &all), 0);
	assert_int_equal(all.list.len, 3);
	struct store_deployed d;
	assert_int_equal(store_do(b->store, deployed_get, "fw2", &b->arena, &d), 0);
	assert_true(d.pending);
	assert_int_equal(d.text_len, 4);
	assert_int_equal(store_do(b->store, deployed_settle, "fw2", digest_b), STORE_CONFLICT);
	assert_int_equal(store_do(b->store, deployed_settle, "fw2", digest_a), 0);
	assert_int_equal(store_do(b->store, deployed_get, "fw2", &b->arena, &d), 0);
	assert_false(d.pending);
	assert_int_equal(store_do(b->store, tenant_get, "default", &tenant), 0);
	assert_int_equal(tenant.revision, revision);
	assert_int_equal(tenant.job, id);
}

static void keep_event(const struct store_event *e, void *context)
{
	if (!*(uint64_t *)context)
		*(uint64_t *)context = e->id;
	assert_string_equal(e->action, "drift");
	assert_null(e->detail);
	assert_string_equal(e->nsf, "fw1");
}

static void count_event(const struct store_event *e, void *context)
{
	*(uint64_t *)context += e->id;
}

static void count_pinhole(const struct store_pinhole *p, void *context)
{
	*(int *)context += p->state == STORE_CLOSED;
}

static void test_records(void **state)
{
	struct bench *b = *state;
	struct store_event event = {
		.time = 7, .who = "fw1", .tenant = "default", .action = "drift", .nsf = "fw1"};
	assert_int_equal(store_do(b->store, event_add, &event), 0);
	assert_int_equal(store_do(b->store, event_add, &event), 0);
	uint64_t newest = 0;
	struct store_query query = {.tenant = "default", .most = 1};
	assert_int_equal(store_do(b->store, event_each, &query, keep_event, &newest), 0);
	assert_int_equal(newest, 2);
	uint64_t ids = 0;
	query.most = 5;
	assert_int_equal(store_do(b->store, event_after, 1, &query, count_event, &ids), 0);
	assert_int_equal(ids, 2);
	assert_int_equal(store_do(b->store, event_after, 0, &query, count_event, &ids), 0);
	assert_int_equal(ids, 2 + 1 + 2);
	query.most = 1;

	struct store_token token = {
		.id = "t1", .nsf = "fw1", .tenant = "default", .hash = {5}, .expires = 99};
	assert_int_equal(store_do(b->store, token_add, &token), 0);
	assert_int_equal(store_do(b->store, token_use, "t1"), 0);
	assert_int_equal(store_do(b->store, token_use, "t1"), STORE_CONFLICT);
	assert_int_equal(store_do(b->store, token_get, "t1", &b->arena, &token), 0);
	assert_true(token.used);
	assert_int_equal(token.hash[0], 5);
	assert_int_equal(store_do(b->store, token_get, "t2", &b->arena, &token), STORE_ABSENT);

	struct store_nsf nsf = {.name = "fw1", .tenant = "default", .last_seen = 3};
	assert_int_equal(store_do(b->store, nsf_put, &nsf), 0);
	nsf.capabilities = "<nsf/>";
	assert_int_equal(store_do(b->store, nsf_put, &nsf), 0);
	struct store_nsfs nsfs;
	assert_int_equal(store_do(b->store, nsf_all, &b->arena, &nsfs), 0);
	assert_int_equal(nsfs.list.len, 1);
	assert_string_equal(nsfs.list.at[0].capabilities, "<nsf/>");
	assert_int_equal(store_do(b->store, nsf_forget, "fw1"), 0);
	assert_int_equal(store_do(b->store, nsf_get, "fw1", &b->arena, &nsf), STORE_ABSENT);

	struct store_pinhole p = {
		.id = "p1", .tenant = "default", .author = "a", .flow = "f", .nsfs = "fw1\n"};
	assert_int_equal(store_do(b->store, pinhole_put, &p), 0);
	p.state = STORE_CLOSED;
	p.reason = "idle";
	assert_int_equal(store_do(b->store, pinhole_put, &p), 0);
	int closed = 0;
	assert_int_equal(store_do(b->store, pinhole_each, &query, count_pinhole, &closed), 0);
	assert_int_equal(closed, 1);
	assert_int_equal(store_do(b->store, pinhole_get, "p1", &b->arena, &p), 0);
	assert_string_equal(p.reason, "idle");
}

// --- files that cannot be used ---

static void expect_refused(struct bench *b, enum diag_code code, const char *words)
{
	struct diags diags;
	diags_init(&diags, &b->arena);
	struct store *s = store_sqlite_open(b->path, &diags);
	assert_null(s);
	assert_int_equal(diags.errors, 1);
	assert_int_equal(diags.list.at[0].code, code);
	assert_non_null(strstr(diags.list.at[0].text, words));
	assert_non_null(diags.list.at[0].hint);
}

static void alter(struct bench *b, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_refusals(void **state)
{
	struct bench *b = *state;
	expect_refused(b, DIAG_IN_USE, "another process");
	add_revision(b->store, "default", 0);
	store_close(b->store);
	b->store = NULL;
	alter(b, "PRAGMA user_version = 999");
	expect_refused(b, DIAG_UNSUPPORTED, "version 999");
	alter(b, "PRAGMA user_version = 3; PRAGMA application_id = 5");
	expect_refused(b, DIAG_IO, "another program");
	alter(b, "PRAGMA application_id = 1114991735; DROP TABLE pinhole");
	expect_refused(b, DIAG_IO, "tables");
	int fd = open(b->path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	char junk[8192];
	memset(junk, 0x5a, sizeof(junk));
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 4096), (ssize_t)sizeof(junk));
	close(fd);
	expect_refused(b, DIAG_IO, "damaged");
	fd = open(b->path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, junk, 512, 0), 512);
	close(fd);
	expect_refused(b, DIAG_IO, "damaged");
}

struct kept {
	struct arena *arena;
	VEC(uint64_t) serial;
	uint64_t last; // id
	uint32_t job;
	const char *certificate;
};

static void keep_evidence(const struct store_evidence *e, void *context)
{
	struct kept *kept = context;
	vec_push(kept->arena, &kept->serial, e->serial);
	kept->last = e->id;
	kept->job = e->job;
	kept->certificate = arena_strdup(kept->arena, e->certificate);
}

static struct kept evidence(struct bench *b, const struct store_evidence_query *query)
{
	struct kept kept = {.arena = &b->arena};
	assert_int_equal(store_do(b->store, evidence_each, query, keep_evidence, &kept), 0);
	return kept;
}

static struct store_evidence proof(const char *nsf, uint64_t serial)
{
	return (struct store_evidence){.nsf = nsf,
				       .tenant = "default",
				       .chain = "c",
				       .serial = serial,
				       .time = 1000 + (int64_t)serial,
				       .received = 2000,
				       .trigger = "periodic",
				       .result = "equal",
				       .intended = "aa",
				       .record = "{}",
				       .signature = "AAAA",
				       .certificate = "pem"};
}

static int add_evidence(struct bench *b, const struct store_evidence *e)
{
	int outcome = -1;
	assert_int_equal(store_do(b->store, evidence_add, e, 1, &outcome), 0);
	return outcome;
}

static void test_evidence(void **state)
{
	struct bench *b = *state;
	struct store_evidence e = proof("hq-fw", 1), last;
	uint32_t job = add_job(b->store, NULL, 0);
	assert_int_equal(store_do(b->store, evidence_last, "hq-fw", &b->arena, &last),
			 STORE_ABSENT);
	e.commit = "p";
	assert_int_equal(add_evidence(b, &e), 0);
	// A number is one record for good.
	assert_int_equal(add_evidence(b, &e), STORE_SAME);
	e.record = "{1}";
	assert_int_equal(add_evidence(b, &e), STORE_CONFLICT);
	// A later one of the same policy is of the same job; one of another policy of none.
	e = proof("hq-fw", 2);
	assert_int_equal(add_evidence(b, &e), 0);
	reopen(b);
	assert_int_equal(store_do(b->store, evidence_last, "hq-fw", &b->arena, &last), 0);
	assert_int_equal(last.serial, 2);
	assert_int_equal(last.job, job);
	assert_string_equal(last.certificate, "pem");
	e = proof("hq-fw", 3);
	e.intended = "bb";
	e.certificate = NULL;
	e.fault = "nobody has certified it";
	assert_int_equal(add_evidence(b, &e), 0);
	assert_int_equal(store_do(b->store, evidence_last, "hq-fw", &b->arena, &last), 0);
	assert_int_equal(last.job, 0);
	assert_null(last.certificate);
	assert_string_equal(last.fault, "nobody has certified it");
	// Several at once: each has its own outcome.
	struct store_evidence some[] = {proof("hq-fw", 3), proof("hq-fw", 4), proof("hq-fw", 2)};
	int outcome[3];
	assert_int_equal(store_do(b->store, evidence_add, some, 3, outcome), 0);
	assert_int_equal(outcome[0], STORE_SAME);
	assert_int_equal(outcome[1], 0);
	assert_int_equal(outcome[2], STORE_SAME);
	// Another tenant's NSF does not learn of the job.
	e = proof("dc-fw", 1);
	e.tenant = "acme";
	e.commit = "p";
	assert_int_equal(add_evidence(b, &e), 0);
	assert_int_equal(store_do(b->store, evidence_last, "dc-fw", &b->arena, &last), 0);
	assert_int_equal(last.job, 0);
}

static void test_evidence_is_found(void **state)
{
	struct bench *b = *state;
	struct store_evidence last;
	for (uint64_t serial = 1; serial <= 10; serial++) {
		struct store_evidence one = proof("hq-fw", serial), other = proof("dc-fw", serial);
		other.tenant = "acme";
		assert_int_equal(add_evidence(b, &one), 0);
		assert_int_equal(add_evidence(b, &other), 0);
	}
	assert_int_equal(evidence(b, &(struct store_evidence_query){0}).serial.len, 20);
	struct kept some = evidence(b, &(struct store_evidence_query){.nsf = "hq-fw", .most = 3});
	assert_int_equal(some.serial.len, 3);
	assert_int_equal(some.serial.at[0], 1);
	some = evidence(b, &(struct store_evidence_query){.nsf = "hq-fw", .after = some.last});
	assert_int_equal(some.serial.len, 7);
	assert_int_equal(some.serial.at[0], 4);
	some = evidence(
		b, &(struct store_evidence_query){.tenant = "acme", .newest = true, .most = 2});
	assert_int_equal(some.serial.len, 2);
	assert_int_equal(some.serial.at[0], 10);
	some = evidence(
		b, &(struct store_evidence_query){.nsf = "hq-fw", .from = 1004, .until = 1006});
	assert_int_equal(some.serial.len, 3);
	some = evidence(b, &(struct store_evidence_query){.tenant = "acme", .nsf = "hq-fw"});
	assert_int_equal(some.serial.len, 0);
	assert_int_equal(store_do(b->store, evidence_last, "nobody", &b->arena, &last),
			 STORE_ABSENT);
}

static void test_evidence_is_bounded(void **state)
{
	struct bench *b = *state;
	enum { MANY = 10200 };
	store_close(b->store);
	b->store = store_sqlite_open(":memory:", &b->diags);
	assert_non_null(b->store);
	for (uint64_t serial = 1; serial <= MANY; serial++) {
		struct store_evidence one = proof("hq-fw", serial);
		assert_int_equal(add_evidence(b, &one), 0);
	}
	struct kept all = evidence(b, &(struct store_evidence_query){.nsf = "hq-fw"});
	assert_int_equal(all.serial.len, 10000);
	assert_int_equal(all.serial.at[all.serial.len - 1], MANY);
}

// A database of version 1 is brought up to date, with what is in it.
static void test_migration(void **state)
{
	struct bench *b = *state;
	uint32_t id = add_revision(b->store, "default", 0);
	store_close(b->store);
	b->store = NULL;
	alter(b, "DROP INDEX idempotency_by_job; DROP TABLE evidence; DROP TABLE signer;"
		 "DROP INDEX job_by_persist; PRAGMA user_version = 1");
	reopen(b);
	assert_non_null(b->store);
	struct store_revision r;
	assert_int_equal(store_do(b->store, revision_get, id, &b->arena, &r), 0);
	store_close(b->store);
	b->store = NULL;
	alter(b, "DROP INDEX idempotency_by_job");
}

static void test_revisions_never_change(void **state)
{
	struct bench *b = *state;
	add_revision(b->store, "default", 0);
	store_close(b->store);
	b->store = NULL;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(db, "UPDATE revision SET author = 'eve'", 0, 0, 0), 0);
	assert_int_not_equal(sqlite3_exec(db, "DELETE FROM revision", 0, 0, 0), 0);
	sqlite3_close(db);
}

// --- kill -9 ---

// What the child does without end: a revision, a job, its start, its decision; a byte for each that
// was acknowledged.
static void work(const char *path, int ack)
{
	struct arena arena;
	arena_init(&arena);
	struct diags diags;
	diags_init(&diags, &arena);
	struct store *s = store_sqlite_open(path, &diags);
	if (!s)
		_exit(1);
	uint32_t revision = 0, job = 0;
	for (unsigned i = 0;; i++) {
		struct store_job run;
		switch (i % 4) {
		case 0:
			revision = add_revision(s, "default", revision);
			break;
		case 1:
			job = add_job(s, NULL, 0);
			break;
		case 2:
			run = (struct store_job){.id = job, .state = STORE_RUNNING};
			if (store_do(s, job_update, &run))
				_exit(2);
			break;
		default:
			if (decide(s, job, revision, (unsigned char)revision))
				_exit(3);
		}
		if (write(ack, "x", 1) != 1)
			_exit(4);
	}
}

// Lets a child work until `acks` operations were acknowledged, kills it; returns how many it has
// acknowledged in all.
static unsigned run_and_kill(struct bench *b, unsigned acks)
{
	int pipes[2];
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child)
		work(b->path, pipes[1]);
	close(pipes[1]);
	unsigned got = 0;
	char c;
	while (got < acks && read(pipes[0], &c, 1) == 1)
		got++;
	assert_int_equal(got, acks);
	kill(child, SIGKILL);
	while (read(pipes[0], &c, 1) == 1)
		got++;
	close(pipes[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return got;
}

static void check_survival(struct bench *b, unsigned acked)
{
	int revisions = 0;
	struct store_query query = {.tenant = "default"};
	assert_int_equal(store_do(b->store, revision_each, &query, count_revision, &revisions), 0);
	// Nothing that was acknowledged is lost; at most the one in flight is there besides.
	int expected = (int)((acked + 3) / 4);
	assert_in_range(revisions, expected, expected + (acked % 4 == 0));
	unsigned decisions = acked / 4;
	struct store_tenant tenant = {0};
	int rc = store_do(b->store, tenant_get, "default", &tenant);
	assert_true(rc == 0 || (rc == STORE_ABSENT && !decisions));
	assert_in_range(tenant.revision, decisions, decisions + (acked % 4 == 3));
	struct store_deployeds all;
	assert_int_equal(store_do(b->store, deployed_all, NULL, &b->arena, &all), 0);
	assert_int_equal(all.list.len, tenant.revision ? 3 : 0);
	for (size_t i = 0; i < all.list.len; i++) {
		assert_int_equal(all.list.at[i].revision, tenant.revision);
		assert_int_equal(all.list.at[i].job, tenant.job);
	}
	struct store_job job;
	if (tenant.job) {
		assert_int_equal(store_do(b->store, job_get, tenant.job, &b->arena, &job), 0);
		assert_int_equal(job.state, STORE_CONFIRMING);
	}
}

static void test_kill(void **state)
{
	uint32_t seed = 0x2545f491;
	for (int round = 0; round < 16; round++) {
		seed = seed * 1664525u + 1013904223u;
		struct bench *b = *state;
		store_close(b->store);
		b->store = NULL;
		unsigned acked = run_and_kill(b, 1 + (seed >> 16) % 61);
		b->store = store_sqlite_open(b->path, &b->diags);
		assert_non_null(b->store);
		check_survival(b, acked);
		tear_down(state);
		set_up(state);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_revisions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_plans, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_jobs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_decision, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_trim, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_migration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_evidence, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_evidence_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_evidence_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_revisions_never_change, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kill, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
