// SPDX-License-Identifier: Apache-2.0
// The enforcer's decisions, without processes, sockets or clocks of its own: what is confirmed, what is pending, what
// the kernel holds, and what follows from each message, each change in the kernel and each moment.
#pragma once

#include "agent/events.h"
#include "agent/held.h"

struct agent_core;

// Full looks at the kernel beside what goes on (aside.h), one at a time.
struct agent_core_aside {
	// Begins one; agent_core_looked tells its end. False: it cannot be made.
	bool (*begin)(void *context, const struct agent_held *held, int64_t now);
	// Waits until all that it judges was read, or it has ended. False: that takes too long.
	bool (*await_read)(void *context);
	// Ends it; nothing more is told of it.
	void (*stop)(void *context);
};

struct agent_core_options {
	struct agent_point point;
	const char *state_dir, *certificate_dir; // borrowed
	const char *name;  // of this function, for its evidence; NULL: none is kept; borrowed
	uint64_t proof_ms; // between full proofs without a reason, more or less; 0: there are none
	// With a state that cannot be read and nothing in the kernel: forward (true) or refuse everything (false).
	bool keep_open;
	int64_t (*wall)(void *context);       // seconds since 1970 UTC
	uint64_t (*monotonic)(void *context); // milliseconds
	// Optional: without it looks are made while everything else waits.
	const struct agent_core_aside *aside;
	// To front, unasked: COMMITTED, REVERTED, DRIFT, REPAIRED, CLOSED, PROVEN; and as an answer PROOF.
	void (*tell)(void *context, const struct agent_message *message);
	void (*log)(void *context, enum agent_event event, const char *text); // optional
	void *context;
};

struct agent_core *agent_core_new(const struct agent_core_options *options) must_check;
// Leaves the kernel as it is.
void agent_core_free(struct agent_core *core);

// Puts the kernel into the state that was confirmed last; touches nothing when it is in that state. False and diags when
// the kernel could not be brought there; the core then goes on trying.
bool agent_core_start(struct agent_core *core, struct diags *diags) must_check;
// What front is told first, and the configurations that it begins with; texts are borrowed until the next call of any
// function.
void agent_core_describe(const struct agent_core *core, struct agent_start *out);
struct agent_running agent_core_kept(const struct agent_core *core,
				     enum agent_which which) must_check;
// Takes a message of front that has no answer, or whose answer is told later; false when it is to be answered at once.
bool agent_core_take(struct agent_core *core, const struct agent_message *message) must_check;
// Answers a message of front. The answer's texts live in the arena, or are borrowed until the next call.
void agent_core_answer(struct agent_core *core, const struct agent_message *ask,
		       struct arena *arena, struct agent_message *answer_out);
// Front has ended: its sessions have, too.
void agent_core_front_ended(struct agent_core *core);
// The back end's watch descriptor is readable.
void agent_core_watch(struct agent_core *core);
// What a look beside came to; takes over what was seen.
void agent_core_looked(struct agent_core *core, struct agent_looked *looked);
// When agent_core_tick is to be called, in milliseconds of the monotonic clock; UINT64_MAX: never.
uint64_t agent_core_due(const struct agent_core *core) must_check;
void agent_core_tick(struct agent_core *core);
// Whether the kernel holds what it should, as far as is known; the network is answered only then for the first time.
bool agent_core_settled(const struct agent_core *core) must_check;
// Adds to the log and to the events.
void agent_core_note(struct agent_core *core, enum agent_event event, const char *fmt, ...)
	printf_like(3, 4);
// Removes everything of the agent from the kernel and its state from the disk.
bool agent_core_flush(const struct agent_point *point, const char *state_dir,
		      struct diags *diags) must_check;

// The calendar is rewritten so far ahead, and anew when half of it has passed.
#define AGENT_HORIZON ((int64_t)2 * 366 * 86400)
