// SPDX-License-Identifier: Apache-2.0
// commit, confirmed commit, cancel-commit.
//
// The idea: the timer that reverts is the application's (on an NSF it stands in the process that enforces, so that it also
// fires when this one is gone). Here is the bookkeeping: who must confirm, and what running was before the first confirmed
// commit of a sequence, which is a position in the tree's log (datastore.c), kept through every follow-up.
// It applies nothing itself. RFC 6241 sections 8.3.4 and 8.4.
#include "proto/netconf/guard.h"
#include "proto/netconf/changes.h"
#include "proto/netconf/notify.h"
#include "proto/netconf/partial.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_S 600 // RFC 6241 section 8.4.5.1
#define PATH "/ietf-netconf:commit/"

// --- the pending confirmed commit ---

void netconf_pending_set(struct netconf_server *server, uint32_t session, const char *persist)
{
	char *id = persist ? base_oom(strdup(persist)) : NULL;
	free(server->pending.persist);
	server->pending.persist = id;
	server->pending.session = persist ? 0 : session;
}

void netconf_commit_undone(struct netconf_server *server)
{
	netconf_running_revert(&server->datastores);
	netconf_pending_set(server, 0, NULL);
	netconf_guard_refresh(server);
}

// --- who may confirm or cancel ---

// False, and the rpc is answered.
static bool may_continue(struct netconf_rpc *rpc)
{
	const struct netconf_pending *p = &rpc->server->pending;
	bool pending = rpc->server->datastores.pending;
	const char *id = schema_get_value(rpc->node, "persist-id");
	const char *path =
		arena_printf(&rpc->arena, "%s/persist-id", schema_path(rpc->node, &rpc->arena));
	if (id && (!pending || !p->persist || strcmp(id, p->persist) != 0)) {
		netconf_rpc_error(rpc, DIAG_VALUE, path, "give the id of the confirmed commit",
				  "no confirmed commit with this id is pending");
		return false;
	}
	if (!id && pending && p->persist) {
		netconf_rpc_error(rpc, DIAG_VALUE, path, "give its id as persist-id",
				  "a confirmed commit with an id is pending");
		return false;
	}
	if (pending && !p->persist && p->session != rpc->asker.session) {
		netconf_rpc_error(rpc, DIAG_IN_USE, NULL, "wait until it is confirmed or reverted",
				  "a confirmed commit of session %u is pending", p->session);
		return false;
	}
	return true;
}

// --- commit ---

static bool read_commit(struct netconf_rpc *rpc)
{
	static const char *const only_confirmed[] = {"confirm-timeout", "persist"};
	struct netconf_commit *c = &rpc->commit;
	const char *timeout = schema_get_value(rpc->node, "confirm-timeout");
	c->asker = &rpc->asker;
	c->confirmed = schema_get(rpc->node, "confirmed") != NULL;
	c->follow_up = c->confirmed && rpc->server->datastores.pending;
	c->timeout_s = timeout ? (unsigned)strtoul(timeout, NULL, 10) : TIMEOUT_S;
	c->persist = schema_get_value(rpc->node, "persist");
	for (size_t i = 0; i < array_len(only_confirmed); i++) {
		const struct schema_node *n = schema_get(rpc->node, only_confirmed[i]);
		if (n && !c->confirmed && !schema_is_default(n)) {
			netconf_rpc_error(rpc, DIAG_MISSING, PATH "confirmed", "add <confirmed/>",
					  "%s is for a confirmed commit", only_confirmed[i]);
			return false;
		}
	}
	return true;
}

static const struct netconf_operation revert;

// RFC 6470 section 2.2. `pending` is what there was before this commit.
static void tell_committed(struct netconf_rpc *rpc, bool pending)
{
	const struct netconf_commit *c = &rpc->commit;
	const char *event = c->follow_up ? "extend" : c->confirmed ? "start" : "complete";
	if (rpc->edits)
		netconf_tell_change(rpc->server, &rpc->asker, "running", rpc->edits);
	if (c->confirmed || pending)
		netconf_tell_confirmed(rpc->server, &rpc->asker, event,
				       c->confirmed ? c->timeout_s : 0);
}

static void committed(struct netconf_rpc *rpc, const struct netconf_answer *answer)
{
	struct netconf_server *server = rpc->server;
	const struct netconf_commit *c = &rpc->commit;
	if (answer->errors) {
		netconf_rpc_fail_with(rpc, answer->errors);
		return;
	}
	bool pending = server->datastores.pending;
	netconf_running_commit(&server->datastores, c->confirmed);
	netconf_guard_refresh(server);
	netconf_pending_set(server, c->confirmed ? rpc->asker.session : 0, c->persist);
	tell_committed(rpc, pending);
	bool orphan = c->confirmed && !c->persist && (!rpc->peer || rpc->peer->ended);
	netconf_rpc_ok(rpc);
	if (orphan)
		netconf_rpc_internal(server, &revert, 0);
}

static void confirmed(struct netconf_rpc *rpc, const struct netconf_answer *answer)
{
	if (!answer->errors) {
		netconf_running_confirm(&rpc->server->datastores);
		netconf_pending_set(rpc->server, 0, NULL);
		netconf_tell_confirmed(rpc->server, &rpc->asker, "complete", 0);
	}
	netconf_answer_plain(rpc, answer);
}

// For netconf-config-change.
static const char *edits_of(struct netconf_rpc *rpc)
{
	struct buf edits cleanup(buf_fini);
	buf_init(&edits);
	netconf_changes_print(rpc->commit.tree, rpc->commit.since, &rpc->server->namespaces,
			      &edits);
	return arena_strndup(&rpc->arena, edits.data, edits.len);
}

static void op_commit(struct netconf_rpc *rpc)
{
	struct netconf_server *server = rpc->server;
	const struct netconf_server_options *o = &server->options;
	if (!netconf_unlocked(rpc, NETCONF_RUNNING) || !netconf_unlocked(rpc, NETCONF_CANDIDATE) ||
	    !may_continue(rpc) || !read_commit(rpc))
		return;
	struct netconf_datastores *d = &server->datastores;
	const struct schema_tree *candidate = netconf_datastore(d, NETCONF_CANDIDATE);
	if (!netconf_guard_changes(rpc, candidate, d->running) ||
	    !netconf_partial_allows(rpc, candidate, d->running) ||
	    !netconf_candidate_validate(d, &rpc->diags) ||
	    !netconf_guard_validate(server, netconf_datastore(d, NETCONF_CANDIDATE), &rpc->diags)) {
		netconf_rpc_fail(rpc);
		return;
	}
	if (server->ending)
		return;
	rpc->commit.tree = netconf_datastore(d, NETCONF_CANDIDATE);
	rpc->commit.since = d->running;
	rpc->edits = netconf_candidate_changed(d) ? edits_of(rpc) : NULL;
	if (rpc->commit.confirmed || netconf_candidate_changed(d))
		o->ops->commit(o->context, &rpc->commit, netconf_ask(rpc, committed));
	else if (d->pending)
		o->ops->confirm(o->context, &rpc->asker, netconf_ask(rpc, confirmed));
	else
		netconf_rpc_ok(rpc);
}

// --- going back ---

static void cancelled(struct netconf_rpc *rpc, const struct netconf_answer *answer)
{
	struct netconf_server *server = rpc->server;
	if (!answer->errors && server->datastores.pending) {
		netconf_commit_undone(server);
		netconf_tell_confirmed(server, &rpc->asker, "cancel", 0);
		netconf_tell_change(server, &rpc->asker, "running", "");
	}
	netconf_answer_plain(rpc, answer);
}

static void op_cancel_commit(struct netconf_rpc *rpc)
{
	const struct netconf_server_options *o = &rpc->server->options;
	if (!may_continue(rpc))
		return;
	if (!rpc->server->datastores.pending)
		netconf_rpc_error(rpc, DIAG_FAILED, NULL,
				  "it may have been confirmed or reverted already",
				  "no confirmed commit is pending");
	else
		o->ops->cancel(o->context, &rpc->asker, netconf_ask(rpc, cancelled));
}

// The application's timer still stands when this fails, so it is only told.
static void session_reverted(struct netconf_rpc *rpc, const struct netconf_answer *answer)
{
	if (answer->errors)
		netconf_event(rpc->server, &rpc->asker,
			      "a confirmed commit of a lost session was not reverted",
			      &answer->errors->list.at[0]);
	cancelled(rpc, answer);
}

static bool session_is_there(const struct netconf_server *server, uint32_t session)
{
	for (const struct netconf_peer *p = server->peers; p; p = p->next)
		if (session && p->id == session && !p->ended)
			return true;
	return false;
}

static void op_revert(struct netconf_rpc *rpc)
{
	const struct netconf_server_options *o = &rpc->server->options;
	const struct netconf_pending *p = &rpc->server->pending;
	// It may have been confirmed, cancelled or given an id while this waited its turn.
	if (!rpc->server->datastores.pending || p->persist ||
	    session_is_there(rpc->server, p->session))
		netconf_rpc_ok(rpc);
	else
		o->ops->cancel(o->context, &rpc->asker, netconf_ask(rpc, session_reverted));
}

static const struct netconf_operation revert = {.fn = op_revert, .writes = true};

void netconf_commit_session_ended(struct netconf_server *server, uint32_t session)
{
	const struct netconf_pending *p = &server->pending;
	if (server->datastores.pending && !p->persist && p->session == session)
		netconf_rpc_internal(server, &revert, 0);
}

void netconf_commit_start(struct netconf_server *server)
{
	if (server->datastores.pending && !server->pending.persist)
		netconf_rpc_internal(server, &revert, 0);
}

const struct netconf_operation netconf_commit_operations[] = {
	{"ietf-netconf", "commit", op_commit, .writes = true},
	{"ietf-netconf", "cancel-commit", op_cancel_commit, .writes = true},
	{0},
};
