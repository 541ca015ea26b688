// SPDX-License-Identifier: Apache-2.0
// Which of many rules may match a packet that another one matches: found by the ranges in which their fields lie, without
// asking all of them. Pure.
#pragma once

#include "backend/nft/form.h"

#include "algebra/box.h"

// Opaque, heap. The rules are borrowed until it is made.
struct nft_meets;
struct nft_meets *nft_meets_new(const struct nft_form *const *rule, size_t n) must_check;
void nft_meets_free(struct nft_meets *meets); // NULL is fine
// Appends the numbers in [from, to) of the rules whose ranges meet those of the form. False when there are more than
// `most`; then some are missing. free(ids->at) in the end.
bool nft_meets_find(const struct nft_meets *meets, const struct nft_form *form,
		    struct algebra_range numbers, size_t most, struct algebra_ids *ids) must_check;
// Appends the numbers in [from, to) of the rules in whose ranges all that the form matches lies; where no rule asks
// anything, none. free(ids->at) in the end.
void nft_meets_holding(const struct nft_meets *meets, const struct nft_form *form,
		       struct algebra_range numbers, struct algebra_ids *ids);
// From here on only levels are asked for; nobody has one yet, or any more.
void nft_meets_levels(struct nft_meets *meets);
// Asked for one rule after the other, each time with the same `most` and `every`: the first of `least`, `least` + `every`, …
// that is no lower than those of whose ranges meet this rule's were given. It is the rule's from now on. `least` is below
// `every`; nobody gets more than `most`, INT32_MAX at most.
struct nft_level {
	uint32_t least, every, most;
};
uint32_t nft_meets_level(struct nft_meets *meets, uint32_t number,
			 struct nft_level level) must_check;
