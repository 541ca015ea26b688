// SPDX-License-Identifier: Apache-2.0
// Answers that are printed as the session reads them. Between the files of the server.
#pragma once

#include "proto/netconf/server_internal.h"

struct schema_view;

// Everything is taken; what is not there is NULL.
struct netconf_readable {
	const char *open, *close;    // around it, constants
	struct schema_view *view[2]; // shown one after the other
	struct schema_tree *tree;    // that lives for the second of them
};
// The answer of the rpc, which may be gone after this.
void netconf_reading_start(struct netconf_rpc *rpc, const struct netconf_readable *what);
// The session has read most of what was printed.
void netconf_reading_go_on(struct netconf_reading *reading);
// A tree is about to change: prints what is left of every answer; a session for which too much waits then is ended.
void netconf_readings_finish(struct netconf_server *server);
void netconf_reading_free(struct netconf_reading *reading); // NULL is fine
