// SPDX-License-Identifier: Apache-2.0
// Sub-trees that know nothing of each other, built by several threads, each with its nodes in an arena of its own. That is
// worth it at the top of large trees. They are taken in their order, so the tree is the same whoever was first.
#include "backend/nft/tree_build.h"
#include "verify/workers.h"

#include <stdlib.h>

#define RULES_LEAST 5000u

struct builders {
	struct nft_build *b, like; // as it is before anything of these is built
	const struct nft_beside *beside;
};

struct built {
	struct nft_build b;
	struct arena nodes;
	size_t i;
	struct nft_node *node;
};

static void *build_one(void *user, unsigned thread, size_t i)
{
	const struct builders *all = user;
	struct built *one = base_oom(calloc(1, sizeof(*one)));
	(void)thread;
	arena_init(&one->nodes);
	one->b = all->like;
	one->b.arena = &one->nodes;
	one->b.spent = 0;
	one->i = i;
	one->node = all->beside->build(all->beside->user, &one->b, i);
	return one;
}

static void take_one(void *user, void *result)
{
	struct builders *all = user;
	struct built *one = result;
	arena_join(all->b->arena, &one->nodes);
	all->b->spent += one->b.spent;
	all->beside->take(all->beside->user, one->i, one->node);
	free(one);
}

static bool is_worth_it(const struct nft_build *b, size_t rules)
{
	unsigned least = b->shape->beside_least ? b->shape->beside_least : RULES_LEAST;
	return b->trunk && rules >= least;
}

void nft_build_beside(struct nft_build *b, const struct nft_beside *beside, size_t rules)
{
	if (is_worth_it(b, rules)) {
		struct builders all = {b, *b, beside};
		verify_workers_run(&(struct verify_workers){.threads = verify_threads(0),
							    .pieces = beside->len,
							    .make = build_one,
							    .take = take_one,
							    .user = &all});
		return;
	}
	for (size_t i = 0; i < beside->len && !b->over; i++)
		beside->take(beside->user, i, beside->build(beside->user, b, i));
}
