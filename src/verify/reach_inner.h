// SPDX-License-Identifier: Apache-2.0
// Between the parts of reach: ways through the graph, rulesets as flows see them, packets that walk.
#pragma once

#include "verify/reach.h"

// --- reach_ways.c ---

// All ways from zone to zone, shortest first. False when there are more than VERIFY_WAYS_MOST.
bool reach_ways(const struct verify_network *network, size_t from, size_t to, struct arena *arena,
		struct verify_pair *pair) must_check;

// --- reach_image.c ---

// How a ruleset is asked: about the first packet of a flow, or its first reply in the coordinates of the first packet.
struct reach_view {
	const char *in, *out; // interfaces of the packet that is judged; NULL: not known
	bool reply;
};
// The ruleset on flows: rule by rule the same numbers; no state, TCP flag, fragment or (where known) interface remains.
void reach_image(const struct ir_ruleset *ruleset, const struct reach_view *view,
		 struct arena *arena, struct ir_ruleset *out);
bool reach_lets_pass(enum ir_verdict verdict) must_check;
struct reach_view reach_view_of(const struct verify_network *network, const struct verify_leg *leg,
				bool reply) must_check;
u128 reach_interface(const char *name) must_check;
#define REACH_TCP 6
#define REACH_SYN 2u
#define REACH_SYN_ACK 18u

// --- reach_walk.c ---

// Images by leg, made when asked for; rulesets that ask for no interfaces have one for all legs.
struct reach_image {
	size_t nsf;
	struct reach_view view;
	struct ir_ruleset ruleset;
};
struct reach_rate { // a rule of a ruleset, and the condition that stands for its rate in an image
	const struct ir_rule *rule;
	const struct ir_opaque *opaque;
};
struct reach_images {
	const struct verify_network *network;
	struct arena *arena;
	VEC(struct reach_image *) list;
	VEC(struct reach_rate) rate;
	bool fragments; // some ruleset asks for them
};
size_t reach_image_of(struct reach_images *images, const struct verify_leg *leg, bool reply);

// Sends the flow (of verify_packet, its truths are about the images) on the way, and its reply back. The walk's packet has
// its truths in a form that people can read and paste, if it then fares the same.
void reach_walk(struct reach_images *images, const struct verify_way *way,
		const struct ir_packet *flow, struct verify_walk *out);
// What one NSF does with the flow's first packet, wherever on a way it stands.
struct verify_step reach_step(struct reach_images *images, const struct verify_leg *leg,
			      const struct ir_packet *flow) must_check;

// --- reach_rates.c ---

void reach_hide_rates(struct reach_images *images, struct reach_image *image);
// The rule whose exceeded rate the condition is; NULL: it is a condition of the rulesets.
const struct ir_rule *reach_rate_rule(const struct reach_images *images,
				      const struct ir_opaque *opaque) must_check;
// Whether what is told of a packet is about a rate.
bool reach_is_rate(const struct reach_images *images, const char *told) must_check;
bool reach_rate_exceeded(const struct reach_images *images, const struct ir_packet *flow,
			 const struct ir_rule *rule) must_check;
