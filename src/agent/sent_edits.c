// SPDX-License-Identifier: Apache-2.0
// Which rules of the enforcer a change of entries replaces. The one idea: two lists of slots, of before and of now, in which
// the slots that are not read again are the same and stand in the same order; number by number they are walked together,
// and what lies between two such slots is an edit. Walking touches 16 bytes a slot and reads no entry.
// Entries are read again with the neighbours that they are, or were, parts of one rule with.
#include "agent/sent_internal.h"

#include "base/buf.h"
#include "base/diag.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 256, CHANGES_SLACK = 1 << 20 };

// A group that was read again, and its rules, in the order of decision.
struct reread {
	size_t at;
	struct ir_rule *rule;
	size_t len;
};

// One policy's two lists.
struct diff {
	struct sent_reader reader; // of the new one
	const struct sent_policy *old;
	bool *old_again, *again;  // slots that are read again
	VEC(struct reread) group; // rising
	bool number[NUMBERS];     // in which something is different
};

// Edits of all policies, in the order of decision.
struct edits {
	struct arena *arena;
	VEC(struct backend_edit) list;
	struct buf *rules;
	size_t at, to; // rules before what is being walked
};

// --- the new list ---

static int by_entry(const void *a, const void *b)
{
	const struct sent_touched *x = a, *y = b;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static const struct sent_touched *find(const struct sent_touches *sorted,
				       const struct schema_node *entry)
{
	struct sent_touched key = {.entry = entry};
	return bsearch(&key, sorted->list.at, sorted->list.len, sizeof(key), by_entry);
}

// Slots that have gone leave a gap: those behind it are looked at again.
static void make_slots(struct diff *d, const struct sent_touches *touched, struct arena *arena,
		       bool *gap)
{
	struct sent_touches sorted = *touched;
	struct sent_policy *policy = d->reader.policy;
	sorted.list.at = arena_memdup(arena, touched->list.at,
				      touched->list.len * sizeof(*touched->list.at));
	qsort(sorted.list.at, sorted.list.len, sizeof(*sorted.list.at), by_entry);
	policy->len = 0;
	for (size_t i = 0; i < d->old->len; i++) {
		const struct sent_touched *t = find(&sorted, d->old->slot[i].entry);
		d->old_again[i] = t;
		if (t && !t->is) {
			gap[policy->len] = true;
			continue;
		}
		d->again[policy->len] = t;
		policy->slot[policy->len++] = d->old->slot[i];
	}
	for (size_t i = 0; i < touched->list.len; i++) {
		const struct sent_touched *t = &touched->list.at[i];
		if (t->was || !t->is)
			continue;
		d->again[policy->len] = true;
		policy->slot[policy->len++] = (struct sent_slot){.entry = t->entry};
	}
}

// The slots of the group, as it was, that this one is part of.
static void mark_group(struct diff *d, size_t at)
{
	const struct sent_policy *policy = d->reader.policy;
	if (at == SIZE_MAX || !policy->slot[at].part || d->again[at])
		return;
	while (policy->slot[at].joins && sent_on_before(policy, at) != SIZE_MAX)
		at = sent_on_before(policy, at);
	do {
		d->again[at] = true;
		at = sent_on_from(policy, at + 1);
	} while (at != SIZE_MAX && policy->slot[at].joins);
}

// Around what was changed, or has gone, others may be parts of one rule now, or no longer.
static void mark_neighbours(struct diff *d, const bool *changed, const bool *gap)
{
	const struct sent_policy *policy = d->reader.policy;
	for (size_t i = 0; i <= policy->len; i++) {
		bool here = i < policy->len && changed[i];
		if (!here && !gap[i])
			continue;
		mark_group(d, sent_on_before(policy, i));
		mark_group(d, sent_on_from(policy, here ? i + 1 : i));
	}
}

static void mark_old(struct diff *d)
{
	size_t k = 0;
	for (size_t i = 0; i < d->old->len; i++) {
		if (k >= d->reader.policy->len ||
		    d->old->slot[i].entry != d->reader.policy->slot[k].entry)
			continue; // gone
		d->old_again[i] = d->again[k++];
	}
}

static void note_numbers(struct diff *d, const struct sent_policy *policy, const bool *again)
{
	for (size_t i = 0; i < policy->len; i++)
		if (again[i])
			d->number[sent_number(policy, &policy->slot[i])] = true;
}

static void read_slots(struct diff *d)
{
	struct sent_policy *policy = d->reader.policy;
	for (size_t i = 0; i < policy->len; i++)
		if (d->again[i])
			sent_slot_read(&d->reader, &policy->slot[i]);
	for (size_t i = 0; i < policy->len; i++)
		if (d->again[i])
			sent_slot_join(&d->reader, i);
}

static void read_groups(struct diff *d, struct arena *arena)
{
	struct sent_policy *policy = d->reader.policy;
	for (size_t i = 0; i < policy->len; i++) {
		struct ir_policy group;
		if (!d->again[i] || !policy->slot[i].on || policy->slot[i].joins)
			continue;
		sent_group_read(&d->reader, i, arena, &group);
		vec_push(arena, &d->group, (struct reread){i, group.rule.at, group.rule.len});
	}
}

static void make_new(struct diff *d, const struct sent_touches *touched, struct arena *arena)
{
	size_t room = d->old->len + touched->list.len;
	bool *gap = arena_array(arena, bool, room + 1);
	d->again = arena_array(arena, bool, room + 1);
	d->old_again = arena_array(arena, bool, d->old->len + 1);
	make_slots(d, touched, arena, gap);
	// What was changed keeps its place in its old group until its neighbours are marked.
	bool *changed = arena_memdup(arena, d->again, room + 1);
	for (size_t i = 0; i < d->reader.policy->len; i++)
		if (changed[i] && d->reader.policy->slot[i].part) {
			d->again[i] = false;
			mark_group(d, i);
		}
	mark_neighbours(d, changed, gap);
	mark_old(d);
	note_numbers(d, d->old, d->old_again);
	read_slots(d);
	note_numbers(d, d->reader.policy, d->again);
	read_groups(d, arena);
}

// --- edits ---

static void put_edit(struct edits *edits, size_t removed, size_t inserted)
{
	size_t last = edits->list.len - 1;
	struct backend_edit edit = {edits->at, removed, edits->to, inserted};
	edits->at += removed;
	edits->to += inserted;
	if (!removed && !inserted)
		return;
	if (edits->list.len && edits->list.at[last].at + edits->list.at[last].removed == edit.at) {
		edits->list.at[last].removed += removed;
		edits->list.at[last].inserted += inserted;
		return;
	}
	vec_push(edits->arena, &edits->list, edit);
}

static int by_place(const void *a, const void *b)
{
	const struct reread *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at;
}

static const struct reread *reread_at(const struct diff *d, size_t at)
{
	struct reread key = {.at = at};
	return d->group.len ? bsearch(&key, d->group.at, d->group.len, sizeof(key), by_place)
			    : NULL;
}

static size_t put_group(const struct diff *d, size_t at, struct edits *edits)
{
	const struct reread *group = reread_at(d, at);
	for (size_t i = 0; group && i < group->len; i++)
		ir_rule_encode(&group->rule[i], edits->rules);
	return group ? group->len : 0;
}

// The slots of one number, in the order of decision.
struct walk {
	const struct sent_policy *policy;
	const bool *again;
	unsigned number;
	size_t i; // how many slots are behind it
};

static size_t slot_of(const struct walk *w)
{
	return w->policy->resolution == IR_LMR ? w->policy->len - 1 - w->i : w->i;
}

static bool walk_on(struct walk *w)
{
	while (w->i < w->policy->len &&
	       sent_number(w->policy, &w->policy->slot[slot_of(w)]) != w->number)
		w->i++;
	return w->i < w->policy->len;
}

// What is read again here, in both lists; then what is not.
static void edit_number(const struct diff *d, unsigned number, struct edits *edits)
{
	struct walk old = {d->old, d->old_again, number, 0},
		    new = {d->reader.policy, d->again, number, 0};
	bool more = true;
	while (more) {
		size_t removed = 0, inserted = 0;
		for (; walk_on(&old) && old.again[slot_of(&old)]; old.i++)
			removed += old.policy->slot[slot_of(&old)].rules;
		for (; walk_on(&new) && new.again[slot_of(&new)]; new.i++)
			inserted += put_group(d, slot_of(&new), edits);
		put_edit(edits, removed, inserted);
		more = walk_on(&old) && walk_on(&new);
		for (; walk_on(&old) && !old.again[slot_of(&old)]; old.i++, new.i++) {
			(void)walk_on(&new);
			if (new.again[slot_of(&new)])
				break;
			edits->at += old.policy->slot[slot_of(&old)].rules;
			edits->to += old.policy->slot[slot_of(&old)].rules;
		}
	}
}

static void count(const struct sent_policy *policy, size_t rules[static NUMBERS])
{
	memset(rules, 0, NUMBERS * sizeof(*rules));
	for (size_t i = 0; i < policy->len; i++)
		rules[sent_number(policy, &policy->slot[i])] += policy->slot[i].rules;
}

static void edit_policy(const struct diff *d, struct edits *edits)
{
	size_t rules[NUMBERS];
	count(d->old, rules);
	for (unsigned k = NUMBERS; k-- > 0;) {
		if (d->number[k]) {
			edit_number(d, k, edits);
			continue;
		}
		edits->at += rules[k];
		edits->to += rules[k];
	}
}

// --- ties ---

// The rules of a group of the number, read for this if they were not.
static void read_same(const struct diff *d, size_t at, struct arena *arena, struct reread *out)
{
	const struct reread *again = reread_at(d, at);
	struct ir_policy group;
	if (again) {
		*out = *again;
		return;
	}
	sent_group_read(&d->reader, at, arena, &group);
	*out = (struct reread){at, group.rule.at, group.rule.len};
}

static void check_pair(const struct diff *d, const struct reread *a, const struct reread *b)
{
	for (size_t i = 0; i < a->len; i++)
		for (size_t k = 0; k < b->len; k++)
			if (a->at < b->at || (a->at == b->at && i < k))
				ir_rules_check_tie(&a->rule[i], &b->rule[k], d->reader.diags);
}

// A rule that was read again against all of its number.
static void check_against(const struct diff *d, const struct reread *changed)
{
	const struct sent_policy *policy = d->reader.policy;
	uint8_t number = policy->slot[changed->at].priority;
	for (size_t i = 0; i < policy->len; i++) {
		struct arena arena;
		struct reread other;
		const struct sent_slot *slot = &policy->slot[i];
		if (!slot->on || slot->joins || slot->priority != number ||
		    (i < changed->at && d->again[i]))
			continue; // pairs of two that were read again are looked at once
		arena_init(&arena);
		read_same(d, i, &arena, &other);
		if (i < changed->at)
			check_pair(d, &other, changed);
		else
			check_pair(d, changed, &other);
		arena_fini(&arena);
	}
}

static void check_ties(const struct diff *d)
{
	for (size_t i = 0; sent_has_ties(d->old) && i < d->group.len; i++)
		check_against(d, &d->group.at[i]);
}

// --- a commit ---

static void change_policy(const struct schema_tree *tree, struct sent_policy *policy,
			  const struct sent_policy *old, const struct sent_touches *touched,
			  struct edits *edits, struct diags *diags)
{
	struct diff *d = arena_new(edits->arena, struct diff);
	free(policy->slot);
	sent_policy_copy(old, old->len + touched->list.len, policy);
	d->old = old;
	d->reader = (struct sent_reader){.policy = policy, .arena = edits->arena, .diags = diags};
	codec_nfi_frame(tree, old->node, edits->arena, diags, &d->reader.frame);
	make_new(d, touched, edits->arena);
	check_ties(d);
	edit_policy(d, edits);
}

static void pass_policy(const struct sent_policy *policy, struct edits *edits)
{
	size_t rules = 0;
	for (size_t i = 0; i < policy->len; i++)
		rules += policy->slot[i].rules;
	edits->at += rules;
	edits->to += rules;
}

// Changes that are more than what they change are sent as that, once.
static bool is_grown(const struct sent_list *list)
{
	return list->changes > 2 * list->whole + CHANGES_SLACK;
}

enum agent_sending agent_sent_change(struct agent_sent *sent, const struct schema_tree *tree,
				     size_t since, struct arena *arena, struct diags *diags,
				     struct buf *bytes, struct agent_change *out)
{
	const struct sent_list *now = sent->now;
	struct sent_log log;
	size_t errors = diags->errors;
	if (!now || is_grown(now) || !sent_log_read(now, tree, since, arena, &log))
		return AGENT_SEND_WHOLE;
	struct sent_list *next = sent_list_copy(now);
	struct edits edits = {.arena = arena, .rules = bytes};
	for (size_t i = 0; i < now->policies; i++)
		if (log.touched[i].list.len)
			change_policy(tree, &next->policy[i], &now->policy[i], &log.touched[i],
				      &edits, diags);
		else
			pass_policy(&now->policy[i], &edits);
	sent_list_free(sent->next);
	sent->next = next;
	if (diags->errors > errors)
		return AGENT_SEND_NOTHING;
	if (edits.to > IR_RULES_MOST || edits.list.len > AGENT_EDITS_MOST)
		return AGENT_SEND_WHOLE;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	sent_log_print(&log, now, &text);
	next->changes += text.len + bytes->len;
	*out = (struct agent_change){
		.before = (uint32_t)edits.at,
		.edit = {.at = edits.list.at, .len = edits.list.len, .cap = edits.list.cap},
		.rules = {bytes->data, bytes->len},
		.text = arena_strndup(arena, text.data, text.len)};
	return AGENT_SEND_CHANGE;
}
