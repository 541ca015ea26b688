// SPDX-License-Identifier: Apache-2.0
// Editing configurations: edit-config, copy-config, delete-config, discard-changes, validate.
//
// The idea: an edit changes the candidate in place when nobody shares its tree, else a copy that takes its place on success;
// either way a failed edit leaves nothing behind. Running is never a target: it changes by commit alone, which the
// application applies as a whole.
// It edits nothing itself; schema does. RFC 6241 sections 7.2-7.4, 8.3, 8.6 and 8.7; RFC 7950
// section 8.3.3 (the candidate is validated when it is committed, unless the client asks for more).
#include "proto/netconf/guard.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/notify.h"
#include "proto/netconf/xml.h"
#include "schema/view.h"

#include <assert.h>
#include <string.h>

// --- what a request names ---

enum netconf_datastore netconf_datastore_in(const struct netconf_rpc *rpc, const char *container)
{
	const struct schema_node *in = schema_get(rpc->node, container);
	for (enum netconf_datastore d = 0; d < NETCONF_DATASTORES; d++)
		if (schema_get(in, netconf_datastore_name(d)))
			return d;
	return NETCONF_DATASTORES;
}

// An edit into an empty tree: the configuration that <config> holds. NULL and diags.
static struct netconf_tree *tree_of_config(struct netconf_rpc *rpc,
					   const struct schema_node *config)
{
	struct schema *schema = rpc->server->options.schema;
	struct schema_tree *edit = NULL, *tree = schema_tree_new(schema);
	bool ok = schema_any_tree(schema, config, &rpc->diags, &edit) &&
		  schema_edit(tree, edit, SCHEMA_OP_MERGE, &rpc->diags);
	schema_tree_free(edit);
	if (ok)
		return netconf_tree_new(tree);
	schema_tree_free(tree);
	return NULL;
}

// The source of a copy or a validation, as a reference. NULL: the rpc is answered.
static struct netconf_tree *source_of(struct netconf_rpc *rpc)
{
	enum netconf_datastore d = netconf_datastore_in(rpc, "source");
	if (d < NETCONF_DATASTORES)
		return netconf_tree_ref(rpc->server->datastore[d]);
	struct netconf_tree *tree =
		tree_of_config(rpc, schema_get(schema_get(rpc->node, "source"), "config"));
	if (!tree)
		netconf_rpc_fail(rpc);
	return tree;
}

// --- edit-config ---

static enum schema_operation default_operation(const struct netconf_rpc *rpc)
{
	const char *name = schema_get_value(rpc->node, "default-operation");
	if (name && strcmp(name, "replace") == 0)
		return SCHEMA_OP_REPLACE;
	return name && strcmp(name, "none") == 0 ? SCHEMA_OP_NONE : SCHEMA_OP_MERGE;
}

static bool says(const struct netconf_rpc *rpc, const char *leaf, const char *value)
{
	const struct schema_node *n = schema_get(rpc->node, leaf);
	return n && !schema_is_default(n) && strcmp(schema_value(n), value) == 0;
}

// One element of <config> as an edit of its own.
static bool apply_element(struct netconf_rpc *rpc, const struct netconf_xml *element,
			  struct schema_tree *tree)
{
	struct buf xml cleanup(buf_fini);
	struct schema_tree *edit = schema_tree_new(rpc->server->options.schema);
	buf_init(&xml);
	netconf_xml_add(element, &xml);
	struct schema_input input = {.data = xml.data, .len = xml.len, .format = SCHEMA_XML};
	bool ok = schema_parse_edit(edit, &input, &rpc->diags) &&
		  schema_edit_if(tree, edit, default_operation(rpc), netconf_guard_veto(rpc),
				 &rpc->diags);
	schema_tree_free(edit);
	return ok;
}

// continue-on-error: each top-level element by itself, whatever becomes of the others.
static void apply_each(struct netconf_rpc *rpc, struct schema_tree *tree)
{
	struct netconf_xml root, operation, config, c;
	const char *fault;
	bool there = netconf_xml_parse(&rpc->arena,
				       (struct netconf_xml_span){rpc->message, rpc->message_len},
				       &root, &fault) &&
		     netconf_xml_first(&root, &operation) &&
		     netconf_xml_child(&operation, NETCONF_NS_BASE, "config", &config);
	assert(there);
	size_t failed = 0;
	for (bool more = netconf_xml_first(&config, &c); more; more = netconf_xml_next(&config, &c))
		failed += !apply_element(rpc, &c, tree);
	assert(!failed == !rpc->diags.errors);
}

// False and diags: nothing was changed, or with continue-on-error only what could be.
static bool apply(struct netconf_rpc *rpc, struct schema_tree *tree)
{
	struct schema_tree *edit = NULL;
	const struct schema_node *config = schema_get(rpc->node, "config");
	if (says(rpc, "error-option", "continue-on-error")) {
		apply_each(rpc, tree);
		return !rpc->diags.errors;
	}
	bool ok = schema_any_tree(rpc->server->options.schema, config, &rpc->diags, &edit) &&
		  schema_edit_if(tree, edit, default_operation(rpc), netconf_guard_veto(rpc),
				 &rpc->diags);
	schema_tree_free(edit);
	return ok;
}

// Whether the result is to be valid before anything is changed. RFC 7950 section 8.3.3 leaves the candidate to commit and
// validate unless the client says more.
static bool tests(const struct netconf_rpc *rpc)
{
	return says(rpc, "test-option", "test-then-set") || says(rpc, "test-option", "test-only");
}

static void edit(struct netconf_rpc *rpc)
{
	struct netconf_tree **candidate = &rpc->server->datastore[NETCONF_CANDIDATE];
	struct netconf_tree *tree =
		tests(rpc) ? netconf_tree_copy(*candidate) : netconf_tree_writable(*candidate);
	bool valid = tree->valid;
	tree->valid = false;
	bool ok = apply(rpc, tree->tree);
	bool kept = ok || says(rpc, "error-option", "continue-on-error");
	if (ok && tests(rpc))
		kept = ok = netconf_validate(rpc, tree);
	if (kept && !says(rpc, "test-option", "test-only")) {
		netconf_tree_set(candidate, tree);
	} else {
		tree->valid = valid;
		netconf_tree_unref(tree);
	}
	if (ok)
		netconf_rpc_ok(rpc);
	else
		netconf_rpc_fail(rpc);
}

static void op_edit_config(struct netconf_rpc *rpc)
{
	if (netconf_unlocked(rpc, NETCONF_CANDIDATE))
		edit(rpc);
}

// --- whole configurations ---

static void persisted(struct netconf_rpc *rpc, const struct netconf_answer *answer)
{
	if (!answer->errors) {
		netconf_tree_set(&rpc->server->datastore[NETCONF_STARTUP],
				 netconf_tree_ref(rpc->target));
		netconf_tell_change(rpc->server, &rpc->asker, "startup", "");
	}
	netconf_answer_plain(rpc, answer);
}

static void copy_to_startup(struct netconf_rpc *rpc)
{
	const struct netconf_server_options *o = &rpc->server->options;
	if (netconf_validate(rpc, rpc->target))
		o->ops->persist(o->context, rpc->target->tree, netconf_ask(rpc, persisted));
	else
		netconf_rpc_fail(rpc);
}

// RFC 8341 section 3.2.6: then only the right to call it is needed.
static bool saves_running(const struct netconf_rpc *rpc)
{
	return netconf_datastore_in(rpc, "source") == NETCONF_RUNNING &&
	       netconf_datastore_in(rpc, "target") == NETCONF_STARTUP;
}

// With the defaults that are asked for (RFC 6243 section 4.5.3), and of a datastore what the user may read. What is tagged
// as a default is one in the copy as well.
static struct netconf_tree *as_asked(struct netconf_rpc *rpc, struct netconf_tree *tree)
{
	enum schema_with_defaults defaults = netconf_with_defaults(rpc);
	bool config = netconf_datastore_in(rpc, "source") == NETCONF_DATASTORES;
	struct access_look *look = config || saves_running(rpc) ? NULL : netconf_guard_look(rpc);
	bool as_it_is =
		defaults == SCHEMA_DEFAULTS_EXPLICIT || defaults == SCHEMA_DEFAULTS_ALL_TAGGED;
	if (as_it_is && !look)
		return tree;
	struct schema_view_options options = {.defaults = as_it_is ? SCHEMA_DEFAULTS_EXPLICIT
								   : defaults,
					      .visible = look ? access_may_read : NULL,
					      .context = look};
	struct schema_tree *copy = schema_tree_new(rpc->server->options.schema);
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	struct schema_view *view = schema_view_new(tree->tree, &options);
	schema_view_print(view, &xml);
	schema_view_free(view);
	struct schema_input input = {.data = xml.data, .len = xml.len, .format = SCHEMA_XML};
	bool ok = !xml.len || schema_parse(copy, &input, &rpc->diags);
	netconf_tree_unref(tree);
	if (ok)
		return netconf_tree_new(copy);
	schema_tree_free(copy);
	netconf_rpc_fail(rpc);
	return NULL;
}

static void op_copy_config(struct netconf_rpc *rpc)
{
	enum netconf_datastore from = netconf_datastore_in(rpc, "source");
	enum netconf_datastore to = netconf_datastore_in(rpc, "target");
	if (from == to) {
		netconf_rpc_error(rpc, DIAG_VALUE, NULL, "name two datastores",
				  "source and target are the same");
		return;
	}
	if (!netconf_unlocked(rpc, to))
		return;
	rpc->target = source_of(rpc);
	if (rpc->target)
		rpc->target = as_asked(rpc, rpc->target);
	if (!rpc->target)
		return;
	if (!saves_running(rpc) &&
	    !netconf_guard_change(rpc, rpc->server->datastore[to], rpc->target)) {
		netconf_rpc_fail(rpc);
		return;
	}
	if (to == NETCONF_STARTUP) {
		copy_to_startup(rpc);
		return;
	}
	netconf_tree_set(&rpc->server->datastore[to], netconf_tree_ref(rpc->target));
	netconf_rpc_ok(rpc);
}

static void op_delete_config(struct netconf_rpc *rpc)
{
	const struct netconf_server_options *o = &rpc->server->options;
	if (!netconf_unlocked(rpc, NETCONF_STARTUP))
		return;
	rpc->target = netconf_tree_new(schema_tree_new(o->schema));
	o->ops->persist(o->context, NULL, netconf_ask(rpc, persisted));
}

static void op_discard_changes(struct netconf_rpc *rpc)
{
	struct netconf_tree **datastore = rpc->server->datastore;
	if (!netconf_unlocked(rpc, NETCONF_CANDIDATE))
		return;
	netconf_tree_set(&datastore[NETCONF_CANDIDATE],
			 netconf_tree_ref(datastore[NETCONF_RUNNING]));
	netconf_rpc_ok(rpc);
}

static void op_validate(struct netconf_rpc *rpc)
{
	rpc->target = source_of(rpc);
	if (!rpc->target)
		return;
	if (netconf_validate(rpc, rpc->target))
		netconf_rpc_ok(rpc);
	else
		netconf_rpc_fail(rpc);
}

const struct netconf_operation netconf_config_operations[] = {
	{"ietf-netconf", "edit-config", op_edit_config, true},
	{"ietf-netconf", "copy-config", op_copy_config, true},
	{"ietf-netconf", "delete-config", op_delete_config, true},
	{"ietf-netconf", "discard-changes", op_discard_changes, true},
	{"ietf-netconf", "validate", op_validate, false},
	{0},
};
