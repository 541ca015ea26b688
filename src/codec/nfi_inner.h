// SPDX-License-Identifier: Apache-2.0
// What the files of codec/nfi share.
#pragma once

#include "codec/nfi.h"

#include "ir/ir.h"

struct buf;
struct diags;

enum nfi_box { NFI_IPV4, NFI_IPV6, NFI_TCP, NFI_UDP, NFI_SCTP, NFI_DCCP, NFI_ICMP, NFI_BOXES };
enum nfi_form { NFI_VALUE, NFI_LIST, NFI_BITS };

struct nfi_leaf {
	enum ir_dim dim;
	enum nfi_box box;
	const char *name;
	uint32_t least, most;
	enum nfi_form form;
};
enum {
	NFI_LEAVES = 0
#define X(dim, box, name, least, most, form) +1
#include "codec/nfi_leaves.def"
#undef X
};
extern const struct nfi_leaf nfi_leaf[NFI_LEAVES];
extern const char *const nfi_box_name[NFI_BOXES];

// The bits of a flags leaf, in the model's order; NULL-terminated.
struct nfi_bit {
	const char *name;
	uint8_t value;
};
const struct nfi_bit *nfi_bits(enum ir_dim dim) must_check;

// Leaves about headers that no header set can say; they are opaque conditions of kind
// IR_OPAQUE_HEADER with values "tcp/options=BASE64".
struct nfi_header {
	const char *prefix; // "tcp/options="
	const char *leaf;
	enum nfi_box box;
};
extern const struct nfi_header nfi_header[3];

// Lists of plain values that are opaque conditions.
struct nfi_list {
	enum ir_opaque_kind kind;
	const char *container; // below condition (or the rule, for events); "" none
	const char *leaf;
	bool user;                // a list of id and name
	const char *const *known; // identities of the model, NULL-terminated; NULL: any text
};
enum { NFI_LISTS = 16 };
extern const struct nfi_list nfi_list[NFI_LISTS];
// Whether the value is one that the leaf can have.
bool nfi_list_takes(const struct nfi_list *list, const char *value) must_check;

bool nfi_is_base64(const char *value) must_check;

// --- masks ---

// The values that agree with `value` where `mask` has ones.
struct nfi_masked {
	u128 value, mask;
};
struct nfi_masked_list {
	VEC(struct nfi_masked) list;
};
struct nfi_masking {
	struct arena *arena;
	unsigned bits; // of the dimension
	size_t most;   // it ends behind so many: then there is one more in the list
};
#define NFI_MASK_RANGES_MOST 4096u // that one mask may stand for
// One mask where that says it, else the fewest whose ones stand in front.
void nfi_mask(const struct nfi_masking *how, struct algebra_set set, struct nfi_masked_list *out);

// --- names ---

// "POLICY/RULE" with what would be ambiguous escaped.
void nfi_name_write(const char *policy, const char *rule, struct buf *out);
struct nfi_name {
	const char *policy, *rule;  // in the arena
	unsigned run, clause, part; // 0: not given
};
// False when the name is not of that form.
bool nfi_name_read(const char *name, struct arena *arena, struct nfi_name *out) must_check;

// Takes the rules' names apart and joins neighbours that are parts of one rule.
void nfi_policy_join(struct ir_policy *policy, struct arena *arena);

// --- clauses ---

// Takes away the condition on a dimension that the clause has.
void nfi_clause_drop(struct ir_clause *clause, struct arena *arena, enum ir_dim dim);
// Drops a condition on the IP version or the transport protocol that other conditions imply.
void nfi_clause_reduce(struct ir_clause *clause, struct arena *arena);
// Joins clauses that differ in one dimension only, as long as there are any. Same meaning.
void nfi_clauses_join(struct ir_clause **clause, size_t *clauses, struct arena *arena);
// The parts of one clause of a rule become one rule again: alternatives of one opaque condition, then
// of headers. At least one rule is left; they stay in order. `len` is shortened.
void nfi_parts_join(struct ir_rule *part, size_t *len, struct arena *arena);
// Rules that are equal but for their clauses become one that has them all, unchanged.
void nfi_rules_gather(struct ir_rule *rule, size_t *len, struct arena *arena);
// Days of a year as ranges in which the last day of a month and the first of the next are neighbours.
struct algebra_set nfi_dates(struct arena *arena, struct algebra_set days) must_check;
// Whether an EtherType is IPv4's or IPv6's.
bool nfi_is_ip_type(u128 type) must_check;
