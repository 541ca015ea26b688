// SPDX-License-Identifier: Apache-2.0
// A policy made ready for the kernel, and changed in place. The one idea: what belongs to a rule (as committed, lowered,
// digested) stands at the same place of lists that are edited alike, so that a change lowers and digests only what it
// brings.
// What it does not: put anything into the kernel (kernel.c) or on the disk (journal.c).
#include "agent/held.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/wire.h"
#include "ir/digest.h"
#include "pki/pki.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct agent_held *agent_held_new(void)
{
	struct agent_held *held = base_oom(calloc(1, sizeof(*held)));
	arena_init(&held->arena);
	held->intended_of = ir_digests_new();
	held->normal_of = ir_digests_new();
	return held;
}

void agent_held_free(struct agent_held *held)
{
	if (!held)
		return;
	ir_digests_free(held->intended_of);
	ir_digests_free(held->normal_of);
	arena_fini(&held->arena);
	free(held->text);
	free(held);
}

bool agent_held_nothing(const struct agent_held *held)
{
	return !held || (!held->rule.len && held->lowered.default_action == IR_NONE);
}

// --- digests ---

void agent_digest(const struct ir_ruleset *ruleset, char out[static AGENT_DIGEST_TEXT])
{
	struct ir_digest digest = ir_ruleset_digest(ruleset);
	pki_digest_text(digest.octet, out);
}

// Of the form in which the back end hands the rule out. One that no packet can match has no such form.
static struct ir_digest normal_digest(const struct ir_rule *lowered,
				      const struct agent_point *point)
{
	struct arena arena;
	struct ir_rule rule = *lowered;
	struct ir_ruleset one = {.rule = {.at = &rule, .len = 1}}, normal;
	struct ir_digest digest = {{0}};
	arena_init(&arena);
	point->normal(&one, &arena, &normal);
	if (normal.rule.len)
		digest = ir_rule_digest(&normal.rule.at[0]);
	arena_fini(&arena);
	return digest;
}

static void digest_edit(struct agent_held *held, const struct backend_edit *edit,
			const struct agent_point *point)
{
	size_t n = edit->inserted;
	struct ir_digest *digest = base_oom(malloc((n + 1) * sizeof(*digest)));
	struct ir_digests_splice splice = {
		.at = edit->at, .removed = edit->removed, .inserted = n, .digest = digest};
	for (size_t i = 0; i < n; i++)
		digest[i] = ir_rule_digest(&held->lowered.rule.at[edit->to + i]);
	ir_digests_splice(held->intended_of, &splice);
	for (size_t i = 0; i < n; i++)
		digest[i] = normal_digest(&held->lowered.rule.at[edit->to + i], point);
	ir_digests_splice(held->normal_of, &splice);
	free(digest);
}

static void digest_all(struct agent_held *held)
{
	enum ir_verdict action = held->lowered.default_action;
	struct ir_digest intended = ir_digests_total(held->intended_of, action),
			 normal = ir_digests_total(held->normal_of, action);
	pki_digest_text(intended.octet, held->intended);
	pki_digest_text(normal.octet, held->digest);
}

// --- whole policies ---

bool agent_held_add(struct agent_held *held, const struct agent_piece *rules)
{
	struct wire_reader r = wire_reader(rules->data, rules->len);
	while (r.at < r.end) {
		struct ir_rule *rule = arena_new(&held->arena, struct ir_rule);
		if (held->rule.len >= IR_RULES_MOST || !ir_rule_decode(&r, &held->arena, rule))
			return false;
		vec_push(&held->arena, &held->rule, rule);
	}
	return true;
}

// The rules that were committed, lowered, in the arena of the policy.
static void lower(struct agent_held *held, const struct ir_rule *const *rule, size_t n,
		  struct ir_ruleset *out)
{
	struct ir_ruleset all = {.default_action = held->lowered.default_action};
	all.rule.at = base_oom(malloc((n + 1) * sizeof(struct ir_rule)));
	all.rule.len = n;
	for (size_t i = 0; i < n; i++)
		all.rule.at[i] = *rule[i];
	ir_ruleset_lower_time(&all, &held->arena, held->lowered_at, held->horizon, out);
	free(all.rule.at);
}

void agent_held_prepare(struct agent_held *held, const struct agent_point *point)
{
	size_t n = held->rule.len;
	lower(held, held->rule.at, n, &held->lowered);
	digest_edit(
		held,
		&(struct backend_edit){.removed = ir_digests_len(held->intended_of), .inserted = n},
		point);
	digest_all(held);
	held->whole = held->arena.total;
}

static void copy_running(const struct agent_running *from, struct arena *arena,
			 struct agent_running *out)
{
	*out = (struct agent_running){.base = arena_strdup(arena, from->base)};
	for (size_t i = 0; i < from->edit.len; i++)
		vec_push(arena, &out->edit, arena_strdup(arena, from->edit.at[i]));
}

struct agent_held *agent_held_renew(const struct agent_held *held, const struct agent_point *point,
				    int64_t lowered_at, int64_t horizon)
{
	struct agent_held *copy = agent_held_new();
	cleanup(buf_fini) struct buf bytes;
	buf_init(&bytes);
	copy->lowered_at = lowered_at;
	copy->horizon = horizon;
	copy->generation = held->generation;
	copy->lowered.default_action = held->lowered.default_action;
	copy->persist = arena_strdup(&copy->arena, held->persist);
	copy_running(&held->running, &copy->arena, &copy->running);
	for (size_t i = 0; i < held->rule.len; i++) {
		buf_clear(&bytes);
		ir_rule_encode(held->rule.at[i], &bytes);
		bool same = agent_held_add(copy, &(struct agent_piece){bytes.data, bytes.len});
		assert(same);
	}
	agent_held_prepare(copy, point);
	return copy;
}

// --- changes ---

static bool refuse(struct diags *diags, const char *text)
{
	diag_error(diags, DIAG_STALE, NULL, "this should not happen: report it", "%s", text);
	return false;
}

static bool read_inserted(struct agent_held *held, const struct agent_piece *rules, size_t n,
			  struct agent_inserted *out)
{
	struct wire_reader r = wire_reader(rules->data, rules->len);
	out->rule = arena_array(&held->arena, const struct ir_rule *, n);
	for (size_t i = 0; i < n; i++) {
		struct ir_rule *rule = arena_new(&held->arena, struct ir_rule);
		if (!ir_rule_decode(&r, &held->arena, rule))
			return false;
		out->rule[i] = rule;
	}
	return wire_done(&r);
}

// How many rules the edits insert; SIZE_MAX when they are not for this policy.
static size_t count_inserted(const struct agent_held *held, const struct agent_change *change)
{
	size_t n = 0;
	if (change->before != held->rule.len)
		return SIZE_MAX;
	for (size_t i = 0; i < change->edit.len; i++)
		n += change->edit.at[i].inserted;
	return n > IR_RULES_MOST ? SIZE_MAX : n;
}

bool agent_held_read(struct agent_held *held, const struct agent_change *change,
		     struct diags *diags, struct agent_edits *out)
{
	size_t n = count_inserted(held, change);
	if (n == SIZE_MAX)
		return refuse(diags, "front has sent a change of another policy");
	struct agent_edits edits = {.edit = change->edit.at, .edits = change->edit.len};
	if (!read_inserted(held, &change->rules, n, &edits.inserted))
		return refuse(diags, "front has sent rules that cannot be read");
	lower(held, edits.inserted.rule, n, &edits.inserted.lowered);
	*out = edits;
	return true;
}

// Items of one size in an array that has room for what comes.
struct row {
	char *at;
	size_t size;
};

static void shift(const struct row *row, size_t from, size_t to, size_t n)
{
	memmove(row->at + to * row->size, row->at + from * row->size, n * row->size);
}

// Moves what stands between the edits to where it will stand. What moves to the front does so from the front on, the rest
// from behind, so that nothing is overwritten before it has moved.
static void make_room(const struct row *row, size_t len, const struct agent_edits *edits)
{
	for (int forward = 1; forward >= 0; forward--)
		for (size_t k = 0; k < edits->edits; k++) {
			size_t i = forward ? k : edits->edits - 1 - k;
			const struct backend_edit *e = &edits->edit[i];
			size_t from = e->at + e->removed, to = e->to + e->inserted;
			size_t end = i + 1 < edits->edits ? e[1].at : len;
			if (forward ? to < from : to > from)
				shift(row, from, to, end - from);
		}
}

static size_t length_after(size_t len, const struct agent_edits *edits)
{
	if (!edits->edits)
		return len;
	const struct backend_edit *last = &edits->edit[edits->edits - 1];
	return last->to + last->inserted + len - last->at - last->removed;
}

#define grow(arena, vec, n)      \
	while ((vec)->cap < (n)) \
	(vec)->at = arena_grow((arena), (vec)->at, (vec)->len, &(vec)->cap, sizeof(*(vec)->at))

static void take_back(const struct agent_held *held, const struct agent_edits *edits,
		      struct arena *arena, struct agent_edits *out)
{
	struct agent_inserted *removed = &out->inserted;
	size_t n = 0;
	*out = (struct agent_edits){.edit = arena_array(arena, struct backend_edit, edits->edits),
				    .edits = edits->edits};
	for (size_t i = 0; i < edits->edits; i++)
		n += edits->edit[i].removed;
	removed->rule = arena_array(arena, const struct ir_rule *, n);
	removed->lowered.rule.at = arena_array(arena, struct ir_rule, n);
	for (size_t i = 0; i < edits->edits; i++) {
		const struct backend_edit *e = &edits->edit[i];
		out->edit[i] = (struct backend_edit){e->to, e->inserted, e->at, e->removed};
		for (size_t k = 0; k < e->removed; k++) {
			removed->rule[removed->lowered.rule.len] = held->rule.at[e->at + k];
			removed->lowered.rule.at[removed->lowered.rule.len++] =
				held->lowered.rule.at[e->at + k];
		}
	}
}

// `items`: what is inserted, all edits' one behind the other.
static void put_in(const struct row *row, const struct agent_edits *edits, const void *items)
{
	const char *from = items;
	for (size_t i = 0; i < edits->edits; i++) {
		size_t len = edits->edit[i].inserted * row->size;
		if (len)
			memcpy(row->at + edits->edit[i].to * row->size, from, len);
		from += len;
	}
}

static void edit_rules(struct agent_held *held, const struct agent_edits *edits)
{
	size_t after = length_after(held->rule.len, edits);
	grow(&held->arena, &held->rule, after);
	struct row row = {(char *)held->rule.at, sizeof(*held->rule.at)};
	make_room(&row, held->rule.len, edits);
	put_in(&row, edits, edits->inserted.rule);
	held->rule.len = after;
}

static void edit_lowered(struct agent_held *held, const struct agent_edits *edits)
{
	size_t after = length_after(held->lowered.rule.len, edits);
	grow(&held->arena, &held->lowered.rule, after);
	struct row row = {(char *)held->lowered.rule.at, sizeof(*held->lowered.rule.at)};
	make_room(&row, held->lowered.rule.len, edits);
	put_in(&row, edits, edits->inserted.lowered.rule.at);
	held->lowered.rule.len = after;
}

bool agent_held_replay(struct agent_held *held, const struct agent_change *change)
{
	struct agent_edits edits = {.edit = change->edit.at, .edits = change->edit.len};
	size_t n = count_inserted(held, change);
	if (n == SIZE_MAX || !read_inserted(held, &change->rules, n, &edits.inserted))
		return false;
	edit_rules(held, &edits);
	vec_push(&held->arena, &held->running.edit, arena_strdup(&held->arena, change->text));
	return true;
}

void agent_held_edit(struct agent_held *held, const struct agent_edits *edits,
		     const struct agent_point *point, struct arena *arena, struct agent_edits *back)
{
	if (back)
		take_back(held, edits, arena, back);
	edit_rules(held, edits);
	edit_lowered(held, edits);
	// From behind, so that the places in the old lists hold.
	for (size_t i = edits->edits; i-- > 0;)
		digest_edit(held, &edits->edit[i], point);
	digest_all(held);
}
