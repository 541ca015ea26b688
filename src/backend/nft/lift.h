// SPDX-License-Identifier: Apache-2.0
// From kernel rules back to rulesets of the IR.
#pragma once

#include "backend/nft/compile.h"
#include "backend/nft/table.h"

// The chains of a generation of a table, under the names that compiling gives them.
void nft_lift_program(const struct nft_table *table, uint32_t generation, struct nft_program *out);

// Where the rules of what was lifted come from.
struct nft_origin {
	const struct nft_chain *chain; // NULL: nowhere, the base chain's policy stands in for it
	const struct nft_form *form;   // the first of its kernel rules
};
// What the program means. What cannot be said in the IR goes to `strange`, never both. *origin_out, when it is not NULL:
// of each rule, and behind them that of the default action.
void nft_lift(const struct nft_program *program, struct arena *arena, struct ir_ruleset *out,
	      struct backend_differences *strange, struct nft_origin **origin_out);
