// SPDX-License-Identifier: Apache-2.0
// Areas as clauses. A box over independent axes says "any port" of packets that have none; a clause that names ports means
// only packets that have them. So a box is cut by what its protocols have before it becomes clauses. What the rest of a
// clause implies is left out, and clauses that differ in one dimension become one.
#include "verify/words.h"
#include "ir/turn.h"

#include <stdlib.h>
#include <string.h>

#define RANGES_SAID 4 // of time; more are no words

// --- axes of a box ---

struct wording {
	const struct verify_space *space;
	const struct verify_slice *slice;
	const struct verify_area *area;
	struct arena *arena;
	struct verify_wording *out;
	const struct verify_axis *proto, *fragment;
	bool flow_rules;
};

static bool has_atom(const struct verify_slice *slice, const struct verify_axis *axis,
		     const uint64_t *box, uint32_t atom)
{
	if (axis->span)
		return atom >= algebra_lo(box[axis->slot]) && atom <= algebra_hi(box[axis->slot]);
	return algebra_has(&slice->shape, box, axis->slot, atom);
}

static bool is_full(const struct verify_slice *slice, const struct verify_axis *axis,
		    const uint64_t *box)
{
	for (uint32_t atom = 0; atom < axis->atoms; atom++)
		if (!has_atom(slice, axis, box, atom))
			return false;
	return true;
}

static void leave_out(const struct verify_slice *slice, const struct verify_axis *axis,
		      uint64_t *box, uint32_t atom)
{
	algebra_drop(&slice->shape, box, axis->slot, atom);
}

static unsigned lowest(const struct verify_axis *axis, uint32_t atom)
{
	size_t i = 0;
	while (verify_piece(axis, i).atom != atom)
		i++;
	return (unsigned)verify_piece(axis, i).lo;
}

// Which of the restricted axes packets of the atom have: a bit an axis.
static uint64_t signature(const struct wording *w, const uint64_t *box, uint32_t atom)
{
	uint64_t bits = 0;
	unsigned protocol = lowest(w->proto, atom);
	for (size_t a = 0; a < w->slice->axes && a < 64; a++) {
		const struct verify_axis *axis = &w->slice->axis[a];
		if (ir_dim_is_transport(axis->dim) && ir_dim_is_of(axis->dim, protocol) &&
		    !is_full(w->slice, axis, box))
			bits |= 1ull << a;
	}
	return bits;
}

// --- shorter ---

static struct algebra_set protocols_of(struct arena *arena, const struct ir_clause *clause)
{
	struct algebra_builder builder = {.arena = arena};
	struct ir_protocols protocols = ir_clause_protocols(clause);
	for (unsigned p = 0; p < 256; p++)
		if (protocols.bit[p / 64] >> p % 64 & 1)
			algebra_builder_add(&builder, p, p);
	return algebra_builder_take(&builder);
}

static struct ir_clause without(const struct ir_clause *clause, struct arena *arena, unsigned dim)
{
	struct ir_clause rest = {.cond = arena_array(arena, struct ir_cond, clause->len + 1),
				 .clock = clause->clock};
	for (size_t i = 0; i < clause->len; i++)
		if (clause->cond[i].dim != dim)
			rest.cond[rest.len++] = clause->cond[i];
	return rest;
}

// What the other conditions imply goes.
static void shorten(const struct verify_space *space, struct arena *arena, struct ir_clause *clause)
{
	const struct algebra_set *proto = ir_clause_set(clause, IR_PROTO);
	struct ir_clause rest = without(clause, arena, IR_PROTO);
	if (proto && algebra_set_within(protocols_of(arena, &rest), *proto))
		*clause = rest;
	const struct algebra_set *family = ir_clause_set(clause, IR_FAMILY);
	rest = without(clause, arena, IR_FAMILY);
	bool both = family && algebra_set_has(*family, 4) && algebra_set_has(*family, 6);
	if (family && (ir_clause_versions(&rest) != 3 || (both && !space->ethertypes)))
		*clause = rest;
}

// --- replies ---

// The slice speaks of the flow's first packet, the clause of the replies themselves.
static bool turn(struct ir_clause *clause, struct arena *arena)
{
	struct ir_clause turned = {.clock = clause->clock};
	bool good = true;
	for (size_t i = 0; i < clause->len; i++) {
		enum ir_dim dim = clause->cond[i].dim;
		struct algebra_set set = clause->cond[i].set;
		if (dim == IR_ICMP4 || dim == IR_ICMP6)
			set = ir_icmp_turned(IR_TO_REPLY, dim, set, arena);
		if (ir_dim_info[dim].kind == IR_KIND_TUPLE)
			dim = ir_dim_other_side(dim);
		good &= ir_clause_narrow(&turned, arena, dim, set);
	}
	*clause = turned;
	return good;
}

// --- one box ---

// Of what the part has in common with the area: all of it differs when the area is exact.
static const uint64_t *point_of(const struct wording *w, const uint64_t *part)
{
	const struct algebra_shape *shape = &w->slice->shape;
	uint64_t common[ALGEBRA_CELLS], point[ALGEBRA_CELLS];
	if (!w->area->exact || !algebra_box_clip(shape, w->area->box, part, common))
		return w->area->point;
	algebra_box_point(shape, common, 0, point);
	return arena_memdup(w->arena, point, shape->cells * sizeof(*point));
}

static void put(struct wording *w, const uint64_t *box, bool exact)
{
	struct verify_words words = {
		.area = w->area, .reply = w->slice->reply, .point = point_of(w, box)};
	words.exact = verify_region(w->space, w->slice, box, w->arena, &words.clause) && exact;
	if (w->slice->reply)
		words.exact &= turn(&words.clause, w->arena);
	const struct algebra_set *offset = ir_clause_set(&words.clause, IR_FRAGOFF);
	if (offset && algebra_set_has(*offset, 0) && ir_clause_asks_transport(&words.clause)) {
		u128 v4 = 4;
		words.clause = without(&words.clause, w->arena, IR_FRAGOFF);
		if (ir_clause_versions(&words.clause) == 3)
			words.exact &= ir_clause_narrow(&words.clause, w->arena, IR_FAMILY,
							algebra_set_one(w->arena, v4, v4));
	}
	if (!w->slice->family && !ir_clause_set(&words.clause, IR_ETHERTYPE))
		words.exact &= ir_clause_narrow(
			&words.clause, w->arena, IR_ETHERTYPE,
			algebra_set_complement(
				w->arena,
				algebra_set_union(w->arena,
						  algebra_set_one(w->arena, 0x0800, 0x0800),
						  algebra_set_one(w->arena, 0x86dd, 0x86dd)),
				0xffff));
	shorten(w->space, w->arena, &words.clause);
	vec_push(w->arena, &w->out->list, words);
}

// The box for packets whose protocols have just the restricted axes of `has`; all others are left open.
static void put_part(struct wording *w, const uint64_t *box, uint64_t has, uint32_t first)
{
	uint64_t part[ALGEBRA_CELLS];
	memcpy(part, box, w->slice->shape.cells * sizeof(*part));
	for (uint32_t atom = 0; atom < w->proto->atoms; atom++)
		if (has_atom(w->slice, w->proto, box, atom) &&
		    (atom < first || signature(w, box, atom) != has))
			leave_out(w->slice, w->proto, part, atom);
	for (size_t a = 0; a < w->slice->axes && a < 64; a++)
		if (ir_dim_is_transport(w->slice->axis[a].dim) && !(has >> a & 1))
			verify_fill(w->slice, &w->slice->axis[a], part);
	put(w, part, w->area->exact);
}

// Once for each different signature among the protocols.
static void put_by_protocol(struct wording *w, const uint64_t *box)
{
	if (!w->proto || w->proto->span) {
		put(w, box, w->area->exact);
		return;
	}
	for (uint32_t atom = 0; atom < w->proto->atoms; atom++) {
		if (!has_atom(w->slice, w->proto, box, atom))
			continue;
		uint64_t has = signature(w, box, atom);
		bool new = true;
		for (uint32_t k = 0; k < atom && new; k++)
			new = !has_atom(w->slice, w->proto, box, k) || signature(w, box, k) != has;
		if (new)
			put_part(w, box, has, atom);
	}
}

static void open_transport(const struct verify_slice *slice, uint64_t *box)
{
	for (size_t a = 0; a < slice->axes; a++)
		if (ir_dim_is_transport(slice->axis[a].dim))
			verify_fill(slice, &slice->axis[a], box);
}

// Later fragments have no transport header. With flow rules they are judged by their flow's.
static void put_later_fragments(struct wording *w, const uint64_t *box)
{
	uint64_t part[ALGEBRA_CELLS];
	size_t cells = w->slice->shape.cells;
	memcpy(part, box, cells * sizeof(*part));
	open_transport(w->slice, part);
	bool same = !memcmp(part, box, cells * sizeof(*part));
	put(w, part, w->area->exact && (same || !w->flow_rules));
}

// Whether the atom has values beside 0.
static bool has_others(const struct verify_axis *axis, uint32_t atom)
{
	for (size_t i = 0; i < axis->pieces; i++)
		if (verify_piece(axis, i).atom == atom && verify_piece(axis, i).hi)
			return true;
	return false;
}

static void put_area(struct wording *w)
{
	uint64_t first[ALGEBRA_CELLS], later[ALGEBRA_CELLS];
	size_t cells = w->slice->shape.cells;
	const uint64_t *box = w->area->box;
	if (!w->fragment || w->fragment->span) {
		put_by_protocol(w, box);
		return;
	}
	memcpy(first, box, cells * sizeof(*first));
	memcpy(later, box, cells * sizeof(*later));
	bool has_first = false, has_later = false;
	for (uint32_t atom = 0; atom < w->fragment->atoms; atom++) {
		bool zero = !lowest(w->fragment, atom), others = has_others(w->fragment, atom);
		if (!has_atom(w->slice, w->fragment, box, atom))
			continue;
		if (!zero)
			leave_out(w->slice, w->fragment, first, atom);
		if (!others)
			leave_out(w->slice, w->fragment, later, atom);
		has_first |= zero;
		has_later |= others;
	}
	uint64_t open[ALGEBRA_CELLS];
	memcpy(open, box, cells * sizeof(*open));
	open_transport(w->slice, open);
	if (!memcmp(open, box, cells * sizeof(*open))) { // nothing that later fragments lack
		put(w, box, w->area->exact);
		return;
	}
	if (has_first)
		put_by_protocol(w, first);
	if (has_later)
		put_later_fragments(w, later);
}

// --- joining ---

// The one dimension in which they differ; IR_DIMS: none; -1: several.
static int differing(const struct ir_clause *a, const struct ir_clause *b)
{
	int dim = IR_DIMS;
	for (unsigned d = 0; d < IR_DIMS; d++) {
		const struct algebra_set *x = ir_clause_set(a, d), *y = ir_clause_set(b, d);
		if ((!x && !y) || (x && y && algebra_set_equal(*x, *y)))
			continue;
		if (dim < IR_DIMS)
			return -1;
		dim = (int)d;
	}
	return dim;
}

// What both are, when that is one clause. A dimension that is whole again must not take with it what it said of versions
// and protocols.
static bool join(const struct verify_space *space, struct verify_words *a,
		 const struct verify_words *b, struct arena *arena)
{
	int dim = differing(&a->clause, &b->clause);
	if (!a->exact || !b->exact || a->reply != b->reply || dim < 0 ||
	    a->clause.clock != b->clause.clock)
		return false;
	if (dim < IR_DIMS) {
		const struct algebra_set *x = ir_clause_set(&a->clause, (unsigned)dim),
					 *y = ir_clause_set(&b->clause, (unsigned)dim);
		if (!x || !y) { // one of them holds the other
			*a = x ? *b : *a;
			return true;
		}
		struct algebra_set set = algebra_set_union(arena, *x, *y);
		bool whole = set.len == 1 && !set.at[0].lo &&
			     set.at[0].hi == algebra_max(ir_dim_info[dim].bits);
		if (whole &&
		    (ir_dim_is_transport((unsigned)dim) || ir_dim_versions((unsigned)dim) != 3))
			return false;
		struct ir_clause rest = without(&a->clause, arena, (unsigned)dim);
		if (!ir_clause_narrow(&rest, arena, (unsigned)dim, set))
			return false;
		a->clause = rest;
		shorten(space, arena, &a->clause);
	}
	if (b->area->width > a->area->width) {
		a->area = b->area;
		a->point = b->point;
	}
	return true;
}

static void join_all(const struct verify_space *space, struct verify_wording *w,
		     struct arena *arena)
{
	for (size_t i = 0; i < w->list.len; i++)
		for (size_t k = i + 1; k < w->list.len; k++) {
			if (!join(space, &w->list.at[i], &w->list.at[k], arena))
				continue;
			memmove(&w->list.at[k], &w->list.at[k + 1],
				(--w->list.len - k) * sizeof(*w->list.at));
			k = i; // what was no neighbour before may be one now
		}
}

// --- which of them ---

static int by_width(const void *a, const void *b)
{
	const struct verify_words *x = a, *y = b;
	if (x->exact != y->exact)
		return y->exact - x->exact;
	if (x->area->width != y->area->width)
		return x->area->width > y->area->width ? -1 : 1;
	return x->area < y->area ? -1 : x->area > y->area;
}

static bool is_ip_only(const struct ir_clause *clause)
{
	return ir_clause_set(clause, IR_FAMILY) || ir_clause_versions(clause) != 3;
}

// Widens `hull` so that it holds what `other` holds: dimensions that one of them leaves open are open.
static void hold_both(struct verify_words *hull, const struct verify_words *other,
		      struct arena *arena)
{
	struct ir_clause joined = {0};
	bool ip = is_ip_only(&hull->clause) && is_ip_only(&other->clause);
	unsigned versions = ir_clause_versions(&hull->clause) | ir_clause_versions(&other->clause);
	bool good = true;
	for (unsigned d = 0; d < IR_DIMS; d++) {
		const struct algebra_set *x = ir_clause_set(&hull->clause, d),
					 *y = ir_clause_set(&other->clause, d);
		if (x && y)
			good &= ir_clause_narrow(&joined, arena, d,
						 algebra_set_union(arena, *x, *y));
	}
	if (good && ip && versions != 3 && ir_clause_versions(&joined) == 3) {
		u128 family = versions == 1 ? 4 : 6;
		good = ir_clause_narrow(&joined, arena, IR_FAMILY,
					algebra_set_one(arena, family, family));
	}
	hull->clause = good ? joined : (struct ir_clause){0};
}

// Those behind the first `most`, and what is not exact, become one for the packets and one for the replies.
static void bound(struct verify_wording *w, size_t most, struct arena *arena)
{
	size_t hull[2] = {SIZE_MAX, SIZE_MAX}, kept = 0;
	for (size_t i = 0; i < w->list.len; i++) {
		struct verify_words *words = &w->list.at[i];
		if (words->exact && i < most) {
			kept++;
			continue;
		}
		words->exact = false;
		if (hull[words->reply] == SIZE_MAX) {
			hull[words->reply] = kept;
			w->list.at[kept++] = *words;
		} else {
			hold_both(&w->list.at[hull[words->reply]], words, arena);
		}
	}
	w->list.len = kept;
}

static const struct verify_axis *axis_of(const struct verify_slice *slice, unsigned dim)
{
	for (size_t a = 0; a < slice->axes; a++)
		if (slice->axis[a].dim == dim)
			return &slice->axis[a];
	return NULL;
}

static bool has_flow_rules(const struct verify_space *space)
{
	for (size_t l = 0; l < space->layers; l++)
		for (size_t i = 0; i < space->ruleset[l]->rule.len; i++)
			if (space->ruleset[l]->rule.at[i].flow)
				return true;
	return false;
}

void verify_words_make(const struct verify_space *space, const struct verify_areas *areas,
		       size_t most, struct arena *arena, struct verify_wording *out)
{
	*out = (struct verify_wording){0};
	for (size_t i = 0; i < areas->len; i++) {
		struct wording w = {.space = space,
				    .slice = space->slice.at[areas->at[i].slice],
				    .area = &areas->at[i],
				    .arena = arena,
				    .out = out};
		w.proto = axis_of(w.slice, IR_PROTO);
		w.fragment = axis_of(w.slice, IR_FRAGOFF);
		w.flow_rules = w.fragment && has_flow_rules(space);
		put_area(&w);
	}
	join_all(space, out, arena);
	if (out->list.len)
		qsort(out->list.at, out->list.len, sizeof(*out->list.at), by_width);
	bound(out, most, arena);
}

// --- periods ---

static struct ir_clause clock_of(const struct ir_clause *clause)
{
	size_t first = 0;
	while (first < clause->len && clause->cond[first].dim < IR_TIME)
		first++;
	return (struct ir_clause){clause->cond + first, clause->len - first, clause->clock};
}

void verify_words_time(const struct verify_space *space, const struct ir_rule *rule,
		       struct arena *arena, struct ir_clause *clause)
{
	const struct algebra_set *times = ir_clause_set(clause, IR_TIME);
	if (!rule || !times || times->len <= RANGES_SAID)
		return;
	for (size_t k = 0; k < rule->clauses; k++) {
		struct ir_clause clock = clock_of(&rule->clause[k]);
		if (!clock.len ||
		    !algebra_set_equal(
			    *times, ir_clause_times(&clock, arena, space->from, space->until - 1)))
			continue;
		struct ir_clause said = without(clause, arena, IR_TIME);
		said.clock = clock.clock;
		for (size_t i = 0; i < clock.len; i++)
			if (!ir_clause_narrow(&said, arena, clock.cond[i].dim, clock.cond[i].set))
				return;
		*clause = said;
		return;
	}
}
