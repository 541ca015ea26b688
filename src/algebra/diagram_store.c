// SPDX-License-Identifier: Apache-2.0
// Nodes of interval decision diagrams and their memory. A node is a run of edges in one long array, behind a header that
// names the node, so that a collection can close the gaps in one pass; node numbers stay. All growth goes through `grow`,
// which holds the budget. The memo may forget (it then overwrites) rather than break the budget.
#include "algebra/diagram_inner.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TICKS 4096    // steps between two looks at the stop flag
#define MEMO_WINDOW 8 // places where an answer may stand
#define MEMO_SHARE 4  // the memo takes a part of the budget at the most
#define FIRST_CAP 256u

static void fail(struct algebra_diagram *d, enum algebra_diagram_status status)
{
	if (d->status == ALGEBRA_DIAGRAM_GOOD)
		d->status = status;
}

// `items` of `cap` entries with more room, zeroed; NULL, the diagram ended, and the old place kept when the budget is over.
static void *grow(struct algebra_diagram *d, void *items, size_t cap, size_t more, size_t size)
{
	if (more > UINT32_MAX / 2 || (more - cap) * size > d->limits.bytes - d->bytes) {
		fail(d, ALGEBRA_DIAGRAM_OVER_BUDGET);
		return NULL;
	}
	d->bytes += (more - cap) * size;
	char *grown = base_oom(realloc(items, more * size));
	memset(grown + cap * size, 0, (more - cap) * size);
	return grown;
}

static size_t next_cap(size_t cap)
{
	return cap ? cap + cap / 2 : FIRST_CAP;
}

struct algebra_diagram *algebra_diagram_new(const int32_t *max, size_t vars,
					    const struct algebra_diagram_limits *limits)
{
	assert(vars <= ALGEBRA_DIAGRAM_VARS);
	struct algebra_diagram *d = base_oom(calloc(1, sizeof(*d)));
	d->limits = *limits;
	d->vars = vars;
	d->run = 1;
	d->nodes = d->edges = 1; // 0 is nobody
	d->max = base_oom(calloc(vars + 1, sizeof(*d->max)));
	for (size_t i = 0; i < vars; i++)
		d->max[i] = max[i];
	d->bytes = sizeof(*d) + (vars + 1) * sizeof(*d->max);
	if (d->bytes > limits->bytes) {
		d->bytes = limits->bytes;
		fail(d, ALGEBRA_DIAGRAM_OVER_BUDGET);
	}
	return d;
}

void algebra_diagram_free(struct algebra_diagram *d)
{
	if (!d)
		return;
	free(d->max);
	free(d->node);
	free(d->edge);
	free(d->bucket);
	free(d->memo);
	free(d->stack);
	free(d);
}

enum algebra_diagram_status algebra_diagram_status(const struct algebra_diagram *d)
{
	return d->status;
}

size_t algebra_diagram_bytes(const struct algebra_diagram *d)
{
	return d->bytes;
}

size_t algebra_diagram_edges(const struct algebra_diagram *d)
{
	return d->edges;
}

bool diagram_tick(struct algebra_diagram *d)
{
	if (!(++d->ticks % TICKS) && d->limits.stop && *d->limits.stop)
		fail(d, ALGEBRA_DIAGRAM_STOPPED);
	return d->status == ALGEBRA_DIAGRAM_GOOD;
}

// --- the memo ---

void diagram_run(struct algebra_diagram *d)
{
	if (!++d->run) { // once in four billion operations the numbers begin again
		if (d->memo)
			memset(d->memo, 0, d->memos * sizeof(*d->memo));
		d->run = 1;
	}
	d->memo_used = 0;
}

static uint32_t mix(uint32_t h, uint32_t v)
{
	h = (h ^ v) * 0x9e3779b1u;
	return h ^ h >> 15;
}

static uint32_t memo_place(const struct algebra_diagram *d, uint32_t kind, uint32_t a, uint32_t b)
{
	return mix(mix(mix(kind, a), b), 0x5bd1e995u) & (d->memos - 1);
}

bool diagram_recall(const struct algebra_diagram *d, uint32_t kind, uint32_t a, uint32_t b,
		    uint32_t *answer_out)
{
	if (!d->memos)
		return false;
	uint32_t place = memo_place(d, kind, a, b);
	for (uint32_t i = 0; i < MEMO_WINDOW; i++) {
		const struct diagram_memo *m = &d->memo[(place + i) & (d->memos - 1)];
		if (m->run != d->run)
			return false;
		if (m->a == a && m->b == b && m->kind == kind) {
			*answer_out = m->answer;
			return true;
		}
	}
	return false;
}

static void memo_put(struct algebra_diagram *d, const struct diagram_memo *entry)
{
	uint32_t place = memo_place(d, entry->kind, entry->a, entry->b), i = 0;
	while (i < MEMO_WINDOW && d->memo[(place + i) & (d->memos - 1)].run == d->run)
		i++;
	d->memo_used += i < MEMO_WINDOW;
	d->memo[(place + i % MEMO_WINDOW) & (d->memos - 1)] = *entry;
}

static void memo_grow(struct algebra_diagram *d)
{
	uint32_t memos = d->memos ? d->memos * 2 : FIRST_CAP, old = d->memos;
	size_t more = (memos - old) * sizeof(*d->memo);
	if (memos * sizeof(*d->memo) > d->limits.bytes / MEMO_SHARE ||
	    more > d->limits.bytes - d->bytes || memos > UINT32_MAX / 4)
		return;
	struct diagram_memo *before = d->memo;
	d->memo = base_oom(calloc(memos, sizeof(*d->memo)));
	d->memos = memos;
	d->bytes += more;
	d->memo_used = 0;
	for (uint32_t i = 0; i < old; i++)
		if (before[i].run == d->run)
			memo_put(d, &before[i]);
	free(before);
}

void diagram_remember(struct algebra_diagram *d, uint32_t kind, uint32_t a, uint32_t b,
		      uint32_t answer)
{
	if (d->memo_used >= d->memos / 2)
		memo_grow(d);
	if (d->memos)
		memo_put(d, &(struct diagram_memo){a, b, kind, d->run, answer});
}

// --- nodes ---

void diagram_push(struct algebra_diagram *d, size_t from, int32_t hi, uint32_t child)
{
	if (d->depth > from && d->stack[d->depth - 1].child == child) {
		d->stack[d->depth - 1].hi = hi;
		return;
	}
	if (d->depth == d->stack_cap) {
		size_t cap = next_cap(d->stack_cap);
		void *grown = grow(d, d->stack, d->stack_cap, cap, sizeof(*d->stack));
		if (!grown)
			return;
		d->stack = grown;
		d->stack_cap = cap;
	}
	d->stack[d->depth++] = (struct diagram_edge){hi, child};
}

static uint32_t hash_edges(uint32_t var, const struct diagram_edge *edge, size_t len)
{
	uint32_t h = mix(var, (uint32_t)len);
	for (size_t i = 0; i < len; i++)
		h = mix(mix(h, (uint32_t)edge[i].hi), edge[i].child);
	return h;
}

static void put_in_bucket(struct algebra_diagram *d, uint32_t n)
{
	uint32_t *head = &d->bucket[d->node[n].hash & (d->buckets - 1)];
	d->node[n].next = *head;
	*head = n;
}

static bool room_in_buckets(struct algebra_diagram *d)
{
	if (d->live < d->buckets)
		return true;
	uint32_t buckets = d->buckets ? d->buckets * 2 : FIRST_CAP;
	void *grown = grow(d, d->bucket, d->buckets, buckets, sizeof(*d->bucket));
	if (!grown)
		return false;
	d->bucket = grown;
	d->buckets = buckets;
	memset(d->bucket, 0, buckets * sizeof(*d->bucket));
	for (uint32_t i = 1; i < d->nodes; i++)
		if (d->node[i].at)
			put_in_bucket(d, i);
	return true;
}

static bool room_for_edges(struct algebra_diagram *d, size_t len)
{
	if (d->edges + len <= d->edges_cap)
		return true;
	size_t cap = next_cap(d->edges_cap);
	if (cap < d->edges + len)
		cap = d->edges + len;
	void *grown = grow(d, d->edge, d->edges_cap, cap, sizeof(*d->edge));
	if (!grown)
		return false;
	d->edge = grown;
	d->edges_cap = (uint32_t)cap;
	return true;
}

// 0 when the budget is over.
static uint32_t free_number(struct algebra_diagram *d)
{
	uint32_t n = d->free_node;
	if (n) {
		d->free_node = d->node[n].next;
		return n;
	}
	if (d->nodes >= d->nodes_cap) {
		size_t cap = next_cap(d->nodes_cap);
		void *grown = grow(d, d->node, d->nodes_cap, cap, sizeof(*d->node));
		if (!grown)
			return 0;
		d->node = grown;
		d->nodes_cap = (uint32_t)cap;
	}
	return d->nodes++;
}

static uint32_t find_node(const struct algebra_diagram *d, uint32_t var, uint32_t hash,
			  const struct diagram_edge *edge, size_t len)
{
	uint32_t n = d->buckets ? d->bucket[hash & (d->buckets - 1)] : 0;
	while (n && (d->node[n].hash != hash || d->node[n].var != var || diagram_len(d, n) != len ||
		     memcmp(&d->edge[diagram_first(d, n)], edge, len * sizeof(*edge)) != 0))
		n = d->node[n].next;
	return n;
}

static uint32_t new_node(struct algebra_diagram *d, uint32_t var, uint32_t hash,
			 const struct diagram_edge *edge, size_t len)
{
	if (!room_in_buckets(d) || !room_for_edges(d, len + 1))
		return ALGEBRA_NODE_NONE;
	uint32_t n = free_number(d);
	if (!n)
		return ALGEBRA_NODE_NONE;
	d->node[n] = (struct diagram_node){.at = d->edges, .hash = hash, .var = (uint16_t)var};
	d->edge[d->edges] = (struct diagram_edge){(int32_t)len, n};
	memcpy(&d->edge[d->edges + 1], edge, len * sizeof(*edge));
	d->edges += (uint32_t)len + 1;
	d->live++;
	put_in_bucket(d, n);
	return n;
}

uint32_t diagram_take(struct algebra_diagram *d, uint32_t var, size_t from)
{
	struct diagram_edge *edge = d->stack + from;
	size_t len = d->depth - from;
	d->depth = from;
	if (d->status != ALGEBRA_DIAGRAM_GOOD || !len)
		return ALGEBRA_NODE_NONE;
	if (len == 1)
		return edge[0].child;
	uint32_t hash = hash_edges(var, edge, len), n = find_node(d, var, hash, edge, len);
	return n ? n : new_node(d, var, hash, edge, len);
}

// --- collecting ---

static bool is_node(const struct algebra_diagram *d, uint32_t a)
{
	return a < d->nodes && d->node[a].at;
}

void algebra_diagram_pin(struct algebra_diagram *d, uint32_t a)
{
	if (is_node(d, a))
		d->node[a].pins++;
}

void algebra_diagram_unpin(struct algebra_diagram *d, uint32_t a)
{
	if (!is_node(d, a))
		return;
	assert(d->node[a].pins);
	d->node[a].pins--;
}

// As deep as there are variables at the most.
static void mark(struct algebra_diagram *d, uint32_t a)
{
	if (diagram_is_result(a) || d->node[a].marked)
		return;
	d->node[a].marked = true;
	for (uint32_t i = diagram_first(d, a), n = diagram_len(d, a); n; i++, n--)
		mark(d, d->edge[i].child);
}

static void close_gaps(struct algebra_diagram *d)
{
	uint32_t to = 1;
	for (uint32_t from = 1; from < d->edges;) {
		uint32_t size = (uint32_t)d->edge[from].hi + 1;
		struct diagram_node *node = &d->node[d->edge[from].child];
		if (node->marked) {
			memmove(&d->edge[to], &d->edge[from], size * sizeof(*d->edge));
			node->at = to;
			to += size;
		}
		from += size;
	}
	d->edges = d->settled = to;
}

static void rebuild_lists(struct algebra_diagram *d)
{
	if (d->bucket)
		memset(d->bucket, 0, d->buckets * sizeof(*d->bucket));
	d->free_node = d->live = 0;
	for (uint32_t i = d->nodes; i-- > 1;) {
		struct diagram_node *node = &d->node[i];
		if (node->marked) {
			node->marked = false;
			d->live++;
			put_in_bucket(d, i);
		} else {
			*node = (struct diagram_node){.next = d->free_node};
			d->free_node = i;
		}
	}
}

void algebra_diagram_collect(struct algebra_diagram *d)
{
	for (uint32_t i = 1; i < d->nodes; i++)
		if (d->node[i].pins)
			mark(d, i);
	close_gaps(d);
	rebuild_lists(d);
	diagram_run(d); // the memo may name nodes that are gone
}
