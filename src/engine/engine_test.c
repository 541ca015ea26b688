// SPDX-License-Identifier: Apache-2.0
// The engine over NSFs that can fail at every step: whatever fails, either every NSF has the new
// policy or every one has the old.
#include "engine/engine.h"
#include "base/buf.h"
#include "engine/fake.h"
#include "pki/pki.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NSFS 3u
#define DEADLINE_S 60

static const char *const names[NSFS] = {"fw1", "fw2", "fw3"};
static const struct engine_caller alice = {"alice", ENGINE_TENANT_DEFAULT, true};

struct bench {
	struct arena arena;
	struct diags diags;
	struct store *store;
	struct fake fake;
	struct engine *engine;
	// Events, counted by kind.
	pthread_mutex_t mutex;
	pthread_cond_t news;
	unsigned count[ENGINE_EVENTS];
	char last[ENGINE_EVENTS][160];
};

static void log_event(void *context, enum engine_event_kind kind, const struct store_event *event)
{
	struct bench *b = context;
	pthread_mutex_lock(&b->mutex);
	b->count[kind]++;
	snprintf(b->last[kind], sizeof(b->last[kind]), "%s", event->detail ? event->detail : "");
	pthread_cond_broadcast(&b->news);
	pthread_mutex_unlock(&b->mutex);
}

static unsigned seen(struct bench *b, enum engine_event_kind kind)
{
	pthread_mutex_lock(&b->mutex);
	unsigned n = b->count[kind];
	pthread_mutex_unlock(&b->mutex);
	return n;
}

// Waits until `ready` holds, looking again after every event; fails at the deadline.
static void wait_until(struct bench *b, bool (*ready)(struct bench *b, unsigned argument),
		       unsigned argument)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	time_t end = until.tv_sec + DEADLINE_S;
	while (!ready(b, argument)) {
		clock_gettime(CLOCK_REALTIME, &until);
		assert_true(until.tv_sec < end);
		until.tv_nsec += 20000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_lock(&b->mutex);
		pthread_cond_timedwait(&b->news, &b->mutex, &until);
		pthread_mutex_unlock(&b->mutex);
	}
}

static void start_engine(struct bench *b)
{
	struct engine_options options = {.store = b->store,
					 .nsf = &fake_ops,
					 .nsf_context = &b->fake,
					 .workers = 4,
					 .jobs_most = 1,
					 .log = log_event,
					 .context = b};
	b->engine = engine_new(&options, &b->diags);
	assert_non_null(b->engine);
	b->fake.engine = b->engine;
}

static const char network[] =
	"<sites xmlns=\"urn:bulwark:yang:controller\"><site><name>hq</name>"
	"<networks>10.1.0.0/16</networks><networks>2001:db8:1::/48</networks>"
	"<default-action>drop</default-action></site></sites>"
	"<nsfs xmlns=\"urn:bulwark:yang:controller\">"
	"<nsf><name>fw1</name><site>hq</site><address>192.0.2.1</address>"
	"<guards>10.1.0.0/16</guards><guards>2001:db8:1::/48</guards></nsf>"
	"<nsf><name>fw2</name><address>192.0.2.2</address><guards>10.2.0.0/16</guards></nsf>"
	"<nsf><name>fw3</name><address>192.0.2.3</address><guards>10.3.0.0/16</guards></nsf>"
	"</nsfs>";

static bool put(struct bench *b, enum store_kind kind, const char *xml, uint32_t *revision)
{
	const char *tenant = kind == STORE_POLICY ? ENGINE_TENANT_DEFAULT : ENGINE_TENANT_OPERATOR;
	struct engine_put p = {.kind = kind,
			       .base = engine_document_id(b->engine, kind, tenant),
			       .xml = xml,
			       .len = strlen(xml)};
	diags_init(&b->diags, &b->arena);
	return engine_document_put(b->engine, &alice, &p, &b->diags, revision);
}

// A policy whose one rule passes TCP to this port, between all three networks.
static uint32_t put_policy(struct bench *b, unsigned port)
{
	char *xml = arena_printf(
		&b->arena,
		"<i2nsf-cfi-policy "
		"xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface\""
		" xmlns:mi=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-monitoring-interface\">"
		"<name>office</name><rules><name>port-%u</name><condition><firewall>"
		"<source>all</source><destination>all</destination>"
		"<transport-layer-protocol>mi:tcp</transport-layer-protocol>"
		"<range-port-number><start>%u</start><end>%u</end></range-port-number>"
		"</firewall></condition><action><primary-action><action>pass</action></"
		"primary-action>"
		"</action></rules></i2nsf-cfi-policy>"
		"<endpoint-groups "
		"xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface\">"
		"<user-group><name>all</name><ipv4-prefix>10.0.0.0/8</ipv4-prefix></user-group>"
		"</endpoint-groups>",
		port, port, port);
	uint32_t revision = 0;
	assert_true(put(b, STORE_POLICY, xml, &revision));
	return revision;
}

static bool all_known(struct bench *b, unsigned argument)
{
	(void)argument;
	struct engine_nsf_states states = {0};
	struct engine_state_query query = {0};
	diags_init(&b->diags, &b->arena);
	assert_true(engine_nsf_states(b->engine, &query, &b->arena, &b->diags, &states));
	for (size_t i = 0; i < states.list.len; i++)
		if (!states.list.at[i].capabilities)
			return false;
	return states.list.len == NSFS;
}

static int set_up(void **state)
{
	struct bench *b = base_oom(calloc(1, sizeof(*b)));
	arena_init(&b->arena);
	diags_init(&b->diags, &b->arena);
	pthread_mutex_init(&b->mutex, NULL);
	pthread_cond_init(&b->news, NULL);
	b->store = store_sqlite_open(":memory:", &b->diags);
	assert_non_null(b->store);
	fake_init(&b->fake, names, NSFS);
	start_engine(b);
	uint32_t revision;
	assert_true(put(b, STORE_NETWORK, network, &revision));
	for (size_t i = 0; i < NSFS; i++)
		fake_connect(&b->fake, i);
	wait_until(b, all_known, 0);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	engine_free(b->engine);
	fake_fini(&b->fake);
	store_close(b->store);
	arena_fini(&b->arena);
	pthread_mutex_destroy(&b->mutex);
	pthread_cond_destroy(&b->news);
	free(b);
	return 0;
}

static void plan(struct bench *b, struct engine_plan *out)
{
	diags_init(&b->diags, &b->arena);
	assert_true(engine_plan(b->engine, &alice, 0, &b->diags, out));
}

static uint32_t apply(struct bench *b, const struct engine_plan *p, const char *key,
		      bool allow_away)
{
	struct engine_deploy how = {.confirm_timeout = 30, .key = key, .allow_away = allow_away};
	uint32_t job = 0;
	diags_init(&b->diags, &b->arena);
	return engine_apply(b->engine, &alice, p->hash, &how, &b->diags, &job) ? job : 0;
}

static struct store_job job_of(struct bench *b, uint32_t id)
{
	struct store_job job;
	assert_int_equal(store_do(b->store, job_get, id, &b->arena, &job), 0);
	return job;
}

static bool job_ended(struct bench *b, unsigned id)
{
	return job_of(b, id).state >= STORE_DONE;
}

static enum store_job_state run(struct bench *b)
{
	struct engine_plan p;
	plan(b, &p);
	uint32_t job = apply(b, &p, NULL, false);
	assert_int_not_equal(job, 0);
	wait_until(b, job_ended, job);
	return job_of(b, job).state;
}

static bool all_run(struct bench *b, unsigned port)
{
	char text[32];
	snprintf(text, sizeof(text), "office/port-%u<", port);
	for (size_t i = 0; i < NSFS; i++)
		if (!fake_runs(&b->fake, i, text) || fake_is_pending(&b->fake, i))
			return false;
	return true;
}

static bool all_proven(struct bench *b, unsigned argument)
{
	(void)argument;
	struct engine_nsf_states states = {0};
	diags_init(&b->diags, &b->arena);
	assert_true(engine_nsf_states(b->engine, &(struct engine_state_query){0}, &b->arena,
				      &b->diags, &states));
	for (size_t i = 0; i < states.list.len; i++)
		if (!states.list.at[i].proven || states.list.at[i].pending)
			return false;
	return true;
}

// --- plain deployments ---

static void test_apply(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	struct engine_plan p, again;
	plan(b, &p);
	plan(b, &again);
	assert_memory_equal(p.hash, again.hash, STORE_DIGEST);
	assert_int_equal(p.nsf.len, NSFS);
	assert_int_equal(p.nsf.at[0].change->added, 1);
	assert_int_equal(p.refusals.errors, 0);
	assert_int_equal(run(b), STORE_DONE);
	assert_true(all_run(b, 80));
	assert_true(all_proven(b, 0));
	for (size_t i = 0; i < NSFS; i++)
		assert_int_equal(b->fake.nsf[i].locked, 0);

	plan(b, &p); // nothing left to do
	assert_memory_not_equal(p.hash, again.hash, STORE_DIGEST);
	assert_int_equal(p.nsf.at[0].change->unchanged, 1);
	unsigned commits = b->fake.nsf[0].commits;
	assert_int_equal(run(b), STORE_DONE);
	assert_int_equal(b->fake.nsf[0].commits, commits); // what is unchanged is not touched

	struct engine_nsf_states states = {0};
	struct engine_state_query query = {.nsf = "fw2", .rules = true};
	assert_true(engine_nsf_states(b->engine, &query, &b->arena, &b->diags, &states));
	assert_int_equal(states.list.len, 1);
	assert_int_equal(states.list.at[0].rule.len, 1);
	assert_true(states.list.at[0].rule.at[0].equal);
	assert_int_equal(states.list.at[0].rule.at[0].packets, 10);
	assert_string_equal(states.list.at[0].rule.at[0].rule->name, "port-80");
}

#define RULE(name, first, last, action)                                                            \
	"<rules><name>" name "</name><condition><firewall><transport-layer-protocol>mi:tcp"        \
	"</transport-layer-protocol><range-port-number><start>" #first "</start><end>" #last       \
	"</end></range-port-number></firewall></condition><action><primary-action><action>" action \
	"</action></primary-action></action></rules>"
#define LEVELLED(rules)                                                                          \
	"<i2nsf-cfi-policy xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface" \
	"\" xmlns:mi=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-monitoring-interface\">"           \
	"<name>p</name>" rules "</i2nsf-cfi-policy>"

// NSF-10: the order of rules is told by numbers, the fewest that do, and rules that stay keep theirs.
static void test_levels(void **state)
{
	struct bench *b = *state;
	uint32_t revision;
	assert_true(put(b, STORE_POLICY,
			LEVELLED(RULE("web", 80, 89, "pass") RULE("wide", 85, 100, "drop")
					 RULE("mail", 25, 25, "drop")),
			&revision));
	assert_int_equal(run(b), STORE_DONE);
	assert_true(fake_runs(&b->fake, 0, "priority-by-number"));
	assert_true(fake_runs(&b->fake, 0, "<name>p/web</name>\n    <priority>2</priority>"));
	assert_true(fake_runs(&b->fake, 0, "<name>p/wide</name>\n    <priority>1</priority>"));
	assert_true(fake_runs(&b->fake, 0, "<name>p/mail</name>\n    <priority>1</priority>"));
	assert_true(put(b, STORE_POLICY,
			LEVELLED(RULE("web", 80, 89, "pass") RULE("most", 85, 90, "pass")
					 RULE("wide", 85, 100, "drop")),
			&revision));
	assert_int_equal(run(b), STORE_DONE);
	assert_true(fake_runs(&b->fake, 0, "<name>p/web</name>\n    <priority>2</priority>"));
	assert_true(fake_runs(&b->fake, 0, "<name>p/most</name>\n    <priority>2</priority>"));
	assert_true(all_proven(b, 0));
}

// Nothing is known of an NSF that was never there: one refusal, and the rest of the plan.
static void test_unknown_nsf(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	char *more = arena_printf(&b->arena,
				  "%.*s<nsf><name>fw4</name><address>192.0.2.4</address>"
				  "<guards>10.4.0.0/16</guards></nsf></nsfs>",
				  (int)(strlen(network) - strlen("</nsfs>")), network);
	uint32_t revision;
	assert_true(put(b, STORE_NETWORK, more, &revision));
	struct engine_plan p;
	plan(b, &p);
	assert_int_equal(p.nsf.len, 4);
	assert_int_equal(p.nsf.at[3].change->added, 1);
	assert_int_equal(p.refusals.errors, 1);
	assert_string_equal(p.refusals.list.at[0].nsf, "fw4");
	assert_int_equal(apply(b, &p, NULL, true), 0);
}

static void test_withdraw(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	assert_int_equal(run(b), STORE_DONE);
	struct engine_deploy how = {.confirm_timeout = 30};
	uint32_t job;
	diags_init(&b->diags, &b->arena);
	assert_true(engine_withdraw(b->engine, &alice, &how, &b->diags, &job));
	wait_until(b, job_ended, job);
	assert_int_equal(job_of(b, job).state, STORE_DONE);
	for (size_t i = 0; i < NSFS; i++)
		assert_true(fake_runs(&b->fake, i, NULL));
	assert_true(all_proven(b, 0));
	assert_int_equal(run(b), STORE_DONE); // and it can be applied again
	assert_true(all_run(b, 80));
}

static void test_rollback(void **state)
{
	struct bench *b = *state;
	uint32_t first = put_policy(b, 80);
	assert_int_equal(run(b), STORE_DONE);
	put_policy(b, 81);
	assert_int_equal(run(b), STORE_DONE);
	struct engine_deploy how = {.confirm_timeout = 30, .key = "back"};
	struct engine_rollback out = {0}, again = {0};
	diags_init(&b->diags, &b->arena);
	assert_true(engine_rollback(b->engine, &alice, first, &how, &b->diags, &out));
	assert_true(out.revision > first);
	wait_until(b, job_ended, out.job);
	assert_true(all_run(b, 80));
	assert_true(engine_rollback(b->engine, &alice, first, &how, &b->diags, &again));
	assert_int_equal(again.job, out.job);
	assert_int_equal(again.revision, out.revision);
	assert_false(engine_rollback(b->engine, &alice, 999,
				     &(struct engine_deploy){30, NULL, false}, &b->diags, &again));
	assert_int_equal(b->diags.list.at[0].code, DIAG_ABSENT);
}

// --- every fault at every step of every NSF ---

static const char *fault_name(enum fake_fault fault)
{
	return fault == FAKE_REFUSES ? "refuses"
	       : fault == FAKE_LOSES ? "loses the answer"
				     : "is gone";
}

// After it either all have the old policy and the job has failed, or it is done and all have the
// new one, some only after they have come back.
static void one_fault(struct bench *b, size_t nsf, int op, enum fake_fault fault)
{
	static unsigned port = 1000;
	unsigned old = port++, new = port;
	put_policy(b, old);
	assert_int_equal(run(b), STORE_DONE);
	assert_true(all_run(b, old));
	put_policy(b, new);
	fake_fail(&b->fake, nsf, op, fault);
	enum store_job_state state = run(b);
	print_message("fw%zu %s at step %d: %s\n", nsf + 1, fault_name(fault), op,
		      state == STORE_DONE ? "done" : "taken back");
	assert_int_equal(state == STORE_DONE, op == ENGINE_OP_CONFIRM);
	fake_fail(&b->fake, nsf, -1, FAKE_FINE);
	for (size_t i = 0; i < NSFS; i++) {
		bool is_gone = fault == FAKE_GONE && i == nsf;
		if (is_gone) {
			fake_disconnect(&b->fake, i);
			if (op != ENGINE_OP_CONFIRM)
				fake_revert(&b->fake, i); // its timer
			fake_connect(&b->fake, i);
		}
	}
	if (state == STORE_DONE)
		wait_until(b, all_run, new);
	else
		assert_true(all_run(b, old));
	wait_until(b, all_proven, 0);
	for (size_t i = 0; i < NSFS; i++)
		assert_int_equal(b->fake.nsf[i].locked, 0);
}

static void test_every_fault(void **state)
{
	static const int steps[] = {ENGINE_OP_LOCK,   ENGINE_OP_EDIT,    ENGINE_OP_VALIDATE,
				    ENGINE_OP_COMMIT, ENGINE_OP_CONFIRM, FAKE_REPORT};
	for (size_t nsf = 0; nsf < NSFS; nsf++)
		for (size_t i = 0; i < array_len(steps); i++)
			for (int fault = FAKE_REFUSES; fault <= FAKE_GONE; fault++)
				one_fault(*state, nsf, steps[i], (enum fake_fault)fault);
}

static void test_lie(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	assert_int_equal(run(b), STORE_DONE);
	put_policy(b, 81);
	fake_fail(&b->fake, 1, FAKE_REPORT, FAKE_LIES);
	struct engine_plan p;
	plan(b, &p);
	uint32_t job = apply(b, &p, NULL, false);
	wait_until(b, job_ended, job);
	assert_true(all_run(b, 80));
	struct store_job j = job_of(b, job);
	struct diags errors;
	diags_init(&errors, &b->arena);
	assert_true(engine_diags_decode(j.errors, j.errors_len, &errors));
	assert_true(errors.errors >= 1);
	assert_int_equal(errors.list.at[0].code, DIAG_DRIFT);
	assert_string_equal(errors.list.at[0].nsf, "fw2");
}

static bool has_news(struct bench *b, unsigned kind)
{
	return seen(b, (enum engine_event_kind)kind) > 0;
}

static void test_reverted_before_confirmation(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	assert_int_equal(run(b), STORE_DONE);
	put_policy(b, 81);
	fake_fail(&b->fake, 2, ENGINE_OP_CONFIRM, FAKE_GONE);
	assert_int_equal(run(b), STORE_DONE); // it is decided: it will be so
	fake_disconnect(&b->fake, 2);
	fake_revert(&b->fake, 2);
	assert_true(fake_runs(&b->fake, 2, "office/port-80<"));
	fake_connect(&b->fake, 2);
	wait_until(b, all_run, 81);
	wait_until(b, all_proven, 0);
	wait_until(b, has_news, ENGINE_CAUGHT_UP); // it is told after it is so
}

// --- what is refused ---

static void expect_refused(struct bench *b, const struct engine_plan *p, enum diag_code code)
{
	assert_int_equal(apply(b, p, NULL, false), 0);
	assert_true(b->diags.errors >= 1);
	assert_int_equal(b->diags.list.at[0].code, code);
	assert_non_null(b->diags.list.at[0].hint);
}

static void test_stale(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	struct engine_plan first, second;
	plan(b, &first);
	put_policy(b, 81);
	expect_refused(b, &first, DIAG_STALE); // the policy has changed
	plan(b, &second);
	assert_int_not_equal(apply(b, &second, NULL, false), 0);
	wait_until(b, all_run, 81);
	expect_refused(b, &second, DIAG_STALE); // it is deployed: the base is another
	plan(b, &second);
	char *changed = arena_strdup(&b->arena, network);
	memcpy(strstr(changed, "10.3.0.0/16"), "10.4.0.0/16", 11);
	uint32_t revision;
	assert_true(put(b, STORE_NETWORK, changed, &revision));
	expect_refused(b, &second, DIAG_STALE); // what stands behind an NSF is another
	struct engine_plan unknown = {.hash = {1}};
	expect_refused(b, &unknown, DIAG_ABSENT);
}

static void test_away(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	fake_disconnect(&b->fake, 1);
	struct engine_plan p;
	plan(b, &p);
	expect_refused(b, &p, DIAG_UNREACHABLE);
	assert_string_equal(b->diags.list.at[0].nsf, "fw2");
	uint32_t job = apply(b, &p, NULL, true);
	assert_int_not_equal(job, 0);
	wait_until(b, job_ended, job);
	assert_int_equal(job_of(b, job).state, STORE_DONE);
	assert_true(fake_runs(&b->fake, 0, "office/port-80<"));
	assert_true(fake_runs(&b->fake, 1, NULL));
	struct engine_nsf_states states = {0};
	struct engine_state_query query = {.nsf = "fw2"};
	assert_true(engine_nsf_states(b->engine, &query, &b->arena, &b->diags, &states));
	assert_true(states.list.at[0].pending);
	assert_int_equal(states.list.at[0].connection, ENGINE_AWAY);
	fake_connect(&b->fake, 1);
	wait_until(b, all_run, 80);
	wait_until(b, all_proven, 0);
}

static void test_idempotency(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	struct engine_plan p;
	plan(b, &p);
	uint32_t job = apply(b, &p, "key-1", false);
	wait_until(b, job_ended, job);
	assert_int_equal(apply(b, &p, "key-1", false), job); // although it is stale by now
	assert_int_equal(apply(b, &p, "key-1", true), 0);
	assert_int_equal(b->diags.list.at[0].code, DIAG_EXISTS);
}

// As if the job had ended so long ago.
static void age(struct bench *b, uint32_t id, unsigned hours)
{
	struct store_job job;
	assert_int_equal(store_do(b->store, job_get, id, &b->arena, &job), 0);
	job.finished = time(NULL) - (int64_t)hours * 3600;
	assert_int_equal(store_do(b->store, job_update, &job), 0);
	engine_forget_jobs(b->engine);
}

static void test_jobs_are_forgotten(void **state)
{
	struct bench *b = *state;
	struct engine_plan p;
	struct store_job job;
	uint32_t id[3];
	for (unsigned i = 0; i < 3; i++) {
		put_policy(b, 80 + i);
		plan(b, &p);
		id[i] = apply(b, &p, arena_printf(&b->arena, "key-%u", i), false);
		wait_until(b, job_ended, id[i]);
	}
	age(b, id[0], ENGINE_KEY_HOURS - 1);
	assert_int_equal(store_do(b->store, job_get, id[0], &b->arena, &job), 0);
	age(b, id[0], ENGINE_KEY_HOURS + 1);
	assert_int_equal(store_do(b->store, job_get, id[0], &b->arena, &job), STORE_ABSENT);
	age(b, id[2], 10000); // it is what is in force
	assert_int_equal(store_do(b->store, job_get, id[2], &b->arena, &job), 0);
	assert_int_equal(apply(b, &p, "key-2", false), id[2]);
	assert_int_equal(apply(b, &p, "key-0", false), 0); // a request of its own, which is stale
	assert_int_equal(b->diags.list.at[0].code, DIAG_STALE);
}

static void test_bad_documents(void **state)
{
	struct bench *b = *state;
	static const struct {
		enum store_kind kind;
		const char *xml;
	} rows[] = {
		{STORE_POLICY, "<nothing/>"},
		{STORE_POLICY, "<i2nsf-cfi-policy"},
		{STORE_POLICY,
		 "<i2nsf-cfi-policy "
		 "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface\"><name>x</"
		 "name>"
		 "<rules><name>r</name><condition><firewall><source>nobody</source></firewall>"
		 "</condition><action><primary-action><action>pass</action></primary-action></"
		 "action>"
		 "</rules></i2nsf-cfi-policy>"},
		{STORE_NETWORK,
		 "<nsfs xmlns=\"urn:bulwark:yang:controller\"><nsf><name>x</name></nsf></nsfs>"},
		{STORE_NETWORK, "<nsfs "
				"xmlns=\"urn:bulwark:yang:controller\"><nsf><name>x</"
				"name><address>1.2.3.4</address>"
				"</nsf><nsf><name>y</name><address>1.2.3.4</address></nsf></nsfs>"},
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		uint32_t revision = 0;
		uint32_t before =
			engine_document_id(b->engine, rows[i].kind, ENGINE_TENANT_DEFAULT);
		assert_false(put(b, rows[i].kind, rows[i].xml, &revision));
		assert_true(b->diags.errors >= 1);
		assert_non_null(b->diags.list.at[0].hint);
		assert_int_equal(engine_document_id(b->engine, rows[i].kind, ENGINE_TENANT_DEFAULT),
				 before);
	}
	struct engine_caller tenant = {"bob", "acme", false};
	struct engine_put p = {.kind = STORE_NETWORK, .xml = network, .len = strlen(network)};
	uint32_t revision;
	diags_init(&b->diags, &b->arena);
	assert_false(engine_document_put(b->engine, &tenant, &p, &b->diags, &revision));
	assert_int_equal(b->diags.list.at[0].code, DIAG_DENIED);
}

static void test_lost_update(void **state)
{
	struct bench *b = *state;
	uint32_t base = put_policy(b, 80), revision;
	put_policy(b, 81);
	struct engine_put p = {.base = base, .xml = "", .len = 0};
	diags_init(&b->diags, &b->arena);
	assert_false(engine_document_put(b->engine, &alice, &p, &b->diags, &revision));
	assert_int_equal(b->diags.list.at[0].code, DIAG_STALE);
}

static void test_tenants_apart(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	struct engine_plan p;
	plan(b, &p);
	struct engine_caller other = {"bob", "acme", false};
	struct engine_deploy how = {.confirm_timeout = 30};
	uint32_t job;
	diags_init(&b->diags, &b->arena);
	assert_false(engine_apply(b->engine, &other, p.hash, &how, &b->diags, &job));
	assert_int_equal(b->diags.list.at[0].code, DIAG_ABSENT);
	struct engine_proofs proofs = {0};
	diags_init(&b->diags, &b->arena);
	assert_false(engine_verify(b->engine, &other, "fw1", &b->diags, &proofs));
	assert_true(engine_verify(b->engine, &other, NULL, &b->diags, &proofs));
	assert_int_equal(proofs.list.len, 0);
}

// --- after a crash ---

static void restart(struct bench *b)
{
	for (size_t i = 0; i < NSFS; i++)
		b->fake.nsf[i].connected = false;
	engine_free(b->engine);
	start_engine(b);
}

static uint32_t add_job(struct bench *b, const struct engine_plan *p, const char *persist,
			enum store_job_state state)
{
	struct store_job job = {.tenant = ENGINE_TENANT_DEFAULT,
				.author = "alice",
				.created = 1,
				.revision = p->revision,
				.confirm_timeout = 30,
				.persist = persist};
	memcpy(job.plan, p->hash, STORE_DIGEST);
	uint32_t id;
	assert_int_equal(store_do(b->store, job_add, &job, &(struct store_key){0}, &id), 0);
	job.id = id;
	job.state = state;
	assert_int_equal(store_do(b->store, job_update, &job), 0);
	return id;
}

// The controller was killed between commit and decision: two NSFs hold an unconfirmed commit.
static void test_crash_before_decision(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	assert_int_equal(run(b), STORE_DONE);
	char *old = fake_running(&b->fake, 0);
	char *new = base_oom(strdup(old));
	memcpy(strstr(new, "port-80"), "port-99", 7);
	put_policy(b, 99);
	struct engine_plan p;
	plan(b, &p);
	uint32_t job = add_job(b, &p, "bulwark-crash", STORE_RUNNING);
	fake_put(&b->fake, 0, new, old, "bulwark-crash");
	fake_put(&b->fake, 1, new, old, "bulwark-crash");
	restart(b);
	assert_int_equal(job_of(b, job).state, STORE_FAILED);
	for (size_t i = 0; i < NSFS; i++)
		fake_connect(&b->fake, i);
	wait_until(b, all_run, 80);
	wait_until(b, all_proven, 0);
	free(old);
	free(new);
}

// The controller was killed between decision and confirmation: one NSF still waits, one has
// reverted by itself, one has it.
static void test_crash_after_decision(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	assert_int_equal(run(b), STORE_DONE);
	char *old[NSFS], *new[NSFS];
	for (size_t i = 0; i < NSFS; i++)
		old[i] = fake_running(&b->fake, i);
	put_policy(b, 81);
	assert_int_equal(run(b), STORE_DONE);
	for (size_t i = 0; i < NSFS; i++)
		new[i] = fake_running(&b->fake, i);
	struct store_tenant tenant;
	assert_int_equal(store_do(b->store, tenant_get, ENGINE_TENANT_DEFAULT, &tenant), 0);
	struct store_job job = job_of(b, tenant.job);
	job.state = STORE_CONFIRMING;
	assert_int_equal(store_do(b->store, job_update, &job), 0);
	fake_put(&b->fake, 0, new[0], old[0], job.persist);
	fake_put(&b->fake, 1, old[1], NULL, NULL);
	restart(b);
	assert_int_equal(job_of(b, job.id).state, STORE_DONE);
	for (size_t i = 0; i < NSFS; i++)
		fake_connect(&b->fake, i);
	wait_until(b, all_run, 81);
	wait_until(b, all_proven, 0);
	for (size_t i = 0; i < NSFS; i++) {
		free(old[i]);
		free(new[i]);
	}
}

static void test_foreign_commit(void **state)
{
	struct bench *b = *state;
	fake_put(&b->fake, 0, NULL, NULL, "somebody-else");
	fake_connect(&b->fake, 0);
	put_policy(b, 80);
	assert_int_equal(run(b),
			 STORE_DONE); // and nobody's commit was confirmed or cancelled before
}

// --- news ---

static void test_notices(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	assert_int_equal(run(b), STORE_DONE);
	struct engine_notice notice = {ENGINE_NOTICE_DRIFT, "fw1", NULL,
				       "rule office/port-80 missing"};
	engine_nsf_notice(b->engine, &notice);
	wait_until(b, has_news, ENGINE_DRIFT);
	assert_string_equal(b->last[ENGINE_DRIFT], "rule office/port-80 missing");
	notice.kind = ENGINE_NOTICE_REPAIRED;
	engine_nsf_notice(b->engine, &notice);
	wait_until(b, has_news, ENGINE_REPAIRED);
	wait_until(b, all_proven, 0);
	notice.nsf = "nobody";
	engine_nsf_notice(b->engine, &notice);
	notice = (struct engine_notice){ENGINE_NOTICE_PINHOLE_CLOSED, "fw1", NULL, NULL};
	engine_nsf_notice(b->engine, &notice);
}

static void test_lasting_drift(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	assert_int_equal(run(b), STORE_DONE);
	fake_put(&b->fake, 1, NULL, NULL, NULL); // somebody has emptied it
	struct engine_proofs proofs = {0};
	diags_init(&b->diags, &b->arena);
	assert_true(engine_verify(b->engine, &alice, "fw2", &b->diags, &proofs));
	assert_int_equal(proofs.list.at[0].verdict, ENGINE_IS_DIFFERENT);
	assert_true(proofs.list.at[0].difference.len > 0);
	wait_until(b, all_run, 80); // found out, it is put right
	wait_until(b, all_proven, 0);
}

// --- packets and pinholes ---

static void test_query(void **state)
{
	struct bench *b = *state;
	put_policy(b, 80);
	struct engine_answers answers = {0};
	struct engine_query query = {"src=10.1.0.5,dst=10.2.0.5,proto=tcp,dport=80", false};
	diags_init(&b->diags, &b->arena);
	assert_true(engine_query(b->engine, &alice, &query, &b->diags, &answers));
	assert_int_equal(answers.list.len, 2); // fw3 is not on the path
	assert_string_equal(answers.list.at[0].nsf, "fw1");
	assert_string_equal(answers.list.at[0].verdict, "pass");
	assert_string_equal(answers.list.at[0].rule->name, "port-80");
	answers = (struct engine_answers){0};
	query.packet = "src=10.1.0.5,dst=10.2.0.5,proto=tcp,dport=81";
	assert_true(engine_query(b->engine, &alice, &query, &b->diags, &answers));
	assert_string_equal(answers.list.at[0].verdict, "drop");
	assert_null(answers.list.at[0].rule);
	answers = (struct engine_answers){0};
	query.deployed = true; // nothing is, and what is not there stops nobody
	assert_true(engine_query(b->engine, &alice, &query, &b->diags, &answers));
	assert_string_equal(answers.list.at[0].verdict, "pass");
	query.packet = "proto=tcp";
	assert_false(engine_query(b->engine, &alice, &query, &b->diags, &answers));
	query.packet = "nonsense";
	assert_false(engine_query(b->engine, &alice, &query, &b->diags, &answers));
}

static const struct engine_flow call = {.source = "10.1.0.5",
					.destination = "10.2.0.9",
					.protocol = "udp",
					.protocol_number = 17,
					.destination_port = 5004,
					.lifetime = 60,
					.idle = 10};

static bool no_pinholes(struct bench *b, unsigned nsf)
{
	pthread_mutex_lock(&b->fake.mutex);
	bool none = b->fake.nsf[nsf].pinholes == 0;
	pthread_mutex_unlock(&b->fake.mutex);
	return none;
}

static void test_pinhole(void **state)
{
	struct bench *b = *state;
	const char *id;
	struct engine_names on = {0};
	diags_init(&b->diags, &b->arena);
	assert_true(engine_pinhole_open(b->engine, &alice, &call, &b->diags, &id, &on));
	assert_int_equal(on.list.len, 2);
	assert_false(no_pinholes(b, 0) || no_pinholes(b, 1));
	assert_true(no_pinholes(b, 2));
	struct engine_caller other = {"bob", "acme", false};
	assert_false(engine_pinhole_close(b->engine, &other, id, &b->diags));
	// One NSF says that the flow has ended: the other closes, too.
	engine_nsf_notice(b->engine,
			  &(struct engine_notice){ENGINE_NOTICE_PINHOLE_CLOSED, "fw1", id, "idle"});
	wait_until(b, no_pinholes, 1);
	wait_until(b, has_news, ENGINE_PINHOLE_CLOSED);
	struct store_pinhole p;
	assert_int_equal(store_do(b->store, pinhole_get, id, &b->arena, &p), 0);
	assert_int_equal(p.state, STORE_CLOSED);
	assert_string_equal(p.reason, "idle");
	struct engine_flow flow;
	assert_true(engine_flow_decode(p.flow, &b->arena, &flow));
	assert_string_equal(flow.destination, "10.2.0.9");
	assert_false(flow.has_source_port);
	diags_init(&b->diags, &b->arena);
	assert_false(engine_pinhole_close(b->engine, &alice, id, &b->diags));
	assert_int_equal(b->diags.list.at[0].code, DIAG_ABSENT);
}

static void test_pinhole_all_or_none(void **state)
{
	struct bench *b = *state;
	const char *id;
	struct engine_names on = {0};
	fake_fail(&b->fake, 1, ENGINE_OP_PINHOLE_OPEN, FAKE_REFUSES);
	diags_init(&b->diags, &b->arena);
	assert_false(engine_pinhole_open(b->engine, &alice, &call, &b->diags, &id, &on));
	assert_string_equal(b->diags.list.at[0].nsf, "fw2");
	assert_true(no_pinholes(b, 0));
	struct engine_flow flow = call;
	flow.destination = "10.1.0.9"; // on the same side
	diags_init(&b->diags, &b->arena);
	assert_false(engine_pinhole_open(b->engine, &alice, &flow, &b->diags, &id, &on));
	assert_int_equal(b->diags.list.at[0].code, DIAG_PLACE);
	flow.destination = "2001:db8::1";
	diags_init(&b->diags, &b->arena);
	assert_false(engine_pinhole_open(b->engine, &alice, &flow, &b->diags, &id, &on));
	assert_int_equal(b->diags.list.at[0].code, DIAG_VALUE);
	fake_disconnect(&b->fake, 0);
	diags_init(&b->diags, &b->arena);
	assert_false(engine_pinhole_open(b->engine, &alice, &call, &b->diags, &id, &on));
	assert_int_equal(b->diags.list.at[0].code, DIAG_UNREACHABLE);
}

// A pinhole that ended while the controller was down is closed in the books when the NSF is back.
static void test_pinhole_missed(void **state)
{
	struct bench *b = *state;
	const char *id;
	struct engine_names on = {0};
	diags_init(&b->diags, &b->arena);
	assert_true(engine_pinhole_open(b->engine, &alice, &call, &b->diags, &id, &on));
	struct store_pinhole gone = {.id = "ph-gone",
				     .tenant = ENGINE_TENANT_DEFAULT,
				     .author = "alice",
				     .flow = "udp 17 10.1.0.5 -1 10.2.0.9 5004 600 10",
				     .nsfs = "fw1\n",
				     .state = STORE_OPEN,
				     .opened = time(NULL) - 300,
				     .expires = time(NULL) + 300};
	struct store_pinhole kept;
	assert_int_equal(store_do(b->store, pinhole_get, id, &b->arena, &kept), 0);
	kept.opened -= 300;
	assert_int_equal(store_do(b->store, pinhole_put, &kept), 0);
	assert_int_equal(store_do(b->store, pinhole_put, &gone), 0);
	fake_connect(&b->fake, 0);
	wait_until(b, has_news, ENGINE_PINHOLE_CLOSED);
	assert_int_equal(store_do(b->store, pinhole_get, "ph-gone", &b->arena, &gone), 0);
	assert_int_equal(gone.state, STORE_CLOSED);
	assert_int_equal(store_do(b->store, pinhole_get, id, &b->arena, &kept), 0);
	assert_int_equal(kept.state, STORE_OPEN);
}

// --- a queue that is full ---

struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t open_now;
	bool open;
};

static void hold(void *context, const struct engine_request *request)
{
	struct gate *gate = context;
	if (request->op != ENGINE_OP_LOCK)
		return;
	pthread_mutex_lock(&gate->mutex);
	while (!gate->open)
		pthread_cond_wait(&gate->open_now, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
}

static bool is_running(struct bench *b, unsigned job)
{
	return job_of(b, job).state == STORE_RUNNING;
}

static void test_queue(void **state)
{
	struct bench *b = *state;
	struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER,
			    .open_now = PTHREAD_COND_INITIALIZER};
	put_policy(b, 80);
	struct engine_plan p;
	plan(b, &p);
	b->fake.context = &gate;
	b->fake.before = hold;
	uint32_t first = apply(b, &p, NULL, false), last = 0;
	wait_until(b, is_running, first);
	for (unsigned i = 0; i < ENGINE_QUEUE_MOST; i++) {
		last = apply(b, &p, NULL, false);
		assert_int_not_equal(last, 0);
	}
	expect_refused(b, &p, DIAG_IN_USE);
	assert_int_equal(engine_running_job(b->engine, ENGINE_TENANT_DEFAULT), first);
	pthread_mutex_lock(&gate.mutex);
	gate.open = true;
	pthread_cond_broadcast(&gate.open_now);
	pthread_mutex_unlock(&gate.mutex);
	wait_until(b, job_ended, last);
	assert_int_equal(job_of(b, first).state, STORE_DONE);
	assert_int_equal(job_of(b, last).state, STORE_FAILED); // stale by then
	assert_true(all_run(b, 80));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_apply),
		TEST(test_levels),
		TEST(test_unknown_nsf),
		TEST(test_withdraw),
		TEST(test_rollback),
		TEST(test_every_fault),
		TEST(test_lie),
		TEST(test_reverted_before_confirmation),
		TEST(test_stale),
		TEST(test_away),
		TEST(test_idempotency),
		TEST(test_jobs_are_forgotten),
		TEST(test_bad_documents),
		TEST(test_lost_update),
		TEST(test_tenants_apart),
		TEST(test_crash_before_decision),
		TEST(test_crash_after_decision),
		TEST(test_foreign_commit),
		TEST(test_notices),
		TEST(test_lasting_drift),
		TEST(test_query),
		TEST(test_pinhole),
		TEST(test_pinhole_all_or_none),
		TEST(test_pinhole_missed),
		TEST(test_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
