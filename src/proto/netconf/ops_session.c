// SPDX-License-Identifier: Apache-2.0
// Operations about sessions: locks, ending sessions.
//
// The idea: a lock is the session-id that holds it, one a datastore.
// Locks of parts are in ops_partial.c. RFC 6241 sections 7.5, 7.6, 7.8, 7.9 and 8.3.5.
#include "proto/netconf/netconf.h"
#include "base/moment.h"
#include "proto/netconf/partial.h"
#include "schema/schema.h"

#include <stdio.h>
#include <string.h>

#define HINT_HOLDER "ask its holder to unlock, or end that session with kill-session"

bool netconf_unlocked(struct netconf_rpc *rpc, enum netconf_datastore datastore)
{
	uint32_t holder = rpc->server->lock[datastore].session;
	if (!holder || holder == rpc->asker.session)
		return true;
	netconf_rpc_error(rpc, DIAG_IN_USE, NULL, HINT_HOLDER, "session %u has locked %s", holder,
			  netconf_datastore_name(datastore));
	return false;
}

// RFC 8526 section 3.2: only by its identity can one be named that is not there, or that cannot do this.
void netconf_no_such_datastore(struct netconf_rpc *rpc)
{
	diag_error(&rpc->diags, DIAG_VALUE, schema_path(rpc->node, &rpc->arena),
		   "there are running, candidate and startup", "this datastore cannot do that");
}

// --- locks ---

static void op_lock(struct netconf_rpc *rpc)
{
	struct netconf_server *server = rpc->server;
	const struct netconf_pending *pending = &server->pending;
	enum netconf_datastore d = netconf_datastore_in(rpc, "target");
	if (d == NETCONF_DATASTORES) {
		netconf_no_such_datastore(rpc);
		netconf_rpc_fail(rpc);
	} else if (server->lock[d].session)
		netconf_rpc_lock_denied(rpc, server->lock[d].session, "the lock is held",
					HINT_HOLDER);
	else if (d == NETCONF_RUNNING && netconf_partial_holder(server))
		netconf_rpc_lock_denied(rpc, netconf_partial_holder(server),
					"a part of running is locked", HINT_HOLDER);
	else if (d == NETCONF_CANDIDATE && netconf_candidate_changed(&server->datastores))
		netconf_rpc_lock_denied(rpc, 0, "the candidate has changes that are not committed",
					"commit them, or drop them with discard-changes");
	else if (d == NETCONF_RUNNING && server->datastores.pending &&
		 (pending->persist || pending->session != rpc->asker.session))
		netconf_rpc_lock_denied(rpc, pending->session,
					"a confirmed commit waits for its confirmation",
					"confirm or cancel it first");
	else {
		server->lock[d] = (struct netconf_lock){rpc->asker.session, moment_now()};
		netconf_rpc_ok(rpc);
	}
}

static void release(struct netconf_server *server, enum netconf_datastore d)
{
	server->lock[d] = (struct netconf_lock){0};
	// RFC 6241 section 8.3.5: with its lock the candidate loses what was not committed.
	if (d == NETCONF_CANDIDATE)
		netconf_candidate_discard(&server->datastores);
}

static void op_unlock(struct netconf_rpc *rpc)
{
	enum netconf_datastore d = netconf_datastore_in(rpc, "target");
	if (d == NETCONF_DATASTORES) {
		netconf_no_such_datastore(rpc);
		netconf_rpc_fail(rpc);
		return;
	}
	uint32_t holder = rpc->server->lock[d].session;
	if (!holder)
		netconf_rpc_error(rpc, DIAG_FAILED, NULL, "lock it first", "%s is not locked",
				  netconf_datastore_name(d));
	else if (holder != rpc->asker.session)
		netconf_rpc_error(rpc, DIAG_FAILED, NULL, HINT_HOLDER, "session %u holds the lock",
				  holder);
	else {
		release(rpc->server, d);
		netconf_rpc_ok(rpc);
	}
}

static void op_let_go(struct netconf_rpc *rpc)
{
	struct netconf_server *server = rpc->server;
	uint32_t session = rpc->asker.session;
	for (enum netconf_datastore d = 0; d < NETCONF_DATASTORES; d++)
		if (server->lock[d].session == session)
			release(server, d);
	netconf_partial_session_ended(server, session);
	netconf_rpc_ok(rpc);
}

// Behind what the session has asked for: it may be at work, or ask for a lock.
void netconf_locks_session_ended(struct netconf_server *server, uint32_t session)
{
	static const struct netconf_operation let_go = {.fn = op_let_go, .writes = true};
	netconf_rpc_internal(server, &let_go, session);
}

// --- ends ---

static void op_close_session(struct netconf_rpc *rpc)
{
	rpc->ends_session = true;
	netconf_rpc_ok(rpc);
}

static struct netconf_peer *find_peer(const struct netconf_server *server, const char *id)
{
	for (struct netconf_peer *p = server->peers; p; p = p->next) {
		char text[16];
		snprintf(text, sizeof(text), "%u", p->id);
		if (p->id && !p->ended && strcmp(text, id) == 0)
			return p;
	}
	return NULL;
}

static void op_kill_session(struct netconf_rpc *rpc)
{
	const char *id = schema_get_value(rpc->node, "session-id");
	struct netconf_peer *victim = id ? find_peer(rpc->server, id) : NULL;
	const char *path = "/ietf-netconf:kill-session/session-id";
	struct diag why = {.code = DIAG_DENIED,
			   .text = "another session ended it with kill-session",
			   .hint = "see who that was"};
	if (!victim) {
		netconf_rpc_error(rpc, DIAG_VALUE, path, "it may have ended already",
				  "there is no session %s", id ? id : "without a number");
	} else if (victim == rpc->peer) {
		netconf_rpc_error(rpc, DIAG_VALUE, path, "use close-session",
				  "a session cannot kill itself");
	} else {
		victim->end = NETCONF_END_KILLED;
		victim->killed_by = rpc->asker.session;
		netconf_peer_end_because(victim, &why);
		netconf_rpc_ok(rpc);
	}
}

const struct netconf_operation netconf_session_operations[] = {
	{"ietf-netconf", "lock", op_lock, .writes = true},
	{"ietf-netconf", "unlock", op_unlock, .writes = true},
	{"ietf-netconf", "close-session", op_close_session, .writes = false},
	{"ietf-netconf", "kill-session", op_kill_session, .writes = false},
	{0},
};
