// SPDX-License-Identifier: Apache-2.0
// Roughly where packets are: what can be told quickly of very many rules. Pure.
#pragma once

#include "backend/nft/form.h"

// A tree asks the packet or its flow; what stands in it must be about the same.
enum nft_kind { NFT_KIND_ANY, NFT_KIND_PACKET, NFT_KIND_FLOW };
enum nft_kind nft_form_kind(const struct nft_form *form) must_check;

// From the lowest to the highest: the first 32 bits of the addresses, of a side and an IP version (4, 6; 0: not said); the
// destination's port, and the protocol.
struct nft_hull {
	uint32_t src[2], dst[2];
	uint16_t port[2];
	uint8_t proto[2], version, kind;
};

struct nft_hull nft_hull_of(const struct nft_form *form) must_check;
// Holds those of the other one, too. False, and nothing is done, when they are of two kinds or versions.
bool nft_hull_widen(struct nft_hull *hull, const struct nft_hull *by) must_check;
// No packet is in both. Not always told.
bool nft_hulls_apart(const struct nft_hull *a, const struct nft_hull *b) must_check;
