// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a client says before it is known: the server's side of SSH ends with a fault and lets nobody in.
#include "io/ssh.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MOST 1000

static struct io_ssh *make(void)
{
	static char dir[] = "/tmp/fuzz-ssh-XXXXXX";
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	assert(mkdtemp(dir));
	const char *key = arena_printf(&arena, "%s/host", dir);
	assert(io_ssh_key_new(key, &diags));
	// No key may come in.
	struct io_ssh_options o = {.key = key, .authorized = "/dev/null"};
	struct io_ssh *ssh = io_ssh_new(&o, &diags);
	assert(ssh);
	assert(unlink(key) == 0 && rmdir(dir) == 0);
	return ssh;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct io_ssh *ssh;
	int fd[2], steps = 0;
	if (!ssh)
		ssh = make();
	if (size > 60000) // what a socket takes without a reader
		return 0;
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	assert(send(fd[1], data, size, 0) == (ssize_t)size);
	assert(shutdown(fd[1], SHUT_WR) == 0);
	struct io_transport *t = io_ssh_server(ssh, fd[0]);
	enum io_result r;
	do
		r = t->ops->handshake(t);
	while ((r == IO_WANT_READ || r == IO_WANT_WRITE) && ++steps < STEPS_MOST);
	assert(r == IO_FAILED && t->fault.text);
	t->ops->shutdown(t);
	t->ops->free(t);
	close(fd[1]);
	return 0;
}
