// SPDX-License-Identifier: Apache-2.0
// Children on the loop. The idea: a pidfd becomes readable when the process ends, so a child is one
// more watch; no SIGCHLD, no search through all children. It neither starts nor signals processes.
#include "io/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct io_child {
	struct io_child_options options;
	int fd;
	struct io_watch *watch;
};

void io_child_free(struct io_child *child)
{
	if (!child)
		return;
	io_watch_free(child->watch);
	base_close(&child->fd);
	free(child);
}

static void ended(void *context, unsigned events)
{
	struct io_child *child = context;
	(void)events;
	int status = 0;
	pid_t pid = waitpid(child->options.pid, &status, WNOHANG);
	if (pid == 0)
		return;
	assert(pid == child->options.pid);
	io_watch_free(child->watch);
	child->watch = NULL;
	child->options.fn(child->options.context, status); // may free the child
}

int io_child_new(struct io_loop *loop, const struct io_child_options *options,
		 struct io_child **child_out)
{
	struct io_child *child = base_oom(calloc(1, sizeof(*child)));
	child->options = *options;
	child->fd = pidfd_open(options->pid, 0);
	int rc = child->fd < 0 ? -errno : 0;
	struct io_watch_options o = {
		.fd = child->fd, .events = IO_READ, .fn = ended, .context = child};
	if (rc == 0)
		rc = io_watch_new(loop, &o, &child->watch);
	if (rc < 0) {
		io_child_free(child);
		return rc;
	}
	*child_out = child;
	return 0;
}
