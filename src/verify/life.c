// SPDX-License-Identifier: Apache-2.0
// Does a unit decide anything? Nearly always one of a few points of its boxes is decided by it, and that is the answer.
// Else each of its boxes must be held by one earlier box, or covered by several.
#include "verify/judge.h"

#include <string.h>

enum { PROBES = 6 };

static void mark(struct verify_spot *spot, const struct verify_slice *slice, const uint64_t *point)
{
	if (!spot)
		return;
	spot->slice = slice;
	memcpy(spot->point, point, slice->shape.cells * sizeof(*point));
}

// A point that no earlier box holds is the unit's.
static bool probe(const struct verify_case *c, const struct verify_site *site, uint32_t which,
		  struct verify_spot *spot)
{
	uint64_t box[ALGEBRA_CELLS], point[ALGEBRA_CELLS];
	for (uint32_t i = site->lo; i < site->hi && !verify_case_stopped(c); i++) {
		uint32_t before = verify_site_before(c, site, i);
		algebra_boxes_get(site->boxes, i, box);
		algebra_box_point(&site->slice->shape, box, which, point);
		if (verify_first(c, site->slice, point, 0, before) < before)
			continue;
		mark(spot, site->slice, point);
		return true;
	}
	return false;
}

static enum verify_life look_at(struct verify_judge *judge, const struct verify_site *site,
				uint32_t i, struct verify_spot *spot)
{
	uint64_t box[ALGEBRA_CELLS], open[ALGEBRA_CELLS];
	uint32_t before = verify_site_before(judge->of, site, i);
	algebra_boxes_get(site->boxes, i, box);
	if (verify_first(judge->of, site->slice, box, 0, before) < before)
		return VERIFY_DEAD;
	const struct verify_before all = {site->layer->boxes, 0, before};
	enum algebra_answer answer = verify_left_by(judge, site->slice, box, &all, 1, open);
	if (answer == ALGEBRA_OPEN) {
		algebra_box_point(&site->slice->shape, open, 0, open);
		mark(spot, site->slice, open);
	}
	return answer == ALGEBRA_OPEN      ? VERIFY_LIVES
	       : answer == ALGEBRA_COVERED ? VERIFY_DEAD
					   : VERIFY_UNSURE;
}

static enum verify_life exactly(struct verify_judge *judge, uint32_t unit, struct verify_spot *spot)
{
	enum verify_life life = VERIFY_NOWHERE;
	struct verify_site site = {.unit = unit};
	while (verify_site_next(judge->of, &site))
		for (uint32_t i = site.lo; i < site.hi; i++) {
			enum verify_life box = verify_case_stopped(judge->of)
						       ? VERIFY_UNSURE
						       : look_at(judge, &site, i, spot);
			if (box == VERIFY_LIVES)
				return box;
			if (life != VERIFY_UNSURE)
				life = box;
		}
	return life;
}

enum verify_life verify_life(struct verify_judge *judge, uint32_t unit, struct verify_spot *spot)
{
	if (spot)
		spot->slice = NULL;
	for (uint32_t which = 0; which < PROBES; which++)
		for (struct verify_site site = {.unit = unit}; verify_site_next(judge->of, &site);)
			if (probe(judge->of, &site, which, spot))
				return VERIFY_LIVES;
	return exactly(judge, unit, spot);
}

enum verify_life verify_life_known(struct verify_judge *judge, uint32_t unit)
{
	_Atomic uint8_t *known = &judge->of->life[unit];
	enum verify_life life = atomic_load_explicit(known, memory_order_relaxed);
	if (life == VERIFY_UNKNOWN) {
		life = verify_life(judge, unit, NULL);
		atomic_store_explicit(known, (uint8_t)life, memory_order_relaxed);
	}
	return life;
}
