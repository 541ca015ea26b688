// SPDX-License-Identifier: Apache-2.0
// Diags about nodes of a tree: file, line and path are the node's.
#include "schema/report.h"
#include "base/buf.h"

#include <stdarg.h>

void report(const struct schema_tree *tree, const struct schema_node *node,
	    const struct diag *about, struct diags *diags, const char *fmt, ...)
{
	struct arena arena;
	struct diag d = *about;
	arena_init(&arena);
	va_list ap;
	va_start(ap, fmt);
	const char *text = arena_vprintf(&arena, fmt, ap);
	va_end(ap);
	const struct schema_node *placed = node;
	while (placed && !placed->line)
		placed = placed->parent;
	if (placed) {
		d.line = placed->line;
		d.file = tree->schema->files.at[placed->file];
	}
	struct buf path;
	buf_init(&path);
	if (node && !d.path) {
		node_path(node, &path);
		d.path = path.len ? path.data : NULL;
	}
	diag_add(diags, &d, "%s", text);
	buf_fini(&path);
	arena_fini(&arena);
}
