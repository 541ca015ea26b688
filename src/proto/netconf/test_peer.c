// SPDX-License-Identifier: Apache-2.0
// A server on loopback TLS and raw clients, on one loop, so that every test has one order of events.
#include "proto/netconf/test_peer.h"
#include "io/test_certs.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUARD_MS 30000

// --- the world ---

static void late(void *context)
{
	((struct test_world *)context)->late = true;
}

static const char *file(struct test_world *w, const char *name, const char *suffix)
{
	return arena_printf(&w->arena, "%s/%s%s", w->dir, name, suffix);
}

struct io_tls *test_identity(struct test_world *w, const char *name)
{
	struct test_cert cert = {.name = name,
				 .san = "IP:127.0.0.1,IP:::1",
				 .file = file(w, "one", ".pem"),
				 .key_file = file(w, "one", ".key")};
	struct io_tls_files files = {cert.file, cert.key_file, file(w, "ca", ".pem"), NULL};
	test_ca_issue(w->ca, &cert);
	struct io_tls *tls = io_tls_new(&files, &w->diags);
	assert_non_null(tls);
	return tls;
}

void test_world_init(struct test_world *w, const struct netconf_server_options *options)
{
	struct netconf_server_options o = options ? *options : (struct netconf_server_options){0};
	struct io_address any;
	int fd = -1;
	*w = (struct test_world){0};
	snprintf(w->dir, sizeof(w->dir), "/tmp/netconf-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	arena_init(&w->arena);
	diags_init(&w->diags, &w->arena);
	w->ca = test_ca_new("test authority", file(w, "ca", ".pem"));
	assert_int_equal(io_loop_new(&w->loop), 0);
	w->guard = io_timer_new(w->loop, late, w);
	io_timer_set(w->guard, GUARD_MS);
	w->server_tls = test_identity(w, "server");
	o.loop = w->loop;
	test_box_init(&w->box, &o);
	assert_true(io_address_parse("127.0.0.1", 0, &w->diags, &any));
	assert_int_equal(io_listen(&any, &fd), 0);
	assert_int_equal(io_address_of(fd, &w->address), 0);
	assert_int_equal(netconf_server_listen(w->box.server, io_tls_accepting(w->server_tls), fd),
			 0);
}

void test_world_fini(struct test_world *w)
{
	test_box_fini(&w->box);
	io_tls_free(w->server_tls);
	io_timer_free(w->guard);
	io_loop_free(w->loop);
	test_ca_free(w->ca);
	unlink(file(w, "ca", ".pem"));
	unlink(file(w, "one", ".pem"));
	unlink(file(w, "one", ".key"));
	rmdir(w->dir);
	arena_fini(&w->arena);
}

void test_step(struct test_world *w)
{
	assert_int_equal(io_loop_step(w->loop, -1), 0);
	if (w->late)
		fail_msg("it takes too long; events: %s", w->box.events.data);
}

// --- a client ---

static void opened(void *context)
{
	((struct test_peer *)context)->opened = true;
}

static size_t data(void *context, const char *bytes, size_t len)
{
	struct test_peer *p = context;
	size_t at = 0;
	if (p->deaf)
		return 0;
	while (at < len) {
		enum netconf_session_event what;
		at += netconf_session_feed(&p->session, bytes + at, len - at, &what);
		if (what == NETCONF_SESSION_BAD)
			fail_msg("the server's bytes are bad: %s", p->session.fault.text);
		if (what != NETCONF_SESSION_MESSAGE)
			continue;
		const struct buf *m = &p->session.framing.message;
		vec_push(&p->world->arena, &p->message,
			 arena_strndup(&p->world->arena, m->data, m->len));
		netconf_session_next(&p->session);
	}
	return len;
}

static void closed(void *context, const struct diag *why)
{
	struct test_peer *p = context;
	p->closed = true;
	snprintf(p->why, sizeof(p->why), "%s", why ? why->text : "");
}

static const struct io_stream_events events = {.opened = opened, .data = data, .closed = closed};

void test_peer_connect(struct test_peer *p, struct test_world *w, const char *name)
{
	int fd = -1;
	*p = (struct test_peer){.world = w};
	p->tls = test_identity(w, name);
	netconf_session_init(&p->session, false, 1u << 30);
	assert_int_equal(io_connect_start(&w->address, NULL, &fd), 0);
	p->fd = fd;
	struct io_stream_options o = {.events = &events, .context = p, .connecting = true};
	assert_int_equal(
		io_stream_new(w->loop, io_tls_client(p->tls, fd, "127.0.0.1"), &o, &p->stream), 0);
	while (!p->opened)
		test_step(w);
}

void test_peer_fini(struct test_peer *p)
{
	io_stream_free(p->stream);
	io_tls_free(p->tls);
	netconf_session_fini(&p->session);
}

bool test_peer_vanish(struct test_peer *p)
{
	// A socket under repair is closed without a segment.
	if (setsockopt(p->fd, IPPROTO_TCP, TCP_REPAIR, &(int){1}, sizeof(int)) < 0)
		return false;
	test_peer_fini(p);
	*p = (struct test_peer){.world = p->world};
	return true;
}

void test_peer_write(struct test_peer *p, const char *bytes)
{
	io_stream_write(p->stream, bytes, strlen(bytes));
}

void test_peer_hello(struct test_peer *p, const char *version)
{
	test_peer_write(p, strcmp(version, "1.0") == 0 ? HELLO_WITH("1.0") : HELLO_WITH("1.1"));
	while (!p->session.open && !p->closed)
		test_step(p->world);
	assert_true(p->session.open);
	// The server offers both; which one is in force is what we have said.
	if (strcmp(version, "1.0") == 0)
		p->session.framing.kind = NETCONF_END_OF_MESSAGE;
}

void test_peer_open(struct test_peer *p, struct test_world *w)
{
	test_peer_connect(p, w, "admin");
	test_peer_hello(p, "1.1");
}

void test_send(struct test_peer *p, const char *operation)
{
	struct buf rpc cleanup(buf_fini), frame cleanup(buf_fini);
	buf_init(&rpc);
	buf_init(&frame);
	buf_printf(&rpc, "<rpc " BASE " message-id=\"%u\">", ++p->last_id);
	buf_adds(&rpc, operation);
	buf_adds(&rpc, "</rpc>");
	netconf_session_frame(&p->session, &rpc, &frame);
	io_stream_write(p->stream, frame.data, frame.len);
}

const char *test_receive(struct test_peer *p)
{
	while (p->seen == p->message.len && !p->closed)
		test_step(p->world);
	if (p->seen == p->message.len)
		fail_msg("the session ended: %s; events: %s", p->why, p->world->box.events.data);
	return p->message.at[p->seen++];
}

const char *test_ask(struct test_peer *p, const char *operation)
{
	char id[32];
	test_send(p, operation);
	snprintf(id, sizeof(id), " message-id=\"%u\"", p->last_id);
	const char *reply = test_receive(p);
	test_has(reply, "<rpc-reply " BASE);
	test_has(reply, id);
	return reply;
}

void test_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no %s in %s", part, text);
}

void test_has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("%s in %s", part, text);
}

void test_ok(struct test_peer *p, const char *operation)
{
	const char *reply = test_ask(p, operation);
	if (!strstr(reply, "<ok/>"))
		fail_msg("%s: %s", operation, reply);
}

void test_error(struct test_peer *p, const char *operation, const char *tag, const char *text)
{
	const char *reply = test_ask(p, operation);
	test_has(reply, arena_printf(&p->world->arena, "<error-tag>%s</error-tag>", tag));
	test_has(reply, "<error-severity>error</error-severity>");
	test_has(reply, "<hint>");
	test_has(reply, text);
	test_has_not(reply, "<ok/>");
}

void test_until_closed(struct test_peer *p)
{
	while (!p->closed)
		test_step(p->world);
}

void test_asked(struct test_world *w, const char *wanted)
{
	assert_string_equal(w->box.asked.data, wanted);
	buf_clear(&w->box.asked);
}

void test_event(struct test_world *w, const char *part)
{
	const char *at;
	while (!(at = strstr(w->box.events.data, part)))
		test_step(w);
	const char *end = strchr(at, '\n');
	buf_consume(&w->box.events, (size_t)(end + 1 - w->box.events.data));
}

void test_config(struct test_peer *p, const char *datastore, const char *wanted)
{
	struct arena *a = &p->world->arena;
	const char *reply = test_ask(
		p, arena_printf(a, "<get-config><source><%s/></source></get-config>", datastore));
	const char *data = strstr(reply, "<data>"), *end = strstr(reply, "</data>");
	if (!data || !end)
		fail_msg("no data in %s", reply);
	assert_string_equal(arena_strndup(a, data + 6, (size_t)(end - data - 6)), wanted);
}
