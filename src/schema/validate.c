// SPDX-License-Identifier: Apache-2.0
// Whether a tree holds what its modules demand (RFC 7950 section 8): when, must, mandatory, min- and max-elements,
// unique, choice, leafref. Values and keys were checked when the nodes were made.
//
// It is ours, not libyang's, for three things that libyang 2.1.30 does not do: every fault is reported, not the first;
// references are looked up in sets; and a subtree can be checked alone. A
// test holds the verdicts of both against each other.
#include "schema/validate.h"
#include "base/buf.h"
#include "base/turn.h"
#include "schema/defaults.h"
#include "schema/incremental.h"
#include "schema/report.h"
#include "schema/rules.h"
#include "schema/undo.h"

static bool given_up(const struct check *v)
{
	return v->diags->list.len >= DIAGS_MOST;
}

// --- rules ---

// An operation is checked without the datastore: what looks beyond it cannot be judged here.
static bool can_judge(const struct check *v, const struct model_rule *rule)
{
	return !v->tree->is_operation || rule->reach != MODEL_ANYWHERE;
}

static void report_rule(struct check *v, const struct schema_node *node,
			const struct model_rule *rule)
{
	const char *name = node_model(node)->name, *value = node_value(node);
	struct diag about = {.code = rule->is_when ? DIAG_UNKNOWN_ELEMENT : DIAG_CONSTRAINT};
	if (!rule->is_when)
		about.app_tag =
			rule->app_tag ? rule->app_tag : "must-violation"; // RFC 7950 section 15.4
	struct buf hint;
	buf_init(&hint);
	buf_printf(&hint, "make this hold: %s", rule->text);
	if (rule->is_when)
		buf_printf(&hint, "; or remove \"%s\"", name);
	about.hint = hint.data;
	if (rule->is_when)
		report(v->tree, node, &about, v->diags, "\"%s\" may not stand here", name);
	else if (rule->message)
		report(v->tree, node, &about, v->diags, "%s: %s", name, rule->message);
	else if (value)
		report(v->tree, node, &about, v->diags, "\"%s\" may not be \"%.200s\" here", name,
		       value);
	else
		report(v->tree, node, &about, v->diags, "\"%s\" breaks a rule of its model", name);
	buf_fini(&hint);
}

void check_one_rule(struct check *v, struct schema_node *node, const struct model_rule *rule)
{
	if (can_judge(v, rule) && !rules_hold(rule, node))
		report_rule(v, node, rule);
}

static void check_rules(struct check *v, struct schema_node *node, const struct model_node *m)
{
	// Whether a default is in use was decided by its `when`.
	uint32_t i = node->is_default ? m->nwhens : 0;
	for (; i < m->nrules; i++)
		check_one_rule(v, node, m->rules[i]);
}

// --- references ---

// Within an operation only relative references can be judged.
static bool is_local(const struct check *v, const struct model_node *m)
{
	bool local = m->nrefs;
	for (uint32_t i = 0; i < m->nrefs; i++)
		local &= !m->refs[i].absolute;
	return local || !v->tree->is_operation;
}

void check_reference(struct check *v, struct schema_node *leaf)
{
	if (is_local(v, node_model(leaf)) && !refs_resolve(&v->refs, leaf))
		refs_report(&v->refs, leaf, v->diags);
}

// --- the walk ---

void check_node(struct check *v, struct schema_node *node)
{
	const struct model_node *m = node_model(node);
	if (!m->checked || given_up(v))
		return;
	if (m->nrules)
		check_rules(v, node, m);
	if (m->traits & VALUE_REFERS)
		check_reference(v, node);
	else if (node_is_inner(node))
		check_children(v, node, m);
}

void check_children(struct check *v, struct schema_node *parent, const struct model_node *m)
{
	node_for_each_child(it, parent)
	{
		turn_point();
		check_node(v, it);
	}
	if (m->demanding)
		demands_check(v, parent, m);
}

void check_init(struct check *v, struct schema_tree *tree, struct diags *diags)
{
	*v = (struct check){.tree = tree, .diags = diags};
	refs_init(&v->refs, tree);
}

void check_fini(struct check *v)
{
	refs_fini(&v->refs);
}

static bool validate_all(struct schema_tree *tree, struct diags *diags)
{
	struct check v;
	size_t errors = diags->errors;
	bool logged = tree->log.kept;
	struct schema_node *operation = tree->is_operation ? node_child(tree->root) : NULL;
	if (!logged)
		undo_forget(tree);
	defaults_strip(tree, logged);
	defaults_add(tree, operation ? operation : tree->root, logged);
	check_init(&v, tree, diags);
	if (operation)
		check_node(&v, operation);
	else
		check_children(&v, tree->root, tree->schema->root);
	check_fini(&v);
	return diags->errors == errors;
}

static bool validate(struct schema_tree *tree, struct diags *diags)
{
	size_t valid;
	if (!undo_valid(tree, &valid) || tree->schema->opaque_rules)
		return validate_all(tree, diags);
	return valid == undo_now(tree) || incremental_validate(tree, valid, diags);
}

bool schema_validate(struct schema_tree *tree, struct diags *diags)
{
	if (!validate(tree, diags))
		return false;
	if (!tree->log.kept)
		undo_forget(tree);
	if (!tree->is_operation)
		undo_set_valid(tree);
	return true;
}
