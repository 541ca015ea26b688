// SPDX-License-Identifier: Apache-2.0
// A tree under an edit that is done in turns, and under branches: whoever looks from another position in between sees what
// he would see without them, and what comes of the edit is what comes of it in one go.
#include "base/turn.h"
#include "schema/random.h"
#include "schema/test.h"
#include "schema/xpath.h"

#include <string.h>

#define SEEDS 60u

static char *shown(struct test *t, const struct schema_tree *tree)
{
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	schema_print(tree, SCHEMA_XML, SCHEMA_PRINT_DEFAULTS, &out);
	return arena_strndup(&t->arena, out.len ? out.data : "", out.len);
}

static const char *document(struct test *t, struct random *r)
{
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	random_document(r, &out);
	return arena_strndup(&t->arena, out.data, out.len);
}

static struct schema_tree *kept_tree(struct test *t, const char *text)
{
	struct schema_tree *tree = test_valid(t, text);
	schema_keep(tree, schema_changes(tree));
	return tree;
}

static struct schema_tree *edit_of(struct test *t, const char *text)
{
	struct schema_tree *edit = schema_tree_new(t->schema);
	struct schema_input input = {.data = text, .len = strlen(text), .format = SCHEMA_XML};
	assert_true(schema_parse(edit, &input, &t->diags));
	return edit;
}

// --- turns ---

struct change {
	struct test *t;
	struct schema_tree *tree;
	const char *edit;
	bool valid;
};

static void make(void *context)
{
	struct change *c = context;
	struct schema_tree *edit = edit_of(c->t, c->edit);
	assert_true(schema_edit_take(c->tree, edit, SCHEMA_OP_REPLACE, NULL, &c->t->diags));
	c->valid = schema_validate(c->tree, &c->t->diags);
}

// In the shortest turns; between them the tree shows what it was. How many there were.
static unsigned make_in_turns(struct change *c, size_t before, const char *shown_before)
{
	unsigned turns = 1;
	struct turn *turn = turn_begin(make, c, 0);
	for (bool more = turn; more; turns++) {
		size_t at = schema_changes(c->tree);
		schema_go(c->tree, before);
		assert_string_equal(shown(c->t, c->tree), shown_before);
		schema_go(c->tree, at);
		more = turn_go_on(turn, 0);
	}
	return turns;
}

static void an_edit_in_turns_is_nobody_elses(void **state)
{
	struct test *t = *state;
	unsigned turns = 0;
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};
		const char *first = document(t, &r), *second = document(t, &r);
		struct change slow = {.t = t, .tree = kept_tree(t, first), .edit = second};
		struct change quick = {.t = t, .tree = kept_tree(t, first), .edit = second};
		size_t before = schema_changes(slow.tree);
		turns += make_in_turns(&slow, before, shown(t, slow.tree));
		make(&quick);
		assert_true(slow.valid);
		assert_true(quick.valid);
		assert_string_equal(shown(t, slow.tree), shown(t, quick.tree));
		assert_int_equal(schema_changes(slow.tree), schema_changes(quick.tree));
		schema_tree_free(slow.tree);
		schema_tree_free(quick.tree);
		test_forget(t);
	}
	assert_true(turns > 2 * SEEDS);
}

// --- branches ---

static void lay_over(struct test *t, struct schema_tree *tree, const char *text)
{
	assert_true(schema_edit_take(tree, edit_of(t, text), SCHEMA_OP_MERGE, NULL, &t->diags));
	bool valid = schema_validate(tree, &t->diags);
	(void)valid; // defaults are there in any case
}

static void a_branch_is_its_owners(void **state)
{
	struct test *t = *state;
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};
		struct schema_tree *tree = kept_tree(t, document(t, &r));
		size_t first = schema_changes(tree);
		const char *old = shown(t, tree);
		lay_over(t, tree, document(t, &r));
		const char *now = shown(t, tree);
		size_t last = schema_changes(tree);
		schema_go(tree, first);
		struct schema_branch *b = schema_branch_new(tree), *other;
		lay_over(t, tree, document(t, &r));
		const char *laid_over = shown(t, tree);
		schema_branch_leave(b);
		assert_string_equal(shown(t, tree), old);
		schema_go(tree, last);
		assert_string_equal(shown(t, tree), now);
		other = schema_branch_new(tree);
		lay_over(t, tree, document(t, &r));
		schema_branch_free(other); // entered
		assert_string_equal(shown(t, tree), now);
		schema_go(tree, first);
		schema_branch_enter(b);
		assert_string_equal(shown(t, tree), laid_over);
		schema_branch_leave(b);
		schema_branch_free(b);
		schema_branch_free(NULL);
		assert_string_equal(shown(t, tree), old);
		schema_tree_free(tree);
		test_forget(t);
	}
}

// A position of which nothing is known yet can have one, too.
static void an_unvalidated_tree_can_be_branched(void **state)
{
	struct test *t = *state;
	struct random r = {7};
	struct schema_tree *tree = test_tree(t, document(t, &r));
	const char *old = shown(t, tree);
	struct schema_branch *b = schema_branch_new(tree);
	lay_over(t, tree, document(t, &r));
	schema_branch_free(b);
	assert_string_equal(shown(t, tree), old);
	schema_tree_free(tree);
}

// --- expressions ---

struct search {
	struct test *t;
	struct schema_tree *tree;
	const char *path;
	unsigned found;
	bool good;
};

static void found(void *context, const struct schema_node *node)
{
	(void)node;
	(*(unsigned *)context)++;
}

static void search(void *context)
{
	struct search *s = context;
	struct schema_xpath *xpath =
		schema_xpath_parse(s->t->schema, s->path, &schema_xpath_by_module, &s->t->diags);
	assert_non_null(xpath);
	struct schema_xpath_place place = {.tree = s->tree};
	s->good = schema_xpath_nodes(xpath, &place, found, &s->found, &s->t->diags);
	schema_xpath_free(xpath);
}

static unsigned search_in_turns(struct search *s)
{
	unsigned turns = 1;
	struct turn *turn = turn_begin(search, s, 0);
	for (bool more = turn; more; turns++)
		more = turn_go_on(turn, 0);
	return turns;
}

static void expressions_give_turns(void **state)
{
	struct test *t = *state;
	struct random r = {3};
	struct schema_tree *tree = test_valid(t, document(t, &r));
	struct search s = {.t = t, .tree = tree, .path = "//*[count(//*) > 1]"}, once = s;
	assert_true(search_in_turns(&s) > 10);
	search(&once);
	assert_true(s.good);
	assert_true(s.found > 10);
	assert_int_equal(s.found, once.found);
	schema_tree_free(tree);
}

// What nests as deeply as it may fits onto the stack of a turn.
static void deep_expressions_fit(void **state)
{
	struct test *t = *state;
	struct random r = {3};
	struct schema_tree *tree = test_valid(t, document(t, &r));
	struct buf deep cleanup(buf_fini);
	buf_init(&deep);
	buf_adds(&deep, "/*");
	for (unsigned i = 0; i < SCHEMA_XPATH_DEPTH_MOST / 2 - 5; i++)
		buf_adds(&deep, "[not(//*");
	for (unsigned i = 0; i < SCHEMA_XPATH_DEPTH_MOST / 2 - 5; i++)
		buf_adds(&deep, ")]");
	struct search s = {.t = t, .tree = tree, .path = deep.data};
	(void)search_in_turns(&s);
	schema_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_edit_in_turns_is_nobody_elses),
		cmocka_unit_test(a_branch_is_its_owners),
		cmocka_unit_test(an_unvalidated_tree_can_be_branched),
		cmocka_unit_test(expressions_give_turns),
		cmocka_unit_test(deep_expressions_fit),
	};
	return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
