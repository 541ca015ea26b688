// SPDX-License-Identifier: Apache-2.0
// The packet of `bulwark query`: any text is a packet or has a diag.
#include "base/diag.h"
#include "ir/ir.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct diags diags;
	struct ir_packet packet;
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool good = ir_packet_parse(arena_strndup(&arena, (const char *)data, size), 0, &arena,
				    &diags, &packet);
	assert(good || diags.errors);
	arena_fini(&arena);
	return 0;
}
