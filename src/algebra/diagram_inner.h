// SPDX-License-Identifier: Apache-2.0
// Between diagram_store.c (nodes and memory) and diagram.c (what is done with them).
#pragma once

#include "algebra/diagram.h"
#include "base/arena.h"

// Results are node numbers with the top bit.
#define RESULT_BIT 0x80000000u

// The values up to `hi`, above those of the edge before, go to `child`.
struct diagram_edge {
	int32_t hi;
	uint32_t child;
};
struct diagram_node {
	uint32_t
		at; // of its header among the edges: {how many edges, this node}; 0: the node is free
	uint32_t next; // in its bucket, or of the free ones; 0 ends
	uint32_t hash;
	uint16_t var;
	bool marked;
	uint32_t pins;
};
// Answers of the operation that runs; `run` tells them from older ones.
struct diagram_memo {
	uint32_t a, b, kind, run, answer;
};

struct algebra_diagram {
	int32_t *max;
	size_t vars;
	struct algebra_diagram_limits limits;
	enum algebra_diagram_status status;
	size_t bytes;
	struct diagram_node *node; // [0] is nobody
	uint32_t nodes, nodes_cap, free_node;
	struct diagram_edge *edge;
	uint32_t edges, edges_cap;
	uint32_t *bucket;
	uint32_t buckets, live;
	struct diagram_memo *memo;
	uint32_t memos, memo_used, run;
	struct diagram_edge *stack; // edges of the nodes in the making
	size_t depth, stack_cap;
	uint32_t settled; // edges in use behind the last collection
	uint32_t ticks;
};

static inline bool diagram_is_result(uint32_t a)
{
	return a & RESULT_BIT;
}
static inline uint32_t diagram_result(uint32_t a)
{
	return a & ~RESULT_BIT;
}
// Behind all variables for results.
static inline uint32_t diagram_var(const struct algebra_diagram *d, uint32_t a)
{
	return diagram_is_result(a) ? UINT32_MAX : d->node[a].var;
}
// Index of the first edge; the edges move when nodes are made.
static inline uint32_t diagram_first(const struct algebra_diagram *d, uint32_t a)
{
	return d->node[a].at + 1;
}
static inline uint32_t diagram_len(const struct algebra_diagram *d, uint32_t a)
{
	return (uint32_t)d->edge[d->node[a].at].hi;
}

// Puts an edge on the stack, onto the one before (but not below `from`) when the child is the same.
void diagram_push(struct algebra_diagram *d, size_t from, int32_t hi, uint32_t child);
// Takes the edges from `from` off the stack and gives their node, the one child when it is the only one.
uint32_t diagram_take(struct algebra_diagram *d, uint32_t var, size_t from) must_check;
// True when the work shall go on.
bool diagram_tick(struct algebra_diagram *d) must_check;
// A new operation: what was remembered is forgotten.
void diagram_run(struct algebra_diagram *d);
bool diagram_recall(const struct algebra_diagram *d, uint32_t kind, uint32_t a, uint32_t b,
		    uint32_t *answer_out) must_check;
void diagram_remember(struct algebra_diagram *d, uint32_t kind, uint32_t a, uint32_t b,
		      uint32_t answer);
