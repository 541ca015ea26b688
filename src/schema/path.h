// SPDX-License-Identifier: Apache-2.0
// Finding nodes by instance paths of "/module:name/name[key='v']". Internal to this folder.
#pragma once

#include "schema/canonical.h"

// The node at the path, the first entry where it names none; NULL: there is none, or it is no such path.
struct schema_node *path_find(const struct schema_tree *tree, const char *path) must_check;
// The entry that "[key='v'][key='v']" names, with or without prefixes, or "[.='v']"; NULL.
struct schema_node *path_find_entry(const struct schema_node *parent,
				    const struct model_node *model,
				    const char *predicates) must_check;
// The node of a leaf-list with this value, which need not be canonical.
struct schema_node *path_find_value(const struct schema_node *parent,
				    const struct model_node *model, const char *value) must_check;
// The node with these canonical keys, or this value. State may have a value several times: the first.
struct schema_node *path_find_values(const struct schema_node *parent,
				     const struct model_node *model,
				     const char *const *values) must_check;
