// SPDX-License-Identifier: Apache-2.0
// Threads over numbered pieces. They are taken in order and a few at a time, so that what was done when it ends early is
// known without asking anyone.
#include "verify/work.h"
#include "verify/workers.h"

#include <pthread.h>
#include <stdlib.h>

enum { FEW = 64 };

unsigned verify_workers(const struct verify_options *options)
{
	return verify_threads(options->threads);
}

const _Atomic bool *verify_stop_flag(const struct verify_options *options)
{
	static const _Atomic bool never = false;
	return options->control ? &options->control->stop : &never;
}

bool verify_stopped(const struct verify_options *options)
{
	return atomic_load_explicit(verify_stop_flag(options), memory_order_relaxed);
}

struct crew {
	const struct verify_work *work;
	_Atomic size_t next;
	size_t grain;
};
struct worker {
	struct crew *crew;
	unsigned number;
	pthread_t thread;
};

static bool enough(const struct verify_work *work)
{
	return verify_stopped(work->options) ||
	       (work->enough && atomic_load_explicit(work->enough, memory_order_relaxed));
}

static void *labour(void *user)
{
	const struct worker *me = user;
	const struct verify_work *work = me->crew->work;
	while (!enough(work)) {
		size_t at = atomic_fetch_add(&me->crew->next, me->crew->grain), first = at;
		size_t end = at + me->crew->grain;
		if (end > work->pieces)
			end = work->pieces;
		for (; at < end && !verify_stopped(work->options); at++)
			work->run(work->user, me->number, at);
		if (first >= work->pieces)
			break;
		if (work->options->control)
			atomic_fetch_add(&work->options->control->done, end - first);
	}
	return NULL;
}

void verify_work_begin(const struct verify_options *options)
{
	if (!options->control)
		return;
	atomic_store(&options->control->done, 0);
	atomic_store(&options->control->total, 0);
}

bool verify_work(const struct verify_work *work)
{
	unsigned workers = verify_workers(work->options), running = 1;
	if (work->options->control)
		atomic_fetch_add(&work->options->control->total, work->pieces);
	if (work->pieces < FEW)
		workers = work->pieces > workers * 2ul ? workers : 1;
	struct crew crew = {.work = work, .grain = work->pieces / (workers * 64ul) + 1};
	if (crew.grain > FEW)
		crew.grain = FEW;
	struct worker *worker = base_oom(calloc(workers, sizeof(*worker)));
	for (unsigned i = 0; i < workers; i++)
		worker[i] = (struct worker){.crew = &crew, .number = i};
	while (running < workers && !pthread_create(&worker[running].thread, NULL, labour,
						    &worker[running])) // fewer will do
		running++;
	labour(&worker[0]);
	for (unsigned i = 1; i < running; i++)
		pthread_join(worker[i].thread, NULL);
	free(worker);
	return !verify_stopped(work->options);
}
