// SPDX-License-Identifier: Apache-2.0
// A clause that the space was not made of, as a box of it: widened to whole atoms, so that it holds the clause and nothing
// that could be told from it by the rules that are there.
#include "verify/lower.h"

#include <string.h>

static size_t piece_from(const struct verify_axis *axis, u128 value)
{
	size_t lo = 0, hi = axis->pieces;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (axis->piece[mid].hi < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void fill(const struct verify_slice *slice, const struct verify_axis *axis, uint64_t *box)
{
	if (axis->span)
		box[axis->slot] = algebra_span(0, axis->atoms - 1);
	for (uint32_t atom = 0; !axis->span && atom < axis->atoms; atom++)
		box[slice->shape.first[axis->slot] + atom / 64] |= 1ull << atom % 64;
}

static bool put_span(const struct verify_axis *axis, struct algebra_set set, uint64_t *box)
{
	uint32_t lo = axis->atoms, hi = 0;
	for (size_t i = 0; i < set.len; i++) {
		size_t first = piece_from(axis, set.at[i].lo),
		       last = piece_from(axis, set.at[i].hi);
		if (last == axis->pieces || axis->piece[last].lo > set.at[i].hi)
			last--; // below the first piece it wraps: no piece
		if (first == axis->pieces || last == SIZE_MAX || first > last)
			continue;
		lo = first < lo ? (uint32_t)first : lo;
		hi = last > hi ? (uint32_t)last : hi;
	}
	*box = algebra_span(lo, hi);
	return lo < axis->atoms;
}

static bool put_mask(const struct verify_axis *axis, struct algebra_set set, uint64_t *cell)
{
	bool any = false;
	memset(cell, 0, (axis->atoms + 63) / 64 * sizeof(*cell));
	for (size_t i = 0; i < set.len; i++)
		for (size_t p = piece_from(axis, set.at[i].lo);
		     p < axis->pieces && axis->piece[p].lo <= set.at[i].hi; p++) {
			cell[axis->piece[p].atom / 64] |= 1ull << axis->piece[p].atom % 64;
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
			return axis->span
				       ? put_span(axis, set, &box[axis->slot])
				       : put_mask(axis, set, box + slice->shape.first[axis->slot]);
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

bool verify_around(struct verify_space *space, struct verify_slice *slice,
		   const struct ir_clause *where, const struct verify_around *what, uint64_t *out)
{
	struct arena scratch;
	arena_init(&scratch);
	struct verify_draft draft = {.space = space,
				     .slice = slice,
				     .arena = &scratch,
				     .settled = true,
				     .fragments = has_axis(slice, IR_FRAGOFF),
				     .dims = IR_DIMS + space->truth.len};
	if (where)
		draft.where = *where;
	draft.sets = arena_array(&scratch, struct verify_sets, draft.dims);
	for (size_t i = 0; i < draft.dims; i++)
		draft.sets[i].arena = &scratch;
	bool there = verify_lower(&draft, what->rule, what->clause);
	memset(out, 0, slice->shape.cells * sizeof(*out));
	if (!slice->axes)
		out[0] = 1;
	for (size_t a = 0; a < slice->axes; a++)
		fill(slice, &slice->axis[a], out);
	for (size_t i = 0; there && i < draft.cond.len; i++)
		there = narrow(&draft, &draft.cond.at[i], out);
	arena_fini(&scratch);
	return there;
}
