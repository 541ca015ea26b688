// SPDX-License-Identifier: Apache-2.0
// A case with a fault, made small and printed.
#include "verify/test.h"
#include "base/buf.h"

#include <stdio.h>

#define TRIES 3000

struct shrinking {
	const struct verify_test_engine *engine;
	struct verify_test_case *test;
	bool by_edit;            // B replaces all of A by one edit
	struct verify_edit edit; // that one
	struct arena arena;
};

// B's rules are the edit's: what is left out of one is left out of the other.
static void refresh(struct shrinking *s)
{
	struct verify_test_case *t = s->test;
	if (!s->by_edit)
		return;
	t->edit.len = t->b_source.len = 0;
	s->edit = (struct verify_edit){0, t->a.rule.len, t->b.rule.at, t->b.rule.len};
	vec_push(&s->arena, &t->edit, s->edit);
	for (size_t i = 0; i < t->b.rule.len; i++)
		vec_push(&s->arena, &t->b_source, &t->b.rule.at[i]);
}

static bool still_wrong(void *user)
{
	struct shrinking *s = user;
	struct buf fault;
	buf_init(&fault);
	refresh(s);
	bool is = verify_test_check(s->engine, s->test, &fault) == VERIFY_TEST_WRONG;
	buf_fini(&fault);
	return is;
}

static void try_case(struct shrinking *s, struct verify_test_case changed)
{
	struct verify_test_case before = *s->test;
	*s->test = changed;
	if (!still_wrong(s))
		*s->test = before;
}

// False when only these very edits show the fault.
static bool free_of_edits(struct shrinking *s)
{
	struct verify_test_case before = *s->test, changed = before;
	changed.edit.len = 0;
	changed.edit.cap = changed.b_source.cap = 0; // arrays of their own from here
	changed.b_source.len = 0;
	*s->test = changed;
	if (!before.edit.len || still_wrong(s))
		return true;
	s->by_edit = true;
	if (still_wrong(s))
		return true;
	s->by_edit = false;
	*s->test = before;
	return false;
}

static void shrink(struct shrinking *s)
{
	struct verify_test_case *t = s->test, changed;
	struct ir_ruleset a = t->a, b = t->b;
	if (!free_of_edits(s))
		return;
	test_ruleset_copy(&a, &s->arena, &t->a);
	test_ruleset_copy(&b, &s->arena, &t->b);
	t->rewritten = false;
	changed = *t;
	changed.guarantee.len = 0;
	try_case(s, changed);
	changed = *t;
	changed.where = NULL;
	try_case(s, changed);
	changed = *t;
	changed.b.rule.len = 0;
	try_case(s, changed);
	struct ir_ruleset *const rulesets[] = {&t->a, &t->b};
	test_ruleset_shrink(&(struct test_shrink){.ruleset = rulesets,
						  .rulesets = array_len(rulesets),
						  .still_wrong = still_wrong,
						  .user = s,
						  .asked_most = TRIES});
	refresh(s);
}

void verify_test_report(const struct verify_test_engine *engine, struct verify_test_case *test)
{
	struct shrinking s = {.engine = engine, .test = test};
	struct buf text;
	buf_init(&text);
	arena_init(&s.arena);
	shrink(&s);
	verify_test_print(test, &text);
	(void)!verify_test_check(engine, test, &text);
	printf("%s, made small:\n%s\n", engine->name, text.data);
	fflush(stdout);
	arena_fini(&s.arena);
	buf_fini(&text);
}
