// SPDX-License-Identifier: Apache-2.0
// Threads claim pieces in order and are not let run far ahead of what has been taken, so that results do not pile up.
#include "verify/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { AHEAD = 4, THREADS_MOST = 64 }; // pieces a thread

struct crew {
	const struct verify_workers *workers;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t claimed, taken;
	unsigned running, numbers;
	void **result; // a ring of pieces that are claimed and not taken
	bool *there;
	size_t room;
};

unsigned verify_threads(unsigned wanted)
{
	long processors = wanted ? (long)wanted : sysconf(_SC_NPROCESSORS_ONLN);
	if (processors < 1)
		processors = 1;
	return processors > THREADS_MOST ? THREADS_MOST : (unsigned)processors;
}

static bool stopped(const struct verify_workers *w)
{
	return w->stop && atomic_load_explicit(w->stop, memory_order_relaxed);
}

// False when there is nothing more to do. Holds the lock.
static bool claim(struct crew *crew, size_t *piece_out)
{
	while (crew->claimed < crew->workers->pieces && !stopped(crew->workers)) {
		if (crew->claimed < crew->taken + crew->room) {
			*piece_out = crew->claimed++;
			return true;
		}
		pthread_cond_wait(&crew->changed, &crew->lock);
	}
	return false;
}

static void *work(void *user)
{
	struct crew *crew = user;
	size_t piece;
	pthread_mutex_lock(&crew->lock);
	unsigned number = crew->numbers++;
	while (claim(crew, &piece)) {
		pthread_mutex_unlock(&crew->lock);
		void *result = crew->workers->make(crew->workers->user, number, piece);
		pthread_mutex_lock(&crew->lock);
		crew->result[piece % crew->room] = result;
		crew->there[piece % crew->room] = true;
		pthread_cond_broadcast(&crew->changed);
	}
	crew->running--;
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

static void take_all(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
	for (;;) {
		size_t at = crew->taken % crew->room;
		while (!crew->there[at] && crew->running)
			pthread_cond_wait(&crew->changed, &crew->lock);
		if (!crew->there[at])
			break;
		crew->there[at] = false;
		void *result = crew->result[at];
		pthread_mutex_unlock(&crew->lock);
		crew->workers->take(crew->workers->user, result);
		pthread_mutex_lock(&crew->lock);
		crew->taken++;
		pthread_cond_broadcast(&crew->changed);
	}
	pthread_mutex_unlock(&crew->lock);
}

static void run_alone(const struct verify_workers *w)
{
	for (size_t piece = 0; piece < w->pieces && !stopped(w); piece++)
		w->take(w->user, w->make(w->user, 0, piece));
}

void verify_workers_run(const struct verify_workers *workers)
{
	struct crew crew = {.workers = workers,
			    .room = workers->threads * (size_t)AHEAD,
			    .lock = PTHREAD_MUTEX_INITIALIZER,
			    .changed = PTHREAD_COND_INITIALIZER};
	pthread_t thread[THREADS_MOST];
	unsigned started = 0;
	crew.result = base_oom(calloc(crew.room, sizeof(*crew.result)));
	crew.there = base_oom(calloc(crew.room, sizeof(*crew.there)));
	pthread_mutex_lock(&crew.lock);
	while (workers->threads > 1 && workers->pieces > 1 && started < workers->threads &&
	       started < workers->pieces && !pthread_create(&thread[started], NULL, work, &crew))
		started++;
	crew.running = started;
	pthread_mutex_unlock(&crew.lock);
	if (started)
		take_all(&crew);
	else
		run_alone(workers);
	for (unsigned i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	free(crew.result);
	free(crew.there);
}
