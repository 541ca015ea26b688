// SPDX-License-Identifier: Apache-2.0
// The server as a whole: what it offers, where it listens, whom it notifies.
//
// The idea: everything that lives longer than a request hangs on struct netconf_server, and everything is freed with it,
// whatever is still under way.
// It does not know transports beyond giving them descriptors, nor what a configuration means.
// RFC 6241 section 8.1, RFC 7950 section 5.6.4 and RFC 8526 for the capabilities; RFC 5277 for notifications.
#include "io/net.h"
#include "io/stream.h"
#include "proto/netconf/guard.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/notify.h"
#include "proto/netconf/partial.h"
#include "proto/netconf/reading.h"
#include "schema/library.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INTERLEAVE "urn:ietf:params:netconf:capability:interleave:1.0"

// --- capabilities ---

static void add_module(const char *name, const char *revision, const char *uri, bool implemented,
		       void *context)
{
	struct netconf_server *s = context;
	char *module = arena_strdup(&s->arena, name), *namespace = arena_strdup(&s->arena, uri);
	map_put(&s->namespaces, module, namespace);
	map_put(&s->modules, namespace, module);
	if (!implemented)
		return;
	// RFC 7950 section 5.6.4.
	struct buf features cleanup(buf_fini);
	buf_init(&features);
	schema_features_print(s->options.schema, name, &features);
	const char *capability =
		arena_printf(&s->arena, "%s?module=%s%s%s%s%s", uri, name,
			     revision ? "&revision=" : "", revision ? revision : "",
			     features.len ? "&features=" : "", features.len ? features.data : "");
	vec_push(&s->arena, &s->capability, capability);
	if (strcmp(name, "ietf-netconf-partial-lock") == 0)
		vec_push(&s->arena, &s->capability, NETCONF_CAP_PARTIAL_LOCK);
	if (strcmp(name, "ietf-netconf-with-defaults") == 0)
		vec_push(&s->arena, &s->capability,
			 NETCONF_CAP_WITH_DEFAULTS
			 "?basic-mode=explicit&also-supported=report-all,report-all-tagged,trim");
	if (strcmp(name, "ietf-yang-library") != 0 || !revision)
		return;
	char id[17];
	schema_content_id(s->options.schema, id);
	capability = arena_printf(&s->arena, "%s?revision=%s&content-id=%s",
				  NETCONF_CAP_YANG_LIBRARY, revision, id);
	vec_push(&s->arena, &s->capability, capability);
	// RFC 7950 section 5.6.4, for those who do not know RFC 8526.
	capability = arena_printf(&s->arena, "%s?revision=%s&module-set-id=%s",
				  NETCONF_CAP_YANG_LIBRARY_1_0, revision, id);
	vec_push(&s->arena, &s->capability, capability);
}

static void make_capabilities(struct netconf_server *s)
{
	static const char *const own[] = {
		NETCONF_CAP_CANDIDATE, NETCONF_CAP_ROLLBACK_ON_ERROR, NETCONF_CAP_VALIDATE,
		NETCONF_CAP_XPATH,     NETCONF_CAP_NOTIFICATION,      INTERLEAVE,
	};
	for (size_t i = 0; i < array_len(own); i++)
		vec_push(&s->arena, &s->capability, own[i]);
	if (s->options.ops->confirm)
		vec_push(&s->arena, &s->capability, NETCONF_CAP_CONFIRMED_COMMIT);
	if (s->options.ops->persist)
		vec_push(&s->arena, &s->capability, NETCONF_CAP_STARTUP);
	schema_modules(s->options.schema, add_module, s);
}

// --- life ---

static void set_default(unsigned *value, unsigned otherwise)
{
	if (!*value)
		*value = otherwise;
}

static void set_defaults(struct netconf_server_options *o)
{
	set_default(&o->handshake_ms, 10000);
	set_default(&o->hello_ms, 10000);
	set_default(&o->keepalive_s, 15);
	set_default(&o->stall_ms, 60000);
	set_default(&o->sessions_most, 10000);
	if (!o->message_most)
		o->message_most = NETCONF_MESSAGE_MOST;
	if (!o->output_most)
		o->output_most = 16u << 20;
	if (!o->incoming_most)
		o->incoming_most = 2 * o->message_most;
	if (!o->held_most)
		o->held_most = 64u << 20;
	if (!o->log_bytes_most)
		o->log_bytes_most = 4u << 20;
	set_default(&o->slice_us, 4000);
	set_default(&o->log_most, 10000);
}

static void init_datastores(struct netconf_server *s, const struct netconf_server_options *o)
{
	struct netconf_datastores_options trees = {.schema = o->schema,
						   .running = o->running,
						   .startup = o->startup,
						   .rollback = o->rollback};
	netconf_datastores_init(&s->datastores, &trees);
	if (o->rollback)
		netconf_pending_set(s, 0, o->persist);
}

struct netconf_server *netconf_server_new(const struct netconf_server_options *options)
{
	struct netconf_server *s = base_oom(calloc(1, sizeof(*s)));
	s->options = *options;
	set_defaults(&s->options);
	arena_init(&s->arena);
	s->namespaces.arena = s->modules.arena = s->handlers.arena = &s->arena;
	make_capabilities(s);
	netconf_log_init(s);
	init_datastores(s, options);
	s->guard.counts = options->counts ? options->counts : &s->guard.own;
	netconf_guard_refresh(s);
	netconf_commit_start(s);
	return s;
}

static void free_listening(struct netconf_server *s)
{
	for (struct netconf_listening *l; (l = s->listening);) {
		s->listening = l->next;
		io_listener_free(l->listener);
		free(l);
	}
}

static void free_replies(struct netconf_server *s)
{
	for (struct netconf_reply *r; (r = s->replies);) {
		s->replies = r->next;
		free(r);
	}
}

void netconf_server_free(struct netconf_server *s)
{
	if (!s)
		return;
	free_listening(s);
	netconf_work_end(s);
	while (s->peers)
		netconf_peer_free(s->peers);
	free_replies(s);
	while (s->rpcs)
		netconf_rpc_free(s->rpcs);
	netconf_datastores_fini(&s->datastores);
	free(s->pending.persist);
	netconf_guard_fini(s);
	netconf_log_fini(s);
	netconf_partial_fini(s);
	arena_fini(&s->arena);
	free(s);
}

// --- listening ---

void netconf_server_serve(struct netconf_server *server,
			  const struct netconf_connection *connection)
{
	netconf_peer_new(server, connection);
}

static void accepted(void *context, int fd, const struct io_address *peer)
{
	struct netconf_listening *l = context;
	struct netconf_connection connection = {.transport = l->opener.open(l->opener.context, fd)};
	(void)peer;
	netconf_peer_new(l->server, &connection);
}

int netconf_server_listen(struct netconf_server *server, struct io_opener opener, int fd)
{
	struct netconf_listening *l = base_oom(calloc(1, sizeof(*l)));
	*l = (struct netconf_listening){
		.server = server, .next = server->listening, .opener = opener};
	struct io_listener_options o = {.fd = fd, .accepted = accepted, .context = l};
	int rc = io_listener_new(server->options.loop, &o, &l->listener);
	if (rc < 0) {
		free(l);
		return rc;
	}
	server->listening = l;
	return 0;
}

// --- what others ask ---

// Nobody is in the midst of anything any more.
static void settle(struct netconf_server *server)
{
	netconf_work_settle(server);
	for (struct netconf_rpc *rpc = server->rpcs, *next; rpc; rpc = next) {
		next = rpc->next;
		if (rpc->reading)
			netconf_reading_hurry(rpc->reading);
	}
	netconf_work_settle(server);
}

void netconf_server_reverted(struct netconf_server *server)
{
	static const struct netconf_asker itself = {.user = "", .address = ""};
	netconf_work_settle(server);
	if (!server->datastores.pending)
		return;
	netconf_commit_undone(server);
	netconf_clear_up_later(server);
	netconf_tell_confirmed(server, &itself, "timeout", 0);
	netconf_tell_change(server, &itself, "running", "");
}

void netconf_server_update(struct netconf_server *server, const struct schema_tree *running)
{
	static const struct netconf_asker itself = {.user = "", .address = ""};
	settle(server);
	netconf_running_update(&server->datastores, running);
	netconf_guard_refresh(server);
	netconf_tell_change(server, &itself, "running", "");
}

void netconf_server_access(struct netconf_server *server, const char *nacm)
{
	server->options.nacm = nacm;
	free(server->guard.text);
	server->guard.text = NULL;
	netconf_guard_refresh(server);
}

void netconf_server_dismiss(struct netconf_server *server, const char *user)
{
	struct diag why = {.code = DIAG_DENIED,
			   .text = "this user is not let in any more",
			   .hint = "ask whoever revokes certificates"};
	for (struct netconf_peer *p = server->peers, *next; p; p = next) {
		next = p->next;
		if (p->id && !p->ended && strcmp(p->user, user) == 0)
			netconf_peer_end_because(p, &why);
	}
}

unsigned netconf_server_sessions(const struct netconf_server *server)
{
	unsigned n = 0;
	for (const struct netconf_peer *p = server->peers; p; p = p->next)
		n += p->session.open && !p->ended;
	return n;
}
