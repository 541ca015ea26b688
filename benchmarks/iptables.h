// SPDX-License-Identifier: Apache-2.0
// A ruleset in the language of iptables-restore(8), for the peers of ./bench.
#pragma once

#include "ir/ir.h"

struct buf;

// The FORWARD chain of the filter table with a rule for each packet rule that passes or drops and tests no more than IPv4
// prefixes, a protocol and ranges of ports; the default action as its policy. Returns how many rules could not be said.
size_t iptables_print(const struct ir_ruleset *ruleset, struct buf *out) must_check;
