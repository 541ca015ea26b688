// SPDX-License-Identifier: Apache-2.0
// Which rules stand together. Rules that leave an address open would be doubled for every range of the others' addresses,
// so they come behind, in parts of their own: a rule may stand behind a later one as long as no packet can match both.
// Whoever asks both addresses is first, then who asks the destination, the source, neither.
#include "backend/nft/meets.h"
#include "backend/nft/tree_parts.h"

// From the first value to the last.
static u128 width_of(struct algebra_set set)
{
	return set.len ? set.at[set.len - 1].hi - set.at[0].lo : ~(u128)0;
}

static bool asks_narrowly(const struct nft_form *form, enum nft_field v4, enum nft_field v6)
{
	const struct algebra_set *four = nft_form_set(form, v4), *six = nft_form_set(form, v6);
	return (four && width_of(*four) < (u128)1 << 24) || (six && width_of(*six) < (u128)1 << 96);
}

static uint8_t class_wanted(const struct nft_form *form)
{
	bool src = asks_narrowly(form, F_SRC4, F_SRC6) ||
		   asks_narrowly(form, F_FLOW_SRC4, F_FLOW_SRC6),
	     dst = asks_narrowly(form, F_DST4, F_DST6) ||
		   asks_narrowly(form, F_FLOW_DST4, F_FLOW_DST6);
	return dst ? (src ? 0 : 1) : src ? 2 : NFT_CLASSES - 1;
}

// Whoever comes before a rule and may match the same packets stands before it or beside it.
void nft_parts_sort(const struct nft_tree *tree, const struct nft_tree_part *part,
		    uint8_t *class_out)
{
	struct arena arena;
	arena_init(&arena);
	const struct nft_form **rule = arena_array(&arena, const struct nft_form *, part->len);
	for (size_t i = 0; i < part->len; i++)
		rule[i] = tree->rule.at[part->rule[i]];
	struct nft_meets *meets = nft_meets_new(rule, part->len);
	for (uint32_t i = 0; i < part->len; i++)
		class_out[i] =
			(uint8_t)nft_meets_level(meets, i, class_wanted(rule[i]), NFT_CLASSES - 1);
	nft_meets_free(meets);
	arena_fini(&arena);
}
