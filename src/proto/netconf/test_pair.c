// SPDX-License-Identifier: Apache-2.0
// For tests: a world and two clients in it.
#include "proto/netconf/test_pair.h"

struct test_world w;
struct test_peer a, b;

int test_pair_begin(const struct netconf_server_options *options, unsigned open)
{
	test_world_init(&w, options);
	a = b = (struct test_peer){.world = &w};
	if (open > 0)
		test_peer_open(&a, &w);
	if (open > 1)
		test_peer_open(&b, &w);
	return 0;
}

int test_pair_setup(void **state)
{
	(void)state;
	return test_pair_begin(NULL, 1);
}

int test_pair_setup_both(void **state)
{
	(void)state;
	return test_pair_begin(NULL, 2);
}

int test_pair_teardown(void **state)
{
	(void)state;
	test_peer_fini(&a);
	test_peer_fini(&b);
	test_world_fini(&w);
	return 0;
}
