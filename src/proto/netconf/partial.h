// SPDX-License-Identifier: Apache-2.0
// Partial locks (RFC 5717). Between the files of the server.
#pragma once

#include "proto/netconf/server_internal.h"

// The session that has locked a part; 0: none.
uint32_t netconf_partial_holder(const struct netconf_server *server) must_check;
// Whether the changes of `tree` from number `since` on leave alone what others have locked. False and diags.
bool netconf_partial_allows(struct netconf_rpc *rpc, const struct schema_tree *tree,
			    size_t since) must_check;
void netconf_partial_session_ended(struct netconf_server *server, uint32_t session);
void netconf_partial_fini(struct netconf_server *server);
// The locks as <partial-lock> elements of ietf-netconf-monitoring.
void netconf_partial_print(const struct netconf_server *server, struct buf *out);
extern const struct netconf_operation netconf_partial_operations[];
