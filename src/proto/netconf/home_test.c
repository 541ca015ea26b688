// SPDX-License-Identifier: Apache-2.0
// Call home (RFC 8071) as both ends of the protocol see it: the server connects, the client listens.
#include "proto/netconf/client.h"
#include "io/ssh.h"
#include "proto/netconf/test_ssh.h"

#include <stdio.h>
#include <string.h>

// What an end of the connection is told.
struct side {
	bool opened, closed;
	char why[200];
};

static struct {
	struct test_world world;
	struct test_ssh ssh;
	bool over_ssh;
	struct io_tls *tls; // of the client
	struct io_address home;
	struct io_listener *listener;
	struct netconf_client *client;
	const char *wanted; // the name that the client admits
	struct side at_client, at_server;
	char data[400];
} w;

// --- the client, which listens ---

static bool admit(void *context, const struct io_peer *peer, struct diags *diags)
{
	(void)context;
	if (strcmp(peer->name, w.wanted) == 0)
		return true;
	diag_error(diags, DIAG_DENIED, NULL, "register it", "%s is not known here", peer->name);
	return false;
}

static void opened(void *context)
{
	struct side *side = context;
	side->opened = true;
}

static void closed(void *context, const struct diag *why)
{
	struct side *side = context;
	side->closed = true;
	snprintf(side->why, sizeof(side->why), "%s", why ? why->text : "");
}

static void called(void *context, int fd, const struct io_address *peer)
{
	(void)context;
	(void)peer;
	assert_null(w.client);
	struct io_ssh_target target = {.ssh = w.ssh.client, .user = "admin", .pins = w.ssh.pin};
	w.client = netconf_client_new(
		w.world.loop, &(struct netconf_client_options){
				      .transport = w.over_ssh ? io_ssh_client(&target, fd)
							      : io_tls_client(w.tls, fd, NULL),
				      .admit = w.over_ssh ? NULL : admit,
				      .opened = opened,
				      .closed = closed,
				      .context = &w.at_client,
			      });
}

// --- the server, which connects ---

static void call_home(const struct io_address *to)
{
	int fd = -1;
	assert_int_equal(io_connect_start(to, NULL, &fd), 0);
	netconf_server_serve(w.world.box.server,
			     &(struct netconf_connection){
				     .transport = w.over_ssh
							  ? io_ssh_server(w.ssh.server, fd)
							  : io_tls_server(w.world.server_tls, fd),
				     .address = "home",
				     .connecting = true,
				     .opened = opened,
				     .closed = closed,
				     .context = &w.at_server,
			     });
}

static int setup(void **state)
{
	int fd = -1;
	(void)state;
	memset(&w, 0, sizeof(w));
	w.wanted = "server";
	test_world_init(&w.world, &(struct netconf_server_options){.sessions_most = 1});
	w.tls = test_identity(&w.world, "controller");
	assert_true(io_address_parse("127.0.0.1", 0, &w.world.diags, &w.home));
	assert_int_equal(io_listen(&w.home, &fd), 0);
	assert_int_equal(io_address_of(fd, &w.home), 0);
	assert_int_equal(
		io_listener_new(w.world.loop,
				&(struct io_listener_options){.fd = fd, .accepted = called},
				&w.listener),
		0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	netconf_client_free(w.client);
	io_listener_free(w.listener);
	io_tls_free(w.tls);
	test_world_fini(&w.world);
	return 0;
}

static void answered(void *context, const struct netconf_result *result, const struct diags *errors)
{
	(void)context;
	assert_int_equal(errors->errors, 0);
	assert_true(result->ok);
	snprintf(w.data, sizeof(w.data), "%s", result->data);
}

// Once both ends are open the client asks, and is answered.
static void echo(void)
{
	while (!w.at_client.opened || !w.at_server.opened)
		test_step(&w.world);
	netconf_client_send(w.client,
			    &(struct netconf_call){.xml = "<echo " BOX "><text>hi</text></echo>",
						   .fn = answered});
	while (!w.data[0])
		test_step(&w.world);
	test_has(w.data, ">hi</text>");
}

static void leave(void)
{
	netconf_client_free(w.client);
	w.client = NULL;
	while (!w.at_server.closed)
		test_step(&w.world);
}

// Shows: RFC 8071 3.1 the NETCONF client listens and is the TLS client of a connection that it accepts
// Shows: RFC 8071 4.1 the NETCONF server connects and is the TLS server of that connection
static void the_server_connects(void **state)
{
	(void)state;
	call_home(&w.home);
	echo();
	test_event(&w.world, "1 controller: session opened");
	leave();
	assert_string_equal(w.at_server.why, "");
}

// Shows: RFC 8071 3.1 over SSH the client that is called pins the server's host key and logs in as on any connection
// Shows: RFC 8071 4.1 over SSH the server that calls is the SSH server
static void the_server_connects_over_ssh(void **state)
{
	(void)state;
	w.over_ssh = true;
	test_ssh_init(&w.ssh, &w.world);
	call_home(&w.home);
	echo();
	leave();
	test_ssh_fini(&w.ssh, &w.world);
}

// Shows: RFC 8071 3.1 a server whose certificate is not an expected one is refused before anything is said
static void a_stranger_is_refused(void **state)
{
	(void)state;
	w.wanted = "somebody else";
	call_home(&w.home);
	while (!w.at_client.closed || !w.at_server.closed)
		test_step(&w.world);
	assert_string_equal(w.at_client.why, "server is not known here");
	assert_false(w.at_client.opened || w.at_server.opened);
}

static void nobody_listens(void **state)
{
	(void)state;
	struct io_address nowhere = w.home;
	io_listener_free(w.listener);
	w.listener = NULL;
	call_home(&nowhere);
	while (!w.at_server.closed)
		test_step(&w.world);
	test_has(w.at_server.why, "cannot connect");
	assert_int_equal(netconf_server_sessions(w.world.box.server), 0);
}

static void there_are_too_many(void **state)
{
	(void)state;
	call_home(&w.home);
	while (!w.at_client.opened)
		test_step(&w.world);
	assert_false(w.at_server.closed);
	int fd = -1;
	assert_int_equal(io_connect_start(&w.world.address, NULL, &fd), 0);
	netconf_server_serve(w.world.box.server,
			     &(struct netconf_connection){
				     .transport = io_tls_server(w.world.server_tls, fd),
				     .connecting = true,
				     .closed = closed,
				     .context = &w.at_server,
			     });
	assert_true(w.at_server.closed); // at once, and the other one goes on
	assert_string_equal(w.at_server.why, "there are too many sessions");
	assert_true(netconf_client_is_open(w.client));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(the_server_connects), T(the_server_connects_over_ssh), T(a_stranger_is_refused),
		T(nobody_listens),      T(there_are_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
