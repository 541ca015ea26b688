// SPDX-License-Identifier: Apache-2.0
// What the programs of ./bench share: the clock, the process's peak memory, and one way to print a figure.
#pragma once

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static inline double figure_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double figure_peak_mb(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_maxrss / 1024;
}

// One line a figure: what, how much, and the ratio to what it is held against ("" when it stands alone).
static inline void figure_print(const char *what, double value, const char *unit,
				const char *held_against)
{
	printf("%-52s %12.3f %-8s %s\n", what, value, unit, held_against);
	fflush(stdout);
}
