// SPDX-License-Identifier: Apache-2.0
// The configuration file: what is read, what is assumed, and what each fault is called.
#include "agent/config.h"
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
	char dir[40], path[80];
};

static int setup(void **state)
{
	struct place *place = base_oom(calloc(1, sizeof(*place)));
	arena_init(&place->arena);
	diags_init(&place->diags, &place->arena);
	snprintf(place->dir, sizeof(place->dir), "/tmp/config-test.XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof(place->path), "%s/%s", place->dir, AGENT_CONFIG_FILE);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	unlink(place->path);
	assert_int_equal(rmdir(place->dir), 0);
	arena_fini(&place->arena);
	free(place);
	return 0;
}

static bool reads(struct place *place, const char *text, struct agent_config *out)
{
	struct file_put put = {
		.path = place->path, .data = text, .len = strlen(text), .mode = 0644};
	assert_int_equal(file_put(&put), 0);
	return agent_config_read(place->dir, &place->diags, out);
}

static void assumes(void **state)
{
	struct place *place = *state;
	struct agent_config config;
	assert_true(reads(place, "name = edge-1\n", &config));
	assert_string_equal(config.name, "edge-1");
	assert_int_equal(config.listens, 1);
	assert_string_equal(config.listen[0].address, "*:6513");
	assert_false(config.listen[0].ssh || agent_config_uses_ssh(&config));
	assert_string_equal(config.state_dir, "/var/lib/bulwark-nsf");
	assert_string_equal(config.certificate_dir + strlen(place->dir), "/pki");
	assert_int_equal(config.user.uid, 65533);
	assert_false(config.keep_open);
	assert_int_equal(config.log_group, -1);
	assert_null(config.controller);
	assert_int_equal(config.endpoints, 0);
	assert_false(config.last_connected);
	assert_int_equal(config.call_wait, 60);
	assert_int_equal(config.keepalive, 15);
	assert_int_equal(config.sessions, 1000);
	assert_int_equal(config.proof_every, 600);
}

static void reads_all(void **state)
{
	struct place *place = *state;
	struct agent_config config;
	assert_true(reads(place,
			  "# comment\n\n  name=a\nlisten = 192.0.2.1\nlisten = "
			  "[2001:db8::1]:7000\nstate = state\n"
			  "certificates = /c\nyang = /y\ncontroller = "
			  "https://c:8443\naddress = 192.0.2.1\n"
			  "front-user = none\nunreadable-state = open\nlog-group = 7",
			  &config));
	assert_int_equal(config.listens, 2);
	assert_string_equal(config.listen[1].address, "[2001:db8::1]:7000");
	assert_string_equal(config.state_dir + strlen(place->dir), "/state");
	assert_string_equal(config.certificate_dir, "/c");
	assert_int_equal(config.user.uid, 0);
	assert_true(config.keep_open);
	assert_int_equal(config.log_group, 7);
}

// Shows: RFC 8071 3.1 several controllers, each with several endpoints
static void reads_who_is_called(void **state)
{
	struct place *place = *state;
	struct agent_config config;
	assert_true(reads(place,
			  "name = a\nlisten = none\ncall-home = 192.0.2.1 \t [2001:db8::1]:7000\n"
			  "call-home = 198.51.100.1\ncall-home-start = last-connected\n"
			  "call-home-wait = 5\nkeep-alive = 30\nsessions = 7\n"
			  "proof-every = never\n"
			  "recovery = alice\n",
			  &config));
	assert_int_equal(config.listens, 0);
	assert_int_equal(config.endpoints, 3);
	assert_string_equal(config.endpoint[0].address, "192.0.2.1");
	assert_string_equal(config.endpoint[1].address, "[2001:db8::1]:7000");
	assert_int_equal(config.endpoint[1].controller, 0);
	assert_int_equal(config.endpoint[2].controller, 1);
	assert_true(config.last_connected);
	assert_int_equal(config.call_wait, 5);
	assert_int_equal(config.keepalive, 30);
	assert_int_equal(config.sessions, 7);
	assert_int_equal(config.proof_every, 0);
	assert_string_equal(config.recovery, "alice");
}

static void reads_where_ssh_is_served(void **state)
{
	struct place *place = *state;
	struct agent_config config;
	assert_true(
		reads(place, "name = a\nlisten-ssh = *\nlisten-ssh = 192.0.2.1:2022\n", &config));
	assert_int_equal(config.listens, 3);
	assert_true(config.listen[0].ssh && config.listen[1].ssh && !config.listen[2].ssh);
	assert_int_equal(agent_listen_port(&config.listen[0]), 830);
	assert_true(agent_config_uses_ssh(&config) && agent_config_uses_tls(&config));
	assert_true(reads(place, "name = a\nlisten = none\nlisten-ssh = *\n", &config));
	assert_true(agent_config_uses_ssh(&config) && !agent_config_uses_tls(&config));
	assert_false(reads(place, "name = a\nlisten-ssh = host.example\n", &config));
	assert_true(reads(place, "name = a\nlisten = none\ncall-home-ssh = ::1\n", &config));
	assert_true(agent_config_uses_ssh(&config) && !agent_config_uses_tls(&config));
	assert_int_equal(agent_endpoint_port(&config.endpoint[0]), 4334);
}

static void names_every_fault(void **state)
{
	struct place *place = *state;
	struct agent_config config;
	static const char *const bad[] = {
		"",
		"name = a b\n",
		"name = a\nname = b\n",
		"name = a\nnonsense = 1\n",
		"name = a\nlisten\n",
		"name = a\nlisten = host.example\n",
		"name = a\nfront-user = root\n",
		"name = a\nunreadable-state = maybe\n",
		"name = a\nlog-group = 70000\n",
		"name = a\nlisten = none\n",
		"name = a\ncall-home = 192.0.2.1 controller.example\n",
		"name = a\ncall-home = *\n",
		"name = a\ncall-home = 0.0.0.0:4335\n",
		"name = a\ncall-home-start = last\n",
		"name = a\ncall-home-wait = 0\n",
		"name = a\nkeep-alive = 1s\n",
		"name = a\nsessions = 100001\n",
		"name = a\nproof-every = 0\n",
		"name = a\nproof-every = 86401\n",
		"name = a\ncall-home = ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 "
		"::1 "
		"::1\n",
		"name = a\ncontroller = http://c\n",
		"name = a\nlisten = *:1\nlisten = *:2\nlisten = *:3\nlisten = *:4\nlisten = *:5\n"
		"listen = *:6\nlisten = *:7\nlisten = *:8\nlisten = *:9\n",
	};
	for (size_t i = 0; i < array_len(bad); i++) {
		size_t before = place->diags.errors;
		assert_false(reads(place, bad[i], &config));
		assert_int_equal(place->diags.errors, before + 1);
		assert_non_null(place->diags.list.at[place->diags.list.len - 1].hint);
	}
	assert_int_equal(place->diags.list.at[3].line, 2);
	assert_int_equal(unlink(place->path), 0);
	assert_false(agent_config_read(place->dir, &place->diags, &config));
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(assumes), in_place(reads_all), in_place(reads_who_is_called),
		in_place(reads_where_ssh_is_served), in_place(names_every_fault)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
