// SPDX-License-Identifier: Apache-2.0
// From places to what is told: places of one pair of rules belong together; all pairs are counted, and the widest are told
// as conditions and packets, each by one thread. Each packet is put to ir_eval, with and without the edit.
#include "verify/edits.h"
#include "verify/areas.h"
#include "verify/pairs.h"
#include "verify/work.h"
#include "verify/words.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS ((uint64_t)1 << 15) // for each area: somebody is waiting
enum { WORDS_MOST = 4 };

// --- pairs of rules ---

struct pair {
	uint32_t rule_a, rule_b; // tellers; of what comes: number among the inserted rules
	bool comes;
	double width; // of the widest place
};
struct pairs {
	VEC(struct pair) list;
	uint32_t *slot; // open addressing: number + 1
	size_t slots;
};

static struct pair pair_of(const struct verify_editing *e, const struct verify_place *place)
{
	const struct verify_scene *s = &e->scene[place->scene];
	const struct verify_space *space = e->q->p->space;
	struct pair pair = {.comes = place->comes};
	pair.rule_a = verify_teller(space, 0, algebra_boxes_owner(s->boxes, place->a));
	pair.rule_b = place->comes
			      ? s->fresh.at[place->b].rule
			      : verify_teller(space, 0, algebra_boxes_owner(s->boxes, place->b));
	return pair;
}

// The slot of the pair, or where it would be.
static uint32_t *slot_of(const struct pairs *pairs, const struct pair *pair)
{
	uint64_t key = (uint64_t)pair->rule_a << 32 | (pair->rule_b ^ (uint32_t)pair->comes << 31);
	size_t at = (key * 0x9E3779B97F4A7C15u >> 20) % pairs->slots;
	for (;; at = (at + 1) % pairs->slots) {
		uint32_t *slot = &pairs->slot[at];
		const struct pair *there = *slot ? &pairs->list.at[*slot - 1] : NULL;
		if (!there || (there->rule_a == pair->rule_a && there->rule_b == pair->rule_b &&
			       there->comes == pair->comes))
			return slot;
	}
}

static uint32_t pair_number(struct verify_editing *e, struct pairs *pairs, const struct pair *pair)
{
	uint32_t *slot = slot_of(pairs, pair);
	if (!*slot) {
		vec_push(&e->arena, &pairs->list, *pair);
		*slot = (uint32_t)pairs->list.len;
	}
	return *slot - 1;
}

static void list_pairs(struct verify_editing *e, struct pairs *pairs)
{
	size_t open = 0;
	for (size_t i = 0; i < e->place.len; i++)
		open += e->place.at[i].open;
	pairs->slots = open * 2 + 1;
	pairs->slot = arena_array(&e->arena, uint32_t, pairs->slots);
	pairs->list.at = arena_array(&e->arena, struct pair, open + 1);
	pairs->list.cap = open + 1;
	for (size_t i = 0; i < e->place.len; i++) {
		struct verify_place *place = &e->place.at[i];
		if (!place->open)
			continue;
		struct pair pair = pair_of(e, place);
		pair.width = place->width;
		place->pair = pair_number(e, pairs, &pair);
		double *width = &pairs->list.at[place->pair].width;
		*width = place->width > *width ? place->width : *width;
	}
}

static bool wider(const struct pair *x, const struct pair *y)
{
	if (x->width != y->width)
		return x->width > y->width;
	if (x->rule_a != y->rule_a)
		return x->rule_a < y->rule_a;
	return x->comes != y->comes ? y->comes : x->rule_b < y->rule_b;
}

static int widest(const void *a, const void *b)
{
	const struct pair *x = *(struct pair *const *)a, *y = *(struct pair *const *)b;
	return wider(x, y) ? -1 : wider(y, x);
}

// Puts the first of a heap, whose first is the narrowest, to where it belongs.
static void sink(struct pair **heap, size_t len)
{
	for (size_t at = 0, child; (child = 2 * at + 1) < len; at = child) {
		child += child + 1 < len && wider(heap[child], heap[child + 1]);
		if (!wider(heap[at], heap[child]))
			return;
		struct pair *pair = heap[at];
		heap[at] = heap[child];
		heap[child] = pair;
	}
}

// The widest, in this order. There may be very many more.
static struct pair **choose(struct verify_editing *e, struct pairs *pairs, size_t most,
			    size_t *len_out)
{
	size_t len = pairs->list.len < most ? pairs->list.len : most;
	struct pair **heap = arena_array(&e->arena, struct pair *, len + 1);
	for (size_t i = 0; i < len; i++)
		heap[i] = &pairs->list.at[i];
	if (len)
		qsort(heap, len, sizeof(struct pair *), widest);
	for (size_t i = 0; i < len / 2; i++) { // the narrowest first: a heap
		struct pair *pair = heap[i];
		heap[i] = heap[len - 1 - i];
		heap[len - 1 - i] = pair;
	}
	for (size_t i = len; len && i < pairs->list.len; i++)
		if (wider(&pairs->list.at[i], heap[0])) {
			heap[0] = &pairs->list.at[i];
			sink(heap, len);
		}
	if (len)
		qsort(heap, len, sizeof(struct pair *), widest);
	*len_out = len;
	return heap;
}

static int by_place(const void *a, const void *b)
{
	const struct verify_place *x = *(const struct verify_place *const *)a,
				  *y = *(const struct verify_place *const *)b;
	if (x->scene != y->scene)
		return x->scene < y->scene ? -1 : 1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

// --- what is shown ---

struct shown {
	const struct pair *pair;
	VEC(const struct verify_place *) place;
	struct verify_areas areas;
	struct arena arena; // for what is told
	VEC(struct verify_difference) difference;
};
struct showing {
	const struct verify_editing *e;
	const struct verify_space *told; // what packets that are handed out know of the space
	struct shown *shown;
	size_t len;
};

static void give_places(struct verify_editing *e, const struct pairs *pairs, struct showing *to)
{
	uint32_t *number =
		arena_array(&e->arena, uint32_t, pairs->list.len + 1); // + 1; 0: not shown
	for (size_t i = 0; i < to->len; i++)
		number[to->shown[i].pair - pairs->list.at] = (uint32_t)i + 1;
	for (size_t i = 0; i < e->place.len; i++) {
		const struct verify_place *place = &e->place.at[i];
		if (place->open && number[place->pair])
			vec_push(&e->arena, &to->shown[number[place->pair] - 1].place, place);
	}
	for (size_t i = 0; i < to->len; i++)
		qsort(to->shown[i].place.at, to->shown[i].place.len, sizeof(struct verify_place *),
		      by_place);
}

static void find_areas(const struct verify_editing *e, struct shown *shown)
{
	const struct verify_prepared *p = e->q->p;
	struct verify_areas *out = &shown->areas;
	*out = (struct verify_areas){.all = true};
	for (size_t i = 0; i < shown->place.len;) {
		size_t number = shown->place.at[i]->scene;
		const struct verify_scene *s = &e->scene[number];
		struct verify_area_search search = {.slice = s->slice,
						    .measure = &p->measure[number],
						    .number = number,
						    .looks = LOOKS,
						    .out = out};
		verify_area_begin(&search, verify_stop_flag(&p->options));
		for (; i < shown->place.len && shown->place.at[i]->scene == number; i++) {
			uint64_t both[ALGEBRA_CELLS];
			struct verify_place_ahead before;
			bool meet = verify_place_box(s, shown->place.at[i], both);
			assert(meet);
			verify_place_ahead(s, shown->place.at[i], &before);
			verify_area_add(&search, both, &before.ahead);
		}
		verify_area_end(&search);
	}
}

static const struct ir_rule *rule_a_of(const struct verify_editing *e, const struct pair *pair)
{
	return pair->rule_a < VERIFY_NO_FLOW ? &e->q->p->ruleset->rule.at[pair->rule_a] : NULL;
}

static const struct ir_rule *rule_b_of(const struct verify_editing *e, const struct pair *pair)
{
	if (pair->comes)
		return e->inserted.at[pair->rule_b];
	return pair->rule_b < VERIFY_NO_FLOW ? &e->q->p->ruleset->rule.at[pair->rule_b] : NULL;
}

static enum ir_verdict verdict_of(const struct verify_editing *e, const struct ir_rule *rule,
				  uint32_t teller)
{
	if (rule)
		return rule->verdict;
	return teller == VERIFY_NO_FLOW ? IR_DROP : e->q->p->ruleset->default_action;
}

// Packets outlive what was prepared: their truths are in the caller's arena.
static const struct verify_space *make_told(const struct verify_editing *e)
{
	const struct verify_space *space = e->q->p->space;
	struct arena *arena = e->q->arena;
	struct verify_space *told = arena_memdup(arena, space, sizeof(*space));
	told->arena = told->truths.arena = arena;
	told->truths = (struct map){.arena = arena};
	told->truth.at = NULL;
	told->truth.len = told->truth.cap = told->subjects = 0;
	for (size_t i = 0; i < space->truth.len; i++) {
		uint32_t number = verify_truth_number(told, &space->truth.at[i]);
		assert(number == i);
	}
	return told;
}

// Puts the packet to ir_eval, with the rules whose boxes hold its point: all others do not match it.
static void confirm(const struct verify_editing *e, const struct verify_difference *d,
		    const struct verify_scene *s, const uint64_t *point)
{
	struct arena arena;
	struct verify_near near = {0};
	struct verify_copied before = {0}, after = {0};
	struct algebra_ids ids = {0};
	arena_init(&arena);
	const struct verify_asking q = {e->q->p, e->q->edit, e->q->edits, &arena};
	bool same_kinds = verify_kinds_near(&q, &near);
	assert(same_kinds);
	algebra_boxes_meeting(s->boxes, point, 0, s->len, &ids);
	for (size_t i = 0; i < ids.len; i++)
		if (algebra_boxes_owner(s->boxes, ids.at[i]) < VERIFY_NO_FLOW)
			vec_push(&arena, &near.list, algebra_boxes_owner(s->boxes, ids.at[i]));
	free(ids.at);
	verify_copies_make(&q, &near, &before, &after);
	uint32_t a = verify_eval(&before.ruleset, d->packet, &arena),
		 b = verify_eval(&after.ruleset, d->packet, &arena);
	assert((a < VERIFY_NO_FLOW ? before.source.at[a] : NULL) == d->rule_a);
	assert((b < VERIFY_NO_FLOW ? after.source.at[b] : NULL) == d->rule_b);
	arena_fini(&arena);
}

static void tell_pair(const struct showing *showing, struct shown *shown)
{
	const struct verify_editing *e = showing->e;
	const struct pair *pair = shown->pair;
	struct verify_wording wording;
	const struct ir_rule *a = rule_a_of(e, pair), *b = rule_b_of(e, pair);
	verify_words_make(e->q->p->space, &shown->areas, WORDS_MOST, &shown->arena, &wording);
	for (size_t i = 0; i < wording.list.len; i++) {
		const struct verify_words *words = &wording.list.at[i];
		const struct verify_scene *s = &e->scene[words->area->slice];
		struct verify_difference d = {.verdict_a = verdict_of(e, a, pair->rule_a),
					      .verdict_b = verdict_of(e, b, pair->rule_b),
					      .rule_a = a,
					      .rule_b = b,
					      .region = words->clause,
					      .exact = words->exact,
					      .reply = words->reply,
					      .packet = verify_packet(showing->told, s->slice,
								      words->point, &shown->arena)};
		verify_words_time(showing->told, a, &shown->arena, &d.region);
		verify_words_time(showing->told, b, &shown->arena, &d.region);
		confirm(e, &d, s, words->point);
		vec_push(&shown->arena, &shown->difference, d);
	}
}

static void tell_piece(void *user, unsigned worker, size_t piece)
{
	const struct showing *showing = user;
	(void)worker;
	find_areas(showing->e, &showing->shown[piece]);
	tell_pair(showing, &showing->shown[piece]);
}

static void take(struct verify_editing *e, struct shown *shown)
{
	for (size_t i = 0; i < shown->difference.len; i++)
		vec_push(e->q->arena, &e->out->difference, shown->difference.at[i]);
	arena_join(e->q->arena, &shown->arena);
	if (!shown->areas.all && e->out->status == VERIFY_DONE)
		e->out->status = VERIFY_OVER_BUDGET;
	verify_areas_fini(&shown->areas);
}

void verify_edits_show(struct verify_editing *e, size_t most)
{
	struct verify_comparison *out = e->out;
	struct pairs pairs = {0};
	struct showing showing = {.e = e};
	list_pairs(e, &pairs);
	out->differences = pairs.list.len;
	out->equal = !pairs.list.len;
	if (!pairs.list.len)
		return;
	struct pair **chosen = choose(e, &pairs, most, &showing.len);
	showing.shown = arena_array(&e->arena, struct shown, showing.len + 1);
	for (size_t i = 0; i < showing.len; i++)
		showing.shown[i].pair = chosen[i];
	give_places(e, &pairs, &showing);
	showing.told = make_told(e);
	if (!verify_work(&(struct verify_work){.options = &e->q->p->options,
					       .pieces = showing.len,
					       .run = tell_piece,
					       .user = &showing}))
		out->status = VERIFY_STOPPED;
	for (size_t i = 0; i < showing.len; i++)
		take(e, &showing.shown[i]);
}
