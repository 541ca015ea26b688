// SPDX-License-Identifier: Apache-2.0
// Whether earlier rules of a list decide packets of a later one, and which: the reasons that a proof has for not following
// them any further. Pure.
#pragma once

#include "backend/nft/area.h"
#include "backend/nft/hull.h"

struct nft_meets;

// Some packets of a rule of the list were not followed, as an earlier one decides them. Where it takes several, there is a
// reason for each.
struct nft_reason {
	uint32_t rule, by;       // places in the list …
	struct nft_hull packets; // no others of it
};
#define NFT_REASON_ANY UINT32_MAX // … `by`: nobody knows which; `rule`: whatever it was
#define NFT_REASONS_MOST ((size_t)1 << 20)
struct nft_reason_list {
	VEC(struct nft_reason) list;
	bool over; // there were more
};
void nft_reason_add(struct nft_reason_list *reasons, struct arena *arena, struct nft_reason reason);

struct nft_decided {
	const struct nft_form *rule; // of the list
	size_t rules;
	struct arena *arena;
	struct nft_reason_list *reasons;
	struct nft_meets *every; // all rules of the list
	uint32_t *noted;         // by rule: of its reasons the last one + 1
	size_t now;              // the rule whose packets are asked about
	struct arena of_rule;
	struct nft_area
		live;    // an area that holds those of its packets that no earlier rule decides …
	bool live_known; // … once that was
	unsigned asked;  // often
	bool over;       // some was too much work to tell
};
// Borrows the rules.
void nft_decided_init(struct nft_decided *decided, const struct nft_form *rule, size_t rules,
		      struct arena *arena, struct nft_reason_list *reasons);
void nft_decided_fini(struct nft_decided *decided);
// It is this rule's packets that are asked about from here on, until the end.
void nft_decided_begin(struct nft_decided *decided, size_t rule);
void nft_decided_end(struct nft_decided *decided);
// Whether earlier rules of the list decide all these packets of the rule, wherever they stand.
enum algebra_answer nft_decided_before(struct nft_decided *decided,
				       const struct nft_area *packets) must_check;
// The same, unless that is too much work to tell. (Who makes a chain may leave a rule out because of what stands before it
// there: then it is no difference, and nothing is proven.)
bool nft_decided_perhaps(struct nft_decided *decided, const struct nft_area *packets) must_check;
// The same where it is asked again and again on a way.
enum algebra_answer nft_decided_often(struct nft_decided *decided,
				      const struct nft_area *packets) must_check;
// Whether any of the packets is in the rule.
bool nft_rule_meets(const struct nft_form *rule, const struct nft_area *packets,
		    struct arena *arena) must_check;
