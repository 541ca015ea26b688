// SPDX-License-Identifier: Apache-2.0
// One block of memory a chain, some 30 bytes a rule: what it does, whose it is, where it leads, and its tests one behind the
// other. A test takes the number of what it reads, and its ranges with no more bytes than the highest value has.
#include "backend/nft/known_chains.h"
#include "backend/nft/decode.h"
#include "backend/nft/table.h"
#include "backend/nft/tree.h"

#include <stdlib.h>
#include <string.h>

#define CHAIN_MOST 4096u // bytes; a longer one is not kept
#define NOWHERE UINT32_MAX
#define TO_REJECT (UINT32_MAX - 1)

struct nft_known_chain {
	struct nft_known_chain *next;
	uint32_t number, rules, bytes;
	uint8_t data[];
};

// --- the chains ---

static struct nft_known_chain **slot_of(const struct nft_known_chains *known, uint32_t number)
{
	struct nft_known_chain **at = &known->slot[number % NFT_KNOWN_CHAIN_SLOTS];
	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

void nft_known_chains_drop(struct nft_known_chains *known, uint32_t number)
{
	struct nft_known_chain **at = known->slot ? slot_of(known, number) : NULL;
	if (!at || !*at)
		return;
	struct nft_known_chain *chain = *at;
	*at = chain->next;
	known->bytes -= chain->bytes;
	known->chains--;
	free(chain);
}

void nft_known_chains_fini(struct nft_known_chains *known)
{
	for (size_t i = 0; known->slot && i < NFT_KNOWN_CHAIN_SLOTS; i++)
		for (struct nft_known_chain *chain = known->slot[i], *next; chain; chain = next) {
			next = chain->next;
			free(chain);
		}
	free(known->slot);
	known->slot = NULL;
	known->regs = 0;
	known->bytes = known->chains = 0;
}

// --- what is kept of them ---

struct writer {
	struct nft_known_chains *known;
	uint8_t data[CHAIN_MOST];
	size_t len;
	bool full; // or something cannot be said
};

static void put(struct writer *w, u128 value, size_t bytes)
{
	w->full |= w->len + bytes > CHAIN_MOST || (bytes < 16 && value >> (8 * bytes));
	if (!w->full)
		w->len = (size_t)(nft_pack(w->data + w->len, value, bytes) - w->data);
}

static void put_set(struct writer *w, struct algebra_set set)
{
	size_t bytes = 1;
	while (set.len && bytes < 16 && set.at[set.len - 1].hi >> (8 * bytes))
		bytes++;
	w->full |= !set.len;
	put(w, set.len, 1);
	put(w, bytes, 1);
	for (size_t i = 0; i < set.len && !w->full; i++) {
		put(w, set.at[i].lo, bytes);
		put(w, set.at[i].hi, bytes);
	}
}

static uint8_t number_of(struct writer *w, const struct nft_reg *reg)
{
	struct nft_known_chains *known = w->known;
	for (uint8_t i = 0; i < known->regs; i++)
		if (nft_same_reg(&known->reg[i], reg))
			return i;
	if (known->regs == NFT_KNOWN_REGS) {
		w->full = true;
		return 0;
	}
	known->reg[known->regs] = *reg;
	return known->regs++;
}

static uint32_t target_of(struct writer *w, const char *chain)
{
	if (!chain)
		return NOWHERE;
	if (!strcmp(chain, NFT_REJECT_CHAIN))
		return TO_REJECT;
	w->full |= !nft_is_node(chain);
	return w->full ? 0 : nft_node_number(chain);
}

// Of a tree's own rules only what they test and where packets go is said; whatever else a rule does, it is read.
static bool is_simple(const struct nft_form *form)
{
	bool does_more = form->guard || form->named_set || form->refresh_ms || form->limited ||
			 form->log.prefix || form->log.to_group,
	     looks_up = form->act == ACT_BRANCH || form->act == ACT_BOXES || form->map.len ||
			form->map.reg || form->boxes.fields;
	return form->tag.known && !does_more && !looks_up &&
	       (!form->strange || form->strange == nft_unnamed);
}

static void put_rule(struct writer *w, const struct nft_form *form)
{
	w->full |= !is_simple(form);
	put(w, form->act, 1);
	put(w, (form->strange ? 1u : 0u) | (form->tag.counts ? 2u : 0u), 1);
	put(w, form->tag.rule, 4);
	put(w, form->tag.clause, 2);
	put(w, target_of(w, form->chain), 4);
	put(w, form->len, 1);
	put(w, form->open_len, 1);
	for (size_t i = 0; i < form->len && !w->full; i++) {
		put(w, form->match[i].field, 1);
		put_set(w, form->match[i].set);
	}
	for (size_t i = 0; i < form->open_len && !w->full; i++) {
		put(w, number_of(w, &form->open[i].reg), 1);
		put_set(w, form->open[i].set);
	}
}

void nft_known_chains_put(struct nft_known_chains *known, uint32_t number,
			  const struct nft_dumped_chain *chain)
{
	struct writer w = {.known = known};
	if (chain->base || (known->slot && *slot_of(known, number)))
		return;
	for (size_t i = 0; i < chain->rule.len && !w.full; i++)
		put_rule(&w, &chain->rule.at[i]);
	if (w.full)
		return;
	if (known->bytes + w.len > NFT_KNOWN_CHAINS_MOST)
		nft_known_chains_fini(known);
	if (!known->slot)
		known->slot = base_oom(calloc(NFT_KNOWN_CHAIN_SLOTS, sizeof(*known->slot)));
	uint32_t bytes = (uint32_t)(sizeof(struct nft_known_chain) + w.len);
	struct nft_known_chain *kept = base_oom(malloc(bytes)), **at = slot_of(known, number);
	*kept = (struct nft_known_chain){
		.next = *at, .number = number, .rules = (uint32_t)chain->rule.len, .bytes = bytes};
	memcpy(kept->data, w.data, w.len);
	*at = kept;
	known->bytes += bytes;
	known->chains++;
}

// --- what is taken of it ---

static struct algebra_set take_set(const uint8_t **at, struct arena *arena)
{
	struct algebra_set set = {.len = (size_t)nft_unpack(at, 1)};
	size_t bytes = (size_t)nft_unpack(at, 1);
	struct algebra_range *range = arena_array(arena, struct algebra_range, set.len);
	for (size_t i = 0; i < set.len; i++) {
		range[i].lo = nft_unpack(at, bytes);
		range[i].hi = nft_unpack(at, bytes);
	}
	set.at = range;
	return set;
}

static const char *take_target(const uint8_t **at, struct arena *arena)
{
	uint32_t target = (uint32_t)nft_unpack(at, 4);
	return target == NOWHERE     ? NULL
	       : target == TO_REJECT ? NFT_REJECT_CHAIN
				     : nft_node_name(target, arena);
}

static struct nft_form take_rule(const struct nft_known_chains *known, const uint8_t **at,
				 struct arena *arena)
{
	struct nft_form form = {.act = (enum nft_act)nft_unpack(at, 1)};
	unsigned flags = (unsigned)nft_unpack(at, 1);
	form.strange = flags & 1 ? nft_unnamed : NULL;
	form.tag = (struct nft_tag){.known = true, .counts = flags & 2};
	form.tag.rule = (uint32_t)nft_unpack(at, 4);
	form.tag.clause = (uint32_t)nft_unpack(at, 2);
	form.chain = take_target(at, arena);
	form.len = (size_t)nft_unpack(at, 1);
	form.open_len = (size_t)nft_unpack(at, 1);
	form.match = arena_array(arena, struct nft_match, form.len);
	struct nft_test *open = arena_array(arena, struct nft_test, form.open_len);
	for (size_t i = 0; i < form.len; i++) {
		form.match[i].field = (enum nft_field)nft_unpack(at, 1);
		form.match[i].set = take_set(at, arena);
	}
	for (size_t i = 0; i < form.open_len; i++) {
		open[i].reg = known->reg[nft_unpack(at, 1)];
		open[i].set = take_set(at, arena);
	}
	form.open = open;
	return form;
}

bool nft_known_chains_get(struct nft_known_chains *known, uint32_t number, struct arena *arena,
			  struct nft_dumped_chain *out)
{
	const struct nft_known_chain *chain = known->slot ? *slot_of(known, number) : NULL;
	if (!chain)
		return false;
	const uint8_t *at = chain->data;
	out->rule.at = arena_array(arena, struct nft_form, chain->rules);
	out->rule.len = out->rule.cap = chain->rules;
	for (size_t i = 0; i < chain->rules; i++)
		out->rule.at[i] = take_rule(known, &at, arena);
	known->given++;
	return true;
}
