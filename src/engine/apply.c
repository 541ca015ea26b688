// SPDX-License-Identifier: Apache-2.0
// Deployments: the one that runs, the decision, and what a crash left.
//
// The idea: before the decision everything can be taken back everywhere, after it everything will be
// completed everywhere, and the decision itself is one transaction of the store. Whoever is cut off
// in between is put right by reconcile.c, from the store alone.
#include "engine/internal.h"
#include "base/wire.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REQUEST_MS 120000u // before anything is in force: as long as a large policy takes
#define MARGIN_MS 1000     // that must be left of the confirm-timeout when it is decided

const char *const engine_step_name[ENGINE_STEPS] = {
#define X(id, name) [id] = name,
#include "engine/steps.def"
#undef X
};

uint32_t engine_running_job(struct engine *engine, const char *tenant)
{
	pthread_mutex_lock(&engine->mutex);
	bool is = engine->running && strcmp(engine->running_tenant, tenant) == 0;
	uint32_t id = is ? engine->running : 0;
	pthread_mutex_unlock(&engine->mutex);
	return id;
}

// --- errors of a job as bytes ---

static void put_diags(const struct diags *diags, struct buf *out)
{
	wire_put_u32(out, (uint32_t)diags->list.len);
	for (size_t i = 0; i < diags->list.len; i++) {
		const struct diag *d = &diags->list.at[i];
		wire_put_u8(out, (uint8_t)d->severity);
		wire_put_u8(out, (uint8_t)d->code);
		const char *texts[] = {d->path,      d->nsf,        d->policy, d->rule,
				       d->condition, d->capability, d->text,   d->hint};
		for (size_t k = 0; k < array_len(texts); k++)
			wire_put_text(out, texts[k]);
	}
}

bool engine_diags_decode(const void *data, size_t len, struct diags *out)
{
	if (!len)
		return true;
	struct wire_reader in = wire_reader(data, len);
	for (uint32_t n = wire_count(&in, 34); n && !in.bad; n--) {
		struct diag d = {.severity = wire_u8(&in), .code = wire_u8(&in)};
		const char *text = NULL,
			   **texts[] = {&d.path,      &d.nsf,        &d.policy, &d.rule,
					&d.condition, &d.capability, &text,     &d.hint};
		for (size_t k = 0; k < array_len(texts); k++)
			*texts[k] = wire_text(&in, out->arena);
		if (!in.bad && d.severity <= DIAG_NOTE && d.code < DIAG_CODES)
			diag_add(out, &d, "%s", text ? text : "");
	}
	return wire_done(&in);
}

// --- one deployment ---

static bool job_save(struct deployment *d, enum store_job_state state, const char *progress)
{
	struct buf errors;
	buf_init(&errors);
	put_diags(d->diags, &errors);
	d->job.state = state;
	d->job.progress = progress;
	d->job.finished = state >= STORE_DONE ? time(NULL) : 0;
	d->job.errors = d->diags->list.len ? errors.data : NULL;
	d->job.errors_len = d->diags->list.len ? errors.len : 0;
	int rc = store_do(d->engine->store, job_update, &d->job);
	buf_fini(&errors);
	return rc ? engine_store_failed(rc, d->diags) : true;
}

// Every NSF of the plan becomes this deployment's alone, in the order of names so that no two wait
// for each other.
static void take_targets(struct deployment *d)
{
	d->targets = d->plan.target.len;
	d->target = arena_array(d->arena, struct target, d->targets + 1);
	for (size_t i = 0; i < d->targets; i++) {
		struct target *t = &d->target[i];
		t->plan = &d->plan.target.at[i];
		t->member = registry_find(d->engine, t->plan->nsf);
		arena_init(&t->arena);
		diags_init(&t->diags, &t->arena);
		registry_acquire(d->engine, t->member);
		t->away = !registry_is_connected(d->engine, t->member);
		t->changed = !t->plan->has_base ||
			     memcmp(t->plan->base, t->plan->digest, sizeof(t->plan->base)) != 0;
		t->step = t->away      ? ENGINE_STEP_AWAY
			  : t->changed ? ENGINE_STEP_WAITING
				       : ENGINE_STEP_UNCHANGED;
	}
}

static void collect_diags(struct deployment *d)
{
	for (size_t i = 0; i < d->targets; i++) {
		struct target *t = &d->target[i];
		for (size_t k = 0; k < t->diags.list.len; k++) {
			struct diag about = t->diags.list.at[k];
			about.nsf = t->plan->nsf;
			diag_add(d->diags, &about, "%s: %s", t->plan->nsf, about.text);
		}
	}
}

static void give_back(struct deployment *d)
{
	for (size_t i = 0; i < d->targets; i++) {
		registry_release(d->engine, d->target[i].member);
		arena_fini(&d->target[i].arena);
	}
}

static bool stopping(struct engine *engine)
{
	pthread_mutex_lock(&engine->mutex);
	bool stop = engine->stop;
	pthread_mutex_unlock(&engine->mutex);
	return stop;
}

// What every NSF is told from now on, and that the job will be carried through.
static bool decide(struct deployment *d)
{
	struct store_deployed *all = arena_array(d->arena, struct store_deployed, d->targets + 1);
	for (size_t i = 0; i < d->targets; i++) {
		const struct plan_target *p = d->target[i].plan;
		all[i] = (struct store_deployed){.nsf = p->nsf,
						 .tenant = d->job.tenant,
						 .revision = d->job.revision,
						 .job = d->job.id,
						 .pending =
							 d->target[i].step != ENGINE_STEP_UNCHANGED,
						 .ruleset = p->ruleset,
						 .ruleset_len = p->ruleset_len,
						 .text = p->text,
						 .text_len = p->text_len,
						 .time = time(NULL)};
		memcpy(all[i].digest, p->digest, STORE_DIGEST);
	}
	struct store_decision decision = {.job = d->job.id,
					  .revision = d->job.revision,
					  .tenant = d->job.tenant,
					  .time = time(NULL),
					  .deployed = all,
					  .len = d->targets};
	memcpy(decision.plan, d->job.plan, STORE_DIGEST);
	int rc = store_do(d->engine->store, decide, &decision);
	if (rc)
		return engine_store_failed(rc, d->diags);
	engine_record(d->engine, ENGINE_DECIDED,
		      &(struct store_event){.who = d->job.author,
					    .tenant = d->job.tenant,
					    .detail = arena_printf(d->arena, "job %u", d->job.id)});
	return true;
}

static bool in_time(struct deployment *d)
{
	int64_t left =
		(int64_t)d->job.confirm_timeout * 1000 - (engine_clock_ms() - d->committed_ms);
	if (left >= MARGIN_MS)
		return true;
	diag_error(d->diags, DIAG_TIMEOUT, NULL, "apply with a longer confirm-timeout",
		   "the NSFs took so long that the first may have reverted already");
	return false;
}

static void rehearse(struct engine *engine)
{
	if (engine->opt.pause_ms)
		poll(NULL, 0, (int)engine->opt.pause_ms);
}

static bool not_stopped(struct deployment *d)
{
	if (!stopping(d->engine))
		return true;
	diag_error(d->diags, DIAG_FAILED, NULL, "apply again", "the controller was stopped");
	return false;
}

static bool until_decided(struct deployment *d)
{
	struct engine *engine = d->engine;
	if (!job_save(d, STORE_RUNNING, "locks the NSFs, sends and validates"))
		return false;
	phase_survey(d);
	phase_record(d);
	bool ok = phase_prepare(d) && not_stopped(d);
	phase_record(d);
	if (!ok || !job_save(d, STORE_RUNNING, "commits, reads back and compares"))
		return false;
	ok = phase_commit(d);
	phase_record(d);
	if (!ok)
		return false;
	rehearse(engine);
	return not_stopped(d) && in_time(d) && decide(d);
}

// True when every reachable NSF has it for good.
static bool settle(struct deployment *d)
{
	bool all = true;
	for (size_t i = 0; i < d->targets; i++) {
		struct target *t = &d->target[i];
		if (t->step == ENGINE_STEP_UNCHANGED)
			continue;
		all = all && t->step == ENGINE_STEP_CONFIRMED;
		int rc = t->step == ENGINE_STEP_CONFIRMED
				 ? store_do(d->engine->store, deployed_settle, t->plan->nsf,
					    t->plan->digest)
				 : 0;
		if (rc < 0)
			engine_store_failed(rc, d->diags);
		if (t->step != ENGINE_STEP_CONFIRMED)
			registry_want(d->engine, t->member, 0);
	}
	return all;
}

static void complete(struct deployment *d)
{
	d->job.state = STORE_CONFIRMING;
	phase_confirm(d);
	phase_record(d);
	bool all = settle(d);
	size_t changed = 0;
	for (size_t i = 0; i < d->targets; i++)
		changed += d->target[i].step == ENGINE_STEP_CONFIRMED;
	d->job.result = arena_printf(d->arena, "%zu of %zu NSFs changed%s", changed, d->targets,
				     all ? ", all proven"
					 : "; some are away and catch up when they are back");
	if (!job_save(d, STORE_DONE, "done"))
		return;
	engine_record(d->engine, ENGINE_APPLIED,
		      &(struct store_event){.who = d->job.author,
					    .tenant = d->job.tenant,
					    .detail = arena_printf(d->arena, "job %u: %s",
								   d->job.id, d->job.result)});
}

static void give_up(struct deployment *d)
{
	phase_abort(d);
	phase_record(d);
	collect_diags(d);
	d->job.result = "taken back everywhere; what was before is in force";
	if (!job_save(d, STORE_FAILED, "failed"))
		return;
	const char *why = d->diags->list.len ? d->diags->list.at[0].text : d->job.result;
	engine_record(d->engine, ENGINE_FAILED,
		      &(struct store_event){
			      .who = d->job.author,
			      .tenant = d->job.tenant,
			      .outcome = 1,
			      .detail = arena_printf(d->arena, "job %u: %s", d->job.id, why)});
}

static void deploy(struct engine *engine, uint32_t id)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct deployment d = {.engine = engine, .arena = &arena, .diags = &diags};
	int rc = store_do(engine->store, job_get, id, &arena, &d.job);
	if (rc == 0) {
		d.timeout_ms = REQUEST_MS;
		pthread_mutex_lock(&engine->mutex);
		engine->running = id;
		engine->running_tenant = d.job.tenant;
		pthread_mutex_unlock(&engine->mutex);
		bool possible = planning_load(engine, d.job.plan, &arena, &diags, &d.plan) &&
				submit_possible(engine, &d.plan, d.job.allow_away, &diags);
		if (possible)
			take_targets(&d);
		if (possible && until_decided(&d))
			complete(&d);
		else
			give_up(&d);
		give_back(&d);
	}
	pthread_mutex_lock(&engine->mutex);
	engine->running = 0;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->mutex);
	arena_fini(&arena);
}

void *apply_thread(void *context)
{
	struct engine *engine = context;
	pthread_mutex_lock(&engine->mutex);
	while (!engine->stop) {
		struct job_entry *entry = engine->queue;
		if (!entry) {
			pthread_cond_wait(&engine->changed, &engine->mutex);
			continue;
		}
		engine->queue = entry->next;
		engine->queued--;
		pthread_mutex_unlock(&engine->mutex);
		deploy(engine, entry->id);
		free(entry);
		pthread_mutex_lock(&engine->mutex);
	}
	pthread_mutex_unlock(&engine->mutex);
	return NULL;
}

// --- after a restart ---

struct recovery {
	struct arena *arena;
	VEC(struct store_job) unfinished;
};

static void collect(const struct store_job *job, void *context)
{
	struct recovery *r = context;
	if (job->state >= STORE_DONE)
		return;
	struct store_job copy = *job;
	copy.tenant = arena_strdup(r->arena, job->tenant);
	copy.author = arena_strdup(r->arena, job->author);
	copy.progress = arena_strdup(r->arena, job->progress);
	copy.persist = NULL;
	copy.errors = NULL;
	copy.errors_len = 0;
	vec_push(r->arena, &r->unfinished, copy);
}

// What was decided is done (who has not confirmed yet catches up); what was not has not happened:
// NSFs that hold an unconfirmed commit of it are told so when they connect, or revert by themselves.
static bool recover_job(struct engine *engine, struct store_job *job, struct diags *diags)
{
	bool decided = job->state == STORE_CONFIRMING;
	job->result = decided ? "completed after a restart of the controller"
			      : "a restart of the controller cut it off; nothing of it is in force";
	job->progress = decided ? "done" : "failed";
	job->state = decided ? STORE_DONE : STORE_FAILED;
	job->finished = time(NULL);
	int rc = store_do(engine->store, job_update, job);
	if (rc)
		return engine_store_failed(rc, diags);
	engine_record(engine, ENGINE_RECOVERED,
		      &(struct store_event){.tenant = job->tenant,
					    .outcome = !decided,
					    .detail = arena_printf(diags->arena, "job %u: %s",
								   job->id, job->result)});
	return true;
}

bool apply_recover(struct engine *engine, struct diags *diags)
{
	struct recovery r = {.arena = diags->arena};
	int rc = store_do(engine->store, job_each, &(struct store_query){0}, collect, &r);
	if (rc)
		return engine_store_failed(rc, diags);
	for (size_t i = 0; i < r.unfinished.len; i++)
		if (!recover_job(engine, &r.unfinished.at[i], diags))
			return false;
	return true;
}
