// SPDX-License-Identifier: Apache-2.0
// Reading goes in rounds: packets are followed as far as chains are there, and those that are missing are read next. What is
// known (known.h) need not be read at all.
#include "backend/nft/reached.h"
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/ways.h"

#include <errno.h>
#include <string.h>

#define ROUNDS_MOST 64u // reads, each of what the last one has led to
#define CHAINS_MOST 100000u
#define STEPS_MOST 4000000u

struct reading {
	struct backend_nft *nft;
	struct arena *arena;
	const char *prefix;
	const uint32_t *place;
	const struct nft_areas *areas;
	struct nft_area around; // all of them
	struct nft_program *program;
	struct nft_program leading; // the same without boxes that decide by themselves
	VEC(const char *) wanted;   // chains, without the prefix
	struct map asked;
	bool leads; // some chain that was read in this round leads on
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

static void take_direct(struct reading *r, const struct nft_form *form)
{
	for (size_t i = 0; form->act == ACT_BOXES && i < form->boxes.len; i++) {
		struct nft_chain *chain = nft_direct_chain(r->program, &form->boxes.box[i]);
		if (!chain)
			continue;
		nft_live_place(r->nft->live, r->place, &chain->rule.at[0].tag);
		name_tag(r->nft->live, &chain->rule.at[0].tag);
	}
}

static bool has_direct(const struct nft_chain *chain)
{
	for (size_t i = 0; i < chain->rule.len; i++) {
		const struct nft_form *form = &chain->rule.at[i];
		for (size_t k = 0; form->act == ACT_BOXES && k < form->boxes.len; k++)
			if (form->boxes.box[k].direct)
				return true;
	}
	return false;
}

static void drop_direct(struct nft_boxes *boxes, struct arena *arena)
{
	size_t all = boxes->len;
	const struct nft_box *box = boxes->box;
	boxes->box = arena_array(arena, struct nft_box, all);
	boxes->len = 0;
	for (size_t i = 0; i < all; i++)
		if (!box[i].direct)
			boxes->box[boxes->len++] = box[i];
}

// Boxes that decide by themselves lead on to nothing that is to be read.
static void take_leading(struct reading *r, const struct nft_chain *from)
{
	struct nft_chain *to = nft_program_chain(&r->leading, from->name);
	to->rule = from->rule;
	if (!has_direct(from))
		return;
	to->rule.at = arena_memdup(r->arena, to->rule.at, to->rule.len * sizeof(*to->rule.at));
	for (size_t i = 0; i < to->rule.len; i++)
		drop_direct(&to->rule.at[i].boxes, r->arena);
}

// Whose rule it is by its place; its chains are wanted too, but for those of the tree, to which a walk has to lead.
static void take_rules(struct reading *r, struct nft_dumped_chain *from, const char *name)
{
	struct nft_chain *to = nft_program_chain(r->program, name);
	nft_chain_spread(from->rule.at, from->rule.len, r->arena, to);
	for (size_t i = 0; i < to->rule.len; i++) {
		struct nft_form *form = &to->rule.at[i];
		nft_live_place(r->nft->live, r->place, &form->tag);
		if (from->known)
			name_tag(r->nft->live, &form->tag);
		if (nft_leads_on(form))
			r->leads = true;
		else
			want(r, form->chain);
	}
	take_leading(r, to);
}

static void read_wanted(struct reading *r)
{
	struct nft_table table;
	size_t n = r->wanted.len, prefix = strlen(r->prefix);
	const char **name = arena_array(r->arena, const char *, n);
	for (size_t i = 0; i < n; i++)
		name[i] = arena_printf(r->arena, "%s%s", r->prefix, r->wanted.at[i]);
	const struct nft_near near = {values_of, &r->around};
	const struct nft_part part = {
		.chain = name, .chains = n, .known = &r->nft->live->known, .near = &near};
	r->wanted.len = 0;
	r->error = nft_table_read_part(&r->nft->socket, r->nft->table, &part, r->arena, &table);
	for (size_t i = 0; i < table.chain.len && !r->error; i++) {
		struct nft_dumped_chain *chain = table.chain.at[i];
		take_rules(r, chain, chain->name + prefix);
	}
	if (r->program->chain.len > CHAINS_MOST)
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
static void note_lost(struct nft_walk *walk, const struct nft_visit *at,
		      const struct nft_area *packets, const char *why)
{
	(void)walk, (void)at, (void)packets, (void)why;
}

static void note_missing(struct nft_walk *walk, const char *chain)
{
	if (chain && strncmp(chain, NFT_DIRECT_CHAIN, strlen(NFT_DIRECT_CHAIN)) != 0)
		want(walk->user, chain);
}

static void walk_read(struct reading *r)
{
	struct arena arena cleanup(arena_fini);
	struct nft_ways ways;
	arena_init(&arena);
	nft_ways_find(&r->leading, &arena, &ways);
	struct nft_walk walk = {.ways = &ways,
				.user = r,
				.rule = pass_rule,
				.ends = pass_end,
				.lost = note_lost,
				.missing = note_missing,
				.leading_only = true,
				.all_back = true,
				.steps = STEPS_MOST};
	for (size_t i = 0; i < r->areas->list.len; i++)
		nft_walk(&walk, r->areas->list.at[i]);
	nft_ways_fini(&ways);
	if (walk.over)
		r->error = -E2BIG;
}

static void read_chains(struct reading *r)
{
	want(r, "");
	for (unsigned i = 0; i < ROUNDS_MOST && !r->error; i++) {
		r->leads = false;
		read_wanted(r);
		if (r->leads && !r->error)
			walk_read(r);
		if (!r->wanted.len)
			return;
	}
	r->error = -E2BIG;
}

int nft_read_reached(struct backend_nft *nft, const uint32_t *place, const struct nft_areas *areas,
		     struct nft_program *out)
{
	struct reading r = {.nft = nft,
			    .arena = out->arena,
			    .prefix = nft->live->prefix,
			    .place = place,
			    .areas = areas,
			    .program = out,
			    .asked = {.arena = out->arena}};
	nft_program_init(&r.leading, out->arena);
	nft_areas_around(areas, out->arena, &r.around);
	read_chains(&r);
	size_t chains = out->chain.len;
	for (size_t i = 0; i < chains && !r.error; i++) {
		const struct nft_chain *chain = out->chain.at[i];
		for (size_t k = 0; k < chain->rule.len; k++)
			take_direct(&r, &chain->rule.at[k]);
	}
	if (out->chain.len > CHAINS_MOST)
		r.error = -E2BIG;
	return r.error;
}
