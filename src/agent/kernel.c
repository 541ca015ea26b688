// SPDX-License-Identifier: Apache-2.0
// Putting policies into the kernel, and defending them. The one idea: nothing counts as enforced before it was read back
// and found equal. Somebody who changes the rules again and again meets a repair each time, at the latest a second
// later; in between the kernel is never emptied by us.
// What it does not: decide which policy is to be in force; commit.c does.
#include "agent/core_internal.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

enum {
	QUIET_MS = 10000,
	PATIENT_ROUNDS = 3,
	FIRST_DELAY_MS = 50,
	LAST_DELAY_MS = 1000,
	SETTLE_MS = 1000 // after the last change
};

bool agent_look(struct agent_core *core)
{
	return agent_proof_look(core, agent_in_force(core)) == 0 && core->seen.equal;
}

static void explain(const struct agent_seen *seen, struct diags *diags)
{
	static const char hint[] =
		"this should not happen: report it with the policy and the kernel's version";
	for (size_t i = 0; i < seen->differences.list.len; i++) {
		const struct backend_difference *d = &seen->differences.list.at[i];
		diag_add(diags,
			 &(struct diag){.code = DIAG_DRIFT,
					.policy = d->policy,
					.rule = d->rule,
					.hint = hint},
			 "read back from the kernel: %s: intended %s, found %s%s%s",
			 backend_change_name[d->change], d->intended ? d->intended : "nothing",
			 d->found ? d->found : "nothing",
			 d->witness ? "; for example the packet " : "",
			 d->witness ? d->witness : "");
	}
	if (!seen->differences.list.len)
		diag_error(diags, DIAG_DRIFT, NULL, hint,
			   "the rules that were read back from the kernel are not the policy's");
}

// What the look at the kernel has shown.
static enum agent_put judge(const struct agent_core *core, int r, struct diags *diags)
{
	if (r == 0 && core->seen.equal)
		return AGENT_PUT;
	if (r < 0)
		diag_error(diags, DIAG_FAILED, NULL, "see the kernel's log",
			   "the rules could not be read back: %s", strerror(-r));
	else
		explain(&core->seen, diags);
	return AGENT_PUT_DIFFERS;
}

enum agent_put agent_kernel_put(struct agent_core *core, struct agent_held *held,
				struct diags *diags)
{
	const struct agent_point *point = &core->options.point;
	held->generation = ++core->generation;
	agent_proof_touch(core);
	int done = agent_held_nothing(held)
			   ? point->ops->clear(point->backend, diags)
			   : point->ops->apply(point->backend, &held->lowered, diags);
	if (done != BACKEND_DONE)
		return AGENT_PUT_REFUSED;
	return judge(core, agent_proof_look(core, held), diags);
}

// A change needs something in the kernel that is known to be what was in force, and leaves something there.
static bool can_change(const struct agent_core *core)
{
	return core->options.point.ops->change && core->seen.equal && core->seen.deployed &&
	       !core->fight.on && !agent_held_nothing(core->held);
}

enum agent_put agent_kernel_change(struct agent_core *core, const struct agent_edits *edits,
				   struct diags *diags)
{
	const struct agent_point *point = &core->options.point;
	struct agent_held *held = core->held;
	if (core->seen.equal && !edits->edits)
		return AGENT_PUT;
	if (!can_change(core))
		return agent_kernel_put(core, held, diags);
	agent_proof_touch(core);
	int done = point->ops->change(point->backend, &held->lowered, edits->edit, edits->edits,
				      diags);
	if (done == BACKEND_ANEW)
		return agent_kernel_put(core, held, diags);
	held->generation = ++core->generation;
	if (done != BACKEND_DONE)
		return AGENT_PUT_REFUSED;
	if (point->ops->settle)
		core->settle = agent_ms(core) + SETTLE_MS;
	return judge(core, agent_proof_look_changed(core, held), diags);
}

void agent_kernel_settle(struct agent_core *core)
{
	const struct agent_point *point = &core->options.point;
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	core->settle = UINT64_MAX;
	if (!can_change(core))
		return;
	agent_proof_touch(core);
	int done = point->ops->settle(point->backend, &core->held->lowered, &diags);
	if (done == BACKEND_SETTLED)
		return;
	core->occasion = EVIDENCE_SETTLE;
	if (done != BACKEND_DONE || agent_proof_look_changed(core, core->held) || !core->seen.equal)
		agent_proof_examine(core, EVIDENCE_SETTLE);
}

struct agent_held *agent_kernel_closed(const struct agent_core *core)
{
	struct agent_held *held = agent_held_new();
	held->lowered.default_action = IR_DROP;
	held->running.base = "";
	agent_held_prepare(held, &core->options.point);
	return held;
}

static bool restore(struct agent_core *core, struct diags *diags)
{
	const struct agent_point *point = &core->options.point;
	// What was there when the books could not be read is gone: then nothing is to pass.
	if (!agent_in_force(core) && core->unknown && !core->options.keep_open)
		core->fallback = agent_kernel_closed(core);
	struct agent_held *held = agent_in_force(core);
	if (held)
		return agent_kernel_put(core, held, diags) == AGENT_PUT;
	agent_proof_touch(core);
	return point->ops->clear(point->backend, diags) == 0 && agent_look(core);
}

// --- repairing ---

static uint64_t delay_of(const struct agent_fight *fight)
{
	if (fight->rounds < PATIENT_ROUNDS)
		return 0;
	unsigned doublings = fight->rounds - PATIENT_ROUNDS;
	return doublings > 4 ? LAST_DELAY_MS : (uint64_t)FIRST_DELAY_MS << doublings;
}

static void begin_fight(struct agent_core *core)
{
	struct agent_fight *fight = &core->fight;
	uint64_t now = agent_ms(core);
	if (fight->on)
		return;
	fight->rounds = now - fight->last < QUIET_MS ? fight->rounds + 1 : 0;
	fight->on = true;
	fight->since = now;
	fight->due = now + delay_of(fight);
}

static void end_fight(struct agent_core *core)
{
	struct agent_fight *fight = &core->fight;
	uint64_t now = agent_ms(core);
	fight->on = false;
	fight->last = now;
	core->repairs++;
	agent_core_note(core, AGENT_EVENT_REPAIRED, "after %llu ms",
			(unsigned long long)(now - fight->since));
	agent_tell(core, &(struct agent_message){
				 .type = AGENT_REPAIRED,
				 .repaired = {.generation = core->generation,
					      .milliseconds = (uint32_t)(now - fight->since)}});
}

static void note_failure(struct agent_core *core, const struct diags *diags)
{
	const struct diag *first = diags->list.len ? &diags->list.at[0] : NULL;
	agent_core_note(core, AGENT_EVENT_UNREPAIRED, "%s",
			first ? first->text : "the kernel gave no reason");
}

void agent_kernel_repair(struct agent_core *core)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	core->occasion = EVIDENCE_REPAIR;
	if (restore(core, &diags)) {
		end_fight(core);
		agent_pinholes_refresh(core, true);
	} else {
		note_failure(core, &diags);
		core->fight.rounds++;
		core->fight.due = agent_ms(core) + (delay_of(&core->fight) ? delay_of(&core->fight)
									   : FIRST_DELAY_MS);
	}
	arena_fini(&arena);
}

void agent_kernel_restore(struct agent_core *core)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (restore(core, &diags)) {
		core->fight.on = false;
	} else {
		note_failure(core, &diags);
		begin_fight(core);
	}
	arena_fini(&arena);
}

// --- watching ---

static void tell_drift(struct agent_core *core)
{
	struct backend_differences shown = core->seen.differences;
	size_t total = shown.list.len;
	const struct backend_difference *first = total ? &shown.list.at[0] : NULL;
	if (total > AGENT_DRIFT_MOST)
		shown.list.len = AGENT_DRIFT_MOST;
	agent_core_note(core, AGENT_EVENT_DRIFT, "%zu differences%s%s%s%s%s", total,
			first ? "; first: " : "", first ? backend_change_name[first->change] : "",
			first && first->rule ? " rule " : "",
			first && first->rule ? first->rule : "",
			first && first->found ? ", found other" : "");
	agent_tell(core, &(struct agent_message){
				 .type = AGENT_DRIFT,
				 .drift = {.differences = shown, .total = (uint32_t)total}});
}

void agent_kernel_noticed(struct agent_core *core)
{
	if (!core->fight.on)
		tell_drift(core);
	begin_fight(core);
}

void agent_core_watch(struct agent_core *core)
{
	const struct agent_point *point = &core->options.point;
	if (!point->ops->watch_drain(point->backend))
		return;
	if (!agent_in_force(core))
		return; // what others do to a place that is not in use is not ours to judge
	agent_proof_changed(core);
}
