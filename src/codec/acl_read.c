// SPDX-License-Identifier: Apache-2.0
// Access control lists to the IR: lists are policies, entries are packet rules. Conditions are acl_match.c's, interfaces
// acl_apply.c's. The type of a list does not narrow its entries: RFC 8519 says that an entry without a condition matches
// every packet, and the type only says what kind of conditions there are.
#include "codec/acl_inner.h"
#include "schema/schema.h"

#include <string.h>

#define V4 1u
#define V6 2u

// --- entries ---

static enum ir_verdict verdict_of(const char *forwarding)
{
	return !strcmp(forwarding, "accept") ? IR_PASS
	       : !strcmp(forwarding, "drop") ? IR_DROP
					     : IR_REJECT;
}

static void read_actions(struct ir_rule *rule, const struct schema_node *ace)
{
	const struct schema_node *actions = schema_get(ace, "actions");
	const struct schema_node *logging = schema_get(actions, "logging");
	rule->verdict = verdict_of(schema_identity(schema_get(actions, "forwarding")));
	if (logging && !strcmp(schema_identity(logging), "log-syslog"))
		rule->log = IR_LOG_RULE;
}

static void warn_empty(struct nfi_reader *r, const struct schema_node *ace)
{
	if (!r->rule->clauses)
		nfi_fault(r,
			  &(struct nfi_fault){.severity = DIAG_WARNING,
					      .code = DIAG_EMPTY,
					      .node = ace,
					      .hint = "check its conditions against each other"},
			  "no packet can match entry '%s'", r->rule->name);
}

static void read_entry(struct nfi_reader *r, const struct schema_node *ace,
		       struct ir_policy *policy)
{
	struct ir_rule rule = {.policy = policy->name,
			       .name = arena_strdup(r->arena, schema_get_value(ace, "name")),
			       .file = arena_strdup(r->arena, schema_node_file(r->tree, ace)),
			       .line = schema_node_line(r->tree, ace)};
	size_t errors = r->diags->errors;
	r->rule = &rule;
	acl_read_matches(r, schema_get(ace, "matches"));
	read_actions(&rule, ace);
	if (r->diags->errors > errors)
		return;
	warn_empty(r, ace);
	vec_push(r->arena, &policy->rule, rule);
}

// --- lists ---

static bool matches_all(const struct ir_rule *rule)
{
	for (size_t i = 0; i < rule->clauses; i++)
		if (!rule->clause[i].len)
			return !rule->opaques;
	return false;
}

static void note_end(struct nfi_reader *r, const struct acl_list *list)
{
	const struct ir_policy *policy = &list->policy;
	if (policy->default_action != IR_NONE ||
	    (policy->rule.len && matches_all(&policy->rule.at[policy->rule.len - 1])))
		return;
	r->rule = &(struct ir_rule){.policy = policy->name};
	nfi_fault(r,
		  &(struct nfi_fault){.severity = DIAG_NOTE,
				      .code = DIAG_MISSING,
				      .node = list->node,
				      .hint = "end it with an entry without conditions, or choose "
					      "a default action"},
		  "what happens to packets that no entry of list '%s' matches is for the device: "
		  "most drop them",
		  policy->name);
}

// The first entry that also matches packets of another version than that of the list's type.
static const struct ir_rule *beyond(const struct ir_policy *policy, unsigned versions)
{
	for (size_t i = 0; i < policy->rule.len; i++) {
		const struct ir_rule *rule = &policy->rule.at[i];
		for (size_t k = 0; k < rule->clauses; k++)
			if (ir_clause_versions(&rule->clause[k]) & ~versions)
				return rule;
	}
	return NULL;
}

static void note_type(struct nfi_reader *r, const struct acl_list *list)
{
	const struct schema_node *leaf = schema_get(list->node, "type");
	const char *type = leaf ? schema_identity(leaf) : "";
	unsigned versions = !strcmp(type, "ipv4-acl-type")   ? V4
			    : !strcmp(type, "ipv6-acl-type") ? V6
							     : V4 | V6;
	const struct ir_rule *rule = beyond(&list->policy, versions);
	if (!rule)
		return;
	r->rule = &(struct ir_rule){.policy = list->policy.name, .name = rule->name};
	nfi_fault(r,
		  &(struct nfi_fault){
			  .severity = DIAG_NOTE,
			  .code = DIAG_EMPTY,
			  .node = leaf,
			  .hint = "where the device means one version only, say so in the entry: "
				  "source-ipv4-network 0.0.0.0/0 or source-ipv6-network ::/0"},
		  "entry '%s' of list '%s' says no version of IP: it is read as of every packet, "
		  "as RFC 8519 has it, "
		  "though the list is of type %s",
		  rule->name, list->policy.name, type);
}

// The entry that codec_acl_write makes of a default action.
static void take_default(struct ir_policy *policy)
{
	const struct ir_rule *last =
		policy->rule.len ? &policy->rule.at[policy->rule.len - 1] : NULL;
	if (!last || strcmp(last->name, CODEC_ACL_DEFAULT) != 0 || !matches_all(last) ||
	    last->log != IR_LOG_NONE)
		return;
	policy->default_action = last->verdict;
	policy->rule.len--;
}

static void read_list(struct nfi_reader *r, const struct schema_node *acl, struct acl_lists *lists)
{
	const struct schema_node *aces = schema_get(acl, "aces");
	struct acl_list list = {.node = acl};
	list.policy.name = arena_strdup(r->arena, schema_get_value(acl, "name"));
	if (aces)
		schema_for_each_child (ace, aces)
			read_entry(r, ace, &list.policy);
	vec_push(r->arena, &lists->list, list);
}

// Names of ours are taken apart, and what stands for the default action is it, where the list judges all packets.
static void finish_list(struct nfi_reader *r, struct acl_list *list, bool applied)
{
	bool ours = !strcmp(list->policy.name, CODEC_ACL_LIST);
	if (ours && !applied)
		take_default(&list->policy);
	note_end(r, list);
	note_type(r, list);
	if (ours)
		nfi_policy_join(&list->policy, r->arena);
}

static void read_lists(struct nfi_reader *r, const struct schema_node *acls,
		       struct ir_document *out)
{
	struct acl_lists lists = {0};
	bool applied = acl_applied(acls);
	schema_for_each_child (acl, acls)
		if (!strcmp(schema_name(acl), "acl"))
			read_list(r, acl, &lists);
	for (size_t i = 0; i < lists.list.len; i++)
		finish_list(r, &lists.list.at[i], applied);
	if (applied)
		acl_apply(r, acls, &lists, out);
	for (size_t i = 0; i < lists.list.len && !applied; i++)
		vec_push(r->arena, &out->policy, lists.list.at[i].policy);
}

bool codec_acl_read(const struct schema_tree *tree, struct arena *arena, struct diags *diags,
		    struct ir_document *out)
{
	struct nfi_reader r = {.tree = tree, .arena = arena, .diags = diags};
	size_t errors = diags->errors;
	*out = (struct ir_document){0};
	for (const struct schema_node *node = schema_first(tree); node; node = schema_next(node))
		if (schema_is(node, CODEC_ACL_MODULE, "acls"))
			read_lists(&r, node, out);
	return diags->errors == errors;
}
