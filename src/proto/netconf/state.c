// SPDX-License-Identifier: Apache-2.0
// What the server says of itself in <get>: ietf-netconf-monitoring, ietf-yang-library, the event streams; and get-schema.
//
// The idea: it is text like the application's state and joined with it, so filters, defaults and rights work alike on both.
// A module that the schema does not have is not told. RFC 6022; RFC 8525; RFC 5277 section 3.2.5.
#include "base/moment.h"
#include "proto/netconf/guard.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/notify.h"
#include "proto/netconf/partial.h"
#include "schema/library.h"

#include <string.h>

#define NS_MONITORING "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
#define NS_LIBRARY "urn:ietf:params:xml:ns:yang:ietf-yang-library"

static void add_moment(struct buf *out, const char *name, int64_t moment)
{
	char text[MOMENT_TEXT];
	moment_print(moment, text);
	buf_add_leaf(out, name, text);
}

// --- monitoring ---

static void add_capabilities(const struct netconf_server *server, struct buf *out)
{
	buf_adds(out, "<capabilities>");
	buf_add_leaf(out, "capability", NETCONF_BASE_1_0);
	buf_add_leaf(out, "capability", NETCONF_BASE_1_1);
	for (size_t i = 0; i < server->capability.len; i++)
		buf_add_leaf(out, "capability", server->capability.at[i]);
	buf_adds(out, "</capabilities>");
}

static bool has_startup(const struct netconf_server *server)
{
	return server->options.ops->persist;
}

static void add_locks(const struct netconf_server *server, enum netconf_datastore d,
		      struct buf *out)
{
	const struct netconf_lock *lock = &server->lock[d];
	bool parts = d == NETCONF_RUNNING && server->partial;
	if (!lock->session && !parts)
		return;
	buf_adds(out, "<locks>");
	if (parts)
		netconf_partial_print(server, out);
	if (lock->session) {
		buf_printf(out, "<global-lock><locked-by-session>%u</locked-by-session>",
			   lock->session);
		add_moment(out, "locked-time", lock->since);
		buf_adds(out, "</global-lock>");
	}
	buf_adds(out, "</locks>");
}

static void add_datastores(const struct netconf_server *server, struct buf *out)
{
	buf_adds(out, "<datastores>");
	for (enum netconf_datastore d = 0; d < NETCONF_DATASTORES; d++) {
		if (d == NETCONF_STARTUP && !has_startup(server))
			continue;
		buf_adds(out, "<datastore>");
		buf_add_leaf(out, "name", netconf_datastore_name(d));
		add_locks(server, d, out);
		buf_adds(out, "</datastore>");
	}
	buf_adds(out, "</datastores>");
}

static void add_schema(const struct schema_module_about *about, void *context)
{
	struct buf *out = context;
	buf_adds(out, "<schema>");
	buf_add_leaf(out, "identifier", about->name);
	buf_add_leaf(out, "version", about->revision);
	buf_adds(out, "<format>yang</format>");
	buf_add_leaf(out, "namespace", about->namespace_uri);
	buf_adds(out, "<location>NETCONF</location></schema>");
}

static void add_counters(const struct netconf_counters *count, struct buf *out)
{
	buf_printf(out,
		   "<in-rpcs>%u</in-rpcs><in-bad-rpcs>%u</in-bad-rpcs>"
		   "<out-rpc-errors>%u</out-rpc-errors>"
		   "<out-notifications>%u</out-notifications>",
		   count->in_rpcs, count->in_bad_rpcs, count->out_rpc_errors,
		   count->out_notifications);
}

static void add_session(const struct netconf_peer *peer, struct buf *out)
{
	char host[NETCONF_HOST_TEXT];
	buf_printf(out, "<session><session-id>%u</session-id><transport>%s</transport>", peer->id,
		   peer->transport);
	buf_add_leaf(out, "username", peer->user);
	if (netconf_host_of(peer->address, host))
		buf_add_leaf(out, "source-host", host);
	add_moment(out, "login-time", peer->login);
	add_counters(&peer->count, out);
	buf_adds(out, "</session>");
}

static void add_sessions(const struct netconf_server *server, struct buf *out)
{
	buf_adds(out, "<sessions>");
	for (const struct netconf_peer *p = server->peers; p; p = p->next)
		if (p->session.open && !p->ended)
			add_session(p, out);
	buf_adds(out, "</sessions>");
}

static void add_statistics(const struct netconf_server *server, struct buf *out)
{
	buf_adds(out, "<statistics>");
	add_moment(out, "netconf-start-time", server->log.since);
	buf_printf(out,
		   "<in-bad-hellos>%u</in-bad-hellos><in-sessions>%u</in-sessions>"
		   "<dropped-sessions>%u</dropped-sessions>",
		   server->in_bad_hellos, server->in_sessions, server->dropped_sessions);
	add_counters(&server->count, out);
	buf_adds(out, "</statistics>");
}

static void add_monitoring(const struct netconf_server *server, struct buf *out)
{
	buf_adds(out, "<netconf-state xmlns=\"" NS_MONITORING "\">");
	add_capabilities(server, out);
	add_datastores(server, out);
	buf_adds(out, "<schemas>");
	schema_modules_about(server->options.schema, add_schema, out);
	buf_adds(out, "</schemas>");
	add_sessions(server, out);
	add_statistics(server, out);
	buf_adds(out, "</netconf-state>");
}

// --- the whole ---

static bool tells(const struct netconf_rpc *rpc, const char *module, const char *uri,
		  const char *name)
{
	return map_get(&rpc->server->namespaces, module) && netconf_get_wants(&rpc->get, uri, name);
}

void netconf_state_add(const struct netconf_rpc *rpc, struct buf *out)
{
	const char *datastores[] = {"running", "candidate", "operational", NULL, NULL, NULL};
	const struct schema *schema = rpc->server->options.schema;
	size_t n = 3;
	if (map_get(&rpc->server->namespaces, "ietf-netconf-nmda"))
		datastores[n++] = "intended";
	if (has_startup(rpc->server))
		datastores[n++] = "startup";
	if (tells(rpc, "ietf-netconf-monitoring", NS_MONITORING, "netconf-state"))
		add_monitoring(rpc->server, out);
	if (tells(rpc, "ietf-yang-library", NS_LIBRARY, "yang-library"))
		schema_library_print(schema, datastores, NULL, out);
	if (tells(rpc, "ietf-yang-library", NS_LIBRARY, "modules-state"))
		schema_modules_state_print(schema, NULL, out);
	if (tells(rpc, "nc-notifications", NETCONF_NS_EVENTS, "netconf"))
		netconf_streams_print(rpc->server, out);
	if (tells(rpc, ACCESS_MODULE, ACCESS_NAMESPACE, "nacm"))
		netconf_guard_print(rpc->server, out);
}

// --- get-schema ---

#define PATH "/ietf-netconf-monitoring:get-schema/"

static void op_get_schema(struct netconf_rpc *rpc)
{
	const struct schema_node *format = schema_get(rpc->node, "format");
	const char *name = schema_get_value(rpc->node, "identifier"),
		   *version = schema_get_value(rpc->node, "version");
	struct buf text cleanup(buf_fini), content cleanup(buf_fini);
	buf_init(&text);
	buf_init(&content);
	unsigned found = schema_module_text(rpc->server->options.schema, name, version, &text);
	if (format && strcmp(schema_identity(format), "yang") != 0) {
		netconf_rpc_error(rpc, DIAG_VALUE, PATH "format", "ask for yang, or leave it out",
				  "modules are to be had as YANG only");
	} else if (!found) {
		netconf_rpc_error(rpc, DIAG_VALUE, version ? PATH "version" : PATH "identifier",
				  "see /netconf-state/schemas",
				  "there is no module \"%.128s\"%s%.32s", name,
				  version ? " of revision " : "", version ? version : "");
	} else if (found > 1) {
		diag_add(&rpc->diags,
			 &(struct diag){.code = DIAG_FAILED,
					.app_tag = "data-not-unique",
					.path = PATH "identifier",
					.hint = "say which one by its version"},
			 "there are %u revisions of \"%.128s\"", found, name);
		netconf_rpc_fail(rpc);
	} else {
		buf_adds(&content, "<data xmlns=\"" NS_MONITORING "\">");
		buf_add_xml(&content, text.data);
		buf_adds(&content, "</data>");
		netconf_rpc_data(rpc, &content);
	}
}

const struct netconf_operation netconf_state_operations[] = {
	{"ietf-netconf-monitoring", "get-schema", op_get_schema, .writes = false},
	{0},
};
