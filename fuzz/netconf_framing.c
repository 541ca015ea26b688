// SPDX-License-Identifier: Apache-2.0
// The first byte chooses the framing and how the rest is cut. However it is cut, the messages are the same, and each that is
// XML is walked as a reply.
#include "proto/netconf/error.h"
#include "proto/netconf/framing.h"
#include "proto/netconf/session.h"
#include "proto/netconf/xml.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct buf *message)
{
	struct arena arena cleanup(arena_fini);
	struct buf out cleanup(buf_fini);
	struct netconf_xml root, c;
	struct diags diags;
	const char *fault;
	arena_init(&arena);
	buf_init(&out);
	diags_init(&diags, &arena);
	if (!netconf_xml_parse(&arena, (struct netconf_xml_span){message->data, message->len},
			       &root, &fault))
		return;
	for (bool more = netconf_xml_first(&root, &c); more; more = netconf_xml_next(&root, &c))
		netconf_error_read(&c, &diags);
	(void)!netconf_xml_text(&root);
	netconf_xml_add_children(&root, &out);
}

// Messages joined by a byte that says how each ended.
static void read_all(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
	struct netconf_framing f;
	netconf_framing_init(&f, 4096);
	f.kind = *data & 1 ? NETCONF_CHUNKED : NETCONF_END_OF_MESSAGE;
	for (size_t at = 1; at < size && !f.fault;) {
		enum netconf_frame frame;
		size_t piece = size - at < step ? size - at : step;
		at += netconf_framing_feed(&f, (const char *)data + at, piece, &frame);
		assert(frame == NETCONF_FRAME_BAD || f.message.len <= 4096 + 5);
		if (frame != NETCONF_FRAME_MESSAGE)
			continue;
		buf_add(out, f.message.data, f.message.len);
		buf_addc(out, '|');
		walk(&f.message);
		netconf_framing_next(&f);
	}
	buf_addc(out, f.fault ? '!' : '.');
	netconf_framing_fini(&f);
}

static void read_session(const uint8_t *data, size_t size)
{
	struct netconf_session s;
	enum netconf_session_event what = NETCONF_SESSION_MORE;
	netconf_session_init(&s, *data & 2, 4096);
	for (size_t at = 1; at < size && what != NETCONF_SESSION_BAD;) {
		at += netconf_session_feed(&s, (const char *)data + at, size - at, &what);
		if (what == NETCONF_SESSION_MESSAGE)
			netconf_session_next(&s);
	}
	netconf_session_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct buf whole cleanup(buf_fini), cut cleanup(buf_fini);
	buf_init(&whole);
	buf_init(&cut);
	read_all(data, size, size, &whole);
	read_all(data, size, 1 + (*data >> 2), &cut);
	assert(whole.len == cut.len && memcmp(whole.data, cut.data, cut.len) == 0);
	read_session(data, size);
	return 0;
}
