// SPDX-License-Identifier: Apache-2.0
// Commits, confirmations and what undoes them. The one idea: the disk is written before the kernel, and what is not
// confirmed there means nothing after a restart; so a crash between any two steps leaves a policy that was in force,
// whole. What a pending commit has done is a list of steps, each of which can be taken back: another policy by the one
// before, a change by the change back.
// What it does not: put rules into the kernel (kernel.c) and know what a session is (front).
// RFC 6241 section 8.4 (confirmed commit).
#include "agent/core_internal.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

// --- what front sends ahead ---

static bool too_much(struct agent_core *core, size_t more)
{
	core->coming.bytes += more;
	core->coming.bad |= core->coming.bytes > AGENT_COMING_MOST;
	return core->coming.bad;
}

void agent_commit_text(struct agent_core *core, const struct agent_piece *piece)
{
	if (!too_much(core, piece->len))
		buf_add(&core->coming.text, piece->data, piece->len);
}

void agent_commit_rules(struct agent_core *core, const struct agent_piece *piece)
{
	if (!core->coming.held)
		core->coming.held = agent_held_new();
	if (!too_much(core, piece->len) && !agent_held_add(core->coming.held, piece))
		core->coming.bad = true;
}

void agent_commit_forget_coming(struct agent_core *core)
{
	agent_held_free(core->coming.held);
	buf_fini(&core->coming.text);
	core->coming = (struct agent_coming){.held = NULL};
	buf_init(&core->coming.text);
}

// What has come, as a policy; NULL when it cannot be one.
static struct agent_held *take_coming(struct agent_core *core)
{
	struct agent_held *held = core->coming.held ? core->coming.held : agent_held_new();
	bool good = !core->coming.bad && !memchr(core->coming.text.data, 0, core->coming.text.len);
	size_t len;
	held->text = buf_take(&core->coming.text, &len);
	held->running.base = held->text;
	core->coming.held = NULL;
	agent_commit_forget_coming(core);
	if (good)
		return held;
	agent_held_free(held);
	return NULL;
}

static struct agent_held *prepare(struct agent_core *core, const struct agent_apply *apply,
				  struct diags *diags)
{
	const struct agent_point *point = &core->options.point;
	struct agent_held *held = take_coming(core);
	if (!held) {
		diag_error(diags, DIAG_SYNTAX, NULL, "this should not happen: report it",
			   "front has sent a policy that cannot be read");
		return NULL;
	}
	held->lowered_at = agent_wall(core);
	held->horizon = held->lowered_at + AGENT_HORIZON;
	held->lowered.default_action = apply->default_action;
	held->persist = arena_strdup(&held->arena, apply->terms.persist);
	agent_held_prepare(held, point);
	if (agent_held_nothing(held) || point->ops->check(point->backend, &held->lowered, diags))
		return held;
	agent_held_free(held);
	return NULL;
}

// --- steps ---

static struct agent_step *push_step(struct agent_core *core)
{
	struct agent_step *step = base_oom(calloc(1, sizeof(*step)));
	arena_init(&step->arena);
	step->next = core->step;
	core->step = step;
	return step;
}

static void pop_step(struct agent_core *core)
{
	struct agent_step *step = core->step;
	core->step = step->next;
	agent_held_free(step->before);
	arena_fini(&step->arena);
	free(step);
}

// In the books, not in the kernel. The step's edits then are those that took it back.
static void take_back(struct agent_core *core, struct agent_step *step)
{
	if (step->whole) {
		agent_held_free(core->held);
		core->held = step->before;
		step->before = NULL;
		return;
	}
	agent_held_edit(core->held, &step->back, &core->options.point, NULL, NULL);
	core->held->running.edit.len--;
	core->held->generation = step->generation;
	core->held->persist = step->persist;
}

void agent_commit_forget_steps(struct agent_core *core)
{
	while (core->step)
		pop_step(core);
}

static void no_longer_pending(struct agent_core *core)
{
	agent_commit_forget_steps(core);
	core->pending = false;
}

// --- trying out: on the disk, then in the kernel, read back and equal; on failure the one before is in force ---

static bool try_whole(struct agent_core *core, struct agent_held *held, struct diags *diags)
{
	held->generation = core->generation + 1; // as agent_kernel_put will number it
	if (!agent_journal_whole(core->journal, held, diags))
		return false;
	enum agent_put put = agent_kernel_put(core, held, diags);
	if (put == AGENT_PUT) {
		struct agent_step *step = push_step(core);
		step->whole = true;
		step->before = core->held;
		core->held = held;
		return true;
	}
	agent_journal_revert(core->journal, 1);
	core->occasion = EVIDENCE_REVERT;
	if (put == AGENT_PUT_DIFFERS)
		agent_kernel_restore(core);
	return false;
}

static void edit_books(struct agent_core *core, const struct agent_change *change,
		       const struct agent_edits *edits)
{
	struct agent_held *held = core->held;
	struct agent_step *step = push_step(core);
	step->generation = held->generation;
	step->persist = held->persist;
	held->persist = arena_strdup(&held->arena, change->terms.persist);
	agent_held_edit(held, edits, &core->options.point, &step->arena, &step->back);
	vec_push(&held->arena, &held->running.edit, arena_strdup(&held->arena, change->text));
}

static bool try_change(struct agent_core *core, const struct agent_change *change,
		       const struct agent_edits *edits, struct diags *diags)
{
	if (!agent_journal_change(core->journal, change, core->generation + 1, diags))
		return false;
	edit_books(core, change, edits);
	enum agent_put put = agent_kernel_change(core, edits, diags);
	if (put == AGENT_PUT)
		return true;
	agent_journal_revert(core->journal, 1);
	take_back(core, core->step);
	pop_step(core);
	core->occasion = EVIDENCE_REVERT;
	if (put == AGENT_PUT_DIFFERS)
		agent_kernel_restore(core);
	return false;
}

// --- keeping ---

static void now_confirmed(struct agent_core *core)
{
	const struct agent_held *held = core->held;
	agent_held_free(core->fallback);
	core->fallback = NULL;
	core->unknown = false;
	core->fight.on = false;
	agent_core_note(core, AGENT_EVENT_COMMITTED, "%zu rules, generation %" PRIu32,
			held->rule.len, held->generation);
	agent_tell(core, &(struct agent_message){.type = AGENT_COMMITTED,
						 .committed = {.digest = held->digest,
							       .generation = held->generation}});
}

static bool keep_for_good(struct agent_core *core, struct diags *diags)
{
	if (!agent_journal_confirm(core->journal, diags))
		return false;
	no_longer_pending(core);
	now_confirmed(core);
	return true;
}

static void keep_for_now(struct agent_core *core, const struct agent_terms *terms)
{
	core->pending = true;
	core->fight.on = false;
	core->deadline = agent_ms(core) + (uint64_t)terms->timeout * 1000;
	agent_core_note(core, AGENT_EVENT_PENDING,
			"%zu rules, generation %" PRIu32 ", %" PRIu32 " s to confirm",
			core->held->rule.len, core->held->generation, terms->timeout);
}

static bool refused(struct agent_core *core, const struct diags *diags)
{
	agent_core_note(core, AGENT_EVENT_REFUSED, "%s",
			diags->list.len ? diags->list.at[0].text : "no reason");
	return false;
}

// The last step is in the kernel.
static bool keep(struct agent_core *core, const struct agent_terms *terms, struct diags *diags)
{
	if (terms->confirmed)
		keep_for_now(core, terms);
	if (terms->confirmed || keep_for_good(core, diags)) {
		core->version++;
		return true;
	}
	agent_journal_revert(core->journal, 1);
	take_back(core, core->step);
	pop_step(core);
	core->occasion = EVIDENCE_REVERT;
	agent_kernel_restore(core);
	return refused(core, diags);
}

bool agent_commit_apply(struct agent_core *core, const struct agent_apply *apply,
			struct diags *diags)
{
	core->occasion = EVIDENCE_COMMIT;
	struct agent_held *held = prepare(core, apply, diags);
	if (held && try_whole(core, held, diags))
		return keep(core, &apply->terms, diags);
	agent_held_free(held);
	return refused(core, diags);
}

static bool can_change(struct agent_core *core, const struct agent_change *change,
		       struct diags *diags, struct agent_edits *out)
{
	const struct agent_point *point = &core->options.point;
	if (!core->held || change->version != core->version) {
		diag_error(diags, DIAG_STALE, NULL, "commit again",
			   "the policy to be changed was taken back meanwhile");
		return false;
	}
	return agent_held_read(core->held, change, diags, out) &&
	       point->ops->check(point->backend, &out->inserted.lowered, diags);
}

bool agent_commit_change(struct agent_core *core, const struct agent_change *change,
			 struct diags *diags)
{
	struct agent_edits edits;
	core->occasion = EVIDENCE_COMMIT;
	if (can_change(core, change, diags, &edits) && try_change(core, change, &edits, diags))
		return keep(core, &change->terms, diags);
	return refused(core, diags);
}

bool agent_commit_confirm(struct agent_core *core, struct diags *diags)
{
	if (core->pending)
		return keep_for_good(core, diags);
	diag_error(diags, DIAG_STALE, NULL, "commit again",
		   "there is no commit to confirm; it was reverted");
	return false;
}

// --- going back ---

static bool put_back_change(struct agent_core *core)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool done = agent_kernel_change(core, &core->step->back, &diags) == AGENT_PUT;
	arena_fini(&arena);
	return done;
}

// One change goes back as a change; more, or another policy, as a whole.
static void go_back(struct agent_core *core)
{
	bool alone = !core->step->next && !core->step->whole;
	for (struct agent_step *step = core->step; step; step = step->next)
		take_back(core, step);
	if (!alone || !put_back_change(core))
		agent_kernel_restore(core);
}

static uint32_t count_steps(const struct agent_core *core)
{
	uint32_t n = 0;
	for (const struct agent_step *step = core->step; step; step = step->next)
		n++;
	return n;
}

void agent_commit_revert(struct agent_core *core, enum agent_reason reason)
{
	agent_journal_revert(core->journal, count_steps(core));
	core->occasion = EVIDENCE_REVERT;
	go_back(core);
	no_longer_pending(core);
	core->version++;
	const struct agent_held *held = core->held;
	agent_core_note(core, AGENT_EVENT_REVERTED, "%s%s", agent_reason_name[reason],
			held ? "" : "; there is no policy now");
	agent_tell(core,
		   &(struct agent_message){
			   .type = AGENT_REVERTED,
			   .reverted = {.reason = reason, .digest = held ? held->digest : NULL}});
	agent_pinholes_refresh(core, true);
}

bool agent_commit_cancel(struct agent_core *core, enum agent_reason reason, struct diags *diags)
{
	if (!core->pending) {
		diag_error(diags, DIAG_STALE, NULL, "nothing needs to be done",
			   "there is no commit to cancel; it was reverted");
		return false;
	}
	agent_commit_revert(core, reason);
	return true;
}

void agent_core_front_ended(struct agent_core *core)
{
	agent_commit_forget_coming(core);
	agent_proof_forget_requests(core);
	if (core->pending && !core->held->persist)
		agent_commit_revert(core, AGENT_SESSION_END);
}

// --- the calendar ---

static bool is_due(const struct agent_core *core)
{
	const struct agent_held *held = core->held;
	int64_t now = agent_wall(core);
	return now < held->lowered_at ||
	       now > held->lowered_at + (held->horizon - held->lowered_at) / 2;
}

// The kernel is first here: a crash before the disk knows leaves times that a start finds too old, and does it again.
static bool put_relowered(struct agent_core *core, struct agent_held *held)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool done = agent_kernel_put(core, held, &diags) == AGENT_PUT &&
		    agent_journal_rewrite(core->journal, held, &diags);
	arena_fini(&arena);
	return done;
}

void agent_commit_relower(struct agent_core *core)
{
	core->relower = agent_ms(core) + HOUR_MS;
	if (!core->held || core->pending || core->fight.on || !is_due(core))
		return;
	core->occasion = EVIDENCE_CALENDAR;
	int64_t now = agent_wall(core);
	struct agent_held *held =
		agent_held_renew(core->held, &core->options.point, now, now + AGENT_HORIZON);
	if (!put_relowered(core, held)) {
		agent_held_free(held);
		agent_kernel_restore(core);
		return;
	}
	agent_held_free(core->held);
	core->held = held;
	agent_core_note(core, AGENT_EVENT_RELOWERED, "generation %" PRIu32, held->generation);
}

// --- what changes leave behind ---

// In the journal, and in memory what they have replaced.
static bool has_grown(const struct agent_core *core)
{
	return core->held && !core->pending &&
	       (agent_journal_grown(core->journal) ||
		core->held->arena.total > 2 * core->held->whole + AGENT_SLACK);
}

uint64_t agent_commit_tidy_due(const struct agent_core *core)
{
	return has_grown(core) ? core->tidy : UINT64_MAX;
}

void agent_commit_tidy(struct agent_core *core)
{
	struct arena arena;
	struct diags diags;
	if (!has_grown(core))
		return;
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (agent_journal_rewrite(core->journal, core->held, &diags)) {
		struct agent_held *old = core->held;
		core->held =
			agent_held_renew(old, &core->options.point, old->lowered_at, old->horizon);
		agent_held_free(old);
	} else {
		core->tidy = agent_ms(core) + HOUR_MS;
		agent_core_note(core, AGENT_EVENT_STATE, "%s", diags.list.at[0].text);
	}
	arena_fini(&arena);
}
