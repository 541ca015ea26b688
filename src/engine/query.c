// SPDX-License-Identifier: Apache-2.0
// What happens to a packet: on every NSF that it passes, by the meaning of its rules.
#include "engine/asking.h"

#include <string.h>
#include <time.h>

static bool between(const struct network_nsf *n, int family, u128 source, u128 destination)
{
	struct algebra_set guarded = family == 4 ? n->guarded4 : n->guarded6;
	return algebra_set_has(guarded, source) != algebra_set_has(guarded, destination);
}

void query_path(const struct view *view, int family, u128 source, u128 destination,
		struct arena *arena, struct engine_names *out)
{
	for (size_t i = 0; i < view->nsf.len; i++) {
		const struct network_nsf *n = &view->nsf.at[i].net;
		if (n->enabled && between(n, family, source, destination))
			vec_push(arena, &out->list, n->name);
	}
}

static bool endpoints(const struct ir_packet *p, struct diags *diags, int *family_out,
		      u128 *source_out, u128 *destination_out)
{
	bool v4 = p->has >> IR_SRC4 & p->has >> IR_DST4 & 1;
	bool v6 = p->has >> IR_SRC6 & p->has >> IR_DST6 & 1;
	if (!v4 && !v6) {
		diag_error(diags, DIAG_MISSING, NULL, "write src=… and dst=… of one IP version",
			   "a packet without source and destination passes no known NSF");
		return false;
	}
	*family_out = v4 ? 4 : 6;
	*source_out = p->value[v4 ? IR_SRC4 : IR_SRC6];
	*destination_out = p->value[v4 ? IR_DST4 : IR_DST6];
	return true;
}

// What the NSF is told by the plan, or without one what it was told. Where nothing of ours is everything passes.
static bool rules_of(struct engine *engine, const struct engine_plan *plan, const char *nsf,
		     struct diags *diags, struct ir_ruleset *out)
{
	if (!plan)
		return asking_deployed(engine, nsf, diags, out);
	*out = (struct ir_ruleset){.default_action = IR_PASS};
	for (size_t i = 0; i < plan->nsf.len; i++)
		if (strcmp(plan->nsf.at[i].change->nsf, nsf) == 0)
			*out = *plan->nsf.at[i].change->intended;
	return true;
}

static void answer(const struct ir_ruleset *ruleset, const struct ir_packet *packet,
		   struct arena *arena, struct engine_answer *out)
{
	struct ir_outcome outcome = {0};
	ir_eval(ruleset, packet, arena, &outcome);
	out->verdict = ir_verdict_name[outcome.verdict];
	out->rule = outcome.rule;
	out->depends = outcome.depends;
}

bool engine_query(struct engine *engine, const struct engine_caller *caller,
		  const struct engine_query *query, struct diags *diags, struct engine_answers *out)
{
	struct arena *arena = diags->arena;
	struct ir_packet packet;
	int family;
	u128 source, destination;
	struct engine_plan plan;
	if (!ir_packet_parse(query->packet, time(NULL), arena, diags, &packet) ||
	    !endpoints(&packet, diags, &family, &source, &destination) ||
	    (!query->deployed && !engine_plan(engine, caller, 0, diags, &plan)))
		return false;
	struct view view;
	registry_view(engine, caller->tenant, arena, &view);
	struct engine_names path = {0};
	query_path(&view, family, source, destination, arena, &path);
	for (size_t i = 0; i < path.list.len; i++) {
		struct engine_answer a = {.nsf = path.list.at[i]};
		struct ir_ruleset *rules = arena_new(arena, struct ir_ruleset);
		if (!rules_of(engine, query->deployed ? NULL : &plan, a.nsf, diags, rules))
			return false;
		answer(rules, &packet, arena, &a);
		vec_push(arena, &out->list, a);
	}
	return true;
}
