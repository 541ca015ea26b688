// SPDX-License-Identifier: Apache-2.0
// Printing trees and nodes as XML or JSON (RFC 7950, RFC 7951), straight into a buffer.
#include "base/buf.h"
#include "schema/model.h"

#include <libyang/libyang.h>
#include <stdlib.h>

static ssize_t write_buf(void *buf, const void *data, size_t len)
{
	buf_add(buf, data, len);
	return (ssize_t)len;
}

static void print(const struct lyd_node *node, bool siblings, enum schema_format format,
		  unsigned flags, struct buf *out)
{
	struct ly_out *to = NULL;
	uint32_t options = flags & SCHEMA_PRINT_DEFAULTS ? LYD_PRINT_WD_ALL : LYD_PRINT_WD_EXPLICIT;
	if (!(flags & SCHEMA_PRINT_INDENT))
		options |= LYD_PRINT_SHRINK;
	if (ly_out_new_clb(write_buf, out, &to))
		abort(); // memory
	LYD_FORMAT as = format == SCHEMA_JSON ? LYD_JSON : LYD_XML;
	if (siblings)
		(void)lyd_print_all(to, node, as, options);
	else
		(void)lyd_print_tree(to, node, as, options);
	ly_out_free(to, NULL, 0);
}

void schema_print(const struct schema_tree *tree, enum schema_format format, unsigned flags,
		  struct buf *out)
{
	if (tree->first)
		print(tree->first, true, format, flags, out);
	else if (format == SCHEMA_JSON)
		buf_adds(out, "{}");
}

void schema_print_node(const struct schema_node *node, enum schema_format format, unsigned flags,
		       struct buf *out)
{
	print(node_data(node), false, format, flags, out);
}
