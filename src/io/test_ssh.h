// SPDX-License-Identifier: Apache-2.0
// For tests: an SSH server on loopback and our client, on one loop.
#pragma once

// cmocka wants these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "io/loop.h"
#include "io/net.h"
#include "io/ssh.h"
#include "io/stream.h"

struct end {
	struct io_stream *stream;
	bool opened, closed, ordered, deaf;
	char why[400], hint[160];
	struct buf got;
};

// Between client and server.
struct wire {
	struct io_loop *loop;
	struct io_listener *listener;
	struct io_address server;
	int fd[2]; // client, server
	struct io_watch *watch[2];
	size_t piece;    // bytes at a time
	size_t moved[2]; // from the client, from the server
	size_t cut;      // it is cut after so many bytes of the client; 0: never
};

// Key files "host" and "alice"; alice is an operator.
struct world {
	char dir[32];
	struct arena arena;
	struct diags diags;
	struct io_loop *loop;
	struct io_timer *guard;
	bool late;
	struct io_listener *listener;
	struct io_address address; // that clients dial
	struct io_ssh *ssh, *client_ssh;
	unsigned handshake_ms; // of the server
	struct end server, client;
	struct buf notes; // a line each
	struct wire wire;
};

extern const struct io_stream_events test_ssh_events; // their context is a struct end
int test_ssh_setup(void **state);
int test_ssh_teardown(void **state);
const char *test_ssh_in(struct world *w, const char *name); // a path
void test_ssh_write(struct world *w, const char *name, const char *text);
// The identity of this key file, which is made if it is not there.
struct io_ssh *test_ssh_client(struct world *w, const char *key) must_check;
// "OPTIONS KEY\n", as it stands in the file "authorized".
const char *test_ssh_line(struct world *w, struct io_ssh *ssh, const char *options);
const char *test_ssh_pin(struct world *w, struct io_ssh *ssh);
void test_ssh_step(struct world *w);
// Clients go through a wire from now on.
void test_ssh_wire(struct world *w, size_t piece);
// Both ends as if nothing had been.
void test_ssh_again(struct world *w);
void test_ssh_dial(struct world *w, struct io_ssh *ssh, const char *user);
void test_ssh_dial_to(struct world *w, const struct io_ssh_target *target);
// Until both ends are open.
void test_ssh_open(struct world *w);
// Until both are closed; these texts are in the reasons.
void test_ssh_refused(struct world *w, const char *at_server, const char *at_client);
