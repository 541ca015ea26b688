// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/test_without.h"
#include "backend/nft/compile.h"
#include "backend/nft/test_case.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/tree.h"

#define NOW 1800000000

void test_without_make(struct test_without *w, struct test_random *random)
{
	struct nft_tree tree;
	const struct backend_nft_shape shape = test_shape_random(random);
	arena_init(&w->arena);
	nft_program_init(&w->list, &w->arena);
	nft_program_init(&w->tree, &w->arena);
	if (test_random_chance(random, 20))
		test_policy_hosts(random, &w->arena, test_random_chance(random, 70), NOW,
				  &w->ruleset);
	else
		test_policy_random(random, &w->arena, test_random_chance(random, 70), NOW,
				   &w->ruleset);
	nft_compile(&w->ruleset, NULL, &w->list);
	nft_tree_build_from(&w->list, &shape, &w->arena, &tree);
	nft_shape_program(&w->list, &tree, &w->tree);
	w->gone =
		w->ruleset.rule.len ? test_random_below(random, (uint32_t)w->ruleset.rule.len) : 0;
}

bool test_without_is(const struct test_without *w, const struct nft_form *form)
{
	return form->tag.known && form->tag.rule == w->gone;
}

static const struct nft_chain *led_to(const struct test_without *w, const struct nft_box *box)
{
	return nft_program_find(&w->tree, box->chain);
}

// Boxes of the rule that decide by themselves go; false when some lead to a chain that others may share.
static bool thin(struct test_without *w, struct nft_form *form)
{
	size_t left = 0;
	struct nft_box *box = arena_array(&w->arena, struct nft_box, form->boxes.len);
	for (size_t i = 0; i < form->boxes.len; i++) {
		const struct nft_chain *to = led_to(w, &form->boxes.box[i]);
		bool goes = to && to->rule.len && test_without_is(w, &to->rule.at[0]);
		if (goes && !to->direct)
			return false;
		if (!goes)
			box[left++] = form->boxes.box[i];
	}
	form->boxes.box = box;
	form->boxes.len = left;
	return true;
}

static bool take_from(struct test_without *w, const struct nft_chain *from, struct nft_program *to)
{
	if (from->direct && test_without_is(w, &from->rule.at[0]))
		return true;
	struct nft_chain *chain = nft_program_chain(to, from->name);
	chain->direct = from->direct;
	for (size_t i = 0; i < from->rule.len; i++) {
		struct nft_form form = from->rule.at[i];
		if (test_without_is(w, &form) && form.chain)
			return false;
		if (test_without_is(w, &form))
			continue;
		if (form.act == ACT_BOXES && !thin(w, &form))
			return false;
		if (form.act != ACT_BOXES || form.boxes.len)
			vec_push(&w->arena, &chain->rule, form);
	}
	return true;
}

bool test_without_take(struct test_without *w)
{
	bool good = w->ruleset.rule.len > 0;
	nft_program_init(&w->short_list, &w->arena);
	nft_program_init(&w->thin_tree, &w->arena);
	for (size_t i = 0; i < w->list.chain.len && good; i++)
		good = take_from(w, w->list.chain.at[i], &w->short_list);
	for (size_t i = 0; i < w->tree.chain.len && good; i++)
		good = take_from(w, w->tree.chain.at[i], &w->thin_tree);
	return good;
}
