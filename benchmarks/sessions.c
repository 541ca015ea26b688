// SPDX-License-Identifier: Apache-2.0
// Many sessions: what 10,000 idle ones over TLS and 2,000 over SSH cost a server, what a small request takes beside them,
// logins a second on one core; and how long a controller takes until it serves 1,000 NSFs that call home at once. The peer
// of the first ones is the least server on libnetconf2 with 1,000 sessions; with more it serves none of them in time.
#include "base/buf.h"
#include "benchmarks/figure.h"
#include "benchmarks/world.h"
#include "engine/nsf.h"
#include "io/backoff.h"
#include "io/loop.h"
#include "io/test_certs.h"
#include "proto/netconf/client.h"
#include "proto/netconf/server.h"
#include "schema/schema.h"
#include "south/south.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SESSIONS 10000u
#define PEER_SESSIONS 1000u
#define SSH_SESSIONS 2000u
#define HOLDERS 2u        // processes that hold them, so that the server is what is waited for
#define AT_A_TIME 64u     // of them come together
#define PEER_AT_A_TIME 2u // more find its queue full, and wait for their second try
#define IDLE_MS 5000
#define ASKS 2000u
#define CALLERS 1000u
#define CALLS_MS 60000u

// --- processes that hold sessions ---

struct holder {
	struct world *w;
	struct io_loop *loop;
	unsigned wanted, begun, open;
};

static void connect_one(struct holder *h);

static void opened(void *context)
{
	struct holder *h = context;
	h->open++;
	if (h->begun < h->wanted)
		connect_one(h);
	if (h->open == h->wanted)
		io_loop_stop(h->loop);
}

static void closed(void *context, const struct diag *why)
{
	struct holder *h = context;
	fprintf(stderr, "a session has ended: %s\n", why->text);
	world_fail(h->w, "holding sessions");
}

static void connect_one(struct holder *h)
{
	struct netconf_client_options o = {.opener = world_opener(h->w),
					   .to = h->w->address,
					   .connect_ms = 60000,
					   .keepalive_s = 600,
					   .opened = opened,
					   .closed = closed,
					   .context = h};
	h->begun++;
	if (!netconf_client_new(h->loop, &o))
		world_fail(h->w, "connecting");
}

// Holds the sessions until it is killed; a byte says that all are open.
static void hold(struct world *w, unsigned sessions, int told)
{
	struct holder h = {.w = w, .wanted = sessions};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (io_loop_new(&h.loop) < 0)
		world_fail(w, "a loop");
	while (h.begun < (w->peer ? PEER_AT_A_TIME : AT_A_TIME) && h.begun < sessions)
		connect_one(&h);
	int rc = io_loop_run(h.loop);
	if (rc < 0 || write(told, "x", 1) != 1)
		world_fail(w, "the loop");
	rc = io_loop_run(h.loop);
	_exit(rc < 0);
}

// Where they say that all is open, a byte each.
static int start_holders(struct world *w, unsigned sessions, pid_t pid[static HOLDERS])
{
	int ends[2];
	if (pipe(ends) < 0)
		world_fail(w, "a pipe");
	for (unsigned i = 0; i < HOLDERS; i++) {
		pid[i] = fork();
		if (!pid[i])
			hold(w, sessions / HOLDERS, ends[1]);
	}
	close(ends[1]);
	return ends[0];
}

// --- idle sessions ---

struct figures {
	double kb, idle, p50, p99, logins, login_p99, login_worst;
};

static void measure_asking(struct world *w, struct figures *f)
{
	static double seconds[ASKS];
	for (unsigned i = 0; i < ASKS; i++)
		seconds[i] = world_ask_small(w);
	figure_sort(seconds, ASKS);
	f->p50 = seconds[ASKS / 2];
	f->p99 = seconds[ASKS * 99 / 100];
}

// Somebody works in a session of his own while the others come.
static void wait_for_holders(struct world *w, int told, struct figures *f)
{
	struct pollfd here = {.fd = told, .events = POLLIN};
	static double seconds[ASKS]; // the last ones
	unsigned n = 0;
	char byte;
	for (unsigned open = 0; open < HOLDERS;) {
		double one = world_ask_small(w);
		seconds[n++ % ASKS] = one;
		f->login_worst = one > f->login_worst ? one : f->login_worst;
		if (poll(&here, 1, 1) == 0)
			continue;
		if (read(told, &byte, 1) != 1)
			world_fail(w, "opening the sessions");
		open++;
	}
	close(told);
	n = n < ASKS ? n : ASKS;
	figure_sort(seconds, n);
	f->login_p99 = seconds[n * 99 / 100];
}

static struct figures measure(struct world *w, enum world_server which, unsigned sessions)
{
	struct figures f = {0};
	pid_t pid[HOLDERS];
	world_start_server(w, which);
	world_connect_client(w);
	double memory = world_memory_mb(w, "VmRSS:"), cpu = world_cpu_seconds(w);
	wait_for_holders(w, start_holders(w, sessions, pid), &f);
	f.logins = sessions / (world_cpu_seconds(w) - cpu);
	f.kb = (world_memory_mb(w, "VmRSS:") - memory) * 1024 / sessions;
	cpu = world_cpu_seconds(w);
	(void)poll(NULL, 0, IDLE_MS);
	f.idle = (world_cpu_seconds(w) - cpu) * 1e5 / IDLE_MS;
	measure_asking(w, &f);
	for (unsigned i = 0; i < HOLDERS; i++) {
		kill(pid[i], SIGKILL);
		(void)waitpid(pid[i], NULL, 0);
	}
	world_stop_server(w);
	return f;
}

static void print(const char *what, double ours, double theirs, const char *unit,
		  const char *target)
{
	char text[120];
	snprintf(text, sizeof(text), "%s; libnetconf2 with %u: %.3f", target, PEER_SESSIONS,
		 theirs);
	figure_print(what, ours, unit, text);
}

static void measure_sessions(struct world *w)
{
	struct figures ours = measure(w, WORLD_OURS, SESSIONS);
	struct figures theirs = measure(w, WORLD_PEER_TOGETHER, PEER_SESSIONS);
	print("memory of an idle session, 10,000 open", ours.kb, theirs.kb, "kB", "target 30");
	print("processor while all are idle", ours.idle, theirs.idle, "% core", "target 1");
	print("small request beside them, median", ours.p50 * 1e3, theirs.p50 * 1e3, "ms", "");
	print("small request beside them, p99", ours.p99 * 1e3, theirs.p99 * 1e3, "ms", "target 2");
	print("small request while they log in, p99", ours.login_p99 * 1e3, theirs.login_p99 * 1e3,
	      "ms", "");
	print("small request while they log in, worst", ours.login_worst * 1e3,
	      theirs.login_worst * 1e3, "ms", "target 50");
	print("logins, both sides certified", ours.logins, theirs.logins, "/s core", "target 250");
}

static void measure_ssh(struct world *w)
{
	struct figures f = measure(w, WORLD_OURS_SSH, SSH_SESSIONS);
	figure_print("SSH: memory of an idle session, 2,000 open", f.kb, "kB", "");
	figure_print("SSH: processor while all are idle", f.idle, "% core", "");
	figure_print("SSH: small request beside them, median", f.p50 * 1e3, "ms", "");
	figure_print("SSH: small request beside them, p99", f.p99 * 1e3, "ms", "");
	figure_print("SSH: small request while they log in, p99", f.login_p99 * 1e3, "ms", "");
	figure_print("SSH: small request while they log in, worst", f.login_worst * 1e3, "ms",
		     "target 50");
	figure_print("SSH: logins, both sides by their keys", f.logins, "/s core", "");
}

// --- call home ---

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t news;
	unsigned connected, refused;
} told = {.mutex = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER};

static void tell(unsigned *count)
{
	pthread_mutex_lock(&told.mutex);
	++*count;
	pthread_cond_signal(&told.news);
	pthread_mutex_unlock(&told.mutex);
}

void engine_nsf_connected(struct engine *engine, const char *nsf)
{
	(void)engine, (void)nsf;
	tell(&told.connected);
}

void engine_nsf_disconnected(struct engine *engine, const char *nsf, enum engine_connection how,
			     const char *reason)
{
	(void)engine, (void)nsf, (void)how, (void)reason;
}

void engine_nsf_notice(struct engine *engine, const struct engine_notice *notice)
{
	(void)engine, (void)notice;
}

void engine_call_refused(struct engine *engine, const char *from, const char *why)
{
	(void)engine, (void)from;
	fprintf(stderr, "a call was refused: %s\n", why);
	tell(&told.refused);
}

// One NSF that calls, as the agent does it.
struct caller {
	struct callers *all;
	struct io_tls *tls;
	struct io_timer *timer;
	struct io_backoff backoff;
};

struct callers {
	struct world *w;
	struct io_loop *loop;
	struct netconf_server *server;
	struct caller caller[CALLERS];
};

static void failed(void *context, const struct diag *why)
{
	struct caller *c = context;
	fprintf(stderr, "a call has failed: %s\n", why ? why->text : "ended");
	io_timer_set(c->timer, io_backoff_next(&c->backoff, io_now(), io_chance()));
}

static void call(void *context)
{
	struct caller *c = context;
	int fd = -1;
	if (io_connect_start(&c->all->w->address, NULL, &fd) < 0)
		world_fail(c->all->w, "calling");
	netconf_server_serve(c->all->server,
			     &(struct netconf_connection){.transport = io_tls_server(c->tls, fd),
							  .connecting = true,
							  .closed = failed,
							  .context = c});
}

static struct io_tls *caller_identity(struct world *w, struct test_ca *ca, unsigned i)
{
	struct test_cert cert = {.name = arena_printf(&w->arena, "nsf-%u", i),
				 .unit = "nsf",
				 .file = arena_printf(&w->arena, "%s/nsf.pem", w->dir),
				 .key_file = arena_printf(&w->arena, "%s/nsf.key", w->dir)};
	struct io_tls_files files = {.certificate = cert.file,
				     .key = cert.key_file,
				     .ca = arena_printf(&w->arena, "%s/callers.pem", w->dir)};
	test_ca_issue(ca, &cert);
	struct io_tls *tls = io_tls_new(&files, &w->diags);
	if (!tls)
		world_fail(w, "TLS");
	return tls;
}

// Makes the callers; their server has every one's operations and does none.
static struct callers *callers_new(struct world *w, struct test_ca *ca)
{
	static const char *const modules[] = {"ietf-netconf", "notifications", NULL};
	static const struct netconf_ops ops = {.commit = NULL};
	struct callers *all = base_oom(calloc(1, sizeof(*all)));
	all->w = w;
	struct schema *schema = schema_open(NULL, modules, &w->diags);
	if (!schema || io_loop_new(&all->loop) < 0)
		world_fail(w, "the callers");
	all->server = netconf_server_new(&(struct netconf_server_options){
		.loop = all->loop, .schema = schema, .ops = &ops, .sessions_most = CALLERS});
	for (unsigned i = 0; i < CALLERS; i++)
		all->caller[i] = (struct caller){
			.all = all,
			.tls = caller_identity(w, ca, i),
			.timer = io_timer_new(all->loop, call, &all->caller[i]),
			.backoff = {.first_ms = 1000, .most_ms = 60000, .held_ms = 30000}};
	return all;
}

static struct south *controller(struct world *w, struct test_ca *ca)
{
	static struct engine_peer peer[CALLERS];
	static const char *door[1];
	struct south_options o = {.call_home = door, .call_homes = 1};
	int fd = -1;
	o.tls = caller_identity(w, ca, CALLERS);
	if (!io_address_parse("127.0.0.1", 0, &w->diags, &w->address) ||
	    io_listen(&w->address, &fd) < 0 || io_address_of(fd, &w->address) < 0)
		world_fail(w, "listening");
	close(fd); // free a moment ago
	door[0] = arena_printf(&w->arena, "127.0.0.1:%u", io_address_port(&w->address));
	struct south *south = south_new(&o, &w->diags);
	if (!south)
		world_fail(w, "the controller");
	for (unsigned i = 0; i < CALLERS; i++)
		peer[i] = (struct engine_peer){.name = arena_printf(&w->arena, "nsf-%u", i),
					       .calls_home = true};
	south_ops.configure(south, peer, CALLERS);
	return south;
}

static double wait_for_all(struct world *w)
{
	double begun = figure_seconds();
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CALLS_MS / 1000;
	pthread_mutex_lock(&told.mutex);
	while (told.connected < CALLERS)
		if (pthread_cond_timedwait(&told.news, &told.mutex, &until)) {
			fprintf(stderr, "only %u are served\n", told.connected);
			world_fail(w, "calling home");
		}
	pthread_mutex_unlock(&told.mutex);
	return figure_seconds() - begun;
}

// All at the same moment: the worst that can happen, since agents wait by chance.
static void measure_calls(struct world *w)
{
	const char *ca_file = arena_printf(&w->arena, "%s/callers.pem", w->dir);
	struct test_ca *ca = test_ca_new("callers", ca_file);
	struct callers *all = callers_new(w, ca);
	struct south *south = controller(w, ca);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (unsigned i = 0; i < CALLERS; i++)
			io_timer_set(all->caller[i].timer, 100);
		_exit(io_loop_run(all->loop) < 0);
	}
	if (!south_start(south, NULL, &w->diags))
		world_fail(w, "the controller");
	double seconds = wait_for_all(w);
	figure_print("1,000 NSFs call at once: all served", seconds, "s", "target 30");
	figure_print("calls that were refused meanwhile", told.refused, "calls", "");
	kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	south_free(south);
	test_ca_free(ca);
	static const char *const left[] = {"callers.pem", "nsf.pem", "nsf.key"};
	for (size_t i = 0; i < array_len(left); i++)
		(void)unlink(arena_printf(&w->arena, "%s/%s", w->dir, left[i]));
}

int main(void)
{
	struct world w;
	world_init(&w);
	measure_ssh(&w);
	measure_sessions(&w);
	measure_calls(&w);
	world_fini(&w);
	return 0;
}
