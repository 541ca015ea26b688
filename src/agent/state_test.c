// SPDX-License-Identifier: Apache-2.0
// State files: written and read back, torn at every byte, changed in every bit.
#include "agent/state.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	struct arena arena;
	struct diags diags;
	char dir[40];
};

static int setup(void **state)
{
	struct place *place = base_oom(calloc(1, sizeof(*place)));
	arena_init(&place->arena);
	diags_init(&place->diags, &place->arena);
	snprintf(place->dir, sizeof(place->dir), "/tmp/state-test.XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	assert_true(agent_state_remove(place->dir, "confirmed", &place->diags));
	assert_true(agent_state_remove(place->dir, "startup", &place->diags));
	assert_int_equal(rmdir(place->dir), 0);
	arena_fini(&place->arena);
	free(place);
	return 0;
}

static struct agent_policy policy(struct place *place)
{
	struct agent_policy p = {
		.running = "<config/>", .lowered_at = -5, .horizon = 1773219600, .generation = 17};
	struct ir_clause *clause = arena_new(&place->arena, struct ir_clause);
	assert_true(ir_clause_narrow(clause, &place->arena, IR_PROTO,
				     algebra_set_one(&place->arena, 6, 6)));
	vec_push(&place->arena, &p.ruleset.rule,
		 (struct ir_rule){.policy = "p",
				  .name = "r",
				  .verdict = IR_PASS,
				  .clause = clause,
				  .clauses = 1});
	p.ruleset.default_action = IR_REJECT;
	return p;
}

static void policies(void **state)
{
	struct place *place = *state;
	struct agent_policy in = policy(place), out;
	assert_int_equal(
		agent_policy_read(place->dir, "confirmed", &place->arena, &place->diags, &out),
		AGENT_ABSENT);
	assert_true(agent_policy_write(place->dir, "next", &in, &place->diags));
	assert_true(agent_state_exists(place->dir, "next"));
	assert_true(agent_state_rename(place->dir, "next", "confirmed", &place->diags));
	assert_false(agent_state_exists(place->dir, "next"));
	assert_int_equal(
		agent_policy_read(place->dir, "confirmed", &place->arena, &place->diags, &out),
		AGENT_FOUND);
	assert_string_equal(out.running, in.running);
	assert_int_equal(out.lowered_at, in.lowered_at);
	assert_int_equal(out.horizon, in.horizon);
	assert_int_equal(out.generation, 17);
	assert_int_equal(out.ruleset.rule.len, 1);
	assert_int_equal(out.ruleset.default_action, IR_REJECT);
	assert_int_equal(place->diags.errors, 0);
}

static enum agent_found read_bytes(struct place *place, const void *data, size_t len)
{
	char path[64];
	struct agent_policy out;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	snprintf(path, sizeof(path), "%s/confirmed", place->dir);
	assert_int_equal(
		file_put(&(struct file_put){.path = path, .data = data, .len = len, .mode = 0600}),
		0);
	enum agent_found found = agent_policy_read(place->dir, "confirmed", &arena, &diags, &out);
	assert_int_equal(diags.errors, found == AGENT_BROKEN);
	if (found == AGENT_BROKEN)
		assert_true(diags.list.at[0].hint && diags.list.at[0].file);
	arena_fini(&arena);
	return found;
}

static void torn_or_changed_files_are_known(void **state)
{
	struct place *place = *state;
	struct agent_policy in = policy(place);
	char path[64];
	cleanup(buf_fini) struct buf file;
	buf_init(&file);
	assert_true(agent_policy_write(place->dir, "confirmed", &in, &place->diags));
	snprintf(path, sizeof(path), "%s/confirmed", place->dir);
	assert_int_equal(file_read(path, AGENT_STATE_MOST, &file), 0);
	for (size_t len = 0; len < file.len; len++)
		assert_int_equal(read_bytes(place, file.data, len), AGENT_BROKEN);
	for (size_t bit = 0; bit < file.len * 8; bit++) {
		file.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(read_bytes(place, file.data, file.len), AGENT_BROKEN);
		file.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(read_bytes(place, file.data, file.len), AGENT_FOUND);
	buf_addc(&file, '\0');
	assert_int_equal(read_bytes(place, file.data, file.len), AGENT_BROKEN);
}

static void startup(void **state)
{
	struct place *place = *state;
	const char *text = "unchanged";
	assert_int_equal(agent_startup_read(place->dir, &place->arena, &place->diags, &text),
			 AGENT_ABSENT);
	assert_true(agent_startup_write(place->dir, "<s/>", &place->diags));
	assert_int_equal(agent_startup_read(place->dir, &place->arena, &place->diags, &text),
			 AGENT_FOUND);
	assert_string_equal(text, "<s/>");
	// One kind of file is not taken for the other.
	struct agent_policy out;
	assert_int_equal(
		agent_policy_read(place->dir, "startup", &place->arena, &place->diags, &out),
		AGENT_BROKEN);
	assert_true(agent_startup_write(place->dir, NULL, &place->diags));
	assert_int_equal(agent_startup_read(place->dir, &place->arena, &place->diags, &text),
			 AGENT_ABSENT);
}

static void failures_are_said(void **state)
{
	struct place *place = *state;
	struct agent_policy in = policy(place);
	assert_false(agent_policy_write("/nowhere", "next", &in, &place->diags));
	assert_false(agent_state_rename(place->dir, "absent", "confirmed", &place->diags));
	assert_int_equal(place->diags.errors, 2);
	assert_int_equal(place->diags.list.at[0].code, DIAG_IO);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(policies),
		in_place(torn_or_changed_files_are_known),
		in_place(startup),
		in_place(failures_are_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
