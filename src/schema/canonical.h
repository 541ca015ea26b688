// SPDX-License-Identifier: Apache-2.0
// Values as the types of libyang canonize them, without a data node of libyang's. Internal to this folder.
#pragma once

#include "schema/node.h"

struct lyd_value;
struct lysc_type;

struct canonical_cache;

// The canonical text, interned and counted; NULL: the type refuses it, and model_libyang_message says why. References are
// not followed. Names have modules in front of them (RFC 7951), or none where that is the leaf's own.
const char *canonical_add(struct schema *schema, const struct model_node *model, const char *text,
			  size_t len, enum value_form *form_out) must_check;
// The same for looking it up in trees: not counted, NULL also where no tree has such a value.
const char *canonical_find(struct schema *schema, const struct model_node *model, const char *text,
			   size_t len) must_check;
enum value_form canonical_form(const struct lyd_value *value) must_check;
// Of a type that is no union and no leafref.
enum value_form canonical_form_of_type(const struct lysc_type *type) must_check;
// Whether this type (of a leaf, or one in its union) takes the text.
bool canonical_takes(const struct model_node *model, const struct lysc_type *type,
		     const char *text) must_check;
void canonical_free(struct canonical_cache *cache);
