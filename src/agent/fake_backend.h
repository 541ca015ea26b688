// SPDX-License-Identifier: Apache-2.0
// A back end that enforces nothing: an enforcement point in memory, for tests. It can be told to refuse, to fail, and to
// enforce something else than it was given.
#pragma once

#include "agent/held.h"

struct fake {
	struct arena arena;
	bool deployed;
	struct ir_ruleset ruleset; // in force
	bool refuse, fail,
		cheat;  // of the next applies: by check, by errno, silently without the last rule
	bool changed;   // somebody else has; read by watch_drain
	bool anew;      // changes are to be applied anew
	bool unsettled; // changes have left something to be put in order
	unsigned settles;
	unsigned applies, changes, clears, looks, glances; // glances: of the looks, at what changed
	bool blind;                                        // the kernel does not answer
	unsigned adopts;
	bool stop_before,
		stop_behind;         // in a copy: compare stops the process before, behind reading
	bool die;                    // … and ends it then
	void (*read)(void *context); // in a copy
	void *context;
	uint64_t *clock;                  // when there is one, every look moves it on
	uint64_t looking;                 // by so much
	struct backend_pinholes pinholes; // in the arena
};

void fake_init(struct fake *fake);
void fake_fini(struct fake *fake);
// The point that drives it; borrowed.
struct agent_point fake_point(struct fake *fake) must_check;
// Somebody takes the last rule away.
void fake_tamper(struct fake *fake);
