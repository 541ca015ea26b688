// SPDX-License-Identifier: Apache-2.0
// Lines of imported rulesets. Chains are looked at path by path, so a line that several jumps lead to is several rules; who
// wrote it sees one. It does nothing only when it does nothing on all of its paths.
#pragma once

#include "base/map.h"
#include "cli/source.h"
#include "verify/verify.h"

struct line {
	const struct ir_rule *rule; // the first of them
	size_t paths;
	size_t found[VERIFY_KINDS]; // on how many of them
	enum verify_kind shown;     // kind of `example`
	const char *example;        // what was found on one of them, in words
};
struct lines {
	struct arena *arena;
	struct map by_place;
	VEC(struct line *) list; // in the order in which they were added
};

// The rules of the ruleset, each a path of its line.
void lines_add(struct lines *lines, const struct ir_ruleset *ruleset);
// NULL when the rule does not say its line.
struct line *lines_find(const struct lines *lines, const struct ir_rule *rule) must_check;
// "Drop 11" of "FORWARD 1 > net 4 > Drop 11".
const char *lines_name(const struct line *line) must_check;
// The kind that all its paths together are of: VERIFY_KINDS when it does something on some path. Without any rule that
// decides it is dead, however its paths died.
enum verify_kind lines_kind(const struct line *line) must_check;
