// SPDX-License-Identifier: Apache-2.0
// Accepting on a loop. The idea: when descriptors or memory run out, accepting rests for a moment
// instead of spinning on the connection that it cannot take; a bounded number is accepted a round
// so that running sessions keep their turn.
#include "io/net.h"
#include "io/loop.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPTS_A_ROUND 16
#define REST_MS 100

struct io_listener {
	struct io_listener_options options;
	struct io_watch *watch;
	struct io_timer *rest;
	bool *gone; // set by free while a callback runs
};

static void update(struct io_listener *l)
{
	io_watch_set(l->watch, io_timer_is_set(l->rest) ? 0 : IO_READ);
}

static void rested(void *context)
{
	update(context);
}

// False: nothing more to accept now.
static bool accept_one(struct io_listener *l)
{
	struct io_address peer = {.len = sizeof(peer.sa)};
	int fd = accept4(l->options.fd, (struct sockaddr *)&peer.sa, &peer.len,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		l->options.accepted(l->options.context, fd, &peer);
		return true;
	}
	if (errno == ECONNABORTED || errno == EINTR)
		return true;
	if (errno != EAGAIN) {
		io_timer_set(l->rest, REST_MS);
		update(l);
	}
	return false;
}

static void readable(void *context, unsigned events)
{
	struct io_listener *l = context;
	(void)events;
	bool gone = false;
	l->gone = &gone;
	for (int i = 0; i < ACCEPTS_A_ROUND; i++) {
		bool more = accept_one(l);
		if (gone)
			return;
		if (!more)
			break;
	}
	l->gone = NULL;
}

int io_listener_new(struct io_loop *loop, const struct io_listener_options *options,
		    struct io_listener **listener_out)
{
	struct io_listener *l = base_oom(calloc(1, sizeof(*l)));
	l->options = *options;
	struct io_watch_options o = {
		.fd = options->fd, .events = IO_READ, .fn = readable, .context = l};
	int rc = io_watch_new(loop, &o, &l->watch);
	if (rc < 0) {
		base_close(&l->options.fd);
		free(l);
		return rc;
	}
	l->rest = io_timer_new(loop, rested, l);
	*listener_out = l;
	return 0;
}

void io_listener_free(struct io_listener *listener)
{
	if (!listener)
		return;
	if (listener->gone)
		*listener->gone = true;
	io_watch_free(listener->watch);
	io_timer_free(listener->rest);
	base_close(&listener->options.fd);
	free(listener);
}
