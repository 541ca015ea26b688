// SPDX-License-Identifier: Apache-2.0
// The IR as bytes and as text.
#pragma once

#include "ir/ir.h"

struct buf;
struct wire_reader;
// Everything but file and line; equal rulesets give equal bytes. The reader refuses what is not
// canonical, is too large (IR_RULES_MOST) or has values beyond their dimension.
#define IR_RULES_MOST 1000000u
void ir_rule_encode(const struct ir_rule *rule, struct buf *out);
bool ir_rule_decode(struct wire_reader *in, struct arena *arena, struct ir_rule *out) must_check;
void ir_ruleset_encode(const struct ir_ruleset *ruleset, struct buf *out);
bool ir_ruleset_decode(struct wire_reader *in, struct arena *arena,
		       struct ir_ruleset *out) must_check;
// Only what it means (no names, description, priority, opaque names): equal bytes, equal meaning.
void ir_rule_meaning(const struct ir_rule *rule, struct buf *out);

// "tcp dport 443 from 192.0.2.0/24": short and readable; `ir_set_print` prints one dimension's set.
void ir_rule_print(const struct ir_rule *rule, struct buf *out);
void ir_clause_print(const struct ir_clause *clause, struct buf *out);
void ir_set_print(enum ir_dim dim, struct algebra_set set, struct buf *out);
void ir_value_print(enum ir_dim dim, u128 value, struct buf *out);
// Addresses: text to value; family 4 or 6; false on anything that is not an address.
bool ir_address_parse(const char *text, int *family_out, u128 *value_out) must_check;
// "tcp", "udp", "icmp", "icmpv6", ...: the names that ir_value_print uses. False on any other text,
// numbers included.
bool ir_protocol_parse(const char *text, uint8_t *out) must_check;
