// SPDX-License-Identifier: Apache-2.0
// The few functions behind base.h.
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
