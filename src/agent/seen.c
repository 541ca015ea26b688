// SPDX-License-Identifier: Apache-2.0
// What is there, against what is meant. The one idea: the back end proves whether the kernel does what was meant; only
// where it does not are the kernel's rules told one by one.
// What it does not: put anything into the kernel (kernel.c).
#include "agent/held.h"

#include "ir/digest.h"
#include "pki/pki.h"

#include <string.h>

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

static void begin(struct agent_seen *seen)
{
	agent_seen_fini(seen);
	agent_seen_init(seen);
	seen->differences.arena = &seen->arena;
}

// What was proven to be there has the digest of what was meant; what was read for it is needed no more.
static void found_equal(struct agent_seen *seen, const struct agent_held *held)
{
	arena_fini(&seen->arena);
	seen->equal = true;
	seen->deployed = !agent_held_nothing(held);
	if (seen->deployed)
		memcpy(seen->digest, held->digest, sizeof(seen->digest));
}

static int found_different(struct agent_seen *seen, const struct agent_point *point)
{
	struct backend_state state = {.strange.arena = &seen->arena};
	int r = point->ops->read_back(point->backend, &seen->arena, &state);
	if (r < 0)
		return r;
	seen->deployed = state.deployed;
	if (state.deployed) {
		agent_digest(&state.ruleset, seen->digest);
		digest_rules(seen, &state.ruleset);
	}
	return 0;
}

int agent_seen_look(struct agent_seen *seen, const struct agent_point *point,
		    const struct agent_held *held, int64_t now)
{
	begin(seen);
	seen->whole = true;
	int r = point->ops->compare(point->backend,
				    agent_held_nothing(held) ? NULL : &held->lowered,
				    &seen->differences);
	if (r < 0)
		return r;
	seen->at = now;
	if (seen->differences.list.len)
		return found_different(seen, point);
	found_equal(seen, held);
	return 0;
}

int agent_seen_look_changed(struct agent_seen *seen, const struct agent_point *point,
			    const struct agent_held *held, int64_t now)
{
	if (!point->ops->compare_changed)
		return agent_seen_look(seen, point, held, now);
	begin(seen);
	int r = point->ops->compare_changed(point->backend, &held->lowered, &seen->differences);
	// Differences are worked out by those who look at everything.
	if (r < 0 || seen->differences.list.len)
		return agent_seen_look(seen, point, held, now);
	seen->at = now;
	found_equal(seen, held);
	return 0;
}
