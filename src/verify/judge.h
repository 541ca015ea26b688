// SPDX-License-Identifier: Apache-2.0
// One ruleset whose units are judged, by several threads: what they share, what each has for itself, and the questions
// that all judgements are made of. Units have numbers of their own here, 0 to units - 1.
#pragma once

#include "verify/search.h"

enum verify_life { VERIFY_UNKNOWN, VERIFY_NOWHERE, VERIFY_DEAD, VERIFY_LIVES, VERIFY_UNSURE };
enum verify_answer { VERIFY_NO, VERIFY_YES, VERIFY_GAVE_UP };

struct verify_case {
	const struct verify_space *space; // of one layer
	const struct ir_ruleset *ruleset;
	uint32_t units, flow_units;
	uint32_t *first;       // of each unit its first rule; first[units]: behind the last
	uint32_t *unit;        // of each rule
	bool *several;         // of each unit: it has several boxes in some slice
	_Atomic uint8_t *life; // of each unit, as far as somebody asked: enum verify_life
	const bool *gone;      // units that are taken as removed; NULL: none
	bool no_flow_gone;     // no flow rule is left
	size_t reach_most;     // of algebra_cover
	size_t list_most;      // numbers in a list of a thread, which has a few
	const _Atomic bool *stop;
};

struct verify_causes { // units
	uint32_t *at;
	size_t len, cap;
	bool by_default;
};

// A point that the unit decides.
struct verify_spot {
	const struct verify_slice *slice; // NULL: none is known
	uint64_t point[ALGEBRA_CELLS];
};

// Of one thread.
struct verify_judge {
	const struct verify_case *of;
	struct verify_search search; // among the boxes that stay
	struct algebra_ids ids, others, pairs;
	struct verify_causes causes;
	struct verify_met *met; // overlaps.c
	size_t met_len, met_cap;
	uint32_t *met_at; // by unit: where it is in `met`, if it is
};

void verify_case_init(struct verify_case *c, const struct verify_space *space,
		      const struct verify_options *options, struct arena *arena);
void verify_judge_init(struct verify_judge *judge, const struct verify_case *c);
void verify_judge_fini(struct verify_judge *judge);
bool verify_case_stopped(const struct verify_case *c) must_check;
// VERIFY_DEFAULT and VERIFY_NO_FLOW stay what they are.
uint32_t verify_unit_of(const struct verify_case *c, uint32_t owner) must_check;
uint32_t verify_unit_effect(const struct verify_case *c, uint32_t unit) must_check;
bool verify_only_logs(const struct verify_case *c, uint32_t unit) must_check;
bool verify_stays(const struct verify_case *c, uint32_t owner) must_check;

// A unit's boxes in one slice. Zeroed but for the unit it stands before the first.
struct verify_site {
	uint32_t unit;
	size_t next;
	const struct verify_slice *slice;
	const struct verify_layer *layer;
	const struct algebra_boxes *boxes; // that the unit's are among
	uint32_t lo, hi;                   // they are [lo, hi)
};
bool verify_site_next(const struct verify_case *c, struct verify_site *site) must_check;
// How many boxes that decide stand before box i of the site.
uint32_t verify_site_before(const struct verify_case *c, const struct verify_site *site,
			    uint32_t i) must_check;

// The lowest number in [from, to) of a box that decides, stays and holds all of `box`; else `to`.
uint32_t verify_first(const struct verify_case *c, const struct verify_slice *slice,
		      const uint64_t *box, uint32_t from, uint32_t to) must_check;
// Appends the numbers in [from, to) of the boxes that meet `box`.
void verify_meeting(const struct verify_slice *slice, const struct algebra_boxes *boxes,
		    const uint64_t *box, uint32_t from, uint32_t to, struct algebra_ids *ids);
// What do they leave over of a box? OPEN: *open_out, unless it is NULL, is a box of such points.
enum algebra_answer verify_left_over(struct verify_judge *judge, const struct verify_slice *slice,
				     const uint64_t *box, const struct verify_ahead *ahead,
				     uint64_t *open_out) must_check;
// The same, of those that stay.
enum algebra_answer verify_left_by(struct verify_judge *judge, const struct verify_slice *slice,
				   const uint64_t *box, const struct verify_before *range,
				   size_t ranges, uint64_t *open_out) must_check;

// --- judgements ---

// With LIVES and unless `spot` is NULL a point that the unit decides, where one is at hand (life.c).
enum verify_life verify_life(struct verify_judge *judge, uint32_t unit, struct verify_spot *spot);
enum verify_life verify_life_known(struct verify_judge *judge, uint32_t unit); // asked once only
// Why a unit is dead, in judge->causes: those before it that do the same, if they match all its packets; else those that
// decide them, and *against_out is a point of which somebody does otherwise and nobody the same (causes.c).
enum verify_answer verify_why_dead(struct verify_judge *judge, uint32_t unit,
				   struct verify_spot *against_out) must_check;
// Whether a unit that decides, or only logs and is dead, can go; where not, *witness_out is what decides some packet
// otherwise instead: a unit, VERIFY_DEFAULT or VERIFY_NO_FLOW (redundant.c).
enum verify_answer verify_can_go(struct verify_judge *judge, uint32_t unit,
				 const struct verify_spot *spot, uint32_t *witness_out) must_check;
// What takes a redundant unit's packets, in judge->causes.
enum verify_answer verify_why_redundant(struct verify_judge *judge, uint32_t unit) must_check;
void verify_causes_add(struct verify_causes *causes, uint32_t unit);

// Later units that live and do otherwise (overlaps.c).
struct verify_overlaps {
	size_t all;
	size_t len;
	uint32_t unit[VERIFY_CAUSES_MOST]; // the lowest, rising
};
enum verify_answer verify_overlapping(struct verify_judge *judge, uint32_t unit,
				      struct verify_overlaps *around_out,
				      struct verify_overlaps *across_out) must_check;
// A point that both match, if possible one that the first decides.
void verify_shared(struct verify_judge *judge, uint32_t unit, uint32_t other,
		   struct verify_spot *out);

// Marks in `gone` a set that can go (removable.c). witness[unit]: as verify_can_go says of a unit that cannot go alone;
// VERIFY_ALONE: it can; VERIFY_NEVER: not to be asked about.
#define VERIFY_ALONE (UINT32_MAX - 2)
#define VERIFY_NEVER (UINT32_MAX - 3)
size_t verify_removable(const struct verify_case *c, const uint32_t *witness, unsigned threads,
			bool *gone, bool *unsure_out) must_check;
