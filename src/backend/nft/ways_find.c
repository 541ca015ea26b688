// SPDX-License-Identifier: Apache-2.0
// Which chains packets can come to, what leads where, and what is behind a jump.
#include "backend/nft/box_index.h"
#include "backend/nft/ways.h"

#define JUMPS_MOST 256u // of which it is found out what is behind them; trees have some 20

bool nft_takes(const struct nft_form *form)
{
	return form->act != ACT_CONTINUE && form->act != ACT_JUMP && !nft_form_by_map(form) &&
	       !form->limited && !form->named_set && !form->strange;
}

bool nft_leads_on(const struct nft_form *form)
{
	bool leads = form->act == ACT_GOTO || form->act == ACT_JUMP;
	return (nft_form_by_map(form) || nft_form_leaves(form) ||
		(leads && nft_is_node(form->chain))) &&
	       !form->limited && !form->log.prefix && !form->named_set;
}

// --- which chains there are ---

static void list_leads(struct nft_stop *stop, struct arena *arena)
{
	const struct nft_chain *chain = stop->chain;
	for (size_t i = 0; i < chain->rule.len; i++)
		stop->leads += nft_leads_on(&chain->rule.at[i]);
	stop->lead = arena_array(arena, struct nft_lead, stop->leads);
	for (size_t i = 0, n = 0; i < chain->rule.len; i++)
		if (nft_leads_on(&chain->rule.at[i]))
			stop->lead[n++].rule = (uint32_t)i;
}

const struct nft_form *nft_lead_form(const struct nft_stop *stop, const struct nft_lead *lead)
{
	return &stop->chain->rule.at[lead->rule];
}

struct nft_stop *nft_lead_jump(const struct nft_stop *stop, const struct nft_lead *lead)
{
	return nft_lead_form(stop, lead)->act == ACT_JUMP ? lead->to[0] : NULL;
}

size_t nft_lead_targets(const struct nft_form *form)
{
	return nft_form_gate(form) ? 1 : nft_form_parts(form);
}

static const char *target_of(const struct nft_form *form, size_t i)
{
	return form->chain               ? form->chain
	       : form->act == ACT_BRANCH ? form->map.branch[i].chain
	       : form->act == ACT_BOXES  ? form->boxes.box[i].chain
					 : NULL;
}

// NULL: there is no such chain, as a walk will notice.
static struct nft_stop *see(struct nft_ways *ways, const char *name)
{
	struct nft_chain *chain = name ? nft_program_find(ways->program, name) : NULL;
	struct nft_stop *stop = name ? map_get(&ways->by_name, name) : NULL;
	if (stop || !chain)
		return stop;
	stop = arena_new(ways->arena, struct nft_stop);
	*stop = (struct nft_stop){
		.chain = chain, .number = (uint32_t)ways->stop.len, .settled = SIZE_MAX};
	list_leads(stop, ways->arena);
	map_put(&ways->by_name, name, stop);
	vec_push(ways->arena, &ways->stop, stop);
	return stop;
}

static void see_jump(struct nft_ways *ways, struct nft_stop *to)
{
	if (!to || to->jump)
		return;
	vec_push(ways->arena, &ways->jump, to);
	to->jump = (uint32_t)ways->jump.len;
}

static void see_targets(struct nft_ways *ways, const struct nft_stop *stop)
{
	for (size_t i = 0; i < stop->leads; i++) {
		struct nft_lead *lead = &stop->lead[i];
		const struct nft_form *form = nft_lead_form(stop, lead);
		size_t n = nft_lead_targets(form);
		lead->to = arena_array(ways->arena, struct nft_stop *, n);
		for (size_t k = 0; k < n; k++)
			lead->to[k] = see(ways, target_of(form, k));
		lead->gate = nft_form_gate(form);
		see_jump(ways, nft_lead_jump(stop, lead));
	}
}

// --- what is behind a jump ---

struct spreading {
	struct arena arena;
	uint64_t *below;
	VEC(const struct nft_stop *) todo;
};

static void spread_to(struct spreading *s, const struct nft_stop *stop)
{
	if (!stop || s->below[stop->number / 64] >> stop->number % 64 & 1)
		return;
	s->below[stop->number / 64] |= (uint64_t)1 << stop->number % 64;
	vec_push(&s->arena, &s->todo, stop);
}

static void find_below(struct nft_ways *ways, struct nft_stop *jump)
{
	struct spreading s = {.below = arena_array(ways->arena, uint64_t, ways->stop.len / 64 + 1)};
	arena_init(&s.arena);
	spread_to(&s, jump);
	while (s.todo.len) {
		const struct nft_stop *stop = s.todo.at[--s.todo.len];
		for (size_t i = 0; i < stop->leads; i++)
			for (size_t k = 0;
			     k < nft_lead_targets(nft_lead_form(stop, &stop->lead[i])); k++)
				spread_to(&s, stop->lead[i].to[k]);
	}
	jump->below = s.below;
	arena_fini(&s.arena);
}

bool nft_jump_reaches(const struct nft_stop *jump, uint32_t stop)
{
	return !jump->below || jump->below[stop / 64] >> stop % 64 & 1;
}

void nft_ways_find(const struct nft_program *program, struct arena *arena, struct nft_ways *out)
{
	*out = (struct nft_ways){.program = program, .arena = arena, .by_name = {.arena = arena}};
	(void)!see(out, "");
	for (size_t i = 0; i < out->stop.len; i++)
		see_targets(out, out->stop.at[i]);
	for (size_t i = 0; i < out->jump.len && i < JUMPS_MOST; i++)
		find_below(out, out->jump.at[i]);
}

static void drop_indexes(struct nft_stop *stop)
{
	for (size_t i = 0; i < stop->leads; i++) {
		nft_box_index_free(stop->lead[i].index);
		stop->lead[i].index = NULL;
	}
}

void nft_ways_settle(struct nft_ways *ways, const size_t *settled)
{
	for (size_t i = 0; i < ways->stop.len; i++) {
		drop_indexes(ways->stop.at[i]);
		ways->stop.at[i]->settled = settled[i];
	}
}

void nft_ways_fini(struct nft_ways *ways)
{
	for (size_t i = 0; i < ways->stop.len; i++)
		drop_indexes(ways->stop.at[i]);
}
