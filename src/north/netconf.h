// SPDX-License-Identifier: Apache-2.0
// Inside the folder: the controller as a NETCONF server (RFC 6241), beside RESTCONF.
#pragma once

#include "north/internal.h"

struct domain;
struct io_opener;
struct netconf_asker;
struct netconf_commit;
struct netconf_get;
struct netconf_reply;
struct netconf_request;
struct netconf_side;
struct workers;

struct netconf_side_options {
	struct engine *engine;
	struct workspaces *workspaces;
	struct workers *workers;
};
// A loop in a thread of its own. NULL and diags on failure.
struct netconf_side *netconf_side_new(const struct netconf_side_options *options,
				      struct diags *diags) must_check;
// Serves on a listening descriptor (taken). Before the thread runs. Negative errno.
int netconf_side_listen(struct netconf_side *side, struct io_opener opener, int fd) must_check;
bool netconf_side_start(struct netconf_side *side) must_check;
// Ends the sessions of a user whose certificate was revoked. From any thread.
void netconf_side_dismiss(struct netconf_side *side, const char *user);
// Stops the thread; what the workers still do for it is let go. Then the workers are ended, then it is freed.
void netconf_side_stop(struct netconf_side *side);
void netconf_side_free(struct netconf_side *side); // NULL is fine

// --- one set of datastores: a tenant's policy, or with it all that operators write (netconf.c) ---

struct domain {
	struct netconf_side *side;
	struct domain *next;
	const char *tenant; // NULL: the operators'
	struct netconf_server *server;
	uint32_t id[STORE_KINDS]; // revisions that running shows
	// The access control that binds the sessions, which a tenant's running does not show; NULL: none was read yet.
	char *nacm;
	uint32_t nacm_id; // its revision
};
const struct netconf_side_options *domain_options(const struct domain *domain) must_check;
struct arena *domain_arena(const struct domain *domain) must_check; // for good
// Whose document of a kind it shows; NULL: it does not.
const char *domain_owner(const struct domain *domain, enum store_kind kind) must_check;
// Begins an exchange of somebody whom the transport has let in; `tenant` NULL: none.
void domain_exchange(const struct domain *domain, struct exchange *x, enum pki_role role,
		     const char *name, const char *tenant);
// Calls `fn` in the loop's thread, unless that has ended.
void domain_post(struct domain *domain, void (*fn)(void *context), void *context);

// --- what takes its time, done by the workers (netconf_work.c) ---
void work_commit(void *domain, const struct netconf_commit *commit, struct netconf_reply *reply);
void work_state(void *domain, const struct netconf_get *get, struct netconf_reply *reply);
// Handles every operation of the module but those for hosts without a session.
void work_operations(struct domain *domain);
