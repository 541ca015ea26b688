// SPDX-License-Identifier: Apache-2.0
// A NETCONF server under policies of 1,000, 10,000 and 100,000 rules, asked over TLS by our client: replacing all rules,
// changing one, reading all; the memory of the server's process. The peer is the least server that libnetconf2 and libyang
// make (netconf_peer.c), asked the same in the same run. Ours edits the candidate and commits, the peer edits running.
#include "base/buf.h"
#include "base/file.h"
#include "benchmarks/figure.h"
#include "benchmarks/netconf_peer.h"
#include "io/loop.h"
#include "io/net.h"
#include "io/test_certs.h"
#include "io/tls.h"
#include "proto/netconf/client.h"
#include "proto/netconf/server.h"
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

#define NFI "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-nsf-facing-interface\""
#define ONE_EDITS 100u
#define TIMEOUT_MS 600000u

struct bench {
	struct arena arena;
	struct diags diags;
	const char *dir;
	struct io_tls *tls;
	struct io_address address;
	pid_t server;
	bool peer; // who is asked
	struct netconf_client *client;
};

static void fail(struct bench *b, const char *what)
{
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	for (size_t i = 0; i < b->diags.list.len && i < 5; i++)
		diag_print(&b->diags.list.at[i], false, &out);
	fprintf(stderr, "%s failed\n%s", what, out.len ? out.data : "");
	exit(1);
}

// --- files ---

static const char *file(struct bench *b, const char *name)
{
	return arena_printf(&b->arena, "%s/%s", b->dir, name);
}

static void make_identities(struct bench *b)
{
	char dir[] = "/tmp/bench-netconf-XXXXXX";
	if (!mkdtemp(dir))
		fail(b, "a temporary folder");
	b->dir = arena_strdup(&b->arena, dir);
	struct test_ca *ca = test_ca_new("bench authority", file(b, "ca.pem"));
	struct test_cert server = {.name = "server",
				   .san = "IP:127.0.0.1",
				   .file = file(b, "server.pem"),
				   .key_file = file(b, "server.key")};
	struct test_cert client = {.name = "client",
				   .san = "IP:127.0.0.1",
				   .file = file(b, "client.pem"),
				   .key_file = file(b, "client.key")};
	test_ca_issue(ca, &server);
	test_ca_issue(ca, &client);
	test_ca_free(ca);
}

static void remove_identities(struct bench *b)
{
	static const char *const name[] = {"ca.pem", "server.pem", "server.key", "client.pem",
					   "client.key"};
	for (size_t i = 0; i < array_len(name); i++)
		(void)unlink(file(b, name[i]));
	(void)rmdir(b->dir);
}

static struct io_tls *identity(struct bench *b, const char *name)
{
	struct io_tls_files files = {
		.certificate = file(b, arena_printf(&b->arena, "%s.pem", name)),
		.key = file(b, arena_printf(&b->arena, "%s.key", name)),
		.ca = file(b, "ca.pem"),
	};
	struct io_tls *tls = io_tls_new(&files, &b->diags);
	if (!tls)
		fail(b, "TLS");
	return tls;
}

static const char *ca_fingerprint(struct bench *b)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct buf out;
	FILE *in = fopen(file(b, "ca.pem"), "re");
	X509 *x = in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;
	if (!x || !X509_digest(x, EVP_sha256(), digest, &len))
		fail(b, "the authority's fingerprint");
	fclose(in);
	X509_free(x);
	buf_init(&out);
	buf_adds(&out, "04");
	for (unsigned i = 0; i < len; i++)
		buf_printf(&out, ":%02X", digest[i]);
	return buf_take(&out, &(size_t){0});
}

// --- our server ---

static void commit(void *context, const struct netconf_commit *c, struct netconf_reply *reply)
{
	(void)context, (void)c;
	netconf_reply_ok(reply);
}
static void confirm(void *context, const struct netconf_asker *asker, struct netconf_reply *reply)
{
	(void)context, (void)asker;
	netconf_reply_ok(reply);
}
static void persist(void *context, const struct schema_tree *tree, struct netconf_reply *reply)
{
	(void)context, (void)tree;
	netconf_reply_ok(reply);
}

static void serve(struct bench *b, int fd)
{
	static const char *const modules[] = {"ietf-netconf", "notifications",
					      "ietf-i2nsf-nsf-facing-interface",
					      "ietf-i2nsf-capability", NULL};
	static const struct netconf_ops ops = {
		.commit = commit, .confirm = confirm, .cancel = confirm, .persist = persist};
	struct netconf_server_options options = {.ops = &ops};
	options.schema = schema_open(NULL, modules, &b->diags);
	if (!options.schema || io_loop_new(&options.loop) < 0)
		fail(b, "the server");
	struct netconf_server *server = netconf_server_new(&options);
	if (netconf_server_listen(server, io_tls_accepting(identity(b, "server")), fd) < 0 ||
	    io_loop_run(options.loop) < 0)
		fail(b, "the server");
}

static void start_server(struct bench *b, bool peer)
{
	int fd = -1;
	struct io_address any;
	if (!io_address_parse("127.0.0.1", 0, &b->diags, &any) || io_listen(&any, &fd) < 0 ||
	    io_address_of(fd, &b->address) < 0)
		fail(b, "listening");
	struct netconf_peer_options o = {.yang_dir = BENCH_YANG_DIR,
					 .ca = file(b, "ca.pem"),
					 .certificate = file(b, "server.pem"),
					 .key = file(b, "server.key"),
					 .ca_fingerprint = ca_fingerprint(b),
					 .port = io_address_port(&b->address)};
	if (peer)
		close(fd); // it listens there by itself
	b->peer = peer;
	b->server = fork();
	if (b->server)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!peer)
		serve(b, fd);
	_exit(netconf_peer_run(&o));
}

static void stop_server(struct bench *b)
{
	netconf_client_free(b->client);
	b->client = NULL;
	kill(b->server, SIGKILL);
	(void)waitpid(b->server, NULL, 0);
}

// Kilobytes, from /proc; "VmHWM" is the peak.
static double memory_mb(struct bench *b, const char *what)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	if (file_read(arena_printf(&b->arena, "/proc/%d/status", (int)b->server), 65536, &text) < 0)
		fail(b, "/proc");
	const char *at = strstr(text.data, what);
	return at ? strtod(at + strlen(what) + 1, NULL) / 1024 : 0;
}

// --- our client ---

static void connect_client(struct bench *b)
{
	struct io_tls_target target = {.tls = b->tls, .expected_name = "127.0.0.1"};
	for (unsigned tries = 0; tries < 100 && !b->client; tries++) {
		struct netconf_client_options o = {.opener = io_tls_connecting(&target),
						   .to = b->address};
		diags_init(&b->diags, &b->arena);
		b->client = netconf_client_connect(&o, &b->diags);
		if (!b->client)
			(void)poll(NULL, 0, 100); // it is still starting
	}
	if (!b->client)
		fail(b, "connecting");
}

// Seconds; `len_out` of what the reply holds.
static double ask(struct bench *b, const char *xml, size_t *len_out)
{
	struct arena arena;
	struct diags diags;
	struct netconf_result result;
	arena_init(&arena);
	diags_init(&diags, &arena);
	double begun = figure_seconds();
	if (!netconf_client_call(b->client,
				 &(struct netconf_call){.xml = xml, .timeout_ms = TIMEOUT_MS},
				 &diags, &result)) {
		b->diags = diags;
		fail(b, "a request");
	}
	double end = figure_seconds();
	if (len_out)
		*len_out = result.len;
	arena_fini(&arena);
	return end - begun;
}

static double edit(struct bench *b, const char *xml)
{
	double seconds = ask(b, xml, NULL);
	return b->peer ? seconds : seconds + ask(b, "<commit/>", NULL);
}

// --- policies ---

static void add_rule(struct buf *out, unsigned i, unsigned port)
{
	buf_printf(out,
		   "<rules><name>rule-%u</name><priority>%u</priority><condition><ipv4>"
		   "<source-ipv4-network>10.%u.%u.%u/32</source-ipv4-network>"
		   "<destination-ipv4-network>192.%u.%u.0/24</destination-ipv4-network></ipv4><tcp>"
		   "<destination-port-number><lower-port>%u</lower-port><upper-port>%u</upper-port>"
		   "</destination-port-number></tcp></condition><action><packet-action>"
		   "<ingress-action>%s</ingress-action></packet-action></action></rules>",
		   i, 1 + i % 255, i >> 16, i >> 8 & 255, i & 255, i % 7, i % 251, port, port + 5,
		   i % 3 ? "pass" : "drop");
}

static char *policy(const struct bench *b, unsigned rules, unsigned port, bool replace)
{
	struct buf out;
	buf_init(&out);
	buf_printf(&out,
		   "<edit-config><target><%s/></target>%s<config><i2nsf-security-policy " NFI
		   "><name>p</name><priority-usage>priority-by-number</priority-usage>"
		   "<default-action>drop</default-action>",
		   b->peer ? "running" : "candidate",
		   replace ? "<default-operation>replace</default-operation>" : "");
	for (unsigned i = 0; i < (replace ? rules : 1); i++)
		add_rule(&out, replace ? i : rules / 2, port);
	buf_adds(&out, "</i2nsf-security-policy></config></edit-config>");
	return buf_take(&out, &(size_t){0});
}

// --- figures ---

struct figures {
	double replace, one_median, one_worst, get, peak_mb;
	size_t get_len;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void measure_one(struct bench *b, unsigned rules, struct figures *f)
{
	double seconds[ONE_EDITS];
	unsigned n = b->peer && rules > 10000 ? 5 : ONE_EDITS;
	for (unsigned i = 0; i < n; i++) {
		char *xml = policy(b, rules, 2000 + i, false);
		seconds[i] = edit(b, xml);
		free(xml);
	}
	qsort(seconds, n, sizeof(*seconds), by_value);
	f->one_median = seconds[n / 2];
	f->one_worst = seconds[n * 99 / 100];
}

static struct figures measure(struct bench *b, bool peer, unsigned rules)
{
	struct figures f = {0};
	start_server(b, peer);
	connect_client(b);
	char *first = policy(b, rules, 80, true), *second = policy(b, rules, 8080, true);
	(void)edit(b, first);
	f.replace = edit(b, second);
	free(first);
	free(second);
	measure_one(b, rules, &f);
	f.get = ask(b, "<get-config><source><running/></source></get-config>", &f.get_len);
	f.peak_mb = memory_mb(b, "VmHWM:");
	stop_server(b);
	return f;
}

static void print(const char *what, unsigned rules, double ours, double theirs, const char *unit)
{
	char name[80], ratio[80];
	snprintf(name, sizeof(name), "%s, %u rules", what, rules);
	snprintf(ratio, sizeof(ratio), "libnetconf2 %.3f, %.1f times as much", theirs,
		 theirs / ours);
	figure_print(name, ours, unit, ratio);
}

int main(void)
{
	struct bench b = {0};
	arena_init(&b.arena);
	diags_init(&b.diags, &b.arena);
	make_identities(&b);
	b.tls = identity(&b, "client");
	for (unsigned rules = 1000; rules <= 100000; rules *= 10) {
		struct figures ours = measure(&b, false, rules), theirs = measure(&b, true, rules);
		print("replace all", rules, ours.replace * 1e3, theirs.replace * 1e3, "ms");
		print("change one, median", rules, ours.one_median * 1e3, theirs.one_median * 1e3,
		      "ms");
		print("change one, p99", rules, ours.one_worst * 1e3, theirs.one_worst * 1e3, "ms");
		print("get-config", rules, ours.get * 1e3, theirs.get * 1e3, "ms");
		print("peak memory of the server", rules, ours.peak_mb, theirs.peak_mb, "MB");
	}
	io_tls_free(b.tls);
	remove_identities(&b);
	arena_fini(&b.arena);
	return 0;
}
