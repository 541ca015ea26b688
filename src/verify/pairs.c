// SPDX-License-Identifier: Apache-2.0
// Rule by rule of A: the boxes of B that meet one of its boxes, have another effect and are within reach on both sides are
// asked for a point that nothing before either of them holds. Each thread takes rules in order; what it found carries the
// number of its piece of work, so that the answer does not depend on how many threads there were.
#include "verify/pairs.h"

#include <stdlib.h>
#include <string.h>

#define STEPS ((uint64_t)1 << 18) // of one question

struct seeking { // one thread
	struct algebra_ids ids;
	uint32_t *seen; // of each owner in B: the last piece in which the pair was found, + 1
	struct verify_pair *found;
	size_t len, cap;
	bool gave_up;
};
struct group { // the boxes of one rule of A in a slice
	size_t slice;
	uint32_t first, end;
};
struct finding {
	const struct verify_sides *sides;
	const struct verify_measure *measure;
	const struct verify_options *options;
	size_t owners; // of B, the default among them
	struct group *group;
	size_t groups;
	struct seeking *seeking; // by worker
	size_t most;             // pairs
	_Atomic size_t found;
	_Atomic bool enough;
};

uint32_t verify_teller(const struct verify_space *space, size_t layer, uint32_t owner)
{
	bool same = space->effect_default[layer] == space->effect_no_flow;
	return owner == VERIFY_NO_FLOW && same ? VERIFY_DEFAULT : owner;
}

uint32_t verify_boxes_of(const struct verify_space *space, const struct verify_slice *slice,
			 size_t layer, uint32_t teller, uint32_t *first_out)
{
	const struct algebra_boxes *boxes = slice->layer[layer].boxes;
	bool both = teller == VERIFY_DEFAULT &&
		    verify_teller(space, layer, VERIFY_NO_FLOW) == VERIFY_DEFAULT;
	*first_out = verify_stand_before(boxes, both ? VERIFY_NO_FLOW : teller);
	return verify_stand_before(boxes, teller + 1ull);
}

// --- one rule ---

struct seek {
	struct finding *f;
	struct seeking *mine;
	const struct verify_sides *sides;
	struct verify_search search;
	size_t piece;
	uint32_t i;
	uint64_t box[ALGEBRA_CELLS];
};

static uint32_t *seen(struct seek *s, uint32_t owner)
{
	return &s->mine->seen[owner < VERIFY_NO_FLOW ? owner
						     : s->f->owners - 1 - (VERIFY_DEFAULT - owner)];
}

static uint32_t teller(const struct seek *s, unsigned side, uint32_t number)
{
	return verify_teller(s->sides->space, side,
			     algebra_boxes_owner(s->sides->side[side].boxes, number));
}

static void found(struct seek *s, uint32_t j, const uint64_t *both)
{
	struct seeking *mine = s->mine;
	if (mine->len == mine->cap) {
		mine->cap = mine->cap * 2 + 64;
		mine->found = base_oom(realloc(mine->found, mine->cap * sizeof(*mine->found)));
	}
	uint32_t a = teller(s, 0, s->i), b = teller(s, 1, j);
	const struct verify_measure *measure = &s->f->measure[s->f->group[s->piece].slice];
	mine->found[mine->len++] =
		(struct verify_pair){a, b, verify_measure_box(measure, both), s->piece};
	*seen(s, b) = (uint32_t)s->piece + 1;
	if (atomic_fetch_add(&s->f->found, 1) + 1 >= s->f->most)
		atomic_store(&s->f->enough, true);
}

static void seek_pair(struct seek *s, uint32_t j)
{
	const struct verify_side *side = s->sides->side;
	const struct verify_lone *a = &side[0].lone[s->i], *b = &side[1].lone[j];
	uint64_t other[ALGEBRA_CELLS], both[ALGEBRA_CELLS];
	if (b->effect == a->effect || b->dead || (a->quiet && b->quiet) || b->reach < s->i ||
	    j > a->reach || *seen(s, teller(s, 1, j)) == s->piece + 1)
		return;
	algebra_boxes_get(side[1].boxes, j, other);
	if (!algebra_box_clip(s->search.shape, s->box, other, both))
		return;
	const struct verify_before before[] = {{side[0].boxes, 0, s->i}, {side[1].boxes, 0, j}};
	const struct verify_ahead ahead = {.list = before, .lists = 2};
	enum algebra_answer answer = verify_search_open(&s->search, both, &ahead, NULL);
	if (answer == ALGEBRA_OPEN)
		found(s, j, both);
	s->mine->gave_up |= answer == ALGEBRA_GAVE_UP;
}

static void seek_box(struct seek *s, uint32_t i)
{
	const struct verify_side *side = s->sides->side;
	const struct verify_lone *lone = &side[0].lone[i];
	struct algebra_ids *ids = &s->mine->ids;
	const _Atomic bool *stop = verify_stop_flag(s->f->options);
	if (lone->dead)
		return;
	s->i = i;
	ids->len = 0;
	algebra_boxes_get(side[0].boxes, i, s->box);
	const struct algebra_boxes *odd = lone->quiet ? s->sides->odd : NULL;
	uint32_t end = lone->reach < side[1].len ? lone->reach + 1 : side[1].len;
	if (odd)
		algebra_boxes_meeting(odd, s->box, 0, verify_stand_before(odd, end), ids);
	else
		algebra_boxes_meeting(side[1].boxes, s->box, 0, end, ids);
	for (size_t k = 0; k < ids->len && !atomic_load_explicit(stop, memory_order_relaxed); k++)
		seek_pair(s, odd ? algebra_boxes_owner(odd, ids->at[k]) : ids->at[k]);
}

static void seek_group(void *user, unsigned worker, size_t piece)
{
	struct finding *f = user;
	const struct group *group = &f->group[piece];
	struct seek s = {.f = f,
			 .mine = &f->seeking[worker],
			 .sides = &f->sides[group->slice],
			 .piece = piece};
	verify_search_init(&s.search, &s.sides->slice->shape, verify_stop_flag(f->options), STEPS);
	for (uint32_t i = group->first; i < group->end; i++)
		seek_box(&s, i);
	verify_search_fini(&s.search);
}

// --- all of them ---

static void group_boxes(struct finding *f)
{
	const struct verify_space *space = f->sides->space;
	size_t most = 0;
	for (size_t s = 0; s < space->slice.len; s++)
		most += f->sides[s].side[0].len;
	f->group = base_oom(calloc(most + 1, sizeof(*f->group)));
	for (size_t s = 0; s < space->slice.len; s++) {
		const struct algebra_boxes *boxes = f->sides[s].side[0].boxes;
		for (uint32_t i = 0; i < f->sides[s].side[0].len; i++) {
			bool more = i && algebra_boxes_owner(boxes, i - 1) ==
						 algebra_boxes_owner(boxes, i);
			if (!more)
				f->group[f->groups++] = (struct group){s, i, i};
			f->group[f->groups - 1].end++;
		}
	}
}

static int by_piece(const void *a, const void *b)
{
	const struct verify_pair *x = a, *y = b;
	if (x->piece != y->piece)
		return x->piece < y->piece ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

static int by_owners(const void *a, const void *b)
{
	const struct verify_pair *x = a, *y = b;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b != y->b ? x->b < y->b ? -1 : 1 : by_piece(a, b);
}

// Whole pieces, from the first on, until there are enough.
static size_t enough_of(const struct verify_pairs *pairs, size_t most)
{
	size_t n = most;
	if (pairs->len <= n)
		return pairs->len;
	while (n < pairs->len && pairs->at[n].piece == pairs->at[n - 1].piece)
		n++;
	return n;
}

static void join(struct verify_pairs *pairs)
{
	size_t kept = 0;
	for (size_t i = 0; i < pairs->len; i++) {
		struct verify_pair *last = kept ? &pairs->at[kept - 1] : NULL,
				   *next = &pairs->at[i];
		if (!last || last->a != next->a || last->b != next->b)
			pairs->at[kept++] = *next;
		else if (next->width > last->width)
			last->width = next->width;
	}
	pairs->len = kept;
}

static void collect(const struct finding *f, unsigned workers, struct verify_pairs *out)
{
	for (unsigned w = 0; w < workers; w++)
		out->len += f->seeking[w].len;
	out->at = base_oom(calloc(out->len + 1, sizeof(*out->at)));
	size_t at = 0;
	for (unsigned w = 0; w < workers; w++) {
		if (f->seeking[w].len)
			memcpy(out->at + at, f->seeking[w].found,
			       f->seeking[w].len * sizeof(*out->at));
		at += f->seeking[w].len;
		out->all &= !f->seeking[w].gave_up;
	}
	qsort(out->at, out->len, sizeof(*out->at), by_piece);
	out->len = enough_of(out, f->most);
	qsort(out->at, out->len, sizeof(*out->at), by_owners);
	join(out);
}

bool verify_pairs_find(const struct verify_sides *sides, const struct verify_measure *measure,
		       const struct verify_options *options, size_t memory,
		       struct verify_pairs *out)
{
	unsigned workers = verify_workers(options);
	size_t most =
		memory / 4 / sizeof(struct verify_pair) + 1; // found, collected, and room to grow
	struct finding f = {.most = most < VERIFY_PAIRS_MOST ? most : VERIFY_PAIRS_MOST,
			    .sides = sides,
			    .measure = measure,
			    .options = options,
			    .owners = sides->space->ruleset[1]->rule.len + 2};
	group_boxes(&f);
	f.seeking = base_oom(calloc(workers, sizeof(*f.seeking)));
	for (unsigned w = 0; w < workers; w++)
		f.seeking[w].seen = base_oom(calloc(f.owners, sizeof(*f.seeking[w].seen)));
	bool whole = verify_work(&(struct verify_work){.options = options,
						       .pieces = f.groups,
						       .run = seek_group,
						       .user = &f,
						       .enough = &f.enough});
	*out = (struct verify_pairs){.all = whole && !f.enough};
	collect(&f, workers, out);
	for (unsigned w = 0; w < workers; w++) {
		free(f.seeking[w].ids.at);
		free(f.seeking[w].seen);
		free(f.seeking[w].found);
	}
	free(f.seeking);
	free(f.group);
	return whole;
}

void verify_pairs_fini(struct verify_pairs *pairs)
{
	free(pairs->at);
}
