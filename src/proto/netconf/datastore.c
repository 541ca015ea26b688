// SPDX-License-Identifier: Apache-2.0
// Configurations that datastores share until one of them is edited.
//
// The idea: a commit, a discard or a copy between datastores is one reference more, whatever the size; the one copy is made
// when somebody edits what is shared. "The candidate is unmodified" is then the same as "it is running's tree".
// It applies and stores nothing; that is the application's. RFC 6241 sections 5.1 and 8.3.
#include "proto/netconf/datastore.h"
#include "schema/schema.h"

#include <assert.h>
#include <stdlib.h>

const char *netconf_datastore_name(enum netconf_datastore datastore)
{
	static const char *const name[] = {"running", "candidate", "startup"};
	return name[datastore];
}

struct netconf_tree *netconf_tree_new(struct schema_tree *tree)
{
	struct netconf_tree *t = base_oom(malloc(sizeof(*t)));
	*t = (struct netconf_tree){.refs = 1, .tree = tree};
	return t;
}

struct netconf_tree *netconf_tree_ref(struct netconf_tree *tree)
{
	tree->refs++;
	return tree;
}

void netconf_tree_unref(struct netconf_tree *tree)
{
	if (!tree || --tree->refs)
		return;
	schema_tree_free(tree->tree);
	free(tree);
}

void netconf_tree_set(struct netconf_tree **place, struct netconf_tree *tree)
{
	struct netconf_tree *old = *place;
	*place = tree;
	netconf_tree_unref(old);
}

struct netconf_tree *netconf_tree_copy(const struct netconf_tree *tree)
{
	struct netconf_tree *t = netconf_tree_new(schema_tree_copy(tree->tree));
	t->valid = tree->valid;
	return t;
}

struct netconf_tree *netconf_tree_writable(struct netconf_tree *tree)
{
	assert(tree->refs > 0);
	return tree->refs == 1 ? netconf_tree_ref(tree) : netconf_tree_copy(tree);
}

bool netconf_tree_validate(struct netconf_tree *tree, struct diags *diags)
{
	if (!tree->valid)
		tree->valid = schema_validate(tree->tree, diags);
	return tree->valid;
}
