// SPDX-License-Identifier: Apache-2.0
// A NETCONF client on a loop.
//
// The idea: calls stand in one list, in the order in which they were sent and in which their replies must come; one timer is
// set to the earliest deadline among them. Whatever ends the session ends every call, so a caller always hears once.
// It does not reconnect and does not know what an operation means. RFC 6241 section 4, RFC 5277 section 4, RFC 7589.
#include "io/loop.h"
#include "io/stream.h"
#include "proto/netconf/client_internal.h"
#include "proto/netconf/error.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/session.h"
#include "proto/netconf/xml.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 10000
#define CALL_MS 60000
#define KEEPALIVE_S 15

struct client_call {
	struct client_call *next;
	struct netconf_call call;
	char *xml; // until it is sent
	uint64_t id, deadline;
};

struct netconf_client {
	struct io_loop *loop;
	struct io_loop *own_loop;
	struct netconf_client_options options;
	struct io_stream *stream;
	struct netconf_session session;
	struct io_timer *timer;
	struct client_call *calls;
	uint64_t last_id;
	unsigned notifications;
	unsigned inside; // callbacks that run
	bool ended, dead;
	char fault_text[400];
	struct diag fault; // why it ended
};

static void release(struct netconf_client *c)
{
	io_defer_cancel(c->loop, c);
	io_stream_free(c->stream);
	io_timer_free(c->timer);
	netconf_session_fini(&c->session);
	io_loop_free(c->own_loop);
	free(c);
}

static void enter(struct netconf_client *c)
{
	c->inside++;
}

// False: the client was freed meanwhile.
static bool leave(struct netconf_client *c)
{
	if (--c->inside || !c->dead)
		return !c->dead;
	release(c);
	return false;
}

// --- the end of calls ---

static void call_free(struct client_call *call)
{
	free(call->xml);
	free(call);
}

// Tells the caller; `errors` are in the result's arena.
static void call_done(struct client_call *call, const struct netconf_result *result,
		      const struct diags *errors)
{
	struct netconf_call done = call->call;
	call_free(call);
	if (done.fn)
		done.fn(done.context, result, errors);
}

static void call_lost(struct client_call *call, const struct diag *why)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	diag_add(&diags, why, "%s", why->text);
	call_done(call, &(struct netconf_result){.data = "", .lost = true}, &diags);
}

static void lose_calls(struct netconf_client *c)
{
	for (struct client_call *call; (call = c->calls);) {
		c->calls = call->next;
		call_lost(call, &c->fault);
	}
}

// --- the end of the session ---

static void keep_fault(struct netconf_client *c, const struct diag *why)
{
	static const struct diag ended = {.code = DIAG_UNREACHABLE,
					  .text = "the server has ended the session",
					  .hint = "see the server's log"};
	const struct diag *d = why ? why : &ended;
	snprintf(c->fault_text, sizeof(c->fault_text), "%s", d->text);
	c->fault = (struct diag){.code = d->code, .text = c->fault_text, .hint = d->hint};
}

static void tell_closed(void *context)
{
	struct netconf_client *c = context;
	enter(c);
	lose_calls(c);
	if (!c->dead && c->options.closed)
		c->options.closed(c->options.context, &c->fault);
	(void)leave(c);
}

// Not from within a call of the user: what follows is deferred.
static void end(struct netconf_client *c, const struct diag *why)
{
	if (c->ended)
		return;
	c->ended = true;
	keep_fault(c, why);
	io_timer_clear(c->timer);
	io_stream_free(c->stream);
	c->stream = NULL;
	io_defer(c->loop, tell_closed, c);
}

// --- deadlines ---

static void set_timer(struct netconf_client *c)
{
	uint64_t now = io_now(), first = UINT64_MAX;
	for (const struct client_call *call = c->calls; call; call = call->next)
		if (call->deadline < first)
			first = call->deadline;
	if (first == UINT64_MAX)
		io_timer_clear(c->timer);
	else
		io_timer_set(c->timer, first > now ? first - now : 0);
}

static void timed_out(void *context)
{
	struct netconf_client *c = context;
	struct diag why = {.code = DIAG_TIMEOUT,
			   .hint = "see whether the server runs and what it logs"};
	why.text = c->session.open ? "the server did not answer in time"
				   : "the session was not open in time";
	end(c, &why);
}

// --- sending ---

static void write_call(struct netconf_client *c, struct client_call *call)
{
	struct buf rpc cleanup(buf_fini), frame cleanup(buf_fini);
	buf_init(&rpc);
	buf_init(&frame);
	buf_printf(&rpc, "<rpc xmlns=\"" NETCONF_NS_BASE "\" message-id=\"%llu\">",
		   (unsigned long long)call->id);
	buf_adds(&rpc, call->xml);
	buf_adds(&rpc, "</rpc>");
	netconf_session_frame(&c->session, &rpc, &frame);
	io_stream_write(c->stream, frame.data, frame.len);
	free(call->xml);
	call->xml = NULL;
}

void netconf_client_send(struct netconf_client *client, const struct netconf_call *call)
{
	struct client_call **last = &client->calls;
	struct client_call *mine = base_oom(calloc(1, sizeof(*mine)));
	unsigned timeout = call->timeout_ms ? call->timeout_ms : CALL_MS;
	*mine = (struct client_call){
		.call = *call, .id = ++client->last_id, .deadline = io_now() + timeout};
	mine->xml = base_oom(strdup(call->xml));
	while (*last)
		last = &(*last)->next;
	*last = mine;
	if (client->ended) {
		io_defer(client->loop, tell_closed, client);
	} else if (client->session.open) {
		write_call(client, mine);
		set_timer(client);
	}
}

// --- replies ---

static void read_reply(const struct netconf_xml *reply, struct diags *errors, struct buf *out)
{
	struct netconf_xml c;
	for (bool more = netconf_xml_first(reply, &c); more; more = netconf_xml_next(reply, &c)) {
		if (netconf_xml_is(&c, NETCONF_NS_BASE, "rpc-error"))
			netconf_error_read(&c, errors);
		else if (netconf_xml_is(&c, NETCONF_NS_BASE, "data"))
			netconf_xml_add_children(&c, out);
		else if (!netconf_xml_is(&c, NETCONF_NS_BASE, "ok"))
			netconf_xml_add(&c, out);
	}
}

// The call that a reply is for. One without message-id is for the oldest: the server could not read that.
static struct client_call *take_call(struct netconf_client *c, const struct netconf_xml *reply)
{
	const char *id = netconf_xml_attribute(reply, "message-id");
	for (struct client_call **at = &c->calls, *call; (call = *at); at = &call->next) {
		char text[24];
		snprintf(text, sizeof(text), "%llu", (unsigned long long)call->id);
		if (call->xml || (id && strcmp(id, text) != 0))
			continue;
		*at = call->next;
		return call;
	}
	return NULL;
}

static void on_reply(struct netconf_client *c, const struct netconf_xml *reply)
{
	static const struct diag stray = {.code = DIAG_SYNTAX,
					  .text = "the server answers what was not asked",
					  .hint = "see the server's log"};
	struct client_call *call = take_call(c, reply);
	struct diags errors;
	if (!call) {
		end(c, &stray);
		return;
	}
	struct buf content cleanup(buf_fini);
	diags_init(&errors, reply->arena);
	buf_init(&content);
	read_reply(reply, &errors, &content);
	set_timer(c);
	struct netconf_result result = {
		.ok = !errors.errors, .data = content.data, .len = content.len};
	call_done(call, &result, &errors);
}

static void on_notification(struct netconf_client *c, const struct netconf_xml *notification)
{
	struct netconf_xml child;
	const char *when = NULL;
	struct buf content cleanup(buf_fini);
	buf_init(&content);
	c->notifications++;
	for (bool more = netconf_xml_first(notification, &child); more;
	     more = netconf_xml_next(notification, &child)) {
		if (netconf_xml_is(&child, NETCONF_NS_NOTIFICATION, "eventTime"))
			when = netconf_xml_text(&child);
		else
			netconf_xml_add(&child, &content);
	}
	if (c->options.notification)
		c->options.notification(c->options.context, content.data, content.len,
					when ? when : "");
}

static void on_message(struct netconf_client *c)
{
	struct arena arena cleanup(arena_fini);
	size_t len;
	char *message cleanup(base_free) = buf_take(&c->session.framing.message, &len);
	struct netconf_xml root;
	const char *fault = "the server sends something else than replies and notifications";
	arena_init(&arena);
	netconf_session_next(&c->session);
	bool ok = netconf_xml_parse(&arena, (struct netconf_xml_span){message, len}, &root, &fault);
	if (ok && netconf_xml_is(&root, NETCONF_NS_BASE, "rpc-reply")) {
		on_reply(c, &root);
	} else if (ok && netconf_xml_is(&root, NETCONF_NS_NOTIFICATION, "notification")) {
		on_notification(c, &root);
	} else {
		struct diag why = {
			.code = DIAG_SYNTAX, .text = fault, .hint = "see the server's log"};
		end(c, &why);
	}
}

// --- what the stream tells ---

static void on_hello(struct netconf_client *c)
{
	for (struct client_call *call = c->calls; call; call = call->next)
		write_call(c, call);
	set_timer(c);
	if (c->options.opened)
		c->options.opened(c->options.context);
}

static bool admitted(struct netconf_client *c)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (!c->options.admit ||
	    c->options.admit(c->options.context, io_stream_peer(c->stream), &diags))
		return true;
	assert(diags.errors);
	end(c, &diags.list.at[0]);
	return false;
}

static void opened(void *context)
{
	struct netconf_client *c = context;
	struct buf hello cleanup(buf_fini);
	buf_init(&hello);
	if (!admitted(c))
		return;
	netconf_session_hello(0, NULL, 0, &hello);
	io_stream_write(c->stream, hello.data, hello.len);
}

static size_t data(void *context, const char *bytes, size_t len)
{
	struct netconf_client *c = context;
	size_t at = 0;
	enter(c);
	while (at < len && !c->ended && !c->dead) {
		enum netconf_session_event what;
		at += netconf_session_feed(&c->session, bytes + at, len - at, &what);
		if (what == NETCONF_SESSION_OPEN)
			on_hello(c);
		else if (what == NETCONF_SESSION_MESSAGE)
			on_message(c);
		else if (what == NETCONF_SESSION_BAD)
			end(c, &c->session.fault);
	}
	(void)leave(c);
	return len;
}

static void closed(void *context, const struct diag *why)
{
	end(context, why);
}

static const struct io_stream_events events = {.opened = opened, .data = data, .closed = closed};

// --- life ---

// The connection that is to be made, or is there already.
static int open_transport(struct netconf_client *c, struct io_transport **out)
{
	const struct netconf_client_options *o = &c->options;
	int fd = -1, rc = 0;
	*out = o->transport;
	if (!o->transport) {
		rc = io_connect_start(&o->to, o->from.len ? &o->from : NULL, &fd);
		if (rc == 0)
			*out = o->opener.open(o->opener.context, fd);
	}
	return rc;
}

static int open_stream(struct netconf_client *c)
{
	const struct netconf_client_options *o = &c->options;
	struct io_transport *transport;
	int rc = open_transport(c, &transport);
	if (rc < 0)
		return rc;
	io_keepalive(transport->fd, o->keepalive_s ? o->keepalive_s : KEEPALIVE_S);
	struct io_stream_options options = {.events = &events,
					    .context = c,
					    .handshake_ms = o->connect_ms,
					    .output_most = SIZE_MAX / 4,
					    .connecting = !o->transport};
	return io_stream_new(c->loop, transport, &options, &c->stream);
}

struct netconf_client *netconf_client_new(struct io_loop *loop,
					  const struct netconf_client_options *options)
{
	struct netconf_client *c = base_oom(calloc(1, sizeof(*c)));
	c->loop = loop;
	c->options = *options;
	c->options.connect_ms = options->connect_ms ? options->connect_ms : CONNECT_MS;
	c->timer = io_timer_new(loop, timed_out, c);
	netconf_session_init(&c->session, false,
			     options->message_most ? options->message_most : NETCONF_MESSAGE_MOST);
	int rc = open_stream(c);
	if (rc < 0) {
		char text[100];
		snprintf(text, sizeof(text), "cannot connect: %s", strerror(-rc));
		struct diag why = {
			.code = DIAG_UNREACHABLE,
			.text = text,
			.hint = "see whether the address is right and reachable from here"};
		end(c, &why);
	} else {
		io_timer_set(c->timer, c->options.connect_ms);
	}
	return c;
}

void netconf_client_free(struct netconf_client *client)
{
	static const struct diag freed = {.code = DIAG_UNREACHABLE,
					  .text = "the session was given up",
					  .hint = "open a new one"};
	static const struct netconf_call close_session = {.xml = "<close-session/>"};
	if (!client)
		return;
	assert(!client->dead);
	client->dead = true;
	if (!client->ended) {
		keep_fault(client, &freed);
		if (client->session.open)
			netconf_client_send(client, &close_session);
	}
	enter(client);
	lose_calls(client);
	client->ended = true;
	(void)leave(client);
}

void netconf_client_own_loop(struct netconf_client *client, struct io_loop *loop)
{
	client->own_loop = loop;
}

struct io_loop *netconf_client_loop(struct netconf_client *client)
{
	return client->own_loop;
}

// --- what others ask ---

void netconf_client_rebind(struct netconf_client *client,
			   const struct netconf_client_options *options)
{
	client->options.opened = options->opened;
	client->options.closed = options->closed;
	client->options.notification = options->notification;
	client->options.context = options->context;
}

bool netconf_client_is_heard(const struct netconf_client *client)
{
	return !client->ended && io_stream_heard(client->stream);
}

unsigned netconf_client_notifications(const struct netconf_client *client)
{
	return client->notifications;
}

bool netconf_client_is_open(const struct netconf_client *client)
{
	return client->session.open && !client->ended;
}

uint32_t netconf_client_session(const struct netconf_client *client)
{
	return client->session.id;
}

bool netconf_client_has(const struct netconf_client *client, const char *capability)
{
	return netconf_session_has(&client->session, capability);
}

const char *const *netconf_client_capabilities(const struct netconf_client *client, size_t *len_out)
{
	*len_out = client->session.capability.len;
	return client->session.capability.at;
}
