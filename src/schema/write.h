// SPDX-License-Identifier: Apache-2.0
// The writers of XML (RFC 7950) and JSON (RFC 7951): one node at a time, between calls that open and close the nodes
// around it. What is written is decided by view.c. Internal to this folder.
#pragma once

#include "schema/node.h"

// A node that is open, or the top (node NULL).
struct write_level {
	const struct schema_node *node;
	unsigned indent;                // of what stands in it
	bool holds;                     // something stands in it
	const struct model_node *array; // JSON: the list or leaf-list whose array is open
	size_t tags;
};

struct write {
	struct buf *out;
	bool json, indented;
};

void write_top_open(const struct write *w, struct write_level *top);
void write_top_close(const struct write *w, struct write_level *top);
// Opens a container or list entry inside of `outer`; fills `level`.
void write_open(const struct write *w, struct write_level *outer, const struct schema_node *node,
		struct write_level *level);
void write_close(const struct write *w, struct write_level *level);
// A leaf, leaf-list value, anydata or anyxml; `is_default` marks it so.
void write_value(const struct write *w, struct write_level *outer, const struct schema_node *node,
		 bool is_default);
