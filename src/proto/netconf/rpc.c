// SPDX-License-Identifier: Apache-2.0
// A request from its message to its reply.
//
// The idea: a session has one request in work and reads no further meanwhile, so replies are in order by construction.
// Requests that write stand in one queue of the whole server, because a commit may take long (another process applies it)
// and nobody may change a datastore between its two ends; what only reads passes by, and sees the datastores as they were.
// It does not know what an operation means; that is in ops_*.c. Who works when is in work.c. RFC 6241 sections 4 and 7.
#include "base/turn.h"
#include "io/stream.h"
#include "proto/netconf/error.h"
#include "proto/netconf/guard.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/notify.h"
#include "proto/netconf/partial.h"
#include "proto/netconf/reading.h"
#include "schema/schema.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct netconf_operation *const operations[] = {
	netconf_config_operations,  netconf_get_operations,   netconf_commit_operations,
	netconf_session_operations, netconf_state_operations, netconf_notify_operations,
	netconf_partial_operations};

// --- birth and death ---

static struct netconf_rpc *rpc_new(struct netconf_server *server)
{
	struct netconf_rpc *rpc = base_oom(calloc(1, sizeof(*rpc)));
	rpc->server = server;
	netconf_place_init(&rpc->where);
	arena_init(&rpc->arena);
	diags_init(&rpc->diags, &rpc->arena);
	rpc->asker.user = rpc->asker.address = rpc->attributes = "";
	rpc->next = server->rpcs;
	rpc->place = &server->rpcs;
	if (rpc->next)
		rpc->next->place = &rpc->next;
	server->rpcs = rpc;
	return rpc;
}

void netconf_rpc_drop_message(struct netconf_rpc *rpc)
{
	char *message = rpc->message;
	size_t len = rpc->message_len;
	rpc->message = NULL;
	rpc->message_len = 0;
	turn_free(message, len);
	rpc->server->incoming -= len;
}

void netconf_rpc_free(struct netconf_rpc *rpc)
{
	*rpc->place = rpc->next;
	if (rpc->next)
		rpc->next->place = rpc->place;
	netconf_reading_free(rpc->reading);
	netconf_work_forget(rpc);
	netconf_rpc_drop_message(rpc);
	netconf_filter_fini(&rpc->filter);
	access_user_unref(rpc->user);
	schema_tree_free(rpc->target);
	schema_tree_free(rpc->edit);
	schema_tree_free(rpc->tree);
	arena_fini(&rpc->arena);
	free(rpc);
}

// --- the queue of writes ---

bool netconf_write_waits(const struct netconf_server *server)
{
	return !server->busy && server->waiting;
}

static void operate(struct netconf_rpc *rpc)
{
	rpc->where.looks = true;
	rpc->operation->fn(rpc);
}

static void write_now(struct netconf_rpc *rpc)
{
	rpc->where.looks = true;
	netconf_clear_up(rpc->server);
	operate(rpc);
}

void netconf_write_next(struct netconf_server *server)
{
	struct netconf_rpc *rpc = server->waiting;
	if (!netconf_write_waits(server) || server->working || server->ending)
		return;
	server->waiting = rpc->next_waiting;
	server->busy = rpc;
	netconf_work(rpc, write_now);
}

static void start(struct netconf_rpc *rpc)
{
	struct netconf_server *server = rpc->server;
	const struct netconf_operation *o = rpc->operation;
	if (!o->writes && !(o->writes_now && o->writes_now(rpc))) {
		netconf_work(rpc, operate);
		return;
	}
	if (!server->waiting)
		server->waiting_last = &server->waiting;
	*server->waiting_last = rpc;
	server->waiting_last = &rpc->next_waiting;
	netconf_write_next(server);
}

void netconf_rpc_internal(struct netconf_server *server, const struct netconf_operation *operation,
			  uint32_t session)
{
	struct netconf_rpc *rpc = rpc_new(server);
	rpc->operation = operation;
	rpc->asker.session = session;
	start(rpc);
}

// After a write much may be left that nobody needs any more: before the next one it goes, if need be before one that
// changes nothing.
static const struct netconf_operation clear_up = {.fn = netconf_rpc_ok, .writes = true};

void netconf_clear_up_later(struct netconf_server *server)
{
	if (netconf_datastores_untidy(&server->datastores) && !server->busy && !server->waiting &&
	    !server->ending)
		netconf_rpc_internal(server, &clear_up, 0);
}

void netconf_write_over(struct netconf_rpc *rpc)
{
	struct netconf_server *server = rpc->server;
	if (server->busy != rpc)
		return;
	server->busy = NULL;
	netconf_clear_up_later(server);
	netconf_go_on(server);
}

// --- answers ---

static void write_reply(struct netconf_rpc *rpc, const struct buf *content)
{
	struct buf reply cleanup(buf_fini);
	buf_init(&reply);
	buf_adds(&reply, "<rpc-reply xmlns=\"" NETCONF_NS_BASE "\"");
	buf_adds(&reply, rpc->attributes);
	buf_addc(&reply, '>');
	buf_add(&reply, content->data, content->len);
	buf_adds(&reply, "</rpc-reply>");
	netconf_peer_send(rpc->peer, reply.data, reply.len);
}

void netconf_rpc_done(struct netconf_rpc *rpc)
{
	struct netconf_peer *peer = rpc->peer;
	bool ends_session = rpc->ends_session && peer;
	if (ends_session)
		peer->end = NETCONF_END_CLOSED;
	if (peer)
		peer->rpc = NULL;
	netconf_write_over(rpc);
	netconf_rpc_free(rpc);
	if (ends_session)
		netconf_peer_end(peer);
	else if (peer)
		io_stream_resume(peer->stream);
}

static void finish(struct netconf_rpc *rpc, const struct buf *content)
{
	if (rpc->peer)
		write_reply(rpc, content);
	netconf_rpc_done(rpc);
}

void netconf_rpc_data(struct netconf_rpc *rpc, const struct buf *content)
{
	finish(rpc, content);
}

void netconf_rpc_ok(struct netconf_rpc *rpc)
{
	struct buf content cleanup(buf_fini);
	buf_init(&content);
	buf_adds(&content, "<ok/>");
	finish(rpc, &content);
}

void netconf_rpc_fail_with(struct netconf_rpc *rpc, const struct diags *errors)
{
	struct buf content cleanup(buf_fini);
	assert(errors->errors > 0);
	buf_init(&content);
	netconf_errors_add(errors, &rpc->server->namespaces, &content);
	if (rpc->peer)
		rpc->peer->count.out_rpc_errors++;
	rpc->server->count.out_rpc_errors += rpc->peer != NULL;
	rpc->ends_session = false;
	finish(rpc, &content);
}

void netconf_rpc_fail(struct netconf_rpc *rpc)
{
	netconf_rpc_fail_with(rpc, &rpc->diags);
}

void netconf_rpc_lock_denied(struct netconf_rpc *rpc, uint32_t holder, const char *text,
			     const char *hint)
{
	diag_add(&rpc->diags,
		 &(struct diag){.code = DIAG_LOCKED,
				.subject = arena_printf(&rpc->arena, "%u", holder),
				.hint = hint},
		 "%s", text);
	netconf_rpc_fail(rpc);
}

// --- questions to the application ---

struct netconf_reply *netconf_ask(struct netconf_rpc *rpc, netconf_answer_fn done)
{
	struct netconf_server *server = rpc->server;
	struct netconf_reply *reply = base_oom(malloc(sizeof(*reply)));
	*reply = (struct netconf_reply){
		.next = server->replies, .place = &server->replies, .rpc = rpc, .done = done};
	if (reply->next)
		reply->next->place = &reply->next;
	server->replies = reply;
	turn_keep(); // the application is not prepared to be interrupted
	return reply;
}

static void answer(struct netconf_reply *reply, const struct netconf_answer *answer)
{
	struct netconf_rpc *rpc = reply->rpc;
	netconf_answer_fn done = reply->done;
	*reply->place = reply->next;
	if (reply->next)
		reply->next->place = reply->place;
	free(reply);
	done(rpc, answer);
}

void netconf_reply_ok(struct netconf_reply *reply)
{
	answer(reply, &(struct netconf_answer){.xml = ""});
}

void netconf_reply_data(struct netconf_reply *reply, const char *xml, size_t len)
{
	answer(reply, &(struct netconf_answer){.xml = xml, .len = len});
}

void netconf_reply_errors(struct netconf_reply *reply, const struct diags *diags)
{
	assert(diags->errors > 0);
	answer(reply, &(struct netconf_answer){.xml = "", .errors = diags});
}

void netconf_reply_error(struct netconf_reply *reply, const struct diag *about, const char *fmt,
			 ...)
{
	struct diags *diags = &reply->rpc->diags;
	va_list ap;
	va_start(ap, fmt);
	const char *text = arena_vprintf(diags->arena, fmt, ap);
	va_end(ap);
	diag_add(diags, about, "%s", text);
	netconf_reply_errors(reply, diags);
}

void netconf_answer_plain(struct netconf_rpc *rpc, const struct netconf_answer *answer)
{
	if (answer->errors)
		netconf_rpc_fail_with(rpc, answer->errors);
	else
		netconf_rpc_ok(rpc);
}

// --- operations of the application ---

static void handler_answered(struct netconf_rpc *rpc, const struct netconf_answer *answer)
{
	if (answer->errors || !answer->len) {
		netconf_answer_plain(rpc, answer);
		return;
	}
	struct buf content cleanup(buf_fini);
	buf_init(&content);
	buf_add(&content, answer->xml, answer->len);
	netconf_rpc_data(rpc, &content);
}

static const char *handler_key(struct arena *arena, const char *module, const char *rpc)
{
	return arena_printf(arena, "%s:%s", module, rpc);
}

static const struct netconf_handler *handler_of(struct netconf_rpc *rpc)
{
	const char *key =
		handler_key(&rpc->arena, schema_module(rpc->node), schema_name(rpc->node));
	return map_get(&rpc->server->handlers, key);
}

static void call_handler(struct netconf_rpc *rpc)
{
	const struct netconf_handler *h = handler_of(rpc);
	struct netconf_request *request = arena_new(&rpc->arena, struct netconf_request);
	*request = (struct netconf_request){.asker = &rpc->asker, .rpc = rpc->node};
	h->fn(h->context, request, netconf_ask(rpc, handler_answered));
}

static const struct netconf_operation handled = {.fn = call_handler};

void netconf_server_handle(struct netconf_server *server, const struct netconf_handler *handler)
{
	struct netconf_handler *copy = arena_memdup(&server->arena, handler, sizeof(*handler));
	void *before = map_put(&server->handlers,
			       handler_key(&server->arena, handler->module, handler->rpc), copy);
	assert(!before);
}

// --- reading a request ---

static const struct netconf_operation *operation_of(struct netconf_rpc *rpc)
{
	const char *module = schema_module(rpc->node), *name = schema_name(rpc->node);
	for (size_t i = 0; i < array_len(operations); i++)
		for (const struct netconf_operation *o = operations[i]; o->name; o++)
			if (strcmp(o->module, module) == 0 && strcmp(o->name, name) == 0)
				return o;
	return handler_of(rpc) ? &handled : NULL;
}

// RFC 6022 section 2.1.4: what is wrong with a request beyond its envelope is no bad rpc.
static void count_rpc(struct netconf_rpc *rpc, bool is_rpc)
{
	struct netconf_counters *count[] = {&rpc->peer->count, &rpc->server->count};
	for (size_t i = 0; i < array_len(count); i++) {
		count[i]->in_rpcs += is_rpc;
		count[i]->in_bad_rpcs += !is_rpc;
	}
}

// False: diags say why.
static bool read_operation(struct netconf_rpc *rpc)
{
	struct schema_input input = {
		.data = rpc->message, .len = rpc->message_len, .format = SCHEMA_XML};
	const char *message_id;
	bool good = schema_parse_rpc(rpc->server->options.schema, &input, &rpc->arena, &rpc->diags,
				     &rpc->tree, &message_id, &rpc->attributes);
	if (!rpc->peer)
		return false;
	count_rpc(rpc, message_id != NULL);
	if (!good)
		return false;
	rpc->node = schema_first(rpc->tree);
	rpc->operation = operation_of(rpc);
	if (rpc->operation)
		return true;
	diag_error(&rpc->diags, DIAG_UNSUPPORTED, schema_path(rpc->node, &rpc->arena),
		   "the capabilities in the hello say what there is", "%s is not implemented",
		   schema_name(rpc->node));
	return false;
}

// Somebody else may have made running something else.
static void refresh(struct netconf_server *server)
{
	const struct netconf_ops *ops = server->options.ops;
	if (ops->refresh && !server->busy)
		ops->refresh(server->options.context);
}

// Nobody waits for it: its session has gone, or the server goes.
static bool is_forlorn(const struct netconf_rpc *rpc)
{
	return !rpc->peer || rpc->peer->ended || rpc->server->ending;
}

static void forget(struct netconf_rpc *rpc)
{
	if (rpc->peer)
		rpc->peer->rpc = NULL;
	netconf_rpc_free(rpc);
}

// --- from its message to its operation: turns, and between them what the application has a part in ---

static void prepared(struct netconf_rpc *rpc)
{
	if (is_forlorn(rpc)) {
		forget(rpc);
	} else if (!rpc->good) {
		netconf_rpc_fail(rpc);
	} else {
		refresh(rpc->server);
		start(rpc);
	}
}

static void prepare(struct netconf_rpc *rpc)
{
	rpc->good = rpc->operation->prepare(rpc);
	netconf_then(rpc, prepared);
}

static void was_read(struct netconf_rpc *rpc)
{
	if (is_forlorn(rpc)) {
		forget(rpc);
		return;
	}
	if (rpc->good) {
		refresh(rpc->server);
		netconf_guard_begin(rpc);
		rpc->good = netconf_guard_call(rpc);
	}
	if (rpc->good && rpc->operation->prepare)
		netconf_work(rpc, prepare);
	else
		prepared(rpc);
}

static void read_message(struct netconf_rpc *rpc)
{
	rpc->good = read_operation(rpc);
	netconf_then(rpc, was_read);
}

void netconf_rpc_receive(struct netconf_peer *peer)
{
	struct netconf_server *server = peer->server;
	struct netconf_rpc *rpc = rpc_new(server);
	rpc->peer = peer;
	peer->rpc = rpc;
	rpc->asker = (struct netconf_asker){peer->id, arena_strdup(&rpc->arena, peer->user),
					    arena_strdup(&rpc->arena, peer->address), NULL};
	rpc->who = access_who_copy(&peer->who, &rpc->arena);
	rpc->asker.who = &rpc->who;
	rpc->message = buf_take(&peer->session.framing.message, &rpc->message_len);
	server->incoming += rpc->message_len;
	netconf_work(rpc, read_message);
}
