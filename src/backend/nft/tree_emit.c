// SPDX-License-Identifier: Apache-2.0
// The tree as chains. A node's chain begins with its verdict map, or with one goto a range where there are few; what
// comes behind is for packets of no range. The main chain jumps to one part after the other, so that a packet that no rule
// of a part decides comes back and goes on; the kernel allows 16 chains within each other, whether by jump or goto.
#include "backend/nft/tree.h"

#define JUMPS_MOST 5u // ranges that are tested one after the other, without a map

struct emission {
	const struct nft_tree *tree;
	struct nft_program *program;
	bool *done; // by number
};

static const char *name_of(struct emission *e, const char *kind, const struct nft_node *node)
{
	return arena_printf(e->program->arena, "-%s%u", kind, node->number);
}

static struct nft_tag nobody(void)
{
	return (struct nft_tag){.known = true, .rule = NFT_TAG_HELPER};
}

static void push(struct emission *e, struct nft_chain *to, struct nft_form form)
{
	vec_push(e->program->arena, &to->rule, form);
}

static void push_to(struct emission *e, struct nft_chain *to, enum nft_act act,
		    const struct nft_node *node)
{
	push(e, to, (struct nft_form){.act = act, .chain = name_of(e, "n", node), .tag = nobody()});
}

// The rule with those of its tests that are left.
static struct nft_form remainder_of(struct emission *e, struct nft_entry entry)
{
	const struct nft_form *rule = e->tree->rule.at[entry.rule];
	struct nft_form form = *rule;
	form.len = 0;
	form.match = arena_array(e->program->arena, struct nft_match, rule->len);
	for (size_t i = 0; i < rule->len; i++)
		if (entry.left >> i & 1)
			form.match[form.len++] = rule->match[i];
	return form;
}

static void emit_leaf(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	for (size_t i = 0; i < node->entry.len; i++)
		push(e, to, remainder_of(e, node->entry.at[i]));
}

static void emit_jumps(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	for (size_t i = 0; i < node->way.len; i++) {
		struct nft_form form = {.act = ACT_GOTO,
					.chain = name_of(e, "n", node->way.at[i].to),
					.tag = nobody()};
		struct algebra_range r = node->way.at[i].range;
		nft_form_match(&form, e->program->arena, node->field,
			       algebra_set_one(e->program->arena, r.lo, r.hi));
		push(e, to, form);
	}
}

static void emit_map(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	struct nft_form form = {.act = ACT_BRANCH, .tag = nobody()};
	form.map = (struct nft_map){
		.field = node->field,
		.name = name_of(e, "m", node),
		.branch = arena_array(e->program->arena, struct nft_branch, node->way.len),
		.len = node->way.len};
	for (size_t i = 0; i < node->way.len; i++)
		form.map.branch[i] = (struct nft_branch){node->way.at[i].range,
							 name_of(e, "n", node->way.at[i].to)};
	push(e, to, form);
}

static void emit_chain(struct emission *e, const struct nft_node *node);

static void emit_into(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	if (node->field == NFT_FIELDS) {
		emit_leaf(e, node, to);
		return;
	}
	if (node->way.len <= JUMPS_MOST)
		emit_jumps(e, node, to);
	else
		emit_map(e, node, to);
	for (size_t i = 0; i < node->way.len; i++)
		emit_chain(e, node->way.at[i].to);
	if (!node->miss)
		return;
	if (node->miss->refs == 1) {
		emit_into(e, node->miss, to);
	} else {
		push_to(e, to, ACT_GOTO, node->miss);
		emit_chain(e, node->miss);
	}
}

static void emit_chain(struct emission *e, const struct nft_node *node)
{
	if (e->done[node->number])
		return;
	e->done[node->number] = true;
	emit_into(e, node, nft_program_chain(e->program, name_of(e, "n", node)));
}

void nft_tree_emit(const struct nft_tree *tree, struct nft_program *program)
{
	struct emission e = {.tree = tree, .program = program};
	struct nft_chain *first = nft_program_chain(program, "");
	e.done = arena_array(program->arena, bool, (size_t)tree->numbers + 1);
	for (size_t i = 0; i < tree->part.len; i++) {
		const struct nft_node *root = tree->part.at[i].root;
		bool alone = root->field == NFT_FIELDS || i + 1 == tree->part.len;
		if (alone) {
			emit_into(&e, root, first);
		} else {
			push_to(&e, first, ACT_JUMP, root);
			emit_chain(&e, root);
		}
	}
}
