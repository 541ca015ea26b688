// SPDX-License-Identifier: Apache-2.0
// Requests for deployments: what is refused at once, what was asked for before, what goes into the
// queue.
//
// The idea: a request that is accepted has a job in the store before its answer goes out, and a
// request that is repeated with its idempotency key finds that job and does nothing, as long as the
// job is not forgotten.
#include "engine/internal.h"
#include "base/wire.h"
#include "pki/pki.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOUR_S 3600
#define DAY_S 86400

static void enqueue(struct engine *engine, uint32_t id)
{
	struct job_entry *entry = base_oom(calloc(1, sizeof(*entry)));
	entry->id = id;
	pthread_mutex_lock(&engine->mutex);
	struct job_entry **last = &engine->queue;
	while (*last)
		last = &(*last)->next;
	*last = entry;
	engine->queued++;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->mutex);
}

static bool has_room(struct engine *engine, struct diags *diags)
{
	pthread_mutex_lock(&engine->mutex);
	bool room = engine->queued < ENGINE_QUEUE_MOST;
	pthread_mutex_unlock(&engine->mutex);
	if (!room)
		diag_error(diags, DIAG_IN_USE, "/bulwark-controller:jobs",
			   "wait until some of them have ended",
			   "%u deployments are waiting already", ENGINE_QUEUE_MOST);
	return room;
}

static bool may_be_away(struct engine *engine, const struct plan_content *plan, bool allow,
			struct diags *diags)
{
	for (size_t i = 0; i < plan->target.len && !allow; i++) {
		const struct plan_target *t = &plan->target.at[i];
		struct member *m = registry_find(engine, t->nsf);
		bool changed = !t->has_base || memcmp(t->base, t->digest, sizeof(t->base));
		if (!changed || (m && registry_is_connected(engine, m)))
			continue;
		diag_add(diags,
			 &(struct diag){.code = DIAG_UNREACHABLE,
					.nsf = t->nsf,
					.hint = "bring it back, or apply with allow-away: then it "
						"catches up when it is back"},
			 "the NSF %s is not connected", t->nsf);
	}
	return !diags->errors;
}

bool submit_possible(struct engine *engine, const struct plan_content *plan, bool allow_away,
		     struct diags *diags)
{
	if (plan->refused) {
		diag_error(
			diags, DIAG_CAPABILITY, NULL,
			"run plan to see what is refused and why; change the policy, or give the "
			"path an NSF that can do it",
			"the plan holds rules that cannot be enforced");
		return false;
	}
	return planning_current(engine, plan, diags->arena, diags) &&
	       may_be_away(engine, plan, allow_away, diags);
}

void engine_forget_jobs(struct engine *engine)
{
	const struct engine_options *o = &engine->opt;
	int64_t now = time(NULL);
	struct store_trim trim = {.old = o->jobs_days ? now - (int64_t)o->jobs_days * DAY_S : 0,
				  .recent = now - (int64_t)ENGINE_KEY_HOURS * HOUR_S,
				  .most = o->jobs_most ? o->jobs_most : UINT32_MAX};
	int rc = store_do(engine->store, job_trim, &trim);
	if (rc)
		engine_record(engine, ENGINE_FAULT,
			      &(struct store_event){.outcome = 1, .detail = strerror(-rc)});
}

struct submission {
	enum store_job_kind kind;
	const unsigned char *hash;
	uint32_t asked; // the revision to go back to
};

// What makes two requests the same.
static struct store_key key_of(const struct submission *s, const struct engine_deploy *how)
{
	struct store_key key = {.key = how->key};
	struct buf request;
	buf_init(&request);
	wire_put_u8(&request, (uint8_t)s->kind);
	wire_put_u32(&request, s->asked);
	if (s->kind == STORE_APPLY)
		buf_add(&request, s->hash, STORE_DIGEST);
	wire_put_u32(&request, how->confirm_timeout);
	wire_put_u8(&request, how->allow_away);
	pki_sha256(request.data, request.len, key.request);
	buf_fini(&request);
	return key;
}

static bool key_conflict(struct diags *diags)
{
	diag_error(diags, DIAG_EXISTS, NULL, "give every new request a key of its own",
		   "the idempotency-key was used for another request");
	return false;
}

// True when the request was made before: *job_out is what came of it.
static bool seen(struct engine *engine, const struct engine_caller *caller,
		 const struct store_key *key, struct diags *diags, uint32_t *job_out)
{
	int rc = store_do(engine->store, job_key, caller->tenant, key, job_out);
	if (rc == STORE_CONFLICT)
		return key_conflict(diags);
	return rc == STORE_SAME || (rc < 0 && engine_store_failed(rc, diags));
}

static bool submit(struct engine *engine, const struct engine_caller *caller,
		   const struct submission *s, const struct engine_deploy *how, struct diags *diags,
		   uint32_t *job_out)
{
	struct plan_content plan;
	if (!planning_load(engine, s->hash, diags->arena, diags, &plan))
		return false;
	if (strcmp(plan.tenant, caller->tenant)) {
		diag_error(diags, DIAG_ABSENT, NULL, "run plan and apply the hash that it gives",
			   "there is no such plan");
		return false;
	}
	if (!has_room(engine, diags) || !submit_possible(engine, &plan, how->allow_away, diags))
		return false;
	unsigned char random[8];
	pki_random(random, sizeof(random));
	struct store_job job = {.kind = s->kind,
				.tenant = caller->tenant,
				.author = caller->who,
				.created = time(NULL),
				.revision = plan.revision,
				.confirm_timeout = how->confirm_timeout,
				.allow_away = how->allow_away,
				.progress = "waits for its turn"};
	memcpy(job.plan, s->hash, STORE_DIGEST);
	uint64_t number = 0;
	memcpy(&number, random, sizeof(number));
	job.persist = arena_printf(diags->arena, "bulwark-%016llx", (unsigned long long)number);
	struct store_key key = key_of(s, how);
	int rc = store_do(engine->store, job_add, &job, &key, job_out);
	if (rc == STORE_CONFLICT)
		return key_conflict(diags);
	if (rc == STORE_SAME)
		return true;
	if (rc)
		return engine_store_failed(rc, diags);
	enqueue(engine, *job_out);
	engine_record(
		engine, ENGINE_ACCEPTED,
		&(struct store_event){.who = caller->who,
				      .tenant = caller->tenant,
				      .detail = arena_printf(diags->arena, "job %u", *job_out)});
	return true;
}

bool engine_apply(struct engine *engine, const struct engine_caller *caller,
		  const unsigned char hash[static STORE_DIGEST], const struct engine_deploy *how,
		  struct diags *diags, uint32_t *job_out)
{
	struct submission s = {.kind = STORE_APPLY, .hash = hash};
	struct store_key key = key_of(&s, how);
	if (seen(engine, caller, &key, diags, job_out))
		return true;
	return !diags->errors && submit(engine, caller, &s, how, diags, job_out);
}

bool engine_withdraw(struct engine *engine, const struct engine_caller *caller,
		     const struct engine_deploy *how, struct diags *diags, uint32_t *job_out)
{
	unsigned char hash[STORE_DIGEST];
	struct submission s = {.kind = STORE_WITHDRAW, .hash = hash};
	struct store_key key = key_of(&s, how);
	if (seen(engine, caller, &key, diags, job_out))
		return true;
	return !diags->errors && planning_withdraw(engine, caller, diags, hash) &&
	       submit(engine, caller, &s, how, diags, job_out);
}

// The earlier content on top of the latest revision.
static bool restore(struct engine *engine, const struct engine_caller *caller, uint32_t revision,
		    struct diags *diags, uint32_t *revision_out)
{
	struct store_revision r;
	int rc = store_do(engine->store, revision_get, revision, diags->arena, &r);
	if (rc < 0)
		return engine_store_failed(rc, diags);
	if (rc || r.kind != STORE_POLICY || strcmp(r.tenant, caller->tenant)) {
		diag_error(diags, DIAG_ABSENT, NULL,
			   "see /bulwark-controller:revisions for those that there are",
			   "the tenant %s has no policy revision %u", caller->tenant, revision);
		return false;
	}
	struct engine_put put = {.base = engine_document_id(engine, STORE_POLICY, caller->tenant),
				 .xml = r.document,
				 .len = r.len};
	return engine_document_put(engine, caller, &put, diags, revision_out);
}

bool engine_rollback(struct engine *engine, const struct engine_caller *caller, uint32_t revision,
		     const struct engine_deploy *how, struct diags *diags,
		     struct engine_rollback *out)
{
	struct submission s = {.kind = STORE_ROLLBACK, .hash = out->hash, .asked = revision};
	struct store_key key = key_of(&s, how);
	if (seen(engine, caller, &key, diags, &out->job)) {
		struct store_job job;
		int rc = store_do(engine->store, job_get, out->job, diags->arena, &job);
		if (rc)
			return engine_store_failed(rc, diags);
		out->revision = job.revision;
		memcpy(out->hash, job.plan, STORE_DIGEST);
		return true;
	}
	struct engine_plan plan;
	if (diags->errors || !restore(engine, caller, revision, diags, &out->revision) ||
	    !engine_plan(engine, caller, out->revision, diags, &plan))
		return false;
	memcpy(out->hash, plan.hash, STORE_DIGEST);
	return submit(engine, caller, &s, how, diags, &out->job);
}
