// SPDX-License-Identifier: Apache-2.0
// Random numbers for tests: splitmix64, so that a seed of any kind will do.
#include "ir/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t test_random_next(struct test_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t test_random_below(struct test_random *random, uint32_t n)
{
	return (uint32_t)(test_random_next(random) % n);
}

bool test_random_chance(struct test_random *random, unsigned percent)
{
	return test_random_below(random, 100) < percent;
}

uint64_t test_random_seed(const char *text)
{
	const char *from = text ? text : getenv("BULWARK_SEED");
	uint64_t seed = from ? strtoull(from, NULL, 0) : (uint64_t)time(NULL);
	printf("seed %llu (BULWARK_SEED repeats it)\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}
