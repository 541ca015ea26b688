// SPDX-License-Identifier: Apache-2.0
// From configured rules to one list in which the first match decides: resolution strategies and
// priority usages. Numbers come first (higher wins, none is lowest); among equals fmr takes the
// earlier, lmr the later, pmrn the earlier, and pmre demands that rules of one number which overlap
// do the same.
#include "ir/ir.h"
#include "base/diag.h"

#include <stdlib.h>
#include <string.h>

static bool same_effect(const struct ir_rule *a, const struct ir_rule *b)
{
	return a->verdict == b->verdict && a->log == b->log && a->flow == b->flow &&
	       ir_rate_equal(a->rate, b->rate);
}

static bool rules_overlap(const struct ir_rule *a, const struct ir_rule *b)
{
	for (size_t i = 0; i < a->clauses; i++)
		for (size_t j = 0; j < b->clauses; j++)
			if (ir_clause_overlaps(&a->clause[i], &b->clause[j]))
				return true;
	return false;
}

static void report_tie(const struct ir_rule *a, const struct ir_rule *b, struct diags *diags)
{
	diag_add(diags,
		 &(struct diag){.code = DIAG_CONFLICT,
				.file = b->file,
				.line = b->line,
				.policy = b->policy,
				.rule = b->name,
				.hint = "give one of them another priority, or use the resolution "
					"strategy pmrn, "
					"where the earlier rule wins"},
		 "rules '%s' (%s) and '%s' (%s) of policy '%s' have the same priority %u and match "
		 "the same "
		 "packets, which the resolution strategy pmre does not allow",
		 a->name, ir_verdict_name[a->verdict], b->name, ir_verdict_name[b->verdict],
		 b->policy, b->priority);
}

void ir_rules_check_tie(const struct ir_rule *a, const struct ir_rule *b, struct diags *diags)
{
	if (!same_effect(a, b) && rules_overlap(a, b))
		report_tie(a, b, diags);
}

// `rule` is sorted: equal priorities are neighbours.
static void check_ties(const struct ir_rule *rule, size_t n, struct diags *diags)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n && rule[j].priority == rule[i].priority; j++)
			ir_rules_check_tie(&rule[i], &rule[j], diags);
}

// A stable sort by falling priority: one bucket a number.
static void sort_by_number(struct ir_rule *rule, size_t n, struct arena *arena)
{
	size_t start[257] = {0};
	for (size_t i = 0; i < n; i++)
		start[256 - rule[i].priority]++;
	for (unsigned k = 1; k < 257; k++)
		start[k] += start[k - 1];
	struct ir_rule *sorted = arena_array(arena, struct ir_rule, n);
	for (size_t i = 0; i < n; i++)
		sorted[start[255 - rule[i].priority]++] = rule[i];
	if (n)
		memcpy(rule, sorted, n * sizeof(*rule));
}

static void reverse(struct ir_rule *rule, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct ir_rule t = rule[i];
		rule[i] = rule[n - 1 - i];
		rule[n - 1 - i] = t;
	}
}

static void order_policy(const struct ir_policy *policy, struct arena *arena, struct diags *diags,
			 struct ir_ruleset *out)
{
	size_t n = policy->rule.len;
	struct ir_rule *rule = arena_memdup(arena, policy->rule.at, n * sizeof(*rule));
	if (policy->resolution == IR_LMR)
		reverse(rule, n);
	if (policy->usage == IR_BY_NUMBER) {
		sort_by_number(rule, n, arena);
		if (policy->resolution == IR_PMRE)
			check_ties(rule, n, diags);
	}
	for (size_t i = 0; i < n; i++)
		vec_push(arena, &out->rule, rule[i]);
}

static void agree_on_default(const struct ir_policy *policy, struct diags *diags,
			     struct ir_ruleset *out)
{
	if (policy->default_action == IR_NONE)
		return;
	if (out->default_action != IR_NONE && out->default_action != policy->default_action)
		diag_add(diags,
			 &(struct diag){
				 .code = DIAG_CONFLICT,
				 .policy = policy->name,
				 .hint = "give all policies of one NSF the same default-action"},
			 "policy '%s' has the default action %s, a policy before it has %s",
			 policy->name, ir_verdict_name[policy->default_action],
			 ir_verdict_name[out->default_action]);
	out->default_action = policy->default_action;
}

void ir_document_order(const struct ir_document *document, struct arena *arena, struct diags *diags,
		       struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = IR_NONE};
	for (size_t i = 0; i < document->policy.len; i++) {
		order_policy(&document->policy.at[i], arena, diags, out);
		agree_on_default(&document->policy.at[i], diags, out);
	}
}
