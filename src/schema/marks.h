// SPDX-License-Identifier: Apache-2.0
// A set of addresses, each with marks of its own, by open addressing. Internal to this folder.
#pragma once

#include "base/base.h"

#include <stdlib.h>

#define MARKS_BITS ((uintptr_t)7) // nodes are aligned to more
#define MARKS_LEAST 64u           // slots of one that is not empty

// Zeroed is empty.
struct marks {
	uintptr_t *slot; // address | marks; 0: free
	size_t len, cap;
	bool plain; // addresses of any alignment, without marks
	bool turns; // others get their turns while it grows
};

static inline uintptr_t marks_address(const struct marks *m, uintptr_t slot)
{
	return m->plain ? slot : slot & ~MARKS_BITS;
}

// Its slot, or the free one where it belongs; not of an empty set.
static inline uintptr_t *marks_slot(const struct marks *m, const void *address)
{
	size_t mask = m->cap - 1;
	uint64_t h = (uint64_t)(uintptr_t)address * 0x9e3779b97f4a7c15u;
	size_t i = (h ^ h >> 32) & mask;
	while (m->slot[i] && marks_address(m, m->slot[i]) != (uintptr_t)address)
		i = (i + 1) & mask;
	return &m->slot[i];
}

static inline uintptr_t marks_of(const struct marks *m, const void *address)
{
	return m->cap ? *marks_slot(m, address) & MARKS_BITS : 0;
}

static inline bool marks_has(const struct marks *m, const void *address)
{
	return m->cap && *marks_slot(m, address);
}

// Its slot, until the next one is added; it is there from now on.
uintptr_t *marks_add(struct marks *m, const void *address);

static inline void marks_fini(struct marks *m)
{
	free(m->slot);
	*m = (struct marks){0};
}
