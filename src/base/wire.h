// SPDX-License-Identifier: Apache-2.0
// Reading and writing of binary records, big-endian. Both sides hold a sticky error that is checked
// once.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

// Writing appends to a buf and cannot fail.
void wire_put_u8(struct buf *buf, uint8_t v);
void wire_put_u16(struct buf *buf, uint16_t v);
void wire_put_u32(struct buf *buf, uint32_t v);
void wire_put_u64(struct buf *buf, uint64_t v);
void wire_put_u128(struct buf *buf, u128 v);
// A u32 length and the bytes. NULL text is written as length 0xffffffff and read back as NULL.
void wire_put_bytes(struct buf *buf, const void *data, size_t len);
void wire_put_text(struct buf *buf, const char *text);

// After the first read beyond the end (or of a text with a NUL inside) every read gives 0 / NULL
// and `bad` is set.
struct wire_reader {
	const unsigned char *at, *end;
	bool bad;
};

struct wire_reader wire_reader(const void *data, size_t len) must_check;
uint8_t wire_u8(struct wire_reader *r);
uint16_t wire_u16(struct wire_reader *r);
uint32_t wire_u32(struct wire_reader *r);
uint64_t wire_u64(struct wire_reader *r);
u128 wire_u128(struct wire_reader *r);
// Borrowed from the input.
const void *wire_bytes(struct wire_reader *r, size_t *len_out);
// A copy in the arena, NUL-terminated.
char *wire_text(struct wire_reader *r, struct arena *arena);
// A count of items that take at least `least` bytes each: bad when the rest of the input cannot
// hold them.
uint32_t wire_count(struct wire_reader *r, size_t least);
// True when nothing was bad and every byte was read.
bool wire_done(const struct wire_reader *r) must_check;
