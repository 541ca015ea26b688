// SPDX-License-Identifier: Apache-2.0
// Whether a program does what a list of rules says, for every packet: the same rule decides, the same rules log, limit
// and count. Pure.
#pragma once

#include "backend/nft/behind.h"
#include "backend/nft/decided.h"

enum nft_misfit_kind {
	NFT_MISFIT_ABSENT, // packets that should come to a rule of the list come to none such
	NFT_MISFIT_OTHER, // a rule that says it is one of the list, but does or counts otherwise, or is for more packets
	NFT_MISFIT_UNKNOWN, // a rule that is none of the list
	NFT_MISFIT_ORDER,   // a rule stands behind one that must not be before it
};
#define NFT_MISFIT_NONE SIZE_MAX
struct nft_misfit {
	enum nft_misfit_kind kind;
	size_t rule; // of the list, NFT_MISFIT_NONE
	const struct nft_chain *
		chain; // of the program; ABSENT: to whose end the packets come, NULL when it has no such rule
	const struct nft_form *form; // its rule, NULL
	const char *why;             // NULL
};
struct nft_proof {
	VEC(struct nft_misfit) misfit; // none: proven
	struct nft_reason_list reason; // what it leans on, of the list
	bool over; // too much work to tell: neither proven nor all that differs is there
};
#define NFT_MISFITS_MOST 1000u

// `list`: its main chain leads nowhere (as nft_compile makes it). Which rule of the list one of the program is for is taken
// from the tags; what it does, and for which packets, is not.
void nft_prove(const struct nft_program *list, const struct nft_program *program,
	       struct arena *arena, struct nft_proof *out);
// The same for the packets of these areas only: chains to which none of them comes need not be there. `since`: NULL; or all
// was proven, and of these packets nothing has changed but where some rules stand, of which some may be new in the list: it
// says which, by rule of the list. Then only these are followed, and those behind which they have come to stand; what the
// proof leaned on for all others it still does.
void nft_prove_in(const struct nft_areas *areas, const struct nft_program *list,
		  const struct nft_program *program, const enum nft_since *since,
		  struct arena *arena, struct nft_proof *out);
