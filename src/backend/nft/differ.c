// SPDX-License-Identifier: Apache-2.0
// What a failed proof means for the rules of a policy: each is told once, as missing, changed, reordered, or foreign. A
// difference in meaning comes with a packet: what is enforced is lifted, the analysis engine compares it with what is
// meant, and whose rules decide a packet differently is shown it. Where that shows none, a packet is searched (witness.c).
// Without one, a difference is about counters, logs, limits or packets that do not exist, or none was found.
#include "backend/nft/differ.h"
#include "backend/nft/prove.h"
#include "backend/nft/reasons.h"
#include "backend/nft/text.h"
#include "backend/nft/witness.h"
#include "verify/verify.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define WITNESSES_MOST 50u
#define WITNESS_MEMORY ((size_t)256 << 20)

struct differing {
	const struct ir_ruleset *lowered;
	const struct nft_program *list, *found;
	const struct nft_form *rule; // of the list
	size_t rules;
	const char *prefix;
	struct arena *arena; // until all is told
	const struct nft_proof *proof;
	bool *told, *absent;          // by rule of the list
	VEC(struct nft_sought) about; // by difference, from `first` on
	size_t first;
	struct backend_differences *out;
};
#define NONE NFT_MISFIT_NONE

// Whose elements lead there; that is told of those only that are nobody's.
static const char *map_of(const struct nft_chain *direct)
{
	const char *space = strchr(direct->name, ' ');
	return space ? space + 1 : "a map";
}

// "chain g7-n5, handle 12: tcp dport 22 accept"; "an element of g7-m12.1: accept".
static const char *shown_text(const struct differing *d, const struct nft_misfit *misfit)
{
	struct arena *a = d->out->arena;
	const struct nft_form *form = misfit->form;
	const char *text = form ? nft_text_shown(d->found, form, a) : "its end";
	const char *name = misfit->chain ? misfit->chain->name : "";
	if (misfit->chain && misfit->chain->direct)
		return arena_printf(a, "an element of %s: %s", map_of(misfit->chain), text);
	if (!form || !form->handle)
		return arena_printf(a, "chain %s%s: %s", d->prefix, name, text);
	return arena_printf(a, "chain %s%s, handle %" PRIu64 ": %s", d->prefix, name, form->handle,
			    text);
}

static const char *name_of(const struct nft_tag *tag)
{
	return tag->rule == NFT_TAG_DEFAULT   ? "default action"
	       : tag->rule == NFT_TAG_NO_FLOW ? "packets without a flow"
					      : tag->name;
}

static const char *found_text(struct differing *d, const struct nft_misfit *misfit)
{
	struct arena *a = d->out->arena;
	const char *shown = shown_text(d, misfit);
	if (misfit->kind == NFT_MISFIT_ABSENT)
		return arena_printf(a, "%s, where packets of the rule come", shown);
	if (!misfit->chain)
		return arena_strdup(a, misfit->why);
	return misfit->why ? arena_printf(a, "%s (%s)", shown, misfit->why) : shown;
}

static void tell(struct differing *d, enum backend_change change, size_t rule,
		 const struct nft_misfit *found)
{
	struct arena *a = d->out->arena;
	const struct nft_tag *tag = rule != NONE           ? &d->rule[rule].tag
				    : found && found->form ? &found->form->tag
							   : NULL;
	struct backend_difference difference = {.change = change};
	if (tag) {
		difference.policy = arena_strdup(a, tag->policy);
		difference.rule = arena_strdup(a, name_of(tag));
	}
	if (rule != NONE)
		difference.intended = nft_text_shown(d->list, &d->rule[rule], a);
	if (found)
		difference.found = found_text(d, found);
	if (rule != NONE)
		d->told[rule] = true;
	vec_push(a, &d->out->list, difference);
	vec_push(d->arena, &d->about,
		 (struct nft_sought){.rule = rule,
				     .chain = found ? found->chain : NULL,
				     .form = found ? found->form : NULL});
}

// --- which is which ---

static bool is_rule(const struct nft_form *form, const struct nft_tag *tag)
{
	return form->tag.known && form->tag.rule == tag->rule && form->tag.clause == tag->clause;
}

// Stands where the rule should, by one of its neighbours.
static bool in_place_of(const struct differing *d, const struct nft_misfit *misfit, size_t rule)
{
	const struct nft_chain *chain = misfit->chain;
	size_t at = (size_t)(misfit->form - chain->rule.at);
	if (misfit->form->tag.known)
		return false;
	if (rule && at && is_rule(&chain->rule.at[at - 1], &d->rule[rule - 1].tag))
		return true;
	return rule + 1 < d->rules && at + 1 < chain->rule.len &&
	       is_rule(&chain->rule.at[at + 1], &d->rule[rule + 1].tag);
}

static size_t stands_for(const struct differing *d, const struct nft_misfit *misfit,
			 enum backend_change *change_out)
{
	bool is_form = misfit->form && misfit->kind == NFT_MISFIT_UNKNOWN;
	for (size_t i = 0; is_form && i < d->rules; i++)
		if (d->absent[i] && !d->told[i] &&
		    nft_form_same((struct nft_form_of){d->list, &d->rule[i]},
				  (struct nft_form_of){d->found, misfit->form}, true)) {
			*change_out = BACKEND_REORDERED;
			return i;
		}
	for (size_t i = 0; is_form && i < d->rules; i++)
		if (d->absent[i] && !d->told[i] && in_place_of(d, misfit, i)) {
			*change_out = BACKEND_CHANGED;
			return i;
		}
	*change_out = BACKEND_FOREIGN;
	return NONE;
}

static void tell_of_rules(struct differing *d)
{
	for (size_t i = 0; i < d->proof->misfit.len; i++) {
		const struct nft_misfit *misfit = &d->proof->misfit.at[i];
		bool order = misfit->kind == NFT_MISFIT_ORDER;
		if (misfit->kind == NFT_MISFIT_ABSENT)
			d->absent[misfit->rule] = !misfit->chain;
		else if (misfit->rule != NONE && !d->told[misfit->rule])
			tell(d, order ? BACKEND_REORDERED : BACKEND_CHANGED, misfit->rule, misfit);
	}
}

static void tell_of_others(struct differing *d)
{
	for (size_t i = 0; i < d->proof->misfit.len; i++) {
		const struct nft_misfit *misfit = &d->proof->misfit.at[i];
		enum backend_change change;
		if (misfit->rule != NONE)
			continue;
		size_t rule = stands_for(d, misfit, &change);
		tell(d, change, rule, misfit);
	}
	for (size_t i = 0; i < d->proof->misfit.len; i++) {
		const struct nft_misfit *misfit = &d->proof->misfit.at[i];
		if (misfit->kind == NFT_MISFIT_ABSENT && !d->told[misfit->rule])
			tell(d, BACKEND_MISSING, misfit->rule, misfit->chain ? misfit : NULL);
	}
}

// --- witnesses ---

static bool same_text(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

struct shown {
	const struct ir_ruleset *meant, *is;
	const struct nft_origin *origin;
	const struct verify_comparison *comparison;
};

static bool shows(const struct shown *shown, const struct verify_difference *by,
		  const struct backend_difference *difference, const struct nft_form *about)
{
	size_t at = by->rule_b ? (size_t)(by->rule_b - shown->is->rule.at) : shown->is->rule.len;
	const struct nft_form *form = shown->origin[at].form;
	if (about && form && about->handle && form->handle == about->handle)
		return true;
	if (!difference->intended)
		return false;
	return by->rule_a ? same_text(by->rule_a->name, difference->rule) &&
				    same_text(by->rule_a->policy, difference->policy)
			  : same_text(difference->rule, "default action");
}

// What the engine shows is put to the policy and the kernel's rules themselves.
static void show(struct differing *d, const struct shown *shown, struct nft_witnesses *w)
{
	for (size_t i = 0; i < d->about.len; i++) {
		struct backend_difference *difference = &d->out->list.at[d->first + i];
		for (size_t k = 0; k < shown->comparison->difference.len && !difference->witness;
		     k++) {
			const struct verify_difference *by = &shown->comparison->difference.at[k];
			if (shows(shown, by, difference, d->about.at[i].form) &&
			    nft_witness_shows(w, by->packet))
				difference->witness = nft_text_packet(by->packet, d->out->arena);
		}
	}
}

// The packets that come to our rules at all.
static const struct ir_clause *forwarded(struct arena *arena)
{
	struct ir_clause *clause = arena_new(arena, struct ir_clause);
	for (enum ir_dim dim = 0; dim < IR_DIMS; dim++) {
		struct algebra_set all = nft_normal_domain(dim, arena);
		bool some = !all.len || ir_clause_narrow(clause, arena, dim, all);
		assert(some);
	}
	return clause;
}

static void compare(struct differing *d, struct nft_witnesses *w)
{
	struct ir_ruleset meant, is;
	struct backend_differences strange = {.arena = d->arena};
	struct verify_comparison comparison;
	struct nft_origin *origin;
	struct verify_options options = verify_options_default(time(NULL));
	options.memory = WITNESS_MEMORY;
	options.where = forwarded(d->arena);
	backend_nft_normal(d->lowered, d->arena, &meant);
	struct nft_program found = *d->found;
	found.unfragmented = true; // as are the packets that the engine looks at
	nft_lift(&found, d->arena, &is, &strange, &origin);
	if (strange.list.len)
		return; // a packet would only show what the rest does
	verify_compare(&meant, &is, &options, WITNESSES_MOST, d->arena, &comparison);
	struct shown shown = {&meant, &is, origin, &comparison};
	show(d, &shown, w);
}

// For those that have none yet.
static void search(struct differing *d, struct nft_witnesses *w)
{
	for (size_t i = 0, searched = 0; i < d->about.len && searched < WITNESSES_MOST; i++) {
		struct backend_difference *difference = &d->out->list.at[d->first + i];
		struct ir_packet packet;
		if (difference->witness)
			continue;
		searched++;
		if (nft_witness_find(w, &d->about.at[i], d->arena, &packet))
			difference->witness = nft_text_packet(&packet, d->out->arena);
	}
}

// Behind gates what is not ours cannot be lifted, and it takes long to find that out.
static void add_witnesses(struct differing *d)
{
	struct nft_witnesses w = {.lowered = d->lowered,
				  .list = d->list,
				  .found = d->found,
				  .some = {.now = time(NULL)},
				  .arena = d->arena};
	nft_witnesses_init(&w);
	if (!w.gates)
		compare(d, &w);
	search(d, &w);
	nft_witnesses_fini(&w);
}

int nft_differ(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
	       const struct nft_program *found, const char *prefix,
	       const struct nft_leaning *leaning, struct backend_differences *out)
{
	struct arena arena;
	struct nft_program list;
	struct nft_proof proof;
	arena_init(&arena);
	nft_program_init(&list, &arena);
	nft_compile(lowered, options, &list);
	nft_prove(&list, found, &arena, &proof);
	const struct nft_chain *chain = nft_program_find(&list, "");
	if (leaning) {
		leaning->to->known = leaning->rules == chain->rule.len;
		nft_reasons_take(leaning->to, &proof.reason, leaning->number);
	}
	struct differing d = {.lowered = lowered,
			      .list = &list,
			      .found = found,
			      .rule = chain->rule.at,
			      .rules = chain->rule.len,
			      .prefix = prefix,
			      .arena = &arena,
			      .proof = &proof,
			      .first = out->list.len,
			      .out = out};
	d.told = arena_array(&arena, bool, d.rules);
	d.absent = arena_array(&arena, bool, d.rules);
	tell_of_rules(&d);
	tell_of_others(&d);
	if (d.about.len)
		add_witnesses(&d);
	int error = proof.over && out->list.len == d.first ? -EOVERFLOW : 0;
	arena_fini(&arena);
	return error;
}
