// SPDX-License-Identifier: Apache-2.0
// Diags about nodes of a tree: file and line from the node's mark, the path from libyang.
#include "schema/report.h"

#include <libyang/libyang.h>
#include <stdarg.h>
#include <stdlib.h>

void report(const struct schema_tree *tree, const struct lyd_node *node, const struct diag *about,
	    struct diags *diags, const char *fmt, ...)
{
	struct arena arena;
	struct diag d = *about;
	arena_init(&arena);
	va_list ap;
	va_start(ap, fmt);
	const char *text = arena_vprintf(&arena, fmt, ap);
	va_end(ap);
	const struct lyd_node *placed = node;
	while (placed && !model_mark(placed).line)
		placed = lyd_parent(placed);
	if (placed) {
		d.line = model_mark(placed).line;
		d.file = tree->files.at[model_mark(placed).file];
	}
	char *path = node && !d.path ? lyd_path(node, LYD_PATH_STD, NULL, 0) : NULL;
	if (path)
		d.path = path;
	diag_add(diags, &d, "%s", text);
	free(path);
	arena_fini(&arena);
}
