// SPDX-License-Identifier: Apache-2.0
// The client's blocking form.
//
// The idea: it is the same client on a small loop of its own, which runs only while somebody waits.
// Notifications are served while a call or netconf_client_wait runs, not between.
#include "io/loop.h"
#include "proto/netconf/client_internal.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

// `closed` and `opened` of the user are not called in this form, so they are free to tell about the opening.
struct opening {
	struct diags *diags;
	bool done;
};

static void opening_done(void *context)
{
	((struct opening *)context)->done = true;
}

static void opening_failed(void *context, const struct diag *why)
{
	struct opening *o = context;
	diag_add(o->diags, why, "%s", why->text);
	o->done = true;
}

static void step(struct io_loop *loop, uint64_t ms)
{
	int rc = io_loop_step(loop, ms < INT_MAX ? (int)ms : -1);
	// epoll_wait fails only when it is called wrongly.
	assert(rc == 0);
}

struct netconf_client *netconf_client_connect(const struct netconf_client_options *options,
					      struct diags *diags)
{
	struct io_loop *loop = NULL;
	struct opening opening = {.diags = diags};
	struct netconf_client_options o = *options;
	int rc = io_loop_new(&loop);
	if (rc < 0) {
		diag_error(diags, DIAG_IO, NULL, "raise the limit of open descriptors",
			   "cannot make a loop: %s", strerror(-rc));
		return NULL;
	}
	o.opened = opening_done;
	o.closed = opening_failed;
	o.context = &opening;
	o.notification = NULL;
	struct netconf_client *client = netconf_client_new(loop, &o);
	netconf_client_own_loop(client, loop);
	while (!opening.done)
		step(loop, UINT64_MAX);
	if (netconf_client_is_open(client)) {
		o.notification = options->notification;
		o.context = options->context;
		o.opened = NULL;
		o.closed = NULL;
		netconf_client_rebind(client, &o);
		return client;
	}
	netconf_client_free(client);
	return NULL;
}

struct waiting {
	struct diags *diags;
	struct netconf_result result;
	bool done;
};

static void answered(void *context, const struct netconf_result *result, const struct diags *errors)
{
	struct waiting *w = context;
	w->result = *result;
	w->result.data = arena_memdup(w->diags->arena, result->data, result->len + 1);
	for (size_t i = 0; i < errors->list.len; i++)
		diag_add(w->diags, &errors->list.at[i], "%s", errors->list.at[i].text);
	w->done = true;
}

bool netconf_client_call(struct netconf_client *client, const struct netconf_call *call,
			 struct diags *diags, struct netconf_result *result_out)
{
	struct io_loop *loop = netconf_client_loop(client);
	struct waiting waiting = {.diags = diags};
	struct netconf_call mine = *call;
	assert(loop);
	mine.fn = answered;
	mine.context = &waiting;
	netconf_client_send(client, &mine);
	while (!waiting.done)
		step(loop, UINT64_MAX);
	*result_out = waiting.result;
	return waiting.result.ok;
}

bool netconf_client_wait(struct netconf_client *client, unsigned timeout_ms)
{
	struct io_loop *loop = netconf_client_loop(client);
	unsigned before = netconf_client_notifications(client);
	uint64_t until = io_now() + timeout_ms;
	assert(loop);
	for (uint64_t now = io_now(); now < until && netconf_client_is_open(client);
	     now = io_now()) {
		step(loop, until - now);
		if (netconf_client_notifications(client) != before)
			break;
	}
	return netconf_client_is_open(client);
}
