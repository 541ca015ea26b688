// SPDX-License-Identifier: Apache-2.0
// The boxes stand in the index by the moment at which they are settled, so that those which are not are the last ones.
#include "backend/nft/box_index.h"
#include "backend/nft/meets.h"

#include <stdlib.h>

#define FEW 8u // boxes: asking for them costs more than looking at them

struct turn {
	size_t settled;
	uint32_t box;
};

struct nft_box_index {
	struct turn *turn; // sorted
	size_t len;
	struct nft_meets *meets; // of the boxes in this order; NULL: there is none
};

static int by_moment(const void *x, const void *y)
{
	const struct turn *a = x, *b = y;
	if (a->settled != b->settled)
		return a->settled < b->settled ? -1 : 1;
	return a->box < b->box ? -1 : a->box > b->box;
}

static void form_of_box(const struct nft_boxes *boxes, const struct nft_box *box,
			struct nft_match *match, struct nft_form *out)
{
	*out = (struct nft_form){.match = match, .len = boxes->fields};
	for (size_t f = 0; f < boxes->fields; f++)
		match[f] = (struct nft_match){boxes->field[f],
					      {(struct algebra_range *)&box->range[f], 1}};
}

static struct nft_meets *index_boxes(const struct nft_boxes *boxes, const struct turn *turn)
{
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	struct nft_form *form = arena_array(&arena, struct nft_form, boxes->len);
	const struct nft_form **at = arena_array(&arena, const struct nft_form *, boxes->len);
	struct nft_match *match = arena_array(&arena, struct nft_match, boxes->len * boxes->fields);
	for (size_t i = 0; i < boxes->len; i++) {
		form_of_box(boxes, &boxes->box[turn[i].box], match + i * boxes->fields, &form[i]);
		at[i] = &form[i];
	}
	return nft_meets_new(at, boxes->len);
}

struct nft_box_index *nft_box_index_new(const struct nft_boxes *boxes, const size_t *settled)
{
	struct nft_box_index *index = base_oom(calloc(1, sizeof(*index)));
	index->len = boxes->len;
	index->turn = base_oom(calloc(boxes->len + 1, sizeof(*index->turn)));
	for (size_t i = 0; i < boxes->len; i++)
		index->turn[i] = (struct turn){settled[i], (uint32_t)i};
	qsort(index->turn, boxes->len, sizeof(*index->turn), by_moment);
	index->meets = index_boxes(boxes, index->turn);
	return index;
}

void nft_box_index_free(struct nft_box_index *index)
{
	if (!index)
		return;
	nft_meets_free(index->meets);
	free(index->turn);
	free(index);
}

static size_t first_at(const struct nft_box_index *index, size_t now)
{
	size_t lo = 0, hi = index->len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (index->turn[mid].settled < now)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void take_all(size_t first, size_t end, struct algebra_ids *ids)
{
	if (ids->cap < end - first) {
		ids->cap = end - first;
		ids->at = base_oom(realloc(ids->at, ids->cap * sizeof(*ids->at)));
	}
	for (ids->len = 0; first < end; first++)
		ids->at[ids->len++] = (uint32_t)first;
}

void nft_box_index_find(const struct nft_box_index *index, const struct nft_area *packets,
			size_t now, struct algebra_ids *ids)
{
	struct nft_match match[NFT_FIELDS];
	struct nft_form form = nft_area_as_form(packets, match);
	size_t first = first_at(index, now);
	ids->len = 0;
	if (index->len - first <= FEW ||
	    !nft_meets_find(index->meets, &form, (struct algebra_range){first, index->len},
			    index->len, ids))
		take_all(first, index->len, ids);
	for (size_t i = 0; i < ids->len; i++)
		ids->at[i] = index->turn[ids->at[i]].box;
	algebra_numbers_sort(ids->at, ids->len);
}
