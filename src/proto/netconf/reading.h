// SPDX-License-Identifier: Apache-2.0
// Answers that are printed as the session reads them. Between the files of the server.
#pragma once

#include "proto/netconf/server_internal.h"

struct schema_view;

// Everything is taken.
struct netconf_readable {
	const char *open, *close; // around it, constants
	struct schema_view *view;
};
// The answer of the rpc, which may be gone after this.
void netconf_reading_start(struct netconf_rpc *rpc, const struct netconf_readable *what);
// The session has read most of what was printed.
void netconf_reading_go_on(struct netconf_reading *reading);
// What it reads is to be forgotten: what is left is printed; a session for which too much waits then is ended.
void netconf_reading_hurry(struct netconf_reading *reading);
void netconf_reading_free(struct netconf_reading *reading); // NULL is fine
