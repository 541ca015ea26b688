// SPDX-License-Identifier: Apache-2.0
// A hash map from strings to pointers, in an arena.
#pragma once

#include "base/arena.h"

struct map_slot;

// Zeroed with its arena set is an empty map: (struct map){.arena = a}. Keys and values are
// borrowed.
struct map {
	struct arena *arena;
	struct map_slot *slot;
	size_t len, cap;
};

// NULL when the key is absent.
void *map_get(const struct map *map, const char *key) must_check;
// Puts or replaces; returns the value that was there before, or NULL.
void *map_put(struct map *map, const char *key, void *value);
