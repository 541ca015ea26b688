// SPDX-License-Identifier: Apache-2.0
// What was proven, and what our own changes have touched since.
#pragma once

#include "backend/nft/form.h"
#include "backend/nft/netlink.h"
#include "backend/nft/turned.h"

struct backend_nft;

#define NFT_CHANGED_MOST 256u // kernel rules; after more, all is proven again

struct nft_changed {
	bool known;           // all was proven equal …
	struct nft_moment at; // … then
	struct arena arena;
	VEC(struct nft_form) form; // that came or went since, with their matches only
	struct nft_turned turned;  // of them those that only do something else
	bool counted; // how many kernel rules the rules have, as all was read; but for the changes since
};
void nft_changed_init(struct nft_changed *changed);
void nft_changed_fini(struct nft_changed *changed);
// Nothing is known any more.
void nft_changed_forget(struct backend_nft *nft);
// All was proven equal as of the kernel's number; `counted` as above.
void nft_changed_proven(struct backend_nft *nft, uint32_t at, bool counted);
// The form comes or goes by a change of ours.
void nft_changed_add(struct backend_nft *nft, const struct nft_form *form);
