// SPDX-License-Identifier: Apache-2.0
// One flow on its way: ir_eval is asked at each NSF about the packet as it looks there, and on the way back about the first
// reply. What reach says in general is shown by such walks.
#include "verify/reach_inner.h"
#include "ir/turn.h"

#include <string.h>

// --- packets ---

static void set_interfaces(struct ir_packet *packet, const struct reach_view *view)
{
	if (view->in)
		ir_packet_set(packet, IR_IN, reach_interface(view->in));
	if (view->out)
		ir_packet_set(packet, IR_OUT, reach_interface(view->out));
}

static void set_state(struct ir_packet *packet, unsigned state, unsigned flags)
{
	ir_packet_set(packet, IR_STATE, state);
	if (packet->has >> IR_DPORT & 1 && packet->value[IR_PROTO] == REACH_TCP)
		ir_packet_set(packet, IR_TCPFLAGS, flags);
}

static struct ir_packet *first_packet(const struct reach_images *images,
				      const struct ir_packet *flow, const struct reach_view *view)
{
	struct ir_packet *first = arena_memdup(images->arena, flow, sizeof(*flow));
	first->flow = first;
	first->reply = false;
	set_state(first, IR_STATE_NEW, REACH_SYN);
	if (images->fragments && first->value[IR_FAMILY] == 4)
		ir_packet_set(first, IR_FRAGOFF, 0);
	set_interfaces(first, view);
	return first;
}

// False when it is not answered.
static bool answer_icmp(struct ir_packet *packet)
{
	static const enum ir_dim dims[] = {IR_ICMP4, IR_ICMP6};
	for (size_t i = 0; i < array_len(dims); i++)
		if (packet->has >> dims[i] & 1)
			return ir_icmp_turn(IR_TO_REPLY, dims[i], &packet->value[dims[i]]);
	return true;
}

// NULL when the flow has no replies.
static struct ir_packet *reply_packet(const struct ir_packet *first, const struct reach_view *view,
				      struct arena *arena)
{
	struct ir_packet *reply = arena_memdup(arena, first, sizeof(*first));
	reply->flow = first;
	reply->reply = true;
	for (unsigned dim = 0; dim < IR_DIMS; dim++)
		if (ir_dim_other_side(dim) != dim)
			reply->has &= ~((uint64_t)1 << dim);
	for (unsigned dim = 0; dim < IR_DIMS; dim++)
		if (ir_dim_other_side(dim) != dim && first->has >> dim & 1)
			ir_packet_set(reply, ir_dim_other_side(dim), first->value[dim]);
	set_state(reply, IR_STATE_ESTABLISHED, REACH_SYN_ACK);
	set_interfaces(reply, view);
	return answer_icmp(reply) ? reply : NULL;
}

// --- images ---

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool asks(const struct ir_ruleset *ruleset, enum ir_dim first, enum ir_dim last)
{
	for (size_t i = 0; i < ruleset->rule.len; i++)
		for (size_t k = 0; k < ruleset->rule.at[i].clauses; k++)
			for (size_t c = 0; c < ruleset->rule.at[i].clause[k].len; c++) {
				enum ir_dim dim = ruleset->rule.at[i].clause[k].cond[c].dim;
				if (dim >= first && dim <= last)
					return true;
			}
	return false;
}

bool verify_asks_interfaces(const struct ir_ruleset *ruleset)
{
	return asks(ruleset, IR_IN, IR_OUT);
}

size_t reach_image_of(struct reach_images *images, const struct verify_leg *leg, bool reply)
{
	const struct ir_ruleset *ruleset = images->network->nsf.at[leg->nsf].ruleset;
	struct reach_view view = reach_view_of(images->network, leg, reply);
	for (size_t i = 0; i < images->list.len; i++) {
		const struct reach_image *image = images->list.at[i];
		if (image->nsf == leg->nsf && image->view.reply == reply &&
		    same_name(image->view.in, view.in) && same_name(image->view.out, view.out))
			return i;
		if (image->nsf == leg->nsf && image->view.reply == reply &&
		    !asks(ruleset, IR_IN, IR_OUT))
			return i;
	}
	struct reach_image *image = arena_new(images->arena, struct reach_image);
	*image = (struct reach_image){.nsf = leg->nsf, .view = view};
	reach_image(ruleset, &view, images->arena, &image->ruleset);
	reach_hide_rates(images, image);
	images->fragments |= asks(ruleset, IR_FRAGOFF, IR_FRAGOFF);
	vec_push(images->arena, &images->list, image);
	return images->list.len - 1;
}

// --- truths ---

// What a flow's packet knows, asked by rulesets instead of images.
struct carried {
	const struct reach_images *images;
	const struct ir_packet *flow;
};

static bool carried_opaque(const struct ir_packet *packet, const struct ir_opaque *opaque,
			   bool *known_out)
{
	const struct carried *carried = packet->context;
	return carried->flow->opaque_holds(carried->flow, opaque, known_out);
}

static bool carried_rate(const struct ir_packet *packet, const struct ir_rule *rule)
{
	const struct carried *carried = packet->context;
	return reach_rate_exceeded(carried->images, carried->flow, rule);
}

// --- steps ---

// `plain`: the flow's truths are asked as they are.
static struct verify_step judge(struct reach_images *images, size_t number,
				const struct ir_packet *flow, struct ir_packet *packet, bool plain)
{
	const struct reach_image *image = images->list.at[number];
	const struct ir_ruleset *ruleset = images->network->nsf.at[image->nsf].ruleset;
	struct carried carried = {images, flow};
	struct ir_packet asked = *packet;
	struct ir_outcome outcome;
	if (!plain) {
		asked.context = &carried;
		asked.opaque_holds = carried_opaque;
		asked.rate_exceeded = carried_rate;
	}
	asked.flow = packet->flow == packet ? &asked : packet->flow;
	ir_eval(ruleset, &asked, images->arena, &outcome);
	return (struct verify_step){image->nsf, outcome.rule, outcome.verdict};
}

static struct verify_step step_at(struct reach_images *images, const struct verify_leg *leg,
				  const struct ir_packet *flow, bool plain)
{
	size_t number = reach_image_of(images, leg, false);
	struct ir_packet *first = first_packet(images, flow, &images->list.at[number]->view);
	return judge(images, number, flow, first, plain);
}

struct verify_step reach_step(struct reach_images *images, const struct verify_leg *leg,
			      const struct ir_packet *flow)
{
	return step_at(images, leg, flow, false);
}

static void walk_back(struct reach_images *images, const struct ir_packet *flow, bool plain,
		      struct verify_walk *out)
{
	for (size_t i = out->way->legs; i-- > 0 && !out->reply_lost;) {
		const struct verify_leg *leg = &out->way->leg[i];
		size_t there = reach_image_of(images, leg, false),
		       back = reach_image_of(images, leg, true);
		struct ir_packet *first = first_packet(images, flow, &images->list.at[there]->view),
				 *reply = reply_packet(first, &images->list.at[back]->view,
						       images->arena);
		if (!reply)
			return;
		out->lost = judge(images, back, flow, reply, plain);
		out->reply_lost = !reach_lets_pass(out->lost.verdict);
	}
}

static void walk(struct reach_images *images, const struct verify_way *way,
		 const struct ir_packet *flow, bool plain, struct verify_walk *out)
{
	*out = (struct verify_walk){.way = way, .passes = true};
	out->step = arena_array(images->arena, struct verify_step, way->legs + 1);
	while (out->steps < way->legs && out->passes) {
		struct verify_step step = step_at(images, &way->leg[out->steps], flow, plain);
		out->passes = reach_lets_pass(step.verdict);
		out->step[out->steps++] = step;
	}
	if (out->passes)
		walk_back(images, flow, plain, out);
	struct reach_view view = reach_view_of(images->network, &way->leg[0], false);
	out->packet = first_packet(images, flow, &view);
}

static bool same_walk(const struct verify_walk *a, const struct verify_walk *b)
{
	bool same =
		a->steps == b->steps && a->passes == b->passes && a->reply_lost == b->reply_lost;
	for (size_t i = 0; same && i < a->steps; i++)
		same = a->step[i].rule == b->step[i].rule &&
		       a->step[i].verdict == b->step[i].verdict;
	return same;
}

static bool asked_about(const struct reach_images *images, const struct verify_way *way,
			enum ir_opaque_kind kind)
{
	for (size_t i = 0; i < way->legs; i++) {
		const struct ir_ruleset *ruleset = images->network->nsf.at[way->leg[i].nsf].ruleset;
		for (size_t r = 0; r < ruleset->rule.len; r++)
			for (size_t k = 0; k < ruleset->rule.at[r].opaques; k++)
				if (ruleset->rule.at[r].opaque[k].kind == kind)
					return true;
	}
	return false;
}

static bool told_kind(const struct ir_truths *truths, enum ir_opaque_kind kind)
{
	for (size_t i = 0; i < truths->told.len; i++)
		if (truths->told.at[i].kind == kind)
			return true;
	return false;
}

static void tell_rates(struct reach_images *images, const struct verify_way *way,
		       const struct ir_packet *flow, struct ir_truths *truths)
{
	for (size_t i = 0; i < way->legs; i++) {
		const struct ir_ruleset *ruleset = images->network->nsf.at[way->leg[i].nsf].ruleset;
		for (size_t r = 0; r < ruleset->rule.len; r++)
			if (reach_rate_exceeded(images, flow, &ruleset->rule.at[r]))
				vec_push(images->arena, &truths->exceeded, &ruleset->rule.at[r]);
	}
}

// What verify_packet told of the flow, as far as NSFs of the way ask for it.
static struct ir_truths *own_truths(struct reach_images *images, const struct verify_way *way,
				    const struct ir_packet *flow)
{
	const struct ir_truths *about = flow->context;
	struct ir_truths *truths = arena_new(images->arena, struct ir_truths);
	for (size_t i = 0; i < about->told.len; i++)
		if (!reach_is_rate(images, about->told.at[i].value) &&
		    asked_about(images, way, about->told.at[i].kind))
			vec_push(images->arena, &truths->told, about->told.at[i]);
	if (asked_about(images, way, IR_OPAQUE_FOREIGN) && !told_kind(truths, IR_OPAQUE_FOREIGN))
		vec_push(images->arena, &truths->told, (struct ir_told){IR_OPAQUE_FOREIGN, "none"});
	tell_rates(images, way, flow, truths);
	return truths;
}

void reach_walk(struct reach_images *images, const struct verify_way *way,
		const struct ir_packet *flow, struct verify_walk *out)
{
	struct verify_walk readable;
	walk(images, way, flow, false, out);
	struct ir_packet told = *flow;
	told.context = own_truths(images, way, flow);
	told.opaque_holds = ir_truths_hold;
	told.rate_exceeded = ir_truths_exceeded;
	told.over_rate = false;
	walk(images, way, &told, true, &readable);
	if (same_walk(out, &readable))
		*out = readable;
}
