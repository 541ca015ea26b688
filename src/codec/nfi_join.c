// SPDX-License-Identifier: Apache-2.0
// The way back from the model's narrow rules: parts of one rule become one again. The one idea:
// clauses that are equal in all dimensions but one are one clause with the union there; doing this
// dimension by dimension until nothing changes undoes any splitting of a product. Only joins that
// keep the meaning exactly are made, so the result may differ in form from what was split, never in
// meaning.
#include "codec/nfi_inner.h"
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void nfi_clause_drop(struct ir_clause *clause, struct arena *arena, enum ir_dim dim)
{
	*clause = ir_clause_copy(clause, arena);
	size_t at = 0;
	while (clause->cond[at].dim != dim)
		at++;
	memmove(clause->cond + at, clause->cond + at + 1,
		(clause->len - at - 1) * sizeof(*clause->cond));
	clause->len--;
}

// The conditions on a flow's identity but the one on `but`. Only they can stand for it: against the
// direction of a flow the other dimensions are not read.
static struct ir_clause tuple_without(const struct ir_clause *clause, enum ir_dim but,
				      struct arena *arena)
{
	struct ir_clause rest = {.cond = arena_array(arena, struct ir_cond, clause->len)};
	for (size_t i = 0; i < clause->len; i++)
		if (clause->cond[i].dim != but &&
		    ir_dim_info[clause->cond[i].dim].kind == IR_KIND_TUPLE)
			rest.cond[rest.len++] = clause->cond[i];
	return rest;
}

// Whatever else is in a flow's identity is of IP.
static bool family_implied(const struct ir_clause *clause, struct arena *arena)
{
	struct ir_clause rest = tuple_without(clause, IR_FAMILY, arena);
	return rest.len && ir_clause_versions(&rest) == ir_clause_versions(clause);
}

static bool protocol_implied(const struct ir_clause *clause, struct arena *arena)
{
	struct ir_clause rest = tuple_without(clause, IR_PROTO, arena);
	struct ir_protocols without = ir_clause_protocols(&rest),
			    all = ir_clause_protocols(&(struct ir_clause){0});
	return ir_protocols_equal(without, ir_clause_protocols(clause)) &&
	       !ir_protocols_equal(without, all);
}

void nfi_clause_reduce(struct ir_clause *clause, struct arena *arena)
{
	if (ir_clause_set(clause, IR_FAMILY) && family_implied(clause, arena))
		nfi_clause_drop(clause, arena, IR_FAMILY);
	if (ir_clause_set(clause, IR_PROTO) && protocol_implied(clause, arena))
		nfi_clause_drop(clause, arena, IR_PROTO);
}

static int compare_sets(struct algebra_set a, struct algebra_set b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	for (size_t i = 0; i < a.len; i++) {
		if (a.at[i].lo != b.at[i].lo)
			return a.at[i].lo < b.at[i].lo ? -1 : 1;
		if (a.at[i].hi != b.at[i].hi)
			return a.at[i].hi < b.at[i].hi ? -1 : 1;
	}
	return 0;
}

struct item {
	struct ir_clause clause;
	size_t place; // in the input: the order of the result
	enum ir_dim but;
};

// Orders by everything but the set in the dimension `but`; whether there is one counts.
static int compare_rest(const struct item *x, const struct item *y)
{
	const struct ir_clause *a = &x->clause, *b = &y->clause;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	if (a->clock != b->clock)
		return a->clock < b->clock ? -1 : 1;
	for (size_t i = 0; i < a->len; i++) {
		if (a->cond[i].dim != b->cond[i].dim)
			return a->cond[i].dim < b->cond[i].dim ? -1 : 1;
		int c = a->cond[i].dim == x->but ? 0 : compare_sets(a->cond[i].set, b->cond[i].set);
		if (c)
			return c;
	}
	return 0;
}

static int by_rest(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = compare_rest(x, y);
	return c ? c : x->place < y->place ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	return x->place < y->place ? -1 : 1;
}

// A whole set is no condition at all where other conditions stand for the dimension being there.
static void unite(struct item *item, struct algebra_set set, struct arena *arena)
{
	nfi_clause_drop(&item->clause, arena, item->but);
	bool left = ir_clause_narrow(&item->clause, arena, item->but, set);
	assert(left);
	nfi_clause_reduce(&item->clause, arena);
}

static bool is_whole(enum ir_dim dim, struct algebra_set set)
{
	return set.len == 1 && set.at[0].lo == 0 &&
	       set.at[0].hi == algebra_max(ir_dim_info[dim].bits);
}

static size_t join_run(struct item *item, size_t run, struct arena *arena)
{
	enum ir_dim dim = item->but;
	struct algebra_builder builder = {.arena = arena};
	if (run == 1 || !ir_clause_set(&item->clause, dim))
		return 0;
	for (size_t i = 0; i < run; i++) {
		const struct algebra_set *set = ir_clause_set(&item[i].clause, dim);
		for (size_t k = 0; k < set->len; k++)
			algebra_builder_add(&builder, set->at[k].lo, set->at[k].hi);
	}
	struct algebra_set all = algebra_builder_take(&builder);
	if (is_whole(dim, all) && dim < IR_TIME)
		return 0; // "has the dimension" is not "any packet"
	unite(item, all, arena);
	for (size_t i = 1; i < run; i++)
		item[i].place = SIZE_MAX;
	return run - 1;
}

// Joins along one dimension; returns how many clauses went away.
static size_t join_along(struct item *item, size_t n, enum ir_dim dim, struct arena *arena)
{
	size_t gone = 0;
	for (size_t i = 0; i < n; i++)
		item[i].but = dim;
	qsort(item, n, sizeof(*item), by_rest);
	for (size_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && !compare_rest(&item[i], &item[i + run]);)
			run++;
		gone += join_run(&item[i], run, arena);
	}
	qsort(item, n, sizeof(*item), by_place);
	return gone;
}

static bool has_dim(const struct item *item, size_t n, enum ir_dim dim)
{
	for (size_t i = 0; i < n; i++)
		if (ir_clause_set(&item[i].clause, dim))
			return true;
	return false;
}

// Identical clauses, whatever their dimensions.
static size_t join_equal(struct item *item, size_t n)
{
	size_t gone = 0;
	for (size_t i = 0; i < n; i++)
		item[i].but = IR_DIMS;
	qsort(item, n, sizeof(*item), by_rest);
	for (size_t i = 0, run; i < n; i += run)
		for (run = 1; i + run < n && !compare_rest(&item[i], &item[i + run]); run++, gone++)
			item[i + run].place = SIZE_MAX;
	qsort(item, n, sizeof(*item), by_place);
	return gone;
}

void nfi_clauses_join(struct ir_clause **clause, size_t *clauses, struct arena *arena)
{
	size_t n = *clauses;
	struct item *item = arena_array(arena, struct item, n);
	for (size_t i = 0; i < n; i++)
		item[i] = (struct item){.clause = (*clause)[i], .place = i};
	for (size_t before = n + 1; n < before && n > 1;) {
		before = n;
		n -= join_equal(item, n);
		for (unsigned d = 0; d < IR_DIMS; d++)
			if (has_dim(item, n, (enum ir_dim)d))
				n -= join_along(item, n, (enum ir_dim)d, arena);
	}
	struct ir_clause *joined = arena_array(arena, struct ir_clause, n);
	for (size_t i = 0; i < n; i++)
		joined[i] = item[i].clause;
	*clause = joined;
	*clauses = n;
}

static bool same_values(const struct ir_opaque *a, const struct ir_opaque *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->value[i], b->value[i]) != 0)
			return false;
	return true;
}

// How many opaque conditions differ; SIZE_MAX when they are not of the same kinds. `at_out` is the
// last that does.
static size_t opaques_differ(const struct ir_rule *a, const struct ir_rule *b, size_t *at_out)
{
	size_t differ = 0;
	if (a->opaques != b->opaques)
		return SIZE_MAX;
	for (size_t i = 0; i < a->opaques; i++) {
		if (a->opaque[i].kind != b->opaque[i].kind)
			return SIZE_MAX;
		if (!same_values(&a->opaque[i], &b->opaque[i])) {
			differ++;
			*at_out = i;
		}
	}
	return differ;
}

static bool same_clauses(const struct ir_rule *a, const struct ir_rule *b)
{
	if (a->clauses != b->clauses)
		return false;
	for (size_t i = 0; i < a->clauses; i++) {
		struct item x = {.clause = a->clause[i], .but = IR_DIMS};
		struct item y = {.clause = b->clause[i], .but = IR_DIMS};
		if (compare_rest(&x, &y))
			return false;
	}
	return true;
}

static void take_clauses(struct ir_rule *to, const struct ir_rule *from, size_t n,
			 struct arena *arena)
{
	size_t total = 0;
	for (size_t i = 0; i < n; i++)
		total += from[i].clauses;
	struct ir_clause *all = arena_array(arena, struct ir_clause, total);
	to->clauses = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < from[i].clauses; k++)
			all[to->clauses++] = from[i].clause[k];
	to->clause = all;
}

void nfi_rules_gather(struct ir_rule *rule, size_t *len, struct arena *arena)
{
	size_t n = *len, kept = 0;
	for (size_t i = 0, run; i < n; i += run) {
		size_t at;
		for (run = 1; i + run < n && !opaques_differ(&rule[i], &rule[i + run], &at);)
			run++;
		struct ir_rule gathered = rule[i];
		if (run > 1)
			take_clauses(&gathered, &rule[i], run, arena);
		rule[kept++] = gathered;
	}
	*len = kept;
}

static void take_values(struct ir_rule *to, const struct ir_rule *from, size_t n, size_t at,
			struct arena *arena)
{
	struct map seen = {.arena = arena};
	struct ir_opaque *opaque = arena_memdup(arena, to->opaque, to->opaques * sizeof(*opaque));
	VEC(const char *) value = {0};
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < from[i].opaque[at].len; k++) {
			const char *v = from[i].opaque[at].value[k];
			if (!map_put(&seen, v, arena))
				vec_push(arena, &value, v);
		}
	opaque[at].value = value.at;
	opaque[at].len = value.len;
	to->opaque = opaque;
}

// Neighbours that differ in the values of one opaque condition: those are alternatives.
static size_t join_opaques(struct ir_rule *part, size_t n, struct arena *arena)
{
	size_t kept = 0;
	for (size_t i = 0, run; i < n; i += run) {
		size_t at = 0, other = 0;
		struct ir_rule joined = part[i];
		for (run = 1; i + run < n && same_clauses(&part[i], &part[i + run]) &&
			      opaques_differ(&part[i], &part[i + run], &other) == 1 &&
			      (run == 1 || other == at);
		     run++)
			at = other;
		if (run > 1)
			take_values(&joined, &part[i], run, at, arena);
		part[kept++] = joined;
	}
	return kept;
}

void nfi_parts_join(struct ir_rule *part, size_t *len, struct arena *arena)
{
	*len = join_opaques(part, *len, arena);
	nfi_rules_gather(part, len, arena);
	for (size_t i = 0; i < *len; i++)
		if (part[i].clauses > 1)
			nfi_clauses_join(&part[i].clause, &part[i].clauses, arena);
}
