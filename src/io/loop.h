// SPDX-License-Identifier: Apache-2.0
// The event loop: descriptors, timers, signals, children and calls, one thread a loop. Nothing here
// is thread-safe but io_post. Any object may be freed from within any callback, its own included;
// it is not called after that.
#pragma once

#include "base/base.h"

#include <sys/types.h>

struct io_loop;
struct io_watch;
struct io_timer;
struct io_child;

typedef void (*io_call_fn)(void *context);

// Negative errno when the kernel refuses an epoll or eventfd descriptor.
int io_loop_new(struct io_loop **loop_out) must_check;
// Every watch, timer and child of it must be freed before; calls that were posted and not yet run
// are dropped.
void io_loop_free(struct io_loop *loop);
// Runs until io_loop_stop. 0, or a negative errno when epoll fails.
int io_loop_run(struct io_loop *loop) must_check;
// One round: waits until something is due, at most `timeout_ms` (-1: without end), and calls what
// is due.
int io_loop_step(struct io_loop *loop, int timeout_ms) must_check;
void io_loop_stop(struct io_loop *loop);

// For steps that take long (a handshake, a piece of an answer): whether there is time for one more in this round. True at
// least once a round; false when such steps have had their share. A watch's callback may then return without having done
// anything: the descriptor is still ready, and shown again behind those that are ready, too.
bool io_loop_has_time(struct io_loop *loop) must_check;

// Milliseconds of the monotonic clock.
uint64_t io_now(void) must_check;

// --- descriptors ---
enum io_events {
	IO_READ = 1,
	IO_WRITE = 2,
	IO_HANGUP = 4, // reported whether asked for or not: the peer is gone, or the descriptor has
		       // an error
};
struct io_watch_options {
	int fd; // borrowed; free the watch before closing it
	unsigned events;
	void (*fn)(void *context, unsigned events); // required
	void *context;
};
// Level-triggered. Negative errno: the descriptor cannot be polled, or there are too many.
int io_watch_new(struct io_loop *loop, const struct io_watch_options *options,
		 struct io_watch **watch_out) must_check;
void io_watch_set(struct io_watch *watch, unsigned events);
void io_watch_free(struct io_watch *watch); // NULL is fine

// --- timers: one-shot, set again as often as wanted ---
struct io_timer *io_timer_new(struct io_loop *loop, io_call_fn fn, void *context) must_check;
void io_timer_set(struct io_timer *timer, uint64_t ms_from_now);
void io_timer_clear(struct io_timer *timer);
bool io_timer_is_set(const struct io_timer *timer) must_check;
void io_timer_free(struct io_timer *timer); // NULL is fine

// --- calls ---
// Runs before the loop waits again, in the order of deferring.
void io_defer(struct io_loop *loop, io_call_fn fn, void *context);
// Forgets every deferred call of that context.
void io_defer_cancel(struct io_loop *loop, const void *context);
// The same from any thread: wakes the loop. The loop must outlive the call to it.
void io_post(struct io_loop *loop, io_call_fn fn, void *context);

// --- signals ---
// Blocks the signal in the calling thread (do it before other threads start) and calls `fn` in the
// loop for each.
int io_signal_add(struct io_loop *loop, int signal_number,
		  void (*fn)(void *context, int signal_number), void *context) must_check;

// --- children ---
// Calls `fn` once with the wait status when the child has ended, and reaps it. Negative errno.
struct io_child_options {
	pid_t pid; // a child of this process
	void (*fn)(void *context, int wait_status);
	void *context;
};
int io_child_new(struct io_loop *loop, const struct io_child_options *options,
		 struct io_child **child_out) must_check;
void io_child_free(struct io_child *child); // stops watching; a child that still runs is left alone
