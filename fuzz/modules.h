// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share that know YANG modules.
#pragma once

#include "base/diag.h"
#include "schema/schema.h"

#include <assert.h>

// Of these modules (NULL ends them): read at the first call, and kept.
static inline struct schema *fuzz_modules(const char *const *modules)
{
	static struct schema *schema;
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (!schema)
		schema = schema_open(NULL, modules, &diags);
	assert(schema);
	return schema;
}
