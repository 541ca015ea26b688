// SPDX-License-Identifier: Apache-2.0
// Bump allocation in blocks that double up to 1 MiB. There is no free of one object: the arena is
// the lifetime.
#include "base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16u
#define FIRST_BLOCK 512u // many live as long as a session and hold a few names
#define LARGEST_BLOCK (1024u * 1024)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(ALIGN) unsigned char data[];
};

void arena_init(struct arena *arena)
{
	*arena = (struct arena){0};
}

void arena_fini(struct arena *arena)
{
	for (struct arena_block *b = arena->block, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*arena = (struct arena){0};
}

void arena_join(struct arena *arena, struct arena *from)
{
	struct arena_block **end = &arena->block;
	while (*end)
		end = &(*end)->next;
	*end = from->block;
	arena->total += from->total;
	arena_init(from);
}

static struct arena_block *block_new(struct arena *arena, size_t at_least)
{
	size_t size = arena->block ? arena->block->size * 2 : FIRST_BLOCK;
	if (size > LARGEST_BLOCK)
		size = LARGEST_BLOCK;
	if (size < at_least)
		size = at_least;
	// calloc: fresh pages come zeroed from the kernel, and nothing is handed out twice.
	struct arena_block *b = base_oom(calloc(1, sizeof(*b) + size));
	b->size = size;
	b->next = arena->block;
	arena->block = b;
	return b;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	assert(size <= SIZE_MAX / 4);
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	struct arena_block *b = arena->block;
	if (!b || b->size - b->used < size)
		b = block_new(arena, size);
	void *p = b->data + b->used;
	b->used += size;
	arena->total += size;
	return p;
}

void *arena_memdup(struct arena *arena, const void *data, size_t len)
{
	void *p = arena_alloc(arena, len);
	if (len)
		memcpy(p, data, len);
	return p;
}

char *arena_strndup(struct arena *arena, const char *s, size_t len)
{
	if (!s)
		return NULL;
	len = strnlen(s, len);
	char *p = arena_alloc(arena, len + 1);
	memcpy(p, s, len);
	return p;
}

char *arena_strdup(struct arena *arena, const char *s)
{
	return s ? arena_strndup(arena, s, strlen(s)) : NULL;
}

char *arena_vprintf(struct arena *arena, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	assert(len >= 0);
	char *p = arena_alloc(arena, (size_t)len + 1);
	vsnprintf(p, (size_t)len + 1, fmt, ap);
	return p;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *p = arena_vprintf(arena, fmt, ap);
	va_end(ap);
	return p;
}

void *arena_grow(struct arena *arena, const void *items, size_t len, size_t *cap, size_t item_size)
{
	size_t more = *cap ? *cap * 2 : 4;
	void *grown = arena_alloc(arena, more * item_size);
	if (len)
		memcpy(grown, items, len * item_size);
	*cap = more;
	return grown;
}
