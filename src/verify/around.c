// SPDX-License-Identifier: Apache-2.0
// A clause that the space was not made of, in its atoms: widened to whole ones, so that it holds the clause and nothing that
// could be told from it by the rules that are there; or as it is, when its ends are ends of atoms.
#include "verify/lower.h"

#include <stdlib.h>
#include <string.h>

static bool put_span(const struct verify_axis *axis, struct algebra_set set, uint64_t *box)
{
	uint32_t lo = axis->atoms, hi = 0;
	for (size_t i = 0; i < set.len; i++) {
		size_t first = verify_piece_from(axis, set.at[i].lo),
		       last = verify_piece_from(axis, set.at[i].hi);
		if (last == axis->pieces || verify_piece(axis, last).lo > set.at[i].hi)
			last--; // below the first piece it wraps: no piece
		if (first == axis->pieces || last == SIZE_MAX || first > last)
			continue;
		lo = first < lo ? (uint32_t)first : lo;
		hi = last > hi ? (uint32_t)last : hi;
	}
	*box = algebra_span(lo, hi);
	return lo < axis->atoms;
}

static bool put_mask(const struct verify_slice *slice, const struct verify_axis *axis,
		     struct algebra_set set, uint64_t *box)
{
	bool any = false;
	algebra_clear(&slice->shape, box, axis->slot);
	for (size_t i = 0; i < set.len; i++)
		for (size_t p = verify_piece_from(axis, set.at[i].lo);
		     p < axis->pieces && verify_piece(axis, p).lo <= set.at[i].hi; p++) {
			algebra_put(&slice->shape, box, axis->slot, verify_piece(axis, p).atom);
			any = true;
		}
	return any;
}

static bool narrow(const struct verify_draft *draft, const struct verify_cond *cond, uint64_t *box)
{
	const struct verify_slice *slice = draft->slice;
	struct algebra_set set = draft->sets[cond->dim].set.at[cond->set];
	for (size_t a = 0; a < slice->axes; a++) {
		const struct verify_axis *axis = &slice->axis[a];
		if (axis->dim == cond->dim)
			return axis->span ? put_span(axis, set, &box[axis->slot])
					  : put_mask(slice, axis, set, box);
	}
	return true;
}

static bool has_axis(const struct verify_slice *slice, unsigned dim)
{
	for (size_t a = 0; a < slice->axes; a++)
		if (slice->axis[a].dim == dim)
			return true;
	return false;
}

// The clause's conditions, in draft->cond.
static bool lower(const struct verify_around *what, struct verify_draft *draft, struct arena *arena)
{
	*draft = (struct verify_draft){.space = what->space,
				       .slice = what->slice,
				       .arena = arena,
				       .settled = true,
				       .fragments = has_axis(what->slice, IR_FRAGOFF),
				       .dims = IR_DIMS + what->space->truth.len};
	if (what->where)
		draft->where = *what->where;
	draft->sets = arena_array(arena, struct verify_sets, draft->dims);
	for (size_t i = 0; i < draft->dims; i++)
		draft->sets[i].arena = arena;
	return verify_lower(draft, what->rule, what->clause);
}

bool verify_around(const struct verify_around *what, uint64_t *out)
{
	struct arena scratch;
	struct verify_draft draft;
	arena_init(&scratch);
	bool there = lower(what, &draft, &scratch);
	verify_whole(what->slice, out);
	for (size_t i = 0; there && i < draft.cond.len; i++)
		there = narrow(&draft, &draft.cond.at[i], out);
	arena_fini(&scratch);
	return there;
}

// --- exactly ---

struct product {
	const struct verify_draft *draft;
	size_t most;
	struct verify_loose *out;
	bool exact;
	uint64_t box[ALGEBRA_CELLS];
};

// The pieces of one range, first_out .. the number returned (exclusive); *cut_out when an end lies within a piece.
static size_t pieces_of(const struct verify_axis *axis, struct algebra_range range,
			size_t *first_out, bool *cut_out)
{
	size_t first = verify_piece_from(axis, range.lo), end = verify_piece_from(axis, range.hi);
	end += end < axis->pieces && verify_piece(axis, end).lo <= range.hi;
	*first_out = first;
	if (first < end)
		*cut_out |= verify_piece(axis, first).lo < range.lo ||
			    verify_piece(axis, end - 1).hi > range.hi;
	return end;
}

static void put_boxes(struct product *p, size_t at);

static void put_each_span(struct product *p, const struct verify_axis *axis, struct algebra_set set,
			  size_t at)
{
	for (size_t i = 0; i < set.len && p->exact; i++) {
		size_t first, end;
		bool cut = false;
		end = pieces_of(axis, set.at[i], &first, &cut);
		p->exact &= !cut;
		p->box[axis->slot] = algebra_span((uint32_t)first, (uint32_t)end - 1);
		if (first < end)
			put_boxes(p, at);
	}
}

// Atoms of several pieces must be in the set with all of them.
static bool whole_atoms(const struct verify_slice *slice, const struct verify_axis *axis,
			struct algebra_set set, const uint64_t *box)
{
	bool cut = false;
	size_t in = 0, all = 0;
	for (size_t i = 0; i < set.len; i++) {
		size_t first, end = pieces_of(axis, set.at[i], &first, &cut);
		in += end > first ? end - first : 0;
	}
	for (size_t i = 0; i < axis->pieces; i++)
		all += algebra_has(&slice->shape, box, axis->slot, verify_piece(axis, i).atom);
	return !cut && in == all;
}

static void put_boxes(struct product *p, size_t at)
{
	const struct verify_slice *slice = p->draft->slice;
	for (; at < p->draft->cond.len && p->exact; at++) {
		const struct verify_cond *cond = &p->draft->cond.at[at];
		struct algebra_set set = p->draft->sets[cond->dim].set.at[cond->set];
		const struct verify_axis *axis = slice->axis;
		while (axis < slice->axis + slice->axes && axis->dim != cond->dim)
			axis++;
		if (axis == slice->axis + slice->axes) {
			p->exact = false; // no rule asks for the dimension
			return;
		}
		if (axis->span) {
			put_each_span(p, axis, set, at + 1);
			return;
		}
		if (!put_mask(slice, axis, set, p->box))
			return;
		p->exact = whole_atoms(slice, axis, set, p->box);
	}
	unsigned cells = slice->shape.cells;
	p->exact &= p->out->len < p->most;
	if (!p->exact)
		return;
	if (p->out->len == p->out->cap) {
		p->out->cap = p->out->cap * 2 + 8;
		p->out->at =
			base_oom(realloc(p->out->at, p->out->cap * cells * sizeof(*p->out->at)));
	}
	memcpy(p->out->at + p->out->len++ * cells, p->box, cells * sizeof(*p->box));
}

bool verify_exactly(const struct verify_around *what, size_t most, struct verify_loose *out)
{
	struct arena scratch;
	struct verify_draft draft;
	arena_init(&scratch);
	bool there = lower(what, &draft, &scratch);
	struct product p = {.draft = &draft, .most = most, .out = out, .exact = !draft.strange};
	verify_whole(what->slice, p.box);
	if (there && p.exact)
		put_boxes(&p, 0);
	arena_fini(&scratch);
	return p.exact;
}
