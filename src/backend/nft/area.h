// SPDX-License-Identifier: Apache-2.0
// Which packets come to a place, or match a rule: one set of values for each field, and what a field needs to be there
// (an IPv4 address: version 4; a port: a protocol with ports; the flow's tuple: a flow) said with it. So two areas hold the
// same packets exactly when they are equal field by field, and what is outside an area is a few areas. Pure.
#pragma once

#include "backend/nft/form.h"

#include "algebra/box.h"

// The sets are of the kernel's values. F_HEADER alone has one more, for packets without a transport header (another
// fragment than the first). A field without a bit in `has` may have any value, or be missing.
#define NFT_NO_HEADER ((u128)1 << 24)
struct nft_area {
	uint64_t has; // bit: field
	struct algebra_set set[NFT_FIELDS];
	bool never;
};

// All values that the field has where it is there.
struct algebra_set nft_area_domain(enum nft_field field) must_check;

void nft_area_all(struct nft_area *area);
// A copy that borrows the sets. Areas are large and say little: what has no bit is not copied.
void nft_area_assign(struct nft_area *area, const struct nft_area *from);
struct nft_area *nft_area_dup(const struct nft_area *area, struct arena *arena) must_check;
// With its sets.
struct nft_area *nft_area_copy(const struct nft_area *area, struct arena *arena) must_check;
// Intersects with: the field is there and its value in the set. Sets made are in the arena.
void nft_area_narrow(struct nft_area *area, struct arena *arena, enum nft_field field,
		     struct algebra_set set);
// Intersects with the form's matches, its fields named (nft_form_resolve).
void nft_area_form(struct nft_area *area, struct arena *arena, const struct nft_form *form);
// All that the form matches; the same of its fields.
void nft_area_of(const struct nft_form *form, struct arena *arena, struct nft_area *out);
void nft_area_and(struct nft_area *area, struct arena *arena, const struct nft_area *other);
// Whether all of its packets have the field.
bool nft_area_has_field(const struct nft_area *area, enum nft_field field) must_check;
bool nft_area_within(const struct nft_area *a, const struct nft_area *b) must_check;
bool nft_area_meets(const struct nft_area *a, const struct nft_area *b) must_check;
bool nft_area_equal(const struct nft_area *a, const struct nft_area *b) must_check;
// Why it cannot be said what the form tests in these packets, which match it: the kernel reads a transport header even of
// fragments, and a link header of any kind. NULL: it can.
const char *nft_area_unguarded(const struct nft_area *area, const struct nft_form *form) must_check;

// Says no more than that there is a flow.
bool nft_any_flow(const struct nft_match *match) must_check;

// Forgets that there must be a transport header, where nothing in it is asked.
void nft_area_any_header(struct nft_area *area);

struct nft_areas {
	VEC(struct nft_area *) list;
};
// Appends what the form matches, if that is anything that none of them holds; those that it holds go.
void nft_areas_add(struct nft_areas *areas, const struct nft_form *form, struct arena *arena);
// Appends what of `a` is not in `b`, as areas that do not meet.
void nft_area_minus(const struct nft_area *a, const struct nft_area *b, struct arena *arena,
		    struct nft_areas *out);
// What all of them say, taken together field by field: it holds all that is in one of them.
void nft_areas_around(const struct nft_areas *areas, struct arena *arena, struct nft_area *out);
// Whether the areas together hold all of `a` (cover.c). GAVE_UP: that is too much work to tell.
enum algebra_answer nft_area_covered(const struct nft_area *a, const struct nft_areas *by,
				     struct arena *arena) must_check;

// The fewest matches that mean the area, as those of the form.
void nft_area_matches(const struct nft_area *area, struct arena *arena, struct nft_form *form);
// All that is said in it, with what is implied, as matches of a form; they borrow its sets.
struct nft_form nft_area_as_form(const struct nft_area *area,
				 struct nft_match match[static NFT_FIELDS]) must_check;
