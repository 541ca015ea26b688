// SPDX-License-Identifier: Apache-2.0
// From a policy revision to a plan: placed on the NSFs, written as they will get it, compared with
// what they were told last.
//
// The idea: the plan's content holds everything that applying it needs and everything that it was
// based on (revisions, what was deployed, what each NSF can do). Its hash names both, and the same
// question about the same state has the same answer.
#include "engine/internal.h"
#include "base/wire.h"
#include "codec/nfi.h"
#include "pki/pki.h"
#include "verify/levels.h"

#include <string.h>
#include <time.h>

#define FORMAT 1

struct planning {
	struct engine *engine;
	const struct engine_caller *caller;
	struct arena *arena;
	struct diags *diags;    // of the request
	struct diags *refusals; // of the plan
	struct view view;
	struct place_result placed;
	struct plan_content content;
	struct ir_ruleset *intended; // one an NSF
	struct ir_ruleset *deployed; // likewise; valid where the target has a base
};

// --- content as bytes ---

static void put_digest(const unsigned char *digest, struct buf *out)
{
	buf_add(out, digest, ENGINE_DIGEST);
}

static void encode(const struct plan_content *c, struct buf *out)
{
	wire_put_u8(out, FORMAT);
	wire_put_text(out, c->tenant);
	wire_put_u32(out, c->revision);
	wire_put_u32(out, c->latest);
	wire_put_u32(out, c->network);
	wire_put_u8(out, c->refused);
	wire_put_u32(out, (uint32_t)c->target.len);
	for (size_t i = 0; i < c->target.len; i++) {
		const struct plan_target *t = &c->target.at[i];
		wire_put_text(out, t->nsf);
		wire_put_u8(out, t->has_base);
		put_digest(t->base, out);
		put_digest(t->capabilities, out);
		put_digest(t->digest, out);
		wire_put_bytes(out, t->ruleset, t->ruleset_len);
		wire_put_bytes(out, t->text, t->text_len);
	}
}

static void get_digest(struct wire_reader *in, unsigned char *out)
{
	for (unsigned i = 0; i < ENGINE_DIGEST; i++)
		out[i] = wire_u8(in);
}

static void decode_target(struct wire_reader *in, struct arena *arena, struct plan_target *t)
{
	t->nsf = wire_text(in, arena);
	t->has_base = wire_u8(in);
	get_digest(in, t->base);
	get_digest(in, t->capabilities);
	get_digest(in, t->digest);
	t->ruleset = wire_bytes(in, &t->ruleset_len);
	t->text = wire_bytes(in, &t->text_len);
}

static bool decode(const void *data, size_t len, struct arena *arena, struct plan_content *c)
{
	struct wire_reader in = wire_reader(data, len);
	bool known = wire_u8(&in) == FORMAT;
	c->tenant = wire_text(&in, arena);
	c->revision = wire_u32(&in);
	c->latest = wire_u32(&in);
	c->network = wire_u32(&in);
	c->refused = wire_u8(&in);
	for (uint32_t n = wire_count(&in, 3 * ENGINE_DIGEST); n; n--) {
		struct plan_target t = {0};
		decode_target(&in, arena, &t);
		vec_push(arena, &c->target, t);
	}
	return known && wire_done(&in) && c->tenant;
}

bool planning_load(struct engine *engine, const unsigned char hash[static STORE_DIGEST],
		   struct arena *arena, struct diags *diags, struct plan_content *out)
{
	struct store_plan plan;
	int rc = store_do(engine->store, plan_get, hash, arena, &plan);
	if (rc < 0)
		return engine_store_failed(rc, diags);
	*out = (struct plan_content){0};
	if (rc == 0 && decode(plan.content, plan.len, arena, out))
		return true;
	diag_error(diags, DIAG_ABSENT, NULL, "run plan and apply the hash that it gives",
		   "there is no such plan");
	return false;
}

bool planning_ruleset(const void *data, size_t len, struct arena *arena, struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){0};
	if (!len)
		return true;
	struct wire_reader in = wire_reader(data, len);
	return ir_ruleset_decode(&in, arena, out) && wire_done(&in);
}

bool planning_intended(const void *data, size_t len, const char *nsf, struct diags *diags,
		       struct ir_ruleset *out)
{
	if (planning_ruleset(data, len, diags->arena, out))
		return true;
	diag_error(diags, DIAG_FAILED, NULL, "restore the controller's database from a backup",
		   "what %s shall enforce cannot be read from the store", nsf);
	return false;
}

// --- making ---

static bool place(struct planning *p, const struct ir_ruleset *ruleset)
{
	size_t n = p->view.nsf.len;
	struct place_nsf *nsf = arena_array(p->arena, struct place_nsf, n + 1);
	for (size_t i = 0; i < n; i++) {
		const struct view_nsf *v = &p->view.nsf.at[i];
		nsf[i] = (struct place_nsf){.name = v->net.name,
					    .cap = &v->cap,
					    .guarded4 = v->net.guarded4,
					    .guarded6 = v->net.guarded6,
					    .default_action = v->net.default_action,
					    .enabled = v->net.enabled};
	}
	struct place_input in = {.ruleset = ruleset, .nsf = nsf, .nsfs = n};
	return place_rules(&in, p->arena, p->refusals, &p->placed);
}

// The rules' order as levels (an NSF may keep its rules in any order), where possible those of before.
static const uint8_t *levels_before(const struct planning *p, size_t i,
				    const struct ir_ruleset *intended)
{
	const struct ir_ruleset *deployed = &p->deployed[i];
	const size_t *partner = plan_match(deployed, intended, p->arena);
	uint8_t *out = arena_array(p->arena, uint8_t, intended->rule.len + 1);
	for (size_t k = 0; k < intended->rule.len; k++)
		if (partner[k] != PLAN_NOWHERE)
			out[k] = deployed->rule.at[partner[k]].priority;
	return out;
}

static void order(struct planning *p, size_t i, struct ir_ruleset *intended)
{
	struct verify_options options = verify_options_default(time(NULL));
	if (verify_levels_give(intended, levels_before(p, i, intended), &options, p->arena))
		return;
	diag_add(p->refusals,
		 &(struct diag){
			 .severity = DIAG_NOTE,
			 .code = DIAG_LIMIT,
			 .nsf = p->view.nsf.at[i].net.name,
			 .hint = "simplify the chain of rules that are exceptions of each other"},
		 "the rules need more than %u levels of priority: this NSF has to keep their order",
		 VERIFY_LEVELS_MOST);
}

// The intended ruleset in its three forms: for plan_make, for the store, for the NSF.
static bool write_target(struct planning *p, size_t i, struct plan_target *t)
{
	if (!p->content.revision)
		return true;
	struct ir_ruleset *ruleset = &p->placed.nsf[i];
	struct buf bytes, text;
	order(p, i, ruleset);
	buf_init(&bytes);
	buf_init(&text);
	ir_ruleset_encode(ruleset, &bytes);
	bool ok = codec_nfi_write(ruleset, p->refusals, &text);
	t->ruleset = arena_memdup(p->arena, bytes.data, bytes.len);
	t->ruleset_len = bytes.len;
	t->text = arena_memdup(p->arena, text.data, text.len + 1);
	t->text_len = text.len;
	p->intended[i] = *ruleset;
	buf_fini(&bytes);
	buf_fini(&text);
	return ok;
}

static bool read_base(struct planning *p, size_t i, struct plan_target *t)
{
	struct store_deployed d;
	int rc = store_do(p->engine->store, deployed_get, t->nsf, p->arena, &d);
	if (rc == STORE_ABSENT)
		return true;
	if (rc)
		return engine_store_failed(rc, p->diags);
	t->has_base = true;
	memcpy(t->base, d.digest, sizeof(t->base));
	return planning_intended(d.ruleset, d.ruleset_len, t->nsf, p->diags, &p->deployed[i]);
}

// False only when the surroundings fail; what cannot be enforced is among the refusals.
static bool targets(struct planning *p)
{
	for (size_t i = 0; i < p->view.nsf.len; i++) {
		const struct view_nsf *v = &p->view.nsf.at[i];
		if (!v->net.enabled)
			continue;
		struct plan_target t = {.nsf = v->net.name};
		memcpy(t.capabilities, v->cap_digest, sizeof(t.capabilities));
		size_t at = p->content.target.len;
		if (at != i) { // the enabled ones stand without gaps
			p->placed.nsf[at] = p->placed.nsf[i];
			p->view.nsf.at[at] = *v;
		}
		if (!read_base(p, at, &t))
			return false;
		if (!write_target(p, at, &t))
			p->content.refused = true;
		pki_sha256(t.ruleset, t.ruleset_len, t.digest);
		vec_push(p->arena, &p->content.target, t);
	}
	return true;
}

static void compare(struct planning *p, struct engine_plan *out)
{
	size_t n = p->content.target.len;
	struct plan_input *in = arena_array(p->arena, struct plan_input, n + 1);
	for (size_t i = 0; i < n; i++)
		in[i] = (struct plan_input){
			.nsf = p->content.target.at[i].nsf,
			.deployed = p->content.target.at[i].has_base ? &p->deployed[i] : NULL,
			.intended = &p->intended[i]};
	struct plan *plan = arena_new(p->arena, struct plan);
	plan_make(in, n, p->arena, plan);
	for (size_t i = 0; i < n; i++)
		vec_push(p->arena, &out->nsf,
			 (struct engine_plan_nsf){.connection = p->view.nsf.at[i].connection,
						  .change = &plan->nsf.at[i]});
}

static bool keep(struct planning *p, unsigned char hash_out[static STORE_DIGEST])
{
	struct buf content;
	buf_init(&content);
	encode(&p->content, &content);
	struct store_plan plan = {.tenant = p->caller->tenant,
				  .revision = p->content.revision,
				  .time = time(NULL),
				  .content = content.data,
				  .len = content.len};
	pki_sha256(content.data, content.len, plan.hash);
	int rc = store_do(p->engine->store, plan_put, &plan);
	memcpy(hash_out, plan.hash, STORE_DIGEST);
	buf_fini(&content);
	return rc ? engine_store_failed(rc, p->diags) : true;
}

// Of an NSF that was never connected nothing can be said: one refusal instead of one a rule, and the
// rest of the plan as if it could do everything.
static void unknown_capabilities(struct planning *p)
{
	for (size_t i = 0; i < p->view.nsf.len; i++) {
		struct view_nsf *v = &p->view.nsf.at[i];
		if (!v->net.enabled || v->has_cap)
			continue;
		cap_add_all(&v->cap);
		diag_add(
			p->refusals,
			&(struct diag){.code = DIAG_UNREACHABLE,
				       .nsf = v->net.name,
				       .hint = "start it, or see why it is not connected, and plan "
					       "again; or disable it"},
			"the NSF %s has never been connected, so that nothing is known of what it "
			"can do",
			v->net.name);
	}
}

static bool make(struct planning *p, const struct ir_ruleset *ruleset, struct engine_plan *out)
{
	size_t n = p->view.nsf.len + 1;
	p->intended = arena_array(p->arena, struct ir_ruleset, n);
	p->deployed = arena_array(p->arena, struct ir_ruleset, n);
	p->placed.nsf = arena_array(p->arena, struct ir_ruleset, n);
	if (p->content.revision) {
		unknown_capabilities(p);
		p->content.refused = !place(p, ruleset);
	}
	if (!targets(p))
		return false;
	p->content.refused = p->content.refused || p->refusals->errors;
	compare(p, out);
	return keep(p, out->hash);
}

static uint32_t latest_policy(struct planning *p)
{
	return engine_document_id(p->engine, STORE_POLICY, p->caller->tenant);
}

static void begin(struct planning *p, struct engine *engine, const struct engine_caller *caller,
		  struct diags *diags)
{
	*p = (struct planning){
		.engine = engine, .caller = caller, .arena = diags->arena, .diags = diags};
	registry_view(engine, caller->tenant, p->arena, &p->view);
	p->content.tenant = caller->tenant;
	p->content.network = p->view.network;
	p->content.latest = latest_policy(p);
}

bool engine_plan(struct engine *engine, const struct engine_caller *caller, uint32_t revision,
		 struct diags *diags, struct engine_plan *out)
{
	struct planning p;
	begin(&p, engine, caller, diags);
	revision = revision ? revision : p.content.latest;
	if (!revision) {
		diag_error(diags, DIAG_ABSENT, NULL, "put a policy first",
			   "the tenant %s has no policy", caller->tenant);
		return false;
	}
	struct engine_plan plan = {.revision = revision};
	diags_init(&plan.refusals, diags->arena);
	p.refusals = &plan.refusals;
	p.content.revision = revision;
	struct policy policy;
	if (!documents_policy(engine, caller->tenant, revision, p.arena, &plan.refusals, &policy)) {
		for (size_t i = 0; i < plan.refusals.list.len; i++)
			diag_add(diags, &plan.refusals.list.at[i], "%s",
				 plan.refusals.list.at[i].text);
		return false;
	}
	if (!make(&p, &policy.ruleset, &plan))
		return false;
	*out = plan;
	engine_record(engine, ENGINE_PLANNED,
		      &(struct store_event){.who = caller->who,
					    .tenant = caller->tenant,
					    .outcome = p.content.refused});
	return true;
}

bool planning_withdraw(struct engine *engine, const struct engine_caller *caller,
		       struct diags *diags, unsigned char hash_out[static STORE_DIGEST])
{
	struct planning p;
	begin(&p, engine, caller, diags);
	struct engine_plan plan = {0};
	diags_init(&plan.refusals, diags->arena);
	p.refusals = &plan.refusals;
	if (!make(&p, NULL, &plan))
		return false;
	memcpy(hash_out, plan.hash, STORE_DIGEST);
	return true;
}

static const struct view_nsf *in_view(const struct view *view, const char *nsf)
{
	for (size_t i = 0; i < view->nsf.len; i++)
		if (strcmp(view->nsf.at[i].net.name, nsf) == 0)
			return &view->nsf.at[i];
	return NULL;
}

static bool no_such_nsf(const struct engine_caller *caller, const char *nsf, struct diags *diags)
{
	diag_error(diags, DIAG_ABSENT, "/bulwark-controller:nsfs", "see those that there are",
		   "the tenant %s has no NSF %s", caller->tenant, nsf);
	return false;
}

bool planning_is_nsf(struct engine *engine, const struct engine_caller *caller, const char *nsf,
		     struct diags *diags)
{
	struct view view;
	registry_view(engine, caller->tenant, diags->arena, &view);
	return in_view(&view, nsf) || no_such_nsf(caller, nsf, diags);
}

const struct ir_ruleset *planning_on_all(struct engine *engine, const struct engine_caller *caller,
					 const struct ir_ruleset *policy, struct diags *diags,
					 struct view *view_out)
{
	struct planning p;
	struct diags refusals;
	diags_init(&refusals, diags->arena);
	begin(&p, engine, caller, diags);
	p.refusals = &refusals;
	p.placed.nsf = arena_array(p.arena, struct ir_ruleset, p.view.nsf.len + 1);
	unknown_capabilities(&p);
	(void)!place(&p, policy);
	*view_out = p.view;
	return p.placed.nsf;
}

bool planning_on_nsf(struct engine *engine, const struct engine_caller *caller,
		     const struct ir_ruleset *policy, const char *nsf, struct diags *diags,
		     struct ir_ruleset *out)
{
	struct view view;
	const struct ir_ruleset *all = planning_on_all(engine, caller, policy, diags, &view);
	const struct view_nsf *v = in_view(&view, nsf);
	if (!v)
		return no_such_nsf(caller, nsf, diags);
	*out = all[v - view.nsf.at];
	return true;
}

// --- is it still so ---

// What about this NSF has changed since; NULL: nothing.
static const char *target_stale(struct engine *engine, const struct view *view,
				const struct plan_target *t, struct arena *arena)
{
	const struct view_nsf *v = in_view(view, t->nsf);
	if (!v || !v->net.enabled)
		return "it is not managed any more";
	if (memcmp(v->cap_digest, t->capabilities, sizeof(t->capabilities)))
		return "what it can do has changed";
	struct store_deployed d;
	int rc = store_do(engine->store, deployed_get, t->nsf, arena, &d);
	if (rc == STORE_ABSENT)
		return t->has_base ? "what is deployed on it was forgotten" : NULL;
	if (rc || !t->has_base || memcmp(d.digest, t->base, sizeof(t->base)))
		return "something else was deployed on it";
	return NULL;
}

bool planning_current(struct engine *engine, const struct plan_content *plan, struct arena *arena,
		      struct diags *diags)
{
	struct view view;
	registry_view(engine, plan->tenant, arena, &view);
	uint32_t latest = engine_document_id(engine, STORE_POLICY, plan->tenant);
	static const char hint[] = "run plan again and apply the new hash";
	if (latest != plan->latest && plan->revision)
		diag_error(diags, DIAG_STALE, NULL, hint,
			   "the policy has changed: revision %u, not %u", latest, plan->latest);
	if (view.network != plan->network)
		diag_error(diags, DIAG_STALE, "/bulwark-controller:nsfs", hint,
			   "sites or NSFs have changed: revision %u, not %u", view.network,
			   plan->network);
	for (size_t i = 0; i < plan->target.len; i++) {
		const char *why = target_stale(engine, &view, &plan->target.at[i], arena);
		if (why)
			diag_add(diags,
				 &(struct diag){.code = DIAG_STALE,
						.nsf = plan->target.at[i].nsf,
						.hint = hint},
				 "the plan is out of date for %s: %s", plan->target.at[i].nsf, why);
	}
	return !diags->errors;
}
