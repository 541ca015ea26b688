// SPDX-License-Identifier: Apache-2.0
// From the linear form to the form that is enforced.
#include "backend/nft/compile.h"
#include "backend/nft/tree.h"

#include <string.h>

void nft_compile_shaped(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
			struct nft_program *program)
{
	struct nft_program linear;
	struct nft_tree tree;
	nft_program_init(&linear, program->arena);
	nft_compile(lowered, options, &linear);
	nft_tree_build(nft_program_find(&linear, ""), &options->shape, program->arena, &tree);
	nft_tree_program(&tree, program);
	for (size_t i = 0; i < linear.chain.len; i++) {
		if (!linear.chain.at[i]->name[0])
			continue;
		vec_push(program->arena, &program->chain, linear.chain.at[i]);
		map_put(&program->by_name, linear.chain.at[i]->name, linear.chain.at[i]);
	}
}
