// SPDX-License-Identifier: Apache-2.0
// The chains to which packets come, from the kernel.
#pragma once

#include "backend/nft/area.h"
#include "backend/nft/form.h"

struct backend_nft;

// All chains of the generation in force to which packets of the areas may come, and those of the rules there; perhaps some
// more. Their names are without the prefix; of maps only boxes in which some of the packets may be are sure to be there;
// tags say a rule's place (`place`: by number) instead of its number. 0 or a negative errno, E2BIG when it is too much.
int nft_read_reached(struct backend_nft *nft, const uint32_t *place, const struct nft_areas *areas,
		     struct nft_program *out) must_check;
