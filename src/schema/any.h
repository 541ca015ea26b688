// SPDX-License-Identifier: Apache-2.0
// The content of anydata and anyxml, which is kept as text. Internal to this folder.
#pragma once

#include "schema/node.h"

// Its form says of which kind the text is.
void any_set(struct schema_node *any, const char *text, size_t len, bool json);
// The content as a tree, which is taken over.
void any_set_tree(struct schema_node *any, struct schema_tree *content);
static inline bool any_is_json(const struct schema_node *any)
{
	return any->form == FORM_JSON;
}
// Never NULL. Of a tree its data.
const char *any_text(const struct schema_node *any) must_check;
