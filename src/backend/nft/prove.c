// SPDX-License-Identifier: Apache-2.0
// Proving that a program does what a list of rules says. A tag says which rule of the list one of the program wants to be;
// with four things shown of what the kernel really tests and does, that is so for every packet:
//   1. A rule of the program is for no packet that the list's rule is not for, and does the same.
//   2. A packet of a list's rule comes to a rule that is it, unless it is in an earlier rule of the list that decides.
//   3. On its way there it meets no rule that the list has behind, unless an earlier one decides it.
//   4. Where the rule lets it go on, it does not come to a rule that is it once more.
// For by 1 no later rule can take a packet from the first rule of the list that it is in, and by 2 it gets there; by 4 it
// is not counted, logged or limited twice. 1 is seen by walking all ways, the others by walking the packets of each rule
// of the list, so only what a rule touches is looked at. One rule of somebody else, and nothing is proven.
#include "backend/nft/prove.h"
#include "backend/nft/decode.h"
#include "backend/nft/judge.h"
#include "backend/nft/later.h"

#include <stdlib.h>

#define STEPS_EACH 4000u     // a rule, on the average …
#define STEPS_LEAST 1000000u // … and beside that

struct prover {
	const struct nft_areas *within; // the packets that it is proven for
	const struct nft_form *rule;    // of the list
	size_t rules;
	struct arena *arena;
	struct nft_proof *out;
	struct nft_judge judge;
	struct nft_ways ways;
	struct nft_later later;
	bool failed; // something is wrong with it
	struct nft_decided decided;
	const enum nft_since *since; // NULL: nothing is known …
	bool *followed;              // … and all rules of the list are
};
#define NONE NFT_MISFIT_NONE
#define UNSEEN (SIZE_MAX - 1)

static void add(struct prover *p, struct nft_misfit misfit)
{
	if (p->out->misfit.len >= NFT_MISFITS_MOST)
		p->out->over = true;
	else
		vec_push(p->arena, &p->out->misfit, misfit);
}

static void add_rule(struct prover *p, enum nft_misfit_kind kind, size_t rule,
		     const struct nft_visit *at, const char *why)
{
	const struct nft_chain *chain = at->stop->chain;
	bool there = at->rule < chain->rule.len;
	add(p, (struct nft_misfit){.kind = kind,
				   .rule = rule,
				   .chain = chain,
				   .form = there ? &chain->rule.at[at->rule] : NULL,
				   .why = why});
}

// --- 1: all rules of the program ---

static size_t *is_at(const struct prover *p, const struct nft_visit *at)
{
	return &p->later.is[at->stop->number][at->rule];
}

static void note_place(struct prover *p, const struct nft_visit *at, size_t rule)
{
	struct nft_rule_at spot = {at->stop->number, (uint32_t)at->rule};
	vec_push(p->arena, &p->later.place, (struct nft_stand){spot, rule});
}

static void judge_first(struct prover *p, const struct nft_visit *at, const struct nft_form *form)
{
	size_t rule = form->strange ? NONE : nft_judge_rule(&p->judge, form);
	const char *why = rule == NONE ? form->strange : nft_judge_action(&p->judge, rule, form);
	if (rule == NONE)
		add_rule(p, NFT_MISFIT_UNKNOWN, NONE, at, why);
	else if (why)
		add_rule(p, NFT_MISFIT_OTHER, rule, at, why);
	*is_at(p, at) = why ? NONE : rule;
	if (rule != NONE)
		note_place(p, at, rule);
}

// What stands behind it in its chain was not looked at for these packets.
static void note_unseen(struct prover *p, size_t by, const struct nft_area *packets)
{
	struct nft_match match[NFT_FIELDS];
	const struct nft_form form = nft_area_as_form(packets, match);
	nft_reason_add(&p->out->reason, p->arena,
		       (struct nft_reason){NFT_REASON_ANY, (uint32_t)by, nft_hull_of(&form)});
}

static void see_held(struct nft_walk *walk, const struct nft_stop *to,
		     const struct nft_area *packets)
{
	struct prover *p = walk->user;
	size_t rule = to && to->chain->rule.len ? p->later.is[to->number][0] : NONE;
	note_unseen(p, rule < p->rules ? rule : NFT_REASON_ANY, packets);
}

// Why it is not only for packets of the rule of the list, of those that come there and match it; NULL: it is.
static const char *why_not_only(const struct prover *p, size_t rule, const struct nft_form *form,
				const struct nft_area *mine, struct arena *arena)
{
	struct nft_area meant;
	const char *why = form->strange ? form->strange : nft_area_unguarded(mine, form);
	nft_area_of(&p->rule[rule], arena, &meant);
	return why || nft_area_within(mine, &meant) ? why : "is for more packets";
}

static void see_rule(struct nft_walk *walk, const struct nft_visit *at, const struct nft_form *form,
		     const struct nft_area *packets, struct arena *arena, struct nft_areas *rest)
{
	struct prover *p = walk->user;
	struct nft_area mine;
	nft_area_assign(&mine, packets);
	nft_area_form(&mine, arena, form);
	if (*is_at(p, at) == UNSEEN && (!mine.never || form->strange))
		judge_first(p, at, form);
	size_t rule = *is_at(p, at);
	if (rule == NONE || rule == UNSEEN || mine.never) {
		vec_push(arena, &rest->list, (struct nft_area *)packets);
		return;
	}
	const char *why = why_not_only(p, rule, form, &mine, arena);
	if (!why) {
		nft_walk_past(walk, form, packets, arena, rest);
		if (!rest->list.len && nft_more_behind(at))
			note_unseen(p, rule, packets);
		return;
	}
	add_rule(p, NFT_MISFIT_OTHER, rule, at, why);
	*is_at(p, at) = NONE;
	vec_push(arena, &rest->list, (struct nft_area *)packets);
}

static void see_lost(struct nft_walk *walk, const struct nft_visit *at,
		     const struct nft_area *packets, const char *why)
{
	(void)packets;
	struct prover *p = walk->user;
	if (*is_at(p, at) != NONE)
		add_rule(p, NFT_MISFIT_UNKNOWN, NONE, at, why);
	*is_at(p, at) = NONE;
}

static bool see_end(struct nft_walk *walk, const struct nft_visit *at,
		    const struct nft_area *packets)
{
	(void)walk, (void)packets;
	return at->back;
}

static size_t steps_of(const struct prover *p)
{
	return STEPS_LEAST + STEPS_EACH * p->rules;
}

static void walk_all(struct prover *p)
{
	struct nft_walk walk = {.ways = &p->ways,
				.user = p,
				.rule = see_rule,
				.ends = see_end,
				.lost = see_lost,
				.held = see_held,
				.all_back = true,
				.steps = steps_of(p)};
	for (size_t i = 0; i < p->within->list.len; i++)
		nft_walk(&walk, p->within->list.at[i]);
	p->out->over |= walk.over;
}

// The rule of the list that decides all packets of the chain; NONE: no one does so alone.
static size_t sole_of(const struct prover *p, const struct nft_stop *stop)
{
	const struct nft_chain *chain = stop->chain;
	size_t is = p->later.is[stop->number][0];
	bool sole = chain->rule.len == 1 && is < p->rules && !chain->rule.at[0].len &&
		    nft_takes(&p->rule[is]) && nft_takes(&chain->rule.at[0]);
	return sole ? is : NONE;
}

// Packets in a box that leads to a rule are of no interest to rules behind it.
static void find_soles(struct prover *p)
{
	size_t *sole = arena_array(p->arena, size_t, p->ways.stop.len);
	for (size_t i = 0; i < p->ways.stop.len; i++)
		sole[i] = sole_of(p, p->ways.stop.at[i]);
	nft_ways_settle(&p->ways, sole);
}

// --- 1: those that came, all others being as they were ---

// By the tests of its rule it is told which fields its own are about.
static void judge_alone(struct prover *p, const struct nft_visit *at, size_t rule)
{
	struct nft_form form;
	nft_form_resolve(&at->stop->chain->rule.at[at->rule], &p->rule[rule], p->arena, &form);
	const char *why = nft_judge_action(&p->judge, rule, &form);
	if (why)
		add_rule(p, NFT_MISFIT_OTHER, rule, at, why);
}

static bool has_come(const struct prover *p, size_t rule)
{
	return rule < p->rules && p->since[rule] == NFT_SINCE_CAME;
}

// Places that came, of the list's rules. Of a rule with several forms some may be of one that is not in the list.
struct came {
	VEC(struct nft_stand) place;
	size_t lowest; // rule of the list
};

static void note_came(struct prover *p, const struct nft_visit *at, size_t rule, struct came *came)
{
	struct nft_rule_at spot = {at->stop->number, (uint32_t)at->rule};
	vec_push(p->arena, &came->place, ((struct nft_stand){spot, rule}));
	if (rule >= p->rules)
		return;
	came->lowest = rule < came->lowest ? rule : came->lowest;
	judge_alone(p, at, rule);
}

static void find_came(struct prover *p, struct came *came)
{
	for (size_t s = 0; s < p->ways.stop.len; s++) {
		struct nft_visit at = {.stop = p->ways.stop.at[s]};
		for (at.rule = 0; at.rule < at.stop->chain->rule.len; at.rule++) {
			const struct nft_form *form = &at.stop->chain->rule.at[at.rule];
			size_t rule = nft_judge_rule(&p->judge, form),
			       first = nft_judge_first(&p->judge, form);
			if (rule < p->rules) {
				*is_at(p, &at) = rule;
				note_place(p, &at, rule);
			}
			if (has_come(p, rule) || has_come(p, first))
				note_came(p, &at, rule, came);
		}
	}
}

static void see_came(struct nft_walk *walk, const struct nft_visit *at, const struct nft_form *form,
		     const struct nft_area *packets, struct arena *arena, struct nft_areas *rest)
{
	struct prover *p = walk->user;
	size_t rule = *is_at(p, at);
	struct nft_area mine;
	nft_area_assign(&mine, packets);
	nft_area_form(&mine, arena, form);
	nft_walk_past(walk, form, packets, arena, rest);
	if (mine.never)
		return;
	const char *why =
		rule < p->rules ? why_not_only(p, rule, form, &mine, arena) : form->strange;
	if (rule >= p->rules)
		add_rule(p, NFT_MISFIT_UNKNOWN, NONE, at, why);
	else if (why)
		add_rule(p, NFT_MISFIT_OTHER, rule, at, why);
}

// Nobody knows where they go: that is no matter here, or was seen before.
static void pass_lost(struct nft_walk *walk, const struct nft_visit *at,
		      const struct nft_area *packets, const char *why)
{
	(void)walk, (void)at, (void)packets, (void)why;
}

static bool go_on(struct nft_walk *walk, const struct nft_visit *at, const struct nft_area *packets)
{
	(void)walk, (void)at, (void)packets;
	return true;
}

static bool holds_all(const struct prover *p, size_t rule, const struct nft_area *packets,
		      struct arena *arena)
{
	struct nft_area meant;
	if (rule >= p->rules)
		return false;
	nft_area_of(&p->rule[rule], arena, &meant);
	return nft_area_within(packets, &meant);
}

// The places of rules that are for a part of the packets only: what a rule's own packets meet there is seen with them.
static void find_others(const struct prover *p, const struct came *came,
			const struct nft_area *packets, struct arena *arena, struct nft_walk *walk)
{
	struct nft_rule_at *only = arena_array(arena, struct nft_rule_at, came->place.len);
	uint8_t *known = arena_array(arena, uint8_t, p->rules); // 1: it holds all of them, 2: not
	walk->only = only;
	walk->only_len = 0;
	for (size_t i = 0; i < came->place.len; i++) {
		const struct nft_stand *place = &came->place.at[i];
		bool ours = place->rule < p->rules;
		if (ours && !known[place->rule])
			known[place->rule] = holds_all(p, place->rule, packets, arena) ? 1 : 2;
		if (!ours || known[place->rule] == 2)
			only[walk->only_len++] = place->spot;
	}
}

static void walk_came(struct prover *p)
{
	struct came came = {.lowest = p->rules};
	find_came(p, &came);
	find_soles(p);
	struct nft_walk walk = {.ways = &p->ways,
				.user = p,
				.rule = see_came,
				.ends = go_on,
				.lost = pass_lost,
				.now = came.lowest,
				.all_back = true,
				.steps = steps_of(p)};
	for (size_t i = 0; i < p->within->list.len; i++) {
		struct arena arena cleanup(arena_fini);
		arena_init(&arena);
		find_others(p, &came, p->within->list.at[i], &arena, &walk);
		if (walk.only_len)
			nft_walk(&walk, p->within->list.at[i]);
	}
	p->out->over |= walk.over;
}

// Rules that no packet comes to may be of the list, which has such, too. Boxes may be there for packets outside the part.
static void see_dead(struct prover *p)
{
	for (size_t s = 0; s < p->ways.stop.len; s++) {
		struct nft_visit at = {.stop = p->ways.stop.at[s]};
		for (at.rule = 0; at.rule < at.stop->chain->rule.len; at.rule++)
			if (*is_at(p, &at) == UNSEEN && !at.stop->chain->direct &&
			    !nft_leads_on(&at.stop->chain->rule.at[at.rule]) &&
			    nft_judge_rule(&p->judge, &at.stop->chain->rule.at[at.rule]) == NONE)
				add_rule(p, NFT_MISFIT_UNKNOWN, NONE, &at, "no packet comes to it");
	}
}

// --- 2 and 3: the packets of each rule of the list ---

static void come_to_rule(struct nft_walk *walk, const struct nft_visit *at,
			 const struct nft_form *form, const struct nft_area *packets,
			 struct arena *arena, struct nft_areas *rest)
{
	struct prover *p = walk->user;
	struct nft_area mine, tests;
	if (*is_at(p, at) != p->decided.now) {
		vec_push(arena, &rest->list, (struct nft_area *)packets);
		return;
	}
	nft_area_assign(&mine, packets);
	nft_area_form(&mine, arena, form);
	const char *why = form->strange ? form->strange : nft_area_unguarded(&mine, form);
	if (!mine.never && !p->failed && (why || nft_later_meets(&p->later, at, &mine, arena))) {
		add_rule(p, why ? NFT_MISFIT_OTHER : NFT_MISFIT_ORDER, p->decided.now, at, why);
		p->failed = true;
	}
	nft_area_of(form, arena, &tests);
	nft_area_minus(packets, &tests, arena, rest);
}

static void tell_absent(struct prover *p, const struct nft_chain *end)
{
	add(p,
	    (struct nft_misfit){.kind = NFT_MISFIT_ABSENT, .rule = p->decided.now, .chain = end});
	p->failed = true;
}

static bool is_done(struct nft_walk *walk, const struct nft_area *packets)
{
	struct prover *p = walk->user;
	return nft_decided_often(&p->decided, packets) == ALGEBRA_COVERED;
}

// Packets of the rule at an end of the way, where the rule was not. Behind a jump it may yet come.
static bool come_to_nothing(struct nft_walk *walk, const struct nft_visit *at,
			    const struct nft_area *packets)
{
	struct prover *p = walk->user;
	if (!at->back && !p->failed && !nft_decided_perhaps(&p->decided, packets))
		tell_absent(p, at->stop->chain);
	return at->back;
}

// Where a rule leads on and nobody knows where to; or did not read it, as other rules take all packets that come there.
static void come_to_lost(struct nft_walk *walk, const struct nft_visit *at,
			 const struct nft_area *packets, const char *why)
{
	struct prover *p = walk->user;
	(void)why;
	if (!p->failed && !nft_decided_perhaps(&p->decided, packets))
		tell_absent(p, at->stop->chain);
}

// A place of the rule that stands in the chain before this one.
static bool stands_before(const struct nft_walk *walk, const struct nft_visit *at,
			  const struct nft_area *packets, struct arena *arena)
{
	size_t i = nft_walk_only(walk, (struct nft_rule_at){at->stop->number, 0});
	for (; i < walk->only_len; i++) {
		struct nft_rule_at spot = walk->only[i];
		if (spot.stop != at->stop->number || spot.rule >= at->rule)
			return false;
		const struct nft_form *form = &at->stop->chain->rule.at[spot.rule];
		struct nft_area both;
		nft_area_assign(&both, packets);
		nft_area_form(&both, arena, form);
		if (!both.never)
			return true;
	}
	return false;
}

static bool is_behind(const struct nft_walk *walk, const struct nft_stop *jump)
{
	for (size_t i = 0; i < walk->only_len; i++)
		if (nft_jump_reaches(jump, walk->only[i].stop))
			return true;
	return false;
}

// Whether packets here may have come to the rule before.
static bool came_before(const struct nft_walk *walk, const struct nft_visit *at,
			const struct nft_area *packets, struct arena *arena)
{
	for (; at; at = at->from) {
		if (stands_before(walk, at, packets, arena))
			return true;
		for (size_t i = 0; i < at->stop->leads && at->stop->lead[i].rule < at->rule; i++) {
			const struct nft_stop *to = nft_lead_jump(at->stop, &at->stop->lead[i]);
			if (to && is_behind(walk, to))
				return true;
		}
	}
	return false;
}

static void come_again(struct nft_walk *walk, const struct nft_visit *at,
		       const struct nft_form *form, const struct nft_area *packets,
		       struct arena *arena, struct nft_areas *rest)
{
	struct prover *p = walk->user;
	struct nft_area mine;
	vec_push(arena, &rest->list, (struct nft_area *)packets);
	if (*is_at(p, at) != p->decided.now || p->failed)
		return;
	nft_area_assign(&mine, packets);
	nft_area_form(&mine, arena, form);
	if (mine.never || !came_before(walk, at, &mine, arena))
		return;
	add_rule(p, NFT_MISFIT_OTHER, p->decided.now, at, "has packets that came to it before");
	p->failed = true;
}

static void walk_places(const struct nft_stand *place, size_t n, const struct nft_area *packets,
			struct nft_walk *walk)
{
	struct arena arena;
	arena_init(&arena);
	struct nft_rule_at *only = arena_array(&arena, struct nft_rule_at, n);
	for (size_t i = 0; i < n; i++)
		only[i] = place[i].spot;
	walk->only = only;
	walk->only_len = n;
	nft_walk(walk, packets);
	arena_fini(&arena);
}

// Whether packets come to it twice depends on who takes them between.
static void note_again(struct prover *p)
{
	struct nft_hull hull = nft_hull_of(&p->rule[p->decided.now]);
	nft_reason_add(&p->out->reason, p->arena,
		       (struct nft_reason){(uint32_t)p->decided.now, NFT_REASON_ANY, hull});
}

struct rule_walks {
	struct nft_walk comes, again;
};

// A rule without a place needs no walk.
static void walk_packets(struct prover *p, const struct nft_area *packets,
			 const struct nft_stand *place, size_t n, struct rule_walks *walks)
{
	if (!n && !p->failed && !nft_decided_perhaps(&p->decided, packets))
		tell_absent(p, NULL);
	if (n)
		walk_places(place, n, packets, &walks->comes);
	if (n > 1 && !p->failed && !nft_takes(&p->rule[p->decided.now])) {
		walk_places(place, n, packets, &walks->again);
		note_again(p);
	}
}

// Those that are in one of the areas; as a whole, if one holds them all.
static void walk_rule(struct prover *p, size_t rule, const struct nft_stand *place, size_t n,
		      struct rule_walks *walks)
{
	struct arena arena;
	struct nft_area meant, packets;
	bool whole = false;
	arena_init(&arena);
	nft_decided_begin(&p->decided, rule);
	p->failed = false;
	walks->comes.now = rule;
	nft_area_of(&p->rule[rule], &arena, &meant);
	for (size_t i = 0; i < p->within->list.len && !whole; i++)
		whole = nft_area_within(&meant, p->within->list.at[i]);
	for (size_t i = 0; i < (whole ? 1 : p->within->list.len); i++) {
		nft_area_assign(&packets, &meant);
		if (!whole)
			nft_area_and(&packets, &arena, p->within->list.at[i]);
		if (!packets.never)
			walk_packets(p, &packets, place, n, walks);
	}
	nft_decided_end(&p->decided);
	arena_fini(&arena);
}

// The rules of the list up to the first that decides all of the packets: what stands behind decides none of them.
static size_t rules_to_walk(struct prover *p)
{
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	for (size_t i = 0; i < p->rules; i++) {
		size_t held = 0, areas = p->within->list.len;
		while (held < areas && nft_takes(&p->rule[i]) &&
		       holds_all(p, i, p->within->list.at[held], &arena))
			held++;
		if (held < areas)
			continue;
		for (size_t k = 0; k < areas; k++)
			note_unseen(p, i, p->within->list.at[k]);
		return i + 1;
	}
	return p->rules;
}

static void walk_rules(struct prover *p)
{
	struct rule_walks walks = {.comes = {.ways = &p->ways,
					     .user = p,
					     .rule = come_to_rule,
					     .ends = come_to_nothing,
					     .lost = come_to_lost,
					     .done = is_done,
					     .steps = steps_of(p)},
				   .again = {.ways = &p->ways,
					     .user = p,
					     .rule = come_again,
					     .ends = go_on,
					     .lost = pass_lost,
					     .steps = steps_of(p)}};
	size_t at = 0, rules = p->followed ? p->rules : rules_to_walk(p);
	for (size_t rule = 0; rule < rules && !p->out->over; rule++) {
		size_t first = at;
		while (at < p->later.place.len && p->later.place.at[at].rule == rule)
			at++;
		if (!p->followed || p->followed[rule])
			walk_rule(p, rule, p->later.place.at + first, at - first, &walks);
		p->out->over |= walks.comes.over || walks.again.over || p->decided.over;
	}
}

static void absent_all(struct prover *p)
{
	for (size_t i = 0; i < p->rules; i++)
		add(p, (struct nft_misfit){.kind = NFT_MISFIT_ABSENT, .rule = i});
}

static void mark_unseen(struct prover *p)
{
	size_t stops = p->ways.stop.len;
	p->later.is = arena_array(p->arena, size_t *, stops);
	for (size_t i = 0; i < stops; i++) {
		size_t n = p->ways.stop.at[i]->chain->rule.len + 1;
		p->later.is[i] = arena_array(p->arena, size_t, n);
		for (size_t k = 0; k < n; k++)
			p->later.is[i][k] = UNSEEN;
	}
}

static bool of_all(const struct nft_areas *areas)
{
	return areas->list.len == 1 && !areas->list.at[0]->has;
}

static void find_followed(struct prover *p)
{
	p->followed = arena_array(p->arena, bool, p->rules + 1);
	for (size_t i = 0; i < p->rules; i++)
		p->followed[i] = p->since[i] != NFT_SINCE_STAYED;
	nft_behind_came(&p->ways, p->later.is, p->rules, p->since, p->followed);
}

void nft_prove_in(const struct nft_areas *areas, const struct nft_program *list,
		  const struct nft_program *program, const enum nft_since *since,
		  struct arena *arena, struct nft_proof *out)
{
	struct prover p = {.within = areas, .since = since, .arena = arena, .out = out};
	nft_judge_init(&p.judge, list, program, arena);
	p.judge.by_number = since;
	p.rule = p.judge.rule;
	p.rules = p.judge.rules;
	*out = (struct nft_proof){0};
	nft_decided_init(&p.decided, p.rule, p.rules, arena, &out->reason);
	nft_ways_find(program, arena, &p.ways);
	if (!p.ways.stop.len) {
		absent_all(&p);
		return;
	}
	p.later = (struct nft_later){.ways = &p.ways,
				     .rule = p.rule,
				     .rules = p.rules,
				     .arena = arena,
				     .decided = &p.decided};
	mark_unseen(&p);
	if (since) {
		walk_came(&p);
		find_followed(&p);
	} else {
		walk_all(&p);
		find_soles(&p);
	}
	if (of_all(areas))
		see_dead(&p);
	nft_later_begin(&p.later);
	walk_rules(&p);
	nft_later_fini(&p.later);
	nft_decided_fini(&p.decided);
	nft_ways_fini(&p.ways);
}

void nft_prove(const struct nft_program *list, const struct nft_program *program,
	       struct arena *arena, struct nft_proof *out)
{
	struct nft_area all, *one = &all;
	const struct nft_areas areas = {{.at = &one, .len = 1}};
	nft_area_all(&all);
	nft_prove_in(&areas, list, program, NULL, arena, out);
}
