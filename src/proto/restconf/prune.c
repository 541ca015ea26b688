// SPDX-License-Identifier: Apache-2.0
// The query parameter depth (RFC 8040 section 4.8.2) on documents that are already text.
//
// The idea: both forms nest plainly, so one pass that counts levels and copies what is not too deep
// does it; no tree is copied to be cut. The input is our own printer's, never a peer's.
#include "proto/restconf/restconf.h"
#include "base/buf.h"

#include <string.h>

// The end of the tag that begins at `p` ("<…>"), behind its '>'; quotes may hold '>'.
static const char *tag_end(const char *p, const char *end)
{
	char quote = '\0';
	for (; p < end; p++) {
		if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '>')
			return p + 1;
	}
	return end;
}

// Text stands on the level of its element; elements below `depth` are skipped with their text.
static void prune_xml(const char *p, const char *end, unsigned depth, struct buf *out)
{
	unsigned level = 0;
	while (p < end) {
		if (*p != '<') {
			const char *next = memchr(p, '<', (size_t)(end - p));
			next = next ? next : end;
			if (level <= depth)
				buf_add(out, p, (size_t)(next - p));
			p = next;
			continue;
		}
		const char *next = tag_end(p, end);
		bool closes = p[1] == '/', empty = next[-2] == '/';
		level += !closes;
		if (level <= depth)
			buf_add(out, p, (size_t)(next - p));
		level -= closes || empty;
		p = next;
	}
}

static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return p < end ? p + 1 : end;
}

struct json_cut {
	const char *p, *end;
	unsigned depth;
	struct buf *out;
};

static void skip_space(struct json_cut *c)
{
	while (c->p < c->end && strchr(" \t\r\n", *c->p))
		c->p++;
}

static void copy(struct json_cut *c, const char *from, bool keep)
{
	if (keep)
		buf_add(c->out, from, (size_t)(c->p - from));
}

static void cut_value(struct json_cut *c, unsigned level, bool keep);

// A member is one level below its object; an array's items are on the member's level.
static void cut_object(struct json_cut *c, unsigned level, bool keep)
{
	bool first = true;
	c->p++;
	if (keep)
		buf_addc(c->out, '{');
	for (skip_space(c); c->p < c->end && *c->p != '}'; skip_space(c)) {
		bool member = keep && level < c->depth;
		const char *name = c->p;
		c->p = string_end(c->p, c->end);
		if (member && !first)
			buf_addc(c->out, ',');
		first = first && !member;
		copy(c, name, member);
		skip_space(c);
		c->p++; // the colon
		if (member)
			buf_addc(c->out, ':');
		skip_space(c);
		cut_value(c, level + 1, member);
		skip_space(c);
		c->p += c->p < c->end && *c->p == ',';
	}
	c->p++;
	if (keep)
		buf_addc(c->out, '}');
}

static void cut_array(struct json_cut *c, unsigned level, bool keep)
{
	c->p++;
	if (keep)
		buf_addc(c->out, '[');
	for (skip_space(c); c->p < c->end && *c->p != ']'; skip_space(c)) {
		cut_value(c, level, keep);
		skip_space(c);
		if (c->p >= c->end || *c->p != ',')
			continue;
		c->p++;
		if (keep)
			buf_addc(c->out, ',');
	}
	c->p++;
	if (keep)
		buf_addc(c->out, ']');
}

static void cut_value(struct json_cut *c, unsigned level, bool keep)
{
	const char *from = c->p;
	if (c->p >= c->end)
		return;
	if (*c->p == '{') {
		cut_object(c, level, keep);
		return;
	}
	if (*c->p == '[') {
		cut_array(c, level, keep);
		return;
	}
	if (*c->p == '"')
		c->p = string_end(c->p, c->end);
	else
		while (c->p < c->end && !strchr(",]} \t\r\n", *c->p))
			c->p++;
	copy(c, from, keep);
}

void restconf_prune(enum schema_format format, const char *text, size_t len, unsigned depth,
		    struct buf *out)
{
	if (format == SCHEMA_XML) {
		prune_xml(text, text + len, depth, out);
		return;
	}
	// The outermost object only carries the resource.
	struct json_cut c = {.p = text, .end = text + len, .depth = depth, .out = out};
	skip_space(&c);
	cut_value(&c, 0, true);
	buf_addc(out, '\n');
}
