// SPDX-License-Identifier: Apache-2.0
// What an edit does among the boxes that are there: where packets fare otherwise (edits.c), and how that is told
// (edits_show.c).
#pragma once

#include "verify/prepared.h"
#include "verify/search.h"

enum { VERIFY_EDITED_MOST = 256 }; // boxes that go or come

struct verify_fresh {    // a loose box
	uint32_t before; // how many of the boxes that are there stand before it
	uint32_t rule;   // number among the inserted rules
};
struct verify_gone {
	uint32_t first, end;
};
struct verify_scene { // one slice
	const struct verify_slice *slice;
	const struct algebra_boxes *boxes;
	const bool *first_own; // verify_prepared
	uint32_t len;
	VEC(struct verify_gone) gone; // rising
	struct verify_loose loose;
	VEC(struct verify_fresh) fresh; // of each loose box
};
struct verify_place { // where a box of A and a box of B with different effects may meet
	uint32_t a, b;
	uint32_t pair; // edits_show.c
	uint16_t scene;
	bool comes, open, gave_up; // comes: b is a loose box
	double width;              // of one that is open
};
struct verify_editing {
	const struct verify_asking *q;
	struct arena arena;
	struct verify_scene *scene; // by slice
	VEC(const struct ir_rule *) inserted;
	VEC(uint32_t) effect; // of each inserted rule; UINT32_MAX: no rule that is there has it
	VEC(struct verify_place) place;
	size_t places_most; // that there is memory for
	bool too_many;
	struct verify_search *search; // by worker and scene
	struct verify_comparison *out;
};

// What both boxes of a place hold; false when that is nothing.
bool verify_place_box(const struct verify_scene *s, const struct verify_place *place,
		      uint64_t *both) must_check;
// What stands before either.
struct verify_place_ahead {
	struct verify_ahead ahead;
	struct verify_before list[VERIFY_EDITED_MOST + 2];
};
void verify_place_ahead(const struct verify_scene *s, const struct verify_place *place,
			struct verify_place_ahead *to);
// Tells the widest `most` of the pairs of rules whose places are open, and counts all.
void verify_edits_show(struct verify_editing *e, size_t most);
