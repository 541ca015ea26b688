// SPDX-License-Identifier: Apache-2.0
// Front's books of what the enforcer holds: which entry of the configuration became how many rules, and where they stand in
// the order of decision. So a commit that changes few entries reads those, and says which rules of the enforcer they
// replace; everything else is neither read nor validated again.
#pragma once

#include "agent/message.h"

struct agent_sent;
struct schema_tree;

struct agent_sent *agent_sent_new(void) must_check; // nothing is known
void agent_sent_free(struct agent_sent *sent);

enum agent_sending {
	AGENT_SEND_CHANGE,
	AGENT_SEND_WHOLE, // nothing is known, or the order of everything may be another, or too much is changed
	AGENT_SEND_NOTHING // with errors: it cannot be enforced
};
// What the changes of the tree from number `since` on, which lead from the configuration that was accepted last, change.
// With CHANGE: `out` but for its terms, in the arena; `bytes` holds the rules and has been initialized.
enum agent_sending agent_sent_change(struct agent_sent *sent, const struct schema_tree *tree,
				     size_t since, struct arena *arena, struct diags *diags,
				     struct buf *bytes, struct agent_change *out) must_check;

// The whole policy, in pieces. False with errors: what was handed over is to be forgotten.
struct agent_sent_sink {
	void (*rules)(void *context, const struct buf *bytes);
	void *context;
};
bool agent_sent_whole(struct agent_sent *sent, const struct schema_tree *tree, struct diags *diags,
		      const struct agent_sent_sink *sink, enum ir_verdict *default_out) must_check;

// What became of that: of the last change or whole policy.
void agent_sent_accepted(struct agent_sent *sent, bool confirmed);
void agent_sent_refused(struct agent_sent *sent);
// A pending commit was confirmed, or taken back.
void agent_sent_confirmed(struct agent_sent *sent);
void agent_sent_reverted(struct agent_sent *sent);
