// SPDX-License-Identifier: Apache-2.0
// The IR as bytes and as text.
#pragma once

#include "ir/ir.h"

struct buf;
struct ir_packet;
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

// A condition as people write it: "src=10.0.0.0/8|192.0.2.1-192.0.2.9,proto=tcp,dport=80|443-445,state=new,in=eth*". The
// keys are those of ir_packet_parse that name headers, time=FROM..TO (RFC 3339, either may be absent), and the names of
// opaque conditions; values with | between, ranges with -, prefixes, != for all others. "" or "any": every packet. False
// and diags (starting with `what`, "where" for --where) on errors. `opaque` are appended; NULL refuses them.
struct ir_opaques {
	VEC(struct ir_opaque) list;
};
bool ir_clause_parse(const char *text, const char *what, struct arena *arena, struct diags *diags,
		     struct ir_clause *out, struct ir_opaques *opaque) must_check;
// "10.0.0.0/8", "192.0.2.1-192.0.2.9", "2001:db8::/32": added to the sets. False and diags as above.
bool ir_addresses_parse(const char *text, const char *what, struct arena *arena,
			struct diags *diags, struct algebra_set *v4,
			struct algebra_set *v6) must_check;
// Whether a text can only be meant so, and not as a name.
bool ir_looks_like_addresses(const char *text) must_check;
// "action=drop,name=no-telnet,src=…,log=rule": a whole packet rule (flow=yes: a flow rule), conditions as above.
bool ir_rule_parse(const char *text, const char *what, struct arena *arena, struct diags *diags,
		   struct ir_rule *out) must_check;
// The packet in the syntax of ir_packet_parse, which reads back the same packet (but for truths told by a callback of
// somebody else's, and rules of another name whose rate is the same): what a person pastes after `bulwark query --packet`.
// With the time IR_TIME_UNSAID no time is printed. Expects what packets for real have: a family with addresses or an ICMP
// type, ICMP types with their protocol, times of four-digit years.
#define IR_TIME_UNSAID INT64_MIN
struct ir_packet;
void ir_packet_print(const struct ir_packet *packet, struct buf *out);
