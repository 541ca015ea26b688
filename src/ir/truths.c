// SPDX-License-Identifier: Apache-2.0
// What is told about conditions that no header shows: which opaque conditions hold, and whose rates are exceeded.
#include "ir/ir.h"

#include <string.h>

static bool told_holds(const struct ir_told *told, const struct ir_opaque *opaque)
{
	if (opaque->name && !strcmp(opaque->name, told->value))
		return true;
	for (size_t i = 0; i < opaque->len; i++)
		if (!strcmp(opaque->value[i], told->value))
			return true;
	return false;
}

bool ir_truths_hold(const struct ir_packet *packet, const struct ir_opaque *opaque, bool *known_out)
{
	const struct ir_truths *truths = packet->context;
	*known_out = truths->all_known;
	for (size_t i = 0; i < truths->told.len; i++) {
		if (truths->told.at[i].kind != opaque->kind)
			continue;
		*known_out = true;
		if (told_holds(&truths->told.at[i], opaque))
			return true;
	}
	return false;
}

static bool same_traffic(const struct ir_rule *a, const struct ir_rule *b)
{
	if (a == b)
		return true;
	if (!ir_rate_equal(a->rate, b->rate) || a->clauses != b->clauses)
		return false;
	for (size_t i = 0; i < a->clauses; i++)
		if (!ir_clause_equal(&a->clause[i], &b->clause[i]))
			return false;
	return true;
}

bool ir_truths_exceeded(const struct ir_packet *packet, const struct ir_rule *rule)
{
	const struct ir_truths *truths = packet->context;
	for (size_t i = 0; i < truths->exceeded.len; i++)
		if (same_traffic(truths->exceeded.at[i], rule))
			return true;
	for (size_t i = 0; i < truths->over.len; i++)
		if (rule->name && !strcmp(truths->over.at[i], rule->name))
			return true;
	return packet->over_rate;
}
