// SPDX-License-Identifier: Apache-2.0
// The whole agent over SSH, in a network namespace of its own: who comes in, what may be done, and that front can still do
// nothing else. The program to test is the argument.
#include "agent/config.h"
#include "agent/host_key.h"
#include "agent/rig.h"
#include "base/file.h"
#include "io/loop.h"
#include "io/ssh.h"
#include "proto/netconf/client.h"

#include <setjmp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FRONT_USER 65533
#define LOG_MS 20000

static const char *program;

static const char *in(struct rig *rig, const char *name)
{
	return arena_printf(&rig->arena, "%s/%s", rig->dir, name);
}

static void put(struct rig *rig, const char *name, const char *text)
{
	struct file_put file = {
		.path = in(rig, name), .data = text, .len = strlen(text), .mode = 0644};
	assert_int_equal(file_put(&file), 0);
}

static int setup(void **state)
{
	struct rig *rig = base_oom(calloc(1, sizeof(*rig)));
	rig_init(rig, program);
	put(rig, AGENT_CONFIG_FILE, "name = edge-1\nstate = state\nlisten-ssh = [::1]:830\n");
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;
	if (rig->agent)
		rig_stop(rig, SIGTERM);
	rig_flush(rig);
	rig_fini(rig);
	free(rig);
	return 0;
}

// The identity of this name, which is made when it is not there.
static struct io_ssh *identity(struct rig *rig, const char *name)
{
	const char *key = in(rig, name);
	if (access(key, F_OK) != 0)
		assert_true(io_ssh_key_new(key, &rig->diags));
	struct io_ssh *ssh = io_ssh_new(&(struct io_ssh_options){.key = key}, &rig->diags);
	assert_non_null(ssh);
	return ssh;
}

static const char *pin_of(struct rig *rig)
{
	char pin[IO_SSH_FINGERPRINT];
	struct io_ssh *host = identity(rig, "pki/" AGENT_HOST_KEY);
	io_ssh_fingerprint(host, pin);
	io_ssh_free(host);
	return arena_strdup(&rig->arena, pin);
}

static void authorize(struct rig *rig, const char *role, const char *name)
{
	struct buf line cleanup(buf_fini);
	struct io_ssh *ssh = identity(rig, name);
	buf_init(&line);
	buf_printf(&line, "# who may come in\nrole=%s,name=%s ", role, name);
	io_ssh_public(ssh, &line);
	buf_addc(&line, '\n');
	put(rig, "pki/" AGENT_AUTHORIZED, line.data);
	io_ssh_free(ssh);
}

static struct netconf_client *connect_pinned(struct rig *rig, const char *name, const char *pin)
{
	const char *const pins[] = {pin, NULL};
	struct io_ssh *ssh = identity(rig, name);
	struct io_ssh_target target = {.ssh = ssh, .user = name, .pins = pins};
	struct netconf_client_options options = {.opener = io_ssh_connecting(&target)};
	assert_true(io_address_parse("[::1]:830", 0, &rig->diags, &options.to));
	struct netconf_client *client = netconf_client_connect(&options, &rig->diags);
	io_ssh_free(ssh); // the session goes on
	return client;
}

static struct netconf_client *connect_as(struct rig *rig, const char *name)
{
	return connect_pinned(rig, name, pin_of(rig));
}

static bool has_logged(struct rig *rig, const char *text)
{
	struct buf log cleanup(buf_fini);
	buf_init(&log);
	assert_int_equal(file_read(in(rig, "log"), 1 << 20, &log), 0);
	return strstr(log.data, text) != NULL;
}

// Waits until the agent has written this.
static void logs(struct rig *rig, const char *text)
{
	cleanup(base_close) int fd = inotify_init1(IN_CLOEXEC);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char events[4096];
	assert_true(fd >= 0 && inotify_add_watch(fd, in(rig, "log"), IN_MODIFY) >= 0);
	while (!has_logged(rig, text)) {
		if (poll(&p, 1, LOG_MS) != 1)
			fail_msg("the agent has not logged: %s", text);
		assert_true(read(fd, events, sizeof(events)) > 0);
	}
}

static void owned_by_front_only(struct rig *rig, const char *name)
{
	struct stat st;
	assert_int_equal(stat(in(rig, name), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, FRONT_USER);
}

static void front_holds_nothing(struct rig *rig)
{
	pid_t front = rig_front(rig);
	assert_string_equal(rig_status(rig, front, "CapEff"), "0000000000000000");
	assert_string_equal(rig_status(rig, front, "CapPrm"), "0000000000000000");
	assert_string_equal(rig_status(rig, front, "NoNewPrivs"), "1");
	assert_string_equal(rig_status(rig, front, "Seccomp"), "2");
}

// Shows: RFC 6242 3 an operator with a key and no certificate configures the function
static void works_beside_tls(void **state)
{
	struct rig *rig = *state;
	authorize(rig, "operator", "alice");
	rig_start(rig);
	owned_by_front_only(rig, "pki/" AGENT_HOST_KEY);
	struct netconf_client *alice = connect_as(rig, "alice");
	assert_non_null(alice);
	rig_edit(rig, alice, 0, 20);
	rig_must(rig, alice, "<commit/>");
	assert_string_equal(rig_state(rig, alice, "enforcement"), "enforced");
	struct netconf_client *controller = rig_connect(rig, "controller"); // over TLS
	assert_string_equal(rig_state(rig, controller, "enforcement"), "enforced");
	netconf_client_free(controller);
	netconf_client_free(alice);
	front_holds_nothing(rig);
	logs(rig, "the SSH host key is SHA256:");
}

// Keys come and go without a restart.
static void the_file_is_obeyed(void **state)
{
	struct rig *rig = *state;
	rig_start(rig);
	assert_null(connect_as(rig, "alice"));
	logs(rig, AGENT_AUTHORIZED ": No such file or directory");
	logs(rig, "'alice' may not come in: the key SHA256:");
	authorize(rig, "controller", "alice");
	netconf_client_free(connect_as(rig, "alice"));
	logs(rig, "it has changed; 1 keys may come in");
	authorize(rig, "operator", "bob");
	assert_null(connect_as(rig, "alice"));
	authorize(rig, "nsf", "alice");
	assert_null(connect_as(rig, "alice"));
	logs(rig, "'nsf' is not a role that may come in");
	front_holds_nothing(rig);
}

// An agent that only operators with keys use needs no certificate, and is known by its host key.
static void works_without_certificates(void **state)
{
	struct rig *rig = *state;
	put(rig, AGENT_CONFIG_FILE,
	    "name = edge-1\nstate = state\nlisten = none\nlisten-ssh = [::1]\n");
	assert_int_equal(unlink(in(rig, "pki/nsf.key")), 0);
	assert_int_equal(unlink(in(rig, "pki/nsf.pem")), 0);
	authorize(rig, "operator", "alice");
	rig_start(rig);
	const char *before = pin_of(rig);
	struct netconf_client *alice = connect_as(rig, "alice");
	assert_string_equal(rig_state(rig, alice, "enforcement"), "none");
	assert_true(io_ssh_key_new(in(rig, "other"), &rig->diags));
	assert_int_equal(chown(in(rig, "other"), FRONT_USER, FRONT_USER), 0);
	assert_int_equal(rename(in(rig, "other"), in(rig, "pki/" AGENT_HOST_KEY)), 0);
	assert_int_equal(kill(rig->agent, SIGHUP), 0);
	uint64_t deadline = io_now() + 30000;
	for (struct netconf_client *c; (c = connect_pinned(rig, "alice", before));) {
		netconf_client_free(c);
		assert_true(io_now() < deadline);
	}
	assert_string_equal(rig_state(rig, alice, "enforcement"), "none"); // sessions go on
	netconf_client_free(alice);
	netconf_client_free(connect_as(rig, "alice"));
}

int main(int argc, char **argv)
{
	enum { SKIPPED = 77 };
	const struct CMUnitTest tests[] = {
#define on_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		on_rig(works_beside_tls),
		on_rig(the_file_is_obeyed),
		on_rig(works_without_certificates),
	};
	if (argc < 2 || !rig_enter_namespace())
		return SKIPPED;
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
