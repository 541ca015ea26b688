// SPDX-License-Identifier: Apache-2.0
// What NSFs tell, and when each is looked at again.
//
// The idea: whoever brings news only notes it here and goes on; one thread writes it into the audit
// trail and hands every NSF whose time has come to the pool. Each connected NSF has one time of its
// next comparison: at once after news, later and later after failures, else once a minute.
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOTICES_MOST 10000u // waiting; more are dropped: their NSF is compared anyway
#define CHECK_MS 60000
#define SETTLE_MS 5000 // that an NSF gets to repair a drift itself
#define BACKOFF_MOST_MS 60000

struct notice_entry {
	struct notice_entry *next;
	enum engine_event_kind kind;
	struct member *member;
	char *id, *text;
};

// `m` NULL: of no NSF that is known.
static void note(struct engine *engine, enum engine_event_kind kind, struct member *m,
		 const char *id, const char *text)
{
	struct notice_entry *e = base_oom(calloc(1, sizeof(*e)));
	*e = (struct notice_entry){.kind = kind,
				   .member = m,
				   .id = id ? base_oom(strdup(id)) : NULL,
				   .text = text ? base_oom(strdup(text)) : NULL};
	pthread_mutex_lock(&engine->mutex);
	bool room = engine->notices < NOTICES_MOST;
	if (room) {
		if (engine->notice_last)
			engine->notice_last->next = e;
		else
			engine->notice_first = e;
		engine->notice_last = e;
		engine->notices++;
		pthread_cond_broadcast(&engine->changed);
	}
	pthread_mutex_unlock(&engine->mutex);
	if (room)
		return;
	free(e->id);
	free(e->text);
	free(e);
}

static void replace(char **text, const char *by)
{
	free(*text);
	*text = by ? base_oom(strdup(by)) : NULL;
}

void engine_nsf_connected(struct engine *engine, const char *nsf)
{
	struct member *m = registry_find(engine, nsf);
	if (!m)
		return;
	pthread_mutex_lock(&engine->mutex);
	m->connection = ENGINE_CONNECTED;
	replace(&m->reason, NULL);
	m->last_seen = time(NULL);
	m->sessions++;
	m->failures = 0;
	m->check_ms = 0;
	m->has_evidence = true;
	pthread_mutex_unlock(&engine->mutex);
	note(engine, ENGINE_NSF_CONNECTED, m, NULL, NULL);
}

void engine_nsf_disconnected(struct engine *engine, const char *nsf, enum engine_connection how,
			     const char *reason)
{
	struct member *m = registry_find(engine, nsf);
	if (!m)
		return;
	pthread_mutex_lock(&engine->mutex);
	// Trying in vain again and again is no news.
	bool was_known = m->last_seen != 0;
	enum engine_connection now = how == ENGINE_AWAY && !was_known ? ENGINE_NEVER_SEEN : how;
	bool news = m->connection != now;
	if (m->connection == ENGINE_CONNECTED)
		m->last_seen = time(NULL);
	m->connection = now;
	m->proven = m->proven && !news;
	replace(&m->reason, reason);
	pthread_mutex_unlock(&engine->mutex);
	if (news)
		note(engine, how == ENGINE_REFUSED ? ENGINE_NSF_REFUSED : ENGINE_NSF_LOST, m, NULL,
		     reason);
}

static void note_evidence(struct engine *engine, struct member *m)
{
	pthread_mutex_lock(&engine->mutex);
	m->has_evidence = true;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->mutex);
}

void engine_nsf_notice(struct engine *engine, const struct engine_notice *notice)
{
	static const enum engine_event_kind kinds[] = {
		[ENGINE_NOTICE_DRIFT] = ENGINE_DRIFT,
		[ENGINE_NOTICE_REPAIRED] = ENGINE_REPAIRED,
		[ENGINE_NOTICE_REVERTED] = ENGINE_REVERTED,
		[ENGINE_NOTICE_PINHOLE_CLOSED] = ENGINE_PINHOLE_CLOSED,
	};
	struct member *m = registry_find(engine, notice->nsf);
	if (m && notice->kind == ENGINE_NOTICE_EVIDENCE)
		note_evidence(engine, m);
	else if (m)
		note(engine, kinds[notice->kind], m, notice->id, notice->text);
}

void engine_call_refused(struct engine *engine, const char *from, const char *why)
{
	note(engine, ENGINE_CALL_REFUSED, NULL, from, why);
}

// --- the thread ---

static void record_call(struct engine *engine, const struct notice_entry *e)
{
	engine_record(engine, e->kind,
		      &(struct store_event){.who = e->id,
					    .tenant = ENGINE_TENANT_OPERATOR,
					    .outcome = 1,
					    .detail = e->text});
}

static void digest_notice(struct engine *engine, const struct notice_entry *e)
{
	struct arena arena;
	if (!e->member) {
		record_call(engine, e);
		return;
	}
	arena_init(&arena);
	const char *tenant = registry_tenant(engine, e->member, &arena);
	if (e->kind == ENGINE_PINHOLE_CLOSED) {
		pinhole_closed(engine, e->member->name, e->id, e->text);
		arena_fini(&arena);
		return;
	}
	bool bad = e->kind == ENGINE_DRIFT || e->kind == ENGINE_NSF_LOST ||
		   e->kind == ENGINE_NSF_REFUSED || e->kind == ENGINE_REVERTED;
	engine_record(engine, e->kind,
		      &(struct store_event){.who = e->member->name,
					    .tenant = tenant,
					    .nsf = e->member->name,
					    .outcome = bad,
					    .detail = e->text});
	arena_fini(&arena);
	pthread_mutex_lock(&engine->mutex);
	e->member->proven = e->member->proven && e->kind != ENGINE_DRIFT;
	pthread_mutex_unlock(&engine->mutex);
	if (e->kind == ENGINE_DRIFT)
		registry_want(engine, e->member, SETTLE_MS);
	else if (e->kind == ENGINE_REPAIRED || e->kind == ENGINE_REVERTED)
		registry_want(engine, e->member, 0);
}

struct check {
	struct engine *engine;
	struct member *member;
};

static void plan_next(struct engine *engine, struct member *m, bool ok)
{
	pthread_mutex_lock(&engine->mutex);
	m->failures = ok ? 0 : m->failures + 1;
	int64_t delay = ok ? CHECK_MS : m->failures < 6 ? 1000LL << m->failures : BACKOFF_MOST_MS;
	int64_t next = engine_clock_ms() + delay;
	m->check_ms = next < m->check_ms ? next : m->check_ms; // it may be wanted earlier
	pthread_mutex_unlock(&engine->mutex);
}

static void check(void *context, size_t index)
{
	(void)index;
	struct check *c = context;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool ok = reconcile(c->engine, c->member, &diags);
	if (!ok && registry_is_connected(c->engine, c->member))
		engine_record(c->engine, ENGINE_UNPROVEN,
			      &(struct store_event){
				      .tenant = registry_tenant(c->engine, c->member, &arena),
				      .nsf = c->member->name,
				      .outcome = 1,
				      .detail = diags.list.len ? diags.list.at[0].text : NULL});
	plan_next(c->engine, c->member, ok);
	registry_release(c->engine, c->member);
	arena_fini(&arena);
	free(c);
}

static void collect(void *context, size_t index)
{
	(void)index;
	struct check *c = context;
	evidence_collect(c->engine, c->member);
	pthread_mutex_lock(&c->engine->mutex);
	c->member->collecting = false;
	pthread_cond_broadcast(&c->engine->changed);
	pthread_mutex_unlock(&c->engine->mutex);
	free(c);
}

// Of NSFs that have told of new records. With the mutex held.
static void start_collecting(struct engine *engine)
{
	for (size_t i = 0; i < engine->members; i++) {
		struct member *m = engine->member[i];
		if (!m->has_evidence || m->collecting || !m->configured ||
		    m->connection != ENGINE_CONNECTED)
			continue;
		m->has_evidence = false;
		m->collecting = true;
		struct check *c = base_oom(calloc(1, sizeof(*c)));
		*c = (struct check){engine, m};
		pool_run(engine->pool, collect, c);
	}
}

// Hands over who is due; returns the monotonic time of the next one. With the mutex held.
static int64_t start_checks(struct engine *engine)
{
	int64_t now = engine_clock_ms(), next = now + CHECK_MS;
	for (size_t i = 0; i < engine->members; i++) {
		struct member *m = engine->member[i];
		if (!m->configured || m->connection != ENGINE_CONNECTED || m->busy)
			continue;
		if (m->check_ms > now) {
			next = m->check_ms < next ? m->check_ms : next;
			continue;
		}
		m->busy = true;
		m->check_ms = INT64_MAX;
		struct check *c = base_oom(calloc(1, sizeof(*c)));
		*c = (struct check){engine, m};
		pool_run(engine->pool, check, c);
	}
	return next;
}

static struct notice_entry *take_notices(struct engine *engine)
{
	struct notice_entry *all = engine->notice_first;
	engine->notice_first = engine->notice_last = NULL;
	engine->notices = 0;
	return all;
}

static void free_notices(struct notice_entry *e)
{
	while (e) {
		struct notice_entry *next = e->next;
		free(e->id);
		free(e->text);
		free(e);
		e = next;
	}
}

void *watch_thread(void *context)
{
	struct engine *engine = context;
	pthread_mutex_lock(&engine->mutex);
	while (!engine->stop) {
		struct notice_entry *notices = take_notices(engine);
		if (notices) {
			pthread_mutex_unlock(&engine->mutex);
			for (struct notice_entry *e = notices; e; e = e->next)
				digest_notice(engine, e);
			free_notices(notices);
			pthread_mutex_lock(&engine->mutex);
			continue;
		}
		start_collecting(engine);
		int64_t next = start_checks(engine);
		struct timespec until = {.tv_sec = next / 1000, .tv_nsec = next % 1000 * 1000000};
		pthread_cond_timedwait(&engine->changed, &engine->mutex, &until);
	}
	pthread_mutex_unlock(&engine->mutex);
	return NULL;
}

void watch_free(struct engine *engine)
{
	free_notices(take_notices(engine));
}
