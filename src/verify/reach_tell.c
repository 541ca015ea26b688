// SPDX-License-Identifier: Apache-2.0
// From the diagrams of a pair to what people want to hear: which services pass, for whom, under which conditions; who does
// not let flows pass; where ways or domains disagree. Everything comes with a walk that ir_eval has made; what no
// walk confirms is not told.
#include "verify/reach_state.h"
#include "ir/period.h"

#include <stdlib.h>
#include <string.h>

static uint32_t join(struct reach_state *s, enum algebra_join how, uint32_t a, uint32_t b)
{
	return algebra_diagram_join(s->diagram, how, a, b);
}

// --- one packet ---

// The function where the dimension has the value, if it is not 0 everywhere there.
static uint32_t prefer(struct reach_state *s, uint32_t a, unsigned dim, u128 value)
{
	size_t var;
	const struct verify_axis *axis = verify_functions_axis(&s->functions, dim, &var);
	if (!axis)
		return a;
	for (size_t i = 0; i < axis->pieces; i++) {
		if (value < verify_piece(axis, i).lo || value > verify_piece(axis, i).hi)
			continue;
		struct algebra_side *side =
			arena_array(s->arena, struct algebra_side, s->functions.vars);
		struct algebra_span span = {(int32_t)verify_piece(axis, i).atom,
					    (int32_t)verify_piece(axis, i).atom};
		side[var] = (struct algebra_side){&span, 1};
		uint32_t box = algebra_diagram_box(s->diagram, &(struct algebra_case){side, 1});
		uint32_t there = join(s, ALGEBRA_WITHIN, box, a);
		return there == algebra_diagram_constant(0) ? a : there;
	}
	return a;
}

// A packet of the function, of a kind that people know where there is a choice.
static const struct ir_packet *some_packet(struct reach_state *s, uint32_t a)
{
	static const struct {
		unsigned dim;
		unsigned value;
	} known[] = {{IR_PROTO, 6},   {IR_PROTO, 17},      {IR_PROTO, 1},
		     {IR_PROTO, 58},  {IR_ICMP4, 8 * 256}, {IR_ICMP6, 128 * 256},
		     {IR_DPORT, 443}, {IR_DPORT, 80},      {IR_SPORT, 40000}};
	int32_t *point = arena_array(s->arena, int32_t, s->functions.vars + 1);
	for (size_t i = 0; i < array_len(known); i++)
		a = prefer(s, a, known[i].dim, known[i].value);
	if (!algebra_diagram_find(s->diagram, a, 1, point))
		return NULL;
	return verify_functions_packet(&s->functions, point, s->arena);
}

static const struct verify_walk *walk_on(struct reach_state *s, const struct reach_flows *flows,
					 size_t way, uint32_t a)
{
	const struct ir_packet *packet = some_packet(s, a);
	if (!packet)
		return NULL;
	struct verify_walk *walk = arena_new(s->arena, struct verify_walk);
	reach_walk(&s->images, &flows->pair->way.at[way], packet, walk);
	return walk;
}

// A walk of the function on a way on which it passes.
static const struct verify_walk *walk_that_passes(struct reach_state *s,
						  const struct reach_flows *flows, uint32_t a)
{
	for (size_t w = 0; w < flows->pair->way.len; w++) {
		uint32_t here = join(s, ALGEBRA_WITHIN, a, flows->on[w]);
		if (here == algebra_diagram_constant(0) || here == ALGEBRA_NODE_NONE)
			continue;
		const struct verify_walk *walk = walk_on(s, flows, w, here);
		if (walk && walk->passes)
			return walk;
	}
	return NULL;
}

// --- fewer variables ---

static bool is_address(unsigned dim)
{
	return dim >= IR_SRC4 && dim <= IR_DST6;
}

static bool is_truth(unsigned dim)
{
	return dim >= IR_DIMS;
}

static uint32_t without(struct reach_state *s, bool (*which)(unsigned dim),
			enum algebra_quantifier how, uint32_t a)
{
	for (size_t v = s->functions.vars; v-- > 0;)
		if (which(s->functions.slice->axis[s->functions.axis_of[v]].dim))
			a = algebra_diagram_project(s->diagram, how, a, v);
	return a;
}

static uint32_t services_of(struct reach_state *s, uint32_t flows)
{
	return without(s, is_address, ALGEBRA_SOME, flows);
}

// --- clauses ---

struct clocks {
	struct verify_service *service;
	struct algebra_set set, others;
};

static bool only_clock(const struct ir_clause *clause, struct arena *arena, struct ir_clause *out)
{
	size_t first = 0;
	while (first < clause->len && clause->cond[first].dim < IR_TIME)
		first++;
	*out = (struct ir_clause){.clock = clause->clock, .len = clause->len - first};
	out->cond = arena_memdup(arena, clause->cond + first, out->len * sizeof(*out->cond));
	return out->len > 0;
}

// Puts the words of a rule for the times into the service, if some rule speaks of just these (or of just the others).
static bool clock_of_rule(struct reach_state *s, const struct ir_clause *clause,
			  const struct clocks *clocks)
{
	struct ir_clause clock;
	if (!only_clock(clause, s->arena, &clock))
		return false;
	struct algebra_set times =
		ir_clause_times(&clock, s->arena, s->space->from, s->space->until - 1);
	bool same = algebra_set_equal(times, clocks->set),
	     other = algebra_set_equal(times, clocks->others);
	if (!same && !other)
		return false;
	struct ir_clause *to = &clocks->service->clause;
	struct ir_cond *cond = arena_array(s->arena, struct ir_cond, to->len + clock.len);
	if (to->len)
		memcpy(cond, to->cond, to->len * sizeof(*cond));
	memcpy(cond + to->len, clock.cond, clock.len * sizeof(*cond));
	to->cond = cond;
	to->len += clock.len;
	to->clock = clock.clock;
	clocks->service->other_times = !same;
	return true;
}

static void say_times(struct reach_state *s, struct verify_service *service, struct algebra_set set)
{
	struct algebra_set span =
		algebra_set_one(s->arena, (u128)s->space->from, (u128)s->space->until - 1);
	struct clocks clocks = {
		service, set,
		algebra_set_intersect(s->arena, span,
				      algebra_set_complement(s->arena, set, algebra_max(64)))};
	for (size_t i = 0; i + 1 < s->space->layers; i++)
		for (size_t r = 0; r < s->space->ruleset[i]->rule.len; r++) {
			const struct ir_rule *rule = &s->space->ruleset[i]->rule.at[r];
			for (size_t k = 0; k < rule->clauses; k++)
				if (clock_of_rule(s, &rule->clause[k], &clocks))
					return;
		}
	(void)!ir_clause_narrow(&service->clause, s->arena, IR_TIME, set);
}

static void add_condition(struct reach_state *s, struct verify_service *service,
			  const struct verify_axis *axis, const struct algebra_side *side)
{
	const struct verify_truth *truth = &s->space->truth.at[axis->dim - IR_DIMS];
	bool holds = verify_piece(axis, 0).atom == (uint32_t)side->at[0].lo
			     ? verify_piece(axis, 0).lo != 0
			     : verify_piece(axis, 1).lo != 0;
	const struct ir_rule *rate = reach_rate_rule(&s->images, truth->opaque);
	vec_push(s->arena, &service->condition,
		 (struct verify_condition){rate ? NULL : truth->opaque, rate, holds});
}

static struct verify_service service_of(struct reach_state *s, const struct algebra_case *box)
{
	struct verify_service service = {.versions = s->functions.slice->family == 4 ? 1u : 2u};
	const struct algebra_side *times = NULL;
	const struct verify_axis *clock = NULL;
	for (size_t v = 0; v < s->functions.vars; v++) {
		const struct verify_axis *axis = &s->functions.slice->axis[s->functions.axis_of[v]];
		if (!box->side[v].len)
			continue;
		if (is_truth(axis->dim)) {
			add_condition(s, &service, axis, &box->side[v]);
		} else if (axis->dim == IR_TIME) {
			times = &box->side[v];
			clock = axis;
		} else {
			(void)!ir_clause_narrow(&service.clause, s->arena, axis->dim,
						verify_side_values(axis, &box->side[v], s->arena));
		}
	}
	if (times)
		say_times(s, &service, verify_side_values(clock, times, s->arena));
	return service;
}

static bool same_conditions(const struct verify_service *a, const struct verify_service *b)
{
	if (a->condition.len != b->condition.len)
		return false;
	for (size_t i = 0; i < a->condition.len; i++)
		if (a->condition.at[i].opaque != b->condition.at[i].opaque ||
		    a->condition.at[i].rate != b->condition.at[i].rate ||
		    a->condition.at[i].holds != b->condition.at[i].holds)
			return false;
	return true;
}

static bool same_service(const struct verify_service *a, const struct verify_service *b)
{
	return a->other_times == b->other_times && a->every_host == b->every_host &&
	       a->every_way == b->every_way && a->replies == b->replies && same_conditions(a, b) &&
	       ir_clause_equal(&a->clause, &b->clause);
}

// --- services ---

// Why a service is not simply open: bits beside 1 of the results of a diagram of services.
enum { NOT_EVERY_HOST = 2, NOT_EVERY_WAY = 4, REPLIES_LOST = 8, REPLIES_LOST_SOME = 16 };

static uint32_t add_bit(void *user, uint32_t a, uint32_t b)
{
	return a && b ? a | *(const uint32_t *)user : a;
}

static uint32_t mark(struct reach_state *s, uint32_t services, uint32_t where, uint32_t bit)
{
	return algebra_diagram_apply(s->diagram, add_bit, &bit, services, where);
}

struct telling {
	struct reach_state *s;
	const struct reach_flows *flows;
	size_t told;
	bool closed, more;
};

static void put_service(struct telling *t, const struct verify_service *service)
{
	struct verify_pair *pair = t->flows->pair;
	struct verify_service *at = t->closed ? pair->closed.at : pair->open.at;
	size_t len = t->closed ? pair->closed.len : pair->open.len;
	for (size_t i = 0; i < len; i++)
		if (!(at[i].versions & service->versions) && same_service(&at[i], service)) {
			at[i].versions |= service->versions;
			return;
		}
	if (t->closed)
		vec_push(t->s->arena, &pair->closed, *service);
	else
		vec_push(t->s->arena, &pair->open, *service);
}

static bool tell_box(void *user, const struct algebra_case *box)
{
	struct telling *t = user;
	if (t->told++ == VERIFY_SERVICES_MOST) {
		t->more = true;
		return false;
	}
	struct verify_service service = service_of(t->s, box);
	if (!t->closed) {
		struct algebra_case here = {box->side, 1};
		uint32_t of = t->flows->some, region = algebra_diagram_box(t->s->diagram, &here);
		if (box->result & (REPLIES_LOST | REPLIES_LOST_SOME))
			of = t->flows->lost;
		service.every_host = !(box->result & NOT_EVERY_HOST);
		service.every_way = !(box->result & NOT_EVERY_WAY);
		service.replies = box->result & REPLIES_LOST        ? VERIFY_REPLIES_LOST
				  : box->result & REPLIES_LOST_SOME ? VERIFY_REPLIES_LOST_SOME
								    : VERIFY_REPLIES_PASS;
		of = join(t->s, ALGEBRA_WITHIN, region, of);
		if (box->result & REPLIES_LOST) // to all ports: then not to an odd one
			of = prefer(t->s, of, IR_SPORT, 40000);
		service.walk = walk_that_passes(t->s, t->flows, of);
	}
	put_service(t, &service);
	return true;
}

static bool is_source_port(unsigned dim)
{
	return dim == IR_SPORT;
}

static bool asks_source_port(struct reach_state *s, uint32_t services)
{
	size_t var;
	bool *asks = arena_array(s->arena, bool, s->functions.vars + 1);
	if (!verify_functions_axis(&s->functions, IR_SPORT, &var))
		return false;
	algebra_diagram_support(s->diagram, services, asks);
	return asks[var];
}

// A service that any source port may use is one, though rules for packets that take a reply for something else lose the
// replies to some: told apart as "to some ports".
static uint32_t mark_replies(struct reach_state *s, uint32_t services, uint32_t lost)
{
	bool ports = asks_source_port(s, services);
	uint32_t all = ports ? lost : without(s, is_source_port, ALGEBRA_EVERY, lost),
		 some = ports ? lost : without(s, is_source_port, ALGEBRA_SOME, lost);
	services = mark(s, services, all, REPLIES_LOST);
	return mark(s, services, join(s, ALGEBRA_MINUS, some, all), REPLIES_LOST_SOME);
}

static void tell_open(struct reach_state *s, const struct reach_flows *flows, uint32_t services,
		      bool whatever_holds)
{
	static const uint32_t bits[] = {NOT_EVERY_HOST, NOT_EVERY_WAY, REPLIES_LOST};
	const uint32_t not_all[] = {join(s, ALGEBRA_MINUS, flows->all, flows->some),
				    join(s, ALGEBRA_MINUS, flows->some, flows->every), flows->lost};
	uint32_t whole = services;
	for (size_t i = 0; i < array_len(bits); i++) {
		uint32_t where = services_of(s, not_all[i]);
		if (whatever_holds)
			where = without(s, is_truth, ALGEBRA_SOME, where);
		where = join(s, ALGEBRA_WITHIN, whole, where);
		services = bits[i] == REPLIES_LOST ? mark_replies(s, services, where)
						   : mark(s, services, where, bits[i]);
	}
	struct telling t = {.s = s, .flows = flows};
	(void)!algebra_diagram_boxes(s->diagram, services, tell_box, &t);
	flows->pair->open_more |= t.more;
}

void reach_tell_services(struct reach_state *s, const struct reach_flows *flows)
{
	uint32_t open = services_of(s, flows->some), asked = services_of(s, flows->all);
	uint32_t surely = services_of(s, without(s, is_truth, ALGEBRA_EVERY, flows->some)),
		 perhaps = without(s, is_truth, ALGEBRA_SOME, open);
	tell_open(s, flows, surely, true);
	tell_open(s, flows, join(s, ALGEBRA_MINUS, open, surely), false);
	struct telling t = {.s = s, .flows = flows, .closed = true};
	(void)!algebra_diagram_boxes(s->diagram, join(s, ALGEBRA_MINUS, asked, perhaps), tell_box,
				     &t);
	flows->pair->closed_more |= t.more;
}

// --- who blocks ---

struct owners {
	struct arena *arena;
	VEC(uint32_t) list;
};

static void note_owner(void *user, uint32_t result)
{
	struct owners *owners = user;
	for (size_t i = 0; i < owners->list.len; i++)
		if (owners->list.at[i] == result)
			return;
	if (result)
		vec_push(owners->arena, &owners->list, result);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a - 2, y = *(const uint32_t *)b - 2; // the default last
	return x < y ? -1 : x > y;
}

static uint32_t is_result(void *user, uint32_t a)
{
	return a == *(const uint32_t *)user;
}

// A rule may be several in the IR: those of one name stand for each other.
static bool same_step(const struct verify_step *a, const struct verify_step *b)
{
	if (a->nsf != b->nsf || !a->rule || !b->rule)
		return a->nsf == b->nsf && a->rule == b->rule;
	return a->verdict == b->verdict && a->rule->line == b->rule->line &&
	       !strcmp(a->rule->name, b->rule->name) && !strcmp(a->rule->policy, b->rule->policy);
}

static void put_blocker(struct reach_state *s, struct verify_pair *pair,
			const struct verify_walk *walk)
{
	const struct verify_step *step = &walk->step[walk->steps - 1];
	for (size_t i = 0; i < pair->blocker.len; i++)
		if (same_step(&pair->blocker.at[i].step, step))
			return;
	if (pair->blocker.len == VERIFY_BLOCKERS_MOST)
		pair->blocker_more = true;
	else
		vec_push(s->arena, &pair->blocker, (struct verify_blocker){*step, walk});
}

// Those who decide the flows `stuck`, which one NSF of the way does not pass.
static void tell_stuck(struct reach_state *s, const struct reach_flows *flows, size_t way,
		       uint32_t stuck, uint32_t owner)
{
	struct owners owners = {.arena = s->arena};
	uint32_t by = join(s, ALGEBRA_WITHIN, stuck, owner);
	algebra_diagram_results(s->diagram, by, note_owner, &owners);
	if (owners.list.len)
		qsort(owners.list.at, owners.list.len, sizeof(*owners.list.at), by_number);
	for (size_t i = 0; i < owners.list.len; i++) {
		if (flows->pair->blocker_more)
			return;
		uint32_t his = algebra_diagram_map(s->diagram, is_result, &owners.list.at[i], by);
		const struct verify_walk *walk = walk_on(s, flows, way, his);
		if (walk && !walk->passes)
			put_blocker(s, flows->pair, walk);
	}
}

void reach_tell_blockers(struct reach_state *s, const struct reach_flows *flows)
{
	for (size_t w = 0; w < flows->pair->way.len; w++) {
		const struct verify_way *way = &flows->pair->way.at[w];
		uint32_t on = flows->all;
		for (size_t i = 0; i < way->legs; i++) {
			size_t image = reach_image_of(&s->images, &way->leg[i], false);
			tell_stuck(s, flows, w, join(s, ALGEBRA_MINUS, on, s->passes[image]),
				   s->owner[image]);
			on = join(s, ALGEBRA_WITHIN, on, s->passes[image]);
		}
	}
}

// --- ways that are not alike ---

static void tell_unlike(struct reach_state *s, const struct reach_flows *flows, size_t open,
			size_t shut)
{
	uint32_t only = join(s, ALGEBRA_MINUS, flows->on[open], flows->on[shut]);
	struct verify_pair *pair = flows->pair;
	for (size_t i = 0; i < pair->uneven.len; i++)
		if (pair->uneven.at[i].passes->way == &pair->way.at[open] &&
		    pair->uneven.at[i].blocked->way == &pair->way.at[shut])
			return;
	const struct ir_packet *packet =
		only == algebra_diagram_constant(0) ? NULL : some_packet(s, only);
	if (!packet)
		return;
	struct verify_walk *passes = arena_new(s->arena, struct verify_walk),
			   *blocked = arena_new(s->arena, struct verify_walk);
	reach_walk(&s->images, &pair->way.at[open], packet, passes);
	reach_walk(&s->images, &pair->way.at[shut], packet, blocked);
	if (passes->passes && !blocked->passes)
		vec_push(s->arena, &pair->uneven, (struct verify_uneven){passes, blocked});
}

void reach_tell_uneven(struct reach_state *s, const struct reach_flows *flows)
{
	for (size_t w = 1; w < flows->pair->way.len; w++) {
		tell_unlike(s, flows, 0, w);
		tell_unlike(s, flows, w, 0);
	}
}

// --- domains that contradict each other ---

static bool restricts(const struct ir_rule *rule)
{
	bool any = rule->opaques > 0;
	for (size_t i = 0; i < rule->clauses; i++)
		for (size_t k = 0; k < rule->clause[i].len; k++)
			any |= rule->clause[i].cond[k].dim != IR_FAMILY;
	return any;
}

static const struct ir_rule *explicit_rule(const struct ir_ruleset *ruleset, uint32_t result)
{
	if (!result || verify_result_owner(result) >= ruleset->rule.len)
		return NULL;
	const struct ir_rule *rule = &ruleset->rule.at[verify_result_owner(result)];
	return restricts(rule) ? rule : NULL;
}

// Two NSFs of a way, the first of which passes what the second drops.
struct disagreement {
	struct arena *arena;
	const struct ir_ruleset *passes, *drops;
	struct {
		uint32_t passes, drops;
	} pair[VERIFY_CONTRADICTIONS_MOST];
	uint32_t pairs;
	bool more;
};

static uint32_t disagree(void *user, uint32_t a, uint32_t b)
{
	struct disagreement *d = user;
	const struct ir_rule *x = explicit_rule(d->passes, a), *y = explicit_rule(d->drops, b);
	if (!x || !y || !reach_lets_pass(x->verdict) ||
	    (y->verdict != IR_DROP && y->verdict != IR_REJECT))
		return 0;
	for (uint32_t i = 0; i < d->pairs; i++)
		if (d->pair[i].passes == a && d->pair[i].drops == b)
			return i + 1;
	if (d->pairs == VERIFY_CONTRADICTIONS_MOST) {
		d->more = true;
		return 0;
	}
	d->pair[d->pairs].passes = a;
	d->pair[d->pairs].drops = b;
	return ++d->pairs;
}

static void put_contradiction(struct reach_state *s, const struct verify_contradiction *found)
{
	struct verify_reach *out = s->out;
	bool confirmed = found->passes.rule && found->drops.rule &&
			 reach_lets_pass(found->passes.verdict) &&
			 !reach_lets_pass(found->drops.verdict);
	for (size_t i = 0; i < out->contradiction.len; i++)
		if (same_step(&out->contradiction.at[i].passes, &found->passes) &&
		    same_step(&out->contradiction.at[i].drops, &found->drops))
			return;
	if (out->contradiction.len == VERIFY_CONTRADICTIONS_MOST)
		out->contradictions_more = true;
	else if (confirmed)
		vec_push(s->arena, &out->contradiction, *found);
}

static void tell_disagreement(struct reach_state *s, const struct reach_flows *flows,
			      const struct verify_leg *passes, const struct verify_leg *drops)
{
	struct disagreement *d = arena_new(s->arena, struct disagreement);
	size_t a = reach_image_of(&s->images, passes, false),
	       b = reach_image_of(&s->images, drops, false);
	d->passes = s->question->network->nsf.at[passes->nsf].ruleset;
	d->drops = s->question->network->nsf.at[drops->nsf].ruleset;
	uint32_t both = algebra_diagram_apply(s->diagram, disagree, d,
					      join(s, ALGEBRA_WITHIN, flows->all, s->owner[a]),
					      join(s, ALGEBRA_WITHIN, flows->all, s->owner[b]));
	s->out->contradictions_more |= d->more;
	for (uint32_t i = 1; i <= d->pairs; i++) {
		uint32_t here = algebra_diagram_map(s->diagram, is_result, &i, both);
		const struct ir_packet *flow = some_packet(s, here);
		if (!flow)
			continue;
		struct verify_way way = {passes, 1};
		struct verify_walk walk;
		reach_walk(&s->images, &way, flow, &walk);
		struct verify_contradiction found = {
			flows->pair->from, flows->pair->to, reach_step(&s->images, passes, flow),
			reach_step(&s->images, drops, flow), walk.packet};
		put_contradiction(s, &found);
	}
}

static bool other_domains(const struct reach_state *s, const struct verify_leg *a,
			  const struct verify_leg *b)
{
	const struct verify_nsf *nsf = s->question->network->nsf.at;
	return nsf[a->nsf].domain && nsf[b->nsf].domain &&
	       strcmp(nsf[a->nsf].domain, nsf[b->nsf].domain) != 0;
}

void reach_tell_contradictions(struct reach_state *s, const struct reach_flows *flows)
{
	for (size_t w = 0; w < flows->pair->way.len; w++) {
		const struct verify_way *way = &flows->pair->way.at[w];
		for (size_t i = 0; i < way->legs; i++)
			for (size_t k = 0; k < way->legs; k++)
				if (other_domains(s, &way->leg[i], &way->leg[k]))
					tell_disagreement(s, flows, &way->leg[i], &way->leg[k]);
	}
}
