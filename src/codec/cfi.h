// SPDX-License-Identifier: Apache-2.0
// The consumer-facing model as documents: ietf-i2nsf-cons-facing-interface to and from struct
// intent.
#pragma once

#include "base/base.h"

struct arena;
struct buf;
struct diags;
struct intent;
struct schema_tree;

// Reads the policies, endpoint groups and threat prevention of a validated tree; other modules'
// nodes are left alone. Everything in `*out` is in the arena. False, and `*out` untouched, when it
// added errors (a node or value that this version does not know: nothing of a policy is ever passed
// over).
bool codec_cfi_read(const struct schema_tree *tree, struct arena *arena, struct diags *diags,
		    struct intent *out) must_check;

// Appends the intent as an XML instance document of up to several roots. Reading it gives the same
// intent, but for file and line.
void codec_cfi_write(const struct intent *intent, struct buf *out);
