// SPDX-License-Identifier: Apache-2.0
// For the oracle of imported rulesets: random input for iptables-restore and ip6tables-restore.
#pragma once

#include "ir/test.h"

struct buf;

struct iptables_kind {
	bool v6;
	bool tracked; // with connection states, else with fragments
	int64_t now;  // lies inside and outside of its time windows, never near their ends
};
// A table `filter` with rules in FORWARD and in chains that it jumps to. Every match of it is one that the import models.
// Returns the number of rules.
size_t iptables_random(struct test_random *random, const struct iptables_kind *kind,
		       struct buf *out) must_check;
