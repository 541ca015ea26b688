// SPDX-License-Identifier: Apache-2.0
// Sockets for call home. The one idea: the enforcer never reads from a socket that it makes, and front never chooses
// where one goes: a request is one octet, the place of an endpoint in the configuration; the answer is that octet, an
// error number of four, and the socket.
// What it does not: wait for the connection, speak TLS, try again (call_home.c).
#include "agent/dial.h"

#include "base/buf.h"
#include "base/wire.h"
#include "io/loop.h"
#include "io/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER = 5, ASKED_A_ROUND = 16 };

struct agent_dialler {
	struct agent_dialler_options options;
	struct io_watch *watch;
};

// Room for one descriptor beside a message.
union ancillary {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int would_block(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

// --- the enforcer's end ---

static int connect_to(const struct agent_endpoint *endpoint, int *fd_out)
{
	struct arena arena;
	struct diags diags;
	struct io_address address;
	arena_init(&arena);
	diags_init(&diags, &arena);
	int r = -EINVAL;
	if (io_address_parse(endpoint->address, agent_endpoint_port(endpoint), &diags, &address))
		r = io_connect_start(&address, NULL, fd_out);
	arena_fini(&arena);
	return r;
}

// `fd` negative: the error number alone.
static int send_answer(int to, uint8_t endpoint, int fd)
{
	union ancillary space = {.bytes = {0}};
	struct buf text;
	buf_init(&text);
	wire_put_u8(&text, endpoint);
	wire_put_u32(&text, fd < 0 ? (uint32_t)-fd : 0);
	struct iovec part = {text.data, text.len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd >= 0) {
		message.msg_control = space.bytes;
		message.msg_controllen = sizeof(space.bytes);
		*CMSG_FIRSTHDR(&message) = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
							    .cmsg_level = SOL_SOCKET,
							    .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(fd));
	}
	ssize_t n = sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	int r = n < 0 ? -errno : 0;
	buf_fini(&text);
	return r;
}

static void end(struct agent_dialler *d, const char *why)
{
	io_watch_free(d->watch);
	d->watch = NULL;
	d->options.closed(d->options.context, why);
}

// False: the dialler has ended, or nothing more was asked.
static bool serve_one(struct agent_dialler *d)
{
	uint8_t asked[2];
	ssize_t n = recv(d->options.fd, asked, sizeof(asked), MSG_DONTWAIT);
	if (would_block(n))
		return false;
	if (n != 1 || asked[0] >= d->options.endpoints) {
		end(d, n > 0 ? "it asks for a connection that is not configured" : NULL);
		return false;
	}
	int fd = -1;
	int r = connect_to(&d->options.endpoint[asked[0]], &fd);
	r = send_answer(d->options.fd, asked[0], r < 0 ? r : fd);
	base_close(&fd);
	if (r < 0)
		end(d, "it does not take the connections that it asks for");
	return r == 0;
}

static void readable(void *context, unsigned events)
{
	struct agent_dialler *d = context;
	(void)events;
	for (int i = 0; i < ASKED_A_ROUND && serve_one(d); i++)
		;
}

int agent_dialler_new(struct io_loop *loop, const struct agent_dialler_options *options,
		      struct agent_dialler **out)
{
	struct agent_dialler *d = base_oom(calloc(1, sizeof(*d)));
	d->options = *options;
	struct io_watch_options o = {
		.fd = options->fd, .events = IO_READ, .fn = readable, .context = d};
	int r = io_watch_new(loop, &o, &d->watch);
	if (r < 0)
		agent_dialler_free(d);
	else
		*out = d;
	return r;
}

void agent_dialler_free(struct agent_dialler *dialler)
{
	if (!dialler)
		return;
	io_watch_free(dialler->watch);
	base_close(&dialler->options.fd);
	free(dialler);
}

// --- front's end ---

int agent_dial_ask(int fd, uint8_t endpoint)
{
	ssize_t n = send(fd, &endpoint, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? -errno : 0;
}

int agent_dial_receive(int fd, struct agent_dialled *out)
{
	char answer[ANSWER + 1];
	union ancillary space = {.bytes = {0}};
	struct iovec part = {answer, sizeof(answer)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = space.bytes,
				 .msg_controllen = sizeof(space.bytes)};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (would_block(n))
		return -EAGAIN;
	if (n != ANSWER)
		return -EPIPE;
	struct wire_reader r = wire_reader(answer, ANSWER);
	out->endpoint = wire_u8(&r);
	out->fd = -(int)wire_u32(&r);
	const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(&out->fd, CMSG_DATA(head), sizeof(int));
	return 0;
}
