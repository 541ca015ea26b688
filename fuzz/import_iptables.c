// SPDX-License-Identifier: Apache-2.0
// Output of iptables-save or ip6tables-save: whatever the bytes are, they become chains or errors that say something. No
// rule gets lost, and every chain can be printed and asked.
#include "base/buf.h"
#include "base/diag.h"
#include "import/import.h"

#include <assert.h>

#define RULES_MOST 20000 // rules that are printed; more only take time

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct import_chain *chain, struct arena *arena)
{
	struct ir_packet packet = {.time = 1773219600};
	struct ir_outcome outcome;
	struct ir_ruleset ruleset = {.rule.at = chain->policy.rule.at,
				     .rule.len = chain->policy.rule.len};
	struct buf text;
	buf_init(&text);
	for (size_t i = 0; i < ruleset.rule.len && i < RULES_MOST; i++)
		ir_rule_print(&ruleset.rule.at[i], &text);
	ir_packet_set(&packet, IR_FAMILY, chain->family[2] == '6' ? 6 : 4);
	ir_packet_set(&packet, IR_PROTO, 47);
	ir_eval(&ruleset, &packet, arena, &outcome);
	assert(outcome.rule); // the chain's policy at the latest
	assert(chain->source_rules >= chain->opaque_rules);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct diags diags;
	struct import_result result;
	struct import_input input = {"-", (const char *)data, size, IMPORT_IPTABLES};
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (import_recognise(input.data, size) == IMPORT_IP6TABLES)
		input.format = IMPORT_IP6TABLES;
	bool good = import_read(&input, &arena, &diags, &result);
	assert(good == !diags.errors);
	for (size_t i = 0; i < diags.list.len; i++)
		assert(diags.list.at[i].text && diags.list.at[i].hint);
	for (size_t i = 0; good && i < result.chain.len; i++)
		use(&result.chain.at[i], &arena);
	if (good)
		assert(result.elsewhere + result.unreached <= result.source_rules);
	arena_fini(&arena);
	return 0;
}
