// SPDX-License-Identifier: Apache-2.0
// The words in which people type packets, conditions and rules: "key=value,key!=value|value". One table of keys, one reader
// of values, for ir_packet_parse, ir_clause_parse and ir_rule_parse. For this folder only.
#pragma once

#include "ir/ir.h"

struct diags;

// What is being read: each diag begins with `what`.
struct ir_reader {
	struct arena *arena;
	struct diags *diags;
	const char *what;
};

// `value` is as it stands there, quotes included; ir_item_cut takes it apart.
struct ir_pair {
	char *key, *value;
	bool negated; // "!="
};
// Cuts the next pair off `*rest`, which it writes into; *rest is NULL behind the last. A pair without '=' is a diag and
// has no value; an empty pair has no key.
void ir_pair_cut(const struct ir_reader *reader, char **rest, struct ir_pair *out);

// One of the values that stand with | between. In quotes it may hold anything: \" and \\ and \xNN are a quote, a backslash
// and a byte.
struct ir_item {
	char *text; // ends with NUL, may hold others
	size_t len;
	bool quoted;
};
// Cuts the next item off `*rest`, NULL behind the last. `whole`: a | without quotes does not end it. False on a quote that
// does not end.
bool ir_item_cut(char **rest, bool whole, struct ir_item *out) must_check;
// As an item: in quotes when it needs them.
void ir_item_print(const char *text, size_t len, struct buf *out);

struct ir_key {
	const char *name;
	enum ir_dim dim;  // IR_DIMS: an ICMP type or code, which is half a dimension
	enum ir_dim dim6; // of IPv6 addresses
	bool (*read)(const struct ir_key *key, const struct ir_item *item,
		     struct algebra_builder *out, enum ir_dim *dim_out);
	const char *hint; // what its values look like
};
// False when there is no such header. Times, directions and the like are not headers.
bool ir_key_find(const char *name, struct ir_key *out) must_check;
// The values that the item means, and their dimension.
bool ir_key_read(const struct ir_key *key, const struct ir_item *item, struct arena *arena,
		 enum ir_dim *dim_out, struct algebra_set *out) must_check;

// Bit k is set when the kind can be named so: by its name, or by the last part of it ("user" for "users/user").
uint32_t ir_opaque_kinds(const char *key) must_check;

// "WHAT: 'value' is not a value of 'key'", with the hint; returns false.
bool ir_refuse_value(const struct ir_reader *reader, const char *key, const char *value,
		     const char *hint);
