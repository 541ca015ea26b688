// SPDX-License-Identifier: Apache-2.0
// A server and a client on one loop, so that every test has one order of events.
#include "io/test_ssh.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GUARD_MS 20000

static const char *const roles[] = {"controller", "operator", NULL};

const char *test_ssh_in(struct world *w, const char *name)
{
	return arena_printf(&w->arena, "%s/%s", w->dir, name);
}

static void opened(void *context)
{
	((struct end *)context)->opened = true;
}

static size_t data(void *context, const char *bytes, size_t len)
{
	struct end *e = context;
	if (e->deaf)
		return 0;
	buf_add(&e->got, bytes, len);
	return len;
}

static void closed(void *context, const struct diag *why)
{
	struct end *e = context;
	e->closed = true;
	e->ordered = !why;
	snprintf(e->why, sizeof(e->why), "%s", why ? why->text : "");
	snprintf(e->hint, sizeof(e->hint), "%s", why && why->hint ? why->hint : "");
	io_stream_free(e->stream);
	e->stream = NULL;
}

const struct io_stream_events test_ssh_events = {.opened = opened, .data = data, .closed = closed};

static void accepted(void *context, int fd, const struct io_address *peer)
{
	struct world *w = context;
	(void)peer;
	assert_null(w->server.stream);
	struct io_stream_options o = {
		.events = &test_ssh_events, .context = &w->server, .handshake_ms = w->handshake_ms};
	assert_int_equal(io_stream_new(w->loop, io_ssh_server(w->ssh, fd), &o, &w->server.stream),
			 0);
}

static void late(void *context)
{
	((struct world *)context)->late = true;
}

static void note(void *context, const struct diag *what)
{
	struct world *w = context;
	buf_printf(&w->notes, "%s\n", what->text);
}

void test_ssh_step(struct world *w)
{
	assert_int_equal(io_loop_step(w->loop, -1), 0);
	if (w->late)
		fail_msg("late; server: %s; client: %s; notes: %s", w->server.why, w->client.why,
			 w->notes.data);
}

// --- files ---

void test_ssh_write(struct world *w, const char *name, const char *text)
{
	assert_int_equal(file_put(&(struct file_put){.path = test_ssh_in(w, name),
						     .data = text,
						     .len = strlen(text),
						     .mode = 0600}),
			 0);
}

struct io_ssh *test_ssh_client(struct world *w, const char *key)
{
	if (access(test_ssh_in(w, key), F_OK) != 0)
		assert_true(io_ssh_key_new(test_ssh_in(w, key), &w->diags));
	struct io_ssh *ssh =
		io_ssh_new(&(struct io_ssh_options){.key = test_ssh_in(w, key)}, &w->diags);
	assert_non_null(ssh);
	return ssh;
}

// "role=ROLE,name=NAME KEY"
const char *test_ssh_line(struct world *w, struct io_ssh *ssh, const char *options)
{
	struct buf text;
	buf_init(&text);
	io_ssh_public(ssh, &text);
	const char *line = arena_printf(&w->arena, "%s %s somewhere\n", options, text.data);
	buf_fini(&text);
	return line;
}

const char *test_ssh_pin(struct world *w, struct io_ssh *ssh)
{
	char pin[IO_SSH_FINGERPRINT];
	io_ssh_fingerprint(ssh, pin);
	return arena_strdup(&w->arena, pin);
}

// --- a wire between client and server ---

static void cut(struct wire *wire)
{
	for (int i = 0; i < 2; i++) {
		io_watch_free(wire->watch[i]);
		wire->watch[i] = NULL;
		base_close(&wire->fd[i]);
	}
}

static void move(struct wire *wire, int from)
{
	char bytes[4096];
	ssize_t n = recv(wire->fd[from], bytes, wire->piece, 0);
	if (n <= 0) {
		cut(wire);
		return;
	}
	assert_int_equal(send(wire->fd[1 - from], bytes, (size_t)n, MSG_NOSIGNAL), n);
	wire->moved[from] += (size_t)n;
	if (wire->cut && wire->moved[0] >= wire->cut)
		cut(wire);
}

static void from_client(void *context, unsigned what)
{
	(void)what;
	move(context, 0);
}

static void from_server(void *context, unsigned what)
{
	(void)what;
	move(context, 1);
}

static void plugged(void *context, int fd, const struct io_address *peer)
{
	struct wire *wire = context;
	(void)peer;
	wire->fd[0] = fd;
	assert_int_equal(io_connect_start(&wire->server, NULL, &wire->fd[1]), 0);
	for (int i = 0; i < 2; i++) {
		struct io_watch_options o = {.fd = wire->fd[i],
					     .events = IO_READ,
					     .fn = i ? from_server : from_client,
					     .context = wire};
		assert_int_equal(io_watch_new(wire->loop, &o, &wire->watch[i]), 0);
	}
}

void test_ssh_wire(struct world *w, size_t piece)
{
	int fd = -1;
	struct io_address a;
	w->wire.loop = w->loop;
	w->wire.piece = piece;
	w->wire.server = w->address;
	assert_true(io_address_parse("127.0.0.1", 0, &w->diags, &a));
	assert_int_equal(io_listen(&a, &fd), 0);
	assert_int_equal(io_address_of(fd, &w->address), 0);
	struct io_listener_options o = {.fd = fd, .accepted = plugged, .context = &w->wire};
	assert_int_equal(io_listener_new(w->loop, &o, &w->wire.listener), 0);
}

// --- the world ---

static void end_init(struct end *e)
{
	*e = (struct end){0};
	buf_init(&e->got);
}

static void end_fini(struct end *e)
{
	io_stream_free(e->stream);
	buf_fini(&e->got);
}

void test_ssh_again(struct world *w)
{
	end_fini(&w->server);
	end_fini(&w->client);
	end_init(&w->server);
	end_init(&w->client);
}

static void listen_here(struct world *w)
{
	struct io_address a;
	int fd = -1;
	assert_true(io_address_parse("127.0.0.1", 0, &w->diags, &a));
	assert_int_equal(io_listen(&a, &fd), 0);
	assert_int_equal(io_address_of(fd, &w->address), 0);
	struct io_listener_options o = {.fd = fd, .accepted = accepted, .context = w};
	assert_int_equal(io_listener_new(w->loop, &o, &w->listener), 0);
}

int test_ssh_setup(void **state)
{
	struct world *w = base_oom(calloc(1, sizeof(*w)));
	*state = w;
	w->wire.fd[0] = w->wire.fd[1] = -1;
	snprintf(w->dir, sizeof(w->dir), "/tmp/io-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	arena_init(&w->arena);
	diags_init(&w->diags, &w->arena);
	buf_init(&w->notes);
	assert_int_equal(io_loop_new(&w->loop), 0);
	w->guard = io_timer_new(w->loop, late, w);
	io_timer_set(w->guard, GUARD_MS);
	assert_true(io_ssh_key_new(test_ssh_in(w, "host"), &w->diags));
	w->client_ssh = test_ssh_client(w, "alice");
	test_ssh_write(w, "authorized",
		       test_ssh_line(w, w->client_ssh, "role=operator,name=alice"));
	struct io_ssh_options o = {.key = test_ssh_in(w, "host"),
				   .authorized = test_ssh_in(w, "authorized"),
				   .roles = roles,
				   .note = note,
				   .context = w};
	w->ssh = io_ssh_new(&o, &w->diags);
	assert_non_null(w->ssh);
	assert_int_equal(w->diags.list.len, 0);
	end_init(&w->server);
	end_init(&w->client);
	listen_here(w);
	return 0;
}

int test_ssh_teardown(void **state)
{
	static const char *const names[] = {"host", "alice", "mallory", "new", "authorized"};
	struct world *w = *state;
	end_fini(&w->server);
	end_fini(&w->client);
	cut(&w->wire);
	io_listener_free(w->wire.listener);
	io_listener_free(w->listener);
	io_timer_free(w->guard);
	io_loop_free(w->loop);
	io_ssh_free(w->ssh);
	io_ssh_free(w->client_ssh);
	for (size_t i = 0; i < array_len(names); i++)
		unlink(test_ssh_in(w, names[i]));
	assert_int_equal(rmdir(w->dir), 0);
	buf_fini(&w->notes);
	arena_fini(&w->arena);
	free(w);
	return 0;
}

void test_ssh_dial_to(struct world *w, const struct io_ssh_target *target)
{
	int fd = -1;
	assert_int_equal(io_connect_start(&w->address, NULL, &fd), 0);
	struct io_stream_options o = {
		.events = &test_ssh_events, .context = &w->client, .connecting = true};
	assert_int_equal(io_stream_new(w->loop, io_ssh_client(target, fd), &o, &w->client.stream),
			 0);
}

void test_ssh_dial(struct world *w, struct io_ssh *ssh, const char *user)
{
	const char *const pins[] = {test_ssh_pin(w, w->ssh), NULL};
	test_ssh_dial_to(w, &(struct io_ssh_target){.ssh = ssh, .user = user, .pins = pins});
}

void test_ssh_open(struct world *w)
{
	test_ssh_dial(w, w->client_ssh, "alice");
	while (!w->server.opened || !w->client.opened) {
		test_ssh_step(w);
		if (w->server.closed || w->client.closed)
			fail_msg("server: %s; client: %s", w->server.why, w->client.why);
	}
}

void test_ssh_refused(struct world *w, const char *at_server, const char *at_client)
{
	while (!w->server.closed || !w->client.closed)
		test_ssh_step(w);
	if (!strstr(w->server.why, at_server) || !strstr(w->client.why, at_client))
		fail_msg("server: %s; client: %s", w->server.why, w->client.why);
	assert_true(*w->server.hint && *w->client.hint);
}
