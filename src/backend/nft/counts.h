// SPDX-License-Identifier: Apache-2.0
// What the rules of a policy have counted, by the numbers in the tags of kernel rules. A rule of the policy stays while its
// kernel rules come and go: what those counted that went is kept.
#pragma once

#include "backend/backend.h"
#include "backend/nft/form.h"
#include "backend/nft/netlink.h"

struct nft_counts {
	struct arena *arena;
	uint32_t numbers;               // that rules may have; tags with others are nobody's
	VEC(struct backend_count) rule; // by number
	bool named;                     // `who` is wanted, too
	VEC(const char *) who; // by number: names of the policy and the rule; NULL: not known
	struct backend_count by_default, no_flow;
};

// What a kernel rule had counted when it was read.
void nft_counts_add(struct nft_counts *counts, const struct nft_form *form);
// What the elements of a map that counts had counted then.
struct nft_dumped_set;
void nft_set_count(const struct nft_dumped_set *set, struct nft_counts *counts);
void nft_counts_join(struct nft_counts *counts, const struct nft_counts *more);
void nft_counts_set(struct nft_counts *counts, uint32_t number, struct backend_count count);
// By place in the ruleset, of counts that are named: numbers are places until rules are put in or taken out, and who
// has not done that himself only knows the names. Rules that share theirs with another one then count nothing.
void nft_counts_place(const struct nft_counts *counts, const struct ir_ruleset *lowered,
		      struct arena *arena, struct backend_count *out);
// Of a number; zero when nothing was counted.
struct backend_count nft_counts_of(const struct nft_counts *counts, uint32_t number) must_check;

// From here on whatever kernel rules the batch deletes leave their counts: call it before they are encoded, and keep
// `counts` until the batch has run. The kernel says the counters with the deletion, when new packets come to the rules
// no more; only one that another processor is judging at that moment may be missed.
void nft_counts_keep(struct nft_counts *counts, struct nft_batch *batch);
