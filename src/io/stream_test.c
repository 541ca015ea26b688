// SPDX-License-Identifier: Apache-2.0
// Addresses, plain and TLS streams over loopback: identity, refusals, back-pressure, rotation.
#include "io/loop.h"
#include "io/net.h"
#include "io/stream.h"
#include "io/test_certs.h"
#include "io/tls.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// One end of a connection and what happened to it.
struct end {
	struct world *world;
	struct io_stream *stream;
	bool opened, closed, ordered, stubborn;
	char why[320];
	char hint[160];
	struct buf got;
	int drained;
	const char *answer; // to all data
	size_t answer_len;
};

struct world {
	char dir[32];
	struct test_ca *ca, *other_ca;
	struct arena arena;
	struct diags diags;
	struct io_loop *loop;
	struct io_timer *guard;
	bool late;
	struct io_listener *listener;
	struct io_address address;
	struct io_tls *server_tls;
	unsigned server_handshake_ms;
	struct end server, client;
};

static const char *in(struct world *w, const char *name)
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
	// A stubborn end takes three bytes a call, to be shown the rest again.
	size_t take = e->stubborn && len > 3 ? 3 : len;
	buf_add(&e->got, bytes, take);
	if (e->answer)
		io_stream_write(e->stream, e->answer, e->answer_len);
	if (take < len)
		io_stream_resume(e->stream);
	return take;
}

static void drained(void *context)
{
	((struct end *)context)->drained++;
}

static void closed(void *context, const struct diag *why)
{
	struct end *e = context;
	e->closed = true;
	e->ordered = !why;
	snprintf(e->why, sizeof(e->why), "%s", why ? why->text : "");
	snprintf(e->hint, sizeof(e->hint), "%s", why ? why->hint : "");
	io_stream_free(e->stream);
	e->stream = NULL;
}

static const struct io_stream_events events = {
	.opened = opened, .data = data, .drained = drained, .closed = closed};

static void accepted(void *context, int fd, const struct io_address *peer)
{
	struct world *w = context;
	(void)peer;
	assert_null(w->server.stream);
	struct io_transport *t =
		w->server_tls ? io_tls_server(w->server_tls, fd) : io_plain_new(fd);
	struct io_stream_options o = {
		.events = &events, .context = &w->server, .handshake_ms = w->server_handshake_ms};
	assert_int_equal(io_stream_new(w->loop, t, &o, &w->server.stream), 0);
}

static void late(void *context)
{
	((struct world *)context)->late = true;
}

static void end_init(struct end *e, struct world *w)
{
	*e = (struct end){.world = w};
	buf_init(&e->got);
}

static void end_fini(struct end *e)
{
	io_stream_free(e->stream);
	buf_fini(&e->got);
}

static int setup(void **state)
{
	struct world *w = base_oom(calloc(1, sizeof(*w)));
	*state = w;
	snprintf(w->dir, sizeof(w->dir), "/tmp/io-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	arena_init(&w->arena);
	diags_init(&w->diags, &w->arena);
	w->ca = test_ca_new("test authority", in(w, "ca.pem"));
	w->other_ca = test_ca_new("other authority", in(w, "other-ca.pem"));
	assert_int_equal(io_loop_new(&w->loop), 0);
	w->guard = io_timer_new(w->loop, late, w);
	io_timer_set(w->guard, 20000);
	end_init(&w->server, w);
	end_init(&w->client, w);
	return 0;
}

static void remove_dir(const char *dir)
{
	char command[64];
	static const char *const name[] = {"ca.pem", "other-ca.pem", "s.pem",  "s.key",
					   "c.pem",  "c.key",        "crl.pem"};
	for (size_t i = 0; i < array_len(name); i++) {
		snprintf(command, sizeof(command), "%s/%s", dir, name[i]);
		unlink(command);
	}
	assert_int_equal(rmdir(dir), 0);
}

static int teardown(void **state)
{
	struct world *w = *state;
	end_fini(&w->server);
	end_fini(&w->client);
	io_listener_free(w->listener);
	io_timer_free(w->guard);
	io_loop_free(w->loop);
	io_tls_free(w->server_tls);
	test_ca_free(w->ca);
	test_ca_free(w->other_ca);
	remove_dir(w->dir);
	arena_fini(&w->arena);
	free(w);
	return 0;
}

static void step(struct world *w)
{
	assert_int_equal(io_loop_step(w->loop, -1), 0);
	assert_false(w->late);
}

static void listen_at(struct world *w, const char *address)
{
	struct io_address a;
	int fd = -1;
	assert_true(io_address_parse(address, 0, &w->diags, &a));
	assert_int_equal(io_listen(&a, &fd), 0);
	assert_int_equal(io_address_of(fd, &w->address), 0);
	struct io_listener_options o = {.fd = fd, .accepted = accepted, .context = w};
	assert_int_equal(io_listener_new(w->loop, &o, &w->listener), 0);
}

static struct io_tls *identity(struct world *w, const char *side, const char *ca, const char *crl)
{
	const char *cert = arena_printf(&w->arena, "%s/%s.pem", w->dir, side);
	const char *key = arena_printf(&w->arena, "%s/%s.key", w->dir, side);
	struct io_tls_files f = {cert, key, in(w, ca), crl ? in(w, crl) : NULL};
	struct io_tls *tls = io_tls_new(&f, &w->diags);
	assert_non_null(tls);
	return tls;
}

static long issue(struct world *w, const char *side, struct test_cert cert)
{
	cert.name = side[0] == 's' ? "the server" : "the client";
	cert.file = arena_printf(&w->arena, "%s/%s.pem", w->dir, side);
	cert.key_file = arena_printf(&w->arena, "%s/%s.key", w->dir, side);
	return test_ca_issue(w->ca, &cert);
}

static void dial(struct world *w, struct io_tls *tls, const char *name)
{
	int fd = -1;
	assert_int_equal(io_connect_start(&w->address, NULL, &fd), 0);
	struct io_transport *t = tls ? io_tls_client(tls, fd, name) : io_plain_new(fd);
	struct io_stream_options o = {.events = &events, .context = &w->client, .connecting = true};
	assert_int_equal(io_stream_new(w->loop, t, &o, &w->client.stream), 0);
}

#define USUAL ((struct test_cert){.san = "DNS:nsf.example,IP:127.0.0.1,IP:::1"})

static void start_tls(struct world *w, struct test_cert server, struct test_cert client)
{
	issue(w, "s", server);
	issue(w, "c", client);
	w->server_tls = identity(w, "s", "ca.pem", NULL);
	listen_at(w, "127.0.0.1");
}

// --- addresses ---

static void address_forms(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *in, *out;
	} good[] = {
		{"192.0.2.1", "192.0.2.1:9"},
		{"192.0.2.1:6513", "192.0.2.1:6513"},
		{"2001:db8::1", "[2001:db8::1]:9"},
		{"[2001:db8::1]:6513", "[2001:db8::1]:6513"},
		{"[2001:db8::1]", "[2001:db8::1]:9"},
		{"*:6513", "[::]:6513"},
		{"*", "[::]:9"},
		{"fe80::1%lo", "[fe80::1%lo]:9"},
	};
	static const char *const bad[] = {
		"",
		":",
		"192.0.2",
		"192.0.2.1:",
		"192.0.2.1:99999",
		"192.0.2.1:x",
		"[::1",
		"[::1]x",
		"[]:1",
		"localhost",
		"::1::2",
		"0x7f.1",
		"192.0.2.1:123456",
		"[192.0.2.1:1",
	};
	for (size_t i = 0; i < array_len(good); i++) {
		struct io_address a, b;
		char text[IO_ADDRESS_TEXT];
		assert_true(io_address_parse(good[i].in, 9, &w->diags, &a));
		io_address_print(&a, text);
		assert_string_equal(text, good[i].out);
		assert_true(io_address_parse(text, 1, &w->diags, &b));
		assert_true(io_address_equal(&a, &b));
	}
	for (size_t i = 0; i < array_len(bad); i++) {
		struct io_address a;
		assert_false(io_address_parse(bad[i], 9, &w->diags, &a));
		assert_int_equal(w->diags.errors, i + 1);
	}
}

static void nobody_listens(void **state)
{
	struct world *w = *state;
	listen_at(w, "::1");
	io_listener_free(w->listener);
	w->listener = NULL;
	dial(w, NULL, NULL);
	while (!w->client.closed)
		step(w);
	assert_non_null(strstr(w->client.why, "refused"));
}

// --- streams ---

static void echo_over(struct world *w, struct io_tls *tls)
{
	char big[100000];
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 31 + i / 1000);
	dial(w, tls, "127.0.0.1");
	w->server.stubborn = true;
	io_stream_write(w->client.stream, big, sizeof(big));
	while (w->server.got.len < sizeof(big))
		step(w);
	assert_memory_equal(w->server.got.data, big, sizeof(big));
	io_stream_write(w->server.stream, "answer", 6);
	io_stream_finish(w->server.stream);
	while (!w->client.closed)
		step(w);
	assert_true(w->client.ordered);
	assert_string_equal(w->client.got.data, "answer");
	while (!w->server.closed)
		step(w);
	assert_true(w->server.ordered);
}

static void plain_both_families(void **state)
{
	struct world *w = *state;
	listen_at(w, "::1");
	echo_over(w, NULL);
}

static void dual_stack_listener(void **state)
{
	struct world *w = *state;
	listen_at(w, "*");
	uint16_t port = io_address_port(&w->address);
	char text[32];
	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	assert_true(io_address_parse(text, 0, &w->diags, &w->address));
	echo_over(w, NULL);
}

// Shows: RFC 7589 2 both sides of a TLS connection show a certificate and know each other by it
static void tls_identifies_both(void **state)
{
	struct world *w = *state;
	start_tls(w, USUAL, USUAL);
	struct io_tls *client = identity(w, "c", "ca.pem", NULL);
	dial(w, client, "nsf.example");
	while (!w->server.opened || !w->client.opened)
		step(w);
	const struct io_peer *peer = io_stream_peer(w->server.stream);
	assert_string_equal(peer->name, "the client");
	assert_string_equal(peer->organisation, "Test");
	assert_null(peer->unit);
	assert_int_equal(peer->sans, 3);
	assert_string_equal(peer->san[0], "nsf.example");
	assert_string_equal(peer->san[1], "127.0.0.1");
	assert_string_equal(peer->san[2], "::1");
	assert_string_equal(peer->serial, "03");
	assert_int_equal(strspn(peer->fingerprint, "0123456789abcdef"), 64);
	assert_string_equal(io_stream_peer(w->client.stream)->name, "the server");
	io_tls_free(client);
}

static void tls_carries_bytes(void **state)
{
	struct world *w = *state;
	start_tls(w, USUAL, USUAL);
	struct io_tls *client = identity(w, "c", "ca.pem", NULL);
	echo_over(w, client);
	io_tls_free(client);
}

// Both ends learn why.
static void expect_refusal(struct world *w, struct io_tls *tls, const char *at_server,
			   const char *at_client)
{
	dial(w, tls, "127.0.0.1");
	while (!w->client.closed || !w->server.closed)
		step(w);
	if (!strstr(w->server.why, at_server) || !strstr(w->client.why, at_client))
		fail_msg("server: %s; client: %s", w->server.why, w->client.why);
	assert_true(*w->client.hint && *w->server.hint);
	io_tls_free(tls);
}

// An identity that has expired cannot be loaded, so it expires between loading and showing it.
// Shows: RFC 7589 5 a certificate that has expired is refused
static void expired_client(void **state)
{
	struct world *w = *state;
	start_tls(w, USUAL, (struct test_cert){.begins = -100, .ends = 1});
	struct io_tls *client = identity(w, "c", "ca.pem", NULL);
	struct io_timer *t = io_timer_new(w->loop, opened, &w->client);
	io_timer_set(t, 2100);
	while (!w->client.opened)
		step(w);
	io_timer_free(t);
	expect_refusal(w, client, "(the client) has expired",
		       "refuses our certificate: it has expired");
}

// Shows: RFC 7589 6 a server whose certificate has another name is refused
static void wrong_name(void **state)
{
	struct world *w = *state;
	start_tls(w, (struct test_cert){.san = "DNS:elsewhere.example"}, USUAL);
	expect_refusal(w, identity(w, "c", "ca.pem", NULL), "refuses our certificate",
		       "(the server) is not for 127.0.0.1");
}

// Shows: RFC 7589 5 a client of an unknown issuer is refused
static void unknown_issuer_of_client(void **state)
{
	struct world *w = *state;
	start_tls(w, USUAL, USUAL);
	io_tls_free(w->server_tls);
	w->server_tls = identity(w, "s", "other-ca.pem", NULL);
	expect_refusal(w, identity(w, "c", "ca.pem", NULL), "unknown issuer",
		       "its issuer is unknown there");
}

// Shows: RFC 7589 6 a server of an unknown issuer is refused
static void unknown_issuer_of_server(void **state)
{
	struct world *w = *state;
	start_tls(w, USUAL, USUAL);
	expect_refusal(w, identity(w, "c", "other-ca.pem", NULL), "its issuer is unknown there",
		       "unknown issuer");
}

// Shows: RFC 7589 5 a revoked certificate is refused as soon as the list is read
static void revoked_client_after_reload(void **state)
{
	struct world *w = *state;
	issue(w, "s", USUAL);
	long serial = issue(w, "c", USUAL);
	test_ca_publish(w->ca, in(w, "crl.pem"), 0, 1000);
	w->server_tls = identity(w, "s", "ca.pem", "crl.pem");
	struct io_tls *client = identity(w, "c", "ca.pem", NULL);
	listen_at(w, "127.0.0.1");
	echo_over(w, client);
	end_fini(&w->server);
	end_fini(&w->client);
	end_init(&w->server, w);
	end_init(&w->client, w);
	test_ca_publish(w->ca, in(w, "crl.pem"), serial, 1000);
	assert_true(io_tls_reload(w->server_tls, &w->diags));
	expect_refusal(w, client, "is revoked", "it is revoked");
}

static void stale_revocation_list_still_revokes_and_only_that(void **state)
{
	struct world *w = *state;
	issue(w, "s", USUAL);
	long serial = issue(w, "c", USUAL);
	test_ca_publish(w->ca, in(w, "crl.pem"), 0, -10);
	w->server_tls = identity(w, "s", "ca.pem", "crl.pem");
	assert_int_equal(w->diags.list.at[w->diags.list.len - 1].code, DIAG_STALE);
	struct io_tls *client = identity(w, "c", "ca.pem", NULL);
	listen_at(w, "127.0.0.1");
	echo_over(w, client);
	end_fini(&w->server);
	end_fini(&w->client);
	end_init(&w->server, w);
	end_init(&w->client, w);
	test_ca_publish(w->ca, in(w, "crl.pem"), serial, -10);
	assert_true(io_tls_reload(w->server_tls, &w->diags));
	expect_refusal(w, client, "is revoked", "it is revoked");
}

static void rotation_keeps_running_connections(void **state)
{
	struct world *w = *state;
	start_tls(w, USUAL, USUAL);
	struct io_tls *client = identity(w, "c", "ca.pem", NULL);
	dial(w, client, "127.0.0.1");
	while (!w->client.opened || !w->server.opened)
		step(w);
	issue(w, "s", (struct test_cert){.san = "DNS:new.example"});
	assert_true(io_tls_reload(w->server_tls, &w->diags));
	io_stream_write(w->client.stream, "still here", 10);
	while (w->server.got.len < 10)
		step(w);
	end_fini(&w->server);
	end_fini(&w->client);
	end_init(&w->server, w);
	end_init(&w->client, w);
	dial(w, client, "new.example");
	while (!w->client.opened)
		step(w);
	io_tls_free(client);
}

static void a_bad_reload_changes_nothing(void **state)
{
	struct world *w = *state;
	start_tls(w, USUAL, USUAL);
	struct io_tls *client = identity(w, "c", "ca.pem", NULL);
	size_t before = w->diags.errors;
	issue(w, "c", USUAL);
	assert_int_equal(rename(in(w, "c.key"), in(w, "s.key")), 0);
	assert_false(io_tls_reload(w->server_tls, &w->diags));
	const struct diag *d = &w->diags.list.at[w->diags.list.len - 1];
	assert_int_equal(w->diags.errors, before + 1);
	assert_non_null(strstr(d->file, "s.key"));
	assert_non_null(d->hint);
	unlink(in(w, "s.key"));
	assert_false(io_tls_reload(w->server_tls, &w->diags));
	echo_over(w, client);
	io_tls_free(client);
}

static void expired_own_certificate_is_not_loaded(void **state)
{
	struct world *w = *state;
	issue(w, "s", (struct test_cert){.begins = -100, .ends = -10});
	struct io_tls_files f = {in(w, "s.pem"), in(w, "s.key"), in(w, "ca.pem"), NULL};
	assert_null(io_tls_new(&f, &w->diags));
	assert_non_null(strstr(w->diags.list.at[w->diags.list.len - 1].text, "expired"));
}

static void silent_client_meets_the_deadline(void **state)
{
	struct world *w = *state;
	start_tls(w, USUAL, USUAL);
	w->server_handshake_ms = 50;
	dial(w, NULL, NULL);
	while (!w->server.closed)
		step(w);
	assert_false(w->server.opened);
	assert_non_null(strstr(w->server.why, "not finished in 50 ms"));
}

static void not_tls_at_all(void **state)
{
	struct world *w = *state;
	start_tls(w, USUAL, USUAL);
	dial(w, NULL, NULL);
	io_stream_write(w->client.stream, "GET / HTTP/1.0\r\n\r\n", 18);
	while (!w->server.closed)
		step(w);
	assert_non_null(strstr(w->server.hint, "TLS 1.3"));
}

static int plain_pair(struct world *w, const struct io_stream_options *o)
{
	int fd[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	assert_int_equal(io_stream_new(w->loop, io_plain_new(fd[0]), o, &w->server.stream), 0);
	while (!w->server.opened)
		step(w);
	return fd[1];
}

static void queue_is_bounded(void **state)
{
	struct world *w = *state;
	static char block[60000];
	struct io_stream_options o = {
		.events = &events, .context = &w->server, .output_most = 1000000};
	int fd = plain_pair(w, &o);
	size_t n = 0;
	while (!w->server.closed && n++ < 1000) {
		io_stream_write(w->server.stream, block, sizeof(block));
		assert_in_range(io_stream_queued(w->server.stream), 0, 1000000);
		assert_int_equal(io_loop_step(w->loop, 0), 0);
	}
	assert_in_range(n, 10, 100);
	assert_non_null(strstr(w->server.why, "does not read"));
	close(fd);
}

static void a_peer_that_never_reads_is_dropped(void **state)
{
	struct world *w = *state;
	static char block[900000];
	struct io_stream_options o = {.events = &events, .context = &w->server, .stall_ms = 50};
	int fd = plain_pair(w, &o);
	io_stream_write(w->server.stream, block, sizeof(block));
	while (!w->server.closed)
		step(w);
	assert_non_null(strstr(w->server.why, "has read nothing for 50 ms"));
	close(fd);
}

static void drained_is_told(void **state)
{
	struct world *w = *state;
	static char block[900000], waste[100000];
	struct io_stream_options o = {
		.events = &events, .context = &w->server, .output_most = 1000000};
	int fd = plain_pair(w, &o);
	io_stream_write(w->server.stream, block, sizeof(block));
	while (!w->server.drained) {
		step(w);
		while (read(fd, waste, sizeof(waste)) > 0)
			;
	}
	assert_in_range(io_stream_queued(w->server.stream), 0, 250000);
	close(fd);
}

static void who_sends_no_more_still_gets_answers(void **state)
{
	struct world *w = *state;
	static char block[900000], waste[100000];
	struct io_stream_options o = {.events = &events, .context = &w->server};
	int fd = plain_pair(w, &o);
	size_t got = 0;
	w->server.answer = block;
	w->server.answer_len = sizeof(block);
	assert_int_equal(write(fd, "?", 1), 1);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	while (!w->server.closed) {
		step(w);
		for (ssize_t n; (n = read(fd, waste, sizeof(waste))) > 0;)
			got += (size_t)n;
	}
	assert_int_equal(got, sizeof(block));
	assert_true(w->server.ordered);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(address_forms),
		T(nobody_listens),
		T(plain_both_families),
		T(dual_stack_listener),
		T(tls_identifies_both),
		T(tls_carries_bytes),
		T(expired_client),
		T(wrong_name),
		T(unknown_issuer_of_client),
		T(unknown_issuer_of_server),
		T(revoked_client_after_reload),
		T(stale_revocation_list_still_revokes_and_only_that),
		T(rotation_keeps_running_connections),
		T(a_bad_reload_changes_nothing),
		T(expired_own_certificate_is_not_loaded),
		T(silent_client_meets_the_deadline),
		T(not_tls_at_all),
		T(queue_is_bounded),
		T(a_peer_that_never_reads_is_dropped),
		T(drained_is_told),
		T(who_sends_no_more_still_gets_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
