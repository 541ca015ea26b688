// SPDX-License-Identifier: Apache-2.0
// Which rules of the enforcer a change of entries replaces. The one idea: two lists of slots, of before and of now, in which
// the slots that are not read again are the same and stand in the same order; number by number they are walked together,
// and what lies between two such slots is an edit. Only the part of the lists in which anything is read again is walked
// and copied; what stands around it is counted, 16 bytes a slot.
// Entries are read again with the neighbours that they are, or were, parts of one rule with.
#include "agent/sent_internal.h"

#include "base/buf.h"
#include "base/diag.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

enum { CHANGES_SLACK = 1 << 20 };

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
	// Where slots are read again: before `from` both lists are the same, and so is the new one behind `end` and the old
	// one behind `old_end`.
	size_t from, end, old_end;
	bool gap;                  // some have gone right before `end`
	VEC(struct reread) group;  // rising
	bool number[SENT_NUMBERS]; // in which something is different
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

// Whether this is one of them; most slots lie beyond all of them.
static const struct sent_touched *find(const struct sent_touches *sorted,
				       const struct schema_node *entry)
{
	struct sent_touched key = {.entry = entry};
	size_t n = sorted->list.len;
	if (entry < sorted->list.at[0].entry || entry > sorted->list.at[n - 1].entry)
		return NULL;
	return bsearch(&key, sorted->list.at, n, sizeof(key), by_entry);
}

// The part of the old list in which entries are touched; new ones are behind its end.
static void find_part(struct diff *d, const struct sent_touches *sorted)
{
	size_t left = 0, new = 0;
	d->from = d->old->len;
	for (size_t i = 0; i < sorted->list.len; i++) {
		left += sorted->list.at[i].was;
		new += !sorted->list.at[i].was;
	}
	for (size_t i = 0; i < d->old->len && left; i++) {
		if (!find(sorted, d->old->slot[i].entry))
			continue;
		d->from = d->from < i ? d->from : i;
		d->old_end = i + 1;
		left--;
	}
	if (new || d->from == d->old->len)
		d->old_end = d->old->len;
}

static void note_number(struct diff *d, const struct sent_slot *slot)
{
	d->number[sent_number(d->old, slot)] = true;
}

static void put_slot(struct diff *d, struct sent_slot slot, bool changed)
{
	struct sent_policy *policy = d->reader.policy;
	slot.changed = changed;
	slot.gap = d->gap;
	d->gap = false;
	policy->slot[policy->len++] = slot;
}

// Slots that have gone leave a gap: those behind it are looked at again.
static void make_part(struct diff *d, const struct sent_touches *sorted)
{
	for (size_t i = d->from; i < d->old_end; i++) {
		const struct sent_slot *slot = &d->old->slot[i];
		const struct sent_touched *t = find(sorted, slot->entry);
		if (!t || t->is) {
			put_slot(d, *slot, t);
			continue;
		}
		note_number(d, slot);
		d->gap = true;
	}
}

static void make_slots(struct diff *d, const struct sent_touches *touched, struct arena *arena)
{
	struct sent_touches sorted = *touched;
	struct sent_policy *policy = d->reader.policy;
	sorted.list.at = arena_memdup(arena, touched->list.at,
				      touched->list.len * sizeof(*touched->list.at));
	qsort(sorted.list.at, sorted.list.len, sizeof(*sorted.list.at), by_entry);
	find_part(d, &sorted);
	policy->len = d->from;
	make_part(d, &sorted);
	for (size_t i = 0; i < touched->list.len; i++) {
		const struct sent_touched *t = &touched->list.at[i];
		if (!t->was && t->is)
			put_slot(d, (struct sent_slot){.entry = t->entry}, true);
	}
	d->end = policy->len;
	size_t behind = d->old->len - d->old_end;
	if (behind && d->end != d->old_end)
		memcpy(&policy->slot[d->end], &d->old->slot[d->old_end],
		       behind * sizeof(*policy->slot));
	policy->len += behind;
}

static void mark(struct diff *d, size_t at)
{
	struct sent_slot *slot = &d->reader.policy->slot[at];
	slot->again = true;
	note_number(d, slot);
	if (at < d->from)
		d->from = at;
	if (at >= d->end) {
		d->old_end += at + 1 - d->end;
		d->end = at + 1;
	}
}

// The slots of the group, as it was, that this one is part of.
static void mark_group(struct diff *d, size_t at)
{
	const struct sent_policy *policy = d->reader.policy;
	if (at == SIZE_MAX || !policy->slot[at].part || policy->slot[at].again)
		return;
	while (policy->slot[at].joins && sent_on_before(policy, at) != SIZE_MAX)
		at = sent_on_before(policy, at);
	do {
		mark(d, at);
		at = sent_on_from(policy, at + 1);
	} while (at != SIZE_MAX && policy->slot[at].joins);
}

// What was changed keeps its place in its old group until its neighbours are marked.
static void mark_changed(struct diff *d)
{
	const struct sent_slot *slot = d->reader.policy->slot;
	for (size_t i = d->from, end = d->end; i < end; i++)
		if (slot[i].changed && slot[i].part)
			mark_group(d, i);
		else if (slot[i].changed)
			mark(d, i);
}

// Around what was changed, or has gone, others may be parts of one rule now, or no longer.
static void mark_neighbours(struct diff *d)
{
	const struct sent_policy *policy = d->reader.policy;
	for (size_t i = d->from, end = d->end; i <= end; i++) {
		bool here = i < end && policy->slot[i].changed;
		if (!here && !(i < end ? policy->slot[i].gap : d->gap))
			continue;
		mark_group(d, sent_on_before(policy, i));
		mark_group(d, sent_on_from(policy, here ? i + 1 : i));
	}
}

static void read_slots(struct diff *d)
{
	struct sent_slot *slot = d->reader.policy->slot;
	for (size_t i = d->from; i < d->end; i++)
		if (slot[i].again) {
			sent_slot_read(&d->reader, &slot[i]);
			note_number(d, &slot[i]);
		}
	for (size_t i = d->from; i < d->end; i++)
		if (slot[i].again)
			sent_slot_join(&d->reader, i);
}

static void read_groups(struct diff *d, struct arena *arena)
{
	const struct sent_policy *policy = d->reader.policy;
	for (size_t i = d->from; i < d->end; i++) {
		struct ir_policy group;
		if (!policy->slot[i].again || !policy->slot[i].on || policy->slot[i].joins)
			continue;
		sent_group_read(&d->reader, i, arena, &group);
		vec_push(arena, &d->group, (struct reread){i, group.rule.at, group.rule.len});
	}
}

static void make_new(struct diff *d, const struct sent_touches *touched, struct arena *arena)
{
	make_slots(d, touched, arena);
	mark_changed(d);
	mark_neighbours(d);
	read_slots(d);
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

// The slots of one number in the part, in the order of decision.
struct walk {
	const struct sent_policy *policy;
	unsigned number;
	size_t from, end; // what is left of the part
};

static size_t place_of(const struct walk *w)
{
	return w->policy->resolution == IR_LMR ? w->end - 1 : w->from;
}

static const struct sent_slot *slot_of(const struct walk *w)
{
	return &w->policy->slot[place_of(w)];
}

static void step(struct walk *w)
{
	if (w->policy->resolution == IR_LMR)
		w->end--;
	else
		w->from++;
}

static bool walk_on(struct walk *w)
{
	while (w->from < w->end && sent_number(w->policy, slot_of(w)) != w->number)
		step(w);
	return w->from < w->end;
}

// NULL: none, or it is read again.
static const struct schema_node *staying(struct walk *new)
{
	return walk_on(new) && !slot_of(new)->again ? slot_of(new)->entry : NULL;
}

static void pass(struct edits *edits, size_t rules)
{
	edits->at += rules;
	edits->to += rules;
}

// What is read again here, in both lists; then what is not. What stays is in both, so in the old one all before it is not.
static void edit_number(const struct diff *d, unsigned number, struct edits *edits)
{
	struct walk old = {d->old, number, d->from, d->old_end},
		    new = {d->reader.policy, number, d->from, d->end};
	while (walk_on(&old) || walk_on(&new)) {
		size_t removed = 0, inserted = 0;
		for (; walk_on(&new) && slot_of(&new)->again; step(&new))
			inserted += put_group(d, place_of(&new), edits);
		for (; walk_on(&old) && slot_of(&old)->entry != staying(&new); step(&old))
			removed += slot_of(&old)->rules;
		put_edit(edits, removed, inserted);
		for (; walk_on(&old) && slot_of(&old)->entry == staying(&new); step(&old)) {
			pass(edits, slot_of(&old)->rules);
			step(&new);
		}
	}
}

// Rules before the part, and behind it, by number.
struct around {
	size_t before[SENT_NUMBERS], behind[SENT_NUMBERS];
};

static void count_around(const struct diff *d, struct around *out)
{
	const struct sent_policy *old = d->old;
	sent_count(old, 0, d->from, out->before);
	sent_count(old, d->from, d->old_end, out->behind);
	for (size_t k = 0; k < SENT_NUMBERS; k++)
		out->behind[k] = old->rules[k] - out->before[k] - out->behind[k];
}

// The numbers of rules of the new list.
static void count_new(const struct diff *d, const struct around *around)
{
	struct sent_policy *policy = d->reader.policy;
	sent_count(policy, d->from, d->end, policy->rules);
	for (size_t k = 0; k < SENT_NUMBERS; k++)
		policy->rules[k] += around->before[k] + around->behind[k];
}

static void edit_policy(const struct diff *d, struct edits *edits)
{
	struct around *around = arena_new(edits->arena, struct around);
	bool backwards = d->old->resolution == IR_LMR;
	count_around(d, around);
	count_new(d, around);
	for (unsigned k = SENT_NUMBERS; k-- > 0;) {
		if (!d->number[k]) {
			pass(edits, d->old->rules[k]);
			continue;
		}
		pass(edits, backwards ? around->behind[k] : around->before[k]);
		edit_number(d, k, edits);
		pass(edits, backwards ? around->before[k] : around->behind[k]);
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
		    (i < changed->at && slot->again))
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
	sent_policy_follow(old, old->len + touched->list.len, policy);
	d->old = old;
	d->reader = (struct sent_reader){.policy = policy, .arena = edits->arena, .diags = diags};
	codec_nfi_frame(tree, old->node, edits->arena, diags, &d->reader.frame);
	make_new(d, touched, edits->arena);
	check_ties(d);
	edit_policy(d, edits);
	policy->same = d->from;
	policy->same_behind = old->len - d->old_end;
	for (size_t i = d->from; i < d->end; i++)
		policy->slot[i].changed = policy->slot[i].gap = policy->slot[i].again = false;
}

static void pass_policy(const struct sent_policy *policy, struct edits *edits)
{
	for (size_t k = 0; k < SENT_NUMBERS; k++)
		pass(edits, policy->rules[k]);
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
	struct sent_list *next = sent_list_follow(sent);
	struct edits edits = {.arena = arena, .rules = bytes};
	for (size_t i = 0; i < now->policies; i++) {
		const struct sent_policy *policy = &now->policy[i];
		if (log.touched[i].list.len) {
			change_policy(tree, &next->policy[i], policy, &log.touched[i], &edits,
				      diags);
			continue;
		}
		sent_policy_follow(policy, policy->len, &next->policy[i]);
		pass_policy(policy, &edits);
	}
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
