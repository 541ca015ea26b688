// SPDX-License-Identifier: Apache-2.0
// The packet of `bulwark query`: any text is a packet or has a diag; a packet prints as text that reads back and prints the
// same. The text as a condition and as a rule: read, or a diag.
#include "base/buf.h"
#include "base/diag.h"
#include "ir/ir.h"

#include <assert.h>
#include <string.h>

#define YEARS_PRINTED \
	250000000000 // seconds: of times before the year 9892 all zones print in four digits

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prints_and_reads_back(const struct ir_packet *packet, struct arena *arena)
{
	struct diags diags;
	struct ir_packet back;
	struct buf text, again;
	buf_init(&text);
	buf_init(&again);
	diags_init(&diags, arena);
	ir_packet_print(packet, &text);
	assert(ir_packet_parse(text.data, 0, arena, &diags, &back));
	ir_packet_print(&back, &again);
	assert(!strcmp(text.data, again.data));
	buf_fini(&text);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct diags diags;
	struct ir_packet packet;
	struct ir_clause clause;
	struct ir_rule rule;
	arena_init(&arena);
	diags_init(&diags, &arena);
	const char *text = arena_strndup(&arena, (const char *)data, size);
	bool good = ir_packet_parse(text, 0, &arena, &diags, &packet);
	assert(good || diags.errors);
	if (good && packet.time >= 0 && packet.time < YEARS_PRINTED)
		prints_and_reads_back(&packet, &arena);
	size_t before = diags.errors;
	assert(ir_clause_parse(text, "where", &arena, &diags, &clause, NULL) ||
	       diags.errors > before);
	before = diags.errors;
	assert(ir_rule_parse(text, "add", &arena, &diags, &rule) || diags.errors > before);
	arena_fini(&arena);
	return 0;
}
