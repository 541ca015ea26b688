// SPDX-License-Identifier: Apache-2.0
// Making a counterexample small: packets, rules, clauses and conditions are left out one by one for as
// long as the case shows the same kind of fault.
#include "backend/nft/test_oracle.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHRINK_RUNS 4000
#define PACKETS_SHOWN 6

struct shrinking {
	struct test_oracle *oracle;
	struct test_case *test;
	const char *kind; // of the fault that is made small
	unsigned runs;
	bool smaller;
};

static bool still_wrong(struct shrinking *s)
{
	return s->runs++ < SHRINK_RUNS && !test_oracle_run(s->oracle, s->test) &&
	       s->oracle->kind == s->kind;
}

// Tries without the i-th of n items; keeps it so when the case is still wrong. The last argument of the
// items' type is their size.
static bool try_without(struct shrinking *s, void *items, size_t *n, size_t size, size_t i)
{
	char *at = (char *)items + i * size;
	void *kept = malloc(*n * size);
	memcpy(base_oom(kept), items, *n * size);
	memmove(at, at + size, (*n - i - 1) * size);
	--*n;
	bool good = still_wrong(s);
	if (!good) {
		++*n;
		memcpy(items, kept, *n * size);
	}
	free(kept);
	s->smaller |= good;
	return good;
}

static void shrink_rule(struct shrinking *s, struct ir_rule *rule)
{
	for (size_t i = rule->clauses; i-- > 0;)
		try_without(s, rule->clause, &rule->clauses, sizeof(*rule->clause), i);
	for (size_t i = 0; i < rule->clauses; i++)
		for (size_t k = rule->clause[i].len; k-- > 0;)
			try_without(s, rule->clause[i].cond, &rule->clause[i].len,
				    sizeof(struct ir_cond), k);
	struct ir_rule before = *rule;
	if (rule->log != IR_LOG_NONE) {
		rule->log = IR_LOG_NONE;
		if (!still_wrong(s))
			*rule = before;
	}
}

static void shrink_items(struct shrinking *s)
{
	for (size_t i = s->test->item.len; i-- > 0;) {
		s->test->item.at[i].left_out = true;
		if (!still_wrong(s))
			s->test->item.at[i].left_out = false;
	}
}

void test_oracle_shrink(struct test_oracle *o, struct test_case *test)
{
	struct shrinking s = {.oracle = o, .test = test, .kind = o->kind};
	shrink_items(&s);
	do {
		s.smaller = false;
		for (unsigned k = 0; k < 2; k++) {
			struct ir_ruleset *r = &test->ruleset[k];
			for (size_t i = r->rule.len; i-- > 0;)
				try_without(&s, r->rule.at, &r->rule.len, sizeof(*r->rule.at), i);
			for (size_t i = 0; i < r->rule.len; i++)
				shrink_rule(&s, &r->rule.at[i]);
		}
	} while (s.smaller && s.runs < SHRINK_RUNS);
	(void)!test_oracle_run(o, test);
}

void test_oracle_print(const struct test_oracle *o, const struct test_case *test)
{
	struct buf text;
	buf_init(&text);
	for (unsigned k = 0; k < 1u + test->changes; k++) {
		buf_printf(&text, "ruleset %u, default %s\n", k,
			   ir_verdict_name[test->ruleset[k].default_action]);
		for (size_t i = 0; i < test->ruleset[k].rule.len; i++) {
			const struct ir_rule *rule = &test->ruleset[k].rule.at[i];
			buf_printf(&text, "  %s%s: ", rule->name, rule->flow ? " (flow)" : "");
			ir_rule_print(rule, &text);
			buf_addc(&text, '\n');
		}
	}
	for (size_t i = 0, shown = 0; i < test->item.len && shown < PACKETS_SHOWN; i++) {
		if (!test->item.at[i].sent)
			continue;
		shown++;
		buf_printf(&text, "  packet %zu, flow %d: ", i, test->item.at[i].flow);
		test_packet_print(&test->item.at[i].packet, &text);
		buf_addc(&text, '\n');
	}
	printf("%s%s\n", text.data, o->fault);
	buf_fini(&text);
}
