// SPDX-License-Identifier: Apache-2.0
// Pinholes: opened, closed, and their end noticed. The one idea: the kernel closes them by itself; the ledger only knows
// which were open, so that an end is told once, with its reason, and so that a repair can open again what somebody
// removed. After a restart it is read from the kernel.
// What it does not: keep a pinhole open or shut; the back end's rules do.
#include "agent/core_internal.h"

#include "base/buf.h"

#include <string.h>

enum { MARGIN_MS = 200, SECOND_MS = 1000 };

void agent_ledger_init(struct agent_ledger *ledger)
{
	*ledger = (struct agent_ledger){.due = UINT64_MAX};
	arena_init(&ledger->arena);
	ledger->open.arena = &ledger->arena;
}

void agent_ledger_fini(struct agent_ledger *ledger)
{
	arena_fini(&ledger->arena);
}

static const struct backend_pinhole_state *find(const struct backend_pinholes *list,
						const char *name)
{
	for (size_t i = 0; i < list->list.len; i++) {
		if (strcmp(list->list.at[i].pinhole.name, name) == 0)
			return &list->list.at[i];
	}
	return NULL;
}

static void closed(struct agent_core *core, const char *name, enum agent_closed reason)
{
	agent_core_note(core, AGENT_EVENT_CLOSED, "%s: %s", name, agent_closed_name[reason]);
	agent_tell(core, &(struct agent_message){.type = AGENT_CLOSED,
						 .closed = {.name = name, .reason = reason}});
}

static enum agent_closed why(const struct backend_pinhole_state *state)
{
	if (state->lifetime <= 0)
		return AGENT_LIFETIME;
	return state->count.packets ? AGENT_IDLE : AGENT_UNUSED;
}

// Milliseconds until something may happen to it.
static uint64_t next_of(const struct backend_pinhole_state *state)
{
	uint64_t lifetime = (uint64_t)state->lifetime * SECOND_MS;
	return (lifetime < state->idle_ms ? lifetime : state->idle_ms) + MARGIN_MS;
}

static bool reopen(struct agent_core *core, const struct backend_pinhole *pinhole)
{
	const struct agent_point *point = &core->options.point;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool ok = pinhole->end > agent_wall(core) &&
		  point->ops->pinhole_open(point->backend, pinhole, &diags) == BACKEND_DONE;
	arena_fini(&arena);
	return ok;
}

// What was in the ledger and is not in the kernel's list any more.
static bool settle_missing(struct agent_core *core, const struct backend_pinholes *now,
			   bool may_reopen)
{
	bool again = false;
	for (size_t i = 0; i < core->ledger.open.list.len; i++) {
		const struct backend_pinhole *pinhole = &core->ledger.open.list.at[i].pinhole;
		if (find(now, pinhole->name))
			continue;
		if (may_reopen && reopen(core, pinhole))
			again = true;
		else
			closed(core, pinhole->name,
			       pinhole->end > agent_wall(core) ? AGENT_FLUSHED : AGENT_LIFETIME);
	}
	return again;
}

static bool list_now(struct agent_core *core, struct agent_ledger *out)
{
	const struct agent_point *point = &core->options.point;
	agent_ledger_init(out);
	return point->ops->pinhole_list(point->backend, &out->open) == 0;
}

// Keeps the open ones of `now` as the new ledger.
static void adopt(struct agent_core *core, struct agent_ledger *now)
{
	const struct agent_point *point = &core->options.point;
	struct backend_pinholes open = {.arena = &now->arena};
	uint64_t ms = agent_ms(core);
	for (size_t i = 0; i < now->open.list.len; i++) {
		const struct backend_pinhole_state *state = &now->open.list.at[i];
		if (state->closed) {
			closed(core, state->pinhole.name, why(state));
			continue;
		}
		vec_push(&now->arena, &open.list, *state);
		if (ms + next_of(state) < now->due)
			now->due = ms + next_of(state);
	}
	if (open.list.len < now->open.list.len && point->ops->pinhole_purge(point->backend) < 0)
		now->due = ms + SECOND_MS;
	now->open = open;
	agent_ledger_fini(&core->ledger);
	core->ledger = *now;
	core->ledger.open.arena = &core->ledger.arena;
}

void agent_pinholes_refresh(struct agent_core *core, bool may_reopen)
{
	struct agent_ledger now;
	if (!core->options.point.ops->pinhole_list)
		return;
	bool ok = list_now(core, &now);
	if (ok && settle_missing(core, &now.open, may_reopen)) {
		agent_ledger_fini(&now);
		ok = list_now(core, &now);
	}
	if (ok) {
		adopt(core, &now);
		return;
	}
	agent_ledger_fini(&now);
	core->ledger.due = agent_ms(core) + SECOND_MS;
}

// --- asked for ---

static bool same_flow(const struct backend_pinhole *a, const struct backend_pinhole *b)
{
	return a->family == b->family && a->src == b->src && a->dst == b->dst &&
	       a->proto == b->proto && algebra_set_equal(a->sport, b->sport) &&
	       algebra_set_equal(a->dport, b->dport);
}

// The same flow again starts its times anew; another one under this name is refused.
static bool make_room(struct agent_core *core, const struct backend_pinhole *pinhole,
		      struct diags *diags)
{
	const struct agent_point *point = &core->options.point;
	agent_pinholes_refresh(core, false);
	const struct backend_pinhole_state *there = find(&core->ledger.open, pinhole->name);
	if (!there)
		return true;
	if (same_flow(&there->pinhole, pinhole))
		return point->ops->pinhole_close(point->backend, pinhole->name, diags) ==
		       BACKEND_DONE;
	diag_error(diags, DIAG_EXISTS, NULL, "close it first, or use another id",
		   "the pinhole '%s' is open for another flow", pinhole->name);
	return false;
}

static bool is_sound(const struct backend_pinhole *pinhole, struct diags *diags)
{
	size_t len = strlen(pinhole->name);
	if (len && len <= 64 && pinhole->setup && pinhole->idle)
		return true;
	diag_error(diags, DIAG_VALUE, NULL,
		   "give an id of 1 to 64 bytes and times of at least a second",
		   "a pinhole that cannot be");
	return false;
}

bool agent_pinhole_open(struct agent_core *core, const struct backend_pinhole *pinhole,
			struct diags *diags)
{
	const struct agent_point *point = &core->options.point;
	if (!point->ops->pinhole_open) {
		diag_error(diags, DIAG_UNSUPPORTED, NULL, "use another function",
			   "the back end %s has no pinholes", point->ops->name);
		return false;
	}
	if (!is_sound(pinhole, diags) || !make_room(core, pinhole, diags))
		return false;
	bool opened = point->ops->pinhole_open(point->backend, pinhole, diags) == BACKEND_DONE;
	if (opened)
		agent_core_note(core, AGENT_EVENT_OPENED, "%s", pinhole->name);
	agent_pinholes_refresh(core, false);
	return opened;
}

static void forget(struct backend_pinholes *open, const char *name)
{
	size_t kept = 0;
	for (size_t i = 0; i < open->list.len; i++) {
		if (strcmp(open->list.at[i].pinhole.name, name) != 0)
			open->list.at[kept++] = open->list.at[i];
	}
	open->list.len = kept;
}

bool agent_pinhole_close(struct agent_core *core, const char *name, struct diags *diags)
{
	const struct agent_point *point = &core->options.point;
	if (!point->ops->pinhole_close) {
		diag_error(diags, DIAG_UNSUPPORTED, NULL, "use another function",
			   "the back end %s has no pinholes", point->ops->name);
		return false;
	}
	agent_pinholes_refresh(core, false);
	if (!find(&core->ledger.open, name)) {
		diag_error(diags, DIAG_ABSENT, NULL,
			   "see /nsf-state/pinhole for those that are open",
			   "no pinhole '%.64s' is open", name);
		return false;
	}
	if (point->ops->pinhole_close(point->backend, name, diags) != BACKEND_DONE)
		return false;
	forget(&core->ledger.open, name);
	closed(core, name, AGENT_REQUESTED);
	return true;
}
