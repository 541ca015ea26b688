// SPDX-License-Identifier: Apache-2.0
// For fuzz targets and benchmarks: what an application answers that agrees with everything.
#pragma once

#include "proto/netconf/server.h"

static inline void test_yes_commit(void *context, const struct netconf_commit *commit,
				   struct netconf_reply *reply)
{
	(void)context, (void)commit;
	netconf_reply_ok(reply);
}

// Also for `cancel`.
static inline void test_yes_confirm(void *context, const struct netconf_asker *asker,
				    struct netconf_reply *reply)
{
	(void)context, (void)asker;
	netconf_reply_ok(reply);
}

static inline void test_yes_persist(void *context, const struct schema_tree *tree,
				    struct netconf_reply *reply)
{
	(void)context, (void)tree;
	netconf_reply_ok(reply);
}
