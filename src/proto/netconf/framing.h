// SPDX-License-Identifier: Apache-2.0
// NETCONF framing (RFC 6242 section 4): bytes into messages and back. Both framings, any cut of the bytes.
#pragma once

#include "base/buf.h"

enum netconf_framing_kind {
	NETCONF_END_OF_MESSAGE, // base:1.0, "]]>]]>" behind each message
	NETCONF_CHUNKED,        // base:1.1
};

enum netconf_frame {
	NETCONF_FRAME_MORE,    // everything was taken, the message goes on
	NETCONF_FRAME_MESSAGE, // `message` is whole; clear it with netconf_framing_next
	NETCONF_FRAME_BAD,     // `fault` says why; nothing can be read any more
};

struct netconf_framing {
	enum netconf_framing_kind kind;
	size_t most;        // bytes of one message
	const char *fault;  // NULL until something was bad; a constant
	bool too_big;       // the fault is the limit
	struct buf message; // what has come of it
	unsigned state;     // of the chunked framing
	uint64_t chunk;     // bytes still to come of this chunk, or its size while that is read
};

void netconf_framing_init(struct netconf_framing *framing, size_t most);
void netconf_framing_fini(struct netconf_framing *framing);
// Takes bytes up to the end of the current message at the most; returns how many. Time is linear in them.
size_t netconf_framing_feed(struct netconf_framing *framing, const char *data, size_t len,
			    enum netconf_frame *frame_out) must_check;
// Makes room for the next message; gives large memory back.
void netconf_framing_next(struct netconf_framing *framing);

// What stands before and behind a message of so many bytes (less than 4 GiB).
void netconf_frame_begin(enum netconf_framing_kind kind, size_t len, struct buf *out);
void netconf_frame_end(enum netconf_framing_kind kind, struct buf *out);
// Appends the message with its frame.
void netconf_frame(enum netconf_framing_kind kind, const char *data, size_t len, struct buf *out);
