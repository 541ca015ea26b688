// SPDX-License-Identifier: Apache-2.0
// What a commit changes, in words of the protocol. A leaf that has another value is one change, though the log has two.
#include "proto/netconf/changes.h"
#include "base/arena.h"
#include "base/buf.h"
#include "proto/netconf/path.h"

#include <string.h>

#define CHANGES_MOST 1000

const char *netconf_change_path(const struct schema_change *change, struct arena *arena)
{
	return schema_path(change->node, arena);
}

static void print_edit(const char *path, const char *operation, const struct map *namespaces,
		       struct buf *out)
{
	buf_adds(out, "<edit><target");
	netconf_path_declare(path, namespaces, out);
	buf_addc(out, '>');
	netconf_path_print(path, out);
	buf_printf(out, "</target><operation>%s</operation></edit>", operation);
}

static const char *operation_of(enum schema_change_kind kind)
{
	switch (kind) {
	case SCHEMA_ADDED:
		return "create";
	case SCHEMA_REMOVED:
		return "delete";
	case SCHEMA_MOVED:
		break;
	}
	return "merge";
}

void netconf_changes_print(const struct schema_tree *tree, size_t since,
			   const struct map *namespaces, struct buf *out)
{
	size_t end = schema_changes(tree);
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	if (end - since > CHANGES_MOST)
		return;
	for (size_t i = since; i < end; i++) {
		struct schema_change change = schema_change(tree, i), next = {0};
		// What validation has filled in is nobody's edit.
		if (schema_is_default(change.node))
			continue;
		const char *path = netconf_change_path(&change, &arena);
		if (i + 1 < end)
			next = schema_change(tree, i + 1);
		bool replaced = change.kind == SCHEMA_REMOVED && next.node &&
				next.kind == SCHEMA_ADDED &&
				strcmp(netconf_change_path(&next, &arena), path) == 0;
		print_edit(path, replaced ? "replace" : operation_of(change.kind), namespaces, out);
		i += replaced;
	}
}
