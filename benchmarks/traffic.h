// SPDX-License-Identifier: Apache-2.0
// What forwarding a packet costs: source - router - sink in network namespaces of their own, linked by veth pairs; small
// packets that are made before; and the processor time that they take. Routers are independent of each other, so several
// can be measured in turns.
//
// TRAFFIC_ROUTER counts what the router alone does. Its veth is worked off by a kernel thread (threaded NAPI), which takes
// a packet from the veth's ring, forwards it and leaves it at the sink, where it is dropped as addressed to another host.
// The processor time of that thread, divided by the packets that the router says it has forwarded, is the figure.
// Sender and router take turns on one core, each a ring full: so the sender's time is not in the figure, the thread
// never waits for packets, and a machine with few cores, or busy ones, measures the same.
// TRAFFIC_WHOLE counts source, router and sink together, with veth as it is by default (no ring, no thread).
// TRAFFIC_SOCKETS is the same with programs at both ends (sockets.h): from one that sends UDP datagrams to one that
// receives them, on one core, all of its time. Datagrams that arrived are counted.
#pragma once

#include "base/base.h"

#define TRAFFIC_FRAME_MOST 112

struct traffic_frame {
	uint8_t data[TRAFFIC_FRAME_MOST];
	uint16_t len;
};
// Sent in this order, again and again.
struct traffic_load {
	const struct traffic_frame *frame;
	size_t len;
};

enum traffic_lane { TRAFFIC_ROUTER, TRAFFIC_WHOLE, TRAFFIC_SOCKETS, TRAFFIC_LANES };

struct traffic_rate {
	double ns;        // of one core, a packet
	double forwarded; // share of what was sent; TRAFFIC_SOCKETS: that arrived
};

struct traffic_router;

// False where namespaces cannot be made; says so. To be called once, first.
bool traffic_init(void) must_check;
// Exits when the surroundings fail. Leaves the caller inside the router.
struct traffic_router *traffic_open(void);
void traffic_close(struct traffic_router *router);
struct traffic_rate traffic_measure(struct traffic_router *router, const struct traffic_load *load,
				    enum traffic_lane lane, double seconds);
