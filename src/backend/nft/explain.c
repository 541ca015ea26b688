// SPDX-License-Identifier: Apache-2.0
// The form that a ruleset is enforced in, part by part: its size and what it is expected to cost.
#include "backend/nft/compile.h"
#include "backend/nft/cost.h"
#include "backend/nft/overlay.h"
#include "backend/nft/pick.h"

#include <string.h>

struct explaining {
	struct arena *arena;
	struct nft_tree tree;
	struct nft_program shaped;
	struct nft_costs *costs;
	bool hash; // was asked for
	struct backend_nft_explanation *out;
};

static bool has_boxes(const struct nft_chain *chain)
{
	for (size_t i = 0; i < chain->rule.len; i++)
		if (chain->rule.at[i].act == ACT_BOXES)
			return true;
	return false;
}

// What became of the part, not what was tried.
static const char *form_of(const struct explaining *e, const struct nft_tree_part *part,
			   const struct nft_chain *chain)
{
	if (nft_is_leaf(part->root))
		return has_boxes(chain) ? "boxes" : "list";
	return e->hash ? "hash" : "tree";
}

static void add_part(struct explaining *e, const struct nft_chain *chain, bool own,
		     struct backend_nft_part part)
{
	struct nft_passing passing = nft_costs_passing(e->costs, chain);
	part.size = nft_costs_size(e->costs, chain, own);
	part.passed_ns = nft_cost_whole(passing.usual);
	part.worst_ns = nft_cost_whole(passing.worst);
	vec_push(e->arena, &e->out->part, part);
}

static void explain_part(struct explaining *e, const struct nft_tree_part *part)
{
	struct nft_chain chain = {.name = ""};
	const struct nft_touched none = {.arena = e->arena};
	nft_tree_emit_chain(&e->tree, part->root, &none, &chain);
	add_part(e, &chain, part->root->host == part->root,
		 (struct backend_nft_part){.form = form_of(e, part, &chain), .listed = part->len});
}

static void explain_front(struct explaining *e)
{
	struct nft_chain chain = {.name = ""};
	if (!e->tree.overlay)
		return;
	vec_push(e->arena, &chain.rule, nft_overlay_guard(e->arena));
	add_part(e, &chain, false, (struct backend_nft_part){.form = "front"});
}

static const char *form_of_all(const struct backend_nft_explanation *explanation)
{
	bool front = !strcmp(explanation->part.at[0].form, "front");
	const char *first = explanation->part.at[front].form;
	bool list = !strcmp(first, "list"), boxes = !strcmp(first, "boxes");
	if (explanation->part.len > 1u + front || boxes)
		return "mixed";
	return list ? "linear" : first;
}

// The program's size and cost, on its own.
static void weigh(const struct nft_program *program, struct arena *arena,
		  struct backend_nft_size *size_out, struct backend_nft_cost *cost_out)
{
	struct nft_costs *costs = nft_costs_new(program, arena);
	*cost_out = nft_costs_program(costs);
	*size_out = nft_costs_size(costs, nft_program_find(program, ""), true);
}

static void weigh_forms(const struct nft_program *linear, const struct backend_nft_shape *shape,
			struct explaining *e)
{
	static const char *const name[] = {[BACKEND_NFT_LINEAR] = "linear",
					   [BACKEND_NFT_HASH] = "hash",
					   [BACKEND_NFT_TREE] = "tree",
					   [BACKEND_NFT_MIXED] = "mixed"};
	struct nft_weighed weighed[NFT_WEIGHED];
	struct nft_rules rules = nft_rules_of(linear, e->arena);
	size_t n = nft_forms_weigh(&rules, shape, weighed);
	for (size_t i = 0; i < n; i++) {
		struct backend_nft_weighed one = {name[weighed[i].form], weighed[i].cost};
		vec_push(e->arena, &e->out->weighed, one);
	}
}

bool backend_nft_explain(const struct ir_ruleset *lowered,
			 const struct backend_nft_options *options, struct diags *diags,
			 struct arena *arena, struct backend_nft_explanation *out)
{
	static const struct backend_nft_options none;
	struct explaining e = {.arena = arena, .out = out};
	struct nft_program linear;
	if (!backend_nft_check(lowered, diags))
		return false;
	*out = (struct backend_nft_explanation){.rules = lowered->rule.len};
	options = options ? options : &none;
	e.hash = options->shape.form == BACKEND_NFT_HASH;
	nft_program_init(&linear, arena);
	nft_program_init(&e.shaped, arena);
	nft_compile(lowered, options, &linear);
	weigh_forms(&linear, &options->shape, &e);
	nft_tree_build_from(&linear, &options->shape, arena, &e.tree);
	nft_shape_program(&linear, &e.tree, &e.shaped);
	e.costs = nft_costs_new(&e.shaped, arena);
	explain_front(&e);
	for (size_t i = 0; i < e.tree.root->part.len; i++)
		explain_part(&e, &e.tree.root->part.at[i]);
	out->form = form_of_all(out);
	weigh(&e.shaped, arena, &out->size, &out->cost);
	weigh(&linear, arena, &out->linear_size, &out->linear_cost);
	return true;
}
