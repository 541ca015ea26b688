// SPDX-License-Identifier: Apache-2.0
// One ruleset, asked again and again. Who decides a packet: the first box that holds its point. What an edit does: packets
// fare otherwise only where an edited rule matches, so the rules that meet the edited ones, found through the tree, are two
// small rulesets (before and after), and these are compared. Where an edit changes what kinds of rules there are at all,
// the whole rulesets are compared instead, because then packets that no rule matches may fare otherwise.
#include "verify/compare.h"
#include "verify/lower.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// Rules of these kinds make a space look at more packets, or drop packets without a flow.
enum kind { FLOW, PACKET, FLOW_READS_PACKET, ETHERTYPES, FRAGMENTS, KINDS };

struct verify_prepared {
	const struct ir_ruleset *ruleset;
	const struct ir_ruleset *layer[1];
	struct verify_options options;
	struct ir_clause where;
	struct arena arena;
	struct verify_space *space;
	struct verify_notes notes;
	size_t kinds[KINDS], first[KINDS]; // how many rules of each, and the first
};

static unsigned kinds_of(const struct ir_rule *rule)
{
	unsigned kinds = 1u << (rule->flow ? FLOW : PACKET);
	for (size_t k = 0; k < rule->clauses; k++)
		for (size_t i = 0; i < rule->clause[k].len; i++) {
			enum ir_dim dim = rule->clause[k].cond[i].dim;
			if (rule->flow && ir_dim_info[dim].kind == IR_KIND_PACKET)
				kinds |= 1u << FLOW_READS_PACKET;
			if (dim == IR_ETHERTYPE)
				kinds |= 1u << ETHERTYPES;
			if (dim == IR_FRAGOFF)
				kinds |= 1u << FRAGMENTS;
		}
	return kinds;
}

static void count_all_kinds(struct verify_prepared *p)
{
	for (size_t i = p->ruleset->rule.len; i-- > 0;) {
		unsigned kinds = kinds_of(&p->ruleset->rule.at[i]);
		for (unsigned k = 0; k < KINDS; k++) {
			p->kinds[k] += kinds >> k & 1;
			if (kinds >> k & 1)
				p->first[k] = i;
		}
	}
}

struct verify_prepared *verify_prepare(const struct ir_ruleset *ruleset,
				       const struct verify_options *options)
{
	struct verify_prepared *p = base_oom(calloc(1, sizeof(*p)));
	arena_init(&p->arena);
	p->ruleset = p->layer[0] = ruleset;
	p->options = *options;
	if (options->where) {
		p->where = ir_clause_copy(options->where, &p->arena);
		p->options.where = &p->where;
	}
	count_all_kinds(p);
	if (verify_space_new(p->layer, 1, false, &p->options, &p->arena, &p->notes, &p->space) ==
	    VERIFY_DONE)
		return p;
	verify_prepared_free(p);
	return NULL;
}

void verify_prepared_free(struct verify_prepared *prepared)
{
	if (!prepared)
		return;
	verify_space_free(prepared->space);
	arena_fini(&prepared->arena);
	free(prepared);
}

// --- who decides ---

// A point stands for the packet only when its flow is what the slices take it to be: known for packets of these states, and
// with the packet's own tuple but for replies.
static bool is_plain(const struct verify_prepared *p, const struct ir_packet *packet)
{
	if (!p->kinds[FLOW])
		return true;
	u128 state = packet->value[IR_STATE];
	bool of_flow = packet->has >> IR_STATE & 1 && state != IR_STATE_INVALID &&
		       state != IR_STATE_UNTRACKED;
	if (of_flow != (packet->flow != NULL))
		return false;
	if (!packet->flow)
		return !packet->reply;
	for (unsigned dim = 0; dim < IR_DIMS; dim++) {
		bool tuple = ir_dim_info[dim].kind == IR_KIND_TUPLE && packet->has >> dim & 1;
		if (!tuple || packet->reply)
			continue;
		if (!(packet->flow->has >> dim & 1) ||
		    packet->flow->value[dim] != packet->value[dim])
			return false;
	}
	return true;
}

// What a reply has says its flow; a flow that the packet's tuple is not the turned one of is asked of ir_eval.
static bool is_turned(const struct ir_packet *packet)
{
	struct ir_packet first = {0};
	if (!packet->flow)
		return false;
	ir_packet_turn(packet, &first);
	if (first.has != (packet->flow->has & first.has))
		return false;
	for (unsigned dim = 0; dim < IR_DIMS; dim++)
		if (first.has >> dim & 1 && first.value[dim] != packet->flow->value[dim])
			return false;
	return true;
}

static const struct verify_slice *slice_of(const struct verify_prepared *p,
					   const struct ir_packet *packet, uint64_t *point)
{
	bool reply = packet->reply && p->kinds[FLOW];
	if (!is_plain(p, packet) || (reply && !is_turned(packet)))
		return NULL;
	for (size_t i = 0; i < p->space->slice.len; i++) {
		const struct verify_slice *slice = p->space->slice.at[i];
		if (slice->reply == reply && verify_point(p->space, slice, packet, point))
			return slice;
	}
	return NULL;
}

static size_t index_of(uint32_t owner)
{
	return owner < VERIFY_NO_FLOW ? owner : SIZE_MAX;
}

size_t verify_decides(const struct verify_prepared *prepared, const struct ir_packet *packet)
{
	uint64_t point[ALGEBRA_CELLS];
	const struct verify_slice *slice = slice_of(prepared, packet, point);
	if (slice) {
		const struct algebra_boxes *boxes = slice->layer[0].boxes;
		uint32_t len = (uint32_t)algebra_boxes_len(boxes),
			 at = algebra_boxes_first(boxes, point, 0, len);
		if (at < len)
			return index_of(algebra_boxes_owner(boxes, at));
	}
	struct arena scratch;
	arena_init(&scratch);
	size_t rule = index_of(verify_eval(prepared->ruleset, packet, &scratch));
	arena_fini(&scratch);
	return rule;
}

// --- what an edit does ---

// A ruleset whose rules are copies of others.
struct copied {
	struct ir_ruleset ruleset;
	VEC(const struct ir_rule *) source;
};

struct asking {
	const struct verify_prepared *p;
	const struct verify_edit *edit;
	size_t edits;
	struct arena *arena;
	bool *meets; // by rule
	struct algebra_ids ids;
};

static void copy_rule(struct asking *q, struct copied *to, const struct ir_rule *rule)
{
	vec_push(q->arena, &to->ruleset.rule, *rule);
	vec_push(q->arena, &to->source, rule);
}

// The rules that meet an edited one, as they were and as they would be.
static void make_rulesets(struct asking *q, struct copied *before, struct copied *after)
{
	const struct ir_ruleset *ruleset = q->p->ruleset;
	size_t e = 0, gone = 0; // rules below `gone` are removed
	for (size_t i = 0; i <= ruleset->rule.len; i++) {
		for (; e < q->edits && q->edit[e].at == i; e++) {
			for (size_t k = 0; k < q->edit[e].inserts; k++)
				copy_rule(q, after, &q->edit[e].insert[k]);
			gone = i + q->edit[e].removed;
		}
		if (i == ruleset->rule.len || !q->meets[i])
			continue;
		copy_rule(q, before, &ruleset->rule.at[i]);
		if (i >= gone)
			copy_rule(q, after, &ruleset->rule.at[i]);
	}
	before->ruleset.default_action = after->ruleset.default_action = ruleset->default_action;
}

static void mark(struct asking *q, const struct verify_slice *slice, const uint64_t *box)
{
	const struct algebra_boxes *boxes = slice->layer[0].boxes;
	q->ids.len = 0;
	algebra_boxes_meeting(boxes, box, 0, (uint32_t)algebra_boxes_len(boxes), &q->ids);
	for (size_t i = 0; i < q->ids.len; i++) {
		uint32_t owner = algebra_boxes_owner(boxes, q->ids.at[i]);
		if (owner < VERIFY_NO_FLOW)
			q->meets[owner] = true;
	}
}

static void mark_rule(struct asking *q, const struct ir_rule *rule)
{
	uint64_t box[ALGEBRA_CELLS];
	for (size_t s = 0; s < q->p->space->slice.len; s++) {
		struct verify_slice *slice = q->p->space->slice.at[s];
		for (size_t k = 0; k < rule->clauses; k++) {
			const struct verify_around what = {rule, &rule->clause[k]};
			if (verify_around(q->p->space, slice, q->p->options.where, &what, box))
				mark(q, slice, box);
		}
	}
}

static void mark_edited(struct asking *q)
{
	const struct ir_rule *rule = q->p->ruleset->rule.at;
	for (size_t e = 0; e < q->edits; e++) {
		const struct verify_edit *edit = &q->edit[e];
		for (size_t i = edit->at; i < edit->at + edit->removed; i++) {
			q->meets[i] = true;
			mark_rule(q, &rule[i]);
		}
		for (size_t i = 0; i < edit->inserts; i++)
			mark_rule(q, &edit->insert[i]);
	}
}

static bool is_removed(const struct asking *q, size_t rule)
{
	for (size_t e = 0; e < q->edits && q->edit[e].at <= rule; e++)
		if (rule < q->edit[e].at + q->edit[e].removed)
			return true;
	return false;
}

static void count_kinds(const struct ir_rule *rule, size_t *count, bool more)
{
	unsigned kinds = kinds_of(rule);
	for (unsigned k = 0; k < KINDS; k++)
		count[k] += more ? kinds >> k & 1 : -(size_t)(kinds >> k & 1);
}

static void mark_kind(struct asking *q, unsigned kind)
{
	const struct ir_ruleset *ruleset = q->p->ruleset;
	for (size_t i = q->p->first[kind]; i < ruleset->rule.len; i++)
		if (kinds_of(&ruleset->rule.at[i]) >> kind & 1 && !is_removed(q, i)) {
			q->meets[i] = true;
			return;
		}
}

// One rule of each kind that the whole ruleset has. False when an edit adds a kind or takes the last of one.
static bool mark_kinds(struct asking *q)
{
	size_t after[KINDS];
	memcpy(after, q->p->kinds, sizeof(after));
	for (size_t e = 0; e < q->edits; e++) {
		const struct verify_edit *edit = &q->edit[e];
		for (size_t i = 0; i < edit->removed; i++)
			count_kinds(&q->p->ruleset->rule.at[edit->at + i], after, false);
		for (size_t i = 0; i < edit->inserts; i++)
			count_kinds(&edit->insert[i], after, true);
	}
	for (unsigned k = 0; k < KINDS; k++) {
		if (!q->p->kinds[k] != !after[k])
			return false;
		if (after[k])
			mark_kind(q, k);
	}
	return true;
}

static void compare_copies(struct asking *q, const struct copied *before,
			   const struct copied *after, size_t most, struct verify_comparison *out)
{
	const struct ir_ruleset *a = &before->ruleset, *b = &after->ruleset;
	const struct ir_ruleset **both = arena_array(q->arena, const struct ir_ruleset *, 2);
	struct verify_notes notes = {0}; // the prepared ones speak of all rules
	struct verify_space *space;
	both[0] = a;
	both[1] = b;
	*out = (struct verify_comparison){.equal = true, .notes = q->p->notes};
	out->status = verify_space_new(both, 2, false, &q->p->options, q->arena, &notes, &space);
	space->dims |= q->p->space->dims; // packets have what the other rules ask for, too
	if (out->status == VERIFY_DONE)
		verify_compare_space(space, &q->p->options, most, q->arena, out);
	verify_space_free(space);
	for (size_t i = 0; i < out->difference.len; i++) {
		struct verify_difference *d = &out->difference.at[i];
		d->rule_a = d->rule_a ? before->source.at[d->rule_a - a->rule.at] : NULL;
		d->rule_b = d->rule_b ? after->source.at[d->rule_b - b->rule.at] : NULL;
	}
}

void verify_what_if(const struct verify_prepared *prepared, const struct verify_edit *edit,
		    size_t edits, size_t most, struct arena *arena, struct verify_comparison *out)
{
	const struct ir_ruleset *ruleset = prepared->ruleset;
	struct asking q = {.p = prepared, .edit = edit, .edits = edits, .arena = arena};
	struct copied before = {0}, after = {0};
	q.meets = base_oom(calloc(ruleset->rule.len + 1, sizeof(*q.meets)));
	for (size_t e = 0; e < edits; e++)
		assert(edit[e].at + edit[e].removed <= ruleset->rule.len &&
		       (!e || edit[e].at >= edit[e - 1].at + edit[e - 1].removed));
	if (mark_kinds(&q))
		mark_edited(&q);
	else
		memset(q.meets, true, ruleset->rule.len);
	make_rulesets(&q, &before, &after);
	free(q.ids.at);
	free(q.meets);
	compare_copies(&q, &before, &after, most, out);
}
