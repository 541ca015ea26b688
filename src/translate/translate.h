// SPDX-License-Identifier: Apache-2.0
// From what the customer asked for to what it means: intent to IR. Names, groups, locations, feeds,
// applications and times are resolved here; docs/why/translation.md says how each condition is
// understood.
#pragma once

#include "ir/ir.h"

struct diags;
struct intent;

struct translate_options {
	int64_t now;  // seconds since 1970 UTC; only for the warning that a rule's time is over
	int32_t zone; // of local times without a zone: seconds east of UTC
	// Recognise applications by registered ports; else they stay opaque.
	bool applications_by_port;
	size_t bytes_most; // memory of one translation; 0: TRANSLATE_BYTES_MOST
};

// Applications by port, times in UTC.
struct translate_options translate_options_default(int64_t now) must_check;

// Beyond these a DIAG_LIMIT error.
#define TRANSLATE_CLAUSES_MOST 4096u           // clauses of one rule
#define TRANSLATE_NAME_MOST 255u               // bytes of a name
#define TRANSLATE_BYTES_MOST ((size_t)2 << 30) // memory of one translation, by default

// Translates all policies, in their order. True when it added no error to `diags`; `*out` is
// written only then. Names and texts of the result are borrowed from the intent, all else is in the
// arena.
//
// A rule may become several adjacent rules of the same policy, name, priority and action, together
// exactly the one that was asked for: alternatives of which only some are packet sets (a threat
// feed of addresses and of domain names) cannot stand in one IR rule. Whoever places rules treats
// those of the same policy and name as one.
bool translate_intent(const struct intent *intent, const struct translate_options *options,
		      struct arena *arena, struct diags *diags, struct ir_document *out) must_check;

// What the values of opaque conditions look like that come from here:
//   users/user, users/group   "7 alice": the id, then the name if there is one
//   payload                   "TVo= depth=16 offset=0; cG93 distance=0": contents in order, all
//   must be found geographic-location/...   "KR/KR-11/Seoul": country, region, city as given; an
//   absent one is "*" application, device-type, event/...   the identity without its module all
//   others                the text as the customer gave it
