// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/front.h"

void nft_front_add(struct nft_live *live, const struct nft_waiting *rules,
		   const struct nft_pieces *pieces)
{
	struct arena *a = &live->arena;
	for (size_t i = 0; i < pieces->list.len; i++) {
		struct nft_piece piece = pieces->list.at[i];
		piece.box.range = arena_memdup(a, piece.box.range,
					       NFT_BOXES_FIELDS * sizeof(*piece.box.range));
		vec_push(a, &live->piece.list, piece);
		nft_places_add(&live->places, piece.box.rule, 1);
	}
	for (size_t i = 0; i < rules->rule.len; i++)
		vec_push(a, &live->front.rule, rules->rule.at[i]);
}

void nft_front_leave(struct nft_live *live, uint32_t rule)
{
	size_t n = 0;
	for (size_t i = 0; i < live->front.rule.len; i++)
		if (live->front.rule.at[i] != rule)
			live->front.rule.at[n++] = live->front.rule.at[i];
	live->front.rule.len = n;
}

static void lose_place(struct nft_live *live, const struct nft_piece *piece)
{
	nft_places_add(&live->places, piece->box.rule, -1);
}

void nft_front_take(struct nft_live *live, uint32_t rule, struct arena *arena,
		    struct nft_pieces *own, struct nft_pieces *others)
{
	const struct nft_form *form = live->tree.rule.at[rule];
	struct nft_pieces *from = &live->piece;
	size_t n = 0;
	for (size_t i = 0; i < from->list.len; i++)
		if (from->list.at[i].rule == rule) {
			struct nft_piece piece = from->list.at[i];
			lose_place(live, &piece);
			vec_push(arena, piece.box.rule == form ? &own->list : &others->list, piece);
		} else {
			from->list.at[n++] = from->list.at[i];
		}
	from->list.len = n;
	live->tree.rule.at[rule] = NULL;
	nft_front_leave(live, rule);
}

void nft_front_waiting(const struct nft_live *live, const struct nft_waiting *more,
		       struct arena *arena, struct nft_waiting *out)
{
	*out = (struct nft_waiting){{0}};
	for (size_t i = 0; i < live->front.rule.len; i++)
		vec_push(arena, &out->rule, live->front.rule.at[i]);
	for (size_t i = 0; i < more->rule.len; i++)
		vec_push(arena, &out->rule, more->rule.at[i]);
	nft_overlay_sort(&live->tree, out);
}

bool nft_front_empty(struct nft_live *live, struct arena *arena, struct nft_chain *old)
{
	struct nft_waiting rest;
	struct nft_pieces none = {{0}}, pieces = {{0}};
	for (size_t i = 0; i < live->piece.list.len; i++)
		lose_place(live, &live->piece.list.at[i]);
	nft_front_waiting(live, &(struct nft_waiting){{0}}, arena, &rest);
	for (size_t i = 0; i < rest.rule.len; i++)
		if (!nft_overlay_cut(&live->tree, &none, rest.rule.at[i], 0, arena, &pieces))
			return false;
	live->piece.list.len = 0;
	nft_front_add(live, &(struct nft_waiting){{0}}, &pieces);
	nft_overlay_front(&live->tree, arena, old);
	live->tree.overlay++;
	return pieces.list.len <= NFT_OVERLAY_PIECES;
}

// --- messages ---

void nft_front_encode(struct nft_live *live, uint16_t type, const struct nft_pieces *pieces,
		      struct arena *arena)
{
	for (size_t i = 0; i < NFT_OVERLAY_MAPS && pieces->list.len; i++) {
		struct nft_boxes boxes;
		nft_overlay_map(&live->tree, i, pieces, arena, &boxes);
		nft_encode_box_elements(&live->encoder, type, &boxes, NFT_NO_OWNER);
	}
}

void nft_front_encode_guard(struct nft_live *live, uint16_t type, struct algebra_set versions,
			    struct algebra_set but, struct arena *arena)
{
	struct nft_match match = {
		F_VERSION, algebra_set_intersect(arena, versions,
						 algebra_set_complement(arena, but, UINT8_MAX))};
	nft_encode_values(&live->encoder, type, NFT_OVERLAY_GUARD, &match);
}
