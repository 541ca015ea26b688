// SPDX-License-Identifier: Apache-2.0
// Answers that are printed as the session reads them.
//
// The idea: an answer is a walk over a tree that waits while enough of it stands in the session's queue, so a
// configuration of any size costs a few hundred kilobytes a reader. A tree does not change under a walk: before a write all
// walks are finished into their queues. That is bounded, too: a session that would then have more than held_most bytes
// waiting is ended, because a slow reader must not keep everybody from writing.
// It does not choose what is shown; the views do. RFC 6242 section 4.2 for the chunks.
#include "proto/netconf/reading.h"
#include "io/stream.h"
#include "proto/netconf/netconf.h"
#include "schema/view.h"

#include <stdlib.h>

#define PIECE (64u * 1024)

struct netconf_reading {
	struct netconf_reading *next, **place; // of the server
	struct netconf_rpc *rpc;
	struct netconf_readable what;
	size_t at; // the view that is being shown
	bool begun;
};

void netconf_reading_free(struct netconf_reading *r)
{
	if (!r)
		return;
	*r->place = r->next;
	if (r->next)
		r->next->place = r->place;
	for (size_t i = 0; i < array_len(r->what.view); i++)
		schema_view_free(r->what.view[i]);
	schema_tree_free(r->what.tree);
	free(r);
}

static bool print_view(struct netconf_reading *r, struct buf *out)
{
	struct schema_view *view = r->what.view[r->at];
	return view && schema_view_print_some(view, PIECE, out);
}

// False: that was the last piece.
static bool print_piece(struct netconf_reading *r, struct buf *out)
{
	if (!r->begun) {
		buf_printf(out, "<rpc-reply xmlns=\"" NETCONF_NS_BASE "\"%s>%s", r->rpc->attributes,
			   r->what.open);
		r->begun = true;
	}
	for (; r->at < array_len(r->what.view); r->at++)
		if (print_view(r, out))
			return true;
	buf_printf(out, "%s</rpc-reply>", r->what.close);
	return false;
}

// Prints until more than `most` bytes wait. False: that was all.
static bool print_up_to(struct netconf_reading *r, size_t most)
{
	struct netconf_peer *peer = r->rpc->peer;
	struct buf piece cleanup(buf_fini);
	bool more = true;
	buf_init(&piece);
	while (more && io_stream_queued(peer->stream) <= most) {
		buf_clear(&piece);
		more = print_piece(r, &piece);
		netconf_peer_send_part(peer, piece.data, piece.len);
	}
	if (!more)
		netconf_peer_send_end(peer);
	return more;
}

void netconf_reading_go_on(struct netconf_reading *r)
{
	if (!print_up_to(r, NETCONF_READ_AHEAD))
		netconf_rpc_done(r->rpc);
}

void netconf_reading_start(struct netconf_rpc *rpc, const struct netconf_readable *what)
{
	struct netconf_server *server = rpc->server;
	struct netconf_reading *r = base_oom(calloc(1, sizeof(*r)));
	*r = (struct netconf_reading){
		.next = server->readings, .place = &server->readings, .rpc = rpc, .what = *what};
	if (r->next)
		r->next->place = &r->next;
	server->readings = r;
	rpc->reading = r;
	if (rpc->peer)
		netconf_reading_go_on(r);
	else
		netconf_rpc_done(rpc);
}

static void finish(struct netconf_reading *r, size_t most)
{
	struct diag why = {
		.code = DIAG_LIMIT,
		.text = "somebody writes, and too much is left of what the session reads",
		.hint = "read faster, or ask for less with a filter"};
	if (print_up_to(r, most))
		netconf_peer_end_because(r->rpc->peer, &why);
	else
		netconf_rpc_done(r->rpc);
}

void netconf_readings_finish(struct netconf_server *server)
{
	while (server->readings)
		finish(server->readings, server->options.held_most);
}
