// SPDX-License-Identifier: Apache-2.0
// Random valid documents of test-net, for tests with an oracle.
#pragma once

#include "base/buf.h"

struct random {
	uint64_t state; // any seed
};
// 0 to n-1.
unsigned random_below(struct random *r, unsigned n);
// XML, several roots; valid, with most kinds of values and defaults given and not given.
void random_document(struct random *r, struct buf *out);
