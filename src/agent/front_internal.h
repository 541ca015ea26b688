// SPDX-License-Identifier: Apache-2.0
// What the files of front share.
#pragma once

#include "agent/message.h"
#include "base/buf.h"

struct agent_channel;
struct agent_sent;
struct io_listener;
struct front_home;
struct io_loop;
struct io_ssh;
struct io_tls;
struct io_watch;
struct netconf_reply;
struct netconf_request;
struct netconf_server;
struct schema;
struct schema_tree;

// What a question is about, as far as front's books are concerned.
enum front_about { FRONT_OTHER, FRONT_COMMIT, FRONT_COMMIT_CONFIRMED, FRONT_CONFIRM };

// A message that is not answered yet, and whom its answer is for.
struct front_question {
	struct front_question *next;
	uint32_t id;
	struct netconf_reply *reply;
	bool reload; // an AGENT_TRUST: the new files are to be used
	enum front_about about;
	struct buf *before; // of an AGENT_STATE: what goes before the report; NULL: nothing
};

// A configuration that the enforcer has kept: a text, and changes of it.
struct front_kept {
	struct buf *text;
	size_t texts; // 0: there is none
};

struct front {
	struct arena arena;                  // for good
	struct front_kept kept[AGENT_KEPTS]; // until they are trees
	struct agent_start start;
	const struct backend_ops *ops;
	struct io_loop *loop;
	struct schema *schema;
	struct io_tls *tls; // NULL: nobody is served over it
	struct io_ssh *ssh; // likewise
	struct agent_channel *channel;
	struct agent_sent *sent; // what the enforcer holds …
	uint32_t version;        // … of its policies
	struct netconf_server *server;
	struct front_home *home; // controllers that are called
	struct io_watch *dialled;
	struct io_listener *listener[AGENT_LISTENERS_MOST];
	struct front_question *question;
	uint32_t last_id;
	int status;
};

// Sends a message and remembers whom its answer is for.
struct front_question *front_ask(struct front *front, struct agent_message *message,
				 struct netconf_reply *reply);
// Uses certificates and keys as they are now for connections from now on; false and diags: all as before.
bool front_reload(struct front *front, struct diags *diags) must_check;
void front_log(const char *level_text, const char *fmt, ...) printf_like(2, 3);
void front_log_diags(const struct diags *diags);

// --- datastore.c: struct netconf_ops ---
extern const struct netconf_ops front_netconf_ops;
// --- call_home.c: sessions that this host opens ---
// Negative errno.
int front_call_home(struct front *front) must_check;
// --- nacm.c ---
// The access control of an agent on which nobody has configured any, as XML.
extern const char front_nacm[];
// What running is before anybody has committed anything: that.
struct schema_tree *front_first_running(const struct front *front) must_check;
// --- operations.c: the module's operations ---
void front_handle_operations(struct front *front);

// Paths of the descriptors that front was given.
#define FRONT_CERTIFICATES "/proc/self/fd/4"
#define FRONT_YANG "/proc/self/fd/5"
