// SPDX-License-Identifier: Apache-2.0
// Which rule of a list a program's rule wants to be, and whether it does the same. Pure.
#pragma once

#include "backend/nft/form.h"

struct nft_judge {
	const struct nft_program *list, *program;
	const struct nft_form *rule; // of the list's main chain
	size_t rules;
	struct arena *arena;
	bool by_number; // tags that agree with the list's in number and name are asked for, and no others …
	struct map by_name; // … else of rules: the first form + 1; once one was asked for …
	bool named;         // … so
	uint32_t *first;    // by number of a rule: its first form + 1
	size_t numbers;
	size_t end[3];      // of the numbers from NFT_TAG_HELPER on: the form
	struct map limiter; // chains that hold a limit: the rule whose they are, and back
};
// Borrows both.
void nft_judge_init(struct nft_judge *judge, const struct nft_program *list,
		    const struct nft_program *program, struct arena *arena);
// By the tag: an index into judge->rule; SIZE_MAX: none.
size_t nft_judge_rule(struct nft_judge *judge, const struct nft_form *form) must_check;
// The first of the rule's that has this number, whatever it does; SIZE_MAX: none.
size_t nft_judge_first(const struct nft_judge *judge, const struct nft_form *form) must_check;
// Why it does not do the same as the list's rule; NULL: it does. Remembers whose the limiters are.
const char *nft_judge_action(struct nft_judge *judge, size_t rule,
			     const struct nft_form *form) must_check;
