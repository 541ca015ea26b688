// SPDX-License-Identifier: Apache-2.0
// The network of verify/reach.h that the network document describes. For this folder only.
#pragma once

#include "engine/internal.h"
#include "verify/reach.h"

// `rules`: what each NSF of the view is told; borrowed, as is the view. False and diags when guards overlap without being
// nested: who stands where is not known then.
bool reach_zones(const struct view *view, const struct ir_ruleset *rules, struct diags *diags,
		 struct verify_network *out) must_check;
