// SPDX-License-Identifier: Apache-2.0
// A ruleset as flows see it. The connection state, TCP flags and interfaces of a flow's first packet are known, so
// conditions on them are decided here and fall away; what a rule says to a reply is said in the coordinates of the flow's
// first packet. Then forward and back, and every NSF of a way, are functions of the same points.
#include "verify/reach_inner.h"
#include "ir/turn.h"

#include <string.h>

bool reach_lets_pass(enum ir_verdict verdict)
{
	return verdict != IR_DROP && verdict != IR_REJECT && verdict != IR_NONE;
}

u128 reach_interface(const char *name)
{
	u128 value = 0;
	for (size_t i = 0, len = strlen(name); i < 16; i++)
		value = value << 8 | (i < len ? (unsigned char)name[i] : 0);
	return value;
}

// --- clauses ---

struct imaging {
	const struct reach_view *view;
	const struct ir_rule *rule;
	struct arena *arena;
	struct ir_clause clause; // the image
};

static bool put(struct imaging *to, enum ir_dim dim, struct algebra_set set)
{
	return ir_clause_narrow(&to->clause, to->arena, dim, set);
}

// The condition is decided: false, or gone. TCP flags leave the protocol behind.
static bool decided(struct imaging *to, const struct ir_cond *cond, u128 value)
{
	if (!algebra_set_has(cond->set, value))
		return false;
	return cond->dim != IR_TCPFLAGS ||
	       put(to, IR_PROTO, algebra_set_one(to->arena, REACH_TCP, REACH_TCP));
}

static bool image_cond(struct imaging *to, const struct ir_cond *cond)
{
	bool reply = to->view->reply;
	enum ir_dim dim = cond->dim;
	const char *interface = dim == IR_IN ? to->view->in : dim == IR_OUT ? to->view->out : NULL;
	if (reply && to->rule->flow && ir_dim_info[dim].kind == IR_KIND_PACKET)
		return ir_verdict_passes(to->rule->verdict);
	if (dim == IR_STATE)
		return decided(to, cond, reply ? IR_STATE_ESTABLISHED : IR_STATE_NEW);
	if (dim == IR_TCPFLAGS)
		return decided(to, cond, reply ? REACH_SYN_ACK : REACH_SYN);
	if (dim == IR_FRAGOFF)
		return decided(to, cond, 0);
	if (interface)
		return decided(to, cond, reach_interface(interface));
	if (!reply || to->rule->flow)
		return put(to, dim, cond->set);
	if (dim == IR_ICMP4 || dim == IR_ICMP6)
		return put(to, dim, ir_icmp_turned(IR_TO_REQUEST, dim, cond->set, to->arena));
	return put(to, ir_dim_other_side(dim), cond->set);
}

static bool image_clause(struct imaging *to, const struct ir_clause *clause)
{
	to->clause = (struct ir_clause){.clock = clause->clock};
	for (size_t i = 0; i < clause->len; i++)
		if (!image_cond(to, &clause->cond[i]))
			return false;
	return true;
}

static struct ir_rule image_rule(const struct ir_rule *rule, const struct reach_view *view,
				 struct arena *arena)
{
	struct imaging to = {.view = view, .rule = rule, .arena = arena};
	struct ir_rule image = *rule;
	image.flow = false;
	image.clause = arena_array(arena, struct ir_clause, rule->clauses + 1);
	image.clauses = 0;
	for (size_t i = 0; i < rule->clauses; i++)
		if (image_clause(&to, &rule->clause[i]))
			image.clause[image.clauses++] = to.clause;
	return image;
}

void reach_image(const struct ir_ruleset *ruleset, const struct reach_view *view,
		 struct arena *arena, struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = ruleset->default_action};
	for (size_t i = 0; i < ruleset->rule.len; i++)
		vec_push(arena, &out->rule, image_rule(&ruleset->rule.at[i], view, arena));
}

struct reach_view reach_view_of(const struct verify_network *network, const struct verify_leg *leg,
				bool reply)
{
	const struct verify_link *link = network->nsf.at[leg->nsf].link;
	size_t in = reply ? leg->out : leg->in, out = reply ? leg->in : leg->out;
	return (struct reach_view){link[in].interface, link[out].interface, reply};
}
