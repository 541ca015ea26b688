// SPDX-License-Identifier: Apache-2.0
// Access control of the server (RFC 8341). Between the files of the server.
#pragma once

#include "access/access.h"
#include "proto/netconf/server_internal.h"

// By what running says; again whenever running is another tree.
void netconf_guard_refresh(struct netconf_server *server);
void netconf_guard_fini(struct netconf_server *server);
// Whether what a tree says about access control can be used; else adds to the diags.
bool netconf_guard_validate(const struct netconf_server *server, const struct schema_tree *tree,
			    struct diags *diags) must_check;

// The rights of who asks, from now on until the request ends.
void netconf_guard_begin(struct netconf_rpc *rpc);
// False and diags: this user may not call the operation.
bool netconf_guard_call(struct netconf_rpc *rpc) must_check;
// What an edit has to be allowed by; NULL: everything is.
const struct schema_veto *netconf_guard_veto(struct netconf_rpc *rpc) must_check;
// False and diags: the user may not make `after` of `before`; or what was changed in the tree since that position.
bool netconf_guard_difference(struct netconf_rpc *rpc, const struct schema_tree *before,
			      const struct schema_tree *after) must_check;
bool netconf_guard_changes(struct netconf_rpc *rpc, const struct schema_tree *tree,
			   size_t since) must_check;
// What of a tree the user may see: for a view's `visible`, in the rpc's arena; NULL: everything.
struct access_look *netconf_guard_look(struct netconf_rpc *rpc) must_check;
// Whether a session may hear of an event: one element.
bool netconf_guard_hears(struct netconf_peer *peer, const char *xml, size_t len) must_check;
// The counters of the module.
void netconf_guard_print(const struct netconf_server *server, struct buf *out);
