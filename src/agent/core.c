// SPDX-License-Identifier: Apache-2.0
// The enforcer's decisions: begin, answer, wait. The one idea: everything that can happen is one of four calls (a
// message, a change in the kernel, a moment, the end of front), none of which waits, with the clock as an argument; so
// every order of events can be tested without a process.
// What it does not: talk to anybody; enforcer.c does.
#include "agent/core_internal.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct agent_core *agent_core_new(const struct agent_core_options *options)
{
	struct agent_core *core = base_oom(calloc(1, sizeof(*core)));
	core->options = *options;
	core->boot_time = agent_wall(core);
	core->relower = agent_ms(core);
	core->settle = UINT64_MAX;
	core->look = (struct agent_looks){.changed = UINT64_MAX, .periodic = UINT64_MAX};
	core->errand.due = UINT64_MAX;
	core->events = agent_events_new();
	agent_seen_init(&core->seen);
	agent_ledger_init(&core->ledger);
	arena_init(&core->errand.arena);
	buf_init(&core->coming.text);
	return core;
}

void agent_core_free(struct agent_core *core)
{
	if (!core)
		return;
	if (core->errand.on)
		core->options.aside->stop(core->options.context);
	agent_proof_forget_requests(core);
	arena_fini(&core->errand.arena);
	agent_held_free(core->coming.held);
	buf_fini(&core->coming.text);
	agent_commit_forget_steps(core);
	agent_held_free(core->held);
	agent_held_free(core->fallback);
	agent_journal_close(core->journal);
	agent_seen_fini(&core->seen);
	agent_ledger_fini(&core->ledger);
	agent_events_free(core->events);
	agent_evidence_free(core->evidence);
	free(core->startup);
	free(core->foreign);
	free(core);
}

void agent_tell(struct agent_core *core, const struct agent_message *message)
{
	core->options.tell(core->options.context, message);
}

void agent_core_note(struct agent_core *core, enum agent_event event, const char *fmt, ...)
{
	char text[AGENT_EVENT_TEXT];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	agent_events_add(core->events, agent_wall(core), event, text);
	if (core->options.log)
		core->options.log(core->options.context, event, text);
}

// --- beginning ---

static enum agent_found load_journal(struct agent_core *core, struct diags *diags,
				     bool *interrupted_out)
{
	struct agent_held *held;
	enum agent_found found = agent_journal_open(core->options.state_dir, diags, &core->journal,
						    &held, interrupted_out);
	if (found != AGENT_FOUND || !held)
		return found == AGENT_FOUND ? AGENT_ABSENT : found;
	agent_held_prepare(held, &core->options.point);
	core->generation = held->generation;
	core->held = held;
	return found;
}

static void load_startup(struct agent_core *core, struct arena *arena)
{
	struct diags diags;
	const char *text = NULL;
	diags_init(&diags, arena);
	enum agent_found found = agent_startup_read(core->options.state_dir, arena, &diags, &text);
	if (found == AGENT_FOUND)
		core->startup = base_oom(strdup(text));
	if (found == AGENT_BROKEN)
		agent_core_note(core, AGENT_EVENT_STATE, "startup: %s", diags.list.at[0].text);
}

// Nothing was ever confirmed: what a first, interrupted commit has left is taken away. Rules without any state on the
// disk are left alone: the state was lost, and an open door is worse than an old policy.
static void begin_without_policy(struct agent_core *core, bool interrupted)
{
	bool there = !agent_look(core) && core->seen.deployed;
	if (there && interrupted)
		agent_kernel_restore(core);
	else if (there)
		core->unknown = true;
	if (core->unknown)
		agent_journal_lost(core->journal);
	agent_core_note(
		core, core->unknown ? AGENT_EVENT_STATE : AGENT_EVENT_STARTED, "%s",
		core->unknown
			? "the state directory is empty, but rules are in force; they are kept"
		: there ? "an interrupted first commit was taken back; there is no policy"
			: "there is no policy");
}

static void begin_with_policy(struct agent_core *core, bool interrupted)
{
	bool equal = agent_look(core);
	if (!equal)
		agent_kernel_restore(core);
	agent_core_note(core, AGENT_EVENT_STARTED, "%zu rules; %s", core->held->rule.len,
			equal            ? "the kernel held them"
			: core->fight.on ? "they could not be put into the kernel"
					 : "put into the kernel");
	if (interrupted && !equal)
		agent_core_note(core, AGENT_EVENT_REVERTED, "%s", agent_reason_name[AGENT_RESTART]);
}

static void begin_blindly(struct agent_core *core, const struct diags *why)
{
	core->unknown = true;
	bool there = !agent_look(core) && core->seen.deployed;
	if (!there && !core->options.keep_open)
		agent_kernel_restore(core);
	agent_core_note(core, AGENT_EVENT_STATE, "%s; %s", why->list.at[0].text,
			there ? "the rules in force are kept"
			: core->options.keep_open
				? "there are no rules, as is configured"
				: "nothing is let through until a policy is committed");
}

// Without it the rules are enforced all the same.
static void open_evidence(struct agent_core *core, struct arena *arena)
{
	struct diags diags;
	diags_init(&diags, arena);
	core->occasion = EVIDENCE_START;
	if (!core->options.name)
		return;
	core->evidence = agent_evidence_open(core->options.state_dir, core->options.name, &diags);
	if (!core->evidence)
		agent_core_note(core, AGENT_EVENT_EVIDENCE, "%s", diags.list.at[0].text);
}

bool agent_core_start(struct agent_core *core, struct diags *diags)
{
	struct arena arena;
	struct diags found_out;
	bool interrupted, ok = true;
	arena_init(&arena);
	diags_init(&found_out, &arena);
	open_evidence(core, &arena);
	enum agent_found found = load_journal(core, &found_out, &interrupted);
	if (found == AGENT_FOUND)
		begin_with_policy(core, interrupted);
	else if (found == AGENT_ABSENT)
		begin_without_policy(core, interrupted);
	else
		begin_blindly(core, &found_out);
	agent_journal_forget(core->journal);
	load_startup(core, &arena);
	agent_pinholes_refresh(core, false);
	if (core->fight.on) {
		diag_error(diags, DIAG_FAILED, NULL, "see the log; the agent tries again",
			   "the confirmed policy is not in force");
		ok = false;
	}
	arena_fini(&arena);
	return ok;
}

void agent_core_describe(const struct agent_core *core, struct agent_start *out)
{
	out->pending = core->pending;
	out->version = core->version;
	out->persist = core->pending ? core->held->persist : NULL;
}

// Before what is pending: the first text of a policy since then, or fewer changes of the same.
static void describe_rollback(const struct agent_core *core, struct agent_running *out)
{
	const struct agent_held *held = core->held;
	size_t changes = 0;
	for (const struct agent_step *step = core->step; step; step = step->next) {
		changes = step->whole ? 0 : changes + 1;
		held = step->whole ? step->before : held;
	}
	if (!held)
		return;
	*out = held->running;
	out->edit.len -= changes;
}

struct agent_running agent_core_kept(const struct agent_core *core, enum agent_which which)
{
	struct agent_running kept = {.base = NULL};
	if (which == AGENT_KEPT_STARTUP)
		kept.base = core->startup;
	else if (which == AGENT_KEPT_ROLLBACK && core->pending)
		describe_rollback(core, &kept);
	else if (which == AGENT_KEPT_RUNNING && core->held)
		kept = core->held->running;
	return kept;
}

// --- answering ---

static bool keep_startup(struct agent_core *core, const char *text, struct diags *diags)
{
	if (!agent_startup_write(core->options.state_dir, text, diags))
		return false;
	free(core->startup);
	core->startup = text ? base_oom(strdup(text)) : NULL;
	return true;
}

static bool put_pem(struct agent_core *core, const char *name, const char *text,
		    struct diags *diags)
{
	char *path = NULL;
	if (!text)
		return true;
	if (asprintf(&path, "%s/%s", core->options.certificate_dir, name) < 0)
		path = base_oom(NULL);
	int r = file_put(&(struct file_put){.path = path,
					    .data = text,
					    .len = strlen(text),
					    .mode = 0644,
					    .how = FILE_REPLACE});
	if (r < 0)
		diag_add(diags,
			 &(struct diag){.code = DIAG_IO,
					.file = path,
					.hint = "make room on the disk and the directory writable"},
			 "%s", strerror(-r));
	free(path);
	return r == 0;
}

static bool keep_trust(struct agent_core *core, const struct agent_message *ask,
		       struct diags *diags)
{
	if (!put_pem(core, "ca.pem", ask->trust.ca, diags) ||
	    !put_pem(core, "crl.pem", ask->trust.crl, diags))
		return false;
	agent_core_note(core, AGENT_EVENT_TRUST, "%s%s%s", ask->trust.ca ? "authorities" : "",
			ask->trust.ca && ask->trust.crl ? " and " : "",
			ask->trust.crl ? "revocation lists" : "");
	return true;
}

static bool carry_out(struct agent_core *core, const struct agent_message *ask, struct diags *diags)
{
	switch ((int)ask->type) {
	case AGENT_APPLY:
		return agent_commit_apply(core, &ask->apply, diags);
	case AGENT_CHANGE:
		return agent_commit_change(core, &ask->change, diags);
	case AGENT_CONFIRM:
		return agent_commit_confirm(core, diags);
	case AGENT_CANCEL:
		return agent_commit_cancel(
			core, ask->session_ended ? AGENT_SESSION_END : AGENT_CANCELLED, diags);
	case AGENT_STARTUP:
		return keep_startup(core, ask->text, diags);
	case AGENT_OPEN:
		return agent_pinhole_open(core, &ask->pinhole, diags);
	case AGENT_CLOSE:
		return agent_pinhole_close(core, ask->text, diags);
	case AGENT_TRUST:
		return keep_trust(core, ask, diags);
	default:
		diag_error(diags, DIAG_UNSUPPORTED, NULL, "this should not happen: report it",
			   "a message that asks for nothing");
		return false;
	}
}

bool agent_core_take(struct agent_core *core, const struct agent_message *message)
{
	if (message->type == AGENT_TEXT)
		agent_commit_text(core, &message->piece);
	else if (message->type == AGENT_RULES)
		agent_commit_rules(core, &message->piece);
	else if (message->type == AGENT_FORGET)
		agent_commit_forget_coming(core);
	else if (message->type == AGENT_VERIFY)
		agent_proof_request(core, message->id);
	else
		return false;
	return true;
}

void agent_core_answer(struct agent_core *core, const struct agent_message *ask,
		       struct arena *arena, struct agent_message *answer_out)
{
	*answer_out = (struct agent_message){.type = AGENT_RESULT, .id = ask->id};
	if (ask->type == AGENT_STATE) {
		answer_out->type = AGENT_REPORT;
		agent_report_make(core, arena, &answer_out->report);
	} else if (ask->type == AGENT_EVIDENCE) {
		answer_out->type = AGENT_RECORDS;
		answer_out->records = (struct agent_records){.more = false};
		if (core->evidence)
			agent_evidence_list(core->evidence, &ask->ask, arena, &answer_out->records);
	} else {
		diags_init(&answer_out->result.diags, arena);
		answer_out->result.ok = carry_out(core, ask, &answer_out->result.diags);
	}
}

// --- waiting ---

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t agent_core_due(const struct agent_core *core)
{
	uint64_t due = sooner(sooner(core->relower, core->ledger.due), agent_proof_due(core));
	due = sooner(sooner(due, agent_commit_tidy_due(core)), core->settle);
	if (core->pending)
		due = sooner(due, core->deadline);
	if (core->fight.on)
		due = sooner(due, core->fight.due);
	return due;
}

void agent_core_tick(struct agent_core *core)
{
	uint64_t now = agent_ms(core);
	if (core->pending && core->deadline <= now)
		agent_commit_revert(core, AGENT_TIMEOUT);
	if (core->fight.on && core->fight.due <= now)
		agent_kernel_repair(core);
	if (core->ledger.due <= now)
		agent_pinholes_refresh(core, false);
	if (core->relower <= now)
		agent_commit_relower(core);
	if (agent_commit_tidy_due(core) <= now)
		agent_commit_tidy(core);
	if (core->settle <= now)
		agent_kernel_settle(core);
	agent_proof_tick(core);
}

bool agent_core_settled(const struct agent_core *core)
{
	return !core->fight.on;
}

// --- leaving ---

bool agent_core_flush(const struct agent_point *point, const char *state_dir, struct diags *diags)
{
	static const char *const name[] = {"journal", "startup"};
	// First the state: a crash then leaves rules without state, which a start keeps.
	for (size_t i = 0; i < array_len(name); i++) {
		if (!agent_state_remove(state_dir, name[i], diags))
			return false;
	}
	return point->ops->clear(point->backend, diags) == 0;
}
