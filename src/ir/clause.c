// SPDX-License-Identifier: Apache-2.0
// Clauses: conjunctions of exact sets. Conditions are kept sorted and minimal (no full, no empty
// set), so that equal clauses have equal forms. A narrowed clause gets conditions of its own:
// clauses may share them before.
#include "ir/ir.h"

#include <assert.h>
#include <string.h>

static struct algebra_range whole(enum ir_dim dim)
{
	return (struct algebra_range){0, algebra_max(ir_dim_info[dim].bits)};
}

static bool is_whole(enum ir_dim dim, struct algebra_set set)
{
	return set.len == 1 && set.at[0].lo == 0 && set.at[0].hi == whole(dim).hi;
}

const struct algebra_set *ir_clause_set(const struct ir_clause *clause, enum ir_dim dim)
{
	for (size_t i = 0; i < clause->len; i++)
		if (clause->cond[i].dim == dim)
			return &clause->cond[i].set;
	return NULL;
}

struct ir_clause ir_clause_copy(const struct ir_clause *clause, struct arena *arena)
{
	struct ir_clause copy = *clause;
	copy.cond = arena_memdup(arena, clause->cond, clause->len * sizeof(*clause->cond));
	return copy;
}

bool ir_clause_equal(const struct ir_clause *a, const struct ir_clause *b)
{
	if (a->len != b->len || a->clock != b->clock)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (a->cond[i].dim != b->cond[i].dim ||
		    !algebra_set_equal(a->cond[i].set, b->cond[i].set))
			return false;
	return true;
}

bool ir_clause_narrow(struct ir_clause *clause, struct arena *arena, enum ir_dim dim,
		      struct algebra_set set)
{
	assert(!set.len || set.at[set.len - 1].hi <= whole(dim).hi);
	if (!set.len)
		return false;
	if (is_whole(dim, set))
		return true;
	size_t at = 0;
	while (at < clause->len && clause->cond[at].dim < dim)
		at++;
	bool there = at < clause->len && clause->cond[at].dim == dim;
	struct ir_cond *cond = arena_array(arena, struct ir_cond, clause->len + 1);
	if (clause->len)
		memcpy(cond, clause->cond, at * sizeof(*cond));
	cond[at] = (struct ir_cond){dim, set};
	if (there)
		cond[at].set = algebra_set_intersect(arena, clause->cond[at].set, set);
	if (clause->len > at + there)
		memcpy(cond + at + 1, clause->cond + at + there,
		       (clause->len - at - there) * sizeof(*cond));
	clause->cond = cond;
	clause->len += !there;
	return cond[at].set.len > 0;
}

bool ir_clause_has_clock(const struct ir_clause *clause)
{
	for (size_t i = 0; i < clause->len; i++)
		if (ir_dim_info[clause->cond[i].dim].kind == IR_KIND_CLOCK &&
		    clause->cond[i].dim != IR_TIME)
			return true;
	return false;
}

bool ir_clause_and(struct ir_clause *clause, struct arena *arena, const struct ir_clause *other)
{
	assert(!ir_clause_has_clock(clause) || !ir_clause_has_clock(other) ||
	       clause->clock == other->clock);
	if (ir_clause_has_clock(other))
		clause->clock = other->clock;
	for (size_t i = 0; i < other->len; i++)
		if (!ir_clause_narrow(clause, arena, other->cond[i].dim, other->cond[i].set))
			return false;
	return true;
}

// What a condition on a dimension says about the packet beside its value: only packets of these
// versions and protocols have the dimension at all.
enum { V4 = 1, V6 = 2, BOTH = 3 };
struct implied {
	unsigned versions;
	uint8_t protocols[6]; // 0-terminated; empty: any
};
static const struct implied *dim_implies(enum ir_dim dim)
{
	static const struct implied any = {.versions = BOTH};
	static const struct implied table[IR_DIMS] = {
		[IR_SRC4] = {.versions = V4},
		[IR_DST4] = {.versions = V4},
		[IR_SRC6] = {.versions = V6},
		[IR_DST6] = {.versions = V6},
		[IR_SPORT] = {BOTH, {6, 17, 33, 132, 136}},
		[IR_DPORT] = {BOTH, {6, 17, 33, 132, 136}},
		[IR_ICMP4] = {V4, {1}},
		[IR_ICMP6] = {V6, {58}},
		[IR_IHL] = {.versions = V4},
		[IR_IPFLAGS] = {.versions = V4},
		[IR_FRAGOFF] = {.versions = V4},
		[IR_IPID] = {.versions = V4},
		[IR_FLOWLABEL] = {.versions = V6},
		[IR_TCPFLAGS] = {BOTH, {6}},
		[IR_TCPSEQ] = {BOTH, {6}},
		[IR_TCPACK] = {BOTH, {6}},
		[IR_TCPOFFSET] = {BOTH, {6}},
		[IR_TCPRESERVED] = {BOTH, {6}},
		[IR_TCPWINDOW] = {BOTH, {6}},
		[IR_TCPURGENT] = {BOTH, {6}},
		[IR_UDPLEN] = {BOTH, {17, 136}},
		[IR_SCTPCHUNK] = {BOTH, {132}},
		[IR_DCCPTYPE] = {BOTH, {33}},
		[IR_DCCPOFFSET] = {BOTH, {33}},
		[IR_DCCPSERVICE] = {BOTH, {33}},
	};
	return table[dim].versions ? &table[dim] : &any;
}

unsigned ir_dim_versions(enum ir_dim dim)
{
	return dim_implies(dim)->versions;
}

const uint8_t *ir_dim_protocols(enum ir_dim dim)
{
	return dim_implies(dim)->protocols;
}

bool ir_dim_is_transport(enum ir_dim dim)
{
	return dim < IR_DIMS && ir_dim_protocols(dim)[0];
}

bool ir_dim_is_of(enum ir_dim dim, unsigned protocol)
{
	const uint8_t *implied = ir_dim_protocols(dim);
	bool any = !*implied;
	while (*implied && *implied != protocol)
		implied++;
	return any || *implied;
}

bool ir_clause_asks_transport(const struct ir_clause *clause)
{
	for (size_t i = 0; i < clause->len; i++)
		if (ir_dim_is_transport(clause->cond[i].dim))
			return true;
	return false;
}

unsigned ir_clause_versions(const struct ir_clause *clause)
{
	unsigned versions = BOTH;
	for (size_t i = 0; i < clause->len; i++) {
		struct algebra_set set = clause->cond[i].set;
		versions &= ir_dim_versions(clause->cond[i].dim);
		if (clause->cond[i].dim == IR_FAMILY)
			versions &= (algebra_set_has(set, 4) ? V4 : 0u) |
				    (algebra_set_has(set, 6) ? V6 : 0u);
	}
	return versions;
}

static void protocols_add(struct ir_protocols *set, unsigned lo, unsigned hi)
{
	for (unsigned p = lo; p <= hi; p++)
		set->bit[p / 64] |= (uint64_t)1 << p % 64;
}

static void protocols_keep(struct ir_protocols *set, const struct ir_protocols *other)
{
	for (size_t i = 0; i < array_len(set->bit); i++)
		set->bit[i] &= other->bit[i];
}

struct ir_protocols ir_clause_protocols(const struct ir_clause *clause)
{
	struct ir_protocols all = {{~0ull, ~0ull, ~0ull, ~0ull}};
	for (size_t i = 0; i < clause->len; i++) {
		const uint8_t *implied = ir_dim_protocols(clause->cond[i].dim);
		struct algebra_set set = clause->cond[i].set;
		struct ir_protocols listed = {0};
		for (size_t k = 0; implied[k]; k++)
			protocols_add(&listed, implied[k], implied[k]);
		for (size_t k = 0; clause->cond[i].dim == IR_PROTO && k < set.len; k++)
			protocols_add(&listed, (unsigned)set.at[k].lo, (unsigned)set.at[k].hi);
		if (implied[0] || clause->cond[i].dim == IR_PROTO)
			protocols_keep(&all, &listed);
	}
	return all;
}

bool ir_protocols_equal(struct ir_protocols a, struct ir_protocols b)
{
	return !memcmp(&a, &b, sizeof(a));
}

bool ir_clause_allows_protocol(const struct ir_clause *clause, uint8_t protocol)
{
	return ir_clause_protocols(clause).bit[protocol / 64] >> protocol % 64 & 1;
}

static bool protocols_meet(const struct ir_clause *a, const struct ir_clause *b)
{
	struct ir_protocols both = ir_clause_protocols(a), other = ir_clause_protocols(b);
	protocols_keep(&both, &other);
	return both.bit[0] | both.bit[1] | both.bit[2] | both.bit[3];
}

bool ir_clause_overlaps(const struct ir_clause *a, const struct ir_clause *b)
{
	bool same_clock = a->clock == b->clock;
	for (size_t i = 0, j = 0; i < a->len && j < b->len;) {
		enum ir_dim x = a->cond[i].dim, y = b->cond[j].dim;
		bool comparable =
			same_clock || ir_dim_info[x].kind != IR_KIND_CLOCK || x == IR_TIME;
		if (x == y && comparable && !algebra_set_overlaps(a->cond[i].set, b->cond[j].set))
			return false;
		i += x <= y;
		j += y <= x;
	}
	return (ir_clause_versions(a) & ir_clause_versions(b)) && protocols_meet(a, b);
}
