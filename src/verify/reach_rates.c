// SPDX-License-Identifier: Apache-2.0
// Exceeded rates in images. A rule has one meter for both directions, and that of an equal rule on another NSF is not the
// same; so a rate condition becomes an opaque condition that names NSF and rule, the same in all images of the ruleset.
#include "verify/lower.h"
#include "verify/reach_inner.h"

#include <string.h>

static const char rate_name[] = "rate"; // its address tells these conditions from the rulesets' own

const struct ir_rule *reach_rate_rule(const struct reach_images *images,
				      const struct ir_opaque *opaque)
{
	for (size_t i = 0; opaque->name == rate_name && i < images->rate.len; i++)
		if (!strcmp(images->rate.at[i].opaque->value[0], opaque->value[0]))
			return images->rate.at[i].rule;
	return NULL;
}

bool reach_is_rate(const struct reach_images *images, const char *value)
{
	for (size_t i = 0; i < images->rate.len; i++)
		if (images->rate.at[i].opaque->value[0] == value ||
		    images->rate.at[i].opaque->name == value)
			return true;
	return false;
}

static void hide_rate(struct reach_images *images, struct reach_image *image, size_t number)
{
	struct arena *arena = images->arena;
	struct ir_rule *rule = &image->ruleset.rule.at[number];
	struct ir_opaque *opaque = arena_array(arena, struct ir_opaque, rule->opaques + 1);
	const char **value = arena_new(arena, const char *);
	*value = arena_printf(arena, "rate of rule %zu of NSF %zu", number, image->nsf);
	if (rule->opaques)
		memcpy(opaque, rule->opaque, rule->opaques * sizeof(*opaque));
	opaque[rule->opaques] = (struct ir_opaque){IR_OPAQUE_FOREIGN, rate_name, value, 1, false};
	const struct ir_ruleset *ruleset = images->network->nsf.at[image->nsf].ruleset;
	vec_push(arena, &images->rate,
		 (struct reach_rate){&ruleset->rule.at[number], &opaque[rule->opaques]});
	rule->opaque = opaque;
	rule->opaques++;
	rule->rate = (struct ir_rate){0};
}

void reach_hide_rates(struct reach_images *images, struct reach_image *image)
{
	for (size_t i = 0; i < image->ruleset.rule.len; i++)
		if (ir_rule_has_rate_condition(&image->ruleset.rule.at[i]))
			hide_rate(images, image, i);
}

bool reach_rate_exceeded(const struct reach_images *images, const struct ir_packet *flow,
			 const struct ir_rule *rule)
{
	bool known;
	for (size_t i = 0; i < images->rate.len; i++)
		if (images->rate.at[i].rule == rule)
			return flow->opaque_holds(flow, images->rate.at[i].opaque, &known);
	return false;
}
