// SPDX-License-Identifier: Apache-2.0
// Call home: this host opens the connection and is the NETCONF server on it. The one idea: a controller is either
// connected, being connected, or waited for; whatever ended the last try, the next one goes to its next endpoint, and
// when all have failed the waits grow. All waits are by chance, so that a thousand hosts that got their power back
// together do not call together.
// What it does not: connect (dial.c: front may make no socket), TLS and sessions (proto/netconf).
// RFC 8071 sections 3.1 and 4.1: S1 (start), S4 (persistent connection), S5 (which endpoint first), S6 (reconnect),
// S7 (aliveness: TCP keep-alives, since TLS 1.3 of OpenSSL has no heartbeat).
#include "agent/dial.h"
#include "agent/front_internal.h"
#include "io/backoff.h"
#include "io/loop.h"
#include "io/ssh.h"
#include "io/tls.h"
#include "proto/netconf/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_MS = 1000, HELD_MS = 30000 };

// One controller.
struct front_home {
	struct front *front;
	struct front_home *next;
	uint8_t first, count; // its endpoints
	uint8_t at, failed;   // the endpoint that is tried; how many have failed in this round
	bool open, quiet;     // a session is open; that it fails was said
	struct io_timer *timer;
	struct io_backoff backoff;
};

static const char *address_of(const struct front_home *h)
{
	return h->front->start.endpoint.at[h->first + h->at].address;
}

static void ask(void *context)
{
	struct front_home *h = context;
	int r = agent_dial_ask(AGENT_FD_DIAL, (uint8_t)(h->first + h->at));
	if (r < 0) { // the enforcer has gone; so will this process
		front_log("3", "calling home: %s", strerror(-r));
		io_timer_set(h->timer, FIRST_MS);
	}
}

// --- how a try came out ---

static void opened(void *context)
{
	struct front_home *h = context;
	h->open = true;
	h->quiet = false;
	h->failed = 0;
	io_backoff_holds(&h->backoff, io_now());
	front_log("5", "the controller at %s was called and has answered", address_of(h));
}

// The rest of a round comes soon, the next round later.
static void try_next(struct front_home *h)
{
	h->at = (uint8_t)((h->at + 1) % h->count);
	if (++h->failed < h->count) {
		io_timer_set(h->timer, io_backoff_spread(FIRST_MS, io_chance()));
		return;
	}
	h->failed = 0;
	io_timer_set(h->timer, io_backoff_next(&h->backoff, io_now(), io_chance()));
}

static void ended(void *context, const struct diag *why)
{
	struct front_home *h = context;
	if (h->open || !h->quiet)
		front_log("4", "the controller at %s %s: %s", address_of(h),
			  h->open ? "is lost" : "cannot be called",
			  why ? why->text : "it has ended the session");
	h->quiet = !h->open; // trying in vain again and again is no news
	if (!h->open) {
		try_next(h);
		return;
	}
	h->open = false;
	if (!h->front->start.last_connected)
		h->at = 0;
	io_timer_set(h->timer, io_backoff_next(&h->backoff, io_now(), io_chance()));
}

// --- sockets from the enforcer ---

static void serve(struct front_home *h, int fd)
{
	const struct front *front = h->front;
	bool ssh = front->start.endpoint.at[h->first + h->at].ssh;
	struct io_transport *transport =
		ssh ? io_ssh_server(front->ssh, fd) : io_tls_server(front->tls, fd);
	netconf_server_serve(h->front->server, &(struct netconf_connection){
						       .transport = transport,
						       .address = address_of(h),
						       .connecting = true,
						       .opened = opened,
						       .closed = ended,
						       .context = h,
					       });
}

static void dialled(struct front *front, const struct agent_dialled *answer)
{
	for (struct front_home *h = front->home; h; h = h->next) {
		if (h->first + h->at != answer->endpoint)
			continue;
		char text[80];
		snprintf(text, sizeof(text), "cannot connect: %s", strerror(-answer->fd));
		if (answer->fd >= 0)
			serve(h, answer->fd);
		else
			ended(h, &(struct diag){.code = DIAG_UNREACHABLE, .text = text});
	}
}

static void readable(void *context, unsigned events)
{
	struct front *front = context;
	struct agent_dialled answer;
	int r;
	(void)events;
	while ((r = agent_dial_receive(AGENT_FD_DIAL, &answer)) == 0)
		dialled(front, &answer);
	if (r != -EPIPE)
		return;
	io_watch_free(front->dialled); // the channel ends, too, and this process with it
	front->dialled = NULL;
}

static void add(struct front *front, uint8_t first)
{
	struct front_home *h = base_oom(calloc(1, sizeof(*h)));
	*h = (struct front_home){.front = front,
				 .next = front->home,
				 .first = first,
				 .backoff = {.first_ms = FIRST_MS,
					     .most_ms = front->start.call_wait * 1000,
					     .held_ms = HELD_MS}};
	front->home = h;
	h->timer = io_timer_new(front->loop, ask, h);
	io_timer_set(h->timer, io_backoff_spread(FIRST_MS, io_chance()));
}

int front_call_home(struct front *front)
{
	for (size_t i = 0; i < front->start.endpoint.len; i++) {
		const struct agent_endpoint *e = &front->start.endpoint.at[i];
		if (i == 0 || e->controller != e[-1].controller)
			add(front, (uint8_t)i);
		front->home->count++;
	}
	return io_watch_new(
		front->loop,
		&(struct io_watch_options){
			.fd = AGENT_FD_DIAL, .events = IO_READ, .fn = readable, .context = front},
		&front->dialled);
}
