// SPDX-License-Identifier: Apache-2.0
// Turns, as coroutines on ucontext.
//
// The idea: code that loops over a large input need not be turned inside out to be interruptible; it says where it can
// be. Which computation runs is known to the thread and not handed through: a point stands deep inside of code that knows
// nothing of loops and servers (the one thread-local variable here, and the breach of "no globals" that it is).
// A stack has a page at its end that nobody may touch; the last stack that was used is kept for the next computation.
// It does not schedule: whoever begins a computation goes on with it.
#include "base/turn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#define ANNOUNCE_SWITCH(save, bottom, size) __sanitizer_start_switch_fiber(save, bottom, size)
#define ANNOUNCE_ARRIVAL(save, bottom, size) __sanitizer_finish_switch_fiber(save, bottom, size)
#else
#define ANNOUNCE_SWITCH(save, bottom, size) ((void)(save), (void)(bottom), (void)(size))
#define ANNOUNCE_ARRIVAL(save, bottom, size) ((void)(save), (void)(bottom), (void)(size))
#endif

// As large as a thread's, since whole operations run on it; pages that nobody touches take nothing.
#define STACK (8u << 20)
#define GUARD 4096u
#define POINTS_A_LOOK 64u // looking at the clock costs more than a point does
#define PIECE (1u << 20)  // and much less than a megabyte
#define PAGE 4096u

struct turn {
	ucontext_t here, caller;
	void (*fn)(void *context);
	void *context;
	char *stack;
	uint64_t until_us;
	unsigned points;
	bool done, kept;
	// For the address sanitizer: the stacks' ends, and what it keeps for them.
	const void *caller_bottom;
	size_t caller_size;
	void *caller_fake, *own_fake;
};

static _Thread_local struct turn *current;
static _Thread_local char *spare;

static uint64_t now_us(void)
{
	struct timespec t;
	int rc = clock_gettime(CLOCK_MONOTONIC, &t);
	assert(rc == 0);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static char *stack_new(void)
{
	char *stack = spare;
	spare = NULL;
	if (stack)
		return stack;
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	stack = base_oom(stack == MAP_FAILED ? NULL : stack);
	int rc = mprotect(stack, GUARD, PROT_NONE);
	assert(rc == 0);
	return stack;
}

static void stack_free(char *stack)
{
	if (spare)
		munmap(spare, STACK);
	spare = stack;
}

// On the new stack.
static void body(void)
{
	struct turn *t = current;
	ANNOUNCE_ARRIVAL(NULL, &t->caller_bottom, &t->caller_size);
	t->fn(t->context);
	t->done = true;
	ANNOUNCE_SWITCH(NULL, t->caller_bottom, t->caller_size);
	// Behind this the stack goes back to where it came from.
}

static void leave(struct turn *t)
{
	ANNOUNCE_SWITCH(&t->own_fake, t->caller_bottom, t->caller_size);
	swapcontext(&t->here, &t->caller);
	ANNOUNCE_ARRIVAL(t->own_fake, &t->caller_bottom, &t->caller_size);
}

static bool gives_turns(void)
{
	return current && !current->kept;
}

static void look(struct turn *t)
{
	if (now_us() >= t->until_us)
		leave(t);
}

void turn_point(void)
{
	if (gives_turns() && ++current->points % POINTS_A_LOOK == 0)
		look(current);
}

void turn_pause(void)
{
	if (gives_turns())
		look(current);
}

void turn_give(void)
{
	if (gives_turns())
		leave(current);
}

void turn_copy(void *to, const void *from, size_t len)
{
	size_t at = 0;
	for (; gives_turns() && len - at > PIECE; at += PIECE) {
		memcpy((char *)to + at, (const char *)from + at, PIECE);
		look(current);
	}
	if (len)
		memcpy((char *)to + at, (const char *)from + at, len - at);
}

// The pages go before the memory does, piece by piece; freed at once they would go at once.
void turn_free(void *memory, size_t len)
{
	if (!memory)
		return;
	char *at = (char *)memory + (PAGE - (uintptr_t)memory % PAGE) % PAGE;
	for (size_t gone = PAGE; gives_turns() && gone + PIECE <= len; gone += PIECE) {
		(void)madvise(at, PIECE, MADV_DONTNEED); // else free does it
		at += PIECE;
		look(current);
	}
	free(memory);
}

void turn_keep(void)
{
	if (current)
		current->kept = true;
}

void turn_share(void)
{
	if (current)
		current->kept = false;
}

bool turn_go_on(struct turn *t, unsigned slice_us)
{
	assert(!current);
	t->until_us = now_us() + slice_us;
	current = t;
	ANNOUNCE_SWITCH(&t->caller_fake, t->stack, STACK);
	swapcontext(&t->caller, &t->here);
	ANNOUNCE_ARRIVAL(t->caller_fake, NULL, NULL);
	current = NULL;
	if (!t->done)
		return true;
	stack_free(t->stack);
	free(t);
	return false;
}

struct turn *turn_begin(void (*fn)(void *context), void *context, unsigned slice_us)
{
	if (current) {
		fn(context);
		return NULL;
	}
	struct turn *t = base_oom(calloc(1, sizeof(*t)));
	t->fn = fn;
	t->context = context;
	t->stack = stack_new();
	int rc = getcontext(&t->here);
	assert(rc == 0);
	t->here.uc_stack.ss_sp = t->stack;
	t->here.uc_stack.ss_size = STACK;
	t->here.uc_link = &t->caller;
	makecontext(&t->here, body, 0);
	return turn_go_on(t, slice_us) ? t : NULL;
}

void turn_end(struct turn *turn)
{
	while (turn_go_on(turn, UINT32_MAX))
		;
}
