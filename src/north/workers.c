// SPDX-License-Identifier: Apache-2.0
// A queue and the threads that work it off, in order of arrival.
#include "north/workers.h"

#include <pthread.h>
#include <stdlib.h>

struct workers {
	pthread_mutex_t mutex;
	pthread_cond_t more;
	struct work *first, *last;
	bool ends;
	unsigned threads;
	pthread_t thread[];
};

static void *run(void *context)
{
	struct workers *w = context;
	pthread_mutex_lock(&w->mutex);
	for (;;) {
		while (!w->first && !w->ends)
			pthread_cond_wait(&w->more, &w->mutex);
		struct work *work = w->first;
		if (!work)
			break;
		w->first = work->next;
		pthread_mutex_unlock(&w->mutex);
		work->run(work);
		pthread_mutex_lock(&w->mutex);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

struct workers *workers_new(unsigned threads)
{
	struct workers *w = base_oom(calloc(1, sizeof(*w) + threads * sizeof(pthread_t)));
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->more, NULL);
	while (w->threads < threads && pthread_create(&w->thread[w->threads], NULL, run, w) == 0)
		w->threads++;
	if (w->threads)
		return w;
	workers_free(w);
	return NULL;
}

bool workers_take(struct workers *w, struct work *work, void (*first)(struct work *work))
{
	pthread_mutex_lock(&w->mutex);
	bool taken = !w->ends;
	if (taken) {
		first(work);
		work->next = NULL;
		if (w->first)
			w->last->next = work;
		else
			w->first = work;
		w->last = work;
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->mutex);
	return taken;
}

void workers_end(struct workers *w)
{
	pthread_mutex_lock(&w->mutex);
	w->ends = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->mutex);
	for (unsigned i = 0; i < w->threads; i++)
		pthread_join(w->thread[i], NULL);
	w->threads = 0;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}
