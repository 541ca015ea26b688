// SPDX-License-Identifier: Apache-2.0
// The difference of two ordered lists of named rules. Names are matched by a hash map; what is in both
// is put into order by the longest increasing subsequence, so that as few rules as possible count as
// moved. Rules are compared by their meaning as bytes. Nothing is sent from here.
#include "plan/plan.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/wire.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT 1

struct diff {
	struct arena *arena;
	const struct ir_ruleset *before, *after;
	const size_t *partner_before; // of each rule after: its place before, or PLAN_NOWHERE
	bool *found;                  // each rule before: has a partner
	bool *moved;                  // each rule after
};

// The key of the n-th rule of a name.
static const char *key_of(const struct ir_rule *rule, struct map *counts, struct arena *arena)
{
	const char *name =
		arena_printf(arena, "%zu %s/%s", strlen(rule->policy), rule->policy, rule->name);
	size_t n = (size_t)(uintptr_t)map_get(counts, name) + 1;
	(void)!map_put(counts, name, (void *)(uintptr_t)n);
	return n == 1 ? name : arena_printf(arena, "%s %zu", name, n);
}

const size_t *plan_match(const struct ir_ruleset *before, const struct ir_ruleset *after,
			 struct arena *arena)
{
	struct map places = {.arena = arena}, counts = {.arena = arena};
	struct map counts_after = {.arena = arena};
	size_t *partner = arena_array(arena, size_t, after->rule.len + 1);
	for (size_t i = 0; i < before->rule.len; i++)
		(void)!map_put(&places, key_of(&before->rule.at[i], &counts, arena),
			       (void *)(uintptr_t)(i + 1));
	for (size_t i = 0; i < after->rule.len; i++) {
		const char *key = key_of(&after->rule.at[i], &counts_after, arena);
		size_t place = (size_t)(uintptr_t)map_get(&places, key);
		partner[i] = place ? place - 1 : PLAN_NOWHERE;
	}
	return partner;
}

// Patience sorting: `last[k]` is the rule that ends the best increasing run of k + 1 rules. What is not on the
// longest run has moved.
static void find_moves(struct diff *d)
{
	size_t n = d->after->rule.len, runs = 0;
	size_t *last = arena_array(d->arena, size_t, n),
	       *previous = arena_array(d->arena, size_t, n);
	for (size_t i = 0; i < n; i++) {
		size_t lo = 0, hi = runs;
		if (d->partner_before[i] == PLAN_NOWHERE)
			continue;
		while (lo < hi) {
			size_t mid = (lo + hi) / 2;
			if (d->partner_before[last[mid]] < d->partner_before[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		previous[i] = lo ? last[lo - 1] : PLAN_NOWHERE;
		last[lo] = i;
		runs += lo == runs;
		d->moved[i] = true;
	}
	for (size_t i = runs ? last[runs - 1] : PLAN_NOWHERE; i != PLAN_NOWHERE; i = previous[i])
		d->moved[i] = false;
}

static bool same_meaning(const struct ir_rule *a, const struct ir_rule *b, struct buf scratch[2])
{
	buf_clear(&scratch[0]);
	buf_clear(&scratch[1]);
	ir_rule_meaning(a, &scratch[0]);
	ir_rule_meaning(b, &scratch[1]);
	return scratch[0].len == scratch[1].len &&
	       !memcmp(scratch[0].data, scratch[1].data, scratch[0].len);
}

static void add_removals(struct diff *d, struct plan_nsf *out)
{
	for (size_t i = 0; i < d->before->rule.len; i++) {
		if (d->found[i])
			continue;
		struct plan_change c = {
			.kind = PLAN_REMOVE, .before_at = i, .after_at = PLAN_NOWHERE};
		c.before = &d->before->rule.at[i];
		vec_push(d->arena, &out->change, c);
		out->removed++;
	}
}

static void add_rest(struct diff *d, struct plan_nsf *out)
{
	struct buf scratch[2];
	buf_init(&scratch[0]);
	buf_init(&scratch[1]);
	for (size_t i = 0; i < d->after->rule.len; i++) {
		size_t at = d->partner_before[i];
		struct plan_change c = {.after = &d->after->rule.at[i],
					.after_at = i,
					.before_at = at,
					.moved = d->moved[i]};
		c.before = at == PLAN_NOWHERE ? NULL : &d->before->rule.at[at];
		bool same = c.before && same_meaning(c.before, c.after, scratch);
		c.kind = !c.before ? PLAN_ADD : same ? PLAN_MOVE : PLAN_CHANGE;
		out->added += c.kind == PLAN_ADD;
		out->changed += c.kind == PLAN_CHANGE;
		out->moved += c.kind == PLAN_MOVE && c.moved;
		out->unchanged += same && !c.moved;
		if (!same || c.moved)
			vec_push(d->arena, &out->change, c);
	}
	buf_fini(&scratch[0]);
	buf_fini(&scratch[1]);
}

static void compare(const struct plan_input *in, struct arena *arena, struct plan_nsf *out)
{
	static const struct ir_ruleset nothing = {0};
	struct diff d = {.arena = arena, .after = in->intended};
	d.before = in->deployed ? in->deployed : &nothing;
	d.partner_before = plan_match(d.before, d.after, arena);
	d.moved = arena_array(arena, bool, d.after->rule.len);
	d.found = arena_array(arena, bool, d.before->rule.len);
	*out = (struct plan_nsf){
		.nsf = in->nsf,
		.deployed = in->deployed,
		.intended = in->intended,
		.first = !in->deployed,
		.default_changed = !in->deployed ||
				   in->deployed->default_action != in->intended->default_action,
	};
	for (size_t i = 0; i < d.after->rule.len; i++)
		if (d.partner_before[i] != PLAN_NOWHERE)
			d.found[d.partner_before[i]] = true;
	find_moves(&d);
	add_removals(&d, out);
	add_rest(&d, out);
}

void plan_make(const struct plan_input *in, size_t nsfs, struct arena *arena, struct plan *out)
{
	*out = (struct plan){0};
	for (size_t i = 0; i < nsfs; i++) {
		struct plan_nsf nsf;
		compare(&in[i], arena, &nsf);
		vec_push(arena, &out->nsf, nsf);
	}
}

bool plan_empty(const struct plan *plan)
{
	for (size_t i = 0; i < plan->nsf.len; i++)
		if (plan->nsf.at[i].change.len || plan->nsf.at[i].default_changed)
			return false;
	return true;
}

void plan_bytes(const struct plan *plan, struct buf *out)
{
	wire_put_u8(out, FORMAT);
	wire_put_u32(out, (uint32_t)plan->nsf.len);
	for (size_t i = 0; i < plan->nsf.len; i++) {
		const struct plan_nsf *nsf = &plan->nsf.at[i];
		wire_put_text(out, nsf->nsf);
		wire_put_u8(out, nsf->deployed != NULL);
		if (nsf->deployed)
			ir_ruleset_encode(nsf->deployed, out);
		ir_ruleset_encode(nsf->intended, out);
	}
}
