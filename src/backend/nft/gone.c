// SPDX-License-Identifier: Apache-2.0
// The proof behind a rule that was taken out. What was shown of any other rule still holds, with one kernel rule less on the
// way of its packets, unless it was shown because of the one that went: a packet that the rule need not come to, as that one
// decides it. The proof has noted these reasons; unless others decide these packets, too, that rule is followed for them.
// That nothing else has changed is read from the kernel: in the chains and maps that were touched each spot is as it was and
// where it was; those of the rule that went are gone, as many as it had in the whole table; and rules that show up there,
// because they are hidden no longer, or stand elsewhere now, are proven for the packets that both are for.
#include "backend/nft/gone.h"
#include "backend/nft/live.h"
#include "backend/nft/open.h"

#define ASKED_MOST 64u // areas; more are all that went, as each is looked at for each rule
#define LISTED_MOST 8u // of so few the list is asked first whether it decides them
#define OTHERS_MOST 4u // rules that stand elsewhere; more are followed for all that went

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
			 ((struct nft_gone){rule->number, rule->first + i, there,
					    changed->form.len + i}));
}

// Packets for which it is to be proven.
struct asked {
	struct nft_form packets;
	enum {
		FOR_ALL,   // of no rule it is known what becomes of them,
		FOR_SHOWN, // of all but those that stand elsewhere,
		FOR_RULE,  // and but this one, if no earlier one decides them
	} whom;
	uint32_t rule; // in the tree
};

struct going {
	struct backend_nft *nft;
	const struct nft_tree *tree;
	struct arena *arena;
	VEC(struct asked) asked;
	bool together;             // there are more: for all packets of the rule that went …
	struct nft_numbers leaned; // … and these, which may have leaned on it
	bool over;
};

static bool is_asked(const struct going *g, const struct asked *asked)
{
	for (size_t i = 0; i < g->asked.len; i++) {
		const struct asked *there = &g->asked.at[i];
		if (there->whom == asked->whom && there->rule == asked->rule &&
		    nft_form_same_matches(&there->packets, &asked->packets))
			return true;
	}
	return false;
}

// The packets of a kernel rule that went that are in another one (NFT_REASON_ANY: any) and in what a reason says (NULL: as
// the other one shows up).
static void ask(struct going *g, const struct nft_form *went, uint32_t rule,
		const struct nft_reason *reason)
{
	struct nft_area area;
	struct asked asked = {.rule = rule};
	asked.whom = !reason ? FOR_SHOWN : rule == NFT_REASON_ANY ? FOR_ALL : FOR_RULE;
	nft_area_of(went, g->arena, &area);
	if (rule != NFT_REASON_ANY)
		nft_area_form(&area, g->arena, g->tree->rule.at[rule]);
	if (reason)
		nft_reason_narrow(reason, g->arena, &area);
	if (area.never)
		return;
	nft_area_matches(&area, g->arena, &asked.packets);
	if (is_asked(g, &asked))
		return;
	bool full = g->asked.len >= ASKED_MOST;
	g->over |= full && asked.whom == FOR_ALL;
	g->together |= full;
	if (!full)
		vec_push(g->arena, &g->asked, asked);
}

static void ask_reasons(struct going *g, const struct nft_gone *gone, const struct nft_form *went)
{
	const struct nft_reasons *reasons = &g->nft->live->reasons;
	const struct nft_hull hull = nft_hull_of(went);
	for (size_t i = 0; i < reasons->len && !g->over; i++) {
		const struct nft_reason *reason = &reasons->at[i];
		bool all = reason->rule == NFT_REASON_ANY;
		if ((reason->by != gone->in_tree && reason->by != NFT_REASON_ANY) ||
		    nft_hulls_apart(&reason->packets, &hull) ||
		    (!all && !g->tree->rule.at[reason->rule]))
			continue;
		if (!all)
			vec_push(g->arena, &g->leaned.list, reason->rule);
		if (all || !g->together)
			ask(g, went, reason->rule, reason);
	}
}

// Rules beside those that changed that have come to stand where they did not, or no longer stand where they did.
static void list_others(struct going *g, const struct nft_spots_diff *spots,
			struct nft_numbers *out)
{
	const struct nft_numbers *all[] = {&spots->come, &spots->moved, &spots->lost,
					   &g->nft->changed.spots.front};
	for (size_t k = 0; k < array_len(all); k++)
		for (size_t i = 0; i < all[k]->list.len && out->list.len <= OTHERS_MOST; i++) {
			uint32_t number = all[k]->list.at[i];
			if (!nft_changed_itself(&g->nft->changed, number) &&
			    !nft_numbers_count(out, number))
				vec_push(g->arena, &out->list, number);
		}
}

static void ask_others(struct going *g, const struct nft_spots_diff *spots,
		       const struct nft_form *went, const uint32_t *place)
{
	struct nft_numbers others = {{0}};
	list_others(g, spots, &others);
	if (others.list.len > OTHERS_MOST) {
		ask(g, went, NFT_REASON_ANY, NULL);
		return;
	}
	for (size_t i = 0; i < others.list.len; i++) {
		struct nft_live_forms is = nft_live_forms(g->nft->live, place, others.list.at[i]);
		g->over |= !is.forms;
		for (uint32_t k = is.first; k < is.first + is.forms; k++)
			if (g->tree->rule.at[k])
				ask(g, went, k, NULL);
	}
}

static void follow(struct going *g, const struct nft_form *went, const uint32_t *place,
		   struct nft_to_prove *out)
{
	if (g->together)
		vec_push(g->arena, &out->some.list, went);
	for (size_t i = 0; i < g->leaned.list.len && g->together; i++)
		vec_push(g->arena, &out->leaned.list, g->leaned.list.at[i]);
	for (size_t i = 0; i < g->asked.len; i++) {
		const struct asked *asked = &g->asked.at[i];
		if (asked->whom == FOR_RULE && g->asked.len <= LISTED_MOST &&
		    nft_changed_decided(g->nft, place, &asked->packets, asked->rule))
			continue;
		if (asked->whom == FOR_RULE)
			vec_push(g->arena, &out->leaned.list, asked->rule);
		struct nft_some_forms *to = asked->whom == FOR_ALL ? &out->whole : &out->some;
		vec_push(g->arena, &to->list, &asked->packets);
	}
}

static const struct nft_gone *find_gone(const struct nft_changed *changed, size_t form)
{
	for (size_t i = 0; i < changed->gone.len; i++)
		if (changed->gone.at[i].form == form)
			return &changed->gone.at[i];
	return NULL;
}

void nft_gone_prove(struct backend_nft *nft, const uint32_t *place,
		    const struct nft_spots_diff *spots, size_t form, struct arena *arena,
		    struct nft_to_prove *out)
{
	struct nft_changed *changed = &nft->changed;
	const struct nft_form *went = &changed->form.at[form].form;
	const struct nft_gone *gone = find_gone(changed, form);
	struct going g = {.nft = nft, .tree = &nft->live->tree, .arena = arena};
	bool known = gone && changed->counted && nft->live->reasons.known &&
		     nft_spots_gone(spots, gone->number, gone->there);
	if (known) {
		ask_reasons(&g, gone, went);
		ask_others(&g, spots, went, place);
	}
	if (known && !g.over)
		follow(&g, went, place, out);
	else
		vec_push(arena, &out->whole.list, went);
}
