// SPDX-License-Identifier: Apache-2.0
// What every command of `bulwark` gets: its arguments and options, diagnostics, and how to answer.
// Exit codes: 0 yes, 1 no (findings, different, refused), 2 bad input or an error, 3 budget exceeded.
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "cli/client.h"

enum { CLI_YES = 0, CLI_NO = 1, CLI_BAD = 2, CLI_BUDGET = 3 };

struct cli_command;

struct cli_option {
	const char *name, *value; // value "" for an option without argument
};

struct cli {
	const struct cli_command *command;
	char **arg; // after the command's words, options taken out
	size_t args;
	VEC(struct cli_option) option;
	bool json;          // --json
	bool colour;        // standard output is a terminal that wants colours
	bool colour_errors; // the same for standard error
	struct arena arena;
	struct diags diags;
	struct buf out; // standard output; printed when the command returns, or by cli_flush
};

typedef int (*cli_fn)(struct cli *cli);

struct cli_command {
	const char *words;
	cli_fn run;
	const char *group, *arguments, *options, *summary, *help;
};
extern const struct cli_command cli_commands[];
extern const size_t cli_commands_len;

struct cli_known_option {
	const char *name, *argument, *text; // argument NULL: it takes none
};
extern const struct cli_known_option cli_options[];
extern const size_t cli_options_len;
// Whether the command takes the option; those of the connection go with every online command.
bool cli_takes(const struct cli_command *command, const char *name) must_check;

#define X(words, run, group, arguments, options, summary, help) int run(struct cli *cli);
#include "cli/commands.def"
#undef X

// NULL when the option was not given. `nth` counts from 0.
const char *cli_option_value(const struct cli *cli, const char *name, size_t nth) must_check;
bool cli_has(const struct cli *cli, const char *name) must_check;
// False and a diag unless there are exactly (or, with `more`, at least) so many arguments.
bool cli_need(struct cli *cli, size_t args, bool more) must_check;
// A missing mandatory option is a diag.
const char *cli_need_option(struct cli *cli, const char *name) must_check;
// The number of an option, `otherwise` when it was not given. False and a diag when it is none or beyond `most`.
bool cli_number(struct cli *cli, const char *name, uint64_t most, uint64_t otherwise,
		uint64_t *out) must_check;

// Prints the diags to standard error (with --json: {"diags": […]} to standard output) and returns CLI_BAD.
int cli_fail(struct cli *cli) must_check;
// Prints them and goes on; nothing with --json (there they are part of the answer).
void cli_report(struct cli *cli);
void cli_flush(struct cli *cli);

// With --json the value is printed, true; else false. It is consumed either way.
bool cli_answer(struct cli *cli, struct json_t *value);
struct json_t *cli_diags_json(const struct diags *diags) must_check; // an array
// ANSI codes, "" without colours.
enum cli_colour {
	CLI_PLAIN,
	CLI_BOLD,
	CLI_DIM,
	CLI_RED,
	CLI_GREEN,
	CLI_YELLOW,
	CLI_CYAN,
	CLI_COLOURS
};
const char *cli_colour(const struct cli *cli, enum cli_colour colour) must_check;

// The controller, as the options and the environment name it; opened at the first call, closed by main.
struct client *cli_controller(struct cli *cli) must_check;
