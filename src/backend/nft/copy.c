// SPDX-License-Identifier: Apache-2.0
// Forms that outlive what they were compiled from. Ranges, names and chains are copied, what many share once: all names, and
// sets as long as no other one takes their slot.
#include "backend/nft/form.h"

#include <string.h>

#define RECENT 4096u // sets

static const char *shared(struct nft_program *to, const char *text)
{
	if (!text)
		return NULL;
	char *known = map_get(&to->names, text);
	if (known)
		return known;
	known = arena_strdup(to->arena, text);
	map_put(&to->names, known, known);
	return known;
}

static size_t slot_of(struct algebra_set set)
{
	uint64_t hash = set.len;
	for (size_t i = 0; i < set.len; i++) {
		u128 both = set.at[i].lo * 3 + set.at[i].hi;
		hash = (hash ^ (uint64_t)both ^ (uint64_t)(both >> 64)) * 0x9e3779b97f4a7c15u;
	}
	return hash >> 32 & (RECENT - 1);
}

static struct algebra_set set_copy(struct algebra_set set, struct nft_program *to)
{
	if (!to->recent)
		to->recent = arena_array(to->arena, struct algebra_set, RECENT);
	struct algebra_set *known = &to->recent[slot_of(set)];
	if (!algebra_set_equal(*known, set))
		*known = (struct algebra_set){
			arena_memdup(to->arena, set.at, set.len * sizeof(*set.at)), set.len};
	return *known;
}

struct nft_form nft_form_copy(const struct nft_form *form, struct nft_program *to)
{
	struct nft_form out = *form;
	out.match = arena_array(to->arena, struct nft_match, form->len);
	for (size_t i = 0; i < form->len; i++)
		out.match[i] =
			(struct nft_match){form->match[i].field, set_copy(form->match[i].set, to)};
	out.log.prefix = arena_strdup(to->arena, form->log.prefix);
	out.chain = shared(to, form->chain);
	out.tag.policy = shared(to, form->tag.policy);
	out.tag.name = arena_strdup(to->arena, form->tag.name);
	return out;
}

void nft_chain_copy(const struct nft_chain *chain, struct nft_program *to, struct nft_chain *out)
{
	size_t n = chain->rule.len;
	out->rule.at = arena_array(to->arena, struct nft_form, n);
	out->rule.len = out->rule.cap = n;
	for (size_t i = 0; i < n; i++)
		out->rule.at[i] = nft_form_copy(&chain->rule.at[i], to);
}

void nft_program_adopt(struct nft_program *to, const struct nft_program *from)
{
	for (size_t i = 0; i < from->chain.len; i++) {
		const struct nft_chain *chain = from->chain.at[i];
		if (nft_program_find(to, chain->name))
			continue;
		struct nft_chain *copy = nft_program_chain(to, shared(to, chain->name));
		nft_chain_copy(chain, to, copy);
	}
}
