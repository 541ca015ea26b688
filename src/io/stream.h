// SPDX-License-Identifier: Apache-2.0
// A transport on a loop: handshake with a deadline, reading with back-pressure, a bounded output
// queue.
#pragma once

#include "io/transport.h"

struct io_loop;
struct io_stream;

struct io_stream_events {
	// Optional. The handshake is done.
	void (*opened)(void *context);
	// Required. Bytes have come; returns how many were taken. The rest is shown again after
	// io_stream_resume; until then nothing more is read.
	size_t (*data)(void *context, const char *data, size_t len);
	// Optional. The output queue, which had more than output_high, is now below half of it.
	void (*drained)(void *context);
	// Required, called once: nothing moves any more. `why` is NULL when the peer ended in
	// order, else it lives as long as the call. The owner frees the stream, here or later.
	void (*closed)(void *context, const struct diag *why);
};

struct io_stream_options {
	const struct io_stream_events *events;
	void *context;
	unsigned handshake_ms; // 0: 10 seconds
	unsigned stall_ms;  // with output waiting, the peer takes none for so long: closed. 0: 60
			    // seconds
	size_t output_most; // bytes waiting; beyond it the stream is closed with DIAG_LIMIT. 0: 64
			    // MiB
	size_t output_high; // for `drained`; 0: half of output_most
	bool connecting; // the descriptor is still connecting; the time for that is in handshake_ms
};

// Takes the transport. Negative errno: the transport is freed.
int io_stream_new(struct io_loop *loop, struct io_transport *transport,
		  const struct io_stream_options *options,
		  struct io_stream **stream_out) must_check;
// Copies the bytes into the queue; before `opened` they wait. Ignored after `closed`.
void io_stream_write(struct io_stream *stream, const void *data, size_t len);
// Writes what is queued and waits while the peer takes it, but not for one that takes nothing for so long: for the two
// halves of one program, of which the other one reads whatever comes. Not from within a callback of the stream.
void io_stream_push(struct io_stream *stream, unsigned patience_ms);
size_t io_stream_queued(const struct io_stream *stream) must_check; // bytes not yet written
// Whether the peer's host has acknowledged every byte so far: what was sent to a host that is gone never is.
bool io_stream_heard(const struct io_stream *stream) must_check;
// Shows the rest again and goes on reading. Safe within `data`.
void io_stream_resume(struct io_stream *stream);
// Writes what is queued, then ends the connection; `closed` follows (why NULL). Reading stops at
// once.
void io_stream_finish(struct io_stream *stream);
// NULL before `opened`, or when the transport does not know.
const struct io_peer *io_stream_peer(const struct io_stream *stream) must_check;
// Closes at once, having written what can be written without waiting; no callback follows. NULL is
// fine.
void io_stream_free(struct io_stream *stream);
