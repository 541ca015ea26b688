// SPDX-License-Identifier: Apache-2.0
// A thread that waits for the end of the time or for being told that nobody needs it any more.
#include "base/deadline.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct deadline {
	_Atomic bool *flag;
	struct timespec until;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool over;
};

static void *wait_for_it(void *context)
{
	struct deadline *d = context;
	int rc = 0;
	pthread_mutex_lock(&d->mutex);
	while (!d->over && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&d->changed, &d->mutex, &d->until);
	if (!d->over)
		atomic_store(d->flag, true);
	pthread_mutex_unlock(&d->mutex);
	return NULL;
}

struct deadline *deadline_new(_Atomic bool *flag, uint64_t milliseconds)
{
	if (!milliseconds)
		return NULL;
	struct deadline *d = base_oom(calloc(1, sizeof(*d)));
	pthread_condattr_t attributes;
	d->flag = flag;
	clock_gettime(CLOCK_MONOTONIC, &d->until);
	d->until.tv_sec += (time_t)(milliseconds / 1000);
	d->until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	d->until.tv_sec += d->until.tv_nsec / 1000000000;
	d->until.tv_nsec %= 1000000000;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&d->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&d->mutex, NULL);
	if (pthread_create(&d->thread, NULL, wait_for_it, d))
		abort(); // out of threads is out of memory
	return d;
}

void deadline_free(struct deadline *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->mutex);
	d->over = true;
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->mutex);
	pthread_join(d->thread, NULL);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->mutex);
	free(d);
}
