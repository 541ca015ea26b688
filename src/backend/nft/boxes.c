// SPDX-License-Identifier: Apache-2.0
// Filling maps over several fields. The kernel refuses an element when its lowest or its highest corner lies in an element
// that is there, and which one of overlapping elements it finds is sure only where it looks at the last field in one step.
// A box is cut instead: what lies in an earlier box is not found anyway, so what is left means the same.
//
// Boxes that hold or meet one are found in trees, each halved again and again by the field in which its boxes differ most;
// a new box goes into a short list, which becomes a tree, together with the trees that are no larger, when it is long.
#include "backend/nft/boxes.h"

#include <stdlib.h>
#include <string.h>

#define LEAF 8u   // boxes that are looked at one after the other
#define FRESH 32u // boxes before they become a tree
#define SAMPLE 64u

struct tree {
	struct nft_box *box;
	size_t len;
	struct algebra_range
		*bound; // of node k, one a field; its halves are nodes 2k + 1 and 2k + 2
};

struct nft_filling {
	struct arena *arena;
	enum nft_boxes_kind kind;
	size_t fields;
	unsigned bits[NFT_BOXES_FIELDS];
	VEC(struct nft_box) box;
	VEC(struct tree) tree; // from large to small
	size_t planted;        // boxes that stand in a tree
	size_t pieces;
	bool again; // boxes were there; they are looked at one after the other
};

// --- fields ---

bool nft_boxes_field(enum nft_field field)
{
	const struct nft_field_info *info = &nft_field_info[field];
	bool quick = info->bytes == 1 || info->bytes == 2 || info->bytes == 4 || info->bytes == 6 ||
		     info->bytes == 16;
	return quick && info->bits == info->bytes * 8 && info->order == NETWORK;
}

void nft_boxes_combination(const enum nft_field *field, const struct algebra_set *const *set,
			   size_t fields, size_t number, struct algebra_range *range)
{
	for (size_t f = 0; f < fields; f++) {
		range[f] = (struct algebra_range){0, algebra_max(nft_field_info[field[f]].bits)};
		if (set[f]) {
			range[f] = set[f]->at[number % set[f]->len];
			number /= set[f]->len;
		}
	}
}

size_t nft_boxes_slots(const struct nft_boxes *boxes, size_t fields)
{
	size_t slots = 0;
	for (size_t f = 0; f < fields; f++)
		slots += (nft_field_info[boxes->field[f]].bytes + 3u) / 4;
	return slots;
}

// --- ranges ---

static bool meet(const struct algebra_range *a, const struct algebra_range *b, size_t fields)
{
	for (size_t f = 0; f < fields; f++)
		if (a[f].lo > b[f].hi || b[f].lo > a[f].hi)
			return false;
	return true;
}

size_t nft_boxes_pieces(struct algebra_range r, unsigned bits)
{
	size_t n = 0;
	if (!r.lo && r.hi == algebra_max(bits))
		return 1;
	for (;;) {
		unsigned step = 0;
		while (!(r.lo >> step & 1) && (r.lo | algebra_max(step + 1)) <= r.hi)
			step++;
		n++;
		if ((r.lo | (((u128)1 << step) - 1)) == r.hi)
			return n;
		r.lo += (u128)1 << step;
	}
}

// --- trees ---

static void widen(struct algebra_range *bound, const struct algebra_range *by, size_t fields)
{
	for (size_t f = 0; f < fields; f++) {
		bound[f].lo = by[f].lo < bound[f].lo ? by[f].lo : bound[f].lo;
		bound[f].hi = by[f].hi > bound[f].hi ? by[f].hi : bound[f].hi;
	}
}

static int by_low(const void *x, const void *y, void *context)
{
	const struct nft_box *a = x, *b = y;
	size_t f = *(const size_t *)context;
	if (a->range[f].lo != b->range[f].lo)
		return a->range[f].lo < b->range[f].lo ? -1 : 1;
	return 0;
}

// How often neighbours differ in it: enough to tell a field that is open everywhere from one that is not.
static size_t differences(const struct nft_box *box, size_t len, size_t field)
{
	size_t n = 0, step = len / SAMPLE + 1;
	for (size_t i = step; i < len; i += step)
		n += box[i].range[field].lo != box[i - step].range[field].lo;
	return n;
}

static void sort_by_widest(struct nft_box *box, size_t len, size_t fields)
{
	size_t best = 0, most = 0;
	for (size_t f = 0; f < fields; f++) {
		size_t n = differences(box, len, f);
		if (n > most) {
			most = n;
			best = f;
		}
	}
	qsort_r(box, len, sizeof(*box), by_low, &best);
}

static void build(struct tree *tree, size_t node, size_t from, size_t to, size_t fields)
{
	struct algebra_range *bound = tree->bound + node * fields;
	memcpy(bound, tree->box[from].range, fields * sizeof(*bound));
	for (size_t i = from + 1; i < to; i++)
		widen(bound, tree->box[i].range, fields);
	if (to - from <= LEAF)
		return;
	sort_by_widest(tree->box + from, to - from, fields);
	size_t middle = from + (to - from) / 2;
	build(tree, node * 2 + 1, from, middle, fields);
	build(tree, node * 2 + 2, middle, to, fields);
}

static size_t nodes_of(size_t len)
{
	size_t nodes = 1;
	for (; len > LEAF; len -= len / 2)
		nodes = nodes * 2 + 1;
	return nodes;
}

static void plant(struct nft_filling *f)
{
	size_t len = f->box.len - f->planted, from = f->planted;
	size_t keep = f->tree.len;
	while (keep && f->tree.at[keep - 1].len <= len) {
		len += f->tree.at[--keep].len;
		from -= f->tree.at[keep].len;
	}
	f->tree.len = keep;
	struct tree tree = {
		.box = arena_memdup(f->arena, f->box.at + from, len * sizeof(struct nft_box)),
		.len = len,
		.bound = arena_array(f->arena, struct algebra_range, nodes_of(len) * f->fields)};
	build(&tree, 0, 0, len, f->fields);
	vec_push(f->arena, &f->tree, tree);
	f->planted = f->box.len;
}

// --- questions ---

// A box, or a point, that others may meet; `but`: not those that lead to this chain.
struct question {
	const struct algebra_range *range;
	const char *but;
	size_t fields;
};

static const struct nft_box *in_list(const struct nft_box *box, size_t len,
				     const struct question *q)
{
	for (size_t i = 0; i < len; i++)
		if (meet(box[i].range, q->range, q->fields) &&
		    (!q->but || !box[i].chain || strcmp(q->but, box[i].chain) != 0))
			return &box[i];
	return NULL;
}

static const struct nft_box *in_tree(const struct tree *tree, size_t node, size_t from, size_t to,
				     const struct question *q)
{
	if (!meet(tree->bound + node * q->fields, q->range, q->fields))
		return NULL;
	if (to - from <= LEAF)
		return in_list(tree->box + from, to - from, q);
	size_t middle = from + (to - from) / 2;
	const struct nft_box *found = in_tree(tree, node * 2 + 1, from, middle, q);
	return found ? found : in_tree(tree, node * 2 + 2, middle, to, q);
}

static const struct nft_box *meeting(const struct nft_filling *f, const struct algebra_range *range,
				     const char *but)
{
	const struct question q = {range, but, f->fields};
	const struct nft_box *found = in_list(f->box.at + f->planted, f->box.len - f->planted, &q);
	for (size_t i = 0; i < f->tree.len && !found; i++)
		found = in_tree(&f->tree.at[i], 0, 0, f->tree.at[i].len, &q);
	return found;
}

static const struct nft_box *at_corner(const struct nft_filling *f, const struct nft_box *box,
				       bool high)
{
	struct algebra_range corner[NFT_BOXES_FIELDS];
	for (size_t i = 0; i < f->fields; i++) {
		u128 at = high ? box->range[i].hi : box->range[i].lo;
		corner[i] = (struct algebra_range){at, at};
	}
	return meeting(f, corner, NULL);
}

static const struct nft_box *in_the_way(const struct nft_filling *f, const struct nft_box *box)
{
	const struct nft_box *found = at_corner(f, box, false);
	if (!found)
		found = at_corner(f, box, true);
	if (!found && f->kind == BOXES_APART)
		found = meeting(f, box->range, box->chain);
	return found;
}

// --- filling ---

static struct nft_filling *filling_new(enum nft_boxes_kind kind, size_t fields, struct arena *arena)
{
	struct nft_filling *f = arena_new(arena, struct nft_filling);
	f->arena = arena;
	f->kind = kind;
	f->fields = fields;
	return f;
}

struct nft_filling *nft_filling_new(enum nft_boxes_kind kind, const enum nft_field *field,
				    size_t fields, struct arena *arena)
{
	struct nft_filling *f = filling_new(kind, fields, arena);
	for (size_t i = 0; i < fields; i++)
		f->bits[i] = nft_field_info[field[i]].bits;
	return f;
}

struct nft_filling *nft_filling_again(enum nft_boxes_kind kind, const struct nft_boxes *boxes,
				      struct arena *arena)
{
	struct nft_filling *f = nft_filling_new(kind, boxes->field, boxes->fields, arena);
	f->again = true;
	vec_reserve(arena, &f->box, boxes->len + FRESH);
	for (size_t i = 0; i < boxes->len; i++)
		vec_push(arena, &f->box, boxes->box[i]);
	return f;
}

static void add(struct nft_filling *f, struct nft_box box)
{
	vec_push(f->arena, &f->box, box);
	if (f->box.len - f->planted >= FRESH && !f->again)
		plant(f);
}

struct parts {
	VEC(struct nft_box) open, done;
};

static void push_part(struct nft_filling *f, struct parts *parts, const struct nft_box *box,
		      size_t field, struct algebra_range range)
{
	struct algebra_range *copy =
		arena_memdup(f->arena, box->range, f->fields * sizeof(*box->range));
	copy[field] = range;
	struct nft_box part = *box;
	part.range = copy;
	vec_push(f->arena, &parts->open, part);
}

// What of the box lies outside the other one, slice by slice.
static void cut(struct nft_filling *f, struct parts *parts, const struct nft_box *box,
		const struct nft_box *by)
{
	struct algebra_range *left =
		arena_memdup(f->arena, box->range, f->fields * sizeof(*box->range));
	struct nft_box rest = *box;
	rest.range = left;
	for (size_t i = 0; i < f->fields; i++) {
		struct algebra_range r = left[i], b = by->range[i];
		struct algebra_range inside = {r.lo < b.lo ? b.lo : r.lo,
					       r.hi > b.hi ? b.hi : r.hi};
		if (r.lo < inside.lo)
			push_part(f, parts, &rest, i, (struct algebra_range){r.lo, inside.lo - 1});
		if (r.hi > inside.hi)
			push_part(f, parts, &rest, i, (struct algebra_range){inside.hi + 1, r.hi});
		left[i] = inside;
	}
}

bool nft_filling_add(struct nft_filling *f, const struct nft_box *box, size_t most)
{
	struct parts parts = {0};
	size_t pieces = f->pieces;
	vec_push(f->arena, &parts.open, *box);
	while (parts.open.len) {
		struct nft_box part = parts.open.at[--parts.open.len];
		const struct nft_box *other = in_the_way(f, &part);
		if (other) {
			cut(f, &parts, &part, other);
		} else {
			vec_push(f->arena, &parts.done, part);
			pieces +=
				nft_boxes_pieces(part.range[f->fields - 1], f->bits[f->fields - 1]);
		}
		if (parts.open.len + parts.done.len > most)
			return false;
	}
	if (f->kind == BOXES_ORDERED && pieces > NFT_BOXES_PIECES)
		return false;
	for (size_t i = 0; i < parts.done.len; i++)
		add(f, parts.done.at[i]);
	f->pieces = pieces;
	return true;
}

void nft_filling_take(const struct nft_filling *f, struct nft_boxes *out)
{
	out->box = f->box.at;
	out->len = f->box.len;
}

static bool to_one(const struct nft_box *box, size_t len)
{
	const char *first = len ? box[0].chain : NULL;
	for (size_t i = 1; first && i < len; i++)
		if (box[i].chain != first && (!box[i].chain || strcmp(box[i].chain, first) != 0))
			return false;
	return first;
}

bool nft_boxes_sure(const struct nft_box *box, size_t len, const unsigned *bits, size_t fields,
		    struct arena *arena)
{
	size_t pieces = 0;
	if (to_one(box, len))
		return true;
	for (size_t i = 0; i < len; i++)
		pieces += nft_boxes_pieces(box[i].range[fields - 1], bits[fields - 1]);
	if (pieces <= NFT_BOXES_PIECES)
		return true;
	struct nft_filling *f = filling_new(BOXES_APART, fields, arena);
	for (size_t i = 0; i < len; i++) {
		if (meeting(f, box[i].range, box[i].chain))
			return false;
		add(f, box[i]);
	}
	return true;
}
