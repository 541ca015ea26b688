// SPDX-License-Identifier: Apache-2.0
// A whole session against a server: hello, requests, filters, edits, whatever the bytes say. The first byte chooses whether
// a good hello goes before them. Whatever comes, what the server sends are well-formed messages, and the session ends when
// the bytes do.
#include "base/buf.h"
#include "fuzz/modules.h"
#include "io/loop.h"
#include "io/transport.h"
#include "access/access.h"
#include "proto/netconf/session.h"
#include "proto/netconf/test_yes.h"
#include "proto/netconf/xml.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BASE "urn:ietf:params:xml:ns:netconf:base:1.0"
#define STEPS_MOST 100000
#define HELLO                                                                                  \
	"<hello xmlns=\"" BASE "\"><capabilities><capability>urn:ietf:params:netconf:base:1.0" \
	"</capability></capabilities></hello>]]>]]>"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// --- an application that agrees with everything ---

static bool user(void *context, const struct io_peer *peer, struct diags *diags,
		 struct access_who *out)
{
	(void)context, (void)peer, (void)diags;
	*out = (struct access_who){.name = "somebody", .recovery = true};
	return true;
}

static const struct netconf_ops ops = {.user = user,
				       .commit = test_yes_commit,
				       .confirm = test_yes_confirm,
				       .cancel = test_yes_confirm,
				       .persist = test_yes_persist};

static struct schema *open_schema(void)
{
	static const char *const modules[] = {"ietf-i2nsf-cons-facing-interface",
					      "ietf-netconf",
					      "notifications",
					      "ietf-netconf-monitoring",
					      "ietf-netconf-with-defaults",
					      "ietf-netconf-partial-lock",
					      "ietf-yang-library",
					      "ietf-netconf-nmda:with-defaults",
					      NULL};
	return fuzz_modules(modules);
}

// --- what comes back ---

static void check_message(const struct buf *message)
{
	struct arena arena cleanup(arena_fini);
	struct netconf_xml root;
	const char *fault = NULL;
	arena_init(&arena);
	bool good = netconf_xml_parse(
		&arena, (struct netconf_xml_span){message->data, message->len}, &root, &fault);
	assert(good);
	assert(netconf_xml_is(&root, BASE, "rpc-reply") ||
	       netconf_xml_is(&root, "urn:ietf:params:xml:ns:netconf:notification:1.0",
			      "notification"));
}

static void read_back(struct netconf_session *client, int fd)
{
	char bytes[16384];
	for (ssize_t n; (n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0;) {
		for (size_t at = 0; at < (size_t)n;) {
			enum netconf_session_event what;
			at += netconf_session_feed(client, bytes + at, (size_t)n - at, &what);
			assert(what != NETCONF_SESSION_BAD);
			if (what == NETCONF_SESSION_OPEN) // we have said 1.0
				client->framing.kind = NETCONF_END_OF_MESSAGE;
			if (what != NETCONF_SESSION_MESSAGE)
				continue;
			check_message(&client->framing.message);
			netconf_session_next(client);
		}
	}
}

// Without our hello nobody knows which framing the server uses.
static void drain(int fd)
{
	char bytes[16384];
	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static void ended(void *context, const struct diag *why)
{
	(void)why;
	*(bool *)context = true;
}

static void run(struct io_loop *loop, int fd, bool hello, const bool *over)
{
	struct netconf_session client;
	netconf_session_init(&client, false, 64u << 20);
	for (int step = 0; !*over; step++) {
		assert(step < STEPS_MOST);
		int rc = io_loop_step(loop, 0);
		assert(rc == 0);
		if (hello)
			read_back(&client, fd);
		else
			drain(fd);
	}
	netconf_session_fini(&client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int ends[2], room = 1 << 20;
	struct io_loop *loop;
	if (!size)
		return 0;
	bool hello = *data & 1, over = false;
	int rc = io_loop_new(&loop);
	assert(rc == 0);
	rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
	assert(rc == 0);
	(void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	struct netconf_server *server = netconf_server_new(&(struct netconf_server_options){
		.loop = loop, .schema = open_schema(), .ops = &ops, .message_most = 1u << 20});
	netconf_server_serve(server,
			     &(struct netconf_connection){.transport = io_plain_new(ends[0]),
							  .closed = ended,
							  .context = &over});
	ssize_t n = hello ? write(ends[1], HELLO, sizeof(HELLO) - 1) : 0;
	assert(n >= 0);
	n = size > 1 ? write(ends[1], data + 1, size - 1) : 0;
	assert(n == (ssize_t)size - 1);
	shutdown(ends[1], SHUT_WR);
	run(loop, ends[1], hello, &over);
	netconf_server_free(server);
	close(ends[1]);
	io_loop_free(loop);
	return 0;
}
