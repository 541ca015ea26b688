// SPDX-License-Identifier: Apache-2.0
// What somebody measures who sends UDP datagrams through a router and counts those that arrive: ordinary sockets, one for
// each source port in the source's network namespace, one for each destination port in that of the sink. A window of
// datagrams is sent, then what has arrived is read; both many at a time (sendmmsg, recvmmsg), so that little is measured
// but the kernel's way from socket to socket.
//
// The load says which datagrams: all of its frames are UDP, without options.
#pragma once

#include "benchmarks/traffic.h"

struct sockets;

// Exits when the surroundings fail. Leaves the caller in the sink's namespace. Borrows the load.
struct sockets *sockets_open(int source, int sink, const struct traffic_load *load) must_check;
void sockets_close(struct sockets *s);

struct sockets_count {
	uint64_t sent, received;
};
// At least one window.
struct sockets_count sockets_run(struct sockets *s, double seconds);
