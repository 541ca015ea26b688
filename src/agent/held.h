// SPDX-License-Identifier: Apache-2.0
// A policy made ready for the kernel, and what was read back from the kernel.
#pragma once

#include "agent/message.h"
#include "agent/state.h"
#include "base/map.h"

// The enforcement point that the agent drives.
struct agent_point {
	const struct backend_ops *ops;
	struct backend *backend;
	// The normal form in which the back end hands out what it reads back.
	void (*normal)(const struct ir_ruleset *lowered, struct arena *arena,
		       struct ir_ruleset *out);
};

struct agent_held {
	struct arena arena; // of everything below
	struct agent_policy policy;
	struct ir_ruleset lowered, normal;
	char intended[AGENT_DIGEST_TEXT]; // digest of lowered
	char digest[AGENT_DIGEST_TEXT];   // digest of normal
	const char *persist;
};
// Empty but for its arena: fill in `policy`, then agent_held_prepare, which lowers and digests.
struct agent_held *agent_held_new(void) must_check;
void agent_held_free(struct agent_held *held); // NULL is fine
void agent_held_prepare(struct agent_held *held, const struct agent_point *point);

// As text (ir/digest.h).
void agent_digest(const struct ir_ruleset *ruleset, char out[static AGENT_DIGEST_TEXT]);

struct agent_seen {
	struct arena arena;
	int64_t at;    // seconds since 1970 UTC; 0: never looked
	bool equal;    // the kernel holds what was held against it, and nothing else
	bool deployed; // a policy is in force
	char digest[AGENT_DIGEST_TEXT]; // of what is enforced; "" when nothing is
	struct map rule_digest;         // "POLICY\nNAME" to hexadecimal text
	struct backend_differences differences;
};
void agent_seen_init(struct agent_seen *seen);
void agent_seen_fini(struct agent_seen *seen);
// Whether it has neither rules nor a default action, so that nothing of ours is to be in the kernel; so has NULL.
bool agent_held_nothing(const struct agent_held *held) must_check;
// Reads the kernel back and compares it with `held` (NULL: nothing shall be there). 0, or a negative errno; `seen` then
// says not equal.
int agent_seen_look(struct agent_seen *seen, const struct agent_point *point,
		    const struct agent_held *held, int64_t now) must_check;
const char *agent_rule_key(struct arena *arena, const char *policy, const char *name) must_check;
