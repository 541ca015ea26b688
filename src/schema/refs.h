// SPDX-License-Identifier: Apache-2.0
// Whether a reference has its target (RFC 7950 sections 9.9 and 9.13). Internal to this folder.
#pragma once

#include "schema/node.h"

struct refs_values;

// The values of targets, collected as they are asked for. Plain data; zeroed with its tree is ready.
struct refs {
	struct schema_tree *tree;
	VEC(struct refs_values *) sets;
	struct arena arena;
};

void refs_init(struct refs *refs, struct schema_tree *tree);
void refs_fini(struct refs *refs);
bool refs_resolve(struct refs *refs, struct schema_node *leaf) must_check;
// A diag that says what could be named instead.
void refs_report(struct refs *refs, struct schema_node *leaf, struct diags *diags);
