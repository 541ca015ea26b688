// SPDX-License-Identifier: Apache-2.0
// In which form the nft back end enforces a policy, and what that costs.
#pragma once

#include "backend/nft/nft.h"
#include "cli/cli.h"

// What --form, --leaf and --budget ask for; `otherwise` without --form. False, with a diag, when they are wrong.
bool explain_shape(struct cli *cli, enum backend_nft_form otherwise,
		   struct backend_nft_shape *out) must_check;
// Prints the form with its size and cost, as a table or with --json. False, with diags, when the ruleset is refused.
bool explain_say(struct cli *cli, const struct ir_ruleset *lowered,
		 const struct backend_nft_options *options) must_check;
