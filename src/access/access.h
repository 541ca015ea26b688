// SPDX-License-Identifier: Apache-2.0
// Access control (RFC 8341): from the configuration in ietf-netconf-acm to decisions about operations, nodes and
// notifications. Pure; one struct access serves one schema, and is used by one thread at a time as that is.
#pragma once

#include "base/base.h"

#include <stdatomic.h>

struct access;
struct access_user;
struct arena;
struct buf;
struct diags;
struct schema;
struct schema_node;
struct schema_tree;

#define ACCESS_MODULE "ietf-netconf-acm"
#define ACCESS_NAMESPACE "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"

// What was refused since the program began; several struct access may count into one, from any thread.
struct access_counts {
	_Atomic uint32_t operations, writes, notifications;
};

// Rules that are taken in all lists together; what a rule costs a user is paid once, and once an entry that it names.
#define ACCESS_RULES_MOST 10000u

// Whether the tree says anything about access control.
bool access_is_configured(const struct schema_tree *config) must_check;
// `config` holds the configuration, borrowed during the call; what it does not say is as the module's defaults say.
// `counts` is borrowed for good. NULL and diags: a rule's path cannot be understood, or names no data of the modules, or
// there are too many rules.
struct access *access_new(struct schema *schema, const struct schema_tree *config,
			  struct access_counts *counts, struct diags *diags) must_check;
// NULL is fine. Users that were got from it go on as they are.
void access_free(struct access *access);

// Who asks, as the transport has found out.
struct access_who {
	const char *name;
	const char *const *group; // that the transport tells of (RFC 8341 section 3.4.4 step 4)
	size_t groups;
	bool recovery; // a recovery session (section 3.3.3): everything is allowed
};
// Copies strings and groups.
struct access_who access_who_copy(const struct access_who *who, struct arena *arena) must_check;

// Somebody's rights, to be given back by access_user_unref. Sessions with the same rights share one.
struct access_user *access_user(struct access *access, const struct access_who *who) must_check;
void access_user_unref(struct access_user *user); // NULL is fine

// Section 3.4.4. False, a diag and a count: denied.
bool access_may_call(struct access_user *user, const char *module, const char *operation,
		     struct diags *diags) must_check;
// Section 3.4.6. False and a count: the notification must not be sent.
bool access_may_notify(struct access_user *user, const char *module,
		       const char *notification) must_check;

// --- reading (section 3.4.5) ---
// One look at trees that do not change meanwhile. Zero but for the user.
struct access_look {
	struct access_user *user;
	struct access_memo {
		const struct schema_node *node;
		const struct access_state *state;
	} memo[8];
};
// Whether the node may be read by who may read all above it. `look` is a struct access_look: what a view asks.
bool access_may_read(void *look, const struct schema_node *node) must_check;
// Whether there is nothing that this user may not read, or not write.
bool access_reads_all(struct access_user *user) must_check;
bool access_writes_all(struct access_user *user) must_check;

// --- writing (sections 3.2.5 to 3.2.8 and 3.4.5) ---
// Whether the changes from number `first` on (see schema_change) are allowed. False, a diag with the path and a count:
// denied. It fits into struct schema_veto, with the user as context.
bool access_may_edit(void *user, const struct schema_tree *tree, size_t first,
		     struct diags *diags) must_check;
// Whether the user may make `after` of `before`.
bool access_may_change(struct access_user *user, const struct schema_tree *before,
		       const struct schema_tree *after, struct diags *diags) must_check;

// The state of the module (the three counters) as XML of the container nacm.
void access_print_counts(const struct access_counts *counts, struct buf *out);
