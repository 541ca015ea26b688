// SPDX-License-Identifier: Apache-2.0
// Running, candidate and startup.
//
// The idea: edits are applied in place, and the tree's log leads from what can be gone back to, over running, to the
// candidate. A commit moves a position, a discard goes back to one, and showing another datastore goes there and back at
// the cost of what differs. So nothing is ever copied, and what differs is at hand for validation, access control and
// whoever applies it.
// It applies and stores nothing; that is the application's. RFC 6241 sections 5.1, 8.3 and 8.4.
#include "proto/netconf/datastore.h"
#include "base/buf.h"
#include "base/diag.h"
#include "schema/schema.h"

#include <assert.h>

const char *netconf_datastore_name(enum netconf_datastore datastore)
{
	static const char *const name[] = {"running", "candidate", "startup"};
	return name[datastore];
}

void netconf_datastores_go(struct netconf_datastores *d, size_t position)
{
	if (schema_changes(d->tree) != position)
		schema_go(d->tree, position);
}

// --- what is kept ---

static size_t first_needed(const struct netconf_datastores *d)
{
	return d->pending ? d->rollback : d->running;
}

bool netconf_datastores_have(const struct netconf_datastores *d, size_t position)
{
	return position >= first_needed(d) && position <= d->candidate;
}

bool netconf_datastores_untidy(const struct netconf_datastores *d)
{
	return d->kept < first_needed(d) || d->startup_before;
}

void netconf_datastores_forget(struct netconf_datastores *d)
{
	if (d->kept < first_needed(d)) {
		netconf_datastores_go(d, d->candidate);
		d->kept = first_needed(d);
		schema_keep(d->tree, d->kept);
	}
	schema_tree_free(d->startup_before);
	d->startup_before = NULL;
}

// --- beginning and end ---

static struct schema_tree *or_empty(struct schema *schema, struct schema_tree *tree)
{
	return tree ? tree : schema_tree_new(schema);
}

void netconf_datastores_init(struct netconf_datastores *d,
			     const struct netconf_datastores_options *o)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	*d = (struct netconf_datastores){.schema = o->schema, .pending = o->rollback};
	d->startup = or_empty(o->schema, o->startup);
	d->tree = or_empty(o->schema, o->rollback ? o->rollback : o->running);
	bool valid = schema_validate(d->tree, &diags);
	assert(valid);
	d->running = d->candidate = d->rollback = d->kept = schema_changes(d->tree);
	schema_keep(d->tree, d->running);
	if (o->rollback) {
		struct schema_tree *running = or_empty(o->schema, o->running);
		valid = netconf_candidate_replace(d, running, &diags) &&
			schema_validate(d->tree, &diags);
		assert(valid);
		netconf_candidate_keep(d);
		d->running = d->candidate;
		schema_tree_free(running);
	}
	arena_fini(&arena);
}

void netconf_datastores_fini(struct netconf_datastores *d)
{
	schema_tree_free(d->tree);
	schema_tree_free(d->startup);
	schema_tree_free(d->startup_before);
}

const struct schema_tree *netconf_datastore(struct netconf_datastores *d,
					    enum netconf_datastore which)
{
	if (which == NETCONF_STARTUP)
		return d->startup;
	netconf_datastores_go(d, which == NETCONF_RUNNING ? d->running : d->candidate);
	return d->tree;
}

void netconf_startup_set(struct netconf_datastores *d, struct schema_tree *tree)
{
	assert(!d->startup_before);
	d->startup_before = d->startup;
	d->startup = tree;
}

// --- the candidate ---

bool netconf_candidate_changed(const struct netconf_datastores *d)
{
	return d->candidate != d->running;
}

struct schema_tree *netconf_candidate_edit(struct netconf_datastores *d)
{
	netconf_datastores_go(d, d->candidate);
	return d->tree;
}

void netconf_candidate_keep(struct netconf_datastores *d)
{
	d->candidate = schema_changes(d->tree);
}

void netconf_candidate_restore(struct netconf_datastores *d)
{
	schema_go(d->tree, d->candidate);
}

void netconf_candidate_discard(struct netconf_datastores *d)
{
	d->candidate = d->running;
}

// Through text, which has no defaults in it that nobody gave.
bool netconf_candidate_replace(struct netconf_datastores *d, const struct schema_tree *tree,
			       struct diags *diags)
{
	struct buf text cleanup(buf_fini);
	struct schema_tree *edit = schema_tree_new(d->schema);
	buf_init(&text);
	schema_print(tree, SCHEMA_XML, 0, &text);
	struct schema_input input = {.data = text.data, .len = text.len, .format = SCHEMA_XML};
	if (!text.len || schema_parse_edit(edit, &input, diags))
		return schema_edit_take(netconf_candidate_edit(d), edit, SCHEMA_OP_REPLACE, NULL,
					diags);
	schema_tree_free(edit);
	return false;
}

bool netconf_candidate_validate(struct netconf_datastores *d, struct diags *diags)
{
	if (!netconf_candidate_changed(d))
		return true;
	if (!schema_validate(netconf_candidate_edit(d), diags)) {
		netconf_candidate_restore(d);
		return false;
	}
	netconf_candidate_keep(d);
	return true;
}

// --- running ---

void netconf_running_commit(struct netconf_datastores *d, bool confirmed)
{
	if (confirmed && !d->pending)
		d->rollback = d->running;
	d->pending = confirmed;
	d->running = d->candidate;
}

void netconf_running_confirm(struct netconf_datastores *d)
{
	d->pending = false;
}

static void replace_running(struct netconf_datastores *d, const struct schema_tree *tree,
			    struct diags *diags)
{
	netconf_candidate_discard(d);
	bool valid = netconf_candidate_replace(d, tree, diags) && schema_validate(d->tree, diags);
	assert(valid);
	netconf_candidate_keep(d);
	d->running = d->candidate;
	d->pending = false;
	netconf_datastores_forget(d);
}

void netconf_running_update(struct netconf_datastores *d, const struct schema_tree *tree)
{
	bool changed = netconf_candidate_changed(d);
	struct schema_tree *candidate =
		changed ? schema_tree_copy(netconf_datastore(d, NETCONF_CANDIDATE)) : NULL;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	replace_running(d, tree, &diags);
	if (changed && netconf_candidate_replace(d, candidate, &diags))
		netconf_candidate_keep(d);
	schema_tree_free(candidate);
	arena_fini(&arena);
}

void netconf_running_revert(struct netconf_datastores *d)
{
	bool follows = !netconf_candidate_changed(d);
	d->pending = false;
	d->running = d->rollback;
	if (follows)
		netconf_candidate_discard(d);
}
