// SPDX-License-Identifier: Apache-2.0
// What the programs of ./bench share: the clock, the process's peak memory, the order of what was measured several times,
// and one way to print a figure.
#pragma once

#include <stdio.h>
#include <stdlib.h>
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

static inline int figure_by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

// The smallest first.
static inline void figure_sort(double *of, size_t len)
{
	qsort(of, len, sizeof(*of), figure_by_size);
}

// One line a figure: what, how much, and the ratio to what it is held against ("" when it stands alone).
static inline void figure_print(const char *what, double value, const char *unit,
				const char *held_against)
{
	printf("%-52s %12.3f %-8s %s\n", what, value, unit, held_against);
	fflush(stdout);
}
