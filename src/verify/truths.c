// SPDX-License-Identifier: Apache-2.0
// Truths: what may or may not be of a packet beside its headers. Two opaque conditions are one truth when they ask for the
// same values (or, without values, have the same name); two exceeded rates when the rates and what they measure are.
#include "verify/lower.h"
#include "base/buf.h"

#include <string.h>

static const char *opaque_key(const struct ir_opaque *opaque, struct arena *arena)
{
	struct buf key;
	buf_init(&key);
	buf_printf(&key, "%u", (unsigned)opaque->kind);
	for (size_t i = 0; i < opaque->len; i++)
		buf_printf(&key, " %zu:%s", strlen(opaque->value[i]), opaque->value[i]);
	if (!opaque->len && opaque->name)
		buf_printf(&key, " %s", opaque->name);
	const char *text = arena_strndup(arena, key.data, key.len);
	buf_fini(&key);
	return text;
}

// What a rule does with the packets is no part of it.
static const char *rate_key(const struct ir_rule *rule, struct arena *arena)
{
	struct ir_rule measured = {
		.rate = rule->rate, .clause = rule->clause, .clauses = rule->clauses};
	struct buf meaning, key;
	buf_init(&meaning);
	buf_init(&key);
	ir_rule_meaning(&measured, &meaning);
	for (size_t i = 0; i < meaning.len; i++)
		buf_printf(&key, "%02x", (unsigned char)meaning.data[i]);
	const char *text = arena_strndup(arena, key.data, key.len);
	buf_fini(&key);
	buf_fini(&meaning);
	return text;
}

uint32_t verify_truth_number(struct verify_space *space, const struct verify_truth *truth)
{
	const char *key = truth->opaque ? opaque_key(truth->opaque, space->arena)
					: rate_key(truth->rate, space->arena);
	void *there = map_get(&space->truths, key);
	if (there)
		return (uint32_t)(uintptr_t)there - 1;
	vec_push(space->arena, &space->truth, *truth);
	map_put(&space->truths, key, (void *)(uintptr_t)space->truth.len);
	return (uint32_t)space->truth.len - 1;
}

uint32_t verify_truth_find(const struct verify_space *space, const struct verify_truth *truth)
{
	struct arena scratch;
	arena_init(&scratch);
	const char *key = truth->opaque ? opaque_key(truth->opaque, &scratch)
					: rate_key(truth->rate, &scratch);
	void *there = map_get(&space->truths, key);
	arena_fini(&scratch);
	return there ? (uint32_t)(uintptr_t)there - 1 : UINT32_MAX;
}
