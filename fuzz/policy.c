// SPDX-License-Identifier: Apache-2.0
// Policy documents of any model, XML or JSON as their first byte says, several of them with a zero byte between: whatever
// the bytes are, they become rules in order, or errors that say something. What is accepted can be lowered without another
// meaning, and be written for an NSF, as an access control list and for nft, or
// be refused in words.
#include "backend/nft/nft.h"
#include "base/buf.h"
#include "base/diag.h"
#include "codec/acl.h"
#include "codec/nfi.h"
#include "engine/load.h"
#include "place/place.h"
#include "schema/schema.h"

#include <assert.h>
#include <string.h>

#define NOW 1773219600
#define FILES_MOST 4
#define BYTES_MOST ((size_t)256 << 20)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct schema *schema;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	schema = engine_load_schema(&diags);
	assert(schema);
	arena_fini(&arena);
	return 0;
}

static size_t split(const char *data, size_t size, struct schema_input *inputs)
{
	size_t n = 0;
	for (const char *end = data + size; n < FILES_MOST;) {
		const char *zero =
			n + 1 < FILES_MOST ? memchr(data, '\0', (size_t)(end - data)) : NULL;
		const char *stop = zero ? zero : end;
		inputs[n++] = (struct schema_input){
			.file = "-", .data = data, .len = (size_t)(stop - data)};
		if (!zero)
			break;
		data = zero + 1;
	}
	return n;
}

static void judge(const struct ir_ruleset *rules, const struct ir_ruleset *lowered,
		  struct arena *arena)
{
	struct ir_packet packet = {.time = NOW};
	struct ir_outcome outcome, again;
	ir_eval(rules, &packet, arena, &outcome);
	ir_eval(lowered, &packet, arena, &again);
	assert(outcome.verdict == again.verdict && !outcome.rule == !again.rule);
}

// Every way out takes it, or says why not.
static void emit(struct ir_ruleset *rules, struct ir_ruleset *lowered, struct arena *arena)
{
	struct diags nfi, nft, acl;
	struct place_needs needs;
	struct buf text;
	diags_init(&nfi, arena);
	diags_init(&nft, arena);
	diags_init(&acl, arena);
	buf_init(&text);
	rules->default_action = lowered->default_action = IR_DROP;
	for (size_t i = 0; i < rules->rule.len; i++) {
		ir_rule_print(&rules->rule.at[i], &text);
		place_needs(&rules->rule.at[i], arena, &needs);
	}
	assert(codec_nfi_write(rules, &nfi, &text) == !nfi.errors);
	assert(codec_acl_write(rules, &acl, &text) == !acl.errors);
	assert(backend_nft_print(lowered, NULL, &nft, &text) == !nft.errors);
	buf_fini(&text);
}

static void use(const struct ir_document *document, struct arena *arena, struct diags *diags)
{
	struct ir_ruleset rules, lowered;
	ir_document_order(document, arena, diags, &rules);
	ir_ruleset_lower_time(&rules, arena, NOW, NOW + 90 * 86400, &lowered);
	judge(&rules, &lowered, arena);
	emit(&rules, &lowered, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct diags diags;
	struct schema_input inputs[FILES_MOST];
	struct ir_document document;
	struct translate_options options = translate_options_default(NOW);
	arena_init(&arena);
	diags_init(&diags, &arena);
	options.bytes_most = BYTES_MOST;
	struct engine_load load = {
		.schema = schema, .translate = &options, .arena = &arena, .diags = &diags};
	size_t n = split((const char *)data, size, inputs);
	bool good = engine_load(&load, inputs, n, &document);
	assert(good == !diags.errors);
	for (size_t i = 0; i < diags.list.len; i++)
		assert(diags.list.at[i].text &&
		       (diags.list.at[i].severity != DIAG_ERROR || diags.list.at[i].hint));
	if (good)
		use(&document, &arena, &diags);
	arena_fini(&arena);
	return 0;
}
