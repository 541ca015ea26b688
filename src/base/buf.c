// SPDX-License-Identifier: Apache-2.0
// Doubling growth; consume moves the rest down, so callers drain in large steps.
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf)
{
	*buf = (struct buf){.data = base_oom(malloc(64)), .cap = 64};
	buf->data[0] = '\0';
}

void buf_fini(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->data[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t more)
{
	assert(more < SIZE_MAX / 4 && buf->len < SIZE_MAX / 4);
	if (buf->cap - buf->len <= more) {
		size_t cap = buf->cap * 2;
		if (cap - buf->len <= more)
			cap = buf->len + more + 1;
		buf->data = base_oom(realloc(buf->data, cap));
		buf->cap = cap;
	}
	return buf->data + buf->len;
}

void buf_advance(struct buf *buf, size_t len)
{
	assert(buf->cap - buf->len > len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
	char *p = buf_reserve(buf, len);
	if (len)
		memcpy(p, data, len);
	buf_advance(buf, len);
}

void buf_adds(struct buf *buf, const char *s)
{
	buf_add(buf, s, strlen(s));
}

void buf_addc(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *p = buf_reserve(buf, 128);
	int len = vsnprintf(p, 128, fmt, ap);
	va_end(ap);
	assert(len >= 0);
	if (len >= 128) {
		p = buf_reserve(buf, (size_t)len);
		va_start(ap, fmt);
		vsnprintf(p, (size_t)len + 1, fmt, ap);
		va_end(ap);
	}
	buf_advance(buf, (size_t)len);
}

void buf_consume(struct buf *buf, size_t len)
{
	assert(len <= buf->len);
	memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
	buf->data[buf->len] = '\0';
}

char *buf_take(struct buf *buf, size_t *len_out)
{
	char *data = buf->data;
	*len_out = buf->len;
	buf_init(buf);
	return data;
}

void buf_add_quoted(struct buf *buf, const char *text)
{
	buf_addc(buf, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_addc(buf, '\\');
		buf_addc(buf, *text);
	}
	buf_addc(buf, '"');
}

void buf_add_xml(struct buf *buf, const char *text)
{
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		switch (c) {
		case '&':
			buf_adds(buf, "&amp;");
			break;
		case '<':
			buf_adds(buf, "&lt;");
			break;
		case '>':
			buf_adds(buf, "&gt;");
			break;
		case '"':
			buf_adds(buf, "&quot;");
			break;
		case '\'':
			buf_adds(buf, "&apos;");
			break;
		default:
			buf_addc(buf, c < 0x20 && c != '\t' && c != '\n' && c != '\r' ? '?' : *p);
		}
	}
}

void buf_add_leaf(struct buf *buf, const char *name, const char *text)
{
	if (!text)
		return;
	buf_printf(buf, "<%s>", name);
	buf_add_xml(buf, text);
	buf_printf(buf, "</%s>", name);
}
