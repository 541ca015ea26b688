// SPDX-License-Identifier: Apache-2.0
// The proof that what an NSF enforces is what is intended.
//
// The idea: nothing that the NSF says is taken as a yes. Its digest of what it was told is computed
// here again, from our own copy of the rules and the two times that it names; its digests before and
// after the kernel must agree; every rule must stand where ours stands. Only the step from the
// kernel's answer to the last digest is the NSF's word.
#include "engine/internal.h"
#include "ir/digest.h"

#include <string.h>
#include <time.h>

#define CLOCK_SKEW 300                           // seconds that an NSF's clock may be ahead of ours
#define HORIZON_MOST (int64_t)(10 * 366 * 86400) // seconds between the two times

static void differ(struct engine_proof *proof, struct arena *arena, const char *policy,
		   const char *rule, const char *reason)
{
	proof->verdict = ENGINE_IS_DIFFERENT;
	if (proof->difference.len < DIAGS_MOST)
		vec_push(arena, &proof->difference,
			 (struct engine_difference){.policy = arena_strdup(arena, policy),
						    .rule = arena_strdup(arena, rule),
						    .reason = reason});
}

static bool has_calendar(const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++)
		for (size_t c = 0; c < ruleset->rule.at[i].clauses; c++)
			if (ir_clause_set(&ruleset->rule.at[i].clause[c], IR_MDAY) ||
			    ir_clause_set(&ruleset->rule.at[i].clause[c], IR_MMDD))
				return true;
	return false;
}

// Times of an NSF's own choosing could make calendar conditions vanish, or keep us busy for ever.
static bool check_times(const struct ir_ruleset *ruleset, const struct engine_report *r,
			int64_t now, struct arena *arena, struct engine_proof *proof)
{
	if (!has_calendar(ruleset))
		return true;
	const char *fault = NULL;
	if (r->lowered_at > now + CLOCK_SKEW)
		fault = "its clock is ahead of the controller's";
	else if (r->horizon <= now)
		fault = "the time up to which it has worked out calendar conditions is over";
	else if (r->lowered_at < 0 || r->horizon - r->lowered_at > HORIZON_MOST)
		fault = "the times between which it has worked out calendar conditions are "
			"senseless";
	if (fault)
		differ(proof, arena, NULL, NULL, fault);
	return !fault;
}

static void check_rules(const struct ir_ruleset *lowered, const struct engine_report *r,
			struct arena *arena, struct engine_proof *proof)
{
	for (size_t i = 0; i < lowered->rule.len; i++) {
		const struct ir_rule *ours = &lowered->rule.at[i];
		if (i >= r->rule.len) {
			differ(proof, arena, ours->policy, ours->name, "the NSF does not have it");
			continue;
		}
		const struct engine_report_rule *theirs = &r->rule.at[i];
		if (!theirs->policy || !theirs->name || strcmp(ours->policy, theirs->policy) ||
		    strcmp(ours->name, theirs->name))
			differ(proof, arena, ours->policy, ours->name,
			       arena_printf(arena,
					    "the NSF has the rule %s of policy %s in its place",
					    theirs->name ? theirs->name : "-",
					    theirs->policy ? theirs->policy : "-"));
		else if (!theirs->enforced)
			differ(proof, arena, ours->policy, ours->name,
			       arena_strdup(arena, theirs->difference
							   ? theirs->difference
							   : "it was not read back as intended"));
	}
	for (size_t i = lowered->rule.len; i < r->rule.len; i++)
		differ(proof, arena, r->rule.at[i].policy, r->rule.at[i].name,
		       "the NSF enforces it and nobody intends it");
}

static void check_digests(const struct ir_ruleset *lowered, const struct engine_report *r,
			  struct arena *arena, struct engine_proof *proof)
{
	struct ir_digest digest = ir_ruleset_digest(lowered);
	if (!r->has_intended || memcmp(digest.octet, r->intended, sizeof(digest)))
		differ(proof, arena, NULL, NULL,
		       "the digest of what the NSF was told is not that of what is intended");
	if (!r->has_enforced || memcmp(r->policy, r->enforced, sizeof(r->policy)))
		differ(proof, arena, NULL, NULL,
		       "the digest of what was read back is not that of what the NSF was told");
	if (!r->settled)
		differ(proof, arena, NULL, NULL, "the NSF itself says that it is not in order");
}

void prove(const struct ir_ruleset *intended, bool nothing, const struct engine_report *report,
	   int64_t now, struct arena *arena, struct engine_proof *out)
{
	out->rules = (uint32_t)intended->rule.len;
	out->verdict = ENGINE_IS_PROVEN;
	for (size_t i = 0; i < report->difference.len; i++)
		differ(out, arena, report->difference.at[i].policy, report->difference.at[i].rule,
		       arena_strdup(arena, report->difference.at[i].text));
	for (size_t i = 0; i < report->foreign.len && i < DIAGS_MOST; i++)
		vec_push(arena, &out->foreign, arena_strdup(arena, report->foreign.at[i]));
	if (nothing) {
		if (!report->none || report->rule.len)
			differ(out, arena, NULL, NULL, "the NSF still enforces something");
		return;
	}
	if (!check_times(intended, report, now, arena, out))
		return;
	struct ir_ruleset lowered = {0};
	ir_ruleset_lower_time(intended, arena, report->lowered_at, report->horizon, &lowered);
	check_rules(&lowered, report, arena, out);
	check_digests(&lowered, report, arena, out);
}

bool prove_nsf(struct engine *engine, const struct prove_request *request, struct diags *diags,
	       struct engine_proof *out)
{
	struct engine_report_request ask = {.nsf = request->member->name,
					    .read_back = request->read_back,
					    .timeout_ms = request->timeout_ms};
	struct engine_report report = {0};
	*out = (struct engine_proof){.nsf = request->member->name,
				     .verdict = ENGINE_IS_UNREACHABLE};
	if (!engine->opt.nsf->report(engine->opt.nsf_context, &ask, diags, &report))
		return false;
	struct ir_ruleset intended;
	if (!planning_intended(request->ruleset, request->ruleset_len, request->member->name, diags,
			       &intended))
		return false;
	prove(&intended, request->ruleset_len == 0, &report, time(NULL), diags->arena, out);
	registry_report(engine, request->member, &report, out->verdict == ENGINE_IS_PROVEN);
	if (request->report_out)
		*request->report_out = report;
	return true;
}
