// SPDX-License-Identifier: Apache-2.0
// XML elements, one a line, indented by two spaces a level. Balanced tags are the caller's duty.
#include "codec/xml_out.h"

static void begin(struct xml_out *out)
{
	for (unsigned i = 0; i < out->depth; i++)
		buf_add(out->buf, "  ", 2);
	buf_addc(out->buf, '<');
}

void xml_open_with(struct xml_out *out, const char *name, const char *attributes)
{
	begin(out);
	buf_adds(out->buf, name);
	buf_adds(out->buf, attributes);
	buf_add(out->buf, ">\n", 2);
	out->depth++;
}

void xml_open(struct xml_out *out, const char *name)
{
	xml_open_with(out, name, "");
}

void xml_close(struct xml_out *out, const char *name)
{
	out->depth--;
	begin(out);
	buf_addc(out->buf, '/');
	buf_adds(out->buf, name);
	buf_add(out->buf, ">\n", 2);
}

static void end_leaf(struct xml_out *out, const char *name)
{
	buf_add(out->buf, "</", 2);
	buf_adds(out->buf, name);
	buf_add(out->buf, ">\n", 2);
}

void xml_leaf(struct xml_out *out, const char *name, const char *text)
{
	begin(out);
	buf_adds(out->buf, name);
	buf_addc(out->buf, '>');
	buf_add_xml(out->buf, text);
	end_leaf(out, name);
}

void xml_number(struct xml_out *out, const char *name, uint64_t value)
{
	char digits[24], *p = digits + sizeof(digits);
	*--p = '\0';
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	begin(out);
	buf_adds(out->buf, name);
	buf_addc(out->buf, '>');
	buf_adds(out->buf, p);
	end_leaf(out, name);
}
