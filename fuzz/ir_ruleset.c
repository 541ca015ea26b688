// SPDX-License-Identifier: Apache-2.0
// The IR as bytes, as the enforcer and the store read it: what is accepted is written again byte for byte, and can be
// printed, lowered and evaluated.
#include "base/wire.h"
#include "ir/ir.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct ir_ruleset *ruleset, struct arena *arena)
{
	struct ir_ruleset lowered;
	struct ir_packet packet = {.time = 1773219600};
	struct ir_outcome outcome;
	struct buf text;
	buf_init(&text);
	ir_ruleset_lower_time(ruleset, arena, 1773219600, 1773219600 + 90 * 86400, &lowered);
	ir_eval(ruleset, &packet, arena, &outcome);
	ir_eval(&lowered, &packet, arena, &outcome);
	for (size_t i = 0; i < ruleset->rule.len; i++)
		ir_rule_print(&ruleset->rule.at[i], &text);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	arena_init(&arena);
	struct wire_reader in = wire_reader(data, size);
	struct ir_ruleset ruleset;
	if (ir_ruleset_decode(&in, &arena, &ruleset) && wire_done(&in)) {
		struct buf again;
		buf_init(&again);
		ir_ruleset_encode(&ruleset, &again);
		assert(again.len == size && !memcmp(again.data, data, size));
		buf_fini(&again);
		use(&ruleset, &arena);
	}
	arena_fini(&arena);
	return 0;
}
