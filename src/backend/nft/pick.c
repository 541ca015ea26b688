// SPDX-License-Identifier: Apache-2.0
// Which form is the cheapest: each is built and weighed by the cost model. Of large rulesets only one is built, since
// building takes most of the time in which they are loaded; what they become is decided part by part (tree.c).
#include "backend/nft/pick.h"
#include "backend/nft/cost.h"

#define WEIGHED_MOST 1024u // rules of the list: all forms of so many in some 20 ms

// Of forms that cost the same, the one that is changed and read most simply comes first.
static const enum backend_nft_form forms[NFT_WEIGHED] = {BACKEND_NFT_LINEAR, BACKEND_NFT_MIXED,
							 BACKEND_NFT_TREE, BACKEND_NFT_HASH};

static struct nft_weighed weigh(const struct nft_rules *rules,
				const struct backend_nft_shape *shape, enum backend_nft_form form)
{
	struct arena arena;
	struct nft_tree tree;
	struct nft_program program;
	struct backend_nft_shape tried = *shape;
	tried.form = form;
	arena_init(&arena);
	nft_program_init(&program, &arena);
	nft_tree_build_as(rules, &tried, &arena, &tree);
	if (rules->own)
		nft_shape_program(rules->own, &tree, &program);
	else
		nft_tree_program(&tree, &program);
	struct nft_weighed out = {form, nft_costs_program(nft_costs_new(&program, &arena))};
	arena_fini(&arena);
	return out;
}

size_t nft_forms_weigh(const struct nft_rules *rules, const struct backend_nft_shape *shape,
		       struct nft_weighed out[static NFT_WEIGHED])
{
	if (shape->form != BACKEND_NFT_AUTO || rules->list.len > WEIGHED_MOST)
		return 0;
	for (size_t i = 0; i < NFT_WEIGHED; i++)
		out[i] = weigh(rules, shape, forms[i]);
	return NFT_WEIGHED;
}

static bool is_cheaper(const struct nft_weighed *a, const struct nft_weighed *b)
{
	return a->cost.mean_ns != b->cost.mean_ns ? a->cost.mean_ns < b->cost.mean_ns
						  : a->cost.worst_ns < b->cost.worst_ns;
}

void nft_tree_build(const struct nft_rules *rules, const struct backend_nft_shape *shape,
		    struct arena *arena, struct nft_tree *out)
{
	struct nft_weighed weighed[NFT_WEIGHED], *best = NULL;
	struct backend_nft_shape picked = *shape;
	size_t n = nft_forms_weigh(rules, shape, weighed);
	for (size_t i = 0; i < n; i++)
		if (!best || is_cheaper(&weighed[i], best))
			best = &weighed[i];
	if (best)
		picked.form = best->form;
	nft_tree_build_as(rules, &picked, arena, out);
}

void nft_tree_build_from(const struct nft_program *linear, const struct backend_nft_shape *shape,
			 struct arena *arena, struct nft_tree *out)
{
	struct nft_rules rules = nft_rules_of(linear, arena);
	nft_tree_build(&rules, shape, arena, out);
}
