// SPDX-License-Identifier: Apache-2.0
// The parts of reading a request (request.c). Internal to this folder.
#pragma once

#include "proto/restconf/restconf.h"

// What the body is; 0, or 415 with a diag. The answer is like it as long as Accept says nothing else.
unsigned media_choose_in(const struct restconf_raw *raw, struct diags *diags,
			 struct restconf_request *out) must_check;
// What the answer is; 0, or 406 with a diag.
unsigned media_choose_out(const struct restconf_raw *raw, struct diags *diags,
			  struct restconf_request *out) must_check;
