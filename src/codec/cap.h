// SPDX-License-Identifier: Apache-2.0
// ietf-i2nsf-capability, both directions.
#pragma once

#include "cap/cap.h"
#include "base/arena.h"

struct buf;
struct diags;
struct schema_node;
struct schema_tree;

struct codec_cap_nsf {
	const char *name;
	struct cap cap;
};
struct codec_cap_nsfs {
	VEC(struct codec_cap_nsf) list;
};

// Every `nsf` of a validated tree, names copied into the arena. False and a diag when the tree has
// none.
bool codec_cap_read(const struct schema_tree *tree, struct arena *arena, struct diags *diags,
		    struct codec_cap_nsfs *out) must_check;
// The leaf-lists below one node that uses the grouping nsf-capabilities, wherever it stands.
void codec_cap_read_node(const struct schema_node *node, struct cap *out);
// One <nsf> element, indented; sets and identities in the model's order.
void codec_cap_write(const char *name, const struct cap *cap, struct buf *out);
