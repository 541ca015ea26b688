// SPDX-License-Identifier: Apache-2.0
// One SSH connection as a transport: what both sides share.
//
// The idea: libssh works inside its own calls, a poll without waiting and one read of some kilobytes each; the stream says
// when to call. libssh keeps what it could not write without limit, so nothing more is read from a peer that makes it answer
// but does not take the answers; and what it has taken of ours counts as written only when the kernel has it. libssh closes
// its descriptor whenever it sees an end, which nobody else may find closed: it has a duplicate.
// RFC 4253 section 11, RFC 4254 sections 5 and 6, RFC 6242 section 3.
#include "io/ssh_internal.h"
#include "io/transport_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWERS_MOST (64u * 1024) // bytes that may wait beside what we send ourselves
#define PACKET_ADDS 36            // to its content: lengths, padding, MAC
#define CHUNK (32u * 1024)
#define ROUNDS 8
#define UNDER_WAY_MOST (2u << 20) // bytes behind the end: a window, which libssh keeps
#define BY_APPLICATION "Received SSH_MSG_DISCONNECT: 11:"

static struct ssh_transport *of(struct io_transport *head)
{
	return (struct ssh_transport *)head;
}

static bool waits(const struct ssh_transport *t)
{
	return ssh_get_status(t->session) & SSH_WRITE_PENDING;
}

static bool is_broken(const struct ssh_transport *t)
{
	return t->head.fault.text || (ssh_get_status(t->session) & (SSH_CLOSED | SSH_CLOSED_ERROR));
}

// To libssh a channel is closed, too, when the connection has broken.
static bool closed_by_peer(const struct ssh_transport *t)
{
	return t->channel && (ssh_channel_is_eof(t->channel) ||
			      (!is_broken(t) && ssh_channel_is_closed(t->channel)));
}

// --- faults ---

#define NO_MATCH "no match for method "

static void hear(int priority, const char *function, const char *text, void *context)
{
	struct ssh_transport *t = context;
	const char *at = strstr(text, NO_MATCH);
	(void)priority, (void)function;
	if (at && !t->disagreed)
		t->disagreed = arena_strdup(&t->arena, at + strlen(NO_MATCH));
}

// Libssh keeps all this for each thread by itself.
void io_ssh_listen_in(struct ssh_transport *t)
{
	ssh_set_log_callback(hear);
	ssh_set_log_userdata(t);
	ssh_set_log_level(SSH_LOG_WARN);
}

void io_ssh_listen_no_more(void)
{
	ssh_set_log_level(SSH_LOG_NONE);
	ssh_set_log_userdata(NULL);
}

static enum io_result broken_off(struct ssh_transport *t, const char *text)
{
	if (t->refused)
		return io_fault(&t->head, DIAG_DENIED, IO_SSH_HINT_CLIENT, "%s", t->refused);
	if (t->disagreed)
		return io_fault(&t->head, DIAG_UNSUPPORTED,
				"let both sides speak current algorithms",
				"both sides have no algorithm in common: %.240s", t->disagreed);
	if (strstr(text, "Received SSH_MSG_DISCONNECT"))
		return io_fault(&t->head, DIAG_IO, IO_HINT_PEER,
				"the peer ended the connection: %.200s",
				text + strlen("Received SSH_MSG_"));
	if (!*text || strstr(text, "Socket error"))
		return io_fault(&t->head, DIAG_IO, IO_HINT_PEER, "the connection broke off");
	return io_fault(&t->head, DIAG_IO, IO_HINT_PEER, "SSH failed: %.200s", text);
}

enum io_result io_ssh_broken(struct ssh_transport *t)
{
	const char *text = ssh_get_error(t->session);
	if (t->head.fault.text)
		return IO_FAILED;
	// Whoever has said that it sends no more may go without another word.
	if (t->open &&
	    (closed_by_peer(t) || strncmp(text, BY_APPLICATION, strlen(BY_APPLICATION)) == 0))
		return IO_CLOSED;
	return broken_off(t, text);
}

// --- letting libssh work ---

enum io_result io_ssh_wait(const struct ssh_transport *t)
{
	return waits(t) ? IO_WANT_WRITE : IO_WANT_READ;
}

// Bytes that wait in libssh, more or less: it counts what it puts into packets, not what they become.
static uint64_t backlog(struct ssh_transport *t)
{
	uint64_t all = t->raw.out_bytes + t->raw.out_packets * PACKET_ADDS;
	if (!waits(t)) {
		t->settled_made = all;
		t->settled_gone = t->socket.out_bytes;
	}
	uint64_t made = all - t->settled_made;
	uint64_t gone = t->socket.out_bytes - t->settled_gone;
	return made > gone ? made - gone : 0;
}

static bool writable(const struct ssh_transport *t)
{
	struct pollfd p = {.fd = t->head.fd, .events = POLLOUT};
	return poll(&p, 1, 0) == 1;
}

// Whoever does not take his answers is not read.
static bool must_not_read(struct ssh_transport *t)
{
	return backlog(t) > ANSWERS_MOST + t->in_flight && !writable(t);
}

enum io_result io_ssh_pump(struct ssh_transport *t)
{
	if (is_broken(t))
		return io_ssh_broken(t);
	if (must_not_read(t))
		return IO_WANT_WRITE;
	uint64_t before = t->socket.in_bytes;
	(void)ssh_execute_message_callbacks(t->session); // what is wrong shows in the status
	if (t->socket.in_bytes != before)
		return IO_OK;
	return is_broken(t) ? io_ssh_broken(t) : io_ssh_wait(t);
}

// --- operations ---

static enum io_result ssh_transport_handshake(struct io_transport *head)
{
	struct ssh_transport *t = of(head);
	return head->fault.text ? IO_FAILED : t->handshake(t);
}

// The last bytes that come may be what writing waits for: a window that opens, the end of an exchange of keys.
static void look_at_shut(struct ssh_transport *t)
{
	if (!t->shut || t->socket.in_bytes == t->shut_at)
		return;
	t->shut = false;
	t->head.again = true;
}

static enum io_result read_rounds(struct ssh_transport *t, void *data, size_t len, size_t *got_out)
{
	for (int round = 0; round < ROUNDS; round++) {
		if (must_not_read(t))
			return IO_WANT_WRITE;
		int n = ssh_channel_poll(t->channel, 0); // may read from the network
		if (n > 0)
			n = ssh_channel_read_nonblocking(t->channel, data, (uint32_t)len, 0);
		if (n > 0) {
			*got_out = (size_t)n;
			return IO_OK;
		}
		if (n == SSH_EOF || closed_by_peer(t))
			return IO_CLOSED;
		enum io_result r = io_ssh_pump(t);
		if (r != IO_OK)
			return r;
	}
	t->head.again = true; // the last round may have brought bytes
	return io_ssh_wait(t);
}

static enum io_result ssh_transport_read(struct io_transport *head, void *data, size_t len,
					 size_t *got_out)
{
	struct ssh_transport *t = of(head);
	enum io_result r = read_rounds(t, data, len, got_out);
	look_at_shut(t);
	return r;
}

// Brings what libssh has taken into the kernel.
static enum io_result drain(struct ssh_transport *t)
{
	for (int round = 0; round < ROUNDS && waits(t) && writable(t); round++) {
		(void)ssh_execute_message_callbacks(t->session);
		if (is_broken(t))
			return io_ssh_broken(t);
	}
	return waits(t) ? IO_WANT_WRITE : IO_OK;
}

static enum io_result ssh_transport_write(struct io_transport *head, const void *data, size_t len,
					  size_t *put_out)
{
	struct ssh_transport *t = of(head);
	if (is_broken(t))
		return io_ssh_broken(t);
	if (!t->in_flight) {
		uint32_t most = len < CHUNK ? (uint32_t)len : CHUNK;
		int n = ssh_channel_write(t->channel, data, most);
		if (n < 0)
			return io_ssh_broken(t);
		// Nothing: the peer's window is shut, or keys are exchanged, and the peer will say when that is over.
		t->shut = n == 0;
		t->shut_at = t->socket.in_bytes;
		if (t->shut)
			return is_broken(t) ? io_ssh_broken(t) : io_ssh_wait(t);
		t->in_flight = (size_t)n;
	}
	enum io_result r = drain(t);
	if (r != IO_OK)
		return r;
	*put_out = t->in_flight;
	t->in_flight = 0;
	return IO_OK;
}

static void ssh_transport_shutdown(struct io_transport *head)
{
	struct ssh_transport *t = of(head);
	t->ended_at = t->socket.in_bytes;
	if (is_broken(t) && !head->fault.text)
		return;
	if (t->open && !head->fault.text) {
		if (!t->target)
			(void)ssh_channel_request_send_exit_status(t->channel, 0);
		(void)ssh_channel_send_eof(t->channel);
		(void)ssh_channel_close(t->channel);
	} else if (ssh_is_connected(t->session)) {
		// What cannot go at once when it disconnects is lost. A server that refuses says nothing more: clients
		// on libssh that hear of it between two attempts wait for ever.
		if (t->target)
			(void)ssh_execute_message_callbacks(t->session);
		(void)ssh_session_set_disconnect_message(t->session, "refused; see the log");
		ssh_disconnect(t->session);
		t->channel = NULL;
	}
}

// An exchange of keys holds back our last words until the peer has had its part in it.
static enum io_result ssh_transport_await_end(struct io_transport *head)
{
	struct ssh_transport *t = of(head);
	return t->socket.in_bytes - t->ended_at > UNDER_WAY_MOST ? IO_CLOSED : io_ssh_pump(t);
}

static const struct io_peer *ssh_transport_peer(const struct io_transport *head)
{
	return &((const struct ssh_transport *)head)->peer;
}

// --- life ---

static void ssh_transport_free(struct io_transport *head)
{
	struct ssh_transport *t = of(head);
	if (t->channel)
		ssh_channel_free(t->channel);
	ssh_silent_disconnect(t->session);
	ssh_free(t->session);
	close(head->fd);
	io_ssh_unref(t->ssh);
	arena_fini(&t->arena);
	free(t);
}

static const struct io_transport_ops ops = {
	.name = "ssh",
	.handshake = ssh_transport_handshake,
	.read = ssh_transport_read,
	.write = ssh_transport_write,
	.shutdown = ssh_transport_shutdown,
	.await_end = ssh_transport_await_end,
	.peer = ssh_transport_peer,
	.free = ssh_transport_free,
};

struct ssh_transport *io_ssh_transport_new(struct io_ssh *ssh,
					   enum io_result (*handshake)(struct ssh_transport *t),
					   int fd, int *fd_out)
{
	struct ssh_transport *t = base_oom(calloc(1, sizeof(*t)));
	t->head.ops = &ops;
	t->handshake = handshake;
	t->head.fd = fd;
	t->ssh = io_ssh_ref(ssh);
	arena_init(&t->arena);
	t->session = base_oom(ssh_new());
	ssh_set_blocking(t->session, 0);
	ssh_set_counters(t->session, &t->socket, &t->raw);
	*fd_out = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (*fd_out < 0)
		io_fault(&t->head, DIAG_IO, "raise the limit of open descriptors",
			 "there is no descriptor for the connection: %s", strerror(errno));
	return t;
}
