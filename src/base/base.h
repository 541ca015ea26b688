// SPDX-License-Identifier: Apache-2.0
// Attributes and small macros that every folder uses.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define cleanup(fn) __attribute__((cleanup(fn)))
#define array_len(a) (sizeof(a) / sizeof((a)[0]))

// The one typedef of a type: C spells the 128-bit integer only with an extension.
__extension__ typedef unsigned __int128 u128;

// Ends the process when `p` is NULL: memory is not something callers can do without.
void *base_oom(void *p) must_check;

// A copy of a list of texts that ends with NULL; NULL is an empty one.
const char *const *base_texts_copy(const char *const *texts) must_check;
void base_texts_free(const char *const *texts); // NULL is fine

// For main(): what large blocks are freed goes back to the system at once, instead of lying between others in the heap.
void base_give_memory_back(void);

// cleanup() helpers for what the C library hands out.
void base_free(void *pointer_to_pointer);
void base_close(int *fd);
