// SPDX-License-Identifier: Apache-2.0
// For tests: a server on loopback TLS, and raw clients on the same loop that say exactly what a test wants.
#pragma once

// cmocka wants these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/loop.h"
#include "io/net.h"
#include "io/stream.h"
#include "io/tls.h"
#include "proto/netconf/session.h"
#include "proto/netconf/test_box.h"

struct test_ca;

struct test_world {
	char dir[40];
	struct test_ca *ca;
	struct io_loop *loop;
	struct io_timer *guard;
	bool late;
	struct io_tls *server_tls;
	struct io_address address;
	struct test_box box;
	struct arena arena;
	struct diags diags;
};

// A client; frees itself with the test's end by test_peer_fini.
struct test_peer {
	struct test_world *world;
	struct io_tls *tls;
	struct io_stream *stream;
	int fd; // of the stream
	struct netconf_session session;
	bool opened, closed, deaf; // deaf: takes no bytes
	char why[200];
	unsigned last_id;
	VEC(const char *) message; // that came and were not looked at, in the world's arena
	size_t seen;
};

#define BASE "xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\""
#define BOX "xmlns=\"urn:test:box\""
#define EOM "]]>]]>"
#define HELLO_WITH(version)                                                               \
	"<hello " BASE "><capabilities><capability>urn:ietf:params:netconf:base:" version \
	"</capability></capabilities></hello>" EOM

void test_world_init(struct test_world *world, const struct netconf_server_options *options);
void test_world_fini(struct test_world *world);
// One round of the loop; the test fails when it takes too long altogether.
void test_step(struct test_world *world);
// An identity of this common name, from the world's authority.
struct io_tls *test_identity(struct test_world *world, const char *name) must_check;

// Connected, TLS up, the server's hello not yet read.
void test_peer_connect(struct test_peer *peer, struct test_world *world, const char *name);
void test_peer_fini(struct test_peer *peer);
// Gone without a word to the other end. False: this needs a privilege.
bool test_peer_vanish(struct test_peer *peer) must_check;
void test_peer_write(struct test_peer *peer, const char *bytes);
// Both hellos; "1.0" or "1.1".
void test_peer_hello(struct test_peer *peer, const char *version);
// connect and hello 1.1, as user "admin".
void test_peer_open(struct test_peer *peer, struct test_world *world);
// Sends <rpc> with this inside; its framing is the session's.
void test_send(struct test_peer *peer, const char *operation);
// The next message.
const char *test_receive(struct test_peer *peer);
// send and receive.
const char *test_ask(struct test_peer *peer, const char *operation);
void test_ok(struct test_peer *peer, const char *operation);
// The reply is an error of this tag, and has this text somewhere.
void test_error(struct test_peer *peer, const char *operation, const char *tag, const char *text);
void test_has(const char *text, const char *part);
void test_has_not(const char *text, const char *part);
void test_until_closed(struct test_peer *peer);
// What the application was asked since the last time.
void test_asked(struct test_world *world, const char *wanted);
// Waits for an event; those before it are forgotten.
void test_event(struct test_world *world, const char *part);
// The content of a datastore.
void test_config(struct test_peer *peer, const char *datastore, const char *wanted);
