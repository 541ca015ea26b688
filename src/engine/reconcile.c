// SPDX-License-Identifier: Apache-2.0
// Keeping one NSF in step with what the store says that it shall enforce.
//
// The idea: whatever happened (a crash of the controller, an NSF that was away, a revert, a drift
// that was not repaired), the answer is the same: finish or take back an unconfirmed commit by what
// the store has decided about its job, compare, and send again what differs.
#include "engine/internal.h"
#include "base/buf.h"
#include "pki/pki.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_MS 20000u
#define CONFIRM_S 60u

struct repair {
	struct engine *engine;
	struct member *member;
	struct diags *diags;
	struct store_deployed deployed;
	bool managed; // there is something deployed
	uint32_t session;
	const char *persist;
	unsigned session_count; // the session that it is about
	const char *software;
};

static bool ask(struct repair *r, enum engine_op op, const char *text, size_t len)
{
	struct engine_request request = {.op = op,
					 .nsf = r->member->name,
					 .session = &r->session,
					 .text = text,
					 .len = len,
					 .persist = r->persist,
					 .confirm_timeout = CONFIRM_S,
					 .timeout_ms = TIMEOUT_MS};
	return r->engine->opt.nsf->request(r->engine->opt.nsf_context, &request, r->diags);
}

// --- a new session ---

static void remember(struct repair *r, const char *xml, const struct cap *cap)
{
	struct member *m = r->member;
	pthread_mutex_lock(&r->engine->mutex);
	free(m->capabilities);
	m->capabilities = base_oom(strdup(xml));
	m->cap = *cap;
	m->has_cap = true;
	m->greeted = r->session_count;
	pthread_mutex_unlock(&r->engine->mutex);
}

// Whether it has come anew since it was greeted last.
static bool is_new(struct repair *r)
{
	struct member *m = r->member;
	pthread_mutex_lock(&r->engine->mutex);
	r->session_count = m->sessions;
	r->software = arena_strdup(r->diags->arena, m->software);
	bool is = m->greeted != m->sessions;
	pthread_mutex_unlock(&r->engine->mutex);
	return is;
}

static bool send_trust(struct repair *r)
{
	if (!r->engine->opt.pki)
		return true;
	struct buf list;
	buf_init(&list);
	pthread_mutex_lock(&r->engine->pki);
	bool ok = pki_crl(r->engine->opt.pki, r->diags, &list);
	pthread_mutex_unlock(&r->engine->pki);
	ok = ok && ask(r, ENGINE_OP_TRUST, list.data, list.len);
	buf_fini(&list);
	return ok;
}

static bool greet(struct repair *r)
{
	struct engine *engine = r->engine;
	const char *xml;
	struct cap cap;
	if (!engine->opt.nsf->capabilities(engine->opt.nsf_context, r->member->name, r->diags,
					   &xml) ||
	    !documents_capabilities(engine, xml, r->diags->arena, r->diags, &cap) || !send_trust(r))
		return false;
	remember(r, xml, &cap);
	struct store_nsf known = {.name = r->member->name,
				  .tenant = registry_tenant(r->engine, r->member, r->diags->arena),
				  .last_seen = time(NULL),
				  .software = r->software,
				  .capabilities = xml};
	int rc = store_do(engine->store, nsf_put, &known);
	return rc ? engine_store_failed(rc, r->diags) : true;
}

// --- a commit that waits for its confirmation ---

struct search {
	const char *persist;
	bool found, decided;
};

static void match(const struct store_job *job, void *context)
{
	struct search *s = context;
	if (!job->persist || strcmp(job->persist, s->persist))
		return;
	s->found = true;
	s->decided = job->state == STORE_CONFIRMING || job->state == STORE_DONE;
}

// Commits of others are left alone.
static bool finish_commit(struct repair *r, const char *persist, bool *changed_out)
{
	struct search s = {.persist = persist};
	int rc = store_do(r->engine->store, job_each, &(struct store_query){.most = 1000}, match,
			  &s);
	if (rc)
		return engine_store_failed(rc, r->diags);
	bool ours = s.found || strncmp(persist, "bulwark-", 8) == 0;
	if (!ours)
		return true;
	*changed_out = true;
	r->persist = persist;
	r->session = 0;
	bool ok = ask(r, s.decided ? ENGINE_OP_CONFIRM : ENGINE_OP_CANCEL, NULL, 0);
	engine_record(
		r->engine, ENGINE_RECOVERED,
		&(struct store_event){
			.tenant = registry_tenant(r->engine, r->member, r->diags->arena),
			.nsf = r->member->name,
			.outcome = !ok,
			.detail = s.decided ? "an unconfirmed commit was confirmed: it is decided"
					    : "an unconfirmed commit was taken back: it was "
					      "never decided"});
	return ok;
}

// --- comparing and sending again ---

static bool compare(struct repair *r, bool read_back, struct engine_report *report,
		    struct engine_proof *proof)
{
	struct prove_request request = {.member = r->member,
					.ruleset = r->deployed.ruleset,
					.ruleset_len = r->deployed.ruleset_len,
					.report_out = report,
					.read_back = read_back,
					.timeout_ms = TIMEOUT_MS};
	return prove_nsf(r->engine, &request, r->diags, proof);
}

static bool send_steps(struct repair *r)
{
	struct engine_proof proof;
	if (!ask(r, ENGINE_OP_EDIT, r->deployed.text, r->deployed.text_len) ||
	    !ask(r, ENGINE_OP_VALIDATE, NULL, 0) || !ask(r, ENGINE_OP_COMMIT, NULL, 0))
		return false;
	if (compare(r, true, NULL, &proof) && proof.verdict == ENGINE_IS_PROVEN)
		return ask(r, ENGINE_OP_CONFIRM, NULL, 0);
	diag_error(r->diags, DIAG_DRIFT, NULL, "see the NSF's log",
		   "%s was sent what it shall enforce and enforces something else: %s",
		   r->member->name,
		   proof.difference.len ? proof.difference.at[0].reason : "it did not answer");
	uint32_t session = r->session;
	r->session = 0;
	bool back = ask(r, ENGINE_OP_CANCEL, NULL, 0);
	r->session = session;
	return back && false;
}

static bool send_again(struct repair *r)
{
	unsigned char random[8];
	uint64_t number;
	pki_random(random, sizeof(random));
	memcpy(&number, random, sizeof(number));
	r->persist = arena_printf(r->diags->arena, "bulwark-%016llx", (unsigned long long)number);
	r->session = 0;
	if (!ask(r, ENGINE_OP_LOCK, NULL, 0))
		return false;
	bool ok = send_steps(r);
	struct diags ignored;
	diags_init(&ignored, r->diags->arena);
	struct diags *diags = r->diags;
	r->diags = &ignored; // the locks end with the session at the latest
	bool unlocked = ask(r, ENGINE_OP_UNLOCK, NULL, 0);
	r->diags = diags;
	return ok && (unlocked || ok);
}

static void tell(struct repair *r, enum engine_event_kind kind, bool failed, const char *detail)
{
	engine_record(r->engine, kind,
		      &(struct store_event){.tenant = r->deployed.tenant,
					    .nsf = r->member->name,
					    .outcome = failed,
					    .detail = detail});
}

static bool settled(struct repair *r, bool was_sent)
{
	int rc = store_do(r->engine->store, deployed_settle, r->member->name, r->deployed.digest);
	if (rc < 0)
		return engine_store_failed(rc, r->diags);
	if (r->deployed.pending || was_sent)
		tell(r, ENGINE_CAUGHT_UP, false,
		     was_sent ? "it was sent again and proven" : "it has it and proves it");
	return true;
}

static bool put_right(struct repair *r)
{
	struct engine_report report = {0};
	struct engine_proof proof;
	if (!compare(r, false, &report, &proof))
		return false;
	pinhole_compare(r->engine, r->member->name, &report, r->diags->arena);
	bool changed = false;
	if (report.persist && !finish_commit(r, report.persist, &changed))
		return false;
	if (changed && !compare(r, true, NULL, &proof))
		return false;
	if (!r->managed)
		return true;
	if (proof.verdict == ENGINE_IS_PROVEN)
		return settled(r, false);
	tell(r, ENGINE_UNPROVEN, true, proof.difference.at[0].reason);
	return send_again(r) && settled(r, true);
}

bool reconcile(struct engine *engine, struct member *member, struct diags *diags)
{
	struct repair r = {.engine = engine, .member = member, .diags = diags};
	if (is_new(&r) && !greet(&r))
		return false;
	int rc = store_do(engine->store, deployed_get, member->name, diags->arena, &r.deployed);
	if (rc < 0)
		return engine_store_failed(rc, diags);
	r.managed = rc == 0;
	return put_right(&r);
}
