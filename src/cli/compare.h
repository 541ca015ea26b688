// SPDX-License-Identifier: Apache-2.0
// How the differences of two rulesets read: for diff and whatif.
#pragma once

#include "cli/question.h"
#include "cli/words.h"

struct compare_side {
	const char *label, *title; // "A", "old.xml"; "now", "as it is"
	const struct ir_ruleset *ruleset;
};

struct compare_words {
	struct compare_side a, b;
	const char *equal;                // "equal: every packet gets the same verdict"
	const char *different;            // "different: the verdict differs for"
	const struct verify_notes *notes; // beside the engine's, or NULL
};

// Reads --most; otherwise how many differences are listed. False and a diag when it is no number.
bool compare_most(struct cli *cli, size_t *out) must_check;
struct json_t *compare_json(struct question *question, const struct compare_words *words,
			    const struct verify_comparison *comparison) must_check;
void compare_print(struct question *question, const struct compare_words *words,
		   const struct verify_comparison *comparison);
int compare_exit(const struct verify_comparison *comparison)
	must_check; // 0 equal, 1 different, 3 not known
// Answers in words or JSON; the exit code.
int compare_answer(struct question *question, const struct compare_words *words,
		   const struct verify_comparison *comparison) must_check;
