// SPDX-License-Identifier: Apache-2.0
// What the files of the core share.
#pragma once

#include "agent/core.h"
#include "agent/evidence.h"
#include "agent/journal.h"
#include "base/buf.h"

// Pinholes that are known to be open, so that their end is noticed and told.
struct agent_ledger {
	struct arena arena;
	struct backend_pinholes open; // in the arena
	uint64_t due;                 // milliseconds of the monotonic clock; UINT64_MAX: never
};

// Somebody else changes the kernel: when it was noticed, and how soon the next repair may be.
struct agent_fight {
	bool on;
	uint64_t since;  // when the change was noticed
	uint64_t due;    // when to repair
	uint64_t last;   // when it was repaired last
	unsigned rounds; // repairs that followed each other closely
};

// When the kernel is read back; milliseconds of the monotonic clock, UINT64_MAX: never.
struct agent_looks {
	uint64_t last, took; // the end of the last look, and how long it was
	uint64_t changed,
		periodic; // when to look because of changes that were told; because it is time
};

// Front waits for a proof.
struct agent_request {
	struct agent_request *next;
	uint32_t id;
	bool later; // asked for when the look had begun: the next one answers it
};

// A full look beside what goes on, and what waits for one.
struct agent_errand {
	bool on;                       // it is being made
	bool older;                    // … of what we have changed since it was read
	bool told;                     // … and somebody else may have changed something since
	uint64_t began;                // milliseconds of the monotonic clock
	struct arena arena;            // of the record
	struct evidence_record record; // what it is of
	bool blind;
	uint64_t due;    // when it is made again, for nothing is known of it; UINT64_MAX: not
	unsigned spoilt; // how often in a row
	enum evidence_trigger occasion;
	struct agent_request *request; // the oldest first
};

// What front has sent ahead of the commit that it is for.
struct agent_coming {
	struct agent_held *held; // its rules; NULL: none yet
	struct buf text;
	size_t bytes;
	bool bad; // cannot be read, or is too much
};
#define AGENT_COMING_MOST AGENT_STATE_MOST
// Bytes of what changes leave in memory that are never too many.
#define AGENT_SLACK ((size_t)1 << 20)

// What a commit that is not confirmed has done: another policy, or edits.
struct agent_step {
	struct agent_step *next; // the one before
	bool whole;
	struct agent_held *before; // another policy: what was in force; NULL: nothing was
	struct arena arena;
	struct agent_edits back; // edits: those that take them back
	uint32_t generation;     // before them
	const char *persist;
};

struct agent_core {
	struct agent_core_options options;
	struct agent_journal *journal;
	struct agent_held *held; // in force by the books; NULL: nothing was committed
	uint32_t version;        // how often that became another one
	bool pending;            // it is to be confirmed …
	struct agent_step *step; // … else these go back, the newest first
	struct agent_coming coming;
	uint64_t tidy;               // not before this moment
	struct agent_held *fallback; // lets nothing pass; in force when the state could not be read
	bool unknown;                // the state could not be read
	uint64_t deadline;           // of pending
	uint64_t relower;            // when to look at the horizon again
	uint64_t settle; // when the back end may put in order what quick changes have left
	int64_t boot_time;
	uint32_t generation, repairs;
	char *startup;
	struct agent_seen seen;
	struct agent_fight fight;
	struct agent_looks look;
	struct agent_errand errand;
	struct agent_evidence *evidence; // NULL: none is kept
	enum evidence_trigger occasion;  // what is being dealt with
	struct agent_ledger ledger;
	struct agent_events *events;
	char *foreign; // what was said last of the rules of others; NULL: there were none
};

static inline struct agent_held *agent_in_force(const struct agent_core *core)
{
	return core->held ? core->held : core->fallback;
}
static inline uint64_t agent_ms(const struct agent_core *core)
{
	return core->options.monotonic(core->options.context);
}
static inline int64_t agent_wall(const struct agent_core *core)
{
	return core->options.wall(core->options.context);
}
void agent_tell(struct agent_core *core, const struct agent_message *message);
// Reads back and compares with what is in force; false when it is not known to be equal.
bool agent_look(struct agent_core *core) must_check;

// --- kernel.c ---
enum agent_put { AGENT_PUT, AGENT_PUT_REFUSED, AGENT_PUT_DIFFERS };
// Puts a policy into the kernel and proves it. REFUSED: what was in force still is; DIFFERS: it is not known what is.
enum agent_put agent_kernel_put(struct agent_core *core, struct agent_held *held,
				struct diags *diags) must_check;
// The same for what is in force by the books, which these edits have made of what was.
enum agent_put agent_kernel_change(struct agent_core *core, const struct agent_edits *edits,
				   struct diags *diags) must_check;
// Puts what is in force by the books into the kernel; on failure the repair goes on by itself.
void agent_kernel_restore(struct agent_core *core);
void agent_kernel_repair(struct agent_core *core);
// The last look found differences: tells so and sets the time of the repair.
void agent_kernel_noticed(struct agent_core *core);
// Nothing was changed for a while: the back end puts in order what changes have left, and it is proven again.
void agent_kernel_settle(struct agent_core *core);
// The policy that lets nothing pass.
struct agent_held *agent_kernel_closed(const struct agent_core *core) must_check;

// --- proof.c ---
// Reads the kernel back, compares it with `held` and records what came of it. 0, or a negative errno; core->seen then
// says not equal.
int agent_proof_look(struct agent_core *core, const struct agent_held *held) must_check;
// The same behind a change of what was seen to be equal: looks at what it can have touched.
int agent_proof_look_changed(struct agent_core *core, const struct agent_held *held) must_check;
// A look at everything in force, by the books, and its repair if need be; beside what goes on where that is possible.
void agent_proof_examine(struct agent_core *core, enum evidence_trigger occasion);
// The same because somebody may have changed something: later, when it would come too soon after the last one.
void agent_proof_changed(struct agent_core *core);
// The same because front asks for it, which is told what came of it.
void agent_proof_request(struct agent_core *core, uint32_t id);
void agent_proof_forget_requests(struct agent_core *core);
// We are going to change what is in force, or how. A look beside has read the kernel before, and then stands for what was.
void agent_proof_touch(struct agent_core *core);
uint64_t agent_proof_due(const struct agent_core *core) must_check;
void agent_proof_tick(struct agent_core *core);

// --- commit.c ---
void agent_commit_text(struct agent_core *core, const struct agent_piece *piece);
void agent_commit_rules(struct agent_core *core, const struct agent_piece *piece);
void agent_commit_forget_coming(struct agent_core *core);
void agent_commit_forget_steps(struct agent_core *core);
bool agent_commit_apply(struct agent_core *core, const struct agent_apply *apply,
			struct diags *diags) must_check;
bool agent_commit_change(struct agent_core *core, const struct agent_change *change,
			 struct diags *diags) must_check;
bool agent_commit_confirm(struct agent_core *core, struct diags *diags) must_check;
bool agent_commit_cancel(struct agent_core *core, enum agent_reason reason,
			 struct diags *diags) must_check;
void agent_commit_revert(struct agent_core *core, enum agent_reason reason);
void agent_commit_relower(struct agent_core *core);
// When what changes have left behind is to be cleared away; UINT64_MAX: not now.
uint64_t agent_commit_tidy_due(const struct agent_core *core) must_check;
void agent_commit_tidy(struct agent_core *core);

// --- pinholes.c ---
void agent_ledger_init(struct agent_ledger *ledger);
void agent_ledger_fini(struct agent_ledger *ledger);
bool agent_pinhole_open(struct agent_core *core, const struct backend_pinhole *pinhole,
			struct diags *diags) must_check;
bool agent_pinhole_close(struct agent_core *core, const char *name, struct diags *diags) must_check;
// Compares the ledger with the kernel: tells what has closed, opens again what a repair found missing.
void agent_pinholes_refresh(struct agent_core *core, bool reopen);

// --- report.c ---
void agent_report_make(struct agent_core *core, struct arena *arena, struct agent_report *out);
void agent_report_digests(const struct agent_core *core, struct agent_digests *out);
