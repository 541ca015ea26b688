// SPDX-License-Identifier: Apache-2.0
// Framing: a length of 4 octets, then the message. The one idea: what breaks a rule ends the channel; there is nothing to
// recover between two halves of one program.
#include "agent/channel.h"

#include "base/buf.h"
#include "base/wire.h"
#include "io/loop.h"
#include "io/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LENGTH = 4, STALL_MS = 600 * 1000, PATIENCE_MS = 20 };
// Who has let so much wait is not waited for.
#define BUSY ((size_t)4 * AGENT_PIECE)
// A few large answers may wait while the other end is busy with a large policy.
#define OUTPUT_MOST ((size_t)2 * AGENT_MESSAGE_MOST)

struct agent_channel {
	struct io_loop *loop;
	struct io_stream *stream; // NULL: ended
	const char *why;
	struct agent_channel_options options;
	struct buf in;
};

static uint32_t length_of(const char *frame)
{
	struct wire_reader r = wire_reader(frame, LENGTH);
	return wire_u32(&r);
}

// The type, which comes first, says who may send it; lists that only the enforcer makes are never read from front.
static bool decode(const char *data, size_t len, enum agent_sender sender, struct arena *arena,
		   struct agent_message *out)
{
	unsigned char type = len ? (unsigned char)data[0] : AGENT_TYPES;
	return type < AGENT_TYPES && agent_type_info[type].sender == sender &&
	       agent_message_decode(data, len, arena, out);
}

static void tell_closed(void *context)
{
	struct agent_channel *channel = context;
	channel->options.closed(channel->options.context, channel->why);
}

// The owner hears of it when this call has returned, and may free the channel then.
static void fail(struct agent_channel *channel, const char *why)
{
	io_stream_free(channel->stream);
	channel->stream = NULL;
	channel->why = why;
	io_defer(channel->loop, tell_closed, channel);
}

// One whole frame at `at`; false when the rest has to come first, or the channel has ended.
static bool take_one(struct agent_channel *channel, size_t *at)
{
	const char *frame = channel->in.data + *at;
	size_t left = channel->in.len - *at;
	if (left < LENGTH)
		return false;
	uint32_t len = length_of(frame);
	if (len > AGENT_MESSAGE_MOST) {
		fail(channel, "a message that is too long");
		return false;
	}
	if (left - LENGTH < len)
		return false;
	struct arena arena;
	struct agent_message message;
	arena_init(&arena);
	bool good = decode(frame + LENGTH, len, channel->options.sender, &arena, &message);
	if (good)
		channel->options.message(channel->options.context, &message);
	else
		fail(channel, "a message that breaks the rules");
	arena_fini(&arena);
	*at += LENGTH + len;
	return good && channel->stream;
}

static size_t data(void *context, const char *bytes, size_t len)
{
	struct agent_channel *channel = context;
	size_t at = 0;
	buf_add(&channel->in, bytes, len);
	while (take_one(channel, &at))
		;
	buf_consume(&channel->in, at < channel->in.len ? at : channel->in.len);
	return len;
}

static void closed(void *context, const struct diag *why)
{
	struct agent_channel *channel = context;
	channel->options.closed(channel->options.context, why ? why->text : NULL);
}

static const struct io_stream_events events = {.data = data, .closed = closed};

int agent_channel_new(struct io_loop *loop, const struct agent_channel_options *options,
		      struct agent_channel **out)
{
	struct agent_channel *channel = base_oom(calloc(1, sizeof(*channel)));
	channel->loop = loop;
	channel->options = *options;
	buf_init(&channel->in);
	struct io_stream_options stream = {.events = &events,
					   .context = channel,
					   .stall_ms = STALL_MS,
					   .output_most = OUTPUT_MOST};
	int flags = fcntl(options->fd, F_GETFL);
	int r = flags < 0 || fcntl(options->fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
	if (r < 0)
		close(options->fd);
	else
		r = io_stream_new(loop, io_plain_new(options->fd), &stream, &channel->stream);
	if (r < 0) {
		buf_fini(&channel->in);
		free(channel);
		return r;
	}
	*out = channel;
	return 0;
}

void agent_channel_send(struct agent_channel *channel, const struct agent_message *message)
{
	cleanup(buf_fini) struct buf frame;
	if (!channel->stream)
		return;
	buf_init(&frame);
	wire_put_u32(&frame, 0);
	agent_message_encode(message, &frame);
	struct buf length;
	buf_init(&length);
	assert(frame.len - LENGTH <= AGENT_MESSAGE_MOST);
	wire_put_u32(&length, (uint32_t)(frame.len - LENGTH));
	io_stream_write(channel->stream, length.data, LENGTH);
	io_stream_write(channel->stream, frame.data + LENGTH, frame.len - LENGTH);
	buf_fini(&length);
}

void agent_channel_push(struct agent_channel *channel, const struct agent_message *message)
{
	agent_channel_send(channel, message);
	if (channel->stream && io_stream_queued(channel->stream) <= BUSY)
		io_stream_push(channel->stream, PATIENCE_MS);
}

void agent_channel_free(struct agent_channel *channel)
{
	if (!channel)
		return;
	io_defer_cancel(channel->loop, channel);
	io_stream_free(channel->stream);
	buf_fini(&channel->in);
	free(channel);
}

static bool read_whole(int fd, char *out, size_t len)
{
	while (len) {
		ssize_t n = recv(fd, out, len, MSG_WAITALL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		out += n;
		len -= (size_t)n;
	}
	return true;
}

bool agent_channel_receive(int fd, enum agent_sender sender, struct arena *arena,
			   struct agent_message *out)
{
	char length[LENGTH];
	if (!read_whole(fd, length, LENGTH) || length_of(length) > AGENT_MESSAGE_MOST)
		return false;
	size_t len = length_of(length);
	char *body = arena_alloc(arena, len);
	return read_whole(fd, body, len) && decode(body, len, sender, arena, out);
}
