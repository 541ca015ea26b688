// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/live.h"
#include "backend/nft/table.h"

#include <stdlib.h>
#include <string.h>

#define GROWTH (64u << 20) // bytes that changes may add

// The rules' forms stand one behind the other in the linear chain; what comes last is of no rule.
static void number_rules(struct nft_live *live, const struct ir_ruleset *lowered)
{
	const struct nft_tree *tree = &live->tree;
	uint32_t form = 0;
	vec_reserve(&live->arena, &live->rule, nft_tree_room(lowered->rule.len));
	for (uint32_t i = 0; i < lowered->rule.len; i++) {
		struct nft_live_rule rule = {
			.number = i, .first = form, .flow = lowered->rule.at[i].flow};
		while (form < tree->rule.len && tree->rule.at[form]->tag.rule == i) {
			form++;
			rule.forms++;
		}
		if (rule.forms) {
			rule.rank = tree->rank.at[rule.first];
			rule.end = tree->rank.at[form - 1] + 1;
		}
		vec_push(&live->arena, &live->rule, rule);
	}
	live->last = form;
	live->lasts = (uint32_t)tree->rule.len - form;
	live->end = tree->rank.at[form];
	live->numbers = (uint32_t)lowered->rule.len;
}

struct taking {
	struct nft_live *live;
	struct nft_rules rules;
	struct arena arena; // of the list
};

static void take_forms(void *context, const struct nft_form *form, size_t len)
{
	struct taking *t = context;
	const struct nft_form *own = arena_memdup(&t->live->arena, form, len * sizeof(*form));
	for (size_t i = 0; i < len; i++)
		vec_push(&t->arena, &t->rules.list, &own[i]);
}

static void build_tree(struct nft_live *live, const struct ir_ruleset *lowered)
{
	struct taking t = {.live = live};
	arena_init(&t.arena);
	nft_compile_blocks(lowered, &live->options, &live->program, take_forms, &t);
	t.rules.own = &live->program;
	nft_tree_build(&t.rules, &live->options.shape, &live->arena, &live->tree);
	arena_fini(&t.arena);
}

struct nft_live *nft_live_new(const struct ir_ruleset *lowered,
			      const struct backend_nft_options *options, uint32_t generation)
{
	struct nft_live *live = base_oom(calloc(1, sizeof(*live)));
	arena_init(&live->arena);
	live->options = *options;
	live->default_action = lowered->default_action;
	live->prefix = nft_generation_name(generation, &live->arena);
	live->known.prefix = live->prefix;
	nft_program_init(&live->program, &live->arena);
	for (size_t i = 0; i < lowered->rule.len; i++)
		live->flow_rules += lowered->rule.at[i].flow;
	build_tree(live, lowered);
	number_rules(live, lowered);
	return live;
}

// --- the list ---

static void move_rules(struct nft_live *live, size_t from, size_t end, size_t to)
{
	memmove(live->rule.at + to, live->rule.at + from, (end - from) * sizeof(*live->rule.at));
}

// What stands behind an edit moves as a whole: first what moves up, then, from the last one on, what moves down.
static void make_room(struct nft_live *live, size_t after, const struct backend_edit *edit,
		      size_t edits)
{
	size_t before = live->rule.len;
	while (live->rule.len < after)
		vec_push(&live->arena, &live->rule, ((struct nft_live_rule){0}));
	for (size_t turn = 0; turn < 2 * edits; turn++) {
		size_t i = turn < edits ? turn : 2 * edits - 1 - turn;
		size_t from = edit[i].at + edit[i].removed, to = edit[i].to + edit[i].inserted,
		       end = i + 1 < edits ? edit[i + 1].at : before;
		if (turn < edits ? to < from : to > from)
			move_rules(live, from, end, to);
	}
	live->rule.len = after;
}

void nft_live_edit(struct nft_live *live, const struct ir_ruleset *lowered,
		   const struct backend_edit *edit, size_t edits)
{
	for (size_t i = 0; i < edits; i++)
		for (size_t k = 0; k < edit[i].removed; k++)
			live->flow_rules -= live->rule.at[edit[i].at + k].flow;
	make_room(live, lowered->rule.len, edit, edits);
	for (size_t i = 0; i < edits; i++)
		for (size_t k = edit[i].to; k < edit[i].to + edit[i].inserted; k++) {
			live->rule.at[k] = (struct nft_live_rule){.number = live->numbers++,
								  .flow = lowered->rule.at[k].flow};
			live->flow_rules += live->rule.at[k].flow;
		}
}

void nft_live_free(struct nft_live *live)
{
	if (!live)
		return;
	nft_places_fini(&live->places);
	nft_known_fini(&live->known);
	nft_reasons_fini(&live->reasons);
	arena_fini(&live->arena);
	free(live);
}

static uint32_t *leading_to(struct nft_live *live, uint32_t chain)
{
	while (live->leading.len <= chain)
		vec_push(&live->arena, &live->leading, 0);
	return &live->leading.at[chain];
}

static void forget_altered(void *context, const struct nlmsghdr *message)
{
	struct nft_live *live = context;
	nft_known_alter(&live->known, message);
}

void nft_live_attend(struct nft_live *live, struct nft_batch *batch)
{
	live->counts.arena = &live->arena;
	live->counts.numbers = live->numbers;
	nft_counts_keep(&live->counts, batch);
	batch->wrote = forget_altered;
	batch->writer = live;
}

void nft_live_leads(struct nft_live *live, const struct nft_boxes *boxes)
{
	for (size_t i = 0; i < boxes->len; i++)
		if (boxes->box[i].rule)
			nft_places_add(&live->places, boxes->box[i].rule, 1);
		else
			++*leading_to(live, nft_node_number(boxes->box[i].chain));
}

// Of a rule that is gone nobody asks.
static void lose_places(struct nft_live *live, struct nft_share share)
{
	const struct nft_form *form = live->tree.rule.at[share.rule];
	if (form)
		nft_places_add(&live->places, form, -(int32_t)share.boxes);
}

void nft_live_leads_no_more(struct nft_live *live, const struct nft_unled *unled,
			    struct arena *arena, struct nft_numbers *gone)
{
	for (size_t i = 0; i < unled->list.len; i++) {
		struct nft_share share = unled->list.at[i];
		if (share.direct) {
			lose_places(live, share);
			continue;
		}
		uint32_t *leading = leading_to(live, live->tree.target.at[share.rule]);
		*leading -= share.boxes;
		if (!*leading)
			vec_push(arena, &gone->list, share.rule);
	}
}

void nft_live_encode_chain(void *context, const struct nft_chain *chain)
{
	struct nft_live *live = context;
	nft_encode_empty(&live->encoder, chain);
	nft_encode_rules(&live->encoder, chain);
	for (size_t i = 0; i < chain->rule.len && !chain->direct; i++) {
		nft_places_add(&live->places, &chain->rule.at[i], 1);
		if (chain->rule.at[i].act == ACT_BOXES)
			nft_live_leads(live, &chain->rule.at[i].boxes);
	}
}

void nft_live_encode(struct nft_live *live, struct nft_batch *batch, const char *table)
{
	live->encoder = (struct nft_encoder){.arena = &live->arena,
					     .batch = batch,
					     .table = table,
					     .prefix = live->prefix,
					     .set_by_content = {.arena = &live->arena},
					     .own = &live->program,
					     .uses_of_chain = {.arena = &live->arena}};
	live->leading.len = 0;
	vec_reserve(&live->arena, &live->leading, live->tree.numbers + 1);
	nft_tree_emit(&live->tree, nft_live_encode_chain, live);
	live->grown = live->arena.total + GROWTH;
}

const uint32_t *nft_live_places(const struct nft_live *live, struct arena *arena)
{
	uint32_t *place = arena_array(arena, uint32_t, (size_t)live->numbers + 1);
	memset(place, 0xff, ((size_t)live->numbers + 1) * sizeof(*place));
	for (size_t i = 0; i < live->rule.len; i++)
		place[live->rule.at[i].number] = (uint32_t)i;
	return place;
}

struct nft_live_forms nft_live_forms(const struct nft_live *live, const uint32_t *places,
				     uint32_t number)
{
	if (number >= NFT_TAG_HELPER)
		return (struct nft_live_forms){live->last, live->lasts};
	if (number >= live->numbers || places[number] == NFT_NO_PLACE)
		return (struct nft_live_forms){0, 0};
	const struct nft_live_rule *rule = &live->rule.at[places[number]];
	return (struct nft_live_forms){rule->first, rule->forms};
}

void nft_live_place(const struct nft_live *live, const uint32_t *places, struct nft_tag *tag)
{
	if (!tag->known || tag->rule >= NFT_TAG_HELPER)
		return;
	tag->known = tag->rule < live->numbers && places[tag->rule] != NFT_NO_PLACE;
	if (tag->known)
		tag->rule = places[tag->rule];
}
