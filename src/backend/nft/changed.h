// SPDX-License-Identifier: Apache-2.0
// What was proven, and what our own changes have touched since.
#pragma once

#include "backend/nft/form.h"
#include "backend/nft/gone.h"
#include "backend/nft/netlink.h"
#include "backend/nft/spots.h"
#include "backend/nft/turned.h"

struct backend_nft;

#define NFT_CHANGED_MOST 256u // kernel rules; after more, all is proven again

struct nft_changed_form {
	struct nft_form form; // its matches and tag only
	bool came;            // it stands where it did not; else it went, or does something else
};

struct nft_changed {
	bool known;           // all was proven equal …
	struct nft_moment at; // … then
	struct arena arena;
	VEC(struct nft_changed_form) form; // since then
	VEC(struct nft_gone) gone;         // of them those that only went
	struct nft_turned turned;          // of them those that only do something else
	struct nft_spots spots;            // kernel rules, as they were
	bool counted; // how many kernel rules the rules have, as all was read; but for the changes since
};
void nft_changed_init(struct nft_changed *changed);
void nft_changed_fini(struct nft_changed *changed);
// Nothing is known any more.
void nft_changed_forget(struct backend_nft *nft);
// All was proven equal as of the kernel's number; `counted` as above.
void nft_changed_proven(struct backend_nft *nft, uint32_t at, bool counted);
// The form is changed by us: it comes, also from the front to its place, or it goes or turns.
void nft_changed_add(struct backend_nft *nft, const struct nft_form *form, bool came);
// Whether the rule with this number came, went, or was turned or is what one was turned into.
bool nft_changed_itself(const struct nft_changed *changed, uint32_t number) must_check;
// Whether earlier rules of the policy decide all these packets of the one that has this number in the tree.
bool nft_changed_decided(struct backend_nft *nft, const uint32_t *place,
			 const struct nft_form *packets, uint32_t rule) must_check;
// What is known of packets since all was proven: nothing has changed for them but these spots, and that the list has some of
// the rules that came. That some went is no matter to them, but for these rules of the tree.
struct nft_changed_since {
	const struct nft_spots_diff *spots;
	struct nft_numbers leaned;
};
// Whether it is proven for the packets of all these forms, from the kernel. It may be too much work. `place`: of rules, by
// number. `since`: NULL when nothing is known of them.
bool nft_changed_prove(struct backend_nft *nft, const uint32_t *place,
		       const struct nft_some_forms *packets,
		       const struct nft_changed_since *since) must_check;
// What is left to prove of all that has changed since all was proven (false: too much), and whether that is proven. `spots`:
// what changes have made of the kernel's rules.
bool nft_changed_left(struct backend_nft *nft, const uint32_t *place,
		      const struct nft_spots_diff *spots, struct arena *arena,
		      struct nft_to_prove *out) must_check;
bool nft_changed_holds(struct backend_nft *nft, const uint32_t *place,
		       const struct nft_spots_diff *spots,
		       const struct nft_to_prove *left) must_check;
