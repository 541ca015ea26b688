// SPDX-License-Identifier: Apache-2.0
// The proof behind a change of ours. All was proven; since then, says the kernel's number of changes, nobody but us has
// changed anything; and ours can only have touched the packets of the rules that came and went. For these the proof is
// made again, from the kernel: only the chains to which they come are read, and only rules that meet them are looked at.
#include "backend/nft/changed.h"
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/prove.h"
#include "backend/nft/table.h"

#include <errno.h>
#include <string.h>

#define ROUNDS_MOST 64u // reads, each of what the last one has led to
#define CHAINS_MOST 100000u
#define STEPS_MOST 4000000u
#define MEETING_MOST 60000u // rules; when more meet a change, all is proven again

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

uint64_t backend_nft_proven(const struct backend_nft *nft)
{
	const struct nft_changed *changed = &nft->changed;
	return (uint64_t)changed->at.changes << 32 | (uint64_t)(changed->at.commits << 1) |
	       changed->counted;
}

// Pinholes are transactions, too: of those since then nobody knows which the copy has seen.
void backend_nft_adopt(struct backend_nft *nft, uint64_t proven)
{
	const struct nft_changed *changed = &nft->changed;
	uint32_t at = (uint32_t)(proven >> 32);
	if (nft->socket.commits << 1 != ((uint32_t)proven & ~1u))
		return;
	bool same = changed->known && !changed->form.len &&
		    at - changed->at.changes == nft->socket.commits - changed->at.commits;
	if (nft->live && !same)
		nft->live->reasons.known = false;
	nft_changed_proven(nft, at, proven & 1);
}

void nft_changed_add(struct backend_nft *nft, const struct nft_form *form)
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
	vec_push(a, &nft->changed.form, copy);
}

// --- the chains to which packets come ---

struct reading {
	struct backend_nft *nft;
	struct arena *arena;
	const char *prefix;
	const uint32_t *place;
	const struct nft_area *area;
	struct nft_program program;
	VEC(const char *) wanted; // chains, without the prefix
	struct map asked;
	int error;
};

static void want(struct reading *r, const char *chain)
{
	if (!chain || map_get(&r->asked, chain))
		return;
	map_put(&r->asked, chain, r);
	vec_push(r->arena, &r->wanted, chain);
}

// The field of the packets that the register holds, whatever else it may be for others; NFT_FIELDS: no such field is told.
static enum nft_field field_read(const struct nft_area *packets, const struct nft_reg *reg)
{
	for (uint64_t left = packets->has; left; left &= left - 1) {
		enum nft_field field = (enum nft_field)__builtin_ctzll(left);
		const struct nft_field_info *info = &nft_field_info[field];
		if (info->place.source == SOURCE_PAYLOAD && reg->place.source == SOURCE_PAYLOAD &&
		    info->place.key == reg->place.key && info->place.offset == reg->place.offset &&
		    info->bytes == reg->bytes && info->bits == reg->bytes * 8u &&
		    reg->mask == algebra_max(info->bits))
			return field;
	}
	return NFT_FIELDS;
}

// As a register's values, which are the field's.
static const struct algebra_set *values_of(const void *context, const struct nft_reg *reg)
{
	const struct nft_area *packets = context;
	enum nft_field field = field_read(packets, reg);
	return field == NFT_FIELDS ? NULL : &packets->set[field];
}

// What is known of a map has numbers and no names.
static void name_tag(const struct nft_live *live, struct nft_tag *tag)
{
	bool ours = tag->known && tag->rule < live->rule.len && !tag->policy && !tag->name;
	const struct nft_live_rule *rule = ours ? &live->rule.at[tag->rule] : NULL;
	const struct nft_form *form = rule && rule->forms ? live->tree.rule.at[rule->first] : NULL;
	if (!form)
		return;
	tag->policy = form->tag.policy;
	tag->name = form->tag.name;
}

// Boxes that decide by themselves lead on to nothing that is to be read.
static void take_direct(struct reading *r, const struct nft_form *form)
{
	for (size_t i = 0; form->act == ACT_BOXES && i < form->boxes.len; i++) {
		struct nft_chain *chain = nft_direct_chain(&r->program, &form->boxes.box[i]);
		if (!chain)
			continue;
		nft_live_place(r->nft->live, r->place, &chain->rule.at[0].tag);
		name_tag(r->nft->live, &chain->rule.at[0].tag);
	}
}

// Whose rule it is by its place; its chains are wanted too, but for those of the tree, to which a walk has to lead.
static void take_rules(struct reading *r, const struct nft_dumped_chain *from, struct nft_chain *to)
{
	struct nft_chain all;
	nft_chain_spread(from->rule.at, from->rule.len, r->arena, &all);
	for (size_t i = 0; i < all.rule.len; i++) {
		struct nft_form form = all.rule.at[i];
		nft_live_place(r->nft->live, r->place, &form.tag);
		if (from->known)
			name_tag(r->nft->live, &form.tag);
		if (!nft_leads_on(&form))
			want(r, form.chain);
		vec_push(r->arena, &to->rule, form);
	}
}

static void read_wanted(struct reading *r)
{
	struct nft_table table;
	size_t n = r->wanted.len, prefix = strlen(r->prefix);
	const char **name = arena_array(r->arena, const char *, n);
	for (size_t i = 0; i < n; i++)
		name[i] = arena_printf(r->arena, "%s%s", r->prefix, r->wanted.at[i]);
	const struct nft_near near = {values_of, r->area};
	const struct nft_part part = {
		.chain = name, .chains = n, .known = &r->nft->live->known, .near = &near};
	r->wanted.len = 0;
	r->error = nft_table_read_part(&r->nft->socket, r->nft->table, &part, r->arena, &table);
	for (size_t i = 0; i < table.chain.len && !r->error; i++) {
		const struct nft_dumped_chain *chain = table.chain.at[i];
		take_rules(r, chain, nft_program_chain(&r->program, chain->name + prefix));
	}
	if (r->program.chain.len > CHAINS_MOST)
		r->error = -E2BIG;
}

static void pass_rule(struct nft_walk *walk, const struct nft_visit *at,
		      const struct nft_form *form, const struct nft_area *packets,
		      struct arena *arena, struct nft_areas *rest)
{
	(void)at;
	nft_walk_past(walk, form, packets, arena, rest);
}

static bool pass_end(struct nft_walk *walk, const struct nft_visit *at,
		     const struct nft_area *packets)
{
	(void)walk, (void)at, (void)packets;
	return true;
}

// A chain that was not read yet, or a rule that nobody can follow: the proof says so then.
static void note_lost(struct nft_walk *walk, const struct nft_visit *at, const char *why)
{
	(void)walk, (void)at, (void)why;
}

static void note_missing(struct nft_walk *walk, const char *chain)
{
	if (chain && strncmp(chain, NFT_DIRECT_CHAIN, strlen(NFT_DIRECT_CHAIN)) != 0)
		want(walk->user, chain);
}

static void walk_read(struct reading *r)
{
	struct nft_ways ways;
	nft_ways_find(&r->program, r->arena, &ways);
	struct nft_walk walk = {.ways = &ways,
				.user = r,
				.rule = pass_rule,
				.ends = pass_end,
				.lost = note_lost,
				.missing = note_missing,
				.leading_only = true,
				.all_back = true,
				.steps = STEPS_MOST};
	nft_walk(&walk, r->area);
	nft_ways_fini(&ways);
	if (walk.over)
		r->error = -E2BIG;
}

static void read_chains(struct reading *r)
{
	want(r, "");
	for (unsigned i = 0; i < ROUNDS_MOST && !r->error; i++) {
		if (r->wanted.len)
			read_wanted(r);
		if (!r->error)
			walk_read(r);
		if (!r->wanted.len)
			return;
	}
	r->error = -E2BIG;
}

static void read_ways(struct reading *r)
{
	read_chains(r);
	size_t chains = r->program.chain.len;
	for (size_t i = 0; i < chains && !r->error; i++) {
		const struct nft_chain *chain = r->program.chain.at[i];
		for (size_t k = 0; k < chain->rule.len; k++)
			take_direct(r, &chain->rule.at[k]);
	}
	if (r->program.chain.len > CHAINS_MOST)
		r->error = -E2BIG;
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

// A list of the policy's rules, with their numbers in the tree.
struct near_list {
	struct nft_program program;
	VEC(uint32_t) number;
};

static void add_form(struct near_list *near, const struct nft_live *live, uint32_t number,
		     uint32_t place)
{
	struct nft_program *list = &near->program;
	const struct nft_form *form = live->tree.rule.at[number];
	struct nft_form mine = *form;
	struct nft_chain *main_chain = nft_program_find(list, "");
	size_t before = list->chain.len;
	add_chains(list, &live->program, form->chain);
	for (size_t i = before; i < list->chain.len; i++)
		(void)placed_chain(list, list->chain.at[i], form->tag.rule, place);
	mine.tag.rule = place;
	vec_push(list->arena, &main_chain->rule, mine);
	vec_push(list->arena, &near->number, number);
}

// The list's rules that may match a packet that the form matches, in order, and its end.
static void make_list(const struct nft_live *live, const struct nft_form *touched,
		      struct near_list *list)
{
	const struct nft_tree *tree = &live->tree;
	const struct nft_hull hull = nft_hull_of(touched);
	nft_program_chain(&list->program, "")->name = "";
	for (size_t i = 0; i < live->rule.len; i++)
		for (uint32_t k = 0; k < live->rule.at[i].forms; k++) {
			uint32_t number = live->rule.at[i].first + k;
			if (nft_hulls_apart(&hull, &tree->hull.at[number]))
				continue;
			const struct nft_form *form = tree->rule.at[number];
			if (form && nft_form_may_meet(touched, form))
				add_form(list, live, number, (uint32_t)i);
		}
	for (uint32_t i = live->last; i < live->last + live->lasts; i++)
		if (tree->rule.at[i])
			add_form(list, live, i, tree->rule.at[i]->tag.rule);
}

bool nft_changed_decided(struct backend_nft *nft, const struct nft_form *packets, uint32_t rule)
{
	struct arena arena cleanup(arena_fini);
	struct nft_area area;
	struct near_list list = {.number = {0}};
	struct nft_reason_list reasons = {.over = false};
	struct nft_decided decided;
	size_t at = 0;
	arena_init(&arena);
	nft_program_init(&list.program, &arena);
	nft_area_all(&area);
	nft_area_form(&area, &arena, packets);
	make_list(nft->live, packets, &list);
	while (at < list.number.len && list.number.at[at] != rule)
		at++;
	nft_decided_init(&decided, nft_program_find(&list.program, "")->rule.at, list.number.len,
			 &arena, &reasons);
	nft_decided_begin(&decided, at);
	bool all = nft_decided_before(&decided, &area) == ALGEBRA_COVERED;
	nft_decided_end(&decided);
	nft_decided_fini(&decided);
	all &= at < list.number.len;
	if (all)
		nft_reasons_take(&nft->live->reasons, &reasons, list.number.at);
	return all;
}

bool nft_changed_prove(struct backend_nft *nft, const uint32_t *place,
		       const struct nft_form *packets)
{
	struct arena arena;
	struct nft_area area;
	struct near_list list = {.number = {0}};
	struct nft_proof proof = {.over = true};
	arena_init(&arena);
	struct reading r = {.nft = nft,
			    .arena = &arena,
			    .prefix = nft->live->prefix,
			    .place = place,
			    .area = &area,
			    .asked = {.arena = &arena}};
	nft_program_init(&r.program, &arena);
	nft_program_init(&list.program, &arena);
	nft_area_all(&area);
	nft_area_form(&area, &arena, packets);
	make_list(nft->live, packets, &list);
	bool few = area.has && list.number.len <= MEETING_MOST;
	if (few && !area.never)
		read_ways(&r);
	if (few && !area.never && !r.error)
		nft_prove_in(&area, &list.program, &r.program, &arena, &proof);
	bool proven = area.never || (!proof.over && !proof.misfit.len);
	if (proven)
		nft_reasons_take(&nft->live->reasons, &proof.reason, list.number.at);
	arena_fini(&arena);
	return proven;
}

static bool only_ours(struct backend_nft *nft, uint32_t *now_out)
{
	return nft->live && nft->changed.known &&
	       nft_only_ours(&nft->socket, nft->changed.at, now_out);
}

// A rule that goes and comes again is for the same packets.
static bool was_before(const struct nft_changed *changed, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (nft_form_same_matches(&changed->form.at[i], &changed->form.at[at]))
			return true;
	return false;
}

static bool prove_each(struct backend_nft *nft, const uint32_t *place)
{
	const struct nft_changed *changed = &nft->changed;
	for (size_t i = 0; i < changed->form.len; i++)
		if (!was_before(changed, i) && !nft_changed_prove(nft, place, &changed->form.at[i]))
			return false;
	return true;
}

static bool is_changed(const struct nft_changed *changed, uint32_t number)
{
	const struct nft_tag was = {.known = true, .rule = number};
	for (size_t i = 0; i < changed->form.len; i++)
		if (changed->form.at[i].tag.known && changed->form.at[i].tag.rule == number)
			return true;
	return nft_turn_of(&changed->turned, &was);
}

// Rules that now stand elsewhere than where they were proven may do so because of any other rule.
static void doubt(struct backend_nft *nft, const uint32_t *place, const struct nft_numbers *numbers)
{
	struct nft_live *live = nft->live;
	for (size_t i = 0; i < numbers->list.len; i++) {
		uint32_t number = numbers->list.at[i];
		struct nft_live_forms now = nft_live_forms(live, place, number);
		for (uint32_t k = now.first;
		     k < now.first + now.forms && !is_changed(&nft->changed, number); k++)
			nft_reasons_add(&live->reasons, (struct nft_reason){k, NFT_REASON_ANY,
									    live->tree.hull.at[k]});
	}
}

static bool prove_spots(struct backend_nft *nft, const uint32_t *place)
{
	struct arena arena cleanup(arena_fini);
	struct nft_spots_diff spots;
	arena_init(&arena);
	nft_spots_compare(nft, &arena, &spots);
	if (!nft_gone_proven(nft, place, &spots) && !prove_each(nft, place))
		return false;
	nft->live->reasons.known &= spots.known;
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
