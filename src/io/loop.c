// SPDX-License-Identifier: Apache-2.0
// The event loop over epoll.
//
// The idea: one round is deferred calls, wait, descriptors, timers, deferred calls. What a callback
// frees is only marked dead, because epoll may have reported it in the same round; the dead are
// buried between rounds. Timers stand in a binary heap and leave it before their callback runs, so
// that they need no such care. Other threads reach the loop through one list under a mutex and an
// eventfd. It does no I/O of its own and knows no protocol; children are in child.c, as a watch on
// a pidfd.
#include "io/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_A_ROUND 512
#define LONG_STEPS_US 2000u // a round

struct io_watch {
	struct io_loop *loop;
	struct io_watch_options options;
	struct io_watch *next_dead;
	bool dead;
};

#define NOT_IN_HEAP SIZE_MAX

struct io_timer {
	struct io_loop *loop;
	io_call_fn fn;
	void *context;
	uint64_t due;
	size_t at; // in the heap
};

struct call {
	struct call *next;
	io_call_fn fn; // NULL: cancelled
	void *context;
};

struct calls {
	struct call *first, **last;
};

struct signal_call {
	struct signal_call *next;
	int number;
	void (*fn)(void *context, int number);
	void *context;
};

struct io_loop {
	int epoll, event, signal; // signal: -1 until one is asked for
	bool stop, inside;
	bool had_long_step;     // in this round
	uint64_t long_until;    // microseconds; no further one begins after this
	size_t watches, timers; // that exist
	struct io_watch *dead;
	struct io_watch *event_watch, *signal_watch;
	struct io_timer **heap;
	size_t heap_len, heap_cap;
	struct calls deferred, running;
	pthread_mutex_t lock; // guards posted
	struct calls posted;
	struct signal_call *signals;
	sigset_t signal_set;
};

static uint64_t now_us(void)
{
	struct timespec t;
	int rc = clock_gettime(CLOCK_MONOTONIC, &t);
	assert(rc == 0);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t io_now(void)
{
	return now_us() / 1000;
}

bool io_loop_has_time(struct io_loop *loop)
{
	uint64_t now = now_us();
	if (!loop->had_long_step)
		loop->long_until = now + LONG_STEPS_US;
	bool yes = !loop->had_long_step || now < loop->long_until;
	loop->had_long_step = true;
	return yes;
}

// --- lists of calls ---

static void calls_add(struct calls *calls, io_call_fn fn, void *context)
{
	struct call *c = base_oom(malloc(sizeof(*c)));
	*c = (struct call){.fn = fn, .context = context};
	if (!calls->first)
		calls->last = &calls->first;
	*calls->last = c;
	calls->last = &c->next;
}

static struct call *calls_pop(struct calls *calls)
{
	struct call *c = calls->first;
	if (c)
		calls->first = c->next;
	return c;
}

static void calls_move(struct calls *from, struct calls *to)
{
	if (!from->first)
		return;
	if (!to->first)
		to->last = &to->first;
	*to->last = from->first;
	to->last = from->last;
	from->first = NULL;
}

static void calls_cancel(struct calls *calls, const void *context)
{
	for (struct call *c = calls->first; c; c = c->next)
		if (c->context == context)
			c->fn = NULL;
}

static void calls_drop(struct calls *calls)
{
	for (struct call *c; (c = calls_pop(calls));)
		free(c);
}

void io_defer(struct io_loop *loop, io_call_fn fn, void *context)
{
	calls_add(&loop->deferred, fn, context);
}

void io_defer_cancel(struct io_loop *loop, const void *context)
{
	calls_cancel(&loop->deferred, context);
	calls_cancel(&loop->running, context);
}

// Only what is deferred now: a call that defers itself again must not keep descriptors waiting.
static void run_deferred(struct io_loop *loop)
{
	calls_move(&loop->deferred, &loop->running);
	for (struct call *c; (c = calls_pop(&loop->running));) {
		if (c->fn)
			c->fn(c->context);
		free(c);
	}
}

void io_post(struct io_loop *loop, io_call_fn fn, void *context)
{
	pthread_mutex_lock(&loop->lock);
	bool first = !loop->posted.first;
	calls_add(&loop->posted, fn, context);
	// Within the lock: behind it the loop may already have run the call and be gone.
	if (first) {
		ssize_t n = write(loop->event, &(uint64_t){1}, sizeof(uint64_t));
		assert(n == sizeof(uint64_t));
	}
	pthread_mutex_unlock(&loop->lock);
}

static void take_posted(void *context, unsigned events)
{
	struct io_loop *loop = context;
	(void)events;
	uint64_t count;
	pthread_mutex_lock(&loop->lock);
	ssize_t n = read(loop->event, &count, sizeof(count));
	assert(n == sizeof(count) || errno == EAGAIN);
	calls_move(&loop->posted, &loop->deferred);
	pthread_mutex_unlock(&loop->lock);
}

// --- descriptors ---

static uint32_t epoll_events(unsigned events)
{
	return (events & IO_READ ? EPOLLIN : 0u) | (events & IO_WRITE ? EPOLLOUT : 0u);
}

int io_watch_new(struct io_loop *loop, const struct io_watch_options *options,
		 struct io_watch **watch_out)
{
	struct io_watch *w = base_oom(calloc(1, sizeof(*w)));
	*w = (struct io_watch){.loop = loop, .options = *options};
	struct epoll_event e = {.events = epoll_events(options->events), .data.ptr = w};
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, options->fd, &e) < 0) {
		free(w);
		return -errno;
	}
	loop->watches++;
	*watch_out = w;
	return 0;
}

void io_watch_set(struct io_watch *watch, unsigned events)
{
	assert(!watch->dead);
	if (watch->options.events == events)
		return;
	watch->options.events = events;
	struct epoll_event e = {.events = epoll_events(events), .data.ptr = watch};
	int rc = epoll_ctl(watch->loop->epoll, EPOLL_CTL_MOD, watch->options.fd, &e);
	assert(rc == 0);
}

void io_watch_free(struct io_watch *watch)
{
	if (!watch)
		return;
	assert(!watch->dead);
	int rc = epoll_ctl(watch->loop->epoll, EPOLL_CTL_DEL, watch->options.fd, NULL);
	assert(rc == 0);
	watch->dead = true;
	watch->next_dead = watch->loop->dead;
	watch->loop->dead = watch;
	watch->loop->watches--;
}

static void bury(struct io_loop *loop)
{
	for (struct io_watch *w; (w = loop->dead);) {
		loop->dead = w->next_dead;
		free(w);
	}
}

static void call_watch(struct io_watch *watch, uint32_t events)
{
	unsigned what = (events & EPOLLIN ? IO_READ : 0u) | (events & EPOLLOUT ? IO_WRITE : 0u) |
			(events & (EPOLLERR | EPOLLHUP) ? IO_HANGUP : 0u);
	if (!watch->dead && what)
		watch->options.fn(watch->options.context, what);
}

// --- timers ---

static void heap_put(struct io_loop *loop, struct io_timer *timer, size_t at)
{
	loop->heap[at] = timer;
	timer->at = at;
}

static void heap_up(struct io_loop *loop, struct io_timer *timer, size_t at)
{
	for (size_t parent; at > 0; at = parent) {
		parent = (at - 1) / 2;
		if (loop->heap[parent]->due <= timer->due)
			break;
		heap_put(loop, loop->heap[parent], at);
	}
	heap_put(loop, timer, at);
}

static void heap_down(struct io_loop *loop, struct io_timer *timer, size_t at)
{
	for (size_t child; (child = 2 * at + 1) < loop->heap_len; at = child) {
		if (child + 1 < loop->heap_len &&
		    loop->heap[child + 1]->due < loop->heap[child]->due)
			child++;
		if (timer->due <= loop->heap[child]->due)
			break;
		heap_put(loop, loop->heap[child], at);
	}
	heap_put(loop, timer, at);
}

struct io_timer *io_timer_new(struct io_loop *loop, io_call_fn fn, void *context)
{
	struct io_timer *t = base_oom(malloc(sizeof(*t)));
	*t = (struct io_timer){.loop = loop, .fn = fn, .context = context, .at = NOT_IN_HEAP};
	loop->timers++;
	return t;
}

void io_timer_clear(struct io_timer *timer)
{
	struct io_loop *loop = timer->loop;
	size_t at = timer->at;
	if (at == NOT_IN_HEAP)
		return;
	timer->at = NOT_IN_HEAP;
	struct io_timer *last = loop->heap[--loop->heap_len];
	if (last == timer)
		return;
	if (at > 0 && last->due < loop->heap[(at - 1) / 2]->due)
		heap_up(loop, last, at);
	else
		heap_down(loop, last, at);
}

void io_timer_set(struct io_timer *timer, uint64_t ms_from_now)
{
	struct io_loop *loop = timer->loop;
	uint64_t now = io_now();
	io_timer_clear(timer);
	timer->due = ms_from_now > UINT64_MAX - now ? UINT64_MAX : now + ms_from_now;
	if (loop->heap_len == loop->heap_cap) {
		loop->heap_cap = loop->heap_cap ? loop->heap_cap * 2 : 16;
		loop->heap =
			base_oom(reallocarray(loop->heap, loop->heap_cap, sizeof(*loop->heap)));
	}
	heap_up(loop, timer, loop->heap_len++);
}

bool io_timer_is_set(const struct io_timer *timer)
{
	return timer->at != NOT_IN_HEAP;
}

void io_timer_free(struct io_timer *timer)
{
	if (!timer)
		return;
	io_timer_clear(timer);
	timer->loop->timers--;
	free(timer);
}

// At most as many as are set now: one that sets itself again at once must not keep the loop here.
static void run_timers(struct io_loop *loop)
{
	uint64_t now = io_now();
	for (size_t most = loop->heap_len; most > 0 && loop->heap_len > 0; most--) {
		struct io_timer *t = loop->heap[0];
		if (t->due > now)
			return;
		io_timer_clear(t);
		t->fn(t->context);
	}
}

static int timeout_of(const struct io_loop *loop, int timeout_ms)
{
	if (loop->deferred.first || loop->stop)
		return 0;
	if (!loop->heap_len)
		return timeout_ms;
	uint64_t now = io_now(), due = loop->heap[0]->due;
	uint64_t ms = due > now ? due - now : 0;
	if (timeout_ms >= 0 && ms > (uint64_t)timeout_ms)
		return timeout_ms;
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

// --- signals ---

static void take_signals(void *context, unsigned events)
{
	struct io_loop *loop = context;
	(void)events;
	struct signalfd_siginfo info;
	while (read(loop->signal, &info, sizeof(info)) == sizeof(info))
		for (struct signal_call *s = loop->signals; s; s = s->next)
			if (s->number == (int)info.ssi_signo)
				s->fn(s->context, s->number);
}

static int signal_update(struct io_loop *loop)
{
	int fd = signalfd(loop->signal, &loop->signal_set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	loop->signal = fd;
	if (loop->signal_watch)
		return 0;
	struct io_watch_options o = {
		.fd = fd, .events = IO_READ, .fn = take_signals, .context = loop};
	return io_watch_new(loop, &o, &loop->signal_watch);
}

int io_signal_add(struct io_loop *loop, int signal_number, void (*fn)(void *, int), void *context)
{
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, signal_number);
	sigaddset(&loop->signal_set, signal_number);
	int rc = -pthread_sigmask(SIG_BLOCK, &one, NULL);
	if (rc == 0)
		rc = signal_update(loop);
	if (rc < 0)
		return rc;
	struct signal_call *s = base_oom(malloc(sizeof(*s)));
	*s = (struct signal_call){.number = signal_number, .fn = fn, .context = context};
	s->next = loop->signals;
	loop->signals = s;
	return 0;
}

// --- the loop ---

int io_loop_new(struct io_loop **loop_out)
{
	struct io_loop *loop = base_oom(calloc(1, sizeof(*loop)));
	loop->signal = -1;
	sigemptyset(&loop->signal_set);
	pthread_mutex_init(&loop->lock, NULL);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->event = loop->epoll < 0 ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int rc = loop->event < 0 ? -errno : 0;
	struct io_watch_options o = {
		.fd = loop->event, .events = IO_READ, .fn = take_posted, .context = loop};
	if (rc == 0)
		rc = io_watch_new(loop, &o, &loop->event_watch);
	if (rc < 0) {
		io_loop_free(loop);
		return rc;
	}
	*loop_out = loop;
	return 0;
}

void io_loop_free(struct io_loop *loop)
{
	if (!loop)
		return;
	io_watch_free(loop->event_watch);
	io_watch_free(loop->signal_watch);
	bury(loop);
	assert(!loop->watches && !loop->timers && !loop->inside);
	for (struct signal_call *s; (s = loop->signals);) {
		loop->signals = s->next;
		free(s);
	}
	calls_drop(&loop->deferred);
	calls_drop(&loop->posted);
	base_close(&loop->signal);
	base_close(&loop->event);
	base_close(&loop->epoll);
	pthread_mutex_destroy(&loop->lock);
	free(loop->heap);
	free(loop);
}

void io_loop_stop(struct io_loop *loop)
{
	loop->stop = true;
}

int io_loop_step(struct io_loop *loop, int timeout_ms)
{
	assert(!loop->inside);
	loop->inside = true;
	loop->had_long_step = false;
	// What was deferred is work of this round: having done it, the round does not wait as well.
	int timeout = timeout_of(loop, timeout_ms);
	run_deferred(loop);
	struct epoll_event event[EVENTS_A_ROUND];
	int n = epoll_wait(loop->epoll, event, EVENTS_A_ROUND, timeout);
	int rc = n < 0 && errno != EINTR ? -errno : 0;
	for (int i = 0; i < n; i++)
		call_watch(event[i].data.ptr, event[i].events);
	run_timers(loop);
	run_deferred(loop);
	bury(loop);
	loop->inside = false;
	return rc;
}

int io_loop_run(struct io_loop *loop)
{
	int rc = 0;
	loop->stop = false;
	while (rc == 0 && !loop->stop)
		rc = io_loop_step(loop, -1);
	return rc;
}
