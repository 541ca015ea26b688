// SPDX-License-Identifier: Apache-2.0
// One NETCONF session as a pure state machine.
//
// The idea: the first message in either direction is a hello in end-of-message framing; from the byte behind the peer's
// hello on, both use the best framing that both know. No clock, no descriptor: whoever owns the session has the deadlines.
// It does not look into messages behind the hello. RFC 6241 section 8.1, RFC 6242 section 4.1.
#include "proto/netconf/session.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/xml.h"

#include <stdlib.h>
#include <string.h>

#define HELLO_MOST (1u << 20)
#define CAPABILITIES_MOST 4096

void netconf_session_init(struct netconf_session *s, bool server, size_t message_most)
{
	*s = (struct netconf_session){.server = server};
	arena_init(&s->arena);
	netconf_framing_init(&s->framing, message_most);
}

void netconf_session_fini(struct netconf_session *s)
{
	netconf_framing_fini(&s->framing);
	arena_fini(&s->arena);
}

static void add_capability(struct buf *out, const char *uri)
{
	buf_adds(out, "<capability>");
	buf_add_xml(out, uri);
	buf_adds(out, "</capability>");
}

void netconf_session_hello(uint32_t id, const char *const *capability, size_t capabilities,
			   struct buf *out)
{
	struct buf hello cleanup(buf_fini);
	buf_init(&hello);
	buf_adds(&hello, "<hello xmlns=\"" NETCONF_NS_BASE "\"><capabilities>");
	add_capability(&hello, NETCONF_BASE_1_0);
	add_capability(&hello, NETCONF_BASE_1_1);
	for (size_t i = 0; i < capabilities; i++)
		add_capability(&hello, capability[i]);
	buf_adds(&hello, "</capabilities>");
	if (id)
		buf_printf(&hello, "<session-id>%u</session-id>", id);
	buf_adds(&hello, "</hello>");
	netconf_frame(NETCONF_END_OF_MESSAGE, hello.data, hello.len, out);
}

bool netconf_session_has(const struct netconf_session *s, const char *capability)
{
	size_t len = strlen(capability);
	for (size_t i = 0; i < s->capability.len; i++) {
		const char *have = s->capability.at[i];
		if (strncmp(have, capability, len) == 0 && (have[len] == '\0' || have[len] == '?'))
			return true;
	}
	return false;
}

static enum netconf_session_event bad(struct netconf_session *s, enum diag_code code,
				      const char *text, const char *hint)
{
	s->fault = (struct diag){.code = code, .text = text, .hint = hint};
	return NETCONF_SESSION_BAD;
}

// --- the peer's hello ---

#define HINT_HELLO "the first message must be the hello of RFC 6241 section 8.1"

static bool read_id(const struct netconf_xml *element, uint32_t *id_out)
{
	const char *text = netconf_xml_text(element);
	if (!text || !*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
		return false;
	unsigned long long id = strtoull(text, NULL, 10);
	*id_out = (uint32_t)id;
	return id > 0 && id <= UINT32_MAX;
}

static bool read_capabilities(struct netconf_session *s, const struct netconf_xml *list)
{
	struct netconf_xml c;
	for (bool more = netconf_xml_first(list, &c); more; more = netconf_xml_next(list, &c)) {
		const char *text = netconf_xml_text(&c);
		if (!netconf_xml_is(&c, NETCONF_NS_BASE, "capability"))
			continue;
		if (!text || s->capability.len == CAPABILITIES_MOST)
			return false;
		vec_push(&s->arena, &s->capability, text);
	}
	return true;
}

// A server's hello has a session-id, a client's must not.
static enum netconf_session_event check_hello(struct netconf_session *s,
					      const struct netconf_xml *hello)
{
	struct netconf_xml list, id;
	if (!netconf_xml_is(hello, NETCONF_NS_BASE, "hello") ||
	    !netconf_xml_child(hello, NETCONF_NS_BASE, "capabilities", &list) ||
	    !read_capabilities(s, &list))
		return bad(s, DIAG_SYNTAX, "the peer's first message is not a hello", HINT_HELLO);
	bool has_id = netconf_xml_child(hello, NETCONF_NS_BASE, "session-id", &id);
	if (s->server && has_id)
		return bad(s, DIAG_VALUE, "the client's hello has a session-id", HINT_HELLO);
	if (!s->server && (!has_id || !read_id(&id, &s->id)))
		return bad(s, DIAG_VALUE, "the server's hello has no good session-id", HINT_HELLO);
	if (netconf_session_has(s, NETCONF_BASE_1_1))
		s->framing.kind = NETCONF_CHUNKED;
	else if (!netconf_session_has(s, NETCONF_BASE_1_0))
		return bad(s, DIAG_UNSUPPORTED, "the peer's hello has no base capability",
			   "it must offer base:1.0 or base:1.1");
	s->open = true;
	return NETCONF_SESSION_OPEN;
}

static enum netconf_session_event read_hello(struct netconf_session *s)
{
	struct netconf_xml hello;
	const char *fault;
	struct buf *m = &s->framing.message;
	struct netconf_xml_span message = {m->data, m->len};
	if (m->len > HELLO_MOST)
		return bad(s, DIAG_LIMIT, "the peer's hello is too large", HINT_HELLO);
	if (!netconf_xml_parse(&s->arena, message, &hello, &fault))
		return bad(s, DIAG_SYNTAX, fault, HINT_HELLO);
	enum netconf_session_event event = check_hello(s, &hello);
	netconf_framing_next(&s->framing);
	return event;
}

// --- messages ---

size_t netconf_session_feed(struct netconf_session *s, const char *data, size_t len,
			    enum netconf_session_event *event_out)
{
	enum netconf_frame frame;
	size_t taken = netconf_framing_feed(&s->framing, data, len, &frame);
	*event_out = NETCONF_SESSION_MORE;
	if (frame == NETCONF_FRAME_BAD)
		*event_out = bad(s, s->framing.too_big ? DIAG_LIMIT : DIAG_SYNTAX, s->framing.fault,
				 s->framing.too_big ? "send less in one message"
						    : "frame messages as RFC 6242 section 4 says");
	else if (!s->open &&
		 (frame == NETCONF_FRAME_MESSAGE || s->framing.message.len > HELLO_MOST))
		*event_out = read_hello(s);
	else if (frame == NETCONF_FRAME_MESSAGE)
		*event_out = NETCONF_SESSION_MESSAGE;
	return taken;
}

void netconf_session_next(struct netconf_session *s)
{
	netconf_framing_next(&s->framing);
}

void netconf_session_frame(const struct netconf_session *s, const struct buf *message,
			   struct buf *out)
{
	netconf_frame(s->framing.kind, message->data, message->len, out);
}
