// SPDX-License-Identifier: Apache-2.0
// Making a counterexample's rulesets small: what can be left out without the fault going away is left out, until a whole
// round leaves out nothing more.
#include "ir/test.h"
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

struct shrinking {
	const struct test_shrink *shrink;
	unsigned asked;
	bool smaller;
};

static bool still_wrong(struct shrinking *s)
{
	return s->asked++ < s->shrink->asked_most && s->shrink->still_wrong(s->shrink->user);
}

// Tries without the items [i, i + span) of n; keeps it so when the case is still wrong.
static bool try_without(struct shrinking *s, void *items, size_t *n, size_t size, size_t i,
			size_t span)
{
	char *at = (char *)items + i * size;
	size_t before = *n;
	void *kept = malloc(before * size);
	memcpy(base_oom(kept), items, before * size);
	memmove(at, at + span * size, (before - i - span) * size);
	*n -= span;
	bool good = still_wrong(s);
	if (!good) {
		*n = before;
		memcpy(items, kept, before * size);
	}
	free(kept);
	s->smaller |= good;
	return good;
}

static void shrink_sets(struct shrinking *s, struct ir_clause *clause)
{
	for (size_t i = 0; i < clause->len; i++) {
		struct algebra_set *set = &clause->cond[i].set, before = *set;
		for (size_t k = set->len; k-- > 1;) {
			set->len--;
			if (!still_wrong(s)) {
				*set = before;
				break;
			}
			before = *set;
			s->smaller = true;
		}
	}
}

static void shrink_clauses(struct shrinking *s, struct ir_rule *rule)
{
	for (size_t i = rule->clauses; i-- > 0;)
		try_without(s, rule->clause, &rule->clauses, sizeof(*rule->clause), i, 1);
	for (size_t i = 0; i < rule->clauses; i++) {
		struct ir_clause *clause = &rule->clause[i];
		for (size_t k = clause->len; k-- > 0;)
			try_without(s, clause->cond, &clause->len, sizeof(struct ir_cond), k, 1);
		shrink_sets(s, clause);
	}
}

// Puts the changed rule in for good when the case is still wrong with it.
static void try_rule(struct shrinking *s, struct ir_rule *rule, struct ir_rule changed)
{
	struct ir_rule before = *rule;
	*rule = changed;
	if (still_wrong(s))
		s->smaller = true;
	else
		*rule = before;
}

static void shrink_rule(struct shrinking *s, struct ir_rule *rule)
{
	shrink_clauses(s, rule);
	for (size_t i = rule->opaques; i-- > 0;)
		try_without(s, rule->opaque, &rule->opaques, sizeof(*rule->opaque), i, 1);
	struct ir_rule changed = *rule;
	changed.log = IR_LOG_NONE;
	if (rule->log != IR_LOG_NONE)
		try_rule(s, rule, changed);
	changed = *rule;
	changed.rate = (struct ir_rate){0};
	if (ir_rule_has_rate_condition(rule))
		try_rule(s, rule, changed);
	changed = *rule;
	changed.flow = false;
	if (rule->flow)
		try_rule(s, rule, changed);
}

// Long rulesets lose halves, quarters and so on before single rules.
static void shrink_rules(struct shrinking *s, struct ir_ruleset *r)
{
	for (size_t span = r->rule.len / 2 + 1; span >= 1; span /= 2)
		for (size_t i = r->rule.len; i >= span; i -= i >= span ? span : i)
			try_without(s, r->rule.at, &r->rule.len, sizeof(*r->rule.at), i - span,
				    span);
	for (size_t i = 0; i < r->rule.len; i++)
		shrink_rule(s, &r->rule.at[i]);
}

void test_ruleset_shrink(const struct test_shrink *shrink)
{
	struct shrinking s = {.shrink = shrink};
	do {
		s.smaller = false;
		for (size_t i = 0; i < shrink->rulesets; i++)
			shrink_rules(&s, shrink->ruleset[i]);
	} while (s.smaller && s.asked < shrink->asked_most);
}

void test_ruleset_copy(const struct ir_ruleset *in, struct arena *arena, struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = in->default_action};
	for (size_t i = 0; i < in->rule.len; i++) {
		struct ir_rule rule = in->rule.at[i];
		rule.clause = arena_memdup(arena, rule.clause, rule.clauses * sizeof(*rule.clause));
		for (size_t k = 0; k < rule.clauses; k++)
			rule.clause[k] = ir_clause_copy(&in->rule.at[i].clause[k], arena);
		rule.opaque = arena_memdup(arena, rule.opaque, rule.opaques * sizeof(*rule.opaque));
		vec_push(arena, &out->rule, rule);
	}
}

void test_ruleset_print(const struct ir_ruleset *ruleset, const char *title, struct buf *out)
{
	buf_printf(out, "%s, default %s\n", title, ir_verdict_name[ruleset->default_action]);
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		buf_printf(out, "  %zu %s/%s%s: ", i, rule->policy ? rule->policy : "-",
			   rule->name ? rule->name : "-", rule->flow ? " (flow)" : "");
		ir_rule_print(rule, out);
		buf_addc(out, '\n');
	}
}
