// SPDX-License-Identifier: Apache-2.0
// The engine's life: start, recovery, end; and the audit trail.
//
// The idea: nothing runs before recovery has turned what a crash left into plain facts of the store.
// Two threads own time: one carries deployments out one after another, one notes news and sends the
// pool to look at NSFs.
#include "engine/internal.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORKERS 16u

const struct engine_event_info engine_event_info[ENGINE_EVENTS] = {
#define X(id, action, level, meaning) [id] = {action, meaning, level},
#include "engine/events.def"
#undef X
};

void engine_record(struct engine *engine, enum engine_event_kind kind,
		   const struct store_event *about)
{
	struct store_event e = *about;
	e.time = e.time ? e.time : time(NULL);
	e.who = e.who ? e.who : ENGINE_SELF;
	e.tenant = e.tenant ? e.tenant : ENGINE_TENANT_OPERATOR;
	e.action = engine_event_info[kind].action;
	int rc = store_do(engine->store, event_add, &e);
	engine_events_wake(engine);
	if (!engine->opt.log)
		return;
	engine->opt.log(engine->opt.context, kind, &e);
	if (rc < 0)
		engine->opt.log(
			engine->opt.context, ENGINE_FAULT,
			&(struct store_event){.time = e.time,
					      .who = ENGINE_SELF,
					      .tenant = e.tenant,
					      .action = engine_event_info[ENGINE_FAULT].action,
					      .outcome = 1,
					      .detail = strerror(-rc)});
}

void engine_events_wake(struct engine *engine)
{
	pthread_mutex_lock(&engine->trail.mutex);
	engine->trail.count++;
	pthread_cond_signal(&engine->trail.grown);
	pthread_mutex_unlock(&engine->trail.mutex);
}

uint64_t engine_events_wait(struct engine *engine, uint64_t seen, unsigned ms)
{
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += (long)(ms % 1000) * 1000000;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_mutex_lock(&engine->trail.mutex);
	int rc = 0;
	while (engine->trail.count == seen && rc == 0)
		rc = pthread_cond_timedwait(&engine->trail.grown, &engine->trail.mutex, &end);
	seen = engine->trail.count;
	pthread_mutex_unlock(&engine->trail.mutex);
	return seen;
}

bool engine_store_failed(int rc, struct diags *diags)
{
	diag_error(diags, DIAG_IO, NULL,
		   "see that the disk of the state directory is healthy and not full",
		   "the controller's database failed: %s", strerror(rc < 0 ? -rc : 0));
	return false;
}

static void init(struct engine *engine, const struct engine_options *options)
{
	engine->opt = *options;
	engine->store = options->store;
	pthread_mutex_init(&engine->mutex, NULL);
	pthread_mutex_init(&engine->documents, NULL);
	pthread_mutex_init(&engine->pki, NULL);
	pthread_mutex_init(&engine->trail.mutex, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&engine->changed, &attributes);
	pthread_cond_init(&engine->trail.grown, &attributes);
	pthread_condattr_destroy(&attributes);
}

static bool start_threads(struct engine *engine, struct diags *diags)
{
	engine->pool = pool_new(engine->opt.workers ? engine->opt.workers : WORKERS);
	engine->has_deployer = pthread_create(&engine->deployer, NULL, apply_thread, engine) == 0;
	engine->has_watcher = pthread_create(&engine->watcher, NULL, watch_thread, engine) == 0;
	if (engine->has_deployer && engine->has_watcher)
		return true;
	diag_error(diags, DIAG_IO, NULL, "raise the limit of threads of the controller's user",
		   "the kernel gives no more threads");
	return false;
}

// What was known of the NSFs before the restart.
static bool recall(struct engine *engine, struct diags *diags)
{
	struct store_nsfs all;
	int rc = store_do(engine->store, nsf_all, diags->arena, &all);
	if (rc)
		return engine_store_failed(rc, diags);
	for (size_t i = 0; i < all.list.len; i++) {
		const struct store_nsf *n = &all.list.at[i];
		struct member *m = registry_find(engine, n->name);
		if (!m)
			continue;
		m->last_seen = n->last_seen;
		m->connection = ENGINE_AWAY;
		m->software = n->software ? base_oom(strdup(n->software)) : NULL;
		m->capabilities = n->capabilities ? base_oom(strdup(n->capabilities)) : NULL;
		struct diags ignored; // it says it again when it connects
		diags_init(&ignored, diags->arena);
		m->has_cap =
			n->capabilities && documents_capabilities(engine, n->capabilities,
								  diags->arena, &ignored, &m->cap);
	}
	return true;
}

struct engine *engine_new(const struct engine_options *options, struct diags *diags)
{
	struct engine *engine = base_oom(calloc(1, sizeof(*engine)));
	init(engine, options);
	if (documents_open(engine, diags) && apply_recover(engine, diags) &&
	    documents_network(engine, diags) && recall(engine, diags) &&
	    start_threads(engine, diags)) {
		engine_forget_jobs(engine);
		engine_record(engine, ENGINE_STARTED,
			      &(struct store_event){.detail = BULWARK_VERSION});
		return engine;
	}
	engine_free(engine);
	return NULL;
}

void engine_stop(struct engine *engine)
{
	pthread_mutex_lock(&engine->mutex);
	engine->stop = true;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->mutex);
	if (engine->has_deployer)
		pthread_join(engine->deployer, NULL);
	if (engine->has_watcher)
		pthread_join(engine->watcher, NULL);
	pool_free(engine->pool);
	engine->pool = NULL;
	if (engine->has_deployer && engine->has_watcher)
		engine_record(engine, ENGINE_STOPPED, &(struct store_event){0});
	engine->has_deployer = engine->has_watcher = false;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	engine_stop(engine);
	for (struct job_entry *e = engine->queue, *next; e; e = next) {
		next = e->next;
		free(e);
	}
	watch_free(engine);
	registry_free(engine);
	schema_free(engine->schema);
	pthread_mutex_destroy(&engine->mutex);
	pthread_mutex_destroy(&engine->documents);
	pthread_mutex_destroy(&engine->pki);
	pthread_mutex_destroy(&engine->trail.mutex);
	pthread_cond_destroy(&engine->trail.grown);
	pthread_cond_destroy(&engine->changed);
	free(engine);
}
