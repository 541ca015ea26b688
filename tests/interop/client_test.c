// SPDX-License-Identifier: Apache-2.0
// Our NETCONF client (the blocking form) and a server on libnetconf2, over TLS and SSH, that is called or calls. Argument:
// that server program.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "io/ssh.h"
#include "io/test_certs.h"
#include "io/tls.h"
#include "proto/netconf/client.h"
#include "proto/netconf/netconf.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOX "xmlns=\"urn:test:box\""
#define LABEL_BYTES 3000000

static const char *program;
static char dir[] = "/tmp/netconf-interop-XXXXXX";
static struct test_ca *ca;
static struct io_tls *tls;
static struct io_ssh *ssh;
static char pin[IO_SSH_FINGERPRINT];
static bool over_ssh, calls;
static struct io_address address;
static int listener = -1; // where it calls
static pid_t server;
static struct arena arena;
static struct diags diags;
static struct buf heard;

// --- the server ---

static const char *file(const char *name)
{
	return arena_printf(&arena, "%s/%s", dir, name);
}

static void issue(const char *name)
{
	struct test_cert cert = {.name = name, .san = "IP:127.0.0.1"};
	cert.file = file(arena_printf(&arena, "%s.pem", name));
	cert.key_file = file(arena_printf(&arena, "%s.key", name));
	test_ca_issue(ca, &cert);
}

static void make_certificates(void)
{
	ca = test_ca_new("test authority", file("ca.pem"));
	issue("server");
	issue("admin");
	struct io_tls_files files = {file("admin.pem"), file("admin.key"), file("ca.pem"), NULL};
	tls = io_tls_new(&files, &diags);
	assert_non_null(tls);
}

static void make_keys(void)
{
	struct buf line cleanup(buf_fini);
	buf_init(&line);
	assert_true(io_ssh_key_new(file("host"), &diags));
	assert_true(io_ssh_key_new(file("admin"), &diags));
	struct io_ssh *host = io_ssh_new(&(struct io_ssh_options){.key = file("host")}, &diags);
	assert_non_null(host);
	io_ssh_fingerprint(host, pin);
	io_ssh_free(host);
	ssh = io_ssh_new(&(struct io_ssh_options){.key = file("admin")}, &diags);
	assert_non_null(ssh);
	io_ssh_public(ssh, &line);
	buf_addc(&line, '\n');
	struct file_put put = {
		.path = file("admin.pub"), .data = line.data, .len = line.len, .mode = 0600};
	assert_int_equal(file_put(&put), 0);
}

// The port that the kernel gives, for the library cannot say which one it got.
static void find_port(void)
{
	struct io_address any;
	assert_true(io_address_parse("127.0.0.1", 0, &diags, &any));
	assert_int_equal(io_listen(&any, &listener), 0);
	assert_int_equal(io_address_of(listener, &address), 0);
	if (!calls)
		close(listener);
}

static void start_server(void)
{
	char line[16] = "", port[8], bytes[16], what[16];
	int out[2];
	snprintf(port, sizeof(port), "%u", io_address_port(&address));
	snprintf(bytes, sizeof(bytes), "%d", LABEL_BYTES);
	snprintf(what, sizeof(what), "%s%s", over_ssh ? "ssh" : "tls", calls ? "-home" : "");
	assert_int_equal(pipe(out), 0);
	server = fork();
	assert_true(server >= 0);
	if (server == 0) {
		dup2(out[1], STDOUT_FILENO);
		execl(program, program, TEST_YANG_DIR, dir, what, port, bytes, NULL);
		_exit(127);
	}
	close(out[1]);
	assert_int_equal(read(out[0], line, sizeof(line) - 1), 6);
	assert_string_equal(line, "ready\n");
	close(out[0]);
}

static int setup(void **state)
{
	(void)state;
	find_port();
	start_server();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	if (calls)
		close(listener);
	buf_clear(&heard);
	return 0;
}

static void make_files(void)
{
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&heard);
	assert_non_null(mkdtemp(dir));
	make_certificates();
	make_keys();
}

static void remove_files(void)
{
	static const char *const names[] = {"ca.pem",    "server.pem", "server.key", "admin.pem",
					    "admin.key", "host",       "admin",      "admin.pub"};
	io_ssh_free(ssh);
	io_tls_free(tls);
	test_ca_free(ca);
	for (size_t i = 0; i < array_len(names); i++)
		unlink(file(names[i]));
	rmdir(dir);
	buf_fini(&heard);
	arena_fini(&arena);
}

// --- the client ---

static void on_notification(void *context, const char *xml, size_t len, const char *when)
{
	(void)context;
	buf_printf(&heard, "%s %.*s;", when, (int)len, xml);
}

// The next call that the server makes.
static int take_call(void)
{
	struct pollfd wait = {.fd = listener, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 10000), 1);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static struct netconf_client *dial(void)
{
	const char *const pins[] = {pin, NULL};
	struct io_tls_target to_tls = {.tls = tls, .expected_name = "127.0.0.1"};
	struct io_ssh_target to_ssh = {.ssh = ssh, .user = "admin", .pins = pins};
	struct netconf_client_options o = {.to = address, .notification = on_notification};
	if (calls)
		o.transport = over_ssh ? io_ssh_client(&to_ssh, take_call())
				       : io_tls_client(tls, take_call(), NULL);
	else
		o.opener = over_ssh ? io_ssh_connecting(&to_ssh) : io_tls_connecting(&to_tls);
	diags_init(&diags, &arena);
	struct netconf_client *c = netconf_client_connect(&o, &diags);
	if (!c)
		fail_msg("%s", diags.list.at[0].text);
	return c;
}

static struct netconf_result result;

static void ok(struct netconf_client *c, const char *xml)
{
	diags_init(&diags, &arena);
	if (!netconf_client_call(c, &(struct netconf_call){.xml = xml}, &diags, &result))
		fail_msg("%s: %s", xml, diags.list.at[0].text);
}

static const struct diag *refused(struct netconf_client *c, const char *xml, enum diag_code code)
{
	diags_init(&diags, &arena);
	assert_false(netconf_client_call(c, &(struct netconf_call){.xml = xml}, &diags, &result));
	assert_int_equal(diags.list.at[0].code, code);
	assert_false(result.lost);
	return &diags.list.at[0];
}

#define EDIT(config) \
	"<edit-config><target><running/></target><config>" config "</config></edit-config>"
#define GET "<get-config><source><running/></source></get-config>"

// --- tests ---

// Shows: RFC 6242 3 our client and a server on libnetconf2 over SSH
// Shows: RFC 6241 8.1 the client reads the hello of libnetconf2 and agrees on base:1.1
static void capabilities(void **state)
{
	(void)state;
	struct netconf_client *a = dial(), *b = dial();
	assert_true(netconf_client_has(a, NETCONF_BASE_1_1));
	assert_true(netconf_client_has(a, NETCONF_CAP_CANDIDATE));
	assert_int_not_equal(netconf_client_session(a), netconf_client_session(b));
	netconf_client_free(a);
	netconf_client_free(b);
}

// Shows: RFC 6242 4.2 the client puts together the chunks of libnetconf2
static void large_reply(void **state)
{
	(void)state;
	struct netconf_client *c = dial();
	ok(c, GET);
	assert_true(result.len > LABEL_BYTES);
	assert_non_null(strstr(result.data, "xxx</label></box>"));
	netconf_client_free(c);
}

// Shows: RFC 6241 7.2 the client edits and reads back a configuration of libnetconf2
static void edit_and_read(void **state)
{
	(void)state;
	struct netconf_client *c = dial();
	ok(c, EDIT("<box " BOX "><label>ours &amp; theirs</label></box>"));
	ok(c, GET);
	assert_non_null(strstr(result.data, "<label>ours &amp; theirs</label>"));
	netconf_client_free(c);
}

// Shows: RFC 6241 4.3 the client reads the errors of libnetconf2
static void errors(void **state)
{
	(void)state;
	struct netconf_client *a = dial(), *b = dial();
	refused(a, EDIT("<box " BOX "><frob/></box>"), DIAG_UNKNOWN_ELEMENT);
	refused(a, "<commit/>", DIAG_UNSUPPORTED);
	ok(a, "<lock><target><running/></target></lock>");
	const struct diag *d = refused(b, "<lock><target><running/></target></lock>", DIAG_LOCKED);
	assert_string_equal(d->subject, arena_printf(&arena, "%u", netconf_client_session(a)));
	netconf_client_free(a);
	netconf_client_free(b);
}

// Shows: RFC 5277 4 the client hears the notifications of libnetconf2
static void notifications(void **state)
{
	(void)state;
	struct netconf_client *c = dial();
	ok(c, "<create-subscription xmlns=\"" NETCONF_NS_NOTIFICATION "\"/>");
	while (!heard.len)
		assert_true(netconf_client_wait(c, 10000));
	assert_non_null(strstr(heard.data, "<bell>door</bell></rang>;"));
	assert_non_null(strstr(heard.data, "2023-11-1"));
	ok(c, "<close-session/>");
	netconf_client_free(c);
}

// Shows: RFC 8071 3.1 a server on libnetconf2 calls our client, over TLS and over SSH
static void a_call(void **state)
{
	(void)state;
	struct netconf_client *c = dial();
	assert_true(netconf_client_has(c, NETCONF_BASE_1_1));
	ok(c, GET);
	assert_true(result.len > LABEL_BYTES);
	ok(c, EDIT("<box " BOX "><label>called</label></box>"));
	refused(c, "<commit/>", DIAG_UNSUPPORTED);
	ok(c, "<create-subscription xmlns=\"" NETCONF_NS_NOTIFICATION "\"/>");
	while (!heard.len)
		assert_true(netconf_client_wait(c, 10000));
	ok(c, "<close-session/>");
	netconf_client_free(c);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capabilities), cmocka_unit_test(large_reply),
		cmocka_unit_test(edit_and_read), cmocka_unit_test(errors),
		cmocka_unit_test(notifications)};
	const struct CMUnitTest when_called[] = {cmocka_unit_test(a_call)};
	int failed = 0;
	if (argc != 2) {
		fputs("usage: interop_client_test LIBNETCONF2-SERVER\n", stderr);
		return 2;
	}
	program = argv[1];
	make_files();
	for (int transport = 0; transport < 2; transport++) {
		over_ssh = transport;
		calls = false;
		failed += cmocka_run_group_tests_name(over_ssh ? "over SSH" : "over TLS", tests,
						      setup, teardown);
		calls = true;
		failed += cmocka_run_group_tests_name(over_ssh ? "called over SSH"
							       : "called over TLS",
						      when_called, setup, teardown);
	}
	remove_files();
	return failed;
}
