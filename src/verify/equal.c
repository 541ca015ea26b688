// SPDX-License-Identifier: Apache-2.0
// Equality by decision diagrams, part by part. A whole diagram of a large ruleset may not fit into any memory, but both
// rulesets can be asked about one part of the space after the other: where only few boxes of either reach, their
// functions are small, and equal exactly when they are one node. A part of too many boxes, or whose diagrams do not fit,
// is cut in two where most boxes have an end.
#include "verify/equal.h"
#include "verify/functions.h"
#include "verify/work.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PIECES 32       // into which the longest axis is cut at first
#define BOXES_MOST 3000 // of both rulesets in a part that is not cut further

struct job {
	const struct verify_space *space;
	const struct verify_slice *slice;
	const size_t *layer;
	const struct verify_options *options;
	size_t bytes; // of one thread
	const struct verify_axis *first;
	size_t pieces;
	uint64_t full[ALGEBRA_CELLS];
	_Atomic bool enough;
	_Atomic size_t parts;
	pthread_mutex_t lock; // of `out`
	struct verify_equality *out;
};

static void settle(struct job *job, enum verify_status status, const uint64_t *point)
{
	pthread_mutex_lock(&job->lock);
	bool first = !job->enough;
	job->enough = true;
	if (first) {
		job->out->status = status;
		job->out->equal = false;
		if (point)
			memcpy(job->out->point, point, sizeof(job->out->point));
	}
	pthread_mutex_unlock(&job->lock);
}

// --- one part ---

static bool same_words(const struct job *job, const struct verify_says *a,
		       const struct verify_says *b)
{
	size_t size = a->len * job->slice->shape.cells * sizeof(*a->box);
	return a->len == b->len && !memcmp(a->box, b->box, size) &&
	       !memcmp(a->result, b->result, a->len * sizeof(*a->result));
}

static uint32_t unlike(void *user, uint32_t a, uint32_t b)
{
	(void)user;
	return a != b;
}

// Over the part's points, in the first span of each variable that a box leaves open: any will do.
static void found(struct job *job, const struct verify_functions *f, uint32_t a, uint32_t b)
{
	struct arena arena;
	arena_init(&arena);
	int32_t *point = arena_array(&arena, int32_t, f->vars + 1);
	uint64_t cells[ALGEBRA_CELLS] = {!f->vars};
	uint32_t where = algebra_diagram_apply(f->diagram, unlike, NULL, a, b);
	if (!algebra_diagram_find(f->diagram, where, 1, point)) {
		settle(job, VERIFY_OVER_BUDGET, NULL);
	} else {
		verify_functions_cells(f, point, cells);
		settle(job, VERIFY_DONE, cells);
	}
	arena_fini(&arena);
}

// False when the diagrams do not fit.
static bool decide(struct job *job, const struct verify_says says[2])
{
	struct algebra_diagram_limits limits = {.bytes = job->bytes,
						.stop = verify_stop_flag(job->options)};
	struct verify_functions f;
	struct arena arena;
	arena_init(&arena);
	verify_functions_init(&f, job->space, job->slice, &limits, &arena);
	uint32_t a = verify_functions_list(&f, &says[0]), b = verify_functions_list(&f, &says[1]);
	enum algebra_diagram_status status = algebra_diagram_status(f.diagram);
	if (status == ALGEBRA_DIAGRAM_GOOD && a != b)
		found(job, &f, a, b);
	verify_functions_fini(&f);
	arena_fini(&arena);
	if (status == ALGEBRA_DIAGRAM_STOPPED)
		settle(job, VERIFY_STOPPED, NULL);
	return status != ALGEBRA_DIAGRAM_OVER_BUDGET;
}

// --- cutting ---

// The ends of boxes inside the part on one axis; sorted.
static size_t ends_inside(const struct job *job, const struct verify_says says[2], unsigned slot,
			  uint64_t whole, uint32_t *ends)
{
	size_t n = 0, cells = job->slice->shape.cells;
	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < says[s].len; i++) {
			uint64_t span = says[s].box[i * cells + slot];
			if (algebra_lo(span) > algebra_lo(whole))
				ends[n++] = algebra_lo(span);
			if (algebra_hi(span) < algebra_hi(whole))
				ends[n++] = algebra_hi(span) + 1;
		}
	return n;
}

// Cuts the part into two in the middle of the ends on the axis that has the most. False when no axis has one.
static bool cut(const struct job *job, const struct verify_says says[2], const uint64_t *part,
		uint64_t halves[2][ALGEBRA_CELLS])
{
	size_t most = 0, size = 2 * (says[0].len + says[1].len) + 1;
	uint32_t *ends = base_oom(calloc(size, sizeof(*ends)));
	unsigned best = 0;
	uint32_t at = 0;
	for (unsigned slot = 0; slot < job->slice->shape.spans; slot++) {
		size_t n = ends_inside(job, says, slot, part[slot], ends);
		if (n <= most)
			continue;
		algebra_numbers_sort(ends, n);
		most = n;
		best = slot;
		at = ends[n / 2];
	}
	free(ends);
	for (size_t i = 0; most && i < 2; i++)
		memcpy(halves[i], part, sizeof(halves[i]));
	if (most) {
		halves[0][best] = algebra_span(algebra_lo(part[best]), at - 1);
		halves[1][best] = algebra_span(at, algebra_hi(part[best]));
	}
	return most > 0;
}

// Each cut has an end of a box between its halves, so that it comes to an end.
static void look(struct job *job, const uint64_t *part)
{
	struct verify_says says[2];
	uint64_t halves[2][ALGEBRA_CELLS];
	if (job->enough || verify_stopped(job->options))
		return;
	for (size_t i = 0; i < 2; i++)
		verify_layer_says(job->space, job->slice, job->layer[i], part, true, &says[i]);
	bool few = says[0].len + says[1].len <= BOXES_MOST,
	     done = same_words(job, &says[0], &says[1]) || (few && decide(job, says)),
	     more = !done && cut(job, says, part, halves);
	if (!done && !more && (few || !decide(job, says)))
		settle(job, VERIFY_OVER_BUDGET, NULL);
	verify_says_fini(&says[0]);
	verify_says_fini(&says[1]);
	job->parts += !more;
	for (size_t i = 0; more && i < 2; i++)
		look(job, halves[i]);
}

// --- all of it ---

static void run(void *user, unsigned worker, size_t piece)
{
	struct job *job = user;
	uint64_t part[ALGEBRA_CELLS];
	(void)worker;
	memcpy(part, job->full, sizeof(part));
	if (job->first) {
		uint64_t atoms = job->first->atoms;
		part[job->first->slot] =
			algebra_span((uint32_t)(atoms * piece / job->pieces),
				     (uint32_t)(atoms * (piece + 1) / job->pieces - 1));
	}
	look(job, part);
}

static void choose_pieces(struct job *job)
{
	const struct verify_slice *slice = job->slice;
	verify_whole_part(slice, job->full);
	for (size_t a = 0; a < slice->axes; a++)
		if (slice->axis[a].span &&
		    (!job->first || slice->axis[a].atoms > job->first->atoms))
			job->first = &slice->axis[a];
	job->pieces = !job->first ? 1 : job->first->atoms < PIECES ? job->first->atoms : PIECES;
}

void verify_diagram_equal(const struct verify_space *space, const struct verify_slice *slice,
			  const size_t layers[static 2], const struct verify_options *options,
			  struct verify_equality *out)
{
	size_t memory = options->memory ? options->memory : VERIFY_MEMORY;
	struct job job = {.space = space,
			  .slice = slice,
			  .layer = layers,
			  .options = options,
			  .bytes = memory / verify_workers(options),
			  .out = out};
	*out = (struct verify_equality){.status = VERIFY_DONE, .equal = true};
	choose_pieces(&job);
	pthread_mutex_init(&job.lock, NULL);
	struct verify_work work = {options, job.pieces, run, &job, &job.enough};
	if (!verify_work(&work) || (verify_stopped(options) && !job.enough))
		settle(&job, VERIFY_STOPPED, NULL);
	pthread_mutex_destroy(&job.lock);
	out->parts = job.parts;
}
