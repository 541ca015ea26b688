// SPDX-License-Identifier: Apache-2.0
// Answers that are printed as the session reads them.
//
// The idea: an answer is a walk over a tree that waits while enough of it stands in the session's queue, so a
// configuration of any size costs a few hundred kilobytes a reader. It goes on in turns with everything else, at its own
// position of the tree's log (work.c). When that position is to be forgotten it hurries: all that is left is printed into
// the queue. That is bounded, too: a session that would then have more than held_most bytes waiting is ended, because a
// slow reader must not keep everybody from writing.
// It does not choose what is shown; the views do. RFC 6242 section 4.2 for the chunks.
#include "proto/netconf/reading.h"
#include "base/turn.h"
#include "io/stream.h"
#include "proto/netconf/netconf.h"
#include "schema/view.h"

#include <stdlib.h>

#define PIECE (64u * 1024)

struct netconf_reading {
	struct netconf_rpc *rpc;
	struct netconf_readable what;
	size_t most; // bytes that may wait for the session
	bool begun, hurries;
};

void netconf_reading_free(struct netconf_reading *r)
{
	if (!r)
		return;
	schema_view_free(r->what.view);
	free(r);
}

// False: that was the last piece.
static bool print_piece(struct netconf_reading *r, struct buf *out)
{
	if (!r->begun) {
		buf_printf(out, "<rpc-reply xmlns=\"" NETCONF_NS_BASE "\"%s>%s", r->rpc->attributes,
			   r->what.open);
		r->begun = true;
	}
	if (schema_view_print_some(r->what.view, PIECE, out))
		return true;
	buf_printf(out, "%s</rpc-reply>", r->what.close);
	return false;
}

static bool is_read(const struct netconf_reading *r)
{
	return r->rpc->peer && !r->rpc->peer->ended;
}

// Prints until enough waits. False: that was all.
static bool print_some(struct netconf_reading *r)
{
	struct buf piece cleanup(buf_fini);
	bool more = true;
	buf_init(&piece);
	while (more && is_read(r) && io_stream_queued(r->rpc->peer->stream) <= r->most) {
		buf_clear(&piece);
		more = print_piece(r, &piece);
		netconf_peer_send_part(r->rpc->peer, piece.data, piece.len);
		turn_pause();
	}
	return more;
}

static void too_slow(struct netconf_peer *peer)
{
	struct diag why = {
		.code = DIAG_LIMIT,
		.text = "somebody writes, and too much is left of what the session reads",
		.hint = "read faster, or ask for less with a filter"};
	turn_keep();
	netconf_peer_end_because(peer, &why);
}

static void print(struct netconf_rpc *rpc)
{
	struct netconf_reading *r = rpc->reading;
	bool more = print_some(r);
	if (is_read(r) && !more)
		netconf_peer_send_end(rpc->peer);
	else if (is_read(r) && r->hurries)
		too_slow(rpc->peer);
	if (!more || !is_read(r))
		netconf_rpc_done(rpc);
}

void netconf_reading_go_on(struct netconf_reading *r)
{
	if (!r->rpc->work)
		netconf_work(r->rpc, print);
}

void netconf_reading_hurry(struct netconf_reading *r)
{
	r->hurries = true;
	r->most = r->rpc->server->options.held_most;
	netconf_reading_go_on(r);
}

static void begin(struct netconf_rpc *rpc)
{
	netconf_reading_go_on(rpc->reading);
}

void netconf_reading_start(struct netconf_rpc *rpc, const struct netconf_readable *what)
{
	struct netconf_reading *r = base_oom(calloc(1, sizeof(*r)));
	*r = (struct netconf_reading){.rpc = rpc, .what = *what, .most = NETCONF_READ_AHEAD};
	rpc->reading = r;
	netconf_write_over(rpc);
	netconf_then(rpc, begin);
}
