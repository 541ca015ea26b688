// SPDX-License-Identifier: Apache-2.0
// The content of anydata and anyxml, which is kept as text. Internal to this folder.
#pragma once

#include "schema/node.h"

// Its form says of which kind the text is.
void any_set(struct schema_node *any, const char *text, size_t len, bool json);
static inline bool any_is_json(const struct schema_node *any)
{
	return any->form == FORM_JSON;
}
// Never NULL.
static inline const char *any_text(const struct schema_node *any)
{
	return any->value ? any->value : "";
}
