// SPDX-License-Identifier: Apache-2.0
// A look at the kernel by a copy of this process, while this one goes on: nothing is shared, so nothing needs a lock.
#pragma once

#include "agent/held.h"

struct agent_aside;
struct io_loop;

struct agent_aside_options {
	struct io_loop *loop;
	const struct agent_point *point; // its back end can be set apart
	const struct agent_held
		*held;     // what the kernel is compared with; NULL: nothing shall be there
	int64_t now;       // seconds since 1970 UTC
	unsigned limit_ms; // then it is ended
	// Once, from the loop: what came of it. The result is taken over, or lives as long as the call.
	void (*ended)(void *context, struct agent_looked *looked);
	void *context;
};
// 0 or a negative errno.
int agent_aside_new(const struct agent_aside_options *options, struct agent_aside **out) must_check;
// Waits until all that it judges was read, or it has ended; false: it takes too long.
bool agent_aside_await_read(struct agent_aside *aside) must_check;
// Ends it, if it has not ended. From within `ended`, too. NULL is fine.
void agent_aside_free(struct agent_aside *aside);
