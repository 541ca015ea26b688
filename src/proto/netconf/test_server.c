// SPDX-License-Identifier: Apache-2.0
// A server for other people's clients: prints its port for TLS, a folder, and its port for SSH, then serves until its
// standard input ends. A line there is a notification to every subscriber. In the folder are ca.pem, one.pem and one.key,
// for a client over TLS; admin, the key of the user "admin" over SSH; and host, the server's key, of which `ssh-keygen -y`
// makes the public one.
#include "proto/netconf/test_ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_input(void *context, unsigned events)
{
	static const char fell[] = "<fell " BOX "/>";
	struct test_world *w = context;
	char line[64];
	(void)events;
	ssize_t n = read(STDIN_FILENO, line, sizeof(line));
	if (n > 0)
		netconf_server_notify(w->box.server, fell, strlen(fell), 0);
	else
		io_loop_stop(w->loop);
}

int main(void)
{
	struct test_world w;
	struct test_ssh ssh;
	struct io_watch *input;
	test_world_init(&w, NULL);
	test_ssh_init(&ssh, &w);
	w.box.own_timer = true;
	io_tls_free(test_identity(&w, "admin"));
	struct io_watch_options o = {
		.fd = STDIN_FILENO, .events = IO_READ, .fn = on_input, .context = &w};
	if (io_watch_new(w.loop, &o, &input) < 0)
		return 1;
	printf("%u %s %u\n", io_address_port(&w.address), w.dir, io_address_port(&ssh.address));
	fflush(stdout);
	int rc = io_loop_run(w.loop);
	io_watch_free(input);
	test_ssh_fini(&ssh, &w);
	test_world_fini(&w);
	return rc < 0;
}
