// SPDX-License-Identifier: Apache-2.0
// bulwarkd, the security controller: puts its parts together, starts them in order, ends them in order.
//
// The idea: store, engine, south, north - each knows only those before it. The main thread serves
// signals and the clock; everything else has threads of its own. It needs no privilege.
#include "base/buf.h"
#include "base/diag.h"
#include "controller/config.h"
#include "controller/identity.h"
#include "controller/log.h"
#include "engine/engine.h"
#include "io/loop.h"
#include "io/net.h"
#include "io/ssh.h"
#include "io/tls.h"
#include "north/north.h"
#include "pki/pki.h"
#include "south/south.h"
#include "store/store.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESCRIPTORS 65536u // one an NSF, and those that call
#define TICK_MS 1000u
#define HOUR_TICKS 3600u

struct controller {
	struct arena arena;
	struct diags diags;
	struct config config;
	struct identity identity;
	const char *ca, *crl;
	struct io_loop *loop;
	struct io_timer *timer;
	unsigned ticks;
	struct store *store;
	struct pki *pki;
	struct io_tls *tls;
	struct io_ssh *ssh, *ssh_host; // as whom NSFs know us; as whom operators do, NULL: nobody
	struct south *south;
	struct engine *engine;
	struct north *north;
};

// --- trust ---

static void reload(struct controller *c, const char *why)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool south = io_tls_reload(c->tls, &diags);
	bool north = north_reload(c->north, &diags);
	if (c->ssh_host && !io_ssh_reload(c->ssh_host, &diags))
		north = false;
	log_diags(&diags);
	engine_record(c->engine, ENGINE_TRUST,
		      &(struct store_event){.outcome = !south || !north, .detail = why});
	arena_fini(&arena);
}

// From whatever thread revokes.
static void trust_changed(void *context, const char *revoked)
{
	struct controller *c = context;
	reload(c, "the revocation list has changed");
	if (revoked) {
		south_renew(c->south, revoked);
		north_dismiss(c->north, revoked);
	}
}

static void renew_identity(struct controller *c)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	int rc = identity_renew(&c->config, &c->identity, c->engine, &diags);
	log_diags(&diags);
	arena_fini(&arena);
	if (rc > 0)
		reload(c, "the controller's own certificate was renewed");
}

// --- signals and the clock ---

static void on_signal(void *context, int number)
{
	struct controller *c = context;
	if (number == SIGHUP)
		reload(c, "asked for by a signal");
	else
		io_loop_stop(c->loop);
}

static void on_tick(void *context)
{
	struct controller *c = context;
	north_tick(c->north);
	if (++c->ticks % HOUR_TICKS == 0) {
		renew_identity(c);
		engine_trust_check(c->engine);
		engine_forget_jobs(c->engine);
	}
	io_timer_set(c->timer, TICK_MS);
}

static bool watch_signals(struct controller *c)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	int rc = io_loop_new(&c->loop);
	for (size_t i = 0; i < array_len(numbers) && !rc; i++)
		rc = io_signal_add(c->loop, numbers[i], on_signal, c);
	signal(SIGPIPE, SIG_IGN);
	if (rc)
		diag_error(&c->diags, DIAG_IO, NULL, "raise the limit of open files",
			   "the kernel gives no descriptor: %s", strerror(-rc));
	return !rc;
}

// --- the parts, one after another ---

static bool make_state(struct controller *c)
{
	if (mkdir(c->config.state, 0700) && errno != EEXIST) {
		diag_add(
			&c->diags,
			&(struct diag){.code = DIAG_IO,
				       .file = c->config.state,
				       .hint = "make it and let the controller's user write to it"},
			"the state directory cannot be made: %s", strerror(errno));
		return false;
	}
	return true;
}

static bool open_state(struct controller *c)
{
	if (!make_state(c))
		return false;
	const char *path = arena_printf(&c->arena, "%s/state.db", c->config.state);
	c->store = store_sqlite_open(path, &c->diags);
	return c->store != NULL;
}

static bool open_authority(struct controller *c)
{
	c->pki = pki_open(c->config.pki, &c->diags);
	c->ca = arena_printf(&c->arena, "%s/ca.pem", c->config.pki);
	c->crl = arena_printf(&c->arena, "%s/crl.pem", c->config.pki);
	return c->pki && identity_open(&c->config, c->pki, &c->diags, &c->identity);
}

static bool open_south(struct controller *c)
{
	struct io_tls_files files = {.certificate = c->identity.certificate,
				     .key = c->identity.key,
				     .ca = c->ca,
				     .crl = c->crl};
	c->tls = io_tls_new(&files, &c->diags);
	c->ssh = identity_ssh(&c->config, &c->diags);
	if (!c->tls || !c->ssh)
		return false;
	struct south_options options = {.tls = c->tls,
					.ssh = c->ssh,
					.call_home = c->config.call_home.list.at,
					.call_home_ssh = c->config.call_home_ssh.list.at,
					.call_homes_ssh = c->config.call_home_ssh.list.len,
					.call_homes = c->config.call_home.list.len};
	io_descriptors(DESCRIPTORS);
	c->south = south_new(&options, &c->diags);
	return c->south != NULL;
}

static bool open_engine(struct controller *c)
{
	struct engine_options options = {.store = c->store,
					 .pki = c->pki,
					 .nsf = &south_ops,
					 .nsf_context = c->south,
					 .workers = c->config.workers,
					 .jobs_most = c->config.keep_jobs,
					 .jobs_days = c->config.keep_days,
					 .pause_ms = c->config.pause_ms,
					 .log = log_event,
					 .trust_changed = trust_changed,
					 .context = c};
	c->engine = engine_new(&options, &c->diags);
	return c->engine && south_start(c->south, c->engine, &c->diags);
}

static bool open_north(struct controller *c)
{
	struct north_options options = {.engine = c->engine,
					.certificate = c->identity.certificate,
					.key = c->identity.key,
					.ca = c->ca,
					.crl = c->crl,
					.recovery = c->config.recovery,
					.listen = c->config.listen.list.at,
					.listens = c->config.listen.list.len,
					.netconf = c->config.netconf.list.at,
					.netconfs = c->config.netconf.list.len,
					.netconf_tls = c->tls,
					.netconf_ssh = c->config.netconf_ssh.list.at,
					.netconf_sshs = c->config.netconf_ssh.list.len};
	if (options.netconf_sshs) {
		c->ssh_host = options.netconf_keys = identity_ssh_host(&c->config, &c->diags);
		if (!c->ssh_host)
			return false;
	}
	c->north = north_new(&options, &c->diags);
	return c->north != NULL;
}

static bool run(struct controller *c)
{
	c->timer = io_timer_new(c->loop, on_tick, c);
	io_timer_set(c->timer, TICK_MS);
	return io_loop_run(c->loop) == 0;
}

static void close_all(struct controller *c)
{
	north_free(c->north);
	if (c->engine)
		engine_stop(c->engine); // it may ask NSFs until here
	if (c->south)
		south_stop(c->south); // it may tell the engine until here
	engine_free(c->engine);
	south_free(c->south);
	io_tls_free(c->tls);
	io_ssh_free(c->ssh);
	io_ssh_free(c->ssh_host);
	pki_close(c->pki);
	store_close(c->store);
	io_timer_free(c->timer);
	if (c->loop)
		io_loop_free(c->loop);
	log_diags(&c->diags);
	arena_fini(&c->arena);
}

static int inform(struct controller *c)
{
	struct buf text;
	buf_init(&text);
	if (c->config.help)
		config_help(&text);
	else
		buf_adds(&text, "bulwarkd " BULWARK_VERSION "\n");
	fputs(text.data, stdout);
	buf_fini(&text);
	arena_fini(&c->arena);
	return 0;
}

// For the operator who puts it among the keys that an NSF lets in.
static int print_ssh_key(struct controller *c)
{
	char fingerprint[IO_SSH_FINGERPRINT];
	struct buf text cleanup(buf_fini);
	struct io_ssh *ssh = make_state(c) ? identity_ssh(&c->config, &c->diags) : NULL;
	buf_init(&text);
	if (ssh) {
		io_ssh_fingerprint(ssh, fingerprint);
		io_ssh_public(ssh, &text);
		printf("%s %s\n%s\n", text.data, c->config.name, fingerprint);
	}
	log_diags(&c->diags);
	io_ssh_free(ssh);
	arena_fini(&c->arena);
	return ssh ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct controller c = {0};
	base_give_memory_back();
	arena_init(&c.arena);
	diags_init(&c.diags, &c.arena);
	if (!config_read(argc, argv, &c.diags, &c.config)) {
		log_diags(&c.diags);
		arena_fini(&c.arena);
		return 2;
	}
	if (c.config.help || c.config.version)
		return inform(&c);
	if (c.config.ssh_key)
		return print_ssh_key(&c);
	bool ok = watch_signals(&c) && open_state(&c) && open_authority(&c) && open_south(&c) &&
		  open_engine(&c) && open_north(&c) && run(&c);
	close_all(&c);
	return ok ? 0 : 1;
}
