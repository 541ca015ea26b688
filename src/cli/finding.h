// SPDX-License-Identifier: Apache-2.0
// How a finding of the engine reads.
#pragma once

#include "cli/question.h"
#include "cli/words.h"

struct finding_words {
	struct cli *cli;
	const struct ir_ruleset *ruleset;
	const char *title; // of the source
	struct words_scope scope;
};

// One line with its mark, and a packet to try below it where there is one.
void finding_print(const struct finding_words *words, const struct verify_finding *finding,
		   struct buf *out);
// The line alone, without its mark.
const char *finding_text(const struct finding_words *words,
			 const struct verify_finding *finding) must_check;
struct json_t *finding_json(const struct finding_words *words,
			    const struct verify_finding *finding) must_check;
enum cli_colour finding_colour(enum verify_kind kind) must_check;
