// SPDX-License-Identifier: Apache-2.0
// How things stand, for clients. The one idea: what is said of a rule comes from the kernel's last answer; a rule is
// enforced when that answer as a whole was equal, or when nothing in it speaks against this rule.
#include "agent/core_internal.h"

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
	out->lowered_at = held->policy.lowered_at;
	out->horizon = held->policy.horizon;
	out->generation = held->policy.generation;
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

// The rules of the normal form: those that can match a packet at all.
static struct map index_rules(const struct ir_ruleset *ruleset, struct arena *arena)
{
	struct map map = {.arena = arena};
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		map_put(&map, agent_rule_key(arena, rule->policy, rule->name),
			&ruleset->rule.at[i]);
	}
	return map;
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

static void add_rules(struct agent_core *core, struct arena *arena, struct agent_report *out)
{
	const struct agent_held *held = agent_in_force(core);
	const struct agent_point *point = &core->options.point;
	struct backend_counters counters = {.rules = 0};
	if (!held)
		return;
	if (point->ops->counters(point->backend, arena, &counters) < 0)
		counters = (struct backend_counters){.rules = 0};
	struct map normal = index_rules(&held->normal, arena),
		   different = index_differences(&core->seen.differences, arena);
	for (size_t i = 0; i < held->lowered.rule.len; i++) {
		const struct ir_rule *rule = &held->lowered.rule.at[i];
		const char *key = agent_rule_key(arena, rule->policy, rule->name);
		const struct backend_difference *difference = map_get(&different, key);
		const char *digest = map_get(&core->seen.rule_digest, key);
		struct agent_rule_state state = {
			.policy = rule->policy, .name = rule->name, .digest = digest};
		state.enforced =
			core->seen.equal || (!difference && (digest || !map_get(&normal, key)));
		if (!state.enforced)
			state.difference =
				difference && difference->found ? difference->found : "not there";
		if (i < counters.rules)
			state.count = counters.rule[i];
		vec_push(arena, &out->rule, state);
	}
}

void agent_report_make(struct agent_core *core, struct arena *arena, struct agent_report *out)
{
	uint64_t now = agent_ms(core);
	*out = (struct agent_report){
		.boot_time = core->boot_time,
		.verified_at = core->seen.at,
		.enforcement = enforcement_of(core),
		.pending = core->pending != NULL,
		.persist = core->pending ? core->pending->persist : NULL,
		.repairs = core->repairs,
		.differences = core->seen.differences,
	};
	if (core->pending && core->deadline > now)
		out->seconds_left = (uint32_t)((core->deadline - now + 999) / 1000);
	agent_report_digests(core, &out->digests);
	add_rules(core, arena, out);
	agent_pinholes_refresh(core, false);
	out->pinholes = core->ledger.open;
	agent_events_list(core->events, arena, out);
}
