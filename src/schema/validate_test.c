// SPDX-License-Identifier: Apache-2.0
// Validation: each kind of constraint with its words, and random documents whose verdict and defaults must be those of
// libyang's own validation.
#include "schema/test.h"
#include "schema/model.h"

#include <libyang/libyang.h>
#include <stdlib.h>
#include <string.h>

#define RULE(inside) "<policy " NET "><name>p</name><rule><name>r</name>" inside "</rule></policy>"
#define PASS "<action><verdict>pass</verdict></action>"

static void refuses_what_breaks_a_constraint(void **state)
{
	static const struct {
		const char *text;
		enum diag_code code;
		const char *parts;
	} cases[] = {
		{RULE(""), DIAG_MISSING, "/action/verdict|pass, drop"},
		{RULE(PASS "<priority>5</priority>"), DIAG_UNKNOWN_ELEMENT,
		 "priority|usage = 'number'"},
		{RULE(PASS "<port><low>5</low><high>4</high></port>"), DIAG_CONSTRAINT,
		 "The last port is below the first.|[low='5'][high='4']/high"},
		{RULE(PASS "<source>x</source>"), DIAG_REFERENCE,
		 "no user or device named \"x\"|none is defined"},
		{RULE(PASS "<source>ab</source>") "<groups " NET
						  "><user><name>abc</name></user></groups>",
		 DIAG_REFERENCE, "did you mean \"abc\"? defined: abc"},
		{RULE(PASS "<time><often>weekly</often></time>"), DIAG_MISSING,
		 "period/day|at least 1"},
		{RULE(PASS "<time><often>weekly</often><period><day>1</day><day>2</day><day>3</"
			   "day><day>4</day>"
			   "</period></time>"),
		 DIAG_CONSTRAINT, "too many|at most 3"},
		{RULE(PASS "<time><period><length>3</length></period></time>"),
		 DIAG_UNKNOWN_ELEMENT, "period"},
		{RULE(PASS "<address>192.0.2.1</address><host>h</host>"), DIAG_CONFLICT,
		 "exclude each other"},
		{RULE(PASS "<fin/><syn/>"), DIAG_CONFLICT, "flag"},
		{"<policy " NET "><name>p</name><rule><name>a</name>" PASS
		 "<tag><serial>1</serial></tag></rule>"
		 "<rule><name>b</name>" PASS "<tag><serial>1</serial></tag></rule></policy>",
		 DIAG_CONSTRAINT, "same serial|rule[name='a']"},
		{"<settings " NET "><log/></settings>", DIAG_MISSING, "log/file"},
		{"<settings " NET
		 "><where xmlns:n=\"urn:test:net\">/n:groups/n:user[n:name='a']</where></settings>",
		 DIAG_REFERENCE, "where"},
		{"<groups " NET "><device><name>d</name><owner>o</owner></device></groups>",
		 DIAG_REFERENCE, "no user named \"o\""},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++)
		test_refused(t, cases[i].text, cases[i].code, cases[i].parts);
}

static void reports_every_fault(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree =
		test_tree(t, RULE("<source>x</source><port><low>2</low><high>1</high></port>"
				  "<priority>1</priority>"));
	assert_false(schema_validate(tree, &t->diags));
	assert_int_equal(t->diags.errors, 4);
	schema_tree_free(tree);
}

static void adds_defaults_in_use(void **state)
{
	static const char *const cases[][2] = {
		{"", "<settings " NET
		     "><mode>safe</mode><level>1</level><level>2</level><memory><size>16</size>"
		     "</memory></settings>"},
		{"<settings " NET "><level>3</level><path>p</path></settings>",
		 "<settings " NET
		 "><mode>safe</mode><level>3</level><path>p</path><sync>true</sync></settings>"},
		// A condition that reads a default that stands under a condition itself.
		{RULE("<time><often>monthly</often></time>" PASS),
		 "<policy " NET "><name>p</name><usage>order</usage><rule><name>r</"
		 "name><time><often>monthly</often>"
		 "<period><length>60</length><unit>minutes</unit></period></"
		 "time><action><verdict>pass</verdict>"
		 "</action></rule></policy><settings " NET
		 "><mode>safe</mode><level>1</level><level>2</level><memory>"
		 "<size>16</size></memory></settings>"},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct schema_tree *tree = test_valid(t, cases[i][0]);
		assert_string_equal(test_print(t, tree, SCHEMA_PRINT_DEFAULTS), cases[i][1]);
		assert_true(schema_tree_empty(tree) == !*cases[i][0]);
		assert_string_equal(test_print(t, tree, 0), cases[i][0]);
		schema_tree_free(tree);
	}
}

// --- against libyang ---

static uint64_t random_state = 20260727;

static unsigned roll(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static const struct lysc_ident *pick_identity(const struct lysc_ident *base)
{
	size_t n = LY_ARRAY_COUNT(base->derived);
	const struct lysc_ident *at = n ? base->derived[roll((unsigned)n)] : base;
	return n && roll(3) ? pick_identity(at) : at;
}

// A value of about this type; it may still be refused.
static const char *pick_value(const struct lysc_type *type, struct arena *arena)
{
	static const char *const texts[] = {"a",
					    "b",
					    "c",
					    "1",
					    "2",
					    "9",
					    "KR",
					    "KR-11",
					    "TVo=",
					    "en",
					    "01-31",
					    "true",
					    "5.5",
					    "192.0.2.1",
					    "192.0.2.9",
					    "2001:db8::1",
					    "10.0.0.0/8",
					    "2001:db8::/32",
					    "00:00:5e:00:53:01",
					    "08:00:00Z",
					    "17:30:00Z",
					    "2026-01-31T08:00:00Z"};
	const struct lysc_type_union *u = (const struct lysc_type_union *)type;
	const struct lysc_type_enum *e = (const struct lysc_type_enum *)type;
	switch ((int)type->basetype) {
	case LY_TYPE_LEAFREF:
		return pick_value(((const struct lysc_type_leafref *)type)->realtype, arena);
	case LY_TYPE_UNION:
		return pick_value(u->types[roll((unsigned)LY_ARRAY_COUNT(u->types))], arena);
	case LY_TYPE_ENUM:
		return e->enums[roll((unsigned)LY_ARRAY_COUNT(e->enums))].name;
	case LY_TYPE_IDENT: {
		const struct lysc_ident *id =
			pick_identity(((const struct lysc_type_identityref *)type)->bases[0]);
		return arena_printf(arena, "%s:%s", id->module->name, id->name);
	}
	case LY_TYPE_EMPTY:
		return "";
	default:
		// Short names come more often, so that references meet their targets.
		return texts[roll(3) ? roll(6) : roll(array_len(texts))];
	}
}

struct generator {
	struct schema *schema;
	struct arena arena;
};

static void add_children(struct generator *g, struct lyd_node *parent, const struct lysc_node *lys,
			 struct lyd_node **first);

static struct lyd_node *new_entry(struct generator *g, struct lyd_node *parent,
				  const struct lysc_node *lys)
{
	const char *v[4] = {"", "", "", ""};
	size_t n = 0;
	struct lyd_node *node = NULL;
	for (const struct lysc_node *key = lysc_node_child(lys); key && key->flags & LYS_KEY;
	     key = key->next)
		v[n++] = pick_value(((const struct lysc_node_leaf *)key)->type, &g->arena);
	(void)lyd_new_list(parent, lys->module, lys->name, 0, &node, v[0], v[1], v[2], v[3]);
	return node;
}

static void add_one(struct generator *g, struct lyd_node *parent, const struct lysc_node *lys,
		    struct lyd_node **first)
{
	struct lyd_node *node = NULL, *same = NULL;
	if (lys->nodetype == LYS_LIST)
		node = new_entry(g, parent, lys);
	else if (lys->nodetype == LYS_CONTAINER)
		(void)lyd_new_inner(parent, lys->module, lys->name, 0, &node);
	else if (lys->nodetype & (LYS_LEAF | LYS_LEAFLIST))
		(void)lyd_new_term(
			parent, lys->module, lys->name,
			pick_value(((const struct lysc_node_leaf *)lys)->type, &g->arena), 0,
			&node);
	ly_err_clean(g->schema->ctx, NULL);
	if (!node)
		return;
	if (!parent)
		lyd_insert_sibling(*first, node, first);
	// The same a second time would not be read at all.
	for (same = parent ? lyd_child(parent) : *first; same; same = same->next)
		if (same != node && same->schema == lys && !lyd_compare_single(same, node, 0))
			break;
	if (same) {
		if (*first == node)
			*first = node->next;
		lyd_free_tree(node);
	} else if (lys->nodetype & (LYS_LIST | LYS_CONTAINER)) {
		add_children(g, node, lys, first);
	}
}

static void add_children(struct generator *g, struct lyd_node *parent, const struct lysc_node *lys,
			 struct lyd_node **first)
{
	const struct lysc_node *it = NULL;
	while ((it = lys_getnext(it, lys, NULL, 0))) {
		if (it->flags & (LYS_KEY | LYS_CONFIG_R) || it->nodetype & (LYS_RPC | LYS_NOTIF))
			continue;
		// What stands in a choice is rarer, so that choices are seldom contradicted.
		unsigned chance = it->flags & LYS_MAND_TRUE       ? 90
				  : it->parent != lys             ? 15
				  : it->nodetype == LYS_CONTAINER ? 60
								  : 25;
		bool many = it->nodetype & (LYS_LIST | LYS_LEAFLIST);
		for (unsigned k = 0; k < (many ? 3 : 1); k++)
			if (roll(100) < chance)
				add_one(g, parent, it, first);
	}
}

static struct lyd_node *generate(struct generator *g)
{
	struct lyd_node *first = NULL;
	const struct schema *schema = g->schema;
	for (uint32_t i = 0; i < schema->root->children; i++) {
		const struct lysc_node *lys = schema->root->child[i]->schema;
		if (lys->nodetype & (LYS_RPC | LYS_NOTIF) || lys->flags & LYS_CONFIG_R)
			continue;
		for (unsigned k = lys->nodetype == LYS_LIST ? roll(3) : roll(4) > 0; k; k--)
			add_one(g, NULL, lys, &first);
	}
	return first;
}

static char *print_libyang(const struct lyd_node *tree, uint32_t options)
{
	char *text = NULL;
	if (!tree ||
	    lyd_print_mem(&text, tree, LYD_JSON,
			  LYD_PRINT_WITHSIBLINGS | LYD_PRINT_SHRINK | options) ||
	    !text)
		text = strdup("{}");
	return text;
}

// One document, both verdicts. True: valid.
static bool compare(struct test *t, struct generator *g)
{
	struct lyd_node *data = generate(g);
	char *text = print_libyang(data, 0);
	struct schema_tree *tree = test_tree(t, text);
	test_forget(t);
	bool good = schema_validate(tree, &t->diags);
	lyd_free_all(data);
	data = NULL;
	assert_int_equal(lyd_parse_data_mem(g->schema->ctx, text, LYD_JSON,
					    LYD_PARSE_ONLY | LYD_PARSE_STRICT, 0, &data),
			 0);
	bool expected = !lyd_validate_all(&data, g->schema->ctx, LYD_VALIDATE_NO_STATE, NULL);
	const struct ly_err_item *why = ly_err_last(g->schema->ctx);
	if (good != expected) {
		const char *first = t->diags.list.len ? t->diags.list.at[0].text : "";
		fail_msg("we %d (%s), libyang %d (%s): %s", good, first, expected,
			 why ? why->msg : "", text);
	}
	ly_err_clean(g->schema->ctx, NULL);
	if (good) {
		char *with_defaults = print_libyang(data, LYD_PRINT_WD_ALL);
		buf_clear(&t->buf);
		schema_print(tree, SCHEMA_JSON, SCHEMA_PRINT_DEFAULTS, &t->buf);
		assert_string_equal(t->buf.data, with_defaults);
		free(with_defaults);
	}
	lyd_free_all(data);
	schema_tree_free(tree);
	free(text);
	return good;
}

static void compare_many(struct test *t, unsigned documents, unsigned least)
{
	struct generator g = {.schema = t->schema};
	unsigned valid = 0;
	for (unsigned i = 0; i < documents; i++) {
		arena_init(&g.arena);
		valid += compare(t, &g);
		arena_fini(&g.arena);
		arena_fini(&t->arena);
		arena_init(&t->arena);
	}
	print_message("%u of %u documents are valid\n", valid, documents);
	if (valid < least || valid > documents - least)
		fail_msg("%u of %u documents were valid", valid, documents);
}

static void agrees_with_libyang(void **state)
{
	compare_many(*state, 3000, 150);
}

static void agrees_with_libyang_on_the_standard_models(void **state)
{
	static const char *const modules[][2] = {{"ietf-i2nsf-cons-facing-interface", NULL},
						 {"ietf-i2nsf-nsf-facing-interface", NULL}};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(modules); i++) {
		schema_free(t->schema);
		t->schema = schema_open(BULWARK_SOURCE_YANG_DIR, modules[i], &t->diags);
		assert_non_null(t->schema);
		compare_many(t, 1500, 20);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refuses_what_breaks_a_constraint, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(reports_every_fault, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(adds_defaults_in_use, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(agrees_with_libyang, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(agrees_with_libyang_on_the_standard_models,
						test_setup, test_teardown),
	};
	random_state = argc > 1 ? strtoull(argv[1], NULL, 0) : random_state;
	print_message("seed %llu\n", (unsigned long long)random_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
