// SPDX-License-Identifier: Apache-2.0
// One clause of the IR as entries of an access control list that together say the same.
#pragma once

#include "codec/acl_inner.h"
#include "codec/nfi_split.h"

// One value of one dimension, as an entry says it. Addresses: a prefix and its length. Ports: from, to; beyond: all but
// `a`. MAC addresses: value and mask. ICMP: type and code, 256 for every code. Others: the value.
struct acl_piece {
	u128 a, b;
	bool beyond;
};
struct acl_axis {
	enum ir_dim dim; // IR_DIMS: the values of the opaque condition `opaque`
	size_t opaque;
	VEC(struct acl_piece) piece;
	size_t n, at;
};
struct acl_split {
	const struct ir_rule *rule;
	struct ir_clause clause; // reduced
	struct arena *arena;
	struct nfi_transports transport; // `number` is not said
	struct acl_axis axis[IR_DIMS * 2];
	size_t axes, at; // in transport
	size_t parts;    // 0: the clause matches nothing
};

// Prepares the entries of a clause, standing at the first. False and an error when the model cannot say it.
bool acl_split_init(struct acl_split *split, const struct ir_rule *rule,
		    const struct ir_clause *clause, struct diags *diags) must_check;
// To the next entry; false behind the last.
bool acl_split_next(struct acl_split *split) must_check;
// What this entry says of a dimension; NULL: nothing.
const struct acl_piece *acl_split_piece(const struct acl_split *split, enum ir_dim dim) must_check;
// The value of an opaque condition that this entry has, without its prefix.
const char *acl_split_opaque(const struct acl_split *split, size_t opaque) must_check;
