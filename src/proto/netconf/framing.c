// SPDX-License-Identifier: Apache-2.0
// NETCONF framing.
//
// The idea: one resumable machine that takes bytes up to the end of one message and keeps its place between calls. Memory
// grows with the bytes that came, never with a size that was only announced. End-of-message looks for the delimiter in
// what is new and the five bytes before it, so that no byte is searched twice.
// It does not look into messages. RFC 6242 sections 4.2 and 4.3.
#include "proto/netconf/framing.h"

#include <assert.h>
#include <string.h>

#define KEPT 1024u             // most sessions are idle most of the time
#define CHUNK_MOST 4294967295u // RFC 6242: the largest chunk-size

static const char delimiter[] = "]]>]]>";
#define DELIMITER_LEN (sizeof(delimiter) - 1)

// Of the chunked framing, named after what has just been read.
enum { START, LF, HASH, HASH_HASH, SIZE, DATA };

void netconf_framing_init(struct netconf_framing *f, size_t most)
{
	*f = (struct netconf_framing){.most = most};
	buf_init(&f->message);
}

void netconf_framing_fini(struct netconf_framing *f)
{
	buf_fini(&f->message);
}

void netconf_framing_next(struct netconf_framing *f)
{
	buf_clear(&f->message);
	if (f->message.cap <= KEPT)
		return;
	buf_fini(&f->message);
	buf_init(&f->message);
}

static enum netconf_frame bad(struct netconf_framing *f, const char *fault)
{
	f->fault = fault;
	return NETCONF_FRAME_BAD;
}

static enum netconf_frame too_big(struct netconf_framing *f)
{
	f->too_big = true;
	return bad(f, "a message is larger than the limit");
}

static size_t feed_delimited(struct netconf_framing *f, const char *data, size_t len,
			     enum netconf_frame *frame)
{
	struct buf *m = &f->message;
	size_t had = m->len, from = had < DELIMITER_LEN ? 0 : had - (DELIMITER_LEN - 1);
	buf_add(m, data, len);
	char *end = memmem(m->data + from, m->len - from, delimiter, DELIMITER_LEN);
	size_t message_len = end ? (size_t)(end - m->data) : m->len;
	if (message_len > f->most + (end ? 0 : DELIMITER_LEN - 1)) {
		*frame = too_big(f);
		return len;
	}
	*frame = end ? NETCONF_FRAME_MESSAGE : NETCONF_FRAME_MORE;
	if (!end)
		return len;
	m->len = message_len;
	*end = '\0';
	return message_len + DELIMITER_LEN - had;
}

static enum netconf_frame size_digit(struct netconf_framing *f, unsigned digit)
{
	f->chunk = f->chunk * 10 + digit;
	if (f->chunk > CHUNK_MOST)
		return bad(f, "a chunk is larger than the framing allows");
	return NETCONF_FRAME_MORE;
}

static enum netconf_frame size_end(struct netconf_framing *f)
{
	if (f->chunk > f->most - f->message.len)
		return too_big(f);
	f->state = DATA;
	return NETCONF_FRAME_MORE;
}

// A byte that is not chunk data.
static enum netconf_frame control(struct netconf_framing *f, char c)
{
	bool digit = c >= '0' && c <= '9';
	switch (f->state) {
	case START:
		f->state = LF;
		return c == '\n' ? NETCONF_FRAME_MORE
				 : bad(f, "a chunk must begin with a line feed and '#'");
	case LF:
		f->state = HASH;
		return c == '#' ? NETCONF_FRAME_MORE
				: bad(f, "a chunk must begin with a line feed and '#'");
	case HASH:
		if (c == '#' && f->message.len) {
			f->state = HASH_HASH;
			return NETCONF_FRAME_MORE;
		}
		if (!digit || c == '0')
			return bad(f, "a chunk-size must be a number that is not 0");
		f->state = SIZE;
		f->chunk = 0;
		return size_digit(f, (unsigned)(c - '0'));
	case HASH_HASH:
		f->state = START;
		return c == '\n' ? NETCONF_FRAME_MESSAGE
				 : bad(f, "a line feed must follow the end of chunks");
	default:
		assert(f->state == SIZE);
		if (digit)
			return size_digit(f, (unsigned)(c - '0'));
		return c == '\n' ? size_end(f) : bad(f, "a line feed must follow the chunk-size");
	}
}

static size_t feed_chunked(struct netconf_framing *f, const char *data, size_t len,
			   enum netconf_frame *frame)
{
	size_t at = 0;
	*frame = NETCONF_FRAME_MORE;
	while (at < len && *frame == NETCONF_FRAME_MORE) {
		if (f->state != DATA) {
			*frame = control(f, data[at++]);
			continue;
		}
		size_t take = len - at < f->chunk ? len - at : (size_t)f->chunk;
		buf_add(&f->message, data + at, take);
		at += take;
		f->chunk -= take;
		if (!f->chunk)
			f->state = START;
	}
	return at;
}

size_t netconf_framing_feed(struct netconf_framing *f, const char *data, size_t len,
			    enum netconf_frame *frame_out)
{
	if (f->fault) {
		*frame_out = NETCONF_FRAME_BAD;
		return len;
	}
	if (f->kind == NETCONF_CHUNKED)
		return feed_chunked(f, data, len, frame_out);
	return feed_delimited(f, data, len, frame_out);
}

void netconf_frame_begin(enum netconf_framing_kind kind, size_t len, struct buf *out)
{
	// No chunk is empty, and no message of ours is.
	assert(len > 0 && len <= CHUNK_MOST);
	if (kind == NETCONF_CHUNKED)
		buf_printf(out, "\n#%zu\n", len);
}

void netconf_frame_end(enum netconf_framing_kind kind, struct buf *out)
{
	buf_adds(out, kind == NETCONF_CHUNKED ? "\n##\n" : delimiter);
}

void netconf_frame(enum netconf_framing_kind kind, const char *data, size_t len, struct buf *out)
{
	netconf_frame_begin(kind, len, out);
	buf_add(out, data, len);
	netconf_frame_end(kind, out);
}
