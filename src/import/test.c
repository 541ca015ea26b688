// SPDX-License-Identifier: Apache-2.0
// Reading for tests: what is read is asked about by ir_eval, one chain at a time.
#include "import/test.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void test_box_init(struct test_box *box)
{
	*box = (struct test_box){.random = {.state = 8329}};
	arena_init(&box->arena);
	diags_init(&box->diags, &box->arena);
}

void test_box_fini(struct test_box *box)
{
	arena_fini(&box->arena);
}

int test_start(void **state)
{
	struct test_box *box = base_oom(malloc(sizeof(*box)));
	test_box_init(box);
	*state = box;
	return 0;
}

int test_stop(void **state)
{
	test_box_fini(*state);
	free(*state);
	return 0;
}

bool test_read(struct test_box *box, const char *data, size_t len, enum import_format format)
{
	struct import_input input = {"dump", data, len, format};
	box->result = (struct import_result){0};
	return import_read(&input, &box->arena, &box->diags, &box->result);
}

void test_print_diags(const struct test_box *box)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	for (size_t i = 0; i < box->diags.list.len; i++)
		diag_print(&box->diags.list.at[i], false, &text);
	print_message("%s", text.data);
}

const struct import_chain *test_chain(const struct test_box *box, const char *name)
{
	for (size_t i = 0; i < box->result.chain.len; i++)
		if (!strcmp(box->result.chain.at[i].name, name))
			return &box->result.chain.at[i];
	fail_msg("no chain %s", name);
	return NULL;
}

size_t test_gap(const struct test_box *box, const char *what)
{
	for (size_t i = 0; i < box->result.gap.len; i++)
		if (!strcmp(box->result.gap.at[i].what, what))
			return box->result.gap.at[i].rules;
	return 0;
}

struct ir_outcome test_outcome(struct test_box *box, const char *chain, const char *packet)
{
	const struct ir_policy *policy = &test_chain(box, chain)->policy;
	struct ir_ruleset ruleset = {.rule.at = policy->rule.at, .rule.len = policy->rule.len};
	struct ir_packet p;
	struct ir_outcome out;
	bool good = ir_packet_parse(packet, TEST_NOW, &box->arena, &box->diags, &p);
	test_print_diags(box);
	assert_true(good);
	ir_eval(&ruleset, &p, &box->arena, &out);
	return out;
}

void test_ask(struct test_box *box, const struct test_sample *samples, size_t n,
	      char (*answer)(struct test_box *box, const struct test_sample *sample))
{
	for (size_t i = 0; i < n; i++) {
		const struct test_sample *s = &samples[i];
		char got = answer(box, s);
		if (got != s->answer)
			fail_msg("%s: %s: %c, not %c", s->rule, s->packet, got, s->answer);
	}
}
