// SPDX-License-Identifier: Apache-2.0
// SSH over loopback, our client and our server: who comes in and who does not, bytes in any pieces, keys that change.
#include "io/test_ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// --- who comes in ---

// Shows: RFC 6242 3 NETCONF runs as the SSH subsystem netconf
static void a_key_that_is_named_comes_in(void **state)
{
	struct world *w = *state;
	test_ssh_open(w);
	const struct io_peer *peer = io_stream_peer(w->server.stream);
	assert_string_equal(peer->name, "alice");
	assert_string_equal(peer->unit, "operator");
	assert_string_equal(peer->fingerprint, test_ssh_pin(w, w->client_ssh));
	assert_string_equal(io_stream_peer(w->client.stream)->fingerprint, test_ssh_pin(w, w->ssh));
	io_stream_write(w->client.stream, "question", 8);
	while (w->server.got.len < 8)
		test_ssh_step(w);
	io_stream_write(w->server.stream, "answer", 6);
	io_stream_finish(w->server.stream);
	while (!w->client.closed || !w->server.closed)
		test_ssh_step(w);
	assert_string_equal(w->client.got.data, "answer");
	if (!w->client.ordered || !w->server.ordered)
		fail_msg("server: %s; client: %s", w->server.why, w->client.why);
	assert_int_equal(w->notes.len, 0);
}

static void the_client_ends_in_order_too(void **state)
{
	struct world *w = *state;
	test_ssh_open(w);
	io_stream_write(w->client.stream, "last words", 10);
	io_stream_finish(w->client.stream);
	while (!w->client.closed || !w->server.closed)
		test_ssh_step(w);
	assert_string_equal(w->server.got.data, "last words");
	if (!w->client.ordered || !w->server.ordered)
		fail_msg("server: %s; client: %s", w->server.why, w->client.why);
}

// Shows: RFC 4252 7 a public key that is not authorised is refused
static void another_key_does_not(void **state)
{
	struct world *w = *state;
	struct io_ssh *mallory = test_ssh_client(w, "mallory");
	test_ssh_dial(w, mallory, "alice");
	test_ssh_refused(w, "'alice' may not come in: the key SHA256:", "does not let 'alice' in");
	assert_non_null(strstr(w->server.why, test_ssh_pin(w, mallory)));
	assert_non_null(strstr(w->client.why, test_ssh_pin(w, mallory)));
	io_ssh_free(mallory);
}

static void a_key_counts_for_its_own_name_only(void **state)
{
	struct world *w = *state;
	test_ssh_dial(w, w->client_ssh, "bob");
	test_ssh_refused(w, "'bob' may not come in: the key SHA256:", "does not let 'bob' in");
}

// Shows: RFC 4253 8 the client refuses a host key that is not the one it knows
static void another_host_key_is_refused(void **state)
{
	struct world *w = *state;
	const char *const pins[] = {test_ssh_pin(w, w->client_ssh), NULL};
	struct io_ssh_target target = {.ssh = w->client_ssh, .user = "alice", .pins = pins};
	test_ssh_dial_to(w, &target);
	test_ssh_refused(w, "", "the server's host key is SHA256:");
	assert_non_null(strstr(w->client.why, pins[0]));
	assert_non_null(strstr(w->client.why, test_ssh_pin(w, w->ssh)));
	assert_false(w->server.opened);
}

static void several_host_keys_may_be_pinned(void **state)
{
	struct world *w = *state;
	const char *const pins[] = {test_ssh_pin(w, w->client_ssh), test_ssh_pin(w, w->ssh), NULL};
	struct io_ssh_target target = {.ssh = w->client_ssh, .user = "alice", .pins = pins};
	test_ssh_dial_to(w, &target);
	while (!w->client.opened)
		test_ssh_step(w);
}

// --- files that change ---

static void a_key_that_is_taken_out_stays_out_without_a_reload(void **state)
{
	struct world *w = *state;
	struct io_ssh *fresh = test_ssh_client(w, "new");
	test_ssh_open(w);
	test_ssh_again(w);
	test_ssh_write(w, "authorized", test_ssh_line(w, fresh, "role=controller,name=carol"));
	test_ssh_dial(w, w->client_ssh, "alice");
	test_ssh_refused(w, "is not authorised", "does not let 'alice' in");
	assert_non_null(strstr(w->notes.data, "it has changed; 1 keys may come in"));
	test_ssh_again(w);
	test_ssh_dial(w, fresh, "carol");
	while (!w->server.opened)
		test_ssh_step(w);
	assert_string_equal(io_stream_peer(w->server.stream)->unit, "controller");
	io_ssh_free(fresh);
}

static void without_the_file_nobody_comes_in(void **state)
{
	struct world *w = *state;
	assert_int_equal(unlink(test_ssh_in(w, "authorized")), 0);
	for (int i = 0; i < 2; i++) {
		test_ssh_again(w);
		test_ssh_dial(w, w->client_ssh, "alice");
		test_ssh_refused(w, "is not authorised", "does not let 'alice' in");
	}
	assert_string_equal(w->notes.data, "No such file or directory\n");
	assert_false(io_ssh_reload(w->ssh, &w->diags));
	test_ssh_again(w);
	test_ssh_write(w, "authorized",
		       test_ssh_line(w, w->client_ssh, "role=operator,name=alice"));
	test_ssh_open(w);
}

static void a_file_that_others_can_write_lets_nobody_in(void **state)
{
	struct world *w = *state;
	assert_int_equal(chmod(test_ssh_in(w, "authorized"), 0620), 0);
	test_ssh_dial(w, w->client_ssh, "alice");
	test_ssh_refused(w, "is not authorised", "does not let 'alice' in");
	assert_non_null(strstr(w->notes.data, "others than its owner can write it"));
	assert_int_equal(chmod(test_ssh_in(w, "authorized"), 0644), 0);
	test_ssh_again(w);
	test_ssh_open(w);
}

static void a_line_that_is_wrong_is_told_and_the_others_count(void **state)
{
	struct world *w = *state;
	test_ssh_write(w, "authorized",
		       arena_printf(&w->arena, "%s%s",
				    test_ssh_line(w, w->ssh, "role=operator,name=x,command=\"sh\""),
				    test_ssh_line(w, w->client_ssh, "role=operator,name=alice")));
	test_ssh_open(w);
	assert_non_null(strstr(w->notes.data, "the option 'command' is not known here"));
}

static void the_host_key_changes_with_a_reload(void **state)
{
	struct world *w = *state;
	const char *before = test_ssh_pin(w, w->ssh);
	test_ssh_open(w);
	assert_true(io_ssh_key_new(test_ssh_in(w, "new"), &w->diags));
	assert_int_equal(rename(test_ssh_in(w, "new"), test_ssh_in(w, "host")), 0);
	assert_true(io_ssh_reload(w->ssh, &w->diags));
	assert_string_not_equal(before, test_ssh_pin(w, w->ssh));
	io_stream_write(w->client.stream, "still here", 10);
	while (w->server.got.len < 10)
		test_ssh_step(w);
	test_ssh_again(w);
	const char *const pins[] = {before, NULL};
	struct io_ssh_target target = {.ssh = w->client_ssh, .user = "alice", .pins = pins};
	test_ssh_dial_to(w, &target);
	test_ssh_refused(w, "", "not the one that is pinned");
	test_ssh_again(w);
	test_ssh_open(w);
}

static void a_bad_key_file_changes_nothing(void **state)
{
	struct world *w = *state;
	test_ssh_write(w, "host", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n");
	assert_false(io_ssh_reload(w->ssh, &w->diags));
	const struct diag *d = &w->diags.list.at[w->diags.list.len - 1];
	assert_non_null(strstr(d->file, "host"));
	assert_non_null(strstr(d->text, "no key that can be used"));
	test_ssh_open(w);
}

static void an_existing_key_file_is_kept(void **state)
{
	struct world *w = *state;
	assert_false(io_ssh_key_new(test_ssh_in(w, "host"), &w->diags));
	assert_int_equal(w->diags.errors, 1);
	assert_int_equal(access(test_ssh_in(w, "host.new"), F_OK), -1);
}

// --- bytes ---

#define MUCH (3u << 20) // more than libssh's window

static void fill(char *bytes, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 31 + i / 1000 + seed);
}

// Neither side reads before its own bytes are taken: both must read all the same.
static void much_goes_both_ways_at_once(void **state)
{
	struct world *w = *state;
	char *up = base_oom(malloc(MUCH)), *down = base_oom(malloc(MUCH));
	fill(up, MUCH, 1);
	fill(down, MUCH, 2);
	test_ssh_open(w);
	io_stream_write(w->client.stream, up, MUCH);
	io_stream_write(w->server.stream, down, MUCH);
	while (w->client.got.len < MUCH || w->server.got.len < MUCH)
		test_ssh_step(w);
	assert_memory_equal(w->server.got.data, up, MUCH);
	assert_memory_equal(w->client.got.data, down, MUCH);
	free(up);
	free(down);
}

// The window shuts, and opens again.
static void a_peer_that_is_busy_gets_everything_later(void **state)
{
	struct world *w = *state;
	char *down = base_oom(malloc(MUCH));
	fill(down, MUCH, 3);
	test_ssh_open(w);
	w->client.deaf = true;
	io_stream_write(w->server.stream, down, MUCH);
	io_stream_write(w->server.stream, "end", 3);
	for (size_t before = 0; before != io_stream_queued(w->server.stream);) {
		before = io_stream_queued(w->server.stream);
		for (int i = 0; i < 500; i++)
			assert_int_equal(io_loop_step(w->loop, 0), 0);
	}
	assert_in_range(io_stream_queued(w->server.stream), 1, MUCH);
	w->client.deaf = false;
	io_stream_resume(w->client.stream);
	while (w->client.got.len < MUCH + 3)
		test_ssh_step(w);
	assert_memory_equal(w->client.got.data, down, MUCH);
	free(down);
}

// --- a wire ---

static void one_byte_at_a_time(void **state)
{
	struct world *w = *state;
	test_ssh_wire(w, 1);
	test_ssh_open(w);
	io_stream_write(w->client.stream, "one by one", 10);
	while (w->server.got.len < 10)
		test_ssh_step(w);
	assert_string_equal(w->server.got.data, "one by one");
}

// Wherever the connection breaks off, both ends hear of it once and nobody waits.
static void a_wire_that_is_cut_anywhere(void **state)
{
	struct world *w = *state;
	test_ssh_wire(w, 64);
	test_ssh_open(w);
	size_t whole = w->wire.moved[0];
	for (size_t at = 1; at < whole; at += 1 + whole / 40) {
		test_ssh_again(w);
		w->wire.cut = at;
		w->wire.moved[0] = 0;
		test_ssh_dial(w, w->client_ssh, "alice");
		while (!w->server.closed || !w->client.closed)
			test_ssh_step(w);
		if (w->client.ordered || w->server.ordered)
			fail_msg("cut at %zu: server: %s; client: %s", at, w->server.why,
				 w->client.why);
	}
}

// --- no SSH at all ---

static void say(struct world *w, const char *bytes, size_t len)
{
	int fd = -1;
	assert_int_equal(io_connect_start(&w->address, NULL, &fd), 0);
	struct io_stream_options o = {.events = &test_ssh_events, .context = &w->client};
	assert_int_equal(io_stream_new(w->loop, io_plain_new(fd), &o, &w->client.stream), 0);
	if (len)
		io_stream_write(w->client.stream, bytes, len);
	while (!w->server.closed)
		test_ssh_step(w);
	assert_false(w->server.opened);
}

static void a_silent_client_meets_the_deadline(void **state)
{
	struct world *w = *state;
	w->handshake_ms = 50;
	say(w, "", 0);
	assert_non_null(strstr(w->server.why, "not finished in 50 ms"));
}

static void other_protocols_are_refused(void **state)
{
	struct world *w = *state;
	static char noise[70000];
	static const char web[] = "GET / HTTP/1.0\r\n\r\n", old[] = "SSH-1.5-old\r\n";
	static const char half[] = "SSH-2.0-half\r\n\xff\xff\xff\xff\xff\xff\xff\xff";
	fill(noise, sizeof(noise), 7);
	say(w, web, strlen(web));
	test_ssh_again(w);
	say(w, old, strlen(old));
	test_ssh_again(w);
	say(w, half, sizeof(half) - 1);
	test_ssh_again(w);
	say(w, noise, sizeof(noise));
	assert_non_null(strstr(w->server.why, "SSH failed"));
}

// --- algorithms ---

#define LISTS 10
#define GOOD_KEX "curve25519-sha256"
#define GOOD_HOST "ssh-ed25519"
#define GOOD_CIPHER "aes256-ctr"
#define GOOD_MAC "hmac-sha2-256-etm@openssh.com"

static void add_number(struct buf *out, size_t n)
{
	const char bytes[] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
	buf_add(out, bytes, sizeof(bytes));
}

// A client's first words: its name and SSH_MSG_KEXINIT (RFC 4253 section 7.1).
static void add_kexinit(struct buf *out, const char *const list[static LISTS])
{
	static const char cookie[16], padding[16];
	struct buf payload cleanup(buf_fini);
	buf_init(&payload);
	buf_add(&payload, "\x14", 1);
	buf_add(&payload, cookie, sizeof(cookie));
	for (size_t i = 0; i < LISTS; i++) {
		add_number(&payload, strlen(list[i]));
		buf_adds(&payload, list[i]);
	}
	buf_add(&payload, padding, 5); // no guessed packet follows
	size_t pad = 16 - (payload.len + 5) % 8;
	const char pad_byte = (char)pad;
	buf_adds(out, "SSH-2.0-old\r\n");
	add_number(out, payload.len + pad + 1);
	buf_add(out, &pad_byte, 1);
	buf_add(out, payload.data, payload.len);
	buf_add(out, padding, pad);
}

// Shows: RFC 6242 7 weak key exchanges, ciphers, MACs and signatures are not spoken
static void weak_algorithms_are_refused(void **state)
{
	static const struct {
		size_t list;
		const char *name;
	} weak[] = {
		{0, "diffie-hellman-group1-sha1"},
		{0, "diffie-hellman-group14-sha1"},
		{0, "diffie-hellman-group-exchange-sha256"},
		{1, "ssh-rsa"},
		{1, "ssh-dss"},
		{2, "3des-cbc"},
		{3, "aes256-cbc"},
		{4, "hmac-sha1"},
		{5, "hmac-sha2-256"},
		{5, "hmac-md5-etm@openssh.com"},
		{6, "zlib"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < array_len(weak); i++) {
		const char *list[LISTS] = {GOOD_KEX, GOOD_HOST, GOOD_CIPHER, GOOD_CIPHER, GOOD_MAC,
					   GOOD_MAC, "none",    "none",      "",          ""};
		struct buf bytes cleanup(buf_fini);
		list[weak[i].list] = weak[i].name;
		buf_init(&bytes);
		add_kexinit(&bytes, list);
		test_ssh_again(w);
		say(w, bytes.data, bytes.len);
		if (!strstr(w->server.why, "no algorithm in common"))
			fail_msg("%s: %s", weak[i].name, w->server.why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, test_ssh_setup, test_ssh_teardown)
		T(a_key_that_is_named_comes_in),
		T(the_client_ends_in_order_too),
		T(another_key_does_not),
		T(a_key_counts_for_its_own_name_only),
		T(another_host_key_is_refused),
		T(several_host_keys_may_be_pinned),
		T(a_key_that_is_taken_out_stays_out_without_a_reload),
		T(without_the_file_nobody_comes_in),
		T(a_file_that_others_can_write_lets_nobody_in),
		T(a_line_that_is_wrong_is_told_and_the_others_count),
		T(the_host_key_changes_with_a_reload),
		T(a_bad_key_file_changes_nothing),
		T(an_existing_key_file_is_kept),
		T(much_goes_both_ways_at_once),
		T(a_peer_that_is_busy_gets_everything_later),
		T(one_byte_at_a_time),
		T(a_wire_that_is_cut_anywhere),
		T(a_silent_client_meets_the_deadline),
		T(other_protocols_are_refused),
		T(weak_algorithms_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
