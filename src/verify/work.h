// SPDX-License-Identifier: Apache-2.0
// Numbered pieces of work, taken in their order by several threads.
#pragma once

#include "verify/verify.h"

#include <stdatomic.h>

struct verify_work {
	const struct verify_options *options; // threads and control
	size_t pieces;
	void (*run)(void *user, unsigned worker, size_t piece);
	void *user;
	const _Atomic bool *enough; // set by run: no further piece is taken; or NULL
};
// How many threads verify_work will use at most; workers are numbered below it.
unsigned verify_workers(const struct verify_options *options) must_check;
// A question begins: nothing of it is done. Each verify_work then adds its pieces to what is to be done.
void verify_work_begin(const struct verify_options *options);
// Every piece that was taken is finished, so what was done are the pieces 0 .. n; unless it was stopped: then it is false.
bool verify_work(const struct verify_work *work) must_check;
bool verify_stopped(const struct verify_options *options) must_check;
// What algebra_cover looks at: never NULL.
const _Atomic bool *verify_stop_flag(const struct verify_options *options) must_check;
