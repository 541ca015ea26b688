// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/decided.h"
#include "backend/nft/meets.h"
#include "backend/nft/ways.h"

#include <stdlib.h>

#define DECIDERS_MOST 20000u // rules before another one that may meet it
#define LIVE_PASSES 2u
#define ASKED_OFTEN 64u

bool nft_rule_meets(const struct nft_form *rule, const struct nft_area *packets,
		    struct arena *arena)
{
	struct nft_area both;
	nft_area_assign(&both, packets);
	nft_area_form(&both, arena, rule);
	return !both.never;
}

static const struct nft_meets *index_of_list(struct nft_decided *d)
{
	if (d->every)
		return d->every;
	const struct nft_form **form = arena_array(d->arena, const struct nft_form *, d->rules);
	for (size_t i = 0; i < d->rules; i++)
		form[i] = &d->rule[i];
	return d->every = nft_meets_new(form, d->rules);
}

// In how many fields the rule does not take all of the packets, as far as it can be told cheaply.
static unsigned narrower_in(const struct nft_form *form, const struct nft_area *packets)
{
	unsigned fields = 0;
	for (size_t i = 0; i < form->len && fields < 2; i++) {
		enum nft_field field = form->match[i].field;
		fields += !(packets->has >> field & 1) ||
			  !algebra_set_within(packets->set[field], form->match[i].set);
	}
	return fields;
}

// What rules take that are narrower in one field only, by field.
struct taking {
	struct algebra_builder of[NFT_FIELDS];
};

static void add_taking(struct nft_decided *d, size_t rule, struct taking *taking)
{
	const struct nft_form *form = &d->rule[rule];
	if (!nft_takes(form) || narrower_in(form, &d->live) > 1)
		return;
	for (size_t i = 0; i < form->len; i++) {
		struct algebra_set set = form->match[i].set;
		enum nft_field field = form->match[i].field;
		bool all = d->live.has >> field & 1 && algebra_set_within(d->live.set[field], set);
		for (size_t k = 0; k < set.len && !all; k++)
			algebra_builder_add(&taking->of[field], set.at[k].lo, set.at[k].hi);
	}
}

static void leave_live(struct nft_decided *d, enum nft_field field, struct algebra_set set)
{
	struct nft_area taken;
	struct nft_areas rest = {0};
	nft_area_all(&taken);
	nft_area_narrow(&taken, &d->of_rule, field, set);
	nft_area_minus(&d->live, &taken, &d->of_rule, &rest);
	if (!rest.list.len)
		d->live.never = true;
	else if (rest.list.len == 1)
		d->live = *rest.list.at[0];
}

static void narrow_live(struct nft_decided *d, const struct algebra_ids *earlier)
{
	struct taking taking = {0};
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		taking.of[f].arena = &d->of_rule;
	for (size_t i = 0; i < earlier->len; i++)
		add_taking(d, earlier->at[i], &taking);
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		if (taking.of[f].list.len && !d->live.never)
			leave_live(d, f, algebra_builder_take(&taking.of[f]));
}

// An area that holds all packets of the rule that no earlier one takes: without those of rules that are narrower in one
// field only, which leaves it one area.
static void find_live(struct nft_decided *d)
{
	struct nft_match match[NFT_FIELDS];
	struct algebra_ids ids = {0};
	d->live_known = true;
	nft_area_of(&d->rule[d->now], &d->of_rule, &d->live);
	struct nft_form form = nft_area_as_form(&d->live, match);
	bool all = nft_meets_find(index_of_list(d), &form, (struct algebra_range){0, d->now},
				  DECIDERS_MOST, &ids);
	for (unsigned pass = 0; all && pass < LIVE_PASSES; pass++)
		narrow_live(d, &ids);
	free(ids.at);
}

static bool may_live(const struct nft_decided *d, const struct nft_area *packets)
{
	return !d->live_known || nft_area_meets(packets, &d->live);
}

static bool takes_all(const struct nft_decided *d, size_t rule, const struct nft_area *packets)
{
	return nft_takes(&d->rule[rule]) && !narrower_in(&d->rule[rule], packets);
}

// An earlier rule of the list that decides all of them alone.
static size_t holder_of(struct nft_decided *d, const struct nft_form *form,
			const struct nft_area *packets)
{
	struct algebra_ids ids = {0};
	size_t holder = SIZE_MAX;
	nft_meets_holding(index_of_list(d), form, (struct algebra_range){0, d->now}, &ids);
	for (size_t i = 0; i < ids.len && holder == SIZE_MAX; i++)
		if (takes_all(d, ids.at[i], packets))
			holder = ids.at[i];
	free(ids.at);
	return holder;
}

// Rules that decide packets, each with an area.
struct deciders {
	struct nft_areas by;
	VEC(size_t) rule;
};

static void add_decider(struct nft_decided *d, size_t rule, const struct nft_area *packets,
			struct arena *arena, struct deciders *deciders)
{
	if (!nft_takes(&d->rule[rule]) || !nft_rule_meets(&d->rule[rule], packets, arena))
		return;
	struct nft_area *area = arena_new(arena, struct nft_area);
	nft_area_of(&d->rule[rule], arena, area);
	vec_push(arena, &deciders->by.list, area);
	vec_push(arena, &deciders->rule, rule);
}

// Those from `at` on, so many, go if the others do without.
static bool do_without(struct deciders *of, size_t at, size_t n, const struct nft_area *packets)
{
	struct arena arena cleanup(arena_fini);
	struct nft_areas others = {0};
	size_t left = 0;
	arena_init(&arena);
	for (size_t i = 0; i < of->rule.len; i++)
		if (i < at || i >= at + n)
			vec_push(&arena, &others.list, of->by.list.at[i]);
	if (nft_area_covered(packets, &others, &arena) != ALGEBRA_COVERED)
		return false;
	for (size_t i = 0; i < of->rule.len; i++)
		if (i < at || i >= at + n) {
			of->by.list.at[left] = of->by.list.at[i];
			of->rule.at[left++] = of->rule.at[i];
		}
	of->by.list.len = of->rule.len = left;
	return true;
}

// None of those that are left can be spared.
static void spare(struct deciders *of, const struct nft_area *packets)
{
	for (size_t n = of->rule.len / 2; n; n /= 2)
		for (size_t at = 0; at < of->rule.len;)
			if (!do_without(of, at, n, packets))
				at += n;
}

// Mostly there are some that are narrower in one field only.
static void prefer_wide(struct nft_decided *d, struct deciders *of, const struct nft_area *packets,
			struct arena *arena)
{
	struct deciders wide = {0};
	for (size_t i = 0; i < of->rule.len; i++)
		if (narrower_in(&d->rule[of->rule.at[i]], packets) < 2) {
			vec_push(arena, &wide.by.list, of->by.list.at[i]);
			vec_push(arena, &wide.rule, of->rule.at[i]);
		}
	if (nft_area_covered(packets, &wide.by, arena) == ALGEBRA_COVERED)
		*of = wide;
}

// Earlier rules of the list that decide all of them together: as few as will do.
static enum algebra_answer find_deciders(struct nft_decided *d, const struct nft_form *form,
					 const struct nft_area *packets, struct arena *arena,
					 struct deciders *out)
{
	struct algebra_ids ids = {0};
	bool found = nft_meets_find(index_of_list(d), form, (struct algebra_range){0, d->now},
				    DECIDERS_MOST, &ids);
	for (size_t i = 0; found && i < ids.len; i++)
		add_decider(d, ids.at[i], packets, arena, out);
	for (size_t i = 0; !found && i < d->now; i++)
		add_decider(d, i, packets, arena, out);
	free(ids.at);
	prefer_wide(d, out, packets, arena);
	enum algebra_answer answer = nft_area_covered(packets, &out->by, arena);
	if (answer == ALGEBRA_COVERED)
		spare(out, packets);
	return answer;
}

// --- the reasons ---

void nft_reason_add(struct nft_reason_list *reasons, struct arena *arena, struct nft_reason reason)
{
	reasons->over |= reasons->list.len >= NFT_REASONS_MOST;
	if (!reasons->over)
		vec_push(arena, &reasons->list, reason);
}

// Where one rule decides packets of the other in many places, it is one reason for all between.
static void note(struct nft_decided *d, size_t by, const struct nft_form *packets)
{
	struct nft_reason reason = {(uint32_t)d->now, (uint32_t)by, nft_hull_of(packets)};
	struct nft_reason_list *all = d->reasons;
	bool one = by < d->rules;
	size_t last = one ? d->noted[by] : 0;
	struct nft_reason *before = last ? &all->list.at[last - 1] : NULL;
	if (before && before->rule == d->now && nft_hull_widen(&before->packets, &reason.packets))
		return;
	nft_reason_add(all, d->arena, reason);
	if (one)
		d->noted[by] = (uint32_t)all->list.len;
}

// --- asking ---

void nft_decided_init(struct nft_decided *decided, const struct nft_form *rule, size_t rules,
		      struct arena *arena, struct nft_reason_list *reasons)
{
	*decided = (struct nft_decided){.rule = rule,
					.rules = rules,
					.arena = arena,
					.reasons = reasons,
					.noted = arena_array(arena, uint32_t, rules + 1)};
}

void nft_decided_fini(struct nft_decided *decided)
{
	nft_meets_free(decided->every);
}

void nft_decided_begin(struct nft_decided *decided, size_t rule)
{
	arena_init(&decided->of_rule);
	decided->now = rule;
	decided->live_known = false;
	decided->asked = 0;
}

void nft_decided_end(struct nft_decided *decided)
{
	arena_fini(&decided->of_rule);
}

static enum algebra_answer decided_together(struct nft_decided *d, const struct nft_form *form,
					    const struct nft_area *packets)
{
	struct arena arena cleanup(arena_fini);
	struct deciders by = {0};
	arena_init(&arena);
	enum algebra_answer answer = find_deciders(d, form, packets, &arena, &by);
	for (size_t i = 0; answer == ALGEBRA_COVERED && i < by.rule.len; i++)
		note(d, by.rule.at[i], form);
	return answer;
}

enum algebra_answer nft_decided_before(struct nft_decided *decided, const struct nft_area *packets)
{
	struct nft_match match[NFT_FIELDS];
	struct nft_form form = nft_area_as_form(packets, match);
	size_t by = holder_of(decided, &form, packets);
	if (by >= decided->rules && may_live(decided, packets))
		return decided_together(decided, &form, packets);
	note(decided, by < decided->rules ? by : NFT_REASON_ANY, &form);
	return ALGEBRA_COVERED;
}

bool nft_decided_perhaps(struct nft_decided *decided, const struct nft_area *packets)
{
	enum algebra_answer answer = nft_decided_before(decided, packets);
	decided->over |= answer == ALGEBRA_GAVE_UP;
	return answer != ALGEBRA_OPEN;
}

// Then it pays to know which packets there are to care for.
enum algebra_answer nft_decided_often(struct nft_decided *decided, const struct nft_area *packets)
{
	if (decided->asked++ == ASKED_OFTEN)
		find_live(decided);
	return nft_decided_before(decided, packets);
}
