// SPDX-License-Identifier: Apache-2.0
// Event streams (RFC 8040 section 6): the controller's events as server-sent events.
#pragma once

#include "north/internal.h"

#include <sys/types.h>

struct stream;
struct streams;

// What is behind all streams: one thread that reads events and writes to those who listen.
struct streams *streams_new(struct engine *engine, struct workspaces *workspaces) must_check;
// Ends all streams: from now on they are over as soon as they are read. NULL is fine.
void streams_end(struct streams *streams);
// All streams are closed. NULL is fine.
void streams_free(struct streams *streams);

struct stream_options {
	enum schema_format format;
	const char *tenant;           // whose events; NULL: everybody's
	const struct access_who *who; // access control holds back what this one may not hear
	const char *filter;           // XPath; NULL: none
	bool replays;                 // from `start` on, else what is new
	int64_t start;
	int64_t stop; // 0: never
};
// Who reads it. `wait` is called inside of stream_read when there is nothing, and after that once `wake`, from another
// thread, when there is something.
struct stream_reader {
	void (*wait)(void *context);
	void (*wake)(void *context);
	void *context;
};
struct stream *stream_new(struct streams *streams, const struct stream_options *options,
			  const struct stream_reader *reader) must_check;
// Takes up to `most` bytes. 0: nothing now; -1: it is over.
ssize_t stream_read(struct stream *stream, char *out, size_t most) must_check;
// It is not read any more; `wake` is not called after this.
void stream_close(struct stream *stream);

// An event as the notification that it is, without its envelope.
void stream_notification(const struct store_event *event, enum schema_format format,
			 struct buf *out);

// Checks a request for a stream; 200, x->stream says what to do. Else the status with diags.
unsigned stream_open(struct exchange *x) must_check;
// The streams that there are, as restconf-state/streams.
void stream_list(struct exchange *x, struct buf *out);
