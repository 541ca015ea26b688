// SPDX-License-Identifier: Apache-2.0
// Who may reach whom. Each NSF, as flows see it (reach_image.c), is a decision diagram over one space of points; a way
// passes what all of its NSFs pass, a pair what some way passes. Everything that is told is a diagram first and then cut
// into boxes (reach_tell.c). IP versions are looked at one after the other, their answers put together.
#include "verify/reach_state.h"
#include "ir/turn.h"

#include <string.h>

// --- functions of NSFs ---

static uint32_t passes_result(void *user, uint32_t result)
{
	const struct ir_ruleset *ruleset = user;
	uint32_t owner = result ? verify_result_owner(result) : 0;
	if (!result)
		return 0;
	enum ir_verdict verdict = owner == VERIFY_DEFAULT   ? ruleset->default_action
				  : owner == VERIFY_NO_FLOW ? IR_DROP
							    : ruleset->rule.at[owner].verdict;
	return reach_lets_pass(verdict);
}

static uint32_t any_result(void *user, uint32_t result)
{
	(void)user;
	return result != 0;
}

// Rules about other addresses need no diagram.
static void narrow_to_ends(struct reach_state *s)
{
	const struct verify_reach_question *q = s->question;
	bool v4 = s->functions.slice->family == 4;
	struct algebra_set from = {0}, to = {0};
	for (size_t i = 0; i < q->froms; i++)
		from = algebra_set_union(s->arena, from, v4 ? q->from[i].v4 : q->from[i].v6);
	for (size_t i = 0; i < q->tos; i++)
		to = algebra_set_union(s->arena, to, v4 ? q->to[i].v4 : q->to[i].v6);
	verify_functions_narrow(&s->functions, v4 ? IR_SRC4 : IR_SRC6, from);
	verify_functions_narrow(&s->functions, v4 ? IR_DST4 : IR_DST6, to);
}

// The slice's diagrams, pinned: who decides at each image, and where that passes.
static bool make_functions(struct reach_state *s, const struct verify_slice *slice)
{
	const struct verify_options *options = s->question->options;
	struct algebra_diagram_limits limits = {
		.bytes = options->memory ? options->memory : VERIFY_MEMORY,
		.stop = options->control ? &options->control->stop : NULL};
	size_t layers = s->space->layers;
	verify_functions_init(&s->functions, s->space, slice, &limits, s->arena);
	narrow_to_ends(s);
	s->diagram = s->functions.diagram;
	s->owner = arena_array(s->arena, uint32_t, layers);
	s->passes = arena_array(s->arena, uint32_t, layers);
	for (size_t i = 0; i < layers; i++) {
		s->owner[i] = verify_functions_layer(&s->functions, i, false);
		s->passes[i] = algebra_diagram_map(s->diagram, passes_result,
						   (void *)s->space->ruleset[i], s->owner[i]);
		algebra_diagram_pin(s->diagram, s->passes[i]);
	}
	s->asked = algebra_diagram_map(s->diagram, any_result, NULL, s->owner[layers - 1]);
	algebra_diagram_pin(s->diagram, s->asked);
	return algebra_diagram_status(s->diagram) == ALGEBRA_DIAGRAM_GOOD;
}

// Flows that have replies: all but ICMP messages that ask for none.
static uint32_t answerable(struct reach_state *s)
{
	int family = s->functions.slice->family;
	enum ir_dim dim = family == 4 ? IR_ICMP4 : IR_ICMP6;
	struct algebra_set protocol =
		algebra_set_one(s->arena, family == 4 ? 1 : 58, family == 4 ? 1 : 58);
	struct verify_want want[] = {{IR_PROTO, protocol}, {dim, ir_icmp_requests(dim, s->arena)}};
	uint32_t all = verify_functions_box(&s->functions, want, 1, 1),
		 asking = verify_functions_box(&s->functions, want, 2, 1);
	uint32_t silent = algebra_diagram_join(s->diagram, ALGEBRA_MINUS, all, asking);
	return algebra_diagram_join(s->diagram, ALGEBRA_MINUS, algebra_diagram_constant(1), silent);
}

// --- pairs ---

static uint32_t join(struct reach_state *s, enum algebra_join how, uint32_t a, uint32_t b)
{
	return algebra_diagram_join(s->diagram, how, a, b);
}

// What of the pair's flows passes on each way, and whose replies are lost there.
static void follow_ways(struct reach_state *s, struct reach_flows *flows)
{
	const struct verify_pair *pair = flows->pair;
	uint32_t answered = answerable(s);
	flows->on = arena_array(s->arena, uint32_t, pair->way.len + 1);
	flows->some = flows->lost = flows->answered = algebra_diagram_constant(0);
	flows->every = flows->all;
	for (size_t w = 0; w < pair->way.len; w++) {
		const struct verify_way *way = &pair->way.at[w];
		uint32_t on = flows->all, back = answered;
		for (size_t i = 0; i < way->legs; i++) {
			size_t first = reach_image_of(&s->images, &way->leg[i], false),
			       reply = reach_image_of(&s->images, &way->leg[i], true);
			on = join(s, ALGEBRA_WITHIN, on, s->passes[first]);
			back = join(s, ALGEBRA_WITHIN, back, s->passes[reply]);
		}
		uint32_t lost = join(s, ALGEBRA_MINUS, join(s, ALGEBRA_WITHIN, on, answered), back);
		flows->on[w] = on;
		flows->some = join(s, ALGEBRA_OVER, flows->some, on);
		flows->every = join(s, ALGEBRA_WITHIN, flows->every, on);
		flows->answered =
			join(s, ALGEBRA_OVER, flows->answered, join(s, ALGEBRA_MINUS, on, lost));
	}
	flows->lost = join(s, ALGEBRA_MINUS, flows->some, flows->answered);
}

static uint32_t flows_between(struct reach_state *s, const struct verify_end *from,
			      const struct verify_end *to)
{
	bool v4 = s->functions.slice->family == 4;
	struct verify_want want[] = {{v4 ? IR_SRC4 : IR_SRC6, v4 ? from->v4 : from->v6},
				     {v4 ? IR_DST4 : IR_DST6, v4 ? to->v4 : to->v6}};
	uint32_t box = verify_functions_box(&s->functions, want, 2, 1);
	return join(s, ALGEBRA_WITHIN, box, s->asked);
}

static void look_at_pair(struct reach_state *s, struct verify_pair *pair)
{
	struct reach_flows flows = {.pair = pair};
	flows.all = flows_between(s, &s->question->from[pair->from], &s->question->to[pair->to]);
	if (pair->together || flows.all == algebra_diagram_constant(0))
		return;
	follow_ways(s, &flows);
	uint32_t blocked = join(s, ALGEBRA_MINUS, flows.all, flows.some);
	pair->none &= flows.some == algebra_diagram_constant(0);
	pair->all &= blocked == algebra_diagram_constant(0);
	reach_tell_services(s, &flows);
	reach_tell_blockers(s, &flows);
	reach_tell_uneven(s, &flows);
	reach_tell_contradictions(s, &flows);
	algebra_diagram_collect(s->diagram); // only what is pinned stays
}

static enum verify_status status_of(const struct algebra_diagram *diagram)
{
	switch (algebra_diagram_status(diagram)) {
	case ALGEBRA_DIAGRAM_STOPPED:
		return VERIFY_STOPPED;
	case ALGEBRA_DIAGRAM_OVER_BUDGET:
		return VERIFY_OVER_BUDGET;
	case ALGEBRA_DIAGRAM_GOOD:
	default:
		return VERIFY_DONE;
	}
}

static enum verify_status look_at_slice(struct reach_state *s, const struct verify_slice *slice)
{
	struct verify_control *control = s->question->options->control;
	bool good = make_functions(s, slice);
	for (size_t i = 0; good && i < s->out->pair.len; i++) {
		look_at_pair(s, &s->out->pair.at[i]);
		good = algebra_diagram_status(s->diagram) == ALGEBRA_DIAGRAM_GOOD;
		if (control)
			control->done++;
	}
	enum verify_status status = status_of(s->diagram);
	verify_functions_fini(&s->functions);
	return status;
}

// --- the space ---

static void add_cut(struct reach_state *s, struct ir_ruleset *cuts, enum ir_dim dim,
		    struct algebra_set set)
{
	struct ir_rule rule = {.policy = "", .name = "", .verdict = IR_PASS, .clauses = 1};
	rule.clause = arena_new(s->arena, struct ir_clause);
	if (set.len && ir_clause_narrow(rule.clause, s->arena, dim, set))
		vec_push(s->arena, &cuts->rule, rule);
}

// A ruleset of no meaning: its conditions make the space tell apart the addresses of the ends and the ICMP types that are
// answered.
static const struct ir_ruleset *make_cuts(struct reach_state *s)
{
	const struct verify_reach_question *q = s->question;
	struct ir_ruleset *cuts = arena_new(s->arena, struct ir_ruleset);
	cuts->default_action = IR_PASS;
	for (size_t i = 0; i < q->froms; i++) {
		add_cut(s, cuts, IR_SRC4, q->from[i].v4);
		add_cut(s, cuts, IR_SRC6, q->from[i].v6);
	}
	for (size_t i = 0; i < q->tos; i++) {
		add_cut(s, cuts, IR_DST4, q->to[i].v4);
		add_cut(s, cuts, IR_DST6, q->to[i].v6);
	}
	for (size_t i = 0; i < IR_EXCHANGES; i++) {
		u128 request = ir_exchange[i].request * 256u;
		add_cut(s, cuts, ir_exchange[i].dim,
			algebra_set_one(s->arena, request, request + 255));
	}
	return cuts;
}

static enum verify_status make_space(struct reach_state *s)
{
	size_t n = s->images.list.len;
	const struct ir_ruleset **rulesets =
		arena_array(s->arena, const struct ir_ruleset *, n + 1);
	for (size_t i = 0; i < n; i++)
		rulesets[i] = &s->images.list.at[i]->ruleset;
	rulesets[n] = make_cuts(s);
	return verify_space_new(rulesets, n + 1, false, s->question->options, s->arena,
				&s->out->notes, &s->space);
}

static enum verify_status look(struct reach_state *s)
{
	enum verify_status status = make_space(s);
	struct verify_control *control = s->question->options->control;
	if (control)
		control->total = s->space->slice.len * s->out->pair.len;
	for (size_t i = 0; i < s->space->slice.len && status == VERIFY_DONE; i++)
		if (s->space->slice.at[i]->family && !s->space->slice.at[i]->reply)
			status = look_at_slice(s, s->space->slice.at[i]);
	verify_space_free(s->space);
	return status;
}

// --- the question ---

static bool find_ways(struct reach_state *s, struct verify_pair *pair)
{
	size_t from = s->question->from[pair->from].zone, to = s->question->to[pair->to].zone;
	pair->together = from == to;
	pair->none &= !pair->together;
	if (pair->together)
		return true;
	if (!reach_ways(s->question->network, from, to, s->arena, pair))
		return false;
	for (size_t w = 0; w < pair->way.len; w++)
		for (size_t i = 0; i < pair->way.at[w].legs; i++)
			for (int reply = 0; reply < 2; reply++)
				(void)reach_image_of(&s->images, &pair->way.at[w].leg[i], reply);
	return true;
}

void verify_reach(const struct verify_reach_question *question, struct arena *arena,
		  struct verify_reach *out)
{
	struct reach_state s = {.question = question, .arena = arena, .out = out};
	*out = (struct verify_reach){.status = VERIFY_DONE};
	s.images = (struct reach_images){.network = question->network, .arena = arena};
	for (size_t i = 0; i < question->froms; i++)
		for (size_t k = 0; k < question->tos; k++)
			vec_push(arena, &out->pair,
				 (struct verify_pair){
					 .from = i, .to = k, .all = true, .none = true});
	for (size_t i = 0; i < out->pair.len; i++)
		if (!find_ways(&s, &out->pair.at[i]))
			out->status = VERIFY_OVER_BUDGET;
	if (out->status == VERIFY_DONE)
		out->status = look(&s);
	for (size_t i = 0; i < out->pair.len; i++)
		out->pair.at[i].all &= !out->pair.at[i].none;
}

void verify_zone_rest(const struct verify_network *network, struct arena *arena,
		      struct verify_zone *zone)
{
	struct algebra_set v4 = {0}, v6 = {0};
	for (size_t i = 0; i < network->zone.len; i++) {
		const struct verify_zone *other = &network->zone.at[i];
		if (other == zone)
			continue;
		v4 = algebra_set_union(arena, v4, other->v4);
		v6 = algebra_set_union(arena, v6, other->v6);
	}
	zone->v4 = algebra_set_complement(arena, v4, algebra_max(32));
	zone->v6 = algebra_set_complement(arena, v6, algebra_max(128));
}
