// SPDX-License-Identifier: Apache-2.0
// From the linear form to the form that is enforced.
#include "backend/nft/compile.h"
#include "backend/nft/tree.h"

// The chains of their own to which the chain's rules lead; those of rules that are never met are left out.
static void add_own(const struct nft_program *from, const struct nft_chain *chain,
		    struct nft_program *to)
{
	for (size_t i = 0; i < chain->rule.len; i++) {
		const char *name = chain->rule.at[i].chain;
		struct nft_chain *own = name ? nft_program_find(from, name) : NULL;
		if (!own || nft_program_find(to, name))
			continue;
		vec_push(to->arena, &to->chain, own);
		map_put(&to->by_name, own->name, own);
	}
}

void nft_shape_program(const struct nft_program *linear, struct nft_tree *tree,
		       struct nft_program *program)
{
	nft_tree_program(tree, program);
	for (size_t i = 0; i < program->chain.len; i++)
		add_own(linear, program->chain.at[i], program);
}

void nft_compile_shaped(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
			struct nft_program *program)
{
	struct nft_program linear;
	struct nft_tree tree;
	nft_program_init(&linear, program->arena);
	nft_compile(lowered, options, &linear);
	nft_tree_build_from(&linear, &options->shape, program->arena, &tree);
	nft_shape_program(&linear, &tree, program);
}
