// SPDX-License-Identifier: Apache-2.0
// Editing configurations: edit-config, copy-config, delete-config, discard-changes, validate.
//
// The idea: an edit changes the candidate in place, and what fails is taken back (datastore.c). Running is never a target:
// it changes by commit alone, which the application applies as a whole.
// It edits nothing itself; schema does. RFC 6241 sections 7.2-7.4, 8.3, 8.6 and 8.7; RFC 7950
// section 8.3.3 (the candidate is validated when it is committed, unless the client asks for more).
#include "base/turn.h"
#include "proto/netconf/expression.h"
#include "proto/netconf/guard.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/notify.h"
#include "proto/netconf/xml.h"
#include "schema/view.h"

#include <string.h>

// --- what a request names ---

enum netconf_datastore netconf_datastore_in(const struct netconf_rpc *rpc, const char *container)
{
	const struct schema_node *in = container ? schema_get(rpc->node, container) : rpc->node;
	const struct schema_node *named = in ? schema_get(in, "datastore") : NULL;
	for (enum netconf_datastore d = 0; in && d < NETCONF_DATASTORES; d++)
		if (named ? netconf_names(named, netconf_datastore_name(d))
			  : schema_get(in, netconf_datastore_name(d)) != NULL)
			return d;
	return NETCONF_DATASTORES;
}

bool netconf_names(const struct schema_node *leaf, const char *datastore)
{
	static const char module[] = "ietf-datastores:";
	const char *value = schema_value(leaf);
	return strncmp(value, module, sizeof(module) - 1) == 0 &&
	       strcmp(value + sizeof(module) - 1, datastore) == 0;
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
	if (schema_parse_edit(edit, &input, &rpc->diags))
		return schema_edit_take(tree, edit, default_operation(rpc), netconf_guard_veto(rpc),
					&rpc->diags);
	schema_tree_free(edit);
	return false;
}

// continue-on-error: each top-level element by itself, whatever becomes of the others.
static void apply_each(struct netconf_rpc *rpc, struct schema_tree *tree)
{
	struct netconf_xml operation, config, c;
	if (!netconf_expression_operation(rpc, &operation) ||
	    !netconf_xml_child(&operation, NETCONF_NS_BASE, "config", &config))
		return;
	for (bool more = netconf_xml_first(&config, &c); more; more = netconf_xml_next(&config, &c))
		if (!apply_element(rpc, &c, tree))
			continue; // its errors are noted
}

// False and diags: nothing was changed, or with continue-on-error only what could be.
static bool apply(struct netconf_rpc *rpc, struct schema_tree *tree)
{
	struct schema_tree *edit = rpc->edit;
	if (!edit) {
		apply_each(rpc, tree);
		return !rpc->diags.errors;
	}
	rpc->edit = NULL;
	return schema_edit_take(tree, edit, default_operation(rpc), netconf_guard_veto(rpc),
				&rpc->diags);
}

// The edit as a whole, unless each of its elements stands for itself.
static bool prepare_edit(struct netconf_rpc *rpc)
{
	if (says(rpc, "error-option", "continue-on-error"))
		return true;
	netconf_rpc_drop_message(rpc);
	return schema_any_tree(rpc->server->options.schema, schema_get(rpc->node, "config"),
			       &rpc->diags, &rpc->edit);
}

// Whether the result is to be valid before anything is changed. RFC 7950 section 8.3.3 leaves the candidate to commit and
// validate unless the client says more.
static bool tests(const struct netconf_rpc *rpc)
{
	return says(rpc, "test-option", "test-then-set") || says(rpc, "test-option", "test-only");
}

// What the modules cannot say of a tree that is valid for them.
static bool validate_further(struct netconf_rpc *rpc, const struct schema_tree *tree)
{
	const struct netconf_server_options *o = &rpc->server->options;
	if (!netconf_guard_validate(rpc->server, tree, &rpc->diags))
		return false;
	turn_keep(); // the application is not prepared to be interrupted
	return !o->ops->validate || rpc->server->ending ||
	       o->ops->validate(o->context, tree, &rpc->diags);
}

static bool validate_tree(struct netconf_rpc *rpc, struct schema_tree *tree)
{
	return schema_validate(tree, &rpc->diags) && validate_further(rpc, tree);
}

static bool validate_candidate(struct netconf_rpc *rpc)
{
	struct netconf_datastores *d = &rpc->server->datastores;
	return netconf_candidate_validate(d, &rpc->diags) &&
	       validate_further(rpc, netconf_datastore(d, NETCONF_CANDIDATE));
}

static void edit(struct netconf_rpc *rpc)
{
	struct netconf_datastores *d = &rpc->server->datastores;
	struct schema_tree *tree = netconf_candidate_edit(d);
	bool ok = apply(rpc, tree);
	bool kept = ok || says(rpc, "error-option", "continue-on-error");
	if (ok && tests(rpc))
		kept = ok = validate_tree(rpc, tree);
	if (kept && !says(rpc, "test-option", "test-only"))
		netconf_candidate_keep(d);
	else
		netconf_candidate_restore(d);
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

// RFC 8526 section 3.1.2.
static void op_edit_data(struct netconf_rpc *rpc)
{
	if (netconf_datastore_in(rpc, NULL) == NETCONF_CANDIDATE) {
		op_edit_config(rpc);
		return;
	}
	diag_error(&rpc->diags, DIAG_VALUE, "/ietf-netconf-nmda:edit-data/datastore",
		   "edit the candidate, and commit it", "this datastore cannot be written");
	netconf_rpc_fail(rpc);
}

// --- whole configurations ---

// The configuration that <config> holds, as a tree of its own. NULL and diags.
static struct schema_tree *tree_of_config(struct netconf_rpc *rpc)
{
	struct schema *schema = rpc->server->options.schema;
	const struct schema_node *config = schema_get(schema_get(rpc->node, "source"), "config");
	struct schema_tree *edit = NULL, *tree = schema_tree_new(schema);
	bool ok = schema_any_tree(schema, config, &rpc->diags, &edit) &&
		  schema_edit_take(tree, edit, SCHEMA_OP_MERGE, NULL, &rpc->diags);
	if (ok)
		return tree;
	schema_tree_free(tree);
	return NULL;
}

// What of a datastore the user copies, with the defaults that are asked for (RFC 6243 section 4.5.3): what is tagged as a
// default is one in the copy as well. NULL and diags.
static struct schema_tree *tree_as_shown(struct netconf_rpc *rpc, enum netconf_datastore from,
					 struct access_look *look)
{
	enum schema_with_defaults defaults = netconf_with_defaults(rpc);
	struct schema_view_options options = {.visible = look ? access_may_read : NULL,
					      .context = look};
	struct schema_tree *copy = schema_tree_new(rpc->server->options.schema);
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	if (defaults != SCHEMA_DEFAULTS_ALL_TAGGED)
		options.defaults = defaults;
	struct schema_view *view =
		schema_view_new(netconf_datastore(&rpc->server->datastores, from), &options);
	schema_view_print(view, &xml);
	schema_view_free(view);
	struct schema_input input = {.data = xml.data, .len = xml.len, .format = SCHEMA_XML};
	if (!xml.len || schema_parse(copy, &input, &rpc->diags))
		return copy;
	schema_tree_free(copy);
	return NULL;
}

static struct schema_tree *read_source(struct netconf_rpc *rpc, struct access_look *look)
{
	enum netconf_datastore from = netconf_datastore_in(rpc, "source");
	return from == NETCONF_DATASTORES ? tree_of_config(rpc) : tree_as_shown(rpc, from, look);
}

static void persisted(struct netconf_rpc *rpc, const struct netconf_answer *answer)
{
	if (!answer->errors) {
		netconf_startup_set(&rpc->server->datastores, rpc->target);
		rpc->target = NULL;
		netconf_tell_change(rpc->server, &rpc->asker, "startup", "");
	}
	netconf_answer_plain(rpc, answer);
}

// RFC 8341 section 3.2.6: to save running as startup only the right to call it is needed.
static void copy_to_startup(struct netconf_rpc *rpc)
{
	const struct netconf_server_options *o = &rpc->server->options;
	bool saves = netconf_datastore_in(rpc, "source") == NETCONF_RUNNING;
	rpc->target = read_source(rpc, saves ? NULL : netconf_guard_look(rpc));
	const struct schema_tree *before =
		netconf_datastore(&rpc->server->datastores, NETCONF_STARTUP);
	if (!rpc->target || !(saves || netconf_guard_difference(rpc, before, rpc->target)) ||
	    !validate_tree(rpc, rpc->target))
		netconf_rpc_fail(rpc);
	else if (!rpc->server->ending)
		o->ops->persist(o->context, rpc->target, netconf_ask(rpc, persisted));
}

// Then it is what discard-changes does.
static bool copies_running_whole(struct netconf_rpc *rpc)
{
	enum schema_with_defaults defaults = netconf_with_defaults(rpc);
	return netconf_datastore_in(rpc, "source") == NETCONF_RUNNING && !netconf_guard_look(rpc) &&
	       (!rpc->user || access_writes_all(rpc->user)) &&
	       (defaults == SCHEMA_DEFAULTS_EXPLICIT || defaults == SCHEMA_DEFAULTS_ALL_TAGGED);
}

static void copy_to_candidate(struct netconf_rpc *rpc)
{
	struct netconf_datastores *d = &rpc->server->datastores;
	size_t before = d->candidate;
	if (copies_running_whole(rpc)) {
		netconf_candidate_discard(d);
		netconf_rpc_ok(rpc);
		return;
	}
	struct schema_tree *source = read_source(rpc, netconf_guard_look(rpc));
	bool ok = source && netconf_candidate_replace(d, source, &rpc->diags) &&
		  netconf_guard_changes(rpc, d->tree, before);
	schema_tree_free(source);
	if (ok) {
		netconf_candidate_keep(d);
		netconf_rpc_ok(rpc);
	} else {
		netconf_candidate_restore(d);
		netconf_rpc_fail(rpc);
	}
}

static void op_copy_config(struct netconf_rpc *rpc)
{
	enum netconf_datastore from = netconf_datastore_in(rpc, "source");
	enum netconf_datastore to = netconf_datastore_in(rpc, "target");
	if (from == to)
		netconf_rpc_error(rpc, DIAG_VALUE, NULL, "name two datastores",
				  "source and target are the same");
	else if (!netconf_unlocked(rpc, to))
		return;
	else if (to == NETCONF_STARTUP)
		copy_to_startup(rpc);
	else
		copy_to_candidate(rpc);
}

static void op_delete_config(struct netconf_rpc *rpc)
{
	const struct netconf_server_options *o = &rpc->server->options;
	if (!netconf_unlocked(rpc, NETCONF_STARTUP))
		return;
	rpc->target = schema_tree_new(o->schema);
	o->ops->persist(o->context, NULL, netconf_ask(rpc, persisted));
}

static void op_discard_changes(struct netconf_rpc *rpc)
{
	if (!netconf_unlocked(rpc, NETCONF_CANDIDATE))
		return;
	netconf_candidate_discard(&rpc->server->datastores);
	netconf_rpc_ok(rpc);
}

// Running and startup were found valid when they became what they are.
static bool validate_source(struct netconf_rpc *rpc)
{
	enum netconf_datastore source = netconf_datastore_in(rpc, "source");
	const struct schema_node *config = schema_get(schema_get(rpc->node, "source"), "config");
	if (source == NETCONF_DATASTORES && !config) {
		netconf_no_such_datastore(rpc);
		return false;
	}
	if (source == NETCONF_CANDIDATE)
		return validate_candidate(rpc);
	if (source != NETCONF_DATASTORES)
		return true;
	struct schema_tree *tree = tree_of_config(rpc);
	bool ok = tree && validate_tree(rpc, tree);
	schema_tree_free(tree);
	return ok;
}

static void op_validate(struct netconf_rpc *rpc)
{
	if (validate_source(rpc))
		netconf_rpc_ok(rpc);
	else
		netconf_rpc_fail(rpc);
}

const struct netconf_operation netconf_config_operations[] = {
	{"ietf-netconf", "edit-config", op_edit_config, .writes = true, .prepare = prepare_edit},
	{"ietf-netconf-nmda", "edit-data", op_edit_data, .writes = true, .prepare = prepare_edit},
	{"ietf-netconf", "copy-config", op_copy_config, .writes = true},
	{"ietf-netconf", "delete-config", op_delete_config, .writes = true},
	{"ietf-netconf", "discard-changes", op_discard_changes, .writes = true},
	{"ietf-netconf", "validate", op_validate,
	 .writes = true}, // defaults come into the candidate
	{0},
};
