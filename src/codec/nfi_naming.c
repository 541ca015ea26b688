// SPDX-License-Identifier: Apache-2.0
// Which rule of a name, which of its clauses and which part of that a written rule is, as codec/nfi.h has it.
#include "codec/nfi_naming.h"

// How often a name was seen.
struct seen {
	unsigned total, written;
};

void nfi_naming_init(struct nfi_naming *naming, struct arena *arena)
{
	*naming = (struct nfi_naming){.seen = {.arena = arena}};
	buf_init(&naming->name);
}

void nfi_naming_fini(struct nfi_naming *naming)
{
	buf_fini(&naming->name);
}

static struct seen *name_rule(struct nfi_naming *naming, const struct ir_rule *rule)
{
	buf_clear(&naming->name);
	nfi_name_write(rule->policy, rule->name, &naming->name);
	naming->len = naming->name.len;
	struct seen *seen = map_get(&naming->seen, naming->name.data);
	if (!seen) {
		seen = arena_new(naming->seen.arena, struct seen);
		(void)!map_put(&naming->seen, arena_strdup(naming->seen.arena, naming->name.data),
			       seen);
	}
	return seen;
}

void nfi_naming_count(struct nfi_naming *naming, const struct ir_rule *rule)
{
	name_rule(naming, rule)->total++;
}

void nfi_naming_start(struct nfi_naming *naming, const struct ir_rule *rule, bool numbered)
{
	struct seen *seen = name_rule(naming, rule);
	naming->run = seen->total > 1 ? ++seen->written : 0;
	naming->numbered = numbered;
	naming->clause = 0;
}

void nfi_naming_clause(struct nfi_naming *naming, size_t parts)
{
	naming->clause++;
	naming->part = parts > 1;
}

const char *nfi_naming_next(struct nfi_naming *naming)
{
	naming->name.len = naming->len;
	naming->name.data[naming->len] = '\0';
	if (!naming->run && !naming->numbered)
		return naming->name.data;
	buf_addc(&naming->name, '#');
	if (naming->run)
		buf_printf(&naming->name, "%u:", naming->run);
	buf_printf(&naming->name, "%zu", naming->clause);
	if (naming->part)
		buf_printf(&naming->name, ".%zu", naming->part++);
	return naming->name.data;
}
