// SPDX-License-Identifier: Apache-2.0
// Moments as microseconds since 1970 UTC, and as date-and-time of YANG (RFC 6991, RFC 3339).
#pragma once

#include "base/base.h"

#define MOMENT_SECOND INT64_C(1000000)
#define MOMENT_TEXT 40

int64_t moment_now(void) must_check; // of the wall clock
// In UTC; the fraction only if there is one.
void moment_print(int64_t moment, char out[static MOMENT_TEXT]);
// "2026-03-11T09:00:00.5+01:00"; further digits of the fraction are passed over. False when it is not of this form, or no
// such moment is.
bool moment_parse(const char *text, int64_t *moment_out) must_check;
