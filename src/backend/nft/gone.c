// SPDX-License-Identifier: Apache-2.0
// The proof behind a change that only takes rules out. What was shown of any other rule still holds, with one kernel rule
// less on the way of its packets, unless it was shown because of the one that went: a packet that the rule need not come to,
// as that one decides it. The proof has noted these reasons; unless others decide these packets, too, it is made again for
// them. That nothing else has changed is read from the kernel: in the chains and maps that were touched each spot is as it
// was and where it was; those of the rules that went are gone, as many as they had in the whole table; and rules that show
// up there, because they are hidden no longer, are proven for the packets that both are for.
#include "backend/nft/gone.h"
#include "backend/nft/live.h"
#include "backend/nft/open.h"

#define ASKED_MOST 64u   // areas; of these …
#define FOLLOWED_MOST 8u // … are followed; for more it takes longer than to follow what went

void nft_gone_add(struct backend_nft *nft, const struct nft_live_rule *rule)
{
	struct nft_changed *changed = &nft->changed;
	if (!changed->known)
		return;
	for (uint32_t i = rule->first; i < rule->first + rule->forms; i++)
		if (!nft->live->tree.placed.at[i])
			return;
	uint32_t there = nft_places_of(&nft->live->places, rule->number);
	for (uint32_t i = 0; i < rule->forms; i++)
		vec_push(&changed->arena, &changed->gone,
			 ((struct nft_gone){rule->number, rule->first + i, there}));
}

// Packets for which it is to be proven; unless earlier ones decide them, if they are only asked about for this rule.
struct asked {
	struct nft_form packets;
	uint32_t rule; // in the tree, or NFT_REASON_ANY
};

struct going {
	struct backend_nft *nft;
	const struct nft_tree *tree;
	struct arena *arena;
	VEC(struct asked) asked;
	unsigned followed;
	bool over;
};

static const struct nft_gone *gone_with(const struct nft_changed *changed, uint32_t number)
{
	for (size_t i = 0; i < changed->gone.len; i++)
		if (changed->gone.at[i].number == number)
			return &changed->gone.at[i];
	return NULL;
}

static size_t count(const struct nft_numbers *numbers, uint32_t number)
{
	size_t n = 0;
	for (size_t i = 0; i < numbers->list.len; i++)
		n += numbers->list.at[i] == number;
	return n;
}

// Nothing but all spots of these rules is gone, and all others are where they were.
static bool only_they_went(const struct nft_changed *changed, const struct nft_spots_diff *spots)
{
	if (!spots->known || spots->moved.list.len || spots->leads || changed->spots.others)
		return false;
	for (size_t i = 0; i < spots->lost.list.len; i++)
		if (!gone_with(changed, spots->lost.list.at[i]))
			return false;
	for (size_t i = 0; i < changed->gone.len; i++)
		if (count(&spots->lost, changed->gone.at[i].number) != changed->gone.at[i].there)
			return false;
	return true;
}

static bool is_asked(const struct going *g, const struct nft_form *packets, uint32_t rule)
{
	for (size_t i = 0; i < g->asked.len; i++)
		if (g->asked.at[i].rule == rule &&
		    nft_form_same_matches(&g->asked.at[i].packets, packets))
			return true;
	return false;
}

// The packets of a kernel rule that went that are in another one (NFT_REASON_ANY: any) and in what a reason says (NULL: as
// the other one shows up).
static void ask(struct going *g, const struct nft_form *went, uint32_t rule,
		const struct nft_reason *reason)
{
	struct nft_area area;
	struct nft_form form = {0};
	uint32_t alone = reason ? rule : NFT_REASON_ANY;
	nft_area_all(&area);
	nft_area_form(&area, g->arena, went);
	if (rule != NFT_REASON_ANY)
		nft_area_form(&area, g->arena, g->tree->rule.at[rule]);
	if (reason)
		nft_reason_narrow(reason, g->arena, &area);
	if (area.never)
		return;
	nft_area_matches(&area, g->arena, &form);
	if (is_asked(g, &form, alone))
		return;
	g->over |= g->asked.len >= ASKED_MOST;
	if (!g->over)
		vec_push(g->arena, &g->asked, ((struct asked){form, alone}));
}

static void ask_reasons(struct going *g, const struct nft_gone *gone, const struct nft_form *went)
{
	const struct nft_reasons *reasons = &g->nft->live->reasons;
	const struct nft_hull hull = nft_hull_of(went);
	for (size_t i = 0; i < reasons->len && !g->over; i++) {
		const struct nft_reason *reason = &reasons->at[i];
		bool all = reason->rule == NFT_REASON_ANY;
		if ((reason->by != gone->in_tree && reason->by != NFT_REASON_ANY) ||
		    nft_hulls_apart(&reason->packets, &hull))
			continue;
		if (all || g->tree->rule.at[reason->rule])
			ask(g, went, reason->rule, reason);
	}
}

// Rules that come to stand where they did not.
static void ask_shown(struct going *g, const struct nft_spots_diff *spots,
		      const struct nft_form *went, const uint32_t *place)
{
	for (size_t i = 0; i < spots->come.list.len && !g->over; i++) {
		struct nft_live_forms shown =
			nft_live_forms(g->nft->live, place, spots->come.list.at[i]);
		g->over |= !shown.forms;
		for (uint32_t k = shown.first; k < shown.first + shown.forms; k++)
			if (g->tree->rule.at[k])
				ask(g, went, k, NULL);
	}
}

static bool holds(struct going *g, const struct asked *asked, const uint32_t *place)
{
	if (asked->rule != NFT_REASON_ANY &&
	    nft_changed_decided(g->nft, &asked->packets, asked->rule))
		return true;
	return g->followed++ < FOLLOWED_MOST && nft_changed_prove(g->nft, place, &asked->packets);
}

bool nft_gone_proven(struct backend_nft *nft, const uint32_t *place,
		     const struct nft_spots_diff *spots)
{
	struct nft_changed *changed = &nft->changed;
	struct arena arena cleanup(arena_fini);
	struct going g = {.nft = nft, .tree = &nft->live->tree, .arena = &arena};
	arena_init(&arena);
	if (!changed->gone.len || changed->gone.len != changed->form.len || !changed->counted ||
	    !nft->live->reasons.known || !only_they_went(changed, spots))
		return false;
	for (size_t i = 0; i < changed->gone.len; i++) {
		ask_reasons(&g, &changed->gone.at[i], &changed->form.at[i]);
		ask_shown(&g, spots, &changed->form.at[i], place);
	}
	bool proven = !g.over;
	for (size_t i = 0; i < g.asked.len && proven; i++)
		proven = holds(&g, &g.asked.at[i], place);
	return proven;
}
