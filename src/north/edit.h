// SPDX-License-Identifier: Apache-2.0
// One attempt to write: the document that is being changed, in place. Internal to this folder (edit.c, yang_patch.c).
#pragma once

#include "north/internal.h"

struct writing {
	struct exchange *x;
	struct workspace *w;
	struct schema_resource target;
	bool has_kind;
	enum store_kind kind;
	struct access_user *user; // whoever asks, as access control was before the change
	uint32_t base;            // revision
	struct schema_tree *tree; // the document being changed; NULL: not opened yet
	size_t begun;             // its position as the revision
	bool is_new;              // the resource was not there before
	const char *location;     // path of a resource that a POST made, below {+restconf}/data
};

// One change of one resource.
struct change {
	const struct schema_resource *target;
	struct schema_mark mark;
	const struct schema_input *value; // NULL: it needs none
};

// All return 0, or the status that refuses, with diags.

// Whether the resource can be written at all, and by whom; opens the document that it belongs to.
unsigned edit_open(struct writing *w, const struct schema_resource *resource);
// Every list entry above the resource is there; containers come by themselves.
unsigned edit_check_parents(struct writing *w, const struct schema_resource *resource,
			    size_t steps);
// Whether it is there and given.
bool edit_exists(const struct writing *w, const struct schema_resource *resource) must_check;
// Reads the path of `point` and checks that it is an entry beside the target.
unsigned edit_read_point(struct writing *w, const struct schema_resource *target, const char *point,
			 struct schema_resource *out);
unsigned edit_change(struct writing *w, const struct change *change);
unsigned edit_absent(struct writing *w, const struct schema_resource *resource, const char *hint);
// A YANG Patch as the body: applies it; `status_out` tells which edit has failed.
unsigned edit_yang_patch(struct writing *w, struct restconf_patch_status *status_out);
