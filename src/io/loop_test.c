// SPDX-License-Identifier: Apache-2.0
// The loop: order of timers, freeing from within callbacks, calls from other threads, signals,
// children.
#include "io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
	return io_loop_new((struct io_loop **)state);
}

static int teardown(void **state)
{
	io_loop_free(*state);
	return 0;
}

static void stop(void *context)
{
	io_loop_stop(context);
}

// Ends a test that would hang.
static struct io_timer *guard(struct io_loop *loop)
{
	struct io_timer *t = io_timer_new(loop, stop, loop);
	io_timer_set(t, 10000);
	return t;
}

struct mark {
	char *text;
	char letter;
};

static void note(void *context)
{
	struct mark *m = context;
	size_t len = strlen(m->text);
	m->text[len] = m->letter;
	m->text[len + 1] = '\0';
}

static void timers_run_in_order(void **state)
{
	struct io_loop *loop = *state;
	char text[16] = "";
	struct mark mark[] = {{text, 'c'}, {text, 'a'}, {text, 'b'}, {text, 'x'}, {text, 'd'}};
	unsigned due[] = {30, 1, 10, 20, 40};
	struct io_timer *t[5];
	for (size_t i = 0; i < 5; i++) {
		t[i] = io_timer_new(loop, note, &mark[i]);
		io_timer_set(t[i], due[i]);
	}
	io_timer_clear(t[3]);
	assert_false(io_timer_is_set(t[3]));
	while (io_timer_is_set(t[4]))
		assert_int_equal(io_loop_step(loop, -1), 0);
	assert_string_equal(text, "abcd");
	for (size_t i = 0; i < 5; i++)
		io_timer_free(t[i]);
}

static void many_timers_keep_the_heap(void **state)
{
	enum { MANY = 500 };
	struct io_loop *loop = *state;
	struct io_timer *t[MANY];
	char text[MANY + 1] = "";
	struct mark mark = {text, '.'};
	unsigned seed = 7;
	for (size_t i = 0; i < MANY; i++) {
		t[i] = io_timer_new(loop, note, &mark);
		io_timer_set(t[i], (seed = seed * 1103515245u + 12345u) >> 16 & 15);
	}
	for (size_t i = 0; i < MANY; i += 3)
		io_timer_clear(t[i]);
	for (size_t i = 1; i < MANY; i++)
		while (i % 3 && io_timer_is_set(t[i]))
			assert_int_equal(io_loop_step(loop, -1), 0);
	assert_int_equal(strlen(text), MANY - (MANY + 2) / 3);
	for (size_t i = 0; i < MANY; i++)
		io_timer_free(t[i]);
}

static struct io_timer *again_timer;
static void again(void *context)
{
	unsigned *count = context;
	(*count)++;
	io_timer_set(again_timer, 0);
}

static void a_timer_that_sets_itself_does_not_hold_the_loop(void **state)
{
	unsigned count = 0;
	again_timer = io_timer_new(*state, again, &count);
	io_timer_set(again_timer, 0);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(io_loop_step(*state, -1), 0);
		assert_int_equal(count, i);
	}
	io_timer_free(again_timer);
}

struct pair {
	struct io_watch *watch[2];
	int calls;
};

static void free_both(void *context, unsigned events)
{
	struct pair *p = context;
	assert_true(events & IO_WRITE);
	p->calls++;
	io_watch_free(p->watch[0]);
	io_watch_free(p->watch[1]);
}

static void a_watch_freed_in_its_round_is_not_called(void **state)
{
	struct pair p = {0};
	int fd[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	for (int i = 0; i < 2; i++) {
		struct io_watch_options o = {
			.fd = fd[i], .events = IO_WRITE, .fn = free_both, .context = &p};
		assert_int_equal(io_watch_new(*state, &o, &p.watch[i]), 0);
	}
	assert_int_equal(io_loop_step(*state, -1), 0);
	assert_int_equal(io_loop_step(*state, 0), 0);
	assert_int_equal(p.calls, 1);
	close(fd[0]);
	close(fd[1]);
}

static void a_regular_file_cannot_be_watched(void **state)
{
	FILE *f = tmpfile();
	struct io_watch *w = NULL;
	struct io_watch_options o = {.fd = fileno(f), .events = IO_READ, .fn = free_both};
	assert_int_equal(io_watch_new(*state, &o, &w), -EPERM);
	assert_null(w);
	fclose(f);
}

static void deferred_calls_run_in_order_and_can_be_cancelled(void **state)
{
	char text[16] = "";
	struct mark a = {text, 'a'}, b = {text, 'b'}, c = {text, 'c'};
	io_defer(*state, note, &a);
	io_defer(*state, note, &b);
	io_defer(*state, note, &c);
	io_defer_cancel(*state, &b);
	assert_int_equal(io_loop_step(*state, -1), 0);
	assert_string_equal(text, "ac");
}

enum { THREADS = 4, POSTS = 1000 };

struct counter {
	struct io_loop *loop;
	int count;
};

static void count_up(void *context)
{
	struct counter *c = context;
	if (++c->count == THREADS * POSTS)
		io_loop_stop(c->loop);
}

static void *post_many(void *context)
{
	struct counter *c = context;
	for (int i = 0; i < POSTS; i++)
		io_post(c->loop, count_up, c);
	return NULL;
}

static void posts_from_threads_all_arrive(void **state)
{
	struct counter c = {.loop = *state};
	struct io_timer *g = guard(*state);
	pthread_t thread[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, post_many, &c), 0);
	assert_int_equal(io_loop_run(*state), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(c.count, THREADS * POSTS);
	io_timer_free(g);
}

struct caught {
	struct io_loop *loop;
	int number, status;
};

static void on_signal(void *context, int number)
{
	struct caught *c = context;
	c->number += number;
	io_loop_stop(c->loop);
}

static void signals_arrive(void **state)
{
	struct caught c = {.loop = *state};
	struct io_timer *g = guard(*state);
	assert_int_equal(io_signal_add(*state, SIGUSR1, on_signal, &c), 0);
	assert_int_equal(io_signal_add(*state, SIGUSR2, on_signal, &c), 0);
	raise(SIGUSR2);
	assert_int_equal(io_loop_run(*state), 0);
	assert_int_equal(c.number, SIGUSR2);
	raise(SIGUSR1);
	assert_int_equal(io_loop_run(*state), 0);
	assert_int_equal(c.number, SIGUSR1 + SIGUSR2);
	io_timer_free(g);
}

static void on_end(void *context, int status)
{
	struct caught *c = context;
	c->status = status;
	io_loop_stop(c->loop);
}

static void children_are_reaped(void **state)
{
	struct caught c = {.loop = *state, .status = -1};
	struct io_timer *g = guard(*state);
	pid_t pid = fork();
	if (pid == 0)
		_exit(7);
	struct io_child_options o = {.pid = pid, .fn = on_end, .context = &c};
	struct io_child *child = NULL;
	assert_int_equal(io_child_new(*state, &o, &child), 0);
	assert_int_equal(io_loop_run(*state), 0);
	assert_true(WIFEXITED(c.status));
	assert_int_equal(WEXITSTATUS(c.status), 7);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	io_child_free(child);
	io_timer_free(g);
}

struct long_step {
	struct io_loop *loop;
	struct io_watch *watch;
	int fd[2];
	unsigned *done, *asked;
};

// Takes more than a round's share, when it may.
static void step_long(void *context, unsigned events)
{
	struct long_step *s = context;
	char byte;
	(void)events;
	++*s->asked;
	if (!io_loop_has_time(s->loop))
		return;
	for (uint64_t begun = io_now(); io_now() < begun + 4;)
		;
	assert_int_equal(read(s->fd[0], &byte, 1), 1);
	++*s->done;
}

static void long_steps_are_spread(void **state)
{
	struct io_loop *loop = *state;
	struct long_step step[5];
	unsigned done = 0, asked = 0;
	for (size_t i = 0; i < array_len(step); i++) {
		step[i] = (struct long_step){.loop = loop, .done = &done, .asked = &asked};
		assert_int_equal(pipe(step[i].fd), 0);
		assert_int_equal(write(step[i].fd[1], "x", 1), 1);
		assert_int_equal(io_watch_new(loop,
					      &(struct io_watch_options){.fd = step[i].fd[0],
									 .events = IO_READ,
									 .fn = step_long,
									 .context = &step[i]},
					      &step[i].watch),
				 0);
	}
	// One a round, and whoever was passed over is asked again.
	for (unsigned round = 1; round <= array_len(step); round++) {
		assert_int_equal(io_loop_step(loop, 0), 0);
		assert_int_equal(done, round);
	}
	assert_int_equal(asked, 5 + 4 + 3 + 2 + 1);
	for (size_t i = 0; i < array_len(step); i++) {
		io_watch_free(step[i].watch);
		close(step[i].fd[0]);
		close(step[i].fd[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(timers_run_in_order),
		T(many_timers_keep_the_heap),
		T(a_timer_that_sets_itself_does_not_hold_the_loop),
		T(a_watch_freed_in_its_round_is_not_called),
		T(a_regular_file_cannot_be_watched),
		T(deferred_calls_run_in_order_and_can_be_cancelled),
		T(posts_from_threads_all_arrive),
		T(long_steps_are_spread),
		T(signals_arrive),
		T(children_are_reaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
