// SPDX-License-Identifier: Apache-2.0
// A queue and the threads that work it off, in order of arrival, but for those who have their share of the threads already:
// what they ask for waits, and who asks for little is not kept waiting by who asks for much.
#include "north/workers.h"

#include <pthread.h>
#include <stdlib.h>

struct worker {
	struct workers *all;
	pthread_t thread;
	uint64_t whose; // digest of who is served; 0: nobody
};

struct workers {
	pthread_mutex_t mutex;
	pthread_cond_t more;
	struct work *queue, **end; // oldest first
	bool ends;
	unsigned threads, share;
	struct worker worker[];
};

// The work is gone when it has run, so its owner is remembered by a digest; that two are taken for one does little harm.
static uint64_t digest(const char *whose)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (const char *p = whose ? whose : ""; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	return h | 1;
}

static bool has_share(const struct workers *w, uint64_t whose)
{
	unsigned n = 0;
	for (unsigned i = 0; i < w->threads; i++)
		n += w->worker[i].whose == whose;
	return n < w->share;
}

// The oldest that may run now; NULL: none.
static struct work *pick(struct workers *w, uint64_t *whose_out)
{
	for (struct work **at = &w->queue; *at; at = &(*at)->next) {
		struct work *work = *at;
		uint64_t whose = digest(work->whose);
		if (!has_share(w, whose))
			continue;
		*at = work->next;
		if (w->end == &work->next)
			w->end = at;
		*whose_out = whose;
		return work;
	}
	return NULL;
}

static void *run(void *context)
{
	struct worker *self = context;
	struct workers *w = self->all;
	pthread_mutex_lock(&w->mutex);
	while (w->queue || !w->ends) {
		struct work *work = pick(w, &self->whose);
		if (!work) {
			pthread_cond_wait(&w->more, &w->mutex);
			continue;
		}
		pthread_mutex_unlock(&w->mutex);
		work->run(work);
		pthread_mutex_lock(&w->mutex);
		self->whose = 0;
		pthread_cond_broadcast(&w->more); // somebody may have his share again
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

struct workers *workers_new(unsigned threads, unsigned share)
{
	struct workers *w = base_oom(calloc(1, sizeof(*w) + threads * sizeof(struct worker)));
	w->end = &w->queue;
	w->share = share;
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->more, NULL);
	pthread_mutex_lock(&w->mutex);
	for (; w->threads < threads; w->threads++) {
		struct worker *worker = &w->worker[w->threads];
		worker->all = w;
		if (pthread_create(&worker->thread, NULL, run, worker))
			break;
	}
	pthread_mutex_unlock(&w->mutex);
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
		*w->end = work;
		w->end = &work->next;
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
		pthread_join(w->worker[i].thread, NULL);
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
