// SPDX-License-Identifier: Apache-2.0
// What an edit does, without building anything: the boxes of the ruleset that are there, without those that go and with a
// few loose ones that come. A pair differs as in pairs.c; only pairs with a box that goes or comes are looked at, because
// all others stand on both sides. What stands before a box behind the edit is a few ranges of numbers and the loose boxes
// that came before it.
#include "verify/prepared.h"
#include "verify/work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STEPS ((uint64_t)1 << 18) // of one question
#define LOOKS ((uint64_t)1 << 15) // for each area: somebody is waiting
enum { BOXES_MOST = 256, CHUNK = 32, WORDS_MOST = 4 };

struct fresh {           // a loose box
	uint32_t before; // how many of the boxes that are there stand before it
	uint32_t rule;   // number among the inserted rules
};
struct gone {
	uint32_t first, end;
};
struct scene { // one slice
	const struct verify_slice *slice;
	const struct algebra_boxes *boxes;
	uint32_t len;
	VEC(struct gone) gone; // rising
	struct verify_loose loose;
	VEC(struct fresh) fresh; // of each loose box
};
struct place { // where a box of A and a box of B with different effects meet
	uint32_t scene, a, b;
	bool comes, open, gave_up; // comes: b is a loose box
	uint32_t rule_a, rule_b;   // tellers; of what comes: number among the inserted rules
	double width;
};
struct editing {
	const struct verify_asking *q;
	struct arena arena;
	struct scene *scene;
	VEC(const struct ir_rule *) inserted;
	VEC(uint32_t) effect; // of each inserted rule; UINT32_MAX: no rule that is there has it
	VEC(struct place) place;
	struct verify_search *search; // by worker and scene
	size_t most;
	struct verify_comparison *out;
	struct verify_space *told; // what packets that are handed out know of the space
};

static uint64_t *loose_box(const struct scene *s, size_t i)
{
	return s->loose.at + i * s->slice->shape.cells;
}

// --- what goes and comes ---

static uint32_t effect_of(const struct verify_prepared *p, const struct ir_rule *rule)
{
	for (size_t i = 0; i < p->effect.len; i++) {
		const struct verify_effect_of *e = &p->effect.at[i];
		if (e->verdict == rule->verdict &&
		    (rule->verdict != IR_RATE_LIMIT || ir_rate_equal(e->rate, rule->rate)))
			return e->number;
	}
	return UINT32_MAX;
}

static bool add_rule(struct editing *e, struct scene *s, uint32_t number, uint32_t before)
{
	const struct ir_rule *rule = e->inserted.at[number];
	struct verify_slice *slice = e->q->p->space->slice.at[s - e->scene];
	for (size_t k = 0; k < rule->clauses; k++) {
		const struct verify_around what = {.space = e->q->p->space,
						   .slice = slice,
						   .where = e->q->p->options.where,
						   .rule = rule,
						   .clause = &rule->clause[k]};
		if (!verify_exactly(&what, BOXES_MOST, &s->loose))
			return false;
		while (s->fresh.len < s->loose.len)
			vec_push(&e->arena, &s->fresh, (struct fresh){before, number});
	}
	return true;
}

static bool make_scene(struct editing *e, size_t number)
{
	struct scene *s = &e->scene[number];
	size_t boxes = 0;
	uint32_t inserted = 0;
	s->slice = e->q->p->space->slice.at[number];
	s->boxes = s->slice->layer[0].boxes;
	s->len = (uint32_t)algebra_boxes_len(s->boxes);
	for (size_t i = 0; i < e->q->edits; i++) {
		const struct verify_edit *edit = &e->q->edit[i];
		uint32_t first = verify_stand_before(s->boxes, edit->at),
			 end = verify_stand_before(s->boxes, edit->at + edit->removed);
		if (first < end)
			vec_push(&e->arena, &s->gone, (struct gone){first, end});
		for (size_t k = 0; k < edit->inserts; k++)
			if (edit->insert[k].verdict != IR_NONE &&
			    !add_rule(e, s, inserted++, first))
				return false;
		boxes += end - first;
		if (boxes + s->loose.len > BOXES_MOST)
			return false;
	}
	return true;
}

static bool make_scenes(struct editing *e)
{
	const struct verify_prepared *p = e->q->p;
	size_t slices = p->space->slice.len, edited = 0;
	for (size_t i = 0; i < e->q->edits && edited <= BOXES_MOST; i++) {
		const struct verify_edit *edit = &e->q->edit[i];
		edited += edit->removed + edit->inserts;
		for (size_t k = 0; k < edit->inserts && edited <= BOXES_MOST; k++) {
			const struct ir_rule *rule = &edit->insert[k];
			if (rule->verdict == IR_NONE)
				continue;
			vec_push(&e->arena, &e->inserted, rule);
			vec_push(&e->arena, &e->effect, effect_of(p, rule));
		}
	}
	e->scene = arena_array(&e->arena, struct scene, slices + 1);
	bool good = edited <= BOXES_MOST;
	for (size_t i = 0; i < slices && good; i++)
		good = make_scene(e, i);
	return good;
}

static bool is_gone(const struct scene *s, uint32_t box)
{
	for (size_t i = 0; i < s->gone.len; i++)
		if (box >= s->gone.at[i].first && box < s->gone.at[i].end)
			return true;
	return false;
}

// --- places ---

static void add_place(struct editing *e, size_t scene, uint32_t a, uint32_t b, bool comes)
{
	const struct verify_prepared *p = e->q->p;
	const struct scene *s = &e->scene[scene];
	uint64_t x[ALGEBRA_CELLS], y[ALGEBRA_CELLS];
	struct place place = {.scene = (uint32_t)scene, .a = a, .b = b, .comes = comes};
	uint32_t owner_a = algebra_boxes_owner(s->boxes, a);
	place.rule_a = verify_teller(p->space, 0, owner_a);
	uint32_t effect = comes ? e->effect.at[s->fresh.at[b].rule]
				: verify_effect(p->space, 0, algebra_boxes_owner(s->boxes, b));
	if (effect == verify_effect(p->space, 0, owner_a))
		return;
	algebra_boxes_get(s->boxes, a, x);
	if (comes)
		memcpy(y, loose_box(s, b), s->slice->shape.cells * sizeof(*y));
	else
		algebra_boxes_get(s->boxes, b, y);
	if (!algebra_box_clip(&s->slice->shape, x, y, x))
		return;
	place.rule_b = comes ? s->fresh.at[b].rule
			     : verify_teller(p->space, 0, algebra_boxes_owner(s->boxes, b));
	place.width = verify_measure_box(&p->measure[scene], x);
	vec_push(&e->arena, &e->place, place);
}

// Kept boxes from `from` on that decide something of the box, as far as is known, against it.
static void add_kept(struct editing *e, size_t scene, const uint64_t *box, uint32_t from,
		     uint32_t edited, bool comes)
{
	const struct scene *s = &e->scene[scene];
	struct algebra_ids ids = {0};
	uint32_t last = s->len;
	if (comes || s->gone.len == 1)
		last = verify_search_prefix(&e->search[scene], box,
					    (struct verify_before){s->boxes, from, s->len});
	algebra_boxes_meeting(s->boxes, box, from, last < s->len ? last + 1 : s->len, &ids);
	for (size_t i = 0; i < ids.len; i++) {
		if (is_gone(s, ids.at[i]))
			continue;
		if (comes)
			add_place(e, scene, ids.at[i], edited, true);
		else
			add_place(e, scene, edited, ids.at[i], false);
	}
	free(ids.at);
}

static void add_gone_box(struct editing *e, size_t scene, const struct gone *gone, uint32_t i)
{
	const struct scene *s = &e->scene[scene];
	uint64_t box[ALGEBRA_CELLS];
	bool replaced = false;
	algebra_boxes_get(s->boxes, i, box);
	if (algebra_boxes_first(s->boxes, box, 0, i) < i)
		return; // decides nothing
	for (size_t k = 0; k < s->fresh.len; k++) {
		add_place(e, scene, i, (uint32_t)k, true);
		replaced |= s->fresh.at[k].before <= i &&
			    algebra_box_within(&s->slice->shape, box, loose_box(s, k));
	}
	if (!replaced)
		add_kept(e, scene, box, gone->end, i, false);
}

static void add_places(struct editing *e, size_t scene)
{
	const struct scene *s = &e->scene[scene];
	for (size_t g = 0; g < s->gone.len; g++)
		for (uint32_t i = s->gone.at[g].first; i < s->gone.at[g].end; i++)
			add_gone_box(e, scene, &s->gone.at[g], i);
	for (size_t k = 0; k < s->fresh.len; k++)
		add_kept(e, scene, loose_box(s, k), s->fresh.at[k].before, (uint32_t)k, true);
}

// --- what stands before ---

struct ahead {
	struct verify_ahead ahead;
	struct verify_before list[BOXES_MOST + 2];
};

static void put_range(struct ahead *to, const struct scene *s, uint32_t from, uint32_t end)
{
	if (from < end)
		to->list[to->ahead.lists++] = (struct verify_before){s->boxes, from, end};
}

// All boxes before a, those that are kept from there to where b stands, and loose ones before b.
static void put_ahead(const struct scene *s, const struct place *place, struct ahead *to)
{
	uint32_t end = place->comes ? s->fresh.at[place->b].before : place->b, at = place->a;
	to->ahead = (struct verify_ahead){.list = to->list, .extra = s->loose.at};
	put_range(to, s, 0, at);
	for (size_t g = 0; g < s->gone.len; g++) {
		const struct gone *gone = &s->gone.at[g];
		if (gone->end <= at)
			continue;
		put_range(to, s, at, gone->first < end ? gone->first : end);
		at = gone->end;
	}
	put_range(to, s, at, end);
	if (place->comes)
		to->ahead.extras = place->b;
	while (!place->comes && to->ahead.extras < s->fresh.len &&
	       s->fresh.at[to->ahead.extras].before <= place->b)
		to->ahead.extras++;
}

static void put_both(const struct scene *s, const struct place *place, uint64_t *both)
{
	uint64_t b[ALGEBRA_CELLS];
	algebra_boxes_get(s->boxes, place->a, both);
	if (place->comes)
		memcpy(b, loose_box(s, place->b), s->slice->shape.cells * sizeof(*b));
	else
		algebra_boxes_get(s->boxes, place->b, b);
	bool meet = algebra_box_clip(&s->slice->shape, both, b, both);
	assert(meet);
}

static void ask_chunk(void *user, unsigned worker, size_t piece)
{
	struct editing *e = user;
	size_t slices = e->q->p->space->slice.len, end = (piece + 1) * CHUNK;
	for (size_t i = piece * CHUNK; i < end && i < e->place.len; i++) {
		struct place *place = &e->place.at[i];
		const struct scene *s = &e->scene[place->scene];
		uint64_t both[ALGEBRA_CELLS];
		struct ahead before;
		if (verify_stopped(&e->q->p->options))
			return;
		put_both(s, place, both);
		put_ahead(s, place, &before);
		enum algebra_answer answer = verify_search_open(
			&e->search[worker * slices + place->scene], both, &before.ahead, NULL);
		place->open = answer == ALGEBRA_OPEN;
		place->gave_up = answer == ALGEBRA_GAVE_UP;
	}
}

// --- showing ---

static int by_pair(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->rule_a != y->rule_a)
		return x->rule_a < y->rule_a ? -1 : 1;
	if (x->comes != y->comes)
		return x->comes - y->comes;
	if (x->rule_b != y->rule_b)
		return x->rule_b < y->rule_b ? -1 : 1;
	if (x->scene != y->scene)
		return x->scene < y->scene ? -1 : 1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

struct pair { // of rules: places
	struct place *first;
	size_t places;
	double width;
	struct verify_areas areas;
};

static int widest(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	if (x->width != y->width)
		return x->width > y->width ? -1 : 1;
	return by_pair(x->first, y->first);
}

static bool same_pair(const struct place *x, const struct place *y)
{
	return x->rule_a == y->rule_a && x->comes == y->comes && x->rule_b == y->rule_b;
}

static void find_areas(const struct editing *e, struct pair *pair)
{
	const struct verify_prepared *p = e->q->p;
	struct verify_areas *out = &pair->areas;
	*out = (struct verify_areas){.all = true};
	for (size_t i = 0; i < pair->places;) {
		size_t number = pair->first[i].scene;
		const struct scene *s = &e->scene[number];
		struct verify_area_search search = {.slice = s->slice,
						    .measure = &p->measure[number],
						    .number = number,
						    .looks = LOOKS,
						    .out = out};
		verify_area_begin(&search, verify_stop_flag(&p->options));
		for (; i < pair->places && pair->first[i].scene == number; i++) {
			uint64_t both[ALGEBRA_CELLS];
			struct ahead before;
			put_both(s, &pair->first[i], both);
			put_ahead(s, &pair->first[i], &before);
			verify_area_add(&search, both, &before.ahead);
		}
		verify_area_end(&search);
	}
}

static const struct ir_rule *rule_a_of(const struct editing *e, const struct place *place)
{
	return place->rule_a < VERIFY_NO_FLOW ? &e->q->p->ruleset->rule.at[place->rule_a] : NULL;
}

static const struct ir_rule *rule_b_of(const struct editing *e, const struct place *place)
{
	if (place->comes)
		return e->inserted.at[place->rule_b];
	return place->rule_b < VERIFY_NO_FLOW ? &e->q->p->ruleset->rule.at[place->rule_b] : NULL;
}

static enum ir_verdict verdict_of(const struct editing *e, const struct ir_rule *rule,
				  uint32_t teller)
{
	if (rule)
		return rule->verdict;
	return teller == VERIFY_NO_FLOW ? IR_DROP : e->q->p->ruleset->default_action;
}

// Packets outlive what was prepared: their truths are in the caller's arena.
static void make_told(struct editing *e)
{
	const struct verify_space *space = e->q->p->space;
	e->told = arena_memdup(e->q->arena, space, sizeof(*space));
	e->told->arena = e->told->truths.arena = e->q->arena;
	e->told->truths = (struct map){.arena = e->q->arena};
	e->told->truth.at = NULL;
	e->told->truth.len = e->told->truth.cap = e->told->subjects = 0;
	for (size_t i = 0; i < space->truth.len; i++) {
		uint32_t number = verify_truth_number(e->told, &space->truth.at[i]);
		assert(number == i);
	}
}

// Puts the packet to ir_eval, with the rules whose boxes hold its point: all others do not match it.
static void confirm(const struct editing *e, const struct verify_difference *d,
		    const struct scene *s, const uint64_t *point)
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

static void show_pair(struct editing *e, const struct pair *pair)
{
	struct verify_wording wording;
	const struct ir_rule *a = rule_a_of(e, pair->first), *b = rule_b_of(e, pair->first);
	verify_words_make(e->q->p->space, &pair->areas, WORDS_MOST, e->q->arena, &wording);
	for (size_t i = 0; i < wording.list.len; i++) {
		const struct verify_words *words = &wording.list.at[i];
		const struct scene *s = &e->scene[words->area->slice];
		struct verify_difference d = {
			.verdict_a = verdict_of(e, a, pair->first->rule_a),
			.verdict_b = verdict_of(e, b, pair->first->rule_b),
			.rule_a = a,
			.rule_b = b,
			.region = words->clause,
			.exact = words->exact,
			.reply = words->reply,
			.packet = verify_packet(e->told, s->slice, words->point, e->q->arena)};
		verify_words_time(e->told, a, e->q->arena, &d.region);
		verify_words_time(e->told, b, e->q->arena, &d.region);
		confirm(e, &d, s, words->point);
		vec_push(e->q->arena, &e->out->difference, d);
	}
	if (!pair->areas.all && e->out->status == VERIFY_DONE)
		e->out->status = VERIFY_OVER_BUDGET;
}

struct showing {
	const struct editing *e;
	struct pair *pair;
};

static void find_piece(void *user, unsigned worker, size_t piece)
{
	const struct showing *showing = user;
	(void)worker;
	find_areas(showing->e, &showing->pair[piece]);
}

static void show(struct editing *e)
{
	struct verify_comparison *out = e->out;
	VEC(struct pair) pair = {0};
	size_t open = 0;
	for (size_t i = 0; i < e->place.len; i++)
		if (e->place.at[i].open)
			e->place.at[open++] = e->place.at[i];
	if (open)
		qsort(e->place.at, open, sizeof(*e->place.at), by_pair);
	for (size_t i = 0; i < open; i++) {
		struct place *place = &e->place.at[i];
		if (!i || !same_pair(place, &e->place.at[i - 1]))
			vec_push(&e->arena, &pair,
				 (struct pair){.first = place, .width = place->width});
		struct pair *last = &pair.at[pair.len - 1];
		last->places++;
		last->width = place->width > last->width ? place->width : last->width;
	}
	out->differences = pair.len;
	out->equal = !pair.len;
	if (pair.len)
		make_told(e);
	if (pair.len)
		qsort(pair.at, pair.len, sizeof(*pair.at), widest);
	struct showing showing = {e, pair.at};
	size_t shown = pair.len < e->most ? pair.len : e->most;
	if (!verify_work(&(struct verify_work){.options = &e->q->p->options,
					       .pieces = shown,
					       .run = find_piece,
					       .user = &showing}))
		out->status = VERIFY_STOPPED;
	for (size_t i = 0; i < shown; i++) {
		show_pair(e, &pair.at[i]);
		verify_areas_fini(&pair.at[i].areas);
	}
}

// --- all of it ---

static void ask(struct editing *e)
{
	const struct verify_prepared *p = e->q->p;
	size_t slices = p->space->slice.len, searches = slices * verify_workers(&p->options);
	e->search = base_oom(calloc(searches + 1, sizeof(*e->search)));
	for (size_t i = 0; i < searches; i++)
		verify_search_init(&e->search[i], &p->space->slice.at[i % slices]->shape,
				   verify_stop_flag(&p->options), STEPS);
	for (size_t i = 0; i < slices; i++)
		add_places(e, i);
	bool whole = verify_work(&(struct verify_work){.options = &p->options,
						       .pieces = (e->place.len + CHUNK - 1) / CHUNK,
						       .run = ask_chunk,
						       .user = e});
	e->out->status = whole ? VERIFY_DONE : VERIFY_STOPPED;
	for (size_t i = 0; i < e->place.len && whole; i++)
		if (e->place.at[i].gave_up)
			e->out->status = VERIFY_OVER_BUDGET;
	for (size_t i = 0; i < searches; i++)
		verify_search_fini(&e->search[i]);
	free(e->search);
}

bool verify_edits(const struct verify_asking *q, size_t most, struct verify_comparison *out)
{
	struct editing e = {.q = q, .most = most, .out = out};
	arena_init(&e.arena);
	bool good = make_scenes(&e);
	if (good) {
		ask(&e);
		show(&e);
	}
	for (size_t i = 0; e.scene && i < q->p->space->slice.len; i++)
		free(e.scene[i].loose.at);
	arena_fini(&e.arena);
	return good;
}
