// SPDX-License-Identifier: Apache-2.0
// Kernel rules as text of nft(8).
#pragma once

#include "backend/nft/compile.h"

struct diags;
struct ir_packet;

// Appends the rule as nft(8) reads it, without its comment. False when nft has no words for it; what
// was appended is readable all the same. `prefix` goes before the names of chains and maps.
bool nft_text_rule(const struct nft_form *form, const char *prefix, struct buf *out) must_check;

// Appends the map of a rule that branches, as it stands in a table.
bool nft_text_map(const struct nft_form *form, const char *prefix, struct buf *out) must_check;

// Appends the field's values. False when nft has no words for them.
bool nft_text_range(enum nft_field field, struct algebra_range range, struct buf *out) must_check;

// For messages: the rule, with the chains that it leads to in braces.
char *nft_text_shown(const struct nft_program *program, const struct nft_form *form,
		     struct arena *arena) must_check;
// For messages: the packet.
char *nft_text_packet(const struct ir_packet *packet, struct arena *arena) must_check;

// The same ruleset with clauses split where nft(8) can write one range only (absolute times).
void nft_text_split(const struct ir_ruleset *lowered, struct arena *arena, struct ir_ruleset *out);

// Appends the chains of a program and its maps, under names that begin with `prefix`, as they stand in a table. False, with
// diags, when nft has no words for a rule.
bool nft_text_program(const struct nft_program *program, const char *prefix, struct diags *diags,
		      struct buf *out) must_check;
