// SPDX-License-Identifier: Apache-2.0
// For tests: what most of them begin with, a world and two clients in it, `a` and `b`.
#pragma once

#include "proto/netconf/test_peer.h"

extern struct test_world w;
extern struct test_peer a, b;

// With neither, one or both of them open; 0.
int test_pair_begin(const struct netconf_server_options *options, unsigned open);
int test_pair_setup(void **state); // `a` is open
int test_pair_setup_both(void **state);
int test_pair_teardown(void **state);

#define EDIT(config) \
	"<edit-config><target><candidate/></target><config>" config "</config></edit-config>"
#define LABEL(text) "<box " BOX "><label>" text "</label></box>"
