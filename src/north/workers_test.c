// SPDX-License-Identifier: Apache-2.0
// Threads that work a queue off: everything is done once, nobody has more than his share, the end.
#include "north/workers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>

struct hall {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned begun, done;
	bool open; // who waits may go on
};

struct task {
	struct work work; // the first member
	struct hall *hall;
	bool waits;
	unsigned runs;
};

static void change(struct hall *hall, unsigned *count)
{
	pthread_mutex_lock(&hall->mutex);
	++*count;
	pthread_cond_broadcast(&hall->changed);
	pthread_mutex_unlock(&hall->mutex);
}

static void wait_for(struct hall *hall, const unsigned *count, unsigned wanted)
{
	pthread_mutex_lock(&hall->mutex);
	while (*count < wanted)
		pthread_cond_wait(&hall->changed, &hall->mutex);
	pthread_mutex_unlock(&hall->mutex);
}

static void run(struct work *work)
{
	struct task *t = (struct task *)work;
	t->runs++;
	change(t->hall, &t->hall->begun);
	pthread_mutex_lock(&t->hall->mutex);
	while (t->waits && !t->hall->open)
		pthread_cond_wait(&t->hall->changed, &t->hall->mutex);
	pthread_mutex_unlock(&t->hall->mutex);
	change(t->hall, &t->hall->done);
}

static void nothing(struct work *work)
{
	(void)work;
}

static void hall_init(struct hall *hall)
{
	*hall = (struct hall){.open = false};
	pthread_mutex_init(&hall->mutex, NULL);
	pthread_cond_init(&hall->changed, NULL);
}

static void hall_fini(struct hall *hall)
{
	pthread_cond_destroy(&hall->changed);
	pthread_mutex_destroy(&hall->mutex);
}

static void give(struct workers *w, struct hall *hall, struct task *t, const char *whose)
{
	*t = (struct task){
		.work = {.run = run, .whose = whose}, .hall = hall, .waits = whose[0] == 'g'};
	assert_true(workers_take(w, &t->work, nothing));
}

static void open_hall(struct hall *hall)
{
	pthread_mutex_lock(&hall->mutex);
	hall->open = true;
	pthread_cond_broadcast(&hall->changed);
	pthread_mutex_unlock(&hall->mutex);
}

// One who asks for a lot that takes long does not keep another waiting.
static void shares(void **state)
{
	(void)state;
	struct hall hall;
	struct task greedy[20], modest[10];
	hall_init(&hall);
	struct workers *w = workers_new(4, 3);
	assert_non_null(w);
	for (unsigned i = 0; i < array_len(greedy); i++)
		give(w, &hall, &greedy[i], "greedy");
	wait_for(&hall, &hall.begun, 3);
	for (unsigned i = 0; i < array_len(modest); i++)
		give(w, &hall, &modest[i], "modest");
	wait_for(&hall, &hall.done, array_len(modest));
	assert_int_equal(hall.begun, 3 + array_len(modest));
	open_hall(&hall);
	workers_end(w);
	assert_int_equal(hall.done, array_len(greedy) + array_len(modest));
	for (unsigned i = 0; i < array_len(greedy); i++)
		assert_int_equal(greedy[i].runs, 1);
	workers_free(w);
	hall_fini(&hall);
}

static void nothing_is_taken_after_the_end(void **state)
{
	(void)state;
	struct hall hall;
	struct task t = {.work = {.run = run, .whose = "a"}, .hall = &hall};
	hall_init(&hall);
	struct workers *w = workers_new(2, 1);
	assert_non_null(w);
	workers_end(w);
	assert_false(workers_take(w, &t.work, nothing));
	assert_int_equal(t.runs, 0);
	workers_free(w);
	hall_fini(&hall);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares),
		cmocka_unit_test(nothing_is_taken_after_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
