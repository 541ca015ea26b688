// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/test_change.h"
#include "backend/nft/ways.h"

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

// --- trees with gates ---

// The n-th rule that is so.
struct nft_form *test_find(const struct nft_program *tree, bool (*is)(const struct nft_form *form),
			   size_t n)
{
	for (size_t i = 0; i < tree->chain.len; i++)
		for (size_t k = 0; k < tree->chain.at[i]->rule.len; k++)
			if (is(&tree->chain.at[i]->rule.at[k]) && !n--)
				return &tree->chain.at[i]->rule.at[k];
	return NULL;
}

bool test_has_gate(const struct nft_program *program)
{
	struct arena arena;
	struct nft_ways ways;
	bool gate = false;
	arena_init(&arena);
	nft_ways_find(program, &arena, &ways);
	for (size_t i = 0; i < ways.stop.len; i++)
		for (size_t k = 0; k < ways.stop.at[i]->leads; k++)
			gate |= ways.stop.at[i]->lead[k].gate;
	nft_ways_fini(&ways);
	arena_fini(&arena);
	return gate;
}

static bool is_map(const struct nft_form *form)
{
	return nft_form_by_map(form) && !nft_form_gate(form);
}

static bool decides(const struct nft_form *form)
{
	return form->tag.known && form->tag.counts &&
	       (form->act == ACT_ACCEPT || form->act == ACT_DROP);
}

static struct nft_chain *behind(const struct nft_program *tree, size_t n)
{
	const struct nft_form *gate = test_find(tree, nft_form_gate, n);
	return gate ? nft_program_find(tree, gate->chain) : NULL;
}

static bool drop_in_front(struct arena *arena, struct nft_program *tree, size_t n)
{
	test_chain_insert(arena, nft_program_find(tree, ""), 0, (struct nft_form){.act = ACT_DROP});
	return !n;
}

static bool accept_behind(struct arena *arena, struct nft_program *tree, size_t n)
{
	struct nft_chain *chain = behind(tree, n);
	if (chain)
		test_chain_insert(arena, chain, 0, (struct nft_form){.act = ACT_ACCEPT});
	return chain;
}

// Every so manyth, so that few of them are neighbours.
#define APART 23

static bool rule_gone(struct arena *arena, struct nft_program *tree, size_t n)
{
	const struct nft_form *form = test_find(tree, decides, n * APART);
	(void)arena;
	for (size_t i = 0; form && i < tree->chain.len; i++) {
		struct nft_chain *chain = tree->chain.at[i];
		if (form >= chain->rule.at && form < chain->rule.at + chain->rule.len) {
			test_chain_remove(chain, (size_t)(form - chain->rule.at));
			return true;
		}
	}
	return false;
}

static bool verdict_turned(struct arena *arena, struct nft_program *tree, size_t n)
{
	struct nft_form *form = test_find(tree, decides, n * APART);
	(void)arena;
	if (form)
		form->act = form->act == ACT_DROP ? ACT_ACCEPT : ACT_DROP;
	return form;
}

// The n-th block or box of the gate goes; false: it has fewer.
static bool part_gone(struct arena *arena, struct nft_form *gate, size_t n)
{
	struct nft_map *map = &gate->map;
	struct nft_boxes *boxes = &gate->boxes;
	map->branch = arena_memdup(arena, map->branch, map->len * sizeof(*map->branch));
	boxes->box = arena_memdup(arena, boxes->box, boxes->len * sizeof(*boxes->box));
	if (n < map->len)
		memmove(&map->branch[n], &map->branch[n + 1],
			(--map->len - n) * sizeof(*map->branch));
	else if (n < boxes->len)
		memmove(&boxes->box[n], &boxes->box[n + 1],
			(--boxes->len - n) * sizeof(*boxes->box));
	else
		return false;
	return true;
}

static bool box_gone(struct arena *arena, struct nft_program *tree, size_t n)
{
	struct nft_form *gate = test_find(tree, nft_form_gate, 0);
	return gate && part_gone(arena, gate, n * 7);
}

static bool gate_elsewhere(struct arena *arena, struct nft_program *tree, size_t n)
{
	struct nft_form *gate = test_find(tree, nft_form_gate, n);
	if (!gate)
		return false;
	struct nft_chain *chain = nft_program_chain(tree, NFT_NODE_CHAIN "999999");
	vec_push(arena, &chain->rule, (struct nft_form){.act = ACT_ACCEPT});
	nft_gate_lead(gate, chain->name, arena);
	return true;
}

static bool map_elsewhere(struct arena *arena, struct nft_program *tree, size_t n)
{
	struct nft_form *map = test_find(tree, is_map, n);
	if (!map)
		return false;
	if (map->act == ACT_BRANCH) {
		struct nft_branch *branch =
			arena_memdup(arena, map->map.branch, map->map.len * sizeof(*branch));
		branch[0].chain = branch[map->map.len - 1].chain;
		map->map.branch = branch;
	} else {
		struct nft_box *box =
			arena_memdup(arena, map->boxes.box, map->boxes.len * sizeof(*box));
		box[0].chain = box[map->boxes.len - 1].chain;
		map->boxes.box = box;
	}
	return true;
}

const struct test_gate_change test_gate_change[TEST_GATE_CHANGES] = {
	{"a foreign rule in front", drop_in_front},
	{"a foreign rule behind a gate", accept_behind},
	{"a rule gone", rule_gone},
	{"a verdict turned", verdict_turned},
	{"a box of a gate gone", box_gone},
	{"a gate that leads elsewhere", gate_elsewhere},
	{"a map that leads elsewhere", map_elsewhere},
};

struct nft_form test_rule_of(uint32_t number, enum nft_act act)
{
	return (struct nft_form){.act = act,
				 .tag = {.known = true, .rule = number, .counts = true}};
}

struct nft_form test_lead(enum nft_act act, const char *chain)
{
	return (struct nft_form){
		.act = act, .chain = chain, .tag = {.known = true, .rule = NFT_TAG_HELPER}};
}
