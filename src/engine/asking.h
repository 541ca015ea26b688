// SPDX-License-Identifier: Apache-2.0
// What all questions to the analysis share: whose rules, and the bounds (questions.c). For this folder only.
#pragma once

#include "engine/internal.h"
#include "engine/questions.h"

struct deadline;

// The policy as a whole.
bool asking_policy(struct engine *engine, const struct engine_caller *caller,
		   const struct engine_subject *of, struct diags *diags,
		   struct ir_ruleset *out) must_check;
// What an NSF enforces of ours.
bool asking_deployed(struct engine *engine, const char *nsf, struct diags *diags,
		     struct ir_ruleset *out) must_check;

// A question that is being worked on; does not move.
struct asking {
	struct engine *engine;
	struct verify_options options;
	struct verify_control own; // where the question has none
	struct deadline *deadline;
	struct ir_clause where;
};
// False and diags: it is not worked on, and there is nothing to end.
bool asking_begin(struct engine *engine, const struct engine_question *question,
		  struct diags *diags, struct asking *out) must_check;
void asking_end(struct asking *asking);
