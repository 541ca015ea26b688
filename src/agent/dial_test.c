// SPDX-License-Identifier: Apache-2.0
// Sockets that the enforcer makes for front: to configured endpoints and to no other.
#include "agent/dial.h"
#include "io/loop.h"
#include "io/net.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	struct io_loop *loop;
	struct agent_dialler *dialler;
	struct agent_endpoint endpoint[2];
	char text[IO_ADDRESS_TEXT], why[100];
	int listening, front;
	bool closed;
} w;

static void closed(void *context, const char *why)
{
	(void)context;
	w.closed = true;
	snprintf(w.why, sizeof(w.why), "%s", why ? why : "");
}

static int setup(void **state)
{
	(void)state;
	int pair[2];
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct io_address address = {.len = sizeof(any)};
	memset(&w, 0, sizeof(w));
	memcpy(&address.sa, &any, sizeof(any));
	assert_int_equal(io_listen(&address, &w.listening), 0);
	assert_int_equal(io_address_of(w.listening, &address), 0);
	io_address_print(&address, w.text);
	w.endpoint[0] =
		(struct agent_endpoint){0, false, "255.255.255.255:1"}; // nothing connects there
	w.endpoint[1] = (struct agent_endpoint){1, false, w.text};
	assert_int_equal(io_loop_new(&w.loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	w.front = pair[1];
	struct agent_dialler_options o = {
		.fd = pair[0], .endpoint = w.endpoint, .endpoints = 2, .closed = closed};
	assert_int_equal(agent_dialler_new(w.loop, &o, &w.dialler), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	agent_dialler_free(w.dialler);
	io_loop_free(w.loop);
	base_close(&w.front);
	base_close(&w.listening);
	return 0;
}

static void step(void)
{
	assert_int_equal(io_loop_step(w.loop, 10000), 0);
}

static void connects(void **state)
{
	struct agent_dialled answer;
	(void)state;
	assert_int_equal(agent_dial_receive(w.front, &answer), -EAGAIN);
	assert_int_equal(agent_dial_ask(w.front, 1), 0);
	step();
	assert_int_equal(agent_dial_receive(w.front, &answer), 0);
	assert_int_equal(answer.endpoint, 1);
	assert_true(answer.fd >= 0);
	int other = accept(w.listening, NULL, NULL);
	assert_true(other >= 0);
	assert_int_equal(write(answer.fd, "x", 1), 1);
	char c = 0;
	assert_int_equal(read(other, &c, 1), 1);
	assert_int_equal(c, 'x');
	close(other);
	close(answer.fd);
}

static void tells_why_not(void **state)
{
	struct agent_dialled answer;
	(void)state;
	assert_int_equal(agent_dial_ask(w.front, 0), 0);
	step();
	assert_int_equal(agent_dial_receive(w.front, &answer), 0);
	assert_int_equal(answer.endpoint, 0);
	assert_true(answer.fd < 0);
	assert_false(w.closed);
}

// Front may have fallen to an attacker: it gets no connection that is not configured.
static void refuses_what_is_not_configured(void **state)
{
	struct agent_dialled answer;
	(void)state;
	assert_int_equal(agent_dial_ask(w.front, 2), 0);
	step();
	assert_true(w.closed);
	assert_string_equal(w.why, "it asks for a connection that is not configured");
	assert_int_equal(agent_dial_receive(w.front, &answer), -EAGAIN);
	agent_dialler_free(w.dialler);
	w.dialler = NULL;
	assert_int_equal(agent_dial_receive(w.front, &answer), -EPIPE);
}

static void refuses_longer_requests(void **state)
{
	(void)state;
	assert_int_equal(send(w.front, "\001\001", 2, 0), 2);
	step();
	assert_true(w.closed);
}

static void front_goes(void **state)
{
	(void)state;
	base_close(&w.front);
	step();
	assert_true(w.closed);
	assert_string_equal(w.why, "");
}

// One that asks and never takes: its requests end, and no socket is kept for it.
static void front_takes_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 100000 && !w.closed; i++) {
		int r = agent_dial_ask(w.front, 0);
		assert_true(r == 0 || r == -EAGAIN);
		step();
	}
	assert_true(w.closed);
	assert_string_equal(w.why, "it does not take the connections that it asks for");
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(connects),
		T(tells_why_not),
		T(refuses_what_is_not_configured),
		T(refuses_longer_requests),
		T(front_goes),
		T(front_takes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
