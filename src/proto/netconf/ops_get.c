// SPDX-License-Identifier: Apache-2.0
// Reading: get, get-config, get-data, and what of a tree a request selects.
//
// The idea: every reading is a view (schema/view.h), printed as the session reads (reading.c). State is laid over running
// as a branch of the tree that only this request sees, so that nothing is copied, and a filter or an expression looks at
// both as one.
// RFC 6241 sections 7.1, 7.7; RFC 6243 section 4; RFC 8526 section 3.1.1.
#include "proto/netconf/guard.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/notify.h"
#include "proto/netconf/reading.h"
#include "proto/netconf/xml.h"
#include "schema/view.h"

#include <stdlib.h>
#include <string.h>

// --- what the application need not tell ---

bool netconf_get_wants(const struct netconf_get *get, const char *namespace_uri, const char *name)
{
	if (!get->filter)
		return true;
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	// The content of <filter> has no root of its own.
	struct netconf_xml filter = {.arena = &arena,
				     .content = {get->filter_xml, strlen(get->filter_xml)}},
			   c;
	for (bool more = netconf_xml_first(&filter, &c); more;
	     more = netconf_xml_next(&filter, &c)) {
		bool any = !*c.uri || strcmp(c.uri, NETCONF_NS_BASE) == 0;
		if ((any || strcmp(c.uri, namespace_uri) == 0) && netconf_xml_is(&c, c.uri, name))
			return true;
	}
	return false;
}

// --- views ---

static bool is_get_data(const struct netconf_rpc *rpc)
{
	return schema_is(rpc->node, "ietf-netconf-nmda", "get-data");
}

// What is in use is shown, and so are defaults (RFC 8526 section 3.1.1.2).
static bool is_operational(const struct netconf_rpc *rpc)
{
	return is_get_data(rpc) && netconf_names(schema_get(rpc->node, "datastore"), "operational");
}

enum schema_with_defaults netconf_with_defaults(const struct netconf_rpc *rpc)
{
	static const char *const name[] = {
		[SCHEMA_DEFAULTS_EXPLICIT] = "explicit",
		[SCHEMA_DEFAULTS_TRIM] = "trim",
		[SCHEMA_DEFAULTS_ALL] = "report-all",
		[SCHEMA_DEFAULTS_ALL_TAGGED] = "report-all-tagged",
	};
	const char *value = schema_get_value(rpc->node, "with-defaults");
	for (unsigned i = 0; value && i < array_len(name); i++)
		if (strcmp(value, name[i]) == 0)
			return i;
	return is_operational(rpc) ? SCHEMA_DEFAULTS_ALL : SCHEMA_DEFAULTS_EXPLICIT;
}

static enum schema_content content_of(const struct netconf_rpc *rpc)
{
	const char *config = schema_get_value(rpc->node, "config-filter");
	if (!config)
		return SCHEMA_CONTENT_ALL;
	return strcmp(config, "true") == 0 ? SCHEMA_CONTENT_CONFIG : SCHEMA_CONTENT_STATE;
}

// 0: all.
static unsigned depth_of(const struct netconf_rpc *rpc)
{
	const char *depth = schema_get_value(rpc->node, "max-depth");
	return depth ? (unsigned)strtoul(depth, NULL, 10) : 0; // "unbounded" is no number
}

// The answer is what of the tree the request selects and its user may see.
static void show(struct netconf_rpc *rpc, const struct schema_tree *tree)
{
	struct access_look *look = netconf_guard_look(rpc);
	struct schema_view_options options = {.defaults = netconf_with_defaults(rpc),
					      .content = content_of(rpc),
					      .depth = depth_of(rpc),
					      .visible = look ? access_may_read : NULL,
					      .context = look};
	struct netconf_readable what = {
		.open = "<data>", .close = "</data>", .view = schema_view_new(tree, &options)};
	if (is_get_data(rpc))
		what.open = "<data xmlns=\"" NETCONF_NS_NMDA "\">";
	if (netconf_filter_show(rpc, what.view)) {
		netconf_reading_start(rpc, &what);
		return;
	}
	schema_view_free(what.view);
	netconf_rpc_fail(rpc);
}

bool netconf_shows_defaults(const struct netconf_rpc *rpc)
{
	enum schema_with_defaults defaults = netconf_with_defaults(rpc);
	return defaults == SCHEMA_DEFAULTS_ALL || defaults == SCHEMA_DEFAULTS_ALL_TAGGED;
}

// --- get-config ---

// Filled-in defaults are there only after a validation; that there are faults is not the reader's concern.
static void fill_in_candidate(struct netconf_datastores *d)
{
	struct arena arena cleanup(arena_fini);
	struct diags ignored;
	arena_init(&arena);
	diags_init(&ignored, &arena);
	bool valid = netconf_candidate_validate(d, &ignored);
	(void)valid;
}

// What intends to be in use is running: there are no templates, and nothing is inactive.
static enum netconf_datastore source_of(const struct netconf_rpc *rpc)
{
	if (!is_get_data(rpc))
		return netconf_datastore_in(rpc, "source");
	bool intended = netconf_names(schema_get(rpc->node, "datastore"), "intended");
	return intended ? NETCONF_RUNNING : netconf_datastore_in(rpc, NULL);
}

static bool shows_defaults_of_candidate(const struct netconf_rpc *rpc)
{
	return source_of(rpc) == NETCONF_CANDIDATE && netconf_shows_defaults(rpc);
}

static void op_get_config(struct netconf_rpc *rpc)
{
	struct netconf_datastores *d = &rpc->server->datastores;
	enum netconf_datastore source = source_of(rpc);
	if (!netconf_filter_read(rpc, &rpc->filter)) {
		netconf_rpc_fail(rpc);
		return;
	}
	if (shows_defaults_of_candidate(rpc))
		fill_in_candidate(d);
	const struct schema_tree *tree = netconf_datastore(d, source);
	if (source == NETCONF_STARTUP)
		rpc->where.startup = tree;
	show(rpc, tree);
}

// --- get: state is laid over running ---

// NULL and diags: what the application says is not valid.
static struct schema_tree *parse_state(struct netconf_rpc *rpc)
{
	struct schema_tree *state = schema_tree_new(rpc->server->options.schema);
	struct buf all cleanup(buf_fini);
	buf_init(&all);
	netconf_state_add(rpc, &all);
	buf_add(&all, rpc->state, rpc->state_len);
	struct schema_input input = {.data = all.data, .len = all.len, .format = SCHEMA_XML};
	if (!all.len || schema_parse(state, &input, &rpc->diags))
		return state;
	schema_tree_free(state);
	return NULL;
}

static void fill_in(struct schema_tree *tree)
{
	struct arena arena cleanup(arena_fini);
	struct diags ignored;
	arena_init(&arena);
	diags_init(&ignored, &arena);
	bool valid = schema_validate(tree, &ignored);
	(void)valid;
}

static void read_both(struct netconf_rpc *rpc)
{
	struct netconf_datastores *d = &rpc->server->datastores;
	struct schema_tree *state = parse_state(rpc);
	if (!state) {
		netconf_rpc_fail(rpc);
		return;
	}
	rpc->where.looks = true;
	netconf_datastores_go(d, d->running);
	rpc->where.branch = schema_branch_new(d->tree);
	if (!schema_edit_take(d->tree, state, SCHEMA_OP_MERGE, NULL, &rpc->diags)) {
		netconf_rpc_fail(rpc);
		return;
	}
	if (netconf_shows_defaults(rpc))
		fill_in(d->tree);
	show(rpc, d->tree);
}

static void begin_reading(struct netconf_rpc *rpc)
{
	netconf_work(rpc, read_both);
}

static void state_answered(struct netconf_rpc *rpc, const struct netconf_answer *answer)
{
	if (answer->errors) {
		netconf_rpc_fail_with(rpc, answer->errors);
		return;
	}
	rpc->state = arena_strndup(&rpc->arena, answer->xml, answer->len);
	rpc->state_len = answer->len;
	netconf_then(rpc, begin_reading);
}

static void op_get(struct netconf_rpc *rpc)
{
	const struct netconf_server_options *o = &rpc->server->options;
	struct netconf_get *get = &rpc->get;
	if (!netconf_filter_read(rpc, &rpc->filter)) {
		netconf_rpc_fail(rpc);
		return;
	}
	struct buf filter cleanup(buf_fini);
	buf_init(&filter);
	if (rpc->filter.subtree)
		schema_any_text(rpc->filter.subtree, &filter);
	get->filter = rpc->filter.subtree;
	get->filter_xml = get->filter ? arena_strndup(&rpc->arena, filter.data, filter.len) : NULL;
	get->asker = &rpc->asker;
	if (o->ops->state)
		o->ops->state(o->context, get, netconf_ask(rpc, state_answered));
	else
		state_answered(rpc, &(struct netconf_answer){.xml = ""});
}

// --- get-data: one of both (RFC 8526 section 3.1.1) ---

static void op_get_data(struct netconf_rpc *rpc)
{
	bool has_startup = rpc->server->options.ops->persist;
	enum netconf_datastore source = source_of(rpc);
	if (is_operational(rpc) && schema_get(rpc->node, "with-defaults"))
		netconf_rpc_error(rpc, DIAG_VALUE, "/ietf-netconf-nmda:get-data/with-defaults",
				  "leave it out", "of what is operational all defaults are shown");
	else if (is_operational(rpc))
		op_get(rpc);
	else if (source == NETCONF_DATASTORES || (source == NETCONF_STARTUP && !has_startup))
		netconf_rpc_error(rpc, DIAG_VALUE, "/ietf-netconf-nmda:get-data/datastore",
				  "yang-library lists the datastores",
				  "this datastore is not there");
	else
		op_get_config(rpc);
}

const struct netconf_operation netconf_get_operations[] = {
	{"ietf-netconf", "get", op_get, .writes = false},
	{"ietf-netconf-nmda", "get-data", op_get_data, .writes_now = shows_defaults_of_candidate},
	{"ietf-netconf", "get-config", op_get_config, .writes_now = shows_defaults_of_candidate},
	{0},
};
