// SPDX-License-Identifier: Apache-2.0
// What is done with interval decision diagrams. Every operation walks its operands together, variable by variable, and
// remembers what it has answered for a pair of nodes; since equal functions are one node, no pair is looked at twice. The
// walk is as deep as there are variables, so it may recurse.
#include "algebra/diagram_inner.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COLLECT_FACTOR 3 // first_match collects when so many times the settled edges are in use
#define COLLECT_LEAST (1u << 16)

uint32_t algebra_diagram_constant(uint32_t result)
{
	assert(result <= ALGEBRA_RESULT_MOST);
	return RESULT_BIT | result;
}

#define NOTHING RESULT_BIT // the result 0

// --- boxes and first match ---

static void push_side(struct algebra_diagram *d, size_t from, uint32_t var,
		      const struct algebra_side *side, uint32_t inside)
{
	int32_t max = d->max[var];
	for (size_t i = 0; i < side->len; i++) {
		struct algebra_span span = side->at[i];
		assert(span.lo <= span.hi && span.lo >= 0 && span.hi <= max &&
		       (!i || span.lo > side->at[i - 1].hi));
		if (span.lo > 0)
			diagram_push(d, from, span.lo - 1, NOTHING);
		diagram_push(d, from, span.hi, inside);
	}
	if (side->at[side->len - 1].hi < max)
		diagram_push(d, from, max, NOTHING);
}

uint32_t algebra_diagram_box(struct algebra_diagram *d, const struct algebra_case *box)
{
	uint32_t node = algebra_diagram_constant(box->result);
	for (size_t var = d->vars; var-- > 0 && node != ALGEBRA_NODE_NONE;) {
		if (!box->side[var].len || node == NOTHING)
			continue;
		size_t from = d->depth;
		push_side(d, from, (uint32_t)var, &box->side[var], node);
		node = diagram_take(d, (uint32_t)var, from);
	}
	return d->status == ALGEBRA_DIAGRAM_GOOD ? node : ALGEBRA_NODE_NONE;
}

static void collect_when_due(struct algebra_diagram *d)
{
	if (d->edges > COLLECT_LEAST && d->edges / COLLECT_FACTOR > d->settled)
		algebra_diagram_collect(d);
}

// Halves, so that most joins are of small functions.
static uint32_t match_halves(struct algebra_diagram *d, const struct algebra_case *list, size_t len)
{
	if (!len)
		return NOTHING;
	if (len == 1)
		return algebra_diagram_box(d, list);
	uint32_t before = match_halves(d, list, len / 2);
	algebra_diagram_pin(d, before);
	uint32_t after = match_halves(d, list + len / 2, len - len / 2);
	algebra_diagram_pin(d, after);
	collect_when_due(d);
	uint32_t both = algebra_diagram_join(d, ALGEBRA_OVER, before, after);
	algebra_diagram_unpin(d, before);
	algebra_diagram_unpin(d, after);
	return both;
}

uint32_t algebra_diagram_first_match(struct algebra_diagram *d, const struct algebra_case *list,
				     size_t len)
{
	return match_halves(d, list, len);
}

// --- joins ---

enum memo_kind { MEMO_JOIN, MEMO_PROJECT, MEMO_FIX, MEMO_SEEN };

// How results are joined, and what is known without a walk.
struct join {
	algebra_apply_fn fn;
	void *user;
	bool (*known)(uint32_t a, uint32_t b, uint32_t *answer_out); // or NULL
};

static uint32_t over(void *user, uint32_t a, uint32_t b)
{
	(void)user;
	return a ? a : b;
}

static bool over_known(uint32_t a, uint32_t b, uint32_t *out)
{
	*out = a == NOTHING ? b : a;
	return diagram_is_result(a) || a == b || b == NOTHING;
}

static uint32_t within(void *user, uint32_t a, uint32_t b)
{
	(void)user;
	return a ? b : 0;
}

static bool within_known(uint32_t a, uint32_t b, uint32_t *out)
{
	*out = a == NOTHING ? NOTHING : b;
	return diagram_is_result(a) || a == b || b == NOTHING;
}

static uint32_t minus(void *user, uint32_t a, uint32_t b)
{
	(void)user;
	return b ? 0 : a;
}

static bool minus_known(uint32_t a, uint32_t b, uint32_t *out)
{
	*out = b == NOTHING ? a : NOTHING;
	return diagram_is_result(b) || a == b || a == NOTHING;
}

static const struct join joins[] = {
	[ALGEBRA_OVER] = {.fn = over, .known = over_known},
	[ALGEBRA_WITHIN] = {.fn = within, .known = within_known},
	[ALGEBRA_MINUS] = {.fn = minus, .known = minus_known},
};

// The walk along one operand: a node of the variable, or something that does not ask it.
struct cursor {
	uint32_t a, i, len; // len 0: `a` is its own only child
};

static struct cursor cursor_at(const struct algebra_diagram *d, uint32_t a, uint32_t var)
{
	return (struct cursor){a, 0, diagram_var(d, a) == var ? diagram_len(d, a) : 0};
}

static struct diagram_edge cursor_edge(const struct algebra_diagram *d, const struct cursor *c,
				       uint32_t var)
{
	return c->len ? d->edge[diagram_first(d, c->a) + c->i]
		      : (struct diagram_edge){d->max[var], c->a};
}

static uint32_t join_nodes(struct algebra_diagram *d, const struct join *join, uint32_t a,
			   uint32_t b);

static uint32_t join_edges(struct algebra_diagram *d, const struct join *join, uint32_t a,
			   uint32_t b)
{
	uint32_t va = diagram_var(d, a), vb = diagram_var(d, b), var = va < vb ? va : vb;
	struct cursor x = cursor_at(d, a, var), y = cursor_at(d, b, var);
	size_t from = d->depth;
	int32_t hi;
	do {
		struct diagram_edge p = cursor_edge(d, &x, var), q = cursor_edge(d, &y, var);
		hi = p.hi < q.hi ? p.hi : q.hi;
		uint32_t child = join_nodes(d, join, p.child, q.child);
		if (child == ALGEBRA_NODE_NONE)
			break;
		diagram_push(d, from, hi, child);
		x.i += x.len && p.hi == hi;
		y.i += y.len && q.hi == hi;
	} while (hi < d->max[var]);
	return diagram_take(d, var, from);
}

static uint32_t join_nodes(struct algebra_diagram *d, const struct join *join, uint32_t a,
			   uint32_t b)
{
	uint32_t answer;
	if (join->known && join->known(a, b, &answer))
		return answer;
	if (diagram_is_result(a) && diagram_is_result(b))
		return algebra_diagram_constant(
			join->fn(join->user, diagram_result(a), diagram_result(b)));
	if (diagram_recall(d, MEMO_JOIN, a, b, &answer))
		return answer;
	if (!diagram_tick(d))
		return ALGEBRA_NODE_NONE;
	answer = join_edges(d, join, a, b);
	if (answer != ALGEBRA_NODE_NONE)
		diagram_remember(d, MEMO_JOIN, a, b, answer);
	return answer;
}

static uint32_t join_all(struct algebra_diagram *d, const struct join *join, uint32_t a, uint32_t b)
{
	if (a == ALGEBRA_NODE_NONE || b == ALGEBRA_NODE_NONE || d->status != ALGEBRA_DIAGRAM_GOOD)
		return ALGEBRA_NODE_NONE;
	diagram_run(d);
	return join_nodes(d, join, a, b);
}

uint32_t algebra_diagram_join(struct algebra_diagram *d, enum algebra_join join, uint32_t a,
			      uint32_t b)
{
	return join_all(d, &joins[join], a, b);
}

uint32_t algebra_diagram_apply(struct algebra_diagram *d, algebra_apply_fn fn, void *user,
			       uint32_t a, uint32_t b)
{
	return join_all(d, &(struct join){.fn = fn, .user = user}, a, b);
}

struct map_call {
	algebra_map_fn fn;
	void *user;
};

static uint32_t map_one(void *user, uint32_t a, uint32_t b)
{
	(void)b;
	const struct map_call *call = user;
	return call->fn(call->user, a);
}

uint32_t algebra_diagram_map(struct algebra_diagram *d, algebra_map_fn fn, void *user, uint32_t a)
{
	struct map_call call = {fn, user};
	return join_all(d, &(struct join){.fn = map_one, .user = &call}, a, NOTHING);
}

// --- fewer variables ---

// One walk for both: at the variable `meet` makes one function of the edges' children.
struct fewer {
	uint32_t var;
	enum memo_kind kind;
	int32_t value;           // MEMO_FIX
	const struct join *join; // MEMO_PROJECT
};

static uint32_t meet(struct algebra_diagram *d, const struct fewer *fewer, uint32_t a)
{
	uint32_t i = 0, len = diagram_len(d, a);
	if (fewer->kind == MEMO_FIX) {
		while (d->edge[diagram_first(d, a) + i].hi < fewer->value)
			i++;
		return d->edge[diagram_first(d, a) + i].child;
	}
	uint32_t all = d->edge[diagram_first(d, a)].child;
	for (i = 1; i < len && all != ALGEBRA_NODE_NONE; i++)
		all = join_nodes(d, fewer->join, all, d->edge[diagram_first(d, a) + i].child);
	return all;
}

static uint32_t fewer_nodes(struct algebra_diagram *d, const struct fewer *fewer, uint32_t a)
{
	uint32_t var = diagram_var(d, a), answer;
	if (var > fewer->var)
		return a;
	if (diagram_recall(d, fewer->kind, a, 0, &answer))
		return answer;
	if (!diagram_tick(d))
		return ALGEBRA_NODE_NONE;
	if (var == fewer->var) {
		answer = meet(d, fewer, a);
	} else {
		size_t from = d->depth;
		for (uint32_t i = 0, len = diagram_len(d, a); i < len; i++) {
			struct diagram_edge edge = d->edge[diagram_first(d, a) + i];
			uint32_t child = fewer_nodes(d, fewer, edge.child);
			if (child == ALGEBRA_NODE_NONE)
				break;
			diagram_push(d, from, edge.hi, child);
		}
		answer = diagram_take(d, var, from);
	}
	if (answer != ALGEBRA_NODE_NONE)
		diagram_remember(d, fewer->kind, a, 0, answer);
	return answer;
}

static uint32_t fewer_all(struct algebra_diagram *d, const struct fewer *fewer, uint32_t a)
{
	assert(fewer->var < d->vars);
	if (a == ALGEBRA_NODE_NONE || d->status != ALGEBRA_DIAGRAM_GOOD)
		return ALGEBRA_NODE_NONE;
	diagram_run(d);
	return fewer_nodes(d, fewer, a);
}

uint32_t algebra_diagram_fix(struct algebra_diagram *d, uint32_t a, size_t var, int32_t value)
{
	assert(value >= 0 && value <= d->max[var]);
	return fewer_all(d, &(struct fewer){.var = (uint32_t)var, .kind = MEMO_FIX, .value = value},
			 a);
}

uint32_t algebra_diagram_project(struct algebra_diagram *d, enum algebra_quantifier how, uint32_t a,
				 size_t var)
{
	const struct join *join = &joins[how == ALGEBRA_SOME ? ALGEBRA_OVER : ALGEBRA_WITHIN];
	return fewer_all(
		d, &(struct fewer){.var = (uint32_t)var, .kind = MEMO_PROJECT, .join = join}, a);
}

// --- looking ---

uint32_t algebra_diagram_at(const struct algebra_diagram *d, uint32_t a, const int32_t *point)
{
	assert(a != ALGEBRA_NODE_NONE);
	while (!diagram_is_result(a)) {
		int32_t value = point[d->node[a].var];
		uint32_t lo = diagram_first(d, a), hi = lo + diagram_len(d, a) - 1;
		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;
			if (d->edge[mid].hi < value)
				lo = mid + 1;
			else
				hi = mid;
		}
		a = d->edge[lo].child;
	}
	return diagram_result(a);
}

// Nodes that were seen did not lead there.
static bool find_below(struct algebra_diagram *d, uint32_t a, uint32_t wanted, int32_t *point)
{
	uint32_t seen;
	if (diagram_is_result(a))
		return a == wanted;
	if (diagram_recall(d, MEMO_SEEN, a, 0, &seen) || !diagram_tick(d))
		return false;
	int32_t lo = 0;
	for (uint32_t i = 0, len = diagram_len(d, a); i < len; i++) {
		struct diagram_edge edge = d->edge[diagram_first(d, a) + i];
		if (find_below(d, edge.child, wanted, point)) {
			point[d->node[a].var] = lo;
			return true;
		}
		lo = edge.hi + 1;
	}
	diagram_remember(d, MEMO_SEEN, a, 0, 0);
	return false;
}

bool algebra_diagram_find(struct algebra_diagram *d, uint32_t a, uint32_t result, int32_t *point)
{
	if (a == ALGEBRA_NODE_NONE || d->status != ALGEBRA_DIAGRAM_GOOD)
		return false;
	diagram_run(d);
	memset(point, 0, d->vars * sizeof(*point));
	return find_below(d, a, algebra_diagram_constant(result), point);
}

static void support_below(struct algebra_diagram *d, uint32_t a, bool *asks)
{
	uint32_t seen;
	if (diagram_is_result(a) || diagram_recall(d, MEMO_SEEN, a, 0, &seen))
		return;
	diagram_remember(d, MEMO_SEEN, a, 0, 0);
	asks[d->node[a].var] = true;
	for (uint32_t i = 0, len = diagram_len(d, a); i < len; i++)
		support_below(d, d->edge[diagram_first(d, a) + i].child, asks);
}

void algebra_diagram_support(struct algebra_diagram *d, uint32_t a, bool *asks_out)
{
	memset(asks_out, 0, d->vars * sizeof(*asks_out));
	diagram_run(d);
	support_below(d, a, asks_out);
}

static void results_below(struct algebra_diagram *d, uint32_t a, algebra_result_fn fn, void *user)
{
	uint32_t seen;
	if (diagram_recall(d, MEMO_SEEN, a, 0, &seen))
		return;
	diagram_remember(d, MEMO_SEEN, a, 0, 0);
	if (diagram_is_result(a)) {
		fn(user, diagram_result(a));
		return;
	}
	for (uint32_t i = 0, len = diagram_len(d, a); i < len; i++)
		results_below(d, d->edge[diagram_first(d, a) + i].child, fn, user);
}

void algebra_diagram_results(struct algebra_diagram *d, uint32_t a, algebra_result_fn fn,
			     void *user)
{
	if (a == ALGEBRA_NODE_NONE)
		return;
	diagram_run(d);
	results_below(d, a, fn, user);
}

// --- boxes ---

// The spans of one node, those to the same child together; children in the order in which they first come.
struct lane {
	uint32_t child;
	uint32_t first; // index of the first span's edge
	struct algebra_span span;
};

struct boxes {
	struct algebra_diagram *d;
	algebra_box_fn fn;
	void *user;
	struct algebra_side *side;
};

static int by_child(const void *a, const void *b)
{
	const struct lane *x = a, *y = b;
	if (x->child != y->child)
		return x->child < y->child ? -1 : 1;
	return x->span.lo < y->span.lo ? -1 : 1;
}

static int by_first(const void *a, const void *b)
{
	const struct lane *x = a, *y = b;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->span.lo < y->span.lo ? -1 : 1;
}

// In an arena of its own; the caller ends it.
static struct lane *lanes_of(const struct algebra_diagram *d, uint32_t a, struct arena *arena,
			     size_t *len_out)
{
	uint32_t len = diagram_len(d, a);
	struct lane *lane = arena_array(arena, struct lane, len);
	int32_t lo = 0;
	size_t n = 0;
	for (uint32_t i = 0; i < len; i++) {
		struct diagram_edge edge = d->edge[diagram_first(d, a) + i];
		if (edge.child != NOTHING)
			lane[n++] = (struct lane){edge.child, i, {lo, edge.hi}};
		lo = edge.hi + 1;
	}
	qsort(lane, n, sizeof(*lane), by_child);
	for (size_t i = 1; i < n; i++)
		if (lane[i].child == lane[i - 1].child)
			lane[i].first = lane[i - 1].first;
	qsort(lane, n, sizeof(*lane), by_first);
	*len_out = n;
	return lane;
}

static bool boxes_below(struct boxes *boxes, uint32_t a)
{
	struct algebra_diagram *d = boxes->d;
	if (a == NOTHING)
		return true;
	if (diagram_is_result(a)) {
		struct algebra_case box = {boxes->side, diagram_result(a)};
		return boxes->fn(boxes->user, &box);
	}
	if (!diagram_tick(d))
		return false;
	struct arena arena;
	arena_init(&arena);
	size_t n, end;
	struct lane *lane = lanes_of(d, a, &arena, &n);
	struct algebra_span *span = arena_array(&arena, struct algebra_span, n);
	bool good = true;
	for (size_t i = 0; i < n && good; i = end) {
		for (end = i; end < n && lane[end].first == lane[i].first; end++)
			span[end - i] = lane[end].span;
		boxes->side[d->node[a].var] = (struct algebra_side){span, end - i};
		good = boxes_below(boxes, lane[i].child);
	}
	boxes->side[d->node[a].var] = (struct algebra_side){0};
	arena_fini(&arena);
	return good;
}

bool algebra_diagram_boxes(struct algebra_diagram *d, uint32_t a, algebra_box_fn fn, void *user)
{
	if (a == ALGEBRA_NODE_NONE || d->status != ALGEBRA_DIAGRAM_GOOD)
		return false;
	struct arena arena;
	arena_init(&arena);
	struct boxes boxes = {d, fn, user, arena_array(&arena, struct algebra_side, d->vars + 1)};
	bool good = boxes_below(&boxes, a);
	arena_fini(&arena);
	return good;
}
