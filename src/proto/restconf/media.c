// SPDX-License-Identifier: Apache-2.0
// Media types: what a body is, and what an answer may be (RFC 9110 section 12.5.1, RFC 8040 section 5.2).
#include "proto/restconf/media.h"

#include <string.h>
#include <strings.h>

const char *restconf_media_type(enum schema_format format)
{
	return format == SCHEMA_XML ? RESTCONF_XML : RESTCONF_JSON;
}

// Whether a media type in `text` (up to `len` bytes, parameters not included) is this one.
static bool is_type(const char *text, size_t len, const char *type)
{
	return strlen(type) == len && strncasecmp(text, type, len) == 0;
}

static bool is_range_of(const char *text, size_t len, const char *type)
{
	size_t main = strcspn(type, "/") + 1;
	return len == main + 1 && text[main] == '*' && strncasecmp(text, type, main) == 0;
}

static size_t type_len(const char *text)
{
	size_t len = strcspn(text, ";,");
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	return len;
}

// The weight in thousandths of one element of an Accept header (RFC 9110 section 12.4.2).
static unsigned weight(const char *element, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++) {
		if (element[i] != ';')
			continue;
		const char *p = element + i + 1;
		while (*p == ' ' || *p == '\t')
			p++;
		if ((*p != 'q' && *p != 'Q') || p[1] != '=')
			continue;
		if (p[2] == '1')
			return 1000;
		unsigned value = 0, scale = 100;
		for (const char *d = p[2] == '0' && p[3] == '.' ? p + 4 : "";
		     *d >= '0' && *d <= '9'; d++, scale /= 10)
			value += (unsigned)(*d - '0') * scale;
		return value;
	}
	return 1000;
}

// How much the header wants a type: the most specific element that names it decides.
static unsigned wanted(const char *accept, const char *type)
{
	unsigned best = 0, rank_best = 0;
	for (const char *p = accept; *p;) {
		p += strspn(p, " \t,");
		size_t len = strcspn(p, ","), name = type_len(p);
		unsigned rank = is_type(p, name, type)       ? 3
				: is_range_of(p, name, type) ? 2
				: is_type(p, name, "*/*")    ? 1
							     : 0;
		if (rank > rank_best) {
			rank_best = rank;
			best = weight(p, len);
		}
		p += len;
	}
	return best;
}

// What a resource can be given as.
struct offer {
	const char *xml, *json, *hint;
};

static struct offer offer_of(enum restconf_resource resource)
{
	if (resource == RESTCONF_HOST_META)
		return (struct offer){RESTCONF_XRD, RESTCONF_JRD,
				      "accept " RESTCONF_XRD " or " RESTCONF_JRD};
	if (resource == RESTCONF_STREAM)
		return (struct offer){RESTCONF_EVENTS, RESTCONF_EVENTS, "accept " RESTCONF_EVENTS};
	if (resource == RESTCONF_SCHEMA)
		return (struct offer){RESTCONF_YANG, RESTCONF_YANG, "accept " RESTCONF_YANG};
	return (struct offer){RESTCONF_XML, RESTCONF_JSON,
			      "accept " RESTCONF_JSON " or " RESTCONF_XML};
}

unsigned media_choose_out(const struct restconf_raw *raw, struct diags *diags,
			  struct restconf_request *out)
{
	struct offer offer = offer_of(out->resource);
	if (!raw->accept || !*raw->accept)
		return 0;
	unsigned json = wanted(raw->accept, offer.json), xml = wanted(raw->accept, offer.xml);
	if (json != xml)
		out->out = xml > json ? SCHEMA_XML : SCHEMA_JSON;
	if (json || xml)
		return 0;
	diag_error(diags, DIAG_VALUE, NULL, offer.hint, "no type that Accept names can be given");
	return 406;
}

static const struct {
	const char *type;
	enum schema_format format;
	bool yang_patch;
} bodies[] = {{RESTCONF_JSON, SCHEMA_JSON, false},
	      {RESTCONF_XML, SCHEMA_XML, false},
	      {RESTCONF_PATCH_JSON, SCHEMA_JSON, true},
	      {RESTCONF_PATCH_XML, SCHEMA_XML, true}};

unsigned media_choose_in(const struct restconf_raw *raw, struct diags *diags,
			 struct restconf_request *out)
{
	const char *type = raw->content_type ? raw->content_type : "";
	bool patches = out->method == RESTCONF_PATCH;
	for (size_t i = 0; i < array_len(bodies); i++) {
		if (!is_type(type, type_len(type), bodies[i].type) ||
		    (bodies[i].yang_patch && !patches))
			continue;
		out->in = out->out = bodies[i].format;
		out->yang_patch = bodies[i].yang_patch;
		return 0;
	}
	if (!raw->has_body)
		return 0;
	diag_error(diags, DIAG_VALUE, NULL,
		   patches ? "send Content-Type " RESTCONF_JSON ", " RESTCONF_XML
			     ", " RESTCONF_PATCH_JSON " or " RESTCONF_PATCH_XML
			   : "send Content-Type " RESTCONF_JSON " or " RESTCONF_XML,
		   "the type of the content, '%s', is not understood", type);
	return 415;
}
