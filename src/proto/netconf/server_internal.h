// SPDX-License-Identifier: Apache-2.0
// Between the files of the server.
#pragma once

#include "access/access.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/map.h"
#include "io/net.h"
#include "proto/netconf/datastore.h"
#include "proto/netconf/filter.h"
#include "proto/netconf/ops.h"
#include "proto/netconf/server.h"
#include "proto/netconf/session.h"
#include "proto/netconf/work.h"

struct io_stream;
struct io_timer;
struct netconf_rpc;

// RFC 6022 section 2.1.4.
struct netconf_counters {
	uint32_t in_rpcs, in_bad_rpcs, out_rpc_errors, out_notifications;
};

// RFC 6470 section 2.2: why a session has ended.
enum netconf_end {
	NETCONF_END_DROPPED,
	NETCONF_END_CLOSED,
	NETCONF_END_KILLED,
	NETCONF_END_TIMEOUT,
	NETCONF_END_HELLO,
	NETCONF_END_OTHER,
};

struct netconf_peer {
	struct netconf_server *server;
	struct netconf_peer *next, **place;
	struct io_stream *stream;
	struct netconf_session session;
	struct io_timer *timer; // of the hello, then of idleness
	uint32_t id;            // 0 until the handshake is done
	const char *user;       // in `arena`; NULL: not known yet
	struct access_who who;  // likewise
	char address[IO_ADDRESS_TEXT];
	struct arena arena;
	struct netconf_rpc *rpc; // the request in work; nothing is read meanwhile
	size_t incoming;         // bytes of the message that is coming
	struct buf held;         // messages that must not come into an answer that is being printed
	bool ended;
	void (*opened)(void *context); // of struct netconf_connection
	void (*closed)(void *context, const struct diag *why);
	void *context;
	struct netconf_subscription *subscription; // NULL: none
	const char *transport;                     // an identity of ietf-netconf-monitoring
	int64_t login;
	struct netconf_counters count;
	enum netconf_end end; // why it has ended
	uint32_t killed_by;   // the session that ended it, or 0
};

struct netconf_rpc {
	struct netconf_server *server;
	struct netconf_rpc *next, **place; // of all
	struct netconf_rpc *next_waiting;
	struct netconf_peer *peer; // NULL: it has gone, or the server itself asks
	struct netconf_asker asker;
	struct access_who who;
	const struct netconf_operation *operation;
	struct arena arena;
	struct diags diags;
	char *message; // as it came
	size_t message_len;
	const char *attributes; // for the reply to echo
	struct schema_tree *tree;
	const struct schema_node *node; // of the operation
	struct access_user *user;       // counted; NULL: nothing is controlled
	bool ends_session;              // close-session
	bool good;                      // until now
	struct netconf_work *work;      // NULL: it waits for somebody
	struct netconf_place where;
	// Of the operation in work.
	struct schema_tree *edit;   // of edit-config, once it is prepared
	struct schema_tree *target; // to become startup
	const char *state;          // what the application says for get, XML
	size_t state_len;
	struct netconf_commit commit;
	const char *edits; // what the commit changes, for netconf-config-change; NULL: nothing
	struct netconf_get get;
	struct netconf_filter filter;
	struct netconf_reading *reading; // the answer is under way
	struct netconf_subscription *replayed;
};

// How a question to the application came out.
struct netconf_answer {
	const char *xml;
	size_t len;
	const struct diags *errors; // NULL: none
};
typedef void (*netconf_answer_fn)(struct netconf_rpc *rpc, const struct netconf_answer *answer);

struct netconf_reply {
	struct netconf_reply *next, **place;
	struct netconf_rpc *rpc;
	netconf_answer_fn done;
};

// The confirmed commit that waits for its confirmation.
struct netconf_pending {
	uint32_t session; // that must confirm, without `persist`
	char *persist;
};

struct netconf_lock {
	uint32_t session; // 0: nobody has it
	int64_t since;
};

// Notifications that were told, a ring.
struct netconf_log {
	struct netconf_logged **at;
	size_t first, len, cap, bytes;
	size_t dropped; // before the first
	int64_t since;
};

// Access control, see guard.c.
struct netconf_guard {
	struct access *access; // NULL: there is none
	struct access_counts own, *counts;
	char *text; // of /nacm in running, when it was made
};

struct netconf_listening {
	struct netconf_server *server;
	struct netconf_listening *next;
	struct io_opener opener;
	struct io_listener *listener;
};

struct netconf_server {
	struct netconf_server_options options;
	struct arena arena;    // of what is known from the start
	struct map namespaces; // module to namespace
	struct map modules;    // and back
	struct netconf_guard guard;
	struct map handlers; // "module:rpc" to struct netconf_handler
	VEC(const char *) capability;
	struct netconf_datastores datastores;
	struct netconf_lock lock[NETCONF_DATASTORES];
	struct netconf_partial *partial; // locks on parts of running
	uint32_t last_partial;
	struct netconf_log log;
	struct netconf_counters count;
	size_t incoming; // bytes, of netconf_peer.incoming and of every request in work
	uint32_t in_bad_hellos, in_sessions, dropped_sessions;
	struct netconf_pending pending;
	struct netconf_listening *listening;
	struct netconf_peer *peers;
	unsigned peer_count;
	uint32_t last_id;
	struct netconf_rpc *rpcs;
	struct netconf_reply *replies;
	struct netconf_rpc *busy;  // the write in work
	struct netconf_work *work; // in turn; the first few share the time
	unsigned works;
	struct netconf_work *working; // now
	bool going_on;                // the loop will call
	bool ending;                  // it is being freed
	struct netconf_rpc *waiting, **waiting_last;
};

// --- rpc.c ---
// A whole message has come.
void netconf_rpc_receive(struct netconf_peer *peer);
// An operation that the server asks of itself, for a session that has ended (0: none).
void netconf_rpc_internal(struct netconf_server *server, const struct netconf_operation *operation,
			  uint32_t session);
void netconf_rpc_free(struct netconf_rpc *rpc);
// The message as it came is not needed any more: large ones take much memory.
void netconf_rpc_drop_message(struct netconf_rpc *rpc);
// The next write in the queue begins, if it can.
bool netconf_write_waits(const struct netconf_server *server) must_check;
void netconf_write_next(struct netconf_server *server);
// It does not write any more, and others may, though it is not answered yet.
void netconf_write_over(struct netconf_rpc *rpc);
// The answers; the rpc is gone after them.
void netconf_rpc_ok(struct netconf_rpc *rpc);
void netconf_rpc_data(struct netconf_rpc *rpc, const struct buf *content);
// The reply was sent already.
void netconf_rpc_done(struct netconf_rpc *rpc);
void netconf_rpc_fail(struct netconf_rpc *rpc); // with rpc->diags
void netconf_rpc_fail_with(struct netconf_rpc *rpc, const struct diags *errors);
// One error with its path and hint, and then netconf_rpc_fail.
#define netconf_rpc_error(rpc, code, path, hint, ...)                     \
	do {                                                              \
		diag_error(&(rpc)->diags, code, path, hint, __VA_ARGS__); \
		netconf_rpc_fail(rpc);                                    \
	} while (0)
// lock-denied, with the session that holds it (0: not a session).
void netconf_rpc_lock_denied(struct netconf_rpc *rpc, uint32_t holder, const char *text,
			     const char *hint);
struct netconf_reply *netconf_ask(struct netconf_rpc *rpc, netconf_answer_fn done) must_check;
// For netconf_ask: ok when the application says so, else its errors.
void netconf_answer_plain(struct netconf_rpc *rpc, const struct netconf_answer *answer);

// --- sessions.c ---
void netconf_peer_new(struct netconf_server *server, const struct netconf_connection *connection);
void netconf_peer_free(struct netconf_peer *peer);
// The session ends now: its locks and its confirmed commit with it. Bytes that wait are still written.
void netconf_peer_end(struct netconf_peer *peer);
void netconf_peer_send(struct netconf_peer *peer, const char *data, size_t len);
size_t netconf_peer_waiting(const struct netconf_peer *peer) must_check; // bytes
// The parts of a reply.
void netconf_peer_send_part(struct netconf_peer *peer, const char *data, size_t len);
void netconf_peer_send_end(struct netconf_peer *peer);
#define NETCONF_READ_AHEAD (256u * 1024) // bytes of an answer that wait for the session
// The same, for the log as well.
void netconf_peer_end_because(struct netconf_peer *peer, const struct diag *why);
// Its time without a request begins anew.
void netconf_peer_idle_from_now(struct netconf_peer *peer);
// The address of a session without its port. False: it has none.
#define NETCONF_HOST_TEXT IO_ADDRESS_TEXT
bool netconf_host_of(const char *address, char out[static NETCONF_HOST_TEXT]) must_check;
void netconf_event(struct netconf_server *server, const struct netconf_asker *asker,
		   const char *what, const struct diag *why);
