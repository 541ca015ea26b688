// SPDX-License-Identifier: Apache-2.0
// What front and enforcer say to each other: what is accepted is written again byte for byte.
#include "agent/message.h"
#include "base/buf.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct agent_message message;
	arena_init(&arena);
	if (agent_message_decode(data, size, &arena, &message)) {
		struct buf again;
		buf_init(&again);
		agent_message_encode(&message, &again);
		assert(again.len == size && !memcmp(again.data, data, size));
		buf_fini(&again);
	}
	arena_fini(&arena);
	return 0;
}
