// SPDX-License-Identifier: Apache-2.0
// From a tree back to a list. The one idea: rules that carry one tag are taken for pieces of one rule, the smallest that
// holds them all, and then it is proven (prove.c) that the program does what this list says. Pieces of which that is not so
// stay what they are, each for the packets that come to it.
#include "backend/nft/flatten.h"
#include "base/map.h"

#include <stdlib.h>

#define ROUNDS_MOST 8u
#define DEPTH_MOST 4u // of chains behind a rule
#define PIECES_MOST 4000000u
#define STEPS_MOST 400000000u

// Rules stand in the order of their keys: the tag's, or where it ran backwards or there is none the highest on the way.
struct piece {
	u128 key;
	size_t seq; // how many were found before
	const struct nft_chain *chain;
	struct nft_form form;
};

struct group { // pieces with one tag
	u128 key;
	const struct nft_chain *chain;
	struct nft_form
		form; // the first one's; its matches are those of the smallest area with all of them, closed
	unsigned round; // in which it was guessed last
	unsigned guess; // which one it is taken for; GUESSES: it is not one rule
};
enum { AS_ALL, AS_IS, AS_PACKETS, AS_PACKETS_OF_FLOWS, AS_FLOWS, GUESSES };

struct flattening {
	const struct nft_program *program;
	struct arena *arena;
	struct nft_list *out;
	struct nft_ways ways;
	u128 **highest;    // by stop and rule: of the keys before it in the chain
	struct map by_key; // groups
	VEC(struct group *) group;
	VEC(struct piece) piece;
	bool only_apart; // what is not a group is known already
	bool backward;   // keys ran backwards on some way
	bool wide;       // more packets were followed somewhere than come there
	bool last;       // the list is made for good
	bool as_found;   // all rules are pieces, in the order in which they were found
	u128 returned,
		seen; // the highest key in parts that were left, and in all that was seen
	size_t seq;
	unsigned round;
};

static u128 key_of(const struct nft_form *form)
{
	if (!form->tag.known || form->tag.rule == NFT_TAG_HELPER)
		return 0;
	return (u128)form->tag.rule << 40 | (u128)form->tag.clause << 8 |
	       (nft_form_direction(form) + 1);
}

static void find_highest(struct flattening *f)
{
	f->highest = arena_array(f->arena, u128 *, f->ways.stop.len);
	for (size_t s = 0; s < f->ways.stop.len; s++) {
		const struct nft_chain *chain = f->ways.stop.at[s]->chain;
		u128 most = 0;
		f->highest[s] = arena_array(f->arena, u128, chain->rule.len + 1);
		for (size_t i = 0; i <= chain->rule.len; i++) {
			f->highest[s][i] = most;
			u128 key = i < chain->rule.len ? key_of(&chain->rule.at[i]) : 0;
			most = key > most ? key : most;
		}
	}
}

// Of the keys on the way, and in what was left before.
static u128 highest_before(const struct flattening *f, const struct nft_visit *at)
{
	u128 most = f->returned;
	for (; at; at = at->from) {
		u128 here = f->highest[at->stop->number][at->rule];
		most = here > most ? here : most;
		most = *at->mark > most ? *at->mark : most;
	}
	return most;
}

// --- groups ---

static bool covers(const struct nft_form *form, const struct nft_area *area)
{
	for (size_t i = 0; i < form->len; i++) {
		const struct nft_match *match = &form->match[i];
		if (!(area->has >> match->field & 1) ||
		    !algebra_set_within(area->set[match->field], match->set))
			return false;
	}
	return true;
}

// What it takes to make the union goes again: it may be a thousand ranges, and is made for one piece after the other.
static struct algebra_set set_union(struct algebra_set a, struct algebra_set b, struct arena *arena)
{
	struct arena scratch cleanup(arena_fini);
	arena_init(&scratch);
	struct algebra_set both = algebra_set_union(&scratch, a, b);
	both.at = arena_memdup(arena, both.at, both.len * sizeof(*both.at));
	return both;
}

// What only one of the two restricts, their smallest area does not.
static void widen(struct nft_form *form, const struct nft_area *area, struct arena *arena)
{
	size_t n = 0;
	for (size_t i = 0; i < form->len; i++) {
		struct nft_match match = form->match[i];
		if (!(area->has >> match.field & 1))
			continue;
		if (!algebra_set_within(area->set[match.field], match.set))
			match.set = set_union(match.set, area->set[match.field], arena);
		form->match[n++] = match;
	}
	form->len = n;
}

static bool without_header(const struct nft_area *area)
{
	return area->has >> F_HEADER & 1 &&
	       !algebra_set_overlaps(area->set[F_HEADER], nft_field_domain(F_HEADER));
}

static void add_piece(struct flattening *f, u128 key, const struct nft_visit *at,
		      const struct nft_form *form, const struct nft_area *area)
{
	struct piece piece = {.key = key, .seq = f->seq++, .chain = at->stop->chain, .form = *form};
	if (f->program->unfragmented && without_header(area))
		return;
	if (f->piece.len >= PIECES_MOST) {
		f->out->over = true;
		return;
	}
	struct nft_area *own = nft_area_copy(area, f->arena);
	if (f->program->unfragmented)
		nft_area_any_header(own);
	nft_area_matches(own, f->arena, &piece.form);
	piece.form.open_len = 0;
	piece.form.map.reg = NULL;
	piece.form.boxes.reg = NULL;
	vec_push(f->arena, &f->piece, piece);
}

static const char *name_of(u128 key, struct arena *arena)
{
	return arena_printf(arena, "%llx %llx", (unsigned long long)(key >> 40),
			    (unsigned long long)(key & (((u128)1 << 40) - 1)));
}

static struct group *group_of(struct flattening *f, u128 key)
{
	struct arena scratch;
	arena_init(&scratch);
	struct group *group = map_get(&f->by_key, name_of(key, &scratch));
	arena_fini(&scratch);
	return group;
}

static void add_to_group(struct flattening *f, u128 key, const struct nft_visit *at,
			 const struct nft_form *form, const struct nft_area *area)
{
	struct group *group = group_of(f, key);
	if (group) {
		if (!covers(&group->form, area))
			widen(&group->form, area, f->arena);
		return;
	}
	struct nft_match match[NFT_FIELDS];
	struct nft_form asks = nft_area_as_form(area, match);
	group = arena_new(f->arena, struct group);
	*group = (struct group){.key = key, .chain = at->stop->chain, .form = *form};
	group->form.match = arena_memdup(f->arena, match, asks.len * sizeof(*match));
	group->form.len = asks.len;
	for (size_t i = 0; i < group->form.len; i++) {
		struct algebra_set *set = &group->form.match[i].set;
		set->at = arena_memdup(f->arena, set->at, set->len * sizeof(*set->at));
	}
	map_put(&f->by_key, name_of(key, f->arena), group);
	vec_push(f->arena, &f->group, group);
}

static void see_rule(struct nft_walk *walk, const struct nft_visit *at, const struct nft_form *form,
		     const struct nft_area *packets, struct arena *arena, struct nft_areas *rest)
{
	struct flattening *f = walk->user;
	struct nft_area mine;
	struct nft_form said = *form;
	nft_area_assign(&mine, packets);
	nft_area_form(&mine, arena, form);
	if (!said.strange && !mine.never)
		said.strange = nft_area_unguarded(&mine, form);
	u128 key = key_of(form), highest = highest_before(f, at);
	struct group *group = key && f->only_apart ? group_of(f, key) : NULL;
	f->wide |= *at->wide;
	bool grouped = key && !said.strange && !(group && group->guess == GUESSES) && !f->as_found;
	f->backward |= key && key < highest;
	f->seen = key > f->seen ? key : f->seen;
	if (mine.never && !said.strange) {
		vec_push(arena, &rest->list, (struct nft_area *)packets);
		return;
	}
	if (mine.never)
		nft_area_assign(&mine, packets);
	if (form->act == ACT_RETURN && at->back && nft_takes(form) && !said.strange)
		; // goes on behind the jump
	else if (!grouped)
		add_piece(f, f->as_found ? 0 : key > highest ? key : highest, at, &said, &mine);
	else if (!f->only_apart)
		add_to_group(f, key, at, &said, &mine);
	bool returns = nft_takes(form) && form->act == ACT_RETURN && at->back;
	if (returns)
		nft_area_minus(packets, &mine, arena, rest);
	else if (said.strange || !nft_takes(form) || !nft_area_within(packets, &mine))
		vec_push(arena, &rest->list, (struct nft_area *)packets);
}

static void see_lost(struct nft_walk *walk, const struct nft_visit *at,
		     const struct nft_area *packets, const char *why)
{
	(void)packets;
	struct flattening *f = walk->user;
	struct nft_form form = at->stop->chain->rule.at[at->rule];
	struct nft_area all;
	nft_area_all(&all);
	form.strange = why;
	add_piece(f, f->as_found ? 0 : highest_before(f, at), at, &form, &all);
}

static bool see_end(struct nft_walk *walk, const struct nft_visit *at,
		    const struct nft_area *packets)
{
	struct flattening *f = walk->user;
	if (at->back)
		f->returned = f->seen;
	else
		add_piece(f, f->as_found ? 0 : highest_before(f, at), at,
			  &(struct nft_form){.act = ACT_DROP}, packets);
	return true;
}

// Keys in the chain stand before those behind the box; where it leads further, all that was seen may be in it.
static void see_again(struct nft_walk *walk, const struct nft_visit *at, const struct nft_stop *to)
{
	const struct flattening *f = walk->user;
	u128 key = to->leads ? f->seen : f->highest[to->number][to->chain->rule.len];
	*at->mark = key > *at->mark ? key : *at->mark;
}

static void walk_all(struct flattening *f, bool only_apart)
{
	struct nft_walk walk = {.ways = &f->ways,
				.user = f,
				.rule = see_rule,
				.ends = see_end,
				.lost = see_lost,
				.all_back = true,
				.again = see_again,
				.steps = STEPS_MOST};
	struct nft_area all;
	nft_area_all(&all);
	f->only_apart = only_apart;
	f->piece.len = f->seq = 0;
	f->returned = f->seen = 0;
	nft_walk(&walk, &all);
	f->out->over |= walk.over;
}

// --- the list ---

static int by_group_key(const void *x, const void *y)
{
	const struct group *a = *(struct group *const *)x, *b = *(struct group *const *)y;
	return a->key < b->key ? -1 : a->key > b->key;
}

static int by_piece_key(const void *x, const void *y)
{
	const struct piece *a = x, *b = y;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static bool decides_all(const struct nft_chain *chain)
{
	const struct nft_form *last =
		chain && chain->rule.len ? &chain->rule.at[chain->rule.len - 1] : NULL;
	return last && !last->len && nft_takes(last);
}

// A clause that stood in a chain of its own, from which packets come back, as a rule of the list.
static struct nft_form taken_out(const struct flattening *f, const struct nft_form *clause)
{
	struct nft_form form = *clause;
	bool ends = form.act == ACT_GOTO && decides_all(nft_program_find(f->program, form.chain));
	if (form.act == ACT_RETURN)
		form.act = ACT_CONTINUE;
	if (form.act == ACT_GOTO && !ends)
		form.act = ACT_JUMP;
	return form;
}

static struct nft_chain *narrowed_clauses(struct flattening *f, const struct nft_form *jump)
{
	const struct nft_chain *chain = nft_program_find(f->program, jump->chain);
	struct nft_chain *to =
		nft_program_chain(&f->out->program, arena_printf(f->arena, "%s of %zu", jump->chain,
								 f->out->program.chain.len));
	for (size_t i = 0; i < chain->rule.len; i++) {
		struct nft_form clause = chain->rule.at[i];
		struct nft_area area;
		nft_area_of(jump, f->arena, &area);
		nft_area_form(&area, f->arena, &clause);
		nft_area_matches(&area, f->arena, &clause);
		if (!area.never)
			vec_push(f->arena, &to->rule, clause);
	}
	return to;
}

static bool is_dispatch(const struct flattening *f, const struct nft_form *form)
{
	return !form->limited && !form->strange && nft_form_clauses(f->program, form);
}

// A jump of some packets into a chain of clauses is a jump of all into one of narrower clauses.
static struct nft_form widened_jump(struct flattening *f, const struct nft_form *form)
{
	struct nft_form jump = *form;
	if (!f->last || !form->len || nft_leads_on(form) || !is_dispatch(f, form))
		return jump;
	const struct nft_chain *to = narrowed_clauses(f, form);
	if (to->rule.len == 1)
		return taken_out(f, &to->rule.at[0]);
	jump.len = 0;
	jump.chain = to->name;
	return jump;
}

// No packet comes to any clause.
static bool leads_nowhere(const struct flattening *f, const struct nft_form *form)
{
	const struct nft_chain *chain =
		f->last && form->chain ? nft_program_find(&f->out->program, form->chain) : NULL;
	return form->act == ACT_JUMP && !form->len && chain && !chain->rule.len;
}

static void add_rule(struct flattening *f, const struct nft_form *form,
		     const struct nft_chain *chain, size_t *cap)
{
	struct nft_list *out = f->out;
	struct nft_form whole = widened_jump(f, form);
	if (leads_nowhere(f, &whole))
		return;
	struct nft_chain *to = nft_program_find(&out->program, "");
	if (to->rule.len == *cap)
		out->chain =
			arena_grow(f->arena, out->chain, to->rule.len, cap, sizeof(*out->chain));
	out->chain[to->rule.len] = chain;
	vec_push(f->arena, &to->rule, whole);
}

// Rules of the IR are about packets or about flows; what the way says of the other one is nothing that they ask.
static bool left_out(const struct group *group, const struct nft_match *match)
{
	const struct nft_field_info *info = &nft_field_info[match->field];
	bool any_flow = match->field == F_STATE && nft_any_flow(match),
	     flow = info->side == OF_FLOW,
	     tuple = info->dim != IR_DIMS && ir_dim_info[info->dim].kind == IR_KIND_TUPLE;
	switch (group->guess) {
	case AS_ALL:
		return true;
	case AS_PACKETS:
		return flow || any_flow;
	case AS_PACKETS_OF_FLOWS:
		return flow;
	case AS_FLOWS:
		return !flow && (tuple || match->field == F_HEADER);
	default:
		return false;
	}
}

static void area_of(const struct group *group, struct arena *arena, struct nft_area *out)
{
	nft_area_all(out);
	for (size_t i = 0; i < group->form.len; i++)
		if (!left_out(group, &group->form.match[i]))
			nft_area_narrow(out, arena, group->form.match[i].field,
					group->form.match[i].set);
	// Trees ask for a header on the way; a rule that asks for nothing in it may be left out where there is none.
	nft_area_any_header(out);
}

static void add_group(struct flattening *f, const struct group *group, size_t *cap)
{
	struct nft_form form = group->form;
	struct nft_area area;
	area_of(group, f->arena, &area);
	nft_area_matches(&area, f->arena, &form);
	form.open_len = 0;
	add_rule(f, &form, group->chain, cap);
}

static void begin_list(struct flattening *f)
{
	struct nft_program *to = &f->out->program;
	nft_program_init(to, f->arena);
	nft_program_chain(to, "")->name = "";
	f->out->chain = NULL;
	for (size_t i = 0; i < f->program->chain.len; i++) {
		const struct nft_chain *chain = f->program->chain.at[i];
		if (*chain->name && !nft_is_node(chain->name))
			*nft_program_chain(to, chain->name) = *chain;
	}
}

// Pieces stand behind the group of their key: they were found behind a rule of it.
static void make_list(struct flattening *f)
{
	size_t cap = 0, p = 0;
	begin_list(f);
	if (f->group.len)
		qsort(f->group.at, f->group.len, sizeof(*f->group.at), by_group_key);
	if (f->piece.len)
		qsort(f->piece.at, f->piece.len, sizeof(*f->piece.at), by_piece_key);
	for (size_t g = 0; g <= f->group.len; g++) {
		bool last = g == f->group.len;
		for (; p < f->piece.len && (last || f->piece.at[p].key < f->group.at[g]->key); p++)
			add_rule(f, &f->piece.at[p].form, f->piece.at[p].chain, &cap);
		if (!last && f->group.at[g]->guess < GUESSES)
			add_group(f, f->group.at[g], &cap);
	}
	if (!decides_all(nft_program_find(&f->out->program, "")))
		add_rule(f, &(struct nft_form){.act = ACT_DROP}, NULL, &cap);
}

// --- guesses ---

static bool asks(const struct group *group, unsigned guess, struct arena *arena,
		 struct nft_area *out)
{
	struct group other = *group;
	other.guess = guess;
	area_of(&other, arena, out);
	return out->has != 0;
}

// The first guess that the IR can say, if one can. Jumps into a chain of clauses test nothing by themselves.
static void guess_first(struct flattening *f, struct group *group)
{
	struct nft_area as_is, packets, flows;
	bool mixed = asks(group, AS_IS, f->arena, &as_is) &&
		     asks(group, AS_PACKETS, f->arena, &packets) &&
		     asks(group, AS_FLOWS, f->arena, &flows) && !nft_area_equal(&as_is, &packets) &&
		     !nft_area_equal(&as_is, &flows);
	bool of_flow = nft_form_set(&group->form, F_DIRECTION) != NULL;
	group->guess = is_dispatch(f, &group->form) ? AS_ALL
		       : !mixed                     ? AS_IS
		       : of_flow                    ? AS_FLOWS
						    : AS_PACKETS;
}

static bool is_last_guess(const struct group *group)
{
	return group->guess == AS_IS || group->guess >= AS_FLOWS;
}

static void guess_again(struct group *group)
{
	group->guess = is_last_guess(group) ? GUESSES : group->guess + 1;
}

// What both directions of a clause ask for alike.
static bool is_common(enum nft_field field)
{
	return (nft_field_info[field].side == OF_FLOW && field != F_DIRECTION) || field == F_TIME ||
	       field == F_HOUR || field == F_WDAY;
}

static void keep_common(struct group *group, const struct nft_form *other, struct arena *arena,
			bool only)
{
	size_t n = 0;
	for (size_t i = 0; i < group->form.len; i++) {
		struct nft_match match = group->form.match[i];
		const struct algebra_set *set = nft_form_set(other, match.field);
		if (is_common(match.field) && !set)
			continue;
		if (!is_common(match.field) && only && match.field != F_DIRECTION)
			continue;
		if (is_common(match.field))
			match.set = algebra_set_union(arena, match.set, *set);
		group->form.match[n++] = match;
	}
	group->form.len = n;
}

static bool passes(const struct nft_program *program, const struct nft_form *form, unsigned depth)
{
	const struct nft_chain *chain = form->chain ? nft_program_find(program, form->chain) : NULL;
	bool some = form->act == ACT_ACCEPT;
	for (size_t i = 0; chain && depth < DEPTH_MOST && i < chain->rule.len; i++)
		some |= passes(program, &chain->rule.at[i], depth + 1);
	return some;
}

// Where earlier rules take all packets against the direction, trees leave it out; the IR says both.
static struct group *made_up(struct flattening *f, const struct group *of)
{
	struct group *group = arena_new(f->arena, struct group);
	*group = *of;
	group->key = of->key + 1;
	group->form.match =
		arena_memdup(f->arena, of->form.match, sizeof(*of->form.match) * of->form.len);
	for (size_t i = 0; i < group->form.len; i++)
		if (group->form.match[i].field == F_DIRECTION)
			group->form.match[i].set = algebra_set_one(f->arena, 1, 1);
	keep_common(group, &group->form, f->arena, true);
	map_put(&f->by_key, name_of(group->key, f->arena), group);
	vec_push(f->arena, &f->group, group);
	return group;
}

static void pair_up(struct flattening *f)
{
	size_t n = f->group.len;
	for (size_t i = 0; i < n; i++) {
		struct group *group = f->group.at[i];
		uint32_t way = nft_form_direction(&group->form);
		struct group *other =
			!way ? NULL : group_of(f, way == 1 ? group->key + 1 : group->key - 1);
		if (way == 1 && !other && passes(f->program, &group->form, 0))
			other = made_up(f, group);
		if (way != 1 || !other)
			continue;
		struct nft_form first = group->form;
		first.match = arena_memdup(f->arena, first.match, first.len * sizeof(*first.match));
		keep_common(group, &other->form, f->arena, false);
		keep_common(other, &first, f->arena, true);
	}
	for (size_t i = 0; i < f->group.len; i++)
		guess_first(f, f->group.at[i]);
}

// Groups that a misfit is about, each once. What one is wrongly taken for makes others misfit: as long as some can be
// guessed anew, the others wait.
static bool guess_all_again(struct flattening *f, const struct nft_proof *proof)
{
	const struct nft_chain *list = nft_program_find(&f->out->program, "");
	VEC(struct group *) blamed = {0};
	bool waits = false;
	f->round++;
	for (size_t i = 0; i < proof->misfit.len; i++) {
		size_t rule = proof->misfit.at[i].rule;
		u128 key = rule < list->rule.len ? key_of(&list->rule.at[rule]) : 0;
		struct group *group = key ? group_of(f, key) : NULL;
		if (!group || group->round == f->round || group->guess == GUESSES)
			continue;
		group->round = f->round;
		waits |= !is_last_guess(group);
		vec_push(f->arena, &blamed, group);
	}
	for (size_t i = 0; i < blamed.len; i++)
		if (!waits || !is_last_guess(blamed.at[i]))
			guess_again(blamed.at[i]);
	return blamed.len > 0;
}

// The groups alone are put to the proof. True when one of them is not what it was taken for.
static bool take_apart(struct flattening *f)
{
	struct nft_proof proof;
	struct arena arena;
	VEC(struct piece) kept = {f->piece.at, f->piece.len, f->piece.cap};
	f->piece.len = 0;
	make_list(f);
	f->piece.at = kept.at;
	f->piece.len = kept.len;
	arena_init(&arena);
	nft_prove(&f->out->program, f->program, &arena, &proof);
	bool some = guess_all_again(f, &proof);
	for (size_t i = 0; proof.over && i < f->group.len; i++)
		f->group.at[i]->guess = GUESSES;
	arena_fini(&arena);
	return some && !proof.over;
}

static void all_apart(struct flattening *f)
{
	for (size_t i = 0; i < f->group.len; i++)
		f->group.at[i]->guess = GUESSES;
}

static const char behind_gates[] =
	"stands in a tree with gates, so nobody can say for which packets";

void nft_flatten(const struct nft_program *program, struct arena *arena, struct nft_list *out)
{
	struct flattening f = {
		.program = program, .arena = arena, .out = out, .by_key = {.arena = arena}};
	*out = (struct nft_list){0};
	nft_ways_find(program, arena, &f.ways);
	find_highest(&f);
	walk_all(&f, false);
	pair_up(&f);
	bool again = take_apart(&f);
	for (unsigned round = 0; again && round < ROUNDS_MOST; round++)
		again = take_apart(&f);
	if (again)
		all_apart(&f);
	walk_all(&f, true);
	// Groups that were found in another order than that of their keys stand in it only by the proof, which pieces
	// are not part of. Where more packets were followed than really come there, nobody knows the pieces'.
	if (f.wide) {
		for (size_t i = 0; i < f.piece.len; i++)
			if (!f.piece.at[i].form.strange)
				f.piece.at[i].form.strange = behind_gates;
	} else if (f.piece.len && f.backward) {
		f.as_found = true;
		all_apart(&f);
		walk_all(&f, true);
	}
	f.last = true;
	make_list(&f);
	nft_ways_fini(&f.ways);
}
