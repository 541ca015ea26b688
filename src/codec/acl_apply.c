// SPDX-License-Identifier: Apache-2.0
// Where access control lists are applied. The idea: interfaces with the same lists in the same direction are a group, and
// a list is read once a group, limited to its interfaces. A packet that a list at its way in accepts is then judged by
// the lists at its way out; one ruleset says that by rules for both conditions together, which is exact only when no
// list leaves packets to the device in between, so this is asked for. docs/why/acl.md.
#include "codec/acl_inner.h"
#include "base/map.h"
#include "base/buf.h"
#include "schema/schema.h"

#include <string.h>

struct group {
	enum ir_dim dim;
	bool foreign; // interfaces whose names no set holds
	VEC(const char *) interface;
	VEC(struct acl_list *) list;
	struct algebra_set set; // of the interfaces, where not foreign
};

struct apply {
	struct nfi_reader *r;
	const struct schema_node *points;
	struct ir_document *out;
	struct map lists, groups; // by name; by what makes a group
	VEC(struct group *) group;
	size_t made; // rules and their clauses
};

// --- groups ---

static const struct schema_node *sets_of(const struct schema_node *interface, enum ir_dim dim)
{
	const struct schema_node *node = schema_get(interface, dim == IR_IN ? "ingress" : "egress");
	return node ? schema_get(node, "acl-sets") : NULL;
}

bool acl_applied(const struct schema_node *acls)
{
	const struct schema_node *points = schema_get(acls, "attachment-points");
	if (points)
		schema_for_each_child (interface, points)
			for (unsigned dim = IR_IN; dim <= IR_OUT; dim++) {
				const struct schema_node *sets =
					sets_of(interface, (enum ir_dim)dim);
				if (sets && schema_child(sets))
					return true;
			}
	return false;
}

static struct group *group_of(struct apply *a, const char *key, enum ir_dim dim, bool foreign)
{
	struct arena *arena = a->r->arena;
	struct group *group = map_get(&a->groups, key);
	if (group)
		return group;
	group = arena_new(arena, struct group);
	*group = (struct group){.dim = dim, .foreign = foreign};
	(void)!map_put(&a->groups, key, group);
	vec_push(arena, &a->group, group);
	return group;
}

static void add_interface(struct apply *a, const struct schema_node *interface, enum ir_dim dim)
{
	const struct schema_node *sets = sets_of(interface, dim);
	const char *name = schema_get_value(interface, "interface-id");
	struct arena *arena = a->r->arena;
	u128 value;
	bool foreign = !acl_interface_value(name, &value);
	struct buf key cleanup(buf_fini);
	buf_init(&key);
	if (!sets || !schema_child(sets))
		return;
	buf_printf(&key, "%s %d", acl_interface_leaf(dim), foreign);
	schema_for_each_child (set, sets)
		buf_printf(&key, "\n%s", schema_get_value(set, "name"));
	struct group *group = group_of(a, arena_strdup(arena, key.data), dim, foreign);
	vec_push(arena, &group->interface, arena_strdup(arena, name));
	if (group->interface.len > 1)
		return;
	schema_for_each_child (set, sets) {
		struct acl_list *list = map_get(&a->lists, schema_get_value(set, "name"));
		vec_push(arena, &group->list, list);
		list->applied++;
	}
}

static struct algebra_set interfaces_of(struct arena *arena, const struct group *group)
{
	struct algebra_builder builder = {.arena = arena};
	for (size_t i = 0; i < group->interface.len; i++) {
		u128 value;
		if (acl_interface_value(group->interface.at[i], &value))
			algebra_builder_add(&builder, value, value);
	}
	return algebra_builder_take(&builder);
}

static void find_groups(struct apply *a)
{
	for (unsigned dim = IR_IN; dim <= IR_OUT; dim++)
		schema_for_each_child (interface, a->points)
			add_interface(a, interface, (enum ir_dim)dim);
	for (size_t i = 0; i < a->group.len; i++)
		a->group.at[i]->set = interfaces_of(a->r->arena, a->group.at[i]);
}

static bool has_direction(const struct apply *a, enum ir_dim dim)
{
	for (size_t i = 0; i < a->group.len; i++)
		if (a->group.at[i]->dim == dim)
			return true;
	return false;
}

// --- faults ---

static void report(struct apply *a, const struct acl_list *list, const struct nfi_fault *fault,
		   const char *text)
{
	struct ir_rule about = {.policy = list ? list->policy.name : NULL};
	a->r->rule = &about;
	nfi_fault(a->r, fault, "%s", text);
}

static void note_unapplied(struct apply *a, const struct acl_list *list)
{
	if (!list->applied)
		report(a, list,
		       &(struct nfi_fault){
			       .severity = DIAG_NOTE,
			       .code = DIAG_EMPTY,
			       .node = list->node,
			       .hint = "apply it, or read a document without attachment-points"},
		       arena_printf(a->r->arena,
				    "list '%s' is applied to no interface and left out: it judges "
				    "no packet",
				    list->policy.name));
}

// Adds to what was made; false, with an error once, when it is too much.
static bool afford(struct apply *a, size_t clauses)
{
	bool before = a->made <= IR_RULES_MOST;
	a->made += 1 + clauses;
	if (before && a->made > IR_RULES_MOST)
		report(a, NULL,
		       &(struct nfi_fault){.code = DIAG_LIMIT,
					   .node = a->points,
					   .hint = "give a document with fewer interfaces, or of "
						   "one direction"},
		       arena_printf(a->r->arena,
				    "the lists, where they are applied, make more than %u rules",
				    IR_RULES_MOST));
	return a->made <= IR_RULES_MOST;
}

// --- rules of a group ---

static void add_opaque(struct arena *arena, struct ir_rule *rule, const struct ir_opaque *opaque)
{
	struct ir_opaque *all = arena_array(arena, struct ir_opaque, rule->opaques + 1);
	if (rule->opaques)
		memcpy(all, rule->opaque, rule->opaques * sizeof(*all));
	all[rule->opaques++] = *opaque;
	rule->opaque = all;
}

static void limit_foreign(struct arena *arena, const struct group *group, struct ir_rule *rule)
{
	size_t n = group->interface.len;
	const char **value = arena_array(arena, const char *, n);
	for (size_t i = 0; i < n; i++)
		value[i] = arena_printf(arena, "%s %s", acl_interface_leaf(group->dim),
					group->interface.at[i]);
	add_opaque(arena, rule, &(struct ir_opaque){IR_OPAQUE_FOREIGN, NULL, value, n, false});
}

// The rule for packets of the group's interfaces only.
static void limit(struct arena *arena, const struct group *group, struct ir_rule *rule)
{
	struct ir_clause *clause = arena_array(arena, struct ir_clause, rule->clauses);
	size_t kept = 0;
	if (group->foreign) {
		limit_foreign(arena, group, rule);
		return;
	}
	for (size_t i = 0; i < rule->clauses; i++) {
		clause[kept] = rule->clause[i];
		kept += ir_clause_narrow(&clause[kept], arena, group->dim, group->set);
	}
	rule->clause = clause;
	rule->clauses = kept;
}

// What both rules match, as the second judges it.
static struct ir_rule both(struct arena *arena, const struct ir_rule *in, const struct ir_rule *out)
{
	struct ir_rule rule = *in;
	rule.name = arena_printf(arena, "%s > %s", in->name, out->name);
	rule.verdict = out->verdict;
	rule.log = out->log > in->log ? out->log : in->log;
	rule.clause = arena_array(arena, struct ir_clause, in->clauses * out->clauses);
	rule.clauses = 0;
	for (size_t i = 0; i < in->clauses; i++)
		for (size_t k = 0; k < out->clauses; k++) {
			struct ir_clause *clause = &rule.clause[rule.clauses];
			*clause = in->clause[i];
			rule.clauses += ir_clause_and(clause, arena, &out->clause[k]);
		}
	for (size_t i = 0; i < out->opaques; i++)
		add_opaque(arena, &rule, &out->opaque[i]);
	return rule;
}

// A packet that an entry at the way in accepts, where the group at the way out judges it.
static void push_onward(struct apply *a, const struct ir_rule *accepted, const struct group *out,
			struct ir_policy *policy)
{
	struct arena *arena = a->r->arena;
	for (size_t i = 0; i < out->list.len; i++) {
		const struct ir_policy *list = &out->list.at[i]->policy;
		for (size_t k = 0; k < list->rule.len; k++) {
			struct ir_rule entry = list->rule.at[k];
			if (!afford(a, accepted->clauses * entry.clauses))
				return;
			limit(arena, out, &entry);
			struct ir_rule rule = both(arena, accepted, &entry);
			if (rule.clauses)
				vec_push(arena, &policy->rule, rule);
		}
	}
}

static void push_rule(struct apply *a, const struct group *group, const struct ir_rule *rule,
		      struct ir_policy *policy)
{
	struct ir_rule limited = *rule;
	if (!afford(a, rule->clauses))
		return;
	limit(a->r->arena, group, &limited);
	for (size_t i = 0; group->dim == IR_IN && limited.verdict == IR_PASS && i < a->group.len;
	     i++)
		if (a->group.at[i]->dim == IR_OUT)
			push_onward(a, &limited, a->group.at[i], policy);
	vec_push(a->r->arena, &policy->rule, limited);
}

// "LIST", or, where it is applied to several groups, "LIST in eth0".
static const char *name_of(struct arena *arena, const struct group *group,
			   const struct acl_list *list)
{
	size_t more = group->interface.len - 1;
	const char *way = group->dim == IR_IN ? "in" : "out", *name = list->policy.name;
	if (list->applied == 1)
		return name;
	return more ? arena_printf(arena, "%s %s %s and %zu more", name, way,
				   group->interface.at[0], more)
		    : arena_printf(arena, "%s %s %s", name, way, group->interface.at[0]);
}

static void push_list(struct apply *a, const struct group *group, const struct acl_list *list)
{
	struct ir_policy policy = {.name = name_of(a->r->arena, group, list)};
	for (size_t i = 0; i < list->policy.rule.len; i++) {
		struct ir_rule rule = list->policy.rule.at[i];
		if (!strcmp(rule.policy, list->policy.name))
			rule.policy = policy.name;
		push_rule(a, group, &rule, &policy);
	}
	vec_push(a->r->arena, &a->out->policy, policy);
}

// --- both directions ---

static bool judges_all(const struct group *group)
{
	for (size_t i = 0; i < group->list.len; i++) {
		const struct ir_policy *policy = &group->list.at[i]->policy;
		for (size_t k = 0; k < policy->rule.len; k++)
			for (size_t c = 0; c < policy->rule.at[k].clauses; c++)
				if (!policy->rule.at[k].clause[c].len &&
				    !policy->rule.at[k].opaques)
					return true;
	}
	return false;
}

// Between the way in and the way out nothing may be left to the device.
static bool check_directions(struct apply *a)
{
	bool good = true;
	if (!has_direction(a, IR_IN) || !has_direction(a, IR_OUT))
		return true;
	for (size_t i = 0; i < a->group.len; i++) {
		const struct group *group = a->group.at[i];
		if (judges_all(group))
			continue;
		good = false;
		report(a, group->list.at[group->list.len - 1],
		       &(struct nfi_fault){
			       .code = DIAG_UNSUPPORTED,
			       .node = group->list.at[group->list.len - 1]->node,
			       .hint = "end the list with an entry without conditions that says "
				       "what "
				       "the device does, or give the directions in two documents"},
		       arena_printf(
			       a->r->arena,
			       "lists are applied in both directions, and those of %s '%s' leave "
			       "packets to the device: what happens to them is not known",
			       acl_interface_leaf(group->dim), group->interface.at[0]));
	}
	return good;
}

void acl_apply(struct nfi_reader *r, const struct schema_node *acls, struct acl_lists *lists,
	       struct ir_document *out)
{
	struct apply a = {.r = r, .out = out, .points = schema_get(acls, "attachment-points")};
	a.lists.arena = a.groups.arena = r->arena;
	for (size_t i = 0; i < lists->list.len; i++)
		(void)!map_put(&a.lists, lists->list.at[i].policy.name, &lists->list.at[i]);
	find_groups(&a);
	for (size_t i = 0; i < lists->list.len; i++)
		note_unapplied(&a, &lists->list.at[i]);
	if (!check_directions(&a))
		return;
	for (size_t i = 0; i < a.group.len; i++)
		for (size_t k = 0; k < a.group.at[i]->list.len; k++)
			push_list(&a, a.group.at[i], a.group.at[i]->list.at[k]);
}
