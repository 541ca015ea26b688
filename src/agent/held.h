// SPDX-License-Identifier: Apache-2.0
// A policy made ready for the kernel, and what was read back from the kernel.
#pragma once

#include "agent/message.h"
#include "base/buf.h"
#include "base/map.h"

struct ir_digests;

// The enforcement point that the agent drives.
struct agent_point {
	const struct backend_ops *ops;
	struct backend *backend;
	// The normal form in which the back end hands out what it reads back.
	void (*normal)(const struct ir_ruleset *lowered, struct arena *arena,
		       struct ir_ruleset *out);
};

// A policy: rules as they were committed, and as the back end gets them. Both lists have one rule a place.
struct agent_held {
	struct arena
		arena; // of what is below; what changes have replaced stays in it until agent_held_renew
	VEC(const struct ir_rule *) rule; // in order of decision, as committed
	struct ir_ruleset lowered;
	struct agent_running running; // the configuration that it was read from
	char *text;                   // its base when that is not in the arena
	int64_t lowered_at,
		horizon; // the arguments of ir_ruleset_lower_time that made `lowered`
	uint32_t generation;
	struct ir_digests *intended_of,
		*normal_of;               // of `lowered`, and of its normal form, rule by rule
	char intended[AGENT_DIGEST_TEXT]; // of them all
	char digest[AGENT_DIGEST_TEXT];
	const char *persist; // the id of the commit that made it so; NULL: it has none
	size_t whole;        // bytes in the arena when it was last prepared
};
// Empty but for its arena: fill in rule, lowered.default_action, running, the times; then agent_held_prepare, which lowers
// and digests.
struct agent_held *agent_held_new(void) must_check;
void agent_held_free(struct agent_held *held); // NULL is fine
void agent_held_prepare(struct agent_held *held, const struct agent_point *point);
// Appends the rules that stand one behind the other in the bytes; false on anything that ir_rule_encode did not write.
bool agent_held_add(struct agent_held *held, const struct agent_piece *rules) must_check;
// A copy with new times, prepared, in which nothing is left of what changes have replaced.
struct agent_held *agent_held_renew(const struct agent_held *held, const struct agent_point *point,
				    int64_t lowered_at, int64_t horizon) must_check;

// What some edits put in: rules as committed and lowered, all edits' one behind the other. Their contents live as long as
// the policy.
struct agent_inserted {
	const struct ir_rule **rule;
	struct ir_ruleset lowered;
};
struct agent_edits {
	struct backend_edit *edit;
	size_t edits;
	struct agent_inserted inserted;
};
// Reads and lowers what a change inserts; false when it is not for this policy or cannot be read, with a diag.
bool agent_held_read(struct agent_held *held, const struct agent_change *change,
		     struct diags *diags, struct agent_edits *out) must_check;
// For a policy that is not prepared yet: the rules as committed become those behind the change; false likewise.
bool agent_held_replay(struct agent_held *held, const struct agent_change *change) must_check;
// Makes the edits. Costs what they touch, and moving what stands behind them when the number of rules changes. `back` (may
// be NULL) becomes the edits that take them back; its lists are in the arena.
void agent_held_edit(struct agent_held *held, const struct agent_edits *edits,
		     const struct agent_point *point, struct arena *arena,
		     struct agent_edits *back);

// As text (ir/digest.h).
void agent_digest(const struct ir_ruleset *ruleset, char out[static AGENT_DIGEST_TEXT]);

struct agent_rule_digest {
	const char *key, *text;
};
struct agent_seen {
	struct arena arena;
	int64_t at;    // seconds since 1970 UTC; 0: never looked
	bool whole;    // everything was looked at, not only what a change touches
	bool equal;    // the kernel holds what was held against it, and nothing else
	bool deployed; // a policy is in force
	char digest[AGENT_DIGEST_TEXT];     // of what is enforced; "" when nothing is
	VEC(struct agent_rule_digest) rule; // when not equal: what was read back …
	struct map rule_digest;             // … by "POLICY\nNAME": hexadecimal text
	struct backend_differences differences;
};
// What came of a look by another process.
struct agent_looked {
	int error; // negative errno; `seen` then says not equal
	struct agent_seen seen;
	struct buf proven; // equal: for ops->adopt
};
void agent_seen_init(struct agent_seen *seen);
void agent_seen_fini(struct agent_seen *seen);
// `to` becomes what `from` was, which is empty then.
void agent_seen_move(struct agent_seen *to, struct agent_seen *from);
// As bytes, for another process; and back into one that is initialised, false when they are no such.
void agent_seen_encode(const struct agent_seen *seen, struct buf *out);
bool agent_seen_decode(struct agent_seen *seen, const void *data, size_t len) must_check;
// Whether it has neither rules nor a default action, so that nothing of ours is to be in the kernel; so has NULL.
bool agent_held_nothing(const struct agent_held *held) must_check;
// Compares the kernel with `held` (NULL: nothing shall be there). 0, or a negative errno; `seen` then says not equal.
int agent_seen_look(struct agent_seen *seen, const struct agent_point *point,
		    const struct agent_held *held, int64_t now) must_check;
// The same behind a change of what was seen to be equal.
int agent_seen_look_changed(struct agent_seen *seen, const struct agent_point *point,
			    const struct agent_held *held, int64_t now) must_check;
const char *agent_rule_key(struct arena *arena, const char *policy, const char *name) must_check;
