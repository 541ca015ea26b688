// SPDX-License-Identifier: Apache-2.0
// Our NETCONF server and the client library libnetconf2, over TLS and over SSH, and again when it is the server that
// calls. Argument: the server program of the tests.
//
// The library reads our modules from us (get-schema, YANG library) when it connects and parses every reply with them, so a
// reply that is not valid for its module fails here whatever it says.
#include "peer.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOX "xmlns=\"urn:test:box\""
#define LABEL(text) "<box " BOX "><label>" text "</label></box>"

// --- the server ---

static struct {
	pid_t pid;
	int in; // an empty line here is a notification, one with a transport and a port a call
	unsigned port, ssh_port;
	char dir[64];
} server;

static void read_start(FILE *out)
{
	char line[128];
	assert_non_null(fgets(line, sizeof(line), out));
	assert_int_equal(sscanf(line, "%u %63s %u", &server.port, server.dir, &server.ssh_port), 3);
}

static void start_server(const char *program)
{
	int in[2], out[2];
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (server.pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[1]);
		close(out[0]);
		execl(program, program, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	server.in = in[1];
	FILE *stream = fdopen(out[0], "r");
	assert_non_null(stream);
	read_start(stream);
	fclose(stream);
}

static const char *file(const char *name)
{
	static char path[3][128];
	static int turn;
	turn = (turn + 1) % 3;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", server.dir, name);
	return path[turn];
}

// The library wants the public key in a file, too.
static void make_public_key(void)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(file("admin.pub"), O_WRONLY | O_CREAT, 0600);
		dup2(fd, STDOUT_FILENO);
		execlp("ssh-keygen", "ssh-keygen", "-y", "-f", file("admin"), NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void stop_server(void)
{
	int status;
	unlink(file("admin.pub"));
	close(server.in);
	assert_int_equal(waitpid(server.pid, &status, 0), server.pid);
	assert_int_equal(status, 0);
}

// --- sessions ---

static struct nc_session *one, *two;

static bool over_ssh;
static unsigned home_port; // 0: nobody calls

static struct nc_session *dial(void)
{
	if (home_port) {
		dprintf(server.in, "%s %u\n", over_ssh ? "ssh" : "tls", home_port);
		return peer_called();
	}
	if (over_ssh)
		return peer_dial_ssh(server.ssh_port, "admin", file("admin"));
	struct peer_files files = {file("ca.pem"), file("one.pem"), file("one.key")};
	return peer_dial(server.port, &files);
}

static int setup(void **state)
{
	(void)state;
	one = dial();
	two = dial();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	nc_session_free(two, NULL);
	nc_session_free(one, NULL);
	return 0;
}

// --- tests ---

// Shows: RFC 8071 3.1 libnetconf2 is called over TLS and over SSH, with every operation
// Shows: RFC 6242 3 sessions of libnetconf2 over SSH, with every operation
// Shows: RFC 6241 8.1 hello: capabilities and session-ids, as libnetconf2 reads them
static void hello(void **state)
{
	(void)state;
	assert_true(nc_session_get_id(one) > 0);
	assert_int_not_equal(nc_session_get_id(one), nc_session_get_id(two));
	assert_non_null(nc_session_cpblt(one, "urn:ietf:params:netconf:base:1.1"));
	assert_non_null(nc_session_cpblt(one, "urn:ietf:params:netconf:capability:candidate:1.0"));
	assert_non_null(
		nc_session_cpblt(one, "urn:ietf:params:netconf:capability:yang-library:1.1"));
	assert_non_null(
		nc_session_cpblt(one, "urn:ietf:params:netconf:capability:with-defaults:1.0"));
}

// Shows: RFC 6022 3.1 get-schema: libnetconf2 compiles the modules that it gets
static void schemas(void **state)
{
	(void)state;
	const struct ly_ctx *ctx = nc_session_get_ctx(one);
	const struct lys_module *box = ly_ctx_get_module_implemented(ctx, "test-box");
	assert_non_null(box);
	assert_non_null(lys_find_path(ctx, NULL, "/test-box:box/item/next", 0));
	peer_ask(one, nc_rpc_getschema("test-box", "2024-01-01", "yang", NC_PARAMTYPE_CONST));
	peer_has("module test-box {");
	peer_refused(one, nc_rpc_getschema("nobody", NULL, NULL, NC_PARAMTYPE_CONST),
		     "invalid-value");
	peer_refused(one, nc_rpc_getschema("test-box", "1999-01-01", NULL, NC_PARAMTYPE_CONST),
		     "invalid-value");
	peer_refused(one, nc_rpc_getschema("test-box", NULL, "yin", NC_PARAMTYPE_CONST),
		     "invalid-value");
}

// Shows: RFC 6241 7.2 edit-config, 7.1 get-config and 8.3.4 commit with libnetconf2
static void edit_and_commit(void **state)
{
	(void)state;
	peer_ok(one, peer_edit(LABEL("libnetconf2 &amp; co")));
	peer_ask(two, peer_get_config(NC_DATASTORE_CANDIDATE));
	peer_has("libnetconf2 &amp; co");
	peer_ok(one, nc_rpc_validate(NC_DATASTORE_CANDIDATE, NULL, NC_PARAMTYPE_CONST));
	peer_ok(one, peer_commit());
	peer_ask(two, peer_get_config(NC_DATASTORE_RUNNING));
	peer_has("libnetconf2 &amp; co");
	peer_refused(one, peer_edit("<box " BOX "><frob/></box>"), "unknown-element");
	peer_has("<bad-element>frob</bad-element>");
	peer_ok(one, peer_edit(LABEL("forbidden")));
	peer_refused(one, nc_rpc_validate(NC_DATASTORE_CANDIDATE, NULL, NC_PARAMTYPE_CONST),
		     "operation-failed");
	peer_refused(one, peer_commit(), "operation-failed");
	peer_ok(one, nc_rpc_discard());
}

// An item of the box with this operation.
static const char *item(const char *operation, const char *name)
{
	static char text[300];
	snprintf(text, sizeof(text),
		 "<box " BOX "><item xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
		 "nc:operation=\"%s\"><name>%s</name></item></box>",
		 operation, name);
	return text;
}

// Shows: RFC 6241 7.2 each operation of edit-config, and its errors, by libnetconf2
static void edit_operations(void **state)
{
	(void)state;
	peer_ok(one, peer_edit(item("create", "a")));
	peer_refused(one, peer_edit(item("create", "a")), "data-exists");
	peer_ok(one, peer_edit("<box " BOX "><item><name>a</name><size>4</size></item></box>"));
	peer_ok(one, peer_edit(item("replace", "a")));
	peer_ask(one, peer_get_config(NC_DATASTORE_CANDIDATE));
	peer_has("<name>a</name></item>");
	peer_ok(one, peer_edit(item("delete", "a")));
	peer_refused(one, peer_edit(item("delete", "a")), "data-missing");
	peer_ok(one, peer_edit(item("remove", "a")));
	peer_ok(one, peer_edit(item("merge", "b")));
	peer_refused(one, peer_edit(item("paint", "b")), "bad-attribute");
	peer_refused(one, peer_edit("<box " BOX "><level>900</level></box>"), "invalid-value");
	peer_refused(one, peer_edit("<box xmlns=\"urn:nobody\"/>"), "unknown-namespace");
	peer_ok(one, nc_rpc_discard());
	peer_ask(one, peer_get_config(NC_DATASTORE_CANDIDATE));
	peer_has_not("<name>b</name>");
}

static struct nc_rpc *edit_with(NC_RPC_EDIT_DFLTOP operation, NC_RPC_EDIT_TESTOPT test,
				NC_RPC_EDIT_ERROPT on_error, const char *config)
{
	return nc_rpc_edit(NC_DATASTORE_CANDIDATE, operation, test, on_error, config,
			   NC_PARAMTYPE_CONST);
}

static void candidate_has(const char *part, const char *not_part)
{
	peer_ask(one, peer_get_config(NC_DATASTORE_CANDIDATE));
	peer_has(part);
	peer_has_not(not_part);
}

// Shows: RFC 6241 7.2 default-operation, test-option and error-option by libnetconf2
static void edit_options(void **state)
{
	static const char half[] =
		"<box " BOX "><level>900</level></box><other " BOX "><text>half</text></other>";
	(void)state;
	peer_ok(one, peer_edit(LABEL("kept")));
	peer_refused(one,
		     edit_with(NC_RPC_EDIT_DFLTOP_NONE, 0, 0,
			       "<box " BOX "><item><name>nowhere</name></item></box>"),
		     "data-missing");
	peer_ok(one, edit_with(0, NC_RPC_EDIT_TESTOPT_TEST, 0, LABEL("tried")));
	peer_refused(one, edit_with(0, NC_RPC_EDIT_TESTOPT_TESTSET, 0, LABEL("forbidden")),
		     "operation-failed");
	candidate_has("kept", "tried");
	peer_refused(one, edit_with(0, 0, NC_RPC_EDIT_ERROPT_STOP, half), "invalid-value");
	peer_refused(one, edit_with(0, 0, NC_RPC_EDIT_ERROPT_ROLLBACK, half), "invalid-value");
	candidate_has("kept", "half");
	peer_refused(one, edit_with(0, 0, NC_RPC_EDIT_ERROPT_CONTINUE, half), "invalid-value");
	candidate_has("half", "900");
	peer_ok(one,
		edit_with(NC_RPC_EDIT_DFLTOP_REPLACE, NC_RPC_EDIT_TESTOPT_SET, 0, LABEL("alone")));
	candidate_has("alone", "half");
	peer_ok(one, nc_rpc_discard());
}

// Shows: RFC 6241 8.6.5 validate of a configuration in the request, by libnetconf2
static void validate_inline(void **state)
{
	(void)state;
	peer_ok(one, nc_rpc_validate(NC_DATASTORE_CONFIG, LABEL("good"), NC_PARAMTYPE_CONST));
	peer_refused(one,
		     nc_rpc_validate(NC_DATASTORE_CONFIG, LABEL("forbidden"), NC_PARAMTYPE_CONST),
		     "operation-failed");
}

// Shows: RFC 6241 7.5 lock and 7.6 unlock: lock-denied names the holder, by libnetconf2
static void locks(void **state)
{
	char holder[60];
	(void)state;
	snprintf(holder, sizeof(holder), "<session-id>%u</session-id>", nc_session_get_id(one));
	peer_ok(one, nc_rpc_lock(NC_DATASTORE_CANDIDATE));
	peer_refused(two, nc_rpc_lock(NC_DATASTORE_CANDIDATE), "lock-denied");
	peer_has(holder);
	peer_refused(two, peer_edit(LABEL("x")), "in-use");
	peer_refused(two, nc_rpc_unlock(NC_DATASTORE_CANDIDATE), "operation-failed");
	peer_ok(one, nc_rpc_unlock(NC_DATASTORE_CANDIDATE));
}

// Shows: RFC 6241 8.4 confirmed commit with persist, cancel-commit, by libnetconf2
static void confirmed_commit(void **state)
{
	(void)state;
	peer_ok(one, peer_edit(LABEL("before")));
	peer_ok(one, peer_commit());
	peer_ok(one, peer_edit(LABEL("tried")));
	peer_ok(one, nc_rpc_commit(1, 60, "id", NULL, NC_PARAMTYPE_CONST));
	peer_refused(two, peer_commit(), "invalid-value");
	peer_refused(two, nc_rpc_cancel("other", NC_PARAMTYPE_CONST), "invalid-value");
	peer_ok(two, nc_rpc_cancel("id", NC_PARAMTYPE_CONST));
	peer_ask(two, peer_get_config(NC_DATASTORE_RUNNING));
	peer_has("before");
	peer_ok(one, nc_rpc_discard());
	peer_ok(one, peer_edit(LABEL("kept")));
	peer_ok(one, nc_rpc_commit(1, 60, "id", NULL, NC_PARAMTYPE_CONST));
	peer_ok(two, nc_rpc_commit(0, 0, NULL, "id", NC_PARAMTYPE_CONST));
	peer_ask(two, peer_get_config(NC_DATASTORE_RUNNING));
	peer_has("kept");
}

// Shows: RFC 6241 8.4.1 a follow-up keeps the first way back; without persist all ends with the session, by libnetconf2
static void confirmed_commit_ends_with_its_session(void **state)
{
	(void)state;
	peer_ok(one, peer_edit(LABEL("first")));
	peer_ok(one, peer_commit());
	peer_ok(one, peer_edit(LABEL("second")));
	peer_ok(one, nc_rpc_commit(1, 60, NULL, NULL, NC_PARAMTYPE_CONST));
	peer_ok(one, peer_edit(LABEL("third")));
	peer_ok(one, nc_rpc_commit(1, 60, NULL, NULL, NC_PARAMTYPE_CONST));
	peer_refused(two, nc_rpc_lock(NC_DATASTORE_RUNNING), "lock-denied");
	nc_session_free(one, NULL);
	one = dial();
	do
		peer_ask(one, peer_get_config(NC_DATASTORE_RUNNING));
	while (strstr(peer_reply, "third"));
	peer_has("first");
}

// Shows: RFC 5717 2.4 partial-lock and partial-unlock by libnetconf2
static void partial_lock(void **state)
{
	// The library does not keep the prefixes of such a text, so there are none.
	static const char take[] =
		"<partial-lock xmlns=\"urn:ietf:params:xml:ns:netconf:partial-lock:1.0\">"
		"<select>//*[local-name() = 'label']</select></partial-lock>";
	char give[200];
	unsigned number;
	(void)state;
	peer_ok(one, peer_edit(LABEL("mine")));
	peer_ok(one, peer_commit());
	peer_ask(one, peer_operation(take));
	const char *at = strstr(peer_reply, "<lock-id>");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "<lock-id>%u<", &number), 1);
	snprintf(give, sizeof(give),
		 "<partial-unlock xmlns=\"urn:ietf:params:xml:ns:netconf:partial-lock:1.0\">"
		 "<lock-id>%u</lock-id></partial-unlock>",
		 number);
	peer_refused(two, peer_operation(take), "lock-denied");
	peer_refused(two, peer_operation(give), "invalid-value");
	peer_ok(two, peer_edit(LABEL("theirs")));
	peer_refused(two, peer_commit(), "in-use");
	peer_ok(one, peer_operation(give));
	peer_ok(two, peer_commit());
}

// Shows: RFC 8526 3.1 get-data and edit-data by libnetconf2
static void datastores(void **state)
{
	(void)state;
	peer_ok(one, nc_rpc_editdata("ietf-datastores:candidate", NC_RPC_EDIT_DFLTOP_MERGE,
				     LABEL("by name"), NC_PARAMTYPE_CONST));
	peer_ok(one, peer_commit());
	peer_ask(one, nc_rpc_getdata("ietf-datastores:running", "/test-box:box/label", NULL, NULL,
				     0, 0, 0, 0, NC_WD_UNKNOWN, NC_PARAMTYPE_CONST));
	peer_has("by name");
	peer_ask(one, nc_rpc_getdata("ietf-datastores:operational", NULL, "false", NULL, 0, 0, 0, 0,
				     NC_WD_UNKNOWN, NC_PARAMTYPE_CONST));
	peer_has("<seconds>77</seconds>");
	peer_has_not("by name");
	peer_refused(one,
		     nc_rpc_editdata("ietf-datastores:operational", NC_RPC_EDIT_DFLTOP_MERGE,
				     LABEL("x"), NC_PARAMTYPE_CONST),
		     "invalid-value");
}

// Shows: RFC 6241 7.3 copy-config, 7.4 delete-config and 8.7 startup, by libnetconf2
static void copy_and_delete(void **state)
{
	(void)state;
	peer_ok(one, peer_edit(LABEL("copied")));
	peer_ok(one, peer_commit());
	peer_ok(one, nc_rpc_copy(NC_DATASTORE_STARTUP, NULL, NC_DATASTORE_RUNNING, NULL,
				 NC_WD_UNKNOWN, NC_PARAMTYPE_CONST));
	peer_ask(one, peer_get_config(NC_DATASTORE_STARTUP));
	peer_has("copied");
	peer_ok(one, nc_rpc_delete(NC_DATASTORE_STARTUP, NULL, NC_PARAMTYPE_CONST));
	peer_ask(one, peer_get_config(NC_DATASTORE_STARTUP));
	peer_has_not("copied");
}

// Shows: RFC 6241 6 subtree filters by libnetconf2
// Shows: RFC 6241 7.7 get: state joined with configuration, by libnetconf2
static void get(void **state)
{
	(void)state;
	peer_ok(one, peer_edit(LABEL("seen")));
	peer_ok(one, peer_commit());
	peer_ask(one, nc_rpc_get("<uptime " BOX "/>", NC_WD_UNKNOWN, NC_PARAMTYPE_CONST));
	peer_has("<seconds>77</seconds>");
	peer_has_not("seen");
	peer_ask(one, nc_rpc_get(NULL, NC_WD_UNKNOWN, NC_PARAMTYPE_CONST));
	peer_has("<label>seen</label>");
	peer_has("<percent>12</percent>");
	peer_has("netconf-state");
	peer_has("<content-id>");
}

// Shows: RFC 6241 8.9 XPath filters by libnetconf2
static void xpath(void **state)
{
	(void)state;
	peer_ok(one, peer_edit("<box " BOX "><label>seen</label><item><name>x</name><size>9</size>"
			       "</item></box>"));
	peer_ok(one, peer_commit());
	peer_ask(one, nc_rpc_getconfig(NC_DATASTORE_RUNNING, "/test-box:box/item[size > 5]",
				       NC_WD_UNKNOWN, NC_PARAMTYPE_CONST));
	peer_has("<name>x</name>");
	peer_has_not("seen");
	peer_ask(one, nc_rpc_get("/test-box:uptime", NC_WD_UNKNOWN, NC_PARAMTYPE_CONST));
	peer_has("<seconds>77</seconds>");
}

static void get_with(NC_WD_MODE mode)
{
	peer_ask(one, nc_rpc_getconfig(NC_DATASTORE_RUNNING, "<box " BOX "/>", mode,
				       NC_PARAMTYPE_CONST));
}

// Shows: RFC 6243 4.5.1 with-defaults in get-config, each mode, by libnetconf2
static void with_defaults(void **state)
{
	(void)state;
	peer_ok(one, peer_edit("<box " BOX "><page><number>1</number><seen>false</seen></page>"
			       "<page><number>2</number></page></box>"));
	peer_ok(one, peer_commit());
	get_with(NC_WD_EXPLICIT);
	peer_has("<number>1</number><seen>false</seen>");
	peer_has("<number>2</number></page>");
	get_with(NC_WD_TRIM);
	peer_has("<number>1</number></page>");
	get_with(NC_WD_ALL);
	peer_has("<number>2</number><seen>false</seen>");
	get_with(NC_WD_ALL_TAG);
	peer_has("<level>3</level>");
}

// Shows: RFC 6241 7.9 kill-session by libnetconf2
static void kill_session(void **state)
{
	(void)state;
	peer_refused(one, nc_rpc_kill(nc_session_get_id(one)), "invalid-value");
	peer_ok(one, nc_rpc_kill(nc_session_get_id(two)));
	for (int i = 0; i < PEER_WAIT_MS && nc_session_get_status(two) == NC_STATUS_RUNNING; i++) {
		struct lyd_node *envelope = NULL, *op = NULL;
		(void)nc_recv_notif(two, 10, &envelope, &op);
		lyd_free_all(envelope);
		lyd_free_all(op);
	}
	assert_int_not_equal(nc_session_get_status(two), NC_STATUS_RUNNING);
}

// Shows: RFC 5277 2.1.1 create-subscription, notifications and replay by libnetconf2
static void notifications(void **state)
{
	(void)state;
	peer_refused(one, nc_rpc_subscribe("WEATHER", NULL, NULL, NULL, NC_PARAMTYPE_CONST),
		     "invalid-value");
	peer_refused(one,
		     nc_rpc_subscribe(NULL, NULL, "2999-01-01T00:00:00Z", NULL, NC_PARAMTYPE_CONST),
		     "bad-element");
	peer_ok(one, nc_rpc_subscribe(NULL, "<fell " BOX "/>", NULL, NULL, NC_PARAMTYPE_CONST));
	peer_refused(one, nc_rpc_subscribe(NULL, NULL, NULL, NULL, NC_PARAMTYPE_CONST), "in-use");
	assert_int_equal(write(server.in, "\n", 1), 1);
	peer_hear(one, "<fell ");
	nc_session_free(one, NULL);
	one = dial();
	peer_ok(one, nc_rpc_subscribe(NULL, "<fell " BOX "/>", "2024-01-01T00:00:00Z", NULL,
				      NC_PARAMTYPE_CONST));
	peer_hear(one, "<fell ");
	do
		peer_hear(one, "");
	while (!strstr(peer_reply, "replayComplete"));
}

// From here on the library is called by the server, in the transport that is used.
static void be_called(void)
{
	struct peer_files files = {file("ca.pem"), file("one.pem"), file("one.key")};
	home_port = peer_free_port();
	if (over_ssh)
		peer_listen_ssh(home_port, "admin", file("admin"));
	else
		peer_listen(home_port, &files);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(hello),
		T(schemas),
		T(edit_and_commit),
		T(edit_operations),
		T(edit_options),
		T(validate_inline),
		T(locks),
		T(confirmed_commit),
		T(confirmed_commit_ends_with_its_session),
		T(partial_lock),
		T(datastores),
		T(copy_and_delete),
		T(get),
		T(xpath),
		T(with_defaults),
		T(kill_session),
		T(notifications),
	};
	static const char *const names[] = {"over TLS", "called over TLS", "over SSH",
					    "called over SSH"};
	int failed = 0;
	if (argc != 2) {
		fputs("usage: interop_libnetconf2_client TEST-SERVER\n", stderr);
		return 2;
	}
	peer_init();
	start_server(argv[1]);
	make_public_key();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		over_ssh = i >= 2;
		home_port = 0;
		if (i % 2)
			be_called();
		failed += cmocka_run_group_tests_name(names[i], tests, NULL, NULL);
	}
	stop_server();
	nc_client_destroy();
	return failed;
}
