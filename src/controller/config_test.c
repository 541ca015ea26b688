// SPDX-License-Identifier: Apache-2.0
// Options: what wins, lists, faults with their place.
#include "controller/config.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	struct arena arena;
	struct diags diags;
	struct config config;
	char file[40];
};

static int set_up(void **state)
{
	struct bench *b = base_oom(calloc(1, sizeof(*b)));
	arena_init(&b->arena);
	snprintf(b->file, sizeof(b->file), "/tmp/config-test-XXXXXX");
	int fd = mkstemp(b->file);
	assert_true(fd >= 0);
	close(fd);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	unlink(b->file);
	arena_fini(&b->arena);
	free(b);
	return 0;
}

static void write_file(struct bench *b, const char *text)
{
	FILE *f = fopen(b->file, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

// Words are separated by one space.
static bool read_words(struct bench *b, const char *words)
{
	char *argv[32] = {(char *)"bulwarkd"};
	int argc = 1;
	for (const char *p = words; *p;) {
		size_t len = strcspn(p, " ");
		argv[argc++] = arena_strndup(&b->arena, p, len);
		p += len + (p[len] == ' ');
	}
	diags_init(&b->diags, &b->arena);
	return config_read(argc, argv, &b->diags, &b->config);
}

static void test_defaults(void **state)
{
	struct bench *b = *state;
	assert_true(read_words(b, ""));
	assert_string_equal(b->config.state, "/var/lib/bulwark");
	assert_int_equal(b->config.listen.list.len, 1);
	assert_string_equal(b->config.listen.list.at[0], "[::1]:8443");
	assert_int_equal(b->config.address.list.len, 0);
	assert_int_equal(b->config.workers, 16);
	assert_int_equal(b->config.keep_jobs, 1000);
	assert_int_equal(b->config.keep_days, 90);
	assert_null(b->config.certificate);
}

static void test_precedence(void **state)
{
	struct bench *b = *state;
	write_file(b,
		   "# all of it\n state = /file \r\nlisten=*:1\nlisten = *:2 # two\n\nworkers = 7\n"
		   "name = from-file");
	char *words = arena_printf(&b->arena, "--listen *:3 --config %s --state /flag", b->file);
	assert_true(read_words(b, words));
	assert_string_equal(b->config.state, "/flag");
	assert_int_equal(b->config.listen.list.len, 1);
	assert_string_equal(b->config.listen.list.at[0], "*:3");
	assert_int_equal(b->config.workers, 7);
	assert_string_equal(b->config.name, "from-file");
	assert_true(read_words(b, arena_printf(&b->arena, "--config %s", b->file)));
	assert_int_equal(b->config.listen.list.len, 2);
	assert_true(read_words(b, "--help"));
	assert_true(b->config.help);
}

static void test_faults(void **state)
{
	struct bench *b = *state;
	static const char *const bad[] = {
		"--nonsense x", "state",    "--state",           "--workers many",
		"--workers -1", "--key /a", "--workers 1000001", "--config /nothing/there",
	};
	for (size_t i = 0; i < array_len(bad); i++) {
		assert_false(read_words(b, bad[i]));
		assert_true(b->diags.errors >= 1);
		assert_non_null(b->diags.list.at[0].hint);
	}
	write_file(b, "state = /x\nnonsense = 1\nworkers\nworkers = x\n");
	assert_false(read_words(b, arena_printf(&b->arena, "--config %s", b->file)));
	assert_int_equal(b->diags.errors, 3); // every one of them
	assert_int_equal(b->diags.list.at[0].line, 2);
	assert_int_equal(b->diags.list.at[1].line, 3);
	assert_int_equal(b->diags.list.at[2].line, 4);
	assert_string_equal(b->diags.list.at[0].file, b->file);
}

static void test_help(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text);
	config_help(&text);
	assert_non_null(strstr(text.data, "--listen ADDRESS:PORT"));
	buf_fini(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {TEST(test_defaults), TEST(test_precedence),
						  TEST(test_faults), TEST(test_help)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
