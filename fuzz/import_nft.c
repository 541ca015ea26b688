// SPDX-License-Identifier: Apache-2.0
// `nft list ruleset`, and (compiled as import_nft_json) `nft -j list ruleset`: an error that says what to do,
// or every chain is an IR that can be written, read back, printed and evaluated.
#include "base/buf.h"
#include "base/diag.h"
#include "base/wire.h"
#include "import/import.h"

#include <assert.h>
#include <string.h>

#ifndef FORMAT
#define FORMAT IMPORT_NFT
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_again(const struct ir_ruleset *ruleset, struct arena *arena)
{
	struct buf once, twice;
	buf_init(&once);
	buf_init(&twice);
	ir_ruleset_encode(ruleset, &once);
	struct wire_reader in = wire_reader(once.data, once.len);
	struct ir_ruleset back;
	assert(ir_ruleset_decode(&in, arena, &back) && wire_done(&in));
	ir_ruleset_encode(&back, &twice);
	assert(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
	buf_fini(&twice);
	buf_fini(&once);
}

static void use(const struct import_chain *chain, struct arena *arena)
{
	struct ir_ruleset ruleset = {.default_action = IR_NONE};
	struct ir_packet packet = {.time = 1773219600};
	struct ir_outcome outcome;
	struct buf text;
	buf_init(&text);
	ruleset.rule.at = chain->policy.rule.at;
	ruleset.rule.len = chain->policy.rule.len;
	assert(chain->opaque_rules <= chain->source_rules);
	encode_again(&ruleset, arena);
	ir_packet_set(&packet, IR_FAMILY, 4);
	ir_eval(&ruleset, &packet, arena, &outcome);
	for (size_t i = 0; i < ruleset.rule.len && text.len < 100000; i++)
		ir_rule_print(&ruleset.rule.at[i], &text);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct diags diags;
	struct import_result result;
	struct import_input input = {"-", (const char *)data, size, FORMAT};
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool good = import_read(&input, &arena, &diags, &result);
	assert(good == !diags.errors);
	for (size_t i = 0; i < diags.list.len; i++)
		assert(diags.list.at[i].hint);
	for (size_t i = 0; good && i < result.chain.len; i++)
		use(&result.chain.at[i], &arena);
	arena_fini(&arena);
	return 0;
}
