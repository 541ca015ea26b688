// SPDX-License-Identifier: Apache-2.0
// Files appear whole, with their mode, and are read within their limit.
#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	char dir[32], path[64];
};

static int setup(void **state)
{
	struct place *place = base_oom(calloc(1, sizeof(*place)));
	snprintf(place->dir, sizeof(place->dir), "/tmp/file-test.XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof(place->path), "%s/f", place->dir);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	unlink(place->path);
	assert_int_equal(rmdir(place->dir), 0); // nothing else may be left
	free(place);
	return 0;
}

static int put(const char *path, const char *text, enum file_mode how)
{
	return file_put(&(struct file_put){
		.path = path, .data = text, .len = strlen(text), .mode = 0600, .how = how});
}

static void replaces(void **state)
{
	struct place *place = *state;
	cleanup(buf_fini) struct buf got;
	buf_init(&got);
	assert_int_equal(put(place->path, "one", FILE_REPLACE), 0);
	assert_int_equal(put(place->path, "two", FILE_REPLACE), 0);
	assert_int_equal(put(place->path, "three", FILE_NEW), -EEXIST);
	assert_int_equal(file_read(place->path, 3, &got), 0);
	assert_string_equal(got.data, "two");
	struct stat st;
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void limits(void **state)
{
	struct place *place = *state;
	cleanup(buf_fini) struct buf got;
	buf_init(&got);
	assert_int_equal(put(place->path, "12345", FILE_NEW), 0);
	assert_int_equal(file_read(place->path, 4, &got), -EFBIG);
	assert_int_equal(file_read(place->dir, 4, &got), -EISDIR);
	assert_int_equal(got.len, 0);
}

static void leftovers_do_not_matter(void **state)
{
	struct place *place = *state;
	char aside[80];
	snprintf(aside, sizeof(aside), "%s.new", place->path);
	FILE *f = fopen(aside, "w");
	assert_non_null(f);
	fputs("from a crash, and longer than what follows", f);
	fclose(f);
	assert_int_equal(put(place->path, "whole", FILE_NEW), 0);
	cleanup(buf_fini) struct buf got;
	buf_init(&got);
	assert_int_equal(file_read(place->path, 100, &got), 0);
	assert_string_equal(got.data, "whole");
}

static void removes(void **state)
{
	struct place *place = *state;
	assert_int_equal(put(place->path, "x", FILE_NEW), 0);
	assert_int_equal(file_remove(place->path), 0);
	assert_int_equal(file_remove(place->path), 0);
	assert_int_equal(access(place->path, F_OK), -1);
	assert_int_equal(put("/nowhere/at/all", "x", FILE_NEW), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replaces, setup, teardown),
		cmocka_unit_test_setup_teardown(limits, setup, teardown),
		cmocka_unit_test_setup_teardown(leftovers_do_not_matter, setup, teardown),
		cmocka_unit_test_setup_teardown(removes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
