// SPDX-License-Identifier: Apache-2.0
// Messages over a stream socket between front and enforcer.
#pragma once

#include "agent/message.h"

struct agent_channel;
struct io_loop;

struct agent_channel_options {
	int fd; // taken; also on failure
	enum agent_sender
		sender; // who is at the other end: messages of the other kind end the channel
	// Required. The message lives as long as the call.
	void (*message)(void *context, const struct agent_message *message);
	// Required, once: nothing comes any more. `why` NULL: the other end closed it.
	void (*closed)(void *context, const char *why);
	void *context;
};

// 0 or a negative errno.
int agent_channel_new(struct io_loop *loop, const struct agent_channel_options *options,
		      struct agent_channel **out) must_check;
void agent_channel_send(struct agent_channel *channel, const struct agent_message *message);
// The same, and waits until it is written: for what comes in many pieces, which are not all to be kept here, unless the
// other end is busy.
void agent_channel_push(struct agent_channel *channel, const struct agent_message *message);
// Not from within `message`. NULL is fine.
void agent_channel_free(struct agent_channel *channel);

// The first message, before there is a loop: waits for it. False when the other end has gone or breaks the rules.
bool agent_channel_receive(int fd, enum agent_sender sender, struct arena *arena,
			   struct agent_message *out) must_check;
