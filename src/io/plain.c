// SPDX-License-Identifier: Apache-2.0
// The transport that adds nothing to the descriptor.
#include "io/transport.h"
#include "io/transport_fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static enum io_result handshake(struct io_transport *t)
{
	(void)t;
	return IO_OK;
}

static enum io_result failed(struct io_transport *t, enum io_result again)
{
	if (errno == EAGAIN || errno == EINTR)
		return again;
	return io_fault(t, DIAG_IO, IO_HINT_PEER, "the connection broke: %s", strerror(errno));
}

static enum io_result plain_read(struct io_transport *t, void *data, size_t len, size_t *got_out)
{
	ssize_t n = recv(t->fd, data, len, 0);
	if (n < 0)
		return failed(t, IO_WANT_READ);
	*got_out = (size_t)n;
	return n ? IO_OK : IO_CLOSED;
}

static enum io_result plain_write(struct io_transport *t, const void *data, size_t len,
				  size_t *put_out)
{
	ssize_t n = send(t->fd, data, len, MSG_NOSIGNAL);
	if (n < 0)
		return failed(t, IO_WANT_WRITE);
	*put_out = (size_t)n;
	return IO_OK;
}

static void plain_free(struct io_transport *t)
{
	close(t->fd);
	free(t);
}

static const struct io_transport_ops plain_ops = {
	.name = "plain",
	.handshake = handshake,
	.read = plain_read,
	.write = plain_write,
	.free = plain_free,
};

struct io_transport *io_plain_new(int fd)
{
	struct io_transport *t = base_oom(calloc(1, sizeof(*t)));
	t->ops = &plain_ops;
	t->fd = fd;
	return t;
}

static struct io_transport *open_plain(const void *context, int fd)
{
	(void)context;
	return io_plain_new(fd);
}

struct io_opener io_plain_opener(void)
{
	return (struct io_opener){.open = open_plain};
}
