// SPDX-License-Identifier: Apache-2.0
// From rulesets to boxes: which slices are needed, then for each of them every clause as conditions (lower.c), every
// dimension's sets as an axis (atoms.c), and every clause as boxes, one for each product of its spans' ranges.
#include "verify/lower.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct verify_options verify_options_default(int64_t now)
{
	return (struct verify_options){.from = now,
				       .until = now + VERIFY_YEARS * 365 * (int64_t)86400};
}

// --- what the rulesets ask for ---

struct wanted {
	bool flow, packet;      // rules of the kind
	bool flow_reads_packet; // a flow rule with a condition on the packet
	bool ethertypes, fragments;
	uint64_t dims; // bits
};

static void want_clause(const struct ir_rule *rule, const struct ir_clause *clause,
			struct wanted *out)
{
	for (size_t i = 0; i < clause->len; i++) {
		enum ir_dim dim = clause->cond[i].dim;
		out->dims |= (uint64_t)1 << dim;
		if (dim == IR_DCCPSERVICE)
			out->dims |= (uint64_t)1 << IR_DCCPTYPE;
		out->flow_reads_packet |= rule->flow && ir_dim_info[dim].kind == IR_KIND_PACKET;
		out->ethertypes |= dim == IR_ETHERTYPE;
		out->fragments |= dim == IR_FRAGOFF;
	}
}

static void want(const struct ir_ruleset *ruleset, struct wanted *out)
{
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		out->flow |= rule->flow;
		out->packet |= !rule->flow;
		for (size_t k = 0; k < rule->clauses; k++)
			want_clause(rule, &rule->clause[k], out);
	}
}

struct subjects {
	VEC(struct verify_subject) list;
};

static void register_truth(struct verify_space *space, struct verify_truth truth,
			   struct subjects *out)
{
	const void *at = truth.opaque ? (const void *)truth.opaque : truth.rate;
	vec_push(space->arena, &out->list,
		 (struct verify_subject){at, verify_truth_number(space, &truth)});
}

static void register_truths(struct verify_space *space, const struct ir_ruleset *ruleset,
			    struct subjects *out)
{
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		for (size_t k = 0; k < rule->opaques; k++)
			register_truth(space, (struct verify_truth){.opaque = &rule->opaque[k]},
				       out);
		if (ir_rule_has_rate_condition(rule))
			register_truth(space, (struct verify_truth){.rate = rule}, out);
	}
}

static int by_address(const void *a, const void *b)
{
	const struct verify_subject *x = a, *y = b;
	return (uintptr_t)x->at < (uintptr_t)y->at ? -1 : (uintptr_t)x->at > (uintptr_t)y->at;
}

static void keep_subjects(struct verify_space *space, const struct subjects *subjects)
{
	space->subject = subjects->list.at;
	space->subjects = subjects->list.len;
	if (space->subjects)
		qsort(space->subject, space->subjects, sizeof(*space->subject), by_address);
}

// --- effects ---

// Effects are numbered as they come. Those without a rate are in a table, limits of rates in a map.
struct effects {
	uint32_t plain[IR_VERDICTS][IR_LOG_SESSION + 1];
	struct map limits;
	uint32_t last;
};

static uint32_t effect_of_limit(struct effects *effects, const struct ir_rule *rule,
				enum ir_log log)
{
	const char *key = arena_printf(effects->limits.arena, "%u %llu %llu %llu", (unsigned)log,
				       (unsigned long long)rule->rate.packets,
				       (unsigned long long)rule->rate.flows,
				       (unsigned long long)rule->rate.bytes_x100);
	uintptr_t there = (uintptr_t)map_get(&effects->limits, key);
	if (!there) {
		there = ++effects->last;
		map_put(&effects->limits, key, (void *)there);
	}
	return (uint32_t)there;
}

static uint32_t effect_number(struct effects *effects, enum ir_verdict verdict,
			      const struct ir_rule *rule, bool logs)
{
	enum ir_log log = rule && logs ? rule->log : IR_LOG_NONE;
	if (rule && verdict == IR_RATE_LIMIT)
		return effect_of_limit(effects, rule, log);
	uint32_t *number = &effects->plain[verdict][log];
	if (!*number)
		*number = ++effects->last;
	return *number;
}

static void number_effects(struct verify_space *space, bool logs, struct arena *scratch)
{
	struct effects effects = {.limits = {.arena = scratch}};
	space->effect = arena_array(space->arena, uint32_t *, space->layers);
	space->effect_default = arena_array(space->arena, uint32_t, space->layers);
	space->effect_no_flow = effect_number(&effects, IR_DROP, NULL, false);
	for (size_t l = 0; l < space->layers; l++) {
		const struct ir_ruleset *ruleset = space->ruleset[l];
		space->effect[l] = arena_array(space->arena, uint32_t, ruleset->rule.len);
		space->effect_default[l] =
			effect_number(&effects, ruleset->default_action, NULL, false);
		for (size_t i = 0; i < ruleset->rule.len; i++) {
			const struct ir_rule *rule = &ruleset->rule.at[i];
			space->effect[l][i] = effect_number(&effects, rule->verdict, rule, logs);
		}
	}
}

uint32_t verify_stand_before(const struct algebra_boxes *boxes, uint64_t owner)
{
	uint32_t lo = 0, hi = (uint32_t)algebra_boxes_len(boxes);
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (algebra_boxes_owner(boxes, mid) < owner)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t verify_effect(const struct verify_space *space, size_t layer, uint32_t owner)
{
	if (owner == VERIFY_NO_FLOW)
		return space->effect_no_flow;
	return owner == VERIFY_DEFAULT ? space->effect_default[layer] : space->effect[layer][owner];
}

size_t verify_memory_left(const struct verify_space *space, const struct verify_options *options)
{
	size_t memory = options->memory ? options->memory : VERIFY_MEMORY;
	return memory > space->bytes ? memory - space->bytes : 0;
}

// --- one slice ---

// A clause's conditions: draft->cond[first .. first + len), of rule `owner` of a layer.
struct item {
	uint32_t owner, first, len;
	bool logging;
};
struct making {
	struct verify_draft draft;
	const struct verify_options *options;
	VEC(struct item) item; // all layers', one after the other
	size_t *layer_end;
	uint32_t *axis_of;          // by dimension: number of the axis + 1
	struct verify_cells *cells; // by axis
	uint64_t full[ALGEBRA_CELLS];
	size_t limit; // bytes that the boxes may take
	enum verify_status status;
};

static bool stopped(const struct verify_options *options)
{
	return options->control &&
	       atomic_load_explicit(&options->control->stop, memory_order_relaxed);
}

static void lower_rule(struct making *m, const struct ir_rule *rule, uint32_t owner)
{
	struct verify_draft *draft = &m->draft;
	for (size_t k = 0; k < rule->clauses; k++) {
		size_t first = draft->cond.len;
		if (verify_lower(draft, rule, &rule->clause[k]))
			vec_push(draft->arena, &m->item,
				 (struct item){owner, (uint32_t)first,
					       (uint32_t)(draft->cond.len - first),
					       rule->verdict == IR_NONE});
	}
}

static bool has_flow_rule(const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++)
		if (ruleset->rule.at[i].flow)
			return true;
	return false;
}

// What happens when no rule decides: packets of no flow are dropped where flow rules are in force.
static void lower_rest(struct making *m, const struct ir_ruleset *ruleset)
{
	static const struct ir_rule packet = {.verdict = IR_PASS};
	static const struct algebra_range no_flow[] = {{IR_STATE_INVALID, IR_STATE_UNTRACKED}};
	struct ir_cond cond = {IR_STATE, {no_flow, 1}};
	bool ip = m->draft.slice->family != 0;
	const struct ir_clause rest[] = {{.cond = &cond, .len = ip}, {0}};
	const uint32_t owner[] = {VERIFY_NO_FLOW, VERIFY_DEFAULT};
	bool flow = has_flow_rule(ruleset) && !m->draft.slice->reply;
	for (size_t i = flow ? 0 : 1; i < 2; i++) {
		size_t first = m->draft.cond.len;
		if (verify_lower(&m->draft, &packet, &rest[i]))
			vec_push(m->draft.arena, &m->item,
				 (struct item){owner[i], (uint32_t)first,
					       (uint32_t)(m->draft.cond.len - first), false});
	}
}

// Bytes that are in use until the slice is made.
static size_t taken(const struct making *m)
{
	return m->draft.arena->total + m->draft.sets[0].arena->total;
}

// So that lists do not leave smaller copies of themselves behind. False when there is no memory for them.
static bool make_room(struct making *m)
{
	struct verify_draft *draft = &m->draft;
	size_t items = 2 * draft->space->layers, conds = 0;
	for (size_t l = 0; l < draft->space->layers; l++) {
		const struct ir_ruleset *ruleset = draft->space->ruleset[l];
		for (size_t i = 0; i < ruleset->rule.len; i++) {
			const struct ir_rule *rule = &ruleset->rule.at[i];
			items += rule->clauses;
			for (size_t k = 0; k < rule->clauses; k++)
				conds += rule->clause[k].len + rule->opaques + 4;
		}
	}
	conds += items * draft->where.len;
	if (items * sizeof(struct item) + conds * sizeof(struct verify_cond) + taken(m) > m->limit)
		return false;
	m->item.at = arena_array(draft->arena, struct item, items);
	m->item.cap = items;
	draft->cond.at = arena_array(draft->arena, struct verify_cond, conds);
	draft->cond.cap = conds;
	return true;
}

static void lower_all(struct making *m)
{
	struct verify_space *space = m->draft.space;
	if (!make_room(m)) {
		m->status = VERIFY_OVER_BUDGET;
		return;
	}
	m->layer_end = arena_array(m->draft.arena, size_t, space->layers);
	for (size_t l = 0; l < space->layers; l++) {
		const struct ir_ruleset *ruleset = space->ruleset[l];
		for (size_t i = 0; i < ruleset->rule.len && m->status == VERIFY_DONE; i++) {
			lower_rule(m, &ruleset->rule.at[i], (uint32_t)i);
			m->status = stopped(m->options)   ? VERIFY_STOPPED
				    : taken(m) > m->limit ? VERIFY_OVER_BUDGET
							  : VERIFY_DONE;
		}
		lower_rest(m, ruleset);
		m->layer_end[l] = m->item.len;
	}
}

static bool used(const struct verify_sets *sets)
{
	for (size_t i = 0; i < sets->set.len; i++)
		if (sets->uses.at[i])
			return true;
	return false;
}

static void make_axes(struct making *m)
{
	struct verify_draft *draft = &m->draft;
	struct verify_slice *slice = draft->slice;
	size_t before = draft->space->arena->total;
	slice->axis = arena_array(draft->space->arena, struct verify_axis, draft->dims + 1);
	m->cells = arena_array(draft->arena, struct verify_cells, draft->dims + 1);
	m->axis_of = arena_array(draft->arena, uint32_t, draft->dims);
	for (unsigned dim = 0; dim < draft->dims; dim++) {
		if (!used(&draft->sets[dim]) || stopped(m->options) || m->status != VERIFY_DONE)
			continue;
		if (taken(m) + verify_atoms_bytes(&draft->sets[dim]) > m->limit) {
			m->status = VERIFY_OVER_BUDGET;
			continue;
		}
		struct verify_axis *axis = &slice->axis[slice->axes];
		axis->dim = dim;
		verify_atoms(&draft->sets[dim], verify_universe(draft, dim), draft->space->arena,
			     draft->arena, axis, &m->cells[slice->axes]);
		m->axis_of[dim] = (uint32_t)++slice->axes;
	}
	draft->space->bytes += draft->space->arena->total - before;
}

void verify_fill(const struct verify_slice *slice, const struct verify_axis *axis, uint64_t *box)
{
	if (axis->span)
		box[axis->slot] = algebra_span(0, axis->atoms - 1);
	for (uint32_t atom = 0; !axis->span && atom < axis->atoms; atom++)
		algebra_put(&slice->shape, box, axis->slot, atom);
}

void verify_whole(const struct verify_slice *slice, uint64_t *box)
{
	memset(box, 0, slice->shape.cells * sizeof(*box));
	if (!slice->axes)
		box[0] = 1;
	for (size_t a = 0; a < slice->axes; a++)
		verify_fill(slice, &slice->axis[a], box);
}

// Masks that share cells stand before those that need several.
static bool place_masks(struct verify_slice *slice, bool wide)
{
	for (size_t a = 0; a < slice->axes; a++) {
		struct verify_axis *axis = &slice->axis[a];
		if (!axis->span && (axis->atoms > ALGEBRA_NARROW) == wide &&
		    !algebra_shape_add(&slice->shape, axis->atoms, &axis->slot))
			return false;
	}
	return true;
}

// Gives each axis its place in the boxes. False when there are too many.
static bool make_shape(struct making *m)
{
	struct verify_slice *slice = m->draft.slice;
	unsigned spans = 0, mask;
	for (size_t a = 0; a < slice->axes; a++)
		if (slice->axis[a].span)
			slice->axis[a].slot = spans++;
	if (spans > ALGEBRA_CELLS)
		return false;
	algebra_shape_init(&slice->shape, spans);
	if (!place_masks(slice, false) || !place_masks(slice, true))
		return false;
	if (!slice->axes &&
	    !algebra_shape_add(&slice->shape, 1, &mask)) // no rule restricts anything
		return false;
	verify_whole(slice, m->full);
	return true;
}

// --- boxes ---

struct product {
	struct making *m;
	const struct item *item;
	struct algebra_boxes *to;
	uint64_t box[ALGEBRA_CELLS];
};

// Each range of each span condition, from condition `at` on.
static void put_products(struct product *p, uint32_t at)
{
	struct making *m = p->m;
	while (at < p->item->len) {
		const struct verify_cond *cond = &m->draft.cond.at[p->item->first + at++];
		uint32_t a = m->axis_of[cond->dim] - 1;
		const struct verify_axis *axis = &m->draft.slice->axis[a];
		const struct verify_cells *cells = &m->cells[a];
		if (!axis->span) {
			algebra_write(&m->draft.slice->shape, p->box, axis->slot,
				      cells->at + cells->first[cond->set]);
			continue;
		}
		for (size_t i = cells->first[cond->set]; i < cells->first[cond->set + 1]; i++) {
			p->box[axis->slot] = cells->at[i];
			put_products(p, at);
		}
		return;
	}
	if (m->limit < m->draft.slice->shape.cells * 16) {
		m->status = VERIFY_OVER_BUDGET;
		return;
	}
	m->limit -= m->draft.slice->shape.cells * 16;
	algebra_boxes_add(p->to, p->box, p->item->owner);
}

static void put_item(struct making *m, const struct item *item, struct verify_layer *layer)
{
	struct product p = {
		.m = m, .item = item, .to = item->logging ? layer->logging : layer->boxes};
	memcpy(p.box, m->full, sizeof(p.box));
	if (m->status == VERIFY_DONE && stopped(m->options))
		m->status = VERIFY_STOPPED;
	if (m->status == VERIFY_DONE)
		put_products(&p, 0);
}

static void make_layer(struct making *m, size_t first, size_t end, struct verify_layer *layer)
{
	const struct algebra_shape *shape = &m->draft.slice->shape;
	VEC(uint32_t) before = {0};
	layer->boxes = algebra_boxes_new(shape);
	layer->logging = algebra_boxes_new(shape);
	const _Atomic bool *stop = m->options->control ? &m->options->control->stop : NULL;
	algebra_boxes_stop(layer->boxes, stop);
	algebra_boxes_stop(layer->logging, stop);
	for (size_t i = first; i < end; i++) {
		put_item(m, &m->item.at[i], layer);
		while (before.len < algebra_boxes_len(layer->logging))
			vec_push(m->draft.space->arena, &before,
				 (uint32_t)algebra_boxes_len(layer->boxes));
	}
	layer->before = before.at;
}

static void make_layers(struct making *m)
{
	struct verify_slice *slice = m->draft.slice;
	slice->layer =
		arena_array(m->draft.space->arena, struct verify_layer, m->draft.space->layers);
	for (size_t l = 0; l < m->draft.space->layers; l++)
		make_layer(m, l ? m->layer_end[l - 1] : 0, m->layer_end[l], &slice->layer[l]);
}

static void build_layers(struct verify_space *space, struct verify_slice *slice)
{
	for (size_t l = 0; l < space->layers; l++) {
		struct verify_layer *layer = &slice->layer[l];
		algebra_boxes_build(layer->boxes);
		algebra_boxes_build(layer->logging);
		space->bytes +=
			algebra_boxes_bytes(layer->boxes) + algebra_boxes_bytes(layer->logging);
	}
}

static enum verify_status make_slice(struct verify_space *space,
				     const struct verify_options *options,
				     const struct wanted *wanted, struct verify_slice *slice)
{
	struct arena scratch, sets;
	arena_init(&scratch);
	arena_init(&sets);
	struct making m = {.options = options, .limit = verify_memory_left(space, options)};
	m.draft = (struct verify_draft){.space = space,
					.slice = slice,
					.arena = &scratch,
					.fragments = wanted->fragments,
					.dims = IR_DIMS + space->truth.len};
	m.draft.sets = arena_array(&scratch, struct verify_sets, m.draft.dims);
	m.draft.universe = arena_array(&scratch, struct algebra_set, m.draft.dims);
	for (size_t i = 0; i < m.draft.dims; i++)
		m.draft.sets[i].arena = &sets;
	if (options->where)
		m.draft.where = *options->where;
	lower_all(&m);
	if (m.item.len && m.status == VERIFY_DONE) {
		make_axes(&m);
		arena_fini(&sets); // the axes have their cells
		m.limit = verify_memory_left(space, options);
		m.limit -= taken(&m) < m.limit ? taken(&m) : m.limit;
		if (stopped(options)) {
			m.status = VERIFY_STOPPED;
		} else if (m.status == VERIFY_DONE && make_shape(&m)) {
			make_layers(&m);
			vec_push(space->arena, &space->slice, slice);
		} else {
			m.status = VERIFY_OVER_BUDGET;
		}
	}
	arena_fini(&sets);
	arena_fini(&scratch); // before the trees need memory
	if (slice->layer)
		build_layers(space, slice);
	if (m.status == VERIFY_DONE && stopped(options))
		m.status = VERIFY_STOPPED;
	return m.status;
}

// --- all of it ---

static void note(struct verify_notes *notes, struct arena *arena, const char *text)
{
	vec_push(arena, &notes->list, text);
}

static void add_notes(const struct verify_space *space, const struct wanted *wanted,
		      struct verify_notes *notes)
{
	size_t opaque = 0;
	for (size_t i = 0; i < space->truth.len; i++)
		opaque += space->truth.at[i].opaque != NULL;
	if (opaque)
		note(notes, space->arena,
		     arena_printf(space->arena,
				  "%zu condition%s not about headers: taken as true or false "
				  "independently of each other",
				  opaque, opaque == 1 ? " is" : "s are"));
	if (space->truth.len > opaque)
		note(notes, space->arena,
		     "rates of rules: taken as exceeded or not, independently of each other");
	if (!wanted->fragments)
		note(notes, space->arena,
		     "no rule asks for fragments: only whole packets and first fragments are "
		     "looked at");
	if (wanted->flow && wanted->packet)
		note(notes, space->arena,
		     "ICMP errors that belong to a flow are not looked at: flow rules judge them "
		     "by their flow, packet "
		     "rules by themselves");
}

static enum verify_status make_slices(struct verify_space *space,
				      const struct verify_options *options,
				      const struct wanted *wanted)
{
	static const int families[] = {4, 6, 0};
	bool replies = wanted->flow && (wanted->packet || wanted->flow_reads_packet ||
					options->where); // which reads the packet
	enum verify_status status = VERIFY_DONE;
	for (size_t i = 0; i < array_len(families) && status == VERIFY_DONE; i++)
		for (int reply = 0; reply <= replies && status == VERIFY_DONE; reply++) {
			if (!families[i] && (!wanted->ethertypes || reply))
				continue;
			struct verify_slice *slice = arena_new(space->arena, struct verify_slice);
			slice->family = families[i];
			slice->reply = reply;
			status = make_slice(space, options, wanted, slice);
		}
	return status;
}

enum verify_status verify_space_new(const struct ir_ruleset *const *ruleset, size_t rulesets,
				    bool logs, const struct verify_options *options,
				    struct arena *arena, struct verify_notes *notes,
				    struct verify_space **out)
{
	assert(options->from < options->until);
	struct arena scratch;
	struct wanted wanted = {0};
	struct subjects subjects = {0};
	struct verify_space *space = arena_new(arena, struct verify_space);
	*space = (struct verify_space){.ruleset = ruleset,
				       .layers = rulesets,
				       .from = options->from,
				       .until = options->until,
				       .truths = {.arena = arena},
				       .arena = arena};
	arena_init(&scratch);
	for (size_t l = 0; l < rulesets; l++) {
		want(ruleset[l], &wanted);
		register_truths(space, ruleset[l], &subjects);
	}
	if (options->where) { // asks for packets by themselves, not by their flow
		want_clause(&(struct ir_rule){0}, options->where, &wanted);
		wanted.packet |= options->where->len > 0;
	}
	keep_subjects(space, &subjects);
	space->ethertypes = wanted.ethertypes;
	space->dims = wanted.dims;
	number_effects(space, logs, &scratch);
	arena_fini(&scratch);
	add_notes(space, &wanted, notes);
	*out = space;
	return make_slices(space, options, &wanted);
}

void verify_space_free(struct verify_space *space)
{
	for (size_t i = 0; space && i < space->slice.len; i++)
		for (size_t l = 0; l < space->layers; l++) {
			algebra_boxes_free(space->slice.at[i]->layer[l].boxes);
			algebra_boxes_free(space->slice.at[i]->layer[l].logging);
		}
}
