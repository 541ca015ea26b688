// SPDX-License-Identifier: Apache-2.0
// Following packets through chains. The one idea: packets are areas that get smaller on the way; what a map or a goto does
// not take goes on to the next rule, as the few areas that are left. Work is counted, because the kernel forbids loops but
// not that very many ways lead to one chain.
#include "backend/nft/ways.h"
#include "backend/nft/box_index.h"
#include "backend/nft/decode.h"
#include "backend/nft/overlay.h"

#include <stdlib.h>
#include <string.h>

#define PARTED_MOST 300u     // areas that boxes leave; then they may leave more than there is
#define REGION_MOST 65536u   // areas of packets at one place, …
#define BYTES_MOST 67108864u // … and memory for what becomes of them there; 100,000 rules take 4 MB
#define BYTES_KEPT 4194304u // that rules have left there which were passed
#define DEPTH_MOST 40u      // the kernel allows 16
#define BOXES_FEW 8u        // are asked one after the other …
#define ASKED_SELDOM 16u    // … as are those of a map to which few areas come
#define BRANCHES_FEW 64u    // of a gate, which are followed one by one

// --- walking ---

struct region { // packets at one place of a chain
	struct arena arena;
	struct nft_areas areas;
	size_t kept; // memory that the areas took when all else was given back
};

static void put(struct nft_walk *walk, struct arena *arena, struct nft_areas *to,
		const struct nft_area *area)
{
	if (to->list.len >= REGION_MOST)
		walk->over = true;
	else if (!area->never)
		vec_push(arena, &to->list, nft_area_dup(area, arena));
}

static bool is_open(const struct nft_form *form)
{
	return form->open_len || form->map.reg || form->boxes.reg;
}

static void name_tests(const struct nft_form *form, const struct nft_area *packets,
		       struct arena *arena, struct nft_form *out)
{
	struct nft_match match[NFT_FIELDS];
	if (!is_open(form)) {
		*out = *form;
		return;
	}
	struct nft_form path = nft_area_as_form(packets, match);
	nft_form_resolve(form, &path, arena, out);
}

// --- what a rule that leads on reads ---

// Whether it reads what it says in these packets, too.
static bool reads_so(const struct nft_form *named, const struct nft_area *packets)
{
	bool so = named->act != ACT_BRANCH || nft_area_has_field(packets, named->map.field);
	for (size_t i = 0; named->act == ACT_BOXES && i < named->boxes.fields && so; i++)
		so = nft_area_has_field(packets, named->boxes.field[i]);
	return so;
}

// For most ways it reads the same, which is kept.
static void keep_named(struct nft_walk *walk, struct nft_lead *lead, const struct nft_form *raw,
		       const struct nft_area *packets)
{
	struct arena *arena = walk->ways->arena;
	struct nft_form *named = arena_new(arena, struct nft_form);
	name_tests(raw, packets, arena, named);
	if (is_open(raw) && (raw->open_len || named->strange || !reads_so(named, packets)))
		return;
	lead->named = named;
}

static const struct nft_form *name_lead(struct nft_walk *walk, struct nft_lead *lead,
					const struct nft_form *raw, const struct nft_area *packets,
					struct arena *arena)
{
	if (!lead->tried)
		keep_named(walk, lead, raw, packets);
	lead->tried = true;
	if (lead->named && (!is_open(raw) || reads_so(lead->named, packets)))
		return lead->named;
	struct nft_form *named = arena_new(arena, struct nft_form);
	name_tests(raw, packets, arena, named);
	return named;
}

struct entry {
	const struct nft_visit *from;
	struct nft_back *back;
};
static void walk_stop(struct nft_walk *walk, struct nft_stop *stop, struct entry entry,
		      const struct nft_area *packets);

static void tell_missing(struct nft_walk *walk, const struct nft_visit *at, const char *chain,
			 const struct nft_area *packets)
{
	if (walk->missing)
		walk->missing(walk, chain);
	walk->lost(walk, at, packets, "leads to a chain that is not there");
}

struct target {
	struct nft_stop *stop; // NULL: is not there
	const char *chain;
};

static void enter(struct nft_walk *walk, const struct nft_visit *at, struct target to,
		  const struct nft_area *packets)
{
	if (to.stop && (to.stop->leads || !walk->leading_only))
		walk_stop(walk, to.stop, (struct entry){at, at->back}, packets);
	else if (!to.stop)
		tell_missing(walk, at, to.chain, packets);
}

// Whether the walk has nothing to see behind the jump.
static bool passes_by(const struct nft_walk *walk, const struct nft_stop *jump)
{
	for (size_t i = 0; walk->only && i < walk->only_len; i++)
		if (nft_jump_reaches(jump, walk->only[i].stop))
			return false;
	return walk->only;
}

// What stands in front of a tree is so little that it is always told which packets come back; for most rules that stand
// there, none does.
static bool is_front(const struct nft_stop *stop)
{
	return stop && !strcmp(stop->chain->name, NFT_OVERLAY_CHAIN);
}

static void jump(struct nft_walk *walk, const struct nft_visit *at, const struct nft_lead *lead,
		 const struct nft_area *packets, struct region *region)
{
	struct nft_stop *stop = lead->to[0];
	struct nft_back back = {.arena = &region->arena};
	bool enters = stop && !passes_by(walk, stop), all_back = walk->all_back;
	walk->all_back &= !is_front(stop);
	if (enters)
		walk_stop(walk, stop, (struct entry){at, &back}, packets);
	else if (!stop)
		tell_missing(walk, at, nft_lead_form(at->stop, lead)->chain, packets);
	bool all = !enters || walk->all_back;
	walk->all_back = all_back;
	if (all) {
		put(walk, &region->arena, &region->areas, packets);
		return;
	}
	for (size_t i = 0; i < back.areas.list.len; i++)
		put(walk, &region->arena, &region->areas, back.areas.list.at[i]);
}

// The branches that some of the packets take, sorted by where they lead.
struct taken {
	struct target to;
	struct algebra_range range;
};

static size_t place_of(const struct taken *taken)
{
	return taken->to.stop ? taken->to.stop->number : SIZE_MAX;
}

static int by_target(const void *x, const void *y)
{
	const struct taken *a = x, *b = y;
	size_t of_a = place_of(a), of_b = place_of(b);
	if (of_a != of_b)
		return of_a < of_b ? -1 : 1;
	return a->range.lo < b->range.lo ? -1 : a->range.lo > b->range.lo;
}

// All branches of a map often lead to one chain.
static bool in_order(const struct taken *taken, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (by_target(&taken[i - 1], &taken[i]) > 0)
			return false;
	return true;
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

// The packets come to so few of the map's branches that it costs little to tell which of them do not.
static bool meets_few(const struct nft_map *map, const struct nft_area *packets)
{
	if (!(packets->has >> map->field & 1))
		return false;
	struct algebra_set set = packets->set[map->field];
	size_t last = first_branch(map, set.at[set.len - 1].hi);
	return last - first_branch(map, set.at[0].lo) <= BRANCHES_FEW;
}

// Branches that no value leads to are gone from a map whose field has been named.
static struct target branch_target(const struct nft_walk *walk, const struct nft_visit *at,
				   const struct nft_lead *lead, const struct nft_map *map, size_t i)
{
	const char *chain = map->branch[i].chain;
	bool all = map->len == nft_lead_form(at->stop, lead)->map.len;
	struct nft_stop *stop = lead->gate ? lead->to[0]
				: all      ? lead->to[i]
				: chain    ? map_get(&walk->ways->by_name, chain)
					   : NULL;
	return (struct target){stop, chain};
}

// From the map's branch `first` on; n in, those that are taken out.
static struct taken *branches_of(const struct nft_walk *walk, const struct nft_visit *at,
				 const struct nft_lead *lead, const struct nft_map *map,
				 const struct nft_area *packets, struct arena *arena,
				 size_t *len_out)
{
	bool known = packets->has >> map->field & 1;
	struct algebra_set set = known ? packets->set[map->field] : nft_area_domain(map->field);
	u128 hi = set.at[set.len - 1].hi;
	size_t first = first_branch(map, set.at[0].lo), n = 0, kept = 0;
	while (first + n < map->len && map->branch[first + n].range.lo <= hi)
		n++;
	struct taken *out = arena_array(arena, struct taken, n);
	for (size_t i = first; i < first + n; i++) {
		struct algebra_range range = map->branch[i].range;
		if (algebra_set_overlaps(set, (struct algebra_set){&range, 1}))
			out[kept++] = (struct taken){branch_target(walk, at, lead, map, i), range};
	}
	*len_out = kept;
	return out;
}

// Branches that lead to the same chain are one way.
static void follow_map(struct nft_walk *walk, const struct nft_visit *at,
		       const struct nft_lead *lead, const struct nft_form *form,
		       const struct nft_area *packets, struct region *region)
{
	struct arena *a = &region->arena;
	enum nft_field field = form->map.field;
	size_t n;
	struct taken *taken = branches_of(walk, at, lead, &form->map, packets, a, &n);
	struct algebra_builder all = {.arena = a};
	for (size_t i = 0; i < n; i++)
		algebra_builder_add(&all, taken[i].range.lo, taken[i].range.hi);
	if (!in_order(taken, n))
		qsort(taken, n, sizeof(*taken), by_target);
	for (size_t i = 0, k; i < n && !walk->over; i = k) {
		struct algebra_builder some = {.arena = a};
		for (k = i;
		     k == i || (k < n && taken[k].to.stop && taken[k].to.stop == taken[i].to.stop);
		     k++)
			algebra_builder_add(&some, taken[k].range.lo, taken[k].range.hi);
		struct nft_area on;
		nft_area_assign(&on, packets);
		nft_area_narrow(&on, a, field, algebra_builder_take(&some));
		if (!on.never)
			enter(walk, at, taken[i].to, &on);
	}
	struct nft_area gone;
	nft_area_of(form, a, &gone);
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

static bool has_leaving(const struct nft_chain *chain)
{
	for (size_t i = 0; i < chain->rule.len; i++)
		if (nft_form_leaves(&chain->rule.at[i]))
			return true;
	return false;
}

static bool ends_in(const struct nft_program *program, const struct nft_chain *chain,
		    unsigned depth)
{
	const struct nft_form *last =
		chain && chain->rule.len ? &chain->rule.at[chain->rule.len - 1] : NULL;
	if (!last || last->len || !nft_takes(last) || last->act == ACT_RETURN || has_leaving(chain))
		return false;
	return last->act != ACT_GOTO ||
	       (depth < DEPTH_MOST && last->chain &&
		ends_in(program, nft_program_find(program, last->chain), depth + 1));
}

// Whether no packet comes back from the chain.
static bool decides(const struct nft_walk *walk, struct nft_stop *stop)
{
	if (stop && stop->end == NFT_MAY_DECIDE)
		stop->end =
			ends_in(walk->ways->program, stop->chain, 0) ? NFT_DECIDES : NFT_LETS_GO;
	return stop && stop->end == NFT_DECIDES;
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
	const struct nft_lead *lead;
	const struct nft_area *packets; // that came
	struct nft_areas left;
	bool parted; // some were taken from those that are left
	bool more;   // other boxes follow
};

// Of what other boxes have left, what is of no interest goes.
static void drop_done(struct nft_walk *walk, struct passing *p, struct arena *a)
{
	struct nft_areas left = p->left;
	if (!p->parted || !walk->done)
		return;
	p->left = (struct nft_areas){0};
	p->parted = false;
	for (size_t i = 0; i < left.list.len; i++)
		if (!walk->done(walk, left.list.at[i]))
			vec_push(a, &p->left.list, left.list.at[i]);
}

static bool looks_at(const struct nft_walk *walk, const struct nft_stop *stop)
{
	size_t at = nft_walk_only(walk, (struct nft_rule_at){stop->number, 0});
	return at < walk->only_len && walk->only[at].stop == stop->number;
}

// Whether the walk need not follow the packets into the box.
static bool is_done(struct nft_walk *walk, const struct passing *p, uint32_t number,
		    struct arena *a)
{
	const struct nft_stop *stop = p->lead->to[number];
	struct nft_area on;
	if (!walk->done || !stop || looks_at(walk, stop))
		return false;
	nft_area_assign(&on, p->packets);
	box_area(p->boxes, &p->boxes->box[number], a, &on);
	return walk->done(walk, &on);
}

bool nft_more_behind(const struct nft_visit *at)
{
	return at->rule + 1 < at->stop->chain->rule.len;
}

// The packets that are in the box go where it leads; the others go on to the next one. Where they may be more than there
// are, so may all, if none comes back: whatever a later box says of them stands behind. Who only asks which chains there
// are to be read is told of no fewer.
static void enter_box(struct nft_walk *walk, const struct nft_visit *at, struct passing *p,
		      uint32_t number, struct arena *a)
{
	const struct nft_box *box = &p->boxes->box[number];
	struct target to = {p->lead->to[number], box->chain};
	struct nft_areas now = p->left;
	struct nft_area whole;
	bool unread = !to.stop && walk->missing;
	bool stay = (walk->all_back || p->left.list.len > PARTED_MOST) &&
		    (unread || decides(walk, to.stop));
	nft_area_all(&whole);
	box_area(p->boxes, box, a, &whole);
	p->left = (struct nft_areas){0};
	for (size_t i = 0; i < now.list.len && !walk->over; i++) {
		struct nft_area on;
		nft_area_assign(&on, now.list.at[i]);
		on.never |= !box_meets(p->boxes, box, &on);
		if (!on.never)
			nft_area_and(&on, a, &whole);
		if (!on.never)
			enter(walk, at, to, &on);
		if (on.never || (stay && !nft_area_within(now.list.at[i], &on)))
			vec_push(a, &p->left.list, now.list.at[i]);
		else if (!stay)
			nft_area_minus(now.list.at[i], &whole, a, &p->left);
		else if (walk->held && (p->more || nft_more_behind(at)))
			walk->held(walk, to.stop, now.list.at[i]);
		if (!on.never && stay && walk->all_back && walk->again)
			walk->again(walk, at, to.stop);
		p->parted |= !on.never;
		walk->over |=
			!walk->steps || p->left.list.len > REGION_MOST || a->total > BYTES_MOST;
		walk->steps -= !walk->over && !on.never;
	}
}

static void follow_box(struct nft_walk *walk, const struct nft_visit *at, struct passing *p,
		       uint32_t number, struct arena *a)
{
	const struct nft_stop *stop = p->lead->to[number];
	if ((stop && stop->settled < walk->now) ||
	    !any_meets(p->boxes, &p->boxes->box[number], &p->left) || is_done(walk, p, number, a))
		return;
	drop_done(walk, p, a);
	enter_box(walk, at, p, number, a);
}

static struct nft_box_index *index_boxes(const struct nft_lead *lead)
{
	const struct nft_boxes *boxes = &lead->named->boxes;
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	size_t *settled = arena_array(&arena, size_t, boxes->len);
	for (size_t i = 0; i < boxes->len; i++) {
		const struct nft_stop *stop = lead->to[lead->gate ? 0 : i];
		settled[i] = stop ? stop->settled : SIZE_MAX;
	}
	return nft_box_index_new(boxes, settled);
}

// The boxes that may meet the packets, all others being of no interest. An index is made when it is worth its work.
static const uint32_t *boxes_met(struct nft_walk *walk, struct nft_lead *lead,
				 const struct nft_boxes *boxes, const struct nft_area *packets,
				 struct arena *arena, size_t *len_out)
{
	bool named = lead->named && boxes == &lead->named->boxes;
	if (named && !lead->index && boxes->len > BOXES_FEW && ++lead->asked > ASKED_SELDOM)
		lead->index = index_boxes(lead);
	if (named && lead->index) {
		nft_box_index_find(lead->index, packets, walk->now, &walk->met);
		*len_out = walk->met.len;
		return arena_memdup(arena, walk->met.at, walk->met.len * sizeof(uint32_t));
	}
	uint32_t *all = arena_array(arena, uint32_t, boxes->len);
	for (uint32_t i = 0; i < boxes->len; i++)
		all[i] = i;
	*len_out = boxes->len;
	return all;
}

// How many of the packets are in blocks, or in boxes, as far as it is told: of any address, some.
enum share { NONE, SOME, ALL };
static enum share share_in_blocks(const struct nft_map *map, const struct nft_area *packets)
{
	bool in = false, out = false;
	if (!(packets->has >> map->field & 1))
		return SOME;
	const struct algebra_set set = packets->set[map->field];
	for (size_t i = 0; i < set.len && !(in && out); i++) {
		struct algebra_range left = set.at[i]; // not looked at yet
		bool some = true;
		for (size_t k = first_branch(map, left.lo);
		     some && k < map->len && map->branch[k].range.lo <= left.hi; k++) {
			in = true;
			out |= map->branch[k].range.lo > left.lo;
			some = map->branch[k].range.hi < left.hi;
			left.lo = map->branch[k].range.hi + 1;
		}
		out |= some;
	}
	return !in ? NONE : out ? SOME : ALL;
}

static enum share share_in_boxes(struct nft_walk *walk, struct nft_lead *lead,
				 const struct nft_boxes *boxes, const struct nft_area *packets,
				 struct arena *arena)
{
	struct nft_areas by = {0};
	size_t n;
	if (!(packets->has >> boxes->field[0] & 1))
		return SOME;
	const uint32_t *met = boxes_met(walk, lead, boxes, packets, arena, &n);
	for (size_t i = 0; i < n; i++) {
		const struct nft_box *box = &boxes->box[met[i]];
		if (!box_meets(boxes, box, packets))
			continue;
		struct nft_area area;
		nft_area_all(&area);
		box_area(boxes, box, arena, &area);
		vec_push(arena, &by.list, nft_area_dup(&area, arena));
	}
	if (!by.list.len)
		return NONE;
	return nft_area_covered(packets, &by, arena) == ALGEBRA_COVERED ? ALL : SOME;
}

// Following each box would be the same again and again, so all packets go where they lead, and, unless the boxes surely hold
// all of them, on as well: more than really do so.
static void follow_gate(struct nft_walk *walk, const struct nft_visit *at, struct nft_lead *lead,
			const struct nft_form *form, const struct nft_area *packets,
			struct region *region)
{
	struct arena *a = &region->arena;
	bool blocks = form->act == ACT_BRANCH;
	enum share share = blocks ? share_in_blocks(&form->map, packets)
				  : share_in_boxes(walk, lead, &form->boxes, packets, a);
	*at->wide |= share == SOME;
	if (share != NONE)
		enter(walk, at, (struct target){lead->to[0], form->chain}, packets);
	if (share != ALL)
		put(walk, a, &region->areas, packets);
}

static void follow_boxes(struct nft_walk *walk, const struct nft_visit *at, struct nft_lead *lead,
			 const struct nft_form *form, const struct nft_area *packets,
			 struct region *region)
{
	struct arena *a = &region->arena;
	struct passing p = {.boxes = &form->boxes, .lead = lead, .packets = packets};
	size_t n;
	const uint32_t *met = boxes_met(walk, lead, p.boxes, packets, a, &n);
	vec_push(a, &p.left.list, nft_area_dup(packets, a));
	for (size_t i = 0; i < n && p.left.list.len && !walk->over; i++) {
		p.more = i + 1 < n;
		follow_box(walk, at, &p, met[i], a);
	}
	drop_done(walk, &p, a);
	for (size_t i = 0; i < p.left.list.len; i++)
		put(walk, a, &region->areas, p.left.list.at[i]);
}

// At the end of a chain, or where a rule has them leave it: back to the jump, if there was one.
static void leave(struct nft_walk *walk, const struct nft_visit *at, const struct nft_area *packets)
{
	if (walk->ends(walk, at, packets) && at->back && !walk->all_back)
		vec_push(at->back->arena, &at->back->areas.list,
			 nft_area_copy(packets, at->back->arena));
}

static void lead_on(struct nft_walk *walk, const struct nft_visit *at, struct nft_lead *lead,
		    const struct nft_area *packets, struct region *region)
{
	const struct nft_form *raw = nft_lead_form(at->stop, lead);
	struct arena *a = &region->arena;
	const struct nft_form *form = name_lead(walk, lead, raw, packets, a);
	struct nft_area on;
	nft_area_assign(&on, packets);
	nft_area_form(&on, a, form);
	const char *why = form->strange ? form->strange : nft_area_unguarded(&on, form);
	if (on.never && !form->strange) {
		put(walk, a, &region->areas, packets);
		return;
	}
	if (why) {
		walk->lost(walk, at, packets, why);
		return;
	}
	nft_area_minus(packets, &on, a, &region->areas);
	if (lead->gate && !(form->act == ACT_BRANCH && meets_few(&form->map, &on)))
		follow_gate(walk, at, lead, form, &on, region);
	else if (form->act == ACT_BRANCH)
		follow_map(walk, at, lead, form, &on, region);
	else if (form->act == ACT_BOXES)
		follow_boxes(walk, at, lead, form, &on, region);
	else if (form->act == ACT_JUMP)
		jump(walk, at, lead, &on, region);
	else if (form->act == ACT_RETURN)
		leave(walk, at, &on);
	else
		enter(walk, at, (struct target){lead->to[0], form->chain}, &on);
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

// The first that is not before the rule.
static size_t first_lead(const struct nft_stop *stop, size_t rule)
{
	size_t lo = 0, hi = stop->leads;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (stop->lead[mid].rule < rule)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void nft_walk_past(const struct nft_walk *walk, const struct nft_form *form,
		   const struct nft_area *packets, struct arena *arena, struct nft_areas *rest)
{
	const struct nft_area *on = packets;
	if (!form->strange && nft_takes(form)) {
		struct nft_area tests;
		struct nft_areas left = {0};
		nft_area_of(form, arena, &tests);
		if (nft_area_within(packets, &tests))
			return;
		if (!walk->all_back)
			nft_area_minus(packets, &tests, arena, &left);
		if (left.list.len == 1)
			on = left.list.at[0];
	}
	vec_push(arena, &rest->list, (struct nft_area *)on);
}

size_t nft_walk_only(const struct nft_walk *walk, struct nft_rule_at from)
{
	size_t lo = 0, hi = walk->only_len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct nft_rule_at *at = &walk->only[mid];
		bool before = at->stop != from.stop ? at->stop < from.stop : at->rule < from.rule;
		if (before)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

// The next rule from `rule` on that the walk has to see.
static size_t next_rule(const struct nft_walk *walk, const struct nft_stop *stop, size_t rule)
{
	size_t next = stop->chain->rule.len;
	if (!walk->only)
		return rule;
	size_t lead = first_lead(stop, rule),
	       only = nft_walk_only(walk, (struct nft_rule_at){stop->number, (uint32_t)rule});
	if (lead < stop->leads)
		next = stop->lead[lead].rule;
	if (only < walk->only_len && walk->only[only].stop == stop->number &&
	    walk->only[only].rule < next)
		next = walk->only[only].rule;
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
		walk->over |= !walk->steps || region->arena.total > BYTES_MOST;
		walk->steps -= !walk->over;
		if (nft_leads_on(form))
			lead_on(walk, at, &at->stop->lead[first_lead(at->stop, at->rule)],
				now.list.at[i], region);
		else
			look(walk, at, form, now.list.at[i], region);
	}
}

// Only the packets that are left matter to the next rule.
static void forget_passed(struct region *region)
{
	struct region now = {0};
	arena_init(&now.arena);
	for (size_t i = 0; i < region->areas.list.len; i++)
		vec_push(&now.arena, &now.areas.list,
			 nft_area_copy(region->areas.list.at[i], &now.arena));
	now.kept = now.arena.total;
	arena_fini(&region->arena);
	*region = now;
}

static void walk_stop(struct nft_walk *walk, struct nft_stop *stop, struct entry entry,
		      const struct nft_area *packets)
{
	u128 mark = 0;
	bool wide = entry.from && *entry.from->wide;
	struct nft_visit at = {
		.from = entry.from, .stop = stop, .back = entry.back, .mark = &mark, .wide = &wide};
	struct region region = {0};
	size_t n = stop->chain->rule.len;
	if (depth_of(entry.from) > DEPTH_MOST)
		walk->over = true;
	arena_init(&region.arena);
	put(walk, &region.arena, &region.areas, packets);
	for (at.rule = next_rule(walk, stop, 0);
	     at.rule < n && region.areas.list.len && !walk->over;
	     at.rule = next_rule(walk, stop, at.rule + 1)) {
		step(walk, &at, &region);
		if (region.arena.total > 2 * region.kept + BYTES_KEPT)
			forget_passed(&region);
	}
	at.rule = n;
	for (size_t i = 0; i < region.areas.list.len && !walk->over; i++)
		leave(walk, &at, region.areas.list.at[i]);
	arena_fini(&region.arena);
}

void nft_walk(struct nft_walk *walk, const struct nft_area *packets)
{
	if (walk->ways->stop.len)
		walk_stop(walk, walk->ways->stop.at[0], (struct entry){0}, packets);
	free(walk->met.at);
	walk->met = (struct algebra_ids){0};
}
