// SPDX-License-Identifier: Apache-2.0
// A server for other people's clients: prints its port for TLS, a folder, and its port for SSH, then serves until its
// standard input ends. An empty line there is a notification to every subscriber, "tls PORT" or "ssh PORT" a call to a
// client that listens on 127.0.0.1 (RFC 8071). In the folder are ca.pem, one.pem and one.key,
// for a client over TLS; admin, the key of the user "admin" over SSH; and host, the server's key, of which `ssh-keygen -y`
// makes the public one.
#include "io/ssh.h"
#include "proto/netconf/test_ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct serving {
	struct test_world world;
	struct test_ssh ssh;
	struct buf input;
};

static void call_home(struct serving *s, bool over_ssh, const char *port)
{
	struct test_world *w = &s->world;
	struct io_address to;
	int fd = -1;
	if (!io_address_parse("127.0.0.1", (uint16_t)strtoul(port, NULL, 10), &w->diags, &to) ||
	    io_connect_start(&to, NULL, &fd) < 0)
		return;
	netconf_server_serve(w->box.server,
			     &(struct netconf_connection){
				     .transport = over_ssh ? io_ssh_server(s->ssh.server, fd)
							   : io_tls_server(w->server_tls, fd),
				     .address = "home",
				     .connecting = true,
			     });
}

static void on_line(struct serving *s, const char *line)
{
	static const char fell[] = "<fell " BOX "/>";
	const bool ssh = strncmp(line, "ssh ", 4) == 0;
	if (ssh || strncmp(line, "tls ", 4) == 0)
		call_home(s, ssh, line + 4);
	else
		netconf_server_notify(s->world.box.server, fell, strlen(fell), 0);
}

static void on_input(void *context, unsigned events)
{
	struct serving *s = context;
	char bytes[64];
	(void)events;
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
	if (n <= 0)
		io_loop_stop(s->world.loop);
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] != '\n') {
			buf_addc(&s->input, bytes[i]);
			continue;
		}
		on_line(s, s->input.data ? s->input.data : "");
		buf_clear(&s->input);
	}
}

int main(void)
{
	struct serving s = {0};
	struct test_world *w = &s.world;
	struct io_watch *input;
	buf_init(&s.input);
	test_world_init(w, NULL);
	test_ssh_init(&s.ssh, w);
	w->box.own_timer = true;
	io_tls_free(test_identity(w, "admin"));
	struct io_watch_options o = {
		.fd = STDIN_FILENO, .events = IO_READ, .fn = on_input, .context = &s};
	if (io_watch_new(w->loop, &o, &input) < 0)
		return 1;
	printf("%u %s %u\n", io_address_port(&w->address), w->dir, io_address_port(&s.ssh.address));
	fflush(stdout);
	int rc = io_loop_run(w->loop);
	io_watch_free(input);
	test_ssh_fini(&s.ssh, w);
	test_world_fini(w);
	buf_fini(&s.input);
	return rc < 0;
}
