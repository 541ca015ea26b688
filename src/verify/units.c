// SPDX-License-Identifier: Apache-2.0
// What an author calls one rule may have become several on the way into the IR; findings speak of it as one.
#include "verify/verify.h"

#include <string.h>

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool one_unit(const struct ir_rule *a, const struct ir_rule *b)
{
	return a->name && same_name(a->name, b->name) && same_name(a->policy, b->policy) &&
	       a->verdict == b->verdict && a->log == b->log && a->flow == b->flow &&
	       ir_rate_equal(a->rate, b->rate);
}

void verify_units(const struct ir_ruleset *ruleset, struct arena *arena, size_t **out)
{
	const struct ir_rule *rule = ruleset->rule.at;
	size_t *unit = arena_array(arena, size_t, ruleset->rule.len + 1);
	for (size_t i = 0; i < ruleset->rule.len; i++)
		unit[i] = i && one_unit(&rule[i - 1], &rule[i]) ? unit[i - 1] : i;
	*out = unit;
}
