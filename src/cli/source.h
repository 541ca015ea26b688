// SPDX-License-Identifier: Apache-2.0
// The FILEs of the offline commands, of any kind and mixed: consumer-facing and NSF-facing policies, access control lists,
// rulesets of iptables and nft. What each is, its content says.
#pragma once

#include "cli/cli.h"
#include "ir/ir.h"

struct import_chain;

// Policies that are judged as one ruleset.
struct source {
	const char *title; // the files, and the chain where one was taken: "fw.save filter/FORWARD"
	struct ir_document document;
	struct ir_ruleset ruleset;              // in first-match order; --default-action is in it
	VEC(const struct import_chain *) chain; // those that are in the document
	size_t files;                           // documents that are in it, chains apart
};
struct sources {
	VEC(struct source) list;
};

// All files as one: documents first, then from each imported ruleset the chain that --chain names, or the obvious one.
// False when there were errors.
bool source_load(struct cli *cli, char *const *file, size_t files, struct source *out) must_check;
// The documents as one, and every filtering chain (or those that --chain names) as one of its own.
bool source_load_each(struct cli *cli, char *const *file, size_t files,
		      struct sources *out) must_check;

// source_load of the command's arguments, at least one; the values of the option (or NULL) are files, too, of which only
// one can be standard input.
bool source_load_arguments(struct cli *cli, const char *option, struct source *out) must_check;

// The whole of one file, "-" is standard input; buf_fini it. NULL and a diag when it cannot be read.
struct buf *source_read(struct cli *cli, const char *path) must_check;
// False and a diag unless standard input is named at most once among the files and the option's values.
bool source_stdin_once(struct cli *cli, const char *option) must_check;
