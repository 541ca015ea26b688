// SPDX-License-Identifier: Apache-2.0
// Flow logs in pieces: flows or diags, and the same flows whatever the pieces are.
#include "base/diag.h"
#include "verify/flows.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count(void *user, const struct verify_flow *flow)
{
	uint64_t *sum = user;
	*sum = *sum * 31 + flow->line + (uint64_t)flow->packet.value[IR_DPORT] + flow->bytes;
	return true;
}

static uint64_t read_pieces(const uint8_t *data, size_t size, size_t piece)
{
	struct arena arena;
	struct diags diags;
	struct verify_flow_count counts;
	uint64_t sum = 1;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct verify_flow_log log = {.file = "-", .diags = &diags, .found = count, .user = &sum};
	struct verify_flows *flows = verify_flows_new(&log);
	bool good = true;
	for (size_t at = 0; good && at < size; at += piece)
		good = verify_flows_feed(flows, (const char *)data + at,
					 size - at < piece ? size - at : piece);
	good = verify_flows_end(flows, &counts);
	assert(good || diags.errors);
	verify_flows_free(flows);
	arena_fini(&arena);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	assert(read_pieces(data, size, 1) == read_pieces(data, size, size + 1));
	return 0;
}
