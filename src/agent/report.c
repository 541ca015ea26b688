// SPDX-License-Identifier: Apache-2.0
// How things stand, for clients. The one idea: what is said of a rule comes from the kernel's last answer; a rule is
// enforced when that answer as a whole was equal, or when nothing in it speaks against this rule.
#include "agent/core_internal.h"

#include "ir/digest.h"
#include "pki/pki.h"

#include <string.h>

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

void agent_report_digests(const struct agent_core *core, struct agent_digests *out)
{
	const struct agent_held *held = agent_in_force(core);
	*out = (struct agent_digests){.enforced = or_null(core->seen.digest),
				      .generation = core->generation};
	if (!held)
		return;
	out->intended = held->intended;
	out->policy = held->digest;
	out->lowered_at = held->lowered_at;
	out->horizon = held->horizon;
	out->generation = held->generation;
}

static enum agent_enforcement enforcement_of(const struct agent_core *core)
{
	if (core->unknown && !core->pending)
		return AGENT_UNKNOWN;
	if (core->fight.on || !core->seen.equal)
		return AGENT_DRIFTED;
	if (agent_held_nothing(agent_in_force(core)))
		return AGENT_NONE;
	return core->pending ? AGENT_PENDING : AGENT_ENFORCED;
}

static struct map index_differences(const struct backend_differences *differences,
				    struct arena *arena)
{
	struct map map = {.arena = arena};
	for (size_t i = 0; i < differences->list.len; i++) {
		struct backend_difference *d = &differences->list.at[i];
		if (d->rule)
			map_put(&map, agent_rule_key(arena, d->policy, d->rule), d);
	}
	return map;
}

// The digest of the rule as the kernel has it, and whether it is there. What was proven equal has the digests of what was
// meant; of the rest only that is said which was read back. Rules that no packet can match are in no kernel.
static void judge_rule(const struct agent_core *core, size_t i, struct arena *arena,
		       const struct backend_difference *difference, struct agent_rule_state *out)
{
	static const struct ir_digest none;
	const struct ir_digest *normal = ir_digests_at(agent_in_force(core)->normal_of, i);
	bool any = memcmp(normal, &none, sizeof(none)) != 0;
	if (core->seen.equal) {
		char *text = any ? arena_alloc(arena, AGENT_DIGEST_TEXT) : NULL;
		if (any)
			pki_digest_text(normal->octet, text);
		out->digest = text;
		out->enforced = true;
		return;
	}
	out->digest =
		map_get(&core->seen.rule_digest, agent_rule_key(arena, out->policy, out->name));
	out->enforced = !difference && (out->digest || !any);
	if (!out->enforced)
		out->difference = difference && difference->found ? difference->found : "not there";
}

static void add_rules(struct agent_core *core, struct arena *arena, struct agent_report *out)
{
	const struct agent_held *held = agent_in_force(core);
	const struct agent_point *point = &core->options.point;
	struct backend_counters counters = {.rules = 0};
	if (!held)
		return;
	if (point->ops->counters(point->backend, &held->lowered, arena, &counters) < 0)
		counters = (struct backend_counters){.rules = 0};
	struct map different = index_differences(&core->seen.differences, arena);
	for (size_t i = 0; i < held->lowered.rule.len; i++) {
		const struct ir_rule *rule = &held->lowered.rule.at[i];
		struct agent_rule_state state = {.policy = rule->policy, .name = rule->name};
		judge_rule(core, i, arena,
			   map_get(&different, agent_rule_key(arena, rule->policy, rule->name)),
			   &state);
		if (i < counters.rules)
			state.count = counters.rule[i];
		vec_push(arena, &out->rule, state);
	}
}

// What others have put beside the policy; when that cannot be read nothing is said.
static void add_others(const struct agent_core *core, struct arena *arena, struct agent_report *out)
{
	const struct agent_held *held = agent_in_force(core);
	const struct agent_point *point = &core->options.point;
	out->others.arena = arena;
	if (agent_held_nothing(held) || !point->ops->others ||
	    point->ops->others(point->backend, &held->lowered, &out->others) < 0)
		out->others.list.len = 0;
}

void agent_report_make(struct agent_core *core, struct arena *arena, struct agent_report *out)
{
	uint64_t now = agent_ms(core);
	*out = (struct agent_report){
		.boot_time = core->boot_time,
		.verified_at = core->seen.at,
		.enforcement = enforcement_of(core),
		.pending = core->pending,
		.persist = core->pending ? core->held->persist : NULL,
		.repairs = core->repairs,
		.differences = core->seen.differences,
	};
	if (core->pending && core->deadline > now)
		out->seconds_left = (uint32_t)((core->deadline - now + 999) / 1000);
	agent_report_digests(core, &out->digests);
	add_rules(core, arena, out);
	add_others(core, arena, out);
	agent_pinholes_refresh(core, false);
	out->pinholes = core->ledger.open;
	agent_events_list(core->events, arena, out);
}
