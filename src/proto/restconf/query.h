// SPDX-License-Identifier: Apache-2.0
// Query parameters. Internal to this folder.
#pragma once

#include "proto/restconf/restconf.h"

// 0, or 400 with a diag. The method and the resource are known.
unsigned query_read(const struct restconf_raw *raw, struct arena *arena, struct diags *diags,
		    struct restconf_request *out) must_check;
