// SPDX-License-Identifier: Apache-2.0
// For tests: a second way into the server of a test world, over SSH.
#pragma once

#include "proto/netconf/test_peer.h"

struct io_ssh;

// In the world's folder: "host", the host key; "admin", the key of a controller of that name; "authorized".
struct test_ssh {
	struct io_address address;
	struct io_ssh *server, *client;
	const char *pin[2]; // of the host key, then NULL
	struct buf notes;
};

void test_ssh_init(struct test_ssh *ssh, struct test_world *world);
// Before the world ends.
void test_ssh_fini(struct test_ssh *ssh, struct test_world *world);
