// SPDX-License-Identifier: Apache-2.0
// Rules that one rule of ours became, because a model's rules are narrower, become one again: by their names.
#include "codec/nfi_inner.h"

#include <string.h>

static bool same_rest(const struct ir_rule *a, const struct ir_rule *b)
{
	bool described = a->description && b->description;
	return a->flow == b->flow && a->verdict == b->verdict && a->log == b->log &&
	       a->priority == b->priority && ir_rate_equal(a->rate, b->rate) &&
	       (described ? !strcmp(a->description, b->description)
			  : !a->description && !b->description);
}

// Whether the second is a further part of the first's rule.
static bool same_unit(const struct nfi_name *a, const struct nfi_name *b)
{
	return a->clause && b->clause && a->run == b->run && !strcmp(a->policy, b->policy) &&
	       !strcmp(a->rule, b->rule);
}

struct named {
	struct ir_rule *rule;
	struct nfi_name *name;
	size_t len;
};

// The parts of one rule: first those of each clause, then the clauses. Returns how many rules are left.
static size_t join_unit(const struct named *unit, struct arena *arena)
{
	size_t kept = 0;
	for (size_t i = 0, run; i < unit->len; i += run) {
		for (run = 1; i + run < unit->len && unit->name[i].part &&
			      unit->name[i + run].clause == unit->name[i].clause;)
			run++;
		size_t left = run;
		if (run > 1)
			nfi_parts_join(&unit->rule[i], &left, arena);
		memmove(&unit->rule[kept], &unit->rule[i], left * sizeof(*unit->rule));
		kept += left;
	}
	nfi_rules_gather(unit->rule, &kept, arena);
	return kept;
}

void nfi_policy_join(struct ir_policy *policy, struct arena *arena)
{
	size_t n = policy->rule.len, kept = 0;
	struct ir_rule *rule = policy->rule.at;
	struct nfi_name *name = arena_array(arena, struct nfi_name, n);
	for (size_t i = 0; i < n; i++) {
		if (!nfi_name_read(rule[i].name, arena, &name[i]))
			name[i] = (struct nfi_name){.policy = policy->name, .rule = rule[i].name};
		rule[i].policy = name[i].policy;
		rule[i].name = name[i].rule;
	}
	for (size_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && same_unit(&name[i], &name[i + run]) &&
			      same_rest(&rule[i], &rule[i + run]);)
			run++;
		size_t left = join_unit(&(struct named){&rule[i], &name[i], run}, arena);
		memmove(&rule[kept], &rule[i], left * sizeof(*rule));
		kept += left;
	}
	policy->rule.len = kept;
}
