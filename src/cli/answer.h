// SPDX-License-Identifier: Apache-2.0
// Reading the controller's JSON answers, and the pieces that several online commands print.
#pragma once

#include "cli/cli.h"

// Text of a member, "" when it is absent; its number (RFC 7951 writes 64 bits as text), 0 when absent.
const char *answer_text(const struct json_t *object, const char *key) must_check;
uint64_t answer_number(const struct json_t *object, const char *key) must_check;
bool answer_true(const struct json_t *object, const char *key) must_check;
// The entry of a GET on one list entry or container: the single member's value, an array's first item; borrowed.
const struct json_t *answer_only(const struct json_t *answer) must_check;

// Calls the operation; consumes `input`. NULL: it failed, and that was said; *status_out is the exit code so far.
struct json_t *answer_call(struct cli *cli, const char *operation, struct json_t *input,
			   int *status_out) must_check;
// "2026-03-11T09:00:00Z" as "2026-03-11 09:00:00".
void answer_time(const char *text, struct buf *out);
// A check mark or a cross, coloured.
const char *answer_mark(const struct cli *cli, bool good) must_check;
