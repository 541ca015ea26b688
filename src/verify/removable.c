// SPDX-License-Identifier: Apache-2.0
// A set of units that can go as a whole: one after the other goes that can go without those that went before, until none
// is left that can. Whoever could not go keeps a witness, a unit that would decide one of its packets otherwise; while
// that one stays, so does the answer. Two orders are tried.
#include "verify/judge.h"
#include "verify/workers.h"

struct removing { // in one of the orders
	struct verify_case of;
	struct verify_judge judge;
	uint32_t *witness;
	bool *gone, backwards, unsure;
	size_t removed;
};

static bool worth_asking(const struct removing *r, uint32_t unit)
{
	uint32_t witness = r->witness[unit];
	if (r->gone[unit] || witness == VERIFY_NEVER || witness == VERIFY_DEFAULT)
		return false;
	if (witness == VERIFY_NO_FLOW)
		return r->of.no_flow_gone;
	return witness == VERIFY_ALONE || r->gone[witness];
}

static bool take(struct removing *r, uint32_t unit)
{
	const struct ir_rule *rule = &r->of.ruleset->rule.at[r->of.first[unit]];
	enum verify_answer answer = verify_can_go(&r->judge, unit, NULL, &r->witness[unit]);
	r->unsure |= answer == VERIFY_GAVE_UP;
	if (answer == VERIFY_GAVE_UP)
		r->witness[unit] = VERIFY_NEVER;
	if (answer != VERIFY_YES)
		return false;
	r->gone[unit] = true;
	r->removed++;
	r->of.flow_units -= rule->flow;
	r->of.no_flow_gone |= rule->flow && !r->of.flow_units;
	return true;
}

static void remove_all(struct removing *r)
{
	bool more = true;
	while (more) {
		more = false;
		for (uint32_t i = 0; i < r->of.units && !verify_case_stopped(&r->of); i++) {
			uint32_t unit = r->backwards ? r->of.units - 1 - i : i;
			if (worth_asking(r, unit))
				more |= take(r, unit);
		}
		more &= !verify_case_stopped(&r->of);
	}
}

struct both {
	struct removing order[2];
	struct removing *better;
};

static void *make(void *user, unsigned thread, size_t piece)
{
	struct both *both = user;
	(void)thread;
	remove_all(&both->order[piece]);
	return &both->order[piece];
}

static void take_better(void *user, void *result)
{
	struct both *both = user;
	struct removing *r = result;
	if (!both->better || r->removed > both->better->removed)
		both->better = r;
}

size_t verify_removable(const struct verify_case *c, const uint32_t *witness, unsigned threads,
			bool *gone, bool *unsure_out)
{
	struct arena scratch;
	struct both both = {0};
	arena_init(&scratch);
	for (int i = 0; i < 2; i++) {
		struct removing *r = &both.order[i];
		r->of = *c;
		r->backwards = i;
		r->witness = arena_memdup(&scratch, witness, c->units * sizeof(*witness));
		r->of.gone = r->gone = arena_array(&scratch, bool, c->units + 1);
		verify_judge_init(&r->judge, &r->of);
	}
	verify_workers_run(&(struct verify_workers){.threads = threads < 2 ? threads : 2,
						    .pieces = 2,
						    .stop = c->stop,
						    .make = make,
						    .take = take_better,
						    .user = &both});
	size_t removed = both.better ? both.better->removed : 0;
	for (uint32_t i = 0; both.better && i < c->units; i++)
		gone[i] = both.better->gone[i];
	*unsure_out = both.better && both.better->unsure;
	for (int i = 0; i < 2; i++)
		verify_judge_fini(&both.order[i].judge);
	arena_fini(&scratch);
	return removed;
}
