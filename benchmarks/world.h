// SPDX-License-Identifier: Apache-2.0
// What the NETCONF benchmarks share: certificates, a server in a process of its own (ours, or the peer on libnetconf2),
// what it takes, and a client. Any failure ends the program.
#pragma once

#include "base/diag.h"
#include "io/net.h"
#include "io/ssh.h"
#include "io/tls.h"

#include <sys/types.h>

struct netconf_client;

struct world {
	struct arena arena;
	struct diags diags;
	const char *dir;
	struct io_tls *tls;
	struct io_address address;
	pid_t server;
	bool peer;                 // who is asked
	bool over_ssh;             // and how
	struct io_ssh *host, *ssh; // the server's and the client's identity
	struct io_ssh_target ssh_target;
	struct io_tls_target tls_target;
	struct netconf_client *client;
};

void world_fail(struct world *w, const char *what) __attribute__((noreturn));
// With identities for a server and for its client.
void world_init(struct world *w);
void world_fini(struct world *w);

enum world_server {
	WORLD_OURS,
	WORLD_OURS_SSH,
	WORLD_PEER,          // serves one session after the other
	WORLD_PEER_TOGETHER, // all at once
};
void world_start_server(struct world *w, enum world_server which);
void world_stop_server(struct world *w);
// A line of the server's /proc/PID/status, in megabytes: "VmHWM:" is the peak.
double world_memory_mb(struct world *w, const char *what);
// What the server has taken of a processor.
double world_cpu_seconds(struct world *w);
// How a client opens its connections to the server.
struct io_opener world_opener(struct world *w);
void world_connect_client(struct world *w);
// The seconds that a request for next to nothing of running takes.
double world_ask_small(struct world *w);
