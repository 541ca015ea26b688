// SPDX-License-Identifier: Apache-2.0
// What the files of front's books share.
#pragma once

#include "agent/sent.h"
#include "codec/nfi.h"

struct schema_node;

// An entry of a policy's list of rules.
struct sent_slot {
	const struct schema_node *entry;
	uint32_t rules; // that it, and those which join it, became
	uint8_t priority;
	bool on : 1;
	bool part : 1;  // of a rule that may have several entries
	bool joins : 1; // the one that is on before it
	// While a change is read:
	bool changed : 1; // it is another now, or new
	bool gap : 1;     // some before it have gone
	bool again : 1;   // it is read again
};
#define SENT_NUMBERS 256u
struct sent_policy {
	const struct schema_node *node;
	enum ir_resolution resolution;
	enum ir_usage usage;
	struct sent_slot *slot; // in the order of the document
	size_t len, cap;
	// Of a list that follows another one, and of that: so many slots are the same in both, at the beginning and at the
	// end.
	size_t same, same_behind;
	size_t rules[SENT_NUMBERS]; // by number
};
// A policy of the enforcer, in the order of decision: policy by policy.
struct sent_list {
	struct sent_policy *policy;
	size_t policies;
	size_t changes; // bytes of them since everything was sent …
	size_t whole;   // … and of that
	enum ir_verdict default_action;
	bool follows; // the accepted one: it was made from that by a change
};

struct agent_sent {
	struct sent_list *now;    // accepted; NULL: not known
	struct sent_list *before; // what it was before a pending commit; NULL: not known
	struct sent_list *next;   // sent, not answered yet
	struct sent_list *
		spare; // the one before, or one that was refused, for the next to be made of; or NULL
	bool pending;
};

// What is being read.
struct sent_reader {
	struct codec_nfi_frame frame;
	struct sent_policy *policy;
	struct arena *arena; // of the frame
	struct diags *diags;
};
// Where the policy's rules of one entry are numbered: its priority, or 0 where only the order counts.
static inline uint8_t sent_number(const struct sent_policy *policy, const struct sent_slot *slot)
{
	return policy->usage == IR_BY_NUMBER ? slot->priority : 0;
}
void sent_slot_read(const struct sent_reader *reader, struct sent_slot *slot);
// The next slot that is on, from `at` on (or from `at` on backwards); SIZE_MAX: none.
size_t sent_on_from(const struct sent_policy *policy, size_t at) must_check;
size_t sent_on_before(const struct sent_policy *policy, size_t at) must_check;
// Whether the slot is to be read together with the one that is on before it.
void sent_slot_join(const struct sent_reader *reader, size_t at);
// Reads the entries of the group that begins at this slot; `out` in the order of decision.
void sent_group_read(const struct sent_reader *reader, size_t at, struct arena *arena,
		     struct ir_policy *out);

bool sent_has_ties(const struct sent_policy *policy) must_check;

// One that follows the accepted list, to which sent_policy_follow then brings its policies. Made of the spare one if there
// is one, so that only what the last change has changed is to be copied.
struct sent_list *sent_list_follow(struct agent_sent *sent) must_check;
// Makes it the same as the policy that it follows, with room for so many slots.
void sent_policy_follow(const struct sent_policy *policy, size_t room, struct sent_policy *to);
void sent_list_free(struct sent_list *list); // NULL is fine
// By number, of the slots from one place to another.
void sent_count(const struct sent_policy *policy, size_t from, size_t end,
		size_t rules[static SENT_NUMBERS]);

// --- sent_log.c: what the log of the tree tells ---
struct sent_touched {
	const struct schema_node *entry;
	bool was, is; // there before; there now
};
struct sent_touches {
	VEC(struct sent_touched) list;
};
struct sent_log {
	struct arena *arena;
	struct sent_touches *touched; // by policy, in the order in which they were
	VEC(struct sent_touched) top; // other top-level nodes that are different
};
// False: there is more than changes of rules.
bool sent_log_read(const struct sent_list *list, const struct schema_tree *tree, size_t since,
		   struct arena *arena, struct sent_log *out) must_check;
// The change of the configuration, as the content of <config>.
void sent_log_print(const struct sent_log *log, const struct sent_list *list, struct buf *out);
