// SPDX-License-Identifier: Apache-2.0
// Texts as JSON strings and XML content. A message may quote what a peer has sent, so nothing is
// taken for granted about its bytes.
#include "proto/restconf/text.h"
#include "base/buf.h"

#include <string.h>

// The length of the UTF-8 sequence at `p` (RFC 3629), 0 when it is none.
static size_t sequence(const unsigned char *p)
{
	if (p[0] < 0x80)
		return 1;
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
	unsigned low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (!len || p[0] > 0xf4 || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

void text_json(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (const char *p = text; *p;) {
		size_t len = sequence((const unsigned char *)p);
		unsigned char c = (unsigned char)*p;
		if (!len)
			buf_addc(out, '?');
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_add(out, p, len);
		p += len ? len : 1;
	}
	buf_addc(out, '"');
}

void text_xml(struct buf *out, const char *text)
{
	char piece[5] = "";
	for (const char *p = text; *p;) {
		size_t len = sequence((const unsigned char *)p);
		memcpy(piece, len ? p : "?", len ? len : 1);
		piece[len ? len : 1] = '\0';
		buf_add_xml(out, piece);
		p += len ? len : 1;
	}
}
