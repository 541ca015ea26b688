// SPDX-License-Identifier: Apache-2.0
// A NETCONF server (RFC 6241, RFC 7589, RFC 5277, RFC 8341) on a loop. It owns running,
// candidate and startup as trees, the locks and the confirmed commit's bookkeeping; the application
// applies, stores and reports through struct netconf_ops. Everything happens in the loop's thread.
#pragma once

#include "base/diag.h"
#include "io/transport.h"

struct access_counts;
struct access_who;
struct buf;
struct io_address;
struct io_loop;
struct schema;
struct schema_node;
struct schema_tree;
struct netconf_server;

// The duty to answer one question, exactly once, at once or later. It outlives its session and dies
// with the answer (or with netconf_server_free, after which it must not be used).
struct netconf_reply;
void netconf_reply_ok(struct netconf_reply *reply);
// XML of the answer, copied. For an rpc: the content of <rpc-reply>; empty is <ok/>.
void netconf_reply_data(struct netconf_reply *reply, const char *xml, size_t len);
// At least one error; warnings go along with it.
void netconf_reply_errors(struct netconf_reply *reply, const struct diags *diags);
// One error, in a line.
void netconf_reply_error(struct netconf_reply *reply, const struct diag *about, const char *fmt,
			 ...) printf_like(3, 4);

// Who asks. Lives as long as the reply is open.
struct netconf_asker {
	uint32_t session; // session-id, from 1; 0: the server itself (a session has ended)
	const char *user;
	const char *address;          // of the peer, as text
	const struct access_who *who; // NULL: the server itself
};

// One commit to apply.
struct netconf_commit {
	const struct netconf_asker *asker;
	const struct schema_tree *tree; // what running shall be; validated; until this returns
	size_t since;   // of its changes (schema_change) those from here on lead from running to it
	bool confirmed; // revert by yourself unless `confirm` (or another commit) comes in time
	bool follow_up; // a confirmed commit is pending: keep its rollback point, set its timer
			// anew
	unsigned timeout_s;
	const char
		*persist; // the pending commit's id from now on, or NULL: it ends with the session
};

// What a <get> asks for.
struct netconf_get {
	const struct netconf_asker *asker;
	const struct schema_node *filter; // the subtree filter, or NULL
	const char *filter_xml;           // its content; NULL without a filter
};
// Whether the filter leaves anything of this top-level node: spares the work of making it.
bool netconf_get_wants(const struct netconf_get *get, const char *namespace_uri,
		       const char *name) must_check;

struct netconf_request {
	const struct netconf_asker *asker;
	const struct schema_node *rpc; // the operation; its children are the input
};

// What the application does. Only one of commit, confirm, cancel, persist is open at a time.
struct netconf_ops {
	// Optional. The user of a certificate or key (RFC 7589 section 7) and its groups, in the
	// arena of diags; false and a diag refuses the session. Without it the common name is the
	// user, without groups.
	bool (*user)(void *context, const struct io_peer *peer, struct diags *diags,
		     struct access_who *out);
	// Optional. The server that serves this user's sessions: one of the same loop. NULL: this one.
	struct netconf_server *(*route)(void *context, const struct access_who *who);
	// Optional. A request is about to be worked on: the application may bring running up to
	// date (netconf_server_update). Not called while a write is under way.
	void (*refresh)(void *context);
	// Optional. What the modules cannot say about a configuration that is otherwise valid; for
	// <validate> and test-option. A commit is not asked about before: `commit` refuses it.
	bool (*validate)(void *context, const struct schema_tree *tree, struct diags *diags);
	// Required. Apply; all or nothing. After an error running is as it was.
	void (*commit)(void *context, const struct netconf_commit *commit,
		       struct netconf_reply *reply);
	// Required with the feature confirmed-commit. The pending confirmed commit stays for good.
	void (*confirm)(void *context, const struct netconf_asker *asker,
			struct netconf_reply *reply);
	// Likewise. The pending confirmed commit is undone now (cancel-commit, or its session has
	// ended).
	void (*cancel)(void *context, const struct netconf_asker *asker,
		       struct netconf_reply *reply);
	// Required with the feature startup. Store as startup; NULL deletes it.
	void (*persist)(void *context, const struct schema_tree *tree, struct netconf_reply *reply);
	// Optional. State data for <get>: XML of top-level elements by netconf_reply_data.
	void (*state)(void *context, const struct netconf_get *get, struct netconf_reply *reply);
	// Optional. For the log: a connection that was refused or failed, a session that began or
	// ended.
	void (*event)(void *context, const struct netconf_asker *asker, const char *what,
		      const struct diag *why);
};

// Zero is the default of each number.
struct netconf_server_options {
	struct io_loop *loop;
	struct schema
		*schema; // with ietf-netconf and notifications; used by the loop's thread only
	const struct netconf_ops *ops;
	void *context;
	unsigned handshake_ms; // 10 s
	unsigned hello_ms;     // 10 s
	unsigned idle_ms; // without a request; 0: no limit. Sessions with a subscription are spared
	unsigned keepalive_s;   // a peer that has vanished is noticed in about this time; 15 s
	unsigned stall_ms;      // with output waiting, the peer reads none; 60 s
	unsigned sessions_most; // 10000, those in the handshake included
	size_t message_most;    // bytes of one message; 256 MiB
	size_t output_most;     // bytes waiting for one session beside one reply; 16 MiB
	// Bytes of all sessions' requests that come or are in work; beyond it the session that sends
	// the largest is ended. Twice message_most.
	size_t incoming_most;
	// Bytes of an answer that wait for a session when somebody writes. 64 MiB.
	size_t held_most;
	unsigned slice_us;     // of a request's work, before others get their turns; 4 ms
	unsigned log_most;     // notifications that are kept for replay; 10,000
	size_t log_bytes_most; // and their bytes; 4 MiB
	// With ietf-netconf-acm in the schema there is access control (RFC 8341): by what running
	// says, or where it says nothing by this <nacm>, XML, borrowed; NULL: the module's defaults.
	const char *nacm;
	// Where it is counted what is refused, borrowed, so that several servers may count together; NULL: each by itself.
	struct access_counts *counts;
	// Where things stand; taken; NULL: empty.
	struct schema_tree *running, *startup;
	// A confirmed commit that was pending when the process ended: what to go back to, and its
	// id.
	struct schema_tree *rollback;
	const char *persist;
};

struct netconf_server *netconf_server_new(const struct netconf_server_options *options) must_check;
// Ends every session. Questions to the application that are open are forgotten.
void netconf_server_free(struct netconf_server *server);

// Accepts on a listening descriptor (taken); each connection is opened so. Several may be given.
// Negative errno.
int netconf_server_listen(struct netconf_server *server, struct io_opener opener,
			  int fd) must_check;

// One connection, whoever has opened it and whatever carries it.
struct netconf_connection {
	struct io_transport *transport; // taken
	const char *address;            // of the peer, as text; NULL: as the descriptor says
	bool connecting; // the descriptor is still connecting (call home, RFC 8071 section 3)
	// Optional. The session is open.
	void (*opened)(void *context);
	// Optional, once: it has ended, or never came about; maybe before netconf_server_serve
	// returns. The server must not be freed from here.
	// `why` lives as long as the call; NULL: in order, or the server itself has ended it.
	void (*closed)(void *context, const struct diag *why);
	void *context;
};
void netconf_server_serve(struct netconf_server *server,
			  const struct netconf_connection *connection);

// An rpc that the server does not know itself. `module`, `rpc`: borrowed for good.
struct netconf_handler {
	const char *module, *rpc;
	void (*fn)(void *context, const struct netconf_request *request,
		   struct netconf_reply *reply);
	void *context;
};
void netconf_server_handle(struct netconf_server *server, const struct netconf_handler *handler);

// To every subscriber, and kept for replay: the content of <notification> behind eventTime, one
// element. `time`: seconds since 1970, 0: now.
void netconf_server_notify(struct netconf_server *server, const char *xml, size_t len,
			   int64_t time);

// The application has undone the pending confirmed commit by itself (its timer fired): running is
// what it was before that.
void netconf_server_reverted(struct netconf_server *server);

// Somebody else has changed what running is: it becomes what the tree says (valid; borrowed). A
// candidate with changes of its own keeps what it holds.
void netconf_server_update(struct netconf_server *server, const struct schema_tree *running);
// Another <nacm> for where running has none; borrowed until the next one.
void netconf_server_access(struct netconf_server *server, const char *nacm);
// Ends the sessions of a user that the application would not let in any more.
void netconf_server_dismiss(struct netconf_server *server, const char *user);

unsigned netconf_server_sessions(const struct netconf_server *server) must_check;
