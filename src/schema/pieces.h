// SPDX-License-Identifier: Apache-2.0
// Building a tree while its document is still being read: entries of long lists become nodes as soon as they are complete,
// and their records go. Internal to this folder.
#pragma once

#include "schema/build.h"

// Somewhere in the document are data: at its top, in <config> around everything, or in the <config> of an operation.
enum pieces_where { PIECES_DOCUMENT, PIECES_RPC };

struct pieces {
	struct builder *builder; // of those data
	enum pieces_where where;
	uint32_t base; // depth of what has the data in it
	bool begun, ended;
};

// doc_init with this. Data that were not taken until its end are left to build_children.
bool pieces_read(struct pieces *pieces, struct schema *schema, const struct schema_input *input,
		 struct diags *diags) must_check;
