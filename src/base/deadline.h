// SPDX-License-Identifier: Apache-2.0
// A deadline for work that looks at a flag: a thread sets the flag when the time is over.
#pragma once

#include "base/base.h"

#include <stdatomic.h>

struct deadline; // opaque, heap

// `flag` is borrowed until deadline_free; milliseconds 0: never (NULL is returned, which deadline_free takes).
struct deadline *deadline_new(_Atomic bool *flag, uint64_t milliseconds) must_check;
void deadline_free(struct deadline *deadline); // from then on the flag is left alone
