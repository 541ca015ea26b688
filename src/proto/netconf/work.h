// SPDX-License-Identifier: Apache-2.0
// Who works when, and where the tree is then. Between the files of the server.
#pragma once

#include "base/base.h"

struct netconf_rpc;
struct netconf_server;
struct netconf_work;
struct schema_branch;
struct schema_tree;

// Where a request has left the tree of running and candidate (work.c).
struct netconf_place {
	bool looks;                        // it does look at datastores
	size_t position;                   // of the tree's log
	struct schema_branch *branch;      // changes of its own on top; owned
	const struct schema_tree *startup; // it reads this one; NULL: none
};

// Calls fn(rpc), which others interrupt for their turns where it says so (base/turn.h).
void netconf_work(struct netconf_rpc *rpc, void (*fn)(struct netconf_rpc *rpc));
// Calls fn(rpc) when its work has come to its end, and so in nobody's turn; or else at once.
void netconf_then(struct netconf_rpc *rpc, void (*fn)(struct netconf_rpc *rpc));
// What waits is gone on with when the loop runs.
void netconf_go_on(struct netconf_server *server);
void netconf_place_init(struct netconf_place *place);
// The rpc goes.
void netconf_work_forget(struct netconf_rpc *rpc);
// In the turn of a write: waits until nobody reads what no datastore leads to any more, and frees it.
void netconf_clear_up(struct netconf_server *server);
// The same in a turn of its own, unless a write does it.
void netconf_clear_up_later(struct netconf_server *server);
// In nobody's turn: all that was interrupted comes to its end at once.
void netconf_work_settle(struct netconf_server *server);
void netconf_work_end(struct netconf_server *server);
