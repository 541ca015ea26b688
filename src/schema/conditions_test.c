// SPDX-License-Identifier: Apache-2.0
// Every `must` and `when` of the modules in yang/, evaluated on random data by us and by libyang. The data need not be
// valid: what counts is that each condition is true and false now and then, and that both always say the same.
#include "schema/node.h"
#include "schema/random.h"
#include "schema/rules.h"
#include "schema/test.h"
#include "schema/xpath.h"

#include <libyang/libyang.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const modules[] = {"bulwark-controller",
				      "bulwark-nsf",
				      "ietf-access-control-list",
				      "ietf-i2nsf-capability",
				      "ietf-i2nsf-cons-facing-interface",
				      "ietf-i2nsf-monitoring-interface",
				      "ietf-i2nsf-nsf-facing-interface",
				      "ietf-i2nsf-registration-interface",
				      "ietf-netconf-acm",
				      "ietf-netconf-monitoring",
				      "ietf-netconf-notifications",
				      "ietf-restconf-monitoring",
				      "nc-notifications",
				      NULL};

struct condition {
	const struct lysc_node *owner;
	bool on_parent;
	const char *text;
	struct lysc_prefix *prefixes;
	struct schema_xpath *xpath;
	unsigned yes, no;
};

struct world {
	struct test *t;
	struct schema *schema;
	struct random random;
	VEC(struct condition) conditions;
	size_t compared;
};

// --- collecting ---

static void add_condition(struct world *w, const struct lysc_node *owner,
			  const struct lyxp_expr *expr, struct lysc_prefix *prefixes,
			  bool on_parent)
{
	struct condition c = {.owner = owner,
			      .on_parent = on_parent,
			      .text = lyxp_get_expr(expr),
			      .prefixes = prefixes};
	struct schema_xpath_names names = {
		.module = rules_module, .context = prefixes, .home = owner->module->name};
	c.xpath = schema_xpath_parse(w->schema, c.text, &names, &w->t->diags);
	if (!c.xpath)
		test_has_diag(w->t, DIAG_CODES, c.text);
	vec_push(&w->t->arena, &w->conditions, c);
}

static LY_ERR collect(struct lysc_node *node, void *context, ly_bool *skip)
{
	struct world *w = context;
	(void)skip;
	if (node->nodetype & (LYS_CHOICE | LYS_CASE))
		return LY_SUCCESS;
	const struct lysc_must *musts = lysc_node_musts(node);
	for (size_t i = 0; i < LY_ARRAY_COUNT(musts); i++)
		add_condition(w, node, musts[i].cond, musts[i].prefixes, false);
	for (const struct lysc_node *at = node;;) {
		struct lysc_when **whens = lysc_node_when(at);
		for (size_t i = 0; i < LY_ARRAY_COUNT(whens); i++)
			add_condition(w, node, whens[i]->cond, whens[i]->prefixes,
				      whens[i]->context != node);
		at = at->parent;
		if (!at || !(at->nodetype & (LYS_CHOICE | LYS_CASE)))
			return LY_SUCCESS;
	}
}

// --- random data ---

static const char *any_identity(struct world *w, const struct lysc_ident *base)
{
	const struct lysc_ident *at = base;
	while (LY_ARRAY_COUNT(at->derived) && (at == base || random_below(&w->random, 2)))
		at = at->derived[random_below(&w->random, (unsigned)LY_ARRAY_COUNT(at->derived))];
	return arena_printf(&w->t->arena, "%s:%s", at->module->name, at->name);
}

static const char *any_value(struct world *w, const struct lysc_type *type)
{
	static const char *const texts[] = {"1", "a", "2", "10", "1.00", "true", "192.0.2.1"};
	const struct lysc_type_enum *e = (const struct lysc_type_enum *)type;
	const struct lysc_type_union *u = (const struct lysc_type_union *)type;
	switch ((unsigned)type->basetype) {
	case LY_TYPE_BOOL:
		return random_below(&w->random, 2) ? "true" : "false";
	case LY_TYPE_ENUM:
		return e->enums[random_below(&w->random, (unsigned)LY_ARRAY_COUNT(e->enums))].name;
	case LY_TYPE_IDENT:
		return any_identity(w, ((const struct lysc_type_identityref *)type)->bases[0]);
	case LY_TYPE_LEAFREF:
		return any_value(w, ((const struct lysc_type_leafref *)type)->realtype);
	case LY_TYPE_UNION:
		return any_value(
			w, u->types[random_below(&w->random, (unsigned)LY_ARRAY_COUNT(u->types))]);
	case LY_TYPE_EMPTY:
		return "";
	default:
		return texts[random_below(&w->random, array_len(texts))];
	}
}

static void fill(struct world *w, struct lyd_node *parent, unsigned depth);

// The keys as a predicate; NULL: some value was refused.
static struct lyd_node *add_entry(struct world *w, struct lyd_node *parent,
				  const struct lysc_node *lys)
{
	struct lyd_node *entry = NULL;
	buf_clear(&w->t->buf);
	for (const struct lysc_node *key = lysc_node_child(lys); key && lysc_is_key(key);
	     key = key->next)
		buf_printf(&w->t->buf, "[%s='%s']", key->name,
			   any_value(w, ((const struct lysc_node_leaf *)key)->type));
	(void)lyd_new_list2(parent, lys->module, lys->name, w->t->buf.data, 0, &entry);
	return entry;
}

static void add_node(struct world *w, struct lyd_node *parent, const struct lysc_node *lys,
		     unsigned depth)
{
	struct lyd_node *node = NULL;
	if (lys->nodetype & LYD_NODE_TERM)
		(void)lyd_new_term(parent, lys->module, lys->name,
				   any_value(w, ((const struct lysc_node_leaf *)lys)->type), 0,
				   &node);
	else if (lys->nodetype == LYS_LIST)
		node = add_entry(w, parent, lys);
	else if (lys->nodetype & (LYS_CONTAINER | LYS_NOTIF | LYS_RPC))
		(void)lyd_new_inner(parent, lys->module, lys->name, 0, &node);
	if (node && !(lys->nodetype & LYD_NODE_TERM))
		fill(w, node, depth + 1);
}

static void fill(struct world *w, struct lyd_node *parent, unsigned depth)
{
	const struct lysc_node *lys = NULL;
	while (depth < 12 && (lys = lys_getnext(lys, parent->schema, NULL, 0)))
		if (!lysc_is_key(lys) && random_below(&w->random, 10) < 7)
			add_node(w, parent, lys, depth);
}

// --- comparing ---

static void copy(struct schema *schema, struct schema_node *parent, const struct lyd_node *lyd);

static void copy_children(struct schema *schema, struct schema_node *node,
			  const struct lyd_node *lyd)
{
	for (const struct lyd_node *it = lyd_child(lyd); it; it = it->next)
		copy(schema, node, it);
}

static void copy(struct schema *schema, struct schema_node *parent, const struct lyd_node *lyd)
{
	struct schema_node *node = node_new(schema, lyd->schema->priv);
	if (lyd->schema->nodetype & LYD_NODE_TERM) {
		const struct lyd_value *value = &((const struct lyd_node_term *)lyd)->value;
		while (value->realtype->basetype == LY_TYPE_UNION)
			value = &value->subvalue->value;
		bool is_identity = value->realtype->basetype == LY_TYPE_IDENT;
		const char *text = lyd_get_value(lyd);
		node_set_value(node, intern_add(&schema->values, text, strlen(text)),
			       is_identity ? FORM_IDENTITY : FORM_STRING);
	}
	copy_children(schema, node, lyd);
	node_add(parent, node);
}

static void compare_one(struct world *w, struct condition *c, const struct schema_node *node,
			const struct lyd_node *lyd)
{
	const struct lyd_node *at = c->on_parent ? lyd_parent(lyd) : lyd;
	struct schema_xpath_place place = {.node = c->on_parent ? node->parent : node};
	ly_bool expected = 0;
	bool actual = false;
	if (!at || lyd_eval_xpath3(at, c->owner->module, c->text, LY_VALUE_SCHEMA_RESOLVED,
				   c->prefixes, NULL, &expected))
		return;
	assert_true(schema_xpath_true(c->xpath, &place, &actual, &w->t->diags));
	if (actual != (bool)expected) {
		char *path = lyd_path(lyd, LYD_PATH_STD, NULL, 0);
		fail_msg("%s at %s: %d instead of %d", c->text, path, actual, expected);
	}
	*(actual ? &c->yes : &c->no) += 1;
	w->compared++;
}

static void compare(struct world *w, const struct schema_node *node, const struct lyd_node *lyd)
{
	for (; lyd; lyd = lyd->next, node = node->next) {
		assert_ptr_equal(node_model(node)->schema, lyd->schema);
		for (size_t i = 0; i < w->conditions.len; i++)
			if (w->conditions.at[i].owner == lyd->schema)
				compare_one(w, &w->conditions.at[i], node, lyd);
		if (node_is_inner(node))
			compare(w, node_child(node), lyd_child(lyd));
	}
}

static void compare_top(struct world *w, const struct lysc_node *lys)
{
	struct lyd_node *lyd = NULL;
	struct schema_node *root = node_new(w->schema, w->schema->root);
	if (lys->nodetype == LYS_LIST)
		lyd = add_entry(w, NULL, lys);
	else if (lys->nodetype & (LYS_CONTAINER | LYS_NOTIF | LYS_RPC))
		(void)lyd_new_inner(NULL, lys->module, lys->name, 0, &lyd);
	if (lyd) {
		fill(w, lyd, 0);
		copy(w->schema, root, lyd);
		compare(w, node_child(root), lyd);
	}
	lyd_free_all(lyd);
	node_free(root);
}

static void conditions_are_what_libyang_says(void **state)
{
	struct world w = {.t = *state, .random = {11}};
	w.schema = schema_open(NULL, modules, &w.t->diags);
	assert_non_null(w.schema);
	ly_log_options(0);
	for (size_t m = 0; m < w.schema->modules.len; m++)
		assert_int_equal(lysc_module_dfs_full(w.schema->modules.at[m], collect, &w),
				 LY_SUCCESS);
	for (unsigned round = 0; round < 300; round++)
		for (uint32_t i = 0; i < w.schema->root->children; i++)
			compare_top(&w, w.schema->root->child[i]->schema);
	unsigned both = 0;
	for (size_t i = 0; i < w.conditions.len; i++) {
		struct condition *c = &w.conditions.at[i];
		both += c->yes && c->no;
		schema_xpath_free(c->xpath);
	}
	printf("%zu conditions, %zu times; %u were true and false\n", w.conditions.len, w.compared,
	       both);
	assert_true(w.compared > 1000);
	assert_true(both * 2 > w.conditions.len);
	schema_free(w.schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(conditions_are_what_libyang_says, test_setup,
						test_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
