// SPDX-License-Identifier: Apache-2.0
// The few functions behind base.h.
#include "base/base.h"

#include <stdio.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE_BLOCK \
	(128 * 1024) // the C library's own default, which it otherwise raises as it goes

void base_give_memory_back(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
}

void *base_oom(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

void base_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

void base_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

const char *const *base_texts_copy(const char *const *texts)
{
	size_t n = 0;
	while (texts && texts[n])
		n++;
	const char **copy = base_oom(calloc(n + 1, sizeof(*copy)));
	for (size_t i = 0; i < n; i++)
		copy[i] = base_oom(strdup(texts[i]));
	return copy;
}

void base_texts_free(const char *const *texts)
{
	for (const char *const *text = texts; text && *text; text++)
		free((char *)*text);
	free((void *)texts);
}
