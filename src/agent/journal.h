// SPDX-License-Identifier: Apache-2.0
// What the enforcer keeps on the disk: one file, `journal`, of records that are only ever added.
//   WHOLE    a policy is being put into force, with all that is needed to do that again
//   CHANGE   the policy is being changed: the message that asked for it
//   CONFIRM  what came before is in force for good
//   REVERT   so many of the records before, which were not confirmed, are gone again
//   LOST     what was in force before could not be read
// What is not confirmed means nothing after a restart. Each record carries a digest over itself and the one before it. The
// last one may be torn, as a crash leaves it, and is then as if it had never been; whatever else does not fit is damage.
// The file is written anew, with one WHOLE in it, when its changes have outgrown that (agent_journal_rewrite).
#pragma once

#include "agent/held.h"
#include "agent/state.h"
#include "pki/pki.h"

struct agent_journal;

// Reads what there is. FOUND: `held_out` is what was confirmed, not prepared yet (NULL: nothing ever was), and
// `unfinished_out` says whether more had begun. ABSENT: there is no file. BROKEN: a diag says what to do. The journal, which
// is never NULL, can be added to in each case; after BROKEN it begins anew, as one that has lost what was before.
enum agent_found agent_journal_open(const char *dir, struct diags *diags,
				    struct agent_journal **out, struct agent_held **held_out,
				    bool *unfinished_out) must_check;
void agent_journal_close(struct agent_journal *journal); // NULL is fine
// There are rules in force that nobody remembers: whoever reads the journal is to know it until something is confirmed.
void agent_journal_lost(struct agent_journal *journal);

// Each is on the disk when it returns true; false and a diag: it counts as not written.
bool agent_journal_whole(struct agent_journal *journal, const struct agent_held *held,
			 struct diags *diags) must_check;
bool agent_journal_change(struct agent_journal *journal, const struct agent_change *change,
			  uint32_t generation, struct diags *diags) must_check;
bool agent_journal_confirm(struct agent_journal *journal, struct diags *diags) must_check;
// The last `n` records of policies and changes. When it cannot be written it is before the next record: until then they are
// not confirmed, so that a restart does without them, too.
void agent_journal_revert(struct agent_journal *journal, uint32_t n);
// All that was not confirmed before this process.
void agent_journal_forget(struct agent_journal *journal);

// Whether changes have outgrown the policy that they change.
bool agent_journal_grown(const struct agent_journal *journal) must_check;
// Instead of everything: this policy, confirmed. On failure all is as before.
bool agent_journal_rewrite(struct agent_journal *journal, const struct agent_held *held,
			   struct diags *diags) must_check;

// A record as it stands in the file, behind the one whose digest is `chain`, which becomes its own.
void agent_journal_frame(unsigned char chain[static PKI_DIGEST], const void *body, size_t len,
			 struct buf *out);
