// SPDX-License-Identifier: Apache-2.0
// What is to be said about NSFs: per NSF and rule what is intended, pushed, read back and counted;
// and the verification on request.
#include "engine/internal.h"

#include <string.h>

#define FRESH_MS 1000 // a report that is younger is not asked for again
#define REFRESH_MS 5000u
#define VERIFY_MS 20000u

struct round {
	struct engine *engine;
	struct view *view;
	struct item {
		struct arena arena;
		struct diags diags;
		struct store_deployed deployed;
		struct engine_proof proof;
		bool managed;
	} * item;
	bool read_back;
};

static bool is_fresh(struct engine *engine, struct member *m)
{
	pthread_mutex_lock(&engine->mutex);
	bool fresh = m->report_at && engine_clock_ms() - m->report_at < FRESH_MS;
	bool skip = fresh || m->connection != ENGINE_CONNECTED || m->busy;
	pthread_mutex_unlock(&engine->mutex);
	return skip;
}

static void look(void *context, size_t index)
{
	struct round *r = context;
	struct item *item = &r->item[index];
	struct member *m = r->view->nsf.at[index].member;
	int rc = store_do(r->engine->store, deployed_get, m->name, &item->arena, &item->deployed);
	item->managed = rc == 0;
	item->proof = (struct engine_proof){.nsf = m->name, .verdict = ENGINE_IS_UNREACHABLE};
	if (!r->read_back && is_fresh(r->engine, m))
		return;
	struct prove_request request = {.member = m,
					.ruleset = item->deployed.ruleset,
					.ruleset_len = item->deployed.ruleset_len,
					.read_back = r->read_back,
					.timeout_ms = r->read_back ? VERIFY_MS : REFRESH_MS};
	// That it does not answer is the answer.
	if (!prove_nsf(r->engine, &request, &item->diags, &item->proof))
		item->proof.verdict = ENGINE_IS_UNREACHABLE;
}

static struct round begin(struct engine *engine, struct view *view, struct arena *arena)
{
	struct round r = {.engine = engine, .view = view};
	r.item = arena_array(arena, struct item, view->nsf.len + 1);
	for (size_t i = 0; i < view->nsf.len; i++) {
		arena_init(&r.item[i].arena);
		diags_init(&r.item[i].diags, &r.item[i].arena);
	}
	return r;
}

static void end(struct round *r)
{
	for (size_t i = 0; i < r->view->nsf.len; i++)
		arena_fini(&r->item[i].arena);
}

// Keeps only the NSF of that name; false when it is not there.
static bool only(struct view *view, const char *nsf, struct diags *diags)
{
	for (size_t i = 0; i < view->nsf.len && nsf; i++)
		if (strcmp(view->nsf.at[i].net.name, nsf) == 0) {
			view->nsf.at[0] = view->nsf.at[i];
			view->nsf.len = 1;
			return true;
		}
	if (!nsf)
		return true;
	diag_error(diags, DIAG_ABSENT, NULL,
		   "see /bulwark-controller:nsfs for those that there are", "there is no NSF %s",
		   nsf);
	return false;
}

static void keep_proof(const struct item *item, struct arena *arena, struct engine_proofs *out)
{
	struct engine_proof p = {
		.nsf = item->proof.nsf, .verdict = item->proof.verdict, .rules = item->proof.rules};
	for (size_t i = 0; i < item->proof.difference.len; i++) {
		struct engine_difference d = item->proof.difference.at[i];
		d.policy = arena_strdup(arena, d.policy);
		d.rule = arena_strdup(arena, d.rule);
		d.reason = arena_strdup(arena, d.reason);
		vec_push(arena, &p.difference, d);
	}
	for (size_t i = 0; i < item->proof.foreign.len; i++)
		vec_push(arena, &p.foreign, arena_strdup(arena, item->proof.foreign.at[i]));
	vec_push(arena, &out->list, p);
}

bool engine_verify(struct engine *engine, const struct engine_caller *caller, const char *nsf,
		   struct diags *diags, struct engine_proofs *out)
{
	struct view view;
	registry_view(engine, caller->tenant, diags->arena, &view);
	if (!only(&view, nsf, diags))
		return false;
	struct round r = begin(engine, &view, diags->arena);
	r.read_back = true;
	pool_each(engine->pool, view.nsf.len, look, &r);
	for (size_t i = 0; i < view.nsf.len; i++) {
		keep_proof(&r.item[i], diags->arena, out);
		bool bad = r.item[i].managed && r.item[i].proof.verdict == ENGINE_IS_DIFFERENT;
		if (bad)
			registry_want(engine, view.nsf.at[i].member, 0);
	}
	end(&r);
	return true;
}

// --- state ---

void engine_rule_print(const struct ir_rule *rule, struct buf *out)
{
	ir_rule_print(rule, out);
}

const char *engine_default_name(const struct ir_ruleset *ruleset)
{
	return ruleset->default_action == IR_NONE ? NULL : ir_verdict_name[ruleset->default_action];
}

static void fill_counters(struct engine_nsf_state *s, const struct member *m)
{
	for (size_t i = 0; i < s->rule.len && i < m->report.rule.len && m->report_at; i++) {
		const struct engine_report_rule *theirs = &m->report.rule.at[i];
		struct engine_rule_state *ours = &s->rule.at[i];
		bool same = theirs->policy && theirs->name &&
			    strcmp(theirs->policy, ours->rule->policy) == 0 &&
			    strcmp(theirs->name, ours->rule->name) == 0;
		ours->compared = true;
		ours->equal = same && theirs->enforced;
		ours->packets = same ? theirs->packets : 0;
		ours->bytes = same ? theirs->bytes : 0;
	}
}

static void fill(struct engine *engine, const struct view_nsf *v, const struct item *item,
		 bool rules, struct arena *arena, struct engine_nsf_state *s)
{
	struct member *m = v->member;
	*s = (struct engine_nsf_state){.name = m->name,
				       .tenant = v->net.tenant,
				       .calls_home = v->net.calls_home,
				       .managed = item->managed,
				       .revision = item->deployed.revision,
				       .pending = item->managed && item->deployed.pending};
	struct store_evidence *last = arena_new(arena, struct store_evidence);
	if (store_do(engine->store, evidence_last, m->name, arena, last) == 0)
		s->evidence = last;
	memcpy(s->intended, item->deployed.digest, sizeof(s->intended));
	struct ir_ruleset *ruleset = arena_new(arena, struct ir_ruleset);
	if (planning_ruleset(item->deployed.ruleset, item->deployed.ruleset_len, arena, ruleset))
		s->rules = (uint32_t)ruleset->rule.len;
	for (size_t i = 0; i < s->rules && rules; i++)
		vec_push(arena, &s->rule,
			 (struct engine_rule_state){.rule = &ruleset->rule.at[i],
						    .pushed = !item->deployed.pending});
	pthread_mutex_lock(&engine->mutex);
	s->connection = m->connection;
	s->reason = arena_strdup(arena, m->reason);
	s->software = arena_strdup(arena, m->software);
	s->capabilities = arena_strdup(arena, m->capabilities);
	s->last_seen = m->last_seen;
	s->proven_at = m->proven_at;
	s->has_enforced = m->has_enforced;
	s->proven = item->managed && m->proven && m->connection == ENGINE_CONNECTED;
	memcpy(s->enforced, m->enforced, sizeof(s->enforced));
	if (rules)
		fill_counters(s, m);
	pthread_mutex_unlock(&engine->mutex);
}

static void read_deployed(void *context, size_t index)
{
	struct round *r = context;
	struct item *item = &r->item[index];
	int rc = store_do(r->engine->store, deployed_get, r->view->nsf.at[index].member->name,
			  &item->arena, &item->deployed);
	item->managed = rc == 0;
}

bool engine_nsf_states(struct engine *engine, const struct engine_state_query *query,
		       struct arena *arena, struct diags *diags, struct engine_nsf_states *out)
{
	struct view view;
	registry_view(engine, query->tenant, arena, &view);
	if (!only(&view, query->nsf, diags))
		return false;
	struct round r = begin(engine, &view, arena);
	if (query->rules)
		pool_each(engine->pool, view.nsf.len, look, &r);
	else
		for (size_t i = 0; i < view.nsf.len; i++)
			read_deployed(&r, i);
	for (size_t i = 0; i < view.nsf.len; i++) {
		struct engine_nsf_state s;
		fill(engine, &view.nsf.at[i], &r.item[i], query->rules, arena, &s);
		vec_push(arena, &out->list, s);
	}
	end(&r);
	return true;
}

// --- rows of the store ---

bool engine_deployed(struct engine *engine, const char *tenant, struct store_tenant *out)
{
	return store_do(engine->store, tenant_get, tenant, out) == 0;
}

int engine_each_revision(struct engine *engine, const struct store_query *query,
			 store_revision_fn fn, void *context)
{
	return store_do(engine->store, revision_each, query, fn, context);
}

int engine_each_job(struct engine *engine, const struct store_query *query, store_job_fn fn,
		    void *context)
{
	return store_do(engine->store, job_each, query, fn, context);
}

int engine_job_steps(struct engine *engine, uint32_t job, struct arena *arena,
		     struct store_steps *out)
{
	return store_do(engine->store, steps, job, arena, out);
}

int engine_each_event(struct engine *engine, const struct store_query *query, store_event_fn fn,
		      void *context)
{
	return store_do(engine->store, event_each, query, fn, context);
}

int engine_events_after(struct engine *engine, uint64_t id, const struct store_query *query,
			store_event_fn fn, void *context)
{
	return store_do(engine->store, event_after, id, query, fn, context);
}

int engine_each_pinhole(struct engine *engine, const struct store_query *query, store_pinhole_fn fn,
			void *context)
{
	return store_do(engine->store, pinhole_each, query, fn, context);
}
