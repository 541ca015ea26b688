// SPDX-License-Identifier: Apache-2.0
// What is meant against what is there. The one idea: the kernel's answer is digested by itself, without looking at what
// was meant; only then are the two compared, and only where they differ is it worked out how.
// What it does not: put anything into the kernel; core.c does.
#include "agent/held.h"

#include "ir/digest.h"
#include "pki/pki.h"

#include <stdlib.h>
#include <string.h>

void agent_digest(const struct ir_ruleset *ruleset, char out[static AGENT_DIGEST_TEXT])
{
	struct ir_digest digest = ir_ruleset_digest(ruleset);
	pki_digest_text(digest.octet, out);
}

struct agent_held *agent_held_new(void)
{
	struct agent_held *held = base_oom(calloc(1, sizeof(*held)));
	arena_init(&held->arena);
	return held;
}

void agent_held_free(struct agent_held *held)
{
	if (!held)
		return;
	arena_fini(&held->arena);
	free(held);
}

void agent_held_prepare(struct agent_held *held, const struct agent_point *point)
{
	held->lowered = held->normal = (struct ir_ruleset){.default_action = IR_NONE};
	ir_ruleset_lower_time(&held->policy.ruleset, &held->arena, held->policy.lowered_at,
			      held->policy.horizon, &held->lowered);
	point->normal(&held->lowered, &held->arena, &held->normal);
	agent_digest(&held->lowered, held->intended);
	agent_digest(&held->normal, held->digest);
}

bool agent_held_nothing(const struct agent_held *held)
{
	return !held ||
	       (!held->policy.ruleset.rule.len && held->policy.ruleset.default_action == IR_NONE);
}

// --- looking ---

void agent_seen_init(struct agent_seen *seen)
{
	*seen = (struct agent_seen){.at = 0};
	arena_init(&seen->arena);
}

void agent_seen_fini(struct agent_seen *seen)
{
	arena_fini(&seen->arena);
}

const char *agent_rule_key(struct arena *arena, const char *policy, const char *name)
{
	return arena_printf(arena, "%s\n%s", policy ? policy : "", name ? name : "");
}

static void digest_rules(struct agent_seen *seen, const struct ir_ruleset *ruleset)
{
	seen->rule_digest = (struct map){.arena = &seen->arena};
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		char *text = arena_alloc(&seen->arena, AGENT_DIGEST_TEXT);
		struct ir_digest digest = ir_rule_digest(rule);
		pki_digest_text(digest.octet, text);
		map_put(&seen->rule_digest, agent_rule_key(&seen->arena, rule->policy, rule->name),
			text);
	}
}

static bool is_equal(const struct agent_seen *seen, const struct backend_state *state,
		     const struct agent_held *held)
{
	bool nothing = agent_held_nothing(held);
	if (state->strange.list.len || state->deployed == nothing)
		return false;
	return nothing || strcmp(seen->digest, held->digest) == 0;
}

int agent_seen_look(struct agent_seen *seen, const struct agent_point *point,
		    const struct agent_held *held, int64_t now)
{
	agent_seen_fini(seen);
	agent_seen_init(seen);
	seen->differences.arena = &seen->arena;
	struct backend_state state = {.strange.arena = &seen->arena};
	int r = point->ops->read_back(point->backend, &seen->arena, &state);
	if (r < 0)
		return r;
	seen->at = now;
	seen->deployed = state.deployed;
	if (state.deployed) {
		agent_digest(&state.ruleset, seen->digest);
		digest_rules(seen, &state.ruleset);
	}
	seen->equal = is_equal(seen, &state, held);
	if (seen->equal)
		return 0;
	return point->ops->compare(point->backend, agent_held_nothing(held) ? NULL : &held->lowered,
				   &seen->differences);
}
