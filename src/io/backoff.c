// SPDX-License-Identifier: Apache-2.0
// Waiting between tries. The one idea: any moment below a growing bound is as good as any other, which spreads a
// thousand peers that begin together better than a bound with a little chance added.
// It sets no timer and knows no peer.
#include "io/backoff.h"

#include <assert.h>
#include <sys/random.h>

#define DOUBLINGS 20u

void io_backoff_holds(struct io_backoff *b, uint64_t now)
{
	b->since = now ? now : 1;
}

uint64_t io_backoff_spread(unsigned below, uint32_t chance)
{
	return (uint64_t)below * chance >> 32;
}

uint64_t io_backoff_next(struct io_backoff *b, uint64_t now, uint32_t chance)
{
	if (b->since && now - b->since >= b->held_ms)
		b->failures = 0;
	b->since = 0;
	uint64_t bound = (uint64_t)b->first_ms << b->failures;
	if (b->failures < DOUBLINGS && bound < b->most_ms)
		b->failures++;
	return io_backoff_spread(bound < b->most_ms ? (unsigned)bound : b->most_ms, chance);
}

uint32_t io_chance(void)
{
	uint32_t chance;
	ssize_t n = getrandom(&chance, sizeof(chance), 0);
	assert(n == sizeof(chance));
	return chance;
}
