// SPDX-License-Identifier: Apache-2.0
// For the tests of this folder: three network namespaces a - nsf - b without names, which die with the
// process. Frames are sent and seen raw at the ends; the machine in the middle is a Linux router.
// What comes from one end goes to the other, whatever its addresses; only the answers of the machine in
// the middle go by address: IPv4 below 128.0.0.0 and all IPv6 but 3000::/4 to a, the rest to b.
#pragma once

#include "base/base.h"

enum test_side { SIDE_A, SIDE_B };

struct test_net {
	int home, nsf; // network namespaces
	int raw[2];    // packet sockets of a and b
	int inner[2];  // of the router, towards a and b
	unsigned marks;
	int counters[3];        // of the links of a, b and the router
	uint64_t refused, lost; // frames that links dropped: and said so, and not
};

// Exits with 77 (skipped) where namespaces cannot be made. Pins the process to one processor, so that
// frames are worked off in the order in which they are sent. Leaves the caller inside the router when the links
// carry frames.
void test_net_open(struct test_net *net);
void test_net_close(struct test_net *net);
// Back into this router, when several are open.
void test_net_enter(const struct test_net *net);

// Runs a program to its end; `input` goes to its standard input. The exit status.
int test_run(const char *input, const char *const argv[]);
// nft(8) on a script.
int test_nft(const char *script);

void test_net_send(struct test_net *net, enum test_side from, const void *frame, size_t len);
// Called for every frame that arrived at a side.
typedef void (*test_frame_fn)(enum test_side at, const uint8_t *frame, size_t len, void *context);
// Waits until everything that was sent has gone through the router, and hands out what came of it. False: links have lost
// frames since the last time, as they do when a processor is flooded, so what is missing shows nothing of the router.
bool test_net_try_collect(struct test_net *net, test_frame_fn each, void *context) must_check;
// The same; ends the test when frames were lost.
void test_net_collect(struct test_net *net, test_frame_fn each, void *context);
#define TEST_NET_LOST \
	"frames were lost between router and ends: the machine is too busy for this test"
// Has the router track connections whatever the policy is.
void test_net_track(void);
// Forgets all connections that the router tracks.
void test_net_forget(struct test_net *net);

// The Ethernet address of a's or b's end, and of the router's end towards it.
extern const uint8_t test_mac_host[2][6], test_mac_nsf[2][6];
extern const char *const test_interface[2]; // of the router
