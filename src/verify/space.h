// SPDX-License-Identifier: Apache-2.0
// Rulesets as boxes over ranks: what the questions of verify.h are computed on.
//
// Packets are looked at in slices, each with its own dimensions: IPv4, IPv6 and (when a rule asks for an EtherType) other
// packets; as they begin or continue a flow, and, where that makes a difference, against the flow's direction. In a
// slice each dimension that any rule restricts is an axis. Values that no rule tells apart are one atom; an axis of few
// atoms is a mask, any other a span. Every distinct opaque condition and every rule's exceeded rate is an axis of two atoms.
// The boxes of a ruleset are total: behind the rules stand those of what happens when none decides.
#pragma once

#include "algebra/box.h"
#include "base/map.h"
#include "verify/verify.h"

// Owners of boxes beside rules (indices into the ruleset).
#define VERIFY_DEFAULT UINT32_MAX // no rule decides: the default action
#define VERIFY_NO_FLOW \
	(UINT32_MAX - 1) // dropped: flow rules are in force and the packet has no flow

struct verify_piece {
	u128 lo, hi;
	uint32_t atom;
};
struct verify_axis {
	unsigned dim;  // enum ir_dim, or IR_DIMS + a truth's number
	bool span;     // else a mask
	unsigned slot; // which span or mask of the shape
	uint32_t atoms;
	size_t pieces; // rising; all values of the slice's packets; a span's piece i is atom i
	// As verify_piece gives them. There may be very many of IPv4 addresses: spans of values below 2^32 are kept small.
	struct verify_piece *wide;
	struct verify_narrow {
		uint32_t lo, hi;
	} * narrow;
};
static inline struct verify_piece verify_piece(const struct verify_axis *axis, size_t i)
{
	if (axis->wide)
		return axis->wide[i];
	return (struct verify_piece){axis->narrow[i].lo, axis->narrow[i].hi, (uint32_t)i};
}

// The first piece that does not end before the value; axis->pieces when all do (atoms.c).
size_t verify_piece_from(const struct verify_axis *axis, u128 value) must_check;

struct verify_layer {                // one ruleset in a slice
	struct algebra_boxes *boxes; // first match decides; owner: the rule
	// Rules that only log, owner: the rule. before[i]: how many of `boxes` stand before the i-th of them.
	struct algebra_boxes *logging;
	uint32_t *before;
};

struct verify_slice {
	int family; // 4, 6, 0: neither
	bool reply; // coordinates of the flow's first packet; the packet asked about is its reply
	struct algebra_shape shape;
	struct verify_axis *axis;
	size_t axes;
	struct verify_layer *layer;
};

// What may or may not be: a distinct opaque condition (as if it were not negated), or the rate of `rate` is exceeded.
struct verify_truth {
	const struct ir_opaque *opaque;
	const struct ir_rule *rate;
};

struct verify_space {
	const struct ir_ruleset *const *ruleset;
	size_t layers;
	int64_t from, until;
	VEC(struct verify_slice *) slice;
	VEC(struct verify_truth) truth;
	struct map truths;      // what tells it from others -> its number + 1
	struct verify_subject { // which truth an opaque condition or a rule with a rate is; by address
		const void *at;
		uint32_t truth;
	} * subject;
	size_t subjects;
	bool ethertypes; // some rule asks for them
	uint64_t dims;   // bits: those that rules ask for
	uint32_t **
		effect; // effect[layer][rule]: the same number, the same effect, whatever the layer
	uint32_t *effect_default; // by layer
	uint32_t effect_no_flow;
	size_t bytes; // that boxes and axes take
	struct arena *arena;
};

// What counts as the same effect: the verdict (with rate-limit: its rate); with `logs` also what is logged.
// *space is set on every status; free it. Borrows the rulesets; what is not boxes is in the arena.
enum verify_status verify_space_new(const struct ir_ruleset *const *ruleset, size_t rulesets,
				    bool logs, const struct verify_options *options,
				    struct arena *arena, struct verify_notes *notes,
				    struct verify_space **out) must_check;
void verify_space_free(struct verify_space *space);
// What the space leaves of the memory that the question may take.
size_t verify_memory_left(const struct verify_space *space,
			  const struct verify_options *options) must_check;
// Puts all of the axis into the box; and the box of all the slice's packets.
void verify_fill(const struct verify_slice *slice, const struct verify_axis *axis, uint64_t *box);
void verify_whole(const struct verify_slice *slice, uint64_t *box);
uint32_t verify_effect(const struct verify_space *space, size_t layer, uint32_t owner) must_check;
// How many of a layer's boxes stand before those of the owner: owners rise with the numbers of the boxes.
uint32_t verify_stand_before(const struct algebra_boxes *boxes, uint64_t owner) must_check;

// --- back to people's terms (decode.c) ---

// A packet at a point (a box with one atom on each axis), with flow and truths, all in the arena.
const struct ir_packet *verify_packet(const struct verify_space *space,
				      const struct verify_slice *slice, const uint64_t *point,
				      struct arena *arena) must_check;
// The box as a condition on packets; in a slice of replies on the first packet of their flow. False when it holds truths
// that a clause cannot say (they are then left out).
bool verify_region(const struct verify_space *space, const struct verify_slice *slice,
		   const uint64_t *box, struct arena *arena, struct ir_clause *out);
// A point for a packet: the atom of each of its values. False when the slice has no such packets.
bool verify_point(const struct verify_space *space, const struct verify_slice *slice,
		  const struct ir_packet *packet, uint64_t *point_out) must_check;
// Which rule ir_eval says decides the packet: an owner.
uint32_t verify_eval(const struct ir_ruleset *ruleset, const struct ir_packet *packet,
		     struct arena *arena) must_check;
