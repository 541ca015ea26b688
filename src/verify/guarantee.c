// SPDX-License-Identifier: Apache-2.0
// Guarantees: layers[1] of a space holds their boxes, not as a first match but each for itself. A box of a rule that does
// otherwise breaks a guarantee where both meet in a point that no earlier rule holds.
#include "verify/search.h"
#include "verify/work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STEPS ((uint64_t)1 << 20) // of one question

struct kept { // what is known of one guarantee
	const struct verify_slice *slice;
	uint32_t by;
	uint64_t *point; // heap; NULL: not broken
	bool gave_up;
};
struct asserting {
	const struct verify_space *space;
	const struct verify_options *options;
	struct kept *kept; // by guarantee
};

static enum ir_verdict verdict_of(const struct ir_ruleset *ruleset, uint32_t owner)
{
	if (owner == VERIFY_NO_FLOW)
		return IR_DROP;
	return owner == VERIFY_DEFAULT ? ruleset->default_action : ruleset->rule.at[owner].verdict;
}

struct question {
	const struct asserting *a;
	const struct verify_slice *slice;
	struct kept *kept;
	bool must_pass;
	struct verify_search search;
	struct algebra_ids ids;
};

// Whether box `i` decides a point of the guarantee's box.
static void ask(struct question *q, const uint64_t *box, uint32_t i)
{
	const struct algebra_boxes *boxes = q->slice->layer[0].boxes;
	const struct verify_before before = {boxes, 0, i};
	const struct verify_ahead ahead = {.list = &before, .lists = 1};
	uint64_t both[ALGEBRA_CELLS], open[ALGEBRA_CELLS], point[ALGEBRA_CELLS];
	algebra_boxes_get(boxes, i, both);
	if (!algebra_box_clip(&q->slice->shape, both, box, both))
		return;
	enum algebra_answer answer = verify_search_open(&q->search, both, &ahead, open);
	q->kept->gave_up |= answer == ALGEBRA_GAVE_UP;
	if (answer != ALGEBRA_OPEN)
		return;
	algebra_box_point(&q->slice->shape, open, 0, point);
	q->kept->slice = q->slice;
	q->kept->by = algebra_boxes_owner(boxes, i);
	q->kept->point = base_oom(malloc(sizeof(point)));
	memcpy(q->kept->point, point, sizeof(point));
}

static void ask_box(struct question *q, uint32_t number)
{
	const struct verify_layer *layer = q->slice->layer;
	const struct ir_ruleset *ruleset = q->a->space->ruleset[0];
	uint64_t box[ALGEBRA_CELLS];
	uint32_t len = (uint32_t)algebra_boxes_len(layer[0].boxes);
	algebra_boxes_get(layer[1].boxes, number, box);
	uint32_t last = algebra_boxes_first(layer[0].boxes, box, 0, len);
	q->ids.len = 0;
	algebra_boxes_meeting(layer[0].boxes, box, 0, last < len ? last + 1 : len, &q->ids);
	for (size_t k = 0; k < q->ids.len && !q->kept->point; k++) {
		uint32_t owner = algebra_boxes_owner(layer[0].boxes, q->ids.at[k]);
		if (verify_stopped(q->a->options))
			return;
		if (ir_verdict_passes(verdict_of(ruleset, owner)) != q->must_pass)
			ask(q, box, q->ids.at[k]);
	}
}

static void assert_one(void *user, unsigned worker, size_t piece)
{
	const struct asserting *a = user;
	enum ir_verdict verdict = a->space->ruleset[1]->rule.at[piece].verdict;
	(void)worker;
	for (size_t s = 0; s < a->space->slice.len && !a->kept[piece].point; s++) {
		struct question q = {.a = a,
				     .slice = a->space->slice.at[s],
				     .kept = &a->kept[piece],
				     .must_pass = ir_verdict_passes(verdict)};
		verify_search_init(&q.search, &q.slice->shape, verify_stop_flag(a->options), STEPS);
		uint32_t end = verify_stand_before(q.slice->layer[1].boxes, piece + 1);
		for (uint32_t i = verify_stand_before(q.slice->layer[1].boxes, piece);
		     i < end && !q.kept->point; i++)
			ask_box(&q, i);
		verify_search_fini(&q.search);
		free(q.ids.at);
	}
}

static void put_broken(const struct asserting *a, const struct ir_rule *guarantee,
		       const struct kept *kept, struct verify_assertion *out)
{
	const struct ir_ruleset *ruleset = a->space->ruleset[0];
	struct arena *arena = a->space->arena, scratch;
	struct verify_broken broken = {
		.guarantee = guarantee,
		.by = kept->by < VERIFY_NO_FLOW ? &ruleset->rule.at[kept->by] : NULL,
		.verdict = verdict_of(ruleset, kept->by),
		.packet = verify_packet(a->space, kept->slice, kept->point, arena)};
	arena_init(&scratch);
	assert(verify_eval(ruleset, broken.packet, &scratch) == kept->by);
	arena_fini(&scratch);
	vec_push(arena, &out->broken, broken);
}

static void assert_all(struct asserting *a, const struct ir_rule *guarantee, size_t guarantees,
		       struct verify_assertion *out)
{
	a->kept = base_oom(calloc(guarantees + 1, sizeof(*a->kept)));
	bool whole = verify_work(&(struct verify_work){
		.options = a->options, .pieces = guarantees, .run = assert_one, .user = a});
	out->status = whole ? VERIFY_DONE : VERIFY_STOPPED;
	for (size_t g = 0; g < guarantees; g++) {
		if (a->kept[g].point)
			put_broken(a, &guarantee[g], &a->kept[g], out);
		else if (a->kept[g].gave_up && whole)
			out->status = VERIFY_OVER_BUDGET;
		free(a->kept[g].point);
	}
	free(a->kept);
}

struct ir_rule verify_guarantee(const char *name, const struct ir_clause *clause, bool always,
				struct arena *arena)
{
	return (struct ir_rule){.policy = "guarantee",
				.name = name,
				.verdict = always ? IR_PASS : IR_DROP,
				.flow = !ir_clause_set(clause, IR_STATE),
				.clause = arena_memdup(arena, clause, sizeof(*clause)),
				.clauses = 1};
}

// A flow that must not pass does not begin: later packets are only there when it did.
static void only_first_packets(struct ir_rule *rule, struct arena *arena)
{
	struct algebra_set first = algebra_set_one(arena, IR_STATE_NEW, IR_STATE_NEW);
	struct ir_clause *clause =
		arena_memdup(arena, rule->clause, rule->clauses * sizeof(*clause));
	size_t kept = 0;
	for (size_t i = 0; i < rule->clauses; i++)
		if (ir_clause_narrow(&clause[i], arena, IR_STATE, first))
			clause[kept++] = clause[i];
	rule->clause = clause;
	rule->clauses = kept;
}

void verify_assert(const struct ir_ruleset *ruleset, const struct ir_rule *guarantee,
		   size_t guarantees, const struct verify_options *options, struct arena *arena,
		   struct verify_assertion *out)
{
	const struct ir_ruleset **both = arena_array(arena, const struct ir_ruleset *, 2);
	struct ir_ruleset *wanted = arena_new(arena, struct ir_ruleset);
	struct asserting a = {.options = options};
	struct verify_space *space;
	// A guarantee without a verdict still has boxes among those that decide: as one that wants packets stopped.
	for (size_t g = 0; g < guarantees; g++) {
		struct ir_rule rule = guarantee[g];
		if (rule.verdict == IR_NONE)
			rule.verdict = IR_DROP;
		if (rule.flow && !ir_verdict_passes(rule.verdict))
			only_first_packets(&rule, arena);
		vec_push(arena, &wanted->rule, rule);
	}
	both[0] = ruleset;
	both[1] = wanted;
	*out = (struct verify_assertion){0};
	verify_work_begin(options);
	out->status = verify_space_new(both, 2, false, options, arena, &out->notes, &space);
	a.space = space;
	if (out->status == VERIFY_DONE)
		assert_all(&a, guarantee, guarantees, out);
	verify_space_free(space);
}
