// SPDX-License-Identifier: Apache-2.0
// A growing byte buffer on the heap; always NUL-terminated behind its length.
#pragma once

#include "base/base.h"

struct buf {
	char *data; // never NULL after init
	size_t len, cap;
};

void buf_init(struct buf *buf);
void buf_fini(struct buf *buf);
void buf_clear(struct buf *buf);
// Room for `more` further bytes; returns the place behind the last byte. Follow with buf_advance.
char *buf_reserve(struct buf *buf, size_t more) must_check;
void buf_advance(struct buf *buf, size_t len);
void buf_add(struct buf *buf, const void *data, size_t len);
void buf_adds(struct buf *buf, const char *s);
void buf_addc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) printf_like(2, 3);
// Drops the first `len` bytes.
void buf_consume(struct buf *buf, size_t len);
// The caller owns (free) what is returned; the buffer is empty after it.
char *buf_take(struct buf *buf, size_t *len_out) must_check;
// Text in double quotes, a backslash before each quote and backslash in it.
void buf_add_quoted(struct buf *buf, const char *text);
// Text with & < > " ' escaped, for element content and attribute values; bytes that XML 1.0 forbids
// become '?'.
void buf_add_xml(struct buf *buf, const char *text);
// <name>text</name>; of NULL nothing.
void buf_add_leaf(struct buf *buf, const char *name, const char *text);
