// SPDX-License-Identifier: Apache-2.0
// The answer of `bulwark reach` in words, as JSON, as a drawing.
#pragma once

#include "cli/reach_file.h"
#include "cli/words.h"

struct reach_answer {
	struct cli *cli;
	const struct verify_network *network;
	const struct verify_reach_question *question;
	const struct verify_reach *reach;
	struct words_scope scope; // what packets need to say
};

// "tcp 443, 8443", "ping", "everything"; conditions, times and IP versions are part of it. In the arena.
const char *reach_service_text(const struct reach_answer *answer, const struct verify_pair *pair,
			       const struct verify_service *service) must_check;
// All that passes, as short as it can be said: "everything but tcp 23". `items` bounds how much is listed.
const char *reach_pair_text(const struct reach_answer *answer, const struct verify_pair *pair,
			    size_t items) must_check;
// "hq-fw, dc-fw".
const char *reach_way_text(const struct reach_answer *answer,
			   const struct verify_way *way) must_check;

void reach_say_words(const struct reach_answer *answer);
struct json_t *reach_say_json(const struct reach_answer *answer) must_check;
void reach_say_dot(const struct reach_answer *answer);
