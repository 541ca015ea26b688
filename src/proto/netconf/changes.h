// SPDX-License-Identifier: Apache-2.0
// What a commit changes, in words of the protocol. Between the files of the server.
#pragma once

#include "schema/schema.h"

struct map;

// The node that a change is about, in the arena.
const char *netconf_change_path(const struct schema_change *change, struct arena *arena);
// Appends the changes from number `since` on as <edit> elements of RFC 6470; nothing when there are very many.
// `namespaces`: module to namespace.
void netconf_changes_print(const struct schema_tree *tree, size_t since,
			   const struct map *namespaces, struct buf *out);
