// SPDX-License-Identifier: Apache-2.0
// An SSH listener beside the TLS listener of a test world.
#include "proto/netconf/test_ssh.h"
#include "base/file.h"
#include "io/ssh.h"

#include <string.h>
#include <unistd.h>

static const char *file(struct test_world *w, const char *name)
{
	return arena_printf(&w->arena, "%s/%s", w->dir, name);
}

static void note(void *context, const struct diag *what)
{
	buf_printf(context, "%s\n", what->text);
}

static void authorize(struct test_ssh *ssh, struct test_world *w)
{
	struct buf line cleanup(buf_fini);
	buf_init(&line);
	buf_adds(&line, "role=controller,name=admin ");
	io_ssh_public(ssh->client, &line);
	struct file_put put = {
		.path = file(w, "authorized"), .data = line.data, .len = line.len, .mode = 0600};
	assert_int_equal(file_put(&put), 0);
}

static void listen_here(struct test_ssh *ssh, struct test_world *w)
{
	struct io_address any;
	int fd = -1;
	assert_true(io_address_parse("127.0.0.1", 0, &w->diags, &any));
	assert_int_equal(io_listen(&any, &fd), 0);
	assert_int_equal(io_address_of(fd, &ssh->address), 0);
	assert_int_equal(netconf_server_listen(w->box.server, io_ssh_accepting(ssh->server), fd),
			 0);
}

void test_ssh_init(struct test_ssh *ssh, struct test_world *w)
{
	static const char *const roles[] = {"controller", NULL};
	char pin[IO_SSH_FINGERPRINT];
	*ssh = (struct test_ssh){0};
	buf_init(&ssh->notes);
	assert_true(io_ssh_key_new(file(w, "host"), &w->diags));
	assert_true(io_ssh_key_new(file(w, "admin"), &w->diags));
	ssh->client = io_ssh_new(&(struct io_ssh_options){.key = file(w, "admin")}, &w->diags);
	assert_non_null(ssh->client);
	authorize(ssh, w);
	struct io_ssh_options o = {.key = file(w, "host"),
				   .authorized = file(w, "authorized"),
				   .roles = roles,
				   .note = note,
				   .context = &ssh->notes};
	ssh->server = io_ssh_new(&o, &w->diags);
	assert_non_null(ssh->server);
	io_ssh_fingerprint(ssh->server, pin);
	ssh->pin[0] = arena_strdup(&w->arena, pin);
	listen_here(ssh, w);
}

void test_ssh_fini(struct test_ssh *ssh, struct test_world *w)
{
	static const char *const names[] = {"host", "admin", "authorized"};
	io_ssh_free(ssh->server);
	io_ssh_free(ssh->client);
	buf_fini(&ssh->notes);
	for (size_t i = 0; i < array_len(names); i++)
		unlink(file(w, names[i]));
}
