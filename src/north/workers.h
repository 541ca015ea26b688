// SPDX-License-Identifier: Apache-2.0
// Threads that answer requests, so that the one that serves the connections never waits for data or NSFs.
#pragma once

#include "base/base.h"

struct workers;

// A piece of work; it is run once, and may be freed by it.
struct work {
	void (*run)(struct work *work);
	const char *
		whose; // who asked for it; NULL: nobody. One has no more than the share of the threads at a time
	struct work *next; // of the workers
};

// NULL when there is not even one thread.
struct workers *workers_new(unsigned threads, unsigned share) must_check;
// False: they are ending, and the work is not taken. `first` is called before anybody can have begun with it.
bool workers_take(struct workers *workers, struct work *work,
		  void (*first)(struct work *work)) must_check;
// Takes nothing any more; returns when all that was taken is done.
void workers_end(struct workers *workers);
void workers_free(struct workers *workers); // after workers_end; NULL is fine
