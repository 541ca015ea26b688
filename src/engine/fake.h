// SPDX-License-Identifier: Apache-2.0
// NSFs for tests, inside the process: each keeps a running configuration, a candidate with its lock
// and a confirmed commit with what it would go back to, and can be made to fail at any step.
#pragma once

#include "engine/nsf.h"

#include <pthread.h>

struct schema;

#define FAKE_MOST 8u

enum fake_fault {
	FAKE_FINE,
	FAKE_REFUSES, // answers with an error and does nothing
	FAKE_LOSES,   // does it, but the answer is lost
	FAKE_GONE,    // does nothing and never answers again until fake_return
	FAKE_LIES,    // reports only: enforces something else
};
#define FAKE_REPORT ENGINE_OPS // as an operation: a report that reads back

struct fake_nsf {
	const char *name;
	bool connected;
	char *running, *candidate, *rollback; // texts of policy; NULL: nothing
	char *persist;
	bool pending;
	uint32_t session, locked;
	unsigned commits, pinholes, trusts;
	char pinhole[4][32]; // ids of the last four that were opened
	int fail_at;         // operation, or FAKE_REPORT; -1 none
	enum fake_fault fault;
	// Its evidence, in order; borrowed.
	const char *certificate;
	const struct engine_record *record;
	size_t records;
};

struct fake {
	pthread_mutex_t mutex;
	struct engine *engine; // told of connections
	struct schema *schema;
	struct fake_nsf nsf[FAKE_MOST];
	size_t len;
	size_t configured;
	char *capabilities;
	// Optional: called without the mutex before every request.
	void (*before)(void *context, const struct engine_request *request);
	void *context;
};

void fake_init(struct fake *fake, const char *const *names, size_t len);
void fake_fini(struct fake *fake);
extern const struct engine_nsf_ops fake_ops;

// A session of the NSF comes up, or goes. With the session go its lock and candidate.
void fake_connect(struct fake *fake, size_t i);
void fake_disconnect(struct fake *fake, size_t i);
// Makes the next operation of that kind fail once (FAKE_GONE: for good).
void fake_fail(struct fake *fake, size_t i, int op, enum fake_fault fault);
// The timer of a confirmed commit fires.
void fake_revert(struct fake *fake, size_t i);
// Whether what runs holds the text; NULL: whether nothing runs.
bool fake_runs(struct fake *fake, size_t i, const char *text);
bool fake_is_pending(struct fake *fake, size_t i);
// Puts it into a state as after a crash of the controller.
void fake_put(struct fake *fake, size_t i, const char *running, const char *rollback,
	      const char *persist);
char *fake_running(struct fake *fake, size_t i); // a copy on the heap, or NULL
