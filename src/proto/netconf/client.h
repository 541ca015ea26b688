// SPDX-License-Identifier: Apache-2.0
// A NETCONF client over TLS or SSH. On a loop (netconf_client_new, _send), or blocking
// (netconf_client_connect, _call) for a thread of its own: one client is used by one thread at a
// time.
#pragma once

#include "base/diag.h"
#include "io/net.h"
#include "io/transport.h"

struct io_loop;
struct netconf_client;

// What a call came to. Strings live in the arena of `diags` in the blocking form, in the
// asynchronous form as long as the callback runs.
struct netconf_result {
	bool ok;          // no rpc-error of severity error
	const char *data; // content of <data>, else of <rpc-reply>, without <ok/> and <rpc-error>;
			  // "" for <ok/>
	size_t len;       // namespace declarations in scope are repeated in each element of it
	bool lost;        // no reply came: the session has ended, or the time was over
};

struct netconf_client_options {
	struct io_opener opener; // TLS or SSH: whom to expect, who we are; used before this returns
	struct io_address to;
	struct io_address from; // len 0: as the kernel chooses
	// Or instead of those three: a server that has called home (RFC 8071 section 3), on a
	// connected descriptor; taken.
	struct io_transport *transport;
	// Optional, asynchronous form. Whether this peer is the one to talk to, asked behind the handshake and before
	// anything is said; false with an error, whose hint is a constant, ends the session.
	bool (*admit)(void *context, const struct io_peer *peer, struct diags *diags);
	unsigned connect_ms;  // TCP, TLS and hello together; 0: 10 s
	unsigned keepalive_s; // TCP keep-alive, so that a dead peer is noticed; 0: 15 s
	size_t message_most;  // 0: 256 MiB
	// Optional: a <notification>: its content behind eventTime, and eventTime as text. Lives as
	// long as the call.
	void (*notification)(void *context, const char *xml, size_t len, const char *event_time);
	// Asynchronous form: `opened` when calls can be sent (the session's id and capabilities are
	// known); `closed` once, whenever it has failed or ended, with the reason; free the client
	// there or later. Both required.
	void (*opened)(void *context);
	void (*closed)(void *context, const struct diag *why);
	void *context;
};

struct netconf_call {
	const char *xml;     // the operation: content of <rpc>; NUL-terminated
	unsigned timeout_ms; // 0: 60 s
	// Asynchronous form: exactly once, also when the session ends. `errors` are rpc-errors and
	// warnings, or why it is lost.
	void (*fn)(void *context, const struct netconf_result *result, const struct diags *errors);
	void *context;
};

// --- on a loop ---
// Begins to connect. Never NULL: a failure comes to `closed`.
struct netconf_client *netconf_client_new(struct io_loop *loop,
					  const struct netconf_client_options *options) must_check;
// Calls are pipelined and answered in order. Before `opened` they wait. A time-out ends the session
// (its later replies could not be told apart from a stalled peer).
void netconf_client_send(struct netconf_client *client, const struct netconf_call *call);

// Told from now on: notification, opened, closed and context of these options.
void netconf_client_rebind(struct netconf_client *client,
			   const struct netconf_client_options *options);
// Whether the server's host has acknowledged all that was sent: true also when it takes its time to answer, false when
// it is gone without a word.
bool netconf_client_is_heard(const struct netconf_client *client) must_check;

// --- blocking ---
// NULL and a diag when the session could not be opened in connect_ms.
struct netconf_client *netconf_client_connect(const struct netconf_client_options *options,
					      struct diags *diags) must_check;
// Waits for the reply. False when it has errors or is lost; they are in diags, whose arena holds
// the result.
bool netconf_client_call(struct netconf_client *client, const struct netconf_call *call,
			 struct diags *diags, struct netconf_result *result_out) must_check;
// Serves notifications for `timeout_ms`, or until one has come. False: the session has ended.
bool netconf_client_wait(struct netconf_client *client, unsigned timeout_ms) must_check;

// --- both ---
bool netconf_client_is_open(const struct netconf_client *client) must_check;
uint32_t netconf_client_session(const struct netconf_client *client) must_check;
// Whether the server's hello has this capability; a module's URI matches by its part before '?'.
bool netconf_client_has(const struct netconf_client *client, const char *capability) must_check;
// All of them, in the server's order.
const char *const *netconf_client_capabilities(const struct netconf_client *client,
					       size_t *len_out) must_check;
// Sends close-session if the session is open, without waiting for the answer; open calls get their
// callback (lost) before this returns. `closed` is not called. NULL is fine.
void netconf_client_free(struct netconf_client *client);
