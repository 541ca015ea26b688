// SPDX-License-Identifier: Apache-2.0
// Plans inside the engine: what applying one needs, whether it is still current, and what an NSF would be told
// (planning.c).
#pragma once

#include "engine/engine.h"
#include "ir/ir.h"

struct view;
struct plan_target {
	const char *nsf;
	bool has_base;
	unsigned char base[ENGINE_DIGEST], capabilities[ENGINE_DIGEST], digest[ENGINE_DIGEST];
	const void *ruleset; // encoded; len 0: nothing shall be enforced
	size_t ruleset_len;
	const char *text;
	size_t text_len;
};
struct plan_content {
	const char *tenant;
	uint32_t revision, latest, network;
	bool refused;
	VEC(struct plan_target) target;
};
bool planning_load(struct engine *engine, const unsigned char hash[static STORE_DIGEST],
		   struct arena *arena, struct diags *diags, struct plan_content *out) must_check;
// Whether everything that the plan was based on is still so; DIAG_STALE.
bool planning_current(struct engine *engine, const struct plan_content *plan, struct arena *arena,
		      struct diags *diags) must_check;
// What an NSF would be told of a policy; rules that it cannot enforce are left out.
bool planning_on_nsf(struct engine *engine, const struct engine_caller *caller,
		     const struct ir_ruleset *policy, const char *nsf, struct diags *diags,
		     struct ir_ruleset *out) must_check;
// The same of all NSFs of the tenant: in the order of the view, which is taken at that instant.
const struct ir_ruleset *planning_on_all(struct engine *engine, const struct engine_caller *caller,
					 const struct ir_ruleset *policy, struct diags *diags,
					 struct view *view_out) must_check;
// Whether the tenant has such an NSF.
bool planning_is_nsf(struct engine *engine, const struct engine_caller *caller, const char *nsf,
		     struct diags *diags) must_check;
bool planning_withdraw(struct engine *engine, const struct engine_caller *caller,
		       struct diags *diags, unsigned char hash_out[static STORE_DIGEST]) must_check;
// Decodes what is intended on an NSF. True with an empty one when nothing is.
bool planning_ruleset(const void *data, size_t len, struct arena *arena,
		      struct ir_ruleset *out) must_check;
// The same, with a diag when it is damaged.
bool planning_intended(const void *data, size_t len, const char *nsf, struct diags *diags,
		       struct ir_ruleset *out) must_check;
