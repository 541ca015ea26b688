// SPDX-License-Identifier: Apache-2.0
// An arena: what one transaction allocates lives and dies with it.
#pragma once

#include "base/base.h"

#include <stdarg.h>

struct arena_block;

// Plain data; init before use, fini frees everything that was allocated from it. Not thread-safe.
struct arena {
	struct arena_block *block; // newest first
	size_t total;              // bytes handed out, for limits and figures
};

void arena_init(struct arena *arena);
void arena_fini(struct arena *arena);

// What `from` has handed out lives as long as `arena` from now on; `from` is empty.
void arena_join(struct arena *arena, struct arena *from);

// Zeroed memory, aligned to 16 bytes, never NULL.
void *arena_alloc(struct arena *arena, size_t size) must_check;
// Copies. `arena_strndup` copies at most `len` bytes and adds the final NUL; NULL stays NULL.
void *arena_memdup(struct arena *arena, const void *data, size_t len) must_check;
char *arena_strdup(struct arena *arena, const char *s) must_check;
char *arena_strndup(struct arena *arena, const char *s, size_t len) must_check;
char *arena_printf(struct arena *arena, const char *fmt, ...) printf_like(2, 3) must_check;
char *arena_vprintf(struct arena *arena, const char *fmt, va_list ap) printf_like(2, 0) must_check;

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, n) ((type *)arena_alloc((arena), sizeof(type) * (n)))

// Growing arrays in an arena. A vector is any struct with the members `at` (pointer to the items),
// `len` and `cap` (size_t or uint32_t); zeroed is empty. Declare one with VEC(type).
#define VEC(type)                \
	struct {                 \
		type *at;        \
		size_t len, cap; \
	}
#define vec_push(arena, vec, ...)                                                           \
	do {                                                                                \
		if ((vec)->len == (vec)->cap)                                               \
			(vec)->at = arena_grow((arena), (vec)->at, (vec)->len, &(vec)->cap, \
					       sizeof((vec)->at[0]));                       \
		(vec)->at[(vec)->len++] = (__VA_ARGS__);                                    \
	} while (0)
// Room for `n` items of a vector that is empty: growing leaves smaller copies behind.
#define vec_reserve(arena, vec, n)                                            \
	do {                                                                  \
		(vec)->at = arena_alloc((arena), sizeof((vec)->at[0]) * (n)); \
		(vec)->cap = (n);                                             \
	} while (0)
// Behind vec_push: a larger copy of `items`; the old place stays valid until the arena ends.
void *arena_grow(struct arena *arena, const void *items, size_t len, size_t *cap,
		 size_t item_size) must_check;
