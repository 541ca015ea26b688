// SPDX-License-Identifier: Apache-2.0
// How long to wait between tries: exponential with full jitter and a cap, so that many who lost a peer together do not
// come back together; from the beginning again once something has held.
#pragma once

#include "base/base.h"

struct io_backoff {
	unsigned first_ms, most_ms; // the first wait is below `first_ms`, none is above `most_ms`
	unsigned held_ms;           // what has held for so long makes the next wait a first one
	unsigned failures;          // inside: in a row
	uint64_t since;             // inside: io_now of io_backoff_holds; 0: nothing holds
};

// What was tried works from now on.
void io_backoff_holds(struct io_backoff *backoff, uint64_t now);
// The try has failed, or what worked has ended: milliseconds until the next one. `chance` is evenly distributed.
uint64_t io_backoff_next(struct io_backoff *backoff, uint64_t now, uint32_t chance) must_check;
// Milliseconds below `below` by chance, without counting a failure.
uint64_t io_backoff_spread(unsigned below, uint32_t chance) must_check;
// From the kernel; not secret.
uint32_t io_chance(void) must_check;
