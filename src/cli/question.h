// SPDX-License-Identifier: Apache-2.0
// A question to the analysis engine while it runs: its options, its limits, Ctrl-C, and the progress line.
#pragma once

#include "cli/cli.h"
#include "verify/verify.h"

struct deadline;
struct question_watch;

struct question {
	struct cli *cli;
	struct verify_options options; // hand this to the engine
	struct verify_control control;
	struct ir_clause where;
	uint64_t timeout; // seconds, 0 none
	struct deadline *deadline;
	struct question_watch *watch;
	bool interrupted; // by Ctrl-C
};

// Reads --where, --from, --until, --timeout, --memory and --threads, as far as the command takes them. False and diags on
// errors. `question` must stay where it is.
bool question_init(struct question *question, struct cli *cli) must_check;
// The question is about these IP versions only (bit 0 IPv4, bit 1 IPv6), because `who` sees no others: a note says so.
// False and a diag when --where leaves nothing.
bool question_only_versions(struct question *question, unsigned versions, const char *who,
			    struct verify_notes *notes) must_check;
// From here to question_end the time counts, Ctrl-C stops the question instead of the program, and after a second a line
// on the terminal says how far it is. `doing`: "comparing"
void question_begin(struct question *question, const char *doing);
// Everything is as before; safe to call twice.
void question_end(struct question *question);
// Prints what the command has said until now, past the progress line.
void question_flush(struct question *question);

// "done", "stopped" (by the time limit or by Ctrl-C), "over-budget": for JSON.
const char *question_status_name(enum verify_status status) must_check;
// What a person needs to know when the answer is not complete: one line. Nothing when it is.
void question_say_unfinished(const struct question *question, enum verify_status status);
// 3 when the question did not finish, else `otherwise`.
int question_exit(enum verify_status status, int otherwise) must_check;
