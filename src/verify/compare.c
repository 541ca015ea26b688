// SPDX-License-Identifier: Apache-2.0
// Two rulesets: both as layers of one space (space.c), what they have in common cancelled (sides.c), the pairs of rules
// that differ (pairs.c), and for those that are shown where (areas.c) in words (words.c), with a packet. A and B differ
// exactly when a box of A and a box of B with different effects meet in a point that nothing before either of them holds.
#include "verify/compare.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	WORDS_MOST = 4,
	CANDIDATES = 4
}; // of one pair; pairs looked at closely for each that is shown

struct comparing {
	const struct verify_options *options;
	struct arena *arena, scratch;
	struct verify_space *space;
	struct verify_measure *measure; // by slice
	struct verify_sides *sides;
	size_t made;   // sides
	size_t memory; // that is left
	struct verify_pairs pairs;
	struct verify_comparison *out;
};

// --- what is shown of a pair ---

struct shown {
	const struct verify_pair *pair;
	struct verify_areas areas;
	double width;
};

static const struct ir_rule *rule_of(const struct ir_ruleset *ruleset, uint32_t owner)
{
	return owner < VERIFY_NO_FLOW ? &ruleset->rule.at[owner] : NULL;
}

static enum ir_verdict verdict_of(const struct ir_ruleset *ruleset, uint32_t owner)
{
	if (owner == VERIFY_NO_FLOW)
		return IR_DROP;
	return owner == VERIFY_DEFAULT ? ruleset->default_action : ruleset->rule.at[owner].verdict;
}

static void put_difference(struct comparing *c, const struct verify_pair *pair,
			   const struct verify_words *words)
{
	const struct ir_ruleset *a = c->space->ruleset[0], *b = c->space->ruleset[1];
	const struct verify_slice *slice = c->space->slice.at[words->area->slice];
	struct verify_difference difference = {.verdict_a = verdict_of(a, pair->a),
					       .verdict_b = verdict_of(b, pair->b),
					       .rule_a = rule_of(a, pair->a),
					       .rule_b = rule_of(b, pair->b),
					       .region = words->clause,
					       .exact = words->exact,
					       .reply = words->reply};
	difference.packet = verify_packet(c->space, slice, words->point, c->arena);
	for (unsigned l = 0; l < 2; l++)
		assert(verify_teller(c->space, l,
				     verify_eval(l ? b : a, difference.packet, &c->scratch)) ==
		       (l ? pair->b : pair->a));
	verify_words_time(c->space, difference.rule_a, c->arena, &difference.region);
	verify_words_time(c->space, difference.rule_b, c->arena, &difference.region);
	vec_push(c->arena, &c->out->difference, difference);
}

static int widest_pair(const void *a, const void *b)
{
	const struct verify_pair *x = a, *y = b;
	if (x->width != y->width)
		return x->width > y->width ? -1 : 1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

static int widest_shown(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;
	if (x->width != y->width)
		return x->width > y->width ? -1 : 1;
	return widest_pair(x->pair, y->pair);
}

struct showing {
	struct comparing *c;
	struct shown *shown;
};

static void find_areas(void *user, unsigned worker, size_t piece)
{
	struct showing *s = user;
	struct shown *shown = &s->shown[piece];
	(void)worker;
	verify_areas_find(s->c->space, s->c->measure, shown->pair->a, shown->pair->b,
			  verify_stop_flag(s->c->options), &shown->areas);
	shown->width = -1e9;
	for (size_t i = 0; i < shown->areas.len; i++)
		if (shown->areas.at[i].exact && shown->areas.at[i].width > shown->width)
			shown->width = shown->areas.at[i].width;
}

static void put_shown(struct comparing *c, const struct shown *shown)
{
	struct verify_wording wording;
	verify_words_make(c->space, &shown->areas, WORDS_MOST, c->arena, &wording);
	for (size_t i = 0; i < wording.list.len; i++)
		put_difference(c, shown->pair, &wording.list.at[i]);
	if (!shown->areas.all && c->out->status == VERIFY_DONE)
		c->out->status = VERIFY_OVER_BUDGET;
}

// The widest pairs by what their rules have in common are looked at closely, then the widest by what differs are shown.
static void show(struct comparing *c, size_t most)
{
	size_t n = most < c->pairs.len / CANDIDATES ? most * CANDIDATES : c->pairs.len;
	qsort(c->pairs.at, c->pairs.len, sizeof(*c->pairs.at), widest_pair);
	struct showing s = {.c = c, .shown = base_oom(calloc(n + 1, sizeof(*s.shown)))};
	for (size_t i = 0; i < n; i++)
		s.shown[i].pair = &c->pairs.at[i];
	if (!verify_work(&(struct verify_work){
		    .options = c->options, .pieces = n, .run = find_areas, .user = &s}))
		c->out->status = VERIFY_STOPPED;
	qsort(s.shown, n, sizeof(*s.shown), widest_shown);
	for (size_t i = 0; i < n && i < most; i++)
		put_shown(c, &s.shown[i]);
	for (size_t i = 0; i < n; i++)
		verify_areas_fini(&s.shown[i].areas);
	free(s.shown);
}

// --- all of it ---

static enum verify_status make_sides(struct comparing *c)
{
	const struct verify_space *space = c->space;
	c->memory = verify_memory_left(space, c->options);
	c->sides = base_oom(calloc(space->slice.len + 1, sizeof(*c->sides)));
	c->measure = arena_array(&c->scratch, struct verify_measure, space->slice.len + 1);
	for (; c->made < space->slice.len; c->made++) {
		const struct verify_slice *slice = space->slice.at[c->made];
		verify_measure_make(slice, &c->scratch, &c->measure[c->made]);
		if (verify_sides_make(space, slice, c->options, &c->memory, &c->sides[c->made]))
			continue;
		c->made++;
		return verify_stopped(c->options) ? VERIFY_STOPPED : VERIFY_OVER_BUDGET;
	}
	return VERIFY_DONE;
}

static void find_pairs(struct comparing *c, size_t most)
{
	bool whole = verify_pairs_find(c->sides, c->measure, c->options, c->memory, &c->pairs);
	c->out->differences = c->pairs.len;
	c->out->equal = !c->pairs.len;
	c->out->status = !whole ? VERIFY_STOPPED : c->pairs.all ? VERIFY_DONE : VERIFY_OVER_BUDGET;
	show(c, most);
}

void verify_compare_space(struct verify_space *space, const struct verify_options *options,
			  size_t most, struct arena *arena, struct verify_comparison *out)
{
	struct comparing c = {.options = options, .arena = arena, .space = space, .out = out};
	arena_init(&c.scratch);
	out->status = make_sides(&c);
	if (out->status == VERIFY_DONE && space->slice.len) // else there are no packets
		find_pairs(&c, most);
	verify_pairs_fini(&c.pairs);
	for (size_t i = 0; i < c.made; i++)
		verify_sides_fini(&c.sides[i]);
	free(c.sides);
	arena_fini(&c.scratch);
}

void verify_compare(const struct ir_ruleset *a, const struct ir_ruleset *b,
		    const struct verify_options *options, size_t most, struct arena *arena,
		    struct verify_comparison *out)
{
	const struct ir_ruleset **both = arena_array(arena, const struct ir_ruleset *, 2);
	struct verify_space *space;
	both[0] = a;
	both[1] = b;
	*out = (struct verify_comparison){.equal = true};
	verify_work_begin(options);
	out->status = verify_space_new(both, 2, false, options, arena, &out->notes, &space);
	if (out->status == VERIFY_DONE)
		verify_compare_space(space, options, most, arena, out);
	verify_space_free(space);
}
