// SPDX-License-Identifier: Apache-2.0
// A set of units that can go as a whole: one after the other goes that can go without those that went before, until none
// is left that can. Whoever could not go keeps a witness, a unit that would decide one of its packets otherwise; while
// that one stays, so does the answer. Two orders are tried.
#include "verify/judge.h"

#include <string.h>

struct removing {
	struct verify_judge *judge;
	struct verify_case *c;
	uint32_t *witness;
	bool *gone;
	size_t removed;
	bool unsure;
};

static bool worth_asking(const struct removing *r, uint32_t unit)
{
	uint32_t witness = r->witness[unit];
	if (r->gone[unit] || witness == VERIFY_NEVER || witness == VERIFY_DEFAULT)
		return false;
	if (witness == VERIFY_NO_FLOW)
		return r->c->no_flow_gone;
	return witness == VERIFY_ALONE || r->gone[witness];
}

static bool take(struct removing *r, uint32_t unit)
{
	const struct ir_rule *rule = &r->c->ruleset->rule.at[r->c->first[unit]];
	enum verify_answer answer = verify_can_go(r->judge, unit, NULL, &r->witness[unit]);
	r->unsure |= answer == VERIFY_GAVE_UP;
	if (answer == VERIFY_GAVE_UP)
		r->witness[unit] = VERIFY_NEVER;
	if (answer != VERIFY_YES)
		return false;
	r->gone[unit] = true;
	r->removed++;
	r->c->flow_units -= rule->flow;
	r->c->no_flow_gone |= rule->flow && !r->c->flow_units;
	return true;
}

static void remove_all(struct removing *r, bool backwards)
{
	bool more = true;
	while (more) {
		more = false;
		for (uint32_t i = 0; i < r->c->units && !verify_case_stopped(r->c); i++) {
			uint32_t unit = backwards ? r->c->units - 1 - i : i;
			if (worth_asking(r, unit))
				more |= take(r, unit);
		}
		more &= !verify_case_stopped(r->c);
	}
}

size_t verify_removable(struct verify_judge *judge, struct verify_case *c, const uint32_t *witness,
			bool *gone, bool *unsure_out)
{
	struct arena scratch;
	size_t best = 0;
	uint32_t flow_units = c->flow_units;
	arena_init(&scratch);
	for (int backwards = 0; backwards < 2; backwards++) {
		struct removing r = {
			.judge = judge,
			.c = c,
			.witness = arena_memdup(&scratch, witness, c->units * sizeof(*witness)),
			.gone = arena_array(&scratch, bool, c->units + 1)};
		c->gone = r.gone;
		remove_all(&r, backwards);
		c->gone = NULL;
		c->no_flow_gone = false;
		c->flow_units = flow_units;
		if (!backwards || r.removed > best) {
			best = r.removed;
			memcpy(gone, r.gone, c->units * sizeof(*gone));
			*unsure_out = r.unsure;
		}
	}
	arena_fini(&scratch);
	return best;
}
