// SPDX-License-Identifier: Apache-2.0
// The sessions of the server: from a connected descriptor to the end.
//
// The idea: every wait has an end. The handshake and the hello have deadlines, idleness may have one, output that the peer
// does not read has two: a size, beyond which no further request is read, and a time. What a session holds (locks, a
// confirmed commit without persist) goes with it, whatever ended it.
// It does not know requests. RFC 6241 sections 7.5, 7.8, 7.9 and 8.4; RFC 7589 section 7 for the user.
#include "io/loop.h"
#include "io/stream.h"
#include "io/transport.h"
#include "base/moment.h"
#include "proto/netconf/notify.h"
#include "proto/netconf/reading.h"
#include "schema/schema.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARED (1u << 20)

static struct netconf_asker asker_of(const struct netconf_peer *peer)
{
	return (struct netconf_asker){peer->id, peer->user ? peer->user : "", peer->address,
				      &peer->who};
}

void netconf_event(struct netconf_server *server, const struct netconf_asker *asker,
		   const char *what, const struct diag *why)
{
	if (server->options.ops->event)
		server->options.ops->event(server->options.context, asker, what, why);
}

static void event(const struct netconf_peer *peer, const char *what, const struct diag *why)
{
	struct netconf_asker asker = asker_of(peer);
	netconf_event(peer->server, &asker, what, why);
}

bool netconf_host_of(const char *address, char out[static NETCONF_HOST_TEXT])
{
	const char *from = *address == '[' ? address + 1 : address;
	const char *to = *address == '[' ? strchr(address, ']') : strrchr(address, ':');
	if (!to)
		return false;
	snprintf(out, NETCONF_HOST_TEXT, "%.*s", (int)(to - from), from);
	return true;
}

static void join(struct netconf_peer *peer, struct netconf_server *server)
{
	peer->server = server;
	peer->next = server->peers;
	peer->place = &server->peers;
	if (peer->next)
		peer->next->place = &peer->next;
	server->peers = peer;
	server->peer_count++;
	server->incoming += peer->incoming;
}

static void leave(struct netconf_peer *peer)
{
	*peer->place = peer->next;
	if (peer->next)
		peer->next->place = peer->place;
	peer->server->peer_count--;
	peer->server->incoming -= peer->incoming;
}

void netconf_peer_free(struct netconf_peer *peer)
{
	leave(peer);
	if (peer->rpc)
		peer->rpc->peer = NULL;
	io_stream_free(peer->stream);
	io_timer_free(peer->timer);
	netconf_session_fini(&peer->session);
	buf_fini(&peer->held);
	netconf_subscription_free(peer->subscription);
	arena_fini(&peer->arena);
	free(peer);
}

// The message may be large, and is copied once, into the queue.
void netconf_peer_send_part(struct netconf_peer *peer, const char *data, size_t len)
{
	struct buf edge cleanup(buf_fini);
	buf_init(&edge);
	netconf_frame_begin(peer->session.framing.kind, len, &edge);
	io_stream_write(peer->stream, edge.data, edge.len);
	io_stream_write(peer->stream, data, len);
}

void netconf_peer_send_end(struct netconf_peer *peer)
{
	struct buf edge cleanup(buf_fini);
	buf_init(&edge);
	netconf_frame_end(peer->session.framing.kind, &edge);
	io_stream_write(peer->stream, edge.data, edge.len);
	io_stream_write(peer->stream, peer->held.data, peer->held.len);
	buf_fini(&peer->held);
	buf_init(&peer->held);
}

void netconf_peer_send(struct netconf_peer *peer, const char *data, size_t len)
{
	if (peer->rpc && peer->rpc->reading) {
		netconf_frame(peer->session.framing.kind, data, len, &peer->held);
		return;
	}
	netconf_peer_send_part(peer, data, len);
	netconf_peer_send_end(peer);
}

size_t netconf_peer_waiting(const struct netconf_peer *peer)
{
	return io_stream_queued(peer->stream) + peer->held.len;
}

// RFC 6022 section 2.1.5, RFC 6470 section 2.2.
static void tell_end(struct netconf_peer *peer)
{
	struct netconf_server *server = peer->server;
	server->in_bad_hellos += peer->end == NETCONF_END_HELLO;
	if (!peer->session.open && peer->end != NETCONF_END_HELLO)
		return;
	server->dropped_sessions += peer->session.open && peer->end != NETCONF_END_CLOSED &&
				    peer->end != NETCONF_END_KILLED;
	netconf_tell_session_end(peer);
}

// Locks and a confirmed commit go at once, not when the last byte is written.
static void let_go(struct netconf_peer *peer)
{
	if (peer->ended)
		return;
	peer->ended = true;
	io_timer_clear(peer->timer);
	// Of an answer under way the rest is not sent.
	if (peer->rpc && peer->rpc->reading && !peer->rpc->work) {
		netconf_rpc_free(peer->rpc);
		peer->rpc = NULL;
	}
	if (!peer->id)
		return;
	tell_end(peer);
	netconf_locks_session_ended(peer->server, peer->id);
	netconf_commit_session_ended(peer->server, peer->id);
}

void netconf_peer_end(struct netconf_peer *peer)
{
	let_go(peer);
	io_stream_finish(peer->stream);
}

void netconf_peer_end_because(struct netconf_peer *peer, const struct diag *why)
{
	if (peer->end == NETCONF_END_DROPPED)
		peer->end = NETCONF_END_OTHER;
	event(peer, "session ended by the server", why);
	netconf_peer_end(peer);
}

static void timed_out(void *context)
{
	struct netconf_peer *peer = context;
	struct diag why = {.code = DIAG_TIMEOUT};
	if (peer->rpc) {
		io_timer_set(peer->timer, peer->server->options.idle_ms);
		return;
	}
	why.text = peer->session.open ? "the session was idle for too long"
				      : "the client sent no hello in time";
	why.hint = peer->session.open ? "open a new session when there is something to do"
				      : "a client sends its hello as soon as the connection is up";
	peer->end = peer->session.open ? NETCONF_END_TIMEOUT : NETCONF_END_HELLO;
	netconf_peer_end_because(peer, &why);
}

void netconf_peer_idle_from_now(struct netconf_peer *peer)
{
	unsigned ms = peer->server->options.idle_ms;
	if (ms && !peer->subscription && !peer->ended)
		io_timer_set(peer->timer, ms);
	else
		io_timer_clear(peer->timer);
}

// --- what the stream tells ---

// False: refused, and diags say why.
static bool identify(struct netconf_peer *peer, struct diags *diags)
{
	const struct netconf_server_options *o = &peer->server->options;
	const struct io_peer *from = io_stream_peer(peer->stream);
	struct access_who who = {.name = from ? from->name : NULL};
	if (o->ops->user) {
		if (!o->ops->user(o->context, from, diags, &who))
			return false;
	} else if (!who.name) {
		diag_error(diags, DIAG_DENIED, NULL, "issue a certificate with a common name",
			   "the client's certificate names nobody");
		return false;
	}
	peer->who = access_who_copy(&who, &peer->arena);
	peer->user = peer->who.name;
	return true;
}

// To the server that serves this user.
static void change_over(struct netconf_peer *peer)
{
	const struct netconf_server_options *o = &peer->server->options;
	struct netconf_server *to = o->ops->route ? o->ops->route(o->context, &peer->who) : NULL;
	if (!to || to == peer->server)
		return;
	leave(peer);
	join(peer, to);
}

static void opened(void *context)
{
	struct netconf_peer *peer = context;
	struct diags diags;
	diags_init(&diags, &peer->arena);
	if (!identify(peer, &diags)) {
		netconf_peer_end_because(peer, diags.list.len ? &diags.list.at[0] : NULL);
		return;
	}
	change_over(peer);
	struct netconf_server *server = peer->server;
	peer->id = ++server->last_id;
	struct buf hello cleanup(buf_fini);
	buf_init(&hello);
	netconf_session_hello(peer->id, server->capability.at, server->capability.len, &hello);
	io_stream_write(peer->stream, hello.data, hello.len);
	io_timer_set(peer->timer, server->options.hello_ms);
}

// Whether the next request may be read.
static bool ready(const struct netconf_peer *peer)
{
	return !peer->rpc && !peer->ended &&
	       io_stream_queued(peer->stream) <= peer->server->options.output_most;
}

static void session_opened(struct netconf_peer *peer)
{
	peer->login = moment_now();
	peer->server->in_sessions++;
	event(peer, "session opened", NULL);
	netconf_tell_session_start(peer);
	netconf_peer_idle_from_now(peer);
}

static void handle_event(struct netconf_peer *peer, enum netconf_session_event what)
{
	switch (what) {
	case NETCONF_SESSION_MORE:
		break;
	case NETCONF_SESSION_OPEN:
		session_opened(peer);
		if (peer->opened)
			peer->opened(peer->context);
		break;
	case NETCONF_SESSION_MESSAGE:
		netconf_rpc_receive(peer);
		netconf_session_next(&peer->session);
		netconf_peer_idle_from_now(peer);
		break;
	case NETCONF_SESSION_BAD:
		peer->end = peer->session.open ? NETCONF_END_OTHER : NETCONF_END_HELLO;
		netconf_peer_end_because(peer, &peer->session.fault);
		break;
	}
}

static void count_incoming(struct netconf_peer *peer)
{
	size_t now = peer->session.framing.message.len;
	peer->server->incoming += now - peer->incoming;
	peer->incoming = now;
}

// Many who each send half of a large message must not take all memory: the largest goes. Small ones stay: there are only so
// many sessions.
static void make_room(struct netconf_server *server)
{
	struct diag why = {.code = DIAG_LIMIT,
			   .text = "too much is being sent to the server at the same time",
			   .hint = "send less in one message, or try again later"};
	struct netconf_peer *largest = server->peers;
	for (struct netconf_peer *p = server->peers; p; p = p->next)
		if (p->incoming > largest->incoming)
			largest = p;
	if (largest->incoming < SPARED)
		return;
	netconf_session_next(&largest->session);
	count_incoming(largest);
	if (!largest->ended)
		netconf_peer_end_because(largest, &why);
}

static size_t data(void *context, const char *bytes, size_t len)
{
	struct netconf_peer *peer = context;
	size_t at = 0;
	while (at < len && ready(peer)) {
		enum netconf_session_event what;
		at += netconf_session_feed(&peer->session, bytes + at, len - at, &what);
		handle_event(peer, what);
	}
	count_incoming(peer);
	if (peer->server->incoming > peer->server->options.incoming_most)
		make_room(peer->server);
	return peer->ended ? len : at;
}

static void drained(void *context)
{
	struct netconf_peer *peer = context;
	if (peer->rpc && peer->rpc->reading)
		netconf_reading_go_on(peer->rpc->reading);
	io_stream_resume(peer->stream);
}

// The reason is the transport's, which goes with the peer.
static void gone(struct netconf_peer *peer, const struct diag *why)
{
	if (peer->closed)
		peer->closed(peer->context, why);
	netconf_peer_free(peer);
}

static void closed(void *context, const struct diag *why)
{
	struct netconf_peer *peer = context;
	if (!peer->ended)
		event(peer, peer->id ? "session ended by the client" : "connection failed", why);
	let_go(peer);
	gone(peer, why);
}

static const struct io_stream_events events = {
	.opened = opened, .data = data, .drained = drained, .closed = closed};

static void read_address(struct netconf_peer *peer, const struct netconf_connection *connection)
{
	struct io_address address = {.len = sizeof(address.sa)};
	if (connection->address)
		snprintf(peer->address, sizeof(peer->address), "%s", connection->address);
	else if (getpeername(connection->transport->fd, (struct sockaddr *)&address.sa,
			     &address.len) == 0)
		io_address_print(&address, peer->address);
}

static struct netconf_peer *peer_alloc(struct netconf_server *server,
				       const struct netconf_connection *connection)
{
	struct netconf_peer *peer = base_oom(calloc(1, sizeof(*peer)));
	peer->opened = connection->opened;
	peer->closed = connection->closed;
	peer->context = connection->context;
	peer->transport = strcmp(connection->transport->ops->name, "ssh") == 0 ? "netconf-ssh"
									       : "netconf-tls";
	arena_init(&peer->arena);
	buf_init(&peer->held);
	netconf_session_init(&peer->session, true, server->options.message_most);
	peer->timer = io_timer_new(server->options.loop, timed_out, peer);
	read_address(peer, connection);
	join(peer, server);
	return peer;
}

void netconf_peer_new(struct netconf_server *server, const struct netconf_connection *connection)
{
	struct netconf_peer *peer = peer_alloc(server, connection);
	const struct netconf_server_options *o = &server->options;
	struct diag why = {.code = DIAG_LIMIT,
			   .text = "there are too many sessions",
			   .hint = "close sessions that are not in use"};
	if (server->peer_count > o->sessions_most) {
		event(peer, "connection refused", &why);
		connection->transport->ops->free(connection->transport);
		gone(peer, &why);
		return;
	}
	io_keepalive(connection->transport->fd, o->keepalive_s);
	size_t high = o->output_most < NETCONF_READ_AHEAD ? o->output_most : NETCONF_READ_AHEAD;
	struct io_stream_options options = {.events = &events,
					    .context = peer,
					    .handshake_ms = o->handshake_ms,
					    .stall_ms = o->stall_ms,
					    .output_most = SIZE_MAX / 4,
					    .output_high = high,
					    .connecting = connection->connecting};
	if (io_stream_new(o->loop, connection->transport, &options, &peer->stream) < 0) {
		why = (struct diag){.code = DIAG_IO,
				    .text = "the connection cannot be watched",
				    .hint = "raise the limit of open descriptors"};
		event(peer, "connection failed", &why);
		gone(peer, &why);
	}
}
