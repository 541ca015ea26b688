// SPDX-License-Identifier: Apache-2.0
// Who works when, and where the tree is then.
//
// The idea: whatever a request does may take long, so it is done in turns (base/turn.h), a slice each. Running and
// candidate are one tree at two positions of its log, and whoever works needs one of them: between two slices of a request
// the tree goes wherever others need it, and before the next one back to where the request has left it, at the cost of
// what lies between. So an edit or a validation of any size is under way while others read running as it was.
// Positions that nobody leads to any more are forgotten, so before a write those who still read there are waited for.
// It does not know what the requests do.
#include "base/turn.h"
#include "io/loop.h"
#include "proto/netconf/reading.h"
#include "schema/schema.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#define TO_THE_END_US UINT32_MAX
// An expression may take its 100 MB: only so many computations share the time, and the others wait for one of them to come
// to its end; and with so many interrupted ones, new ones are not interrupted.
#define SHARING 4u
#define INTERRUPTED_MOST 256u
#define NOWHERE SIZE_MAX

// A computation for a request.
struct netconf_work {
	struct netconf_work *next;
	struct netconf_rpc *rpc; // NULL: it has gone
	void (*fn)(struct netconf_rpc *rpc);
	void (*then)(struct netconf_rpc *rpc);
	struct turn *turn; // NULL: not begun
};

// --- where the tree is ---

void netconf_place_init(struct netconf_place *place)
{
	*place = (struct netconf_place){.position = NOWHERE};
}

static void enter(struct netconf_rpc *rpc)
{
	struct netconf_place *place = &rpc->where;
	if (place->position == NOWHERE)
		return;
	netconf_datastores_go(&rpc->server->datastores, place->position);
	if (place->branch)
		schema_branch_enter(place->branch);
}

static void leave(struct netconf_rpc *rpc, bool stays)
{
	struct netconf_place *place = &rpc->where;
	if (place->branch)
		schema_branch_leave(place->branch);
	place->position =
		stays && place->looks ? schema_changes(rpc->server->datastores.tree) : NOWHERE;
}

static bool is_stale(const struct netconf_rpc *rpc)
{
	const struct netconf_datastores *d = &rpc->server->datastores;
	const struct netconf_place *place = &rpc->where;
	if (place->startup && place->startup != d->startup)
		return true;
	return place->position != NOWHERE && !netconf_datastores_have(d, place->position);
}

// Whether somebody reads what is about to be forgotten; he is to hurry.
static bool hurry_others(struct netconf_server *server)
{
	bool any = false;
	for (struct netconf_rpc *rpc = server->rpcs; rpc; rpc = rpc->next) {
		if (rpc == server->busy || !is_stale(rpc))
			continue;
		any = true;
		if (rpc->reading)
			netconf_reading_hurry(rpc->reading);
	}
	return any;
}

void netconf_clear_up(struct netconf_server *server)
{
	while (!server->ending && hurry_others(server))
		turn_give();
	if (!server->ending)
		netconf_datastores_forget(&server->datastores);
}

// --- slices ---

static void go_on(void *context);

// Behind so many others.
static void queue(struct netconf_server *server, struct netconf_work *work, unsigned others)
{
	struct netconf_work **place = &server->work;
	while (*place && others--)
		place = &(*place)->next;
	work->next = *place;
	*place = work;
}

static void body(void *context)
{
	struct netconf_work *work = context;
	work->fn(work->rpc);
}

static bool slice(struct netconf_server *server, struct netconf_work *work, unsigned us)
{
	bool more;
	if (work->rpc)
		enter(work->rpc);
	server->working = work;
	if (work->turn)
		more = turn_go_on(work->turn, us);
	else
		more = (work->turn = turn_begin(body, work, us));
	server->working = NULL;
	if (work->rpc)
		leave(work->rpc, more || work->rpc->reading);
	return more;
}

// It has come to its end.
static void end(struct netconf_server *server, struct netconf_work *work)
{
	struct netconf_rpc *rpc = work->rpc;
	void (*then)(struct netconf_rpc * rpc) = work->then;
	free(work);
	server->works--;
	if (!rpc)
		return;
	rpc->work = NULL;
	if (then)
		then(rpc);
}

void netconf_go_on(struct netconf_server *server)
{
	if (server->working || server->going_on || server->ending)
		return;
	server->going_on = server->work || netconf_write_waits(server);
	if (server->going_on)
		io_defer(server->options.loop, go_on, server);
}

// What is new, and not done in its first slice, waits behind all others, unless it is what writes wait for.
static void run(struct netconf_server *server, struct netconf_work *work)
{
	bool shares = work->turn || work->rpc == server->busy;
	bool many = server->works > INTERRUPTED_MOST;
	if (slice(server, work, many ? TO_THE_END_US : server->options.slice_us))
		queue(server, work, shares ? SHARING - 1 : UINT_MAX);
	else
		end(server, work);
}

// A slice for the first in line.
static void go_on(void *context)
{
	struct netconf_server *server = context;
	struct netconf_work *work = server->work;
	server->going_on = false;
	if (work) {
		server->work = work->next;
		run(server, work);
	}
	netconf_write_next(server);
	netconf_go_on(server);
}

void netconf_work(struct netconf_rpc *rpc, void (*fn)(struct netconf_rpc *rpc))
{
	struct netconf_server *server = rpc->server;
	struct netconf_work *work = base_oom(malloc(sizeof(*work)));
	assert(!rpc->work);
	*work = (struct netconf_work){.rpc = rpc, .fn = fn};
	rpc->work = work;
	server->works++;
	if (server->working)
		queue(server, work, UINT_MAX);
	else
		run(server, work);
	netconf_go_on(server);
}

void netconf_then(struct netconf_rpc *rpc, void (*fn)(struct netconf_rpc *rpc))
{
	if (rpc->work)
		rpc->work->then = fn;
	else
		fn(rpc);
}

void netconf_work_forget(struct netconf_rpc *rpc)
{
	if (rpc->work)
		rpc->work->rpc = NULL;
	schema_branch_free(rpc->where.branch);
}

void netconf_work_settle(struct netconf_server *server)
{
	assert(!server->working);
	for (struct netconf_work *work; (work = server->work);) {
		server->work = work->next;
		if (slice(server, work, TO_THE_END_US))
			queue(server, work, UINT_MAX);
		else
			end(server, work);
	}
}

void netconf_work_end(struct netconf_server *server)
{
	server->ending = true;
	netconf_work_settle(server);
	io_defer_cancel(server->options.loop, server);
}
