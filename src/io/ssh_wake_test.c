// SPDX-License-Identifier: Apache-2.0
// What libssh has taken in is not shown by the descriptor: whoever waits for it goes on all the same. Client and server
// have loops of their own here, so that each runs exactly when a test says so.
#include "io/ssh_internal.h"
#include "io/test_ssh.h"

#include <stdlib.h>
#include <string.h>

#define MUCH (3u << 20) // more than libssh's window
#define REKEY_AFTER (16u << 10)

// The client's operations, but for reading.
static struct {
	struct io_transport_ops ops;
	const struct io_transport_ops *real;
	struct world *w;
	size_t all; // bytes that the client was given to write
} late;

// What the server does without waiting.
static void step_idle(struct world *w)
{
	for (int i = 0; i < 20; i++)
		assert_int_equal(io_loop_step(w->loop, 0), 0);
}

// Between the client's writing and its reading the server takes all and opens the window: `again` and nothing else tells
// the client that it can write.
static enum io_result read_after_the_server(struct io_transport *t, void *data, size_t len,
					    size_t *got_out)
{
	struct world *w = late.w;
	while (w->server.got.len < late.all - io_stream_queued(w->client.stream))
		test_ssh_step(w);
	step_idle(w);
	return late.real->read(t, data, len, got_out);
}

static struct io_transport *hook(struct world *w, struct io_transport *t)
{
	late.w = w;
	late.real = t->ops;
	late.ops = *t->ops;
	late.ops.read = read_after_the_server;
	t->ops = &late.ops;
	return t;
}

static struct io_transport *client_of(struct world *w)
{
	const char *const pins[] = {test_ssh_pin(w, w->ssh), NULL};
	struct io_ssh_target target = {.ssh = w->client_ssh, .user = "alice", .pins = pins};
	int fd = -1;
	assert_int_equal(io_connect_start(&w->address, NULL, &fd), 0);
	return io_ssh_client(&target, fd);
}

// Until both ends are open.
static void open_on(struct io_loop *loop, struct world *w, struct io_transport *t)
{
	struct io_stream_options o = {
		.events = &test_ssh_events, .context = &w->client, .connecting = true};
	assert_int_equal(io_stream_new(loop, t, &o, &w->client.stream), 0);
	while (!w->server.opened || !w->client.opened) {
		assert_int_equal(io_loop_step(w->loop, 1), 0);
		assert_int_equal(io_loop_step(loop, 1), 0);
		assert_false(w->late);
	}
}

static ssh_session session_of(struct io_transport *t)
{
	return ((struct ssh_transport *)t)->session;
}

// A message of somewhat more than these bytes that the other side ignores.
static void send_nothing(struct io_transport *t, size_t len)
{
	char *nothing = base_oom(malloc(len + 1));
	memset(nothing, 1, len);
	nothing[len] = 0;
	assert_int_equal(ssh_send_ignore(session_of(t), nothing), SSH_OK);
	free(nothing);
}

static void close_on(struct io_loop *loop, struct world *w)
{
	io_stream_free(w->client.stream);
	w->client.stream = NULL;
	io_loop_free(loop);
}

static void a_window_that_opens_while_we_read(void **state)
{
	struct world *w = *state;
	struct io_loop *loop;
	char *up = base_oom(calloc(1, MUCH));
	assert_int_equal(io_loop_new(&loop), 0);
	open_on(loop, w, hook(w, client_of(w)));
	io_stream_write(w->client.stream, up, MUCH);
	late.all = MUCH;
	while (w->server.got.len < MUCH && !w->late) {
		assert_int_equal(io_loop_step(loop, 1), 0);
		assert_int_equal(io_loop_step(w->loop, 1), 0);
	}
	assert_int_equal(w->server.got.len, MUCH);
	close_on(loop, w);
	free(up);
}

// Together a little less than what the server looks at before others have their turn: the word comes with the last of it.
static void a_word_behind_much_that_is_ignored(void **state)
{
	struct world *w = *state;
	struct io_loop *loop;
	struct io_transport *t = client_of(w);
	size_t put = 0;
	assert_int_equal(io_loop_new(&loop), 0);
	open_on(loop, w, t);
	step_idle(w);
	for (int i = 0; i < 2; i++)
		send_nothing(t, 31000);
	while (t->ops->write(t, "word", 4, &put) != IO_OK)
		;
	while (w->server.got.len < 4)
		test_ssh_step(w);
	assert_string_equal(w->server.got.data, "word");
	close_on(loop, w);
}

// The client begins to exchange keys between the server's last word and its end: nothing but the exchange may go then.
static void an_end_while_keys_are_exchanged(void **state)
{
	struct world *w = *state;
	struct io_loop *loop;
	struct io_transport *t = client_of(w);
	assert_int_equal(
		ssh_options_set(session_of(t), SSH_OPTIONS_REKEY_DATA, &(uint64_t){REKEY_AFTER}),
		0);
	assert_int_equal(io_loop_new(&loop), 0);
	open_on(loop, w, t);
	io_stream_write(w->server.stream, "word", 4);
	step_idle(w);
	send_nothing(t, REKEY_AFTER);
	send_nothing(t, 1); // keys are exchanged before it
	step_idle(w);
	io_stream_finish(w->server.stream);
	step_idle(w);
	while (!w->client.closed) {
		assert_int_equal(io_loop_step(loop, 1), 0);
		assert_int_equal(io_loop_step(w->loop, 1), 0);
		assert_false(w->late);
	}
	assert_string_equal(w->client.got.data, "word");
	assert_string_equal(w->client.why, "");
	assert_true(w->client.ordered);
	while (!w->server.closed)
		test_ssh_step(w);
	assert_true(w->server.ordered);
	close_on(loop, w);
}

// It would be kept, as far as libssh keeps it, until the patience for ends is over.
static void a_peer_that_talks_on_behind_the_end(void **state)
{
	struct world *w = *state;
	struct io_loop *loop;
	struct io_transport *t = client_of(w);
	size_t sent = 0;
	assert_int_equal(io_loop_new(&loop), 0);
	open_on(loop, w, t);
	io_stream_finish(w->server.stream);
	for (; !w->server.closed && sent < 2 * MUCH; sent += 30000) {
		send_nothing(t, 30000);
		step_idle(w);
	}
	assert_true(w->server.closed);
	assert_in_range(sent, 1, MUCH);
	close_on(loop, w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, test_ssh_setup, test_ssh_teardown)
		T(a_window_that_opens_while_we_read),
		T(a_word_behind_much_that_is_ignored),
		T(an_end_while_keys_are_exchanged),
		T(a_peer_that_talks_on_behind_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
