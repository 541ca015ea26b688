// SPDX-License-Identifier: Apache-2.0
// What the operations offer each other and the life of sessions. Between the files of the server.
#pragma once

#include "proto/netconf/datastore.h"
#include "schema/view.h"

struct buf;
struct netconf_rpc;
struct netconf_server;

// One operation of the protocol.
struct netconf_operation {
	const char *module, *name;
	// Answers by netconf_rpc_ok, _data or _fail, at once or later. In turns with others until the application is asked.
	void (*fn)(struct netconf_rpc *rpc);
	bool writes; // changes datastores or locks: one of these at a time, in the order of coming
	// Optional. Whether this one does so, though others do not.
	bool (*writes_now)(const struct netconf_rpc *rpc);
	// Optional. What can be made of the request before its turn comes; false with diags. It must not look at datastores.
	bool (*prepare)(struct netconf_rpc *rpc);
};

extern const struct netconf_operation netconf_config_operations[], netconf_get_operations[],
	netconf_commit_operations[], netconf_session_operations[],
	netconf_state_operations[]; // each ends with a name of NULL
// State of the server itself that a <get> asks for, as XML.
void netconf_state_add(const struct netconf_rpc *rpc, struct buf *out);
// The datastore that the container of an operation names, or (NULL) the operation itself. NETCONF_DATASTORES: none of
// these, so it may be <config>. URLs, and running as a target, are features that schema leaves out.
enum netconf_datastore netconf_datastore_in(const struct netconf_rpc *rpc,
					    const char *container) must_check;
// Whether an identity of ietf-datastores has this name.
bool netconf_names(const struct schema_node *leaf, const char *datastore) must_check;
void netconf_no_such_datastore(struct netconf_rpc *rpc); // adds the diag
// What <with-defaults> asks for; whether defaults that nobody gave are shown.
enum schema_with_defaults netconf_with_defaults(const struct netconf_rpc *rpc) must_check;
bool netconf_shows_defaults(const struct netconf_rpc *rpc) must_check;
// False, and the rpc is answered: another session holds a lock of it.
bool netconf_unlocked(struct netconf_rpc *rpc, enum netconf_datastore datastore) must_check;
// The session has ended: undoes its confirmed commit, gives back its locks.
void netconf_commit_session_ended(struct netconf_server *server, uint32_t session);
void netconf_locks_session_ended(struct netconf_server *server, uint32_t session);
// Running is again what it was because the pending commit was undone.
void netconf_commit_undone(struct netconf_server *server);
// Who confirms the pending commit.
void netconf_pending_set(struct netconf_server *server, uint32_t session, const char *persist);
// Undoes a confirmed commit whose session is gone since before the start.
void netconf_commit_start(struct netconf_server *server);
