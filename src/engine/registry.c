// SPDX-License-Identifier: Apache-2.0
// What is known of every NSF at this moment, and who may change it.
//
// The idea: a member is made once for a name and stays until the engine ends, so that threads may
// hold it across reconfigurations; whether it is configured is a flag. Everything is behind the
// engine's mutex, and callers get copies.
#include "engine/internal.h"
#include "pki/pki.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const engine_connection_name[ENGINE_CONNECTIONS] = {"connected", "away", "never-seen",
								"refused"};

int64_t engine_clock_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct member *find(struct engine *engine, const char *name)
{
	for (size_t i = 0; i < engine->members; i++)
		if (strcmp(engine->member[i]->name, name) == 0)
			return engine->member[i];
	return NULL;
}

struct member *registry_find(struct engine *engine, const char *name)
{
	pthread_mutex_lock(&engine->mutex);
	struct member *m = find(engine, name);
	pthread_mutex_unlock(&engine->mutex);
	return m;
}

static struct member *add(struct engine *engine, const char *name)
{
	struct member *m = base_oom(calloc(1, sizeof(*m)));
	m->name = base_oom(strdup(name));
	m->connection = ENGINE_NEVER_SEEN;
	arena_init(&m->report_arena);
	engine->member = base_oom(realloc(engine->member, (engine->members + 1) * sizeof(m)));
	engine->member[engine->members++] = m;
	return m;
}

static void tell(struct engine *engine, const struct network *net)
{
	struct engine_peer *peers = base_oom(calloc(net->nsf.len + 1, sizeof(*peers)));
	size_t n = 0;
	for (size_t i = 0; i < net->nsf.len; i++)
		if (net->nsf.at[i].enabled)
			peers[n++] = (struct engine_peer){.name = net->nsf.at[i].name,
							  .address = net->nsf.at[i].address,
							  .port = net->nsf.at[i].port,
							  .calls_home = net->nsf.at[i].calls_home,
							  .ssh_user = net->nsf.at[i].ssh_user,
							  .host_keys = net->nsf.at[i].host_keys};
	engine->opt.nsf->configure(engine->opt.nsf_context, peers, n);
	free(peers);
}

// Called with the documents' mutex held (or before threads run): networks come one after another,
// and the old one is not looked at by anybody who does not hold the engine's mutex.
void registry_use(struct engine *engine, struct network *network)
{
	pthread_mutex_lock(&engine->mutex);
	struct network *old = engine->network;
	engine->network = network;
	for (size_t i = 0; i < engine->members; i++)
		engine->member[i]->configured = false;
	for (size_t i = 0; i < network->nsf.len; i++) {
		struct network_nsf *n = &network->nsf.at[i];
		n->member = find(engine, n->name);
		if (!n->member)
			n->member = add(engine, n->name);
		n->member->configured = true;
	}
	pthread_mutex_unlock(&engine->mutex);
	tell(engine, network);
	if (old) {
		arena_fini(&old->arena);
		free(old);
	}
}

static struct algebra_set copy_set(struct algebra_set set, struct arena *arena)
{
	if (set.len)
		set.at = arena_memdup(arena, set.at, set.len * sizeof(*set.at));
	return set;
}

void registry_view(struct engine *engine, const char *tenant, struct arena *arena, struct view *out)
{
	*out = (struct view){0};
	pthread_mutex_lock(&engine->mutex);
	const struct network *net = engine->network;
	out->network = net->revision;
	for (size_t i = 0; i < net->nsf.len; i++) {
		struct network_nsf n = net->nsf.at[i];
		if (tenant && strcmp(n.tenant, tenant))
			continue;
		n.name = n.member->name;
		n.tenant = arena_strdup(arena, n.tenant);
		n.site = arena_strdup(arena, n.site);
		n.address = n.ssh_user = NULL; // how it is reached is for those who reach it
		n.host_keys = NULL;
		n.guarded4 = copy_set(n.guarded4, arena);
		n.guarded6 = copy_set(n.guarded6, arena);
		struct view_nsf v = {.net = n,
				     .member = n.member,
				     .connection = n.member->connection,
				     .has_cap = n.member->has_cap,
				     .cap = n.member->cap};
		pki_sha256(&v.cap, sizeof(v.cap), v.cap_digest);
		vec_push(arena, &out->nsf, v);
	}
	pthread_mutex_unlock(&engine->mutex);
}

const char *registry_tenant(struct engine *engine, struct member *member, struct arena *arena)
{
	struct view view;
	registry_view(engine, NULL, arena, &view);
	for (size_t i = 0; i < view.nsf.len; i++)
		if (view.nsf.at[i].member == member)
			return view.nsf.at[i].net.tenant;
	return ENGINE_TENANT_DEFAULT;
}

void registry_acquire(struct engine *engine, struct member *m)
{
	pthread_mutex_lock(&engine->mutex);
	while (m->busy)
		pthread_cond_wait(&engine->changed, &engine->mutex);
	m->busy = true;
	pthread_mutex_unlock(&engine->mutex);
}

bool registry_try_acquire(struct engine *engine, struct member *m)
{
	pthread_mutex_lock(&engine->mutex);
	bool got = !m->busy;
	m->busy = true;
	pthread_mutex_unlock(&engine->mutex);
	return got;
}

void registry_release(struct engine *engine, struct member *m)
{
	pthread_mutex_lock(&engine->mutex);
	m->busy = false;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->mutex);
}

void registry_want(struct engine *engine, struct member *m, int64_t in_ms)
{
	int64_t at = engine_clock_ms() + in_ms;
	pthread_mutex_lock(&engine->mutex);
	if (at < m->check_ms)
		m->check_ms = at;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->mutex);
}

bool registry_is_connected(struct engine *engine, struct member *m)
{
	pthread_mutex_lock(&engine->mutex);
	bool connected = m->connection == ENGINE_CONNECTED;
	pthread_mutex_unlock(&engine->mutex);
	return connected;
}

static void copy_report(const struct engine_report *from, struct arena *arena,
			struct engine_report *to)
{
	*to = *from;
	to->persist = arena_strdup(arena, from->persist);
	to->software = NULL;
	memset(&to->rule, 0, sizeof(to->rule));
	memset(&to->difference, 0, sizeof(to->difference));
	memset(&to->pinhole, 0, sizeof(to->pinhole));
	for (size_t i = 0; i < from->rule.len; i++) {
		struct engine_report_rule r = from->rule.at[i];
		r.policy = arena_strdup(arena, r.policy);
		r.name = arena_strdup(arena, r.name);
		r.difference = arena_strdup(arena, r.difference);
		vec_push(arena, &to->rule, r);
	}
}

void registry_report(struct engine *engine, struct member *m, const struct engine_report *report,
		     bool proven)
{
	pthread_mutex_lock(&engine->mutex);
	arena_fini(&m->report_arena);
	arena_init(&m->report_arena);
	copy_report(report, &m->report_arena, &m->report);
	m->report_at = engine_clock_ms();
	free(m->software);
	m->software = report->software ? base_oom(strdup(report->software)) : NULL;
	m->proven = proven;
	m->proven_at = time(NULL);
	m->last_seen = m->proven_at;
	m->has_enforced = report->has_enforced;
	memcpy(m->enforced, report->enforced, sizeof(m->enforced));
	pthread_mutex_unlock(&engine->mutex);
}

void registry_free(struct engine *engine)
{
	for (size_t i = 0; i < engine->members; i++) {
		struct member *m = engine->member[i];
		arena_fini(&m->report_arena);
		free(m->name);
		free(m->reason);
		free(m->software);
		free(m->capabilities);
		free(m);
	}
	free(engine->member);
	if (engine->network)
		arena_fini(&engine->network->arena);
	free(engine->network);
}
