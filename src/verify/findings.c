// SPDX-License-Identifier: Apache-2.0
// What is to be said about one ruleset: every unit is judged (life.c, redundant.c, overlaps.c), a few at a time by whichever
// thread is free, and what was found is handed out in order; then the set that can go together (removable.c).
#include "verify/judge.h"
#include "verify/workers.h"

#include <assert.h>
#include <stdlib.h>

enum { UNITS_A_PIECE = 8 };
// What is said of an overlap is that both rules match; up to so many rules ir_eval is asked who decides, too.
enum { RULES_FOR_OVERLAPS = 2000 };

const char *const verify_kind_name[VERIFY_KINDS] = {
	[VERIFY_EMPTY] = "empty",
	[VERIFY_SHADOWED] = "shadowed",
	[VERIFY_CONFLICTING] = "conflicting",
	[VERIFY_REDUNDANT] = "redundant",
	[VERIFY_GENERALISED] = "generalised",
	[VERIFY_CORRELATED] = "correlated",
};

struct finding {
	struct verify_case of;
	const struct verify_options *options;
	struct verify_judge *judge; // of each thread
	uint32_t *witness;          // of each unit; see verify_removable
	uint8_t *kind;              // of each unit: EMPTY to REDUNDANT, or VERIFY_KINDS
	verify_finding_fn found;
	void *user;
	struct verify_summary *out;
	size_t undecided; // units
};

// The packet of an overlap is made when it is handed out: most of a large ruleset's findings wait for others.
struct said {
	struct verify_finding finding;
	uint32_t unit, other;
	const struct verify_slice *slice; // NULL: nothing is to be made
	const uint64_t *point;
};
struct piece {
	struct arena arena;
	VEC(struct said) list;
	size_t undecided, units;
};

// --- packets ---

static bool matches(const struct verify_case *c, uint32_t unit, const struct ir_packet *packet,
		    struct arena *arena)
{
	struct ir_ruleset alone = {.rule = {.at = c->ruleset->rule.at + c->first[unit],
					    .len = c->first[unit + 1] - c->first[unit]}};
	struct ir_outcome outcome;
	ir_eval(&alone, packet, arena, &outcome);
	return outcome.rule || outcome.logged.len ||
	       (verify_only_logs(c, unit) && alone.rule.at[0].log == IR_LOG_NONE);
}

// The packet of a spot that both units match, put to the interpreter.
static const struct ir_packet *packet_at(const struct verify_case *c, uint32_t unit, uint32_t other,
					 const struct verify_slice *slice, const uint64_t *point,
					 struct arena *arena)
{
	size_t most = other < unit ? SIZE_MAX : RULES_FOR_OVERLAPS;
	const struct algebra_boxes *boxes = slice->layer[0].boxes;
	const struct ir_packet *packet = verify_packet(c->space, slice, point, arena);
	assert(matches(c, unit, packet, arena) && matches(c, other, packet, arena));
	uint32_t n = (uint32_t)algebra_boxes_len(boxes), at = verify_first(c, slice, point, 0, n);
	if (c->ruleset->rule.len <= most)
		assert(verify_eval(c->ruleset, packet, arena) == algebra_boxes_owner(boxes, at));
	return packet;
}

static uint32_t decider(const struct verify_case *c, const struct verify_spot *spot)
{
	const struct algebra_boxes *boxes = spot->slice->layer[0].boxes;
	uint32_t at =
		verify_first(c, spot->slice, spot->point, 0, (uint32_t)algebra_boxes_len(boxes));
	return verify_unit_of(c, algebra_boxes_owner(boxes, at));
}

// --- one unit ---

struct judging {
	struct finding *finding;
	struct verify_judge *judge;
	struct piece *piece;
	uint32_t unit;
	struct verify_spot spot;
};

static struct said *say(struct judging *g, enum verify_kind kind)
{
	struct said said = {.finding = {.kind = kind, .rule = g->finding->of.first[g->unit]},
			    .unit = g->unit};
	vec_push(&g->piece->arena, &g->piece->list, said);
	if (kind <= VERIFY_REDUNDANT) {
		g->finding->kind[g->unit] = (uint8_t)kind;
		g->finding->witness[g->unit] = VERIFY_ALONE;
	}
	return &g->piece->list.at[g->piece->list.len - 1];
}

static void put_causes(const struct judging *g, struct verify_finding *f, const uint32_t *unit,
		       size_t len, size_t all)
{
	for (size_t i = 0; i < len && i < VERIFY_CAUSES_MOST; i++)
		f->cause[f->causes++] = g->finding->of.first[unit[i]];
	f->causes_all = all;
}

static bool say_dead(struct judging *g)
{
	struct verify_spot against;
	const struct verify_causes *causes = &g->judge->causes;
	if (verify_why_dead(g->judge, g->unit, &against) != VERIFY_YES) {
		g->finding->witness[g->unit] = VERIFY_ALONE;
		return false;
	}
	struct verify_finding *f =
		&say(g, against.slice ? VERIFY_CONFLICTING : VERIFY_SHADOWED)->finding;
	put_causes(g, f, causes->at, causes->len, causes->len);
	if (against.slice)
		f->packet = packet_at(&g->finding->of, g->unit, decider(&g->finding->of, &against),
				      against.slice, against.point, &g->piece->arena);
	return true;
}

static bool say_redundant(struct judging *g)
{
	const struct verify_causes *causes = &g->judge->causes;
	uint32_t *witness = &g->finding->witness[g->unit];
	enum verify_answer answer = verify_can_go(g->judge, g->unit, &g->spot, witness);
	if (answer != VERIFY_YES) {
		if (answer == VERIFY_GAVE_UP)
			*witness = VERIFY_NEVER;
		return answer == VERIFY_NO;
	}
	bool known = verify_why_redundant(g->judge, g->unit) == VERIFY_YES;
	struct verify_finding *f = &say(g, VERIFY_REDUNDANT)->finding;
	put_causes(g, f, causes->at, causes->len, causes->len);
	f->by_default = causes->by_default;
	return known;
}

static void say_overlaps(struct judging *g, enum verify_kind kind, const struct verify_overlaps *o)
{
	struct verify_spot spot;
	if (!o->all)
		return;
	struct said *said = say(g, kind);
	put_causes(g, &said->finding, o->unit, o->len, o->all);
	verify_shared(g->judge, g->unit, o->unit[0], &spot);
	said->other = o->unit[0];
	said->slice = spot.slice;
	said->point = arena_memdup(&g->piece->arena, spot.point,
				   spot.slice->shape.cells * sizeof(*spot.point));
}

static bool say_pairs(struct judging *g)
{
	struct verify_overlaps around, across;
	if (verify_overlapping(g->judge, g->unit, &around, &across) != VERIFY_YES)
		return false;
	say_overlaps(g, VERIFY_GENERALISED, &around);
	say_overlaps(g, VERIFY_CORRELATED, &across);
	return true;
}

static bool judge_unit(struct judging *g)
{
	enum verify_life life = verify_life(g->judge, g->unit, &g->spot);
	atomic_store_explicit(&g->finding->of.life[g->unit], (uint8_t)life, memory_order_relaxed);
	if (life == VERIFY_NOWHERE)
		say(g, VERIFY_EMPTY);
	if (life == VERIFY_DEAD)
		return say_dead(g);
	if (life != VERIFY_LIVES)
		return life == VERIFY_NOWHERE;
	if (verify_only_logs(&g->finding->of, g->unit))
		return true;
	bool decided = say_redundant(g);
	return say_pairs(g) && decided;
}

// --- all units ---

static void *make_piece(void *user, unsigned thread, size_t number)
{
	struct finding *finding = user;
	struct piece *piece = base_oom(calloc(1, sizeof(*piece)));
	struct judging g = {.finding = finding, .judge = &finding->judge[thread], .piece = piece};
	arena_init(&piece->arena);
	uint32_t first = (uint32_t)number * UNITS_A_PIECE, units = finding->of.units;
	for (g.unit = first; g.unit < first + UNITS_A_PIECE && g.unit < units; g.unit++) {
		if (verify_case_stopped(&finding->of))
			break;
		piece->undecided += !judge_unit(&g);
		piece->units++;
	}
	return piece;
}

static void hand_out(struct finding *finding, struct said *said)
{
	struct arena arena;
	arena_init(&arena);
	if (said->slice)
		said->finding.packet = packet_at(&finding->of, said->unit, said->other, said->slice,
						 said->point, &arena);
	finding->out->count[said->finding.kind]++;
	finding->found(finding->user, &said->finding);
	arena_fini(&arena);
}

static void take_piece(void *user, void *result)
{
	struct finding *finding = user;
	struct piece *piece = result;
	for (size_t i = 0; i < piece->list.len; i++)
		hand_out(finding, &piece->list.at[i]);
	finding->undecided += piece->undecided;
	if (finding->options->control)
		atomic_fetch_add(&finding->options->control->done, piece->units);
	arena_fini(&piece->arena);
	free(piece);
}

static void run(struct finding *finding)
{
	unsigned threads = verify_threads(finding->options->threads);
	finding->judge = base_oom(calloc(threads, sizeof(*finding->judge)));
	for (unsigned i = 0; i < threads; i++)
		verify_judge_init(&finding->judge[i], &finding->of);
	if (finding->options->control)
		atomic_store(&finding->options->control->total, finding->of.units);
	verify_workers_run(&(struct verify_workers){
		.threads = threads,
		.pieces = (finding->of.units + UNITS_A_PIECE - 1) / UNITS_A_PIECE,
		.stop = finding->of.stop,
		.make = make_piece,
		.take = take_piece,
		.user = finding});
	for (unsigned i = 0; i < threads; i++)
		verify_judge_fini(&finding->judge[i]);
	free(finding->judge);
}

// --- the second round ---

static void tell_removable(struct finding *finding, struct arena *scratch)
{
	struct verify_case *c = &finding->of;
	bool unsure = false, *gone = arena_array(scratch, bool, c->units + 1);
	size_t removable = verify_removable(
		c, finding->witness, verify_threads(finding->options->threads), gone, &unsure);
	if (verify_case_stopped(c))
		return;
	finding->undecided += unsure;
	finding->out->removable = removable;
	for (uint32_t unit = 0; unit < c->units; unit++) {
		uint8_t kind = finding->kind[unit];
		struct verify_finding f = {.kind = kind < VERIFY_KINDS ? kind : VERIFY_REDUNDANT,
					   .rule = c->first[unit],
					   .together = true};
		if (gone[unit])
			finding->found(finding->user, &f);
	}
}

static void conclude(struct finding *finding, struct arena *arena)
{
	struct verify_summary *out = finding->out;
	if (verify_case_stopped(&finding->of)) {
		out->status = VERIFY_STOPPED;
	} else if (finding->undecided) {
		out->status = VERIFY_OVER_BUDGET;
		vec_push(arena, &out->notes.list,
			 arena_printf(arena,
				      "not everything about %zu rule%s was found out within the "
				      "budget",
				      finding->undecided, finding->undecided == 1 ? "" : "s"));
	}
}

// What was said while working outlives the work.
static void keep_notes(struct verify_notes *notes, struct arena *arena)
{
	struct verify_notes kept = {0};
	for (size_t i = 0; i < notes->list.len; i++)
		vec_push(arena, &kept.list, arena_strdup(arena, notes->list.at[i]));
	*notes = kept;
}

void verify_findings(const struct ir_ruleset *ruleset, const struct verify_options *options,
		     struct arena *arena, verify_finding_fn found, void *user,
		     struct verify_summary *out)
{
	struct finding finding = {.options = options, .found = found, .user = user, .out = out};
	struct verify_space *space;
	struct arena scratch;
	arena_init(&scratch);
	*out = (struct verify_summary){0};
	out->status = verify_space_new(&ruleset, 1, true, options, &scratch, &out->notes, &space);
	if (out->status == VERIFY_DONE) {
		verify_case_init(&finding.of, space, options, &scratch);
		finding.witness = arena_array(&scratch, uint32_t, finding.of.units + 1);
		finding.kind = arena_array(&scratch, uint8_t, finding.of.units + 1);
		for (uint32_t i = 0; i < finding.of.units; i++) {
			finding.witness[i] = VERIFY_NEVER;
			finding.kind[i] = VERIFY_KINDS;
		}
		run(&finding);
		if (!verify_case_stopped(&finding.of))
			tell_removable(&finding, &scratch);
		conclude(&finding, arena);
	}
	keep_notes(&out->notes, arena);
	verify_space_free(space);
	arena_fini(&scratch);
}
