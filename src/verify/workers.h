// SPDX-License-Identifier: Apache-2.0
// Pieces of work done by several threads, their results taken in order by the thread that asked, as soon as they are there.
#pragma once

#include "base/base.h"

struct verify_workers {
	unsigned threads;         // at most, >= 1; one: all is done by the thread that asks
	size_t pieces;            // 0 .. pieces - 1
	const _Atomic bool *stop; // or NULL; no further piece is begun then
	void *(*make)(void *user, unsigned thread, size_t piece); // a result, by some thread
	void (*take)(void *user, void *result); // takes it over; by the thread that asked
	void *user;
};
// Pieces that were begun are finished and taken.
void verify_workers_run(const struct verify_workers *workers);
unsigned verify_threads(unsigned wanted) must_check; // 0: one for each processor
