// SPDX-License-Identifier: Apache-2.0
// Inside the folder: sessions, requests, reports.
#pragma once

#include "base/diag.h"
#include "io/loop.h"
#include "io/net.h"
#include "proto/netconf/client.h"
#include "south/south.h"

#include <pthread.h>

struct schema;

// One NSF, in the loop's thread only.
struct session {
	struct south *south;
	char *name;
	struct io_address to;
	struct netconf_client *client; // NULL: between two tries
	struct io_timer *retry;
	bool open, wanted; // wanted: still configured
	unsigned failures;
	uint32_t id; // of the session, new with each; 0: not open
	struct session *next;
};

struct south {
	struct south_options opt;
	struct io_loop *loop;
	pthread_t thread;
	bool running;
	struct engine *engine;
	struct session *session;
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
void session_restart(struct session *session);
void session_free_all(struct south *south);

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
