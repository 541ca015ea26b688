// SPDX-License-Identifier: Apache-2.0
// A session of the client library libnetconf2, and what tests ask over it.
#pragma once

// cmocka wants these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libnetconf2/log.h>
#include <libnetconf2/messages_client.h>
#include <libnetconf2/netconf.h>
#include <libnetconf2/session.h>
#include <libnetconf2/session_client.h>
#include <libnetconf2/session_client_ch.h>
#include <libyang/libyang.h>

#define PEER_WAIT_MS 10000

// The library, without its messages.
void peer_init(void);

struct peer_files {
	const char *ca, *certificate, *key;
};
// To 127.0.0.1 over TLS; the test fails when there is no session.
struct nc_session *peer_dial(unsigned port, const struct peer_files *files);
// Over SSH, with the private key in this file and its public one in FILE.pub; any host key will do.
struct nc_session *peer_dial_ssh(unsigned port, const char *user, const char *key);

// Call home (RFC 8071): from here on the library listens on this port of 127.0.0.1, for either transport; the next call is
// a session.
void peer_listen(unsigned port, const struct peer_files *files);
void peer_listen_ssh(unsigned port, const char *user, const char *key);
struct nc_session *peer_called(void);
unsigned peer_free_port(void);

// What came last, envelope and content.
extern char peer_reply[];
void peer_ask(struct nc_session *session, struct nc_rpc *rpc);
void peer_has(const char *part);
void peer_has_not(const char *part);
void peer_ok(struct nc_session *session, struct nc_rpc *rpc);
// The reply is an error of this tag.
void peer_refused(struct nc_session *session, struct nc_rpc *rpc, const char *tag);
// Waits for a notification that has this in it.
void peer_hear(struct nc_session *session, const char *part);

struct nc_rpc *peer_edit(const char *config);   // of the candidate
struct nc_rpc *peer_operation(const char *xml); // any other
struct nc_rpc *peer_commit(void);
struct nc_rpc *peer_get_config(NC_DATASTORE source);
