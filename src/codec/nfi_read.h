// SPDX-License-Identifier: Apache-2.0
// Reading the NSF-facing model: what its files share.
#pragma once

#include "codec/nfi_inner.h"
#include "base/diag.h"

struct schema_node;
struct schema_tree;

struct nfi_reader {
	const struct schema_tree *tree;
	struct arena *arena;
	struct diags *diags;
	struct ir_rule *rule; // that is being read
};

// A diag about a node of the rule that is being read.
struct nfi_fault {
	enum diag_severity severity;
	enum diag_code code;
	const struct schema_node *node;
	const char *condition, *hint;
};
void nfi_fault(struct nfi_reader *r, const struct nfi_fault *fault, const char *fmt, ...)
	printf_like(3, 4);

// Reads `rules/event` and `rules/condition` into the rule: clauses, opaque conditions, rates.
void nfi_read_conditions(struct nfi_reader *r, const struct schema_node *rules);
// The IR of context/time; false when the period is never or its values are none (with an error then).
bool nfi_read_time(struct nfi_reader *r, const struct schema_node *time,
		   struct ir_clause *out) must_check;
