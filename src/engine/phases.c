// SPDX-License-Identifier: Apache-2.0
// The phases of a deployment, each over all of its NSFs at once.
//
// The idea: no NSF goes on to the next phase before all have ended the one before, so that a fault
// found anywhere by preparing has changed nothing anywhere, and a fault found by committing is taken
// back everywhere. (RFC 6241 sections 8.3 and 8.4.)
#include "engine/internal.h"

#include <string.h>

// Takes a step at one NSF. False: it failed, and why is in the target's diags.
static bool ask(struct deployment *d, struct target *t, enum engine_op op)
{
	struct engine_request request = {.op = op,
					 .nsf = t->member->name,
					 .session = &t->session,
					 .text = t->plan->text,
					 .len = t->plan->text_len,
					 .persist = d->job.persist,
					 .confirm_timeout = d->job.confirm_timeout,
					 .timeout_ms = d->timeout_ms};
	return d->engine->opt.nsf->request(d->engine->opt.nsf_context, &request, &t->diags);
}

// The same with any session: what is to be confirmed or taken back does not hang on the one that
// made it.
static bool ask_anew(struct deployment *d, struct target *t, enum engine_op op)
{
	t->session = 0;
	return ask(d, t, op);
}

static void keep_difference(struct target *t, const struct engine_difference *x)
{
	diag_add(&t->diags,
		 &(struct diag){.code = DIAG_DRIFT,
				.policy = x->policy,
				.rule = x->rule,
				.hint = "see the NSF's log; the change was not made"},
		 "what is enforced is not what is intended: %s", x->reason);
}

// In an arena of its own: what a proof needs is large, what remains of it is not.
static bool proven(struct deployment *d, struct target *t)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct prove_request request = {.member = t->member,
					.ruleset = t->plan->ruleset,
					.ruleset_len = t->plan->ruleset_len,
					.timeout_ms = d->timeout_ms,
					.read_back = true};
	struct engine_proof proof;
	bool answered = prove_nsf(d->engine, &request, &diags, &proof);
	for (size_t i = 0; i < diags.list.len && !answered; i++)
		diag_add(&t->diags, &diags.list.at[i], "%s", diags.list.at[i].text);
	for (size_t i = 0; i < proof.difference.len; i++)
		keep_difference(t, &proof.difference.at[i]);
	bool is = answered && proof.verdict == ENGINE_IS_PROVEN;
	arena_fini(&arena);
	return is;
}

static bool all_at(const struct deployment *d, enum engine_step step)
{
	for (size_t i = 0; i < d->targets; i++)
		if (d->target[i].changed && !d->target[i].away && d->target[i].step != step)
			return false;
	return true;
}

void phase_record(struct deployment *d)
{
	struct store_step *steps = arena_array(d->arena, struct store_step, d->targets + 1);
	for (size_t i = 0; i < d->targets; i++)
		steps[i] = (struct store_step){d->target[i].plan->nsf, (int)d->target[i].step};
	int rc = store_do(d->engine->store, steps_set, d->job.id, steps, d->targets);
	if (rc < 0)
		engine_store_failed(rc, d->diags);
}

// NSFs that shall enforce what they already do are looked at: what has drifted is sent again.
static void survey(void *context, size_t index)
{
	struct deployment *d = context;
	struct target *t = &d->target[index];
	if (t->away || t->changed)
		return;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct prove_request request = {.member = t->member,
					.ruleset = t->plan->ruleset,
					.ruleset_len = t->plan->ruleset_len,
					.timeout_ms = d->timeout_ms};
	struct engine_proof proof;
	bool answered = prove_nsf(d->engine, &request, &diags, &proof);
	t->away = !answered;
	t->changed = answered && proof.verdict != ENGINE_IS_PROVEN;
	t->step = t->away      ? ENGINE_STEP_AWAY
		  : t->changed ? ENGINE_STEP_WAITING
			       : ENGINE_STEP_UNCHANGED;
	arena_fini(&arena);
}

void phase_survey(struct deployment *d)
{
	pool_each(d->engine->pool, d->targets, survey, d);
}

static void prepare(void *context, size_t index)
{
	static const struct {
		enum engine_op op;
		enum engine_step step;
	} steps[] = {{ENGINE_OP_LOCK, ENGINE_STEP_LOCKED},
		     {ENGINE_OP_EDIT, ENGINE_STEP_EDITED},
		     {ENGINE_OP_VALIDATE, ENGINE_STEP_VALIDATED}};
	struct deployment *d = context;
	struct target *t = &d->target[index];
	if (t->away || !t->changed)
		return;
	for (size_t i = 0; i < array_len(steps); i++) {
		if (!ask(d, t, steps[i].op))
			return;
		t->step = steps[i].step;
	}
}

bool phase_prepare(struct deployment *d)
{
	pool_each(d->engine->pool, d->targets, prepare, d);
	return all_at(d, ENGINE_STEP_VALIDATED);
}

static void commit(void *context, size_t index)
{
	struct deployment *d = context;
	struct target *t = &d->target[index];
	if (t->step != ENGINE_STEP_VALIDATED)
		return;
	// From here on it may be in force whatever the answer: it has to be taken back.
	t->step = ENGINE_STEP_COMMITTED;
	if (ask(d, t, ENGINE_OP_COMMIT) && proven(d, t))
		t->step = ENGINE_STEP_PROVEN;
}

bool phase_commit(struct deployment *d)
{
	// Commit, read back and report follow one another while the confirm-timeout runs.
	unsigned third = d->job.confirm_timeout * 1000 / 3;
	d->timeout_ms = third < d->timeout_ms ? third : d->timeout_ms;
	d->committed_ms = engine_clock_ms();
	pool_each(d->engine->pool, d->targets, commit, d);
	return all_at(d, ENGINE_STEP_PROVEN);
}

static void confirm(void *context, size_t index)
{
	struct deployment *d = context;
	struct target *t = &d->target[index];
	if (t->step != ENGINE_STEP_PROVEN)
		return;
	uint32_t session = t->session;
	if (ask_anew(d, t, ENGINE_OP_CONFIRM))
		t->step = ENGINE_STEP_CONFIRMED;
	// The locks end with the session at the latest; that they could not be given back is no fault.
	struct diags why = t->diags;
	t->session = session;
	if (!ask(d, t, ENGINE_OP_UNLOCK))
		t->diags = why;
}

void phase_confirm(struct deployment *d)
{
	pool_each(d->engine->pool, d->targets, confirm, d);
}

static void take_back(void *context, size_t index)
{
	struct deployment *d = context;
	struct target *t = &d->target[index];
	if (t->away || !t->changed)
		return;
	struct diags why = t->diags; // what follows must not hide it
	enum engine_step reached = t->step;
	uint32_t session = t->session;
	bool may_be_in_force = reached == ENGINE_STEP_COMMITTED || reached == ENGINE_STEP_PROVEN;
	bool back = !may_be_in_force || ask_anew(d, t, ENGINE_OP_CANCEL);
	t->session = session;
	if (reached != ENGINE_STEP_WAITING && !ask(d, t, ENGINE_OP_UNLOCK) && !may_be_in_force)
		back = true; // the session is gone, and the candidate with it
	t->diags = why;
	t->step = why.errors ? ENGINE_STEP_FAILED : ENGINE_STEP_REVERTED;
	if (back)
		return;
	t->step = ENGINE_STEP_FAILED;
	diag_add(&t->diags,
		 &(struct diag){.code = DIAG_UNREACHABLE,
				.hint = "it reverts by itself when the confirm-timeout is over"},
		 "the change could not be taken back at once");
}

void phase_abort(struct deployment *d)
{
	pool_each(d->engine->pool, d->targets, take_back, d);
}
