// SPDX-License-Identifier: Apache-2.0
// Inside the folder: sessions, requests, reports.
#pragma once

#include "base/diag.h"
#include "base/map.h"
#include "io/backoff.h"
#include "io/loop.h"
#include "io/net.h"
#include "proto/netconf/client.h"
#include "south/south.h"

#include <pthread.h>

struct call_in;
struct calls;
struct io_peer;
struct schema;

// One NSF, in the loop's thread only.
struct session {
	struct south *south;
	char *name;
	struct io_address to;
	struct netconf_client *client; // NULL: between two tries
	struct io_timer *timer;        // of the next try, or of a challenge
	struct io_backoff backoff;
	bool open, wanted; // wanted: still configured
	bool calls_home;
	char *ssh_user;               // NULL: over TLS
	const char *const *host_keys; // over SSH
	struct call_in *rival;        // has called while `client` is there
	uint32_t id;                  // of the session, new with each; 0: not open
	struct session *next;
};

struct south {
	struct south_options opt;
	struct io_loop *loop;
	pthread_t thread;
	bool running;
	struct engine *engine;
	struct session *session;
	struct map by_name; // of them
	struct arena names;
	struct calls *calls;
	uint32_t last_id;
	struct schema *schema;       // of the loop's thread: notifications
	struct engine_peer *waiting; // configured before the start; owned, with its strings
	size_t waiting_len;

	pthread_mutex_t parsers; // schemas of the threads that ask
	pthread_cond_t parser_free;
	struct schema **parser;
	bool *parser_used;
	unsigned parser_count;
};

// south.c
void south_configure(void *context, const struct engine_peer *peers, size_t len);

// session.c
void session_configure(struct south *south, const struct engine_peer *peers, size_t len);
struct session *session_find(struct south *south, const char *name);
// Of an NSF that may call over SSH, by its host key.
struct session *session_by_key(struct south *south, const char *fingerprint);
void session_restart(struct session *session);
void session_free_all(struct south *south);
// The certificate is an NSF's; else a diag.
bool session_is_nsf(const struct io_peer *peer, struct diags *diags) must_check;
// From now on this is the session of an NSF that has called.
void session_take(struct session *session, struct netconf_client *client);
// It has called while its session is there: finds out whether that lives.
void session_challenge(struct session *session);

// calls.c
bool calls_open(struct south *south, struct diags *diags) must_check;
void calls_close(struct south *south);
// What becomes of a call that waits for the session of its NSF; the call is gone then.
void call_give(struct call_in *call, struct session *session);
void call_refuse(struct call_in *call, const char *why);

// A call from another thread, answered by the loop's; the caller waits.
struct call {
	struct south *south;
	const char *nsf;
	uint32_t *session;      // as in struct engine_request; NULL: any
	bool take_session;      // write the session's id there
	const char *const *rpc; // operations, sent one behind another
	size_t rpcs;
	unsigned timeout_ms;
	// The outcome: each operation's answer is appended; the first failure stands in diags.
	struct diags *diags;
	struct buf *data; // NULL: not wanted
	bool ok;
	// Inside:
	size_t open;
	bool done;
	pthread_mutex_t mutex;
	pthread_cond_t ended;
};
bool call_run(struct call *call) must_check;

// report.c
bool report_read(struct schema *schema, const char *xml, size_t len, struct diags *diags,
		 struct engine_report *out) must_check;
// Makes notices of a notification and tells the engine.
void report_notification(struct session *session, const char *xml, size_t len);
