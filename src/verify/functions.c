// SPDX-License-Identifier: Apache-2.0
// Rulesets as decision diagrams. The order of the variables decides their size: protocol, addresses, ports keeps large
// access lists some thirty times smaller than services before addresses.
#include "verify/functions.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_RULE 3u // results below: nobody asked, the default, no flow

uint32_t verify_owner_result(uint32_t owner)
{
	return owner == VERIFY_DEFAULT ? 1 : owner == VERIFY_NO_FLOW ? 2 : owner + FIRST_RULE;
}

uint32_t verify_result_owner(uint32_t result)
{
	return result == 1 ? VERIFY_DEFAULT : result == 2 ? VERIFY_NO_FLOW : result - FIRST_RULE;
}

// --- variables ---

static unsigned rank_of(unsigned dim)
{
	static const uint8_t early[IR_DIMS] = {
		[IR_PROTO] = 1, [IR_DST4] = 2,  [IR_DST6] = 2,  [IR_SRC4] = 3, [IR_SRC6] = 3,
		[IR_DPORT] = 4, [IR_SPORT] = 5, [IR_ICMP4] = 6, [IR_ICMP6] = 7};
	return dim < IR_DIMS && early[dim] ? early[dim] : 100 + dim;
}

struct ranked {
	unsigned rank;
	uint32_t axis;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

void verify_functions_init(struct verify_functions *f, const struct verify_space *space,
			   const struct verify_slice *slice,
			   const struct algebra_diagram_limits *limits, struct arena *arena)
{
	size_t n = slice->axes;
	struct ranked *order = arena_array(arena, struct ranked, n + 1);
	int32_t *max = arena_array(arena, int32_t, n + 1);
	*f = (struct verify_functions){.space = space, .slice = slice, .vars = n};
	f->axis_of = arena_array(arena, uint32_t, n + 1);
	f->var_of = arena_array(arena, uint32_t, n + 1);
	for (uint32_t a = 0; a < n; a++)
		order[a] = (struct ranked){rank_of(slice->axis[a].dim), a};
	qsort(order, n, sizeof(*order), by_rank);
	for (uint32_t v = 0; v < n; v++) {
		f->axis_of[v] = order[v].axis;
		f->var_of[order[v].axis] = v;
		max[v] = (int32_t)slice->axis[order[v].axis].atoms - 1;
	}
	verify_whole_part(slice, f->part);
	f->diagram = algebra_diagram_new(max, n, limits);
}

void verify_functions_fini(struct verify_functions *f)
{
	algebra_diagram_free(f->diagram);
	f->diagram = NULL;
}

const struct verify_axis *verify_functions_axis(const struct verify_functions *f, unsigned dim,
						size_t *var_out)
{
	for (size_t a = 0; a < f->slice->axes; a++)
		if (f->slice->axis[a].dim == dim) {
			*var_out = f->var_of[a];
			return &f->slice->axis[a];
		}
	return NULL;
}

// --- layers ---

// Atoms of an axis as spans, from a function that says which are in.
static struct algebra_side side_of_words(const uint64_t *word, uint32_t atoms, struct arena *arena)
{
	VEC(struct algebra_span) spans = {0};
	for (int32_t atom = 0; atom < (int32_t)atoms; atom++) {
		if (!(word[atom / 64] >> atom % 64 & 1))
			continue;
		if (spans.len && spans.at[spans.len - 1].hi == atom - 1)
			spans.at[spans.len - 1].hi = atom;
		else
			vec_push(arena, &spans, (struct algebra_span){atom, atom});
	}
	if (spans.len == 1 && spans.at[0].lo == 0 && spans.at[0].hi == (int32_t)atoms - 1)
		return (struct algebra_side){0};
	return (struct algebra_side){spans.at, spans.len};
}

static struct algebra_side side_of_mask(const struct verify_slice *slice,
					const struct verify_axis *axis, const uint64_t *box,
					struct arena *arena)
{
	uint64_t words[ALGEBRA_CELLS];
	(void)algebra_read(&slice->shape, box, axis->slot, words);
	return side_of_words(words, axis->atoms, arena);
}

static struct algebra_side side_of_span(uint64_t span, uint32_t atoms, struct arena *arena)
{
	struct algebra_span *at = arena_new(arena, struct algebra_span);
	*at = (struct algebra_span){(int32_t)algebra_lo(span), (int32_t)algebra_hi(span)};
	bool all = !at->lo && at->hi == (int32_t)atoms - 1;
	return (struct algebra_side){at, !all};
}

static struct algebra_side *sides_of(const struct verify_functions *f, const uint64_t *box,
				     struct arena *arena)
{
	struct algebra_side *side = arena_array(arena, struct algebra_side, f->vars + 1);
	for (size_t v = 0; v < f->vars; v++) {
		const struct verify_axis *axis = &f->slice->axis[f->axis_of[v]];
		if (axis->span)
			side[v] = side_of_span(box[axis->slot], axis->atoms, arena);
		else
			side[v] = side_of_mask(f->slice, axis, box, arena);
	}
	return side;
}

uint32_t verify_functions_list(struct verify_functions *f, const struct verify_says *says)
{
	struct arena arena;
	arena_init(&arena);
	struct algebra_case *list = arena_array(&arena, struct algebra_case, says->len + 1);
	for (size_t i = 0; i < says->len; i++)
		list[i] = (struct algebra_case){
			sides_of(f, says->box + i * f->slice->shape.cells, &arena),
			says->result[i]};
	uint32_t a = algebra_diagram_first_match(f->diagram, list, says->len);
	algebra_diagram_pin(f->diagram, a);
	arena_fini(&arena);
	return a;
}

void verify_layer_says(const struct verify_space *space, const struct verify_slice *slice,
		       size_t layer, const uint64_t *part, bool effects, struct verify_says *out)
{
	const struct algebra_boxes *boxes = slice->layer[layer].boxes;
	struct algebra_ids ids = {0};
	uint32_t len = (uint32_t)algebra_boxes_len(boxes),
		 last = algebra_boxes_first(boxes, part, 0, len);
	algebra_boxes_meeting(boxes, part, 0, last < len ? last + 1 : len, &ids);
	algebra_numbers_sort(ids.at, ids.len);
	out->len = ids.len;
	out->box = base_oom(calloc(ids.len * slice->shape.cells + 1, sizeof(*out->box)));
	out->result = base_oom(calloc(ids.len + 1, sizeof(*out->result)));
	for (size_t i = 0; i < ids.len; i++) {
		uint64_t box[ALGEBRA_CELLS];
		uint32_t owner = algebra_boxes_owner(boxes, ids.at[i]);
		algebra_boxes_get(boxes, ids.at[i], box);
		(void)!algebra_box_clip(&slice->shape, box, part,
					out->box + i * slice->shape.cells);
		out->result[i] = effects ? verify_effect(space, layer, owner) + 1
					 : verify_owner_result(owner);
	}
	free(ids.at);
}

void verify_says_fini(struct verify_says *says)
{
	free(says->box);
	free(says->result);
}

void verify_whole_part(const struct verify_slice *slice, uint64_t part_out[static ALGEBRA_CELLS])
{
	memset(part_out, 0, ALGEBRA_CELLS * sizeof(*part_out));
	verify_whole(slice, part_out);
}

void verify_functions_narrow(struct verify_functions *f, unsigned dim, struct algebra_set set)
{
	size_t var;
	const struct verify_axis *axis = verify_functions_axis(f, dim, &var);
	if (!axis || !axis->span || !set.len)
		return;
	uint32_t lo = axis->atoms, hi = 0; // a span's piece i is atom i
	for (uint32_t i = 0; i < axis->pieces; i++) {
		if (verify_piece(axis, i).hi < set.at[0].lo ||
		    verify_piece(axis, i).lo > set.at[set.len - 1].hi)
			continue;
		lo = lo < i ? lo : i;
		hi = i;
	}
	if (lo <= hi)
		f->part[axis->slot] = algebra_span(lo, hi);
}

uint32_t verify_functions_layer(struct verify_functions *f, size_t layer, bool effects)
{
	struct verify_says says;
	verify_layer_says(f->space, f->slice, layer, f->part, effects, &says);
	uint32_t a = verify_functions_list(f, &says);
	verify_says_fini(&says);
	return a;
}

// --- boxes of values ---

// False when no atom is in.
static bool side_of_set(const struct verify_axis *axis, struct algebra_set set, struct arena *arena,
			struct algebra_side *out)
{
	uint64_t *cell = arena_array(arena, uint64_t, axis->atoms / 64 + 1);
	bool any = false;
	for (size_t i = 0; i < axis->pieces; i++) {
		uint32_t atom = verify_piece(axis, i).atom;
		if (!algebra_set_has(set, verify_piece(axis, i).lo))
			continue;
		cell[atom / 64] |= 1ull << atom % 64;
		any = true;
	}
	*out = side_of_words(cell, axis->atoms, arena);
	return any;
}

uint32_t verify_functions_box(struct verify_functions *f, const struct verify_want *want,
			      size_t wants, uint32_t result)
{
	struct arena arena;
	arena_init(&arena);
	struct algebra_case box = {arena_array(&arena, struct algebra_side, f->vars + 1), result};
	struct algebra_side *side = arena_array(&arena, struct algebra_side, f->vars + 1);
	bool any = true;
	box.side = side;
	for (size_t i = 0; i < wants; i++) {
		size_t var;
		const struct verify_axis *axis = verify_functions_axis(f, want[i].dim, &var);
		any &= want[i].set.len > 0;
		if (axis && any)
			any = side_of_set(axis, want[i].set, &arena, &side[var]);
	}
	uint32_t a = any ? algebra_diagram_box(f->diagram, &box) : algebra_diagram_constant(0);
	arena_fini(&arena);
	return a;
}

static bool side_has(const struct algebra_side *side, int32_t atom)
{
	size_t lo = 0, hi = side->len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (side->at[mid].hi < atom)
			lo = mid + 1;
		else
			hi = mid;
	}
	return !side->len || (lo < side->len && side->at[lo].lo <= atom);
}

struct algebra_set verify_side_values(const struct verify_axis *axis,
				      const struct algebra_side *side, struct arena *arena)
{
	struct algebra_builder builder = {.arena = arena};
	for (size_t i = 0; i < axis->pieces; i++)
		if (side_has(side, (int32_t)verify_piece(axis, i).atom))
			algebra_builder_add(&builder, verify_piece(axis, i).lo,
					    verify_piece(axis, i).hi);
	return algebra_builder_take(&builder);
}

void verify_functions_cells(const struct verify_functions *f, const int32_t *point, uint64_t *cells)
{
	for (size_t v = 0; v < f->vars; v++) {
		const struct verify_axis *axis = &f->slice->axis[f->axis_of[v]];
		uint32_t atom = (uint32_t)point[v];
		if (axis->span)
			cells[axis->slot] = algebra_span(atom, atom);
		else
			algebra_put(&f->slice->shape, cells, axis->slot, atom);
	}
}

const struct ir_packet *verify_functions_packet(const struct verify_functions *f,
						const int32_t *point, struct arena *arena)
{
	uint64_t cells[ALGEBRA_CELLS] = {!f->vars}; // without axes there is a mask of one atom
	verify_functions_cells(f, point, cells);
	return verify_packet(f->space, f->slice, cells, arena);
}
