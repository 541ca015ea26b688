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
	assert_true(agent_state_remove(place->dir, "startup", &place->diags));
	assert_int_equal(rmdir(place->dir), 0);
	arena_fini(&place->arena);
	free(place);
	return 0;
}

static enum agent_found read_bytes(struct place *place, const void *data, size_t len)
{
	char path[64];
	const char *text;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	snprintf(path, sizeof(path), "%s/startup", place->dir);
	assert_int_equal(
		file_put(&(struct file_put){.path = path, .data = data, .len = len, .mode = 0600}),
		0);
	enum agent_found found = agent_startup_read(place->dir, &arena, &diags, &text);
	assert_int_equal(diags.errors, found == AGENT_BROKEN);
	if (found == AGENT_BROKEN)
		assert_true(diags.list.at[0].hint && diags.list.at[0].file);
	arena_fini(&arena);
	return found;
}

static void torn_or_changed_files_are_known(void **state)
{
	struct place *place = *state;
	char path[64];
	cleanup(buf_fini) struct buf file;
	buf_init(&file);
	assert_true(agent_startup_write(place->dir, "<config/>", &place->diags));
	snprintf(path, sizeof(path), "%s/startup", place->dir);
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
	assert_true(agent_startup_write(place->dir, NULL, &place->diags));
	assert_int_equal(agent_startup_read(place->dir, &place->arena, &place->diags, &text),
			 AGENT_ABSENT);
}

static void failures_are_said(void **state)
{
	struct place *place = *state;
	assert_false(agent_startup_write("/nowhere", "<s/>", &place->diags));
	assert_int_equal(place->diags.errors, 1);
	assert_int_equal(place->diags.list.at[0].code, DIAG_IO);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(torn_or_changed_files_are_known),
		in_place(startup),
		in_place(failures_are_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
