// SPDX-License-Identifier: Apache-2.0
// Recorded flows: how they fare under a policy, and which fare otherwise under another.
#pragma once

#include "cli/source.h"

struct question;

// `query --flows`: what happens to each flow of the log, by deciding rule, and where the log says otherwise.
int flows_query(struct cli *cli, struct question *question, const struct source *source) must_check;
// `diff --flows`: the flows that A and B judge differently.
int flows_diff(struct cli *cli, struct question *question, const struct source *a,
	       const struct source *b) must_check;
