// SPDX-License-Identifier: Apache-2.0
// Open addressing with linear probing; no removal, as maps live as long as the transaction that
// fills them. The hash is seeded per process, so that names in hostile input cannot be chosen to
// collide.
#include "base/map.h"

#include <string.h>
#include <sys/random.h>

struct map_slot {
	const char *key;
	void *value;
	uint64_t hash;
};

static uint64_t seed(void)
{
	static uint64_t value;
	while (!value)
		if (getrandom(&value, sizeof(value), 0) != sizeof(value))
			value = (uint64_t)(uintptr_t)&value;
	return value;
}

static uint64_t hash(const char *key)
{
	uint64_t h = seed();
	for (; *key; key++) {
		h = (h ^ (unsigned char)*key) * 0x100000001b3u;
		h ^= h >> 29;
	}
	return h ^ (h >> 32);
}

static struct map_slot *find(const struct map *map, const char *key, uint64_t h)
{
	for (size_t i = h & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
		struct map_slot *s = &map->slot[i];
		if (!s->key || (s->hash == h && !strcmp(s->key, key)))
			return s;
	}
}

static void grow(struct map *map)
{
	struct map old = *map;
	map->cap = old.cap ? old.cap * 2 : 16;
	map->slot = arena_array(map->arena, struct map_slot, map->cap);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].key)
			*find(map, old.slot[i].key, old.slot[i].hash) = old.slot[i];
}

void *map_get(const struct map *map, const char *key)
{
	return map->cap ? find(map, key, hash(key))->value : NULL;
}

void *map_put(struct map *map, const char *key, void *value)
{
	if (map->len * 4 >= map->cap * 3)
		grow(map);
	uint64_t h = hash(key);
	struct map_slot *s = find(map, key, h);
	void *before = s->value;
	if (!s->key)
		map->len++;
	*s = (struct map_slot){.key = key, .value = value, .hash = h};
	return before;
}
