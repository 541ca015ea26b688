// SPDX-License-Identifier: Apache-2.0
// Running, candidate and startup.
#pragma once

#include "base/base.h"

struct diags;
struct schema;
struct schema_tree;

enum netconf_datastore { NETCONF_RUNNING, NETCONF_CANDIDATE, NETCONF_STARTUP, NETCONF_DATASTORES };
const char *netconf_datastore_name(enum netconf_datastore datastore) must_check;

// Running and candidate are one tree at two positions of its log; what running was before a confirmed commit is a third.
struct netconf_datastores {
	struct schema *schema; // borrowed
	struct schema_tree *tree;
	size_t running, candidate;
	size_t rollback; // while `pending`
	bool pending;    // a confirmed commit waits for its confirmation
	size_t kept;     // the first position that was not forgotten
	struct schema_tree *startup;
	struct schema_tree *startup_before; // may still be read
};

// Takes the trees, which are valid; NULL: empty. `rollback` NULL: nothing is pending.
struct netconf_datastores_options {
	struct schema *schema;
	struct schema_tree *running, *startup, *rollback;
};
void netconf_datastores_init(struct netconf_datastores *datastores,
			     const struct netconf_datastores_options *options);
void netconf_datastores_fini(struct netconf_datastores *datastores);

// As it is now; until the next call of any function here.
const struct schema_tree *netconf_datastore(struct netconf_datastores *datastores,
					    enum netconf_datastore which) must_check;
// Running and candidate are at this position, until somebody needs them at another one.
void netconf_datastores_go(struct netconf_datastores *datastores, size_t position);
// Whether a datastore leads to this position, or over it. Others may be gone with the next edit, or are forgotten.
bool netconf_datastores_have(const struct netconf_datastores *datastores,
			     size_t position) must_check;
// Frees what no datastore leads to any more, if there is anything; nobody may be reading it.
bool netconf_datastores_untidy(const struct netconf_datastores *datastores) must_check;
void netconf_datastores_forget(struct netconf_datastores *datastores);
void netconf_startup_set(struct netconf_datastores *datastores, struct schema_tree *tree); // takes

// --- the candidate ---
bool netconf_candidate_changed(const struct netconf_datastores *datastores) must_check;
// The candidate, to be edited; then kept, or put back to how it was (all edits since, validation included).
struct schema_tree *netconf_candidate_edit(struct netconf_datastores *datastores) must_check;
void netconf_candidate_keep(struct netconf_datastores *datastores);
void netconf_candidate_restore(struct netconf_datastores *datastores);
// Drops what was not committed.
void netconf_candidate_discard(struct netconf_datastores *datastores);
// Edits the candidate so that it holds what this tree says, which need not be valid; then to be kept or put back.
bool netconf_candidate_replace(struct netconf_datastores *datastores,
			       const struct schema_tree *tree, struct diags *diags) must_check;
// Whether the modules' demands hold; only what has changed since they did is checked.
bool netconf_candidate_validate(struct netconf_datastores *datastores,
				struct diags *diags) must_check;

// --- running ---
// Running becomes what the candidate is. `confirmed`: it may still be taken back, to what it was before the first of
// several such commits.
void netconf_running_commit(struct netconf_datastores *datastores, bool confirmed);
void netconf_running_confirm(struct netconf_datastores *datastores);
// Somebody else has made running what this valid tree says. A candidate with changes of its own keeps what it holds, as
// far as it can still be edited into that.
void netconf_running_update(struct netconf_datastores *datastores, const struct schema_tree *tree);
// Takes a pending commit back. A candidate with changes of its own keeps what it holds.
void netconf_running_revert(struct netconf_datastores *datastores);
