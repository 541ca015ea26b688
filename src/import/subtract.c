// SPDX-License-Identifier: Apache-2.0
// The packets of one clause that another does not match, as disjoint clauses. For each condition in turn: what has the
// dimension outside of the set, and what lacks the dimension; then on with what meets the condition.
//
// What lacks a dimension cannot be said in that dimension. It is said by what the dimension implies: no packet of another
// IP version or transport protocol has it. Later fragments lack their transport header; they are told apart only when
// the ruleset asks for fragments somewhere, as analysis otherwise leaves them out. Interface, connection state, MAC
// addresses and the fields of every IP header are taken to be there.
#include "import/flatten.h"

#include <string.h>

enum { V4 = 1, V6 = 2, BOTH = 3 };

bool import_clocks_agree(const struct ir_clause *a, const struct ir_clause *b)
{
	return a->clock == b->clock || !ir_clause_has_clock(a) || !ir_clause_has_clock(b);
}

bool import_clause_impossible(const struct ir_clause *clause)
{
	struct ir_protocols none = {0};
	const struct algebra_set *offset = ir_clause_set(clause, IR_FRAGOFF);
	bool later_fragment = offset && !algebra_set_has(*offset, 0);
	return !ir_clause_versions(clause) ||
	       ir_protocols_equal(ir_clause_protocols(clause), none) ||
	       (later_fragment && ir_clause_asks_transport(clause));
}

struct algebra_set import_set_others(struct arena *arena, enum ir_dim dim, struct algebra_set set)
{
	u128 max = algebra_max(ir_dim_info[dim].bits);
	u128 most = dim == IR_STATE  ? IR_STATE_UNTRACKED
		    : dim == IR_WDAY ? 6
		    : dim == IR_HOUR ? 86399
				     : max;
	struct algebra_set left = algebra_set_complement(arena, set, max);
	if (most == max || (left.len == 1 && left.at[0].lo == 0))
		return left;
	return algebra_set_intersect(arena, left, algebra_set_one(arena, 0, most));
}

struct pieces {
	struct arena *arena;
	struct import_clauses *out;
};

// Adds what of `rest` lies in the set.
static void add_piece(struct pieces *p, const struct ir_clause *rest, enum ir_dim dim,
		      struct algebra_set set)
{
	struct ir_clause piece = *rest;
	if (ir_clause_narrow(&piece, p->arena, dim, set) && !import_clause_impossible(&piece))
		vec_push(p->arena, &p->out->list, piece);
}

static struct algebra_set versions_set(struct arena *arena, unsigned versions)
{
	struct algebra_builder b = {.arena = arena};
	if (versions & V4)
		algebra_builder_add(&b, 4, 4);
	if (versions & V6)
		algebra_builder_add(&b, 6, 6);
	return algebra_builder_take(&b);
}

static struct algebra_set protocols_set(struct arena *arena, const uint8_t *protocols)
{
	struct algebra_builder b = {.arena = arena};
	for (; *protocols; protocols++)
		algebra_builder_add(&b, *protocols, *protocols);
	return algebra_builder_take(&b);
}

// Narrows `rest` to the versions that have the dimension, and adds the others.
static void split_versions(struct pieces *p, struct ir_clause *rest, enum ir_dim dim)
{
	unsigned versions = ir_dim_versions(dim);
	if (!(ir_clause_versions(rest) & ~versions))
		return;
	add_piece(p, rest, IR_FAMILY, versions_set(p->arena, BOTH & ~versions));
	(void)!ir_clause_narrow(rest, p->arena, IR_FAMILY, versions_set(p->arena, versions));
}

static bool only_protocols(const struct ir_clause *rest, const uint8_t *protocols)
{
	struct ir_protocols has = ir_clause_protocols(rest);
	for (; *protocols; protocols++)
		has.bit[*protocols / 64] &= ~((uint64_t)1 << *protocols % 64);
	return ir_protocols_equal(has, (struct ir_protocols){0});
}

static void split_protocols(struct pieces *p, struct ir_clause *rest, enum ir_dim dim)
{
	const uint8_t *protocols = ir_dim_protocols(dim);
	if (!*protocols || only_protocols(rest, protocols))
		return;
	struct algebra_set set = protocols_set(p->arena, protocols);
	add_piece(p, rest, IR_PROTO, import_set_others(p->arena, IR_PROTO, set));
	(void)!ir_clause_narrow(rest, p->arena, IR_PROTO, set);
}

static void split_fragments(struct pieces *p, struct ir_clause *rest, enum ir_dim dim)
{
	if (!ir_dim_is_transport(dim) || ir_clause_asks_transport(rest) ||
	    !(ir_clause_versions(rest) & V4))
		return;
	add_piece(p, rest, IR_FRAGOFF, algebra_set_one(p->arena, 1, algebra_max(13)));
}

bool import_clause_subtract(const struct ir_clause *from, const struct ir_clause *away,
			    bool fragments, struct arena *arena, struct import_clauses *out)
{
	struct pieces p = {arena, out};
	struct ir_clause rest = *from;
	if (!import_clocks_agree(from, away))
		return false;
	if (!ir_clause_overlaps(from, away)) {
		vec_push(arena, &out->list, rest);
		return true;
	}
	if (ir_clause_has_clock(away))
		rest.clock = away->clock;
	for (size_t i = 0; i < away->len; i++) {
		enum ir_dim dim = away->cond[i].dim;
		struct algebra_set set = away->cond[i].set;
		const struct algebra_set *has = ir_clause_set(&rest, dim);
		if (has && algebra_set_within(*has, set))
			continue;
		if (!has) {
			split_versions(&p, &rest, dim);
			split_protocols(&p, &rest, dim);
			if (fragments)
				split_fragments(&p, &rest, dim);
		}
		add_piece(&p, &rest, dim, import_set_others(arena, dim, set));
		if (!ir_clause_narrow(&rest, arena, dim, set))
			break;
	}
	return true;
}
