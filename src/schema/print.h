// SPDX-License-Identifier: Apache-2.0
// The writer of XML. Internal to this folder.
#pragma once

#include "schema/model.h"

// What a selection has marked (model_mark.selected).
enum print_selected { SELECTED_NOT, SELECTED_PART, SELECTED_WHOLE };

struct print_xml {
	struct buf *out;
	unsigned flags; // enum schema_print_flags
	bool selection; // only what is marked
};
// This node, and its siblings behind it if asked for.
void print_xml(const struct print_xml *p, const struct lyd_node *node, bool siblings);
