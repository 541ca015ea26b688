// SPDX-License-Identifier: Apache-2.0
// Random scripts for nft -f, so that what nft lists of them can be imported.
#pragma once

#include "base/arena.h"
#include "ir/test.h"

// One line of a script. Rules may be left out when a script is made small.
struct script_line {
	const char *text;
	bool rule, left_out;
};
struct script {
	VEC(struct script_line) line;
};
struct buf;

// One table "t" with sets, maps and chains; its base chain "f" is at the forward hook. `now`: seconds since 1970, to be
// inside of some times of day and outside of others.
void script_random(struct test_random *random, struct arena *arena, int64_t now,
		   struct script *out);
void script_print(const struct script *script, struct buf *out);
