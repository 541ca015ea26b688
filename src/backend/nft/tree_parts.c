// SPDX-License-Identifier: Apache-2.0
// Which rules stand together. Rules that leave an address open would be doubled for every range of the others' addresses,
// so they come behind, in parts of their own: a rule may stand behind a later one as long as no packet can match both.
// Whoever asks both addresses is first, then who asks the destination, the source, neither.
#include "backend/nft/meets.h"
#include "backend/nft/tree_parts.h"

#define FEW_MOST 6000u

// Few rules are told apart by whether some of them has a packet's source, and its destination (tree.c), so all but those
// that have the destination stand together. Very many are not: then each kind of rules is a part.
static uint8_t class_wanted(const struct nft_form *form, bool few)
{
	uint32_t has = nft_split_addresses(form);
	if (few)
		return has & NFT_HAS_DST ? 0 : 1;
	return has == (NFT_HAS_DST | NFT_HAS_SRC) ? 0 : has == NFT_HAS_DST ? 1 : has ? 2 : 3;
}

// Whoever comes before a rule and may match the same packets stands before it or beside it. Returns how many rules are not
// of the first class.
static size_t sort(const struct nft_form *const *rule, size_t len, bool few, uint8_t *class_out)
{
	struct nft_meets *meets = nft_meets_new(rule, len);
	size_t behind = 0;
	for (uint32_t i = 0; i < len; i++) {
		struct nft_level level = {class_wanted(rule[i], few), 1, few ? 1 : 3};
		class_out[i] = (uint8_t)nft_meets_level(meets, i, level);
		behind += class_out[i] > 0;
	}
	nft_meets_free(meets);
	return behind;
}

bool nft_parts_sort(const struct nft_tree *tree, const struct nft_tree_part *part,
		    uint8_t *class_out)
{
	struct arena arena;
	arena_init(&arena);
	const struct nft_form **rule = arena_array(&arena, const struct nft_form *, part->len);
	for (size_t i = 0; i < part->len; i++)
		rule[i] = tree->rule.at[part->rule[i]];
	bool few = sort(rule, part->len, true, class_out) <= FEW_MOST;
	if (!few)
		(void)sort(rule, part->len, false, class_out);
	arena_fini(&arena);
	return few;
}
