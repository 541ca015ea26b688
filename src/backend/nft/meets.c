// SPDX-License-Identifier: Apache-2.0
// A rule as a box over ranks: one axis for each field by which trees are split and that some rule asks; a set of values
// counts as the range around it.
#include "backend/nft/meets.h"
#include "backend/nft/tree.h"

#include <stdlib.h>

// One axis: a field that some rule asks, and the ends of ranges in it.
struct axis {
	enum nft_field field;
	u128 *end; // sorted, no two equal: rank r begins at end[r]
	size_t len;
};

struct nft_meets {
	struct arena arena;
	const struct nft_form *const *rule;
	size_t rules;
	struct axis axis[NFT_SPLIT_FIELDS];
	size_t axes;
	struct algebra_shape shape;
	struct algebra_boxes *boxes; // NULL: no rule asks anything
};

static struct algebra_range hull(const struct algebra_set *set, enum nft_field field)
{
	if (!set || !set->len)
		return (struct algebra_range){0, algebra_max(nft_field_info[field].bits)};
	return (struct algebra_range){set->at[0].lo, set->at[set->len - 1].hi};
}

// Where the rules' ranges begin, and behind where they end.
static size_t collect_ends(const struct nft_meets *m, enum nft_field field, u128 *end)
{
	size_t n = 0;
	for (size_t i = 0; i < m->rules; i++) {
		const struct algebra_set *set = nft_form_set(m->rule[i], field);
		if (!set || !set->len)
			continue;
		struct algebra_range r = hull(set, field);
		end[n++] = r.lo;
		if (r.hi != algebra_max(nft_field_info[field].bits))
			end[n++] = r.hi + 1;
	}
	return n;
}

static size_t without_twins(u128 *sorted, size_t len)
{
	size_t n = 1;
	for (size_t i = 1; i < len; i++)
		if (sorted[i] != sorted[n - 1])
			sorted[n++] = sorted[i];
	return n;
}

// `room` is for all ends of a field, and one more.
static void make_axis(struct nft_meets *m, enum nft_field field, u128 *room)
{
	room[0] = 0;
	size_t len = 1 + collect_ends(m, field, room + 1);
	if (len == 1)
		return;
	algebra_values_sort(room, len);
	struct axis axis = {.field = field, .len = without_twins(room, len)};
	axis.end = arena_memdup(&m->arena, room, axis.len * sizeof(*room));
	m->axis[m->axes++] = axis;
}

// The rank of the interval that holds the value.
static uint32_t rank_of(const struct axis *axis, u128 value)
{
	size_t lo = 0, hi = axis->len;
	if (axis->end[hi - 1] <= value)
		return (uint32_t)hi - 1;
	while (value && hi - lo > 1) {
		size_t middle = (lo + hi) / 2;
		if (axis->end[middle] <= value)
			lo = middle;
		else
			hi = middle;
	}
	return (uint32_t)lo;
}

static void make_box(const struct nft_meets *m, const struct nft_form *form, uint64_t *box)
{
	for (size_t k = 0; k < m->axes; k++) {
		enum nft_field field = m->axis[k].field;
		struct algebra_range r = hull(nft_form_set(form, field), field);
		uint32_t lo = rank_of(&m->axis[k], r.lo);
		box[k] = algebra_span(lo, r.lo == r.hi ? lo : rank_of(&m->axis[k], r.hi));
	}
}

static void make_boxes(struct nft_meets *m)
{
	uint64_t box[ALGEBRA_CELLS];
	algebra_shape_init(&m->shape, (unsigned)m->axes);
	m->boxes = algebra_boxes_new(&m->shape);
	for (size_t i = 0; i < m->rules; i++) {
		make_box(m, m->rule[i], box);
		algebra_boxes_add(m->boxes, box, (uint32_t)i);
	}
	algebra_boxes_build(m->boxes);
}

static uint64_t fields_asked(const struct nft_form *const *rule, size_t n)
{
	uint64_t asked = 0;
	for (size_t i = 0; i < n; i++)
		asked |= nft_form_fields(rule[i]);
	return asked;
}

struct nft_meets *nft_meets_new(const struct nft_form *const *rule, size_t n)
{
	struct nft_meets *m = base_oom(calloc(1, sizeof(*m)));
	arena_init(&m->arena);
	m->rule = rule;
	m->rules = n;
	u128 *room = base_oom(malloc((2 * n + 1) * sizeof(*room)));
	uint64_t asked = fields_asked(rule, n);
	for (size_t i = 0; i < NFT_SPLIT_FIELDS; i++)
		if (nft_split_field[i] != F_HEADER && asked >> nft_split_field[i] & 1)
			make_axis(m, nft_split_field[i], room);
	free(room);
	if (m->axes)
		make_boxes(m);
	m->rule = NULL;
	return m;
}

void nft_meets_free(struct nft_meets *m)
{
	if (!m)
		return;
	if (m->boxes)
		algebra_boxes_free(m->boxes);
	arena_fini(&m->arena);
	free(m);
}

bool nft_meets_find(const struct nft_meets *m, const struct nft_form *form,
		    struct algebra_range numbers, size_t most, struct algebra_ids *ids)
{
	uint64_t box[ALGEBRA_CELLS];
	if (!m->boxes)
		return false;
	make_box(m, form, box);
	return algebra_boxes_meeting_most(m->boxes, box, (uint32_t)numbers.lo, (uint32_t)numbers.hi,
					  most, ids);
}

void nft_meets_holding(const struct nft_meets *m, const struct nft_form *form,
		       struct algebra_range numbers, struct algebra_ids *ids)
{
	uint64_t box[ALGEBRA_CELLS];
	if (!m->boxes)
		return;
	make_box(m, form, box);
	algebra_boxes_holding(m->boxes, box, (uint32_t)numbers.lo, (uint32_t)numbers.hi, ids);
}

void nft_meets_levels(struct nft_meets *m)
{
	if (m->boxes)
		algebra_boxes_level(m->boxes);
}

uint32_t nft_meets_level(struct nft_meets *m, uint32_t number, struct nft_level level)
{
	uint64_t box[ALGEBRA_CELLS];
	if (!m->boxes)
		return level.most;
	algebra_boxes_get(m->boxes, number, box);
	uint32_t above = algebra_boxes_highest(m->boxes, box, level.least, level.most) -
			 level.least,
		 is = level.least + (above + level.every - 1) / level.every * level.every;
	is = is < level.most ? is : level.most;
	algebra_boxes_raise(m->boxes, number, is);
	return is;
}
