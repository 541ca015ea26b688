// SPDX-License-Identifier: Apache-2.0
// When the kernel is read back, and what is recorded of it. The one idea: every look is a proof of something, so every
// look leaves a record, whatever came of it; and a look is only as frequent as it is cheap. Changes that are told are
// looked at no sooner than the last look took after it, and then all at once; a full proof without any reason comes no
// sooner than twenty times that.
// What it does not: judge (seen.c), repair (kernel.c), keep and sign (evidence.c).
#include "agent/core_internal.h"

#include <stdlib.h>
#include <string.h>

enum { SHARE = 20 }; // of a full proof: a twentieth of the time at the most

static const char full[] = "full read-back, exact comparison",
		  of_a_change[] = "read-back of what a change touches, exact comparison";

// --- the record ---

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void add_differences(const struct agent_seen *seen, struct arena *arena,
			    struct evidence_record *out)
{
	size_t total = seen->differences.list.len;
	out->differences = (uint32_t)total;
	for (size_t i = 0; i < total && i < EVIDENCE_DIFFERENCES; i++) {
		const struct backend_difference *d = &seen->differences.list.at[i];
		vec_push(arena, &out->difference,
			 (struct evidence_difference){.kind = backend_change_name[d->change],
						      .policy = d->policy,
						      .rule = d->rule,
						      .intended = d->intended,
						      .found = d->found,
						      .witness = d->witness});
	}
}

static void add_policy(const struct agent_held *held, struct evidence_record *out)
{
	if (!held)
		return;
	out->commit = held->persist;
	out->generation = held->generation;
	out->rules = (uint32_t)held->lowered.rule.len;
	out->intended = held->intended;
	out->policy = held->digest;
	out->lowered_at = held->lowered_at;
	out->horizon = held->horizon;
}

// The policy is not known although something may be in force.
static bool is_blind(const struct agent_core *core, const struct agent_held *held)
{
	return core->unknown && !held;
}

static void judge(const struct agent_core *core, const struct agent_held *held, int error,
		  struct evidence_record *out)
{
	out->result = core->seen.equal ? EVIDENCE_EQUAL : EVIDENCE_DIFFERENT;
	if (error >= 0 && !is_blind(core, held))
		return;
	out->result = EVIDENCE_UNKNOWN;
	out->fault =
		error < 0 ? strerror(-error) : "what was intended could not be read from the disk";
}

static void record(struct agent_core *core, const struct agent_held *held, int error,
		   struct evidence_record *found)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	uint64_t serial;
	arena_init(&arena);
	diags_init(&diags, &arena);
	found->trigger = core->occasion;
	found->back_end = core->options.point.ops->name;
	found->generation = core->generation;
	found->enforced = or_null(core->seen.digest);
	add_policy(held, found);
	add_differences(&core->seen, &arena, found);
	judge(core, held, error, found);
	if (agent_evidence_add(core->evidence, found, &diags, &serial))
		agent_tell(core, &(struct agent_message){.type = AGENT_PROVEN,
							 .proven = {.serial = serial,
								    .trigger = found->trigger,
								    .result = found->result}});
	else
		agent_core_note(core, AGENT_EVENT_EVIDENCE, "%s", diags.list.at[0].text);
}

// --- looking ---

// A tenth earlier or later, so that many functions do not look at the same time. The digest of the last record is as
// good as chance for that.
static uint64_t spread(const struct agent_core *core)
{
	uint64_t every = core->options.proof_ms;
	unsigned chance = core->evidence ? agent_evidence_chance(core->evidence) : 0x80;
	return every - every / 10 + every / 5 * chance / 0xff;
}

static void set_periodic(struct agent_core *core, uint64_t now, uint64_t took)
{
	uint64_t every = spread(core);
	core->look.periodic = !core->options.proof_ms
				      ? UINT64_MAX
				      : now + (every > SHARE * took ? every : SHARE * took);
}

// Whatever was told before is seen. A look at what a change touches is no full proof.
static void set_next(struct agent_core *core, uint64_t now, uint64_t took)
{
	core->look.last = now;
	core->look.took = took;
	core->look.changed = UINT64_MAX;
	if (core->seen.whole)
		set_periodic(core, now, took);
}

typedef int look_fn(struct agent_seen *seen, const struct agent_point *point,
		    const struct agent_held *held, int64_t now);

static int look(struct agent_core *core, const struct agent_held *held, look_fn *fn)
{
	struct evidence_record found = {.time = agent_wall(core)};
	uint64_t began = agent_ms(core);
	int r = fn(&core->seen, &core->options.point, held, found.time);
	uint64_t now = agent_ms(core), took = now - began;
	found.method = core->seen.whole ? full : of_a_change;
	found.milliseconds = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
	set_next(core, now, took);
	if (core->evidence)
		record(core, held, r, &found);
	return r;
}

// Told when it becomes another.
static void tell_foreign(struct agent_core *core, const struct agent_held *held)
{
	const struct agent_point *point = &core->options.point;
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	struct backend_others others = {.arena = &arena};
	if (agent_held_nothing(held) || !point->ops->others ||
	    point->ops->others(point->backend, &held->lowered, &others) < 0)
		return;
	const struct backend_other *first = others.list.len ? &others.list.at[0] : NULL;
	const char *text =
		!first ? NULL
		       : arena_printf(&arena, "%zu; first: %s: %s%s%s", others.list.len,
				      first->where, first->rule, first->witness ? "; drops " : "",
				      first->witness ? first->witness : "");
	bool same = text && core->foreign ? !strcmp(text, core->foreign) : !text && !core->foreign;
	if (same)
		return;
	free(core->foreign);
	core->foreign = text ? base_oom(strdup(text)) : NULL;
	agent_core_note(core, AGENT_EVENT_FOREIGN, "%s", text ? text : "there are none any more");
}

int agent_proof_look(struct agent_core *core, const struct agent_held *held)
{
	int r = look(core, held, agent_seen_look);
	if (r >= 0 && core->seen.equal)
		tell_foreign(core, held);
	return r;
}

int agent_proof_look_changed(struct agent_core *core, const struct agent_held *held)
{
	return look(core, held, agent_seen_look_changed);
}

// --- waiting ---

bool agent_proof_too_soon(struct agent_core *core)
{
	uint64_t soonest = core->look.last + core->look.took;
	if (soonest <= agent_ms(core))
		return false;
	if (core->look.changed > soonest)
		core->look.changed = soonest;
	return true;
}

uint64_t agent_proof_due(const struct agent_core *core)
{
	return core->look.changed < core->look.periodic ? core->look.changed : core->look.periodic;
}

void agent_proof_tick(struct agent_core *core)
{
	uint64_t now = agent_ms(core);
	bool changed = core->look.changed <= now;
	if (!changed && core->look.periodic > now)
		return;
	core->occasion = changed ? EVIDENCE_CHANGE : EVIDENCE_PERIODIC;
	core->look.changed = UINT64_MAX;
	// While it is being repaired, or nothing of ours is in use, there is nothing to prove.
	if (core->fight.on || !agent_in_force(core))
		set_periodic(core, now, 0);
	else
		agent_kernel_examine(core);
}
