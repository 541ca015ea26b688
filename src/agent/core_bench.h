// SPDX-License-Identifier: Apache-2.0
// For tests of the enforcer's decisions: a core with a kernel in memory, a state directory, and a clock that the test turns.
#pragma once

#include "agent/core.h"
#include "agent/fake_backend.h"

enum { TOLD_MOST = 64 };

struct bench {
	struct arena arena;
	struct diags diags;
	struct fake fake;
	struct agent_core *core;
	char dir[40];
	int64_t wall;
	uint64_t ms;
	const char *name; // of the NSF; NULL: no evidence is kept
	uint64_t proof_ms;
	enum agent_type told[TOLD_MOST]; // what front was told
	enum agent_reason reason;        // of the last REVERTED
	enum agent_closed closed;        // of the last CLOSED
	size_t tolds;
	bool nothing; // commit without a default action
	unsigned events[AGENT_EVENTS];
	const struct agent_core_aside *aside; // NULL: looks are made at once
	struct agent_message answer; // the last one that was told, borrowed until the next call
	unsigned answers;
};

// Not started, for tests that set what it is started with.
struct bench *bench_new(void) must_check;
int bench_setup(void **state);
int bench_teardown(void **state);
bool bench_start(struct bench *bench, bool keep_open) must_check;
// As kill -9 and a start would.
bool bench_restart(struct bench *bench) must_check;
unsigned bench_told(const struct bench *bench, enum agent_type type) must_check;

// A rule that passes TCP to a port; `salt` makes it another of the same name.
struct ir_rule bench_rule(struct bench *bench, unsigned i, unsigned salt) must_check;
// Whether what was asked was done; answered at once, be it by being told.
bool bench_ask(struct bench *bench, struct agent_message message, struct agent_message *answer);
void bench_send(struct bench *bench, enum agent_type type, const void *data, size_t len);
// n rules and their configuration, for the next APPLY.
void bench_send_policy(struct bench *bench, unsigned n);
struct agent_message bench_apply(const struct bench *bench, bool confirmed,
				 const char *persist) must_check;
bool bench_commit(struct bench *bench, unsigned rules, bool confirmed, const char *persist);
bool bench_simple(struct bench *bench, enum agent_type type);
size_t bench_in_kernel(const struct bench *bench) must_check;
struct agent_report bench_report(struct bench *bench) must_check;
uint32_t bench_version(struct bench *bench) must_check;
const char *bench_running(struct bench *bench) must_check;
