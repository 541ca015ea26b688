// SPDX-License-Identifier: Apache-2.0
// Clients that want something else than NETCONF, made of libssh in a thread of their own: what each is refused, and what the
// log says of it.
#include "io/test_ssh.h"

#include <libssh/libssh.h>
#include <libssh/server.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct attack {
	struct world *w;
	void (*fn)(struct attack *attack); // in its own thread: no asserts
	const char *arg;
	const char *path; // of alice's key
	unsigned port;
	ssh_session session;
	ssh_channel channel;
	int got; // what the attack reports
	int done;
	pthread_t thread;
};

static void finished(void *context)
{
	((struct attack *)context)->done = 1;
}

static void set(ssh_session session, enum ssh_options_e option, const void *value)
{
	if (ssh_options_set(session, option, value) != SSH_OK)
		abort();
}

static ssh_session new_session(const struct attack *a)
{
	ssh_session s = base_oom(ssh_new());
	set(s, SSH_OPTIONS_PROCESS_CONFIG, &(bool){false});
	set(s, SSH_OPTIONS_SSH_DIR, "/nonexistent");
	set(s, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
	set(s, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	set(s, SSH_OPTIONS_HOST, "127.0.0.1");
	set(s, SSH_OPTIONS_PORT, &a->port);
	set(s, SSH_OPTIONS_USER, "alice");
	return s;
}

static void *run(void *context)
{
	struct attack *a = context;
	a->session = new_session(a);
	a->fn(a);
	if (a->channel)
		ssh_channel_free(a->channel);
	ssh_disconnect(a->session);
	ssh_free(a->session);
	io_post(a->w->loop, finished, a);
	return NULL;
}

// Runs it to its end and the server's.
static void carry_out(struct world *w, struct attack *a)
{
	a->w = w;
	a->path = test_ssh_in(w, "alice");
	a->port = io_address_port(&w->address);
	assert_int_equal(pthread_create(&a->thread, NULL, run, a), 0);
	while (!a->done || !w->server.closed)
		test_ssh_step(w);
	pthread_join(a->thread, NULL);
}

static void expect(struct world *w, const char *why)
{
	if (!strstr(w->server.why, why))
		fail_msg("server: %s; notes: %s", w->server.why, w->notes.data);
}

// --- logging in ---

static int log_in_with(struct attack *a, const char *path)
{
	ssh_key key = NULL;
	if (ssh_pki_import_privkey_file(path, NULL, NULL, NULL, &key) != SSH_OK)
		abort();
	int rc = ssh_userauth_publickey(a->session, NULL, key);
	ssh_key_free(key);
	return rc;
}

static void try_password(struct attack *a)
{
	if (ssh_connect(a->session) != SSH_OK)
		return;
	if (ssh_userauth_none(a->session, NULL) == SSH_AUTH_DENIED &&
	    ssh_userauth_list(a->session, NULL) == SSH_AUTH_METHOD_PUBLICKEY &&
	    ssh_userauth_password(a->session, NULL, "secret") == SSH_AUTH_DENIED)
		a->got = 1;
}

// Shows: RFC 6242 2 only public keys authenticate; passwords are not offered and refused
static void a_password_is_refused(void **state)
{
	struct world *w = *state;
	struct attack a = {.fn = try_password};
	carry_out(w, &a);
	assert_int_equal(a.got, 1);
	expect(w, "'alice' may not come in: passwords are not accepted");
}

static void try_many_keys(struct attack *a)
{
	if (ssh_connect(a->session) != SSH_OK)
		return;
	for (int rc = SSH_AUTH_DENIED; rc == SSH_AUTH_DENIED && a->got < 100; a->got++) {
		ssh_key key = NULL;
		if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK)
			abort();
		rc = ssh_userauth_publickey(a->session, NULL, key);
		ssh_key_free(key);
	}
}

static void attempts_are_counted(void **state)
{
	struct world *w = *state;
	struct attack a = {.fn = try_many_keys};
	carry_out(w, &a);
	assert_in_range(a.got, 3, 7);
	expect(w, "too many attempts; 'alice' may not come in: the key SHA256:");
}

static void try_passwords(struct attack *a)
{
	if (ssh_connect(a->session) != SSH_OK)
		return;
	for (int rc = SSH_AUTH_DENIED; rc == SSH_AUTH_DENIED && a->got < 100; a->got++)
		rc = ssh_userauth_password(a->session, NULL, "guess");
}

static void guesses_are_counted(void **state)
{
	struct world *w = *state;
	struct attack a = {.fn = try_passwords};
	carry_out(w, &a);
	assert_in_range(a.got, 3, 7);
	expect(w, "too many attempts; 'alice' may not come in: passwords are not accepted");
}

// --- algorithms ---

static void try_good(struct attack *a)
{
	set(a->session, SSH_OPTIONS_CIPHERS_C_S, a->arg);
	set(a->session, SSH_OPTIONS_CIPHERS_S_C, a->arg);
	if (ssh_connect(a->session) == SSH_OK)
		a->got = log_in_with(a, a->path) == SSH_AUTH_SUCCESS;
}

static void each_of_our_ciphers_is_spoken(void **state)
{
	static const char *const good[] = {"aes256-gcm@openssh.com", "aes128-gcm@openssh.com",
					   "chacha20-poly1305@openssh.com", "aes256-ctr",
					   "aes128-ctr"};
	struct world *w = *state;
	for (size_t i = 0; i < array_len(good); i++) {
		struct attack a = {.fn = try_good, .arg = good[i]};
		test_ssh_again(w);
		carry_out(w, &a);
		assert_int_equal(a.got, 1);
	}
}

static const struct {
	enum ssh_keytypes_e type;
	int bits;
	bool good;
} keys[] = {{SSH_KEYTYPE_ECDSA_P256, 256, true},
	    {SSH_KEYTYPE_ECDSA_P384, 384, true},
	    {SSH_KEYTYPE_ECDSA_P521, 521, true},
	    {SSH_KEYTYPE_RSA, 3072, true},
	    {SSH_KEYTYPE_RSA, 2048, false}};

static void try_key(struct attack *a)
{
	if (ssh_connect(a->session) == SSH_OK &&
	    ssh_userauth_none(a->session, NULL) == SSH_AUTH_DENIED)
		a->got = log_in_with(a, a->arg) == SSH_AUTH_SUCCESS;
}

static void use_key(struct world *w, size_t i)
{
	ssh_key key = NULL;
	char *text = NULL, *base64 = NULL;
	assert_int_equal(ssh_pki_generate(keys[i].type, keys[i].bits, &key), SSH_OK);
	assert_int_equal(ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text), SSH_OK);
	assert_int_equal(ssh_pki_export_pubkey_base64(key, &base64), SSH_OK);
	test_ssh_write(w, "new", text);
	test_ssh_write(w, "authorized",
		       arena_printf(&w->arena, "role=\"operator\",name=\"alice\" %s %s\n",
				    ssh_key_type_to_char(keys[i].type), base64));
	ssh_string_free_char(text);
	ssh_string_free_char(base64);
	ssh_key_free(key);
}

static void strong_keys_come_in_and_weak_ones_do_not(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < array_len(keys); i++) {
		struct attack a = {.fn = try_key, .arg = test_ssh_in(w, "new")};
		use_key(w, i);
		test_ssh_again(w);
		carry_out(w, &a);
		if (a.got != keys[i].good)
			fail_msg("key %zu: server: %s; notes: %s", i, w->server.why, w->notes.data);
	}
	assert_non_null(strstr(w->notes.data, "is an RSA key of less than 3072 bits"));
}

// --- after logging in ---

static bool come_in(struct attack *a)
{
	if (ssh_connect(a->session) != SSH_OK || log_in_with(a, a->path) != SSH_AUTH_SUCCESS)
		return false;
	a->channel = base_oom(ssh_channel_new(a->session));
	return ssh_channel_open_session(a->channel) == SSH_OK;
}

static void try_shell(struct attack *a)
{
	a->got = come_in(a) && ssh_channel_request_shell(a->channel) == SSH_ERROR;
}

static void try_exec(struct attack *a)
{
	a->got = come_in(a) && ssh_channel_request_exec(a->channel, "/bin/id") == SSH_ERROR;
}

static void try_terminal(struct attack *a)
{
	a->got = come_in(a) && ssh_channel_request_pty(a->channel) == SSH_ERROR;
}

static void try_sftp(struct attack *a)
{
	a->got = come_in(a) && ssh_channel_request_sftp(a->channel) == SSH_ERROR;
}

static void try_leaving(struct attack *a)
{
	a->got = come_in(a) && ssh_channel_close(a->channel) == SSH_OK;
}

static void try_forward(struct attack *a)
{
	ssh_channel forward = NULL;
	if (!come_in(a))
		return;
	forward = base_oom(ssh_channel_new(a->session));
	a->got = ssh_channel_open_forward(forward, "127.0.0.1", 22, "here", 1) == SSH_ERROR;
	ssh_channel_free(forward);
}

static void try_listening(struct attack *a)
{
	a->got = come_in(a) &&
		 ssh_channel_listen_forward(a->session, "127.0.0.1", 0, NULL) == SSH_ERROR;
}

// Shows: RFC 6242 7 nothing but the subsystem netconf is reachable: no shell, program, terminal, sftp or forwarding
static void nothing_else_is_there(void **state)
{
	static const struct {
		void (*fn)(struct attack *a);
		const char *why;
	} all[] = {
		{try_shell, "'alice' asked for a shell; there is netconf only"},
		{try_exec, "'alice' asked to run a program (/bin/id); there is netconf only"},
		{try_terminal, "'alice' asked for a terminal; there is netconf only"},
		{try_sftp, "'alice' asked for the subsystem sftp; there is netconf only"},
		{try_forward, "'alice' asked for a forwarding of ports"},
		{try_listening, "'alice' asked for a forwarding of ports"},
		{try_leaving, ""},
	};
	struct world *w = *state;
	for (size_t i = 0; i < array_len(all); i++) {
		struct attack a = {.fn = all[i].fn};
		test_ssh_again(w);
		carry_out(w, &a);
		assert_int_equal(a.got, 1);
		expect(w, all[i].why);
		assert_false(w->server.opened || w->server.ordered);
	}
}

static void try_all_beside_netconf(struct attack *a)
{
	ssh_channel second = NULL;
	if (!come_in(a) || ssh_channel_request_env(a->channel, "LANG", "C") != SSH_ERROR ||
	    ssh_channel_request_subsystem(a->channel, "netconf") != SSH_OK)
		return;
	second = base_oom(ssh_channel_new(a->session));
	a->got = ssh_channel_open_session(second) == SSH_ERROR &&
		 ssh_channel_request_subsystem(a->channel, "netconf") == SSH_ERROR &&
		 ssh_channel_request_shell(a->channel) == SSH_ERROR &&
		 ssh_send_keepalive(a->session) == SSH_OK &&
		 ssh_channel_write(a->channel, "still here", 10) == 10;
	ssh_channel_free(second);
}

static void what_is_asked_beside_netconf_is_refused_and_noted(void **state)
{
	struct world *w = *state;
	struct attack a = {.fn = try_all_beside_netconf};
	carry_out(w, &a);
	assert_int_equal(a.got, 1);
	assert_string_equal(w->server.got.data, "still here");
	assert_string_equal(w->notes.data, "'alice' asked for a second channel\n"
					   "'alice' asked for another subsystem, netconf\n"
					   "'alice' asked for a shell; there is netconf only\n");
	assert_true(w->server.ordered);
}

static void try_channels_without_end(struct attack *a)
{
	if (!come_in(a) || ssh_channel_request_subsystem(a->channel, "netconf") != SSH_OK)
		return;
	while (ssh_is_connected(a->session) && a->got < 1000) {
		ssh_channel more = base_oom(ssh_channel_new(a->session));
		a->got += ssh_channel_open_session(more) == SSH_ERROR;
		ssh_channel_free(more);
	}
}

static void try_variables_without_end(struct attack *a)
{
	if (!come_in(a))
		return;
	while (ssh_is_connected(a->session) && a->got < 1000)
		a->got += ssh_channel_request_env(a->channel, "A", "B") == SSH_ERROR;
}

static void requests_without_end_are_ended(void **state)
{
	struct world *w = *state;
	struct attack a = {.fn = try_channels_without_end}, b = {.fn = try_variables_without_end};
	carry_out(w, &a);
	assert_in_range(a.got, 10, 40); // the client sees the end a little later
	expect(w,
	       "asks for too much that is not here; at last: 'alice' asked for a second channel");
	test_ssh_again(w);
	carry_out(w, &b);
	assert_in_range(b.got, 60, 90);
	expect(w, "sends its environment without end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, test_ssh_setup, test_ssh_teardown)
		T(a_password_is_refused),
		T(attempts_are_counted),
		T(guesses_are_counted),
		T(each_of_our_ciphers_is_spoken),
		T(strong_keys_come_in_and_weak_ones_do_not),
		T(nothing_else_is_there),
		T(what_is_asked_beside_netconf_is_refused_and_noted),
		T(requests_without_end_are_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
