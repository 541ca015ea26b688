// SPDX-License-Identifier: Apache-2.0
// Reading the NSF-facing model: what its files share, and what other models with the same header fields use of it.
#pragma once

#include "codec/nfi_inner.h"
#include "base/diag.h"

struct schema_node;
struct schema_tree;

struct nfi_reader {
	const struct schema_tree *tree;
	struct arena *arena;
	struct diags *diags;
	struct ir_rule *rule; // that is being read
};

// A diag about a node of the rule that is being read.
struct nfi_fault {
	enum diag_severity severity;
	enum diag_code code;
	const struct schema_node *node;
	const char *condition, *hint;
};
void nfi_fault(struct nfi_reader *r, const struct nfi_fault *fault, const char *fmt, ...)
	printf_like(3, 4);

struct nfi_clauses {
	VEC(struct ir_clause) list;
};
struct nfi_opaques {
	VEC(struct ir_opaque) list;
};

// --- header fields of ietf-packet-fields, for every model that has them (nfi_fields.c) ---

// All clauses with the set in one dimension; those of which nothing is left go.
void nfi_narrow(struct nfi_reader *r, struct nfi_clauses *c, enum ir_dim dim,
		struct algebra_set set);
// Every clause with every alternative.
void nfi_multiply(struct nfi_reader *r, struct nfi_clauses *c,
		  const struct nfi_clauses *alternatives);
// Ethernet addresses, their masks, and the EtherType; false when nothing is left, or with an error.
bool nfi_read_frame(struct nfi_reader *r, const struct schema_node *frame,
		    struct ir_clause *out) must_check;
// The fields of one IP version; returns the number in `protocol`, or -1.
int nfi_read_ip(struct nfi_reader *r, const struct schema_node *node, unsigned family,
		struct nfi_clauses *c);
// The leaves of nfi_leaves.def.
void nfi_read_leaves(struct nfi_reader *r, const struct schema_node *node, enum nfi_box box,
		     struct nfi_clauses *c);
// A range, a comparison or a list of ranges; `node` may be NULL.
void nfi_read_ports(struct nfi_reader *r, const struct schema_node *node, enum ir_dim dim,
		    struct nfi_clauses *c);
// A message of the version that the leaf `version` says, else of both.
void nfi_read_icmp(struct nfi_reader *r, const struct schema_node *node, struct nfi_clauses *c);
// TCP options and the like, as opaque conditions.
void nfi_read_headers(struct nfi_reader *r, const struct schema_node *condition,
		      struct nfi_opaques *out);

// --- the NSF-facing model's own ---

// Reads `rules/event` and `rules/condition` into the rule: clauses, opaque conditions, rates.
void nfi_read_conditions(struct nfi_reader *r, const struct schema_node *rules);
// The IR of context/time; false when the period is never or its values are none (with an error then).
bool nfi_read_time(struct nfi_reader *r, const struct schema_node *time,
		   struct ir_clause *out) must_check;
