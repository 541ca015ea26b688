// SPDX-License-Identifier: Apache-2.0
// Front's books: what was sent, and sending everything. The one idea: entries that may be parts of one rule stand next to
// each other, so a group of neighbours is read by itself, and nothing but the numbers of its rules is kept; the order of
// decision follows from those.
// What it does not: find out what a commit changes (sent_log.c) and which rules that replaces (sent_edits.c).
#include "agent/sent_internal.h"

#include "base/buf.h"
#include "base/diag.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

// --- lists ---

struct sent_list *sent_list_follow(struct agent_sent *sent)
{
	const struct sent_list *now = sent->now;
	struct sent_list *list = sent->spare ? sent->spare : base_oom(calloc(1, sizeof(*list)));
	struct sent_policy *policy = list->policy;
	sent->spare = NULL;
	*list = *now;
	list->policy = policy ? policy : base_oom(calloc(now->policies + 1, sizeof(*policy)));
	list->follows = true;
	return list;
}

void sent_policy_follow(const struct sent_policy *policy, size_t room, struct sent_policy *to)
{
	struct sent_slot *slot = to->slot;
	size_t cap = to->cap, from = to->same,
	       end = policy->len - (to->len == policy->len ? to->same_behind : 0);
	if (!slot || cap < room) {
		cap = room + room / 8 + 1;
		slot = base_oom(realloc(slot, cap * sizeof(*slot)));
	}
	if (end > from)
		memcpy(slot + from, policy->slot + from, (end - from) * sizeof(*slot));
	*to = *policy;
	to->slot = slot;
	to->cap = cap;
	to->same = policy->len;
	to->same_behind = 0;
}

void sent_list_free(struct sent_list *list)
{
	for (size_t i = 0; list && i < list->policies; i++)
		free(list->policy[i].slot);
	if (list)
		free(list->policy);
	free(list);
}

struct agent_sent *agent_sent_new(void)
{
	return base_oom(calloc(1, sizeof(struct agent_sent)));
}

void agent_sent_free(struct agent_sent *sent)
{
	if (!sent)
		return;
	sent_list_free(sent->now);
	sent_list_free(sent->before);
	sent_list_free(sent->next);
	sent_list_free(sent->spare);
	free(sent);
}

// --- what became of it ---

static void replace(struct sent_list **at, struct sent_list *list)
{
	sent_list_free(*at);
	*at = list;
}

// What was accepted so far is for the next change to be made of, if this one followed it.
static void set_aside(struct agent_sent *sent, struct sent_list *was)
{
	bool follows = was && sent->next->follows;
	for (size_t i = 0; follows && i < was->policies; i++) {
		was->policy[i].same = sent->next->policy[i].same;
		was->policy[i].same_behind = sent->next->policy[i].same_behind;
	}
	replace(&sent->spare, follows ? was : NULL);
	if (!follows)
		sent_list_free(was);
}

void agent_sent_accepted(struct agent_sent *sent, bool confirmed)
{
	struct sent_list *was = sent->now;
	sent->now = NULL;
	if (confirmed && !sent->pending) {
		replace(&sent->before, was);
		was = NULL;
	}
	if (!confirmed)
		replace(&sent->before, NULL);
	sent->pending = confirmed;
	set_aside(sent, was);
	sent->now = sent->next;
	sent->next = NULL;
}

void agent_sent_refused(struct agent_sent *sent)
{
	if (sent->next && sent->next->follows)
		replace(&sent->spare, sent->next);
	else
		sent_list_free(sent->next);
	sent->next = NULL;
}

void agent_sent_confirmed(struct agent_sent *sent)
{
	replace(&sent->before, NULL);
	sent->pending = false;
}

void agent_sent_reverted(struct agent_sent *sent)
{
	if (!sent->pending)
		return;
	replace(&sent->spare, NULL);
	if (sent->next)
		sent->next->follows = false; // but what is no more
	replace(&sent->now, sent->before);
	sent->before = NULL;
	sent->pending = false;
}

// --- groups ---

void sent_slot_read(const struct sent_reader *reader, struct sent_slot *slot)
{
	struct arena arena;
	arena_init(&arena);
	slot->on = codec_nfi_is_on(&reader->frame, slot->entry);
	slot->priority = codec_nfi_priority(slot->entry);
	slot->part = slot->on && codec_nfi_unit(&reader->frame, slot->entry, &arena);
	slot->joins = false;
	slot->rules = 0;
	arena_fini(&arena);
}

size_t sent_on_from(const struct sent_policy *policy, size_t at)
{
	while (at < policy->len && !policy->slot[at].on)
		at++;
	return at < policy->len ? at : SIZE_MAX;
}

size_t sent_on_before(const struct sent_policy *policy, size_t at)
{
	while (at-- > 0)
		if (policy->slot[at].on)
			return at;
	return SIZE_MAX;
}

void sent_slot_join(const struct sent_reader *reader, size_t at)
{
	struct sent_slot *slot = &reader->policy->slot[at];
	size_t before = slot->part ? sent_on_before(reader->policy, at) : SIZE_MAX;
	slot->joins = false;
	if (before == SIZE_MAX || !reader->policy->slot[before].part)
		return;
	struct arena arena;
	arena_init(&arena);
	const struct schema_node *entry = reader->policy->slot[before].entry;
	slot->joins = !strcmp(codec_nfi_unit(&reader->frame, slot->entry, &arena),
			      codec_nfi_unit(&reader->frame, entry, &arena));
	arena_fini(&arena);
}

static void reverse(struct ir_rule *rule, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct ir_rule t = rule[i];
		rule[i] = rule[n - 1 - i];
		rule[n - 1 - i] = t;
	}
}

struct group {
	VEC(const struct schema_node *) entry;
};

void sent_group_read(const struct sent_reader *reader, size_t at, struct arena *arena,
		     struct ir_policy *out)
{
	struct sent_policy *policy = reader->policy;
	struct group group = {0};
	struct sent_slot *first = &policy->slot[at];
	vec_push(arena, &group.entry, first->entry);
	while ((at = sent_on_from(policy, at + 1)) != SIZE_MAX && policy->slot[at].joins) {
		vec_push(arena, &group.entry, policy->slot[at].entry);
		policy->slot[at].rules = 0;
	}
	codec_nfi_read_rules(&reader->frame, group.entry.at, group.entry.len, arena, reader->diags,
			     out);
	first->rules = (uint32_t)out->rule.len;
	if (policy->resolution == IR_LMR)
		reverse(out->rule.at, out->rule.len);
}

// --- the whole ---

static void read_slots(const struct sent_reader *reader)
{
	struct sent_policy *policy = reader->policy;
	size_t cap = 0;
	schema_for_each_child (entry, policy->node) {
		if (strcmp(schema_name(entry), "rules") != 0)
			continue;
		if (policy->len == cap) {
			cap = cap * 2 + 16;
			policy->slot = base_oom(realloc(policy->slot, cap * sizeof(*policy->slot)));
		}
		policy->slot[policy->len] = (struct sent_slot){.entry = entry};
		sent_slot_read(reader, &policy->slot[policy->len++]);
		sent_slot_join(reader, policy->len - 1);
	}
}

// The places of the groups in the order of decision: number by number, the highest first.
static void order_groups(const struct sent_policy *policy, size_t *order, size_t *len_out)
{
	size_t start[SENT_NUMBERS + 1] = {0}, n = policy->len;
	for (size_t i = 0; i < n; i++)
		start[SENT_NUMBERS - sent_number(policy, &policy->slot[i])]++;
	for (size_t k = 1; k <= SENT_NUMBERS; k++)
		start[k] += start[k - 1];
	for (size_t k = 0; k < n; k++) {
		size_t i = policy->resolution == IR_LMR ? n - 1 - k : k;
		order[start[SENT_NUMBERS - 1 - sent_number(policy, &policy->slot[i])]++] = i;
	}
	*len_out = 0;
	for (size_t i = 0; i < n; i++)
		if (policy->slot[order[i]].on && !policy->slot[order[i]].joins)
			order[(*len_out)++] = order[i];
}

bool sent_has_ties(const struct sent_policy *policy)
{
	return policy->usage == IR_BY_NUMBER && policy->resolution == IR_PMRE;
}

struct sending {
	const struct sent_reader *reader;
	const struct agent_sent_sink *sink;
	struct buf bytes;
	size_t sent;
	struct arena arena;    // of rules that later ones are held against …
	struct ir_policy same; // … those of one number, so far
	size_t rules;
	size_t errors; // before
};

static void flush(struct sending *s)
{
	if (!s->bytes.len)
		return;
	s->sent += s->bytes.len;
	s->sink->rules(s->sink->context, &s->bytes);
	buf_clear(&s->bytes);
}

static void forget_same(struct sending *s)
{
	arena_fini(&s->arena);
	arena_init(&s->arena);
	s->same = (struct ir_policy){.name = NULL};
}

static void check_ties(struct sending *s, const struct ir_policy *group)
{
	for (size_t k = 0; k < group->rule.len; k++) {
		for (size_t i = 0; i < s->same.rule.len; i++)
			ir_rules_check_tie(&s->same.rule.at[i], &group->rule.at[k],
					   s->reader->diags);
		vec_push(&s->arena, &s->same.rule, group->rule.at[k]);
	}
}

static void send_group(struct sending *s, size_t at)
{
	const struct sent_policy *policy = s->reader->policy;
	struct ir_policy group;
	bool ties = sent_has_ties(policy);
	if (!ties || (s->same.rule.len && s->same.rule.at[0].priority != policy->slot[at].priority))
		forget_same(s);
	sent_group_read(s->reader, at, &s->arena, &group);
	if (ties)
		check_ties(s, &group);
	s->rules += group.rule.len;
	for (size_t i = 0; i < group.rule.len; i++)
		ir_rule_encode(&group.rule.at[i], &s->bytes);
	if (s->bytes.len >= AGENT_PIECE)
		flush(s);
}

void sent_count(const struct sent_policy *policy, size_t from, size_t end,
		size_t rules[static SENT_NUMBERS])
{
	memset(rules, 0, SENT_NUMBERS * sizeof(*rules));
	for (size_t i = from; i < end; i++)
		rules[sent_number(policy, &policy->slot[i])] += policy->slot[i].rules;
}

static void send_policy(const struct sent_reader *reader, struct sending *s)
{
	size_t *order = base_oom(malloc((reader->policy->len + 1) * sizeof(*order))), n;
	order_groups(reader->policy, order, &n);
	s->reader = reader;
	forget_same(s);
	for (size_t i = 0; i < n && reader->diags->errors == s->errors; i++)
		send_group(s, order[i]);
	sent_count(reader->policy, 0, reader->policy->len, reader->policy->rules);
	free(order);
}

static void add_policy(const struct schema_tree *tree, const struct schema_node *node,
		       struct sent_list *list, struct sent_reader *reader)
{
	codec_nfi_frame(tree, node, reader->arena, reader->diags, &reader->frame);
	list->policy =
		base_oom(realloc(list->policy, (list->policies + 1) * sizeof(*list->policy)));
	reader->policy = &list->policy[list->policies++];
	*reader->policy = (struct sent_policy){.node = node,
					       .resolution = reader->frame.policy.resolution,
					       .usage = reader->frame.policy.usage};
}

static void send_list(const struct schema_tree *tree, struct sent_list *list, struct sending *s,
		      struct sent_reader *reader)
{
	struct ir_document frames = {0};
	struct ir_ruleset none;
	for (const struct schema_node *node = schema_first(tree); node; node = schema_next(node)) {
		if (!schema_is(node, CODEC_NFI_MODULE, "i2nsf-security-policy"))
			continue;
		add_policy(tree, node, list, reader);
		read_slots(reader);
		send_policy(reader, s);
		vec_push(reader->arena, &frames.policy, reader->frame.policy);
	}
	ir_document_order(&frames, reader->arena, reader->diags, &none); // the default action
	list->default_action = none.default_action;
	if (s->rules > IR_RULES_MOST)
		diag_error(reader->diags, DIAG_LIMIT, NULL, "commit fewer rules",
			   "%zu rules; %u are the most", s->rules, IR_RULES_MOST);
}

bool agent_sent_whole(struct agent_sent *sent, const struct schema_tree *tree, struct diags *diags,
		      const struct agent_sent_sink *sink, enum ir_verdict *default_out)
{
	struct arena arena;
	arena_init(&arena);
	struct sent_reader reader = {.arena = &arena, .diags = diags};
	struct sending s = {.sink = sink, .errors = diags->errors};
	struct sent_list *list = base_oom(calloc(1, sizeof(*list)));
	buf_init(&s.bytes);
	arena_init(&s.arena);
	send_list(tree, list, &s, &reader);
	flush(&s);
	list->whole = s.sent;
	*default_out = list->default_action;
	buf_fini(&s.bytes);
	arena_fini(&s.arena);
	arena_fini(&arena);
	bool good = diags->errors == s.errors;
	if (!good) {
		sent_list_free(list);
		list = NULL;
	}
	replace(&sent->next, list);
	return good;
}
