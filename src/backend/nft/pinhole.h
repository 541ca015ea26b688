// SPDX-License-Identifier: Apache-2.0
// Pinholes as kernel rules.
#pragma once

#include "backend/nft/table.h"
#include "backend/nft/nft.h"

// Seconds since 1970 UTC.
int64_t nft_now(void) must_check;

// False when the kernel rule is no pinhole of ours. `idle_ms` and `closed` are taken from the timer.
bool nft_pinhole_read(const struct nft_table *table, const struct nft_form *form,
		      struct arena *arena, int64_t now,
		      struct backend_pinhole_state *out) must_check;
// The rule of the base chain that leads to them.
struct nft_form nft_pinhole_jump(void) must_check;
// Whether there is a pinhole, open or closed: then the base chain leads to them, and only then.
bool nft_pinhole_any(const struct nft_table *table, struct arena *arena) must_check;
// Whether a set is the timer of some pinhole.
bool nft_pinhole_owns(const struct nft_table *table, const struct nft_dumped_set *set) must_check;
