// SPDX-License-Identifier: Apache-2.0
// The content of anydata and anyxml, which is kept as text until somebody wants nodes. Internal to this folder.
#pragma once

#include "schema/model.h"

// A node with this content, below the parent if there is one.
struct lyd_node *any_new(struct schema_tree *tree, struct lyd_node *parent,
			 const struct lysc_node *lys, const char *text, bool json) must_check;
// First node of the content, made on first use; NULL when it is empty or not made of elements.
struct lyd_node *any_child(struct lyd_node *any) must_check;
// The content as text; `json_out` says of which kind it is.
void any_text(const struct lyd_node *any, struct buf *out, bool *json_out);
