// SPDX-License-Identifier: Apache-2.0
// Reading: get, get-config, and what of a tree a request selects.
//
// The idea: every reading is one or two views (schema/view.h), printed as the session reads (reading.c). Configuration and
// state are joined only where they meet: the top-level nodes that have both are made anew as one tree, the others are shown
// where they stand. Only an expression gets one tree of all.
// RFC 6241 sections 7.1, 7.7; RFC 6243 section 4.
#include "proto/netconf/guard.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/notify.h"
#include "proto/netconf/reading.h"
#include "proto/netconf/xml.h"
#include "schema/view.h"

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
	return SCHEMA_DEFAULTS_EXPLICIT;
}

// Top-level nodes that are shown elsewhere, and what the user may not see.
struct hidden {
	VEC(const struct schema_node *) top;
	struct access_look *look; // NULL: everything may be seen
};

static bool is_elsewhere(const struct hidden *hidden, const struct schema_node *node)
{
	for (size_t i = 0; i < hidden->top.len; i++)
		if (hidden->top.at[i] == node)
			return true;
	return false;
}

static bool is_visible(void *context, const struct schema_node *node)
{
	struct hidden *hidden = context;
	return !is_elsewhere(hidden, node) &&
	       (!hidden->look || access_may_read(hidden->look, node));
}

// NULL and diags: the filter cannot be applied.
static struct schema_view *view_new(struct netconf_rpc *rpc, const struct schema_tree *tree,
				    struct hidden *hidden)
{
	hidden->look = netconf_guard_look(rpc);
	struct schema_view_options options = {
		.defaults = netconf_with_defaults(rpc),
		.visible = hidden->look || hidden->top.len ? is_visible : NULL,
		.context = hidden};
	struct schema_view *view = schema_view_new(tree, &options);
	if (netconf_filter_show(rpc, view))
		return view;
	schema_view_free(view);
	return NULL;
}

bool netconf_shows_defaults(const struct netconf_rpc *rpc)
{
	enum schema_with_defaults defaults = netconf_with_defaults(rpc);
	return defaults == SCHEMA_DEFAULTS_ALL || defaults == SCHEMA_DEFAULTS_ALL_TAGGED;
}

// Filled-in defaults are there only after a validation; that there are faults is not the reader's concern.
static void fill_in(struct schema_tree *state)
{
	struct arena arena cleanup(arena_fini);
	struct diags ignored;
	arena_init(&arena);
	diags_init(&ignored, &arena);
	bool valid = schema_validate(state, &ignored);
	(void)valid;
}

static const struct schema_tree *configuration(struct netconf_rpc *rpc,
					       enum netconf_datastore which)
{
	struct netconf_datastores *d = &rpc->server->datastores;
	struct arena arena cleanup(arena_fini);
	struct diags ignored;
	arena_init(&arena);
	diags_init(&ignored, &arena);
	if (which == NETCONF_CANDIDATE && netconf_shows_defaults(rpc)) {
		bool valid = netconf_candidate_validate(d, &ignored);
		(void)valid;
	}
	return netconf_datastore(d, which);
}

static void op_get_config(struct netconf_rpc *rpc)
{
	if (!netconf_filter_read(rpc, &rpc->filter)) {
		netconf_rpc_fail(rpc);
		return;
	}
	const struct schema_tree *tree = configuration(rpc, netconf_datastore_in(rpc, "source"));
	struct hidden *hidden = arena_new(&rpc->arena, struct hidden);
	struct netconf_readable what = {
		.open = "<data>", .close = "</data>", .view = {view_new(rpc, tree, hidden)}};
	if (what.view[0])
		netconf_reading_start(rpc, &what);
	else
		netconf_rpc_fail(rpc);
}

// --- get: configuration with state ---

static const struct schema_node *find_top(const struct schema_tree *tree,
					  const struct schema_node *like)
{
	for (const struct schema_node *n = schema_first(tree); n; n = schema_next(n))
		if (schema_is(n, schema_module(like), schema_name(like)))
			return n;
	return NULL;
}

// The state (taken) together with what running has of the same top-level nodes, which is hidden there. An expression may
// look from anywhere to anywhere, so it gets everything in one tree. NULL and diags.
static struct schema_tree *join(struct netconf_rpc *rpc, const struct schema_tree *running,
				struct schema_tree *state, struct hidden *in_running)
{
	struct schema_tree *both = schema_tree_new(rpc->server->options.schema);
	for (const struct schema_node *n = schema_first(running); n; n = schema_next(n)) {
		if (!find_top(state, n) && !rpc->filter.xpath)
			continue;
		vec_push(&rpc->arena, &in_running->top, n);
		schema_tree_add_copy(both, n);
	}
	bool ok = schema_edit(both, state, SCHEMA_OP_MERGE, &rpc->diags);
	schema_tree_free(state);
	if (ok)
		return both;
	schema_tree_free(both);
	return NULL;
}

// Defaults are filled in on both sides; what came of that where running has the node is hidden.
static void fill_in_state(struct netconf_rpc *rpc, const struct schema_tree *running,
			  struct schema_tree *state, struct hidden *hidden)
{
	fill_in(state);
	for (const struct schema_node *n = schema_first(state); n; n = schema_next(n)) {
		const struct schema_node *same = find_top(running, n);
		if (same && !is_elsewhere(&hidden[0], same))
			vec_push(&rpc->arena, &hidden[1].top, n);
	}
}

// NULL and diags: what the application says is not valid.
static struct schema_tree *parse_state(struct netconf_rpc *rpc, const char *xml, size_t len)
{
	struct schema_tree *state = schema_tree_new(rpc->server->options.schema);
	struct buf all cleanup(buf_fini);
	buf_init(&all);
	netconf_state_add(rpc, &all);
	buf_add(&all, xml, len);
	struct schema_input input = {.data = all.data, .len = all.len, .format = SCHEMA_XML};
	if (!all.len || schema_parse(state, &input, &rpc->diags))
		return state;
	schema_tree_free(state);
	return NULL;
}

static void read_both(struct netconf_rpc *rpc, struct schema_tree *state)
{
	const struct schema_tree *running = configuration(rpc, NETCONF_RUNNING);
	// In running and in the state.
	struct hidden *hidden = arena_alloc(&rpc->arena, 2 * sizeof(struct hidden));
	struct schema_tree *both = join(rpc, running, state, &hidden[0]);
	if (both && netconf_shows_defaults(rpc))
		fill_in_state(rpc, running, both, hidden);
	struct netconf_readable what = {.open = "<data>", .close = "</data>", .tree = both};
	if (both) {
		what.view[0] = view_new(rpc, running, &hidden[0]);
		what.view[1] = view_new(rpc, both, &hidden[1]);
	}
	if (what.view[0] && what.view[1]) {
		netconf_reading_start(rpc, &what);
		return;
	}
	for (size_t i = 0; i < array_len(what.view); i++)
		schema_view_free(what.view[i]);
	schema_tree_free(both);
	netconf_rpc_fail(rpc);
}

static void state_answered(struct netconf_rpc *rpc, const struct netconf_answer *answer)
{
	struct schema_tree *state =
		answer->errors ? NULL : parse_state(rpc, answer->xml, answer->len);
	if (state)
		read_both(rpc, state);
	else
		netconf_rpc_fail_with(rpc, answer->errors ? answer->errors : &rpc->diags);
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

const struct netconf_operation netconf_get_operations[] = {
	{"ietf-netconf", "get", op_get, .writes = false},
	{"ietf-netconf", "get-config", op_get_config, .writes = false},
	{0},
};
