// SPDX-License-Identifier: Apache-2.0
// A bounded number of threads for work that waits on NSFs.
//
// The idea: who waits for many works, too: pool_each takes items itself until none is left, so that
// it ends even when every thread of the pool is busy elsewhere.
#include "engine/internal.h"

#include <stdlib.h>

struct task {
	pool_fn fn;
	void *context;
	struct task *next;
};

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct task *first, *last;
	bool stop;
	pthread_t *thread;
	unsigned threads;
};

static struct task *next_task(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	while (!pool->first && !pool->stop)
		pthread_cond_wait(&pool->wake, &pool->mutex);
	struct task *task = pool->first;
	if (task && !(pool->first = task->next))
		pool->last = NULL;
	pthread_mutex_unlock(&pool->mutex);
	return task;
}

static void *work(void *context)
{
	struct pool *pool = context;
	struct task *task;
	while ((task = next_task(pool))) {
		task->fn(task->context, 0);
		free(task);
	}
	return NULL;
}

struct pool *pool_new(unsigned threads)
{
	struct pool *pool = base_oom(calloc(1, sizeof(*pool)));
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pool->thread = base_oom(calloc(threads, sizeof(*pool->thread)));
	while (pool->threads < threads &&
	       pthread_create(&pool->thread[pool->threads], NULL, work, pool) == 0)
		pool->threads++;
	return pool;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->mutex);
	pool->stop = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	pthread_mutex_destroy(&pool->mutex);
	pthread_cond_destroy(&pool->wake);
	free(pool->thread);
	free(pool);
}

void pool_run(struct pool *pool, pool_fn fn, void *context)
{
	struct task *task = base_oom(calloc(1, sizeof(*task)));
	*task = (struct task){.fn = fn, .context = context};
	pthread_mutex_lock(&pool->mutex);
	if (pool->last)
		pool->last->next = task;
	else
		pool->first = task;
	pool->last = task;
	pthread_cond_signal(&pool->wake);
	pthread_mutex_unlock(&pool->mutex);
}

// Shared by the caller of pool_each and its helpers; the last of them frees it.
struct round {
	pthread_mutex_t mutex;
	pthread_cond_t done;
	pool_fn fn;
	void *context;
	size_t n, next, ended;
	unsigned users;
};

static void round_unref(struct round *round)
{
	bool last = --round->users == 0;
	pthread_mutex_unlock(&round->mutex);
	if (!last)
		return;
	pthread_mutex_destroy(&round->mutex);
	pthread_cond_destroy(&round->done);
	free(round);
}

// Returns with the mutex held.
static void round_work(struct round *round)
{
	pthread_mutex_lock(&round->mutex);
	while (round->next < round->n) {
		size_t i = round->next++;
		pthread_mutex_unlock(&round->mutex);
		round->fn(round->context, i);
		pthread_mutex_lock(&round->mutex);
		if (++round->ended == round->n)
			pthread_cond_broadcast(&round->done);
	}
}

static void help(void *context, size_t index)
{
	(void)index;
	struct round *round = context;
	round_work(round);
	round_unref(round);
}

void pool_each(struct pool *pool, size_t n, pool_fn fn, void *context)
{
	if (!n)
		return;
	size_t helpers = n - 1 < pool->threads ? n - 1 : pool->threads;
	struct round *round = base_oom(calloc(1, sizeof(*round)));
	*round = (struct round){
		.fn = fn, .context = context, .n = n, .users = (unsigned)helpers + 1};
	pthread_mutex_init(&round->mutex, NULL);
	pthread_cond_init(&round->done, NULL);
	for (size_t i = 0; i < helpers; i++)
		pool_run(pool, help, round);
	round_work(round);
	while (round->ended < n)
		pthread_cond_wait(&round->done, &round->mutex);
	round_unref(round);
}
