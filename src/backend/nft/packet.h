// SPDX-License-Identifier: Apache-2.0
// Some packet of an area, as the IR has it. Pure.
#pragma once

#include "backend/nft/area.h"

struct nft_some {
	struct arena *arena;
	uint64_t chance; // not 0; where several packets will do, it goes on with each that is made
	bool tracked;    // the router knows connections
	int64_t now;     // when packets come that may come at any time
};
uint32_t nft_some_below(struct nft_some *some, size_t n) must_check; // 0 to n - 1

// One that a router can see in its forward hook, with a flow unless it has none. False: there is none, or none was found.
bool nft_some_packet(struct nft_some *some, const struct nft_area *area,
		     struct ir_packet *out) must_check;
