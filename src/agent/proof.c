// SPDX-License-Identifier: Apache-2.0
// When the kernel is read back, and what is recorded of it. The one idea: every look is a proof of something, so every
// look leaves a record, whatever came of it; and a look is only as frequent as it is cheap. Changes that are told are
// looked at no sooner than the last look took after it, and then all at once; a full proof without any reason comes no
// sooner than twenty times that.
// What it does not: judge (seen.c), repair (kernel.c), keep and sign (evidence.c).
#include "agent/core_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SHARE = 20,      // of a full proof: a twentieth of the time at the most
	SPOILT_MOST = 3, // looks beside, in a row
	AGAIN_MS = 1000  // after one
};

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

// What stays as it is now, whatever becomes of the policy.
static void add_policy(const struct agent_held *held, struct arena *arena,
		       struct evidence_record *out)
{
	if (!held)
		return;
	out->commit = arena_strdup(arena, held->persist);
	out->generation = held->generation;
	out->rules = (uint32_t)held->lowered.rule.len;
	out->intended = arena_strdup(arena, held->intended);
	out->policy = arena_strdup(arena, held->digest);
	out->lowered_at = held->lowered_at;
	out->horizon = held->horizon;
}

// The policy is not known although something may be in force.
static bool is_blind(const struct agent_core *core, const struct agent_held *held)
{
	return core->unknown && !held;
}

// What is looked at, when, and why.
static void begin_record(const struct agent_core *core, const struct agent_held *held,
			 struct arena *arena, struct evidence_record *out)
{
	*out = (struct evidence_record){.time = agent_wall(core),
					.trigger = core->occasion,
					.back_end = core->options.point.ops->name,
					.generation = core->generation};
	add_policy(held, arena, out);
}

static const char *fault_of(int error)
{
	if (error >= 0)
		return "what was intended could not be read from the disk";
	return error == -EPIPE ? "the process that looked ended too early" : strerror(-error);
}

struct outcome {
	const struct agent_seen *seen;
	int error;
	bool blind;
	uint64_t took; // milliseconds
};

static void judge(const struct outcome *of, struct evidence_record *out)
{
	out->result = of->seen->equal ? EVIDENCE_EQUAL : EVIDENCE_DIFFERENT;
	if (of->error >= 0 && !of->blind)
		return;
	out->result = EVIDENCE_UNKNOWN;
	out->fault = fault_of(of->error);
}

static void end_record(struct agent_core *core, const struct outcome *of,
		       struct evidence_record *found)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	uint64_t serial;
	arena_init(&arena);
	if (!core->evidence)
		return;
	diags_init(&diags, &arena);
	found->method = of->seen->whole ? full : of_a_change;
	found->milliseconds = of->took > UINT32_MAX ? UINT32_MAX : (uint32_t)of->took;
	found->enforced = or_null(of->seen->digest);
	add_differences(of->seen, &arena, found);
	judge(of, found);
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
	struct arena arena cleanup(arena_fini);
	struct evidence_record found;
	arena_init(&arena);
	begin_record(core, held, &arena, &found);
	uint64_t began = agent_ms(core);
	int r = fn(&core->seen, &core->options.point, held, found.time);
	uint64_t now = agent_ms(core);
	struct outcome of = {&core->seen, r, is_blind(core, held), now - began};
	set_next(core, now, of.took);
	end_record(core, &of, &found);
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

// --- looking beside what goes on ---

static void answer(struct agent_core *core, uint32_t id)
{
	struct agent_message message = {
		.type = AGENT_PROOF,
		.id = id,
		.proof = {.equal = core->seen.equal, .differences = core->seen.differences}};
	agent_report_digests(core, &message.proof.digests);
	agent_tell(core, &message);
}

// Those who asked before the look began.
static void answer_requests(struct agent_core *core)
{
	for (struct agent_request **at = &core->errand.request; *at;) {
		struct agent_request *request = *at;
		if (request->later) {
			request->later = false;
			at = &request->next;
			continue;
		}
		*at = request->next;
		answer(core, request->id);
		free(request);
	}
}

void agent_proof_forget_requests(struct agent_core *core)
{
	while (core->errand.request) {
		struct agent_request *request = core->errand.request;
		core->errand.request = request->next;
		free(request);
	}
}

// What is in force was looked at, and nothing was changed since.
static void conclude(struct agent_core *core, int error)
{
	bool equal = error == 0 && core->seen.equal;
	core->errand.spoilt = 0;
	answer_requests(core);
	if (equal)
		core->fight.on = false; // whoever it was has mended it
	if (equal || !agent_in_force(core))
		return;
	agent_kernel_noticed(core);
	if (core->fight.due <= agent_ms(core))
		agent_kernel_repair(core);
}

static bool begin_beside(struct agent_core *core)
{
	const struct agent_core_aside *aside = core->options.aside;
	const struct agent_held *held = agent_in_force(core);
	struct agent_errand *errand = &core->errand;
	if (!aside || errand->spoilt >= SPOILT_MOST ||
	    !aside->begin(core->options.context, held, agent_wall(core)))
		return false;
	arena_fini(&errand->arena);
	begin_record(core, held, &errand->arena, &errand->record);
	errand->blind = is_blind(core, held);
	errand->began = agent_ms(core);
	errand->on = true;
	errand->older = errand->told = false;
	return true;
}

void agent_proof_examine(struct agent_core *core, enum evidence_trigger occasion)
{
	struct agent_errand *errand = &core->errand;
	if (errand->on) {
		errand->told = true;
		return;
	}
	core->occasion = errand->occasion = occasion;
	errand->due = UINT64_MAX;
	if (!begin_beside(core))
		conclude(core, agent_proof_look(core, agent_in_force(core)));
}

// Nothing is known from it: it is made again, after some such tries while everything else waits.
static void spoil(struct agent_core *core, uint64_t wait)
{
	core->errand.spoilt++;
	core->errand.due = agent_ms(core) + wait;
}

void agent_proof_touch(struct agent_core *core)
{
	const struct agent_core_aside *aside = core->options.aside;
	struct agent_errand *errand = &core->errand;
	if (!errand->on || errand->older)
		return;
	errand->older = aside->await_read(core->options.context);
	if (errand->older)
		return;
	aside->stop(core->options.context);
	errand->on = false;
	spoil(core, AGAIN_MS);
}

void agent_proof_request(struct agent_core *core, uint32_t id)
{
	struct agent_errand *errand = &core->errand;
	struct agent_request *request = base_oom(calloc(1, sizeof(*request))), **end;
	*request = (struct agent_request){.id = id, .later = errand->on};
	for (end = &errand->request; *end; end = &(*end)->next)
		;
	*end = request;
	if (!errand->on && errand->due == UINT64_MAX)
		agent_proof_examine(core, EVIDENCE_REQUEST);
}

// It speaks of what is in force.
static void take_looked(struct agent_core *core, struct agent_looked *looked, uint64_t took)
{
	const struct agent_point *point = &core->options.point;
	const struct agent_held *held = agent_in_force(core);
	agent_seen_move(&core->seen, &looked->seen);
	set_next(core, agent_ms(core), took);
	if (core->seen.equal && core->seen.deployed)
		point->ops->adopt(point->backend, looked->proven.data, looked->proven.len);
	if (core->seen.equal)
		tell_foreign(core, held);
	conclude(core, looked->error);
}

// It speaks of what was in force: that is recorded. That it was equal then, and each change since was seen to be, is
// what there is to know; if it was not, what is in force now is to be looked at.
static void take_older(struct agent_core *core, const struct agent_looked *looked, uint64_t took)
{
	core->look.last = agent_ms(core);
	core->look.took = took;
	if (looked->error || !looked->seen.equal) {
		spoil(core, 0);
		return;
	}
	core->errand.spoilt = 0;
	set_periodic(core, agent_ms(core), took);
	answer_requests(core);
}

// What has come while it was made.
static void go_on(struct agent_core *core)
{
	struct agent_errand *errand = &core->errand;
	uint64_t soonest = core->look.last + core->look.took;
	if (errand->told && core->look.changed > soonest)
		core->look.changed = soonest;
	if (errand->request && !errand->on && errand->due == UINT64_MAX)
		agent_proof_examine(core, EVIDENCE_REQUEST);
}

void agent_core_looked(struct agent_core *core, struct agent_looked *looked)
{
	struct agent_errand *errand = &core->errand;
	struct outcome of = {&looked->seen, looked->error, errand->blind,
			     agent_ms(core) - errand->began};
	errand->on = false;
	if (looked->error == -EAGAIN) { // changed again and again while it was read
		spoil(core, AGAIN_MS);
		return;
	}
	looked->seen.whole = true;
	end_record(core, &of, &errand->record);
	core->occasion = errand->occasion;
	if (errand->older)
		take_older(core, looked, of.took);
	else
		take_looked(core, looked, of.took);
	go_on(core);
}

// --- waiting ---

void agent_proof_changed(struct agent_core *core)
{
	uint64_t soonest = core->look.last + core->look.took;
	if (core->errand.on)
		core->errand.told = true;
	else if (soonest <= agent_ms(core))
		agent_proof_examine(core, EVIDENCE_CHANGE);
	else if (core->look.changed > soonest)
		core->look.changed = soonest;
}

// While one is being made, none is due.
uint64_t agent_proof_due(const struct agent_core *core)
{
	uint64_t due =
		core->look.changed < core->look.periodic ? core->look.changed : core->look.periodic;
	if (core->errand.on)
		return UINT64_MAX;
	return core->errand.due < due ? core->errand.due : due;
}

void agent_proof_tick(struct agent_core *core)
{
	uint64_t now = agent_ms(core);
	bool changed = core->look.changed <= now, again = core->errand.due <= now;
	if (agent_proof_due(core) > now)
		return;
	core->look.changed = changed ? UINT64_MAX : core->look.changed;
	// While it is being repaired, or nothing of ours is in use, there is nothing to prove.
	if (core->errand.request || (!core->fight.on && agent_in_force(core))) {
		agent_proof_examine(core, again     ? core->errand.occasion
					  : changed ? EVIDENCE_CHANGE
						    : EVIDENCE_PERIODIC);
		return;
	}
	core->errand.due = UINT64_MAX;
	set_periodic(core, now, 0);
}
