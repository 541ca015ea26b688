// SPDX-License-Identifier: Apache-2.0
// One clause of the IR as the rules of the NSF-facing model that together say the same.
#pragma once

#include "codec/nfi_inner.h"

// What one part says about version and protocol.
struct nfi_transport {
	int family;       // 4, 6, or 0: nothing
	int protocol;     // in the leaf `protocol` of layer 3, or -1
	enum nfi_box box; // of layer 4; NFI_BOXES: none
	uint8_t number;   // protocol that the box is for
};
struct nfi_transports {
	VEC(struct nfi_transport) list;
};
// One for each version of the clause; without `family` one that does not say the version.
void nfi_transports_add(struct nfi_transports *transports, const struct ir_clause *clause,
			struct nfi_transport transport, bool family, struct arena *arena);

enum nfi_axis_kind { NFI_AXIS_VALUE, NFI_AXIS_RANGE, NFI_AXIS_ICMP, NFI_AXIS_HEADER };
struct nfi_axis {
	enum nfi_axis_kind kind;
	enum ir_dim dim;
	size_t opaque; // index in the rule, for headers
	size_t n, at;
};

struct nfi_icmp {
	uint8_t type;
	int code; // -1: any
};
// Types of which every code is meant stand as one entry, others as one a code. *value: from r.lo on, where the next begins.
bool nfi_icmp_next(struct algebra_range r, u128 *value, struct nfi_icmp *out) must_check;
bool nfi_is_icmp(enum ir_dim dim) must_check;
bool nfi_asks_icmp(const struct ir_clause *clause) must_check;
bool nfi_asks_layer3(const struct ir_clause *clause) must_check;

enum { NFI_AXES_MOST = 2 * IR_DIMS };
struct nfi_split {
	const struct ir_rule *rule;
	struct ir_clause clause; // reduced
	struct arena *arena;
	struct nfi_transports transport;
	VEC(struct nfi_icmp) icmp;
	struct nfi_axis axis[NFI_AXES_MOST];
	size_t axes;
	size_t at;    // in transport
	size_t parts; // 0: the clause matches nothing
};

// Prepares the parts of a clause, standing at the first. False and an error when the model cannot say it.
bool nfi_split_init(struct nfi_split *split, const struct ir_rule *rule,
		    const struct ir_clause *clause, struct diags *diags) must_check;
// To the next part; false behind the last.
bool nfi_split_next(struct nfi_split *split) must_check;
// Whether a part has one value of the dimension.
bool nfi_split_single(const struct nfi_split *split, enum ir_dim dim) must_check;
// The value or the range of this part in a dimension; the clause must have it as an axis.
u128 nfi_split_value(const struct nfi_split *split, enum ir_dim dim) must_check;
struct algebra_range nfi_split_range(const struct nfi_split *split, enum ir_dim dim) must_check;
struct nfi_icmp nfi_split_icmp(const struct nfi_split *split) must_check;
// The value of a header condition, without its prefix.
const char *nfi_split_header(const struct nfi_split *split, size_t opaque) must_check;

// The box that the rule's header conditions stand in; NFI_BOXES when it has none.
enum nfi_box nfi_header_box(const struct ir_rule *rule) must_check;
// The kind of header that a value of IR_OPAQUE_HEADER is about; NULL when it is none that is known.
const struct nfi_header *nfi_header_of(const char *value) must_check;

// The period's first second of the local day and the zone (seconds east of UTC, whole minutes) for a range of
// IR_HOUR. False when no zone will do.
bool nfi_clock(int32_t clock, uint32_t hour, int32_t *from_out, int32_t *zone_out) must_check;

// EtherTypes that are all of IP become the IP version. False when the clause is of another version.
bool nfi_ip_types(struct ir_clause *clause, struct arena *arena) must_check;

// An error DIAG_UNSUPPORTED about the rule.
void nfi_refuse(const struct ir_rule *rule, const char *condition, const char *hint,
		struct diags *diags, const char *fmt, ...) printf_like(5, 6);
