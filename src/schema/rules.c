// SPDX-License-Identifier: Apache-2.0
// The expressions (when, must) and references (leafref) of schema nodes, prepared for validation: which nodes an
// expression reads, and how far up in the tree it can look. With that a change has to be checked only where it can be seen.
//
// Leafrefs whose path is plain names and dots are followed node by node, the others as XPath (RFC 7950 sections 7.5.3,
// 7.21.5 and 9.9).
#include "schema/rules.h"
#include "schema/text.h"
#include "schema/xpath_tree.h"

#include <libyang/libyang.h>
#include <stdlib.h>
#include <string.h>

#define RANK_LAST 100u

// --- rules ---

const char *rules_module(void *context, const char *prefix)
{
	const struct lysc_prefix *prefixes = context;
	for (size_t i = 0; i < LY_ARRAY_COUNT(prefixes); i++)
		if (prefixes[i].prefix && !strcmp(prefixes[i].prefix, prefix))
			return prefixes[i].mod->name;
	return NULL;
}

// NULL: not understood, though libyang did.
static struct schema_xpath *xpath_new(struct schema *schema, const char *text,
				      const struct lysc_prefix *prefixes,
				      const struct lys_module *home)
{
	struct schema_xpath_names names = {
		.module = rules_module, .context = (void *)(uintptr_t)prefixes, .home = home->name};
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct schema_xpath *xpath = schema_xpath_parse(schema, text, &names, &diags);
	if (xpath)
		vec_push(&schema->arena, &schema->xpaths, xpath);
	return xpath;
}

void rules_free(struct schema *schema)
{
	for (size_t i = 0; i < schema->xpaths.len; i++)
		schema_xpath_free(schema->xpaths.at[i]);
}

static struct model_rule *rule_new(struct schema *schema, struct model_node *m,
				   struct lyxp_expr *cond, const struct lysc_prefix *prefixes,
				   const struct lysc_node *context)
{
	struct model_rule *rule = arena_new(&schema->arena, struct model_rule);
	rule->text = arena_strdup(&schema->arena, lyxp_get_expr(cond));
	rule->xpath = xpath_new(schema, rule->text, prefixes, m->mod);
	rule->owner = m;
	rule->on_parent = context != m->schema;
	rule->reach = rule->xpath ? xpath_reach(rule->xpath) : MODEL_ANYWHERE;
	if (rule->reach != MODEL_ANYWHERE)
		rule->reach += rule->on_parent;
	struct ly_set *set = NULL;
	if (lys_find_expr_atoms(context, m->mod, cond, prefixes, 0, &set)) {
		ly_err_clean(schema->ctx, NULL);
		rule->unknown = true;
		schema->opaque_rules = true;
		return rule;
	}
	rule->atoms = arena_memdup(&schema->arena, set->snodes, set->count * sizeof(*rule->atoms));
	rule->natoms = set->count;
	ly_set_free(set, NULL);
	return rule;
}

static void add_whens(struct schema *schema, struct model_node *m, const struct lysc_node *lys,
		      void *list)
{
	VEC(struct model_rule *) *rules = list;
	struct lysc_when **whens = lysc_node_when(lys);
	for (size_t i = 0; i < LY_ARRAY_COUNT(whens); i++) {
		const struct lysc_node *context = whens[i]->context;
		struct model_rule *rule =
			rule_new(schema, m, whens[i]->cond, whens[i]->prefixes, context);
		rule->is_when = true;
		rule->holder = lys;
		vec_push(&schema->arena, rules, rule);
	}
}

static void add_rules(struct schema *schema, struct model_node *m)
{
	VEC(struct model_rule *) rules = {0};
	const struct lysc_node *lys = m->schema;
	do {
		add_whens(schema, m, lys, &rules);
		lys = lys->parent;
	} while (lys && (lys->nodetype & (LYS_CASE | LYS_CHOICE)));
	m->nwhens = (uint32_t)rules.len;
	lys = m->schema;
	const struct lysc_node *holder = lys;
	const struct lysc_node_action *operation = (const struct lysc_node_action *)lys;
	if (lys->nodetype & (LYS_RPC | LYS_ACTION))
		holder = &operation->input.node;
	struct lysc_must *musts = lysc_node_musts(holder);
	for (size_t i = 0; i < LY_ARRAY_COUNT(musts); i++) {
		struct model_rule *rule =
			rule_new(schema, m, musts[i].cond, musts[i].prefixes, lys);
		rule->message = musts[i].emsg;
		rule->app_tag = musts[i].eapptag;
		vec_push(&schema->arena, &rules, rule);
	}
	m->rules = rules.at;
	m->nrules = (uint32_t)rules.len;
}

static bool holds(struct schema_xpath *xpath, const struct schema_node *context)
{
	struct schema_xpath_place place = {.node = context};
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	bool result = false;
	arena_init(&arena);
	diags_init(&diags, &arena);
	return xpath && schema_xpath_true(xpath, &place, &result, &diags) && result;
}

bool rules_hold(const struct model_rule *rule, const struct schema_node *node)
{
	return holds(rule->xpath, rule->on_parent ? node->parent : node);
}

static struct schema_node *empty_node(struct schema *schema, const struct model_node *m)
{
	struct schema_node *node = node_new(schema, m);
	if (!node_is_inner(node))
		node_set_value(node, intern_add(&schema->values, "", 0), FORM_STRING);
	return node;
}

// RFC 7950 section 7.21.5: a dummy stands for the node that is asked about. A choice or case has the node above it as
// its context; then nothing has to stand there.
static struct schema_node *dummy_new(struct schema_tree *tree, struct schema_node *parent,
				     const struct lysc_node *lys)
{
	if (lys->nodetype & (LYS_CHOICE | LYS_CASE))
		return NULL;
	const struct model_node *m = lys->priv;
	struct schema_node *dummy = empty_node(tree->schema, m);
	for (uint32_t i = 0; i < m->keys; i++)
		node_add(dummy, empty_node(tree->schema, m->child[i]));
	dummy->is_default = 1;
	node_add(parent, dummy);
	return dummy;
}

// The model that has the `when`s around this node: of a choice or case the first in it.
static const struct model_node *model_with_whens(const struct lysc_node *lys)
{
	if (lys->nodetype & (LYS_CHOICE | LYS_CASE))
		lys = lys_getnext(NULL, lys, NULL, 0);
	return lys ? lys->priv : NULL;
}

static bool stands_around(const struct lysc_node *holder, const struct lysc_node *lys)
{
	while (lys && lys != holder)
		lys = lys->parent;
	return lys;
}

bool rules_allow(struct schema_tree *tree, struct schema_node *parent, const struct lysc_node *lys)
{
	const struct model_node *m = lysc_has_when(lys) ? model_with_whens(lys) : NULL;
	if (!m)
		return true;
	struct schema_node *dummy = dummy_new(tree, parent, lys);
	bool hold = true;
	for (uint32_t i = 0; hold && i < m->nwhens; i++)
		if (stands_around(m->rules[i]->holder, lys))
			hold = holds(m->rules[i]->xpath,
				     m->rules[i]->on_parent || !dummy ? parent : dummy);
	if (dummy)
		node_delete(dummy);
	return hold;
}

bool rules_names(const struct schema_node *leaf, const struct lysc_type_leafref *type)
{
	const struct model_node *m = node_model(leaf);
	for (uint32_t i = 0; i < m->npaths; i++)
		if (m->paths[i].type == type)
			return holds(m->paths[i].xpath, leaf);
	return false;
}

// --- leafrefs ---

static const struct lys_module *prefix_module(const struct lysc_prefix *prefixes,
					      const char *prefix, size_t len)
{
	for (size_t i = 0; i < LY_ARRAY_COUNT(prefixes); i++)
		if (prefixes[i].prefix && strlen(prefixes[i].prefix) == len &&
		    !memcmp(prefixes[i].prefix, prefix, len))
			return prefixes[i].mod;
	return NULL;
}

// One name of the path, "name" or "prefix:name"; the place behind it, or NULL when the path is not of plain names.
static const char *read_step(const struct model_node *leaf, const struct lysc_prefix *prefixes,
			     const char *p, struct model_node **at)
{
	const struct lys_module *mod = leaf->schema->module;
	size_t len = 0;
	while (text_is_name(p[len]))
		len++;
	if (p[len] == ':') {
		mod = prefix_module(prefixes, p, len);
		p += len + 1;
		for (len = 0; text_is_name(p[len]);)
			len++;
	}
	*at = mod && len ? model_child(*at, mod, p, len) : NULL;
	return *at ? p + len : NULL;
}

static const struct lysc_type *real_type(const struct lysc_type *type)
{
	while (type->basetype == LY_TYPE_LEAFREF)
		type = ((const struct lysc_type_leafref *)type)->realtype;
	return type;
}

// False: not a path of plain names, or not the one that libyang found.
static bool ref_compile(struct schema *schema, struct model_node *leaf,
			const struct lysc_type_leafref *type, struct model_ref *ref)
{
	const char *p = lyxp_get_expr(type->path);
	struct model_node *at = leaf;
	VEC(struct model_node *) down = {0};
	if (leaf->schema->flags & (LYS_IS_OUTPUT | LYS_IS_INPUT))
		return false;
	ref->absolute = *p == '/';
	if (ref->absolute) {
		at = schema->root;
		p++;
	}
	for (; !strncmp(p, "../", 3); p += 3, ref->up++) {
		at = at->parent;
		if (!at)
			return false;
	}
	if (at == schema->root && !ref->absolute) {
		ref->absolute = true;
		ref->up = 0;
	}
	for (;; p++) {
		p = read_step(leaf, type->prefixes, p, &at);
		if (!p)
			return false;
		vec_push(&schema->arena, &down, at);
		if (*p != '/')
			break;
	}
	ref->down = down.at;
	ref->steps = (uint32_t)down.len;
	ref->target = at;
	return !*p && (at->schema->nodetype & LYD_NODE_TERM) &&
	       real_type(((const struct lysc_node_leaf *)at->schema)->type) ==
		       real_type(type->realtype);
}

static void add_path(struct schema *schema, struct model_node *m,
		     const struct lysc_type_leafref *type)
{
	const char *text = arena_printf(&schema->arena, "(%s) = .", lyxp_get_expr(type->path));
	m->paths[m->npaths++] = (struct model_path){
		.type = type, .xpath = xpath_new(schema, text, type->prefixes, m->mod)};
}

static void add_paths(struct schema *schema, struct model_node *m, const struct lysc_type *type)
{
	const struct lysc_type_union *u = (const struct lysc_type_union *)type;
	bool is_union = type->basetype == LY_TYPE_UNION;
	size_t n = is_union ? LY_ARRAY_COUNT(u->types) : 1;
	m->paths = arena_array(&schema->arena, struct model_path, n);
	for (size_t i = 0; i < n; i++) {
		const struct lysc_type *t = is_union ? u->types[i] : type;
		if (t->basetype == LY_TYPE_LEAFREF)
			add_path(schema, m, (const struct lysc_type_leafref *)t);
	}
}

// All alternatives must be leafrefs of one real type: then which of them holds changes nothing about the value.
static void add_refs(struct schema *schema, struct model_node *m)
{
	const struct lysc_type *type = ((const struct lysc_node_leaf *)m->schema)->type;
	const struct lysc_type_union *u = (const struct lysc_type_union *)type;
	bool is_union = type->basetype == LY_TYPE_UNION;
	VEC(struct model_ref) refs = {0};
	size_t n = is_union ? LY_ARRAY_COUNT(u->types) : 1;
	const struct lysc_type *real = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct lysc_type *t = is_union ? u->types[i] : type;
		const struct lysc_type_leafref *lref = (const struct lysc_type_leafref *)t;
		struct model_ref ref = {0};
		bool plain = t->basetype == LY_TYPE_LEAFREF && lref->require_instance &&
			     (!real || real_type(t)->plugin == real->plugin) &&
			     (!real || real_type(t)->basetype == real->basetype) &&
			     ref_compile(schema, m, lref, &ref);
		if (!plain || (is_union && real_type(t)->basetype != LY_TYPE_STRING)) {
			add_paths(schema, m, type);
			vec_push(&schema->arena, &schema->generic_refs, m);
			return;
		}
		real = real_type(t);
		vec_push(&schema->arena, &refs, ref);
	}
	m->refs = refs.at;
	m->nrefs = (uint32_t)refs.len;
}

void rules_add(struct schema *schema, struct model_node *m)
{
	add_rules(schema, m);
	if ((m->schema->nodetype & LYD_NODE_TERM) && (m->traits & VALUE_REFERS))
		add_refs(schema, m);
}

// --- who looks at what ---

static bool is_above(const struct model_node *m, const struct model_node *owner)
{
	for (; owner; owner = owner->parent)
		if (owner == m)
			return true;
	return false;
}

static bool names(const char *xpath, const char *name)
{
	size_t len = strlen(name);
	for (const char *p = xpath; (p = strstr(p, name)); p++)
		if ((p == xpath || !text_is_name(p[-1])) && !text_is_name(p[len]))
			return true;
	return false;
}

// What is only passed on the way up goes together with the rule's node; other instances of it are not looked at.
static bool is_passed(const struct model_rule *rule, const struct model_node *seen)
{
	const char *xpath = rule->text;
	return is_above(seen, rule->owner) && !names(xpath, seen->name) && !strchr(xpath, '*') &&
	       !strstr(xpath, "::") && !strstr(xpath, "node(") && !strstr(xpath, "//");
}

static void watch(struct schema *schema, struct model_rule *rule)
{
	for (uint32_t i = 0; i < rule->natoms; i++) {
		struct model_node *seen = rule->atoms[i]->priv;
		if (!seen || is_passed(rule, seen))
			continue;
		struct model_rule **more =
			arena_array(&schema->arena, struct model_rule *, seen->nwatchers + 1);
		if (seen->nwatchers)
			memcpy(more, seen->watchers, seen->nwatchers * sizeof(*more));
		more[seen->nwatchers++] = rule;
		seen->watchers = more;
	}
}

void rules_watch(struct schema *schema, struct model_node *m)
{
	for (uint32_t i = 0; i < m->nrules; i++)
		watch(schema, m->rules[i]);
	for (uint32_t i = 0; i < m->nrefs; i++) {
		struct model_node *target = m->refs[i].target;
		struct model_node **more =
			arena_array(&schema->arena, struct model_node *, target->nreferrers + 1);
		if (target->nreferrers)
			memcpy(more, target->referrers, target->nreferrers * sizeof(*more));
		more[target->nreferrers++] = m;
		target->referrers = more;
	}
}

// How many conditions have to be settled before this one, if its node is a default. Without the circles that libyang
// refuses, this ends; `ranked` keeps it from running twice.
static unsigned rank(struct model_node *m)
{
	if (m->ranked || !m->filled)
		return m->rank;
	m->ranked = true;
	unsigned highest = m->parent && m->parent->schema ? rank(m->parent) : 0;
	for (uint32_t w = 0; w < m->nwhens; w++) {
		const struct model_rule *rule = m->rules[w];
		if (rule->unknown)
			return m->rank = RANK_LAST;
		for (uint32_t a = 0; a < rule->natoms; a++) {
			struct model_node *seen = rule->atoms[a]->priv;
			unsigned before = seen && seen != m && seen->filled ? rank(seen) + 1 : 0;
			highest = before > highest ? before : highest;
		}
	}
	return m->rank = highest < RANK_LAST ? highest : RANK_LAST;
}

void rules_rank(struct model_node *const *all, size_t len)
{
	for (size_t i = 0; i < len; i++)
		(void)rank(all[i]);
}
