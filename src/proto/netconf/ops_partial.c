// SPDX-License-Identifier: Apache-2.0
// partial-lock, partial-unlock: parts of running that only one session may change.
//
// The idea: a lock is a list of instance paths, found once, when it is given; a commit of somebody else is refused when one
// of its changes is at, above or below one of them. As running changes by commits alone, there is no other place to look.
// It does not stop an undone confirmed commit. RFC 5717.
#include "proto/netconf/partial.h"
#include "base/moment.h"
#include "proto/netconf/changes.h"
#include "proto/netconf/expression.h"
#include "proto/netconf/guard.h"
#include "proto/netconf/path.h"
#include "proto/netconf/xml.h"
#include "schema/xpath.h"

#include <stdlib.h>
#include <string.h>

#define NS "urn:ietf:params:xml:ns:netconf:partial-lock:1.0"
#define SELECT "/ietf-netconf-partial-lock:partial-lock/select"
#define LOCKS_MOST 1000u
#define NODES_MOST 1000u // of all locks: each change of a commit is held against each of them

struct netconf_partial {
	struct netconf_partial *next;
	uint32_t id, session;
	int64_t since;
	struct arena arena;
	VEC(const char *) node; // instance paths
};

static void partial_free(struct netconf_partial *p)
{
	arena_fini(&p->arena);
	free(p);
}

static void unlink_if(struct netconf_server *server, uint32_t session, uint32_t id)
{
	for (struct netconf_partial **at = &server->partial, *p; (p = *at);) {
		if (p->session == session && (!id || p->id == id)) {
			*at = p->next;
			partial_free(p);
		} else {
			at = &p->next;
		}
	}
}

void netconf_partial_session_ended(struct netconf_server *server, uint32_t session)
{
	unlink_if(server, session, 0);
}

void netconf_partial_fini(struct netconf_server *server)
{
	for (struct netconf_partial *p; (p = server->partial);) {
		server->partial = p->next;
		partial_free(p);
	}
}

uint32_t netconf_partial_holder(const struct netconf_server *server)
{
	return server->partial ? server->partial->session : 0;
}

// --- who is in the way ---

// Whether `path` is `top`, or below it.
static bool is_within(const char *path, const char *top)
{
	size_t len = strlen(top);
	return strncmp(path, top, len) == 0 && (!path[len] || path[len] == '/');
}

static bool meets(const struct netconf_partial *p, const char *path)
{
	for (size_t i = 0; i < p->node.len; i++)
		if (is_within(path, p->node.at[i]) || is_within(p->node.at[i], path))
			return true;
	return false;
}

static const struct netconf_partial *others(const struct netconf_server *server, uint32_t session,
					    const char *path)
{
	for (const struct netconf_partial *p = server->partial; p; p = p->next)
		if (p->session != session && meets(p, path))
			return p;
	return NULL;
}

bool netconf_partial_allows(struct netconf_rpc *rpc, const struct schema_tree *tree, size_t since)
{
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	for (size_t i = since; rpc->server->partial && i < schema_changes(tree); i++) {
		struct schema_change change = schema_change(tree, i);
		const char *path = netconf_change_path(&change, &arena);
		const struct netconf_partial *p = others(rpc->server, rpc->asker.session, path);
		if (!p)
			continue;
		diag_add(&rpc->diags,
			 &(struct diag){.code = DIAG_IN_USE,
					.app_tag = "locked",
					.path = path,
					.hint = "ask its holder to unlock it"},
			 "session %u has locked this part of running", p->session);
		return false;
	}
	return true;
}

// --- partial-lock ---

static void deny(struct netconf_rpc *rpc, uint32_t holder, const char *app_tag, const char *text)
{
	diag_add(&rpc->diags,
		 &(struct diag){.code = DIAG_LOCKED,
				.app_tag = app_tag,
				.subject = arena_printf(&rpc->arena, "%u", holder),
				.hint = "wait for it, or end that session with kill-session"},
		 "%s", text);
}

struct collecting {
	struct netconf_partial *partial;
	struct map seen;
};

static void collect(void *context, const struct schema_node *node)
{
	struct collecting *c = context;
	struct netconf_partial *p = c->partial;
	if (p->node.len > NODES_MOST)
		return;
	char *path = (char *)(uintptr_t)schema_path(node, &p->arena);
	if (!map_put(&c->seen, path, path))
		vec_push(&p->arena, &p->node, path);
}

static bool select_nodes(struct netconf_rpc *rpc, const struct netconf_xml *element,
			 struct collecting *c)
{
	const struct schema_tree *running =
		netconf_datastore(&rpc->server->datastores, NETCONF_RUNNING);
	struct access_look *look = netconf_guard_look(rpc);
	struct schema_xpath_place place = {
		.tree = running, .visible = look ? access_may_read : NULL, .context = look};
	const char *text = netconf_xml_text(element);
	struct schema_xpath *xpath =
		netconf_expression_read(rpc, element, text ? text : "", SELECT);
	bool good = xpath && netconf_expression_nodes(rpc, xpath, &place, collect, c, SELECT);
	schema_xpath_free(xpath);
	return good;
}

static size_t nodes_locked(const struct netconf_server *server)
{
	size_t n = 0;
	for (const struct netconf_partial *p = server->partial; p; p = p->next)
		n += p->node.len;
	return n;
}

// The nodes that the request selects. False and diags.
static bool select_all(struct netconf_rpc *rpc, struct netconf_partial *p)
{
	struct collecting c = {.partial = p, .seen = {.arena = &rpc->arena}};
	struct netconf_xml operation, e;
	if (!netconf_expression_operation(rpc, &operation))
		return false;
	for (bool more = netconf_xml_first(&operation, &e); more;
	     more = netconf_xml_next(&operation, &e))
		if (!select_nodes(rpc, &e, &c))
			return false;
	if (!p->node.len)
		diag_add(&rpc->diags,
			 &(struct diag){.code = DIAG_FAILED,
					.app_tag = "no-matches",
					.path = SELECT,
					.hint = "only what is in running can be locked"},
			 "nothing of running is selected");
	else if (p->node.len + nodes_locked(rpc->server) > NODES_MOST)
		diag_error(&rpc->diags, DIAG_RESOURCE, SELECT, "lock what is above them",
			   "more than %u nodes would be locked", NODES_MOST);
	return !rpc->diags.errors;
}

// Section 2.4.1: what keeps everybody from locking. False and diags.
static bool may_lock(struct netconf_rpc *rpc)
{
	struct netconf_server *server = rpc->server;
	const struct netconf_pending *pending = &server->pending;
	unsigned locks = 0;
	for (const struct netconf_partial *p = server->partial; p; p = p->next)
		locks++;
	if (server->lock[NETCONF_RUNNING].session)
		deny(rpc, server->lock[NETCONF_RUNNING].session, NULL, "running is locked");
	else if (server->datastores.pending && pending->session != rpc->asker.session)
		deny(rpc, pending->session, "outstanding-confirmed-commit",
		     "a confirmed commit waits for its confirmation");
	else if (locks >= LOCKS_MOST)
		diag_error(&rpc->diags, DIAG_RESOURCE, NULL, "give locks back",
			   "there are %u partial locks", locks);
	return !rpc->diags.errors;
}

static bool is_free(struct netconf_rpc *rpc, const struct netconf_partial *p)
{
	for (size_t i = 0; i < p->node.len; i++) {
		const struct netconf_partial *other =
			others(rpc->server, p->session, p->node.at[i]);
		if (!other)
			continue;
		deny(rpc, other->session, NULL, "another session has locked a part of it");
		return false;
	}
	return true;
}

static void answer(struct netconf_rpc *rpc, const struct netconf_partial *p)
{
	struct buf content cleanup(buf_fini);
	buf_init(&content);
	buf_printf(&content, "<lock-id xmlns=\"" NS "\">%u</lock-id>", p->id);
	for (size_t i = 0; i < p->node.len; i++) {
		buf_adds(&content, "<locked-node xmlns=\"" NS "\"");
		netconf_path_declare(p->node.at[i], &rpc->server->namespaces, &content);
		buf_addc(&content, '>');
		netconf_path_print(p->node.at[i], &content);
		buf_adds(&content, "</locked-node>");
	}
	netconf_rpc_data(rpc, &content);
}

static void op_partial_lock(struct netconf_rpc *rpc)
{
	struct netconf_server *server = rpc->server;
	struct netconf_partial *p = base_oom(calloc(1, sizeof(*p)));
	arena_init(&p->arena);
	p->session = rpc->asker.session;
	p->since = moment_now();
	if (!may_lock(rpc) || !select_all(rpc, p) || !is_free(rpc, p)) {
		partial_free(p);
		netconf_rpc_fail(rpc);
		return;
	}
	p->id = ++server->last_partial;
	p->next = server->partial;
	server->partial = p;
	answer(rpc, p);
}

// --- partial-unlock ---

static void op_partial_unlock(struct netconf_rpc *rpc)
{
	const char *text = schema_get_value(rpc->node, "lock-id");
	uint32_t id = text ? (uint32_t)strtoul(text, NULL, 10) : 0;
	for (const struct netconf_partial *p = rpc->server->partial; id && p; p = p->next) {
		if (p->id != id || p->session != rpc->asker.session)
			continue;
		unlink_if(rpc->server, p->session, id);
		netconf_rpc_ok(rpc);
		return;
	}
	netconf_rpc_error(rpc, DIAG_VALUE, "/ietf-netconf-partial-lock:partial-unlock/lock-id",
			  "give the lock-id that partial-lock has answered",
			  "this session has no such lock");
}

// --- monitoring ---

static void print_node(const struct netconf_server *server, const char *element, const char *path,
		       struct buf *out)
{
	buf_printf(out, "<%s", element);
	netconf_path_declare(path, &server->namespaces, out);
	buf_addc(out, '>');
	netconf_path_print(path, out);
	buf_printf(out, "</%s>", element);
}

// The nodes stand for what selected them as well: expressions of clients are not kept.
void netconf_partial_print(const struct netconf_server *server, struct buf *out)
{
	char since[MOMENT_TEXT];
	for (const struct netconf_partial *p = server->partial; p; p = p->next) {
		moment_print(p->since, since);
		buf_printf(out,
			   "<partial-lock><lock-id>%u</lock-id><locked-by-session>%u"
			   "</locked-by-session><locked-time>%s</locked-time>",
			   p->id, p->session, since);
		for (size_t i = 0; i < p->node.len; i++)
			print_node(server, "select", p->node.at[i], out);
		for (size_t i = 0; i < p->node.len; i++)
			print_node(server, "locked-node", p->node.at[i], out);
		buf_adds(out, "</partial-lock>");
	}
}

const struct netconf_operation netconf_partial_operations[] = {
	{"ietf-netconf-partial-lock", "partial-lock", op_partial_lock, .writes = true},
	{"ietf-netconf-partial-lock", "partial-unlock", op_partial_unlock, .writes = true},
	{0},
};
