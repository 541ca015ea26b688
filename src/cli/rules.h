// SPDX-License-Identifier: Apache-2.0
// Rules as people name them on the command line, and changes to them: for whatif.
#pragma once

#include "cli/cli.h"
#include "verify/verify.h"

// Rules of a ruleset that one name stands for: consecutive ones are one span.
struct rules_span {
	size_t at, len;
};
struct rules_spans {
	VEC(struct rules_span) list;
};
// "NAME", "POLICY/NAME" or "FILE:LINE" (or ":LINE"). A name is of one rule as its author wrote it; a line may be of several,
// where a chain is reached by more than one jump. False and a diag when there is none or it is not clear.
bool rules_find(struct cli *cli, const struct ir_ruleset *ruleset, const char *name,
		struct rules_spans *out) must_check;

// Reads --remove, --add, --move, --set with --before, --after, --first and --last, in their order, as edits of the
// ruleset: rising, not overlapping. False and diags on errors.
struct rules_edits {
	VEC(struct verify_edit) list;
};
bool rules_edits(struct cli *cli, const struct ir_ruleset *ruleset,
		 struct rules_edits *out) must_check;
