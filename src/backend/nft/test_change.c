// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/test_change.h"

#include <string.h>

struct changing {
	struct test_random *random;
	struct arena *arena;
	struct nft_program *program;
};

static size_t below(struct changing *c, size_t n)
{
	return test_random_below(c->random, (uint32_t)n);
}

static struct nft_chain *some_chain(struct changing *c)
{
	struct nft_chain *chain;
	do
		chain = c->program->chain.at[below(c, c->program->chain.len)];
	while (!chain->rule.len);
	return chain;
}

static void change_match(struct changing *c, struct nft_form *form)
{
	form->match = arena_memdup(c->arena, form->match, form->len * sizeof(*form->match));
	struct nft_match *match = &form->match[below(c, form->len)];
	struct algebra_range *range =
		arena_memdup(c->arena, match->set.at, match->set.len * sizeof(*range));
	if (range[0].lo < range[0].hi)
		range[0].lo++;
	else if (range[0].lo)
		range[0].lo--;
	match->set.at = range;
}

static void change_map(struct changing *c, struct nft_map *map)
{
	struct nft_branch *branch = arena_memdup(c->arena, map->branch, map->len * sizeof(*branch));
	size_t at = below(c, map->len);
	if (test_random_chance(c->random, 50))
		branch[at].chain = branch[(at + 1) % map->len].chain;
	else if (branch[at].range.lo < branch[at].range.hi)
		branch[at].range.hi--;
	map->branch = branch;
}

static void change_boxes(struct changing *c, struct nft_boxes *boxes)
{
	struct nft_box *box = arena_memdup(c->arena, boxes->box, boxes->len * sizeof(*box));
	struct nft_box *one = &box[below(c, boxes->len)];
	struct algebra_range *range =
		arena_memdup(c->arena, one->range, boxes->fields * sizeof(*range));
	struct algebra_range *some = &range[below(c, boxes->fields)];
	boxes->box = box;
	switch (below(c, 3)) {
	case 0:
		*one = box[--boxes->len];
		break;
	case 1:
		one->chain = box[below(c, boxes->len)].chain;
		break;
	default:
		some->hi -= some->lo < some->hi;
		one->range = range;
	}
}

void test_chain_remove(struct nft_chain *chain, size_t at)
{
	memmove(&chain->rule.at[at], &chain->rule.at[at + 1],
		(chain->rule.len - at - 1) * sizeof(*chain->rule.at));
	chain->rule.len--;
}

void test_chain_insert(struct arena *arena, struct nft_chain *chain, size_t at,
		       struct nft_form form)
{
	vec_push(arena, &chain->rule, form);
	memmove(&chain->rule.at[at + 1], &chain->rule.at[at],
		(chain->rule.len - at - 1) * sizeof(form));
	chain->rule.at[at] = form;
}

void test_program_change(struct test_random *random, struct arena *arena,
			 struct nft_program *program)
{
	struct changing changing = {random, arena, program}, *c = &changing;
	struct nft_chain *chain = some_chain(c);
	size_t at = below(c, chain->rule.len);
	struct nft_form *form = &chain->rule.at[at], other;
	switch (below(c, 6)) {
	case 0:
		test_chain_remove(chain, at);
		break;
	case 1:
		test_chain_insert(c->arena, chain, at, (struct nft_form){.act = ACT_ACCEPT});
		break;
	case 2:
		if (form->len)
			change_match(c, form);
		break;
	case 3:
		if (form->act == ACT_BRANCH && form->map.len)
			change_map(c, &form->map);
		if (form->act == ACT_BOXES && form->boxes.len)
			change_boxes(c, &form->boxes);
		break;
	case 4:
		if (form->act == ACT_ACCEPT || form->act == ACT_DROP)
			form->act = form->act == ACT_DROP ? ACT_ACCEPT : ACT_DROP;
		break;
	default:
		if (at + 1 < chain->rule.len) {
			other = form[0];
			form[0] = form[1];
			form[1] = other;
		}
	}
}
