// SPDX-License-Identifier: Apache-2.0
// Configurations that datastores share until one of them is edited.
#pragma once

#include "base/base.h"

struct diags;
struct schema;
struct schema_tree;

enum netconf_datastore { NETCONF_RUNNING, NETCONF_CANDIDATE, NETCONF_STARTUP, NETCONF_DATASTORES };
const char *netconf_datastore_name(enum netconf_datastore datastore) must_check;

// Counted; while two hold it, nobody changes it.
struct netconf_tree {
	unsigned refs;
	bool valid; // what the modules demand was found to hold
	struct schema_tree *tree;
};

// Takes `tree`.
struct netconf_tree *netconf_tree_new(struct schema_tree *tree) must_check;
struct netconf_tree *netconf_tree_ref(struct netconf_tree *tree) must_check;
void netconf_tree_unref(struct netconf_tree *tree); // NULL is fine
// Puts `tree` (taken) in the place of what was there.
void netconf_tree_set(struct netconf_tree **place, struct netconf_tree *tree);
// A tree to change instead of `tree`: itself if nobody shares it, else a copy; a reference either way.
struct netconf_tree *netconf_tree_writable(struct netconf_tree *tree) must_check;
struct netconf_tree *netconf_tree_copy(const struct netconf_tree *tree) must_check;
// Whether the modules' demands hold; checked once.
bool netconf_tree_validate(struct netconf_tree *tree, struct diags *diags) must_check;
