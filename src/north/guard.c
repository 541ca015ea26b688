// SPDX-License-Identifier: Apache-2.0
// Access control (RFC 8341) of the northern side: a document of the operator's like sites and NSFs, stored in revisions.
//
// The idea: a schema serves one thread, and so does what decides about its nodes; each workspace makes its own of the
// document in force, the counters are one for all. Where a tenant's data ends is not decided here: nobody gets at
// documents of another (exchange_owner), whatever the rules say.
#include "north/internal.h"

#include <assert.h>
#include <string.h>

#define RULE(name, what, action) \
	"<rule><name>" name "</name>" what "<action>" action "</action></rule>"
#define MODULE(name) "<module-name>" name "</module-name>"
#define CALL(name) MODULE(NORTH_MODULE) "<rpc-name>" name "</rpc-name>"
#define MAY(operations) "<access-operations>" operations "</access-operations>"
#define LIST(name, groups, rules) "<rule-list><name>" name "</name>" groups rules "</rule-list>"
#define GROUP(name) "<group>" name "</group>"

// What a NETCONF session is made of; a tenant's has datastores of its own, and ends nobody else's.
#define SESSIONS                                                                         \
	RULE("kill", MODULE("ietf-netconf") "<rpc-name>kill-session</rpc-name>", "deny") \
	RULE("netconf", MODULE("ietf-netconf") MAY("exec"), "permit")                    \
	RULE("subscribing", MODULE("notifications") MAY("exec"), "permit")               \
	RULE("streams", MODULE("nc-notifications") MAY("read"), "permit")                \
	RULE("monitoring", MODULE("ietf-netconf-monitoring") MAY("read exec"), "permit") \
	RULE("changes", MODULE("ietf-netconf-notifications") MAY("read"), "permit")

// docs/why/access.md says why. Groups are the roles in certificates.
const char north_nacm[] =
	"<nacm xmlns=\"" ACCESS_NAMESPACE "\"><read-default>deny</read-default>"
	"<exec-default>deny</exec-default>" LIST("operators", GROUP("operator"),
						 RULE("everything", "", "permit"))
		LIST("tenants", GROUP("tenant-user"),
		     RULE("policy", MODULE(NORTH_CFI),
			  "permit") RULE("tokens", CALL("enrolment-token"),
					 "deny") RULE("revocation", CALL("revoke"), "deny")
			     RULE("operations", MODULE(NORTH_MODULE) MAY("read exec"), "permit")
				     RULE("library", MODULE("ietf-yang-library") MAY("read"),
					  "permit")
					     RULE("discovery",
						  MODULE("ietf-restconf-monitoring") MAY("read"),
						  "permit") SESSIONS)
			LIST("hosts", GROUP("nsf") GROUP("controller"),
			     RULE("renewal", CALL("renew"), "permit")) "</nacm>";

const char *exchange_owner(const struct exchange *x, enum store_kind kind)
{
	if (kind == STORE_POLICY)
		return x->caller.tenant;
	return x->caller.is_operator ? ENGINE_TENANT_OPERATOR : NULL;
}

// A document that says nothing means the same as none.
static struct access *access_otherwise(struct workspace *w, struct access_counts *counts,
				       struct diags *diags)
{
	struct schema_tree *tree = schema_tree_new(w->schema);
	struct schema_input input = {
		.data = north_nacm, .len = sizeof(north_nacm) - 1, .format = SCHEMA_XML};
	bool parsed = schema_parse(tree, &input, diags);
	assert(parsed);
	struct access *access = access_new(w->schema, tree, counts, diags);
	assert(access);
	schema_tree_free(tree);
	return access;
}

struct access_user *workspace_user(struct workspace *w, struct workspaces *all,
				   struct engine *engine, const struct access_who *who,
				   struct diags *diags)
{
	const struct document *d =
		workspace_document(w, engine, STORE_ACCESS, ENGINE_TENANT_OPERATOR, diags);
	if (!d)
		return NULL;
	if (!w->access)
		w->access = access_is_configured(d->tree)
				    ? access_new(w->schema, d->tree, &all->counts, diags)
				    : access_otherwise(w, &all->counts, diags);
	return w->access ? access_user(w->access, who) : NULL;
}

struct access_user *exchange_user(struct exchange *x, struct workspace *w)
{
	return workspace_user(w, x->workspaces, x->engine, &x->access, &x->diags);
}
