// SPDX-License-Identifier: Apache-2.0
// Instance paths on the wire. Inside, a name has its module where that changes ("/m:a/b[k='1']"); in XML each name has a
// prefix (RFC 7950 section 9.13), as XPath takes a name without one to be in no namespace. Prefixes are names of modules.
#pragma once

#include "base/arena.h"

struct buf;
struct map;

// Appends the declarations of the prefixes that a path needs, each once: ` xmlns:m="…"`. `namespaces`: module to namespace.
void netconf_path_declare(const char *path, const struct map *namespaces, struct buf *out);
// Appends the path with a prefix for each name, escaped for XML.
void netconf_path_print(const char *path, struct buf *out);
// The same back, in the arena. A prefix that the name before has, too, is left out.
const char *netconf_path_read(struct arena *arena, const char *text);
