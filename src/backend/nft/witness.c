// SPDX-License-Identifier: Apache-2.0
// A packet for a difference is searched, where following all packets at once (flatten.c) cannot tell. The one idea: the
// search begins with an area in which such packets are, those of a rule or of a way to its place in the tree, and takes some
// packet of it. While another rule takes the packet before the one in question, it leaves out all that this other rule
// takes, through one of its sides, by chance, so that each step rules out many packets. What is found is put to ir_eval
// and to the kernel's rules as they were read, whatever led there: the search may miss a packet, but makes none up.
#include "backend/nft/witness.h"
#include "backend/nft/decode.h"

#define TRIES_MOST 72u  // areas that are begun with, for one difference
#define STEPS_MOST 48u  // packets of one of them
#define STEP_WORK 2000u // what a packet costs beside the rules and boxes that are looked at for it
#define WORK_MOST 2000000u // for one difference, some 10 ms …
#define WORK_ALL 40000000u // … and for all
#define SEED 0x9e3779b97f4a7c15u

struct place {
	const struct nft_chain *chain;
	const struct nft_form *form;
};
struct places {
	VEC(struct place) list;
};

struct near {
	VEC(uint32_t) list;
};

struct search {
	struct nft_witnesses *w;
	const struct nft_sought *sought;
	const struct places *places; // of its kernel rules
	struct arena *arena;         // of one try
	struct nft_area area;
	struct near near; // rules of the list that the area meets
	struct ir_packet packet;
	struct nft_point point;
	struct nft_trace meant, is;
	uint32_t rule; // of the list, that decides
	bool over;     // all rates are exceeded
	size_t work;
};

// --- what is asked for ---

static uint64_t bit(unsigned n)
{
	return (uint64_t)1 << n;
}

static uint64_t fields_of(const struct nft_form *form)
{
	uint64_t fields = form->act == ACT_BRANCH && !form->map.reg ? bit(form->map.field) : 0;
	for (size_t i = 0; i < form->len; i++)
		fields |= bit(form->match[i].field);
	for (size_t i = 0; form->act == ACT_BOXES && !form->boxes.reg && i < form->boxes.fields;
	     i++)
		fields |= bit(form->boxes.field[i]);
	for (size_t i = 0; i < form->open_len; i++)
		fields |= form->open[i].reg.place.source == SOURCE_CT ? bit(F_STATE) : 0;
	return fields;
}

static void look_at(struct nft_witnesses *w, const struct nft_program *program)
{
	for (size_t i = 0; i < program->chain.len; i++)
		for (size_t k = 0; k < program->chain.at[i]->rule.len; k++) {
			w->fields |= fields_of(&program->chain.at[i]->rule.at[k]);
			w->limits |= program->chain.at[i]->rule.at[k].limited;
		}
}

static uint64_t dims_of(const struct ir_ruleset *ruleset)
{
	uint64_t dims = 0;
	for (size_t i = 0; i < ruleset->rule.len; i++)
		for (size_t k = 0; k < ruleset->rule.at[i].clauses; k++)
			for (size_t c = 0; c < ruleset->rule.at[i].clause[k].len; c++)
				dims |= bit(ruleset->rule.at[i].clause[k].cond[c].dim);
	return dims;
}

static bool has_flow_rules(const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++)
		if (ruleset->rule.at[i].flow)
			return true;
	return false;
}

static uint64_t flow_fields(void)
{
	uint64_t fields = bit(F_STATE) | bit(F_KNOWN);
	for (enum nft_field f = 0; f < NFT_FIELDS; f++)
		fields |= nft_field_info[f].side == OF_FLOW ? bit(f) : 0;
	return fields;
}

// --- ways to a place ---

static void find_from(struct nft_witnesses *w, const struct nft_stop *stop)
{
	const struct nft_stop *last = NULL;
	for (size_t i = 0; i < stop->leads; i++) {
		w->gates |= stop->lead[i].gate;
		size_t n = nft_lead_targets(nft_lead_form(stop, &stop->lead[i]));
		for (size_t k = 0; k < n; k++) {
			const struct nft_stop *to = stop->lead[i].to[k];
			if (to && to != last)
				vec_push(w->arena, &w->from[to->number].list, stop->number);
			last = to;
		}
	}
}

// Marks the stops from which packets can come to this one.
static bool *leading_to(const struct search *s, const struct nft_stop *stop)
{
	const struct nft_witnesses *w = s->w;
	bool *leads = arena_array(s->arena, bool, w->ways.stop.len);
	VEC(uint32_t) todo = {0};
	leads[stop->number] = true;
	vec_push(s->arena, &todo, stop->number);
	while (todo.len) {
		uint32_t at = todo.at[--todo.len];
		for (size_t i = 0; i < w->from[at].list.len; i++) {
			uint32_t from = w->from[at].list.at[i];
			if (!leads[from])
				vec_push(s->arena, &todo, from);
			leads[from] = true;
		}
	}
	return leads;
}

static void name_in(struct search *s, const struct nft_form *form, const struct nft_area *area,
		    struct nft_form *out)
{
	struct nft_match match[NFT_FIELDS];
	struct nft_form path = nft_area_as_form(area, match);
	nft_form_resolve(form, &path, s->arena, out);
}

// The fields and ranges of a branch or a box.
struct part {
	const enum nft_field *field;
	const struct algebra_range *range;
	size_t fields;
};

static struct part part_of(const struct nft_form *named, size_t i)
{
	if (named->act == ACT_BRANCH)
		return (struct part){&named->map.field, &named->map.branch[i].range, 1};
	if (named->act == ACT_BOXES)
		return (struct part){named->boxes.field, named->boxes.box[i].range,
				     named->boxes.fields};
	return (struct part){0};
}

static bool meets(const struct nft_area *area, struct part part)
{
	for (size_t f = 0; f < part.fields; f++)
		if (area->has >> part.field[f] & 1 &&
		    !algebra_set_overlaps(area->set[part.field[f]],
					  (struct algebra_set){&part.range[f], 1}))
			return false;
	return true;
}

static void narrow(struct search *s, struct nft_area *area, struct part part)
{
	for (size_t f = 0; f < part.fields; f++)
		nft_area_narrow(area, s->arena, part.field[f],
				(struct algebra_set){&part.range[f], 1});
}

struct choice {
	struct nft_stop *to;
	struct nft_area area;
	size_t of;
};

// Naming a map leaves out branches that no value comes to.
static struct nft_stop *target_of(const struct nft_witnesses *w, const struct nft_lead *lead,
				  const struct nft_form *named, size_t i)
{
	if (lead->gate)
		return lead->to[0];
	return named->act == ACT_BRANCH ? map_get(&w->ways.by_name, named->map.branch[i].chain)
					: lead->to[i];
}

static void choose(struct search *s, const struct nft_stop *stop, const struct nft_lead *lead,
		   const bool *leads, struct choice *choice)
{
	const struct nft_form *form = nft_lead_form(stop, lead);
	struct nft_form named;
	struct nft_area area;
	struct part last;
	bool chosen = false;
	name_in(s, form, &s->area, &named);
	nft_area_assign(&area, &s->area);
	nft_area_form(&area, s->arena, &named);
	if (named.strange || area.never)
		return;
	s->work += nft_form_parts(&named);
	for (size_t i = 0; i < nft_form_parts(&named); i++) {
		struct part part = part_of(&named, i);
		struct nft_stop *to = meets(&area, part) ? target_of(s->w, lead, &named, i) : NULL;
		if (!to || !leads[to->number] || nft_some_below(&s->w->some, ++choice->of))
			continue;
		choice->to = to;
		last = part;
		chosen = true;
	}
	if (!chosen)
		return;
	narrow(s, &area, last);
	nft_area_assign(&choice->area, &area);
}

// Narrows the area to packets on some way to the chain. False: none was found, or the way there is no tree.
static bool go_to(struct search *s, const struct nft_chain *chain)
{
	struct nft_stop *to = map_get(&s->w->ways.by_name, chain->name),
			*at = s->w->ways.stop.len ? s->w->ways.stop.at[0] : NULL;
	if (!to || to->chain != chain)
		return false;
	const bool *leads = leading_to(s, to);
	s->work += s->w->ways.stop.len;
	for (unsigned depth = 0; at != to && depth < NFT_TRACE_DEPTH; depth++) {
		struct choice choice = {.of = 0};
		for (size_t i = 0; i < at->leads; i++)
			choose(s, at, &at->lead[i], leads, &choice);
		if (!choice.of)
			return false;
		nft_area_assign(&s->area, &choice.area);
		at = choice.to;
	}
	return at == to && !s->area.never;
}

// --- where to begin ---

// Of a rule of several clauses one that leaves something.
static bool in_rule(struct search *s, size_t which)
{
	const struct nft_form *rule = &s->w->rule[which];
	const struct nft_chain *clauses = nft_form_clauses(s->w->list, rule);
	struct nft_area area;
	nft_area_form(&s->area, s->arena, rule);
	if (!clauses)
		return !s->area.never;
	size_t n = clauses->rule.len, from = nft_some_below(&s->w->some, n);
	for (size_t i = 0; i < n; i++) {
		nft_area_assign(&area, &s->area);
		nft_area_form(&area, s->arena, &clauses->rule.at[(from + i) % n]);
		if (area.never)
			continue;
		nft_area_assign(&s->area, &area);
		return true;
	}
	return false;
}

static bool in_form(struct search *s, const struct nft_form *form)
{
	struct nft_form named;
	name_in(s, form, &s->area, &named);
	nft_area_form(&s->area, s->arena, &named);
	return !s->area.never && !named.strange;
}

// What is tried, one after the other: packets of a kernel rule; of the rule, at a place; of the rule, wherever they come.
static bool begin(struct search *s, unsigned nth)
{
	const struct nft_sought *sought = s->sought;
	bool rule = sought->rule != NFT_MISFIT_NONE;
	nft_area_all(&s->area);
	if (nth % 3 == 0 && s->places->list.len) {
		const struct place *place =
			&s->places->list.at[nft_some_below(&s->w->some, s->places->list.len)];
		return go_to(s, place->chain) && in_form(s, place->form);
	}
	if (nth % 3 == 1 && sought->chain && rule)
		return in_rule(s, sought->rule) && go_to(s, sought->chain);
	return nth % 3 == 2 && rule && in_rule(s, sought->rule);
}

static void find_near(struct search *s)
{
	struct nft_match match[NFT_FIELDS];
	struct nft_form area = nft_area_as_form(&s->area, match);
	for (uint32_t i = 0; i < s->w->rules; i++)
		if (nft_form_may_meet(&area, &s->w->rule[i]))
			vec_push(s->arena, &s->near.list, i);
	s->work += s->w->rules / 4;
}

static bool same_end(const struct nft_form *a, const struct nft_form *b)
{
	return a->act == b->act && (a->act == ACT_ACCEPT || a->act == ACT_DROP);
}

// What most packets of the area fare alike by may be seen of those only that are in another rule, too.
static bool in_another(struct search *s)
{
	size_t rule = s->sought->rule, another = 0, n = 0;
	const struct nft_form *form = s->sought->form      ? s->sought->form
				      : rule < s->w->rules ? &s->w->rule[rule]
							   : NULL;
	for (size_t i = 0; i < s->near.list.len; i++) {
		size_t near = s->near.list.at[i];
		bool may = near != rule && form && !same_end(form, &s->w->rule[near]);
		if (may && !nft_some_below(&s->w->some, ++n))
			another = near;
	}
	return !n || in_rule(s, another);
}

// --- what becomes of a packet ---

enum judged { PASSES, FALLS, ANSWERED, UNSURE };

static enum judged judged_as(enum nft_act end)
{
	switch ((int)end) {
	case ACT_ACCEPT:
		return PASSES;
	case ACT_RESET:
	case ACT_UNREACHABLE:
		return ANSWERED;
	case ACT_DROP:
	case ACT_CONTINUE: // the base chain's policy
		return FALLS;
	default:
		return UNSURE;
	}
}

// Beyond a limit packets are dropped; which of them a limit of flows means, nobody says.
static enum judged by_limit(const struct ir_rate *rate, bool over)
{
	return !over ? PASSES : rate->packets || rate->bytes_x100 ? FALLS : UNSURE;
}

static enum judged by_policy(const struct nft_witnesses *w, const struct ir_packet *packet,
			     struct arena *arena)
{
	struct ir_outcome outcome;
	ir_eval(w->lowered, packet, arena, &outcome);
	if (outcome.depends)
		return UNSURE;
	switch ((int)outcome.verdict) {
	case IR_PASS:
		return PASSES;
	case IR_DROP:
		return FALLS;
	case IR_REJECT:
		return ANSWERED;
	case IR_RATE_LIMIT:
		return by_limit(&outcome.rule->rate, packet->over_rate);
	default:
		return UNSURE;
	}
}

static enum judged by_program(struct search *s, const struct ir_packet *packet)
{
	nft_point_of(packet, s->arena, &s->point);
	s->is.over = s->meant.over = packet->over_rate;
	nft_trace_chain(&s->is, nft_program_find(s->w->found, ""));
	s->work += STEP_WORK + s->is.looked;
	return s->is.lost ? UNSURE : judged_as(s->is.end);
}

// The same by the list, but by those of its rules only that are near.
static enum judged by_list(struct search *s)
{
	s->rule = UINT32_MAX;
	for (size_t i = 0; i < s->near.list.len; i++) {
		s->rule = s->near.list.at[i];
		s->work++;
		if (nft_trace_rule(&s->meant, &s->w->rule[s->rule]))
			return s->meant.lost ? UNSURE : judged_as(s->meant.end);
		if (s->meant.lost)
			return UNSURE;
	}
	return UNSURE;
}

// The kernel rule in question, or one that says it is the rule.
static bool is_meant(const struct search *s, const struct nft_form *form)
{
	const struct nft_tag *tag =
		s->sought->rule < s->w->rules ? &s->w->rule[s->sought->rule].tag : NULL;
	return form == s->sought->form ||
	       (tag && form->tag.known && tag->known && form->tag.rule == tag->rule);
}

static bool by_form(const struct search *s)
{
	for (size_t i = 0; i < s->is.depth; i++)
		if (is_meant(s, s->is.by[i].form))
			return true;
	return false;
}

// What nobody asks for is not said.
static void leave_unsaid(struct search *s, struct ir_packet *packet)
{
	uint64_t dims = s->w->dims | bit(IR_STATE);
	dims |= packet->value[IR_FRAGOFF] ? bit(IR_FRAGOFF) : 0; // a packet without ports
	for (enum nft_field f = 0; f < NFT_FIELDS; f++)
		if (s->is.read & bit(f) && nft_field_info[f].dim < IR_DIMS)
			dims |= bit(nft_field_info[f].dim);
	for (enum ir_dim dim = 0; dim < IR_DIMS; dim++)
		if (ir_dim_info[dim].kind == IR_KIND_PACKET && !(dims & bit(dim)))
			packet->has &= ~bit(dim);
	if (!s->w->clock)
		packet->time = IR_TIME_UNSAID;
}

static bool fares_otherwise(struct search *s, const struct ir_packet *packet)
{
	enum judged meant = by_policy(s->w, packet, s->arena), is = by_program(s, packet);
	s->work += s->w->rules;
	return meant != UNSURE && is != UNSURE && meant != is;
}

static bool confirm(struct search *s, struct arena *arena, struct ir_packet *out)
{
	struct ir_packet packet = s->packet;
	leave_unsaid(s, &packet);
	if (!fares_otherwise(s, &packet))
		return false;
	*out = packet;
	if (packet.flow)
		out->flow = arena_memdup(arena, packet.flow, sizeof(*packet.flow));
	return true;
}

// --- the search ---

static void area_of(struct search *s, const struct nft_taken *by, struct nft_area *out)
{
	const struct nft_form *form = by->named;
	nft_area_of(form, s->arena, out);
	if (by->range)
		narrow(s, out,
		       (struct part){form->act == ACT_BOXES ? form->boxes.field : &form->map.field,
				     by->range, form->act == ACT_BOXES ? form->boxes.fields : 1});
}

static bool some_packet(struct search *s, const struct nft_area *area)
{
	bool some = nft_some_packet(&s->w->some, area, &s->packet);
	s->packet.over_rate = s->over;
	return some;
}

// Goes on with packets of which one of these rules takes none.
static bool leave(struct search *s, const struct nft_trace *trace)
{
	struct nft_area taken, some;
	struct nft_areas rest = {0};
	size_t n = 0;
	for (size_t i = 0; i < trace->depth; i++) {
		area_of(s, &trace->by[i], &some);
		if (!nft_area_within(&s->area, &some) && !nft_some_below(&s->w->some, ++n))
			nft_area_assign(&taken, &some);
	}
	if (!n)
		return false;
	nft_area_minus(&s->area, &taken, s->arena, &rest);
	for (size_t i = 0, from = rest.list.len ? nft_some_below(&s->w->some, rest.list.len) : 0;
	     i < rest.list.len; i++) {
		const struct nft_area *area = rest.list.at[(from + i) % rest.list.len];
		if (!some_packet(s, area))
			continue;
		nft_area_assign(&s->area, area);
		return true;
	}
	return false;
}

static bool go_on(struct search *s, struct arena *arena, struct ir_packet *out)
{
	find_near(s);
	if (nft_some_below(&s->w->some, 4) && !in_another(s))
		return false;
	if (!some_packet(s, &s->area))
		return false;
	for (unsigned i = 0; i < STEPS_MOST && s->work < WORK_MOST; i++) {
		enum judged is = by_program(s, &s->packet), meant = by_list(s);
		bool ours = s->rule == s->sought->rule, theirs = by_form(s);
		if (meant == UNSURE || is == UNSURE)
			return false;
		if (meant != is && (ours || theirs) && confirm(s, arena, out))
			return true;
		// Rather what stands before the rule in question than what does the same behind it.
		bool list_first = theirs || (s->sought->rule != NFT_MISFIT_NONE && !ours);
		if (!leave(s, list_first ? &s->meant : &s->is) &&
		    !leave(s, list_first ? &s->is : &s->meant))
			return false;
	}
	return false;
}

static void find_places(struct search *s, struct arena *arena, struct places *out)
{
	for (size_t i = 0; i < s->w->ways.stop.len; i++) {
		const struct nft_chain *chain = s->w->ways.stop.at[i]->chain;
		for (size_t k = 0; k < chain->rule.len; k++)
			if (is_meant(s, &chain->rule.at[k]))
				vec_push(arena, &out->list,
					 (struct place){chain, &chain->rule.at[k]});
		s->work += chain->rule.len / 4;
	}
}

static void trace_both(struct search *s, struct arena *scratch)
{
	s->arena = s->w->some.arena = scratch;
	s->meant = (struct nft_trace){.program = s->w->list, .point = &s->point, .arena = scratch};
	s->is = (struct nft_trace){.program = s->w->found, .point = &s->point, .arena = scratch};
}

static bool one_try(struct search *s, unsigned nth, struct arena *arena, struct ir_packet *out)
{
	struct arena scratch;
	arena_init(&scratch);
	trace_both(s, &scratch);
	s->over = s->w->limits && nth / 3 % 2;
	s->near = (struct near){0};
	bool found = begin(s, nth) && go_on(s, arena, out);
	arena_fini(&scratch);
	return found;
}

bool nft_witness_find(struct nft_witnesses *w, const struct nft_sought *sought, struct arena *arena,
		      struct ir_packet *out)
{
	struct places places = {0};
	struct search s = {.w = w, .sought = sought, .places = &places};
	struct arena scratch;
	bool found = false;
	arena_init(&scratch);
	find_places(&s, &scratch, &places);
	for (unsigned i = 0;
	     w->ways.stop.len && !found && i < TRIES_MOST && s.work < WORK_MOST && s.work < w->work;
	     i++)
		found = one_try(&s, i, arena, out);
	w->work -= s.work < w->work ? s.work : w->work;
	arena_fini(&scratch);
	return found;
}

bool nft_witness_shows(struct nft_witnesses *w, const struct ir_packet *packet)
{
	struct search s = {.w = w};
	struct arena scratch cleanup(arena_fini);
	arena_init(&scratch);
	trace_both(&s, &scratch);
	return fares_otherwise(&s, packet);
}

static uint64_t clock_dims(void)
{
	uint64_t dims = 0;
	for (enum ir_dim dim = 0; dim < IR_DIMS; dim++)
		dims |= ir_dim_info[dim].kind == IR_KIND_CLOCK ? bit(dim) : 0;
	return dims;
}

void nft_witnesses_init(struct nft_witnesses *w)
{
	const struct nft_chain *rules = nft_program_find(w->list, "");
	look_at(w, w->list);
	look_at(w, w->found);
	w->rule = rules->rule.at;
	w->rules = rules->rule.len;
	w->dims = dims_of(w->lowered);
	w->work = WORK_ALL;
	w->some.chance = SEED;
	w->some.tracked = w->fields & flow_fields() || has_flow_rules(w->lowered);
	w->clock = w->dims & clock_dims() || w->fields & (bit(F_TIME) | bit(F_HOUR) | bit(F_WDAY));
	nft_ways_find(w->found, w->arena, &w->ways);
	w->from = arena_array(w->arena, struct nft_stops, w->ways.stop.len);
	for (size_t i = 0; i < w->ways.stop.len; i++)
		find_from(w, w->ways.stop.at[i]);
}

void nft_witnesses_fini(struct nft_witnesses *w)
{
	nft_ways_fini(&w->ways);
}
