// SPDX-License-Identifier: Apache-2.0
// A NETCONF server of ours, or its peer, in a process of its own, and a client.
#include "benchmarks/world.h"

#include "base/buf.h"
#include "base/file.h"
#include "benchmarks/figure.h"
#include "benchmarks/netconf_peer.h"
#include "io/loop.h"
#include "io/test_certs.h"
#include "proto/netconf/client.h"
#include "proto/netconf/test_yes.h"
#include "schema/schema.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void world_fail(struct world *w, const char *what)
{
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	for (size_t i = 0; i < w->diags.list.len && i < 5; i++)
		diag_print(&w->diags.list.at[i], false, &out);
	fprintf(stderr, "%s failed\n%s", what, out.len ? out.data : "");
	exit(1);
}

// --- files ---

static const char *file(struct world *w, const char *name)
{
	return arena_printf(&w->arena, "%s/%s", w->dir, name);
}

static struct io_ssh *key(struct world *w, const struct io_ssh_options *options)
{
	struct io_ssh *ssh =
		io_ssh_key_new(options->key, &w->diags) ? io_ssh_new(options, &w->diags) : NULL;
	if (!ssh)
		world_fail(w, "SSH");
	return ssh;
}

static void make_keys(struct world *w)
{
	static const char *const roles[] = {"operator", NULL};
	struct buf line cleanup(buf_fini);
	char pin[IO_SSH_FINGERPRINT];
	const char **pins = arena_array(&w->arena, const char *, 2);
	buf_init(&line);
	w->ssh = key(w, &(struct io_ssh_options){.key = file(w, "key")});
	buf_adds(&line, "role=operator,name=client ");
	io_ssh_public(w->ssh, &line);
	struct file_put put = {
		.path = file(w, "authorized"), .data = line.data, .len = line.len, .mode = 0600};
	if (file_put(&put) < 0)
		world_fail(w, "a file");
	w->host = key(w, &(struct io_ssh_options){.key = file(w, "host"),
						  .authorized = file(w, "authorized"),
						  .roles = roles});
	io_ssh_fingerprint(w->host, pin);
	pins[0] = arena_strdup(&w->arena, pin);
	pins[1] = NULL;
	w->ssh_target = (struct io_ssh_target){.ssh = w->ssh, .user = "client", .pins = pins};
}

static void make_identities(struct world *w)
{
	char dir[] = "/tmp/bench-netconf-XXXXXX";
	if (!mkdtemp(dir))
		world_fail(w, "a temporary folder");
	w->dir = arena_strdup(&w->arena, dir);
	struct test_ca *ca = test_ca_new("bench authority", file(w, "ca.pem"));
	struct test_cert server = {.name = "server",
				   .san = "IP:127.0.0.1",
				   .file = file(w, "server.pem"),
				   .key_file = file(w, "server.key")};
	struct test_cert client = {.name = "client",
				   .san = "IP:127.0.0.1",
				   .file = file(w, "client.pem"),
				   .key_file = file(w, "client.key")};
	test_ca_issue(ca, &server);
	test_ca_issue(ca, &client);
	test_ca_free(ca);
	make_keys(w);
}

static void remove_identities(struct world *w)
{
	static const char *const name[] = {"ca.pem",     "server.pem", "server.key", "client.pem",
					   "client.key", "host",       "key",        "authorized"};
	io_ssh_free(w->host);
	io_ssh_free(w->ssh);
	for (size_t i = 0; i < array_len(name); i++)
		(void)unlink(file(w, name[i]));
	(void)rmdir(w->dir);
}

static struct io_tls *identity(struct world *w, const char *name)
{
	struct io_tls_files files = {
		.certificate = file(w, arena_printf(&w->arena, "%s.pem", name)),
		.key = file(w, arena_printf(&w->arena, "%s.key", name)),
		.ca = file(w, "ca.pem"),
	};
	struct io_tls *tls = io_tls_new(&files, &w->diags);
	if (!tls)
		world_fail(w, "TLS");
	return tls;
}

void world_init(struct world *w)
{
	*w = (struct world){0};
	arena_init(&w->arena);
	diags_init(&w->diags, &w->arena);
	make_identities(w);
	w->tls = identity(w, "client");
}

void world_fini(struct world *w)
{
	io_tls_free(w->tls);
	remove_identities(w);
	arena_fini(&w->arena);
}

static const char *ca_fingerprint(struct world *w)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct buf out;
	FILE *in = fopen(file(w, "ca.pem"), "re");
	X509 *x = in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;
	if (!x || !X509_digest(x, EVP_sha256(), digest, &len))
		world_fail(w, "the authority's fingerprint");
	fclose(in);
	X509_free(x);
	buf_init(&out);
	buf_adds(&out, "04");
	for (unsigned i = 0; i < len; i++)
		buf_printf(&out, ":%02X", digest[i]);
	return buf_take(&out, &(size_t){0});
}

// --- our server ---

// Below the same node as configuration.
static void state(void *context, const struct netconf_get *get, struct netconf_reply *reply)
{
	static const char one[] =
		"<interfaces xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\"><interface>"
		"<name>0</name><oper-status>up</oper-status></interface></interfaces>";
	(void)context;
	bool wanted =
		netconf_get_wants(get, "urn:ietf:params:xml:ns:yang:ietf-interfaces", "interfaces");
	netconf_reply_data(reply, one, wanted ? sizeof(one) - 1 : 0);
}

static void serve(struct world *w, int fd)
{
	static const char *const modules[] = {"ietf-netconf",
					      "notifications",
					      "ietf-i2nsf-nsf-facing-interface",
					      "ietf-i2nsf-capability",
					      "ietf-interfaces",
					      "iana-if-type",
					      NULL};
	static const struct netconf_ops ops = {.commit = test_yes_commit,
					       .confirm = test_yes_confirm,
					       .cancel = test_yes_confirm,
					       .persist = test_yes_persist,
					       .state = state};
	struct netconf_server_options options = {.ops = &ops, .sessions_most = 100000};
	options.schema = schema_open(NULL, modules, &w->diags);
	if (!options.schema || io_loop_new(&options.loop) < 0)
		world_fail(w, "the server");
	struct netconf_server *server = netconf_server_new(&options);
	struct io_opener opener =
		w->over_ssh ? io_ssh_accepting(w->host) : io_tls_accepting(identity(w, "server"));
	if (netconf_server_listen(server, opener, fd) < 0 || io_loop_run(options.loop) < 0)
		world_fail(w, "the server");
}

void world_start_server(struct world *w, enum world_server which)
{
	int fd = -1;
	struct io_address any;
	if (!io_address_parse("127.0.0.1", 0, &w->diags, &any) || io_listen(&any, &fd) < 0 ||
	    io_address_of(fd, &w->address) < 0)
		world_fail(w, "listening");
	struct netconf_peer_options o = {.yang_dir = BENCH_YANG_DIR,
					 .ca = file(w, "ca.pem"),
					 .certificate = file(w, "server.pem"),
					 .key = file(w, "server.key"),
					 .ca_fingerprint = ca_fingerprint(w),
					 .port = io_address_port(&w->address),
					 .together = which == WORLD_PEER_TOGETHER};
	w->over_ssh = which == WORLD_OURS_SSH;
	w->peer = which != WORLD_OURS && !w->over_ssh;
	if (w->peer)
		close(fd); // it listens there by itself
	io_descriptors(65536);
	w->server = fork();
	if (w->server)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!w->peer)
		serve(w, fd);
	_exit(netconf_peer_run(&o));
}

void world_stop_server(struct world *w)
{
	netconf_client_free(w->client);
	w->client = NULL;
	kill(w->server, SIGKILL);
	(void)waitpid(w->server, NULL, 0);
}

double world_memory_mb(struct world *w, const char *what)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	if (file_read(arena_printf(&w->arena, "/proc/%d/status", (int)w->server), 65536, &text) < 0)
		world_fail(w, "/proc");
	const char *at = strstr(text.data, what);
	return at ? strtod(at + strlen(what) + 1, NULL) / 1024 : 0;
}

double world_cpu_seconds(struct world *w)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	if (file_read(arena_printf(&w->arena, "/proc/%d/stat", (int)w->server), 65536, &text) < 0)
		world_fail(w, "/proc");
	// Behind the name, which may hold anything: state, then ten fields, then user and system time.
	const char *at = strrchr(text.data, ')') + 2;
	for (int i = 0; i < 11; i++)
		at = strchr(at, ' ') + 1;
	char *next;
	double ticks = strtod(at, &next) + strtod(next, NULL);
	return ticks / (double)sysconf(_SC_CLK_TCK);
}

// --- our client ---

struct io_opener world_opener(struct world *w)
{
	w->tls_target = (struct io_tls_target){.tls = w->tls, .expected_name = "127.0.0.1"};
	return w->over_ssh ? io_ssh_connecting(&w->ssh_target) : io_tls_connecting(&w->tls_target);
}

void world_connect_client(struct world *w)
{
	for (unsigned tries = 0; tries < 100 && !w->client; tries++) {
		struct netconf_client_options o = {.opener = world_opener(w), .to = w->address};
		diags_init(&w->diags, &w->arena);
		w->client = netconf_client_connect(&o, &w->diags);
		if (!w->client)
			(void)poll(NULL, 0, 100); // it is still starting
	}
	if (!w->client)
		world_fail(w, "connecting");
}

double world_ask_small(struct world *w)
{
	static const char small[] =
		"<get-config><source><running/></source><filter type=\"subtree\">"
		"<nsf xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-capability\"/></filter>"
		"</get-config>";
	struct arena arena;
	struct diags diags;
	struct netconf_result result;
	arena_init(&arena);
	diags_init(&diags, &arena);
	double begun = figure_seconds();
	if (!netconf_client_call(w->client, &(struct netconf_call){.xml = small}, &diags, &result))
		world_fail(w, "a request");
	double end = figure_seconds();
	arena_fini(&arena);
	return end - begun;
}
