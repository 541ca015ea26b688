// SPDX-License-Identifier: Apache-2.0
// Rulesets for targets: for compile and import.
#pragma once

#include "cli/source.h"

// "nfi", "nft", "acl". Writes the ruleset for the target; where it has no default action, drop is chosen and a note says so.
// The exit code: 0; 1 when only the target cannot do it; 2. Nothing is printed but the text, or diags on failure.
int compile_emit(struct cli *cli, const char *target, struct ir_ruleset *ruleset,
		 struct buf *out) must_check;
// False and a diag when there is no such target.
bool compile_knows(struct cli *cli, const char *target) must_check;
