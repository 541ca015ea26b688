// SPDX-License-Identifier: Apache-2.0
// Which rules stand together. Rules that leave an address open would be doubled for every range of the others' addresses,
// so they come behind, in parts of their own: a rule may stand behind a later one as long as no packet can match both.
// Whoever asks both addresses is first, then who asks the destination, the source, neither.
#include "backend/nft/tree_parts.h"

#include "algebra/box.h"

#include <stdlib.h>
#include <string.h>

#define MEETING_MOST 20000u // whoever meets more stands in the last class

enum { SRC = 1, DST = 2 };

// One axis: a field that some rule asks, and the ends of ranges in it.
struct axis {
	enum nft_field field;
	VEC(u128) end; // sorted, no two equal: rank r begins at end.at[r]
};

struct sorting {
	const struct nft_tree *tree;
	const struct nft_tree_part *part;
	struct arena arena;
	struct axis axis[NFT_SPLIT_FIELDS];
	size_t axes;
	struct algebra_shape shape;
	struct algebra_boxes *boxes;
	uint8_t *class;
};

static int by_value(const void *x, const void *y)
{
	const u128 *a = x, *b = y;
	return *a < *b ? -1 : *a > *b;
}

static const struct nft_form *rule_of(const struct sorting *s, size_t i)
{
	return s->tree->rule.at[s->part->rule[i]];
}

static struct algebra_range hull(const struct algebra_set *set, enum nft_field field)
{
	if (!set || !set->len)
		return (struct algebra_range){0, algebra_max(nft_field_info[field].bits)};
	return (struct algebra_range){set->at[0].lo, set->at[set->len - 1].hi};
}

static void make_axis(struct sorting *s, enum nft_field field)
{
	struct axis axis = {.field = field};
	for (size_t i = 0; i < s->part->len; i++) {
		const struct algebra_set *set = nft_form_set(rule_of(s, i), field);
		if (!set || !set->len)
			continue;
		vec_push(&s->arena, &axis.end, hull(set, field).lo);
		if (hull(set, field).hi != algebra_max(nft_field_info[field].bits))
			vec_push(&s->arena, &axis.end, hull(set, field).hi + 1);
	}
	if (!axis.end.len)
		return;
	vec_push(&s->arena, &axis.end, (u128)0);
	qsort(axis.end.at, axis.end.len, sizeof(*axis.end.at), by_value);
	size_t n = 1;
	for (size_t i = 1; i < axis.end.len; i++)
		if (axis.end.at[i] != axis.end.at[n - 1])
			axis.end.at[n++] = axis.end.at[i];
	axis.end.len = n;
	s->axis[s->axes++] = axis;
}

// The rank of the interval that holds the value.
static uint32_t rank_of(const struct axis *axis, u128 value)
{
	size_t lo = 0, hi = axis->end.len;
	while (hi - lo > 1) {
		size_t middle = (lo + hi) / 2;
		if (axis->end.at[middle] <= value)
			lo = middle;
		else
			hi = middle;
	}
	return (uint32_t)lo;
}

static void make_box(const struct sorting *s, size_t i, uint64_t *box)
{
	for (size_t k = 0; k < s->axes; k++) {
		enum nft_field field = s->axis[k].field;
		struct algebra_range r = hull(nft_form_set(rule_of(s, i), field), field);
		box[k] = algebra_span(rank_of(&s->axis[k], r.lo), rank_of(&s->axis[k], r.hi));
	}
}

static bool asks_narrowly(const struct nft_form *form, enum nft_field v4, enum nft_field v6)
{
	const struct algebra_set *four = nft_form_set(form, v4), *six = nft_form_set(form, v6);
	struct algebra_range a = hull(four, v4), b = hull(six, v6);
	return (four && a.hi - a.lo < (u128)1 << 24) || (six && b.hi - b.lo < (u128)1 << 96);
}

static uint8_t class_wanted(const struct nft_form *form)
{
	bool src = asks_narrowly(form, F_SRC4, F_SRC6) ||
		   asks_narrowly(form, F_FLOW_SRC4, F_FLOW_SRC6),
	     dst = asks_narrowly(form, F_DST4, F_DST6) ||
		   asks_narrowly(form, F_FLOW_DST4, F_FLOW_DST6);
	return dst ? (src ? 0 : 1) : src ? 2 : NFT_CLASSES - 1;
}

// Behind whoever comes before it and may match the same packets.
static uint8_t class_of(struct sorting *s, size_t i)
{
	uint64_t box[ALGEBRA_CELLS];
	struct algebra_ids met = {0};
	uint8_t class = class_wanted(rule_of(s, i));
	make_box(s, i, box);
	if (!algebra_boxes_meeting_most(s->boxes, box, 0, (uint32_t)i, MEETING_MOST, &met))
		class = NFT_CLASSES - 1;
	for (size_t k = 0; k < met.len; k++)
		if (s->class[met.at[k]] > class)
			class = s->class[met.at[k]];
	free(met.at);
	return class;
}

static void sort_by_boxes(struct sorting *s)
{
	uint64_t box[ALGEBRA_CELLS];
	algebra_shape_init(&s->shape, (unsigned)s->axes);
	s->boxes = algebra_boxes_new(&s->shape);
	for (size_t i = 0; i < s->part->len; i++) {
		make_box(s, i, box);
		algebra_boxes_add(s->boxes, box, (uint32_t)i);
	}
	algebra_boxes_build(s->boxes);
	for (size_t i = 0; i < s->part->len; i++)
		s->class[i] = class_of(s, i);
	algebra_boxes_free(s->boxes);
}

void nft_parts_sort(const struct nft_tree *tree, const struct nft_tree_part *part,
		    uint8_t *class_out)
{
	struct sorting s = {.tree = tree, .part = part, .class = class_out};
	arena_init(&s.arena);
	for (size_t i = 0; i < NFT_SPLIT_FIELDS; i++)
		if (nft_split_field[i] != F_HEADER)
			make_axis(&s, nft_split_field[i]);
	memset(class_out, NFT_CLASSES - 1, part->len);
	if (s.axes)
		sort_by_boxes(&s);
	arena_fini(&s.arena);
}
