// SPDX-License-Identifier: Apache-2.0
// Interval decision diagrams: functions from points of a small-integer space to small integers, each function held once, so
// that two are equal exactly when their nodes are. A point has one value for each variable, 0..max; variables are asked in
// their order. What the variables and results mean is the caller's.
//
// Memory has a hard bound and work can be stopped; either ends the diagram: from then on every function answers
// ALGEBRA_NODE_NONE (and takes it as an argument), so that callers look once, at the end, at algebra_diagram_status.
#pragma once

#include "base/base.h"

#define ALGEBRA_NODE_NONE UINT32_MAX
#define ALGEBRA_RESULT_MOST ((uint32_t)0x7ffffffe) // results are 0..this

struct algebra_diagram; // opaque, heap; not thread-safe
enum algebra_diagram_status {
	ALGEBRA_DIAGRAM_GOOD,
	ALGEBRA_DIAGRAM_OVER_BUDGET,
	ALGEBRA_DIAGRAM_STOPPED
};
struct algebra_diagram_limits {
	size_t bytes;             // everything that the diagram holds
	const _Atomic bool *stop; // looked at now and then; or NULL
};

// `max`: for each variable its largest value, >= 0; copied. At most ALGEBRA_DIAGRAM_VARS.
#define ALGEBRA_DIAGRAM_VARS 4096
struct algebra_diagram *algebra_diagram_new(const int32_t *max, size_t vars,
					    const struct algebra_diagram_limits *limits) must_check;
void algebra_diagram_free(struct algebra_diagram *diagram);
enum algebra_diagram_status
algebra_diagram_status(const struct algebra_diagram *diagram) must_check;
size_t algebra_diagram_bytes(const struct algebra_diagram *diagram) must_check;
size_t algebra_diagram_edges(const struct algebra_diagram *diagram) must_check; // in use

// --- making functions ---

// Inclusive at both ends. A side is what one variable may be: rising spans that neither overlap nor touch; none: anything.
struct algebra_span {
	int32_t lo, hi;
};
struct algebra_side {
	const struct algebra_span *at;
	size_t len;
};
// A product of sides, one for each variable, and what the function says there.
struct algebra_case {
	const struct algebra_side *side;
	uint32_t result;
};

// The same result everywhere. Needs no diagram.
uint32_t algebra_diagram_constant(uint32_t result) must_check;
// `result` within the case, 0 elsewhere.
uint32_t algebra_diagram_box(struct algebra_diagram *diagram,
			     const struct algebra_case *box) must_check;
// The first case that a point lies in decides; 0 where none does. Frees, from time to time, all nodes that neither it nor a
// pin holds.
uint32_t algebra_diagram_first_match(struct algebra_diagram *diagram,
				     const struct algebra_case *list, size_t len) must_check;

// --- combining them ---

enum algebra_join {
	ALGEBRA_OVER,   // a, but b where a is 0: "or", or first match
	ALGEBRA_WITHIN, // b where a is not 0, else 0: "and", or narrowing
	ALGEBRA_MINUS   // a where b is 0, else 0
};
uint32_t algebra_diagram_join(struct algebra_diagram *diagram, enum algebra_join join, uint32_t a,
			      uint32_t b) must_check;
// Any function of the two results, or of one; it must always answer the same.
typedef uint32_t (*algebra_apply_fn)(void *user, uint32_t a, uint32_t b);
uint32_t algebra_diagram_apply(struct algebra_diagram *diagram, algebra_apply_fn fn, void *user,
			       uint32_t a, uint32_t b) must_check;
typedef uint32_t (*algebra_map_fn)(void *user, uint32_t a);
uint32_t algebra_diagram_map(struct algebra_diagram *diagram, algebra_map_fn fn, void *user,
			     uint32_t a) must_check;
// The function with one variable held at a value.
uint32_t algebra_diagram_fix(struct algebra_diagram *diagram, uint32_t a, size_t var,
			     int32_t value) must_check;
// The function without a variable: not 0 where it is so for some value (a result of one of them), or for every value.
enum algebra_quantifier { ALGEBRA_SOME, ALGEBRA_EVERY };
uint32_t algebra_diagram_project(struct algebra_diagram *diagram, enum algebra_quantifier how,
				 uint32_t a, size_t var) must_check;

// --- looking at them ---

// The result at a point (a value for each variable).
uint32_t algebra_diagram_at(const struct algebra_diagram *diagram, uint32_t a,
			    const int32_t *point) must_check;
// A point with that result. False when there is none, or the diagram has ended.
bool algebra_diagram_find(struct algebra_diagram *diagram, uint32_t a, uint32_t result,
			  int32_t *point_out) must_check;
// Whether the function asks the variable at all: for each variable. The array has room for all.
void algebra_diagram_support(struct algebra_diagram *diagram, uint32_t a, bool *asks_out);
// Calls fn with every result that the function has somewhere, at least once.
typedef void (*algebra_result_fn)(void *user, uint32_t result);
void algebra_diagram_results(struct algebra_diagram *diagram, uint32_t a, algebra_result_fn fn,
			     void *user);
// Cuts what is not 0 into disjoint boxes, in a settled order, edges to the same child together. There may be very many: `fn`
// returns false to end it. The box is good for the call. True when all were shown.
typedef bool (*algebra_box_fn)(void *user, const struct algebra_case *box);
bool algebra_diagram_boxes(struct algebra_diagram *diagram, uint32_t a, algebra_box_fn fn,
			   void *user) must_check;

// --- memory ---

// Pins are counted. Only algebra_diagram_collect and algebra_diagram_first_match free nodes: those without a pin that no
// pinned node leads to.
void algebra_diagram_pin(struct algebra_diagram *diagram, uint32_t a);
void algebra_diagram_unpin(struct algebra_diagram *diagram, uint32_t a);
void algebra_diagram_collect(struct algebra_diagram *diagram);
