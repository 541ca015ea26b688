// SPDX-License-Identifier: Apache-2.0
// Following packets through chains. The one idea: packets are areas that get smaller on the way; what a map or a goto does
// not take goes on to the next rule, as the few areas that are left. Work is counted, because the kernel forbids loops but
// not that very many ways lead to one chain.
#include "backend/nft/ways.h"
#include "backend/nft/decode.h"

#include <stdlib.h>
#include <string.h>

#define PARTED_MOST 300u   // areas that boxes leave; then they may leave more than there is
#define REGION_MOST 65536u // areas of packets at one place
#define DEPTH_MOST 40u     // the kernel allows 16

bool nft_takes(const struct nft_form *form)
{
	return form->act != ACT_CONTINUE && form->act != ACT_JUMP && !nft_form_by_map(form) &&
	       !form->limited && !form->named_set && !form->strange;
}

bool nft_leads_on(const struct nft_form *form)
{
	bool leads = form->act == ACT_GOTO || form->act == ACT_JUMP;
	return (nft_form_by_map(form) || (leads && nft_is_node(form->chain))) && !form->limited &&
	       !form->log.prefix && !form->named_set;
}

// --- which chains there are ---

static struct nft_stop *stop_of(const struct nft_ways *ways, const char *chain)
{
	return chain ? map_get(&ways->by_name, chain) : NULL;
}

struct nft_stop *nft_ways_to(const struct nft_ways *ways, const struct nft_form *form)
{
	return nft_form_by_map(form) ? NULL : stop_of(ways, form->chain);
}

static void list_leads(struct nft_stop *stop, struct arena *arena)
{
	const struct nft_chain *chain = stop->chain;
	for (size_t i = 0; i < chain->rule.len; i++)
		stop->leads += nft_leads_on(&chain->rule.at[i]);
	stop->lead = arena_array(arena, uint32_t, stop->leads);
	for (size_t i = 0, n = 0; i < chain->rule.len; i++)
		if (nft_leads_on(&chain->rule.at[i]))
			stop->lead[n++] = (uint32_t)i;
}

// A stop that is seen the first time is of the part that leads to it.
static void see(struct nft_ways *ways, const char *name, uint32_t part)
{
	struct nft_chain *chain = name ? nft_program_find(ways->program, name) : NULL;
	struct nft_stop *stop = stop_of(ways, name);
	if (stop && stop->part != part)
		stop->shared = true;
	if (stop || !chain)
		return; // where there is no chain, a walk notices
	stop = arena_new(ways->arena, struct nft_stop);
	*stop = (struct nft_stop){.chain = chain, .number = (uint32_t)ways->stop.len, .part = part};
	list_leads(stop, ways->arena);
	map_put(&ways->by_name, name, stop);
	vec_push(ways->arena, &ways->stop, stop);
}

static void see_targets(struct nft_ways *ways, const struct nft_stop *stop)
{
	for (size_t i = 0; i < stop->leads; i++) {
		const struct nft_form *form = &stop->chain->rule.at[stop->lead[i]];
		bool begins = form->act == ACT_JUMP && !stop->part;
		if (!nft_form_by_map(form))
			see(ways, form->chain, begins ? ways->parts++ : stop->part);
		for (size_t k = 0; form->act == ACT_BRANCH && k < form->map.len; k++)
			see(ways, form->map.branch[k].chain, stop->part);
		for (size_t k = 0; form->act == ACT_BOXES && k < form->boxes.len; k++)
			see(ways, form->boxes.box[k].chain, stop->part);
	}
}

// Where parts share chains, what is in one is in the others.
static void make_one_part(struct nft_ways *ways)
{
	ways->parts = 2;
	for (size_t i = 1; i < ways->stop.len; i++)
		ways->stop.at[i]->part = 1;
}

void nft_ways_find(const struct nft_program *program, struct arena *arena, struct nft_ways *out)
{
	*out = (struct nft_ways){
		.program = program, .arena = arena, .by_name = {.arena = arena}, .parts = 1};
	see(out, "", 0);
	for (size_t i = 0; i < out->stop.len; i++)
		see_targets(out, out->stop.at[i]);
	bool shared = false;
	for (size_t i = 0; i < out->stop.len; i++)
		shared |= out->stop.at[i]->shared;
	if (shared)
		make_one_part(out);
}

// --- walking ---

struct region { // packets at one place of a chain
	struct arena arena;
	struct nft_areas areas;
};

static void put(struct nft_walk *walk, struct arena *arena, struct nft_areas *to,
		const struct nft_area *area)
{
	if (to->list.len >= REGION_MOST)
		walk->over = true;
	else if (!area->never)
		vec_push(arena, &to->list, arena_memdup(arena, area, sizeof(*area)));
}

static void name_tests(const struct nft_form *form, const struct nft_area *packets,
		       struct arena *arena, struct nft_form *out)
{
	struct nft_match match[NFT_FIELDS];
	struct nft_form path = {.match = match};
	if (!form->open_len && !form->map.reg && !form->boxes.reg) {
		*out = *form;
		return;
	}
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		if (packets->has >> f & 1)
			match[path.len++] = (struct nft_match){f, packets->set[f]};
	nft_form_resolve(form, &path, arena, out);
}

struct entry {
	const struct nft_visit *from;
	struct nft_back *back;
};
static void walk_stop(struct nft_walk *walk, struct nft_stop *stop, struct entry entry,
		      const struct nft_area *packets);

// NULL, and the walk was told so, when the chain is not there.
static struct nft_stop *led_to(struct nft_walk *walk, const struct nft_visit *at, const char *chain)
{
	struct nft_stop *stop = stop_of(walk->ways, chain);
	if (stop)
		return stop;
	if (walk->missing)
		walk->missing(walk, chain);
	walk->lost(walk, at, "leads to a chain that is not there");
	return NULL;
}

static void enter(struct nft_walk *walk, const struct nft_visit *at, const char *chain,
		  const struct nft_area *packets)
{
	struct nft_stop *stop = led_to(walk, at, chain);
	if (stop)
		walk_stop(walk, stop, (struct entry){at, at->back}, packets);
}

// Whether the walk has nothing to see in a part.
static bool passes_by(const struct nft_walk *walk, uint32_t part)
{
	if (!walk->only || !part || part == walk->home)
		return false;
	for (size_t i = 0; i < walk->only_len; i++)
		if (walk->ways->stop.at[walk->only[i].stop]->part == part)
			return false;
	return true;
}

static void jump(struct nft_walk *walk, const struct nft_visit *at, const char *chain,
		 const struct nft_area *packets, struct region *region)
{
	struct nft_stop *stop = led_to(walk, at, chain);
	struct nft_back back = {.arena = &region->arena};
	bool enters = stop && !passes_by(walk, stop->part);
	if (enters)
		walk_stop(walk, stop, (struct entry){at, &back}, packets);
	if (!enters || walk->all_back) {
		put(walk, &region->arena, &region->areas, packets);
		return;
	}
	for (size_t i = 0; i < back.areas.list.len; i++)
		put(walk, &region->arena, &region->areas, back.areas.list.at[i]);
}

// The branches that some of the packets take, sorted by where they lead.
struct taken {
	const char *chain;
	struct algebra_range range;
};

static int by_chain(const void *x, const void *y)
{
	const struct taken *a = x, *b = y;
	int order = strcmp(a->chain, b->chain);
	if (order)
		return order;
	return a->range.lo < b->range.lo ? -1 : a->range.lo > b->range.lo;
}

static size_t first_branch(const struct nft_map *map, u128 from)
{
	size_t lo = 0, hi = map->len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (map->branch[mid].range.hi < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct taken *branches_of(const struct nft_map *map, const struct nft_area *packets,
				 struct arena *arena, size_t *len_out)
{
	bool known = packets->has >> map->field & 1;
	struct algebra_set set = known ? packets->set[map->field] : (struct algebra_set){0};
	u128 lo = known ? set.at[0].lo : 0,
	     hi = known ? set.at[set.len - 1].hi : algebra_max(nft_field_info[map->field].bits);
	size_t first = first_branch(map, lo), n = 0;
	while (first + n < map->len && map->branch[first + n].range.lo <= hi)
		n++;
	struct taken *out = arena_array(arena, struct taken, n);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		const struct nft_branch *b = &map->branch[first + i];
		if (!known || algebra_set_overlaps(set, (struct algebra_set){&b->range, 1}))
			out[kept++] = (struct taken){b->chain ? b->chain : "?", b->range};
	}
	*len_out = kept;
	return out;
}

// Branches that lead to the same chain are one way.
static void follow_map(struct nft_walk *walk, const struct nft_visit *at,
		       const struct nft_form *form, const struct nft_area *packets,
		       struct region *region)
{
	struct arena *a = &region->arena;
	enum nft_field field = form->map.field;
	size_t n;
	struct taken *taken = branches_of(&form->map, packets, a, &n);
	struct algebra_builder all = {.arena = a};
	for (size_t i = 0; i < n; i++)
		algebra_builder_add(&all, taken[i].range.lo, taken[i].range.hi);
	qsort(taken, n, sizeof(*taken), by_chain);
	for (size_t i = 0, k; i < n && !walk->over; i = k) {
		struct algebra_builder some = {.arena = a};
		for (k = i; k < n && !strcmp(taken[k].chain, taken[i].chain); k++)
			algebra_builder_add(&some, taken[k].range.lo, taken[k].range.hi);
		struct nft_area on = *packets;
		nft_area_narrow(&on, a, field, algebra_builder_take(&some));
		if (!on.never)
			enter(walk, at, taken[i].chain, &on);
	}
	struct nft_area gone;
	nft_area_all(&gone);
	nft_area_form(&gone, a, form);
	nft_area_narrow(&gone, a, field, algebra_builder_take(&all));
	nft_area_minus(packets, &gone, a, &region->areas);
}

static bool box_meets(const struct nft_boxes *boxes, const struct nft_box *box,
		      const struct nft_area *packets)
{
	for (size_t f = 0; f < boxes->fields; f++) {
		enum nft_field field = boxes->field[f];
		struct algebra_set range = {(struct algebra_range *)&box->range[f], 1};
		if (packets->has >> field & 1 && !algebra_set_overlaps(packets->set[field], range))
			return false;
	}
	return true;
}

static void box_area(const struct nft_boxes *boxes, const struct nft_box *box, struct arena *arena,
		     struct nft_area *out)
{
	for (size_t f = 0; f < boxes->fields; f++)
		nft_area_narrow(out, arena, boxes->field[f],
				algebra_set_one(arena, box->range[f].lo, box->range[f].hi));
}

// Whether no packet comes back from the chain.
static bool decides(const struct nft_program *program, const char *name, unsigned depth)
{
	const struct nft_chain *chain = name ? nft_program_find(program, name) : NULL;
	const struct nft_form *last =
		chain && chain->rule.len ? &chain->rule.at[chain->rule.len - 1] : NULL;
	if (!last || last->len || !nft_takes(last) || last->act == ACT_RETURN)
		return false;
	return last->act != ACT_GOTO ||
	       (depth < DEPTH_MOST && decides(program, last->chain, depth + 1));
}

static bool any_meets(const struct nft_boxes *boxes, const struct nft_box *box,
		      const struct nft_areas *packets)
{
	for (size_t i = 0; i < packets->list.len; i++)
		if (box_meets(boxes, box, packets->list.at[i]))
			return true;
	return false;
}

// Packets on their way through a map of boxes.
struct passing {
	const struct nft_boxes *boxes;
	struct nft_areas left;
	VEC(const struct nft_box *)
	settled;     // of no interest, but not taken from those that are left …
	bool parted; // … which others have since been taken from
};

// Of what others have left the settled boxes may have all.
static void drop_settled(struct passing *p, struct arena *a)
{
	struct nft_areas by = {0}, left = p->left;
	if (!p->parted || !p->settled.len || !left.list.len)
		return;
	for (size_t i = 0; i < p->settled.len; i++) {
		struct nft_area *area = arena_new(a, struct nft_area);
		if (!any_meets(p->boxes, p->settled.at[i], &left))
			continue;
		nft_area_all(area);
		box_area(p->boxes, p->settled.at[i], a, area);
		vec_push(a, &by.list, area);
	}
	p->left = (struct nft_areas){0};
	p->parted = false;
	for (size_t i = 0; i < left.list.len; i++)
		if (nft_area_covered(left.list.at[i], &by, a) != ALGEBRA_COVERED)
			vec_push(a, &p->left.list, left.list.at[i]);
}

// The packets that are in the box go where it leads; the others go on to the next one. Where they may be more than there
// are, so may all, if none comes back: whatever a later box says of them stands behind.
static void enter_box(struct nft_walk *walk, const struct nft_visit *at, struct passing *p,
		      const struct nft_box *box, struct arena *a)
{
	struct nft_areas now = p->left;
	struct nft_area whole;
	bool stay = (walk->all_back || p->left.list.len > PARTED_MOST) &&
		    decides(walk->ways->program, box->chain, 0);
	nft_area_all(&whole);
	box_area(p->boxes, box, a, &whole);
	p->left = (struct nft_areas){0};
	for (size_t i = 0; i < now.list.len && !walk->over; i++) {
		struct nft_area on = *now.list.at[i];
		if (box_meets(p->boxes, box, &on))
			nft_area_and(&on, a, &whole);
		else
			on.never = true;
		if (!on.never)
			enter(walk, at, box->chain ? box->chain : "?", &on);
		if (on.never || (stay && !nft_area_within(now.list.at[i], &on)))
			vec_push(a, &p->left.list, now.list.at[i]);
		else if (!stay)
			nft_area_minus(now.list.at[i], &whole, a, &p->left);
		if (!on.never && stay && walk->all_back && walk->again)
			walk->again(walk, at, stop_of(walk->ways, box->chain));
		p->parted |= !on.never;
		walk->over |= !walk->steps || p->left.list.len > REGION_MOST;
		walk->steps -= !walk->over && !on.never;
	}
}

static void follow_box(struct nft_walk *walk, const struct nft_visit *at, struct passing *p,
		       const struct nft_box *box, struct arena *a)
{
	struct nft_stop *stop = stop_of(walk->ways, box->chain);
	if (!any_meets(p->boxes, box, &p->left))
		return;
	if (walk->settled && stop && walk->settled(walk, stop)) {
		vec_push(a, &p->settled, box);
		return;
	}
	drop_settled(p, a);
	enter_box(walk, at, p, box, a);
}

static bool lets_on(struct nft_walk *walk, const struct nft_box *box)
{
	struct nft_stop *stop = stop_of(walk->ways, box->chain);
	if (walk->settled)
		return stop && walk->settled(walk, stop);
	return walk->all_back && decides(walk->ways->program, box->chain, 0);
}

static void taken_by(struct nft_walk *walk, const struct nft_form *form,
		     const struct nft_area *packets, struct arena *a, struct nft_areas *out)
{
	for (size_t i = 0; i < form->boxes.len; i++) {
		const struct nft_box *box = &form->boxes.box[i];
		if (!box_meets(&form->boxes, box, packets) || !lets_on(walk, box))
			continue;
		struct nft_area *area = arena_new(a, struct nft_area);
		nft_area_all(area);
		nft_area_form(area, a, form);
		box_area(&form->boxes, box, a, area);
		vec_push(a, &out->list, area);
	}
}

void nft_ways_taken(struct nft_walk *walk, const struct nft_visit *at,
		    const struct nft_area *packets, struct arena *arena, struct nft_areas *out)
{
	for (; at; at = at->from)
		for (size_t i = 0; i < at->stop->leads && at->stop->lead[i] < at->rule; i++) {
			const struct nft_form *raw = &at->stop->chain->rule.at[at->stop->lead[i]];
			struct nft_form form;
			if (raw->act != ACT_BOXES)
				continue;
			name_tests(raw, packets, arena, &form);
			if (!form.strange)
				taken_by(walk, &form, packets, arena, out);
		}
}

static void follow_boxes(struct nft_walk *walk, const struct nft_visit *at,
			 const struct nft_boxes *boxes, const struct nft_area *packets,
			 struct region *region)
{
	struct arena *a = &region->arena;
	struct passing p = {.boxes = boxes};
	vec_push(a, &p.left.list, arena_memdup(a, packets, sizeof(*packets)));
	for (size_t i = 0; i < boxes->len && p.left.list.len && !walk->over; i++)
		follow_box(walk, at, &p, &boxes->box[i], a);
	drop_settled(&p, a);
	for (size_t i = 0; i < p.left.list.len; i++)
		put(walk, a, &region->areas, p.left.list.at[i]);
}

static void lead_on(struct nft_walk *walk, const struct nft_visit *at, const struct nft_form *raw,
		    const struct nft_area *packets, struct region *region)
{
	struct arena *a = &region->arena;
	struct nft_form form;
	struct nft_area on = *packets;
	name_tests(raw, packets, a, &form);
	nft_area_form(&on, a, &form);
	const char *why = form.strange ? form.strange : nft_area_unguarded(&on, &form);
	if (on.never && !form.strange) {
		put(walk, a, &region->areas, packets);
		return;
	}
	if (why) {
		walk->lost(walk, at, why);
		return;
	}
	nft_area_minus(packets, &on, a, &region->areas);
	if (form.act == ACT_BRANCH)
		follow_map(walk, at, &form, &on, region);
	else if (form.act == ACT_BOXES)
		follow_boxes(walk, at, &form.boxes, &on, region);
	else if (form.act == ACT_JUMP)
		jump(walk, at, form.chain, &on, region);
	else
		enter(walk, at, form.chain, &on);
}

static void look(struct nft_walk *walk, const struct nft_visit *at, const struct nft_form *raw,
		 const struct nft_area *packets, struct region *region)
{
	struct nft_form form;
	struct nft_areas rest = {0};
	name_tests(raw, packets, &region->arena, &form);
	walk->rule(walk, at, &form, packets, &region->arena, &rest);
	for (size_t i = 0; i < rest.list.len; i++)
		put(walk, &region->arena, &region->areas, rest.list.at[i]);
}

// The next rule from `rule` on that the walk has to see.
static size_t next_rule(const struct nft_walk *walk, const struct nft_stop *stop, size_t rule)
{
	size_t next = stop->chain->rule.len, lo = 0, hi = stop->leads;
	if (!walk->only)
		return rule;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (stop->lead[mid] < rule)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < stop->leads)
		next = stop->lead[lo];
	for (size_t i = 0; i < walk->only_len; i++)
		if (walk->only[i].stop == stop->number && walk->only[i].rule >= rule) {
			next = walk->only[i].rule < next ? walk->only[i].rule : next;
			break;
		}
	return next;
}

static unsigned depth_of(const struct nft_visit *at)
{
	unsigned depth = 0;
	for (; at; at = at->from)
		depth++;
	return depth;
}

static void step(struct nft_walk *walk, const struct nft_visit *at, struct region *region)
{
	const struct nft_form *form = &at->stop->chain->rule.at[at->rule];
	struct nft_areas now = region->areas;
	region->areas = (struct nft_areas){0};
	for (size_t i = 0; i < now.list.len && !walk->over; i++) {
		walk->over = !walk->steps || walk->over;
		walk->steps -= !walk->over;
		if (nft_leads_on(form))
			lead_on(walk, at, form, now.list.at[i], region);
		else
			look(walk, at, form, now.list.at[i], region);
	}
}

static void walk_stop(struct nft_walk *walk, struct nft_stop *stop, struct entry entry,
		      const struct nft_area *packets)
{
	u128 mark = 0;
	struct nft_visit at = {.from = entry.from, .stop = stop, .back = entry.back, .mark = &mark};
	struct region region = {0};
	size_t n = stop->chain->rule.len;
	if (depth_of(entry.from) > DEPTH_MOST)
		walk->over = true;
	arena_init(&region.arena);
	put(walk, &region.arena, &region.areas, packets);
	for (at.rule = next_rule(walk, stop, 0);
	     at.rule < n && region.areas.list.len && !walk->over;
	     at.rule = next_rule(walk, stop, at.rule + 1))
		step(walk, &at, &region);
	at.rule = n;
	for (size_t i = 0; i < region.areas.list.len && !walk->over; i++)
		if (walk->ends(walk, &at, region.areas.list.at[i]) && at.back && !walk->all_back)
			vec_push(at.back->arena, &at.back->areas.list,
				 nft_area_copy(region.areas.list.at[i], at.back->arena));
	arena_fini(&region.arena);
}

void nft_walk(struct nft_walk *walk, const struct nft_area *packets)
{
	if (walk->ways->stop.len)
		walk_stop(walk, walk->ways->stop.at[0], (struct entry){0}, packets);
}
