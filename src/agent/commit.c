// SPDX-License-Identifier: Apache-2.0
// Commits, confirmations and what undoes them. The one idea: the disk is written before the kernel, and a name on the
// disk decides. `next` means nothing; `pending` means that the kernel may hold it and must not keep it; `confirmed`
// is what a restart goes back to. So a crash between any two steps leaves a policy that was in force, whole.
// What it does not: put rules into the kernel (kernel.c) and know what a session is (front).
// RFC 6241 section 8.4 (confirmed commit).
#include "agent/core_internal.h"

#include "base/wire.h"

#include <inttypes.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

static bool decode(const struct agent_apply *apply, struct agent_held *held, struct diags *diags)
{
	struct wire_reader r = wire_reader(apply->ruleset, apply->len);
	if (ir_ruleset_decode(&r, &held->arena, &held->policy.ruleset) && wire_done(&r))
		return true;
	diag_error(diags, DIAG_SYNTAX, NULL, "this should not happen: report it",
		   "front has sent rules that cannot be read");
	return false;
}

static struct agent_held *prepare(struct agent_core *core, const struct agent_apply *apply,
				  struct diags *diags)
{
	struct agent_held *held = agent_held_new();
	const struct agent_point *point = &core->options.point;
	if (!decode(apply, held, diags)) {
		agent_held_free(held);
		return NULL;
	}
	held->policy.running = arena_strdup(&held->arena, apply->running);
	held->persist = arena_strdup(&held->arena, apply->persist);
	held->policy.lowered_at = agent_wall(core);
	held->policy.horizon = held->policy.lowered_at + AGENT_HORIZON;
	agent_held_prepare(held, point);
	if (agent_held_nothing(held) || point->ops->check(point->backend, &held->lowered, diags))
		return held;
	agent_held_free(held);
	return NULL;
}

// 1. On the disk. 2. In the kernel, read back and equal. On failure the one before is in force.
static bool try_out(struct agent_core *core, struct agent_held *held, struct diags *diags)
{
	const char *dir = core->options.state_dir;
	held->policy.generation = core->generation + 1; // as agent_kernel_put will number it
	if (!agent_policy_write(dir, "next", &held->policy, diags))
		return false;
	enum agent_put put = agent_kernel_put(core, held, diags);
	if (put == AGENT_PUT)
		return true;
	core->occasion = EVIDENCE_REVERT;
	if (put == AGENT_PUT_DIFFERS)
		agent_kernel_restore(core);
	return false;
}

static void drop_pending(struct agent_core *core)
{
	agent_held_free(core->pending);
	core->pending = NULL;
}

static void now_confirmed(struct agent_core *core, struct agent_held *held)
{
	agent_held_free(core->confirmed);
	agent_held_free(core->fallback);
	core->confirmed = held;
	core->fallback = NULL;
	core->unknown = false;
	core->fight.on = false;
	agent_core_note(core, AGENT_EVENT_COMMITTED, "%zu rules, generation %" PRIu32,
			held->policy.ruleset.rule.len, held->policy.generation);
	agent_tell(core,
		   &(struct agent_message){.type = AGENT_COMMITTED,
					   .committed = {.digest = held->digest,
							 .generation = held->policy.generation}});
}

static bool keep_for_good(struct agent_core *core, struct agent_held *held, struct diags *diags)
{
	const char *dir = core->options.state_dir;
	if (!agent_state_rename(dir, "next", "confirmed", diags))
		return false;
	// If `pending` stays, a restart reverts to what is confirmed anyway.
	if (core->pending && !agent_state_remove(dir, "pending", diags))
		agent_core_note(core, AGENT_EVENT_STATE,
				"the pending policy could not be removed from the disk");
	drop_pending(core);
	now_confirmed(core, held);
	return true;
}

static bool keep_for_now(struct agent_core *core, struct agent_held *held, uint32_t timeout,
			 struct diags *diags)
{
	if (!agent_state_rename(core->options.state_dir, "next", "pending", diags))
		return false;
	drop_pending(core);
	core->pending = held;
	core->fight.on = false;
	core->deadline = agent_ms(core) + (uint64_t)timeout * 1000;
	agent_core_note(core, AGENT_EVENT_PENDING,
			"%zu rules, generation %" PRIu32 ", %" PRIu32 " s to confirm",
			held->policy.ruleset.rule.len, held->policy.generation, timeout);
	return true;
}

bool agent_commit_apply(struct agent_core *core, const struct agent_apply *apply,
			struct diags *diags)
{
	core->occasion = EVIDENCE_COMMIT;
	struct agent_held *held = prepare(core, apply, diags);
	if (!held || !try_out(core, held, diags)) {
		agent_core_note(core, AGENT_EVENT_REFUSED, "%s",
				diags->list.len ? diags->list.at[0].text : "no reason");
		agent_held_free(held);
		return false;
	}
	bool kept = apply->confirmed ? keep_for_now(core, held, apply->timeout, diags)
				     : keep_for_good(core, held, diags);
	if (kept)
		return true;
	core->occasion = EVIDENCE_REVERT;
	agent_kernel_restore(core);
	agent_held_free(held);
	return false;
}

bool agent_commit_confirm(struct agent_core *core, struct diags *diags)
{
	if (!core->pending) {
		diag_error(diags, DIAG_STALE, NULL, "commit again",
			   "there is no commit to confirm; it was reverted");
		return false;
	}
	if (!agent_state_rename(core->options.state_dir, "pending", "confirmed", diags))
		return false;
	struct agent_held *held = core->pending;
	core->pending = NULL;
	now_confirmed(core, held);
	return true;
}

void agent_commit_revert(struct agent_core *core, enum agent_reason reason)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	drop_pending(core);
	core->occasion = EVIDENCE_REVERT;
	agent_kernel_restore(core);
	// Failing that, the next start reverts what is reverted already.
	bool removed = agent_state_remove(core->options.state_dir, "pending", &diags);
	const struct agent_held *held = core->confirmed;
	agent_core_note(core, AGENT_EVENT_REVERTED, "%s%s%s", agent_reason_name[reason],
			held ? "" : "; there is no policy now",
			removed ? "" : "; the state directory cannot be written");
	agent_tell(core, &(struct agent_message){
				 .type = AGENT_REVERTED,
				 .reverted = {.reason = reason,
					      .digest = held ? held->digest : NULL,
					      .running = held ? held->policy.running : NULL}});
	agent_pinholes_refresh(core, true);
	arena_fini(&arena);
}

bool agent_commit_cancel(struct agent_core *core, enum agent_reason reason, struct diags *diags)
{
	if (!core->pending) {
		diag_error(diags, DIAG_STALE, NULL, "nothing needs to be done",
			   "there is no commit to cancel; it was reverted");
		return false;
	}
	agent_commit_revert(core, reason);
	return true;
}

void agent_core_front_ended(struct agent_core *core)
{
	if (core->pending && !core->pending->persist)
		agent_commit_revert(core, AGENT_SESSION_END);
}

// --- the calendar ---

static bool is_due(const struct agent_core *core)
{
	const struct agent_policy *policy = &core->confirmed->policy;
	int64_t now = agent_wall(core);
	return now < policy->lowered_at ||
	       now > policy->lowered_at + (policy->horizon - policy->lowered_at) / 2;
}

static struct agent_held *lower_again(const struct agent_core *core)
{
	struct agent_held *held = agent_held_new();
	held->policy =
		core->confirmed
			->policy; // the ruleset is shared until agent_commit_relower copies it
	held->policy.lowered_at = agent_wall(core);
	held->policy.horizon = held->policy.lowered_at + AGENT_HORIZON;
	return held;
}

// A copy in the arena of `held`, by way of bytes.
static bool copy_policy(struct agent_held *held)
{
	cleanup(buf_fini) struct buf bytes;
	buf_init(&bytes);
	ir_ruleset_encode(&held->policy.ruleset, &bytes);
	struct wire_reader r = wire_reader(bytes.data, bytes.len);
	held->policy.running = arena_strdup(&held->arena, held->policy.running);
	return ir_ruleset_decode(&r, &held->arena, &held->policy.ruleset);
}

void agent_commit_relower(struct agent_core *core)
{
	core->relower = agent_ms(core) + HOUR_MS;
	if (!core->confirmed || core->pending || core->fight.on || !is_due(core))
		return;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	core->occasion = EVIDENCE_CALENDAR;
	struct agent_held *held = lower_again(core);
	bool ok = copy_policy(held);
	if (ok)
		agent_held_prepare(held, &core->options.point);
	if (ok && try_out(core, held, &diags) &&
	    agent_state_rename(core->options.state_dir, "next", "confirmed", &diags)) {
		agent_held_free(core->confirmed);
		core->confirmed = held;
		agent_core_note(core, AGENT_EVENT_RELOWERED, "generation %" PRIu32,
				held->policy.generation);
	} else {
		agent_held_free(held);
		agent_kernel_restore(core);
	}
	arena_fini(&arena);
}
