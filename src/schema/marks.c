// SPDX-License-Identifier: Apache-2.0
// A set of addresses with marks: growing.
#include "schema/marks.h"
#include "base/turn.h"

static void grow(struct marks *m)
{
	struct marks old = *m;
	m->cap = old.cap ? old.cap * 2 : MARKS_LEAST;
	m->slot = base_oom(calloc(m->cap, sizeof(*m->slot)));
	for (size_t i = 0; i < old.cap; i++) {
		if (m->turns)
			turn_point();
		if (old.slot[i])
			*marks_slot(m, (const void *)marks_address(m, old.slot[i])) = old.slot[i];
	}
	free(old.slot);
}

uintptr_t *marks_add(struct marks *m, const void *address)
{
	if (m->len * 3 >= m->cap * 2)
		grow(m);
	uintptr_t *slot = marks_slot(m, address);
	if (!*slot) {
		*slot = (uintptr_t)address;
		m->len++;
	}
	return slot;
}
