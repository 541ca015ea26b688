// SPDX-License-Identifier: Apache-2.0
// Sessions, requests, reports and notifications against a NETCONF server over TLS in another thread.
// The engine is not linked: what it would be told is noted here.
#include "south/south.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "io/loop.h"
#include "io/net.h"
#include "io/ssh.h"
#include "io/test_certs.h"
#include "io/tls.h"
#include "proto/netconf/server.h"
#include "schema/schema.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_S 30
#define NSF "urn:bulwark:nsf"
#define NFI "urn:ietf:params:xml:ns:yang:ietf-i2nsf-nsf-facing-interface"

// --- what the engine would hear ---

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t news;
	unsigned connected, away, refused, notices, calls_refused;
	char reason[200], call[400];
	struct engine_notice notice;
	char notice_text[200];
} heard = {.mutex = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER};

void engine_nsf_connected(struct engine *engine, const char *nsf)
{
	(void)engine;
	assert_string_equal(nsf, "fw1");
	pthread_mutex_lock(&heard.mutex);
	heard.connected++;
	pthread_cond_signal(&heard.news);
	pthread_mutex_unlock(&heard.mutex);
}

void engine_nsf_disconnected(struct engine *engine, const char *nsf, enum engine_connection how,
			     const char *reason)
{
	(void)engine;
	(void)nsf;
	pthread_mutex_lock(&heard.mutex);
	heard.away += how == ENGINE_AWAY;
	heard.refused += how == ENGINE_REFUSED;
	snprintf(heard.reason, sizeof(heard.reason), "%s", reason);
	pthread_cond_signal(&heard.news);
	pthread_mutex_unlock(&heard.mutex);
}

void engine_nsf_notice(struct engine *engine, const struct engine_notice *notice)
{
	(void)engine;
	pthread_mutex_lock(&heard.mutex);
	heard.notices++;
	heard.notice.kind = notice->kind;
	snprintf(heard.notice_text, sizeof(heard.notice_text), "%s|%s",
		 notice->id ? notice->id : "", notice->text ? notice->text : "");
	pthread_cond_signal(&heard.news);
	pthread_mutex_unlock(&heard.mutex);
}

void engine_call_refused(struct engine *engine, const char *from, const char *why)
{
	(void)engine;
	pthread_mutex_lock(&heard.mutex);
	heard.calls_refused++;
	snprintf(heard.call, sizeof(heard.call), "%s: %s", from, why);
	pthread_cond_signal(&heard.news);
	pthread_mutex_unlock(&heard.mutex);
}

static void wait_for(const unsigned *count, unsigned wanted)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DEADLINE_S;
	pthread_mutex_lock(&heard.mutex);
	while (*count < wanted)
		assert_int_equal(pthread_cond_timedwait(&heard.news, &heard.mutex, &until), 0);
	pthread_mutex_unlock(&heard.mutex);
}

// --- the NSF ---

struct nsf {
	struct io_loop *loop;
	struct schema *schema;
	struct netconf_server *server;
	struct io_tls *tls;
	struct io_ssh *ssh; // instead of it, when it is not NULL
	pthread_t thread;
	bool running;
	struct buf asked;           // what the application was asked, in order
	const char *state_xml;      // of nsf-state
	const char *evidence_xml;   // what get-evidence answers
	struct netconf_reply *held; // a question that is never answered
	bool holds;
};

static struct {
	char dir[64];
	struct arena arena;
	struct diags diags;
	struct test_ca *ca;
	struct io_tls *tls;
	struct io_ssh *ssh;
	struct io_address address, home;
	char door[IO_ADDRESS_TEXT]; // where the controller takes calls
	struct io_address home_ssh;
	char door_ssh[IO_ADDRESS_TEXT];
	struct nsf nsf;
	struct south *south;
} w;

static void note_commit(void *context, const struct netconf_commit *c, struct netconf_reply *reply)
{
	struct nsf *n = context;
	buf_printf(&n->asked, "commit %s %u", c->persist ? c->persist : "-", c->timeout_s);
	for (const struct schema_node *t = schema_first(c->tree); t; t = schema_next(t))
		buf_printf(&n->asked, " %s",
			   schema_is(t, "ietf-netconf-acm", "nacm") ? "rules"
								    : schema_get_value(t, "name"));
	buf_addc(&n->asked, ';');
	if (n->holds)
		n->held = reply;
	else
		netconf_reply_ok(reply);
}

static void note_confirm(void *context, const struct netconf_asker *asker,
			 struct netconf_reply *reply)
{
	(void)asker;
	buf_adds(&((struct nsf *)context)->asked, "confirm;");
	netconf_reply_ok(reply);
}

static void note_cancel(void *context, const struct netconf_asker *asker,
			struct netconf_reply *reply)
{
	(void)asker;
	buf_adds(&((struct nsf *)context)->asked, "cancel;");
	netconf_reply_ok(reply);
}

static void note_persist(void *context, const struct schema_tree *tree, struct netconf_reply *reply)
{
	(void)context;
	(void)tree;
	netconf_reply_ok(reply);
}

static void give_state(void *context, const struct netconf_get *get, struct netconf_reply *reply)
{
	static const char cap[] = "urn:ietf:params:xml:ns:yang:ietf-i2nsf-capability";
	struct nsf *n = context;
	struct buf xml;
	buf_init(&xml);
	if (netconf_get_wants(get, NSF, "nsf-state") && n->state_xml)
		buf_adds(&xml, n->state_xml);
	if (netconf_get_wants(get, cap, "nsf"))
		buf_printf(&xml, "<nsf xmlns=\"%s\"><nsf-name>fw1</nsf-name></nsf>", cap);
	netconf_reply_data(reply, xml.data, xml.len);
	buf_fini(&xml);
}

static void note_rpc(void *context, const struct netconf_request *request,
		     struct netconf_reply *reply)
{
	struct nsf *n = context;
	const char *id = schema_get_value(request->rpc, "id");
	const char *crl = schema_get_value(request->rpc, "crl");
	const char *port = schema_get_value(request->rpc, "destination-port");
	buf_printf(&n->asked, "%s %s%s%s%s;", schema_name(request->rpc), id ? id : "",
		   crl ? crl : "", port ? " port " : "", port ? port : "");
	if (id && strcmp(id, "unknown") == 0)
		netconf_reply_error(reply, &(struct diag){.code = DIAG_ABSENT, .hint = "-"},
				    "it is not open");
	else
		netconf_reply_ok(reply);
}

static const struct netconf_ops nsf_ops = {
	.commit = note_commit,
	.confirm = note_confirm,
	.cancel = note_cancel,
	.persist = note_persist,
	.state = give_state,
};

static const char *in(const char *name)
{
	return arena_printf(&w.arena, "%s/%s", w.dir, name);
}

static struct io_tls *identity(const char *name, const char *san, const char *unit)
{
	struct test_cert cert = {.name = name,
				 .unit = unit,
				 .san = san,
				 .file = in(arena_printf(&w.arena, "%s.pem", name)),
				 .key_file = in(arena_printf(&w.arena, "%s.key", name))};
	test_ca_issue(w.ca, &cert);
	struct io_tls_files files = {
		.certificate = cert.file, .key = cert.key_file, .ca = in("ca.pem")};
	struct io_tls *tls = io_tls_new(&files, &w.diags);
	assert_non_null(tls);
	return tls;
}

static struct io_ssh *key(const char *name, const char *authorized)
{
	static const char *const roles[] = {"controller", NULL};
	struct io_ssh_options o = {.key = in(name), .authorized = authorized, .roles = roles};
	assert_true(io_ssh_key_new(o.key, &w.diags));
	struct io_ssh *ssh = io_ssh_new(&o, &w.diags);
	assert_non_null(ssh);
	return ssh;
}

static void *serve(void *context)
{
	struct nsf *n = context;
	return io_loop_run(n->loop) ? n : NULL;
}

static void give_evidence(void *context, const struct netconf_request *request,
			  struct netconf_reply *reply)
{
	struct nsf *n = context;
	const char *chain = schema_get_value(request->rpc, "chain");
	buf_printf(&n->asked, "get-evidence %s %s;", chain ? chain : "-",
		   schema_get_value(request->rpc, "serial"));
	netconf_reply_data(reply, n->evidence_xml, strlen(n->evidence_xml));
}

// Starts the NSF at the address (port 0: any).
static void nsf_start(struct nsf *n)
{
	static const char *const modules[] = {"ietf-netconf",
					      "notifications",
					      "bulwark-nsf",
					      "ietf-i2nsf-nsf-facing-interface",
					      "ietf-i2nsf-capability",
					      "ietf-netconf-acm",
					      NULL};
	static const char before[] =
		"<i2nsf-security-policy xmlns=\"" NFI "\"><name>old</name></i2nsf-security-policy>"
		"<nacm xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\"><enable-nacm>false"
		"</enable-nacm></nacm>";
	static const char *const rpcs[] = {"open-pinhole", "close-pinhole", "update-trust",
					   "verify"};
	assert_int_equal(io_loop_new(&n->loop), 0);
	n->schema = schema_open(NULL, modules, &w.diags);
	assert_non_null(n->schema);
	struct schema_tree *running = schema_tree_new(n->schema);
	struct schema_input input = {
		.data = before, .len = sizeof(before) - 1, .format = SCHEMA_XML};
	assert_true(schema_parse(running, &input, &w.diags));
	struct netconf_server_options options = {.running = running,
						 .loop = n->loop,
						 .schema = n->schema,
						 .ops = &nsf_ops,
						 .context = n};
	n->server = netconf_server_new(&options);
	for (size_t i = 0; i < array_len(rpcs); i++)
		netconf_server_handle(
			n->server, &(struct netconf_handler){"bulwark-nsf", rpcs[i], note_rpc, n});
	netconf_server_handle(n->server, &(struct netconf_handler){"bulwark-nsf", "get-evidence",
								   give_evidence, n});
	int fd;
	assert_int_equal(io_listen(&w.address, &fd), 0);
	assert_int_equal(io_address_of(fd, &w.address), 0);
	struct io_opener opener = n->ssh ? io_ssh_accepting(n->ssh) : io_tls_accepting(n->tls);
	assert_int_equal(netconf_server_listen(n->server, opener, fd), 0);
	n->running = true;
	assert_int_equal(pthread_create(&n->thread, NULL, serve, n), 0);
}

static void stop_loop(void *context)
{
	io_loop_stop(context);
}

static void nsf_stop(struct nsf *n)
{
	if (!n->running)
		return;
	io_post(n->loop, stop_loop, n->loop);
	pthread_join(n->thread, NULL);
	netconf_server_free(n->server);
	schema_free(n->schema);
	io_loop_free(n->loop);
	n->running = false;
}

static void notify(void *context)
{
	struct nsf *n = context;
	static const char xml[] = "<drift xmlns=\"" NSF "\"><difference><kind>missing</kind>"
				  "<policy>p</policy><rule>r</rule></difference>"
				  "<differences>3</differences></drift>";
	netconf_server_notify(n->server, xml, sizeof(xml) - 1, 0);
}

static void notify_closed(void *context)
{
	struct nsf *n = context;
	static const char xml[] =
		"<pinhole-closed xmlns=\"" NSF "\"><id>ph-1</id><reason>idle</reason>"
		"</pinhole-closed>";
	netconf_server_notify(n->server, xml, sizeof(xml) - 1, 0);
}

// A port that was free a moment ago, at every address.
static void find_door(struct io_address *home, char door[static IO_ADDRESS_TEXT])
{
	int fd;
	assert_true(io_address_parse("*:0", 0, &w.diags, home));
	assert_int_equal(io_listen(home, &fd), 0);
	assert_int_equal(io_address_of(fd, home), 0);
	close(fd);
	unsigned port = io_address_port(home);
	snprintf(door, IO_ADDRESS_TEXT, "*:%u", port);
	assert_true(io_address_parse("::1", (uint16_t)port, &w.diags, home));
}

static int set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	heard.connected = heard.away = heard.refused = heard.notices = heard.calls_refused = 0;
	arena_init(&w.arena);
	diags_init(&w.diags, &w.arena);
	snprintf(w.dir, sizeof(w.dir), "/tmp/south-test-XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	w.ca = test_ca_new("test authority", in("ca.pem"));
	assert_true(io_address_parse("[::1]:0", 0, &w.diags, &w.address));
	buf_init(&w.nsf.asked);
	w.nsf.tls = identity("fw1", "DNS:fw1", "nsf");
	nsf_start(&w.nsf);
	w.tls = identity("controller", NULL, "controller");
	w.ssh = key("controller.ssh", NULL);
	static const char *const doors[] = {w.door}, *const ssh_doors[] = {w.door_ssh};
	find_door(&w.home, w.door);
	find_door(&w.home_ssh, w.door_ssh);
	w.south = south_new(&(struct south_options){.tls = w.tls,
						    .ssh = w.ssh,
						    .parsers = 1,
						    .call_home = doors,
						    .call_homes = 1,
						    .call_home_ssh = ssh_doors,
						    .call_homes_ssh = 1},
			    &w.diags);
	assert_non_null(w.south);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	south_free(w.south);
	nsf_stop(&w.nsf);
	io_tls_free(w.nsf.tls);
	io_tls_free(w.tls);
	io_ssh_free(w.nsf.ssh);
	io_ssh_free(w.ssh);
	test_ca_free(w.ca);
	buf_fini(&w.nsf.asked);
	static const char *const files[] = {
		"ca.pem",  "fw1.pem", "fw1.key",        "controller.pem", "controller.key",
		"eve.pem", "eve.key", "controller.ssh", "host.ssh",       "authorized"};
	for (size_t i = 0; i < array_len(files); i++)
		unlink(in(files[i]));
	assert_int_equal(rmdir(w.dir), 0);
	arena_fini(&w.arena);
	return 0;
}

static void configure(const char *name)
{
	struct engine_peer peer = {
		.name = name, .address = "::1", .port = io_address_port(&w.address)};
	south_ops.configure(w.south, &peer, 1);
}

static void start(void)
{
	configure("fw1");
	assert_true(south_start(w.south, NULL, &w.diags));
	wait_for(&heard.connected, 1);
}

static bool request(struct engine_request r)
{
	r.nsf = "fw1";
	r.timeout_ms = r.timeout_ms ? r.timeout_ms : 10000;
	diags_init(&w.diags, &w.arena);
	return south_ops.request(w.south, &r, &w.diags);
}

// What the NSF was asked since the last time; the NSF is idle when this is called.
static const char *asked(void)
{
	const char *text = arena_strdup(&w.arena, w.nsf.asked.data);
	buf_clear(&w.nsf.asked);
	return text;
}

static void configure_calling(const char *name)
{
	struct engine_peer peer = {.name = name, .calls_home = true};
	south_ops.configure(w.south, &peer, 1);
}

static void start_calling(void)
{
	configure_calling("fw1");
	assert_true(south_start(w.south, NULL, &w.diags));
	wait_for(&heard.away, 1);
	assert_string_equal(heard.reason, "it has not called yet");
}

// In the NSF's thread: a connection to the controller, served as the identity says.
static void call_now(void *context)
{
	int fd;
	assert_int_equal(io_connect_start(&w.home, NULL, &fd), 0);
	netconf_server_serve(w.nsf.server,
			     &(struct netconf_connection){.transport = io_tls_server(context, fd),
							  .connecting = true});
}

static void call_as(struct io_tls *tls)
{
	io_post(w.nsf.loop, call_now, tls);
}

// --- tests ---

static void test_transaction(void **state)
{
	(void)state;
	start();
	uint32_t session = 0;
	static const char policy[] =
		"<i2nsf-security-policy xmlns=\"" NFI "\">\n  <name>p &lt;1</name>"
		"</i2nsf-security-policy><i2nsf-security-policy xmlns=\"" NFI "\"><name>q</name>"
		"</i2nsf-security-policy>";
	struct engine_request r = {.op = ENGINE_OP_LOCK, .session = &session};
	assert_true(request(r));
	assert_int_not_equal(session, 0);
	r.op = ENGINE_OP_EDIT;
	r.text = policy;
	r.len = strlen(policy);
	assert_true(request(r));
	r.op = ENGINE_OP_VALIDATE;
	assert_true(request(r));
	r.op = ENGINE_OP_COMMIT;
	r.persist = "id-1";
	r.confirm_timeout = 30;
	assert_true(request(r));
	// What it had before is gone, but for its access control, which is not the controller's.
	assert_string_equal(asked(), "commit id-1 30 p <1 q rules;");
	r.op = ENGINE_OP_CONFIRM;
	assert_true(request(r));
	r.op = ENGINE_OP_UNLOCK;
	assert_true(request(r));
	assert_string_equal(asked(), "confirm;");
	// Everything taken off.
	r.op = ENGINE_OP_LOCK;
	assert_true(request(r));
	r.op = ENGINE_OP_EDIT;
	r.text = NULL;
	r.len = 0;
	assert_true(request(r));
	r.op = ENGINE_OP_COMMIT;
	assert_true(request(r));
	assert_string_equal(asked(), "commit id-1 30 rules;");
	r.op = ENGINE_OP_CANCEL;
	assert_true(request(r));
	assert_string_equal(asked(), "cancel;");
	assert_true(request(r)); // nothing waits any more: no error
	assert_string_equal(asked(), "");
	r.op = ENGINE_OP_CONFIRM;
	assert_false(request(r)); // but confirming what is not there is one
	assert_non_null(w.diags.list.at[0].hint);
}

static void test_dirty_candidate(void **state)
{
	(void)state;
	start();
	uint32_t session = 0;
	static const char policy[] =
		"<i2nsf-security-policy xmlns=\"" NFI "\"><name>p</name></i2nsf-security-policy>";
	struct engine_request r = {
		.op = ENGINE_OP_EDIT, .session = &session, .text = policy, .len = strlen(policy)};
	assert_true(request(r)); // somebody edits without a lock and leaves it so
	r.op = ENGINE_OP_LOCK;
	assert_true(request(r));
}

static void test_session_ends(void **state)
{
	(void)state;
	start();
	uint32_t session = 0;
	struct engine_request r = {.op = ENGINE_OP_LOCK, .session = &session};
	assert_true(request(r));
	nsf_stop(&w.nsf);
	wait_for(&heard.away, 1);
	assert_false(request(r));
	assert_int_equal(w.diags.list.at[0].code, DIAG_UNREACHABLE);
	nsf_start(&w.nsf); // at the same port
	wait_for(&heard.connected, 2);
	r.op = ENGINE_OP_VALIDATE;
	assert_false(request(r)); // the locks and the candidate went with the session
	assert_int_equal(w.diags.list.at[0].code, DIAG_UNREACHABLE);
	session = 0;
	assert_true(request(r));
}

static void test_silence(void **state)
{
	(void)state;
	start();
	w.nsf.holds = true;
	struct engine_request r = {
		.op = ENGINE_OP_COMMIT, .persist = "x", .confirm_timeout = 5, .timeout_ms = 50};
	assert_false(request(r));
	assert_true(w.diags.list.at[0].code == DIAG_TIMEOUT ||
		    w.diags.list.at[0].code == DIAG_UNREACHABLE);
	wait_for(&heard.away, 1);      // a session that does not answer is given up
	wait_for(&heard.connected, 2); // and a new one is opened
}

static void test_wrong_name(void **state)
{
	(void)state;
	configure("fw2");
	assert_true(south_start(w.south, NULL, &w.diags));
	wait_for(&heard.refused, 1);
	assert_int_equal(heard.connected, 0);
}

static void test_unmanaged(void **state)
{
	(void)state;
	start();
	south_ops.configure(w.south, NULL, 0);
	wait_for(&heard.away, 1);
	assert_false(request((struct engine_request){.op = ENGINE_OP_VALIDATE}));
	configure("fw1");
	wait_for(&heard.connected, 2);
	south_renew(w.south, "fw1");
	wait_for(&heard.connected, 3);
}

// Shows: RFC 8071 3.1 the controller takes a call, proves the NSF's certificate and opens the session
static void test_call_home(void **state)
{
	(void)state;
	start_calling();
	call_as(w.nsf.tls);
	wait_for(&heard.connected, 1);
	assert_true(request((struct engine_request){.op = ENGINE_OP_VALIDATE}));
	nsf_stop(&w.nsf);
	wait_for(&heard.away, 2);
	nsf_start(&w.nsf);
	call_as(w.nsf.tls);
	wait_for(&heard.connected, 2);
	assert_true(request((struct engine_request){.op = ENGINE_OP_VALIDATE}));
	south_renew(w.south, "fw1"); // revoked: it is not called, and must call again
	wait_for(&heard.refused, 1);
	configure("fw1"); // reached from now on
	wait_for(&heard.connected, 3);
	configure_calling("fw1");
	wait_for(&heard.away, 3);
	assert_int_equal(heard.calls_refused, 0);
}

static void refused_as(struct io_tls *tls, const char *why)
{
	unsigned before = heard.calls_refused;
	call_as(tls);
	wait_for(&heard.calls_refused, before + 1);
	if (!strstr(heard.call, why) || !strstr(heard.call, "::1"))
		fail_msg("%s", heard.call);
}

// Shows: RFC 8071 5 who calls is taken only by a certificate of its name and role
static void test_strangers_call(void **state)
{
	(void)state;
	start_calling();
	struct io_tls *eve = identity("eve", "DNS:fw1", "nsf");
	refused_as(eve, "the NSF eve is not registered");
	io_tls_free(eve);
	eve = identity("eve", "DNS:eve", "operator");
	refused_as(eve, "the certificate of 'eve' is for 'operator', not for an NSF");
	io_tls_free(eve);
	struct test_ca *mine = w.ca;
	w.ca = test_ca_new("another authority", in("eve.pem"));
	struct io_tls *stranger = identity("eve", "DNS:fw1", "nsf");
	refused_as(stranger, "comes from an unknown issuer");
	io_tls_free(stranger);
	test_ca_free(w.ca);
	w.ca = mine;
	configure("fw1");
	wait_for(&heard.connected, 1);
	refused_as(w.nsf.tls, "the NSF fw1 is not marked as calling home");
}

static void test_wrong_role(void **state)
{
	(void)state;
	nsf_stop(&w.nsf);
	io_tls_free(w.nsf.tls);
	w.nsf.tls = identity("fw1", "DNS:fw1", "operator");
	nsf_start(&w.nsf);
	configure("fw1");
	assert_true(south_start(w.south, NULL, &w.diags));
	wait_for(&heard.refused, 1);
	assert_string_equal(heard.reason,
			    "the certificate of 'fw1' is for 'operator', not for an NSF");
}

static void *slow_commit(void *context)
{
	struct engine_request r = {
		.op = ENGINE_OP_COMMIT, .persist = "x", .confirm_timeout = 60, .timeout_ms = 4000};
	return request(r) ? context : NULL;
}

static void test_second_call(void **state)
{
	(void)state;
	start_calling();
	call_as(w.nsf.tls);
	wait_for(&heard.connected, 1);
	refused_as(w.nsf.tls, "the NSF is connected already, and answers");
	assert_int_equal(heard.connected, 1); // the first one goes on
	assert_true(request((struct engine_request){.op = ENGINE_OP_VALIDATE}));
	// One that is busy is alive as well: its commit takes its time.
	pthread_t thread;
	w.nsf.holds = true;
	assert_int_equal(pthread_create(&thread, NULL, slow_commit, NULL), 0);
	refused_as(w.nsf.tls, "the NSF is connected already");
	assert_int_equal(heard.connected, 1);
	pthread_join(thread, NULL);
	wait_for(&heard.away, 2); // it took too long, and the session was given up
	call_as(w.nsf.tls);
	wait_for(&heard.connected, 2);
}

// A hundred who say nothing, from one address: an NSF elsewhere is served at once.
static void test_silent_callers(void **state)
{
	(void)state;
	struct io_address to;
	int silent[100];
	start_calling();
	assert_true(io_address_parse("127.0.0.1", io_address_port(&w.home), &w.diags, &to));
	for (size_t i = 0; i < array_len(silent); i++)
		assert_int_equal(io_connect_start(&to, NULL, &silent[i]), 0);
	call_as(w.nsf.tls);
	wait_for(&heard.connected, 1);
	assert_int_equal(heard.calls_refused, 0);
	for (size_t i = 0; i < array_len(silent); i++)
		close(silent[i]);
	wait_for(&heard.calls_refused, 20); // more are counted, and not told one by one
	assert_true(request((struct engine_request){.op = ENGINE_OP_VALIDATE}));
}

static void test_operations(void **state)
{
	(void)state;
	start();
	struct engine_request r = {.op = ENGINE_OP_TRUST, .text = "a<b", .len = 3};
	assert_true(request(r));
	assert_string_equal(asked(), "update-trust a<b;");
	struct engine_flow flow = {.id = "ph-1",
				   .source = "2001:db8::1",
				   .destination = "2001:db8::2",
				   .protocol_number = 17,
				   .destination_port = 5004,
				   .lifetime = 60,
				   .idle = 10};
	r = (struct engine_request){.op = ENGINE_OP_PINHOLE_OPEN, .flow = &flow};
	assert_true(request(r));
	assert_string_equal(asked(), "open-pinhole ph-1 port 5004;");
	r.op = ENGINE_OP_PINHOLE_CLOSE;
	assert_true(request(r));
	assert_string_equal(asked(), "close-pinhole ph-1;");
	flow.id = "unknown";
	assert_true(request(r)); // what is not open is closed
	r.op = ENGINE_OP_PINHOLE_OPEN;
	assert_false(request(r));
	const char *cap;
	assert_true(south_ops.capabilities(w.south, "fw1", &w.diags, &cap));
	assert_non_null(strstr(cap, "<nsf-name>fw1</nsf-name>"));
}

// CUS-4: records come as they were signed, whatever else an NSF says beside them.
static void test_evidence(void **state)
{
	(void)state;
	struct engine_evidence_request r = {.nsf = "fw1", .timeout_ms = 10000};
	struct engine_records got;
	start();
	w.nsf.evidence_xml =
		"<certificate xmlns=\"" NSF "\">PEM</certificate>"
		"<record xmlns=\"" NSF "\"><text>{&quot;a&quot;:&quot;&lt;&quot;}</text>"
		"<signature>AAAA</signature></record>"
		"<record xmlns=\"" NSF "\"><text><![CDATA[{}]]></text><signature>BBBB</signature>"
		"</record><record xmlns=\"" NSF "\"><text>{}</text></record>"
		"<record xmlns=\"" NSF "\"><text><b/></text><signature>CCCC</signature></record>"
		"<record xmlns=\"urn:other\"><text>{}</text><signature>DDDD</signature></record>"
		"<more xmlns=\"" NSF "\">true</more>";
	assert_true(south_ops.evidence(w.south, &r, &w.diags, &got));
	assert_string_equal(asked(), "get-evidence - 0;");
	assert_string_equal(got.certificate, "PEM");
	assert_int_equal(got.record.len, 2);
	assert_string_equal(got.record.at[0].text, "{\"a\":\"<\"}");
	assert_string_equal(got.record.at[0].signature, "AAAA");
	assert_string_equal(got.record.at[1].text, "{}");
	assert_true(got.more);
	w.nsf.evidence_xml = "<more xmlns=\"" NSF "\">false</more>";
	r.chain = "00112233445566aa";
	r.serial = UINT64_MAX;
	assert_true(south_ops.evidence(w.south, &r, &w.diags, &got));
	assert_string_equal(asked(), "get-evidence 00112233445566aa 18446744073709551615;");
	assert_null(got.certificate);
	assert_int_equal(got.record.len, 0);
	assert_false(got.more);
	r.nsf = "nobody";
	assert_false(south_ops.evidence(w.south, &r, &w.diags, &got));
}

#define DIGEST_A "00000000000000000000000000000000000000000000000000000000000000aa"

static bool report(struct engine_report *out)
{
	struct engine_report_request r = {.nsf = "fw1", .timeout_ms = 10000};
	diags_init(&w.diags, &w.arena);
	return south_ops.report(w.south, &r, &w.diags, out);
}

static void test_report(void **state)
{
	(void)state;
	w.nsf.state_xml =
		"<nsf-state xmlns=\"" NSF
		"\"><version>1.2</version><enforcement>pending</enforcement>"
		"<intended-digest>" DIGEST_A "</intended-digest><policy-digest>" DIGEST_A
		"</policy-digest><enforced-digest>" DIGEST_A "</enforced-digest>"
		"<lowered-at>100</lowered-at><horizon>200</horizon>"
		"<pending><persist-id>id-9</persist-id><seconds-left>3</seconds-left></pending>"
		"<rule><index>0</index><policy>p</policy><name>r</name><enforced>true</enforced>"
		"<packets>18446744073709551615</packets><bytes>7</bytes></rule>"
		"<pinhole><id>ph-1</id></pinhole></nsf-state>";
	start();
	struct engine_report r;
	assert_true(report(&r));
	assert_string_equal(r.software, "1.2");
	assert_true(r.settled && r.has_intended && r.has_enforced && !r.none);
	assert_int_equal(r.intended[31], 0xaa);
	assert_int_equal(r.horizon, 200);
	assert_string_equal(r.persist, "id-9");
	assert_int_equal(r.rule.len, 1);
	assert_true(r.rule.at[0].packets == UINT64_MAX);
	assert_int_equal(r.pinhole.len, 1);
	w.nsf.state_xml =
		"<nsf-state xmlns=\"" NSF "\"><enforcement>none</enforcement></nsf-state>";
	assert_true(report(&r));
	assert_true(r.none && !r.has_intended && !r.settled && !r.persist);
	w.nsf.state_xml = NULL;
	assert_false(report(&r));
	assert_non_null(w.diags.list.at[0].hint);
}

static void test_notifications(void **state)
{
	(void)state;
	start();
	io_post(w.nsf.loop, notify, &w.nsf);
	wait_for(&heard.notices, 1);
	assert_int_equal(heard.notice.kind, ENGINE_NOTICE_DRIFT);
	assert_string_equal(heard.notice_text, "|3 difference(s); rule p/r missing");
	io_post(w.nsf.loop, notify_closed, &w.nsf);
	wait_for(&heard.notices, 2);
	assert_int_equal(heard.notice.kind, ENGINE_NOTICE_PINHOLE_CLOSED);
	assert_string_equal(heard.notice_text, "ph-1|idle");
}

// --- over SSH ---

static void serve_over_ssh(void)
{
	struct buf line cleanup(buf_fini);
	buf_init(&line);
	buf_adds(&line, "role=controller,name=bulwark ");
	io_ssh_public(w.ssh, &line);
	struct file_put put = {
		.path = in("authorized"), .data = line.data, .len = line.len, .mode = 0600};
	assert_int_equal(file_put(&put), 0);
	nsf_stop(&w.nsf);
	w.nsf.ssh = key("host.ssh", put.path);
	nsf_start(&w.nsf);
}

static void configure_ssh(const char *user, const char *pin)
{
	const char *const pins[] = {pin, NULL};
	struct engine_peer peer = {.name = "fw1",
				   .address = "::1",
				   .port = io_address_port(&w.address),
				   .ssh_user = user,
				   .host_keys = pins};
	south_ops.configure(w.south, &peer, 1);
}

// An NSF without a certificate is known by its host key, and knows the controller by the controller's.
static void test_ssh(void **state)
{
	char right[IO_SSH_FINGERPRINT], wrong[IO_SSH_FINGERPRINT];
	(void)state;
	serve_over_ssh();
	io_ssh_fingerprint(w.nsf.ssh, right);
	io_ssh_fingerprint(w.ssh, wrong);
	configure_ssh("bulwark", right);
	assert_true(south_start(w.south, NULL, &w.diags));
	wait_for(&heard.connected, 1);
	assert_true(request((struct engine_request){.op = ENGINE_OP_VALIDATE}));
	configure_ssh("bulwark", wrong);
	wait_for(&heard.refused, 1);
	assert_non_null(strstr(heard.reason, "the server's host key is SHA256:"));
	configure_ssh("somebody", right);
	wait_for(&heard.refused, 2);
	assert_non_null(strstr(heard.reason, "does not let 'somebody' in with our key SHA256:"));
	configure_ssh("bulwark", right);
	wait_for(&heard.connected, 2);
}

// In the NSF's thread.
static void call_over_ssh(void *context)
{
	int fd;
	assert_int_equal(io_connect_start(&w.home_ssh, NULL, &fd), 0);
	struct netconf_connection c = {.transport = io_ssh_server(context, fd), .connecting = true};
	netconf_server_serve(w.nsf.server, &c);
}

static void configure_call_ssh(const char *pin)
{
	const char *const pins[] = {pin, NULL};
	struct engine_peer peer = {
		.name = "fw1", .calls_home = true, .ssh_user = "bulwark", .host_keys = pins};
	south_ops.configure(w.south, &peer, 1);
}

// Shows: RFC 8071 3.1 C3 a call over SSH is known by its host key alone
static void test_ssh_call(void **state)
{
	char right[IO_SSH_FINGERPRINT], wrong[IO_SSH_FINGERPRINT];
	(void)state;
	serve_over_ssh();
	io_ssh_fingerprint(w.nsf.ssh, right);
	io_ssh_fingerprint(w.ssh, wrong);
	configure_call_ssh(wrong);
	assert_true(south_start(w.south, NULL, &w.diags));
	wait_for(&heard.away, 1);
	io_post(w.nsf.loop, call_over_ssh, w.nsf.ssh);
	wait_for(&heard.calls_refused, 1);
	assert_non_null(strstr(heard.call, "is nobody's here"));
	assert_non_null(strstr(heard.call, right));
	call_as(w.nsf.tls); // a certificate does not help who is registered with a key
	wait_for(&heard.calls_refused, 2);
	assert_non_null(strstr(heard.call, "is registered to call over SSH"));
	configure_call_ssh(right);
	wait_for(&heard.away, 2);
	io_post(w.nsf.loop, call_over_ssh, w.nsf.ssh);
	wait_for(&heard.connected, 1);
	assert_true(request((struct engine_request){.op = ENGINE_OP_VALIDATE}));
	io_post(w.nsf.loop, call_over_ssh, w.nsf.ssh); // once more, while the session lives
	wait_for(&heard.calls_refused, 3);
	assert_non_null(strstr(heard.call, "is connected already"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_transaction), TEST(test_dirty_candidate), TEST(test_session_ends),
		TEST(test_silence),     TEST(test_wrong_name),      TEST(test_unmanaged),
		TEST(test_operations),  TEST(test_call_home),       TEST(test_strangers_call),
		TEST(test_wrong_role),  TEST(test_second_call),     TEST(test_silent_callers),
		TEST(test_ssh),         TEST(test_ssh_call),        TEST(test_report),
		TEST(test_evidence),    TEST(test_notifications),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
