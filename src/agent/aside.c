// SPDX-License-Identifier: Apache-2.0
// The copy has everything as it was when it was made, and sockets of its own. It writes one byte when it has read the
// kernel, and what came of it when it has judged; whatever else it writes, or its end before that, is an error. It ends with
// this process, and holds none of its descriptors.
// What it does not: know what a result means when something was changed meanwhile (proof.c).
#include "agent/aside.h"

#include "base/wire.h"
#include "io/loop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULT_MOST ((size_t)256 << 20) // bytes; 100,000 rules that differ take some 20 MB
#define HAS_READ 'r'
enum { READ_MS = 10000 }; // 100,000 rules take 300 to 500

struct agent_aside {
	struct agent_aside_options options;
	pid_t pid;
	int fd;
	struct io_watch *watch;
	struct io_timer *timer;
	struct buf came; // HAS_READ, error, what is proven, what was seen
};

// --- in the copy ---

struct copy {
	const struct agent_aside_options *options;
	int fd;
	bool told;
};

static void write_all(const struct copy *copy, const void *data, size_t len)
{
	for (const char *at = data; len;) {
		ssize_t n = write(copy->fd, at, len);
		if (n < 0 && errno != EINTR)
			_exit(EXIT_FAILURE);
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static void tell_read(void *context)
{
	struct copy *copy = context;
	if (!copy->told)
		write_all(copy, &(char){HAS_READ}, 1);
	copy->told = true;
}

// What nobody but the original may hold is closed: its sockets end when it ends, and so does its lock.
static void leave(const struct copy *copy, pid_t original)
{
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != original)
		_exit(EXIT_FAILURE);
	if ((copy->fd > 3 && close_range(3, (unsigned)copy->fd - 1, 0) < 0) ||
	    close_range((unsigned)copy->fd + 1, ~0u, 0) < 0)
		_exit(EXIT_FAILURE);
}

static _Noreturn void run(struct copy *copy, pid_t original)
{
	const struct agent_point *point = copy->options->point;
	struct agent_seen seen;
	struct buf out, proven;
	leave(copy, original);
	agent_seen_init(&seen);
	buf_init(&out);
	buf_init(&proven);
	int error = point->ops->apart(point->backend, tell_read, copy);
	if (!error)
		error = agent_seen_look(&seen, point, copy->options->held, copy->options->now);
	wire_put_u32(&out, (uint32_t)-error);
	if (!error && seen.equal)
		point->ops->proven(point->backend, &proven);
	wire_put_bytes(&out, proven.data, proven.len);
	agent_seen_encode(&seen, &out);
	tell_read(copy);
	write_all(copy, out.data, out.len);
	_exit(EXIT_SUCCESS);
}

// --- in the original ---

static void stop_copy(struct agent_aside *aside)
{
	if (!aside->pid)
		return;
	kill(aside->pid, SIGKILL);
	while (waitpid(aside->pid, NULL, 0) < 0 && errno == EINTR)
		;
	aside->pid = 0;
}

static void decode(const struct agent_aside *aside, struct agent_looked *looked)
{
	struct wire_reader r = wire_reader(aside->came.data, aside->came.len);
	size_t len;
	if (wire_u8(&r) != HAS_READ)
		r.bad = true;
	looked->error = -(int)wire_u32(&r);
	const void *proven = wire_bytes(&r, &len);
	buf_add(&looked->proven, proven, len);
	if (r.bad || looked->error > 0 ||
	    !agent_seen_decode(&looked->seen, r.at, (size_t)(r.end - r.at)))
		looked->error = -EPIPE;
}

// The copy may have ended in the middle.
static void end(struct agent_aside *aside, int error)
{
	struct agent_looked looked = {.error = error};
	agent_seen_init(&looked.seen);
	buf_init(&looked.proven);
	io_watch_free(aside->watch);
	aside->watch = NULL;
	io_timer_clear(aside->timer);
	stop_copy(aside);
	if (!error)
		decode(aside, &looked);
	if (looked.error) {
		looked.seen.equal = false;
		looked.seen.differences.list.len = 0;
	}
	aside->options.ended(aside->options.context, &looked); // may free it
	agent_seen_fini(&looked.seen);
	buf_fini(&looked.proven);
}

// True while more may come.
static bool receive(struct agent_aside *aside)
{
	char piece[65536];
	ssize_t n;
	while ((n = read(aside->fd, piece, sizeof(piece))) > 0 && aside->came.len < RESULT_MOST)
		buf_add(&aside->came, piece, (size_t)n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void on_readable(void *context, unsigned events)
{
	struct agent_aside *aside = context;
	(void)events;
	if (!receive(aside))
		end(aside, aside->came.len < RESULT_MOST ? 0 : -EMSGSIZE);
}

static void on_limit(void *context)
{
	end(context, -ETIMEDOUT);
}

bool agent_aside_await_read(struct agent_aside *aside)
{
	struct pollfd wait = {.fd = aside->fd, .events = POLLIN};
	while (!aside->came.len) {
		int n = poll(&wait, 1, READ_MS);
		if (!n)
			return false;
		if (n > 0 && !receive(aside))
			break; // the loop will notice that it has ended
	}
	return true;
}

static int fork_copy(struct agent_aside *aside)
{
	int pair[2];
	pid_t original = getpid();
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	aside->fd = pair[0];
	pid_t pid = fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0 ? -1 : fork();
	int error = pid < 0 ? -errno : 0;
	if (!pid)
		run(&(struct copy){.options = &aside->options, .fd = pair[1]}, original);
	close(pair[1]);
	aside->pid = error ? 0 : pid;
	return error;
}

int agent_aside_new(const struct agent_aside_options *options, struct agent_aside **out)
{
	struct agent_aside *aside = base_oom(calloc(1, sizeof(*aside)));
	assert(options->point->ops->apart);
	aside->options = *options;
	aside->fd = -1;
	buf_init(&aside->came);
	int r = fork_copy(aside);
	if (!r)
		r = io_watch_new(options->loop,
				 &(struct io_watch_options){.fd = aside->fd,
							    .events = IO_READ,
							    .fn = on_readable,
							    .context = aside},
				 &aside->watch);
	if (r) {
		agent_aside_free(aside);
		return r;
	}
	aside->timer = io_timer_new(options->loop, on_limit, aside);
	io_timer_set(aside->timer, options->limit_ms);
	*out = aside;
	return 0;
}

void agent_aside_free(struct agent_aside *aside)
{
	if (!aside)
		return;
	stop_copy(aside);
	io_watch_free(aside->watch);
	io_timer_free(aside->timer);
	base_close(&aside->fd);
	buf_fini(&aside->came);
	free(aside);
}
