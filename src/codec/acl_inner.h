// SPDX-License-Identifier: Apache-2.0
// What the files of codec/acl share.
#pragma once

#include "codec/acl.h"
#include "codec/nfi_read.h"

struct schema_node;

// Interfaces whose names are longer are no values of IR_IN and IR_OUT, but opaque conditions of kind IR_OPAQUE_FOREIGN with
// the values "ingress-interface NAME" or "egress-interface NAME".
#define ACL_INTERFACE_MOST 15u
static inline const char *acl_interface_leaf(enum ir_dim dim)
{
	return dim == IR_IN ? "ingress-interface" : "egress-interface";
}
// False when the name is longer.
bool acl_interface_value(const char *name, u128 *out) must_check;

// Reads `matches` into the rule: clauses and opaque conditions.
void acl_read_matches(struct nfi_reader *r, const struct schema_node *matches);

// A list as it stands; `applied`: to how many sets of interfaces.
struct acl_list {
	const struct schema_node *node;
	struct ir_policy policy;
	size_t applied;
};
struct acl_lists {
	VEC(struct acl_list) list;
};
// Whether any list is applied to an interface.
bool acl_applied(const struct schema_node *acls) must_check;
// The lists where they are applied.
void acl_apply(struct nfi_reader *r, const struct schema_node *acls, struct acl_lists *lists,
	       struct ir_document *out);
