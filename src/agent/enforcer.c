// SPDX-License-Identifier: Apache-2.0
// The process that holds the privilege. The one idea: order. First the kernel holds what was confirmed, then the sockets
// listen, then privilege is given up, then front is started. When front ends it is started again, later each time it
// ends early; when this process ends front is killed with it and the kernel keeps its rules.
// What it does not: decide (core.c), parse anything but messages of front.
#include "agent/enforcer.h"

#include "agent/aside.h"
#include "agent/channel.h"
#include "agent/core.h"
#include "agent/dial.h"
#include "agent/host_key.h"
#include "agent/identity.h"
#include "base/buf.h"
#include "io/loop.h"
#include "io/net.h"
#include "priv/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS_BESIDE = 64, DESCRIPTORS_A_SESSION = 2 }; // a session over SSH has two
enum { LOOK_MS = 120000 };                                   // 100,000 rules take some seconds
enum { RESTART_FIRST_MS = 100, RESTART_LAST_MS = 10000, STEADY_MS = 10000 };

struct enforcer {
	const struct agent_config *config;
	const struct agent_point *point;
	struct agent_core *core;
	struct io_loop *loop;
	struct io_watch *watch;         // of the kernel
	struct io_timer *timer;         // of what the core waits for
	struct io_timer *restart_timer; // of front
	struct agent_aside *aside; // a look at the kernel that is being made; NULL: there is none
	struct agent_channel *channel; // NULL: front is not there
	struct agent_dialler *dialler;
	struct io_child *child;
	pid_t front;
	uint64_t started, delay; // of front, milliseconds
	int exe, certificates, yang, listener[AGENT_LISTENERS_MOST];
	bool told_ready;
};

static void start_front(struct enforcer *e);

// --- log ---

static void log_line(int level, const char *kind, const char *text)
{
	fprintf(stderr, "<%d>bulwark-nsf: %s: %s\n", level, kind, text);
}

static void log_event(void *context, enum agent_event event, const char *text)
{
	(void)context;
	log_line(agent_event_info[event].level, agent_event_info[event].kind, text);
}

static void log_diags(const struct diags *diags)
{
	for (size_t i = 0; i < diags->list.len; i++) {
		const struct diag *d = &diags->list.at[i];
		cleanup(buf_fini) struct buf line;
		buf_init(&line);
		buf_printf(&line, "%s%s%s", d->file ? d->file : "", d->file ? ": " : "", d->text);
		if (d->hint)
			buf_printf(&line, "; %s", d->hint);
		log_line(d->severity == DIAG_ERROR ? 3 : 4, diag_code_name(d->code), line.data);
	}
}

static void log_errno(const char *what, int error)
{
	log_line(3, what, strerror(-error));
}

// --- what the core asks of this process ---

static int64_t wall(void *context)
{
	(void)context;
	return time(NULL);
}

static uint64_t monotonic(void *context)
{
	(void)context;
	return io_now();
}

static void tell(void *context, const struct agent_message *message)
{
	struct enforcer *e = context;
	if (e->channel)
		agent_channel_send(e->channel, message);
}

static void stop_look(void *context)
{
	struct enforcer *e = context;
	agent_aside_free(e->aside);
	e->aside = NULL;
}

static bool await_read(void *context)
{
	return agent_aside_await_read(((struct enforcer *)context)->aside);
}

static void set_timer(struct enforcer *e);

static void on_looked(void *context, struct agent_looked *looked)
{
	struct enforcer *e = context;
	stop_look(e);
	agent_core_looked(e->core, looked);
	set_timer(e);
}

static bool begin_look(void *context, const struct agent_held *held, int64_t now)
{
	struct enforcer *e = context;
	int r = agent_aside_new(&(struct agent_aside_options){.loop = e->loop,
							      .point = e->point,
							      .held = held,
							      .now = now,
							      .limit_ms = LOOK_MS,
							      .ended = on_looked,
							      .context = e},
				&e->aside);
	if (r < 0)
		log_errno("a process that looks at the kernel", r);
	return r == 0;
}

static const struct agent_core_aside beside = {begin_look, await_read, stop_look};

// After everything that may have moved the core's next moment.
static void set_timer(struct enforcer *e)
{
	uint64_t due = agent_core_due(e->core), now = io_now();
	if (due == UINT64_MAX)
		io_timer_clear(e->timer);
	else
		io_timer_set(e->timer, due > now ? due - now : 0);
	// Front waits for the first time that the kernel holds what it should.
	if (!e->channel && !e->started && agent_core_settled(e->core))
		start_front(e);
}

static void on_timer(void *context)
{
	struct enforcer *e = context;
	agent_core_tick(e->core);
	set_timer(e);
}

static void on_kernel(void *context, unsigned events)
{
	struct enforcer *e = context;
	(void)events;
	agent_core_watch(e->core);
	set_timer(e);
}

// --- the service manager ---

// sd_notify(3): one datagram.
static void tell_manager(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	if (!path || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	cleanup(base_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to, len) < 0)
		log_errno("service manager", -errno);
}

// --- front ---

static void on_message(void *context, const struct agent_message *message)
{
	struct enforcer *e = context;
	if (message->type == AGENT_READY) {
		agent_core_note(e->core, AGENT_EVENT_SERVING, "process %d", (int)e->front);
		if (!e->told_ready)
			tell_manager("READY=1");
		e->told_ready = true;
		return;
	}
	if (agent_core_take(e->core, message)) {
		set_timer(e);
		return;
	}
	struct arena arena;
	struct agent_message answer;
	arena_init(&arena);
	agent_core_answer(e->core, message, &arena, &answer);
	agent_channel_send(e->channel, &answer);
	arena_fini(&arena);
	set_timer(e);
}

// The channel ends before or after the process; either way the process must go.
static void on_channel_closed(void *context, const char *why)
{
	struct enforcer *e = context;
	if (why)
		log_line(3, "front", why);
	int r = priv_kill(e->front, SIGKILL);
	if (r < 0 && r != -ESRCH)
		log_errno("front", r);
}

static void on_front_ended(void *context, int wait_status)
{
	struct enforcer *e = context;
	io_child_free(e->child);
	agent_channel_free(e->channel);
	agent_dialler_free(e->dialler);
	e->child = NULL;
	e->channel = NULL;
	e->dialler = NULL;
	bool steady = io_now() - e->started > STEADY_MS;
	uint64_t longer = e->delay ? 2 * e->delay : RESTART_FIRST_MS;
	e->delay = steady ? 0 : longer > RESTART_LAST_MS ? RESTART_LAST_MS : longer;
	agent_core_note(e->core, AGENT_EVENT_FRONT_ENDED, "%s %d",
			WIFSIGNALED(wait_status) ? "signal" : "status",
			WIFSIGNALED(wait_status) ? WTERMSIG(wait_status)
						 : WEXITSTATUS(wait_status));
	agent_core_front_ended(e->core);
	io_timer_set(e->restart_timer, e->delay);
	set_timer(e);
}

static void on_restart(void *context)
{
	struct enforcer *e = context;
	if (!e->channel)
		start_front(e);
}

static int spawn(struct enforcer *e, int channel, int dial)
{
	static const char *const argv[] = {"bulwark-nsf", "--front", NULL};
	int fd[PRIV_FDS_MOST] = {channel, e->certificates, e->yang, dial};
	size_t fds = 4;
	for (size_t i = 0; i < e->config->listens; i++)
		fd[fds++] = e->listener[i];
	const struct priv_user *user = e->config->user.uid ? &e->config->user : NULL;
	return priv_spawn(
		&(struct priv_spawn){
			.exe = e->exe, .argv = argv, .fd = fd, .fds = fds, .user = user},
		&e->front);
}

static void say_text(struct enforcer *e, enum agent_which which, const char *text)
{
	size_t len = strlen(text), at = 0;
	do {
		size_t n = len - at < AGENT_PIECE ? len - at : AGENT_PIECE;
		struct agent_kept piece = {
			.which = which, .begins = !at, .data = text + at, .len = n};
		agent_channel_send(e->channel,
				   &(struct agent_message){.type = AGENT_KEPT, .kept = piece});
		at += n;
	} while (at < len);
}

static void say_kept(struct enforcer *e)
{
	for (unsigned which = 0; which < AGENT_KEPTS; which++) {
		struct agent_running kept = agent_core_kept(e->core, which);
		if (kept.base)
			say_text(e, which, kept.base);
		for (size_t i = 0; i < kept.edit.len; i++)
			say_text(e, which, kept.edit.at[i]);
	}
}

static void say_start(struct enforcer *e)
{
	say_kept(e);
	struct agent_message start = {.type = AGENT_START};
	start.start = (struct agent_start){.name = e->config->name,
					   .listeners = (uint8_t)e->config->listens,
					   .sessions = e->config->sessions,
					   .recovery = e->config->recovery,
					   .last_connected = e->config->last_connected,
					   .call_wait = e->config->call_wait,
					   .keepalive = e->config->keepalive};
	start.start.endpoint.at = (struct agent_endpoint *)e->config->endpoint;
	start.start.endpoint.len = e->config->endpoints;
	for (size_t i = 0; i < e->config->listens; i++)
		start.start.over_ssh |= (uint8_t)(e->config->listen[i].ssh << i);
	agent_core_describe(e->core, &start.start);
	agent_channel_send(e->channel, &start);
}

// Takes our end of each pair of sockets.
static int serve_front(struct enforcer *e, int channel, int dial)
{
	struct agent_channel_options options = {.fd = channel,
						.sender = AGENT_FRONT,
						.message = on_message,
						.closed = on_channel_closed,
						.context = e};
	struct agent_dialler_options dialler = {.fd = dial,
						.endpoint = e->config->endpoint,
						.endpoints = e->config->endpoints,
						.closed = on_channel_closed,
						.context = e};
	int r = agent_channel_new(e->loop, &options, &e->channel);
	if (r == 0)
		r = agent_dialler_new(e->loop, &dialler, &e->dialler);
	else
		close(dial);
	if (r == 0)
		r = io_child_new(e->loop,
				 &(struct io_child_options){
					 .pid = e->front, .fn = on_front_ended, .context = e},
				 &e->child);
	return r;
}

static int begin_front(struct enforcer *e)
{
	cleanup(base_close) int theirs = -1, their_dial = -1;
	int pair[2], dial[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	theirs = pair[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, dial) < 0) {
		close(pair[0]);
		return -errno;
	}
	their_dial = dial[1];
	int r = spawn(e, theirs, their_dial);
	if (r == 0)
		return serve_front(e, pair[0], dial[0]);
	close(pair[0]);
	close(dial[0]);
	return r;
}

static void start_front(struct enforcer *e)
{
	e->started = io_now();
	int r = begin_front(e);
	if (r < 0) {
		log_errno("front cannot be started", r);
		io_timer_set(e->restart_timer, RESTART_LAST_MS);
		return;
	}
	say_start(e);
}

// --- signals ---

static void on_stop(void *context, int signal_number)
{
	struct enforcer *e = context;
	log_line(5, "stopping", strsignal(signal_number));
	io_loop_stop(e->loop);
}

static void on_reload(void *context, int signal_number)
{
	struct enforcer *e = context;
	(void)signal_number;
	agent_core_note(e->core, AGENT_EVENT_RELOADED, "asked for by a signal");
	if (e->channel)
		agent_channel_send(e->channel, &(struct agent_message){.type = AGENT_RELOAD});
	else
		io_timer_set(e->restart_timer, 0);
}

// --- beginning ---

int agent_enforcer_lock(const struct agent_config *config, struct diags *diags)
{
	const char *dir = config->state_dir;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		diag_add(diags,
			 &(struct diag){.code = DIAG_IO,
					.file = dir,
					.hint = "make the directory above it, or set state in the "
						"configuration"},
			 "%s", strerror(errno));
		return -1;
	}
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	diag_add(diags,
		 &(struct diag){
			 .code = DIAG_LOCKED, .file = dir, .hint = "stop the agent that uses it"},
		 "%s", strerror(errno));
	base_close(&fd);
	return -1;
}

static int open_directory(const char *path, struct diags *diags)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		diag_add(diags,
			 &(struct diag){.code = DIAG_IO,
					.file = path,
					.hint = "set certificates and yang in the configuration; "
						"enrol if there "
						"are no certificates yet"},
			 "%s", strerror(errno));
	return fd;
}

static const char *yang_dir(const struct agent_config *config)
{
	const char *dir = config->yang_dir ? config->yang_dir : getenv("BULWARK_YANG_DIR");
	if (dir && *dir)
		return dir;
	return access(BULWARK_SOURCE_YANG_DIR, R_OK | X_OK) == 0 ? BULWARK_SOURCE_YANG_DIR
								 : BULWARK_YANG_DIR;
}

// Front may enter the directory; the key is its own and nobody else's.
static bool hand_over_key(const struct enforcer *e, struct diags *diags)
{
	const struct priv_user *user = &e->config->user;
	bool key = agent_config_uses_tls(e->config);
	if (!user->uid)
		return true;
	if (fchown(e->certificates, (uid_t)-1, user->gid) == 0 &&
	    fchmod(e->certificates, 0750) == 0 &&
	    (!key ||
	     fchownat(e->certificates, "nsf.key", user->uid, user->gid, AT_SYMLINK_NOFOLLOW) == 0))
		return true;
	diag_add(diags,
		 &(struct diag){.code = DIAG_IO,
				.file = e->config->certificate_dir,
				.hint = "enrol first: bulwark-nsf --enrol TOKEN --controller URL"},
		 "nsf.key: %s", strerror(errno));
	return false;
}

static bool open_files(struct enforcer *e, struct diags *diags)
{
	const struct agent_config *config = e->config;
	if (!agent_identity_mend(config->certificate_dir, &config->user, diags))
		return false;
	if (agent_config_uses_ssh(config) &&
	    !agent_host_key_make(config->certificate_dir, &config->user, diags))
		return false;
	e->certificates = open_directory(e->config->certificate_dir, diags);
	e->yang = open_directory(yang_dir(e->config), diags);
	int r = priv_self(&e->exe);
	if (r < 0)
		diag_error(diags, DIAG_IO, NULL, "mount /proc", "the program itself: %s",
			   strerror(-r));
	return e->certificates >= 0 && e->yang >= 0 && r == 0 && hand_over_key(e, diags);
}

// After a sudden end of the enforcer its front may hold the port for another moment, until it has seen that it is alone.
static int listen_patiently(const struct io_address *address, int *fd_out)
{
	enum { TRIES = 200, PAUSE_NS = 25000000 }; // five seconds
	int r = io_listen(address, fd_out);
	for (int i = 0; r == -EADDRINUSE && i < TRIES; i++) {
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
		r = io_listen(address, fd_out);
	}
	return r;
}

static bool listen_all(struct enforcer *e, struct diags *diags)
{
	for (size_t i = 0; i < e->config->listens; i++) {
		const struct agent_listen *listen = &e->config->listen[i];
		struct io_address address;
		if (!io_address_parse(listen->address, agent_listen_port(listen), diags, &address))
			return false;
		int r = listen_patiently(&address, &e->listener[i]);
		if (r < 0) {
			diag_error(diags, DIAG_IO, NULL,
				   "choose an address of this host and a port that is free",
				   "%s: %s", listen->address, strerror(-r));
			return false;
		}
	}
	return true;
}

static bool drop_privilege(struct diags *diags)
{
	static const int effective[] = {CAP_NET_ADMIN}, held[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};
	int r = priv_keep(&(struct priv_caps){.effective = effective,
					      .effective_len = array_len(effective),
					      .held = held,
					      .held_len = array_len(held)});
	if (r < 0)
		diag_error(diags, DIAG_DENIED, NULL,
			   "start it as root, or as the first user of a user namespace",
			   "capabilities: %s", strerror(-r));
	return r == 0;
}

static bool watch_signals(struct enforcer *e, struct diags *diags)
{
	int r = io_signal_add(e->loop, SIGTERM, on_stop, e);
	if (r == 0)
		r = io_signal_add(e->loop, SIGINT, on_stop, e);
	if (r == 0)
		r = io_signal_add(e->loop, SIGHUP, on_reload, e);
	if (r == 0)
		r = io_watch_new(
			e->loop,
			&(struct io_watch_options){.fd = e->point->ops->watch_fd(e->point->backend),
						   .events = IO_READ,
						   .fn = on_kernel,
						   .context = e},
			&e->watch);
	if (r < 0)
		diag_error(diags, DIAG_IO, NULL, "raise the limit of descriptors",
			   "the event loop: %s", strerror(-r));
	return r == 0;
}

static bool begin(struct enforcer *e, struct diags *diags)
{
	int r = io_loop_new(&e->loop);
	if (r < 0) {
		log_errno("event loop", r);
		return false;
	}
	e->timer = io_timer_new(e->loop, on_timer, e);
	e->restart_timer = io_timer_new(e->loop, on_restart, e);
	e->core = agent_core_new(
		&(struct agent_core_options){.point = *e->point,
					     .state_dir = e->config->state_dir,
					     .certificate_dir = e->config->certificate_dir,
					     .name = e->config->name,
					     .proof_ms = UINT64_C(1000) * e->config->proof_every,
					     .keep_open = e->config->keep_open,
					     .aside = e->point->ops->apart ? &beside : NULL,
					     .wall = wall,
					     .monotonic = monotonic,
					     .tell = tell,
					     .log = log_event,
					     .context = e});
	io_descriptors(DESCRIPTORS_A_SESSION * e->config->sessions + DESCRIPTORS_BESIDE);
	// The rules come first, whatever else is missing. What cannot be put into force is tried again.
	if (!agent_core_start(e->core, diags))
		log_diags(diags);
	return open_files(e, diags) && listen_all(e, diags) && watch_signals(e, diags) &&
	       drop_privilege(diags);
}

// Front ends with its channel; the kernel keeps the rules.
static void end(struct enforcer *e)
{
	io_child_free(e->child);
	agent_channel_free(e->channel);
	agent_dialler_free(e->dialler);
	io_watch_free(e->watch);
	io_timer_free(e->timer);
	io_timer_free(e->restart_timer);
	agent_core_free(e->core);
	io_loop_free(e->loop);
}

int agent_enforcer_run(const struct agent_config *config, const struct agent_point *point)
{
	struct enforcer e = {.config = config, .point = point};
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	int r = -1;
	if (begin(&e, &diags)) {
		set_timer(&e);
		r = io_loop_run(e.loop);
	} else {
		log_diags(&diags);
	}
	end(&e);
	arena_fini(&arena);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
