// SPDX-License-Identifier: Apache-2.0
// Call home (RFC 8071): front may make no socket, so the enforcer connects and hands the socket over, on a descriptor of
// their own beside the channel. Front says only which of the configured endpoints.
#pragma once

#include "agent/message.h"

struct io_loop;

// --- the enforcer's end ---

struct agent_dialler;
struct agent_dialler_options {
	int fd; // taken; a SOCK_SEQPACKET socket
	const struct agent_endpoint *endpoint;
	size_t endpoints;
	// Required, once: front has gone, or has asked for what it may not; free the dialler then or later.
	void (*closed)(void *context, const char *why);
	void *context;
};
// 0 or a negative errno.
int agent_dialler_new(struct io_loop *loop, const struct agent_dialler_options *options,
		      struct agent_dialler **out) must_check;
void agent_dialler_free(struct agent_dialler *dialler); // NULL is fine

// --- front's end; the descriptor is non-blocking ---

// Asks for a connection to the endpoint of this number. 0 or a negative errno.
int agent_dial_ask(int fd, uint8_t endpoint) must_check;
// An answer: which endpoint, and its socket, still connecting and the caller's from now on, or a negative errno.
// -EAGAIN: none is there; -EPIPE: the enforcer has gone.
struct agent_dialled {
	uint8_t endpoint;
	int fd;
};
int agent_dial_receive(int fd, struct agent_dialled *out) must_check;
