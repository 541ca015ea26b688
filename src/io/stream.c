// SPDX-License-Identifier: Apache-2.0
// A transport on a loop.
//
// The idea: one state machine, CONNECTING -> HANDSHAKE -> OPEN -> (FINISHING ->) LINGER -> CLOSED.
// Reading hands bytes straight from the stack to the owner; only what the owner does not take is
// kept, and then nothing more is read, so an idle or a blocked session holds one chunk at most.
// `closed` always comes from a deferred call, never from inside a call of the owner. LINGER keeps
// the descriptor for a moment after the last byte: closing a socket with unread input makes the
// kernel send a reset, which can destroy the alert or reply that the peer has yet to read. It does
// not reconnect and knows no messages.
#include "io/stream.h"
#include "io/loop.h"
#include "io/net.h"
#include "io/transport_fault.h"
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define CHUNK (16u * 1024)
#define CHUNKS_A_ROUND 8
#define LINGER_MS 1000
#define FLUSH_A_ROUND (1u << 20)
#define HANDSHAKE_MS 10000
#define STALL_MS 60000
#define OUTPUT_MOST (64u << 20)
#define OUTPUT_KEPT \
	1024u // a larger empty queue is given back: most sessions are idle most of the time

enum state { CONNECTING, HANDSHAKE, OPEN, FINISHING, LINGER, CLOSED };

struct io_stream {
	struct io_loop *loop;
	struct io_transport *transport;
	struct io_stream_options options;
	struct io_watch *watch;
	struct io_timer *timer; // of the handshake, then of the stalled output, then of the linger
	enum state state;
	bool blocked;      // the owner has not taken everything
	bool resume_asked; // from within a callback
	bool read_wants_write, write_wants_read;
	bool was_high;      // the queue had more than output_high
	bool in_data, dead; // freed by the owner from within `data`
	bool failed;        // `transport->fault` is the reason
	bool continue_deferred;
	struct buf rest; // what the owner did not take
	struct buf out;
	size_t out_at; // bytes of `out` that are written
};

static void handle(struct io_stream *s, unsigned events);

static size_t or_default(size_t value, size_t otherwise)
{
	return value ? value : otherwise;
}

size_t io_stream_queued(const struct io_stream *s)
{
	return s->out.len - s->out_at;
}

bool io_stream_heard(const struct io_stream *s)
{
	int unheard = 0;
	if (io_stream_queued(s) || !s->transport)
		return false;
	return ioctl(s->transport->fd, SIOCOUTQ, &unheard) < 0 || unheard == 0;
}

// --- the end ---

static void release(struct io_stream *s)
{
	io_defer_cancel(s->loop, s);
	io_watch_free(s->watch);
	io_timer_free(s->timer);
	if (s->transport)
		s->transport->ops->free(s->transport);
	buf_fini(&s->rest);
	buf_fini(&s->out);
	free(s);
}

// What can be written without waiting.
static void last_words(struct io_stream *s)
{
	const struct io_transport_ops *ops = s->transport->ops;
	for (size_t put; io_stream_queued(s); s->out_at += put)
		if (ops->write(s->transport, s->out.data + s->out_at, io_stream_queued(s), &put) !=
		    IO_OK)
			return;
	if (ops->shutdown)
		ops->shutdown(s->transport);
}

void io_stream_free(struct io_stream *stream)
{
	if (!stream)
		return;
	stream->dead = true;
	if (stream->state == OPEN && !stream->failed)
		last_words(stream);
	if (!stream->in_data)
		release(stream);
}

static void deferred_handle(void *context)
{
	struct io_stream *s = context;
	s->continue_deferred = false;
	handle(s, IO_READ | IO_WRITE);
}

static void handle_later(struct io_stream *s)
{
	if (!s->continue_deferred)
		io_defer(s->loop, deferred_handle, s);
	s->continue_deferred = true;
}

static void tell_closed(void *context)
{
	struct io_stream *s = context;
	s->options.events->closed(s->options.context, s->failed ? &s->transport->fault : NULL);
}

static void close_now(struct io_stream *s)
{
	if (s->state == CLOSED)
		return;
	s->state = CLOSED;
	io_timer_clear(s->timer);
	io_watch_free(s->watch);
	s->watch = NULL;
	io_defer(s->loop, tell_closed, s);
}

static bool peer_ends(const struct io_stream *s)
{
	return !s->failed && s->transport->ops->await_end;
}

// The peer may still have to read our last words.
static void linger(struct io_stream *s)
{
	s->state = LINGER;
	if (s->transport->ops->shutdown)
		s->transport->ops->shutdown(s->transport);
	if (!peer_ends(s) && shutdown(s->transport->fd, SHUT_WR) < 0) {
		close_now(s);
		return;
	}
	io_timer_set(s->timer, LINGER_MS);
	io_watch_set(s->watch, IO_READ);
	if (peer_ends(s))
		handle_later(s); // the transport may have taken in what its last words wait for
}

// Watches the descriptor for what the transport wants. False: it waits for nothing.
static bool watch_for(struct io_stream *s, enum io_result r)
{
	if (r != IO_WANT_READ && r != IO_WANT_WRITE)
		return false;
	io_watch_set(s->watch, r == IO_WANT_READ ? IO_READ : IO_WRITE);
	return true;
}

static void linger_on(struct io_stream *s)
{
	enum io_result r = s->transport->ops->await_end(s->transport);
	if (r == IO_OK)
		handle_later(s);
	else if (!watch_for(s, r))
		close_now(s);
}

static void linger_read(struct io_stream *s)
{
	char waste[CHUNK];
	ssize_t n = 1;
	for (int i = 0; i < CHUNKS_A_ROUND && n > 0; i++)
		n = recv(s->transport->fd, waste, sizeof(waste), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		close_now(s);
}

static void fail(struct io_stream *s)
{
	s->failed = true;
	if (s->state == HANDSHAKE)
		linger(s);
	else
		close_now(s);
}

static void timed_out(void *context)
{
	struct io_stream *s = context;
	if (s->state == LINGER) {
		close_now(s);
		return;
	}
	if (s->state == CONNECTING)
		io_fault(s->transport, DIAG_TIMEOUT, IO_HINT_PEER, "the peer does not answer");
	else if (s->state == HANDSHAKE)
		io_fault(s->transport, DIAG_TIMEOUT, IO_HINT_PEER,
			 "the handshake was not finished in %u ms", s->options.handshake_ms);
	else
		io_fault(s->transport, DIAG_TIMEOUT, IO_HINT_PEER,
			 "the peer has read nothing for %u ms", s->options.stall_ms);
	s->failed = true;
	close_now(s);
}

// --- writing ---

static void out_written(struct io_stream *s)
{
	if (s->out_at == s->out.len) {
		s->out_at = 0;
		buf_clear(&s->out);
		if (s->out.cap > OUTPUT_KEPT) {
			buf_fini(&s->out);
			buf_init(&s->out);
		}
		io_timer_clear(s->timer);
		return;
	}
	io_timer_set(s->timer, s->options.stall_ms);
	// Moving the rest down only when most is written keeps the cost linear.
	if (s->out_at > s->out.len / 2) {
		buf_consume(&s->out, s->out_at);
		s->out_at = 0;
	}
}

static void flush(struct io_stream *s)
{
	enum io_result r = IO_OK;
	bool moved = false;
	s->write_wants_read = false;
	// A peer that reads as fast as we write must not keep the others waiting.
	for (size_t round = 0, put = 0; r == IO_OK && io_stream_queued(s) && round < FLUSH_A_ROUND;
	     round += put) {
		size_t most = io_stream_queued(s);
		r = s->transport->ops->write(s->transport, s->out.data + s->out_at, most, &put);
		if (r == IO_OK) {
			s->out_at += put;
			moved = true;
		}
	}
	s->write_wants_read = r == IO_WANT_READ;
	if (moved)
		out_written(s);
	if (r == IO_FAILED || r == IO_CLOSED)
		fail(s);
	else if (s->state == FINISHING && !io_stream_queued(s))
		linger(s);
}

// Deferred, so that `drained` is not called from within io_stream_write.
static void tell_drained(struct io_stream *s)
{
	if (!s->was_high || s->state != OPEN || io_stream_queued(s) >= s->options.output_high / 2)
		return;
	s->was_high = false;
	if (s->options.events->drained)
		s->options.events->drained(s->options.context);
}

void io_stream_write(struct io_stream *s, const void *data, size_t len)
{
	if (s->state > OPEN || s->failed || !len)
		return;
	if (len > s->options.output_most - io_stream_queued(s)) {
		io_fault(s->transport, DIAG_LIMIT, "let the peer read faster, or ask for less",
			 "more than %zu bytes wait for a peer that does not read",
			 s->options.output_most);
		fail(s);
		return;
	}
	bool was_empty = !io_stream_queued(s);
	buf_add(&s->out, data, len);
	if (io_stream_queued(s) > s->options.output_high)
		s->was_high = true;
	if (s->state == OPEN && was_empty) {
		io_timer_set(s->timer, s->options.stall_ms);
		handle_later(s);
	}
}

void io_stream_push(struct io_stream *s, unsigned patience_ms)
{
	struct pollfd ready = {.fd = s->transport->fd, .events = POLLOUT};
	while (s->state == OPEN && !s->failed && io_stream_queued(s)) {
		flush(s);
		if (s->state == OPEN && io_stream_queued(s) &&
		    poll(&ready, 1, (int)patience_ms) <= 0)
			break;
	}
	handle_later(s);
}

void io_stream_finish(struct io_stream *s)
{
	if (s->state >= FINISHING)
		return;
	if (s->state != OPEN) {
		close_now(s);
		return;
	}
	s->state = FINISHING;
	handle_later(s);
}

// --- reading ---

// Hands bytes to the owner and keeps what it does not take. False: stop reading.
static bool hand_over(struct io_stream *s, const char *data, size_t len)
{
	s->in_data = true;
	s->resume_asked = false;
	size_t taken = s->options.events->data(s->options.context, data, len);
	s->in_data = false;
	if (s->dead)
		return false;
	assert(taken <= len);
	if (taken < len) {
		s->blocked = !s->resume_asked;
		buf_add(&s->rest, data + taken, len - taken);
		if (s->resume_asked)
			handle_later(s);
	}
	s->resume_asked = false;
	return taken == len && s->state == OPEN;
}

// False: the stream is gone.
static bool show_rest(struct io_stream *s)
{
	size_t len;
	char *data cleanup(base_free) = buf_take(&s->rest, &len);
	hand_over(s, data, len);
	return !s->dead;
}

static void read_some(struct io_stream *s)
{
	char chunk[CHUNK];
	enum io_result r = IO_OK;
	size_t got = 0;
	for (int i = 0; i < CHUNKS_A_ROUND; i++) {
		r = s->transport->ops->read(s->transport, chunk, sizeof(chunk), &got);
		if (r != IO_OK || !hand_over(s, chunk, got))
			break;
	}
	if (s->dead || s->state != OPEN)
		return;
	s->read_wants_write = r == IO_WANT_WRITE;
	if (r == IO_FAILED)
		fail(s);
	else if (r == IO_CLOSED && io_stream_queued(s))
		io_stream_finish(s); // the peer has only said that it sends no more
	else if (r == IO_CLOSED)
		close_now(s);
	else if (r == IO_OK && !s->blocked)
		handle_later(s); // the transport may hold bytes that the descriptor does not show
}

void io_stream_resume(struct io_stream *s)
{
	if (s->in_data)
		s->resume_asked = true;
	if (!s->blocked)
		return;
	s->blocked = false;
	handle_later(s);
}

// --- the state machine ---

static void wants(struct io_stream *s)
{
	if (!s->watch)
		return;
	unsigned events = 0;
	if (s->state == OPEN && !s->blocked)
		events |= s->read_wants_write ? IO_WRITE : IO_READ;
	if ((s->state == OPEN || s->state == FINISHING) && io_stream_queued(s))
		events |= s->write_wants_read ? IO_READ : IO_WRITE;
	if (s->state == OPEN || s->state == FINISHING)
		io_watch_set(s->watch, events);
}

// What the transport has taken in is not shown by the descriptor any more.
static void heed_transport(struct io_stream *s)
{
	if (s->transport->again)
		handle_later(s);
	s->transport->again = false;
}

static void step_open(struct io_stream *s)
{
	if (io_stream_queued(s) || s->state == FINISHING)
		flush(s);
	if (s->state == OPEN && !s->blocked && s->rest.len && !show_rest(s)) {
		release(s);
		return;
	}
	if (s->state == OPEN && !s->blocked && !s->rest.len)
		read_some(s);
	if (s->dead) {
		release(s);
		return;
	}
	heed_transport(s);
	wants(s);
	s->in_data = true;
	tell_drained(s);
	s->in_data = false;
	if (s->dead)
		release(s);
}

static void step_handshake(struct io_stream *s)
{
	// Sessions that are open must not wait for many who come at once.
	if (!io_loop_has_time(s->loop))
		return;
	enum io_result r = s->transport->ops->handshake(s->transport);
	if (watch_for(s, r))
		return;
	if (r == IO_CLOSED)
		io_fault(s->transport, DIAG_IO, IO_HINT_PEER,
			 "the peer closed during the handshake");
	if (r != IO_OK) {
		fail(s);
		return;
	}
	s->state = OPEN;
	io_timer_clear(s->timer);
	if (io_stream_queued(s))
		io_timer_set(s->timer, s->options.stall_ms);
	s->in_data = true;
	if (s->options.events->opened)
		s->options.events->opened(s->options.context);
	s->in_data = false;
	if (s->dead)
		release(s);
	else if (s->state == OPEN || s->state == FINISHING)
		step_open(s);
}

static void step_connecting(struct io_stream *s)
{
	int rc = io_connect_result(s->transport->fd);
	if (rc < 0) {
		io_fault(s->transport, DIAG_UNREACHABLE, IO_HINT_PEER, "cannot connect: %s",
			 strerror(-rc));
		fail(s);
		return;
	}
	s->state = HANDSHAKE;
	step_handshake(s);
}

static void handle(struct io_stream *s, unsigned events)
{
	switch (s->state) {
	case CONNECTING:
		if (events & (IO_WRITE | IO_HANGUP))
			step_connecting(s);
		break;
	case HANDSHAKE:
		step_handshake(s);
		break;
	case OPEN:
	case FINISHING:
		// Nobody reads, so nobody else would notice that the connection is gone.
		if ((events & IO_HANGUP) && (s->blocked || s->state == FINISHING)) {
			io_fault(s->transport, DIAG_IO, IO_HINT_PEER, "the connection broke");
			fail(s);
			break;
		}
		step_open(s);
		break;
	case LINGER:
		if (peer_ends(s))
			linger_on(s);
		else
			linger_read(s);
		break;
	case CLOSED:
		break;
	}
}

static void ready(void *context, unsigned events)
{
	handle(context, events);
}

int io_stream_new(struct io_loop *loop, struct io_transport *transport,
		  const struct io_stream_options *options, struct io_stream **stream_out)
{
	struct io_stream *s = base_oom(calloc(1, sizeof(*s)));
	*s = (struct io_stream){.loop = loop, .transport = transport, .options = *options};
	s->options.handshake_ms = (unsigned)or_default(options->handshake_ms, HANDSHAKE_MS);
	s->options.stall_ms = (unsigned)or_default(options->stall_ms, STALL_MS);
	s->options.output_most = or_default(options->output_most, OUTPUT_MOST);
	s->options.output_high = or_default(options->output_high, s->options.output_most / 2);
	s->state = options->connecting ? CONNECTING : HANDSHAKE;
	buf_init(&s->rest);
	buf_init(&s->out);
	s->timer = io_timer_new(loop, timed_out, s);
	struct io_watch_options o = {
		.fd = transport->fd, .events = IO_WRITE, .fn = ready, .context = s};
	int rc = io_watch_new(loop, &o, &s->watch);
	if (rc < 0) {
		release(s);
		return rc;
	}
	io_timer_set(s->timer, s->options.handshake_ms);
	*stream_out = s;
	return 0;
}

const struct io_peer *io_stream_peer(const struct io_stream *s)
{
	const struct io_transport_ops *ops = s->transport->ops;
	return s->state >= OPEN && ops->peer ? ops->peer(s->transport) : NULL;
}
