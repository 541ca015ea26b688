// SPDX-License-Identifier: Apache-2.0
// The envelope of a YANG Patch (RFC 8072): what is edited how. What the values hold is not looked at.
#pragma once

#include "base/arena.h"
#include "schema/resource.h"

enum schema_patch_operation {
	SCHEMA_PATCH_CREATE,
	SCHEMA_PATCH_DELETE,
	SCHEMA_PATCH_INSERT,
	SCHEMA_PATCH_MERGE,
	SCHEMA_PATCH_MOVE,
	SCHEMA_PATCH_REPLACE,
	SCHEMA_PATCH_REMOVE
};
struct schema_patch_edit {
	const char *id;
	enum schema_patch_operation operation;
	const char *target, *point; // paths, still percent-encoded; point NULL: none
	enum schema_where where;    // of insert and move
	struct schema_input value;  // data NULL: none
};
struct schema_patch {
	const char *id, *comment; // id: as soon as it could be read, else NULL; comment may be NULL
	VEC(struct schema_patch_edit) edit;
};
// Everything in the arena, but the values, which may borrow from the input. False and diags: it is no YANG Patch.
bool schema_patch_read(struct schema *schema, const struct schema_input *input, struct arena *arena,
		       struct diags *diags, struct schema_patch *out) must_check;
