// SPDX-License-Identifier: Apache-2.0
// Messages through a socket: whole, in pieces, large, and what ends a channel.
#include "agent/channel.h"
#include "base/buf.h"
#include "base/wire.h"
#include "io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAIT_MS = 10000 };

struct end {
	struct io_loop *loop;
	struct agent_channel *channel;
	unsigned got;
	size_t bytes;
	bool closed;
	const char *why;
	int other; // the raw other end
};

static void message(void *context, const struct agent_message *m)
{
	struct end *end = context;
	end->got++;
	if (m->type == AGENT_STARTUP)
		end->bytes = strlen(m->text);
	if (m->type == AGENT_STATE)
		agent_channel_send(end->channel,
				   &(struct agent_message){.type = AGENT_REPORT, .id = m->id});
}

static void closed(void *context, const char *why)
{
	struct end *end = context;
	end->closed = true;
	end->why = why;
	agent_channel_free(end->channel); // allowed here
	end->channel = NULL;
}

static int setup(void **state)
{
	struct end *end = base_oom(calloc(1, sizeof(*end)));
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(io_loop_new(&end->loop), 0);
	struct agent_channel_options options = {.fd = pair[0],
						.sender = AGENT_FRONT,
						.message = message,
						.closed = closed,
						.context = end};
	assert_int_equal(agent_channel_new(end->loop, &options, &end->channel), 0);
	end->other = pair[1];
	*state = end;
	return 0;
}

static int teardown(void **state)
{
	struct end *end = *state;
	agent_channel_free(end->channel);
	io_loop_free(end->loop);
	close(end->other);
	free(end);
	return 0;
}

static void step_until_got(struct end *end, unsigned got)
{
	uint64_t deadline = io_now() + WAIT_MS;
	while (end->got < got && !end->closed && io_now() < deadline)
		assert_int_equal(io_loop_step(end->loop, 100), 0);
}

static void step_until_closed(struct end *end)
{
	uint64_t deadline = io_now() + WAIT_MS;
	while (!end->closed && io_now() < deadline)
		assert_int_equal(io_loop_step(end->loop, 100), 0);
	assert_true(end->closed);
}

static struct buf frame(const struct agent_message *m)
{
	struct buf body, out;
	buf_init(&body);
	buf_init(&out);
	agent_message_encode(m, &body);
	wire_put_bytes(&out, body.data, body.len);
	buf_fini(&body);
	return out;
}

static void put(struct end *end, const void *data, size_t len)
{
	assert_int_equal(write(end->other, data, len), len);
}

static void asks_and_answers(void **state)
{
	struct end *end = *state;
	struct arena arena;
	struct agent_message answer;
	cleanup(buf_fini) struct buf bytes =
		frame(&(struct agent_message){.type = AGENT_STATE, .id = 77});
	arena_init(&arena);
	put(end, bytes.data, bytes.len);
	step_until_got(end, 1);
	assert_int_equal(io_loop_step(end->loop, 0), 0);
	assert_true(agent_channel_receive(end->other, AGENT_ENFORCER, &arena, &answer));
	assert_int_equal(answer.type, AGENT_REPORT);
	assert_int_equal(answer.id, 77);
	arena_fini(&arena);
}

static void byte_by_byte(void **state)
{
	struct end *end = *state;
	cleanup(buf_fini) struct buf one = frame(&(struct agent_message){.type = AGENT_READY});
	cleanup(buf_fini) struct buf two =
		frame(&(struct agent_message){.type = AGENT_CLOSE, .id = 1, .text = "x"});
	buf_add(&one, two.data, two.len);
	for (size_t i = 0; i < one.len; i++) {
		put(end, one.data + i, 1);
		assert_int_equal(io_loop_step(end->loop, 0), 0);
	}
	step_until_got(end, 2);
	assert_int_equal(end->got, 2);
	put(end, one.data, one.len); // and both in one piece
	step_until_got(end, 4);
	assert_int_equal(end->got, 4);
}

static void large(void **state)
{
	struct end *end = *state;
	size_t len = 8u << 20;
	char *text = base_oom(malloc(len + 1));
	memset(text, 'x', len);
	text[len] = '\0';
	cleanup(buf_fini) struct buf bytes =
		frame(&(struct agent_message){.type = AGENT_STARTUP, .id = 1, .text = text});
	free(text);
	for (size_t at = 0; at < bytes.len;) {
		ssize_t n = send(end->other, bytes.data + at, bytes.len - at, MSG_DONTWAIT);
		at += n > 0 ? (size_t)n : 0;
		assert_int_equal(io_loop_step(end->loop, 0), 0);
	}
	step_until_got(end, 1);
	assert_int_equal(end->bytes, len);
}

static void the_other_end_goes(void **state)
{
	struct end *end = *state;
	shutdown(end->other, SHUT_WR);
	step_until_closed(end);
	assert_null(end->why);
}

static void rules_are_kept(struct end *end, const void *data, size_t len)
{
	put(end, data, len);
	step_until_closed(end);
	assert_non_null(end->why);
	assert_int_equal(end->got, 0);
}

static void too_long(void **state)
{
	rules_are_kept(*state, "\xff\xff\xff\xff", 4);
}

static void no_message(void **state)
{
	rules_are_kept(*state, "\0\0\0\1\xff", 5);
}

static void not_from_here(void **state)
{
	cleanup(buf_fini) struct buf bytes = frame(&(struct agent_message){.type = AGENT_RELOAD});
	rules_are_kept(*state, bytes.data, bytes.len);
}

static size_t waiting(const struct end *end)
{
	int n = 0;
	assert_int_equal(ioctl(end->other, FIONREAD, &n), 0);
	return (size_t)n;
}

// What is pushed is on its way when the call returns; a peer that is busy gets it later, and is not waited for.
static void pushes(void **state)
{
	struct end *end = *state;
	char *text = base_oom(calloc(1, 4 << 20)), got[4096];
	size_t read_bytes = 0;
	assert_int_equal(io_loop_step(end->loop, 0), 0);
	agent_channel_push(end->channel, &(struct agent_message){.type = AGENT_RELOAD});
	size_t small = waiting(end);
	assert_true(small > 4);
	memset(text, 'x', (4 << 20) - 1);
	struct agent_message large = {.type = AGENT_CLOSED, .closed = {.name = text}};
	agent_channel_push(end->channel, &large);
	agent_channel_push(end->channel, &large);
	uint64_t deadline = io_now() + WAIT_MS;
	while (read_bytes < (8 << 20) && io_now() < deadline) {
		ssize_t n = recv(end->other, got, sizeof(got), MSG_DONTWAIT);
		if (n > 0)
			read_bytes += (size_t)n;
		else
			assert_int_equal(io_loop_step(end->loop, 10), 0);
	}
	assert_true(read_bytes > (8 << 20));
	free(text);
}

#define at_end(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		at_end(asks_and_answers),   at_end(byte_by_byte), at_end(large),
		at_end(the_other_end_goes), at_end(too_long),     at_end(no_message),
		at_end(not_from_here),      at_end(pushes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
