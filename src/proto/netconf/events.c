// SPDX-License-Identifier: Apache-2.0
// What the server tells of itself (RFC 6470): sessions, changes of configurations, confirmed commits.
//
// It decides nothing: whoever does something calls the function of it. Capabilities do not change while a server runs, so
// netconf-capability-change is never told.
#include "base/buf.h"
#include "proto/netconf/notify.h"

#include <arpa/inet.h>
#include <string.h>

#define NS "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"

static void begin(struct buf *xml, const char *name)
{
	buf_init(xml);
	buf_printf(xml, "<%s xmlns=\"" NS "\">", name);
}

static void end(struct netconf_server *server, struct buf *xml, const char *name)
{
	buf_printf(xml, "</%s>", name);
	if (map_get(&server->namespaces, "ietf-netconf-notifications"))
		netconf_server_notify(server, xml->data, xml->len, 0);
	buf_fini(xml);
}

static void add_asker(struct buf *xml, const struct netconf_asker *asker)
{
	char host[NETCONF_HOST_TEXT];
	buf_adds(xml, "<username>");
	buf_add_xml(xml, asker->user);
	buf_printf(xml, "</username><session-id>%u</session-id>", asker->session);
	if (netconf_host_of(asker->address, host))
		buf_printf(xml, "<source-host>%s</source-host>", host);
}

void netconf_tell_session_start(const struct netconf_peer *peer)
{
	struct buf xml;
	struct netconf_asker asker = {peer->id, peer->user, peer->address, &peer->who};
	begin(&xml, "netconf-session-start");
	add_asker(&xml, &asker);
	end(peer->server, &xml, "netconf-session-start");
}

void netconf_tell_session_end(const struct netconf_peer *peer)
{
	static const char *const reason[] = {
		[NETCONF_END_DROPPED] = "dropped", [NETCONF_END_CLOSED] = "closed",
		[NETCONF_END_KILLED] = "killed",   [NETCONF_END_TIMEOUT] = "timeout",
		[NETCONF_END_HELLO] = "bad-hello", [NETCONF_END_OTHER] = "other",
	};
	struct buf xml;
	struct netconf_asker asker = {peer->id, peer->user, peer->address, &peer->who};
	begin(&xml, "netconf-session-end");
	add_asker(&xml, &asker);
	if (peer->killed_by)
		buf_printf(&xml, "<killed-by>%u</killed-by>", peer->killed_by);
	buf_printf(&xml, "<termination-reason>%s</termination-reason>", reason[peer->end]);
	end(peer->server, &xml, "netconf-session-end");
}

void netconf_tell_confirmed(struct netconf_server *server, const struct netconf_asker *asker,
			    const char *event, unsigned timeout_s)
{
	struct buf xml;
	bool by_itself = strcmp(event, "timeout") == 0;
	begin(&xml, "netconf-confirmed-commit");
	if (!by_itself)
		add_asker(&xml, asker);
	buf_printf(&xml, "<confirm-event>%s</confirm-event>", event);
	if (timeout_s)
		buf_printf(&xml, "<timeout>%u</timeout>", timeout_s);
	end(server, &xml, "netconf-confirmed-commit");
}

void netconf_tell_change(struct netconf_server *server, const struct netconf_asker *asker,
			 const char *datastore, const char *edits)
{
	struct buf xml;
	begin(&xml, "netconf-config-change");
	buf_adds(&xml, "<changed-by>");
	if (asker->session)
		add_asker(&xml, asker);
	else
		buf_adds(&xml, "<server/>");
	buf_printf(&xml, "</changed-by><datastore>%s</datastore>%s", datastore, edits);
	end(server, &xml, "netconf-config-change");
}
