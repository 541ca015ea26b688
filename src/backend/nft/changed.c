// SPDX-License-Identifier: Apache-2.0
// The proof behind a change of ours. All was proven; since then, says the kernel's number of changes, nobody but us has
// changed anything; and ours can only have touched the packets of the rules that came and went. For these the proof is
// made again, from the kernel: only the chains to which they come are read, and only rules that meet them are looked at.
#include "backend/nft/changed.h"
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/prove.h"
#include "backend/nft/reached.h"
#include "base/wire.h"

#define MEETING_MOST 60000u // rules; when more meet a change, all is proven again
#define OTHERS_MOST 64u     // rules that a change has touched beside; more, and all is proven again

void nft_changed_init(struct nft_changed *changed)
{
	*changed = (struct nft_changed){.known = false};
	arena_init(&changed->arena);
}

void nft_changed_fini(struct nft_changed *changed)
{
	arena_fini(&changed->arena);
}

void nft_changed_forget(struct backend_nft *nft)
{
	nft->changed.known = false;
	if (nft->live)
		nft->live->reasons.known = false;
}

void nft_changed_proven(struct backend_nft *nft, uint32_t at, bool counted)
{
	nft_changed_fini(&nft->changed);
	nft_changed_init(&nft->changed);
	nft->changed.known = true;
	nft->changed.counted = counted;
	nft->changed.at = (struct nft_moment){at, nft->socket.commits};
}

void backend_nft_proven(const struct backend_nft *nft, struct buf *out)
{
	const struct nft_changed *changed = &nft->changed;
	wire_put_u32(out, changed->at.changes);
	wire_put_u32(out, changed->at.commits);
	wire_put_u8(out, changed->counted);
	if (nft->live)
		nft_reasons_encode(&nft->live->reasons, out);
}

// Pinholes are transactions, too: of those since then nobody knows which the copy has seen.
void backend_nft_adopt(struct backend_nft *nft, const void *proven, size_t len)
{
	struct wire_reader r = wire_reader(proven, len);
	uint32_t changes = wire_u32(&r), commits = wire_u32(&r);
	bool counted = wire_u8(&r);
	if (r.bad || commits != nft->socket.commits)
		return;
	if (nft->live)
		nft_reasons_decode(&nft->live->reasons, &r);
	nft_changed_proven(nft, changes, counted);
}

void nft_changed_add(struct backend_nft *nft, const struct nft_form *form, bool came)
{
	struct arena *a = &nft->changed.arena;
	struct nft_form copy = {.match = arena_array(a, struct nft_match, form->len),
				.len = form->len,
				.tag = {.known = form->tag.known, .rule = form->tag.rule}};
	if (!nft->changed.known)
		return;
	if (nft->changed.form.len >= NFT_CHANGED_MOST) {
		nft_changed_forget(nft);
		return;
	}
	for (size_t i = 0; i < form->len; i++) {
		struct algebra_set set = form->match[i].set;
		set.at = arena_memdup(a, set.at, set.len * sizeof(*set.at));
		copy.match[i] = (struct nft_match){form->match[i].field, set};
	}
	vec_push(a, &nft->changed.form, ((struct nft_changed_form){copy, came}));
}

// --- the rules that meet them ---

static void add_chains(struct nft_program *to, const struct nft_program *from, const char *name)
{
	const struct nft_chain *chain = name ? nft_program_find(from, name) : NULL;
	if (!chain || nft_program_find(to, name))
		return;
	*nft_program_chain(to, chain->name) = *chain;
	for (size_t i = 0; i < chain->rule.len; i++)
		add_chains(to, from, chain->rule.at[i].chain);
}

static struct nft_chain *placed_chain(struct nft_program *list, struct nft_chain *chain,
				      uint32_t number, uint32_t place)
{
	for (size_t i = 0; i < chain->rule.len; i++)
		if (chain->rule.at[i].tag.known && chain->rule.at[i].tag.rule == number) {
			chain->rule.at = arena_memdup(list->arena, chain->rule.at,
						      chain->rule.len * sizeof(*chain->rule.at));
			for (size_t k = 0; k < chain->rule.len; k++)
				if (chain->rule.at[k].tag.rule == number)
					chain->rule.at[k].tag.rule = place;
			break;
		}
	return chain;
}

// Packets, and the policy's rules that may meet them, with their numbers in the tree.
struct near_list {
	struct nft_areas areas;
	struct nft_program program;
	VEC(uint32_t) number;
};

static void add_form(struct near_list *near, struct nft_chain *main_chain,
		     const struct nft_live *live, const uint32_t *place, uint32_t number)
{
	struct nft_program *list = &near->program;
	struct nft_form mine = *live->tree.rule.at[number];
	uint32_t rule = mine.tag.rule;
	size_t before = list->chain.len;
	add_chains(list, &live->program, mine.chain);
	nft_live_place(live, place, &mine.tag);
	for (size_t i = before; i < list->chain.len; i++)
		(void)placed_chain(list, list->chain.at[i], rule, mine.tag.rule);
	vec_push(list->arena, &main_chain->rule, mine);
}

struct touched {
	struct nft_form form;
	struct nft_hull hull;
};

static bool may_touch(const struct nft_tree *tree, uint32_t number, const struct touched *touched,
		      size_t len)
{
	const struct nft_form *form = tree->rule.at[number];
	for (size_t i = 0; i < len; i++)
		if (!nft_hulls_apart(&touched[i].hull, &tree->hull.at[number]) && form &&
		    nft_form_may_meet(&touched[i].form, form))
			return true;
	return false;
}

static void find_near(const struct nft_live *live, struct arena *arena, struct near_list *list)
{
	const struct nft_tree *tree = &live->tree;
	size_t n = list->areas.list.len;
	struct touched *touched = arena_array(arena, struct touched, n);
	for (size_t i = 0; i < n; i++) {
		nft_area_matches(list->areas.list.at[i], arena, &touched[i].form);
		touched[i].hull = nft_hull_of(&touched[i].form);
	}
	for (size_t i = 0; i < live->rule.len; i++)
		for (uint32_t k = 0; k < live->rule.at[i].forms; k++) {
			uint32_t number = live->rule.at[i].first + k;
			if (may_touch(tree, number, touched, n))
				vec_push(arena, &list->number, number);
		}
	for (uint32_t i = live->last; i < live->last + live->lasts; i++)
		if (tree->rule.at[i])
			vec_push(arena, &list->number, i);
}

// The list's rules that may match a packet that one of the forms matches, in order, and its end.
static void make_list(const struct nft_live *live, const uint32_t *place,
		      const struct nft_some_forms *forms, struct arena *arena,
		      struct near_list *list)
{
	*list = (struct near_list){.number = {0}};
	for (size_t i = 0; i < forms->list.len; i++)
		nft_areas_add(&list->areas, forms->list.at[i], arena);
	find_near(live, arena, list);
	nft_program_init(&list->program, arena);
	struct nft_chain *main_chain = nft_program_chain(&list->program, "");
	main_chain->name = "";
	vec_reserve(arena, &main_chain->rule, list->number.len);
	for (size_t i = 0; i < list->number.len; i++)
		add_form(list, main_chain, live, place, list->number.at[i]);
}

bool nft_changed_decided(struct backend_nft *nft, const uint32_t *place,
			 const struct nft_form *packets, uint32_t rule)
{
	struct arena arena cleanup(arena_fini);
	struct near_list list;
	struct nft_reason_list reasons = {.over = false};
	struct nft_decided decided;
	const struct nft_some_forms one = {{.at = &packets, .len = 1}};
	size_t at = 0;
	arena_init(&arena);
	make_list(nft->live, place, &one, &arena, &list);
	while (at < list.number.len && list.number.at[at] != rule)
		at++;
	nft_decided_init(&decided, nft_program_find(&list.program, "")->rule.at, list.number.len,
			 &arena, &reasons);
	nft_decided_begin(&decided, at);
	bool all = true;
	for (size_t i = 0; i < list.areas.list.len && all; i++)
		all = nft_decided_before(&decided, list.areas.list.at[i]) == ALGEBRA_COVERED;
	nft_decided_end(&decided);
	nft_decided_fini(&decided);
	all &= at < list.number.len;
	if (all)
		nft_reasons_take(&nft->live->reasons, &reasons, list.number.at);
	return all;
}

// --- what has become of them ---

// By number of a rule, and by what else tags say.
struct sinces {
	enum nft_since *of;
	uint32_t numbers;
};

static enum nft_since *since_of(const struct sinces *all, uint32_t number)
{
	bool ours = number < all->numbers, end = number >= NFT_TAG_HELPER;
	return ours  ? &all->of[number]
	       : end ? &all->of[all->numbers + (number - NFT_TAG_HELPER)]
		     : NULL;
}

static void set_since(const struct sinces *all, const struct nft_numbers *numbers,
		      enum nft_since since)
{
	for (size_t i = 0; i < numbers->list.len; i++) {
		enum nft_since *of = since_of(all, numbers->list.at[i]);
		if (of)
			*of = since;
	}
}

// What comes to the front is asked before all that stands in the tree.
static bool is_in_front(const struct backend_nft *nft, const uint32_t *place,
			const struct nft_changed_form *changed)
{
	const struct nft_tree *tree = &nft->live->tree;
	struct nft_live_forms is = nft_live_forms(nft->live, place, changed->form.tag.rule);
	for (uint32_t k = is.first; k < is.first + is.forms && changed->came; k++)
		if (tree->rule.at[k] && !tree->placed.at[k])
			return true;
	return false;
}

// Whether it is known of all rules in the tree what has become of them.
static bool is_known(const struct backend_nft *nft, const struct nft_spots_diff *spots)
{
	return spots->known && !nft->changed.spots.gates;
}

// By rule of the list; NULL when it is not known.
static const enum nft_since *find_since(const struct backend_nft *nft, const struct near_list *near,
					const struct nft_changed_since *since, struct arena *arena)
{
	const struct nft_changed *changed = &nft->changed;
	const struct nft_tree *tree = &nft->live->tree;
	struct sinces all = {.numbers = nft->live->numbers};
	if (!since || !is_known(nft, since->spots))
		return NULL;
	all.of = arena_array(arena, enum nft_since,
			     all.numbers + (NFT_TAG_DEFAULT - NFT_TAG_HELPER) + 1);
	set_since(&all, &changed->spots.front, NFT_SINCE_LEFT);
	set_since(&all, &since->spots->lost, NFT_SINCE_LEFT);
	set_since(&all, &since->spots->moved, NFT_SINCE_CAME);
	set_since(&all, &since->spots->come, NFT_SINCE_CAME);
	for (size_t i = 0; i < changed->form.len; i++) {
		enum nft_since *of = since_of(&all, changed->form.at[i].form.tag.rule);
		if (of)
			*of = NFT_SINCE_CAME;
	}
	enum nft_since *out = arena_array(arena, enum nft_since, near->number.len);
	bool *leaned = arena_array(arena, bool, tree->rule.len);
	for (size_t i = 0; i < since->leaned.list.len; i++)
		leaned[since->leaned.list.at[i]] = true;
	for (size_t i = 0; i < near->number.len; i++) {
		uint32_t number = near->number.at[i];
		out[i] = *since_of(&all, tree->rule.at[number]->tag.rule);
		if (leaned[number] && out[i] == NFT_SINCE_STAYED)
			out[i] = NFT_SINCE_LEFT;
	}
	return out;
}

// Where only some rules are followed, it is no matter how many there are.
static bool is_few(const struct near_list *list, const enum nft_since *since)
{
	for (size_t i = 0; i < list->areas.list.len; i++)
		if (!list->areas.list.at[i]->has)
			return false;
	return since || list->number.len <= MEETING_MOST;
}

bool nft_changed_prove(struct backend_nft *nft, const uint32_t *place,
		       const struct nft_some_forms *packets, const struct nft_changed_since *since)
{
	struct arena arena cleanup(arena_fini);
	struct near_list list;
	struct nft_program program;
	struct nft_proof proof = {.over = true};
	arena_init(&arena);
	nft_program_init(&program, &arena);
	make_list(nft->live, place, packets, &arena, &list);
	const struct nft_areas *areas = &list.areas;
	if (!areas->list.len)
		return true;
	const enum nft_since *known = find_since(nft, &list, since, &arena);
	if (is_few(&list, known) && !nft_read_reached(nft, place, areas, &program))
		nft_prove_in(areas, &list.program, &program, known, &arena, &proof);
	bool proven = !proof.over && !proof.misfit.len;
	if (proven)
		nft_reasons_take(&nft->live->reasons, &proof.reason, list.number.at);
	return proven;
}

static bool only_ours(struct backend_nft *nft, uint32_t *now_out)
{
	return nft->live && nft->changed.known &&
	       nft_only_ours(&nft->socket, nft->changed.at, now_out);
}

// A rule that goes and comes again is for the same packets.
static bool has_packets(const struct nft_form *const *of, size_t len, const struct nft_form *form)
{
	for (size_t i = 0; i < len; i++)
		if (nft_form_same_matches(of[i], form))
			return true;
	return false;
}

bool nft_changed_itself(const struct nft_changed *changed, uint32_t number)
{
	const struct nft_tag was = {.known = true, .rule = number};
	for (size_t i = 0; i < changed->form.len; i++)
		if (changed->form.at[i].form.tag.known &&
		    changed->form.at[i].form.tag.rule == number)
			return true;
	return nft_turn_of(&changed->turned, &was);
}

// Whether the rule with this number has packets of one that changed (came).
static bool meets_changed(const struct backend_nft *nft, const uint32_t *place, uint32_t number,
			  bool came)
{
	const struct nft_changed *changed = &nft->changed;
	struct nft_live_forms is = nft_live_forms(nft->live, place, number);
	for (uint32_t k = is.first; k < is.first + is.forms; k++)
		for (size_t i = 0; i < changed->form.len; i++)
			if (nft->live->tree.rule.at[k] && (!came || changed->form.at[i].came) &&
			    nft_form_may_meet(&changed->form.at[i].form,
					      nft->live->tree.rule.at[k]))
				return true;
	return false;
}

// Whose spots are fewer or more than they were, but because of no rule that changed (came): their packets are proven, too.
static void find_others(const struct backend_nft *nft, const uint32_t *place,
			const struct nft_numbers *some, const struct nft_numbers *elsewhere,
			bool came, struct arena *arena, struct nft_numbers *out)
{
	for (size_t i = 0; i < some->list.len && out->list.len <= OTHERS_MOST; i++) {
		uint32_t number = some->list.at[i];
		if (!nft_changed_itself(&nft->changed, number) &&
		    !nft_numbers_count(elsewhere, number) && !nft_numbers_count(out, number) &&
		    !meets_changed(nft, place, number, came))
			vec_push(arena, &out->list, number);
	}
}

// Adds their packets; false: too many. Who is missing is so because of a rule that came, as one that goes hides no other.
static bool add_others(const struct backend_nft *nft, const uint32_t *place,
		       const struct nft_spots_diff *spots, struct arena *arena,
		       struct nft_to_prove *out)
{
	struct nft_numbers others = {{0}};
	find_others(nft, place, &spots->lost, &spots->come, true, arena, &others);
	find_others(nft, place, &spots->come, &spots->lost, false, arena, &others);
	for (size_t i = 0; i < others.list.len; i++) {
		struct nft_live_forms is = nft_live_forms(nft->live, place, others.list.at[i]);
		if (!is.forms)
			return false;
		for (uint32_t k = is.first; k < is.first + is.forms; k++)
			if (nft->live->tree.rule.at[k])
				vec_push(arena, &out->some.list, nft->live->tree.rule.at[k]);
	}
	return others.list.len <= OTHERS_MOST;
}

// A rule that does something else decides the packets that it decided before, so nobody who has leaned on it minds; and it
// stands where it stood, in the list, so nothing is different from a rule that came.
static bool only_turned(const struct nft_changed *changed, const struct nft_form *form,
			const struct nft_spots_diff *spots)
{
	for (size_t i = 0; i < changed->turned.rule.len; i++) {
		const struct nft_turn *turn = &changed->turned.rule.at[i];
		if (turn->now == form->tag.rule)
			return changed->counted && nft_spots_gone(spots, turn->was, turn->there);
	}
	return false;
}

bool nft_changed_left(struct backend_nft *nft, const uint32_t *place,
		      const struct nft_spots_diff *spots, struct arena *arena,
		      struct nft_to_prove *out)
{
	const struct nft_changed *changed = &nft->changed;
	bool known = is_known(nft, spots);
	*out = (struct nft_to_prove){.whole = {{0}}};
	for (size_t i = 0; i < changed->form.len; i++) {
		const struct nft_changed_form *is = &changed->form.at[i];
		bool tree = known && !is_in_front(nft, place, is);
		if (tree && (is->came || only_turned(changed, &is->form, spots)))
			vec_push(arena, &out->some.list, &is->form);
		else if (tree)
			nft_gone_prove(nft, place, spots, i, arena, out);
		else
			vec_push(arena, &out->whole.list, &is->form);
	}
	return !spots->known || add_others(nft, place, spots, arena, out);
}

// Where something is known all is proven together, as packets mostly come to the same chains.
bool nft_changed_holds(struct backend_nft *nft, const uint32_t *place,
		       const struct nft_spots_diff *spots, const struct nft_to_prove *left)
{
	const struct nft_changed_since since = {spots, left->leaned};
	bool holds = nft_changed_prove(nft, place, &left->some, &since);
	for (size_t i = 0; i < left->whole.list.len && holds; i++) {
		const struct nft_form *form = left->whole.list.at[i];
		const struct nft_some_forms one = {{.at = &form, .len = 1}};
		holds = has_packets(left->whole.list.at, i, form) ||
			nft_changed_prove(nft, place, &one, NULL);
	}
	return holds;
}

// Rules that now stand elsewhere than where they were proven may do so because of any other rule.
static void doubt(struct backend_nft *nft, const uint32_t *place, const struct nft_numbers *numbers)
{
	struct nft_live *live = nft->live;
	for (size_t i = 0; i < numbers->list.len; i++) {
		uint32_t number = numbers->list.at[i];
		struct nft_live_forms now = nft_live_forms(live, place, number);
		for (uint32_t k = now.first;
		     k < now.first + now.forms && !nft_changed_itself(&nft->changed, number); k++)
			nft_reasons_add(&live->reasons, (struct nft_reason){k, NFT_REASON_ANY,
									    live->tree.hull.at[k]});
	}
}

// All kernel rules that such a rule has came when it was turned.
static void count_turned(struct backend_nft *nft, const struct nft_spots_diff *spots)
{
	const struct nft_turned *turned = &nft->changed.turned;
	for (size_t i = 0; i < turned->rule.len && spots->known; i++) {
		uint32_t now = turned->rule.at[i].now;
		if (!nft_numbers_count(&spots->led, now))
			nft_places_set(&nft->live->places, now,
				       (uint32_t)nft_numbers_count(&spots->come, now));
	}
}

static bool prove_spots(struct backend_nft *nft, const uint32_t *place)
{
	struct arena arena cleanup(arena_fini);
	struct nft_spots_diff spots;
	struct nft_to_prove left;
	arena_init(&arena);
	nft_spots_compare(nft, &arena, &spots);
	if (!nft_changed_left(nft, place, &spots, &arena, &left) ||
	    !nft_changed_holds(nft, place, &spots, &left))
		return false;
	nft->live->reasons.known &= spots.known;
	count_turned(nft, &spots);
	doubt(nft, place, &spots.lost);
	doubt(nft, place, &spots.come);
	doubt(nft, place, &spots.moved);
	return true;
}

static bool prove_all(struct backend_nft *nft)
{
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	const uint32_t *place = nft_live_places(nft->live, &arena);
	nft->live->known.turn++;
	bool proven = nft_turned_proven(nft, place) || prove_spots(nft, place);
	nft_known_settle(&nft->live->known);
	return proven;
}

// What was read of maps holds as long as nobody else has changed anything.
static void begin_knowing(struct backend_nft *nft, uint32_t before)
{
	uint32_t now;
	if (!nft_only_ours(&nft->socket, nft->known_at, &now) || now != before)
		nft_known_fini(&nft->live->known);
	nft->known_at = (struct nft_moment){before, nft->socket.commits};
}

int backend_nft_compare_changed(struct backend_nft *nft, const struct ir_ruleset *lowered,
				struct backend_differences *out)
{
	uint32_t before = 0, now = 0;
	bool proven = only_ours(nft, &before) && nft->live->rule.len == lowered->rule.len;
	if (proven) {
		begin_knowing(nft, before);
		proven = prove_all(nft) && only_ours(nft, &now) && now == before;
	}
	if (!proven) {
		if (nft->live)
			nft_known_fini(&nft->live->known);
		return backend_nft_compare(nft, lowered, out);
	}
	nft_changed_proven(nft, now, nft->changed.counted);
	return 0;
}
