// SPDX-License-Identifier: Apache-2.0
// Making a counterexample small: packets, rules, clauses and conditions are left out one by one for as
// long as the case shows the same kind of fault.
#include "backend/nft/test_oracle.h"
#include "base/buf.h"

#include <stdio.h>

#define SHRINK_RUNS 4000
#define PACKETS_SHOWN 6

struct shrinking {
	struct test_oracle *oracle;
	struct test_case *test;
	const char *kind; // of the fault that is made small
	unsigned runs;
};

static bool still_wrong(void *user)
{
	struct shrinking *s = user;
	return s->runs++ < SHRINK_RUNS && !test_oracle_run(s->oracle, s->test) &&
	       s->oracle->kind == s->kind;
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
	struct ir_ruleset *const rulesets[] = {&test->ruleset[0], &test->ruleset[1]};
	test_ruleset_shrink(&(struct test_shrink){.ruleset = rulesets,
						  .rulesets = test->edits ? 0 : array_len(rulesets),
						  .still_wrong = still_wrong,
						  .user = &s,
						  .asked_most = SHRINK_RUNS});
	(void)!test_oracle_run(o, test);
}

void test_oracle_print(const struct test_oracle *o, const struct test_case *test)
{
	struct buf text;
	buf_init(&text);
	for (unsigned k = 0; k < 1u + test->changes; k++)
		test_ruleset_print(&test->ruleset[k], k ? "ruleset 1" : "ruleset 0", &text);
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
