// SPDX-License-Identifier: Apache-2.0
// Notifications of the server: subscriptions, the log for replay, and those of RFC 6470. Between the files of the server.
#pragma once

#include "proto/netconf/server_internal.h"

// --- notify.c ---
void netconf_log_init(struct netconf_server *server);
void netconf_log_fini(struct netconf_server *server);
void netconf_subscription_free(struct netconf_subscription *subscription); // NULL is fine
// <netconf> of nc-notifications: the streams.
void netconf_streams_print(const struct netconf_server *server, struct buf *out);
extern const struct netconf_operation netconf_notify_operations[];

// --- events.c: told only if the schema has ietf-netconf-notifications ---
void netconf_tell_session_start(const struct netconf_peer *peer);
void netconf_tell_session_end(const struct netconf_peer *peer);
// What happened to a confirmed commit; `timeout_s` with start and extend. By the server itself: session 0.
void netconf_tell_confirmed(struct netconf_server *server, const struct netconf_asker *asker,
			    const char *event, unsigned timeout_s);
// A datastore has changed: "running" or "startup". `edits`: XML of <edit> elements, or "".
void netconf_tell_change(struct netconf_server *server, const struct netconf_asker *asker,
			 const char *datastore, const char *edits);
