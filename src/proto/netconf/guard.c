// SPDX-License-Identifier: Apache-2.0
// Access control of the server: what running says in /nacm, or else what the application has given for that case, decides
// about every request, node and notification.
//
// The idea: whatever makes running another tree comes by netconf_guard_refresh, which makes the rules anew when their text
// has changed; a request keeps the rights that it began with. A schema without ietf-netconf-acm has no access control.
// It decides nothing itself; access/ does. RFC 8341 sections 3.2 and 3.4.
#include "proto/netconf/guard.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/xml.h"
#include "schema/schema.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// --- the rules ---

static bool is_there(const struct netconf_server *server)
{
	return map_get(&server->namespaces, ACCESS_MODULE) != NULL;
}

// The text of /nacm tells whether anything has changed.
static void print_nacm(const struct schema_tree *tree, struct buf *out)
{
	for (const struct schema_node *n = schema_first(tree); n; n = schema_next(n))
		if (schema_is(n, ACCESS_MODULE, "nacm"))
			schema_print_node(n, SCHEMA_XML, 0, out);
}

// What the application gives where nothing is configured; it is part of the program, so it can be used.
static struct access *access_otherwise(struct netconf_server *server)
{
	const char *text = server->options.nacm ? server->options.nacm : "";
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	struct schema_tree *tree = schema_tree_new(server->options.schema);
	struct schema_input input = {.data = text, .len = strlen(text), .format = SCHEMA_XML};
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool parsed = !*text || schema_parse(tree, &input, &diags);
	assert(parsed);
	struct access *access =
		access_new(server->options.schema, tree, server->guard.counts, &diags);
	assert(access);
	schema_tree_free(tree);
	return access;
}

// NULL: what running says cannot be used. It was refused when it was committed, but maybe not by another version.
static struct access *access_of(struct netconf_server *server, const struct schema_tree *running)
{
	static const struct netconf_asker itself = {.user = "", .address = ""};
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct access *access =
		access_new(server->options.schema, running, server->guard.counts, &diags);
	if (!access)
		netconf_event(server, &itself, "the access control of running is not used",
			      &diags.list.at[0]);
	return access;
}

void netconf_guard_refresh(struct netconf_server *server)
{
	struct netconf_guard *guard = &server->guard;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	if (!is_there(server))
		return;
	const struct schema_tree *running = netconf_datastore(&server->datastores, NETCONF_RUNNING);
	if (access_is_configured(running))
		print_nacm(running, &text);
	const char *now = text.len ? text.data : "";
	if (guard->text && strcmp(guard->text, now) == 0)
		return;
	struct access *access = *now ? access_of(server, running) : NULL;
	access_free(guard->access);
	guard->access = access ? access : access_otherwise(server);
	free(guard->text);
	guard->text = base_oom(strdup(now));
}

void netconf_guard_fini(struct netconf_server *server)
{
	access_free(server->guard.access);
	free(server->guard.text);
}

bool netconf_guard_validate(const struct netconf_server *server, const struct schema_tree *tree,
			    struct diags *diags)
{
	struct access_counts counts = {0};
	if (!is_there(server))
		return true;
	struct access *access = access_new(server->options.schema, tree, &counts, diags);
	access_free(access);
	return access;
}

// --- a request ---

void netconf_guard_begin(struct netconf_rpc *rpc)
{
	struct netconf_server *server = rpc->server;
	if (server->guard.access && rpc->peer)
		rpc->user = access_user(server->guard.access, &rpc->peer->who);
}

bool netconf_guard_call(struct netconf_rpc *rpc)
{
	return !rpc->user || access_may_call(rpc->user, schema_module(rpc->node),
					     schema_name(rpc->node), &rpc->diags);
}

const struct schema_veto *netconf_guard_veto(struct netconf_rpc *rpc)
{
	struct schema_veto *veto = arena_new(&rpc->arena, struct schema_veto);
	*veto = (struct schema_veto){access_may_edit, rpc->user};
	return rpc->user ? veto : NULL;
}

bool netconf_guard_difference(struct netconf_rpc *rpc, const struct schema_tree *before,
			      const struct schema_tree *after)
{
	return !rpc->user || access_may_change(rpc->user, before, after, &rpc->diags);
}

bool netconf_guard_changes(struct netconf_rpc *rpc, const struct schema_tree *tree, size_t since)
{
	return !rpc->user || access_may_edit(rpc->user, tree, since, &rpc->diags);
}

struct access_look *netconf_guard_look(struct netconf_rpc *rpc)
{
	if (!rpc->user || access_reads_all(rpc->user))
		return NULL;
	struct access_look *look = arena_new(&rpc->arena, struct access_look);
	look->user = rpc->user;
	return look;
}

// --- notifications and state ---

bool netconf_guard_hears(struct netconf_peer *peer, const char *xml, size_t len)
{
	struct netconf_server *server = peer->server;
	struct arena arena cleanup(arena_fini);
	struct netconf_xml event;
	const char *fault, *module;
	arena_init(&arena);
	if (!server->guard.access)
		return true;
	if (!netconf_xml_parse(&arena, (struct netconf_xml_span){xml, len}, &event, &fault))
		return false;
	module = strcmp(event.uri, NETCONF_NS_EVENTS) == 0 ? "nc-notifications"
							   : map_get(&server->modules, event.uri);
	const char *name = arena_strndup(&arena, event.name.at, event.name.len);
	struct access_user *user = access_user(server->guard.access, &peer->who);
	bool may = access_may_notify(user, module ? module : "", name);
	access_user_unref(user);
	return may;
}

void netconf_guard_print(const struct netconf_server *server, struct buf *out)
{
	access_print_counts(server->guard.counts, out);
}
