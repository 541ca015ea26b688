// SPDX-License-Identifier: Apache-2.0
// The tables behind the names of dimensions, opaque conditions and verdicts: one fact, one place
// (dims.def, opaques.def).
#include "ir/ir.h"

#define TUPLE IR_KIND_TUPLE
#define PACKET IR_KIND_PACKET
#define CLOCK IR_KIND_CLOCK
const struct ir_dim_info ir_dim_info[IR_DIMS] = {
#define X(code, key_, bits_, kind_, text_) \
	[code] = {.key = key_, .text = text_, .bits = bits_, .kind = kind_},
#include "ir/dims.def"
#undef X
};

const struct ir_opaque_info ir_opaque_info[IR_OPAQUES] = {
#define X(code, name_, capability_, leaf_) \
	[code] = {.name = name_, .capability = capability_, .leaf = leaf_},
#include "ir/opaques.def"
#undef X
};

const char *const ir_verdict_name[IR_VERDICTS] = {
	[IR_NONE] = "none",
	[IR_PASS] = "pass",
	[IR_DROP] = "drop",
	[IR_REJECT] = "reject",
	[IR_MIRROR] = "mirror",
	[IR_RATE_LIMIT] = "rate-limit",
	[IR_INVOKE_SIGNALING] = "invoke-signaling",
	[IR_TUNNEL_ENCAPSULATION] = "tunnel-encapsulation",
	[IR_FORWARDING] = "forwarding",
	[IR_TRANSFORMATION] = "transformation",
};
