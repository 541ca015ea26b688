// SPDX-License-Identifier: Apache-2.0
// Findings about paths, gathered by the lines they come from.
#include "cli/lines.h"

#include <stdio.h>
#include <string.h>

static const char *place(struct arena *arena, const struct ir_rule *rule)
{
	return arena_printf(arena, "%s:%u", rule->file, rule->line);
}

struct line *lines_find(const struct lines *lines, const struct ir_rule *rule)
{
	char key[512];
	if (!rule->file || !rule->line ||
	    snprintf(key, sizeof(key), "%s:%u", rule->file, rule->line) >= (int)sizeof(key))
		return NULL;
	return map_get(&lines->by_place, key);
}

void lines_add(struct lines *lines, const struct ir_ruleset *ruleset)
{
	size_t *unit;
	lines->by_place.arena = lines->arena;
	verify_units(ruleset, lines->arena, &unit);
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		if (unit[i] != i || !rule->file || !rule->line)
			continue;
		struct line *line = lines_find(lines, rule);
		if (!line) {
			line = arena_new(lines->arena, struct line);
			line->rule = rule;
			line->shown = VERIFY_KINDS;
			map_put(&lines->by_place, place(lines->arena, rule), line);
			vec_push(lines->arena, &lines->list, line);
		}
		line->paths++;
	}
}

const char *lines_name(const struct line *line)
{
	const char *name = line->rule->name ? line->rule->name : "?", *at;
	while ((at = strstr(name, " > ")))
		name = at + 3;
	return name;
}

enum verify_kind lines_kind(const struct line *line)
{
	size_t dead = line->found[VERIFY_EMPTY] + line->found[VERIFY_SHADOWED] +
		      line->found[VERIFY_CONFLICTING];
	if (dead + line->found[VERIFY_REDUNDANT] < line->paths)
		return VERIFY_KINDS;
	if (line->found[VERIFY_REDUNDANT])
		return VERIFY_REDUNDANT;
	return line->found[VERIFY_CONFLICTING] ? VERIFY_CONFLICTING
	       : line->found[VERIFY_SHADOWED]  ? VERIFY_SHADOWED
					       : VERIFY_EMPTY;
}
