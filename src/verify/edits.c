// SPDX-License-Identifier: Apache-2.0
// What an edit does, without building anything: the boxes of the ruleset that are there, without those that go and with a
// few loose ones that come. A pair differs as in pairs.c; only pairs with a box that goes or comes are looked at, because
// all others stand on both sides. What stands before a box behind the edit is a few ranges of numbers and the loose boxes
// that came before it.
#include "verify/edits.h"
#include "verify/work.h"

#include <stdlib.h>
#include <string.h>

#define STEPS ((uint64_t)1 << 18) // of one question
enum { CHUNK = 256 }; // places of one piece of work: fewer are done before threads have begun

static uint64_t *loose_box(const struct verify_scene *s, size_t i)
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

static bool add_rule(struct verify_editing *e, struct verify_scene *s, uint32_t number,
		     uint32_t before)
{
	const struct ir_rule *rule = e->inserted.at[number];
	struct verify_slice *slice = e->q->p->space->slice.at[s - e->scene];
	for (size_t k = 0; k < rule->clauses; k++) {
		const struct verify_around what = {.space = e->q->p->space,
						   .slice = slice,
						   .where = e->q->p->options.where,
						   .rule = rule,
						   .clause = &rule->clause[k]};
		if (!verify_exactly(&what, VERIFY_EDITED_MOST, &s->loose))
			return false;
		while (s->fresh.len < s->loose.len)
			vec_push(&e->arena, &s->fresh, (struct verify_fresh){before, number});
	}
	return true;
}

static bool make_scene(struct verify_editing *e, size_t number)
{
	struct verify_scene *s = &e->scene[number];
	size_t boxes = 0;
	uint32_t inserted = 0;
	s->slice = e->q->p->space->slice.at[number];
	s->boxes = s->slice->layer[0].boxes;
	s->first_own = e->q->p->first_own[number];
	s->len = (uint32_t)algebra_boxes_len(s->boxes);
	for (size_t i = 0; i < e->q->edits; i++) {
		const struct verify_edit *edit = &e->q->edit[i];
		uint32_t first = verify_stand_before(s->boxes, edit->at),
			 end = verify_stand_before(s->boxes, edit->at + edit->removed);
		if (first < end)
			vec_push(&e->arena, &s->gone, (struct verify_gone){first, end});
		for (size_t k = 0; k < edit->inserts; k++)
			if (edit->insert[k].verdict != IR_NONE &&
			    !add_rule(e, s, inserted++, first))
				return false;
		boxes += end - first;
		if (boxes + s->loose.len > VERIFY_EDITED_MOST)
			return false;
	}
	return true;
}

static bool make_scenes(struct verify_editing *e)
{
	const struct verify_prepared *p = e->q->p;
	size_t slices = p->space->slice.len, edited = 0;
	for (size_t i = 0; i < e->q->edits && edited <= VERIFY_EDITED_MOST; i++) {
		const struct verify_edit *edit = &e->q->edit[i];
		edited += edit->removed + edit->inserts;
		for (size_t k = 0; k < edit->inserts && edited <= VERIFY_EDITED_MOST; k++) {
			const struct ir_rule *rule = &edit->insert[k];
			if (rule->verdict == IR_NONE)
				continue;
			vec_push(&e->arena, &e->inserted, rule);
			vec_push(&e->arena, &e->effect, effect_of(p, rule));
		}
	}
	e->scene = arena_array(&e->arena, struct verify_scene, slices + 1);
	bool good = edited <= VERIFY_EDITED_MOST;
	for (size_t i = 0; i < slices && good; i++)
		good = make_scene(e, i);
	return good;
}

static bool is_gone(const struct verify_scene *s, uint32_t box)
{
	for (size_t i = 0; i < s->gone.len; i++)
		if (box >= s->gone.at[i].first && box < s->gone.at[i].end)
			return true;
	return false;
}

// --- places ---

static uint32_t effect_at(const struct verify_editing *e, const struct verify_scene *s,
			  uint32_t box, bool comes)
{
	return comes ? e->effect.at[s->fresh.at[box].rule]
		     : verify_effect(e->q->p->space, 0, algebra_boxes_owner(s->boxes, box));
}

static void add_place(struct verify_editing *e, size_t scene, uint32_t a, uint32_t b, bool comes)
{
	const struct verify_scene *s = &e->scene[scene];
	if (effect_at(e, s, a, false) != effect_at(e, s, b, comes))
		vec_push(&e->arena, &e->place,
			 (struct verify_place){
				 .scene = (uint16_t)scene, .a = a, .b = b, .comes = comes});
}

// Room for many at once: growing step by step would touch twice the memory. False when there is none.
static bool place_room(struct verify_editing *e, size_t more)
{
	size_t room = e->place.len + more;
	e->too_many |= room > e->places_most;
	if (room <= e->place.cap || e->too_many)
		return !e->too_many;
	struct verify_place *at = arena_array(&e->arena, struct verify_place, room);
	if (e->place.len)
		memcpy(at, e->place.at, e->place.len * sizeof(*at));
	e->place.at = at;
	e->place.cap = room;
	return true;
}

// Kept boxes from `from` on that decide something of the box, as far as is known, against it.
static void add_kept(struct verify_editing *e, size_t scene, const uint64_t *box, uint32_t from,
		     uint32_t edited, bool comes)
{
	const struct verify_scene *s = &e->scene[scene];
	struct algebra_ids ids = {0};
	uint32_t last = s->len;
	if (comes || s->gone.len == 1)
		last = verify_search_prefix(&e->search[scene], box,
					    (struct verify_before){s->boxes, from, s->len});
	algebra_boxes_meeting(s->boxes, box, from, last < s->len ? last + 1 : s->len, &ids);
	bool room = place_room(e, ids.len);
	for (size_t i = 0; i < ids.len && room; i++) {
		if (is_gone(s, ids.at[i]))
			continue;
		if (comes)
			add_place(e, scene, ids.at[i], edited, true);
		else
			add_place(e, scene, edited, ids.at[i], false);
	}
	free(ids.at);
}

static void add_gone_box(struct verify_editing *e, size_t scene, const struct verify_gone *gone,
			 uint32_t i)
{
	const struct verify_scene *s = &e->scene[scene];
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

static void add_places(struct verify_editing *e, size_t scene)
{
	const struct verify_scene *s = &e->scene[scene];
	for (size_t g = 0; g < s->gone.len; g++)
		for (uint32_t i = s->gone.at[g].first; i < s->gone.at[g].end; i++)
			add_gone_box(e, scene, &s->gone.at[g], i);
	for (size_t k = 0; k < s->fresh.len; k++)
		add_kept(e, scene, loose_box(s, k), s->fresh.at[k].before, (uint32_t)k, true);
}

// --- what stands before ---

static void put_range(struct verify_place_ahead *to, const struct verify_scene *s, uint32_t from,
		      uint32_t end)
{
	if (from < end)
		to->list[to->ahead.lists++] = (struct verify_before){s->boxes, from, end};
}

// All boxes before a, those that are kept from there to where b stands, and loose ones before b.
void verify_place_ahead(const struct verify_scene *s, const struct verify_place *place,
			struct verify_place_ahead *to)
{
	uint32_t end = place->comes ? s->fresh.at[place->b].before : place->b, at = place->a;
	to->ahead = (struct verify_ahead){.list = to->list, .gaps = true, .extra = s->loose.at};
	put_range(to, s, 0, at);
	for (size_t g = 0; g < s->gone.len; g++) {
		const struct verify_gone *gone = &s->gone.at[g];
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

bool verify_place_box(const struct verify_scene *s, const struct verify_place *place,
		      uint64_t *both)
{
	uint64_t b[ALGEBRA_CELLS];
	algebra_boxes_get(s->boxes, place->a, both);
	if (place->comes)
		memcpy(b, loose_box(s, place->b), s->slice->shape.cells * sizeof(*b));
	else
		algebra_boxes_get(s->boxes, place->b, b);
	return algebra_box_clip(&s->slice->shape, both, b, both);
}

// Where b comes to stand before a, nearly every place is open at a's first point, which a is known to decide.
static bool open_at_first(const struct verify_scene *s, const struct verify_place *place)
{
	const struct algebra_shape *shape = &s->slice->shape;
	uint64_t box[ALGEBRA_CELLS], point[ALGEBRA_CELLS];
	if (!place->comes || s->fresh.at[place->b].before > place->a || !s->first_own[place->a])
		return false;
	algebra_boxes_get(s->boxes, place->a, box);
	algebra_box_point(shape, box, 0, point);
	bool open = algebra_box_within(shape, point, loose_box(s, place->b));
	for (uint32_t i = 0; i < place->b && open; i++)
		open = !algebra_box_within(shape, point, loose_box(s, i));
	return open;
}

static void ask_place(const struct verify_editing *e, struct verify_search *search,
		      struct verify_place *place)
{
	const struct verify_scene *s = &e->scene[place->scene];
	uint64_t both[ALGEBRA_CELLS];
	struct verify_place_ahead before;
	if (!verify_place_box(s, place, both))
		return;
	place->open = open_at_first(s, place);
	if (!place->open) {
		verify_place_ahead(s, place, &before);
		enum algebra_answer answer = verify_search_open(search, both, &before.ahead, NULL);
		place->gave_up = answer == ALGEBRA_GAVE_UP;
		place->open = answer == ALGEBRA_OPEN;
	}
	if (place->open)
		place->width = verify_measure_box(&e->q->p->measure[place->scene], both);
}

static void ask_chunk(void *user, unsigned worker, size_t piece)
{
	struct verify_editing *e = user;
	size_t slices = e->q->p->space->slice.len, end = (piece + 1) * CHUNK;
	for (size_t i = piece * CHUNK; i < end && i < e->place.len; i++) {
		struct verify_place *place = &e->place.at[i];
		if (verify_stopped(&e->q->p->options))
			return;
		ask_place(e, &e->search[worker * slices + place->scene], place);
	}
}

// --- all of it ---

static void ask(struct verify_editing *e)
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
	e->out->status = !whole ? VERIFY_STOPPED : e->too_many ? VERIFY_OVER_BUDGET : VERIFY_DONE;
	for (size_t i = 0; i < e->place.len && whole; i++)
		if (e->place.at[i].gave_up)
			e->out->status = VERIFY_OVER_BUDGET;
	for (size_t i = 0; i < searches; i++)
		verify_search_fini(&e->search[i]);
	free(e->search);
}

bool verify_edits(const struct verify_asking *q, size_t most, struct verify_comparison *out)
{
	struct verify_editing e = {.q = q, .out = out};
	e.places_most =
		verify_memory_left(q->p->space, &q->p->options) / 4 / sizeof(struct verify_place);
	arena_init(&e.arena);
	bool good = make_scenes(&e);
	if (good) {
		ask(&e);
		verify_edits_show(&e, most);
	}
	for (size_t i = 0; e.scene && i < q->p->space->slice.len; i++)
		free(e.scene[i].loose.at);
	arena_fini(&e.arena);
	return good;
}
