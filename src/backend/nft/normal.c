// SPDX-License-Identifier: Apache-2.0
// The normal form of clauses: what their conditions imply is said, once, and for one IP version where
// the versions keep a field at different places. Compiling starts from it and lifting ends in it, so
// that what is intended and what is enforced can be compared byte by byte.
//
// In a flow rule only the TUPLE dimensions imply something about the tuple: what a PACKET dimension
// implies is about the packet, and against the flow's direction that is not asked.
#include "backend/nft/compile.h"

#define DAY 86400u
#define EITHER_VERSION 3u // of ir_clause_versions

struct normal {
	struct arena *arena;
	bool flow;
	VEC(struct ir_clause) out;
};

static struct algebra_set versions(struct arena *arena, bool v4, bool v6)
{
	struct algebra_builder b = {.arena = arena};
	if (v4)
		algebra_builder_add(&b, 4, 4);
	if (v6)
		algebra_builder_add(&b, 6, 6);
	return algebra_builder_take(&b);
}

static void drop(struct ir_clause *clause, enum ir_dim dim)
{
	size_t n = 0;
	for (size_t i = 0; i < clause->len; i++)
		if (clause->cond[i].dim != dim)
			clause->cond[n++] = clause->cond[i];
	clause->len = n;
}

struct algebra_set nft_normal_domain(enum ir_dim dim, struct arena *arena)
{
	switch ((int)dim) {
	case IR_FAMILY:
		return versions(arena, true, true);
	case IR_STATE:
		return algebra_set_one(arena, 0, NFT_STATES - 1);
	case IR_HOUR:
		return algebra_set_one(arena, 0, DAY - 1);
	case IR_WDAY:
		return algebra_set_one(arena, 0, 6);
	case IR_TIME:
		return algebra_set_one(arena, 0, UINT64_MAX);
	case IR_TTL:
		return algebra_set_one(arena, 1, 255); // no other packet is forwarded
	default:
		return (struct algebra_set){0};
	}
}

// False when no value is left.
static bool clip(struct normal *n, struct ir_clause *clause, size_t at)
{
	enum ir_dim dim = clause->cond[at].dim;
	struct algebra_set all = nft_normal_domain(dim, n->arena), *set = &clause->cond[at].set;
	// As far as the kernel's clock goes.
	if (dim == IR_TIME &&
	    !nft_field_value(F_TIME, n->arena, nft_field_raw(F_TIME, n->arena, *set), set))
		return false;
	if (all.len)
		*set = algebra_set_intersect(n->arena, *set, all);
	return set->len > 0;
}

static bool clip_all(struct normal *n, struct ir_clause *clause)
{
	for (size_t i = 0; i < clause->len; i++)
		if (!clip(n, clause, i))
			return false;
	for (size_t i = clause->len; i-- > 0;) {
		enum ir_dim dim = clause->cond[i].dim;
		struct algebra_set all = nft_normal_domain(dim, n->arena);
		// That a flow rule asks for something in the packet says which direction it is for.
		bool tells = n->flow && ir_dim_info[dim].kind == IR_KIND_PACKET;
		if (all.len && algebra_set_equal(all, clause->cond[i].set) && !tells)
			drop(clause, dim);
	}
	return true;
}

static bool imply(struct normal *n, struct ir_clause *clause, enum ir_dim dim)
{
	enum nft_side side = n->flow ? OF_FLOW : OF_PACKET;
	if (n->flow && ir_dim_info[dim].kind != IR_KIND_TUPLE)
		return true;
	enum nft_field field = nft_field_of(dim, side, 4, false);
	if (field == NFT_FIELDS)
		field = nft_field_of(dim, OF_PACKET, 4, false);
	const struct nft_field_info *info = &nft_field_info[field];
	bool split =
		nft_field_of(dim, OF_PACKET, 6, false) != nft_field_of(dim, OF_PACKET, 4, false);
	if (info->version && !split &&
	    !ir_clause_narrow(clause, n->arena, IR_FAMILY,
			      versions(n->arena, info->version == 4, info->version == 6)))
		return false;
	struct algebra_set protocols = nft_protocols_set(info->protocols);
	return !protocols.len || ir_clause_narrow(clause, n->arena, IR_PROTO, protocols);
}

static bool differs_by_version(const struct ir_clause *clause)
{
	return ir_clause_set(clause, IR_DSCP) || ir_clause_set(clause, IR_ECN) ||
	       ir_clause_set(clause, IR_LENGTH) || ir_clause_set(clause, IR_TTL);
}

// The service code is at one place in requests (type 0), at another in responses (type 1).
static void push_by_type(struct normal *n, struct ir_clause clause)
{
	for (unsigned type = 0; type <= IR_DCCP_SERVICE_LAST; type++) {
		struct ir_clause one = ir_clause_copy(&clause, n->arena);
		if (ir_clause_narrow(&one, n->arena, IR_DCCPTYPE,
				     algebra_set_one(n->arena, type, type)))
			vec_push(n->arena, &n->out, one);
	}
}

static void push(struct normal *n, struct ir_clause clause)
{
	if (ir_clause_set(&clause, IR_DCCPSERVICE))
		push_by_type(n, clause);
	else
		vec_push(n->arena, &n->out, clause);
}

static void push_by_version(struct normal *n, struct ir_clause clause)
{
	if (!differs_by_version(&clause) || ir_clause_versions(&clause) != EITHER_VERSION) {
		push(n, clause);
		return;
	}
	for (unsigned version = 4; version <= 6; version += 2) {
		struct ir_clause one = ir_clause_copy(&clause, n->arena);
		if (ir_clause_narrow(&one, n->arena, IR_FAMILY,
				     versions(n->arena, version == 4, version == 6)))
			push(n, one);
	}
}

static void add_clause(struct normal *n, const struct ir_clause *in)
{
	struct ir_clause clause = ir_clause_copy(in, n->arena);
	clause.clock = 0;
	if (!clip_all(n, &clause))
		return;
	for (size_t i = 0; i < in->len; i++)
		if (!imply(n, &clause, in->cond[i].dim))
			return;
	push_by_version(n, clause);
}

void nft_normal_rule(const struct ir_rule *rule, struct arena *arena, struct ir_rule *out)
{
	struct normal n = {.arena = arena, .flow = rule->flow};
	for (size_t i = 0; i < rule->clauses; i++)
		add_clause(&n, &rule->clause[i]);
	*out = *rule;
	out->clause = n.out.at;
	out->clauses = n.out.len;
}

// Flow rules, even those that match nothing, make packets without a flow be dropped at the end.
static void push_no_flow(struct ir_ruleset *to, struct arena *arena)
{
	struct ir_clause *clause = arena_new(arena, struct ir_clause);
	struct algebra_set none = algebra_set_one(arena, IR_STATE_INVALID, IR_STATE_UNTRACKED);
	bool some = ir_clause_narrow(clause, arena, IR_STATE, none);
	vec_push(arena, &to->rule,
		 (struct ir_rule){.policy = "",
				  .name = "",
				  .verdict = IR_DROP,
				  .clause = clause,
				  .clauses = some});
}

void backend_nft_normal(const struct ir_ruleset *lowered, struct arena *arena,
			struct ir_ruleset *out)
{
	struct ir_ruleset normal = {.default_action = lowered->default_action};
	bool flow_meant = false, flow_left = false;
	for (size_t i = 0; i < lowered->rule.len; i++) {
		struct ir_rule rule;
		nft_normal_rule(&lowered->rule.at[i], arena, &rule);
		flow_meant |= rule.flow;
		flow_left |= rule.flow && rule.clauses;
		if (rule.clauses)
			vec_push(arena, &normal.rule, rule);
	}
	if (flow_meant && !flow_left)
		push_no_flow(&normal, arena);
	*out = normal;
}
