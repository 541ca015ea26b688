// SPDX-License-Identifier: Apache-2.0
// Names of rules on the NSF-facing interface: the customer's policy and rule in one, and which part
// of it this is. '%', '/' and '#' inside the customer's names are escaped as in URIs, so that a name is
// taken apart in one way only.
#include "codec/nfi_inner.h"
#include "base/buf.h"

#include <string.h>

static void escape(const char *text, struct buf *out)
{
	for (; *text; text++) {
		if (strchr("%/#", *text))
			buf_printf(out, "%%%02X", (unsigned char)*text);
		else
			buf_addc(out, *text);
	}
}

void nfi_name_write(const char *policy, const char *rule, struct buf *out)
{
	escape(policy, out);
	buf_addc(out, '/');
	escape(rule, out);
}

static char *unescape(const char *text, size_t len, struct arena *arena)
{
	char *out = arena_alloc(arena, len + 1), *to = out;
	for (size_t i = 0; i < len; i++) {
		*to++ = text[i];
		if (text[i] != '%')
			continue;
		for (const char *c = "%25/2F#23"; *c; c += 3)
			if (len - i > 2 && text[i + 1] == c[1] && text[i + 2] == c[2]) {
				to[-1] = *c;
				i += 2;
				break;
			}
	}
	return out;
}

// A decimal number without sign or leading zero, from 1.
static bool number(const char **p, unsigned *out)
{
	unsigned n = 0;
	const char *start = *p;
	for (; **p >= '0' && **p <= '9' && n < 10000000; (*p)++)
		n = n * 10 + (unsigned)(**p - '0');
	*out = n;
	return *p > start && *start != '0';
}

// What stands behind '#': [RUN ":"] CLAUSE ["." PART].
static bool read_numbers(const char *p, struct nfi_name *out)
{
	unsigned first;
	if (!number(&p, &first))
		return false;
	out->clause = first;
	if (*p == ':') {
		p++;
		out->run = first;
		if (!number(&p, &out->clause))
			return false;
	}
	if (*p == '.') {
		p++;
		if (!number(&p, &out->part))
			return false;
	}
	return !*p;
}

bool nfi_name_read(const char *name, struct arena *arena, struct nfi_name *out)
{
	const char *slash = strchr(name, '/');
	struct nfi_name read = {0};
	if (!slash || strchr(slash + 1, '/'))
		return false;
	size_t len = strcspn(slash + 1, "#");
	if (slash[1 + len] && !read_numbers(slash + 1 + len + 1, &read))
		return false;
	read.policy = unescape(name, (size_t)(slash - name), arena);
	read.rule = unescape(slash + 1, len, arena);
	*out = read;
	return true;
}
