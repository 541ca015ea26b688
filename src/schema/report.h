// SPDX-License-Identifier: Apache-2.0
// Diags about nodes of a tree. Internal to this folder.
#pragma once

#include "schema/node.h"

// `about` without file, line and path: those are the node's. A node without a line (a default, a container that was not
// written) lends that of the nearest node above it. NULL or the root: the document.
void report(const struct schema_tree *tree, const struct schema_node *node,
	    const struct diag *about, struct diags *diags, const char *fmt, ...) printf_like(5, 6);
