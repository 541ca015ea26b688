// SPDX-License-Identifier: Apache-2.0
// One NETCONF session as a pure state machine, either side: bytes in, messages out; hello and the choice of framing.
#pragma once

#include "base/diag.h"
#include "proto/netconf/framing.h"

enum netconf_session_event {
	NETCONF_SESSION_MORE, // everything was taken
	NETCONF_SESSION_OPEN, // the peer's hello has come and is good
	NETCONF_SESSION_MESSAGE, // `message` of the framing is whole: netconf_session_next when done with it
	NETCONF_SESSION_BAD, // `fault` says why; the session must end
};

struct netconf_session {
	bool server, open;
	struct netconf_framing framing;
	uint32_t id;                  // client: what the server's hello says
	struct arena arena;           // of the capabilities
	VEC(const char *) capability; // the peer's
	struct diag fault;            // text and hint are constants
};

void netconf_session_init(struct netconf_session *session, bool server, size_t message_most);
void netconf_session_fini(struct netconf_session *session);
// Appends our hello, framed. `id`: the server's session-id, 0 for a client. The base capabilities are added.
void netconf_session_hello(uint32_t id, const char *const *capability, size_t capabilities,
			   struct buf *out);
// Takes bytes up to the next event; returns how many.
size_t netconf_session_feed(struct netconf_session *session, const char *data, size_t len,
			    enum netconf_session_event *event_out) must_check;
void netconf_session_next(struct netconf_session *session);
// Appends a message in the framing that was agreed.
void netconf_session_frame(const struct netconf_session *session, const struct buf *message,
			   struct buf *out);
// Whether the peer has it. One with parameters ("…?module=x") is also found by what stands before '?'.
bool netconf_session_has(const struct netconf_session *session, const char *capability) must_check;
