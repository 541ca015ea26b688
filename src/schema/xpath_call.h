// SPDX-License-Identifier: Apache-2.0
// The functions, one declaration each. Internal to this folder.
#pragma once

#include "schema/xpath_eval.h"

// What every function takes.
#define CALL                                                                          \
	struct xpath_eval *e, struct xpath_expr *call, const struct xpath_here *here, \
		struct xpath_value *out

#define X(id, name, least, most, type, need, of_nodes) void xpath_call_##id(CALL);
#include "schema/xpath_call.def"
#undef X
