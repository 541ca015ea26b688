// SPDX-License-Identifier: Apache-2.0
// For the test of imported rulesets: random rulesets in the words of iptables, ip6tables and nft, and edited copies.
#pragma once

#include "ir/test.h"

#define IMPORT_KINDS 3
struct import_kind {
	const char *name;
	const char *const *load, *const *save; // programs with their arguments
	unsigned families;                     // bit 0: IPv4, bit 1: IPv6
	bool nft;
};
extern const struct import_kind import_kinds[IMPORT_KINDS];

// A ruleset line by line. Rules: what may be edited.
struct import_line {
	const char *text;
	bool rule;
};
struct import_lines {
	struct arena *arena;
	VEC(struct import_line) list;
};

void import_rules_make(const struct import_kind *kind, struct test_random *random,
		       struct import_lines *out);
// Rules go, come, change their verdicts and their places.
void import_rules_edit(const struct import_kind *kind, struct test_random *random,
		       const struct import_lines *in, struct import_lines *out);
// A real dump of iptables-save, with its input chain in the place of the forwarding one and with the interfaces of
// test_net.h. False when there is no such file.
bool import_rules_read(const char *file, struct import_lines *out) must_check;
char *import_rules_text(const struct import_kind *kind,
			const struct import_lines *lines) must_check;
