// SPDX-License-Identifier: Apache-2.0
// Long computations that give others a turn: one runs on a stack of its own, and at points that it calls safe it goes back
// to whoever runs it when its slice of time is over; later it is gone on with. Everything is one thread's.
#pragma once

#include "base/base.h"

struct turn;

// Runs `fn` until it has come to its end or the slice is over; NULL: to its end. What `fn` holds then is half done only
// where it has said that this is safe. From within a computation: a function call, to its end.
struct turn *turn_begin(void (*fn)(void *context), void *context, unsigned slice_us) must_check;
// Goes on with it. False: it has come to its end, and the turn is gone.
bool turn_go_on(struct turn *turn, unsigned slice_us) must_check;
// Goes on to its end, at once.
void turn_end(struct turn *turn);

// From here on it is not interrupted any more; or it is again.
void turn_keep(void);
void turn_share(void);

// A safe point, which costs next to nothing where there is no turn to give.
void turn_point(void);
// The same behind much work: the clock is looked at.
void turn_pause(void);
// Gives the turn away at once: for who waits for others.
void turn_give(void);

// Tens of megabytes take tens of milliseconds to copy and to give back to the kernel: these do it with points in between.
void turn_copy(void *to, const void *from, size_t len);
// Frees what malloc gave; `len` bytes of it at least were asked for.
void turn_free(void *memory, size_t len);
