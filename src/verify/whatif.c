// SPDX-License-Identifier: Apache-2.0
// One ruleset, asked again and again. Who decides a packet: the first box that holds its point. What an edit does: packets
// fare otherwise only where an edited rule matches. Edited rules whose ends are ends of atoms (rules that go, move or change
// their action are) are looked at among the boxes that are there (edits.c); for others the rules that meet them become two
// small rulesets that are compared (local.c). Where an edit changes what kinds of rules there are at all, the whole
// rulesets are.
#include "verify/prepared.h"
#include "verify/work.h"
#include "ir/turn.h"

#include <assert.h>
#include <stdlib.h>

enum { CHUNK = 64 }; // boxes of one piece of work

static void make_measures(struct verify_prepared *p)
{
	p->measure = arena_array(&p->arena, struct verify_measure, p->space->slice.len + 1);
	for (size_t i = 0; i < p->space->slice.len; i++)
		verify_measure_make(p->space->slice.at[i], &p->arena, &p->measure[i]);
}

struct owning {
	struct verify_prepared *p;
	size_t slice;
};

static void own_chunk(void *user, unsigned worker, size_t piece)
{
	const struct owning *owning = user;
	const struct verify_slice *slice = owning->p->space->slice.at[owning->slice];
	const struct algebra_boxes *boxes = slice->layer[0].boxes;
	uint64_t box[ALGEBRA_CELLS], point[ALGEBRA_CELLS];
	(void)worker;
	for (size_t k = 0; k < CHUNK && piece * CHUNK + k < algebra_boxes_len(boxes); k++) {
		uint32_t i = (uint32_t)(piece * CHUNK + k);
		algebra_boxes_get(boxes, i, box);
		algebra_box_point(&slice->shape, box, 0, point);
		owning->p->first_own[owning->slice][i] =
			algebra_boxes_first(boxes, point, 0, i) == i;
	}
}

// False when it was stopped.
static bool find_first_own(struct verify_prepared *p)
{
	size_t slices = p->space->slice.len;
	bool good = true;
	p->first_own = arena_array(&p->arena, bool *, slices + 1);
	for (size_t i = 0; i < slices && good; i++) {
		size_t boxes = algebra_boxes_len(p->space->slice.at[i]->layer[0].boxes);
		p->first_own[i] = arena_array(&p->arena, bool, boxes + 1);
		good = verify_work(&(struct verify_work){.options = &p->options,
							 .pieces = (boxes + CHUNK - 1) / CHUNK,
							 .run = own_chunk,
							 .user = &(struct owning){p, i}});
	}
	return good;
}

static void list_effect(struct verify_prepared *p, uint32_t owner, enum ir_verdict verdict,
			struct ir_rate rate)
{
	uint32_t number = verify_effect(p->space, 0, owner);
	for (size_t i = 0; i < p->effect.len; i++)
		if (p->effect.at[i].number == number)
			return;
	vec_push(&p->arena, &p->effect, (struct verify_effect_of){number, verdict, rate});
}

static void list_effects(struct verify_prepared *p)
{
	const struct ir_ruleset *ruleset = p->ruleset;
	list_effect(p, VERIFY_DEFAULT, ruleset->default_action, (struct ir_rate){0});
	list_effect(p, VERIFY_NO_FLOW, IR_DROP, (struct ir_rate){0});
	for (size_t i = 0; i < ruleset->rule.len; i++)
		list_effect(p, (uint32_t)i, ruleset->rule.at[i].verdict, ruleset->rule.at[i].rate);
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
	verify_kinds_count(p);
	if (verify_space_new(p->layer, 1, false, &p->options, &p->arena, &p->notes, &p->space) ==
		    VERIFY_DONE &&
	    find_first_own(p)) {
		make_measures(p);
		list_effects(p);
		return p;
	}
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

// A point stands for the packet only when it can exist, and its flow is what the slices take it to be: known for packets of
// these states, and with the packet's own tuple but for replies.
static bool is_plain(const struct verify_prepared *p, const struct ir_packet *packet)
{
	if ((packet->has >> IR_DCCPSERVICE & 1) &&
	    packet->value[IR_DCCPTYPE] > IR_DCCP_SERVICE_LAST)
		return false;
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

void verify_what_if(const struct verify_prepared *prepared, const struct verify_edit *edit,
		    size_t edits, size_t most, struct arena *arena, struct verify_comparison *out)
{
	struct verify_asking q = {.p = prepared, .edit = edit, .edits = edits, .arena = arena};
	struct verify_near near = {0};
	for (size_t e = 0; e < edits; e++)
		assert(edit[e].at + edit[e].removed <= prepared->ruleset->rule.len &&
		       (!e || edit[e].at >= edit[e - 1].at + edit[e - 1].removed));
	*out = (struct verify_comparison){.equal = true, .notes = prepared->notes};
	verify_work_begin(&prepared->options);
	if (!verify_kinds_near(&q, &near))
		verify_local(&q, &near, true, most, out);
	else if (!verify_edits(&q, most, out))
		verify_local(&q, &near, false, most, out);
}
