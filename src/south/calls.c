// SPDX-License-Identifier: Apache-2.0
// Call home, the controller's side: NSFs connect, and are NETCONF servers on the connection.
//
// The idea: who calls is nobody until its certificate or host key has been proven, and nobody may keep the others waiting.
// Calls stand in queues by where they come from, which take turns; a bounded number of handshakes is in work; when too many
// wait, the longest queue loses its last. A call then belongs to the session of the NSF that its certificate names or whose
// host key it has, or is refused. Who calls while its session is open is kept waiting until that session has been asked
// whether it lives.
// It does not know what is said in a session (session.c). RFC 8071 sections 3.1, 3.2 and 5.
#include "south/internal.h"
#include "io/backoff.h"
#include "io/ssh.h"
#include "io/tls.h"
#include "proto/netconf/netconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUEUES 256u
#define WORK_MOST 64u                // handshakes
#define WORK_A_QUEUE (WORK_MOST / 4) // a caller has two
#define WAITING_MOST 2048u
#define HANDSHAKE_MS 10000u
#define TOLD_A_BURST 20u // refusals that are recorded, and how many more each second
#define TOLD_A_SECOND 1u

struct call_in {
	struct south *south;
	struct call_in *next, **place; // in its queue, else among those in work
	unsigned queue;
	int fd;                  // -1: in work
	bool ssh;                // else TLS
	struct session *session; // whose it waits to become
	struct netconf_client *client;
	char from[IO_ADDRESS_TEXT];
};

struct queue {
	struct call_in *first, **last;
	unsigned waiting, working;
};

struct door {
	struct south *south;
	struct door *next;
	struct io_listener *listener;
	bool ssh; // else TLS
};

struct calls {
	struct south *south;
	struct door *door;
	struct queue queue[QUEUES];
	struct call_in *working; // and those that wait for a session to be given up
	unsigned waiting, busy;  // in all queues; handshakes in work
	unsigned turn;           // the queue that is next
	uint32_t secret[2];      // so that nobody chooses whose queues he shares
	struct io_timer *second;
	unsigned may_tell, untold;
	bool begin_deferred;
};

// --- refusals ---

static void a_second_later(void *context)
{
	struct calls *calls = context;
	if (calls->may_tell < TOLD_A_BURST)
		calls->may_tell += TOLD_A_SECOND;
	if (calls->may_tell < TOLD_A_BURST)
		io_timer_set(calls->second, 1000);
}

static void tell_refused(struct calls *calls, const char *from, const char *why)
{
	char text[400];
	if (!calls->may_tell) {
		calls->untold++;
		return;
	}
	calls->may_tell--;
	if (!io_timer_is_set(calls->second))
		io_timer_set(calls->second, 1000);
	snprintf(text, sizeof(text), "%.300s", why);
	if (calls->untold)
		snprintf(text, sizeof(text), "%.300s (and %u more were refused)", why,
			 calls->untold);
	calls->untold = 0;
	engine_call_refused(calls->south->engine, from, text);
}

// --- a call ---

static void unlink_call(struct call_in *call)
{
	*call->place = call->next;
	if (call->next)
		call->next->place = call->place;
}

static void free_call(struct call_in *call)
{
	unlink_call(call);
	netconf_client_free(call->client);
	base_close(&call->fd);
	free(call);
}

static void begin_some(void *context);

static void begin_later(struct calls *calls)
{
	if (!calls->begin_deferred)
		io_defer(calls->south->loop, begin_some, calls);
	calls->begin_deferred = true;
}

// The handshake is over, whatever came of it.
static void work_done(struct call_in *call)
{
	struct calls *calls = call->south->calls;
	if (call->queue == QUEUES)
		return;
	calls->queue[call->queue].working--;
	calls->busy--;
	call->queue = QUEUES;
	begin_later(calls);
}

static void on_closed(void *context, const struct diag *why)
{
	struct call_in *call = context;
	work_done(call);
	if (call->session)
		call->session->rival = NULL;
	else
		tell_refused(call->south->calls, call->from, why->text);
	free_call(call);
}

static bool refuse(struct diags *diags, const char *hint, const char *name, const char *text)
{
	diag_error(diags, DIAG_DENIED, NULL, hint, "the NSF %.80s %s", name, text);
	return false;
}

// Whose certificate or host key it is that was proven; NULL and a diag: nobody's who may call so.
static struct session *caller(struct call_in *call, const struct io_peer *peer, struct diags *diags)
{
	if (call->ssh)
		return session_by_key(call->south,
				      peer->fingerprint); // user_of has found it before
	if (!session_is_nsf(peer, diags))
		return NULL;
	struct session *s = session_find(call->south, peer->name);
	const char *hint = NULL, *text = NULL;
	if (!s) {
		hint = "register it with --call-home";
		text = "is not registered";
	} else if (!s->calls_home) {
		hint = "mark it as calling home";
		text = "is not marked as calling home";
	} else if (s->ssh_user) {
		hint = "let it call over SSH, or register it without --ssh";
		text = "is registered to call over SSH";
	}
	if (text)
		(void)refuse(diags, hint, peer->name, text);
	return text ? NULL : s;
}

// Behind the handshake: the certificate is proven, its name and role are what it says; or the host key is.
static bool on_admit(void *context, const struct io_peer *peer, struct diags *diags)
{
	struct call_in *call = context;
	work_done(call);
	struct session *s = caller(call, peer, diags);
	if (!s)
		return false;
	if (s->rival)
		return refuse(diags, "wait until it is decided", s->name,
			      "has called a moment ago");
	if (s->client) {
		call->session = s;
		s->rival = call;
		session_challenge(s);
		return true;
	}
	call_give(call, s);
	return true;
}

void call_give(struct call_in *call, struct session *s)
{
	struct netconf_client *client = call->client;
	call->client = NULL;
	s->rival = NULL;
	free_call(call);
	session_take(s, client);
}

void call_refuse(struct call_in *call, const char *why)
{
	tell_refused(call->south->calls, call->from, why);
	call->session->rival = NULL;
	free_call(call);
}

// --- turns ---

// The name to log in with at the NSF that has this host key.
static const char *user_of(void *context, const char *fingerprint)
{
	struct south *south = context;
	struct session *s = session_by_key(south, fingerprint);
	return s ? s->ssh_user : NULL;
}

static struct io_transport *answer(const struct call_in *call, int fd)
{
	struct io_ssh_target ssh = {
		.ssh = call->south->opt.ssh, .user_of = user_of, .context = call->south};
	return call->ssh ? io_ssh_client(&ssh, fd) : io_tls_client(call->south->opt.tls, fd, NULL);
}

static void begin(struct calls *calls, struct call_in *call)
{
	struct queue *q = &calls->queue[call->queue];
	q->first = call->next;
	if (q->first)
		q->first->place = &q->first;
	else
		q->last = &q->first;
	q->waiting--;
	calls->waiting--;
	q->working++;
	calls->busy++;
	call->next = calls->working;
	call->place = &calls->working;
	if (call->next)
		call->next->place = &call->next;
	calls->working = call;
	int fd = call->fd;
	call->fd = -1;
	call->client = netconf_client_new(calls->south->loop, &(struct netconf_client_options){
								      .transport = answer(call, fd),
								      .connect_ms = HANDSHAKE_MS,
								      .admit = on_admit,
								      .closed = on_closed,
								      .context = call,
							      });
}

static bool may_begin(const struct queue *q)
{
	return q->first && q->working < WORK_A_QUEUE;
}

static void begin_some(void *context)
{
	struct calls *calls = context;
	calls->begin_deferred = false;
	for (unsigned idle = 0; idle < QUEUES && calls->waiting && calls->busy < WORK_MOST;) {
		struct queue *q = &calls->queue[calls->turn];
		calls->turn = (calls->turn + 1) % QUEUES;
		idle = may_begin(q) ? 0 : idle + 1;
		if (may_begin(q))
			begin(calls, q->first);
	}
}

// --- the door ---

// An IPv4 address, or the network of an IPv6 address, is one caller as far as turns go.
static unsigned hash_of(uint32_t hash, const struct io_address *from)
{
	const struct sockaddr_in6 *six = (const void *)&from->sa;
	const struct sockaddr_in *four = (const void *)&from->sa;
	const void *bytes = &four->sin_addr;
	size_t len = sizeof(four->sin_addr);
	if (from->sa.ss_family == AF_INET6) {
		bool mapped = IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
		bytes = six->sin6_addr.s6_addr + (mapped ? 12 : 0);
		len = mapped ? 4 : 8;
	}
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * 16777619u;
	return (hash ^ hash >> 16) % QUEUES;
}

// The shorter of two: who fills his own two shares both of somebody else's almost never.
static unsigned queue_of(const struct calls *calls, const struct io_address *from)
{
	unsigned a = hash_of(calls->secret[0], from), b = hash_of(calls->secret[1], from);
	const struct queue *qa = &calls->queue[a], *qb = &calls->queue[b];
	return qa->waiting + qa->working <= qb->waiting + qb->working ? a : b;
}

// The last of the longest queue goes: whoever calls most waits least for that.
static void drop_one(struct calls *calls)
{
	struct queue *longest = &calls->queue[0];
	for (unsigned i = 1; i < QUEUES; i++)
		if (calls->queue[i].waiting > longest->waiting)
			longest = &calls->queue[i];
	struct call_in *last = (void *)((char *)longest->last - offsetof(struct call_in, next));
	longest->last = last->place;
	longest->waiting--;
	calls->waiting--;
	tell_refused(calls, last->from, "too many call at the same time");
	free_call(last);
}

static void on_accepted(void *context, int fd, const struct io_address *peer)
{
	const struct door *door = context;
	struct calls *calls = door->south->calls;
	struct call_in *call = base_oom(calloc(1, sizeof(*call)));
	*call = (struct call_in){.south = calls->south, .fd = fd, .ssh = door->ssh};
	call->queue = queue_of(calls, peer);
	io_address_print(peer, call->from);
	struct queue *q = &calls->queue[call->queue];
	call->place = q->last;
	*q->last = call;
	q->last = &call->next;
	q->waiting++;
	if (++calls->waiting > WAITING_MOST)
		drop_one(calls);
	begin_later(calls);
}

static bool open_door(struct calls *calls, const char *text, bool ssh, struct diags *diags)
{
	struct io_address address;
	int fd = -1;
	uint16_t port = ssh ? NETCONF_PORT_CALL_HOME_SSH : NETCONF_PORT_CALL_HOME_TLS;
	if (!io_address_parse(text, port, diags, &address))
		return false;
	struct door *door = base_oom(calloc(1, sizeof(*door)));
	*door = (struct door){.south = calls->south, .next = calls->door, .ssh = ssh};
	int rc = io_listen(&address, &fd);
	if (rc == 0)
		rc = io_listener_new(calls->south->loop,
				     &(struct io_listener_options){
					     .fd = fd, .accepted = on_accepted, .context = door},
				     &door->listener);
	if (rc < 0) {
		diag_error(diags, DIAG_IO, NULL,
			   "choose an address of this host and a port that is free",
			   "calls cannot be taken at %s: %s", text, strerror(-rc));
		free(door);
		return false;
	}
	calls->door = door;
	return true;
}

bool calls_open(struct south *south, struct diags *diags)
{
	struct calls *calls = base_oom(calloc(1, sizeof(*calls)));
	*calls = (struct calls){.south = south, .may_tell = TOLD_A_BURST};
	south->calls = calls;
	calls->secret[0] = io_chance();
	calls->secret[1] = io_chance();
	for (unsigned i = 0; i < QUEUES; i++)
		calls->queue[i].last = &calls->queue[i].first;
	calls->second = io_timer_new(south->loop, a_second_later, calls);
	for (size_t i = 0; i < south->opt.call_homes; i++)
		if (!open_door(calls, south->opt.call_home[i], false, diags))
			return false;
	for (size_t i = 0; i < south->opt.call_homes_ssh; i++)
		if (!open_door(calls, south->opt.call_home_ssh[i], true, diags))
			return false;
	return true;
}

void calls_close(struct south *south)
{
	struct calls *calls = south->calls;
	if (!calls)
		return;
	for (struct door *door; (door = calls->door);) {
		calls->door = door->next;
		io_listener_free(door->listener);
		free(door);
	}
	for (unsigned i = 0; i < QUEUES; i++)
		while (calls->queue[i].first)
			free_call(calls->queue[i].first);
	while (calls->working)
		free_call(calls->working);
	io_defer_cancel(south->loop, calls);
	io_timer_free(calls->second);
	free(calls);
	south->calls = NULL;
}
