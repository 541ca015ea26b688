// SPDX-License-Identifier: Apache-2.0
// What reach.c works out and reach_tell.c puts into words.
#pragma once

#include "verify/functions.h"
#include "verify/reach_inner.h"

struct reach_state {
	const struct verify_reach_question *question;
	struct arena *arena;
	struct verify_reach *out;
	struct reach_images images;
	struct verify_space *space; // layers: the images, then one that says nothing
	// Of the slice that is looked at:
	struct verify_functions functions;
	struct algebra_diagram *diagram;
	uint32_t *owner, *passes; // by layer
	uint32_t asked;           // 1 at all points that are asked about
};

// The flows of one pair in one slice: 0 or 1.
struct reach_flows {
	struct verify_pair *pair;
	uint32_t all;         // asked about
	uint32_t *on;         // by way: passes
	uint32_t some, every; // on some way, on every way
	uint32_t answered;    // passes on a way on which its reply, if there is one, passes too
	uint32_t lost;        // of some: not answered
};

void reach_tell_services(struct reach_state *state, const struct reach_flows *flows);
void reach_tell_blockers(struct reach_state *state, const struct reach_flows *flows);
void reach_tell_uneven(struct reach_state *state, const struct reach_flows *flows);
void reach_tell_contradictions(struct reach_state *state, const struct reach_flows *flows);
