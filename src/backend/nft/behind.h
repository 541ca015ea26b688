// SPDX-License-Identifier: Apache-2.0
// Which rules of a list stand behind others on some way through a program. Pure.
#pragma once

#include "backend/nft/ways.h"

// What has become of a rule of the list in a program that was changed.
enum nft_since {
	NFT_SINCE_STAYED, // it stands where it stood
	NFT_SINCE_LEFT,   // it is missing where it stood …
	NFT_SINCE_CAME,   // … or stands where it did not
};

// `is`: by stop and rule of it, which rule of the list it is, by its tag; no index of the list: none. `since`, `out`: by
// rule of the list; those of `out` become true of which a place stands behind one of a rule that came and that the list has
// behind them. A chain that holds nothing but such a rule is taken for a new one: packets that go there had gone on before.
void nft_behind_came(const struct nft_ways *ways, size_t *const *is, size_t rules,
		     const enum nft_since *since, bool *out);
