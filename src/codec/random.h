// SPDX-License-Identifier: Apache-2.0
// For tests of the codecs: random rules, packets at their borders, and what is decided of them. The seed is fixed;
// random_start sets another.
#pragma once

#include "ir/ir.h"

struct buf;

enum random_model { RANDOM_NFI, RANDOM_ACL };

// NULL keeps the seed; it is printed.
void random_start(const char *wanted);
unsigned random_pick(unsigned n);
bool random_chance(unsigned percent);
// Most, not all, of them can be said in the model.
struct ir_rule random_rule(struct arena *arena, enum random_model model);
struct ir_packet *random_packet(struct arena *arena, const struct ir_ruleset *set);
// What is decided of the packet, by which rule, logged by which, depending on which: by their names. `names`: with them.
const char *random_decision(const struct ir_ruleset *set, const struct ir_packet *p, bool names,
			    struct arena *arena);
void random_print_rules(const struct ir_ruleset *set, struct buf *out);
void random_print_packet(const struct ir_packet *p, struct buf *out);
