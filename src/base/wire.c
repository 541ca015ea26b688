// SPDX-License-Identifier: Apache-2.0
// Bounds are checked in one place, `take`; everything else is built on it.
#include "base/wire.h"

#include <assert.h>
#include <string.h>

#define NO_TEXT UINT32_MAX

static void put(struct buf *buf, u128 v, unsigned bytes)
{
	unsigned char b[16];
	for (unsigned i = 0; i < bytes; i++)
		b[i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
	buf_add(buf, b, bytes);
}

void wire_put_u8(struct buf *buf, uint8_t v)
{
	put(buf, v, 1);
}

void wire_put_u16(struct buf *buf, uint16_t v)
{
	put(buf, v, 2);
}

void wire_put_u32(struct buf *buf, uint32_t v)
{
	put(buf, v, 4);
}

void wire_put_u64(struct buf *buf, uint64_t v)
{
	put(buf, v, 8);
}

void wire_put_u128(struct buf *buf, u128 v)
{
	put(buf, v, 16);
}

void wire_put_bytes(struct buf *buf, const void *data, size_t len)
{
	assert(len < NO_TEXT);
	wire_put_u32(buf, (uint32_t)len);
	buf_add(buf, data, len);
}

void wire_put_text(struct buf *buf, const char *text)
{
	if (text)
		wire_put_bytes(buf, text, strlen(text));
	else
		wire_put_u32(buf, NO_TEXT);
}

struct wire_reader wire_reader(const void *data, size_t len)
{
	return (struct wire_reader){.at = data, .end = (const unsigned char *)data + len};
}

static const unsigned char *take(struct wire_reader *r, size_t len)
{
	if (r->bad || (size_t)(r->end - r->at) < len) {
		r->bad = true;
		return NULL;
	}
	const unsigned char *p = r->at;
	r->at += len;
	return p;
}

static u128 get(struct wire_reader *r, unsigned bytes)
{
	const unsigned char *p = take(r, bytes);
	u128 v = 0;
	for (unsigned i = 0; p && i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t wire_u8(struct wire_reader *r)
{
	return (uint8_t)get(r, 1);
}

uint16_t wire_u16(struct wire_reader *r)
{
	return (uint16_t)get(r, 2);
}

uint32_t wire_u32(struct wire_reader *r)
{
	return (uint32_t)get(r, 4);
}

uint64_t wire_u64(struct wire_reader *r)
{
	return (uint64_t)get(r, 8);
}

u128 wire_u128(struct wire_reader *r)
{
	return get(r, 16);
}

const void *wire_bytes(struct wire_reader *r, size_t *len_out)
{
	uint32_t len = wire_u32(r);
	const void *p = take(r, len);
	*len_out = p ? len : 0;
	return p;
}

char *wire_text(struct wire_reader *r, struct arena *arena)
{
	uint32_t len = wire_u32(r);
	if (r->bad || len == NO_TEXT)
		return NULL;
	const unsigned char *p = take(r, len);
	if (p && memchr(p, 0, len))
		r->bad = true;
	return r->bad ? NULL : arena_strndup(arena, (const char *)p, len);
}

uint32_t wire_count(struct wire_reader *r, size_t least)
{
	uint32_t n = wire_u32(r);
	if (r->bad || n > (size_t)(r->end - r->at) / least) {
		r->bad = true;
		return 0;
	}
	return n;
}

bool wire_done(const struct wire_reader *r)
{
	return !r->bad && r->at == r->end;
}
